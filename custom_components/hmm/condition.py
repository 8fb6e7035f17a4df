"""Conditions of automations, in the words of a miner's owner.

As with the triggers, nothing else imports this module.
"""

from typing import ClassVar, override

from homeassistant.components.binary_sensor import DOMAIN as BINARY_SENSOR_DOMAIN
from homeassistant.components.sensor import DOMAIN as SENSOR_DOMAIN
from homeassistant.const import STATE_ON
from homeassistant.core import HomeAssistant
from homeassistant.helpers.automation import DomainSpec
from homeassistant.helpers.condition import Condition, EntityStateConditionBase

from .automation_targets import entities_of
from .binary_sensor import MINER_ONLINE
from .miner.sensors import MINER_STATUS
from .miner.status import MinerState


class IsMiningCondition(EntityStateConditionBase):
    """A miner mines, be it slower than expected."""

    _domain_specs = {SENSOR_DOMAIN: DomainSpec()}
    _primary_entities_only: ClassVar[bool] = False
    _states = {MinerState.MINING, MinerState.SLOW}

    @override
    def entity_filter(self, entities: set[str]) -> set[str]:
        return entities_of(
            self, super().entity_filter, entities, {MINER_STATUS.translation_key}
        )


class IsOnlineCondition(EntityStateConditionBase):
    """A miner responds, or a worker is seen by its pool."""

    _domain_specs = {BINARY_SENSOR_DOMAIN: DomainSpec()}
    _primary_entities_only: ClassVar[bool] = False
    _states = {STATE_ON}

    @override
    def entity_filter(self, entities: set[str]) -> set[str]:
        return entities_of(
            self, super().entity_filter, entities, {MINER_ONLINE.translation_key}
        )


CONDITIONS: dict[str, type[Condition]] = {
    "is_mining": IsMiningCondition,
    "is_online": IsOnlineCondition,
}


async def async_get_conditions(hass: HomeAssistant) -> dict[str, type[Condition]]:
    """Return the conditions of miners and workers."""
    return CONDITIONS
