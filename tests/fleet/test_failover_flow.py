"""The order of pools in the dialogs of the fleet and of a miner."""

from typing import Any

from homeassistant.config_entries import ConfigEntry, ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest

from simulator import SimulatedAxeOS, SimulatedNMMiner, SimulatedSolopool
from tests.common import find, find_id, fleet_entry, pool_entry
from tests.conftest import miner_entry, set_up
from tests.flows import go_on, open_options, suggested

pytestmark = pytest.mark.usefixtures("quick")

FORM = {
    "failover_mode": "move",
    "failover_when": ["stratum_down"],
    "failover_after": 5,
    "failover_back_after": 30,
    "failover_own": False,
}


async def open_step(hass: HomeAssistant, entry: ConfigEntry[Any], step: str) -> Any:
    """Open a step of the options of an entry."""
    return await go_on(hass, await open_options(hass, entry), next_step_id=step)


def health(hass: HomeAssistant, entry: ConfigEntry[Any]) -> str:
    """Return the health sensor of an account."""
    return find_id(hass, entry, "binary_sensor", "health")


async def test_the_order_of_the_fleet(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """Given two accounts, then their order is stored and works without a reload."""
    async with SimulatedSolopool(speed=0) as pool:
        one = await set_up(home, pool_entry(pool, title="One"))
        fleet = fleet_entry(home)
        abort = await open_step(home, fleet, "failover")
        assert abort["reason"] == "failover_needs_pools"
        two = await set_up(home, pool_entry(pool, "dgb1qtwo", title="Two"))
        await set_up(home, pool_entry(pool, "", title="Of all"))
        axe = await set_up(home, miner_entry(bitaxe, "bitaxe", title="Axe"))
        coordinator = fleet.runtime_data

        form = await open_step(home, fleet, "failover")
        offered = form["data_schema"].schema["failover_pools"].config
        assert set(offered["include_entities"]) == {
            health(home, item) for item in (one, two)
        }
        form = await go_on(home, form, **FORM, failover_pools=[health(home, one)])
        assert form["errors"] == {"failover_pools": "failover_pools_few"}
        pools = [health(home, item) for item in (two, one, two)]
        none = {**FORM, "failover_when": []}
        form = await go_on(home, form, **none, failover_pools=pools)
        assert form["errors"] == {"failover_when": "failover_when_none"}
        assert suggested(form, "failover_pools") == pools
        result = await go_on(home, form, **FORM, failover_pools=pools)
        assert result["type"] is FlowResultType.CREATE_ENTRY
        assert fleet.options["failover_pools"] == [two.entry_id, one.entry_id]
        assert fleet.runtime_data is coordinator
        assert find(home, fleet, "switch", "failover").state == "on"

        form = await open_step(home, fleet, "failover")
        assert suggested(form, "failover_pools") == pools[:2]
        off = {**FORM, "failover_mode": "off"}
        await go_on(home, form, **off, failover_pools=[])
        assert find(home, fleet, "switch", "failover").state == "off"

        await _order_of_a_miner(home, axe, one, two)


async def _order_of_a_miner(
    home: HomeAssistant,
    axe: ConfigEntry[Any],
    one: ConfigEntry[Any],
    two: ConfigEntry[Any],
) -> None:
    """Given a miner, then it has an order of its own, or none."""
    form = await open_step(home, axe, "pool_order")
    form = await go_on(home, form, failover="own", failover_pools=[health(home, one)])
    assert form["errors"] == {"failover_pools": "failover_pools_few"}
    pools = [health(home, item) for item in (one, two)]
    await go_on(home, form, failover="own", failover_pools=pools)
    assert axe.options["failover"] == "own"
    assert axe.options["failover_pools"] == [one.entry_id, two.entry_id]
    form = await open_step(home, axe, "pool_order")
    assert suggested(form, "failover") == "own"
    await go_on(home, form, failover="follow", failover_pools=[])
    assert not axe.options


async def test_an_account_that_is_disabled_keeps_its_place_at_the_end(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """Given an account that the form cannot show, then saving it loses nothing."""
    async with SimulatedSolopool(speed=0) as pool:
        one, two, three = [
            await set_up(home, pool_entry(pool, f"dgb1q{name}", title=name))
            for name in ("one", "two", "three")
        ]
        fleet = fleet_entry(home)
        axe = await set_up(home, miner_entry(bitaxe, "bitaxe", title="Axe"))
        order = [account.entry_id for account in (three, one, two)]
        for entry in (fleet, axe):
            home.config_entries.async_update_entry(
                entry, options={"failover": "own", "failover_pools": [*order, "gone"]}
            )
        await home.config_entries.async_set_disabled_by(
            three.entry_id, ConfigEntryDisabler.USER
        )
        await home.async_block_till_done(wait_background_tasks=True)
        pools = [health(home, item) for item in (two, one)]
        expected = [account.entry_id for account in (two, one, three)]

        form = await open_step(home, fleet, "failover")
        await go_on(home, form, **FORM, failover_pools=pools)
        assert fleet.options["failover_pools"] == expected
        form = await open_step(home, axe, "pool_order")
        await go_on(home, form, failover="own", failover_pools=pools)
        assert axe.options["failover_pools"] == expected


async def test_a_miner_whose_pool_cannot_be_set(home: HomeAssistant) -> None:
    """Given such a miner, then it has no order to choose."""
    async with SimulatedNMMiner(udp=False, http=True, version="v2.0.03") as device:
        entry = await set_up(
            home, miner_entry(device, "nmminer", device.hostname.lower())
        )
        menu = await open_options(home, entry)
        assert "pool_order" not in menu["menu_options"]
