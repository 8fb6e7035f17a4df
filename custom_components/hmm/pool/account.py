"""An account of a pool, as it is entered and as it is known."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
import hashlib
import logging
from typing import Any

from homeassistant.const import CONF_HOST, CONF_PORT

from ..const import (
    CONF_ACCOUNT_HASH,
    CONF_ACCOUNT_SETTINGS,
    CONF_COIN,
    CONF_POOL_SETTINGS,
    CONF_WALLET,
)
from ..data import HmmConfigEntry, HmmData
from ..driver_api import (
    AuthRequired,
    BasePoolIntegration,
    DashboardTileData,
    DriverError,
    InvalidValue,
    Reason,
)
from ..driver_api.wallets import check_wallet, read_wallet
from ..driver_engine.address import Address, AddressError
from ..driver_engine.guard import DriverFault
from ..driver_engine.pool_client import PoolAccount, fetch_tiles, is_pool_of
from ..driver_engine.pool_detect import PoolMatch, host_of, is_at_home, parse_stratum
from ..errors import Placeholders, pool_error
from .form import AccountForm, FormField, is_accepted, read_form, read_settings

_LOGGER = logging.getLogger(__name__)

CONF_USERNAME = "username"
CONF_WALLET_CONFIRMED = "wallet_confirmed"
"""The answer to the error ``wallet_uncertain``."""

BASE = "base"
_API_BASE = "api_base"


class Refused(Exception):
    """What was entered cannot be used; ``key`` is that of ``config.error``."""

    def __init__(
        self, field: str, key: str, placeholders: Placeholders | None = None
    ) -> None:
        """Take the field of the form, ``BASE`` for none of them."""
        super().__init__(key)
        self.field = field
        self.key = key
        self.placeholders = placeholders or {}


def refused(field: str, reason: DriverError | str | None, host: str) -> Refused:
    """Return that a driver or pool refused what was entered."""
    return Refused(field, *pool_error(reason, host, host))


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolKind:
    """A driver and its form."""

    driver: BasePoolIntegration
    form: AccountForm

    @property
    def account_key(self) -> str:
        """Return the field of the form that holds the account."""
        return CONF_WALLET if self.form.is_wallet else CONF_USERNAME


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account that was entered; ``pool_settings`` were not entered."""

    host: str
    port: int
    coin: str
    user: str
    pool_settings: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """Return host and port."""
        return f"{self.host}:{self.port}"

    @property
    def all_settings(self) -> dict[str, Any]:
        """Return all settings for the driver."""
        return {**self.pool_settings, **self.settings}


def pool_kind(data: HmmData, driver_type: str) -> PoolKind | None:
    """Return a driver and its form, None if it is gone or makes no sense."""
    loaded = data.drivers.pools.get(driver_type)
    if loaded is None:
        return None
    try:
        driver = data.pool_driver(loaded)
        return PoolKind(driver=driver, form=read_form(driver))
    except DriverError as err:
        _LOGGER.error("A pool cannot be added or changed: %s", err)
        return None


async def fetch_account(pool: PoolKind, account: Account) -> DashboardTileData:
    """Return the tiles; an account that the pool does not know is not refused."""
    try:
        tiles = await fetch_tiles(
            pool.driver,
            PoolAccount(
                url=account.host,
                port=account.port,
                coin=account.coin,
                username=account.user,
                settings=account.all_settings,
            ),
        )
    except AuthRequired as err:
        secret = next((secret.key for secret in pool.form.secrets), BASE)
        raise refused(secret, err, account.host) from err
    except DriverError as err:
        raise refused(BASE, err, account.host) from err
    if not tiles.health_status:
        raise refused(
            BASE, tiles.health_message or Reason("", "no_response"), account.host
        )
    return tiles


def required_fields(pool: PoolKind, match: PoolMatch) -> set[str]:
    """Return the fields that must not be empty."""
    required = {setting.key for setting in pool.form.settings if setting.required}
    if pool.form.account is not None and pool.form.account.required:
        required.add(pool.account_key)
    if match.listed is not None and match.listed.template.requires_auth is True:
        keys = {secret.key for secret in pool.form.secrets}
        account = {pool.account_key} if pool.form.account is not None else set()
        required |= keys or account
    return required


def read_account(
    pool: PoolKind,
    match: PoolMatch,
    settings: Iterable[FormField],
    required: Collection[str],
    entered: Mapping[str, Any],
) -> Account:
    """Return what was entered as an account; raise Refused."""
    assert match.coin is not None
    host, port = match.url, match.port
    if CONF_HOST in entered:
        host, port = _read_server(entered)
    user = ""
    if (account_field := pool.form.account) is not None:
        user = str(account_field.read(entered.get(pool.account_key)) or "")
        if pool.form.is_wallet and (user or CONF_WALLET in required):
            is_confirmed = entered.get(CONF_WALLET_CONFIRMED) is True
            user = accept_wallet(match.coin, user, is_confirmed=is_confirmed)
    account = Account(
        host=host,
        port=port,
        coin=match.coin,
        user=user,
        pool_settings=match.settings,
        settings=read_settings(settings, entered),
    )
    given = {**account.settings, pool.account_key: user}
    for key in (pool.account_key, *(setting.key for setting in settings)):
        if key in required and given.get(key) in (None, ""):
            raise Refused(key, "value_missing")
    _accept(pool, account)
    return account


