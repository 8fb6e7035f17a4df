"""The driver for large ASICs, with the real package against sockets of this machine."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import aiohttp
from pyasic_rs import MinerFactory
from pyasic_rs.data import MinerData, TuningTarget
import pytest

from custom_components.hmm.bundled.optional_drivers import pyasic_driver
from custom_components.hmm.bundled.optional_drivers.pyasic_driver import PyasicDriver
from custom_components.hmm.driver_api import (
    CannotConnect,
    CommandFailed,
    DriverContext,
    InvalidValue,
    MinerTelemetry,
    NotThisDevice,
    TuningLimits,
    TuningRange,
)
from custom_components.hmm.driver_engine.declaration import declare
from simulator.avalon import SimulatedAvalon
from tests.luxos import PORT, FakeLuxMiner, PowerLimit
from tests.whatsminer import FakeWhatsminer

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def device(socket_enabled: None) -> AsyncIterator[FakeLuxMiner]:
    """Run a large Antminer."""
    async with FakeLuxMiner() as miner:
        yield miner


@pytest.fixture
async def driver(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PyasicDriver]:
    """Return a driver that is less patient than with real devices."""
    monkeypatch.setattr(PyasicDriver, "settle_interval", 0.02)
    monkeypatch.setattr(PyasicDriver, "settle_seconds", 0.3)
    driver = PyasicDriver()
    async with aiohttp.ClientSession() as session:
        driver.attach(DriverContext(session=session, options={}))
        yield driver


async def poll(driver: PyasicDriver) -> MinerTelemetry:
    """Return one poll."""
    return await driver.get_telemetry()


def test_the_file_declares_what_it_needs() -> None:
    """Given the file, its requirements are read without the package."""
    path = Path(pyasic_driver.__file__)
    declaration = declare(path.read_bytes(), path)
    assert str(declaration.id) == "miner/pyasic"
    assert declaration.requirements == ("pyasic_rs==0.8.6",)


def test_nobody_loads_it_unasked(tmp_path: Path) -> None:
    """Given a start without such a miner, the package is not imported."""
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from custom_components.hmm.driver_engine.loader import load_drivers\n"
        f"drivers = load_drivers(Path({str(tmp_path)!r}))\n"
        "assert 'bitaxe' in drivers.miners and 'pyasic' not in drivers.miners\n"
        "assert 'pyasic_rs' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


async def test_it_knows_who_the_miner_is(
    device: FakeLuxMiner, driver: PyasicDriver
) -> None:
    """Given an Antminer with LuxOS, it is identified by its MAC."""
    assert await driver.connect(device.host)
    facts = await driver.get_device_facts()
    assert facts.mac == "62:f7:5e:b7:10:46"
    assert facts.serial == "JYZZB0UBDJABF06RB"
    assert facts.manufacturer == "Antminer"
    assert facts.model == "Antminer S19KPro"
    assert facts.firmware == "LuxOS 2025.4.8.220305"
    assert facts.hostname == "garage-s19k"
    assert facts.configuration_url == f"http://{device.host}"
    assert await driver.get_version_info() == {"firmware": "LuxOS 2025.4.8.220305"}


async def test_each_poll_says_who_responds(
    device: FakeLuxMiner, driver: PyasicDriver
) -> None:
    """A new firmware, and another miner at the address, show without a reconnect."""
    await driver.connect(device.host)
    device.version = "2025.9.1.120000"
    facts = (await poll(driver)).device
    assert facts is not None
    assert facts.firmware == "LuxOS 2025.9.1.120000"
    assert await driver.get_device_facts() == facts
    device.mac = "62:f7:5e:b7:10:47"
    facts = (await poll(driver)).device
    assert facts is not None
    assert facts.mac == device.mac
    device.mac = ""
    assert (await poll(driver)).device is None


async def test_what_it_reads(device: FakeLuxMiner, driver: PyasicDriver) -> None:
    """Given a miner that mines, every figure comes in HMM's units."""
    await driver.connect(device.host)
    data = await poll(driver)
    assert data.hashrate == pytest.approx(56.9179e12)
    assert data.hashrate_expected == pytest.approx(61.9542e12)
    assert data.temperature == 48
    assert data.temperature_board == pytest.approx(37.5)
    assert data.power == 1051
    assert data.uptime == 3453
    assert data.fan_rpm == (1920, 1930, 1940, 1950)
    assert data.shares_accepted == 127
    assert data.shares_rejected == 3
    assert data.hashing is True
    assert data.paused is False
    assert data.using_fallback is False
    assert data.problems == ()
    assert data.mode is None
    assert data.best_share is None
    assert data.board_hashrates == pytest.approx([18.91e12, 18.94e12, 19.068e12], 0.01)
    assert data.board_temperatures == (37.5, 37.5, 37.5)
    assert data.board_chips == ()
    assert [(pool.url, pool.active, pool.alive) for pool in data.pools] == [
        ("eu1.solopool.org:8004", True, True),
        ("public-pool.io:21496", False, True),
    ]
    assert await driver.get_pool_info() == {
        "pool_url": "eu1.solopool.org:8004",
        "pool_user": "dgb1qexample.s19",
        "pool_pass": None,
    }
    assert driver.get_supported_modes() == []


