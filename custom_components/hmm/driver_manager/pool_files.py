"""Read pool files: one YAML file is one pool that the user can choose."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ..driver_api import MiningModel, PoolTemplate
from .loader import BUNDLED, FailedDriver, LoadedDrivers

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
# What HMM itself passes to the driver beside the settings
_RESERVED_KEYS = ("stratum_port", "username")


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolFile:
    """A pool file; ``settings`` are the keys that only its driver knows."""

    driver_type: str
    template: PoolTemplate
    path: Path
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class PoolFiles:
    """All pool files by their stem."""

    files: dict[str, PoolFile] = field(default_factory=dict)
    failed: list[FailedDriver] = field(default_factory=list)


class _PoolFileError(Exception):
    """A pool file cannot be used; ``line`` tells where."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.line = line


def load_pool_files(config_folder: Path, drivers: LoadedDrivers) -> PoolFiles:
    """Read the bundled pool files, then the user's; a user's file wins.

    Blocks: run it in an executor. A file that cannot be used is listed in
    ``failed`` with its line and reason, the others load.
    """
    result = PoolFiles()
    for folder in (BUNDLED / "pools", config_folder / "pools"):
        for path in sorted(folder.glob("*.yaml")):
            try:
                result.files[path.stem] = _read(path, drivers)
            except _PoolFileError as err:
                result.failed.append(
                    FailedDriver(path=path, reason=str(err), line=err.line)
                )
    return result


def _read(path: Path, drivers: LoadedDrivers) -> PoolFile:
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
) -> PoolFile:
    """Return the checked content of one file."""
    for key in ("driver", "display_name", "url", "port", "coin", "mining_model"):
        if values.get(key) in (None, ""):
            msg = f"The key {key} is missing"
            raise _PoolFileError(msg, lines.get(key))
    for key in _RESERVED_KEYS:
        if key in values:
            msg = f"The key {key} is not for pool files"
            raise _PoolFileError(msg, lines[key])
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
    return PoolFile(
        driver_type=driver_type,
        template=PoolTemplate(
            template_id=path.stem,
            display_name=str(values["display_name"]),
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
        ),
        path=path,
        settings={k: v for k, v in values.items() if k not in _KNOWN_KEYS},
    )
