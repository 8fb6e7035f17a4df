"""Pool accounts that scripts add and change, by way of the config flow.

What the flow would show in a form is an error here, with what to send instead.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http import HTTPStatus
import re
from typing import Any, Final

from homeassistant.config_entries import (
    SOURCE_IMPORT,
    SOURCE_RECONFIGURE,
    ConfigEntryDisabler,
    ConfigFlowContext,
    ConfigFlowResult,
)
from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, UnknownFlow
from homeassistant.helpers.translation import async_get_translations

from ..const import CONF_COIN, CONF_DRIVER, CONF_WALLET, DOMAIN
from ..data import HmmConfigEntry, HmmData, get_data
from ..driver_api.wallets import strip_worker
from ..driver_engine.address import Address
from ..driver_engine.pool_detect import PoolMatch, find_pools, match_of
from ..errors import POOL, Placeholders, refusal
from ..flow_tools import REMOVED
from ..routes import RouteError
from .account import Refused, pool_kind, read_address
from .form import FormField
from .mined import pool_drivers

_DRIVER: Final = "driver"
_COIN: Final = "coin"
_NOT_SETTINGS: Final = {_DRIVER, _COIN, "username", "wallet", "name", "host", "url"}
"""What scripts for HMM-Local have among the settings of a driver."""
_OTHER_NAMES: Final = {"api_base_url": "api_base"}
_ESCAPED: Final = re.compile(r"\\([^\w\s])")
"""What flows put in front of a sign that Markdown would take for its own."""
_ENDINGS: Final = {
    "already_configured": HTTPStatus.CONFLICT,
    "already_in_progress": HTTPStatus.CONFLICT,
    REMOVED: HTTPStatus.NOT_FOUND,
}
_SILENT: Final = {
    *("connection_lost", "name_not_resolved", "no_response", "no_route"),
    *("node_not_ready", "rate_limited", "refused", "server_error", "stopped"),
    *("stratum_down", "timed_out"),
}
"""The reasons of a pool that may be gone the next time."""

type Settings = Mapping[str, str | int | float | bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedPool:
    """A pool account to be added; ``user`` and ``settings`` are secret.

    It is at ``url``, ``host`` or ``host:port``, or is that of the list.
    """

    template_id: str | None = None
    url: str = ""
    port: int | None = None
    name: str | None = None
    user: str = field(default="", repr=False)
    config: Settings = field(default_factory=dict, repr=False)
    is_confirmed: bool = False
    """Whether a wallet is right that no one can check."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedPool:
    """What the flow gets: the pool, and all that the form would ask."""

    match: PoolMatch
    name: str | None
    user: str = field(repr=False)
    settings: Settings = field(repr=False)
    is_confirmed: bool


async def async_add_pool(hass: HomeAssistant, wanted: WantedPool) -> HmmConfigEntry:
    """Add a pool account and return its entry.

    Raises RouteError or HomeAssistantError if the flow would not have added it.
    """
    data = get_data(hass)
    match = await _match(hass, data, wanted)
    settings = _settings(wanted.config)
    if (pool := pool_kind(data, match.driver_type)) is not None:
        _check(pool.form.settings, settings)
    user = wanted.config.get("wallet") or wanted.config.get("username") or wanted.user
    result = await hass.config_entries.flow.async_init(
        DOMAIN,
        context=ConfigFlowContext(source=SOURCE_IMPORT),
        data=ScriptedPool(
            match=match,
            name=wanted.name,
            user=str(user),
            settings=settings,
            is_confirmed=wanted.is_confirmed,
        ),
    )
    if result["type"] is FlowResultType.CREATE_ENTRY:
        return result["result"]
    _leave(hass, result)
    raise await _refused(hass, result)


