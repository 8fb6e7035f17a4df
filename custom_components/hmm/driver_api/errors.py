"""What can go wrong between a driver and its device or pool."""


class DriverError(Exception):
    """A device or pool could not do what was asked.

    The message is shown to the user: it says what happened in plain words and
    never holds a secret (password, key, stratum user, wallet, WiFi name).
    """


class CannotConnect(DriverError):
    """Nothing answered: refused, reset, timed out, or no route."""


class BadAnswer(DriverError):
    """Something answered, but not in the protocol that the driver speaks."""


class HtmlAnswer(BadAnswer):
    """A web page came where data was asked for."""


class RedirectAnswer(BadAnswer):
    """The address sends its visitors elsewhere; redirects are not followed."""


class NotThisDevice(DriverError):
    """A device answered that belongs to another driver."""


class AddressRefused(DriverError):
    """The device only answers clients of its own network (AxeOS' 401)."""


class AuthRequired(DriverError):
    """A password, one-time code or API key is missing or was refused."""


class InvalidValue(DriverError):
    """A setting is outside of what the device allows; nothing was written."""


class CommandFailed(DriverError):
    """The device took a command but did not do it; the message quotes it."""
