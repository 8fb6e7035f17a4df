"""Checks for new firmware, if enabled: one request per feed and half a day."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
import json
import logging
import time
from typing import Any, Final

from aiohttp import ClientError, ClientSession, ClientTimeout
from aiohttp.http_exceptions import HttpProcessingError
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.helpers.start import async_at_started
from homeassistant.util import dt as dt_util

from ..const import CONF_DRIVER, DOMAIN
from ..driver_api import DeviceFacts
from ..driver_api.transports.bounded import READ_BUFFER, bounded, read_body
from ..driver_api.units import parse_number
from ..listeners import notify_all
from ..miner.coordinator import MinerCoordinator
from ..safe_store import SafeStore
from .coordinator import FleetConfigEntry
from .firmware import (
    FEEDS,
    MAX_RELEASES,
    Release,
    WhyNone,
    newest,
    read_releases,
    version_of,
    why_none,
)
from .members import Fleet

_LOGGER = logging.getLogger(__name__)

CONF_FIRMWARE_CHECK: Final = "firmware_check"
CONF_FIRMWARE_HOLD: Final = "firmware_hold"
DEFAULT_HOLD: Final = 7

API: Final = "https://api.github.com"
_INTERVAL: Final = 12 * 3600.0
_LOOK = timedelta(minutes=10)
_TIMEOUT = ClientTimeout(total=30, sock_connect=10)
_LARGEST: Final = 4 * 2**20
"""Bytes of a feed; 30 releases with all their files are a tenth of it."""


@dataclass(slots=True)
class _Seen:
    """What a feed reported last; ``at`` is when it was queried, in Unix time."""

    at: float = 0.0
    etag: str | None = None
    releases: tuple[Release, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What is to be said of the firmware of one miner."""

    latest: str | None = None
    release: Release | None = None
    """None if there is nothing newer."""
    reason: WhyNone | None = None


