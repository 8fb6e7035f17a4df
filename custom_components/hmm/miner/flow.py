"""The steps of miners in the config flow: found, chosen, added, changed."""

import asyncio
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address
from typing import Any, NoReturn

from homeassistant.config_entries import (
    SOURCE_IGNORE,
    SOURCE_USER,
    ConfigEntryState,
    ConfigFlowResult,
)
from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.data_entry_flow import AbortFlow
from homeassistant.helpers.selector import BooleanSelector, TextSelector
import voluptuous as vol

from ..const import (
    CONF_CREDENTIALS,
    CONF_DRIVER,
    CONF_ENTRY_TYPE,
    CONF_OWN_RISK,
    CONF_POWER_DRAW,
    CONF_PROFILE,
    EntryType,
)
from ..data import HmmConfigEntry, HmmData
from ..driver_api import AuthRequired, BaseMinerAdapter, DeviceFacts
from ..driver_api.addresses import resolve
from ..driver_engine.address import Address, AddressError, parse_address
from ..driver_engine.declaration import DriverId
from ..driver_engine.detect import Detected, detect
from ..driver_engine.identity import device_ids, facts_of, is_address_id, is_same_device
from ..driver_engine.loaded import LoadedDriver
from ..driver_engine.scan import is_too_large
from ..errors import Placeholders, form_error, localized
from ..flow_tools import (
    ADDRESS_SCHEMA,
    QueueSteps,
    already_configured,
    async_end_progress,
    async_shared_data,
    async_start_progress,
    choice,
    free_title,
)
from ..markdown import Markdown, async_delete_issues_of, escape
from ..unique_ids import async_change_unique_id, async_holder, is_better_id
from .login import login_fields, login_names, login_of, read_login, try_login
from .search import async_entry_of, async_own_networks, async_search, read_range
from .watchdog_rules import WatchdogRecord

CONF_CHOSEN = "chosen"
CONF_DEVICE_HOSTS = "devices"
CONF_NEXT_FLOW = "next_flow"
CONF_OTHER_KIND = "other_kind"
CONF_RANGE = "range"


type _MinerForm = tuple[dict[str, Any] | None, dict[str, str], Placeholders]
"""What was entered, the errors, and their texts."""


