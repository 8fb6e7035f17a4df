"""Difficulties as people say them, in a unit that is the same for life."""

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.recorder import Recorder
from homeassistant.components.recorder.statistics import validate_statistics
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import ATTR_UNIT_OF_MEASUREMENT, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.translation import async_get_translations
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.components.recorder.common import (
    async_wait_recording_done,
    do_adhoc_statistics,
    statistics_during_period,
)

from custom_components.hmm.const import DOMAIN
from custom_components.hmm.display_units import (
    EVER,
    OF_NETWORK,
    SESSION,
    SHARE,
    difficulty_unit,
)
from custom_components.hmm.driver_api import HashrateUnit
from custom_components.hmm.figures import whole_difficulty
from simulator import (
    SimulatedAvalon,
    SimulatedAxeOS,
    SimulatedNMMiner,
    SimulatedSolopool,
)

from .common import (
    find,
    find_id,
    find_maybe,
    fleet_entry,
    identity,
    later,
    poll,
    pool_entry,
)
from .conftest import miner_entry, set_up

pytestmark = pytest.mark.usefixtures("quick")


def displayed(hass: HomeAssistant, entry: ConfigEntry[Any], key: str) -> str:
    """Return what a sensor shows, with its unit: "13.8 G"."""
    shown = find(hass, entry, "sensor", key)
    unit = shown.attributes.get(ATTR_UNIT_OF_MEASUREMENT)
    return shown.state if unit is None else f"{shown.state} {unit}"


def plain(hass: HomeAssistant, entry: ConfigEntry[Any], key: str) -> Any:
    """Return the number behind a difficulty."""
    return find(hass, entry, "sensor", key).attributes.get("difficulty")


def best(device: SimulatedAxeOS, ever: float, session: float = 0) -> None:
    """Let the best shares of a device be these, from now on."""
    device.miner.speed = 0
    device.miner.read()
    device.miner._best_ever, device.miner._best_session = ever, session


@pytest.mark.parametrize(
    ("hashrate", "seconds", "first", "unit"),
    [
        ("TH/s", EVER, None, "G"),
        ("TH/s", EVER, 12_000, "G"),
        ("TH/s", EVER, 1.3e12, "T"),
        ("TH/s", SESSION, None, "M"),
        ("TH/s", SHARE, 512, "k"),
        ("GH/s", EVER, None, "M"),
        ("MH/s", EVER, None, "k"),
        ("kH/s", EVER, None, None),
        ("kH/s", EVER, 4.02e6, "M"),
        ("kH/s", SHARE, 0.0014, None),
        ("TH/s", OF_NETWORK, 999, None),
        ("TH/s", OF_NETWORK, 756.7e6, "M"),
        ("TH/s", OF_NETWORK, 133.9e12, "T"),
        ("TH/s", OF_NETWORK, 1e20, "P"),
    ],
)
def test_the_unit_suits_what_is_shown_over_the_years(
    hashrate: HashrateUnit, seconds: float, first: float | None, unit: str | None
) -> None:
    """A small first share does not make a large one a row of digits later."""
    assert difficulty_unit(hashrate, seconds, first) == unit


@pytest.mark.parametrize(
    ("language", "name", "attribute"),
    [
        ("en", "Bitaxe Best share", "Difficulty"),
        ("de", "Bitaxe Bester Share", "Schwierigkeit"),
    ],
)
async def test_a_miner_says_its_difficulties(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    every_entity: None,
    language: str,
    name: str,
    attribute: str,
) -> None:
    """The prefix is the unit; the plain number is an attribute."""
    home.config.language = language
    best(bitaxe, 13_801_234_567, 812_543_210)
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    assert displayed(home, entry, "best_share") == "13.8 G"
    assert displayed(home, entry, "best_session_share") == "812.5 M"
    assert displayed(home, entry, "pool_difficulty") == "1 k"
    assert displayed(home, entry, "network_difficulty") == "150 T"
    assert find(home, entry, "sensor", "best_share").name == name
    assert plain(home, entry, "best_share") == pytest.approx(13.8e9, rel=0.01)
    assert plain(home, entry, "network_difficulty") == 150e12
    assert plain(home, entry, "hashrate") is None
    texts = await async_get_translations(home, language, "entity", {DOMAIN})
    for key in (
        *("best_share", "best_session_share", "pool_difficulty"),
        *("network_difficulty", "coin_network_difficulty"),
    ):
        place = f"component.{DOMAIN}.entity.sensor.{key}.state_attributes"
        assert texts[f"{place}.difficulty.name"] == attribute


