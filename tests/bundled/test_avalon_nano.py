"""The Avalon driver, against captured answers and the simulated devices."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import replace
import json
from pathlib import Path
import re
from typing import Any

import aiohttp
import pytest

from custom_components.hmm.bundled.miner_drivers.avalon_nano_driver import (
    AvalonNanoDriver,
)
from custom_components.hmm.driver_api import (
    AuthRequired,
    BadAnswer,
    CannotConnect,
    CommandFailed,
    DriverContext,
    InvalidValue,
    MinerTelemetry,
    NotThisDevice,
    TuningRange,
)
from simulator import cgminer
from simulator.avalon import SimulatedAvalon
from simulator.device import Fault
from tests.listening import listening

pytestmark = pytest.mark.usefixtures("socket_enabled")

FIXTURES = Path(__file__).parent.parent / "fixtures" / "avalon_nano"
NANO3 = FIXTURES / "nano3_24071801"
NANO3S = FIXTURES / "nano3s_25021401"

type Answers = dict[str, Any]


def load(path: Path) -> Any:
    """Read a captured JSON answer."""
    return json.loads(path.read_text())


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not make the tests wait for what a device needs time for."""
    monkeypatch.setattr(AvalonNanoDriver, "settle_interval", 0.05)
    monkeypatch.setattr(AvalonNanoDriver, "standby_lead", 1)
    monkeypatch.setattr(
        "custom_components.hmm.driver_api.transports.cgminer.CgminerClient.gap", 0.01
    )


