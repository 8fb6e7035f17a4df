"""A driver through its client: nothing but typed answers and typed errors."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
import sys
from typing import Any, Never

import aiohttp
import pytest

from custom_components.hmm.driver_api import (
    AuthRequired,
    BaseMinerAdapter,
    CannotConnect,
    CommandFailed,
    DeviceFacts,
    DriverContext,
    DriverError,
    InvalidValue,
    MinerTelemetry,
    PoolSlot,
)
from custom_components.hmm.driver_engine import client as client_module
from custom_components.hmm.driver_engine.client import MinerClient
from custom_components.hmm.driver_engine.guard import DriverFault


class Pretend(BaseMinerAdapter):
    """A driver whose answers a test gives; it notes what it was asked."""

    driver_type = "pretend"
    hashrate_unit = "GH/s"
    answers: dict[str, Any] = {}
    asked: list[tuple[Any, ...]] = []

    async def _answer(self, name: str, *values: Any) -> Any:
        self.asked.append((name, *values))
        answer = self.answers.get(name, True)
        if isinstance(answer, BaseException):
            raise answer
        if callable(answer):
            return await answer()
        return answer

    async def connect(self, ip: str, port: int | None = None) -> bool:
        """Answer."""
        return bool(await self._answer("connect", ip, port))

    async def get_telemetry(self) -> dict[str, Any]:
        """Answer."""
        answer: dict[str, Any] = await self._answer("get_telemetry")
        return answer

    async def get_pool_info(self) -> dict[str, Any]:
        """Answer."""
        return {}

    async def get_device_facts(self) -> DeviceFacts:
        """Answer."""
        answer: DeviceFacts = await self._answer("get_device_facts")
        return answer

    async def set_mode(self, mode: str) -> bool:
        """Answer."""
        return bool(await self._answer("set_mode", mode))

    async def restart(self) -> bool:
        """Answer."""
        return bool(await self._answer("restart"))

    async def pause(self) -> bool:
        """Answer."""
        return bool(await self._answer("pause"))

    async def resume(self) -> bool:
        """Answer."""
        return bool(await self._answer("resume"))

    async def identify(self) -> bool:
        """Answer."""
        return bool(await self._answer("identify"))

    async def select_pool(self, index: int) -> bool:
        """Answer."""
        return bool(await self._answer("select_pool", index))

    async def set_pool(self, url: str, user: str, password: str) -> bool:
        """Answer."""
        return bool(await self._answer("set_pool", url, user, password))

    async def set_tuning(self, setting: str, value: float) -> bool:
        """Answer."""
        return bool(await self._answer("set_tuning", setting, value))

    async def close(self) -> None:
        """Answer."""
        await self._answer("close")


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return the answers of the driver, to be changed."""
    fresh: dict[str, Any] = {"get_telemetry": {}, "get_device_facts": DeviceFacts()}
    monkeypatch.setattr(Pretend, "answers", fresh)
    monkeypatch.setattr(Pretend, "asked", [])
    return fresh


@pytest.fixture
def client(answers: dict[str, Any], context: DriverContext) -> MinerClient:
    """Return the client of the driver."""
    return MinerClient(Pretend, context, "127.0.0.1", 8080)


def asked(name: str) -> int:
    """Return how often the driver was asked something."""
    return [entry[0] for entry in Pretend.asked].count(name)


# Answers


async def test_the_driver_is_lent_what_it_needs(
    client: MinerClient, context: DriverContext
) -> None:
    """Given a client, the driver gets context, host and port, once."""
    await client.poll()
    await client.poll()

    assert Pretend.asked[0] == ("connect", "127.0.0.1", 8080)
    assert asked("connect") == 1
    assert asked("get_telemetry") == 2
    assert client._driver is not None
    assert client._driver.context is not None
    assert client._driver.context.options is context.options
    assert client._driver.context.session.connector is context.session.connector
    assert client.hashrate_unit == "GH/s"


async def test_a_dict_becomes_telemetry(
    client: MinerClient, answers: dict[str, Any]
) -> None:
    """Given the dict of the contract, its values have their types."""
    answers["get_telemetry"] = {
        "hashrate": "1.05e12",
        "temperature": "58.5 ",
        "power": 17,
        "uptime": "4000.4",
        "mode": " eco ",
        "shares_accepted": 12.0,
        "paused": False,
        "something_else": object(),
    }
    assert await client.poll() == MinerTelemetry(
        hashrate=1.05e12,
        temperature=58.5,
        power=17.0,
        uptime=4000,
        mode="eco",
        shares_accepted=12,
        paused=False,
        hashing=True,
    )


