"""What devices in the field reported, with the values that are right."""

import json
from typing import Any

import aiohttp
import pytest

from custom_components.hmm.bundled.miner_drivers.bitaxe_driver import BitaxeDriver
from custom_components.hmm.bundled.miner_drivers.nerdqaxe_driver import NerdqaxeDriver
from custom_components.hmm.bundled.shared.axeos import AxeDriver
from custom_components.hmm.driver_api import (
    AddressRefused,
    AuthRequired,
    DriverContext,
    InvalidValue,
    MinerTelemetry,
)
from custom_components.hmm.driver_api.units import efficiency_j_per_th
from custom_components.hmm.driver_engine.answers import read_telemetry
from simulator.httpd import Response, text_response
from tests.captured import CapturedAxe, read_case


async def poll(
    session: aiohttp.ClientSession,
    driver_class: type[AxeDriver],
    info: dict[str, Any],
    asic: dict[str, Any] | None = None,
) -> MinerTelemetry:
    """Return one poll of a device that reports this; it costs one request."""
    async with CapturedAxe(info, asic) as device:
        driver = driver_class()
        driver.attach(DriverContext(session=session, options={}))
        assert await driver.connect(device.host, device.port)
        device.counters.reset()
        telemetry = await driver.get_telemetry()
        assert device.counters.requests == 1
        await driver.close()
    return telemetry


# --- averages (bitaxeorg/ESP-Miner#1769) -----------------------------------------

RISING = read_case("01-nerd-ramping-averages")


@pytest.mark.parametrize(
    ("case", "uptime", "expected"),
    [
        ("up_12_hours", None, (5511.287, 5512.898, 5509.091, None)),
        ("up_12_hours", 86_400, (5511.287, 5512.898, 5509.091, 2748.972)),
        ("up_12_hours", 3_599, (5511.287, 5512.898, None, None)),
        ("up_400_seconds", None, (5450.0, None, None, None)),
        ("up_45_seconds", None, (5450.0, None, None, None)),
        # The first minute has just passed, but the chips started after the boot
        ("up_45_seconds", 62, (5450.0, None, None, None)),
    ],
)
async def test_an_average_counts_once_its_window_is_full(
    session: aiohttp.ClientSession,
    case: str,
    uptime: int | None,
    expected: tuple[float | None, ...],
) -> None:
    """Until then the firmware reports a part of it; the hashrate is right at once."""
    info = RISING[case]
    if uptime is not None:
        info = info | {"uptimeSeconds": uptime}
    telemetry = await poll(session, NerdqaxeDriver, info, RISING["asic"])
    values = (
        telemetry.hashrate,
        telemetry.hashrate_10m,
        telemetry.hashrate_1h,
        telemetry.hashrate_1d,
    )
    assert values == tuple(
        None if v is None else pytest.approx(v * 1e9) for v in expected
    )


async def test_a_hashrate_that_rises_itself_is_unknown_at_first(
    session: aiohttp.ClientSession,
) -> None:
    """In 1.0.32 hashRate is the average of the ten minutes."""
    info = RISING["up_45_seconds"] | {"hashRate": 90.8, "version": "v1.0.32"}
    assert (await poll(session, NerdqaxeDriver, info)).hashrate is None
    info |= {"uptimeSeconds": 95, "hashRate_1m": 5400.0}
    assert (await poll(session, NerdqaxeDriver, info)).hashrate == 5400e9


@pytest.mark.parametrize("uptime", [65, 601, 3_601])
async def test_averages_of_axeos_wait_for_their_windows_too(
    session: aiohttp.ClientSession, uptime: int
) -> None:
    """The first ten minutes and the first hour hold the start of the chips."""
    info = read_case("02-response-time-of-hours")["info"]
    info |= {"uptimeSeconds": uptime, "hashRate_1m": 700.0, "hashRate": 1071.2}
    telemetry = await poll(session, BitaxeDriver, info)
    assert telemetry.hashrate == (1071.2e9 if uptime < 90 else 700e9)
    assert (telemetry.hashrate_10m is not None) == (uptime >= 600)
    assert (telemetry.hashrate_1h is not None) == (uptime >= 3600)


# --- chips without power (bitaxeorg/ESP-Miner#803) --------------------------------

