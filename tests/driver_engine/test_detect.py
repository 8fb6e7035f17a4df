"""Which driver knows a device, and what is said when none does."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
import json
from pathlib import Path
import socket
from typing import Any

import pytest

from custom_components.hmm.bundled.miner_drivers.bitaxe_driver import BitaxeDriver
from custom_components.hmm.bundled.miner_drivers.nmminer_driver import NMMinerDriver
from custom_components.hmm.bundled.shared.axeos import AxeDriver
from custom_components.hmm.driver_api import (
    AddressRefused,
    AuthRequired,
    BadAnswer,
    BaseMinerAdapter,
    CannotConnect,
    DriverContext,
    DriverError,
    HtmlAnswer,
    NotThisDevice,
    RedirectAnswer,
)
from custom_components.hmm.driver_api.transports.cgminer import CgminerClient, NoReply
from custom_components.hmm.driver_engine import (
    client as client_module,
    detect as detection_module,
)
from custom_components.hmm.driver_engine.detect import Detected, Detection, detect
from custom_components.hmm.driver_engine.guard import DriverFault
from custom_components.hmm.driver_engine.hanging import MAX_HANGING, hanging_of
from custom_components.hmm.driver_engine.loaded import LoadedDriver
from simulator import (
    Fault,
    SimulatedAvalon,
    SimulatedAxeOS,
    SimulatedDevice,
    SimulatedNerdQAxe,
    SimulatedNMMiner,
)
from simulator.httpd import text_response
from tests.captured import CapturedAxe, read_case
from tests.listening import listening

type Drivers = list[LoadedDriver[BaseMinerAdapter]]


async def try_detect(drivers: Drivers, context: DriverContext, port: int) -> Detection:
    """Detect what is at a port of this machine; all clients are closed."""
    detection = await detect(drivers, context, "127.0.0.1", port)
    for result in detection.devices:
        await result.client.close()
    return detection


def only(detection: Detection) -> Detected:
    """Return the one driver that was found."""
    assert [result.driver.driver_type for result in detection.devices] == [
        detection.devices[0].driver.driver_type
    ]
    assert detection.error is None
    return detection.devices[0]


@asynccontextmanager
async def answering(answer: bytes) -> AsyncGenerator[int]:
    """Run a server that says this to whatever it hears; give its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read(4096)
            writer.write(answer)
            await writer.drain()
        finally:
            writer.close()

    async with listening(serve) as port:
        yield port


# Every kind of device, and its driver alone


@pytest.mark.parametrize(
    ("make", "driver_type", "model"),
    [
        (lambda: SimulatedAxeOS(generation="2.4"), "bitaxe", "Bitaxe Gamma"),
        (
            lambda: SimulatedAxeOS(generation="2.5", model="ultra"),
            "bitaxe",
            "Bitaxe Ultra",
        ),
        (lambda: SimulatedAxeOS(generation="2.9"), "bitaxe", "Bitaxe Gamma"),
        (lambda: SimulatedAxeOS(generation="2.15"), "bitaxe", "Bitaxe Gamma"),
        (lambda: SimulatedNerdQAxe(generation="1.0.30"), "nerdqaxe", "NerdQAxe++"),
        (lambda: SimulatedNerdQAxe(generation="1.0.36"), "nerdqaxe", "NerdQAxe++"),
        (lambda: SimulatedNerdQAxe(generation="1.0.37"), "nerdqaxe", "NerdQAxe++"),
        (lambda: SimulatedAvalon(model="nano3"), "avalon_nano", "Avalon Nano 3"),
        (lambda: SimulatedAvalon(model="nano3s"), "avalon_nano", "Avalon Nano 3S"),
        (lambda: SimulatedAvalon(model="mini3"), "avalon_nano", "Avalon Mini 3"),
        (lambda: SimulatedAvalon(model="q"), "avalon_nano", "Avalon Q"),
        (
            lambda: SimulatedNMMiner(version="v2.0.04", udp=False, http=True),
            "nmminer",
            "NMMiner",
        ),
    ],
)
async def test_every_kind_is_known_by_its_driver_alone(
    bundled: Drivers,
    context: DriverContext,
    make: Callable[[], SimulatedDevice],
    driver_type: str,
    model: str,
) -> None:
    """Given a device, its driver says yes, all others say no."""
    async with make() as device:
        result = only(await try_detect(bundled, context, device.port))

    assert result.driver.driver_type == driver_type
    assert result.profile.facts.model == model
    assert result.telemetry.hashrate or driver_type == "nmminer"
    assert (result.client.host, result.client.port) == ("127.0.0.1", device.port)


