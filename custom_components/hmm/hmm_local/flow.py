"""Move over what a running HMM-Local has."""

from abc import abstractmethod
import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, override

from homeassistant.config_entries import ConfigFlowResult, FlowType
from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.core import callback
from homeassistant.data_entry_flow import UnknownFlow
import voluptuous as vol

from ..const import CONF_POWER_DRAW, EntryType
from ..data import HmmData, entries_of_kind
from ..driver_api import CannotConnect, DriverError, HtmlAnswer, RedirectAnswer
from ..driver_api.wallets import strip_worker
from ..driver_engine.address import Address, AddressError
from ..driver_engine.detect import Detected, detect
from ..driver_engine.identity import device_ids
from ..driver_engine.pool_detect import PoolMatch, find_pools_of_each
from ..flow_tools import (
    ADDRESS_SCHEMA,
    async_shared_data,
    async_start_progress,
    async_words,
    choice,
    free_title,
)
from ..languages import home_language
from ..markdown import Markdown, escape
from ..pool.account import hash_text
from ..pool.mined import MinedPool, pool_drivers
from ..strategy.words import words_of
from .local_api import (
    HmmLocal,
    LocalMiner,
    LocalPool,
    SecureServer,
    ServerFailed,
    parse_server,
    read_hmm_local,
)
from .rules_flow import RulesSteps
from .tuning_profiles import as_profiles, as_table

CONF_IMPORT = "import"
CONF_IMPORT_MINERS = "miners"
CONF_IMPORT_POOLS = "pools"
CONF_NEXT_FLOW = "next_flow"

_AT_ONCE = 16

# The first class that fits decides
_ERRORS: tuple[tuple[type[DriverError], str], ...] = (
    (CannotConnect, "hmm_local_down"),
    (ServerFailed, "hmm_local_failed"),
    (HtmlAnswer, "hmm_local_page"),
    (RedirectAnswer, "hmm_local_elsewhere"),
    (DriverError, "hmm_local_other"),
)


@dataclass(frozen=True, slots=True)
class FoundMiner:
    """A miner of HMM-Local that answers, and the drivers that know it."""

    item: LocalMiner
    devices: tuple[Detected, ...]

    @property
    def label(self) -> str:
        """Return what it is for its owner and on the network."""
        return f"{self.item.name} ({self.devices[0].model}, {self.item.host})"


@dataclass(frozen=True, slots=True)
class FoundPool:
    """A pool of HMM-Local, and what it can be; empty if no driver knows it."""

    item: LocalPool
    matches: tuple[PoolMatch, ...]

    @property
    def mined(self) -> MinedPool:
        """Return it as a pool that miners have."""
        return MinedPool(
            host=self.item.host,
            port=self.item.port,
            user=strip_worker(self.item.user),
        )

    @property
    def label(self) -> str:
        """Return what it is for its owner and in miners."""
        return f"{self.item.name} ({self.mined.address})"


@dataclass(slots=True)
class _Offered:
    """What can be added, by the values of the form, and the names of the rest."""

    miners: dict[str, FoundMiner] = field(default_factory=dict)
    pools: dict[str, FoundPool] = field(default_factory=dict)
    known_names: list[str] = field(default_factory=list)
    off: list[str] = field(default_factory=list)

    @property
    def is_new(self) -> bool:
        """Return whether there is anything to add."""
        return bool(self.miners or self.pools)