POWER_FAULT = read_case("04-power-fault-still-running")
NO_POWER = {"coreVoltageActual": 0}


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        ({}, ("power_fault",)),
        ({"hashrateMonitor": None}, ("power_fault",)),
        (
            {"power_fault": None, "hardware_fault": "Fan Control Failed"},
            ("hardware_fault",),
        ),
        # ESP-Miner#588: nothing but the voltage tells
        ({"power_fault": None, "power": 5.1}, ("no_core_voltage",)),
        ({"power_fault": None, "power": 5.1, "miningPaused": True}, ()),
        ({"power_fault": None, "overheat_mode": 1}, ("overheat",)),
        ({"coreVoltageActual": 1144}, ("power_fault",)),
    ],
)
async def test_chips_without_power_make_no_hashrate(
    session: aiohttp.ClientSession,
    changes: dict[str, Any],
    problems: tuple[str, ...],
) -> None:
    """The firmware repeats the hashrate of before the fault."""
    telemetry = await poll(session, BitaxeDriver, POWER_FAULT["info"] | changes)
    assert telemetry.hashrate == 0
    assert telemetry.hashing is False
    assert efficiency_j_per_th(telemetry.power, telemetry.hashrate) is None
    assert not any(telemetry.chip_hashrates)
    assert telemetry.hashrate_10m is telemetry.hashrate_1h is None
    assert telemetry.problems == problems
    assert telemetry.power == POWER_FAULT["info"]["power"] or "power" in changes


@pytest.mark.parametrize(
    "changes",
    [
        {"shutdown": True, "coreVoltageActual": 1150},
        {"shutdown": True} | NO_POWER,
        # Issue 709: the regulator gives nothing, and no flag says so
        NO_POWER,
        # An average lingers where hashRate is one (up to 1.0.32)
        {"hashRate": 5512.898, "hashRate_10m": 5512.898} | NO_POWER,
    ],
)
async def test_a_nerdqaxe_without_power_makes_no_hashrate(
    session: aiohttp.ClientSession, changes: dict[str, Any]
) -> None:
    """Neither in a shutdown nor after its converter was switched off."""
    info = RISING["up_12_hours"] | {"power": 5.2} | changes
    telemetry = await poll(session, NerdqaxeDriver, info)
    assert telemetry.hashrate == 0
    assert telemetry.hashing is False
    averages = telemetry.hashrate_10m, telemetry.hashrate_1h, telemetry.hashrate_1d
    assert averages == (None, None, None)
    assert telemetry.problems == (() if "shutdown" in changes else ("overheat",))


# --- connections (bitaxeorg/ESP-Miner, PR 1553) -----------------------------------

POOL_DOWN = read_case("07-sv2-unreachable-is-alive")


@pytest.mark.parametrize(
    "text",
    [
        *POOL_DOWN["texts"],
        "SV2: Internal error",
        "SV2: Pool not responding",
        "Not Connected",
        "IPv4 lost",
    ],
)
async def test_a_reason_is_no_connection(
    session: aiohttp.ClientSession, text: str
) -> None:
    """A pool that does not respond is not alive, and why nothing is hashed."""
    info = POOL_DOWN["info"] | {"poolConnectionInfo": text}
    telemetry = await poll(session, BitaxeDriver, info)
    assert telemetry.active_pool is not None
    assert telemetry.active_pool.alive is False
    assert telemetry.problems == ("no_pool",)


@pytest.mark.parametrize("protocol", ["IPv4", "IPv6"])
@pytest.mark.parametrize("encryption", ["", " (TLS)", " (TLS Cert)"])
async def test_a_connection_is_one(
    session: aiohttp.ClientSession, protocol: str, encryption: str
) -> None:
    """Only these texts mean that the pool responds."""
    info = POOL_DOWN["info"] | {"poolConnectionInfo": protocol + encryption}
    telemetry = await poll(session, BitaxeDriver, info)
    assert telemetry.active_pool is not None
    assert telemetry.active_pool.alive is True
    assert telemetry.problems == ()


# --- models of forks (pyasic#278, #280) -------------------------------------------

FORKS = read_case("14-forks-with-a-model-of-their-own")
BITFORGE = {"chiptemp1": 50, "chiptemp2": 52}


