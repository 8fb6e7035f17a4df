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
    Bench,
    Check,
    Doubtful,
    Failed,
    LogWatch,
    NotApplicable,
    all_hung_up,
    lent_session,
    look_for_secrets,
    lost,
    need,
    need_equal,
    no_tasks_left,
    stop,
)
from .figures import implausible, numbers_of
from .inventions import Alter, find_inventions
from .replay import ANSWERS, Odd, Replay
from .show import show_error
from .strangers import STRANGERS, Stranger

type MinerBench = Bench[BaseMinerAdapter]

CUSTOM = "custom"
NO_MODE = "no-such-mode"
CONNECT_SECONDS = 20
"""What HMM gives a driver to connect and for a poll."""


@asynccontextmanager
async def _client(
    bench: MinerBench, host: str, port: int
) -> AsyncIterator[MinerClient]:
    """Lend a client of a device, not yet connected; it is closed at the end."""
    async with lent_session() as session:
        client = MinerClient(bench.driver_class, _context(bench, session), host, port)
        try:
            yield client
        finally:
            await client.close()


def _context(bench: MinerBench, session: aiohttp.ClientSession) -> DriverContext:
    return DriverContext(session=session, options=bench.options)


@asynccontextmanager
async def _connected(bench: MinerBench, replay: Replay) -> AsyncIterator[MinerClient]:
    async with _client(bench, replay.host, replay.port) as client:
        need(await client.connect(), "connect rejects its own device")
        yield client


@asynccontextmanager
async def _any_device(bench: MinerBench) -> AsyncIterator[tuple[str, int]]:
    """Give the address of the device as it was recorded, else of the live one."""
    if bench.session.exchanges or bench.address is None:
        async with bench.play() as replay:
            yield replay.host, replay.port
    else:
        yield bench.address


@asynccontextmanager
async def _bare(
    bench: MinerBench, host: str, port: int
) -> AsyncIterator[BaseMinerAdapter]:
    """Lend the driver itself, connected; nothing stands between it and a check."""
    async with lent_session() as session:
        driver = bench.driver_class()
        driver.attach(_context(bench, session))
        try:
            need(await driver.connect(host, port), "connect rejects its own device")
            yield driver
        finally:
            await driver.close()


async def _connects(bench: MinerBench) -> str:
    async with (
        _any_device(bench) as (host, port),
        _client(bench, host, port) as client,
    ):
        need(await client.connect(), "connect rejects its own device")
        facts = await client.poll()
    device = facts.device
    return f"{device.model} {device.firmware}" if device else ""


async def _wrong_device(bench: MinerBench) -> None:
    for kind in STRANGERS:
        async with (
            Stranger(kind) as stranger,
            _client(bench, stranger.host, stranger.port) as client,
        ):
            try:
                answer = await client.connect()
            except DriverFault as err:
                msg = f"connect fails at {kind.name}\n{show_error(err)}"
                raise Failed(msg) from err
            except DriverError:
                continue
            need(not answer, f"connect accepts {kind.name}")
            need(
                not isinstance(answer, str),
                f"connect returns {answer!r} instead of True or False",
            )


async def _silent(bench: MinerBench) -> None:
    async with bench.play() as replay:
        replay.odd = Odd.SILENT
        async with lent_session() as session:
            driver = bench.driver_class()
            driver.attach(_context(bench, session))
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    need(
                        not await driver.connect(replay.host, replay.port),
                        "connect accepts a device that never answers",
                    )
            except DriverError:
                pass
            except TimeoutError as err:
                msg = (
                    f"connect waits for more than {CONNECT_SECONDS} s. Give each request"
                    " a time limit; HttpClient and CgminerClient have one"
                )
                raise Failed(msg) from err
            finally:
                await driver.close()
        need(replay.requests, "connect rejects it without a request")


async def _telemetry(bench: MinerBench) -> str:
    async with (
        _any_device(bench) as (host, port),
        _bare(bench, host, port) as driver,
    ):
        answer = await driver.get_telemetry()
        facts = await driver.get_device_facts()
        if (telemetry := read_telemetry(answer)) is None:
            msg = f"get_telemetry returns {type(answer).__name__}"
            raise Failed(msg)
        wrong = [
            *lost(answer, telemetry),
            *implausible(telemetry, driver.hashrate_unit),
        ]
        need(not wrong, "\n".join(wrong))
        need(
            telemetry.hashrate is not None or telemetry.hashing is not None,
            "It tells neither a hashrate nor whether the miner works",
        )
        profile = read_profile(driver, facts, telemetry, None)
    return f"{len(profile.telemetry)} figures"


