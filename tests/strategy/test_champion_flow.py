"""The dialog of a champion: a limit of its own, a band of another strategy."""

from collections.abc import AsyncIterator
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
import pytest

from simulator import SimulatedAvalon, SimulatedAxeOS
from tests.common import fleet_entry
from tests.conftest import miner_entry, set_up
from tests.flows import options, suggested

from .common import BANDS, PRICE, add, price
from .test_flow import change, device, fill, open_new

pytestmark = pytest.mark.usefixtures("quick")

CHAMPION = "champion"
CHOICE = {"rung": "lowest", "reserve": "off", "replace_after": 6}
TIMING = {
    "dead_band": 2,
    "min_time": 15,
    "look_ahead": True,
    "max_switches": 12,
    "stagger": 10,
}


@pytest.fixture
async def entry(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> ConfigEntry[Any]:
    """Set up a Bitaxe, and the fleet beside it."""
    return await set_up(home, miner_entry(bitaxe, "bitaxe", title="Axe"))


@pytest.fixture
async def nano(
    home: HomeAssistant, entry: ConfigEntry[Any]
) -> AsyncIterator[ConfigEntry[Any]]:
    """Set up a second miner."""
    async with SimulatedAvalon(model="nano3s") as avalon:
        yield await set_up(home, miner_entry(avalon, "avalon_nano", title="Nano"))


async def test_one_miner_is_none(home: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """A champion needs somebody to be better than."""
    form = await fill(home, await open_new(home, CHAMPION), CHAMPION)
    assert form["errors"] == {"miners": "one_miner"}
    form = await fill(home, form, CHAMPION, miners=[device(home, entry)])
    assert form["errors"] == {"miners": "one_miner"}
    form = await fill(home, form, CHAMPION, miners=["nobody"])
    assert form["errors"] == {"miners": "no_miners"}


async def test_a_limit_of_its_own(
    home: HomeAssistant, entry: ConfigEntry[Any], nano: ConfigEntry[Any]
) -> None:
    """Without price bands it asks for the price at once; states are no price."""
    price(home, 28)
    for it in (entry, nano):
        it.runtime_data.async_set_update_error(TimeoutError())
    form = await open_new(home, CHAMPION)
    assert suggested(form, "name") == "Champion"
    form = await fill(home, form, CHAMPION)
    home.states.async_set("sensor.tariff", "peak", {"device_class": "enum"})
    form = await fill(home, form, CHAMPION, price_entity="sensor.tariff")
    assert form["errors"] == {"price_entity": "price_is_tariff"}
    form = await fill(home, form, CHAMPION, price_entity=PRICE)
    form = await fill(home, form, CHAMPION, right=True)
    assert suggested(form, "above") == 32
    form = await fill(home, form, CHAMPION, above=30)
    form = await fill(home, form, CHAMPION, **CHOICE)
    form = await fill(home, form, CHAMPION, timing=TIMING)
    assert form["description_placeholders"]["result"] == (
        "From 30.0 ct/kWh on only the champion runs. Which one that is, is known "
        "once they have mined for three minutes. The others: Off."
    )
    await fill(home, form, CHAMPION, start="steer")
    (stored,) = fleet_entry(home).subentries.values()
    assert (stored.data["above"], stored.data["price_unit"]) == (30, "ct/kWh")
    # Its own limit is proposed again, but not in another unit
    for value, unit, above in ((28, "ct/kWh", 30), (0.28, "EUR/kWh", 0.32)):
        price(home, value, unit)
        form = await change(home, stored, "when")
        form = await fill(home, form, CHAMPION, price_entity=PRICE)
        form = await fill(home, form, CHAMPION, right=True)
        assert suggested(form, "above") == above
    done = await fill(home, form, CHAMPION, above=0.4)
    assert done["reason"] == "reconfigure_successful"
    form = await change(home, stored, "choice")
    await fill(home, form, CHAMPION, **CHOICE | {"reserve": "lowest"})
    form = await change(home, stored, "timing")
    await fill(home, form, CHAMPION, timing=TIMING | {"min_time": 30})
    (stored,) = fleet_entry(home).subentries.values()
    assert (stored.data["reserve"], stored.data["min_time"]) == ("lowest", 30)


async def test_a_band_of_another_strategy(
    home: HomeAssistant, entry: ConfigEntry[Any], nano: ConfigEntry[Any]
) -> None:
    """Bands are offered, dear ones first; who is champion now is said."""
    price(home, 25)
    bands = await add(home, "price_bands", BANDS)
    form = await fill(home, await open_new(home, CHAMPION), CHAMPION)
    assert list(options(form, "follow")) == [
        "own",
        f"{bands.id} dear",
        f"{bands.id} normal",
        f"{bands.id} cheap",
    ]
    form = await fill(home, form, CHAMPION, follow=f"{bands.id} dear")
    form = await fill(home, form, CHAMPION, **CHOICE)
    form = await fill(home, form, CHAMPION, timing=TIMING)
    result = form["description_placeholders"]["result"]
    assert result.startswith(
        "In “Expensive” of “Bands” only the champion runs. Now that would be Axe ("
    )
    assert result.endswith(" J/TH). The others: Off.")
    await fill(home, form, CHAMPION, start="steer")
    stored = [*fleet_entry(home).subentries.values()][1]
    assert (stored.data["band_of"], stored.data["band"]) == (bands.id, "dear")
    form = await change(home, stored, "when")
    assert suggested(form, "follow") == f"{bands.id} dear"
    form = await fill(home, form, CHAMPION, follow="own")
    form = await fill(home, form, CHAMPION, price_entity=PRICE)
    form = await fill(home, form, CHAMPION, right=True)
    await fill(home, form, CHAMPION, above=30)
    stored = [*fleet_entry(home).subentries.values()][1]
    assert "band" not in stored.data
    form = await change(home, stored, "when")
    assert suggested(form, "follow") == "own"
    await fill(home, form, CHAMPION, follow=f"{bands.id} cheap")
    stored = [*fleet_entry(home).subentries.values()][1]
    assert "above" not in stored.data
