"""What is told of blocks, poll by poll."""

from datetime import UTC, datetime, timedelta
import json
import time
from typing import Any
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.hmm.const import DOMAIN
from custom_components.hmm.driver_api import DashboardTileData, PoolBlock
from custom_components.hmm.pool.blocks import (
    DAY,
    AccountRecord,
    BlockLog,
    BlockWatch,
    NewBlocks,
)
from custom_components.hmm.records import Records
from tests.common import fire_time_changed

NOW = 1_795_000_000.0


def block(height: int, result: float | None = None, **facts: Any) -> PoolBlock:
    """Return a block with a hash that follows from its height."""
    return PoolBlock(
        height=height,
        hash=f"{height:064x}",
        timestamp=None if result is None else round(result),
        **facts,
    )


def tiles(**fields: Any) -> DashboardTileData:
    """Return the tiles of an account; ``last`` is when its last block was found."""
    if (last := fields.pop("last", None)) is not None:
        fields["last_block_found"] = datetime.fromtimestamp(last, UTC)
    return DashboardTileData(**fields)


def result(*polls: DashboardTileData, every: float = 60) -> list[int]:
    """Return how many blocks each poll is told to bring."""
    watch = BlockWatch()
    return [
        len(watch.update(poll, NOW + number * every).blocks)
        for number, poll in enumerate(polls)
    ]


# New blocks


@pytest.mark.parametrize(
    "first",
    [
        tiles(own_blocks=(block(2, NOW), block(1, NOW))),
        tiles(blocks_found=7),
        tiles(last=NOW),
        tiles(own_blocks=(block(2, NOW),), blocks_found=7, last=NOW),
    ],
)
def test_first_poll_is_no_news(first: DashboardTileData) -> None:
    """Given an account with blocks, when it is looked at first, then none is new."""
    assert result(first, first) == [0, 0]


def test_new_block_in_the_list() -> None:
    """Given a list, when it grows, then what is new is told, the oldest first."""
    watch = BlockWatch()
    watch.update(tiles(own_blocks=(block(1),)), NOW)
    grown = tiles(own_blocks=(block(3), block(2), block(1)))
    assert watch.update(grown, NOW + 60).blocks == (block(2), block(3))
    assert watch.update(grown, NOW + 120) == NewBlocks()
    # A list may be cut off, and its blocks may be confirmed
    later = tiles(own_blocks=(block(3, confirmed=True),))
    assert watch.update(later, NOW + 180) == NewBlocks()


def test_block_is_the_same_by_hash_or_height() -> None:
    """Given a pool that tells the hash later, then the block is told once."""
    bare, full = PoolBlock(height=5), PoolBlock(height=5, hash="ab")
    assert result(
        tiles(own_blocks=(block(1),)),
        tiles(own_blocks=(bare, block(1))),
        tiles(own_blocks=(full, block(1))),
        tiles(own_blocks=(PoolBlock(hash="ab"), block(1))),
    ) == [0, 1, 0, 0]
    # Without either nobody can tell which block it is
    assert result(tiles(blocks_found=0), tiles(own_blocks=(PoolBlock(),))) == [0, 0]


@pytest.mark.parametrize(
    "renamed",
    [
        PoolBlock(height=5, hash="cd" * 32),
        PoolBlock(height=5),
        PoolBlock(height=6, hash="AB" * 32),
        PoolBlock(hash="ab" * 32),
    ],
)
@pytest.mark.parametrize("restart", [False, True])
def test_block_whose_height_or_hash_changes_is_the_same(
    renamed: PoolBlock, restart: bool
) -> None:
    """A pool may list a transaction id, another spelling, or a height that was wrong."""
    watch = BlockWatch()
    watch.update(tiles(own_blocks=(block(1),)), NOW)
    result = PoolBlock(height=5, hash="ab" * 32)
    assert len(watch.update(tiles(own_blocks=(result, block(1))), NOW + 60).blocks) == 1
    if restart:
        watch = again(watch)
    listed = tiles(own_blocks=(renamed, block(1)))
    assert watch.update(listed, NOW + 120) == NewBlocks()
    following = tiles(
        own_blocks=(PoolBlock(height=7, hash="ef" * 32), *listed.own_blocks)
    )
    assert len(watch.update(following, NOW + 180).blocks) == 1


