"""Whether a new version of a driver does worse than the one before it.

What counts are devices that answered the old version. One that is switched off says
nothing of a driver: where nothing is reached any more, the caller checks whether the
device is there. A driver is worse if it lost fields that the old one read, if it fails
more often, or if it reads a device no more.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Annotated, ClassVar, Final, Self, override

from ..driver_api import DashboardTileData, MinerTelemetry
from ..stored import Newest, Stored
from .metrics import DriverMetrics

type Reading = MinerTelemetry | DashboardTileData

WATCH_SECONDS: Final = 600.0
"""How long a new version is watched at least."""
LONGEST_SECONDS: Final = 6 * 3600.0
"""After how long it is judged by whatever there is."""
MIN_POLLS: Final = 5
"""How many polls of a device say something."""

_MIN_FAULTS: Final = 3
_MORE_SHARE: Final = 0.1
"""By how much more of the polls must fail, as a share of all."""
_MAX_DEVICES: Final = 5_000
_MAX_POLLS: Final = 1_000_000

SILENT: Final = frozenset(
    {
        *("CannotConnect", "TimedOut", "connection_lost", "name_not_resolved"),
        *("network_refused", "no_response", "no_route", "refused", "silent"),
        *("stratum_down", "timed_out"),
    }
)
"""Kinds of errors that a device makes which is off, by the key of their reason."""
_EXCUSED: Final = frozenset(
    {"busy", "node_not_ready", "not_well", "server_error", "stopped"}
)
"""What a device or pool itself reports to be wrong with it."""

_COMES_AND_GOES: Final = frozenset(
    {
        *("account_known", "device", "health_message", "health_status", "latency_ms"),
        *("problems", "reject_reasons"),
    }
)
"""Fields that are empty at times, whatever the version."""
_NEEDS_TIME: Final = frozenset(
    {
        *("best_session_share", "blocks_found_session", "hashrate_10m"),
        *("hashrate_15m", "hashrate_1d", "hashrate_1h", "last_share"),
        *("response_time", "shares_pending"),
    }
)
"""Fields that a device has only some time after its start."""
_KNOWN: Final = (
    frozenset(
        field.name
        for kind in (MinerTelemetry, DashboardTileData)
        for field in fields(kind)
    )
    - _COMES_AND_GOES
)


def fields_read(reading: Reading) -> frozenset[str]:
    """Return the fields that have a value, but for those that come and go."""
    return frozenset(
        field.name
        for field in fields(reading)
        if field.name in _KNOWN and getattr(reading, field.name) not in (None, ())
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Version(Stored):
    """One version of a driver."""

    version: str
    sha256: str
    bundled: bool


@dataclass(slots=True, kw_only=True)
class WatchedDevice(Stored):
    """What the new version makes of a miner or pool account that the old one read."""

    stored_as: ClassVar = {"reported": "found", "polls_read": "told"}

    before: frozenset[str]
    """The fields that the old version read."""
    hashing: bool | None = None
    """Whether it worked then: one that is paused reports less."""
    uptime: float | None = None
    """Seconds, at its last good poll."""
    restarted: bool = False
    good: int = 0
    silent: int = 0
    faults: int = 0
    reported: frozenset[str] = frozenset()
    polls_read: int = 0
    """The good polls that count for the fields."""

    @classmethod
    def of(cls, reading: Reading) -> Self:
        """Begin with the last poll of the old version."""
        return cls(
            before=fields_read(reading),
            hashing=getattr(reading, "hashing", None),
            uptime=getattr(reading, "uptime", None),
        )

    @property
    def lost(self) -> frozenset[str]:
        """Return the fields that the new version never read."""
        if self.polls_read < MIN_POLLS:
            return frozenset()
        lost = self.before - self.reported
        return lost - _NEEDS_TIME if self.restarted else lost

    @property
    def polls(self) -> int:
        """Return how many polls were counted."""
        return self.good + self.silent + self.faults

    def note_reading(self, reading: Reading) -> None:
        """Count a poll that succeeded."""
        self.good += 1
        uptime = getattr(reading, "uptime", None)
        if uptime is not None:
            self.restarted |= self.uptime is not None and uptime < self.uptime
            self.uptime = uptime
        hashing = getattr(reading, "hashing", None)
        if hashing is None or hashing == self.hashing:
            self.polls_read += 1
            self.reported |= fields_read(reading)

    def note_failure(self, kind: str) -> None:
        """Count a poll that failed, by the key of its reason."""
        if kind in SILENT:
            self.silent += 1
        elif kind not in _EXCUSED:
            self.faults += 1

    @override
    def verify(self) -> None:
        counts = (self.good, self.silent, self.faults, self.polls_read)
        if not all(0 <= count < _MAX_POLLS for count in counts):
            raise ValueError(counts)
        self.before &= _KNOWN
        self.reported &= _KNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Worse:
    """What got worse with a version."""

    lost: Mapping[str, int]
    """The fields that are read no more, and at how many devices."""
    unread: tuple[str, ...]
    """The devices that the new version cannot read at all."""
    before: float | None
    """The share of the polls that failed; None if that is not a worse."""
    after: float
    example: str
    """What one of the failed polls said."""


@dataclass(slots=True, kw_only=True)
class Watch(Stored):
    """A version that took the place of another one, as long as it is watched."""

    old: Version
    new: Version
    since: float
    """In seconds since 1970."""
    share: float
    """Of the polls of the old version, how many failed."""
    devices: Annotated[dict[str, WatchedDevice], Newest(_MAX_DEVICES)] = field(
        default_factory=dict
    )
    """By the ids of their entries."""
    example: str = ""

    @override
    def verify(self) -> None:
        self.share = min(max(self.share, 0.0), 1.0)

    def is_due(self, now: float) -> bool:
        """Return whether there is enough to judge by.

        Each device that reports anything has said it often enough, or much time passed.
        """
        if not self.is_young(now):
            return True
        return now - self.since >= WATCH_SECONDS and all(
            device.polls >= MIN_POLLS for device in self.devices.values()
        )

    def is_young(self, now: float) -> bool:
        """Return whether it may continue for some time; a clock may be changed."""
        return 0 <= now - self.since < LONGEST_SECONDS

    def unreached(self) -> list[str]:
        """Return the devices of which nothing was heard since the change."""
        return [
            key
            for key, device in self.devices.items()
            if device.silent and not device.good and not device.faults
        ]

    def judge(self, is_there: Mapping[str, bool | None]) -> Worse | None:
        """Return what got worse, None if nothing did.

        ``is_there`` maps the unreached devices to whether their address responds; None
        where that cannot be checked. If that is so of all, and they are several, they
        were all lost at the time of the change, which is not an accident.
        """
        unreached = self.unreached()
        all_lost = len(unreached) == len(self.devices) > 1 and all(
            is_there.get(key) is None for key in unreached
        )
        blamed = {key for key in unreached if all_lost or is_there.get(key)}
        good = faults = 0
        lost: Counter[str] = Counter()
        unread: list[str] = []
        for key, device in self.devices.items():
            failed = device.faults + (device.silent if key in blamed else 0)
            good += device.good
            faults += failed
            lost.update(device.lost)
            if not device.good and failed >= _MIN_FAULTS:
                unread.append(key)
        after = faults / (good + faults) if faults else 0.0
        is_worse = (
            faults >= _MIN_FAULTS
            and after >= self.share + _MORE_SHARE
            and after >= 2 * self.share
        )
        if not lost and not unread and not is_worse:
            return None
        return Worse(
            lost=dict(sorted(lost.items())),
            unread=tuple(unread),
            before=self.share if is_worse else None,
            after=after,
            example=self.example if unread or is_worse else "",
        )

    def again(self, new: Version, now: float) -> Watch:
        """Return a watch of one more version, compared with the same one as before."""
        devices = {
            key: WatchedDevice(
                before=device.before, hashing=device.hashing, uptime=device.uptime
            )
            for key, device in self.devices.items()
        }
        return replace(self, new=new, since=now, devices=devices, example="")


def fault_share(metrics: DriverMetrics) -> float:
    """Return the share of the polls that failed through the driver, 0 without any."""
    others = sum(metrics.errors[kind] for kind in SILENT | _EXCUSED)
    polls = metrics.polls - others
    return (metrics.failed - others) / polls if polls > 0 else 0.0
