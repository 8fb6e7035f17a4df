"""Drivers that a user added: what they get wrong harms nothing else."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
import logging
import math
from pathlib import Path
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import yaml

from custom_components.hmm.const import DOMAIN
from custom_components.hmm.data import get_data
from custom_components.hmm.driver_api import (
    DashboardTileData,
    DeviceFacts,
    MinerTelemetry,
    PoolSlot,
    PoolWorker,
    TuningLimits,
    TuningRange,
)
from custom_components.hmm.miner.coordinator import MinerCoordinator
from simulator import SimulatedAxeOS
from tests.common import (
    about,
    act,
    devices,
    find,
    find_id,
    find_maybe,
    fleet_entry,
    keys,
    later,
    poll,
    refused,
    until,
    value,
)
from tests.conftest import miner_entry, set_up
from tests.test_docs import blocks

DRIVER = '''
"""A driver that a user wrote."""

from custom_components.hmm.driver_api import (
    AuthRequired, BaseMinerAdapter, BasePoolIntegration, DeviceFacts
)


class HomebrewDriver(BaseMinerAdapter):
    driver_type = "homebrew"
    answer = None  # what a poll returns, or a function that raises
    facts = DeviceFacts()
    limits = None

    async def connect(self, ip, port=None):
        return True

    async def get_telemetry(self):
        return self.answer() if callable(self.answer) else self.answer

    async def get_device_facts(self):
        return self.facts

    async def get_pool_info(self):
        return {}

    async def set_mode(self, mode):
        if mode == "off":
            return False
        if mode == "fast":
            return True
        raise AuthRequired("Say the word")

    async def restart(self):
        raise SystemExit(3)

    def get_supported_modes(self):
        return ["on", "off", "fast"]

    def get_tuning_limits(self):
        return self.limits


class SloppyDriver(HomebrewDriver):
    """Its author forgot async, and the port."""

    driver_type = "sloppy"

    async def connect(self, ip):
        return True


class LateDriver(HomebrewDriver):
    """Its device needs a poll until it reports what it was told."""

    driver_type = "late"
    reported = wanted = False

    def supports_pause(self):
        return True

    async def pause(self):
        self.wanted = True
        return True

    async def resume(self):
        self.wanted = False
        return True

    async def get_telemetry(self):
        before, self.reported = self.reported, self.wanted
        return {**self.answer, "hashing": not before, "paused": before}


class BlockingDriver(HomebrewDriver):
    driver_type = "blocking"

    def get_telemetry(self):
        return {"hashrate": 1}


class GarageDriver(BasePoolIntegration):
    driver_type = "garage"
    answer = None

    async def detect(self, url, port):
        return False

    async def get_health(self, url, port, **kwargs):
        return None

    async def get_network_difficulty(self, coin, **kwargs):
        return None

    async def get_pool_stats(self, url, coin, **kwargs):
        return None

    async def get_blocks(self, url, coin, hours=24, **kwargs):
        return []

    async def get_dashboard_data(self, url, coin, username=None, **kwargs):
        return self.answer() if callable(self.answer) else self.answer
'''

GOOD = {"hashrate": 1e12, "temperature": 50, "power": 20, "uptime": 5, "mode": "on"}


@pytest.fixture
async def homebrew(home: HomeAssistant) -> Any:
    """Install a user's driver and return its class."""
    path = Path(home.config.path("hmm", "miner_drivers", "homebrew_driver.py"))

    def write() -> None:
        path.parent.mkdir(parents=True)
        path.write_text(DRIVER)

    await home.async_add_executor_job(write)
    assert await async_setup_component(home, DOMAIN, {})
    driver: Any = get_data(home).drivers.miners["homebrew"].driver_class
    driver.answer = GOOD
    return driver


def homebrew_entry(driver: str = "homebrew", **kwargs: Any) -> MockConfigEntry:
    """Return an entry for the user's driver."""
    return MockConfigEntry(
        domain=DOMAIN,
        title="Homebrew",
        unique_id=kwargs.pop("unique_id", "address:127.0.0.1"),
        data={"entry_type": "miner", "driver": driver, "host": "127.0.0.1"},
        **kwargs,
    )