async def _equal(bench: MinerBench) -> None:
    async with bench.play() as replay, _connected(bench, replay) as client:
        await client.poll()  # the first one may ask more than the others
        first, second = await client.poll(), await client.poll()
        need_equal(first, second)


async def _one_request(bench: MinerBench) -> str:
    async with bench.play() as replay, _connected(bench, replay) as client:
        await client.poll()
        asked: Counter[str] = Counter()
        for _ in range(3):
            replay.asked.clear()
            await client.poll()
            asked |= replay.asked
        twice = [question for question, count in asked.items() if count > 1]
        need(not twice, f"A poll asks for the same more than once: {', '.join(twice)}")
        if len(asked) > 1:
            msg = (
                f"A poll takes {len(asked)} requests: {', '.join(asked)}. What does not"
                " change belongs into connect; the rest is right if the device tells it"
                " in no other way"
            )
            raise Doubtful(msg)
    return "one request" if asked else "no request at all"


async def _nothing_invented(bench: MinerBench) -> str:
    """Take away one key of the answers after the other."""
    async with bench.play() as replay, _connected(bench, replay) as client:
        await client.poll()  # the first one may ask more than the others

        async def poll(alter: Alter | None) -> MinerTelemetry:
            replay.alter = alter
            return await client.poll()

        return await find_inventions(bench.need_session(), poll)


async def _modes(bench: MinerBench) -> str:
    async with (
        _any_device(bench) as (host, port),
        _bare(bench, host, port) as driver,
    ):
        telemetry = read_telemetry(await driver.get_telemetry())
        modes = driver.get_supported_modes()
    need(isinstance(modes, list), f"get_supported_modes returns {type(modes).__name__}")
    need(
        all(isinstance(mode, str) and mode.strip() for mode in modes),
        f"A mode is not a name: {modes}",
    )
    need(len(set(modes)) == len(modes), f"A mode is there twice: {modes}")
    need(CUSTOM not in modes, f"{CUSTOM!r} is what a device is tuned to by hand")
    need(telemetry is not None, "get_telemetry returns no telemetry")
    assert telemetry is not None
    need(
        telemetry.mode in (None, CUSTOM, *modes),
        f"The telemetry tells the mode {telemetry.mode!r}, which is not one of {modes}",
    )
    return ", ".join(modes) or "no modes"


async def _unknown_mode(bench: MinerBench) -> None:
    async with bench.play() as replay, _connected(bench, replay) as client:
        try:
            await client.set_mode(NO_MODE)
        except DriverFault as err:
            msg = f"set_mode fails with a mode that does not exist\n{show_error(err)}"
            raise Failed(msg) from err
        except DriverError:
            return
    msg = "set_mode accepts a mode that does not exist"
    raise Failed(msg)


async def _set_mode(bench: MinerBench) -> str:
    async with _live(bench) as client:
        telemetry = await client.poll()
        modes = client.read_profile(telemetry, None).modes
        if not modes:
            msg = "It has no modes"
            raise NotApplicable(msg)
        others = [mode for mode in modes if mode != telemetry.mode]
        back = [telemetry.mode] if telemetry.mode in modes else []
        for mode in (*others[:2], *back):
            assert mode is not None
            await client.set_mode(mode)
            reported = (await client.poll()).mode
            need(
                reported == mode,
                f"set_mode({mode!r}) returns True, but then the telemetry reports {reported!r}",
            )
    return ", ".join(modes)


async def _pause(bench: MinerBench) -> None:
    async with _live(bench) as client:
        telemetry = await client.poll()
        if not client.read_profile(telemetry, None).pause:
            msg = "It cannot be paused"
            raise NotApplicable(msg)
        for command, wanted in ((client.pause, True), (client.resume, False)):
            await command()
            reported = (await client.poll()).paused
            need(
                reported is wanted,
                f"{command.__name__} returns True, but then the telemetry reports"
                f" paused={reported}",
            )


