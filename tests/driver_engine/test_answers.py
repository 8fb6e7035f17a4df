"""What a driver answers is read field by field."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from custom_components.hmm.driver_api import (
    DashboardTileData,
    FoundPool,
    MinerTelemetry,
    PoolBlock,
    PoolWorker,
)
from custom_components.hmm.driver_engine.answers import (
    read_found_pools,
    read_telemetry,
    read_tiles,
)

MOMENT = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_details_of_a_dict() -> None:
    """Text that is a number is read, lists become tuples that keep their places."""
    telemetry = read_telemetry(
        {
            "hashrate_10m": "1e12",
            "hashrate_1d": 9e11,
            "chip_hashrates": [5e11, None, "4e11"],
            "chip_errors": [3, "x", "4"],
            "reject_reasons": [["Stale", "4"], ("Low difficulty", 1)],
            "uptime_total": "86400",
            "free_memory": 185_304.2,
            "reset_reason": " Power on ",
            "packet_loss": "2.5",
            "filter_runtime": 120,
        }
    )
    assert telemetry == MinerTelemetry(
        hashrate_10m=1e12,
        hashrate_1d=9e11,
        chip_hashrates=(5e11, None, 4e11),
        chip_errors=(3, None, 4),
        reject_reasons=(("Stale", 4), ("Low difficulty", 1)),
        uptime_total=86_400,
        free_memory=185_304,
        reset_reason="Power on",
        packet_loss=2.5,
        filter_runtime=120,
    )
    assert read_telemetry(telemetry) is telemetry


@pytest.mark.parametrize(
    ("name", "reported", "read"),
    [
        ("hashrate", -0.0, 0.0),
        ("hashrate", 5, 5.0),
        ("reset_reason", " x", "x"),
        ("chip_hashrates", [1.0], (1.0,)),
        ("chip_hashrates", (1.0, "x"), (1.0, None)),
        ("reject_reasons", (["Stale", 4],), (("Stale", 4),)),
    ],
)
def test_a_field_that_is_not_as_it_should_be_is_read(
    name: str, reported: Any, read: Any
) -> None:
    """Given one such field in an answer, then a new one has it as it should be."""
    answer = MinerTelemetry(temperature=60.0, **{name: reported})
    telemetry = read_telemetry(answer)
    assert repr(telemetry) == repr(MinerTelemetry(temperature=60.0, **{name: read}))
    assert telemetry is not answer


@pytest.mark.parametrize(
    "value", [None, True, "x", "Stale", 5j, [5j], {"a": 1}, [["Stale"]], [[1, 2]], [{}]]
)
def test_nonsense_in_a_detail_is_unknown(value: Any) -> None:
    """Neither a dict nor the data class brings an odd value further."""
    names = ("reject_reasons", "uptime_total", "free_memory", "packet_loss")
    nothing = read_telemetry(dict.fromkeys(names, value))
    assert nothing == MinerTelemetry()
    malformed = MinerTelemetry(**dict.fromkeys(names, value))
    assert read_telemetry(malformed) == nothing
    chips = read_telemetry({"chip_hashrates": value, "reset_reason": [value]})
    assert chips is not None
    assert not any(chips.chip_hashrates)
    assert chips.reset_reason is None


# Pools


def malformed(kind: Any, **values: Any) -> Any:
    """Return a data class with values that its types do not allow."""
    return kind(**values)


def test_tiles_that_are_right_stay_as_they_are() -> None:
    """What a good driver returns is what everybody sees."""
    tiles = DashboardTileData(
        latency_ms=12.5,
        network_difficulty=1e14,
        pool_hashrate=1.2e12,
        estimated_time_to_block=9e9,
        pool_percentage=1e-7,
        active_workers=2,
        shares_valid=100,
        shares_invalid=1,
        shares_stale=0,
        reject_rate=0.99,
        blocks_found_24h=0,
        last_block_found=MOMENT,
        estimated_earnings_24h=1e-6,
        currency="BTC",
        confirmed_balance=0.5,
        pending_balance=0.0,
        blocks_found=3,
        own_blocks=(
            PoolBlock(
                height=925_000,
                hash="00ab",
                miner="bc1q",
                worker="a",
                timestamp=1_795_000_000,
                difficulty=2e14,
                network_difficulty=1e14,
                coin="BTC",
                reward=3.125,
                confirmed=True,
            ),
        ),
        best_share=1e9,
        last_share=MOMENT,
        workers=(
            PoolWorker(
                name="a",
                hashrate=1.2e12,
                online=True,
                shares_valid=99,
                shares_invalid=1,
                shares_stale=0,
                best_share=1e9,
                last_share=MOMENT,
            ),
            PoolWorker(name="b"),
        ),
        account="me",
        account_known=True,
    )
    assert read_tiles(tiles) == tiles
    # Even what does not count for equality
    assert read_tiles(tiles).latency_ms == 12.5  # type: ignore[union-attr]


def test_workers_are_read_field_by_field() -> None:
    """Text that is a number is read; an odd value is unknown, not the worker."""
    tiles = read_tiles(
        malformed(
            DashboardTileData,
            workers=[
                malformed(
                    PoolWorker,
                    name=" a ",
                    hashrate="1.2e12",
                    online="yes",
                    shares_valid="7",
                    shares_invalid=float("nan"),
                    shares_stale=True,
                    best_share=1e400,
                    last_share=MOMENT.replace(tzinfo=None),
                ),
                malformed(PoolWorker, name=None),
                malformed(PoolWorker, name=""),
                malformed(PoolWorker, name=["a"]),
                {"name": "b"},
                None,
            ],
        )
    )
    assert tiles is not None
    assert tiles.workers == (PoolWorker(name="a", hashrate=1.2e12, shares_valid=7),)


def test_workers_of_one_name() -> None:
    """Two workers of one name would be one device: the last one is kept."""
    tiles = read_tiles(
        DashboardTileData(
            workers=(
                PoolWorker(name="a", hashrate=1.0),
                PoolWorker(name="b", hashrate=2.0),
                PoolWorker(name="a", hashrate=3.0),
            )
        )
    )
    assert tiles is not None
    assert tiles.workers == (
        PoolWorker(name="a", hashrate=3.0),
        PoolWorker(name="b", hashrate=2.0),
    )


def test_blocks_are_read_field_by_field() -> None:
    """What is no block is left out, what is odd of one is unknown."""
    tiles = read_tiles(
        malformed(
            DashboardTileData,
            own_blocks=[
                malformed(
                    PoolBlock,
                    height="925000",
                    hash=" 00ab ",
                    miner=5,
                    worker={},
                    timestamp=1_795_000_000.4,
                    difficulty="2e14",
                    network_difficulty="inf",
                    coin=None,
                    reward=[3.125],
                    confirmed="true",
                ),
                {"height": 1},
                "block",
            ],
            blocks_found="3",
            blocks_found_24h=[1],
            last_block_found="2026-11-20T12:00:00Z",
            last_share=1_795_000_000,
        )
    )
    assert tiles == DashboardTileData(
        own_blocks=(
            PoolBlock(
                height=925_000, hash="00ab", timestamp=1_795_000_000, difficulty=2e14
            ),
        ),
        blocks_found=3,
    )


@pytest.mark.parametrize("result", [0, -5, 1.8e12, "1.8e18", 10**400, "soon", None])
def test_time_of_a_block_that_no_calendar_has(result: Any) -> None:
    """Milliseconds would be a year that does not exist; the block is one."""
    tiles = read_tiles(
        DashboardTileData(own_blocks=(PoolBlock(height=5, timestamp=result),))
    )
    assert tiles is not None
    assert tiles.own_blocks == (PoolBlock(height=5),)


def test_moment_that_utc_does_not_have() -> None:
    """The first day of the calendar begins before it, further east."""
    east = timezone(timedelta(hours=1))
    tiles = read_tiles(DashboardTileData(last_share=datetime(1, 1, 1, tzinfo=east)))
    assert tiles == DashboardTileData()
    # As milliseconds it would be of 1978, and past
    tiles = read_tiles(DashboardTileData(last_share=datetime(9999, 1, 1, tzinfo=UTC)))
    assert tiles.last_share is None


@pytest.mark.parametrize("nonsense", [None, 5, "x", {"a": 1}, [[1]], object()])
def test_nonsense_for_a_list_is_an_empty_one(nonsense: Any) -> None:
    """A list of another kind is none."""
    tiles = read_tiles(
        malformed(DashboardTileData, workers=nonsense, own_blocks=nonsense)
    )
    assert tiles == DashboardTileData()


@pytest.mark.parametrize(
    ("reported", "known"), [(True, True), (False, False), (None, True), ("no", True)]
)
def test_account_is_unknown_only_if_the_driver_says_so(
    reported: Any, known: bool
) -> None:
    """Drivers of before know nothing of this."""
    tiles = read_tiles(malformed(DashboardTileData, account_known=reported))
    assert tiles is not None
    assert tiles.account_known is known


@pytest.mark.parametrize("answer", [None, {}, {"pool_hashrate": 1e12}, [], "tiles"])
def test_what_is_no_tile(answer: Any) -> None:
    """Anything but tiles is nothing."""
    assert read_tiles(answer) is None


def test_found_pools() -> None:
    """Pools that a probe found are read, what is none is left out."""
    settings = {"api_port": 4004}
    answer = [
        FoundPool(coin="dgb", settings=settings),
        FoundPool(coin="BTC"),
        malformed(FoundPool, coin=None),
        malformed(FoundPool, coin="BCH", settings=["api_port"]),
        {"coin": "BTC"},
        "BTC",
        None,
    ]
    result = read_found_pools(answer)
    assert result == [
        FoundPool(coin="DGB", settings={"api_port": 4004}),
        FoundPool(coin="BTC"),
    ]
    # The driver may go on with its own
    settings["api_port"] = 1
    assert result[0].settings == {"api_port": 4004}
    assert read_found_pools(tuple(answer)) == read_found_pools(answer)


@pytest.mark.parametrize("answer", [None, True, "BTC", {"coin": "BTC"}, 5])
def test_probe_that_answers_nonsense_found_nothing(answer: Any) -> None:
    """Only a list of pools is a find."""
    assert read_found_pools(answer) == []
