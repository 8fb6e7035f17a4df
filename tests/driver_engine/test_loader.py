"""Driver files, good and bad ones."""

import asyncio
from collections.abc import Callable
import hashlib
import json
import os
from pathlib import Path
import re
import sys
from textwrap import dedent
import threading
from typing import Any

import pytest

from custom_components.hmm.driver_engine import driver_files, preflight, user_file
from custom_components.hmm.driver_engine.loaded import FailedDriver, LoadedDrivers
from custom_components.hmm.driver_engine.loader import BUNDLED, load_drivers

BUNDLED_MINERS = {"avalon_nano", "bitaxe", "nerdqaxe", "nmaxe", "nmminer"}
BUNDLED_POOL_FILES = {
    path.name
    for path in (BUNDLED / "pool_drivers").glob("*_driver.py")
    if "template" not in path.name.lower()
}

MINER = dedent("""\
    from custom_components.hmm.driver_api import BaseMinerAdapter


    class AcmeDriver(BaseMinerAdapter):
        driver_type = "acme"
        driver_version = "1.2.3"

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
    """)

POOL = dedent("""\
    from custom_components.hmm.driver_api import (
        BasePoolIntegration,
        DashboardTileData,
        PoolHealthStatus,
    )


    class AcmePool(BasePoolIntegration):
        driver_type = "acme"

        async def detect(self, url, port):
            return False

        async def get_health(self, url, port, **kwargs):
            return PoolHealthStatus(is_healthy=True)

        async def get_network_difficulty(self, coin, **kwargs):
            return None

        async def get_pool_stats(self, url, coin, **kwargs):
            return None

        async def get_dashboard_data(self, url, coin, username=None, **kwargs):
            return DashboardTileData()
    """)


LEGACY = dedent("""\
    from integrations.base_pool import BasePoolIntegration

    __version__ = "1.0.2"


    class Acme(BasePoolIntegration):
        pool_type = "acme"
    """)


def load(folder: Path, **files: str | bytes) -> LoadedDrivers:
    """Load a folder with these files (``__`` in a name stands for a folder)."""
    for name, content in files.items():
        path = folder / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return load_drivers(folder)


def failure(drivers: LoadedDrivers) -> FailedDriver:
    """Return the one failure; whatever else there is must have loaded."""
    assert set(drivers.miners) >= BUNDLED_MINERS
    assert "solopool" in drivers.pools
    (failed,) = drivers.failed
    return failed


# What loads


def test_the_bundled_drivers_load_without_a_folder(tmp_path: Path) -> None:
    """Given no folder at all, the bundled drivers are there."""
    drivers = load_drivers(tmp_path / "nowhere")

    assert set(drivers.miners) == BUNDLED_MINERS
    assert {pool.path.name for pool in drivers.pools.values()} == BUNDLED_POOL_FILES
    assert "solopool" in drivers.pools
    assert drivers.failed == []
    for driver in (*drivers.miners.values(), *drivers.pools.values()):
        assert driver.bundled
        assert driver.version
        assert driver.sha256 == hashlib.sha256(driver.path.read_bytes()).hexdigest()


@pytest.mark.parametrize("folder", ["", "miner_drivers__", "pool_drivers__"])
def test_a_file_of_the_user_loads(tmp_path: Path, folder: str) -> None:
    """Given a driver in one of the folders, it is known with its origin."""
    drivers = load(tmp_path, **{f"{folder}acme_driver": MINER})

    loaded = drivers.miners["acme"]
    assert loaded.driver_class.driver_type == "acme"
    assert loaded.version == "1.2.3"
    assert not loaded.bundled
    assert loaded.path.resolve() == (
        tmp_path / folder.replace("__", "/") / "acme_driver.py"
    )
    assert loaded.sha256 == hashlib.sha256(MINER.encode()).hexdigest()
    assert drivers.failed == []