async def test_a_miner_that_only_broadcasts_is_known(
    bundled: Drivers, context: DriverContext
) -> None:
    """Given an NMMiner of the first version, its packets are enough."""
    port = NMMinerDriver.udp_port
    async with SimulatedNMMiner(target=("127.0.0.1", port), interval=0.02):
        result = only(await try_detect(bundled, context, port))

    assert result.driver.driver_type == "nmminer"
    assert result.profile.facts.model == "NMLotto"


async def test_the_miner_is_not_changed(
    bundled: Drivers, context: DriverContext
) -> None:
    """Given a device, to look for its driver writes nothing."""
    async with SimulatedAxeOS() as device:
        await try_detect(bundled, context, device.port)
    assert not device.writes
    assert all(path.startswith("GET ") for path in device.counters.by_path)


async def test_two_drivers_may_know_a_device(
    bundled: Drivers, context: DriverContext, tmp_path: Path
) -> None:
    """Given a second driver that fits, both are found, for the user to choose."""

    class Mine(BitaxeDriver):
        driver_type = "mine"

    second = LoadedDriver(
        driver_class=Mine,
        driver_type="mine",
        version="1",
        path=tmp_path,
        sha256="",
        bundled=False,
    )
    async with SimulatedAxeOS() as device:
        detection = await try_detect([*bundled, second], context, device.port)

    assert {result.driver.driver_type for result in detection.devices} == {
        "bitaxe",
        "mine",
    }


# What is no miner


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault.HTML, HtmlAnswer),
        (Fault.REDIRECT, RedirectAnswer),
        (Fault.GARBAGE, BadAnswer),
        (Fault.HALF, BadAnswer),
        (Fault.RESET, NoReply),
        (Fault.SILENT, CannotConnect),
    ],
)
async def test_a_web_server_that_is_no_miner(
    bundled: Drivers,
    context: DriverContext,
    fault: Fault,
    kind: type[DriverError],
) -> None:
    """Given another kind of web server, the most telling reason is given."""
    async with SimulatedAxeOS() as device:
        device.fault = fault
        detection = await try_detect(bundled, context, device.port)

    assert not detection.devices
    assert type(detection.error) is kind


async def test_axeos_of_another_network(
    bundled: Drivers, context: DriverContext
) -> None:
    """Given AxeOS' 401, it is told that the network is to blame."""
    async with SimulatedAxeOS() as device:
        device.refuse_address = True
        detection = await try_detect(bundled, context, device.port)

    assert type(detection.error) is AddressRefused


@pytest.mark.parametrize(
    "version",
    [
        {"PROD": "Antminer S19", "API": "3.7"},
        {"CGMiner": "4.11.1", "API": "3.7", "Type": "Antminer S9"},
        {},
    ],
)
async def test_another_cgminer(
    bundled: Drivers, context: DriverContext, version: dict[str, Any]
) -> None:
    """Given a cgminer that is no Avalon, it is told that no driver knows it."""
    status = {"STATUS": "S", "When": 1, "Code": 22, "Msg": "CGMiner versions"}
    answer = json.dumps({"STATUS": [status], "VERSION": [version], "id": 1}).encode()
    async with answering(answer + b"\0") as port:
        detection = await try_detect(bundled, context, port)

    assert type(detection.error) is NotThisDevice


@pytest.mark.parametrize("info", [{}, {"name": "printer"}, {"ASICModel": ""}])
async def test_another_device_with_json(
    bundled: Drivers, context: DriverContext, info: dict[str, Any]
) -> None:
    """Given JSON of something else, it is told that no driver knows it."""
    body = json.dumps(info).encode()
    answer = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        b"Connection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    )
    async with answering(answer) as port:
        detection = await try_detect(bundled, context, port)

    assert type(detection.error) is NotThisDevice


