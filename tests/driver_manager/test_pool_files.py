"""Pool files, good and bad ones."""

from pathlib import Path

import pytest

from custom_components.hmm.driver_api import MiningModel
from custom_components.hmm.driver_manager.loader import FailedDriver, load_drivers
from custom_components.hmm.driver_manager.pool_files import PoolFiles, load_pool_files

MINIMAL = """\
driver: solopool
display_name: Mine
url: pool.example
port: 3333
coin: dgb
mining_model: SOLO
"""


def load(folder: Path, **files: str | bytes) -> PoolFiles:
    """Load the pools of a folder with these files."""
    pools = folder / "pools"
    pools.mkdir()
    for name, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        (pools / f"{name}.yaml").write_bytes(data)
    return load_pool_files(folder, load_drivers(folder))


def failure(pools: PoolFiles) -> FailedDriver:
    """Return the one failure; the bundled pools must be there."""
    assert len(pools.files) >= 6
    (failed,) = pools.failed
    return failed


def test_every_bundled_pool_is_whole(tmp_path: Path) -> None:
    """Given the bundled files, each has a driver, a server, a coin and a region."""
    pools = load(tmp_path)

    assert pools.failed == []
    assert len(pools.files) == 6
    for stem, pool in pools.files.items():
        assert pool.driver_type == "solopool"
        assert pool.template.template_id == stem
        assert pool.template.url.endswith(".solopool.org")
        assert pool.template.region
        assert pool.template.mining_model is MiningModel.SOLO
        assert pool.settings == {}


def test_a_file_of_the_user_is_read(tmp_path: Path) -> None:
    """Given a file with few keys, the rest has its defaults."""
    pools = load(tmp_path, mine=MINIMAL)

    template = pools.files["mine"].template
    assert (template.url, template.port) == ("pool.example", 3333)
    assert template.coin == "DGB"
    assert template.mining_model is MiningModel.SOLO
    assert template.region is None
    assert template.fee_percent is None
    assert template.requires_auth is False


def test_what_only_the_driver_knows_is_passed_on(tmp_path: Path) -> None:
    """Given keys beyond the contract, they are settings of the driver."""
    more = "api_base: http://127.0.0.1/api\nfee_percent: 1.5\nregion: 7\ntags: [a, b]\n"
    pools = load(tmp_path, mine=MINIMAL + more)

    pool = pools.files["mine"]
    assert pool.settings == {"api_base": "http://127.0.0.1/api", "tags": ["a", "b"]}
    assert pool.template.fee_percent == 1.5
    assert pool.template.region == "7"


def test_a_file_of_the_user_wins_over_the_bundled_one(tmp_path: Path) -> None:
    """Given a file called like a bundled one, it replaces that."""
    pools = load(tmp_path, **{"solopool-dgb-eu1": MINIMAL})

    assert pools.files["solopool-dgb-eu1"].template.display_name == "Mine"
    assert len(pools.files) == 6
    assert pools.failed == []


def changed(key: str, value: str | None) -> str:
    """Return the minimal file with another value, or without the key."""
    lines = [line for line in MINIMAL.splitlines() if not line.startswith(f"{key}:")]
    if value is not None:
        place = [line.partition(":")[0] for line in MINIMAL.splitlines()].index(key)
        lines.insert(place, f"{key}: {value}")
    return "\n".join([*lines, ""])


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        (changed("driver", None), None, "The key driver is missing"),
        (changed("url", None), None, "The key url is missing"),
        (changed("url", "''"), 3, "The key url is missing"),
        (changed("coin", "null"), 5, "The key coin is missing"),
        (changed("mining_model", None), None, "The key mining_model is missing"),
        (changed("driver", "acme"), 1, "There is no pool driver acme"),
        (changed("port", "http"), 4, "The key port must be a number from 1 to 65535"),
        (changed("port", "0"), 4, "The key port must be a number from 1 to 65535"),
        (changed("port", "65536"), 4, "The key port must be a number from 1 to 65535"),
        (changed("port", "true"), 4, "The key port must be a number from 1 to 65535"),
        (changed("mining_model", "pplns"), 6, "The key mining_model must be solo or"),
        (MINIMAL + "username: me\n", 7, "The key username is not for pool files"),
        (MINIMAL + "fee_percent: one\n", 7, "The key fee_percent must be a number"),
        (MINIMAL + "fee_percent: yes\n", 7, "The key fee_percent must be a number"),
        (MINIMAL + "x: [1, 2\n", 8, "expected ',' or ']', but got"),
        (MINIMAL + "x: 'open\n", 8, "found unexpected end of stream"),
        (MINIMAL + "\tx: 1\n", 7, "found character '\\t' that cannot start any token"),
        (MINIMAL + "x: !secret y\n", 7, "could not determine a constructor"),
        ("", 1, "It must hold keys and values"),
        ("- a\n- b\n", 1, "It must hold keys and values"),
        ("only text\n", 1, "It must hold keys and values"),
        (b"display_name: caf\xe9\n", None, "It cannot be read as text"),
        (b"display_name: \x00\n", None, "It is not valid YAML"),
        (MINIMAL + "x: 2026-13-45\n", None, "It holds a value that cannot be read"),
        (MINIMAL + "x: " + "[" * 9000, None, "It holds a value that cannot be read"),
        (MINIMAL + "1: 2\n", 7, "The keys must be plain text"),
        (MINIMAL + "~: x\n", 7, "The keys must be plain text"),
        ("<<: {" + ", ".join(MINIMAL.split("\n")) + "}\n", 1, "The keys must be"),
        (MINIMAL + "? [a, b]\n: 1\n", 7, "found unhashable key"),
    ],
)
def test_a_bad_file_is_told_with_its_line(
    tmp_path: Path, content: str | bytes, line: int | None, reason: str
) -> None:
    """Given a file that cannot be used, the others are there, and it is told why."""
    pools = load(tmp_path, a=content, b=MINIMAL)

    failed = failure(pools)
    assert failed.path.name == "a.yaml"
    assert failed.reason.startswith(reason)
    assert failed.line == line
    assert "b" in pools.files


def test_a_file_of_many_documents_is_refused(tmp_path: Path) -> None:
    """Given two documents in a file, it is refused as a whole."""
    pools = load(tmp_path, a=MINIMAL + "---\n" + MINIMAL)

    assert "a" not in pools.files
    assert failure(pools).line == 7


def test_a_folder_with_the_name_of_a_file(tmp_path: Path) -> None:
    """Given a folder called like a pool file, the others are there."""
    (tmp_path / "pools" / "a.yaml").mkdir(parents=True)

    pools = load_pool_files(tmp_path, load_drivers(tmp_path))

    assert failure(pools).reason == "It cannot be read as text"
