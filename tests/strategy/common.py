"""What the tests of strategies inside Home Assistant share."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import device_registry as dr, entity_registry as er

from custom_components.hmm.const import DOMAIN
from custom_components.hmm.data import get_data
from custom_components.hmm.strategy.manager import STARTUP_SECONDS, StrategyManager
from custom_components.hmm.strategy.strategy import Strategy
from tests.common import fleet_entry, later

PRICE = "sensor.price"

BANDS: Mapping[str, Any] = {
    "miners": [],
    "price_entity": PRICE,
    "price_unit": "ct/kWh",
    "entity_ids": {},
    "by": "price",
    "bands": [
        {"id": "cheap", "band_name": "Cheap", "upto": 20.0, "rung": "highest"},
        {"id": "normal", "band_name": "Normal", "upto": 30.0, "rung": "mode:eco"},
        {"id": "dear", "band_name": "Expensive", "rung": "off"},
    ],
    "dead_band": 2,
    "min_time": 5,
    "look_ahead": True,
    "max_switches": 12,
    "fallback": "keep",
    "stagger": 0,
    "start": "steer",
}
"""Three bands as the dialog stores them."""


def price(hass: HomeAssistant, value: object, unit: str = "ct/kWh") -> None:
    """Let the price sensor say something."""
    hass.states.async_set(PRICE, str(value), {"unit_of_measurement": unit})


async def add(
    hass: HomeAssistant,
    kind: str,
    data: Mapping[str, Any],
    title: str = "Bands",
) -> Strategy:
    """Add a strategy as its dialog does."""
    fleet = fleet_entry(hass)
    subentry = ConfigSubentry(
        data=MappingProxyType({**data}),
        subentry_type=kind,
        title=title,
        unique_id=None,
    )
    hass.config_entries.async_add_subentry(fleet, subentry)
    await hass.async_block_till_done(wait_background_tasks=True)
    return manager(hass).strategies[subentry.subentry_id]


def manager(hass: HomeAssistant) -> StrategyManager:
    """Return what runs the strategies."""
    return get_data(hass).strategies


async def begin(hass: HomeAssistant) -> None:
    """Let the time pass in which Home Assistant has only just started."""
    await hass.async_block_till_done(wait_background_tasks=True)
    await later(hass, STARTUP_SECONDS + 1)
    await settle(hass)


async def follow(
    hass: HomeAssistant, cents: object, settings: Mapping[str, Any] = BANDS
) -> Strategy:
    """Add price bands at a price, and let them steer."""
    price(hass, cents)
    strategy = await add(hass, "price_bands", settings)
    await begin(hass)
    return strategy


@asynccontextmanager
async def down(hass: HomeAssistant, *miners: ConfigEntry[Any]) -> AsyncGenerator[None]:
    """Let the fleet and these miners be down for what happens inside."""
    await manager(hass).store.async_save()
    fleet = fleet_entry(hass)
    for it in (fleet, *miners):
        assert await hass.config_entries.async_unload(it.entry_id)
    yield
    await manager(hass).store.async_load()
    for it in (*miners, fleet):
        assert await hass.config_entries.async_setup(it.entry_id)


async def settle(hass: HomeAssistant, times: int = 3) -> None:
    """Let what happened be decided, done and decided again."""
    for _ in range(times):
        await later(hass, 2)


async def wait(hass: HomeAssistant, freezer: Any, minutes: float) -> None:
    """Let time pass for the clocks too."""
    freezer.tick(timedelta(minutes=minutes))
    await later(hass, 0)
    await settle(hass)


def state_of(hass: HomeAssistant, strategy: Strategy, platform: str, key: str) -> State:
    """Return a state of a strategy's device."""
    entity_id = er.async_get(hass).async_get_entity_id(
        platform, DOMAIN, f"{strategy.id}_{key}"
    )
    assert entity_id is not None, f"{platform} {key}"
    state = hass.states.get(entity_id)
    assert state is not None, entity_id
    return state


def device_of(hass: HomeAssistant, strategy: Strategy) -> dr.DeviceEntry:
    """Return the device of a strategy."""
    device = dr.async_get(hass).async_get_device_by_identifier(
        (DOMAIN, strategy.id), fleet_entry(hass).entry_id
    )
    assert device is not None
    return device
