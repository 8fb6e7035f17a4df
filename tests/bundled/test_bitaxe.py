"""The driver of AxeOS, against every generation of the simulated firmware."""

import asyncio
from contextlib import AbstractAsyncContextManager
from functools import partial
import json
from pathlib import Path
import time
from typing import Any

import aiohttp
import pytest

from custom_components.hmm.bundled.miner_drivers.bitaxe_driver import BitaxeDriver
from custom_components.hmm.bundled.shared import axeos
from custom_components.hmm.bundled.shared.axeos import (
    BM1370,
    BM1397,
    ChipOptions,
    OperatingPoint,
    find_mode,
    mac_address,
    make_modes,
    pool_address,
    read_options,
)
from custom_components.hmm.driver_api import (
    AddressRefused,
    AuthRequired,
    BadAnswer,
    CannotConnect,
    CommandFailed,
    DriverError,
    InvalidValue,
)
from custom_components.hmm.driver_api.families import is_axeos, is_nerdqaxe
from custom_components.hmm.driver_api.transports.stratum import Endpoint, parse_endpoint
from simulator import Fault, SimulatedAxeOS, SimulatedNerdQAxe
from simulator.axeos_generations import GENERATIONS
from simulator.httpd import Request, Response, text_response
from simulator.override import override

from .axe import (
    BITAXE_INFO as INFO,
    USER,
    active,
    connected as connect,
    read as read_with,
    running as run,
)

FIXTURES = Path(__file__).parents[1] / "fixtures" / "bitaxe"
pytestmark = pytest.mark.usefixtures("impatient")

read = partial(read_with, BitaxeDriver)


def simulated(generation: str = "2.15", **options: Any) -> SimulatedAxeOS:
    """Return a device that restarts quickly."""
    options = {"reboot_seconds": 0.2, "restart_delay": 0.05, **options}
    return SimulatedAxeOS(generation=generation, **options)


async def connected(
    session: aiohttp.ClientSession, device: SimulatedAxeOS
) -> BitaxeDriver:
    """Return a driver that knows its device."""
    return await connect(BitaxeDriver, session, device)


def running(
    generation: str = "2.15", **options: Any
) -> AbstractAsyncContextManager[tuple[SimulatedAxeOS, BitaxeDriver]]:
    """Run such a device with a driver that knows it."""
    return run(BitaxeDriver, simulated(generation, **options))


# --- one poll --------------------------------------------------------------------


@pytest.mark.parametrize("generation", GENERATIONS)
async def test_every_generation_is_read_whole(generation: str) -> None:
    """Given any AxeOS, the figures are those that the device has."""
    async with running(generation) as (device, driver):
        telemetry = await driver.get_telemetry()
        state = device.state()
    assert telemetry.hashrate == pytest.approx(1.071e12, rel=0.05)
    assert telemetry.hashrate_expected == pytest.approx(1.071e12)
    assert telemetry.temperature == pytest.approx(state["temperature"], abs=1)
    assert telemetry.temperature_regulator is not None
    assert telemetry.power == pytest.approx(state["power"], rel=0.05)
    assert telemetry.uptime == pytest.approx(3600, abs=30)
    assert telemetry.mode == "standard"
    assert telemetry.frequency == 525
    assert telemetry.core_voltage == 1150
    assert telemetry.core_voltage_actual == pytest.approx(1141, abs=5)
    assert telemetry.input_voltage == pytest.approx(5067, abs=20)
    # The Gamma reports its chip's side, which is not an input current.
    assert telemetry.input_current is None
    assert telemetry.fan_speed == pytest.approx(state["fan"], abs=2)
    assert len(telemetry.fan_rpm) == 1
    assert telemetry.shares_accepted == state["accepted"]
    assert telemetry.best_share == pytest.approx(state["best"], rel=0.01)
    assert telemetry.best_session_share is not None
    assert telemetry.pool_difficulty == 1000
    assert telemetry.hashing is True
    assert telemetry.using_fallback is False
    assert telemetry.problems == ()
    assert [pool.url for pool in telemetry.pools] == [
        "public-pool.io:21496",
        "solo.ckpool.org:3333",
    ]
    assert active(telemetry).index == 0
    assert telemetry.device is not None
    assert telemetry.device.mac == device.mac.lower()
    assert telemetry.device.model == "Bitaxe Gamma"
    assert telemetry.device.firmware == device.version
    assert telemetry.device.configuration_url == f"http://127.0.0.1:{device.port}/"
    number = int(generation.removeprefix("2."))
    assert (telemetry.signal is not None) == (number >= 6)
    assert (telemetry.target_temperature == 60) == (number >= 7)
    assert (telemetry.response_time is not None) == (number >= 9)
    assert (telemetry.error_rate is not None) == (number >= 11)
    assert (telemetry.block_height is not None) == (number >= 11)
    assert (telemetry.coinbase_value == 312_500_000) == (number >= 13)
    assert (telemetry.coinbase_own_value == 312_500_000) == (number >= 13)
    assert (telemetry.network_difficulty is not None) == (number >= 11)
    assert (telemetry.blocks_found is not None) == (number >= 11)
    assert (telemetry.paused is False) == (number >= 14)
    assert (telemetry.frequency_actual is not None) == (number >= 14)
    reading = device.miner.read()
    assert telemetry.free_memory == 185_304
    assert telemetry.reject_reasons == (
        (("Job not found", reading.rejected),) if number >= 6 else ()
    )
    assert len(telemetry.chip_hashrates) == len(telemetry.chip_errors)
    assert len(telemetry.chip_hashrates) == (1 if number >= 11 else 0)
    for window, average in (
        ("10m", telemetry.hashrate_10m),
        ("1h", telemetry.hashrate_1h),
    ):
        expected = pytest.approx(reading.averages[window], rel=0.01)
        assert average == (expected if number >= 12 else None)
    assert telemetry.hashrate_1d is None
    assert telemetry.reset_reason == ("Power on" if number >= 12 else None)
    assert telemetry.cpu_usage == (21.4 if number >= 14 else None)
    assert telemetry.shares_pending == (0 if number >= 15 else None)
    assert (telemetry.uptime_total is not None) == (number >= 15)
    if telemetry.uptime_total is not None:
        assert telemetry.uptime_total == pytest.approx(reading.lifetime_uptime, abs=30)