async def async_change_pool(
    hass: HomeAssistant,
    entry: HmmConfigEntry,
    *,
    user: str | None = None,
    url: str | None = None,
    port: int | None = None,
    config: Settings | None = None,
    name: str | None = None,
    is_enabled: bool | None = None,
) -> None:
    """Change a pool account; None leaves as it is.

    Its wallet stays, and its coin and driver: another one is another account. Raises
    RouteError or HomeAssistantError: nothing has changed then, unless it cannot be
    unloaded to disable it.
    """
    same = {_COIN: entry.data[CONF_COIN], _DRIVER: entry.data[CONF_DRIVER]}
    given = config or {}
    wallet = entry.data[CONF_WALLET]
    for users in (user, given.get("wallet"), given.get("username")):
        if users and strip_worker(str(users)).casefold() != wallet.casefold():
            raise refusal("pool_user_fixed", name=entry.title)
    for key, present in same.items():
        if str(given.get(key, present)).casefold() != present.casefold():
            raise refusal("pool_user_fixed", name=entry.title)
    settings = _settings(given)
    if url is not None or port is not None or settings:
        await _reconfigure(hass, entry, url, port, settings)
    if name is not None:
        hass.config_entries.async_update_entry(entry, title=name)
    if is_enabled is not None:
        by = None if is_enabled else ConfigEntryDisabler.USER
        await hass.config_entries.async_set_disabled_by(entry.entry_id, by)


async def _match(hass: HomeAssistant, data: HmmData, wanted: WantedPool) -> PoolMatch:
    """Return the one pool that is meant."""
    address = Address("")
    if wanted.url or wanted.template_id is None:
        try:
            address = read_address(wanted.url)
        except Refused as err:
            raise await _as_error(hass, err.field, err.key, err.placeholders) from err
    host, port = address.host, address.port or wanted.port
    driver, coin = (str(wanted.config.get(key, "")) for key in (_DRIVER, _COIN))
    if wanted.template_id is not None:
        if (known_pool := data.known_pools.pools.get(wanted.template_id)) is None:
            raise refusal("unknown_template")
        listed = match_of(known_pool)
        matches = [
            replace(
                listed,
                url=listed.url or host,
                port=(port if host and not listed.url else None) or listed.port,
            )
        ]
    else:
        candidates = await find_pools(pool_drivers(data), data.known_pools, host, port)
        matches = [
            match
            for match in candidates
            if (not driver or match.driver_type == driver)
            and coin.upper() in ("", match.coin or coin.upper())
        ]
        if not matches and driver:
            matches = [PoolMatch(driver_type=driver, url=host, port=port or 0)]
    if not matches:
        raise refusal("pool_not_known", host=host)
    if len(matches) > 1:
        kinds = {f"{match.driver_type} {match.coin or ''}".strip() for match in matches}
        raise refusal("pool_unclear", host=host, kinds=", ".join(sorted(kinds)))
    return _with_coin(data, matches[0], coin.upper())


def _with_coin(data: HmmData, match: PoolMatch, coin: str) -> PoolMatch:
    """Return a pool with its coin."""
    if (driver := data.drivers.pools.get(match.driver_type)) is None:
        raise refusal(
            "pool_driver_unknown",
            driver=match.driver_type[:64],
            drivers=", ".join(sorted(data.drivers.pools)),
        )
    reported = {*driver.coins}
    coin = match.coin or coin or (next(iter(reported)) if len(reported) == 1 else "")
    if not coin or (reported and coin not in reported):
        raise refusal("pool_coin_missing", coins=", ".join(sorted(reported)))
    return replace(match, coin=coin)


def _settings(config: Settings) -> dict[str, Any]:
    """Return the settings of the driver among what scripts send."""
    return {
        _OTHER_NAMES.get(key, key): value
        for key, value in config.items()
        if key not in _NOT_SETTINGS
    }


