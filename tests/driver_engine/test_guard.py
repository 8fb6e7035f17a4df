"""Whatever the code of a driver does, its caller gets an answer or a DriverError."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
import gzip
import linecache
import logging
from typing import Any

from aiohttp import ClientSession
import pytest

from custom_components.hmm.driver_api import (
    AuthRequired,
    BaseMinerAdapter,
    CannotConnect,
    DriverContext,
    DriverError,
)
from custom_components.hmm.driver_engine import guard
from custom_components.hmm.driver_engine.client import MinerClient
from custom_components.hmm.driver_engine.guard import (
    DriverFault,
    TimedOut,
    call_driver,
    make_driver,
    read_driver,
    release,
)
from custom_components.hmm.driver_engine.hanging import set_apart
from custom_components.hmm.miner.session import _SharedConnector
from simulator.axeos import SimulatedAxeOS
from tests.listening import listening


class Driver:
    """Stands for a driver; the calls are those of the tests."""

    driver_type = "unruly"


class Unreadable(DriverError):
    """An error of a driver's own that fails when it is read."""

    def __str__(self) -> str:
        """Fail."""
        raise KeyboardInterrupt


class Strange(OSError):
    """An error whose number fails when it is read."""

    @property
    def errno(self) -> int:  # type: ignore[override]
        """Fail."""
        raise GeneratorExit


RAISED = (
    KeyboardInterrupt(),
    SystemExit(1),
    GeneratorExit(),
    BaseException(),
    StopAsyncIteration(),
    RecursionError(),
    MemoryError(),
    asyncio.CancelledError(),
    BaseExceptionGroup("several", [KeyboardInterrupt()]),
    Unreadable(),
    Strange(),
)


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
async def test_whatever_is_raised_is_a_fault_of_the_driver(
    error: BaseException,
) -> None:
    """Neither the event loop nor the caller sees it."""

    async def call(driver: Driver) -> None:
        raise error

    def read(driver: Driver) -> None:
        raise error

    with pytest.raises(DriverFault, match="The driver unruly failed"):
        await call_driver(Driver(), call, 5)
    with pytest.raises(DriverFault, match="The driver unruly failed"):
        read_driver(Driver(), read)


