"""Mining on and off."""

from typing import Any, cast, override

from homeassistant.components.switch import (
    SwitchDeviceClass,
    SwitchEntity,
    SwitchEntityDescription,
)
from homeassistant.const import EntityCategory
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.event import async_track_state_change_event

from .data import HmmConfigEntry, get_data
from .entity import AlwaysAvailable, FleetEntity, MinerEntity, Offer, async_add_offered
from .fleet.coordinator import FleetConfigEntry, FleetCoordinator
from .miner.coordinator import MinerCoordinator
from .miner.plug import async_switch_plug, plug_is_on
from .miner.watchdog import Watchdog
from .strategy.entities import STRATEGY_ACTIVE, STRATEGY_DRY_RUN, STRATEGY_SWITCH
from .strategy_entity import StrategyEntity, async_add_strategies

PARALLEL_UPDATES = 1

# The device's main entity has the device's name: "turn off the Bitaxe"
MINING = SwitchEntityDescription(
    key="mining",
    translation_key="mining",
    name=None,
    device_class=SwitchDeviceClass.SWITCH,
)

WATCHDOG = SwitchEntityDescription(
    key="watchdog",
    translation_key="watchdog",
    entity_category=EntityCategory.CONFIG,
)


FAILOVER = SwitchEntityDescription(
    key="failover",
    translation_key="failover",
    entity_category=EntityCategory.CONFIG,
)

FAN_AUTO = SwitchEntityDescription(
    key="fan_auto",
    translation_key="fan_auto",
    entity_category=EntityCategory.CONFIG,
    entity_registry_enabled_default=False,
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: HmmConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the mining switch where mining can be stopped, and those of what watches."""
    coordinator = entry.runtime_data
    if isinstance(coordinator, FleetCoordinator):
        async_add_offered(
            coordinator,
            async_add_entities,
            Offer(
                (FAILOVER,),
                lambda *_: get_data(hass).failover.is_set_up,
                FailoverSwitch,
            ),
        )
        async_add_strategies(
            hass,
            cast("FleetConfigEntry", entry),
            lambda manager, strategy: [
                StrategySwitch(
                    manager,
                    strategy,
                    STRATEGY_ACTIVE if strategy.heating else STRATEGY_SWITCH,
                ),
                StrategyDryRunSwitch(manager, strategy, STRATEGY_DRY_RUN),
            ],
            async_add_entities,
        )
        return
    assert isinstance(coordinator, MinerCoordinator)
    offers: list[Offer[MinerCoordinator, SwitchEntityDescription]] = [
        Offer(
            (FAN_AUTO,),
            lambda _, miner: miner.known.fan_auto,
            FanAutoSwitch,
        ),
        Offer(
            (WATCHDOG,),
            lambda _, miner: miner.known.restart,
            WatchdogSwitch,
        ),
    ]
    if coordinator.plug is not None:
        async_add_entities([PlugSwitch(coordinator, coordinator.plug)])
    else:
        offers.append(
            Offer(
                (MINING,),
                lambda _, miner: miner.known.pause,
                MiningSwitch,
            )
        )
    async_add_offered(coordinator, async_add_entities, *offers)


class MiningSwitch(MinerEntity, SwitchEntity):
    """Pauses and resumes mining in the miner itself."""

    _state_of = ("is_on",)

    @property
    @override
    def is_on(self) -> bool | None:
        paused = self.coordinator.data.paused
        return None if paused is None else not paused

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        self.coordinator.require_room()
        await self.coordinator.async_set_paused(False)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        await self.coordinator.async_set_paused(True)


class FanAutoSwitch(MinerEntity, SwitchEntity):
    """Lets a miner set the speed of its fan; off keeps the present speed.

    Not every miner reports: then the last command counts, and it is unknown before.
    """

    _commanded: bool | None = None

    @property
    @override
    def assumed_state(self) -> bool:
        return not self._is_reported

    @property
    @override
    def is_on(self) -> bool | None:
        return self.coordinator.data.fan_auto if self._is_reported else self._commanded

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        await self.coordinator.async_release()
        await self.coordinator.async_command(self.coordinator.client.set_fan_auto())
        self._commanded = True
        self.async_write_ha_state()

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        await self.coordinator.async_hold_fan()
        self._commanded = False
        self.async_write_ha_state()

    @property
    def _is_reported(self) -> bool:
        return "fan_auto" in self.coordinator.known.telemetry


class WatchdogSwitch(AlwaysAvailable, MinerEntity, SwitchEntity):
    """Whether HMM restarts the miner when it finds no shares any more."""

    _state_of = ("is_on",)

    @property
    def _watchdog(self) -> Watchdog:
        assert self.coordinator.watchdog is not None
        return self.coordinator.watchdog

    @property
    @override
    def is_on(self) -> bool:
        return self._watchdog.record.enabled

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        self._watchdog.async_enable(True)
        self.async_write_ha_state()

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        self._watchdog.async_enable(False)
        self.async_write_ha_state()


class FailoverSwitch(AlwaysAvailable, FleetEntity, SwitchEntity):
    """Whether HMM moves miners to a backup pool, or says when it would."""

    @property
    @override
    def is_on(self) -> bool:
        return get_data(self.hass).failover.is_on

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        get_data(self.hass).failover.async_switch(True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        get_data(self.hass).failover.async_switch(False)


class PlugSwitch(MinerEntity, SwitchEntity):
    """Stops mining by the smart plug that the miner hangs on.

    It stays available while the miner is off: it is how it comes back on.
    """

    _state_of = ("is_on",)

    def __init__(self, coordinator: MinerCoordinator, plug: str) -> None:
        """Follow the plug."""
        super().__init__(coordinator, MINING)
        self._plug = plug

    @property
    @override
    def available(self) -> bool:
        return self.is_on is not None

    @property
    @override
    def is_on(self) -> bool | None:
        return plug_is_on(self.hass, self._plug)

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
        self.coordinator.require_room()
        await self._switch_plug(True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        await self._switch_plug(False)

    async def _switch_plug(self, on: bool) -> None:
        self.coordinator.async_drop_kept("mining")
        await self.coordinator.async_release()
        await async_switch_plug(self.hass, self._plug, on, self._context)


class StrategySwitch(StrategyEntity, SwitchEntity):
    """Whether a strategy steers; off gives its miners back as they were."""

    @property
    @override
    def is_on(self) -> bool:
        return self.strategy.record.enabled

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        self.manager.async_enable(self.strategy, True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        self.manager.async_enable(self.strategy, False)


class StrategyDryRunSwitch(StrategyEntity, SwitchEntity):
    """Whether a strategy only decides and explains, and switches nothing."""

    @property
    @override
    def is_on(self) -> bool:
        return self.strategy.record.dry_run

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        self.manager.async_set_dry_run(self.strategy, True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        self.manager.async_set_dry_run(self.strategy, False)
