"""The commands of ``script/driver index``. All return the exit status."""

from argparse import Namespace
from collections.abc import Awaitable, Callable, Iterable, Mapping
import hashlib
import os
from pathlib import Path
import shutil
from typing import Final

import aiohttp
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from yarl import URL

from custom_components.hmm.driver_engine.declaration import NotADriver, declare
from custom_components.hmm.driver_engine.download import (
    DownloadFailed,
    download,
    file_url,
)
from custom_components.hmm.driver_engine.driver_index import (
    LARGEST_INDEX,
    SIGNATURE_KEY,
    DriverIndex,
    IndexedDriver,
    IndexedVersion,
    IndexProblem,
    read_index,
)
from custom_components.hmm.driver_engine.index_signature import Signer, sign

from . import ToolError
from .conformance import shared_session
from .index_build import PLACE, as_file, build, read_document
from .show import table

KEY_VARIABLE: Final = "HMM_INDEX_KEY"
"""What holds the secret key where there is no file for it."""

TEMPLATE: Final = Path(__file__).parents[1] / "docs" / "drivers" / "index-template"


async def _new(args: Namespace) -> int:
    """Make a folder with an example: a repository that builds and signs an index."""
    if args.folder.exists():
        raise ToolError(f"{args.folder} is there already")
    leave = shutil.ignore_patterns("__pycache__", "index.json")
    shutil.copytree(TEMPLATE, args.folder, ignore=leave)
    print(f"{args.folder}: an example, see its README.md. Next:")
    print(f"  script/driver index build {args.folder}")
    return 0


async def _key(args: Namespace) -> int:
    """Make a secret key."""
    key = Ed25519PrivateKey.generate()
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    # No one else may read it, and a key that is there is never written over
    handle = os.open(args.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(secret)
    print(f"{args.file}: keep it secret, and keep a copy: users pin the key.")
    print(f"Publish its fingerprint: {_signer(key).fingerprint}")
    return 0


async def _build(args: Namespace) -> int:
    """Make the index of a folder."""
    output = args.output or args.folder / "index.json"
    built = await build(args.folder, args.serial, output)
    for notice in built.notices:
        print(f"note: {notice}")
    output.write_bytes(as_file(built.document))
    _print(read_index(output.read_bytes(), PLACE))
    print(f"{output}: not signed yet (script/driver index sign {output} --key FILE)")
    return 0


async def _sign(args: Namespace) -> int:
    """Sign an index."""
    key = _load_key(args.key)
    document = read_document(args.file)
    document.pop(SIGNATURE_KEY, None)
    document[SIGNATURE_KEY] = sign(document, key)
    args.file.write_bytes(as_file(document))
    print(f"{args.file}: signed with {_signer(key).fingerprint}")
    return 0


async def _check(args: Namespace) -> int:
    """Read an index as HMM does, and compare the files with its entries."""
    async with shared_session() as session:
        if "://" in args.index:
            index = await _fetched(session, args.index)
            folder = None
        else:
            index, folder = _local(Path(args.index))
        _print(index)
        versions = [
            (driver, version)
            for driver in index.drivers.values()
            for version in driver.versions
        ]
        problems = [
            f"{driver.id} {version.version}: {problem}"
            for driver, version in versions
            if (problem := await _problem(session, folder, driver, version))
        ]
    for problem in problems:
        print(problem)
    print(f"{len(versions)} files, {len(problems)} with a problem")
    return 1 if problems else 0


def _checked(source: bytes, place: URL) -> DriverIndex:
    try:
        return read_index(source, place)
    except IndexProblem as err:
        raise ToolError(f"HMM would refuse the index: {err}") from err


def _local(path: Path) -> tuple[DriverIndex, Path]:
    """Return the index in a file, and the folder that its addresses are relative to."""
    return _checked(path.read_bytes(), PLACE), path.parent


async def _fetched(session: aiohttp.ClientSession, address: str) -> DriverIndex:
    try:
        url = file_url(address)
        return _checked(await download(session, url, LARGEST_INDEX), url)
    except DownloadFailed as err:
        raise ToolError(str(err)) from err


async def _problem(
    session: aiohttp.ClientSession,
    folder: Path | None,
    driver: IndexedDriver,
    version: IndexedVersion,
) -> str | None:
    """Return what is wrong with the file of a version, None if nothing is."""
    try:
        if folder is not None and version.url.host == PLACE.host:
            source = folder.joinpath(version.url.path.lstrip("/")).read_bytes()
        else:
            source = await download(session, version.url)
        declaration = declare(source, Path(version.url.name))
    except (DownloadFailed, NotADriver) as err:
        return str(err.reason)
    except OSError as err:
        return f"{version.url.path.lstrip('/')}: {err.strerror}"
    if (actual := hashlib.sha256(source).hexdigest()) != version.sha256:
        return f"the SHA-256 of the file is {actual}"
    if (declaration.id, declaration.version) != (driver.id, version.version):
        return f"the file is {declaration.id} {declaration.version}"
    return None


def _print(index: DriverIndex) -> None:
    signer = index.signer
    print(f"{index.name}, serial {index.serial}")
    print(f"signed with {signer.fingerprint}" if signer else "not signed")
    print(table(_rows(index.drivers.values())))


def _rows(drivers: Iterable[IndexedDriver]) -> list[tuple[str, str, str]]:
    return [
        (
            str(driver.id),
            version.version,
            ", ".join(f"{check.name} {check.result}" for check in version.checks),
        )
        for driver in drivers
        for version in driver.versions
    ]


def _load_key(path: Path | None) -> Ed25519PrivateKey:
    """Return the secret key of a file or of the environment. Raises ToolError."""
    if path is not None:
        secret = path.read_bytes()
    elif not (secret := os.environ.get(KEY_VARIABLE, "").encode()):
        msg = f"There is no key: --key FILE, or its content in {KEY_VARIABLE}"
        raise ToolError(msg)
    try:
        key = load_pem_private_key(secret, None)
    except (TypeError, UnsupportedAlgorithm, ValueError) as err:
        msg = "This is no key: script/driver index key FILE makes one"
        raise ToolError(msg) from err
    if not isinstance(key, Ed25519PrivateKey):
        msg = "This is no Ed25519 key: script/driver index key FILE makes one"
        raise ToolError(msg)
    return key


def _signer(key: Ed25519PrivateKey) -> Signer:
    return Signer(key.public_key().public_bytes_raw().hex())


INDEX_COMMANDS: Final[Mapping[str, Callable[[Namespace], Awaitable[int]]]] = {
    "new": _new,
    "key": _key,
    "build": _build,
    "sign": _sign,
    "check": _check,
}
