"""A year of strategies: what they cost and bring, against what else one could do.

    python -m tests.bench.year [--days 365] [--plots docs/images]

Prices, weather, faults and the house are made up, the same in every run: shaped like a
day-ahead market at 15 minutes with taxes, and a house with 8 kWp in the middle of
Europe. What counts is the difference between the rows.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import repeat
import math
from pathlib import Path
import random
from time import perf_counter, process_time
from typing import Any
from zoneinfo import ZoneInfo

from custom_components.hmm.money.slots import Slot
from custom_components.hmm.strategy.planner.decide import decide
from custom_components.hmm.strategy.planner.ledger import Ledger
from custom_components.hmm.strategy.planner.model import (
    OFF,
    Inputs,
    Price,
    Reading,
    Sample,
    Standing,
)
from custom_components.hmm.strategy.planner.precedence import settle
from custom_components.hmm.strategy.planner.settings import (
    BandsSettings,
    ChampionSettings,
    HeatSettings,
    Settings,
    SolarSettings,
)
from tests.strategy.planner.world import (
    SimMiner,
    Strategy,
    World,
    fleet,
    nano,
    slots_from,
)

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Berlin")
SLOT = timedelta(minutes=15)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
_SETTLED = timedelta(minutes=20)
"""Longer than a strategy looks back."""
FEED_IN = 0.08
"""What the grid pays for a kWh."""

_SLOTS_A_DAY = 96


def hour_of(now: datetime) -> float:
    """Return the local hour, with its fraction."""
    local = now.astimezone(ZONE)
    return local.hour + local.minute / 60


def season(now: datetime) -> float:
    """Return -1 in mid-winter to 1 in mid-summer."""
    return -math.cos((now - BEGIN) / timedelta(days=365) * math.tau + 0.17)


class Weather:
    """Sun and temperature, by day and hour."""

    def __init__(self, days: int) -> None:
        """Make up the clouds of each day."""
        rng = random.Random(1)
        self._clear = [rng.betavariate(1.2, 1.2) for _ in range(days + 6)]
        self._cold = [rng.gauss(0, 3) for _ in range(days + 6)]
        self._flicker = [rng.random() for _ in range(1009)]
        self._kettle = [rng.random() for _ in range(1013)]

    def sun(self, now: datetime) -> float:
        """Return what 8 kWp give, in W; clouds pass in minutes."""
        length = 12 + 4.2 * season(now)
        angle = (hour_of(now) - 13) / length * math.pi
        if abs(angle) >= math.pi / 2:
            return 0.0
        day, minute = divmod(int((now - BEGIN) / MINUTE), 1440)
        clear = self._clear[day + 1]
        height = 0.55 + 0.35 * season(now)
        if 0.25 < clear < 0.75 and self._flicker[minute // 7 % 1009] > clear:
            clear *= 0.4
        return 8000.0 * height * math.pow(math.cos(angle), 1.3) * (0.12 + 0.88 * clear)

    def house(self, now: datetime) -> float:
        """Return what the house draws without miners, in W."""
        hour = hour_of(now)
        evening = math.exp(-(((hour - 19) / 2.2) ** 2))
        morning = math.exp(-(((hour - 7.5) / 1.5) ** 2))
        step = int((now - BEGIN) / MINUTE) // 4
        kettle = 1800 if self._kettle[step % 1013] > 0.97 and 6 < hour < 23 else 0
        return 220 + 500 * evening + 300 * morning + kettle

    def outside(self, now: datetime) -> float:
        """Return the temperature outside, in °C."""
        day = int((now - BEGIN) / timedelta(days=1))
        swing = 4 * math.cos((hour_of(now) - 15) / 24 * math.tau)
        return 10 + 9 * season(now) + swing + self._cold[day + 1]

    def prices(self, days: int) -> tuple[Slot, ...]:
        """Return all-in prices in EUR/kWh: cheap at noon in summer, some below the rest."""
        rng = random.Random(2)
        wind, found = 0.0, []
        for n in range((days + 3) * _SLOTS_A_DAY):
            now = BEGIN + n * SLOT
            wind += 0.012 * (rng.gauss(0, 1) - 0.9 * wind)
            hour = hour_of(now)
            peaks = 0.055 * math.exp(-(((hour - 19.5) / 2.5) ** 2))
            peaks += 0.035 * math.exp(-(((hour - 8) / 2) ** 2))
            noon = 0.000016 * self.sun(now) * (1 + season(now)) / 2
            found.append(0.255 + peaks - noon + wind * 0.9 - 0.02 * (not 5 < hour < 23))
        return slots_from(BEGIN, [round(item, 4) for item in found])


@dataclass(slots=True)
class Result:
    """One row: what a year came to."""

    strategy: str
    rules: str
    cost: float = 0.0
    energy: float = 0.0
    work: float = 0.0
    switches: int = 0
    more: str = ""
    trace: list[tuple[datetime, float, float]] = field(default_factory=list)
    """When, price or surplus, and W, of the week that is drawn."""


class Meter:
    """Adds up what miners draw and do."""

    def __init__(self, result: Result, plotted: tuple[datetime, datetime]) -> None:
        """Begin at nothing."""
        self.result = result
        self._plotted = plotted

    def add(
        self,
        miners: Sequence[SimMiner],
        now: datetime,
        until: datetime,
        cost_of: Callable[[float], float],
        shown: float,
    ) -> float:
        """Add a span in which nothing is switched; return the mean W."""
        hours, settled = (until - now) / HOUR, until + HOUR
        energy = 0.0
        for miner in miners:
            if not miner.running:
                continue
            part = 1.0
            if miner.started_at is not None:
                ready = miner.started_at + timedelta(seconds=miner.start_seconds)
                if ready > now:
                    part = max(until - ready, timedelta()) / (until - now)
            energy += miner.watts(settled) * (part + 0.1 * (1 - part)) * hours / 1000
            self.result.work += miner.hashrate(settled) * part * hours
        watts = energy / hours * 1000
        self.result.energy += energy
        self.result.cost += cost_of(watts) * hours
        if self._plotted[0] <= now < self._plotted[1]:
            self.result.trace.append((now, shown, watts))
        return watts


class Year:
    """Runs strategies through the same days."""

    def __init__(self, days: int) -> None:
        """Make up prices and weather."""
        self.days = days
        self.end = BEGIN + timedelta(days=days)
        self.weather = Weather(days)
        self.slots = self.weather.prices(days)
        known = sorted(slot.price for slot in self.slots)
        self.low, self.high = (
            round(known[int(len(known) * part)], 2) for part in (0.33, 0.75)
        )
        self.week = (
            BEGIN + timedelta(days=min(135, days // 2)),
            BEGIN + timedelta(days=min(142, days // 2 + 7)),
        )
        self.results: list[Result] = []

    def slot(self, now: datetime) -> Slot:
        """Return the slot of an instant."""
        return self.slots[int((now - BEGIN) / SLOT)]

    def begin(self, strategy: str, rules: str) -> Meter:
        """Return the meter of a new row."""
        result = Result(strategy, rules)
        self.results.append(result)
        return Meter(result, self.week)

    # By price

    def price_feed(self, now: datetime) -> dict[str, Any]:
        """Return price and slots as a sensor has them: tomorrow's from 13:00."""
        place = int((now - BEGIN) / SLOT)
        midnight = now.astimezone(ZONE).replace(hour=0, minute=0)
        days = 2 if now.astimezone(ZONE).hour >= 13 else 1
        last = int((midnight + timedelta(days=days) - BEGIN) / SLOT)
        return {
            "price": Price(self.slots[place].price, self.slots[place].end),
            "slots": self.slots[place:last],
        }

    def bands(self) -> BandsSettings:
        """Return the bands that the dialog proposes, with off for the dearest."""
        return BandsSettings.from_dict(
            {
                "bands": [
                    {"band_name": "Cheap", "upto": self.low, "rung": "highest"},
                    {"band_name": "Normal", "upto": self.high, "rung": "normal"},
                    {"band_name": "Expensive", "rung": "off"},
                ]
            }
        )

    def faults(self, miners: Sequence[SimMiner], now: datetime) -> None:
        """Take the most efficient miner down for six hours every nine days."""
        place = int((now - BEGIN) / timedelta(hours=6)) % 36
        miners[0].mining = place != 20

    def hmm(self, strategy: str, kind: Any, settings: Settings, **kept: Any) -> None:
        """Run a strategy by price as HMM does: whenever it wants to be asked."""
        meter = self.begin(strategy, "HMM")
        miners = fleet()
        own = Strategy("s", kind, settings, self.price_feed)
        world = World(miners, [own], zone=ZONE, now=BEGIN, is_stored=False, **kept)
        while world.now < self.end:
            self.faults(miners, world.now)
            settlement = world.step()
            price = self.slot(world.now)
            until = min(settlement.next_check_at, price.end)
            meter.add(
                miners,
                world.now,
                until,
                lambda w, p=price.price: w / 1000 * p,  # type: ignore[misc]
                price.price,
            )
            world.now = until
        meter.result.switches = len(world.switched)

    def by_slot(
        self,
        strategy: str,
        rules: str,
        wanted: Callable[[datetime, Sequence[SimMiner]], dict[str, str]],
    ) -> None:
        """Run rules that decide once for each slot."""
        meter = self.begin(strategy, rules)
        miners = fleet()
        now = BEGIN
        while now < self.end:
            self.faults(miners, now)
            for miner, rung in zip(miners, wanted(now, miners).values(), strict=True):
                if miner.reported != rung:
                    miner.take(rung, now)
                    meter.result.switches += 1
            price = self.slot(now).price
            meter.add(
                miners,
                now,
                now + SLOT,
                lambda w, p=price: w / 1000 * p,  # type: ignore[misc]
                price,
            )
            now += SLOT

    def band_of(self, price: float) -> int:
        """Return 0 for cheap, 1 and 2."""
        return (price >= self.low) + (price >= self.high)

    def hmm_local(self, *, is_last_off: bool) -> Iterator[int]:
        """Return the band of each slot by HMM-Local's rules."""
        present = 0
        for place in range(self.days * _SLOTS_A_DAY):
            new = self.band_of(self.slots[place].price)
            following = self.band_of(self.slots[place + 2].price)
            if new == 2 and is_last_off:
                present = new
            elif present == 2 and is_last_off:
                present = new if following != 2 else present
            elif new > present or following <= new:
                present = new
            yield present

    def bands_rows(self) -> None:
        """Compare price bands with other ways."""
        normal = {item.id: item.default for item in fleet()}
        highest = {item.id: list(item.modes)[-1] for item in fleet()}
        off = dict.fromkeys(normal, OFF)
        self.by_slot("Price bands", "always on", lambda _now, _m: normal)
        self.by_slot(
            "Price bands",
            "on/off by limit",
            lambda now, _m: off if self.slot(now).price >= self.high else normal,
        )
        local = self.hmm_local(is_last_off=True)
        self.by_slot(
            "Price bands",
            "HMM-Local",
            lambda _now, _m: (highest, normal, off)[next(local)],
        )
        self.hmm("Price bands", "price_bands", self.bands())

    def champion_rows(self) -> None:
        """Compare the champion with other ways."""
        normal = {item.id: item.default for item in fleet()}
        off = dict.fromkeys(normal, OFF)
        lone = off | {next(iter(normal)): "mode:eco"}
        others = self.hmm_local(is_last_off=False)

        def champion(_now: datetime, miners: Sequence[SimMiner]) -> dict[str, str]:
            if next(others) < 2:
                return normal
            # Replaced after 6 minutes without hashes, for as long as the band lasts
            if miners[0].mining:
                return lone
            return off | {miners[1].id: "mode:eco"}

        self.by_slot("Champion", "always on", lambda _now, _m: normal)
        self.by_slot("Champion", "HMM-Local", champion)
        self.hmm(
            "Champion", "champion", ChampionSettings.from_dict({"above": self.high})
        )

    # By sun

    def solar(self, rules: str, step: timedelta) -> None:
        """Run the fleet on what the house would export."""
        meter = self.begin("Solar surplus", rules)
        miners = fleet()
        now = BEGIN
        samples: list[Sample] = []
        average, wishes = 0.0, dict.fromkeys((miner.id for miner in miners), 0)
        settled_at = now
        own = Strategy(
            "s", "solar", SolarSettings(), lambda _now: {"samples": tuple(samples)}
        )
        world = World(miners, [own], zone=ZONE, now=now, is_stored=False)
        if rules != "always on":
            for miner in miners:
                miner.running = False
        imported = 0.0
        while now < self.end:
            self_made, drawn = self.weather.sun(now), self.weather.house(now)
            surplus = self_made - drawn
            watts = sum(miner.watts(now) for miner in miners)
            span = step if surplus > 0 or watts else SLOT
            match rules:
                case "HMM":
                    samples.append(Sample(now, surplus - watts, watts))
                    del samples[:-12]
                    if not self._is_settled(miners, surplus, watts):
                        settled_at = now + _SETTLED
                    if now <= settled_at:
                        world.now = now
                        world.step()
                case "on/off by limit":
                    self._by_limit(miners, surplus - watts, now, meter.result)
                case "HMM-Local":
                    weight = 1 - 0.8 ** (span / MINUTE)
                    average += weight * (surplus - watts - average)
                    budget = average + watts - 100
                    self._by_average(miners, budget, wishes, now, meter.result)
            until = now + span
            price = self.slot(now).price

            def cost(
                watts: float, surplus: float = surplus, price: float = price
            ) -> float:
                taken = min(watts, max(surplus, 0.0))
                return (taken * FEED_IN + (watts - taken) * price) / 1000

            mean = meter.add(miners, now, until, cost, surplus)
            over = max(mean - max(surplus, 0.0), 0.0)
            imported += over * (span / HOUR) / 1000
            now = until
        if rules == "HMM":
            meter.result.switches = len(world.switched)
        meter.result.more = f"{imported:,.0f} kWh from the grid"

    def _is_settled(
        self, miners: Sequence[SimMiner], surplus: float, watts: float
    ) -> bool:
        """Return whether nothing more can start, or stop: nobody need decide.

        The year without this comes to the same figures.
        """
        if not watts:
            least = min(next(iter(miner.modes.values()))[0] for miner in miners)
            return surplus < least + SolarSettings().reserve
        full = sum(next(reversed(miner.modes.values()))[0] for miner in miners)
        return surplus >= watts == full

    def _by_limit(
        self,
        miners: Sequence[SimMiner],
        surplus: float,
        now: datetime,
        result: Result,
    ) -> None:
        """Turn all on above their watts, off while the house imports."""
        watts = sum(miner.modes[miner.default][0] for miner in miners)
        for miner in miners:
            if miner.running and surplus < 0:
                miner.take(OFF, now)
                result.switches += 1
            elif not miner.running and surplus > watts:
                miner.take(miner.default, now)
                result.switches += 1

    def _by_average(
        self,
        miners: Sequence[SimMiner],
        budget: float,
        wishes: dict[str, int],
        now: datetime,
        result: Result,
    ) -> None:
        """Allot as HMM-Local's plug-in: lowest modes, then the highest that fit."""
        order = sorted(
            miners,
            key=lambda miner: (
                miner.modes[miner.default][0] / miner.modes[miner.default][1]
            ),
        )
        rungs: dict[str, str] = {}
        for item in order:
            lowest = next(iter(item.modes))
            if item.modes[lowest][0] <= budget:
                budget -= item.modes[lowest][0]
                rungs[item.id] = lowest
        for element in order:
            for rung, (watts, _) in reversed(element.modes.items()):
                if (
                    element.id in rungs
                    and watts - element.modes[rungs[element.id]][0] <= budget
                ):
                    budget -= watts - element.modes[rungs[element.id]][0]
                    rungs[element.id] = rung
                    break
        for miner in miners:
            rung = rungs.get(miner.id, OFF)
            if (rung == OFF) is (not miner.running):
                wishes[miner.id] = 0
                if rung not in {OFF, miner.mode}:
                    miner.take(rung, now)
                    result.switches += 1
            else:
                wishes[miner.id] += 1
                if wishes[miner.id] > 2:  # Five cycles of a minute
                    wishes[miner.id] = 0
                    miner.take(rung, now)
                    result.switches += 1

    # By room

    def heat(self, rules: str, step: timedelta) -> None:
        """Heat a small office with a Nano 3S, from October to April."""
        meter = self.begin("Heat", rules)
        miners = [nano(running=False)]
        room, cold, warm, hours = 19.0, 0.0, 0.0, 0.0
        own = Strategy(
            "s",
            "heat",
            HeatSettings(),
            lambda now: {"room": Reading(round(room, 1), now), "target": 20.0},
        )
        world = World(miners, [own], zone=ZONE, now=BEGIN, is_stored=False)
        now, changed = BEGIN, BEGIN - HOUR
        while now < self.end:
            if not 105 < (now - BEGIN).days % 365 < 273:
                world.now = now
                match rules:
                    case "HMM":
                        world.step()
                    case "thermostat, on/off":
                        on = miners[0].running
                        wanted = room < 19.7 or (on and room < 20.3)
                        if wanted is not on and now - changed >= timedelta(minutes=10):
                            miners[0].take("mode:high" if wanted else OFF, now)
                            meter.result.switches += 1
                            changed = now
                    case _:
                        miners[0].running = True
                price = self.slot(now).price
                watts = meter.add(
                    miners,
                    now,
                    now + step,
                    lambda w, p=price: w / 1000 * p,  # type: ignore[misc]
                    room,
                )
                # 6 W/K to the outside, held up by the rest of the flat; 0.3 kWh/K
                flow = (
                    watts + 5 * (19 - room) + 3.5 * (self.weather.outside(now) - room)
                )
                part = step / HOUR
                room += flow * part / 300
                hours += part
                cold += part * (room < 19.5)
                warm += part * (room > 20.5)
            else:
                miners[0].running = False
                room = 19.0
            now += step
        if rules == "HMM":
            meter.result.switches = len(world.switched)
        meter.result.more = f"{100 * cold / hours:.0f} % below 19.5 °C, {100 * warm / hours:.0f} % above 20.5"


