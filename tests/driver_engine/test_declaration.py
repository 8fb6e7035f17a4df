"""What a file says about itself is read without running it."""

from pathlib import Path
from textwrap import dedent

import pytest

from custom_components.hmm.driver_engine.declaration import (
    Declaration,
    DriverId,
    NotADriver,
    declare,
)
from custom_components.hmm.driver_engine.loader import load_drivers
from custom_components.hmm.driver_engine.versions import UNKNOWN, is_newer
from tests.work import calls_of

FIXTURES = Path(__file__).parents[1] / "fixtures" / "drivers"

DRIVER = "class Last(BaseMinerAdapter):\n driver_type = 'last'\n"


def read(text: str, path: str = "miner_drivers/acme_driver.py") -> Declaration:
    """Return what a text declares."""
    return declare(dedent(text).encode(), Path(path))


# Versions


@pytest.mark.parametrize(
    ("latest", "installed", "newer"),
    [
        ("1.0.1", "1.0.0", True),
        ("1.10.0", "1.9.9", True),
        ("2", "1.9", True),
        ("v1.1", "1.0", True),
        ("1.0", "1.0.0", False),
        ("1.0.0", "1.0", False),
        ("1.0.0", "1.0.0", False),
        ("1.0.0", "1.0.1", False),
        ("1.9.9", "1.10.0", False),
        ("0", "0.0", False),
        # Before and after a release
        ("1.0.0-beta", "1.1.0", False),
        ("1.0.0-beta", "1.0.0", False),
        ("1.0.0", "1.0.0-beta", True),
        ("1.0.0-rc.2", "1.0.0rc1", True),
        ("1.0.0.dev3", "1.0.0a1", False),
        ("1.0.0+local", "1.0.0", True),
        ("1.0.post1", "1.0", True),
        # The numbers decide where the rest cannot be read
        ("1.0.0-custom", "1.1.0", False),
        ("1.1.0", "1.0.0-custom", True),
        ("1.0.0-custom", "1.0.0", True),
        ("2.0 (my own)", "10.0 (my own)", False),
        # What cannot be ordered differs, and that is an update
        ("1.0.0", UNKNOWN, True),
        (UNKNOWN, "1.0.0", True),
        ("banana", "1.0.0", True),
        ("1.0.0", "banana", True),
        ("banana", "banana", False),
        ("", "1.0", True),
        ("٣.٠", "1.0", True),
        ("9" * 5000, "1.0", True),
        ("1.0" + ".0" * 5000, "1.0", True),
        ("1.0-" * 5000, "2.0", False),
        ("1..0", "1.0", True),
    ],
)
def test_versions_are_compared(latest: str, installed: str, newer: bool) -> None:
    """Given two versions, whatever they are, it is told which is newer."""
    assert is_newer(latest, installed) is newer


# Declarations


def test_a_native_driver_is_read() -> None:
    """Given a driver with all that a driver may have, all of it is read."""
    result = read('''
        """The Acme miner."""

        from custom_components.hmm.driver_api import BaseMinerAdapter

        __version__ = "2.1.0"
        REQUIREMENTS = ["acme-client==1.0", "other"]

        class Helper:
            driver_type = "none"

        class Acme(BaseMinerAdapter):
            """Talks to an Acme.

            At length.
            """

            driver_type = "acme"
            driver_version = "1.0.0"
            display_name = "Acme One"
    ''')
    assert result.id == DriverId("miner", "acme")
    assert result.drivers == (DriverId("miner", "acme"),)
    assert str(result.id) == "miner/acme"
    assert result.version == "2.1.0"
    assert result.display_name == "Acme One"
    assert result.description == "Talks to an Acme."
    assert result.requirements == ("acme-client==1.0", "other")
    assert result.notes == "The Acme miner."
    assert len(result.sha256) == 64


def test_nothing_is_run() -> None:
    """Given a file that ends the program, reading it does not."""
    result = read("""
        import sys
        sys.exit(1)
        class A(BasePoolIntegration):
            driver_type = "a"
    """)
    assert result.id == DriverId("pool", "a")
    assert result.version == UNKNOWN
    assert result.display_name == "a"
    assert result.notes is None


