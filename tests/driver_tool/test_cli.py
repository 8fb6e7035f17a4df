"""The commands as an author types them."""

import argparse
import asyncio
from collections.abc import Callable, Iterator
import contextlib
import logging
import os
from pathlib import Path
import signal
import socket
import subprocess
import sys

import pytest
import pytest_socket

from custom_components.hmm.bundled.miner_drivers.nmminer_driver import NMMinerDriver
from driver_tool import __main__ as start, cli, watchdog
from driver_tool.example import EXAMPLE_WALLET, SimulatedExampleMiner
from driver_tool.session import Session

from . import conftest
from .conftest import ROOT

MINER = str(conftest.MINER)
POOL = str(conftest.POOL)
ACCOUNT = ["--username", EXAMPLE_WALLET, "--set", "api_base=http://{address}/api"]

type Tool = Callable[..., tuple[int, str]]


@pytest.fixture
def tool(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    impatient: None,
) -> Iterator[Tool]:
    """Return what runs a command and gives its status and what it printed."""
    pytest_socket.enable_socket()
    monkeypatch.setattr(logging, "basicConfig", lambda **_: None)

    def run(*arguments: str) -> tuple[int, str]:
        status = cli.run(arguments)
        captured = capsys.readouterr()
        return status, captured.out + captured.err

    yield run
    # What asyncio.run leaves behind is not what other tests expect
    asyncio.set_event_loop(None)


def test_validate_tells_and_counts(tool: Tool, tmp_path: Path) -> None:
    """Given a good and a bad file, each is told, and the status is that of the bad."""
    good = tmp_path / "good_driver.py"
    good.write_bytes(Path(MINER).read_bytes())
    status, shown = tool("validate", str(good))
    assert status == 0
    assert "Example One 1.0.0 (miner/example_one)" in shown
    assert "HMM can load it" in shown
    bad = tmp_path / "bad_driver.py"
    bad.write_text(
        "REQUIREMENTS = ['x==1']\n"
        + Path(MINER)
        .read_text(encoding="utf-8")
        .replace("async def restart", "def restart")
    )
    status, shown = tool("validate", str(good), str(bad))
    assert status == 1
    assert f"{bad}:" in shown
    assert "error: restart must be async" in shown
    assert "HMM cannot use it" in shown
    assert "needs the package x==1" in shown


def test_probe_asks_every_driver(tool: Tool) -> None:
    """Given the example miner, only its own driver accepts it."""
    status, shown = tool("probe", "simulator:example-miner", "--driver", MINER)
    assert status == 0
    lines = {line.split()[0]: line for line in shown.splitlines()}
    assert "yes" in lines["example_one"]
    assert "Example One, 1.4.2" in lines["example_one"]
    assert "(yours)" in lines["example_one"]
    for other in ("bitaxe", "nerdqaxe", "avalon_nano", "nmminer"):
        assert " no " in lines[other]
    status, shown = tool("probe", "simulator:example-miner")
    assert status == 1


def test_probe_tells_a_fault(tool: Tool, tmp_path: Path) -> None:
    """Given a driver that fails, its line and the reason are shown."""
    path = tmp_path / "bad_driver.py"
    text = Path(MINER).read_text(encoding="utf-8")
    path.write_text(
        text.replace("        self._status = status\n", "        {}['power']\n", 1)
    )
    status, shown = tool("probe", "simulator:example-miner", "--driver", str(path))
    assert status == 1
    assert "FAULT" in shown
    assert "KeyError: 'power'" in shown
    assert "bad_driver.py:" in shown


def test_watch_shows_units(tool: Tool) -> None:
    """Given a poll, figures are shown with their units."""
    status, shown = tool(
        "watch", "simulator:example-miner", "--driver", MINER, "--once"
    )
    assert status == 0
    for figure in ("TH/s", " W\n", "°C", "MHz", "mV", "rpm", "days, "):
        assert figure in shown
    assert "modes: quiet, balanced, fast" in shown
    assert "can: pause, restart, identify, set_pool" in shown
    assert "unknown:" in shown


