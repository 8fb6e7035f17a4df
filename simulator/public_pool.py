"""public-pool, as it was in 2025 and as it is since 2026.

Shapes: benjamin-wilson/public-pool, src/app.controller.ts, src/controllers/client
and src/ORM/share-accounting (2026). Quirks: one entry per stratum session, which
vanishes some minutes after its last share; an unknown address is answered with 200;
`/pool` is minutes old; a restart of the pool forgets every session.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
import hashlib
import json
import math
import time
from typing import Any, ClassVar, Literal, override

from .accounts import SHARE_DIFFICULTY, PoolServer, Worker
from .device import Fault
from .httpd import Handler, Request, Response
from .physics import HASHES_PER_DIFFICULTY

DIFFICULTY = 133_869_853_540_305.4
HEIGHT = 956_472
BLOCK_SECONDS = 600
SLOT_SECONDS = 600
OTHERS_HASHRATE = 3.2e15
OTHERS = 1_840

DEMO_WALLET = "bc1qfpx56gryv4kk7grsw43xc6tr94cx7mmvudw6ad"
"""A well-formed address without a key (it spells a text)."""

DEMO_WORKERS: Mapping[str, float] = {"gamma": 1.2e12, "nerdqaxe": 4.8e12}


@dataclass(slots=True, kw_only=True)
class Session:
    """One connection of a miner; several may have one name."""

    id: str
    name: str
    worker: Worker
    started: float
    """Epoch seconds."""
    best: float = 0.0
    blocks: int = 0


@dataclass(slots=True)
class Wallet:
    """One address."""

    sessions: list[Session] = field(default_factory=list)
    best: float | None = None
    """Best difficulty; None before the first share."""
    accepted: int = 0
    """Shares of sessions that are over."""


class SimulatedPublicPool(PoolServer):
    """A public-pool with its `wallets` (address -> worker name -> H/s).

    Attributes for tests:

      generation        2025 or 2026: the latter has `accounting` and `payoutMode`
      api_only          a server of 2026 that counts no shares: `accounting` is zeros
      text_numbers      the best difficulty of an address comes as a string
      nulls             values that a database may lack come as null
      unknown_address   what an unknown address gets: "empty" (200) or "missing" (404)
      node              False: the server lost its node, `/network` answers 500
      chain             "main", or the name of a test network
      session_seconds   how long a silent session is listed
      cache_seconds     how old `/pool` may be
      fee               percent; public-pool itself takes none, some forks do
      wallets           the accounts: `wallets[address].sessions[0].worker.offline`
    """

    kind: ClassVar[str] = "public-pool"
    error_page = (
        "<html>\r\n<head><title>{status}</title></head>\r\n<body>\r\n"
        "<center><h1>{status}</h1></center>\r\n<hr><center>nginx</center>\r\n"
        "</body>\r\n</html>\r\n"
    )

    def __init__(
        self,
        *,
        name: str = "public-pool",
        generation: Literal[2025, 2026] = 2026,
        wallets: Mapping[str, Mapping[str, float]] | None = None,
        **options: Any,
    ) -> None:
        """Make a pool; `age` is for how many seconds its workers have mined."""
        super().__init__(name=name, **options)
        self.generation = generation
        self.api_only = False
        self.unknown_address: Literal["empty", "missing"] = "empty"
        self.node = True
        self.chain = "main"
        self.session_seconds = 300.0 if generation == 2025 else 1800.0
        self.cache_seconds = 300.0
        self.fee = 0.0
        self._since = time.time() - self._age
        self._started = time.monotonic()
        self._serial_number = 0
        self._blocks: list[dict[str, Any]] = []
        self._pool: tuple[float, dict[str, Any]] | None = None
        self.wallets: dict[str, Wallet] = {}
        accounts = {DEMO_WALLET: DEMO_WORKERS} if wallets is None else wallets
        for address, workers in accounts.items():
            self.add_wallet(address, workers)

    def add_wallet(self, address: str, workers: Mapping[str, float]) -> Wallet:
        """Add an address whose workers (name -> H/s) mine immediately."""
        wallet = self.wallets[address] = Wallet()
        for worker, hashrate in workers.items():
            self.add_session(address, worker, hashrate)
        return wallet

    def add_session(self, address: str, name: str, hashrate: float) -> Session:
        """Let one more miner connect, even under a name that another one has."""
        wallet = self.wallets[address]
        made = self.make_worker(
            f"{address}.{name}{len(wallet.sessions)}", hashrate, DIFFICULTY
        )
        session = Session(
            id=self._new_id(), name=name, worker=made, started=self._since
        )
        wallet.sessions.append(session)
        self._update(address, wallet)
        return session

    @override
    def find_block(self) -> None:
        """Let the first session of the first address find a block."""
        for address, wallet in self.wallets.items():
            for session in wallet.sessions:
                session.worker.miner.find_block()
                self._update(address, wallet)
                return

    @override
    def state(self) -> dict[str, Any]:
        """How it stands; adds generation, status and hashrate by address."""
        return super().state() | {
            "generation": self.generation,
            "status": self.status,
            "wallets": {
                address: {
                    "hashrate": sum(
                        session.worker.miner.read().hashrate
                        for session in wallet.sessions
                    ),
                    "blocks": sum(
                        block["minerAddress"] == address for block in self._blocks
                    ),
                }
                for address, wallet in self.wallets.items()
            },
        }

    @override
    def _booted(self) -> None:
        """Forget every session: the miners connect again, under new ids."""
        if self.boots == 1:
            return
        self._pool = None
        for wallet in self.wallets.values():
            for session in wallet.sessions:
                reading = session.worker.read()
                wallet.accepted += reading.accepted
                session.worker.forget()
                session.id = self._new_id()
                session.started = time.time()
                session.best = 0.0

    def _new_id(self) -> str:
        self._serial_number += 1
        text = f"{self.name}{self._serial_number}"
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    # --- HTTP ---------------------------------------------------------------

    @override
    def routes(self) -> dict[str, Handler]:
        return {
            "GET /api/client/*": self._client,
            "GET /api/pool": lambda _: self._json(self._pool_info()),
            "GET /api/network": self._network,
            "GET /api/info": lambda _: self._json(self._info()),
            "GET /api/info/chart": lambda _: self._json(
                self._chart(self._total_hashrate())
            ),
        }

    @override
    def unknown(self, request: Request) -> Response:
        return self._json(
            {
                "message": f"Cannot {request.method} {request.path}",
                "error": "Not Found",
                "statusCode": 404,
            },
            status=404,
        )

    def _json(self, value: Any, *, status: int = 200) -> Response:
        """Answer as NestJS on Fastify does."""
        return Response(
            status=status,
            body=json.dumps(_js(value), separators=(",", ":")).encode(),
            content_type="application/json; charset=utf-8",
            headers={"access-control-allow-origin": "*"},
        )

    def _client(self, request: Request) -> Response:
        address, *rest = request.path.removeprefix("/api/client/").split("/")
        wallet = self.wallets.get(address)
        # A pool has no MAC: its wrong device is one that does not know the wallet.
        if self.fault is Fault.WRONG_MAC:
            wallet = None
        if wallet is not None:
            self._update(address, wallet)
        match rest:
            case []:
                if wallet is None and self.unknown_address == "missing":
                    return self.unknown(request)
                return self._json(self._account(wallet or Wallet()))
            case ["chart"]:
                listed = list(self._listed(wallet or Wallet()))
                return self._json(self._chart(sum(map(_hashrate, listed))))
            case [name]:
                named = [
                    session
                    for session in self._listed(wallet or Wallet())
                    if session.name == name
                ]
                best = max((session.best for session in named), default=0)
                return self._json(
                    {
                        "name": name,
                        "bestDifficulty": math.floor(best),
                        "chartData": self._chart(sum(map(_hashrate, named))),
                    }
                )
            case [name, session_id]:
                for session in self._listed(wallet or Wallet()):
                    if (session.name, session.id) == (name, session_id):
                        return self._json(
                            {
                                "sessionId": session.id,
                                "name": name,
                                "bestDifficulty": math.floor(session.best),
                                "chartData": self._chart(_hashrate(session)),
                                "startTime": _iso(session.started),
                            }
                        )
                # The code returns its exception where it should throw it.
                return self._json({"statusCode": 404, "message": "Not Found"})
        return self.unknown(request)

    def _account(self, wallet: Wallet) -> dict[str, Any]:
        best: float | str | None = wallet.best
        modern = self.generation == 2026
        if best is None and modern:
            best = 0
        if best is not None and self.text_numbers:
            best = f"{best:.2f}"
        answer: dict[str, Any] = {}
        # What is undefined in JavaScript is not in its JSON
        if best is not None:
            answer["bestDifficulty"] = None if self.nulls else best
        listed = list(self._listed(wallet))
        answer["workersCount"] = len(listed)
        if modern:
            answer["accounting"] = self._accounting(wallet, listed)
            answer["expectedPayout"] = None
        answer["workers"] = [self._session(session) for session in listed]
        return answer

    def _session(self, session: Session) -> dict[str, Any]:
        seen: float = session.worker.seen or session.started
        if self.generation == 2026:
            # It reports the slot of its statistics with the last share
            seen -= seen % SLOT_SECONDS
        return {
            "sessionId": session.id,
            "name": session.name,
            **({"payoutMode": "solo"} if self.generation == 2026 else {}),
            "bestDifficulty": f"{session.best:.2f}",
            "hashRate": _hashrate(session),
            "startTime": _iso(session.started),
            "lastSeen": None if self.nulls else _iso(seen),
        }

    def _accounting(self, wallet: Wallet, listed: list[Session]) -> dict[str, Any]:
        readings = [session.worker.miner.read() for session in wallet.sessions]
        accepted = wallet.accepted + sum(reading.accepted for reading in readings)
        is_known = accepted > 0 and not self.api_only

        def window(average: str, seconds: float) -> tuple[int, float, float]:
            """Give count, difficulty and hashrate of the last seconds."""
            rate = sum(reading.averages[average] for reading in readings)
            if not is_known:
                return 0, 0, 0
            count = round(rate * seconds / HASHES_PER_DIFFICULTY / SHARE_DIFFICULTY)
            return count, count * SHARE_DIFFICULTY, rate

        ten, hour, day = window("10m", 600), window("1h", 3600), window("1d", 86_400)
        seen = max((session.worker.seen for session in wallet.sessions), default=0)
        return {
            "totalAcceptedShares": accepted if is_known else 0,
            "totalCreditedDifficulty": accepted * SHARE_DIFFICULTY if is_known else 0,
            "acceptedSharesLast10Minutes": ten[0],
            "creditedDifficultyLast10Minutes": ten[1],
            "acceptedSharesLastHour": hour[0],
            "creditedDifficultyLastHour": hour[1],
            "acceptedSharesLastDay": day[0],
            "creditedDifficultyLastDay": day[1],
            "hashRateLast10Minutes": sum(map(_hashrate, listed)) if is_known else 0,
            "hashRateLastHour": hour[2],
            "bestSubmissionDifficulty": wallet.best or 0,
            "bestSubmissionDifficultyAt": None,
            "blockCandidateCount": 0,
            "latestShareAt": _iso(seen - seen % SLOT_SECONDS) if is_known else None,
            "protocolBreakdown": [],
        }

    def _listed(self, wallet: Wallet) -> Iterator[Session]:
        """Give the sessions that the pool still lists."""
        for session in wallet.sessions:
            silent = time.time() - session.worker.seen
            if not session.worker.offline or silent < self.session_seconds:
                yield session

    def _update(self, address: str, wallet: Wallet) -> None:
        """Note shares, records and blocks since the last read."""
        for session in wallet.sessions:
            reading = session.worker.read()
            if reading.accepted or wallet.accepted:
                wallet.best = wallet.best or 0.0
            if reading.best_session > session.best:
                session.best = reading.best_session
                wallet.best = max(wallet.best or 0.0, session.best)
            while session.blocks < reading.blocks_ever:
                session.blocks += 1
                self._add_block(address, session)

    def _add_block(self, address: str, session: Session) -> None:
        self._blocks.append(
            {
                "height": self.height,
                "minerAddress": address,
                "worker": session.name,
                "sessionId": session.id,
            }
        )
        # A block resets the best difficulty of all.
        for wallet in self.wallets.values():
            if wallet.best is not None:
                wallet.best = 0.0
        self.wallets[address].best = session.best

    @property
    def height(self) -> int:
        """Height of the chain."""
        elapsed = (time.monotonic() - self._started) * self._speed
        return HEIGHT + int(elapsed / BLOCK_SECONDS)

    def _total_hashrate(self) -> float:
        return OTHERS_HASHRATE + sum(
            _hashrate(session)
            for wallet in self.wallets.values()
            for session in self._listed(wallet)
        )

    def _pool_info(self) -> dict[str, Any]:
        now = time.monotonic()
        if self._pool is None or now - self._pool[0] >= self.cache_seconds:
            for address, wallet in self.wallets.items():
                self._update(address, wallet)
            miners = sum(
                1 for wallet in self.wallets.values() for _ in self._listed(wallet)
            )
            self._pool = (
                now,
                {
                    "totalHashRate": self._total_hashrate(),
                    "blockHeight": self.height,
                    "totalMiners": OTHERS + miners,
                    "blocksFound": list(self._blocks),
                    "fee": self.fee,
                },
            )
        return self._pool[1]

    def _network(self, _: Request) -> Response:
        if not self.node:
            return self._json(
                {"statusCode": 500, "message": "Internal server error"}, status=500
            )
        # The node's own figure is a trailing mean and some percent off.
        network = DIFFICULTY * HASHES_PER_DIFFICULTY / BLOCK_SECONDS * 0.96
        info: dict[str, Any] = {
            "blocks": self.height,
            "currentblockweight": 2_150_476,
            "currentblocktx": 1904,
            "difficulty": DIFFICULTY,
            "networkhashps": network,
            "pooledtx": 1917,
            "chain": self.chain,
            "warnings": "",
        }
        if self.generation == 2026:
            target = "000000000000000000021a42".ljust(64, "0")
            shared = {"bits": "17021a42", "difficulty": DIFFICULTY, "target": target}
            info |= {
                **shared,
                "next": {"height": self.height + 1, **shared},
                "warnings": [],
            }
        if self.nulls:
            info["difficulty"] = None
        return self._json(info)

    def _info(self) -> dict[str, Any]:
        pool = self._pool_info()
        best = max((wallet.best or 0 for wallet in self.wallets.values()), default=0)
        now = _iso(time.time())
        return {
            "blockData": pool["blocksFound"],
            "userAgents": [
                {
                    "userAgent": "bitaxe",
                    # A sum of the database comes as text
                    "count": str(pool["totalMiners"]),
                    "bestDifficulty": best,
                    "totalHashRate": pool["totalHashRate"],
                }
            ],
            "highScores": [
                {
                    "updatedAt": now,
                    "bestDifficulty": best,
                    "bestDifficultyUserAgent": "bitaxe",
                }
            ],
            "uptime": _iso(self._since),
        }

    def _chart(self, hashrate: float) -> list[dict[str, Any]]:
        """Give a day in slots of 10 minutes, oldest first, without the running one."""
        newest = time.time() // SLOT_SECONDS * SLOT_SECONDS
        return [
            {
                "label": _iso(newest - SLOT_SECONDS * step),
                "data": hashrate * (1 - 0.01 * (step % 5)),
            }
            for step in range(143, 0, -1)
        ]


def _hashrate(session: Session) -> float:
    """Give a session's hashrate as the pool reckons it: what it did in 10 minutes."""
    return session.worker.miner.read().averages["10m"]


def _iso(seconds: float) -> str:
    """Write a timestamp as JavaScript does."""
    instant = datetime.fromtimestamp(seconds, UTC)
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _js(value: Any) -> Any:
    """Give what JavaScript would write: it knows no 1.0."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {key: _js(entry) for key, entry in value.items()}
        case list():
            return [_js(entry) for entry in value]
    return value