def test_two_blocks_of_a_height_are_two() -> None:
    """Given both in the list, whichever comes first, then each is told once."""
    one, two = (PoolBlock(height=5, hash=name * 64) for name in "ab")
    for both in ((one, two), (two, one)):
        assert result(
            tiles(own_blocks=(block(1),)),
            tiles(own_blocks=(one, block(1))),
            tiles(own_blocks=(*both, block(1))),
            tiles(own_blocks=(two, block(1))),
            tiles(own_blocks=(*both, block(1))),
        ) == [0, 1, 1, 0, 0]


def test_a_height_of_zero_is_none() -> None:
    """Given blocks whose height is not reported, then their hashes tell them apart."""
    one, two = (PoolBlock(height=0, hash=name * 64) for name in "ab")
    assert result(
        tiles(blocks_found=0),
        tiles(own_blocks=(one,)),
        tiles(own_blocks=(two, one)),
    ) == [0, 1, 1]


def test_what_earlier_versions_stored_is_known() -> None:
    """Given a record with the heights of blocks without a hash, then none is new."""
    watch = BlockWatch()
    watch.update(tiles(own_blocks=(block(1),)), NOW)
    stored = watch.as_dict()
    stored["known"].append([1])
    assert (
        BlockWatch.from_dict(stored).update(tiles(own_blocks=(block(1),)), NOW + 60)
        == NewBlocks()
    )


def test_total_that_grows() -> None:
    """Given a total, when it grows by two, then two blocks were found."""
    assert result(
        tiles(blocks_found=3), tiles(blocks_found=5), tiles(blocks_found=5)
    ) == [0, 2, 0]


def test_count_of_a_day_that_grows() -> None:
    """Given the day's blocks, when they get more, then one was found, else not."""
    assert result(*(tiles(blocks_found_24h=n) for n in (1, 2, 1, 0, 1))) == [
        0,
        1,
        0,
        0,
        1,
    ]


def test_pool_that_begins_anew() -> None:
    """Given a total, when it goes back, then nothing was found."""
    assert result(
        tiles(blocks_found=3),
        tiles(blocks_found=0),
        tiles(blocks_found=1),
    ) == [0, 0, 1]


def test_a_count_that_falls_for_a_poll() -> None:
    """Given a count that comes and goes, then what was there before is no news."""
    totals = [10, 0, 10, 9, 10, 0, 9, 0, 9, 11]
    news = result(*(tiles(blocks_found=total) for total in totals))
    assert news == [0, 0, 0, 0, 0, 0, 9, 0, 0, 1]
    lower = [10, *[2] * 12, 3, 4]
    assert sum(result(*(tiles(blocks_found=total) for total in lower))) == 2
    days = [10, 0, 10, 0, 10, 11]
    news = result(*(tiles(blocks_found_24h=count) for count in days))
    assert news == [0, 0, 0, 0, 0, 1]


def test_a_total_that_falls_for_a_poll_is_of_no_day() -> None:
    """Given a total that is back, then the blocks of the last day are as many."""
    log = BlockLog()
    watched(log, NOW, NOW + DAY, 10)
    for number, total in enumerate((0, 10, 9, 10, 11)):
        log.update(total, NOW + DAY + 60 * (number + 1))
    assert log.last_day() == 1


def test_later_block() -> None:
    """Given when the last block was found, when that is later, then it is told."""
    watch = BlockWatch()
    watch.update(tiles(last=NOW - 500), NOW)
    assert watch.update(tiles(last=NOW + 30), NOW + 60).blocks == (
        PoolBlock(timestamp=round(NOW + 30)),
    )
    assert watch.update(tiles(last=NOW - 500), NOW + 120) == NewBlocks()


@pytest.mark.parametrize(
    "first",
    [
        tiles(),
        tiles(blocks_found=0),
        tiles(account_known=False),
    ],
)
@pytest.mark.parametrize(
    "second",
    [
        tiles(own_blocks=(block(1, NOW + 30),)),
        tiles(last=NOW + 30),
        tiles(own_blocks=(block(1, NOW + 30),), blocks_found=1, last=NOW + 30),
    ],
)
def test_first_block_of_all(
    first: DashboardTileData, second: DashboardTileData
) -> None:
    """Given an account without blocks, when it finds one, then it is told."""
    assert result(first, second, second) == [0, 1, 0]


def test_old_blocks_of_an_account_that_was_not_known() -> None:
    """Given an account that the pool did not know, then its past is no news."""
    past = tiles(
        own_blocks=(block(2, NOW - 50), block(1, NOW - 900)),
        blocks_found=2,
        last=NOW - 50,
    )
    assert result(tiles(account_known=False), past, past) == [0, 0, 0]


