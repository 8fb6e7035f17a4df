"""What is worth a cheer: a block, a new best share."""

from typing import Any, override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import MinerCoordinator
from .driver_api import MinerTelemetry
from .entity import MinerEntity, async_add_offered

PARALLEL_UPDATES = 0

EVENT_BLOCK_FOUND = "block_found"
EVENT_BEST_SHARE = "new_best_share"

MINER_EVENT = EventEntityDescription(
    key="highlight",
    translation_key="highlight",
    event_types=[EVENT_BLOCK_FOUND, EVENT_BEST_SHARE],
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: ConfigEntry[Any],
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the event entity of a miner that tells blocks or best shares."""
    if isinstance(coordinator := entry.runtime_data, MinerCoordinator):
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
