"""Updates of the driver files that the user added, and news of firmware."""

from dataclasses import replace
from typing import Any, override

from homeassistant.components.update import (
    DOMAIN as UPDATE_DOMAIN,
    UpdateDeviceClass,
    UpdateEntity,
    UpdateEntityDescription,
    UpdateEntityFeature,
)
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import ATTR_REASON, CONF_DRIVER
from .data import HmmConfigEntry, get_data
from .driver_api import DeviceFacts
from .driver_engine.declaration import DriverId
from .driver_engine.versions import is_newer
from .drivers.service import DriverService
from .drivers.sources import DriverState
from .entity import AlwaysAvailable, FleetEntity, MinerEntity, Offer, async_add_offered
from .fleet.coordinator import FleetConfigEntry, FleetCoordinator
from .fleet.firmware import FEEDS, skipped, version_of
from .fleet.firmware_news import Notice
from .markdown import checksum, notes
from .miner.coordinator import MinerCoordinator
from .rights import async_require_admin
from .sentences import reason_sentence

PARALLEL_UPDATES = 1

DRIVER = UpdateEntityDescription(
    key="driver", translation_key="driver", translation_placeholders={"name": ""}
)


FIRMWARE = UpdateEntityDescription(
    key="firmware",
    translation_key="firmware",
    device_class=UpdateDeviceClass.FIRMWARE,
    entity_category=EntityCategory.CONFIG,
)
_LONGEST_SUMMARY = 255


