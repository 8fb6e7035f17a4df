"""The driver of the NerdQAxe family, against every simulated release."""

from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

import aiohttp
import pytest

from custom_components.hmm.bundled.miner_drivers import nerdqaxe_driver
from custom_components.hmm.bundled.miner_drivers.nerdqaxe_driver import (
    NerdqaxeDriver,
    one_time_code,
)
from custom_components.hmm.bundled.shared import axeos
from custom_components.hmm.driver_api import (
    AddressRefused,
    AuthRequired,
    BadAnswer,
    CommandFailed,
    DriverError,
    InvalidValue,
)
from custom_components.hmm.driver_api.families import is_axeos, is_nerdqaxe
from simulator import SimulatedNerdQAxe
from simulator.httpd import Response, json_response, text_response
from simulator.nerdqaxe_generations import GENERATIONS, MODELS
from simulator.override import override

from .axe import (
    NERDQAXE_INFO as INFO,
    USER,
    active,
    connected as connect,
    read as read_with,
    running as run,
)

SECRET = "JBSWY3DPEHPK3PXP"

pytestmark = pytest.mark.usefixtures("impatient")

read = partial(read_with, NerdqaxeDriver)

# The first is from before there was a second pool, or PID
RELEASES = [*GENERATIONS][1:]


def simulated(generation: str = "1.0.36", **options: Any) -> SimulatedNerdQAxe:
    """Return a device that restarts quickly."""
    options = {"reboot_seconds": 0.2, "restart_delay": 0.05, **options}
    return SimulatedNerdQAxe(generation=generation, **options)


async def connected(
    session: aiohttp.ClientSession, device: SimulatedNerdQAxe, **options: Any
) -> NerdqaxeDriver:
    """Return a driver that knows its device."""
    return await connect(NerdqaxeDriver, session, device, **options)


def running(
    generation: str = "1.0.36", typed: str | None = None, **options: Any
) -> AbstractAsyncContextManager[tuple[SimulatedNerdQAxe, NerdqaxeDriver]]:
    """Run such a device with a driver that knows it; ``typed`` is the user's secret."""
    secret = {} if typed is None else {"otp_secret": typed}
    return run(NerdqaxeDriver, simulated(generation, **options), **secret)


# --- one poll --------------------------------------------------------------------


@pytest.mark.parametrize("generation", RELEASES)
async def test_every_generation_is_read_whole(generation: str) -> None:
    """Given any release, the figures are those that the device has."""
    async with running(generation) as (device, driver):
        telemetry = await driver.get_telemetry()
        state = device.state()
    assert telemetry.hashrate == pytest.approx(4.896e12, rel=0.05)
    assert telemetry.hashrate_expected == pytest.approx(4.896e12)
    assert telemetry.temperature == pytest.approx(state["temperature"], abs=1)
    assert telemetry.temperature_regulator is not None
    assert telemetry.power == pytest.approx(state["power"], rel=0.05)
    assert telemetry.uptime == pytest.approx(3600, abs=30)
    assert telemetry.mode == "standard"
    assert (telemetry.frequency, telemetry.core_voltage) == (600, 1150)
    assert telemetry.input_voltage == pytest.approx(12170, abs=50)
    assert telemetry.input_current == pytest.approx(6450, rel=0.05)
    assert telemetry.fan_speed == pytest.approx(state["fan"], abs=2)
    assert telemetry.target_temperature == 60
    assert telemetry.shares_accepted == state["accepted"]
    assert telemetry.best_share == pytest.approx(state["best"], rel=0.01)
    assert telemetry.best_session_share is not None
    assert telemetry.pool_difficulty == 4096
    assert telemetry.response_time is not None
    assert telemetry.hashing is True
    assert telemetry.using_fallback is False
    assert telemetry.problems == ()
    assert [(pool.url, pool.alive) for pool in telemetry.pools] == [
        ("public-pool.io:21496", True),
        ("solo.ckpool.org:3333", None),
    ]
    assert active(telemetry).index == 0
    assert telemetry.device is not None
    assert telemetry.device.mac == device.mac.lower()
    assert telemetry.device.model == "NerdQAxe++"
    assert telemetry.device.firmware == device.version
    number = int(generation.rpartition(".")[2])
    assert (telemetry.signal is not None) == (number >= 31)
    assert (len(telemetry.chip_temperatures) == 4) == (number >= 34)
    assert (telemetry.blocks_found is not None) == (number >= 34)
    assert (telemetry.paused is False) == (number >= 35)
    assert len(telemetry.fan_rpm) == (2 if number >= 37 else 1)
    assert (telemetry.network_difficulty is not None) == (number >= 37)
    reading = device.miner.read()
    assert telemetry.hashrate_10m == pytest.approx(reading.averages["10m"], rel=0.01)
    expected = pytest.approx(reading.averages["1h"], rel=0.01)
    assert telemetry.hashrate_1h == (expected if number >= 34 else None)
    # Its window is not full an hour after the boot
    assert telemetry.hashrate_1d is None
    assert telemetry.reset_reason == "SYSTEM.POWER_ON_RESET"
    assert telemetry.free_memory == 6_890_556
    assert telemetry.packet_loss == (0 if number >= 34 else None)
    assert telemetry.blocks_found_session == (0 if number >= 34 else None)