@pytest.mark.parametrize("generation", ["2.4", "2.8", "2.15"])
async def test_a_poll_is_one_request_on_the_same_connection(generation: str) -> None:
    """Given ten polls, the device sees ten requests and no new connection."""
    async with running(generation) as (device, driver):
        device.counters.reset()
        for _ in range(10):
            await driver.get_telemetry()
        assert device.counters.by_path == {"GET /api/system/info": 10}
        assert device.counters.connections == 0


async def test_the_options_are_read_again_after_an_update() -> None:
    """Given a new firmware, /asic is asked once more, and only once."""
    async with running("2.9") as (device, driver):
        device.version = "v2.9.1"
        device.counters.reset()
        await driver.get_telemetry()
        await driver.get_telemetry()
        assert device.counters.by_path["GET /api/system/asic"] == 1


async def test_a_supra_without_options_path_uses_the_table() -> None:
    """Given AxeOS 2.5, which redirects /asic to its page, the table serves."""
    async with running("2.5", model="supra") as (_, driver):
        limits = driver.get_tuning_limits()
        assert limits is not None
        assert limits.frequency is not None
        assert (limits.frequency.minimum, limits.frequency.maximum) == (400, 575)
        assert limits.frequency.default == 490
        assert limits.target_temperature is None
        assert driver.get_supported_modes() == ["eco", "standard", "turbo", "oc"]
        facts = await driver.get_device_facts()
        assert (facts.model, facts.manufacturer) == ("Bitaxe Supra", "Bitaxe")


async def test_input_current_is_told_where_it_is_the_inputs() -> None:
    """Given an Ultra with an INA260, the current fits to voltage and power."""
    async with running("2.9", model="ultra") as (_, driver):
        telemetry = await driver.get_telemetry()
    assert telemetry.input_current is not None
    assert telemetry.input_voltage is not None
    assert telemetry.power == pytest.approx(
        telemetry.input_current * telemetry.input_voltage / 1e6, rel=0.02
    )


async def test_faults_of_the_hardware_are_problems() -> None:
    """Given power and hardware faults, both are named; the values stay."""
    async with running() as (device, driver):
        device.power_fault = "VIN undervoltage"
        device.hardware_fault = "Fan failure"
        telemetry = await driver.get_telemetry()
    assert telemetry.problems == ("power_fault", "hardware_fault")
    assert telemetry.temperature is not None


async def test_a_broken_sensor_is_unknown() -> None:
    """Given a temp of -1, the temperature is unknown, not cold."""
    async with running("2.14") as (device, driver):
        device.sensor_broken = True
        assert (await driver.get_telemetry()).temperature is None


async def test_a_fork_with_its_own_best_difficulty() -> None:
    """Given a fork's bestNonceDiff, it is preferred, whatever its type."""
    async with running("2.11", fork=True) as (_, driver):
        telemetry = await driver.get_telemetry()
    assert telemetry.best_share == pytest.approx(2.41e9)


async def test_unreachable_pools_are_a_problem() -> None:
    """Given AxeOS 2.15 without any pool, it does not hash and says no_pool."""
    async with running() as (device, driver):
        device.set_pool_reachable("public-pool.io", False)
        fallback = await driver.get_telemetry()
        device.set_pool_reachable("solo.ckpool.org", False)
        telemetry = await driver.get_telemetry()
    assert fallback.using_fallback is True
    assert active(fallback).url == "solo.ckpool.org:3333"
    assert telemetry.hashing is False
    assert telemetry.hashrate == 0
    assert telemetry.paused is False
    assert telemetry.problems == ("no_pool",)


async def test_chips_without_power_lack_no_pool_that_sends_work() -> None:
    """Given AxeOS 2.15, a pool that is lost cuts the power too, and sends nothing."""
    dead = {"hashRate": 0, "hashRate_1m": 0, "coreVoltageActual": 0}
    async with running() as (device, driver):
        for work, problem in (
            (10, "no_pool"),
            (10, "no_pool"),
            (12, "no_core_voltage"),
            (12, "no_core_voltage"),
            (0, "no_pool"),
        ):
            device.rewrite = override(dead | {"workReceived": work})
            telemetry = await driver.get_telemetry()
            assert telemetry.problems == (problem,)
        device.rewrite = override({"workReceived": 20})
        assert (await driver.get_telemetry()).problems == ()
        device.rewrite = override(dead | {"workReceived": 21})
        assert (await driver.get_telemetry()).problems == ("no_pool",)


# --- reading one answer -------------------------------------------------------------


def test_two_equal_answers_are_equal_polls() -> None:
    """Nothing volatile makes two equal polls differ."""
    assert read(INFO) == read(dict(INFO))


def test_a_minute_is_steadier_than_a_moment() -> None:
    """hashRate_1m is preferred, but a hashRate of zero is believed."""
    assert read(INFO | {"hashRate_1m": 1070.0}).hashrate == 1070e9
    stopped = read(INFO | {"hashRate_1m": 1070.0, "hashRate": 0})
    assert stopped.hashrate == 0
    assert stopped.hashing is False


def test_a_spike_is_unknown() -> None:
    """BitForge reports 9.5e8 GH/s after a resume."""
    assert read(INFO | {"hashRate": 9.5e8}).hashrate is None


def test_a_spike_is_unknown_where_the_chips_are_not_counted() -> None:
    """Then what it should do is told, or the power says that it cannot be."""
    uncounted = {key: INFO[key] for key in INFO if key != "asicCount"}
    assert read(uncounted | {"hashRate": 9.5e8}).hashrate is None
    assert read(uncounted).hashrate == 1050.5e9
    del uncounted["expectedHashrate"]
    assert read(uncounted | {"hashRate": 9.5e8}).hashrate is None
    assert read(uncounted).hashrate == 1050.5e9


def test_a_miscounted_board_keeps_the_hashrate_that_fits_its_power() -> None:
    """The sample of AxeOS' wiki is a Hex that counts one chip of six."""
    telemetry = read(
        INFO
        | {
            "ASICModel": "BM1366",
            "smallCoreCount": 894,
            "asicCount": 1,
            "hashRate": 2372.75,
            "power": 58.35,
            "bestDiff": "4.29G",
            "bestNonceDiff": 4292734826,
        }
    )
    assert telemetry.hashrate == 2372.75e9
    assert telemetry.best_share == 4292734826