@pytest.mark.parametrize("status", [401, 403])
async def test_a_device_with_a_login(
    bundled: Drivers, context: DriverContext, status: int
) -> None:
    """Given a fork that protects its API, the login is what the user learns of."""
    case = read_case("15-login-protected-fork")
    async with CapturedAxe({}) as device:
        device.refusal = text_response(case["body"], status=status)
        detection = await try_detect(bundled, context, device.port)

    assert type(detection.error) is AuthRequired


async def test_nothing_listens(bundled: Drivers, context: DriverContext) -> None:
    """Given a closed port, it is told that nothing answers."""
    device = SimulatedAxeOS()
    async with device:
        await device.unplug()
        detection = await try_detect(bundled, context, device.port)

    assert type(detection.error) is CannotConnect


async def test_a_closed_port_is_tried_once(
    bundled: Drivers, context: DriverContext
) -> None:
    """Given a web server that hangs, not every HTTP driver waits for it."""
    async with SimulatedAxeOS() as device:
        device.fault = Fault.SILENT
        http = [
            item
            for item in bundled
            if item.driver_class.connection_type in ("http", "tcp")
        ]
        await try_detect(http, context, device.port)

    # Once as cgminer, once as HTTP
    assert device.counters.connections == 2


async def test_no_driver_at_all(context: DriverContext) -> None:
    """Given no drivers, that is an error too, and not a miner."""
    detection = await try_detect([], context, 80)
    assert type(detection.error) is CannotConnect


def broken(raises: BaseException) -> LoadedDriver[BaseMinerAdapter]:
    """Return a driver of the user that fails while it detects."""

    class Broken(BitaxeDriver):
        driver_type = "broken"

        async def connect(self, ip: str, port: int | None = None) -> bool:
            raise raises

    return made(Broken, bundled=False)


async def test_a_broken_driver_hides_nothing(
    bundled: Drivers, context: DriverContext
) -> None:
    """Given a driver that fails, the others are asked, and their word counts."""
    drivers = [broken(SystemExit()), *bundled]
    async with SimulatedAxeOS() as device:
        result = only(await try_detect(drivers, context, device.port))
        assert result.driver.driver_type == "bitaxe"
        device.refuse_address = True
        detection = await try_detect(drivers, context, device.port)

    assert type(detection.error) is AddressRefused


@pytest.mark.parametrize(
    "answer",
    [
        b'{"STATUS": [{"STATUS": "S"}], "VERSION": [{"PROD": "Antminer S19"}]}\0',
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 404 No\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nNo",
        b"HTTP/1.1 302 No\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
        b"SSH-2.0\r\n",
    ],
)
async def test_a_driver_that_failed_is_named_where_no_other_fits(
    bundled: Drivers, context: DriverContext, answer: bytes
) -> None:
    """Given a device that only the driver with a bug may know, the bug is reported."""
    drivers = [*bundled, broken(KeyError("hashrate"))]
    async with answering(answer) as port:
        detection = await try_detect(drivers, context, port)

    assert type(detection.error) is DriverFault
    assert detection.error.reason_key == "driver_error"
    values = detection.error.reason_values
    assert (values["driver"], values["error"]) == ("broken", "KeyError")


async def test_a_driver_that_hangs_is_named_where_no_other_fits(
    bundled: Drivers, context: DriverContext
) -> None:
    """Given a driver that is stopped since it hangs, the user learns of that."""
    driver = broken(KeyError())
    hanging = hanging_of(driver.driver_class, "broken_driver.py")
    calls = [asyncio.get_running_loop().create_future() for _ in range(MAX_HANGING)]
    for call in calls:
        hanging.add(call)
    async with answering(b"SSH-2.0\r\n") as port:
        detection = await try_detect([driver, *bundled], context, port)

    assert isinstance(detection.error, CannotConnect)
    assert detection.error.reason_key == "driver_hangs"


async def test_a_driver_of_the_user_that_cannot_connect_hides_nothing(
    bundled: Drivers, context: DriverContext, tmp_path: Path
) -> None:
    """Given a user's driver that gets no connection, the port is tried again."""

    class Slow(BitaxeDriver):
        driver_type = "slow"

        async def connect(self, ip: str, port: int | None = None) -> bool:
            raise CannotConnect("It gave up too early")

    slow = LoadedDriver[BaseMinerAdapter](
        driver_class=Slow,
        driver_type="slow",
        version="1",
        path=tmp_path,
        sha256="",
        bundled=False,
    )
    async with SimulatedNerdQAxe() as device:
        result = only(await try_detect([slow, *bundled], context, device.port))
        assert result.driver.driver_type == "nerdqaxe"


