"""Wallets and keys that the user keeps in ``<config>/hmm/config.yaml``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
import logging
from pathlib import Path
import re
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.util.yaml import Secrets, load_yaml
import yaml

from ..const import DOMAIN

_LOGGER = logging.getLogger(__name__)

_FILE = f"{DOMAIN}/config.yaml"
_ISSUE = "config_file_failed"
_NOT_YAML = "It is not valid YAML"


@dataclass(frozen=True, slots=True)
class PoolDefaults:
    """What the flow suggests: wallets by coin (lower case), keys by driver type."""

    wallets: Mapping[str, str] = field(default_factory=dict, repr=False)
    api_keys: Mapping[str, str] = field(default_factory=dict, repr=False)


class _FileError(Exception):
    """The file cannot be used; ``line`` tells where."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.line = line


async def async_read_defaults(hass: HomeAssistant) -> PoolDefaults:
    """Read the file; one that is broken gives nothing and becomes a repair issue."""
    try:
        defaults = await hass.async_add_executor_job(
            _read, Path(hass.config.config_dir)
        )
    except _FileError as err:
        _report(hass, str(err), err.line)
        return PoolDefaults()
    ir.async_delete_issue(hass, DOMAIN, _ISSUE)
    return defaults


def _report(hass: HomeAssistant, reason: str, line: int | None) -> None:
    """Show what is wrong in the repairs; log it, unless that was said before."""
    placeholders = {"file": _FILE, "line": str(line or "?"), "reason": reason}
    before = ir.async_get(hass).async_get_issue(DOMAIN, _ISSUE)
    if before is None or before.translation_placeholders != placeholders:
        _LOGGER.error("%s cannot be used: %s (line %s)", _FILE, reason, line or "?")
    ir.async_create_issue(
        hass,
        DOMAIN,
        _ISSUE,
        is_fixable=False,
        severity=ir.IssueSeverity.ERROR,
        translation_key="config_file_failed",
        translation_placeholders=placeholders,
    )


def _read(config_folder: Path) -> PoolDefaults:
    """Read and check the file with its ``!secret``; nothing if there is none."""
    path = config_folder / _FILE
    try:
        content = load_yaml(path, Secrets(config_folder))
    except FileNotFoundError:
        return PoolDefaults()
    except HomeAssistantError as err:
        raise _explain(err, path) from err
    # Impossible dates and numbers; brackets without end
    except (ValueError, RecursionError) as err:
        msg = f"It holds a value that cannot be read ({type(err).__name__})"
        raise _FileError(msg) from err
    if not content:
        return PoolDefaults()
    if not isinstance(content, dict):
        msg = "It must hold keys and values"
        raise _FileError(msg, 1)
    return PoolDefaults(
        wallets={
            coin.lower(): wallet for coin, wallet in _texts(content, "wallets").items()
        },
        api_keys=_texts(content, "api_keys"),
    )


def _explain(err: HomeAssistantError, path: Path) -> _FileError:
    """Return what is wrong in words that quote no value of the file."""
    problem = err.__cause__.__cause__ if err.__cause__ else None
    if isinstance(problem, yaml.MarkedYAMLError):
        mark = problem.problem_mark or problem.context_mark
        reason = problem.problem or problem.context or _NOT_YAML
        if mark is not None and mark.name != str(path):
            # secrets.yaml, or a file that is included
            return _FileError(f"{Path(mark.name).name}:{mark.line + 1}: {reason}")
        return _FileError(reason, None if mark is None else mark.line + 1)
    if isinstance(problem, yaml.YAMLError):
        return _FileError(_NOT_YAML)
    if isinstance(problem, OSError | UnicodeDecodeError):
        return _FileError("It cannot be read as text")
    # "Secret x not defined", without a line
    reason = str(err)
    names = reason.split()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if (secret := re.search(r"!secret\s+(\S+)", line)) and secret[1] in names:
            return _FileError(reason, number)
    return _FileError(reason)


def _texts(content: dict[Any, Any], key: str) -> dict[str, str]:
    """Return the entries of a section; empty ones are left out."""
    section = content.get(key)
    if section is None:
        return {}
    if not isinstance(section, dict):
        msg = f"{key} must hold keys and values"
        raise _FileError(msg, _line(content, key))
    texts = {}
    for name, value in section.items():
        if value is None:
            continue
        if not isinstance(name, str) or not isinstance(value, str):
            msg = f"In {key}, names and values must be text: put them in quotes"
            raise _FileError(msg, _line(section, name))
        texts[str(name)] = str(value).strip()
    return texts


def _line(section: dict[Any, Any], name: Any) -> int | None:
    """Return the line of a key, as Home Assistant's loader notes it."""
    key = next((key for key in section if key == name), None)
    line = getattr(key, "__line__", None) or getattr(section, "__line__", None)
    return line if isinstance(line, int) else None
