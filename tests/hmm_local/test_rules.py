"""Taking over what HMM-Local steers and tells by, from a running one."""

from collections.abc import AsyncIterator
import random
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr
import pytest

from custom_components.hmm.data import get_data
from custom_components.hmm.hmm_local.local_rules import (
    ALERTS,
    BANDS,
    PLUGS,
    RULES,
    SOLAR,
    STRATEGY,
    read_rules,
)
from custom_components.hmm.markdown import escape
from custom_components.hmm.strategy.planner.settings import (
    BandsSettings,
    CalendarSettings,
    ChampionSettings,
    SolarSettings,
)
from simulator import SimulatedAvalon, SimulatedAxeOS, SimulatedSolopool
from simulator.hmm_local import SimulatedHmmLocal
from simulator.solopool import DEMO_WALLET
from tests.common import find, find_id, fleet_entry, pool_entry
from tests.conftest import miner_entry, set_up
from tests.flows import Result, choose, fill, with_texts

pytestmark = pytest.mark.usefixtures("quick", "usual_ports")

PRICE = "sensor.tariff"
PLUG = "switch.plug_of_shed"


@pytest.fixture
async def local(home: HomeAssistant) -> AsyncIterator[SimulatedHmmLocal]:
    """Return a running HMM-Local with two miners; nothing is written to it."""
    await home.config.async_update(currency="GBP", time_zone="Europe/London")
    home.states.async_set(PRICE, "24.5", {"unit_of_measurement": "p/kWh"})
    async with SimulatedHmmLocal() as server:
        server.profiles.clear()
        yield server
        assert server.writes == 0


@pytest.fixture
async def miners(
    home: HomeAssistant, local: SimulatedHmmLocal, bitaxe: SimulatedAxeOS
) -> AsyncIterator[list[ConfigEntry[Any]]]:
    """Return the miners of HMM-Local as they are set up here."""
    async with SimulatedAvalon() as avalon:
        devices = (("Shed", bitaxe, "bitaxe"), ("Attic", avalon, "avalon_nano"))
        entries = []
        for name, device, kind in devices:
            local.add_miner(name, kind, "127.0.0.1", port=device.port)
            entries.append(await set_up(home, miner_entry(device, kind, title=name)))
        await home.async_block_till_done(wait_background_tasks=True)
        local.strategy |= {"enabled": True, "champion": True, "enrolled": [1, 2]}
        yield entries


async def ask_menu(home: HomeAssistant, server: SimulatedHmmLocal) -> Result:
    """Go to what HMM-Local has."""
    form = await choose(home, "import_hmm_local")
    menu = await fill(home, form, host=f"http://127.0.0.1:{server.port}")
    if menu["type"] is FlowResultType.SHOW_PROGRESS:
        await home.async_block_till_done()
        menu = await home.config_entries.flow.async_configure(menu["flow_id"])
    assert "import_rules" in menu["menu_options"], menu
    return with_texts(menu)


async def ask(home: HomeAssistant, server: SimulatedHmmLocal) -> Result:
    """Go to the rules of HMM-Local."""
    menu = await ask_menu(home, server)
    return await fill(home, menu, next_step_id="import_rules")


def rule(form: Result) -> str:
    """Return what is offered, in words."""
    assert form["step_id"] == "import_rule", form
    return str(form["description_placeholders"]["rule"])


def strategies(home: HomeAssistant) -> dict[str, Any]:
    """Return what is stored of each strategy, by its kind."""
    return {
        subentry.subentry_type: dict(subentry.data)
        for subentry in fleet_entry(home).subentries.values()
    }