def test_a_miner_and_a_pool_may_share_a_type_and_a_file(tmp_path: Path) -> None:
    """Given one file with both, each is known among its own kind."""
    drivers = load(tmp_path, acme_driver=MINER + POOL)

    assert drivers.miners["acme"].path == drivers.pools["acme"].path
    assert drivers.failed == []


def test_a_file_of_the_user_wins_over_the_bundled_one(tmp_path: Path) -> None:
    """Given a bitaxe driver of the user, it is the one that counts."""
    drivers = load(tmp_path, my_driver=MINER.replace('"acme"', '"bitaxe"'))

    assert not drivers.miners["bitaxe"].bundled
    assert drivers.miners["bitaxe"].path.name == "my_driver.py"
    assert set(drivers.miners) == BUNDLED_MINERS
    assert drivers.failed == []


def test_templates_and_other_files_are_no_drivers(tmp_path: Path) -> None:
    """Given files with other names, they are not even read."""
    drivers = load(
        tmp_path,
        TEMPLATE_miner_driver="raise SystemExit",
        helpers="raise SystemExit",
        elsewhere__acme_driver="raise SystemExit",
    )

    assert set(drivers.miners) == BUNDLED_MINERS
    assert drivers.failed == []


def test_an_imported_driver_class_is_not_the_files_own(tmp_path: Path) -> None:
    """Given a driver that builds on a bundled one, only its own class counts."""
    drivers = load(
        tmp_path,
        acme_driver=dedent("""\
            from custom_components.hmm.bundled.miner_drivers.bitaxe_driver import (
                BitaxeDriver,
            )


            class AcmeDriver(BitaxeDriver):
                driver_type = "acme"
            """),
    )

    assert drivers.miners["bitaxe"].bundled
    assert drivers.miners["acme"].driver_class.__name__ == "AcmeDriver"
    assert drivers.failed == []


def test_a_base_of_other_drivers_is_none_itself(tmp_path: Path) -> None:
    """Given what several drivers of a file share, only the drivers count."""
    base = MINER.replace("AcmeDriver", "AcmeBase").replace(
        'driver_type = "acme"', "driver_type = None"
    )
    drivers = load(
        tmp_path,
        acme_driver=base
        + dedent("""\


            class AcmeOne(AcmeBase):
                driver_type = "acme_1"


            class AcmeTwo(AcmeOne):
                driver_type = "acme_2"


            Driver = AcmeOne
            """),
    )

    assert drivers.failed == []
    assert set(drivers.miners) == BUNDLED_MINERS | {"acme_1", "acme_2"}


def test_a_driver_may_use_dataclasses(tmp_path: Path) -> None:
    """Given a dataclass with text annotations, its module is found by name."""
    source = dedent("""\
        from __future__ import annotations
        from dataclasses import dataclass


        @dataclass
        class Point:
            x: int
            y: int | None = None


        """)
    drivers = load(tmp_path, acme_driver=source + MINER)

    assert drivers.failed == []
    assert "acme" in drivers.miners


def test_a_changed_file_brings_its_new_class(tmp_path: Path) -> None:
    """Given an edit, when the folder is loaded again, the new code runs."""
    load(tmp_path, acme_driver=MINER)

    drivers = load(tmp_path, acme_driver=MINER.replace("1.2.3", "2.0.0"))

    assert drivers.miners["acme"].version == "2.0.0"


@pytest.mark.parametrize("name", ["json_driver", "asyncio_driver", "json", "asyncio"])
def test_a_name_of_the_standard_library_shadows_nothing(
    tmp_path: Path, name: str
) -> None:
    """Given such a file name, the driver loads and the real module stays."""
    drivers = load(tmp_path, **{f"{name}_driver": MINER})

    assert drivers.failed == []
    assert not drivers.miners["acme"].bundled
    assert sys.modules["json"] is json
    assert sys.modules["asyncio"] is asyncio
    assert json.loads("[]") == []
    assert f"{name}_driver" not in sys.modules
    assert str(tmp_path) not in sys.path


# What does not


