"""What the three local stacks share: ckpool's stratum and a manager API.

A stack is one container with a coin's node, ckpool and a manager (FastAPI). Facts
are from the source of the manager, hmm-local ``{dgb,bch,btc}-stack/app/main.py``.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
import re
import time
from typing import Any, ClassVar, override

from custom_components.hmm.driver_api import (
    BadAnswer,
    BasePoolIntegration,
    DashboardTileData,
    DriverError,
    FoundPool,
    InvalidValue,
    MiningModel,
    PoolBlock,
    PoolTemplate,
    Reason,
    reason_of,
)
from custom_components.hmm.driver_api.account import outcome, with_network
from custom_components.hmm.driver_api.transports.stratum import connect_latency
from custom_components.hmm.driver_api.transports.web import WebApi
from custom_components.hmm.driver_api.units import (
    parse_amount,
    parse_bool,
    parse_count,
    parse_number,
    parse_text,
    parse_timestamp,
)

DAY = 86_400


@dataclass(frozen=True, slots=True)
class StackPorts:
    """The usual ports of a stack."""

    stratum: int
    manager: int


STACKS: Mapping[str, StackPorts] = {
    "DGB": StackPorts(3335, 8085),
    "BCH": StackPorts(3334, 8084),
    "BTC": StackPorts(3333, 8083),
}

_METRICS = "api/v1/ckpool/metrics"
_NODE = "api/v1/node/mining"
_READY = "api/v1/ready"
_BLOCKS = "api/v1/events?event_type=block_found&order=desc&limit=200"

_UNITS = {
    "H/S": 1.0,
    "KH/S": 1e3,
    "MH/S": 1e6,
    "GH/S": 1e9,
    "TH/S": 1e12,
    "PH/S": 1e15,
    "EH/S": 1e18,
}
# ckpool's stratifier.c. "Block solved after ..." repeats the same block.
# The worker follows the wallet, as in ckpool's user names.
_SOLVED = re.compile(
    r"Solved and confirmed block (\d{1,10})(?: by [^\s._]+(?:[._](\S*))?)?"
)
# Of DigiByte; what the node calls SHA-256 may change
_OTHER_ALGORITHMS = {"scrypt", "skein", "qubit", "odo", "groestl"}
_MAX_REASONS = 5
_LONGEST_REASON = 100


class CkpoolStackDriver(BasePoolIntegration):
    """A node, ckpool and their manager in one container on the user's network.

    A private pool is its user's alone: what the manager reports of the whole pool is
    taken for the user's own. No account is needed, and workers are only counted.

    Shares are not offered. The manager counts lines of ckpool's log that hold
    "accepted" and "share": where the log has no line per share that gives 0, where
    it has ckpool's status of each minute these count as one accepted and one
    rejected share, and older managers give work (a sum of difficulties) instead.

    ``blocks.found`` is left out, too: it counts each block about twice and as far
    back as the log goes. Blocks are the lines "Solved and confirmed block" among
    the events; their times are right if the container runs on UTC, as is usual.

    The pool is healthy when its stratum port takes connections, its manager
    answers, and ``ready`` is not denied. That is queried each ``ready_seconds`` only
    (it starts the node's command line tool, which takes seconds), so a node that
    stopped is noticed that much later; a "no" is checked again at the next poll.

    Only GET, and never ``/api/config``, ``/api/v1/ckpool/config`` or
    ``/api/v1/snapshot``: all of them hold the RPC password of the node.

    Keyword arguments: ``manager_port``, ``stratum_port`` (or ``port``).
    """

    driver_version = "1.0.0"
    documentation_url = "https://github.com/Danvic-DEV/hmm-local"
    requires_api_key = False
    poll_seconds = 30

    coin: ClassVar[str]
    """Symbol; the one coin that a stack mines."""

    timeout_seconds = 15.0
    """For the figures: the manager reads the whole log each time."""
    ready_timeout_seconds = 8.0
    stratum_timeout_seconds = 5.0
    probe_seconds = 2.8
    node_seconds = 60.0
    """How long one response about the network serves."""
    ready_seconds = 120.0
    """How long a "ready" is believed."""
    blocks_seconds = 120.0
    """How long one list of the blocks serves."""
    node_age_seconds = 300.0
    """From when on what the manager remembers of its node is too old; it queries the
    node each 15 s, and says ``ok`` of old data when the node is gone."""
    sample_age_seconds = 600.0
    """From when on an unchanged line of ckpool's log is no news."""

    def __init__(self) -> None:
        """Make a driver without any request yet."""
        self._stacks: dict[tuple[str, int], _Stack] = {}

    @override
    def get_pool_templates(self) -> list[PoolTemplate]:
        """Return the stack on a host of the user's own."""
        return [
            PoolTemplate(
                template_id=f"{self.coin.lower()}-stack-local",
                display_name=f"{self.display_name} (own server)",
                description="Solo mining on a node and ckpool of your own",
                url="",
                port=STACKS[self.coin].stratum,
                coin=self.coin,
                region="LOCAL",
                mining_model=MiningModel.SOLO,
                supports_shares=False,
                fee_percent=0.0,
            )
        ]

    @override
    async def detect(self, url: str, port: int) -> bool:
        """Return False: any host of a home may run a stack, and any pool use 3333."""
        return False

    @override
    async def probe(self, url: str, port: int) -> list[FoundPool]:
        """Ask the usual manager port what it is.

        One host may run several stacks. On the usual stratum port of another one
        it is that one, if that is there.
        """
        others = [
            coin
            for coin, ports in STACKS.items()
            if coin != self.coin and ports.stratum == port
        ]
        results = await asyncio.gather(
            *(self._answers(url, port, coin) for coin in (self.coin, *others))
        )
        if not results[0] or any(results[1:]):
            return []
        manager_port = self._manager_port(self.coin, {})
        return [FoundPool(coin=self.coin, settings={"manager_port": manager_port})]

    async def _answers(self, url: str, stratum_port: int, coin: str) -> bool:
        """Return whether the manager of this coin is at its usual port."""
        port = self._manager_port(coin, {})
        host = _host(url)
        if not host or port == stratum_port:
            return False
        api = WebApi(self.session, _base(host, port), timeout=self.probe_seconds)
        try:
            health, _ = await api.get_object("health")
        except DriverError:
            return False
        service = parse_text((health or {}).get("service")) or ""
        return service.lower() == f"{coin.lower()}-local-stack-manager"

    @override
    async def get_dashboard_data(
        self, url: str, coin: str, username: str | None = None, **kwargs: Any
    ) -> DashboardTileData:
        """Return the tiles of the stack; ``username`` plays no part.

        A stack that is not healthy gives ``health_status`` False, the reasons as a
        message, and no figures. One whose manager does not say whether it is ready
        is healthy and has the message. Raises ``InvalidValue``: no host, no port.
        """
        stack = self._stack(url, kwargs)
        stratum_port = self._stratum_port(kwargs)
        latency, metrics, ready, difficulty, blocks = await asyncio.gather(
            outcome(self._try_stratum(url, stratum_port)),
            outcome(stack.metrics()),
            stack.readiness(),
            outcome(stack.difficulty()),
            outcome(stack.blocks()),
        )
        problem = _problem(latency, metrics, ready)
        if problem is not None or isinstance(metrics, DriverError):
            return DashboardTileData(
                health_status=False, health_message=problem, currency=self.coin
            )
        own_blocks = _or_none(blocks)
        tiles = DashboardTileData(
            health_message=None
            if ready.ready
            else Reason(
                "The manager does not say whether the node is ready", "node_unknown"
            ),
            latency_ms=_or_none(latency),
            network_difficulty=_or_none(difficulty),
            pool_hashrate=metrics.hashrate,
            active_workers=metrics.workers,
            blocks_found_24h=_last_day(own_blocks, stack.api.now()),
            last_block_found=parse_timestamp(own_blocks[0].timestamp)
            if own_blocks
            else None,
            own_blocks=own_blocks or (),
            best_share=metrics.best_share,
        )
        return with_network(tiles, self.coin)

    @override
    def get_server_time(self, url: str, coin: str, **kwargs: Any) -> float | None:
        return self._stack(url, kwargs).api.server_time

    @override
    def get_config_schema(self) -> dict[str, Any]:
        """Return that the manager may listen elsewhere."""
        return {
            "type": "object",
            "properties": {
                "manager_port": {
                    "type": "integer",
                    "title": "Port of the manager",
                    "description": "Where the stack's own web page is, on the same"
                    " host as the stratum port.",
                    "default": STACKS[self.coin].manager,
                    "minimum": 1,
                    "maximum": 65535,
                },
            },
            "required": [],
        }

    def _stack(self, url: Any, options: Mapping[str, Any]) -> _Stack:
        host = _host(url)
        if not host:
            raise InvalidValue(
                "The host of the stack is missing", reason="host_invalid"
            )
        key = (host, self._manager_port(self.coin, options))
        if (stack := self._stacks.get(key)) is None:
            stack = self._stacks[key] = _Stack(self, _base(*key))
        return stack

    def _manager_port(self, coin: str, options: Mapping[str, Any]) -> int:
        return _port(options.get("manager_port"), STACKS[coin].manager)

    def _stratum_port(self, options: Mapping[str, Any]) -> int:
        wish = options.get("stratum_port") or options.get("port")
        return _port(wish, STACKS[self.coin].stratum)

    async def _try_stratum(self, url: str, port: int) -> float:
        return await connect_latency(_host(url), port, self.stratum_timeout_seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Metrics:
    """What the manager reads in ckpool's log; ``hashrate`` in H/s."""

    hashrate: float | None = None
    workers: int | None = None
    best_share: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Readiness:
    """What the manager says of node, ckpool and itself; None: it says nothing."""

    ready: bool | None = None
    reasons: tuple[str, ...] = ()


class _Stack:
    """The manager of one stack, and what is remembered of it."""

    def __init__(self, driver: CkpoolStackDriver, base: str) -> None:
        self._driver = driver
        self.api = WebApi(driver.session, base, timeout=driver.timeout_seconds)
        self._ready_api = WebApi(
            driver.session, base, timeout=driver.ready_timeout_seconds
        )
        self._ready = _Readiness()
        self._ready_until = 0.0
        self._sample: str | None = None
        self._sample_since = 0.0

    async def metrics(self) -> _Metrics:
        """Return what the log contains now."""
        data, _ = await self.api.get_object(_METRICS)
        if data is None:
            raise BadAnswer(
                "The pool has no figures at this port", reason="no_statistics"
            )
        best = parse_amount(data.get("best_share_diff")) or None
        summary = data.get("summary")
        if not isinstance(summary, dict) or self._is_old(summary):
            return _Metrics(best_share=best)
        return _Metrics(
            hashrate=_hashrate(summary.get("hashrate")),
            workers=parse_count(summary.get("workers")),
            best_share=best,
        )

    def _is_old(self, summary: Mapping[str, Any]) -> bool:
        """Return whether ckpool has stopped to write these figures.

        By our own clock: the log has the local time of a container whose time zone
        nothing reports. Older managers report no time at all.
        """
        if (sample := parse_text(summary.get("sample_ts"))) is None:
            return False
        now = time.monotonic()
        if sample != self._sample:
            self._sample, self._sample_since = sample, now
        return now - self._sample_since > self._driver.sample_age_seconds

    async def readiness(self) -> _Readiness:
        """Return what the manager says, or said less than ``ready_seconds`` ago."""
        if self._ready.ready and time.monotonic() < self._ready_until:
            return self._ready
        answer = await outcome(self._ready_api.get_object(_READY))
        data = {} if isinstance(answer, DriverError) else answer[0] or {}
        reasons = data.get("reasons")
        self._ready = _Readiness(
            ready=parse_bool(data.get("ready")),
            reasons=tuple(
                text[:_LONGEST_REASON]
                for reason in (reasons if isinstance(reasons, list) else ())
                if (text := parse_text(reason)) is not None and text.isprintable()
            )[:_MAX_REASONS],
        )
        self._ready_until = time.monotonic() + self._driver.ready_seconds
        return self._ready

    async def difficulty(self) -> float | None:
        """Return the network's difficulty, None if the node is silent."""
        data, _ = await self.api.shared_object(_NODE, self._driver.node_seconds)
        if data is None or parse_bool(data.get("ok")) is not True:
            return None
        age = parse_number(data.get("age_seconds"))
        if age is not None and age > self._driver.node_age_seconds:
            return None
        mining = data.get("data")
        return _difficulty(mining) if isinstance(mining, dict) else None

    async def blocks(self) -> tuple[PoolBlock, ...] | None:
        """Return the blocks in the log, newest first; None if they cannot be reported."""
        data, _ = await self.api.shared_object(_BLOCKS, self._driver.blocks_seconds)
        events = (data or {}).get("events")
        if not isinstance(events, list):
            return None
        blocks: dict[int, PoolBlock] = {}
        for event in events:
            message = event.get("message") if isinstance(event, dict) else None
            if not isinstance(message, str):
                return None  # It may have been a block
            if not (solved := _SOLVED.fullmatch(message.strip())):
                continue
            timestamp = parse_timestamp(event.get("timestamp"))
            height = int(solved[1])
            blocks[height] = PoolBlock(
                height=height,
                worker=solved[2] or None,
                timestamp=None if timestamp is None else round(timestamp.timestamp()),
                coin=self._driver.coin,
            )
        return tuple(blocks[height] for height in sorted(blocks, reverse=True))


def _or_none[T](result: T | DriverError) -> T | None:
    return None if isinstance(result, DriverError) else result


def _problem(stratum: object, manager: object, ready: _Readiness) -> Reason | None:
    """Return what keeps a stack from being healthy, by the gravest of its reasons."""
    problems = []
    if isinstance(stratum, DriverError):
        problems.append(reason_of(stratum))
    if isinstance(manager, DriverError):
        why = reason_of(manager)
        text = f"No word from the manager: {why}"
        problems.append(Reason(text, why.key, **why.values))
    if ready.ready is False:
        words = ", ".join(ready.reasons)
        text = f"Not ready: {words or 'the manager does not say why'}"
        problems.append(Reason(text, "node_not_ready", detail=words))
    if not problems:
        return None
    gravest = problems[0]
    return Reason("; ".join(problems), gravest.key, **gravest.values)


def _hashrate(value: Any) -> float | None:
    """Return ``{"value": 821.0, "unit": "GH/s"}`` in H/s.

    ``display`` is no figure, and a value without its unit is none either.
    """
    if not isinstance(value, dict):
        return None
    number = parse_amount(value.get("value"))
    factor = _UNITS.get((parse_text(value.get("unit")) or "").upper())
    if number is None or factor is None:
        return None
    return parse_amount(number * factor)


def _difficulty(mining: Mapping[str, Any]) -> float | None:
    """Return the difficulty in a node's ``getmininginfo``.

    DigiByte has one for each algorithm, ``difficulty`` being that of ``pow_algo``,
    which may be set to another one than ckpool's.
    """
    several, algorithm = mining.get("difficulties"), mining.get("pow_algo")
    if not isinstance(several, dict):
        several = {}
    if difficulty := parse_amount(several.get("sha256d")):
        return difficulty
    if not isinstance(algorithm, str):
        return parse_amount(mining.get("difficulty")) or None
    if algorithm.lower() in _OTHER_ALGORITHMS:
        return None
    return (
        parse_amount(several.get(algorithm))
        or parse_amount(mining.get("difficulty"))
        or None
    )


def _last_day(blocks: tuple[PoolBlock, ...] | None, now: float) -> int | None:
    if blocks is None or any(block.timestamp is None for block in blocks):
        return None
    since = now - DAY
    return sum(1 for block in blocks if (block.timestamp or 0) >= since)


def _host(url: Any) -> str:
    """Return the host of an address, "" if there is none."""
    text = (parse_text(url) or "").lower().rpartition("://")[2].partition("/")[0]
    if text.startswith("["):
        return text[1:].partition("]")[0]
    # More than one colon: an IPv6 address without brackets
    return text.partition(":")[0] if text.count(":") == 1 else text


def _base(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _port(value: Any, usual: int) -> int:
    """Return a port, the usual one for None. Raises InvalidValue."""
    if value is None or value == "":
        return usual
    port = parse_number(value)
    if port is None or port != int(port) or not 0 < port < 65536:
        raise InvalidValue(
            "A port must be a number from 1 to 65535", reason="port_invalid"
        )
    return int(port)
