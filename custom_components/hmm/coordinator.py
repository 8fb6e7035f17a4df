"""Polls miners and pools."""

from collections.abc import Coroutine
from datetime import timedelta
import logging
from typing import Any, override
import zlib

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed

from .const import (
    CONF_COIN,
    CONF_DRIVER,
    CONF_PLUG,
    CONF_POOL_SETTINGS,
    CONF_POWER_DRAW,
    CONF_PROFILE,
    CONF_WALLET,
    DOMAIN,
)
from .driver_api import (
    AuthRequired,
    BasePoolIntegration,
    DashboardTileData,
    DeviceFacts,
    DriverError,
    MinerTelemetry,
)
from .driver_manager.client import MinerClient
from .driver_manager.identity import is_address_id, known_ids
from .driver_manager.pool_client import fetch_tiles
from .driver_manager.profile import MinerProfile
from .energy import EnergyMeter
from .errors import action_failed, update_failed

_LOGGER = logging.getLogger(__name__)

MINER_INTERVAL = timedelta(seconds=30)

# Energy is not made up for a miner that was silent for longer than this
_LONGEST_ENERGY_GAP = 5 * MINER_INTERVAL.total_seconds()

type MinerConfigEntry = ConfigEntry[MinerCoordinator]
type PoolConfigEntry = ConfigEntry[PoolCoordinator]


class MinerCoordinator(DataUpdateCoordinator[MinerTelemetry]):
    """Polls one miner and runs its commands."""

    config_entry: MinerConfigEntry

    def __init__(
        self, hass: HomeAssistant, entry: MinerConfigEntry, client: MinerClient
    ) -> None:
        """Prepare polling; what is known of the miner comes from its entry."""
        super().__init__(
            hass,
            _LOGGER,
            config_entry=entry,
            name=entry.title,
            update_interval=MINER_INTERVAL,
        )
        self.client = client
        stored = entry.data.get(CONF_PROFILE)
        self.profile = MinerProfile.from_dict(stored) if stored else None
        self.previous: MinerTelemetry | None = None
        """The last but one poll that succeeded, None before there are two."""
        self.energy = EnergyMeter(_LONGEST_ENERGY_GAP)
        self._spread = True

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
        self._spread_polls()
        try:
            telemetry = await self.client.poll()
            profile = self.client.read_profile(telemetry, self.profile)
            self._check_identity(profile.facts)
            self._learn(profile)
        except DriverError as err:
            self.energy.read(None)
            raise update_failed(err, self.client.host) from err
        except UpdateFailed:
            self.energy.read(None)
            if telemetry.device is None:
                # This driver looks who the device is only when it connects
                await self.client.disconnect()
            raise
        # What was told before a lost poll still counts as the one before
        self.previous, self.data = self.data, telemetry
        self.energy.read(self.power)
        return telemetry

    @callback
    def _spread_polls(self) -> None:
        """Let the second poll come early, by an offset of the miner's own.

        Entries are set up together; without this, all miners would be polled
        together for ever.
        """
        if not self._spread:
            self.update_interval = MINER_INTERVAL
            return
        self._spread = False
        seconds = MINER_INTERVAL.total_seconds()
        offset = zlib.crc32((self.config_entry.unique_id or "").encode()) % seconds
        self.update_interval = timedelta(seconds=1 + offset)

    def _check_identity(self, facts: DeviceFacts) -> None:
        """Refuse the figures of another device that got this address."""
        found = known_ids(facts)
        expected = self.config_entry.unique_id
        if not found or expected is None or is_address_id(expected):
            return
        if expected not in found:
            raise UpdateFailed(
                translation_domain=DOMAIN,
                translation_key="unexpected_device",
                translation_placeholders={
                    "host": self.client.host,
                    "name": self.config_entry.title,
                },
            )

    def _learn(self, profile: MinerProfile) -> None:
        """Remember what the miner is and can do, and show a new firmware."""
        if profile == self.profile:
            return
        self.profile = profile
        self.hass.config_entries.async_update_entry(
            self.config_entry,
            data={**self.config_entry.data, CONF_PROFILE: profile.as_dict()},
        )
        registry = dr.async_get(self.hass)
        for device in dr.async_entries_for_config_entry(
            registry, self.config_entry.entry_id
        ):
            registry.async_update_device(
                device.id,
                sw_version=profile.facts.firmware,
                model=profile.facts.model,
            )

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
                raise self._not_available()
            await command
        except AuthRequired as err:
            if self.client.option_fields:
                self.config_entry.async_start_reauth(self.hass)
            raise action_failed(err, self.client.host) from err
        except DriverError as err:
            raise action_failed(err, self.client.host) from err
        finally:
            # A command that never ran is not left behind un-awaited
            command.close()
            await self.async_refresh()

    def _not_available(self) -> HomeAssistantError:
        """Return why the last poll failed, as the reason of a failed action."""
        cause = self.last_exception
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
        self, hass: HomeAssistant, entry: PoolConfigEntry, driver: BasePoolIntegration
    ) -> None:
        """Prepare polling as often as the pool allows."""
        super().__init__(
            hass,
            _LOGGER,
            config_entry=entry,
            name=entry.title,
            update_interval=timedelta(seconds=driver.poll_seconds),
        )
        self.driver = driver

    @override
    async def _async_update_data(self) -> DashboardTileData:
        data = self.config_entry.data
        settings: dict[str, Any] = data.get(CONF_POOL_SETTINGS, {})
        try:
            tiles = await fetch_tiles(
                self.driver,
                url=data[CONF_HOST],
                port=data[CONF_PORT],
                coin=data[CONF_COIN],
                username=data[CONF_WALLET],
                settings=settings,
            )
        except DriverError as err:
            raise update_failed(err, data[CONF_HOST]) from err
        if not tiles.health_status:
            raise UpdateFailed(
                translation_domain=DOMAIN,
                translation_key="pool_down",
                translation_placeholders={
                    "name": self.config_entry.title,
                    "reason": tiles.health_message or data[CONF_DRIVER],
                },
            )
        return tiles
