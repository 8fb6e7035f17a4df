"""The DGB, BCH and BTC stacks: a node, ckpool and their manager in one container.

Written after the manager's source (hmm-local, `{dgb,bch,btc}-stack/app/main.py` of
February 2026), which is FastAPI: compact JSON, `{"detail": ...}` with an error.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
import math
import time
from typing import Any, ClassVar, Literal, override

from .accounts import PoolServer, Worker
from .httpd import Handler, Request, Response, json_response
from .physics import HASHES_PER_DIFFICULTY
from .stratum import SimulatedStratum


@dataclass(frozen=True, slots=True, kw_only=True)
class StackCoin:
    """A coin as its stack sees it."""

    node: str
    """The service's name."""
    difficulty: float
    block_seconds: float
    """Between blocks of this algorithm."""
    height: int
    stratum_port: int
    manager_port: int
    address: str


COINS: Mapping[str, StackCoin] = {
    "dgb": StackCoin(
        node="digibyted",
        difficulty=756_672_128.5626,
        block_seconds=75,
        height=23_000_000,
        stratum_port=3335,
        manager_port=8085,
        address="dgb1qfpx56gryv4kk7grhv9kxcet59ssxumeq9pvxv4",
    ),
    "bch": StackCoin(
        node="bitcoind",
        difficulty=870_000_000_000.0,
        block_seconds=600,
        height=925_000,
        stratum_port=3334,
        manager_port=8084,
        address="qpyy6nfqv4uxzmtsd3jjzgfpyysjzgfpyy0cnhkg00",
    ),
    "btc": StackCoin(
        node="bitcoind",
        difficulty=133_869_853_540_305.4,
        block_seconds=600,
        height=956_472,
        stratum_port=3333,
        manager_port=8083,
        address="bc1qfpx56gr90psk6urvv5sjzgfpyysjzgfpxfltym",
    ),
}
ALGORITHMS = {"scrypt": 21_437.8, "skein": 95_120_443.2, "qubit": 71_202_119.6}
"""Difficulties of DigiByte that no SHA-256 miner has to meet."""

DEMO_WORKERS: Mapping[str, float] = {"gamma": 1.2e12, "ultra": 0.5e12}
UNITS = ("H/s", "KH/s", "MH/s", "GH/s", "TH/s", "PH/s")
SAMPLE_SECONDS = 10
"""How often ckpool writes its status line into the log that the manager reads."""
RPC_PASSWORD = "simulated-rpc-password"  # noqa: S105


@dataclass(frozen=True, slots=True)
class _Solved:
    """A block that the pool found."""

    timestamp: datetime
    height: int
    worker: str