class Replay:
    """Answers with recordings by command, JSON or text; joins what it has."""

    def __init__(self, answers: Answers) -> None:
        """Answer with these; a callable is called with the parameter."""
        self.answers = answers
        self.requests: list[tuple[str, str | None]] = []
        self.joins = True
        self.port = 0

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Serve one connection."""
        request = json.loads(await reader.read(4095))
        command = request["command"]
        self.requests.append((command, request.get("parameter")))
        if "+" not in command:
            answer = self.one(command, request.get("parameter"))
        elif self.joins:
            parts = {name: [self.one(name, None)] for name in command.split("+")}
            answer = {**parts, "id": 1}
        else:
            answer = refused(14, "Invalid command")
        text = answer if isinstance(answer, str) else json.dumps(answer)
        writer.write(text.encode() + b"\0")
        writer.close()

    def one(self, command: str, parameter: str | None) -> Any:
        """Answer one command."""
        answer = self.answers.get(command, refused(14, "Invalid command"))
        return answer(parameter) if callable(answer) else answer


def refused(code: int, message: str, letter: str = "E") -> Answers:
    """Write an answer that is only a status."""
    return {"STATUS": [{"STATUS": letter, "When": 5, "Code": code, "Msg": message}]}


@asynccontextmanager
async def replaying(answers: Answers) -> AsyncGenerator[tuple[Replay, int]]:
    """Serve recordings on a free port."""
    replay = Replay(answers)
    async with listening(replay.serve) as port:
        yield replay, port


@asynccontextmanager
async def driving(answers: Answers) -> AsyncGenerator[tuple[Replay, AvalonNanoDriver]]:
    """Connect a driver to recordings."""
    async with replaying(answers) as (replay, port):
        driver = AvalonNanoDriver()
        assert await driver.connect("127.0.0.1", port)
        yield replay, driver


def stats(fields: str, key: str = "MM ID0") -> Answers:
    """Write a stats answer."""
    return {"STATUS": [{"STATUS": "S", "Code": 70}], "STATS": [{key: fields}]}


def version(**values: str) -> Answers:
    """Write a version answer."""
    return {"STATUS": [{"STATUS": "S", "Code": 22}], "VERSION": [values]}


Q_VERSION = version(PROD="Avalon Q", MODEL="Q", DNA="0201", MAC="00e04c112233")
Q_RUNNING = (
    "'STATS':{Ver[Q-25052801] SYSTEMSTATU[Work: In Work, Hash Board: 1] STATE[1] "
    "TMax[85] HBITemp[40] HBOTemp[60] ITemp[31] Fan1[2000] Fan2[2010] Fan3[1990] "
    "Fan4[2005] FanR[40%] PS[0 1221 2421 66 1598 2422 1670] GHSspd[91000.5] "
    "GHSavg[90000] SoftOFF[0] ECHU[0 0 0] ECMM[0] WORKMODE[2] MPO[1600]}"
)
Q_STANDBY = (
    "'STATS':{SYSTEMSTATU[Work: In Idle, Hash Board: 1] STATE[2] TMax[0] ITemp[25] "
    "Fan1[0] FanR[0%] PS[0 1221 2421 0 0 2422 146] GHSspd[0] GHSmm[0] "
    "GHSavg[88000.5] SoftOFF[4] ECHU[0] ECMM[0] WORKMODE[0] MPO[800]}"
)
NANO3S_ANSWERS: Answers = {
    name: load(NANO3S / f"{name}.json")
    for name in ("version", "summary", "stats", "pools", "litestats", "coin")
}


async def poll(answers: Answers, *, joins: bool = True) -> MinerTelemetry:
    """Connect to recordings and read one poll."""
    async with driving(answers) as (replay, driver):
        replay.joins = joins
        return await driver.get_telemetry()


# Recorded answers


async def test_captured_nano_3s() -> None:
    """Everything that a Nano 3S told is read; power is PS[6], not the target."""
    telemetry = await poll(NANO3S_ANSWERS)
    assert telemetry.hashrate == pytest.approx(6423.03e9)
    assert telemetry.hashrate_expected == pytest.approx(6580.2e9)
    assert telemetry.power == 132
    assert telemetry.temperature == 96
    assert telemetry.temperature_inlet is None  # -273
    assert telemetry.temperature_outlet == 58
    assert telemetry.target_temperature == 90
    assert telemetry.chip_temperatures[:3] == (86, 92, 93)
    assert len(telemetry.chip_temperatures) == 12
    assert telemetry.mode == "high"
    assert telemetry.fan_speed == 36
    assert telemetry.fan_rpm == (1720,)
    assert telemetry.frequency == 450.95
    assert telemetry.core_voltage_actual == pytest.approx(291.9)
    assert telemetry.input_voltage == 27697
    assert telemetry.network_difficulty == pytest.approx(138.9669e12)
    assert telemetry.uptime == 12961
    assert telemetry.shares_accepted == 2567
    assert telemetry.shares_rejected == 1
    assert telemetry.shares_stale == 27
    assert telemetry.error_rate == 2.13
    assert telemetry.best_session_share == 111181383
    assert telemetry.best_share is None
    assert telemetry.blocks_found == 0
    assert telemetry.pool_difficulty == 8192
    assert telemetry.block_height == 943768
    assert telemetry.response_time == 71
    assert telemetry.signal == -55
    assert telemetry.hashrate_15m == pytest.approx(6_623_443.02e6)
    assert telemetry.hashrate_10m is None
    assert telemetry.filter_runtime == 33862 * 60
    assert telemetry.pool_failures == 1
    assert telemetry.crc_errors == 0
    assert telemetry.reset_reason == "0x01.00000000"
    assert telemetry.hashing is True
    assert telemetry.paused is None
    assert telemetry.using_fallback is False
    assert telemetry.problems == ()
    assert [pool.index for pool in telemetry.pools] == [0, 1, 2]
    assert telemetry.active_pool is not None
    assert telemetry.active_pool.url == "stratum.braiins.com:3333"
    assert telemetry.active_pool.user == "exampleuser.nano3s"
    assert telemetry.active_pool.alive is True
    assert "exampleuser" not in repr(telemetry)
    facts = telemetry.device
    assert facts is not None
    assert facts.mac == "e0:e1:a9:3e:f5:a5"
    assert facts.serial == "02010000dc04db98"
    assert facts.model == "Avalon Nano 3S"
    assert facts.firmware == "25021401_56abae7"
    assert facts.configuration_url == "http://127.0.0.1"


async def test_captured_nano_3() -> None:
    """A Nano 3 answers stats as text, has no MAC, no litestats, no Freq."""
    telemetry = await poll(
        {
            "version": load(NANO3 / "version.partial.json"),
            "summary": load(NANO3 / "summary.json"),
            "stats": _as_json((NANO3 / "stats_worklevel1.txt").read_text()),
        }
    )
    assert telemetry.hashrate == pytest.approx(2630.98e9)
    assert telemetry.power == 89
    assert telemetry.mode == "medium"
    assert telemetry.temperature == 87
    assert telemetry.temperature_board == 38
    assert telemetry.frequency is None  # 0.00
    assert telemetry.input_voltage == 27920
    assert telemetry.error_rate == 17.306
    assert telemetry.signal is None
    assert telemetry.pools == ()
    assert telemetry.using_fallback is None
    assert telemetry.device is not None
    assert telemetry.device.mac is None
    assert telemetry.device.serial == "020100005581d5b5"  # HDNA: the DNA is zeros
    assert telemetry.device.model == "Avalon Nano 3"
    assert telemetry.device.firmware == "24071801_42c628d"


def _as_json(text: str) -> Answers:
    """Give the fields of a captured text answer in the JSON form."""
    result = re.search(r"MM ID0=(.*),MM Count", text)
    assert result is not None
    return stats(result[1])


async def test_a_nano_3_that_only_speaks_text() -> None:
    """No joined commands and text answers: the same figures, one by one."""
    answers = {
        "version": load(NANO3 / "version.partial.json"),
        "summary": load(NANO3 / "summary.json"),
        "stats": (NANO3 / "stats_worklevel1.txt").read_text().strip(),
    }
    async with replaying(answers) as (replay, port):
        replay.joins = False
        driver = AvalonNanoDriver()
        assert await driver.connect("127.0.0.1", port)
        telemetry = await driver.get_telemetry()
        assert telemetry.power == 89
        assert telemetry.mode == "medium"
        assert telemetry.device is not None
        assert telemetry.device.serial == "020100005581d5b5"
        replay.requests.clear()
        assert (await driver.get_telemetry()).power == 89
    # No join is tried again, nor what it does not know.
    assert [name for name, _ in replay.requests] == [
        "summary",
        "stats",
        "pools",
        "version",
    ]


async def test_a_q_that_runs() -> None:
    """Its keys have other names; four fans, measured watts."""
    telemetry = await poll(
        {"version": Q_VERSION, "stats": stats(Q_RUNNING, "MM ID0:Summary")}
    )
    assert telemetry.hashrate == pytest.approx(91000.5e9)
    assert telemetry.power == 1670
    assert telemetry.mode == "super"
    assert telemetry.fan_rpm == (2000, 2010, 1990, 2005)
    assert telemetry.temperature_inlet == 31
    assert telemetry.temperature_board == 60
    assert telemetry.paused is False  # a Q has standby even without its help
    assert telemetry.device is not None
    assert telemetry.device.model == "Avalon Q"


async def test_a_q_in_standby() -> None:
    """A real zero, not the stale averages; no power that could not be true."""
    telemetry = await poll(
        {
            "version": Q_VERSION,
            "summary": load(NANO3S / "summary.json"),
            "stats": stats(Q_STANDBY, "MM ID0:Summary"),
        }
    )
    assert telemetry.hashrate == 0
    assert telemetry.hashing is False
    assert telemetry.paused is True
    assert telemetry.power is None
    assert telemetry.temperature is None
    assert telemetry.temperature_inlet == 25
    assert telemetry.mode == "eco"


async def test_power_of_an_unknown_model_is_that_of_its_layout() -> None:
    """The three layouts tell themselves; anything else is unknown."""
    for supply, watts in (
        ("0 1221 2421 66 1598 2422 1670", 1670),
        ("0 0 27697 4 0 3678 132", 132),
        ("0 0 0 4 2734 125 346", 125),
        ("0 7 8 9 10 11 12", None),
        ("0 0 0 4 2734", None),
        ("a b c d e f g", None),
    ):
        telemetry = await poll(
            {
                "version": version(PROD="AvalonMiner", MODEL="15-194"),
                "stats": stats(f"PS[{supply}] GHSspd[5] MPO[999]"),
            }
        )
        assert telemetry.power == watts
        assert telemetry.mode is None
        assert telemetry.device is not None
        assert telemetry.device.model == "Avalon 15-194"


@pytest.mark.parametrize(
    ("fields", "problems"),
    [
        ("ECHU[0 0 0] ECMM[0]", ()),
        ("ECHU[0x00] ECMM[0]", ()),
        ("ECHU[0 16 0] ECMM[0]", ("chip_error",)),
        ("ECHU[0x1F]", ("chip_error",)),
        ("ECHU[N/A] ECMM[none] FanErr[-]", ()),
        ("ECHU[0] ECMM[2]", ("hardware_fault",)),
        ("SYSTEMSTATU[Work: In Fault, Hash Board: 1]", ("hardware_fault",)),
        ("SYSTEMSTATU[Work: In Fault] TMax[96]", ("hardware_fault",)),
        ("SYSTEMSTATU[Work: In Fault] TMax[105]", ("overheat",)),
        ("SYSTEMSTATU[Work: In Work] TMax[105]", ()),
        ("PS[3 0 0 0 0 0 0]", ("power_fault",)),
        ("FanErr[1]", ("fan_fault",)),
    ],
)
async def test_problems(fields: str, problems: tuple[str, ...]) -> None:
    """Error codes become names."""
    telemetry = await poll({"version": Q_VERSION, "stats": stats(fields)})
    assert telemetry.problems == problems


async def test_a_fault_by_heat_remains_one_while_it_cools_down() -> None:
    """The chips are hot when it stops, and cool down until it is restarted."""
    async with simulated("nano3s") as (device, driver):
        device.overheat()
        telemetry = await driver.get_telemetry()
        assert "overheat" in telemetry.problems
        assert "hardware_fault" not in telemetry.problems
        device.miner.heat_to(40.0)
        telemetry = await driver.get_telemetry()
        assert max(filter(None, telemetry.chip_temperatures)) < 60
        assert "overheat" in telemetry.problems
        await device.reboot(0)
        assert (await driver.get_telemetry()).problems == ()


async def test_a_fault_right_after_a_hot_poll_is_one_by_heat() -> None:
    """Without power the chips report no temperature; that of the last poll counts."""
    working = {"version": Q_VERSION, "stats": stats("TMax[108] GHSspd[5]")}
    async with driving(working) as (replay, driver):
        assert (await driver.get_telemetry()).problems == ()
        for fields, problems in (
            ("SYSTEMSTATU[Work: In Fault] TMax[0]", ("overheat",)),
            ("SYSTEMSTATU[Work: In Init] TMax[0]", ()),
            ("SYSTEMSTATU[Work: In Fault] TMax[0]", ("hardware_fault",)),
        ):
            replay.answers["stats"] = stats(fields)
            assert (await driver.get_telemetry()).problems == problems
        await driver.close()


async def test_a_chip_without_a_sensor_is_not_hot() -> None:
    """255 is no reading: its place stays empty, and a fault was not by heat."""
    fields = "SYSTEMSTATU[Work: In Fault] TMax[61] PVT_T0[61 255 60] OTemp[255]"
    telemetry = await poll({"version": Q_VERSION, "stats": stats(fields)})
    assert list(telemetry.chip_temperatures) == [61, None, 60]
    assert telemetry.temperature_outlet is None
    assert telemetry.problems == ("hardware_fault",)


async def test_a_setting_that_nothing_confirms() -> None:
    """Given a device that is gone after it took a setting, what it reports is unknown."""
    answers = {
        "version": Q_VERSION,
        "stats": stats(Q_RUNNING),
        "ascset": lambda item: (
            refused(118, "ASC 0 set info: help|fan-spd|", "I")
            if item == "0,help"
            else refused(119, "ASC 0 set OK", "S")
        ),
    }
    async with driving(answers) as (replay, driver):
        driver.settle_seconds = 0.1
        replay.answers["stats"] = ""
        with pytest.raises(CommandFailed) as caught:
            await driver.set_tuning("fan_speed", 60)
        assert caught.value.reason_key == "setting_not_applied"
        assert caught.value.reason_values == {"value": 60, "reported": "–"}


async def test_short_stats_in_text() -> None:
    """They have no name of their own there, and are read all the same."""
    litestats = "STATUS=S,When=1,Code=70,Msg=CGMiner stats,Description=x|"
    litestats += "MM ID0=STATE[1] Filter[90] RSSI[-55],MM Count=1|"
    telemetry = await poll({**NANO3S_ANSWERS, "litestats": litestats}, joins=False)
    assert (telemetry.signal, telemetry.filter_runtime) == (-55, 90 * 60)


@pytest.mark.parametrize(
    "words",
    ["Unknown option", "unknown argument", "No value passed to avalon-fan", "missing"],
)
async def test_a_refusal_with_the_status_of_a_success(words: str) -> None:
    """Given STATUS I, the text says whether anything was done."""
    answers = {
        "version": Q_VERSION,
        "stats": stats(Q_RUNNING),
        "ascset": lambda item: refused(
            118,
            "ASC 0 set info: "
            + ("help|fan-spd|filter-clean|workmode|" if item == "0,help" else words),
            "I",
        ),
    }
    async with driving(answers) as (_, driver):
        for command in (
            driver.restart(),
            driver.set_fan_auto(),
            driver.reset_filter(),
            driver.set_mode("eco"),
        ):
            with pytest.raises(CommandFailed, match=words):
                await command


async def test_counters_of_several_boards() -> None:
    """Garbled messages are summed up; what is no number does not count."""
    telemetry = await poll(
        {"version": Q_VERSION, "stats": stats("CRC[3 4] COMCRC[5 x] PFCnt[-1]")}
    )
    assert telemetry.crc_errors == 12
    assert telemetry.pool_failures is None
    telemetry = await poll({"version": Q_VERSION, "stats": stats("CRC[x] Filter[?]")})
    assert telemetry.crc_errors is None
    assert telemetry.filter_runtime is None


async def test_the_average_of_standby_is_not_told() -> None:
    """It keeps its value of before."""
    answers = NANO3S_ANSWERS | {"version": Q_VERSION, "stats": stats(Q_STANDBY)}
    assert (await poll(answers)).hashrate_15m is None


@pytest.mark.parametrize(
    ("fields", "stopped"),
    [
        ("SYSTEMSTATU[Work: In Fault, Hash Board: 1]", True),
        ("STATE[4]", True),
        ("PVT_V0[0 0 0]", True),
        ("ECHU[1] PS[0 0 27697 0 0 3678 0]", True),
        # An error code while the chips measure power and work is only a problem
        ("ECMM[8] PS[0 0 27697 5 0 3678 130]", False),
        ("PVT_V0[0 312 318] STATE[1]", False),
    ],
)
async def test_chips_without_power_make_no_hashrate(fields: str, stopped: bool) -> None:
    """The firmware may repeat what it measured before."""
    answers = NANO3S_ANSWERS | {"stats": stats(f"GHSspd[6423.03] {fields}")}
    telemetry = await poll(answers | {"litestats": refused(14, "Invalid command")})
    assert telemetry.hashrate == (0 if stopped else 6423.03e9)
    assert telemetry.hashing is not stopped
    assert (telemetry.hashrate_15m is None) is stopped


@pytest.mark.parametrize(("elapsed", "known"), [(900, False), (3_600, True)])
async def test_an_average_that_rises_is_unknown(elapsed: int, known: bool) -> None:
    """After one window cgminer's average has two thirds of the truth."""
    summary = deepcopy(NANO3S_ANSWERS["summary"])
    summary["SUMMARY"][0] |= {"Elapsed": elapsed, "MHS 15m": 6_000_000.0}
    telemetry = await poll(NANO3S_ANSWERS | {"summary": summary})
    assert telemetry.hashrate_15m == (6e12 if known else None)


