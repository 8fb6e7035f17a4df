"""The families of devices, pools and files, each with what reads its answers."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
import json
from pathlib import Path
import tempfile
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar, cast, override
from unittest.mock import patch

from custom_components.hmm.bundled.miner_drivers import avalon_nano_driver
from custom_components.hmm.bundled.miner_drivers.avalon_nano_driver import (
    AvalonNanoDriver,
)
from custom_components.hmm.bundled.miner_drivers.bitaxe_driver import BitaxeDriver
from custom_components.hmm.bundled.miner_drivers.nerdqaxe_driver import NerdqaxeDriver
from custom_components.hmm.bundled.miner_drivers.nmminer_driver import NMMinerDriver
from custom_components.hmm.driver_api import (
    BadAnswer,
    BaseMinerAdapter,
    BasePoolIntegration,
    DashboardTileData,
    DeviceFacts,
    DriverContext,
    MinerTelemetry,
    PoolBlock,
    PoolSlot,
    PoolWorker,
)
from custom_components.hmm.driver_api.transports.http import HttpClient
from custom_components.hmm.driver_api.transports.udp import BroadcastListener
from custom_components.hmm.driver_engine import known_pools
from custom_components.hmm.driver_engine.address import Address
from custom_components.hmm.driver_engine.client import MinerClient
from custom_components.hmm.driver_engine.hanging import Hanging
from custom_components.hmm.driver_engine.legacy.app_settings import AppSettings
from custom_components.hmm.driver_engine.legacy.miners import wrap_miner
from custom_components.hmm.driver_engine.legacy.origin import Origin
from custom_components.hmm.driver_engine.legacy.pools import wrap_pool
from custom_components.hmm.driver_engine.legacy.shims import adapters, base_pool
from custom_components.hmm.driver_engine.pool_client import PoolAccount, fetch_tiles
from custom_components.hmm.hmm_local.local_api import read_hmm_local
from simulator import (
    SimulatedAvalon,
    SimulatedAxeOS,
    SimulatedNerdQAxe,
    SimulatedNMMiner,
)
from simulator.hmm_local import SimulatedHmmLocal
from simulator.httpd import Request, Response
from tests.pool_cases import KINDS

from .checks import MinerView, PoolView
from .mutate import Mutator
from .transport import FakeSession, Wire, cgminer_client, wire_of

FIXTURES = Path(__file__).parents[1] / "fixtures"
POOL_FILES = Path(known_pools.__file__).parents[1] / "bundled" / "pools"

_HOST = "192.168.1.50"
_RENEWED_AFTER = 40
"""Inputs that one driver reads; what it remembers of them is tried as well."""

# How long pools' answers serve, and how long drivers wait
_WAITS = (
    *("shared_seconds", "retry_seconds", "stats_seconds", "earnings_seconds"),
    *("rewards_seconds", "share_seconds", "node_seconds", "ready_seconds"),
    *("blocks_seconds", "status_seconds", "local_status_seconds", "log_seconds"),
    *("no_log_seconds", "again_seconds", "gap_seconds"),
)


class Target(ABC):
    """Reads one answer after the other."""

    most_seconds: ClassVar[float] = 0.5
    """CPU time of one input, with all entities; the longest ones have 300 kB."""

    def __init__(self, mutator: Mutator) -> None:
        """Begin with the changes of a mutator."""
        self.mutator = mutator
        self.last: object = b""
        """What was read last, to be shown if it does harm."""

    @abstractmethod
    async def feed(self) -> Iterable[str]:
        """Read a changed answer; return what is wrong with what comes of it.

        Raises DriverError: the answer is refused.
        """

    async def close(self) -> None:
        """Give back what is held."""


class _Client(MinerClient):
    """Hands the stand-in of a session on as it is."""

    @override
    def _session(self) -> Any:
        return self._context.session


class MinerTarget(Target):
    """A miner's driver behind a wire."""

    def __init__(
        self,
        mutator: Mutator,
        driver: type[BaseMinerAdapter],
        make_wire: Callable[[], Wire],
    ) -> None:
        """Take a driver and what answers it."""
        super().__init__(mutator)
        self._driver, self._make_wire = driver, make_wire
        self._wire = make_wire()
        self._client: MinerClient | None = None
        self._view = MinerView(driver.hashrate_unit)
        self._inputs = 0

    @override
    async def feed(self) -> Iterable[str]:
        client = await self._connected()
        self._wire.sent.clear()
        self._wire.change = self.mutator.body
        try:
            telemetry = await client.poll()
            client.read_profile(telemetry, None)
        finally:
            self.last = b"\n".join(self._wire.sent)
            self._wire.change = lambda body: body
        return self._view.check(telemetry)

    async def _connected(self) -> MinerClient:
        """Return a driver that knows its device, a new one now and then."""
        if self._client is None or self._inputs >= _RENEWED_AFTER:
            self._inputs = 0
            self._wire = self._make_wire()
            self._client = self._new_client()
            if self.mutator.random.random() < 0.8:
                await self._client.poll()
        self._inputs += 1
        return self._client

    def _new_client(self) -> MinerClient:
        session = cast(Any, FakeSession(self._wire))
        context = DriverContext(session=session, options={})
        return _Client(self._driver, context, _HOST, 80)


