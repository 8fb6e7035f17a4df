"""The blueprint "low mode at peak tariff", in the real blueprint engine."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import EVENT_HOMEASSISTANT_STARTED, STATE_UNAVAILABLE
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    label_registry as lr,
)
from homeassistant.util import dt as dt_util
import pytest

from simulator import SimulatedAvalon, SimulatedAxeOS
from tests.common import act, fire_time_changed
from tests.conftest import miner_entry, set_up

from . import conftest

PRICE = "sensor.electricity_price"
TARIFF = "select.tariff"
HOLD = timedelta(minutes=5)

ECO = {"frequency": 400, "coreVoltage": 1100}
STANDARD = {"frequency": 525, "coreVoltage": 1150}
LOW, MEDIUM, HIGH = 0, 1, 2


@dataclass
class Cellar:
    """A Bitaxe and an Avalon in one room, both of one label."""

    hass: HomeAssistant
    bitaxe: SimulatedAxeOS
    avalon: SimulatedAvalon
    entries: tuple[ConfigEntry[Any], ConfigEntry[Any]]
    area: str
    label: str

    @property
    def modes(self) -> tuple[dict[str, Any], int]:
        """Return what the two devices really are set to."""
        settings = self.bitaxe.settings
        return {key: settings[key] for key in ECO}, self.avalon.mode

    @property
    def writes(self) -> int:
        """Return how many commands the two devices got."""
        commands = self.avalon.counters.by_path["ascset"]
        return len(self.bitaxe.writes) + commands

    def forget_writes(self) -> None:
        """Count anew."""
        self.bitaxe.writes.clear()
        self.avalon.counters.reset()

    async def wait(self, time: timedelta = HOLD) -> None:
        """Let time pass in Home Assistant."""
        fire_time_changed(self.hass, dt_util.utcnow() + time)
        await self.hass.async_block_till_done()

    async def price(self, value: float | str) -> None:
        """Change the price."""
        self.hass.states.async_set(PRICE, str(value))
        await self.hass.async_block_till_done()


@pytest.fixture
async def cellar(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, quick: None
) -> AsyncIterator[Cellar]:
    """Return both miners, set up, in their normal and in high mode."""
    async with SimulatedAvalon(model="nano3s", mode=HIGH) as avalon:
        entries = (
            await set_up(home, miner_entry(bitaxe, "bitaxe", title="Bitaxe")),
            await set_up(home, miner_entry(avalon, "avalon_nano", title="Avalon")),
        )
        area = ar.async_get(home).async_create("Cellar").id
        label = lr.async_get(home).async_create("Heating").label_id
        devices = dr.async_get(home)
        for entry in entries:
            (device,) = dr.async_entries_for_config_entry(devices, entry.entry_id)
            devices.async_update_device(device.id, area_id=area, labels={label})
        result = Cellar(home, bitaxe, avalon, entries, area, label)
        assert result.modes == (STANDARD, HIGH)
        result.forget_writes()
        yield result


async def automate(hass: HomeAssistant, **inputs: Any) -> None:
    """Set up an automation from the blueprint."""
    await conftest.automate(hass, "low_mode_at_peak_tariff", **inputs)


async def test_miners_of_an_area_follow_a_price(cellar: Cellar) -> None:
    """Given an area, when the price rises and falls, then each miner follows."""
    await cellar.price(0.20)
    await automate(
        cellar.hass, miners={"area_id": cellar.area}, tariff=PRICE, limit=0.25
    )

    await cellar.price(0.31)
    assert cellar.modes == (STANDARD, HIGH), "it waits first"
    await cellar.wait()
    assert cellar.modes == (ECO, LOW)

    # Every quarter of an hour another price; the miners know already.
    cellar.forget_writes()
    await cellar.price(0.35)
    await cellar.wait()
    assert cellar.writes == 0

    await cellar.price(0.25)
    await cellar.wait()
    assert cellar.modes == (STANDARD, MEDIUM)


async def test_miners_of_a_label_follow_a_tariff(cellar: Cellar) -> None:
    """Given a label and a tariff, its states decide, however they are written."""
    hass = cellar.hass
    hass.states.async_set(TARIFF, "offpeak")
    await automate(
        hass,
        miners={"label_id": cellar.label},
        tariff=TARIFF,
        peak_states=["peak", "Super Peak "],
        normal_modes=["turbo", "high"],
    )

    hass.states.async_set(TARIFF, "super peak")
    await cellar.wait()
    assert cellar.modes == (ECO, LOW)

    hass.states.async_set(TARIFF, "1")
    await cellar.wait()
    settings, mode = cellar.modes
    assert settings["frequency"] > STANDARD["frequency"]
    assert mode == HIGH


async def test_one_device_may_be_chosen(cellar: Cellar) -> None:
    """Given one device as the target, the other keeps its mode."""
    await cellar.price(0.20)
    (device,) = dr.async_entries_for_config_entry(
        dr.async_get(cellar.hass), cellar.entries[1].entry_id
    )
    await automate(
        cellar.hass, miners={"device_id": device.id}, tariff=PRICE, limit=0.25
    )

    await cellar.price(0.31)
    await cellar.wait()

    assert cellar.modes == (STANDARD, LOW)


async def test_a_short_peak_changes_nothing(cellar: Cellar) -> None:
    """Given a wait of 5 minutes, when a peak lasts for less, then nothing is done."""
    await cellar.price(0.20)
    await automate(
        cellar.hass, miners={"area_id": cellar.area}, tariff=PRICE, limit=0.25
    )

    await cellar.price(0.31)
    await cellar.wait(timedelta(minutes=4))
    await cellar.price(0.20)
    await cellar.wait(timedelta(minutes=6))
    await cellar.wait(timedelta(minutes=12))

    assert cellar.modes[0] == STANDARD
    assert not cellar.bitaxe.writes


@pytest.mark.parametrize("silence", ["unavailable", "unknown", "n/a", None])
async def test_an_unknown_price_changes_nothing(
    cellar: Cellar, silence: str | None
) -> None:
    """Given a peak, when the price is gone and comes back, nobody is told again."""
    await cellar.price(0.20)
    await automate(
        cellar.hass, miners={"area_id": cellar.area}, tariff=PRICE, limit=0.25
    )
    await cellar.price(0.31)
    await cellar.wait()
    assert cellar.modes == (ECO, LOW)
    cellar.forget_writes()

    if silence is None:
        cellar.hass.states.async_remove(PRICE)
    else:
        await cellar.price(silence)
    await cellar.wait()
    assert cellar.modes == (ECO, LOW)
    await cellar.price(0.31)
    await cellar.wait()

    assert cellar.modes == (ECO, LOW)
    assert cellar.writes == 0


@pytest.mark.parametrize("silence", ["unavailable", "unknown"])
async def test_an_unknown_tariff_changes_nothing(cellar: Cellar, silence: str) -> None:
    """Given a peak, when the tariff is gone, it does not count as off-peak."""
    hass = cellar.hass
    hass.states.async_set(TARIFF, "low")
    await automate(
        hass, miners={"area_id": cellar.area}, tariff=TARIFF, peak_states=["high"]
    )
    hass.states.async_set(TARIFF, "high")
    await cellar.wait()
    assert cellar.modes == (ECO, LOW)

    hass.states.async_set(TARIFF, silence)
    await cellar.wait()

    assert cellar.modes == (ECO, LOW)


async def test_the_right_mode_is_set_at_start(cellar: Cellar) -> None:
    """Given a start at peak, the miners follow at once."""
    hass = cellar.hass
    await cellar.price(0.31)
    hass.set_state(CoreState.starting)
    await automate(hass, miners={"area_id": cellar.area}, tariff=PRICE, limit=0.25)
    assert cellar.modes == (STANDARD, HIGH)

    hass.set_state(CoreState.running)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await hass.async_block_till_done()

    assert cellar.modes == (ECO, LOW)


async def test_a_price_that_comes_late_counts(cellar: Cellar) -> None:
    """Given no price at the start, when it comes and is high, the miners follow."""
    hass = cellar.hass
    await cellar.price(STATE_UNAVAILABLE)
    hass.set_state(CoreState.starting)
    await automate(hass, miners={"area_id": cellar.area}, tariff=PRICE, limit=0.25)
    hass.set_state(CoreState.running)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await hass.async_block_till_done()
    assert cellar.writes == 0

    await cellar.price(0.31)
    await cellar.wait()

    assert cellar.modes == (ECO, LOW)


async def test_running_it_by_hand_sets_the_right_mode(cellar: Cellar) -> None:
    """Given a peak that began before the automation did, a run by hand helps."""
    await cellar.price(0.31)
    await automate(
        cellar.hass, miners={"area_id": cellar.area}, tariff=PRICE, limit=0.25
    )

    await act(cellar.hass, "automation", "trigger", "automation.it")
    await cellar.hass.async_block_till_done()

    assert cellar.modes == (ECO, LOW)


async def test_a_miner_that_returns_during_a_peak_follows(cellar: Cellar) -> None:
    """Given a miner without power, the others follow, and it does when it is back."""
    await cellar.price(0.20)
    await automate(
        cellar.hass, miners={"area_id": cellar.area}, tariff=PRICE, limit=0.25
    )
    await cellar.bitaxe.unplug()

    await cellar.price(0.31)
    await cellar.wait()
    assert cellar.modes == (STANDARD, LOW)

    await cellar.bitaxe.plug_in()
    await cellar.wait(timedelta(minutes=30))
    await cellar.hass.async_block_till_done(wait_background_tasks=True)
    assert cellar.modes == (ECO, LOW)


async def test_a_miner_that_returns_after_the_peak_is_left_alone(
    cellar: Cellar,
) -> None:
    """Given a peak that is over, what was kept during it is obsolete."""
    await cellar.price(0.20)
    await automate(
        cellar.hass, miners={"area_id": cellar.area}, tariff=PRICE, limit=0.25
    )
    await cellar.bitaxe.unplug()
    for price in (0.31, 0.20):
        await cellar.price(price)
        await cellar.wait()

    await cellar.bitaxe.plug_in()
    await cellar.wait()
    await cellar.hass.async_block_till_done(wait_background_tasks=True)
    assert cellar.modes == (STANDARD, MEDIUM)
    assert not cellar.bitaxe.writes


async def test_each_miner_takes_the_first_mode_that_it_has(cellar: Cellar) -> None:
    """Given a list of modes, one that has none of them reports it, others are set."""
    response: Any = await cellar.hass.services.async_call(
        "hmm",
        "set_mode",
        {"mode": ["night", "eco", "standard"], "area_id": [cellar.area]},
        blocking=True,
        return_response=True,
    )

    reports = {report["device"]: report for report in response["miners"]}
    assert reports["Bitaxe"]["result"] == "done"
    assert reports["Avalon"]["success"] is False
    assert cellar.modes == (ECO, HIGH)


async def test_a_mode_that_is_set_is_not_set_again(cellar: Cellar) -> None:
    """Given a miner in a mode, the action asks it but writes nothing."""
    call = {"mode": ["high", "standard"], "area_id": [cellar.area]}
    await cellar.hass.services.async_call("hmm", "set_mode", call, blocking=True)
    assert cellar.writes == 0

    # What the last poll said does not count: it was changed on its own web page.
    cellar.bitaxe.settings["frequency"] = 400
    await cellar.hass.services.async_call("hmm", "set_mode", call, blocking=True)
    assert cellar.modes == (STANDARD, HIGH)


async def test_no_mode_is_refused(cellar: Cellar) -> None:
    """Given a name that no miner has, the action raises for a person to read."""
    with pytest.raises(HomeAssistantError):
        await cellar.hass.services.async_call(
            "hmm",
            "set_mode",
            {"mode": "ludicrous", "area_id": [cellar.area]},
            blocking=True,
        )
    assert cellar.writes == 0