async def test_bands_and_champion(
    home: HomeAssistant, local: SimulatedHmmLocal, miners: list[ConfigEntry[Any]]
) -> None:
    """Given bands with pools and modes, then they are a strategy that does the same."""
    async with SimulatedSolopool(coin="dgb") as server:
        account = await set_up(home, pool_entry(server))
        local.add_pool("Mine", "eu1.solopool.org", 8004, f"{DEMO_WALLET}.shed")
        local.add_pool("Other", "elsewhere.example", 3333, "somebody")
        local.make_bands(
            (1, {"bitaxe": "oc", "avalon_nano": "high"}),
            (-1, {"bitaxe": "standard", "avalon_nano": "med"}),
            (-1, {"bitaxe": "eco", "avalon_nano": "managed_externally"}),
            (None, {}),
            (2, {"bitaxe": "eco", "avalon_nano": "low"}),
        )
        form = await fill(home, await ask(home, local), price_entity=PRICE)
        text = rule(form)
        assert "Shed, Attic" in text
        assert "Other is not set up here" in text
        assert "up to 5.00 p/kWh" in text
        shed, attic = (escape(miner.runtime_data.tuning.model) for miner in miners)
        assert f"up to 0 p/kWh: {shed} Overclock, {attic} High, at " in text
        assert "Attic cannot be switched off" in text
        form = await fill(home, form, take=True)
        assert "“Band 5”" in rule(form)
        form = await fill(home, form, take=True)
        assert form["step_id"] == "import_rules_end"
        assert not fleet_entry(home).subentries
        done = await fill(home, form, start="dry_run")
    assert done["reason"] == "rules_taken_over"
    assert done["description_placeholders"]["made"] == "2"
    stored = strategies(home)
    data = stored["price_bands"]
    registry = dr.async_get(home)
    assert data["miners"] == [
        dr.async_entries_for_config_entry(registry, miner.entry_id)[0].id
        for miner in miners
    ]
    assert data["start"] == "dry_run"
    assert data["price_unit"] == "p/kWh"
    bands = BandsSettings.from_dict(data).bands
    assert [band.upto for band in bands] == [0, 5, 10, 20, 30, None]
    shed, attic = (miner.runtime_data.tuning.model_key for miner in miners)
    assert data["bands"][0]["pool"] == account.entry_id
    assert data["bands"][0]["models"] == {shed: "mode:oc", attic: "mode:high"}
    assert data["bands"][1]["models"][attic] == "mode:medium"
    assert data["bands"][2]["models"] == {shed: "mode:eco", attic: "off"}
    assert [band.rung for band in bands[3::2]] == ["off", "off"]
    assert "pool" not in data["bands"][4]
    # Above its band all is off, as in HMM-Local
    champion = ChampionSettings.from_dict(stored["champion"])
    assert (champion.above, champion.rung, champion.reserve) == (None, "lowest", "off")
    assert champion.band == bands[4].id
    assert stored["champion"]["band_of"] in fleet_entry(home).subentries


async def test_bands_in_another_unit(
    home: HomeAssistant, local: SimulatedHmmLocal, miners: list[ConfigEntry[Any]]
) -> None:
    """Given a sensor in pounds per MWh, then limits are in its unit."""
    home.states.async_set(PRICE, "245", {"unit_of_measurement": "GBP/MWh"})
    local.make_bands((-1, {"bitaxe": "eco", "avalon_nano": "low"}))
    form = await fill(home, await ask(home, local), price_entity=PRICE)
    form = await fill(home, form, take=True)
    await fill(home, form, start="steer")
    data = strategies(home)["price_bands"]
    assert [band.get("upto") for band in data["bands"]] == [0, 50, 100, 200, 300, None]
    # A second time its miners are taken
    form = await fill(home, await ask(home, local), price_entity=PRICE)
    assert form["step_id"] == "import_rules_end"
    assert (
        "Shed is already in “Price bands”" in form["description_placeholders"]["left"]
    )
    assert (await fill(home, form))["reason"] == "no_rule_taken_over"
    assert len(fleet_entry(home).subentries) == 1


async def test_a_champion_without_its_bands(
    home: HomeAssistant, local: SimulatedHmmLocal, miners: list[ConfigEntry[Any]]
) -> None:
    """Given bands that are left out, or gone, then there is no champion of them."""
    modes = {"bitaxe": "eco", "avalon_nano": "boost"}
    local.make_bands(*[(-1, modes)] * 5)
    form = await fill(home, await ask(home, local), price_entity=PRICE)
    attic = escape(miners[1].runtime_data.tuning.model)
    assert f"{attic} Normal (it has no “boost”)" in rule(form)
    form = await fill(home, form, take=False)
    assert "Champion: it follows" in form["description_placeholders"]["left"]
    form = await fill(home, await ask(home, local), price_entity=PRICE)
    form = await fill(home, await fill(home, form, take=True), take=True)
    # Meanwhile another dialog takes the same
    other = await fill(home, await ask(home, local), price_entity=PRICE)
    other = await fill(home, await fill(home, other, take=True), take=False)
    await fill(home, other, start="dry_run")
    done = await fill(home, form, start="dry_run")
    assert done["reason"] == "rules_partly_taken_over"
    assert done["description_placeholders"] == {
        "made": "0",
        "left": "Price bands, Champion",
    }
    assert strategies(home).keys() == {"price_bands"}