class BroadcastTarget(MinerTarget):
    """The packets of an NMMiner."""

    @override
    async def feed(self) -> Iterable[str]:
        client = await self._connected()
        driver = cast(NMMinerDriver, client._driver)
        assert driver._listener is not None
        packet = self._wire.answer(cast(Any, None)).body
        self.last = data = self.mutator.body(packet)
        driver._listener.datagram_received(data, (_HOST, 12345))
        return self._view.check(await client.poll())

    @override
    async def _connected(self) -> MinerClient:
        if self._client is None or self._inputs >= _RENEWED_AFTER:
            self._inputs = 0
            self._client = self._new_client()
            driver = NMMinerDriver()
            driver._host, driver._listener = _HOST, BroadcastListener(12345)
            driver._listener._users = 1
            self._client._driver = driver
        self._inputs += 1
        return self._client


class NMMinerHttpDriver(NMMinerDriver):
    """Listens to no broadcasts, for which it would need a socket."""

    @override
    async def connect(self, ip: str, port: int | None = None) -> bool:
        assert self.context is not None
        self._http = HttpClient(self.context.session, ip)
        return True


class PoolTarget(Target):
    """A pool's driver behind a wire."""

    def __init__(
        self, mutator: Mutator, kind: str, captured: Wire | None = None
    ) -> None:
        """Take one of the kinds of pools, and what answers in its place."""
        super().__init__(mutator)
        self._kind = KINDS[kind]()
        self._wire = captured or wire_of(self._kind.pool)
        self._account = self._kind.account(8080)
        self._inputs = _RENEWED_AFTER
        self._driver: BasePoolIntegration
        self._view: PoolView

    @override
    async def feed(self) -> Iterable[str]:
        if self._inputs >= _RENEWED_AFTER:
            self._inputs = 0
            self._driver = self._kind.driver()
            self._driver.session = cast(Any, FakeSession(self._wire))
            for name in _WAITS:
                if hasattr(self._driver, name):
                    setattr(self._driver, name, 0.0)
            if hasattr(self._driver, "_try_stratum"):
                self._driver._try_stratum = _connected
            self._view = PoolView(self._driver, self._account.coin)
        self._inputs += 1
        self._wire.sent.clear()
        # The others are as they should be, now and then
        every = self.mutator.random.random() < 0.5
        part = self.mutator.random.randrange(3)

        def change(body: bytes) -> bytes:
            wanted = every or len(self._wire.sent) == part
            return self.mutator.body(body) if wanted else body

        self._wire.change = change
        try:
            tiles = await fetch_tiles(self._driver, self._account)
        finally:
            self.last = b"\n".join(self._wire.sent)
        return self._view.check(tiles)


async def _connected(url: str, port: int) -> float:
    return 12.0


class _Answers:
    """What a driver of HMM-Local, or of a user, returns next."""

    value: Any = None