async def test_what_it_is_not_told_is_unknown(
    device: FakeLuxMiner, driver: PyasicDriver
) -> None:
    """Given a miner without a power meter, it has no watts, and not none of them."""
    device.watts = None
    await driver.connect(device.host)
    assert (await poll(driver)).power is None


async def test_a_second_pool_is_the_fallback(
    device: FakeLuxMiner, driver: PyasicDriver
) -> None:
    """Given a first pool that is dead, the miner is on its fallback."""
    device.alive = False
    await driver.connect(device.host)
    data = await poll(driver)
    assert data.using_fallback is True
    assert data.problems == ()


async def test_pause_and_resume_are_read_back(
    device: FakeLuxMiner, driver: PyasicDriver
) -> None:
    """Given a pause, it counts when the hashrate is gone; so does the way back."""
    await driver.connect(device.host)
    assert driver.supports_pause()
    assert await driver.pause()
    curtailed = device.curtailed
    assert curtailed
    data = await poll(driver)
    assert (data.hashrate, data.hashing, data.paused) == (0, False, True)
    assert await driver.resume()
    assert not device.curtailed
    data = await poll(driver)
    assert (data.hashing, data.paused) == (True, False)


async def test_a_pause_that_does_nothing_is_an_error(
    device: FakeLuxMiner, driver: PyasicDriver
) -> None:
    """Given a miner that says yes and goes on, that is told."""
    device.obeys = False
    await driver.connect(device.host)
    with pytest.raises(CommandFailed, match="It goes on mining"):
        await driver.pause()
    assert (await poll(driver)).paused is False


async def test_a_miner_that_stands_was_not_paused(
    device: FakeLuxMiner, driver: PyasicDriver
) -> None:
    """Given no hashrate and nobody who paused it, why is unknown."""
    device.curtailed = True
    await driver.connect(device.host)
    data = await poll(driver)
    assert (data.hashing, data.paused) == (False, None)


@pytest.mark.usefixtures("socket_enabled")
async def test_a_whatsminer_that_is_off(driver: PyasicDriver) -> None:
    """Given one that was switched off, here or elsewhere, it can be switched on again."""
    async with FakeWhatsminer() as device:
        assert await driver.connect(device.host)
        data = await poll(driver)
        assert data.hashrate == pytest.approx(101.23456789e12)
        assert (data.power, data.temperature, data.paused) == (3345, 90.5, False)
        assert data.temperature_inlet == 25.5
        device.room = 0
        assert (await poll(driver)).temperature_inlet is None
        assert await driver.pause()
        data = await poll(driver)
        assert (data.hashrate, data.hashing, data.paused) == (0, False, True)
        assert data.power is None
        assert await driver.resume()
        assert device.written == ["power_off", "power_on"]
        assert (await poll(driver)).paused is False
        device.off = True
        assert (await poll(driver)).paused is True


async def test_restart(device: FakeLuxMiner, driver: PyasicDriver) -> None:
    """Given a restart, the miner gets it once."""
    await driver.connect(device.host)
    assert driver.supports_restart()
    assert await driver.restart()
    assert device.restarts == 1


async def test_a_miner_that_is_off_does_not_mine(
    device: FakeLuxMiner, driver: PyasicDriver
) -> None:
    """Given a miner that went off, the package says it mines; the driver does not."""
    await driver.connect(device.host)
    await device.stop()
    with pytest.raises(CannotConnect):
        await poll(driver)
    with pytest.raises(CommandFailed):
        await driver.pause()
    await device.start()
    assert (await poll(driver)).hashing is True


async def test_nobody_is_there(device: FakeLuxMiner, driver: PyasicDriver) -> None:
    """Given an address without a miner, nothing is found."""
    await device.stop()
    with pytest.raises(CannotConnect, match="No miner answered"):
        await driver.connect(device.host)
    with pytest.raises(CannotConnect, match="not connected"):
        await poll(driver)