@pytest.mark.parametrize("dies", [True, False])
async def test_rules_that_are_not_told(
    home: HomeAssistant,
    local: SimulatedHmmLocal,
    miners: list[ConfigEntry[Any]],
    dies: bool,
) -> None:
    """Given an HMM-Local that ends while it is read, then nobody takes that for none."""
    local.make_bands((-1, {"bitaxe": "eco"}))
    local.add_alert("block_found")
    local.failing = set() if dies else {BANDS}
    local.dies_at = RULES if dies else None
    menu = await ask_menu(home, local)
    text = menu["description_placeholders"]["rest"]
    what = "automations, messages, plugs" if dies else "price bands"
    assert f"when asked for: {what}." in text
    form = await fill(home, menu, next_step_id="import_rules")
    if dies:
        form = await fill(home, form)
    assert what in form["description_placeholders"]["left"]


async def test_what_a_fresh_install_has(
    home: HomeAssistant, local: SimulatedHmmLocal, miners: list[ConfigEntry[Any]]
) -> None:
    """Given bands that all switch off, then they are not proposed."""
    form = await ask(home, local)
    assert form["step_id"] == "import_rules"
    home.states.async_set("sensor.euro", "0.3", {"unit_of_measurement": "EUR/kWh"})
    form = await fill(home, form, price_entity="sensor.euro")
    assert form["errors"] == {"price_entity": "price_currency"}
    form = await fill(home, form, price_entity=PRICE)
    assert "Every band switches off" in rule(form)
    assert form["data_schema"]({}) == {"take": False}
    form = await fill(home, form)
    assert "it never ran" in form["description_placeholders"]["left"]
    assert "start" not in form["data_schema"].schema
    await fill(home, form)
    assert not fleet_entry(home).subentries
    # Nor without a price
    form = await fill(home, await ask(home, local))
    assert "no sensor with the price" in form["description_placeholders"]["left"]


async def test_rules_plugs_and_messages(
    home: HomeAssistant,
    local: SimulatedHmmLocal,
    miners: list[ConfigEntry[Any]],
    freezer: FrozenDateTimeFactory,
) -> None:
    """Given rules of all kinds, then each is a plan, a blueprint, or has its reason."""
    freezer.move_to("2026-07-01 12:00:00+00:00")
    home.states.async_set(PLUG, "on")
    local.link_plug(PLUG, 1)
    local.link_plug("switch.gone", 2)
    own = find_id(home, miners[0], "switch", "mining")
    local.link_plug(own, 1)
    window = ("time_window", {"start": "22:00", "end": "06:00"})
    local.add_rule("Night", window, ("apply_mode", {"mode": "low", "miner_ids": [2]}))
    local.add_rule(
        "Eco", window, ("apply_mode", {"mode": "eco", "miner_id": "type:bitaxe"})
    )
    local.add_rule(
        "Dear",
        ("price_threshold", {"condition": "above", "threshold": 30}),
        ("apply_mode", {"mode": "eco", "miner_id": 1}),
    )
    local.add_rule(
        "Hot", ("miner_overheat", {"miner_id": 1, "threshold": 72}), ("send_alert", {})
    )
    local.add_rule("Pool", window, ("switch_pool", {"miner_id": 1, "pool_id": 1}))
    local.add_rule("Off", window, ("log_event", {}), enabled=False)
    local.add_alert("miner_offline", timeout_minutes=7, cooldown_minutes=60)
    local.add_alert("database_full")
    form = await fill(home, await ask(home, local))
    assert PLUG in rule(form)
    form = await fill(home, form, take=True)
    night = rule(form)
    assert "22:00–06:00 in UTC, which is 23:00–07:00 here" in night
    form = await fill(home, form, take=True)
    # That meant "off" where a plug was linked, so it is not proposed
    assert "switched the plug off" in rule(form)
    assert form["data_schema"]({}) == {"take": False}
    form = await fill(home, form)
    texts = form["description_placeholders"]
    for part in (
        *("too hot, with a limit of 72 °C", "miner offline, after 7 min"),
        "low mode at peak tariff, with a limit of 0.3 per kWh and the mode eco, for Shed",
    ):
        assert part in texts["blueprints"]
    for part in (
        *("switch.gone", own, "“Pool”", "“Off”: it is disabled", "database\\_full"),
    ):
        assert part.replace("\\", "") in texts["left"].replace("\\", "")
    await fill(home, form, start="dry_run")
    data = strategies(home)["calendar"]
    plan = CalendarSettings.from_dict(data)
    assert (plan.rung, plan.quiet) == ("lowest", False)
    assert (data["from"], data["to"]) == ("23:00:00", "07:00:00")
    assert miners[0].options["plug"] == PLUG
    await home.async_block_till_done(wait_background_tasks=True)
    # Its switch is that of the plug now
    for state in ("on", "unavailable", "off"):
        home.states.async_set(PLUG, state)
        await home.async_block_till_done()
        assert find(home, miners[0], "switch", "mining").state == state
    assert "plug" not in miners[1].options


