"""ckpool as a web server shows its files, and the services that look like it.

Shapes: ckpool's stratifier.c (`statsupdate`) and files that others captured. Stock
ckpool has no web server: it rewrites `pool/pool.status` and `users/<address>` about
once a minute, and a web server serves that folder. Quirks: three JSON documents in one
file, numbers with three digits and a suffix, files that are caught half-written,
files that are no longer written, a log in local time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
import json
import math
import re
import time
from typing import Any, ClassVar, Literal, override

from .accounts import SHARE_DIFFICULTY, PoolServer, Worker
from .device import Fault
from .httpd import HTML, Handler, Request, Response, redirect_response
from .physics import HASHES_PER_DIFFICULTY, Reading

type Flavour = Literal["lan", "public", "nerdminers", "braiins", "braiins-numeric"]

UPDATE_SECONDS = 60.0
IDLE_SECONDS = 60.0
FORGET_SECONDS = 600_000.0
"""Workers that were silent for longer are not listed."""

LOG_MINUTES = 90
"""How far the log goes back when the simulator starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coin:
    """A coin as its ckpool sees it."""

    difficulty: float
    block_seconds: float
    height: int
    steady: bool = False
    """Whether the difficulty stays as it is for two weeks."""
    wallet: str
    """Well-formed, without a key: it spells a text."""


