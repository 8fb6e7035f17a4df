"""Setting entries up and taking them down."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
import logging
import re
import socket
from typing import Any

from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.const import (
    EVENT_HOMEASSISTANT_CLOSE,
    EVENT_STATE_CHANGED,
    STATE_UNAVAILABLE,
)
from homeassistant.core import (
    CoreState,
    Event,
    EventStateChangedData,
    HomeAssistant,
    callback,
)
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)

from custom_components.hmm import turns
from custom_components.hmm.const import DOMAIN, FLEET_UNIQUE_ID
from custom_components.hmm.data import get_data
from simulator import (
    Fault,
    SimulatedAvalon,
    SimulatedAxeOS,
    SimulatedNerdQAxe,
    SimulatedNMMiner,
    SimulatedSolopool,
)
from simulator.device import TcpDevice

from .common import (
    devices,
    find,
    fleet_entry,
    identity,
    keys,
    later,
    poll,
    pool_entry,
    until,
    value,
)
from .conftest import free_udp_port, miner_entry, set_up

pytestmark = pytest.mark.usefixtures("quick")


# Each kind


@pytest.mark.parametrize(
    ("device", "driver", "model", "factor", "modes", "pauses"),
    [
        pytest.param(
            lambda: SimulatedAxeOS(generation="2.4", model="supra"),
            "bitaxe",
            "Bitaxe Supra",
            1e12,
            {"eco", "standard", "turbo", "oc"},
            False,
            id="bitaxe-2.4",
        ),
        pytest.param(
            lambda: SimulatedAxeOS(generation="2.15", model="gamma"),
            "bitaxe",
            "Bitaxe Gamma",
            1e12,
            {"eco", "standard", "turbo", "oc"},
            True,
            id="bitaxe-2.15",
        ),
        pytest.param(
            lambda: SimulatedNerdQAxe(generation="1.0.36"),
            "nerdqaxe",
            "NerdQAxe++",
            1e12,
            {"eco", "standard"},
            True,
            id="nerdqaxe",
        ),
        pytest.param(
            lambda: SimulatedAvalon(model="nano3"),
            "avalon_nano",
            "Avalon Nano 3",
            1e12,
            {"low", "medium", "high"},
            False,
            id="nano3",
        ),
        pytest.param(
            lambda: SimulatedAvalon(model="nano3s"),
            "avalon_nano",
            "Avalon Nano 3S",
            1e12,
            {"low", "medium", "high"},
            False,
            id="nano3s",
        ),
        pytest.param(
            lambda: SimulatedAvalon(model="q"),
            "avalon_nano",
            "Avalon Q",
            1e12,
            {"eco", "standard", "super"},
            True,
            id="q",
        ),
        pytest.param(
            lambda: SimulatedNMMiner(udp=False, http=True, version="v2.0.03"),
            "nmminer",
            "NMMiner",
            1e3,
            set(),
            False,
            id="nmminer-http",
        ),
    ],
)
async def test_each_kind_of_miner(
    home: HomeAssistant,
    device: Any,
    driver: str,
    model: str,
    factor: float,
    modes: set[str],
    pauses: bool,
) -> None:
    """Every kind shows the figures of its own device and what it can do."""
    async with device() as miner:
        miner.miner.speed = 0  # what it reports stands still
        mac = None if driver == "nmminer" else miner.mac.lower()
        entry = await set_up(
            home,
            miner_entry(miner, driver, identity(miner)),
        )
        assert entry.state is ConfigEntryState.LOADED

        state = miner.state()
        assert value(home, entry, "hashrate") == pytest.approx(
            state["hashrate"] / factor, rel=0.1
        )
        unit = find(home, entry, "sensor", "hashrate").attributes["unit_of_measurement"]
        assert unit == {1e12: "TH/s", 1e3: "kH/s"}[factor]
        assert value(home, entry, "temperature") == pytest.approx(
            state["temperature"], abs=6
        )
        assert find(home, entry, "sensor", "status").state == "mining"
        assert ("mining" in keys(home, entry, "switch")) is pauses
        if modes:
            assert set(find(home, entry, "select", "mode").attributes["options"]) >= (
                modes
            )
        else:
            assert "mode" not in keys(home, entry, "select")

        (result,) = devices(home, entry)
        assert result.model == model
        if mac and model != "Avalon Nano 3":
            assert (dr.CONNECTION_NETWORK_MAC, mac) in result.connections
        await home.config_entries.async_unload(entry.entry_id)


@asynccontextmanager
async def broadcasting(port: int) -> AsyncIterator[SimulatedNMMiner]:
    """Run an NMMiner that only broadcasts."""
    async with SimulatedNMMiner(target=("127.0.0.1", port), interval=0.05) as device:
        yield device


async def test_nmminer_that_broadcasts(home: HomeAssistant) -> None:
    """A broadcasting miner is heard; unloading stops the listening."""
    port = free_udp_port()
    async with broadcasting(port) as device:
        device.miner.speed = 0
        entry = await set_up(
            home,
            miner_entry(
                device,
                "nmminer",
                unique_id=f"address:127.0.0.1:{port}",
                data={"port": port},
            ),
        )
        assert entry.state is ConfigEntryState.LOADED
        assert value(home, entry, "hashrate") == pytest.approx(
            device.state()["hashrate"] / 1e3, rel=0.01
        )
        # Neither modes nor commands go over broadcasts, and it has no meter
        assert keys(home, entry, "select") == set()
        assert keys(home, entry, "button") == set()
        assert keys(home, entry, "switch") == set()
        assert not {"power", "energy", "efficiency"} & keys(home, entry, "sensor")

        assert not _is_free(port)
        assert await home.config_entries.async_unload(entry.entry_id)
        await until(lambda: _is_free(port))


def _is_free(port: int) -> bool:
    """Return whether nothing listens on a UDP port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as alone:
        try:
            alone.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


