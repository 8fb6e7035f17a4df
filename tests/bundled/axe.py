"""Drivers of AxeOS and its relatives, connected to simulated devices."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from custom_components.hmm.bundled.shared.axeos import AxeDriver, make_modes
from custom_components.hmm.driver_api import DriverContext, MinerTelemetry, PoolSlot
from simulator.esp_miner import EspMiner

USER = "bc1qsomebody.worker"


BITAXE_INFO: dict[str, Any] = {
    "ASICModel": "BM1370",
    "boardVersion": "601",
    "macAddr": "24:58:7C:00:11:22",
    "hashRate": 1050.5,
    "expectedHashrate": 1071,
    "frequency": 525,
    "coreVoltage": 1150,
    "coreVoltageActual": 1141,
    "smallCoreCount": 2040,
    "asicCount": 1,
    "temp": 58.5,
    "vrTemp": 66,
    "power": 17.2,
    "voltage": 5050,
    "current": 10500,
    "uptimeSeconds": 4000,
    "sharesAccepted": 120,
    "sharesRejected": 1,
    "stratumURL": "public-pool.io",
    "stratumPort": 21496,
    "stratumUser": USER,
    "fallbackStratumURL": "stratum+tcp://solo.ckpool.org/",
    "fallbackStratumPort": 3333,
    "fallbackStratumUser": "",
    "isUsingFallbackStratum": 0,
    "version": "v2.9.0-3-gb5d1e36-dirty",
}
"""What an AxeOS of about 2.9 reports; made from the key lists, not a capture."""

NERDQAXE_INFO: dict[str, Any] = {
    "ASICModel": "BM1370",
    "deviceModel": "NerdOCTAXE-γ",
    "macAddr": "24:58:7C:00:11:33",
    "asicCount": 8,
    "smallCoreCount": 2040,
    "hashRateTimestamp": 123456,
    "hashRate": 9700.5,
    "frequency": 600,
    "coreVoltage": 1150,
    "coreVoltageActual": 1142,
    "defaultFrequency": 590,
    "defaultCoreVoltage": 1140,
    "temp": 58.5,
    "vrTemp": 61,
    "overheat_temp": 70,
    "power": 160.2,
    "voltage": 12000,
    "current": 13350,
    "uptimeSeconds": 4000,
    "sharesAccepted": 120,
    "sharesRejected": 1,
    "stratumURL": "public-pool.io",
    "stratumPort": 21496,
    "stratumUser": USER,
    "fallbackStratumURL": "solo.ckpool.org",
    "fallbackStratumPort": 3333,
    "fallbackStratumUser": USER,
    "isUsingFallbackStratum": False,
    "isStratumConnected": True,
    "version": "v1.0.31",
}
"""What a release of about 1.0.31 reports; made from the key lists, no capture."""


async def connected[D: AxeDriver](
    kind: type[D], session: aiohttp.ClientSession, device: EspMiner, **options: Any
) -> D:
    """Return a driver that knows its device."""
    driver = kind()
    driver.attach(DriverContext(session=session, options=options))
    assert await driver.connect(device.host, device.port)
    return driver


@asynccontextmanager
async def running[D: AxeDriver, S: EspMiner](
    kind: type[D], device: S, **options: Any
) -> AsyncGenerator[tuple[S, D]]:
    """Run a device with a driver that knows it."""
    async with device, aiohttp.ClientSession() as session:
        yield device, await connected(kind, session, device, **options)


def read(kind: type[AxeDriver], info: dict[str, Any]) -> MinerTelemetry:
    """Return what a driver makes of one answer."""
    driver = kind()
    driver._options = driver._read_options(info)
    driver._modes = make_modes(driver._options)
    driver._info = info
    return driver._telemetry(info)


def active(telemetry: MinerTelemetry) -> PoolSlot:
    """Return the pool that is mined at."""
    assert telemetry.active_pool is not None
    return telemetry.active_pool
