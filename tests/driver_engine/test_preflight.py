"""Files are tried in a process of their own, which may be lost."""

from collections.abc import Iterable, Mapping
from pathlib import Path
import subprocess
import sys
from textwrap import dedent
import time
from typing import Any

import pytest

from custom_components.hmm.driver_api import INTERFACE_VERSION
from custom_components.hmm.driver_engine import preflight
from custom_components.hmm.driver_engine.driver_files import DriverFile
from custom_components.hmm.driver_engine.legacy.siblings import with_siblings
from custom_components.hmm.driver_engine.loaded import Finding
from tests.conftest import free_udp_port

pytestmark = pytest.mark.trial

RAISES = "It fails when it is loaded: "

GOOD = dedent("""\
    from integrations.base_pool import BasePoolIntegration


    class Acme(BasePoolIntegration):
        pool_type = "acme"
    """)


@pytest.fixture(autouse=True)
def nothing_has_passed() -> None:
    """Try each file, also one that another test has tried."""
    preflight._passed.clear()


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """Return the processes that were started."""
    started: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen

    def start(*args: Any, **kwargs: Any) -> subprocess.Popen[bytes]:
        process: subprocess.Popen[bytes] = real(*args, **kwargs)
        started.append(process)
        return process

    monkeypatch.setattr(subprocess, "Popen", start)
    return started


def write(folder: Path, **files: str) -> list[Path]:
    """Write files and return their paths."""
    paths = [folder / f"{name}_driver.py" for name in files]
    for path, source in zip(paths, files.values(), strict=True):
        path.write_text(source)
    return paths


def check(
    paths: Iterable[Path], settings: Mapping[str, Any] | None = None
) -> dict[Path, Finding]:
    """Return what is wrong with files, as they are now."""
    files = (with_siblings(DriverFile(path, path.read_bytes())) for path in paths)
    return preflight.check(files, settings)


def test_a_file_for_a_newer_hmm_is_not_run(
    tmp_path: Path, processes: list[subprocess.Popen[bytes]]
) -> None:
    """Given the version of the interface that files need, a higher one is refused."""
    needs = "\n    interface_version = "
    old, same, new = write(
        tmp_path,
        old=f'{GOOD}{needs}"0.9"\n',
        same=f'{GOOD}{needs}"{INTERFACE_VERSION}"\n',
        new=f'{GOOD}{needs}"{INTERFACE_VERSION}.1"\n',
    )
    assert set(check([old, same])) == set()
    assert len(processes) == 1
    finding = check([new])[new]
    assert "Update HMM" in finding.reason
    assert not finding.harmful
    assert len(processes) == 1


def test_good_files_need_one_process(
    tmp_path: Path, processes: list[subprocess.Popen[bytes]]
) -> None:
    """Given good files and bad ones that do no harm, one process tries them all."""
    paths = write(tmp_path, a=GOOD, b="1 / 0\n", c=GOOD, d="x = = 1\n", e="pass\n")

    assert check(paths) == {
        paths[1]: Finding(f"{RAISES}ZeroDivisionError: division by zero", 1),
        paths[3]: Finding(f"{RAISES}SyntaxError: invalid syntax", 1),
        paths[4]: Finding(
            "No class in it extends BaseMinerAdapter or BasePoolIntegration"
        ),
    }
    assert len(processes) == 1


def test_nothing_of_a_file_is_left(tmp_path: Path, socket_enabled: None) -> None:
    """Given a file that spoils its process, or holds a port, the next knows nothing."""
    holds = (
        "import socket\n"
        "held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        f"held.bind(('127.0.0.1', {free_udp_port()}))\n"
    )
    spoils = "import sys\nsys.modules['colorsys'] = None\n"
    needs = "import colorsys\n"
    # One after the other: a copy that is slow keeps no other waiting for long
    for sources in ({"a": holds}, {"a": holds}, {"a": spoils, "b": needs}):
        files = {name: source + GOOD for name, source in sources.items()}
        assert check(write(tmp_path, **files)) == {}


def test_nothing_to_try(processes: list[subprocess.Popen[bytes]]) -> None:
    """Given no files, no process is started."""
    assert check([]) == {}
    assert processes == []


def test_after_one_that_harms_the_others_are_tried(tmp_path: Path) -> None:
    """Given files that end or spoil their process, those after them have their own."""
    paths = write(
        tmp_path,
        a="import os\nos._exit(0)\n",
        b=GOOD,
        c="import os\nos.fork()\n",
        d=GOOD,
        e="import os\nos._exit(1)\n",
    )

    assert check(paths) == {
        paths[0]: Finding("It ends the program when it is loaded", harmful=True),
        paths[2]: Finding(
            "It copies the whole program (fork) when it is loaded", harmful=True
        ),
        paths[4]: Finding("It ends the program when it is loaded", harmful=True),
    }


