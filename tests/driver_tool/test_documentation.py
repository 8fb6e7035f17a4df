"""What the pages for authors say is so."""

import asyncio
from collections.abc import Callable
from pathlib import Path
import re
import shlex
import shutil
import subprocess

import pytest
import yaml

from custom_components.hmm.bundled.templates.TEMPLATE_miner_driver import (
    ExampleOneDriver,
)
from custom_components.hmm.bundled.templates.TEMPLATE_pool_driver import (
    ExamplePoolDriver,
)
from custom_components.hmm.driver_api import (
    AuthRequired,
    BaseMinerAdapter,
    CannotConnect,
    CommandFailed,
    DriverContext,
    InvalidValue,
    NotThisDevice,
)
from custom_components.hmm.driver_engine.known_pools import (
    _ACCOUNT_KEYS,
    _KNOWN_KEYS,
    load_known_pools,
)
from custom_components.hmm.driver_engine.loader import load_drivers
from driver_tool import cli, commands
from driver_tool.conformance import Outcome, Result, shared_session
from driver_tool.example import (
    EXAMPLE_WALLET,
    SimulatedExampleMiner,
    SimulatedExamplePool,
)
from driver_tool.files import one_miner, one_pool
from driver_tool.miner_checks import LIVE_MINER_CHECKS, MINER_CHECKS
from driver_tool.pool_checks import POOL_CHECKS
from driver_tool.suite import try_miner, try_pool
from driver_tool.targets import open_target
from driver_tool.validate import validate
from simulator.httpd import json_response
from simulator.solopool import DEMO_WALLET

from .conftest import BUNDLED, ROOT

pytestmark = pytest.mark.usefixtures("impatient")

PAGES = sorted((ROOT / "docs" / "drivers").glob("*.md"))

type Blocks = Callable[[str], list[str]]


def failures(results: list[Result]) -> dict[str, str]:
    """Return the checks that failed, and why."""
    return {
        result.check: result.detail
        for result in results
        if result.outcome is Outcome.FAILED
    }


# --- the templates ---------------------------------------------------------------------


async def test_the_template_of_a_miner_keeps_the_contract(
    socket_enabled: None,
) -> None:
    """Given the example miner, the template passes all checks, none left out."""
    async with open_target("simulator:example-miner") as target:
        results = await try_miner(ExampleOneDriver, target, {}, may_write=True)
    assert {result.outcome for result in results} == {Outcome.PASSED}, failures(results)


async def test_the_template_of_a_pool_keeps_the_contract(socket_enabled: None) -> None:
    """Given the example pool, the template passes all checks, none left out."""
    account = {
        "coin": "BTC",
        "username": EXAMPLE_WALLET,
        "settings": {"api_base": "http://{address}/api"},
    }
    async with open_target("simulator:example-pool") as target:
        results = await try_pool(ExamplePoolDriver, target, account)
    assert {result.outcome for result in results} == {Outcome.PASSED}, failures(results)


