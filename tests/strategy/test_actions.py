"""Actions on strategies: override, resume and what is about to run."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
import pytest
import voluptuous as vol

from custom_components.hmm.strategy.strategy import Strategy

from .common import BANDS, PRICE, House, device_of
from .test_flow import with_slots
from .test_heat import HEAT, room

pytestmark = pytest.mark.usefixtures("quick")


async def preview(house: House, strategy: Strategy, **data: Any) -> Any:
    """Return what an action says of a strategy."""
    device_id = device_of(house.hass, strategy).id
    response = await house.run("preview_strategy", device_id=device_id, **data)
    (result,) = response["strategies"]
    return result


def low_and_high(rung: str) -> dict[str, Any]:
    """Return settings with two bands, the dear one off."""
    return {
        **BANDS,
        "bands": [
            {"id": "low", "band_name": "Low", "upto": 32.0, "rung": rung},
            {"id": "high", "band_name": "High", "rung": "off"},
        ],
    }


async def test_a_band_until_a_time(house: House, freezer: Any) -> None:
    """An override for two hours ends by itself."""
    strategy = await house.follow(35)
    assert house.device.paused
    await house.wait(6)
    device = device_of(house.hass, strategy).id
    await house.run(
        "override_strategy",
        device_id=device,
        to="normal",
        **{"for": {"hours": 2}},
    )
    assert not house.device.paused
    select = house.state_of(strategy, "select", "override")
    assert select.state == "Normal"
    assert select.attributes["ends"] == "time"
    left = select.attributes["until"] - dt_util.utcnow()
    assert timedelta(minutes=119) < left <= timedelta(hours=2)
    await house.wait(118)
    assert not house.device.paused
    await house.wait(6)
    assert house.device.paused
    select = house.state_of(strategy, "select", "override")
    assert select.state == "automatic"
    assert (select.attributes["ends"], select.attributes["until"]) == (None, None)


async def test_a_rung_until_the_next_change(house: House, freezer: Any) -> None:
    """A mode by its name, by an entity of the strategy; another band ends it."""
    strategy = await house.follow(35)
    await house.wait(6)
    status = house.status(strategy).entity_id
    await house.run("override_strategy", entity_id=status, to="ECO")
    assert house.mode == "eco"
    assert not house.device.paused
    select = house.state_of(strategy, "select", "override")
    assert select.state == "unknown"
    assert select.attributes["ends"] == "next_change"
    house.price(25)
    await house.wait(6)
    assert house.state_of(strategy, "select", "override").state == "automatic"
    await house.run("override_strategy", entity_id=status, to="off")
    await house.wait(6)
    assert house.device.paused
    await house.run("resume_strategy", entity_id=status)
    await house.wait(6)
    assert not house.device.paused


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (
            {"to": "Dear"},
            "Bands does not have Dear. Possible: Cheap, Normal, Expensive",
        ),
        ({"to": "off", "until": "2000-01-01 00:00:00"}, "must end in the future"),
        ({"to": "off", "for": {"days": 31}}, "within 30 days"),
        ({"to": "off", "for": {"days": 99_999_999}}, "within 30 days"),
        ({"to": "off", "until": "0001-01-01 00:00:00"}, "must end in the future"),
        ({"to": "off", "until": "9999-12-31T23:59:59-12:00"}, "within 30 days"),
        ({"to": "off", "for": {"hours": 1}, "until": "18:00:00"}, "not both"),
    ],
)
async def test_what_an_override_refuses(
    house: House, data: dict[str, Any], error: str
) -> None:
    """What cannot be is refused in words, before anything changes."""
    house.price(25)
    strategy = await house.add("price_bands", BANDS)
    device = device_of(house.hass, strategy).id
    with pytest.raises(ServiceValidationError, match=error):
        await house.run("override_strategy", device_id=device, **data)
    assert strategy.record.override is None


async def test_targets(house: House) -> None:
    """Miners are no strategies, and one that is off cannot be overridden."""
    house.price(25)
    strategy = await house.add("price_bands", BANDS)
    registry = er.async_get(house.hass)
    miner = er.async_entries_for_config_entry(registry, house.entry.entry_id)[0]
    for target in (
        {"device_id": miner.device_id},
        {"entity_id": miner.entity_id},
        {"device_id": "nothing"},
    ):
        with pytest.raises(ServiceValidationError, match="No strategy is among"):
            await house.run("resume_strategy", **target)
    with pytest.raises(vol.Invalid):
        await house.run("override_strategy", device_id="x", to="")
    await house.switch(strategy, False)
    switch = house.state_of(strategy, "switch", "switch").entity_id
    with pytest.raises(ServiceValidationError, match="Bands is switched off"):
        await house.run("override_strategy", entity_id=switch, to="off")


async def test_a_time_of_day(house: House, freezer: Any) -> None:
    """It means the next time that the clock shows it."""
    house.price(25)
    strategy = await house.add("price_bands", BANDS)
    device = device_of(house.hass, strategy).id
    now = dt_util.now()
    for hours in (-1, 1):
        clock = (now + timedelta(hours=hours)).time().replace(microsecond=0)
        await house.run(
            "override_strategy",
            device_id=device,
            to="off",
            until=str(clock),
        )
        assert strategy.record.override is not None
        until = strategy.record.override.manual.until
        assert until is not None
        assert timedelta() < until - dt_util.utcnow() <= timedelta(days=1)
        assert dt_util.as_local(until).time() == clock


async def test_the_plan_of_price_bands(house: House) -> None:
    """The bands of all prices that are known, and what the last days came to."""
    with_slots(house.hass)
    # Else the miner is off in the afternoon, and nobody knows what it would draw
    data = low_and_high("normal") | {"start": "dry_run"}
    strategy = await house.add("price_bands", data)
    await house.begin()
    result = await preview(house, strategy, days=3)
    assert (result["strategy"], result["kind"]) == ("Bands", "price_bands")
    assert result["unit"] == "ct/kWh"
    assert "ct/kWh is in" in result["now"]
    bands = [item["band"] for item in result["plan"]]
    assert set(bands) == {"Low", "High"}
    assert all(one != two for one, two in pairwise(bands))
    for one, two in pairwise(result["plan"]):
        assert one["end"] == two["start"]
    rungs = {item["band"]: item["miners"]["Axe"] for item in result["plan"]}
    assert rungs == {"Low": "mode:standard", "High": "off"}
    past = result["past"]
    assert past["currency"] == house.hass.config.currency
    assert 0 < past["cost"] < past["always_on"]
    assert past["hashrate_share"] == pytest.approx(0.5, abs=0.05)
    # Surcharge and tax, if the fleet has the same price
    house.options(prices={"price_source": "sensor", "price_entity": PRICE, "vat": 100})
    taxed = (await preview(house, strategy, days=3))["past"]
    for key in ("cost", "always_on"):
        assert taxed[key] == pytest.approx(2 * past[key], abs=0.02)


async def test_what_each_miner_does_today_and_tomorrow(house: House) -> None:
    """Its lane reaches from this midnight on, and says who decides and why."""
    with_slots(house.hass)
    strategy = await house.add("price_bands", low_and_high("highest"))
    await house.begin()
    result = await preview(house, strategy, days=0)
    assert result["past"] is None
    (lane,) = result["lanes"]
    (miner,) = lane["miners"]
    assert (miner["name"], miner["by"]) == ("Axe", "price_bands")
    assert miner["entry_id"] == house.entry.entry_id
    assert "ct/kWh is in" in miner["reason"]
    # For who has another clock, and another language
    assert miner["key"] == "band"
    assert f"“{miner['values']['band']}”" in miner["reason"]
    assert datetime.fromisoformat(miner["values"]["time"]) > dt_util.utcnow()
    first, last = lane["steps"][0], lane["steps"][-1]
    assert datetime.fromisoformat(first["start"]) == dt_util.start_of_local_day()
    assert datetime.fromisoformat(last["end"]) > dt_util.utcnow()
    for one, two in pairwise(lane["steps"]):
        assert one["end"] == two["start"]
        assert one["rung"] != two["rung"]
    assert {step["level"] for step in lane["steps"]} == {"highest", "off"}
    assert {step["name"] for step in lane["steps"]} == {"Turbo", "Off"}

    def current(steps: list[dict[str, Any]]) -> dict[str, Any]:
        now = dt_util.utcnow()
        return next(step for step in steps if now < datetime.fromisoformat(step["end"]))

    other = {"Turbo": ("High", "Off"), "Off": ("Low", "Turbo")}
    to, name = other[current(lane["steps"])["name"]]
    override = {"device_id": device_of(house.hass, strategy).id, "for": {"hours": 1}}
    await house.run("override_strategy", to=to, **override)
    await house.settle()
    result = await preview(house, strategy, days=0)
    (lane,) = result["lanes"]
    assert lane["steps"][0]["start"] == first["start"]
    assert current(lane["steps"])["name"] == name
    assert result["plan"][0]["band"] == to
    ends = datetime.fromisoformat(result["plan"][0]["end"])
    assert ends <= dt_util.utcnow() + timedelta(hours=1)


async def test_the_price_has_another_name(house: House) -> None:
    """What bands would have cost is found, and its dialog offers, under the new one."""
    registry = er.async_get(house.hass)
    sensor = registry.async_get_or_create(
        "sensor", "test", "price", suggested_object_id="price"
    )
    with_slots(house.hass)
    # Whatever the price of this hour, it is normal: what the miner draws then is known
    bands = [
        {**band, "upto": 100.0} if band["id"] == "normal" else band
        for band in BANDS["bands"]
    ]
    data = {**BANDS, "entity_ids": {"price_entity": sensor.id}, "bands": bands}
    strategy = await house.add("price_bands", data)
    await house.begin()
    registry.async_update_entity(PRICE, new_entity_id="sensor.tariff")
    state = house.hass.states.get(PRICE)
    assert state is not None
    house.hass.states.async_set("sensor.tariff", state.state, state.attributes)
    house.hass.states.async_remove(PRICE)
    await house.settle()
    assert (await preview(house, strategy))["past"]["cost"] > 0
    form = await house.reconfigure("price")
    assert form.suggested("price_entity") == "sensor.tariff"


async def test_the_plan_of_a_calendar(house: House) -> None:
    """The spans of a week; nothing outside of them."""
    data = {
        "miners": [],
        "kind": "plan",
        "rung": "off",
        "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
        "from": "22:00:00",
        "to": "06:00:00",
    }
    strategy = await house.add("calendar", data, title="Night")
    await house.begin()
    result = await preview(house, strategy)
    assert result["past"] is None
    rungs = [item["miners"]["Axe"] for item in result["plan"]]
    assert 14 <= len(rungs) <= 16
    assert set(rungs) == {"off", None}
    assert all(one != two for one, two in pairwise(rungs))


async def test_a_plan_that_nobody_knows(house: House) -> None:
    """Heat says what it does now; one that was not asked yet, or is off, nothing."""
    room(house, 18)
    strategy = await house.add("heat", HEAT, title="Heating")
    assert (await preview(house, strategy))["plan"] == []
    await house.begin()
    result = await preview(house, strategy)
    (step,) = result["plan"]
    assert step["end"] is None
    assert step["miners"]["Axe"].startswith("mode:")
    assert result["now"].startswith("18.0 °C of 20.5 °C")


async def test_bands_of_a_tariff(house: House) -> None:
    """Without prices there is neither a list nor a past."""
    tariff = "input_select.tariff"
    house.hass.states.async_set(tariff, "low", {"options": ["low", "high"]})
    data = {
        **BANDS,
        "by": "states",
        "price_entity": tariff,
        "bands": [
            {"id": "low", "band_name": "Low", "states": ["low"], "rung": "normal"},
            {"id": "high", "band_name": "High", "states": ["high"], "rung": "off"},
        ],
    }
    strategy = await house.add("price_bands", data)
    await house.begin()
    result = await preview(house, strategy)
    assert [item["band"] for item in result["plan"]] == ["Low"]
    assert result["past"] is None