@pytest.mark.parametrize("reported", [{"expectedHashrate": 430}, {}])
def test_an_expectation_that_the_hashrate_refutes_is_unknown(
    reported: dict[str, Any],
) -> None:
    """Chips that are not counted are missing in what the board should make."""
    info = {key: INFO[key] for key in INFO if key != "expectedHashrate"} | reported
    info |= {"ASICModel": "BM1366", "smallCoreCount": 894, "frequency": 485}
    one = read(info | {"hashRate": 440})
    assert one.hashrate_expected == pytest.approx(431e9, rel=0.01)
    six = read(info | {"hashRate": 2372.75, "power": 58.35})
    assert six.hashrate == 2372.75e9
    assert six.hashrate_expected is None
    # A spike proves nothing
    assert read(info | {"hashRate": 9.5e8}).hashrate_expected is not None


def test_longer_averages() -> None:
    """Spikes, and zeros of what has not begun yet, are unknown."""
    averages = read(INFO | {"hashRate_10m": 1060, "hashRate_1h": "1055.5"})
    assert (averages.hashrate_10m, averages.hashrate_1h) == (1060e9, 1055.5e9)
    fresh = read(INFO | {"hashRate_10m": 9.5e8, "hashRate_1h": 0})
    assert (fresh.hashrate_10m, fresh.hashrate_1h) == (None, None)
    stopped = read(INFO | {"hashRate": 0, "hashRate_1h": 0})
    assert stopped.hashrate_1h == 0
    booted = {"uptimeSeconds": 5, "sharesAccepted": 0}
    assert read(INFO | booted | {"hashRate_10m": 1060}).hashrate_10m is None


def test_each_chip_of_a_monitored_board_keeps_its_place() -> None:
    """GH/s and errors; a chip that is not readable leaves a gap."""
    asics = [
        {"total": 441.25, "domains": [110, 111], "errorCount": 3},
        "?",
        {"total": "430.5", "errorCount": -1},
    ]
    telemetry = read(INFO | {"hashrateMonitor": {"asics": asics}})
    assert telemetry.chip_hashrates == (441.25e9, None, 430.5e9)
    assert telemetry.chip_errors == (3, None, None)
    odds: tuple[Any, ...] = ({"asics": 5}, {"asics": None}, [], "x")
    for malformed in odds:
        assert read(INFO | {"hashrateMonitor": malformed}).chip_hashrates == ()


def test_reject_reasons_tell_no_wallet() -> None:
    """A pool may quote whom it refuses."""
    wallet = "bc1qwd5k6atvv96x2epqd45kuetjyysjzgfptrdzvt"
    reasons = [
        {"message": "Stale", "count": 4},
        {"message": f"Unauthorized worker {wallet}.bitaxe-gamma", "count": "2"},
        {"message": "Above target", "count": None},
        {"count": 7},
        "Low difficulty",
    ]
    telemetry = read(INFO | {"sharesRejectedReasons": reasons})
    assert telemetry.reject_reasons == (
        ("Stale", 4),
        ("Unauthorized worker ...", 2),
    )


def test_a_minute_that_has_not_begun_is_no_zero() -> None:
    """After a resume hashRate_1m is 0 or a spike for a while."""
    assert read(INFO | {"hashRate_1m": 0}).hashrate == 1050.5e9
    assert read(INFO | {"hashRate_1m": 9.5e8}).hashrate == 1050.5e9


def test_an_expectation_is_computed_where_it_is_not_told() -> None:
    """MHz times small cores times chips."""
    info = {key: INFO[key] for key in INFO if key != "expectedHashrate"}
    assert read(info).hashrate_expected == 525e6 * 2040
    del info["smallCoreCount"]
    assert read(info).hashrate_expected == 525e6 * 2040
    del info["asicCount"]
    assert read(info).hashrate_expected is None


def test_bitforge_is_read_by_its_own_keys() -> None:
    """Two chips' temperatures and a percent under another name."""
    telemetry = read(
        INFO | {"chiptemp1": 61.5, "chiptemp2": 63, "fanSpeed": 45, "fanrpm": 3100}
    )
    assert list(telemetry.chip_temperatures) == [61.5, 63]
    assert telemetry.temperature == 63
    assert telemetry.fan_speed == 45
    assert telemetry.fan_rpm == (3100,)
    assert telemetry.device is not None
    assert telemetry.device.manufacturer == "BitForge"
    unnamed = read(INFO | {"chiptemp1": 61.5, "deviceModel": "invalid"}).device
    assert unnamed is not None
    assert unnamed.model == "BitForge Nano"


def test_one_sensor_of_two() -> None:
    """The reading that there is counts, not an average with a missing one."""
    single = read(INFO | {"chiptemp1": 57, "chiptemp2": 0, "temp": 28.5})
    assert single.temperature == 57
    assert single.chip_temperatures == ()
    assert read(INFO | {"temp": -1, "temp2": 60}).temperature == 60
    unfitted = read(INFO | {"temp": 58.5, "temp2": 255, "vrTemp": 255})
    assert (unfitted.temperature, unfitted.temperature_regulator) == (58.5, None)


def test_the_fan_speed_of_a_fork_without_chip_temperatures() -> None:
    """Where fanrpm is told, fanSpeed is percent."""
    telemetry = read(INFO | {"fanSpeed": 66, "fanrpm": 4100})
    assert telemetry.fan_speed == 66
    assert telemetry.fan_rpm == (4100,)


@pytest.mark.parametrize("index", [None, "", "absent"])
def test_slots_without_an_index_are_told_by_the_flat_keys(index: Any) -> None:
    """The slot with the address of the flat keys is the one in use."""
    pools = [
        {"id": 0, "stratumURL": "unused.example", "stratumPort": 3333},
        {"id": 1, "stratumURL": "solo.ckpool.org", "stratumPort": 3333},
        {"id": 4, "stratumURL": "public-pool.io", "stratumPort": 21496},
    ]
    info = INFO | {"pools": pools}
    if index != "absent":
        info |= {"primaryPoolIndex": index, "secondaryPoolIndex": index}
    assert active(read(info)).index == 4
    assert active(read(info | {"isUsingFallbackStratum": 1})).index == 1
    moved = read(info | {"stratumPort": 1})
    assert moved.active_pool is None
    assert [pool.index for pool in moved.pools] == [0, 1, 4]
    # What is told goes before
    assert active(read(info | {"primaryPoolIndex": 0})).index == 0


