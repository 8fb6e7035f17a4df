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
    MiningModel,
    PoolBlock,
    PoolWorker,
    count_online,
)
from custom_components.hmm.driver_api.account import (
    account_tiles,
    objects,
    outcome,
    wallet_schema,
)
from custom_components.hmm.driver_api.transports.web import WebApi
from custom_components.hmm.driver_api.units import (
    parse_amount,
    parse_bool,
    parse_count,
    parse_number,
    parse_text,
    parse_timestamp,
)
from custom_components.hmm.driver_api.wallets import strip_worker

__version__ = "1.0.0"

DAY = 86_400


class ExamplePoolDriver(BasePoolIntegration):
    """The Example Pool.

    ONE instance serves all accounts of all users of this pool; ``self.session`` is provided
    by HMM. Several calls may run at the same time. An answer may take 30 seconds.

    Every method gets the settings of the account as keyword arguments: the keys of the
    pool file that HMM does not know itself, what the user was asked by
    ``get_config_schema``, and ``stratum_port``. Here: ``api_base`` replaces the address
    of the API. Have such a setting in your driver: tests and recordings need it, and
    so do people whose pool moves.
    """

    # --- what kind of pool it is for ---------------------------------------------------

    # Unique, lower case, no blanks; pool files name it as ``driver:``.
    driver_type = "example_pool"
    driver_version = __version__
    # Only if you use something that not every HMM has: driver_api.INTERFACE_VERSION
    # interface_version = "1.1"
    display_name = "Example Pool"
    documentation_url = "https://pool.example"
    # Symbols in capital letters; an empty list means any.
    supports_coins: ClassVar[list[str]] = ["BTC"]
    requires_api_key = False
    # SOLO: a block is the user's own. POOL: it is shared, and counted as the pool's.
    mining_model = MiningModel.SOLO
    # Whether the servers of all regions show the same account
    servers_share_accounts = True
    # How often an account is queried. Be polite: public pools ban clients that poll too
    # often.
    poll_seconds = 60
    # The unit that the hashrate sensors show, for life: "TH/s", "GH/s", "MH/s" or
    # "kH/s". The values that you return are in H/s all the same.
    hashrate_unit = "TH/s"

    network_seconds = 60.0
    """How long one answer about the network serves all accounts."""

    def __init__(self) -> None:
        """Make a driver that has sent no request yet. There is no session yet."""
        self._apis: dict[str, WebApi] = {}

    def _api(self, options: Mapping[str, Any]) -> WebApi:
        """Return the client of an address: one for all accounts that are there.

        WebApi reads JSON with time and size limits, obeys "429 Too Many Requests",
        and ``shared_object`` asks once for all accounts that want the same.
        """
        base = parse_text(options.get("api_base")) or "https://pool.example/api"
        if (api := self._apis.get(base)) is None:
            # Seconds for one request: all requests of one call must fit into 30
            api = self._apis[base] = WebApi(self.session, base, timeout=10.0)
        return api

    # --- to recognise it ---------------------------------------------------------------

    @override
    async def detect(self, url: str, port: int) -> bool:
        """Return whether a stratum host and port belong to this pool.

        It is called for every pool that a user adds and every pool in a user's
        miners. Compare the whole host ("pool.example.evil.com" is not the pool), do not
        go by the port alone (thousands use 3333), and send no request: this is about
        names. For servers in the user's own network, which have no name, there is
        ``probe``.
        """
        host = url.strip().lower().rpartition("://")[2].partition("/")[0]
        return host.partition(":")[0] in ("pool.example", "eu.pool.example")

    # ``coin_at`` is inherited: this pool has only one coin. With several, override it
    # and distinguish them by host and port.

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
        # Users type "address.worker"; the account is the address.
        address = strip_worker(username or "")
        network = await outcome(self._network(coin, kwargs))
        account = (
            await outcome(self._account(coin, address, kwargs)) if address else None
        )
        # It adds health, time to a block, share of the network and the reject rate:
        # the same formulas for all pools. An account that is None is "no miner of this
        # address was seen yet", which is not a failure.
        return account_tiles(coin, network, account, mining_model=self.mining_model)

    @override
    def get_server_time(self, url: str, coin: str, **kwargs: Any) -> float | None:
        """Return what the pool's clock says now."""
        return self._api(kwargs).server_time

    # --- what the user is asked
    # --------------------------------------------------------

    @override
    def get_config_schema(self) -> dict[str, Any]:
        """Return what the user must enter, as a JSON schema.

        ``format`` "wallet" has an address checked for the coin, "password" hides what
        is typed. A key of the pool: {"api_key": {"type": "string", "title": "API key",
        "format": "password"}}, and ``requires_api_key = True`` above.
        """
        return wallet_schema()

    @override
    async def close(self) -> None:
        """Give back what you hold; a newer version of the file takes over."""
        self._apis.clear()

    # --- requests ----------------------------------------------------------------------

    async def _network(
        self, coin: str, options: Mapping[str, Any]
    ) -> tuple[float | None, float]:
        """Return the difficulty and the latency (ms), from one request for all accounts."""
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
        return parse_amount(data.get("difficulty")), latency

    async def _account(
        self, coin: str, address: str, options: Mapping[str, Any]
    ) -> tuple[DashboardTileData | None, float]:
        """Return one account and the latency; None: the pool does not know it (404).

        An address is a secret: it is in the path, but never in a message.
        """
        path = f"{coin.lower()}/account/{quote(address, safe='')}"
        data, latency = await self._api(options).get_object(path)
        if data is None:
            return None, latency
        if "hashrate" not in data and "workers" not in data:
            raise BadAnswer(
                "The pool answered with something else than an account",
                reason="bad_response",
            )
        # By the clock of the pool: that of this machine may be wrong
        return _figures(data, coin, since=self._api(options).now() - DAY), latency


