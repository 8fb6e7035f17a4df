"""HMM, the Home Miner Manager: miners and pools in Home Assistant."""

from asyncio import gather
from contextlib import suppress
from typing import cast

from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    SOURCE_SYSTEM,
    ConfigEntry,
    ConfigEntryChange,
)
from homeassistant.const import CONF_HOST, CONF_PORT, EVENT_HOMEASSISTANT_CLOSE
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import (
    ConfigEntryError,
    ConfigEntryNotReady,
    IntegrationError,
)
from homeassistant.helpers import (
    config_validation as cv,
    device_registry as dr,
    discovery_flow,
    entity_registry as er,
    issue_registry as ir,
)
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.start import async_at_started
from homeassistant.helpers.typing import ConfigType
from homeassistant.loader import async_get_integration
from homeassistant.setup import async_setup_component

from .const import (
    CONF_CREDENTIALS,
    CONF_DRIVER,
    CONF_ENTRY_TYPE,
    CONF_OWN_RISK,
    DOMAIN,
    PLATFORMS,
    EntryType,
)
from .data import HMM_DATA, HmmConfigEntry, HmmData, entry_kind, fleet_entry, get_data
from .driver_api import OWN_RISK, DriverError
from .driver_engine.client import MinerClient
from .driver_engine.declaration import DriverId
from .drivers.actions import async_setup_driver_actions
from .drivers.compare import DriverTrials
from .drivers.manager import DriverManager
from .drivers.service import DriverService
from .drivers.watch import DriverWatch
from .entity import (
    async_enable_requested,
    async_follow_names,
    async_keep_miner_device,
    fleet_device,
    pool_device,
)
from .errors import localized, pool_error, translated
from .fleet.coordinator import FleetConfigEntry, FleetCoordinator
from .fleet.failover import Memory
from .fleet.failover_runner import Failover
from .fleet.firmware_news import FirmwareNews
from .fleet.kept import async_run_kept
from .fleet.members import Fleet
from .fleet.profile_services import async_setup_profile_services
from .fleet.rescan import Rescan
from .fleet.services import async_setup_miner_services
from .frontend import async_load_cards, async_serve_cards, async_unload_cards
from .markdown import async_delete_issues_of
from .migration import async_migrate
from .miner.autotune import Autotune, AutotuneRecord, AutotuneTurns
from .miner.coordinator import LONGEST_ENERGY_GAP, MinerConfigEntry, MinerCoordinator
from .miner.discovery import Announced, async_listen_for_broadcasts
from .miner.energy import EnergyBook
from .miner.finds import MinerRecord
from .miner.kept import KeptCommands
from .miner.plug import async_follow_plugs
from .miner.profile_store import ProfileStore
from .miner.profiles import TuningProfiles
from .miner.session import async_create_miner_session
from .miner.status import StatusRecord
from .miner.watchdog import Watchdog, async_watch
from .miner.watchdog_rules import WatchdogRecord
from .money.earnings import async_count_earnings
from .money.ledger import CURRENCY_CHANGED, Ledger
from .openapi import async_register_api
from .pool.account import pool_kind
from .pool.blocks import AccountRecord
from .pool.coordinator import PoolConfigEntry, PoolCoordinator
from .pool.mistyped import async_show_wallet_issue
from .records import Records
from .services import async_setup_services
from .strategy.actions import async_setup_strategy_actions
from .strategy.manager import StrategyManager
from .unique_ids import async_follow_unique_id
from .voice.triggers import async_register_sentences

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Load the drivers and everything else that all entries share."""
    await _async_prepare_platforms(hass, config)
    data = hass.data[HMM_DATA] = await _async_load_data(hass)
    async_setup_services(hass)
    async_setup_miner_services(hass)
    async_setup_profile_services(hass)
    async_setup_strategy_actions(hass)
    async_setup_driver_actions(hass)
    await data.driver_service.async_start()
    await data.driver_watch.async_start()
    async_register_api(hass)
    await async_serve_cards(hass)
    await async_listen_for_broadcasts(hass)
    async_follow_plugs(hass)
    async_follow_names(hass)

    @callback
    def entry_changed(change: ConfigEntryChange, changed: ConfigEntry) -> None:
        data.fleet.async_entry_changed(change, changed)
        if changed.domain == DOMAIN and changed.disabled_by is not None:
            # What still is so shows again once it is enabled
            async_delete_issues_of(hass, changed.entry_id)

    async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, entry_changed)
    hass.bus.async_listen_once(EVENT_HOMEASSISTANT_CLOSE, data.fleet.async_end_polls)
    return True


async def _async_load_data(hass: HomeAssistant) -> HmmData:
    """Load the drivers and what is kept of each entry."""
    # Pools are on the internet, so that they get Home Assistant's own session
    session = async_get_clientsession(hass)
    manager = DriverManager(hass, session)
    await manager.async_load()
    driver_service = DriverService(hass, manager, session)
    energy = EnergyBook(hass, LONGEST_ENERGY_GAP)
    miner_records = Records(hass, "finds", MinerRecord)
    account_records = Records(hass, "blocks", AccountRecord)
    failovers = Records(hass, "failover", Memory)
    fleet = Fleet(miner_records, account_records)
    data = HmmData(
        driver_service=driver_service,
        driver_trials=DriverTrials(hass, driver_service),
        driver_watch=DriverWatch(hass, driver_service),
        session=await async_create_miner_session(hass),
        failover=Failover(hass, fleet, failovers),
        failovers=failovers,
        firmware=FirmwareNews(hass, fleet, session),
        fleet=fleet,
        money=Ledger(hass, energy, fleet),
        miner_records=miner_records,
        account_records=account_records,
        energy=energy,
        kept=Records(hass, "kept", KeptCommands),
        profiles=ProfileStore(hass),
        statuses=Records(hass, "status", StatusRecord),
        strategies=StrategyManager(hass, fleet),
        tuning=TuningProfiles(hass),
        watchdogs=Records(hass, "watchdog", WatchdogRecord),
        autotunes=Records(hass, "autotune", AutotuneRecord),
        autotune_turns=AutotuneTurns(),
        announced=Announced(),
    )
    stores = (store.async_load() for store in data.stores)
    await gather(data.firmware.async_load(), *stores)
    return data


async def _async_prepare_platforms(hass: HomeAssistant, config: ConfigType) -> None:
    """Load the platforms before the first entry needs them.

    All entries would wait for them together, and then add their entities at once.
    """
    platforms = {platform for of_kind in PLATFORMS.values() for platform in of_kind}
    integration = await async_get_integration(hass, DOMAIN)
    await gather(
        integration.async_get_platforms(platforms),
        *(async_setup_component(hass, platform, config) for platform in platforms),
    )


async def async_migrate_entry(hass: HomeAssistant, entry: HmmConfigEntry) -> bool:
    """Bring an entry to the form of today."""
    return async_migrate(hass, entry)


async def async_setup_entry(hass: HomeAssistant, entry: HmmConfigEntry) -> bool:
    """Set up a miner, a pool or the fleet."""
    async_load_cards(hass)
    match kind := entry_kind(entry):
        case EntryType.MINER:
            await _async_setup_miner(hass, cast("MinerConfigEntry", entry))
        case EntryType.POOL:
            await _async_setup_pool(hass, cast("PoolConfigEntry", entry))
        case EntryType.FLEET:
            _set_up_fleet(hass, cast("FleetConfigEntry", entry))
        case None:
            raise translated(ConfigEntryError, "entry_damaged", {})
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS[kind])
    async_enable_requested(hass, entry)
    _remove_left(hass, entry)
    if kind != EntryType.FLEET:
        _make_fleet(hass)
    return True


async def async_unload_entry(hass: HomeAssistant, entry: HmmConfigEntry) -> bool:
    """Unload an entry; a miner that is disabled is not left in the middle of autotune."""
    miner = entry.runtime_data
    if entry.disabled_by is not None and isinstance(miner, MinerCoordinator):
        assert miner.autotune is not None
        await miner.autotune.async_give_up()
    return await hass.config_entries.async_unload_platforms(
        entry, PLATFORMS[entry.data[CONF_ENTRY_TYPE]]
    )


async def async_remove_entry(hass: HomeAssistant, entry: HmmConfigEntry) -> None:
    """Forget what was noted of an entry."""
    if entry_kind(entry) == EntryType.MINER:
        await _async_bring_back(hass, entry)
    async_delete_issues_of(hass, entry.entry_id)
    if not hass.config_entries.async_entries(DOMAIN):
        async_unload_cards(hass)
    if (data := hass.data.get(HMM_DATA)) is not None:
        if entry_kind(entry) == EntryType.FLEET:
            data.strategies.async_forget()
            ir.async_delete_issue(hass, DOMAIN, CURRENCY_CHANGED)
        for store in data.stores:
            await store.async_forget(entry.entry_id)


async def _async_bring_back(hass: HomeAssistant, entry: HmmConfigEntry) -> None:
    """Bring a miner back that is removed in the middle of autotune."""
    data = hass.data.get(HMM_DATA)
    record = data.autotunes.get(entry.entry_id) if data is not None else None
    if data is None or record is None or not record.is_running:
        return
    with suppress(IntegrationError):
        # That of its entry was unloaded before anything knew why
        miner = _make_miner(hass, data, cast("MinerConfigEntry", entry))
        assert miner.autotune is not None
        try:
            await miner.async_refresh()
            await miner.autotune.async_give_up()
        finally:
            miner.autotune.leave()
            await miner.async_shutdown()
            await miner.client.close()


async def async_remove_config_entry_device(
    hass: HomeAssistant, entry: HmmConfigEntry, device: dr.DeviceEntry
) -> bool:
    """Let the user remove a worker that its pool does not list.

    Everything else would be back immediately: remove the entry instead.
    """
    coordinator = getattr(entry, "runtime_data", None)
    if not isinstance(coordinator, PoolCoordinator):
        return False
    worker_id = coordinator.workers.id_of(device)
    return worker_id is not None and worker_id not in coordinator.workers.listed


def _make_fleet(hass: HomeAssistant) -> None:
    """Let the fleet entry make itself beside the first miner or pool.

    A fleet that the user disabled stays disabled.
    """
    if fleet_entry(hass) is None:
        discovery_flow.async_create_flow(
            hass, DOMAIN, context={"source": SOURCE_SYSTEM}, data={}
        )


@callback
def _remove_left(hass: HomeAssistant, entry: HmmConfigEntry) -> None:
    """Remove what a miner of another model had and the one in its place does not.

    What it reports only later gets its entity, name and history back.
    """
    waiting, miner = get_data(hass).other_models, entry.runtime_data
    if entry.entry_id not in waiting or not miner.last_update_success:
        return
    assert isinstance(miner, MinerCoordinator)
    waiting.discard(entry.entry_id)
    registry = er.async_get(hass)
    for entity in er.async_entries_for_config_entry(registry, entry.entry_id):
        key = entity.unique_id.removeprefix(f"{entry.unique_id}_")
        if key not in miner.offered:
            registry.async_remove(entity.entity_id)


@callback
def _set_up_fleet(hass: HomeAssistant, entry: FleetConfigEntry) -> None:
    data = get_data(hass)
    fleet = FleetCoordinator(hass, entry, data.fleet, data.energy)
    entry.runtime_data = fleet
    entry.async_on_unload(async_register_sentences(hass, fleet))
    data.money.apply(entry.options)
    # What is counted is as it was; what it costs now may be another thing
    entry.async_on_unload(data.money.async_add_listener(fleet.async_update_listeners))
    # It also shows how many drivers there are
    entry.async_on_unload(
        data.driver_manager.async_add_listener(fleet.async_update_listeners)
    )
    entry.async_on_unload(
        data.failover.async_start(entry, fleet.async_update_listeners)
    )
    entry.async_on_unload(data.firmware.async_start(entry))
    entry.async_on_unload(Rescan(hass, entry).async_start())
    # What comes next hangs on its device
    dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id, **fleet_device(entry)
    )
    entry.async_on_unload(data.strategies.async_start(entry))
    entry.async_on_unload(entry.add_update_listener(_async_fleet_options_changed))


async def _async_fleet_options_changed(
    hass: HomeAssistant, entry: HmmConfigEntry
) -> None:
    """Notify the parts whose options the fleet has; it is not set up again for them."""
    data = get_data(hass)
    data.failover.async_options_changed()
    data.firmware.async_options_changed()
    data.money.apply(entry.options)
    data.strategies.async_entry_changed(entry)


def _driver_missing(
    hass: HomeAssistant, data: HmmData, id_: DriverId
) -> IntegrationError:
    """Return why an entry has no driver: it comes later, is broken or is gone."""
    failed = data.driver_manager.why_missing(id_)
    if failed is None:
        return translated(
            ConfigEntryError, "driver_missing", {"driver": id_.driver_type}
        )
    # The entry is set up again as soon as its driver is loaded
    kind = ConfigEntryNotReady if failed.waiting else ConfigEntryError
    reason = localized(hass, failed.reason)
    return translated(
        kind, "driver_unavailable", {"driver": id_.driver_type, "reason": reason}
    )


async def _async_wait_to_continue(data: HmmData, entry: HmmConfigEntry) -> None:
    """Wait for a turn to add entities. Raises ConfigEntryNotReady if it was disabled.

    Home Assistant adds no entities of an entry that was disabled during its set-up, and
    fails to unload what it has not added.
    """
    await data.turns.wait()
    if entry.disabled_by is not None:
        raise ConfigEntryNotReady


def _make_miner(
    hass: HomeAssistant, data: HmmData, entry: MinerConfigEntry
) -> MinerCoordinator:
    """Return the miner of an entry. Raises IntegrationError: it has no driver."""
    if (driver := data.drivers.miners.get(entry.data[CONF_DRIVER])) is None:
        raise _driver_missing(hass, data, DriverId("miner", entry.data[CONF_DRIVER]))
    client = MinerClient(
        driver.driver_class,
        data.driver_context(
            entry.data.get(CONF_CREDENTIALS, {})
            | ({OWN_RISK: True} if entry.options.get(CONF_OWN_RISK) else {})
        ),
        entry.data[CONF_HOST],
        entry.data.get(CONF_PORT),
    )
    meter = data.energy.meter(entry.entry_id)
    coordinator = MinerCoordinator(
        hass,
        entry,
        client,
        meter,
        data.miner_records,
        data.profiles,
        data.kept,
        data.statuses,
        data.tuning,
    )
    coordinator.autotune = Autotune(
        hass, coordinator, data.autotunes, data.autotune_turns
    )
    return coordinator


async def _async_setup_miner(hass: HomeAssistant, entry: MinerConfigEntry) -> None:
    data = get_data(hass)
    await data.turns.wait()
    async_follow_unique_id(hass, entry)
    await data.profiles.async_take_over(entry)
    coordinator = _make_miner(hass, data, entry)
    # Also if the miner cannot be set up
    entry.async_on_unload(coordinator.client.close)
    assert coordinator.autotune is not None
    entry.async_on_unload(coordinator.autotune.leave)
    if coordinator.profile is None:
        await coordinator.async_config_entry_first_refresh()
    else:
        # Owners switch miners off for hours: a known one gets its entities
        # anyway, unavailable until it answers.
        await coordinator.async_refresh()
    await _async_wait_to_continue(data, entry)
    entry.runtime_data = coordinator
    coordinator.watchdog = Watchdog(
        hass,
        coordinator,
        data.watchdogs,
        data.fleet.many_silent,
        data.fleet.many_lost,
    )
    entry.async_on_unload(data.driver_watch.async_follow(entry))
    entry.async_on_unload(data.fleet.async_add_miner(coordinator))
    entry.async_on_unload(async_watch(coordinator.watchdog, coordinator))
    entry.async_on_unload(async_at_started(hass, coordinator.async_started))
    entry.async_on_unload(async_keep_miner_device(hass, coordinator))
    entry.async_on_unload(async_run_kept(hass, coordinator))


async def _async_setup_pool(hass: HomeAssistant, entry: PoolConfigEntry) -> None:
    data = get_data(hass)
    async_follow_unique_id(hass, entry)
    if (driver := data.drivers.pools.get(entry.data[CONF_DRIVER])) is None:
        raise _driver_missing(hass, data, DriverId("pool", entry.data[CONF_DRIVER]))
    try:
        pool_driver = data.pool_driver(driver)
    except DriverError as err:
        reason = pool_error(err, entry.data[CONF_HOST], entry.title)
        raise translated(ConfigEntryError, *reason) from err
    pool = pool_kind(data, driver.driver_type)
    async_show_wallet_issue(
        hass, entry, is_wallet=pool is not None and pool.form.is_wallet
    )
    coordinator = PoolCoordinator(hass, entry, pool_driver, data.account_records)
    # The flow has looked at the account; a pool that is down now shows as down
    await coordinator.async_refresh()
    await _async_wait_to_continue(data, entry)
    entry.runtime_data = coordinator
    dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id, **pool_device(coordinator)
    )
    coordinator.async_keep_workers(data.fleet.miners)
    entry.async_on_unload(data.driver_watch.async_follow(entry))
    entry.async_on_unload(async_count_earnings(data.money, coordinator))
    entry.async_on_unload(data.fleet.async_add_pool(coordinator))