def test_a_safe_mode_that_is_over_leaves_its_flag() -> None:
    """Since 2.12 a miner goes on by itself; what it hashes tells."""
    cooled = INFO | {"overheat_mode": 1, "hashRate_1m": 400, "hashRate": 850}
    telemetry = read(cooled)
    assert telemetry.problems == ("overheat",)
    assert (telemetry.hashrate, telemetry.hashing) == (850e9, True)
    resting = read(cooled | {"hashRate": 0})
    assert (resting.hashrate, resting.hashing) == (0, False)
    assert resting.problems == ("overheat",)


@pytest.mark.parametrize("pools", [None, [], {}])
def test_pools_without_slots_leave_the_flat_keys(pools: Any) -> None:
    """The flat keys mirror the pool in use in all versions."""
    assert active(read(INFO | {"pools": pools})).url == "public-pool.io:21496"


def test_a_board_without_a_number_is_no_bitaxe() -> None:
    """LuckyMiner names its boards; a chip alone makes no Bitaxe of them."""
    device = read(INFO | {"boardVersion": "LV07", "ASICModel": "BM1366"}).device
    assert device is not None
    assert device.model == "LV07"
    assert device.manufacturer == "LuckyMiner"


def test_two_fans_and_two_sensors() -> None:
    """The hottest sensor counts; a second fan that stands still is none."""
    two = read(INFO | {"temp2": 60, "fanrpm": 3000, "fan2rpm": 2900})
    assert list(two.chip_temperatures) == [58.5, 60]
    assert two.temperature == 60
    assert two.fan_rpm == (3000, 2900)
    one = read(INFO | {"temp2": -1, "fanrpm": 0, "fan2rpm": 0})
    assert one.chip_temperatures == ()
    assert one.temperature == 58.5
    assert one.fan_rpm == (0,)


async def test_a_second_fan_that_stops_and_a_sensor_that_is_lost() -> None:
    """What has been there once is not taken for what the board has not."""
    async with running() as (device, driver):
        device.rewrite = override({"fan2rpm": 2900, "temp2": 60})
        telemetry = await driver.get_telemetry()
        assert len(telemetry.fan_rpm) == 2
        assert telemetry.chip_temperatures[1] == 60
        device.rewrite = override({"fan2rpm": 0, "temp": -1, "temp2": 60})
        later = await driver.get_telemetry()
        assert list(later.fan_rpm[1:]) == [0]
        assert list(later.chip_temperatures) == [None, 60]
        assert later.temperature == 60


def test_old_names_of_the_fan_speed() -> None:
    """The rpm were fanSpeed in 2.0, then fanSpeedRpm."""
    assert read(INFO | {"fanSpeed": 3400, "fanspeed": 80}).fan_rpm == (3400,)
    assert read(INFO | {"fanSpeed": 3400, "fanspeed": 80}).fan_speed == 80
    assert read(INFO | {"fanSpeedRpm": 3400}).fan_rpm == (3400,)


@pytest.mark.parametrize(
    ("board", "chip", "model"),
    [
        ("102", "BM1397", "Bitaxe Max"),
        ("207", "BM1366", "Bitaxe Ultra"),
        ("303", "BM1366", "Bitaxe Hex"),
        ("650", "BM1370", "Bitaxe GammaDuo"),
        ("701", "BM1368", "Bitaxe SupraHex"),
        ("801", "BM1370", "Bitaxe GammaTurbo"),
        ("", "BM1368", "Bitaxe Supra"),
        ("", "BM9999", "AxeOS miner"),
        ("999", "BM1368", "AxeOS miner"),
    ],
)
def test_the_model_follows_from_the_board(board: str, chip: str, model: str) -> None:
    """Before 2.9 nothing but the board's number tells the family."""
    facts = read(INFO | {"boardVersion": board, "ASICModel": chip}).device
    assert facts is not None
    assert facts.model == model


def test_a_gamma_duo_has_its_own_options() -> None:
    """The chip's name is the same but its limits are lower."""
    driver = BitaxeDriver()
    options = driver._read_options(INFO | {"boardVersion": "650"})
    assert options is axeos.BM1370_XP


def test_a_user_is_kept_out_of_repr() -> None:
    """The stratum user often is a wallet."""
    telemetry = read(INFO)
    assert active(telemetry).user == USER
    assert USER not in repr(telemetry)


# --- what answers at an address --------------------------------------------------------


@pytest.mark.parametrize(
    "info",
    [
        {},
        {"model": "printer"},
        {"identity": {"hwModel": "NMAxe"}, "miner": {}, "ASICModel": "BM1366"},
        {"ASICModel": "BM1366"},
        {"ASICModel": 7, "hashRate": 1},
        {"ASICModel": "BM1370", "hashRate": 1, "deviceModel": "NerdQAxe++"},
        {"ASICModel": "BM1368", "hashRate": 1, "hashRateTimestamp": 5},
    ],
)
def test_what_is_not_axeos(info: dict[str, Any]) -> None:
    """Other JSON, nested dialects and NerdQAxes belong to others."""
    assert not is_axeos(info)


def test_a_fork_may_name_its_device_in_info() -> None:
    """AxeOS' own keys beside deviceModel tell a fork from a NerdQAxe."""
    assert is_axeos(INFO | {"deviceModel": "LV07"})
    assert not is_nerdqaxe(INFO | {"deviceModel": "LV07"})


async def test_a_client_from_elsewhere_is_refused() -> None:
    """Given the 401 of AxeOS 2.5, it is a matter of the network, not of a login."""
    async with running() as (device, driver):
        device.refuse_address = True
        for call in (driver.get_telemetry, driver.restart, driver.pause):
            with pytest.raises(AddressRefused):
                await call()


async def test_nothing_at_the_address() -> None:
    """Given an unplugged miner, the error is CannotConnect, and it comes back."""
    async with running() as (device, driver):
        await device.unplug()
        with pytest.raises(CannotConnect):
            await driver.get_telemetry()
        await device.plug_in()
        assert (await driver.get_telemetry()).uptime == pytest.approx(0, abs=20)


async def test_another_device_took_the_address() -> None:
    """Given a NerdQAxe where the Bitaxe was, its figures are not taken over."""
    async with running() as (device, driver):
        await device.stop()
        async with SimulatedNerdQAxe(port=device.port):
            with pytest.raises(BadAnswer, match="Another kind"):
                await driver.get_telemetry()


