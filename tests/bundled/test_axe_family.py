"""What AxeOS and the firmware of NerdQAxes do alike, with the driver of each."""

from collections.abc import Callable
from dataclasses import dataclass
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from custom_components.hmm.bundled.miner_drivers.bitaxe_driver import BitaxeDriver
from custom_components.hmm.bundled.miner_drivers.nerdqaxe_driver import NerdqaxeDriver
from custom_components.hmm.bundled.shared.axeos import AxeDriver
from custom_components.hmm.driver_api import (
    BadAnswer,
    CannotConnect,
    CommandFailed,
    DriverContext,
    DriverError,
    InvalidValue,
)
from simulator import Fault, SimulatedAxeOS, SimulatedNerdQAxe, axeos_generations
from simulator.nerdqaxe_generations import GENERATIONS as RELEASES

from .axe import BITAXE_INFO, NERDQAXE_INFO, read, running

pytestmark = pytest.mark.usefixtures("impatient")

FIXTURES = Path(__file__).parents[1] / "fixtures"
NONSENSE: list[Any] = [
    None,
    "",
    "nonsense",
    float("nan"),
    [],
    {},
    True,
    -1,
    1e400,
    10**400,
    [[1]],
]


@dataclass(frozen=True)
class Family:
    """A driver, what its devices answer, and how one is simulated."""

    name: str
    driver: type[AxeDriver]
    info: dict[str, Any]
    simulated: Callable[..., Any]
    paused: str
    """What the simulator calls a device that is paused."""

    def device(self, **options: Any) -> Any:
        """Return a device that restarts quickly."""
        return self.simulated(reboot_seconds=0.2, restart_delay=0.05, **options)

    def shapes(self) -> list[Path]:
        """Return the lists of the keys that releases have."""
        return sorted((FIXTURES / self.name).glob("*/shape.json"))


BITAXE = Family("bitaxe", BitaxeDriver, BITAXE_INFO, SimulatedAxeOS, "paused")
NERDQAXE = Family(
    "nerdqaxe", NerdqaxeDriver, NERDQAXE_INFO, SimulatedNerdQAxe, "shut_down"
)
BOTH = pytest.mark.parametrize("family", [BITAXE, NERDQAXE], ids=lambda item: item.name)


# --- reading one answer -------------------------------------------------------------


@pytest.mark.parametrize(
    ("family", "shape"),
    [
        pytest.param(family, shape, id=f"{family.name}-{shape.parent.name}")
        for family in (BITAXE, NERDQAXE)
        for shape in family.shapes()
    ],
)
def test_nonsense_in_every_field_is_unknown(family: Family, shape: Path) -> None:
    """Given any key of any release with a wrong value, a poll still works."""
    keys = json.loads(shape.read_text())["keys"]
    for value in NONSENSE:
        everything = dict.fromkeys(keys, value) | {"ASICModel": "BM1370"}
        telemetry = read(family.driver, everything)
        # A text is a fault, true a hashrate
        if value != "nonsense" and value is not True:
            assert telemetry.hashrate is None
        assert telemetry.temperature is None
        for key in keys:
            if key != "ASICModel":
                assert read(family.driver, family.info | {key: value}).device
        for inside in ("usingFallback", "activePoolMode", "pools"):
            pools = {"pools": [{"connected": True}], inside: value}
            telemetry = read(family.driver, family.info | {"stratum": pools})
            assert len(telemetry.pools) == 2
        pools = {"pools": [value, value]}
        assert len(read(family.driver, family.info | {"stratum": pools}).pools) == 2


@BOTH
def test_numbers_may_be_strings(family: Family) -> None:
    """Some forks quote everything."""
    quoted = {
        key: str(value) if isinstance(value, int | float) else value
        for key, value in family.info.items()
    }
    assert read(family.driver, quoted) == read(family.driver, family.info)


@BOTH
def test_the_board_sensors_of_an_old_release(family: Family) -> None:
    """The hotter of the two; what has no reading does not count."""
    for second, hotter in ((44.5, 44.5), (-1, 41)):
        sensors = {"boardtemp1": 41, "boardtemp2": second}
        telemetry = read(family.driver, family.info | sensors)
        assert telemetry.temperature_board == hotter
    assert read(family.driver, family.info).temperature_board is None


@BOTH
def test_a_boot_claims_no_hashrate(family: Family) -> None:
    """Right after it, without a share, nothing is known."""
    booted = {"uptimeSeconds": 5, "sharesAccepted": 0}
    fresh = read(family.driver, family.info | booted)
    assert (fresh.hashrate, fresh.hashing, fresh.problems) == (None, None, ())


# --- what answers at an address --------------------------------------------------------


