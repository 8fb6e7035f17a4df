"""Add miners and pools."""

import asyncio
from collections.abc import Mapping
import hashlib
from ipaddress import IPv4Network
from typing import Any, override

from homeassistant.components import network
from homeassistant.components.switch import DOMAIN as SWITCH_DOMAIN
from homeassistant.config_entries import (
    SOURCE_INTEGRATION_DISCOVERY,
    ConfigEntry,
    ConfigFlow,
    ConfigFlowResult,
    FlowType,
    OptionsFlowWithReload,
)
from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.core import HomeAssistant, callback
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.selector import (
    EntitySelector,
    EntitySelectorConfig,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
from homeassistant.helpers.service_info.dhcp import DhcpServiceInfo
from homeassistant.helpers.service_info.zeroconf import ZeroconfServiceInfo
from homeassistant.setup import async_setup_component
import voluptuous as vol

from .const import (
    CONF_COIN,
    CONF_DRIVER,
    CONF_ENTRY_TYPE,
    CONF_PLUG,
    CONF_POOL_SETTINGS,
    CONF_PROFILE,
    CONF_WALLET,
    DOMAIN,
    HUB_TITLE,
    HUB_UNIQUE_ID,
    EntryType,
)
from .data import HmmData, entry_kind, get_data
from .driver_api import CannotConnect, DriverError
from .driver_api.wallets import check_wallet
from .driver_manager.address import Address, AddressError, parse_address
from .driver_manager.detect import Detected, detect
from .driver_manager.identity import address_id, is_address_id, miner_unique_id
from .driver_manager.pool_client import fetch_tiles
from .driver_manager.pool_files import PoolFile
from .driver_manager.scan import scan
from .errors import translation_key

CONF_DEVICE_HOSTS = "devices"
CONF_POOL = "pool"
CONF_REGION = "region"

ADDRESS_SCHEMA = vol.Schema({vol.Required(CONF_HOST): TextSelector()})
WALLET_SCHEMA = vol.Schema({vol.Required(CONF_WALLET): TextSelector()})

_TEXT = TextSelector()
_SECRET = TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD))
_OPTION_SELECTORS = {
    "admin_user": _TEXT,
    "admin_password": _SECRET,
    "otp_secret": _SECRET,
}


