"""The dialogs of strategies: new, copied, changed, and whatever can be entered wrong."""

from datetime import timedelta

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import InvalidData
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.translation import async_get_translations
from homeassistant.util import dt as dt_util
import pytest

from custom_components.hmm.const import DOMAIN
from custom_components.hmm.data import HmmConfigEntry
from custom_components.hmm.strategy import members
from simulator import SimulatedAvalon, SimulatedSolopool
from tests.common import find, pool_entry
from tests.conftest import set_up
from tests.flows import go_on, open_options

from .common import BANDS, PRICE, Dialog, House, device_of

pytestmark = pytest.mark.usefixtures("quick")


async def test_three_minutes(house: House) -> None:
    """The script of the documentation: three bands, the dear one off."""
    house.price(28.4)
    house.options(prices={"price_source": "sensor", "price_entity": PRICE})
    await house.hass.async_block_till_done()
    bands = "price_bands"
    form = await house.dialog(bands)
    assert form.suggested("name") == "Price bands"
    await form.fill(name="Price bands")
    assert form.step == "price"
    assert form.suggested("price_entity") == PRICE, "the price of the fleet"
    await form.fill(price_entity=PRICE)
    assert form.text_of("reading").startswith("Now 28.4 ct/kWh")
    await form.fill(right=True)
    await form.fill(template="three")
    assert "Cheap" in form.text_of("bands")
    assert form.choices("next")["edit_2"] == "Edit Expensive"
    await form.fill(next="edit_2")
    await form.fill(band_name="Expensive", rung="off", pool="leave")
    await form.fill(next="continue")
    await form.fill(timing={})
    assert form.step == "preview"
    await form.fill(start="steer")
    assert form.result["type"] == "create_entry"
    stored = house.stored
    assert stored.title == "Price bands"
    assert [band["rung"] for band in stored.data["bands"]] == [
        "highest",
        "normal",
        "off",
    ]
    assert stored.data["price_unit"] == "ct/kWh"
    assert "upto" not in stored.data["bands"][2]
    (strategy,) = house.manager.strategies.values()
    device = device_of(house.hass, strategy)
    assert (device.model, device.model_id) == ("Price bands", None)


async def test_who_takes_part(house: House) -> None:
    """A name is unique, a miner is in one strategy of a kind, a device must be one."""
    house.price(25)
    hub = dr.async_get(house.hass).async_get_device_by_identifier(
        (DOMAIN, "hmm_hub"), house.fleet.entry_id
    )
    assert hub is not None
    form = await house.dialog("price_bands")
    await form.fill(name="A", miners=[hub.id])
    assert form.errors == {"miners": "no_miners"}
    await house.add("price_bands", BANDS, title="A")
    await form.fill(name="a")
    assert form.errors == {"name": "name_taken"}
    await form.fill(name="B", miners=[house.device_id()])
    assert form.errors == {"miners": "miner_taken"}
    assert form.text_of("miner") == "Axe"
    assert form.text_of("strategy") == "A"