def raising(error: type[BaseException]) -> staticmethod[[], None]:
    """Return something that raises, with a secret in its text."""

    def fail() -> None:
        raise error(f"wallet bc1q{'secret'}")  # Not in one piece in a traceback

    return staticmethod(fail)


async def test_driver_that_fails(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    homebrew: Any,
    caplog: pytest.LogCaptureFixture,
    subtests: pytest.Subtests,
) -> None:
    """Whatever a driver raises or returns, only its own miner is unavailable."""
    good = await set_up(home, miner_entry(bitaxe, "bitaxe", title="Garage"))
    bad = await set_up(home, homebrew_entry())
    assert value(home, bad, "hashrate") == 1
    errors = (
        *(RuntimeError, SystemExit, KeyError, NotImplementedError),
        *(TimeoutError, OSError, asyncio.CancelledError),
    )
    fails = {error.__name__: raising(error) for error in errors}
    for name, answer in {**fails, "None": None, "[]": [], "a text": "1 TH/s"}.items():
        with subtests.test(name):
            caplog.clear()
            homebrew.answer = answer
            await later(home, 31)
            await later(home, 31)
            assert find(home, bad, "sensor", "hashrate").state == STATE_UNAVAILABLE
            assert find(home, good, "switch", "mining").state == STATE_ON
            await later(home, 16)
            online = find(home, fleet_entry(home), "sensor", "miners_online")
            assert online.state == "1"
            assert len(about(caplog, "Homebrew")) == 1
            assert "bc1qsecret" not in "".join(
                record.getMessage() for record in caplog.records if record.levelno > 10
            )
        homebrew.answer = GOOD
        await later(home, 31)
        assert value(home, bad, "hashrate") == 1


NONSENSE = (
    MinerTelemetry(hashrate="fast", power=True, temperature=[50]),
    MinerTelemetry(hashrate=math.nan, power=math.inf, uptime="x"),
    MinerTelemetry(hashrate=1j, chip_temperatures=None, fan_rpm="fast"),
    MinerTelemetry(pools=None, problems=None, device={"mac": "x"}),
    MinerTelemetry(device=DeviceFacts(mac=5, serial=6, model=["x"])),
    MinerTelemetry(pools=["a"], problems=[1], mode=7, paused="no"),
    MinerTelemetry(pools=[PoolSlot(index="x", url="a:1")], signal={}),
    {"hashrate": "fast", "power": [], "temperature": "hot", "pools": 5},
    {"hashrate": math.nan, "power": "20 W", "uptime": {}, "mode": 3},
)


async def test_driver_that_talks_nonsense(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    homebrew: Any,
    subtests: pytest.Subtests,
) -> None:
    """A value that is none is unknown; neither the hub nor others suffer."""
    good = await set_up(home, miner_entry(bitaxe, "bitaxe", title="Garage"))
    bad = await set_up(home, homebrew_entry())
    for answer in NONSENSE:
        with subtests.test(repr(answer)):
            homebrew.answer = answer
            await later(home, 31)
            assert bad.runtime_data.last_update_success
            for key in ("hashrate", "power", "temperature"):
                assert find(home, bad, "sensor", key).state == STATE_UNKNOWN, key
            assert find(home, bad, "select", "mode").state == STATE_UNKNOWN

            await later(home, 31)
            hub = fleet_entry(home)
            assert value(home, hub, "hashrate") == pytest.approx(
                value(home, good, "hashrate"), rel=0.2
            )
            assert find(home, hub, "sensor", "miners_online").state == "2"
        homebrew.answer = GOOD
        await later(home, 31)
        assert value(home, bad, "hashrate") == 1


@pytest.mark.parametrize("driver", ["sloppy", "blocking"])
async def test_driver_with_methods_of_another_shape(
    home: HomeAssistant, homebrew: Any, driver: str
) -> None:
    """A method that cannot be called or awaited is a fault of the driver."""
    entry = await set_up(home, homebrew_entry(driver))
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert f"The driver {driver} has an error in line" in str(entry.reason)


