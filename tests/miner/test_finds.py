"""What counts as found by a miner."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from custom_components.hmm.driver_api import MinerTelemetry
from custom_components.hmm.miner.finds import MinerRecord


def test_a_count_that_flaps_is_found_once() -> None:
    """While a miner has not restarted, a block that it once reported is not new."""
    record = MinerRecord()
    finds = [
        record.update("one", MinerTelemetry(uptime=uptime, blocks_found=count))
        for uptime, count in enumerate([1, 2, 1, 2, 1, 2, 3])
    ]
    assert finds == [None, "blocks_found", None, None, None, None, "blocks_found"]


def test_a_count_begins_anew_with_a_restart() -> None:
    """The block after it is found as well."""
    record = MinerRecord()
    for uptime, count in ((100, 5), (5, 0)):
        record.update("one", MinerTelemetry(uptime=uptime, blocks_found=count))
    assert (
        record.update("one", MinerTelemetry(uptime=35, blocks_found=1))
        == "blocks_found"
    )


def shares(record: MinerRecord, *reported: float | None, **fields: float) -> list[str]:
    """Return what polls with these best shares are told as, "" for no find."""
    return [
        record.update("one", MinerTelemetry(best_share=best, **fields)) or ""
        for best in reported
    ]


def test_a_best_share_that_flaps_is_found_once() -> None:
    """Whatever the miner says of its uptime, and for as long as it goes on."""
    record = MinerRecord()
    assert shares(record, 10, *[20, 10] * 50, 30) == [
        "",
        "best_share",
        *[""] * 99,
        "best_share",
    ]
    before = replace(record)
    shares(record, *[20, 30] * 10)
    # Nor is a flap written to the disk
    assert record == before


def test_a_best_share_that_is_reset_counts_again() -> None:
    """A mistake of one poll, or a reset, is followed after some minutes."""
    record = MinerRecord()
    shares(record, 5e9, 9e16, *[5e9] * 9)
    assert record.best_share == 9e16
    assert shares(record, 5e9, 6e9) == ["", "best_share"]
    assert record.best_share == 6e9
    # Zero is "not read yet", and what is unknown says nothing
    shares(record, *[0, None] * 20)
    assert record.best_share == 6e9


def test_a_best_share_with_more_digits_is_no_find() -> None:
    """A firmware update tells 13.79G in full; what is better than it counts."""
    record = MinerRecord()
    seen = datetime(2026, 11, 1, tzinfo=UTC)
    record.update("one", MinerTelemetry(best_share=5e9), seen)
    record.update("one", MinerTelemetry(best_share=13.79e9), seen)
    assert shares(record, 13_790_464_144, 13.79e9, 13_790_464_144) == ["", "", ""]
    assert (record.best_share, record.best_at) == (13_790_464_144, seen)
    assert shares(record, 13_790_464_145) == ["best_share"]
    assert record.best_at is None
    # The next of three or four digits is another one; so is one beside a small one
    assert shares(MinerRecord(), 4.29e9, 4.3e9, 4.31e9) == ["", *["best_share"] * 2]
    assert shares(MinerRecord(), 4_294_967_297, 4_294_967_298) == ["", "best_share"]
    assert shares(MinerRecord(), 10, 11, 11.5) == ["", *["best_share"] * 2]


def test_a_miner_that_reports_sessions_alone_has_a_record() -> None:
    """It is the best of them, and no value of a single poll."""
    record = MinerRecord()
    finds = [
        record.update("one", MinerTelemetry(best_session_share=best))
        for best in (0, 4e9, 9e16, 5e9, 5e9, 0, 1e3, None, 7e9)
    ]
    assert finds == [None] * 9
    assert record.best_share == 5e9


def test_an_absurd_record_is_not_restored() -> None:
    """Given one that was stored before shares had a limit, then it is unknown."""
    record = MinerRecord("one", 1, 9.99e17)
    assert MinerRecord.from_dict(record.as_dict()).best_share is None


def test_when_the_best_share_was_found() -> None:
    """It is known if HMM saw it come, and stored with it."""
    record, day = MinerRecord(), datetime(2026, 11, 28, tzinfo=UTC)
    result = []
    for best, at in ((5e9, day), (6e9, None), (7e9, day), (7e9, None), (8e9, None)):
        record.update("one", MinerTelemetry(best_share=best), at)
        result.append(MinerRecord.from_dict(record.as_dict()).found)
    assert result == [None, None, day, day, None]
    for _ in range(10):
        record.update("one", MinerTelemetry(best_share=1e9), day)
    assert (record.best, record.found) == (1e9, None)
    # One that was stored before the date was
    assert MinerRecord.from_dict({**record.as_dict(), "best_at": None}).found is None


def test_a_session_counts_before_it_is_sure_to_last() -> None:
    """It is shown like by the miner itself, and forgotten if it was a mistake."""
    record, day = MinerRecord(), datetime(2026, 11, 28, tzinfo=UTC)
    known = []
    for best in (4e9, 4e9, 6e9, 6e9, 9e16, 6e9):
        record.update("one", MinerTelemetry(best_session_share=best), day)
        known.append((record.best, record.found))
    none = (4e9, None), (4e9, None), (6e9, None)
    assert known == [*none, (6e9, day), (9e16, None), (6e9, day)]


def test_a_session_of_before_has_no_date() -> None:
    """What the first poll after a start reports may be of long before."""
    day = datetime(2026, 11, 28, tzinfo=UTC)
    record = MinerRecord.from_dict(MinerRecord("one", best_share=4e9).as_dict())
    known = []
    for best, at in (
        (6e9, None),
        (6e9, day),
        (7e9, day),
        (7e9, day + timedelta(hours=1)),
    ):
        record.update("one", MinerTelemetry(best_session_share=best), at)
        known.append((record.best, record.found))
    assert known == [*[(6e9, None)] * 2, (7e9, None), (7e9, day)]
