"""Miner drivers of HMM-Local, unmodified, as Home Assistant uses them."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
import json
from pathlib import Path
import shutil
import socket
import threading
from typing import Any

import aiohttp
from aiohttp import web
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
import pytest

from custom_components.hmm.data import get_data
from custom_components.hmm.driver_api import (
    BaseMinerAdapter,
    CannotConnect,
    CommandFailed,
    DeviceFacts,
    DriverContext,
    DriverError,
    InvalidValue,
    MinerTelemetry,
    NotThisDevice,
    PoolSlot,
)
from custom_components.hmm.driver_api.transports.udp import BroadcastListener
from custom_components.hmm.driver_engine.client import MinerClient
from custom_components.hmm.driver_engine.detect import detect
from custom_components.hmm.driver_engine.guard import DriverFault
from custom_components.hmm.driver_engine.legacy import miners, read_back
from custom_components.hmm.driver_engine.legacy.miner_reports import read_report
from custom_components.hmm.driver_engine.legacy.shims.adapters import (
    MinerTelemetry as Report,
)
from custom_components.hmm.driver_engine.loaded import LoadedDriver
from custom_components.hmm.driver_engine.loader import load_drivers
from simulator import (
    SimulatedAvalon,
    SimulatedAxeOS,
    SimulatedNerdQAxe,
    SimulatedNMMiner,
)
from simulator.device import Fault
from tests.common import act, find, find_id, keys, poll, until, value
from tests.conftest import free_udp_port, miner_entry, set_up

FIXTURES = Path(__file__).parents[2] / "fixtures" / "drivers"


type ClientMaker = Callable[..., MinerClient]


@pytest.fixture(autouse=True)
def no_thread_is_left(verify_cleanup: None) -> Iterator[None]:
    """Every driver's thread ends with its client."""
    yield
    for thread in threading.enumerate():
        if thread.name.startswith("hmm driver"):
            thread.join(10)
            assert not thread.is_alive()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask soon whether a command was done."""
    monkeypatch.setattr(read_back, "_FIRST_PAUSE", 0.02)
    monkeypatch.setattr(read_back, "_LONGEST_PAUSE", 0.2)


@pytest.fixture
async def client_of(
    session: aiohttp.ClientSession,
) -> AsyncGenerator[ClientMaker]:
    """Return a function that makes a client for a device on this machine."""
    clients: list[MinerClient] = []

    def make(
        driver: LoadedDriver[BaseMinerAdapter], port: int | None = None, **options: Any
    ) -> MinerClient:
        context = DriverContext(session=session, options=options)
        client = MinerClient(driver.driver_class, context, "127.0.0.1", port)
        clients.append(client)
        return client

    yield make
    for client in clients:
        await client.close()


def load(folder: Path, **files: str) -> dict[str, LoadedDriver[BaseMinerAdapter]]:
    """Load drivers from where HMM-Local had them, by the names of their files."""
    miners = folder / "drivers" / "miners"
    miners.mkdir(parents=True)
    for name, source in files.items():
        shutil.copy(FIXTURES / f"{source}.py", miners / f"{name}.py")
    drivers = load_drivers(folder / "hmm")
    assert drivers.failed == []
    return drivers.miners


class Cpu:
    """A device that speaks what the oldest driver asks for."""

    def __init__(self) -> None:
        """Mine quietly."""
        self.summary: dict[str, Any] = {
            "hashrate": 1500,
            "accepted": 12,
            "rejected": 1,
            "pool": "stratum+tcp://pool.example:3333",
            "uptime": "1d 2h",
            "version": "6.21",
            "best": "130.46 k",
        }
        self.reported: list[tuple[str, Any]] = []
        self.mode = "quiet"
        self.obeys = True
        self.asked = asyncio.Event()
        self.answer = asyncio.Event()
        self.answer.set()
        self.port = 0

    async def start(self) -> web.AppRunner:
        """Listen."""
        app = web.Application()
        app.router.add_get("/2/summary", self._summary)
        app.router.add_get("/mode", self._mode)
        app.router.add_post("/{what}", self._tell)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.port = runner.addresses[0][1]
        return runner

    async def _summary(self, request: web.Request) -> web.Response:
        self.asked.set()
        await self.answer.wait()
        return web.json_response(self.summary)

    async def _mode(self, request: web.Request) -> web.Response:
        return web.json_response({"mode": self.mode})

    async def _tell(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.reported.append((request.match_info["what"], body))
        if self.obeys:
            self.mode = body.get("mode", self.mode)
            match body.get("pool"):
                case [str(host), int(port), *_]:
                    self.summary["pool"] = f"stratum+tcp://{host}:{port}"
                case [str(server), *_]:
                    self.summary["pool"] = server
        return web.json_response({})


@pytest.fixture
async def cpu(socket_enabled: None) -> AsyncGenerator[Cpu]:
    """Return a running CPU miner."""
    device = Cpu()
    runner = await device.start()
    yield device
    await runner.cleanup()


# M1: the plan that followed HMM-Local (its template has a module of its own)

PLANNED = """
from adapters.base import BaseMinerAdapter, MinerTelemetry


class Acme(BaseMinerAdapter):
    driver_type = "acme"
    driver_version = "2.3"
    manufacturer = "ACME Corp"
    supported_models = ["Model X"]
    answer = {}

    async def connect(self, ip, port=None):
        return 200 if (ip, port) == ("127.0.0.1", 4711) else None

    def get_telemetry(self):
        return self.answer

    async def get_pool_info(self):
        return {"pool_url": "a.example:1", "pool_user": "x", "pool_pass": "y"}

    async def get_version_info(self):
        return {"firmware": "9.1"}

    def restart(self):
        return "yes, " + str(self.answer)