def test_watch_tells_why_there_is_nothing(tool: Tool, tmp_path: Path) -> None:
    """Given a closed port or a driver that fails, the reason is shown."""
    status, shown = tool("watch", "127.0.0.1:9", "--driver", MINER, "--once")
    assert status == 1
    assert "CannotConnect" in shown
    path = tmp_path / "bad_driver.py"
    text = Path(MINER).read_text(encoding="utf-8")
    path.write_text(
        text.replace(
            "        status = self._status = await self._read()\n",
            "        status = {}['power']\n",
        )
    )
    status, shown = tool(
        "watch", "simulator:example-miner", "--driver", str(path), "--once"
    )
    assert status == 1
    assert "KeyError: 'power'" in shown
    assert "status = {}['power']" in shown


def test_watch_marks_what_has_changed(
    tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given several polls, what differs from the one before has a star."""
    polls = 0
    sleep = asyncio.sleep

    async def rest(seconds: float) -> None:
        nonlocal polls
        if seconds != 7:
            await sleep(seconds)
            return
        polls += 1
        if polls == 2:
            raise KeyboardInterrupt
        await sleep(1.1)  # until the uptime is another one

    monkeypatch.setattr(asyncio, "sleep", rest)
    status, shown = tool(
        "watch", "simulator:example-miner", "--driver", MINER, "--interval", "7"
    )
    assert (status, polls) == (130, 2)
    first, second = shown.split("answered in")[1:]
    assert "* " not in first
    assert " uptime * " in " ".join(second.split())
    assert " core_voltage 1150 mV" in " ".join(second.split())


def test_pool_shows_tiles(tool: Tool) -> None:
    """Given an account, its tiles are shown with their units."""
    status, shown = tool("pool", POOL, "simulator:example-pool", *ACCOUNT)
    assert status == 0
    assert "1.8 TH/s" in shown
    assert "garage 1.2 TH/s" in shown
    assert " years" in shown


def test_pool_tells_why_there_is_nothing(tool: Tool) -> None:
    """Given a pool that does not answer, or no coin, the reason is shown."""
    base = "api_base=http://127.0.0.1:9/api"
    status, shown = tool("pool", POOL, "--username", EXAMPLE_WALLET, "--set", base)
    assert status == 1
    assert "cannot be reached" in shown
    status, shown = tool("pool", "solopool", "--username", "x")
    assert status == 2
    assert "Which coin? --coin DGB or" in shown
    status, shown = tool("pool", "solopool", "--coin", "XYZ", "--username", "x")
    assert status == 1
    assert "InvalidValue" in shown


def test_a_session_is_recorded_replayed_and_tested(tool: Tool, tmp_path: Path) -> None:
    """Given a miner once, its session does for everything else."""
    path = tmp_path / "session.json"
    status, shown = tool(
        "record", "simulator:example-miner", "--driver", MINER, "-o", str(path)
    )
    assert status == 0
    assert "4 exchanges" in shown
    assert "GET /api/status -> 200" in shown
    text = path.read_text(encoding="utf-8")
    assert "bc1qex.garage" not in text
    assert "24:58:7C" not in text
    status, shown = tool("replay", str(path), "--driver", MINER)
    assert status == 0
    assert "TH/s" in shown
    status, shown = tool("conformance", MINER, "--against", str(path))
    assert status == 0
    assert "14 passed, 0 failed, 2 not applicable" in shown
    assert "There is only a session of the device" in shown


def test_a_pool_is_recorded_and_replayed(tool: Tool, tmp_path: Path) -> None:
    """Given a pool once, its session has no account, and the driver reads it."""
    path = tmp_path / "session.json"
    status, _ = tool(
        "record", "simulator:example-pool", "--driver", POOL, "-o", str(path), *ACCOUNT
    )
    assert status == 0
    text = path.read_text(encoding="utf-8")
    assert EXAMPLE_WALLET not in text
    masked = text.partition("/account/")[2].partition('"')[0]
    assert masked.startswith("bc1q")
    status, shown = tool(
        "replay",
        str(path),
        "--driver",
        POOL,
        "--username",
        masked,
        "--set",
        ACCOUNT[-1],
    )
    assert status == 0
    assert "1.8 TH/s" in shown


def test_a_pool_that_is_not_asked_is_told(tool: Tool, tmp_path: Path) -> None:
    """Given no address in the settings, the message says what to do."""
    there = ["--username", EXAMPLE_WALLET, "--set", "api_base=http://127.0.0.1:9"]
    output = str(tmp_path / "session.json")
    status, shown = tool(
        "record", "simulator:example-pool", "--driver", POOL, "-o", output, *there
    )
    assert status == 2
    assert "Nothing was recorded" in shown
    assert "{address}" in shown
    status, shown = tool(
        "conformance", POOL, "--against", "simulator:example-pool", *there
    )
    assert status == 2
    assert "--set api_base=http://{address}/api" in shown


def test_conformance_fails_with_a_bad_driver(tool: Tool, tmp_path: Path) -> None:
    """Given a driver with a mistake, the check and the reason are shown."""
    path = tmp_path / "bad_driver.py"
    text = Path(POOL).read_text(encoding="utf-8")
    path.write_text(
        text.replace('("pool.example", "eu.pool.example")', '("127.0.0.1",)')
    )
    status, shown = tool(
        "conformance", str(path), "--against", "simulator:example-pool", *ACCOUNT
    )
    assert status == 1
    assert "FAIL  detect" in shown
    assert "12 passed, 1 failed" in shown


def test_a_session_of_a_pool_needs_its_address(tool: Tool, tmp_path: Path) -> None:
    """Given a session and no setting, the real pool is not asked instead."""
    path = tmp_path / "session.json"
    path.write_text(Session(driver_type="example_pool", exchanges=()).dump())
    status, shown = tool("conformance", POOL, "--against", str(path))
    assert status == 2
    assert "--set api_base=http://{address}/api" in shown


@pytest.mark.parametrize(
    ("best", "shown"),
    [(0.0, "0.00k"), (3100.0, "3.10k"), (812.5e6, "812.50M"), (4.29e9, "4.29G")],
)
def test_the_example_shows_small_figures(best: float, shown: str) -> None:
    """Given a best share that is still small, it is not cut to 0."""
    device = SimulatedExampleMiner(age=0.0)
    device.miner._best_ever = best
    assert device.status()["best"] == shown


READ = "        status = await self._client.get_json"
WAITS = {
    "for its device": (
        """
        import json, urllib.request
        url = self._client.url + "api/status"
        status = json.load(urllib.request.urlopen(url))
""",
        "urllib.request.urlopen",
    ),
    "for a while": ("        __import__('time').sleep(2)\n", "sleep(2)"),
    "and catches everything": (
        """
        try:
            __import__('time').sleep(2)
        except:
            pass
""",
        "sleep(2)",
    ),
}


@pytest.mark.parametrize("command", ["conformance", "watch", "record"])
@pytest.mark.parametrize("waits", WAITS)
def test_a_driver_that_blocks_is_told(
    tool: Tool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    waits: str,
) -> None:
    """Given a driver that waits without await, its line is told and the command ends."""
    monkeypatch.setattr(watchdog, "LIMIT", 0.3)
    wait, line = WAITS[waits]
    text = Path(MINER).read_text(encoding="utf-8")
    assert READ in text
    path = tmp_path / "blocking_driver.py"
    path.write_text(text.replace(READ, wait + READ))
    target = "simulator:example-miner"
    arguments = {
        "conformance": [str(path), "--against", target],
        "watch": [target, "--driver", str(path)],
        "record": [target, "--driver", str(path), "-o", str(tmp_path / "x.json")],
    }
    before = signal.getsignal(signal.SIGUSR1)
    status, shown = tool(command, *arguments[command])
    assert status == 1
    assert "in _read blocks Home Assistant" in shown
    assert line in shown
    assert "blocking_driver.py:" in shown
    assert "Use HttpClient" in shown
    assert ("FAIL  blocking" in shown) is (command == "conformance")
    assert signal.getsignal(signal.SIGUSR1) is before


def test_a_pool_driver_that_blocks_is_told(
    tool: Tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a driver of a pool that sleeps, the command says so."""
    monkeypatch.setattr(watchdog, "LIMIT", 0.3)
    path = tmp_path / "blocking_driver.py"
    text = Path(POOL).read_text(encoding="utf-8")
    old = "        address = strip_worker"
    assert old in text
    path.write_text(
        text.replace(old, "        import time\n\n        time.sleep(2)\n" + old)
    )
    status, shown = tool("pool", str(path), "simulator:example-pool", *ACCOUNT)
    assert status == 1
    assert "in get_dashboard_data blocks Home Assistant" in shown


def test_a_wait_that_nothing_ends_ends_the_program(tmp_path: Path) -> None:
    """Given a driver that catches everything for ever, the tool still ends."""
    path = tmp_path / "blocking_driver.py"
    text = Path(MINER).read_text(encoding="utf-8")
    wait = """
        while True:
            try:
                __import__('time').sleep(1)
            except:
                pass
"""
    assert READ in text
    path.write_text(text.replace(READ, wait + READ))
    program = (
        "from driver_tool.__main__ import import_without_home_assistant\n"
        "import_without_home_assistant()\n"
        "from driver_tool import cli, watchdog\n"
        "watchdog.LIMIT, watchdog.LAST = 0.2, 1\n"
        f"cli.run(['watch', 'simulator:example-miner', '--driver', {str(path)!r}])\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert "in _read blocks Home Assistant" in ended.stderr


def test_conformance_needs_a_driver_that_reads(tool: Tool) -> None:
    """Given a device of another kind, no check is run at all."""
    for driver, target, says in (
        (MINER, "127.0.0.1:9", "cannot read the device"),
        (POOL, "127.0.0.1:9", "nothing answers at 127.0.0.1:9"),
    ):
        account = ACCOUNT if driver == POOL else []
        status, shown = tool("conformance", driver, "--against", target, *account)
        assert status in (1, 2)
        assert says in shown


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["validate", "nothing.py"], "There is no file nothing.py"),
        (
            ["watch", "127.0.0.1", "--driver", "nothing.py"],
            "There is no file nothing.py",
        ),
        (
            ["watch", "127.0.0.1", "--driver", "banana"],
            "no bundled driver of that type",
        ),
        (["watch", "127.0.0.1", "--driver", "solopool"], "is for a pool: script"),
        (["pool", "bitaxe"], "is for miners: script/driver watch"),
        (["watch", "http://?", "--driver", "bitaxe"], "is no address"),
        (["watch", "simulator:banana", "--driver", "bitaxe"], "there is no 'banana'"),
        (["watch", "nothing.json", "--driver", "bitaxe"], "No such file"),
        (["conformance", "bitaxe", "--against", "pyproject.json"], "No such file"),
        (["replay", "127.0.0.1", "--driver", "bitaxe"], "is no session"),
        (
            ["record", "127.0.0.1", "--driver", MINER, "-o", "/nowhere/x.json"],
            "There is no folder /nowhere",
        ),
        (
            ["record", "127.0.0.1:9", "--driver", MINER, "-o", "x.json"],
            "Nothing was recorded: nothing answers at 127.0.0.1:9",
        ),
        (
            ["record", "127.0.0.1:9", "--driver", POOL, "-o", "x.json", *ACCOUNT],
            "Nothing was recorded: nothing answers at 127.0.0.1:9",
        ),
        (["example", "--port", "65535"], "port must be 0-65535"),
    ],
)
def test_what_cannot_be_carried_out_is_one_message(
    tool: Tool, arguments: list[str], says: str
) -> None:
    """Given something that is not there, the status is 2 and there is no traceback."""
    status, shown = tool(*arguments)
    assert status == 2
    assert says in shown
    assert "Traceback" not in shown


