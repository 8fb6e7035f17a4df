"""Sensors: each figure against the device that it came from."""

from datetime import datetime
from importlib import import_module
from typing import Any

from homeassistant.components.sensor import ATTR_STATE_CLASS
from homeassistant.const import (
    ATTR_DEVICE_CLASS,
    ATTR_UNIT_OF_MEASUREMENT,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
import pytest

from custom_components.hmm.driver_api.units import HASHES_PER_DIFFICULTY
from custom_components.hmm.entity import MinerEntity
from simulator import (
    Fault,
    SimulatedAvalon,
    SimulatedAxeOS,
    SimulatedNerdQAxe,
    SimulatedNMMiner,
    SimulatedSolopool,
)

from .common import find, find_maybe, identity, keys, later, poll, pool_entry, value
from .conftest import miner_entry, set_up

pytestmark = pytest.mark.usefixtures("quick")


async def test_bitaxe(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, every_entity: None
) -> None:
    """All figures of a Bitaxe, in their units."""
    bitaxe.miner.speed = 0
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    state, reading = bitaxe.state(), bitaxe.miner.read()
    millivolts = bitaxe.input_millivolts(reading)
    expected: dict[str, tuple[float, str | None, str | None]] = {
        "hashrate": (reading.averages["1m"] / 1e12, "TH/s", None),
        "hashrate_expected": (reading.expected / 1e12, "TH/s", None),
        "temperature": (round(state["temperature"]), "°C", "temperature"),
        "temperature_regulator": (
            round(reading.vr_temperature),
            "°C",
            "temperature",
        ),
        "power": (round(2 * state["power"]) / 2, "W", "power"),
        "efficiency": (
            round(2 * state["power"] / (reading.averages["1m"] / 1e12)) / 2,
            "J/TH",
            None,
        ),
        "best_share": (state["best"] / 1e9, "G", None),
        "best_session_share": (reading.best_session / 1e6, "M", None),
        "shares_accepted": (state["accepted"], "shares", None),
        "shares_rejected": (state["rejected"], "shares", None),
        "reject_rate": (
            100 * state["rejected"] / (state["rejected"] + state["accepted"]),
            "%",
            None,
        ),
        "blocks_found": (state["blocks"], None, None),
        "fan_speed": (round(state["fan"]), "%", None),
        "fan_rpm": (round(reading.rpm, -1), "rpm", None),
        "frequency": (state["frequency"], "MHz", "frequency"),
        "core_voltage": (state["voltage"], "mV", "voltage"),
        "core_voltage_actual": (round(reading.core_millivolts), "mV", "voltage"),
        "input_voltage": (millivolts / 1000, "V", "voltage"),
        "error_rate": (reading.error_percent, "%", None),
        "pool_difficulty": (bitaxe.miner.pool_difficulty / 1e3, "k", None),
        "network_difficulty": (bitaxe.miner.network_difficulty / 1e12, "T", None),
        "signal": (bitaxe.rssi(reading), "dBm", "signal_strength"),
        "hashrate_10m": (reading.averages["10m"] / 1e12, "TH/s", None),
        "hashrate_1h": (reading.averages["1h"] / 1e12, "TH/s", None),
        "uptime_total": (reading.lifetime_uptime / 3600, "h", "duration"),
        "free_memory": (185_304 / 1024, "KiB", "data_size"),
    }
    assert reading.hashrate > 0.9e12
    for key, (number, unit, device_class) in expected.items():
        shown = find(home, entry, "sensor", key)
        assert float(shown.state) == pytest.approx(number, rel=0.006, abs=0.01), key
        if key != "blocks_found":
            assert shown.attributes.get(ATTR_UNIT_OF_MEASUREMENT) == unit, key
        assert shown.attributes.get(ATTR_DEVICE_CLASS) == device_class, key

    started = datetime.fromisoformat(find(home, entry, "sensor", "uptime").state)
    assert find(home, entry, "sensor", "reset_reason").state == "Power on"
    up = (dt_util.utcnow() - started).total_seconds()
    assert up == pytest.approx(reading.uptime, abs=30)
    # A Gamma measures no inlet; it has one chip and no current at the input
    assert not {
        "temperature_inlet",
        "temperature_board",
        "hashrate_15m",
        "hashrate_1d",
        "packet_loss",
        "filter_runtime",
        "pool_failures",
        "chip_temperature_1",
        "chip_hashrate_1",
        "input_current",
        "shares_stale",
    } & keys(home, entry, "sensor")


async def test_temperatures_say_from_what_on_hmm_warns(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, every_entity: None
) -> None:
    """The cards draw them beside it; an Avalon is hot by design."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    limits = {
        key: find(home, entry, "sensor", key).attributes.get("limit")
        for key in ("temperature", "temperature_regulator", "power")
    }
    assert limits == {
        "temperature": 70,
        "temperature_regulator": 90,
        "power": None,
    }


async def test_kinds_of_figures(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, every_entity: None
) -> None:
    """What is worth a graph has a state class, and with it grouped digits."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    for key, state_class in {
        "hashrate": "measurement",
        "power": "measurement",
        "energy": "total_increasing",
        "shares_accepted": "total_increasing",
        "best_share": "measurement",
        "uptime": None,
        "network_difficulty": None,
    }.items():
        shown = find(home, entry, "sensor", key)
        assert shown.attributes.get(ATTR_STATE_CLASS) == state_class, key


