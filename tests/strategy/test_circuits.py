"""Circuits: their dialog, and miners that they hold back."""

from collections.abc import AsyncIterator, Iterable
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
import pytest

from custom_components.hmm.data import get_data
from custom_components.hmm.strategy.limits import MAX_CIRCUITS
from simulator import SimulatedAxeOS
from tests.common import act, find, find_id, fleet_entry, poll, refused
from tests.conftest import miner_entry, set_up
from tests.flows import Result, go_on, open_options, options, suggested

from .common import BANDS, add, begin, follow, manager, price, settle, wait
from .test_flow import device

pytestmark = pytest.mark.usefixtures("quick")

WATTS = {"eco": 11.0, "standard": 15.0, "turbo": 45.0}


@pytest.fixture
async def entry(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> ConfigEntry[Any]:
    """Set up a Bitaxe, and the fleet beside it."""
    return await set_up(home, miner_entry(bitaxe, "bitaxe", title="Axe"))


async def open_circuits(hass: HomeAssistant) -> Result:
    """Open the list of circuits."""
    menu = await open_options(hass, fleet_entry(hass))
    return await go_on(hass, menu, next_step_id="circuits")


def limit(hass: HomeAssistant, watts: float, *entries: ConfigEntry[Any]) -> None:
    """Set a circuit as the dialog does."""
    row = {
        "circuit": "Garage",
        "max_watts": watts,
        "miners": [device(hass, it) for it in entries],
    }
    hass.config_entries.async_update_entry(
        fleet_entry(hass), options={"circuits": [row]}
    )


def learn(hass: HomeAssistant, entry: ConfigEntry[Any], *modes: str) -> None:
    """Let what a miner draws in its modes be known."""
    steered = manager(hass).steered(entry.entry_id)
    assert steered is not None
    for mode in modes:
        steered.memory.watts.learn(f"mode:{mode}", WATTS[mode], None)
    steered.update()


def forget_claim(hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Let the minutes pass for which a command counts that is not reported yet."""
    steered = manager(hass).steered(entry.entry_id)
    assert steered is not None
    steered._claim = None
    steered.update()


async def test_dialog(home: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Add, change and remove by name; nothing is kept before it is saved."""
    fleet = fleet_entry(home)
    form = await open_circuits(home)
    assert form["description_placeholders"]["circuits"] == "–"
    form = await go_on(home, form, next="add")
    given = {"circuit": " Garage ", "max_watts": 2000, "miners": []}
    form = await go_on(home, form, **given)
    assert form["errors"] == {"miners": "no_miners"}
    given["miners"] = [device(home, entry)]
    form = await go_on(home, form, **given | {"circuit": " "})
    assert form["errors"] == {"circuit": "name_taken"}
    form = await go_on(home, form, **given)
    assert form["description_placeholders"]["circuits"] == "- **Garage** 2,000 W: Axe"
    form = await go_on(home, form, next="add")
    form = await go_on(home, form, **given | {"circuit": "GARAGE"})
    assert form["errors"] == {"circuit": "name_taken"}
    form = await go_on(home, form, **given | {"circuit": "Attic"})
    assert "circuits" not in fleet.options
    await go_on(home, form, next="save")
    assert [it["circuit"] for it in fleet.options["circuits"]] == ["Garage", "Attic"]
    form = await open_circuits(home)
    assert options(form, "next")["edit_0"] == "Edit Garage"
    form = await go_on(home, form, next="edit_0")
    assert suggested(form, "max_watts") == 2000
    form = await go_on(home, form, **given | {"circuit": "Garage", "max_watts": 1500})
    form = await go_on(home, form, next="delete_1")
    await go_on(home, form, next="save")
    assert fleet.options["circuits"] == [
        {"circuit": "Garage", "max_watts": 1500, "miners": given["miners"]}
    ]


async def test_there_are_only_so_many(
    home: HomeAssistant, entry: ConfigEntry[Any]
) -> None:
    """One more is refused, and rows that are damaged are none."""
    row = {"max_watts": 100, "miners": [device(home, entry)]}
    rows: list[Any] = [{"circuit": f"C{it}", **row} for it in range(MAX_CIRCUITS)]
    fleet = fleet_entry(home)
    home.config_entries.async_update_entry(fleet, options={"circuits": rows})
    form = await go_on(home, await open_circuits(home), next="add")
    assert form["errors"] == {"next": "too_many_circuits"}
    broken = [5, {"circuit": "A"}, {**row, "circuit": "B", "max_watts": "much"}]
    for damaged in (broken, "all", None):
        home.config_entries.async_update_entry(fleet, options={"circuits": damaged})
        form = await open_circuits(home)
        assert form["description_placeholders"]["circuits"] == "–"


async def test_a_circuit_holds_a_miner_back(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any], freezer: Any
) -> None:
    """It goes as far up as there is room, and says which circuit it is."""
    price(home, 10)
    await add(home, "price_bands", BANDS)
    learn(home, entry, *WATTS)
    limit(home, 30, entry)
    await begin(home)
    await wait(home, freezer, 6)
    assert entry.runtime_data.tuning.current == "standard"
    controlled = find(home, entry, "sensor", "controlled_by")
    assert controlled.state == "safety"
    assert controlled.attributes["explanation"] == "The circuit Garage allows 30 W."
    limit(home, 100, entry)
    await settle(home)
    await wait(home, freezer, 6)
    await poll(home, entry)
    assert entry.runtime_data.tuning.current == "turbo"


@pytest.mark.parametrize(
    ("known", "explanation"),
    [
        ((), "Axe waits: what it draws in "),
        (WATTS, "The circuit Garage allows 5 W."),
    ],
)
async def test_a_miner_without_room_says_so_from_the_first_moment(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    freezer: Any,
    known: Iterable[str],
    explanation: str,
) -> None:
    """It does not wait for a minimum time: no time that passes makes room."""
    price(home, 10)
    await add(home, "price_bands", BANDS)
    learn(home, entry, *known)
    await begin(home)
    assert not bitaxe.paused
    limit(home, 5, entry)
    await settle(home)
    assert bitaxe.paused
    for _ in range(7):
        control = find(home, entry, "sensor", "controlled_by").attributes
        assert str(control["explanation"]).startswith(explanation)
        status = find(home, entry, "sensor", "status")
        shown = [status.attributes[key] for key in ("reason", "circuit", "limit")]
        assert (status.state, shown) == ("paused", ["paused_by_circuit", "Garage", 5])
        await poll(home, entry)
        await wait(home, freezer, 1)
    # Now its strategy wants that itself
    price(home, 35)
    await settle(home)
    await poll(home, entry)
    status = find(home, entry, "sensor", "status")
    assert status.attributes["reason"] == "paused_by_strategy"
    assert status.attributes["strategy"] == "Bands"
    assert "circuit" not in status.attributes


async def test_unknown_watts_are_not_tried(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any], freezer: Any
) -> None:
    """Where there is a limit, a mode must be known; how it becomes so is said."""
    price(home, 10)
    await add(home, "price_bands", BANDS)
    learn(home, entry, "standard")
    limit(home, 100, entry)
    await begin(home)
    assert entry.runtime_data.tuning.current == "standard"
    explanation = find(home, entry, "sensor", "controlled_by").attributes["explanation"]
    assert explanation.startswith("Axe waits: what it draws in ")
    assert "Garage allows 100 W" in explanation


