"""Drivers of HMM-Local that are known to do harm are told from others."""

from pathlib import Path

import pytest

from custom_components.hmm.driver_api import CommandFailed, DriverContext
from custom_components.hmm.driver_engine.client import MinerClient
from custom_components.hmm.driver_engine.legacy.dangers import Danger, known_dangers
from custom_components.hmm.driver_engine.loader import BUNDLED, load_drivers
from simulator import SimulatedAxeOS
from tests.common import until

FIXTURES = Path(__file__).parents[2] / "fixtures" / "drivers"


def dangers(source: str, name: str = "bitaxe_driver.py") -> list[Danger]:
    """Return what a file with this source does, the worst first."""
    return list(known_dangers(source, Path("drivers", name)))


TELEMETRY = """
    async def get_telemetry(self):
        data = await self._get("/api/system/info")
        return {"voltage": data["voltage"], "stratumURL": data["stratumURL"]}
"""

MODES = f"""
class Driver(MinerAdapter):
    {TELEMETRY}
    async def set_mode(self, mode):
        config = {{
            "eco": {{"frequency": 400, "voltage": 1100}},
            "oc": {{"frequency": 625, "voltage": 1250}},
        }}[mode]
        async with aiohttp.ClientSession() as session:
            async with session.patch(self.url + "/api/system", json=config) as answer:
                return answer.status == 200
"""

MODES_IN_A_TABLE = f"""
PRESETS: dict = {{"eco": dict(frequency=400, voltage=1100)}}


class Driver(MinerAdapter):
    {TELEMETRY}
    async def set_mode(self, mode):
        return await self._send(PRESETS[mode])

    async def _send(self, config):
        url = f"http://{{self.ip}}/api/system"
        async with self.session.request("PATCH", url, json=config) as answer:
            return answer.status == 200
"""

MODES_BY_STEPS = f"""
class Driver(MinerAdapter):
    {TELEMETRY}
    async def apply_custom_settings(self, settings):
        body = {{}}
        body["frequency"] = settings["frequency"]
        body["voltage"] = settings["voltage"]
        return await self._patch_system("/api/system", body)
"""

MODES_BY_NAME = """
class Driver(MinerAdapter):
    base = "/api/system"

    async def set_mode(self, mode):
        return await self.patch(frequency=400, voltage=1100)
"""

MODES_AS_THEY_SHOULD_BE = f"""
class Driver(MinerAdapter):
    PRESETS = {{"eco": {{"frequency": 400, "voltage": 1100}}}}
    {TELEMETRY}
    async def set_mode(self, mode):
        preset = self.PRESETS[mode]
        config = {{"frequency": preset["frequency"], "coreVoltage": preset["voltage"]}}
        async with self.session.patch("http://x/api/system", json=config) as answer:
            if answer.status != 200:
                return False
        return (await self.get_telemetry())["voltage"] > 0
"""

NO_MODES = f"""
class Driver(MinerAdapter):
    {TELEMETRY}
    async def set_mode(self, mode):
        async with self.session.patch("/api/system", json={{"frequency": 4}}):
            return True
"""

OTHER_DEVICE = """
class Driver(MinerAdapter):
    async def set_mode(self, mode):
        return await self.session.patch("/api/power", json={"voltage": 12})
"""

POOL = f"""
class Driver(MinerAdapter):
    {TELEMETRY}
    async def switch_pool(self, pool_url, pool_port, pool_user, pool_password):
        async with aiohttp.ClientSession() as session:
            async with session.patch(
                "http://x/api/system",
                json={{"stratumURL": pool_url, "stratumPort": pool_port}},
            ) as answer:
                if answer.status != 200:
                    return False
        return await self.restart()

    async def restart(self):
        async with aiohttp.ClientSession() as session:
            async with session.post("http://x/api/system/restart") as answer:
                return answer.status == 200
"""

POOL_BY_HELPERS = """
class Driver(BaseMinerAdapter):
    driver_type = "bitaxe"

    async def set_pool(self, url, user, password):
        await self._write({"stratumURL": url, "stratumUser": user})
        return await self._call("POST", "/api/system/restart")

    async def _write(self, body):
        return await self._call("PATCH", "/api/system", body)
"""

POOL_OF_BOTH = POOL.replace(
    "        async with aiohttp.ClientSession() as session:\n"
    "            async with session.patch(",
    "        if await self.has_pools():\n"
    '            return await self._patch({"pools": [{"stratumURL": pool_url}]})\n'
    "        async with aiohttp.ClientSession() as session:\n"
    "            async with session.patch(",
    1,
)

POOL_WITHOUT_RESTART = POOL.replace("await self.restart()", "True")


@pytest.mark.parametrize(
    ("source", "danger"),
    [
        (MODES, "writes_input_voltage"),
        (MODES_IN_A_TABLE, "writes_input_voltage"),
        (MODES_BY_STEPS, "writes_input_voltage"),
        (MODES_BY_NAME, "writes_input_voltage"),
        (MODES + POOL, "writes_input_voltage"),
        (MODES_AS_THEY_SHOULD_BE, None),
        (NO_MODES, None),
        (OTHER_DEVICE, None),
        (POOL, "pool_switch_restarts"),
        (POOL_BY_HELPERS, "pool_switch_restarts"),
        (POOL_OF_BOTH, None),
        (POOL_WITHOUT_RESTART, None),
        ("'/api/system'\nthis is no Python", None),
        ("x = '/api/system'\0", None),
        ("", None),
    ],
)
def test_dangers(source: str, danger: str | None) -> None:
    """Given a way to write something, it is known whether it does harm."""
    assert next(iter(dangers(source)), None) == danger