class LegacyPoolTarget(Target):
    """A pool driver of HMM-Local that returns anything."""

    def __init__(self, mutator: Mutator) -> None:
        """Make the driver."""
        super().__init__(mutator)
        answers = self._answers = _Answers()

        class Pool(base_pool.BasePoolIntegration):
            driver_type = "fuzz"
            supports_coins = ("BTC",)

            async def get_dashboard_data(
                self, url: str, coin: str, username: str | None = None
            ) -> Any:
                return answers.value

        self._driver = wrap_pool(Pool, _origin())()
        self._view = PoolView(self._driver, "BTC")

    @override
    async def feed(self) -> Iterable[str]:
        data = self.mutator.change(deepcopy(_LEGACY_TILES))
        if isinstance(data, dict) and self.mutator.random.random() < 0.5:
            data = base_pool.DashboardTileData(**data)
        self.last = self._answers.value = data
        account = PoolAccount(url="pool.example", port=3333, coin="BTC", username="w")
        return self._view.check(await fetch_tiles(self._driver, account))

    @override
    async def close(self) -> None:
        await self._driver.close()


class LegacyMinerTarget(Target):
    """A miner driver of HMM-Local, or of the plan after it, that returns anything."""

    def __init__(self, mutator: Mutator, *, planned: bool) -> None:
        """Make the driver."""
        super().__init__(mutator)
        answers = self._answers = _Answers()
        self._planned = planned

        class Miner(adapters.MinerAdapter):
            miner_type = "fuzz"

            async def get_telemetry(self) -> Any:
                return answers.value

        class Planned(adapters.BaseMinerAdapter):
            driver_type = "fuzz"

            async def connect(self, ip: str, port: int | None = None) -> bool:
                return True

            async def get_telemetry(self) -> Any:
                return answers.value

        driver = wrap_miner(Planned if planned else Miner, _origin())
        context = DriverContext(session=cast(Any, None), options={})
        self._client = _Client(driver, context, _HOST, 80)
        self._view = MinerView()
        answers.value = deepcopy(_LEGACY_MINER)

    @override
    async def feed(self) -> Iterable[str]:
        data = self.mutator.change(deepcopy(_LEGACY_MINER))
        if not self._planned and isinstance(data, dict):
            known = {str(key): value for key, value in data.items()}
            data = adapters.MinerTelemetry(**known)
        self.last = data
        self._answers.value = data
        return self._view.check(await self._client.poll())

    @override
    async def close(self) -> None:
        await self._client.close()