PARTS = (
    ("bands", ""),
    ("champion", ""),
    *(("solar", item) for item in ("always on", "on/off by limit", "HMM-Local", "HMM")),
    *(("heat", item) for item in ("always on", "thermostat, on/off", "HMM")),
)


def rows(part: tuple[str, str], days: int) -> tuple[list[Result], float]:
    """Return some rows and their seconds of CPU, to be made in a process of their own."""
    begun, year = process_time(), Year(days)
    match part:
        case "solar", rules:
            year.solar(rules, 2 * MINUTE)
        case "heat", rules:
            year.heat(rules, 5 * MINUTE)
        case "champion", _:
            year.champion_rows()
        case _:
            year.bands_rows()
    return year.results, process_time() - begun


def table(results: Sequence[Result], days: int) -> str:
    """Return the rows as a table in Markdown."""
    lines = [
        "| | Rules | Cost | Energy | Hashrate | TH/s for a day | Switchings | |",
        "|---|---|---|---|---|---|---|---|",
    ]
    base: dict[str, float] = {}
    for result in results:
        full = base.setdefault(result.strategy, result.work)
        count = 1 if result.strategy == "Heat" else len(fleet())
        lines.append(
            f"| {result.strategy} | {result.rules} | {result.cost:,.0f} € | {result.energy:,.0f} kWh "
            f"| {100 * result.work / full:.0f} % | {f'{2400 * result.cost / result.work:.2f} ct' if result.work else '–'} "
            f"| {result.switches / count / days:.1f} | {result.more} |"
        )
    return "\n".join(lines)


