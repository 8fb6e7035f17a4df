"""Buttons of miners and of the fleet."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.button import (
    ButtonDeviceClass,
    ButtonEntity,
    ButtonEntityDescription,
)
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .data import HmmConfigEntry, get_data
from .driver_engine.profile import MinerProfile
from .entity import AlwaysAvailable, FleetEntity, MinerEntity, Offer, async_add_offered
from .fleet.coordinator import FleetCoordinator
from .miner.coordinator import MinerCoordinator
from .rights import async_require_admin
from .strategy.entities import RESUME_AUTOMATIC

PARALLEL_UPDATES = 1


@dataclass(frozen=True, kw_only=True)
class MinerButtonDescription(ButtonEntityDescription):
    """A button of a miner."""

    exists_fn: Callable[[MinerProfile], bool]
    press_fn: Callable[[MinerCoordinator], Coroutine[Any, Any, None]]


MINER_BUTTONS: tuple[MinerButtonDescription, ...] = (
    MinerButtonDescription(
        key="restart",
        translation_key="restart",
        device_class=ButtonDeviceClass.RESTART,
        entity_category=EntityCategory.CONFIG,
        exists_fn=lambda profile: profile.restart,
        press_fn=MinerCoordinator.async_send_restart,
    ),
    MinerButtonDescription(
        key="identify",
        translation_key="identify",
        device_class=ButtonDeviceClass.IDENTIFY,
        entity_category=EntityCategory.DIAGNOSTIC,
        exists_fn=lambda profile: profile.identify,
        press_fn=lambda miner: miner.async_command(miner.client.identify()),
    ),
    MinerButtonDescription(
        key="reset_filter",
        translation_key="reset_filter",
        entity_category=EntityCategory.CONFIG,
        exists_fn=lambda profile: profile.filter_reset,
        press_fn=lambda miner: miner.async_command(miner.client.reset_filter()),
    ),
)


STOP_AUTOTUNE = ButtonEntityDescription(
    key="stop_autotune",
    translation_key="stop_autotune",
    entity_category=EntityCategory.CONFIG,
)

RELOAD_DRIVERS = ButtonEntityDescription(
    key="reload_drivers",
    translation_key="reload_drivers",
    entity_category=EntityCategory.CONFIG,
)


RESUME_FAILOVER = ButtonEntityDescription(
    key="resume_failover",
    translation_key="resume_failover",
    entity_category=EntityCategory.CONFIG,
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: HmmConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the buttons of a miner or of the fleet."""
    if isinstance(fleet := entry.runtime_data, FleetCoordinator):
        async_add_entities([ReloadDriversButton(fleet, RELOAD_DRIVERS)])
        async_add_offered(
            fleet,
            async_add_entities,
            Offer(
                (RESUME_FAILOVER,),
                lambda *_: get_data(hass).failover.is_set_up,
                ResumeFailoverButton,
            ),
        )
    if isinstance(coordinator := entry.runtime_data, MinerCoordinator):
        async_add_offered(
            coordinator,
            async_add_entities,
            Offer(
                MINER_BUTTONS,
                lambda description, miner: description.exists_fn(miner.known),
                MinerButton,
            ),
            Offer(
                (STOP_AUTOTUNE,),
                lambda _, miner: (
                    miner.autotune is not None and miner.autotune.was_started
                ),
                StopAutotuneButton,
            ),
            Offer(
                (RESUME_AUTOMATIC,),
                lambda _, miner: get_data(hass).strategies.is_member(
                    miner.config_entry.entry_id
                ),
                ResumeAutomaticButton,
            ),
        )


class MinerButton(MinerEntity, ButtonEntity):
    """A button of a miner."""

    _state_of = ("available",)
    entity_description: MinerButtonDescription

    @override
    async def async_press(self) -> None:
        await self.entity_description.press_fn(self.coordinator)


class StopAutotuneButton(AlwaysAvailable, MinerEntity, ButtonEntity):
    """Ends autotune; the miner goes back to where it was."""

    _state_of = ("available",)

    @override
    async def async_press(self) -> None:
        assert self.coordinator.autotune is not None
        await self.coordinator.autotune.async_stop()


class ReloadDriversButton(FleetEntity, ButtonEntity):
    """Loads driver and pool files again; what is broken is shown in the repairs.

    Drivers are programs, so that control of the entity is not enough.
    """

    @override
    async def async_press(self) -> None:
        await async_require_admin(self.hass, self._context)
        await get_data(self.hass).driver_service.async_reload()


class ResumeFailoverButton(FleetEntity, ButtonEntity):
    """Lets the order of pools start over for miners that someone moved by hand."""

    @override
    async def async_press(self) -> None:
        get_data(self.hass).failover.async_resume()


class ResumeAutomaticButton(AlwaysAvailable, MinerEntity, ButtonEntity):
    """Lets the strategies decide again for a miner that was changed by hand."""

    _state_of = ("available",)

    @override
    async def async_press(self) -> None:
        entry = self.coordinator.config_entry
        get_data(self.hass).strategies.release(entry.entry_id)
