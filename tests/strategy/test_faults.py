"""Miners that disobey, hang and restart under strategies, and hours of nervous prices."""

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
import logging
import random
import threading
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import area_registry as ar, device_registry as dr
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import setup_test_component_platform

from custom_components.hmm.fleet import commands
from custom_components.hmm.miner import coordinator
from simulator import Fault, SimulatedAxeOS
from simulator.httpd import Request, Response, json_response
from simulator.override import override
from tests.test_switch import PLUG, Plug

from .common import BANDS, PRICE, House, device_of
from .test_champion import CHAMPION
from .test_heat import HEAT, ROOM, room
from .test_solar import GRID, SOLAR, report

pytestmark = pytest.mark.usefixtures("quick")

CONTROL = ("PATCH /api/system", "POST /api/system/pause", "POST /api/system/resume")


WATTS = {"eco": 11.0, "standard": 15.0, "turbo": 20.0}


def commands_sent(house: House) -> list[int]:
    """Return how many commands each device got that change it."""
    return [
        sum(device.counters.by_path[path] for path in CONTROL)
        for device in house.devices
    ]


def breaks(device: SimulatedAxeOS, status: int | None) -> None:
    """Let a device answer every command with a status, and do nothing; None: obey."""

    def answer(request: Request) -> Response:
        return json_response({}, status=status or 200)

    device._routes = device.routes()
    if status is not None:
        device._routes |= dict.fromkeys(CONTROL, answer)


@pytest.fixture
def running_clock(home: HomeAssistant, freezer: Any) -> Iterator[None]:
    """Let the clock run on meanwhile, fast: who asks a device again waits for that."""
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(0.02):
            # A bit more than any wait in it: the event loop spins while it is exactly due
            freezer.tick(0.081)
            # It would wait for as long as the clock was to take
            home.loop.call_soon_threadsafe(int)

    clock = threading.Thread(target=run, daemon=True)
    clock.start()
    yield
    ended.set()
    clock.join()


@pytest.fixture
async def three(
    home: HomeAssistant, freezer: Any, running_clock: None
) -> AsyncIterator[House]:
    """Set up three miners, the first the most efficient one."""
    async with (
        SimulatedAxeOS(name="a", reboot_seconds=0.1, restart_delay=0.1) as one,
        SimulatedAxeOS(name="b", model="supra", reboot_seconds=0.1) as two,
        SimulatedAxeOS(name="c", model="ultra", reboot_seconds=0.1) as last,
    ):
        house = House(home, freezer)
        for item in (one, two, last):
            await house.join(item, item.name.upper())
        yield house


def healthy(caplog: pytest.LogCaptureFixture) -> None:
    """Fail if HMM has logged an error that nobody has caught."""
    assert [
        record.getMessage()
        for record in caplog.records
        if record.name.startswith("custom_components.hmm")
        and record.levelno >= logging.ERROR
        and record.exc_info
    ] == []


@pytest.mark.parametrize("seed", range(2))
async def test_hours_of_faults(
    three: House, caplog: pytest.LogCaptureFixture, seed: int
) -> None:
    """Whatever prices and miners do: few commands, no error, and in the end all obey."""
    rng = random.Random(seed)
    three.price(25)
    await three.add("price_bands", BANDS | {"max_switches": 96})
    await three.add("champion", CHAMPION | {"max_switches": 96}, title="Champion")
    await three.begin()
    before = commands_sent(three)

    def chance() -> None:
        values = [10, 25, 29.9, 30.1, 40, "unavailable", -5, 1e9, "nan", "x" * 255]
        three.price(rng.choice(values))
        device = rng.choice(three.devices)
        match rng.randint(0, 8):
            case 0:
                device.fault = rng.choice([None, Fault.RESET, Fault.GARBAGE])
            case 1:
                breaks(device, rng.choice([None, 200, 500]))
            case 2:
                device.paused = rng.choice([True, False])

    await three.minutes(90, chance)
    healthy(caplog)
    for count, more in zip(before, commands_sent(three), strict=True):
        # A change each five minutes at most, and the attempts of those that fail
        assert more - count <= 60
    for device in three.devices:
        device.fault = None
        breaks(device, None)
    three.price(25)
    # What was paused at a miner just now is noticed first
    await three.minutes(5)
    for entry in three.entries:
        three.manager.release(entry.entry_id)
    await three.minutes(45)
    assert three.reported() == ["mode:eco"] * 3, [
        three.why(number) for number in range(3)
    ]
    count = commands_sent(three)
    await three.minutes(20)
    assert commands_sent(three) == count
    healthy(caplog)