@pytest.mark.parametrize("model", MODELS)
async def test_every_model_is_known(model: str) -> None:
    """Given any model with /asic, its own lists are the limits."""
    async with running(model=model) as (device, driver):
        limits = driver.get_tuning_limits()
        facts = await driver.get_device_facts()
        telemetry = await driver.get_telemetry()
        board = device.board
    assert facts.model == board.name
    assert facts.model in driver.supported_models
    assert limits is not None
    assert limits.frequency is not None
    assert limits.core_voltage is not None
    assert limits.frequency.options == board.frequencies
    assert limits.core_voltage.options == board.voltages
    assert telemetry.mode == "standard"


@pytest.mark.parametrize("generation", RELEASES)
async def test_a_poll_is_one_request(generation: str) -> None:
    """Given ten polls, one request each, on a kept connection where there is one."""
    async with running(generation) as (device, driver):
        device.counters.reset()
        for _ in range(10):
            await driver.get_telemetry()
        assert device.counters.by_path == {"GET /api/system/info": 10}
        closes = device.generation.closes_reads
        assert device.counters.connections == (10 if closes else 0)


async def test_a_board_without_options_path_uses_the_table() -> None:
    """Given 1.0.30, which redirects /asic to its page, the table serves."""
    async with running("1.0.30", model="nerdqaxe+") as (_, driver):
        limits = driver.get_tuning_limits()
        assert limits is not None
        assert limits.frequency is not None
        assert (limits.frequency.minimum, limits.frequency.maximum) == (400, 575)
        assert driver.get_supported_modes() == ["eco", "standard", "turbo", "oc"]


def test_an_unknown_board_without_options_has_no_limits() -> None:
    """Given neither list nor table, nothing is known to be safe."""
    driver = NerdqaxeDriver()
    driver._info = INFO | {"deviceModel": "NerdNew"}
    driver._options = driver._read_options(driver._info)
    assert driver._options is None
    assert driver.get_tuning_limits() is None
    assert not driver.supports_tuning()
    assert read(driver._info).mode is None


def test_the_defaults_of_the_very_board_are_used() -> None:
    """Since 1.0.29 /info tells the defaults, which differ by revision."""
    options = NerdqaxeDriver()._read_options(INFO)
    assert options is not None
    assert (options.default_frequency, options.default_voltage) == (590, 1140)
    options = NerdqaxeDriver()._read_options(INFO | {"defaultFrequency": 9999})
    assert options is not None
    assert options.default_frequency == 600


async def test_the_device_names_its_eco_mode() -> None:
    """Given a NerdQX, eco is what its firmware calls so."""
    async with running(model="nerdqx") as (device, driver):
        assert await driver.set_mode("eco")
        assert device.writes == [{"frequency": 495, "coreVoltage": 1085}]


async def test_unreachable_pools_are_a_problem() -> None:
    """Given no pool, the connection is down, in the old form and the nested one."""
    for generation in ("1.0.34", "1.0.36"):
        async with running(generation) as (device, driver):
            device.set_pool_reachable("public-pool.io", False)
            fallback = await driver.get_telemetry()
            assert fallback.using_fallback is True
            assert active(fallback).url == "solo.ckpool.org:3333"
            assert active(fallback).alive is True
            assert fallback.problems == ()
            device.set_pool_reachable("solo.ckpool.org", False)
            telemetry = await driver.get_telemetry()
            assert telemetry.problems == ("no_pool",)


