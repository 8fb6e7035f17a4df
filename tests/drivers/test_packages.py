"""Drivers that need packages: installed by Home Assistant, or refused in words.

The packages are real wheels on an index of the test's own; it is Home Assistant that
has uv install them, into the config folder of the test.
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
import sys
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest

from custom_components.hmm.const import DOMAIN
from custom_components.hmm.data import get_data
from custom_components.hmm.driver_engine.loaded import LoadedDriver
from custom_components.hmm.drivers import packages as driver_requirements
from custom_components.hmm.markdown import escape
from tests.common import until
from tests.file_server import FileServer
from tests.package_index import PackageIndex, package_index
from tests.user_drivers import acme, acme_entry, do, put, read, start, sum_of

FILE = "miner_drivers/acme_driver.py"
OTHER = "miner_drivers/other_driver.py"
PACKAGE = "hmm-acme-client"
MODULE = "hmm_acme_client"


@pytest.fixture
def forget_package() -> Iterator[None]:
    """Forget the module: another test has another version of it."""
    sys.modules.pop(MODULE, None)
    yield
    sys.modules.pop(MODULE, None)


@pytest.fixture
async def index(
    home: HomeAssistant,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    forget_package: None,
) -> AsyncIterator[PackageIndex]:
    """Run a package index that is the only one."""
    async with package_index(home, tmp_path, monkeypatch) as server:
        yield server


def needing(package: str = "1.0", requirement: str | None = None, **kwargs: Any) -> str:
    """Return a driver that cannot be loaded without the package."""
    requirement = f"{PACKAGE}=={package}" if requirement is None else requirement
    return (
        f"REQUIREMENTS = [{requirement!r}]\nimport {MODULE}\n"
        f"assert {MODULE}.VERSION == '{package}'\n{acme(**kwargs)}"
    )


def code(version: str) -> str:
    """Return the module in the package."""
    return f"VERSION = {version!r}\n"


def running(home: HomeAssistant, driver: str = "acme") -> LoadedDriver[Any] | None:
    """Return the driver that runs."""
    return get_data(home).drivers.miners.get(driver)


def reasons(home: HomeAssistant) -> dict[str, str]:
    """Return the repair issues of broken files: what is wrong, by file."""
    return {
        texts["file"]: texts["reason"]
        for (domain, _), issue in ir.async_get(home).issues.items()
        if domain == DOMAIN
        and issue.translation_key == "driver_failed"
        and (texts := issue.translation_placeholders)
    }


async def test_a_package_is_installed_before_the_file_is_loaded(
    home: HomeAssistant, index: PackageIndex
) -> None:
    """Given a file that needs a package, at the start it comes as soon as it can.

    Meanwhile everything else is there, and its entry says what it waits for.
    """
    index.put(PACKAGE, "1.0", code("1.0"))
    index.open.clear()
    await put(home, FILE, needing())
    await put(home, OTHER, acme(driver_type="other"))
    entry = acme_entry()
    entry.add_to_hass(home)
    assert await async_setup_component(home, DOMAIN, {})
    await home.async_block_till_done()
    assert running(home, "other")
    assert running(home) is None
    assert reasons(home) == {}
    await until(lambda: bool(index.requests))
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert entry.reason is not None
    assert f"{PACKAGE}==1.0" in entry.reason

    index.open.set()
    await until(lambda: entry.state is ConfigEntryState.LOADED)
    assert running(home)
    assert reasons(home) == {}
    assert set(index.requests) == {PACKAGE}


async def test_what_is_installed_is_not_asked_for_again(
    home: HomeAssistant, index: PackageIndex
) -> None:
    """Given a package that is there, files that need it load with all the others."""
    index.put(PACKAGE, "1.0", code("1.0"))
    await put(home, FILE, needing())
    await start(home)
    assert running(home)
    asked = len(index.requests)
    await put(home, OTHER, needing(driver_type="other"))
    assert (await do(home, "reload_drivers"))["failed_files"] == []
    assert running(home, "other")
    assert len(index.requests) == asked


async def test_a_package_that_does_not_exist_is_named(
    home: HomeAssistant, index: PackageIndex, caplog: pytest.LogCaptureFixture
) -> None:
    """Given a package that nobody has, an issue names it, and all else goes on.

    Once it can be had, a reload brings the driver.
    """
    await put(home, FILE, needing())
    await put(home, OTHER, acme(driver_type="other"))
    entry = acme_entry()
    entry.add_to_hass(home)
    await start(home)
    assert running(home, "other")
    assert running(home) is None
    ((file, reason),) = reasons(home).items()
    assert file == f"hmm/{FILE}"
    assert f"The package {PACKAGE}==1.0 could not be installed" in reason
    assert entry.state is ConfigEntryState.SETUP_ERROR
    assert entry.reason is not None
    assert f"{PACKAGE}==1.0" in entry.reason
    assert caplog.text.count("cannot be used: The package") == 1

    index.put(PACKAGE, "1.0", code("1.0"))
    answer = await do(home, "reload_drivers")
    assert answer["failed_files"] == []
    assert running(home)
    assert reasons(home) == {}
    assert entry.state is ConfigEntryState.LOADED


async def test_a_file_that_gets_a_need_that_fails_goes_on(
    home: HomeAssistant, index: PackageIndex
) -> None:
    """Given a running driver whose new version needs too much, the old one runs on."""
    await put(home, FILE, acme("1.0.0"))
    await start(home)
    await put(home, FILE, needing("9.9"))
    await do(home, "reload_drivers")
    driver = running(home)
    assert driver is not None
    assert driver.version == "1.0.0"
    assert f"{PACKAGE}==9.9" in reasons(home)[f"hmm/{FILE}"]


async def test_a_package_that_takes_too_long_comes_later(
    home: HomeAssistant, index: PackageIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a slow line, the reload ends, and the driver comes by itself."""
    monkeypatch.setattr(driver_requirements, "INSTALL_SECONDS", 0.5)
    await start(home)
    index.put(PACKAGE, "1.0", code("1.0"))
    index.open.clear()
    await put(home, FILE, needing())
    answer = await home.services.async_call(
        DOMAIN, "reload_drivers", {}, blocking=True, return_response=True
    )
    assert isinstance(answer, dict)
    assert f"{PACKAGE}==1.0 is still not installed" in str(answer["failed_files"])
    assert "still not installed" in reasons(home)[f"hmm/{FILE}"]
    assert running(home) is None

    index.open.set()
    await until(lambda: running(home) is not None)
    assert reasons(home) == {}