class HmmConfigFlow(ConfigFlow, domain=DOMAIN):
    """Add a miner, a pool, or, by itself, the hub."""

    VERSION = 1

    def __init__(self) -> None:
        """Begin with nothing found and nothing chosen."""
        self._found: tuple[Detected, ...] = ()
        self._scanned: list[Detected] = []
        self._scan_task: asyncio.Task[None] | None = None
        self._pool_files: list[PoolFile] = []
        self._pool_file: PoolFile | None = None
        self._next_flow: tuple[FlowType, str] | None = None

    @classmethod
    @callback
    @override
    def async_supports_options_flow(cls, config_entry: ConfigEntry[Any]) -> bool:
        """Only miners have options."""
        return entry_kind(config_entry) == EntryType.MINER

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry[Any]) -> MinerOptionsFlow:
        """Return the options of a miner."""
        return MinerOptionsFlow()

    @override
    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose what to add."""
        return self.async_show_menu(
            step_id="user", menu_options=["miner", "scan", "pool"]
        )

    async def async_step_system(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Make the hub beside the first miner or pool."""
        await self.async_set_unique_id(HUB_UNIQUE_ID)
        self._abort_if_unique_id_configured()
        return self.async_create_entry(
            title=HUB_TITLE, data={CONF_ENTRY_TYPE: EntryType.HUB}
        )

    # A miner by its address

    async def async_step_miner(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the address; the device tells the rest."""
        errors: dict[str, str] = {}
        placeholders = {"reason": ""}
        if user_input is not None:
            errors, reason = await self._detect(user_input[CONF_HOST])
            placeholders = {"reason": reason}
            if not errors:
                return await self._add_found()
        return self.async_show_form(
            step_id="miner",
            data_schema=self.add_suggested_values_to_schema(ADDRESS_SCHEMA, user_input),
            errors=errors,
            description_placeholders=placeholders,
        )

    async def async_step_driver(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose between drivers that both know the device."""
        if user_input is not None:
            return await self._create_miner(
                next(
                    found
                    for found in self._found
                    if found.driver.driver_type == user_input[CONF_DRIVER]
                )
            )
        return self.async_show_form(
            step_id="driver",
            data_schema=vol.Schema(
                {
                    vol.Required(CONF_DRIVER): _choice(
                        {
                            found.driver.driver_type: _driver_name(found)
                            for found in self._found
                        }
                    )
                }
            ),
        )

    # Miners that are found

    async def async_step_scan(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Look for miners on the network."""
        if self._scan_task is None:
            self._scan_task = self.hass.async_create_task(self._scan())
        if not self._scan_task.done():
            return self.async_show_progress(
                step_id="scan",
                progress_action="scan",
                progress_task=self._scan_task,
            )
        return self.async_show_progress_done(
            next_step_id="scan_result" if self._scanned else "scan_nothing"
        )

    async def async_step_scan_nothing(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Tell that nothing new was found."""
        return self.async_abort(reason="no_devices_found")

    async def async_step_scan_result(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Pick the miners to add; each further one follows in its own dialog."""
        if user_input is not None and user_input[CONF_DEVICE_HOSTS]:
            first, *others = user_input[CONF_DEVICE_HOSTS]
            for host in reversed(others):
                flow = await self.hass.config_entries.flow.async_init(
                    DOMAIN,
                    context={"source": SOURCE_INTEGRATION_DISCOVERY},
                    data={CONF_HOST: host},
                )
                if flow["type"] is FlowResultType.FORM:
                    self._next_flow = (FlowType.CONFIG_FLOW, flow["flow_id"])
            self._found = tuple(
                found for found in self._scanned if found.client.host == first
            )
            return await self._add_found()
        return self.async_show_form(
            step_id="scan_result",
            data_schema=vol.Schema(
                {
                    vol.Required(
                        CONF_DEVICE_HOSTS,
                        default=[found.client.host for found in self._scanned],
                    ): _choice(
                        {
                            found.client.host: (
                                f"{_model_name(found)} ({found.client.host})"
                            )
                            for found in self._scanned
                        },
                        multiple=True,
                    )
                }
            ),
        )

    @override
    async def async_step_dhcp(
        self, discovery_info: DhcpServiceInfo
    ) -> ConfigFlowResult:
        """Follow a known miner to its new address, or offer a new one."""
        await self.async_set_unique_id(dr.format_mac(discovery_info.macaddress))
        self._abort_if_unique_id_configured(updates={CONF_HOST: discovery_info.ip})
        return await self._offer(discovery_info.ip)

    @override
    async def async_step_zeroconf(
        self, discovery_info: ZeroconfServiceInfo
    ) -> ConfigFlowResult:
        """Offer a miner that announces itself."""
        if (address := discovery_info.ip_address).version != 4:
            return self.async_abort(reason="address_ipv6")
        # It announces itself again and again; a known one is not asked each time
        self._async_abort_entries_match({CONF_HOST: str(address)})
        return await self._offer(str(address))

    async def async_step_integration_discovery(
        self, discovery_info: dict[str, Any]
    ) -> ConfigFlowResult:
        """Offer a miner that broadcasts or was found by a scan."""
        return await self._offer(discovery_info[CONF_HOST])

    async def async_step_discovery_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Add a found miner only when its owner says so."""
        if user_input is not None:
            return await self._add_found()
        found = self._found[0]
        self._set_confirm_only()
        return self.async_show_form(
            step_id="discovery_confirm",
            description_placeholders={
                "name": _model_name(found),
                "host": found.client.host,
            },
        )

    # Pools

    async def async_step_pool(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose a pool and a coin."""
        data = await _async_data(self.hass)
        groups: dict[str, list[PoolFile]] = {}
        for pool_file in data.pool_files.files.values():
            groups.setdefault(_group_name(data, pool_file), []).append(pool_file)
        if user_input is not None:
            self._pool_files = groups[user_input[CONF_POOL]]
            return await self.async_step_pool_region()
        return self.async_show_form(
            step_id="pool",
            data_schema=vol.Schema(
                {vol.Required(CONF_POOL): _choice({name: name for name in groups})}
            ),
        )

    async def async_step_pool_region(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose a server, if there is a choice."""
        if user_input is None and len(self._pool_files) > 1:
            return self.async_show_form(
                step_id="pool_region", data_schema=_region_schema(self._pool_files)
            )
        self._pool_file = _chosen(self._pool_files, user_input)
        return await self.async_step_pool_account()

    async def async_step_pool_account(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the wallet and look whether the pool answers."""
        assert self._pool_file is not None
        template = self._pool_file.template
        errors: dict[str, str] = {}
        placeholders = {"pool": template.display_name, "reason": ""}
        if user_input is not None:
            wallet = ""
            try:
                wallet = check_wallet(template.coin, user_input[CONF_WALLET])
                await self._ask_pool(self._pool_file, wallet)
            except DriverError as err:
                if wallet:
                    errors["base"] = "pool_down"
                else:
                    errors[CONF_WALLET] = "wallet_invalid"
                placeholders["reason"] = str(err)
            else:
                driver_type = self._pool_file.driver_type
                await self.async_set_unique_id(_account_id(self._pool_file, wallet))
                self._abort_if_unique_id_configured()
                data = get_data(self.hass)
                return self.async_create_entry(
                    title=self._free_title(
                        _group_name(data, self._pool_file).replace(" · ", " ")
                    ),
                    data={
                        CONF_ENTRY_TYPE: EntryType.POOL,
                        CONF_DRIVER: driver_type,
                        CONF_COIN: template.coin,
                        CONF_WALLET: wallet,
                        **_server(self._pool_file),
                    },
                )
        return self.async_show_form(
            step_id="pool_account",
            data_schema=self.add_suggested_values_to_schema(WALLET_SCHEMA, user_input),
            errors=errors,
            description_placeholders=placeholders,
        )

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
                return self.async_abort(reason="hub_has_no_settings")

    async def async_step_reconfigure_miner(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the new address; it must be the same miner."""
        entry = self._get_reconfigure_entry()
        errors: dict[str, str] = {}
        placeholders = {"name": entry.title, "reason": ""}
        if user_input is not None:
            errors, placeholders["reason"] = await self._detect(user_input[CONF_HOST])
            if not errors:
                return await self._move_miner(entry)
        port = entry.data.get(CONF_PORT)
        current = entry.data[CONF_HOST] + (f":{port}" if port else "")
        return self.async_show_form(
            step_id="reconfigure_miner",
            data_schema=self.add_suggested_values_to_schema(
                ADDRESS_SCHEMA, user_input or {CONF_HOST: current}
            ),
            errors=errors,
            description_placeholders=placeholders,
        )

    async def async_step_reconfigure_pool(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose another server of the same pool and coin."""
        entry = self._get_reconfigure_entry()
        data = await _async_data(self.hass)
        files = [
            pool_file
            for pool_file in data.pool_files.files.values()
            if pool_file.driver_type == entry.data[CONF_DRIVER]
            and pool_file.template.coin == entry.data[CONF_COIN]
        ]
        if not files:
            return self.async_abort(reason="pool_file_gone")
        errors: dict[str, str] = {}
        reason = ""
        if user_input is not None:
            pool_file = _chosen(files, user_input)
            try:
                await self._ask_pool(pool_file, entry.data[CONF_WALLET])
            except DriverError as err:
                errors["base"] = "pool_down"
                reason = str(err)
            else:
                return self.async_update_reload_and_abort(
                    entry, data_updates=_server(pool_file)
                )
        return self.async_show_form(
            step_id="reconfigure_pool",
            data_schema=_region_schema(files),
            errors=errors,
            description_placeholders={"name": entry.title, "reason": reason},
        )

    async def async_step_reauth(
        self, entry_data: Mapping[str, Any]
    ) -> ConfigFlowResult:
        """Ask again for what a miner refused."""
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the credentials that the driver of the miner uses."""
        entry = self._get_reauth_entry()
        if user_input is not None:
            return self.async_update_reload_and_abort(
                entry, options={**entry.options, **user_input}
            )
        data = await _async_data(self.hass)
        return self.async_show_form(
            step_id="reauth_confirm",
            data_schema=vol.Schema(_credential_fields(data, entry)),
            description_placeholders={"name": entry.title},
        )

    # Shared by the steps

    async def _detect(self, typed: str) -> tuple[dict[str, str], str]:
        """Find out what is at an address; return form errors and the reason."""
        try:
            address = parse_address(typed)
        except AddressError as err:
            return {CONF_HOST: err.fault}, ""
        return await self._detect_at(address)

    async def _detect_at(self, address: Address) -> tuple[dict[str, str], str]:
        data = await _async_data(self.hass)
        detection = await detect(
            data.drivers.miners.values(),
            data.driver_context(),
            address.host,
            address.port,
        )
        for found in detection.found:
            await found.client.close()
        self._found = detection.found
        if (error := detection.error) is None:
            return {}, ""
        return {"base": translation_key(error)}, str(error)

    async def _offer(self, host: str) -> ConfigFlowResult:
        """Ask a found device who it is and show it to the user."""
        errors, _ = await self._detect_at(Address(host))
        if errors:
            return self.async_abort(reason=errors["base"])
        found = self._found[0]
        await self.async_set_unique_id(_unique_id(found))
        self._abort_if_unique_id_configured(updates={CONF_HOST: host})
        self.context["title_placeholders"] = {"name": _model_name(found)}
        return await self.async_step_discovery_confirm()

    async def _add_found(self) -> ConfigFlowResult:
        """Add the device that was found, as what its owner says if two drivers fit."""
        if len(self._found) > 1:
            return await self.async_step_driver()
        return await self._create_miner(self._found[0])

    async def _create_miner(self, found: Detected) -> ConfigFlowResult:
        address = {CONF_HOST: found.client.host, CONF_PORT: found.client.port}
        await self.async_set_unique_id(_unique_id(found), raise_on_progress=False)
        self._abort_if_unique_id_configured(updates=address)
        return self.async_create_entry(
            title=self._free_title(_model_name(found), found.profile.facts.mac),
            data={
                CONF_ENTRY_TYPE: EntryType.MINER,
                CONF_DRIVER: found.driver.driver_type,
                CONF_PROFILE: found.profile.as_dict(),
                **address,
            },
            next_flow=self._next_flow,
        )

    async def _move_miner(self, entry: ConfigEntry[Any]) -> ConfigFlowResult:
        """Point an entry at a new address, if it is the same miner."""
        found = next(
            (
                found
                for found in self._found
                if found.driver.driver_type == entry.data[CONF_DRIVER]
            ),
            self._found[0],
        )
        unique_id = _unique_id(found)
        await self.async_set_unique_id(unique_id, raise_on_progress=False)
        before = entry.unique_id or ""
        if not is_address_id(before):
            self._abort_if_unique_id_mismatch(reason="wrong_device")
        elif unique_id != before:
            self._abort_if_unique_id_configured()
            self._rename_entities(entry, before, unique_id)
        return self.async_update_reload_and_abort(
            entry,
            unique_id=unique_id,
            data_updates={
                CONF_DRIVER: found.driver.driver_type,
                CONF_HOST: found.client.host,
                CONF_PORT: found.client.port,
                CONF_PROFILE: found.profile.as_dict(),
            },
        )

    def _rename_entities(
        self, entry: ConfigEntry[Any], before: str, unique_id: str
    ) -> None:
        """Keep the entities of a miner that is known by its address, and moved."""
        entities = er.async_get(self.hass)
        for entity in er.async_entries_for_config_entry(entities, entry.entry_id):
            entities.async_update_entity(
                entity.entity_id,
                new_unique_id=unique_id + entity.unique_id.removeprefix(before),
            )
        devices = dr.async_get(self.hass)
        for device in dr.async_entries_for_config_entry(devices, entry.entry_id):
            devices.async_update_device(
                device.id, new_identifiers={(DOMAIN, unique_id)}
            )

    async def _scan(self) -> None:
        data = await _async_data(self.hass)
        networks = [
            IPv4Network(f"{address['address']}/{address['network_prefix']}", False)
            for adapter in await network.async_get_adapters(self.hass)
            if adapter["enabled"]
            for address in adapter["ipv4"]
        ]
        known = {
            entry.data[CONF_HOST]
            for entry in self._async_current_entries()
            if entry_kind(entry) == EntryType.MINER
        }
        self._scanned = await scan(
            networks, list(data.drivers.miners.values()), data.driver_context(), known
        )

    async def _ask_pool(self, pool_file: PoolFile, wallet: str) -> None:
        """Raise what is wrong with a pool; a wallet unknown to it is not wrong."""
        data = await _async_data(self.hass)
        template = pool_file.template
        tiles = await fetch_tiles(
            data.pool_driver(data.drivers.pools[pool_file.driver_type]),
            url=template.url,
            port=template.port,
            coin=template.coin,
            username=wallet,
            settings=pool_file.settings,
        )
        if not tiles.health_status:
            raise CannotConnect(tiles.health_message or "")

    def _free_title(self, name: str, mac: str | None = None) -> str:
        """Return a name that no other entry has, short enough to speak."""
        taken = {entry.title for entry in self._async_current_entries()}
        if name in taken and mac:
            name = f"{name} {mac.replace(':', '')[-4:].upper()}"
        number = 2
        free = name
        while free in taken:
            free = f"{name} {number}"
            number += 1
        return free


class MinerOptionsFlow(OptionsFlowWithReload):
    """The plug that a miner hangs on, and what it asks for on changes."""

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show all options of the miner's driver."""
        if user_input is not None:
            kept = {
                key: value
                for key, value in self.config_entry.options.items()
                if key not in (CONF_PLUG, *_OPTION_SELECTORS)
            }
            return self.async_create_entry(data={**kept, **user_input})
        fields: dict[vol.Marker, Any] = {
            vol.Optional(CONF_PLUG): EntitySelector(
                EntitySelectorConfig(
                    domain=SWITCH_DOMAIN, exclude_entities=_own_switches(self.hass)
                )
            ),
            **_credential_fields(await _async_data(self.hass), self.config_entry),
        }
        return self.async_show_form(
            step_id="init",
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema(fields), self.config_entry.options
            ),
        )


async def _async_data(hass: HomeAssistant) -> HmmData:
    """Return the shared data; a flow may come before any entry is set up."""
    await async_setup_component(hass, DOMAIN, {})
    return get_data(hass)


def _credential_fields(
    data: HmmData, entry: ConfigEntry[Any]
) -> dict[vol.Marker, TextSelector]:
    """Return the form fields for what the driver of a miner may need."""
    driver = data.drivers.miners.get(entry.data[CONF_DRIVER])
    names = driver.driver_class.option_fields if driver else ()
    return {
        vol.Optional(name): _OPTION_SELECTORS[name]
        for name in names
        if name in _OPTION_SELECTORS
    }


def _own_switches(hass: HomeAssistant) -> list[str]:
    """Return the mining switches: none of them is a plug."""
    return [
        entity.entity_id
        for entity in er.async_get(hass).entities.values()
        if entity.platform == DOMAIN and entity.domain == SWITCH_DOMAIN
    ]


def _choice(options: dict[str, str], *, multiple: bool = False) -> SelectSelector:
    return SelectSelector(
        SelectSelectorConfig(
            options=[
                SelectOptionDict(value=value, label=label)
                for value, label in options.items()
            ],
            mode=SelectSelectorMode.LIST,
            multiple=multiple,
        )
    )


def _region_schema(files: list[PoolFile]) -> vol.Schema:
    return vol.Schema(
        {
            vol.Required(CONF_REGION): _choice(
                {
                    pool_file.template.template_id: (
                        pool_file.template.region or pool_file.template.display_name
                    )
                    for pool_file in files
                }
            )
        }
    )


def _chosen(files: list[PoolFile], user_input: dict[str, Any] | None) -> PoolFile:
    """Return the pool file of the chosen region, the only one without a choice."""
    if user_input is None:
        return files[0]
    return next(
        pool_file
        for pool_file in files
        if pool_file.template.template_id == user_input[CONF_REGION]
    )


def _server(pool_file: PoolFile) -> dict[str, Any]:
    return {
        CONF_HOST: pool_file.template.url,
        CONF_PORT: pool_file.template.port,
        CONF_POOL_SETTINGS: pool_file.settings,
    }


def _group_name(data: HmmData, pool_file: PoolFile) -> str:
    """Return a name as "Solopool.org · DGB"."""
    driver = data.drivers.pools[pool_file.driver_type].driver_class
    return f"{driver.display_name or driver.driver_type} · {pool_file.template.coin}"


def _unique_id(found: Detected) -> str:
    return miner_unique_id(found.profile.facts) or address_id(
        found.client.host, found.client.port
    )


def _account_id(pool_file: PoolFile, wallet: str) -> str:
    """Return an id that does not tell the wallet: ids are logged here and there.

    All servers of a pool have the same account, pools of one's own have not.
    """
    own_server = str(pool_file.settings.get("api_base", ""))
    coin = pool_file.template.coin.lower()
    digest = hashlib.sha256(f"{wallet} {own_server}".encode()).hexdigest()[:16]
    return f"{pool_file.driver_type}_{coin}_{digest}"


def _driver_name(found: Detected) -> str:
    return found.driver.driver_class.display_name or found.driver.driver_type


def _model_name(found: Detected) -> str:
    return found.profile.facts.model or _driver_name(found)