METER = "sensor.surplus"


async def test_solar_surplus(
    home: HomeAssistant, local: SimulatedHmmLocal, miners: list[ConfigEntry[Any]]
) -> None:
    """Given the plug-in for the sun, then its miners follow the same meter here."""
    local.generation = "2026-10"
    local.make_bands()
    local.strategy |= {"enabled": False, "enrolled": []}
    local.solar |= {"enabled": True, "entity": METER, "enrolled": [2, 9]}
    home.states.async_set(
        METER, "1.25", {"unit_of_measurement": "kW", "device_class": "power"}
    )
    form = await fill(home, await ask(home, local))
    text = rule(form)
    assert "Attic follow" in text
    assert "100 W of it are left" in text
    assert "says that 1250 W are left over" in text
    form = await fill(home, form, take=True)
    assert "at negative prices" in form["description_placeholders"]["left"]
    await fill(home, form, start="steer")
    data = strategies(home)["solar"]
    settings = SolarSettings.from_dict(data)
    assert (settings.reserve, settings.on_delay.seconds) == (100, 300)
    assert (data["meter_kind"], data["meter_entity"]) == ("surplus", METER)
    strategy = next(iter(get_data(home).strategies.strategies.values()))
    await home.async_block_till_done()
    assert strategy.kind == "solar"
    assert strategy.error is None


@pytest.mark.parametrize(
    ("solar", "state", "unit", "said"),
    [
        ({"enrolled": []}, "5", "W", "none of its miners"),
        ({"entity": "sensor.gone"}, "5", "W", "there is no sensor.gone"),
        ({}, "5", "°C", "does not measure the power"),
        ({"extra": {"surplus_buffer_watts": 250, "pool_id": 3}}, "5", "W", ""),
        ({"enabled": False}, "unavailable", "W", ""),
    ],
)
async def test_solar_surplus_of_other_shapes(
    home: HomeAssistant,
    local: SimulatedHmmLocal,
    miners: list[ConfigEntry[Any]],
    solar: dict[str, Any],
    state: str,
    unit: str,
    said: str,
) -> None:
    """Given what cannot be moved, then its reason is told; a buffer and pool too."""
    local.generation = "2026-10"
    local.solar |= {"enabled": True, "entity": METER, "enrolled": [1], **solar}
    home.states.async_set(METER, state, {"unit_of_measurement": unit})
    form = await fill(home, await ask(home, local))
    if said:
        left = form["description_placeholders"]["left"].replace("\\", "")
        assert said in left
        return
    text = rule(form)
    assert ("250 W of it are left" in text) is ("extra" in solar)
    assert ("named a pool" in text) is ("extra" in solar)
    assert ("are left over" in text) is (state != "unavailable")
    assert form["data_schema"]({}) == {"take": solar.get("enabled", True)}


