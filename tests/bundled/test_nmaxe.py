"""The NMAxe family against a simulated device."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from custom_components.hmm.bundled.miner_drivers.nmaxe_driver import NMAxeDriver
from custom_components.hmm.driver_api import (
    CannotConnect,
    CommandFailed,
    DriverContext,
    InvalidValue,
    NotThisDevice,
    TuningRange,
    reason_of,
)
from simulator import Fault, SimulatedAxeOS, SimulatedNMAxe, SimulatedNMMiner
from simulator.httpd import Request, Response, json_response
from tests.captured import read_case

pytestmark = pytest.mark.usefixtures("socket_enabled")


@pytest.fixture
async def device(socket_enabled: None) -> AsyncIterator[SimulatedNMAxe]:
    """Return a device that stands still and restarts quickly."""
    async with SimulatedNMAxe(speed=0, reboot_seconds=0.1, restart_delay=0.02) as it:
        yield it


@pytest.fixture
async def driver(session: aiohttp.ClientSession, device: SimulatedNMAxe) -> NMAxeDriver:
    """Return a driver that is connected to it and does not wait for long."""
    result = make(session)
    assert await result.connect(device.host, device.port)
    return result


def make(session: aiohttp.ClientSession) -> NMAxeDriver:
    """Return a driver that waits only briefly for what a device applies."""
    driver = NMAxeDriver()
    driver.read_back_timeout, driver.read_back_interval = 0.3, 0.02
    driver.restart_timeout = 5.0
    driver.attach(DriverContext(session=session, options={}))
    return driver


async def test_a_poll_is_one_request(
    driver: NMAxeDriver, device: SimulatedNMAxe
) -> None:
    """Each value is read in its unit, and the password by nothing."""
    device.counters.reset()
    telemetry = await driver.get_telemetry()
    assert device.counters.by_path == {"GET /api/system/info": 1}
    now = device.miner.read()
    assert telemetry.hashrate == pytest.approx(now.averages["1m"], rel=1e-4)
    assert telemetry.hashrate_expected == pytest.approx(525e6 * 2040)
    assert telemetry.power == pytest.approx(now.power, abs=0.1)
    assert telemetry.temperature == pytest.approx(now.temperature, abs=0.1)
    assert (telemetry.frequency, telemetry.core_voltage) == (525, 1150)
    assert telemetry.input_voltage == 5080
    assert telemetry.best_share == pytest.approx(now.best_ever, rel=0.01)
    assert telemetry.uptime == int(now.uptime)
    assert (telemetry.hashing, telemetry.paused) == (True, False)
    assert telemetry.fan_rpm == (now.rpm,)
    (pool,) = telemetry.pools
    assert (pool.url, pool.user, pool.active) == ("pool.example:3333", "bc1q.nm", True)


@pytest.mark.parametrize("cores", [2040, 8160])
async def test_small_cores_of_one_chip_or_of_all(
    session: aiohttp.ClientSession, cores: int
) -> None:
    """The documentation says all, the firmware reports those of one."""
    info = read_case("21-nmaxe-has-no-driver")["info"]
    info["asic"] |= {"count": 4, "smallCoreCnt": cores}

    class FourChips(SimulatedNMAxe):
        def _info(self, request: object) -> Response:
            return json_response(info)

    async with FourChips() as device:
        driver = make(session)
        assert await driver.connect(device.host, device.port)
        telemetry = await driver.get_telemetry()
    assert telemetry.hashrate_expected == pytest.approx(4 * 1.071e12)


async def test_a_captured_response_is_read(session: aiohttp.ClientSession) -> None:
    """Given the response of case 21, its figures are right."""

    class Captured(SimulatedNMAxe):
        def _info(self, request: object) -> Response:
            return json_response(read_case("21-nmaxe-has-no-driver")["info"])

    async with Captured() as device:
        driver = make(session)
        assert await driver.connect(device.host, device.port)
        telemetry = await driver.get_telemetry()
    assert telemetry.hashrate == pytest.approx(1.0702e12)
    assert telemetry.hashrate_expected == pytest.approx(1.071e12)
    assert (telemetry.power, telemetry.temperature) == (17.1, 60)
    assert telemetry.best_share == pytest.approx(4.2e9)
    assert telemetry.core_voltage_actual == 1144
    facts = await driver.get_device_facts()
    # Numbered by its owner: nothing that tells two devices apart
    assert (facts.model, facts.serial, facts.mac) == ("NMAxe Gamma", None, None)


async def test_it_takes_no_other_device(
    session: aiohttp.ClientSession, device: SimulatedNMAxe
) -> None:
    """Neither AxeOS nor NMMiner are of the family."""
    driver = make(session)
    async with (
        SimulatedAxeOS() as bitaxe,
        SimulatedNMMiner(version="v2.0.04", http=True, udp=False) as nmminer,
    ):
        assert await driver.connect(device.host, device.port)
        assert not await driver.connect(bitaxe.host, bitaxe.port)
        assert not await driver.connect(nmminer.host, nmminer.port)


async def test_pause_and_resume(driver: NMAxeDriver, device: SimulatedNMAxe) -> None:
    """A pause is read back, and a device that is busy or deaf says so."""
    await driver.get_telemetry()
    assert driver.supports_pause()
    assert await driver.pause()
    paused = await driver.get_telemetry()
    assert (paused.paused, paused.hashing, paused.hashrate) == (True, False, 0.0)
    assert await driver.resume()
    device.deaf = True
    with pytest.raises(CommandFailed) as deaf:
        await driver.pause()
    assert reason_of(deaf.value).key == "pause_not_applied"
    device.busy = True
    with pytest.raises(CommandFailed) as busy:
        await driver.pause()
    assert reason_of(busy.value).key == "busy"


async def test_firmware_before_v3_cannot_pause(session: aiohttp.ClientSession) -> None:
    """Without the key there is no pause, and nothing is claimed of one."""
    async with SimulatedNMAxe(version="v2.9.31") as device:
        driver = make(session)
        assert await driver.connect(device.host, device.port)
        assert (await driver.get_telemetry()).paused is None
        assert not driver.supports_pause()
        with pytest.raises(CommandFailed) as refused:
            await driver.pause()
        assert reason_of(refused.value).key == "command_unsupported"


async def test_tuning_stays_in_the_device_s_lists(
    driver: NMAxeDriver, device: SimulatedNMAxe
) -> None:
    """What the device's page offers is the limit; each write is read back."""
    limits = driver.get_tuning_limits()
    assert limits is not None
    assert limits.frequency == TuningRange(
        minimum=400, maximum=625, options=(400, 490, 525, 550, 600, 625)
    )
    assert await driver.set_tuning("frequency", 490)
    assert await driver.set_tuning("core_voltage", 1100)
    assert device.settings == {"freqReq": 490, "vcoreReq": 1100}
    assert await driver.set_tuning("fan_speed", 70)
    assert (device.fan["auto"], device.fan["speed"]) == (0, 70)
    assert await driver.set_fan_auto()
    assert device.fan["auto"] == 1
    for value in (399, 626, 10_000):
        with pytest.raises(InvalidValue):
            await driver.set_tuning("frequency", value)
    with pytest.raises(InvalidValue):
        await driver.set_tuning("target_temperature", 60)
    device.deaf = True
    for setting, value in (("frequency", 525), ("fan_speed", 50)):
        with pytest.raises(CommandFailed) as refused:
            await driver.set_tuning(setting, value)  # type: ignore[arg-type]
        assert reason_of(refused.value).key == "setting_not_applied"