@BOTH
async def test_the_other_family_is_not_taken(
    session: aiohttp.ClientSession, family: Family
) -> None:
    """Another driver's device is a plain no, with one read and no write."""
    other = NERDQAXE if family is BITAXE else BITAXE
    async with other.device() as device:
        driver = family.driver()
        driver.attach(DriverContext(session=session, options={}))
        assert not await driver.connect(device.host, device.port)
        assert device.counters.by_path == {"GET /api/system/info": 1}


@BOTH
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.SILENT, CannotConnect),
        (Fault.RESET, CannotConnect),
        (Fault.GARBAGE, BadAnswer),
        (Fault.HALF, BadAnswer),
        (Fault.HTML, BadAnswer),
        (Fault.REDIRECT, BadAnswer),
    ],
)
async def test_a_fault_has_its_own_error(
    monkeypatch: pytest.MonkeyPatch,
    family: Family,
    fault: Fault,
    error: type[DriverError],
) -> None:
    """Given a device in trouble, polling and looking for it both say how."""
    monkeypatch.setattr(family.driver, "answer_timeout", 0.3)
    async with running(family.driver, family.device()) as (device, driver):
        device.fault = fault
        with pytest.raises(error):
            await driver.get_telemetry()
        with pytest.raises(error):
            await driver.connect(device.host, device.port)
        device.fault = None
        assert (await driver.get_telemetry()).hashing is True


# --- commands ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("family", "options"),
    [
        *(
            (BITAXE, {"generation": generation})
            for generation in axeos_generations.GENERATIONS
        ),
        *(
            (NERDQAXE, {"generation": release, "model": "nerdqaxe+"})
            for release in RELEASES
        ),
    ],
    ids=lambda item: item.get("generation") if isinstance(item, dict) else "",
)
async def test_every_mode_is_set_and_reported(
    family: Family, options: dict[str, str]
) -> None:
    """Given any release, each mode is one PATCH that the device then reports."""
    async with running(family.driver, family.device(**options)) as (device, driver):
        for mode in driver.get_supported_modes():
            assert await driver.set_mode(mode)
            assert (await driver.get_telemetry()).mode == mode
        assert len(device.writes) == 4
        # The firmware drops a number with a point
        for write in device.writes:
            assert {type(value) for value in write.values()} == {int}


@pytest.mark.parametrize(
    ("family", "setting", "value"),
    [
        (BITAXE, "frequency", 399),
        (BITAXE, "frequency", 626),
        (BITAXE, "frequency", 500.5),
        (BITAXE, "frequency", float("nan")),
        (BITAXE, "frequency", float("inf")),
        (BITAXE, "core_voltage", 1251),
        (BITAXE, "core_voltage", 0),
        (BITAXE, "fan_speed", 0),
        (BITAXE, "fan_speed", 24),
        (BITAXE, "fan_speed", 101),
        (BITAXE, "target_temperature", 34),
        (BITAXE, "target_temperature", 67),
        # Not even up to what the firmware calls its absolute maximum
        (NERDQAXE, "frequency", 499),
        (NERDQAXE, "frequency", 801),
        (NERDQAXE, "core_voltage", 1401),
        (NERDQAXE, "fan_speed", 24),
        (NERDQAXE, "target_temperature", 67),
    ],
    ids=lambda item: item.name if isinstance(item, Family) else None,
)
async def test_a_value_beyond_the_limits_is_never_written(
    family: Family, setting: Any, value: float
) -> None:
    """The firmware takes anything from 1 to 65535; the driver does not."""
    async with running(family.driver, family.device()) as (device, driver):
        with pytest.raises(InvalidValue):
            await driver.set_tuning(setting, value)
        with pytest.raises(InvalidValue):
            await driver.set_mode("ludicrous")
        assert device.writes == []


@BOTH
async def test_a_pause_that_does_not_happen_fails(
    monkeypatch: pytest.MonkeyPatch, family: Family
) -> None:
    """Given a device that says yes and mines on, the driver says so."""
    async with running(family.driver, family.device()) as (device, driver):
        monkeypatch.setattr(
            device, "_apply", lambda: setattr(device, family.paused, False)
        )
        with pytest.raises(CommandFailed, match="still mines"):
            await driver.pause()


@pytest.mark.parametrize(
    ("family", "generation"),
    [(BITAXE, "2.12"), (BITAXE, "2.13"), (NERDQAXE, "1.0.36")],
    ids=lambda item: item if isinstance(item, str) else "",
)
async def test_restart(family: Family, generation: str) -> None:
    """The answer is text or, since AxeOS 2.13, JSON; both are a yes."""
    device = family.device(generation=generation)
    async with running(family.driver, device) as (device, driver):
        assert await driver.restart()
        await device.wait_ready()
        assert device.boots == 2
