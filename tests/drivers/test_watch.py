"""New versions of drivers that load and yet do worse: noticed, asked about, undone."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.hmm.const import DOMAIN
from custom_components.hmm.data import get_data
from custom_components.hmm.driver_engine import worse
from custom_components.hmm.drivers.watch import DriverWatch
from simulator import SimulatedAxeOS, SimulatedSolopool
from tests.common import fleet_entry, later, poll, pool_entry
from tests.conftest import miner_entry, set_up
from tests.flows import go_on, open_drivers
from tests.repairs import Repairs, issues
from tests.user_drivers import do, put, read, start

FILE = "miner_drivers/garage_driver.py"
GARAGE = '''\
"""A driver of the user."""

from dataclasses import replace

from custom_components.hmm.bundled.miner_drivers.bitaxe_driver import BitaxeDriver
from custom_components.hmm.driver_api import BadAnswer


class GarageDriver(BitaxeDriver):
    """Reads a Bitaxe."""

    driver_type = "{type}"
    driver_version = "{version}"
    polls = 0

    async def connect(self, ip, port=None):
        return await super().connect(ip, {port})

    async def get_telemetry(self):
        type(self).polls += 1
        telemetry = await super().get_telemetry()
        {code}
        return telemetry
'''
DROPS_POWER = "telemetry = replace(telemetry, power=None, temperature=None)"
OFTEN_FAILS = "if self.polls % 4 in (1, 2): raise BadAnswer('No [JSON](x)')"
ISSUE = "driver_worse_miner/garage"

POOL_FILE = "pool_drivers/village_driver.py"
VILLAGE = '''\
"""A pool driver of the user."""

from dataclasses import replace

from custom_components.hmm.bundled.pool_drivers.solopool_driver import SolopoolDriver


class VillageDriver(SolopoolDriver):
    """Reads Solopool."""

    driver_type = "village"
    driver_version = "{version}"

    def __init__(self):
        super().__init__()
        {made}

    async def get_dashboard_data(self, *args, **kwargs):
        tiles = await super().get_dashboard_data(*args, **kwargs)
        {code}
        return tiles
'''


def garage(
    version: str, code: str = "pass", port: str = "port", driver_type: str = "garage"
) -> str:
    """Return a version of the driver."""
    return GARAGE.format(version=version, code=code, port=port, type=driver_type)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge as soon as there are enough polls."""
    monkeypatch.setattr(worse, "WATCH_SECONDS", 0.0)