async def test_pools_dead_and_fallback() -> None:
    """The pool of lower priority is a fallback; all dead is a problem."""
    pools = load(NANO3S / "pools.json")
    pools["POOLS"][0].update({"Status": "Dead", "Stratum Active": False})
    pools["POOLS"][1].update({"Stratum Active": True, "Status": "Rejecting"})
    telemetry = await poll({**NANO3S_ANSWERS, "pools": pools})
    assert telemetry.using_fallback is True
    assert telemetry.active_pool is not None
    assert telemetry.active_pool.index == 1
    assert telemetry.active_pool.alive is None
    assert telemetry.problems == ()
    # switchpool gives its pool the first priority.
    pools["POOLS"][0]["Priority"], pools["POOLS"][1]["Priority"] = 1, 0
    assert (await poll({**NANO3S_ANSWERS, "pools": pools})).using_fallback is False
    for pool in pools["POOLS"]:
        pool.update({"Status": "Dead", "Stratum Active": False})
    telemetry = await poll({**NANO3S_ANSWERS, "pools": pools})
    assert telemetry.problems == ("no_pool",)
    assert telemetry.using_fallback is None
    # One that is switched off is no way out.
    pools["POOLS"][2]["Status"] = "Disabled"
    assert (await poll({**NANO3S_ANSWERS, "pools": pools})).problems == ("no_pool",)


