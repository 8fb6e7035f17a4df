"""Which release of which firmware is the newest for a miner: facts, no requests."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
import re
from typing import Any, Final, Literal, Self

from ..driver_api import DeviceFacts
from ..driver_api.units import parse_text

LONGEST_NOTES: Final = 20_000
"""Characters of the notes of one release."""
MAX_RELEASES: Final = 30
_LONGEST_VERSION: Final = 32
_MAX_ASSETS: Final = 200

type Version = tuple[int, ...]
type WhyNone = Literal["fork", "not_official"]

# Everything else has another suffix: forks, builds of one's own, previews
_OFFICIAL: Final = re.compile(r"[vV]?(\d{1,5}(?:\.\d{1,5}){2,3})(?:-LTS)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """Where a firmware is published, and what is known of it."""

    repository: str
    title: str
    bad: Mapping[Version, str]
    """Releases that are left out, with a link to the reason."""


_AXEOS: Final = "https://github.com/bitaxeorg/ESP-Miner/issues/"
_NERD: Final = "https://github.com/shufps/ESP-Miner-NerdQAxePlus/issues/"

FEEDS: Final[Mapping[str, Feed]] = {
    "bitaxe": Feed(
        repository="bitaxeorg/ESP-Miner",
        title="AxeOS",
        bad={
            (2, 13, 2): f"{_AXEOS}1686",
            (2, 14, 0): f"{_AXEOS}1762",
            (2, 15, 0): "https://github.com/bitaxeorg/ESP-Miner/releases",
        },
    ),
    "nerdqaxe": Feed(
        repository="shufps/ESP-Miner-NerdQAxePlus",
        title="NerdQAxe",
        bad={(1, 0, 33): f"{_NERD}306"},
    ),
}
"""By the driver of the miner."""

# What a NerdQAxe calls itself, and its files
_NERD_LABELS: Final = {
    "nerdaxe": "NerdAxe",
    "nerdaxegamma": "NerdAxeGamma",
    "nerdaxe-γ": "NerdAxeGamma",
    "nerdqaxe+": "NerdQAxe+",
    "nerdqaxe++": "NerdQAxe++",
    "nerdoctaxe+": "NerdOCTAXE+",
    "nerdoctaxe-γ": "NerdOCTAXE-Gamma",
    "nerdhaxe-γ": "NerdHaxe-Gamma",
    "nerdeko": "NerdEKO",
    "nerdqx": "NerdQX",
    "q1370": "Q1370",
    "q1373": "Q1373",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One release, with what can be installed of it."""

    tag: str
    published: datetime
    notes: str = ""
    assets: tuple[str, ...] = ()

    @property
    def version(self) -> Version:
        """Return the numbers of the version."""
        version = version_of(self.tag)
        assert version is not None
        return version

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON, in the keys of GitHub."""
        return {
            "tag_name": self.tag,
            "published_at": self.published.isoformat(),
            "body": self.notes,
            "assets": [{"name": name} for name in self.assets],
            "draft": False,
            "prerelease": False,
        }

    @classmethod
    def from_dict(cls, data: Any) -> Self | None:
        """Return what GitHub reports about a release, None for an unusable one."""
        if not isinstance(data, dict):
            return None
        tag, published = data.get("tag_name"), _time(data.get("published_at"))
        if (
            not isinstance(tag, str)
            or version_of(tag) is None
            or published is None
            or data.get("draft") is not False
            or data.get("prerelease") is not False
        ):
            return None
        body, assets = data.get("body"), data.get("assets")
        names = assets[:_MAX_ASSETS] if isinstance(assets, list) else []
        return cls(
            tag=tag,
            published=published,
            notes=_writable(body[:LONGEST_NOTES]) if isinstance(body, str) else "",
            assets=tuple(
                _writable(asset["name"][:200])
                for asset in names
                if isinstance(asset, dict) and isinstance(asset.get("name"), str)
            ),
        )


def version_of(text: str | None) -> Version | None:
    """Return the numbers of an official version, None for any other."""
    if text is None or len(text) > _LONGEST_VERSION:
        return None
    match = _OFFICIAL.fullmatch(text)
    return tuple(map(int, match[1].split("."))) if match else None


def why_none(driver: str, facts: DeviceFacts) -> WhyNone | None:
    """Return why nothing is said of a miner, None if it runs the official firmware."""
    if version_of(parse_text(facts.firmware)) is None:
        return "fork"
    if _file_of(driver, facts) is None:
        return "not_official"
    return None


def newest(
    driver: str, facts: DeviceFacts, releases: Iterable[Release], before: datetime
) -> Release | None:
    """Return the newest good release for a miner's board, published ``before``."""
    file, feed = _file_of(driver, facts), FEEDS[driver]
    fitting = [
        release
        for release in releases
        if release.published <= before
        and release.version not in feed.bad
        and file in release.assets
    ]
    return max(fitting, key=lambda release: release.version, default=None)


def read_releases(data: Any) -> tuple[Release, ...]:
    """Return the releases in what GitHub sent; what makes no sense is left out."""
    if not isinstance(data, list):
        return ()
    return tuple(
        release
        for item in data[:MAX_RELEASES]
        if (release := Release.from_dict(item)) is not None
    )


def skipped(driver: str, releases: Iterable[Release], above: Version) -> list[Release]:
    """Return the releases above a version that are known to be bad."""
    bad = FEEDS[driver].bad
    return [
        release
        for release in releases
        if release.version in bad and release.version > above
    ]


def _file_of(driver: str, facts: DeviceFacts) -> str | None:
    """Return the file that a miner would take, None for a board without one."""
    if driver == "bitaxe":
        # One image for all boards of Bitaxe; others build their own
        return "esp-miner.bin" if facts.manufacturer == "Bitaxe" else None
    label = _NERD_LABELS.get((facts.model or "").casefold())
    return f"esp-miner-{label}.bin" if label else None


def _writable(text: str) -> str:
    """Return a text without halves of characters: JSON may hold them, no file can."""
    return text.encode(errors="replace").decode()


def _time(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        published = datetime.fromisoformat(value)
    except ValueError:
        return None
    return published if published.tzinfo else published.replace(tzinfo=UTC)
