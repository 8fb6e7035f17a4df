"""Each figure of each kind of pool: what its simulator says is what is shown."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import ATTR_UNIT_OF_MEASUREMENT, STATE_ON, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.hmm.bundled.pool_drivers.braiins_driver import BraiinsDriver
from custom_components.hmm.const import DOMAIN
from simulator.accounts import Worker
from tests.common import find, keys, poll, value
from tests.conftest import set_up
from tests.pool_cases import KINDS, Kind

# Seconds between blocks that SHA-256 finds
BLOCK_SECONDS = {"BTC": 600, "BCH": 600, "DGB": 75}

# Two digits of the third are rounded away
CLOSE = 0.006

MONEY = {"confirmed_balance", "pending_balance", "estimated_earnings_24h"}
SATOSHI = 1e-8

type Figure = float | datetime | None


@dataclass(frozen=True, kw_only=True)
class Row:
    """What the simulator of a kind of pool says."""

    figures: Callable[[], Mapping[str, Figure]]
    """By the key of the sensor, in its unit; None is "unknown"."""
    workers: Callable[[], Mapping[str, float | None]]
    """By name, in the unit of the account's hashrate."""
    unit: str = "TH/s"


def network(coin: str, difficulty: float, hashrate: float) -> dict[str, Figure]:
    """Return what follows from a hashrate in H/s: days to a block, % of all."""
    seconds = difficulty * 2**32 / hashrate
    return {
        "network_difficulty": difficulty,
        "pool_hashrate": hashrate / 1e12,
        "estimated_time_to_block": seconds / 86_400,
        "pool_percentage": 100 * BLOCK_SECONDS[coin] / seconds,
    }


def total(workers: Iterable[Worker], window: str = "10m") -> float:
    """Return the H/s of some workers over a window."""
    return sum(worker.miner.read().averages[window] for worker in workers)


def rates(workers: Mapping[str, Worker], unit: float = 1e12) -> dict[str, float | None]:
    """Return the hashrate of each worker, in TH/s or another unit."""
    return {name: total([worker]) / unit for name, worker in workers.items()}


def best(workers: Iterable[Worker]) -> float:
    """Return the difficulty of the best share."""
    return max(worker.miner.read().best_ever for worker in workers)


def at(seconds: float) -> datetime:
    """Return seconds since 1970 as a moment."""
    return datetime.fromtimestamp(int(seconds), UTC)


def last_share(workers: Iterable[Worker]) -> datetime:
    """Return when the last share came."""
    return at(max(worker.seen for worker in workers))


def shares(valid: int, invalid: int, stale: int | None) -> dict[str, Figure]:
    """Return the counts of shares and the rate that follows."""
    rejected = invalid + (stale or 0)
    counts: dict[str, Figure] = {"shares_valid": valid, "shares_invalid": invalid}
    if stale is not None:
        counts["shares_stale"] = stale
    return counts | {"reject_rate": 100 * rejected / (valid + rejected)}


# One function for each kind of pool