async def test_lists_that_are_lost_are_read_again(
    session: aiohttp.ClientSession,
) -> None:
    """The request for the lists fails at the connect: the next poll makes it again."""

    class Losing(SimulatedNMAxe):
        is_losing = True

        def _mining(self, request: Request) -> Response:
            self.fault = Fault.RESET if self.is_losing else None
            return super()._mining(request)

    async with Losing(speed=0) as losing:
        driver = make(session)
        assert await driver.connect(losing.host, losing.port)
        limits = driver.get_tuning_limits()
        assert limits is not None
        assert limits.frequency is None
        losing.is_losing, losing.fault = False, None
        await driver.get_telemetry()
        limits = driver.get_tuning_limits()
        assert limits is not None
        assert limits.frequency is not None
        assert limits.core_voltage is not None
        losing.counters.reset()
        await driver.get_telemetry()
        assert losing.counters.by_path == {"GET /api/system/info": 1}


async def test_a_pool_counts_when_it_is_in_use(
    driver: NMAxeDriver, device: SimulatedNMAxe
) -> None:
    """The device restarts into the new pool; one that keeps its own fails."""
    assert await driver.set_pool("stratum+ssl://other.example:443", "bc1q.new", "y")
    (pool,) = (await driver.get_telemetry()).pools
    assert (pool.url, pool.user) == ("other.example:443", "bc1q.new")
    assert device.pools["primary"]["url"] == "stratum+ssl://other.example:443"
    device.deaf = True
    driver.restart_timeout = 0.5
    with pytest.raises(CommandFailed) as kept:
        await driver.set_pool("third.example:3333", "bc1q.new", "y")
    assert reason_of(kept.value).key == "pool_not_applied"


async def test_a_fault_is_no_pause(driver: NMAxeDriver, device: SimulatedNMAxe) -> None:
    """The state "error" is a fault, whatever else it says."""
    device.failed = True
    telemetry = await driver.get_telemetry()
    assert telemetry.problems == ("hardware_fault",)
    assert telemetry.hashing is False
    # What is reported is the mean of three minutes
    assert telemetry.hashrate == 0


async def test_another_device_at_its_address(
    driver: NMAxeDriver, device: SimulatedNMAxe
) -> None:
    """Another dialect, or silence, is an error and no value."""
    device.rewrite = lambda body: body.replace(b"NMAxeGamma", b"NMMiner")
    with pytest.raises(NotThisDevice):
        await driver.get_telemetry()
    device.rewrite, device.fault = None, Fault.RESET
    with pytest.raises(CannotConnect):
        await driver.get_telemetry()


@pytest.mark.parametrize(
    "lists",
    [
        {},
        {"overclock": None, "vcore": []},
        {"overclock": {"options": [{"value": 1e9}, {"value": "x"}, 7, None]}},
        {
            "overclock": {
                "options": [{"value": float(number)} for number in range(100_000)]
            }
        },
    ],
)
async def test_absurd_lists_are_no_limits(
    session: aiohttp.ClientSession, lists: dict[str, object]
) -> None:
    """What no chip does is offered to nobody, however long the list."""

    class Absurd(SimulatedNMAxe):
        def _mining(self, request: object) -> Response:
            return json_response({"freqReq": 525, "vcoreReq": 1150, **lists})

    async with Absurd() as device:
        driver = make(session)
        assert await driver.connect(device.host, device.port)
        limits = driver.get_tuning_limits()
    assert limits is not None and limits.core_voltage is None
    assert limits.frequency is None or limits.frequency.minimum >= 50