@pytest.fixture
async def miner(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> ConfigEntry[Any]:
    """Return a miner whose driver is the first version."""
    await put(home, FILE, garage("1.0.0"))
    return await set_up(home, miner_entry(bitaxe, "garage", title="Garage"))


def watch_of(home: HomeAssistant) -> DriverWatch:
    """Return what watches the drivers."""
    return get_data(home).driver_watch


def version(home: HomeAssistant, driver_type: str = "garage") -> str:
    """Return the version that runs."""
    return get_data(home).drivers.miners[driver_type].version


async def change(home: HomeAssistant, text: str, file: str = FILE) -> Path:
    """Edit the file by hand and load it."""
    path = await put(home, file, text)
    await do(home, "reload_drivers")
    return path


async def polls(
    home: HomeAssistant, *entries: ConfigEntry[Any], times: int = 8
) -> None:
    """Let time pass, until the version is judged."""
    for _ in range(times):
        for entry in entries:
            await poll(home, entry)
    await later(home, 61)


def findings(home: HomeAssistant, issue_id: str = ISSUE) -> str:
    """Return what an issue says of the version."""
    given = issues(home)[issue_id].translation_placeholders
    assert given is not None
    return given["findings"]


async def test_a_version_that_loses_fields(
    home: HomeAssistant, miner: ConfigEntry[Any], repairs: Repairs
) -> None:
    """It is named what is read no more; the hand-edited file goes back to what it was."""
    path = await change(home, garage("1.1.0", DROPS_POWER))
    assert set(watch_of(home).watches) == {"miner/garage"}
    assert issues(home) == {}
    await polls(home, miner)
    assert findings(home) == "- It no longer reads: Power, Temperature"
    assert watch_of(home).watches == {}

    menu = await repairs.open(ISSUE)
    assert menu["menu_options"] == ["go_back", "keep"]
    assert menu["description_placeholders"]["old"] == "1.0.0"
    await repairs.choose("go_back")
    await home.async_block_till_done()
    assert version(home) == "1.0.0"
    assert await read(path) == garage("1.0.0")
    assert issues(home) == {}
    # Nobody asks whether to go forward again
    assert watch_of(home).watches == {}
    assert (await poll(home, miner)).data.power is not None


async def test_a_version_that_is_kept(
    home: HomeAssistant, miner: ConfigEntry[Any], repairs: Repairs
) -> None:
    """The question is over, and is not asked again."""
    await change(home, garage("1.1.0", DROPS_POWER))
    await polls(home, miner)
    await repairs.open(ISSUE)
    await repairs.choose("keep")
    await polls(home, miner)
    assert version(home) == "1.1.0"
    assert issues(home) == {}


async def test_a_version_that_fails_more(
    home: HomeAssistant, miner: ConfigEntry[Any]
) -> None:
    """The shares of failed polls are told, with one of the errors."""
    await change(home, garage("1.1.0", OFTEN_FAILS))
    await polls(home, miner, times=12)
    report = findings(home)
    assert "of its polls fail, compared with 0 % before" in report
    assert "One of the errors: The response of 127.0.0.1 is not valid." in report
    # What the driver says is no Markdown
    assert "\\[JSON\\](x)" in report


async def test_a_version_that_is_as_good(
    home: HomeAssistant, miner: ConfigEntry[Any]
) -> None:
    """Nothing is said of it."""
    await change(home, garage("1.1.0"))
    await polls(home, miner, times=3)
    assert set(watch_of(home).watches) == {"miner/garage"}
    await polls(home, miner)
    assert issues(home) == {}
    assert watch_of(home).watches == {}


async def test_a_miner_that_is_switched_off(
    home: HomeAssistant, miner: ConfigEntry[Any], bitaxe: SimulatedAxeOS
) -> None:
    """Nobody is at its address: the driver cannot be judged, and is not."""
    await bitaxe.stop()
    await change(home, garage("1.1.0"))
    await polls(home, miner)
    assert issues(home) == {}
    assert set(watch_of(home).watches) == {"miner/garage"}


async def test_a_version_that_asks_where_nobody_is(
    home: HomeAssistant, miner: ConfigEntry[Any]
) -> None:
    """The miner is there, so that the driver is to blame for its silence."""
    await change(home, garage("1.1.0", port="1"))
    await polls(home, miner)
    assert "It cannot read at all: Garage" in findings(home)


async def test_hmm_goes_back_by_itself(
    home: HomeAssistant, miner: ConfigEntry[Any], repairs: Repairs
) -> None:
    """Where the owner wants that, it is done, and told."""
    menu = await open_drivers(home, fleet_entry(home))
    form = await go_on(home, menu, next_step_id="driver_go_back")
    await go_on(home, form, driver_go_back=True)
    await change(home, garage("1.1.0", DROPS_POWER))
    await polls(home, miner)
    await home.async_block_till_done()
    assert version(home) == "1.0.0"
    assert list(issues(home)) == ["driver_gone_back_miner/garage"]
    assert "Power" in findings(home, "driver_gone_back_miner/garage")

    shown = await repairs.open("driver_gone_back_miner/garage")
    assert shown["step_id"] == "confirm"
    await repairs.confirm()
    assert issues(home) == {}


async def test_going_back_fails(
    home: HomeAssistant,
    miner: ConfigEntry[Any],
    repairs: Repairs,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Without a copy of the former version, the question says so and stays."""
    home.config_entries.async_update_entry(
        fleet_entry(home), options={"driver_go_back": True}
    )
    await change(home, garage("1.1.0", DROPS_POWER))
    backup = Path(home.config.path(DOMAIN, "backup"))
    for path in await home.async_add_executor_job(lambda: list(backup.rglob("*.py"))):
        await home.async_add_executor_job(path.unlink)
    await polls(home, miner)
    assert "could not go back" in caplog.text
    await repairs.open(ISSUE)
    result = await repairs.choose("go_back")
    assert result["reason"] == "not_gone_back"
    assert version(home) == "1.1.0"


async def test_a_file_in_place_of_the_bundled_driver(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, repairs: Repairs
) -> None:
    """To go back is to let the bundled driver run again."""
    miner = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    text = garage("9.0.0", DROPS_POWER, driver_type="bitaxe")
    path = await change(home, text)
    await polls(home, miner)
    issue = "driver_worse_miner/bitaxe"
    await repairs.open(issue)
    await repairs.choose("go_back")
    await home.async_block_till_done()
    assert get_data(home).drivers.miners["bitaxe"].bundled
    assert not await home.async_add_executor_job(path.exists)
    assert issues(home) == {}
    assert watch_of(home).watches == {}


async def test_corrected_once_more(
    home: HomeAssistant, miner: ConfigEntry[Any]
) -> None:
    """Each edit is compared with what ran before the first of them."""
    await change(home, garage("1.1.0", DROPS_POWER))
    await polls(home, miner, times=1)
    await change(home, garage("1.2.0", DROPS_POWER))
    (watch,) = watch_of(home).watches.values()
    assert (watch.old.version, watch.new.version) == ("1.0.0", "1.2.0")
    # Back to the first one by hand: there is nothing to be watched
    await change(home, garage("1.0.0"))
    assert watch_of(home).watches == {}


async def test_the_question_goes_with_the_version(
    home: HomeAssistant, miner: ConfigEntry[Any]
) -> None:
    """Whoever corrects the file is asked no more about the bad one."""
    await change(home, garage("1.1.0", DROPS_POWER))
    await polls(home, miner)
    assert list(issues(home)) == [ISSUE]
    await change(home, garage("1.2.0"))
    assert issues(home) == {}


async def test_a_miner_that_is_removed(
    home: HomeAssistant, miner: ConfigEntry[Any], bitaxe: SimulatedAxeOS
) -> None:
    """It counts no more; nor does one that the old version did not read."""
    await change(home, garage("1.1.0", DROPS_POWER))
    await home.config_entries.async_remove(miner.entry_id)
    await later(home, 61)
    assert issues(home) == {}
    assert watch_of(home).watches == {}
    other = await set_up(home, miner_entry(bitaxe, "garage"))
    await bitaxe.stop()
    await poll(home, other)
    await change(home, garage("1.2.0"))
    assert watch_of(home).watches == {}


@pytest.fixture
async def accounts(
    home: HomeAssistant, socket_enabled: None
) -> AsyncIterator[list[ConfigEntry[Any]]]:
    """Return two accounts of a pool whose driver is the user's."""
    await put(home, POOL_FILE, VILLAGE.format(version="1.0", code="pass", made="pass"))
    async with SimulatedSolopool() as pool:
        entries = []
        for number in range(2):
            entry: MockConfigEntry = pool_entry(pool, title=f"Village {number}")
            data = {**entry.data, "driver": "village"}
            entry = MockConfigEntry(
                domain=DOMAIN,
                title=entry.title,
                unique_id=f"village{number}",
                data=data,
            )
            entries.append(await set_up(home, entry))
        yield entries


async def test_tiles_that_are_lost(
    home: HomeAssistant, accounts: list[ConfigEntry[Any]]
) -> None:
    """Of pools, the tiles are compared."""
    code = "tiles = replace(tiles, pool_hashrate=None, workers=())"
    await change(home, VILLAGE.format(version="1.1", code=code, made="pass"), POOL_FILE)
    await polls(home, *accounts)
    report = findings(home, "driver_worse_pool/village")
    assert report == "- It no longer reads: Hashrate (2), Workers (2)"


async def test_a_pool_driver_that_cannot_be_made(
    home: HomeAssistant, accounts: list[ConfigEntry[Any]]
) -> None:
    """Its accounts are not even set up: that is worse as well."""
    await change(
        home, VILLAGE.format(version="1.1", code="pass", made="1 / 0"), POOL_FILE
    )
    assert {account.state for account in accounts} == {ConfigEntryState.SETUP_ERROR}
    await later(home, 61)
    report = findings(home, "driver_worse_pool/village")
    assert "It cannot read at all: Village 0, Village 1" in report
    assert "ZeroDivisionError" in report


async def test_a_restart_in_the_middle(
    home: HomeAssistant,
    miner: ConfigEntry[Any],
    hass_storage: dict[str, Any],
) -> None:
    """What was counted goes on; another file that was put there meanwhile does not."""
    await change(home, garage("1.1.0", DROPS_POWER))
    await polls(home, miner, times=3)
    stored = watch_of(home)._content()
    good = stored["miner/garage"]
    (counted,) = good["devices"].values()
    hass_storage["hmm.driver_watch"] = {
        "version": 1,
        "data": {
            **stored,
            "miner/bitaxe": good,
            "miner/x": {"old": 1},
            # As another program may have written it
            "miner/y": good | {"devices": {"1": counted | {"good": 1e300}}},
            "miner/z": good | {"old": {"version": []}},
        },
    }
    fresh = DriverWatch(home, get_data(home).driver_service)
    for watch in watch_of(home).watches.values():
        watch.devices.clear()
    await fresh.async_start()
    assert set(fresh.watches) == {"miner/garage"}
    # Also after a crash: the file with all of them was set aside
    assert set(hass_storage["hmm.driver_watch"]["data"]) == {"miner/garage"}
    (device,) = fresh.watches["miner/garage"].devices.values()
    assert device.good >= 3
    get_data(home).driver_watch = fresh
    await home.config_entries.async_reload(miner.entry_id)
    await polls(home, miner, times=4)
    assert "Power" in findings(home)


async def test_a_poll_does_not_put_off_what_is_stored(
    home: HomeAssistant, miner: ConfigEntry[Any]
) -> None:
    """What was counted is written in time, however often a miner is polled."""
    await change(home, garage("1.1.0"))
    await poll(home, miner)
    store = watch_of(home)._store
    with patch.object(store, "async_delay_save") as put_off:
        await polls(home, miner, times=2)
    assert watch_of(home).watches
    put_off.assert_not_called()


async def test_an_issue_after_a_restart(home: HomeAssistant) -> None:
    """It survives as long as the version that it is about runs."""
    await put(home, FILE, garage("1.1.0"))
    ir.async_get(home)
    for name, new in (("miner/garage", "0" * 64), ("miner/acme", "1" * 64)):
        ir.async_create_issue(
            home,
            DOMAIN,
            f"driver_worse_{name}",
            data={"driver": name, "old": "2" * 64, "new": new, "bundled": False},
            is_fixable=True,
            is_persistent=True,
            severity=ir.IssueSeverity.WARNING,
            translation_key="driver_worse",
        )
    await start(home)
    assert issues(home) == {}
