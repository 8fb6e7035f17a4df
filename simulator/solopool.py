"""solopool.org, both generations of its API, for one coin.

No reply of solopool.org was ever recorded: keys and types follow what its readers
use. v2 (2026): `/api/stats`, `/api/miners/<address>`; v1: `/api/stats`,
`/api/accounts/<address>`, `/api/blocks`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
import hashlib
import math
import time
from typing import Any, ClassVar, Literal, override

from .accounts import SHARE_DIFFICULTY, PoolServer, Worker
from .device import Fault
from .httpd import Handler, Request, Response, json_response
from .physics import HASHES_PER_DIFFICULTY


@dataclass(frozen=True, slots=True, kw_only=True)
class Coin:
    """A coin as its solopool sees it."""

    host: str
    difficulty: float
    block_seconds: float
    """Between blocks of this algorithm."""
    height: int
    reward: int
    """Atomic units."""
    pool_hashrate: float


COINS: Mapping[str, Coin] = {
    "dgb": Coin(
        host="dgb-sha.solopool.org",
        difficulty=756_672_128.56,
        block_seconds=75,
        height=22_400_000,
        reward=27_737_600_000,
        pool_hashrate=5e15,
    ),
    "bch": Coin(
        host="bch.solopool.org",
        difficulty=870_000_000_000.0,
        block_seconds=600,
        height=925_000,
        reward=312_500_000,
        pool_hashrate=2.4e16,
    ),
    "btc": Coin(
        host="btc.solopool.org",
        difficulty=133_869_853_540_305.4,
        block_seconds=600,
        height=956_472,
        reward=312_500_000,
        pool_hashrate=6e16,
    ),
    "bc2": Coin(
        host="bc2.solopool.org",
        difficulty=38_000_000_000.0,
        block_seconds=600,
        height=61_000,
        reward=5_000_000_000,
        pool_hashrate=3e15,
    ),
}
DEMO_WALLET = "dgb1qfpx56gryv4kk7grhv9kxcet59ssxumeq9pvxv4"
"""A well-formed address without a key (it spells a text)."""

DEMO_WORKERS: Mapping[str, float] = {
    "gamma": 1.2e12,
    "nerdqaxe": 4.8e12,
    "nano3s": 6.5e12,
}


@dataclass(slots=True)
class Wallet:
    """One account."""

    workers: dict[str, Worker] = field(default_factory=dict)
    blocks: list[dict[str, Any]] = field(default_factory=list)
    round_offset: float = 0.0
    """Work that belongs to rounds that ended."""


class SimulatedSolopool(PoolServer):
    """A solopool of `coin` with its `wallets` (address -> worker name -> H/s).

    Attributes for tests:

      generation        2 or 1: which API it has; the paths of the other are 404
      text_numbers      difficulties come as strings
      nulls             optional values and lists come as null
      unknown_address   what an unknown wallet gets: "missing" (404), "empty" (200 {})
                        or "zeros" (200, all zero)
      wallets           the accounts: `wallets[address].workers[name].offline`
    """

    kind: ClassVar[str] = "solopool"

    def __init__(
        self,
        *,
        name: str | None = None,
        generation: Literal[1, 2] = 2,
        coin: str = "dgb",
        wallets: Mapping[str, Mapping[str, float]] | None = None,
        **options: Any,
    ) -> None:
        """Make a pool; `age` is for how many seconds its workers have mined.

        Raises KeyError: no such coin.
        """
        self.coin = COINS[coin]
        self.coin_name = coin
        super().__init__(name=name or f"solopool-{coin}", **options)
        self.generation = generation
        self.unknown_address: Literal["missing", "empty", "zeros"] = "missing"
        self._started = time.monotonic()
        self._pool_blocks = 17
        self._last_block: int | None = int(self.now) - 7200
        self.wallets: dict[str, Wallet] = {}
        accounts = {DEMO_WALLET: DEMO_WORKERS} if wallets is None else wallets
        for address, workers in accounts.items():
            self.add_wallet(address, workers)

    def add_wallet(self, address: str, workers: Mapping[str, float | Worker]) -> Wallet:
        """Add an account whose workers (name -> H/s, or a miner) mine immediately."""
        wallet = Wallet()
        for worker, hashrate in workers.items():
            made = self.make_worker(
                f"{address}.{worker}", hashrate, self.coin.difficulty
            )
            wallet.workers[worker] = made
            reading = made.read()
            for _ in range(reading.blocks_ever):
                ago = made.miner.random.uniform(0, self._age)
                self._add_block(wallet, worker, reading.best_ever, ago)
        wallet.blocks.sort(key=lambda block: block["timestamp"], reverse=True)
        self.wallets[address] = wallet
        return wallet

    @override
    def find_block(self) -> None:
        """Let the first worker of the first wallet find a block."""
        for wallet in self.wallets.values():
            for name, worker in wallet.workers.items():
                worker.miner.find_block()
                self._add_block(wallet, name, worker.read().best_ever)
                return

    @override
    def state(self) -> dict[str, Any]:
        """How it stands; adds coin, generation, status and hashrate by wallet."""
        return super().state() | {
            "coin": self.coin_name,
            "generation": self.generation,
            "status": self.status,
            "wallets": {
                address: {
                    "hashrate": sum(
                        0.0 if worker.offline else worker.read().hashrate
                        for worker in wallet.workers.values()
                    ),
                    "blocks": len(wallet.blocks),
                }
                for address, wallet in self.wallets.items()
            },
        }

    # --- HTTP ---------------------------------------------------------------

    @override
    def routes(self) -> dict[str, Handler]:
        v1, v2 = self._only(1), self._only(2)
        return {
            "GET /api/stats": self._stats,
            "GET /api/miners/*": v2(lambda request: self._account(request, _miner)),
            "GET /api/accounts/*": v1(lambda request: self._account(request, _v1)),
            "GET /api/blocks": v1(self._blocks),
        }

    @override
    def unknown(self, request: Request) -> Response:
        return Response(status=404, body=self.error_page.format(status=404).encode())

    def _only(self, generation: int) -> Callable[[Handler], Handler]:
        """Make a route that another generation does not have."""

        def route(handler: Handler) -> Handler:
            def answer(request: Request) -> Response:
                if self.generation != generation:
                    return self.unknown(request)
                return handler(request)

            return answer

        return route

    @property
    def difficulty(self) -> float:
        """Network difficulty, which moves a little with every block."""
        swing = math.sin((time.monotonic() - self._started) / 900) * 0.01
        return self.coin.difficulty * (1 + swing)

    @property
    def height(self) -> int:
        """Height of the chain."""
        elapsed = (time.monotonic() - self._started) * self._speed
        return self.coin.height + int(elapsed / self.coin.block_seconds)

    def _stats(self, _: Request) -> Response:
        network = self.difficulty * HASHES_PER_DIFFICULTY / self.coin.block_seconds
        if self.generation == 1:
            return json_response(
                {
                    "stats": {
                        "difficulty": self.number(self.difficulty),
                        "hashrate": self.number(network * 0.96),
                    },
                    "hashrate": self.coin.pool_hashrate,
                }
            )
        now = int(self.now)
        newest = now - now % 600
        node = {
            "height": self.height,
            "difficulty": self.number(self.difficulty),
            # The node's own figure is a trailing mean and some percent off.
            "hashrate": self.number(network * 0.96),
        }
        return json_response(
            {
                "hashrate": self.coin.pool_hashrate,
                "totalMiners": 321,
                "totalWorkers": 512,
                "totalBlocks": self._pool_blocks,
                "lastBlockTime": None if self.nulls else self._last_block,
                "node": None if self.nulls else node,
                "charts": None
                if self.nulls
                else [
                    {
                        "x": newest - 600 * step,
                        "y": self.coin.pool_hashrate * (1 - 0.01 * (step % 5)),
                    }
                    for step in range(12)
                ],
            }
        )

    def _account(
        self,
        request: Request,
        show: Callable[[SimulatedSolopool, Wallet], dict[str, Any]],
    ) -> Response:
        address = request.path.rpartition("/")[2]
        wallet = self.wallets.get(address)
        # A pool has no MAC: its wrong device is one that does not know the wallet.
        if wallet is None or self.fault is Fault.WRONG_MAC:
            match self.unknown_address:
                case "missing":
                    return self.unknown(request)
                case "empty":
                    return json_response({})
            wallet = Wallet()
        self._update(wallet)
        return json_response(show(self, wallet))

    def _update(self, wallet: Wallet) -> None:
        """Note the shares and blocks since the last read."""
        for name, worker in wallet.workers.items():
            reading = worker.read()
            counted = sum(block["worker"] == name for block in wallet.blocks)
            for _ in range(reading.blocks_ever - counted):
                self._add_block(wallet, name, reading.best_ever)

    def _add_block(
        self, wallet: Wallet, worker: str, difficulty: float, ago: float = 0.0
    ) -> None:
        digest = hashlib.sha256(f"{worker}{len(wallet.blocks)}".encode()).hexdigest()
        timestamp = int(self.now - ago)
        self._last_block = max(self._last_block or 0, timestamp)
        self._pool_blocks += 1
        # What was done before the block belongs to the round that it ended.
        before = 1 - ago / self._age if ago else 1.0
        wallet.round_offset = max(wallet.round_offset, _work(wallet) * before)
        wallet.blocks.insert(
            0,
            {
                "height": self.height - int(ago / self.coin.block_seconds),
                "hash": "0" * 16 + digest[16:],
                "tx": digest,
                "timestamp": timestamp,
                "worker": worker,
                "shareDiff": round(difficulty),
                "minerReward": self.coin.reward,
            },
        )

    def _blocks(self, _: Request) -> Response:
        entries = [
            {
                "height": block["height"],
                "hash": block["hash"],
                "miner": address,
                "worker": block["worker"],
                "timestamp": block["timestamp"],
                "difficulty": self.number(self.difficulty),
                "shareDifficulty": block["shareDiff"],
                "orphan": False,
                "reward": str(block["minerReward"]),
            }
            for address, wallet in self.wallets.items()
            for block in wallet.blocks
        ]
        # Empty lists come as null in this family.
        return json_response(
            {"candidates": None, "immature": entries or None, "matured": []}
        )


def _work(wallet: Wallet) -> float:
    return SHARE_DIFFICULTY * sum(
        worker.read().accepted for worker in wallet.workers.values()
    )


def _miner(pool: SimulatedSolopool, wallet: Wallet) -> dict[str, Any]:
    """Show an account as v2 does."""
    readings = {name: worker.read() for name, worker in wallet.workers.items()}
    online = sum(not worker.offline for worker in wallet.workers.values())
    last = wallet.blocks[0]["timestamp"] if wallet.blocks else None
    return {
        "hashrate": round(
            sum(reading.averages["10m"] for reading in readings.values())
        ),
        "averageHashrate": round(
            sum(reading.averages["1d"] for reading in readings.values())
        ),
        "onlineWorkers": online,
        "offlineWorkers": len(wallet.workers) - online,
        "totalWorkers": len(wallet.workers),
        "lastShare": None if pool.nulls else _last_share(pool, wallet),
        "roundShares": round(_work(wallet) - wallet.round_offset),
        "bestShare": None
        if pool.nulls
        else round(
            max((reading.best_ever for reading in readings.values()), default=0)
        ),
        "totalBlocks": len(wallet.blocks),
        "lastBlockTime": None if pool.nulls else last,
        "blocks": None if pool.nulls else wallet.blocks,
        "workers": None
        if pool.nulls
        else {
            name: {
                "hr": round(readings[name].averages["10m"]),
                "offline": worker.offline,
            }
            for name, worker in wallet.workers.items()
        },
    }


def _v1(pool: SimulatedSolopool, wallet: Wallet) -> dict[str, Any]:
    """Show an account as v1 does (open-ethereum-pool family)."""
    readings = {name: worker.read() for name, worker in wallet.workers.items()}
    online = sum(not worker.offline for worker in wallet.workers.values())
    now = pool.now
    luck = (_work(wallet) - wallet.round_offset) / pool.coin.difficulty
    earnings = []
    for period in (86_400, 604_800, 2_592_000):
        recent = sum(now - block["timestamp"] <= period for block in wallet.blocks)
        earnings.append(
            {
                "period": period,
                "blocks": recent,
                "amount": recent * pool.coin.reward,
                "luck": 0.83 if recent else 0,
            }
        )
    payments = [
        {
            "amount": block["minerReward"],
            "timestamp": block["timestamp"],
            "tx": block["tx"],
        }
        for block in wallet.blocks
    ]
    return {
        "hashrate": round(sum(reading.averages["1d"] for reading in readings.values())),
        "currentHashrate": round(
            sum(reading.averages["10m"] for reading in readings.values())
        ),
        "currentLuck": f"{luck * 100:.1f}",
        "paymentsTotal": len(payments),
        "payments": None if pool.nulls or not payments else payments,
        "earnings": None if pool.nulls else earnings,
        "stats": {
            "lastShare": None if pool.nulls else _last_share(pool, wallet),
            "roundShares": round(_work(wallet) - wallet.round_offset),
            "paid": sum(payment["amount"] for payment in payments),
            "currentLuck": luck,
        },
        "workersOnline": online,
        "workersOffline": len(wallet.workers) - online,
        "workersTotal": len(wallet.workers),
        "workers": None
        if pool.nulls
        else {
            name: {
                "hr": round(readings[name].averages["10m"]),
                "hr2": round(readings[name].averages["1d"]),
                "lastBeat": round(worker.seen + pool.clock_skew),
                "offline": worker.offline,
                "sharesValid": readings[name].accepted,
                "sharesInvalid": readings[name].rejected,
                "sharesStale": readings[name].accepted // 400,
            }
            for name, worker in wallet.workers.items()
        },
    }


def _last_share(pool: SimulatedSolopool, wallet: Wallet) -> int:
    seen = max((worker.seen for worker in wallet.workers.values()), default=0)
    return round(seen + pool.clock_skew) if seen else 0
