"""Miners that disobey, hang and restart under strategies, and hours of nervous prices."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
import logging
import random
import threading
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import area_registry as ar, device_registry as dr
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import setup_test_component_platform

from custom_components.hmm.fleet import commands
from custom_components.hmm.strategy.manager import StrategyManager
from simulator import Fault, SimulatedAxeOS
from simulator.httpd import Request, Response, json_response
from simulator.override import override
from tests.common import act, find, find_id, poll
from tests.conftest import miner_entry, set_up
from tests.test_switch import PLUG, Plug

from .common import (
    BANDS,
    PRICE,
    add,
    begin,
    device_of,
    follow,
    manager,
    price,
    settle,
    state_of,
    wait,
)
from .test_champion import CHAMPION
from .test_circuits import limit
from .test_heat import HEAT, ROOM, room
from .test_solar import GRID, SOLAR, report

pytestmark = pytest.mark.usefixtures("quick")

CONTROL = ("PATCH /api/system", "POST /api/system/pause", "POST /api/system/resume")


@dataclass
class Home:
    """Miners, and what was sent to each that changes it."""

    hass: HomeAssistant
    freezer: Any
    entries: list[ConfigEntry[Any]]
    devices: list[SimulatedAxeOS]

    @property
    def manager(self) -> StrategyManager:
        """Return what runs the strategies."""
        return manager(self.hass)

    @property
    def sent(self) -> list[int]:
        """Return how many commands each device got."""
        return [
            sum(it.counters.by_path[path] for path in CONTROL) for it in self.devices
        ]

    async def minutes(self, count: float, before: Callable[[], None] = int) -> None:
        """Let minutes pass, with a poll of each miner in every one."""
        for _ in range(round(count)):
            before()
            for entry in self.entries:
                await poll(self.hass, entry)
            await wait(self.hass, self.freezer, 1)

    def breaks(self, device: SimulatedAxeOS, status: int | None) -> None:
        """Let a device answer every command with a status, and do nothing; None: obey."""

        def answer(request: Request) -> Response:
            return json_response({}, status=status or 200)

        device._routes = device.routes()
        if status is not None:
            device._routes |= dict.fromkeys(CONTROL, answer)

    def learn_watts(self) -> None:
        """Let what the miners draw in their modes be known."""
        for entry in self.entries:
            steered = self.manager.steered(entry.entry_id)
            assert steered is not None
            for mode, watts in (("eco", 11.0), ("standard", 15.0), ("turbo", 20.0)):
                steered.memory.watts.learn(f"mode:{mode}", watts, None)

    def explanations(self) -> list[str]:
        """Return why the miners do that."""
        return [
            str(
                find(self.hass, it, "sensor", "controlled_by").attributes["explanation"]
            )
            for it in self.entries
        ]

    def reported(self) -> list[str | None]:
        """Return what the miners say that they do."""
        return [self.manager._miners[it.entry_id].view.reported for it in self.entries]


@pytest.fixture
def running_clock(freezer: Any) -> Iterator[None]:
    """Let the clock run on meanwhile: who asks a device again waits for that."""
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(0.02):
            # A bit more than any wait in it: the event loop spins while it is exactly due
            freezer.tick(0.021)

    clock = threading.Thread(target=run, daemon=True)
    clock.start()
    yield
    ended.set()
    clock.join()


@pytest.fixture
async def three(
    home: HomeAssistant, freezer: Any, running_clock: None
) -> AsyncIterator[Home]:
    """Set up three miners, the first the most efficient one."""
    async with (
        SimulatedAxeOS(name="a", reboot_seconds=0.1, restart_delay=0.1) as one,
        SimulatedAxeOS(name="b", model="supra", reboot_seconds=0.1) as two,
        SimulatedAxeOS(name="c", model="ultra", reboot_seconds=0.1) as last,
    ):
        devices = [one, two, last]
        entries = [
            await set_up(home, miner_entry(it, "bitaxe", title=it.name.upper()))
            for it in devices
        ]
        yield Home(home, freezer, entries, devices)


def healthy(caplog: pytest.LogCaptureFixture) -> None:
    """Fail if HMM has logged an error that nobody has caught."""
    assert [
        it.getMessage()
        for it in caplog.records
        if it.name.startswith("custom_components.hmm")
        and it.levelno >= logging.ERROR
        and it.exc_info
    ] == []


@pytest.mark.parametrize("seed", range(2))
async def test_hours_of_faults(
    three: Home, caplog: pytest.LogCaptureFixture, seed: int
) -> None:
    """Whatever prices and miners do: few commands, no error, and in the end all obey."""
    rng, hass = random.Random(seed), three.hass
    price(hass, 25)
    await add(hass, "price_bands", BANDS | {"max_switches": 96})
    await add(hass, "champion", CHAMPION | {"max_switches": 96}, title="Champion")
    await begin(hass)
    before = three.sent

    def chance() -> None:
        price(
            hass,
            rng.choice(
                [10, 25, 29.9, 30.1, 40, "unavailable", -5, 1e9, "nan", "x" * 255]
            ),
        )
        device = rng.choice(three.devices)
        match rng.randint(0, 8):
            case 0:
                device.fault = rng.choice([None, Fault.RESET, Fault.GARBAGE])
            case 1:
                three.breaks(device, rng.choice([None, 200, 500]))
            case 2:
                device.paused = rng.choice([True, False])

    await three.minutes(90, chance)
    healthy(caplog)
    for count, more in zip(before, three.sent, strict=True):
        # A change each five minutes at most, and the attempts of those that fail
        assert more - count <= 60
    for device in three.devices:
        device.fault = None
        three.breaks(device, None)
    price(hass, 25)
    # What was paused at a miner just now is noticed first
    await three.minutes(5)
    for entry in three.entries:
        three.manager.release(entry.entry_id)
    await three.minutes(45)
    assert three.reported() == ["mode:eco"] * 3, three.explanations()
    count = three.sent
    await three.minutes(20)
    assert three.sent == count
    healthy(caplog)


@pytest.mark.parametrize("status", [200, 500])
async def test_a_champion_that_does_not_obey(three: Home, status: int) -> None:
    """It is told three times, and meanwhile the others rest; the next one takes over.

    One that answers 200 and ignores it is no better than one that refuses.
    """
    hass = three.hass
    price(hass, 25)
    strategy = await add(hass, "champion", CHAMPION)
    await begin(hass)
    await three.minutes(5)
    # What would be champion is off, and does not come back
    three.devices[0].paused = True
    three.breaks(three.devices[0], status)
    price(hass, 40)
    await three.minutes(60)
    assert three.reported()[0] == "off"
    running = [it for it in three.reported() if it != "off"]
    assert running == ["mode:eco"]
    assert three.sent[0] <= 8
    assert state_of(hass, strategy, "sensor", "champion").state != "A"
    three.breaks(three.devices[0], None)
    price(hass, 20)
    await three.minutes(10)
    assert three.reported().count("off") <= 1


async def test_a_restart_in_the_middle_of_a_step(three: Home) -> None:
    """A miner that restarts while it is set is set again; nobody is taken for a user."""
    hass = three.hass
    price(hass, 25)
    await add(hass, "price_bands", BANDS)
    await begin(hass)
    await three.minutes(6)
    device = three.devices[0]

    def half(request: Request) -> Response:
        # It takes half of what it was told, and is gone
        device.fault = Fault.RESET
        return json_response({})

    device._routes = {**device.routes(), "PATCH /api/system": half}
    price(hass, 10)
    await three.minutes(3)
    device._routes, device.fault = device.routes(), None
    await three.minutes(30)
    assert len(set(three.reported())) == 1
    assert {
        find(hass, it, "sensor", "controlled_by").state for it in three.entries
    } == {"price_bands"}


async def test_a_miner_that_hangs_in_each_command(
    three: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for it: the others follow, it gets three attempts, and that is said."""
    monkeypatch.setattr(commands, "_LIMIT_SECONDS", 0.5)
    hass = three.hass
    price(hass, 25)
    strategy = await add(hass, "price_bands", BANDS)
    await begin(hass)
    await three.minutes(6)
    device = three.devices[0]
    sent: list[str] = []

    def hang(request: Request) -> Response:
        sent.append(request.path)
        device.fault, device.fault_left = Fault.SILENT, 1
        return json_response({})

    device._routes = {**device.routes(), **dict.fromkeys(CONTROL, hang)}
    price(hass, 10)
    await three.minutes(2)
    assert three.reported()[1:] == ["mode:turbo"] * 2
    await three.minutes(40)
    assert len(sent) <= 4
    assert "did not take" in three.explanations()[0]
    event = state_of(hass, strategy, "event", "decision")
    assert event.attributes["event_type"] in {"refused", "changed"}
    device._routes = device.routes()
    price(hass, 25)
    await three.minutes(20)
    assert three.reported() == ["mode:eco"] * 3


