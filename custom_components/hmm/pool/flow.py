"""Add pool accounts, and change them."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from homeassistant.config_entries import ConfigFlow, ConfigFlowResult
from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.helpers.selector import BooleanSelector, TextSelector
import voluptuous as vol

from ..const import (
    CONF_ACCOUNT_HASH,
    CONF_ACCOUNT_SETTINGS,
    CONF_COIN,
    CONF_DRIVER,
    CONF_ENTRY_TYPE,
    CONF_POOL_SETTINGS,
    CONF_WALLET,
    EntryType,
)
from ..data import HmmConfigEntry, HmmData, entries_of_kind
from ..driver_api import DashboardTileData
from ..driver_api.coins import COINS
from ..driver_engine.address import Address
from ..driver_engine.known_pools import KnownPool
from ..driver_engine.pool_detect import (
    PoolMatch,
    find_pools,
    find_pools_of_each,
    is_at_home,
    match_of,
)
from ..errors import Placeholders
from ..flow_tools import (
    ADDRESS_SCHEMA,
    already_configured,
    async_shared_data,
    choice,
    free_title,
    number_field,
    unchosen,
)
from ..unique_ids import async_change_unique_id, async_holder
from .account import (
    BASE,
    CONF_WALLET_CONFIRMED,
    Account,
    PoolKind,
    Refused,
    accept_wallet,
    account_id,
    account_of,
    fetch_account,
    has_moved,
    hash_text,
    is_account_of,
    pool_kind,
    read_account,
    read_address,
    read_change,
    required_fields,
    server_of,
    wallet_of,
)
from .defaults import async_read_defaults
from .form import FormField, Secrets, explain, fields, read_settings
from .mined import MinedPool, mined_pools, pool_drivers, shortened
from .mistyped import has_mistyped_wallet
from .scripted import ScriptedPool

CONF_POOL = "pool"
CONF_REGION = "region"

_MAX_NAMES = 3
USUAL_PORT = 3333
"""The stratum port of most pool servers."""


_PORT = number_field(1, 65535)
_SERVER_FIELDS: dict[vol.Marker, Any] = {
    vol.Required(CONF_HOST): TextSelector(),
    vol.Required(CONF_PORT): _PORT,
}


class PoolSteps(ConfigFlow):
    """Adds pool accounts and changes them."""

    def __init__(self) -> None:
        """Begin with nothing found and nothing chosen."""
        super().__init__()
        self._servers: list[KnownPool] = []
        self._mined: list[tuple[MinedPool, list[PoolMatch]]] = []
        self._matches: list[PoolMatch] = []
        self._address: Address | None = None
        self._typed: dict[str, Any] | None = None
        self._match: PoolMatch | None = None
        self._user = ""
        self._known: Mapping[str, Any] = {}
        """The settings of the account that are known already, by their keys."""
        self._called = ""
        """What its owner calls it elsewhere."""
        self._kind: PoolKind | None = None
        self._secrets = Secrets()
        self._name: str | None = None
        """What the account is to be called, None for its usual name."""

    async def async_step_pool(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose how to name the pool."""
        data = await async_shared_data(self.hass)
        return self.async_show_menu(
            step_id="pool",
            menu_options=[
                *(["pool_mined"] if self._not_set_up(data) else []),
                "pool_list",
                "pool_host",
            ],
        )

    async def async_step_import(self, import_data: ScriptedPool) -> ConfigFlowResult:
        """Add what a script describes: it gives what the form would ask, or gets an error."""
        match, self._name = import_data.match, import_data.name
        self._match, self._user = match, import_data.user
        self._known = import_data.settings
        data = await async_shared_data(self.hass)
        if (pool := pool_kind(data, match.driver_type)) is None:
            return self.async_abort(reason="pool_driver_fault")
        settings = _open_settings(pool, match)
        entered = await self._suggest(pool, match, settings)
        self._secrets = Secrets(settings, entered)
        confirmed = {CONF_WALLET_CONFIRMED: import_data.is_confirmed}
        return await self.async_step_pool_account({**entered, **confirmed})

    # From the list

    async def async_step_pool_list(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose a pool and a coin."""
        data = await async_shared_data(self.hass)
        groups: dict[str, list[KnownPool]] = {}
        for pool in data.known_pools.pools.values():
            name = _group_name(data, pool.driver_type, pool.template.coin)
            groups.setdefault(name, []).append(pool)
        # Drivers may have been reloaded since it was shown
        if user_input is not None and user_input[CONF_POOL] in groups:
            self._servers = groups[user_input[CONF_POOL]]
            return await self.async_step_pool_region()
        names = sorted(groups, key=str.casefold)
        return self.async_show_form(
            step_id="pool_list",
            data_schema=vol.Schema(
                {unchosen(CONF_POOL): choice({name: name for name in names}, long=True)}
            ),
        )

    async def async_step_pool_region(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose a server, if there is a choice."""
        if user_input is None and len(self._servers) > 1:
            return self.async_show_form(
                step_id="pool_region", data_schema=_region_schema(self._servers)
            )
        return await self._begin(match_of(_chosen(self._servers, user_input)))

    # By its host

    async def async_step_pool_host(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask where miners connect to, and find out what is there."""
        errors: dict[str, str] = {}
        if user_input is not None:
            self._typed = user_input
            try:
                self._address = read_address(user_input[CONF_HOST])
            except Refused as refused:
                errors = {refused.field: refused.key}
            else:
                data = await async_shared_data(self.hass)
                return await self._choose(await _find(data, self._address))
        return self.async_show_form(
            step_id="pool_host",
            data_schema=self.add_suggested_values_to_schema(
                ADDRESS_SCHEMA, self._typed
            ),
            errors=errors,
        )

    async def async_step_pool_match(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose between the pools that can be at the host."""
        if user_input is not None:
            return await self._begin(self._matches[int(user_input[CONF_POOL])])
        data = await async_shared_data(self.hass)
        return self.async_show_form(
            step_id="pool_match",
            data_schema=vol.Schema(
                {
                    vol.Required(CONF_POOL): choice(
                        {
                            str(number): name
                            for number, name in enumerate(
                                _match_names(data, self._matches)
                            )
                        }
                    )
                }
            ),
            description_placeholders={"host": self._where},
        )

    async def async_step_pool_unknown(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show that the host is unknown, and offer what can be done."""
        return self.async_show_menu(
            step_id="pool_unknown",
            menu_options=["pool_host", "pool_kind"],
            description_placeholders={"host": self._where},
        )

    async def async_step_pool_unsupported(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show that HMM has no driver for a public pool, and what can be done."""
        return self.async_show_menu(
            step_id="pool_unsupported",
            menu_options=["pool_host", "pool_kind"],
            description_placeholders={"host": self._where},
        )

    async def async_step_pool_kind(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Let the user say what is at the host."""
        assert self._address is not None
        if user_input is not None:
            return await self._begin(
                PoolMatch(
                    driver_type=user_input[CONF_DRIVER],
                    url=self._address.host,
                    port=self._address.port or 0,
                )
            )
        data = await async_shared_data(self.hass)
        names = {kind: driver.name for kind, driver in data.drivers.pools.items()}
        return self.async_show_form(
            step_id="pool_kind",
            data_schema=vol.Schema(
                {
                    unchosen(CONF_DRIVER): choice(
                        dict(
                            sorted(names.items(), key=lambda item: item[1].casefold())
                        ),
                        long=True,
                    )
                }
            ),
            description_placeholders={"host": self._where},
        )

    async def async_step_pool_coin(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Prompt for the coin of a pool that has several."""
        assert self._match is not None
        data = await async_shared_data(self.hass)
        if (driver := data.drivers.pools.get(self._match.driver_type)) is None:
            return self.async_abort(reason="pool_driver_fault")
        coins = sorted(driver.coins)
        if len(coins) == 1:
            user_input = {CONF_COIN: coins[0]}
        if user_input is not None and (coin := user_input[CONF_COIN].strip().upper()):
            self._match = replace(self._match, coin=coin)
            return await self.async_step_pool_account()
        return self.async_show_form(
            step_id="pool_coin",
            data_schema=vol.Schema(
                {
                    unchosen(CONF_COIN): choice(
                        {coin: _coin_name(coin) for coin in coins or COINS},
                        long=True,
                        custom=not coins,
                    )
                }
            ),
            description_placeholders={
                "pool": driver.name,
                "host": self._match.url,
            },
        )

    # From one's own miners

    async def async_step_pool_mined(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose among the pools that one's own miners mine at."""
        if user_input is not None:
            return await self._add_mined(*self._mined[int(user_input[CONF_POOL])])
        data = await async_shared_data(self.hass)
        pools = self._not_set_up(data)
        servers = {Address(pool.host, pool.port) for pool in pools}
        matches_of_servers = await find_pools_of_each(
            pool_drivers(data), data.known_pools, servers
        )
        matches_at = dict(zip(servers, matches_of_servers, strict=True))
        self._mined = [
            (pool, matches)
            for pool in pools
            for matches in (matches_at[Address(pool.host, pool.port)],)
            if not await self._is_set_up(data, pool, matches)
        ]
        if not self._mined:
            return self.async_abort(reason="no_mined_pools")
        return self.async_show_form(
            step_id="pool_mined",
            data_schema=vol.Schema(
                {
                    vol.Required(CONF_POOL): choice(
                        {
                            str(number): _mined_name(data, mined, matches)
                            for number, (mined, matches) in enumerate(self._mined)
                        }
                    )
                }
            ),
        )

    # The account

    async def async_step_pool_account(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Prompt for the driver's settings; checks whether the pool responds."""
        match = self._match
        assert match is not None
        assert match.coin is not None
        data = await async_shared_data(self.hass)
        if (pool := pool_kind(data, match.driver_type)) is None:
            return self.async_abort(reason="pool_driver_fault")
        settings = _open_settings(pool, match)
        refused = None
        is_first = user_input is None
        if user_input is None:
            user_input = await self._suggest(pool, match, settings)
            self._secrets = Secrets(settings, user_input)
        entered, suggested = self._secrets.take(user_input)
        required = required_fields(pool, match)
        try:
            if not is_first:
                account = read_account(pool, match, settings, required, entered)
                tiles = await fetch_account(pool, account)
                return await self._create(data, pool, account, tiles)
            if wallet := suggested.get(CONF_WALLET):
                # A file or a miner may be wrong about it
                accept_wallet(match.coin, wallet)
        except Refused as err:
            refused = err
            self._secrets.refused(err.key)
        schema = _account_schema(pool, match, settings, required, self._secrets)
        errors, texts = _as_error(refused, schema)
        schema = _with_confirmation(schema, suggested, errors)
        name = _match_name(data, match)
        return self.async_show_form(
            step_id="pool_account",
            data_schema=self.add_suggested_values_to_schema(schema, suggested),
            errors=errors,
            description_placeholders={
                **texts,
                "pool": f"“{self._called}” ({name})" if self._called else name,
                "name": name,
                "settings": explain(settings),
            },
        )

    # Changes

    async def async_step_reconfigure_pool(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose another server, or change its address and settings."""
        entry = self._get_reconfigure_entry()
        data = await async_shared_data(self.hass)
        self._kind = pool_kind(data, entry.data[CONF_DRIVER])
        if self._kind is None:
            return self.async_abort(reason="pool_driver_fault")
        self._servers = [
            pool
            for pool in data.known_pools.pools.values()
            if pool.driver_type == entry.data[CONF_DRIVER]
            and pool.template.coin.upper() == entry.data[CONF_COIN]
            and pool.template.url
        ]
        is_mistyped = self._kind.form.is_wallet and has_mistyped_wallet(entry)
        if not self._servers and not is_mistyped:
            return await self.async_step_reconfigure_settings()
        return self.async_show_menu(
            step_id="reconfigure_pool",
            menu_options=[
                *(["reconfigure_wallet"] if is_mistyped else []),
                *(["reconfigure_region"] if self._servers else []),
                "reconfigure_settings",
            ],
            description_placeholders={"name": entry.title},
        )

    async def async_step_reconfigure_wallet(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Correct a wallet whose checksum is wrong; its account cannot exist."""
        entry = self._get_reconfigure_entry()
        pool = self._kind
        assert pool is not None
        before = account_of(entry)
        schema = vol.Schema({vol.Required(CONF_WALLET): TextSelector()})
        errors: dict[str, str] = {}
        texts: Placeholders = {}
        if user_input is not None:
            is_confirmed = user_input.get(CONF_WALLET_CONFIRMED) is True
            try:
                wallet = accept_wallet(
                    before.coin, user_input[CONF_WALLET], is_confirmed=is_confirmed
                )
                account = replace(before, user=wallet)
                return await self._correct_wallet(entry, pool, account)
            except Refused as refused:
                errors, texts = _as_error(refused, schema)
        return self.async_show_form(
            step_id="reconfigure_wallet",
            data_schema=self.add_suggested_values_to_schema(
                _with_confirmation(schema, user_input or {}, errors), user_input
            ),
            errors=errors,
            description_placeholders={
                **texts,
                "name": entry.title,
                "wallet": shortened(before.user),
            },
        )

    async def async_step_reconfigure_region(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose another server of the same pool and coin."""
        entry = self._get_reconfigure_entry()
        assert self._kind is not None
        errors: dict[str, str] = {}
        texts: Placeholders = {}
        schema = _region_schema(self._servers)
        if user_input is not None:
            chosen = match_of(_chosen(self._servers, user_input))
            account = replace(
                account_of(entry),
                host=chosen.url,
                port=chosen.port,
                pool_settings=chosen.settings,
            )
            try:
                return await self._change(entry, self._kind, account)
            except Refused as refused:
                errors, texts = _as_error(refused, schema)
        if user_input is None:
            user_input = _present_server(self._servers, entry)
        return self.async_show_form(
            step_id="reconfigure_region",
            data_schema=self.add_suggested_values_to_schema(schema, user_input),
            errors=errors,
            description_placeholders={**texts, "name": entry.title},
        )

    async def async_step_reconfigure_settings(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Change address, keys and other settings of the same account."""
        entry = self._get_reconfigure_entry()
        pool = self._kind
        assert pool is not None
        before = account_of(entry)
        settings = pool.form.settings
        refused = None
        is_first = user_input is None
        if user_input is None:
            user_input = {
                CONF_HOST: before.host,
                CONF_PORT: before.port,
                **_shown(settings, before.all_settings),
            }
            self._secrets = Secrets(settings, user_input)
        entered, suggested = self._secrets.take(user_input)
        if not is_first:
            try:
                account = read_change(pool, before, entered)
                data = await async_shared_data(self.hass)
                account = await _find_again(data, entry, before, account)
                return await self._change(entry, pool, account)
            except Refused as err:
                refused = err
                self._secrets.refused(err.key)
        kept = self._secrets.known
        schema = vol.Schema(
            {**_SERVER_FIELDS, **fields(settings, kept=kept, is_change=True)}
        )
        errors, texts = _as_error(refused, schema)
        return self.async_show_form(
            step_id="reconfigure_settings",
            data_schema=self.add_suggested_values_to_schema(schema, suggested),
            errors=errors,
            description_placeholders={
                **texts,
                "name": entry.title,
                "settings": explain(settings),
            },
        )

    async def async_step_reauth_pool(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Prompt for a new key after the pool refused it."""
        entry = self._get_reauth_entry()
        data = await async_shared_data(self.hass)
        if (pool := pool_kind(data, entry.data[CONF_DRIVER])) is None:
            return self.async_abort(reason="pool_driver_fault")
        if not (secrets := pool.form.secrets):
            return self.async_abort(reason="pool_has_no_key")
        only = [secret.key for secret in secrets] if len(secrets) == 1 else []
        schema = vol.Schema(fields(secrets, required=only))
        errors: dict[str, str] = {}
        texts: Placeholders = {}
        if user_input is not None:
            before = account_of(entry)
            entered = read_settings(secrets, user_input)
            account = replace(before, settings={**before.settings, **entered})
            try:
                tiles = await fetch_account(pool, account)
            except Refused as refused:
                errors, texts = _as_error(refused, schema)
            else:
                if is_account_of(entry, tiles):
                    return self.async_update_reload_and_abort(
                        entry, data_updates={CONF_ACCOUNT_SETTINGS: account.settings}
                    )
                errors[BASE] = "wrong_account"
        return self.async_show_form(
            step_id="reauth_pool",
            data_schema=schema,
            errors=errors,
            description_placeholders={
                **texts,
                "name": entry.title,
                "settings": explain(secrets),
            },
        )

    # Shared by the steps

    @property
    def _where(self) -> str:
        """Return the address that was typed or mined at."""
        assert self._address is not None
        port = self._address.port
        return self._address.host + (f":{port}" if port else "")

    async def _add_mined(
        self, mined: MinedPool, matches: list[PoolMatch]
    ) -> ConfigFlowResult:
        """Continue with a pool that miners mine at."""
        self._address = Address(mined.host, mined.port)
        self._typed = {CONF_HOST: mined.address}
        self._user = mined.user
        return await self._choose(matches)

    async def _choose(self, matches: list[PoolMatch]) -> ConfigFlowResult:
        """Go on with what can be at the host."""
        self._matches = matches
        match len(matches):
            case 0:
                assert self._address is not None
                if is_at_home(self._address.host):
                    return await self.async_step_pool_unknown()
                return await self.async_step_pool_unsupported()
            case 1:
                return await self._begin(matches[0])
        return await self.async_step_pool_match()

    async def _begin(self, match: PoolMatch) -> ConfigFlowResult:
        """Go on with the one pool that it is."""
        self._match = match
        if match.coin is None:
            return await self.async_step_pool_coin()
        return await self.async_step_pool_account()

    async def _suggest(
        self, pool: PoolKind, match: PoolMatch, settings: Iterable[FormField]
    ) -> dict[str, Any]:
        """Return what the form is filled in with at first."""
        settings = list(settings)
        assert match.coin is not None
        defaults = await async_read_defaults(self.hass)
        server = None if match.url else defaults.servers.get(match.driver_type)
        suggested: dict[str, Any] = {
            CONF_HOST: server.host if server else match.url,
            CONF_PORT: (server and server.port)
            or match.port
            or await self._usual_port(match),
        }
        in_file = match.listed.username if match.listed is not None else None
        if user := self._user or in_file:
            suggested[pool.account_key] = user
        elif pool.form.is_wallet:
            suggested[CONF_WALLET] = defaults.wallets.get(match.coin.lower())
        secret = next((setting.key for setting in settings if setting.secret), None)
        if secret is not None:
            suggested[secret] = defaults.api_keys.get(match.driver_type)
        shown = {
            setting.key: setting.show(self._known.get(setting.key))
            for setting in settings
        }
        return suggested | {
            key: value for key, value in shown.items() if value is not None
        }

    async def _usual_port(self, match: PoolMatch) -> int:
        """Return the stratum port of other servers of this kind."""
        listed = (await async_shared_data(self.hass)).known_pools.pools.values()
        ports = [
            pool.template.port
            for pool in listed
            if pool.driver_type == match.driver_type
            and match.coin in (None, pool.template.coin.upper())
        ]
        return ports[0] if ports else USUAL_PORT

    async def _create(
        self,
        data: HmmData,
        pool: PoolKind,
        account: Account,
        tiles: DashboardTileData,
    ) -> ConfigFlowResult:
        match = self._match
        assert match is not None
        name = account.user or tiles.account or ""
        server = await server_of(data, pool.driver, account)
        if not name and not server:
            server = account.address
        unique_id = self._free_id(
            account_id(match.driver_type, account.coin, name, server), server
        )
        await self.async_set_unique_id(unique_id)
        entry_data = {
            CONF_ENTRY_TYPE: EntryType.POOL,
            CONF_DRIVER: match.driver_type,
            CONF_COIN: account.coin,
            CONF_WALLET: account.user,
            CONF_HOST: account.host,
            CONF_PORT: account.port,
        }
        by_key = bool(name and not account.user)
        for entry in self._async_current_entries(include_ignore=False):
            is_same = not by_key and entry_data.items() <= entry.data.items()
            if is_same or entry.unique_id == unique_id:
                raise already_configured(entry)
        if by_key:
            entry_data[CONF_ACCOUNT_HASH] = hash_text(name)
        title = _group_name(data, match.driver_type, account.coin).replace(" · ", " ")
        return self.async_create_entry(
            title=free_title(
                self._name or title,
                {entry.title for entry in self._async_current_entries()},
            ),
            data={
                **entry_data,
                CONF_POOL_SETTINGS: dict(account.pool_settings),
                CONF_ACCOUNT_SETTINGS: dict(account.settings),
            },
        )

    async def _correct_wallet(
        self, entry: HmmConfigEntry, pool: PoolKind, account: Account
    ) -> ConfigFlowResult:
        """Let an entry be that of another wallet, which no other entry may have."""
        data = await async_shared_data(self.hass)
        server = await server_of(data, pool.driver, account)
        unique_id = account_id(
            entry.data[CONF_DRIVER], account.coin, account.user, server
        )
        if async_holder(self.hass, entry, unique_id) is not None:
            raise Refused(CONF_WALLET, "account_known")
        return await self._change(entry, pool, account, unique_id)

    async def _change(
        self,
        entry: HmmConfigEntry,
        pool: PoolKind,
        account: Account,
        unique_id: str | None = None,
    ) -> ConfigFlowResult:
        """Let an entry ask elsewhere; its entities and their history stay."""
        if not is_account_of(entry, await fetch_account(pool, account)):
            raise Refused(BASE, "wrong_account")
        if unique_id is not None:
            async_change_unique_id(self.hass, entry, unique_id)
        return self.async_update_reload_and_abort(
            entry,
            data_updates={
                CONF_WALLET: account.user,
                CONF_HOST: account.host,
                CONF_PORT: account.port,
                CONF_POOL_SETTINGS: dict(account.pool_settings),
                CONF_ACCOUNT_SETTINGS: dict(account.settings),
            },
        )

    def _not_set_up(self, data: HmmData) -> list[MinedPool]:
        """Return the pools of one's own miners that no entry is at."""
        entries = entries_of_kind(self.hass, EntryType.POOL)
        return [
            pool
            for pool in mined_pools(data.fleet.miners.values())
            if not any(_is_entry_of(entry, pool) for entry in entries)
        ]

    async def _is_set_up(
        self, data: HmmData, mined: MinedPool, matches: list[PoolMatch]
    ) -> bool:
        """Return whether the account is set up, if with another server of the pool."""
        entries = entries_of_kind(self.hass, EntryType.POOL)
        if any(_is_entry_of(entry, mined) for entry in entries):
            return True
        ids = {entry.unique_id for entry in entries}
        keys = {
            (entry.data.get(CONF_DRIVER), entry.data.get(CONF_ACCOUNT_HASH))
            for entry in entries
        }
        for match in matches:
            if (match.driver_type, hash_text(mined.user)) in keys:
                return True
            pool = pool_kind(data, match.driver_type)
            if pool is None or match.coin is None or not pool.form.is_wallet:
                continue
            account = Account(
                host=mined.host,
                port=mined.port,
                coin=match.coin,
                user=wallet_of(match.coin, mined.user),
                pool_settings=match.settings,
            )
            server = await server_of(data, pool.driver, account)
            if account_id(match.driver_type, account.coin, account.user, server) in ids:
                return True
        return False

    def _free_id(self, unique_id: str, server: str) -> str:
        """Return another id where the account that has this one moved away."""
        number = 1
        free = unique_id
        while any(
            entry.unique_id == free and has_moved(entry, server)
            for entry in self._async_current_entries(include_ignore=False)
        ):
            number += 1
            free = f"{unique_id}_{number}"
        return free


def _is_entry_of(entry: HmmConfigEntry, pool: MinedPool) -> bool:
    """Return whether an entry is for a server and account that miners have."""
    if (entry.data[CONF_HOST], entry.data[CONF_PORT]) != (pool.host, pool.port):
        return False
    if account := entry.data.get(CONF_ACCOUNT_HASH):
        return bool(account == hash_text(pool.user))
    # Without an account all that the server counts is shown
    return str(entry.data[CONF_WALLET]).casefold() in ("", pool.user.casefold())


async def _find(data: HmmData, address: Address) -> list[PoolMatch]:
    return await find_pools(
        pool_drivers(data), data.known_pools, address.host, address.port
    )


async def _find_again(
    data: HmmData, entry: HmmConfigEntry, before: Account, account: Account
) -> Account:
    """Return an account with the settings that its new host needs, if it is known."""
    if account.address == before.address:
        return account
    matches = [
        match
        for match in await _find(data, Address(account.host, account.port))
        if (match.driver_type, match.coin) == (entry.data[CONF_DRIVER], account.coin)
    ]
    if len(matches) != 1:
        return account
    return replace(account, pool_settings=matches[0].settings)


def _open_settings(pool: PoolKind, match: PoolMatch) -> tuple[FormField, ...]:
    """Return the settings that the form shows."""
    listed = match.listed
    return pool.form.open_settings(
        match.settings, listed=listed is not None and bool(listed.template.url)
    )


def _account_schema(
    pool: PoolKind,
    match: PoolMatch,
    settings: Iterable[FormField],
    required: Collection[str],
    secrets: Secrets,
) -> vol.Schema:
    """Return the form of an account: the server if it is not known, who, and how."""
    form: dict[vol.Marker, Any] = {}
    if not (match.url and match.port):
        form |= _SERVER_FIELDS
    if (account := pool.form.account) is not None:
        marker = vol.Required if pool.account_key in required else vol.Optional
        form[marker(pool.account_key)] = account.selector()
    return vol.Schema(
        {**form, **fields(settings, required=required, kept=secrets.known)}
    )


def _with_confirmation(
    schema: vol.Schema, entered: Mapping[str, Any], errors: Mapping[str, str]
) -> vol.Schema:
    """Return a form that also asks whether a wallet is right that no one can check."""
    if CONF_WALLET_CONFIRMED in entered or "wallet_uncertain" in errors.values():
        confirmed = vol.Optional(CONF_WALLET_CONFIRMED, default=False)
        return schema.extend({confirmed: BooleanSelector()})
    return schema


def _as_error(
    refused: Refused | None, schema: vol.Schema
) -> tuple[dict[str, str], Placeholders]:
    """Return the error of a form, if there is one, and what its text is filled with."""
    if refused is None:
        return {}, {}
    field = refused.field if refused.field in schema.schema else BASE
    return {field: refused.key}, refused.placeholders


def _shown(settings: Iterable[FormField], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the present settings as a form takes them, secrets among them."""
    return {
        setting.key: setting.show(
            values.get(setting.key, None if setting.secret else setting.default)
        )
        for setting in settings
    }


def _present_server(
    pools: list[KnownPool], entry: HmmConfigEntry
) -> dict[str, Any] | None:
    """Return the server that an entry uses as what was chosen, None if not listed."""
    where = (entry.data[CONF_HOST], entry.data[CONF_PORT])
    for pool in pools:
        match = match_of(pool)
        if (match.url, match.port) == where:
            return {CONF_REGION: pool.template.template_id}
    return None


def _region_schema(pools: list[KnownPool]) -> vol.Schema:
    """Return a choice of servers: their region and host, as they stand in miners."""
    return vol.Schema(
        {
            vol.Required(CONF_REGION): choice(
                {
                    pool.template.template_id: (
                        f"{pool.template.region} ({pool.template.url})"
                        if pool.template.region and pool.template.url
                        else pool.template.display_name
                    )
                    for pool in pools
                }
            )
        }
    )


def _chosen(pools: list[KnownPool], user_input: dict[str, Any] | None) -> KnownPool:
    """Return the pool of the chosen region, the only one without a choice."""
    if user_input is None:
        return pools[0]
    return next(
        pool for pool in pools if pool.template.template_id == user_input[CONF_REGION]
    )


def _group_name(data: HmmData, driver_type: str, coin: str | None) -> str:
    """Return a name as "Solopool.org · DGB", but "DGB stack"."""
    name = data.drivers.pools[driver_type].name
    if not coin or coin.upper() in name.upper().split():
        return name
    return f"{name} · {coin.upper()}"


def _match_name(data: HmmData, match: PoolMatch) -> str:
    if match.listed is not None:
        return match.listed.template.display_name
    return _group_name(data, match.driver_type, match.coin)


def _match_names(data: HmmData, matches: list[PoolMatch]) -> list[str]:
    """Return a name for each; where two have one, their settings distinguish them."""
    names = [_match_name(data, match) for match in matches]
    return [
        f"{name} ({', '.join(str(value) for value in match.settings.values())})"
        if names.count(name) > 1 and match.settings
        else name
        for name, match in zip(names, matches, strict=True)
    ]


def _mined_name(data: HmmData, mined: MinedPool, matches: list[PoolMatch]) -> str:
    """Return a name as "Solopool.org · DGB (host:8004) · dgb1qa…7xkz · Garage, Shed"."""
    names = dict.fromkeys(
        _group_name(data, match.driver_type, match.coin) for match in matches
    )
    server = f"{' / '.join(names)} ({mined.address})" if names else mined.address
    names_of_miners = ", ".join(mined.miners[:_MAX_NAMES])
    if more := mined.miners[_MAX_NAMES:]:
        names_of_miners += f" +{len(more)}"
    # Where a key identifies the account, the user name is not shown
    kinds = [pool_kind(data, match.driver_type) for match in matches]
    has_account = not kinds or any(kind and kind.form.account for kind in kinds)
    account = mined.account if has_account else ""
    return " · ".join(filter(None, (server, account, names_of_miners)))


def _coin_name(coin: str) -> str:
    return f"{COINS[coin].name} ({coin})" if coin in COINS else coin
