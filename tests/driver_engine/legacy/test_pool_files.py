"""HMM-Local's pool files, unchanged."""

from pathlib import Path
from textwrap import dedent

import pytest

from custom_components.hmm.driver_api import MiningModel
from custom_components.hmm.driver_engine.known_pools import KnownPools, load_known_pools
from custom_components.hmm.driver_engine.loader import load_drivers

from .variants import read_driver

BRAIINS = dedent("""\
    # A pool with a token that is to be filled in
    driver: braiins
    display_name: "A Pool BTC (EU)"
    url: eu.pool.example
    port: 3333
    coin: BTC
    region: EU
    mining_model: pool
    fee_percent: 2.0
    requires_auth: true
    supports_shares: true
    supports_earnings: true
    supports_balance: true
    description: "European stratum"
    api_token: ""
    """)
STACK = dedent("""\
    driver: dgb_stack
    url: 192.168.1.7
    port: 3335
    manager_port: 8085
    stratum_port: 3335
    coin: DGB
    region: Local
    mining_model: solo
    """)


def load(folder: Path, **files: str | bytes) -> KnownPools:
    """Load files (``__`` in a name stands for a folder of <config>)."""
    for name, content in files.items():
        path = folder / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return load_known_pools(folder / "hmm", load_drivers(folder / "hmm"))


@pytest.mark.parametrize("folder", ["hmm__pools__", "pools__"])
def test_files_as_they_are(tmp_path: Path, folder: str) -> None:
    """Given files of HMM-Local in either folder, they are pools to choose."""
    known = load(tmp_path, **{f"{folder}braiins-eu": BRAIINS, f"{folder}stack": STACK})

    assert known.failed == []
    braiins = known.pools["braiins-eu"]
    assert braiins.template.display_name == "A Pool BTC (EU)"
    assert braiins.template.mining_model is MiningModel.POOL
    # What is left to fill in is not filled in
    assert braiins.settings == {}
    stack = known.pools["stack"]
    assert stack.template.display_name == "stack"
    assert stack.settings == {"manager_port": 8085, "stratum_port": 3335}
    assert braiins.username is stack.username is None


@pytest.mark.parametrize(
    ("lines", "username"),
    [
        ("username: me\n", "me"),
        ("wallet: dgb1q\n", "dgb1q"),
        ("wallet: dgb1q\nusername: me\n", "dgb1q"),
        ("wallet: ''\nusername: me\n", "me"),
        ("username: null\n", None),
    ],
)
def test_an_account_is_suggested(
    tmp_path: Path, lines: str, username: str | None
) -> None:
    """Given an account in a file, it is no setting of the driver."""
    known = load(tmp_path, hmm__pools__mine=STACK + lines)

    assert known.failed == []
    assert known.pools["mine"].username == username
    assert known.pools["mine"].settings == {"manager_port": 8085, "stratum_port": 3335}


@pytest.mark.parametrize(
    "content",
    [
        "driver: a\nurl: b\nport: 80\n",
        "- driver\n- url\n",
        "x: !secret y\n",
        "driver: [1\n",
        b"\xff\xfe",
        "",
        "x: 2026-13-45\n",
    ],
)
def test_files_of_other_software_are_left_alone(
    tmp_path: Path, content: str | bytes
) -> None:
    """Given files in <config>/pools that are none of ours, nobody hears of them."""
    (tmp_path / "pools" / "folder.yaml").mkdir(parents=True)
    known = load(tmp_path, pools__other=content, pools__stack=STACK)

    assert known.failed == []
    assert "stack" in known.pools
    assert not known.pools.keys() & {"other", "folder"}


def test_a_file_beside_the_folder_that_is_wrong(tmp_path: Path) -> None:
    """Given a pool file there with an error, it is named; hmm/pools wins over it."""
    known = load(
        tmp_path,
        pools__bad=STACK.replace("dgb_stack", "no_such_driver"),
        pools__stack=STACK,
        hmm__pools__stack=STACK + "display_name: Mine\n",
    )

    (failed,) = known.failed
    assert failed.path == tmp_path / "pools" / "bad.yaml"
    assert failed.line == 1
    assert known.pools["stack"].template.display_name == "Mine"


def test_pools_that_drivers_know(tmp_path: Path) -> None:
    """Given a file for a pool that a driver knows as well, it is listed once."""
    drivers = tmp_path / "hmm" / "drivers"
    drivers.mkdir(parents=True)
    (drivers / "p5_driver.py").write_text(read_driver("hmm_local/p5_driver.py"))
    before = load(tmp_path).pools
    assert before.keys() >= {"p5pool-dgb_eu", "p5pool-local_solo"}

    file = STACK.replace("dgb_stack", "p5pool").replace(
        "192.168.1.7", "EU.pool.example"
    )
    after = load(tmp_path, hmm__pools__mine=file.replace("port: 3335", "port: 3333"))

    assert after.failed == []
    assert after.pools.keys() - before.keys() == {"mine"}
    assert before.keys() - after.pools.keys() == {"p5pool-dgb_eu"}
