"""Driver errors in the words of the user."""

from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers.update_coordinator import UpdateFailed

from .const import DOMAIN
from .driver_api import (
    AddressRefused,
    AuthRequired,
    BadAnswer,
    CannotConnect,
    DriverError,
    HtmlAnswer,
    InvalidValue,
    NotThisDevice,
    RedirectAnswer,
)
from .driver_manager.client import DriverFault

# The first class that fits decides
_KEYS: tuple[tuple[type[DriverError], str], ...] = (
    (DriverFault, "driver_fault"),
    (AddressRefused, "address_refused"),
    (AuthRequired, "auth_required"),
    (HtmlAnswer, "html_answer"),
    (RedirectAnswer, "redirect_answer"),
    (BadAnswer, "bad_answer"),
    (NotThisDevice, "other_device"),
    (InvalidValue, "invalid_value"),
    (CannotConnect, "cannot_connect"),
    (DriverError, "command_failed"),
)


def translation_key(err: DriverError) -> str:
    """Return the key under ``exceptions`` (and ``config.error``) for an error."""
    return next(key for kind, key in _KEYS if isinstance(err, kind))


def update_failed(err: DriverError, host: str) -> UpdateFailed:
    """Return why a poll failed."""
    return UpdateFailed(
        translation_domain=DOMAIN,
        translation_key=translation_key(err),
        translation_placeholders={"host": host, "reason": str(err)},
    )


def action_failed(err: DriverError, host: str) -> HomeAssistantError:
    """Return why an action failed: the user's fault or the device's."""
    kind = (
        ServiceValidationError if isinstance(err, InvalidValue) else HomeAssistantError
    )
    return kind(
        translation_domain=DOMAIN,
        translation_key=translation_key(err),
        translation_placeholders={"host": host, "reason": str(err)},
    )