def plot(title: str, unit: str, result: Result, scale: float = 1.0) -> str:
    """Return a week as SVG: what it follows above, what the miners draw below."""
    width, half, left = 860, 120, 54
    begin, end = result.trace[0][0], result.trace[-1][0]

    def place(now: datetime) -> float:
        return left + (now - begin) / (end - begin) * (width - left - 10)

    def line(values: Sequence[tuple[datetime, float]], top: float, color: str) -> str:
        low = min(0.0, *(v for _, v in values))
        high = max(v for _, v in values) or 1.0
        points, before = [], None
        for now, value in values:
            y = top + half - (value - low) / (high - low) * half
            if before is not None:
                points.append(f"{place(now):.1f},{before:.1f}")
            points.append(f"{place(now):.1f},{y:.1f}")
            before = y
        zero = top + half + low / (high - low) * half
        return (
            f'<path d="M{left} {zero:.1f}H{width - 10}" stroke="#999" stroke-width=".5"/>'
            f'<polyline points="{" ".join(points)}" fill="none" stroke="{color}" '
            f'stroke-width="1.2"/>'
            f'<text x="{left - 6}" y="{top + 8}" text-anchor="end">{high:.0f}</text>'
            f'<text x="{left - 6}" y="{zero:.0f}" text-anchor="end">0</text>'
        )

    thin: list[tuple[datetime, float, float]] = []
    for item in result.trace:
        if (
            not thin
            or item[0] - thin[-1][0] >= timedelta(minutes=10)
            or item[2] != thin[-1][2]
        ):
            thin.append(item)
    days = []
    day = begin.astimezone(ZONE).replace(hour=0, minute=0) + timedelta(days=1)
    while day <= end - timedelta(hours=12):
        x = place(day)
        days.append(
            f'<path d="M{x:.1f} 24V{2 * half + 60}" stroke="#ccc" stroke-width=".5"/>'
            f'<text x="{x + 4:.0f}" y="{2 * half + 74}">{day:%a}</text>'
        )
        day += timedelta(days=1)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {2 * half + 84}" '
        'font-family="sans-serif" font-size="11" fill="#444">'
        f'<rect width="{width}" height="{2 * half + 84}" fill="#fff"/>'
        f'<text x="{left}" y="16" font-weight="bold">{title}</text>{"".join(days)}'
        f"{line([(t, v * scale) for t, v, _ in thin], 26, '#1f77b4')}"
        f"{line([(t, w) for t, _, w in thin], half + 56, '#d9730d')}"
        f'<text x="{width - 10}" y="16" text-anchor="end" fill="#1f77b4">{unit}</text>'
        f'<text x="{left + 6}" y="{half + 52}" fill="#d9730d">W of the miners</text></svg>\n'
    )