async def test_a_unit_is_kept_when_the_value_outgrows_it(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """After a restart, a removal and for another device: the history stays one."""
    best(bitaxe, 12_346, 12_346)
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    assert displayed(home, entry, "best_session_share") == "0.01235 M"
    entity_id = find_id(home, entry, "sensor", "best_session_share")
    best(bitaxe, 13.8e9, 13.8e9)
    await home.config_entries.async_reload(entry.entry_id)
    await home.async_block_till_done()
    assert displayed(home, entry, "best_share") == "13.8 G"
    assert displayed(home, entry, "best_session_share") == "13800 M"

    await home.config_entries.async_remove(entry.entry_id)
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    assert find_id(home, entry, "sensor", "best_session_share") == entity_id
    assert displayed(home, entry, "best_session_share") == "13800 M"


@pytest.mark.parametrize("removed", [False, True])
async def test_a_sensor_of_plain_numbers_stays_one(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, removed: bool
) -> None:
    """What earlier versions registered has statistics of plain numbers."""
    best(bitaxe, 13.8e9)
    registry = er.async_get(home)
    for key, unit in (("best_share", None), ("hashrate", "GH/s")):
        before = registry.async_get_or_create(
            "sensor",
            DOMAIN,
            f"{bitaxe.mac.lower()}_{key}",
            suggested_object_id=f"bitaxe_{key}",
            unit_of_measurement=unit,
        )
        if removed:
            registry.async_remove(before.entity_id)
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    assert find_id(home, entry, "sensor", "best_share") == "sensor.bitaxe_best_share"
    assert float(displayed(home, entry, "best_share")) == pytest.approx(
        13.8e9, rel=0.01
    )
    # A hashrate has always had a unit: the one that it has, or that of its kind
    unit = displayed(home, entry, "hashrate").split()[1]
    assert unit == ("TH/s" if removed else "GH/s")


async def test_statistics_of_a_difficulty_go_on(
    recorder_mock: Recorder,
    home: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    bitaxe: SimulatedAxeOS,
) -> None:
    """A share that is a million times larger brings no repair, and is in them."""
    freezer.move_to("2026-11-28 12:00:00+00:00")
    entry = miner_entry(bitaxe, "bitaxe")
    for ever in (12_346, 13.8e9):
        best(bitaxe, ever, ever)
        if entry.state is ConfigEntryState.LOADED:
            await home.config_entries.async_remove(entry.entry_id)
            entry = miner_entry(bitaxe, "bitaxe")
        await set_up(home, entry)
        await async_wait_recording_done(home)
        do_adhoc_statistics(home, start=dt_util.utcnow())
        freezer.tick(300)
        await async_wait_recording_done(home)
        problems = await recorder_mock.async_add_executor_job(validate_statistics, home)
        assert not problems
    wanted = {
        find_id(home, entry, "sensor", key): rows
        for key, rows in {
            "best_share": [1.235e-05, 13.8],
            "best_session_share": [0.01235, 13_800],
        }.items()
    }
    rows = await recorder_mock.async_add_executor_job(
        partial(
            statistics_during_period,
            home,
            dt_util.utcnow() - timedelta(minutes=10),
            statistic_ids=set(wanted),
            period="5minute",
        )
    )
    assert {item: [row["max"] for row in rows[item]] for item in rows} == wanted


async def test_the_fleet_says_its_best_share(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """It is there with the first miner, in a unit for those to come."""
    best(bitaxe, 812.5e6)
    await set_up(home, miner_entry(bitaxe, "bitaxe"))
    await later(home, 31)
    assert displayed(home, fleet_entry(home), "best_share") == "0.8125 G"
    assert plain(home, fleet_entry(home), "best_share") == 812_500_000


async def test_a_small_difficulty_is_written_in_digits(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """Nobody says "1.2e-05 G" of the first minutes of a miner."""
    best(bitaxe, 12_000)
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    assert displayed(home, entry, "best_share") == "0.000012 G"


async def test_the_fleet_counts_the_sessions_of_a_miner_without_a_record(
    home: HomeAssistant,
) -> None:
    """An Avalon reports the best share since it was started; the fleet keeps it."""
    async with SimulatedAvalon() as device:
        device.miner.speed = 0
        device.miner._best_session = 215e9
        entry = await set_up(home, miner_entry(device, "avalon_nano"))
        # At once, like the miner itself
        await later(home, 2)
        assert displayed(home, fleet_entry(home), "best_share") == "215 G"
        await poll(home, entry)
        device.miner._best_session = 1e6
        for _ in range(12):
            await poll(home, entry)
        await later(home, 31)
        assert displayed(home, fleet_entry(home), "best_share") == "215 G"
        shown = find(home, fleet_entry(home), "sensor", "best_share")
        assert shown.attributes["miner"] == entry.title


async def test_the_fleet_of_a_lottery_miner(home: HomeAssistant) -> None:
    """It is not shown in thousands for ever."""
    async with SimulatedNMMiner(http=True) as device:
        device.miner._best_ever = 12_345.0
        device.miner.speed = 0
        entry = await set_up(home, miner_entry(device, "nmminer", identity(device)))
        await later(home, 31)
        assert displayed(home, entry, "best_share") == "12.35 k"
        hub = fleet_entry(home)
        assert displayed(home, hub, "best_share") == "0.01235 M"


async def test_a_pool_says_its_difficulties(
    home: HomeAssistant, every_entity: None
) -> None:
    """Of the account, of its workers and of the coin."""
    async with SimulatedSolopool(generation=2) as pool:
        entry = await set_up(home, pool_entry(pool))
        await later(home, 31)
        assert displayed(home, entry, "network_difficulty") == "756.7 M"
        assert displayed(home, entry, "best_share").endswith(" G")
        assert displayed(home, fleet_entry(home), "dgb_network_difficulty") == "756.7 M"
        assert plain(home, entry, "network_difficulty") == 756_700_000
        # A pool that does not say it now keeps the unit
        pool.nulls = True
        await poll(home, entry)
        assert displayed(home, entry, "best_share") == f"{STATE_UNKNOWN} G"
        assert plain(home, entry, "best_share") is None


async def test_a_network_difficulty_waits_for_its_first_value(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, every_entity: None
) -> None:
    """Its unit would be wrong for life; once there it is there while it is off."""
    entry = miner_entry(bitaxe, "bitaxe")
    await set_up(home, entry)
    entity_id = find_id(home, entry, "sensor", "network_difficulty")
    await home.config_entries.async_unload(entry.entry_id)
    await bitaxe.unplug()
    await home.config_entries.async_setup(entry.entry_id)
    assert find_id(home, entry, "sensor", "network_difficulty") == entity_id
    assert home.states.get(entity_id).state == "unavailable"

    await home.config_entries.async_unload(entry.entry_id)
    er.async_get(home).async_remove(entity_id)
    await home.config_entries.async_setup(entry.entry_id)
    assert find_maybe(home, entry, "sensor", "network_difficulty") is None
    await bitaxe.plug_in()
    async with asyncio.timeout(30):
        while find_maybe(home, entry, "sensor", "network_difficulty") is None:
            await poll(home, entry)
            await asyncio.sleep(0.05)
    assert displayed(home, entry, "network_difficulty") == "150 T"


@pytest.mark.parametrize(
    ("difficulty", "shown"),
    [
        (71.23833398347209, 71.2383),
        (306.59, 306.59),
        (0.0015, 0.0015),
        (0, 0),
        (1234.56, 1235),
        (13_790_464_144.2, 13_790_464_144),
        (None, None),
    ],
)
def test_a_difficulty_has_the_digits_that_mean_something(
    difficulty: float | None, shown: float | None
) -> None:
    """Those of the smallest miners are below one, or have a dozen digits."""
    assert whole_difficulty(difficulty) == shown
