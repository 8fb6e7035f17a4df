"""Reads a driver index: a JSON file on the web in which authors list their drivers.

docs/drivers/indexes.md describes it. Everything in it is of bounded size, and one
wrong value refuses the file: ``script/driver index check`` names it to the author.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
import json
import re
from typing import Any, Final, Literal, NoReturn

from packaging.version import InvalidVersion, Version
from yarl import URL

from ..driver_api import INTERFACE_VERSION, Reason
from .declaration import DRIVER_TYPE, DriverId, Kind
from .download import DownloadFailed, file_url
from .faults import FileError, why
from .index_signature import Signer, signer_of

FORMAT: Final = 1
FORMAT_KEY: Final = "hmm_driver_index"
SIGNATURE_KEY: Final = "signature"
LARGEST_INDEX: Final = 2 * 2**20
"""Bytes; 100 drivers with ten versions each take a quarter of it."""

MAX_DRIVERS: Final = 500
MAX_VERSIONS: Final = 20
LONGEST_NAME: Final = 80
LONGEST_CHANGES: Final = 2000
LARGEST_NUMBER: Final = 2**53

type CheckResult = Literal["passed", "warnings"]

_KINDS: Final[tuple[Kind, ...]] = ("miner", "pool")
_RESULTS: Final[tuple[CheckResult, ...]] = ("passed", "warnings")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_HEX = re.compile(r"[0-9a-f]*")
_ANYTHING = re.compile(r".*", re.DOTALL)
# What would lead out of a folder, for one of those who read an address
_WANDERS = re.compile(r"\.\.|\\|%(?:2e|2f|5c|00)", re.IGNORECASE)
_OF_HOMES = (".local", ".localhost", ".lan", ".internal", ".home.arpa", ".intranet")
_TOP_LEVEL = re.compile(r"[a-z][a-z0-9-]*", re.IGNORECASE)


class IndexProblem(FileError):
    """A file is no driver index, or one that cannot be used; ``line`` may be known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A check that a version passed, as its index says."""

    name: str
    result: CheckResult
    against: str | None
    """What it was tried with: a device, a recorded session, a simulator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedVersion:
    """One version of a driver."""

    version: str
    url: URL
    sha256: str
    min_hmm: str
    """The lowest version of HMM that it runs with."""
    interface: str
    """The lowest version of the driver interface that it runs with."""
    changes: str
    """Some lines, maybe none."""
    checks: tuple[Check, ...]

    @property
    def has_interface(self) -> bool:
        """Return whether the interface of this HMM suffices."""
        return Version(self.interface) <= Version(INTERFACE_VERSION)

    def runs_with(self, hmm: str) -> bool:
        """Return whether a version of HMM, with the interface of this one, suffices."""
        return self.has_interface and Version(self.min_hmm) <= Version(hmm)


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedDriver:
    """One driver, with its versions: at least one, the newest first."""

    id: DriverId
    name: str
    summary: str
    author: str
    license: str
    homepage: URL | None
    supports: tuple[str, ...]
    """The models, devices or pools that it is for."""
    versions: tuple[IndexedVersion, ...]

    def newest_for(self, hmm: str) -> IndexedVersion | None:
        """Return the newest version that runs with this version of HMM."""
        return next(
            (version for version in self.versions if version.runs_with(hmm)), None
        )

    def matches(self, query: str) -> bool:
        """Return whether all words of a query are in the description of the driver."""
        parts = (self.name, str(self.id), self.summary, self.author, *self.supports)
        text = "\n".join(parts).casefold()
        return all(word in text for word in query.casefold().split())


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverIndex:
    """What an index says."""

    name: str
    homepage: URL | None
    serial: int
    """Grows with each release: a lower one than before is an old file."""
    drivers: Mapping[DriverId, IndexedDriver]
    signer: Signer | None
    """Whose key has signed it; None: it is not signed."""


def read_index(source: bytes, address: URL) -> DriverIndex:
    """Return what an index says that is at an address. Raises IndexProblem.

    A signature that it has is right: otherwise that raises as well. It blocks, for
    some tenths of a second at most.
    """
    try:
        document = parse(source)
        signer = _signer(document)
    except RecursionError as err:
        raise IndexProblem(why("index_too_deep")) from err
    root = _At(document, "")
    return DriverIndex(
        name=root.at("name").line(LONGEST_NAME),
        homepage=root.at("homepage").homepage(),
        serial=root.at("serial").number(),
        drivers=_drivers(root.at("drivers"), address),
        signer=signer,
    )


