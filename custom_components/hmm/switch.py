"""Mining on and off."""

from typing import Any, override

from homeassistant.components.switch import (
    DOMAIN as SWITCH_DOMAIN,
    SwitchDeviceClass,
    SwitchEntity,
    SwitchEntityDescription,
)
from homeassistant.const import (
    ATTR_ENTITY_ID,
    SERVICE_TURN_OFF,
    SERVICE_TURN_ON,
    STATE_OFF,
    STATE_ON,
)
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.event import async_track_state_change_event

from .entity import MinerEntity, async_add_offered
from .miner.coordinator import MinerConfigEntry, MinerCoordinator

PARALLEL_UPDATES = 1

# The device's main entity has the device's name: "turn off the Bitaxe"
MINING = SwitchEntityDescription(
    key="mining",
    translation_key="mining",
    name=None,
    device_class=SwitchDeviceClass.SWITCH,
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: MinerConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the mining switch where mining can be stopped."""
    coordinator = entry.runtime_data
    if coordinator.plug is not None:
        async_add_entities([PlugSwitch(coordinator, coordinator.plug)])
        return
    async_add_offered(
        coordinator,
        (MINING,),
        lambda _, miner: miner.profile is not None and miner.profile.pause,
        MiningSwitch,
        async_add_entities,
    )


class MiningSwitch(MinerEntity, SwitchEntity):
    """Pauses and resumes mining in the miner itself."""

    @property
    @override
    def is_on(self) -> bool | None:
        paused = self.coordinator.data.paused
        return None if paused is None else not paused

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        await self.coordinator.async_command(self.coordinator.client.resume())

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        await self.coordinator.async_command(self.coordinator.client.pause())


class PlugSwitch(MinerEntity, SwitchEntity):
    """Stops mining by the smart plug that the miner hangs on.

    It stays available while the miner is off: it is how it comes back on.
    """

    def __init__(self, coordinator: MinerCoordinator, plug: str) -> None:
        """Follow the plug."""
        super().__init__(coordinator, MINING)
        self._plug = plug

    @property
    @override
    def available(self) -> bool:
        return self._plug_state in (STATE_ON, STATE_OFF)

    @property
    @override
    def is_on(self) -> bool:
        return self._plug_state == STATE_ON

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()

        @callback
        def plug_changed(event: Event[EventStateChangedData]) -> None:
            self.async_write_ha_state()

        self.async_on_remove(
            async_track_state_change_event(self.hass, self._plug, plug_changed)
        )

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        await self._switch_plug(SERVICE_TURN_ON)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        await self._switch_plug(SERVICE_TURN_OFF)

    @property
    def _plug_state(self) -> str | None:
        state = self.hass.states.get(self._plug)
        return None if state is None else state.state

    async def _switch_plug(self, service: str) -> None:
        await self.hass.services.async_call(
            SWITCH_DOMAIN,
            service,
            {ATTR_ENTITY_ID: self._plug},
            blocking=True,
            context=self._context,
        )