COINS: Mapping[str, Coin] = {
    "btc": Coin(
        difficulty=133_869_853_540_305.4,
        block_seconds=600,
        height=956_472,
        steady=True,
        wallet="bc1qfpx56gryv4kk7grhd96xsgrrddcx7mmvsyqkxc",
    ),
    "bch": Coin(
        difficulty=449_476_611_397.2,
        block_seconds=600,
        height=925_000,
        wallet="bitcoincash:qpyy6nfqgfp5stpqdamkugrrddcx7mmvyyd6km8vqk",
    ),
    "dgb": Coin(
        difficulty=756_672_128.5,
        block_seconds=75,
        height=22_400_000,
        wallet="dgb1qfpx56gzygapzcgr0wahzqcmtwphk7mppx94zu5",
    ),
    "bc2": Coin(
        difficulty=38_000_000_000.0,
        block_seconds=600,
        height=61_000,
        wallet="bc1qfpx56gzzgvezcgr0wahzqcmtwphk7mppl89pjk",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What one flavour is like."""

    content_type: str
    missing: str
    """The page for what is not there."""
    others: float = 0.0
    """H/s of everybody else."""
    other_users: int = 0
    share_difficulty: float = SHARE_DIFFICULTY
    wallet: str | None = None
    workers: Mapping[str, float] = field(
        default_factory=lambda: {"gamma": 1.2e12, "nerdqaxe": 4.8e12}
    )


_APACHE = (
    '<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\n<html><head>\n'
    "<title>404 Not Found</title>\n</head><body>\n<h1>Not Found</h1>\n"
    "<p>The requested URL was not found on this server.</p>\n</body></html>\n"
)
_NGINX = (
    "<html>\r\n<head><title>404 Not Found</title></head>\r\n<body>\r\n"
    "<center><h1>404 Not Found</h1></center>\r\n<hr><center>nginx</center>\r\n"
    "</body>\r\n</html>\r\n"
)
SERVICES: Mapping[Flavour, Service] = {
    # Apache with ForceType, as in a known docker stack
    "lan": Service(content_type="application/json", missing=_APACHE),
    "public": Service(
        content_type="application/octet-stream",
        missing=_NGINX,
        others=2.6e17,
        other_users=11_270,
        wallet="bc1qfpx56gr0dcsxzgrsw43xc6trypcx7mmvr4nm8u",
    ),
    "nerdminers": Service(
        content_type="application/octet-stream",
        missing=_NGINX,
        others=3.1e9,
        other_users=4_120,
        share_difficulty=0.0014,
        wallet="bc1qfpx56gryv4kk7grwv4exgmtfdejhyuepnqgwge",
        workers={"nerd1": 78_000.0, "nerd2": 362_000.0},
    ),
    "braiins": Service(
        content_type="application/json",
        missing=_NGINX,
        wallet="bc1qfpx56gryv4kk7grpwssyyunpd95kuuepcaygf4",
        workers={"rig1": 1.1e12},
    ),
    "braiins-numeric": Service(
        content_type="application/json",
        missing=_NGINX,
        wallet="bc1qfpx56gryv4kk7grpwssyyunpd95kuuepcaygf4",
        workers={"rig1": 1.1e12},
    ),
}

# ckpool's windows and the averages of a miner that come nearest
WINDOWS: Mapping[str, str] = {
    "1m": "1m",
    "5m": "10m",
    "15m": "10m",
    "1hr": "1h",
    "6hr": "1d",
    "1d": "1d",
    "7d": "1d",
}
USER_WINDOWS = ("1m", "5m", "1hr", "1d", "7d")


@dataclass(slots=True)
class Wallet:
    """One address; workers by the text that follows it in the stratum user."""

    workers: dict[str, Worker] = field(default_factory=dict)
    authorised: int = 0
    best: dict[str, float] = field(default_factory=dict)
    """The best difficulty of each worker when the pool last found a block."""
    blocks: dict[str, int] = field(default_factory=dict)
    """Blocks of each worker that the log reported."""


@dataclass(frozen=True, slots=True)
class Files:
    """The folder as it was last written."""

    status: str
    users: Mapping[str, str]


class SimulatedCkpool(PoolServer):
    """A ckpool of some `flavour` with its `wallets` (address -> worker -> H/s).

    The stratum user of a worker is `<address>.<worker>`, or what `worker` is if it
    begins with "_", or the bare address if it is "". Flavours:

      lan               a server of one's own, with its log
      public            a public ckpool of many users
      nerdminers        NerdMiners.org: works and bests with decimals, few kH/s
      braiins           Braiins Solo in the shape of ckpool, no pool.status
      braiins-numeric   Braiins Solo with numbers and a list

    Attributes for tests:

      update_seconds    how often the files are written; 0: for every request
      stopped           ckpool is dead, the web server shows the last files
      half_written      for how many requests files are caught half-written
      half_kind         "empty", "short" (two of three lines) or "cut"
      moved             None, "redirect" or "missing" (404 for everything)
      shows_status      whether there is a pool.status; likewise `shows_log`
      ranges            whether the web server understands Range
      clock_skew        how many seconds the server's clock is fast
      date_header       whether the web server reports its clock
      utc_offset        of the server's time zone, in seconds
      old_build         of 2017: no bestever, authorised, lastupdate
      decimals          pool.status with one decimal, as ckpool of 2026 writes it
      nulls             values come as null
      text_numbers      numbers come as strings
      unknown_address   "missing" (404) or "error" (200 and an error, as a wrapper)
      round_work        work of the current round beside that of the workers
      wallets           the accounts: `wallets[address].workers[name].offline`
    """

    kind: ClassVar[str] = "ckpool"

    def __init__(
        self,
        *,
        name: str | None = None,
        flavour: Flavour = "lan",
        coin: str = "btc",
        wallets: Mapping[str, Mapping[str, float]] | None = None,
        **options: Any,
    ) -> None:
        """Make a pool; `age` is for how many seconds its workers have mined.

        Raises KeyError: no such flavour or coin.
        """
        self.coin = COINS[coin]
        self.coin_name = coin
        self.flavour = flavour
        self.service = SERVICES[flavour]
        super().__init__(name=name or f"ckpool-{flavour}-{coin}", **options)
        self.update_seconds = UPDATE_SECONDS
        self.stopped = False
        self.half_written = 0
        self.half_kind: Literal["empty", "short", "cut"] = "short"
        self.moved: Literal["redirect", "missing"] | None = None
        self.shows_status = not flavour.startswith("braiins")
        self.shows_log = flavour == "lan"
        self.ranges = True
        self.utc_offset = 0
        self.old_build = False
        self.decimals = False
        self.unknown_address: Literal["missing", "error"] = "missing"
        self.round_work = 0.0
        self._started = time.monotonic()
        self._running_since = time.monotonic() - self._age
        self._files: Files | None = None
        self._written_at = -math.inf
        self._log: list[str] = []
        self._blocks = 0
        self._round_offset = (0.0, 0.0)
        self._logged_difficulty: float | None = None
        self.wallets: dict[str, Wallet] = {}
        if wallets is None:
            wallets = {self.service.wallet or self.coin.wallet: self.service.workers}
        for address, workers in wallets.items():
            self.add_wallet(address, workers)
        if self.shows_log:
            self._write_history()

    def add_wallet(self, address: str, workers: Mapping[str, float]) -> Wallet:
        """Add an address whose workers (name -> H/s) mine immediately."""
        wallet = Wallet(authorised=int(time.time() - self._age))
        for name, hashrate in workers.items():
            wallet.workers[name] = self.make_worker(
                stratum_user(address, name),
                hashrate,
                self.coin.difficulty,
                share_difficulty=self.service.share_difficulty,
            )
            wallet.blocks[name] = wallet.workers[name].read().blocks_ever
        self.wallets[address] = wallet
        return wallet

    @override
    def find_block(self) -> None:
        """Let the first worker of the first address find a block."""
        for address, wallet in self.wallets.items():
            for worker in wallet.workers.values():
                worker.miner.find_block()
                self._add_blocks(address, wallet)
                return

    def stop_ckpool(self, ago: float) -> None:
        """Let ckpool die; it wrote its last files so many seconds ago."""
        self._write(-ago)
        self.stopped = True

    def let_silent(self, address: str, name: str, seconds: float) -> None:
        """Switch a worker off whose last share was so many seconds ago."""
        worker = self.wallets[address].workers[name]
        worker.offline = True
        worker.read()
        worker.seen = int(time.time() - seconds)

    @override
    def state(self) -> dict[str, Any]:
        """How it stands; adds flavour, coin, status and hashrate by address."""
        return super().state() | {
            "flavour": self.flavour,
            "coin": self.coin_name,
            "status": self.status,
            "stopped": self.stopped,
            "blocks": self._blocks,
            "wallets": {
                address: {
                    "hashrate": sum(
                        worker.miner.read().hashrate
                        for worker in wallet.workers.values()
                    )
                }
                for address, wallet in self.wallets.items()
            },
        }

    @override
    def _booted(self) -> None:
        """Restart the uptime; the files of users outlive a restart."""
        if self.boots > 1:
            self._running_since = time.monotonic()

    # --- HTTP -----------------------------------------------------------------

    @override
    def routes(self) -> dict[str, Handler]:
        return {
            "GET /": lambda _: Response(body=b"<html><body>Solo</body></html>"),
            "GET /pool/pool.status": self._status_file,
            "GET /users/*": self._user_file,
            "GET /ckpool.log": self._log_file,
        }

    @override
    def admit(self, request: Request) -> Response | None:
        match self.moved:
            case "redirect":
                return redirect_response("https://stats.example.org/")
            case "missing":
                return self.unknown(request)
        return super().admit(request)

    @override
    def unknown(self, request: Request) -> Response:
        return Response(status=404, body=self.service.missing.encode())

    def _status_file(self, request: Request) -> Response:
        if not self.shows_status:
            return self.unknown(request)
        return self._file(request, self._current().status)

    def _user_file(self, request: Request) -> Response:
        name = request.path.removeprefix("/users/")
        text = self._current().users.get(name)
        # A pool has no MAC: its wrong device is one that does not know the address
        if text is None or self.fault is Fault.WRONG_MAC:
            if self.unknown_address == "error":
                return self._file(request, '{"error":"User not found"}')
            return self.unknown(request)
        return self._file(request, text)

    def _log_file(self, request: Request) -> Response:
        if not self.shows_log:
            return self.unknown(request)
        self._current()
        text = "".join(f"{line}\n" for line in self._log)
        return self._file(request, text, half=False)

    def _file(self, request: Request, text: str, *, half: bool = True) -> Response:
        if half and self.half_written > 0:
            self.half_written -= 1
            match self.half_kind:
                case "empty":
                    text = ""
                case "short":
                    text = "\n".join(text.splitlines()[:2]) + "\n"
                case "cut":
                    text = text[: len(text) * 2 // 3]
        body = text.encode()
        wish = re.fullmatch(r"bytes=-(\d+)", request.headers.get("range", ""))
        if wish is None or not self.ranges:
            return Response(body=body, content_type=self.service.content_type)
        size = len(body)
        length = min(int(wish[1]), size)
        if not length:
            return Response(
                status=416,
                content_type=HTML,
                headers={"Content-Range": f"bytes */{size}"},
            )
        return Response(
            status=206,
            body=body[size - length :],
            content_type="text/plain",
            headers={"Content-Range": f"bytes {size - length}-{size - 1}/{size}"},
        )

    # --- the files ------------------------------------------------------------

    @property
    def difficulty(self) -> float:
        """Network difficulty; where it is not steady, each block moves it a little."""
        if self.coin.steady:
            return self.coin.difficulty
        swing = math.sin(self._chain_blocks / 7) * 0.01
        return round(self.coin.difficulty * (1 + swing), 1)

    @property
    def height(self) -> int:
        """Height of the chain."""
        return self.coin.height + self._chain_blocks

    @property
    def _chain_blocks(self) -> int:
        elapsed = (time.monotonic() - self._started) * self._speed
        return int(elapsed / self.coin.block_seconds)

    def _current(self) -> Files:
        """Return the files, written again if it is time."""
        due = time.monotonic() - self._written_at >= self.update_seconds
        if self._files is None or (due and not self.stopped):
            return self._write()
        return self._files

    def _write(self, shift: float = 0.0) -> Files:
        """Write all files as of now, or of some seconds before or after."""
        timestamp = self.now + shift
        for address, wallet in self.wallets.items():
            self._add_blocks(address, wallet)
        lines = self._status_lines(timestamp)
        users = {}
        for address, wallet in self.wallets.items():
            if any(worker.seen for worker in wallet.workers.values()):
                users[address] = self._user_text(address, wallet, timestamp)
        self._log_minute(timestamp, lines, users)
        self._written_at = time.monotonic()
        self._files = Files("".join(f"{line}\n" for line in lines), users)
        return self._files

    def _add_blocks(self, address: str, wallet: Wallet) -> None:
        """Note shares and blocks since the last read."""
        for name, worker in wallet.workers.items():
            blocks = worker.read().blocks_ever
            for _ in range(blocks - wallet.blocks[name]):
                self._solved(stratum_user(address, name))
            wallet.blocks[name] = blocks

    def _update(self) -> list[tuple[Worker, Reading]]:
        return [
            (worker, worker.miner.read())
            for wallet in self.wallets.values()
            for worker in wallet.workers.values()
        ]

    def _round(self) -> tuple[float, float]:
        """Return accepted and rejected work since the pool's last block."""
        share = self.service.share_difficulty
        readings = [reading for _, reading in self._update()]
        others = self.service.others / HASHES_PER_DIFFICULTY
        elapsed = (time.monotonic() - self._started) * self._speed + self._age
        accepted = share * sum(reading.accepted for reading in readings)
        accepted += others * elapsed + self.round_work
        rejected = share * sum(reading.rejected for reading in readings)
        rejected += others * elapsed * 0.001
        done_accepted, done_rejected = self._round_offset
        return accepted - done_accepted, rejected - done_rejected

    def _status_lines(self, timestamp: float) -> list[str]:
        readings = self._update()
        running = time.monotonic() - self._running_since
        silent = sum(timestamp - worker.seen > IDLE_SECONDS for worker, _ in readings)
        users = sum(
            any(not worker.offline for worker in wallet.workers.values())
            for wallet in self.wallets.values()
        )
        workers = sum(not worker.offline for worker, _ in readings)
        first: dict[str, Any] = {
            "runtime": int(running),
            "lastupdate": int(timestamp),
            "Users": users + self.service.other_users,
            "Workers": workers + self.service.other_users * 2,
            "Idle": silent,
            "Disconnected": 0,
        }
        if self.old_build:
            first = {key: first[key] for key in ("runtime", "Users", "Workers")}
        rates = {
            f"hashrate{window}": self._hashrate(
                self.service.others
                + sum(reading.averages[near] for _, reading in readings)
            )
            for window, near in WINDOWS.items()
        }
        accepted, rejected = self._round()
        percent = round(accepted * 10_000 / self.difficulty) / 100
        pace = (
            sum(reading.hashrate for _, reading in readings)
            / HASHES_PER_DIFFICULTY
            / self.service.share_difficulty
        )
        third: dict[str, Any] = {
            "diff": self._rounded(percent),
            "accepted": int(accepted),
            "rejected": int(rejected),
            "bestshare": int(self._best_of_round()),
            **{f"SPS{window}": self._rounded(pace) for window in ("1m", "5m", "15m")},
            "SPS1h": self._rounded(pace),
        }
        if self.nulls:
            first |= {"Idle": None, "Disconnected": None}
            third |= {"diff": None, "bestshare": None}
        if self.text_numbers:
            first, third = _as_text(first), _as_text(third)
        return [json.dumps(line) for line in (first, rates, third)]

    def _rounded(self, value: float) -> float:
        """Round as jansson was told to, or as yyjson does now."""
        return round(value, 1) if self.decimals else float(f"{value:.3g}")

    def _best_of_round(self) -> float:
        return max(
            (
                _since_block(wallet, name, worker.miner.read())
                for wallet in self.wallets.values()
                for name, worker in wallet.workers.items()
            ),
            default=0.0,
        )

    def _hashrate(self, value: float) -> str | float | None:
        if self.nulls:
            return None
        if self.flavour == "braiins-numeric":
            return str(round(value)) if self.text_numbers else round(value)
        return suffix_string(value)

    def _hashrates(self, *readings: Reading) -> dict[str, Any]:
        return {
            f"hashrate{window}": self._hashrate(
                sum(reading.averages[WINDOWS[window]] for reading in readings)
            )
            for window in USER_WINDOWS
        }

    def _figures(self, wallet: Wallet, names: list[str]) -> dict[str, Any]:
        """Return work and bests of some workers together."""
        readings = [wallet.workers[name].miner.read() for name in names]
        work = self.service.share_difficulty * sum(
            reading.accepted for reading in readings
        )
        ever = max((reading.best_ever for reading in readings), default=0.0)
        figures: dict[str, Any] = {
            "shares": work if self.flavour == "nerdminers" else int(work),
            "bestshare": max(
                (
                    _since_block(wallet, name, reading)
                    for name, reading in zip(names, readings, strict=True)
                ),
                default=0.0,
            ),
            "bestever": ever if self.flavour == "nerdminers" else int(ever),
        }
        if self.flavour == "braiins":
            share = self.service.share_difficulty
            rejected = int(share * sum(reading.rejected for reading in readings))
            figures = {"shares": figures["shares"], "rejected": rejected, **figures}
        if self.old_build:
            del figures["bestever"]
        if self.nulls:
            figures["bestshare"] = None
        return _as_text(figures) if self.text_numbers else figures

    def _user_text(self, address: str, wallet: Wallet, timestamp: float) -> str:
        names = [
            name
            for name, worker in wallet.workers.items()
            if worker.seen and timestamp - worker.seen <= FORGET_SECONDS
        ]
        readings = [wallet.workers[name].miner.read() for name in names]
        seen = int(
            max(worker.seen for worker in wallet.workers.values()) + self.clock_skew
        )
        connected = sum(not worker.offline for worker in wallet.workers.values())
        entries = []
        for name in names:
            worker = wallet.workers[name]
            entry = {
                "workername": stratum_user(address, name),
                **self._hashrates(worker.miner.read()),
                "lastshare": int(worker.seen + self.clock_skew),
                **self._figures(wallet, [name]),
            }
            if self.flavour.startswith("braiins"):
                entry["useragent"] = "bitaxe/BM1370/v2.9.0"
            entries.append(entry)
        if self.flavour == "braiins-numeric":
            return self._numeric_text(wallet, names, entries)
        user = {
            **self._hashrates(*readings),
            "lastshare": str(seen) if self.text_numbers else seen,
            "workers": connected,
            **self._figures(wallet, names),
            "authorised": wallet.authorised,
            "worker": None if self.nulls else entries,
        }
        if self.old_build or self.flavour == "braiins":
            del user["authorised"]
        if self.flavour == "braiins":
            return json.dumps(user, separators=(",", ":"))
        return json.dumps(user, indent=1) + "\n"

    def _numeric_text(
        self, wallet: Wallet, names: list[str], entries: list[dict[str, Any]]
    ) -> str:
        """Return the later shape of Braiins Solo: no 5 minutes, no last share."""
        user = self._hashrates(*(wallet.workers[name].miner.read() for name in names))
        figures = self._figures(wallet, names)
        for entry, name in zip(entries, names, strict=True):
            entry["workername"] = name
            for key in ("hashrate7d", "bestever", "useragent"):
                entry.pop(key, None)
        notable = [
            {
                "timestamp": entry["lastshare"],
                "diff": entry["bestshare"],
                "worker": entry["workername"],
                "hashrate5m": entry["hashrate5m"],
            }
            for entry in entries
        ]
        return json.dumps(
            {
                "hashrate1m": user["hashrate1m"],
                "hashrate1hr": user["hashrate1hr"],
                "hashrate1d": user["hashrate1d"],
                "bestshare": figures["bestshare"],
                "bestever": figures.get("bestever"),
                "notable_shares": notable,
                "workers": None if self.nulls else entries,
            },
            separators=(",", ":"),
        )

    # --- the log --------------------------------------------------------------

    def log(self, text: str, timestamp: float | None = None) -> None:
        """Write a line to the log, in the server's local time."""
        seconds = self.now if timestamp is None else timestamp
        local = datetime.fromtimestamp(seconds, UTC) + timedelta(
            seconds=self.utc_offset
        )
        self._log.append(
            f"[{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 1000:03}] {text}"
        )

    def rewrite_log(self, minutes: int = LOG_MINUTES) -> None:
        """Rewrite the log, as if it went back so many minutes."""
        self._log.clear()
        self._logged_difficulty = None
        self._write_history(minutes)

    def _write_history(self, minutes: int = LOG_MINUTES) -> None:
        for minute in range(minutes, 0, -1):
            self._write(-60.0 * minute)
        self._files = None
        self._written_at = -math.inf

    def _log_minute(
        self, timestamp: float, lines: list[str], users: Mapping[str, str]
    ) -> None:
        if self.difficulty != self._logged_difficulty:
            self._logged_difficulty = self.difficulty
            self.log(f"Network diff set to {self.difficulty:.1f}", timestamp)
        for address, text in users.items():
            user = json.loads(text)
            user.pop("worker", None)
            self.log(f"User {address}:{json.dumps(user)}", timestamp)
        for line in lines:
            self.log(f"Pool:{line}", timestamp)

    def _solved(self, user: str) -> None:
        """Note a block: it is logged, and a new round starts."""
        accepted, rejected = self._round()
        self._blocks += 1
        self.log(f"Possible block solve diff {self.difficulty * 1.4:f} !")
        self.log("BLOCK ACCEPTED!")
        self.log(f"Solved and confirmed block {self.height + self._blocks} by {user}")
        percent = accepted * 100 / self.difficulty
        self.log(f"Block solved after {accepted:.0f} shares at {percent:.1f}% diff")
        before = self._round_offset
        self._round_offset = (before[0] + accepted, before[1] + rejected)
        for wallet in self.wallets.values():
            for name, worker in wallet.workers.items():
                wallet.best[name] = worker.miner.read().best_ever


def stratum_user(address: str, worker: str) -> str:
    """Return what a miner logs in with."""
    if not worker or worker.startswith("_"):
        return address + worker
    return f"{address}.{worker}"


def suffix_string(value: float) -> str:
    """Write a hashrate as ckpool does (libckpool.c): "%.3g" and a suffix."""
    for factor, suffix in (
        (1e18, "E"),
        (1e15, "P"),
        (1e12, "T"),
        (1e9, "G"),
        (1e6, "M"),
        (1e3, "K"),
    ):
        if value >= factor:
            return f"{value / factor:.3g}{suffix}"
    return str(int(value))


def _since_block(wallet: Wallet, name: str, reading: Reading) -> float:
    """Return the best difficulty since the pool's last block.

    The miner only reports its best ever: after a block, that is 0 until it is beaten.
    """
    return reading.best_ever if reading.best_ever > wallet.best.get(name, 0.0) else 0.0


def _as_text(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: str(value) if isinstance(value, int | float) else value
        for key, value in values.items()
    }