async def test_driver_with_a_dict(
    home: HomeAssistant,
    homebrew: Any,
    caplog: pytest.LogCaptureFixture,
    every_entity: None,
) -> None:
    """A dict of the plain contract is enough; whether it hashes follows from it."""
    homebrew.answer = {
        "hashrate": 5e11,
        "temperature": "48.5",
        "power": None,
        "uptime": 90,
        "mode": "off",
        "shares_accepted": "12",
        "chip_temperatures": [48.5, 47],
        "problems": ["overheat"],
        "paused": False,
        "extra": 1,
    }
    entry = await set_up(home, homebrew_entry())
    assert value(home, entry, "hashrate") == 0.5
    assert value(home, entry, "temperature") == 48
    assert find(home, entry, "select", "mode").state == "off"
    assert find(home, entry, "sensor", "status").state == "overheated"
    assert find(home, entry, "binary_sensor", "problem").state == STATE_ON
    assert "chip_temperature_2" in keys(home, entry, "sensor")
    assert find_maybe(home, entry, "sensor", "power") is None

    homebrew.answer = {"hashrate": 0}
    await poll(home, entry)
    assert find(home, entry, "sensor", "status").state == "not_mining"
    assert value(home, entry, "hashrate") == 0


async def test_command_that_a_driver_does_not_take(
    home: HomeAssistant, homebrew: Any
) -> None:
    """False is "not taken"; what a driver raises in a command stays an error."""
    entry = await set_up(home, homebrew_entry())
    mode = find_id(home, entry, "select", "mode")
    with pytest.raises(HomeAssistantError, match="did not apply it"):
        await act(home, "select", "select_option", mode, option="off")
    homebrew.answer = {**GOOD, "mode": "off"}
    with pytest.raises(HomeAssistantError, match="Say the word"):
        await act(home, "select", "select_option", mode, option="on")
    homebrew.answer = GOOD
    await poll(home, entry)
    # This driver knows nothing that could be asked for
    assert not home.config_entries.flow.async_progress()
    restart = find_id(home, entry, "button", "restart")
    with pytest.raises(HomeAssistantError, match="has an error in line"):
        await act(home, "button", "press", restart)
    assert find(home, entry, "select", "mode").state == "on"


async def test_an_answer_whose_truth_ends_programs(
    home: HomeAssistant, homebrew: Any
) -> None:
    """What a driver returns is looked at where it can do no harm."""
    homebrew.answer = GOOD
    entry = await set_up(home, homebrew_entry())
    truth = type("Truth", (), {"__bool__": raising(SystemExit)})

    async def restart(self: Any) -> Any:
        return truth()

    homebrew.restart = restart
    with pytest.raises(HomeAssistantError, match="has an error in line"):
        await act(home, "button", "press", find_id(home, entry, "button", "restart"))


async def test_identity_that_only_connect_tells(
    home: HomeAssistant, homebrew: Any
) -> None:
    """A driver that tells the MAC once has its miner checked, too."""
    mac = "00:11:22:33:44:55"
    homebrew.facts = DeviceFacts(mac=mac)
    entry = await set_up(home, homebrew_entry(unique_id=mac))
    assert entry.state is ConfigEntryState.LOADED
    await home.config_entries.async_unload(entry.entry_id)

    homebrew.facts = DeviceFacts(mac="00:11:22:33:44:66")
    await home.config_entries.async_setup(entry.entry_id)
    await home.async_block_till_done()
    assert find(home, entry, "sensor", "hashrate").state == STATE_UNAVAILABLE
    assert entry.runtime_data.last_exception.translation_key == "wrong_device"

    homebrew.facts = DeviceFacts(mac=mac)
    await later(home, 31)
    assert value(home, entry, "hashrate") == 1