def test_a_syntax_error_is_told_with_its_line(tmp_path: Path) -> None:
    """Given a typing error, the others load, and the line is named."""
    drivers = load(tmp_path, a_driver="x = 1\ny = = 2\n", b_driver=MINER)

    failed = failure(drivers)
    assert failed.path.name == "a_driver.py"
    assert failed.line == 2
    assert failed.reason == "It fails when it is loaded: SyntaxError: invalid syntax"
    assert "acme" in drivers.miners


RAISES = "It fails when it is loaded: "


@pytest.mark.trial
def test_whatever_a_file_raises_stops_only_itself(tmp_path: Path) -> None:
    """Given files that fail, the line and reason of each are told, the others load."""
    cases = (
        ("\n\nimport no_such_module\n", 3, "ModuleNotFoundError: No module named"),
        ("from json import no_such_name\n", 1, "ImportError: cannot import name"),
        ("import sys\nsys.exit(3)\n", 2, "It ends the program (sys.exit)"),
        ("raise SystemExit\n", 1, "It ends the program (sys.exit)"),
        ("#\nraise KeyboardInterrupt\n", 2, "KeyboardInterrupt"),
        ("raise GeneratorExit\n", 1, "GeneratorExit"),
        ("def f():\n    1 / 0\n\n\nf()\n", 2, "ZeroDivisionError: division by zero"),
        ("raise ValueError('first\\nsecond')\n", 1, "ValueError: first"),
        ("raise ValueError('x' * 1_000_000)\n", 1, "ValueError: xxx"),
        (f"class {'X' * 9999}(Exception):\n    pass\nraise {'X' * 9999}\n", 3, "XXX"),
        ("  x = 1\n", 1, "IndentationError: unexpected indent"),
    )
    before = set(sys.modules)
    files = {f"a{number}_driver": source for number, (source, *_) in enumerate(cases)}
    drivers = load(tmp_path, **files, b_driver=MINER)

    assert len(drivers.failed) == len(cases)
    for number, (_, line, reason) in enumerate(cases):
        (failed,) = (
            item for item in drivers.failed if item.path.stem == f"a{number}_driver"
        )
        assert failed.line == line
        assert failed.reason.removeprefix(RAISES).startswith(reason)
        assert "\n" not in failed.reason
        assert len(failed.reason) < 1100
    assert "acme" in drivers.miners
    assert not [
        module
        for module in set(sys.modules) - before
        if re.search(r"\.a\d_driver_", module)
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"# caf\xe9\n", "It is not in UTF-8"),
        (b"x = 1\0\n", "It holds a null byte"),
        (b"\xff\xfe\x00\x00", "It is not in UTF-8"),
        (b"", "No class in it extends"),
        (b"# only a comment\n", "No class in it extends"),
        (b"class Acme:\n    driver_type = 'acme'\n", "No class in it extends"),
    ],
)
def test_bytes_that_are_no_driver(tmp_path: Path, content: bytes, reason: str) -> None:
    """Given bytes that are no text, or text without a driver, it is told."""
    drivers = load(tmp_path, a_driver=content, b_driver=MINER)

    assert failure(drivers).reason.startswith(reason)
    assert "acme" in drivers.miners


