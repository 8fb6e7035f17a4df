"""Triggers of automations, in the words of a miner's owner.

The interface is young and may change with any release of Home Assistant: nothing
else imports this module. What each trigger looks at is a plain entity as well.
"""

from typing import ClassVar, override

from homeassistant.components.event import ATTR_EVENT_TYPE, DOMAIN as EVENT_DOMAIN
from homeassistant.components.sensor import DOMAIN as SENSOR_DOMAIN
from homeassistant.const import CONF_OPTIONS, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.automation import DomainSpec
from homeassistant.helpers.trigger import (
    ENTITY_STATE_TRIGGER_SCHEMA,
    EntityTriggerBase,
    NotTriggeredReasonReporter,
    StatelessEntityTriggerBase,
    Trigger,
)
import voluptuous as vol

from .automation_targets import OfHmm
from .data import get_data
from .driver_api.units import parse_number
from .event import (
    EVENT_BEST_SHARE,
    EVENT_BLOCK_FOUND,
    MINER_EVENT,
    POOL_EVENT,
    POOL_MOVED,
)
from .miner.sensors import MINER_STATUS
from .miner.status import MinerState

CONF_AT_LEAST = "at_least"
CONF_SOURCE = "source"
CONF_TO = "to"

_LONGEST_NAME = 64
_BAND = "strategy_band"
_MOVED = {"moved_to_backup", "moved_back"}

# The events that report a block, by who found it
_SOURCES = {
    "any": {MINER_EVENT.translation_key, POOL_EVENT.translation_key},
    "miner": {MINER_EVENT.translation_key},
    "pool": {POOL_EVENT.translation_key},
}
_AWAY = {MinerState.OFF, MinerState.OFFLINE}


class BlockFoundTrigger(OfHmm, StatelessEntityTriggerBase):
    """A miner or a pool reports a block."""

    _domain_specs = {EVENT_DOMAIN: DomainSpec()}
    _schema = ENTITY_STATE_TRIGGER_SCHEMA.extend(
        {
            vol.Required(CONF_OPTIONS, default={}): {
                vol.Required(CONF_SOURCE, default="any"): vol.In(list(_SOURCES))
            }
        }
    )

    @property
    @override
    def _keys(self) -> set[str | None]:
        return _SOURCES[self._options[CONF_SOURCE]]

    @override
    def is_valid_state(
        self, state: State, report_not_triggered: NotTriggeredReasonReporter
    ) -> bool:
        return state.attributes.get(ATTR_EVENT_TYPE) == EVENT_BLOCK_FOUND


class NewBestShareTrigger(OfHmm, StatelessEntityTriggerBase):
    """A miner found its best share ever."""

    _domain_specs = {EVENT_DOMAIN: DomainSpec()}
    _keys = _SOURCES["miner"]
    _schema = ENTITY_STATE_TRIGGER_SCHEMA.extend(
        {
            vol.Required(CONF_OPTIONS, default={}): {
                vol.Required(CONF_AT_LEAST, default=0): vol.All(
                    vol.Coerce(float), vol.Range(min=0)
                )
            }
        }
    )

    @override
    def is_valid_state(
        self, state: State, report_not_triggered: NotTriggeredReasonReporter
    ) -> bool:
        if state.attributes.get(ATTR_EVENT_TYPE) != EVENT_BEST_SHARE:
            return False
        difficulty = parse_number(state.attributes.get("difficulty"))
        return difficulty is not None and difficulty >= self._options[CONF_AT_LEAST]


class PoolMovedTrigger(OfHmm, StatelessEntityTriggerBase):
    """Failover moved a miner to a backup pool, or back."""

    _domain_specs = {EVENT_DOMAIN: DomainSpec()}
    _keys = {POOL_MOVED.translation_key}

    @override
    def is_valid_state(
        self, state: State, report_not_triggered: NotTriggeredReasonReporter
    ) -> bool:
        return state.attributes.get(ATTR_EVENT_TYPE) in _MOVED


class BandChangedTrigger(OfHmm, EntityTriggerBase):
    """Another price band of a strategy began, or one of some."""

    _domain_specs = {SENSOR_DOMAIN: DomainSpec()}
    _keys = {_BAND}
    _schema = ENTITY_STATE_TRIGGER_SCHEMA.extend(
        {
            vol.Required(CONF_OPTIONS, default={}): {
                vol.Optional(CONF_TO, default=[]): [
                    vol.All(str, vol.Length(max=_LONGEST_NAME))
                ]
            }
        }
    )

    @override
    def is_valid_state(
        self, state: State, report_not_triggered: NotTriggeredReasonReporter
    ) -> bool:
        return not (wanted := self._options[CONF_TO]) or state.state in wanted


class _StatusTrigger(OfHmm, EntityTriggerBase):
    """The status of a miner became another one."""

    _domain_specs = {SENSOR_DOMAIN: DomainSpec()}
    _keys = {MINER_STATUS.translation_key}
    _from_states: ClassVar[frozenset[str] | None] = None
    """None is any but those that trigger."""
    _to_states: ClassVar[frozenset[str]]

    @override
    def is_valid_transition(self, from_state: State, to_state: State) -> bool:
        if self._from_states is None:
            return from_state.state not in self._to_states
        return from_state.state in self._from_states

    @override
    def is_valid_state(
        self, state: State, report_not_triggered: NotTriggeredReasonReporter
    ) -> bool:
        return state.state in self._to_states


class WentOfflineTrigger(_StatusTrigger):
    """A miner stopped responding, and no one had switched it off."""

    _to_states = frozenset({MinerState.OFFLINE})


class CameBackOnlineTrigger(_StatusTrigger):
    """A miner that did not respond does so again."""

    _excluded_from_states: ClassVar[frozenset[str]] = frozenset({STATE_UNKNOWN})
    _from_states = frozenset({MinerState.OFFLINE})
    _to_states = frozenset(MinerState) - _AWAY

    @override
    def is_valid_transition(self, from_state: State, to_state: State) -> bool:
        if from_state.state != STATE_UNAVAILABLE:
            return super().is_valid_transition(from_state, to_state)
        # Its entry was set up again, perhaps because the miner has another address now
        entity = er.async_get(self._hass).async_get(to_state.entity_id)
        assert entity is not None and entity.config_entry_id is not None
        online = get_data(self._hass).statuses[entity.config_entry_id].online
        return (
            online.state is True
            and online.at is not None
            and online.at > from_state.last_changed
        )


class OverheatedTrigger(_StatusTrigger):
    """A miner stopped or slowed down because it was too hot."""

    _to_states = frozenset({MinerState.OVERHEATED})


class StoppedFindingSharesTrigger(_StatusTrigger):
    """A miner that should mine finds no shares."""

    _to_states = frozenset({MinerState.NO_SHARES})


TRIGGERS: dict[str, type[Trigger]] = {
    "band_changed": BandChangedTrigger,
    "block_found": BlockFoundTrigger,
    "came_back_online": CameBackOnlineTrigger,
    "new_best_share": NewBestShareTrigger,
    "overheated": OverheatedTrigger,
    "pool_moved": PoolMovedTrigger,
    "stopped_finding_shares": StoppedFindingSharesTrigger,
    "went_offline": WentOfflineTrigger,
}


async def async_get_triggers(hass: HomeAssistant) -> dict[str, type[Trigger]]:
    """Return the triggers of miners and pools."""
    return TRIGGERS