def test_a_fault_is_located_without_reading_a_file(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each call that took too long is one, and Home Assistant waits."""
    caplog.set_level(logging.INFO, guard.__name__)
    read: list[str | None] = []
    monkeypatch.setattr(linecache, "checkcache", read.append)
    with pytest.raises(KeyError) as raised:
        raise KeyError
    # pytest reads the file itself
    read.clear()
    text = str(guard.fault("unruly", raised.value))
    assert read == []
    line = raised.tb.tb_lineno
    assert text == (
        f"The driver unruly failed with KeyError in line {line} of test_guard.py"
    )


async def test_an_error_of_a_drivers_own_keeps_what_it_means() -> None:
    """Its kind decides what the user is shown; its message is cut."""

    class WrongPassword(AuthRequired):
        def __init__(self, attempts: int) -> None:
            super().__init__("x" * 5000)

    async def call(driver: Driver) -> None:
        raise WrongPassword(3)

    with pytest.raises(AuthRequired) as raised:
        await call_driver(Driver(), call, 5)
    assert str(raised.value) == "x" * 1000


async def test_a_driver_that_swallows_its_cancellation_is_left_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The caller goes on, and after three of them the driver gets no more calls."""
    monkeypatch.setattr(guard, "_CANCEL_SECONDS", 0.05)
    let_go = asyncio.Event()
    calls = 0

    class Stubborn(Driver):
        pass

    async def call(driver: Driver) -> None:
        nonlocal calls
        calls += 1
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue

    for _ in range(3):
        with pytest.raises(TimedOut):
            await call_driver(Stubborn(), call, 0.05)
    with pytest.raises(CannotConnect) as raised:
        await call_driver(Stubborn(), call, 0.05)
    assert raised.value.reason_key == "driver_hangs"
    assert calls == 3

    # A caller that is cancelled itself does not wait for it either
    other = asyncio.create_task(call_driver(Driver(), call, 60))
    await asyncio.sleep(0)
    other.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(other, 5)

    let_go.set()
    await asyncio.sleep(0.05)
    await call_driver(Stubborn(), call, 5)  # They have ended, so that it goes on


def closes(driver: BaseMinerAdapter) -> Awaitable[Any]:
    """Close the session, as ``async with`` does."""
    assert driver.context is not None
    return driver.context.session.close()


async def detaches(driver: BaseMinerAdapter) -> None:
    """Take the connections away."""
    assert driver.context is not None
    driver.context.session.detach()


async def closes_connector(driver: BaseMinerAdapter) -> None:
    """Close what all share."""
    assert driver.context is not None
    connector = driver.context.session.connector
    assert connector is not None
    await connector.close()


@pytest.mark.parametrize("spoil", [closes, detaches, closes_connector])
async def test_a_session_that_a_driver_spoils_serves_the_others(
    spoil: Callable[[BaseMinerAdapter], Awaitable[Any]], socket_enabled: None
) -> None:
    """Given one driver that closes what it was given, when another polls, it can."""
    from custom_components.hmm.bundled.miner_drivers.bitaxe_driver import BitaxeDriver

    class Spoiler(BitaxeDriver):
        driver_type = "spoiler"

        async def get_telemetry(self) -> Any:
            answer = await super().get_telemetry()
            await spoil(self)
            return answer

    connector = _SharedConnector(keepalive_timeout=75)
    async with (
        SimulatedAxeOS(model="gamma") as one,
        SimulatedAxeOS(model="gamma") as other,
        ClientSession(connector=connector) as session,
    ):
        context = DriverContext(session=session, options={})
        bad = MinerClient(Spoiler, context, one.host, one.port)
        good = MinerClient(BitaxeDriver, context, other.host, other.port)
        for _ in range(3):
            assert (await bad.poll()).hashrate
            assert (await good.poll()).hashrate
        assert not session.closed
        await bad.close()
        await good.close()
        connector.is_ending = True


class Apart:
    """Stands for a driver of the user, which runs in a thread of its own."""

    driver_type = "apart"
    session: ClientSession


@pytest.fixture
async def apart(session: ClientSession) -> AsyncIterator[Apart]:
    """Return such a driver."""

    def attach(driver: Apart, session: ClientSession) -> None:
        driver.session = session

    set_apart(Apart, "apart_driver.py")
    driver = await make_driver(Apart, attach, session)
    yield driver
    await release(driver)


async def past_hmm(driver: Apart, url: str) -> None:
    """Read with a session of its own."""
    async with ClientSession() as session, session.get(url) as response:
        await response.read()


async def given(driver: Apart, url: str) -> None:
    """Read with the session that it was given."""
    async with driver.session.get(url) as response:
        await response.json()


async def bare(driver: Apart, url: str) -> None:
    """Read without any session."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    await reader.read()


@pytest.mark.parametrize("read", [past_hmm, given, bare])
async def test_what_a_driver_reads_past_hmm_has_an_end(
    apart: Apart, read: Callable[[Apart, str], Awaitable[None]]
) -> None:
    """A device that goes on and on fills no memory, and the next call works again."""
    sent, short = 0, False

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        size = 2 if short else 64 * 2**20
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            b"Connection: close\r\nContent-Length: %d\r\n\r\n" % size
        )
        with suppress(ConnectionError):
            for _ in range(size // 2**16):
                writer.write(b"1" * 2**16)
                await writer.drain()
                sent += 2**16
            writer.write(b"{}"[: size % 2**16])
        writer.close()

    async with listening(serve) as port:
        url = f"http://127.0.0.1:{port}"
        with suppress(DriverError):
            await call_driver(apart, lambda driver: read(driver, url), 20)
        assert sent < 32 * 2**20
        short = True
        await call_driver(apart, lambda driver: read(driver, url), 5)


async def test_a_body_that_unpacks_to_too_much(apart: Apart) -> None:
    """Few bytes become many, which the given session does not all unpack."""
    packed = gzip.compress(b"1" * 4000 + b" " * 64 * 2**20)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            "Content-Encoding: gzip\r\nContent-Length: "
        )
        writer.write(f"{head}{len(packed)}\r\n\r\n".encode() + packed)
        await writer.drain()

    async with listening(serve) as port:
        with pytest.raises(DriverError):
            await call_driver(
                apart, lambda driver: given(driver, f"http://127.0.0.1:{port}"), 20
            )