@pytest.mark.parametrize(
    "arguments",
    [
        ["watch", "127.0.0.1", "--driver", "bitaxe", "--interval", "0"],
        ["watch", "127.0.0.1", "--driver", "bitaxe", "--interval", "nan"],
        ["record", "127.0.0.1", "--driver", "bitaxe", "-o", "x", "--polls", "0"],
        ["replay", "x.json", "--driver", "bitaxe", "--serve", "65536"],
        ["pool", "ocean", "--port", "many"],
    ],
)
def test_what_makes_no_sense_is_refused(arguments: list[str]) -> None:
    """Given a number that would hammer a device or is no port, nothing is done."""
    with pytest.raises(SystemExit, match="2"):
        cli.run(arguments)


def test_a_port_that_is_taken_is_told(tool: Tool, tmp_path: Path) -> None:
    """Given a port where somebody else listens, that is one message."""
    path = tmp_path / "s.json"
    tool("record", "simulator:example-miner", "--driver", MINER, "-o", str(path))
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        for arguments in (
            ["replay", str(path), "--driver", MINER, "--serve", port],
            ["example", "--port", port],
        ):
            status, shown = tool(*arguments)
            assert status == 2
            assert "address already in use" in shown


def test_a_driver_may_raise_anything(tool: Tool, tmp_path: Path) -> None:
    """Given faults where a command does not expect them, no traceback is shown."""
    path = tmp_path / "bad_driver.py"
    text = Path(MINER).read_text(encoding="utf-8")
    path.write_text(
        text.replace("def supports_restart(self) -> bool:", "def x(self):").replace(
            "    async def restart(",
            "    def supports_restart(self) -> bool:\n        raise KeyError('modes')\n\n"
            "    async def restart(",
        )
    )
    status, shown = tool(
        "watch", "simulator:example-miner", "--driver", str(path), "--once"
    )
    assert status == 1
    assert "KeyError: 'modes'" in shown
    text = Path(POOL).read_text(encoding="utf-8")
    path.write_text(
        text.replace("self._apis.clear()", "raise RuntimeError").replace(
            "        return PoolHealthStatus(is_healthy=True, latency_ms=latency)",
            "        raise RuntimeError",
        )
    )
    output = ["-o", str(tmp_path / "s.json")]
    for command in (
        ["pool", str(path), "simulator:example-pool"],
        ["record", "simulator:example-pool", "--driver", str(path), *output],
    ):
        status, shown = tool(*command, *ACCOUNT)
        assert status == 0
        assert "RuntimeError" not in shown
    path.write_text(text.replace("supports_coins: ClassVar", "supports_coins = 5  #"))
    status, shown = tool("pool", str(path), *ACCOUNT)
    assert status == 2
    assert "script/driver: TypeError" in shown