# How long it takes. The tests end by the one limit that they leave short: with another
# they would wait for ever, or find what they must not.

FOREVER = 600.0


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Give every single driver all the time in the world."""
    for driver in (AxeDriver, CgminerClient):
        monkeypatch.setattr(driver, "answer_timeout", FOREVER)
        monkeypatch.setattr(driver, "connect_timeout", FOREVER)
    monkeypatch.setattr(NMMinerDriver, "listen_seconds", FOREVER)
    for limit in ("FIRST_REPLY_SECONDS", "BROADCAST_SECONDS", "NEXT_DOOR_SECONDS"):
        monkeypatch.setattr(detection_module, limit, FOREVER)
    monkeypatch.setattr(client_module, "_POLL_SECONDS", FOREVER)
    return monkeypatch


def made(driver_class: type[BaseMinerAdapter], *, bundled: bool = True) -> LoadedDriver:
    """Return a driver of a test as a loaded one."""
    return LoadedDriver(
        driver_class=driver_class,
        driver_type=str(driver_class.driver_type),
        version="1",
        path=Path("nowhere"),
        sha256="",
        bundled=bundled,
    )


def recording(name: str, protocol: str, port: int, log: list[str]) -> LoadedDriver:
    """Return a driver that writes down when it is asked and closed, and never replies."""

    class Recording(BitaxeDriver):
        driver_type = name
        connection_type = protocol
        default_port = port

        async def connect(self, ip: str, port: int | None = None) -> bool:
            log.append(f"{name} at {port or self.default_port}")
            await asyncio.sleep(FOREVER)
            return True

        async def close(self) -> None:
            log.append(f"{name} closed")

    return made(Recording, bundled=False)


async def test_a_silent_address_has_one_limit_for_all_drivers(
    bundled: Drivers, context: DriverContext, patient: pytest.MonkeyPatch
) -> None:
    """Given a server whose queue is full, all drivers together wait once."""
    patient.setattr(detection_module, "FIRST_REPLY_SECONDS", 0.3)
    log: list[str] = []
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            never = recording("never", "other", port, log)
            detection = await try_detect([*bundled, never], context, port)

    assert type(detection.error) is CannotConnect
    assert detection.error.reason_key == "no_response"
    assert log == [f"never at {port}", "never closed"]


async def test_a_device_that_never_replies_has_the_same_limit(
    bundled: Drivers, context: DriverContext, patient: pytest.MonkeyPatch
) -> None:
    """Given a device that takes connections and no more, nobody waits longer for it."""
    patient.setattr(detection_module, "FIRST_REPLY_SECONDS", 0.3)
    async with SimulatedAxeOS() as device:
        device.fault = Fault.SILENT
        detection = await try_detect(bundled, context, device.port)

    assert type(detection.error) is CannotConnect
    assert detection.error.reason_key == "no_response"


async def test_a_name_that_nobody_knows(
    bundled: Drivers, context: DriverContext, patient: pytest.MonkeyPatch
) -> None:
    """Given a host name with a typo, that is said, and no broadcast is waited for."""

    def look_up(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    patient.setattr(socket, "getaddrinfo", look_up)
    detection = await detect(bundled, context, "bitaxxe.invalid")
    assert detection.error is not None
    assert detection.error.reason_key == "name_not_resolved"


async def test_a_slow_miner_does_not_refuse(
    bundled: Drivers, context: DriverContext, patient: pytest.MonkeyPatch
) -> None:
    """Given an open port that is slow among closed ones, it is not called refused."""
    patient.setattr(detection_module, "FIRST_REPLY_SECONDS", 0.5)
    async with SimulatedAxeOS() as device:
        device.fault = Fault.SILENT
        patient.setattr(BitaxeDriver, "default_port", device.port)
        detection = await detect(bundled, context, "127.0.0.1")

    assert detection.error is not None
    assert detection.error.reason_key == "no_response"


async def test_a_driver_that_says_no_is_not_slow(
    bundled: Drivers, context: DriverContext
) -> None:
    """Given a user's driver that knows no device, a closed port is one all the same."""

    class Picky(BitaxeDriver):
        driver_type = "picky"

        async def connect(self, ip: str, port: int | None = None) -> bool:
            return False

    device = SimulatedAxeOS()
    async with device:
        await device.unplug()
        drivers = [*bundled, made(Picky, bundled=False)]
        detection = await try_detect(drivers, context, device.port)

    assert detection.error is not None
    assert detection.error.reason_key == "refused"


