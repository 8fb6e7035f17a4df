"""What is worth a cheer: a block, a new best share."""

from datetime import UTC, datetime
from typing import Any, cast, override

from homeassistant.components.event import (
    DOMAIN as EVENT_DOMAIN,
    EventEntity,
    EventEntityDescription,
)
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.start import async_at_started
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .const import DOMAIN
from .data import HmmConfigEntry, get_data
from .driver_api import DashboardTileData, MinerTelemetry, PoolBlock
from .entity import (
    AlwaysAvailable,
    MinerEntity,
    Offer,
    PoolEntity,
    async_add_offered,
    registered,
)
from .fleet.coordinator import FleetConfigEntry, FleetCoordinator
from .fleet.failover_runner import EVENT_TYPES as POOL_MOVED_TYPES
from .miner.coordinator import MinerCoordinator
from .miner.watchdog_rules import WatchdogAction
from .pool.coordinator import PoolCoordinator
from .pool.workers import account_name, bare_name
from .sentences import reason_sentence
from .strategy.entities import STRATEGY_DECISION
from .strategy_entity import StrategyEntity, async_add_strategies

PARALLEL_UPDATES = 0

_LOGBOOK_ENTRY = "logbook_entry"
"""The event that the logbook listens to; without a logbook it is not fired."""

EVENT_BLOCK_FOUND = "block_found"
EVENT_BEST_SHARE = "new_best_share"

MINER_EVENT = EventEntityDescription(
    key="highlight",
    translation_key="highlight",
    event_types=[EVENT_BLOCK_FOUND, EVENT_BEST_SHARE],
)

WATCHDOG_EVENT = EventEntityDescription(
    key="watchdog",
    translation_key="watchdog",
    entity_category=EntityCategory.DIAGNOSTIC,
    event_types=[*WatchdogAction],
)

POOL_MOVED = EventEntityDescription(
    key="pool_moved",
    translation_key="pool_moved",
    entity_category=EntityCategory.DIAGNOSTIC,
    event_types=[*POOL_MOVED_TYPES],
)

TUNING_EVENT = EventEntityDescription(
    key="tuning",
    translation_key="tuning",
    entity_category=EntityCategory.DIAGNOSTIC,
    event_types=["autotune_finished", "autotune_aborted", "profile_applied"],
)