def _check(fields: tuple[FormField, ...], settings: Settings) -> None:
    """Raise ServiceValidationError unless a driver has all of these settings."""
    by_key = {field.key: field for field in fields}
    wrong = [
        key
        for key, value in settings.items()
        if key not in by_key or by_key[key].show(value) is None
    ]
    if wrong:
        raise refusal(
            "pool_settings_unknown",
            settings=", ".join(wrong)[:200],
            known=", ".join(by_key) or "–",
        )


async def _reconfigure(
    hass: HomeAssistant,
    entry: HmmConfigEntry,
    url: str | None,
    port: int | None,
    settings: Settings,
) -> None:
    """Go through the dialog that changes an account."""
    pool = pool_kind(get_data(hass), entry.data[CONF_DRIVER])
    shown: dict[str, Any] = {}
    if pool is not None:
        _check(pool.form.settings, settings)
        shown = {
            setting.key: setting.show(settings[setting.key])
            for setting in pool.form.settings
            if setting.key in settings
        }
    flow = hass.config_entries.flow
    result = await flow.async_init(
        DOMAIN,
        context=ConfigFlowContext(source=SOURCE_RECONFIGURE, entry_id=entry.entry_id),
    )
    try:
        if result["type"] is FlowResultType.MENU:
            step = {"next_step_id": "reconfigure_settings"}
            result = await flow.async_configure(result["flow_id"], step)
        if result["type"] is FlowResultType.FORM:
            given = {CONF_HOST: url, CONF_PORT: port, **shown}
            given = {key: value for key, value in given.items() if value is not None}
            result = await flow.async_configure(
                result["flow_id"], _suggested(result) | given
            )
        if result.get("reason") != "reconfigure_successful":
            raise await _refused(hass, result)
    finally:
        _leave(hass, result)


def _leave(hass: HomeAssistant, result: ConfigFlowResult) -> None:
    """End a flow that continues."""
    with suppress(UnknownFlow):
        hass.config_entries.flow.async_abort(result["flow_id"])


def _suggested(form: ConfigFlowResult) -> dict[str, Any]:
    """Return what a form is filled in with."""
    schema = form["data_schema"]
    assert schema is not None
    return {
        str(key): key.description["suggested_value"]
        for key in schema.schema
        if "suggested_value" in (key.description or {})
        and key.description["suggested_value"] is not None
    }


async def _refused(hass: HomeAssistant, result: ConfigFlowResult) -> RouteError:
    """Return why a flow did not end as it should."""
    placeholders = {**(result.get("description_placeholders") or {})}
    if result["type"] is FlowResultType.FORM:
        ((field_, key),) = list((result.get("errors") or {"base": "unknown"}).items())
        return await _as_error(hass, field_, key, placeholders)
    key = result.get("reason", "unknown")
    status = _ENDINGS.get(key, HTTPStatus.BAD_REQUEST)
    return RouteError(status, key, await _text(hass, "abort", key, placeholders))


async def _as_error(
    hass: HomeAssistant, field_: str, key: str, placeholders: Placeholders
) -> RouteError:
    """Return the error of a field of a form."""
    if key == "wallet_uncertain":
        raise refusal("wallet_to_confirm")
    text = await _text(hass, "error", key, placeholders)
    is_silent = key.removeprefix(POOL) in _SILENT
    status = HTTPStatus.SERVICE_UNAVAILABLE if is_silent else HTTPStatus.BAD_REQUEST
    if field_ != "base":
        text = f"{field_}: {text}"
    return RouteError(status, key, text)


async def _text(
    hass: HomeAssistant, section: str, key: str, placeholders: Placeholders
) -> str:
    texts = await async_get_translations(hass, hass.config.language, "config", {DOMAIN})
    text = texts.get(f"component.{DOMAIN}.config.{section}.{key}", key)
    plain = {name: _ESCAPED.sub(r"\1", value) for name, value in placeholders.items()}
    return text.format_map(_Known(plain))


class _Known(dict[str, str]):
    """Placeholders; missing ones remain as they are."""

    def __missing__(self, key: str) -> str:
        return f"{{{key}}}"
