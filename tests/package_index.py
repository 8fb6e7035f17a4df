"""A package index with small packages, for Home Assistant's own installer."""

import asyncio
import base64
from collections.abc import AsyncIterator
import contextlib
import hashlib
import io
from pathlib import Path
from typing import Self
import zipfile

from aiohttp import web
from homeassistant.core import HomeAssistant
import pytest


def wheel(name: str, version: str, code: str) -> bytes:
    """Return a real wheel with one module."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    files = {
        f"{module}.py": code,
        f"{info}/METADATA": (
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        ),
        f"{info}/WHEEL": (
            "Wheel-Version: 1.0\nGenerator: hmm\nRoot-Is-Purelib: true\n"
            "Tag: py3-none-any\n"
        ),
    }
    record = [
        f"{path},sha256={_sum(text.encode())},{len(text.encode())}"
        for path, text in files.items()
    ]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return buffer.getvalue()


def _sum(content: bytes) -> str:
    digest = hashlib.sha256(content).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


class PackageIndex:
    """Serves wheels over HTTP on 127.0.0.1, as PyPI's simple index does."""

    def __init__(self) -> None:
        """Begin empty and open."""
        self.requests: list[str] = []
        self.open = asyncio.Event()
        """Nothing is answered before this is set."""
        self.open.set()
        self._wheels: dict[str, dict[str, bytes]] = {}
        self._runner: web.AppRunner | None = None
        self.url = ""

    def put(self, name: str, version: str, code: str) -> None:
        """Publish a package with one module."""
        file = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
        self._wheels.setdefault(name, {})[file] = wheel(name, version, code)

    async def __aenter__(self) -> Self:
        """Listen on a free port."""
        app = web.Application()
        app.router.add_get("/simple/{name}/", self._list)
        app.router.add_get("/files/{name}/{file}", self._file)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}/simple"
        return self

    async def __aexit__(self, *_: object) -> None:
        """Hang up."""
        self.open.set()
        assert self._runner is not None
        await self._runner.cleanup()

    async def _list(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        self.requests.append(name)
        await self.open.wait()
        if name not in self._wheels:
            raise web.HTTPNotFound
        links = "".join(
            f'<a href="/files/{name}/{file}#sha256={hashlib.sha256(body).hexdigest()}">'
            f"{file}</a>"
            for file, body in self._wheels[name].items()
        )
        return web.Response(
            text=f"<!DOCTYPE html><html><body>{links}</body></html>",
            content_type="text/html",
        )

    async def _file(self, request: web.Request) -> web.Response:
        name, file = request.match_info["name"], request.match_info["file"]
        return web.Response(body=self._wheels[name][file])


@contextlib.asynccontextmanager
async def package_index(
    home: HomeAssistant, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[PackageIndex]:
    """Run an index that is the only one, and let packages go to <config>/deps.

    That is where they go if Home Assistant runs neither in a container nor in a
    virtual environment.
    """
    for name in ("is_virtual_env", "is_docker_env"):
        monkeypatch.setattr(f"homeassistant.util.package.{name}", lambda: False)
    monkeypatch.setattr(home.config, "skip_pip", False)
    monkeypatch.syspath_prepend(home.config.path("deps"))
    for name in ("UV_EXTRA_INDEX_URL", "UV_INDEX", "UV_INDEX_URL", "UV_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(folder / "uv"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with PackageIndex() as server:
        monkeypatch.setenv("UV_DEFAULT_INDEX", server.url)
        yield server
