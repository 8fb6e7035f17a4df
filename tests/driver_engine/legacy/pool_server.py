"""A pool's web server whose figures are easy to work out in one's head."""

from typing import Any

from aiohttp import web

HASHRATE = 4e12
"""H/s of the user."""
DIFFICULTY = 5e8
SECONDS_TO_BLOCK = DIFFICULTY * 2**32 / HASHRATE
PERCENT = 100 * HASHRATE / (DIFFICULTY * 2**32 / 75)
"""Of DigiByte's network on SHA-256."""

_ACCOUNT = {
    "hashrate": HASHRATE,
    "currentHashrate": HASHRATE,
    "workers_online": 2,
    "workersOnline": 2,
    "network_difficulty": DIFFICULTY,
    "valid_shares": 90,
    "invalid_shares": 10,
    "workers": {
        "gamma": {"sharesValid": 60, "sharesInvalid": 4},
        "ultra": {"sharesValid": 30, "sharesInvalid": 6},
    },
}


class PoolServer:
    """Serves ``answers`` (path -> JSON or text), notes whom it was asked for."""

    def __init__(self) -> None:
        """Prepare."""
        self.port = 0
        self.asked: list[str] = []
        """Paths with their query."""
        self.headers: list[dict[str, str]] = []
        self.answers: dict[str, Any] = {
            "/health": {"status": "ok"},
            "/your-api-endpoint": {},
            "/stats": {
                "workers": 2,
                "network_difficulty": DIFFICULTY,
                "networkDifficulty": DIFFICULTY,
                "pool_hashrate": HASHRATE,
                "pool_hashrate_ths": HASHRATE / 1e12,
                "valid_shares": 90,
                "invalid_shares": 10,
                "blocks_24h": 1,
            },
            "/accounts/wallet": _ACCOUNT,
            "/users/wallet": '{"workers": 2}\n{"shares": 90}\n',
            "/snapshot/DGB": {
                "ok": True,
                "difficulty": DIFFICULTY,
                "hashrate_hs": HASHRATE,
                "workers": 2,
                "accepted": 90,
                "rejected": 10,
                "reject_percent": 10.0,
            },
            "/blocks": {
                "blocks": [
                    {"height": 3, "hash": "00cd", "timestamp": 1770000000},
                    {"height": None, "timestamp": None, "confirmed": True},
                ]
            },
        }
        self.answers["/snapshot/BTC"] = self.answers["/snapshot/DGB"]
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Return the address of its API."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listen."""
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Listen no more."""
        assert self._runner is not None
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path_qs)
        self.headers.append(dict(request.headers))
        answer = self.answers.get(request.path)
        if answer is None:
            return web.Response(status=404)
        if isinstance(answer, str):
            return web.Response(text=answer)
        return web.json_response(answer)
