"""A look for new miners on a schedule: it proposes, and never adds."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import SOURCE_IGNORE, SOURCE_INTEGRATION_DISCOVERY
from homeassistant.core import HomeAssistant
import pytest
import pytest_socket

from custom_components.hmm.bundled.miner_drivers.bitaxe_driver import BitaxeDriver
from custom_components.hmm.const import DOMAIN
from simulator import SimulatedAxeOS
from tests.common import fire_time_changed, fleet_entry
from tests.conftest import UsualPorts, miner_entry, set_up
from tests.flows import finish, go_on, open_options, suggested, with_texts

pytestmark = pytest.mark.usefixtures("quick", "three_hosts")

FORM = {"rescan": True, "rescan_hours": 6}


@pytest.fixture
def three_hosts(home: HomeAssistant) -> None:
    """Allow further addresses of this machine."""
    pytest_socket.socket_allow_hosts(["127.0.0.1", "127.0.0.2", "127.0.0.3"])


@pytest.fixture
def others(bitaxe: SimulatedAxeOS) -> list[SimulatedAxeOS]:
    """Return two more miners, which do not run yet."""
    return [
        SimulatedAxeOS(name=name, model=model, host=host, port=bitaxe.port)
        for name, model, host in (
            ("second", "ultra", "127.0.0.2"),
            ("third", "supra", "127.0.0.3"),
        )
    ]


def flows(hass: HomeAssistant) -> list[Any]:
    """Return what waits for its owner."""
    return list(hass.config_entries.flow.async_progress_by_handler(DOMAIN))


async def later(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, seconds: float
) -> None:
    """Let time pass, and what is due then."""
    freezer.tick(seconds)
    fire_time_changed(hass)
    await hass.async_block_till_done(wait_background_tasks=True)


async def test_new_miners_are_proposed_once(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    others: list[SimulatedAxeOS],
    usual_ports: UsualPorts,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Given a known, an ignored and a new miner, then only the new one is proposed."""
    usual_ports.move(BitaxeDriver, bitaxe.port)
    await set_up(home, miner_entry(bitaxe, "bitaxe"))
    fleet = fleet_entry(home)
    second, third = others
    async with second, third:
        await home.config_entries.flow.async_init(
            DOMAIN,
            context={"source": SOURCE_IGNORE},
            data={"unique_id": third.mac.lower(), "title": "Ignored"},
        )
        menu = await open_options(home, fleet)
        form = await go_on(home, menu, next_step_id="rescan")
        form = await go_on(home, form, **FORM, rescan_range="127.0.0.1-300")
        assert form["errors"] == {"rescan_range": "range_invalid"}
        await go_on(home, form, **FORM, rescan_range=" 127.0.0.1-3 ")
        assert fleet.options["rescan_range"] == "127.0.0.1-3"

        await later(home, freezer, 60)
        assert second.counters.requests == 0
        await later(home, freezer, 61)
        (flow,) = flows(home)
        assert flow["context"]["source"] == SOURCE_INTEGRATION_DISCOVERY
        assert flow["context"]["unique_id"] == second.mac.lower()
        assert len(home.config_entries.async_entries(DOMAIN)) == 3  # the fleet as well

        # While it waits, and once it is added, it is not proposed again
        await later(home, freezer, 6 * 3600)
        assert [item["flow_id"] for item in flows(home)] == [flow["flow_id"]]
        form = with_texts(
            await home.config_entries.flow.async_configure(flow["flow_id"])
        )
        assert form["step_id"] == "discovery_confirm"
        await finish(home, form)
        await later(home, freezer, 6 * 3600)
        assert flows(home) == []


async def test_it_looks_only_while_it_is_switched_on(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    others: list[SimulatedAxeOS],
    usual_ports: UsualPorts,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Given it is off, as it is at first, then no address is asked."""
    usual_ports.move(BitaxeDriver, bitaxe.port)
    await set_up(home, miner_entry(bitaxe, "bitaxe"))
    fleet = fleet_entry(home)
    second = others[0]
    async with second:
        await later(home, freezer, 25 * 3600)
        options = {**FORM, "rescan_range": "127.0.0.2"}
        home.config_entries.async_update_entry(fleet, options=options)
        await home.async_block_till_done()
        home.config_entries.async_update_entry(fleet, options={})
        await home.async_block_till_done()
        await later(home, freezer, 25 * 3600)
        home.config_entries.async_update_entry(fleet, options=options)
        await home.async_block_till_done()
        await home.config_entries.async_unload(fleet.entry_id)
        await later(home, freezer, 25 * 3600)
        assert second.counters.connections == 0

        await home.config_entries.async_setup(fleet.entry_id)
        await later(home, freezer, 121)
        assert len(flows(home)) == 1
    menu = await open_options(home, fleet)
    form = await go_on(home, menu, next_step_id="rescan")
    assert suggested(form, "rescan_range") == "127.0.0.2"
    await go_on(home, form, **FORM)
    assert fleet.options["rescan_range"] == ""


async def test_a_miner_with_a_new_address_is_followed(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    usual_ports: UsualPorts,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Given a known miner that is lost at its old address, then its entry follows it."""
    usual_ports.move(BitaxeDriver, bitaxe.port)
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    fleet = fleet_entry(home)
    options = {**FORM, "rescan_range": "127.0.0.1-2"}
    home.config_entries.async_update_entry(fleet, options=options)
    await home.async_block_till_done()
    await bitaxe.unplug()
    await entry.runtime_data.async_refresh()
    async with SimulatedAxeOS(name=bitaxe.name, host="127.0.0.2", port=bitaxe.port):
        await later(home, freezer, 121)
        assert flows(home) == []
        assert entry.data["host"] == "127.0.0.2"