def test_one_good_class_is_enough(tmp_path: Path) -> None:
    """Given a file of which one class can be used, it may be loaded."""
    bad = GOOD.replace("Acme", "Bad").replace('"acme"', "None")
    paths = write(tmp_path, a=GOOD + bad, b=bad)

    assert list(check(paths)) == [paths[1]]


NOISES = (
    "print('x' * 100_000, flush=True)\n",
    "import sys\nsys.stdout.write('null\\n' * 1000)\nsys.__stdout__.flush()\n",
    "import os\nos.write(1, b'[]\\n')\nos.write(2, b'[]\\n')\n",
    "import os\nos.system('echo null')\n",
    "import subprocess\nsubprocess.run(['echo', 'null'], check=True)\n",
    "import sys\nsys.stdin.read()\n",
)


def test_what_a_file_writes_is_no_answer(tmp_path: Path) -> None:
    """Given files that write, read or run something, the answers stay whole."""
    noisy = {f"a{number}": noise + GOOD for number, noise in enumerate(NOISES)}
    paths = write(tmp_path, **noisy, b="1 / 0\n", c=GOOD)

    assert check(paths) == {
        paths[-2]: Finding(f"{RAISES}ZeroDivisionError: division by zero", 1)
    }


SAID = (
    "b'hello\\n'",
    "b'[' * 200_000 + b'\\n'",
    "b'[[[1, {}], null], true]\\n'",
    "b'[[[\"no_such_reason\", {}], null], true]\\n'",
    "b'[[1, 2], null]\\n'",
    "b'x' * 5_000_000",
)


def test_files_that_write_where_the_answers_go(tmp_path: Path) -> None:
    """They cannot be used, and the others are tried all the same."""
    says = "import os\nfor number in range(3, 30):\n    try:\n        os.write(number, {})\n    except OSError:\n        pass\n"
    bad = {f"b{number}": says.format(said) + GOOD for number, said in enumerate(SAID)}
    paths = write(tmp_path, a=GOOD, **bad, c=GOOD.replace("acme", "other"))

    reasons = {path: finding.reason for path, finding in check(paths).items()}
    assert sorted(reasons) == paths[1:-1]
    assert all("cannot be read" in reason for reason in reasons.values()), reasons


def test_what_a_file_imports_is_found(tmp_path: Path) -> None:
    """Given imports of what Home Assistant has, and of HMM's, they work there too."""
    paths = write(
        tmp_path,
        a="import aiohttp, yaml, homeassistant.const\n"
        "from custom_components.hmm.driver_api import MinerTelemetry\n"
        "from custom_components.hmm.bundled.shared.axeos import AxeDriver\n" + GOOD,
        # The folder of the loader is not where imports are looked for
        b="import preflight\n",
    )

    assert check(paths) == {
        paths[1]: Finding(
            f"{RAISES}ModuleNotFoundError: No module named 'preflight'", 1
        )
    }


def test_packages_are_found_where_they_are_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a folder that Home Assistant added for its packages, it counts there."""
    packages = tmp_path / "deps"
    packages.mkdir()
    (packages / "acme_client.py").write_text("")
    monkeypatch.setattr(sys, "path", [*sys.path, str(packages)])

    assert check(write(tmp_path, a="import acme_client\n" + GOOD)) == {}


def test_some_threads_are_allowed(tmp_path: Path) -> None:
    """Given files that start a few threads, they and the others may be loaded."""
    source = dedent("""\
        import threading, time
        for _ in range({}):
            threading.Thread(target=time.sleep, args=(3600,)).start()
        """)

    # They do not keep the process alive
    sources = {"a": source.format(1) + GOOD, "b": source.format(10) + GOOD}
    assert check(write(tmp_path, **sources, c=GOOD)) == {}


@pytest.mark.parametrize("is_started", [True, False])
def test_what_cannot_be_tried_is_not_run(
    tmp_path: Path,
    processes: list[subprocess.Popen[bytes]],
    monkeypatch: pytest.MonkeyPatch,
    is_started: bool,
) -> None:
    """Given a machine on which no process begins, each file is told as not tried."""
    if is_started:
        monkeypatch.setattr(preflight.trial, "__file__", str(tmp_path / "not-there"))
    else:
        monkeypatch.setattr(sys, "executable", "/not/there")
    paths = write(tmp_path, a=GOOD, b="1 / 0\n")

    findings = check(paths)

    assert findings.keys() == set(paths)
    assert all("could not be tried" in finding.reason for finding in findings.values())


HANGS = "import time\ntime.sleep(3600)\n"


def test_files_that_hang_do_so_side_by_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given five files that hang among good ones, up to four do at the same time."""
    monkeypatch.setattr(preflight, "LOAD_SECONDS", 5.0)
    # When it began, and when it last ran: one write is not cut by its end
    source = dedent(f"""\
        import os, time
        times = os.open({str(tmp_path)!r} + f"/{{os.getpid()}}.times", os.O_RDWR | os.O_CREAT)
        now = time.monotonic_ns()
        os.pwrite(times, b"%020d%020d" % (now, now), 0)
        while True:
            os.pwrite(times, b"%020d" % time.monotonic_ns(), 20)
            time.sleep(0.01)
        """)
    hanging = {f"b{number}": f"{source}# {number}\n" for number in range(5)}
    paths = write(tmp_path, a=GOOD, **hanging, c=GOOD, d="1 / 0\n")

    findings = check(paths)

    late = Finding("It takes longer than 5 s to load", harmful=True)
    assert findings == {
        **dict.fromkeys(paths[1:6], late),
        paths[7]: Finding(f"{RAISES}ZeroDivisionError: division by zero", 1),
    }
    spans = [
        (int(times.read_text()[:20]), int(times.read_text()[20:]))
        for times in tmp_path.glob("*.times")
    ]
    assert len(spans) == 5
    at_once = [
        sum(begun <= start <= seen for begun, seen in spans) for start, _ in spans
    ]
    assert 1 < max(at_once) <= 4


