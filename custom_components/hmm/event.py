"""What is worth a cheer: a block, a new best share."""

from datetime import UTC, datetime
from typing import Any, override

from homeassistant.components.event import (
    DOMAIN as EVENT_DOMAIN,
    EventEntity,
    EventEntityDescription,
)
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import MinerCoordinator, PoolCoordinator
from .driver_api import DashboardTileData, MinerTelemetry, PoolBlock
from .entity import MinerEntity, PoolEntity, async_add_offered, registered
from .pools.workers import account_of, bare_name

PARALLEL_UPDATES = 0

EVENT_BLOCK_FOUND = "block_found"
EVENT_BEST_SHARE = "new_best_share"

MINER_EVENT = EventEntityDescription(
    key="highlight",
    translation_key="highlight",
    event_types=[EVENT_BLOCK_FOUND, EVENT_BEST_SHARE],
)

POOL_EVENT = EventEntityDescription(
    key="block_found",
    translation_key="block_found",
    event_types=[EVENT_BLOCK_FOUND],
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: ConfigEntry[Any],
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the event entity of who tells blocks or best shares."""
    coordinator = entry.runtime_data
    if isinstance(coordinator, MinerCoordinator):
        async_add_offered(
            coordinator,
            (MINER_EVENT,),
            lambda _, miner: (
                miner.profile is not None
                and bool({"best_share", "blocks_found"} & miner.profile.telemetry)
            ),
            MinerEvent,
            async_add_entities,
        )
    elif isinstance(coordinator, PoolCoordinator):
        before = registered(hass, coordinator, EVENT_DOMAIN)
        async_add_offered(
            coordinator,
            (POOL_EVENT,),
            lambda _, pool: bool(before) or _tells_blocks(pool.data),
            PoolEvent,
            async_add_entities,
        )


class MinerEvent(MinerEntity, EventEntity):
    """Fires when two polls in a row show that something was found between them."""

    _seen: MinerTelemetry | None = None

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        before, now = self.coordinator.previous, self.coordinator.data
        # Listeners are also called without a new poll
        new, self._seen = now is not self._seen, now
        if self.coordinator.last_update_success and new and before is not None:
            if _grew(before.blocks_found, now.blocks_found):
                self._trigger_event(
                    EVENT_BLOCK_FOUND, {"block_height": now.block_height}
                )
            elif _grew(before.best_share, now.best_share):
                self._trigger_event(EVENT_BEST_SHARE, {"difficulty": now.best_share})
        super()._handle_coordinator_update()


def _grew(before: float | None, now: float | None) -> bool:
    """Return whether both values are known and the second is larger."""
    return before is not None and now is not None and now > before


def _tells_blocks(tiles: DashboardTileData | None) -> bool:
    """Return whether a pool tells in any way what the account found."""
    return tiles is not None and (
        tiles.blocks_found is not None
        or tiles.blocks_found_24h is not None
        or tiles.last_block_found is not None
        or bool(tiles.own_blocks)
    )


class PoolEvent(PoolEntity, EventEntity):
    """Fires for each block that the account found between two polls.

    Those of an unlikely number are told by one event that has their ``count``.
    """

    _seen: DashboardTileData | None = None

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        # The first block of all may be what this entity is made for
        self._fire()

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        self._fire()
        super()._handle_coordinator_update()

    @callback
    def _fire(self) -> None:
        pool = self.coordinator
        # Listeners are also called without a new poll
        if not pool.last_update_success or pool.data is self._seen:
            return
        self._seen = pool.data
        for block in pool.new_blocks.blocks:
            self._trigger_event(EVENT_BLOCK_FOUND, self._describe(block))
            self.async_write_ha_state()
        if more := pool.new_blocks.more:
            # One event for all of them: there may be any number
            self._trigger_event(EVENT_BLOCK_FOUND, {"count": more})
            self.async_write_ha_state()

    def _describe(self, block: PoolBlock) -> dict[str, Any]:
        """Return what is known of a block."""
        account = account_of(self.coordinator)
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