def _figures(
    account: Mapping[str, Any], coin: str, *, since: float
) -> DashboardTileData:
    """Return what the pool reports of an account, and nothing that follows from it."""
    shares = _section(account, "shares")
    workers = _workers(account)
    blocks = _blocks(account.get("blocks"), coin)
    recent = [b for b in blocks if (b.timestamp or 0) > since]
    return DashboardTileData(
        # Tile 2: network
        pool_hashrate=parse_amount(account.get("hashrate")),
        active_workers=(
            count_online(workers) if isinstance(account.get("workers"), list) else None
        ),
        # Tile 3: shares. Counts; a sum of difficulties is not a number of shares.
        shares_valid=parse_count(shares.get("valid")),
        shares_invalid=parse_count(shares.get("invalid")),
        shares_stale=parse_count(shares.get("stale")),
        # Tile 4: blocks and earnings. Solo: there are no earnings between blocks.
        blocks_found_24h=(
            len(recent) if isinstance(account.get("blocks"), list) else None
        ),
        last_block_found=parse_timestamp(blocks[0].timestamp) if blocks else None,
        # Beyond the tiles
        own_blocks=blocks,
        best_share=parse_amount(account.get("best_share")),
        last_share=parse_timestamp(account.get("last_share")),
        workers=workers,
    )


def _workers(account: Mapping[str, Any]) -> tuple[PoolWorker, ...]:
    """Return the workers. Their names become entities: report them as the pool does."""
    return tuple(
        PoolWorker(
            name=parse_text(entry.get("name")) or "default",
            hashrate=parse_amount(entry.get("hashrate")),
            online=parse_bool(entry.get("online")),
        )
        for entry in objects(account.get("workers"))
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
        for entry in objects(value)
    ]
    return tuple(sorted(blocks, key=lambda block: block.timestamp or 0, reverse=True))


def _section(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = data.get(name)
    return section if isinstance(section, dict) else {}
