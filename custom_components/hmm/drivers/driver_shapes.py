"""The shapes of what the addresses of drivers take and answer."""

from typing import Annotated, Literal, NotRequired, TypedDict

import voluptuous as vol

from ..action_schema import LONGEST_TEXT
from ..json_shapes import Moment, Text

type Category = Literal["miner", "pool"]


class ToInstall(TypedDict):
    """A driver to download."""

    url: Annotated[str, vol.Length(min=1, max=LONGEST_TEXT), "Only https"]
    sha256: Annotated[str, vol.Length(max=LONGEST_TEXT), "64 hexadecimal digits"]


class WhichVersion(TypedDict):
    """An earlier version."""

    version: NotRequired[Annotated[Text, "The previous one if left out"]]


class DriverRow(TypedDict):
    """The installed and the available version of a driver."""

    name: str
    driver_type: str
    category: Category
    display_name: str | None
    current_version: str | None
    available_version: str | None
    status: Literal["up_to_date", "update_available", "no_source"]
    description: str | None
    source: str | None
    url: str | None
    error: str | None


class User(TypedDict):
    """An entry that uses a driver."""

    entry_id: str
    title: str


class Metrics(TypedDict):
    """How the polls of a driver go."""

    since: Moment
    polls: int
    failed: int
    errors: Annotated[dict[str, int], "How many, by kind"]
    requests: int
    median_seconds: float | None
    p95_seconds: float | None


class DriverFacts(TypedDict):
    """A driver, its file, and what uses it."""

    type: str
    category: Category
    version: str | None
    bundled_version: str | None
    source: Literal["bundled", "user"]
    variant: str | None
    file: str
    sha256: str | None
    metrics: Metrics
    display_name: str
    entries: list[User]


class FailedFile(TypedDict):
    """A file that cannot be used."""

    file: str
    line: int | None
    reason: str


class StockFile(TypedDict):
    """An unchanged file of HMM-Local."""

    file: str
    drivers: list[str]
    version: str | None
    sha256: str
    used: bool


class DriverList(TypedDict):
    """All drivers and the files that failed."""

    drivers: list[DriverFacts]
    failed_files: list[FailedFile]
    stock_files: list[StockFile]


class DriverDone(TypedDict):
    """What became of a driver."""

    success: Literal[True]
    message: str
    driver_name: str
    old_version: str | None
    new_version: str | None


class DriverNotDone(TypedDict):
    """Why something could not be done; without a driver, only the first three."""

    message: str
    code: str | None
    detail: str
    success: NotRequired[Literal[False]]
    driver_name: NotRequired[str | None]
    old_version: NotRequired[None]
    new_version: NotRequired[None]


class DriverUpdated(TypedDict):
    """A driver that was updated."""

    name: str
    category: Category
    old_version: str | None
    new_version: str | None


class DriverNotUpdated(TypedDict):
    """A driver that was not updated."""

    name: str
    category: Category
    error: str


class DriversDone(TypedDict):
    """What became of all drivers."""

    success: bool
    updated: list[DriverUpdated]
    failed: list[DriverNotUpdated]
    message: str


class DriverToConfirm(TypedDict):
    """A driver that waits until a repair is confirmed."""

    success: Literal[True]
    message: str
    driver_name: str
    driver_type: str
    category: Category
    display_name: str | None
    version: str | None
    requirements: list[str]
    sha256: str
    url: str
    issue_id: str


class DriverChanged(TypedDict):
    """A driver that is new, other or gone."""

    type: str
    category: Category
    change: Literal["added", "changed", "removed"]
    old_version: str | None
    new_version: str | None
    file: str | None


class EntrySetUp(TypedDict):
    """An entry that was set up again."""

    entry_id: str
    title: str
    state: str
    reason: str | None


class Reloaded(TypedDict):
    """What a reload did."""

    loaded: int
    changed: list[DriverChanged]
    failed_files: list[FailedFile]
    entries: list[EntrySetUp]
    seconds: float
