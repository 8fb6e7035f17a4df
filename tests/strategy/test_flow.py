"""The dialogs of strategies: new, copied, changed, and whatever can be entered wrong."""

from datetime import timedelta
from typing import Any

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    SOURCE_USER,
    ConfigEntry,
    ConfigSubentry,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.util import dt as dt_util
import pytest

from custom_components.hmm.const import DOMAIN
from simulator import SimulatedAvalon, SimulatedAxeOS, SimulatedSolopool
from tests.common import devices, fleet_entry, pool_entry
from tests.conftest import miner_entry, set_up
from tests.flows import Result, go_on, open_options, options, suggested, with_texts

from .common import BANDS, PRICE, add, manager, price

pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture
async def entry(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> ConfigEntry[Any]:
    """Set up a Bitaxe, and the fleet beside it."""
    return await set_up(home, miner_entry(bitaxe, "bitaxe", title="Axe"))


def device(hass: HomeAssistant, entry: ConfigEntry[Any]) -> str:
    """Return the device of a miner."""
    (found,) = devices(hass, entry)
    return found.id


async def open_new(hass: HomeAssistant, kind: str) -> Result:
    """Add a strategy."""
    flow = await hass.config_entries.subentries.async_init(
        (fleet_entry(hass).entry_id, kind), context={"source": SOURCE_USER}
    )
    return with_texts(flow, f"config_subentries.{kind}")


async def change(hass: HomeAssistant, subentry: ConfigSubentry, item: str) -> Result:
    """Open one part of a strategy, to change it."""
    kind = subentry.subentry_type
    menu = await hass.config_entries.subentries.async_init(
        (fleet_entry(hass).entry_id, kind),
        context={
            "source": SOURCE_RECONFIGURE,
            "subentry_id": subentry.subentry_id,
        },
    )
    assert item in with_texts(menu, f"config_subentries.{kind}")["menu_options"]
    return await fill(hass, menu, kind, next_step_id=item)


async def fill(
    hass: HomeAssistant, result: Result, kind: str, /, **given: Any
) -> Result:
    """Fill in a form."""
    answer = await hass.config_entries.subentries.async_configure(
        result["flow_id"], given
    )
    await hass.async_block_till_done(wait_background_tasks=True)
    return with_texts(answer, f"config_subentries.{kind}")


def only(hass: HomeAssistant) -> ConfigSubentry:
    """Return the only strategy."""
    (subentry,) = fleet_entry(hass).subentries.values()
    return subentry


TIMING = {
    "dead_band": 2,
    "min_time": 15,
    "look_ahead": True,
    "max_switches": 12,
    "fallback": "keep",
    "stagger": 10,
}


async def test_three_minutes(home: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """The script of the documentation: three bands, the dear one off."""
    price(home, 28.4)
    home.config_entries.async_update_entry(
        fleet_entry(home),
        options={"prices": {"price_source": "sensor", "price_entity": PRICE}},
    )
    await home.async_block_till_done()
    bands = "price_bands"
    form = await open_new(home, bands)
    assert suggested(form, "name") == "Price bands"
    form = await fill(home, form, bands, name="Price bands")
    assert form["step_id"] == "price"
    assert suggested(form, "price_entity") == PRICE, "the price of the fleet"
    form = await fill(home, form, bands, price_entity=PRICE)
    assert form["description_placeholders"]["reading"].startswith("Now 28.4 ct/kWh")
    form = await fill(home, form, bands, right=True)
    form = await fill(home, form, bands, template="three")
    assert "Cheap" in form["description_placeholders"]["bands"]
    assert options(form, "next")["edit_2"] == "Edit Expensive"
    form = await fill(home, form, bands, next="edit_2")
    form = await fill(
        home, form, bands, band_name="Expensive", rung="off", pool="leave"
    )
    form = await fill(home, form, bands, next="continue")
    form = await fill(home, form, bands, timing=TIMING)
    assert form["step_id"] == "preview"
    done = await fill(home, form, bands, start="steer")
    assert done["type"] == "create_entry"
    stored = only(home)
    assert stored.title == "Price bands"
    assert [it["rung"] for it in stored.data["bands"]] == ["highest", "normal", "off"]
    assert stored.data["price_unit"] == "ct/kWh"
    assert "upto" not in stored.data["bands"][2]
    device = dr.async_get(home).async_get_device_by_identifier(
        (DOMAIN, stored.subentry_id), fleet_entry(home).entry_id
    )
    assert device is not None
    assert (device.model, device.model_id) == ("Price bands", None)


async def test_who_takes_part(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """A name is unique, a miner is in one strategy of a kind, a device must be one."""
    price(home, 25)
    bands = "price_bands"
    hub = dr.async_get(home).async_get_device_by_identifier(
        (DOMAIN, "hmm_hub"), fleet_entry(home).entry_id
    )
    assert hub is not None
    form = await open_new(home, bands)
    form = await fill(home, form, bands, name="A", miners=[hub.id])
    assert form["errors"] == {"miners": "no_miners"}
    await add(home, bands, BANDS, title="A")
    form = await fill(home, form, bands, name="a")
    assert form["errors"] == {"name": "name_taken"}
    form = await fill(home, form, bands, name="B", miners=[device(home, entry)])
    assert form["errors"] == {"miners": "miner_taken"}
    assert form["description_placeholders"]["miner"] == "Axe"
    assert form["description_placeholders"]["strategy"] == "A"


async def test_copy(home: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Another strategy of the kind is the draft of a new one."""
    price(home, 25)
    async with SimulatedAvalon(model="nano3s") as avalon:
        other = await set_up(home, miner_entry(avalon, "avalon_nano", title="Nano"))
        first = await add(
            home, "price_bands", {**BANDS, "miners": [device(home, entry)]}
        )
        kind = "price_bands"
        form = await open_new(home, kind)
        assert options(form, "copy_from") == {first.id: "Bands"}
        form = await fill(
            home, form, kind, miners=[device(home, other)], copy_from=first.id
        )
        assert suggested(form, "price_entity") == PRICE
        form = await fill(home, form, kind, price_entity=PRICE)
        form = await fill(home, form, kind, right=True)
        assert form["step_id"] == "bands"
        form = await fill(home, form, kind, next="continue")
        form = await fill(home, form, kind, timing=TIMING)
        await fill(home, form, kind, start="dry_run")
        stored = [*fleet_entry(home).subentries.values()][1]
        assert stored.title == "Price bands"
        assert stored.data["bands"] == BANDS["bands"]
        assert stored.data["start"] == "dry_run"


async def test_a_price_that_cannot_be_read(
    home: HomeAssistant, entry: ConfigEntry[Any]
) -> None:
    """Each reason is told at the field; what is read wrong leads back."""
    kind = "price_bands"
    form = await fill(home, await open_new(home, kind), kind)
    form = await fill(home, form, kind, price_entity=PRICE)
    assert form["errors"] == {"price_entity": "price_unavailable"}
    for value, unit, error in (
        (25, "EUR/l", "price_unit_unknown"),
        (25, "GBP/kWh", "price_currency"),
        ("much", "EUR/kWh", "price_unavailable"),
    ):
        price(home, value, unit)
        form = await fill(home, form, kind, price_entity=PRICE)
        assert form["errors"] == {"price_entity": error}
    price(home, 25)
    form = await fill(home, form, kind, price_entity=PRICE)
    form = await fill(home, form, kind, right=False)
    assert form["step_id"] == "price"


def with_slots(hass: HomeAssistant) -> None:
    """Let the price sensor know today and tomorrow."""
    start = dt_util.start_of_local_day()
    rows = [
        {
            "start": (start + timedelta(hours=hour)).isoformat(),
            "end": (start + timedelta(hours=hour + 1)).isoformat(),
            "value": 20 + hour % 24,
        }
        for hour in range(48)
    ]
    hass.states.async_set(
        PRICE,
        str(rows[dt_util.now().hour]["value"]),
        {"unit_of_measurement": "ct/kWh", "raw_today": rows},
    )


async def begin_bands(hass: HomeAssistant, template: str) -> Result:
    """Go on to the list of bands."""
    kind = "price_bands"
    form = await fill(hass, await open_new(hass, kind), kind)
    form = await fill(hass, form, kind, price_entity=PRICE)
    form = await fill(hass, form, kind, right=True)
    return await fill(hass, form, kind, template=template)


async def test_cheapest_hours(home: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """They need a list of prices; together the bands leave a rest."""
    kind = "price_bands"
    price(home, 25)
    form = await begin_bands(home, "hours")
    assert form["errors"] == {"template": "rank_needs_prices"}
    with_slots(home)
    form = await begin_bands(home, "hours")
    assert "cheapest 6 h" in form["description_placeholders"]["bands"]
    form = await fill(home, form, kind, next="add")
    form = await fill(
        home, form, kind, band_name="More", cheapest=20, rung="normal", pool="leave"
    )
    form = await fill(home, form, kind, next="continue")
    assert form["errors"] == {"next": "too_many_hours"}
    form = await fill(home, form, kind, next="delete_1")
    form = await fill(home, form, kind, next="continue")
    assert form["step_id"] == "timing"


async def test_prices_of_the_day_are_the_limits(
    home: HomeAssistant, entry: ConfigEntry[Any]
) -> None:
    """Without recorded prices, those that the sensor knows make the template."""
    with_slots(home)
    form = await begin_bands(home, "three")
    assert "up to 27.0 ct/kWh" in form["description_placeholders"]["bands"]
    form = await begin_bands(home, "two")
    assert form["description_placeholders"]["bands"].count("\n") == 1


async def test_the_six_of_hmm_local(
    home: HomeAssistant, entry: ConfigEntry[Any]
) -> None:
    """Its limits are in hundredths of the currency, here in the unit of the sensor."""
    price(home, 0.25, "EUR/kWh")
    form = await begin_bands(home, "six")
    shown = form["description_placeholders"]["bands"]
    assert "up to 0.050 EUR/kWh" in shown
    assert "Off" not in shown


async def test_a_tariff(home: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """A select has a band for each of its options; each state has exactly one."""
    kind, tariff = "price_bands", "input_select.tariff"
    home.states.async_set(tariff, "low", {"options": ["low", "high"]})
    form = await fill(home, await open_new(home, kind), kind)
    form = await fill(home, form, kind, price_entity=tariff)
    assert form["description_placeholders"]["reading"] == "Now “low”."
    form = await fill(home, form, kind, right=True)
    form = await fill(home, form, kind, template="states")
    form = await fill(home, form, kind, next="edit_1")
    form = await fill(
        home, form, kind, band_name="high", states=["low"], rung="off", pool="leave"
    )
    assert form["errors"] == {"states": "states_overlap"}
    form = await fill(
        home, form, kind, band_name="high", states=["high"], rung="off", pool="leave"
    )
    form = await fill(home, form, kind, next="continue")
    form = await fill(home, form, kind, timing=TIMING)
    await fill(home, form, kind, start="steer")
    assert [it["states"] for it in only(home).data["bands"]] == [["low"], ["high"]]
    # A sensor with states, and one that is on or off
    home.states.async_set("sensor.tariff", "peak", {"device_class": "enum"})
    home.states.async_set("binary_sensor.cheap", "on")
    other = await change(home, only(home), "price")
    for entity_id in ("sensor.tariff", "binary_sensor.cheap"):
        form = await fill(home, other, kind, price_entity=entity_id)
        other = await fill(home, form, kind, right=False)


async def test_wrong_bands(home: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Names and limits are unique, exactly one band is open, there are 2 to 24."""
    price(home, 25)
    kind = "price_bands"
    form = await begin_bands(home, "empty")
    assert form["description_placeholders"]["bands"] == "–"
    form = await fill(home, form, kind, next="continue")
    assert form["errors"] == {"next": "band_count"}
    for name, upto in (("A", 10), ("B", 20)):
        form = await fill(home, form, kind, next="add")
        form = await fill(
            home, form, kind, band_name=name, upto=upto, rung="off", pool="leave"
        )
    form = await fill(home, form, kind, next="continue")
    assert form["errors"] == {"next": "no_top_band"}
    form = await fill(home, form, kind, next="add")
    for band, errors in (
        ({"band_name": "a"}, {"band_name": "band_name_taken"}),
        ({"band_name": "  "}, {"band_name": "band_name_taken"}),
        ({"band_name": "C", "upto": 20}, {"upto": "limits_order"}),
    ):
        form = await fill(home, form, kind, **band, rung="off", pool="leave")
        assert form["errors"] == errors
    form = await fill(home, form, kind, band_name="C", rung="off", pool="leave")
    form = await fill(home, form, kind, next="add")
    form = await fill(home, form, kind, band_name="D", rung="off", pool="leave")
    assert form["errors"] == {"upto": "no_top_band"}
    form = await fill(home, form, kind, band_name="D", upto=5, rung="off", pool="leave")
    assert form["description_placeholders"]["bands"].startswith("- **D**")
    for number in range(20):
        form = await fill(home, form, kind, next="add")
        form = await fill(
            home,
            form,
            kind,
            band_name=f"E{number}",
            upto=30 + number,
            rung="off",
            pool="leave",
        )
    form = await fill(home, form, kind, next="add")
    assert form["errors"] == {"next": "band_count"}


async def test_per_model_and_pool(home: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Each model is asked for once; a pool account can belong to a band."""
    price(home, 25)
    kind = "price_bands"
    async with (
        SimulatedSolopool(generation=1, speed=0) as pool,
        SimulatedAvalon(model="nano3s") as avalon,
    ):
        account = await set_up(home, pool_entry(pool, title="Mine"))
        await set_up(home, miner_entry(avalon, "avalon_nano", title="Nano"))
        form = await begin_bands(home, "two")
        form = await fill(home, form, kind, next="edit_0")
        upto = suggested(form, "upto")
        assert options(form, "pool") == {
            "leave": "Leave alone",
            account.entry_id: "Mine",
        }
        form = await fill(
            home,
            form,
            kind,
            band_name="Cheap",
            upto=upto,
            rung="per_model",
            pool=account.entry_id,
        )
        assert form["step_id"] == "band_model"
        assert "mode:eco" in options(form, "rung")
        form = await fill(home, form, kind, rung="mode:eco")
        form = await fill(home, form, kind, rung="mode:low")
        assert "Choose per model" in form["description_placeholders"]["bands"]
        form = await fill(home, form, kind, next="continue")
        form = await fill(home, form, kind, timing=TIMING)
        await fill(home, form, kind, start="steer")
        (strategy,) = manager(home).strategies.values()
        rungs = strategy.settings.bands[0].models.values()
        assert sorted(rungs) == ["mode:eco", "mode:low"]
        form = await change(home, only(home), "bands")
        form = await fill(home, form, kind, next="edit_0")
        assert suggested(form, "rung") == "per_model"
        assert suggested(form, "pool") == account.entry_id
        form = await fill(
            home,
            form,
            kind,
            band_name="Cheap",
            upto=upto,
            rung="normal",
            pool=account.entry_id,
        )
        await fill(home, form, kind, next="continue")
    (band, _) = only(home).data["bands"]
    assert band["pool"] == account.entry_id
    assert "models" not in band


async def test_the_strategy_is_removed_meanwhile(
    home: HomeAssistant, entry: ConfigEntry[Any]
) -> None:
    """Its dialog, open in another tab, says so; nothing of it comes back."""
    price(home, 25)
    await add(home, "price_bands", BANDS)
    form = await change(home, only(home), "timing")
    fleet = fleet_entry(home)
    (subentry_id,) = fleet.subentries
    home.config_entries.async_remove_subentry(fleet, subentry_id)
    done = await fill(home, form, "price_bands", timing=TIMING)
    assert done["reason"] == "removed_meanwhile"
    assert not fleet.subentries


async def test_change_price_bands(home: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Each part is changed on its own; limits do not survive another unit."""
    price(home, 25)
    strategy = await add(home, "price_bands", BANDS)
    kind = "price_bands"
    form = await change(home, only(home), "miners")
    assert suggested(form, "name") == "Bands"
    form = await fill(home, form, kind, name="Tariff", miners=["nobody"])
    assert form["errors"] == {"miners": "no_miners"}
    done = await fill(home, form, kind, name="Tariff", miners=[device(home, entry)])
    assert done["reason"] == "reconfigure_successful"
    assert strategy.title == "Tariff"
    form = await change(home, only(home), "timing")
    await fill(home, form, kind, timing=TIMING | {"fallback": "band_cheap"})
    assert only(home).data["fallback"] == "band_cheap"
    form = await change(home, only(home), "bands")
    form = await fill(home, form, kind, next="delete_1")
    assert len(only(home).data["bands"]) == 3
    await fill(home, form, kind, next="continue")
    assert len(only(home).data["bands"]) == 2
    # The band that it fell back to goes
    form = await change(home, only(home), "bands")
    form = await fill(home, form, kind, next="delete_0")
    form = await fill(home, form, kind, next="add")
    form = await fill(
        home, form, kind, band_name="New", upto=4, rung="off", pool="leave"
    )
    await fill(home, form, kind, next="continue")
    form = await change(home, only(home), "timing")
    await fill(home, form, kind, timing=TIMING)
    # The same unit keeps the bands
    form = await change(home, only(home), "price")
    form = await fill(home, form, kind, price_entity=PRICE)
    done = await fill(home, form, kind, right=True)
    assert done["reason"] == "reconfigure_successful"
    price(home, 0.25, "EUR/kWh")
    form = await change(home, only(home), "price")
    form = await fill(home, form, kind, price_entity=PRICE)
    form = await fill(home, form, kind, right=True)
    assert form["step_id"] == "bands_start"
    form = await fill(home, form, kind, template="two")
    await fill(home, form, kind, next="continue")
    assert only(home).data["price_unit"] == "EUR/kWh"


async def test_quiet_hours(home: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Days and hours, or an entity; a cap or a plan."""
    kind = "calendar"
    form = await fill(home, await open_new(home, kind), kind, name="Night")
    same = {"days": ["mon"], "from": "22:00:00", "to": "22:00:00"}
    form = await fill(home, form, kind, **same)
    assert form["errors"] == {"to": "empty_span"}
    form = await fill(home, form, kind, **same | {"days": [], "to": "06:00:00"})
    assert form["errors"] == {"days": "no_days"}
    form = await fill(home, form, kind, **same | {"to": "06:00:00"})
    form = await fill(home, form, kind, kind="quiet", rung="off")
    result = form["description_placeholders"]["result"]
    assert result == "Monday from 22:00 to 06:00: at most Off."
    await fill(home, form, kind, start="steer")
    assert only(home).data["days"] == ["mon"]
    home.states.async_set("schedule.night", "off")
    form = await change(home, only(home), "when")
    assert suggested(form, "from") == "22:00:00"
    await fill(home, form, kind, entity="schedule.night", **same)
    assert only(home).data["from"] is None
    form = await change(home, only(home), "what")
    await fill(home, form, kind, kind="plan", rung="lowest")
    assert only(home).data["kind"] == "plan"
    form = await open_new(home, kind)
    form = await fill(home, form, kind, name="X")
    assert form["errors"] == {"miners": "miner_taken"}


async def test_a_plan_of_an_entity(
    home: HomeAssistant, entry: ConfigEntry[Any]
) -> None:
    """The preview names the entity."""
    kind = "calendar"
    registered = er.async_get(home).async_get_or_create(
        "schedule", "test", "night", suggested_object_id="night"
    )
    form = await fill(home, await open_new(home, kind), kind)
    form = await fill(
        home,
        form,
        kind,
        entity="schedule.night",
        days=["mon"],
        **{"from": "22:00:00", "to": "06:00:00"},
    )
    form = await fill(home, form, kind, kind="plan", rung="lowest")
    result = form["description_placeholders"]["result"]
    assert result == "While schedule.night is on: Lowest."
    await fill(home, form, kind, start="steer")
    assert only(home).data["entity_ids"] == {"entity": registered.id}


async def test_only_the_fleet_has_strategies(
    home: HomeAssistant, entry: ConfigEntry[Any]
) -> None:
    """A miner offers none."""
    assert entry.supported_subentry_types == {}
    assert set(fleet_entry(home).supported_subentry_types) == {
        "calendar",
        "champion",
        "heat",
        "price_bands",
        "solar",
    }


async def test_how_long_changes_by_hand_hold(
    home: HomeAssistant, entry: ConfigEntry[Any]
) -> None:
    """It is an option of the fleet, which is not set up again for it."""
    fleet = fleet_entry(home)
    before = fleet.runtime_data
    menu = await open_options(home, fleet)
    form = await go_on(home, menu, next_step_id="manual_hold")
    await go_on(home, form, manual_hold="4h")
    assert fleet.options["manual_hold"] == "4h"
    assert fleet.runtime_data is before


async def test_preview(home: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """With prices and watts that are known it says what the bands would have saved."""
    kind = "price_bands"
    with_slots(home)
    form = await begin_bands(home, "empty")
    for name, limit in (("Cheap", {"upto": 32}), ("Dear", {})):
        form = await fill(home, form, kind, next="add")
        rung = "off" if name == "Dear" else "normal"
        form = await fill(
            home, form, kind, band_name=name, rung=rung, pool="leave", **limit
        )
    form = await fill(home, form, kind, next="continue")
    form = await fill(home, form, kind, timing=TIMING)
    result = form["description_placeholders"]["result"]
    assert result.startswith("With the prices of the last 2 days it would have cost")
    assert "at 54 % of the hashrate, off for 22 h, at most 3 switches" in result
