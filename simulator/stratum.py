"""The port that miners connect to: enough of stratum to keep them on the line."""

import asyncio
import json
from typing import Any, ClassVar, override

from .device import TcpDevice

VERSION_MASK = "1fffe000"
LONGEST_LINE = 16_384
"""Bytes; no miner sends that much at once."""

METHOD_NOT_FOUND = [-3, "Method not found", None]


class SimulatedStratum(TcpDevice):
    """A pool's stratum port that gives no work.

    Miners may subscribe, configure, authorise and suggest a difficulty; they are
    kept connected and hear no `mining.notify`. What it does not know gets an error.
    Whoever sends a line that is not a JSON object, as a web browser does, is cut off.

    Attributes for tests: `unauthorized` (how many were cut off), `users` (who
    authorised, in turn), `difficulty` (what a new miner gets; a suggestion
    changes it for that miner alone), `refuse` (authorize none),
    `open_connections`; a connection that sends nothing is not counted.
    """

    kind: ClassVar[str] = "stratum"

    def __init__(
        self, *, name: str = "stratum", difficulty: float = 42.0, **options: Any
    ) -> None:
        """Make a port; the options are those of SimulatedDevice."""
        super().__init__(name=name, **options)
        self.difficulty = difficulty
        self.refuse = False
        self.unauthorized = 0
        self.users: list[str] = []
        self._sessions = 0

    @override
    def state(self) -> dict[str, Any]:
        """How it stands; adds who is there: miners, users, rejected connections."""
        return super().state() | {
            "miners": self.open_connections,
            "users": list(self.users),
            "unauthorized": self.unauthorized,
        }

    @override
    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            try:
                line = await reader.readline()
            except ValueError:
                self.unauthorized += 1
                return
            if not line.endswith(b"\n"):
                return  # it hung up
            self._touch(writer)
            request = _request(line)
            if request is None:
                self.unauthorized += 1
                return
            self.counters.count(str(request.get("method")))
            answer = "".join(
                f"{json.dumps(reply)}\n" for reply in self._answers(request)
            )
            if not await self._deliver(writer, answer.encode()):
                return

    def _answers(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        """Give the reply, and what follows it unasked."""
        params = request.get("params")
        if not isinstance(params, list):
            params = []
        result: Any = True
        error: list[Any] | None = None
        unasked: list[dict[str, Any]] = []
        match request.get("method"):
            case "mining.subscribe":
                self._sessions += 1
                session = f"{self._sessions:08x}"
                # Subscriptions, extranonce1, bytes of extranonce2.
                result = [[["mining.notify", session]], session, 8]
            case "mining.configure":
                result = _configured(params)
            case "mining.authorize":
                if self.refuse:
                    result = False
                else:
                    self.users.append(str(params[0]) if params else "")
                    unasked.append(_set_difficulty(self.difficulty))
            case "mining.suggest_difficulty":
                wish = params[0] if params else None
                if isinstance(wish, int | float) and wish > 0:
                    unasked.append(_set_difficulty(wish))
            case _:
                result, error = None, METHOD_NOT_FOUND
        return [{"id": request.get("id"), "result": result, "error": error}, *unasked]


def _request(line: bytes) -> dict[str, Any] | None:
    """Read one line; None: whoever sent it is no miner."""
    if len(line) > LONGEST_LINE:
        return None
    try:
        request = json.loads(line)
    except ValueError, RecursionError:
        return None
    return request if isinstance(request, dict) else None


def _configured(params: list[Any]) -> dict[str, Any]:
    """Answer BIP 310: version rolling is there, other extensions are not."""
    wishes = params[0] if params and isinstance(params[0], list) else []
    result: dict[str, Any] = {}
    for wish in wishes:
        if wish == "version-rolling":
            result["version-rolling"] = True
            result["version-rolling.mask"] = VERSION_MASK
        elif isinstance(wish, str):
            result[wish] = False
    return result


def _set_difficulty(difficulty: float) -> dict[str, Any]:
    return {"id": None, "method": "mining.set_difficulty", "params": [difficulty]}
