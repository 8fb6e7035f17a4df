"""The pool servers of MMFP Solutions: GoSlimStratum and GoStratumEngine.

GoStratumEngine is made after its source (`pkg/metrics/api.go`, `stats.go`).
GoSlimStratum's is closed: keys and types follow what its clients read, status
codes and texts of its errors are guesses.
"""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
import hashlib
import json
import time
from typing import Any, ClassVar, Literal, override

from .accounts import PoolServer, Worker
from .httpd import Handler, Request, Response
from .physics import HASHES_PER_DIFFICULTY, Reading
from .solopool import DEMO_WALLET, DEMO_WORKERS

SECONDS_PER_SHARE = 15
"""What both servers' variable difficulty aims at."""
MIN_DIFFICULTY = 512
MAX_DIFFICULTY = 32768

NEVER = "0001-01-01T00:00:00Z"
"""How Go writes a time that was not set."""

PLAIN = "text/plain; charset=utf-8"

DEMO_ACCOUNTS: Mapping[str, Mapping[str, Mapping[str, float]]] = {
    "dgb": {DEMO_WALLET: DEMO_WORKERS}
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """The network of a coin."""

    difficulty: float
    block_seconds: float
    height: int


CHAINS: Mapping[str, Chain] = {
    "dgb": Chain(difficulty=756_672_128.56, block_seconds=75, height=22_400_000),
    "bch": Chain(difficulty=870_000_000_000.0, block_seconds=600, height=925_000),
    "btc": Chain(difficulty=133_869_853_540_305.4, block_seconds=600, height=956_472),
    "bc2": Chain(difficulty=38_000_000_000.0, block_seconds=600, height=61_000),
    "xec": Chain(difficulty=62_000_000_000.0, block_seconds=600, height=921_000),
}


@dataclass(slots=True)
class Found:
    """A block that was found."""

    user: str
    height: int
    hash: str
    time: float
    """Epoch seconds."""


@dataclass(slots=True)
class Pool:
    """The pool of one coin."""

    chain: Chain
    workers: dict[str, Worker] = field(default_factory=dict)
    """By stratum user."""
    blocks: list[Found] = field(default_factory=list)
    """The last one first."""


class SimulatedMmfpServer(PoolServer):
    """A server with a pool per coin.

    `accounts` are coin -> address -> worker name -> H/s; a worker name that is
    empty makes a miner whose user is the bare address. A restart of the server
    (`reboot()`) is none of the miners: their counters there begin at 0.

    Attributes for tests:

      text_numbers   numbers of some precision come as strings
      nulls          what may be missing comes as null
      status         answer this status to everything (429 with Retry-After, 500 ...)
      pools          `pools["dgb"].workers["<address>.<name>"].offline = True`
    """

    error_page = "upstream is not available\n"
    error_type = PLAIN

    def __init__(
        self,
        *,
        name: str,
        accounts: Mapping[str, Mapping[str, Mapping[str, float]]] | None = None,
        **options: Any,
    ) -> None:
        """Make a server; `age` is for how many seconds it has run.

        Raises KeyError: no such coin.
        """
        super().__init__(name=name, **options)
        self._made = self._started = time.monotonic()
        self.pools: dict[str, Pool] = {}
        for coin, addresses in (
            DEMO_ACCOUNTS if accounts is None else accounts
        ).items():
            pool = self.pools[coin] = Pool(CHAINS[coin])
            for address, workers in addresses.items():
                for worker, hashrate in workers.items():
                    self.add_worker(
                        coin, f"{address}.{worker}" if worker else address, hashrate
                    )
            pool.blocks.sort(key=lambda block: block.time, reverse=True)

    def add_worker(self, coin: str, user: str, hashrate: float | Worker) -> Worker:
        """Add a miner that has mined as this stratum user for as long as the server."""
        pool = self.pools[coin]
        rate = hashrate.miner.expected if isinstance(hashrate, Worker) else hashrate
        worker = self.make_worker(
            user,
            hashrate,
            pool.chain.difficulty,
            share_difficulty=suited_difficulty(rate),
        )
        pool.workers[user] = worker
        reading = worker.read()
        for _ in range(reading.blocks_ever):
            self._add_block(pool, user, worker.miner.random.uniform(0, self._age))
        return worker

    @override
    def find_block(self) -> None:
        """Let the first worker of the first coin find a block."""
        for pool in self.pools.values():
            for worker in pool.workers.values():
                worker.miner.find_block()
                self._update(pool)
                return

    @override
    def state(self) -> dict[str, Any]:
        """How it stands; adds status, and hashrate, workers and blocks by coin."""
        return super().state() | {
            "status": self.status,
            "coins": {
                coin: {
                    "hashrate": sum(
                        hashrate(worker, worker.read())
                        for worker in pool.workers.values()
                    ),
                    "workers": sum(
                        not worker.offline for worker in pool.workers.values()
                    ),
                    "blocks": len(pool.blocks),
                }
                for coin, pool in self.pools.items()
            },
        }

    @property
    def uptime(self) -> float:
        """Seconds since its start."""
        before = self._age if self.boots <= 1 else 0.0
        return before + (time.monotonic() - self._started) * self._speed

    @override
    def _booted(self) -> None:
        self._started = time.monotonic()
        if self.boots > 1:
            for pool in self.pools.values():
                self._update(pool)
                for worker in pool.workers.values():
                    worker.forget()
            self._restarted()

    @abstractmethod
    def _restarted(self) -> None:
        """Forget what is not kept over a restart."""

    # --- HTTP ---------------------------------------------------------------

    @override
    def unknown(self, request: Request) -> Response:
        return Response(
            status=404,
            body=b"404 page not found\n",
            content_type=PLAIN,
            headers={"X-Content-Type-Options": "nosniff"},
        )

    def number(self, value: float) -> float | int | str:
        """Give a number as Go writes it, or its text where `text_numbers` is set."""
        written = go_number(value)
        return str(written) if self.text_numbers else written

    def _update(self, pool: Pool) -> dict[str, Reading]:
        """Read all miners of a pool; note the blocks since the last read."""
        readings = {user: worker.read() for user, worker in pool.workers.items()}
        for user, reading in readings.items():
            counted = sum(block.user == user for block in self._all_blocks(pool))
            for _ in range(reading.blocks_ever - counted):
                self._add_block(pool, user)
        return readings

    def _all_blocks(self, pool: Pool) -> Iterator[Found]:
        """Give all blocks ever, also those that the server forgot."""
        yield from pool.blocks

    def _add_block(self, pool: Pool, user: str, ago: float = 0.0) -> None:
        elapsed = (time.monotonic() - self._made) * self._speed - ago
        height = pool.chain.height + int(elapsed / pool.chain.block_seconds)
        digest = hashlib.sha256(f"{user}{height}{len(pool.blocks)}".encode())
        pool.blocks.insert(
            0,
            Found(
                user=user,
                height=height,
                hash="0" * 16 + digest.hexdigest()[16:],
                time=time.time() - ago,
            ),
        )


class SimulatedGoSlimStratum(SimulatedMmfpServer):
    """A GoSlimStratum of release 5: blocks and best shares are in its database.

    Attributes for tests:

      api_key    what `X-API-Key` must be for all but `/api/v1/health`
      refusal    the status without it: 401 or 403
      ettb       its own time to a block as "text" or as "seconds"
    """

    kind: ClassVar[str] = "mmfp-gss"

    def __init__(self, *, name: str | None = None, **options: Any) -> None:
        """Take the options of SimulatedMmfpServer."""
        super().__init__(name=name or "mmfp-gss", **options)
        self.api_key: str | None = None
        self.refusal = 401
        self.ettb: Literal["text", "seconds"] = "text"

    @override
    def _restarted(self) -> None:
        """Keep the blocks: they are in the database."""

    @override
    def routes(self) -> dict[str, Handler]:
        return {
            "GET /api/v1/health": self._health,
            "GET /api/v1/*": self._metrics,
        }

    @override
    def admit(self, request: Request) -> Response | None:
        if (refusal := super().admit(request)) is not None:
            return refusal
        if (
            self.api_key is None
            or request.path == "/api/v1/health"
            or request.headers.get("x-api-key") == self.api_key
        ):
            return None
        return go_json({"error": "invalid or missing API key"}, status=self.refusal)

    def _health(self, _: Request) -> Response:
        return go_json({"status": "ok", "version": "5.0.0", "uptime": int(self.uptime)})

    def _metrics(self, request: Request) -> Response:
        """Answer `/api/v1/<COIN>/metrics/<kind>`; release 5 has none without coin."""
        coin, _, path = request.path.removeprefix("/api/v1/").partition("/")
        pool = self.pools.get(coin.lower()) if coin == coin.upper() else None
        if pool is not None and path == "metrics/pool":
            return self._pool(pool)
        if pool is not None and path == "metrics/miners":
            return self._miners(pool)
        return self.unknown(request)

    def _pool(self, pool: Pool) -> Response:
        readings = self._update(pool)
        chain = pool.chain
        rates = {
            name: sum(
                reading.averages[window]
                for user, reading in readings.items()
                if not pool.workers[user].offline
            )
            for name, window in (("1m", "1m"), ("5m", "10m"), ("15m", "1h"))
        }
        network = chain.difficulty * HASHES_PER_DIFFICULTY / chain.block_seconds
        valid = sum(reading.accepted for reading in readings.values())
        invalid, stale = _refused(
            sum(reading.rejected for reading in readings.values())
        )
        return go_json(
            {
                "hashrate": {
                    name: None if self.nulls else self.number(round(rate))
                    for name, rate in rates.items()
                },
                "active_miners": sum(
                    not worker.offline for worker in pool.workers.values()
                ),
                "blocks_found": len(pool.blocks),
                "shares": {
                    "valid": valid,
                    "invalid": invalid,
                    "stale": stale,
                    "total": valid + invalid + stale,
                    **{name: self._window(pool, name, rates[name]) for name in rates},
                },
                "network_comparison": None
                if self.nulls
                else {
                    "network_difficulty": self.number(chain.difficulty),
                    "pool_percentage": self.number(100 * rates["5m"] / network),
                    "estimated_time_to_block": self._ettb(chain, rates["5m"]),
                },
            }
        )

    def _window(self, pool: Pool, name: str, rate: float) -> dict[str, int]:
        """Give the shares of some minutes."""
        difficulties = [
            worker.miner.pool_difficulty for worker in pool.workers.values()
        ]
        if not difficulties:
            return {}
        mean = sum(difficulties) / len(difficulties)
        seconds = 60 * int(name.removesuffix("m"))
        valid = round(rate * seconds / (mean * HASHES_PER_DIFFICULTY))
        return {"valid": valid, "invalid": 0, "stale": 0, "total": valid}

    def _ettb(self, chain: Chain, rate: float) -> str | int | None:
        if not rate:
            return None
        seconds = int(chain.difficulty * HASHES_PER_DIFFICULTY / rate)
        if self.ettb == "seconds":
            return seconds
        return f"{seconds // 86_400}d {seconds % 86_400 // 3600}h"

    def _miners(self, pool: Pool) -> Response:
        readings = self._update(pool)
        workers = [
            {
                "worker_name": user,
                "is_active": not worker.offline,
                "current_user_agent": "bitaxe/BM1370",
                "current_hashrate": self.number(
                    round(hashrate(worker, readings[user]))
                ),
                "current_valid_shares": readings[user].accepted,
                "current_invalid_shares": _refused(readings[user].rejected)[0],
                "best_share_difficulty": None
                if self.nulls
                else self.number(round(readings[user].best_ever)),
                "best_share_network_difficulty": round(pool.chain.difficulty),
                "best_share_block_height": pool.chain.height,
                "last_seen_at": None if self.nulls else go_time(worker.seen, 0, 0),
            }
            for user, worker in pool.workers.items()
        ]
        # Go writes an empty list that was never made as null
        return go_json({"workers": workers or None})


class SimulatedGoStratumEngine(SimulatedMmfpServer):
    """A GoStratumEngine: all in memory, from its start; only who is connected.

    Attributes for tests:

      utc_offset   minutes by which its clock is off UTC
      unauthorized    how many connections have not logged in
      doubled      stratum users with a second connection (the counts are the same)
    """

    kind: ClassVar[str] = "mmfp-gse"

    def __init__(self, *, name: str | None = None, **options: Any) -> None:
        """Take the options of SimulatedMmfpServer."""
        self._forgotten: dict[int, list[Found]] = {}
        super().__init__(name=name or "mmfp-gse", **options)
        self.utc_offset = -240
        self.unauthorized = 0
        self.doubled: set[str] = set()

    @override
    def _restarted(self) -> None:
        for pool in self.pools.values():
            self._forgotten.setdefault(id(pool), []).extend(pool.blocks)
            pool.blocks.clear()

    @override
    def _all_blocks(self, pool: Pool) -> Iterator[Found]:
        yield from pool.blocks
        yield from self._forgotten.get(id(pool), ())

    @override
    def routes(self) -> dict[str, Handler]:
        return {
            "GET /api/v1/stats": self._stats,
            "GET /api/v1/miners": self._miners,
            "GET /api/v1/health": _health,
            "POST /api/v1/stats": _not_allowed,
            "POST /api/v1/miners": _not_allowed,
            # Looks at no method
            "POST /api/v1/health": _health,
        }

    def _stats(self, _: Request) -> Response:
        return go_json(
            {
                "pool_name": "MyPool",
                "uptime_seconds": self.number(self.uptime),
                "coins": {
                    coin.upper(): self._coin(pool)
                    for coin, pool in sorted(self.pools.items())
                },
            }
        )

    def _coin(self, pool: Pool) -> dict[str, Any]:
        readings = self._update(pool).values()
        rejected, stale = _refused(sum(reading.rejected for reading in readings))
        figures: dict[str, Any] = {
            "shares_accepted": sum(reading.accepted for reading in readings),
            "shares_rejected": rejected,
            "shares_stale": stale,
            "blocks_found": len(pool.blocks),
        }
        if not pool.blocks:
            return figures | {"last_block_time": NEVER}
        last = pool.blocks[0]
        return figures | {
            "last_block_hash": last.hash,
            "last_block_height": last.height,
            "last_block_time": go_time(last.time, self.utc_offset),
        }

    def _miners(self, _: Request) -> Response:
        return go_json(
            {
                "miners": {
                    coin.upper(): [
                        *self._connections(pool, port=50_000 + 1000 * number),
                        *(
                            self._connection("", 50_900 + other, MIN_DIFFICULTY)
                            for other in range(self.unauthorized)
                        ),
                    ]
                    for number, (coin, pool) in enumerate(sorted(self.pools.items()))
                }
            }
        )

    def _connections(self, pool: Pool, port: int) -> Iterator[dict[str, Any]]:
        readings = self._update(pool)
        for user, worker in pool.workers.items():
            if worker.offline:
                continue
            reading = readings[user]
            rejected, stale = _refused(reading.rejected)
            counts = {
                "shares_accepted": reading.accepted,
                "shares_rejected": rejected,
                "shares_stale": stale,
                "blocks_found": sum(block.user == user for block in pool.blocks),
                "last_share_time": go_time(worker.seen, self.utc_offset)
                if reading.accepted
                else NEVER,
                "best_difficulty": self.number(reading.best_session),
            }
            for _ in range(2 if user in self.doubled else 1):
                port += 1
                yield self._connection(user, port, worker.miner.pool_difficulty) | (
                    counts
                )

    def _connection(self, user: str, port: int, difficulty: float) -> dict[str, Any]:
        """Give a connection that has sent no share."""
        connected = time.time() - (time.monotonic() - self._started)
        return {
            "worker_name": user,
            "remote_addr": f"192.0.2.10:{port}",
            "difficulty": self.number(difficulty),
            "connected_at": go_time(connected, self.utc_offset),
            "shares_accepted": 0,
            "shares_rejected": 0,
            "shares_stale": 0,
            "blocks_found": 0,
            "last_share_time": NEVER,
            "best_difficulty": 0,
        }


def suited_difficulty(rate: float) -> float:
    """Give the difficulty that variable difficulty settles on for H/s."""
    suited = rate * SECONDS_PER_SHARE / HASHES_PER_DIFFICULTY
    return float(round(min(max(suited, MIN_DIFFICULTY), MAX_DIFFICULTY)))


def hashrate(worker: Worker, reading: Reading) -> float:
    """Give what a server measures of a miner over some minutes, H/s."""
    return 0.0 if worker.offline else reading.averages["10m"]


def go_number(value: float) -> float | int:
    """Give a number as Go's encoder writes it: a whole one without a point."""
    return int(value) if value == int(value) else value


def go_time(timestamp: float, offset: int, nanoseconds: int | None = None) -> str:
    """Write epoch seconds as Go does: RFC 3339 with nanoseconds, without last zeros.

    `offset` is in minutes east of UTC.
    """
    zone = timezone(timedelta(minutes=offset)) if offset else UTC
    text = datetime.fromtimestamp(int(timestamp), zone).isoformat()
    if nanoseconds is None:
        # Three digits more than a float of today holds
        nanoseconds = int(timestamp % 1 * 1_000_000) * 1000 + 789
    fraction = f".{nanoseconds:09}".rstrip("0").rstrip(".") if nanoseconds else ""
    return f"{text[:19]}{fraction}{text[19:]}".replace("+00:00", "Z")


def go_json(value: Any, *, status: int = 200) -> Response:
    """Answer JSON as Go's encoder does: `<`, `>` and `&` escaped, a line feed last."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Response(
        status=status,
        body=f"{text}\n".encode(),
        content_type="application/json",
    )


def _health(_: Request) -> Response:
    return go_json({"status": "ok"})


def _not_allowed(_: Request) -> Response:
    return Response(
        status=405,
        body=b"method not allowed\n",
        content_type=PLAIN,
        headers={"X-Content-Type-Options": "nosniff"},
    )


def _refused(shares: int) -> tuple[int, int]:
    """Divide refused shares into invalid and stale ones; both only grow."""
    return shares - shares // 4, shares // 4
