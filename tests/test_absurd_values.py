"""Values that cannot be, in the state machine: nothing breaks, all are unknown."""

from collections.abc import Mapping
import time
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers.json import json_bytes
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events

from simulator import (
    SimulatedAvalon,
    SimulatedAxeOS,
    SimulatedNerdQAxe,
    SimulatedNMMiner,
)
from simulator.device import SimulatedDevice
from simulator.override import override
from simulator.solopool import SimulatedSolopool

from .common import find, find_id, fleet_entry, identity, later, poll, pool_entry, value
from .conftest import miner_entry, set_up

pytestmark = pytest.mark.usefixtures("quick", "every_entity")

LONG = "1" * 30_000 + "!"


def axeos() -> SimulatedDevice:
    """Return a Bitaxe."""
    return SimulatedAxeOS(generation="2.15", model="gamma")


FAMILIES: Mapping[str, tuple[Any, str, dict[str, Any], set[str]]] = {
    "axeos": (
        axeos,
        "bitaxe",
        {
            "power": 1e300,
            "voltage": 10**400,
            "temp": 999,
            "vrTemp": float("nan"),
            "hashRate": -5,
            "hashRate_1m": -5,
            "hashRate_10m": -5,
            "bestDiff": LONG,
            "bestSessionDiff": "9" * 5000,
            "sharesAccepted": -1,
            "sharesRejected": 2**64,
            "uptimeSeconds": 1e12,
            "responseTime": 26_041_793.839,
            "networkDifficulty": 1e300,
            "blockHeight": 1e30,
            "fanrpm": 1e30,
            "frequency": 1e30,
            "coreVoltageActual": 1e30,
            "wifiRSSI": -1e30,
            "freeHeap": 1e30,
            "errorPercentage": 1e30,
            "version": "v" * 250_000,
        },
        {
            *("power", "input_voltage", "temperature_regulator"),
            *("hashrate", "best_share", "best_session_share", "shares_accepted"),
            *("shares_rejected", "reject_rate", "uptime", "response_time"),
            *("network_difficulty", "fan_rpm", "frequency", "core_voltage_actual"),
            *("signal", "free_memory", "error_rate", "efficiency", "temperature"),
        },
    ),
    "nerdqaxe": (
        lambda: SimulatedNerdQAxe(generation="1.0.36"),
        "nerdqaxe",
        {
            "power": 1e300,
            "temp": 1e5,
            "asicTemps": [1e5] * 5000,
            "hashRate": -5,
            "hashRate_1m": -5,
            "hashRate_10m": -5,
            "uptimeSeconds": 1e12,
            "lastpingrtt": 1e12,
            "sharesAccepted": -1,
            "freeHeap": "9" * 5000,
        },
        {
            *("power", "temperature", "hashrate", "uptime", "response_time"),
            *("shares_accepted", "free_memory"),
        },
    ),
    "avalon": (
        lambda: SimulatedAvalon(model="nano3s"),
        "avalon_nano",
        {
            "TMax": "99999",
            "GHSspd": "nan",
            "PS": "0 0 0 0 0 0 " + "9" * 300,
            "Fan1": "1e30",
            "FanR": "-5%",
            "DH": "1e30%",
            "PING": "99999999",
            "Elapsed": 1e12,
            "Accepted": -1,
            "MHS 1m": float("nan"),
            "MHS 5s": float("inf"),
            "MHS 5m": "nan",
            "Best Share": 1e300,
        },
        {
            *("temperature", "hashrate", "power", "fan_rpm", "fan_speed", "uptime"),
            *("response_time", "shares_accepted", "best_session_share"),
        },
    ),
    "nmminer": (
        lambda: SimulatedNMMiner(version="v2.0.03", udp=False, http=True),
        "nmminer",
        {
            "hashRate": "9" * 5000,
            "asic": 1e300,
            "vcore": -1e300,
            "uptimeSeconds": 1e12,
            "sAccepted": 1e30,
            "bestDiffEver": LONG,
            "networkDiff": "1e400",
            "rssi": -9e30,
            "freeHeap": 1e308,
        },
        {
            *("hashrate", "temperature", "uptime", "shares_accepted", "best_share"),
            *("network_difficulty", "signal", "free_memory"),
        },
    ),
}


def states(hass: HomeAssistant) -> list[State]:
    """Return all states, which must be what `/api/states` can send."""
    result = hass.states.async_all()
    for state in result:
        assert state.as_dict_json, state.entity_id
        assert len(state.state) <= 255, state.entity_id
        assert "nan" not in state.state.lower().split(), state.entity_id
    json_bytes([state.as_dict() for state in result])
    return result


