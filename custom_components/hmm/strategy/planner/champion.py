"""Champion: while power is expensive only the most efficient miner runs."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from . import bands
from .bands import BandsMemory
from .model import LEAVE, OFF, Decision, Inputs, MinerView, Price, Sentence, State, Wish
from .ranking import ranked
from .rungs import resolve
from .settings import Band, BandsSettings, ChampionSettings
from .stored import Memory

_DEAR = "dear"
_CHEAP = "cheap"


@dataclass(frozen=True, slots=True)
class ChampionMemory(Memory):
    """Who is champion, since when it fails, and who failed in these dear hours."""

    price: BandsMemory = field(default_factory=BandsMemory)
    champion: str | None = None
    failing_since: datetime | None = None
    failed: tuple[str, ...] = ()
    replaced: str | None = None
    why: str | None = None


def decide(
    settings: ChampionSettings, memory: ChampionMemory, inputs: Inputs
) -> tuple[Decision, ChampionMemory]:
    """Return one miner to run while it is dear, no wishes while it is not."""
    when, price_memory = bands.decide(*_dear_hours(settings, memory, inputs))
    when = replace(when, band=None, next_band=None)
    if when.state == "waiting" or price_memory.band != _DEAR:
        rests = when.sentence
        if when.state in {"steering", "holding"}:
            values = {k: when.sentence.values.get(k) for k in ("price", "time")}
            rests = Sentence("champion_rests", {**values, "limit": settings.above})
            if settings.band is not None and inputs.band is not None:
                rests = Sentence("champion_rests_band", {"band": inputs.band.name})
        wishes = when.wishes if when.state == "waiting" else ()
        rest = replace(when, wishes=wishes, sentence=rests, mark="")
        return rest, ChampionMemory(price=price_memory)
    memory = _choose(settings, replace(memory, price=price_memory), inputs)
    return _decision(settings, memory, inputs, when), memory


def _dear_hours(
    settings: ChampionSettings, memory: ChampionMemory, inputs: Inputs
) -> tuple[BandsSettings, BandsMemory, Inputs]:
    """Return two bands: the dear hours, and the others."""
    limit = settings.above
    if limit is None:
        # The other strategy has checked the price: its band counts as one
        limit = 1.0
        price = None
        if inputs.band is not None:
            is_dear = inputs.band.id == settings.band
            price = Price(2.0 if is_dear else 0.0, inputs.band.until)
        inputs = replace(inputs, price=price, slots=())
    two = BandsSettings(
        bands=(Band(_CHEAP, _CHEAP, LEAVE, upto=limit), Band(_DEAR, _DEAR, LEAVE)),
        dead_band=settings.dead_band,
        min_time=timedelta() if settings.above is None else settings.min_time,
        look_ahead=settings.look_ahead,
        max_switches=settings.max_switches,
        stagger=settings.stagger,
    )
    return two, memory.price, inputs


def ordered(settings: ChampionSettings, inputs: Inputs) -> list[MinerView]:
    """Return the miners, the best first."""
    return ranked(settings.rank_by, settings.order, inputs.miners, inputs.now)


def _able(miner: MinerView) -> bool:
    return (
        not miner.held
        and miner.manual is None
        and miner.safety is None
        and (miner.online or miner.reported == OFF)
    )


def _choose(
    settings: ChampionSettings, memory: ChampionMemory, inputs: Inputs
) -> ChampionMemory:
    """Keep the champion unless it fails or leaves; else take the next by rank."""
    now = inputs.now
    present = next(
        (miner for miner in inputs.miners if miner.id == memory.champion), None
    )
    why, failed = None, memory.failed
    if present is None:
        why = "left"
    elif present.held or present.manual is not None:
        why = "by_hand"
    elif present.safety is not None:
        why = "too_hot"
    elif present.online and present.mining and present.reported != OFF:
        return replace(memory, failing_since=None)
    else:
        since = min(memory.failing_since or now, now)
        if now - since < settings.replace_after:
            return replace(memory, failing_since=since)
        why, failed = "not_mining", (*failed, present.id)
    able = [miner.id for miner in ordered(settings, inputs) if _able(miner)]
    fresh = [id_ for id_ in able if id_ not in failed]
    if not fresh:
        # All have failed once: begin again, the one that failed last is the last
        failed = failed[-1:]
        fresh = [id_ for id_ in able if id_ not in failed] or able
    champion = next(iter(fresh), None)
    is_replaced = memory.champion is not None and champion != memory.champion
    return replace(
        memory,
        champion=champion,
        failing_since=None,
        failed=failed,
        replaced=memory.champion if is_replaced else None,
        why=why if is_replaced else None,
    )


def _decision(
    settings: ChampionSettings,
    memory: ChampionMemory,
    inputs: Inputs,
    when: Decision,
) -> Decision:
    now = inputs.now
    ranking = ordered(settings, inputs)
    state: State = when.state if when.state == "fallback" else "steering"
    champion = next((miner for miner in ranking if miner.id == memory.champion), None)
    if champion is None:
        sentence = Sentence("champion_none", {"count": len(ranking)})
        state = "holding"
        wishes = tuple(Wish(miner.id, LEAVE, sentence) for miner in ranking)
    else:
        if memory.replaced is None:
            values = {
                "miner": champion.id,
                "efficiency": champion.efficiency,
                "count": len(ranking) - 1,
                "time": when.next_change_at,
            }
            others = [miner for miner in ranking if miner is not champion]
            is_alone = all(resolve(settings.reserve, miner) == OFF for miner in others)
            sentence = Sentence("champion" if is_alone else "champion_low", values)
        else:
            values = {"miner": champion.id, "old": memory.replaced}
            sentence = Sentence("champion_replaced", values | {"reason": memory.why})
        wishes = tuple(
            Wish(
                miner.id,
                settings.rung if miner is champion else settings.reserve,
                sentence,
                when.next_change_at,
            )
            for miner in ranking
        )
    checks = [when.next_check_at]
    if memory.failing_since is not None:
        checks.append(memory.failing_since + settings.replace_after)
    elif champion is not None and not champion.mining:
        checks.append(now + timedelta(minutes=1))
    return replace(
        when,
        wishes=wishes,
        sentence=sentence,
        state=state,
        next_check_at=min(instant for instant in checks if instant > now),
        mark=memory.champion or "",
        champion=memory.champion,
        ranking=tuple(miner.id for miner in ranking),
        min_time=settings.min_time,
    )
