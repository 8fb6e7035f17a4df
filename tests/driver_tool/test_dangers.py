"""What a file may do that harms is named, with its line and what to do."""

import ast
import hashlib
from pathlib import Path

import pytest

from custom_components.hmm.driver_engine.legacy import stock_hashes as stock
from driver_tool.dangers import find_dangers
from driver_tool.problem import Problem
from driver_tool.validate import validate

from .conftest import BUNDLED

NATIVE = "from custom_components.hmm.driver_api import BaseMinerAdapter\n"
LEGACY = "from adapters.base import MinerAdapter\n"

WALLETS = [
    "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
    "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
    "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a",
]


def dangers(
    code: str, head: str = NATIVE, name: str = "acme_driver.py"
) -> list[Problem]:
    """Return what is wrong with some lines, which begin at line 2."""
    source = head + code
    return list(find_dangers(ast.parse(source), source.encode(), Path(name)))


@pytest.mark.parametrize("head", [NATIVE, LEGACY])
@pytest.mark.parametrize(
    ("says", "code"),
    [
        ("time.sleep", "import time\ntime.sleep(1)"),
        ("time.sleep", "from time import sleep as nap\nnap(1)"),
        ("plain socket", "import socket as s\ns.create_connection(('a', 1))"),
        ("requests", "x = 1\nimport requests"),
        ("urllib.request", "x = 1\nfrom urllib import request"),
        ("loop without end", "x = 1\nwhile True: x += 1"),
        ("other programs", "import os\nos.system('reboot')"),
        ("other programs", "from subprocess import run as go\ngo(['ls'])"),
        ("other programs", "import asyncio\nasyncio.create_subprocess_shell('ls')"),
        ("runs code", "x = 1\nexec(x)"),
        ("runs code", "import pickle\npickle.loads(b'')"),
        ("runs code", "import ctypes\nctypes.CDLL('x')"),
        ("changes files", "import shutil\nshutil.rmtree('/config')"),
        ("changes files", "x = 'w'\nopen('f', 'w')"),
        ("changes files", "x = 1\nopen('f', mode='ab')"),
        ("changes files", "from pathlib import Path\nPath('f').write_text('x')"),
        ("ends or copies", "import sys\nsys.exit()"),
        ("ends the program", "x = 1\nraise KeyboardInterrupt"),
        ("ends the program", "x = 1\nraise GeneratorExit()"),
        ("setting of all", "import logging\nlogging.basicConfig(level=10)"),
        ("setting of all", "import logging\nlogging.getLogger().setLevel(10)"),
        ("setting of all", "import socket\nsocket.setdefaulttimeout(1)"),
        ("setting of all", "import sys\nsys.path.insert(0, '.')"),
        ("event loop", "import asyncio\nasyncio.run(f())"),
        ("event loop", "x = loop\nx.run_until_complete(f())"),
        ("starts a thread", "import threading\nthreading.Thread(target=f)"),
        ("starts a thread", "import asyncio\nasyncio.to_thread(f)"),
        ("other parts", "import aiohttp\naiohttp.ClientSession.get = None"),
        ("other parts", "from aiohttp import ClientSession\nClientSession.get = None"),
        ("other parts", "import builtins\nbuiltins.print = None"),
        ("other parts", "import logging\nsetattr(logging.Logger, 'info', None)"),
        ("other parts", "import sys\nsys.modules['json'] = None"),
        ("other parts", "import os\nos.environ['TZ'] = 'UTC'"),
        ("other parts", "import json\ndel json.loads"),
        ("other parts", "x = 1\n__builtins__['print'] = None"),
        ("other parts", "from unittest import mock\nmock.patch('a.b')"),
        ("every certificate", "x = s\nx.get('https://a', ssl=False)"),
        ("every certificate", "import ssl\nssl._create_unverified_context()"),
        ("every certificate", "import ssl\nx = ssl.CERT_NONE"),
        ("every certificate", "x = c\nx.check_hostname = False"),
        ("listens at a port", "import asyncio\nasyncio.start_server(f, port=1)"),
        ("catches everything", "try: x = 1\nexcept: pass"),
        ("catches everything", "try: x = 1\nexcept (ValueError, BaseException): pass"),
        ("catches everything", "import asyncio as a\ntry: x = 2\nexcept a.CancelledError: pass"),
        ("catches everything", "import contextlib as c\nc.suppress(BaseException)"),
        *(("wallet is written", f"x = 1\nWALLET = {wallet!r}") for wallet in WALLETS),
        ("password or key", "x = 1\nAPI_TOKEN = 'k2j3h4k2j3h4'"),
        ("password or key", "x = 1\nf(password='hunter2hunter2')"),
        ("password or key", "x = 1\ny = {'api_key': 'k2j3h4k2j3h4'}"),
        ("password or key", "x = 1\ny = 'http://me:hunter2@192.168.1.2/'"),
        ("ignore: only the frequency",
         "U = '/api/system'\nasync def set_mode(s, m): await s.patch(U, json={'voltage': 1})"),
    ],
)  # fmt: skip
def test_a_danger_is_named(head: str, says: str, code: str) -> None:
    """Whatever it is written for, and however, it is said in which line."""
    result = [danger for danger in dangers(code, head) if says in danger.text]
    assert [item.level for item in result] == ["warning"]
    assert result[0].advice
    is_last = 1 + len(code.splitlines())
    assert result[0].line in (is_last, 3)