async def test_a_slower_mode_than_a_known_one_is_tried(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any], freezer: Any
) -> None:
    """It draws no more than the faster one, whose watts fit; so it becomes known."""
    price(home, 25)
    await add(home, "price_bands", BANDS)
    learn(home, entry, "standard")
    limit(home, 20, entry)
    await begin(home)
    await wait(home, freezer, 6)
    assert entry.runtime_data.tuning.current == "eco"
    assert find(home, entry, "sensor", "controlled_by").state == "price_bands"


async def test_a_miner_that_waits_is_its_users_once_they_pause_it(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any], freezer: Any
) -> None:
    """It was never set: what a user changes is changed from what it has been."""
    limit(home, 40, entry)
    await follow(home, 10)
    assert "unknown" in str(
        find(home, entry, "sensor", "controlled_by").attributes["explanation"]
    )
    await act(home, "switch", "turn_off", find_id(home, entry, "switch", "mining"))
    for _ in range(3):
        await poll(home, entry)
        await wait(home, freezer, 1)
    assert find(home, entry, "sensor", "controlled_by").state == "manual"
    # There is room now
    learn(home, entry, "turbo")
    limit(home, 100, entry)
    for _ in range(8):
        await poll(home, entry)
        await wait(home, freezer, 1)
    assert bitaxe.paused