"""


@pytest.fixture
def acme(tmp_path: Path) -> LoadedDriver[BaseMinerAdapter]:
    """Return a driver that has only what it needs, and not all of it async."""
    path = tmp_path / "miner_drivers" / "acme_driver.py"
    path.parent.mkdir()
    path.write_text(PLANNED)
    drivers = load_drivers(tmp_path / "hmm")
    assert drivers.failed == []
    return drivers.miners["acme"]


async def test_m1(acme: LoadedDriver[BaseMinerAdapter], client_of: ClientMaker) -> None:
    """Given a driver without modes and pools, it has none; figures are in H/s."""
    assert not await client_of(acme, 80).connect()
    client = client_of(acme, 4711)
    assert await client.connect()
    legacy: Any = acme.driver_class
    legacy.legacy_class.answer = {
        "hashrate": "1.2T",
        "temperature": 0,
        "power": 0,
        "uptime": "1d 2h",
        "mode": "unknown",
        "fan_speed": "40",
    }
    telemetry = await client.poll()
    assert telemetry == MinerTelemetry(
        hashrate=1.2e12, hashing=True, uptime=93_600, fan_speed=40
    )
    profile = client.read_profile(telemetry, None)
    assert profile.facts == DeviceFacts(
        manufacturer="ACME Corp", model="Model X", firmware="9.1"
    )
    assert profile.modes == ()
    assert profile.restart and not profile.set_pool
    assert acme.version == "2.3"

    legacy.legacy_class.answer = {
        "hashrate": 0,
        "hashrate_unit": "GH/s",
        "power": 0,
        "mode": "idle",
    }
    assert await client.poll() == MinerTelemetry(
        hashrate=0, hashing=False, power=0, mode="idle"
    )
    legacy.legacy_class.answer = {"hashrate": 5, "hashrate_unit": "GH/s"}
    assert (await client.poll()).hashrate == 5e9
    # "yes" is no answer to whether it was done
    with pytest.raises(CommandFailed):
        await client.restart()
    with pytest.raises(DriverFault):
        await client.set_mode("eco")


async def test_m1_pool_info(acme: LoadedDriver[BaseMinerAdapter]) -> None:
    """Given what a driver knows of its pool, it is handed on."""
    driver = acme.driver_class()
    assert await driver.connect("127.0.0.1", 4711)
    info = await driver.get_pool_info()
    assert info == {"pool_url": "a.example:1", "pool_user": "x", "pool_pass": "y"}
    assert await driver.get_version_info() == {"firmware": "9.1"}
    await driver.close()


async def test_m1_with_a_report_of_hmm_local(
    acme: LoadedDriver[BaseMinerAdapter], client_of: ClientMaker
) -> None:
    """Given an object where a dictionary was asked for, it is in GH/s."""
    legacy: Any = acme.driver_class
    legacy.legacy_class.answer = Report(hashrate=500)
    assert (await client_of(acme, 4711).poll()).hashrate == 5e11


PLANNED_CPU = """
import json
import aiohttp
from adapters.base import BaseMinerAdapter


class Planned(BaseMinerAdapter):
    driver_type = "planned_cpu"
    display_name = "Planned CPU"
    connection_type = "http"
    default_port = 8080

    async def connect(self, ip, port=None):
        self.base = f"http://{ip}:{port}"
        self.session = aiohttp.ClientSession()
        try:
            return "hashrate" in await self._call("/2/summary")
        except (aiohttp.ClientError, ValueError):
            return False

    async def _call(self, path, body=None):
        if body is None:
            request = self.session.get(self.base + path)
        else:
            request = self.session.post(self.base + path, json=body)
        async with request as response:
            return json.loads(await response.text())

    async def get_telemetry(self):
        data = await self._call("/2/summary")
        mode = (await self._call("/mode"))["mode"]
        return {"hashrate": data["hashrate"], "uptime": 93600, "mode": mode}

    async def get_pool_info(self):
        pool = (await self._call("/2/summary"))["pool"]
        return {"pool_url": pool, "pool_user": "wallet", "pool_pass": "x"}

    def get_supported_modes(self):
        return ["quiet", "loud"]

    async def set_mode(self, mode):
        return await self._call("/mode", {"mode": mode}) == {}

    async def set_pool(self, url, user, password):
        return await self._call("/pool", {"pool": [url, user, password]}) == {}

    async def restart(self):
        return await self._call("/restart", {}) == {}

    async def close(self):
        await self.session.close()
"""


@pytest.fixture
def planned_cpu(tmp_path: Path) -> LoadedDriver[BaseMinerAdapter]:
    """Return a driver of the plan that can do all."""
    path = tmp_path / "hmm" / "miner_drivers" / "planned_driver.py"
    path.parent.mkdir(parents=True)
    path.write_text(PLANNED_CPU)
    drivers = load_drivers(tmp_path / "hmm")
    assert drivers.failed == []
    return drivers.miners["planned_cpu"]


async def test_m1_reads_and_steers(
    planned_cpu: LoadedDriver[BaseMinerAdapter], cpu: Cpu, client_of: ClientMaker
) -> None:
    """Given a driver of the plan, one session serves reading and every command."""
    client = client_of(planned_cpu, cpu.port)
    assert await client.connect()
    telemetry = await client.poll()
    assert (telemetry.hashrate, telemetry.uptime, telemetry.mode) == (
        1500,
        93_600,
        "quiet",
    )
    profile = client.read_profile(telemetry, None)
    assert profile.modes == ("quiet", "loud")
    assert profile.restart and profile.set_pool

    await client.set_mode("loud")
    await client.set_pool("pool.example:1", "wallet.worker", "x")
    await client.restart()
    assert cpu.reported == [
        ("mode", {"mode": "loud"}),
        ("pool", {"pool": ["pool.example:1", "wallet.worker", "x"]}),
        ("restart", {}),
    ]
    assert (await client.poll()).mode == "loud"


async def test_m1_that_is_ignored(
    planned_cpu: LoadedDriver[BaseMinerAdapter],
    cpu: Cpu,
    client_of: ClientMaker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given a device that takes commands and does nothing, that is said."""
    monkeypatch.setattr(miners, "MODE_SECONDS", 0.5)
    monkeypatch.setattr(miners, "POOL_SECONDS", 0.5)
    client = client_of(planned_cpu, cpu.port)
    await client.poll()
    cpu.obeys = False
    with pytest.raises(CommandFailed, match="still reports quiet"):
        await client.set_mode("loud")
    with pytest.raises(CommandFailed, match="still reports stratum"):
        await client.set_pool("a.example:1", "wallet.worker", "x")