async def test_nothing_is_installed_where_it_is_forbidden(
    home: HomeAssistant, index: PackageIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given --skip-pip, then the file is on its own."""
    monkeypatch.setattr(home.config, "skip_pip", True)
    index.put(PACKAGE, "1.0", code("1.0"))
    await put(home, FILE, needing())
    await start(home)
    assert index.requests == []
    assert MODULE in reasons(home)[f"hmm/{FILE}"]
    assert running(home) is None


async def test_a_package_on_the_list_of_the_user_is_left_out(
    home: HomeAssistant, index: PackageIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given --skip-pip-packages, then these are not installed."""
    monkeypatch.setattr(home.config, "skip_pip_packages", [PACKAGE])
    index.put(PACKAGE, "1.0", code("1.0"))
    await put(home, FILE, needing())
    await start(home)
    assert index.requests == []
    assert MODULE in reasons(home)[f"hmm/{FILE}"]


async def test_a_requirement_that_is_refused(
    home: HomeAssistant, index: PackageIndex
) -> None:
    """Given what no driver may ask for, it is not even tried, and the file says so."""
    await put(home, OTHER, acme(driver_type="other"))
    await start(home)
    for requirement, reason in (
        (f"{PACKAGE}>=1.0", "the version must be exact"),
        (f"{PACKAGE}==1.*", "the version must be exact"),
        (PACKAGE, "the version must be exact"),
        (f"{PACKAGE} @ https://127.0.0.1/a.whl", "only a package's name and version"),
        (f"git+https://127.0.0.1/a#{PACKAGE}==1.0", "only a package's name"),
        (f"{PACKAGE}==1.0; python_version > '3'", "only a package's name"),
        (f"--index-url=https://127.0.0.1 {PACKAGE}==1.0", "only a package's name"),
        ("aiohttp==3.0.0", "Home Assistant itself runs on"),
        ("HomeAssistant==2020.1", "Home Assistant itself runs on"),
    ):
        await put(home, FILE, needing(requirement=requirement))
        await do(home, "reload_drivers")
        result = reasons(home)[f"hmm/{FILE}"]
        assert reason in result
        assert escape(requirement) in result
        assert index.requests == []
        assert running(home, "other")
        issue = ir.async_get(home).async_get_issue(DOMAIN, f"driver_failed_hmm/{FILE}")
        assert issue is not None
        assert issue.translation_placeholders is not None
        assert issue.translation_placeholders["line"] == "1"


async def test_two_files_cannot_have_two_versions(
    home: HomeAssistant, index: PackageIndex
) -> None:
    """Given two files that ask for different versions, the first one has its own."""
    for version in ("1.0", "2.0"):
        index.put(PACKAGE, version, code(version))
    await put(home, FILE, needing("1.0"))
    await put(home, OTHER, needing("2.0", driver_type="other"))
    await start(home)
    assert running(home)
    assert running(home, "other") is None
    assert reasons(home) == {
        f"hmm/{OTHER}": f"acme_driver.py requires {PACKAGE}==1.0, this file"
        f" {PACKAGE}==2.0"
    }


async def test_an_update_brings_its_package_along(
    home: HomeAssistant, index: PackageIndex, files: FileServer
) -> None:
    """Given an update that needs a package, it is there when the file is tried."""
    await start(home)
    index.put(PACKAGE, "2.0", code("2.0"))
    url = files.put("/acme_driver.py", acme("1.0.0"))
    service = get_data(home).driver_service
    await service.async_accept(await service.async_propose(url, sum_of(acme("1.0.0"))))
    files.put("/acme_driver.py", needing("2.0", version="2.0.0"))
    await do(home, "check_driver_updates")
    answer = await do(home, "update_driver", driver="acme")
    assert answer["success"]
    driver = running(home)
    assert driver is not None
    assert driver.version == "2.0.0"


async def test_an_update_whose_package_is_missing_changes_nothing(
    home: HomeAssistant, index: PackageIndex, files: FileServer
) -> None:
    """Given an update whose package nobody has, it is refused before it is tried.

    When the package is there, it can be installed.
    """
    await start(home)
    url = files.put("/acme_driver.py", acme("1.0.0"))
    service = get_data(home).driver_service
    await service.async_accept(await service.async_propose(url, sum_of(acme("1.0.0"))))
    files.put("/acme_driver.py", needing("2.0", version="2.0.0"))
    await do(home, "check_driver_updates")
    with pytest.raises(HomeAssistantError, match=f"{PACKAGE}==2.0 could not be"):
        await do(home, "update_driver", driver="acme")
    assert await read(Path(home.config.path(DOMAIN, FILE))) == acme("1.0.0")
    driver = running(home)
    assert driver is not None
    assert driver.version == "1.0.0"
    assert reasons(home) == {}

    index.put(PACKAGE, "2.0", code("2.0"))
    assert (await do(home, "update_driver", driver="acme"))["success"]


async def test_an_older_version_is_brought_back(
    home: HomeAssistant, index: PackageIndex
) -> None:
    """Given a file that goes back to the package before, that is installed again."""
    for version in ("1.0", "2.0"):
        # Of another size: Python's cache tells two of one second by that alone
        index.put(PACKAGE, version, code(version) + "#" * int(float(version)))
    await put(home, FILE, needing("1.0"))
    await start(home)
    for version in ("2.0", "1.0"):
        # What Home Assistant has imported once stays until it restarts
        sys.modules.pop(MODULE, None)
        await put(home, FILE, needing(version, requirement=f"{PACKAGE}=={version}"))
        await do(home, "reload_drivers")
        assert reasons(home) == {}, version
        assert version == sys.modules[MODULE].VERSION
