"""What else answers on a network where miners are looked for."""

import asyncio
from typing import override

from simulator import cgminer
from simulator.device import TcpDevice
from simulator.httpd import Handler, HttpDevice, json_response


class Mailserver(TcpDevice):
    """A server that speaks first and understands no question."""

    def __init__(self) -> None:
        """Make one on a free port."""
        super().__init__(name="mailserver")

    @override
    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        while await reader.read(1024):
            writer.write(b"500 What?\r\n")
            await writer.drain()
            return


class Antminer(TcpDevice):
    """A miner with the cgminer API that is no Avalon."""

    def __init__(self) -> None:
        """Make one on a free port."""
        super().__init__(name="antminer")

    @override
    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        received = await reader.read(cgminer.RECV_BYTES)
        try:
            request = cgminer.parse(received)
            writer.write(cgminer.answer(request, self._run, 1_700_000_000))
        except cgminer.BadRequestError as err:
            reply = cgminer.show(err.reply, 1_700_000_000, is_json=True)
            writer.write(reply.encode() + b"\0")
        await writer.drain()

    @staticmethod
    def _run(command: str, parameter: str | None, joined: bool) -> cgminer.Reply:
        if command != "version":
            return cgminer.INVALID_COMMAND
        row = {"BMMiner": "2.0.0", "API": "3.1", "Type": "Antminer S9"}
        return cgminer.Reply(22, "BMMiner versions", "VERSION", (row,))


class Lamp(HttpDevice):
    """A lamp with an API of its own."""

    def __init__(self) -> None:
        """Make one on a free port."""
        super().__init__(name="lamp")

    @override
    def routes(self) -> dict[str, Handler]:
        return {"GET /lamp": lambda _: json_response({"on": True})}


class JsonOfAnotherKind(HttpDevice):
    """A device with the path of AxeOS and other things to say."""

    def __init__(self) -> None:
        """Make one on a free port."""
        super().__init__(name="other-json")

    @override
    def routes(self) -> dict[str, Handler]:
        return {"GET /api/system/info": lambda _: json_response({"uptime": 17})}
