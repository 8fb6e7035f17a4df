"""The settings of a pool driver, as a form."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from homeassistant.helpers.selector import (
    BooleanSelector,
    Selector,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
import voluptuous as vol

from ..const import CONF_KEEP_SECRETS, CONF_WALLET
from ..driver_api import BasePoolIntegration
from ..driver_api.units import parse_int, parse_number, parse_text
from ..driver_engine.address import has_login
from ..driver_engine.guard import DriverFault, read_driver
from ..driver_engine.pool_client import is_secret
from ..flow_tools import choice, number_field
from ..markdown import Markdown, escape

TRANSLATED_SETTINGS: Final = frozenset(
    {
        "api_base",
        "api_key",
        "api_port",
        "api_token",
        "manager_port",
        "pool_key",
        "verify_ssl",
    }
)
"""The settings whose names are in the translations: those of the bundled drivers."""


_USERNAME = "username"
# What HMM itself passes to the driver, and the fields of its own in the form
_RESERVED = {
    _USERNAME,
    CONF_WALLET,
    "coin",
    "host",
    "hours",
    "port",
    "stratum_port",
    "url",
}

type FieldKind = Literal["string", "integer", "number", "boolean"]
_KINDS: Final[Mapping[str, FieldKind]] = {
    "string": "string",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One setting of a driver.

    ``choices`` are its possible values by what the user sees, ``minimum`` and
    ``maximum`` the limits of a number.
    """

    key: str
    kind: FieldKind
    title: str
    description: str = ""
    default: Any = None
    required: bool = False
    secret: bool = False
    choices: Mapping[str, Any] | None = None
    minimum: float | None = None
    maximum: float | None = None

    def selector(self) -> Selector[Any]:
        """Return how it is entered."""
        if self.choices is not None:
            return choice({label: label for label in self.choices}, long=True)
        match self.kind:
            case "boolean":
                return BooleanSelector()
            case "integer" | "number":
                step: Literal[1, "any"] = 1 if self.kind == "integer" else "any"
                return number_field(self.minimum, self.maximum, step=step)
        if self.secret:
            return TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD))
        return TextSelector()

    def read(self, entered: Any) -> Any:
        """Return a value that the selector gave as what the driver wants.

        None for what was left empty.
        """
        if isinstance(entered, str):
            entered = entered.strip()
        if entered in (None, ""):
            return None
        if self.choices is not None:
            return self.choices.get(entered)
        return int(entered) if self.kind == "integer" else entered

    def show(self, value: Any) -> Any:
        """Return a value of the driver as the selector gives it, None if it cannot."""
        if self.choices is not None:
            return next(
                (label for label, choice in self.choices.items() if choice == value),
                None,
            )
        match self.kind:
            case "boolean":
                return value if isinstance(value, bool) else None
            case "integer":
                return self._within(parse_int(value))
            case "number":
                return self._within(parse_number(value))
        return parse_text(value)

    def _within(self, number: float | None) -> float | None:
        """Return a number within the limits, None for one beyond."""
        if number is None:
            return None
        is_low = self.minimum is not None and number < self.minimum
        is_high = self.maximum is not None and number > self.maximum
        return None if is_low or is_high else number


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountForm:
    """All settings of a driver.

    ``account`` is the wallet or user name, None where the pool needs none;
    ``is_wallet`` whether it must be an address of the coin.
    """

    account: FormField | None
    is_wallet: bool
    settings: tuple[FormField, ...]

    @property
    def secrets(self) -> tuple[FormField, ...]:
        """Return the keys and passwords."""
        return tuple(field for field in self.settings if field.secret)

    def open_settings(
        self, settled: Mapping[str, Any], *, listed: bool = False
    ) -> tuple[FormField, ...]:
        """Return the settings that are not settled already.

        Of a server that is ``listed`` with its address, only what it cannot do
        without, and keys: where else it is to be found is for servers of one's own.
        """
        return tuple(
            field
            for field in self.settings
            if settled.get(field.key) in (None, "")
            and (field.required or field.secret or not listed)
        )


def read_form(driver: BasePoolIntegration) -> AccountForm:
    """Return the form of a driver; raise DriverFault if it is invalid."""
    schema = read_driver(driver, lambda instance: instance.get_config_schema())
    properties = schema.get("properties", {}) if isinstance(schema, dict) else None
    if not isinstance(properties, dict):
        raise _fault(driver, "is no object with properties")
    listed = schema.get("required")
    required = set()
    if isinstance(listed, list | tuple):
        required = {name for name in listed if isinstance(name, str)}
    account: FormField | None = None
    settings = []
    for key, spec in properties.items():
        if not isinstance(key, str) or not isinstance(spec, dict):
            raise _fault(driver, "has a property that is no object")
        if key in _RESERVED and key != _USERNAME:
            continue
        field = _read_field(key, spec, is_required=key in required)
        if field is None:
            if key in required:
                raise _fault(driver, f"requires {key}, which cannot be typed in")
        elif key == _USERNAME:
            account = field
        else:
            settings.append(field)
    return AccountForm(
        account=account,
        is_wallet=account is not None
        and properties[_USERNAME].get("format") == "wallet",
        settings=tuple(settings),
    )