def test_broadcasts_are_not_recorded(
    tool: Tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a device that is asked nothing, the message says why there is no file."""
    monkeypatch.setattr(NMMinerDriver, "listen_seconds", 0.1)
    path = tmp_path / "s.json"
    status, shown = tool(
        "record", "simulator:nmminer", "--driver", "nmminer", "-o", str(path)
    )
    assert status == 2
    assert "Nothing was recorded: what a device broadcasts" in shown
    assert not path.exists()


def test_a_session_is_no_device(tool: Tool, tmp_path: Path) -> None:
    """Given a session where a device is needed, the message says what to use."""
    path = tmp_path / "s.json"
    tool("record", "simulator:example-miner", "--driver", MINER, "-o", str(path))
    status, shown = tool("probe", str(path))
    assert status == 2
    assert "there are replay and conformance" in shown


def test_a_driver_that_does_not_load_is_told(tool: Tool, tmp_path: Path) -> None:
    """Given a broken file, its line is in the message."""
    path = tmp_path / "bad_driver.py"
    path.write_text("import os\nimport nothing_of_that_name\n")
    status, shown = tool("watch", "127.0.0.1", "--driver", str(path), "--once")
    assert status == 2
    assert f"{path}:2: It fails when it is loaded: ModuleNotFoundError" in shown


def test_a_file_that_ends_the_program_does_not_end_the_tool(tmp_path: Path) -> None:
    """Given a file that may not even be tried here, its own process is lost."""
    path = tmp_path / "bad_driver.py"
    text = Path(MINER).read_text(encoding="utf-8")
    path.write_text(text + "\nimport os\nos._exit(0)\n")
    answer = subprocess.run(
        [sys.executable, "-m", "driver_tool", "validate", str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 1
    assert "error: It ends the program when it is loaded" in answer.stdout
    assert answer.stderr == ""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("admin_password=x=y", ("admin_password", "x=y")),
        ("api_port=8080", ("api_port", 8080)),
        ("otp_secret=0123", ("otp_secret", "0123")),
        ("verify_ssl=false", ("verify_ssl", False)),
        ("verify_ssl=true", ("verify_ssl", True)),
    ],
)
def test_settings_are_read(text: str, value: tuple[str, object]) -> None:
    """Given KEY=VALUE, numbers and flags become such."""
    assert cli.setting(text) == value


@pytest.mark.parametrize("text", ["x", "=y", ""])
def test_settings_need_a_key(text: str) -> None:
    """Given anything else, it is refused."""
    with pytest.raises(argparse.ArgumentTypeError):
        cli.setting(text)


def test_the_integration_is_loaded_without_home_assistant() -> None:
    """Given the tool alone, Home Assistant is not loaded, which takes seconds."""
    code = (
        "from driver_tool.__main__ import import_without_home_assistant as bare; bare();"
        "import sys, driver_tool.cli;"
        "print(any(name.startswith('homeassistant') for name in sys.modules))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.strip() == "False"


def test_an_integration_that_is_loaded_stays() -> None:
    """Given Home Assistant's own, the tool takes nothing away from it."""
    before = sys.modules["custom_components.hmm"]
    start.import_without_home_assistant()
    assert sys.modules["custom_components.hmm"] is before


@contextlib.contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run the tool in a process of its own until the end of the block."""
    # A shell lets what it runs in the background ignore Ctrl-C, and all that this runs
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(
        [sys.executable, "-m", "driver_tool", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        try:
            yield process
        finally:
            signal.signal(signal.SIGINT, before)
            process.send_signal(signal.SIGINT)
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def test_the_example_runs_until_ctrl_c(tool: Tool) -> None:
    """Given the example in one terminal, watch reads it in another."""
    with running("example", "--port", "0") as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        address = line.split("//")[1].partition("/")[0]
        status, shown = tool("watch", address, "--driver", MINER, "--once")
        assert status == 0
        assert "TH/s" in shown
    assert process.returncode == 130


def test_a_session_is_served_until_ctrl_c(tool: Tool, tmp_path: Path) -> None:
    """Given a session that is served, a driver finds the device at that port."""
    path = tmp_path / "s.json"
    tool("record", "simulator:example-miner", "--driver", MINER, "-o", str(path))
    with running("replay", str(path), "--driver", MINER, "--serve", "0") as process:
        assert process.stdout is not None
        address = process.stdout.readline().split()[-1]
        status, _ = tool("watch", address, "--driver", MINER, "--once")
        assert status == 0
