"""Driver files for the tests of what happens to driver files."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.hmm.const import DOMAIN
from custom_components.hmm.driver_engine.loader import BUNDLED

BITAXE = BUNDLED / "miner_drivers" / "bitaxe_driver.py"

ACME = '''
"""The Acme miner."""

# Changelog
# {version}: as good as new

from custom_components.hmm.driver_api import BaseMinerAdapter


class AcmeDriver(BaseMinerAdapter):
    """Talks to no miner at all."""

    driver_type = "{driver_type}"
    driver_version = "{version}"
    display_name = "Acme One"

    async def connect(self, ip, port=None):
        return True

    async def get_telemetry(self):
        return {{"hashrate": {hashrate}}}

    async def get_pool_info(self):
        return {{}}

    async def set_mode(self, mode):
        return True

    async def restart(self):
        return True
'''


def acme(version: str = "1.0.0", driver_type: str = "acme", hashrate: int = 1) -> str:
    """Return a driver whose miner hashes at so many TH/s."""
    return ACME.format(
        version=version, driver_type=driver_type, hashrate=hashrate * 10**12
    )


def broken(text: str) -> str:
    """Return a driver that can be read, but not be loaded."""
    return f"{text}\nraise RuntimeError('no')\n"


def sum_of(text: str) -> str:
    """Return the checksum of a file."""
    return hashlib.sha256(text.encode()).hexdigest()


def acme_entry(driver: str = "acme") -> MockConfigEntry:
    """Return an entry of a miner that exists in its driver alone."""
    return MockConfigEntry(
        domain=DOMAIN,
        title="Acme",
        unique_id="acme1",
        data={
            "entry_type": "miner",
            "driver": driver,
            "host": "127.0.0.1",
            "port": None,
        },
    )


async def put(home: HomeAssistant, name: str, text: str) -> Path:
    """Put a file into the folder; nothing loads it yet."""
    path = Path(home.config.path(DOMAIN, name))

    def write() -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    await home.async_add_executor_job(write)
    return path


async def read(path: Path) -> str:
    """Return what is in a file."""
    return await asyncio.to_thread(path.read_text, encoding="utf-8")


async def names(home: HomeAssistant, folder: str = "") -> set[str]:
    """Return all files below a folder of the folder."""
    root = Path(home.config.path(DOMAIN, folder))

    def look() -> set[str]:
        result = (path for path in root.rglob("*") if path.is_file())
        return {path.relative_to(root).as_posix() for path in result}

    return await home.async_add_executor_job(look)


async def start(home: HomeAssistant) -> None:
    """Set HMM up."""
    assert await async_setup_component(home, DOMAIN, {})
    await home.async_block_till_done(wait_background_tasks=True)


async def do(home: HomeAssistant, action: str, **data: Any) -> dict[str, Any]:
    """Run an action of HMM and return its answer."""
    answer = await home.services.async_call(
        DOMAIN, action, data, blocking=True, return_response=True
    )
    await home.async_block_till_done(wait_background_tasks=True)
    assert isinstance(answer, dict)
    return answer