@pytest.mark.parametrize(
    ("early", "late"),
    [
        ({"blocks_found": 4}, {"own_blocks": (block(9), block(1))}),
        ({"own_blocks": (block(9), block(1))}, {"blocks_found": 4}),
        ({"last": NOW + 30}, {"blocks_found": 4}),
        ({"last": NOW + 30}, {"own_blocks": (block(9), block(1)), "blocks_found": 4}),
    ],
)
def test_one_block_is_told_once(early: dict[str, Any], late: dict[str, Any]) -> None:
    """Given parts that come at different times, then one block is one block."""
    before: dict[str, Any] = {
        "own_blocks": (block(1),),
        "blocks_found": 3,
        "last": NOW - 900,
    }
    polls = [before, before | early, before | early | late]
    assert result(*(tiles(**poll) for poll in polls)) == [0, 1, 0]
    # And the next one is told again
    after = polls[-1] | {"blocks_found": 5} | ({"last": NOW + 150})
    after["own_blocks"] = (block(12), *after["own_blocks"])
    assert result(*(tiles(**poll) for poll in (*polls, after)))[-1] == 1


def test_part_that_never_follows() -> None:
    """Given a total that stands still, then it does not hide blocks for ever."""
    known = [block(1)]
    polls = [tiles(own_blocks=tuple(known), blocks_found=1)]
    for height in (2, 3):
        known.insert(0, block(height))
        polls.append(tiles(own_blocks=tuple(known), blocks_found=1))
    # Then the pool lists nothing any more, and counts again
    polls += [tiles(blocks_found=1), tiles(blocks_found=2)]
    assert result(*polls, every=3600) == [0, 1, 1, 0, 1]


def test_lost_parts_are_waited_for() -> None:
    """Given a poll without blocks, then what was found meanwhile is told after."""
    before = tiles(own_blocks=(block(1),), blocks_found=1)
    after = tiles(own_blocks=(block(2), block(1)), blocks_found=2)
    assert result(before, tiles(), after) == [0, 0, 1]


# The last 24 hours


def watched(log: BlockLog, start: float, end: float, count: int) -> None:
    """Look at a total each minute."""
    moment = start
    while moment <= end:
        log.update(count, moment)
        moment += 60


def test_day_must_be_watched() -> None:
    """Given a total, then it tells the day's blocks after a day, not before."""
    log = BlockLog()
    watched(log, NOW, NOW + DAY - 60, 3)
    assert log.last_day() is None
    log.update(3, NOW + DAY)
    assert log.last_day() == 0


def test_blocks_of_a_day() -> None:
    """Given a watched day, then its blocks count until they are a day old."""
    log = BlockLog()
    watched(log, NOW, NOW + DAY, 3)
    log.update(5, NOW + DAY + 60)
    assert log.last_day() == 2
    watched(log, NOW + DAY + 120, NOW + 2 * DAY, 6)
    assert log.last_day() == 3
    log.update(6, NOW + 2 * DAY + 60)
    assert log.last_day() == 1
    log.update(6, NOW + 2 * DAY + 120)
    assert log.last_day() == 0
    assert len(log.spans) <= 1


def test_total_that_begins_anew_counts_on() -> None:
    """Given a pool that restarts, then blocks from before still count, none twice."""
    log = BlockLog()
    watched(log, NOW, NOW + DAY, 3)
    log.update(4, NOW + DAY + 60)
    log.update(0, NOW + DAY + 120)
    assert log.last_day() == 1
    log.update(1, NOW + DAY + 180)
    assert log.last_day() == 2


def test_gap_without_a_find() -> None:
    """Given a long gap with the same total, then nothing was found meanwhile."""
    log = BlockLog()
    watched(log, NOW, NOW + 600, 3)
    log.update(3, NOW + 3 * DAY)
    assert log.last_day() == 0


def test_gap_with_a_find() -> None:
    """Given a gap with a find, then it is unknown while it may be older or not."""
    log = BlockLog()
    watched(log, NOW, NOW + DAY, 3)
    gap_ends = NOW + DAY + 7200
    log.update(4, gap_ends)
    assert log.last_day() == 1
    log.update(4, NOW + 2 * DAY - 60)
    assert log.last_day() == 1
    log.update(4, NOW + 2 * DAY + 60)
    assert log.last_day() is None
    log.update(4, gap_ends + DAY)
    assert log.last_day() == 0


