"""The cgminer transport: framing, parsing and what it makes of bad servers."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
import json
import logging
from pathlib import Path
import socket
import time

import pytest

from custom_components.hmm.driver_api import BadAnswer, CannotConnect, InvalidValue
from custom_components.hmm.driver_api.transports import cgminer
from custom_components.hmm.driver_api.transports.cgminer import (
    CgminerAnswer,
    CgminerClient,
    NoReply,
    parse_answer,
)
from tests.listening import listening

FIXTURES = Path(__file__).parent.parent / "fixtures" / "avalon_nano"

type Reply = Callable[[dict[str, str]], bytes]


class Server:
    """Answers as a script says; one request per connection, then it closes."""

    def __init__(self, reply: Reply) -> None:
        """Answer with a function of the request."""
        self.reply = reply
        self.requests: list[dict[str, str]] = []
        self.segments: list[int] = []
        self.accepted: list[float] = []
        self.closed: list[float] = []
        self.port = 0
        self.open = 0
        self.most_open = 0

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Serve one connection."""
        self.accepted.append(time.monotonic())
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            request = json.loads(await reader.read(4095))
            self.requests.append(request)
            writer.write(self.reply(request))
            await writer.drain()
        except ConnectionError:
            pass
        finally:
            self.open -= 1
            self.closed.append(time.monotonic())
            writer.close()

    @property
    def commands(self) -> list[str]:
        """What was asked for."""
        return [request["command"] for request in self.requests]


@asynccontextmanager
async def serving(reply: Reply) -> AsyncGenerator[tuple[Server, CgminerClient]]:
    """Run a server and give a client of it."""
    server = Server(reply)
    async with listening(server.serve) as server.port:
        yield server, CgminerClient("127.0.0.1", server.port)


def status(letter: str = "S", code: int = 11, message: str = "Summary") -> str:
    """Write a STATUS section."""
    return (
        f'"STATUS":[{{"STATUS":"{letter}","When":1700000000,"Code":{code},'
        f'"Msg":"{message}","Description":"cgminer 4.11.1"}}]'
    )


def single(text: str) -> CgminerAnswer:
    """Parse what must be one answer."""
    answer = parse_answer(text.encode() + b"\0")
    assert isinstance(answer, CgminerAnswer)
    return answer


def test_a_captured_json_answer() -> None:
    """STATUS and sections come out; the NUL and blank lines do not matter."""
    answer = single((FIXTURES / "nano3s_25021401/version.json").read_text())
    assert (answer.letter, answer.code, answer.accepted) == ("S", 22, True)
    assert answer.when == 1775395661
    assert answer.first("VERSION")["MAC"] == "e0e1a93ef5a5"
    assert answer.first("NOTHING") == {}


def test_a_captured_joined_answer() -> None:
    """Joined commands come out by name."""
    raw = (FIXTURES / "nano3s_25021401/summary+version+stats.json").read_bytes()
    answers = parse_answer(raw + b"\0")
    assert isinstance(answers, dict)
    assert sorted(answers) == ["stats", "summary", "version"]
    assert answers["summary"].first("SUMMARY")["Elapsed"] == 393
    assert len(answers["stats"].sections["STATS"]) == 4


def test_a_captured_text_answer() -> None:
    """Text gives the same sections; a value may be a whole line of blanks."""
    answer = single((FIXTURES / "nano3_24071801/stats_worklevel1.txt").read_text())
    assert (answer.letter, answer.code) == ("S", 70)
    stats = answer.first("STATS")
    assert stats["ID"] == "AVANANO0"
    assert stats["Elapsed"] == "512933"
    assert "GHSspd[2630.98]" in stats["MM ID0"]
    assert stats["MM Count"] == "1"


def test_text_is_not_split_inside_brackets_nor_in_messages() -> None:
    """Commas in brackets and in messages belong to the value."""
    answer = single(
        "STATUS=E,When=1,Code=120,Msg=no, not now,Description=cgminer|"
        "STATS=0,MM ID0=SYSTEMSTATU[Work: In Work, Hash Board: 1] TMax[90],MM Count=1|"
    )
    assert answer.message == "no, not now"
    assert not answer.accepted
    assert answer.first("STATS") == {
        "STATS": "0",
        "MM ID0": "SYSTEMSTATU[Work: In Work, Hash Board: 1] TMax[90]",
        "MM Count": "1",
    }


