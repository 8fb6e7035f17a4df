"""Mode and pool: set, read back, refused."""

import time
from typing import Any

from homeassistant.components.select import ATTR_OPTIONS
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
import pytest

from custom_components.hmm.bundled.shared.axeos import AxeDriver
from custom_components.hmm.driver_engine import client as client_module
from simulator import (
    SimulatedAvalon,
    SimulatedAxeOS,
    SimulatedNerdQAxe,
    SimulatedSolopool,
)
from simulator.httpd import Request, Response
from simulator.solopool import DEMO_WALLET

from .common import (
    act,
    find,
    find_id,
    find_maybe,
    identity,
    keys,
    poll,
    pool_entry,
    refused,
)
from .conftest import miner_entry, set_up

pytestmark = pytest.mark.usefixtures("quick")


async def select(hass: HomeAssistant, entity_id: str, option: str) -> None:
    """Choose an option."""
    await act(hass, "select", "select_option", entity_id, option=option)


# Modes


async def test_modes_of_a_bitaxe(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> None:
    """A mode is made of the device's own options and is read back."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe", title="Garage"))
    shown = find(home, entry, "select", "mode")
    assert shown.name == "Garage Mode"
    assert shown.state == "standard"
    assert shown.attributes[ATTR_OPTIONS] == ["eco", "standard", "turbo", "oc"]

    for mode, point in {
        "eco": (400, 1100),
        "turbo": (600, 1200),
        "oc": (625, 1250),
        "standard": (525, 1150),
    }.items():
        bitaxe.writes.clear()
        await select(home, shown.entity_id, mode)
        assert (bitaxe.miner.frequency, bitaxe.miner.voltage) == point
        assert bitaxe.writes == [{"frequency": point[0], "coreVoltage": point[1]}]
        assert find(home, entry, "select", "mode").state == mode


async def test_custom_leads_back(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> None:
    """A point that was tuned by hand is one of the modes (Schnitzel/hass-miner#369)."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    mode = find_id(home, entry, "select", "mode")
    assert "custom" not in find(home, entry, "select", "mode").attributes[ATTR_OPTIONS]
    bitaxe.settings |= {"frequency": 505, "coreVoltage": 1120}
    await poll(home, entry)
    shown = find(home, entry, "select", "mode")
    assert shown.state == "custom"
    assert shown.attributes[ATTR_OPTIONS][-1] == "custom"
    # It is so already
    await select(home, mode, "custom")
    assert bitaxe.writes == []

    await select(home, mode, "eco")
    shown = find(home, entry, "select", "mode")
    assert shown.state == "eco"
    assert shown.attributes[ATTR_OPTIONS][-1] == "custom"
    bitaxe.writes.clear()
    await select(home, mode, "custom")
    # The frequency rises last: the voltage is enough for it at each step
    assert bitaxe.writes == [{"coreVoltage": 1120}, {"frequency": 505}]
    assert find(home, entry, "select", "mode").state == "custom"
    with pytest.raises(ServiceValidationError):
        await select(home, mode, "ludicrous")


async def test_ignored_write(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> None:
    """A device that answers 200 and does nothing: the action tells what it says."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))

    def ignored(request: Request) -> Response:
        return Response()

    bitaxe._routes = {**bitaxe.routes(), "PATCH /api/system": ignored}
    with pytest.raises(HomeAssistantError, match="525 MHz") as caught:
        await select(home, find_id(home, entry, "select", "mode"), "eco")
    assert caught.value.translation_key == "mode_not_applied"
    assert "127.0.0.1" in str(caught.value)
    assert find(home, entry, "select", "mode").state == "standard"


async def test_mode_of_a_nerdqaxe(home: HomeAssistant) -> None:
    """A NerdQAxe takes whole numbers only, and at once."""
    async with SimulatedNerdQAxe() as device:
        entry = await set_up(home, miner_entry(device, "nerdqaxe"))
        await select(home, find_id(home, entry, "select", "mode"), "eco")
        assert device.miner.frequency == min(device.board.frequencies)
        assert device.miner.voltage < device.board.voltage
        assert device.miner.voltage in device.board.voltages
        assert find(home, entry, "select", "mode").state == "eco"


@pytest.mark.parametrize(
    ("model", "modes"),
    [
        ("nano3", {"low": 0, "high": 2, "medium": 1}),
        ("nano3s", {"low": 0, "high": 2, "medium": 1}),
        ("q", {"super": 2, "eco": 0, "standard": 1}),
    ],
)
async def test_modes_of_an_avalon(
    home: HomeAssistant, model: str, modes: dict[str, int]
) -> None:
    """Avalons have names of their own."""
    async with SimulatedAvalon(model=model) as device:
        entry = await set_up(home, miner_entry(device, "avalon_nano", identity(device)))
        mode = find_id(home, entry, "select", "mode")
        for name, number in modes.items():
            await select(home, mode, name)
            assert device.mode == number
            assert find(home, entry, "select", "mode").state == name


async def test_avalon_that_calibrates(home: HomeAssistant) -> None:
    """While it calibrates it refuses, and the error says so."""
    async with SimulatedAvalon() as device:
        device.calibrating = True
        entry = await set_up(home, miner_entry(device, "avalon_nano"))
        with refused("calibrating", HomeAssistantError):
            await select(home, find_id(home, entry, "select", "mode"), "low")
        assert device.mode == 2
        assert find(home, entry, "select", "mode").state == "high"


# Pools


@pytest.mark.parametrize("generation", ["2.8", "2.13", "2.15"])
async def test_pool_of_a_bitaxe(home: HomeAssistant, generation: str) -> None:
    """AxeOS restarts to change its pool, and the pool is the one it then uses."""
    async with SimulatedAxeOS(
        generation=generation, reboot_seconds=0.2, restart_delay=0.1
    ) as device:
        entry = await set_up(home, miner_entry(device, "bitaxe"))
        shown = find(home, entry, "select", "pool")
        assert shown.state == "Slot 1: public-pool.io:21496"
        assert shown.attributes[ATTR_OPTIONS] == [
            "Slot 1: public-pool.io:21496",
            "Slot 2: solo.ckpool.org:3333",
        ]
        # What a stratum user is stays out of every state
        assert "bc1q" not in str(home.states.async_all())

        await select(home, shown.entity_id, "Slot 2: solo.ckpool.org:3333")
        assert device.boots == 2
        assert device.state()["pool"] == "solo.ckpool.org:3333"
        assert find(home, entry, "select", "pool").state.endswith(
            "solo.ckpool.org:3333"
        )

        back = next(
            option
            for option in find(home, entry, "select", "pool").attributes[ATTR_OPTIONS]
            if "public-pool.io" in option
        )
        await select(home, shown.entity_id, back)
        assert device.state()["pool"] == "public-pool.io:21496"
        assert find(home, entry, "select", "pool").state.endswith(
            "public-pool.io:21496"
        )


async def test_pool_that_is_not_taken(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A restart into the old pool is an error."""
    monkeypatch.setattr(AxeDriver, "restart_timeout", 5.0)
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))

    def ignored(request: Request) -> Response:
        return Response()

    bitaxe._routes = {**bitaxe.routes(), "PATCH /api/system": ignored}
    with pytest.raises(HomeAssistantError, match="does not use it") as caught:
        await select(
            home, find_id(home, entry, "select", "pool"), "Slot 2: solo.ckpool.org:3333"
        )
    assert caught.value.translation_key == "pool_not_applied"
    assert find(home, entry, "select", "pool").state == "Slot 1: public-pool.io:21496"


async def test_a_poll_waits_for_a_long_command(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A miner that a command keeps busy is not unavailable."""
    monkeypatch.setattr(client_module, "_POLL_SECONDS", 0.1)
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    task = home.async_create_task(
        select(
            home, find_id(home, entry, "select", "pool"), "Slot 2: solo.ckpool.org:3333"
        )
    )
    started = time.monotonic()
    while not task.done():
        await entry.runtime_data.async_refresh()
        assert find(home, entry, "sensor", "power").state != STATE_UNAVAILABLE
    await task
    assert time.monotonic() - started > 0.2


async def test_names_that_are_longer_than_a_state(home: HomeAssistant) -> None:
    """A pool may have any address, and an account any name: both can be chosen."""
    async with (
        SimulatedNerdQAxe() as device,
        SimulatedSolopool(speed=0) as pool,
    ):
        device.settings["stratumUser"] = f"{DEMO_WALLET}_shed"
        device.settings["fallbackStratumURL"] = "a" * 250
        entry = await set_up(home, miner_entry(device, "nerdqaxe"))
        for wallet in (DEMO_WALLET, "dgb1qother"):
            await set_up(home, pool_entry(pool, wallet, title="Digi" * 100))
        await poll(home, entry)
        shown = find(home, entry, "select", "pool")
        names = shown.attributes[ATTR_OPTIONS]
        assert len(set(names)) == 4
        assert [name[:8] for name in names[2:]] == ["Slot 1: ", "Slot 2: "]
        for name in (names[0], names[1], names[3]):
            await select(home, shown.entity_id, name)
            # The slots of the miner change places
            assert find(home, entry, "select", "pool").state[8:] == name[8:]


async def test_pool_of_a_nerdqaxe(home: HomeAssistant) -> None:
    """A NerdQAxe changes its pool without a restart: the two change places."""
    async with SimulatedNerdQAxe() as device:
        entry = await set_up(home, miner_entry(device, "nerdqaxe"))
        pool = find_id(home, entry, "select", "pool")
        await select(home, pool, "Slot 2: solo.ckpool.org:3333")
        assert device.boots == 1
        assert device.state()["pool"] == "solo.ckpool.org:3333"
        assert (
            find(home, entry, "select", "pool").state == "Slot 1: solo.ckpool.org:3333"
        )


async def test_pool_of_an_avalon(home: HomeAssistant) -> None:
    """``switchpool`` acts at once."""
    async with SimulatedAvalon() as device:
        entry = await set_up(home, miner_entry(device, "avalon_nano"))
        shown = find(home, entry, "select", "pool")
        other = next(
            option for option in shown.attributes[ATTR_OPTIONS] if option != shown.state
        )
        await select(home, shown.entity_id, other)
        assert device.boots == 1
        assert device.state()["pool_slot"] == int(other[5]) - 1
        assert find(home, entry, "select", "pool").state == other


async def test_no_choice(home: HomeAssistant) -> None:
    """A miner with one pool has nothing to choose."""
    async with SimulatedAxeOS(generation="2.13") as device:
        device.pools[1]["stratumURL"] = ""
        await device.unplug()
        await device.plug_in()
        entry = await set_up(home, miner_entry(device, "bitaxe"))
        assert keys(home, entry, "select") == {"mode"}


async def test_accounts_among_the_pools(home: HomeAssistant) -> None:
    """Given pool accounts, then each is a choice with the login that its entry has."""
    async with (
        SimulatedNerdQAxe() as device,
        SimulatedSolopool(speed=0) as pool,
    ):
        device.settings["stratumUser"] = f"{DEMO_WALLET}_shed"
        entry = await set_up(home, miner_entry(device, "nerdqaxe"))
        account = await set_up(home, pool_entry(pool, title="Digi"))
        await set_up(home, pool_entry(pool, "dgb1qother", title="Digi"))
        await set_up(home, pool_entry(pool, "", title="Of all"))
        await poll(home, entry)
        shown = find(home, entry, "select", "pool")
        assert shown.attributes[ATTR_OPTIONS] == [
            *("Digi", "Digi 2"),
            *("Slot 1: public-pool.io:21496", "Slot 2: solo.ckpool.org:3333"),
        ]
        ours = "Digi" if account.entry_id < _entry_of("dgb1qother", home) else "Digi 2"
        await select(home, shown.entity_id, ours)
        assert device.pool_address() == ("eu1.solopool.org", 8004)
        assert device.settings["stratumUser"] == f"{DEMO_WALLET}.shed"
        shown = find(home, entry, "select", "pool")
        assert shown.state == ours
        # The slot is the account's now
        assert shown.attributes[ATTR_OPTIONS][2:] == ["Slot 2: solo.ckpool.org:3333"]
        assert DEMO_WALLET not in str(home.states.async_all())

        # One that is in a slot is switched to, and nothing is written over
        await select(home, shown.entity_id, "Slot 2: solo.ckpool.org:3333")
        await select(home, shown.entity_id, ours)
        assert device.pool_address() == ("eu1.solopool.org", 8004)
        assert device.settings["fallbackStratumURL"] == "solo.ckpool.org"


def _entry_of(wallet: str, hass: HomeAssistant) -> str:
    entries = hass.config_entries.async_entries("hmm")
    return next(
        entry.entry_id for entry in entries if entry.data.get("wallet") == wallet
    )


async def test_an_account_for_a_miner_with_one_pool(home: HomeAssistant) -> None:
    """Given a miner with one pool, then the first account makes it a choice."""
    async with (
        SimulatedAxeOS(
            generation="2.13", reboot_seconds=0.2, restart_delay=0.1
        ) as device,
        SimulatedSolopool(speed=0) as pool,
    ):
        device.pools[1]["stratumURL"] = ""
        await device.unplug()
        await device.plug_in()
        entry = await set_up(home, miner_entry(device, "bitaxe", title="Axe"))
        assert find_maybe(home, entry, "select", "pool") is None
        await set_up(home, pool_entry(pool, title="Digi"))
        await poll(home, entry)
        shown = find(home, entry, "select", "pool")
        assert shown.state == "Slot 1: public-pool.io:21496"
        await select(home, shown.entity_id, "Digi")
        assert find(home, entry, "select", "pool").state == "Digi"
        assert device.state()["pool"] == "eu1.solopool.org:8004"


async def test_no_pool_in_use(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> None:
    """A miner that names no active pool: unknown."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    render = bitaxe._render

    def without(names: Any) -> dict[str, Any]:
        return {**render(names), "primaryPoolIndex": 5, "secondaryPoolIndex": 6}

    bitaxe._render = without  # type: ignore[assignment, method-assign]
    await poll(home, entry)
    assert find(home, entry, "select", "pool").state == "unknown"


async def test_pool_that_is_gone(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> None:
    """A choice from before another change is refused, and nothing is written."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    pool = home.data["entity_components"]["select"].get_entity(
        find_id(home, entry, "select", "pool")
    )
    with pytest.raises(ServiceValidationError, match="no longer has the pool"):
        await pool.async_select_option("9: nowhere.example:3333")
    assert bitaxe.writes == []
