"""Polls one pool account."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
import hashlib
import json
import logging
import time
from typing import Any, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryAuthFailed
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed
from homeassistant.util import dt as dt_util

from ..const import (
    CONF_ACCOUNT_SETTINGS,
    CONF_COIN,
    CONF_POOL_SETTINGS,
    CONF_WALLET,
    DOMAIN,
)
from ..driver_api import (
    AuthRequired,
    BasePoolIntegration,
    CannotConnect,
    DashboardTileData,
    DriverError,
    Reason,
    reason_of,
)
from ..driver_api.transports.recording import Recording, recorded
from ..driver_api.transports.stratum import connect_latency
from ..driver_engine.pool_client import (
    PoolAccount,
    fetch_tiles,
    pays_solo,
    poll_seconds,
    secret_settings,
    server_time,
)
from ..driver_engine.pool_detect import is_at_home
from ..errors import pool_error, pool_reason
from ..miner.coordinator import MinerCoordinator
from ..records import Records
from .blocks import AccountRecord, NewBlocks
from .status import PoolPoll, PoolStatus
from .workers import PoolWorkers

_LOGGER = logging.getLogger(__name__)

# Each check is a connection without a use for the pool
_STRATUM_SECONDS = 300
# While it is silent, its miners stand still
_SILENT_SECONDS = 60

# A hosted pool bans clients with a bad key; it may have been wrong, though
_REFUSED_SECONDS = 3600

type PoolConfigEntry = ConfigEntry[PoolCoordinator]


class PoolCoordinator(DataUpdateCoordinator[DashboardTileData]):
    """Polls one pool account."""

    config_entry: PoolConfigEntry

    def __init__(
        self,
        hass: HomeAssistant,
        entry: PoolConfigEntry,
        driver: BasePoolIntegration,
        records: Records[AccountRecord],
    ) -> None:
        """Prepare polling as often as the pool allows."""
        self.driver = driver
        self.recording: Recording | None = None
        """Where the answers of the pool are kept, if someone wants them."""
        self.account = PoolAccount(
            url=entry.data[CONF_HOST],
            port=entry.data[CONF_PORT],
            coin=entry.data[CONF_COIN],
            username=entry.data[CONF_WALLET],
            settings={
                **entry.data.get(CONF_POOL_SETTINGS, {}),
                **entry.data.get(CONF_ACCOUNT_SETTINGS, {}),
            },
        )
        super().__init__(
            hass,
            _LOGGER,
            config_entry=entry,
            name=entry.title,
            update_interval=timedelta(seconds=poll_seconds(driver, self.account)),
        )
        self.workers = PoolWorkers(hass, entry)
        self.new_blocks = NewBlocks()
        """What the account found between the last two polls that succeeded."""
        self._reason: str | None = None
        self.last_good: datetime | None = None
        """When the last poll succeeded, None before the first one that does."""
        self.stratum_latency: float | None = None
        """Milliseconds to the port that miners connect to, None if it is silent."""
        self.stratum_failures = 0
        """How many checks in a row got no response."""
        self.stratum_at: float | None = None
        """When it looked last, by the clock that only grows; None: not yet."""
        self._stratum_due = 0.0
        self.status = PoolStatus()
        self.has_news = False
        """Whether the last poll changed the status: the fleet counts again then."""
        self._refused_until = 0.0
        self._records = records
        self.identity = _identity_of(entry, driver)
        """Whose blocks and work they are; it contains no secret."""
        self.is_solo = pays_solo(driver)
        # Of the clock as it is now; it may be set while Home Assistant runs
        self._clock = time.time() - time.monotonic()
        self._was_down = False

    @property
    def currency(self) -> str | None:
        """Return what the pool paid in when it last reported it."""
        return self._records[self.config_entry.entry_id].currency

    @property
    def reason_key(self) -> str | None:
        """Return the key of what is wrong, "problem" for a user's driver's words."""
        reason = self.reason
        return None if reason is None else pool_reason(reason)

    @property
    def reason(self) -> str | None:
        """Return what is wrong: a ``Reason``, or the words of a user's driver."""
        if not self.last_update_success:
            return self._reason or str(self.last_exception or "")
        return self.data.health_message

    @override
    async def _async_update_data(self) -> DashboardTileData:
        # Each to its end: whether miners can connect does not hang on the figures
        tiles, stratum = await asyncio.gather(
            self._fetch(), self._try_stratum(), return_exceptions=True
        )
        if isinstance(tiles, BaseException):
            raise tiles
        self._reason = None
        if isinstance(stratum, BaseException):
            raise stratum
        return await self._add_blocks(tiles)

    async def _add_blocks(self, tiles: DashboardTileData) -> DashboardTileData:
        """Note new blocks, and count those of the last day if the pool does not."""
        self.last_good = dt_util.utcnow()
        now = server_time(self.driver, self.account)
        if now is None:
            now = self._clock + time.monotonic()
        record = self._records[self.config_entry.entry_id]
        watch = record.watch
        self.new_blocks = record.update(self.identity, tiles, now)
        tiles = record.in_currency(tiles, now)
        if tiles.blocks_found_24h is None:
            tiles = replace(tiles, blocks_found_24h=record.last_day(tiles, now))
        if self.new_blocks.blocks:
            # Before they are events, so that a crash makes none of them two
            await self._records.async_save()
        elif record.watch is not watch:
            self._records.save_soon()
        else:
            self._records.save_later()
        return tiles

    @callback
    def async_keep_workers(self, miners: Mapping[str, MinerCoordinator]) -> None:
        """Follow what the pool lists; ``miners`` are the user's own, by entry."""

        @callback
        def polled() -> None:
            if self.last_update_success:
                self.workers.async_follow(self.account, self.data, miners)

        polled()
        self.config_entry.async_on_unload(self.async_add_listener(polled))

    @callback
    @override
    def _async_refresh_finished(self) -> None:
        """Report news of a pool that is still down: the reason, its stratum port."""
        is_down = not self.last_update_success
        self.has_news = self.status.update(
            PoolPoll(
                at=time.monotonic(),
                time=dt_util.utcnow(),
                data=None if is_down else self.data,
                reason=self.reason_key,
                stratum_failures=self.stratum_failures,
                missing=self.workers.missing,
            )
        )
        if is_down and self._was_down:
            self.async_update_listeners()
        self._was_down = is_down
        refused = is_down and isinstance(self.last_exception, ConfigEntryAuthFailed)
        if refused and self._listeners:
            # A refused key ends all polls, but the stratum port needs none
            self._schedule_refresh()

    async def _fetch(self) -> DashboardTileData:
        if time.monotonic() < self._refused_until:
            raise self._key_refused()
        try:
            with recorded(self.recording):
                tiles = await fetch_tiles(self.driver, self.account)
        except AuthRequired as err:
            secrets = secret_settings(self.driver)
            if not secrets:
                # There is no key that the user could enter
                # A driver's own words are better than that the key was refused
                reason = reason_of(err) if err.reason_key else str(err)
                # No causes: debug logs show them, and a driver's own may have secrets
                raise self._pool_down(reason) from None
            is_hosted = not is_at_home(self.account.url)
            if is_hosted and any(map(self.account.settings.get, secrets)):
                self._refused_until = time.monotonic() + _REFUSED_SECONDS
            raise self._key_refused() from None
        except DriverError as err:
            raise self._pool_down(reason_of(err)) from None
        if not tiles.health_status:
            raise self._pool_down(tiles.health_message or Reason("", "no_response"))
        return tiles

    def _key_refused(self) -> ConfigEntryAuthFailed:
        self._reason = Reason("The pool refused the key", "key_refused")
        return ConfigEntryAuthFailed(**self._explained(self._reason))

    def _pool_down(self, reason: str) -> UpdateFailed:
        self._reason = reason
        return UpdateFailed(**self._explained(reason))

    def _explained(self, reason: str) -> dict[str, Any]:
        key, placeholders = pool_error(
            reason, self.account.url, self.config_entry.title
        )
        return {
            "translation_domain": DOMAIN,
            "translation_key": key,
            "translation_placeholders": placeholders,
        }

    async def _try_stratum(self) -> None:
        """Look now and then whether miners can connect, whatever the figures say."""
        now = time.monotonic()
        if now < self._stratum_due:
            return
        self._stratum_due = now + _STRATUM_SECONDS
        try:
            self.stratum_latency = await connect_latency(
                self.account.url, self.account.port
            )
        except CannotConnect:
            self.stratum_latency = None
            self.stratum_failures += 1
            self._stratum_due = now + _SILENT_SECONDS
        else:
            self.stratum_failures = 0
        self.stratum_at = now


def _identity_of(entry: PoolConfigEntry, driver: BasePoolIntegration) -> str:
    """Return whose blocks an entry shows, by whose count; it contains no secret."""
    facts = [driver.driver_version, dict(entry.data)]
    text = json.dumps(facts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
