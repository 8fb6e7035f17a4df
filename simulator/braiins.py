"""Braiins Pool: the web API of its accounts.

No whole reply of the pool was ever recorded; keys and types follow its documentation
and its readers (the 403 and that even `/stats` wants a token were seen live).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
import time
from typing import Any, ClassVar, override

from .accounts import PoolServer, Worker
from .device import Fault
from .httpd import Handler, Request, Response, json_response
from .physics import HASHES_PER_DIFFICULTY, Reading

DIFFICULTY = 133_869_853_540_305.4
SUBSIDY = 3.125
"""BTC."""
POOL_HASHRATE = 5.7e18
BLOCKS_LISTED = 15

DEMO_USER = "example-miner"
DEMO_KEY = "not-a-real-token-0123456789"
DEMO_WORKERS: Mapping[str, float] = {
    "gamma": 1.2e12,
    "nerdqaxe": 4.8e12,
    "nano3s": 6.5e12,
}

FACTORS: Mapping[str, float] = {
    "h/s": 1.0,
    "Kh/s": 1e3,
    "Mh/s": 1e6,
    "Gh/s": 1e9,
    "Th/s": 1e12,
    "Ph/s": 1e15,
    "Eh/s": 1e18,
}

_HEADERS = (
    "pool-auth-token",
    "x-pool-auth-token",
    "slushpool-auth-token",
    "x-slushpool-auth-token",
)
_PAGE = "<!DOCTYPE html><html><head><title>Braiins Pool</title></head></html>"
# By the length of the windows; the miners know no mean of 5 minutes.
_WINDOWS = {"5m": ("10m", 300), "60m": ("1h", 3600), "24h": ("1d", 86_400)}


@dataclass(slots=True)
class Account:
    """One account: its workers by name; the name "" is a miner that gave none."""

    username: str
    workers: dict[str, Worker] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    """What a worker's state is instead of ok and off: "low", "dis"."""
    credited: float = 0.0
    """BTC that were credited since ever."""

    def state(self, name: str) -> str:
        """Return the state of a worker."""
        if (state := self.states.get(name)) is not None:
            return state
        return "off" if self.workers[name].offline else "ok"


