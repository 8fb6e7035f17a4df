"""A driver file that changes what everyone uses is named, and is not used."""

import asyncio
import json
import logging
from pathlib import Path
from textwrap import dedent

import aiohttp
import pytest

from custom_components.hmm.driver_api import BaseMinerAdapter
from custom_components.hmm.driver_engine import preflight
from custom_components.hmm.driver_engine.loaded import LoadedDrivers
from custom_components.hmm.driver_engine.loader import load_drivers

pytestmark = pytest.mark.trial

MINER = dedent('''\
    """A miner."""

    import asyncio, builtins, functools, gc, json, logging, os, signal, socket, ssl, sys

    import aiohttp

    import custom_components.hmm.driver_api as api


    class Acme(api.BaseMinerAdapter):
        driver_type = "acme"

        async def connect(self, ip, port=None):
            return True

        async def get_telemetry(self):
            return {}

        async def get_pool_info(self):
            return {}

        async def set_mode(self, mode):
            return True

        async def restart(self):
            return True


    def mine(*args, **values):
        return None


    ''')
LINE = MINER.count("\n") + 1


CHANGES = (
    (
        "aiohttp.ClientSession._request = mine",
        "aiohttp.client.ClientSession._reque",
    ),
    ("aiohttp.ClientSession = Acme", "aiohttp.ClientSession"),
    ("asyncio.sleep = asyncio.wait", "asyncio.sleep"),
    ("builtins.open = mine", "builtins.open"),
    ("builtins.open = functools.partial(open)", "builtins.open"),
    ("del json.JSONDecoder.decode", "json.decoder.JSONDecoder.decode"),
    ("logging.Logger.info = mine", "logging.Logger.info"),
    ("sys.modules['json'] = asyncio", "json"),
    ("del sys.modules['aiohttp']", "aiohttp"),
    ("import importlib; importlib.reload(json)", "json.dump"),
    (
        "api.BaseMinerAdapter.pause = mine",
        "custom_components.hmm.driver_api.miner.",
    ),
    (
        "from custom_components.hmm.bundled.shared.axeos import AxeDriver as A; A.pause = mine",
        "custom_components.hmm.bundled.shared.axeos.AxeDriver.pause",
    ),
    ("import mailbox; mailbox.Mailbox.add = mine", "mailbox.Mailbox.add"),
    (
        "ssl._create_default_https_context = ssl._create_unverified_context",
        "ssl._create_default_https_context",
    ),
    ("sys.excepthook = mine", "sys.excepthook"),
    ("logging.disable(50)", "logging.disable"),
    ("logging.getLogger().setLevel(10)", "logging.root.level"),
    ("logging.basicConfig(force=True)", "logging.root.handlers"),
    ("logging.getLogger('aiohttp').disabled = True", "logging.Logger.disabled"),
    ("logging.setLogRecordFactory(mine)", "logging._logRecordFactory"),
    ("socket.setdefaulttimeout(1)", "socket.setdefaulttimeout"),
    ("sys.setrecursionlimit(10**6)", "sys.setrecursionlimit"),
    ("signal.signal(signal.SIGTERM, mine)", "signal.signal"),
    ("os.chdir('/')", "os.chdir"),
    ("os.umask(0)", "os.umask"),
    ("gc.disable()", "gc.disable"),
    ("sys.stdout = None", "sys.stdout"),
    ("sys.stdout.close()", "sys.stdout"),
    ("os.environ.clear()", "os.environ"),
    ("os.environ['PATH'] = '/nowhere'", "os.environ"),
    ("import time; os.environ['TZ'] = 'XYZ-9'; time.tzset()", "time.tzset"),
    (
        "import resource as r; r.setrlimit(r.RLIMIT_NOFILE, (99, 99))",
        "resource.setrlimit",
    ),
    ("gc.set_threshold(10**9)", "gc.set_threshold"),
    # What the trial itself needs
    ("builtins.len = print", "builtins.len"),
    ("builtins.isinstance = mine", "builtins.isinstance"),
    ("builtins.BaseException = mine", "builtins.BaseException"),
    ("del builtins.getattr", "builtins.getattr"),
    ("json.dumps = print", "json.dumps"),
    ("json._default_encoder = None", "json._default_encoder"),
    ("os._exit = os.write = mine", "os."),
    ("import contextlib; contextlib.suppress = mine", "contextlib.suppress"),
    ("import re; re.compile = re.escape = mine", "re.compile"),
    # A variable
    (
        "aiohttp.client.DEFAULT_TIMEOUT = aiohttp.ClientTimeout(total=1)",
        "aiohttp.client.DEFAULT_TIMEOUT",
    ),
    (
        "setattr(aiohttp.client, 'DEFAULT_TIMEOUT', 1)",
        "aiohttp.client.DEFAULT_TIMEOUT",
    ),
    # A module that nobody had loaded before
    ("import mailbox; mailbox.Mailbox.add = print", "mailbox.Mailbox.add"),
    ("import mailbox; mailbox.Mailbox.lock = None", "mailbox.Mailbox.lock"),
    (
        "import importlib; importlib.import_module('mailbox').Mailbox = dict",
        "mailbox.Mailbox",
    ),
    (
        "import homeassistant.helpers.template as t; t.render_complex = print",
        "homeassistant.helpers.template.render_complex",
    ),
)
HARMLESS = (
    "logging.basicConfig(level=logging.DEBUG)",
    "logging.getLogger('asyncio').setLevel(logging.WARNING)",
    "sys.path.append('/nowhere')",
    "import xml.dom.minidom, sqlite3, http.server",
    "os.environ['ACME'] = '1'",
    "asyncio.acme = mine",
    "functools.singledispatch(mine).register(Acme, mine)",
    "import mimetypes; mimetypes.guess_type('a.txt')",
    "import random, uuid; random.seed(1); uuid.getnode()",
    "import homeassistant.helpers.template, homeassistant.util.dt",
    "Acme.DEFAULT_TIMEOUT = aiohttp.client.DEFAULT_TIMEOUT",
)
LINES = (*(patch for patch, _ in CHANGES), *HARMLESS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a driver file for each of these lines."""
    folder = tmp_path_factory.mktemp("drivers")
    for line in LINES:
        path = file_with(folder, line)
        source = MINER.replace('"acme"', f'"{path.stem}"')
        path.write_text(f"{source}{line}\n")
    return folder


@pytest.fixture(scope="module")
def loaded(folder: Path) -> LoadedDrivers:
    """Load all of them: each is tried in a process of its own."""
    return load_drivers(folder)


def file_with(folder: Path, line: str) -> Path:
    """Return the path of the file with that line; its driver has the name of the file."""
    return folder / f"acme{LINES.index(line)}_driver.py"


@pytest.mark.parametrize(("patch", "what"), CHANGES)
def test_a_file_that_changes_what_others_use(
    folder: Path, loaded: LoadedDrivers, patch: str, what: str
) -> None:
    """Given any such change, the file is named with it; nothing here is changed."""
    path = file_with(folder, patch)
    (failed,) = (item for item in loaded.failed if item.path == path)
    assert failed.reason.startswith(f"It changes {what}")
    assert failed.reason.endswith("when it is loaded, which others use as well")
    if what.rpartition(".")[2] in patch:
        assert failed.line is not None
    assert path.stem not in loaded.miners
    # It did harm: the same file is not tried once more
    assert any(
        item.harmful and failed.reason == item.reason for item in loaded.tried.values()
    )


def test_files_after_it_are_tried_as_well(tmp_path: Path) -> None:
    """Given a good file after a bad one, it is used."""
    (tmp_path / "a_driver.py").write_text(MINER + "json.loads = mine\n")
    (tmp_path / "b_driver.py").write_text(MINER)
    drivers = load_drivers(tmp_path)

    assert [failed.path.name for failed in drivers.failed] == ["a_driver.py"]
    assert drivers.miners["acme"].path.name == "b_driver.py"


@pytest.mark.parametrize("line", HARMLESS)
def test_what_harms_nobody_is_left_alone(
    folder: Path, loaded: LoadedDrivers, line: str
) -> None:
    """Given what beginners do, and what others cannot notice, the file is used."""
    assert loaded.miners[file_with(folder, line).stem].path == file_with(folder, line)
    assert len(loaded.failed) == len(CHANGES)


def test_what_it_changes_only_here_is_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a file that behaves where it is tried, it is caught where it runs."""
    sly = "\n".join(
        f"    {item}"
        for item in (
            "aiohttp.ClientSession._request = mine",
            "asyncio.sleep = mine",
            "json.loads = functools.partial(mine)",
            "api.BaseMinerAdapter.pause = property(mine)",
            "logging.Logger.info = mine",
        )
    )
    (tmp_path / "a_driver.py").write_text(
        f"{MINER}if 'pytest' in sys.modules:\n{sly}\n"
    )
    (tmp_path / "b_driver.py").write_text(MINER.replace('"acme"', '"other"'))
    before = (
        aiohttp.ClientSession._request,
        asyncio.sleep,
        json.loads,
        BaseMinerAdapter.pause,
        logging.Logger.info,
    )
    drivers = load_drivers(tmp_path)

    assert before == (
        aiohttp.ClientSession._request,
        asyncio.sleep,
        json.loads,
        BaseMinerAdapter.pause,
        logging.Logger.info,
    )
    (failed,) = drivers.failed
    assert failed.path.name == "a_driver.py"
    assert failed.reason.startswith("It changes ")
    assert drivers.miners.keys() >= {"other"}
    assert "acme" not in drivers.miners
    # Known now, so that it does not even run a second time
    monkeypatch.setattr(preflight, "_try", None)
    again = load_drivers(tmp_path, running=drivers)
    assert again.failed[0].reason.endswith("it was not tried again")
