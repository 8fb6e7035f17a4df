"""Mistakes in a file are told with their line and what to do about them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from driver_tool import ToolError
from driver_tool.problem import Problem
from driver_tool.validate import Report, validate

from .conftest import BUNDLED, MINER, POOL

type Writer = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Writer:
    """Return what writes a template with a part replaced."""

    def write(
        old: str = "", new: str = "", source: Path = MINER, name: str = "acme_driver.py"
    ) -> Path:
        text = source.read_text(encoding="utf-8")
        assert old in text
        path = tmp_path / name
        text = text.replace(old, new, 1)
        for taken in ('"example_one"', '"example_pool"'):
            text = text.replace(taken, '"acme"')
        path.write_text(text, encoding="utf-8")
        return path

    return write


def only(report: Report) -> Problem:
    """Return the one problem of a file."""
    (problem,) = report.problems
    return problem


def line_of(path: Path, text: str) -> int:
    """Return the line in which a text begins."""
    return path.read_text(encoding="utf-8").partition(text)[0].count("\n") + 1


@pytest.mark.parametrize("source", [MINER, POOL])
def test_a_sound_file_has_no_problems(write: Writer, source: Path) -> None:
    """Given a copy of a template with a type of its own, there is nothing to say."""
    report = validate(write(source=source))
    assert report.problems == ()
    assert report.is_usable
    assert report.declaration is not None
    assert report.declaration.version == "1.0.0"


@pytest.mark.parametrize(
    ("old", "new", "says", "advice"),
    [
        (
            "async def connect(",
            "async def conect(",
            "does not implement connect, but has conect",
            "write it so",
        ),
        (
            "async def get_telemetry(",
            "async def get_telementry(",
            "does not implement get_telemetry, but has get_telementry",
            "write it so",
        ),
        (
            "async def restart(",
            "async def switch_off_and_on(",
            "does not implement restart",
            "template",
        ),
        (
            "async def set_mode(self, mode: str)",
            "def set_mode(self, mode: str)",
            "set_mode must be async",
            "async def set_mode",
        ),
        (
            "def get_supported_modes(self)",
            "async def get_supported_modes(self)",
            "must not be async",
            "`def get_supported_modes",
        ),
        (
            "def connect(self, ip: str, port: int | None = None)",
            "def connect(self)",
            "connect does not take",
            "def connect(self, ip, port=None)",
        ),
        (
            "def __init__(self) -> None:",
            "def __init__(self, ip) -> None:",
            "__init__ wants arguments",
            "connect()",
        ),
        pytest.param(
            "driver_version = __version__",
            'driver_version = __version__\n    interface_version = "99.0"',
            "needs version 99.0 of the driver interface",
            "Update HMM",
            marks=pytest.mark.trial,
        ),
        (
            'driver_type = "example_one"',
            "driver_type = None",
            "ExampleOneDriver has no driver_type",
            "Give the class",
        ),
        (
            'driver_type = "example_one"',
            "",
            "ExampleOneDriver has no driver_type",
            "Give the class",
        ),
        (
            "default_port = 80",
            'default_port = "80"',
            "must be a number",
            "without quotes",
        ),
        (
            'option_fields = ("admin_password",)',
            'option_fields = ("admin_password")',
            "must be a tuple",
            "the comma",
        ),
        ('hashrate_unit = "TH/s"', 'hashrate_unit = "TH"', "must be one of", ""),
        (
            "from collections.abc import Mapping",
            "from collections.abc import Maping",
            "ImportError",
            "no such name",
        ),
        (
            "from collections.abc import Mapping",
            "import pyasic_of_nobody",
            "ModuleNotFoundError",
            "REQUIREMENTS",
        ),
        (
            "from collections.abc import Mapping",
            "import sys; sys.exit()",
            "ends the program",
            "Remove",
        ),
        (
            "class ExampleOneDriver(BaseMinerAdapter):",
            "class ExampleOneDriver(BaseMinerAdapter:",
            "not valid Python",
            "line",
        ),
    ],
)
def test_an_error_keeps_a_file_from_working(
    write: Writer, old: str, new: str, says: str, advice: str
) -> None:
    """Given a mistake that HMM cannot load, it is an error with advice."""
    report = validate(write(old, new))
    assert not report.is_usable
    errors = [problem for problem in report.problems if problem.level == "error"]
    assert says in errors[0].text
    assert advice in errors[0].advice


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            'parse_number(status.get("power_mw"))',
            'status.get("power_mw", 0)',
            "takes 0",
        ),
        (
            'parse_number(status.get("power_mw"))',
            'float(status.get("power_mw")) or 0.0',
            "takes 0",
        ),
        (
            "        self._status = status\n",
            "        self._status = status\n        print(status)\n",
            "It prints",
        ),
        (
            "        self._status = status\n",
            "        self._status = status\n        time.sleep(1)\n",
            "time.sleep stops",
        ),
        (
            "        self._status = status\n",
            "        self._status = status\n        x = aiohttp.ClientSession()\n",
            "session of its own",
        ),
        (
            "        self._status = status\n",
            "        self._status = status\n        x = socket.create_connection((ip, 80))\n",
            "plain socket",
        ),
        (
            "        self._status = status\n",
            "        try:\n            self._status = status\n        except:\n            pass\n",
            "catches everything",
        ),
        ("from typing import", "import requests\nfrom typing import", "requests stops"),
        (
            "from typing import",
            "from urllib.request import urlopen\nfrom typing import",
            "urllib.request stops",
        ),
        (
            "from typing import",
            "from homeassistant import const\nfrom typing import",
            "imports Home Assistant",
        ),
        ('__version__ = "1.0.0"', '__version__ = "banana"', "is no number"),
        ('driver_type = "example_one"', 'driver_type = "Example One"', "is not plain"),
    ],
)
def test_a_habit_that_hurts_is_a_warning(
    write: Writer, old: str, new: str, says: str
) -> None:
    """Given what works and hurts later, there is a warning in the right line."""
    path = write(old, new)
    report = validate(path)
    warnings = [problem for problem in report.problems if says in problem.text]
    assert [warning.level for warning in warnings] == ["warning"]
    assert warnings[0].advice
    if warnings[0].line is not None:
        here = path.read_text(encoding="utf-8").splitlines()[warnings[0].line - 1]
        assert here.strip() in new or new in here


def test_a_zero_is_told_with_its_line(write: Writer) -> None:
    """Given a zero in place of a missing value, the line is that of the zero."""
    path = write('parse_number(status.get("power_mw"))', 'status.get("power_mw", 0)')
    assert only(validate(path)).line == line_of(path, 'status.get("power_mw", 0)')


@pytest.mark.parametrize(
    "harmless",
    [
        "(block.timestamp or 0)",
        'status.get("power_mw", "0")',
        'status.get("power_mw", False)',
        "max(1, 0)",
    ],
)
def test_not_every_zero_is_a_warning(write: Writer, harmless: str) -> None:
    """Given a zero that is no figure of the device, nothing is said."""
    path = write('parse_number(status.get("power_mw"))', harmless)
    assert validate(path).problems == ()


def test_an_error_is_told_with_its_line(write: Writer) -> None:
    """Given broken syntax, the line is where Python stumbles."""
    path = write("    default_port = 80", "    default_port = = 80")
    problem = only(validate(path))
    assert problem.line == line_of(path, "    default_port = = 80")
    assert validate(path).declaration is None


@pytest.mark.parametrize(
    ("name", "level", "says"),
    [
        ("acme.py", "error", "does not end in _driver.py"),
        ("TEMPLATE_acme_driver.py", "warning", "never loaded"),
    ],
)
def test_a_name_that_is_not_seen(
    write: Writer, name: str, level: str, says: str
) -> None:
    """Given a file that HMM overlooks, its name is what is wrong."""
    problem = only(validate(write(name=name)))
    assert (problem.level, says in problem.text) == (level, True)


def test_a_file_that_is_no_driver(tmp_path: Path) -> None:
    """Given other Python, other bytes, or far too much, the reason is told."""
    path = tmp_path / "other_driver.py"
    path.write_text("x = 1\n")
    assert "No class in it extends" in only(validate(path)).text
    path.write_bytes(b"\xff\xfe\x00")
    assert "It is not in UTF-8" in only(validate(path)).text
    path.write_bytes(b"#" * 2_000_000)
    assert "larger than 256 KB" in only(validate(path)).text
    with pytest.raises(ToolError, match="There is no file"):
        validate(tmp_path / "nothing.py")


def test_a_driver_of_hmm_local_is_told_what_it_is(tmp_path: Path) -> None:
    """Given an old import, the file is usable, and where to begin anew is told."""
    path = tmp_path / "old_driver.py"
    path.write_text(
        "from adapters.base import BaseMinerAdapter\n"
        "class Old(BaseMinerAdapter):\n"
        "    driver_type = 'old'\n"
        "    async def connect(self, ip, port=None): return False\n"
        "    async def get_telemetry(self): return {}\n"
        "    async def get_pool_info(self): return {}\n"
        "    async def set_mode(self, mode): return False\n"
        "    async def restart(self): return False\n"
    )
    report = validate(path)
    assert report.is_usable
    assert any("driver of HMM-Local" in problem.advice for problem in report.problems)


@pytest.mark.parametrize("path", sorted((BUNDLED).glob("*_drivers/*_driver.py")))
def test_the_bundled_drivers_are_sound(path: Path) -> None:
    """Given a driver that comes with HMM, nothing in it keeps it from working."""
    assert validate(path).is_usable


def test_a_name_that_nobody_calls_is_a_warning(write: Writer) -> None:
    """Given a method that may be left out, its misspelled name is told."""
    path = write("def get_supported_modes(", "def get_suported_modes(")
    report = validate(path)
    assert report.is_usable
    problem = only(report)
    assert "get_supported_modes, but has get_suported_modes" in problem.text
    assert problem.line == line_of(path, "def get_suported_modes")


def test_methods_of_its_own_are_no_mistake(write: Writer) -> None:
    """Given a helper that is called nearly as what is there as well, all is well."""
    path = write(
        "    async def restart(",
        "    def get_supported_mode(self) -> None:\n"
        '        """Return one."""\n\n'
        "    async def restart(",
    )
    assert validate(path).problems == ()


def test_a_pool_of_a_driver_of_ones_own(tmp_path: Path) -> None:
    """Given a pool file and the driver that it needs, both are known."""
    driver = tmp_path / "mine_driver.py"
    driver.write_bytes(POOL.read_bytes())
    assert "is that of the template" in only(validate(driver)).text
    path = tmp_path / "mine.yaml"
    template = BUNDLED / "templates" / "TEMPLATE-pool.yaml.example"
    text = template.read_text(encoding="utf-8")
    path.write_text(text.replace("driver: solopool", "driver: example_pool"))
    assert "no pool driver example_pool" in only(validate(path)).text
    assert "no pool driver" not in str(validate(path, [driver]).problems)
    path.write_text(text.replace("driver: solopool", "driver: my_pool"))
    assert "your file is example_pool" in only(validate(path, [driver])).advice


def test_pool_files(tmp_path: Path) -> None:
    """Given a pool file, it is read as Home Assistant does."""
    template = BUNDLED / "templates" / "TEMPLATE-pool.yaml.example"
    assert validate(template).problems == ()
    path = tmp_path / "mine.yaml"
    text = template.read_text(encoding="utf-8")
    path.write_text(text.replace("port: 8004", "port: many"))
    problem = only(validate(path))
    assert "port must be a number" in problem.text
    assert problem.line == line_of(path, "port: many")
    path.write_text(text.replace("driver: solopool", "driver: my_pool"))
    problem = only(validate(path))
    assert "no pool driver my_pool" in problem.text
    assert "type of yours" in problem.advice
