"""Files are tried in a process of their own, which may be lost."""

from pathlib import Path
import subprocess
import sys
from textwrap import dedent
from typing import Any

import pytest

from custom_components.hmm.driver_manager import preflight
from custom_components.hmm.driver_manager.preflight import Finding, check

GOOD = dedent("""\
    from integrations.base_pool import BasePoolIntegration


    class Acme(BasePoolIntegration):
        pool_type = "acme"
    """)


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


def test_good_files_need_one_process(
    tmp_path: Path, processes: list[subprocess.Popen[bytes]]
) -> None:
    """Given good files and bad ones that do no harm, one process tries them all."""
    paths = write(tmp_path, a=GOOD, b="1 / 0\n", c=GOOD, d="x = = 1\n", e="pass\n")

    assert check(paths) == {
        paths[1]: Finding("ZeroDivisionError: division by zero", 1),
        paths[3]: Finding("SyntaxError: invalid syntax", 1),
        paths[4]: Finding(
            "No class in it extends BaseMinerAdapter or BasePoolIntegration"
        ),
    }
    assert len(processes) == 1
    assert processes[0].returncode is not None


def test_nothing_to_try(processes: list[subprocess.Popen[bytes]]) -> None:
    """Given no files, no process is started."""
    assert check([]) == {}
    assert processes == []


def test_after_one_that_harms_the_others_are_tried(
    tmp_path: Path, processes: list[subprocess.Popen[bytes]]
) -> None:
    """Given files that end or spoil the process, those after them get a new one."""
    paths = write(
        tmp_path,
        a="import os\nos._exit(0)\n",
        b=GOOD,
        c="import os\nos.fork()\n",
        d=GOOD,
        e="import os\nos._exit(1)\n",
    )

    assert check(paths) == {
        paths[0]: Finding("It ends the program when it is loaded"),
        paths[2]: Finding("It copies the whole program (fork) when it is loaded"),
        paths[4]: Finding("It ends the program when it is loaded"),
    }
    assert len(processes) == 3


def test_one_good_class_is_enough(tmp_path: Path) -> None:
    """Given a file of which one class can be used, it may be loaded."""
    bad = GOOD.replace("Acme", "Bad").replace('"acme"', "None")
    paths = write(tmp_path, a=GOOD + bad, b=bad)

    assert list(check(paths)) == [paths[1]]


@pytest.mark.parametrize(
    "noise",
    [
        "print('x' * 100_000, flush=True)\n",
        "import sys\nsys.stdout.write('null\\n' * 1000)\nsys.__stdout__.flush()\n",
        "import os\nos.write(1, b'[]\\n')\nos.write(2, b'[]\\n')\n",
        "import os\nos.system('echo null')\n",
        "import subprocess\nsubprocess.run(['echo', 'null'], check=True)\n",
        "import sys\nsys.stdin.read()\n",
    ],
)
def test_what_a_file_writes_is_no_answer(tmp_path: Path, noise: str) -> None:
    """Given a file that writes, reads or runs something, the answers stay whole."""
    paths = write(tmp_path, a=noise + GOOD, b="1 / 0\n", c=noise + GOOD)

    assert check(paths) == {paths[1]: Finding("ZeroDivisionError: division by zero", 1)}


def test_what_a_file_imports_is_found(tmp_path: Path) -> None:
    """Given imports of what Home Assistant has, and of HMM's, they work there too."""
    paths = write(
        tmp_path,
        a="import aiohttp, yaml, homeassistant.const\n"
        "from custom_components.hmm.driver_api import MinerTelemetry\n"
        "from custom_components.hmm.bundled.axeos import AxeDriver\n" + GOOD,
        # The folder of the loader is not where imports are looked for
        b="import preflight\n",
    )

    assert check(paths) == {
        paths[1]: Finding("ModuleNotFoundError: No module named 'preflight'", 1)
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


@pytest.mark.parametrize("threads", [1, 10])
def test_some_threads_are_allowed(
    tmp_path: Path, threads: int, processes: list[subprocess.Popen[bytes]]
) -> None:
    """Given a file that starts a few threads, it and the others may be loaded."""
    source = dedent(f"""\
        import threading, time
        for _ in range({threads}):
            threading.Thread(target=time.sleep, args=(3600,)).start()
        """)

    assert check(write(tmp_path, a=source + GOOD, b=GOOD)) == {}
    # They do not keep the process alive
    assert len(processes) == 1
    assert processes[0].returncode is not None


def test_what_cannot_be_tried_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a machine on which no process begins, each file is told as not tried."""
    monkeypatch.setattr(preflight, "__file__", str(tmp_path / "not-there.py"))
    paths = write(tmp_path, a=GOOD, b="1 / 0\n")

    findings = check(paths)

    assert findings.keys() == set(paths)
    assert all("could not be tried" in it.reason for it in findings.values())
