"""What can go wrong between a driver and its device or pool."""

from collections.abc import Mapping
from typing import ClassVar

from .reasons import ErrorReason, Reason


class DriverError(Exception):
    """A device or pool could not do what was requested.

    ``reason`` is a key of ``reasons`` with plain data for its placeholders: the user
    reads it in their own language, and the message is for the log. Without it, the
    message is shown after the sentence of the class, as it is. Neither holds a
    secret (password, key, stratum user, wallet, WiFi name).
    """

    default_reason: ClassVar[ErrorReason] = "command_failed"
    reason_key: ErrorReason | None = None
    reason_values: Mapping[str, object] = {}

    def __init__(
        self, *args: object, reason: ErrorReason | None = None, **values: object
    ) -> None:
        """Keep why, for the user; ``detail`` is what the device itself reports."""
        super().__init__(*args)
        self.reason_key = reason
        self.reason_values = values


def reason_of(err: DriverError) -> Reason:
    """Return why something failed."""
    text = str(err)
    if err.reason_key is None:
        return Reason(text, err.default_reason, detail=text)
    return Reason(text or err.reason_key, err.reason_key, **err.reason_values)


def copy_of(err: DriverError) -> DriverError:
    """Return the same error, to be raised once more."""
    return type(err)(*err.args, reason=err.reason_key, **err.reason_values)


class CannotConnect(DriverError):
    """Nothing answered: refused, reset, timed out, or no route."""

    default_reason = "no_response"


class BadAnswer(DriverError):
    """Something answered, but not in the protocol that the driver speaks."""

    default_reason: ClassVar[ErrorReason] = "bad_response"


class HtmlAnswer(BadAnswer):
    """A web page came where data was requested."""

    default_reason = "not_a_miner"


class RedirectAnswer(BadAnswer):
    """The address sends its visitors elsewhere; redirects are not followed."""

    default_reason = "not_a_miner"


class NotThisDevice(DriverError):
    """A device answered that belongs to another driver."""

    default_reason = "unsupported_device"


class AddressRefused(DriverError):
    """The device only answers clients of its own network (AxeOS' 401)."""

    default_reason = "network_refused"


class AuthRequired(DriverError):
    """A password, one-time code or API key is missing or was refused."""

    default_reason = "login_needed"


class InvalidValue(DriverError):
    """A setting is outside of what the device allows; nothing was written."""

    default_reason = "invalid_value"


class CommandFailed(DriverError):
    """The device took a command but did not do it; the message quotes it."""