@pytest.mark.parametrize("status", [200, 500])
async def test_a_champion_that_does_not_obey(three: House, status: int) -> None:
    """It is told three times, and meanwhile the others rest; the next one takes over.

    One that answers 200 and ignores it is no better than one that refuses.
    """
    three.price(25)
    strategy = await three.add("champion", CHAMPION)
    await three.begin()
    await three.minutes(5)
    # What would be champion is off, and does not come back
    three.devices[0].paused = True
    breaks(three.devices[0], status)
    three.price(40)
    await three.minutes(60)
    assert three.reported()[0] == "off"
    running = [item for item in three.reported() if item != "off"]
    assert running == ["mode:eco"]
    assert commands_sent(three)[0] <= 8
    assert three.state_of(strategy, "sensor", "champion").state != "A"
    breaks(three.devices[0], None)
    three.price(20)
    await three.minutes(10)
    assert three.reported().count("off") <= 1


async def test_a_restart_in_the_middle_of_a_step(three: House) -> None:
    """A miner that restarts while it is set is set again; nobody is taken for a user."""
    await three.follow(25)
    await three.minutes(6)
    device = three.devices[0]

    def half(request: Request) -> Response:
        # It takes half of what it was told, and is gone
        device.fault = Fault.RESET
        return json_response({})

    device._routes = {**device.routes(), "PATCH /api/system": half}
    three.price(10)
    await three.minutes(3)
    device._routes, device.fault = device.routes(), None
    await three.minutes(30)
    assert len(set(three.reported())) == 1
    assert {three.by(number) for number in range(3)} == {"price_bands"}