async def test_a_driver_that_was_not_connected_says_so() -> None:
    """The methods of a fresh driver end as DriverError."""
    driver = BitaxeDriver()
    with pytest.raises(DriverError):
        await driver.connect("127.0.0.1")
    with pytest.raises(CannotConnect):
        await driver.get_telemetry()
    assert driver.get_supported_modes() == []
    assert driver.get_tuning_limits() is None
    assert not driver.supports_pause()
    assert not driver.supports_select_pool()


# --- modes and tuning --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "modes"),
    [
        pytest.param(
            BM1370,
            {
                "eco": OperatingPoint(400, 1100),
                "standard": OperatingPoint(525, 1150),
                "turbo": OperatingPoint(600, 1200),
                "oc": OperatingPoint(625, 1250),
            },
            id="Gamma",
        ),
        pytest.param(
            axeos.BM1372,
            {
                "standard": OperatingPoint(327, 1000),
                "turbo": OperatingPoint(380, 1060),
                "oc": OperatingPoint(410, 1100),
            },
            id="no eco below the least option",
        ),
        pytest.param(
            ChipOptions(
                frequencies=(500, 600),
                voltages=(1100, 1150),
                default_frequency=500,
                default_voltage=1150,
            ),
            {
                "eco": OperatingPoint(500, 1100),
                "standard": OperatingPoint(500, 1150),
                "turbo": OperatingPoint(600, 1150),
            },
            id="one faster option, no higher voltage",
        ),
        pytest.param(
            ChipOptions(
                frequencies=(500, 600),
                voltages=(1100,),
                default_frequency=600,
                default_voltage=1100,
            ),
            {
                "eco": OperatingPoint(500, 1100),
                "standard": OperatingPoint(600, 1100),
            },
            id="nothing faster",
        ),
        pytest.param(
            ChipOptions(
                frequencies=(495, 777, 900),
                voltages=(1085, 1200),
                default_frequency=777,
                default_voltage=1200,
                eco=OperatingPoint(520, 1090),
            ),
            {
                "eco": OperatingPoint(520, 1090),
                "standard": OperatingPoint(777, 1200),
                "turbo": OperatingPoint(900, 1200),
            },
            id="the device's own eco",
        ),
        pytest.param(
            ChipOptions(frequencies=(400,), voltages=(1100,), default_frequency=400),
            {},
            id="no default voltage",
        ),
        pytest.param(None, {}, id="no options"),
    ],
)
def test_modes_follow_from_the_options(
    options: ChipOptions | None, modes: dict[str, OperatingPoint]
) -> None:
    """Names the user knows, made from what the device offers, slowest first."""
    assert make_modes(options) == modes
    assert list(make_modes(options)) == list(modes)


def test_options_without_defaults_take_the_tables() -> None:
    """AxeOS 2.7 lists options without naming the default."""
    asic = {"frequencyOptions": [400, 525], "voltageOptions": [1000, 1100]}
    options = read_options(asic, BM1370)
    assert options is not None
    assert options.default_frequency == 525
    assert options.default_voltage is None, "1150 is beyond the device's own list"


@pytest.mark.parametrize(
    "asic",
    [
        None,
        {},
        {"frequencyOptions": [], "voltageOptions": [1000]},
        {"frequencyOptions": "400", "voltageOptions": [1000]},
        {"frequencyOptions": [0, -5, None, "x"], "voltageOptions": [1000]},
        {"frequencyOptions": [400, 525, 5000], "voltageOptions": [1000, 1100]},
        {"frequencyOptions": [400, 525, 1e308], "voltageOptions": [1000, 1100]},
        {"frequencyOptions": [400, 525], "voltageOptions": [1100, 1500]},
        {"frequencyOptions": [400, 525], "voltageOptions": [1.1, 1.2]},
    ],
)
def test_unusable_options_fall_back_to_the_table(asic: dict[str, Any] | None) -> None:
    """Without a usable list the table serves, and without a table nothing."""
    assert read_options(asic, BM1370) is BM1370
    assert read_options(asic, None) is None


def test_points_that_no_chip_survives_are_not_offered() -> None:
    """The firmware would write them: no mode leads there."""
    lists = {"frequencyOptions": [400, 525], "voltageOptions": [1000, 1150]}
    lies = {"defaultFrequency": 9999, "defaultVoltage": 5000}
    eco = {"ecoFrequency": 1e9, "ecoVoltage": 1000}
    options = read_options({**lists, **lies, **eco}, BM1370)
    assert options is not None
    assert (options.default_frequency, options.default_voltage) == (525, 1150)
    assert options.eco is None
    old = {"frequencyOptions": [400], "voltageOptions": list(BM1397.voltages)}
    options = read_options(old, BM1397)
    assert options is not None
    assert options.voltages == BM1397.voltages


def test_a_mode_is_found_with_a_tolerance() -> None:
    """Half a MHz is rounding; a point of one's own is custom."""
    modes = make_modes(BM1370)
    assert find_mode(modes, 525.4, 1150) == "standard"
    assert find_mode(modes, 525.6, 1150) == "custom"
    assert find_mode(modes, 525, 1151) == "custom"
    assert find_mode(modes, None, 1150) is None
    assert find_mode({}, 525, 1150) is None