def test_text_escapes_and_plural_sections() -> None:
    """A backslash keeps separators in a value; POOL entries become POOLS."""
    answer = single(
        "STATUS=S,Code=7,Msg=2 Pool(s)|POOL=0,URL=a:1,User=x\\,y\\|z|POOL=1,URL=b:2|"
    )
    assert answer.sections["POOLS"] == (
        {"POOL": "0", "URL": "a:1", "User": "x,y|z"},
        {"POOL": "1", "URL": "b:2"},
    )


def test_joined_text() -> None:
    """Text answers to joined commands follow their CMD."""
    answers = parse_answer(
        b"CMD=summary|STATUS=S,Code=11,Msg=Summary|SUMMARY,Elapsed=5|"
        b"CMD=nope|STATUS=E,Code=14,Msg=Invalid command|\0"
    )
    assert isinstance(answers, dict)
    assert answers["summary"].first("SUMMARY")["Elapsed"] == "5"
    assert not answers["nope"].accepted


def test_raw_newlines_and_bare_nan() -> None:
    """The JSON of the firmware is not always JSON."""
    answer = single(
        '{"STATUS":[{"STATUS":"S","Code":133,"Msg":"Pool set info: \npool 0"}],'
        '"SUMMARY":[{"MHS av":-nan,"MHS 5s":inf,"Elapsed":3}],"id":1}'
    )
    assert answer.message == "Pool set info: \npool 0"
    assert answer.first("SUMMARY") == {"MHS av": None, "MHS 5s": None, "Elapsed": 3}


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"<html>hello</html>", "web server"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "web server"),
        (b"\xff\xfe\x00garbage", "cgminer"),
        (b"[1, 2]", "cgminer"),
        (b'"text"', "cgminer"),
        (b"{}", "cgminer"),
        (b'{"STATUS":[]}', "cgminer"),
        (b'{"STATUS":[{"Code":1}]}', "cgminer"),
        (b'{"STATUS":7}', "cgminer"),
        (b'{"STATUS":[{"STATUS":"S","Code":11', "incomplete"),
        (b"STATUS=S,Code=70,Msg=CGMiner stats|STATS=0,Elapsed=43", "incomplete"),
        (b"CMD=summary|\0", "cgminer"),
        (b"{" * 100_000, "incomplete"),
    ],
)
def test_what_is_not_an_answer(raw: bytes, words: str) -> None:
    """Everything else is one kind of error, and never quoted."""
    with pytest.raises(BadAnswer, match=words):
        parse_answer(raw)


def test_repr_holds_no_content() -> None:
    """A reply to setpool repeats a password; an answer must be safe to print."""
    answer = single('{"STATUS":[{"STATUS":"S","Msg":"worker hunter2"}],"X":[{"a":1}]}')
    assert "hunter2" not in repr(answer)
    assert "'a'" not in repr(answer)


@pytest.mark.usefixtures("socket_enabled")
async def test_a_command_is_one_connection_and_one_segment() -> None:
    """Command and parameter arrive as JSON, the answer is parsed."""
    async with serving(lambda _: b"{" + status().encode() + b"}\0") as (server, client):
        answer = await client.command("switchpool", "1")
    assert server.requests == [{"command": "switchpool", "parameter": "1"}]
    assert answer.message == "Summary"


@pytest.mark.usefixtures("socket_enabled")
async def test_requests_queue_with_a_gap() -> None:
    """Never two connections at a time, and a pause between two."""
    async with serving(lambda _: b"{" + status().encode() + b"}\0") as (server, client):
        client.gap = 0.05
        await asyncio.gather(*(client.command("summary") for _ in range(3)))
    assert server.most_open == 1
    # The client starts its pause when it has closed, later than the server.
    pauses = [
        after - before
        for before, after in zip(server.accepted, server.accepted[1:], strict=False)
    ]
    assert all(pause >= 0.05 for pause in pauses)


@pytest.mark.usefixtures("socket_enabled")
async def test_one_refusal_is_a_slip() -> None:
    """A device that refuses joined commands once gets them joined the next time."""
    refusals = 1

    def reply(request: dict[str, str]) -> bytes:
        nonlocal refusals
        if "+" not in request["command"]:
            return b"{" + status().encode() + b"}\0"
        if refusals:
            refusals -= 1
            return b"STATUS=E,When=1,Code=14,Msg=Invalid command,Description=x|\0"
        names = request["command"].split("+")
        return json.dumps(
            {name: [json.loads("{" + status() + "}")] for name in names}
        ).encode()

    async with serving(reply) as (server, client):
        client.gap = 0
        for _ in range(3):
            assert set(await client.read("summary", "stats")) == {"summary", "stats"}
    assert server.commands == [
        "summary+stats",
        "summary",
        "stats",
        "summary+stats",
        "summary+stats",
    ]