async def test_a_miner_that_hangs_in_each_command(
    three: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for it: the others follow, it gets three attempts, and that is said."""
    monkeypatch.setattr(commands, "_LIMIT_SECONDS", 0.5)
    strategy = await three.follow(25)
    await three.minutes(6)
    device = three.devices[0]
    sent: list[str] = []

    def hang(request: Request) -> Response:
        sent.append(request.path)
        device.fault, device.fault_left = Fault.SILENT, 1
        return json_response({})

    device._routes = {**device.routes(), **dict.fromkeys(CONTROL, hang)}
    three.price(10)
    await three.minutes(2)
    assert three.reported()[1:] == ["mode:turbo"] * 2
    await three.minutes(40)
    assert len(sent) <= 4
    assert "did not take" in three.why()
    assert three.event_of(strategy) in {"refused", "changed"}
    device._routes = device.routes()
    three.price(25)
    await three.minutes(20)
    assert three.reported() == ["mode:eco"] * 3


async def test_a_miner_that_takes_it_back(three: House) -> None:
    """A setting that is reverted each time is somebody's: nobody fights over it."""
    await three.follow(25)
    await three.minutes(6)
    device, count = three.devices[0], commands_sent(three)[0]
    usual = dict(device.settings)

    def revert() -> None:
        device.settings |= {key: usual[key] for key in ("frequency", "coreVoltage")}

    for value in (10, 25, 10):
        three.price(value)
        for _ in range(20):
            await three.minutes(1)
            revert()
    # A change of the band each time, not a fight each minute
    assert commands_sent(three)[0] - count <= 12
    assert three.by() == "manual"
    assert "by hand" in three.why()
    assert three.reported()[1:] == ["mode:turbo"] * 2


async def test_a_miner_that_accepts_and_does_nothing(three: House) -> None:
    """Why it is not as it should be is said in words, not by a key."""
    await three.follow(25)
    await three.minutes(6)
    breaks(three.devices[0], 200)
    three.price(10)
    await three.minutes(2)
    text = three.why()
    assert text.startswith("A did not take Turbo (attempt ")
    assert " accepted the mode turbo but did not apply it" in text
    assert three.reported()[1:] == ["mode:turbo"] * 2


async def test_a_mode_that_a_user_sets_and_the_miner_restarts_for(three: House) -> None:
    """It is the user's, as that of a miner that applies it at once."""
    device = three.devices[0]
    await three.follow(10)
    await three.minutes(10)
    count = commands_sent(three)[0]
    usual = device._patch

    def restart(request: Request) -> Response:
        device.schedule_reboot()
        return usual(request)

    device._routes = {**device.routes(), "PATCH /api/system": restart}
    await three.set_mode("eco")
    await device.wait_ready()
    await three.minutes(2)
    assert commands_sent(three)[0] == count + 1
    # Its own clock has not run on meanwhile
    device.rewrite = override({"uptimeSeconds": 240, "hashRate": 800.0})
    await three.minutes(4)
    control = three.control()
    assert (control.state, commands_sent(three)[0]) == ("manual", count + 1)
    assert three.reported() == ["mode:eco", "mode:turbo", "mode:turbo"]


@pytest.mark.parametrize("unit", [["W"], 5])
async def test_a_unit_that_is_no_text(
    three: House, unit: object, caplog: pytest.LogCaptureFixture
) -> None:
    """Any program may give a sensor any unit over the API: it is one without a value."""
    entry = three.entries[0]
    room(three, 19)
    report(three.hass, GRID, 100, "W")
    three.price(25)
    areas = ar.async_get(three.hass)
    den = areas.async_create("Den", temperature_entity_id=ROOM)
    registry = dr.async_get(three.hass)
    for device in dr.async_entries_for_config_entry(registry, entry.entry_id):
        registry.async_update_device(device.id, area_id=den.id)
    sun = await three.add("solar", SOLAR, title="Sun")
    heat = await three.add("heat", HEAT, title="Heat")
    bands = await three.add("price_bands", BANDS)
    await three.begin()
    for entity_id in (ROOM, GRID, PRICE):
        three.hass.states.async_set(entity_id, "20", {"unit_of_measurement": unit})
    await three.minutes(10)
    said = [three.says(item) for item in (sun, heat, bands)]
    assert "No fresh surplus" in said[0]
    assert "No fresh room temperature" in said[1]
    assert "No valid price" in said[2]
    healthy(caplog)
    assert "TypeError" not in caplog.text


async def test_a_miner_that_draws_more_than_ever_before(three: House) -> None:
    """What it really draws counts from that poll on: it goes down, and stays there."""
    power = 60.0
    three.price(25)
    await three.add("price_bands", BANDS)
    three.learn(WATTS)
    await three.limit(62)
    await three.begin()
    await three.minutes(6)
    device = three.devices[0]

    def rewrite(body: bytes) -> bytes:
        is_high = device.settings["frequency"] > 550 and not device.paused
        return override({"power": power})(body) if is_high else body

    device.rewrite = rewrite
    three.price(10)
    over = 0
    for _ in range(120):
        await three.minutes(1)
        over += sum(entry.runtime_data.power or 0 for entry in three.entries) > 64
    assert over <= 3, [three.why(number) for number in range(3)]
    assert three.reported()[0] != "mode:turbo"


async def in_turbo(
    three: House, watts: float, monkeypatch: pytest.MonkeyPatch
) -> list[float]:
    """Let all mine in turbo, at 20 W each; return what their meters show on top of it.

    From then on nobody but the test polls them.
    """
    extra = [0.0] * 3

    def measured(index: int) -> Callable[[bytes], bytes]:
        device = three.devices[index]

        def rewrite(body: bytes) -> bytes:
            usual = 2.0 if device.paused else 20.0
            return override({"power": usual + extra[index]})(body)

        return rewrite

    for index, device in enumerate(three.devices):
        device.rewrite = measured(index)
    three.price(10)
    await three.add("price_bands", BANDS)
    await three.limit(watts)
    three.learn(WATTS)
    await three.begin()
    await three.minutes(12)
    assert three.reported() == ["mode:turbo"] * 3
    monkeypatch.setattr(coordinator, "MINER_INTERVAL", timedelta(days=365))
    for index in range(3):
        await three.poll(index)
    return extra


async def test_one_reading_that_is_too_high(
    three: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One alone is an error of the meter, two in a row are what it draws.

    What is over the limit of the circuit acts at once, be it one or two.
    """
    extra = await in_turbo(three, 70, monkeypatch)
    sent = commands_sent(three)

    async def read(index: int, more: float) -> float | None:
        """Poll one miner whose meter shows more; return what it is known to draw."""
        extra[index] = more
        await three.poll(index)
        await three.settle()
        return three.steered(index).memory.watts.watts_of("mode:turbo")

    # In every other poll, however often
    assert [await read(0, item) for item in (9, 0, 9, 0, 9, 0)] == [20] * 6
    assert commands_sent(three) == sent
    assert [await read(0, item) for item in (9, 9)] == [20, 29]
    assert commands_sent(three) == sent
    # Now the circuit itself is over its limit; with its command a miner is polled again
    await read(1, 9)
    assert commands_sent(three) != sent


async def test_a_circuit_that_is_over_its_limit_by_little_of_each(
    three: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No reading is far from what is known, but together they are too much: at once."""
    extra = await in_turbo(three, 64, monkeypatch)
    sent = commands_sent(three)
    for index in range(3):
        assert commands_sent(three) == sent
        extra[index] = 1.8
        await three.poll(index)
        await three.settle()
    assert commands_sent(three) != sent


async def test_prices_around_a_limit_for_hours(three: House) -> None:
    """A price that jumps over its limit every minute switches no more than allowed."""
    rng = random.Random(5)
    await three.follow(25, {**BANDS, "min_time": 15, "max_switches": 6})
    await three.minutes(16)
    before = commands_sent(three)
    await three.minutes(90, lambda: three.price(rng.choice([28, 33])))
    for count, more in zip(before, commands_sent(three), strict=True):
        # Eco, and off: each is one request or two
        assert more - count <= 2 * 6


async def test_a_circuit_while_miners_disobey(three: House) -> None:
    """What did not go down keeps its room: nobody else goes up into it."""
    three.price(25)
    await three.add("price_bands", BANDS)
    three.learn(WATTS)
    await three.limit(60)
    await three.begin()
    await three.minutes(10)
    breaks(three.devices[1], 200)
    await three.limit(36)
    three.price(10)
    most = 0.0
    for _ in range(30):
        await three.minutes(1)
        most = max(most, sum(entry.runtime_data.power or 0 for entry in three.entries))
    assert most <= 36 + 3  # Readings are noisy
    assert three.reported().count("mode:turbo") == 0


async def test_by_hand_in_the_middle_of_it_all(three: House) -> None:
    """What its owner sets stays so through bands, a champion and a restart of its own."""
    three.price(40)
    await three.add("price_bands", BANDS)
    champion = await three.add("champion", CHAMPION, title="Champion")
    three.options(manual_hold="released")
    await three.begin()
    await three.minutes(6)
    assert three.reported().count("off") == 2
    await three.mine(True, 2)
    await three.set_mode("turbo", 2)
    await three.minutes(3)
    for value in (10, 40, 25, "unavailable", 40):
        three.price(value)
        await three.minutes(7)
        assert three.reported()[2] == "mode:turbo"
    assert three.by(2) == "manual"
    # It gives itself back only when its owner says so
    await three.resume(2)
    await three.minutes(6)
    assert three.reported()[2] == "off"
    await three.run(
        "override_strategy",
        device_id=device_of(three.hass, champion).id,
        to="lowest",
        until=(dt_util.now() + timedelta(hours=1)).isoformat(),
    )
    await three.minutes(6)
    assert three.reported() == ["mode:eco"] * 3


class DeadPlug(Plug):
    """A smart plug that takes what it is told, and does nothing."""

    async def async_turn_on(self, **kwargs: Any) -> None:
        """Do nothing."""

    async def async_turn_off(self, **kwargs: Any) -> None:
        """Do nothing."""


async def test_a_plug_that_does_not_answer(
    home: HomeAssistant,
    freezer: Any,
    running_clock: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is tried three times, the miner runs on, and that is said; the rest obeys."""
    monkeypatch.setattr(commands, "_PLUG_SECONDS", 0.2)
    async with (
        SimulatedAxeOS(name="a", generation="2.8", model="supra") as one,
        SimulatedAxeOS(name="b") as two,
    ):
        setup_test_component_platform(home, "switch", [DeadPlug(one)])
        assert await async_setup_component(
            home, "switch", {"switch": {"platform": "test"}}
        )
        await home.async_block_till_done()
        both = House(home, freezer)
        await both.join(one, "A", options={"plug": PLUG})
        await both.join(two, "B")
        await both.follow(40)
        await both.minutes(30)
        assert (one.online, two.paused) == (True, True)
        assert both.why().startswith("A did not take Off (attempt 3 of 3): ")
        # One that is gone is no plug that is off
        home.states.async_set(PLUG, "unavailable")
        await both.minutes(3)
        assert one.online