async def test_pool_that_is_down(home: HomeAssistant) -> None:
    """A pool that does not answer, also at first, is there and "not connected".

    Its figures are unavailable, and it recovers by itself.
    """
    async with SimulatedSolopool() as pool:
        pool.status = 503
        entry = await set_up(home, pool_entry(pool))
        assert entry.state is ConfigEntryState.LOADED
        for status in (503, 502):
            pool.status = status
            await poll(home, entry)
            assert find(home, entry, "binary_sensor", "health").state == "off"
            shown = find(home, entry, "sensor", "pool_hashrate")
            assert shown.state == STATE_UNAVAILABLE
            pool.status = None
            await later(home, 61)
            assert find(home, entry, "binary_sensor", "health").state == "on"
            assert value(home, entry, "pool_hashrate") > 0


# Off, gone, another one


async def test_new_miner_that_is_off(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """A miner that was never seen is tried again until it answers."""
    await bitaxe.unplug()
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert "127.0.0.1 responds, but no miner service" in str(entry.reason)

    await bitaxe.plug_in()
    await later(home, 30)
    assert entry.state is ConfigEntryState.LOADED
    assert find(home, entry, "switch", "mining").state == "on"


async def test_known_miner_that_is_off(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """A known miner has its entities while it is off, and comes back by itself."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    before = {state.entity_id for state in home.states.async_all()}
    await home.config_entries.async_unload(entry.entry_id)
    await bitaxe.unplug()

    assert await home.config_entries.async_setup(entry.entry_id)
    await home.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
    assert {state.entity_id for state in home.states.async_all()} == before
    for platform, key in (
        ("sensor", "hashrate"),
        ("sensor", "power"),
        ("sensor", "energy"),
        ("select", "mode"),
        ("select", "pool"),
        ("switch", "mining"),
        ("button", "restart"),
        ("event", "highlight"),
    ):
        assert find(home, entry, platform, key).state == STATE_UNAVAILABLE
    online = find(home, fleet_entry(home), "sensor", "miners_online")
    assert online.state == "0"

    await bitaxe.plug_in()
    await later(home, 31)
    assert find(home, entry, "switch", "mining").state == "on"
    assert value(home, entry, "temperature") > 0
    assert find(home, entry, "select", "mode").state == "standard"


@pytest.mark.parametrize("known", [True, False])
async def test_another_miner_at_the_address(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, known: bool
) -> None:
    """The figures of another device are never shown as the miner's."""
    entry = miner_entry(bitaxe, "bitaxe", title="Garage")
    if known:
        await set_up(home, entry)
        bitaxe.fault = Fault.WRONG_MAC
        await poll(home, entry)
        assert entry.state is ConfigEntryState.LOADED
        assert find(home, entry, "sensor", "hashrate").state == STATE_UNAVAILABLE
        error = entry.runtime_data.last_exception
        assert error.translation_key == "wrong_device"
        assert error.translation_placeholders["found"] == "Bitaxe Gamma"
        # Nor does the stranger change what is known of the miner
        (device,) = devices(home, entry)
        assert device.connections == {("mac", entry.unique_id)}
    else:
        bitaxe.fault = Fault.WRONG_MAC
        await set_up(home, entry)
        assert entry.state is ConfigEntryState.SETUP_RETRY
        assert get_data(home).profiles.get(entry.entry_id) is None
        assert home.states.async_entity_ids("sensor") == []
    assert "Another miner (Bitaxe Gamma) responds at 127.0.0.1" in str(
        entry.runtime_data.last_exception if known else entry.reason
    )

    bitaxe.fault = None
    await later(home, 31)
    assert find(home, entry, "sensor", "hashrate").state != STATE_UNAVAILABLE


async def test_another_kind_at_the_address(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """A device of another kind is refused with what it is."""
    async with SimulatedNerdQAxe() as other:
        entry = await set_up(home, miner_entry(other, "bitaxe"))
        assert entry.state is ConfigEntryState.SETUP_RETRY
        assert home.states.async_entity_ids("sensor") == []


@pytest.mark.parametrize("kind", ["miner", "pool"])
async def test_missing_driver(home: HomeAssistant, kind: str) -> None:
    """An entry whose driver file is gone says so and is not tried again."""
    entry = MockConfigEntry(
        domain=DOMAIN,
        unique_id="x",
        data={
            "entry_type": kind,
            "driver": "homebrew",
            "host": "127.0.0.1",
            "port": 1,
            "coin": "BTC",
            "wallet": "x",
        },
    )
    await set_up(home, entry)
    assert entry.state is ConfigEntryState.SETUP_ERROR
    assert entry.error_reason_translation_key == "driver_missing"
    assert "homebrew" in str(entry.reason)


POOL_DATA = {
    "driver": "solopool",
    "host": "127.0.0.1",
    "port": 1,
    "coin": "DGB",
    "wallet": "x",
}


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"entry_type": ["miner"], "driver": "bitaxe", "host": "127.0.0.1"},
        {"entry_type": "satellite", "driver": "bitaxe", "host": "127.0.0.1"},
        {"entry_type": "miner", "driver": "bitaxe"},
        {"entry_type": "miner", "driver": ["bitaxe"], "host": "127.0.0.1"},
        {"entry_type": "miner", "driver": "bitaxe", "host": 7},
        {"entry_type": "pool", "driver": "solopool"},
        {"entry_type": "pool", **POOL_DATA, "coin": None},
        {"entry_type": "pool", **POOL_DATA, "port": "1"},
    ],
    ids=str,
)
async def test_an_entry_with_damaged_data_says_so_and_harms_no_other(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    data: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Given an entry that is damaged on the disk, then the rest starts without it."""
    damaged = MockConfigEntry(domain=DOMAIN, unique_id="x", data=data)
    miner = miner_entry(bitaxe, "bitaxe")
    for entry in (damaged, miner):
        entry.add_to_hass(home)
    assert await async_setup_component(home, DOMAIN, {})
    await home.async_block_till_done(wait_background_tasks=True)
    assert damaged.state is ConfigEntryState.SETUP_ERROR
    assert damaged.error_reason_translation_key == "entry_damaged"
    assert "damaged" in str(damaged.reason)
    assert float(find(home, miner, "sensor", "hashrate").state) > 0
    fleet = fleet_entry(home)
    assert find(home, fleet, "sensor", "miners_online").state == "1"
    await fleet.runtime_data.async_refresh()
    assert fleet.runtime_data.last_update_success
    assert await home.config_entries.async_remove(damaged.entry_id)
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert [error.getMessage().partition(":")[0] for error in errors] == [
        f"Error setting up entry {damaged.title} for hmm"
    ]


@pytest.mark.parametrize("kind", ["miner", "pool"])
async def test_an_entry_that_is_disabled_during_its_setup_can_be_enabled_again(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    kind: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Given an answer that comes after the user disabled it, then it is just off."""
    assert await async_setup_component(home, DOMAIN, {})
    async with SimulatedSolopool() as pool:
        device, entry = (
            (bitaxe, miner_entry(bitaxe, "bitaxe"))
            if kind == "miner"
            else (pool, pool_entry(pool))
        )
        entry.add_to_hass(home)
        device.fault, device.slow_seconds = Fault.SLOW, 0.5
        starting = home.async_create_task(
            home.config_entries.async_setup(entry.entry_id)
        )
        await until(lambda: device.counters.requests > 0)
        user = ConfigEntryDisabler.USER
        assert await home.config_entries.async_set_disabled_by(entry.entry_id, user)
        await starting
        assert entry.state is ConfigEntryState.NOT_LOADED
        data = get_data(home)
        assert entry.entry_id not in {*data.fleet.miners, *data.fleet.pools}
        device.fault = None
        assert await home.config_entries.async_set_disabled_by(entry.entry_id, None)
        await home.async_block_till_done(wait_background_tasks=True)
        assert entry.state is ConfigEntryState.LOADED
        assert find(home, entry, "sensor", "status").state != STATE_UNAVAILABLE
    logged = [
        record.getMessage()
        for record in caplog.records
        if record.levelno > logging.INFO
    ]
    assert [item for item in logged if entry.title in item] == []


# Taking down


async def test_unload(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> None:
    """An unloaded miner is not asked any more, and no session stays open."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    assert await home.config_entries.async_unload(entry.entry_id)
    await home.async_block_till_done()
    assert entry.state is ConfigEntryState.NOT_LOADED
    bitaxe.counters.reset()

    await later(home, 300)
    assert bitaxe.counters.requests == 0
    assert bitaxe.counters.connections == 0
    assert find(home, fleet_entry(home), "sensor", "miners").state == "0"

    home.bus.async_fire(EVENT_HOMEASSISTANT_CLOSE)
    await home.async_block_till_done()
    await _all_closed(bitaxe)


async def test_home_assistant_polls_nothing_at_its_very_end(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, caplog: pytest.LogCaptureFixture
) -> None:
    """Given polls that are due after the sessions were closed, then none looks broken."""
    async with SimulatedSolopool() as pool:
        await set_up(home, miner_entry(bitaxe, "bitaxe"))
        await set_up(home, pool_entry(pool))
        # The last stage is no longer one of those in which it is stopping
        home.set_state(CoreState.not_running)
        home.bus.async_fire(EVENT_HOMEASSISTANT_CLOSE)
        await home.async_block_till_done()
        for device in (bitaxe, pool):
            device.counters.reset()
        await later(home, 300)
        assert [bitaxe.counters.requests, pool.counters.requests] == [0, 0]
    assert all(record.levelno < logging.ERROR for record in caplog.records)


async def test_unload_of_an_avalon(home: HomeAssistant) -> None:
    """An Avalon serves one client at a time: no connection waits between polls."""
    async with SimulatedAvalon() as device:
        entry = await set_up(home, miner_entry(device, "avalon_nano"))
        await _all_closed(device)
        assert await home.config_entries.async_unload(entry.entry_id)
        device.counters.reset()
        await later(home, 300)
        assert device.counters.connections == 0


async def _all_closed(device: TcpDevice) -> None:
    """Wait until the device has seen the end of every connection."""
    await until(lambda: device.open_connections == 0)


async def test_removal(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> None:
    """A removed miner leaves no entity, no device and no place in the totals."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    hub = fleet_entry(home)
    await home.config_entries.async_remove(entry.entry_id)
    await later(home, 16)

    assert home.states.get("switch.bitaxe") is None
    assert devices(home, entry) == []
    assert find(home, hub, "sensor", "miners").state == "0"
    assert find(home, hub, "sensor", "best_share").state == "unknown"


# The hub


async def test_hub_makes_itself_once(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """The first miner brings the hub, the second finds it there."""
    first = await set_up(home, miner_entry(bitaxe, "bitaxe", title="Garage"))
    assert first.state is ConfigEntryState.LOADED
    assert find(home, first, "switch", "mining").state == "on"
    hub = fleet_entry(home)
    assert hub.state is ConfigEntryState.LOADED
    assert find(home, hub, "sensor", "miners_online").state == "1"

    async with SimulatedNerdQAxe() as second:
        await set_up(home, miner_entry(second, "nerdqaxe"))
        hubs = [
            entry
            for entry in home.config_entries.async_entries(DOMAIN)
            if entry.unique_id == FLEET_UNIQUE_ID
        ]
        assert hubs == [hub]
        await later(home, 16)
        assert find(home, hub, "sensor", "miners_online").state == "2"
        assert not home.config_entries.flow.async_progress()


async def test_disabled_hub_stays_disabled(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """A hub that the user does not want does not come back."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    hub = fleet_entry(home)
    await home.config_entries.async_set_disabled_by(
        hub.entry_id, ConfigEntryDisabler.USER
    )
    await home.config_entries.async_reload(entry.entry_id)
    await home.async_block_till_done()

    assert fleet_entry(home) is hub
    assert hub.state is ConfigEntryState.NOT_LOADED
    assert hub.disabled_by is ConfigEntryDisabler.USER
    assert entry.state is ConfigEntryState.LOADED
    await poll(home, entry)


# Many at once


async def test_entries_that_start_together_add_their_entities_one_after_the_other(
    home: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given 8 slow miners at once, then the event loop goes on between any two."""
    monkeypatch.setattr(turns, "_ROUND_SECONDS", 0.0)
    rounds, shown = 0, dict[str, int]()
    is_over = False

    def count() -> None:
        nonlocal rounds
        rounds += 1
        if not is_over:
            home.loop.call_soon(count)

    def note(event: Event[EventStateChangedData]) -> None:
        entity_id = event.data["entity_id"]
        if re.fullmatch(r"sensor\.at_\d_hashrate", entity_id):
            shown[entity_id] = rounds

    async with AsyncExitStack() as stack:
        for number in range(8):
            device = await stack.enter_async_context(
                SimulatedAxeOS(name=f"at {number}")
            )
            entry = miner_entry(device, "bitaxe", title=f"At {number}")
            entry.add_to_hass(home)
        home.bus.async_listen(EVENT_STATE_CHANGED, callback(note))
        count()
        assert await async_setup_component(home, DOMAIN, {})
        await home.async_block_till_done()
        is_over = True
        await home.config_entries.async_unload(entry.entry_id)
    assert len(set(shown.values())) == len(shown) == 8


async def test_all_entities_of_a_miner_are_of_its_device(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """Given a miner, then what it has is on one device, with what the miner tells."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    (device,) = devices(home, entry)
    registry = er.async_get(home)
    entities = er.async_entries_for_config_entry(registry, entry.entry_id)
    assert {entity.device_id for entity in entities} == {device.id}
    assert (device.manufacturer, device.model) == ("Bitaxe", "Bitaxe Gamma")


async def test_a_sensor_is_registered_once_with_its_decimals(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """Given a new miner, then no entity is registered a second time for its decimals."""
    updated = async_capture_events(home, er.EVENT_ENTITY_REGISTRY_UPDATED)
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    registry = er.async_get(home)
    for key, decimals in (("hashrate", 2), ("power", 0), ("energy", 2)):
        options = registry.entities[find(home, entry, "sensor", key).entity_id].options
        assert options["sensor"] == {"suggested_display_precision": decimals}
    assert {event.data["action"] for event in updated} == {"create"}
