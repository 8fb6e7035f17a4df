"""What a running HMM-Local reports: miners, pools, tuning profiles and rules.

Its API needs no login (``app/main.py``, ``app/api/{miners,pools,tuning}.py``, December
2025 to April 2026). Nothing is ever written to it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
import logging
from typing import Any, Final

import aiohttp

from ..driver_api import (
    BadAnswer,
    CannotConnect,
    DriverError,
    HtmlAnswer,
    NotThisDevice,
)
from ..driver_api.transports.http import HttpClient
from ..driver_api.transports.json_text import load_json
from ..driver_api.units import parse_int, parse_number, parse_text
from ..driver_engine.address import Address, AddressError, parse_address
from ..driver_engine.pool_detect import parse_stratum
from .local_rules import (
    ALERTS,
    BANDS,
    PLUGS,
    RULES,
    SOLAR,
    STRATEGY,
    LocalRules,
    read_rules,
)

_LOGGER = logging.getLogger(__name__)

DEFAULT_PORT: Final = 8080

_MINERS = "/api/miners/"
_POOLS = "/api/pools/"
_PROFILES = "/api/tuning/profiles"

_PARTS: Final[Mapping[str, str]] = {
    _PROFILES: "profiles",
    STRATEGY: "bands",
    BANDS: "bands",
    SOLAR: "solar",
    RULES: "rules",
    ALERTS: "alerts",
    PLUGS: "plugs",
}
"""What is on these paths, in the order in which they are read."""

MAX_ROWS: Final = 1000
"""Of a list; each miner in it is looked for in the network."""

# A list of 50 miners asks their adapters one after the other
_TIMEOUT = 20.0

# What HMM-Local itself asks of an estimate (miners.py, update_miner)
_MIN_WATTS, _MAX_WATTS = 1, 5000

# Keys of a pool's configuration that are not settings of its driver
_NO_SETTINGS = frozenset(
    {"coin", "driver", "host", "name", "port", "url", "username", "wallet"}
)
# Settings that HMM's drivers call otherwise
_OTHER_NAMES = {"api_base_url": "api_base"}
# Hosts that stand for the machine of HMM-Local in its data
_ITSELF = frozenset({"127.0.0.1", "localhost", "host.docker.internal"})


class SecureServer(AddressError):
    """An address with https in front: HMM-Local has no certificate."""

    def __init__(self) -> None:
        """Take it for none at all."""
        super().__init__("address_invalid")


class ServerFailed(DriverError):
    """HMM-Local itself failed: an error status instead of a response."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalMiner:
    """A miner of HMM-Local; ``port`` is None where it has none of its own.

    ``power_draw`` are the watts that its owner entered for a miner without a meter.
    """

    name: str
    kind: str
    host: str
    id: int | None = None
    port: int | None = None
    enabled: bool = True
    power_draw: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalPool:
    """A pool of HMM-Local. ``user`` and ``settings`` are secret.

    ``driver_type`` is None where HMM-Local did not know it, ``coin`` where it is
    written nowhere. ``order`` is its place on the dashboard. The stratum password is
    not taken over: no driver needs it.
    """

    name: str
    host: str
    port: int
    id: int | None = None
    user: str = field(default="", repr=False)
    coin: str | None = None
    driver_type: str | None = None
    enabled: bool = True
    order: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalProfile:
    """A tuning profile of HMM-Local; ``kind`` is the type of miner that it is for.

    ``frequency`` (MHz) was set by it. ``voltage`` never was: AxeOS ignores the key
    "voltage", which in its answers is the millivolts of the power supply, and "save
    current settings" stored just those (about 5,000).
    """

    name: str
    kind: str
    frequency: float | None = None
    voltage: float | None = None
    mode: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HmmLocal:
    """All that can be moved over.

    ``unreadable`` are the kind and name of what makes no sense, ``unread`` the parts that
    HMM-Local has and did not tell.
    """

    miners: tuple[LocalMiner, ...] = ()
    pools: tuple[LocalPool, ...] = ()
    profiles: tuple[LocalProfile, ...] = ()
    rules: LocalRules = field(default_factory=LocalRules)
    unreadable: tuple[tuple[str, str], ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def pool_order(self) -> tuple[LocalPool, ...]:
        """Return the pools that are used, in the order in which it shows them."""
        used = [pool for pool in self.pools if pool.enabled]
        return tuple(sorted(used, key=lambda pool: (pool.order, pool.name.casefold())))

    @property
    def has_rules(self) -> bool:
        """Return whether it has anything to move over but miners and pools."""
        return bool(self.rules) or len({pool.order for pool in self.pool_order}) > 1


def parse_server(text: str) -> Address:
    """Return host and port of HMM-Local, as typed or copied from a browser.

    ``192.168.1.5``, ``hmm.local:8080`` or ``http://192.168.1.5:8080/app/miners``.
    Raises AddressError, for an address with https in front SecureServer.
    """
    if text.strip().lower().startswith("https://"):
        raise SecureServer
    address = parse_address(text)
    return Address(address.host, address.port or DEFAULT_PORT)


async def read_hmm_local(session: aiohttp.ClientSession, server: Address) -> HmmLocal:
    """Return what HMM-Local at ``server`` has.

    Raises CannotConnect: nothing answers, or not in time; RedirectAnswer and
    HtmlAnswer: another server, a login; NotThisDevice: one without these lists;
    ServerFailed: HMM-Local has an error; BadAnswer: what is not JSON, or too long.
    """
    client = HttpClient(
        session, server.host, server.port or DEFAULT_PORT, timeout=_TIMEOUT
    )
    unreadable: list[tuple[str, str]] = []
    miners = _read_all(
        await _get_list(client, _MINERS, {"miner_type", "ip_address"}),
        lambda row: _read_miner(row, server),
        ("miner", unreadable),
    )
    pools = _read_all(
        await _get_list(client, _POOLS, {"url", "port", "user"}),
        lambda row: _read_pool(row, server),
        ("pool", unreadable),
    )
    answers, unread = await _get_rest(client)
    return HmmLocal(
        miners=miners,
        pools=pools,
        profiles=_read_all(
            answers.get(_PROFILES, ()), _read_profile, ("profile", unreadable)
        ),
        rules=read_rules(answers),
        unreadable=tuple(unreadable),
        unread=unread,
    )


async def _get_rest(client: HttpClient) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return what it answers on the rest, by path, and the parts that it did not tell.

    Not every version has all. The strategy makes the bands that the next path shows.
    """
    answers: dict[str, Any] = {}
    unread: dict[str, None] = {}
    error: DriverError | None = None
    for path, part in _PARTS.items():
        # Where it fell silent, the others would have to be waited for as well
        if not isinstance(error, CannotConnect):
            try:
                answers[path] = (
                    await _get_list(client, path, {"miner_type", "settings"})
                    if path == _PROFILES
                    else await _get_json(client, path)
                )
            except (NotThisDevice, HtmlAnswer) as err:
                _LOGGER.debug("No %s: %s", path, err)
                continue
            except DriverError as err:
                error = err
            else:
                continue
        _LOGGER.debug("%s is unread: %s", path, error)
        unread[part] = None
    return answers, tuple(unread)


async def _get_list(
    client: HttpClient, path: str, expected: set[str]
) -> list[dict[str, Any]]:
    """Return a list of objects that all have the ``expected`` keys."""
    rows = await _get_json(client, path)
    if (
        not isinstance(rows, list)
        or len(rows) > MAX_ROWS
        or not all(isinstance(row, dict) and expected <= row.keys() for row in rows)
    ):
        msg = f"Its {path} is not that of HMM-Local"
        raise NotThisDevice(msg, reason="unsupported_device")
    return rows


async def _get_json(client: HttpClient, path: str) -> Any:
    """Return what it answers on a path."""
    reply = await client.request("GET", path)
    if reply.content_type == "text/html":
        raise HtmlAnswer("A web page answered", reason="not_a_miner")
    if reply.status == 404:
        raise NotThisDevice(f"There is no {path}", reason="unsupported_device")
    if not reply.ok:
        msg = f"It answered with HTTP status {reply.status}"
        raise ServerFailed(msg, reason="command_failed")
    try:
        return load_json(reply.text)
    except ValueError as err:
        raise BadAnswer("It did not answer with JSON", reason="bad_response") from err


def _read_all[T](
    rows: Sequence[Mapping[str, Any]],
    read: Callable[[Mapping[str, Any]], T | None],
    others: tuple[str, list[tuple[str, str]]],
) -> tuple[T, ...]:
    """Return what could be read; the names of the rest go to the list of ``others``."""
    kind, unreadable = others
    items = []
    for row in rows:
        if (item := read(row)) is None:
            unreadable.append((kind, parse_text(row.get("name")) or "?"))
        else:
            items.append(item)
    return tuple(items)


def _read_miner(row: Mapping[str, Any], server: Address) -> LocalMiner | None:
    try:
        address = parse_address(parse_text(row["ip_address"]) or "")
    except AddressError:
        return None
    watts = parse_number(row.get("manual_power_watts"))
    if watts is not None and not _MIN_WATTS <= watts <= _MAX_WATTS:
        watts = None
    return LocalMiner(
        name=parse_text(row.get("name")) or address.host,
        kind=parse_text(row["miner_type"]) or "",
        host=_host(address, server),
        id=parse_int(row.get("id")),
        port=_port(row.get("port")) or address.port,
        enabled=row.get("enabled") is not False,
        power_draw=watts,
    )


def _read_pool(row: Mapping[str, Any], server: Address) -> LocalPool | None:
    try:
        address = parse_stratum(parse_text(row["url"]) or "")
    except AddressError:
        return None
    if (port := _port(row["port"]) or address.port) is None:
        return None
    reported = row.get("pool_config")
    config = reported if isinstance(reported, dict) else {}
    driver = parse_text(config.get("driver")) or parse_text(row.get("pool_type"))
    coin = parse_text(config.get("coin"))
    user = next(
        (
            text
            for value in (config.get("wallet"), config.get("username"), row["user"])
            if (text := parse_text(value))
        ),
        "",
    )
    return LocalPool(
        name=parse_text(row.get("name")) or address.host,
        host=_host(address, server),
        port=port,
        id=parse_int(row.get("id")),
        user=user,
        coin=coin.upper() if coin else None,
        driver_type=None if driver == "unknown" else driver,
        enabled=row.get("enabled") is not False,
        order=parse_int(row.get("sort_order")) or 0,
        settings=_read_settings(config),
    )


def _read_settings(config: Mapping[Any, Any]) -> dict[str, Any]:
    """Return what a driver was given, under the names of HMM's drivers as well."""
    settings = {
        key: value
        for key, value in config.items()
        if isinstance(key, str)
        and key not in _NO_SETTINGS
        and isinstance(value, str | int | float)
        and value != ""
    }
    for name, other in _OTHER_NAMES.items():
        if name in settings:
            settings.setdefault(other, settings[name])
    return settings


def _read_profile(row: Mapping[str, Any]) -> LocalProfile | None:
    settings = row["settings"]
    if not isinstance(settings, dict):
        return None
    profile = LocalProfile(
        name=parse_text(row.get("name")) or "?",
        kind=parse_text(row["miner_type"]) or "",
        frequency=parse_number(settings.get("frequency")),
        voltage=parse_number(settings.get("voltage")),
        mode=parse_text(settings.get("mode")),
    )
    if (profile.frequency, profile.voltage, profile.mode) == (None, None, None):
        return None
    return profile


def _host(address: Address, server: Address) -> str:
    """Return a host as Home Assistant reaches it."""
    return server.host if address.host in _ITSELF else address.host


def _port(value: Any) -> int | None:
    port = parse_int(value)
    return port if port is not None and 0 < port < 65536 else None
