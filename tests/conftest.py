"""Fixtures for tests inside Home Assistant."""

from collections.abc import AsyncIterator, Callable, Iterator
import socket
from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.hmm.const import DOMAIN
from simulator import SimulatedAxeOS
from simulator.device import SimulatedDevice


@pytest.fixture
def home(
    hass: HomeAssistant, socket_enabled: None, enable_custom_integrations: None
) -> Iterator[HomeAssistant]:
    """Return Home Assistant, allowed to talk to simulators on 127.0.0.1."""
    with patch("custom_components.hmm.discovery.BROADCAST_PORT", free_udp_port()):
        yield hass


def free_udp_port() -> int:
    """Return a UDP port that nothing listens on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
async def bitaxe(socket_enabled: None) -> AsyncIterator[SimulatedAxeOS]:
    """Return a running Bitaxe Gamma with the newest AxeOS."""
    async with SimulatedAxeOS(
        generation="2.15", model="gamma", reboot_seconds=0.2, restart_delay=0.1
    ) as device:
        yield device


def miner_entry(
    device: SimulatedDevice,
    driver: str,
    unique_id: str | None = None,
    **kwargs: Any,
) -> MockConfigEntry:
    """Return an entry for a simulated miner, as the config flow makes it."""
    return MockConfigEntry(
        domain=DOMAIN,
        title=kwargs.pop("title", driver.title()),
        unique_id=unique_id or device.mac.lower(),
        data={
            "entry_type": "miner",
            "driver": driver,
            "host": "127.0.0.1",
            "port": device.port,
            **kwargs.pop("data", {}),
        },
        **kwargs,
    )


async def set_up(hass: HomeAssistant, entry: MockConfigEntry) -> ConfigEntry[Any]:
    """Add an entry and set it up."""
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    return entry


type EntryMaker = Callable[..., MockConfigEntry]