async def test_both_pools_are_active_in_dual_mode(
    session: aiohttp.ClientSession,
) -> None:
    """Given dual mode, both pools are mined at and told apart."""
    async with simulated("1.0.37") as device:
        device.settings["poolMode"] = 1
        await device.reboot()
        driver = await connected(session, device)
        device.set_pool_reachable("solo.ckpool.org", False)
        telemetry = await driver.get_telemetry()
        assert [(pool.active, pool.alive) for pool in telemetry.pools] == [
            (True, True),
            (True, False),
        ]
        assert telemetry.using_fallback is None
        assert "no_pool" not in telemetry.problems
        assert await driver.select_pool(1), "it is in use already"
        assert device.writes == []


async def test_a_converter_that_gives_no_voltage() -> None:
    """Cool chips without power are no overheating: a restart may help."""
    async with running() as (device, driver):
        device.rewrite = override({"coreVoltageActual": 0, "temp": 32})
        telemetry = await driver.get_telemetry()
        assert telemetry.problems == ("no_core_voltage",)
        assert telemetry.hashing is False


async def test_an_overheated_miner_is_told_by_its_dead_converter() -> None:
    """Given a miner that cut its chips off, it is too hot and does not hash."""
    async with running() as (device, driver):
        device.overheat()
        hot = await driver.get_telemetry()
        assert hot.problems == ("overheat",)
        assert hot.temperature_limit == 70
        assert hot.temperature is not None and hot.temperature > 70
        device.miner.heat_to(40)
        cool = await driver.get_telemetry()
        assert cool.problems == ("overheat",)
        assert cool.hashing is False
        assert cool.paused is False


# --- reading one answer -------------------------------------------------------------


def test_ten_minutes_are_no_momentary_hashrate() -> None:
    """Without a minute's average the short window counts, not ten minutes."""
    assert read(INFO | {"hashRate_10m": 5000}).hashrate == pytest.approx(9700.5e9)
    assert read(INFO | {"hashRate_1m": 9600}).hashrate == pytest.approx(9600e9)


def test_the_oldest_releases_have_ten_minutes_only() -> None:
    """1.0.12 tells no hashRate, no MAC, no model; it is a NerdQAxe nevertheless."""
    absent = ("hashRate", "deviceModel", "macAddr", "isStratumConnected")
    info = {key: INFO[key] for key in INFO if key not in absent}
    info |= {"hashRate_10m": 9600.5, "boardVersion": "500"}
    assert is_nerdqaxe(info)
    assert not is_axeos(info)
    telemetry = read(info)
    assert telemetry.hashrate == 9600.5e9
    assert telemetry.hashing is True
    assert telemetry.mode is None


def test_what_only_the_nested_pools_tell() -> None:
    """Difficulty and ping of the pool in use, where /info has none itself."""
    pool = {"connected": True, "poolDifficulty": 16384, "pingRtt": 12.5}
    nested = INFO | {"stratum": {"usingFallback": False, "pools": [pool]}}
    telemetry = read(nested)
    assert telemetry.pool_difficulty == 16384
    assert telemetry.response_time == 12.5
    both = read(nested | {"poolDifficulty": 8192, "lastpingrtt": 20})
    assert both.pool_difficulty == 8192
    assert both.response_time == 20


def test_longer_averages_that_repeat_the_ten_minutes_are_left_out() -> None:
    """A release before 1.0.32 has the same number thrice."""
    repeated = {f"hashRate_{window}": 9650.25 for window in ("10m", "1h", "1d")}
    telemetry = read(INFO | repeated)
    assert telemetry.hashrate_10m == 9650.25e9
    assert (telemetry.hashrate_1h, telemetry.hashrate_1d) == (None, None)
    day = {"uptimeSeconds": 90_000, "hashRate_1d": 4800}
    telemetry = read(INFO | repeated | day)
    assert (telemetry.hashrate_1h, telemetry.hashrate_1d) == (9650.25e9, 4800e9)