@pytest.mark.parametrize("family", FAMILIES)
async def test_absurd_values_of_a_miner_are_unknown(
    home: HomeAssistant, family: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Given a miner that says what cannot be, all else of it is shown as before."""
    make, driver, values, names = FAMILIES[family]
    async with make() as device:
        entry = await set_up(home, miner_entry(device, driver, identity(device)))
        before = {state.entity_id for state in states(home)}
        energy = value(home, entry, "energy") if "power" in names else 0
        known = {
            name
            for name in names
            if find(home, entry, "sensor", name).state != STATE_UNKNOWN
        }
        assert known

        device.rewrite = override(values)
        start = time.process_time()
        await poll(home, entry)
        assert time.process_time() - start < 3
        assert entry.runtime_data.last_update_success
        for name in sorted(names):
            assert find(home, entry, "sensor", name).state == STATE_UNKNOWN, name
        # An uptime of ages may complete an average, which has its sensor from then on
        after = {state.entity_id for state in states(home)}
        assert before <= after
        assert len(after - before) <= 3
        if "power" in names:
            await poll(home, entry)
            assert value(home, entry, "energy") == energy

        device.rewrite = None
        await poll(home, entry)
        for name in sorted(known - {"hashrate"}):
            assert find(home, entry, "sensor", name).state != STATE_UNKNOWN, name
        states(home)
    assert not [
        record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")
    ]


async def test_chip_that_burns_is_shown(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """150 °C is the moment that everybody wants to hear of."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    bitaxe.rewrite = override({"temp": 150})
    await poll(home, entry)
    assert value(home, entry, "temperature") == 150


async def test_one_absurd_power_is_no_energy_for_ever(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, freezer: FrozenDateTimeFactory
) -> None:
    """Neither the miner's nor the fleet's energy grows by what nobody can draw."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    hub = fleet_entry(home)
    for power in (1e300, -1e300, 1e5, None):
        bitaxe.rewrite = override({"power": power})
        for _ in range(3):
            freezer.tick(30)
            await poll(home, entry)
        assert find(home, entry, "sensor", "power").state == STATE_UNKNOWN
    bitaxe.rewrite = None
    freezer.tick(30)
    await poll(home, entry)
    assert value(home, entry, "energy") < 0.1
    assert value(home, hub, "energy") < 0.1


async def test_no_zero_has_a_sign(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> None:
    """And what follows from next to no hashrate is unknown, at the fleet as well."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    bitaxe.rewrite = override(
        {"power": -0.0, "bestDiff": -0.0, "temp": -0.0, "voltage": -0.0}
    )
    await poll(home, entry)
    await later(home, 31)
    assert all(state.state not in ("-0.0", "-0") for state in states(home))
    assert find(home, entry, "sensor", "power").state in ("0", "0.0")
    nearly = dict.fromkeys(("hashRate", "hashRate_1m", "hashRate_10m"), 5e-8)
    bitaxe.rewrite = override({"power": 66.5, **nearly})
    await poll(home, entry)
    await later(home, 31)
    for shown in (entry, fleet_entry(home)):
        assert find(home, shown, "sensor", "efficiency").state == STATE_UNKNOWN


POOL_VALUES: dict[str, Any] = {
    "hashrate": -5,
    "currentHashrate": 1e300,
    "difficulty": 1e300,
    "workersOnline": -1,
    "sharesValid": 2**64,
    "sharesInvalid": -1,
    "lastShare": 253_402_300_799,
    "lastBeat": 253_402_300_799,
    "offline": "perhaps",
    "hr": LONG,
}


async def test_absurd_values_of_a_pool_are_unknown(
    home: HomeAssistant, caplog: pytest.LogCaptureFixture
) -> None:
    """Given a pool that says what cannot be, neither it nor the fleet is spoiled."""
    async with SimulatedSolopool(coin="dgb") as pool:
        entry = await set_up(home, pool_entry(pool))
        before = {state.entity_id for state in states(home)}
        pool.rewrite = override(POOL_VALUES)
        await poll(home, entry)
        assert {state.entity_id for state in states(home)} == before
        for state in states(home):
            if state.state in (STATE_UNKNOWN, STATE_UNAVAILABLE):
                continue
            if state.domain == "sensor" and "unit_of_measurement" in state.attributes:
                assert 0 <= float(state.state) < 1e25, state.entity_id
    assert not [
        record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")
    ]


async def test_billion_blocks_between_two_polls(home: HomeAssistant) -> None:
    """Given a count that jumps, a few events tell of it, the last of how many."""
    async with SimulatedSolopool(coin="dgb") as pool:
        entry = await set_up(home, pool_entry(pool))
        events = async_capture_events(home, "state_changed")
        pool.rewrite = override(
            {"blocksFound": 999_999_999, "totalBlocks": 999_999_999}
        )
        start = time.process_time()
        await poll(home, entry)
        assert time.process_time() - start < 3
        entity_id = find_id(home, entry, "event", "block_found")
        reported = {
            event.data["new_state"].state: event.data["new_state"].attributes
            for event in events
            if event.data["entity_id"] == entity_id
        }
        assert len(reported) == 11
        *first, last = reported.values()
        assert not any("count" in result for result in first)
        assert 999_999_900 < last["count"] < 999_999_999
        states(home)


async def test_one_sensor_that_fails_leaves_the_others_alone(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its value is unknown, which is logged once, and the next sensors go on."""
    entry: ConfigEntry[Any] = await set_up(home, miner_entry(bitaxe, "bitaxe"))

    def fail(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("custom_components.hmm.miner.sensors.rounded", fail)
    await poll(home, entry)
    await poll(home, entry)
    assert find(home, entry, "sensor", "error_rate").state == STATE_UNKNOWN
    assert value(home, entry, "frequency") > 0
    said = [
        record
        for record in caplog.records
        if "error_rate cannot be shown" in record.message
    ]
    assert len(said) == 1
