"""What one scan of the driver folders finds."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..driver_api import BaseMinerAdapter, BasePoolIntegration, Reason
from ..driver_api.units import parse_text
from .declaration import DriverId

type DriverClass = type[BaseMinerAdapter | BasePoolIntegration]


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a file; ``line`` is None if unknown."""

    reason: Reason
    line: int | None = None
    harmful: bool = False
    """Whether it corrupted the process: it is not a mere error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedDriver[T]:
    """A driver class and where it came from."""

    driver_class: type[T]
    driver_type: str
    version: str
    path: Path
    sha256: str
    bundled: bool
    replaces: LoadedDriver[T] | None = None
    """The bundled driver that the user's file is used in place of."""
    optional: bool = False
    """Whether it is one that needs a package, loaded because it is wanted."""

    @property
    def name(self) -> str:
        """Return what it calls itself; a driver of the user may hold anything there."""
        name = getattr(self.driver_class, "display_name", None)
        return parse_text(name) or self.driver_type

    @property
    def coins(self) -> list[str]:
        """Return the symbols of the coins of a pool driver, none where any will do."""
        coins = getattr(self.driver_class, "supports_coins", None)
        texts = map(parse_text, coins) if isinstance(coins, list | tuple) else ()
        return [text.upper() for text in texts if text is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedDriver:
    """A driver file that could not be used. ``line`` is None if unknown."""

    path: Path
    reason: Reason
    line: int | None = None
    waiting: bool = False
    """Whether it will be loaded automatically, once its packages are installed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StockFile:
    """A driver file that came with HMM-Local and is unchanged.

    The bundled drivers of its types run in its place, unless the user wants it.
    """

    path: Path
    sha256: str
    drivers: tuple[DriverId, ...]
    version: str
    is_wanted: bool


type AnyLoaded = LoadedDriver[BaseMinerAdapter] | LoadedDriver[BasePoolIntegration]


@dataclass(slots=True, kw_only=True)
class LoadedDrivers:
    """Everything that one scan of the driver folders found."""

    miners: dict[str, LoadedDriver[BaseMinerAdapter]] = field(default_factory=dict)
    pools: dict[str, LoadedDriver[BasePoolIntegration]] = field(default_factory=dict)
    failed: list[FailedDriver] = field(default_factory=list)
    passed_over: list[Path] = field(default_factory=list)
    """Files of HMM-Local that are plug-ins of another kind, which HMM has none of."""
    fingerprints: dict[Path, str] = field(default_factory=dict)
    """Of the user's files, with all that they import, as they were loaded."""
    stock: list[StockFile] = field(default_factory=list)
    """Files that came with HMM-Local, those that the user wants included."""
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What config.yaml held when they were loaded."""
    tried: dict[str, Finding] = field(default_factory=dict)
    """The harm that a file did when it was tried, by its fingerprint. A mere error is
    not kept: its cause may be elsewhere, as a missing package."""

    def __iter__(self) -> Iterator[AnyLoaded]:
        """Yield all of them, the miners first."""
        yield from self.miners.values()
        yield from self.pools.values()