class MinerSteps(QueueSteps):
    """Adds miners and changes them."""

    def __init__(self) -> None:
        """Begin with nothing found and nothing chosen."""
        super().__init__()
        self._found: tuple[Detected, ...] = ()
        self._scanned: list[Detected] = []
        self._scan_task: asyncio.Task[None] | None = None
        self._hosts: list[str] | None = None
        """Which addresses are looked at, None for the networks of Home Assistant."""
        self._is_chosen = False
        """Whether its owner has picked the miner already."""
        self._opening: _MinerForm = None, {}, {}
        """What the form for the address shows when it is opened."""
        self._typed_range = ""
        self._successor: Detected | None = None
        self._other_address = Address("")
        self._other: list[DriverId] = []
        self._login: dict[str, str] = {}
        self._load_task: asyncio.Task[None] | None = None

    # A miner by its address

    async def async_step_miner(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Prompt for the address; the device reports the rest."""
        if user_input is None:
            return self._show_miner(*self._opening)
        if user_input.get(CONF_OTHER_KIND):
            return await self._start_other(user_input)
        self._login = {}
        errors, texts = await self._detect(user_input[CONF_HOST])
        if errors:
            return self._show_miner(user_input, errors, texts)
        return await self._add_found()

    def _show_miner(
        self,
        user_input: dict[str, Any] | None,
        errors: dict[str, str],
        texts: Placeholders,
    ) -> ConfigFlowResult:
        """Show the form for the address; what no driver knows may be of another kind."""
        schema = ADDRESS_SCHEMA
        if "base" in errors:
            schema = schema.extend(
                {vol.Optional(CONF_OTHER_KIND, default=False): BooleanSelector()}
            )
        return self.async_show_form(
            step_id="miner",
            data_schema=self.add_suggested_values_to_schema(schema, user_input),
            errors=errors,
            description_placeholders=texts,
        )

    # A miner whose driver needs a package

    async def _start_other(self, user_input: dict[str, Any]) -> ConfigFlowResult:
        try:
            self._other_address = parse_address(user_input[CONF_HOST])
        except AddressError as err:
            return self._show_miner(user_input, {CONF_HOST: err.fault}, {})
        return await self.async_step_other_miner()

    async def async_step_other_miner(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask before a package is installed, and for the login of the miner."""
        data = await async_shared_data(self.hass)
        optional = data.driver_manager.optional
        self._other = [id_ for id_ in optional if id_.kind == "miner"]
        if user_input is not None:
            self._login = read_login(user_input, {})
            self._load_task = None
            return await self.async_step_other_install()
        return self.async_show_form(
            step_id="other_miner",
            data_schema=vol.Schema(login_fields(("admin_user", "admin_password"))),
            description_placeholders={
                "host": self._other_address.host,
                "packages": ", ".join(
                    text for id_ in self._other for text in optional[id_].requirements
                ),
            },
        )

    async def async_step_other_install(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Have Home Assistant install the package; that may take minutes."""
        if self._load_task is None:
            self._load_task = async_start_progress(self, self._load_other())
        if not self._load_task.done():
            return self.async_show_progress(
                step_id="other_install",
                progress_action="other_install",
                progress_task=self._load_task,
            )
        self._load_task.result()  # A bug of ours is not to end as "nothing found"
        return self.async_show_progress_done(next_step_id="other_detect")

    async def async_step_other_detect(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask the miner who it is, with the drivers that are there now."""
        async_end_progress(self)
        data = await async_shared_data(self.hass)
        address = self._other_address
        typed = f"{address.host}:{address.port}" if address.port else address.host
        drivers = [
            driver
            for id_ in self._other
            if (driver := data.drivers.miners.get(id_.driver_type)) is not None
        ]
        errors: dict[str, str] = {}
        texts: Placeholders = {}
        if drivers:
            errors, texts = await self._detect_at(address, drivers)
        else:
            failed = map(data.driver_manager.why_missing, self._other)
            texts["reason"] = "; ".join(
                localized(self.hass, failure.reason)
                for failure in failed
                if failure is not None
            )
            errors["base"] = "install_failed"
        if errors:
            return self._show_miner({CONF_HOST: typed}, errors, texts)
        return await self._add_found()

    async def _load_other(self) -> None:
        data = await async_shared_data(self.hass)
        for id_ in self._other:
            await data.driver_manager.async_load_optional(id_)

    async def async_step_driver(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose between drivers that both know the device."""
        if user_input is not None:
            return await self._create_miner(
                next(
                    device
                    for device in self._found
                    if device.driver.driver_type == user_input[CONF_DRIVER]
                )
            )
        return self.async_show_form(
            step_id="driver",
            data_schema=vol.Schema(
                {
                    vol.Required(CONF_DRIVER): choice(
                        {
                            device.driver.driver_type: device.driver_name
                            for device in self._found
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
            self._scan_task = async_start_progress(self, self._scan())
        if not self._scan_task.done():
            return self.async_show_progress(
                step_id="scan",
                progress_action="scan",
                progress_task=self._scan_task,
            )
        self._scan_task.result()
        return self.async_show_progress_done(
            next_step_id="scan_result" if self._scanned else "scan_nothing"
        )

    async def async_step_scan_range(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Prompt for another network, or a range of addresses."""
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                self._hosts = read_range(user_input[CONF_RANGE])
            except AddressError as err:
                errors[CONF_RANGE] = err.fault
            else:
                self._typed_range, self._scan_task = user_input[CONF_RANGE], None
                return await self.async_step_scan()
        return await self._show_range(user_input, errors)

    async def _show_range(
        self, user_input: dict[str, Any] | None, errors: dict[str, str]
    ) -> ConfigFlowResult:
        networks = map(str, await async_own_networks(self.hass))
        return self.async_show_form(
            step_id="scan_range",
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema({vol.Required(CONF_RANGE): TextSelector()}), user_input
            ),
            errors=errors,
            description_placeholders={"networks": ", ".join(networks)},
        )

    async def async_step_scan_nothing(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show that nothing new was found; another range may be typed."""
        if self._hosts is not None:
            typed = {CONF_RANGE: self._typed_range}
            return await self._show_range(typed, {"base": "range_nothing"})
        if any(map(is_too_large, await async_own_networks(self.hass))):
            return await self._show_range(None, {"base": "range_own_too_large"})
        return self.async_abort(reason="no_devices_found")

    async def async_step_scan_result(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Pick the miners to add, which are all added."""
        if user_input is not None and user_input[CONF_DEVICE_HOSTS]:
            first, *others = dict.fromkeys(user_input[CONF_DEVICE_HOSTS])
            # One after the other: each takes a name that no other has
            for host in others:
                await self._queue(
                    {
                        CONF_HOST: host,
                        CONF_CHOSEN: True,
                        CONF_NEXT_FLOW: self._next_flow,
                    }
                )
            self._is_chosen = True
            self._found = tuple(
                device for device in self._scanned if device.client.host == first
            )
            return await self._add_found()
        # Once, also where two drivers fit
        miners = {device.client.host: device for device in reversed(self._scanned)}
        miners = dict(sorted(miners.items(), key=lambda item: IPv4Address(item[0])))
        schema = {
            vol.Required(CONF_DEVICE_HOSTS, default=list(miners)): choice(
                {host: _label(device) for host, device in miners.items()}, multiple=True
            )
        }
        return self.async_show_form(
            step_id="scan_result",
            data_schema=vol.Schema(schema),
            description_placeholders={
                "miners": Markdown("\n".join(map(_row, miners.values())))
            },
        )

    async def async_add_chosen(self, chosen: Mapping[str, Any]) -> ConfigFlowResult:
        """Add a miner that was picked with others; ask only where that fails."""
        self._is_chosen = True
        self._next_flow = chosen[CONF_NEXT_FLOW]
        host = chosen[CONF_HOST]
        errors, texts = await self._detect_at(Address(host))
        name = host if errors else _label(self._found[0])
        self.context["title_placeholders"] = {"name": name}
        if errors:
            # It was found a moment ago: its owner waits for it, and may try again
            self._opening = {CONF_HOST: host}, errors, texts
            return await self.async_step_miner()
        return await self._add_found()

    async def async_step_discovery_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Add a found miner only when its owner confirms it."""
        if user_input is not None:
            return await self._add_found()
        device = self._found[0]
        self._set_confirm_only()
        return self.async_show_form(
            step_id="discovery_confirm",
            description_placeholders={
                "name": device.model,
                "host": device.client.host,
            },
        )

    async def async_step_reconfigure_miner(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Prompt for the new address; another miner there may take its place."""
        entry = self._get_reconfigure_entry()
        errors: dict[str, str] = {}
        texts: Placeholders = {}
        if user_input is not None:
            errors, texts = await self._detect_for(entry, user_input[CONF_HOST])
            if not errors:
                device = self._found_for(entry)
                other = await async_entry_of(self.hass, device, but=entry)
                if other is None or other.source == SOURCE_IGNORE:
                    return await self._move_miner(entry, device)
                errors["base"] = "other_entry"
                texts = {"other": other.title}
        port = entry.data.get(CONF_PORT)
        current = entry.data[CONF_HOST] + (f":{port}" if port else "")
        return self.async_show_form(
            step_id="reconfigure_miner",
            data_schema=self.add_suggested_values_to_schema(
                ADDRESS_SCHEMA, user_input or {CONF_HOST: current}
            ),
            errors=errors,
            description_placeholders={**texts, "name": entry.title},
        )

    async def async_step_reauth_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Prompt for the credentials that the driver of the miner uses."""
        entry = self._get_reauth_entry()
        data = await async_shared_data(self.hass)
        if not (names := login_names(data, entry)):
            return self.async_abort(reason="driver_fault")
        stored = login_of(entry)
        errors: dict[str, str] = {}
        texts: Placeholders = {}
        if user_input is not None:
            login = read_login(user_input, stored)
            errors, texts, is_accepted = await try_login(data, entry, login)
            if not errors and not is_accepted and login == stored:
                # It may be wrong, and it was refused
                errors["base"] = "login_missing"
            if not errors:
                return self.async_update_reload_and_abort(
                    entry,
                    data_updates={CONF_CREDENTIALS: login},
                    reason="reauth_successful" if is_accepted else "login_untried",
                )
        return self.async_show_form(
            step_id="reauth_confirm",
            data_schema=vol.Schema(login_fields(names)),
            errors=errors,
            description_placeholders={**texts, "name": entry.title},
        )

    # Shared by the steps

    async def _detect(
        self,
        typed: str,
        drivers: Iterable[LoadedDriver[BaseMinerAdapter]] | None = None,
    ) -> tuple[dict[str, str], Placeholders]:
        """Find out what is at an address; return form errors and their texts."""
        try:
            address = parse_address(typed)
        except AddressError as err:
            return {CONF_HOST: err.fault}, {}
        return await self._detect_at(address, drivers)

    async def _detect_for(
        self, entry: HmmConfigEntry, typed: str
    ) -> tuple[dict[str, str], Placeholders]:
        """Find out whether an entry's miner is at an address, or what else is.

        Some say nothing without their login, which no other driver gets.
        """
        data = await async_shared_data(self.hass)
        driver = data.drivers.miners.get(entry.data[CONF_DRIVER])
        if driver is not None and (login := login_of(entry)):
            self._login = {**login}
            errors, _ = await self._detect(typed, [driver])
            self._login = {}
            if not errors:
                return {}, {}
        return await self._detect(typed)

    async def _detect_at(
        self,
        address: Address,
        drivers: Iterable[LoadedDriver[BaseMinerAdapter]] | None = None,
    ) -> tuple[dict[str, str], Placeholders]:
        """Ask some drivers, or all, who is there."""
        data = await async_shared_data(self.hass)
        detection = await detect(
            data.drivers.miners.values() if drivers is None else drivers,
            data.driver_context({**self._login}),
            address.host,
            address.port,
        )
        for device in detection.devices:
            await device.client.close()
        self._found = detection.devices
        if (error := detection.error) is None:
            return {}, {}
        key, texts = form_error(error, address.host)
        return {"base": key}, texts

    async def _offer(self, host: str) -> ConfigFlowResult:
        """Ask a found device who it is and show it to the user."""
        announced = (await async_shared_data(self.hass)).announced
        if announced.is_full:
            return self.async_abort(reason="not_offered")
        async with announced.turn():
            errors, _ = await self._detect_at(Address(host))
        if errors:
            return self.async_abort(reason="not_offered")
        return await self._offer_found()

    async def _offer_found(self) -> ConfigFlowResult:
        device = self._found[0]
        await self.async_set_unique_id(device.unique_id)
        await self._abort_if_configured(device)
        self.context["title_placeholders"] = {
            "name": f"{device.model} ({device.client.host})"
        }
        return await self.async_step_discovery_confirm()

    # Whose device it is

    async def _abort_if_configured(self, device: Detected) -> None:
        """End the flow of a device that an entry has; the entry follows its device."""
        if (entry := await async_entry_of(self.hass, device)) is None:
            return
        if entry.source == SOURCE_IGNORE and (
            self._is_chosen or self.source == SOURCE_USER
        ):
            return
        unique_id = device.unique_id
        if (
            not is_address_id(unique_id)
            and is_better_id(unique_id, entry.unique_id or "")
            and async_holder(self.hass, entry, unique_id) is None
        ):
            self.context["unique_id"] = None  # This dialog is not one to dismiss
            async_change_unique_id(self.hass, entry, unique_id)
        await self._abort_with(
            entry, {CONF_HOST: device.client.host, CONF_PORT: device.client.port}
        )

    async def _abort_with(
        self, entry: HmmConfigEntry, address: dict[str, Any]
    ) -> NoReturn:
        """End the flow of a known device.

        Its entry takes the address only while the device is not at the old one: a
        device that names the MAC of another must not take its place.
        """
        is_ours = entry.source != SOURCE_IGNORE
        if is_ours and await self._has_moved(entry, address):
            self.hass.config_entries.async_update_entry(
                entry, data={**entry.data, **address}
            )
            self.hass.config_entries.async_schedule_reload(entry.entry_id)
            raise AbortFlow("address_updated")
        if is_ours and entry.state is ConfigEntryState.SETUP_RETRY:
            self.hass.config_entries.async_schedule_reload(entry.entry_id)
        raise already_configured(entry)

    async def _has_moved(self, entry: HmmConfigEntry, address: dict[str, Any]) -> bool:
        """Return whether an address is a new one, and its old one is silent."""
        host, port = entry.data[CONF_HOST], entry.data.get(CONF_PORT)
        is_same_port = address.get(CONF_PORT, port) == port
        if is_same_port and address[CONF_HOST] in (host, await resolve(host)):
            return False
        data = await async_shared_data(self.hass)
        if (driver := data.drivers.miners.get(entry.data[CONF_DRIVER])) is None:
            return False
        context = data.driver_context({**login_of(entry)})
        detection = await detect([driver], context, host, port)
        for device in detection.devices:
            await device.client.close()
        if isinstance(detection.error, AuthRequired):
            return False  # It is there, with another login
        facts = facts_of(entry.unique_id, data.profiles.get(entry.entry_id))
        return all(
            is_same_device(facts, device.profile.facts) is False
            for device in detection.devices
        )

    async def _add_found(self) -> ConfigFlowResult:
        if len(self._found) > 1:
            return await self.async_step_driver()
        return await self._create_miner(self._found[0])

    async def _create_miner(self, device: Detected) -> ConfigFlowResult:
        address = {CONF_HOST: device.client.host, CONF_PORT: device.client.port}
        await self.async_set_unique_id(device.unique_id, raise_on_progress=False)
        await self._abort_if_configured(device)
        return self.async_create_entry(
            title=self._free_title(device.model, device.profile.facts.mac),
            data={
                CONF_ENTRY_TYPE: EntryType.MINER,
                CONF_DRIVER: device.driver.driver_type,
                CONF_PROFILE: device.profile.as_dict(),
                **({CONF_CREDENTIALS: self._login} if self._login else {}),
                **address,
            },
            next_flow=self._next_flow,
        )

    # Another address, or another device

    def _found_for(self, entry: HmmConfigEntry) -> Detected:
        """Return what was found, by the driver of an entry if that fits."""
        return next(
            (
                device
                for device in self._found
                if device.driver.driver_type == entry.data[CONF_DRIVER]
            ),
            self._found[0],
        )

    async def _move_miner(
        self, entry: HmmConfigEntry, device: Detected
    ) -> ConfigFlowResult:
        """Point an entry at a new address; ask first if another miner is there."""
        data = await async_shared_data(self.hass)
        facts = facts_of(entry.unique_id, data.profiles.get(entry.entry_id))
        is_same = is_same_device(facts, device.profile.facts)
        is_same_kind = device.driver.driver_type == entry.data[CONF_DRIVER]
        # A miner that never reported who it is may be anywhere
        if is_same or (is_same is None and is_same_kind and not device_ids(facts)):
            return self._put_in_place(entry, device, "reconfigure_successful")
        self._successor = device
        if is_same_kind:
            return await self.async_step_replace_miner()
        return await self.async_step_replace_other_kind()

    async def async_step_replace_miner(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask whether a new miner takes the place of one of its kind."""
        return await self._replace_miner("replace_miner", user_input)

    async def async_step_replace_other_kind(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask whether a miner of another kind takes the place."""
        return await self._replace_miner("replace_other_kind", user_input)

    async def _replace_miner(
        self, step_id: str, user_input: dict[str, Any] | None
    ) -> ConfigFlowResult:
        entry, device = self._get_reconfigure_entry(), self._successor
        assert device is not None
        if user_input is not None:
            # While the question was open, it may have been added
            other = await async_entry_of(self.hass, device, but=entry)
            if other is not None and other.source != SOURCE_IGNORE:
                raise already_configured(other)
        data = await async_shared_data(self.hass)
        profile = data.profiles.get(entry.entry_id)
        if user_input is not None:
            forgotten = [CONF_OWN_RISK]
            if profile is None or profile.facts.model != device.profile.facts.model:
                data.other_models.add(entry.entry_id)
                forgotten.append(CONF_POWER_DRAW)
            await self._forget_old(data, entry.entry_id)
            return self._put_in_place(entry, device, "miner_replaced", *forgotten)
        return self.async_show_form(
            step_id=step_id,
            data_schema=vol.Schema({}),
            description_placeholders={
                "name": entry.title,
                "old": _sign(facts_of(entry.unique_id, profile), entry.data[CONF_HOST]),
                "new": _sign(device.profile.facts, device.client.host),
            },
        )

    async def _forget_old(self, data: HmmData, entry_id: str) -> None:
        """Forget what was found at a device, or is still to be done or undone there.

        It is saved before its entry is: after a crash it would be done at the new one.
        """
        old = data.watchdogs[entry_id]
        data.watchdogs[entry_id] = WatchdogRecord(enabled=old.enabled, cut=old.cut)
        await data.watchdogs.async_save()
        data.statuses[entry_id].paused_by = None
        await data.statuses.async_save()
        for records in (data.autotunes, data.failovers, data.kept):
            await records.async_forget(entry_id)
        await data.tuning.async_forget_device(entry_id)
        await data.strategies.store.async_forget(entry_id)
        async_delete_issues_of(self.hass, entry_id)

    def _put_in_place(
        self, entry: HmmConfigEntry, device: Detected, reason: str, *forgotten: str
    ) -> ConfigFlowResult:
        """Let an entry be that of a device; what hangs on its entities continues.

        The ``forgotten`` options are not for that device.
        """
        async_holder(self.hass, entry, device.unique_id)  # An ignored one makes room
        async_change_unique_id(self.hass, entry, device.unique_id)
        data = dict(entry.data)
        if device.driver.driver_type != data[CONF_DRIVER]:
            # They were of the old device
            data.pop(CONF_CREDENTIALS, None)
            forgotten = (*forgotten, CONF_POWER_DRAW)
        options = {
            key: value for key, value in entry.options.items() if key not in forgotten
        }
        data |= {
            CONF_DRIVER: device.driver.driver_type,
            CONF_HOST: device.client.host,
            CONF_PORT: device.client.port,
            CONF_PROFILE: device.profile.as_dict(),
        }
        return self.async_update_reload_and_abort(
            entry, data=data, options=options, reason=reason
        )

    async def _scan(self) -> None:
        await async_shared_data(self.hass)
        self._scanned = await async_search(self.hass, self._hosts)

    def _free_title(self, name: str, mac: str | None) -> str:
        """Return a name that no other entry has."""
        taken = {entry.title for entry in self._async_current_entries()}
        if name in taken and mac:
            name = f"{name} {mac.replace(':', '')[-4:].upper()}"
        return free_title(name, taken)


def _label(device: Detected) -> str:
    """Return what a found miner is picked by."""
    name = device.profile.facts.hostname
    label = device.model if name is None else f"{device.model}, {name}"
    return f"{label} ({device.client.host})"


def _row(device: Detected) -> str:
    """Return the line of a found miner in the table."""
    name = device.profile.facts.hostname or "–"
    return f"| {escape(device.model)} | {escape(name)} | {escape(device.client.host)} |"


def _sign(facts: DeviceFacts, host: str) -> str:
    """Return how the owner recognizes a device."""
    identity = facts.mac or facts.serial or host
    return f"{facts.model} ({identity})" if facts.model else identity