def test_several_dangers() -> None:
    """Given a driver with both, both are told."""
    assert dangers(POOL + MODES) == ["writes_input_voltage", "pool_switch_restarts"]
    # With the lines where they are
    source = POOL + MODES
    assert [
        source.splitlines()[line - 1].strip()
        for line in known_dangers(source, Path()).values()
    ] == [
        '"eco": {"frequency": 400, "voltage": 1100},',
        'json={"stratumURL": pool_url, "stratumPort": pool_port},',
    ]


def test_a_nerdqaxe_takes_pools_that_way() -> None:
    """Given the same for NerdQAxe, whose firmware did not change, it is fine."""
    assert dangers(POOL, "nerdqaxe_driver.py") == []
    typed = POOL.replace("    async", '    miner_type = "nerdqaxe"\n    async', 1)
    assert dangers(typed, "mine_driver.py") == []
    assert dangers(MODES, "nerdqaxe_driver.py") == ["writes_input_voltage"]


@pytest.mark.parametrize(
    "path",
    [
        *BUNDLED.glob("*.py"),
        *BUNDLED.glob("*/*_driver.py"),
        *FIXTURES.glob("*.py"),
    ],
    ids=lambda path: path.stem,
)
def test_no_false_alarm(path: Path) -> None:
    """Given the bundled drivers and those of authors who knew, none is dangerous."""
    assert dangers(path.read_text(encoding="utf-8"), path.name) == []


OLD_BITAXE = """
import aiohttp
from adapters.base import MinerAdapter, MinerTelemetry


class BitaxeAdapter(MinerAdapter):
    async def get_telemetry(self):
        info = await self._call("get", "/info")
        pool = f"{info['stratumURL']}:{info['stratumPort']}"
        extra = {"version": info["version"], "current_mode": None}
        rate = info["hashRate"]
        return MinerTelemetry(hashrate=rate, pool_in_use=pool, extra_data=extra)

    async def switch_pool(self, pool_url, pool_port, pool_user, pool_password):
        pool = {
            "stratumURL": pool_url,
            "stratumPort": pool_port,
            "stratumUser": f"{pool_user}.{self.miner_name}",
            "stratumPassword": pool_password,
        }
        async with aiohttp.ClientSession() as session:
            url = f"http://{self.ip_address}:{self.port}/api/system"
            async with session.patch(url, json=pool) as answer:
                if answer.status != 200:
                    return False
        return await self.restart()

    async def restart(self):
        return await self._call("post", "/restart") is not None

    async def _call(self, method, path):
        url = f"http://{self.ip_address}:{self.port}/api/system{path}"
        async with aiohttp.ClientSession() as session:
            async with session.request(method, url) as answer:
                return await answer.json(content_type=None) if method == "get" else 1
"""


@pytest.mark.parametrize("generation", ["2.5", "2.15"])
async def test_a_restart_in_vain_is_refused(
    tmp_path: Path, context: DriverContext, generation: str
) -> None:
    """Given an old driver, a new firmware is left in peace, an old one is served."""
    path = tmp_path / "drivers" / "miners" / "bitaxe_driver.py"
    path.parent.mkdir(parents=True)
    path.write_text(OLD_BITAXE)
    driver = load_drivers(tmp_path / "hmm").miners["bitaxe"].driver_class
    async with SimulatedAxeOS(
        generation=generation, reboot_seconds=0.1, restart_delay=0.1
    ) as device:
        client = MinerClient(driver, context, "127.0.0.1", device.port)
        if generation == "2.15":
            with pytest.raises(CommandFailed, match="too old for this firmware"):
                await client.set_pool("pool.example:1", "wallet.worker", "x")
            assert device.boots == 1 and not device.writes
        else:
            await client.set_pool("pool.example:1", "wallet.worker", "x")
            await until(lambda: device.boots == 2 and device.online)
            pool = (await client.poll()).active_pool
            assert pool is not None and pool.url == "pool.example:1"
        await client.close()


def test_it_is_noted_at_the_driver(tmp_path: Path) -> None:
    """Given a dangerous file, its driver works and says so."""
    folder = tmp_path / "drivers" / "miners"
    folder.mkdir(parents=True)
    head = "import aiohttp\nfrom adapters.base import MinerAdapter\n"
    (folder / "bitaxe_driver.py").write_text(head + MODES)
    (folder / "fine_driver.py").write_text(head + MODES_AS_THEY_SHOULD_BE)
    drivers = load_drivers(tmp_path / "hmm")
    assert drivers.failed == []
    dangers = {
        kind: getattr(driver.driver_class, "danger", None)
        for kind, driver in drivers.miners.items()
    }
    assert dangers.pop("bitaxe") == "writes_input_voltage"
    assert "fine" in dangers
    assert not any(dangers.values())