async def test_many_miners(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each counts once; not all entries are gone through for each of them."""
    house.price(25)
    calls: list[int] = []
    real = members.miner_entries

    def miner_entries(hass: HomeAssistant) -> list[HmmConfigEntry]:
        calls[-1] += 1
        return real(hass)

    async with SimulatedAvalon(model="nano3s") as avalon:
        await house.join(avalon, "Nano")
        await house.hass.async_block_till_done()
        miners = [house.device_id(), house.device_id(1)]
        first = await house.add("price_bands", BANDS)
        monkeypatch.setattr(members, "miner_entries", miner_entries)
        for chosen, kept in ((miners[:1], miners[:1]), (500 * miners, miners)):
            calls.append(0)
            form = await house.reconfigure("miners")
            await form.fill(name="A", miners=chosen)
            assert house.fleet.subentries[first.id].data["miners"] == kept
        assert calls[0] == calls[1]


async def test_copy(house: House) -> None:
    """Another strategy of the kind is the draft of a new one."""
    house.price(25)
    async with SimulatedAvalon(model="nano3s") as avalon:
        await house.join(avalon, "Nano")
        first = await house.add("price_bands", {**BANDS, "miners": [house.device_id()]})
        kind = "price_bands"
        form = await house.dialog(kind)
        assert form.choices("copy_from") == {first.id: "Bands"}
        await form.fill(miners=[house.device_id(1)], copy_from=first.id)
        assert form.suggested("price_entity") == PRICE
        await form.fill(price_entity=PRICE)
        await form.fill(right=True)
        assert form.step == "bands"
        await form.fill(next="continue")
        await form.fill(timing={})
        await form.fill(start="dry_run")
        stored = [*house.fleet.subentries.values()][1]
        assert stored.title == "Price bands"
        assert stored.data["bands"] == BANDS["bands"]
        assert stored.data["start"] == "dry_run"


async def test_a_price_that_cannot_be_read(house: House) -> None:
    """Each reason is told at the field; what is read wrong leads back."""
    form = await house.dialog("price_bands")
    await form.fill()
    await form.fill(price_entity=PRICE)
    assert form.errors == {"price_entity": "price_unavailable"}
    for value, unit, error in (
        (25, "EUR/l", "price_unit_unknown"),
        (25, "GBP/kWh", "price_currency"),
        ("much", "EUR/kWh", "price_unavailable"),
    ):
        house.price(value, unit)
        await form.fill(price_entity=PRICE)
        assert form.errors == {"price_entity": error}
    house.price(25)
    await form.fill(price_entity=PRICE)
    await form.fill(right=False)
    assert form.step == "price"


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


async def begin_bands(house: House, template: str) -> Dialog:
    """Go on to the list of bands."""
    form = await house.dialog("price_bands")
    await form.fill()
    await form.fill(price_entity=PRICE)
    await form.fill(right=True)
    await form.fill(template=template)
    return form


async def test_cheapest_hours(house: House) -> None:
    """They need a list of prices; together the bands leave a rest."""
    house.price(25)
    form = await begin_bands(house, "hours")
    assert form.errors == {"template": "rank_needs_prices"}
    with_slots(house.hass)
    form = await begin_bands(house, "hours")
    assert "cheapest 6 h" in form.text_of("bands")
    await form.fill(next="add")
    await form.fill(band_name="More", cheapest=20, rung="normal", pool="leave")
    await form.fill(next="continue")
    assert form.errors == {"next": "too_many_hours"}
    await form.fill(next="delete_1")
    await form.fill(next="continue")
    assert form.step == "timing"


async def test_prices_of_the_day_are_the_limits(house: House) -> None:
    """Without recorded prices, those that the sensor knows make the template."""
    with_slots(house.hass)
    form = await begin_bands(house, "three")
    assert "up to 27.0 ct/kWh" in form.text_of("bands")
    form = await begin_bands(house, "two")
    assert form.text_of("bands").count("\n") == 1


async def test_the_six_of_hmm_local(house: House) -> None:
    """Its limits are in hundredths of the currency, here in the unit of the sensor."""
    house.price(0.25, "EUR/kWh")
    form = await begin_bands(house, "six")
    shown = form.text_of("bands")
    assert "up to 0.050 EUR/kWh" in shown
    assert "Off" not in shown


async def test_a_tariff(house: House) -> None:
    """A select has a band for each of its options; each state has exactly one."""
    tariff = "input_select.tariff"
    house.hass.states.async_set(tariff, "low", {"options": ["low", "high"]})
    form = await house.dialog("price_bands")
    await form.fill()
    await form.fill(price_entity=tariff)
    assert form.text_of("reading") == "Now “low”."
    await form.fill(right=True)
    await form.fill(template="states")
    await form.fill(next="edit_1")
    await form.fill(band_name="high", states=["low"], rung="off", pool="leave")
    assert form.errors == {"states": "states_overlap"}
    await form.fill(band_name="high", states=["high"], rung="off", pool="leave")
    await form.fill(next="continue")
    await form.fill(timing={})
    await form.fill(start="steer")
    assert [band["states"] for band in house.stored.data["bands"]] == [
        ["low"],
        ["high"],
    ]
    # A sensor with states, and one that is on or off
    house.hass.states.async_set("sensor.tariff", "peak", {"device_class": "enum"})
    house.hass.states.async_set("binary_sensor.cheap", "on")
    form = await house.reconfigure("price")
    for entity_id in ("sensor.tariff", "binary_sensor.cheap"):
        await form.fill(price_entity=entity_id)
        await form.fill(right=False)


async def test_a_tariff_that_the_strategy_sets_itself(house: House) -> None:
    """A mode of a miner is none; the price of the fleet, with its tax, is a price."""
    house.options(prices={"price_source": "fixed", "price_fixed": 0.3})
    await house.hass.async_block_till_done()
    form = await house.dialog("price_bands")
    await form.fill()
    mode = find(house.hass, house.entry, "select", "mode").entity_id
    with pytest.raises(InvalidData):
        await form.fill(price_entity=mode)
    price = find(house.hass, house.fleet, "sensor", "price").entity_id
    await form.fill(price_entity=price)
    assert form.step == "reading"


async def test_wrong_bands(house: House) -> None:
    """Names and limits are unique, exactly one band is open, there are 2 to 24."""
    house.price(25)
    form = await begin_bands(house, "empty")
    assert form.text_of("bands") == "–"
    await form.fill(next="continue")
    assert form.errors == {"next": "band_count"}
    for name, upto in (("A", 10), ("B", 20)):
        await form.fill(next="add")
        await form.fill(band_name=name, upto=upto, rung="off", pool="leave")
    await form.fill(next="continue")
    assert form.errors == {"next": "no_top_band"}
    await form.fill(next="add")
    for band, errors in (
        ({"band_name": "a"}, {"band_name": "band_name_taken"}),
        ({"band_name": "  "}, {"band_name": "band_name_taken"}),
        ({"band_name": "C", "upto": 20}, {"upto": "limits_order"}),
    ):
        await form.fill(**band, rung="off", pool="leave")
        assert form.errors == errors
    await form.fill(band_name="C", rung="off", pool="leave")
    await form.fill(next="add")
    await form.fill(band_name="D", rung="off", pool="leave")
    assert form.errors == {"upto": "no_top_band"}
    await form.fill(band_name="D", upto=5, rung="off", pool="leave")
    assert form.text_of("bands").startswith("- **D**")
    for number in range(20):
        await form.fill(next="add")
        await form.fill(
            band_name=f"E{number}", upto=30 + number, rung="off", pool="leave"
        )
    await form.fill(next="add")
    assert form.errors == {"next": "band_count"}


async def test_per_model_and_pool(house: House) -> None:
    """Each model is asked for once; a pool account can belong to a band."""
    house.price(25)
    async with (
        SimulatedSolopool(generation=1, speed=0) as pool,
        SimulatedAvalon(model="nano3s") as avalon,
    ):
        account = await set_up(house.hass, pool_entry(pool, title="Mine"))
        await house.join(avalon, "Nano")
        form = await begin_bands(house, "two")
        await form.fill(next="edit_0")
        upto = form.suggested("upto")
        assert form.choices("pool") == {
            "leave": "Leave alone",
            account.entry_id: "Mine",
        }
        await form.fill(
            band_name="Cheap", upto=upto, rung="per_model", pool=account.entry_id
        )
        assert form.step == "band_model"
        assert "mode:eco" in form.choices("rung")
        await form.fill(rung="mode:eco")
        await form.fill(rung="mode:low")
        assert "Choose per model" in form.text_of("bands")
        await form.fill(next="continue")
        await form.fill(timing={})
        await form.fill(start="steer")
        (strategy,) = house.manager.strategies.values()
        rungs = strategy.settings.bands[0].models.values()
        assert sorted(rungs) == ["mode:eco", "mode:low"]
        form = await house.reconfigure("bands")
        await form.fill(next="edit_0")
        assert form.suggested("rung") == "per_model"
        assert form.suggested("pool") == account.entry_id
        await form.fill(
            band_name="Cheap", upto=upto, rung="normal", pool=account.entry_id
        )
        await form.fill(next="continue")
        # An account that is not set up just now is still one of them
        await house.hass.config_entries.async_unload(account.entry_id)
        form = await house.reconfigure("bands")
        await form.fill(next="edit_0")
        assert account.entry_id in form.choices("pool")
    (band, _) = house.stored.data["bands"]
    assert band["pool"] == account.entry_id
    assert "models" not in band


async def test_the_strategy_is_removed_meanwhile(house: House) -> None:
    """Its dialog, open in another tab, says so; nothing of it comes back."""
    house.price(25)
    await house.add("price_bands", BANDS)
    form = await house.reconfigure("timing")
    fleet = house.fleet
    (subentry_id,) = fleet.subentries
    house.hass.config_entries.async_remove_subentry(fleet, subentry_id)
    await form.fill(timing={})
    assert form.reason == "removed_meanwhile"
    assert not fleet.subentries


async def test_change_price_bands(house: House) -> None:
    """Each part is changed on its own; limits do not survive another unit."""
    house.price(25)
    strategy = await house.add("price_bands", BANDS)
    form = await house.reconfigure("miners")
    assert form.suggested("name") == "Bands"
    await form.fill(name="Tariff", miners=["nobody"])
    assert form.errors == {"miners": "no_miners"}
    await form.fill(name="Tariff", miners=[house.device_id()])
    assert form.reason == "reconfigure_successful"
    assert strategy.title == "Tariff"
    form = await house.reconfigure("timing")
    await form.fill(timing={"fallback": "band_cheap"})
    assert house.stored.data["fallback"] == "band_cheap"
    form = await house.reconfigure("bands")
    await form.fill(next="delete_1")
    assert len(house.stored.data["bands"]) == 3
    await form.fill(next="continue")
    assert len(house.stored.data["bands"]) == 2
    # The band that it fell back to goes, and that it was set to by hand
    await house.override(strategy, "Cheap")
    form = await house.reconfigure("bands")
    await form.fill(next="delete_0")
    await form.fill(next="add")
    await form.fill(band_name="New", upto=4, rung="off", pool="leave")
    await form.fill(next="continue")
    assert (house.stored.data["fallback"], strategy.error) == ("keep", None)
    assert strategy.record.override is None
    form = await house.reconfigure("timing")
    await form.fill(timing={})
    # The same unit keeps the bands
    form = await house.reconfigure("price")
    await form.fill(price_entity=PRICE)
    await form.fill(right=True)
    assert form.reason == "reconfigure_successful"
    house.price(0.25, "EUR/kWh")
    form = await house.reconfigure("price")
    await form.fill(price_entity=PRICE)
    await form.fill(right=True)
    assert form.step == "bands_start"
    await form.fill(template="two")
    await form.fill(next="continue")
    assert house.stored.data["price_unit"] == "EUR/kWh"


async def test_quiet_hours(house: House) -> None:
    """Days and hours, or an entity; a cap or a plan."""
    form = await house.dialog("calendar")
    await form.fill(name="Night")
    same = {"days": ["mon"], "from": "22:00:00", "to": "22:00:00"}
    await form.fill(**same)
    assert form.errors == {"to": "empty_span"}
    await form.fill(**same | {"days": [], "to": "06:00:00"})
    assert form.errors == {"days": "no_days"}
    await form.fill(**same | {"to": "06:00:00"})
    await form.fill(kind="quiet", rung="off")
    result = form.text_of("result")
    assert result == "Monday from 22:00 to 06:00: at most Off."
    await form.fill(start="steer")
    assert house.stored.data["days"] == ["mon"]
    house.hass.states.async_set("schedule.night", "off")
    form = await house.reconfigure("when")
    assert form.suggested("from") == "22:00:00"
    await form.fill(entity="schedule.night", **same)
    assert house.stored.data["from"] is None
    form = await house.reconfigure("what")
    await form.fill(kind="plan", rung="lowest")
    assert house.stored.data["kind"] == "plan"
    form = await house.dialog("calendar")
    await form.fill(name="X")
    assert form.errors == {"miners": "miner_taken"}


@pytest.mark.parametrize(
    ("language", "days", "said"),
    [
        ("en", "mon tue wed thu fri sat sun", "Every day from 10:05 PM to 12:00 AM"),
        ("en", "mon tue wed thu fri", "Monday to Friday from 10:05 PM to 12:00 AM"),
        ("de", "mon tue wed thu fri", "Montag bis Freitag von 22:05 bis 00:00"),
        ("de", "tue sat sun", "Dienstag, Samstag, Sonntag von 22:05 bis 00:00"),
        ("fr", "mon wed thu fri", "Lundi, du mercredi au vendredi de 22:05 à 00:00"),
        ("es", "mon tue wed", "De lunes a miércoles de 22:05 a 00:00"),
    ],
)
async def test_days_in_a_row_are_a_span(
    house: House, language: str, days: str, said: str
) -> None:
    """Given a house in America, then the preview is short, and has its clock."""
    await house.hass.config.async_update(language=language, country="US")
    await async_get_translations(house.hass, language, "selector", {DOMAIN})
    form = await house.dialog("calendar")
    await form.fill(name="Night")
    await form.fill(days=days.split(), **{"from": "22:05:00", "to": "00:00:00"})
    await form.fill(kind="quiet", rung="off")
    assert form.text_of("result").startswith(said)


async def test_a_plan_of_an_entity(house: House) -> None:
    """The preview names the entity."""
    registered = er.async_get(house.hass).async_get_or_create(
        "schedule", "test", "night", suggested_object_id="night"
    )
    form = await house.dialog("calendar")
    await form.fill()
    await form.fill(
        entity="schedule.night", days=["mon"], **{"from": "22:00:00", "to": "06:00:00"}
    )
    await form.fill(kind="plan", rung="lowest")
    result = form.text_of("result")
    assert result == "While schedule.night is on: Lowest."
    await form.fill(start="steer")
    assert house.stored.data["entity_ids"] == {"entity": registered.id}


async def test_only_the_fleet_has_strategies(house: House) -> None:
    """A miner offers none."""
    assert house.entry.supported_subentry_types == {}
    assert set(house.fleet.supported_subentry_types) == {
        "calendar",
        "champion",
        "heat",
        "price_bands",
        "solar",
    }


async def test_how_long_changes_by_hand_hold(house: House) -> None:
    """It is an option of the fleet, which is not set up again for it."""
    fleet = house.fleet
    before = fleet.runtime_data
    menu = await open_options(house.hass, fleet)
    form = await go_on(house.hass, menu, next_step_id="manual_hold")
    await go_on(house.hass, form, manual_hold="4h")
    assert fleet.options["manual_hold"] == "4h"
    assert fleet.runtime_data is before


async def test_preview(house: House) -> None:
    """With prices and watts that are known it says what the bands would have saved."""
    with_slots(house.hass)
    form = await begin_bands(house, "empty")
    for name, limit in (("Cheap", {"upto": 32}), ("Dear", {})):
        await form.fill(next="add")
        rung = "off" if name == "Dear" else "normal"
        await form.fill(band_name=name, rung=rung, pool="leave", **limit)
    await form.fill(next="continue")
    await form.fill(timing={})
    result = form.text_of("result")
    assert result.startswith("With the prices of the last 2 days it would have cost")
    assert "at 54 % of the hashrate, off for 22 h, at most 3 switches" in result