async def test_limits_that_go_away(
    home: HomeAssistant, homebrew: Any, every_entity: None
) -> None:
    """A firmware that takes a setting away leaves its entity, with no effect."""
    homebrew.limits = TuningLimits(frequency=TuningRange(minimum=100, maximum=200))
    homebrew.answer = {**GOOD, "frequency": 150}
    entry = await set_up(home, homebrew_entry())
    number = find_id(home, entry, "number", "set_frequency")
    assert float(find(home, entry, "number", "set_frequency").state) == 150

    for nonsense in (None, {"frequency": 5}):
        homebrew.limits = nonsense
        await poll(home, entry)
        shown = find(home, entry, "number", "set_frequency")
        assert float(shown.state) == 150
        assert shown.attributes["max"] == 200
        with pytest.raises(HomeAssistantError):
            await act(home, "number", "set_value", number, value=160)


# Pools


GOOD_TILES = DashboardTileData(
    pool_hashrate=1.5e12,
    active_workers=1,
    confirmed_balance=0.25,
    last_block_found=datetime(2026, 1, 1, tzinfo=UTC),
    currency="DGB",
)


@pytest.fixture
def garage(home: HomeAssistant, homebrew: Any) -> Any:
    """Return the class of a user's pool driver."""
    driver: Any = get_data(home).drivers.pools["garage"].driver_class
    driver.answer = GOOD_TILES
    return driver


async def set_up_pool(hass: HomeAssistant) -> MockConfigEntry:
    """Set up an account at the user's own pool."""
    entry = MockConfigEntry(
        domain=DOMAIN,
        title="Basement",
        unique_id="garage_dgb_x",
        data={
            "entry_type": "pool",
            "driver": "garage",
            "host": "127.0.0.1",
            "port": 1,
            "coin": "DGB",
            "wallet": "x",
        },
    )
    await set_up(hass, entry)
    return entry


async def test_pool_driver_that_fails(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    garage: Any,
    caplog: pytest.LogCaptureFixture,
    subtests: pytest.Subtests,
) -> None:
    """A pool that fails is unavailable, and nothing else is."""
    miner = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    entry = await set_up_pool(home)
    assert value(home, entry, "pool_hashrate") == 1.5
    balance = find(home, entry, "sensor", "confirmed_balance")
    assert balance.state == "0.25"
    assert balance.attributes["unit_of_measurement"] == "DGB"
    sleeps = DashboardTileData(health_status=False, health_message="The cat sleeps")
    for answer, reason in (
        (raising(RuntimeError), "The driver garage has an error in line"),
        (raising(asyncio.CancelledError), "has an error in line"),
        (raising(TimeoutError), "Basement did not reply in time"),
        ({"pool_hashrate": 1}, "garage returned nothing that HMM can read"),
        (sleeps, "Basement has a problem. Its driver reports: The cat sleeps"),
        (DashboardTileData(health_status=None), "Basement does not respond"),
    ):
        with subtests.test(reason):
            caplog.clear()
            garage.answer = answer
            await poll(home, entry)
            await poll(home, entry)
            hashrate = find(home, entry, "sensor", "pool_hashrate")
            assert hashrate.state == STATE_UNAVAILABLE
            assert find(home, entry, "binary_sensor", "health").state == STATE_OFF
            assert reason in str(entry.runtime_data.last_exception)
            assert len(about(caplog, "Basement data")) == 1
            assert find(home, miner, "switch", "mining").state == STATE_ON
        garage.answer = GOOD_TILES
        await poll(home, entry)
        assert value(home, entry, "pool_hashrate") == 1.5
        assert find(home, entry, "binary_sensor", "health").state == STATE_ON