@pytest.mark.usefixtures("socket_enabled")
async def test_a_device_without_joined_commands() -> None:
    """It gets them one by one, and is offered joined ones again after a while."""

    def reply(request: dict[str, str]) -> bytes:
        if "+" in request["command"]:
            return b"STATUS=E,When=1,Code=14,Msg=Invalid command,Description=x|\0"
        if request["command"] == "litestats":
            return b"{" + status("E", 14, "Invalid command").encode() + b"}\0"
        return b"{" + status().encode() + b"}\0"

    async with serving(reply) as (server, client):
        client.gap = 0
        client.rejoin_seconds = 0.5
        assert list(await client.read("summary", "litestats")) == ["summary"]
        await client.read("summary", "stats")
        assert not client.joins
        server.requests.clear()
        for _ in range(2):
            await client.read("summary", "stats")
        assert server.commands == ["summary", "stats"] * 2
        await asyncio.sleep(0.5)
        server.requests.clear()
        await client.read("summary", "stats")
        assert server.commands == ["summary+stats", "summary", "stats"]
        assert not client.joins


@pytest.mark.usefixtures("socket_enabled")
async def test_a_broken_join_is_no_refusal() -> None:
    """Garbage or half an answer says nothing about joined commands."""
    answers = [b'{"summary":[{', b'{"summary":[{' + status().encode() + b"}]}\0"]
    async with serving(lambda _: answers.pop(0)) as (_, client):
        client.gap = 0
        with pytest.raises(BadAnswer):
            await client.read("summary", "stats")
        assert client.joins
        assert list(await client.read("summary", "stats")) == ["summary"]


@pytest.mark.usefixtures("socket_enabled")
async def test_a_lone_command_in_joined_form() -> None:
    """The wrapper of a joined answer is accepted, another's answer is not."""
    reply = b'{"summary":[{' + status().encode() + b"}]}\0"
    async with serving(lambda _: reply) as (_, client):
        client.gap = 0
        assert (await client.command("summary")).accepted
        with pytest.raises(BadAnswer):
            await client.command("version")


@pytest.mark.usefixtures("socket_enabled")
async def test_nothing_listens() -> None:
    """A refused connection is CannotConnect."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(CannotConnect):
            await CgminerClient("127.0.0.1", unused.getsockname()[1]).command("version")


@pytest.mark.usefixtures("socket_enabled")
async def test_a_server_that_does_not_close() -> None:
    """Given a firmware that waits for another question, the NUL ends its answer."""
    release = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4095)
        writer.write(b"{" + status().encode())
        await writer.drain()
        writer.write(b"}\0")
        await release.wait()
        writer.close()

    async with listening(serve) as port:
        client = CgminerClient("127.0.0.1", port)
        assert (await client.command("summary")).message == "Summary"
        release.set()


@pytest.mark.usefixtures("socket_enabled")
async def test_a_silent_server_ends_in_time() -> None:
    """The time for an answer is bounded."""
    release = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await release.wait()
        writer.close()

    async with listening(serve) as port:
        client = CgminerClient("127.0.0.1", port)
        client.answer_timeout = 0.1
        with pytest.raises(CannotConnect, match="in time"):
            await client.command("version")
        release.set()


@pytest.mark.usefixtures("socket_enabled")
async def test_closing_without_a_word() -> None:
    """No byte at all is its own error: some commands end so."""
    async with serving(lambda _: b"") as (_, client):
        with pytest.raises(NoReply):
            await client.command("ascset", "0,reboot,0")


@pytest.mark.usefixtures("socket_enabled")
async def test_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a request nor an answer may be endless."""
    monkeypatch.setattr(cgminer, "MAX_ANSWER", 1000)
    async with serving(lambda _: b"x" * 200_000) as (server, client):
        with pytest.raises(BadAnswer, match="too long"):
            await client.command("version")
        with pytest.raises(InvalidValue):
            await client.command("setpool", "x" * 4095)
    assert len(server.requests) == 1


@pytest.mark.usefixtures("socket_enabled")
async def test_nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Passwords go through here in both directions."""
    caplog.set_level(logging.DEBUG)
    answer = b'{"STATUS":[{"STATUS":"S","Code":133,"Msg":"is hunter2"}]}\0'
    async with serving(lambda _: answer) as (_, client):
        await client.command("setpool", "root,hunter2,0,a:1,b,hunter2")
    async with serving(lambda _: b"hunter2 <broken") as (_, client):
        with pytest.raises(BadAnswer) as caught:
            await client.command("setpool", "root,hunter2,0,a:1,b,hunter2")
    assert "hunter2" not in caplog.text + str(caught.value)
