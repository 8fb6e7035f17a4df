"""Known pools: files, good and bad ones, and what drivers know by themselves."""

import logging
import os
from pathlib import Path
import threading

import pytest

from custom_components.hmm.driver_api import MiningModel, PoolTemplate
from custom_components.hmm.driver_engine import preflight
from custom_components.hmm.driver_engine.hanging import set_apart
from custom_components.hmm.driver_engine.known_pools import KnownPools, load_known_pools
from custom_components.hmm.driver_engine.loaded import FailedDriver
from custom_components.hmm.driver_engine.loader import BUNDLED, load_drivers
from tests.work import calls_of

BUNDLED_FILES = {path.stem for path in (BUNDLED / "pools").glob("*.yaml")}

MINIMAL = """\
driver: solopool
display_name: Mine
url: pool.example
port: 3333
coin: dgb
mining_model: SOLO
"""


def load(folder: Path, **files: str | bytes) -> KnownPools:
    """Load the pools of a folder with these files."""
    pools = folder / "pools"
    pools.mkdir(exist_ok=True)
    for name, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        (pools / f"{name}.yaml").write_bytes(data)
    return load_known_pools(folder, load_drivers(folder))


def failure(pools: KnownPools) -> FailedDriver:
    """Return the one failure; the bundled pools must be there."""
    assert pools.pools.keys() >= BUNDLED_FILES
    (failed,) = pools.failed
    return failed


def test_every_bundled_pool_is_whole(tmp_path: Path) -> None:
    """Given the bundled files, each has a driver, a server, a coin and a region."""
    pools = load(tmp_path)

    assert pools.failed == []
    assert {"solopool-dgb-eu1", "solopool-dgb-us1"} <= BUNDLED_FILES
    for stem in BUNDLED_FILES:
        pool = pools.pools[stem]
        assert pool.template.template_id == stem
        assert stem.startswith(pool.driver_type.replace("_", "-"))
        assert "." in pool.template.url
        assert pool.template.region
        assert pool.template.coin.lower() in stem.split("-")
        assert pool.template.description


def test_no_two_files_are_one_server(tmp_path: Path) -> None:
    """Given the bundled files, host and port tell the pool."""
    pools = load(tmp_path).pools
    servers = [
        (pools[stem].template.url, pools[stem].template.port) for stem in BUNDLED_FILES
    ]
    assert len(set(servers)) == len(servers)


def test_drivers_tell_of_servers_of_ones_own(tmp_path: Path) -> None:
    """Given drivers for servers at home, their host is left to the user."""
    pools = load(tmp_path).pools
    own = {name: pool for name, pool in pools.items() if not pool.template.url}

    assert own.keys() >= {"dgb-stack-local", "public-pool-local"}
    assert not own.keys() & BUNDLED_FILES
    stack = own["dgb-stack-local"]
    assert stack.driver_type == "dgb_stack"
    assert (stack.template.coin, stack.template.port) == ("DGB", 3335)
    assert stack.settings == {}
    assert stack.path.name == "dgb_stack_driver.py"


OWN_DRIVER = '''\
"""A pool driver of the user."""

import itertools

from custom_components.hmm.bundled.pool_drivers.solopool_driver import SolopoolDriver
from custom_components.hmm.driver_api import MiningModel, PoolTemplate


def template(**values):
    usual = dict(template_id="acme", display_name="Acme", url="", port=1, coin="BTC")
    return PoolTemplate(mining_model=MiningModel.SOLO, **{**usual, **values})


class AcmeDriver(SolopoolDriver):
    driver_type = "acme"

    def get_pool_templates(self):
        ANSWER
'''


def answering(tmp_path: Path, answer: str) -> KnownPools:
    """Load the pools of a folder with a driver that gives this for templates."""
    source = OWN_DRIVER.replace("ANSWER", answer)
    (tmp_path / "acme_driver.py").write_text(source)
    return load(tmp_path)