@pytest.mark.parametrize(
    ("text", "driver"),
    [
        ("class A(MinerAdapter):\n miner_type = 'a'", "miner/a"),
        ("class A(MinerAdapter):\n miner_type: str = 'a'", "miner/a"),
        ("T = 'a'\nclass A(base.MinerAdapter):\n miner_type = T", "miner/a"),
        ("class A(MinerAdapter): pass", "miner/acme"),
        (
            "class A(BasePoolIntegration):\n @property\n def pool_type(s): return 'a'",
            "pool/a",
        ),
        (
            "class A(BasePoolIntegration):\n def __init__(self): self.pool_type='a'",
            "pool/a",
        ),
        (
            "class Base(BasePoolIntegration): pass\nclass A(Base):\n driver_type='a'",
            "pool/a",
        ),
        (
            "class Base(BaseMinerAdapter):\n driver_type='a'\nclass A(Base): pass",
            "miner/a",
        ),
        ("try:\n class A(X):\n  driver_type='a'\nexcept E: pass", "miner/a"),
        ("if True:\n pass\nelse:\n class A(X[T]):\n  pool_type='a'", "pool/a"),
        ("class A(X):\n miner_type='a'", "miner/a"),
    ],
)
def test_the_type_is_found(text: str, driver: str) -> None:
    """Given one of the ways in which drivers told their type, it is found."""
    assert str(read(text).id) == driver


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("pool_drivers/a_driver.py", "pool"),
        ("miner_drivers/a_driver.py", "miner"),
        ("drivers/pools/a_driver.py", "pool"),
        ("a_driver.py", "miner"),
    ],
)
def test_the_folder_tells_what_the_file_does_not(path: str, kind: str) -> None:
    """Given a class that extends one of another file, its folder tells its kind."""
    assert read("class A(CkpoolStackDriver):\n driver_type='a'", path).id.kind == kind
    pool = "class A(X):\n driver_type='a'\n supports_coins=[]"
    assert read(pool, "a_driver.py").id.kind == "pool"


def test_a_file_may_have_several_drivers() -> None:
    """Given two drivers and the base of both, the two are told."""
    result = read("""
        class Base(BaseMinerAdapter):
            driver_version = "3.0"
        class A(Base):
            driver_type = "a"
        class B(Base):
            driver_type = "b"
    """)
    assert list(map(str, result.drivers)) == ["miner/a", "miner/b"]
    assert result.version == "3.0"


@pytest.mark.parametrize("version", ["1.5", "'1.5'", "  ' 1.5 '"])
def test_a_version_may_be_a_number(version: str) -> None:
    """Given a version that is no text, it is read all the same."""
    text = f"__version__ = {version}\nclass A(MinerAdapter): pass"
    assert read(text).version == "1.5"


@pytest.mark.parametrize("version", ["None", "f()", "[]", "True", "''"])
def test_a_version_that_is_none_is_unknown(version: str) -> None:
    """Given nonsense for a version, it is unknown."""
    text = f"__version__ = {version}\nclass A(MinerAdapter): pass"
    assert read(text).version == UNKNOWN


@pytest.mark.parametrize(
    ("value", "expected"),
    [("('a', ' b ')", ("a", "b")), ("'a'", ()), ("[1, 'a']", ("a",)), ("f()", ())],
)
def test_requirements_are_texts(value: str, expected: tuple[str, ...]) -> None:
    """Given requirements, those that are texts are read."""
    text = f"REQUIREMENTS = {value}\nclass A(MinerAdapter): pass"
    assert read(text).requirements == expected


@pytest.mark.parametrize(
    "text",
    [
        '__changelog__ = """\n    2.0: better\n    """\n# Changelog\n# 1: no\n',
        'CHANGELOG = "2.0: better"\n',
    ],
)
def test_notes_are_a_constant(text: str) -> None:
    """Given a constant with the changelog, it goes before all else."""
    result = read(f"{text}class A(MinerAdapter): pass")
    assert result.notes == "2.0: better"


def test_notes_are_a_comment() -> None:
    """Given a changelog in comments, it is read as far as it goes."""
    result = read('''
        """The docstring."""

        # Licence: whatever

        # Changelog
        #
        # 2.0: better
        #   much
        # 1.0: good

        # Something else
        x = "# Changelog"
        class A(MinerAdapter): pass
    ''')
    assert result.notes == "Changelog\n\n2.0: better\n  much\n1.0: good"
    # Behind the mark of UTF-8, as editors write it
    text = "# Changelog\n# 1.0: good\nclass A(MinerAdapter): pass\n"
    for mark in ("\ufeff", "\ufeff# coding: UTF8\n\n"):
        assert read(f"{mark}{text}").notes == "Changelog\n1.0: good"


def test_notes_are_a_part_of_the_docstring() -> None:
    """Given a docstring with a changelog, the rest of it is left out."""
    result = read('''
        """The Acme.

        Changelog:
        2.0: better
        """
        class A(MinerAdapter): pass
    ''')
    assert result.notes == "Changelog:\n2.0: better"


