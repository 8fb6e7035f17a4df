"""One pool account through its driver: typed answers, typed errors, limits."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
import logging
import re
from typing import Any

import aiohttp

from ..driver_api import (
    BadAnswer,
    BasePoolIntegration,
    DashboardTileData,
    DriverError,
    FoundPool,
    HashrateUnit,
    MiningModel,
    Reason,
)
from ..driver_api.units import parse_number, parse_timestamp
from ..driver_api.wallets import strip_worker
from .answers import read_found_pools, read_tiles
from .client import valid_unit
from .guard import call_driver, read_driver, release, tolerated
from .metrics import metrics_of

_LOGGER = logging.getLogger(__name__)

_FETCH_SECONDS = 30
_PROBE_SECONDS = 5
_CLOSE_SECONDS = 5
_MIN_POLL_SECONDS = 10
_MAX_POLL_SECONDS = 3600
_USUAL_POLL_SECONDS = 60

_SECRET = re.compile(r"pass|pwd|secret|token|api_?key", re.IGNORECASE)

# Names of pools are shorter than a key, and a user name is longer than a mere "x"
_SHORTEST_KEY = 12
_SHORTEST_USER = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolAccount:
    """The account, and where it is.

    ``settings`` are those of the pool file and of the user.
    """

    url: str
    port: int
    coin: str
    username: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)


def make_pool_driver(
    driver_class: type[BasePoolIntegration], session: aiohttp.ClientSession
) -> BasePoolIntegration:
    """Return a driver of this loop, with the provided session."""

    def make(kind: type[BasePoolIntegration]) -> BasePoolIntegration:
        driver = kind()
        attach_session(driver, session)
        return driver

    return read_driver(driver_class, make)


def attach_session(driver: BasePoolIntegration, session: aiohttp.ClientSession) -> None:
    """Give a driver the session that it is to use."""
    driver.session = session


async def fetch_tiles(
    driver: BasePoolIntegration, account: PoolAccount
) -> DashboardTileData:
    """Return the four tiles of one account; raise only ``DriverError``.

    No message of a driver reports the account or its key: many quote the address that
    they asked.
    """

    async def fetch(driver: BasePoolIntegration) -> DashboardTileData | None:
        answer = await driver.get_dashboard_data(
            url=account.url,
            coin=account.coin,
            username=account.username,
            **{"stratum_port": account.port, **account.settings},
        )
        return read_tiles(answer)

    try:
        with metrics_of(type(driver)).measured():
            tiles = await call_driver(driver, fetch, _FETCH_SECONDS)
    except DriverError as err:
        err.args = (discreet(str(err), account),)
        err.reason_values = _discreet_values(err.reason_values, account)
        # What it came from may quote as much, and the log shows it to developers
        raise err from None
    if tiles is None:
        msg = f"The driver {driver.driver_type} returned no tiles"
        raise BadAnswer(msg, reason="driver_no_result", driver=driver.driver_type)
    if tiles.health_message is None:
        return tiles
    reason = tiles.health_message
    text = discreet(reason, account)
    if isinstance(reason, Reason):
        values = _discreet_values(reason.values, account)
        text = Reason(text, reason.key, **values)
    return replace(tiles, health_message=text)


def _discreet_values(
    values: Mapping[str, object], account: PoolAccount
) -> dict[str, object]:
    """Return the values of a reason without the account and its keys."""
    return {
        name: discreet(value, account) if isinstance(value, str) else value
        for name, value in values.items()
    }


def discreet(text: str, account: PoolAccount | None) -> str:
    """Return a text without the account and its keys."""
    if account is None:
        return text
    address = strip_worker(account.username)
    users = (account.username, address, address.rpartition(":")[2])
    values = (value for value in account.settings.values() if isinstance(value, str))
    secrets = [
        *(user for user in users if len(user) >= _SHORTEST_USER),
        *(
            value
            for value in values
            if len(value) >= _SHORTEST_KEY and "://" not in value
        ),
    ]
    if not secrets:
        return text
    return re.sub("|".join(map(re.escape, secrets)), "…", text, flags=re.IGNORECASE)


def hashrate_unit(driver: BasePoolIntegration) -> HashrateUnit:
    """Return the unit of the hashrates, the usual one if the driver's is none."""
    with tolerated(driver, "hashrate_unit"):
        return valid_unit(read_driver(driver, lambda instance: instance.hashrate_unit))
    return valid_unit(None)


