"""A house with sun: its meter raises, lowers and pauses real simulated miners."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from homeassistant.config_entries import ConfigEntry
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
from tests.common import act, find, fleet_entry, later, poll
from tests.conftest import miner_entry, set_up

from .common import BANDS, add, begin, down, manager, price, state_of

pytestmark = pytest.mark.usefixtures("quick")

GRID = "sensor.grid"
DAY = "2026-06-21T18:00:00+00:00"
STEP = timedelta(seconds=30)

SOLAR = {
    "miners": [],
    "entity_ids": {},
    "meter_kind": "grid",
    "meter_entity": GRID,
    "positive_is": "import",
    "export_entity": None,
    "battery_power": None,
    "battery_positive_is": "discharge",
    "battery_first": True,
    "battery_soc": None,
    "forecast_today": None,
    "min_soc": 0,
    "min_forecast": 0,
    "order": [],
    "floor": "off",
    "min_run": 5,
    "reserve": 20,
    "window": 2,
    "on_delay": 2,
    "off_delay": 5,
    "stale_after": 5,
    "daylight": True,
    "max_switches": 12,
    "stagger": 0,
    "start": "steer",
}
"""A strategy as the dialog stores it, with short times."""

WATTS = {
    "eco": 14.0,
    "standard": 17.0,
    "turbo": 25.0,
    "low": 62.0,
    "medium": 100.0,
    "high": 132.0,
}


@pytest.fixture
async def entry(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, freezer: Any
) -> ConfigEntry[Any]:
    """Set up a Bitaxe that knows what it draws, by day."""
    freezer.move_to(DAY)
    return await set_up(home, miner_entry(bitaxe, "bitaxe", title="Axe"))


@dataclass
class House:
    """A house: ``surplus`` W of sun are left without its miners."""

    hass: HomeAssistant
    freezer: Any
    entries: list[ConfigEntry[Any]]
    show: Callable[[HomeAssistant, float], None]
    strategy: Strategy = field(init=False)

    async def start(self, surplus: float, **settings: Any) -> None:
        """Add the strategy, and let Home Assistant have started."""
        self.surplus = surplus
        self.show(self.hass, surplus)
        self.strategy = await add(self.hass, "solar", SOLAR | settings, title="Sun")
        for miner in manager(self.hass).store.miners.values():
            for mode, watts in WATTS.items():
                miner.watts.learn(f"mode:{mode}", watts, watts * 6e10)
        await begin(self.hass)

    async def run(self, minutes: float, surplus: float | None = None) -> None:
        """Let time pass; the meter reports twice a minute."""
        self.surplus = self.surplus if surplus is None else surplus
        for _ in range(round(minutes * 2)):
            self.freezer.tick(STEP)
            drawn = sum(it.runtime_data.power or 0.0 for it in self.entries)
            self.show(self.hass, self.surplus - drawn)
            await later(self.hass, 31)
            await later(self.hass, 2)

    def says(self) -> str:
        """Return what the strategy says, without a gap."""
        status = state_of(self.hass, self.strategy, "sensor", "state")
        text: str = status.attributes["explanation"]
        assert "…" not in text
        assert "strategy_" not in text
        return text

    @property
    def state(self) -> str:
        """Return what the strategy does."""
        return state_of(self.hass, self.strategy, "sensor", "state").state


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
async def test_a_day(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    freezer: Any,
    show: Any,
    settings: dict[str, Any],
) -> None:
    """Without sun it is paused; the sun raises, a cloud lowers, the evening pauses it."""
    house = House(home, freezer, [entry], show)
    await house.start(-200, **settings)
    await house.run(8)
    assert bitaxe.paused
    assert house.says().startswith("Import ")
    status = find(home, entry, "sensor", "status")
    assert status.attributes["reason"] == "paused_by_strategy"
    await house.run(4)
    assert house.says().startswith("No surplus: ")
    await house.run(4, 300)
    assert not bitaxe.paused
    assert house.says().endswith(" W).")
    assert " surplus for 2 min: Axe to Turbo (+" in house.says()
    assert entry.runtime_data.tuning.current == "turbo"
    assert find(home, entry, "sensor", "controlled_by").state == "solar"
    allotted = float(state_of(home, house.strategy, "sensor", "allotted").state)
    assert 20 < allotted < 26
    await house.run(6)
    assert house.says().endswith(" W surplus; all miners run.")
    assert 260 <= float(state_of(home, house.strategy, "sensor", "surplus").state) < 300
    assert get_data(home).money.surplus[entry.entry_id] == 1
    await house.run(9, -200)
    assert bitaxe.paused
    event = state_of(home, house.strategy, "event", "decision")
    assert event.attributes["event_type"] == "changed"
    # Without strategies nobody knows what is of the sun
    assert entry.entry_id in get_data(home).money.surplus
    await home.config_entries.async_unload(fleet_entry(home).entry_id)
    assert entry.entry_id not in get_data(home).money.surplus


async def test_less_sun_lowers_the_mode(
    home: HomeAssistant, freezer: Any, socket_enabled: None
) -> None:
    """A step down in the mode is enough, and needs no minimum time."""
    freezer.move_to(DAY)
    async with SimulatedAvalon(model="nano3s") as avalon:
        entry = await set_up(home, miner_entry(avalon, "avalon_nano", title="Nano"))
        miner = entry.runtime_data
        house = House(home, freezer, [entry], imports)
        await house.start(500, min_run=60)
        await house.run(4)
        assert miner.tuning.current == "high"
        await house.run(8, 70)
        assert miner.tuning.current == "low"
        assert house.says().endswith(" W for 5 min: Nano to Low.")
        await house.run(4, 500)
        assert miner.tuning.current == "high"
        energy = state_of(home, house.strategy, "sensor", "solar_energy").state
        assert 0.02 < float(energy) <= house.strategy.record.used[OF_SUN].energy


@pytest.mark.parametrize("value", ["unavailable", "unknown", "nan", "1e9", None])
async def test_a_dead_meter(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    freezer: Any,
    value: str | None,
) -> None:
    """What is silent or absurd is acted on as no sun, after its time; then it goes on."""
    house = House(home, freezer, [entry], imports)
    await house.start(400)
    await house.run(4)
    assert not bitaxe.paused
    alive, house.show = house.show, lambda *_: None
    if value is not None:
        report(home, GRID, value, "W")
    await house.run(4)
    assert not bitaxe.paused
    await house.run(2)
    assert house.state == "fallback"
    assert house.says().startswith("No fresh surplus since 11:")
    assert bitaxe.paused
    event = state_of(home, house.strategy, "event", "decision")
    assert event.attributes["event_type"] == "fallback"
    house.show = alive
    await house.run(9)
    assert not bitaxe.paused


async def test_a_meter_that_repeats_itself_is_alive(
    home: HomeAssistant, entry: ConfigEntry[Any], freezer: Any
) -> None:
    """The same value again is a report, and no silence."""
    house = House(home, freezer, [entry], lambda hass, _: imports(hass, 25))
    await house.start(25)
    await house.run(12)
    assert house.state == "steering"
    assert house.says().startswith("25 W surplus; Axe needs 2")
    assert house.says().endswith(" W with the reserve.")


async def test_a_meter_that_gets_another_name(
    home: HomeAssistant, entry: ConfigEntry[Any], freezer: Any
) -> None:
    """It is followed by its id in the registry; other changes of it are none."""
    registry = er.async_get(home)
    grid = registry.async_get_or_create(
        "sensor", "test", "grid", suggested_object_id="grid"
    )
    house = House(home, freezer, [entry], imports)
    await house.start(300, entity_ids={"meter_entity": grid.id})
    await house.run(4)
    registry.async_update_entity(GRID, name="Grid")
    registry.async_update_entity(GRID, new_entity_id="sensor.house")
    house.show = lambda hass, exported: report(hass, "sensor.house", -exported, "W")
    await house.run(8)
    assert house.state == "steering"
    assert entry.runtime_data.tuning.current == "turbo"


async def test_the_clock_is_set_back(
    home: HomeAssistant, entry: ConfigEntry[Any], freezer: Any
) -> None:
    """What was measured at a time to come is forgotten."""
    house = House(home, freezer, [entry], imports)
    await house.start(400)
    await house.run(4)
    freezer.tick(timedelta(hours=-1))
    await house.run(4)
    assert house.state == "steering"


async def test_the_other_sign_at_night(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any], freezer: Any
) -> None:
    """A house that imports at night looks like sun if its sign is wrong: it is told."""
    freezer.move_to("2026-06-22T08:00:00+00:00")
    house = House(home, freezer, [entry], imports)
    await house.start(-300, positive_is="export")
    await house.run(8)
    assert bitaxe.paused
    assert "import and export of the meter are probably mixed up" in house.says()
    assert float(state_of(home, house.strategy, "sensor", "solar_energy").state) == 0
    issues = ir.async_get(home)
    issue_id = f"strategy_meter_sign_{house.strategy.id}"
    assert issues.async_get_issue("hmm", issue_id) is not None
    # Turned round, it is right at once
    fleet = fleet_entry(home)
    home.config_entries.async_update_subentry(
        fleet,
        fleet.subentries[house.strategy.id],
        data={**SOLAR, "positive_is": "import"},
    )
    await house.run(3)
    assert "The sun is down." in house.says()
    assert issues.async_get_issue("hmm", issue_id) is None


async def test_the_other_sign_by_day(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any], freezer: Any
) -> None:
    """A miner that draws more and leaves more surplus: it stops, and a repair says why."""
    async with AsyncExitStack() as stack:
        entries, others = [entry], []
        for name in ("one", "two", "three"):
            other = SimulatedAxeOS(model="hex", name=name, speed=60.0)
            others.append(await stack.enter_async_context(other))
            entries.append(await set_up(home, miner_entry(other, "bitaxe", title=name)))
        for it in (bitaxe, *others):
            it.paused = True
        for it in entries:
            await poll(home, it)
        house = House(home, freezer, entries, imports)
        await house.start(-900, positive_is="export")
        issues = ir.async_get(home)
        issue_id = f"strategy_meter_sign_{house.strategy.id}"
        for _ in range(20):
            await house.run(3)
            if (issue := issues.async_get_issue("hmm", issue_id)) is not None:
                break
        assert issue is not None
        assert issue.translation_placeholders == {"name": "Sun", "where": ""}
        await house.run(12)
        assert all(it.paused for it in (bitaxe, *others))
        assert "more surplus when miners draw more" in house.says()
        await act(home, "switch", "turn_off", "switch.sun")
        await house.run(1)
        assert issues.async_get_issue("hmm", issue_id) is None


async def test_a_battery(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any], freezer: Any
) -> None:
    """What it gives is no surplus, what it needs goes first, a silent one is no word."""
    battery, soc, forecast = ("sensor.battery", "sensor.soc", "sensor.forecast")
    watts, charge = 0.0, 80.0

    def show(hass: HomeAssistant, exported: float) -> None:
        report(hass, battery, watts, "W")
        report(hass, soc, charge, "%")
        report(hass, forecast, 9000, "Wh")
        imports(hass, exported)

    house = House(home, freezer, [entry], show)
    await house.start(
        300,
        battery_power=battery,
        battery_soc=soc,
        forecast_today=forecast,
        min_soc=50,
        min_forecast=5,
    )
    await house.run(4)
    assert not bitaxe.paused
    charge = 40.0
    await house.run(6)
    assert bitaxe.paused
    assert house.says() == "The battery goes first (50 %)."
    watts = 500.0
    await house.run(3)
    charge = 80.0
    await house.run(8)
    assert bitaxe.paused
    assert house.says().startswith("No surplus: 20")
    watts = 0.0
    await house.run(6)
    assert not bitaxe.paused
    house.show = imports
    await house.run(8)
    assert house.state == "steering", "a battery at rest has nothing to tell"
    report(home, battery, -800, "W")
    await house.run(6)
    assert house.state == "steering"
    await house.run(6)
    assert house.state == "fallback"


async def test_home_assistant_restarts_at_noon(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any], freezer: Any
) -> None:
    """What ran goes on, unless the meter does not come back."""
    house = House(home, freezer, [entry], imports)
    await house.start(300)
    await house.run(8)
    assert entry.runtime_data.tuning.current == "turbo"
    async with down(home, entry):
        report(home, GRID, "unavailable", "W")
    await begin(home)
    (house.strategy,) = manager(home).strategies.values()
    assert house.state == "waiting"
    assert not bitaxe.paused
    alive, house.show = house.show, lambda *_: None
    await house.run(3)
    assert not bitaxe.paused
    assert entry.runtime_data.tuning.current == "turbo"
    house.show = alive
    await house.run(6)
    assert house.state == "steering"
    assert not bitaxe.paused


async def test_by_hand_override_and_dry_run(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any], freezer: Any
) -> None:
    """Whoever is above it decides; without it the miner is given back."""
    house = House(home, freezer, [entry], imports)
    await house.start(300, start="dry_run")
    await house.run(4)
    assert house.says().startswith("Dry run: ")
    assert entry.runtime_data.tuning.current == "standard"
    dry_run = state_of(home, house.strategy, "switch", "dry_run").entity_id
    await act(home, "switch", "turn_off", dry_run)
    await house.run(4)
    assert entry.runtime_data.tuning.current == "turbo"
    select = state_of(home, house.strategy, "select", "override").entity_id
    await act(home, "select", "select_option", select, option="off")
    await house.run(2)
    assert bitaxe.paused
    assert house.state == "overridden"
    switch = state_of(home, house.strategy, "switch", "switch").entity_id
    await act(home, "switch", "turn_off", switch)
    await house.run(1)
    assert not bitaxe.paused
    assert entry.runtime_data.tuning.current == "standard"
    assert get_data(home).money.surplus[entry.entry_id] == 0


async def test_bands_decide_without_sun(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any], freezer: Any
) -> None:
    """No surplus is no reason to stop what the price allows."""
    price(home, 25)
    await add(home, "price_bands", BANDS)
    house = House(home, freezer, [entry], imports)
    await house.start(-300)
    await house.run(8)
    assert entry.runtime_data.tuning.current == "eco"
    assert find(home, entry, "sensor", "controlled_by").state == "price_bands"
    await house.run(6, 300)
    assert entry.runtime_data.tuning.current == "turbo"
    assert find(home, entry, "sensor", "controlled_by").state == "solar"


async def test_a_meter_that_reports_ten_times_a_second(
    home: HomeAssistant, freezer: Any
) -> None:
    """What is kept is bounded, and its mean is that of all reports."""
    freezer.move_to(DAY)
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
    assert sum(it.exported for it in samples) / len(samples) == pytest.approx(
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