def solopool(kind: Kind, generation: int) -> Row:
    """Solopool.org: a list of blocks (version 2) or counts of shares (version 1)."""
    pool: Any = kind.pool
    wallet = pool.wallets[kind.wallet]
    workers = wallet.workers.values()

    def figures() -> dict[str, Figure]:
        reported = network("DGB", pool.difficulty, total(workers)) | {
            "active_workers": 2,
            "blocks_found_24h": len(wallet.blocks),
            "last_share": last_share(workers),
        }
        if generation == 2:
            return reported | {
                "blocks_found": len(wallet.blocks),
                "last_block_found": at(wallet.blocks[0]["timestamp"]),
                "best_share": best(workers),
            }
        readings = [worker.miner.read() for worker in workers]
        return reported | shares(
            sum(reading.accepted for reading in readings),
            sum(reading.rejected for reading in readings),
            sum(reading.accepted // 400 for reading in readings),
        )

    return Row(figures=figures, workers=lambda: rates(wallet.workers))


def braiins(kind: Kind) -> Row:
    """Braiins Pool: no network, no blocks, but money."""
    pool: Any = kind.pool
    (account,) = pool.accounts.values()
    workers = account.workers.values()

    def figures() -> dict[str, Figure]:
        yesterday = datetime.now(UTC).date() - timedelta(days=1)
        readings = {name: it.miner.read() for name, it in account.workers.items()}
        return {
            "pool_hashrate": total(workers) / 1e12,
            "active_workers": 2,
            "confirmed_balance": account.credited,
            "pending_balance": pool._pending(readings),
            "estimated_earnings_24h": pool._earned(account, yesterday),
            "last_share": last_share(workers),
        }

    return Row(figures=figures, workers=lambda: rates(account.workers))


def ckpool(
    kind: Kind, *, has_log: bool = False, unit: tuple[str, float] = ("TH/s", 1e12)
) -> Row:
    """All who write the files of ckpool; only one's own server shows its log."""
    pool: Any = kind.pool
    wallet = pool.wallets[kind.wallet]
    workers = wallet.workers.values()

    def figures() -> dict[str, Figure]:
        reported: dict[str, Figure] = {
            "pool_hashrate": total(workers) / unit[1],
            "active_workers": 2,
            "best_share": best(workers),
            "last_share": last_share(workers),
        }
        if has_log:
            reported |= network("BTC", pool.difficulty, total(workers))
            # Its log does not reach back a day yet, so it cannot tell the day's blocks
            reported["last_block_found"] = at(pool.now)
        return reported

    return Row(
        figures=figures, workers=lambda: rates(wallet.workers, unit[1]), unit=unit[0]
    )


def mmfp_gss(kind: Kind) -> Row:
    """GoSlimStratum: the whole pool, or what is told of one address."""
    pool: Any = kind.pool
    coin = pool.pools["dgb"]
    workers = coin.workers.values()

    def figures() -> dict[str, Figure]:
        readings = [worker.miner.read() for worker in workers]
        valid = sum(reading.accepted for reading in readings)
        reported = network("DGB", coin.chain.difficulty, total(workers)) | {
            "active_workers": 2,
            "best_share": best(workers),
            "last_share": last_share(workers),
        }
        rejected = sum(reading.rejected for reading in readings)
        if kind.wallet:
            # Each worker's stale shares are among its rejected ones
            invalid = sum(
                reading.rejected - reading.rejected // 4 for reading in readings
            )
            return reported | shares(valid, invalid, None)
        stale = rejected // 4
        return (
            reported
            | shares(valid, rejected - stale, stale)
            | {"blocks_found": len(coin.blocks), "blocks_found_24h": None}
        )

    return Row(figures=figures, workers=lambda: rates(_named(coin.workers)))


def mmfp_gse(kind: Kind) -> Row:
    """GoStratumEngine: counts since its start, and a hashrate only in time."""
    pool: Any = kind.pool
    coin = pool.pools["dgb"]
    workers = coin.workers.values()

    def figures() -> dict[str, Figure]:
        readings = [worker.miner.read() for worker in workers]
        rejected = sum(reading.rejected for reading in readings)
        return {
            "pool_hashrate": None,
            "active_workers": 2,
            **shares(
                sum(reading.accepted for reading in readings),
                rejected - rejected // 4,
                rejected // 4,
            ),
            "blocks_found": len(coin.blocks),
            # It tells when the last one was found, of none before
            "blocks_found_24h": 1 if len(coin.blocks) == 1 else None,
            "last_block_found": at(coin.blocks[0].time),
            "best_share": max(reading.best_session for reading in readings),
            "last_share": last_share(workers),
        }

    return Row(figures=figures, workers=lambda: dict.fromkeys(_named(coin.workers)))


def _named(workers: Mapping[str, Worker]) -> dict[str, Worker]:
    """Return workers by what follows the address in their stratum user."""
    return {user.rpartition(".")[2]: worker for user, worker in workers.items()}


def stack(kind: Kind) -> Row:
    """HMM's own stacks: the private pool as a whole, without its workers."""
    pool: Any = kind.pool

    def figures() -> dict[str, Figure]:
        state = pool.state()
        return network(kind.coin, pool.difficulty, state["hashrate"]) | {
            "active_workers": 2,
            "blocks_found_24h": state["blocks"],
            "last_block_found": at(pool._solved[-1].timestamp.timestamp()),
        }

    return Row(figures=figures, workers=dict)


def public_pool(kind: Kind, generation: int) -> Row:
    """public-pool: blocks without a time, shares only of its later version."""
    pool: Any = kind.pool
    wallet = pool.wallets[kind.wallet]
    workers = {session.name: session.worker for session in wallet.sessions}

    difficulty = next(iter(workers.values())).miner.network_difficulty

    def figures() -> dict[str, Figure]:
        seen = max(worker.seen for worker in workers.values())
        reported = network("BTC", difficulty, total(workers.values())) | {
            "active_workers": 2,
            "best_share": wallet.best,
            "blocks_found": pool.state()["wallets"][kind.wallet]["blocks"],
            "blocks_found_24h": None,
            "last_share": at(seen),
        }
        if generation == 2026:
            reported["last_share"] = at(seen - seen % 600)
            reported["shares_valid"] = sum(
                worker.miner.read().accepted for worker in workers.values()
            )
        return reported

    return Row(figures=figures, workers=lambda: rates(workers))


def ocean(kind: Kind) -> Row:
    """OCEAN: earnings, no time to a block for one alone."""
    pool: Any = kind.pool
    wallet = pool.wallets[kind.wallet]
    workers = wallet.workers.values()

    def figures() -> dict[str, Figure]:
        difficulty = next(iter(workers)).miner.network_difficulty
        reported = network("BTC", difficulty, total(workers))
        del reported["estimated_time_to_block"]
        since = datetime.now(UTC).timestamp() - 86_400
        earned = sum(
            earning["satoshis_net_earned"]
            for earning in wallet.earnings
            if earning["ts"] >= since
        )
        return reported | {
            "active_workers": 2,
            "confirmed_balance": wallet.unpaid / 1e8,
            "estimated_earnings_24h": earned / 1e8,
            "last_share": last_share(workers),
        }

    return Row(figures=figures, workers=lambda: rates(wallet.workers))


TABLE: Mapping[str, Callable[[Kind], Row]] = {
    "solopool v2": lambda kind: solopool(kind, 2),
    "solopool v1": lambda kind: solopool(kind, 1),
    "braiins": braiins,
    "braiins solo": ckpool,
    "braiins solo, numbers": ckpool,
    "ckpool of one's own": lambda kind: ckpool(kind, has_log=True),
    "public ckpool": ckpool,
    "nerdminers": lambda kind: ckpool(kind, unit=("kH/s", 1e3)),
    "mmfp gss": mmfp_gss,
    "mmfp gss, one address": mmfp_gss,
    "mmfp gse": mmfp_gse,
    "dgb stack": stack,
    "bch stack": stack,
    "btc stack": stack,
    "public-pool 2025": lambda kind: public_pool(kind, 2025),
    "public-pool 2026": lambda kind: public_pool(kind, 2026),
    "ocean": ocean,
}


def entry_of(kind: Kind) -> MockConfigEntry:
    """Return the entry of an account at a simulated pool."""
    return MockConfigEntry(
        domain=DOMAIN,
        title="Pool",
        unique_id=f"{kind.driver.driver_type}_account",
        data={
            "entry_type": "pool",
            "driver": kind.driver.driver_type,
            "host": "127.0.0.1",
            "port": kind.pool.port,
            "coin": kind.coin,
            "wallet": kind.wallet,
            "pool_settings": {},
            "account_settings": kind.settings(kind.pool.port),
        },
    )


@pytest.mark.parametrize("name", TABLE)
async def test_every_figure(
    home: HomeAssistant,
    every_entity: None,
    monkeypatch: pytest.MonkeyPatch,
    freezer: FrozenDateTimeFactory,
    name: str,
) -> None:
    """Pool by tile: what the simulator says, and nothing that it does not say."""
    monkeypatch.setattr(BraiinsDriver, "gap_seconds", 0.0)
    kind = KINDS[name]()
    row = TABLE[name](kind)
    async with kind.pool:
        entry = await set_up(home, entry_of(kind))
        await poll(home, entry)
        health = find(home, entry, "binary_sensor", "health")
        assert health.state == STATE_ON, health.attributes["reason"]
        expected = row.figures()
        offered = {
            key
            for key in keys(home, entry, "sensor")
            # Odds and effort follow from the others, see tests/money
            if not key.startswith(("worker_", "odds_", "effort"))
        }
        assert offered == {*expected, "latency_ms", "status", "stratum_latency"}
        for key, figure in expected.items():
            state = find(home, entry, "sensor", key).state
            match figure:
                case None:
                    assert state == STATE_UNKNOWN, key
                case datetime():
                    reported = datetime.fromisoformat(state)
                    assert abs(reported - figure) < timedelta(seconds=2), key
                case _:
                    least = SATOSHI if key in MONEY else 0
                    assert value(home, entry, key) == pytest.approx(
                        figure, rel=CLOSE, abs=least
                    ), key
        shown_unit = find(home, entry, "sensor", "pool_hashrate").attributes
        assert shown_unit[ATTR_UNIT_OF_MEASUREMENT] == row.unit
        assert float(find(home, entry, "sensor", "latency_ms").state) >= 0
        assert workers_of(home, entry) == {
            name: None if rate is None else pytest.approx(rate, rel=0.015)
            for name, rate in row.workers().items()
        }


def workers_of(hass: HomeAssistant, entry: Any) -> dict[str, float | None]:
    """Return the hashrate that each worker of an account shows; all are online."""
    unit = find(hass, entry, "sensor", "pool_hashrate").attributes
    entities, devices = er.async_get(hass), dr.async_get(hass)
    shown: dict[str, float | None] = {}
    for device in dr.async_entries_for_config_entry(devices, entry.entry_id):
        if device.via_device_id is None or device.name is None:
            continue
        name = device.name.removeprefix("Pool worker ")
        shown[name] = None
        for entity in er.async_entries_for_device(entities, device.id):
            state = hass.states.get(entity.entity_id)
            assert state is not None
            if entity.unique_id.endswith("_online"):
                assert state.state == STATE_ON
            elif entity.unique_id.endswith("_hashrate"):
                shown[name] = float(state.state)
                assert (
                    state.attributes[ATTR_UNIT_OF_MEASUREMENT]
                    == unit[ATTR_UNIT_OF_MEASUREMENT]
                )
    return shown
