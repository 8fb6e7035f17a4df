"""Two readings compared, and recorded answers found again: without any process."""

import json
import socket
from typing import Any

import pytest

from custom_components.hmm.driver_api import MinerTelemetry, PoolSlot
from custom_components.hmm.driver_api.transports.recording import (
    MAX_ANSWERS,
    MAX_BYTES,
    Answer,
    Recording,
)
from custom_components.hmm.driver_engine.candidate import reason_of_answer
from custom_components.hmm.driver_engine.comparison import Comparison, readable, shown
from custom_components.hmm.driver_engine.replay import Replay, _commands


def test_each_field_by_its_worst_poll() -> None:
    """What is lost once is lost; a rounding is no difference."""
    it = Comparison()
    it.note({"power": 1.0, "fan_rpm": [1, 2]}, {"power": 1.0 + 1e-12, "fan_rpm": [1]})
    it.note({"power": 1.0, "fan_rpm": [1, 2]}, {"fan_rpm": [1, 2], "uptime": 3})
    kinds = {name: result.kind for name, result in it.fields.items()}
    assert kinds == {"power": "lost", "fan_rpm": "different", "uptime": "gained"}
    assert it.fields["fan_rpm"].candidate == "1"
    assert list(it.of_kind("lost")) == ["power"]


def test_a_candidate_makes_nothing_grow() -> None:
    """However many fields, errors and requests it invents."""
    it = Comparison()
    it.note({}, {str(number): number for number in range(10_000)})
    for number in range(1000):
        it.note_failure(str(number))
        it.note_missed([str(number)])
    assert not it.fields
    assert (len(it.errors), len(it.missed)) == (20, 20)
    assert it.polls == 1001


def test_names_and_accounts_are_not_shown() -> None:
    """They are compared, but only how many there are is shown."""
    pool = PoolSlot(index=0, url="pool.example:3333", user="bc1qsecret.axe")
    fields = readable(MinerTelemetry(power=18.25, pools=(pool,), paused=False))
    assert fields.keys() == {"power", "pools", "paused"}
    assert shown("pools", fields["pools"]) == "(1)"
    assert shown("account", "someone") == "…"
    assert shown("power", 18.25) == "18.25"
    assert shown("fan_rpm", [1.0, None]) == "1, –"
    assert shown("x", {"a": 1}) == "(1)"
    assert len(shown("mode", "x" * 1000)) == 60


def test_a_recording_is_bounded() -> None:
    """The oldest answers make room; the same request has one."""
    recording = Recording()
    for number in range(MAX_ANSWERS + 5):
        recording.note(f"GET {number}", Answer(b"x"))
        recording.note("GET same", Answer(b"y"))
    assert len(recording.answers) == MAX_ANSWERS
    recording.note("GET large", Answer(bytes(MAX_BYTES)))
    assert list(recording.answers) == ["GET large"]


@pytest.mark.parametrize(
    ("request_", "names"),
    [
        (b'{"command": "version"}', ["version"]),
        (b'{"command": "summary+estats"}\0', ["summary", "estats"]),
        (b"version", ["version"]),
        (b'{"command": "ascset", "parameter": "0,freq,1"}', ["ascset 0,freq,1"]),
        (b"[1]", ["[1]"]),
    ],
)
def test_what_a_request_asks(request_: bytes, names: list[str]) -> None:
    """JSON and text, one command or several; one that writes is named with its value."""
    assert _commands(request_) == names


def test_joined_commands_are_answered_from_their_parts() -> None:
    """Whatever the order; what was not asked is left out and noted."""
    replay = Replay()
    status = {"STATUS": [{"STATUS": "S"}]}
    joined = {"summary": [status | {"x": 1}], "estats": [status | {"y": 2}], "id": 1}
    replay.answers = {
        "tcp summary+estats": Answer(json.dumps(joined).encode() + b"\0"),
        "tcp version": Answer(json.dumps(status | {"z": 3}).encode() + b"\0"),
        "tcp odd": Answer(b"STATUS=S|"),
        "GET http://x/": Answer(b"", 200),
    }

    def asked(*names: str) -> Any:
        body = replay._joined(list(names))
        return None if body is None else json.loads(body.rstrip(b"\0"))

    assert asked("estats")["y"] == 2
    assert set(asked("version", "estats", "pools")) == {"version", "estats"}
    assert asked("ascset 0,freq,1") is None
    assert replay.missed == ["tcp pools", "tcp ascset 0,freq,1"]


@pytest.mark.parametrize(
    ("event", "args"),
    [
        ("socket.connect", (None, ("192.168.1.5", 80))),
        ("socket.connect", (None, "/run/docker.sock")),
        ("socket.sendto", (None, ("127.0.0.1", 4711))),
        ("socket.bind", (None, ("", 0))),
        ("socket.getaddrinfo", ("example.org", 80, 0, 0, 0)),
        ("open", ("/etc/passwd", "a", 0)),
        ("open", ("/etc/passwd", None, 1)),
        ("os.remove", ("x", -1)),
        ("subprocess.Popen", ("true", [], None, None)),
        ("ctypes.dlopen", ("libc",)),
    ],
)
def test_what_a_candidate_may_not_do(event: str, args: tuple[Any, ...]) -> None:
    """The network, writing, processes: refused and noted."""
    replay = Replay()
    replay._ports = {4711}
    with pytest.raises(OSError):
        replay._audit(event, args)
    assert len(replay.missed) == 1


def test_what_a_candidate_may_do() -> None:
    """Read files, and reach the answers that are there for it."""
    replay = Replay()
    replay._ports = {4711}
    replay._audit("socket.connect", (None, ("127.0.0.1", 4711)))
    replay._audit("socket.getaddrinfo", ("127.0.0.1", 4711, socket.AF_INET, 0, 0))
    replay._audit("open", ("x.py", "rb", 0))
    replay._audit("import", ("json",))
    assert replay.missed == []


@pytest.mark.parametrize("malformed", [None, [], ["x"], "x", ["no_response", 1], 7])
def test_a_reason_that_is_none(malformed: Any) -> None:
    """What a candidate's process says may be anything."""
    assert reason_of_answer(malformed) is None


def test_a_reason_of_a_pool() -> None:
    """Its key has another name in the translations."""
    reason = reason_of_answer(["key_missing", {}])
    assert reason is not None
    assert reason.key == "pool_key_missing"