async def async_setup_entry(
    hass: HomeAssistant,
    entry: HmmConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the firmware of a miner, or an update for each driver that has a source."""
    if isinstance(miner := entry.runtime_data, MinerCoordinator):
        async_add_offered(
            miner,
            async_add_entities,
            Offer(
                (FIRMWARE,),
                lambda _, miner: get_data(hass).firmware.supports(miner),
                FirmwareUpdate,
            ),
        )
    elif isinstance(fleet := entry.runtime_data, FleetCoordinator):
        _add_drivers(hass, fleet, async_add_entities)


@callback
def _add_drivers(
    hass: HomeAssistant,
    fleet: FleetCoordinator,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add an update for each driver that has a source; they come and go."""
    entry = fleet.config_entry
    service = get_data(hass).driver_service
    shown: dict[DriverId, DriverUpdateEntity] = {}

    @callback
    def follow() -> None:
        wanted = {id_: s for id_, s in service.states.items() if s.has_source}
        for id_ in shown.keys() - wanted.keys():
            del shown[id_]
        new = {
            id_: DriverUpdateEntity(fleet, service, state)
            for id_, state in wanted.items()
            if id_ not in shown
        }
        shown.update(new)
        _forget(hass, entry, {str(entity.unique_id) for entity in shown.values()})
        async_add_entities(new.values())

    follow()
    entry.async_on_unload(service.sources.async_add_listener(follow))


@callback
def _forget(hass: HomeAssistant, entry: FleetConfigEntry, shown: set[str]) -> None:
    """Remove the entities of drivers that are gone, also of before a restart."""
    registry = er.async_get(hass)
    for entity in er.async_entries_for_config_entry(registry, entry.entry_id):
        if entity.domain == UPDATE_DOMAIN and entity.unique_id not in shown:
            registry.async_remove(entity.entity_id)


class DriverUpdateEntity(FleetEntity, UpdateEntity):
    """The update of one driver file.

    A copy of the old file is always kept, and is restored automatically if the new one
    cannot be loaded: the backup option changes nothing.
    """

    _attr_supported_features = (
        UpdateEntityFeature.BACKUP
        | UpdateEntityFeature.INSTALL
        | UpdateEntityFeature.PROGRESS
        | UpdateEntityFeature.RELEASE_NOTES
    )

    def __init__(
        self, coordinator: FleetCoordinator, service: DriverService, state: DriverState
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
        self._service = service
        self._attr_in_progress = False
        self._show(state)

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the files of the driver."""
        await super().async_added_to_hass()
        self.async_on_remove(
            self._service.sources.async_add_listener(self._driver_changed)
        )

    @override
    def version_is_newer(self, latest_version: str, installed_version: str) -> bool:
        """Compare as the action does; older versions are not offered."""
        return is_newer(latest_version, installed_version)

    @override
    async def async_install(
        self, version: str | None, backup: bool, **kwargs: Any
    ) -> None:
        """Install the version that is shown; raises what went wrong.

        Home Assistant requests an administrator only since 2026.10.
        """
        await async_require_admin(self.hass, self._context)
        self._progress(0)
        try:
            await self._service.async_update(str(self._id), progress=self._progress)
        finally:
            self._attr_update_percentage = None

    @override
    async def async_release_notes(self) -> str | None:
        """Return the author's notes on the new file, and its checksum."""
        state = self._service.states.get(self._id)
        if state is None or state.offer is None:
            return None
        offer = state.offer.declaration
        parts = [notes(offer.notes or ""), f"SHA-256 `{checksum(offer.sha256)}`"]
        return "\n\n".join(part for part in parts if part)

    @override
    @callback
    def _handle_coordinator_update(self) -> None:
        """Not of interest: the totals of the fleet."""

    @callback
    def _driver_changed(self) -> None:
        if (state := self._service.states.get(self._id)) and state.has_source:
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


class FirmwareUpdate(AlwaysAvailable, MinerEntity, UpdateEntity):
    """The newest firmware for a miner, to read of: the miner's own page installs it.

    AxeOS checks neither who made a file nor for which board it is.
    """

    _attr_supported_features = UpdateEntityFeature.RELEASE_NOTES
    _state_of = ("_notice", "installed_version")

    def __init__(
        self, coordinator: MinerCoordinator, description: UpdateEntityDescription
    ) -> None:
        """Show the news of the feed of a miner."""
        super().__init__(coordinator, description)
        self._driver: str = coordinator.config_entry.data[CONF_DRIVER]
        self._attr_title = FEEDS[self._driver].title

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        news = get_data(self.hass).firmware
        self.async_on_remove(news.async_add_listener(self.async_write_ha_state))

    @property
    def _facts(self) -> DeviceFacts:
        return self.coordinator.known.facts

    @property
    def _notice(self) -> Notice:
        return get_data(self.coordinator.hass).firmware.notice(
            self._driver, self._facts
        )

    @property
    @override
    def installed_version(self) -> str | None:
        return self._facts.firmware

    @property
    @override
    def latest_version(self) -> str | None:
        return self._notice.latest

    @property
    @override
    def release_url(self) -> str | None:
        if (release := self._notice.release) is None:
            return None
        repository = FEEDS[self._driver].repository
        return f"https://github.com/{repository}/releases/tag/{release.tag}"

    @property
    @override
    def release_summary(self) -> str | None:
        if (release := self._notice.release) is None:
            return None
        return str(notes(release.notes))[:_LONGEST_SUMMARY]

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        """Return why nothing is known."""
        return {ATTR_REASON: self._notice.reason}

    @override
    def version_is_newer(self, latest_version: str, installed_version: str) -> bool:
        """Compare the numbers: of a fork nothing is newer."""
        latest, installed = version_of(latest_version), version_of(installed_version)
        return latest is not None and installed is not None and latest > installed

    @override
    async def async_release_notes(self) -> str | None:
        """Return the notes, and what was left out."""
        if (release := self._notice.release) is None:
            return None
        installed = version_of(self._facts.firmware) or ()
        releases = get_data(self.hass).firmware.releases(self._driver)
        bad = FEEDS[self._driver].bad
        return "\n\n".join(
            [
                *(
                    reason_sentence(
                        self.hass,
                        "firmware_skipped",
                        {"version": release.tag, "why": bad[release.version]},
                    )
                    for release in skipped(self._driver, releases, installed)
                ),
                str(notes(release.notes)),
            ]
        )
