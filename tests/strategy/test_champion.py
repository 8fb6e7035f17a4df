"""In dear hours one of two real simulated miners runs; it fails, and is replaced."""

from collections.abc import AsyncIterator
from typing import Any

from homeassistant.components.diagnostics import REDACTED
from homeassistant.helpers import device_registry as dr
import pytest

from custom_components.hmm.diagnostics import async_get_config_entry_diagnostics
from custom_components.hmm.strategy.strategy import Strategy
from simulator import SimulatedAxeOS
from tests.common import find, later

from .common import BANDS, PRICE, House

pytestmark = pytest.mark.usefixtures("quick")

CHAMPION = {
    "price_entity": PRICE,
    "price_unit": "ct/kWh",
    "above": 30,
    "min_time": 5,
    "stagger": 0,
}
"""A strategy as the dialog stores it, with short times; the rest is by default."""


@pytest.fixture
async def pair(house: House) -> AsyncIterator[House]:
    """Return a house with an older miner, which needs more for a terahash."""
    async with SimulatedAxeOS(
        generation="2.15", model="ultra", reboot_seconds=0.2, restart_delay=0.1
    ) as device:
        await house.join(device, "Old")
        yield house


def shown(house: House, strategy: Strategy) -> str:
    """Return who is shown as the champion."""
    return house.state_of(strategy, "sensor", "champion").state


async def test_dear_hours(pair: House, freezer: Any) -> None:
    """The efficient one runs low, the other one rests; later all is as it was."""
    pair.price(25)
    before = [entry.runtime_data.tuning.current for entry in pair.entries]
    strategy = await pair.add("champion", CHAMPION, title="Best")
    await pair.begin()
    assert pair.says(strategy) == "No champion: the price is below 30.0 ct/kWh."
    assert shown(pair, strategy) == "none"
    pair.price(35)
    await pair.minutes(6)
    assert shown(pair, strategy) == "Axe"
    ranking = pair.state_of(strategy, "sensor", "champion").attributes["ranking"]
    assert ranking == ["Axe", "Old"]
    assert pair.says(strategy).startswith("Only Axe runs (1")
    assert pair.says(strategy).endswith(" J/TH). Other miners off: 1.")
    assert pair.mode == "eco"
    assert pair.reported()[1] == "off"
    assert pair.by(1) == "champion"
    # It has no figures now, and keeps its place by those that it had
    assert pair.steered(1).view.efficiency is not None
    pair.price(25)
    await pair.minutes(12)
    assert [entry.runtime_data.tuning.current for entry in pair.entries] == before
    assert pair.reported()[1] != "off"
    assert pair.event_of(strategy) == "changed"


@pytest.mark.parametrize("of", ["entry", "device"])
async def test_a_miner_that_gets_another_name(pair: House, of: str) -> None:
    """It is shown under it at once, as the champion and as who has the best share."""
    pair.price(35)
    strategy = await pair.add("champion", CHAMPION, title="Best")
    await pair.begin()
    best = find(pair.hass, pair.fleet, "sensor", "best_share").attributes["miner"]
    assert {shown(pair, strategy), best} <= {"Axe", "Old"}
    devices = dr.async_get(pair.hass)
    for number, entry in enumerate(pair.entries):
        name = f"New {entry.title}"
        if of == "entry":
            pair.hass.config_entries.async_update_entry(entry, title=name)
        else:
            devices.async_update_device(pair.device_id(number), name_by_user=name)
    await later(pair.hass, 1)
    champion = pair.state_of(strategy, "sensor", "champion")
    assert champion.state == "New Axe"
    assert champion.attributes["ranking"] == ["New Axe", "New Old"]
    shown_best = find(pair.hass, pair.fleet, "sensor", "best_share").attributes
    assert shown_best["miner"] == f"New {best}"


async def test_a_champion_that_fails(pair: House, freezer: Any) -> None:
    """After six minutes without mining the next one runs, and says why."""
    pair.price(35)
    strategy = await pair.add("champion", CHAMPION, title="Best")
    await pair.begin()
    await pair.minutes(2)
    assert pair.reported()[1] == "off"
    await pair.device.stop()
    await pair.minutes(5)
    assert shown(pair, strategy) == "Axe"
    await pair.minutes(6)
    assert shown(pair, strategy) == "Old"
    assert pair.says(strategy) == "Old replaces Axe: it does not mine."
    assert pair.reported()[1] != "off"


async def test_home_assistant_restarts_in_dear_hours(
    pair: House, freezer: Any, hass_storage: dict[str, Any]
) -> None:
    """Who was champion stays it, and the figures of the other one are kept."""
    pair.price(35)
    name = "Axe " * 100  # Longer than a state may be
    pair.hass.config_entries.async_update_entry(pair.entry, title=name)
    await pair.add("champion", CHAMPION, title="Best")
    await pair.begin()
    await pair.minutes(2)
    figures = pair.manager.store.miners[pair.entries[1].entry_id].efficiency
    assert figures is not None
    async with pair.down():
        pass
    await pair.begin()
    (strategy,) = pair.manager.strategies.values()
    assert shown(pair, strategy) == name[:255]
    assert pair.manager.store.miners[pair.entries[1].entry_id].efficiency == figures
    assert pair.reported()[1] == "off"


async def test_it_follows_a_band(pair: House, freezer: Any) -> None:
    """In the band of another strategy; the others then do what it says for them."""
    pair.price(25)
    bands = await pair.add("price_bands", BANDS)
    follows = {
        **{key: it for key, it in CHAMPION.items() if key != "above"},
        "band_of": bands.id,
        "band": "dear",
        "reserve": "lowest",
    }
    strategy = await pair.add("champion", follows, title="Best")
    await pair.begin()
    assert pair.says(strategy) == "No champion: it is in “Normal”."
    pair.price(35)
    await pair.minutes(7)
    assert pair.says(strategy).startswith("Axe is champion (1")
    facts = await async_get_config_entry_diagnostics(pair.hass, pair.fleet)
    prices, best = facts["strategies"]
    assert [band["band_name"] for band in prices["settings"]["bands"]] == 3 * [REDACTED]
    assert best["memory"]["champion"] == pair.entries[0].entry_id
    assert best["decision"]["sentence"] == "champion_low"
    assert set(best["decision"]["wishes"]) == {
        pair.entries[0].entry_id,
        pair.entries[1].entry_id,
    }
    assert pair.mode == "eco"
    assert pair.entries[1].runtime_data.tuning.current == "eco"
    # Without a band it waits, then stays as it is
    pair.price("unavailable")
    pair.remove(bands)
    await pair.minutes(3)
    assert shown(pair, strategy) == "Axe"