async def test_a_miner_that_takes_it_back(three: Home) -> None:
    """A setting that is reverted each time is somebody's: nobody fights over it."""
    hass = three.hass
    price(hass, 25)
    await add(hass, "price_bands", BANDS)
    await begin(hass)
    await three.minutes(6)
    device, count = three.devices[0], three.sent[0]
    usual = dict(device.settings)

    def revert() -> None:
        device.settings |= {key: usual[key] for key in ("frequency", "coreVoltage")}

    for value in (10, 25, 10):
        price(hass, value)
        for _ in range(20):
            await three.minutes(1)
            revert()
    # A change of the band each time, not a fight each minute
    assert three.sent[0] - count <= 12
    control = find(hass, three.entries[0], "sensor", "controlled_by")
    assert control.state == "manual"
    assert "by hand" in str(control.attributes["explanation"])
    assert three.reported()[1:] == ["mode:turbo"] * 2


async def test_a_miner_that_accepts_and_does_nothing(three: Home) -> None:
    """Why it is not as it should be is said in words, not by a key."""
    hass = three.hass
    price(hass, 25)
    await add(hass, "price_bands", BANDS)
    await begin(hass)
    await three.minutes(6)
    three.breaks(three.devices[0], 200)
    price(hass, 10)
    await three.minutes(2)
    text = three.explanations()[0]
    assert text.startswith("A did not take Turbo (attempt ")
    assert " accepted the mode turbo but did not apply it" in text
    assert three.reported()[1:] == ["mode:turbo"] * 2


