"""The pools that the user can choose: from pool files and drivers.

One YAML file is one pool. A driver adds those that have no address of their own,
as a pool server on the user's network.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from inspect import getattr_static
from itertools import chain, islice
import logging
from pathlib import Path
import re
import threading
from typing import Any
from weakref import WeakSet

from ..driver_api import BasePoolIntegration, MiningModel, PoolTemplate, Reason
from ..driver_api.units import parse_text
from . import preflight
from .address import AddressError, parse_address
from .answers import read_template
from .driver_files import UnusableFile, read_bytes
from .faults import why
from .guard import read_driver, tolerated
from .limits import run_limited
from .loaded import FailedDriver, LoadedDriver, LoadedDrivers
from .loader import BUNDLED
from .yaml_file import LARGEST_FILE, YamlProblem, read_mapping

_LOGGER = logging.getLogger(__name__)

_FLAGS = ("requires_auth", "supports_shares", "supports_earnings", "supports_balance")
_KNOWN_KEYS = {
    *("driver", "display_name", "description", "url", "port", "coin", "region"),
    *("mining_model", "fee_percent", *_FLAGS),
}
# The keys of the account in a file, the first of them counts
_ACCOUNT_KEYS = ("wallet", "username")
# What distinguishes a pool file from files of other software next to HMM's folder
_SIGNS = ("driver", "url", "port", "coin")

# With what an address may begin, in front of "://"
_SCHEMES = ("http", "https", "tcp", "ssl", "tls", "stratum", "stratum2")
_SCHEME = re.compile(
    r"\s*([a-z][a-z0-9.-]*)(?:\+(?:tcp|ssl|tls|udp))?:/", re.IGNORECASE
)
# A list of more is none to choose from
_MAX_TEMPLATES = 500
_NO_POOLS = BasePoolIntegration.__dict__["get_pool_templates"]

# Nearly all files are the same at the next reload
_read_mapping = lru_cache(maxsize=64)(read_mapping)

_hung: WeakSet[type[BasePoolIntegration]] = WeakSet()
"""Drivers that hung when they listed their pools: a changed file makes another class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPool:
    """A pool to choose; ``settings`` are the keys that only its driver knows.

    ``username`` is the account to suggest, None if the file has none.
    """

    driver_type: str
    template: PoolTemplate
    path: Path
    username: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class KnownPools:
    """All pools to choose by their template id, which is the stem of a file."""

    pools: dict[str, KnownPool] = field(default_factory=dict)
    failed: list[FailedDriver] = field(default_factory=list)


def load_known_pools(config_folder: Path, drivers: LoadedDrivers) -> KnownPools:
    """Ask the drivers, then read the bundled pool files, then the user's.

    The user's are in ``pools`` of ``config_folder`` (``<config>/hmm``), and beside
    it in ``<config>/pools``, where only those that are pool files count. The later
    one wins where two have the same template id; a driver's where a file has the
    same server is left out.

    Blocks: run it in an executor. A file that cannot be used is listed in
    ``failed`` with its line and reason, the others load.
    """
    result = KnownPools()
    beside = config_folder.parent / "pools"
    for folder in (BUNDLED / "pools", beside, config_folder / "pools"):
        root = BUNDLED if folder.parent == BUNDLED else config_folder.parent
        for path in sorted(folder.glob("*.yaml")):
            try:
                text = _read_text(path, root)
                if folder != beside or _is_pool_file(text):
                    result.pools[path.stem] = _checked(path, text, drivers)
            except (UnusableFile, YamlProblem) as err:
                # Nothing that is wrong in other software's files is our concern
                if folder != beside or isinstance(err, YamlProblem):
                    result.failed.append(
                        FailedDriver(path=path, reason=err.reason, line=err.line)
                    )
    listed = {_server(pool) for pool in result.pools.values()}
    reported = KnownPools()
    for driver in drivers.pools.values():
        _query_driver(reported, driver)
    for template_id, pool in reported.pools.items():
        if _server(pool) not in listed:
            result.pools.setdefault(template_id, pool)
    return result


def _server(pool: KnownPool) -> tuple[str, str, int, str]:
    """Return what makes two pools the same one to choose."""
    template = pool.template
    return pool.driver_type, template.url.lower(), template.port, template.coin.upper()


def _read_text(path: Path, root: Path) -> str:
    """Return what a file holds. Raises UnusableFile."""
    try:
        return read_bytes(path, root, LARGEST_FILE).decode("utf-8-sig")
    except UnicodeDecodeError as err:
        raise UnusableFile(why("file_not_utf8")) from err


def _is_pool_file(text: str) -> bool:
    """Return whether a file of who knows whom is one of ours."""
    return all(
        re.search(rf"""^["']?{sign}["']?[ \t]*:""", text, re.MULTILINE)
        for sign in _SIGNS
    )