POOL_EVENT = EventEntityDescription(
    key="block_found",
    translation_key="block_found",
    event_types=[EVENT_BLOCK_FOUND],
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: HmmConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the event entities of what reports blocks or best shares."""
    coordinator = entry.runtime_data
    if isinstance(coordinator, FleetCoordinator):
        async_add_strategies(
            hass,
            cast("FleetConfigEntry", entry),
            lambda manager, strategy: [
                StrategyEvent(manager, strategy, STRATEGY_DECISION)
            ],
            async_add_entities,
        )
    if isinstance(coordinator, MinerCoordinator):
        async_add_offered(
            coordinator,
            async_add_entities,
            Offer(
                (MINER_EVENT,),
                lambda _, miner: bool(
                    {"best_share", "blocks_found"} & miner.known.telemetry
                ),
                MinerEvent,
            ),
            Offer(
                (WATCHDOG_EVENT,),
                lambda _, miner: miner.known.restart,
                WatchdogEvent,
            ),
            Offer(
                (POOL_MOVED,),
                lambda _, miner: get_data(hass).failover.follows(
                    miner.config_entry.entry_id
                ),
                PoolMovedEvent,
            ),
            Offer(
                (TUNING_EVENT,),
                lambda _, miner: bool(miner.known.modes),
                TuningEvent,
            ),
        )
    elif isinstance(coordinator, PoolCoordinator):
        before = registered(hass, coordinator, EVENT_DOMAIN)
        async_add_offered(
            coordinator,
            async_add_entities,
            Offer(
                (POOL_EVENT,),
                lambda _, pool: bool(before) or _reports_blocks(pool.data),
                PoolEvent,
            ),
        )


class _FindEvent(CoordinatorEntity[Any], EventEntity):
    """Fires what was found, one event each.

    While Home Assistant starts, no automation listens yet, and an entity that is not
    available fires nothing: both are waited for.
    """

    _is_started = False
    _finds: tuple[tuple[str, dict[str, Any]], ...] = ()

    def _remember(self, event_type: str, facts: dict[str, Any]) -> None:
        """Take what is to be fired next."""
        self._finds = (*self._finds, (event_type, facts))

    def _collect(self) -> None:
        """Remember what the last poll brought."""
        raise NotImplementedError

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self._is_started = False
        # What was found while Home Assistant was off, or made this entity
        self._collect()
        self.async_on_remove(async_at_started(self.hass, self._started))

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        self._collect()
        # A trigger takes no event of an entity that was not available before
        super()._handle_coordinator_update()
        self._fire()

    @callback
    def _started(self, hass: HomeAssistant) -> None:
        self._is_started = True
        self._fire()

    def _fire(self) -> None:
        while self._finds and self._is_started and self.available:
            (event_type, facts), *rest = self._finds
            self._finds = tuple(rest)
            self._trigger_event(event_type, facts)
            self.async_write_ha_state()


class MinerEvent(_FindEvent, MinerEntity):
    """Fires when two polls in a row show that something was found between them."""

    _state_of = ("available",)
    _seen: MinerTelemetry | None = None

    @override
    def _collect(self) -> None:
        miner = self.coordinator
        # Listeners are also called without a new poll
        if not miner.last_update_success or miner.data is self._seen:
            return
        self._seen = miner.data
        if miner.find == "blocks_found":
            self._remember(EVENT_BLOCK_FOUND, {"block_height": miner.data.block_height})
        elif miner.find == "best_share":
            self._remember(EVENT_BEST_SHARE, {"difficulty": miner.data.best_share})


class WatchdogEvent(AlwaysAvailable, MinerEntity, EventEntity):
    """Fires whatever the watchdog of a miner does."""

    _state_of = ("available",)

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        assert self.coordinator.watchdog is not None
        self.async_on_remove(self.coordinator.watchdog.async_add_listener(self._fire))

    @callback
    def _fire(self, action: WatchdogAction, facts: dict[str, Any]) -> None:
        self._trigger_event(action, facts)
        self.async_write_ha_state()


class PoolMovedEvent(AlwaysAvailable, MinerEntity, EventEntity):
    """Fires when HMM has moved a miner to another pool, or could not."""

    _state_of = ("available",)

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_on_remove(
            get_data(self.hass).failover.async_add_listener(
                self.coordinator.config_entry.entry_id, self._fire
            )
        )

    @callback
    def _fire(self, event_type: str, facts: dict[str, Any]) -> None:
        self._trigger_event(event_type, facts)
        self.async_write_ha_state()
        if event_type == "move_failed":
            return
        reason = reason_sentence(self.hass, f"failover_{facts['reason']}", {})
        self.hass.bus.async_fire(
            _LOGBOOK_ENTRY,
            {
                "name": self.coordinator.config_entry.title,
                "message": reason_sentence(
                    self.hass, "pool_moved", facts | {"reason": reason}
                ),
                "domain": DOMAIN,
                "entity_id": self.entity_id,
            },
        )


class TuningEvent(AlwaysAvailable, MinerEntity, EventEntity):
    """Fires when autotune ends and when a profile is applied."""

    _state_of = ("available",)

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_on_remove(self.coordinator.tuning.async_add_listener(self._fire))

    @callback
    def _fire(self, event: str, facts: dict[str, Any]) -> None:
        self._trigger_event(event, facts)
        self.async_write_ha_state()


def _reports_blocks(tiles: DashboardTileData | None) -> bool:
    """Return whether a pool reports in any way what the account found."""
    return tiles is not None and (
        tiles.blocks_found is not None
        or tiles.blocks_found_24h is not None
        or tiles.last_block_found is not None
        or bool(tiles.own_blocks)
    )


class PoolEvent(_FindEvent, PoolEntity):
    """Fires for each block that the account found between two polls.

    Those of an unlikely number are reported by one event that has their ``count``.
    """

    _seen: DashboardTileData | None = None

    @override
    def _collect(self) -> None:
        pool = self.coordinator
        # Listeners are also called without a new poll
        if not pool.last_update_success or pool.data is self._seen:
            return
        self._seen = pool.data
        for block in pool.new_blocks.blocks:
            self._remember(EVENT_BLOCK_FOUND, self._describe(block))
        if more := pool.new_blocks.more:
            # One event for all of them: there may be any number
            self._remember(EVENT_BLOCK_FOUND, {"count": more})

    def _describe(self, block: PoolBlock) -> dict[str, Any]:
        """Return what is known of a block."""
        account = account_name(self.coordinator.account, self.coordinator.data)
        facts = {
            "height": block.height,
            "hash": block.hash,
            "worker": bare_name(block.worker, account) if block.worker else None,
            "found": datetime.fromtimestamp(block.timestamp, UTC).isoformat()
            if block.timestamp is not None
            else None,
            "difficulty": block.difficulty,
            "network_difficulty": block.network_difficulty,
            "reward": block.reward,
        }
        return {name: fact for name, fact in facts.items() if fact is not None}


class StrategyEvent(StrategyEntity, EventEntity):
    """Fires what a strategy decides: the logbook shows it."""

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_on_remove(self.strategy.async_add_event_listener(self._decided))

    @callback
    def _decided(self, kind: str, facts: dict[str, Any]) -> None:
        self._trigger_event(kind, facts)
        self.async_write_ha_state()

    @callback
    @override
    def _show(self) -> None:
        """Only what is decided is news."""