def pays_solo(driver: BasePoolIntegration) -> bool:
    """Return whether each miner of a pool gets the whole of its own blocks."""
    with suppress(DriverError):
        return (
            read_driver(driver, lambda instance: instance.mining_model)
            is MiningModel.SOLO
        )
    return True


def poll_seconds(driver: BasePoolIntegration, account: PoolAccount) -> int:
    """Return the poll interval of an account, within limits."""

    def read(driver: BasePoolIntegration) -> float | None:
        answer = driver.get_poll_seconds(
            account.url, **{"stratum_port": account.port, **account.settings}
        )
        return parse_number(answer)

    seconds: float | None = None
    with tolerated(driver, "get_poll_seconds", account.url):
        seconds = read_driver(driver, read)
    if seconds is None:
        return _USUAL_POLL_SECONDS
    return round(min(max(seconds, _MIN_POLL_SECONDS), _MAX_POLL_SECONDS))


def server_time(driver: BasePoolIntegration, account: PoolAccount) -> float | None:
    """Return what the pool's clock says, in seconds since 1970; None: it is not reported."""

    def read(driver: BasePoolIntegration) -> float | None:
        answer = driver.get_server_time(
            account.url,
            account.coin,
            **{"stratum_port": account.port, **account.settings},
        )
        timestamp = parse_timestamp(parse_number(answer))
        return None if timestamp is None else timestamp.timestamp()

    with tolerated(driver, "get_server_time", account.url):
        return read_driver(driver, read)
    return None


def is_secret(key: str, spec: Mapping[str, Any]) -> bool:
    """Return whether a property of a config schema is a key or password.

    Drivers of others seldom say so: the name decides as well.
    """
    return spec.get("format") == "password" or _SECRET.search(key) is not None


def secret_settings(driver: BasePoolIntegration) -> set[str]:
    """Return the settings that are keys or passwords, none if the driver fails."""

    def read(driver: BasePoolIntegration) -> set[str]:
        properties = driver.get_config_schema()["properties"]
        return {key for key, spec in properties.items() if is_secret(key, spec)}

    with tolerated(driver, "get_config_schema"):
        return read_driver(driver, read)
    return set()


async def is_pool_of(driver: BasePoolIntegration, url: str, port: int) -> bool:
    """Return whether a driver knows a host by its name; False if it fails."""

    async def detect(driver: BasePoolIntegration) -> bool:
        return await driver.detect(url, port) is True

    with tolerated(driver, "detect", url):
        return await call_driver(driver, detect, _PROBE_SECONDS)
    return False


def coin_of(driver: BasePoolIntegration, url: str, port: int) -> str | None:
    """Return the coin that a driver knows to be mined there, None if not sure."""

    def read(driver: BasePoolIntegration) -> str | None:
        coin = driver.coin_at(url, port)
        return coin.upper() if isinstance(coin, str) and coin else None

    with tolerated(driver, "coin_at", url):
        return read_driver(driver, read)
    return None


async def probe(driver: BasePoolIntegration, url: str, port: int) -> list[FoundPool]:
    """Return what a driver finds at a host of one's own; nothing if it fails."""

    async def find(driver: BasePoolIntegration) -> list[FoundPool]:
        return read_found_pools(await driver.probe(url, port))

    with tolerated(driver, "probe", url):
        return await call_driver(driver, find, _PROBE_SECONDS)
    return []


async def close_pool_driver(driver: BasePoolIntegration) -> None:
    """Let a driver that is no longer used release what it holds."""
    with tolerated(driver, "close"):
        await call_driver(driver, lambda instance: instance.close(), _CLOSE_SECONDS)
    await release(driver)