async def test_a_mode_that_a_user_sets_and_the_miner_restarts_for(three: Home) -> None:
    """It is the user's, as that of a miner that applies it at once."""
    hass, device = three.hass, three.devices[0]
    price(hass, 10)
    await add(hass, "price_bands", BANDS)
    await begin(hass)
    await three.minutes(10)
    count = three.sent[0]
    usual = device._patch

    def restart(request: Request) -> Response:
        device.schedule_reboot()
        return usual(request)

    device._routes = {**device.routes(), "PATCH /api/system": restart}
    mode = find_id(hass, three.entries[0], "select", "mode")
    await act(hass, "select", "select_option", mode, option="eco")
    await device.wait_ready()
    await three.minutes(2)
    assert three.sent[0] == count + 1
    # Its own clock has not run on meanwhile
    device.rewrite = override({"uptimeSeconds": 240, "hashRate": 800.0})
    await three.minutes(4)
    control = find(hass, three.entries[0], "sensor", "controlled_by")
    assert (control.state, three.sent[0]) == ("manual", count + 1)
    assert three.reported() == ["mode:eco", "mode:turbo", "mode:turbo"]


@pytest.mark.parametrize("unit", [["W"], {"W": 1}, 5])
async def test_a_unit_that_is_no_text(
    three: Home, unit: object, caplog: pytest.LogCaptureFixture
) -> None:
    """Any program may give a sensor any unit over the API: it is one without a value."""
    hass, entry = three.hass, three.entries[0]
    room(hass, 19)
    report(hass, GRID, 100, "W")
    price(hass, 25)
    areas = ar.async_get(hass)
    den = areas.async_create("Den", temperature_entity_id=ROOM)
    registry = dr.async_get(hass)
    for device in dr.async_entries_for_config_entry(registry, entry.entry_id):
        registry.async_update_device(device.id, area_id=den.id)
    sun = await add(hass, "solar", SOLAR, title="Sun")
    heat = await add(hass, "heat", HEAT, title="Heat")
    bands = await add(hass, "price_bands", BANDS)
    await begin(hass)
    for entity_id in (ROOM, GRID, PRICE):
        hass.states.async_set(entity_id, "20", {"unit_of_measurement": unit})
    await three.minutes(10)
    said = [
        str(state_of(hass, it, "sensor", "state").attributes["explanation"])
        for it in (sun, heat, bands)
    ]
    assert "No fresh surplus" in said[0]
    assert "No fresh room temperature" in said[1]
    assert "No valid price" in said[2]
    healthy(caplog)
    assert "TypeError" not in caplog.text