async def test_values_that_make_no_sense_are_unknown(
    client: MinerClient, answers: dict[str, Any]
) -> None:
    """Given nonsense in a dict, it is None and not 0."""
    answers["get_telemetry"] = {
        "hashrate": "fast",
        "temperature": float("nan"),
        "power": None,
        "uptime": True,
        "mode": 3,
        "paused": "no",
        "using_fallback": 1,
        "chip_temperatures": [50, "x", None],
        "fan_rpm": [4000, "x"],
        "pools": [{"url": "a:1"}, PoolSlot(index=0, url="a:1")],
        "problems": "overheat",
        "device": {"mac": "x"},
    }
    assert await client.poll() == MinerTelemetry(
        chip_temperatures=(50.0, None, None),
        fan_rpm=(4000, None),
        pools=(PoolSlot(index=0, url="a:1"),),
    )


@pytest.mark.parametrize(("hashrate", "hashing"), [(0, False), (5, True), (None, None)])
async def test_hashing_follows_from_the_hashrate(
    client: MinerClient,
    answers: dict[str, Any],
    hashrate: float | None,
    hashing: bool | None,
) -> None:
    """Given no word on hashing, the hashrate tells, where there is one."""
    answers["get_telemetry"] = {"hashrate": hashrate}
    assert (await client.poll()).hashing is hashing


async def test_what_the_driver_says_of_hashing_counts(
    client: MinerClient, answers: dict[str, Any]
) -> None:
    """Given a word on hashing, an old average does not overrule it."""
    answers["get_telemetry"] = {"hashrate": 5.0, "hashing": False}
    assert (await client.poll()).hashing is False


async def test_telemetry_is_passed_on(
    client: MinerClient, answers: dict[str, Any]
) -> None:
    """Given telemetry as an object, it arrives, but for values that are none."""
    telemetry = MinerTelemetry(
        hashrate=1.0,
        problems=("overheat",),
        device=DeviceFacts(mac="24:58:7c:00:11:22"),
    )
    answers["get_telemetry"] = telemetry
    assert await client.poll() == telemetry

    answers["get_telemetry"] = replace(telemetry, power="17 W")  # type: ignore[arg-type]
    assert await client.poll() == telemetry


@pytest.mark.parametrize("answer", [None, [], "text", 7, DeviceFacts()])
async def test_no_telemetry_at_all_is_a_fault_of_the_driver(
    client: MinerClient, answers: dict[str, Any], answer: Any
) -> None:
    """Given neither dict nor telemetry, it is said whose fault that is."""
    answers["get_telemetry"] = answer
    with pytest.raises(DriverFault, match="pretend returned no telemetry"):
        await client.poll()


async def test_facts_of_the_wrong_kind_are_left_out(
    client: MinerClient, answers: dict[str, Any]
) -> None:
    """Given something else than facts, the device is just unknown."""
    answers["get_device_facts"] = {"mac": "24:58:7c:00:11:22"}
    telemetry = await client.poll()
    assert client.read_profile(telemetry, None).facts == DeviceFacts()


# Errors


async def _cancelled() -> Never:
    future = asyncio.get_running_loop().create_future()
    future.cancel()
    await future
    raise AssertionError


@pytest.mark.parametrize(
    ("raised", "kind", "text"),
    [
        (CannotConnect("Nothing"), CannotConnect, "Nothing"),
        (AuthRequired("Login"), AuthRequired, "Login"),
        (TimeoutError(), CannotConnect, "did not answer in time"),
        (ConnectionResetError(), CannotConnect, "ConnectionResetError"),
        (OSError(113, "No route"), CannotConnect, "OSError"),
        (aiohttp.ServerDisconnectedError(), CannotConnect, "ServerDisconnectedError"),
        (KeyError("stratumUser"), DriverFault, "pretend failed with KeyError in line"),
        (RecursionError(), DriverFault, "failed with RecursionError"),
        (SystemExit(1), DriverFault, "failed with SystemExit"),
        (_cancelled, DriverFault, "failed with CancelledError"),
    ],
)
@pytest.mark.parametrize("name", ["connect", "get_device_facts", "get_telemetry"])
async def test_whatever_a_driver_raises_is_a_driver_error(
    client: MinerClient,
    answers: dict[str, Any],
    name: str,
    raised: Any,
    kind: type[DriverError],
    text: str,
) -> None:
    """Given any exception, its kind is told, and never what it quotes."""
    answers[name] = raised
    with pytest.raises(kind, match=text) as caught:
        await client.poll()
    assert "stratumUser" not in str(caught.value)


