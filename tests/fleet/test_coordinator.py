"""The fleet: totals over the miners that answer."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntry, ConfigEntryDisabler
from homeassistant.const import (
    ATTR_UNIT_OF_MEASUREMENT,
    EVENT_HOMEASSISTANT_STARTED,
    STATE_UNKNOWN,
)
from homeassistant.core import CoreState, HomeAssistant, callback
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.hmm.const import DOMAIN, FLEET_UNIQUE_ID
from simulator import SimulatedAxeOS, SimulatedNerdQAxe, SimulatedNMMiner
from tests.common import (
    act,
    devices,
    find,
    find_id,
    find_maybe,
    fleet_entry,
    identity,
    keys,
    later,
    poll,
    value,
)
from tests.conftest import miner_entry, set_up

pytestmark = pytest.mark.usefixtures("quick")


@dataclass
class Household:
    """Three miners: one of them does not tell its power."""

    bitaxe: SimulatedAxeOS
    nerdqaxe: SimulatedNerdQAxe
    lottery: SimulatedNMMiner
    entries: list[ConfigEntry]


@pytest.fixture
async def household(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> AsyncIterator[Household]:
    """Set up three miners whose figures stand still."""
    async with (
        SimulatedNerdQAxe() as nerdqaxe,
        SimulatedNMMiner(udp=False, http=True) as lottery,
    ):
        for device in (bitaxe, nerdqaxe, lottery):
            device.miner.speed = 0
        entries = [
            await set_up(home, miner_entry(bitaxe, "bitaxe")),
            await set_up(home, miner_entry(nerdqaxe, "nerdqaxe")),
            await set_up(home, miner_entry(lottery, "nmminer", identity(lottery))),
        ]
        await later(home, 31)
        yield Household(bitaxe, nerdqaxe, lottery, entries)
        for entry in entries:
            if home.config_entries.async_get_entry(entry.entry_id):
                await home.config_entries.async_unload(entry.entry_id)


async def test_miner_that_fails_is_still_expected(
    home: HomeAssistant, household: Household
) -> None:
    """Only one that is paused is not; the third reports no expectation."""
    hub = fleet_entry(home)
    alone = value(home, household.entries[0], "hashrate_expected")
    both = value(home, hub, "hashrate_expected")
    assert both > alone
    await household.nerdqaxe.unplug()
    await later(home, 31)
    await later(home, 31)
    assert value(home, hub, "hashrate_expected") == pytest.approx(both)
    await act(home, "switch", "turn_off", "switch.bitaxe")
    await later(home, 31)
    await later(home, 31)
    assert value(home, hub, "hashrate_expected") == pytest.approx(both - alone)


async def test_totals(home: HomeAssistant, household: Household) -> None:
    """Sums of what the miners told."""
    hub = fleet_entry(home)
    bitaxe, nerdqaxe = household.bitaxe, household.nerdqaxe
    hashrates = [
        bitaxe.miner.read().averages["1m"],
        nerdqaxe.miner.read().averages["10m"],
        household.lottery.state()["hashrate"],
    ]
    watts = [bitaxe.state()["power"], nerdqaxe.state()["power"]]
    assert value(home, hub, "hashrate") == pytest.approx(
        sum(hashrates) / 1e12, rel=0.02
    )
    unit = find(home, hub, "sensor", "hashrate").attributes[ATTR_UNIT_OF_MEASUREMENT]
    assert unit == "TH/s"
    assert value(home, hub, "power") == round(sum(watts))
    # The lottery miner tells no power: it is no part of joules per terahash
    assert value(home, hub, "efficiency") == pytest.approx(
        sum(watts) / (sum(hashrates[:2]) / 1e12), rel=0.02
    )
    assert value(home, hub, "miners") == 3
    assert value(home, hub, "miners_online") == 3
    assert value(home, hub, "best_share") == pytest.approx(
        max(bitaxe.state()["best"], nerdqaxe.state()["best"]), rel=0.01
    )
    assert keys(home, hub, "sensor") == {
        "hashrate",
        "hashrate_expected",
        "power",
        "energy",
        "efficiency",
        "efficiency_1d",
        "availability",
        "best_share",
        "drivers",
        "miners",
        "miners_online",
        "problems",
        "status",
    }


async def test_a_refresh_by_hand(home: HomeAssistant, household: Household) -> None:
    """Whoever asks for an update of the fleet gets the same sums, at once."""
    entity_id = find_id(home, fleet_entry(home), "sensor", "hashrate")
    before = home.states.get(entity_id)
    assert await async_setup_component(home, "homeassistant", {})
    await act(home, "homeassistant", "update_entity", entity_id)
    assert home.states.get(entity_id) == before


async def test_miners_that_are_off(home: HomeAssistant, household: Household) -> None:
    """A miner that does not answer is in no total, not with its last figures."""
    hub = fleet_entry(home)
    await household.nerdqaxe.unplug()
    await later(home, 31)
    await later(home, 31)
    assert value(home, hub, "miners_online") == 2
    assert value(home, hub, "miners") == 3
    assert value(home, hub, "power") == round(household.bitaxe.state()["power"])
    assert value(home, hub, "hashrate") == pytest.approx(
        household.bitaxe.miner.read().averages["1m"] / 1e12, rel=0.02
    )
    assert of(home, "hashrate") == (2, 3)
    assert of(home, "power") == (1, 3)
    assert of(home, "efficiency") == (1, 3)
    # What nobody who answers tells is unknown, not zero
    unknown = ["power", "efficiency"]
    for device, online in ((household.bitaxe, 1), (household.lottery, 0)):
        await device.unplug()
        await later(home, 31)
        await later(home, 31)
        assert value(home, hub, "miners_online") == online
        assert value(home, hub, "miners") == 3
        for key in unknown:
            assert find(home, hub, "sensor", key).state == STATE_UNKNOWN
        if online:
            assert value(home, hub, "hashrate") > 0
        unknown.append("hashrate")


def of(hass: HomeAssistant, key: str) -> tuple[int, int]:
    """Return of how many miners a sum is."""
    facts = find(hass, fleet_entry(hass), "sensor", key).attributes
    return facts["reporting"], facts["total"]


async def test_best_share_is_a_record(
    home: HomeAssistant, household: Household
) -> None:
    """It stays while its miner is off, and goes with the miner or its reset."""
    hub = fleet_entry(home)
    best = household.nerdqaxe.state()["best"]
    assert best > household.bitaxe.state()["best"]

    def assert_best(record: float, miner: str) -> None:
        assert value(home, hub, "best_share") == pytest.approx(record, rel=0.01)
        shown = find(home, hub, "sensor", "best_share")
        assert shown.attributes["miner"] == miner

    assert_best(best, "Nerdqaxe")
    await household.nerdqaxe.unplug()
    for _ in range(2):
        await later(home, 31)
    assert_best(best, "Nerdqaxe")
    # Nor does it fall when Home Assistant starts without the miner
    entry = household.entries[1]
    await home.config_entries.async_reload(entry.entry_id)
    await home.config_entries.async_reload(hub.entry_id)
    await later(home, 31)
    assert_best(best, "Nerdqaxe")
    await home.config_entries.async_set_disabled_by(
        entry.entry_id, ConfigEntryDisabler.USER
    )
    await later(home, 31)
    assert value(home, hub, "miners") == 2
    assert_best(best, "Nerdqaxe")
    # A device that was reset has another record
    household.bitaxe.miner._best_ever = 1000.0
    for _ in range(10):
        await poll(home, household.entries[0])
    await home.config_entries.async_remove(entry.entry_id)
    await later(home, 31)
    assert find(home, hub, "sensor", "best_share").attributes["difficulty"] < 1e7


async def test_paused_miner_counts_with_its_power(
    home: HomeAssistant, household: Household
) -> None:
    """A paused miner is online, hashes nothing and still draws a little."""
    hub = fleet_entry(home)
    household.bitaxe.paused = True
    await later(home, 31)
    await later(home, 31)
    assert value(home, hub, "miners_online") == 3
    assert value(home, hub, "power") == pytest.approx(
        household.bitaxe.state()["power"] + household.nerdqaxe.state()["power"], abs=1
    )
    assert value(home, hub, "hashrate") == pytest.approx(
        household.nerdqaxe.miner.read().averages["10m"] / 1e12, rel=0.02
    )


async def test_polls_of_many_are_one_change(
    home: HomeAssistant, household: Household
) -> None:
    """Totals change once for all polls of a moment, and follow to the last one."""
    hub = fleet_entry(home)
    household.bitaxe.paused = True
    changes: list[str] = []
    home.bus.async_listen(
        "state_changed",
        callback(lambda event: changes.append(event.data["entity_id"])),
    )
    for _ in range(3):
        for entry in household.entries:
            await poll(home, entry)
    await later(home, 31)
    power = find(home, hub, "sensor", "power").entity_id
    assert 0 < changes.count(power) <= 2
    assert value(home, hub, "power") < 10 + household.nerdqaxe.state()["power"]


async def test_energy_of_the_fleet(
    home: HomeAssistant, household: Household, freezer: FrozenDateTimeFactory
) -> None:
    """Increments add up; what a removed miner used stays used."""
    hub = fleet_entry(home)
    for entry in household.entries:
        await poll(home, entry)
    start = value(home, hub, "energy")
    for _ in range(20):
        freezer.tick(30)
        for entry in household.entries:
            await poll(home, entry)
    freezer.tick(31)
    await later(home, 0)
    watts = household.bitaxe.state()["power"] + household.nerdqaxe.state()["power"]
    used = value(home, hub, "energy") - start
    assert used == pytest.approx(watts / 6000, abs=0.011)
    before = value(home, hub, "energy")

    # A miner that goes away takes nothing with it
    await home.config_entries.async_remove(household.entries[1].entry_id)
    freezer.tick(31)
    await later(home, 0)
    assert value(home, hub, "miners") == 2
    assert value(home, hub, "energy") >= before
    after = value(home, hub, "energy")

    # What comes back brings nothing from before
    entry = await set_up(home, miner_entry(household.nerdqaxe, "nerdqaxe"))
    freezer.tick(31)
    await later(home, 0)
    assert value(home, hub, "miners") == 3
    assert value(home, hub, "energy") == pytest.approx(after, abs=0.011)
    await home.config_entries.async_unload(entry.entry_id)


async def test_hub_before_the_first_miner(home: HomeAssistant) -> None:
    """A hub alone knows that there are no miners, and nothing else."""
    hub = MockConfigEntry(
        domain=DOMAIN,
        title="Mining fleet",
        unique_id=FLEET_UNIQUE_ID,
        data={"entry_type": "hub"},
    )
    await set_up(home, hub)
    assert value(home, hub, "miners") == 0
    assert value(home, hub, "miners_online") == 0
    assert find(home, hub, "sensor", "efficiency").state == STATE_UNKNOWN
    # Its unit depends on the first miner
    assert find_maybe(home, hub, "sensor", "best_share") is None


async def test_no_partial_sum_while_home_assistant_starts(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """The first miner of many is not shown as the whole fleet."""
    hub = MockConfigEntry(
        domain=DOMAIN,
        title="Mining fleet",
        unique_id=FLEET_UNIQUE_ID,
        data={"entry_type": "hub"},
    )
    hub.add_to_hass(home)
    home.set_state(CoreState.not_running)
    await set_up(home, miner_entry(bitaxe, "bitaxe"))
    assert home.states.get("sensor.mining_fleet_hashrate").state == STATE_UNKNOWN

    home.set_state(CoreState.running)
    home.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await home.async_block_till_done()
    assert float(home.states.get("sensor.mining_fleet_hashrate").state) > 0
    assert home.states.get("sensor.mining_fleet_miners_online").state == "1"


async def test_the_fleet_has_a_name_in_the_language_of_its_user(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """In a German Home Assistant, entry and device are called so; it has a model."""
    await home.config.async_update(language="de")
    await home.async_block_till_done()
    await set_up(home, miner_entry(bitaxe, "bitaxe"))
    entry = fleet_entry(home)
    assert entry.title == "Mining-Flotte"
    (device,) = devices(home, entry)
    assert (device.name, device.model) == ("Mining-Flotte", "Home Miner Manager")