async def test_others_on_the_circuit_have_their_share(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any], freezer: Any
) -> None:
    """A miner that no strategy steers draws from it all the same."""
    async with SimulatedAxeOS(model="gamma", name="other") as device_of_other:
        other = await set_up(home, miner_entry(device_of_other, "bitaxe", title="B"))
        price(home, 10)
        await add(home, "price_bands", {**BANDS, "miners": [device(home, entry)]})
        learn(home, entry, *WATTS)
        drawn = round((await poll(home, other)).power or 0)
        assert drawn
        # Room for the second mode, not for the third, also when they warm up
        limit(home, drawn + 30, entry, other)
        await begin(home)
        await wait(home, freezer, 6)
        assert entry.runtime_data.tuning.current == "standard"
        explanation = find(home, entry, "sensor", "controlled_by").attributes[
            "explanation"
        ]
        assert explanation == f"The circuit Garage allows {drawn + 30:.0f} W."


@pytest.fixture
async def other(
    home: HomeAssistant, entry: ConfigEntry[Any]
) -> AsyncIterator[tuple[ConfigEntry[Any], SimulatedAxeOS]]:
    """Set up a second Bitaxe, which no strategy steers."""
    async with SimulatedAxeOS(model="gamma", name="other") as device_of_other:
        yield (
            await set_up(home, miner_entry(device_of_other, "bitaxe", title="B")),
            device_of_other,
        )


async def test_by_hand_a_full_circuit_refuses(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    other: tuple[ConfigEntry[Any], SimulatedAxeOS],
) -> None:
    """What is asked for by hand is sent only if there is room; why not is said.

    Whether any strategy steers the miners does not matter.
    """
    drawn = round((await poll(home, other[0])).power or 0)
    limit(home, drawn + 30, entry, other[0])
    await settle(home)
    await poll(home, other[0])
    learn(home, entry, *WATTS)
    mode = find_id(home, entry, "select", "mode")
    written = len(bitaxe.writes)
    with pytest.raises(ServiceValidationError) as caught:
        await act(home, "select", "select_option", mode, option="turbo")
    assert caught.value.translation_key == "circuit_full"
    assert str(caught.value).startswith("Axe would draw about 45 W. The others on the")
    # An action says the same for each miner, and the rest is done
    response = await home.services.async_call(
        "hmm",
        "set_mode",
        {"device_id": [device(home, it) for it in (entry, other[0])], "mode": "turbo"},
        blocking=True,
        return_response=True,
    )
    results = {it["device"]: it["reason"] for it in response["miners"]}
    assert results == {"Axe": "circuit_full", "B": None}
    assert len(bitaxe.writes) == written
    # A lower mode is always fine, and so is what the owner has made room for
    await act(home, "select", "select_option", mode, option="eco")
    limit(home, 500, entry, other[0])
    await settle(home)
    await act(home, "select", "select_option", mode, option="turbo")
    assert entry.runtime_data.tuning.current == "turbo"