async def test_an_ignored_write_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a firmware that answers 200 and does nothing, the driver says so."""
    async with running("2.8") as (device, driver):
        monkeypatch.setattr(device, "_store", lambda key, value: None)
        with pytest.raises(CommandFailed, match="525 MHz, 1150 mV instead of 400"):
            await driver.set_mode("eco")
        with pytest.raises(CommandFailed, match="temptarget 60"):
            await driver.set_tuning("target_temperature", 50)


async def test_tuning_by_hand() -> None:
    """Each setting is written, read back, and the mode becomes custom."""
    async with running() as (device, driver):
        assert driver.supports_tuning()
        assert await driver.set_tuning("frequency", 533.0)
        assert await driver.set_tuning("core_voltage", 1155)
        assert await driver.set_tuning("target_temperature", 55)
        assert await driver.set_tuning("fan_speed", 70)
        telemetry = await driver.get_telemetry()
    assert telemetry.mode == "custom"
    assert telemetry.frequency == 533
    assert telemetry.core_voltage == 1155
    assert telemetry.target_temperature == 55
    assert telemetry.fan_speed == 70
    assert device.writes[0] == {"frequency": 533}
    assert type(device.writes[0]["frequency"]) is int
    assert device.writes[2] == {"temptarget": 55, "autofanspeed": 1}
    assert device.writes[3] == {"autofanspeed": 0, "manualFanSpeed": 70}


async def test_the_fan_of_an_older_firmware() -> None:
    """Before 2.11 the fan has another key; a target makes it automatic again."""
    async with running("2.8") as (device, driver):
        assert await driver.set_tuning("fan_speed", 40)
        assert device.writes[-1] == {"autofanspeed": 0, "fanspeed": 40}
        assert (await driver.get_telemetry()).fan_speed == 40
        assert await driver.set_tuning("target_temperature", 60)
        assert device.state()["autofan"] is True


async def test_what_a_firmware_cannot_set_is_refused() -> None:
    """AxeOS 2.5 has no target temperature."""
    async with running("2.5") as (device, driver):
        with pytest.raises(InvalidValue):
            await driver.set_tuning("target_temperature", 60)
        assert device.writes == []


async def test_an_old_overheat_is_cured_by_a_mode() -> None:
    """Given the 50 MHz of a 2.9 that got too hot, a mode gives everything back."""
    async with running("2.9") as (device, driver):
        device.overheat()
        await device.wait_ready()
        telemetry = await driver.get_telemetry()
        assert telemetry.problems == ("overheat",)
        assert telemetry.hashing is not True  # it has only just booted
        device.miner.speed = 3000
        await asyncio.sleep(0.05)
        device.miner.speed = 0
        telemetry = await driver.get_telemetry()
        assert telemetry.problems == ("overheat",)
        assert telemetry.hashrate == pytest.approx(50e6 * 2040, rel=0.1)
        assert telemetry.hashing is True
        assert telemetry.mode == "custom"
        device.miner.heat_to(45)
        assert await driver.set_mode("standard")
        assert device.writes == [
            {
                "frequency": 525,
                "coreVoltage": 1150,
                "overheat_mode": 0,
                "autofanspeed": 1,
            }
        ]
        telemetry = await driver.get_telemetry()
        assert telemetry.problems == ()
        assert telemetry.mode == "standard"
        assert device.state()["autofan"] is True


async def test_a_miner_that_cools_down_is_not_told_to_go_on() -> None:
    """Since 2.12 an overheat ends by itself: a mode does not end it early."""
    async with running("2.12") as (device, driver):
        device.overheat()
        telemetry = await driver.get_telemetry()
        assert telemetry.problems == ("overheat",)
        assert telemetry.hashing is False
        assert await driver.set_mode("eco")
        assert device.writes == [{"frequency": 400, "coreVoltage": 1100}]


# --- pause, identify, restart ------------------------------------------------------------


async def test_pause_and_resume() -> None:
    """Given AxeOS 2.14, a pause stops the hashing and a resume starts it."""
    async with running("2.14") as (_, driver):
        assert driver.supports_pause()
        assert await driver.pause()
        telemetry = await driver.get_telemetry()
        assert telemetry.paused is True
        assert telemetry.hashing is False
        assert telemetry.hashrate == 0
        assert telemetry.problems == ()
        assert await driver.resume()
        telemetry = await driver.get_telemetry()
        assert telemetry.paused is False


async def test_what_a_firmware_cannot_do_is_not_offered() -> None:
    """AxeOS 2.11 can neither pause nor identify, and says so when asked."""
    async with running("2.11") as (_, driver):
        assert not driver.supports_pause()
        assert not driver.supports_identify()
        with pytest.raises(CommandFailed, match="does not know"):
            await driver.pause()


async def test_identify() -> None:
    """Given AxeOS 2.12, one request makes it show itself."""
    async with running("2.12") as (device, driver):
        assert driver.supports_identify()
        assert await driver.identify()
        assert device.counters.by_path["POST /api/system/identify"] == 1


async def test_versions() -> None:
    """The versions are named as the device has them."""
    async with running("2.9") as (_, driver):
        assert await driver.get_version_info() == {"firmware": "v2.9.0"}


# --- pools -----------------------------------------------------------------------------------


@pytest.mark.parametrize("generation", GENERATIONS)
async def test_a_new_pool_is_mined_at(generation: str) -> None:
    """Given any AxeOS, a pool change restarts it into the new pool."""
    async with running(generation) as (device, driver):
        assert driver.supports_set_pool()
        assert await driver.set_pool("stratum+tcp://eu.example.com:4444", USER, "x,d=1")
        assert device.boots == 2
        assert device.active_pool is not None
        assert device.active_pool["stratumURL"] == "eu.example.com"
        assert device.active_pool["stratumPort"] == 4444
        assert device.active_pool["stratumUser"] == USER
        assert device.active_pool["stratumPassword"] == "x,d=1"
        pool = active(await driver.get_telemetry())
        assert (pool.index, pool.url, pool.user) == (0, "eu.example.com:4444", USER)
        assert await driver.get_pool_info() == {
            "pool_url": "eu.example.com:4444",
            "pool_user": USER,
            "pool_pass": None,
        }


async def test_a_slot_keeps_its_other_settings(session: aiohttp.ClientSession) -> None:
    """Given AxeOS 2.15, a PUT gives back what it would reset."""
    async with simulated() as device:
        device.pools[0] |= {
            "stratumSuggestedDifficulty": 512,
            "stratumExtranonceSubscribe": True,
            "stratumTLS": 1,
            "stratumDecodeCoinbase": False,
        }
        driver = await connected(session, device)
        assert await driver.set_pool("eu.example.com:4444", USER, "x")
        assert device.pools[0]["stratumSuggestedDifficulty"] == 512
        assert device.pools[0]["stratumExtranonceSubscribe"] is True
        assert device.pools[0]["stratumDecodeCoinbase"] is False
        assert device.pools[0]["stratumTLS"] == 0, "another host, without encryption"
        assert await driver.set_pool("stratum+ssl://eu.example.com:4443", USER, "x")
        assert device.pools[0]["stratumTLS"] == 1
        assert await driver.set_pool("eu.example.com:4443", f"{USER}2", "x")
        assert device.pools[0]["stratumTLS"] == 1, "the same host, another user"


@pytest.mark.parametrize("generation", ["2.6", "2.10", "2.11", "2.13", "2.14", "2.15"])
async def test_the_other_pool_is_selected_and_back(generation: str) -> None:
    """Given two pools, each can be chosen; what is shown is what is mined at."""
    async with running(generation) as (device, driver):
        assert driver.supports_select_pool()
        first, second = (pool.url for pool in (await driver.get_telemetry()).pools)
        for wanted in (second, first):
            pools = (await driver.get_telemetry()).pools
            index = next(pool.index for pool in pools if pool.url == wanted)
            assert await driver.select_pool(index)
            assert active(await driver.get_telemetry()).url == wanted
            assert device.active_pool is not None
            assert wanted.startswith(device.active_pool["stratumURL"])
        assert device.boots == 3


async def test_the_pool_in_use_is_not_selected_again() -> None:
    """Choosing what is in use restarts nothing."""
    async with running() as (device, driver):
        assert await driver.select_pool(0)
        assert device.boots == 1
        assert device.writes == []


async def test_a_third_slot_is_selected(session: aiohttp.ClientSession) -> None:
    """Given AxeOS 2.15 with three pools, the old primary becomes the fallback."""
    async with simulated() as device:
        device.pools[5] = device.pools[0] | {"stratumURL": "third.example.com"}
        driver = await connected(session, device)
        assert await driver.select_pool(5)
        assert device.booted_indices == (5, 0)
        assert active(await driver.get_telemetry()).index == 5


async def test_an_empty_slot_cannot_be_selected() -> None:
    """A slot without a pool is refused, and nothing is written."""
    async with running() as (device, driver):
        with pytest.raises(InvalidValue):
            await driver.select_pool(7)
        assert device.writes == []


@pytest.mark.parametrize("generation", ["2.9", "2.12", "2.15"])
async def test_an_edit_without_a_restart_changes_nothing_yet(generation: str) -> None:
    """Given a pool edited elsewhere, the old one is shown until the restart."""
    async with running(generation) as (device, driver):
        before = active(await driver.get_telemetry())
        device.pools[0] = device.pools[0] | {"stratumURL": "new.example.com"}
        assert active(await driver.get_telemetry()) == before
        await device.reboot()
        after = active(await driver.get_telemetry())
        assert after.url == "new.example.com:21496"


async def test_a_long_absence_is_a_boot_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a restart that was missed, a longer uptime does not hide it."""
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    driver = BitaxeDriver()
    driver._options_of = (INFO["version"], "BM1370", None)
    await driver._note(INFO | {"uptimeSeconds": 100})
    edited = INFO | {"stratumURL": "new.example.com"}
    now += 30
    await driver._note(edited | {"uptimeSeconds": 130})
    assert driver._pools(edited)[0].url == "public-pool.io:21496"
    now += 600
    await driver._note(edited | {"uptimeSeconds": 500})
    assert driver._pools(edited)[0].url == "new.example.com:21496"


