"""A Whatsminer of the second API: tokens, encrypted commands, and hardly a word while off.

The answers have the form that an M30S+ with firmware 20230911 gives.
"""

import asyncio
import base64
import contextlib
import hashlib
import json
import secrets
from types import TracebackType
from typing import Any, Self

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

PORT = 4028
_SALT = "BQ5hoXV9"
_BOARDS = range(3)
_DIGITS = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class FakeWhatsminer:
    """An M30S+ on an address of its own, as its port cannot be chosen."""

    def __init__(self) -> None:
        """Begin mining."""
        self.host = f"127.{1 + secrets.randbelow(254)}.{secrets.randbelow(255)}.9"
        self.off = False
        """Whether its mining software was stopped; it answers all that is of it."""
        self.room = 25.5
        self.written: list[str] = []
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        """Switch it on."""
        self._server = await asyncio.start_server(self._serve, self.host, PORT)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Switch it off."""
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError, ValueError):
            request = json.loads(await reader.read(4096))
            answer = self._secret(request) if "enc" in request else self._read(request)
            writer.write(json.dumps(answer).encode() + b"\0")
            await writer.drain()
        writer.close()

    def _secret(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do what an encrypted command says."""
        key = hashlib.sha256(_crypted("admin", _SALT).encode()).digest()
        # The firmware has no other mode
        cipher = Cipher(algorithms.AES(key), modes.ECB())
        reader, writer = cipher.decryptor(), cipher.encryptor()
        text = reader.update(base64.b64decode(request["data"])).rstrip(b"\0")
        command = json.loads(text)["command"]
        self.written.append(command)
        self.off = {"power_off": True, "power_on": False}.get(command, self.off)
        done = json.dumps(_message("API command OK")).encode()
        done += bytes(-len(done) % 16)
        return {"enc": base64.b64encode(writer.update(done)).decode()}

    def _read(self, request: dict[str, Any]) -> dict[str, Any]:
        command = request["command"]
        if command in ("summary", "devs", "pools") and not self.off:
            rows = getattr(self, f"_{command}")()
            return {"STATUS": [{"STATUS": "S", "Msg": ""}], command.upper(): rows}
        if command == "devdetails":
            rows = [{"Model": "M30S+_VE40", "Driver": "bitmicro"} for _ in _BOARDS]
            status = {"STATUS": "S", "Description": "btminer", "Msg": "BTMINER"}
            return {"STATUS": [status], "DEVDETAILS": rows}
        message = {
            "get_token": {"time": "5626", "salt": _SALT, "newsalt": "jbzkfQls"},
            "get_version": {"api_ver": "2.0.5", "fw_ver": "20230911.12.Rel"},
            "get_miner_info": {"mac": "C4:11:22:33:44:55", "ledstat": "auto"},
            "status": {"mineroff": str(self.off).lower()},
            "get_error_code": {"error_code": []},
        }.get(command)
        return _message(message) if message else _message("invalid cmd", "E")

    def _summary(self) -> list[dict[str, Any]]:
        return [
            {
                "Elapsed": 50_000,
                "HS RT": 101_234_567.89,
                "Factory GHS": 100_000,
                "Fan Speed In": 4800,
                "Fan Speed Out": 4900,
                "Power": 3345,
                "Power Limit": 3400,
                "Env Temp": self.room,
            }
        ]

    def _devs(self) -> list[dict[str, Any]]:
        return [
            {
                "MHS av": 33_000_000.5,
                "Factory GHS": 33_333,
                "Temperature": 71.5 + board,
                "Chip Temp Min": 60.0,
                "Chip Temp Max": 88.5 + board,
                "Effective Chips": 148,
                "Frequency": 601.5,
            }
            for board in _BOARDS
        ]

    def _pools(self) -> list[dict[str, Any]]:
        return [
            {
                "URL": "stratum+tcp://eu1.solopool.org:8004",
                "User": "dgb1qexample.m30",
                "Status": "Alive",
                "Stratum Active": True,
                "Accepted": 1000,
                "Rejected": 3,
            }
        ]


def _message(content: Any, status: str = "S") -> dict[str, Any]:
    return {"STATUS": status, "When": 1_796_000_000, "Code": 131, "Msg": content}


def _crypted(password: str, salt: str) -> str:
    """Return a password as crypt(3) makes it of MD5, without the salt in front."""
    word, seed = password.encode(), salt.encode()
    final = hashlib.md5(word + seed + word).digest()
    text = word + b"$1$" + seed + (final * len(word))[: len(word)]
    length = len(word)
    while length:
        text += b"\0" if length & 1 else word[:1]
        length >>= 1
    final = hashlib.md5(text).digest()
    for turn in range(1000):
        text = word if turn & 1 else final
        text += seed if turn % 3 else b""
        text += word if turn % 7 else b""
        final = hashlib.md5(text + (final if turn & 1 else word)).digest()
    groups = [(0, 6, 12), (1, 7, 13), (2, 8, 14), (3, 9, 15), (4, 10, 5), (11,)]
    result = ""
    for group in groups:
        number = int.from_bytes(bytes(final[place] for place in group))
        for _ in range(4 if len(group) == 3 else 2):
            result += _DIGITS[number & 63]
            number >>= 6
    return result
