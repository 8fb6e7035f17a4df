"""Add miners and pools."""

from collections.abc import Mapping
from typing import Any, override

from homeassistant.config_entries import (
    ConfigFlowResult,
    ConfigSubentryFlow,
    OptionsFlow,
)
from homeassistant.const import CONF_HOST
from homeassistant.core import callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.service_info.dhcp import DhcpServiceInfo
from homeassistant.helpers.service_info.zeroconf import ZeroconfServiceInfo
from homeassistant.helpers.translation import async_get_translations

from . import migration
from .const import CONF_ENTRY_TYPE, DOMAIN, FLEET_UNIQUE_ID, EntryType
from .data import HmmConfigEntry, HmmData, entry_kind
from .fleet.failover_flow import PoolOrderSteps
from .fleet_options import FleetOptionsFlow
from .flow_tools import already_configured, async_shared_data, ending
from .hmm_local.flow import CONF_IMPORT, FoundMiner, FoundPool, ImportSteps
from .markdown import escaping
from .miner.discovery import may_be_contacted
from .miner.flow import CONF_CHOSEN, MinerSteps
from .miner.options_flow import MinerOptionsFlow
from .pool.flow import PoolSteps
from .pool.options_flow import PoolOptionsFlow
from .strategy.bands_flow import BandsFlow
from .strategy.calendar_flow import CalendarFlow
from .strategy.champion_flow import ChampionFlow
from .strategy.heat_flow import HeatFlow
from .strategy.solar_flow import SolarFlow

_STRATEGIES = (BandsFlow, ChampionFlow, SolarFlow, HeatFlow, CalendarFlow)


@ending
class _MinerOptions(PoolOrderSteps, MinerOptionsFlow):
    """The options of a miner, with what the fleet brings to them."""


@ending
@escaping
class HmmConfigFlow(MinerSteps, PoolSteps, ImportSteps, domain=DOMAIN):
    """Add a miner, a pool, or, automatically, the fleet."""

    VERSION = migration.VERSION
    MINOR_VERSION = migration.MINOR_VERSION

    @classmethod
    @callback
    @override
    def async_supports_options_flow(cls, config_entry: HmmConfigEntry) -> bool:
        """All have them but devices that are ignored."""
        return entry_kind(config_entry) is not None

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: HmmConfigEntry) -> OptionsFlow:
        """Return the options of a miner, a pool or the fleet."""
        match entry_kind(config_entry):
            case EntryType.FLEET:
                return FleetOptionsFlow()
            case EntryType.POOL:
                return PoolOptionsFlow()
        return _MinerOptions()

    @classmethod
    @callback
    @override
    def async_get_supported_subentry_types(
        cls, config_entry: HmmConfigEntry
    ) -> dict[str, type[ConfigSubentryFlow]]:
        """Return what can be added to the fleet: its strategies."""
        if entry_kind(config_entry) != EntryType.FLEET:
            return {}
        return {flow.kind: flow for flow in _STRATEGIES}

    @override
    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose what to add."""
        # Broadcasts are heard from now on, while the address is being typed
        await async_shared_data(self.hass)
        return self.async_show_menu(
            step_id="user",
            menu_options=["miner", "scan", "scan_range", "pool", "import_hmm_local"],
        )

    async def async_step_system(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Make the fleet beside the first miner or pool."""
        if (fleet := await self.async_set_unique_id(FLEET_UNIQUE_ID)) is not None:
            raise already_configured(fleet)
        texts = await async_get_translations(
            self.hass, self.hass.config.language, "device", {DOMAIN}
        )
        return self.async_create_entry(
            title=texts[f"component.{DOMAIN}.device.fleet.name"],
            data={CONF_ENTRY_TYPE: EntryType.FLEET},
        )

    @override
    async def async_step_dhcp(
        self, discovery_info: DhcpServiceInfo
    ) -> ConfigFlowResult:
        """Follow a known miner to its new address, or offer a new one."""
        if not may_be_contacted(discovery_info.ip):
            return self.async_abort(reason="address_elsewhere")
        entry = await self.async_set_unique_id(dr.format_mac(discovery_info.macaddress))
        if entry is not None:
            await self._abort_with(entry, {CONF_HOST: discovery_info.ip})
        return await self._offer(discovery_info.ip)

    @override
    async def async_step_zeroconf(
        self, discovery_info: ZeroconfServiceInfo
    ) -> ConfigFlowResult:
        """Offer a miner that announces itself."""
        if (address := discovery_info.ip_address).version != 4:
            return self.async_abort(reason="address_ipv6")
        if not may_be_contacted(str(address)):
            return self.async_abort(reason="address_elsewhere")
        # It announces itself again and again; a known one is not queried each time
        entries = self._async_current_entries(include_ignore=False)
        at_address = (e for e in entries if e.data.get(CONF_HOST) == str(address))
        if (known := next(at_address, None)) is not None:
            raise already_configured(known)
        return await self._offer(str(address))

    async def async_step_integration_discovery(
        self, discovery_info: dict[str, Any]
    ) -> ConfigFlowResult:
        """Offer a miner that broadcasts or was found by a scan, or an import."""
        if CONF_IMPORT in discovery_info:
            return await self.async_begin_queued(discovery_info)
        if CONF_CHOSEN in discovery_info:
            return await self.async_add_chosen(discovery_info)
        return await self._offer(discovery_info[CONF_HOST])

    # What was imported is added by the steps of miners and pools

    @override
    async def async_add_imported(
        self, chosen: FoundMiner | FoundPool
    ) -> ConfigFlowResult:
        if isinstance(chosen, FoundMiner):
            self._is_chosen = True
            self._found = chosen.devices
            return await self._add_found()
        self._known, self._called = chosen.item.settings, chosen.item.name
        return await self._add_mined(chosen.mined, list(chosen.matches))

    @override
    async def async_is_set_up(self, data: HmmData, pool: FoundPool) -> bool:
        return await self._is_set_up(data, pool.mined, list(pool.matches))

    # Changes

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Change the address of a miner or the server of a pool."""
        match entry_kind(self._get_reconfigure_entry()):
            case EntryType.MINER:
                return await self.async_step_reconfigure_miner()
            case EntryType.POOL:
                return await self.async_step_reconfigure_pool()
            case _:
                return self.async_abort(reason="fleet_has_no_settings")

    async def async_step_reauth(
        self, entry_data: Mapping[str, Any]
    ) -> ConfigFlowResult:
        """Ask again for what a miner or a pool refused."""
        if entry_kind(self._get_reauth_entry()) == EntryType.POOL:
            return await self.async_step_reauth_pool()
        return await self.async_step_reauth_confirm()
