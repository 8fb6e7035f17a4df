"""Updates of the driver files that the user added."""

from dataclasses import replace
from typing import Any, override

from homeassistant.components.update import (
    DOMAIN as UPDATE_DOMAIN,
    UpdateEntity,
    UpdateEntityDescription,
    UpdateEntityFeature,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .driver_engine.declaration import DriverId
from .driver_engine.versions import is_newer
from .drivers.updates import DRIVER_UPDATES, DriverState, DriverUpdates
from .entity import FleetEntity
from .fleet.coordinator import FleetConfigEntry, FleetCoordinator
from .markdown import notes
from .rights import async_require_admin

PARALLEL_UPDATES = 1

DRIVER = UpdateEntityDescription(
    key="driver", translation_key="driver", translation_placeholders={"name": ""}
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: FleetConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add an update for each driver that has a source; they come and go."""
    fleet = entry.runtime_data
    updates = hass.data[DRIVER_UPDATES]
    shown: dict[DriverId, DriverUpdateEntity] = {}

    @callback
    def follow() -> None:
        wanted = {id_: s for id_, s in updates.states.items() if s.has_source}
        for id_ in shown.keys() - wanted.keys():
            del shown[id_]
        new = {
            id_: DriverUpdateEntity(fleet, updates, state)
            for id_, state in wanted.items()
            if id_ not in shown
        }
        shown.update(new)
        _forget(hass, entry, {str(entity.unique_id) for entity in shown.values()})
        async_add_entities(new.values())

    follow()
    entry.async_on_unload(updates.async_add_listener(follow))


@callback
def _forget(hass: HomeAssistant, entry: FleetConfigEntry, shown: set[str]) -> None:
    """Remove the entities of drivers that are gone, also of before a restart."""
    registry = er.async_get(hass)
    for entity in er.async_entries_for_config_entry(registry, entry.entry_id):
        if entity.domain == UPDATE_DOMAIN and entity.unique_id not in shown:
            registry.async_remove(entity.entity_id)


class DriverUpdateEntity(FleetEntity, UpdateEntity):
    """The update of one driver file.

    A copy of the old file is always kept, and comes back by itself if the new one
    cannot be loaded: to ask for a backup changes nothing.
    """

    _attr_supported_features = (
        UpdateEntityFeature.BACKUP
        | UpdateEntityFeature.INSTALL
        | UpdateEntityFeature.PROGRESS
        | UpdateEntityFeature.RELEASE_NOTES
    )

    def __init__(
        self, coordinator: FleetCoordinator, updates: DriverUpdates, state: DriverState
    ) -> None:
        """Show the update of a driver."""
        id_ = state.id
        description = replace(
            DRIVER,
            key=f"driver_{id_.kind}_{id_.driver_type}",
            translation_placeholders={"name": state.installed.declaration.display_name},
        )
        super().__init__(coordinator, description)
        self._id = id_
        self._updates = updates
        self._attr_in_progress = False
        self._show(state)

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the files of the driver."""
        await super().async_added_to_hass()
        self.async_on_remove(self._updates.async_add_listener(self._driver_changed))

    @override
    def version_is_newer(self, latest_version: str, installed_version: str) -> bool:
        """Compare as the action does; older versions are not offered."""
        return is_newer(latest_version, installed_version)

    @override
    async def async_install(
        self, version: str | None, backup: bool, **kwargs: Any
    ) -> None:
        """Install the version that is shown; raises what went wrong.

        Home Assistant asks for an administrator only since 2026.10.
        """
        await async_require_admin(self.hass, self._context)
        self._progress(0)
        try:
            await self._updates.async_update(str(self._id), progress=self._progress)
        finally:
            self._attr_update_percentage = None

    @override
    async def async_release_notes(self) -> str | None:
        """Return what the author says of the new file, and which file it is."""
        state = self._updates.states.get(self._id)
        if state is None or state.offer is None:
            return None
        offer = state.offer.declaration
        parts = [notes(offer.notes or ""), f"SHA-256 `{offer.sha256}`"]
        return "\n\n".join(part for part in parts if part)

    @override
    @callback
    def _handle_coordinator_update(self) -> None:
        """Not of interest: the totals of the fleet."""

    @callback
    def _driver_changed(self) -> None:
        if (state := self._updates.states.get(self._id)) and state.has_source:
            self._show(state)
            self.async_write_ha_state()

    @callback
    def _progress(self, percent: int) -> None:
        self._attr_in_progress = True
        self._attr_update_percentage = percent
        self.async_write_ha_state()

    @callback
    def _show(self, state: DriverState) -> None:
        self._attr_installed_version = state.installed_version
        self._attr_latest_version = state.latest_version
        self._attr_release_url = str(state.url) if state.url else None
        self._attr_title = state.installed.declaration.display_name
