"""Mode and pool of a miner; what is wanted of a strategy."""

from collections import deque
from typing import Any, Final, cast, override

from homeassistant.components.select import SelectEntity, SelectEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .data import get_data
from .entity import MinerEntity, Offer, async_add_offered
from .fleet.coordinator import FleetConfigEntry, FleetCoordinator
from .miner.coordinator import MinerConfigEntry, MinerCoordinator
from .pool.choice import (
    async_mine_at,
    async_mine_in_slot,
    name_of,
    pools_by_name,
    usable_pools,
)
from .pool.stratum_user import StratumPool, stratum_of
from .strategy.entities import STRATEGY_OVERRIDE
from .strategy_entity import StrategyEntity, async_add_strategies

PARALLEL_UPDATES = 1

AUTOMATIC: Final = "automatic"

MODE = SelectEntityDescription(key="mode", translation_key="mode")
POOL = SelectEntityDescription(
    key="pool", translation_key="pool", entity_category=EntityCategory.CONFIG
)

_MANY, _HOUR, _PAUSE = 30, 3600.0, 60.0
"""After so many changes of its options within an hour, a select shows one a minute."""


async def async_setup_entry(
    hass: HomeAssistant,
    entry: MinerConfigEntry | FleetConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the selects of a miner, or those of the strategies."""
    coordinator = entry.runtime_data
    if isinstance(coordinator, FleetCoordinator):
        async_add_strategies(
            hass,
            cast("FleetConfigEntry", entry),
            lambda manager, strategy: [
                StrategyOverrideSelect(manager, strategy, STRATEGY_OVERRIDE)
            ],
            async_add_entities,
        )
        return
    async_add_offered(
        coordinator,
        async_add_entities,
        Offer(
            (MODE,),
            lambda _, miner: bool(miner.known.modes),
            ModeSelect,
        ),
        Offer((POOL,), lambda _, miner: _has_choice(miner, hass), PoolSelect),
    )


class ModeSelect(MinerEntity, SelectEntity):
    """The mode of a miner: one of its own, a profile, or what was tuned by hand.

    Home Assistant blames the integration in the log, once for each select, where options
    change over 100 times an hour. An automation that saves profiles all the time does
    that to all miners of a model: their selects then follow once a minute.
    """

    _state_of = ("current_option", "options")

    def __init__(
        self, coordinator: MinerCoordinator, description: SelectEntityDescription
    ) -> None:
        """Show the options that the miner has now."""
        super().__init__(coordinator, description)
        self._options: list[str] = []
        self._changes: deque[float] = deque(maxlen=_MANY)
        """When the last options became others."""

    @property
    @override
    def options(self) -> list[str]:
        tuning, changes = self.coordinator.tuning, self._changes
        if (options := tuning.options) == self._options:
            return options
        now = self.coordinator.hass.loop.time()
        is_flood = len(changes) == _MANY and now - changes[0] < _HOUR
        if is_flood and now - changes[-1] < _PAUSE:
            tuning.note_flood()
            return self._options
        self._options = options
        changes.append(now)
        return options

    @property
    @override
    def current_option(self) -> str | None:
        return self.coordinator.tuning.current if self.available else None

    @override
    async def async_select_option(self, option: str) -> None:
        await self.coordinator.tuning.async_choose(option)


def _has_choice(miner: MinerCoordinator, hass: HomeAssistant) -> bool:
    """Return whether there is another pool: in the miner, or one that is set up."""
    known = miner.known
    return "pools" in known.telemetry and (
        known.select_pool
        or (known.set_pool and bool(usable_pools(get_data(hass).fleet.pools)))
    )


class PoolSelect(MinerEntity, SelectEntity):
    """The pool that a miner works for: of the accounts that are set up, or its own."""

    _state_of = ("_shown",)

    @property
    @override
    def options(self) -> list[str]:
        return self._shown[1]

    @property
    @override
    def current_option(self) -> str | None:
        return self._shown[0]

    @override
    async def async_select_option(self, option: str) -> None:
        miner, pools = self.coordinator, get_data(self.hass).fleet.pools
        if (entry_id := pools_by_name(pools).get(option)) is not None:
            await async_mine_at(miner, stratum_of(pools, entry_id))
        else:
            await async_mine_in_slot(miner, option)

    @property
    def _shown(self) -> tuple[str | None, list[str]]:
        """Return the pool in use and all that can be chosen."""
        miner, data = self.coordinator, self.coordinator.data
        if not self.available or data is None:
            return None, []
        usable: dict[str, StratumPool] = usable_pools(get_data(miner.hass).fleet.pools)
        slots = {slot.index: name_of(slot, usable) for slot in data.pools}
        options = [
            name for name in usable if miner.known.set_pool or name in slots.values()
        ]
        options += [name for name in slots.values() if name not in usable]
        active = data.active_pool
        return None if active is None else slots[active.index], options


class StrategyOverrideSelect(StrategyEntity, SelectEntity):
    """A band or rung that the user wants instead of what the strategy decides."""

    _unrecorded_attributes = frozenset({"ends", "until"})

    @property
    @override
    def options(self) -> list[str]:
        names = self.strategy.override_names
        return [AUTOMATIC, *(name for name in names if name != AUTOMATIC)]

    @property
    @override
    def current_option(self) -> str | None:
        if self.strategy.record.override is None:
            return AUTOMATIC
        # An action may set what is not an option
        return self.strategy.overridden_by

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        given = self.strategy.record.override
        return {
            "ends": None if given is None else given.manual.ends,
            "until": None if given is None else given.manual.until,
        }

    @override
    async def async_select_option(self, option: str) -> None:
        to = self.strategy.override_names.get(option)
        self.manager.async_override(self.strategy, None if option == AUTOMATIC else to)