class FirmwareNews:
    """Knows the newest firmware of every miner, while that is switched on."""

    def __init__(
        self, hass: HomeAssistant, fleet: Fleet, session: ClientSession
    ) -> None:
        """Start without data; nothing is requested before ``async_start``."""
        self._hass = hass
        self._fleet = fleet
        self._session = session
        self._store = SafeStore(hass, 1, f"{DOMAIN}.firmware")
        self._seen: dict[str, _Seen] = {}
        self._entry: FleetConfigEntry | None = None
        self._end: CALLBACK_TYPE | None = None
        self._is_fetching = False
        self._listeners: list[Callable[[], None]] = []
        self.api = API

    async def async_load(self) -> None:
        """Read what the feeds reported before a restart."""
        for driver, stored in (await self._store.async_load()).items():
            if driver in FEEDS and isinstance(stored, dict):
                at, etag = parse_number(stored.get("at")), stored.get("etag")
                self._seen[driver] = _Seen(
                    at=at or 0.0,
                    etag=etag if isinstance(etag, str) else None,
                    releases=read_releases(stored.get("releases")),
                )

    @property
    def is_on(self) -> bool:
        """Return whether the user wants to know of new firmware."""
        return (
            self._entry is not None
            and self._entry.options.get(CONF_FIRMWARE_CHECK) is True
        )

    def supports(self, miner: MinerCoordinator) -> bool:
        """Return whether there is a feed for this kind of miner."""
        return self.is_on and miner.config_entry.data.get(CONF_DRIVER) in FEEDS

    def releases(self, driver: str) -> tuple[Release, ...]:
        """Return what the feed of a miner type reported last."""
        seen = self._seen.get(driver)
        return () if seen is None else seen.releases

    def notice(self, driver: str, facts: DeviceFacts) -> Notice:
        """Return what is to be said of a miner."""
        reason = why_none(driver, facts)
        if reason is not None or not self.is_on:
            return Notice(reason=reason)
        assert self._entry is not None
        hold = parse_number(self._entry.options.get(CONF_FIRMWARE_HOLD))
        release = newest(
            driver,
            facts,
            self.releases(driver),
            dt_util.utcnow()
            - timedelta(days=DEFAULT_HOLD if hold is None else max(0, min(hold, 365))),
        )
        if not self.releases(driver):
            return Notice()
        if release is None or release.version <= (version_of(facts.firmware) or ()):
            # Nothing newer that is good and old enough
            return Notice(latest=facts.firmware)
        return Notice(latest=release.tag, release=release)

    @callback
    def async_add_listener(self, listener: Callable[[], None]) -> CALLBACK_TYPE:
        """Call ``listener`` when a feed said something, or it was switched."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @callback
    def async_start(self, entry: FleetConfigEntry) -> CALLBACK_TYPE:
        """Ask from now on, if the options of the fleet say so; return the end."""
        self._entry = entry

        @callback
        def started(_: HomeAssistant) -> None:
            self.async_options_changed()

        remove = async_at_started(self._hass, started)

        @callback
        def end() -> None:
            remove()
            self._stop()
            self._entry = None

        return end

    @callback
    def async_options_changed(self) -> None:
        """Take the options as they are now."""
        if not self.is_on:
            self._stop()
        elif self._end is None:
            self._end = async_track_time_interval(
                self._hass, self._check, _LOOK, cancel_on_shutdown=True
            )
            self._check()
        self._notify()

    @callback
    def _stop(self) -> None:
        if self._end is not None:
            self._end()
            self._end = None

    @callback
    def _check(self, _: datetime | None = None) -> None:
        """Ask the feeds of the miners that there are, if it is time."""
        now = time.time()
        due = {
            driver
            for miner in self._fleet.miners.values()
            if (driver := str(miner.config_entry.data[CONF_DRIVER])) in FEEDS
            and not 0 <= now - self._seen.setdefault(driver, _Seen()).at < _INTERVAL
        }
        if due and not self._is_fetching and self._entry is not None:
            self._is_fetching = True
            self._entry.async_create_background_task(
                self._hass, self._fetch_all(sorted(due)), "HMM firmware news"
            )

    async def _fetch_all(self, drivers: list[str]) -> None:
        try:
            for driver in drivers:
                seen = self._seen[driver]
                # Also if it fails: no feed is requested in a loop
                seen.at = time.time()
                try:
                    await self._fetch(driver, seen)
                except (
                    ClientError,
                    HttpProcessingError,
                    OSError,
                    TimeoutError,
                    ValueError,
                ) as err:
                    _LOGGER.debug("No news of %s: %s", driver, type(err).__name__)
                except RecursionError:
                    _LOGGER.debug("The news of %s are too deep", driver)
        finally:
            self._is_fetching = False
        self._store.async_delay_save(self._content, 10)
        self._notify()

    async def _fetch(self, driver: str, seen: _Seen) -> None:
        """Request one feed; its previous content remains if the new one is unusable."""
        url = f"{self.api}/repos/{FEEDS[driver].repository}/releases"
        headers = {"Accept": "application/vnd.github+json"}
        if seen.etag:
            headers["If-None-Match"] = seen.etag
        async with self._session.get(
            url,
            params={"per_page": str(MAX_RELEASES)},
            headers=headers,
            allow_redirects=False,
            timeout=_TIMEOUT,
            middlewares=(bounded,),
            read_bufsize=READ_BUFFER,
        ) as response:
            if response.status != HTTPStatus.OK:
                return
            body = await read_body(response, _LARGEST)
            if len(body) > _LARGEST:
                raise ValueError("too large")
            etag = response.headers.get("ETag", "")
        releases = await self._hass.async_add_executor_job(_parse, bytes(body))
        if releases:
            seen.releases = releases
            seen.etag = etag if 0 < len(etag) <= 200 and etag.isprintable() else None

    @callback
    def _notify(self) -> None:
        notify_all(self._listeners)

    def _content(self) -> dict[str, Any]:
        return {
            driver: {
                "at": seen.at,
                "etag": seen.etag,
                "releases": [release.as_dict() for release in seen.releases],
            }
            for driver, seen in self._seen.items()
        }


def _parse(body: bytes) -> tuple[Release, ...]:
    return read_releases(json.loads(body))
