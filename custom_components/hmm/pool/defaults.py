"""What the user keeps in ``<config>/hmm/config.yaml``: wallets, keys and more."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from io import StringIO
import logging
import os
from pathlib import Path
import re
from typing import Any

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.util.yaml import SECRET_YAML, Secrets, parse_yaml
import yaml

from ..const import DOMAIN
from ..driver_api import Reason
from ..driver_engine.address import Address
from ..driver_engine.driver_files import UnusableFile, read_bytes
from ..driver_engine.faults import FileError, why
from ..driver_engine.legacy.app_settings import old_keys, old_servers
from ..driver_engine.yaml_file import (
    LARGEST_FILE,
    YamlProblem,
    check,
    is_plain,
    problem_of,
)
from ..errors import localized
from ..markdown import async_create_issue, placeholders

_LOGGER = logging.getLogger(__name__)

_FILE = f"{DOMAIN}/config.yaml"
_ISSUE = "config_file_failed"
_SECRET_MISSING = re.compile(r"Secret (\S+) not defined")
"""What Home Assistant's loader says."""
_DEEPEST = 3
"""How many files may include one another."""


@dataclass(frozen=True, slots=True)
class PoolDefaults:
    """What the flow suggests: wallets by coin (lower case), the rest by driver type."""

    wallets: Mapping[str, str] = field(default_factory=dict, repr=False)
    api_keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    servers: Mapping[str, Address] = field(default_factory=dict)


class ConfigFileError(FileError):
    """The file cannot be used; the reason quotes no value of it."""


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """The file: all that it holds, and what of it serves as defaults."""

    content: Mapping[str, Any] | None = field(default=None, repr=False)
    """In plain types, secrets in their places; None if it cannot even be read."""
    defaults: PoolDefaults = PoolDefaults()
    error: ConfigFileError | None = None


async def async_read_defaults(hass: HomeAssistant) -> PoolDefaults:
    """Read the file; one that is broken gives nothing and becomes a repair issue."""
    file = await hass.async_add_executor_job(
        read_config_file, Path(hass.config.config_dir)
    )
    async_show_issue(hass, file)
    return file.defaults


def read_config_file(config_folder: Path) -> ConfigFile:
    """Read the file with its ``!secret``; it is empty if there is none. Blocks."""
    content = None
    try:
        read = _read(config_folder)
        content = _plain(read)
        return ConfigFile(content, _defaults(read))
    except ConfigFileError as err:
        return ConfigFile(content, error=err)


@callback
def async_show_issue(hass: HomeAssistant, file: ConfigFile) -> None:
    """Show in the repairs what is wrong with the file, or that it is in order."""
    if file.error is None:
        ir.async_delete_issue(hass, DOMAIN, _ISSUE)
    else:
        _report(hass, file.error.reason, file.error.line)


def _report(hass: HomeAssistant, reason: Reason, line: int | None) -> None:
    """Show what is wrong in the repairs; log it, unless that was reported before."""
    given = {
        "file": _FILE,
        "line": str(line or "?"),
        "reason": localized(hass, reason),
    }
    before = ir.async_get(hass).async_get_issue(DOMAIN, _ISSUE)
    if before is None or before.translation_placeholders != placeholders(given):
        _LOGGER.error("%s cannot be used: %s (line %s)", _FILE, reason, line or "?")
    async_create_issue(
        hass,
        _ISSUE,
        is_fixable=False,
        severity=ir.IssueSeverity.ERROR,
        translation_key="config_file_failed",
        translation_placeholders=given,
    )


class _File(StringIO):
    """The text of a file; Home Assistant's loader looks for others beside it."""

    def __init__(self, path: Path, text: str) -> None:
        super().__init__(text)
        self.name = str(path)


def _read(config_folder: Path) -> dict[Any, Any]:
    path = config_folder / _FILE
    if not os.path.lexists(path):
        return {}
    text = _checked(path, config_folder)
    try:
        content = parse_yaml(_File(path, text), Secrets(config_folder))
    except HomeAssistantError as err:
        raise _explain(err, text) from err
    # Impossible dates and numbers
    except (ValueError, OverflowError) as err:
        raise ConfigFileError(why("yaml_value", error=type(err).__name__)) from err
    if not content:
        return {}
    if not isinstance(content, dict):
        raise ConfigFileError(why("yaml_no_mapping"), 1)
    return content


