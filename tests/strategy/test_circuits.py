"""Circuits: their dialog, and miners that they hold back."""

from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
import pytest

from custom_components.hmm.strategy.limits import MOST_CIRCUITS
from simulator import SimulatedAxeOS
from tests.common import find, fleet_entry, poll
from tests.conftest import miner_entry, set_up
from tests.flows import Result, go_on, open_options, options, suggested

from .common import BANDS, add, begin, manager, price, settle, wait
from .test_flow import device

pytestmark = pytest.mark.usefixtures("quick")

WATTS = {"eco": 11.0, "standard": 15.0, "turbo": 45.0}


@pytest.fixture
async def entry(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> ConfigEntry[Any]:
    """Set up a Bitaxe, and the fleet beside it."""
    return await set_up(home, miner_entry(bitaxe, "bitaxe", title="Axe"))


async def open_circuits(hass: HomeAssistant) -> Result:
    """Open the list of circuits."""
    menu = await open_options(hass, fleet_entry(hass))
    return await go_on(hass, menu, next_step_id="circuits")


def limit(hass: HomeAssistant, watts: float, *entries: ConfigEntry[Any]) -> None:
    """Set a circuit as the dialog does."""
    row = {
        "circuit": "Garage",
        "max_watts": watts,
        "miners": [device(hass, it) for it in entries],
    }
    hass.config_entries.async_update_entry(
        fleet_entry(hass), options={"circuits": [row]}
    )


def learn(hass: HomeAssistant, entry: ConfigEntry[Any], *modes: str) -> None:
    """Let what a miner draws in its modes be known."""
    steered = manager(hass).steered(entry.entry_id)
    assert steered is not None
    for mode in modes:
        steered.memory.watts.learn(f"mode:{mode}", WATTS[mode], None)
    steered.look()


async def test_dialog(home: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Add, change and remove by name; nothing is kept before it is saved."""
    fleet = fleet_entry(home)
    form = await open_circuits(home)
    assert form["description_placeholders"]["circuits"] == "–"
    form = await go_on(home, form, next="add")
    given = {"circuit": " Garage ", "max_watts": 2000, "miners": []}
    form = await go_on(home, form, **given)
    assert form["errors"] == {"miners": "no_miners"}
    given["miners"] = [device(home, entry)]
    form = await go_on(home, form, **given | {"circuit": " "})
    assert form["errors"] == {"circuit": "name_taken"}
    form = await go_on(home, form, **given)
    assert form["description_placeholders"]["circuits"] == "- **Garage** 2,000 W: Axe"
    form = await go_on(home, form, next="add")
    form = await go_on(home, form, **given | {"circuit": "GARAGE"})
    assert form["errors"] == {"circuit": "name_taken"}
    form = await go_on(home, form, **given | {"circuit": "Attic"})
    assert "circuits" not in fleet.options
    await go_on(home, form, next="save")
    assert [it["circuit"] for it in fleet.options["circuits"]] == ["Garage", "Attic"]
    form = await open_circuits(home)
    assert options(form, "next")["edit_0"] == "Edit Garage"
    form = await go_on(home, form, next="edit_0")
    assert suggested(form, "max_watts") == 2000
    form = await go_on(home, form, **given | {"circuit": "Garage", "max_watts": 1500})
    form = await go_on(home, form, next="delete_1")
    await go_on(home, form, next="save")
    assert fleet.options["circuits"] == [
        {"circuit": "Garage", "max_watts": 1500, "miners": given["miners"]}
    ]


async def test_there_are_only_so_many(
    home: HomeAssistant, entry: ConfigEntry[Any]
) -> None:
    """One more is refused, and rows that are damaged are none."""
    row = {"max_watts": 100, "miners": [device(home, entry)]}
    rows: list[Any] = [{"circuit": f"C{it}", **row} for it in range(MOST_CIRCUITS)]
    fleet = fleet_entry(home)
    home.config_entries.async_update_entry(fleet, options={"circuits": rows})
    form = await go_on(home, await open_circuits(home), next="add")
    assert form["errors"] == {"next": "too_many_circuits"}
    broken = [5, {"circuit": "A"}, {**row, "circuit": "B", "max_watts": "much"}]
    for damaged in (broken, "all", None):
        home.config_entries.async_update_entry(fleet, options={"circuits": damaged})
        form = await open_circuits(home)
        assert form["description_placeholders"]["circuits"] == "–"


async def test_a_circuit_holds_a_miner_back(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any], freezer: Any
) -> None:
    """It goes as far up as there is room, and says which circuit it is."""
    price(home, 10)
    await add(home, "price_bands", BANDS)
    learn(home, entry, *WATTS)
    limit(home, 30, entry)
    await begin(home)
    await wait(home, freezer, 6)
    assert entry.runtime_data.tuning.current == "standard"
    controlled = find(home, entry, "sensor", "controlled_by")
    assert controlled.state == "safety"
    assert controlled.attributes["explanation"] == "The circuit Garage allows 30 W."
    limit(home, 100, entry)
    await settle(home)
    await wait(home, freezer, 6)
    await poll(home, entry)
    assert entry.runtime_data.tuning.current == "turbo"


async def test_unknown_watts_are_not_tried(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any], freezer: Any
) -> None:
    """Where there is a limit, a mode must be known; how it becomes so is said."""
    price(home, 10)
    await add(home, "price_bands", BANDS)
    learn(home, entry, "standard")
    limit(home, 100, entry)
    await begin(home)
    assert entry.runtime_data.tuning.current == "standard"
    explanation = find(home, entry, "sensor", "controlled_by").attributes["explanation"]
    assert explanation.startswith("Axe waits: what it draws in ")
    assert "Garage allows 100 W" in explanation


async def test_others_on_the_circuit_have_their_share(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any], freezer: Any
) -> None:
    """A miner that no strategy steers draws from it all the same."""
    async with SimulatedAxeOS(model="gamma", name="other") as device_of_other:
        other = await set_up(home, miner_entry(device_of_other, "bitaxe", title="B"))
        price(home, 10)
        await add(home, "price_bands", {**BANDS, "miners": [device(home, entry)]})
        learn(home, entry, *WATTS)
        drawn = round((await poll(home, other)).power or 0)
        assert drawn
        # Room for the second mode, not for the third, also when they warm up
        limit(home, drawn + 30, entry, other)
        await begin(home)
        await wait(home, freezer, 6)
        assert entry.runtime_data.tuning.current == "standard"
        explanation = find(home, entry, "sensor", "controlled_by").attributes[
            "explanation"
        ]
        assert explanation == f"The circuit Garage allows {drawn + 30:.0f} W."