@pytest.mark.parametrize("uptime", [10**12, 1e300, -5, "long", None, True])
def test_an_absurd_uptime_fills_no_window(uptime: Any) -> None:
    """What is unknown proves nothing: the averages are unknown with it."""
    averages = {"hashRate_10m": 4810.0, "hashRate_1h": 4805.0, "hashRate_1d": 4800.0}
    assert read(INFO | averages | {"uptimeSeconds": 90_000}).hashrate_1d == 4800e9
    telemetry = read(INFO | averages | {"uptimeSeconds": uptime})
    assert telemetry.uptime is None
    assert (telemetry.hashrate_10m, telemetry.hashrate_1h, telemetry.hashrate_1d) == (
        None,
        None,
        None,
    )
    assert telemetry.hashrate is not None


def test_lost_pings_are_a_part_of_one() -> None:
    """Of the pool in use, where /info has none itself; else it is no part."""
    pool = {"connected": True, "pingLoss": 0.25}
    nested = INFO | {"stratum": {"usingFallback": False, "pools": [pool]}}
    assert read(nested).packet_loss == 25
    assert read(nested | {"recentpingloss": 0.04}).packet_loss == pytest.approx(4)
    assert read(INFO | {"recentpingloss": 4}).packet_loss is None


def test_blocks_of_the_session_and_of_all_time() -> None:
    """Older releases count those of the session only."""
    both = read(INFO | {"foundBlocks": 1, "totalFoundBlocks": 3})
    assert (both.blocks_found_session, both.blocks_found) == (1, 3)
    one = read(INFO | {"foundBlocks": 1})
    assert (one.blocks_found_session, one.blocks_found) == (1, 1)


def test_chips_without_a_sensor_keep_their_place() -> None:
    """A 0 in asicTemps is no reading; without temp the hottest chip counts."""
    telemetry = read(INFO | {"asicTemps": [0, 55.5, None, "57.25", True]})
    assert telemetry.chip_temperatures == (None, 55.5, None, 57.25, None)
    assert read(INFO | {"asicTemps": [0, 0, None]}).chip_temperatures == ()
    assert telemetry.temperature == 58.5
    for none in (0, 255):
        chips = {"asicTemps": [55, 56, none], "temp": none}
        assert read(INFO | chips).temperature == 56


def test_a_board_without_pid_has_no_target() -> None:
    """A pidTargetTemp of -1 says that there is none."""
    driver = NerdqaxeDriver()
    driver._info = INFO | {"pidTargetTemp": -1, "autofanspeed": 0}
    limits = driver.get_tuning_limits()
    assert limits is not None
    assert limits.target_temperature is None
    assert limits.fan_speed is not None


# --- what answers at an address --------------------------------------------------------


@pytest.mark.parametrize(
    "info",
    [
        {},
        {"deviceModel": "printer"},
        {"identity": {}, "miner": {}, "deviceModel": "NMAxe", "ASICModel": "BM1366"},
        {"ASICModel": "BM1370", "deviceModel": ""},
        {"ASICModel": "BM1370", "deviceModel": "LV07", "boardVersion": "1"},
    ],
)
def test_what_is_not_a_nerdqaxe(info: dict[str, Any]) -> None:
    """Other JSON, nested dialects and forks of AxeOS belong to others."""
    assert not is_nerdqaxe(info)


async def test_a_client_from_elsewhere_is_refused() -> None:
    """Given the bare 401, it is the network, even where a code is asked for."""
    async with running(otp_secret=SECRET, typed=SECRET) as (device, driver):
        device.refuse_address = True
        with pytest.raises(AddressRefused):
            await driver.get_telemetry()
        with pytest.raises(AddressRefused):
            await driver.set_mode("eco")


# --- modes and tuning --------------------------------------------------------------------


async def test_the_fan_before_it_had_modes() -> None:
    """Up to 1.0.28 it is switched by a JSON boolean; a number would be dropped."""
    async with running("1.0.24") as (device, driver):
        assert (await driver.get_telemetry()).fan_auto is True
        assert await driver.set_tuning("fan_speed", 70)
        telemetry = await driver.get_telemetry()
        assert (telemetry.fan_auto, telemetry.fan_speed) == (False, 70)
        assert await driver.set_fan_auto()
        assert device.settings["autofanspeed"] is True
        assert (await driver.get_telemetry()).fan_auto is True