def test_templates_are_not_loaded(tmp_path: Path) -> None:
    """Given the templates, bundled or as somebody's files, HMM does not load them."""
    for path in (BUNDLED / "templates").glob("TEMPLATE_*.py"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    drivers = load_drivers(tmp_path)
    assert drivers.failed == []
    assert "example_one" not in drivers.miners
    assert "example_pool" not in drivers.pools


def test_the_template_has_every_method() -> None:
    """Given a method of the contract, the template shows it or says why not."""
    reported = (BUNDLED / "templates" / "TEMPLATE_miner_driver.py").read_text(
        encoding="utf-8"
    )
    for name in vars(BaseMinerAdapter):
        if not name.startswith("_") and callable(getattr(BaseMinerAdapter, name)):
            assert re.search(rf"def {name}\(|``{name}\b", reported), name


def test_the_template_of_a_pool_file_explains_every_key() -> None:
    """Given the keys that HMM knows, each one is in the template, with a comment."""
    text = (BUNDLED / "templates" / "TEMPLATE-pool.yaml.example").read_text(
        encoding="utf-8"
    )
    for key in (*_KNOWN_KEYS, *_ACCOUNT_KEYS):
        assert re.search(rf"^(# )?{key}: ", text, re.MULTILINE), key
    assert isinstance(yaml.safe_load(text), dict)


async def test_the_template_commands_its_miner(socket_enabled: None) -> None:
    """Given each command, the miner does it, or the error says why not."""
    async with (
        SimulatedExampleMiner(reboot_seconds=0.1, restart_delay=0.05) as device,
        shared_session() as session,
    ):
        driver = ExampleOneDriver()
        with pytest.raises(CannotConnect):
            await driver.get_telemetry()
        driver.attach(DriverContext(session=session, options={}))
        assert await driver.connect(device.host, device.port)
        assert await driver.set_pool("stratum+tcp://other:3333", "me", "x")
        assert await driver.get_pool_info() == {
            "pool_url": "other:3333",
            "pool_user": "me",
            "pool_pass": None,
        }
        assert await driver.identify()
        assert device.identified == 1
        assert driver.supports_tuning()
        assert await driver.set_tuning("frequency", 500)
        assert (await driver.get_telemetry()).mode == "custom"
        with pytest.raises(InvalidValue):
            await driver.set_tuning("frequency", 900)
        with pytest.raises(InvalidValue):
            await driver.set_tuning("core_voltage", 1150)
        assert await driver.get_version_info() == {"firmware": "1.4.2"}
        device.password = "secret"
        with pytest.raises(AuthRequired):
            await driver.set_mode("fast")
        driver.attach(
            DriverContext(session=session, options={"admin_password": "secret"})
        )
        assert await driver.set_mode("fast")
        assert await driver.restart()
        await device.wait_ready()
        assert device.boots == 2
        device._routes = {
            **device.routes(),
            "POST /api/pause": lambda _: json_response({}, status=500),
            "GET /api/status": lambda _: json_response({"maker": "Other"}),
        }
        with pytest.raises(CommandFailed, match="500"):
            await driver.pause()
        with pytest.raises(NotThisDevice):
            await driver.get_telemetry()
        await driver.close()


@pytest.mark.parametrize("limits", [None, [400], ["x", 600], [600, 400]])
async def test_the_template_tunes_nothing_without_limits(
    limits: object, socket_enabled: None
) -> None:
    """Given limits that make no sense, there is nothing to tune."""
    async with SimulatedExampleMiner() as device, shared_session() as session:
        status = {**device.status(), "limits": {"frequency": limits}, "modes": None}
        device._routes = {"GET /api/status": lambda _: json_response(status)}
        driver = ExampleOneDriver()
        driver.attach(DriverContext(session=session, options={}))
        assert await driver.connect(device.host, device.port)
        assert driver.get_tuning_limits() is None
        assert driver.get_supported_modes() == []


# --- the guides ------------------------------------------------------------------------


async def test_the_guide_for_miners(
    page: Blocks, tmp_path: Path, socket_enabled: None
) -> None:
    """Given the first version of the guide it fails as told, the last one passes."""
    versions = []
    for number, block in enumerate(page("guide-miner.md")):
        path = tmp_path / f"my_axe{number}_driver.py"
        path.write_text(block, encoding="utf-8")
        versions.append(path)
    first, last = versions
    (remark,) = validate(first).problems
    assert "takes 0" in remark.text
    assert validate(last).problems == ()

    results = []
    for path in (first, last):
        async with open_target("simulator:bitaxe-gamma@2.15") as target:
            kind = one_miner(str(path))
            results.append(await try_miner(kind, target, {}, may_write=True))
    text = (ROOT / "docs/drivers/guide-miner.md").read_text(encoding="utf-8")
    failed = failures(results[0])
    assert "nothing-invented" in failed
    assert "when hashRate is missing: hashrate is 0.0 instead of unknown" in text
    assert "hashRate is missing: hashrate is 0" in failed["nothing-invented"]
    assert 'in get_telemetry: power=info["power"]' in text
    assert failures(results[1]) == {}
    passed = sum(result.outcome is Outcome.PASSED for result in results[1])
    assert f"{passed} passed, 0 failed, {len(results[1]) - passed} not" in text
    assert f"runs {len(results[0])} checks" in text


async def test_the_guide_for_pools(
    page: Blocks, tmp_path: Path, socket_enabled: None
) -> None:
    """Given the driver of the guide, it passes all checks."""
    (block,) = page("guide-pool.md")
    path = tmp_path / "my_pool_driver.py"
    path.write_text(block, encoding="utf-8")
    assert validate(path).problems == ()
    account = {
        "coin": "DGB",
        "username": DEMO_WALLET,
        "settings": {"api_base": "http://{address}/api"},
    }
    async with open_target("simulator:solopool-dgb@v2") as target:
        results = await try_pool(one_pool(str(path)), target, account)
    assert failures(results) == {}


async def test_the_guide_for_pools_can_replay_its_session(
    page: Blocks,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    socket_enabled: None,
) -> None:
    """Given what the guide records, its replay knows the account that it names."""
    monkeypatch.chdir(tmp_path)
    (block,) = page("guide-pool.md")
    (tmp_path / "my_pool_driver.py").write_text(block, encoding="utf-8")
    reported = {
        words[1]: words[1:]
        for command in commands_of(ROOT / "docs/drivers/guide-pool.md")
        if (words := shlex.split(command))[1] in ("record", "replay")
    }
    async with open_target("simulator:solopool-dgb@v2") as target:
        reported["record"][1] = f"{target.host}:{target.port}"
        arguments = cli.parser().parse_args(reported["record"])
        assert await commands.record(arguments) == 0
    assert await commands.replay(cli.parser().parse_args(reported["replay"])) == 0
    shown = capsys.readouterr().out
    assert re.search(r"pool_hashrate +12\.\d+ TH/s", shown)


async def test_the_example_of_a_fixture(
    page: Blocks,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    socket_enabled: None,
) -> None:
    """Given the test of the page, with a driver and a session, it passes."""
    (block,) = page("tool.md")
    driver = (BUNDLED / "templates" / "TEMPLATE_miner_driver.py").read_text(
        encoding="utf-8"
    )
    (tmp_path / "acme_driver.py").write_text(
        driver.replace("ExampleOneDriver", "AcmeDriver")
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    async with SimulatedExampleMiner() as device:
        status = {**device.status(), "hashrate_ghs": 1200}
        device._routes = {"GET /api/status": lambda _: json_response(status)}
        target = f"{device.host}:{device.port}"
        reported = cli.parser().parse_args(
            ["record", target, "--driver", "acme_driver.py", "-o", "acme.json"]
        )
        assert await commands.record(reported) == 0
    namespace: dict[str, Callable[[None], object]] = {}
    exec(block, namespace)
    test = namespace["test_a_poll"](None)
    assert hasattr(test, "__await__")
    await test


# What needs the internet, or runs until Ctrl-C
_NOT_TYPED = ("git clone ", "cd hmm", "script/driver example", "script/demo")


async def test_the_road(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    socket_enabled: None,
) -> None:
    """Given the page, when all of it is done from top to bottom, each command works."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "custom_components").symlink_to(ROOT / "custom_components")
    old = ROOT / "tests/fixtures/drivers/legacy_bitaxe_driver.py"
    shutil.copy(old, "old_driver.py")
    text = (ROOT / "docs/drivers/road.md").read_text(encoding="utf-8")
    driver, shown = Path(), ""
    async with SimulatedExampleMiner() as miner, SimulatedExamplePool() as pool:
        text = text.replace("127.0.0.1:18181", f"{miner.host}:{miner.port}")
        text = text.replace("127.0.0.1:18182", f"{pool.host}:{pool.port}")
        text = text.replace("192.168.1.50", "simulator:bitaxe-gamma@2.15")
        for step in re.finditer(
            r"^    (?P<command>\S.*)$|^```yaml\n(?P<keys>(?s:.*?))^```"
            r'|`(?P<edit>\w+ = ".+?")`',
            text,
            re.MULTILINE,
        ):
            if (edit := step["edit"]) is not None:
                change(driver, " = ", [edit])
            elif (keys := step["keys"]) is not None and keys.startswith("driver:"):
                change(Path("acme-btc.yaml"), ": ", keys.splitlines())
            elif keys is not None:
                (tmp_path / "my-drivers/index.yaml").write_text(keys)
            elif (command := step["command"]).startswith("script/driver ex"):
                continue
            elif command.startswith("script/driver "):
                words = shlex.split(command)[1:]
                status = await typed(*words)
                shown = capsys.readouterr().out
                # As the page says, a driver of old works and has its faults
                is_old = "old_driver.py" in words
                assert status == (is_old and words[0] == "conformance"), shown
                is_copy = words == ["validate", driver.name]
                assert ("is that of the template" in shown) is is_copy
                assert "warning" not in shown or is_old or is_copy
            elif not command.startswith(_NOT_TYPED):
                await asyncio.to_thread(
                    subprocess.run, command, shell=True, check=True, capture_output=True
                )
                if "/templates/TEMPLATE_" in command:
                    driver = Path(command.split()[-1])
    demo = load_drivers(tmp_path / ".demo/config/hmm")
    assert demo.failed == []
    assert "acme" in demo.miners
    pools = load_known_pools(tmp_path / ".demo/config/hmm", demo).pools
    assert pools["acme-btc"].driver_type == "acme_pool"
    # What the last command has shown
    assert "signed with" in shown
    assert re.search(r"miner/acme +1\.0\.0 +validate passed, conformance passed", shown)


async def typed(*words: str) -> int:
    """Return the exit status of a command of the tool."""
    status: int = await getattr(commands, words[0])(cli.parser().parse_args(words))
    return status


def change(path: Path, sign: str, lines: list[str]) -> None:
    """Give what is set in a file other values; each is there, perhaps commented out."""
    text = path.read_text(encoding="utf-8")
    for line in lines:
        name = line.partition(sign)[0]
        text, count = re.subn(
            rf"^( *)(# )?{name}{sign}.*$",
            rf"\g<1>{line}",
            text,
            count=1,
            flags=re.MULTILINE,
        )
        assert count == 1, line
    path.write_text(text, encoding="utf-8")


# --- the pages -------------------------------------------------------------------------


def commands_of(page: Path) -> list[str]:
    """Return the calls of the tool that a page shows."""
    return re.findall(
        r"^ +(script/driver .+)$", page.read_text(encoding="utf-8"), re.MULTILINE
    )


@pytest.mark.parametrize("page_path", PAGES, ids=lambda path: path.name)
def test_every_command_can_be_typed(page_path: Path) -> None:
    """Given a call of the tool on a page, it takes all of it."""
    for command in commands_of(page_path):
        words = shlex.split(command)[1:]
        if words[-1] != "--help" and "COMMAND" not in words:
            cli.parser().parse_args(words)


def test_the_commands_of_the_help_can_be_typed() -> None:
    """Given an example of --help, the tool takes it."""
    for command in re.findall(r"^  script/driver (.+)$", cli.EXAMPLES, re.MULTILINE):
        cli.parser().parse_args(shlex.split(command))


def test_every_command_and_check_is_explained() -> None:
    """Given the commands and checks that there are, the page has all of them."""
    text = (ROOT / "docs/drivers/tool.md").read_text(encoding="utf-8")
    headings = set(re.findall(r"^## (\w+)$", text, re.MULTILINE))
    usage = cli.parser().format_help()
    for name in headings - {"The"}:
        assert name in usage
    for name in ("validate", "probe", "watch", "pool", "record", "replay", "example"):
        assert name in headings
    miners = [check.id for check in (*MINER_CHECKS, *LIVE_MINER_CHECKS)]
    for check in (*miners, *(check.id for check in POOL_CHECKS)):
        assert f"`{check}`" in text, check