class UserTarget(Target):
    """Drivers of a user, which return what they like."""

    def __init__(self, mutator: Mutator) -> None:
        """Make the drivers."""
        super().__init__(mutator)
        answers = self._answers = _Answers()

        class Miner(BaseMinerAdapter):
            driver_type = "fuzz"

            async def connect(self, ip: str, port: int | None = None) -> bool:
                return True

            async def get_telemetry(self) -> Any:
                return answers.value

            async def get_device_facts(self) -> Any:
                return answers.value

            def get_supported_modes(self) -> Any:
                return answers.value

            def get_tuning_limits(self) -> Any:
                return answers.value

            async def get_pool_info(self) -> dict[str, Any]:
                return {}

            async def set_mode(self, mode: str) -> bool:
                return False

            async def restart(self) -> bool:
                return False

        context = DriverContext(session=cast(Any, None), options={})
        self._client = _Client(Miner, context, _HOST, None)
        self._miner_view = MinerView()
        self._pool = SimpleNamespace(
            driver_type="fuzz",
            display_name="Fuzz",
            documentation_url=None,
            hashrate_unit="GH/s",
            get_dashboard_data=self._tiles,
        )
        self._pool_view = PoolView(cast(Any, self._pool), "BTC")

    @override
    async def feed(self) -> Iterable[str]:
        if self.mutator.random.random() < 0.5:
            tiles = await fetch_tiles(
                cast(Any, self._pool), PoolAccount(url="p", port=1, coin="BTC")
            )
            return self._pool_view.check(tiles)
        values = self._values(MinerTelemetry)
        is_dict = self.mutator.random.random() < 0.5
        self.last = self._answers.value = (
            values if is_dict else MinerTelemetry(**values)
        )
        telemetry = await self._client.poll()
        profile = self._client.read_profile(telemetry, None)
        json.dumps(profile.as_dict(), allow_nan=False)
        return self._miner_view.check(telemetry)

    async def _tiles(self, **_: Any) -> Any:
        self.last = values = self._values(DashboardTileData)
        return DashboardTileData(**values)

    def _values(self, kind: Any) -> dict[str, Any]:
        """Return a value of any type for some of the fields."""
        random = self.mutator.random
        names = random.sample([f.name for f in fields(kind)], random.randrange(1, 12))
        return {name: self._anything() for name in names}

    def _anything(self) -> Any:
        random = self.mutator.random
        if random.random() < 0.5:
            return self.mutator.value()
        value = self.mutator.value
        return random.choice(
            (
                lambda: [value() for _ in range(random.choice((1, 3, 2000)))],
                lambda: tuple(value() for _ in range(3)),
                lambda: {"value": value()},
                lambda: PoolSlot(index=value(), url=str(value()), user=value()),
                lambda: [PoolWorker(name=value(), hashrate=value()) for _ in range(9)],
                lambda: [PoolBlock(height=value(), timestamp=value(), hash=value())],
                lambda: DeviceFacts(mac=value(), firmware=value(), serial=value()),
                lambda: datetime.max.replace(tzinfo=UTC),
                lambda: datetime.min.replace(tzinfo=UTC),
                datetime.now,
                lambda: datetime.now(UTC),
                lambda: timedelta(seconds=5),
                lambda: Decimal("1e400"),
                lambda: 5j,
                lambda: b"bytes",
                lambda: {1, 2},
                object,
                lambda: iter([1]),
            )
        )()


class FileTarget(Target):
    """A pool file, which is read in a thread."""

    most_seconds = 5.0

    def __init__(self, mutator: Mutator) -> None:
        """Begin with the bundled files."""
        super().__init__(mutator)
        self._texts = [path.read_bytes() for path in sorted(POOL_FILES.glob("*.yaml"))]
        self._folder = tempfile.TemporaryDirectory()
        self._drivers: Any = SimpleNamespace(
            pools=dict.fromkeys(
                (
                    "solopool",
                    "braiins",
                    "braiins_solo",
                    "ckpool",
                    "ocean",
                    "public_pool",
                )
            )
        )

    @override
    async def feed(self) -> Iterable[str]:
        path = Path(self._folder.name) / "pool.yaml"
        self.last = self.mutator.body(self.mutator.random.choice(self._texts))
        path.write_bytes(cast(bytes, self.last))
        try:
            text = known_pools._read_text(path, path.parent)
            pool = known_pools._checked(path, text, self._drivers)
        except (known_pools.UnusableFile, known_pools.YamlProblem) as err:
            raise BadAnswer(str(err)[:200]) from None
        return _violations(pool.template)

    @override
    async def close(self) -> None:
        self._folder.cleanup()


class HmmLocalTarget(Target):
    """The lists of a running HMM-Local."""

    def __init__(self, mutator: Mutator) -> None:
        """Begin with a few miners and pools."""
        super().__init__(mutator)
        server = SimulatedHmmLocal()
        server.add_miner("Gamma", "bitaxe", "192.168.1.20", port=80)
        server.add_miner("Nano", "avalon_nano", "192.168.1.21")
        server.add_pool("DGB", "eu1.solopool.org", 8004, "wallet.rig")
        self._wire = wire_of(server)
        self._session = cast(Any, FakeSession(self._wire))

    @override
    async def feed(self) -> Iterable[str]:
        self._wire.sent.clear()
        self._wire.change = self.mutator.body
        try:
            await read_hmm_local(self._session, Address("192.168.1.5", 8080))
        finally:
            self.last = b"\n".join(self._wire.sent)
        return ()


def _violations(report: Any) -> Iterable[str]:
    from .checks import violations

    return violations(report)


def _origin() -> Origin:
    return Origin(
        path=Path("fuzz_driver.py"),
        source="",
        module=ModuleType("fuzz"),
        hanging=Hanging("fuzz_driver.py"),
        settings=AppSettings({}),
    )