@pytest.mark.parametrize(
    "value", [None, "", "nan", "NaN", [], {}, True, "x", -1e999, "9" * 400]
)
async def test_nonsense_is_unknown(value: Any) -> None:
    """A value of any wrong kind is None for its field, never an exception."""
    summary = load(NANO3S / "summary.json")
    pools = load(NANO3S / "pools.json")
    summary["SUMMARY"] = [dict.fromkeys(summary["SUMMARY"][0], value)]
    pools["POOLS"] = [dict.fromkeys(pools["POOLS"][0], value), value]
    fields = load(NANO3S / "stats.json")["STATS"][0]["MM ID0"]
    text = re.sub(r"\[[^\]]*\]", f"[{value if isinstance(value, str) else ''}]", fields)
    telemetry = await poll(
        {
            "version": version(PROD="Avalon Nano3s", MODEL="Nano3s", MAC="zz", DNA="0"),
            "summary": summary,
            "pools": pools,
            "stats": stats(text),
            "litestats": stats(text),
        }
    )
    assert telemetry.hashrate is None
    assert telemetry.hashing is None
    assert telemetry.power is None
    assert telemetry.temperature is None
    assert telemetry.uptime is None
    assert telemetry.mode is None
    assert telemetry.shares_accepted is None
    assert telemetry.pools == ()
    assert telemetry.device is not None
    assert telemetry.device.mac is None


async def test_hashrate_without_stats() -> None:
    """The summary of one minute stands in, then that of five seconds."""
    summary = load(NANO3S / "summary.json")
    answers = {"version": NANO3S_ANSWERS["version"], "summary": summary}
    assert (await poll(answers)).hashrate == pytest.approx(6837807.88e6)
    del summary["SUMMARY"][0]["MHS 1m"]
    assert (await poll(answers)).hashrate == pytest.approx(7102024.09e6)