async def test_a_miner_that_draws_more_than_ever_before(three: Home) -> None:
    """What it really draws counts from that poll on: it goes down, and stays there."""
    hass, power = three.hass, 60.0
    price(hass, 25)
    await add(hass, "price_bands", BANDS)
    three.learn_watts()
    limit(hass, 62, *three.entries)
    await begin(hass)
    await three.minutes(6)
    device = three.devices[0]

    def rewrite(body: bytes) -> bytes:
        is_high = device.settings["frequency"] > 550 and not device.paused
        return override({"power": power})(body) if is_high else body

    device.rewrite = rewrite
    price(hass, 10)
    over = 0
    for _ in range(120):
        await three.minutes(1)
        over += sum(it.runtime_data.power or 0 for it in three.entries) > 64
    assert over <= 3, three.explanations()
    assert three.reported()[0] != "mode:turbo"


async def in_turbo(three: Home, watts: float) -> list[float]:
    """Let all mine in turbo, at 20 W each; return what their meters show on top of it."""
    hass = three.hass
    extra = [0.0] * 3

    def measured(index: int) -> Callable[[bytes], bytes]:
        device = three.devices[index]

        def rewrite(body: bytes) -> bytes:
            usual = 2.0 if device.paused else 20.0
            return override({"power": usual + extra[index]})(body)

        return rewrite

    for index, device in enumerate(three.devices):
        device.rewrite = measured(index)
    price(hass, 10)
    await add(hass, "price_bands", BANDS)
    limit(hass, watts, *three.entries)
    three.learn_watts()
    await begin(hass)
    await three.minutes(12)
    assert three.reported() == ["mode:turbo"] * 3
    return extra


async def test_one_reading_that_is_too_high(three: Home) -> None:
    """One alone is an error of the meter, two in a row are what it draws.

    What is over the limit of the circuit acts at once, be it one or two.
    """
    extra = await in_turbo(three, 70)
    sent = three.sent

    async def read(index: int, more: float) -> float | None:
        """Poll one miner whose meter shows more; return what it is known to draw."""
        extra[index] = more
        await poll(three.hass, three.entries[index])
        await settle(three.hass)
        steered = three.manager.steered(three.entries[index].entry_id)
        assert steered is not None
        return steered.memory.watts.watts_of("mode:turbo")

    # In every other poll, however often
    assert [await read(0, it) for it in (9, 0, 9, 0, 9, 0)] == [20] * 6
    assert three.sent == sent
    assert [await read(0, it) for it in (9, 9)] == [20, 29]
    assert three.sent == sent
    # Now the circuit itself is over its limit
    assert await read(1, 9) == 20
    assert three.sent != sent