def _query_driver(
    result: KnownPools, driver: LoadedDriver[BasePoolIntegration]
) -> None:
    """Add the pools that a driver lists."""
    kind = driver.driver_class
    if kind in _hung or getattr_static(kind, "get_pool_templates") is _NO_POOLS:
        return
    has_ended = threading.Event()

    def query() -> list[PoolTemplate]:
        try:
            reported = islice(kind().get_pool_templates(), _MAX_TEMPLATES)
            return [
                sound
                for template in reported
                if (sound := _sound(template)) is not None
            ]
        finally:
            has_ended.set()

    templates: list[PoolTemplate] = []
    # Whatever a driver raises, the pool files still load
    with tolerated(kind, "get_pool_templates"):
        try:
            templates = read_driver(
                kind, lambda _: run_limited(query, preflight.LOAD_SECONDS)
            )
        finally:
            if not has_ended.is_set():
                # Each reload would wait for it, and leave a thread behind
                _hung.add(kind)
                _LOGGER.warning(
                    "%s hangs when it lists its pools. It is not asked for them again"
                    " before the file changes",
                    driver.path.name,
                )
    for template in templates:
        result.pools[template.template_id] = KnownPool(
            driver_type=driver.driver_type, template=template, path=driver.path
        )


def _sound(reported: object) -> PoolTemplate | None:
    """Return a pool of a driver's list, None if it is invalid."""
    template = read_template(reported)
    if template is None or (template.url and not _is_server(template.url)):
        return None
    return template


def _is_server(url: str) -> bool:
    """Return whether miners can connect there, as far as its text says."""
    if (scheme := _SCHEME.match(url)) and scheme[1].lower() not in _SCHEMES:
        return False
    try:
        parse_address(url)
    except AddressError:
        return False
    return True


def _checked(path: Path, text: str, drivers: LoadedDrivers) -> KnownPool:
    """Return what one file contains. Raises YamlProblem."""
    values, lines = _read_mapping(text)

    def need(is_right: bool, key: str, reason: Reason) -> None:
        if not is_right:
            raise YamlProblem(reason, lines.get(key))

    for key in ("driver", "url", "port", "coin", "mining_model"):
        need(values.get(key) not in (None, ""), key, why("yaml_key_missing", key=key))
    for key in ("driver", "url", "coin", "mining_model"):
        need(isinstance(values[key], str), key, why("yaml_key_quotes", key=key))
    for key in ("display_name", "region", "description"):
        is_text = isinstance(values.get(key), str | int | float | None)
        need(is_text, key, why("yaml_key_text", key=key))
    driver = values["driver"]
    known = ", ".join(sorted(drivers.pools))
    need(
        driver in drivers.pools,
        "driver",
        why("pool_driver_unknown", driver=driver[:64], drivers=known),
    )
    need(_is_server(values["url"]), "url", why("yaml_server", key="url"))
    port = values["port"]
    need(type(port) is int and 0 < port < 65536, "port", why("yaml_port", key="port"))
    model = values["mining_model"].lower()
    need(
        model in (*MiningModel,),
        "mining_model",
        why("yaml_mining_model", key="mining_model"),
    )
    fee = values.get("fee_percent")
    need(
        fee is None or (not isinstance(fee, bool) and isinstance(fee, int | float)),
        "fee_percent",
        why("yaml_key_number", key="fee_percent"),
    )
    settings = {
        key: value
        for key, value in values.items()
        if key not in (*_KNOWN_KEYS, *_ACCOUNT_KEYS)
        # Left to fill in, as the API token in the files of HMM-Local
        and value not in (None, "")
    }
    for key, value in settings.items():
        schemes = (
            match[1].lower() for text in _texts(value) if (match := _SCHEME.match(text))
        )
        is_right = all(scheme in _SCHEMES for scheme in schemes)
        need(is_right, key, why("yaml_scheme", key=key))
    accounts = (parse_text(values.get(key)) for key in _ACCOUNT_KEYS)
    template = read_template(
        PoolTemplate(
            template_id=path.stem,
            display_name=_shown(values, "display_name") or path.stem,
            url=values["url"],
            port=port,
            coin=values["coin"].upper(),
            mining_model=MiningModel(model),
            region=_shown(values, "region"),
            description=_shown(values, "description"),
            fee_percent=fee,
            **{flag: bool(values.get(flag)) for flag in _FLAGS},
        )
    )
    if template is None:
        raise YamlProblem(why("yaml_server_long"), lines["url"])
    return KnownPool(
        driver_type=values["driver"],
        template=template,
        path=path,
        username=next(filter(None, accounts), None),
        settings=settings,
    )


def _texts(value: Any) -> Iterator[str]:
    """Yield the texts in a value, as deep as they are."""
    match value:
        case str():
            yield value
        case dict():
            yield from chain.from_iterable(map(_texts, value.values()))
        case list():
            yield from chain.from_iterable(map(_texts, value))


def _shown(values: dict[str, Any], key: str) -> str | None:
    return None if (value := values.get(key)) is None else str(value)
