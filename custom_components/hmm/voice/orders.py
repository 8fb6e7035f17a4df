"""Commands by voice: a mode, a pause, a restart."""

import asyncio
from collections import Counter
from collections.abc import Iterable
import logging
from typing import Any, Final

from homeassistant.const import ATTR_DEVICE_ID, ATTR_MODE
from homeassistant.core import HomeAssistant, callback

from ..const import DOMAIN
from ..fleet.commands import COMMANDS
from ..fleet.services import CONF_PARALLEL
from ..unique_ids import device_id_of
from .asker import Asker, Miner, folded
from .speech import Speech, shown, some

_LOGGER = logging.getLogger(__name__)

_WAIT_SECONDS: Final = 15.0
"""How long a speaker waits for an answer; the command continues."""
_PARALLEL: Final = 20
_MAX_NAMED: Final = 3
_MAX_MODES: Final = 60

_FAMILIES: Final = (
    ("eco", "low", "night"),
    ("standard", "medium", "mining"),
    ("turbo", "high", "super"),
)
"""Modes that mean the same in miners of different makers, a name of the house first."""


class NotUnderstood(Exception):
    """What was requested is not there; the text says what."""


async def async_order(
    asker: Asker, speech: Speech, action: str, miners: list[Miner], mode: str | None
) -> str:
    """Run an action at miners and return what became of it.

    Raises NotUnderstood for a mode that none of them has, and HomeAssistantError if
    the user may not control one of them.
    """
    control = COMMANDS[action].control
    able = [miner for miner in miners if asker.has_control(miner, *control)]
    unable = [miner.name for miner in miners if miner not in able]
    if not able:
        raise NotUnderstood(speech.say("unable", names=some(speech, unable)))
    data: dict[str, Any] = {}
    if action == "set_mode":
        data[ATTR_MODE] = find_modes(asker, speech, able, mode or "")
    exposed = [miner for miner in able if asker.may_move(miner, *control)]
    if not exposed:
        hidden = [miner.name for miner in able]
        key = "restart_hidden" if action == "restart" else "takes_no_orders"
        raise NotUnderstood(speech.say(key, names=some(speech, hidden)))
    report = await async_run(asker, action, exposed, data)
    if report is None:
        return speech.say("still_working")
    sentences = [_report(speech, action, report, hidden=len(able) - len(exposed))]
    if unable:
        sentences.append(speech.say("unable", names=some(speech, unable)))
    return " ".join(sentences)


async def async_run(
    asker: Asker, action: str, miners: Iterable[Miner], data: dict[str, Any]
) -> dict[str, Any] | None:
    """Run an action of HMM as the one who asks; return its report.

    None if it takes longer than anybody listens: it continues. Raises
    HomeAssistantError.
    """
    hass = asker.hass
    ids = [id_ for miner in miners if (id_ := device_id_of(hass, miner.entry))]
    task = hass.async_create_task(
        hass.services.async_call(
            DOMAIN,
            action,
            {ATTR_DEVICE_ID: ids, CONF_PARALLEL: _PARALLEL, **data},
            blocking=True,
            context=asker.context,
            return_response=True,
        ),
        f"hmm voice {action}",
    )
    done, _ = await asyncio.wait({task}, timeout=_WAIT_SECONDS)
    if not done:
        task.add_done_callback(_log_failure)
        return None
    return task.result()


@callback
def _log_failure(task: asyncio.Task[Any]) -> None:
    """Log the result that no one listens to any more."""
    if not task.cancelled() and (err := task.exception()) is not None:
        _LOGGER.warning("An action by voice failed: %s", err)


def _report(speech: Speech, action: str, report: dict[str, Any], hidden: int) -> str:
    """Return a report as a sentence: how many, and which did not."""
    done = [row for row in report["miners"] if row["success"]]
    failed = [row for row in report["miners"] if not row["success"]]
    total = len(report["miners"])
    modes = ""
    if action == "set_mode":
        counts = Counter(str(row["value"]) for row in done if row["value"])
        modes = speech.names(speech.mode(mode) for mode, _ in counts.most_common(3))
    sentences = []
    if total == 1 and done:
        name = shown(done[0]["device"])
        sentences.append(speech.say(f"{action}_one", name=name, mode=modes))
    elif done:
        key = f"{action}_all" if not failed else f"{action}_some"
        sentences.append(speech.say(key, count=len(done), total=total, mode=modes))
    elif total > 1:
        sentences.append(speech.say("none_did", total=total))
    for row in failed[:_MAX_NAMED]:
        # Its sentence is in the language of Home Assistant, not of the speaker
        reason = speech.short_reason(row["reason"]) or speech.plain(row["error"] or "")
        sentences.append(speech.say("miner", name=shown(row["device"]), said=reason))
    if (more := len(failed) - _MAX_NAMED) > 0:
        sentences.append(speech.say("more_problems", count=more))
    if hidden:
        sentences.append(speech.say("hidden", count=hidden))
    return " ".join(sentences)


# Modes


def find_modes(
    asker: Asker, speech: Speech, miners: list[Miner], spoken: str
) -> list[str]:
    """Return the modes that a word may mean, the closest first.

    Raises NotUnderstood if no miner has any of them.
    """
    wanted, space = folded(spoken), speech.language.space
    for word in folded(speech.say("mode_words")).split():
        wanted = wanted.removesuffix(f"{space}{word}").removeprefix(f"{word}{space}")
        wanted = wanted.strip()
    modes = spoken_modes(asker.hass, speech, miners).get(wanted)
    if not modes:
        raise NotUnderstood(_no_such_mode(speech, miners, spoken))
    return modes


def _no_such_mode(speech: Speech, miners: list[Miner], spoken: str) -> str:
    mode = speech.names([spoken])
    coordinator = miners[0].coordinator
    if len(miners) > 1 or coordinator is None or not coordinator.tuning.options:
        return speech.say("no_such_mode", mode=mode)
    modes = [speech.mode(mode_) for mode_ in coordinator.tuning.options]
    return speech.say(
        "no_such_mode_of", name=miners[0].name, mode=mode, modes=some(speech, modes)
    )


def spoken_modes(
    hass: HomeAssistant, speech: Speech, miners: Iterable[Miner]
) -> dict[str, list[str]]:
    """Return what each word for a mode means to these miners, by the folded word."""
    existing: dict[str, None] = {}
    for miner in miners:
        if miner.coordinator is not None:
            existing |= dict.fromkeys(miner.coordinator.tuning.options[:_MAX_MODES])
        if len(existing) >= _MAX_MODES:
            break
    words: dict[str, list[str]] = {}
    for mode in existing:
        for name in {mode, speech.mode(mode)}:
            words.setdefault(folded(name), []).append(mode)
    for family in _FAMILIES:
        alike = [mode for mode in family if mode in existing]
        for word in (*family[:1], *speech.say(f"words_{family[0]}").split(", ")):
            if alike:
                others = words.setdefault(folded(word), [])
                others += [mode for mode in alike if mode not in others]
    words.pop("", None)
    return words
