"""Who may do what, checked as Home Assistant's own actions check it.

A context without a user is an automation or Home Assistant itself: it may do
everything, because only administrators write automations.
"""

from homeassistant.auth.models import User
from homeassistant.auth.permissions.const import POLICY_CONTROL, POLICY_READ
from homeassistant.core import Context, HomeAssistant, callback
from homeassistant.exceptions import Unauthorized, UnknownUser
from homeassistant.helpers import entity_registry as er

from .const import DOMAIN
from .data import HmmConfigEntry
from .unique_ids import device_of, entity_id_of


class NotAllowed(Unauthorized):
    """A user may not do something; the message says what is missing."""

    def __init__(self, user: User, key: str, **placeholders: str) -> None:
        """Refuse a user; its base class takes no translation."""
        super().__init__(user_id=user.id)
        self.generate_message = True
        self.translation_domain = DOMAIN
        self.translation_key = key
        self.translation_placeholders = placeholders


async def async_user(hass: HomeAssistant, context: Context) -> User | None:
    """Return who runs an action, None for an automation.

    Raises UnknownUser for a user that was deleted.
    """
    if not context.user_id:
        return None
    if (user := await hass.auth.async_get_user(context.user_id)) is None:
        raise UnknownUser(context=context)
    return user


async def async_require_admin(hass: HomeAssistant, context: Context | None) -> None:
    """Raise NotAllowed unless an administrator or an automation runs the action."""
    user = await async_user(hass, context) if context else None
    if user is not None and not user.is_admin:
        raise NotAllowed(user, "not_admin")


@callback
def require_control(
    hass: HomeAssistant,
    user: User | None,
    entry: HmmConfigEntry,
    platform: str,
    key: str,
) -> None:
    """Raise NotAllowed unless a user may control an entity of a miner.

    It does what the action does. A miner without it needs control of all entities
    of its device.
    """
    entity_id = entity_id_of(hass, entry, platform, key)
    entity_ids = [entity_id] if entity_id else _entities(hass, entry)
    require(user, POLICY_CONTROL, entity_ids, entry.title)


@callback
def may_read(
    hass: HomeAssistant, user: User | None, entry: HmmConfigEntry | None
) -> bool:
    """Return whether a user may read all entities of an entry's device.

    Without an entry, or before it has entities, only who may read everything.
    """
    return _may(user, POLICY_READ, _entities(hass, entry) if entry else [])


@callback
def require_read(
    hass: HomeAssistant, user: User | None, entry: HmmConfigEntry | None, name: str
) -> None:
    """Raise NotAllowed unless ``may_read``."""
    require(user, POLICY_READ, _entities(hass, entry) if entry else [], name)


@callback
def require(user: User | None, policy: str, entity_ids: list[str], name: str) -> None:
    """Raise NotAllowed unless a user may control, or read, all of some entities.

    Without any, only who may do that with every entity.
    """
    if _may(user, policy, entity_ids):
        return
    assert user is not None
    if policy == POLICY_READ:
        raise NotAllowed(user, "not_allowed_to_read", name=name)
    raise NotAllowed(user, "not_allowed_to_control", name=name)


def _may(user: User | None, policy: str, entity_ids: list[str]) -> bool:
    if user is None or user.permissions.access_all_entities(policy):
        return True
    check = user.permissions.check_entity
    return bool(entity_ids) and all(
        check(entity_id, policy) for entity_id in entity_ids
    )


def _entities(hass: HomeAssistant, entry: HmmConfigEntry) -> list[str]:
    """Return the entities of an entry's own device, without those of its workers."""
    if (device := device_of(hass, entry)) is None:
        return []
    return [
        entity.entity_id
        for entity in er.async_entries_for_device(
            er.async_get(hass), device.id, include_disabled_entities=True
        )
        if entity.platform == DOMAIN
    ]