def parse(source: bytes) -> dict[str, Any]:
    """Return the object in a file. Raises IndexProblem, or RecursionError."""
    if len(source) > LARGEST_INDEX:
        raise IndexProblem(why("file_too_large", size=LARGEST_INDEX // 1024))
    try:
        document = json.loads(
            source.decode("utf-8-sig"),
            object_pairs_hook=_unique,
            parse_int=_integer,
            parse_float=_no_number,
            parse_constant=_no_number,
        )
    except UnicodeDecodeError as err:
        line = source.count(b"\n", 0, err.start) + 1
        raise IndexProblem(why("index_not_json", line=line), line) from err
    except json.JSONDecodeError as err:
        raise IndexProblem(why("index_not_json", line=err.lineno), err.lineno) from err
    if not isinstance(document, dict) or FORMAT_KEY not in document:
        raise IndexProblem(why("index_none", key=FORMAT_KEY))
    format_ = _At(document, "").at(FORMAT_KEY).number()
    if format_ != FORMAT:
        raise IndexProblem(why("index_format", found=format_, known=FORMAT))
    return document


@dataclass(frozen=True, slots=True)
class _At:
    """A value, and where it is: ``drivers[3].name``."""

    value: Any
    place: str

    def wrong(self, expected: str) -> NoReturn:
        """Raise what should have been here, in words of JSON."""
        place = self.place or "{}"
        raise IndexProblem(why("index_value", place=place, expected=expected))

    def at(self, key: str) -> _At:
        """Return a value of an object, None where there is none."""
        if not isinstance(self.value, dict):
            self.wrong("object")
        place = f"{self.place}.{key}" if self.place else key
        return _At(self.value.get(key), place)

    def items(self, maximum: int, minimum: int = 0) -> Iterator[_At]:
        """Yield the values of a list; one that is not there is empty."""
        value = [] if self.value is None else self.value
        if not isinstance(value, list) or not minimum <= len(value) <= maximum:
            self.wrong(f"array, {minimum}..{maximum}")
        for number, item in enumerate(value):
            yield _At(item, f"{self.place}[{number}]")

    def text(
        self, maximum: int, minimum: int = 1, pattern: re.Pattern[str] = _ANYTHING
    ) -> str:
        """Return a text that can be shown; where it may be empty, it may be missing."""
        value = "" if self.value is None else self.value
        if not isinstance(value, str) or not minimum <= len(value) <= maximum:
            self.wrong(f"string, {minimum}..{maximum}")
        # Control characters, also those that turn the direction of what follows
        if not all(line.isprintable() for line in value.split("\n")):
            raise IndexProblem(why("index_characters", place=self.place))
        if not pattern.fullmatch(value):
            self.wrong(pattern.pattern)
        return value

    def line(self, maximum: int, minimum: int = 1) -> str:
        """Return a text without line breaks."""
        text = self.text(maximum, minimum)
        if "\n" in text or text != text.strip():
            raise IndexProblem(why("index_characters", place=self.place))
        return text

    def number(self) -> int:
        """Return a whole number."""
        if type(self.value) is not int or not 0 < self.value <= LARGEST_NUMBER:
            self.wrong(f"integer, 1..{LARGEST_NUMBER}")
        return self.value

    def one_of[T: str](self, choices: tuple[T, ...]) -> T:
        """Return one of some words."""
        value = next((choice for choice in choices if choice == self.value), None)
        return value or self.wrong(" | ".join(choices))

    def version(self, missing: str | None = None) -> str:
        """Return a version that can be compared; some may be missing."""
        if self.value is None and missing is not None:
            return missing
        version = self.line(40)
        try:
            Version(version)
        except InvalidVersion:
            self.wrong("PEP 440")
        return version

    def homepage(self) -> URL | None:
        """Return the address of a page, which HMM shows and never opens."""
        return None if self.value is None else self._address(self.line(500))

    def url(self, index: URL) -> URL:
        """Return the address of a driver: relative to the index, or of a public server."""
        text = self.line(500)
        is_whole = "://" in text
        if _WANDERS.search(text) or text.startswith("//"):
            self.wrong("https://example.org/acme_driver.py | acme_driver.py")
        url = self._address(text if is_whole else str(index.join(URL(text))))
        if url.host != index.host and not _is_public(url.host or ""):
            # In the home network: nothing there is for an index to request
            raise self._refused(why("index_private", server=url.host))
        return url

    def _address(self, text: str) -> URL:
        try:
            return file_url(text)
        except DownloadFailed as err:
            raise self._refused(err.reason) from err

    def _refused(self, reason: Reason) -> IndexProblem:
        return IndexProblem(why("index_address", place=self.place, reason=reason))


def _drivers(listed: _At, address: URL) -> Mapping[DriverId, IndexedDriver]:
    drivers: dict[DriverId, IndexedDriver] = {}
    for at in listed.items(MAX_DRIVERS):
        driver = _driver(at, address)
        if driver.id in drivers:
            raise IndexProblem(why("index_twice", place=at.place, what=driver.id))
        drivers[driver.id] = driver
    return drivers


def _driver(at: _At, address: URL) -> IndexedDriver:
    id_ = DriverId(
        at.at("kind").one_of(_KINDS), at.at("type").text(64, pattern=DRIVER_TYPE)
    )
    versions: dict[Version, IndexedVersion] = {}
    for item in at.at("versions").items(MAX_VERSIONS, 1):
        version = _version(item, address)
        if (number := Version(version.version)) in versions:
            raise IndexProblem(
                why("index_twice", place=item.place, what=f"{id_} {version.version}")
            )
        versions[number] = version
    return IndexedDriver(
        id=id_,
        name=at.at("name").line(LONGEST_NAME),
        summary=at.at("summary").line(300, 0),
        author=at.at("author").line(LONGEST_NAME),
        license=at.at("license").line(40, 0),
        homepage=at.at("homepage").homepage(),
        supports=tuple(
            item.line(LONGEST_NAME) for item in at.at("supports").items(100)
        ),
        versions=tuple(versions[key] for key in sorted(versions, reverse=True)),
    )


def _version(at: _At, address: URL) -> IndexedVersion:
    return IndexedVersion(
        version=at.at("version").version(),
        url=at.at("url").url(address),
        sha256=at.at("sha256").text(64, pattern=_SHA256),
        min_hmm=at.at("min_hmm").version("0"),
        interface=at.at("interface").version("0"),
        changes=at.at("changes").text(LONGEST_CHANGES, 0),
        checks=tuple(
            Check(
                name=item.at("name").line(40),
                result=item.at("result").one_of(_RESULTS),
                against=item.at("against").line(LONGEST_NAME, 0) or None,
            )
            for item in at.at("checks").items(10)
        ),
    )


def _signer(document: dict[str, Any]) -> Signer | None:
    """Return who has signed an index, None if no one has. Raises IndexProblem."""
    signature = _At(document, "").at(SIGNATURE_KEY)
    if SIGNATURE_KEY not in document:
        return None
    signer = signer_of(
        {key: value for key, value in document.items() if key != SIGNATURE_KEY},
        bytes.fromhex(signature.at("key").text(64, 64, _HEX)),
        bytes.fromhex(signature.at("value").text(128, 128, _HEX)),
    )
    if signer is None:
        raise IndexProblem(why("index_signature"))
    return signer


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object; with a key twice, two readers would read two things."""
    unique: dict[str, Any] = {}
    for key, value in pairs:
        if key in unique:
            raise IndexProblem(why("index_key_twice", key=ascii(key)[1:-1][:40]))
        unique[key] = value
    return unique


def _integer(digits: str) -> int:
    if len(digits) > 17:
        _no_number(digits)
    return int(digits)


def _no_number(digits: str) -> NoReturn:
    raise IndexProblem(why("index_number"))


def _is_public(host: str) -> bool:
    """Return whether a server is none of a home network, by its name or address."""
    try:
        return ip_address(host).is_global
    except ValueError:
        name = host.rstrip(".")
        # "127.1" and "0x7f.0.0.1" are addresses, too
        top = _TOP_LEVEL.fullmatch(name.rpartition(".")[2])
        return "." in name and top is not None and not name.endswith(_OF_HOMES)