@pytest.mark.parametrize(
    ("mode", "auto"),
    [(0, False), (1, True), (2, True), (3, True), (None, None), ("off", None)],
)
def test_who_sets_the_fan(mode: Any, auto: bool | None) -> None:
    """Every mode but the one by hand is automatic; what is no number says nothing."""
    assert read(INFO | {"autofanspeed": mode}).fan_auto is auto


async def test_an_ignored_write_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a device that answers 200 and drops a float, the driver says so."""
    monkeypatch.setattr(axeos, "plain", float)
    async with running() as (_, driver):
        with pytest.raises(CommandFailed, match="reports 600 MHz"):
            await driver.set_mode("eco")


@pytest.mark.parametrize("generation", ["1.0.31", "1.0.34", "1.0.35", "1.0.37"])
async def test_tuning_by_hand(generation: str) -> None:
    """Each setting is written, read back, and the mode becomes custom."""
    async with running(generation) as (device, driver):
        assert await driver.set_tuning("frequency", 533.0)
        assert await driver.set_tuning("core_voltage", 1155)
        assert await driver.set_tuning("fan_speed", 70)
        assert device.settings["autofanspeed"] == 0
        telemetry = await driver.get_telemetry()
        assert telemetry.fan_speed == 70
        assert telemetry.mode == "custom"
        assert await driver.set_tuning("target_temperature", 55)
        assert device.settings["autofanspeed"] == 2
        assert (await driver.get_telemetry()).target_temperature == 55


# --- pause and restart --------------------------------------------------------------------


async def test_pause_is_a_shutdown_and_resume_a_restart() -> None:
    """Given 1.0.36, it stays online while it is shut down, then boots."""
    async with running() as (device, driver):
        assert driver.supports_pause()
        assert await driver.pause()
        telemetry = await driver.get_telemetry()
        assert telemetry.paused is True
        assert telemetry.hashing is False
        assert telemetry.hashrate == 0
        assert telemetry.problems == ()
        assert await driver.resume()
        assert device.boots == 2
        assert (await driver.get_telemetry()).paused is False


async def test_a_miner_that_mines_is_not_restarted_by_resume() -> None:
    """Resume without a pause does nothing."""
    async with running() as (device, driver):
        assert await driver.resume()
        assert device.boots == 1


async def test_an_old_release_cannot_pause() -> None:
    """1.0.34 does not tell that it is shut down, so a pause is not offered."""
    async with running("1.0.34") as (_, driver):
        assert not driver.supports_pause()


# --- pools -----------------------------------------------------------------------------------


@pytest.mark.parametrize("generation", RELEASES)
async def test_a_new_pool_is_mined_at_without_a_restart(generation: str) -> None:
    """Given any release, the pool changes while it runs."""
    async with running(generation) as (device, driver):
        assert await driver.set_pool("stratum+tcp://eu.example.com:4444", USER, "x,d=1")
        assert device.boots == 1
        assert device.pool_address() == ("eu.example.com", 4444)
        assert device.settings["stratumPassword"] == "x,d=1"
        pool = active(await driver.get_telemetry())
        assert (pool.url, pool.user) == ("eu.example.com:4444", USER)


async def test_encryption_is_a_json_boolean(session: aiohttp.ClientSession) -> None:
    """The firmware drops a 1 where it wants true."""
    async with simulated("1.0.37") as device:
        device.settings["stratumProtocol"] = 1
        driver = await connected(session, device)
        assert await driver.set_pool("stratum+ssl://eu.example.com:4443", USER, "x")
        assert device.settings["stratumProtocol"] == 0
        assert await driver.set_pool("eu.example.com:4443", f"{USER}2", "x")
        assert await driver.set_pool("eu.example.com:3333", USER, "x")
        # Of the same host with another user nothing but the user changes.
        written = [write.get("stratumTLS") for write in device.writes]
        assert repr(written) == "[True, None, False]"
    async with running("1.0.35") as (device, driver):
        with pytest.raises(InvalidValue, match="cannot encrypt"):
            await driver.set_pool("stratum+ssl://eu.example.com:4443", USER, "x")
        assert device.writes == []


@pytest.mark.parametrize("generation", RELEASES)
async def test_the_two_pools_change_places(
    session: aiohttp.ClientSession, generation: str
) -> None:
    """Given two pools, choosing the second one makes it the first."""
    async with simulated(generation) as device:
        device.settings["fallbackStratumTLS"] = True
        driver = await connected(session, device)
        assert driver.supports_select_pool()
        assert await driver.select_pool(0)
        assert device.writes == []
        assert await driver.select_pool(1)
        assert device.pool_address() == ("solo.ckpool.org", 3333)
        telemetry = await driver.get_telemetry()
        assert [pool.url for pool in telemetry.pools] == [
            "solo.ckpool.org:3333",
            "public-pool.io:21496",
        ]
        if "stratumTLS" in device.generation.info:
            assert device.settings["stratumTLS"] is True
            assert device.settings["fallbackStratumTLS"] is False
        with pytest.raises(InvalidValue):
            await driver.select_pool(2)


async def test_a_dead_first_pool_cannot_be_chosen() -> None:
    """Given a failover, the firmware itself decides when to go back."""
    async with running() as (device, driver):
        device.set_pool_reachable("public-pool.io", False)
        assert await driver.select_pool(1), "it is in use already"
        with pytest.raises(CommandFailed, match="goes back"):
            await driver.select_pool(0)
        assert device.writes == []


@pytest.mark.parametrize("generation", ["1.0.34", "1.0.37"])
async def test_a_new_first_pool_that_is_dead_is_a_failure(generation: str) -> None:
    """Given a miner that works for its fallback pool all the same, that is told."""
    async with running(generation) as (device, driver):
        device.set_pool_reachable("eu.example.com", False)
        with pytest.raises(CommandFailed) as caught:
            await driver.set_pool("eu.example.com:4444", USER, "x")
        assert caught.value.reason_key == "pool_not_applied"
        assert device.pool_address() == ("solo.ckpool.org", 3333)
        assert device.settings["stratumURL"] == "eu.example.com"


async def test_an_ignored_pool_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a device that answers 200 and changes nothing, no secret is told."""
    async with running() as (device, driver):
        monkeypatch.setattr(device, "_store", lambda key, value: None)
        with pytest.raises(CommandFailed) as caught:
            await driver.set_pool("eu.example.com:4444", USER, "secret-password")
        assert USER not in str(caught.value)
        assert "secret-password" not in str(caught.value)
        with pytest.raises(CommandFailed):
            await driver.select_pool(1)


