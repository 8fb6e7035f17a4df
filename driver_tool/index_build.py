"""Makes a driver index of a folder: checks each driver and writes down what it is.

index.yaml                        who writes them, and what no file states itself
acme-1.1.0/acme_driver.py         any folders; each version of a driver is a file
acme.json                         a recorded session, which conformance is run with
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

from packaging.version import InvalidVersion, Version
from yarl import URL

from custom_components.hmm.driver_engine.declaration import Declaration
from custom_components.hmm.driver_engine.driver_index import (
    FORMAT,
    FORMAT_KEY,
    LONGEST_CHANGES,
    LONGEST_NAME,
    MAX_VERSIONS,
    IndexProblem,
    parse,
    read_index,
)
from custom_components.hmm.driver_engine.yaml_file import YamlProblem, read_mapping

from . import ToolError
from .conformance import Outcome, Result
from .files import load
from .suite import try_miner, try_pool
from .targets import open_target
from .validate import validate

ABOUT = "index.yaml"
PLACE = URL("https://index.invalid/index.json")
"""Where an index is that is still a file; addresses are relative to it."""

_KEYS = {"name", "homepage", "author", "license", "drivers"}
_DRIVER_KEYS = {"name", "summary", "author", "license", "homepage", "supports"}
_VERSION_KEYS = {"min_hmm", "against", "account"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """An index, and what has to be said of it."""

    document: dict[str, Any]
    notices: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """A driver that HMM can use, with what it passed."""

    url: str
    declaration: Declaration
    checks: list[dict[str, str]]


async def build(folder: Path, serial: int | None, previous: Path) -> Built:
    """Return the index of a folder. Raises ToolError: something in it is wrong.

    ``known`` is the index of before, if there is one: what it lists is not checked once
    more, and without a ``serial`` the number that follows its own is taken.
    """
    about = _about(folder / ABOUT)
    before = _before(previous)
    checked = {
        version["sha256"]: version.get("checks", [])
        for driver in before.get("drivers", [])
        for version in driver["versions"]
    }
    files: dict[str, list[_File]] = {}
    notices: list[str] = []
    for path in _paths(folder):
        declaration, warns = await asyncio.to_thread(_validated, path)
        id_ = str(declaration.id)
        if len(declaration.drivers) > 1:
            notices.append(f"{path}: only its first driver, {id_}, is listed")
        checks = checked.get(declaration.sha256)
        if checks is None:
            checks = [_check("validate", warns=warns)]
            own = _own(about, id_)
            if (against := own.get("against")) is None:
                notices.append(f"{path}: {ABOUT} names no session for conformance")
            else:
                checks.append(await _conformance(path, folder / str(against), own))
        url = quote(path.relative_to(folder).as_posix())
        file = _File(url=url, declaration=declaration, checks=checks)
        files.setdefault(id_, []).append(file)
    if left := about["drivers"].keys() - files.keys():
        msg = f"{ABOUT} has {', '.join(sorted(left))}, but there is no such driver"
        raise ToolError(msg)
    document: dict[str, Any] = {
        FORMAT_KEY: FORMAT,
        **{key: about[key] for key in ("name", "homepage") if key in about},
        "serial": serial or before.get("serial", 0) + 1,
        "drivers": [
            _driver(files[id_], about, _own(about, id_)) for id_ in sorted(files)
        ],
    }
    try:
        read_index(as_file(document), PLACE)
    except IndexProblem as err:
        raise ToolError(f"HMM would refuse the index: {err}") from err
    return Built(document=document, notices=tuple(notices))


def as_file(document: Mapping[str, Any]) -> bytes:
    """Return an index as it is written."""
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def read_document(path: Path) -> dict[str, Any]:
    """Return an index as it is written in a file. Raises ToolError."""
    try:
        source = path.read_bytes()
        read_index(source, PLACE)
        return parse(source)
    except IndexProblem as err:
        raise ToolError(f"{path}: {err}") from err


def _before(previous: Path) -> dict[str, Any]:
    """Return the index that was built the last time, nothing if there is none."""
    return read_document(previous) if previous.is_file() else {}


def _about(path: Path) -> dict[str, Any]:
    """Return what the author says. Raises ToolError."""
    if not path.is_file():
        msg = f"There is no {path}. script/driver index new FOLDER makes an example"
        raise ToolError(msg)
    try:
        about, _ = read_mapping(path.read_text(encoding="utf-8"))
    except (YamlProblem, UnicodeDecodeError) as err:
        raise ToolError(f"{path}: {err}") from err
    drivers = _dict(about.get("drivers") or {}, "drivers", None)
    return {**_dict(about, ABOUT, _KEYS), "drivers": drivers}


def _dict(value: Any, name: str, keys: set[str] | None) -> dict[str, Any]:
    """Return a mapping with some keys. Raises ToolError."""
    if not isinstance(value, dict):
        raise ToolError(f"{ABOUT}: {name} is no mapping")
    if keys is not None and (others := value.keys() - keys):
        msg = f"{ABOUT}: {name} has unknown keys: {', '.join(sorted(others))}"
        raise ToolError(msg)
    return value


def _own(about: Mapping[str, Any], id_: str) -> dict[str, Any]:
    """Return what the author says of one driver. Raises ToolError."""
    return _dict(about["drivers"].get(id_) or {}, id_, _DRIVER_KEYS | _VERSION_KEYS)


def _paths(folder: Path) -> list[Path]:
    """Return the drivers below a folder; those in hidden folders are of others."""
    return [
        path
        for path in sorted(folder.rglob("*_driver.py"))
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]


def _validated(path: Path) -> tuple[Declaration, bool]:
    """Return what a file declares, and whether there are warnings. Raises ToolError."""
    report = validate(path)
    if (declaration := report.declaration) is None or not report.is_usable:
        errors = "; ".join(
            problem.text for problem in report.problems if problem.level == "error"
        )
        raise ToolError(f"{path}: {errors} (script/driver validate {path} tells more)")
    try:
        Version(declaration.version)
    except InvalidVersion as err:
        raise ToolError(
            f"{path}: its version {declaration.version} cannot be compared (1.2.0 can)"
        ) from err
    return declaration, bool(report.problems)


async def _conformance(
    path: Path, session: Path, own: Mapping[str, Any]
) -> dict[str, str]:
    """Run the suite against a session. Raises ToolError: a check fails."""
    drivers = load(str(path))
    results: list[Result] = []
    async with open_target(str(session)) as target:
        for driver in drivers.miners:
            results += await try_miner(driver.driver_class, target, {}, may_write=False)
        for other in drivers.pools:
            account = _dict(own.get("account") or {}, "account", None)
            results += await try_pool(other.driver_class, target, account)
    if failed := [
        result.check for result in results if result.outcome is Outcome.FAILED
    ]:
        raise ToolError(
            f"{path}: conformance fails: {', '.join(failed)} (script/driver conformance"
            f" {path} --against {session} tells more)"
        )
    warns = any(result.outcome is Outcome.WARNING for result in results)
    return {**_check("conformance", warns=warns), "against": session.name}


def _check(name: str, *, warns: bool) -> dict[str, str]:
    return {"name": name, "result": "warnings" if warns else "passed"}


def _driver(
    files: list[_File], about: Mapping[str, Any], own: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a driver as an index lists it, by what its newest file contains."""
    files.sort(key=lambda file: Version(file.declaration.version), reverse=True)
    newest = files[0].declaration
    texts = {"name": newest.display_name, "summary": newest.description or "", **own}
    return {
        "kind": newest.id.kind,
        "type": newest.id.driver_type,
        "name": _line(texts["name"], LONGEST_NAME),
        "summary": _line(texts["summary"], 300),
        **{
            key: value
            for key in ("author", "license", "homepage", "supports")
            if (value := own.get(key, about.get(key))) is not None
        },
        "versions": [_version(file, own) for file in files[:MAX_VERSIONS]],
    }


def _version(file: _File, own: Mapping[str, Any]) -> dict[str, Any]:
    declaration = file.declaration
    needs = {"min_hmm": own.get("min_hmm"), "interface": declaration.interface_version}
    return {
        "version": declaration.version,
        "url": file.url,
        "sha256": declaration.sha256,
        **{key: str(value) for key, value in needs.items() if value is not None},
        "changes": _lines(declaration.notes or "", LONGEST_CHANGES),
        "checks": file.checks,
    }


def _line(text: Any, longest: int) -> str:
    """Return a text in one line that can be shown."""
    return " ".join(_lines(str(text), longest).split())


def _lines(text: str, longest: int) -> str:
    """Return the begin of a text without what cannot be shown."""
    lines = text.expandtabs(4).splitlines()
    shown = ("".join(char for char in line if char.isprintable()) for line in lines)
    return "\n".join(line.rstrip() for line in shown)[:longest].strip()
