"""Driver files, good and bad ones."""

import asyncio
import hashlib
import json
from pathlib import Path
import sys
from textwrap import dedent

import pytest

from custom_components.hmm.driver_manager.loader import (
    FailedDriver,
    LoadedDrivers,
    load_drivers,
)

BUNDLED_MINERS = {"avalon_nano", "bitaxe", "nerdqaxe", "nmminer"}

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
    assert set(drivers.pools) == {"solopool"}
    assert drivers.failed == []
    for driver in drivers.miners.values():
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
    assert failed.reason == "SyntaxError: invalid syntax"
    assert "acme" in drivers.miners


@pytest.mark.parametrize(
    ("source", "line", "reason"),
    [
        ("\n\nimport no_such_module\n", 3, "ModuleNotFoundError: No module named"),
        ("from json import no_such_name\n", 1, "ImportError: cannot import name"),
        ("import sys\nsys.exit(3)\n", 2, "It ends the program (sys.exit)"),
        ("raise SystemExit\n", 1, "It ends the program (sys.exit)"),
        ("#\nraise KeyboardInterrupt\n", 2, "KeyboardInterrupt"),
        ("raise GeneratorExit\n", 1, "GeneratorExit"),
        ("def f():\n    1 / 0\n\n\nf()\n", 2, "ZeroDivisionError: division by zero"),
        ("raise ValueError('first\\nsecond')\n", 1, "ValueError: first"),
        ("  x = 1\n", 1, "IndentationError: unexpected indent"),
    ],
)
def test_whatever_a_file_raises_stops_only_itself(
    tmp_path: Path, source: str, line: int, reason: str
) -> None:
    """Given a file that fails, its line and reason are told, the others load."""
    drivers = load(tmp_path, a_driver=source, b_driver=MINER)

    failed = failure(drivers)
    assert failed.line == line
    assert failed.reason.startswith(reason)
    assert "\n" not in failed.reason
    assert "acme" in drivers.miners
    assert not [name for name in sys.modules if ".a_driver_" in name]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"# caf\xe9\n", "SyntaxError: "),
        (b"x = 1\0\n", "SyntaxError: source code"),
        (b"\xff\xfe\x00\x00", "SyntaxError: "),
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

    assert failure(drivers).reason.startswith("IsADirectoryError")
    assert "acme" in drivers.miners


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('    driver_type = "acme"\n', "", "AcmeDriver has no driver_type"),
        ('"acme"', '""', "AcmeDriver has no driver_type"),
        ('"acme"', "7", "AcmeDriver has no driver_type"),
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
            "The default_port of AcmeDriver must be a number",
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
        "AcmeDriver does not implement"
        " connect, get_pool_info, get_telemetry, restart, set_mode"
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