# --- the one-time code -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
    ],
)
def test_codes_are_those_of_rfc_6238(now: float, code: str) -> None:
    """The RFC's own test values, with the secret as users may type it."""
    assert one_time_code("gezd gnbv-gy3t qojq GEZDGNBVGY3TQOJQ==", now) == code


async def test_writes_need_a_session_only_once(session: aiohttp.ClientSession) -> None:
    """Given the code is on, one session serves all writes; reads need none."""
    async with running(otp_secret=SECRET, otp_guards_commands=True, typed=SECRET) as (
        device,
        driver,
    ):
        assert await driver.set_mode("eco")
        assert await driver.set_mode("standard")
        assert await driver.pause()
        assert device.counters.by_path["POST /api/otp/session"] == 1
        assert device.counters.by_path["PATCH /api/system"] == 2


async def test_a_lost_session_is_opened_again(session: aiohttp.ClientSession) -> None:
    """Given a device that forgot its sessions, the write still succeeds."""
    async with running(otp_secret=SECRET, typed=SECRET) as (device, driver):
        assert await driver.set_mode("eco")
        assert device.otp is not None
        device.otp.end_sessions()
        assert await driver.set_mode("standard")
        assert device.counters.by_path["POST /api/otp/session"] == 2


async def test_an_old_session_is_not_used(
    session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a session at its end, a new one is opened before the write."""
    async with running(otp_secret=SECRET, typed=SECRET) as (device, driver):
        assert await driver.set_mode("eco")
        driver._session_until = 0.0
        assert await driver.set_mode("standard")
        assert device.counters.by_path["POST /api/otp/session"] == 2
        assert device.counters.by_path["PATCH /api/system"] == 2


async def test_without_a_secret_it_is_asked_for() -> None:
    """Given the code is on and no secret, reads work and a write says what is missing."""
    async with running(otp_secret=SECRET) as (device, driver):
        assert (await driver.get_telemetry()).hashing is True
        with pytest.raises(AuthRequired, match="enter its secret"):
            await driver.set_mode("eco")
        # Each that is refused counts to the block of 5 minutes
        assert device.counters.by_path["PATCH /api/system"] == 0
        assert await driver.pause()


async def test_a_wrong_secret_is_refused() -> None:
    """Given another secret, the write fails and the secret is told to nobody."""
    wrong = "GEZDGNBVGY3TQOJQ"
    async with running(otp_secret=SECRET, typed=wrong) as (device, driver):
        with pytest.raises(AuthRequired, match="check the secret") as caught:
            await driver.set_mode("eco")
        assert wrong not in str(caught.value)
        for _ in range(4):
            with pytest.raises(AuthRequired):
                await driver.set_mode("eco")
        with pytest.raises(AuthRequired, match="5 minutes"):
            await driver.set_mode("eco")
        assert device.writes == []


async def test_a_secret_that_is_none_is_refused(session: aiohttp.ClientSession) -> None:
    """Given text that is not base32, nothing is sent."""
    async with simulated(otp_secret=SECRET) as device:
        driver = await connected(session, device, otp_secret="123456!")
        with pytest.raises(AuthRequired, match="not base32"):
            await driver.set_mode("eco")
        assert device.counters.by_path["POST /api/otp/session"] == 0


async def test_a_secret_on_a_device_without_codes_is_unused(
    session: aiohttp.ClientSession,
) -> None:
    """Given the code is off, no session is opened."""
    async with simulated() as device:
        driver = await connected(session, device, otp_secret=SECRET)
        assert await driver.set_mode("eco")
        assert device.counters.by_path["POST /api/otp/session"] == 0


async def test_the_session_path_of_newer_releases(
    session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Since 1.0.38-alpha the path is below /api/v2, and the old one redirects."""
    async with simulated("1.0.37", otp_secret=SECRET) as device:
        routes = device.routes()
        routes["POST /api/v2/otp/session"] = routes.pop("POST /api/otp/session")
        monkeypatch.setattr(device, "routes", lambda: routes)
        driver = await connected(session, device, otp_secret=SECRET)
        assert await driver.set_mode("eco")


async def test_a_release_that_opens_no_session(
    session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given neither path, the failure is named."""
    async with simulated(otp_secret=SECRET) as device:
        routes = device.routes()
        routes.pop("POST /api/otp/session")
        monkeypatch.setattr(device, "routes", lambda: routes)
        driver = await connected(session, device, otp_secret=SECRET)
        with pytest.raises(CommandFailed, match="gives no session"):
            await driver.set_mode("eco")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (text_response("Session error", status=500), CommandFailed),
        (json_response({"ttlMs": 5}), BadAnswer),
    ],
)
async def test_a_session_without_a_token(
    session: aiohttp.ClientSession,
    monkeypatch: pytest.MonkeyPatch,
    answer: Response,
    error: type[DriverError],
) -> None:
    """Given a session that fails, nothing is written."""
    async with simulated(otp_secret=SECRET) as device:
        monkeypatch.setattr(device, "_otp_session", lambda request: answer)
        driver = await connected(session, device, otp_secret=SECRET)
        with pytest.raises(error):
            await driver.set_mode("eco")
        assert device.writes == []


async def test_a_restart_that_does_not_end_the_shutdown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given a device that boots shut down, resume says so."""
    async with running() as (device, driver):
        assert await driver.pause()
        monkeypatch.setattr(device, "_booted", device._apply)
        with pytest.raises(CommandFailed, match="still shut down"):
            await driver.resume()


def test_the_option_is_declared() -> None:
    """HMM asks for the secret under this name."""
    assert NerdqaxeDriver.option_fields == ("otp_secret",)
    assert nerdqaxe_driver.NerdqaxeDriver.driver_type == "nerdqaxe"