def test_a_folder_with_the_name_of_a_driver(tmp_path: Path) -> None:
    """Given a folder called like a file, it is told and the others load."""
    (tmp_path / "a_driver.py").mkdir()
    drivers = load(tmp_path, b_driver=MINER)

    assert failure(drivers).reason == "It is not a file"
    assert "acme" in drivers.miners


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('    driver_type = "acme"\n', "", "AcmeDriver has no driver_type"),
        ('"acme"', '""', "AcmeDriver has no driver_type"),
        ('"acme"', "7", "AcmeDriver has no driver_type"),
        # It may do anything where it is looked up, but not while it is tried
        (
            '"acme"',
            'type("Text", (str,), {"__hash__": lambda it: 1 / 0})("acme")',
            "AcmeDriver has no driver_type",
        ),
        (
            'driver_version = "1.2.3"',
            'hashrate_unit = "PH/s"',
            "The hashrate_unit of AcmeDriver must be one of TH/s, GH/s, MH/s, kH/s",
        ),
        (
            'driver_version = "1.2.3"',
            'connection_type = ["http"]',
            "The connection_type of AcmeDriver must be http, tcp or udp",
        ),
        (
            'driver_version = "1.2.3"',
            'default_port = "80"',
            "The default_port of AcmeDriver must be a number from 1 to 65535",
        ),
        # A search for miners tries it at every address
        (
            'driver_version = "1.2.3"',
            "default_port = 99999",
            "The default_port of AcmeDriver must be a number from 1 to 65535",
        ),
        (
            'driver_version = "1.2.3"',
            'option_fields = "otp_secret"',
            "The option_fields of AcmeDriver must be a tuple",
        ),
        (
            "async def restart",
            "async def reboot",
            "AcmeDriver does not implement restart",
        ),
    ],
)
def test_a_class_that_breaks_the_contract(
    tmp_path: Path, old: str, new: str, reason: str
) -> None:
    """Given a driver class that lacks something, its line and lack are told."""
    drivers = load(tmp_path, a_driver=MINER.replace(old, new))

    failed = failure(drivers)
    assert failed.reason == reason
    assert failed.line == 4
    assert "acme" not in drivers.miners


def test_all_that_is_missing_is_told_at_once(tmp_path: Path) -> None:
    """Given an empty class, every method that it must have is named."""
    source = MINER.partition("        async def")[0].partition("    async def")[0]
    drivers = load(tmp_path, a_driver=source)

    assert failure(drivers).reason == (
        "AcmeDriver does not implement connect, get_telemetry, restart, set_mode"
    )


def test_a_type_is_taken_once(tmp_path: Path) -> None:
    """Given two files of one type, the first counts and the second is told."""
    drivers = load(tmp_path, a_driver=MINER, b_driver=MINER.replace("1.2.3", "2.0.0"))

    failed = failure(drivers)
    assert failed.path.name == "b_driver.py"
    assert failed.reason == "The driver type acme is already loaded from a_driver.py"
    assert drivers.miners["acme"].version == "1.2.3"


def test_two_classes_in_one_file(tmp_path: Path) -> None:
    """Given a good and a bad class in a file, the good one is there."""
    bad = MINER.replace("AcmeDriver", "Other").replace('"acme"', "None")
    drivers = load(tmp_path, a_driver=MINER + "\n\n" + bad)

    assert failure(drivers).reason == "Other has no driver_type"
    assert "acme" in drivers.miners


# Where files are found


HMM_LOCAL = (
    "drivers/acme_driver.py",
    "drivers/acme_plugin.py",
    "drivers/pools/acme_driver.py",
    "drivers/miners/acme_driver.py",
    "miner_drivers/acme_driver.py",
    "plugins/acme/plugin.py",
)


@pytest.mark.parametrize(
    "path",
    [
        *(f"hmm/{path}" for path in HMM_LOCAL),
        *HMM_LOCAL,
        "hmm/acme_driver.py",
        "hmm/acme_plugin.py",
        "hmm/pool_drivers/acme_driver.py",
        "hmm/pools/acme_driver.py",
        "hmm/miners/acme_driver.py",
    ],
)
@pytest.mark.parametrize("source", [MINER, LEGACY])
def test_every_layout_there_ever_was(tmp_path: Path, path: str, source: str) -> None:
    """Given a file where some version of HMM-Local had it, it is found."""
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_text(source)

    drivers = load_drivers(tmp_path / "hmm")

    result = drivers.miners if source == MINER else drivers.pools
    assert result["acme"].path == file
    assert drivers.failed == []