async def test_stats_that_went_empty() -> None:
    """A Q may answer stats with nothing; then estats is asked."""
    answers: Answers = {
        "version": Q_VERSION,
        "summary": load(NANO3S / "summary.json"),
        "stats": stats(""),
        "estats": stats(Q_RUNNING),
        "litestats": stats("STATE[1] MODE[1] GHSspd[90000] RSSI[-40]"),
    }
    async with driving(answers) as (_, driver):
        telemetry = await driver.get_telemetry()
        assert telemetry.hashrate == pytest.approx(90000e9)
        assert telemetry.mode == "standard"
        assert telemetry.power is None
        assert (await driver.get_telemetry()).power == 1670


async def test_another_device_at_the_address() -> None:
    """It is noticed at the next poll."""
    answers = dict(NANO3S_ANSWERS)
    async with driving(answers) as (_, driver):
        answers["version"] = version(PROD="Antminer", CGMiner="4.11")
        with pytest.raises(NotThisDevice):
            await driver.get_telemetry()


async def test_nothing_to_read() -> None:
    """An Avalon that tells neither of both is a bad answer."""
    async with driving({"version": Q_VERSION}) as (_, driver):
        with pytest.raises(BadAnswer):
            await driver.get_telemetry()


@pytest.mark.parametrize(
    "answers",
    [
        {"version": version(CGMiner="4.12.0", Type="Antminer S9")},
        {"version": version(BOSminer="0.2", PROD="")},
        {"version": {"STATUS": [{"STATUS": "S"}], "VERSION": [None]}},
        {},
    ],
)
async def test_other_cgminers(answers: Answers) -> None:
    """They are not this driver's, and are asked for nothing but their version."""
    async with replaying(answers) as (replay, port):
        assert await AvalonNanoDriver().connect("127.0.0.1", port) is False
    assert [name for name, _ in replay.requests] == ["version+stats"]


# Simulated devices


@asynccontextmanager
async def simulated(
    model: str, **options: Any
) -> AsyncGenerator[tuple[SimulatedAvalon, AvalonNanoDriver]]:
    """Run a simulated Avalon and connect a driver to it."""
    device = SimulatedAvalon(
        model=model, **{"reboot_seconds": 0.3, "restart_delay": 0.1, **options}
    )
    async with device, aiohttp.ClientSession() as session:
        driver = AvalonNanoDriver()
        driver.attach(
            DriverContext(
                session=session,
                options={"admin_user": "root", "admin_password": "root"},
            )
        )
        assert await driver.connect("127.0.0.1", device.port)
        try:
            yield device, driver
        finally:
            await driver.close()


MODES = {
    "nano3": ["low", "medium", "high"],
    "nano3s": ["low", "medium", "high"],
    "q": ["eco", "standard", "super"],
    "mini3": ["night", "heater", "mining"],
}


@pytest.mark.parametrize("model", MODES)
async def test_poll_is_one_connection(model: str) -> None:
    """Each poll is one request over one connection, and plausible."""
    async with simulated(model) as (device, driver):
        await driver.get_telemetry()  # learns what the model does not know
        device.counters.reset()
        telemetry = await driver.get_telemetry()
        assert device.counters.requests == 1
        assert device.counters.connections == 1
        state = device.state()
        assert telemetry.hashrate == pytest.approx(state["hashrate"], rel=0.2)
        assert telemetry.power == pytest.approx(state["power"], rel=0.1)
        assert telemetry.hashing is True
        assert telemetry.mode in MODES[model]
        assert telemetry.active_pool is not None
        assert telemetry.active_pool.url == "eu1.solopool.org:8004"
        facts = await driver.get_device_facts()
        assert facts.serial == device.serial.lower()
        assert facts.mac == (None if model == "nano3" else device.mac.lower())


@pytest.mark.parametrize("model", MODES)
async def test_modes(model: str) -> None:
    """Every mode is set and read back; others are refused before writing."""
    async with simulated(model) as (device, driver):
        assert driver.get_supported_modes() == MODES[model]
        for mode in MODES[model]:
            assert await driver.set_mode(mode)
            assert (await driver.get_telemetry()).mode == mode
        device.counters.reset()
        with pytest.raises(InvalidValue):
            await driver.set_mode("turbo")
        assert device.counters.requests == 0


@pytest.mark.parametrize("model", ["nano3", "nano3s"])
async def test_mode_while_it_calibrates(model: str) -> None:
    """The device's own words are in the error."""
    async with simulated(model) as (device, driver):
        device.calibrating = True
        with pytest.raises(CommandFailed, match="caling"):
            await driver.set_mode("low")


async def test_mode_that_is_not_taken() -> None:
    """A command that is answered with OK and ignored does not count as done."""
    answers = {
        **NANO3S_ANSWERS,
        "ascset": lambda _: refused(119, "ASC 0 set OK", "S"),
    }
    async with driving(answers) as (_, driver):
        driver.mode_seconds = 0.1
        with pytest.raises(CommandFailed, match="reports mode high"):
            await driver.set_mode("low")


async def test_mode_that_is_reported_late() -> None:
    """A device may report the new mode long after it took it."""
    async with simulated("q") as (device, driver):
        driver.settle_seconds, driver.settle_interval = 0, 0
        mode, polls = device.mode, 0
        ascset, shown = device.commands["ascset"], device.commands["stats"]

        def accept(parameter: str | None) -> cgminer.Reply:
            reply = ascset(parameter)
            device.mode = mode
            return reply

        def report(parameter: str | None) -> cgminer.Reply:
            nonlocal polls
            polls += 1
            device.mode = 2 if polls > 5 else mode
            return shown(parameter)

        device.commands |= {"ascset": accept, "stats": report}
        assert await driver.set_mode("super")


