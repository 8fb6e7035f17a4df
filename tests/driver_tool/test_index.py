"""An author makes, builds, signs and checks an index, as it is typed."""

from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
import json
import os
from pathlib import Path
import re
import shlex
import shutil
import threading
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
import pytest
import yaml
from yarl import URL

from custom_components.hmm.driver_engine import download
from custom_components.hmm.driver_engine.declaration import DriverId
from custom_components.hmm.driver_engine.driver_index import DriverIndex, read_index
from driver_tool import cli
from driver_tool.index_commands import KEY_VARIABLE, TEMPLATE
from driver_tool.session import Session

from .conftest import POOL, POOL_ACCOUNT, ROOT
from .test_cli import Tool, tool

__all__ = ["tool"]

DRIVER = "sample_one-1.0.0/sample_one_driver.py"
SAMPLE = DriverId("miner", "sample_one")


def index_in(folder: Path) -> DriverIndex:
    """Return what HMM reads in the index of a folder."""
    source = (folder / "index.json").read_bytes()
    return read_index(source, URL("https://jane.example/index.json"))


def change(path: Path, old: str, new: str) -> None:
    """Replace something in a file."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path, tool: Tool) -> Path:
    """Return a folder with the example."""
    folder = tmp_path / "mine"
    assert tool("index", "new", str(folder))[0] == 0
    return folder


@pytest.fixture
def built(folder: Path, tool: Tool) -> Path:
    """Return the folder with its index."""
    # Built before: the checks of this driver were passed
    shutil.copy(TEMPLATE / "index.json", folder)
    assert tool("index", "build", str(folder))[0] == 0
    return folder


@pytest.fixture
def key(tmp_path: Path, tool: Tool) -> Path:
    """Return a secret key."""
    path = tmp_path / "secret.key"
    assert tool("index", "key", str(path))[0] == 0
    return path


# As it is meant


def test_the_example_is_what_the_tool_builds(folder: Path, tool: Tool) -> None:
    """Given the example, all checks pass, and the index is the one of the template."""
    assert not (folder / "index.json").exists()
    status, shown = tool("index", "build", str(folder))
    assert status == 0, shown
    assert "miner/sample_one  1.0.0  validate passed, conformance passed" in shown
    assert "not signed" in shown
    assert "note:" not in shown
    expected = (TEMPLATE / "index.json").read_bytes()
    assert (folder / "index.json").read_bytes() == expected
    status, shown = tool("index", "check", str(folder / "index.json"))
    assert (status, "1 files, 0 with a problem" in shown) == (0, True)


def test_from_a_key_to_a_signed_index(built: Path, key: Path, tool: Tool) -> None:
    """Given a key, the index is signed, and HMM sees the published fingerprint."""
    assert key.stat().st_mode & 0o777 == 0o600
    index = built / "index.json"
    status, shown = tool("index", "sign", str(index), "--key", str(key))
    assert status == 0
    signer = index_in(built).signer
    assert signer is not None
    assert f"signed with {signer.fingerprint}" in shown
    # Once more, with the key of the environment: the same signature
    before = index.read_bytes()
    os.environ[KEY_VARIABLE] = key.read_text()
    try:
        assert tool("index", "sign", str(index))[0] == 0
    finally:
        del os.environ[KEY_VARIABLE]
    assert index.read_bytes() == before
    status, shown = tool("index", "check", str(index))
    assert status == 0
    assert signer.fingerprint in shown
    # The next build is another file, which has to be signed again
    assert tool("index", "build", str(built))[0] == 0
    assert index_in(built).signer is None


def test_a_second_version(built: Path, tool: Tool) -> None:
    """Given a new folder, only its file is checked, and the serial grows."""
    assert index_in(built).serial == 2
    newer = built / "sample_one-1.1.0"
    shutil.copytree(built / "sample_one-1.0.0", newer)
    path = newer / "sample_one_driver.py"
    change(path, 'driver_version = "1.0.0"', 'driver_version = "1.1.0"')
    change(path, "Changes\n", "Changes\n1.1.0\tBetter\x0b.\n")
    change(path, 'driver_type = "', 'interface_version = "1.0.0"\n    driver_type = "')
    change(built / "index.yaml", "    against: sample_one.json", "    min_hmm: 0.1.0")
    # Of others, or no drivers
    shutil.copytree(newer, built / ".hidden" / "x")
    (built / "helper.py").write_text("no driver")
    status, shown = tool("index", "build", str(built), "--serial", "70")
    assert status == 0, shown
    assert f"note: {path}: index.yaml names no session" in shown
    index = index_in(built)
    assert index.serial == 70
    new, old = index.drivers[SAMPLE].versions
    assert (new.version, new.min_hmm, new.interface) == ("1.1.0", "0.1.0", "1.0.0")
    assert new.changes.startswith("Changes\n1.1.0")
    assert [check.name for check in new.checks] == ["validate"]
    assert [check.against for check in old.checks] == [None, "sample_one.json"]
    output = built / "other.json"
    assert tool("index", "build", str(built), "-o", str(output))[0] == 0
    assert json.loads(output.read_bytes())["serial"] == 1


def test_a_pool_driver(built: Path, pool_session: Session, tool: Tool) -> None:
    """Given a pool, its account is in index.yaml, and conformance is run with it."""
    (built / "pool").mkdir()
    path = built / "pool" / "sample_pool_driver.py"
    path.write_text(
        POOL.read_text(encoding="utf-8").replace("example_pool", "sample_pool"),
        encoding="utf-8",
    )
    (built / "pool.json").write_text(pool_session.dump(), encoding="utf-8")
    about = yaml.safe_load((built / "index.yaml").read_text(encoding="utf-8"))
    about["drivers"]["pool/sample_pool"] = {
        "name": "A pool",
        "supports": ["pool.example"],
        "against": "pool.json",
        "account": POOL_ACCOUNT,
    }
    (built / "index.yaml").write_text(yaml.safe_dump(about), encoding="utf-8")
    status, shown = tool("index", "build", str(built))
    assert status == 0, shown
    pool = index_in(built).drivers[DriverId("pool", "sample_pool")]
    assert (pool.name, pool.supports) == ("A pool", ("pool.example",))
    assert [check.name for check in pool.versions[0].checks] == [
        "validate",
        "conformance",
    ]


# What is refused


def test_nothing_is_written_over(folder: Path, key: Path, tool: Tool) -> None:
    """Given a folder or a key that is there, it stays."""
    secret = key.read_bytes()
    status, shown = tool("index", "key", str(key))
    assert (status, "exists" in shown) == (2, True)
    assert key.read_bytes() == secret
    status, shown = tool("index", "new", str(folder))
    assert (status, "is there already" in shown) == (2, True)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("name: Drivers", "nome: Drivers", "index.yaml has unknown keys: nome"),
        ("name: Drivers of Example", "", "name is missing or not valid"),
        ("license: MIT", "license: [", "index.yaml"),
        ("author: Jane Doe", f"author: {'x' * 81}", "author is missing or not valid"),
        ("    against:", "    agianst:", "miner/sample_one has unknown keys: agianst"),
        ("miner/sample_one", "miner/other", "miner/other, but there is no such driver"),
        ("  miner/sample_one:", "  - x", "index.yaml"),
        ("drivers:\n", "drivers: 7\nx:\n", "drivers is no mapping"),
        ("https://example.org/drivers", "ftp://x", "homepage: The address must begin"),
    ],
)
def test_a_mistake_in_index_yaml(
    built: Path, tool: Tool, old: str, new: str, reason: str
) -> None:
    """Given a mistake, it is named, and the index of before stays."""
    before = (built / "index.json").read_bytes()
    change(built / "index.yaml", old, new)
    status, shown = tool("index", "build", str(built))
    assert status == 2
    assert reason in shown
    assert (built / "index.json").read_bytes() == before


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("async def restart", "def restart", "restart must be async"),
        ("class SampleOneDriver(", "class SampleOneDriver((", "not valid Python"),
        ('version = "1.0.0"', 'version = "banana"', "banana cannot be compared"),
        ("None if power is None else power / 1000", "(power or 0) / 1000", "invented"),
    ],
)
def test_a_driver_that_does_not_pass(
    folder: Path, tool: Tool, old: str, new: str, reason: str
) -> None:
    """Given a driver with an error, there is no index."""
    change(folder / DRIVER, old, new)
    status, shown = tool("index", "build", str(folder))
    assert status == 2
    assert reason in shown
    assert not (folder / "index.json").exists()


def test_one_version_twice(built: Path, tool: Tool) -> None:
    """Given two files of one version, nobody knows which is meant."""
    shutil.copytree(built / "sample_one-1.0.0", built / "again")
    status, shown = tool("index", "build", str(built))
    assert status == 2
    assert "miner/sample_one 1.0.0 is there twice" in shown


def test_a_file_with_two_drivers(built: Path, tool: Tool) -> None:
    """Given a second driver in a file, the note says that only the first is listed."""
    path = built / DRIVER
    text = path.read_text(encoding="utf-8")
    path.write_text(
        f'{text}\n\nclass OtherDriver(SampleOneDriver):\n    driver_type = "other"\n'
    )
    change(built / "index.yaml", "    against: sample_one.json", "")
    status, shown = tool("index", "build", str(built))
    assert status == 0
    assert "only its first driver, miner/sample_one, is listed" in shown


def test_without_an_index_yaml(tmp_path: Path, tool: Tool) -> None:
    """Given a folder that is none, the tool says how to get one."""
    status, shown = tool("index", "build", str(tmp_path))
    assert status == 2
    assert "script/driver index new" in shown


def test_keys_that_are_none(built: Path, tmp_path: Path, tool: Tool) -> None:
    """Given no key, nonsense or another kind of key, nothing is signed."""
    index = built / "index.json"
    before = index.read_bytes()
    assert KEY_VARIABLE in tool("index", "sign", str(index))[1]
    other = tmp_path / "other.key"
    for secret in (
        b"nonsense",
        generate_private_key(SECP256R1()).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        ),
    ):
        other.write_bytes(secret)
        status, shown = tool("index", "sign", str(index), "--key", str(other))
        assert status == 2
        assert "script/driver index key FILE makes one" in shown
    assert index.read_bytes() == before


@pytest.mark.parametrize("number", ["0", "-1", "x", str(2**53 + 1)])
def test_serials_that_are_none(tool: Tool, number: str) -> None:
    """Given a number that no index may have, the command line refuses it."""
    with pytest.raises(SystemExit):
        tool("index", "build", ".", "--serial", number)


# What check finds


def document(folder: Path) -> dict[str, Any]:
    """Return the index of a folder as it is written."""
    content: dict[str, Any] = json.loads((folder / "index.json").read_bytes())
    return content


def test_check_compares_the_files(built: Path, tool: Tool) -> None:
    """Given a file that was changed, is gone or is no driver, it is named."""
    index = str(built / "index.json")
    path = built / DRIVER
    good = path.read_bytes()
    for content, problem in (
        (good + b"#\n", "miner/sample_one 1.0.0: the SHA-256 of the file is "),
        (b"nonsense(", "miner/sample_one 1.0.0: It is not valid Python"),
        (None, f"miner/sample_one 1.0.0: {DRIVER}: No such file"),
    ):
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content)
        status, shown = tool("index", "check", index)
        assert status == 1
        assert problem in shown
        assert "1 files, 1 with a problem" in shown
    path.write_bytes(good)
    content_ = document(built)
    content_["drivers"][0]["versions"][0]["version"] = "2.0.0"
    (built / "index.json").write_text(json.dumps(content_))
    status, shown = tool("index", "check", index)
    assert (status, "the file is miner/sample_one 1.0.0" in shown) == (1, True)


def test_check_reads_as_hmm_does(built: Path, key: Path, tool: Tool) -> None:
    """Given an index that HMM would refuse, check and build say why."""
    index = built / "index.json"
    tool("index", "sign", str(index), "--key", str(key))
    change(index, "Jane Doe", "John Doe")
    for command in ("check", "sign"):
        more = ["--key", str(key)] if command == "sign" else []
        status, shown = tool("index", command, str(index), *more)
        assert status == 2
        assert "signature is not valid" in shown
    status, shown = tool("index", "build", str(built))
    assert (status, "signature is not valid" in shown) == (2, True)
    status, _ = tool("index", "check", str(built / "none.json"))
    assert status == 2


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve the folder of the author, as its pages would be; return the address."""
    monkeypatch.setattr(download, "PLAIN_HTTP_HOSTS", frozenset({"127.0.0.1"}))

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Print nothing."""

    handler = partial(Quiet, directory=str(tmp_path / "mine"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_check_an_address(built: Path, site: str, tool: Tool) -> None:
    """Given the address of an index, it and its files are fetched."""
    status, shown = tool("index", "check", f"{site}/index.json")
    assert status == 0, shown
    assert "1 files, 0 with a problem" in shown
    (built / DRIVER).unlink()
    status, shown = tool("index", "check", f"{site}/index.json")
    assert (status, "The server returned 404" in shown) == (1, True)
    status, shown = tool("index", "check", f"{site}/none.json")
    assert (status, "The server returned 404" in shown) == (2, True)
    status, shown = tool("index", "check", "http://jane.example/index.json")
    assert (status, "https://" in shown) == (2, True)


# The repository and the page


def test_the_index_of_the_page_is_one() -> None:
    """Given the example of the page, HMM reads it."""
    page = (ROOT / "docs/drivers/indexes.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```json\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    index = read_index(block.encode(), URL("https://jane.example/drivers/index.json"))
    (driver,) = index.drivers.values()
    assert str(driver.versions[0].url) == (
        "https://jane.example/drivers/acme-1.1.0/acme_driver.py"
    )
    for key in (*json.loads(block)["drivers"][0], *_keys(json.loads(block))):
        assert f"`{key}`" in page, key


def _keys(content: dict[str, Any]) -> list[str]:
    """Return the keys of an index and of its first version."""
    return [*content, *content["drivers"][0]["versions"][0]]


def test_the_workflow_types_what_the_tool_takes() -> None:
    """Given the workflow of the template, its commands exist, in a good order."""
    workflow = yaml.safe_load(
        (TEMPLATE / ".github/workflows/index.yml").read_text(encoding="utf-8")
    )
    steps = workflow["jobs"]["build"]["steps"]
    commands = [shlex.split(step["run"]) for step in steps if "run" in step]
    assert [words[2] for words in commands] == ["build", "sign", "check"]
    for words in commands:
        assert words[0] == "hmm/script/driver"
        cli.parser().parse_args(
            [word.replace("$GITHUB_RUN_NUMBER", "7") for word in words[1:]]
        )
    # Where the secret is, no driver runs
    secret = [step["run"] for step in steps if "secrets." in str(step)]
    assert secret == ["hmm/script/driver index sign drivers/index.json"]
    readme = (TEMPLATE / "README.md").read_text(encoding="utf-8")
    for command in re.findall(r"`(script/driver .+?)`", readme):
        cli.parser().parse_args(shlex.split(command)[1:])