async def test_few_sensors_are_enabled(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """What only a tinkerer wants is not made."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    registry = er.async_get(home)
    enabled = {
        entity.unique_id.removeprefix(f"{entry.unique_id}_")
        for entity in er.async_entries_for_config_entry(registry, entry.entry_id)
        if entity.domain == "sensor" and not entity.disabled
    }
    assert enabled == {
        "active_pool",
        "best_session_share",
        "best_share",
        "efficiency",
        "energy",
        "hashrate",
        "hashrate_expected",
        "power",
        "reject_rate",
        "status",
        "temperature",
        "uptime",
    }
    names = {
        home.states.get(entity.entity_id).name  # type: ignore[union-attr]
        for entity in er.async_entries_for_config_entry(registry, entry.entry_id)
        if entity.domain == "sensor" and not entity.disabled
    }
    assert "Bitaxe Hashrate" in names
    assert "Bitaxe Temperature" in names


@pytest.mark.parametrize("generation", ["2.4", "2.8", "2.11", "2.14"])
async def test_generations_of_bitaxes(
    home: HomeAssistant, generation: str, every_entity: None
) -> None:
    """Older firmwares, another board: the same figures under other keys."""
    async with SimulatedAxeOS(generation=generation, model="supra") as device:
        device.miner.speed = 0
        entry = await set_up(home, miner_entry(device, "bitaxe"))
        state = device.state()
        assert value(home, entry, "hashrate") == pytest.approx(
            state["hashrate"] / 1e12, rel=0.1
        )
        assert value(home, entry, "power") == pytest.approx(state["power"], abs=0.26)
        assert value(home, entry, "best_share") == pytest.approx(
            state["best"], rel=0.01
        )
        assert value(home, entry, "frequency") == state["frequency"]
        assert value(home, entry, "core_voltage") == state["voltage"]
        # An INA260 measures at the input
        assert value(home, entry, "input_current") == pytest.approx(
            state["power"] / device.input_millivolts(device.miner.read()) * 1000,
            rel=0.01,
        )
        # A regulator without sensor says 0 °C
        assert find_maybe(home, entry, "sensor", "temperature_regulator") is None


async def test_hashrate_of_each_chip(home: HomeAssistant, every_entity: None) -> None:
    """A board of six has six, in the unit of the miner; they add up to the whole."""
    async with SimulatedAxeOS(generation="2.15", model="suprahex") as device:
        device.miner.speed = 0
        entry = await set_up(home, miner_entry(device, "bitaxe"))
        total = 0.0
        for number in range(1, 7):
            shown = find(home, entry, "sensor", f"chip_hashrate_{number}")
            assert shown.name == f"Bitaxe Chip {number} hashrate"
            assert shown.attributes[ATTR_UNIT_OF_MEASUREMENT] == "TH/s"
            total += float(shown.state)
        assert total == pytest.approx(device.miner.read().hashrate / 1e12, rel=0.01)
        assert find_maybe(home, entry, "sensor", "chip_hashrate_7") is None


async def test_each_fan_has_its_sensors(
    home: HomeAssistant, every_entity: None
) -> None:
    """The first has those of all miners; a third is not there."""
    async with SimulatedNerdQAxe(generation="1.0.37") as device:
        device.miner.speed = 0
        entry = await set_up(home, miner_entry(device, "nerdqaxe"))
        telemetry = entry.runtime_data.data
        assert len(telemetry.fan_speeds) == len(telemetry.fan_rpm) == 2
        for index, key in enumerate(("fan_speed", "fan_speed_2")):
            assert value(home, entry, key) == round(telemetry.fan_speeds[index])
        assert value(home, entry, "fan_rpm_2") == round(telemetry.fan_rpm[1])
        assert find(home, entry, "sensor", "fan_speed_2").name == "Nerdqaxe Fan 2 speed"
        assert find_maybe(home, entry, "sensor", "fan_speed_3") is None


async def test_a_chip_without_a_reading(
    home: HomeAssistant, every_entity: None
) -> None:
    """The others are not taken for it, and it is there again with its reading."""
    async with SimulatedNerdQAxe(generation="1.0.36", age=90_000) as device:
        entry = await set_up(home, miner_entry(device, "nerdqaxe"))
        device.miner.speed = 0
        reading = device.chip_temperatures
        second, fourth = (reading(device.miner.read())[chip] for chip in (1, 3))
        assert round(second) != round(fourth)
        device.chip_temperatures = lambda _: [0, second, 0, fourth]  # type: ignore[method-assign]
        await poll(home, entry)
        for number, shown in ((1, "unknown"), (2, str(round(second))), (3, "unknown")):
            key = f"chip_temperature_{number}"
            assert find(home, entry, "sensor", key).state == shown
        assert value(home, entry, "chip_temperature_4") == round(fourth)


async def test_nerdqaxe(home: HomeAssistant, every_entity: None) -> None:
    """A NerdQAxe++ has four chips and tells the temperature of each."""
    async with SimulatedNerdQAxe(generation="1.0.36", age=90_000) as device:
        device.miner.speed = 0
        entry = await set_up(home, miner_entry(device, "nerdqaxe"))
        state, reading = device.state(), device.miner.read()
        chips = device.chip_temperatures(reading)
        assert value(home, entry, "temperature") == round(max(chips))
        for number, degrees in enumerate(chips, 1):
            assert value(home, entry, f"chip_temperature_{number}") == round(degrees)
            name = find(home, entry, "sensor", f"chip_temperature_{number}").name
            assert name == f"Nerdqaxe Chip {number} temperature"
        assert find_maybe(home, entry, "sensor", "chip_temperature_5") is None
        assert value(home, entry, "hashrate") == pytest.approx(
            state["hashrate"] / 1e12, rel=0.1
        )
        assert value(home, entry, "power") == pytest.approx(state["power"], abs=0.5)
        assert value(home, entry, "input_voltage") == pytest.approx(
            device.input_millivolts(reading) / 1000, rel=0.01
        )
        assert value(home, entry, "input_current") == pytest.approx(
            device.input_milliamps(reading) / 1000, rel=0.01
        )
        assert value(home, entry, "response_time") > 0
        for window in ("10m", "1h", "1d"):
            assert value(home, entry, f"hashrate_{window}") == pytest.approx(
                reading.averages[window] / 1e12, rel=0.006
            )
        assert value(home, entry, "packet_loss") == 0
        assert value(home, entry, "free_memory") == pytest.approx(
            6_890_556 / 1024, rel=0.01
        )
        assert find(home, entry, "sensor", "reset_reason").state == device.reset_reason


@pytest.mark.parametrize("model", ["nano3", "nano3s", "q"])
async def test_avalon(home: HomeAssistant, model: str, every_entity: None) -> None:
    """Watts are measured, not the target of the mode; energy follows."""
    async with SimulatedAvalon(model=model) as device:
        device.miner.speed = 0
        entry = await set_up(home, miner_entry(device, "avalon_nano", identity(device)))
        state = device.state()
        assert value(home, entry, "power") == pytest.approx(state["power"], abs=1)
        assert value(home, entry, "hashrate") == pytest.approx(
            state["hashrate"] / 1e12, rel=0.1
        )
        assert value(home, entry, "temperature") == pytest.approx(
            state["temperature"], abs=6
        )
        if model == "nano3":
            # Its short form of the stats has no mean frequency
            assert "frequency" not in keys(home, entry, "sensor")
        else:
            assert value(home, entry, "frequency") == pytest.approx(
                state["frequency"], rel=0.01
            )
        assert value(home, entry, "shares_accepted") == state["accepted"]
        assert value(home, entry, "energy") >= 0
        assert "best_share" not in keys(home, entry, "sensor")
        assert value(home, entry, "best_session_share") == pytest.approx(
            device.miner.read().best_session, rel=0.01
        )
        assert ("temperature_outlet" in keys(home, entry, "sensor")) is (
            device.model.name != "q"
        )
        assert value(home, entry, "hashrate_15m") == pytest.approx(
            device.miner.read().averages["10m"] / 1e12, rel=0.01
        )
        # By what the short stats have, and a Nano 3 has none of these
        assert ("filter_runtime" in keys(home, entry, "sensor")) is (model != "nano3")
        if model != "nano3":
            assert value(home, entry, "filter_runtime") == pytest.approx(
                device.snapshot().filter_minutes / 60, rel=0.01
            )
        assert ("pool_failures" in keys(home, entry, "sensor")) is (model != "q")


async def test_avalon_in_standby_tells_no_power(
    home: HomeAssistant, every_entity: None
) -> None:
    """What a Q says of its power in standby is not to be trusted: unknown."""
    async with SimulatedAvalon(model="q") as device:
        entry = await set_up(home, miner_entry(device, "avalon_nano"))
        device.soft.off = True
        await poll(home, entry)
        assert value(home, entry, "hashrate") == 0
        for key in ("power", "efficiency", "hashrate_expected"):
            assert find(home, entry, "sensor", key).state == STATE_UNKNOWN, key
        assert find(home, entry, "switch", "mining").state == "off"
        assert find(home, entry, "sensor", "status").state == "paused"


async def test_nmminer_in_its_own_unit(home: HomeAssistant) -> None:
    """A lottery miner shows kH/s, and no power that nobody measured."""
    async with SimulatedNMMiner(udp=False, http=True) as device:
        device.miner.speed = 0
        entry = await set_up(home, miner_entry(device, "nmminer", identity(device)))
        shown = find(home, entry, "sensor", "hashrate")
        assert shown.attributes[ATTR_UNIT_OF_MEASUREMENT] == "kH/s"
        assert float(shown.state) == pytest.approx(
            device.state()["hashrate"] / 1e3, rel=0.006
        )
        assert value(home, entry, "best_share") == pytest.approx(
            device.state()["best"], rel=0.01
        )
        assert not {"power", "energy", "efficiency"} & keys(home, entry, "sensor")


async def test_nmminer_hashrate_of_zero_is_not_believed(home: HomeAssistant) -> None:
    """A firmware that says 0.0 while it mines has an unknown hashrate."""
    async with SimulatedNMMiner(udp=False, http=True) as device:
        entry = await set_up(home, miner_entry(device, "nmminer", identity(device)))
        await home.config_entries.async_unload(entry.entry_id)
        device.rate_unknown = True
        await home.config_entries.async_setup(entry.entry_id)
        await home.async_block_till_done()
        assert find(home, entry, "sensor", "hashrate").state == STATE_UNKNOWN
        assert find(home, entry, "sensor", "status").state == STATE_UNKNOWN


async def test_values_after_a_boot(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> None:
    """A miner that has just started claims a hashrate that it does not have."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    before = find(home, entry, "sensor", "uptime").state
    await bitaxe.unplug()
    await bitaxe.plug_in()
    bitaxe.miner.speed = 0
    await poll(home, entry)
    assert find(home, entry, "sensor", "hashrate").state == STATE_UNKNOWN
    assert find(home, entry, "sensor", "efficiency").state == STATE_UNKNOWN
    # Nothing was counted yet
    assert find(home, entry, "sensor", "reject_rate").state == STATE_UNKNOWN
    # The record survived, that of the session is a true zero
    assert value(home, entry, "best_share") >= 2.4e9
    assert value(home, entry, "best_session_share") == 0
    assert find(home, entry, "sensor", "uptime").state > before


async def test_paused_miner_shows_a_true_zero(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """Paused is known: no hashrate, but its power goes on."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    bitaxe.paused = True
    await poll(home, entry)
    assert value(home, entry, "hashrate") == 0
    assert find(home, entry, "sensor", "efficiency").state == STATE_UNKNOWN
    assert 0 < value(home, entry, "power") < 10


async def test_broken_sensor(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> None:
    """A chip sensor that fails says -1: unknown."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    bitaxe.sensor_broken = True
    await poll(home, entry)
    assert find(home, entry, "sensor", "temperature").state == STATE_UNKNOWN


async def test_equal_polls_write_nothing(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """Noise below what a figure means is no history."""
    bitaxe.miner.speed = 0
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    changed: list[str] = []

    @callback
    def note(event: Any) -> None:
        changed.append(event.data["entity_id"])

    home.bus.async_listen("state_changed", note)
    await later(home, 31)
    await later(home, 31)
    assert entry.runtime_data.last_update_success
    assert changed == []


# Pools


@pytest.mark.parametrize("generation", [1, 2])
async def test_pool(home: HomeAssistant, generation: Any, every_entity: None) -> None:
    """The tiles show this wallet's figures, never the pool's."""
    wallet = "dgb1qown"
    wallets = {wallet: {"a": 1.2e12, "b": 4.8e12}, "dgb1qother": {"c": 900e12}}
    async with SimulatedSolopool(generation=generation, wallets=wallets) as pool:
        pool.wallets[wallet].workers["b"].offline = True
        for worker in pool.wallets[wallet].workers.values():
            worker.miner.speed = 0
        pool.find_block()
        entry = await set_up(home, pool_entry(pool, wallet))
        own = sum(
            worker.miner.read().averages["10m"]
            for worker in pool.wallets[wallet].workers.values()
        )
        assert value(home, entry, "pool_hashrate") == pytest.approx(
            own / 1e12, rel=0.006
        )
        assert value(home, entry, "active_workers") == 1
        assert value(home, entry, "network_difficulty") == pytest.approx(
            pool.difficulty, rel=1e-3
        )
        shown = find(home, entry, "sensor", "estimated_time_to_block")
        assert shown.attributes[ATTR_DEVICE_CLASS] == "duration"
        assert shown.attributes[ATTR_UNIT_OF_MEASUREMENT] == "d"
        assert float(shown.state) * 86400 == pytest.approx(
            pool.difficulty * HASHES_PER_DIFFICULTY / own, rel=0.01
        )
        network = pool.difficulty * HASHES_PER_DIFFICULTY / pool.coin.block_seconds
        assert value(home, entry, "pool_percentage") == pytest.approx(
            100 * own / network, rel=0.01
        )
        assert value(home, entry, "blocks_found_24h") == len(
            pool.wallets[wallet].blocks
        )
        assert value(home, entry, "latency_ms") >= 0
        shares = {"shares_valid", "shares_invalid", "shares_stale", "reject_rate"}
        if generation == 1:
            accepted = sum(
                worker.miner.read().accepted
                for worker in pool.wallets[wallet].workers.values()
            )
            assert value(home, entry, "shares_valid") == accepted
            assert shares <= keys(home, entry, "sensor")
        else:
            result = find(home, entry, "sensor", "last_block_found")
            when = datetime.fromisoformat(result.state)
            assert abs((dt_util.utcnow() - when).total_seconds()) < 60
            assert not shares & keys(home, entry, "sensor")
        # Their unit is nowhere documented
        assert not {"confirmed_balance", "pending_balance"} & keys(
            home, entry, "sensor"
        )


async def test_pool_of_an_unknown_wallet(home: HomeAssistant) -> None:
    """A wallet that has not mined yet has no figures, not zeros."""
    async with SimulatedSolopool(wallets={"dgb1qother": {"a": 1e12}}) as pool:
        entry = await set_up(home, pool_entry(pool, "dgb1qnew"))
        assert find(home, entry, "binary_sensor", "health").state == "on"
        for key in ("pool_hashrate", "active_workers"):
            assert find(home, entry, "sensor", key).state == STATE_UNKNOWN

        pool.add_wallet("dgb1qnew", {"a": 2e12})
        await poll(home, entry)
        assert value(home, entry, "pool_hashrate") == pytest.approx(2, rel=0.1)


async def test_pool_that_sends_nulls(home: HomeAssistant) -> None:
    """What the pool leaves out is unknown; what it told before is gone."""
    async with SimulatedSolopool() as pool:
        entry = await set_up(home, pool_entry(pool))
        assert value(home, entry, "best_share") > 0
        pool.nulls = True
        await poll(home, entry)
        assert find(home, entry, "sensor", "best_share").state == STATE_UNKNOWN
        assert value(home, entry, "pool_hashrate") > 0


@pytest.mark.parametrize(("seconds", "is_reported"), [(300, False), (0, True)])
async def test_an_unchanged_state_is_reported_again_after_a_while(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
    is_reported: bool,
) -> None:
    """Given a poll that changes nothing, then states are written if that was long ago."""
    monkeypatch.setattr("custom_components.hmm.entity._REPORT_SECONDS", seconds)
    bitaxe.miner.speed = 0
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    await poll(home, entry)
    shown = [
        *(("binary_sensor", "problem"), ("select", "mode"), ("switch", "mining")),
        *(("sensor", "temperature"), ("select", "pool"), ("sensor", "best_share")),
    ]
    before = [find(home, entry, *item).last_reported for item in shown]
    await poll(home, entry)
    after = [find(home, entry, *item).last_reported for item in shown]
    assert [a > b for a, b in zip(after, before, strict=True)] == [is_reported] * 6


async def test_a_state_is_written_when_its_miner_goes_and_comes(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """Given a miner that is off for a poll, then all states follow, unchanged as they are."""
    bitaxe.miner.speed = 0
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    shown = (
        ("sensor", "temperature"),
        ("binary_sensor", "using_fallback"),
        ("button", "restart"),
    )
    before = [find(home, entry, *item).state for item in shown]
    assert STATE_UNAVAILABLE not in before
    bitaxe.fault = Fault.GARBAGE
    await poll(home, entry)
    assert {find(home, entry, *item).state for item in shown} == {STATE_UNAVAILABLE}
    bitaxe.fault = None
    await poll(home, entry)
    assert [find(home, entry, *item).state for item in shown] == before


@pytest.mark.parametrize(
    "platform",
    ["binary_sensor", "button", "event", "number", "select", "sensor", "switch"],
)
def test_a_state_that_is_compared_is_compared_whole(platform: str) -> None:
    """Given an entity that is written when its state changes, all that it shows counts."""
    module = import_module(f"custom_components.hmm.{platform}")
    kinds = [
        kind
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, MinerEntity) and kind._state_of
    ]
    assert kinds
    for kind in kinds:
        shown = {
            name
            for base in kind.__mro__
            if base.__module__ == module.__name__
            for name, member in vars(base).items()
            if isinstance(member, property) and not name.startswith("_")
        }
        made_of = {
            "_shown": {"current_option", "options"},
            "_source": {"native_value", "extra_state_attributes"},
        }
        compared = set().union(*(made_of.get(item, {item}) for item in kind._state_of))
        assert shown - {"available"} <= compared, kind