async def test_mini_3_without_help_has_no_modes() -> None:
    """Its modes are only claimed by others: the device must list them."""
    answers = {
        "version": version(PROD="Avalon Mini3", MODEL="Mini3"),
        "stats": stats("WORKMODE[1]"),
    }
    async with driving(answers) as (_, driver):
        assert driver.get_supported_modes() == []
        assert not driver.supports_pause()
        with pytest.raises(InvalidValue):
            await driver.set_mode("mining")


@pytest.mark.parametrize("offset", [-86400 * 400, 7200])
async def test_standby(offset: float) -> None:
    """A Q sleeps and wakes by its own clock, however wrong that is."""
    async with simulated("q") as (device, driver):
        device.clock_offset = offset
        assert driver.supports_pause()
        assert await driver.pause()
        assert device.state()["paused"] is True
        telemetry = await driver.get_telemetry()
        assert telemetry.paused is True
        assert telemetry.hashrate == 0
        assert telemetry.power is None
        assert await driver.resume()
        assert device.state()["paused"] is False
        assert (await driver.get_telemetry()).paused is False


async def test_standby_that_does_not_come() -> None:
    """Success in words only is an error."""
    answers = {
        "version": Q_VERSION,
        "stats": stats(Q_RUNNING),
        "ascset": lambda item: (
            refused(118, "ASC 0 set info: help|softon|softoff|", "I")
            if item == "0,help"
            else refused(118, "ASC 0 set info: success softoff:9", "I")
        ),
    }
    async with driving(answers) as (replay, driver):
        driver.standby_seconds = 0.1
        with pytest.raises(CommandFailed, match="mines on"):
            await driver.pause()
        # "When" is 5 on this device: standby begins a second later.
        assert ("ascset", "0,softoff,1:6") in replay.requests
        answers["ascset"] = lambda _: refused(120, "ASC 0 set failed: no")
        with pytest.raises(CommandFailed, match="set failed: no"):
            await driver.pause()


async def test_softon_without_an_answer() -> None:
    """It may close without a word; what the device reports counts."""
    answers: Answers = {"version": Q_VERSION, "stats": stats(Q_STANDBY)}

    def ascset(parameter: str | None) -> Any:
        answers["stats"] = stats(Q_RUNNING)
        return ""

    async with driving(answers) as (_, driver):
        answers["ascset"] = ascset
        assert await driver.resume()


@pytest.mark.parametrize("model", ["nano3", "nano3s", "mini3"])
async def test_no_standby(model: str) -> None:
    """What the help does not list does not exist."""
    async with simulated(model) as (device, driver):
        assert not driver.supports_pause()
        device.counters.reset()
        assert not await driver.pause()
        assert not await driver.resume()
        assert device.counters.requests == 0


@pytest.mark.parametrize("model", MODES)
async def test_restart(model: str) -> None:
    """Each model restarts by the form that it knows."""
    async with simulated(model) as (device, driver):
        assert await driver.restart()
        await device.wait_ready()
        assert device.boots == 2
        uptime = (await driver.get_telemetry()).uptime
        assert uptime is not None and uptime < 60


async def test_restart_forms() -> None:
    """A Nano 3 is given the other form when it refuses the first."""
    answers = {
        "version": load(NANO3 / "version.partial.json"),
        "ascset": lambda item: (
            refused(119, "ASC 0 set OK", "S")
            if item == "0,reboot,0"
            else refused(120, "ASC 0 set failed: reboot value not number")
        ),
    }
    async with driving(answers) as (replay, driver):
        assert await driver.restart()
        assert [it for _, it in replay.requests][-2:] == ["0,reboot,all", "0,reboot,0"]
        answers["ascset"] = lambda _: ""
        assert await driver.restart()
        answers["ascset"] = lambda _: refused(120, "ASC 0 set failed: busy")
        with pytest.raises(CommandFailed, match="busy"):
            await driver.restart()


async def test_select_pool() -> None:
    """Another of the three pools is mined at, live and read back."""
    async with simulated("nano3s") as (device, driver):
        assert driver.supports_select_pool()
        assert await driver.select_pool(1)
        telemetry = await driver.get_telemetry()
        assert telemetry.active_pool is not None
        assert telemetry.active_pool.index == 1
        assert device.state()["pool_slot"] == 1
        assert await driver.get_pool_info() == {
            "pool_url": "public-pool.io:21496",
            "pool_user": "bc1qexample.avalon",
            "pool_pass": None,
        }
        with pytest.raises(InvalidValue):
            await driver.select_pool(7)
        device.pools[2].alive = False
        driver.settle_seconds = 0.2
        with pytest.raises(CommandFailed):
            await driver.select_pool(2)


@pytest.mark.parametrize("model", ["nano3", "nano3s"])
async def test_set_pool(model: str) -> None:
    """The first pool is written with the web login, and mined at after a restart."""
    async with simulated(model) as (device, driver):
        assert driver.supports_set_pool()
        assert await driver.set_pool("Pool.example.org:3333", "wallet.one", "secret")
        assert device.boots == 2
        assert device.stored[0].url == "stratum+tcp://Pool.example.org:3333"
        assert device.stored[0].password == "secret"
        telemetry = await driver.get_telemetry()
        assert telemetry.active_pool is not None
        assert telemetry.active_pool.url == "pool.example.org:3333"
        assert telemetry.active_pool.user == "wallet.one"


async def test_set_pool_with_scheme_and_without_password() -> None:
    """A scheme is kept; no password is no sixth part."""
    async with simulated("nano3s") as (device, driver):
        assert await driver.set_pool("stratum+ssl://pool.example.org:4444", "me", "")
        assert device.stored[0].url == "stratum+ssl://pool.example.org:4444"
        assert device.stored[0].password == ""


