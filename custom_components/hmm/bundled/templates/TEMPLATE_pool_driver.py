r"""Example Pool: solo mining of Bitcoin, with a public JSON API.

TEMPLATE of a pool driver. Copy it to ``acme_pool_driver.py`` (the name must end in
``_driver.py`` and may not contain "template"), rename the class and its
``driver_type``, then replace what is below with what your pool does. So that users can
choose the pool from the list, copy templates/TEMPLATE-pool.yaml.example as well.

It is complete and works, with an example pool that runs on your own machine:

    script/driver pool acme_pool_driver.py simulator:example-pool \
        --username bc1qfpx56gr90psk6urvv5sjzgfpyysjzgfpxfltym \
        --set api_base=http://{address}/api

What the pool answers is described at the top of driver_tool/example.py.

Changes
1.0.0  First version.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, override
from urllib.parse import quote

from custom_components.hmm.driver_api import (
    BadAnswer,
    BasePoolIntegration,
    DashboardTileData,
    DriverError,
    MiningModel,
    PoolBlock,
    PoolHealthStatus,
    PoolStats,
    PoolWorker,
    count_online,
    reason_of,
)
from custom_components.hmm.driver_api.coins import network_figures
from custom_components.hmm.driver_api.transports.web import WebApi
from custom_components.hmm.driver_api.units import (
    parse_amount,
    parse_bool,
    parse_count,
    parse_moment,
    parse_number,
    parse_text,
    reject_percent,
)
from custom_components.hmm.driver_api.wallets import is_wallet, strip_worker

__version__ = "1.0.0"

DAY = 86_400


class ExamplePoolDriver(BasePoolIntegration):
    """The Example Pool.

    ONE instance serves all accounts of all users of this pool; ``self.session`` is lent
    to it. Several calls may run at the same time. An answer may take 30 seconds.

    Every method gets the settings of the account as keyword arguments: the keys of the
    pool file that HMM does not know itself, what the user was asked for by
    ``get_config_schema``, and ``stratum_port``. Here: ``api_base`` replaces the address
    of the API. Have such a setting in your driver: tests and recordings need it, and
    so do people whose pool moves.
    """

    # --- what kind of pool it is for ---------------------------------------------------

    # Unique, lower case, no blanks; pool files name it as ``driver:``.
    driver_type = "example_pool"
    driver_version = __version__
    display_name = "Example Pool"
    documentation_url = "https://pool.example"
    # Symbols in capital letters; an empty list means any.
    supports_coins: ClassVar[list[str]] = ["BTC"]
    requires_api_key = False
    # SOLO: a block is the user's own. POOL: it is shared, and counted as the pool's.
    mining_model = MiningModel.SOLO
    # Whether the servers of all regions show the same account
    servers_share_accounts = True
    # How often an account is asked. Be polite: public pools ban who asks too often.
    poll_seconds = 60
    # The unit that the hashrate sensors show, for life: "TH/s", "GH/s", "MH/s" or
    # "kH/s". The values that you return are in H/s all the same.
    hashrate_unit = "TH/s"

    network_seconds = 60.0
    """How long one answer about the network serves all accounts."""

    def __init__(self) -> None:
        """Make a driver that has asked nothing yet. There is no session yet."""
        self._apis: dict[str, WebApi] = {}

    def _api(self, options: Mapping[str, Any]) -> WebApi:
        """Return the client of an address: one for all accounts that are there.

        WebApi reads JSON with time and size limits, obeys "429 Too Many Requests",
        and ``shared_object`` asks once for all accounts that want the same.
        """
        base = parse_text(options.get("api_base")) or "https://pool.example/api"
        if (api := self._apis.get(base)) is None:
            # Seconds for one request: all that one call asks for must fit into 30
            api = self._apis[base] = WebApi(self.session, base, timeout=10.0)
        return api

    # --- to recognise it ---------------------------------------------------------------

    @override
    async def detect(self, url: str, port: int) -> bool:
        """Return whether a stratum host and port belong to this pool.

        It is asked about every pool that somebody adds and every pool in somebody's
        miners. Compare the whole host ("pool.example.evil.com" is not the pool), do not
        go by the port alone (thousands use 3333), and ask nobody: this is about names.
        For servers in the user's own network, which have no name, there is ``probe``.
        """
        host = url.strip().lower().rpartition("://")[2].partition("/")[0]
        return host.partition(":")[0] in ("pool.example", "eu.pool.example")

    # ``coin_at`` is inherited: this pool has only one coin. With several, override it
    # and tell them apart by host and port.

    # --- the figures -------------------------------------------------------------------

    @override
    async def get_dashboard_data(
        self, url: str, coin: str, username: str | None = None, **kwargs: Any
    ) -> DashboardTileData:
        """Return the four tiles of one account.

        WHOSE FIGURES: those of the user's own address, never the pool's total. WHAT THE
        POOL DOES NOT TELL IS None, not 0. Hashrates are in H/s, times in seconds,
        shares of something in percent, moments have a time zone.

        A pool that fails is no error here but ``health_status`` False with a message:
        what is known is still shown. Raise DriverError (AuthRequired for a key that is
        refused) where there is nothing to show.
        """
        difficulty: float | None = None
        problem: str | None = None
        latency: float | None = None
        try:
            network, latency = await self._network(coin, kwargs)
            difficulty = parse_amount(network.get("difficulty"))
        except DriverError as err:
            problem = reason_of(err)
        # Users type "address.worker"; the account is the address.
        address = strip_worker(username or "")
        account: Mapping[str, Any] | None = None
        if address:
            try:
                account, latency = await self._account(coin, address, kwargs)
            except DriverError as err:
                problem = reason_of(err)
        tiles = DashboardTileData(
            health_status=problem is None,
            health_message=problem,
            latency_ms=None if problem else latency,
            network_difficulty=difficulty,
            currency=coin.upper(),
            # False: "no miner of this address was seen yet", which is not a failure
            account_known=not address or account is not None or problem is not None,
        )
        if account is None:
            return tiles
        hashrate = parse_amount(account.get("hashrate"))
        # Time to a block and share of the network: the same formula for all pools
        figures = network_figures(coin, difficulty, hashrate)
        shares = _section(account, "shares")
        valid = parse_count(shares.get("valid"))
        invalid = parse_count(shares.get("invalid"))
        stale = parse_count(shares.get("stale"))
        workers = _workers(account)
        blocks = _blocks(account.get("blocks"), coin)
        # By the clock of the pool: that of this machine may be wrong
        since = self._api(kwargs).now() - DAY
        recent = [b for b in blocks if (b.timestamp or 0) > since]
        return DashboardTileData(
            # Tile 1: health
            health_status=tiles.health_status,
            health_message=tiles.health_message,
            latency_ms=tiles.latency_ms,
            # Tile 2: network
            network_difficulty=difficulty,
            pool_hashrate=hashrate,
            estimated_time_to_block=figures.seconds,
            pool_percentage=figures.percent,
            active_workers=(
                count_online(workers)
                if isinstance(account.get("workers"), list)
                else None
            ),
            # Tile 3: shares. Counts; a sum of difficulties is no number of shares.
            shares_valid=valid,
            shares_invalid=invalid,
            shares_stale=stale,
            reject_rate=reject_percent(valid, invalid, stale),
            # Tile 4: blocks and earnings. Solo: there are no earnings between blocks.
            blocks_found_24h=(
                len(recent) if isinstance(account.get("blocks"), list) else None
            ),
            last_block_found=parse_moment(blocks[0].timestamp) if blocks else None,
            currency=tiles.currency,
            # Beyond the tiles
            own_blocks=blocks,
            best_share=parse_amount(account.get("best_share")),
            last_share=parse_moment(account.get("last_share")),
            workers=workers,
        )

    @override
    async def get_health(self, url: str, port: int, **kwargs: Any) -> PoolHealthStatus:
        """Return whether the pool answers, and how fast (ms)."""
        coin = parse_text(kwargs.get("coin")) or self.supports_coins[0]
        try:
            _, latency = await self._network(coin, kwargs)
        except DriverError as err:
            return PoolHealthStatus(is_healthy=False, error_message=reason_of(err))
        return PoolHealthStatus(is_healthy=True, latency_ms=latency)

    @override
    async def get_network_difficulty(self, coin: str, **kwargs: Any) -> float | None:
        """Return the difficulty of the network, on the algorithm that is mined."""
        network, _ = await self._network(coin, kwargs)
        return parse_amount(network.get("difficulty"))

    @override
    async def get_pool_stats(
        self, url: str, coin: str, **kwargs: Any
    ) -> PoolStats | None:
        """Return figures of the whole pool. These are not the user's: no tile shows them."""
        network, _ = await self._network(coin, kwargs)
        pool = _section(network, "pool")
        return PoolStats(
            hashrate=parse_amount(pool.get("hashrate")),
            active_workers=parse_count(pool.get("workers")),
            blocks_found=parse_count(pool.get("blocks")),
            network_difficulty=parse_amount(network.get("difficulty")),
        )

    @override
    async def get_blocks(
        self, url: str, coin: str, hours: int = 24, **kwargs: Any
    ) -> list[PoolBlock]:
        """Return the blocks that the pool found lately, newest first."""
        data, _ = await self._api(kwargs).get_json(f"{coin.lower()}/blocks")
        since = self._api(kwargs).now() - hours * 3600
        return [b for b in _blocks(data, coin) if (b.timestamp or 0) >= since]

    @override
    def get_server_time(self, url: str, coin: str, **kwargs: Any) -> float | None:
        """Return what the pool's clock says now."""
        return self._api(kwargs).server_time

    # --- what the user is asked for ----------------------------------------------------

    @override
    def get_config_schema(self) -> dict[str, Any]:
        """Return what the user must tell, as a JSON schema.

        ``format`` "wallet" has an address checked for the coin, "password" hides what
        is typed. A key of the pool: {"api_key": {"type": "string", "title": "API key",
        "format": "password"}}, and ``requires_api_key = True`` above.
        """
        return {
            "type": "object",
            "properties": {
                "username": {
                    "type": "string",
                    "title": "Wallet address",
                    "format": "wallet",
                },
            },
            "required": ["username"],
        }

    @override
    def validate_config(self, config: dict[str, Any]) -> bool:
        """Return whether what was told can be right. Asks nobody."""
        return is_wallet(config.get("username"), config.get("coin"))

    @override
    async def close(self) -> None:
        """Give back what you hold; a newer version of the file takes over."""
        self._apis.clear()

    # --- requests ----------------------------------------------------------------------

    async def _network(
        self, coin: str, options: Mapping[str, Any]
    ) -> tuple[Mapping[str, Any], float]:
        """Return what is the same for all accounts, from one request for all of them."""
        path = f"{coin.lower()}/network"
        data, latency = await self._api(options).shared_object(
            path, self.network_seconds
        )
        if data is None:
            # The message is for the log. With a key of driver_api/reasons.py, users read
            # the sentence of HMM in their own language; without one, they read yours.
            raise BadAnswer(
                "The pool has no figures of this coin", reason="no_statistics"
            )
        return data, latency

    async def _account(
        self, coin: str, address: str, options: Mapping[str, Any]
    ) -> tuple[Mapping[str, Any] | None, float]:
        """Return one account and the latency; None: the pool does not know it (404).

        An address is a secret: it is in the path, but never in a message.
        """
        path = f"{coin.lower()}/account/{quote(address, safe='')}"
        data, latency = await self._api(options).get_object(path)
        if data is not None and "hashrate" not in data and "workers" not in data:
            raise BadAnswer(
                "The pool answered with something else than an account",
                reason="bad_response",
            )
        return data, latency


def _workers(account: Mapping[str, Any]) -> tuple[PoolWorker, ...]:
    """Return the workers. Their names become entities: tell them as the pool does."""
    return tuple(
        PoolWorker(
            name=parse_text(entry.get("name")) or "default",
            hashrate=parse_amount(entry.get("hashrate")),
            online=parse_bool(entry.get("online")),
        )
        for entry in _entries(account.get("workers"))
    )


def _blocks(value: Any, coin: str) -> tuple[PoolBlock, ...]:
    blocks = [
        PoolBlock(
            height=parse_count(entry.get("height")),
            hash=parse_text(entry.get("hash")),
            miner=parse_text(entry.get("finder")),
            timestamp=parse_count(entry.get("time")),
            difficulty=parse_number(entry.get("share")),
            coin=coin.upper(),
        )
        for entry in _entries(value)
    ]
    return tuple(sorted(blocks, key=lambda block: block.timestamp or 0, reverse=True))


def _entries(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects of a list; a pool may send null where it has none."""
    if not isinstance(value, list):
        return []
    return [entry for entry in value if isinstance(entry, dict)]


def _section(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = data.get(name)
    return section if isinstance(section, dict) else {}
