"""What every driver of a miner must do."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiohttp

from custom_components.hmm.driver_api import (
    BaseMinerAdapter,
    DriverContext,
    DriverError,
    MinerTelemetry,
)
from custom_components.hmm.driver_engine.answers import read_telemetry
from custom_components.hmm.driver_engine.client import MinerClient
from custom_components.hmm.driver_engine.guard import DriverFault
from custom_components.hmm.driver_engine.profile import read_profile

from .conformance import (
    Check,
    CheckContext,
    CheckFailed,
    CheckSkipped,
    CheckWarning,
    LogWatch,
    cancel_and_wait,
    require,
    require_closed,
    require_equal,
    require_no_secrets,
    require_no_tasks,
    shared_session,
    unreadable_fields,
)
from .defaulted_values import Alter, find_defaulted_values
from .figures import implausible, numbers_of
from .other_devices import OTHER_DEVICES, OtherDeviceServer
from .replay import ANSWERS, BadResponse, Replay
from .show import show_error

type MinerContext = CheckContext[BaseMinerAdapter]

CUSTOM = "custom"
NO_MODE = "no-such-mode"
CONNECT_SECONDS = 20
"""What HMM gives a driver to connect and for a poll."""


@asynccontextmanager
async def _client(
    context: MinerContext, host: str, port: int
) -> AsyncIterator[MinerClient]:
    """Provide a client of a device, not yet connected; it is closed at the end."""
    async with shared_session() as session:
        client = MinerClient(
            context.driver_class, _context(context, session), host, port
        )
        try:
            yield client
        finally:
            await client.close()


def _context(context: MinerContext, session: aiohttp.ClientSession) -> DriverContext:
    return DriverContext(session=session, options=context.options)


@asynccontextmanager
async def _connected(
    context: MinerContext, replay: Replay
) -> AsyncIterator[MinerClient]:
    async with _client(context, replay.host, replay.port) as client:
        require(await client.connect(), "connect rejects its own device")
        yield client


@asynccontextmanager
async def _any_device(context: MinerContext) -> AsyncIterator[tuple[str, int]]:
    """Give the address of the device as it was recorded, else of the live one."""
    if context.session.exchanges or context.address is None:
        async with context.play() as replay:
            yield replay.host, replay.port
    else:
        yield context.address


@asynccontextmanager
async def _bare(
    context: MinerContext, host: str, port: int
) -> AsyncIterator[BaseMinerAdapter]:
    """Provide the driver itself, connected; nothing is between it and a check."""
    async with shared_session() as session:
        driver = context.driver_class()
        driver.attach(_context(context, session))
        try:
            require(await driver.connect(host, port), "connect rejects its own device")
            yield driver
        finally:
            await driver.close()


async def _connects(context: MinerContext) -> str:
    async with (
        _any_device(context) as (host, port),
        _client(context, host, port) as client,
    ):
        require(await client.connect(), "connect rejects its own device")
        facts = await client.poll()
    device = facts.device
    return f"{device.model} {device.firmware}" if device else ""


async def _wrong_device(context: MinerContext) -> None:
    for device in OTHER_DEVICES:
        async with (
            OtherDeviceServer(device) as server,
            _client(context, server.host, server.port) as client,
        ):
            try:
                answer = await client.connect()
            except DriverFault as err:
                msg = f"connect fails at {device.name}\n{show_error(err)}"
                raise CheckFailed(msg) from err
            except DriverError:
                continue
            require(not answer, f"connect accepts {device.name}")
            require(
                not isinstance(answer, str),
                f"connect returns {answer!r} instead of True or False",
            )


async def _silent(context: MinerContext) -> None:
    async with context.play() as replay:
        replay.bad_response = BadResponse.SILENT
        async with shared_session() as session:
            driver = context.driver_class()
            driver.attach(_context(context, session))
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    require(
                        not await driver.connect(replay.host, replay.port),
                        "connect accepts a device that never answers",
                    )
            except DriverError:
                pass
            except TimeoutError as err:
                raise CheckFailed(
                    f"connect waits for more than {CONNECT_SECONDS} s. Give each request"
                    " a time limit; HttpClient and CgminerClient have one"
                ) from err
            finally:
                await driver.close()
        require(replay.requests, "connect rejects it without a request")


async def _telemetry(context: MinerContext) -> str:
    async with (
        _any_device(context) as (host, port),
        _bare(context, host, port) as driver,
    ):
        answer = await driver.get_telemetry()
        facts = await driver.get_device_facts()
        if (telemetry := read_telemetry(answer)) is None:
            raise CheckFailed(f"get_telemetry returns {type(answer).__name__}")
        wrong = [
            *unreadable_fields(answer, telemetry),
            *implausible(telemetry, driver.hashrate_unit),
        ]
        require(not wrong, "\n".join(wrong))
        require(
            telemetry.hashrate is not None or telemetry.hashing is not None,
            "It tells neither a hashrate nor whether the miner works",
        )
        profile = read_profile(driver, facts, telemetry, None)
    return f"{len(profile.telemetry)} figures"


async def _equal(context: MinerContext) -> None:
    async with context.play() as replay, _connected(context, replay) as client:
        await client.poll()  # the first one may send more requests than the others
        first, second = await client.poll(), await client.poll()
        require_equal(first, second)


async def _one_request(context: MinerContext) -> str:
    async with context.play() as replay, _connected(context, replay) as client:
        await client.poll()
        requests: Counter[str] = Counter()
        for _ in range(3):
            replay.requested.clear()
            await client.poll()
            requests |= replay.requested
        twice = [question for question, count in requests.items() if count > 1]
        require(
            not twice, f"A poll asks for the same more than once: {', '.join(twice)}"
        )
        if len(requests) > 1:
            raise CheckWarning(
                f"A poll takes {len(requests)} requests: {', '.join(requests)}. What does not"
                " change belongs into connect; the rest is right if the device tells it"
                " in no other way"
            )
    return "one request" if requests else "no request at all"


async def _nothing_invented(context: MinerContext) -> str:
    """Take away one key of the answers after the other."""
    async with context.play() as replay, _connected(context, replay) as client:
        await client.poll()  # the first one may send more requests than the others

        async def poll(alter: Alter | None) -> MinerTelemetry:
            replay.alter = alter
            return await client.poll()

        return await find_defaulted_values(context.require_session(), poll)


async def _modes(context: MinerContext) -> str:
    async with (
        _any_device(context) as (host, port),
        _bare(context, host, port) as driver,
    ):
        telemetry = read_telemetry(await driver.get_telemetry())
        modes = driver.get_supported_modes()
    require(
        isinstance(modes, list), f"get_supported_modes returns {type(modes).__name__}"
    )
    require(
        all(isinstance(mode, str) and mode.strip() for mode in modes),
        f"A mode is not a name: {modes}",
    )
    require(len(set(modes)) == len(modes), f"A mode is there twice: {modes}")
    require(CUSTOM not in modes, f"{CUSTOM!r} is what a device is tuned to by hand")
    require(telemetry is not None, "get_telemetry returns no telemetry")
    assert telemetry is not None
    require(
        telemetry.mode in (None, CUSTOM, *modes),
        f"The telemetry tells the mode {telemetry.mode!r}, which is not one of {modes}",
    )
    return ", ".join(modes) or "no modes"


async def _unknown_mode(context: MinerContext) -> None:
    async with context.play() as replay, _connected(context, replay) as client:
        try:
            await client.set_mode(NO_MODE)
        except DriverFault as err:
            msg = f"set_mode fails with a mode that does not exist\n{show_error(err)}"
            raise CheckFailed(msg) from err
        except DriverError:
            return
    raise CheckFailed("set_mode accepts a mode that does not exist")


async def _set_mode(context: MinerContext) -> str:
    async with _live(context) as client:
        telemetry = await client.poll()
        modes = client.read_profile(telemetry, None).modes
        if not modes:
            raise CheckSkipped("It has no modes")
        others = [mode for mode in modes if mode != telemetry.mode]
        back = [telemetry.mode] if telemetry.mode in modes else []
        for mode in (*others[:2], *back):
            assert mode is not None
            await client.set_mode(mode)
            reported = (await client.poll()).mode
            require(
                reported == mode,
                f"set_mode({mode!r}) returns True, but then the telemetry reports {reported!r}",
            )
    return ", ".join(modes)


async def _pause(context: MinerContext) -> None:
    async with _live(context) as client:
        telemetry = await client.poll()
        if not client.read_profile(telemetry, None).pause:
            raise CheckSkipped("It cannot be paused")
        for command, wanted in ((client.pause, True), (client.resume, False)):
            await command()
            reported = (await client.poll()).paused
            require(
                reported is wanted,
                f"{command.__name__} returns True, but then the telemetry reports"
                f" paused={reported}",
            )


@asynccontextmanager
async def _live(context: MinerContext) -> AsyncIterator[MinerClient]:
    if context.address is None:
        raise CheckSkipped("There is only a session of the device")
    if not context.may_write:
        raise CheckSkipped("It changes the device; allow it with --write")
    async with _client(context, *context.address) as client:
        require(await client.connect(), "connect rejects its own device")
        yield client


async def _odd_answers(context: MinerContext) -> None:
    wrong: list[str] = []
    async with context.play() as replay:
        for bad_response in replay.answers:
            replay.bad_response = bad_response
            async with _client(context, replay.host, replay.port) as client:
                try:
                    answer = await client.connect()
                except DriverFault as err:
                    wrong.append(f"connect at {bad_response.value}: {show_error(err)}")
                except DriverError:
                    pass
                else:
                    if answer:
                        wrong.append(f"connect accepts {bad_response.value}")
        for bad_response in replay.answers:
            replay.bad_response = None
            async with _connected(context, replay) as client:
                await client.poll()
                replay.bad_response = bad_response
                try:
                    telemetry = await client.poll()
                except DriverFault as err:
                    wrong.append(
                        f"get_telemetry at {bad_response.value}: {show_error(err)}"
                    )
                except DriverError:
                    pass
                else:
                    if numbers := numbers_of(telemetry):
                        wrong.append(
                            f"get_telemetry makes figures of {bad_response.value}: {numbers}"
                        )
    require(not wrong, "\n".join(wrong))


async def _gone(context: MinerContext) -> None:
    """Pull the plug between two polls."""
    async with context.play() as replay:
        port = replay.port
        async with _connected(context, replay) as client:
            await client.poll()
            await replay.__aexit__(None, None, None)
            try:
                await client.poll()
            except DriverFault as err:
                msg = f"get_telemetry fails when the device is off\n{show_error(err)}"
                raise CheckFailed(msg) from err
            except DriverError:
                pass
            else:
                msg = "get_telemetry gives telemetry of a device that is off"
                raise CheckFailed(msg)
            again = Replay(context.require_session(), port, frozen=True)
            async with again:
                await client.poll()  # and continues when it is back


async def _read(driver: BaseMinerAdapter) -> None:
    await driver.get_telemetry()


async def _cancel(context: MinerContext) -> None:
    async with context.play() as replay, _connected(context, replay) as client:
        await client.poll()
        replay.bad_response = BadResponse.SILENT
        replay.was_requested.clear()
        # Past the client, which ends with its caller whatever the driver does
        assert client.driver is not None
        await cancel_and_wait(asyncio.create_task(_read(client.driver)), replay)
        replay.bad_response = None
        try:
            await client.poll()
        except DriverError as err:
            msg = f"After a cancelled poll, the next one fails: {show_error(err)}"
            raise CheckFailed(msg) from err


async def _close(context: MinerContext) -> None:
    async with context.play() as replay:
        async with require_no_tasks(), shared_session() as session:
            driver = context.driver_class()
            driver.attach(_context(context, session))
            await driver.connect(replay.host, replay.port)
            await driver.get_telemetry()
            await driver.close()
            await driver.close()  # twice is not too often
            require(not session.closed, "close closes the session, which is shared")
            # After one that said no
            replay.bad_response = BadResponse.HTML
            other = context.driver_class()
            other.attach(_context(context, session))
            with suppress(DriverError):
                await other.connect(replay.host, replay.port)
            await other.close()
        await require_closed(replay)


async def _secrets(context: MinerContext) -> str:
    secrets = context.secrets
    if not secrets:
        raise CheckSkipped("The device tells nothing that is secret")
    with LogWatch("custom_components.hmm", context.driver_class.__module__) as log:
        async with (
            context.play() as replay,
            _bare(context, replay.host, replay.port) as driver,
        ):
            telemetry = read_telemetry(await driver.get_telemetry())
            for what, value in (
                ("repr of the telemetry", telemetry),
                ("repr of the driver", driver),
                ("repr of the facts", await driver.get_device_facts()),
                ("get_version_info", await driver.get_version_info()),
            ):
                require_no_secrets(secrets, what, repr(value))
            for bad_response in ANSWERS:
                replay.bad_response = bad_response
                try:
                    await driver.get_telemetry()
                except DriverError as err:
                    require_no_secrets(secrets, "An error", f"{err!r} {err}")
                # A fault is of another check, and HMM shows no text of it
                except Exception:  # noqa: BLE001, S112
                    continue
    require_no_secrets(secrets, "The log", "\n".join(log.lines))
    return f"{len(secrets)} secrets"


MINER_CHECKS: tuple[Check[BaseMinerAdapter], ...] = (
    Check("connects", "connect accepts its device", _connects),
    Check("wrong-device", "connect rejects all other devices", _wrong_device),
    Check("silent-device", "connect times out when nothing responds", _silent),
    Check("telemetry", "values have the right types and units", _telemetry),
    Check("equal-answers", "equal responses give equal telemetry", _equal),
    Check("nothing-invented", "a missing value is None, not 0", _nothing_invented),
    Check("one-request", "a poll is one request", _one_request),
    Check("modes", "modes are names, and the current one is among them", _modes),
    Check("unknown-mode", "set_mode rejects unknown modes", _unknown_mode),
    Check("odd-answers", "malformed responses raise a DriverError", _odd_answers),
    Check(
        "gone", "a device that is off raises an error, and works when it is back", _gone
    ),
    Check("cancel", "a poll can be canceled at any time", _cancel),
    Check("close", "close releases everything", _close),
    Check("secrets", "users, passwords and WiFi names are not shown", _secrets),
)
"""Those that a session is enough for."""

LIVE_MINER_CHECKS: tuple[Check[BaseMinerAdapter], ...] = (
    Check("set-mode", "the device reports the mode that was set", _set_mode),
    Check("pause", "pause and resume work", _pause),
)
"""Those that change the device, one after the other."""