async def test_a_pool_that_is_down_is_not_called_in_use() -> None:
    """Given a new pool that does not answer, the device's fallback is reported."""
    async with running("2.11") as (device, driver):
        device.set_pool_reachable("dead.example.com", False)
        with pytest.raises(CommandFailed, match=r"solo\.ckpool\.org:3333 instead"):
            await driver.set_pool("dead.example.com:3333", USER, "secret-password")


async def test_a_device_that_does_not_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given a restart without an end, the wait has one."""
    monkeypatch.setattr(BitaxeDriver, "restart_timeout", 0.5)
    async with running(reboot_seconds=60) as (_, driver):
        with pytest.raises(CommandFailed, match="did not come back"):
            await driver.select_pool(1)


async def test_a_device_that_does_not_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a restart that is only promised, nothing is claimed."""
    monkeypatch.setattr(BitaxeDriver, "restart_timeout", 0.3)
    async with running() as (device, driver):
        monkeypatch.setattr(device, "schedule_reboot", lambda: None)
        with pytest.raises(CommandFailed, match="did not restart"):
            await driver.select_pool(1)


async def test_a_single_pool_offers_no_choice(session: aiohttp.ClientSession) -> None:
    """Given an empty fallback, there is nothing to select."""
    async with simulated("2.9") as device:
        device.pools[1]["stratumURL"] = ""
        driver = await connected(session, device)
        assert not driver.supports_select_pool()


@pytest.mark.parametrize(
    "url", ["", "host", "host:0", "host:99999", "http://a:1", "a b:1", "u:p@h:1", "h:x"]
)
async def test_a_bad_pool_address_is_refused(url: str) -> None:
    """What is no pool address is never written."""
    async with running() as (device, driver):
        with pytest.raises(InvalidValue):
            await driver.set_pool(url, USER, "x")
        assert device.counters.by_path["PUT /api/system/pools/0"] == 0
        assert device.boots == 1


async def test_encryption_needs_a_firmware_that_has_it() -> None:
    """AxeOS 2.9 cannot encrypt."""
    async with running("2.9") as (device, driver):
        with pytest.raises(InvalidValue, match="cannot encrypt"):
            await driver.set_pool("stratum+ssl://a.example.com:4443", USER, "x")
        assert device.writes == []


async def test_a_refused_pool_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a slot that is refused or ignored, the miner is not restarted."""
    async with running() as (device, driver):
        with pytest.raises(CommandFailed, match="status 400"):
            await driver.set_pool("eu.example.com:4444", "", "x")
        with pytest.raises(InvalidValue, match="old one in place"):
            await driver.set_pool("eu.example.com:4444", USER, "*****")
        monkeypatch.setattr(device, "_write_pool", lambda slot, pool: None)
        with pytest.raises(CommandFailed, match="did not take the pool"):
            await driver.set_pool("eu.example.com:4444", USER, "x")
        assert device.boots == 1


@pytest.mark.parametrize("generation", ["2.12", "2.15"])
async def test_a_chosen_fallback_is_left_for_a_new_pool(
    session: aiohttp.ClientSession, generation: str
) -> None:
    """Given the fallback as the user's choice, a new pool is the primary again."""
    async with simulated(generation) as device:
        device.settings["useFallbackStratum"] = True
        await device.reboot()
        driver = await connected(session, device)
        assert active(await driver.get_telemetry()).index == 1
        assert await driver.set_pool("eu.example.com:4444", USER, "x")
        assert active(await driver.get_telemetry()).url == "eu.example.com:4444"
        assert device.on_fallback is False


