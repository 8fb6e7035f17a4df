"""A house with sun: its meter raises, lowers and pauses real simulated miners."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest

from custom_components.hmm.data import get_data
from custom_components.hmm.strategy.planner.meter import MAX_SAMPLES
from custom_components.hmm.strategy.planner.model import Inputs
from custom_components.hmm.strategy.planner.settings import SolarSettings
from custom_components.hmm.strategy.planner.solar import horizon
from custom_components.hmm.strategy.records import OF_SUN
from custom_components.hmm.strategy.solar_inputs import SolarMeter, read_power
from custom_components.hmm.strategy.strategy import Strategy
from simulator import SimulatedAvalon, SimulatedAxeOS
from tests.common import find, later

from .common import House

pytestmark = pytest.mark.usefixtures("quick")

GRID = "sensor.grid"
DAY = "2026-06-21T18:00:00+00:00"
STEP = timedelta(seconds=30)

SOLAR = {
    "meter_kind": "grid",
    "meter_entity": GRID,
    "positive_is": "import",
    "min_run": 5,
    "reserve": 20,
    "stagger": 0,
}
"""A strategy as the dialog stores it, with short times; the rest is by default."""

WATTS = {
    "eco": 14.0,
    "standard": 17.0,
    "turbo": 25.0,
    "low": 62.0,
    "medium": 100.0,
    "high": 132.0,
}


class Roof(House):
    """A house with sun: ``surplus`` W are left without its miners."""

    strategy: Strategy
    surplus = 0.0
    show: Callable[[HomeAssistant, float], None]

    async def start(self, surplus: float, **settings: Any) -> None:
        """Add the strategy, and let Home Assistant have started."""
        self.surplus = surplus
        self.show(self.hass, surplus)
        self.strategy = await self.add("solar", SOLAR | settings, title="Sun")
        for miner in self.manager.store.miners.values():
            for mode, watts in WATTS.items():
                miner.watts.learn(f"mode:{mode}", watts, watts * 6e10)
        await self.begin()

    async def shine(self, minutes: float, surplus: float | None = None) -> None:
        """Let time pass; the meter reports twice a minute."""
        self.surplus = self.surplus if surplus is None else surplus
        for _ in range(round(minutes * 2)):
            self.freezer.tick(STEP)
            drawn = sum(entry.runtime_data.power or 0.0 for entry in self.entries)
            self.show(self.hass, self.surplus - drawn)
            await later(self.hass, 31)
            await later(self.hass, 2)

    @property
    def text(self) -> str:
        """Return what the strategy says."""
        return self.says(self.strategy)

    @property
    def does(self) -> str:
        """Return what the strategy does."""
        return self.status(self.strategy).state

    def figure(self, key: str) -> float:
        """Return what a sensor of the strategy shows."""
        return float(self.state_of(self.strategy, "sensor", key).state)

    def issue(self) -> ir.IssueEntry | None:
        """Return the repair for a meter with the wrong sign."""
        key = f"strategy_meter_sign_{self.strategy.id}"
        return ir.async_get(self.hass).async_get_issue("hmm", key)


@pytest.fixture(autouse=True)
def day(freezer: Any) -> None:
    """Let the sun shine on the home of the tests."""
    freezer.move_to(DAY)


@pytest.fixture
def roof(house: House) -> Roof:
    """Return a house with a Bitaxe and a meter of the grid."""
    result = Roof(house.hass, house.freezer, house.entries, house.devices)
    result.show = imports
    return result


def report(hass: HomeAssistant, entity_id: str, value: object, unit: str) -> None:
    """Let a sensor report, also what it has reported before."""
    hass.states.async_set(entity_id, str(value), {"unit_of_measurement": unit})


def imports(hass: HomeAssistant, exported: float) -> None:
    """Let one grid sensor tell; its positive values are import."""
    report(hass, GRID, round(-exported, 1), "W")


def exports_kw(hass: HomeAssistant, exported: float) -> None:
    """Let one grid sensor tell in kW; its positive values are export."""
    report(hass, GRID, round(exported / 1000, 5), "kW")


def only_surplus(hass: HomeAssistant, exported: float) -> None:
    """Let a surplus be 0 while the house imports."""
    report(hass, GRID, round(max(exported, 0.0), 1), "W")


def two(hass: HomeAssistant, exported: float) -> None:
    """Let two sensors tell, as smart meters do."""
    report(hass, GRID, round(max(-exported, 0.0) / 1000, 5), "kW")
    report(hass, "sensor.export", round(max(exported, 0.0) / 1000, 5), "kW")


@pytest.mark.parametrize(
    ("show", "settings"),
    [
        (imports, {}),
        (exports_kw, {"positive_is": "export"}),
        (only_surplus, {"meter_kind": "surplus"}),
        (two, {"meter_kind": "two", "export_entity": "sensor.export"}),
    ],
    ids=["import", "kw_export", "clipped_surplus", "two_sensors"],
)
async def test_a_day(roof: Roof, show: Any, settings: dict[str, Any]) -> None:
    """Without sun it is paused; the sun raises, a cloud lowers, the evening pauses it."""
    roof.show = show
    await roof.start(-200, **settings)
    await roof.shine(8)
    assert roof.device.paused
    assert roof.text.startswith("Import ")
    status = find(roof.hass, roof.entry, "sensor", "status")
    assert status.attributes["reason"] == "paused_by_strategy"
    await roof.shine(4)
    assert roof.text.startswith("No surplus: ")
    await roof.shine(4, 300)
    assert not roof.device.paused
    assert roof.text.endswith(" W).")
    assert " surplus for 2 min: Axe to Turbo (+" in roof.text
    assert roof.mode == "turbo"
    assert roof.by() == "solar"
    allotted = roof.figure("allotted")
    assert 20 < allotted < 26
    await roof.shine(6)
    assert roof.text.endswith(" W surplus; all miners run.")
    assert 260 <= roof.figure("surplus") < 300
    assert get_data(roof.hass).money.surplus[roof.entry.entry_id] == 1
    await roof.shine(9, -200)
    assert roof.device.paused
    assert roof.event_of(roof.strategy) == "changed"
    # Without strategies nobody knows what is of the sun
    assert roof.entry.entry_id in get_data(roof.hass).money.surplus
    await roof.hass.config_entries.async_unload(roof.fleet.entry_id)
    assert roof.entry.entry_id not in get_data(roof.hass).money.surplus


async def test_less_sun_lowers_the_mode(home: HomeAssistant, freezer: Any) -> None:
    """A step down in the mode is enough, and needs no minimum time."""
    async with SimulatedAvalon(model="nano3s") as avalon:
        roof = Roof(home, freezer)
        roof.show = imports
        await roof.join(avalon, "Nano")
        await roof.start(500, min_run=60)
        await roof.shine(4)
        assert roof.mode == "high"
        await roof.shine(8, 70)
        assert roof.mode == "low"
        assert roof.text.endswith(" W for 5 min: Nano to Low.")
        await roof.shine(4, 500)
        assert roof.mode == "high"
        energy = roof.strategy.record.used[OF_SUN].energy
        assert 0.02 < roof.figure("solar_energy") <= energy


@pytest.mark.parametrize("value", ["unavailable", "1e9", None])
async def test_a_dead_meter(roof: Roof, value: str | None) -> None:
    """What is silent or absurd is acted on as no sun, after its time; then it goes on."""
    await roof.start(400)
    await roof.shine(4)
    assert not roof.device.paused
    alive, roof.show = roof.show, lambda *_: None
    if value is not None:
        report(roof.hass, GRID, value, "W")
    await roof.shine(4)
    assert not roof.device.paused
    await roof.shine(2)
    assert roof.does == "fallback"
    assert roof.text.startswith("No fresh surplus since 11:")
    assert roof.device.paused
    assert roof.event_of(roof.strategy) == "fallback"
    roof.show = alive
    await roof.shine(9)
    assert not roof.device.paused


async def test_a_meter_that_repeats_itself_is_alive(roof: Roof) -> None:
    """The same value again is a report, and no silence."""
    roof.show = lambda hass, _: imports(hass, 25)
    await roof.start(25)
    await roof.shine(12)
    assert roof.does == "steering"
    assert roof.text.startswith("25 W surplus; Axe needs 2")
    assert roof.text.endswith(" W with the reserve.")


async def test_a_meter_that_gets_another_name(roof: Roof) -> None:
    """It is followed by its id in the registry; other changes of it are none."""
    registry = er.async_get(roof.hass)
    grid = registry.async_get_or_create(
        "sensor", "test", "grid", suggested_object_id="grid"
    )
    await roof.start(300, entity_ids={"meter_entity": grid.id})
    await roof.shine(4)
    registry.async_update_entity(GRID, name="Grid")
    registry.async_update_entity(GRID, new_entity_id="sensor.house")
    roof.show = lambda hass, exported: report(hass, "sensor.house", -exported, "W")
    await roof.shine(8)
    assert roof.does == "steering"
    assert roof.mode == "turbo"


async def test_the_clock_is_set_back(roof: Roof) -> None:
    """What was measured at a time to come is forgotten."""
    await roof.start(400)
    await roof.shine(4)
    roof.freezer.tick(timedelta(hours=-1))
    await roof.shine(4)
    assert roof.does == "steering"


async def test_the_other_sign_at_night(roof: Roof) -> None:
    """A house that imports at night looks like sun if its sign is wrong: it is told."""
    roof.freezer.move_to("2026-06-22T08:00:00+00:00")
    await roof.start(-300, positive_is="export")
    await roof.shine(8)
    assert roof.device.paused
    assert "import and export of the meter are probably mixed up" in roof.text
    assert roof.figure("solar_energy") == 0
    assert roof.issue() is not None
    # Turned round, it is right at once
    roof.change(roof.strategy, {**SOLAR, "positive_is": "import"})
    await roof.shine(3)
    assert "The sun is down." in roof.text
    assert roof.issue() is None


async def test_the_other_sign_by_day(roof: Roof) -> None:
    """A miner that draws more and leaves more surplus: it stops, and a repair says why."""
    async with AsyncExitStack() as stack:
        for name in ("one", "two", "three"):
            other = SimulatedAxeOS(model="hex", name=name, speed=60.0)
            await roof.join(await stack.enter_async_context(other), name)
        for index, it in enumerate(roof.devices):
            it.paused = True
            await roof.poll(index)
        await roof.start(-900, positive_is="export")
        for _ in range(20):
            await roof.shine(3)
            if (issue := roof.issue()) is not None:
                break
        assert issue is not None
        assert issue.translation_placeholders == {"name": "Sun", "where": ""}
        await roof.shine(12)
        assert all(device.paused for device in roof.devices)
        assert "more surplus when miners draw more" in roof.text
        await roof.switch(roof.strategy, False)
        await roof.shine(1)
        assert roof.issue() is None


async def test_a_battery(roof: Roof) -> None:
    """What it gives is no surplus, what it needs goes first, a silent one is no word."""
    battery, soc, forecast = ("sensor.battery", "sensor.soc", "sensor.forecast")
    watts, charge = 0.0, 80.0

    def show(hass: HomeAssistant, exported: float) -> None:
        report(hass, battery, watts, "W")
        report(hass, soc, charge, "%")
        report(hass, forecast, 9000, "Wh")
        imports(hass, exported)

    roof.show = show
    await roof.start(
        300,
        battery_power=battery,
        battery_soc=soc,
        forecast_today=forecast,
        min_soc=50,
        min_forecast=5,
    )
    await roof.shine(4)
    assert not roof.device.paused
    charge = 40.0
    await roof.shine(6)
    assert roof.device.paused
    assert roof.text == "The battery goes first (50 %)."
    watts = 500.0
    await roof.shine(3)
    charge = 80.0
    await roof.shine(8)
    assert roof.device.paused
    assert roof.text.startswith("No surplus: 20")
    watts = 0.0
    await roof.shine(6)
    assert not roof.device.paused
    roof.show = imports
    await roof.shine(8)
    assert roof.does == "steering", "a battery at rest has nothing to tell"
    report(roof.hass, battery, -800, "W")
    await roof.shine(6)
    assert roof.does == "steering"
    await roof.shine(6)
    assert roof.does == "fallback"


async def test_home_assistant_restarts_at_noon(roof: Roof) -> None:
    """What ran goes on, unless the meter does not come back."""
    await roof.start(300)
    await roof.shine(8)
    assert roof.mode == "turbo"
    async with roof.down():
        report(roof.hass, GRID, "unavailable", "W")
    await roof.begin()
    (roof.strategy,) = roof.manager.strategies.values()
    assert roof.does == "waiting"
    assert not roof.device.paused
    alive, roof.show = roof.show, lambda *_: None
    await roof.shine(3)
    assert not roof.device.paused
    assert roof.mode == "turbo"
    roof.show = alive
    await roof.shine(6)
    assert roof.does == "steering"
    assert not roof.device.paused


async def test_by_hand_override_and_dry_run(roof: Roof) -> None:
    """Whoever is above it decides; without it the miner is given back."""
    await roof.start(300, start="dry_run")
    await roof.shine(4)
    assert roof.text.startswith("Dry run: ")
    assert roof.mode == "standard"
    await roof.switch(roof.strategy, False, "dry_run")
    await roof.shine(4)
    assert roof.mode == "turbo"
    await roof.override(roof.strategy, "off")
    await roof.shine(2)
    assert roof.device.paused
    assert roof.does == "overridden"
    await roof.switch(roof.strategy, False)
    await roof.shine(1)
    assert not roof.device.paused
    assert roof.mode == "standard"
    assert get_data(roof.hass).money.surplus[roof.entry.entry_id] == 0


async def test_a_meter_that_reports_ten_times_a_second(
    home: HomeAssistant, freezer: Any
) -> None:
    """What is kept is bounded, and its mean is that of all reports."""
    settings = SolarSettings.from_dict({**SOLAR, "battery_first": False})
    meter = SolarMeter(home, SOLAR, settings, SOLAR.get, lambda: 50.0)
    stop = meter.async_follow(lambda: None)
    for number in range(15_000):
        freezer.tick(timedelta(seconds=0.1))
        imports(home, number % 2 * 200)
    await home.async_block_till_done()
    now = dt_util.utcnow()
    samples = meter.add_to(Inputs(now)).samples
    assert 1000 < len(samples) <= MAX_SAMPLES
    assert samples[-1].at - samples[0].at <= horizon(settings) + timedelta(minutes=1)
    assert sum(sample.exported for sample in samples) / len(samples) == pytest.approx(
        100, abs=2
    )
    assert meter.part_of_sun(now) == 1
    stop()
    freezer.tick(timedelta(minutes=6))
    imports(home, 200)
    assert meter.part_of_sun(dt_util.utcnow()) == 0


@pytest.mark.parametrize(
    ("unit", "watts"), [("W", 400), ("mW", 0.4), ("MW", 4e8), ("BTU/h", 117.23)]
)
def test_units_of_power(hass: HomeAssistant, unit: str, watts: float) -> None:
    """Every unit of power that Home Assistant knows is converted; absurd is none."""
    report(hass, GRID, 400, unit)
    reading = read_power(hass, GRID)
    if watts > 1e7:
        assert reading.problem == "sensor_unavailable"
    else:
        assert reading.value == pytest.approx(watts, rel=1e-3)
