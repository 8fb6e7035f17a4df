"""What the tests inside Home Assistant share."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
import logging
import time
from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import ATTR_UNIT_OF_MEASUREMENT
from homeassistant.core import HomeAssistant, State, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import device_registry as dr, entity_registry as er, event
from homeassistant.util import dt as dt_util
from homeassistant.util.async_ import get_scheduled_timer_handles
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.hmm.const import DOMAIN, FLEET_UNIQUE_ID
from custom_components.hmm.display_units import DIFFICULTY_UNITS
from custom_components.hmm.fleet.coordinator import FleetCoordinator
from custom_components.hmm.miner.coordinator import MinerCoordinator
from simulator import SimulatedAvalon, SimulatedNMMiner
from simulator.device import SimulatedDevice
from simulator.solopool import DEMO_WALLET, SimulatedSolopool

_MONOTONIC_RESOLUTION = time.get_clock_info("monotonic").resolution


def find_id(hass: HomeAssistant, entry: ConfigEntry, platform: str, key: str) -> str:
    """Return the id of an entity by its key; fails where there is none."""
    entity_id = find_maybe(hass, entry, platform, key)
    assert entity_id is not None, f"{entry.title} has no {platform} {key}"
    return entity_id


def find_maybe(
    hass: HomeAssistant, entry: ConfigEntry, platform: str, key: str
) -> str | None:
    """Return the id of an entity by its key, None where there is none."""
    return er.async_get(hass).async_get_entity_id(
        platform, DOMAIN, f"{entry.unique_id}_{key}"
    )


def find(hass: HomeAssistant, entry: ConfigEntry, platform: str, key: str) -> State:
    """Return the state object of an entity by its key."""
    entity_id = find_id(hass, entry, platform, key)
    state = hass.states.get(entity_id)
    assert state is not None, f"{entity_id} has no state"
    return state


def value(hass: HomeAssistant, entry: ConfigEntry, key: str) -> float:
    """Return the number that a sensor shows; a difficulty without its prefix."""
    shown = find(hass, entry, "sensor", key)
    unit = shown.attributes.get(ATTR_UNIT_OF_MEASUREMENT)
    return float(shown.state) * DIFFICULTY_UNITS.get(unit, 1)


def keys(hass: HomeAssistant, entry: ConfigEntry, platform: str) -> set[str]:
    """Return the keys of all entities that an entry has on a platform."""
    return {
        entity.unique_id.removeprefix(f"{entry.unique_id}_")
        for entity in er.async_entries_for_config_entry(
            er.async_get(hass), entry.entry_id
        )
        if entity.domain == platform
    }


def devices(hass: HomeAssistant, entry: ConfigEntry) -> list[dr.DeviceEntry]:
    """Return the devices of an entry."""
    return dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)


def identity(device: SimulatedDevice) -> str:
    """Return the id that the config flow gives to the entry of a device."""
    match device:
        case SimulatedNMMiner():
            return device.hostname.lower()
        case SimulatedAvalon() if device.model.oui is None:
            return device.serial  # it does not tell its MAC
    return device.mac.lower()


def about(caplog: pytest.LogCaptureFixture, name: str) -> list[logging.LogRecord]:
    """Return what HMM told about a miner, not only to a developer."""
    return [
        record
        for record in caplog.records
        if record.name.startswith("custom_components.hmm")
        and record.levelno >= logging.INFO
        and name in record.getMessage()
    ]


async def poll(hass: HomeAssistant, entry: ConfigEntry[Any]) -> MinerCoordinator:
    """Poll a miner (or pool) now, without waiting for its timer."""
    coordinator: MinerCoordinator = entry.runtime_data
    await coordinator.async_refresh()
    await hass.async_block_till_done()
    return coordinator


@callback
def fire_time_changed(hass: HomeAssistant, at: datetime | None = None) -> None:
    """Run what is due by a time, as the function of Home Assistant's tests does.

    That one makes two new mocks for each timer, which takes longer than most timers.
    """
    at = (at or dt_util.utcnow()) + timedelta(microseconds=event.RANDOM_MICROSECOND_MAX)
    timestamp = at.timestamp()
    with (
        patch.object(event, "time_tracker_utcnow", lambda: at),
        patch.object(event, "time_tracker_timestamp", lambda: timestamp),
    ):
        # To ask a frozen clock of each timer took longer than most of them, too
        due = hass.loop.time() + (at - dt_util.utcnow()).total_seconds()
        for handle in list(get_scheduled_timer_handles(hass.loop)):
            if not handle.cancelled() and handle.when() - _MONOTONIC_RESOLUTION <= due:
                handle._run()
                handle.cancel()


async def later(hass: HomeAssistant, seconds: float) -> None:
    """Let everything happen that is due within this many seconds."""
    fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=seconds))
    await hass.async_block_till_done(wait_background_tasks=True)


async def act(
    hass: HomeAssistant, domain: str, action: str, entity_id: str, **data: Any
) -> None:
    """Run an action on one entity and wait for its end."""
    await hass.services.async_call(
        domain, action, {"entity_id": entity_id, **data}, blocking=True
    )


async def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Wait until something is so; fails when that takes far too long."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


def fleet_entry(hass: HomeAssistant) -> ConfigEntry[FleetCoordinator]:
    """Return the entry of the hub."""
    hub = hass.config_entries.async_entry_for_domain_unique_id(DOMAIN, FLEET_UNIQUE_ID)
    assert hub is not None
    return hub


def pool_entry(
    pool: SimulatedSolopool, wallet: str = DEMO_WALLET, **kwargs: Any
) -> MockConfigEntry:
    """Return an entry for an account at a simulated Solopool."""
    return MockConfigEntry(
        domain=DOMAIN,
        title=kwargs.pop("title", "Solopool"),
        unique_id=f"solopool_{pool.coin_name}_{wallet}",
        data={
            "entry_type": "pool",
            "driver": "solopool",
            "host": "eu1.solopool.org",
            "port": 8004,
            "coin": pool.coin_name.upper(),
            "wallet": wallet,
            "pool_settings": {"api_base": f"http://127.0.0.1:{pool.port}/api"},
            **kwargs.pop("data", {}),
        },
        **kwargs,
    )


@contextmanager
def refused(
    key: str, kind: type[HomeAssistantError] = ServiceValidationError
) -> Iterator[None]:
    """Expect an action to be refused, with the reason that is translated as this."""
    with pytest.raises(kind) as caught:
        yield
    assert caught.value.translation_key == key
