"""The answers to questions that are spoken.

Each names how many, which miner, why and since when. Nothing is said of a miner that
is not exposed to the assistant or that the user may not read.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
import math
from typing import Final

from homeassistant.const import ATTR_UNIT_OF_MEASUREMENT, UnitOfTemperature
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError

from ..data import get_data
from ..errors import entry_reason, message
from ..miner.status import ON_PURPOSE, MinerState
from .asker import Asker, Miner, async_asker, folded, number_of, running
from .orders import NotUnderstood, async_order
from .speech import MAX_NAMED, Speech, async_speech, some

_DAYS_PER_YEAR: Final = 365.25
_MILLION: Final = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was requested: of one miner, those of an area, or all."""

    name: str | None = None
    area: str | None = None
    mode: str | None = None


type Reply = Callable[[Asker, Speech, list[Miner], Request], Awaitable[str]]


async def async_reply(
    hass: HomeAssistant,
    intent_type: str,
    request: Request,
    *,
    context: Context | None,
    assistant: str | None,
    language: str | None,
) -> str:
    """Return the answer to an intent of HMM.

    Raises NotUnderstood if there is no such miner, area or mode, or nothing exposed.
    """
    speech = await async_speech(hass, language)
    try:
        asker = await async_asker(hass, context, assistant)
        miners = find_miners(asker, speech, request)
        return await REPLIES[intent_type](asker, speech, miners, request)
    except HomeAssistantError as err:
        raise NotUnderstood(message(hass, err)) from err


def find_miners(asker: Asker, speech: Speech, request: Request) -> list[Miner]:
    """Return the miners that are meant. Raises NotUnderstood without any."""
    if not asker.miners:
        hass = asker.hass
        has_any = bool(get_data(hass).fleet.miners)
        raise NotUnderstood(speech.say("not_exposed" if has_any else "no_miners"))
    if request.name is not None:
        named = asker.names.get(folded(request.name), [])
        if len(named) == 1:
            return named
        titles = list(dict.fromkeys(miner.name for miner in named))
        if len(titles) > 1:
            word, miners = (
                titles[0].partition(" ")[0],
                speech.names(titles[:MAX_NAMED]),
            )
            raise NotUnderstood(speech.say("which", name=word, miners=miners))
        key = "ambiguous" if named else "no_such_miner"
        raise NotUnderstood(speech.say(key, name=speech.names([request.name])))
    if request.area is not None:
        area = speech.names([request.area])
        in_area = asker.in_area(request.area)
        if not in_area:
            key = "no_such_area" if in_area is None else "none_in_area"
            raise NotUnderstood(speech.say(key, area=area))
        return in_area
    return asker.miners


# Status


async def _status(
    asker: Asker, speech: Speech, miners: list[Miner], request: Request
) -> str:
    if request.name is not None:
        return " ".join(_status_of(asker.hass, speech, miners[0]))
    total, online = len(miners), len(running(miners))
    off = [
        miner.name
        for miner in miners
        if miner.coordinator is not None and miner.coordinator.status.is_on_purpose
    ]
    problems = [
        text
        for miner in miners
        if (text := problem_of(asker.hass, speech, miner)) is not None
    ]
    problems += _pool_problems(asker, speech)
    sentences = [speech.say("online_count", online=online, total=total)]
    if online == total:
        key = "all_online" if total > 1 else "one_online"
        sentences = [speech.say(key, total=total)]
    sentences += problems[:MAX_NAMED]
    if (more := len(problems) - MAX_NAMED) > 0:
        sentences.append(speech.say("more_problems", count=more))
    if off:
        sentences.append(speech.say("on_purpose", names=some(speech, off)))
    if not problems:
        sentences.append(speech.say("nothing_wrong"))
    return " ".join(sentences)


def _status_of(hass: HomeAssistant, speech: Speech, miner: Miner) -> Iterator[str]:
    """Return what a miner does, and what is wrong with it."""
    coordinator = miner.coordinator
    if coordinator is not None:
        state = coordinator.status.state
        sentences = [speech.state(state)]
        if coordinator.last_update_success:
            data = coordinator.data
            if data.hashrate is not None and state not in ON_PURPOSE:
                sentences.append(speech.hashrate(data.hashrate))
            if data.temperature is not None:
                sentences.append(
                    speech.say("degrees", value=_degrees(hass, data.temperature))
                )
        yield speech.say(
            "miner", name=miner.name, said=speech.language.comma.join(sentences)
        )
    problem = problem_of(hass, speech, miner)
    if problem is not None:
        yield problem
    elif coordinator is not None and (key := coordinator.status.record.status.reason):
        yield f"{speech.reason(key, coordinator.status.values)}."


def problem_of(hass: HomeAssistant, speech: Speech, miner: Miner) -> str | None:
    """Return what is wrong with a miner and since when, None if nothing is."""
    if miner.coordinator is None:
        reason = entry_reason(hass, miner.entry)
        if reason is None:
            return None
        return speech.say("miner", name=miner.name, said=speech.plain(reason))
    status = miner.coordinator.status
    key, values, since = "", status.values, status.record.status
    if status.active:
        key, values = next(iter(status.active.items()))
        since = status.record.problem
    elif status.state is MinerState.OFFLINE:
        # For too short to be a problem, but "nothing is wrong" would be no answer
        key = since.reason or "no_response"
    if not key:
        return None
    sentence = f"{speech.reason(key, values)} {speech.since(since.at)}".strip()
    return speech.say("miner", name=miner.name, said=sentence)


