"""Each check of the suite finds the drivers that it is there to find."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
import re

import pytest

from custom_components.hmm.driver_api import BaseMinerAdapter, MinerTelemetry
from driver_tool import conformance, miner_checks
from driver_tool.conformance import Check, CheckContext, Outcome, Result, run_checks
from driver_tool.example import SimulatedExampleMiner
from driver_tool.figures import implausible
from driver_tool.files import one_miner
from driver_tool.miner_checks import LIVE_MINER_CHECKS, MINER_CHECKS
from driver_tool.replay import ANSWERS, BadResponse, Replay
from driver_tool.session import Session, TcpExchange

from .conftest import MINER as TEMPLATE

pytestmark = pytest.mark.usefixtures("socket_enabled")

CHECKS: dict[str, Check[BaseMinerAdapter]] = {
    check.id: check for check in (*MINER_CHECKS, *LIVE_MINER_CHECKS)
}


@dataclass(frozen=True)
class Bad:
    """The template with a part replaced, and what the check says of it."""

    check: str
    old: str
    new: str
    says: str


POLL = "        status = self._status = await self._read()\n"
BAD = (
    Bad(
        "connects",
        "        self._status = status\n        return True",
        "        return False",
        "rejects its own device",
    ),
    Bad(
        "wrong-device",
        '    return status.get("maker") == "Example" and status.get("model") == "Example One"',
        "    return True",
        "accepts a device with a JSON API",
    ),
    Bad(
        "wrong-device",
        "        if not _is_example_one(status):\n            return False\n",
        '        if status["maker"] != "Example":\n            return False\n',
        "KeyError: 'maker'",
    ),
    Bad(
        "silent-device",
        "port or self.default_port)",
        "port or self.default_port, timeout=600)",
        "waits for more than",
    ),
    Bad(
        "silent-device",
        '        status = await self._http.get_json("/api/status")\n        # Look',
        "        return False\n        # Look",
        "without a request",
    ),
    Bad(
        "wrong-device",
        '    return status.get("maker") == "Example" and status.get("model") == "Example One"',
        "    return 'maybe'",
        "accepts",
    ),
    Bad(
        "silent-device",
        '        status = await self._http.get_json("/api/status")\n        # Look',
        "        return True\n        # Look",
        "accepts a device that never answers",
    ),
    Bad("telemetry", "power / 1000", "power", "W; divide mW by 1000"),
    Bad("telemetry", "hashrate * GIGA", "hashrate", "do not fit to"),
    Bad(
        "telemetry",
        'mode=parse_text(status.get("mode"))',
        'mode="x", response_time="fast"',
        "response_time is text",
    ),
    Bad(
        "telemetry",
        "return MinerTelemetry(\n",
        "return dict(ghs=1.0, hashrate=1e12)\n        return MinerTelemetry(\n",
        "There is no field 'ghs'",
    ),
    Bad(
        "telemetry",
        "return MinerTelemetry(\n",
        "return None\n        return MinerTelemetry(\n",
        "returns NoneType",
    ),
    Bad(
        "telemetry",
        "return MinerTelemetry(\n",
        "return MinerTelemetry(power=5.0)\n        return MinerTelemetry(\n",
        "neither a hashrate",
    ),
    Bad(
        "equal-answers",
        'uptime=parse_count(status.get("uptime"))',
        'uptime=__import__("time").monotonic_ns() % 10**9',
        "uptime:",
    ),
    Bad(
        "nothing-invented",
        'hashrate = parse_number(status.get("hashrate_ghs"))',
        'hashrate = parse_number(status.get("hashrate_ghs")) or 0',
        "when hashrate_ghs is missing: hashrate is 0",
    ),
    Bad(
        "nothing-invented",
        'paused = parse_bool(status.get("paused"))',
        'paused = status.get("paused") is True',
        "when paused is missing: paused is False",
    ),
    Bad(
        "nothing-invented",
        'fan = _section(status, "fan")',
        'fan = {"rpm": status["fan"]["rpm"] + 0}',
        "KeyError: 'rpm'",
    ),
    Bad("one-request", POLL, POLL + POLL, "more than once: GET /api/status"),
    Bad(
        "modes",
        'modes = self._status.get("modes")',
        'modes = ["quiet", "quiet"]',
        "is there twice",
    ),
    Bad(
        "modes",
        'modes = self._status.get("modes")',
        'modes = ["eco"]',
        "which is not one of ['eco']",
    ),
    Bad(
        "modes",
        'modes = self._status.get("modes")',
        'modes = ["balanced", "custom"]',
        "'custom' is what",
    ),
    Bad(
        "modes",
        'modes = self._status.get("modes")',
        'return ("balanced",)',
        "returns tuple",
    ),
    Bad(
        "unknown-mode",
        "        if mode not in self.get_supported_modes():",
        "        return True\n        if mode not in self.get_supported_modes():",
        "accepts a mode",
    ),
    Bad(
        "unknown-mode",
        "        if mode not in self.get_supported_modes():",
        "        {}[mode]\n        if mode not in self.get_supported_modes():",
        "KeyError: 'no-such-mode'",
    ),
    Bad(
        "odd-answers",
        POLL,
        POLL.replace("self._read()", "self._any()"),
        "makes figures of a web page",
    ),
    Bad(
        "odd-answers",
        POLL,
        '        reply = await self._client.request("GET", "/api/status")\n        status = __import__("json").loads(reply.text)\n',
        "JSONDecodeError",
    ),
    Bad(
        "odd-answers",
        "        if not _is_example_one(status):\n            return False\n",
        "",
        "connect accepts",
    ),
    Bad(
        "gone",
        POLL,
        POLL.replace("self._read()", "self._any()"),
        "telemetry of a device that is off",
    ),
    Bad(
        "gone",
        POLL,
        POLL.replace("self._read()", "self._once()"),
        "It was lost once",
    ),
    Bad(
        "cancel",
        POLL,
        POLL.replace("self._read()", "self._stubborn()"),
        "CancelledError",
    ),
    Bad("cancel", POLL, POLL.replace("self._read()", "self._forever()"), "goes on"),
    Bad(
        "cancel",
        POLL,
        POLL.replace("self._read()", "self._once()"),
        "After a cancelled poll, the next one fails",
    ),
    Bad(
        "close",
        "        self._status = status\n        return True",
        "        self._status = status\n        self.task = __import__('asyncio').create_task(__import__('asyncio').sleep(900))\n        return True",
        "leaves tasks running",
    ),
    Bad(
        "close",
        "        self._status = status\n        return True",
        "        self._status = status\n        self.other = await __import__('asyncio').open_connection(ip, port)\n        return True",
        "connections open",
    ),
    Bad(
        "close",
        "        self._http = None\n\n    # --- requests",
        "        del self._http\n\n    # --- requests",
        "AttributeError",
    ),
    Bad(
        "close",
        "        self._http = None\n\n    # --- requests",
        "        await self.context.session.close()\n\n    # --- requests",
        "closes the session",
    ),
    Bad(
        "secrets",
        "    def __init__(self) -> None:",
        "    def __repr__(self) -> str:\n        return f'<{self._status}>'\n\n    def __init__(self) -> None:",
        "repr of the driver",
    ),
    Bad(
        "secrets",
        POLL,
        POLL
        + "        __import__('logging').getLogger(__name__).debug('%s', status)\n",
        "The log shows",
    ),
    Bad(
        "secrets",
        'return {"firmware": firmware} if firmware else {}',
        'return {"pool": self._status["pool"]["user"]}',
        "get_version_info shows",
    ),
    Bad(
        "set-mode",
        '        await self._post("/api/mode", {"mode": mode})\n        reported = (await self._read()).get("mode")\n',
        "        reported = mode\n",
        "but then the telemetry reports 'balanced'",
    ),
    Bad(
        "pause",
        '        await self._post("/api/pause", {"paused": paused})\n        return parse_bool((await self._read()).get("paused")) is paused',
        "        return True",
        "paused=False",
    ),
)
MORE = '''
    async def _any(self) -> Mapping[str, Any]:
        """Return what was read before when nothing comes."""
        try:
            return await self._read()
        except Exception:
            return self._status

    async def _once(self) -> Mapping[str, Any]:
        """Never find back once a poll was lost."""
        if getattr(self, "lost", False):
            raise CannotConnect("It was lost once")
        self.lost = True
        status = await self._read()
        self.lost = False
        return status

    async def _stubborn(self) -> Mapping[str, Any]:
        import asyncio
        try:
            return await self._read()
        except asyncio.CancelledError:
            return self._status

    async def _forever(self) -> Mapping[str, Any]:
        import asyncio
        for _ in range(1000):
            try:
                return await self._read()
            except asyncio.CancelledError:
                pass

    @property
    def _client('''


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Return what writes the template with a part replaced."""

    def write(old: str, new: str) -> Path:
        text = TEMPLATE.read_text(encoding="utf-8")
        assert old in text
        text = text.replace(old, new).replace("\n    @property\n    def _client(", MORE)
        path = tmp_path / "bad_driver.py"
        path.write_text(text, encoding="utf-8")
        return path

    return write