async def test_autotune_needs_room_for_its_limit(
    home: HomeAssistant, entry: ConfigEntry[Any]
) -> None:
    """It may draw as much as its owner allows it, so that much must be free."""
    limit(home, 30, entry)
    await settle(home)
    results = []
    for watts in (40, 25):
        response = await home.services.async_call(
            "hmm",
            "start_autotune",
            {"device_id": device(home, entry), "max_power": watts},
            blocking=True,
            return_response=True,
        )
        results += [it["reason"] for it in response["miners"]]
    assert results == ["circuit_full", None]
    await entry.runtime_data.autotune.async_stop()


async def test_autotune_waits_for_room_and_keeps_it(
    home: HomeAssistant,
    entry: ConfigEntry[Any],
    other: tuple[ConfigEntry[Any], SimulatedAxeOS],
    freezer: Any,
) -> None:
    """What is free when it is asked for may be taken when its turn comes."""
    await home.config.async_set_time_zone("UTC")
    freezer.move_to("2026-11-28T12:00:00+00:00")
    limit(home, 500, entry, other[0])
    await settle(home)
    for it in (entry, other[0]):
        learn(home, it, *WATTS)
    await home.services.async_call(
        "hmm",
        "start_autotune",
        {"device_id": device(home, entry), "max_power": 40, "start": "night"},
        blocking=True,
    )
    autotune = entry.runtime_data.autotune
    limit(home, 50, entry, other[0])
    await settle(home)
    forget_claim(home, entry)
    freezer.move_to("2026-11-28T23:00:00+00:00")
    await poll(home, entry)
    assert (str(autotune.record.state), autotune.record.reason) == ("queued", "circuit")
    limit(home, 70, entry, other[0])
    await settle(home)
    await poll(home, entry)
    assert autotune.is_running
    # For longer than what any other command claims
    forget_claim(home, entry)
    mode = find_id(home, other[0], "select", "mode")
    with refused("circuit_full"):
        await act(home, "select", "select_option", mode, option="turbo")
    await autotune.async_stop()