async def test_a_circuit_that_is_over_its_limit_by_little_of_each(three: Home) -> None:
    """No reading is far from what is known, but together they are too much: at once."""
    extra, sent = await in_turbo(three, 64), three.sent
    for index, entry in enumerate(three.entries):
        assert three.sent == sent
        extra[index] = 1.8
        await poll(three.hass, entry)
        await settle(three.hass)
    assert three.sent != sent


async def test_prices_around_a_limit_for_hours(three: Home) -> None:
    """A price that jumps over its limit every minute switches no more than allowed."""
    hass, rng = three.hass, random.Random(5)
    price(hass, 25)
    await add(hass, "price_bands", {**BANDS, "min_time": 15, "max_switches": 6})
    await begin(hass)
    await three.minutes(16)
    before = three.sent
    await three.minutes(90, lambda: price(hass, rng.choice([28, 33])))
    for count, more in zip(before, three.sent, strict=True):
        # Eco, and off: each is one request or two
        assert more - count <= 2 * 6


async def test_a_circuit_while_miners_disobey(three: Home) -> None:
    """What did not go down keeps its room: nobody else goes up into it."""
    hass = three.hass
    price(hass, 25)
    await add(hass, "price_bands", BANDS)
    three.learn_watts()
    limit(hass, 60, *three.entries)
    await begin(hass)
    await three.minutes(10)
    three.breaks(three.devices[1], 200)
    limit(hass, 36, *three.entries)
    price(hass, 10)
    most = 0.0
    for _ in range(30):
        await three.minutes(1)
        most = max(most, sum(it.runtime_data.power or 0 for it in three.entries))
    assert most <= 36 + 3  # Readings are noisy
    assert three.reported().count("mode:turbo") == 0


async def test_by_hand_in_the_middle_of_it_all(three: Home) -> None:
    """What its owner sets stays so through bands, a champion and a restart of its own."""
    hass = three.hass
    price(hass, 40)
    await add(hass, "price_bands", BANDS)
    champion = await add(hass, "champion", CHAMPION, title="Champion")
    hass.config_entries.async_update_entry(
        hass.config_entries.async_get_entry(three.manager.fleet_entry.entry_id),
        options={"manual_hold": "released"},
    )
    await begin(hass)
    await three.minutes(6)
    assert three.reported().count("off") == 2
    mode = find_id(hass, three.entries[2], "select", "mode")
    await act(
        hass, "switch", "turn_on", find_id(hass, three.entries[2], "switch", "mining")
    )
    await act(hass, "select", "select_option", mode, option="turbo")
    await three.minutes(3)
    for value in (10, 40, 25, "unavailable", 40):
        price(hass, value)
        await three.minutes(7)
        assert three.reported()[2] == "mode:turbo"
    assert find(hass, three.entries[2], "sensor", "controlled_by").state == "manual"
    # It gives itself back only when its owner says so
    await act(
        hass,
        "button",
        "press",
        find_id(hass, three.entries[2], "button", "resume_automatic"),
    )
    await three.minutes(6)
    assert three.reported()[2] == "off"
    device = device_of(hass, champion)
    await hass.services.async_call(
        "hmm",
        "override_strategy",
        {
            "device_id": device.id,
            "to": "lowest",
            "until": (dt_util.now() + timedelta(hours=1)).isoformat(),
        },
        blocking=True,
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
        entries = [
            await set_up(
                home, miner_entry(one, "bitaxe", title="A", options={"plug": PLUG})
            ),
            await set_up(home, miner_entry(two, "bitaxe", title="B")),
        ]
        both = Home(home, freezer, entries, [one, two])
        await follow(home, 40)
        await both.minutes(30)
        assert (one.online, two.paused) == (True, True)
        controlled = find(home, entries[0], "sensor", "controlled_by")
        assert controlled.attributes["explanation"].startswith(
            "A did not take Off (attempt 3 of 3): "
        )
        # One that is gone is no plug that is off
        home.states.async_set(PLUG, "unavailable")
        await both.minutes(3)
        assert one.online