async def check(
    path: Path, check_id: str, session: Session, device: SimulatedExampleMiner | None
) -> Result:
    """Run one check of a driver in a file."""
    context = CheckContext(
        driver_class=one_miner(str(path)),
        session=session,
        address=(device.host, device.port) if device else None,
        may_write=True,
    )
    (result,) = await run_checks(context, [CHECKS[check_id]])
    return result


@pytest.mark.parametrize(
    "bad", BAD, ids=lambda bad: f"{bad.check}: {re.sub(r'[^a-zA-Z ]', '', bad.says)}"
)
async def test_a_bad_driver_is_found(
    bad: Bad,
    miner_session: Session,
    write: Callable[[str, str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given a driver with one mistake, its check fails and says why."""
    monkeypatch.setattr(miner_checks, "CONNECT_SECONDS", 1)
    monkeypatch.setattr(conformance, "CANCEL_SECONDS", 0.5)
    monkeypatch.setattr(conformance, "LEFT_SECONDS", 0.2)
    path = write(bad.old, bad.new)
    async with SimulatedExampleMiner() as device:
        result = await check(path, bad.check, miner_session, device)
    assert result.outcome is Outcome.FAILED
    assert bad.says in result.detail


def test_every_check_has_a_driver_that_fails_it() -> None:
    """Given all checks, each one is proved with a driver that is bad in its way."""
    assert {bad.check for bad in BAD} == set(CHECKS)


async def test_two_requests_are_a_doubt(
    miner_session: Session, write: Callable[[str, str], Path]
) -> None:
    """Given a poll of two different requests, it may be that there is no other way."""
    path = write(POLL, POLL + '        await self._http.request("GET", "/api/other")\n')
    result = await check(path, "one-request", miner_session, None)
    assert result.outcome is Outcome.WARNING
    assert "A poll takes 2 requests: GET /api/status, GET /api/other" in result.detail


async def test_a_device_without_json_is_of_no_other_shape() -> None:
    """Given a device that answers with text, the driver is not asked to refuse it."""
    text = TcpExchange(sent=b"stats", received=b"STATUS=S,GHS=17|\0")
    replay = Replay(Session(driver_type="x", exchanges=(text,)))
    assert set(ANSWERS) - set(replay.answers) == {BadResponse.NESTED}


@pytest.mark.parametrize(("unit", "is_right"), [("TH/s", False), ("kH/s", True)])
def test_slow_and_hot_is_right_for_some(unit: str, is_right: bool) -> None:
    """Given 17 W for 1,070 H/s, that is GH/s, unless the driver is of slow miners."""
    wrong = list(implausible(MinerTelemetry(hashrate=1070, power=17), unit))
    assert (wrong == []) is is_right


async def test_a_mode_that_the_device_ignores_is_found(miner_session: Session) -> None:
    """Given a device that answers OK and does nothing, set-mode tells so."""
    async with SimulatedExampleMiner() as device:
        routes = device.routes()
        device._routes = {**routes, "POST /api/mode": routes["POST /api/identify"]}
        result = await check(TEMPLATE, "set-mode", miner_session, device)
    assert result.outcome is Outcome.FAILED
    assert "The miner stays in mode balanced" in result.detail


async def test_a_session_alone_tests_nothing_that_is_written(
    miner_session: Session,
) -> None:
    """Given no device, what would change it is not applicable."""
    result = await check(TEMPLATE, "set-mode", miner_session, None)
    assert result.outcome is Outcome.NOT_APPLICABLE
    assert "only a session" in result.detail


async def test_a_real_device_is_not_changed_unasked(miner_session: Session) -> None:
    """Given no permission, a live device keeps its mode."""
    async with SimulatedExampleMiner() as device:
        device.counters.reset()
        context = CheckContext(
            driver_class=one_miner(str(TEMPLATE)),
            session=miner_session,
            address=(device.host, device.port),
        )
        results = await run_checks(context, LIVE_MINER_CHECKS)
        assert not device.counters.requests
    assert {result.outcome for result in results} == {Outcome.NOT_APPLICABLE}


async def test_a_driver_that_raises_anything_spoils_no_other_check(
    miner_session: Session, write: Callable[[str, str], Path]
) -> None:
    """Given a driver whose repr fails, the others of its checks still pass."""
    path = write(
        "    def __init__(self) -> None:",
        "    def __repr__(self) -> str:\n        raise SystemExit(3)\n\n"
        "    def __init__(self) -> None:",
    )
    context = CheckContext(driver_class=one_miner(str(path)), session=miner_session)
    results = await run_checks(context, [CHECKS["secrets"], CHECKS["telemetry"]])
    assert [result.outcome for result in results] == [Outcome.FAILED, Outcome.PASSED]
    assert "SystemExit: 3" in results[0].detail
