"""In dear hours one of two real simulated miners runs; it fails, and is replaced."""

from collections.abc import AsyncIterator
from typing import Any

from homeassistant.components.diagnostics import REDACTED
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
import pytest

from custom_components.hmm.diagnostics import async_get_config_entry_diagnostics
from custom_components.hmm.strategy.strategy import Strategy
from simulator import SimulatedAxeOS
from tests.common import find, fleet_entry, poll
from tests.conftest import miner_entry, set_up

from .common import BANDS, PRICE, add, begin, down, manager, price, state_of, wait

pytestmark = pytest.mark.usefixtures("quick")

CHAMPION = {
    "miners": [],
    "entity_ids": {},
    "price_entity": PRICE,
    "price_unit": "ct/kWh",
    "above": 30,
    "rung": "lowest",
    "reserve": "off",
    "replace_after": 6,
    "dead_band": 2,
    "min_time": 5,
    "look_ahead": True,
    "max_switches": 12,
    "stagger": 0,
    "start": "steer",
}
"""A strategy as the dialog stores it, with short times."""


@pytest.fixture
async def axe(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> ConfigEntry[Any]:
    """Set up a Bitaxe, the more efficient one, and the fleet beside it."""
    return await set_up(home, miner_entry(bitaxe, "bitaxe", title="Axe"))


@pytest.fixture
async def old(
    home: HomeAssistant, axe: ConfigEntry[Any]
) -> AsyncIterator[ConfigEntry[Any]]:
    """Set up an older one beside it, which needs more for a terahash."""
    async with SimulatedAxeOS(
        generation="2.15", model="ultra", reboot_seconds=0.2, restart_delay=0.1
    ) as device:
        yield await set_up(home, miner_entry(device, "bitaxe", title="Old"))


def says(hass: HomeAssistant, strategy: Strategy) -> str:
    """Return what the strategy says, without a gap."""
    status = state_of(hass, strategy, "sensor", "state")
    text: str = status.attributes["explanation"]
    assert "…" not in text
    assert "strategy_" not in text
    return text


def shown(hass: HomeAssistant, strategy: Strategy) -> str:
    """Return who is shown as the champion."""
    return state_of(hass, strategy, "sensor", "champion").state


async def let_pass(
    hass: HomeAssistant, freezer: Any, minutes: int, *entries: ConfigEntry[Any]
) -> None:
    """Let minutes pass, with a poll of each miner in every one."""
    for _ in range(minutes):
        for entry in entries:
            await poll(hass, entry)
        await wait(hass, freezer, 1)


def is_off(entry: ConfigEntry[Any]) -> bool:
    """Return whether a miner rests."""
    return (
        manager(entry.runtime_data.hass)._miners[entry.entry_id].view.reported == "off"
    )


async def test_dear_hours(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    axe: ConfigEntry[Any],
    old: ConfigEntry[Any],
    freezer: Any,
) -> None:
    """The efficient one runs low, the other one rests; later all is as it was."""
    price(home, 25)
    before = [it.runtime_data.tuning.current for it in (axe, old)]
    strategy = await add(home, "champion", CHAMPION, title="Best")
    await begin(home)
    assert says(home, strategy) == "No champion: the price is below 30.0 ct/kWh."
    assert shown(home, strategy) == "none"
    price(home, 35)
    await let_pass(home, freezer, 6, axe, old)
    assert shown(home, strategy) == "Axe"
    ranking = state_of(home, strategy, "sensor", "champion").attributes["ranking"]
    assert ranking == ["Axe", "Old"]
    assert says(home, strategy).startswith("Only Axe runs (1")
    assert says(home, strategy).endswith(" J/TH). Other miners off: 1.")
    assert axe.runtime_data.tuning.current == "eco"
    assert is_off(old)
    assert find(home, old, "sensor", "controlled_by").state == "champion"
    # It has no figures now, and keeps its place by those that it had
    assert manager(home)._miners[old.entry_id].view.efficiency is not None
    price(home, 25)
    await let_pass(home, freezer, 12, axe, old)
    assert [it.runtime_data.tuning.current for it in (axe, old)] == before
    assert not is_off(old)
    event = state_of(home, strategy, "event", "decision")
    assert event.attributes["event_type"] == "changed"


async def test_a_champion_that_fails(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    axe: ConfigEntry[Any],
    old: ConfigEntry[Any],
    freezer: Any,
) -> None:
    """After six minutes without mining the next one runs, and says why."""
    price(home, 35)
    strategy = await add(home, "champion", CHAMPION, title="Best")
    await begin(home)
    await let_pass(home, freezer, 2, axe, old)
    assert is_off(old)
    await bitaxe.stop()
    await let_pass(home, freezer, 5, axe, old)
    assert shown(home, strategy) == "Axe"
    await let_pass(home, freezer, 6, axe, old)
    assert shown(home, strategy) == "Old"
    assert says(home, strategy) == "Old replaces Axe: it does not mine."
    assert not is_off(old)


async def test_home_assistant_restarts_in_dear_hours(
    home: HomeAssistant,
    axe: ConfigEntry[Any],
    old: ConfigEntry[Any],
    freezer: Any,
    hass_storage: dict[str, Any],
) -> None:
    """Who was champion stays it, and the figures of the other one are kept."""
    price(home, 35)
    await add(home, "champion", CHAMPION, title="Best")
    await begin(home)
    await let_pass(home, freezer, 2, axe, old)
    figures = manager(home).store.miners[old.entry_id].efficiency
    assert figures is not None
    async with down(home, axe, old):
        pass
    await begin(home)
    (strategy,) = manager(home).strategies.values()
    assert shown(home, strategy) == "Axe"
    assert manager(home).store.miners[old.entry_id].efficiency == figures
    assert is_off(old)


async def test_it_follows_a_band(
    home: HomeAssistant, axe: ConfigEntry[Any], old: ConfigEntry[Any], freezer: Any
) -> None:
    """In the band of another strategy; the others then do what it says for them."""
    price(home, 25)
    bands = await add(home, "price_bands", BANDS)
    follows = {
        **{key: it for key, it in CHAMPION.items() if key != "above"},
        "band_of": bands.id,
        "band": "dear",
        "reserve": "lowest",
    }
    strategy = await add(home, "champion", follows, title="Best")
    await begin(home)
    assert says(home, strategy) == "No champion: it is in “Normal”."
    price(home, 35)
    await let_pass(home, freezer, 7, axe, old)
    assert says(home, strategy).startswith("Axe is champion (1")
    facts = await async_get_config_entry_diagnostics(home, fleet_entry(home))
    prices, best = facts["strategies"]
    assert [it["band_name"] for it in prices["settings"]["bands"]] == 3 * [REDACTED]
    assert best["memory"]["champion"] == axe.entry_id
    assert best["decision"]["sentence"] == "champion_low"
    assert set(best["decision"]["wishes"]) == {axe.entry_id, old.entry_id}
    assert axe.runtime_data.tuning.current == "eco"
    assert old.runtime_data.tuning.current == "eco"
    # Without a band it waits, then stays as it is
    price(home, "unavailable")
    home.config_entries.async_remove_subentry(fleet_entry(home), bands.id)
    await let_pass(home, freezer, 3, axe, old)
    assert shown(home, strategy) == "Axe"


async def test_a_price_that_is_gone(
    home: HomeAssistant, axe: ConfigEntry[Any], old: ConfigEntry[Any], freezer: Any
) -> None:
    """Nothing begins without a price."""
    price(home, "unavailable")
    strategy = await add(home, "champion", CHAMPION, title="Best")
    await begin(home)
    assert state_of(home, strategy, "sensor", "state").state == "waiting"
    assert says(home, strategy).startswith("No valid price since ")
    assert not is_off(old)
