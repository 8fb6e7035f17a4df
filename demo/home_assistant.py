"""Home Assistant as a program, and as its user sees it: over its API."""

import asyncio
from pathlib import Path
from typing import Any, Self

import aiohttp

from .errors import DemoError
from .process import Program

START_SECONDS = 180
RESTART_STATUS = 100
"""How Home Assistant ends when it was asked to restart."""


class HomeAssistant:
    """A Home Assistant on 127.0.0.1, and a session of its owner.

    `python` is the interpreter of the environment it is installed in, `folder` its
    config folder (see config_folder.py), `log` gets what it prints.
    """

    def __init__(self, python: Path, folder: Path, port: int, log: Path) -> None:
        """Prepare."""
        self.url = f"http://127.0.0.1:{port}"
        self._folder = folder
        self.program = Program(
            "Home Assistant",
            [
                *(python, "-m", "homeassistant"),
                *("--config", folder, "--skip-pip", "--log-no-color"),
            ],
            log,
        )

    async def start(self) -> None:
        """Start it and wait until it answers. Raises DemoError."""
        await self.program.start(self._folder)
        async with aiohttp.ClientSession() as session:
            await self._until(self._answers, session)

    async def wait_until_running(self, client: Client) -> None:
        """Wait until everything in it has started. Raises DemoError."""
        await self._until(client.is_running)

    async def stop(self) -> None:
        """Stop it, which lets it write what it knows."""
        await self.program.stop()

    async def _answers(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(f"{self.url}/manifest.json") as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False

    async def _until(self, condition: Any, *arguments: Any) -> None:
        try:
            async with asyncio.timeout(START_SECONDS):
                while not await condition(*arguments):
                    if self.program.returncode is not None:
                        raise self.program.ended()
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise DemoError(
                f"Home Assistant has not started within {START_SECONDS} s."
                f"\nWhat it says is in {self.program.log}"
            ) from None


class Client:
    """The API of a Home Assistant, as its owner.

    async with Client(url) as client:
        await client.log_in()
    """

    def __init__(self, url: str) -> None:
        """Prepare."""
        self._url = url
        self._client_id = f"{url}/"
        self._session = aiohttp.ClientSession(
            base_url=url, timeout=aiohttp.ClientTimeout(total=120)
        )
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._commands = 0

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(self, *error: object) -> None:
        """Hang up."""
        if self._socket is not None:
            await self._socket.close()
        await self._session.close()

    async def create_owner(self, name: str, username: str, password: str) -> bool:
        """Do the first step of the onboarding; False if there is an owner."""
        async with self._session.post(
            "/api/onboarding/users",
            json={
                "name": name,
                "username": username,
                "password": password,
                "client_id": self._client_id,
                "language": "en",
            },
        ) as response:
            # Once every step is done the address is gone
            if response.status in (403, 404):
                return False
            response.raise_for_status()
            return True

    async def log_in(self) -> None:
        """Get in without a password, as a browser on this machine does."""
        flow = await self.post(
            "/auth/login_flow",
            {
                "client_id": self._client_id,
                "handler": ["trusted_networks", None],
                "redirect_uri": self._client_id,
            },
        )
        if flow["type"] != "create_entry":
            raise DemoError(
                "Home Assistant lets nobody in without a password:"
                " it has more than one user.\nTo begin afresh: script/demo --fresh"
            )
        token = (await self.exchange(flow["result"]))["access_token"]
        self._session.headers["Authorization"] = f"Bearer {token}"
        self._socket = await self._session.ws_connect("/api/websocket")
        await self._socket.receive_json()
        await self._socket.send_json({"type": "auth", "access_token": token})
        await self._socket.receive_json()

    async def exchange(self, code: str) -> dict[str, Any]:
        """Return the tokens for what a login has given."""
        async with self._session.post(
            "/auth/token",
            data={
                "grant_type": "authorization_code",
                "code": code,
                "client_id": self._client_id,
            },
        ) as response:
            response.raise_for_status()
            tokens: dict[str, Any] = await response.json()
            return tokens

    async def is_running(self) -> bool:
        """Return whether everything has started."""
        config: dict[str, Any] = await self.get("/api/config")
        return bool(config["state"] == "RUNNING")

    async def get(self, path: str) -> Any:
        """Return the answer of the REST API."""
        async with self._session.get(path) as response:
            response.raise_for_status()
            return await response.json()

    async def post(self, path: str, content: dict[str, Any]) -> Any:
        """Return the answer of the REST API to some content."""
        async with self._session.post(path, json=content) as response:
            if response.status == 400:
                raise DemoError(
                    f"Home Assistant refused {path}: {await response.text()}"
                )
            response.raise_for_status()
            return await response.json()

    async def command(self, command: str, **arguments: Any) -> Any:
        """Return the result of a command of the WebSocket API. Raises DemoError."""
        assert self._socket is not None
        self._commands += 1
        await self._socket.send_json(
            {"id": self._commands, "type": command, **arguments}
        )
        answer = await self._socket.receive_json()
        if not answer["success"]:
            raise DemoError(f"Home Assistant refused {command}: {answer['error']}")
        return answer["result"]
