"""What all entities of HMM have in common."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import batched
from typing import Any, ClassVar, override

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.device_registry import (
    CONNECTION_NETWORK_MAC,
    DeviceEntryType,
    DeviceInfo,
)
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.entity_platform import (
    AddConfigEntryEntitiesCallback,
    async_get_current_platform,
)
from homeassistant.helpers.update_coordinator import (
    CoordinatorEntity,
    DataUpdateCoordinator,
)
from yarl import URL

from .const import CONF_COIN, CONF_DRIVER, CONF_MORE_ENTITIES, DOMAIN
from .data import HmmConfigEntry, get_data
from .driver_api import PoolWorker
from .driver_api.units import parse_text
from .figures import read_safely
from .fleet.coordinator import FleetConfigEntry, FleetCoordinator
from .miner.coordinator import MinerCoordinator
from .pool.coordinator import PoolCoordinator
from .unique_ids import identity_of

_DEVICE_SECONDS = 900

AT_ONCE = 10
"""Entities of workers that are added without a look at the time; 250 workers have a
thousand, which stopped Home Assistant for half a second at each start."""

_REPORT_SECONDS = 300
"""How long an unchanged state goes without being reported again."""


class HmmEntity[CoordinatorT: DataUpdateCoordinator[Any]](
    CoordinatorEntity[CoordinatorT]
):
    """An entity of an entry's device; both are known by the entry's unique id."""

    _attr_has_entity_name = True

    def __init__(
        self, coordinator: CoordinatorT, description: EntityDescription
    ) -> None:
        """Follow the coordinator of an entry."""
        super().__init__(coordinator)
        self.entity_description = description

    @property
    @override
    def unique_id(self) -> str:
        # The entry may learn another one while it is loaded
        entry = self.coordinator.config_entry
        assert entry is not None
        return f"{identity_of(entry)}_{self.entity_description.key}"


class AlwaysAvailable(Entity):
    """What HMM itself knows, also while the miner or pool does not respond."""

    @property
    @override
    def available(self) -> bool:
        return True


class MinerEntity(HmmEntity[MinerCoordinator]):
    """An entity of a miner."""

    _attr_entity_registry_enabled_default = True  # See enabled_of
    _state_of: ClassVar[tuple[str, ...]] = ()
    """The properties that the state is made of; without any, each poll is written."""
    _written: object = None
    _report_due = 0.0

    def __init__(
        self, coordinator: MinerCoordinator, description: EntityDescription
    ) -> None:
        """Attach to the device of the miner, which has this entity now."""
        super().__init__(coordinator, description)
        coordinator.offered.add(description.key)
        # Registered once for all of them: to look that up took a tenth of a start
        self.device_entry = dr.async_get(coordinator.hass).async_get(
            coordinator.device_id
        )

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        """Write the state if it is another one than at the last poll.

        It rarely is, and to have Home Assistant find that out was the largest part of a
        poll. A helper that calculates over time needs to hear of it now and then.
        """
        state = self.available and [getattr(self, name) for name in self._state_of]
        now = self.hass.loop.time()
        is_same = bool(self._state_of) and state == self._written
        if not is_same or now >= self._report_due:
            self._written, self._report_due = state, now + _REPORT_SECONDS
            super()._handle_coordinator_update()


@callback
def miner_device(miner: MinerCoordinator) -> DeviceInfo:
    """Return the device of a miner, with what is known of it now."""
    assert miner.profile is not None
    entry, facts = miner.config_entry, miner.profile.facts
    return DeviceInfo(
        configuration_url=_link(facts.configuration_url),
        connections={(CONNECTION_NETWORK_MAC, facts.mac)} if facts.mac else set(),
        hw_version=facts.hardware,
        identifiers={(DOMAIN, identity_of(entry))},
        manufacturer=facts.manufacturer,
        model=facts.model,
        name=entry.title,
        serial_number=facts.serial,
        sw_version=facts.firmware,
    )


@callback
def async_keep_miner_device(
    hass: HomeAssistant, miner: MinerCoordinator
) -> Callable[[], None]:
    """Register the device of a miner, and what it reports later; return the end.

    A change shows immediately, the next one not before ``_DEVICE_SECONDS`` have passed:
    one whose firmware has another name at every poll must not rewrite the registry
    each time.
    """
    shown, due = miner.profile, 0.0

    @callback
    def register() -> None:
        device = dr.async_get(hass).async_get_or_create(
            config_entry_id=miner.config_entry.entry_id, **miner_device(miner)
        )
        miner.device_id = device.id

    @callback
    def update() -> None:
        nonlocal shown, due
        if miner.profile is shown or hass.loop.time() < due:
            return
        shown, before = miner.profile, shown
        if before is not None and shown is not None and before.facts == shown.facts:
            return
        due = hass.loop.time() + _DEVICE_SECONDS
        register()

    register()
    return miner.async_add_listener(update)


@callback
def async_follow_names(hass: HomeAssistant) -> None:
    """Rename the entry of a miner or pool whose device is renamed.

    Cards show the name of the device, messages that of the entry: an owner who looks for
    the one must not find the other.
    """

    @callback
    def is_renamed(data: dr.EventDeviceRegistryUpdatedData) -> bool:
        return data["action"] == "update" and "name_by_user" in data["changes"]

    @callback
    def renamed(event: Event[dr.EventDeviceRegistryUpdatedData]) -> None:
        device = dr.async_get(hass).async_get(event.data["device_id"])
        if device is None or not device.name_by_user:
            return
        for entry_id in device.config_entries:
            entry = hass.config_entries.async_get_entry(entry_id)
            # Not that of a worker
            if (
                entry is not None
                and entry.domain == DOMAIN
                and (DOMAIN, identity_of(entry)) in device.identifiers
            ):
                hass.config_entries.async_update_entry(entry, title=device.name_by_user)

    hass.bus.async_listen(dr.EVENT_DEVICE_REGISTRY_UPDATED, renamed, is_renamed)


def _link(reported: object) -> str | None:
    """Return a web address, None for what Home Assistant would not take as one."""
    if (text := parse_text(reported)) is None:
        return None
    try:
        url = URL(text)
    except ValueError:
        return None
    return text if url.scheme in ("http", "https") and url.host else None


@callback
def pool_device(pool: PoolCoordinator) -> DeviceInfo:
    """Return the device of a pool account."""
    entry = pool.config_entry
    return DeviceInfo(
        configuration_url=_link(pool.driver.documentation_url),
        entry_type=DeviceEntryType.SERVICE,
        identifiers={(DOMAIN, identity_of(entry))},
        manufacturer=parse_text(pool.driver.display_name) or entry.data[CONF_DRIVER],
        model=entry.data[CONF_COIN],
        name=entry.title,
    )


class PoolEntity(HmmEntity[PoolCoordinator]):
    """An entity of a pool account."""

    _attr_entity_registry_enabled_default = True  # See enabled_of

    def __init__(
        self, coordinator: PoolCoordinator, description: EntityDescription
    ) -> None:
        """Attach to the device of the account."""
        super().__init__(coordinator, description)
        self._attr_device_info = pool_device(coordinator)


class WorkerEntity(CoordinatorEntity[PoolCoordinator]):
    """An entity of a worker, whose device ``PoolWorkers`` keeps."""

    _attr_has_entity_name = True
    _attr_entity_registry_enabled_default = True  # See enabled_of

    def __init__(
        self,
        coordinator: PoolCoordinator,
        worker_id: str,
        description: EntityDescription,
    ) -> None:
        """Attach to the device of the worker."""
        super().__init__(coordinator)
        self.entity_description = description
        self._worker_id = worker_id
        self._attr_unique_id = f"{worker_id}_{description.key}"
        self._attr_device_info = DeviceInfo(identifiers={(DOMAIN, worker_id)})

    @property
    def worker(self) -> PoolWorker | None:
        """Return what the pool reports about the worker, None if it is not listed."""
        return self.coordinator.workers.listed.get(self._worker_id)

    @property
    @override
    def available(self) -> bool:
        return super().available and self.worker is not None


@callback
def fleet_device(entry: FleetConfigEntry) -> DeviceInfo:
    """Return the device of the fleet."""
    return DeviceInfo(
        entry_type=DeviceEntryType.SERVICE,
        identifiers={(DOMAIN, identity_of(entry))},
        manufacturer="HMM",
        model="Home Miner Manager",
        translation_key="fleet",
    )


class FleetEntity(HmmEntity[FleetCoordinator]):
    """An entity of the whole fleet."""

    def __init__(
        self, coordinator: FleetCoordinator, description: EntityDescription
    ) -> None:
        """Attach to the device of the fleet."""
        super().__init__(coordinator, description)
        self._attr_device_info = fleet_device(coordinator.config_entry)


@dataclass(frozen=True, slots=True, eq=False)
class Offer[CoordinatorT: DataUpdateCoordinator[Any], DescriptionT: EntityDescription]:
    """Entities of one kind, each of which a device may offer or not."""

    descriptions: Iterable[DescriptionT]
    exists_fn: Callable[[DescriptionT, CoordinatorT], bool]
    factory: Callable[[CoordinatorT, DescriptionT], Entity]


def wants_more(entry: ConfigEntry[Any]) -> bool | None:
    """Return whether the owner has requested more entities, None: never."""
    wanted: bool | None = entry.options.get(CONF_MORE_ENTITIES)
    return wanted


@callback
def enabled_of[DescriptionT: EntityDescription](
    coordinator: DataUpdateCoordinator[Any],
    platform: str,
    owner: str,
    descriptions: Iterable[DescriptionT],
    before: set[str],
) -> list[DescriptionT]:
    """Return which entities are to be made; removes those that are not any more.

    Those that are not enabled by default are created on request for more entities.
    One that was enabled before that could be requested is kept, and so is one that
    someone has given a name, an area or a label. ``before`` is what ``registered``
    returned.
    """
    entry = coordinator.config_entry
    assert entry is not None
    if wants_more(entry) is True or isinstance(coordinator, FleetCoordinator):
        return list(descriptions)
    return [
        description
        for description in descriptions
        if description.entity_registry_enabled_default
        or (
            (unique_id := f"{owner}_{description.key}") in before
            and _is_kept(coordinator.hass, entry, platform, unique_id)
        )
    ]


@callback
def _is_kept(
    hass: HomeAssistant, entry: ConfigEntry[Any], platform: str, unique_id: str
) -> bool:
    """Return whether an entity remains that was not requested; removes it if not."""
    registry = er.async_get(hass)
    entity_id = registry.async_get_entity_id(platform, DOMAIN, unique_id)
    if entity_id is None:
        return False
    entity = registry.entities[entity_id]
    was_enabled = wants_more(entry) is None and entity.disabled_by is None
    if was_enabled or _is_changed(entity):
        return True
    registry.async_remove(entity_id)
    return False


def _is_changed(entity: er.RegistryEntry) -> bool:
    """Return whether someone has named, placed, sorted or hidden an entity."""
    return bool(
        entity.name
        or entity.icon
        or entity.area_id
        or entity.labels
        or entity.categories
        or entity.hidden_by
        or any(isinstance(alias, str) for alias in entity.aliases)
    )


@callback
def async_enable_requested(hass: HomeAssistant, entry: HmmConfigEntry) -> None:
    """Enable what waited disabled before it could be requested."""
    if not wants_more(entry) or entry.pref_disable_new_entities:
        return
    registry = er.async_get(hass)
    for entity in er.async_entries_for_config_entry(registry, entry.entry_id):
        if entity.disabled_by is er.RegistryEntryDisabler.INTEGRATION:
            registry.async_update_entity(entity.entity_id, disabled_by=None)


@callback
def async_add_offered[CoordinatorT: DataUpdateCoordinator[Any]](
    coordinator: CoordinatorT,
    async_add_entities: AddConfigEntryEntitiesCallback,
    *offers: Offer[CoordinatorT, Any],
) -> None:
    """Add an entity for all that a device offers, now and when it learns more.

    A new firmware may bring a pause, the first job a network difficulty.
    """
    entry = coordinator.config_entry
    assert entry is not None
    platform = async_get_current_platform().domain
    owner = identity_of(entry)
    before = registered(coordinator.hass, coordinator, platform)
    missing = [
        (description, partial(offer.exists_fn, description, coordinator), offer.factory)
        for offer in offers
        for description in enabled_of(
            coordinator, platform, owner, offer.descriptions, before
        )
    ]

    @callback
    def add_offered() -> None:
        new: list[Entity] = []
        for item in tuple(missing):
            description, exists, factory = item
            if read_safely(exists, description.key):
                missing.remove(item)
                new.append(factory(coordinator, description))
        if new:
            async_add_entities(new)

    add_offered()
    if missing:
        entry.async_on_unload(coordinator.async_add_listener(add_offered))


@callback
def async_add_workers[DescriptionT: EntityDescription](
    hass: HomeAssistant,
    pool: PoolCoordinator,
    platform: str,
    descriptions: Iterable[DescriptionT],
    exists_fn: Callable[[DescriptionT, PoolWorker], bool],
    factory: Callable[[PoolCoordinator, str, DescriptionT], Entity],
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add an entity for all that each worker offers, now and as workers come."""
    wanted = tuple(descriptions)
    before = registered(hass, pool, platform)
    workers = pool.workers

    def is_wanted(worker_id: str, description: DescriptionT) -> bool:
        worker = workers.listed.get(worker_id)
        return f"{worker_id}_{description.key}" in before or (
            worker is not None
            and read_safely(partial(exists_fn, description, worker), description.key)
            is True
        )

    @callback
    def add_offered() -> None:
        offered = [
            factory(pool, worker_id, description)
            for worker_id in workers
            for description in enabled_of(pool, platform, worker_id, wanted, before)
            if is_wanted(worker_id, description)
            and workers.claim(worker_id, platform, description.key)
        ]
        if offered:
            pool.config_entry.async_create_task(hass, add(offered))

    async def add(offered: list[Entity]) -> None:
        for entities in batched(offered, AT_ONCE, strict=False):
            await get_data(hass).turns.wait()
            if pool.config_entry.state is ConfigEntryState.UNLOAD_IN_PROGRESS:
                return  # Its platform is gone, which would have removed them
            async_add_entities(entities)

    add_offered()
    pool.config_entry.async_on_unload(pool.async_add_listener(add_offered))


@callback
def registered(
    hass: HomeAssistant, coordinator: DataUpdateCoordinator[Any], platform: str
) -> set[str]:
    """Return the unique ids of the entities that an entry had before a restart.

    They are made again, although a pool or miner that is down reports nothing now.
    """
    assert coordinator.config_entry is not None
    return {
        entity.unique_id
        for entity in er.async_entries_for_config_entry(
            er.async_get(hass), coordinator.config_entry.entry_id
        )
        if entity.domain == platform
    }
