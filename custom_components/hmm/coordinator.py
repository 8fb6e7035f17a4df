"""Polls miners and pools."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from datetime import datetime, timedelta
import hashlib
import json
import logging
import time
from typing import Any, override
import zlib

from homeassistant.config_entries import SOURCE_IGNORE, ConfigEntry
from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryAuthFailed, HomeAssistantError
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed
from homeassistant.util import dt as dt_util

from .const import (
    CONF_ACCOUNT_SETTINGS,
    CONF_COIN,
    CONF_CREDENTIALS,
    CONF_DRIVER,
    CONF_PLUG,
    CONF_POOL_SETTINGS,
    CONF_POWER_DRAW,
    CONF_WALLET,
    DOMAIN,
)
from .driver_api import (
    AuthRequired,
    BaseMinerAdapter,
    BasePoolIntegration,
    CannotConnect,
    DashboardTileData,
    DeviceFacts,
    DriverError,
    MinerTelemetry,
    Reason,
    reason_of,
)
from .driver_api.transports.stratum import connect_latency
from .driver_manager.client import MinerClient, UnexpectedDevice
from .driver_manager.identity import (
    is_same_device,
    known_facts,
    known_ids,
    miner_unique_id,
)
from .driver_manager.pool_client import (
    PoolAccount,
    fetch_tiles,
    poll_seconds,
    secret_settings,
    server_time,
)
from .driver_manager.pool_detect import is_at_home
from .driver_manager.profile import MinerProfile
from .energy import EnergyMeter
from .errors import action_failed, pool_error, update_failed
from .finds import MinerRecord
from .pools.blocks import AccountRecord, NewBlocks
from .pools.workers import PoolWorkers
from .profile_store import ProfileStore
from .records import Records
from .unique_ids import async_change_unique_id, async_holder, is_better_id

_LOGGER = logging.getLogger(__name__)

MINER_INTERVAL = timedelta(seconds=30)

# Each look is a connection that the pool opens for nothing
_STRATUM_SECONDS = 300

# A hosted pool bans clients with a bad key; it may have been wrong, though
_REFUSED_SECONDS = 3600

# A reading of the power is not valid for longer than this
LONGEST_ENERGY_GAP = 5 * MINER_INTERVAL.total_seconds()

type MinerConfigEntry = ConfigEntry[MinerCoordinator]
type PoolConfigEntry = ConfigEntry[PoolCoordinator]


class MinerCoordinator(DataUpdateCoordinator[MinerTelemetry]):
    """Polls one miner and runs its commands."""

    config_entry: MinerConfigEntry

    def __init__(
        self,
        hass: HomeAssistant,
        entry: MinerConfigEntry,
        client: MinerClient,
        energy: EnergyMeter,
        records: Records[MinerRecord],
        profiles: ProfileStore,
    ) -> None:
        """Prepare polling with what is known of the miner."""
        super().__init__(
            hass,
            _LOGGER,
            config_entry=entry,
            name=entry.title,
            update_interval=MINER_INTERVAL,
        )
        self.client = client
        self._profiles = profiles
        self.profile = profiles.get(entry.entry_id)
        client.is_meant = self._is_meant
        self.find: str | None = None
        """The field that the last poll showed a find in: a block, a best share."""
        self.offered: set[str] = set()
        """The keys of the entities that the miner has, also of disabled ones."""
        self._records = records
        self.energy = energy
        # Entries are set up together, and a busy moment lets many polls wait: each
        # miner has a place of its own in the interval, the same after a restart
        self._phase = zlib.crc32((entry.unique_id or "").encode()) / 2**32
        self._phase *= MINER_INTERVAL.total_seconds()

    @property
    def power(self) -> float | None:
        """Return watts: measured, or what the user says an unmetered miner draws."""
        if self.data.power is not None:
            return self.data.power
        if self.measures_power or self.data.hashing is not True:
            return None
        draw: float | None = self.config_entry.options.get(CONF_POWER_DRAW)
        return draw

    @property
    def measures_power(self) -> bool:
        """Return whether the device tells its power."""
        return self.profile is not None and "power" in self.profile.telemetry

    @property
    def plug(self) -> str | None:
        """Return the entity of the plug that the miner hangs on, if linked."""
        plug: str | None = self.config_entry.options.get(CONF_PLUG)
        return plug

    @override
    async def _async_update_data(self) -> MinerTelemetry:
        try:
            telemetry = await self.client.poll()
            profile = self.client.read_profile(telemetry, self.profile)
            self._check_identity(self.client.told(telemetry))
            self._learn(profile)
        except DriverError as err:
            self.energy.miss()
            failed = update_failed(err, self.client.host)
            if isinstance(err, AuthRequired) and self._ask_for_login():
                # Devices lock out who comes with a wrong login again and again
                failed.retry_after = _REFUSED_SECONDS
            raise failed from err
        except UpdateFailed:
            self.energy.miss()
            if telemetry.device is None:
                # This driver looks who the device is only when it connects
                await self.client.disconnect()
            raise
        self.find = self._look(telemetry)
        self._note(telemetry)
        if self.find is not None:
            # Before it is an event, so that a crash does not make it two
            await self._records.async_save()
        return telemetry

    def _ask_for_login(self) -> bool:
        """Ask the user for another login; return whether the miner refused one.

        There is nothing to ask for where the driver uses none.
        """
        if self.client.option_fields:
            self.config_entry.async_start_reauth(self.hass)
        return bool(self.config_entry.data.get(CONF_CREDENTIALS))

    def _note(self, telemetry: MinerTelemetry) -> None:
        self.data = telemetry
        if self.power is None and telemetry.hashing:
            # The value is missing, not the power
            self.energy.miss()
        else:
            self.energy.read(self.power, telemetry.uptime)

    def _look(self, telemetry: MinerTelemetry) -> str | None:
        """Return in which field a find shows since the last poll that succeeded."""
        entry = self.config_entry
        record = self._records[entry.entry_id]
        before = replace(record)
        driver = f"{entry.data[CONF_DRIVER]} {self.client.driver_version}"
        identity = f"{entry.unique_id} {driver}"
        find = record.look(identity, telemetry)
        if record != before:
            self._records.save_soon()
        # Blocks alone are worth telling long after they were found
        return None if find == "best_share" and self.data is None else find

    async def async_try_driver(self, driver_class: type[BaseMinerAdapter]) -> bool:
        """Go on with another version of the driver, without a gap.

        Returns False if the entry must be set up again for it: because the miner
        is down, cannot be read by it, or is another one in its eyes.
        """
        if self.profile is None or not self.last_update_success:
            return False
        telemetry = await self.client.try_version(driver_class, self.profile)
        if telemetry is None:
            return False
        # What another version reads is no base for "a block was found"
        self._look(telemetry)
        self.find = None
        # The time of the next poll stays, so that those of many stay spread
        self._note(telemetry)
        self.async_update_listeners()
        # A poll that waited for this may have been lost
        return self.last_update_success

    @callback
    @override
    def _schedule_refresh(self) -> None:
        """Poll next at this miner's place in the interval, whenever the last was.

        The base adds the interval to the present second of the loop's clock.
        """
        interval = MINER_INTERVAL.total_seconds()
        seconds = (self._phase - int(self.hass.loop.time())) % interval
        # Not in the second that has begun: the base may place that in the past
        seconds += interval if seconds < 1 else 0
        self.update_interval = timedelta(seconds=seconds)
        super()._schedule_refresh()
        self.update_interval = MINER_INTERVAL

    def _known_facts(self) -> DeviceFacts:
        """Return who the miner is, as far as it ever told."""
        return known_facts(self.config_entry.unique_id, self.profile)

    def _is_meant(self, facts: DeviceFacts) -> bool:
        """Return whether a command may go to the device that tells these facts.

        One that told who it is does so before a command as well.
        """
        is_same = is_same_device(self._known_facts(), facts)
        if is_same is None:
            return self.profile is None or not known_ids(self.profile.facts)
        return is_same

    def _check_identity(self, facts: DeviceFacts) -> None:
        """Refuse the values of another device that got this address.

        A miner that was known by less takes its MAC, or serial number, as its id.
        """
        entry = self.config_entry
        if is_same_device(self._known_facts(), facts) is False:
            raise self._unexpected(facts)
        unique_id = miner_unique_id(facts)
        if unique_id is None or not is_better_id(unique_id, entry.unique_id or ""):
            return
        if (holder := async_holder(self.hass, entry, unique_id)) is None:
            async_change_unique_id(self.hass, entry, unique_id)
        elif holder.source != SOURCE_IGNORE:
            raise self._unexpected(facts)

    def _unexpected(self, facts: DeviceFacts) -> UpdateFailed:
        return update_failed(UnexpectedDevice(facts), self.client.host)

    def _learn(self, profile: MinerProfile) -> None:
        """Remember what the miner is and can do."""
        if profile != self.profile:
            self.profile = profile
            self._profiles.set(self.config_entry.entry_id, profile)

    async def async_set_mode(self, mode: str) -> None:
        """Set a mode, unless the miner is in it.

        A mode that is set once more interrupts the mining of some devices. What
        the last poll said is asked again: it may be half a minute old.
        """
        if self.data is not None and self.data.mode == mode:
            await self.async_refresh()
            if self.last_update_success and self.data.mode == mode:
                return
        await self.async_command(self.client.set_mode(mode))

    async def async_command(self, command: Coroutine[Any, Any, None]) -> None:
        """Run a command of the client, then show what the miner says now.

        A miner that failed its last poll is asked first: another device may
        have got its address, and it must not be steered by mistake.
        """
        try:
            if not self.last_update_success:
                await self.async_refresh()
            if not self.last_update_success:
                raise _as_action(self.last_exception)
            await command
        except AuthRequired as err:
            self._ask_for_login()
            raise action_failed(err, self.client.host) from err
        except DriverError as err:
            raise action_failed(err, self.client.host) from err
        finally:
            # A command that never ran is not left behind un-awaited
            command.close()
            await self.async_refresh()


def _as_action(cause: BaseException | None) -> HomeAssistantError:
    """Return why a poll failed, as the reason of a failed action."""
    if isinstance(cause, UpdateFailed) and cause.translation_key is not None:
        return HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key=cause.translation_key,
            translation_placeholders=cause.translation_placeholders,
        )
    return HomeAssistantError(str(cause))


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
        self._stratum_due = 0.0
        self._refused_until = 0.0
        self._records = records
        self._identity = _identity_of(entry, driver)
        # Of the clock as it is now; it may be set while Home Assistant runs
        self._clock = time.time() - time.monotonic()
        self._was_down = False

    @property
    def currency(self) -> str | None:
        """Return what the pool paid in when it last said so."""
        return self._records[self.config_entry.entry_id].currency

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
        return await self._look_for_blocks(tiles)

    async def _look_for_blocks(self, tiles: DashboardTileData) -> DashboardTileData:
        """Note new blocks, and count those of the last day if the pool does not."""
        self.last_good = dt_util.utcnow()
        now = server_time(self.driver, self.account)
        if now is None:
            now = self._clock + time.monotonic()
        record = self._records[self.config_entry.entry_id]
        watch = record.watch
        self.new_blocks = record.look(self._identity, tiles, now)
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
    @override
    def _async_refresh_finished(self) -> None:
        """Tell news of a pool that is still down: the reason, its stratum port."""
        is_down = not self.last_update_success
        if is_down and self._was_down:
            self.async_update_listeners()
        self._was_down = is_down
        refused = is_down and isinstance(self.last_exception, ConfigEntryAuthFailed)
        if refused and self._listeners:
            # A refused key ends all polls, but the stratum port asks for none
            self._schedule_refresh()

    async def _fetch(self) -> DashboardTileData:
        if time.monotonic() < self._refused_until:
            raise self._key_refused()
        try:
            tiles = await fetch_tiles(self.driver, self.account)
        except AuthRequired as err:
            secrets = secret_settings(self.driver)
            if not secrets:
                # There is no key that the user could enter
                # A driver's own words are better than that the key was refused
                reason = reason_of(err) if err.reason_key else str(err)
                raise self._pool_down(reason) from err
            is_hosted = not is_at_home(self.account.url)
            if is_hosted and any(map(self.account.settings.get, secrets)):
                self._refused_until = time.monotonic() + _REFUSED_SECONDS
            raise self._key_refused() from err
        except DriverError as err:
            raise self._pool_down(reason_of(err)) from err
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


def _identity_of(entry: PoolConfigEntry, driver: BasePoolIntegration) -> str:
    """Return whose blocks an entry shows, by whose count; it tells no secret."""
    facts = [driver.driver_version, dict(entry.data)]
    text = json.dumps(facts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