@pytest.mark.parametrize(
    "answer",
    [
        "raise SystemExit",
        "return 1 / 0",
        "return None",
        "return 5",
        "return ['acme', None, {}]",
        "return [template(port='any')]",
        "return [template(coin=None)]",
        "return [template(template_id=7)]",
        "return [template(url=None)]",
        "return [template(url='file:///etc/passwd')]",
        "return [template(port=True)]",
        "return [template(mining_model='solo')]",
        "raise KeyboardInterrupt",
        "raise GeneratorExit",
        (
            "class Odd(PoolTemplate):\n            __getattribute__ = lambda s, n: 1 / 0\n"
            "        return [object.__new__(Odd)]"
        ),
    ],
)
def test_a_driver_that_tells_nonsense(
    tmp_path: Path, answer: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Given a driver with odd templates, the pool files are there all the same."""
    caplog.set_level(logging.DEBUG)
    pools = answering(tmp_path, answer)

    assert pools.failed == []
    assert pools.pools.keys() >= BUNDLED_FILES
    assert not [pool for pool in pools.pools.values() if pool.driver_type == "acme"]


def test_a_driver_that_never_ends_to_tell(tmp_path: Path) -> None:
    """Given templates without end, the first of them are taken."""
    pools = answering(
        tmp_path, "return (template(template_id=f'a{n}') for n in itertools.count())"
    )
    assert "a499" in pools.pools
    assert "a500" not in pools.pools


def test_one_odd_template_spoils_no_other(tmp_path: Path) -> None:
    """Given a good template among bad ones, it is there."""
    pools = answering(tmp_path, "return [None, template(coin=1), template()]")
    assert pools.pools["acme"].template.display_name == "Acme"


def test_a_file_wins_over_a_template(tmp_path: Path) -> None:
    """Given a file with the name of a template, the file is the pool."""
    (tmp_path / "acme_driver.py").write_text(
        OWN_DRIVER.replace("ANSWER", "return [template()]")
    )
    pools = load(tmp_path, acme=MINIMAL)
    assert pools.pools["acme"].driver_type == "solopool"


@pytest.mark.parametrize(
    ("method", "is_apart"), [("__init__", False), ("get_pool_templates", True)]
)
def test_a_driver_that_hangs_is_asked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, is_apart: bool
) -> None:
    """Given a driver that never returns, it is asked again only when its file changes."""
    log, end = tmp_path / "log", tmp_path / "end"
    hangs = OWN_DRIVER.replace("ANSWER", "return []") + (
        f"\n    def {method}(self):\n"
        f"        import os, time; open({str(log)!r}, 'a').write('x')\n"
        f"        while not os.path.exists({str(end)!r}): time.sleep(0.01)\n"
    )
    path = tmp_path / "acme_driver.py"
    path.write_text(hangs)
    drivers = load_drivers(tmp_path)
    if is_apart:
        set_apart(drivers.pools["acme"].driver_class, path.name)
    with monkeypatch.context() as patch:
        patch.setattr(preflight, "LOAD_SECONDS", 1.0)
        for _ in range(3):
            pools = load_known_pools(tmp_path, drivers)
            assert pools.pools.keys() >= BUNDLED_FILES
            assert log.read_text() == "x"
    # A reload takes over what has not changed
    drivers = load_drivers(tmp_path, running=drivers)
    load_known_pools(tmp_path, drivers)
    assert log.read_text() == "x"

    path.write_text(OWN_DRIVER.replace("ANSWER", "return [template()]"))
    drivers = load_drivers(tmp_path, running=drivers)
    assert "acme" in load_known_pools(tmp_path, drivers).pools
    end.touch()
    for thread in threading.enumerate():
        if thread.name == "hmm load":
            thread.join()


def test_a_file_of_the_user_is_read(tmp_path: Path) -> None:
    """Given a file with few keys, the rest has its defaults."""
    pools = load(tmp_path, mine=MINIMAL)

    template = pools.pools["mine"].template
    assert (template.url, template.port) == ("pool.example", 3333)
    assert template.coin == "DGB"
    assert template.mining_model is MiningModel.SOLO
    assert template.region is None
    assert template.fee_percent is None
    assert template.requires_auth is False


def test_a_pool_is_added_as_authors_were_shown(tmp_path: Path) -> None:
    """Given a copy of a driver with its own type and the printed file, the pool is there."""
    source = (BUNDLED / "pool_drivers" / "solopool_driver.py").read_text("utf-8")
    source = source.replace('driver_type = "solopool"', 'driver_type = "mynewpool"')
    (tmp_path / "drivers").mkdir()
    (tmp_path / "drivers" / "mynewpool_driver.py").write_text(source)
    printed = """\
# mynewpool-btc-us.yaml
driver: mynewpool
display_name: "My New Pool BTC (US)"
url: pool.mynewpool.com
port: 3333
coin: BTC
region: US
mining_model: pool
fee_percent: 1.5
requires_auth: true
supports_shares: true
supports_earnings: true
supports_balance: true
description: "My awesome pool"
"""

    pools = load(tmp_path, **{"mynewpool-btc-us": printed})

    assert pools.failed == []
    pool = pools.pools["mynewpool-btc-us"]
    assert pool.driver_type == "mynewpool"
    assert pool.settings == {}
    assert pool.template == PoolTemplate(
        template_id="mynewpool-btc-us",
        display_name="My New Pool BTC (US)",
        url="pool.mynewpool.com",
        port=3333,
        coin="BTC",
        region="US",
        mining_model=MiningModel.POOL,
        fee_percent=1.5,
        requires_auth=True,
        supports_shares=True,
        supports_earnings=True,
        supports_balance=True,
        description="My awesome pool",
    )


def test_what_only_the_driver_knows_is_passed_on(tmp_path: Path) -> None:
    """Given keys beyond the contract, they are settings of the driver."""
    more = "api_base: http://127.0.0.1/api\nfee_percent: 1.5\nregion: 7\ntags: [a, b]\n"
    pools = load(tmp_path, mine=MINIMAL + more)

    pool = pools.pools["mine"]
    assert pool.settings == {"api_base": "http://127.0.0.1/api", "tags": ["a", "b"]}
    assert pool.template.fee_percent == 1.5
    assert pool.template.region == "7"


def test_what_is_left_to_fill_in_is_left_out(tmp_path: Path) -> None:
    """Given keys without a value, as in the files of HMM-Local, they are none."""
    more = "api_token: ''\nregion:\nsnapshot_window_minutes: 0\nverify_ssl: false\n"
    pool = load(tmp_path, mine=MINIMAL + more).pools["mine"]

    assert pool.settings == {"snapshot_window_minutes": 0, "verify_ssl": False}
    assert pool.template.region is None


@pytest.mark.parametrize(
    ("more", "account"),
    [
        ("", None),
        ("username: me\n", "me"),
        ("wallet: dgb1mine\n", "dgb1mine"),
        ("username: me\nwallet: ' dgb1mine '\n", "dgb1mine"),
        ("username: 7\nwallet:\n", None),
    ],
)
def test_the_account_of_a_file(tmp_path: Path, more: str, account: str | None) -> None:
    """Given an account in a file, it is suggested, and no setting of the driver."""
    pool = load(tmp_path, mine=MINIMAL + more).pools["mine"]

    assert pool.username == account
    assert pool.settings == {}


def test_a_file_without_a_name_is_called_after_itself(tmp_path: Path) -> None:
    """Given no display name, it is the stem of the file."""
    pools = load(tmp_path, mine=changed("display_name", None))
    assert pools.pools["mine"].template.display_name == "mine"


def test_files_beside_the_folder(tmp_path: Path) -> None:
    """Given ``<config>/pools``, pool files count there, files of others do not."""
    hmm, beside = tmp_path / "hmm", tmp_path / "pools"
    hmm.mkdir()
    beside.mkdir()
    (beside / "mine.yaml").write_text(MINIMAL)
    (beside / "both.yaml").write_text(MINIMAL)
    (beside / "swimming.yaml").write_text("temperature: 27\nurl: http://pool\n")
    (beside / "broken.yaml").write_text("a: [\n")
    (beside / "list.yaml").write_text("- a\n")
    (beside / "latin.yaml").write_bytes(b"a: \xe9\n")
    (beside / "half.yaml").write_text(changed("port", "many"))
    pools = load(hmm, both=MINIMAL.replace("Mine", "Nearer"))

    assert pools.pools["mine"].path == beside / "mine.yaml"
    assert pools.pools["both"].template.display_name == "Nearer"
    assert not pools.pools.keys() & {"swimming", "broken", "list", "latin", "half"}
    assert [failed.path.name for failed in pools.failed] == ["half.yaml"]


def test_a_template_of_a_server_in_a_file_is_left_out(tmp_path: Path) -> None:
    """Given a driver that tells of a server that a file has, it is there once."""
    answer = """return [
            template(template_id='a', url='Pool.example', port=3333, coin='dgb'),
            template(template_id='b', url='pool.example', port=3334, coin='dgb'),
        ]"""
    (tmp_path / "acme_driver.py").write_text(OWN_DRIVER.replace("ANSWER", answer))
    pools = load(tmp_path, mine=changed("driver", "acme")).pools
    assert pools.keys() >= {"mine", "b"}
    assert "a" not in pools


def test_a_file_of_the_user_wins_over_the_bundled_one(tmp_path: Path) -> None:
    """Given a file called like a bundled one, it replaces that."""
    pools = load(tmp_path, **{"solopool-dgb-eu1": MINIMAL})

    assert pools.pools["solopool-dgb-eu1"].template.display_name == "Mine"
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
        (
            changed("driver", "acme"),
            1,
            "There is no pool driver acme. Choose one of: bch_stack, braiins,",
        ),
        (changed("port", "http"), 4, "The key port must be a number from 1 to 65535"),
        (changed("port", "0"), 4, "The key port must be a number from 1 to 65535"),
        (changed("port", "65536"), 4, "The key port must be a number from 1 to 65535"),
        (changed("port", "true"), 4, "The key port must be a number from 1 to 65535"),
        (changed("mining_model", "pplns"), 6, "The key mining_model must be solo or"),
        (MINIMAL + "fee_percent: one\n", 7, "The key fee_percent must be a number"),
        (MINIMAL + "fee_percent: yes\n", 7, "The key fee_percent must be a number"),
        (
            MINIMAL + "x: [1, 2\n",
            8,
            "It is not valid YAML: expected ',' or ']', but got",
        ),
        (
            MINIMAL + "x: 'open\n",
            7,
            "A quotation mark that opens here is never closed",
        ),
        (
            MINIMAL + "\tx: 1\n",
            7,
            "It is not valid YAML: found character '\\t' that cannot start any token",
        ),
        (MINIMAL + "x: !secret y\n", 7, "It uses a tag (!secret y)"),
        (MINIMAL + "x: !!python/name:os.system\n", 7, "It uses a tag"),
        ("", 1, "It must hold keys and values"),
        ("- a\n- b\n", 1, "It must hold keys and values"),
        ("only text\n", 1, "It must hold keys and values"),
        (b"display_name: caf\xe9\n", None, "It is not in UTF-8"),
        (b"display_name: \x00\n", None, "It is not valid YAML"),
        (MINIMAL + "x: " + "[" * 9000, 7, "It is nested too deeply"),
        (MINIMAL + "x: &a [1]\n", 7, "It repeats a part of itself"),
        (MINIMAL + "x: *a\n", 7, "It repeats a part of itself"),
        (MINIMAL + "x: [" + "1," * 5000 + "]\n", 7, "It is too long"),
        (MINIMAL + "#" * 65_536, None, "It is larger than 64 KB"),
        (MINIMAL + "port: 1\n", 7, "The key port is there twice"),
        (MINIMAL + "x: {a: 1, a: 2}\n", 7, "The key a is there twice"),
        (MINIMAL + "x: {1: 2}\n", 7, "The keys must be plain text"),
        (MINIMAL + "x: " + "9" * 5000 + "\n", 7, "It holds a number that cannot be"),
        (MINIMAL + "x: 99999999999999999\n", 7, "It holds a number that cannot be"),
        (MINIMAL + "x: 012\n", 7, "It holds a number that cannot be read: put it"),
        (MINIMAL + "x: 1:30\n", 7, "It holds a number that cannot be read"),
        (MINIMAL + "x: 0x1F\n", 7, "It holds a number that cannot be read"),
        (MINIMAL + "x: .inf\n", 7, "It holds a number that cannot be read"),
        (MINIMAL + "x: .nan\n", 7, "It holds a number that cannot be read"),
        (MINIMAL + "x: 1.0e+999\n", 7, "It holds a number that cannot be read"),
        (MINIMAL + 'x: "\\ud83d"\n', 7, "It holds a text that is too long, or"),
        (MINIMAL + 'x: "\\e[31m"\n', 7, "It holds a text that is too long, or"),
        (MINIMAL + 'x: "\\UFFFFFFFF"\n', None, "It holds a value that cannot be read"),
        (MINIMAL + f"x: {'a' * 5000}\n", 7, "It holds a text that is too long, or"),
        (changed("coin", "NO"), 5, "The key coin must be text: put it in quotes"),
        (changed("driver", "[solopool]"), 1, "The key driver must be text"),
        (changed("display_name", "{a: b}"), 2, "The key display_name must be text"),
        (changed("url", "file:///etc/passwd"), 3, "The key url must be the host name"),
        (changed("url", "file:/etc/passwd"), 3, "The key url must be the host name"),
        (changed("url", "gopher://pool.example"), 3, "The key url must be the host"),
        (changed("url", "javascript:alert(1)"), 3, "The key url must be the host"),
        (changed("url", "a b"), 3, "The key url must be the host name or address"),
        (MINIMAL + "api_base: file:///etc\n", 7, "The key api_base must begin with"),
        (MINIMAL + "x: [{y: ftp://a}]\n", 7, "The key x must begin with http://"),
        (MINIMAL + "1: 2\n", 7, "The keys must be plain text"),
        (MINIMAL + "~: x\n", 7, "The keys must be plain text"),
        ("<<: {" + ", ".join(MINIMAL.split("\n")) + "}\n", 1, "The keys must be"),
        (MINIMAL + "? [a, b]\n: 1\n", 7, "The keys must be plain text"),
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
    assert "b" in pools.pools


def test_a_file_of_many_documents_is_refused(tmp_path: Path) -> None:
    """Given two documents in a file, it is refused as a whole."""
    pools = load(tmp_path, a=MINIMAL + "---\n" + MINIMAL)

    assert "a" not in pools.pools
    assert failure(pools).line == 7


def test_a_folder_with_the_name_of_a_file(tmp_path: Path) -> None:
    """Given a folder called like a pool file, the others are there."""
    (tmp_path / "pools" / "a.yaml").mkdir(parents=True)

    pools = load_known_pools(tmp_path, load_drivers(tmp_path))

    assert failure(pools).reason == "It is not a file"


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    """Given pipes, links to devices and out of the folder, the others are there."""
    folder = tmp_path / "hmm" / "pools"
    folder.mkdir(parents=True)
    (tmp_path / "pools").mkdir()
    os.mkfifo(folder / "a.yaml")
    (folder / "b.yaml").symlink_to("/dev/zero")
    (folder / "c.yaml").symlink_to("/etc/passwd")
    (folder / "d.yaml").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pools" / "e.yaml")
    Path(os.fsdecode(bytes(folder) + b"/\xff.yaml")).write_text(MINIMAL)
    (folder / "mine.yaml").write_text(MINIMAL)

    pools = load_known_pools(tmp_path / "hmm", load_drivers(tmp_path / "hmm"))

    assert "mine" in pools.pools
    outside = "It is a link that leads out of the configuration folder"
    assert [failed.reason for failed in pools.failed] == [
        "It is not a file",
        outside,
        outside,
        "It cannot be read (No such file or directory)",
        "Its name is not valid text: rename it",
    ]


def test_what_repeats_itself_costs_nothing(tmp_path: Path) -> None:
    """Given aliases of aliases (billion laughs), the file is refused at once."""
    laughs = "\n".join(
        f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 12)
    )
    text = f"l0: &l0 ha\n{laughs}\n{MINIMAL}"
    pools = load(tmp_path, a=text, b=MINIMAL)

    assert failure(pools).reason.startswith("It repeats a part of itself")
    # Not even twice the work of reading the file without what it repeats
    harmless = calls_of(lambda: load(tmp_path, a=text.replace("*", ""), b=MINIMAL))
    assert calls_of(lambda: load(tmp_path, a=text, b=MINIMAL)) < 2 * harmless


def test_dates_are_text(tmp_path: Path) -> None:
    """Given what YAML takes for a date, which no entry can hold, it is text."""
    pool = load(tmp_path, mine=MINIMAL + "since: 2026-11-28\n").pools["mine"]

    assert pool.settings == {"since": "2026-11-28"}


@pytest.mark.parametrize(
    "url", ["stratum+tcp://me@pool.example:1/#x", "https://pool.example/", "POOL_HOST"]
)
def test_addresses_that_miners_use(tmp_path: Path, url: str) -> None:
    """Given an address as it stands in a miner, it is taken as it is."""
    pools = load(tmp_path, mine=changed("url", url)).pools
    assert pools["mine"].template.url == url
