"""Conditions of automations, in the words of a miner's owner.

As with the triggers, nothing else imports this module.
"""

from homeassistant.components.binary_sensor import DOMAIN as BINARY_SENSOR_DOMAIN
from homeassistant.components.sensor import DOMAIN as SENSOR_DOMAIN
from homeassistant.const import STATE_ON
from homeassistant.core import HomeAssistant
from homeassistant.helpers.automation import DomainSpec
from homeassistant.helpers.condition import Condition, EntityStateConditionBase

from .automation_targets import OfHmm
from .binary_sensor import MINER_ONLINE
from .miner.sensors import MINER_STATUS
from .miner.status import MinerState


class IsMiningCondition(OfHmm, EntityStateConditionBase):
    """A miner mines, be it slower than expected."""

    _domain_specs = {SENSOR_DOMAIN: DomainSpec()}
    _keys = {MINER_STATUS.translation_key}
    _states = {MinerState.MINING, MinerState.SLOW}


class IsOnlineCondition(OfHmm, EntityStateConditionBase):
    """A miner responds, or a worker is seen by its pool."""

    _domain_specs = {BINARY_SENSOR_DOMAIN: DomainSpec()}
    _keys = {MINER_ONLINE.translation_key}
    _states = {STATE_ON}


CONDITIONS: dict[str, type[Condition]] = {
    "is_mining": IsMiningCondition,
    "is_online": IsOnlineCondition,
}


async def async_get_conditions(hass: HomeAssistant) -> dict[str, type[Condition]]:
    """Return the conditions of miners and workers."""
    return CONDITIONS