def _read_field(
    key: str, spec: Mapping[str, Any], *, is_required: bool
) -> FormField | None:
    """Return one property as a field, None if there is no way to type it in."""
    kind = _read_kind(spec.get("type", "string"))
    if kind is None:
        return None
    minimum, maximum = (parse_number(spec.get(name)) for name in ("minimum", "maximum"))
    if minimum is not None and maximum is not None and minimum > maximum:
        minimum = maximum = None
    return FormField(
        key=key,
        kind=kind,
        title=parse_text(spec.get("title")) or key,
        description=parse_text(spec.get("description")) or "",
        default=spec.get("default"),
        required=is_required,
        secret=kind == "string" and is_secret(key, spec),
        choices=_read_choices(spec.get("enum")),
        minimum=minimum,
        maximum=maximum,
    )


def _read_kind(reported: Any) -> FieldKind | None:
    """Return the kind of a property; ``["integer", "null"]`` is an integer."""
    kinds = reported if isinstance(reported, list | tuple) else (reported,)
    return next(
        (_KINDS[kind] for kind in kinds if isinstance(kind, str) and kind in _KINDS),
        None,
    )


def _read_choices(reported: Any) -> dict[str, Any] | None:
    if not isinstance(reported, list | tuple):
        return None
    choices = {
        str(value): value for value in reported if isinstance(value, str | int | float)
    }
    return choices or None


def is_accepted(driver: BasePoolIntegration, config: dict[str, Any]) -> bool:
    """Return whether a driver accepts settings; raise DriverFault if it fails."""
    return read_driver(driver, lambda instance: bool(instance.validate_config(config)))


def fields(
    settings: Iterable[FormField],
    *,
    required: Collection[str] = (),
    kept: Collection[str] = (),
    is_change: bool = False,
) -> dict[vol.Marker, Selector[Any]]:
    """Return the settings as fields of a form.

    ``required`` are those that the pool wants beside those that the driver does.
    ``kept`` are the secrets that there are: no form shows them, and a field that is
    left empty leaves them as they are. In a change what was entered once is shown by
    other means.
    """
    markers: dict[vol.Marker, Selector[Any]] = {}
    for setting in settings:
        default = setting.show(setting.default)
        is_required = setting.required or setting.key in required
        marker = (
            vol.Required if is_required and setting.key not in kept else vol.Optional
        )
        markers[
            marker(setting.key)
            if default is None or is_change or setting.secret
            else marker(setting.key, default=default)
        ] = setting.selector()
    if kept:
        markers[vol.Optional(CONF_KEEP_SECRETS, default=True)] = BooleanSelector()
    return markers


class Secrets:
    """The keys of a form: what is known of them stays here, no browser gets it back.

    They are stored in the entry or a file, or were typed before an error. An address
    with a user name or password in it is one as well.
    """

    def __init__(
        self,
        settings: Iterable[FormField] = (),
        stored: Mapping[str, Any] | None = None,
    ) -> None:
        """Begin with what is stored of all settings."""
        self._secret = {setting.key: setting.secret for setting in settings}
        self._stored = self._of(stored or {})
        self.known = dict(self._stored)
        """What an empty field stands for, by the key of the setting."""

    def _of(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {
            key: values[key]
            for key, is_secret in self._secret.items()
            if (text := str(values.get(key) or "").strip())
            and (is_secret or has_login(text))
        }

    def take(self, entered: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what was entered with the secrets, and what a form may show of it."""
        if entered.get(CONF_KEEP_SECRETS) is False:
            self.known.clear()
        typed = {key for key, value in entered.items() if str(value or "").strip()}
        self.known = {
            key: value for key, value in self.known.items() if key not in typed
        } | self._of(entered)
        secret = {key for key, is_secret in self._secret.items() if is_secret}
        hidden = {CONF_KEEP_SECRETS, *secret, *self.known}
        shown = {key: value for key, value in entered.items() if key not in hidden}
        return {**shown, **self.known}, shown

    def refused(self, error: str) -> None:
        """Forget what was typed if that was the error."""
        if error == "pool_key_refused":
            self.known = dict(self._stored)


def read_settings(
    settings: Iterable[FormField], entered: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what was entered as the driver wants it, without what was left empty."""
    values = {
        setting.key: setting.read(entered.get(setting.key)) for setting in settings
    }
    return {key: value for key, value in values.items() if value is not None}


def explain(settings: Iterable[FormField]) -> Markdown:
    """Return what settings mean that only a driver of the user knows, as Markdown."""
    lines = [
        f"- **{escape(setting.key)}**: {'. '.join(map(escape, filter(None, texts)))}"
        for setting in settings
        if setting.key not in TRANSLATED_SETTINGS
        and (
            texts := (
                setting.title if setting.title != setting.key else "",
                setting.description,
            )
        )
        != ("", "")
    ]
    return Markdown("\n\n" + "\n".join(lines) if lines else "")


def _fault(driver: BasePoolIntegration, what: str) -> DriverFault:
    return DriverFault(
        f"The config schema of {driver.driver_type} {what}",
        reason="driver_no_result",
        driver=driver.driver_type,
    )