def test_long_notes_end_somewhere() -> None:
    """Given a novel, what is shown is bounded, and so is a name."""
    result = read(
        f"'''{'x' * 50_000}'''\nclass A(MinerAdapter):\n display_name = '{'y' * 5000}'"
    )
    assert result.notes is not None
    assert len(result.notes) == 10_000
    assert len(result.display_name) == 100


@pytest.mark.parametrize(
    ("source", "reason", "line"),
    [
        (b"def f(:\n", "It is not valid Python", 1),
        (b"x = 1\n  y = 2\n", "It is not valid Python", 2),
        (b"\x00\x01\x02" * 100, "It holds a null byte", 1),
        (b"\xff\xfe\xfa", "It is not in UTF-8", 1),
        (b"x = " + b"(" * 100_000, "It is not valid Python", 1),
        (b"x = " + b"-" * 400_000 + b"1", "It is not valid Python", None),
        (b"# coding: klingon\n", "It is in klingon: save it", 1),
        (b"", "No class in it", None),
        (b"print('hello')", "No class in it", None),
        (b"class A(BaseMinerAdapter): pass", "No class in it", None),
        (b"class A(BasePoolIntegration):\n driver_type = f()", "No class in it", None),
        (b"class A(Exception): pass", "No class in it", None),
        (b"class A:\n driver_type = 'a'", "No class in it", None),
    ],
)
def test_what_is_no_driver_is_refused(
    source: bytes, reason: str, line: int | None
) -> None:
    """Given something else than a driver, it is told what is wrong with it."""
    with pytest.raises(NotADriver, match=reason) as raised:
        declare(source, Path("miner_drivers/acme_driver.py"))
    if line is not None:
        assert raised.value.line == line


@pytest.mark.parametrize(
    "source",
    [
        "if 1:\n pass\n" + "elif 1:\n pass\n" * 3000,
        f"__version__ = 0x{'f' * 10_000}\n",
        f"class B(MinerAdapter):\n driver_version = 0x{'f' * 10_000}\n",
        "".join(f"class A{n + 1}(A{n}):\n x{n} = 'y'\n" for n in range(8000)),
        "#" + "!" * 200_000 + "\n",
        "\n" * 200_000,
    ],
    ids=["elifs", "version", "attribute", "classes", "comment", "lines"],
)
def test_long_sources_cost_little(source: str) -> None:
    """Given what is long or deep in any way, the driver in it is found in few steps."""
    result: list[Declaration] = []
    content = f"{source}\n{DRIVER}".encode()
    calls = calls_of(lambda: result.append(declare(content, Path("acme_driver.py"))))

    assert str(result[0].drivers[-1]) == "miner/last"
    # Some for each of its nodes and lines, not for each pair of them
    assert calls < 20 * len(content)


def test_bundled_drivers_declare_what_they_are(tmp_path: Path) -> None:
    """Given the bundled drivers, reading them tells what loading them does."""
    drivers = load_drivers(tmp_path)
    assert drivers.miners
    assert drivers.pools
    for kind, loaded in (("miner", drivers.miners), ("pool", drivers.pools)):
        for driver_type, driver in loaded.items():
            result = declare(driver.path.read_bytes(), driver.path)
            assert str(result.id) == f"{kind}/{driver_type}"
            assert result.version == driver.version
            assert result.sha256 == driver.sha256
            assert result.display_name == driver.driver_class.display_name
            assert result.notes


@pytest.mark.parametrize("path", sorted(FIXTURES.rglob("*.py")), ids=lambda p: p.stem)
def test_drivers_of_hmm_local_declare_what_they_are(path: Path, tmp_path: Path) -> None:
    """Given an old driver, reading it tells the types that it is loaded with."""
    stem = path.stem.removesuffix("_driver").replace("template", "example")
    copy = tmp_path / f"{stem}_driver.py"
    copy.write_bytes(path.read_bytes())
    drivers = load_drivers(tmp_path)
    loaded = {
        f"{kind}/{driver_type}": driver.version
        for kind, result in (("miner", drivers.miners), ("pool", drivers.pools))
        for driver_type, driver in result.items()
        if driver.path == copy
    }
    if loaded:
        result = declare(copy.read_bytes(), copy)
        assert set(map(str, result.drivers)) == loaded.keys()
        assert result.version in {UNKNOWN, *loaded.values()}
    else:
        assert drivers.failed
        with pytest.raises(NotADriver):
            declare(copy.read_bytes(), copy)