@pytest.mark.parametrize(
    "path",
    [
        "drivers/TEMPLATE_driver.py",
        "drivers/miners/Template_miner_driver.py",
        "hmm/drivers/TEMPLATE_driver.py",
        "hmm/drivers/deeper/still/acme_driver.py",
        "hmm/drivers/__init__.py",
        "hmm/plugins/acme/helper.py",
        "hmm/plugins/plugin.py",
        "acme_driver.py",
        "pools/acme_driver.py",
        "custom_components/acme_driver.py",
    ],
)
def test_places_where_no_drivers_are(tmp_path: Path, path: str) -> None:
    """Given a template, or a file elsewhere, it is not even read."""
    file = tmp_path / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(LEGACY + "raise SystemExit\n")

    drivers = load_drivers(tmp_path / "hmm")

    assert "acme" not in drivers.pools
    assert drivers.failed == []


@pytest.mark.parametrize(
    "content",
    [
        b"raise SystemExit  # of other software\n",
        b"import no_such_module\n",
        b"x = = 1\n",
        b"\xff\xfe\x00",
        b"",
    ],
)
def test_drivers_of_other_software_are_left_alone(
    tmp_path: Path, content: bytes
) -> None:
    """Given files in <config>/drivers that are not for HMM, they are nothing to it."""
    folder = tmp_path / "drivers"
    folder.mkdir()
    (folder / "a_driver.py").write_bytes(content)
    (folder / "b_driver.py").mkdir()
    (folder / "c_driver.py").symlink_to(tmp_path / "nowhere")
    os.mkfifo(folder / "d_driver.py")
    (folder / "acme_driver.py").write_text(LEGACY)

    drivers = load_drivers(tmp_path / "hmm")

    assert drivers.failed == []
    assert "acme" in drivers.pools


def test_a_broken_driver_beside_the_folder_is_told(tmp_path: Path) -> None:
    """Given a driver of HMM-Local with an error in it, it is named."""
    (tmp_path / "drivers").mkdir()
    (tmp_path / "drivers" / "acme_driver.py").write_text(LEGACY + "x = = 1\n")

    assert failure(load_drivers(tmp_path / "hmm")).line == 8


def test_a_copy_counts_once(tmp_path: Path) -> None:
    """Given one driver in both folders, it is no clash; a changed one is."""
    for folder in ("drivers", "hmm/drivers"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "acme_driver.py").write_text(LEGACY)
    drivers = load_drivers(tmp_path / "hmm")

    assert drivers.failed == []
    assert drivers.pools["acme"].path == tmp_path / "hmm/drivers/acme_driver.py"

    (tmp_path / "drivers" / "acme_driver.py").write_text(LEGACY + "# changed\n")
    failed = failure(load_drivers(tmp_path / "hmm"))
    assert failed.path == tmp_path / "drivers/acme_driver.py"
    assert failed.reason.endswith("acme is already loaded from acme_driver.py")


# What is not even read


def test_links(tmp_path: Path) -> None:
    """Given links, those within the configuration are followed, others are not."""
    config, outside = tmp_path / "config", tmp_path / "outside"
    for folder in (config / "hmm", config / "share", outside):
        folder.mkdir(parents=True)
    (config / "share" / "acme.py").write_text(MINER)
    (outside / "other.py").write_text(MINER.replace('"acme"', '"other"'))
    (config / "hmm" / "acme_driver.py").symlink_to(config / "share" / "acme.py")
    (config / "hmm" / "other_driver.py").symlink_to(outside / "other.py")
    (config / "hmm" / "plugins").symlink_to(outside)
    (outside / "evil").mkdir()
    (outside / "evil" / "plugin.py").write_text("raise SystemExit")
    (config / "hmm" / "loop_driver.py").symlink_to(config / "hmm" / "loop_driver.py")

    drivers = load_drivers(config / "hmm")

    assert "acme" in drivers.miners
    assert "other" not in drivers.miners
    assert sorted((failed.path.name, failed.reason) for failed in drivers.failed) == [
        ("loop_driver.py", "It cannot be read (Too many levels of symbolic links)"),
        ("other_driver.py", "It is a link that leads out of the configuration folder"),
        ("plugin.py", "It is a link that leads out of the configuration folder"),
    ]


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    """Given 10 MB, nobody reads it, and the others load."""
    drivers = load(tmp_path, a_driver=b"#" * 10_000_000, b_driver=MINER)

    assert failure(drivers).reason == "It is larger than 256 KB"
    assert "acme" in drivers.miners


