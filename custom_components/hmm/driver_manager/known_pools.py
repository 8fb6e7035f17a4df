"""Know the pools that the user can choose: pool files and drivers tell them.

One YAML file is one pool. A driver adds those that have no address of their own,
as a pool server on the user's network.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ..driver_api import BasePoolIntegration, MiningModel, PoolTemplate
from ..driver_api.units import parse_text
from . import preflight
from .answers import read_template
from .client import log_fault
from .limits import run_limited
from .loader import BUNDLED, FailedDriver, LoadedDriver, LoadedDrivers

_KNOWN_KEYS = {
    "driver",
    "display_name",
    "description",
    "url",
    "port",
    "coin",
    "region",
    "mining_model",
    "fee_percent",
    "requires_auth",
    "supports_shares",
    "supports_earnings",
    "supports_balance",
}
# Under which keys a file tells the account, the first of them counts
_ACCOUNT_KEYS = ("wallet", "username")
# What tells a pool file from those that other software keeps beside HMM's folder
_SIGNS = {"driver", "url", "port", "coin"}
# A list of more is none to choose from
_MOST_TEMPLATES = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPool:
    """A pool to choose; ``settings`` are the keys that only its driver knows.

    ``username`` is the account to suggest, None if the file tells none.
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


class _PoolFileError(Exception):
    """A pool file cannot be used; ``line`` tells where."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.line = line


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
        for path in sorted(folder.glob("*.yaml")):
            if folder == beside and not _is_pool_file(path):
                continue
            try:
                result.pools[path.stem] = _read(path, drivers)
            except _PoolFileError as err:
                result.failed.append(
                    FailedDriver(path=path, reason=str(err), line=err.line)
                )
    listed = {_server(pool) for pool in result.pools.values()}
    told = KnownPools()
    for driver in drivers.pools.values():
        _ask_driver(told, driver)
    for template_id, pool in told.pools.items():
        if _server(pool) not in listed:
            result.pools.setdefault(template_id, pool)
    return result


def _server(pool: KnownPool) -> tuple[str, str, int, str]:
    """Return what makes two pools the same one to choose."""
    template = pool.template
    return pool.driver_type, template.url.lower(), template.port, template.coin.upper()


def _is_pool_file(path: Path) -> bool:
    """Return whether a file of who knows whom is one of ours."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    # Nothing that is wrong in other software's files is our concern
    except yaml.YAMLError, OSError, ValueError, RecursionError:
        return False
    return isinstance(values, dict) and values.keys() >= _SIGNS


def _ask_driver(result: KnownPools, driver: LoadedDriver[BasePoolIntegration]) -> None:
    """Add the pools that a driver knows by itself."""
    try:
        templates = run_limited(
            lambda: list(driver.driver_class().get_pool_templates()),
            preflight.LOAD_SECONDS,
        )
        result.pools.update(
            (
                template.template_id,
                KnownPool(
                    driver_type=driver.driver_type, template=template, path=driver.path
                ),
            )
            for template in map(read_template, templates[:_MOST_TEMPLATES])
            if template is not None
        )
    # Whatever a driver raises, the pool files still load
    except (Exception, SystemExit) as err:  # noqa: BLE001
        log_fault(driver.driver_type, err)


def _read(path: Path, drivers: LoadedDrivers) -> KnownPool:
    """Read and check one file."""
    try:
        text = path.read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except yaml.YAMLError as err:
        mark = getattr(err, "problem_mark", None)
        problem = getattr(err, "problem", None) or "It is not valid YAML"
        raise _PoolFileError(problem, mark.line + 1 if mark else None) from err
    except OSError, UnicodeDecodeError:
        msg = "It cannot be read as text"
        raise _PoolFileError(msg) from None
    # Impossible dates and numbers; brackets without end
    except (ValueError, RecursionError) as err:
        msg = f"It holds a value that cannot be read ({type(err).__name__})"
        raise _PoolFileError(msg) from err
    if not isinstance(values, dict) or not isinstance(root, yaml.MappingNode):
        msg = "It must hold keys and values"
        raise _PoolFileError(msg, 1)
    lines = {}
    for key, _ in root.value:
        line = key.start_mark.line + 1
        if key.tag != "tag:yaml.org,2002:str":
            msg = "The keys must be plain text"
            raise _PoolFileError(msg, line)
        lines[key.value] = line
    return _check(path, values, lines, drivers)


def _check(
    path: Path, values: dict[str, Any], lines: dict[str, int], drivers: LoadedDrivers
) -> KnownPool:
    """Return the checked content of one file."""
    for key in ("driver", "url", "port", "coin", "mining_model"):
        if values.get(key) in (None, ""):
            msg = f"The key {key} is missing"
            raise _PoolFileError(msg, lines.get(key))
    driver_type = str(values["driver"])
    if driver_type not in drivers.pools:
        msg = f"There is no pool driver {driver_type}"
        raise _PoolFileError(msg, lines["driver"])
    port = values["port"]
    if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65536:
        msg = "The key port must be a number from 1 to 65535"
        raise _PoolFileError(msg, lines["port"])
    try:
        model = MiningModel(str(values["mining_model"]).lower())
    except ValueError as err:
        msg = "The key mining_model must be solo or pool"
        raise _PoolFileError(msg, lines["mining_model"]) from err
    fee = values.get("fee_percent")
    if fee is not None and (isinstance(fee, bool) or not isinstance(fee, int | float)):
        msg = "The key fee_percent must be a number"
        raise _PoolFileError(msg, lines["fee_percent"])
    accounts = (parse_text(values.get(key)) for key in _ACCOUNT_KEYS)
    template = read_template(
        PoolTemplate(
            template_id=path.stem,
            display_name=str(values.get("display_name") or path.stem),
            url=str(values["url"]),
            port=port,
            coin=str(values["coin"]).upper(),
            mining_model=model,
            region=None if values.get("region") is None else str(values["region"]),
            requires_auth=bool(values.get("requires_auth", False)),
            supports_shares=bool(values.get("supports_shares", False)),
            supports_earnings=bool(values.get("supports_earnings", False)),
            supports_balance=bool(values.get("supports_balance", False)),
            description=values.get("description"),
            fee_percent=fee,
        )
    )
    if template is None:
        msg = "The key coin or url is too long"
        raise _PoolFileError(msg, lines["url"])
    return KnownPool(
        driver_type=driver_type,
        template=template,
        path=path,
        username=next(filter(None, accounts), None),
        settings={
            key: value
            for key, value in values.items()
            if key not in (*_KNOWN_KEYS, *_ACCOUNT_KEYS)
            # Left to fill in, as the API token in the files of HMM-Local
            and value not in (None, "")
        },
    )
