"""A session as a file: what was said comes back byte for byte."""

import json
from pathlib import Path

import pytest

from driver_tool import ToolError
from driver_tool.session import (
    Exchange,
    HttpExchange,
    Session,
    TcpExchange,
    read_session,
)

BODIES = (
    b'{"hashRate":1068.3,"temps":[1,2.50,null],"name":"Mieze \xc3\xa4"}',
    b'{"STATUS":[{"STATUS":"S"}]}\0',
    b'[{"a":1}]\r\n',
    b"STATUS=S,When=1|\0",
    b"<html></html>",
    b"plain \xff\xfe bytes",
    b"",
    b"17",
    b'{"power":NaN}',
    b'{"broken":',
    b'{"hostname":"cut \\ud83d"}',
)


@pytest.mark.parametrize("body", BODIES)
def test_bytes_come_back(tmp_path: Path, body: bytes) -> None:
    """Given any answer, the file holds what a driver reads from it."""
    exchanges: tuple[Exchange, ...] = (
        HttpExchange(
            method="POST",
            target="/api?x=1",
            sent=body,
            status=201,
            headers={"content-type": "application/json"},
            received=body,
        ),
        HttpExchange(method="GET", target="/", status=200, received=body),
        TcpExchange(sent=b"version", received=body),
    )
    path = tmp_path / "session.json"
    path.write_text(Session(driver_type="acme", exchanges=exchanges).dump())
    again = read_session(path)
    assert again.driver_type == "acme"
    for before, after in zip(exchanges, again.exchanges, strict=True):
        assert type(before) is type(after)
        assert after.sent == before.sent
        if _is_json(body):
            ends = len(body) - len(body.rstrip(b"\0\r\n "))
            assert json.loads(after.received.rstrip(b"\0\r\n ")) == json.loads(
                body.rstrip(b"\0\r\n ")
            )
            assert (
                after.received[len(after.received) - ends :] == body[len(body) - ends :]
            )
        else:
            assert after == before


def _is_json(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body.rstrip(b"\0\r\n ")), dict | list)
    except ValueError:
        return False


def test_json_stands_in_the_file_as_json() -> None:
    """Given an answer in JSON, a person can read and edit it."""
    exchange = TcpExchange(sent=b'{"command":"version"}', received=b'{"a":1}\0')
    content = json.loads(Session(driver_type="x", exchanges=(exchange,)).dump())
    assert content["exchanges"] == [
        {
            "sent": {"text": '{"command":"version"}'},
            "received": {"json": {"a": 1}, "end": "\0"},
        }
    ]


HEAD = '{"format": "hmm-driver-session", "version": '
BAD_BASE64 = '[{"sent": {"base64": "?"}, "received": {"text": ""}}]'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("no json", "is not JSON"),
        ("[]", "is no session"),
        ('{"format": "other"}', "is no session"),
        ("[" * 200_000, "is not JSON"),
        ("[1, 2", "is not JSON"),
        (HEAD + "2}", "is of version 2"),
        (HEAD + "1}", "cannot be read"),
        (HEAD + '1, "driver": "x", "exchanges": ["?"]}', "cannot be read"),
        (HEAD + f'1, "driver": "x", "exchanges": {BAD_BASE64}}}', "cannot be read"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    """Given a file that is no session, the message says why."""
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(ToolError, match=reason):
        read_session(path)


def test_a_session_shows_no_body_in_its_repr() -> None:
    """Given answers that may hold secrets, a log line of a session has none."""
    exchange = HttpExchange(method="GET", target="/", status=200, received=b"secret")
    session = Session(
        driver_type="x", exchanges=(exchange, TcpExchange(sent=b"secret", received=b""))
    )
    assert "secret" not in repr(session)