def test_a_file_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a file without the right to read it, the others load."""
    open_ = os.open

    def refuse(path: Path, flags: int, *more: Any) -> int:
        if Path(path).name == "a_driver.py":
            raise PermissionError(13, "Permission denied")
        return open_(path, flags, *more)

    monkeypatch.setattr(os, "open", refuse)
    drivers = load(tmp_path, a_driver="", b_driver=MINER)

    assert failure(drivers).reason == "It cannot be read (Permission denied)"
    assert "acme" in drivers.miners


def test_something_that_is_no_file(tmp_path: Path) -> None:
    """Given a pipe that nobody writes to, nobody waits for it."""
    os.mkfifo(tmp_path / "a_driver.py")

    assert failure(load(tmp_path, b_driver=MINER)).reason == "It is not a file"


@pytest.mark.parametrize(
    "cut", [40, 120, len(MINER) // 2, MINER.index("return True") + 3]
)
def test_a_truncated_file(tmp_path: Path, cut: int) -> None:
    """Given a file that ends in the middle, it is told, and the others load."""
    drivers = load(tmp_path, a_driver=MINER[:cut], b_driver=MINER)

    assert failure(drivers).path.name == "a_driver.py"
    assert drivers.miners["acme"].path.name == "b_driver.py"


def test_a_binary_file(tmp_path: Path) -> None:
    """Given a compiled program with the name of a driver, it is told."""
    drivers = load(tmp_path, a_driver=bytes(range(256)) * 64, b_driver=MINER)

    assert failure(drivers).reason == "It is not in UTF-8: save it as UTF-8"
    assert "acme" in drivers.miners


HIDDEN = b"""\
# coding: utf-7
# A comment+AAo-raise SystemExit
"""
"""In UTF-7, the second line is two."""


@pytest.mark.parametrize(
    ("source", "reason", "line"),
    [
        (HIDDEN, "It is in utf-7: save it as UTF-8", 1),
        (b"\n# -*- coding: UTF_7 -*-\n", "It is in UTF_7: save it as UTF-8", 2),
        (b"#\r# vim: set fileencoding=gbk :\r", "It is in gbk: save it as UTF-8", 2),
        (b"\xef\xbb\xbf# coding: latin-1\n", "It is in latin-1: save it", 1),
        ("x = 1\n".encode("utf-16"), "It is not in UTF-8: save it as UTF-8", 1),
        (b"x = 1\n# \xc3\x28\n", "It is not in UTF-8: save it as UTF-8", 2),
        ("# \u202e}\u2066\n".encode(), "It holds characters that hide the order", 1),
    ],
)
def test_code_that_nobody_can_read(
    tmp_path: Path, source: bytes, reason: str, line: int
) -> None:
    """Given another encoding than UTF-8, or letters that turn, the file is refused."""
    failed = failure(load(tmp_path, a_driver=source + MINER.encode(), b_driver=MINER))

    assert failed.reason.removeprefix(RAISES).startswith(reason)
    assert failed.line == line


@pytest.mark.parametrize(
    "begin",
    [b"\xef\xbb\xbf", b"# -*- coding: utf-8 -*-\n", b"\xef\xbb\xbf# coding: UTF8\n"],
)
def test_utf_8_by_any_name(tmp_path: Path, begin: bytes) -> None:
    """Given UTF-8 with its mark or its name, as editors write it, the file loads."""
    drivers = load(tmp_path, a_driver=begin + MINER.encode())
    assert drivers.failed == []
    assert "acme" in drivers.miners


# Files that may only run in a process of their own


HARMFUL = {
    "while True:\n    pass\n": "It takes longer than 1 s to load",
    "import time\ntime.sleep(3600)\n": "It takes longer than 1 s to load",
    "import os\nos._exit(0)\n": "It ends the program when it is loaded",
    "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n": (
        "It ends the program when it is loaded"
    ),
    "import ctypes\nctypes.string_at(0)\n": "It ends the program when it is loaded",
    f"import os\nos.fork()\n{LEGACY}": (
        "It copies the whole program (fork) when it is loaded"
    ),
    "import threading, time\n"
    "for _ in range(20):\n"
    f"    threading.Thread(target=time.sleep, args=(3600,)).start()\n{LEGACY}": (
        "It starts too many threads when it is loaded"
    ),
    "x = 'x' * 8_000_000_000\n": "It fails when it is loaded: MemoryError",
}


@pytest.mark.trial
def test_what_would_take_home_assistant_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given files that hang, leave or multiply, only the others run in here."""
    monkeypatch.setattr(preflight, "LOAD_SECONDS", 1.0)
    ran: list[str] = []
    import_file: Callable[..., Any] = user_file._import_user_file

    def note(file: driver_files.DriverFile, *args: Any) -> Any:
        ran.append(file.path.name)
        assert not file.path.name.startswith("b")
        return import_file(file, *args)

    monkeypatch.setattr(user_file, "_import_user_file", note)
    threads = threading.active_count()
    sources = {f"b{number}_driver": source for number, source in enumerate(HARMFUL)}
    drivers = load(tmp_path, a_driver=MINER, **sources, c_driver=LEGACY)

    reasons = {failed.path.name: failed.reason for failed in drivers.failed}
    assert reasons == dict(
        zip([f"{name}.py" for name in sources], HARMFUL.values(), strict=True)
    )
    assert drivers.miners["acme"].path.name == "a_driver.py"
    assert drivers.pools["acme"].path.name == "c_driver.py"
    assert sorted(ran) == ["a_driver.py", "c_driver.py"]
    assert threading.active_count() == threads