class SimulatedBraiins(PoolServer):
    """Braiins Pool with `accounts` (user name -> worker name -> H/s).

    Attributes for tests:

      accounts      by user name: `accounts[name].workers[worker].offline`, `.states`
      tokens        access token -> user name; others are refused with 403
      gap_seconds   who asks sooner than so after a request that was served gets an
                    empty answer, and `too_fast` counts it
      unit          of the account's and the pool's hashrates, `worker_unit` of the
                    workers'; a key of FACTORS
      upper_case    states in capitals, as in 2021
      pre_fpps      the profile of before FPPS (2021): other names for the amounts
      text_numbers  hashrates come as strings
      nulls         optional values and lists come as null
      stale         `update_ts` of the pool's figures stands still, two hours ago
      status        answer this status and a web page to everything; None: normal
    """

    kind: ClassVar[str] = "braiins"
    error_page = _PAGE

    def __init__(
        self,
        *,
        name: str = "braiins",
        accounts: Mapping[str, Mapping[str, float]] | None = None,
        gap_seconds: float = 5.0,
        **options: Any,
    ) -> None:
        """Make a pool; `age` is for how many seconds its workers have mined."""
        super().__init__(name=name, **options)
        self.gap_seconds = gap_seconds
        self.too_fast = 0
        self.unit = self.worker_unit = "Gh/s"
        self.upper_case = False
        self.pre_fpps = False
        self.stale = False
        self._started = time.time()
        self._served: dict[str, float] = {}
        self.tokens: dict[str, str] = {}
        self.accounts: dict[str, Account] = {}
        demo = {DEMO_USER: DEMO_WORKERS} if accounts is None else accounts
        for username, workers in demo.items():
            self.add_account(username, workers)
        self._blocks: dict[int, int] = {
            925_000 - 144 * days: int(self._started - 70_000 - 86_400 * days)
            for days in range(3)
        }

    def add_account(self, username: str, workers: Mapping[str, float]) -> str:
        """Add an account whose workers mine immediately, and return its token."""
        account = self.accounts[username] = Account(username)
        for worker, hashrate in workers.items():
            account.workers[worker] = self.make_worker(
                f"{username}.{worker}", hashrate, DIFFICULTY
            )
        token = DEMO_KEY if username == DEMO_USER else f"token-of-{username}"
        self.tokens[token] = username
        return token

    @override
    def find_block(self) -> None:
        """Let the pool find a block; all who mine there are paid as before."""
        self._blocks[max(self._blocks) + 1] = int(time.time())

    @override
    def state(self) -> dict[str, Any]:
        """How it stands; adds status, requests too fast and hashrate by account."""
        return super().state() | {
            "status": self.status,
            "too_fast": self.too_fast,
            "accounts": {
                account.username: {
                    "hashrate": sum(
                        worker.miner.read().hashrate
                        for worker in account.workers.values()
                    ),
                    "workers": len(account.workers),
                }
                for account in self.accounts.values()
            },
        }

    # --- HTTP ---------------------------------------------------------------

    @override
    def routes(self) -> dict[str, Handler]:
        handlers: dict[str, Handler] = {
            "GET /stats/json/btc": self._stats,
            "GET /accounts/profile/json/btc": self._profile,
            "GET /accounts/workers/json/btc": self._workers,
            "GET /accounts/rewards/json/btc": self._rewards,
        }
        # The slash at the end is optional.
        return handlers | {f"{path}/": handler for path, handler in handlers.items()}

    @override
    def admit(self, request: Request) -> Response | None:
        if (refusal := super().admit(request)) is not None:
            return refusal
        token = _token(request)
        # A pool has no MAC: its wrong device is one that does not know the token.
        if token not in self.tokens or self.fault is Fault.WRONG_MAC:
            return Response(
                status=403,
                body=b"Access denied",
                content_type="text/plain; charset=utf-8",
            )
        now = time.monotonic()
        if now - self._served.get(token, -self.gap_seconds) < self.gap_seconds:
            self.too_fast += 1
            return Response()
        self._served[token] = now
        return None

    @override
    def unknown(self, request: Request) -> Response:
        return Response(status=404, body=_PAGE.encode())

    # --- answers ------------------------------------------------------------

    def _account(self, request: Request) -> tuple[Account, dict[str, Reading]]:
        account = self.accounts[self.tokens[_token(request)]]
        return account, {
            name: worker.read() for name, worker in account.workers.items()
        }

    def _rate(self, hashrate: float, unit: str) -> float | str:
        """Give H/s in a unit, as a number or its text."""
        value = round(hashrate / FACTORS[unit], 11)
        return str(value) if self.text_numbers else value

    def _optional(self, value: Any) -> Any:
        return None if self.nulls else value

    def _stats(self, request: Request) -> Response:
        now = int(time.time())
        listed = sorted(self._blocks, reverse=True)[:BLOCKS_LISTED]
        return json_response(
            {
                "btc": {
                    "hash_rate_unit": self.unit,
                    "pool_active_workers": 123_456,
                    "pool_5m_hash_rate": self._rate(POOL_HASHRATE, self.unit),
                    "pool_60m_hash_rate": self._rate(POOL_HASHRATE * 0.998, self.unit),
                    "pool_24h_hash_rate": self._rate(POOL_HASHRATE * 0.995, self.unit),
                    "update_ts": int(self._started) - 7200
                    if self.stale
                    else now - now % 60,
                    "blocks": self._optional(
                        {
                            str(height): self._block(height, now - self._blocks[height])
                            for height in listed
                        }
                    ),
                    "fpps_rate": self._optional(f"{SUBSIDY / DIFFICULTY:.18f}"),
                }
            }
        )

    def _block(self, height: int, ago: int) -> dict[str, Any]:
        left = max(0, 100 - ago // 600)
        return {
            "date_found": self._blocks[height],
            "mining_duration": 86_400,
            "total_shares": round(POOL_HASHRATE * 86_400 / HASHES_PER_DIFFICULTY),
            "state": "new" if left else "confirmed",
            "confirmations_left": left,
            "value": f"{SUBSIDY + 0.02146:.8f}",
            "user_reward": _btc(0),
            "pool_scoring_hash_rate": self._rate(POOL_HASHRATE, self.unit),
        }

    def _profile(self, request: Request) -> Response:
        account, readings = self._account(request)
        states = [account.state(name) for name in account.workers]
        figures: dict[str, Any] = {"hash_rate_unit": self.unit}
        for window, (average, _) in _WINDOWS.items():
            total = sum(reading.averages[average] for reading in readings.values())
            figures[f"hash_rate_{window}"] = self._rate(total, self.unit)
        figures["hash_rate_yesterday"] = figures["hash_rate_24h"]
        figures |= {
            f"{state}_workers": states.count(state)
            for state in ("low", "off", "ok", "dis")
        }
        pending = self._pending(readings)
        ever = _reward(sum(reading.lifetime_hashes for reading in readings.values()))
        account.credited = max(account.credited, ever - pending)
        if self.pre_fpps:
            figures |= {
                "confirmed_reward": _btc(account.credited * 0.8),
                "unconfirmed_reward": _btc(account.credited * 0.2),
                "estimated_reward": self._optional(_btc(pending)),
                "send_threshold": "0.00500000",
                "hash_rate_scoring": figures["hash_rate_60m"],
            }
        else:
            before = sum(self._earned(account, day) for day in self._days())
            figures |= {
                "all_time_reward": self._optional(_btc(account.credited)),
                "current_balance": self._optional(_btc(account.credited)),
                "today_reward": self._optional(
                    f"{max(0.0, account.credited - before):.9f}"
                ),
                "estimated_reward": self._optional(_btc(pending)),
                "shares_yesterday": self._optional(0),
            }
            for window in _WINDOWS:
                shares = sum(_shares(reading, window) for reading in readings.values())
                figures[f"shares_{window}"] = self._optional(shares)
        return json_response({"username": account.username, "btc": figures})

    def _workers(self, request: Request) -> Response:
        account, readings = self._account(request)
        listed: dict[str, Any] = {}
        for name, worker in account.workers.items():
            state = account.state(name)
            figures: dict[str, Any] = {
                "state": state.upper() if self.upper_case else state,
                "last_share": self._optional(worker.seen or None),
                "hash_rate_unit": self.worker_unit,
            }
            for window, (average, _) in _WINDOWS.items():
                figures[f"hash_rate_{window}"] = self._rate(
                    readings[name].averages[average], self.worker_unit
                )
            for window in _WINDOWS:
                figures[f"shares_{window}"] = self._optional(
                    _shares(readings[name], window)
                )
            listed[f"{account.username}.{name or '[auto]'}"] = figures
        return json_response({"btc": {"workers": listed}})

    def _rewards(self, request: Request) -> Response:
        account, _ = self._account(request)
        first, last = request.query.get("from", ""), request.query.get("to", "9999")
        rewards = []
        for day in self._days():
            if not first <= day.isoformat() <= last:
                continue
            midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
            start, reward = int(midnight.timestamp()), self._earned(account, day)
            rewards.append(
                {
                    "date": start,
                    "total_reward": _btc(reward),
                    "mining_reward": _btc(reward),
                    "bos_plus_reward": _btc(0),
                    "referral_bonus": _btc(0),
                    "referral_reward": _btc(0),
                    "shares": round(reward * DIFFICULTY / SUBSIDY),
                    "share_prices": [
                        {
                            "from_ts": start,
                            "to_ts": start + 86_400,
                            "share_price": f"{SUBSIDY / DIFFICULTY:.18f}",
                        }
                    ],
                    "calculation_date": start + 93_600,
                }
            )
        return json_response({"btc": {"daily_rewards": self._optional(rewards)}})

    # --- rewards ------------------------------------------------------------

    def _days(self) -> list[date]:
        """Give the full days (UTC) since the workers began, newest first."""
        began = datetime.fromtimestamp(self._started - self._age, UTC).date()
        today = datetime.fromtimestamp(self.now, UTC).date()
        return [
            today - timedelta(days=ago) for ago in range(1, (today - began).days + 1)
        ]

    def _earned(self, account: Account, day: date) -> float:
        """Give what an account earned on a full day, in BTC."""
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
        began = max(midnight, self._started - self._age)
        seconds = max(0.0, midnight + 86_400 - began)
        return _reward(
            seconds
            * sum(worker.miner.expected for worker in account.workers.values())
            * 0.998
        )

    def _pending(self, readings: Mapping[str, Reading]) -> float:
        """Give what the work since the full hour will earn, in BTC."""
        seconds = time.time() % 3600
        return _reward(
            seconds * sum(reading.averages["1h"] for reading in readings.values())
        )


def _token(request: Request) -> str:
    """Give the access token of a request, under its new or its old name."""
    return next(
        (request.headers[name] for name in _HEADERS if name in request.headers), ""
    )


def _btc(amount: float) -> str:
    return f"{amount:.8f}"


def _reward(hashes: float) -> float:
    """Give what hashes earn: FPPS pays each as the mean of what it will find."""
    return hashes / HASHES_PER_DIFFICULTY / DIFFICULTY * SUBSIDY


def _shares(reading: Reading, window: str) -> int:
    """Give the shares of a window, weighted by their difficulty."""
    average, seconds = _WINDOWS[window]
    return round(reading.averages[average] * seconds / HASHES_PER_DIFFICULTY)