async def test_closed_ports_leave_little_time_to_broadcast(
    bundled: Drivers, context: DriverContext, patient: pytest.MonkeyPatch
) -> None:
    """Given a device that is off, its broadcasts are not waited for as long."""
    patient.setattr(detection_module, "BROADCAST_SECONDS", 0.1)
    patient.setattr(detection_module, "_LAST_SECONDS", 0.1)
    device = SimulatedAxeOS()
    async with device:
        await device.unplug()
        detection = await try_detect(bundled, context, device.port)

    assert type(detection.error) is CannotConnect
    assert detection.error.reason_key == "refused"


async def test_a_slow_device_has_the_time_that_it_needs(
    bundled: Drivers, context: DriverContext, patient: pytest.MonkeyPatch
) -> None:
    """Given a device whose replies together take longer than the limit, it is found."""
    patient.setattr(detection_module, "FIRST_REPLY_SECONDS", 0.5)
    async with SimulatedAxeOS() as device:
        device.fault, device.slow_seconds = Fault.SLOW, 0.3
        patient.setattr(BitaxeDriver, "default_port", device.port)
        result = only(await try_detect(bundled, context, device.port))
        assert device.counters.requests > 2

    assert result.driver.driver_type == "bitaxe"


async def test_the_typed_port_is_asked_first_by_the_drivers_whose_own_it_is(
    context: DriverContext, patient: pytest.MonkeyPatch
) -> None:
    """Given a port, all drivers ask there alone, those that use it always at first."""
    patient.setattr(detection_module, "NEXT_DOOR_SECONDS", 0.05)
    patient.setattr(detection_module, "FIRST_REPLY_SECONDS", 0.5)
    log: list[str] = []
    drivers = [
        recording("cgminer", "tcp", 4028, log),
        recording("web", "http", 80, log),
        recording("other_web", "http", 8080, log),
    ]
    for port, order in (
        (80, ["web", "cgminer"]),
        (4028, ["cgminer", "web"]),
        (8080, ["other_web", "cgminer"]),
        (9, ["cgminer", "web"]),
    ):
        log.clear()
        await try_detect(drivers, context, port)
        asked = [item for item in log if not item.endswith("closed")]
        assert asked == [f"{name} at {port}" for name in order]


async def test_ports_are_tried_at_the_same_time(
    context: DriverContext, patient: pytest.MonkeyPatch
) -> None:
    """Given no port, a silent one does not keep the other drivers from theirs."""
    patient.setattr(detection_module, "FIRST_REPLY_SECONDS", 0.1)
    log: list[str] = []
    drivers = [
        recording("cgminer", "tcp", 4028, log),
        recording("web", "http", 80, log),
        recording("broadcasts", "udp", 12345, log),
    ]
    await detect(drivers, context, "127.0.0.1")

    # Who broadcasts is listened for only once no request is waited for
    assert log[:2] == ["cgminer at 4028", "web at 80"]
    assert sorted(log[2:]) == ["cgminer closed", "web closed"]


async def test_a_search_that_is_given_up_leaves_nothing_open(
    bundled: Drivers, context: DriverContext
) -> None:
    """Given a dialog that is closed in the middle, every driver is closed."""
    log: list[str] = []

    async with SimulatedAxeOS() as device:

        class Found(BitaxeDriver):
            driver_type = "found"
            default_port = device.port

            async def close(self) -> None:
                log.append("found closed")

        slow = recording("slow", "http", device.port, log)
        drivers = [made(Found), slow]
        search = asyncio.create_task(try_detect(drivers, context, device.port))
        while not log:
            await asyncio.sleep(0.01)
        search.cancel()
        with pytest.raises(asyncio.CancelledError):
            await search

    assert log == [f"slow at {device.port}", "slow closed", "found closed"]
