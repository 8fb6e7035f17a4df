"""What the tests of the driver engine share."""

from pathlib import Path

import aiohttp
import pytest

from custom_components.hmm.bundled.miner_drivers.nmminer_driver import NMMinerDriver
from custom_components.hmm.bundled.shared.axeos import AxeDriver
from custom_components.hmm.driver_api import BaseMinerAdapter, DriverContext
from custom_components.hmm.driver_api.transports.cgminer import CgminerClient
from custom_components.hmm.driver_engine.loaded import LoadedDriver
from custom_components.hmm.driver_engine.loader import load_drivers
from tests.conftest import free_udp_port


@pytest.fixture
def context(session: aiohttp.ClientSession) -> DriverContext:
    """Return what a driver is provided with."""
    return DriverContext(session=session, options={})


@pytest.fixture
def bundled(
    tmp_path: Path, socket_enabled: None, monkeypatch: pytest.MonkeyPatch
) -> list[LoadedDriver[BaseMinerAdapter]]:
    """Return the bundled miner drivers, less patient than with real devices."""
    monkeypatch.setattr(NMMinerDriver, "udp_port", free_udp_port())
    monkeypatch.setattr(NMMinerDriver, "listen_seconds", 0.3)
    monkeypatch.setattr(CgminerClient, "answer_timeout", 0.5)
    monkeypatch.setattr(AxeDriver, "answer_timeout", 0.5)
    return list(load_drivers(tmp_path / "nowhere").miners.values())