_LEGACY_TILES: dict[str, Any] = {
    "health_status": True,
    "health_message": "OK",
    "latency_ms": 12.5,
    "network_difficulty": 1.2e14,
    "pool_hashrate": {"display": "1.20 TH/s", "value": 1.2, "unit": "TH/s"},
    "estimated_time_to_block": "31d 4h",
    "pool_percentage": 1e-7,
    "active_workers": 2,
    "shares_valid": 100,
    "shares_invalid": 1,
    "shares_stale": 0,
    "reject_rate": 0.99,
    "blocks_found_24h": 0,
    "last_block_found": "2026-02-07T12:00:00",
    "estimated_earnings_24h": 0.0001,
    "currency": "BTC",
    "confirmed_balance": 0.5,
    "pending_balance": 0.0,
}
_LEGACY_MINER: dict[str, Any] = {
    "hashrate": {"display": "1.20 TH/s", "value": 1.2, "unit": "TH/s"},
    "temperature": 61.5,
    "power_watts": 17.4,
    "power": 17.4,
    "uptime": "1d 4h",
    "mode": "standard",
    "shares_accepted": 100,
    "shares_rejected": 1,
    "pool_difficulty": "1.2K",
    "pool_in_use": "stratum+tcp://pool.example:3333",
    "extra_data": {
        "hashrate_unit": "GH/s",
        "uptime_seconds": "93211",
        "network_difficulty": "89.47T",
        "best_share_diff": "4.29G",
        "best_session_diff": 1_250_000,
        "error_rate_pct": 0.2,
        "fan_rpm": 4120,
        "fan_speed_pct": 48,
        "frequency_mhz": 525,
        "core_voltage_mv": 1150,
        "voltage_mv": 5093.75,
        "vr_temp_c": 61,
        "wifi_rssi": "-52",
        "free_heap_bytes": 185_304,
        "block_height": 969_000,
        "stale_shares": 1,
        "current_mode": "standard",
        "firmware_version": "v2.9.0",
        "vendor": {"raw": {"system_info": {"macAddr": "AA:BB:CC:46:00:01"}}},
    },
}


def _axeos(mutator: Mutator) -> Target:
    def wire() -> Wire:
        generation = mutator.random.choice(("2.4", "2.8", "2.11", "2.14", "2.15"))
        device = SimulatedAxeOS(generation=generation)
        assert device.miner is not None
        device.miner.boot()
        return wire_of(device)

    return MinerTarget(mutator, BitaxeDriver, wire)


def _nerdqaxe(mutator: Mutator) -> Target:
    def wire() -> Wire:
        release = mutator.random.choice(("1.0.30", "1.0.31", "1.0.35", "1.0.36"))
        return wire_of(SimulatedNerdQAxe(generation=release))

    return MinerTarget(mutator, NerdqaxeDriver, wire)


def _avalon(mutator: Mutator, *, is_text: bool = False) -> Target:
    wires: list[tuple[Wire, Callable[[bytes], bytes]]] = []

    class Driver(AvalonNanoDriver):
        @override
        async def connect(self, ip: str, port: int | None = None) -> bool:
            client = cgminer_client(*wires[-1])
            with patch.object(avalon_nano_driver, "CgminerClient", client):
                return await super().connect(ip, port)

    def wire() -> Wire:
        made = Wire(cast(Any, None))
        wires[:] = [(made, _talker(mutator, is_text))]
        return made

    return MinerTarget(mutator, Driver, wire)


def _talker(mutator: Mutator, is_text: bool) -> Callable[[bytes], bytes]:
    """Return what answers requests: a simulator, or a captured Nano 3S."""
    models: list[Any] = ["nano3", "nano3s", "mini3", "q"]
    if not is_text and mutator.random.random() < 0.3:
        return _captured_avalon
    device = SimulatedAvalon(model=mutator.random.choice(models))

    def talk(request: bytes) -> bytes:
        if is_text:
            command = json.loads(request)
            parameter = command.get("parameter")
            text = command["command"] + ("" if parameter is None else f"|{parameter}")
            request = text.encode()
        return device._answer(request)

    return talk