@pytest.mark.parametrize("model", ["nano3", "nano3s"])
@pytest.mark.parametrize(
    "options",
    [
        {"admin_user": "root", "admin_password": "hunter2"},
        {"admin_user": "hunter2", "admin_password": "root"},
    ],
)
async def test_set_pool_with_a_wrong_login(
    model: str, options: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """That is an error of the login, without any of the secrets in it."""
    async with simulated(model) as (device, driver), aiohttp.ClientSession() as session:
        before = list(device.stored)
        driver.attach(DriverContext(session=session, options=options))
        with pytest.raises(AuthRequired) as caught:
            await driver.set_pool("pool.example.org:3333", "hunter2", "hunter2")
        assert "hunter2" not in str(caught.value) + caplog.text
        assert device.stored == before
        assert device.boots == 1


@pytest.mark.parametrize(
    "options", [{}, {"admin_user": "root"}, {"admin_password": "x"}]
)
async def test_set_pool_without_login(options: dict[str, str]) -> None:
    """No default is guessed: nothing is sent."""
    async with (
        simulated("nano3s") as (device, driver),
        aiohttp.ClientSession() as session,
    ):
        driver.attach(DriverContext(session=session, options=options))
        device.counters.reset()
        with pytest.raises(AuthRequired):
            await driver.set_pool("pool.example.org:3333", "wallet", "x")
        assert device.counters.requests == 0


@pytest.mark.parametrize(
    ("url", "user", "password"),
    [
        ("pool.example.org:3333", "wallet,one", "x"),
        ("pool.example.org:3333", "wallet", "d=1,x"),
        ("pool.example.org:3333\n", "wallet\nx", "x"),
        ("a,b:3333", "wallet", "x"),
        ("", "wallet", "x"),
        ("pool.example.org:3333", "", "x"),
    ],
)
async def test_set_pool_refuses_what_would_break_it(
    url: str, user: str, password: str
) -> None:
    """Commas part the list that the device reads."""
    async with simulated("nano3s") as (device, driver):
        device.counters.reset()
        with pytest.raises(InvalidValue):
            await driver.set_pool(url, user, password)
        assert device.counters.requests == 0


async def test_set_pool_that_does_not_last() -> None:
    """After the restart the device shows another pool: an error that says which."""
    answers = dict(NANO3S_ANSWERS)

    def setpool(parameter: str | None) -> Any:
        return refused(133, f"Pool set info: {parameter}", "S")

    def ascset(parameter: str | None) -> Any:
        summary = load(NANO3S / "summary.json")
        summary["SUMMARY"][0]["Elapsed"] = 3
        answers["summary"] = summary
        return refused(119, "ASC 0 set OK", "S")

    async with replaying(answers) as (_, port), aiohttp.ClientSession() as session:
        driver = AvalonNanoDriver()
        driver.reboot_seconds = 0.2
        driver.attach(
            DriverContext(
                session=session,
                options={"admin_user": "root", "admin_password": "root"},
            )
        )
        assert await driver.connect("127.0.0.1", port)
        answers |= {"setpool": setpool, "ascset": ascset}
        with pytest.raises(CommandFailed, match=r"stratum\.braiins\.com:3333"):
            await driver.set_pool("pool.example.org:3333", "wallet", "x")
        answers["setpool"] = lambda _: refused(132, "Pool set error: x hunter2")
        with pytest.raises(CommandFailed, match=r"code 132\)$"):
            await driver.set_pool("pool.example.org:3333", "wallet", "x")


FAULTS: list[tuple[Fault, type[Exception]]] = [
    (Fault.RESET, CannotConnect),
    (Fault.SILENT, CannotConnect),
    (Fault.GARBAGE, BadAnswer),
    (Fault.HALF, BadAnswer),
    (Fault.HTML, BadAnswer),
    (Fault.REDIRECT, BadAnswer),
]


@pytest.mark.parametrize(("fault", "error"), FAULTS)
async def test_faults(
    fault: Fault, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is a typed error, in a poll as when it is looked for; then all is well."""
    monkeypatch.setattr(
        "custom_components.hmm.driver_api.transports.cgminer"
        ".CgminerClient.answer_timeout",
        0.5,
    )
    async with simulated("nano3s") as (device, driver):
        device.fault = fault
        with pytest.raises(error):
            await driver.get_telemetry()
        with pytest.raises(error):
            await AvalonNanoDriver().connect("127.0.0.1", device.port)
        device.fault = None
        assert (await driver.get_telemetry()).hashing


async def test_unplugged_and_back() -> None:
    """Without mains it cannot be connected to; with it, all is well again."""
    async with simulated("nano3s") as (device, driver):
        await device.unplug()
        with pytest.raises(CannotConnect):
            await driver.get_telemetry()
        await device.plug_in()
        uptime = (await driver.get_telemetry()).uptime
        assert uptime is not None and uptime < 60


async def test_wrong_mac_is_told() -> None:
    """Each poll says who answered, so that HMM notices a swapped device."""
    async with simulated("nano3s") as (device, driver):
        device.fault = Fault.WRONG_MAC
        facts = (await driver.get_telemetry()).device
        assert facts is not None
        assert facts.mac == device.mac.lower()
        assert facts.mac != (await _mac_without_fault(device))


async def _mac_without_fault(device: SimulatedAvalon) -> str:
    device.fault = None
    return device.mac.lower()


async def test_truncated_reply() -> None:
    """What the device cut off is not taken for the whole."""
    async with simulated("q") as (device, driver):
        for length in (1, 100, 3000):
            device.truncate_after = length
            with pytest.raises(BadAnswer):
                await driver.get_telemetry()
        device.truncate_after = None
        assert (await driver.get_telemetry()).hashing


async def test_help_that_fails() -> None:
    """It is no reason to refuse the device: its model decides what it can."""
    answers = {**NANO3S_ANSWERS, "ascset": lambda _: "nonsense"}
    async with driving(answers) as (_, driver):
        assert driver.get_supported_modes() == ["low", "medium", "high"]
        assert not driver.supports_pause()


async def test_switchpool_that_is_refused() -> None:
    """The code is in the error, not the words."""
    answers = {
        **NANO3S_ANSWERS,
        "switchpool": lambda _: refused(45, "Access denied to 'switchpool' command"),
    }
    async with driving(answers) as (_, driver):
        with pytest.raises(CommandFailed, match="code 45"):
            await driver.select_pool(1)


def test_metadata() -> None:
    """What the loader and the flows read."""
    assert AvalonNanoDriver.driver_type == "avalon_nano"
    assert AvalonNanoDriver.default_port == 4028
    assert AvalonNanoDriver.hashrate_unit == "TH/s"
    assert AvalonNanoDriver.option_fields == ("admin_user", "admin_password")
    driver = AvalonNanoDriver()
    assert driver.get_supported_modes() == []
    assert not driver.supports_tuning()
    assert not driver.supports_identify()


async def test_a_target_temperature() -> None:
    """Only where the help lists it; the device forgets it with the next mode."""
    async with simulated("nano3s") as (device, driver):
        limits = driver.get_tuning_limits()
        assert limits is not None
        assert limits.target_temperature is None
        with pytest.raises(InvalidValue):
            await driver.set_tuning("target_temperature", 70)
        options = (*device.model.options, "target-temp")
        device.model = replace(device.model, options=options)
        assert await driver.connect("127.0.0.1", device.port)
        limits = driver.get_tuning_limits()
        assert limits is not None
        assert limits.target_temperature == TuningRange(minimum=50, maximum=90)
        assert await driver.set_tuning("target_temperature", 70)
        assert device.target == 70
        assert (await driver.get_telemetry()).target_temperature == 70
        for wrong in (49, 91):
            with pytest.raises(InvalidValue):
                await driver.set_tuning("target_temperature", wrong)
        modes = driver.get_supported_modes()
        assert await driver.set_mode(modes[0])
        assert device.target is None


async def test_the_light() -> None:
    """Brightness, color and effect are set one by one, and the rest stays."""
    async with simulated("nano3s") as (device, driver):
        assert driver.supports_light()
        assert driver.get_light_effects() == ["steady", "blink", "breathe", "cycle"]
        telemetry = await driver.get_telemetry()
        assert (telemetry.light_on, telemetry.light_effect) == (False, None)
        assert (telemetry.light_brightness, telemetry.light_color) == (100, (0, 0, 255))
        assert await driver.set_light(True)
        assert device.panel.led == (1, 100, 50, 0, 0, 255)
        assert await driver.set_light(True, brightness=20.4, effect="breathe")
        assert await driver.set_light(True, color=(255, 128, 0))
        assert device.panel.led == (3, 20, 50, 255, 128, 0)
        telemetry = await driver.get_telemetry()
        assert (telemetry.light_on, telemetry.light_effect) == (True, "breathe")
        assert (telemetry.light_brightness, telemetry.light_color) == (
            20,
            (255, 128, 0),
        )
        # Which color it has does not show while it goes through all of them
        assert await driver.set_light(True, effect="cycle")
        assert await driver.set_light(True, color=(1, 2, 3))
        assert device.panel.led[0] == 1
        assert await driver.set_light(True, color=(0, 0, 0))
        assert device.panel.led == (1, 20, 50, 255, 255, 255)
        assert await driver.set_light(False)
        assert device.panel.led == (0, 20, 50, 255, 255, 255)
        with pytest.raises(InvalidValue):
            await driver.set_light(True, effect="disco")


async def test_the_light_in_the_mode_for_the_dark() -> None:
    """It is off then; on ends that mode, off leaves it."""
    async with simulated("nano3s") as (device, driver):
        device.panel.led, device.panel.led_mode = (2, 0, 50, 9, 9, 9), 1
        assert (await driver.get_telemetry()).light_on is False
        device.counters.reset()
        assert await driver.set_light(False)
        assert "ascset" not in device.counters.by_path
        assert await driver.set_light(True)
        assert device.panel.led_mode == 0
        assert device.panel.led == (2, 100, 50, 9, 9, 9)
        assert (await driver.get_telemetry()).light_on is True


async def test_a_light_is_judged_by_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """STATUS is I for "led set ok" as for a refusal; what is reported counts at last."""
    monkeypatch.setattr(AvalonNanoDriver, "settle_seconds", 0.2)
    async with simulated("nano3s") as (device, driver):
        whole, ascset = device.panel.led, device.commands["ascset"]

        def answer(text: str) -> None:
            reply = cgminer.Reply(118, f"ASC 0 set info: {text}")
            device.commands["ascset"] = lambda _: reply

        answer("not in (day)mode now")
        with pytest.raises(CommandFailed, match=r"not in .day.mode now"):
            await driver.set_light(True)
        answer("led set ok")
        with pytest.raises(CommandFailed, match="reports 0-100-50-0-0-255"):
            await driver.set_light(True)
        device.commands["ascset"] = ascset
        device.panel.led = (1, 2, 3)  # type: ignore[assignment]
        assert (await driver.get_telemetry()).light_on is None
        with pytest.raises(CommandFailed, match="does not tell"):
            await driver.set_light(True)
        device.panel.led = whole
        assert await driver.set_light(True)


@pytest.mark.parametrize("model", ["nano3", "q"])
async def test_no_light_where_the_help_lists_none(model: str) -> None:
    """A Nano 3 lists ``led``, whose state no poll tells; a Q lists nothing."""
    async with simulated(model) as (device, driver):
        assert not driver.supports_light()
        assert driver.get_light_effects() == []
        device.counters.reset()
        assert not await driver.set_light(True)
        assert not device.counters.by_path
