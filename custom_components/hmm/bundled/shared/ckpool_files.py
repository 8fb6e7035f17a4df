"""The files that ckpool writes about once a minute: pool.status and users/*.

Facts are from ckpool's stratifier.c (``statsupdate``); old builds lack some of the
keys, and forks write the same numbers in other types.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
import json
import math
import re
from typing import Any

from custom_components.hmm.driver_api import (
    BadAnswer,
    HtmlAnswer,
    PoolWorker,
    count_online,
)
from custom_components.hmm.driver_api.ranges import WORKERS
from custom_components.hmm.driver_api.transports.json_text import (
    check_size,
    without_nan,
)
from custom_components.hmm.driver_api.units import (
    parse_amount,
    parse_count,
    parse_number,
    parse_text,
    parse_timestamp,
)

ONLINE_SECONDS = 1800.0
"""A worker whose last share is older is offline."""

SILENT_SECONDS = 3600.0
"""After this time without a share nothing is left of a mean over 5 minutes."""

NAMELESS = "default"
"""The worker of a miner that gives no worker name."""

_WINDOWS = ("1m", "5m", "15m", "1hr", "6hr", "1d", "7d")
_RATE_WINDOWS = ("1m", "5m", "15m", "1h")

# One key of each of the three lines is enough to know that it is there
_LINES = (
    {"runtime", "lastupdate", "Users", "Workers"},
    {f"hashrate{window}" for window in _WINDOWS},
    {"diff", "accepted", *(f"SPS{window}" for window in _RATE_WINDOWS)},
)
_USER_KEYS = {
    *(f"hashrate{window}" for window in _WINDOWS),
    "lastshare",
    "workers",
    "worker",
    "shares",
    "bestshare",
    "bestever",
}

# Three lines, those of SV2, and one for each proxy
_MAX_OBJECTS = 100
_SHORTEST_ADDRESS = 25
_CASHADDR = "bitcoincash:"


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolFile:
    """What ``pool.status`` reports about the whole pool.

    ``hashrates`` are in H/s by window. ``accepted`` and ``rejected`` are sums of
    difficulty since the pool's last block, ``round_percent`` is the former in
    percent of the network's difficulty, ``share_rates`` are submissions per second.
    """

    runtime: float | None
    last_update: float | None
    """Seconds since 1970 by the clock of the pool."""
    users: int | None
    workers: int | None
    idle: int | None
    disconnected: int | None
    hashrates: Mapping[str, float]
    round_percent: float | None
    accepted: float | None
    rejected: float | None
    best_share: float | None
    share_rates: Mapping[str, float]

    @property
    def hashrate(self) -> float | None:
        """H/s of the whole pool over 5 minutes, or 1 minute of an old build."""
        return self.hashrates.get("5m", self.hashrates.get("1m"))


@dataclass(frozen=True, slots=True, kw_only=True)
class UserFile:
    """What ``users/<address>`` reports, with hashrates in H/s.

    ``work`` is a sum of difficulty: no count of shares.
    """

    hashrate: float | None
    hashrates: Mapping[str, float]
    active_workers: int | None
    workers: tuple[PoolWorker, ...]
    work: float | None
    best_share: float | None
    last_share: datetime | None


def read_pool_file(text: str) -> PoolFile:
    """Read ``pool.status``: three or more lines, each a JSON object.

    Raises HtmlAnswer: a web page; BadAnswer: anything else, or a file that is just
    being rewritten.
    """
    data = _merge(text)
    if not all(keys & data.keys() for keys in _LINES):
        raise BadAnswer("The status of the pool is not complete", reason="bad_response")
    return PoolFile(
        runtime=parse_amount(data.get("runtime")),
        last_update=parse_amount(data.get("lastupdate")) or None,
        users=parse_count(data.get("Users")),
        workers=parse_count(data.get("Workers")),
        idle=parse_count(data.get("Idle")),
        disconnected=parse_count(data.get("Disconnected")),
        hashrates=_hashrates(data),
        round_percent=parse_amount(data.get("diff")),
        accepted=parse_amount(data.get("accepted")),
        rejected=parse_amount(data.get("rejected")),
        best_share=parse_amount(data.get("bestshare")),
        share_rates={
            window: rate
            for window in _RATE_WINDOWS
            if (rate := parse_amount(data.get(f"SPS{window}"))) is not None
        },
    )


def read_user_object(text: str) -> Mapping[str, Any] | None:
    """Read the JSON of ``users/<address>``; None: there is no such user.

    Most servers report that with 404, wrappers with an error or an empty object.
    Raises HtmlAnswer: a web page; BadAnswer: anything else, or a file that is just
    being rewritten.
    """
    data = _merge(text)
    if _USER_KEYS & data.keys():
        return data
    if not data or "error" in data:
        return None
    raise BadAnswer(
        "The pool answered with JSON of another shape", reason="bad_response"
    )


def read_user(data: Mapping[str, Any], address: str, now: float) -> UserFile:
    """Read a user. Whatever is missing or malformed is None.

    ``now`` is in seconds since 1970 by the clock of the pool. Braiins Solo has
    written ``workers`` as a list and hashrates as numbers; ckpool's ``workers`` is
    a count of connections and its list is ``worker``.
    """
    entries = _dicts(data.get("worker")) or _dicts(data.get("workers"))
    workers = _merge_names(
        _read_worker(entry, address, now)
        # No more are shown, and each takes time
        for entry in entries[: WORKERS.maximum]
        # What has no name at all is not a worker without name
        if isinstance(entry.get("workername"), str)
    )
    hashrates = _hashrates(data)
    hashrate = hashrates.get("5m")
    if hashrate is None and entries:
        hashrate = _sum(_hashrate(entry, "5m") for entry in entries)
    if hashrate is None:
        hashrate = hashrates.get("1m")
    last_share = parse_timestamp(data.get("lastshare")) or max(
        (worker.last_share for worker in workers if worker.last_share), default=None
    )
    is_whole = len(entries) <= WORKERS.maximum
    if is_whole and any(worker.online is not None for worker in workers):
        active = count_online(workers)
    else:
        active = parse_count(data.get("workers"))
    return UserFile(
        hashrate=_with_value(hashrate, last_share, now),
        hashrates=hashrates,
        active_workers=active,
        workers=workers,
        work=parse_amount(data.get("shares")),
        best_share=_best_share(data),
        last_share=last_share,
    )


class DifficultyEstimate:
    """The network's difficulty, from the part of it that a round has done.

    ckpool writes that part rounded (to three digits or, in 2026, one decimal). What
    fits every reading is kept, so that the value settles instead of swinging.
    """

    def __init__(self) -> None:
        """Start without a reading."""
        self._low = 0.0
        self._high = math.inf

    @property
    def value(self) -> float | None:
        """The difficulty, None until it is known to 1 %."""
        if not 0 < self._low <= self._high <= self._low * 1.02 < math.inf:
            return None
        return (self._low + self._high) / 2

    def add(self, pool: PoolFile) -> None:
        """Note another reading. Under 1 % of a block it is too inexact."""
        percent, accepted = pool.round_percent, pool.accepted
        if percent is None or percent < 1 or not accepted:
            self._low, self._high = 0.0, math.inf
            return
        doubt = _rounding(percent)
        low = accepted * 100 / (percent + doubt)
        high = accepted * 100 / (percent - doubt)
        if low > self._high or high < self._low:
            # The network has another difficulty now
            self._low, self._high = low, high
        else:
            self._low, self._high = max(low, self._low), min(high, self._high)


def _rounding(percent: float) -> float:
    """Return by how much ckpool may have rounded a percentage over 1."""
    if percent < 10 and not math.isclose(percent * 10, round(percent * 10)):
        return 0.0051  # Two decimals can be seen
    third_digit: float = 10.0 ** (math.floor(math.log10(percent)) - 2)
    return 0.0051 + max(0.05, third_digit / 2)


def account_of(username: str) -> str:
    """Return the address of a stratum user: ckpool cuts at the first "." or "_"."""
    return re.split(r"[._]", username.strip(), maxsplit=1)[0]


def worker_of(workername: str, address: str) -> str:
    """Return the worker's own name: what follows the address and the separator.

    Braiins Solo has also written it without the address.
    """
    name = workername.strip()
    bare, address = name.removeprefix(_CASHADDR), address.removeprefix(_CASHADDR)
    head, tail = account_of(bare), ""
    if len(bare) > len(head):
        tail = bare[len(head) + 1 :].strip()
    if not name or head == address:
        return tail or NAMELESS
    # An address in another spelling: kept out of names
    return (tail or NAMELESS) if len(head) >= _SHORTEST_ADDRESS else name


def is_user(workername: str, address: str) -> bool:
    """Return whether a stratum user belongs to an address."""
    user = account_of(workername.strip().removeprefix(_CASHADDR))
    return user == address.removeprefix(_CASHADDR)


def file_names(address: str, coin: str) -> tuple[str, ...]:
    """Return the names that the file of an address may have.

    It is called what the miner logs in with: CashAddr with or without its prefix.
    """
    if coin.strip().upper() != "BCH":
        return (address,)
    if address.startswith(_CASHADDR):
        return (address, address.removeprefix(_CASHADDR))
    if re.fullmatch(r"[qp][0-9a-z]+", address):
        return (address, _CASHADDR + address)
    return (address,)


def _merge(text: str) -> dict[str, Any]:
    """Return the keys of all JSON objects in a text; the first of a name counts."""
    text = text.strip()
    if text[:1] == "<":
        raise HtmlAnswer("The pool answered with a web page", reason="web_page")
    if not text:
        raise BadAnswer("The pool answered with an empty file", reason="bad_response")
    try:
        check_size(text)
    except ValueError:
        raise BadAnswer(
            "The pool answered with more JSON than any account has",
            reason="bad_response",
        ) from None
    try:
        return _merge_objects(text)
    except BadAnswer:
        return _merge_objects(without_nan(text))


def _merge_objects(text: str) -> dict[str, Any]:
    # Not strict: names may hold control characters
    decoder = json.JSONDecoder(strict=False)
    merged: dict[str, Any] = {}
    position = 0
    for _ in range(_MAX_OBJECTS):
        try:
            value, position = decoder.raw_decode(text, position)
        except ValueError, RecursionError:
            raise BadAnswer(
                "The pool did not answer with JSON", reason="bad_response"
            ) from None
        if not isinstance(value, dict):
            raise BadAnswer(
                "The pool answered with JSON of another shape", reason="bad_response"
            )
        merged = value | merged
        position = len(text) - len(text[position:].lstrip())
        if position == len(text):
            return merged
    raise BadAnswer(
        "The pool answered with JSON of another shape", reason="bad_response"
    )


def _hashrates(data: Mapping[str, Any]) -> dict[str, float]:
    """Return the hashrates in H/s by window: "1.2T" or numbers."""
    return {
        window: hashrate
        for window in _WINDOWS
        if (hashrate := _hashrate(data, window)) is not None
    }


def _hashrate(data: Mapping[str, Any], window: str) -> float | None:
    return parse_amount(data.get(f"hashrate{window}"))


def _read_worker(data: Mapping[str, Any], address: str, now: float) -> PoolWorker:
    last_share = parse_timestamp(data.get("lastshare"))
    online: bool | None = None
    if last_share is not None:
        online = now - last_share.timestamp() < ONLINE_SECONDS
    elif parse_number(data.get("lastshare")) == 0:
        online = False  # It never had one
    hashrate = _hashrate(data, "5m")
    if hashrate is None:
        hashrate = _hashrate(data, "1m")
    return PoolWorker(
        name=worker_of(parse_text(data.get("workername")) or "", address),
        hashrate=_with_value(hashrate, last_share, now),
        online=online,
        best_share=_best_share(data),
        last_share=last_share,
    )


def _with_value(
    hashrate: float | None, last_share: datetime | None, now: float
) -> float | None:
    """Return a hashrate over some minutes, 0 of who has been silent for long.

    The file of a user who is not connected since the pool started is not rewritten.
    """
    if hashrate is None or last_share is None:
        return hashrate
    return 0.0 if now - last_share.timestamp() > SILENT_SECONDS else hashrate


def _best_share(data: Mapping[str, Any]) -> float | None:
    """Return the best difficulty ever, else that since the pool's last block."""
    ever = parse_amount(data.get("bestever"))
    return ever or parse_amount(data.get("bestshare"))


def _merge_names(workers: Iterable[PoolWorker]) -> tuple[PoolWorker, ...]:
    """Return the workers with those of one name ("a.rig", "a_rig") made one."""
    merged: dict[str, PoolWorker] = {}
    for worker in workers:
        other = merged.get(worker.name)
        if other is None:
            merged[worker.name] = worker
            continue
        states = {worker.online, other.online}
        merged[worker.name] = replace(
            worker,
            hashrate=_sum((worker.hashrate, other.hashrate)),
            online=True in states or (None if None in states else False),
            best_share=max(
                (
                    share
                    for share in (worker.best_share, other.best_share)
                    if share is not None
                ),
                default=None,
            ),
            last_share=max(
                (
                    timestamp
                    for timestamp in (worker.last_share, other.last_share)
                    if timestamp
                ),
                default=None,
            ),
        )
    return tuple(merged.values())


def _sum(values: Iterable[float | None]) -> float | None:
    """Return the sum, None if a part of it is unknown."""
    total = 0.0
    for value in values:
        if value is None:
            return None
        total += value
    return parse_number(total)


def _dicts(value: Any) -> list[Mapping[str, Any]]:
    if not isinstance(value, list):
        return []
    return [entry for entry in value if isinstance(entry, dict)]