async def test_a_name_that_nobody_knows(
    driver: PyasicDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a host name that leads nowhere, it is said so."""

    def unknown(*_: Any, **__: Any) -> Any:
        raise OSError

    monkeypatch.setattr("socket.getaddrinfo", unknown)
    with pytest.raises(CannotConnect, match="no device of this name"):
        await driver.connect("miner.invalid")


@pytest.mark.parametrize("model", ["nano3", "nano3s", "mini3", "q"])
async def test_miners_with_a_driver_of_their_own_are_left_to_it(
    device: FakeLuxMiner, driver: PyasicDriver, model: str
) -> None:
    """Given a home miner, whose watts the package does not know, it is refused."""
    await device.stop()
    async with SimulatedAvalon(model=model, host=device.host, port=PORT):
        with pytest.raises(NotThisDevice, match="a driver of its own"):
            await driver.connect(device.host)


async def test_the_login_is_used_to_identify(
    device: FakeLuxMiner, driver: PyasicDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a login, the package gets it for every firmware that asks for one."""
    given: list[tuple[str, str, str]] = []

    class Factory:
        """Notes the logins, and does the rest with the real one."""

        def with_firmware_discovery_auth(
            self, firmware: str, user: str, password: str
        ) -> Factory:
            MinerFactory().with_firmware_discovery_auth(firmware, user, password)
            given.append((firmware, user, password))
            return self

        def get_miner(self, ip: str) -> Awaitable[Any]:
            return MinerFactory().get_miner(ip)

    monkeypatch.setattr(pyasic_driver, "MinerFactory", Factory)
    assert driver.context is not None
    driver.attach(
        DriverContext(
            session=driver.context.session, options={"admin_password": "secret"}
        )
    )
    assert await driver.connect(device.host)
    assert ("AntMiner Stock", "root", "secret") in given
    assert ("WhatsMiner Stock", "root", "secret") in given


async def test_identify_flashes_until_it_is_asked_again(
    device: FakeLuxMiner, driver: PyasicDriver
) -> None:
    """Given its fault light, it flashes, and stops with the next press; read back."""
    await driver.connect(device.host)
    assert driver.supports_identify()
    assert await driver.identify()
    assert device.led == "blink"
    assert await driver.identify()
    assert device.led == "auto"
    device.obeys = False
    with pytest.raises(CommandFailed, match="its light reports False"):
        await driver.identify()


# A power limit, with the package's own data: no firmware of port 4028 takes one


async def test_a_power_limit_has_the_range_of_the_device(
    device: FakeLuxMiner, driver: PyasicDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a firmware that tells its range, a limit in it is set and read back."""
    limit = PowerLimit(least=899.6, most=1500.9)
    monkeypatch.setattr(driver, "_factory", limit.factory)
    await driver.connect(device.host)
    allowed = TuningRange(minimum=900, maximum=1500, default=899.6)
    assert driver.get_tuning_limits() == TuningLimits(power_limit=allowed)
    assert (await poll(driver)).power_limit == 1200
    assert await driver.set_tuning("power_limit", 1000)
    assert limit.watts == 1000
    assert (await poll(driver)).power_limit == 1000
    for wrong in (899, 1501, 1000.5):
        with pytest.raises(InvalidValue):
            await driver.set_tuning("power_limit", wrong)
    with pytest.raises(InvalidValue):
        await driver.set_tuning("frequency", 500)
    assert limit.asked == [1000]
    limit.obeys = False
    with pytest.raises(CommandFailed, match="does not report the new limit"):
        await driver.set_tuning("power_limit", 1100)


@pytest.mark.parametrize(
    ("least", "most"), [(None, 1500), (900, None), (1500, 900), (0, 1500)]
)
async def test_without_a_range_there_is_no_power_limit(
    device: FakeLuxMiner,
    driver: PyasicDriver,
    monkeypatch: pytest.MonkeyPatch,
    least: float | None,
    most: float | None,
) -> None:
    """Given no range that makes sense, no limit is guessed and none is sent."""
    limit = PowerLimit(least=least, most=most)
    monkeypatch.setattr(driver, "_factory", limit.factory)
    await driver.connect(device.host)
    assert driver.get_tuning_limits() is None
    with pytest.raises(InvalidValue):
        await driver.set_tuning("power_limit", 1000)
    assert limit.asked == []


async def test_a_firmware_without_a_power_limit(
    device: FakeLuxMiner, driver: PyasicDriver
) -> None:
    """Given LuxOS, which tells a target but takes none, there is nothing to set."""
    await driver.connect(device.host)
    assert (await poll(driver)).power_limit == 1188
    assert driver.get_tuning_limits() is None


# Modes, with the package's own data: firmwares with modes serve port 80 alone


class TunedMiner:
    """What the package has of a miner that can be tuned."""

    supports_tuning_config = True
    make, model, firmware = "Antminer", "S21", "VNish"
    ip = "127.0.0.1"

    def __init__(self, data: dict[str, Any], presets: list[str]) -> None:
        """Begin with an answer of a real miner."""
        self.supports_presets = bool(presets)
        self.supports_pause = self.supports_resume = True
        self._data = data
        self.obeys = True
        self.refuses = False
        self.state: dict[str, Any] = {}
        self.presets = presets
        self.modes: list[str] = []
        """What it was set to."""

    async def get_presets(self) -> list[SimpleNamespace]:
        """Return its presets, as the package cannot be told to make any."""
        return [SimpleNamespace(name=name) for name in self.presets]

    async def pause(self) -> bool:
        """Sleep, which is a mode that the package does not name."""
        self.state |= {"tuning_target": None, "hashrate": None}
        self.state["operating_state"] = {"type": "Stopped"}
        return True

    async def resume(self) -> bool:
        """Wake, as the package has it."""
        self.state["tuning_target"] = {"type": "mode", "value": "Normal"}
        self.state["operating_state"] = {"type": "Starting"}
        return True

    async def get_data(self, exclude: object = None) -> MinerData:
        """Return the answer."""
        return MinerData.model_validate({**self._data, **self.state})

    async def set_tuning_config(self, config: Any) -> bool:
        """Take a mode or preset."""
        if self.refuses:
            raise RuntimeError("HTTP request failed with status code 401")
        if self.obeys:
            target = {"type": config.variant, "value": None}
            if config.target_preset is not None:
                target["value"] = config.target_preset
            else:
                target["value"] = str(config.target_mode)
                self.modes.append(target["value"])
            self.state["tuning_target"] = target
        return True


@pytest.fixture
async def tuned(
    device: FakeLuxMiner, driver: PyasicDriver
) -> Callable[[Any, list[str]], TunedMiner]:
    """Put a miner with modes or presets in the place of the real one."""
    await driver.connect(device.host)
    real = await driver._connected.get_data()

    def make(target: Any, presets: list[str]) -> TunedMiner:
        miner = TunedMiner(real.model_dump(), presets)
        miner.state["tuning_target"] = target
        driver._miner = miner  # type: ignore[assignment]
        driver._presets = tuple(presets)
        return miner

    return make


async def test_modes_of_a_firmware_with_three(
    driver: PyasicDriver, tuned: Callable[[Any, list[str]], TunedMiner]
) -> None:
    """Given low, normal and high, they are set and read back."""
    miner = tuned({"type": "mode", "value": "Normal"}, [])
    assert (await poll(driver)).mode == "normal"
    assert driver.get_supported_modes() == ["low", "normal", "high"]
    assert await driver.set_mode("low")
    assert (await poll(driver)).mode == "low"
    miner.state["tuning_target"] = None
    assert (await poll(driver)).mode is None
    assert driver.get_supported_modes() == ["low", "normal", "high"]
    with pytest.raises(InvalidValue):
        await driver.set_mode("turbo")


@pytest.mark.parametrize("mode", ["Low", "Normal", "High"])
async def test_a_miner_wakes_in_its_mode(
    driver: PyasicDriver, tuned: Callable[[Any, list[str]], TunedMiner], mode: str
) -> None:
    """Given a miner that wakes in its normal mode, it goes on in the one before."""
    miner = tuned({"type": "mode", "value": mode}, [])
    await poll(driver)
    assert await driver.pause()
    assert (await poll(driver)).mode is None
    assert await driver.resume()
    assert (await poll(driver)).mode == mode.lower()
    assert miner.modes == ([] if mode == "Normal" else [mode])


async def test_a_mode_that_is_ignored_is_an_error(
    driver: PyasicDriver, tuned: Callable[[Any, list[str]], TunedMiner]
) -> None:
    """Given a miner that says yes and keeps its mode, or says no, that is told."""
    miner = tuned({"type": "mode", "value": "Normal"}, [])
    await poll(driver)
    miner.obeys = False
    with pytest.raises(CommandFailed, match="does not report the new mode"):
        await driver.set_mode("high")
    miner.refuses = True
    with pytest.raises(CommandFailed, match="enter that in the options"):
        await driver.set_mode("high")


async def test_presets_are_modes(
    driver: PyasicDriver, tuned: Callable[[Any, list[str]], TunedMiner]
) -> None:
    """Given a firmware with presets, these are its modes."""
    tuned({"type": "preset", "value": "2700"}, ["1800", "2700"])
    assert (await poll(driver)).mode == "2700"
    assert driver.get_supported_modes() == ["1800", "2700"]
    assert await driver.set_mode("1800")
    assert (await poll(driver)).mode == "1800"


async def test_pools_of_vnish(
    driver: PyasicDriver, tuned: Callable[[Any, list[str]], TunedMiner]
) -> None:
    """Given reachable pools and that of the maker, one is in use and its shares count."""
    miner = tuned(None, [])
    await poll(driver)
    dumped: dict[str, Any] = (await miner.get_data()).model_dump()
    [group] = dumped["pools"]
    first, second = group["pools"]
    first |= {"active": True, "last_share_time": 1_796_000_000}
    second |= {"active": True, "alive": True, "last_share_time": None}
    maker = first | {
        "position": 2,
        "url": "stratum+tcp://DevFee:80",
        "accepted_shares": 20,
        "last_share_time": 1_796_000_100,
    }
    miner.state["pools"] = [group | {"pools": [first, second, maker]}]
    data = await poll(driver)
    assert [(pool.url, pool.active) for pool in data.pools] == [
        ("eu1.solopool.org:8004", True),
        ("public-pool.io:21496", False),
    ]
    assert (data.shares_accepted, data.using_fallback) == (127, False)
    second["last_share_time"] = 1_796_000_050
    miner.state["pools"] = [group | {"pools": [first, second, maker]}]
    data = await poll(driver)
    assert [pool.active for pool in data.pools] == [False, True]
    assert data.using_fallback is True


@pytest.mark.parametrize(
    ("presets", "modes"),
    [
        (["disabled", "950", "2400", "1800"], ["950", "1800", "2400", "disabled"]),
        (["Quiet", "Fast"], ["Quiet", "Fast"]),
        (["", "1000"], ["1000"]),
    ],
)
async def test_presets_come_slowest_first(
    driver: PyasicDriver,
    tuned: Callable[[Any, list[str]], TunedMiner],
    monkeypatch: pytest.MonkeyPatch,
    presets: list[str],
    modes: list[str],
) -> None:
    """Given the presets of VNish, the fewest watts are the lowest mode, and not none."""
    miner = tuned({"type": "preset", "value": modes[-1]}, presets)

    class Factory:
        """Finds a miner with these presets."""

        async def get_miner(self, ip: str) -> TunedMiner:
            return miner

    monkeypatch.setattr(driver, "_factory", Factory)
    assert await driver.connect("127.0.0.1")
    assert driver.get_supported_modes() == modes
    assert (await poll(driver)).mode == modes[-1]


def test_a_target_in_watts_is_no_mode() -> None:
    """Given a miner that is tuned by watts, it has no mode to report."""
    assert pyasic_driver._mode(TuningTarget.power(1200)) is None


@pytest.mark.parametrize(
    ("state", "expected"),
    [("Paused", True), ("Mining", False), ("Starting", False), ("Error", None)],
)
async def test_a_state_that_is_told(
    driver: PyasicDriver,
    tuned: Callable[[Any, list[str]], TunedMiner],
    state: str,
    expected: bool | None,
) -> None:
    """Given a firmware that tells its state, that decides what paused means."""
    miner = tuned(None, [])
    miner.state |= {"operating_state": {"type": state}, "hashrate": None}
    assert (await poll(driver)).paused is expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("fan lost", "fan_fault"),
        ("Temperature too high", "overheat"),
        ("PSU voltage", "power_fault"),
        ("chip 12 is missing", "chip_error"),
        ("something else", "hardware_fault"),
    ],
)
async def test_errors_become_problems(
    driver: PyasicDriver,
    tuned: Callable[[Any, list[str]], TunedMiner],
    text: str,
    problem: str,
) -> None:
    """Given what the firmware calls an error, it is a problem; a warning is none."""
    miner = tuned(None, [])
    message = {"timestamp": 0, "code": 1, "message": text, "component": None}
    miner.state["messages"] = [{**message, "severity": "Warning"}]
    assert (await poll(driver)).problems == ()
    miner.state["messages"] = [{**message, "severity": "Error"}]
    assert (await poll(driver)).problems == (problem,)
