"""What an overheat has lowered: it is reported, and the owner can go back.

Firmwares of the AxeOS family save lower settings after an overheat and keep them: 50 MHz
up to version 2.11, 100 MHz and 100 mV less at each overheat since then.
"""

from typing import TYPE_CHECKING, Any, Final

from homeassistant.components.repairs import RepairsFlowResult
from homeassistant.core import callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir

from ..const import DOMAIN
from ..data import get_data
from ..errors import failure, message
from ..languages import home_language
from ..markdown import async_create_issue
from ..question_flow import QuestionFlow
from .profiles import Settings, TuningRecord, settings_text

if TYPE_CHECKING:
    from .coordinator import MinerCoordinator

OVERHEAT_LOWERED: Final = "overheat_lowered"
_POINT: Final = ("frequency", "core_voltage")
_HARM: Final = frozenset({"overheat", "hot", "fan_stopped", "fan_fault"})


class LoweredSettings:
    """Follows one miner from poll to poll."""

    def __init__(self, miner: MinerCoordinator) -> None:
        """Begin with what is stored."""
        self._miner = miner
        self._good: Settings = {}
        self._issue_id = f"{OVERHEAT_LOWERED}_{miner.config_entry.entry_id}"

    @callback
    def learn(self) -> None:
        """Look at a poll; what was set before an overheat is kept until that is back."""
        miner, record = self._miner, self._record
        if miner.autotune is not None and miner.autotune.is_running:
            # It brings the miner back automatically
            return
        if "overheat" in miner.data.problems:
            if record.before is None and self._good:
                record.before = self._good
                self._save()
        elif record.before is None:
            self._good = miner.tuning.present
        elif self._is_lower(record.before) is False:
            # It is back, or nothing was lowered
            self.forget()
        self._show()

    @callback
    def forget(self) -> None:
        """Take it as it is: someone has set the miner, or wants it so."""
        record, self._good = self._record, {}
        if record.before is not None:
            record.before = None
            self._save()
        ir.async_delete_issue(self._miner.hass, DOMAIN, self._issue_id)
        self._miner.status.problems.lowered = None

    async def async_restore(self) -> None:
        """Set the miner as it was. Raises HomeAssistantError, also while it is hot."""
        miner, before = self._miner, self._record.before
        if before is None:
            return
        await miner.async_require_response()
        harm = _HARM.intersection(miner.status.active)
        if miner.data.hashing:
            # Old firmwares leave the flag until someone sets them again
            harm -= {"overheat"}
        if harm:
            raise failure("overheat", host=miner.config_entry.title)
        miner.tuning.require_room(before)
        miner.note_mode()
        await miner.tuning.async_apply(before, own=True)
        self.forget()
        miner.async_update_listeners()

    def _is_lower(self, before: Settings) -> bool | None:
        """Return whether the miner runs with less than before, None if not reported."""
        pairs = [
            (old, getattr(self._miner.data, key))
            for key in _POINT
            if isinstance(old := before.get(key), float | int)
        ]
        if any(now is None for _, now in pairs):
            return None
        return any(now < old - 0.5 for old, now in pairs)

    @callback
    def _show(self) -> None:
        before = self._record.before
        if before is None or not self._is_lower(before):
            return
        entry = self._miner.config_entry
        now: Settings = {
            key: value
            for key in _POINT
            if key in before and (value := getattr(self._miner.data, key)) is not None
        }
        old: Settings = {key: before[key] for key in now}
        language = home_language(self._miner.hass)
        values = {
            "old": settings_text(old, language),
            "new": settings_text(now, language),
        }
        self._miner.status.problems.lowered = values
        async_create_issue(
            self._miner.hass,
            self._issue_id,
            is_fixable=True,
            data={"entry_id": entry.entry_id},
            severity=ir.IssueSeverity.WARNING,
            translation_key=OVERHEAT_LOWERED,
            translation_placeholders={"name": entry.title, **values},
        )

    @property
    def _record(self) -> TuningRecord:
        return get_data(self._miner.hass).tuning.record(
            self._miner.config_entry.entry_id
        )

    def _save(self) -> None:
        get_data(self._miner.hass).tuning.save()


class LoweredFlow(QuestionFlow):
    """Sets a miner as it was before it overheated, or leaves it as it is."""

    answers = ("restore", "keep")

    async def async_step_restore(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Set the miner as it was, unless it is still too hot."""
        try:
            if (lowered := self._lowered) is None:
                entry = self.hass.config_entries.async_get_entry(self.held("entry_id"))
                raise failure("miner_left", name=entry.title if entry else "HMM")
            await lowered.async_restore()
        except HomeAssistantError as err:
            return self.async_abort(
                reason="not_restored",
                description_placeholders={"reason": message(self.hass, err)},
            )
        return self.async_create_entry(data={})

    async def async_step_keep(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Leave the miner as it is."""
        if (lowered := self._lowered) is not None:
            lowered.forget()
        else:
            tuning = get_data(self.hass).tuning
            tuning.record(self.held("entry_id")).before = None
            tuning.save()
        return self.async_create_entry(data={})

    @property
    def _lowered(self) -> LoweredSettings | None:
        miner = get_data(self.hass).fleet.miners.get(self.held("entry_id"))
        return None if miner is None else miner.lowered