def test_gap_with_a_restart() -> None:
    """Given a total that went back in a gap, then nobody knows what was found."""
    log = BlockLog()
    watched(log, NOW, NOW + DAY, 3)
    log.update(0, NOW + DAY + 7200)
    assert log.last_day() is None


def test_log_survives_its_storage() -> None:
    """Given a log, then what is stored is the same log."""
    log = BlockLog()
    watched(log, NOW, NOW + DAY, 3)
    log.update(4, NOW + DAY + 60)
    assert BlockLog.from_dict(log.as_dict()) == log


def test_list_with_times_tells_at_once() -> None:
    """Given when blocks were found, then nothing has to be watched."""
    record = AccountRecord()
    recent, old = block(9, NOW - 100), block(5, NOW - 2 * DAY)

    def count(**fields: Any) -> int | None:
        return record.last_day(tiles(**fields), NOW)

    assert count(own_blocks=(recent,), blocks_found=1) == 1
    assert count(own_blocks=(recent, old)) == 1
    assert count(own_blocks=(old,)) == 0
    # It may be cut off, or leave out when
    assert count(own_blocks=(recent,)) is None
    assert count(own_blocks=(recent,), blocks_found=2) is None
    assert count(own_blocks=(recent, block(5)), blocks_found=2) is None
    assert count() is None


# Growth


def test_a_list_that_changes_all_the_time_does_not_grow() -> None:
    """Given other blocks at each poll, then what is kept of them has an end."""
    watch = BlockWatch()
    for poll in range(400):
        listed = tuple(block(100 * poll + height) for height in range(100))
        watch.update(tiles(own_blocks=listed), NOW + 60 * poll)
    assert len(json.dumps(watch.as_dict())) < 1_000_000


# The clock


def test_day_of_a_clock_that_is_set_back() -> None:
    """Given a clock that was a month ahead, then the day before still counts."""
    log, ahead = BlockLog(), 30 * DAY
    watched(log, NOW + ahead, NOW + ahead + DAY, 3)
    log.update(5, NOW + ahead + DAY + 60)
    log.update(5, NOW + DAY + 120)
    assert log.last_day() == 2
    watched(log, NOW + DAY + 180, NOW + 2 * DAY + 60, 5)
    assert log.last_day() == 2
    log.update(5, NOW + 2 * DAY + 180)
    assert log.last_day() == 0


def test_first_block_after_a_clock_that_was_set_back() -> None:
    """Given a clock that was a month ahead, then the first block of all is news."""
    watch = BlockWatch()
    watch.update(tiles(), NOW + 30 * DAY)
    assert watch.update(tiles(), NOW) == NewBlocks()
    assert len(watch.update(tiles(last=NOW + 30), NOW + 60).blocks) == 1


# Restarts


def again(watch: BlockWatch) -> BlockWatch:
    """Return what is left of a watch after a restart."""
    return BlockWatch.from_dict(json.loads(json.dumps(watch.as_dict())))


@pytest.mark.parametrize(
    "after",
    [
        {"own_blocks": (block(9, NOW + 30), block(1, NOW - 900))},
        {"own_blocks": (PoolBlock(height=9), PoolBlock(height=1))},
        {"blocks_found": 4},
        {"blocks_found_24h": 2},
        {"last": NOW + 30},
        {
            "own_blocks": (block(9, NOW + 30), block(1, NOW - 900)),
            "blocks_found": 4,
            "blocks_found_24h": 2,
            "last": NOW + 30,
        },
    ],
)
def test_block_found_during_a_restart(after: dict[str, Any]) -> None:
    """Given a block that was found meanwhile, then it is told afterwards, once."""
    bare = after.get("own_blocks", (block(1),))[-1].hash is None
    before = tiles(
        own_blocks=(PoolBlock(height=1) if bare else block(1, NOW - 900),),
        blocks_found=3,
        blocks_found_24h=1,
        last=NOW - 900,
    )
    watch = BlockWatch()
    watch.update(before, NOW)
    watch = again(watch)
    assert len(watch.update(tiles(**after), NOW + 600).blocks) == 1
    watch = again(watch)
    assert watch.update(tiles(**after), NOW + 660) == NewBlocks()


def test_parts_that_follow_after_a_restart() -> None:
    """Given a block whose total comes after a restart, then it is still one."""
    watch = BlockWatch()
    watch.update(tiles(own_blocks=(block(1),), blocks_found=1), NOW)
    listed = (block(2), block(1))
    assert (
        len(watch.update(tiles(own_blocks=listed, blocks_found=1), NOW + 60).blocks)
        == 1
    )
    watch = again(watch)
    assert (
        watch.update(tiles(own_blocks=listed, blocks_found=2), NOW + 120) == NewBlocks()
    )