async def test_the_order_of_pools(
    home: HomeAssistant, local: SimulatedHmmLocal, miners: list[ConfigEntry[Any]]
) -> None:
    """Given pools in an order, then it is that of failover, which only tells."""
    local.strategy |= {"enabled": False, "champion": False}
    for name, user, order in (
        ("Second", DEMO_WALLET, 2),
        ("First", "dgb1qother", 1),
        ("Gone", "dgb1qgone", 3),
    ):
        local.add_pool(name, "eu1.solopool.org", 8004, f"{user}.shed", sort_order=order)
    async with SimulatedSolopool(generation=1) as server:
        second = await set_up(home, pool_entry(server, title="Two"))
        form = await fill(home, await ask(home, local))
        assert "takes two" in form["description_placeholders"]["left"]
        first = await set_up(home, pool_entry(server, "dgb1qother", title="One"))
        form = await fill(home, await ask(home, local))
        assert "One, Two" in rule(form)
        assert "Not set up here, so not part of it: Gone" in rule(form)
        assert form["data_schema"]({}) == {"take": True}
        done = await fill(home, await fill(home, form, take=True))
        assert done["description_placeholders"]["made"] == "1"
        options = fleet_entry(home).options
        assert options["failover_pools"] == [first.entry_id, second.entry_id]
        assert options["failover_mode"] == "notify"
        form = await fill(home, await ask(home, local))
        assert "an order of its own" in form["description_placeholders"]["left"]


async def test_rules_before_miners(
    home: HomeAssistant, local: SimulatedHmmLocal
) -> None:
    """Given nothing that is set up here, then it is said what comes first."""
    local.strategy["enabled"] = True
    done = await ask(home, local)
    assert done["reason"] == "rules_need_miners"


async def test_what_is_removed_meanwhile(
    home: HomeAssistant, local: SimulatedHmmLocal, miners: list[ConfigEntry[Any]]
) -> None:
    """Given no usable band, and a miner, then the fleet, gone at the last screen."""
    local.bands = [{"id": 1}]
    home.states.async_set(PLUG, "on")
    local.link_plug(PLUG, 1)
    last = []
    for _ in range(2):
        form = await ask(home, local)
        assert PLUG in rule(form)
        last.append(await fill(home, form, take=True))
    await home.config_entries.async_remove(miners[0].entry_id)
    done = await fill(home, last[0])
    assert done["reason"] == "rules_taken_over"
    assert "plug" not in miners[1].options
    await home.config_entries.async_remove(fleet_entry(home).entry_id)
    assert (await fill(home, last[1]))["reason"] == "rules_need_miners"


def test_nonsense_is_left_out() -> None:
    """Given answers of any shape, then what can be read is, and nothing fails."""
    dice = random.Random(7)
    scraps: list[Any] = [
        *(None, True, 0, -1, 1e308, float("nan"), "", "x" * 5000, "type:", "12:99"),
        *([], {}, [[]], [None], {"id": 10**30}, {"bands": None}),
    ]
    keys = [
        *("id", "sort_order", "min_price", "max_price", "target_pool_id", "bands"),
        *("mode_targets", "enrolled_miners", "trigger_config", "action_config"),
        *("start", "end", "miner_ids", "miner_id", "threshold", "devices"),
        *("linked_miner_ids", "entity_id", "alert_type", "enabled", "config", "name"),
        *("solar_surplus_entity_id", "surplus_buffer_watts", "pool_id"),
    ]

    def thing(depth: int) -> Any:
        if depth == 0 or dice.random() < 0.3:
            return dice.choice(scraps)
        if dice.random() < 0.5:
            return [thing(depth - 1) for _ in range(dice.randrange(4))]
        return {dice.choice(keys): thing(depth - 1) for _ in range(dice.randrange(9))}

    for _ in range(3000):
        result = read_rules(
            {path: thing(4) for path in (STRATEGY, BANDS, SOLAR, RULES, ALERTS, PLUGS)}
        )
        limits = [band.upto for band in result.bands]
        assert all(limit is not None for limit in limits[:-1])
        assert limits[:-1] == sorted({*limits[:-1]}, key=float)  # type: ignore[arg-type]
        for rule_ in result.rules:
            rule_.clock("start")
            rule_.number("threshold", 0, 100)
            assert len(rule_.miners) <= 200


def test_gaps_overlaps_and_too_many_bands() -> None:
    """Given limits that HMM-Local never refused, then every price has one band."""
    rows = [
        {"sort_order": place, "min_price": low, "max_price": high, "target_pool_id": -1}
        for place, low, high in ((2, 12, 20), (1, 0, 10), (3, 15, 18), (4, 20, 999))
    ]
    result = read_rules({STRATEGY: {}, BANDS: {"bands": rows}})
    assert [(band.number, band.upto) for band in result.bands] == [
        (1, 10),
        (2, 20),
        (4, None),
    ]
    many = [{"sort_order": n, "max_price": n} for n in range(10_000)]
    assert len(read_rules({BANDS: {"bands": many}}).bands) == 24