async def test_the_next_poll_after_an_error_works(
    client: MinerClient, answers: dict[str, Any]
) -> None:
    """Given a failed poll, the driver stays connected and is asked again."""
    await client.poll()
    answers["get_telemetry"] = ValueError()
    with pytest.raises(DriverFault):
        await client.poll()
    answers["get_telemetry"] = {"hashrate": 1}

    assert (await client.poll()).hashrate == 1
    assert asked("connect") == 1


async def test_a_driver_that_does_not_know_the_device_is_closed(
    client: MinerClient, answers: dict[str, Any]
) -> None:
    """Given a no, the driver is closed and asked anew the next time."""
    answers["connect"] = False
    assert await client.connect() is False
    with pytest.raises(CannotConnect, match="no device of this kind"):
        await client.poll()
    assert asked("connect") == asked("close") == 2


@pytest.mark.parametrize("name", ["connect", "get_device_facts"])
async def test_a_driver_that_fails_to_connect_is_closed(
    client: MinerClient, answers: dict[str, Any], name: str
) -> None:
    """Given a failure on the way, the driver gives back what it holds."""
    answers[name] = CannotConnect("Nothing")
    answers["close"] = ValueError("cannot even close")
    with pytest.raises(CannotConnect, match="Nothing"):
        await client.connect()
    assert asked("close") == 1