def test_first_block_of_all_during_a_restart() -> None:
    """Given an account without blocks, then its first one is told after a restart."""
    watch = BlockWatch()
    watch.update(tiles(), NOW)
    watch = again(watch)
    assert (
        len(watch.update(tiles(own_blocks=(block(1, NOW + 30),)), NOW + 600).blocks)
        == 1
    )


def test_another_account_is_no_news() -> None:
    """Given a server in the place of another, then its blocks are its past."""
    record = AccountRecord()
    record.update("one", tiles(blocks_found=3, currency="BTC"), NOW)
    record = AccountRecord.from_dict(json.loads(json.dumps(record.as_dict())))
    assert record.currency == "BTC"
    assert record.update("other", tiles(blocks_found=9), NOW + 60) == NewBlocks()
    assert len(record.update("other", tiles(blocks_found=10), NOW + 120).blocks) == 1
    assert record.currency == "BTC"


# The file


@pytest.fixture
def records(hass: HomeAssistant) -> Records[AccountRecord]:
    """Return the records of accounts, not loaded yet."""
    return Records(hass, "blocks", AccountRecord)


async def test_only_accounts_that_exist_are_stored(
    hass: HomeAssistant,
    records: Records[AccountRecord],
    hass_storage: dict[str, Any],
    freezer: FrozenDateTimeFactory,
) -> None:
    """A poll that ends after its account was removed leaves nothing behind."""
    entries = [MockConfigEntry(domain=DOMAIN) for _ in range(2)]
    for entry in entries:
        entry.add_to_hass(hass)
    kept, removed = entries

    def look(count: int) -> None:
        for entry in entries:
            records[entry.entry_id].last_day(tiles(blocks_found=count), time.time())
            records.save_later()

    look(3)
    await hass.config_entries.async_remove(removed.entry_id)
    await records.async_forget(removed.entry_id)
    assert hass_storage["hmm.blocks"]["data"].keys() == {kept.entry_id}

    freezer.tick(60)
    look(4)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await hass.async_block_till_done()
    stored = hass_storage["hmm.blocks"]["data"]
    assert stored.keys() == {kept.entry_id}
    # And what was seen after the removal is not lost when Home Assistant ends
    assert stored[kept.entry_id]["count"] == 4


@pytest.mark.parametrize(
    "broken",
    [
        None,
        [],
        "x",
        {},
        {"count": 1, "looked": "never", "spans": []},
        {"count": 1, "looked": 1, "spans": [[1]]},
        {"count": 1, "looked": 1, "spans": [], "watch": {"identity": "x"}},
        {"count": 1, "looked": 1, "spans": [], "watch": [1]},
    ],
)
async def test_a_broken_record_hurts_no_other(
    records: Records[AccountRecord], hass_storage: dict[str, Any], broken: Any
) -> None:
    """What cannot be read is as if it had never been."""
    good = {"count": 5, "looked": NOW, "spans": []}
    hass_storage["hmm.blocks"] = {"version": 1, "data": {"a": broken, "b": good}}
    await records.async_load()
    assert records["a"].as_dict() == AccountRecord().as_dict()
    assert records["b"].log.total.highest == 5


async def test_a_broken_file_hurts_nothing(
    records: Records[AccountRecord], hass_storage: dict[str, Any]
) -> None:
    """A file of another shape is no reason not to start."""
    hass_storage["hmm.blocks"] = {"version": 1, "data": [1, 2]}
    await records.async_load()
    assert list(records) == []


async def test_soon_is_not_put_off(
    hass: HomeAssistant,
    records: Records[AccountRecord],
    hass_storage: dict[str, Any],
    freezer: FrozenDateTimeFactory,
) -> None:
    """What is saved soon is not put off by what may be saved later."""
    entry = MockConfigEntry(domain=DOMAIN)
    entry.add_to_hass(hass)
    records[entry.entry_id].currency = "BTC"
    records.save_later()
    records.save_soon()
    with patch.object(Store, "async_delay_save") as put_off:
        for _ in range(3):
            freezer.tick(3)
            records.save_soon()
            records.save_later()
        put_off.assert_not_called()
    fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=11))
    await hass.async_block_till_done()
    assert hass_storage["hmm.blocks"]["data"][entry.entry_id]["currency"] == "BTC"