async def test_what_an_overheat_lowered_needs_room_again(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """Restoring it raises the power, so it is refused where that does not fit."""
    good = {"frequency": 575, "coreVoltage": 1200, "autofanspeed": 1}
    bitaxe.settings |= good
    await poll(home, entry)
    bitaxe.settings |= {"overheat_mode": 1, "frequency": 400, "coreVoltage": 1060}
    await poll(home, entry)
    bitaxe.settings["overheat_mode"] = 0
    for _ in range(3):
        power = (await poll(home, entry)).power
    assert power is not None
    limit(home, power + 2, entry)
    await settle(home)
    lowered = entry.runtime_data.lowered
    with refused("circuit_full"):
        await lowered.async_restore()
    assert bitaxe.settings["frequency"] == 400
    limit(home, 100, entry)
    await settle(home)
    await lowered.async_restore()
    assert bitaxe.settings["frequency"] == 575


async def test_what_makes_a_paused_miner_mine_needs_room(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """Its firmware forgets a pause when it restarts, also for another pool."""
    await act(home, "switch", "turn_off", find_id(home, entry, "switch", "mining"))
    limit(home, 5, entry)
    await settle(home)
    learn(home, entry, *WATTS)
    written = len(bitaxe.writes)
    pool = {"url": "stratum+tcp://a.example:3333", "username": "bc1q"}
    for action, data in (("restart", {}), ("set_pool", pool)):
        response = await home.services.async_call(
            "hmm",
            action,
            {"device_id": device(home, entry), **data},
            blocking=True,
            return_response=True,
        )
        assert [it["reason"] for it in response["miners"]] == ["circuit_full"]
    with pytest.raises(ServiceValidationError):
        await act(home, "button", "press", find_id(home, entry, "button", "restart"))
    assert (len(bitaxe.writes), bitaxe.paused) == (written, True)


async def test_what_has_stopped_for_the_heat_needs_room_to_restart(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """A restart lets it mine again, whether it was paused or has stopped by itself."""
    bitaxe.safe_mode_seconds = 3600.0
    bitaxe.overheat()
    for _ in range(2):
        await poll(home, entry)
    data = entry.runtime_data.data
    assert (data.hashing, data.paused, data.problems) == (False, False, ("overheat",))
    limit(home, 5, entry)
    await settle(home)
    learn(home, entry, *WATTS)
    restart = find_id(home, entry, "button", "restart")
    with refused("circuit_full"):
        await act(home, "button", "press", restart)
    assert bitaxe.counters.by_path["POST /api/system/restart"] == 0
    limit(home, 500, entry)
    await settle(home)
    await act(home, "button", "press", restart)
    assert bitaxe.counters.by_path["POST /api/system/restart"] == 1


async def test_what_is_set_during_a_pause_counts_when_it_ends(
    home: HomeAssistant,
    every_entity: None,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
) -> None:
    """A paused miner draws nothing: what it will draw goes by when it mined last."""
    power = (await poll(home, entry)).power
    assert power is not None
    mining = find_id(home, entry, "switch", "mining")
    frequency = find_id(home, entry, "number", "set_frequency")
    await act(home, "switch", "turn_off", mining)
    for _ in range(2):
        rests_with = (await poll(home, entry)).power
        assert rests_with is not None and rests_with < power / 2
    limit(home, power + 2, entry)
    await settle(home)
    with refused("circuit_full"):
        await act(home, "number", "set_value", frequency, value=600)
    # Set there, it is the same once it is to mine
    bitaxe.settings |= {"frequency": 610, "coreVoltage": 1210}
    await poll(home, entry)
    entry.runtime_data.tuning.keep_point()
    assert entry.runtime_data.tuning.current == "custom"
    with refused("circuit_full"):
        await act(home, "switch", "turn_on", mining)
    bitaxe.settings["frequency"] = 400
    await poll(home, entry)
    entry.runtime_data.tuning.keep_point()
    await act(home, "switch", "turn_on", mining)
    assert not bitaxe.paused


async def test_a_miner_that_comes_back_by_itself(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    other: tuple[ConfigEntry[Any], SimulatedAxeOS],
    freezer: Any,
) -> None:
    """HMM installs no firmware: after that, others go lower for what is paused by hand."""
    other_entry, other_device = other
    both = [device(home, it) for it in (entry, other_entry)]
    price(home, 10)
    await add(home, "price_bands", {**BANDS, "miners": both})
    for it in (entry, other_entry):
        learn(home, it, *WATTS)
    await begin(home)
    mining = find_id(home, other_entry, "switch", "mining")
    await act(home, "switch", "turn_off", mining)
    for _ in range(8):
        for it in (entry, other_entry):
            await poll(home, it)
        await wait(home, freezer, 1)
    assert find(home, other_entry, "sensor", "controlled_by").state == "manual"
    limit(home, 65, entry, other_entry)
    await settle(home)
    assert entry.runtime_data.tuning.current == "turbo"
    await other_device.reboot(0)
    for it in (other_entry, entry):
        await poll(home, it)
    await settle(home)
    assert (other_device.paused, entry.runtime_data.tuning.current) == (
        False,
        "standard",
    )


async def test_a_point_that_nobody_measured(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """Its watts are those of now, by frequency and voltage."""
    power = (await poll(home, entry)).power
    assert power is not None
    record = get_data(home).tuning.record(entry.entry_id)
    record.model_key = entry.runtime_data.tuning.model_key
    record.own_point = {"frequency": 600, "core_voltage": 1200}
    limit(home, power + 2, entry)
    await settle(home)
    mode = find_id(home, entry, "select", "mode")
    with refused("circuit_full"):
        await act(home, "select", "select_option", mode, option="custom")


async def test_two_at_once_do_not_share_the_same_room(
    home: HomeAssistant,
    entry: ConfigEntry[Any],
    other: tuple[ConfigEntry[Any], SimulatedAxeOS],
) -> None:
    """What was accepted a moment ago counts, although nobody reports it yet."""
    limit(home, 80, entry, other[0])
    await settle(home)
    for it in (entry, other[0]):
        learn(home, it, *WATTS)
    response = await home.services.async_call(
        "hmm",
        "set_mode",
        {"device_id": [device(home, it) for it in (entry, other[0])], "mode": "turbo"},
        blocking=True,
        return_response=True,
    )
    assert sorted(str(it["reason"]) for it in response["miners"]) == [
        "None",
        "circuit_full",
    ]


async def test_what_nobody_knows_is_allowed_by_hand(
    home: HomeAssistant, entry: ConfigEntry[Any]
) -> None:
    """Only so it becomes known; but it draws no less than the modes before it."""
    limit(home, 30, entry)
    await settle(home)
    mode = find_id(home, entry, "select", "mode")
    await act(home, "select", "select_option", mode, option="turbo")
    assert entry.runtime_data.tuning.current == "turbo"
    await act(home, "select", "select_option", mode, option="eco")
    limit(home, 10, entry)
    await settle(home)
    steered = manager(home).steered(entry.entry_id)
    assert steered is not None
    steered.memory.watts.learn("mode:standard", 60.0, None)
    with refused("circuit_full"):
        await act(home, "select", "select_option", mode, option="turbo")


async def test_numbers_and_switches_by_hand(
    home: HomeAssistant,
    every_entity: None,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
) -> None:
    """A higher frequency, and mining itself, are refused as modes are."""
    power = (await poll(home, entry)).power
    assert power is not None
    limit(home, power + 2, entry)
    await settle(home)
    frequency = find_id(home, entry, "number", "set_frequency")
    with refused("circuit_full"):
        await act(home, "number", "set_value", frequency, value=600)
    await act(home, "number", "set_value", frequency, value=400)
    mining = find_id(home, entry, "switch", "mining")
    await act(home, "switch", "turn_off", mining)
    limit(home, 5, entry)
    await settle(home)
    with refused("circuit_full"):
        await act(home, "switch", "turn_on", mining)
    assert bitaxe.paused
    limit(home, 100, entry)
    await settle(home)
    await act(home, "switch", "turn_on", mining)
    assert not bitaxe.paused


async def test_a_miner_that_does_not_respond_may_be_back_at_any_moment(
    home: HomeAssistant,
    entry: ConfigEntry[Any],
    other: tuple[ConfigEntry[Any], SimulatedAxeOS],
) -> None:
    """What it drew last keeps its room, unless its plug is known to be off."""
    other_entry, other_device = other
    home.states.async_set("switch.plug", "on")
    home.config_entries.async_update_entry(other_entry, options={"plug": "switch.plug"})
    await home.config_entries.async_reload(other_entry.entry_id)
    await home.async_block_till_done()
    drawn = round((await poll(home, other_entry)).power or 0)
    limit(home, drawn + 30, entry, other_entry)
    await settle(home)
    await poll(home, other_entry)
    learn(home, entry, *WATTS)
    mode = find_id(home, entry, "select", "mode")

    async def is_refused() -> bool:
        try:
            await act(home, "select", "select_option", mode, option="turbo")
        except ServiceValidationError as err:
            return err.translation_key == "circuit_full"
        await act(home, "select", "select_option", mode, option="eco")
        return False

    await other_device.unplug()
    await poll(home, other_entry)
    assert await is_refused()
    # Also while its entry is not loaded
    assert await home.config_entries.async_unload(other_entry.entry_id)
    await settle(home)
    assert await is_refused()
    home.states.async_set("switch.plug", "off")
    await settle(home)
    assert not await is_refused()
    # What the watchdog has cut is back within seconds
    assert await home.config_entries.async_setup(other_entry.entry_id)
    watchdog = other_entry.runtime_data.watchdog
    watchdog.record.cut = "switch.plug"
    await poll(home, other_entry)
    await settle(home)
    assert await is_refused()
    watchdog.record.cut = None
    await poll(home, other_entry)
    assert not await is_refused()