@pytest.mark.parametrize(
    ("info", "maker", "model"),
    [
        (FORKS["lv07"], "LuckyMiner", "LV07"),
        (FORKS["lv07"] | {"minerModel": "LV08"}, "LuckyMiner", "LV08"),
        (FORKS["lv07"] | {"minerModel": "unknown"}, None, "AxeOS miner"),
        (FORKS["bc01"], "Hammer", "BC01"),
        (FORKS["bc01"] | {"DeviceModel": "BC04"}, "Hammer", "BC04"),
        (FORKS["bc01"] | {"DeviceModel": "invalid"}, None, "AxeOS miner"),
        # mrbonkerz' builds name the family, and their boards by letters
        (POWER_FAULT["info"] | {"family": "LV08"}, "LuckyMiner", "LV08"),
        (POWER_FAULT["info"] | {"boardVersion": "LV06"}, "LuckyMiner", "LV06"),
        (POWER_FAULT["info"] | BITFORGE, "BitForge", "BitForge Nano"),
        (POWER_FAULT["info"], "Bitaxe", "Bitaxe Gamma"),
        (POWER_FAULT["info"] | {"boardVersion": "1300"}, "Bitaxe", "Bitaxe GammaHex"),
        # A board that Bitaxe never made
        (POWER_FAULT["info"] | {"boardVersion": "1002"}, None, "AxeOS miner"),
        (POWER_FAULT["info"] | {"boardVersion": "unknown"}, "Bitaxe", "Bitaxe Gamma"),
    ],
)
async def test_a_fork_is_named_as_it_names_itself(
    session: aiohttp.ClientSession, info: dict[str, Any], maker: str | None, model: str
) -> None:
    """Its board may have the number of a Bitaxe's."""
    facts = (await poll(session, BitaxeDriver, info)).device
    assert facts is not None
    assert (facts.manufacturer, facts.model) == (maker, model)
    assert facts.hardware != "unknown"


async def test_what_forks_report_under_names_of_their_own(
    session: aiohttp.ClientSession,
) -> None:
    """The input voltage of a LuckyMiner, the serial number of a Hammer."""
    lucky = await poll(session, BitaxeDriver, FORKS["lv07"])
    assert lucky.input_voltage == pytest.approx(12015.6, abs=0.1)
    assert lucky.fan_rpm == (4458,)
    assert lucky.fan_speed == 100
    hammer = await poll(session, BitaxeDriver, FORKS["bc01"], {"deviceModel": "Gamma"})
    assert hammer.device is not None
    assert hammer.device.serial == "ALBC01EXAMPLE46"
    assert hammer.device.model == "BC01"


# --- logins (SerpentXSF/StayOpen-Miner-Firmware) ----------------------------------

LOGIN = read_case("15-login-protected-fork")["body"]
AXEOS_REFUSAL = text_response("Unauthorized", status=401)


@pytest.mark.parametrize("driver_class", [BitaxeDriver, NerdqaxeDriver])
@pytest.mark.parametrize(
    "refusal",
    [
        text_response(LOGIN, status=401),
        text_response("Authentication required", status=401),
        text_response("Too many attempts", status=403),
        text_response("", status=401),
        # The word alone is AxeOS' network check; with the header it is a login
        Response(
            status=401,
            body=b"Unauthorized",
            headers={"WWW-Authenticate": 'Basic realm="Bitaxe"'},
        ),
    ],
    ids=lambda refusal: f"{refusal.status} {refusal.body.decode()}",
)
async def test_a_login_is_reported(
    session: aiohttp.ClientSession, driver_class: type[AxeDriver], refusal: Response
) -> None:
    """When it is added, at a poll and at a command."""
    case = RISING["up_12_hours"]
    if driver_class is BitaxeDriver:
        case = POWER_FAULT["info"]
    async with CapturedAxe(case) as device:
        driver = driver_class()
        driver.attach(DriverContext(session=session, options={}))
        device.refusal = refusal
        with pytest.raises(AuthRequired):
            await driver.connect(device.host, device.port)
        device.refusal = None
        assert await driver.connect(device.host, device.port)
        device.refusal = refusal
        with pytest.raises(AuthRequired):
            await driver.get_telemetry()
        with pytest.raises(AuthRequired):
            await driver.restart()
        device.refusal = AXEOS_REFUSAL
        with pytest.raises(AddressRefused):
            await driver.get_telemetry()


# --- two fans (shufps/ESP-Miner-NerdQAxePlus#569) -----------------------------------

TWO_FANS = read_case("16-second-fan-speed")


@pytest.mark.parametrize(
    ("changes", "speeds", "rpm"),
    [
        ({}, (54, 40), (1796, 1557)),
        # One that stands still is broken, not missing
        ({"fanrpm2": 0}, (54, 40), (1796, 0)),
        ({"fanCount": 1, "fanspeed2": 0, "fanrpm2": 0}, (54,), (1796,)),
        ({"fanCount": None, "fanspeed2": None, "fanrpm2": None}, (54,), (1796,)),
        (
            {"fans": [{"speedPerc": 70, "rpm": 1}, {"speedPerc": 30}, "?"]},
            (70, 30, None),
            (1796, 1557),
        ),
    ],
)
async def test_each_fan_has_a_percentage(
    session: aiohttp.ClientSession,
    changes: dict[str, Any],
    speeds: tuple[float | None, ...],
    rpm: tuple[int, ...],
) -> None:
    """The second fan has a speed of its own."""
    telemetry = await poll(session, NerdqaxeDriver, TWO_FANS["info"] | changes)
    assert telemetry.fan_speeds == speeds
    assert telemetry.fan_speed == 54
    assert telemetry.fan_rpm == rpm