def _pool_problems(asker: Asker, speech: Speech) -> Iterator[str]:
    for entry, pool in asker.pools:
        if pool is not None and pool.status.active:
            key, values = next(iter(pool.status.active.items()))
            since = speech.since(pool.status.problem.at)
            sentence = f"{speech.reason(f'pool_{key}', values)} {since}".strip()
            yield speech.say("miner", name=speech.names([entry.title]), said=sentence)


# Figures


async def _hashrate(
    asker: Asker, speech: Speech, miners: list[Miner], request: Request
) -> str:
    rates = [
        coordinator.data.hashrate
        for _, coordinator in running(miners)
        if coordinator.data.hashrate is not None
    ]
    if request.name is not None:
        if rates:
            rate = speech.hashrate(rates[0])
            return speech.say("miner_hashrate", name=miners[0].name, rate=rate)
        sentence = " ".join(_status_of(asker.hass, speech, miners[0]))
        return sentence or speech.say("no_hashrate")
    if not rates:
        return speech.say("no_hashrate")
    sentence = speech.say("fleet_hashrate", rate=speech.hashrate(sum(rates)))
    if len(rates) < len(miners):
        part = speech.say("reporting", reporting=len(rates), total=len(miners))
        sentence = f"{sentence} {part}"
    return sentence


def _degrees(hass: HomeAssistant, celsius: float) -> str:
    degrees = hass.config.units.temperature(celsius, UnitOfTemperature.CELSIUS)
    return f"{degrees:.0f}"


async def _hottest(
    asker: Asker, speech: Speech, miners: list[Miner], request: Request
) -> str:
    temperatures = [
        (coordinator.data.temperature, miner.name)
        for miner, coordinator in running(miners)
        if coordinator.data.temperature is not None
    ]
    if not temperatures:
        return speech.say("no_temperature")
    celsius, name = max(temperatures, key=lambda item: round(item[0]))
    return speech.say("hottest", name=name, degrees=_degrees(asker.hass, celsius))


async def _best_share(
    asker: Asker, speech: Speech, miners: list[Miner], request: Request
) -> str:
    ranked = best_shares(asker.hass, miners)
    if not ranked:
        return speech.say("no_share")
    share, name = ranked[0]
    return speech.say("best_share", share=speech.large(share), name=name)


def best_shares(hass: HomeAssistant, miners: list[Miner]) -> list[tuple[float, str]]:
    """Return the best share of each miner with its name, the best first."""
    records = get_data(hass).miner_records
    return sorted(
        (
            (record.best, miner.name)
            for miner in miners
            if (record := records.get(miner.entry.entry_id)) is not None and record.best
        ),
        reverse=True,
    )


async def _block_chance(
    asker: Asker, speech: Speech, miners: list[Miner], request: Request
) -> str:
    one_in = chance_per_year(asker)
    if one_in is None:
        is_hidden = not asker.sees_all and asker.fleet_entity("soonest_block")
        return speech.say("not_all_exposed" if is_hidden else "no_chance")
    if one_in < 1.5:
        return speech.say("likely_block")
    one_in = _round(one_in)
    count = speech.number(one_in) if one_in < _MILLION else speech.large(one_in)
    return speech.say("block_chance", one_in=count)


def _round(value: float) -> float:
    return float(f"{value:.2g}")


def chance_per_year(asker: Asker) -> float | None:
    """Return in how many years one year has a block: 17000 is "1 in 17,000".

    That of the fleet's own sensor, else of the time to the next block of any coin.
    """
    percent = number_of(asker.fleet_state("odds_year"))
    if percent is not None and percent > 0:
        return 100 / percent
    days = number_of(asker.fleet_state("soonest_block"))
    if days is None or days <= 0:
        return None
    per_year = _DAYS_PER_YEAR / days
    return 1 / -math.expm1(-per_year)


async def _cost_today(
    asker: Asker, speech: Speech, miners: list[Miner], request: Request
) -> str:
    if (today := asker.fleet_state("cost_today")) is None:
        is_hidden = asker.fleet_entity("cost_today") is not None
        return speech.say("not_all_exposed" if is_hidden else "no_price")
    currency = today.attributes.get(ATTR_UNIT_OF_MEASUREMENT, "")
    if (amount := number_of(today)) is None:
        return speech.say("price_unknown")
    sentence = speech.say("cost_today", cost=speech.money(amount, currency))
    if (hourly := number_of(asker.fleet_state("cost_rate"))) is not None:
        now = speech.say("cost_rate", cost=speech.money(hourly, currency))
        sentence = f"{sentence} {now}"
    return sentence


# Orders


def _order(action: str) -> Reply:
    async def run(
        asker: Asker, speech: Speech, miners: list[Miner], request: Request
    ) -> str:
        return await async_order(asker, speech, action, miners, request.mode)

    return run


REPLIES: Final[Mapping[str, Reply]] = {
    "HmmFleetStatus": _status,
    "HmmHashrate": _hashrate,
    "HmmHottestMiner": _hottest,
    "HmmBlockChance": _block_chance,
    "HmmCostToday": _cost_today,
    "HmmBestShare": _best_share,
    "HmmSetMode": _order("set_mode"),
    "HmmPause": _order("pause"),
    "HmmResume": _order("resume"),
    "HmmRestart": _order("restart"),
}
"""What is said to each intent; the sentences are in ``custom_sentences``."""

ORDERS: Final = frozenset({"HmmSetMode", "HmmPause", "HmmResume", "HmmRestart"})
