"""Watches each new version of the user's drivers, and goes back where it does worse.

What is compared, and what counts, is in ``driver_engine.worse``.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
import logging
from typing import Any, Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.translation import async_get_cached_translations
from homeassistant.util import dt as dt_util

from ..const import CONF_DRIVER, DOMAIN, FLEET_UNIQUE_ID
from ..data import HmmConfigEntry
from ..driver_api import CannotConnect
from ..driver_api.transports.stratum import connect_latency
from ..driver_engine import worse as rules
from ..driver_engine.declaration import DriverId
from ..driver_engine.driver_store import DriverStore, InstalledDriver, StoreError
from ..driver_engine.faults import why
from ..driver_engine.loaded import AnyLoaded
from ..driver_engine.metrics import metrics_of
from ..driver_engine.worse import (
    MIN_POLLS,
    Version,
    Watch,
    WatchedDevice,
    Worse,
    fault_share,
)
from ..errors import entry_reason, localized, message, refusal
from ..languages import home_language
from ..markdown import Markdown, async_create_issue, escape, own_issues, printable
from ..miner.coordinator import MinerCoordinator
from ..pool.coordinator import PoolCoordinator
from ..safe_store import SafeStore
from ..stored import BROKEN
from .manager import DriverChange, id_of
from .service import DriverResult, DriverService

_LOGGER = logging.getLogger(__name__)

CONF_DRIVER_GO_BACK: Final = "driver_go_back"
"""The option of the fleet: whether HMM goes back automatically."""

DRIVER_WORSE: Final = "driver_worse"
DRIVER_GONE_BACK: Final = "driver_gone_back"
"""The repair issues: what to do about a version, and that HMM has gone back."""

DATA_DRIVER: Final = "driver"
DATA_OLD: Final = "old"
DATA_NEW: Final = "new"
"""What the issues hold: the driver, and the checksums of its versions."""
DATA_BUNDLED: Final = "bundled"

AGAIN_SECONDS: Final = 60.0
"""When a version is looked at again of which too little is known."""

OFF_SECONDS: Final = 600.0
"""When it is looked again whether miners are back that are all switched off."""

_STORAGE_KEY: Final = f"{DOMAIN}.driver_watch"
_STORAGE_VERSION: Final = 1
_SAVE_SECONDS: Final = 600
_KNOCK_SECONDS: Final = 3.0
_MAX_NAMES: Final = 20
_LONGEST_EXAMPLE: Final = 300
_PORTS: Final = {"http": 80, "tcp": 4028}
# Fields whose entities have keys of their own
_ENTITIES: Final = {
    "active_workers": "workers",
    "blocks_found_24h": "blocks_24h",
    "estimated_earnings_24h": "earnings_24h",
    "estimated_time_to_block": "time_to_block",
    "last_block_found": "last_block",
    "pool_hashrate": "hashrate",
    "pool_percentage": "network_share",
}


class DriverWatch:
    """The versions that are watched now; what was counted outlives a restart."""

    def __init__(self, hass: HomeAssistant, service: DriverService) -> None:
        """Start with none; ``async_start`` brings them."""
        self.watches: dict[str, Watch] = {}
        """By the driver, as ``miner/bitaxe``."""
        self._hass = hass
        self._service = service
        self._manager = service.manager
        self._store = SafeStore(hass, _STORAGE_VERSION, _STORAGE_KEY)
        self._timers: dict[str, CALLBACK_TYPE] = {}
        self._sources: dict[DriverId, InstalledDriver] = {}
        """The files that run, as they were loaded: who edits one keeps no copy."""

    async def async_start(self) -> None:
        """Go on after a restart, and follow what changes."""
        broken = []
        running = {
            str(id_of(driver)): driver.sha256 for driver in self._manager.drivers
        }
        for key, data in (await self._store.async_load()).items():
            try:
                watch = Watch.from_dict(data)
            except BROKEN:
                broken.append(key)
                continue
            # Another file may have been put there meanwhile
            if running.get(key) == watch.new.sha256:
                self.watches[key] = watch
                passed = dt_util.utcnow().timestamp() - watch.since
                # The clock may have been set meanwhile
                left = rules.WATCH_SECONDS - max(passed, 0)
                self._arm(key, max(left, AGAIN_SECONDS))
        if broken:
            await self._store.async_set_aside(f"broken: {', '.join(broken)}")
            await self._store.async_save(self._content())
        for issue in own_issues(self._hass):
            if issue.issue_id.startswith(f"{DRIVER_WORSE}_") and (data := issue.data):
                if running.get(str(data.get(DATA_DRIVER))) != data.get(DATA_NEW):
                    ir.async_delete_issue(self._hass, DOMAIN, issue.issue_id)
        self._keep_sources()
        self._service.sources.async_add_listener(self._keep_sources)
        self._manager.async_add_change_listener(self._changing)

    @callback
    def async_follow(self, entry: HmmConfigEntry) -> CALLBACK_TYPE:
        """Count the polls of an entry that was set up, while its driver is watched."""
        coordinator = entry.runtime_data
        assert isinstance(coordinator, MinerCoordinator | PoolCoordinator)
        kind = "miner" if isinstance(coordinator, MinerCoordinator) else "pool"
        key = f"{kind}/{entry.data[CONF_DRIVER]}"
        seen: object = None

        @callback
        def polled() -> None:
            nonlocal seen
            result: object = (
                coordinator.data
                if coordinator.last_update_success
                else coordinator.last_exception
            )
            # Listeners are called for other reasons as well
            if result is seen:
                return
            seen = result
            if (watch := self.watches.get(key)) is None:
                return
            if (device := watch.devices.get(entry.entry_id)) is None:
                return
            if coordinator.last_update_success:
                device.note_reading(coordinator.data)
            else:
                self._note_failure(watch, device, coordinator.last_exception)
            self._store.async_save_within(self._content, _SAVE_SECONDS)

        polled()
        return coordinator.async_add_listener(polled)

    async def async_go_back(
        self, driver: str, sha256: str, *, bundled: bool
    ) -> DriverResult:
        """Bring back what a driver was before. Raises HomeAssistantError."""
        if bundled:
            return await self._service.async_remove(driver)
        for backups in (await self._service.async_backups()).values():
            for backup in backups:
                if backup.declaration.sha256 == sha256 and driver in map(
                    str, backup.declaration.drivers
                ):
                    return await self._service.async_roll_back(driver, backup.path.stem)
        raise refusal("driver_no_backup", driver=driver, versions="-")

    # What changes

    @callback
    def _changing(self, changes: Sequence[DriverChange]) -> None:
        """Begin to watch new versions, while their entries still have the old ones."""
        for change in changes:
            key, old, new = str(change.id), change.before, change.after
            if old is not None and new is not None and old.sha256 == new.sha256:
                continue  # Only its settings are others
            known_before = self._forget_issue(key)
            watch = self._end(key)
            if old is None or new is None or new.bundled:
                continue
            if new.sha256 in (known_before, watch and watch.old.sha256):
                continue  # It went back
            now = dt_util.utcnow().timestamp()
            if watch is None:
                watch = Watch(
                    old=_version(old),
                    new=_version(new),
                    since=now,
                    share=fault_share(metrics_of(old.driver_class)),
                    devices=self._devices(old),
                )
                if watch.devices and not old.bundled:
                    self._back_up(change.id, old.sha256)
            else:
                watch = watch.again(_version(new), now)
            if watch.devices:
                self.watches[key] = watch
                self._arm(key, rules.WATCH_SECONDS)
        self._save()

    def _devices(self, driver: AnyLoaded) -> dict[str, WatchedDevice]:
        """Return what the old version reads: of those that answer it."""
        return {
            entry.entry_id: WatchedDevice.of(entry.runtime_data.data)
            for entry in self._manager.entries_of(driver)
            if entry.state is ConfigEntryState.LOADED
            and isinstance(entry.runtime_data, MinerCoordinator | PoolCoordinator)
            and entry.runtime_data.last_update_success
        }

    @callback
    def _keep_sources(self) -> None:
        running = {id_of(driver): driver.sha256 for driver in self._manager.drivers}
        for state in self._service.states.values():
            for id_ in state.installed.declaration.drivers:
                if running.get(id_) == state.installed.declaration.sha256:
                    self._sources[id_] = state.installed

    def _back_up(self, id_: DriverId, sha256: str) -> None:
        """Keep the file that ran until now, unless whoever changed it has done so."""
        kept = self._sources.get(id_)
        if kept is not None and kept.declaration.sha256 == sha256:
            self._hass.async_add_executor_job(
                _back_up, self._service.sources.files, kept
            )

    # What comes of it

    def _note_failure(
        self, watch: Watch, device: WatchedDevice, err: BaseException | None
    ) -> None:
        key = getattr(err, "translation_key", None) or "driver_error"
        faults = device.faults
        device.note_failure(key.removeprefix("pool_"))
        if device.faults > faults or not watch.example:
            watch.example = printable(message(self._hass, err), _LONGEST_EXAMPLE)

    def _arm(self, key: str, seconds: float) -> None:
        async def decide(_: datetime) -> None:
            await self._async_decide(key)

        if (cancel := self._timers.pop(key, None)) is not None:
            cancel()
        self._timers[key] = async_call_later(
            self._hass,
            seconds,
            HassJob(decide, f"hmm driver watch {key}", cancel_on_shutdown=True),
        )

    @callback
    def _end(self, key: str) -> Watch | None:
        if (cancel := self._timers.pop(key, None)) is not None:
            cancel()
        return self.watches.pop(key, None)

    async def _async_decide(self, key: str) -> None:
        """Judge a version, if enough is known of it."""
        watch = self.watches[key]
        self._note_left_out(watch)
        if not watch.devices:
            self._end(key)
            self._save()
            return
        now = dt_util.utcnow().timestamp()
        if not watch.is_due(now):
            self._arm(key, AGAIN_SECONDS)
            return
        unreached = watch.unreached()
        present = await asyncio.gather(*map(self._async_is_there, unreached))
        if self.watches.get(key) is not watch:
            return  # It was replaced meanwhile
        worse = watch.judge(dict(zip(unreached, present, strict=True)))
        if (
            worse is None
            and len(unreached) == len(watch.devices)
            and watch.is_young(now)
        ):
            # All are switched off: not known yet
            self._arm(key, OFF_SECONDS)
            return
        self._end(key)
        self._save()
        if worse is None:
            _LOGGER.info(
                "The driver %s %s does as well as before", key, watch.new.version
            )
            return
        texts = self._described(key, watch, worse)
        _LOGGER.warning(
            "The driver %s %s does worse than %s",
            key,
            watch.new.version,
            watch.old.version,
        )
        self._show(DRIVER_WORSE, key, watch, texts)
        if not self._goes_back_by_itself:
            return
        try:
            await self.async_go_back(key, watch.old.sha256, bundled=watch.old.bundled)
        except HomeAssistantError as err:
            # The question stays
            _LOGGER.error("The driver %s could not go back: %s", key, err)
            return
        self._show(DRIVER_GONE_BACK, key, watch, texts)

    def _note_left_out(self, watch: Watch) -> None:
        """Count entries that could not even be set up; forget those that are removed."""
        for entry_id, device in tuple(watch.devices.items()):
            entry = self._hass.config_entries.async_get_entry(entry_id)
            if entry is None or entry.disabled_by:
                del watch.devices[entry_id]
            elif not device.polls and entry.state in (
                ConfigEntryState.SETUP_ERROR,
                ConfigEntryState.SETUP_RETRY,
            ):
                reason = entry_reason(self._hass, entry) or ""
                watch.example = printable(reason, _LONGEST_EXAMPLE)
                device.faults = MIN_POLLS

    async def _async_is_there(self, entry_id: str) -> bool | None:
        """Return whether the address of a miner responds, regardless of the driver.

        None where that cannot be checked: a pool, a miner that only broadcasts.
        """
        entry = self._hass.config_entries.async_get_entry(entry_id)
        coordinator = getattr(entry, "runtime_data", None)
        if not isinstance(coordinator, MinerCoordinator):
            return None
        driver = self._manager.drivers.miners.get(
            coordinator.config_entry.data[CONF_DRIVER]
        )
        if driver is None:
            return None
        kind = driver.driver_class
        port = (
            coordinator.client.port
            or kind.default_port
            or _PORTS.get(kind.connection_type or "")
        )
        if kind.connection_type == "udp" or port is None:
            return None
        try:
            await connect_latency(coordinator.client.host, port, _KNOCK_SECONDS)
        except CannotConnect:
            return False
        return True

    @property
    def _goes_back_by_itself(self) -> bool:
        fleet = self._hass.config_entries.async_entry_for_domain_unique_id(
            DOMAIN, FLEET_UNIQUE_ID
        )
        return fleet is not None and fleet.options.get(CONF_DRIVER_GO_BACK) is True

    # What the user sees of it

    def _described(self, key: str, watch: Watch, worse: Worse) -> dict[str, str]:
        """Return the placeholders of the issues."""
        reasons = []
        if worse.lost:
            fields = self._names_of_fields(worse.lost)
            reasons.append(why("worse_fields", fields=fields))
        if worse.unread:
            reasons.append(why("worse_unread", names=self._titles(worse.unread)))
        if worse.before is not None:
            before, after = self._percent(worse.before), self._percent(worse.after)
            reasons.append(why("worse_errors", before=before, after=after))
        if worse.example:
            reasons.append(why("worse_example", error=worse.example))
        return {
            "driver": key,
            "old": watch.old.version,
            "new": watch.new.version,
            "findings": Markdown(
                "\n".join(
                    f"- {escape(localized(self._hass, reason))}" for reason in reasons
                )
            ),
        }

    def _names_of_fields(self, lost: Mapping[str, int]) -> str:
        names = [
            name if count == 1 else f"{name} ({count})"
            for field, count in list(lost.items())[:_MAX_NAMES]
            if (name := field_name(self._hass, field))
        ]
        return ", ".join(names) + (" …" if len(lost) > _MAX_NAMES else "")

    def _titles(self, entry_ids: Sequence[str]) -> str:
        entries = map(self._hass.config_entries.async_get_entry, entry_ids)
        titles = [entry.title for entry in entries if entry is not None]
        return ", ".join(titles[:_MAX_NAMES]) + (
            " …" if len(titles) > _MAX_NAMES else ""
        )

    def _percent(self, share: float) -> str:
        return home_language(self._hass).number(100 * share, 0)

    def _show(
        self, issue: str, key: str, watch: Watch, texts: Mapping[str, str]
    ) -> None:
        async_create_issue(
            self._hass,
            f"{issue}_{key}",
            data={
                DATA_DRIVER: key,
                DATA_OLD: watch.old.sha256,
                DATA_NEW: watch.new.sha256,
                DATA_BUNDLED: watch.old.bundled,
            },
            is_fixable=True,
            is_persistent=True,
            severity=ir.IssueSeverity.WARNING,
            translation_key=issue,
            translation_placeholders=texts,
        )

    def _forget_issue(self, key: str) -> str | None:
        """Delete the question about a driver that has changed since.

        Returns the checksum of what it would have gone back to.
        """
        issue = ir.async_get(self._hass).async_get_issue(
            DOMAIN, f"{DRIVER_WORSE}_{key}"
        )
        if issue is None:
            return None
        ir.async_delete_issue(self._hass, DOMAIN, issue.issue_id)
        return str((issue.data or {}).get(DATA_OLD))

    @callback
    def _save(self) -> None:
        self._hass.async_create_task(
            self._store.async_save(self._content()), "hmm driver watch"
        )

    def _content(self) -> dict[str, Any]:
        return {key: watch.as_dict() for key, watch in self.watches.items()}


@callback
def field_name(hass: HomeAssistant, field: str) -> str:
    """Return what a field of a reading is called, as its entity is."""
    texts = async_get_cached_translations(hass, hass.config.language, "entity", DOMAIN)
    key = _ENTITIES.get(field, field)
    for platform in ("sensor", "binary_sensor", "select"):
        if name := texts.get(f"component.{DOMAIN}.entity.{platform}.{key}.name"):
            return name
    return field


def _version(driver: AnyLoaded) -> Version:
    return Version(version=driver.version, sha256=driver.sha256, bundled=driver.bundled)


def _back_up(files: DriverStore, kept: InstalledDriver) -> None:
    sha256 = kept.declaration.sha256
    backups = files.backups(kept.declaration.id)
    if all(backup.declaration.sha256 != sha256 for backup in backups):
        try:
            files.back_up(kept)
        except StoreError as err:
            _LOGGER.error("%s could not be kept: %s", kept.path.name, err)
