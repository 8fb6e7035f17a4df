"""The reasons of failures as errors of Home Assistant, in the user's language.

Every error has a key under ``exceptions``; what a form may show is also under
``config.error``. A driver's own words are its ``detail``.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from math import isfinite
from typing import Final, get_args

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers.translation import async_get_cached_translations
from homeassistant.helpers.update_coordinator import UpdateFailed

from .const import DOMAIN
from .data import HmmConfigEntry
from .driver_api import DriverError, InvalidValue, Reason, reason_of
from .driver_api.reasons import CommandReason, LoginReason, PoolReason, ReadReason
from .driver_engine.faults import ENGLISH

FORM_REASONS: Final = frozenset(
    {
        *get_args(ReadReason.__value__),
        *get_args(LoginReason.__value__),
        "command_failed",
        "invalid_value",
    }
)
"""What can keep a miner from being added, and a login from being accepted."""
MINER_REASONS: Final = FORM_REASONS | {*get_args(CommandReason.__value__)}
POOL_REASONS: Final = frozenset(get_args(PoolReason.__value__))

POOL = "pool_"
"""How the keys of pools begin: their users do other things than those of miners."""

_LONGEST: Final = 500
"""The most characters of one value: devices and drivers may report anything."""

# What the classes of errors stand for in a pool
_POOLS_SAY: Final = {"login_needed": "key_refused", "not_a_miner": "web_page"}

type Placeholders = dict[str, str]


def translated[ErrorT: HomeAssistantError](
    kind: type[ErrorT], key: str, placeholders: Placeholders
) -> ErrorT:
    """Return an error with its key under ``exceptions``."""
    return kind(
        translation_domain=DOMAIN,
        translation_key=key,
        translation_placeholders=placeholders,
    )


def update_failed(err: DriverError, host: str) -> UpdateFailed:
    """Return why a poll failed."""
    return translated(UpdateFailed, *_of_miner(err, MINER_REASONS, host))


def action_failed(err: DriverError, host: str) -> HomeAssistantError:
    """Return why an action failed: the user's fault or the device's."""
    kind = (
        ServiceValidationError if isinstance(err, InvalidValue) else HomeAssistantError
    )
    return translated(kind, *_of_miner(err, MINER_REASONS, host))


def refusal(key: str, **placeholders: str) -> ServiceValidationError:
    """Return an error of the user: nothing was sent."""
    return translated(ServiceValidationError, key, placeholders)


def require_number(value: float) -> None:
    """Refuse NaN, which Home Assistant takes for a number within any limits."""
    if not isfinite(value):
        raise refusal("not_a_number", given=str(value))


def failure(key: str, **placeholders: str) -> HomeAssistantError:
    """Return an error of a device."""
    return translated(HomeAssistantError, key, placeholders)


def form_error(err: DriverError, host: str) -> tuple[str, Placeholders]:
    """Return why a miner cannot be added: a key of ``config.error`` and its texts."""
    return _of_miner(err, FORM_REASONS, host)


def pool_error(
    reason: DriverError | str | None, host: str, name: str
) -> tuple[str, Placeholders]:
    """Return why a pool has no statistics: a key and its texts.

    The key is one of ``exceptions`` and of ``config.error``.
    """
    if isinstance(reason, DriverError):
        reason = reason_of(reason)
    key = pool_reason(reason)
    values = reason.values if isinstance(reason, Reason) else {}
    if key == "problem":
        values = {"detail": reason or ""}
    return f"{POOL}{key}", _placeholders(values, host=host, name=name)


def pool_reason(reason: str | None) -> str:
    """Return the key of a reason, ``problem`` for the words of a user's driver."""
    key = reason.key if isinstance(reason, Reason) else ""
    key = _POOLS_SAY.get(key, key)
    return key if key in POOL_REASONS else "problem"


@callback
def message(hass: HomeAssistant, err: BaseException | None) -> str:
    """Return what an error says, in the language of Home Assistant."""
    if not isinstance(err, HomeAssistantError) or err.translation_domain != DOMAIN:
        return str(err)
    assert err.translation_key is not None
    return sentence(hass, err.translation_key, err.translation_placeholders or {})


@callback
def listed(hass: HomeAssistant, failed: Iterable[tuple[str, BaseException]]) -> str:
    """Return what failed with its names, one after the other."""
    return "; ".join(
        f"{name}: {message(hass, err).removesuffix('.')}" for name, err in failed
    )


@callback
def localized(hass: HomeAssistant, reason: str) -> str:
    """Return a reason in the language of Home Assistant, if it has a key."""
    if not isinstance(reason, Reason) or not reason.key:
        return reason
    values = {
        name: localized(hass, value) if isinstance(value, Reason) else value
        for name, value in reason.values.items()
    }
    return sentence(hass, reason.key, _placeholders(values))


@callback
def entry_reason(hass: HomeAssistant, entry: HmmConfigEntry) -> str | None:
    """Return why an entry is not set up, in the language of Home Assistant."""
    key = entry.error_reason_translation_key
    # Older versions of Home Assistant do not keep whose key it is: then it is ours
    domain = getattr(entry, "error_reason_translation_domain", DOMAIN)
    if key is None or domain != DOMAIN:
        return entry.reason
    return sentence(
        hass,
        key,
        entry.error_reason_translation_placeholders or {},
    )


@callback
def sentence(hass: HomeAssistant, key: str, placeholders: Mapping[str, str]) -> str:
    """Return a text under ``exceptions``, in the language of Home Assistant."""
    texts = async_get_cached_translations(
        hass, hass.config.language, "exceptions", DOMAIN
    )
    text = texts.get(
        f"component.{DOMAIN}.exceptions.{key}.message", ENGLISH.get(key, key)
    )
    with suppress(KeyError):
        text = text.format(**placeholders)
    return text


def _of_miner(
    err: DriverError, keys: frozenset[str], host: str
) -> tuple[str, Placeholders]:
    reason = reason_of(err)
    if reason.key in keys:
        return reason.key, _placeholders(reason.values, host=host)
    key = err.default_reason if err.default_reason in keys else "command_failed"
    return key, _placeholders({"detail": reason}, host=host)


def _placeholders(values: Mapping[str, object], **given: str) -> Placeholders:
    """Return values as texts; a detail follows a sentence."""
    texts = {
        name: f"{value:g}" if isinstance(value, float) else str(value)[:_LONGEST]
        for name, value in values.items()
    }
    detail = texts.get("detail", "")
    return {**given, **texts, "detail": f" {detail}" if detail else ""}
