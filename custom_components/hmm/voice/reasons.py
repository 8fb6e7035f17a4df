"""What a miner does and why, as its card says it."""

from collections.abc import Iterator

from homeassistant.const import UnitOfTemperature
from homeassistant.core import HomeAssistant

from ..data import get_data
from ..errors import entry_reason
from ..miner.status import BY_STRATEGY, ON_PURPOSE, MinerState
from ..strategy.planner.model import OFF
from .asker import Asker, Miner
from .request import Request
from .speech import MAX_NAMED, Speech, some


def status_of(
    hass: HomeAssistant, speech: Speech, miner: Miner, *, with_mode: bool = False
) -> Iterator[str]:
    """Return what a miner does, and what is wrong with it or why it is off."""
    coordinator = miner.coordinator
    if coordinator is not None:
        state = coordinator.status.state
        said = [speech.state(state)]
        if coordinator.last_update_success:
            data, mode = coordinator.data, coordinator.tuning.current
            if with_mode and mode is not None and state not in ON_PURPOSE:
                said.append(speech.say("in_mode", mode=speech.mode(mode)))
            if data.hashrate is not None and state not in ON_PURPOSE:
                said.append(speech.hashrate(data.hashrate))
            if data.temperature is not None:
                degrees = degrees_of(hass, data.temperature)
                said.append(speech.say("degrees", value=degrees))
        yield speech.say(
            "miner", name=miner.name, said=speech.language.comma.join(said)
        )
    if coordinator is None:
        if (problem := problem_of(hass, speech, miner)) is not None:
            yield problem
    elif reason := _problem_of(hass, speech, miner) or _reason_of(speech, miner):
        # Its name was said before
        yield f"{reason}."


def _reason_of(speech: Speech, miner: Miner) -> str | None:
    """Return why a miner is in its state where nothing is wrong."""
    if miner.coordinator is None:
        return None
    status = miner.coordinator.status
    key = status.record.status.reason
    return None if key is None else speech.reason(key, status.values)


def degrees_of(hass: HomeAssistant, celsius: float) -> str:
    """Return a temperature in the unit of Home Assistant."""
    degrees = hass.config.units.temperature(celsius, UnitOfTemperature.CELSIUS)
    return f"{degrees:.0f}"


def problem_of(hass: HomeAssistant, speech: Speech, miner: Miner) -> str | None:
    """Return what is wrong with a miner and since when, None if nothing is."""
    sentence = _problem_of(hass, speech, miner)
    return sentence and speech.say("miner", name=miner.name, said=sentence)


def _problem_of(hass: HomeAssistant, speech: Speech, miner: Miner) -> str | None:
    """Return that without its name."""
    if miner.coordinator is None:
        reason = entry_reason(hass, miner.entry)
        return None if reason is None else speech.plain(reason)
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
    return f"{speech.reason(key, values)} {speech.since(since.at)}".strip()


def decision_of(hass: HomeAssistant, speech: Speech, miner: Miner) -> str | None:
    """Return who decides what a miner is set to and why; None if nobody but its owner."""
    key, manager = miner.entry.entry_id, get_data(hass).strategies
    control, coordinator = manager.controls.get(key), miner.coordinator
    text = manager.control_text(key, speech.language.code)
    if control is None or control.reason is None or text is None:
        return None
    if coordinator is None or not coordinator.last_update_success:
        # What it does now is not known
        return None
    status = coordinator.status
    if status.is_on_purpose and control.rung != OFF:
        # It was paused a moment ago, or not by what decides here
        return None
    reason = speech.spoken(text)
    if control.strategy is None or status.record.status.reason == BY_STRATEGY:
        return reason
    strategy = speech.names([manager.name_of(control.strategy)])
    if control.reason.key == "manual":
        # By hand, and not of this miner alone
        return speech.say("miner", name=strategy, said=reason.rstrip(".。"))
    return speech.say("decided_by", strategy=strategy, reason=reason)


def _is_by_hand(hass: HomeAssistant, miner: Miner) -> bool:
    control = get_data(hass).strategies.controls.get(miner.entry.entry_id)
    return control is not None and control.by == "manual"


async def why(
    asker: Asker, speech: Speech, miners: list[Miner], request: Request
) -> str:
    """Say why a miner is off or in its mode; of several, those with a reason."""
    hass = asker.hass
    if request.name is not None:
        (miner,) = miners
        said = list(status_of(hass, speech, miner, with_mode=True))
        if (decision := decision_of(hass, speech, miner)) is not None:
            said.append(decision)
        elif len(said) == 1:
            said.append(_waiting(hass, speech) or speech.say("nobody_decides"))
        return " ".join(said)
    sentences = []
    reasons: dict[str, list[str]] = {}
    by_hand: dict[str, list[str]] = {}
    for miner in miners:
        if (problem := problem_of(hass, speech, miner)) is not None:
            sentences.append(problem)
            continue
        why_so = _reason_of(speech, miner)
        parts = (why_so, decision_of(hass, speech, miner))
        if reason := ". ".join(text.rstrip(".。") for text in parts if text):
            is_mode = why_so is None and _is_by_hand(hass, miner)
            found = by_hand if is_mode else reasons
            found.setdefault(reason, []).append(miner.name)
    # What somebody set is news only where nothing else is
    for reason, names in (reasons if sentences else reasons or by_hand).items():
        is_all = len(names) == len(miners) > 1
        who = speech.say("all_miners", count=len(names)) if is_all else ""
        sentences.append(
            speech.say("miner", name=who or some(speech, names), said=reason)
        )
    if (more := len(sentences) - MAX_NAMED) > 0:
        sentences[MAX_NAMED:] = [speech.say("more_reasons", count=more)]
    return (
        " ".join(sentences)
        or _waiting(hass, speech)
        or speech.say("nobody_decides_any")
    )


def _waiting(hass: HomeAssistant, speech: Speech) -> str | None:
    """Return what a strategy says that has not decided anything yet."""
    manager = get_data(hass).strategies
    for strategy in manager.strategies.values():
        if strategy.record.enabled and strategy.decision is None:
            text = manager.explanation(strategy, speech.language.code) or ""
            name = speech.names([strategy.title])
            return speech.say(
                "miner", name=name, said=speech.spoken(text.rstrip(".。"))
            )
    return None