def test_settings_reach_a_file(tmp_path: Path) -> None:
    """Given a config.yaml, a driver of HMM-Local finds it."""
    (tmp_path / "acme_driver.py").write_text(
        LEGACY + "    from core.config import app_config\n"
        "    display_name = app_config.get('pool.name')\n"
    )
    drivers = load_drivers(tmp_path, {"pool": {"name": "My Pool"}})

    assert drivers.failed == []
    assert drivers.pools["acme"].driver_class.display_name == "My Pool"


# What is not done twice


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the files that were tried in a process of their own."""
    names: list[str] = []
    try_ = preflight._try

    def note(files: list[driver_files.DriverFile], settings: Any) -> Any:
        names.extend(file.path.name for file in files)
        return try_(files, settings)

    monkeypatch.setattr(preflight, "_try", note)
    preflight._passed.clear()
    return names


@pytest.mark.trial
def test_what_came_of_a_file_is_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tried: list[str]
) -> None:
    """Given files as they were, only one with a mere error is tried again."""
    monkeypatch.setattr(preflight, "LOAD_SECONDS", 1.0)
    endless, error = "import time\ntime.sleep(3600)\n", "import no_such_module\n"
    settings = {"pool": {"name": "A"}}
    reader = LEGACY + "from core.config import app_config\n"
    drivers = load(tmp_path, a_driver=endless, b_driver=error, c_driver=reader)
    assert sorted(tried) == ["a_driver.py", "b_driver.py", "c_driver.py"]
    tried.clear()

    # Its settings changed: it is run again, but known to do no harm
    again = load_drivers(tmp_path, settings, drivers)
    assert tried == ["b_driver.py"]
    assert again.pools["acme"].driver_class is not drivers.pools["acme"].driver_class
    reasons = {failed.path.name: failed.reason for failed in again.failed}
    assert reasons["a_driver.py"] == (
        "It takes longer than 1 s to load; as the file has not changed, it was not"
        " tried again"
    )
    tried.clear()

    # Under another name it is the same file; a changed one is another
    (tmp_path / "a_driver.py").rename(tmp_path / "d_driver.py")
    (tmp_path / "b_driver.py").write_text(MINER)
    last = load_drivers(tmp_path, settings, again)
    assert tried == ["b_driver.py"]
    assert [failed.path.name for failed in last.failed] == ["d_driver.py"]
    assert "acme" in last.miners
    tried.clear()

    (tmp_path / "d_driver.py").write_text(POOL.replace('"acme"', '"mended"'))
    mended = load_drivers(tmp_path, settings, last)
    assert tried == ["d_driver.py"]
    assert mended.failed == []
    assert "mended" in mended.pools


def test_a_file_that_hangs_only_here_is_run_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a file that passes the trial and hangs then, one thread is lost to it."""
    monkeypatch.setattr(preflight, "LOAD_SECONDS", 2.0)
    free = tmp_path / "free"
    code = (
        "import pathlib, sys, time\n"
        f"while 'pytest' in sys.modules and not pathlib.Path({str(free)!r}).exists():\n"
        "    time.sleep(0.01)\n"
    )

    def hanging() -> list[threading.Thread]:
        return [item for item in threading.enumerate() if item.name == "hmm load"]

    drivers = load(tmp_path, a_driver=code + MINER)
    try:
        for _ in range(2):
            assert "longer than 2 s" in failure(drivers).reason
            assert len(hanging()) == 1
            drivers = load_drivers(tmp_path, None, drivers)
    finally:
        free.touch()
        for thread in hanging():
            thread.join(10)
    assert hanging() == []