def _captured_avalon(request: bytes) -> bytes:
    folder = FIXTURES / "avalon_nano" / "nano3s_25021401"
    names = json.loads(request)["command"].split("+")
    result = {
        name: [json.loads(path.read_text(encoding="utf-8"))]
        for name in names
        if (path := folder / f"{name}.json").exists()
    }
    if len(names) == 1 and result:
        return json.dumps(result[names[0]][0]).encode() + b"\0"
    return json.dumps(result | {"id": 1}).encode() + b"\0"


def _broadcast(mutator: Mutator) -> Target:
    documented = FIXTURES / "nmminer" / "v0.3.01" / "udp12345.documented.json"

    def answer(_: Request) -> Response:
        if mutator.random.random() < 0.3:
            return Response(body=documented.read_bytes())
        device = SimulatedNMMiner()
        device.total_uptime = mutator.random.random() < 0.5
        return Response(body=json.dumps(device.packet()).encode())

    return BroadcastTarget(mutator, NMMinerDriver, lambda: Wire(answer))


def _nmminer_http(mutator: Mutator) -> Target:
    return MinerTarget(
        mutator,
        NMMinerHttpDriver,
        lambda: wire_of(SimulatedNMMiner(version="v2.0.03", udp=False, http=True)),
    )


def _pool(*kinds: str, capture: str | None = None) -> Callable[[Mutator], Target]:
    def make(mutator: Mutator) -> Target:
        targets: list[Target] = [PoolTarget(mutator, kind) for kind in kinds]
        if capture is not None:
            targets.append(PoolTarget(mutator, kinds[0], _captured_files(capture)))
        return _InTurn(mutator, targets)

    return make


def _captured_files(folder: str) -> Wire:
    """Return what serves the files of a ckpool as they were captured."""
    place = FIXTURES / folder
    paths = {
        "pool.status": place / "pool.status.ndjson",
        "ckpool.log": place / "ckpool.log.excerpt.txt",
    }

    def answer(request: Request) -> Response:
        name = request.path.rpartition("/")[2]
        path = paths.get(name, place / "users.json")
        if not path.exists():
            return Response(status=404)
        return Response(body=path.read_bytes(), content_type="application/json")

    return Wire(answer)


class _InTurn(Target):
    """Several targets of one family."""

    def __init__(self, mutator: Mutator, targets: list[Target]) -> None:
        super().__init__(mutator)
        self._targets, self._next = targets, 0

    @override
    async def feed(self) -> Iterable[str]:
        target = self._targets[self._next % len(self._targets)]
        self._next += 1
        try:
            return await target.feed()
        finally:
            self.last = target.last


FAMILIES: Mapping[str, Callable[[Mutator], Target]] = {
    "axeos": _axeos,
    "nerdqaxe": _nerdqaxe,
    "avalon": _avalon,
    "avalon-text": lambda mutator: _avalon(mutator, is_text=True),
    "nmminer-udp": _broadcast,
    "nmminer-http": _nmminer_http,
    "solopool": _pool("solopool v2", "solopool v1"),
    "public-pool": _pool("public-pool 2026", "public-pool 2025"),
    "ocean": _pool("ocean"),
    "braiins": _pool("braiins"),
    "braiins-solo": _pool("braiins solo", "braiins solo, numbers"),
    "ckpool": _pool("ckpool of one's own", "public ckpool", capture="ckpool"),
    "nerdminers": _pool("nerdminers", capture="nerdminers"),
    "mmfp-gss": _pool("mmfp gss", "mmfp gss, one address"),
    "mmfp-gse": _pool("mmfp gse", "mmfp gse, one address"),
    "stack": _pool("dgb stack", "bch stack", "btc stack"),
    "legacy-miner": lambda mutator: LegacyMinerTarget(mutator, planned=False),
    "legacy-planned": lambda mutator: LegacyMinerTarget(mutator, planned=True),
    "legacy-pool": LegacyPoolTarget,
    "user-driver": UserTarget,
    "pool-file": FileTarget,
    "hmm-local": HmmLocalTarget,
}
