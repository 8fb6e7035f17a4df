"""The template that driver authors were given in seed 004, exactly as printed."""

from collections.abc import AsyncGenerator
from pathlib import Path
import shutil
import sys
from typing import Any

from aiohttp import web
import pytest

from custom_components.hmm.driver_api import (
    BaseMinerAdapter,
    CannotConnect,
    CommandFailed,
    DeviceFacts,
    DriverContext,
    MinerTelemetry,
)
from custom_components.hmm.driver_engine.client import MinerClient
from custom_components.hmm.driver_engine.detect import detect
from custom_components.hmm.driver_engine.guard import DriverFault
from custom_components.hmm.driver_engine.loaded import LoadedDriver
from custom_components.hmm.driver_engine.loader import load_drivers
from simulator import SimulatedAxeOS

TEMPLATE = Path(__file__).parents[1] / "fixtures" / "drivers" / "seed_004_template.py"


class AcmeMiner:
    """A device that speaks what the template asks for."""

    def __init__(self) -> None:
        """Mine at medium speed."""
        self.mode = "medium"
        self.pool = {"url": "pool.example:3333", "user": "me", "pass": "x"}
        self.restarts = 0
        self.status = 200
        self.telemetry: dict[str, Any] = {
            "hashrate": 1.2e12,
            "temp": 61.5,
            "power_watts": 18.4,
            "uptime_seconds": 3600,
        }
        self.port = 0
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/api/info", self._info),
                web.get("/api/telemetry", self._telemetry),
                web.get("/api/pool", self._get_pool),
                web.post("/api/pool", self._set_pool),
                web.post("/api/mode", self._set_mode),
                web.post("/api/restart", self._restart),
            ]
        )
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Pull the plug."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _info(self, request: web.Request) -> web.Response:
        return web.json_response({}, status=self.status)

    async def _telemetry(self, request: web.Request) -> web.Response:
        return web.json_response({**self.telemetry, "mode": self.mode})

    async def _get_pool(self, request: web.Request) -> web.Response:
        return web.json_response(self.pool)

    async def _set_pool(self, request: web.Request) -> web.Response:
        self.pool = await request.json()
        return web.Response()

    async def _set_mode(self, request: web.Request) -> web.Response:
        self.mode = (await request.json())["mode"]
        return web.Response(status=self.status)

    async def _restart(self, request: web.Request) -> web.Response:
        self.restarts += 1
        return web.Response()


@pytest.fixture
def loaded(tmp_path: Path) -> LoadedDriver[BaseMinerAdapter]:
    """Return the template, copied as it tells its reader to."""
    folder = tmp_path / "hmm" / "miner_drivers"
    folder.mkdir(parents=True)
    shutil.copy(TEMPLATE, folder / "acme_driver.py")
    drivers = load_drivers(tmp_path / "hmm")
    assert drivers.failed == []
    return drivers.miners["template"]


@pytest.fixture
async def device(socket_enabled: None) -> AsyncGenerator[AcmeMiner]:
    """Return a running device."""
    device = AcmeMiner()
    await device.start()
    yield device
    await device.stop()


@pytest.fixture
async def client(
    loaded: LoadedDriver[BaseMinerAdapter], device: AcmeMiner, context: DriverContext
) -> AsyncGenerator[MinerClient]:
    """Return the client of the device."""
    client = MinerClient(loaded.driver_class, context, "127.0.0.1", device.port)
    yield client
    await client.close()


def test_it_is_as_printed() -> None:
    """Given the fixture, it imports what HMM-Local had, not what HMM has."""
    lines = TEMPLATE.read_text(encoding="utf-8").splitlines()
    imports = [line for line in lines if line.startswith(("import ", "from "))]
    assert imports == [
        "import logging",
        "import aiohttp",
        "from typing import Optional, Dict, Any, List",
        "from adapters.base import BaseMinerAdapter",
    ]


def test_it_loads(loaded: LoadedDriver[BaseMinerAdapter]) -> None:
    """Given the template in the folder, it is a driver like any other."""
    assert loaded.version == "1.0.0"
    assert not loaded.bundled
    assert loaded.driver_class.display_name == "Template Miner"
    assert loaded.driver_class.hashrate_unit == "TH/s"
    assert loaded.driver_class.connection_type == "http"
    assert loaded.driver_class.default_port == 80
    assert "adapters" not in sys.modules


async def test_it_reads_the_device(client: MinerClient) -> None:
    """Given the device, its dict becomes telemetry, its features a profile."""
    telemetry = await client.poll()

    assert telemetry == MinerTelemetry(
        hashrate=1.2e12,
        temperature=61.5,
        power=18.4,
        uptime=3600,
        mode="medium",
        hashing=True,
    )
    profile = client.read_profile(telemetry, None)
    assert profile.modes == ("low", "medium", "high")
    assert profile.set_pool and profile.restart
    assert not (profile.pause or profile.select_pool or profile.identify)
    assert profile.tuning is None
    assert profile.facts == DeviceFacts(
        manufacturer="ACME Corp", model="Template Miner"
    )


async def test_it_steers_the_device(client: MinerClient, device: AcmeMiner) -> None:
    """Given commands, the device does them."""
    await client.set_mode("low")
    await client.set_pool("eu1.solopool.org:8004", "wallet.worker", "x")
    await client.restart()

    assert device.mode == "low"
    assert device.pool == {
        "url": "eu1.solopool.org:8004",
        "user": "wallet.worker",
        "pass": "x",
    }
    assert device.restarts == 1
    device.status = 500
    with pytest.raises(CommandFailed):
        await client.set_mode("high")
    with pytest.raises(CommandFailed):
        await client.pause()


async def test_it_comes_back(client: MinerClient, device: AcmeMiner) -> None:
    """Given a device that loses its power, polls fail until it is back."""
    await client.poll()
    await device.stop()
    with pytest.raises(CannotConnect):
        await client.poll()
    await device.start()
    assert (await client.poll()).hashrate == 1.2e12

    del device.telemetry["temp"]
    with pytest.raises(DriverFault, match="KeyError"):
        await client.poll()


async def test_it_knows_the_wrong_device(
    client: MinerClient,
    loaded: LoadedDriver[BaseMinerAdapter],
    device: AcmeMiner,
    bitaxe: SimulatedAxeOS,
    context: DriverContext,
) -> None:
    """Given another answer, another device or none, it says no."""
    device.status = 404
    assert not await client.connect()
    for port in (bitaxe.port, 1):
        other = MinerClient(loaded.driver_class, context, "127.0.0.1", port)
        assert not await other.connect()


async def test_it_is_detected_beside_the_bundled_drivers(
    loaded: LoadedDriver[BaseMinerAdapter],
    bundled: list[LoadedDriver[BaseMinerAdapter]],
    device: AcmeMiner,
    context: DriverContext,
) -> None:
    """Given a device that only it knows, it alone is found."""
    detection = await detect([*bundled, loaded], context, "127.0.0.1", device.port)

    assert [result.driver.driver_type for result in detection.devices] == ["template"]
    assert detection.error is None
    await detection.devices[0].client.close()