class ImportSteps(RulesSteps):
    """Moves miners and pools over from HMM-Local, which other steps then add."""

    def __init__(self) -> None:
        """Start with nothing found and nothing chosen."""
        super().__init__()
        self._server = ""
        self._local = HmmLocal()
        self._detect_task: asyncio.Task[_Offered] | None = None
        self._offered = _Offered()
        self._has_profiles = False
        """Whether the tuning profiles are taken over."""
        self._imported: LocalMiner | LocalPool | None = None

    async def async_step_import_hmm_local(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Request the address, then read what there is."""
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                server = parse_server(user_input[CONF_HOST])
                data = await async_shared_data(self.hass)
                self._local = await read_hmm_local(data.session, server)
            except SecureServer:
                errors[CONF_HOST] = "hmm_local_https"
            except AddressError as err:
                errors[CONF_HOST] = err.fault
            except DriverError as err:
                errors["base"] = next(
                    key for kind, key in _ERRORS if isinstance(err, kind)
                )
            else:
                self._server = f"{server.host}:{server.port}"
                return await self.async_step_import_look()
        return self.async_show_form(
            step_id="import_hmm_local",
            data_schema=self.add_suggested_values_to_schema(ADDRESS_SCHEMA, user_input),
            errors=errors,
        )

    async def async_step_import_look(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask all miners and pools who they are."""
        if self._detect_task is None:
            self._detect_task = async_start_progress(self, self._detect_all())
        if not self._detect_task.done():
            return self.async_show_progress(
                step_id="import_look",
                progress_action="import_look",
                progress_task=self._detect_task,
            )
        self._offered = self._detect_task.result()
        # What is not loaded yet has no words
        await async_words(self.hass)
        if self._local.profiles or self._local.has_rules:
            step = "import_menu"
        elif self._offered.is_new:
            step = "import_choose"
        else:
            step = "import_nothing"
        return self.async_show_progress_done(next_step_id=step)

    async def async_step_import_nothing(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Explain why there is nothing to add."""
        if user_input is not None:
            return self.async_abort(reason="import_nothing")
        return self.async_show_form(
            step_id="import_nothing",
            data_schema=vol.Schema({}),
            description_placeholders=self._rest(),
        )

    async def async_step_import_menu(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose between what can be added and what can only be shown."""
        return self.async_show_menu(
            step_id="import_menu",
            menu_options=self._left_to_do,
            description_placeholders=self._rest(),
        )

    @property
    def _left_to_do(self) -> list[str]:
        """Return the steps that have something to move over."""
        return [
            *(["import_choose"] if self._offered.is_new else []),
            *(["import_profiles"] if self._local.profiles else []),
            *(["import_rules"] if self._local.has_rules else []),
        ]

    async def async_step_import_profiles(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show the tuning profiles, and take them over."""
        profiles = self._local.profiles
        if user_input is not None:
            data = await async_shared_data(self.hass)
            data.tuning.take_over(as_profiles(profiles))
            self._local = replace(self._local, profiles=())
            self._has_profiles = True
            if self._left_to_do:
                return await self.async_step_import_menu()
            return self.async_abort(reason="profiles_taken_over")
        return self.async_show_form(
            step_id="import_profiles",
            data_schema=vol.Schema({}),
            description_placeholders={
                "profiles": as_table(profiles, home_language(self.hass))
            },
        )

    async def async_step_import_choose(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Pick what to add: miners at once, each pool in a dialog that follows."""
        offered = self._offered
        errors: dict[str, str] = {}
        if user_input is not None:
            chosen: list[FoundMiner | FoundPool] = [
                *(
                    offered.miners[name]
                    for name in user_input.get(CONF_IMPORT_MINERS, ())
                ),
                *(
                    offered.pools[name]
                    for name in user_input.get(CONF_IMPORT_POOLS, ())
                ),
            ]
            if chosen:
                first, *others = chosen
                for other in reversed(others):
                    await self._queue(
                        {CONF_IMPORT: other, CONF_NEXT_FLOW: self._next_flow}
                    )
                self._imported = first.item
                return await self.async_add_imported(first)
            errors["base"] = "import_none_chosen"
        schema: dict[vol.Marker, Any] = {
            vol.Optional(
                key, default=[name for name, item in items.items() if item.item.enabled]
            ): choice({name: item.label for name, item in items.items()}, multiple=True)
            for key, items in (
                (CONF_IMPORT_MINERS, offered.miners),
                (CONF_IMPORT_POOLS, offered.pools),
            )
            if items
        }
        return self.async_show_form(
            step_id="import_choose",
            data_schema=vol.Schema(schema),
            errors=errors,
            description_placeholders=self._rest(),
        )

    async def async_begin_queued(self, queued: Mapping[str, Any]) -> ConfigFlowResult:
        """Add a miner that was chosen with others, or show the account of a pool."""
        chosen: FoundMiner | FoundPool = queued[CONF_IMPORT]
        self._next_flow = queued[CONF_NEXT_FLOW]
        self._imported = chosen.item
        if isinstance(chosen, FoundMiner):
            unique_id = chosen.devices[0].unique_id
        else:
            # So that a second import does not offer it twice
            account = f"{chosen.mined.address} {chosen.mined.user}"
            unique_id = f"{CONF_IMPORT}_{hash_text(account)}"
        self._replace(unique_id)
        await self.async_set_unique_id(unique_id)
        self.context["title_placeholders"] = {"name": chosen.item.name}
        return await self.async_add_imported(chosen)

    @callback
    @override
    def async_create_entry(  # type: ignore[override]  # as that of ConfigFlow
        self,
        *,
        title: str,
        options: Mapping[str, Any] | None = None,
        next_flow: tuple[FlowType, str] | None = None,
        **kwargs: Any,
    ) -> ConfigFlowResult:
        """Give an entry what HMM-Local knew: its name, and what it draws."""
        match self._imported:
            case LocalMiner(power_draw=float(watts)):
                options = {**(options or {}), CONF_POWER_DRAW: watts}
        if self._imported is not None:
            taken = {entry.title for entry in self._async_current_entries()}
            title = free_title(self._imported.name, taken)
            next_flow = self._still_waiting(self._next_flow)
        return super().async_create_entry(
            title=title, options=options, next_flow=next_flow, **kwargs
        )

    # Shared by the steps

    @abstractmethod
    async def async_add_imported(
        self, chosen: FoundMiner | FoundPool
    ) -> ConfigFlowResult:
        """Add a miner or a pool, with its own steps."""

    @abstractmethod
    async def async_is_set_up(self, data: HmmData, pool: FoundPool) -> bool:
        """Return whether an account has an entry."""

    def _replace(self, unique_id: str) -> None:
        """End the flow that offers the same: it does not know what HMM-Local knew."""
        for flow in self._async_in_progress(include_uninitialized=True):
            if flow["context"].get("unique_id") == unique_id:
                self.hass.config_entries.flow.async_abort(flow["flow_id"])

    def _still_waiting(
        self, flow: tuple[FlowType, str] | None
    ) -> tuple[FlowType, str] | None:
        """Return a flow, None if its owner has dealt with it in the meantime."""
        if flow is not None:
            try:
                self.hass.config_entries.flow.async_get(flow[1])
            except UnknownFlow:
                return None
        return flow

    async def _detect_all(self) -> _Offered:
        """Find out what is new and answers."""
        data = await async_shared_data(self.hass)
        offered = _Offered()
        await self._detect_miners(data, offered)
        await self._detect_pools(data, offered)
        return offered

    async def _detect_miners(self, data: HmmData, offered: _Offered) -> None:
        entries = entries_of_kind(self.hass, EntryType.MINER)
        ids = {entry.unique_id for entry in entries}
        set_up = {(entry.data[CONF_HOST], entry.data[CONF_PORT]) for entry in entries}
        usual = {
            driver.driver_class.default_port for driver in data.drivers.miners.values()
        }
        at_host = Counter(miner.host for miner in self._local.miners)
        limit = asyncio.Semaphore(_AT_ONCE)

        async def query(miner: LocalMiner) -> tuple[Detected, ...] | None:
            """Return who answers, None for a miner that is set up."""
            port = None if miner.port in usual else miner.port
            if (miner.host, port) in set_up:
                return None
            devices: tuple[Detected, ...] = ()
            async with limit:
                if port is not None:
                    devices = await _detect(data, miner, port)
                # Some of its drivers never used the port that it kept. Behind a
                # router that forwards ports, the usual one is another miner's
                if not devices and (port is None or at_host[miner.host] == 1):
                    devices = await _detect(data, miner, None)
            is_known = any(
                ids & {*device_ids(device.profile.facts)} for device in devices
            )
            return None if is_known else devices

        for number, (miner, devices) in enumerate(
            zip(
                self._local.miners,
                await asyncio.gather(*map(query, self._local.miners)),
                strict=True,
            )
        ):
            if devices is None:
                offered.known_names.append(miner.name)
            elif devices:
                offered.miners[str(number)] = FoundMiner(miner, devices)
            else:
                offered.off.append(f"{miner.name} ({miner.host})")

    async def _detect_pools(self, data: HmmData, offered: _Offered) -> None:
        pools = self._local.pools
        matches = await find_pools_of_each(
            pool_drivers(data),
            data.known_pools,
            (Address(pool.host, pool.port) for pool in pools),
        )
        for number, (pool, found) in enumerate(zip(pools, matches, strict=True)):
            candidate = FoundPool(pool, _fitting(data, pool, found))
            if await self.async_is_set_up(data, candidate):
                offered.known_names.append(pool.name)
            else:
                offered.pools[str(number)] = candidate

    def _rest(self) -> dict[str, str]:
        """Return where it is, and what is left out and why, of which most is nothing."""
        word = words_of(self.hass, "hmm_local_rule")

        def named(key: str, names: Iterable[str]) -> Iterator[str]:
            if listed := ", ".join(names):
                yield word(key, names=listed)

        parts = [
            *([word("profiles_taken")] if self._has_profiles else []),
            *named("unread", (word(f"part_{part}") for part in self._local.unread)),
            *named("known", map(escape, self._offered.known_names)),
            *named("off", map(escape, self._offered.off)),
            *named(
                "unreadable",
                (
                    word(f"unreadable_{kind}", name=escape(name))
                    for kind, name in self._local.unreadable
                ),
            ),
        ]
        return {
            "host": self._server,
            "rest": Markdown("".join(f"\n\n{part}" for part in parts)),
        }


async def _detect(
    data: HmmData, miner: LocalMiner, port: int | None
) -> tuple[Detected, ...]:
    """Return what answers at the address of a miner; its client is closed again."""
    detection = await detect(
        [
            driver
            for driver in data.drivers.miners.values()
            # Waiting for a broadcast takes seconds, and only some miners have them
            if driver.driver_class.connection_type != "udp"
            or driver.driver_type == miner.kind
        ],
        data.driver_context(),
        miner.host,
        port,
    )
    for device in detection.devices:
        await device.client.close()
    return detection.devices


def _fitting(
    data: HmmData, pool: LocalPool, matches: list[PoolMatch]
) -> tuple[PoolMatch, ...]:
    """Return what a pool can be; of several what HMM-Local took it for."""
    kind = pool.driver_type
    if not matches and kind is not None and kind in data.drivers.pools:
        matches = [PoolMatch(driver_type=kind, url=pool.host, port=pool.port)]
    matches = [match for match in matches if match.driver_type == kind] or matches
    if pool.coin is not None:
        fits = [match for match in matches if match.coin in (None, pool.coin)]
        matches = [replace(match, coin=pool.coin) for match in fits] or matches
    return tuple(matches)