class SimulatedStack(PoolServer):
    """The manager of a stack, with its ckpool in `stratum`.

    `port` is the manager's; `stratum_port` 0 takes a free one for ckpool. `workers`
    (name -> H/s) mine whether or not anything is connected there.

    Attributes for tests:

      stratum        ckpool's port: `await stack.stratum.unplug()` ends ckpool
      workers        `workers[name].offline`
      syncing        the node is still in its initial block download
      node_online    False: the node does not respond; the manager still reports what
                     it knew, with a growing `age_seconds` (`node_age` sets that)
      ready_error    /api/v1/ready answers 500
      old_manager    as of 20 February: work as share counts, no `sample_ts`
      log_counts     what the log makes of shares: "none" (it has no line per share)
                     or "status" (ckpool's status of each minute counts as one
                     accepted and one rejected); work if `old_manager` finds none
      frozen         the status line in the log gets no younger
      no_summary     the log has no status line yet
      nulls          optional values come as null
      text_numbers   numbers come as text
      pow_algo       what DigiByte's node calls its own algorithm
      status         answer this status to everything; None: normal
      secrets_read   how often something with the RPC password in it was requested
      posts          how many requests would have changed the stack
    """

    kind: ClassVar[str] = "stack"

    def __init__(
        self,
        *,
        coin: str = "dgb",
        name: str | None = None,
        workers: Mapping[str, float] | None = None,
        stratum_port: int = 0,
        **options: Any,
    ) -> None:
        """Make a stack; `age` is for how many seconds its workers have mined.

        Raises KeyError: no such coin.
        """
        self.coin = COINS[coin]
        self.coin_name = coin
        super().__init__(name=name or f"{coin}-stack", **options)
        self.stratum = SimulatedStratum(
            name=f"{self.name}-stratum", host=self.host, port=stratum_port
        )
        self.syncing = False
        self.node_online = True
        self.node_age = 7.2
        self.ready_error = False
        self.old_manager = False
        self.log_counts: Literal["none", "status"] = "none"
        self.frozen = False
        self.no_summary = False
        self.pow_algo = "sha256d"
        self.secrets_read = 0
        self.posts = 0
        self._started = time.monotonic()
        self._sample: tuple[datetime, dict[str, Any]] | None = None
        self._solved: list[_Solved] = []
        self.workers: dict[str, Worker] = {
            worker: self.make_worker(
                f"{self.coin.address}.{worker}", hashrate, self.coin.difficulty
            )
            for worker, hashrate in (
                DEMO_WORKERS if workers is None else workers
            ).items()
        }
        for worker, made in self.workers.items():
            for _ in range(made.miner.read().blocks_ever):
                self._add_block(worker, made.miner.random.uniform(0, self._age))

    @override
    def find_block(self) -> None:
        for worker in self.workers.values():
            worker.miner.find_block()
            self._update()
            return

    @override
    def state(self) -> dict[str, Any]:
        """How it stands; adds coin, ports, hashrate, blocks and forbidden requests."""
        self._update()
        return super().state() | {
            "coin": self.coin_name,
            "stratum_port": self.stratum.port,
            "ready": not self._reasons(),
            "hashrate": self._hashrate(),
            "workers": self._mining_workers(),
            "blocks": len(self._solved),
            "secrets_read": self.secrets_read,
            "posts": self.posts,
        }

    @override
    async def stop(self) -> None:
        await super().stop()
        await self.stratum.stop()

    @override
    async def _open(self) -> None:
        await super()._open()
        await self.stratum.plug_in()

    @override
    async def _close(self) -> None:
        await self.stratum.unplug()
        await super()._close()

    # --- HTTP ---------------------------------------------------------------

    @override
    def routes(self) -> dict[str, Handler]:
        return {
            "GET /": lambda _: Response(
                body=b"<!doctype html><html><title>Local Stack</title></html>",
                content_type="text/html; charset=utf-8",
            ),
            "GET /health": self._health,
            "GET /api/v1/capabilities": self._capabilities,
            "GET /api/v1/services": lambda _: self._stamped(services=self._services()),
            "GET /api/v1/ready": self._ready,
            "GET /api/v1/node/blockchain": lambda _: self._node(self._chain()),
            "GET /api/v1/node/network": lambda _: self._node(
                {"version": 280000, "connections": 11, "networkactive": True}
            ),
            "GET /api/v1/node/mining": lambda _: self._node(self._mining()),
            "GET /api/v1/ckpool/metrics": lambda _: json_response(self._metrics()),
            "GET /api/v1/events": self._events,
            "GET /api/v1/ckpool/config": self._secret,
            "GET /api/v1/snapshot": self._secret,
            "GET /api/v1/snapshot/compact": self._secret,
            "GET /api/config": self._secret,
            "POST /api/config": self._post,
            "POST /api/restart/*": self._post,
        }

    @override
    def admit(self, request: Request) -> Response | None:
        if self.status is None:
            return None
        return _text(self.status, "Internal Server Error")

    @override
    def unknown(self, request: Request) -> Response:
        if request.method != "GET":
            self.posts += 1
            return json_response({"detail": "Method Not Allowed"}, status=405)
        return json_response({"detail": "Not Found"}, status=404)

    def _post(self, _: Request) -> Response:
        self.posts += 1
        return json_response({"success": True})

    def _secret(self, _: Request) -> Response:
        self.secrets_read += 1
        return self._stamped(
            ok=True,
            data={
                "btcd": [
                    {"url": "127.0.0.1:14022", "auth": "rpc", "pass": RPC_PASSWORD}
                ],
                "btcaddress": self.coin.address,
            },
        )

    def _now(self) -> datetime:
        """Give the time as the manager does: UTC without saying so."""
        return datetime.fromtimestamp(self.now, UTC).replace(tzinfo=None)

    def _stamped(self, **values: Any) -> Response:
        return json_response({"timestamp": _iso(self._now()), **values})

    def _health(self, _: Request) -> Response:
        return json_response(
            {
                "status": "ok",
                "service": f"{self.coin_name}-local-stack-manager",
                "timestamp": _iso(self._now()),
            }
        )

    def _capabilities(self, _: Request) -> Response:
        features = dict.fromkeys(
            ("service_status", "node_mining", "ckpool_metrics", "event_feed"), True
        )
        return self._stamped(
            api_version="v1", features={**features, "share_stream": False}
        )

    # --- services -----------------------------------------------------------

    def _services(self) -> dict[str, Any]:
        running = {
            "manager": True,
            self.coin.node: self.node_online,
            "ckpool": self.stratum.online,
        }
        return {
            name: _service(name, pid, up)
            for pid, (name, up) in enumerate(running.items(), start=10)
        }

    def _sync(self) -> dict[str, Any]:
        if not self.node_online:
            return {"ok": False, "error": "error: Could not connect to the server"}
        return {
            "ok": True,
            "chain": "main",
            "blocks": self.height,
            "headers": self.height + (50_000 if self.syncing else 0),
            "initial_block_download": self.syncing,
            "verification_progress_pct": 87.1234 if self.syncing else 100.0,
        }

    def _reasons(self) -> list[str]:
        reasons = [
            f"{name} not RUNNING"
            for name, service in self._services().items()
            if service["state"] != "RUNNING"
        ]
        if not self.node_online:
            reasons.append("node sync unavailable")
        elif self.syncing:
            reasons.append("node in initial block download")
        return reasons

    def _ready(self, _: Request) -> Response:
        if self.ready_error:
            return _text(500, "Internal Server Error")
        reasons = self._reasons()
        return self._stamped(
            ready=not reasons,
            reasons=reasons,
            services=self._services(),
            node_sync=self._sync(),
        )

    # --- node ---------------------------------------------------------------

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

    def _node(self, data: dict[str, Any]) -> Response:
        return self._stamped(
            ok=True,
            data=data,
            cached=True,
            age_seconds=self.number(self.node_age),
            error=None
            if self.node_online
            else "<urlopen error [Errno 111] Connection refused>",
        )

    def _chain(self) -> dict[str, Any]:
        return {
            "chain": "main",
            "blocks": self.height,
            "headers": self.height,
            "initialblockdownload": self.syncing,
        }

    def _mining(self) -> dict[str, Any]:
        difficulty = self.difficulty
        network = difficulty * HASHES_PER_DIFFICULTY / self.coin.block_seconds
        data: dict[str, Any] = {"blocks": self.height}
        if self.coin_name == "dgb":
            several = {"sha256d": difficulty, **ALGORITHMS}
            data |= {
                # That of the node's own algorithm.
                "difficulty": self.number(several[self.pow_algo]),
                "difficulties": None
                if self.nulls
                else {name: self.number(value) for name, value in several.items()},
                "pow_algo_id": list(several).index(self.pow_algo),
                "pow_algo": self.pow_algo,
            }
        else:
            data["difficulty"] = self.number(difficulty)
        # The node's own figure is a trailing mean and some percent off.
        return data | {"networkhashps": round(network * 0.96), "chain": "main"}

    # --- ckpool -------------------------------------------------------------

    def _hashrate(self) -> float:
        return sum(
            worker.miner.read().averages["1m"] for worker in self.workers.values()
        )

    def _mining_workers(self) -> int:
        return sum(not worker.offline for worker in self.workers.values())

    def _accepted(self) -> int:
        return sum(worker.miner.read().accepted for worker in self.workers.values())

    def _update(self) -> None:
        """Note the blocks since the last read."""
        for name, worker in self.workers.items():
            reading = worker.read()
            counted = sum(block.worker == name for block in self._solved)
            for _ in range(reading.blocks_ever - counted):
                self._add_block(name)

    def _add_block(self, worker: str, ago: float = 0.0) -> None:
        height = self.height - int(ago / self.coin.block_seconds) + 1
        while any(block.height == height for block in self._solved):
            height += 1
        self._solved.append(
            _Solved(self._now() - timedelta(seconds=ago), height, worker)
        )
        self._solved.sort(key=lambda block: block.timestamp)

    def _status_line(self) -> tuple[datetime, dict[str, Any]]:
        """Give what ckpool's latest status line says, and when it was written."""
        now = self._now()
        if self._sample is not None:
            stale = self.frozen or not self.stratum.online
            if stale or now - self._sample[0] < timedelta(seconds=SAMPLE_SECONDS):
                return self._sample
        rate, unit = _three_digits(self._hashrate())
        mean = sum(
            worker.miner.expected
            / (worker.miner.pool_difficulty * HASHES_PER_DIFFICULTY)
            for worker in self.workers.values()
            if not worker.offline
        )
        work = round(self._accepted() * self._share_difficulty())
        self._sample = (
            now,
            {
                "hashrate": {
                    "value": self.number(rate),
                    "unit": unit,
                    "display": f"{rate:g} {unit}",
                },
                "sps": round(mean, 1),
                "users": 1 if self.workers else 0,
                "workers": self._mining_workers(),
                "shares": work,
                "diff_pct": round(work / self.coin.difficulty * 100, 1),
            },
        )
        return self._sample

    def _share_difficulty(self) -> float:
        return next(
            (worker.miner.pool_difficulty for worker in self.workers.values()), 0.0
        )

    def _summary(self) -> dict[str, Any] | None:
        if self.no_summary:
            return None
        timestamp, line = self._status_line()
        if self.old_manager:
            return {**line, "shares_24h": line["shares"], "shares_15m": line["shares"]}
        summary = {key: value for key, value in line.items() if key != "shares"}
        if self.nulls:
            summary = dict.fromkeys(summary)
        stamp = timestamp.isoformat(timespec="microseconds")
        return summary | {
            "sample_ts": stamp,
            "workers_last_nonzero_ts": stamp,
            "workers_min_15m": line["workers"],
            "workers_max_15m": line["workers"],
            "workers_down_for_s": 0.0,
        }

    def _metrics(self) -> dict[str, Any]:
        self._update()
        summary = self._summary()
        elapsed = (time.monotonic() - self._started) * self._speed + self._age
        shares: dict[str, int] = {}
        for suffix, window in (("", elapsed), ("_24h", 86_400), ("_15m", 900)):
            accepted = rejected = 0
            if self.log_counts == "status":
                accepted = rejected = int(min(window, elapsed) / 60)
            elif self.old_manager and summary is not None:
                accepted = summary[f"shares{suffix}"]
            shares |= {
                f"accepted{suffix}": accepted,
                f"rejected{suffix}": rejected,
                f"stale{suffix}": 0,
                f"total{suffix}": accepted + rejected,
            }
        return {
            "timestamp": _iso(self._now()),
            "shares": shares,
            # Two lines of each block match.
            "blocks": {"found": 2 * len(self._solved)},
            "auth": {"success": len(self.workers), "failed": 0},
            "best_share_diff": None,
            "summary": summary,
            "connectivity": {
                "connector_ready": self.stratum.online,
                "node_rpc_ready": self.node_online,
            },
            "log_line_counts": {"stdout": int(elapsed / SAMPLE_SECONDS), "stderr": 56},
        }

    def _events(self, request: Request) -> Response:
        self._update()
        try:
            since = datetime.fromisoformat(request.query.get("since", "1970-01-01"))
            limit = int(request.query.get("limit", "200"))
        except ValueError:
            return json_response(
                {"detail": "invalid since timestamp; use ISO-8601"}, status=400
            )
        events = [
            {
                "timestamp": _iso(block.timestamp),
                "source": "ckpool.stderr",
                "severity": "info",
                "event_type": "block_found",
                "message": message,
            }
            for block in self._solved
            for user in (f"{self.coin.address}.{block.worker}",)
            for message in (
                f"Solved and confirmed block {block.height} by {user}",
                "Block solved after 123456 shares at 87.3% diff",
            )
        ]
        events.insert(
            0,
            {
                "timestamp": _iso(self._now() - timedelta(seconds=self._age)),
                "source": "ckpool.stderr",
                "severity": "info",
                "event_type": "connectivity",
                "message": "ckpool connector ready",
            },
        )
        wanted = request.query.get("event_type", "").lower()
        matching = [
            event
            for event in events
            if wanted in ("", event["event_type"])
            and datetime.fromisoformat(event["timestamp"]) > since
        ]
        shown = matching[-limit:]
        if request.query.get("order") == "desc":
            shown.reverse()
        newest = matching[-1]["timestamp"] if matching else None
        return self._stamped(
            count=len(shown),
            total_matching=len(matching),
            has_more=len(matching) > limit,
            next_since=newest,
            latest_event_timestamp=newest,
            events=shown,
        )


def _iso(timestamp: datetime) -> str:
    return timestamp.isoformat(timespec="microseconds")


def _text(status: int, text: str) -> Response:
    return Response(
        status=status, body=text.encode(), content_type="text/plain; charset=utf-8"
    )


def _three_digits(hashrate: float) -> tuple[float, str]:
    """Give a hashrate as ckpool prints it: three digits and a unit."""
    step = 0
    while hashrate >= 1000 and step < len(UNITS) - 1:
        hashrate /= 1000
        step += 1
    return float(f"{hashrate:.3g}"), UNITS[step]


def _service(name: str, pid: int, running: bool) -> dict[str, Any]:
    """Give a service as supervisorctl reports it; not running is an error there."""
    if running:
        raw = f"{name} RUNNING pid {pid}, uptime 1:00:00"
        return {
            "name": name,
            "ok": True,
            "state": "RUNNING",
            "raw": raw,
            "pid": pid,
            "uptime": "1:00:00",
        }
    raw = f"{name} STOPPED Feb 21 12:00 PM"
    return {
        "name": name,
        "ok": False,
        "state": "UNKNOWN",
        "raw": raw,
        "detail": raw,
        "pid": None,
        "uptime": None,
    }