@pytest.mark.parametrize(
    "code",
    [
        "import asyncio\nasync def f(): await asyncio.sleep(1)",
        "async def f():\n  while True:\n    await g()",
        "import logging\nlogging.getLogger(__name__).setLevel(10)",
        "x = {}\nx['os'] = 1\nx.y = 2",
        "code = x\ncode.strip()\nre = 1",
        "import re\nre.compile('x')",
        "open('f')\nopen('f', 'rb')",
        "try:\n  x = 1\nexcept BaseException:\n  close()\n  raise",
        "from contextlib import suppress\nsuppress(ValueError)",
        "raise ValueError",
        "option_fields = ('admin_password',)\nname = 'admin_password'",
        "x = {'api_key': {'title': 'API key'}, 'title': 'The key of the pool'}",
        "password = 'x'\ntoken = 'your-token-here'\nAPI_TOKEN = ''",
        "x = 'bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdx'",  # a wrong checksum
        "x = 'http://example/'",
        "async def f(self):\n async with self.context.session.get('x') as r: pass",
    ],
)
def test_what_is_harmless_is_not(code: str) -> None:
    """Given what looks nearly so, nothing is said."""
    assert dangers(code) == []


@pytest.mark.parametrize(
    "code",
    [
        "async def f(self):\n async with self.context.session as s: pass",
        "async def f(self):\n await self.context.session.close()",
        "async def f(self):\n s = self.context.session\n await s.close()",
        "async def f(self):\n self.s = self.context.session\n async with self.s: pass",
        "async def close(self):\n await self.session.close()",
    ],
)
def test_a_session_that_is_closed_is_named(code: str) -> None:
    """Under whatever name it goes, the session of all miners is not to be closed."""
    (problem,) = dangers(code)
    assert "closes the session" in problem.text
    # One of its own it must close
    own = code.replace("self.context.session", "aiohttp.ClientSession()")
    if "self.session" not in code:
        assert dangers(own) == []
    assert dangers(f"self.session = aiohttp.ClientSession()\n{own}") == []


def test_blocking_is_told_as_it_is() -> None:
    """Given a file of HMM-Local, it stops its own thread alone, and HMM counts."""
    code = "import time\ntime.sleep(1)"
    (native,) = dangers(code)
    (old,) = dangers(code, LEGACY)
    assert native.text == "time.sleep stops all of Home Assistant while it waits"
    assert native.advice == "Use `await asyncio.sleep(...)`."
    assert old.text == "time.sleep stops the thread of the driver while it waits"
    assert "three calls" in old.advice


def test_a_file_of_hmm_local_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its dangers are in the report, and whether it came with HMM-Local unchanged."""
    path = tmp_path / "solopool_driver.py"
    path.write_text(
        "import time\n"
        "from integrations.base_pool import BasePoolIntegration\n\n\n"
        "class Solopool(BasePoolIntegration):\n"
        "    pool_type = 'solopool'\n\n"
        "    async def detect(self, url, port):\n"
        "        time.sleep(1)\n"
        "        return False\n"
    )
    sums = frozenset({hashlib.sha256(path.read_bytes()).hexdigest()})
    monkeypatch.setattr(stock, "checksums", lambda: sums)
    report = validate(path)
    assert report.is_usable
    result = {problem.text: problem.line for problem in report.problems}
    assert result["time.sleep stops the thread of the driver while it waits"] == 9
    assert any(text.startswith("It came with HMM-Local") for text in result)


@pytest.mark.parametrize(
    "path", sorted(BUNDLED.rglob("*.py")), ids=lambda item: item.stem
)
def test_there_is_none_in_the_bundled_drivers(path: Path) -> None:
    """Given HMM's own files, no danger is seen in any."""
    source = path.read_bytes()
    assert list(find_dangers(ast.parse(source), source, path)) == []