@pytest.mark.parametrize("generation", ["2.9", "2.15"])
async def test_the_primary_is_chosen_after_a_failover(generation: str) -> None:
    """Given a primary that works again, choosing it needs only a restart."""
    async with running(generation) as (device, driver):
        device.set_pool_reachable("public-pool.io", False)
        assert active(await driver.get_telemetry()).index == 1
        assert await driver.select_pool(1), "it is in use already"
        task = asyncio.create_task(driver.select_pool(0))
        while not device.rebooting:
            await asyncio.sleep(0.01)
        device._pools_down.clear()
        assert await task
        assert active(await driver.get_telemetry()).index == 0
        assert device.writes == []


async def test_another_login_is_no_matter_of_the_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given a fork or a proxy that wants a login, writing says so."""
    async with running() as (device, driver):
        monkeypatch.setattr(
            device, "admit", lambda request: text_response("Login", status=401)
        )
        with pytest.raises(AuthRequired):
            await driver.restart()
        with pytest.raises(AuthRequired):
            await driver.get_telemetry()
        with pytest.raises(AuthRequired):
            await driver.connect(device.host, device.port)


async def test_a_device_that_is_gone_while_it_is_read_back(
    session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a device that dies on a write, the error is that it is gone."""
    async with simulated() as device:

        def die(request: Request) -> Response:
            loop = asyncio.get_running_loop()
            loop.call_soon(setattr, device, "fault", Fault.RESET)
            return Response()

        monkeypatch.setattr(device, "_pause", die)
        driver = await connected(session, device)
        with pytest.raises(CannotConnect):
            await driver.pause()
        assert device.paused is False
        assert device.counters.by_path["GET /api/system/info"] > 2


async def test_a_firmware_that_tells_no_uptime(
    session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given no uptime, a restart is what was gone and is there again."""
    async with simulated() as device:
        rendered = device._render

        def without_uptime(keys: dict[str, Any]) -> dict[str, Any]:
            answer = rendered(keys)
            answer.pop("uptimeSeconds", None)
            return answer

        monkeypatch.setattr(device, "_render", without_uptime)
        driver = await connected(session, device)
        assert (await driver.get_telemetry()).uptime is None
        assert await driver.select_pool(1)
        assert active(await driver.get_telemetry()).index == 1


async def test_a_firmware_that_reports_booleans(
    session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given true where others say 1, a fan speed is still read back."""
    async with simulated() as device:
        rendered = device._render

        def with_booleans(keys: dict[str, Any]) -> dict[str, Any]:
            answer = rendered(keys)
            if "autofanspeed" in answer:
                answer["autofanspeed"] = bool(answer["autofanspeed"])
            return answer

        monkeypatch.setattr(device, "_render", with_booleans)
        driver = await connected(session, device)
        assert await driver.set_tuning("fan_speed", 60)
        assert (await driver.get_telemetry()).fan_speed == 60


async def test_writes_wait_for_each_other() -> None:
    """Given two modes at once, each is read back before the next is written."""
    async with running() as (_, driver):
        await asyncio.gather(driver.set_mode("eco"), driver.set_mode("oc"))
        assert (await driver.get_telemetry()).mode == "oc"


# --- small things ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "port", "address"),
    [
        ("public-pool.io", 21496, "public-pool.io:21496"),
        ("stratum+tcp://a.example.com", 3333, "a.example.com:3333"),
        ("stratum+tcp://a.example.com:3333/", 3333, "a.example.com:3333"),
        ("a.example.com:4444", None, "a.example.com:4444"),
        ("a.example.com", None, "a.example.com"),
        ("[fd00::1]", 3333, "[fd00::1]:3333"),
        (" a.example.com ", "3333", "a.example.com:3333"),
        ("", 3333, None),
        ("stratum+tcp://", 3333, None),
        (None, 3333, None),
    ],
)
def test_pool_addresses(url: Any, port: Any, address: str | None) -> None:
    """Users type schemes and ports into the host's field."""
    assert pool_address(url, port) == address


def test_endpoints() -> None:
    """Both promised spellings, IPv6, and encryption."""
    plain = Endpoint("a.example.com", 3333, tls=False)
    assert parse_endpoint("a.example.com:3333") == plain
    assert parse_endpoint(" stratum+tcp://a.example.com:3333") == plain
    assert parse_endpoint("stratum+tls://[fd00::1]:3333/") == Endpoint(
        "[fd00::1]", 3333, tls=True
    )


@pytest.mark.parametrize(
    ("value", "mac"),
    [
        ("AA:BB:CC:DD:EE:0F", "aa:bb:cc:dd:ee:0f"),
        ("aabbccddee0f", "aa:bb:cc:dd:ee:0f"),
        ("AA-BB-CC-DD-EE-0F", "aa:bb:cc:dd:ee:0f"),
        ("00:00:00:00:00:00", None),
        ("AA:BB:CC", None),
        (7, None),
        (None, None),
    ],
)
def test_mac_addresses(value: Any, mac: str | None) -> None:
    """One spelling for all, and no MAC that is none."""
    assert mac_address(value) == mac


def test_the_captured_options_of_a_supra() -> None:
    """A recorded /api/system/asic gives the modes of a Supra."""
    asic = json.loads((FIXTURES / "v2.9-2.10_supra" / "system_asic.json").read_text())
    modes = make_modes(read_options(asic, None))
    assert modes == {
        "eco": OperatingPoint(400, 1150),
        "standard": OperatingPoint(490, 1166),
        "turbo": OperatingPoint(525, 1200),
        "oc": OperatingPoint(575, 1250),
    }


async def test_options_that_come_late(session: aiohttp.ClientSession) -> None:
    """A miner that is too busy for its options at first is asked again, once."""
    async with SimulatedAxeOS(generation="2.15", model="gamma") as device:
        routes = device.routes()
        path = "GET /api/system/asic"
        device._routes = {**routes, path: lambda request: Response(status=500)}
        driver = await connected(session, device)
        assert driver.get_supported_modes() == ["eco", "standard", "turbo", "oc"]
        device._routes = {
            **routes,
            path: lambda request: Response(
                body=b'{"frequencyOptions":[300,350],"defaultFrequency":350,'
                b'"voltageOptions":[1000],"defaultVoltage":1000}',
                content_type="application/json",
            ),
        }
        await driver.get_telemetry()
        assert driver.get_supported_modes() == ["eco", "standard"]
        asked = device.counters.by_path[path]
        await driver.get_telemetry()
        assert device.counters.by_path[path] == asked
