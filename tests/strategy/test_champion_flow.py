"""The dialog of a champion: a limit of its own, a band of another strategy."""

from collections.abc import AsyncIterator

import pytest

from simulator import SimulatedAvalon

from .common import BANDS, PRICE, House

pytestmark = pytest.mark.usefixtures("quick")

CHAMPION = "champion"


@pytest.fixture
async def pair(house: House) -> AsyncIterator[House]:
    """Return a house with a second miner."""
    async with SimulatedAvalon(model="nano3s") as avalon:
        await house.join(avalon, "Nano")
        yield house


async def test_one_miner_is_none(house: House) -> None:
    """A champion needs somebody to be better than."""
    form = await house.dialog(CHAMPION)
    await form.fill()
    assert form.errors == {"miners": "one_miner"}
    await form.fill(miners=[house.device_id()])
    assert form.errors == {"miners": "one_miner"}
    await form.fill(miners=["nobody"])
    assert form.errors == {"miners": "no_miners"}


async def test_a_limit_of_its_own(pair: House) -> None:
    """Without price bands it asks for the price at once; states are no price."""
    pair.price(28)
    for entry in pair.entries:
        entry.runtime_data.async_set_update_error(TimeoutError())
    form = await pair.dialog(CHAMPION)
    assert form.suggested("name") == "Champion"
    await form.fill()
    pair.hass.states.async_set("sensor.tariff", "peak", {"device_class": "enum"})
    await form.fill(price_entity="sensor.tariff")
    assert form.errors == {"price_entity": "price_is_tariff"}
    await form.fill(price_entity=PRICE)
    await form.fill(right=True)
    assert form.suggested("above") == 32
    await form.fill(above=30)
    await form.fill()
    await form.fill(timing={})
    assert form.text_of("result") == (
        "From 30.0 ct/kWh on only the champion runs. Which one that is, is known "
        "once they have mined for three minutes. The others: Off."
    )
    await form.fill(start="steer")
    (stored,) = pair.fleet.subentries.values()
    assert (stored.data["above"], stored.data["price_unit"]) == (30, "ct/kWh")
    # Its own limit is proposed again, but not in another unit
    for value, unit, above in ((28, "ct/kWh", 30), (0.28, "EUR/kWh", 0.32)):
        pair.price(value, unit)
        form = await pair.reconfigure("when", stored)
        await form.fill(price_entity=PRICE)
        await form.fill(right=True)
        assert form.suggested("above") == above
    await form.fill(above=0.4)
    assert form.reason == "reconfigure_successful"
    form = await pair.reconfigure("choice", stored)
    await form.fill(reserve="lowest")
    form = await pair.reconfigure("timing", stored)
    await form.fill(timing={"min_time": 30})
    (stored,) = pair.fleet.subentries.values()
    assert (stored.data["reserve"], stored.data["min_time"]) == ("lowest", 30)


async def test_a_band_of_another_strategy(pair: House) -> None:
    """Bands are offered, dear ones first; who is champion now is said."""
    pair.price(25)
    bands = await pair.add("price_bands", BANDS)
    form = await pair.dialog(CHAMPION)
    await form.fill()
    assert list(form.choices("follow")) == [
        "own",
        f"{bands.id} dear",
        f"{bands.id} normal",
        f"{bands.id} cheap",
    ]
    await form.fill(follow=f"{bands.id} dear")
    await form.fill()
    await form.fill(timing={})
    result = form.text_of("result")
    assert result.startswith(
        "In “Expensive” of “Bands” only the champion runs. Now that would be Axe ("
    )
    assert result.endswith(" J/TH). The others: Off.")
    await form.fill(start="steer")
    stored = [*pair.fleet.subentries.values()][1]
    assert (stored.data["band_of"], stored.data["band"]) == (bands.id, "dear")
    form = await pair.reconfigure("when", stored)
    assert form.suggested("follow") == f"{bands.id} dear"
    await form.fill(follow="own")
    await form.fill(price_entity=PRICE)
    await form.fill(right=True)
    await form.fill(above=30)
    stored = [*pair.fleet.subentries.values()][1]
    assert "band" not in stored.data
    form = await pair.reconfigure("when", stored)
    assert form.suggested("follow") == "own"
    await form.fill(follow=f"{bands.id} cheap")
    stored = [*pair.fleet.subentries.values()][1]
    assert "above" not in stored.data