# --- a share that took hours (bitaxeorg/ESP-Miner#1198) -----------------------------


async def test_hours_are_no_response_time(session: aiohttp.ClientSession) -> None:
    """The firmware's own time-outs are shorter than a minute."""
    info = read_case("02-response-time-of-hours")["info"]
    hours = read_telemetry(await poll(session, BitaxeDriver, info))
    assert hours is not None
    assert hours.response_time is None
    usual = read_telemetry(
        await poll(session, BitaxeDriver, info | {"responseTime": 41})
    )
    assert usual is not None
    assert usual.response_time == 41


# --- two pools at once (SerpentXSF/Dual-Pool-Mining-NerdAxe-BitAxe) ----------------

DUAL = read_case("20-dual-pool-of-forks")["info"]
DUAL_SERPENT = {
    # The other fork's names for the same
    "poolASharesAccepted": 4210,
    "poolBConnectionInfo": "IPv4 (TLS)",
    "poolBConnected": None,
    "poolBIsUsingFailover": 1,
    "poolBFallbackUrl": "backup.b.example",
    "poolBFallbackPort": 3334,
    "poolBFallbackUser": "bc1qexample.c",
}


async def test_a_second_pool_is_active_beside_the_first(
    session: aiohttp.ClientSession,
) -> None:
    """And the shares that it accepts count."""
    telemetry = await poll(session, BitaxeDriver, DUAL)
    pools = [
        (pool.index, pool.url, pool.user) for pool in telemetry.pools if pool.active
    ]
    assert pools == [
        (0, "solo.example.org:3333", "bc1qexample.gamma"),
        (2, "solo.b.example:3333", "bc1qexample.b"),
    ]
    assert telemetry.pools[-1].alive is True
    assert telemetry.shares_accepted == 4260
    assert telemetry.shares_rejected == 3


async def test_the_second_pool_has_a_fallback_of_its_own(
    session: aiohttp.ClientSession,
) -> None:
    """Both firmwares that have it name it differently."""
    serpent = (await poll(session, BitaxeDriver, DUAL | DUAL_SERPENT)).pools[-1]
    assert (serpent.url, serpent.user, serpent.alive) == (
        "backup.b.example:3334",
        "bc1qexample.c",
        True,
    )
    hammer = {"poolBUsingFailover": 1, "poolBFbUrl": "fb.example", "poolBFbPort": 1}
    assert (await poll(session, BitaxeDriver, DUAL | hammer)).pools[-1].url == (
        "fb.example:1"
    )
    assert "bc1q" not in repr(serpent)


async def test_a_second_pool_that_is_switched_off_is_not_active(
    session: aiohttp.ClientSession,
) -> None:
    """The shares that it accepted before still count: they never become fewer."""
    off = await poll(session, BitaxeDriver, DUAL | {"dualEnable": False})
    assert [pool.active for pool in off.pools] == [True, False, False]
    assert off.shares_accepted == 4260
    none = await poll(session, BitaxeDriver, DUAL | {"poolBUrl": ""})
    assert len(none.pools) == 2


async def test_one_of_two_pools_is_enough(session: aiohttp.ClientSession) -> None:
    """A miner that does not hash lacks a pool only if neither responds."""
    idle = DUAL | {"hashRate": 0, "poolConnectionInfo": "Not Connected"}
    one = await poll(session, BitaxeDriver, idle)
    assert one.problems == ()
    none = await poll(session, BitaxeDriver, idle | {"poolBConnected": 0})
    assert none.problems == ("no_pool",)


async def test_the_second_pool_cannot_take_the_place_of_the_first(
    session: aiohttp.ClientSession,
) -> None:
    """It is mined at already; one that is off is not a pool to select."""
    async with CapturedAxe(DUAL) as device:
        driver = BitaxeDriver()
        driver.attach(DriverContext(session=session, options={}))
        assert await driver.connect(device.host, device.port)
        assert await driver.select_pool(2)
        device.info = DUAL | {"dualEnable": 0}
        with pytest.raises(InvalidValue):
            await driver.select_pool(2)


def test_the_cases_are_json_objects() -> None:
    """The fixtures are read as they were recorded."""
    assert json.loads(LOGIN) == {"error": "authentication required"}
