"""The answers to questions that are spoken.

Each names how many, which miner, why and since when. Nothing is said of a miner that
is not exposed to the assistant or that the user may not read.
"""

from collections.abc import Callable, Mapping
from typing import Final

from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError

from ..data import get_data
from ..errors import message
from ..miner.coordinator import MinerCoordinator
from .asker import Asker, Miner, async_asker, folded, running
from .chance import block_chance
from .money import cost_month, cost_today, profit, revenue
from .orders import NotUnderstood, async_order
from .plans import plan
from .pools import pool_problems, pools
from .reasons import degrees_of, problem_of, status_of, why
from .request import Reply, Request
from .speech import MAX_NAMED, Speech, async_speech, some


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
        return " ".join(status_of(asker.hass, speech, miners[0]))
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
    problems += pool_problems(asker, speech)
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


# Figures


def _sum(
    what: str,
    read: Callable[[MinerCoordinator], float | None],
    words: Callable[[Speech, float], str],
) -> Reply:
    """Return what says a figure of one miner, or the sum of several."""

    async def run(
        asker: Asker, speech: Speech, miners: list[Miner], request: Request
    ) -> str:
        values = [
            value
            for _, coordinator in running(miners)
            if (value := read(coordinator)) is not None
        ]
        if request.name is not None:
            if values:
                said = words(speech, values[0])
                return speech.say(f"miner_{what}", name=miners[0].name, value=said)
            sentence = " ".join(status_of(asker.hass, speech, miners[0]))
            return sentence or speech.say(f"no_{what}")
        if not values:
            return speech.say(f"no_{what}")
        sentence = speech.say(f"fleet_{what}", value=words(speech, sum(values)))
        if len(values) < len(miners):
            part = speech.say("reporting", reporting=len(values), total=len(miners))
            sentence = f"{sentence} {part}"
        return sentence

    return run


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
    return speech.say("hottest", name=name, degrees=degrees_of(asker.hass, celsius))


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


# Orders


def _order(action: str) -> Reply:
    async def run(
        asker: Asker, speech: Speech, miners: list[Miner], request: Request
    ) -> str:
        return await async_order(asker, speech, action, miners, request.mode)

    return run


REPLIES: Final[Mapping[str, Reply]] = {
    "HmmFleetStatus": _status,
    "HmmHashrate": _sum("hashrate", lambda it: it.data.hashrate, Speech.hashrate),
    "HmmPower": _sum("power", lambda it: it.power, Speech.power),
    "HmmHottestMiner": _hottest,
    "HmmBlockChance": block_chance,
    "HmmCostToday": cost_today,
    "HmmCostMonth": cost_month,
    "HmmRevenue": revenue,
    "HmmProfit": profit,
    "HmmBestShare": _best_share,
    "HmmWhy": why,
    "HmmPlan": plan,
    "HmmPools": pools,
    "HmmSetMode": _order("set_mode"),
    "HmmPause": _order("pause"),
    "HmmResume": _order("resume"),
    "HmmRestart": _order("restart"),
}
"""What is said to each intent; the sentences are in ``custom_sentences``."""

ORDERS: Final = frozenset({"HmmSetMode", "HmmPause", "HmmResume", "HmmRestart"})