def decision_time(count: int) -> float:
    """Return the ms of CPU in which bands decide and are settled for so many miners."""
    year = Year(3)
    miners = [
        SimMiner(f"{n:03} {it.id}", it.modes, it.default)
        for n, it in enumerate(fleet() * (count // 4))
    ]
    settings, memory, ledger = year.bands(), None, Ledger()
    times = []
    for n in range(40):
        now = BEGIN + n * SLOT
        views = tuple(miner.view(now) for miner in miners)
        inputs = Inputs(now, ZONE, views, **year.price_feed(now))
        begun = process_time()
        decision, memory = decide(settings, memory, inputs)
        standing = Standing("s", "price_bands", decision)
        settlement, ledger = settle(now, ZONE, [standing], views, [], ledger)
        times.append(process_time() - begun)
        for name, control in settlement.controls.items():
            if control.command is not None:
                miners[int(name[:3])].take(control.command, now)
    return sorted(times)[len(times) // 2] * 1000


def main() -> None:
    """Print the table; draw the weeks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--plots", type=Path)
    parser.add_argument("--decision", action="store_true", help="only one decision")
    given = parser.parse_args()
    if not given.decision:
        show_year(given.days, given.plots)
    for count in (4, 40, 200):
        print(f"One decision for {count} miners: {decision_time(count):.1f} ms")


def show_year(days: int, plots: Path | None) -> None:
    """Print the table; draw a week of it."""
    begun = perf_counter()
    with ProcessPoolExecutor() as pool:
        longest_first = sorted(PARTS, key=lambda item: item[1] not in {"", "HMM"})
        made = pool.map(rows, longest_first, repeat(days))
        parts = dict(zip(longest_first, made, strict=True))
    results = [item for part in PARTS for item in parts[part][0]]
    print(table(results, days))
    seconds = sum(it for _, it in parts.values())
    print(f"\n{days} days in {perf_counter() - begun:.0f} s, {seconds:.0f} s of CPU")
    if plots is not None:
        drawn = {(result.strategy, result.rules): result for result in results}
        for name, key, title, unit, scale in (
            (
                "year_bands",
                "Price bands",
                "Price bands, a week in May",
                "ct/kWh",
                100.0,
            ),
            (
                "year_solar",
                "Solar surplus",
                "Solar surplus, a week in May",
                "W of surplus",
                1.0,
            ),
        ):
            text = plot(title, unit, drawn[key, "HMM"], scale)
            (plots / f"{name}.svg").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
