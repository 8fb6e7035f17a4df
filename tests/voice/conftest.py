"""A house with miners to talk about."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any
from unittest.mock import patch

from hassil import intents
from homeassistant.components.homeassistant.exposed_entities import async_expose_entity
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import area_registry as ar, device_registry as dr
import pytest

from simulator import SimulatedAxeOS, SimulatedSolopool
from simulator.solopool import DEMO_WALLET
from tests.common import devices, find_id, later, poll, pool_entry
from tests.conftest import miner_entry, set_up

from .talk import start_assist


@pytest.fixture(scope="package", autouse=True)
def sentences_are_parsed_once() -> Iterator[None]:
    """Parse the sentences of seven languages once, and not for each test: a quarter of the time."""
    with patch.object(intents, "parse_sentence", cache(intents.parse_sentence)):
        yield


@dataclass
class House:
    """A Bitaxe in the garage, a NerdQAxe with its marks, one in the shed that is off."""

    hass: HomeAssistant
    gamma: SimulatedAxeOS
    nerd: SimulatedAxeOS
    shed: SimulatedAxeOS
    miners: list[ConfigEntry[Any]]
    pool: ConfigEntry[Any]


@pytest.fixture
async def house(home: HomeAssistant) -> AsyncIterator[House]:
    """Set up the house; its miner in the shed went off a while ago."""
    await start_assist(home)
    async with (
        SimulatedAxeOS(name="gamma", reboot_seconds=0.2, restart_delay=0.1) as gamma,
        SimulatedAxeOS(name="nerd", best_ever=1.2e6) as nerd,
        SimulatedAxeOS(name="shed", best_ever=13.8e9) as shed,
        SimulatedSolopool(wallets={DEMO_WALLET: {"gamma": 1e8}}) as pool,
    ):
        for device in (gamma, nerd, shed):
            device.miner.speed = 0
        miners = [
            await set_up(home, miner_entry(gamma, "bitaxe", title="Bitaxe Gamma")),
            await set_up(home, miner_entry(nerd, "bitaxe", title="NerdQAxe++")),
            await set_up(home, miner_entry(shed, "bitaxe", title="Shed")),
        ]
        account = await set_up(home, pool_entry(pool))
        (device,) = devices(home, miners[0])
        garage = ar.async_get(home).async_create("Garage")
        dr.async_get(home).async_update_device(device.id, area_id=garage.id)
        # As the page says: a restart is only for voice if its owner exposes it
        restart = find_id(home, miners[0], "button", "restart")
        async_expose_entity(home, "conversation", restart, True)
        # Home Assistant has not only just started
        for miner in miners:
            miner.runtime_data.status.began = None
        await shed.unplug()
        for _ in range(2):
            await poll(home, miners[2])
        await later(home, 40)
        yield House(home, gamma, nerd, shed, miners, account)
