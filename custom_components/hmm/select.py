"""Mode and pool of a miner."""

from typing import override

from homeassistant.components.select import SelectEntity, SelectEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import DOMAIN
from .driver_api import PoolSlot
from .entity import MinerEntity, async_add_offered
from .miner.coordinator import MinerConfigEntry

PARALLEL_UPDATES = 1

MODE = SelectEntityDescription(key="mode", translation_key="mode")
POOL = SelectEntityDescription(
    key="pool", translation_key="pool", entity_category=EntityCategory.CONFIG
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: MinerConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the selects of a miner."""
    coordinator = entry.runtime_data
    async_add_offered(
        coordinator,
        (MODE,),
        lambda _, miner: miner.profile is not None and bool(miner.profile.modes),
        ModeSelect,
        async_add_entities,
    )
    async_add_offered(
        coordinator,
        (POOL,),
        lambda _, miner: (
            miner.profile is not None
            and miner.profile.select_pool
            and "pools" in miner.profile.telemetry
        ),
        PoolSelect,
        async_add_entities,
    )


class ModeSelect(MinerEntity, SelectEntity):
    """The mode of a miner: one of its own, a profile, or what was tuned by hand."""

    _state_of = ("current_option", "options")

    @property
    @override
    def options(self) -> list[str]:
        return self.coordinator.tuning.options

    @property
    @override
    def current_option(self) -> str | None:
        return self.coordinator.tuning.current if self.available else None

    @override
    async def async_select_option(self, option: str) -> None:
        await self.coordinator.tuning.async_choose(option)


class PoolSelect(MinerEntity, SelectEntity):
    """The pool that a miner works for, out of those it has configured."""

    _state_of = ("current_option", "options")

    @property
    @override
    def options(self) -> list[str]:
        return [_label(pool) for pool in self._pools]

    @property
    @override
    def current_option(self) -> str | None:
        if not self._pools or (pool := self.coordinator.data.active_pool) is None:
            return None
        return _label(pool)

    @override
    async def async_select_option(self, option: str) -> None:
        pool = next((pool for pool in self._pools if _label(pool) == option), None)
        if pool is None:
            # A change that waited before this one gave the slots other pools
            raise ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="pool_gone",
                translation_placeholders={"pool": option},
            )
        await self.coordinator.async_command(
            self.coordinator.client.select_pool(pool.index), "pool"
        )

    @property
    def _pools(self) -> tuple[PoolSlot, ...]:
        data = self.coordinator.data
        return data.pools if self.available and data is not None else ()


def _label(pool: PoolSlot) -> str:
    """Return a name: two slots may hold the same pool, so the slot is in it."""
    return f"{pool.index + 1}: {pool.url}"