@pytest.mark.parametrize("answer", ["{}", "None", "1 / 0"])
async def test_m1_that_cannot_tell_its_pool(
    tmp_path: Path,
    cpu: Cpu,
    client_of: ClientMaker,
    answer: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Given a driver that reports no pool, a new one is sent, and that is said."""
    path = tmp_path / "hmm" / "miner_drivers" / "planned_driver.py"
    path.parent.mkdir(parents=True)
    pool = 'return {"pool_url": pool, "pool_user": "wallet", "pool_pass": "x"}'
    assert pool in PLANNED_CPU
    path.write_text(PLANNED_CPU.replace(pool, f"return {answer}"))
    client = client_of(load_drivers(tmp_path / "hmm").miners["planned_cpu"], cpu.port)
    await client.poll()
    await client.set_pool("a.example:1", "wallet.worker", "x")
    assert [what for what, _ in cpu.reported] == ["pool"]
    assert "A pool was sent to 127.0.0.1" in caplog.text


async def test_m1_is_detected(
    planned_cpu: LoadedDriver[BaseMinerAdapter],
    bundled: list[LoadedDriver[BaseMinerAdapter]],
    cpu: Cpu,
    bitaxe: SimulatedAxeOS,
    context: DriverContext,
) -> None:
    """Given its device it is found among all drivers, given another it is not."""
    drivers = [*bundled, planned_cpu]
    detection = await detect(drivers, context, "127.0.0.1", cpu.port)
    assert [result.driver for result in detection.devices] == [planned_cpu]
    await detection.devices[0].client.close()
    other = await detect(drivers, context, "127.0.0.1", bitaxe.port)
    assert [result.driver.driver_type for result in other.devices] == ["bitaxe"]
    await other.devices[0].client.close()


# M2: what was bundled with HMM-Local


@pytest.fixture
def bitaxe_driver(tmp_path: Path) -> LoadedDriver[BaseMinerAdapter]:
    """Return the user's driver for Bitaxe."""
    return load(tmp_path, bitaxe_driver="legacy_bitaxe_driver")["bitaxe"]


@pytest.fixture
async def bitaxe_client(
    bitaxe_driver: LoadedDriver[BaseMinerAdapter],
    bitaxe: SimulatedAxeOS,
    client_of: ClientMaker,
) -> MinerClient:
    """Return a client of it."""
    return client_of(bitaxe_driver, bitaxe.port)


def test_m2_loads(bitaxe_driver: LoadedDriver[BaseMinerAdapter]) -> None:
    """Given a driver with miner_type, it takes the place of the bundled one."""
    driver = bitaxe_driver.driver_class
    assert (bitaxe_driver.version, bitaxe_driver.bundled) == ("7.1.0", False)
    assert driver.display_name == "Bitaxe of the user"
    assert (driver.connection_type, driver.default_port) == (None, None)
    assert driver.option_fields == ()
    assert driver.hashrate_unit == "TH/s"


async def test_m2_reads_a_bitaxe(
    bitaxe_client: MinerClient, bitaxe: SimulatedAxeOS
) -> None:
    """Given AxeOS, one request brings H/s, and zeros that mean nothing are gone."""
    assert await bitaxe_client.connect()
    telemetry = await bitaxe_client.poll()
    assert bitaxe.counters.requests == 1

    assert telemetry.hashrate == pytest.approx(1.1e12, rel=0.2)
    assert telemetry.hashing
    assert telemetry.power is not None and 5 < telemetry.power < 40
    assert telemetry.input_voltage == pytest.approx(5000, rel=0.1)
    assert telemetry.core_voltage == 1150
    assert telemetry.mode == "standard"
    assert telemetry.signal is None  # the driver hands on "Connected!"
    assert telemetry.fan_speed is None  # asked for by a key that is none
    assert telemetry.best_share == pytest.approx(2.41e9, rel=0.01)
    assert telemetry.pools == (
        PoolSlot(index=0, url="public-pool.io:21496", active=True),
    )
    profile = bitaxe_client.read_profile(telemetry, None)
    assert profile.modes == ("eco", "standard", "turbo")
    assert profile.restart and profile.set_pool and profile.tuning is None
    assert profile.facts.mac == bitaxe.mac.lower()
    assert profile.facts.hostname == "bitaxe"
    assert profile.facts.firmware == bitaxe.version

    await bitaxe_client.poll()
    assert bitaxe.counters.requests == 2


async def test_m2_steers_a_bitaxe(
    bitaxe_client: MinerClient, bitaxe: SimulatedAxeOS
) -> None:
    """Given commands right after the start, the device does them."""
    await bitaxe_client.set_mode("eco")
    assert bitaxe.writes == [{"frequency": 400, "coreVoltage": 1060}]
    # What it was read back with serves the next poll as well
    requests = bitaxe.counters.requests
    assert (await bitaxe_client.poll()).mode == "eco"
    assert bitaxe.counters.requests == requests == 3
    with pytest.raises(CommandFailed):
        await bitaxe_client.set_mode("warp")

    await bitaxe_client.set_pool("eu1.solopool.org:8004", "wallet.rig.1", "secret")
    await until(lambda: bitaxe.online and not bitaxe.rebooting)
    pool = bitaxe.active_pool
    assert pool is not None
    assert (pool["stratumURL"], pool["stratumPort"]) == ("eu1.solopool.org", 8004)
    assert (pool["stratumUser"], pool["stratumPassword"]) == ("wallet.rig.1", "secret")
    # A user without a worker: the drivers cannot leave it out
    await bitaxe_client.set_pool("stratum+tcp://a.example:1/", "wallet", "x")
    await until(lambda: bitaxe.online and not bitaxe.rebooting)
    assert bitaxe.pools[0]["stratumUser"] == "wallet.rig.1"

    boots = bitaxe.boots
    await bitaxe_client.restart()
    await until(lambda: bitaxe.boots > boots)
    for url in ("a.example", "stratum+ssl://a.example:1", "a.example:99999"):
        with pytest.raises(InvalidValue):
            await bitaxe_client.set_pool(url, "wallet.worker", "x")


async def test_m2_comes_back(
    bitaxe_client: MinerClient, bitaxe: SimulatedAxeOS
) -> None:
    """Given a device that loses its power, polls fail until it is back."""
    await bitaxe_client.poll()
    await bitaxe.unplug()
    with pytest.raises(CannotConnect, match="no answer"):
        await bitaxe_client.poll()
    with pytest.raises(DriverError):
        await bitaxe_client.restart()
    with pytest.raises(CannotConnect):
        await bitaxe_client.poll()
    await bitaxe.plug_in()
    assert (await bitaxe_client.poll()).mode == "standard"


@pytest.mark.parametrize("fault", [Fault.GARBAGE, Fault.HTML, Fault.HALF, Fault.RESET])
async def test_m2_at_a_sick_device(
    bitaxe_client: MinerClient, bitaxe: SimulatedAxeOS, fault: Fault
) -> None:
    """Given a device that makes no sense, it is none."""
    bitaxe.fault = fault
    assert not await bitaxe_client.connect()


async def test_m2_is_detected(
    bitaxe_driver: LoadedDriver[BaseMinerAdapter],
    bundled: list[LoadedDriver[BaseMinerAdapter]],
    bitaxe: SimulatedAxeOS,
    context: DriverContext,
) -> None:
    """Given its device, it is found in place of the bundled one."""
    others = [driver for driver in bundled if driver.driver_type != "bitaxe"]
    detection = await detect(
        [*others, bitaxe_driver], context, "127.0.0.1", bitaxe.port
    )
    assert [result.driver for result in detection.devices] == [bitaxe_driver]
    assert detection.devices[0].telemetry.hashing
    assert bitaxe.counters.by_path["GET /api/system/info"] <= 4
    await detection.devices[0].client.close()


async def test_m2_at_the_wrong_device(
    bitaxe_driver: LoadedDriver[BaseMinerAdapter],
    client_of: ClientMaker,
    cpu: Cpu,
    socket_enabled: None,
) -> None:
    """Given other devices, also such as answer the same path, it is none of them."""
    async with (
        SimulatedNerdQAxe() as nerdqaxe,
        SimulatedNMMiner(http=True, udp=False, version="v2.0.03") as nmminer,
        SimulatedAvalon() as avalon,
    ):
        client = client_of(bitaxe_driver, nerdqaxe.port)
        with pytest.raises(NotThisDevice):
            await client.connect()
        for port in (nmminer.port, avalon.port, cpu.port, 1):
            client = client_of(bitaxe_driver, port)
            assert not await client.connect()


# M2 with sockets that block


@pytest.fixture
def avalon_driver(tmp_path: Path) -> LoadedDriver[BaseMinerAdapter]:
    """Return the user's driver for Avalon."""
    return load(tmp_path, my_avalon_driver="legacy_avalon_nano_driver")["avalon_nano"]


@pytest.fixture
async def avalon(socket_enabled: None) -> AsyncGenerator[SimulatedAvalon]:
    """Return a running Nano 3S whose web login is not the usual one."""
    async with SimulatedAvalon(
        user="admin", password="open sesame", reboot_seconds=0.2, settle_seconds=0.1
    ) as device:
        yield device


async def test_m2_that_blocks(
    avalon_driver: LoadedDriver[BaseMinerAdapter],
    avalon: SimulatedAvalon,
    client_of: ClientMaker,
) -> None:
    """Given sockets that block, the device answers: it runs in the very loop."""
    assert avalon_driver.driver_class.option_fields == ("admin_password",)
    assert avalon_driver.driver_class.default_port == 4028
    client = client_of(avalon_driver, avalon.port, admin_password="open sesame")
    assert await client.connect()
    telemetry = await client.poll()
    assert avalon.counters.requests == 3
    assert telemetry.hashrate == pytest.approx(4e12, rel=0.6)
    assert telemetry.uptime is not None and telemetry.uptime >= 400_000
    assert telemetry.error_rate is None  # the driver has rejected shares there
    assert telemetry.device is not None and telemetry.device.firmware
    assert client.read_profile(telemetry, None).modes == ("low", "med", "high")

    await client.set_mode("low")
    await until(lambda: avalon.mode == 0)
    assert (await client.poll()).mode == "low"

    # It notes the switch in a database that is not there
    await client.set_pool("pool.example:3333", "wallet.worker", "x")
    await until(lambda: avalon.online and not avalon.rebooting)
    telemetry = await client.poll()
    assert telemetry.active_pool is not None
    assert telemetry.active_pool.url == "pool.example:3333"


async def test_m2_that_blocks_is_detected(
    avalon_driver: LoadedDriver[BaseMinerAdapter],
    bundled: list[LoadedDriver[BaseMinerAdapter]],
    avalon: SimulatedAvalon,
    context: DriverContext,
) -> None:
    """Given its device, it is found in place of the bundled one."""
    others = [driver for driver in bundled if driver.driver_type != "avalon_nano"]
    detection = await detect(
        [*others, avalon_driver], context, "127.0.0.1", avalon.port
    )
    assert [result.driver for result in detection.devices] == [avalon_driver]
    await detection.devices[0].client.close()


async def test_m2_with_the_wrong_password(
    avalon_driver: LoadedDriver[BaseMinerAdapter],
    avalon: SimulatedAvalon,
    client_of: ClientMaker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given a wrong password, the pool stays: that is said, with one restart only."""
    monkeypatch.setattr(miners, "POOL_SECONDS", 2.0)
    client = client_of(avalon_driver, avalon.port)
    before = (await client.poll()).active_pool
    assert before is not None
    pool = ("pool.example:3333", "wallet.worker", "x")
    with pytest.raises(CommandFailed, match=rf"reports {before.url}.*password"):
        await client.set_pool(*pool)
    assert avalon.boots == 2
    for _ in range(3):
        with pytest.raises(CommandFailed, match="10 minutes"):
            await client.set_pool(*pool)
        assert (await client.poll()).active_pool == before
    assert avalon.boots == 2

    # With another password there is a new client
    client = client_of(avalon_driver, avalon.port, admin_password="open sesame")
    await client.set_pool(*pool)
    assert avalon.boots == 3


async def test_m2_is_sent_no_pool_that_it_has(
    avalon_driver: LoadedDriver[BaseMinerAdapter],
    avalon: SimulatedAvalon,
    client_of: ClientMaker,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Given a pool that is set again and again, the miner restarts for it once."""
    client = client_of(avalon_driver, avalon.port, admin_password="open sesame")
    for _ in range(3):
        await client.set_pool("pool.example:3333", "wallet.worker", "x")
    assert avalon.boots == 2
    assert "cannot report" not in caplog.text
    # Whether it took another account there, the driver does not report
    await client.set_pool("pool.example:3333", "other.worker", "x")
    await until(lambda: avalon.boots == 3)
    assert caplog.text.count("cannot report") == 1


async def test_m2_hands_on_why_a_mode_is_refused(
    avalon_driver: LoadedDriver[BaseMinerAdapter],
    avalon: SimulatedAvalon,
    client_of: ClientMaker,
) -> None:
    """Given an Avalon that calibrates itself, it is quoted."""
    client = client_of(avalon_driver, avalon.port)
    await client.poll()
    avalon.calibrating = True
    with pytest.raises(CommandFailed, match="permit"):
        await client.set_mode("low")


# M2 that is told what was broadcast


@pytest.fixture
def nmminer_driver(tmp_path: Path) -> LoadedDriver[BaseMinerAdapter]:
    """Return the user's driver for NMMiner."""
    return load(tmp_path, nmminer_driver="legacy_nmminer_driver")["nmminer"]


@pytest.fixture
async def nmminer(socket_enabled: None) -> AsyncGenerator[SimulatedNMMiner]:
    """Return an NMMiner that broadcasts often."""
    target = ("127.0.0.1", free_udp_port())
    async with SimulatedNMMiner(target=target, interval=0.05) as device:
        yield device


@pytest.mark.parametrize("rate_style", ["K", "H/s"])
async def test_m2_that_listens(
    nmminer_driver: LoadedDriver[BaseMinerAdapter],
    nmminer: SimulatedNMMiner,
    client_of: ClientMaker,
    rate_style: Any,
) -> None:
    """Given broadcasts of either spelling, HMM's own listener feeds the driver."""
    nmminer.rate_style = rate_style
    nmminer.total_uptime = True
    port = nmminer.target[1]
    kind = nmminer_driver.driver_class
    assert (kind.connection_type, kind.default_port) == ("udp", 12345)
    assert kind.hashrate_unit == "MH/s"

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as config:
        config.bind(("127.0.0.1", 0))
        config.setblocking(False)
        config_port = config.getsockname()[1]
        client = client_of(nmminer_driver, port, config_port=config_port)
        listener = await BroadcastListener.acquire(port)
        assert await client.connect()
        telemetry = await client.poll()
        assert telemetry.hashrate == pytest.approx(1.02e6, rel=0.1)
        assert telemetry.temperature is not None and telemetry.temperature > 20
        assert telemetry.power is None
        assert telemetry.signal == -62
        assert telemetry.network_difficulty == pytest.approx(89.47e12)
        assert telemetry.best_share == pytest.approx(4.021e6, rel=0.01)
        assert telemetry.pool_difficulty == 0.01
        assert telemetry.uptime is not None and telemetry.uptime >= 400_000
        assert telemetry.active_pool is not None
        assert telemetry.active_pool.url == "public-pool.io:21496"
        profile = client.read_profile(telemetry, None)
        assert profile.facts.model == "NMLotto"
        assert profile.modes == ()
        assert not profile.restart and profile.set_pool

        setting = asyncio.create_task(
            client.set_pool("eu1.solopool.org:8004", "wallet.worker", "x")
        )
        sent = await asyncio.get_running_loop().sock_recv(config, 4096)
    assert json.loads(sent) == {
        "PrimaryPool": "stratum+tcp://eu1.solopool.org:8004",
        "PrimaryAddress": "wallet.worker",
        "PrimaryPassword": "x",
    }
    # What counts is what it broadcasts from then on
    assert not setting.done()
    nmminer.settings["mining"]["PrimaryPool"] = "stratum+tcp://eu1.solopool.org:8004"
    nmminer._reconnect()
    await setting
    await client.poll()
    # Without a sensor it says 0
    nmminer.sensor = False
    nmminer.broadcast()
    await until(lambda: listener.find("127.0.0.1").data["temp"] == 0)  # type: ignore[union-attr]
    assert (await client.poll()).temperature is None
    listener.release()


async def test_m2_that_hears_nothing(
    nmminer_driver: LoadedDriver[BaseMinerAdapter],
    nmminer: SimulatedNMMiner,
    client_of: ClientMaker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given silence, the device is off; what it said long ago is not shown."""
    monkeypatch.setattr(miners, "_LISTEN_SECONDS", 0.05)
    client = client_of(nmminer_driver, free_udp_port())
    with pytest.raises(CannotConnect, match="Nothing was broadcast"):
        await client.connect()

    monkeypatch.setattr(miners, "_LISTEN_SECONDS", 10)
    client = client_of(nmminer_driver, nmminer.target[1])
    assert (await client.poll()).hashing
    nmminer.fault = Fault.SILENT
    monkeypatch.setattr(miners, "_SILENT_SECONDS", -1)
    with pytest.raises(CannotConnect, match="broadcast nothing"):
        await client.poll()
    monkeypatch.undo()
    nmminer.fault = None
    assert (await client.poll()).hashing


async def test_m2_that_hears_another_device(
    nmminer_driver: LoadedDriver[BaseMinerAdapter],
    nmminer: SimulatedNMMiner,
    client_of: ClientMaker,
) -> None:
    """Given an NMAxe, which broadcasts at the same port, it is no NMMiner."""
    nmminer.board = "NMAxe Gamma"
    client = client_of(nmminer_driver, nmminer.target[1])
    with pytest.raises(NotThisDevice):
        await client.connect()


async def test_m2_that_listens_where_it_says(
    nmminer_driver: LoadedDriver[BaseMinerAdapter],
    nmminer: SimulatedNMMiner,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given no port, or that of a web page, the driver's own is listened at."""
    kind = nmminer_driver.driver_class
    monkeypatch.setattr(kind, "default_port", nmminer.target[1])
    for port in (None, 80):
        driver = kind()
        assert await driver.connect("localhost", port)
        info = await driver.get_pool_info()
        assert info == {"pool_url": "public-pool.io:21496"}
        await driver.close()


async def test_m2_that_fails_to_understand_a_packet(
    nmminer_driver: LoadedDriver[BaseMinerAdapter],
    nmminer: SimulatedNMMiner,
    client_of: ClientMaker,
) -> None:
    """Given one packet that is too much for a driver, the next one is read."""
    client = client_of(nmminer_driver, nmminer.target[1])
    assert (await client.poll()).hashing
    listener = await BroadcastListener.acquire(nmminer.target[1])
    nmminer.fault = Fault.SILENT
    # It cuts a text, which this is not
    nmminer.send_raw(json.dumps(nmminer.packet() | {"HashRate": 5}).encode())
    await until(lambda: listener.packets[-1].data["hashrate"] == 5)
    with pytest.raises(DriverFault, match="AttributeError"):
        await client.poll()
    nmminer.fault = None
    await until(lambda: listener.packets[-1].data["hashrate"] != 5)
    assert (await client.poll()).hashing
    listener.release()


async def test_m2_asks_the_database(
    nmminer_driver: LoadedDriver[BaseMinerAdapter],
) -> None:
    """Given no packet, the driver's database has nothing either."""
    cls: Any = nmminer_driver.driver_class
    miner = cls.legacy_class(1, "miner", "127.0.0.1")
    assert await miner.get_telemetry() is None


# M3: HMM-Local's own adapters, copied


@pytest.fixture
async def cpu_client(tmp_path: Path, cpu: Cpu, client_of: ClientMaker) -> MinerClient:
    """Return a client of the oldest kind of driver."""
    driver = load(tmp_path, xmrig_driver="legacy_xmrig")["xmrig"]
    assert (driver.version, driver.bundled) == ("unknown", False)
    assert driver.driver_class.display_name == "xmrig"
    assert driver.driver_class.hashrate_unit == "kH/s"
    return client_of(driver, cpu.port)


async def test_m3_reads(cpu_client: MinerClient, cpu: Cpu) -> None:
    """Given a file that names no type, its name does; the unit comes with it."""
    assert await cpu_client.connect()
    telemetry = await cpu_client.poll()
    assert telemetry == MinerTelemetry(
        hashrate=1500,
        hashing=True,
        uptime=26 * 3600,
        mode="quiet",
        shares_accepted=12,
        shares_rejected=1,
        best_share=pytest.approx(130_460),  # type: ignore[arg-type]
        pools=(PoolSlot(index=0, url="pool.example:3333", active=True),),
        device=DeviceFacts(firmware="6.21"),
    )
    assert cpu_client.read_profile(telemetry, None).modes == ("quiet", "loud")


async def test_m3_steers(cpu_client: MinerClient, cpu: Cpu) -> None:
    """Given commands, the device is told."""
    await cpu_client.set_mode("loud")
    await cpu_client.set_pool("pool.example:1", "wallet.worker", "x")
    await cpu_client.restart()
    assert cpu.reported == [
        ("mode", {"mode": "loud"}),
        ("pool", {"pool": ["pool.example", 1, "wallet.worker", "x"]}),
        ("restart", {}),
    ]
    assert (await cpu_client.poll()).mode == "loud"


async def test_m3_that_is_ignored(
    cpu_client: MinerClient, cpu: Cpu, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a device that takes commands and does nothing, that is said."""
    monkeypatch.setattr(miners, "MODE_SECONDS", 0.5)
    monkeypatch.setattr(miners, "POOL_SECONDS", 0.5)
    await cpu_client.poll()
    cpu.obeys = False
    with pytest.raises(CommandFailed, match="still reports quiet"):
        await cpu_client.set_mode("loud")
    with pytest.raises(CommandFailed, match=r"still reports pool\.example:3333"):
        await cpu_client.set_pool("a.example:1", "wallet.worker", "x")
    assert (await cpu_client.poll()).hashing
    # Another pool is another attempt
    cpu.obeys = True
    await cpu_client.set_pool("b.example:1", "wallet.worker", "x")
    assert [what for what, _ in cpu.reported] == ["mode", "pool", "pool"]


async def test_m3_at_the_wrong_device(
    tmp_path: Path, client_of: ClientMaker, bitaxe: SimulatedAxeOS
) -> None:
    """Given another device, or none, it is not found."""
    driver = load(tmp_path, xmrig_driver="legacy_xmrig")["xmrig"]
    for port in (bitaxe.port, 1):
        client = client_of(driver, port)
        assert not await client.connect()


async def test_m3_of_the_first_days(
    tmp_path: Path, cpu: Cpu, client_of: ClientMaker
) -> None:
    """Given a driver from before miners had names, it finds its device and steers it."""
    driver = load(tmp_path, cpuminer_driver="legacy_first")["cpuminer"]
    client = client_of(driver, cpu.port)
    assert await client.connect()
    telemetry = await client.poll()
    assert (telemetry.hashrate, telemetry.shares_accepted) == (1500, 12)
    profile = client.read_profile(telemetry, None)
    assert profile.modes == () and profile.set_pool and not profile.restart

    await client.set_pool("pool.example:3333", "wallet.worker", "x")
    server = "stratum+tcp://pool.example:3333"
    assert cpu.reported == [("pool", {"pool": [server, "wallet.worker", "x"]})]
    assert not await client_of(driver, 1).connect()


async def test_m3_with_a_port_of_its_own(
    tmp_path: Path, cpu: Cpu, client_of: ClientMaker, caplog: pytest.LogCaptureFixture
) -> None:
    """Given no port, the driver's own is asked; a whole user stays whole."""
    driver = load(tmp_path, cpuminer_driver="legacy_own_port")["cpuminer"]
    init = vars(driver.driver_class)["legacy_class"].__init__
    init.__defaults__ = (cpu.port, None)
    client = client_of(driver)
    assert await client.connect()
    assert (await client.poll()).hashrate == 1500

    await client.set_pool("pool.example:1", "wallet.worker", "x")
    assert cpu.reported == [("pool", {"pool": ["pool.example:1", "wallet.worker"]})]
    # It never reports a pool: one look, and one line
    await client.set_pool("pool.example:2", "wallet.worker", "x")
    assert caplog.text.count("cannot report") == 1
    assert "wallet" not in caplog.text


async def test_m3_is_detected(
    tmp_path: Path,
    bundled: list[LoadedDriver[BaseMinerAdapter]],
    cpu: Cpu,
    context: DriverContext,
) -> None:
    """Given its device, it is found among all drivers."""
    driver = load(tmp_path, xmrig_driver="legacy_xmrig")["xmrig"]
    detection = await detect([*bundled, driver], context, "127.0.0.1", cpu.port)
    assert [result.driver for result in detection.devices] == [driver]
    await detection.devices[0].client.close()


async def test_a_driver_that_waits_lets_others_work(
    cpu_client: MinerClient, cpu: Cpu
) -> None:
    """Given a driver that blocks until the device answers, all else goes on."""
    await cpu_client.poll()
    cpu.asked.clear()
    cpu.answer.clear()
    waiting = asyncio.create_task(cpu_client.poll())
    await cpu.asked.wait()
    worked = 0
    for _ in range(100):
        await asyncio.sleep(0)
        worked += 1
    assert worked == 100 and not waiting.done()
    cpu.answer.set()
    assert (await waiting).hashrate == 1500


async def test_a_driver_that_sleeps_lets_others_work(
    tmp_path: Path, client_of: ClientMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a driver that sleeps until a file is there, it can be made meanwhile."""
    flag = tmp_path / "flag"
    monkeypatch.setenv("LEGACY_FLAG", str(flag))
    driver = load(tmp_path, naughty_driver="legacy_naughty_driver")["naughty"]
    legacy: Any = driver.driver_class
    client = client_of(driver)
    await client.poll()
    legacy.legacy_class.what = "flag"
    waiting = asyncio.create_task(client.poll())
    for _ in range(100):
        await asyncio.sleep(0)
    assert not waiting.done()
    flag.touch()
    assert (await waiting).hashrate == 7e11


# What drivers get wrong

FAULTS = [
    *(("crash", DriverFault), ("exit", DriverFault), ("interrupt", DriverFault)),
    *(("quit", DriverFault), ("cancel", DriverFault), ("timeout", CannotConnect)),
    *(("none", CannotConnect), ("text", CannotConnect), ("list", CannotConnect)),
]


@pytest.mark.parametrize("kind", ["naughty", "naughty_planned"])
@pytest.mark.parametrize(("what", "error"), FAULTS)
async def test_a_driver_that_fails(
    tmp_path: Path,
    client_of: ClientMaker,
    kind: str,
    what: str,
    error: type[DriverError],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whatever a driver does, its poll fails, and the next one may succeed."""
    driver = load(tmp_path, naughty_driver="legacy_naughty_driver")[kind]
    legacy: Any = driver.driver_class
    client = client_of(driver)
    assert (await client.poll()).hashrate == 5e11

    legacy.legacy_class.what = what
    with pytest.raises(error):
        await client.poll()
    with pytest.raises(DriverError):
        await client.set_mode(what)
    with pytest.raises(DriverError):
        await client.poll()
    legacy.legacy_class.what = "good"
    assert (await client.poll()).hashrate == 5e11
    assert "bc1q-secret" not in caplog.text


async def test_a_driver_that_fails_to_be_looked_at(
    tmp_path: Path, client_of: ClientMaker
) -> None:
    """Given an answer that raises when it is read, that is a fault of the driver."""
    driver = load(tmp_path, naughty_driver="legacy_naughty_driver")["naughty"]
    legacy: Any = driver.driver_class
    legacy.legacy_class.what = "loud"
    client = client_of(driver)
    with pytest.raises(DriverFault, match=r"line 20 of naughty_driver\.py"):
        await client.poll()


@pytest.mark.parametrize("kind", ["naughty", "naughty_planned"])
async def test_a_driver_that_talks_nonsense(
    tmp_path: Path, client_of: ClientMaker, kind: str
) -> None:
    """What cannot be read is unknown."""
    driver = load(tmp_path, naughty_driver="legacy_naughty_driver")[kind]
    legacy: Any = driver.driver_class
    client = client_of(driver)
    await client.poll()
    legacy.legacy_class.what = "nonsense"
    telemetry = await client.poll()
    assert telemetry == MinerTelemetry(device=telemetry.device)
    profile = client.read_profile(telemetry, None)
    assert profile.modes == ()
    # It has no such methods
    assert not profile.restart and not profile.set_pool


async def test_a_driver_that_hangs(
    tmp_path: Path, client_of: ClientMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a poll without end, it is given up, and a new object serves the next."""
    flag = tmp_path / "flag"
    monkeypatch.setenv("LEGACY_FLAG", str(flag))
    driver = load(tmp_path, naughty_driver="legacy_naughty_driver")["naughty_planned"]
    legacy: Any = driver.driver_class
    client = client_of(driver)
    await client.poll()
    monkeypatch.setattr(miners, "_ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(miners, "_CLOSE_SECONDS", 0.2)
    legacy.legacy_class.what = "flag"
    with pytest.raises(CannotConnect):
        await client.poll()
    monkeypatch.undo()
    legacy.legacy_class.what = "good"
    assert (await client.poll()).hashrate == 5e11
    assert len(legacy.legacy_class.threads) == 2
    flag.touch()


# Figures


@pytest.mark.parametrize(
    ("hashrate", "unit", "expected"),
    [
        (1.5, None, 1.5e9),
        (1.5, "GH/s", 1.5e9),
        (1.5, "MH/s", 1.5e6),
        (1.5, "KH/s", 1.5e3),
        ("1.5", "TH/s", 1.5e12),
        ("1.0154MH/s", "GH/s", 1.0154e6),
        ("113.13 K", None, 113_130),
        ({"display": "1.50 TH/s", "value": 1500, "unit": "GH/s"}, "MH/s", 1.5e12),
        (1.5, "horses", None),
        ("fast", None, None),
        (None, None, None),
        (-1, None, None),
        (0, "GH/s", 0),
    ],
)
def test_hashrates(hashrate: Any, unit: str | None, expected: float | None) -> None:
    """Given any spelling, the hashrate is in H/s."""
    report = Report(hashrate=hashrate, extra_data={"hashrate_unit": unit})
    telemetry = read_report(report, None, "127.0.0.1")
    assert telemetry.hashrate == (None if expected is None else pytest.approx(expected))
    assert telemetry.hashing is (None if expected is None else expected > 0)


def test_spellings() -> None:
    """Given the names of any version, strings and zeros, each is understood."""
    telemetry = read_report(
        Report(
            hashrate=1,
            temperature=-1,
            power_watts="0",
            shares_accepted="12",
            shares_rejected=None,
            pool_difficulty="4.29G",
            pool_in_use="",
            extra_data={
                "uptime": 0,
                "best_diff": "130.46 k",
                "best_session_diff": 0,
                "net_diff": "89.47T",
                "pool_response_ms": 0,
                "response_time": 22,
                "error_percentage": "0.5",
                "fan_speed": 0,
                "fan_rpm": "4200",
                "frequency": "525",
                "core_voltage": 1150,
                "vr_temp": 0,
                "stale_shares": 3,
                "block_height": "840000",
                "found_blocks": -1,
                "free_heap": 8203,
                "wifi_rssi": "Connected!",
                "rssi": -70,
                "current_mode": "eco",
                "version": "v2.4",
                "asic_model": "BM1366",
            },
        ),
        "turbo",
        "127.0.0.1",
    )
    assert telemetry == MinerTelemetry(
        hashrate=1e9,
        hashing=True,
        mode="eco",
        shares_accepted=12,
        pool_difficulty=4.29e9,
        best_share=pytest.approx(130_460),  # type: ignore[arg-type]
        best_session_share=0,
        network_difficulty=89.47e12,
        response_time=22,
        error_rate=0.5,
        fan_speed=0,
        fan_rpm=(4200,),
        frequency=525,
        core_voltage=1150,
        shares_stale=3,
        block_height=840_000,
        free_memory=8203,
        signal=-70,
        device=DeviceFacts(model="BM1366", firmware="v2.4"),
    )


# Where the type of a driver is told


CONNECT = "    async def connect(self, ip, port=None):\n        return True\n"
PROPERTY = "    driver_type = property(lambda self: 'acme')\n"
CONSTRUCTOR = "    def __init__(self):\n        self.driver_type = 'acme'\n"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("class A(BaseMinerAdapter):\n    driver_type = 'acme'\n", "acme"),
        ("class A(MinerAdapter):\n    driver_type = 'acme'\n", "acme"),
        ("class A(MinerAdapter):\n    miner_type = 'acme'\n    NAME = 7\n", "acme"),
        ("class A(MinerAdapter):\n    supported_models = 5\n", "garage"),
        ("class A(MinerAdapter):\n    DEFAULT_PORT = '80'\n", "garage"),
        (f"class A(BaseMinerAdapter):\n{PROPERTY}{CONNECT}", "acme"),
        (f"class A(BaseMinerAdapter):\n{CONSTRUCTOR}{CONNECT}", "acme"),
    ],
)
def test_where_the_type_is_told(tmp_path: Path, source: str, expected: str) -> None:
    """Given a class, an object or only a file that tells the type, it is known."""
    path = tmp_path / "hmm" / "garage_driver.py"
    path.parent.mkdir()
    path.write_text(
        f"from adapters.base import BaseMinerAdapter, MinerAdapter\n{source}"
    )
    drivers = load_drivers(tmp_path / "hmm")
    assert drivers.failed == []
    mine = {key for key, driver in drivers.miners.items() if not driver.bundled}
    assert mine == {expected}


def test_no_type_at_all(tmp_path: Path) -> None:
    """Given a driver of the plan without a type, the file is refused, with reason."""
    path = tmp_path / "hmm" / "garage_driver.py"
    path.parent.mkdir()
    path.write_text(
        "from adapters.base import BaseMinerAdapter\n"
        "class Garage(BaseMinerAdapter):\n"
        "    async def connect(self, ip, port=None):\n        return True\n"
    )
    (failed,) = load_drivers(tmp_path / "hmm").failed
    assert "Garage has no driver_type" in failed.reason


# Inside Home Assistant


async def test_it_takes_the_place_of_the_bundled_driver(
    home: HomeAssistant,
    hmm_folder: Path,
    bitaxe: SimulatedAxeOS,
    quick: None,
) -> None:
    """Given an entry that has the bundled driver, its entities work on with another."""
    entry = miner_entry(bitaxe, "bitaxe", title="Garage")
    await set_up(home, entry)
    assert get_data(home).drivers.miners["bitaxe"].bundled
    before = value(home, entry, "hashrate")
    ids = keys(home, entry, "sensor")
    mode = find_id(home, entry, "select", "mode")

    def install() -> None:
        folder = hmm_folder / "drivers" / "miners"
        folder.mkdir(parents=True)
        shutil.copy(FIXTURES / "legacy_bitaxe_driver.py", folder / "bitaxe_driver.py")

    await home.async_add_executor_job(install)
    await get_data(home).driver_manager.async_reload()
    await home.async_block_till_done()
    assert not get_data(home).drivers.miners["bitaxe"].bundled

    assert entry.state is ConfigEntryState.LOADED
    assert keys(home, entry, "sensor") >= ids
    assert value(home, entry, "hashrate") == pytest.approx(before, rel=0.3)
    assert find_id(home, entry, "select", "mode") == mode
    await act(home, "select", "select_option", mode, option="eco")
    assert bitaxe.writes[-1] == {"frequency": 400, "coreVoltage": 1060}
    assert find(home, entry, "select", "mode").state == "eco"
    await poll(home, entry)
    assert entry.runtime_data.last_update_success
    await home.config_entries.async_unload(entry.entry_id)
