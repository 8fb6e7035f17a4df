"""OCEAN, a Bitcoin pool that pays by TIDES.

Shapes follow replies that others recorded (statsnap, user_hashrate, earnpay,
pool_stat) and what their readers use of the rest (userinfo_full, blocks). Quirks:
an envelope around everything, numbers as strings, misspelt keys, two shapes of
workers, snapshots once a minute, times without a time zone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
import hashlib
import time
from typing import Any, ClassVar, Literal, override

from .accounts import PoolServer, Worker
from .device import Fault
from .httpd import Handler, Request, Response, json_response
from .physics import HASHES_PER_DIFFICULTY

DIFFICULTY = 133_869_853_540_305
HEIGHT = 956_472
POOL_HASHRATE = 1.2e19
SUBSIDY = 312_500_000
FEES = 2_750_000
POOL_FEE = 0.02
PAYOUT_SATOSHIS = 1_048_576
"""Below this nothing is paid out (0.01048576 BTC)."""
BLOCK_EVERY = 47_000
"""Seconds between two blocks of the pool."""
BLOCKS = 55
TIDES_BLOCKS = 8
"""How many times the difficulty the window of shares that are paid is."""

WINDOWS: Mapping[int, str] = {
    60: "1m",
    300: "10m",
    600: "10m",
    1800: "10m",
    3600: "1h",
    10_800: "1h",
    43_200: "1d",
    86_400: "1d",
}
"""Windows of the pool and the averages of a miner that come nearest."""

SNAPSHOT_WINDOWS = (60, 300)

DEMO_WALLET = "bc1qfpx56fmnypjx2mt0ypnx7u3qfap52s2wylcp8y"
"""A well-formed address without a key (it spells a text)."""

DEMO_WORKERS: Mapping[str, float] = {"gamma": 1.2e12, "nano3s": 6.5e12}


@dataclass(slots=True)
class Wallet:
    """One address. Amounts are in satoshis."""

    workers: dict[str, Worker] = field(default_factory=dict)
    earnings: list[dict[str, Any]] = field(default_factory=list)
    """Newest first."""
    payouts: list[dict[str, Any]] = field(default_factory=list)
    unpaid: int = 0
    snapshot: _Snapshot | None = None

    @property
    def share(self) -> float:
        """What part of a block it gets."""
        return (
            sum(worker.miner.expected for worker in self.workers.values())
            / POOL_HASHRATE
        )


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """What was noted of an address at one time."""

    taken: int
    rates: Mapping[str, Mapping[int, int]]
    """H/s by worker and window."""
    seen: Mapping[str, int]
    """When the last share of each worker came."""

    def rate(self, window: int) -> int:
        """Give the hashrate of all workers."""
        return sum(rates[window] for rates in self.rates.values())


class SimulatedOcean(PoolServer):
    """OCEAN with its `wallets` (address -> worker name -> H/s).

    Attributes for tests:

      text_numbers      False: numbers come as numbers, as its documents show them
      nulls             optional values and lists come as null
      prefixed_names    workers are listed as `address.name`
      missing           names of paths that this server has not ("userinfo_full")
      unknown_address   what an unknown address gets: "missing" (404) or "error" (200);
                        both with {"error"}
      snap_seconds      how old a snapshot may be
      behind            by how many seconds every snapshot is too old
      wallets           the accounts: `wallets[address].workers[name].offline`
    """

    kind: ClassVar[str] = "ocean"

    def __init__(
        self,
        *,
        name: str = "ocean",
        wallets: Mapping[str, Mapping[str, float]] | None = None,
        **options: Any,
    ) -> None:
        """Make a pool; `age` is for how many seconds its workers have mined."""
        super().__init__(name=name, **options)
        self.text_numbers = True
        self.prefixed_names = False
        self.missing: set[str] = set()
        self.unknown_address: Literal["missing", "error"] = "missing"
        self.snap_seconds = 60.0
        self.behind = 0
        self._blocks: list[dict[str, Any]] = []
        now = int(self.now)
        for step in reversed(range(BLOCKS)):
            ago = 18_000 + BLOCK_EVERY * step
            self._add_block(now - ago, HEIGHT - ago // 600, "bc1qsomebodyelse", "rig7")
        self.wallets: dict[str, Wallet] = {}
        accounts = {DEMO_WALLET: DEMO_WORKERS} if wallets is None else wallets
        for address, workers in accounts.items():
            self.add_wallet(address, workers)

    def add_wallet(self, address: str, workers: Mapping[str, float | Worker]) -> Wallet:
        """Add an address whose workers (name -> H/s, or a miner) mine immediately."""
        wallet = self.wallets[address] = Wallet()
        for worker, hashrate in workers.items():
            wallet.workers[worker] = self.make_worker(
                f"{address}.{worker}", hashrate, float(DIFFICULTY)
            )
        began = self.now - self._age
        for block in reversed(self._blocks):
            if block["ts"] >= began:
                self._pay(wallet, block)
        return wallet

    @override
    def find_block(self) -> None:
        """Let the pool find a block, by the first worker of the first address."""
        for address, wallet in self.wallets.items():
            for name, worker in wallet.workers.items():
                worker.miner.find_block()
                self._add_block(int(self.now), HEIGHT + 1, address, name)
                for paid in self.wallets.values():
                    self._pay(paid, self._blocks[0])
                return

    @override
    def state(self) -> dict[str, Any]:
        """How it stands; adds status, hashrate and unpaid satoshis by address."""
        return super().state() | {
            "status": self.status,
            "wallets": {
                address: {
                    "hashrate": sum(
                        0.0 if worker.offline else worker.read().hashrate
                        for worker in wallet.workers.values()
                    ),
                    "unpaid": wallet.unpaid,
                }
                for address, wallet in self.wallets.items()
            },
        }

    def _add_block(self, ts: int, height: int, address: str, worker: str) -> None:
        digest = hashlib.sha256(f"{self.name}{height}".encode()).hexdigest()
        self._blocks.insert(
            0,
            {
                "block_hash": "0" * 19 + digest[19:],
                "ts": ts,
                "height": height,
                "username": address,
                "workername": worker,
                "generation_txn_hash": digest,
            },
        )

    def _pay(self, wallet: Wallet, block: Mapping[str, Any]) -> None:
        """Credit an address with its part of a block."""
        gross = int((SUBSIDY + FEES) * wallet.share)
        fee = int(gross * POOL_FEE)
        wallet.earnings.insert(
            0,
            {
                "block_hash": block["block_hash"],
                "ts": block["ts"],
                "shares_in_window": int(wallet.share * TIDES_BLOCKS * DIFFICULTY),
                "fees_colected_satoshis": fee,
                "satoshis_net_earned": gross - fee,
            },
        )
        wallet.unpaid += gross - fee
        if wallet.unpaid >= PAYOUT_SATOSHIS:
            wallet.payouts.insert(
                0,
                {
                    "ts": block["ts"],
                    "on_chain_txid": block["generation_txn_hash"],
                    "total_satoshis_net_paid": wallet.unpaid,
                    "is_generation_txn": True,
                },
            )
            wallet.unpaid = 0

    # --- HTTP ---------------------------------------------------------------

    @override
    def routes(self) -> dict[str, Handler]:
        return {
            "GET /v1/ping": lambda _: json_response("PONG"),
            "GET /v1/statsnap/*": self._statsnap,
            "GET /v1/user_hashrate/*": self._user_hashrate,
            "GET /v1/user_hashrate_full/*": self._user_hashrate_full,
            "GET /v1/userinfo_full/*": self._userinfo_full,
            "GET /v1/earnpay/*": self._earnpay,
            "GET /v1/pool_stat": self._pool_stat,
            "GET /v1/pool_hashrate": self._pool_hashrate,
            "GET /v1/latest_block": lambda _: self._result(
                self._block(self._blocks[0])
            ),
            "GET /v1/blocks": self._block_list,
            "GET /v1/blocks/*": self._block_list,
        }

    @override
    def admit(self, request: Request) -> Response | None:
        if request.path.removeprefix("/v1/").partition("/")[0] in self.missing:
            return super().admit(request) or self.unknown(request)
        return super().admit(request)

    @override
    def unknown(self, request: Request) -> Response:
        return self._error("Not Found", 404)

    def _error(self, text: str, status: int) -> Response:
        return json_response({"error": text}, status=status, headers=_CORS)

    def _result(self, value: Any) -> Response:
        return json_response({"result": value}, headers=_CORS)

    def _number(self, value: float) -> float | str:
        """Give a number as the pool does: as text, for they exceed 2^53."""
        return str(value) if self.text_numbers else value

    def _coins(self, satoshis: float) -> float | str:
        text = f"{satoshis / 1e8:.8f}"
        return text if self.text_numbers else float(text)

    def _find(self, request: Request) -> tuple[str, Wallet, _Snapshot] | Response:
        """Find the address that a path is about, or answer that there is none."""
        address = request.path.split("/")[3]
        wallet = self.wallets.get(address)
        # A pool has no MAC: its wrong device is one that does not know the wallet.
        if wallet is None or self.fault is Fault.WRONG_MAC:
            return self._error(
                "No such user", 404 if self.unknown_address == "missing" else 200
            )
        old = wallet.snapshot
        if old is None or time.time() - old.taken >= self.snap_seconds:
            wallet.snapshot = _take(wallet)
        assert wallet.snapshot is not None
        return address, wallet, wallet.snapshot

    def _timestamp(self, taken: float) -> float | str:
        return self._number(int(taken + self.clock_skew) - self.behind)

    def _snap(
        self, snapshot: _Snapshot, workers: list[str], wallet: Wallet, part: float
    ) -> dict[str, Any]:
        """Show some workers as statsnap does; `part` is theirs of the address."""
        rates = {
            window: sum(snapshot.rates[worker][window] for worker in workers)
            for window in SNAPSHOT_WINDOWS
        }
        seen = max((snapshot.seen[worker] for worker in workers), default=0)
        share = wallet.share * part
        earn = int((SUBSIDY + FEES) * share * (1 - POOL_FEE))
        return {
            "snap_ts": self._timestamp(snapshot.taken),
            **{
                f"shares_{window}s": self._number(
                    round(rate * window / HASHES_PER_DIFFICULTY)
                )
                for window, rate in rates.items()
            },
            **{
                f"hashrate_{window}s": self._number(rate)
                for window, rate in rates.items()
            },
            "lastest_share_ts": None if self.nulls else self._timestamp(seen),
            "shares_in_tides": self._number(int(share * TIDES_BLOCKS * DIFFICULTY)),
            "estimated_earn_next_block": self._coins(earn),
            "estimated_bonus_earn_next_block": self._coins(0),
            "estimated_total_earn_next_block": self._coins(earn),
        }

    def _user_snap(self, wallet: Wallet, snapshot: _Snapshot) -> dict[str, Any]:
        expected = wallet.unpaid + int((SUBSIDY + FEES) * wallet.share * (1 - POOL_FEE))
        return self._snap(snapshot, list(wallet.workers), wallet, 1.0) | {
            "estimated_payout_next_block": self._coins(
                expected if expected >= PAYOUT_SATOSHIS else 0
            ),
            "unpaid": None if self.nulls else self._coins(wallet.unpaid),
        }

    def _hashrates(self, rates: Mapping[int, int]) -> dict[str, Any]:
        return {
            f"hashrate_{window}s": self._number(rate) for window, rate in rates.items()
        }

    def _listed(self, address: str, name: str) -> str:
        return f"{address}.{name}" if self.prefixed_names else name

    def _statsnap(self, request: Request) -> Response:
        account = self._find(request)
        if isinstance(account, Response):
            return account
        _, wallet, snapshot = account
        return self._result(self._user_snap(wallet, snapshot))

    def _user_figures(self, wallet: Wallet, snapshot: _Snapshot) -> dict[str, Any]:
        active = sum(rates[300] > 0 for rates in snapshot.rates.values())
        seen = max(snapshot.seen.values(), default=0)
        return {
            "snap_ts": self._timestamp(snapshot.taken),
            "db_ts": self._timestamp(snapshot.taken),
            **self._hashrates({window: snapshot.rate(window) for window in WINDOWS}),
            # The one figure that is a number
            "active_worker_count": None if self.nulls else active,
            "lastest_share_ts": None if self.nulls else self._timestamp(seen),
        }

    def _user_hashrate(self, request: Request) -> Response:
        account = self._find(request)
        if isinstance(account, Response):
            return account
        _, wallet, snapshot = account
        return self._result(self._user_figures(wallet, snapshot))

    def _user_hashrate_full(self, request: Request) -> Response:
        account = self._find(request)
        if isinstance(account, Response):
            return account
        address, wallet, snapshot = account
        workers = {
            self._listed(address, name): [self._hashrates(rates)]
            for name, rates in snapshot.rates.items()
        }
        return self._result(
            {
                "snap_ts": self._timestamp(snapshot.taken),
                "workers": None if self.nulls else workers,
                "user_hashrate": self._user_figures(wallet, snapshot),
            }
        )

    def _userinfo_full(self, request: Request) -> Response:
        account = self._find(request)
        if isinstance(account, Response):
            return account
        address, wallet, snapshot = account
        total = sum(worker.miner.expected for worker in wallet.workers.values())
        workers = [
            {
                self._listed(address, name): self._snap(
                    snapshot, [name], wallet, worker.miner.expected / total
                )
            }
            for name, worker in wallet.workers.items()
        ]
        return self._result(
            {
                "user_full": self._user_snap(wallet, snapshot),
                "workers": None if self.nulls else workers,
            }
        )

    def _earnpay(self, request: Request) -> Response:
        account = self._find(request)
        if isinstance(account, Response):
            return account
        _, wallet, _ = account
        now = self.now
        start, end, *_ = [*request.path.split("/")[4:], "", ""]
        since = int(start) if start.isdigit() else now - 30 * 86_400
        until = int(end) if end.isdigit() else now

        def within(entries: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
            if self.nulls:
                return None
            return [
                entry | {"ts": _naive(entry["ts"])}
                for entry in entries
                if since <= entry["ts"] <= until
            ]

        return self._result(
            {
                "start_ts": self._number(int(since)),
                "end_ts": self._number(int(until)),
                "earnings": within(wallet.earnings),
                "payouts": within(wallet.payouts),
            }
        )

    def _pool_stat(self, _: Request) -> Response:
        now = int(time.time())
        workers = sum(len(wallet.workers) for wallet in self.wallets.values())
        return self._result(
            {
                "snap_ts": self._timestamp(now - now % 60),
                "active_users": self._number(2409 + len(self.wallets)),
                "active_workers": self._number(86_080 + workers),
                "network_difficulty": None if self.nulls else self._number(DIFFICULTY),
                "current_tides_shares": self._number(TIDES_BLOCKS * DIFFICULTY),
                "max_tides_shares": self._number(TIDES_BLOCKS * DIFFICULTY),
                "current_estimated_block_reward": self._coins(SUBSIDY + FEES),
            }
        )

    def _pool_hashrate(self, _: Request) -> Response:
        return self._result(self._hashrates(dict.fromkeys(WINDOWS, int(POOL_HASHRATE))))

    def _block(self, block: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "block_hash": block["block_hash"],
            "ts": _naive(block["ts"]),
            "legacy": False,
            "username": block["username"],
            "workername": block["workername"],
            "network_difficulty": self._number(DIFFICULTY),
            "height": block["height"],
            "generation_txn_hash": block["generation_txn_hash"],
            "accepted_shares": self._number(int(DIFFICULTY * 0.93)),
            "subsidy_sats": SUBSIDY,
            "txn_fees_sats": FEES,
            "total_reward_sats": SUBSIDY + FEES,
        }

    def _block_list(self, request: Request) -> Response:
        page, size, *_ = [*request.path.split("/")[3:], "", ""]
        count = int(size) if size.isdigit() else 10
        first = count * (int(page) if page.isdigit() else 0)
        listed = self._blocks[first : first + count]
        return self._result({"blocks": [self._block(block) for block in listed]})


_CORS = {"access-control-allow-origin": "*"}


def _take(wallet: Wallet) -> _Snapshot:
    """Note how the workers of an address stand."""
    rates = {}
    for name, worker in wallet.workers.items():
        reading = worker.read()
        rates[name] = {
            # The short windows of a worker that stopped are soon empty
            window: 0
            if worker.offline and window < 3600
            else round(reading.averages[average])
            for window, average in WINDOWS.items()
        }
    return _Snapshot(
        taken=int(time.time()),
        rates=rates,
        seen={name: worker.seen for name, worker in wallet.workers.items()},
    )


def _naive(seconds: float) -> str:
    """Write a timestamp without its time zone, which is UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