@asynccontextmanager
async def _live(bench: MinerBench) -> AsyncIterator[MinerClient]:
    if bench.address is None:
        msg = "There is only a session of the device"
        raise NotApplicable(msg)
    if not bench.may_write:
        msg = "It changes the device; allow it with --write"
        raise NotApplicable(msg)
    async with _client(bench, *bench.address) as client:
        need(await client.connect(), "connect rejects its own device")
        yield client


async def _odd_answers(bench: MinerBench) -> None:
    wrong: list[str] = []
    async with bench.play() as replay:
        for odd in replay.answers:
            replay.odd = odd
            async with _client(bench, replay.host, replay.port) as client:
                try:
                    said = await client.connect()
                except DriverFault as err:
                    wrong.append(f"connect at {odd.value}: {show_error(err)}")
                except DriverError:
                    pass
                else:
                    if said:
                        wrong.append(f"connect accepts {odd.value}")
        for odd in replay.answers:
            replay.odd = None
            async with _connected(bench, replay) as client:
                await client.poll()
                replay.odd = odd
                try:
                    telemetry = await client.poll()
                except DriverFault as err:
                    wrong.append(f"get_telemetry at {odd.value}: {show_error(err)}")
                except DriverError:
                    pass
                else:
                    if found := numbers_of(telemetry):
                        wrong.append(
                            f"get_telemetry makes figures of {odd.value}: {found}"
                        )
    need(not wrong, "\n".join(wrong))


async def _gone(bench: MinerBench) -> None:
    """Pull the plug between two polls."""
    async with bench.play() as replay:
        port = replay.port
        async with _connected(bench, replay) as client:
            await client.poll()
            await replay.__aexit__(None, None, None)
            try:
                await client.poll()
            except DriverFault as err:
                msg = f"get_telemetry fails when the device is off\n{show_error(err)}"
                raise Failed(msg) from err
            except DriverError:
                pass
            else:
                msg = "get_telemetry gives telemetry of a device that is off"
                raise Failed(msg)
            again = Replay(bench.need_session(), port, frozen=True)
            async with again:
                await client.poll()  # and goes on when it is back


async def _read(driver: BaseMinerAdapter) -> None:
    await driver.get_telemetry()


async def _cancel(bench: MinerBench) -> None:
    async with bench.play() as replay, _connected(bench, replay) as client:
        await client.poll()
        replay.odd = Odd.SILENT
        replay.was_asked.clear()
        # Past the client, which ends with its caller whatever the driver does
        assert client.driver is not None
        await stop(asyncio.create_task(_read(client.driver)), replay)
        replay.odd = None
        try:
            await client.poll()
        except DriverError as err:
            msg = f"After a cancelled poll, the next one fails: {show_error(err)}"
            raise Failed(msg) from err


async def _close(bench: MinerBench) -> None:
    async with bench.play() as replay:
        async with no_tasks_left(), lent_session() as session:
            driver = bench.driver_class()
            driver.attach(_context(bench, session))
            await driver.connect(replay.host, replay.port)
            await driver.get_telemetry()
            await driver.close()
            await driver.close()  # twice is not too often
            need(not session.closed, "close closes the session, which is only lent")
            # After one that said no
            replay.odd = Odd.HTML
            other = bench.driver_class()
            other.attach(_context(bench, session))
            with suppress(DriverError):
                await other.connect(replay.host, replay.port)
            await other.close()
        await all_hung_up(replay)


async def _secrets(bench: MinerBench) -> str:
    secrets = bench.secrets
    if not secrets:
        msg = "The device tells nothing that is secret"
        raise NotApplicable(msg)
    with LogWatch("custom_components.hmm", bench.driver_class.__module__) as log:
        async with (
            bench.play() as replay,
            _bare(bench, replay.host, replay.port) as driver,
        ):
            telemetry = read_telemetry(await driver.get_telemetry())
            for what, said in (
                ("repr of the telemetry", telemetry),
                ("repr of the driver", driver),
                ("repr of the facts", await driver.get_device_facts()),
                ("get_version_info", await driver.get_version_info()),
            ):
                look_for_secrets(secrets, what, repr(said))
            for odd in ANSWERS:
                replay.odd = odd
                try:
                    await driver.get_telemetry()
                except DriverError as err:
                    look_for_secrets(secrets, "An error", f"{err!r} {err}")
                # A fault is of another check, and HMM shows no text of it
                except Exception:  # noqa: BLE001, S112
                    continue
    look_for_secrets(secrets, "The log", "\n".join(log.lines))
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