def accept_wallet(coin: str, user: str, *, is_confirmed: bool = False) -> str:
    """Return the address of a wallet as entries hold it.

    Raises Refused for one that is wrong, and for one that cannot be checked unless
    the user has confirmed it.
    """
    try:
        wallet = read_wallet(coin, user)
    except InvalidValue as err:
        raise refused(CONF_WALLET, err, "") from err
    if not wallet.is_certain and not is_confirmed:
        raise Refused(CONF_WALLET, "wallet_uncertain")
    return wallet.address


def read_change(pool: PoolKind, before: Account, entered: Mapping[str, Any]) -> Account:
    """Return an account with another server or other settings; raise Refused."""
    host, port = _read_server(entered)
    values = read_settings(pool.form.settings, entered)
    settings = dict(before.settings)
    for setting in pool.form.settings:
        key = setting.key
        if key in values:
            if key in settings or values[key] != before.pool_settings.get(key):
                settings[key] = values[key]
        elif setting.required:
            raise Refused(key, "value_missing")
        else:
            settings.pop(key, None)
    account = replace(before, host=host, port=port, settings=settings)
    _accept(pool, account)
    return account


def _accept(pool: PoolKind, account: Account) -> None:
    """Raise Refused if the driver does not accept the settings."""
    config = {**account.all_settings, "coin": account.coin}
    if account.user:
        config["username"] = account.user
    try:
        accepted = is_accepted(pool.driver, config)
    except DriverFault as err:
        raise refused(BASE, err, account.host) from err
    if not accepted:
        raise Refused(BASE, "settings_refused")


def _read_server(entered: Mapping[str, Any]) -> tuple[str, int]:
    """Return a host and port; one that is typed behind the host wins."""
    address = read_address(entered[CONF_HOST])
    return address.host, address.port or int(entered[CONF_PORT])


def read_address(typed: str) -> Address:
    """Return the host and port of a pool as it is typed; raise Refused."""
    try:
        return parse_stratum(typed)
    except AddressError as err:
        if err.fault != "address_invalid":
            raise Refused(CONF_HOST, err.fault) from err
        raise Refused(CONF_HOST, "pool_address_invalid") from err


def account_of(entry: HmmConfigEntry) -> Account:
    """Return the account of an entry."""
    return Account(
        host=entry.data[CONF_HOST],
        port=entry.data[CONF_PORT],
        coin=entry.data[CONF_COIN],
        user=entry.data[CONF_WALLET],
        pool_settings=entry.data.get(CONF_POOL_SETTINGS, {}),
        settings=entry.data.get(CONF_ACCOUNT_SETTINGS, {}),
    )


def is_account_of(entry: HmmConfigEntry, tiles: DashboardTileData) -> bool:
    """Return whether a key is that of the same account, as far as the pool reports."""
    account = entry.data.get(CONF_ACCOUNT_HASH)
    return account is None or not tiles.account or account == hash_text(tiles.account)


async def server_of(
    data: HmmData, driver: BasePoolIntegration, account: Account
) -> str:
    """Return what distinguishes a self-hosted server from others of its type.

    Empty for a hosted pool whose servers have the same accounts, as most do; its
    driver reports otherwise with ``servers_share_accounts = False``.
    """
    if own_server := account.all_settings.get(_API_BASE):
        return str(own_server)
    if is_at_home(account.host):
        return account.address
    is_listed = any(
        pool.driver_type == driver.driver_type and host_of(pool) == account.host
        for pool in data.known_pools.pools.values()
    )
    if not is_listed and not await is_pool_of(driver, account.host, account.port):
        return account.address
    return "" if driver.servers_share_accounts else account.host


def has_moved(entry: HmmConfigEntry, server: str) -> bool:
    """Return whether an entry has left the server that its id was made of."""
    account = account_of(entry)
    own_server = str(account.all_settings.get(_API_BASE, ""))
    return server not in ("", account.address, account.host, own_server)


def account_id(driver_type: str, coin: str, account: str, server: str) -> str:
    """Return an id that does not reveal the wallet: ids are logged here and there."""
    return f"{driver_type}_{coin.lower()}_{hash_text(f'{account} {server}')}"


def hash_text(text: str) -> str:
    """Return what distinguishes two texts without revealing them."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def wallet_of(coin: str, user: str) -> str:
    """Return a wallet as entries hold it, empty if it is none."""
    try:
        return check_wallet(coin, user)
    except InvalidValue:
        return ""
