"""The login of a miner: how it is entered, and whether the miner accepts it."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.data_entry_flow import AbortFlow
from homeassistant.helpers.selector import (
    BooleanSelector,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
import voluptuous as vol

from ..const import CONF_CREDENTIALS, CONF_DRIVER, CONF_KEEP_SECRETS
from ..data import HmmConfigEntry, HmmData
from ..driver_api import DriverError
from ..driver_engine.client import MinerClient
from ..driver_engine.identity import device_ids, is_address_id
from ..errors import Placeholders, form_error

_TEXT = TextSelector()
_SECRET = TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD))
_SELECTORS: Final[Mapping[str, TextSelector]] = {
    "admin_user": _TEXT,
    "admin_password": _SECRET,
    "otp_secret": _SECRET,
}

type Login = Mapping[str, str]


def login_of(entry: HmmConfigEntry) -> Login:
    """Return the login that is stored for a miner."""
    login: Login = entry.data.get(CONF_CREDENTIALS, {})
    return login


def login_names(data: HmmData, entry: HmmConfigEntry) -> list[str]:
    """Return what the driver of a miner may need, nothing if the driver is gone."""
    driver = data.drivers.miners.get(entry.data[CONF_DRIVER])
    names = driver.driver_class.option_fields if driver else ()
    return [name for name in names if name in _SELECTORS]


def login_fields(
    names: list[str] | tuple[str, ...], stored: Login | None = None
) -> dict[vol.Marker, Any]:
    """Return the fields of a form; none of them shows what is stored.

    With a stored login there is one more, to delete it.
    """
    fields: dict[vol.Marker, Any] = {
        vol.Optional(name): _SELECTORS[name] for name in names
    }
    if stored:
        fields[vol.Optional(CONF_KEEP_SECRETS, default=True)] = BooleanSelector()
    return fields


def read_login(entered: Mapping[str, Any], stored: Login) -> dict[str, str]:
    """Return a login: an empty field stands for what is stored, unless that goes."""
    kept = stored if entered.get(CONF_KEEP_SECRETS, True) else {}
    typed = {name: str(entered.get(name, "")).strip() for name in _SELECTORS}
    return {**kept, **{name: text for name, text in typed.items() if text}}


async def try_login(
    data: HmmData, entry: HmmConfigEntry, login: Login
) -> tuple[dict[str, str], Placeholders, bool]:
    """Try a login at a miner, without changing anything there.

    Returns the errors of the form, their texts, and whether the miner has accepted it:
    False without an error where only a command would show whether it is right. Aborts
    the flow if the driver is gone.
    """
    if (driver := data.drivers.miners.get(entry.data[CONF_DRIVER])) is None:
        raise AbortFlow("removed_meanwhile")
    client = MinerClient(
        driver.driver_class,
        data.driver_context({**login}),
        entry.data[CONF_HOST],
        entry.data.get(CONF_PORT),
    )
    try:
        telemetry = await client.poll()
        ids = device_ids(client.read_profile(telemetry, None).facts)
        expected = entry.unique_id or ""
        if ids and expected not in ids and not is_address_id(expected):
            return {"base": "login_other_miner"}, {}, False
        return {}, {}, await client.check_login()
    except DriverError as err:
        key, texts = form_error(err, entry.data[CONF_HOST])
        return {"base": key}, texts, False
    finally:
        await client.close()