# Plug-ins of HMM-Local that are no drivers

PROVIDER = dedent("""\
    from providers.energy.base import EnergyPriceProvider, EnergyPriceSlot


    class Tariff(EnergyPriceProvider):
        provider_id = "acme"


    raise SystemExit("Nobody runs this")
    """)
STRATEGY = dedent("""\
    from core.database import Miner
    from core.strategy_plugin_base import StrategyPlugin


    class Sun(StrategyPlugin):
        strategy_id = "sun"
    """)


@pytest.mark.parametrize("root", ["hmm/", ""])
@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("providers/energy/acme_provider.py", PROVIDER),
        ("providers/acme.py", PROVIDER),
        ("strategies/solar_strategy.py", STRATEGY),
        # Where they never belonged, and would be taken for drivers
        ("drivers/acme_provider.py", PROVIDER),
        ("drivers/acme_driver.py", PROVIDER),
        ("plugins/acme/plugin.py", PROVIDER),
        ("miner_drivers/solar_driver.py", STRATEGY),
    ],
)
def test_energy_providers_and_strategies_are_passed_over(
    tmp_path: Path, root: str, path: str, source: str
) -> None:
    """Given a plug-in of another kind, it is named as such, and it is no failure."""
    file = tmp_path / root / path
    file.parent.mkdir(parents=True)
    file.write_text(source)

    drivers = load_drivers(tmp_path / "hmm")

    assert drivers.failed == []
    assert drivers.passed_over == [file]


def test_what_only_looks_like_one(tmp_path: Path) -> None:
    """Given a driver that speaks of tariffs, or files of others, they are what they are."""
    file = tmp_path / "providers" / "energy" / "other_provider.py"
    file.parent.mkdir(parents=True)
    file.write_text("import of_other_software\n")
    (tmp_path / "providers" / "energy" / "__init__.py").mkdir()
    (tmp_path / "hmm").mkdir()
    (tmp_path / "hmm" / "acme_driver.py").write_text(
        f"# as {PROVIDER[:40]!r}\n{LEGACY}"
    )

    drivers = load_drivers(tmp_path / "hmm")

    assert drivers.passed_over == []
    assert drivers.failed == []
    assert "acme" in drivers.pools