def test_nothing_that_a_file_starts_is_left(tmp_path: Path) -> None:
    """Given files that start programs, these end with the trial."""
    pids = tmp_path / "pids"
    source = dedent(f"""\
        import os, subprocess
        program = subprocess.Popen(["sleep", "3600"])
        with open({str(pids)!r}, "a") as file:
            file.write(f"{{program.pid}}\\n")
        """)
    check(write(tmp_path, a=source + GOOD, b=source + "os._exit(0)\n"))

    started = [int(pid) for pid in pids.read_text().split()]
    assert len(started) == 2
    for _ in range(1000):
        if not any(map(is_running, started)):
            return
        time.sleep(0.01)
    pytest.fail("They go on")


def is_running(pid: int) -> bool:
    """Return whether a process has not ended; nobody may have collected it yet."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def test_a_file_that_writes_on_and_on_is_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a file that hangs and writes where the answers go, its time ends."""
    monkeypatch.setattr(preflight, "LOAD_SECONDS", 1.0)
    source = (
        "import os, time\nwhile True:\n    os.write(3, b' ')\n    time.sleep(0.01)\n"
    )
    (path,) = write(tmp_path, a=source)

    assert "longer than 1 s" in check([path])[path].reason


def test_when_time_is_up_nothing_more_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given more files that hang than there is time for, the rest are not tried."""
    monkeypatch.setattr(preflight, "LOAD_SECONDS", 0.5)
    monkeypatch.setattr(preflight, "TOTAL_SECONDS", 0.2)
    monkeypatch.setattr(preflight, "_MAX_PROCESSES", 1)
    paths = write(tmp_path, a=GOOD, b=HANGS, c=GOOD, d="1 / 0\n")

    findings = check(paths)

    assert findings.pop(paths[1]).harmful
    assert findings.keys() == set(paths[2:])
    for finding in findings.values():
        assert "not tried, as other files took too long" in finding.reason
        assert not finding.harmful


def test_many_good_files_have_all_the_time_they_need(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a slow machine on which nothing hangs, every file is tried."""
    monkeypatch.setattr(preflight, "TOTAL_SECONDS", 0.0)
    slow = "import time\ntime.sleep(0.05)\n" + GOOD
    paths = write(tmp_path, a=slow, b=slow, c="1 / 0\n")

    assert check(paths).keys() == {paths[2]}


def test_settings_are_there(tmp_path: Path) -> None:
    """Given settings of config.yaml, a file that cannot load without them does."""
    source = "from core.config import app_config\nint(app_config['a.b'])\n" + GOOD
    paths = write(tmp_path, a=source)

    assert check(paths).keys() == set(paths)
    assert check(paths, {"a": {"b": 1}}) == {}


def test_a_file_cannot_compute_forever(tmp_path: Path) -> None:
    """Given Home Assistant that crashed meanwhile, a loop of a file ends by itself."""
    limit = tmp_path / "limit"
    source = (
        "import resource\n"
        f"open({str(limit)!r}, 'w').write(str(resource.getrlimit(resource.RLIMIT_CPU)[0]))\n"
    )
    assert check(write(tmp_path, a=source + GOOD)) == {}
    assert 0 < int(limit.read_text()) < 1000


def test_what_was_read_is_what_is_tried(tmp_path: Path) -> None:
    """Given a file that changes after it was read, the new content is not run."""
    (path,) = write(tmp_path, a=GOOD)
    file = DriverFile(path, path.read_bytes())
    ran = tmp_path / "ran"
    path.write_text(f"open({str(ran)!r}, 'w')\n")

    assert preflight.check([file]) == {}
    assert not ran.exists()