def _checked(path: Path, config_folder: Path, depth: int = 0) -> str:
    """Return what a file holds that is safe to load, with those that it includes."""
    try:
        text = _text(path, config_folder)
        for tag, line in check(text):
            _check_tag(tag, line, path, config_folder, depth)
    except (UnusableFile, YamlProblem) as err:
        if depth:
            # Named, as it is another file
            included = why(
                "yaml_included",
                file=path.name,
                line=err.line or "?",
                reason=err.reason,
            )
            raise ConfigFileError(included) from err
        raise ConfigFileError(err.reason, err.line) from err
    return text


def _check_tag(
    tag: str, line: int, path: Path, config_folder: Path, depth: int
) -> None:
    """Check the files that a tag leads to. Raises UnusableFile, YamlProblem."""
    match tag.split(maxsplit=1):
        case ["!include", name] if depth < _DEEPEST:
            _checked(path.parent / name, config_folder, depth + 1)
        case [str(other), *_] if other.startswith("!include"):
            raise YamlProblem(why("yaml_include", tag=other), line)
        case ["!secret", *_]:
            for folder in {path.parent, config_folder}:
                if os.path.lexists(secrets := folder / SECRET_YAML):
                    read_bytes(secrets, config_folder)


def _text(path: Path, config_folder: Path) -> str:
    try:
        return read_bytes(path, config_folder, LARGEST_FILE).decode("utf-8-sig")
    except UnicodeDecodeError as err:
        raise UnusableFile(why("file_not_utf8")) from err


def _defaults(content: dict[Any, Any]) -> PoolDefaults:
    """Return what the flow suggests; raise ConfigFileError if it makes no sense."""
    return PoolDefaults(
        wallets={
            coin.lower(): wallet for coin, wallet in _texts(content, "wallets").items()
        },
        api_keys=old_keys(content)
        | {name.lower(): key for name, key in _texts(content, "api_keys").items()},
        servers=old_servers(content),
    )


def _plain(value: Any) -> Any:
    """Return values without the lines that Home Assistant's loader notes at them."""
    match value:
        case dict():
            return {_plain(key): _plain(inner) for key, inner in value.items()}
        case list():
            return [_plain(inner) for inner in value]
        case str():
            return str(value)
        case _:
            return value


def _explain(err: HomeAssistantError, text: str) -> ConfigFileError:
    """Return what is wrong in words that quote no value of the file."""
    problem = err.__cause__.__cause__ if err.__cause__ else None
    if isinstance(problem, yaml.YAMLError):
        cause = problem_of(problem)
        return ConfigFileError(cause.reason, cause.line)
    if (missing := _SECRET_MISSING.fullmatch(str(err))) is None:
        return ConfigFileError(why("not_yaml", error=str(err)))
    reason = why("yaml_secret_missing", secret=missing[1])
    for number, line in enumerate(text.splitlines(), 1):
        if (named := re.search(r"!secret\s+(\S+)", line)) and named[1] == missing[1]:
            return ConfigFileError(reason, number)
    return ConfigFileError(reason)


def _texts(content: dict[Any, Any], key: str) -> dict[str, str]:
    """Return the entries of a section; empty ones are left out."""
    section = content.get(key)
    if section is None:
        return {}
    if not isinstance(section, dict):
        raise ConfigFileError(why("yaml_section", key=key), _line(content, key))
    texts = {}
    for name, value in section.items():
        if value is None:
            continue
        if not isinstance(name, str) or not isinstance(value, str):
            reason = why("yaml_section_quotes", key=key)
            raise ConfigFileError(reason, _line(section, name))
        if not is_plain(value):
            reason = why("yaml_section_text", key=key)
            raise ConfigFileError(reason, _line(section, name))
        texts[str(name)] = str(value).strip()
    return texts


def _line(section: dict[Any, Any], name: Any) -> int | None:
    """Return the line of a key, as Home Assistant's loader notes it."""
    key = next((key for key in section if key == name), None)
    line = getattr(key, "__line__", None) or getattr(section, "__line__", None)
    return line if isinstance(line, int) else None
