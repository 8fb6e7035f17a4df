"""Circuits: their dialog, and miners that they hold back."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
import pytest

from custom_components.hmm.data import get_data
from custom_components.hmm.strategy.limits import MAX_CIRCUITS
from tests.common import act, find, find_id, fleet_entry, refused
from tests.flows import Result, go_on, open_options, options, suggested

from .common import BANDS, House

pytestmark = pytest.mark.usefixtures("quick")

WATTS = {"eco": 11.0, "standard": 15.0, "turbo": 45.0}


async def open_circuits(hass: HomeAssistant) -> Result:
    """Open the list of circuits."""
    menu = await open_options(hass, fleet_entry(hass))
    return await go_on(hass, menu, next_step_id="circuits")


def both(two: House) -> list[str]:
    """Return the devices of both miners."""
    return [two.device_id(item) for item in (0, 1)]


def forget_claim(house: House) -> None:
    """Let the minutes pass for which a command counts that is not reported yet."""
    steered = house.steered()
    steered._claim = None
    steered.update()


async def test_dialog(house: House) -> None:
    """Add, change and remove by name; nothing is kept before it is saved."""
    fleet = house.fleet
    form = await open_circuits(house.hass)
    assert form["step_id"] == "circuit"
    assert suggested(form, "max_watts") == 1400
    given = {"circuit": " Garage ", "max_watts": 2000, "miners": []}
    form = await go_on(house.hass, form, **given)
    assert form["errors"] == {"miners": "no_miners"}
    given["miners"] = [house.device_id()]
    form = await go_on(house.hass, form, **given | {"circuit": " "})
    assert form["errors"] == {"circuit": "name_taken"}
    form = await go_on(house.hass, form, **given | {"miners": 9 * given["miners"]})
    assert form["description_placeholders"]["circuits"] == "- **Garage** 2,000 W: Axe"
    form = await go_on(house.hass, form, next="add")
    form = await go_on(house.hass, form, **given | {"circuit": "GARAGE"})
    assert form["errors"] == {"circuit": "name_taken"}
    form = await go_on(house.hass, form, **given | {"circuit": "Attic"})
    assert "circuits" not in fleet.options
    await go_on(house.hass, form, next="save")
    assert [circuit["circuit"] for circuit in fleet.options["circuits"]] == [
        "Garage",
        "Attic",
    ]
    assert fleet.options["circuits"][0]["miners"] == given["miners"]
    form = await open_circuits(house.hass)
    assert options(form, "next")["edit_0"] == "Edit Garage"
    form = await go_on(house.hass, form, next="edit_0")
    assert suggested(form, "max_watts") == 2000
    form = await go_on(
        house.hass, form, **given | {"circuit": "Garage", "max_watts": 1500}
    )
    form = await go_on(house.hass, form, next="delete_1")
    await go_on(house.hass, form, next="save")
    assert fleet.options["circuits"] == [
        {"circuit": "Garage", "max_watts": 1500, "miners": given["miners"]}
    ]
    form = await go_on(house.hass, await open_circuits(house.hass), next="delete_0")
    assert form["description_placeholders"]["circuits"] == "–"
    await go_on(house.hass, form, next="save")
    assert fleet.options["circuits"] == []


async def test_there_are_only_so_many(house: House) -> None:
    """One more is refused, and rows that are damaged are none."""
    row = {"max_watts": 100, "miners": [house.device_id()]}
    rows: list[Any] = [
        {"circuit": f"C{number}", **row} for number in range(MAX_CIRCUITS)
    ]
    house.options(circuits=rows)
    form = await go_on(house.hass, await open_circuits(house.hass), next="add")
    assert form["errors"] == {"next": "too_many_circuits"}
    broken = [5, {"circuit": "A"}, {**row, "circuit": "B", "max_watts": "much"}]
    for damaged in (broken, "all", None):
        house.options(circuits=damaged)
        assert (await open_circuits(house.hass))["step_id"] == "circuit"


async def test_a_circuit_holds_a_miner_back(house: House, freezer: Any) -> None:
    """It goes as far up as there is room, and says which circuit it is."""
    house.price(10)
    await house.add("price_bands", BANDS)
    house.learn(WATTS)
    await house.limit(30)
    await house.begin()
    await house.wait(6)
    assert house.mode == "standard"
    assert house.by() == "safety"
    assert house.why() == "The circuit Garage allows 30 W."
    await house.limit(100)
    await house.wait(6)
    await house.poll()
    assert house.mode == "turbo"


@pytest.mark.parametrize(
    ("known", "explanation"),
    [
        ({}, "Axe waits: what it draws in "),
        (WATTS, "The circuit Garage allows 5 W."),
    ],
)
async def test_a_miner_without_room_says_so_from_the_first_moment(
    house: House, freezer: Any, known: dict[str, float], explanation: str
) -> None:
    """It does not wait for a minimum time: no time that passes makes room."""
    house.price(10)
    await house.add("price_bands", BANDS)
    house.learn(known)
    await house.begin()
    assert not house.device.paused
    await house.limit(5)
    assert house.device.paused
    for _ in range(7):
        assert house.why().startswith(explanation)
        status = find(house.hass, house.entry, "sensor", "status")
        shown = [status.attributes[key] for key in ("reason", "circuit", "limit")]
        assert (status.state, shown) == ("paused", ["paused_by_circuit", "Garage", 5])
        await house.poll()
        await house.wait(1)
    # Now its strategy wants that itself
    house.price(35)
    await house.settle()
    await house.poll()
    status = find(house.hass, house.entry, "sensor", "status")
    assert status.attributes["reason"] == "paused_by_strategy"
    assert status.attributes["strategy"] == "Bands"
    assert "circuit" not in status.attributes


async def test_a_miner_that_waits_is_its_users_once_they_pause_it(
    house: House, freezer: Any
) -> None:
    """It was never set: what a user changes is changed from what it has been."""
    await house.limit(40)
    await house.follow(10)
    assert "unknown" in house.why()
    await house.mine(False)
    await house.minutes(3)
    assert house.by() == "manual"
    # There is room now
    house.learn({"turbo": 45.0})
    await house.limit(100)
    await house.minutes(8)
    assert house.device.paused


async def test_others_on_the_circuit_have_their_share(two: House, freezer: Any) -> None:
    """A miner that no strategy steers draws from it all the same."""
    two.price(10)
    await two.add("price_bands", {**BANDS, "miners": [two.device_id()]})
    two.learn(WATTS, 0)
    drawn = round((await two.poll(1)).power or 0)
    assert drawn
    # Room for the second mode, not for the third, also when they warm up
    await two.limit(drawn + 30)
    await two.begin()
    await two.wait(6)
    assert two.mode == "standard"
    assert two.why() == f"The circuit Garage allows {drawn + 30:.0f} W."


async def test_by_hand_a_full_circuit_refuses(two: House) -> None:
    """What is asked for by hand is sent only if there is room; why not is said.

    Whether any strategy steers the miners does not matter.
    """
    drawn = round((await two.poll(1)).power or 0)
    await two.limit(drawn + 30)
    await two.poll(1)
    two.learn(WATTS, 0)
    written = len(two.device.writes)
    with pytest.raises(ServiceValidationError) as caught:
        await two.set_mode("turbo")
    assert caught.value.translation_key == "circuit_full"
    assert str(caught.value).startswith("Axe would draw about 45 W. The others on the")
    # An action says the same for each miner, and the rest is done
    response = await two.run("set_mode", device_id=both(two), mode="turbo")
    results = {miner["device"]: miner["reason"] for miner in response["miners"]}
    assert results == {"Axe": "circuit_full", "B": None}
    assert len(two.device.writes) == written
    # A lower mode is always fine, and so is what the owner has made room for
    await two.set_mode("eco")
    await two.limit(500)
    await two.set_mode("turbo")
    assert two.mode == "turbo"


async def test_autotune_needs_room_for_its_limit(house: House) -> None:
    """It may draw as much as its owner allows it, so that much must be free."""
    await house.limit(30)
    results = []
    for watts in (40, 25):
        response = await house.run(
            "start_autotune", device_id=house.device_id(), max_power=watts
        )
        results += [miner["reason"] for miner in response["miners"]]
    assert results == ["circuit_full", None]
    await house.miner.autotune.async_stop()


async def test_autotune_waits_for_room_and_keeps_it(two: House, freezer: Any) -> None:
    """What is free when it is asked for may be taken when its turn comes."""
    await two.hass.config.async_set_time_zone("UTC")
    freezer.move_to("2026-11-28T12:00:00+00:00")
    await two.limit(500)
    two.learn(WATTS)
    await two.run(
        "start_autotune", device_id=two.device_id(), max_power=40, start="night"
    )
    autotune = two.miner.autotune
    await two.limit(50)
    forget_claim(two)
    freezer.move_to("2026-11-28T23:00:00+00:00")
    await two.poll()
    assert (str(autotune.record.state), autotune.record.reason) == ("queued", "circuit")
    await two.limit(70)
    await two.poll()
    assert autotune.is_running
    # For longer than what any other command claims
    forget_claim(two)
    with refused("circuit_full"):
        await two.set_mode("turbo", 1)
    await autotune.async_stop()


async def test_what_an_overheat_lowered_needs_room_again(house: House) -> None:
    """Restoring it raises the power, so it is refused where that does not fit."""
    good = {"frequency": 575, "coreVoltage": 1200, "autofanspeed": 1}
    house.device.settings |= good
    await house.poll()
    house.device.settings |= {"overheat_mode": 1, "frequency": 400, "coreVoltage": 1060}
    await house.poll()
    house.device.settings["overheat_mode"] = 0
    for _ in range(3):
        power = (await house.poll()).power
    assert power is not None
    await house.limit(power + 2)
    lowered = house.miner.lowered
    with refused("circuit_full"):
        await lowered.async_restore()
    assert house.device.settings["frequency"] == 400
    await house.limit(100)
    await lowered.async_restore()
    assert house.device.settings["frequency"] == 575


async def test_what_makes_a_paused_miner_mine_needs_room(house: House) -> None:
    """Its firmware forgets a pause when it restarts, also for another pool."""
    await house.mine(False)
    await house.limit(5)
    house.learn(WATTS)
    written = len(house.device.writes)
    pool = {"url": "stratum+tcp://a.example:3333", "username": "bc1q"}
    for action, data in (("restart", {}), ("set_pool", pool)):
        response = await house.run(action, device_id=house.device_id(), **data)
        assert [miner["reason"] for miner in response["miners"]] == ["circuit_full"]
    restart = find_id(house.hass, house.entry, "button", "restart")
    with refused("circuit_full"):
        await act(house.hass, "button", "press", restart)
    assert (len(house.device.writes), house.device.paused) == (written, True)


async def test_what_has_stopped_for_the_heat_needs_room_to_restart(
    house: House,
) -> None:
    """A restart lets it mine again, whether it was paused or has stopped by itself."""
    house.device.safe_mode_seconds = 3600.0
    house.device.overheat()
    await house.poll(times=2)
    data = house.miner.data
    assert (data.hashing, data.paused, data.problems) == (False, False, ("overheat",))
    await house.limit(5)
    house.learn(WATTS)
    restart = find_id(house.hass, house.entry, "button", "restart")
    with refused("circuit_full"):
        await act(house.hass, "button", "press", restart)
    assert house.device.counters.by_path["POST /api/system/restart"] == 0
    await house.limit(500)
    await act(house.hass, "button", "press", restart)
    assert house.device.counters.by_path["POST /api/system/restart"] == 1


async def test_what_is_set_during_a_pause_counts_when_it_ends(
    every_entity: None, house: House
) -> None:
    """A paused miner draws nothing: what it will draw goes by when it mined last."""
    power = (await house.poll()).power
    assert power is not None
    frequency = find_id(house.hass, house.entry, "number", "set_frequency")
    await house.mine(False)
    for _ in range(2):
        rests_with = (await house.poll()).power
        assert rests_with is not None and rests_with < power / 2
    await house.limit(power + 2)
    with refused("circuit_full"):
        await act(house.hass, "number", "set_value", frequency, value=600)
    # Set there, it is the same once it is to mine
    house.device.settings |= {"frequency": 610, "coreVoltage": 1210}
    await house.poll()
    house.miner.tuning.keep_point()
    assert house.mode == "custom"
    with refused("circuit_full"):
        await house.mine(True)
    house.device.settings["frequency"] = 400
    await house.poll()
    house.miner.tuning.keep_point()
    await house.mine(True)
    assert not house.device.paused


async def test_a_miner_that_comes_back_by_itself(two: House, freezer: Any) -> None:
    """HMM installs no firmware: after that, others go lower for what is paused by hand."""
    two.price(10)
    await two.add("price_bands", {**BANDS, "miners": both(two)})
    two.learn(WATTS)
    await two.begin()
    await two.mine(False, 1)
    await two.minutes(8)
    assert two.by(1) == "manual"
    await two.limit(65)
    assert two.mode == "turbo"
    await two.devices[1].reboot(0)
    await two.poll(1)
    await two.poll()
    await two.settle()
    assert (two.devices[1].paused, two.mode) == (False, "standard")


async def test_a_point_that_nobody_measured(house: House) -> None:
    """Its watts are those of now, by frequency and voltage."""
    power = (await house.poll()).power
    assert power is not None
    record = get_data(house.hass).tuning.record(house.entry.entry_id)
    record.model_key = house.miner.tuning.model_key
    record.own_point = {"frequency": 600, "core_voltage": 1200}
    await house.limit(power + 2)
    with refused("circuit_full"):
        await house.set_mode("custom")


async def test_two_at_once_do_not_share_the_same_room(two: House) -> None:
    """What was accepted a moment ago counts, although nobody reports it yet."""
    await two.limit(80)
    two.learn(WATTS)
    response = await two.run("set_mode", device_id=both(two), mode="turbo")
    assert sorted(str(miner["reason"]) for miner in response["miners"]) == [
        "None",
        "circuit_full",
    ]


async def test_what_nobody_knows_is_allowed_by_hand(house: House) -> None:
    """Only so it becomes known; but it draws no less than the modes before it."""
    await house.limit(30)
    await house.set_mode("turbo")
    assert house.mode == "turbo"
    await house.set_mode("eco")
    await house.limit(10)
    await house.poll()  # One that does not respond may draw 60 W already
    for _ in range(5):  # More often than it was polled in that mode: the median counts
        house.learn({"standard": 60.0})
    with refused("circuit_full"):
        await house.set_mode("turbo")


async def test_numbers_and_switches_by_hand(every_entity: None, house: House) -> None:
    """A higher frequency, and mining itself, are refused as modes are."""
    power = (await house.poll()).power
    assert power is not None
    await house.limit(power + 2)
    frequency = find_id(house.hass, house.entry, "number", "set_frequency")
    with refused("circuit_full"):
        await act(house.hass, "number", "set_value", frequency, value=600)
    await act(house.hass, "number", "set_value", frequency, value=400)
    await house.mine(False)
    await house.limit(5)
    with refused("circuit_full"):
        await house.mine(True)
    assert house.device.paused
    await house.limit(100)
    await house.mine(True)
    assert not house.device.paused


async def test_a_miner_that_does_not_respond_may_be_back_at_any_moment(
    two: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it drew last keeps its room, unless its plug is known to be off."""
    monkeypatch.setattr("custom_components.hmm.miner.watchdog._TRY_SECONDS", 0.1)
    other = two.entries[1]
    two.hass.states.async_set("switch.plug", "on")
    two.hass.config_entries.async_update_entry(other, options={"plug": "switch.plug"})
    await two.hass.config_entries.async_reload(other.entry_id)
    await two.hass.async_block_till_done()
    drawn = round((await two.poll(1)).power or 0)
    await two.limit(drawn + 30)
    await two.poll(1)
    two.learn(WATTS, 0)

    async def is_refused() -> bool:
        try:
            await two.set_mode("turbo")
        except ServiceValidationError as err:
            return err.translation_key == "circuit_full"
        await two.set_mode("eco")
        return False

    await two.devices[1].unplug()
    await two.poll(1)
    assert await is_refused()
    # Also while its entry is not loaded
    assert await two.hass.config_entries.async_unload(other.entry_id)
    await two.settle()
    assert await is_refused()
    two.hass.states.async_set("switch.plug", "off")
    await two.settle()
    assert not await is_refused()
    # What the watchdog has cut is back within seconds
    assert await two.hass.config_entries.async_setup(other.entry_id)
    watchdog = other.runtime_data.watchdog
    watchdog.record.cut = "switch.plug"
    await two.poll(1)
    await two.settle()
    assert await is_refused()
    watchdog.record.cut = None
    await two.poll(1)
    assert not await is_refused()