async def test_a_driver_that_hangs_is_given_up(
    client: MinerClient, answers: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a driver that never answers, the poll ends, and the next one works."""
    monkeypatch.setattr(client_module, "_POLL_SECONDS", 0.1)
    answers["get_telemetry"] = asyncio.Event().wait
    with pytest.raises(CannotConnect, match="in time"):
        await client.poll()
    answers["get_telemetry"] = {}
    assert await client.poll() == MinerTelemetry()


async def test_a_command_that_hangs_is_given_up(
    client: MinerClient, answers: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a command without end, it ends."""
    monkeypatch.setattr(client_module, "_COMMAND_SECONDS", 0.1)
    answers["restart"] = asyncio.Event().wait
    with pytest.raises(CannotConnect, match="in time"):
        await client.restart()


async def test_who_cancels_a_poll_is_obeyed(
    client: MinerClient, answers: dict[str, Any]
) -> None:
    """Given a poll that Home Assistant cancels, it is cancelled."""
    began = asyncio.Event()

    async def hang() -> None:
        began.set()
        await asyncio.Event().wait()

    answers["get_telemetry"] = hang
    task = asyncio.create_task(client.poll())
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


class Broken(Pretend):
    """A driver that cannot even be made."""

    def __init__(self) -> None:
        """Fail."""
        sys.exit(1)


class NotAsync(Pretend):
    """A driver whose author forgot async."""

    def get_telemetry(self) -> dict[str, Any]:  # type: ignore[override]
        """Fail when called."""
        raise KeyError

    def set_mode(self) -> bool:  # type: ignore[override]
        """Take the wrong arguments."""
        return True

    def restart(self) -> bool:  # type: ignore[override]
        """Return what cannot be awaited."""
        return True


class Liar(Pretend):
    """A driver whose features fail."""

    def get_supported_modes(self) -> list[str]:
        """Fail."""
        raise SystemExit


async def test_a_driver_that_cannot_be_made(
    answers: dict[str, Any], context: DriverContext
) -> None:
    """Given a class that ends the program, Home Assistant goes on."""
    with pytest.raises(DriverFault, match="failed with SystemExit"):
        await MinerClient(Broken, context, "127.0.0.1", None).connect()


async def test_methods_that_are_not_async(
    answers: dict[str, Any], context: DriverContext
) -> None:
    """Given plain functions, the author is told, and nothing else breaks."""
    client = MinerClient(NotAsync, context, "127.0.0.1", None)
    with pytest.raises(DriverFault, match="KeyError"):
        await client.poll()
    with pytest.raises(DriverFault, match="TypeError"):
        await client.set_mode("eco")
    with pytest.raises(DriverFault, match="TypeError"):
        await client.restart()


async def test_features_that_fail(
    answers: dict[str, Any], context: DriverContext
) -> None:
    """Given a driver that fails to say what it can, it is its fault."""
    client = MinerClient(Liar, context, "127.0.0.1", None)
    telemetry = await client.poll()
    with pytest.raises(DriverFault, match="SystemExit"):
        client.read_profile(telemetry, None)


# Commands

type Command = Callable[[MinerClient], Awaitable[None]]

COMMANDS: list[tuple[Command, tuple[Any, ...]]] = [
    (lambda client: client.set_mode("eco"), ("set_mode", "eco")),
    (lambda client: client.restart(), ("restart",)),
    (lambda client: client.pause(), ("pause",)),
    (lambda client: client.resume(), ("resume",)),
    (lambda client: client.identify(), ("identify",)),
    (lambda client: client.select_pool(1), ("select_pool", 1)),
    (lambda client: client.set_pool("a:1", "u", "x"), ("set_pool", "a:1", "u", "x")),
    (
        lambda client: client.set_tuning("frequency", 500),
        ("set_tuning", "frequency", 500),
    ),
]


@pytest.mark.parametrize(("command", "call"), COMMANDS)
async def test_a_command_reaches_the_driver(
    client: MinerClient,
    answers: dict[str, Any],
    command: Command,
    call: tuple[Any, ...],
) -> None:
    """Given a command, the driver gets it, connected or not; a no is an error."""
    await command(client)
    assert Pretend.asked[-1] == call
    assert asked("connect") == 1

    answers[call[0]] = False
    with pytest.raises(CommandFailed, match="did not take the command"):
        await command(client)
    answers[call[0]] = InvalidValue("Too much")
    with pytest.raises(InvalidValue, match="Too much"):
        await command(client)
    answers[call[0]] = ZeroDivisionError()
    with pytest.raises(DriverFault):
        await command(client)


async def test_one_thing_at_a_time(
    client: MinerClient, answers: dict[str, Any]
) -> None:
    """Given a command that takes its time, a poll waits for its end."""
    done: list[str] = []
    go_on = asyncio.Event()

    async def slow() -> bool:
        await go_on.wait()
        done.append("command")
        return True

    async def quick() -> dict[str, Any]:
        done.append("poll")
        return {}

    answers |= {"set_mode": slow, "get_telemetry": quick}
    command = asyncio.create_task(client.set_mode("eco"))
    poll = asyncio.create_task(client.poll())
    while not asked("set_mode"):
        await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(command, poll)

    assert done == ["command", "poll"]


async def test_closing(client: MinerClient, answers: dict[str, Any]) -> None:
    """Given a connected driver, it is closed once, and made anew when needed."""
    await client.disconnect()
    assert asked("close") == 0
    await client.connect()
    answers["close"] = ValueError()
    await client.disconnect()
    await client.disconnect()
    assert asked("close") == 1
    await client.poll()
    assert asked("connect") == 2


async def test_closing_for_good(client: MinerClient, answers: dict[str, Any]) -> None:
    """Given an entry that was unloaded, a late poll leaves no driver open."""
    await client.connect()
    await client.close()
    with pytest.raises(CannotConnect):
        await client.poll()
    assert asked("connect") == asked("close") == 2


@pytest.mark.parametrize("for_good", [False, True])
async def test_closing_in_the_middle_of_a_poll(
    client: MinerClient, answers: dict[str, Any], for_good: bool
) -> None:
    """Given another task that disconnects, the poll starts again unless that is final."""
    began, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> dict[str, Any]:
        began.set()
        await go_on.wait()
        return {}

    await client.poll()
    answers["get_telemetry"] = slow
    poll = asyncio.create_task(client.poll())
    await began.wait()
    await (client.close() if for_good else client.disconnect())
    go_on.set()
    if for_good:
        with pytest.raises(CannotConnect):
            await poll
    else:
        assert client.read_profile(await poll, None) is not None
    assert asked("connect") == 2