async def test_a_driver_that_believes_its_device(
    home: HomeAssistant, homebrew: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Accepted is not done: what the next polls report decides."""
    monkeypatch.setattr(MinerCoordinator, "restart_interval", 0.01)
    homebrew.answer = {**GOOD, "mode": "off"}
    entry = await set_up(home, homebrew_entry())
    select = find_id(home, entry, "select", "mode")
    for _ in range(3):
        with refused("mode_not_applied", HomeAssistantError):
            await act(home, "select", "select_option", select, option="fast")
    await poll(home, entry)
    problem = find(home, entry, "binary_sensor", "problem")
    assert problem.attributes["problems"] == ["not_obeying"]
    homebrew.answer = {**GOOD, "mode": "fast"}
    await act(home, "select", "select_option", select, option="fast")
    await poll(home, entry)
    assert find(home, entry, "binary_sensor", "problem").state == STATE_OFF


async def test_a_device_that_reports_its_pause_late(
    home: HomeAssistant, homebrew: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is paused by the user as soon as that shows, and not at the device."""
    monkeypatch.setattr(MinerCoordinator, "restart_interval", 0.01)
    entry = await set_up(home, homebrew_entry("late"))
    switch = find_id(home, entry, "switch", "mining")
    await act(home, "switch", "turn_off", switch)
    status = find(home, entry, "sensor", "status")
    assert (status.state, status.attributes["reason"]) == ("paused", "paused_by_user")
    await act(home, "switch", "turn_on", switch)
    assert find(home, entry, "sensor", "status").state != "paused"
    entry.runtime_data.client._driver.wanted = True
    for _ in range(2):
        await poll(home, entry)
    status = find(home, entry, "sensor", "status")
    assert status.attributes["reason"] == "paused_at_device"


async def test_a_miner_that_is_set_up_again_before_its_pause_shows(
    home: HomeAssistant, homebrew: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have done it: nobody says that it did not."""
    monkeypatch.setattr(MinerCoordinator, "restart_interval", 0.1)
    entry = await set_up(home, homebrew_entry("late"))
    miner = entry.runtime_data
    switch = find_id(home, entry, "switch", "mining")
    pausing = home.async_create_task(act(home, "switch", "turn_off", switch))
    await until(lambda: miner.status.is_pausing and not miner.commands_running)
    await home.config_entries.async_reload(entry.entry_id)
    with refused("miner_left", HomeAssistantError):
        await pausing


async def test_a_bug_is_logged_once_with_its_file_and_type(
    home: HomeAssistant, homebrew: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """One line down and one up, and nothing that the exception quotes."""
    entry = await set_up(home, homebrew_entry())
    caplog.clear()
    answer = homebrew.answer
    homebrew.answer = raising(KeyError)
    for _ in range(3):
        await poll(home, entry)
    (down,) = [record for record in caplog.records if record.levelno >= logging.INFO]
    assert "of homebrew_driver.py (KeyError)" in down.getMessage()
    assert "bc1qsecret" not in down.getMessage()
    homebrew.answer = answer
    for _ in range(2):
        await poll(home, entry)
    up = [record for record in caplog.records if record.levelno >= logging.INFO][1:]
    assert ["recovered" in item.getMessage() for item in up] == [True]


async def test_debug_logging_shows_an_author_what_happens(
    home: HomeAssistant, homebrew: Any, garage: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Given the levels of the page, then the log has what a driver logs and where it failed."""
    levels = yaml.safe_load(blocks("docs/drivers/README.md", "yaml")[-1])
    assert levels["action"] == "logger.set_level"
    usual = {"default": "info", "logs": dict.fromkeys(levels["data"], "info")}
    assert await async_setup_component(home, "logger", {"logger": usual})
    logger = logging.getLogger(homebrew.__module__)
    entries = [await set_up(home, homebrew_entry()), await set_up_pool(home)]
    homebrew.answer = garage.answer = raising(KeyError)
    for wanted in (False, True):
        if wanted:
            await home.services.async_call("logger", "set_level", levels["data"], True)
        logger.debug("my own line")
        for entry in entries:
            await poll(home, entry)
            await home.config_entries.async_reload(entry.entry_id)
        assert ("my own line" in caplog.text) is wanted
        assert ("in get_telemetry" in caplog.text) is wanted
        assert ("in get_dashboard_data" in caplog.text) is wanted
    # Where it failed, and not with which text: it may quote anything
    assert "bc1qsecret" not in caplog.text
    await home.services.async_call(
        "logger", "set_level", dict.fromkeys(levels["data"], "notset"), True
    )


async def test_a_pool_with_another_currency_at_every_poll(
    home: HomeAssistant,
    garage: Any,
    every_entity: None,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It makes no further sensors, and its money is unknown, not in another coin."""
    entry = await set_up_pool(home)
    await later(home, 31)
    hub = fleet_entry(home)
    before, removed = keys(home, hub, "sensor"), er.async_get(home).deleted_entities
    assert "dgb_confirmed_balance" in before
    assert not removed
    for number in range(20):
        garage.answer = replace(GOOD_TILES, currency=f"COIN{number}")
        await poll(home, entry)
        await later(home, 31)
        shown = find(home, entry, "sensor", "confirmed_balance")
        assert shown.state == STATE_UNKNOWN
        assert shown.attributes["unit_of_measurement"] == "DGB"
    assert keys(home, hub, "sensor") == before
    assert not removed
    # Who is paid in another coin indeed sees it after half a day
    for _ in range(13):
        await poll(home, entry)
        freezer.tick(3600)
    await poll(home, entry)
    await later(home, 31)
    shown = find(home, entry, "sensor", "confirmed_balance")
    assert (float(shown.state), shown.attributes["unit_of_measurement"]) == (
        0.25,
        "COIN19",
    )
    assert "coin19_confirmed_balance" in keys(home, hub, "sensor")


async def test_pool_driver_that_talks_nonsense(
    home: HomeAssistant, garage: Any
) -> None:
    """A tile that is no number or moment is unknown."""
    entry = await set_up_pool(home)
    nonsense: dict[str, Any] = {
        "pool_hashrate": "fast",
        "confirmed_balance": math.nan,
        "last_block_found": datetime(2026, 1, 1),  # noqa: DTZ001
        "active_workers": "2",
        "workers": None,
        "currency": 5,
    }
    garage.answer = DashboardTileData(**nonsense)
    await poll(home, entry)
    assert entry.runtime_data.last_update_success
    for key in ("pool_hashrate", "confirmed_balance", "last_block_found"):
        assert find(home, entry, "sensor", key).state == STATE_UNKNOWN, key
    assert value(home, entry, "active_workers") == 2


async def test_links_of_a_driver(
    home: HomeAssistant, homebrew: Any, garage: Any
) -> None:
    """A link that is none costs neither the pool nor the miner their device."""
    garage.display_name = ["Garage"]
    links: tuple[tuple[Any, str | None], ...] = (
        ("https://pool.example/docs", "https://pool.example/docs"),
        ("pool.example/docs", None),
        ("see the readme", None),
        ("http://[", None),
        ("ftp://pool.example", None),
        (["https://pool.example"], None),
        (None, None),
    )
    for reported, link in links:
        garage.documentation_url = reported
        homebrew.facts = DeviceFacts(configuration_url=reported)
        pool = await set_up_pool(home)
        miner = await set_up(home, homebrew_entry())
        assert value(home, pool, "pool_hashrate") == 1.5
        assert value(home, miner, "hashrate") == 1
        assert devices(home, pool)[0].manufacturer == "garage"
        for entry in (pool, miner):
            (device,) = devices(home, entry)
            assert device.configuration_url == link
            await home.config_entries.async_remove(entry.entry_id)


@pytest.mark.parametrize(("reported", "shown"), [("GH/s", 1500.0), ("miles", 1.5)])
async def test_unit_of_a_pool_driver(
    home: HomeAssistant, garage: Any, reported: Any, shown: float
) -> None:
    """A pool of small miners shows their hashrate in a smaller unit."""
    garage.hashrate_unit = reported
    garage.answer = replace(
        GOOD_TILES, workers=(PoolWorker(name="attic", hashrate=7.5e11),)
    )
    entry = await set_up_pool(home)
    unit = "GH/s" if reported == "GH/s" else "TH/s"
    sums = {
        state.attributes["friendly_name"]: (
            float(state.state),
            state.attributes["unit_of_measurement"],
        )
        for state in home.states.async_all("sensor")
        if state.entity_id.startswith("sensor.basement")
        and state.entity_id.endswith("_hashrate")
    }
    assert sums["Basement Hashrate"] == (shown, unit)
    assert sums["Basement worker attic Hashrate"] == (shown / 2, unit)
    # What is added up has one unit
    await later(home, 31)
    assert value(home, fleet_entry(home), "pools_hashrate") == 1.5
    await home.config_entries.async_unload(entry.entry_id)
