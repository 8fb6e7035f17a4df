"""The simulated Braiins Pool."""

import asyncio
from datetime import UTC, datetime, timedelta
import json
from pathlib import Path
import time
from typing import Any

import pytest

from simulator.braiins import DEMO_KEY, DEMO_USER, SimulatedBraiins
from simulator.device import Fault

from .raw_client import fetch_at

pytestmark = pytest.mark.usefixtures("socket_enabled")

FIXTURES = Path(__file__).parent.parent / "fixtures" / "braiins"
ACCOUNTS = {"alice": {"one": 1.2e12, "two": 4.8e12, "": 1e12}}
HEADERS = {"Pool-Auth-Token": "token-of-alice"}

PROFILE = "/accounts/profile/json/btc/"
WORKERS = "/accounts/workers/json/btc/"
REWARDS = "/accounts/rewards/json/btc/"
STATS = "/stats/json/btc/"


async def fetch(
    pool: SimulatedBraiins, path: str, headers: dict[str, str] = HEADERS
) -> tuple[int, str, dict[str, str]]:
    """Fetch status, text and headers, with the key of alice unless told otherwise."""
    return await fetch_at("", pool, path, headers=headers)


def pool_of_alice(**options: Any) -> SimulatedBraiins:
    """Return a pool that may be asked at any time."""
    return SimulatedBraiins(**{"accounts": ACCOUNTS, "gap_seconds": 0.0, **options})


async def get(pool: SimulatedBraiins, path: str) -> Any:
    """Fetch JSON."""
    status, text, headers = await fetch(pool, path)
    assert status == 200
    assert headers["Content-Type"] == "application/json"
    return json.loads(text)


def keys_of(name: str, *path: str) -> set[str]:
    """Return the keys of a part of an example."""
    value = json.loads((FIXTURES / f"{name}.json").read_text())
    for key in path:
        value = value[key]
    return set(value)


async def test_shapes() -> None:
    """The keys are those of the examples, with and without the slash at the end."""
    async with pool_of_alice() as pool:
        profile = await get(pool, PROFILE)
        workers = await get(pool, WORKERS)
        stats = await get(pool, STATS)
        rewards = await get(pool, REWARDS)
        assert (await fetch(pool, "/nowhere"))[0] == 404
        for path in (PROFILE, WORKERS, STATS, REWARDS):
            assert (await get(pool, path.rstrip("/"))).keys() == (
                await get(pool, path)
            ).keys()
        pool.pre_fpps = True
        old = await get(pool, PROFILE)
    assert set(profile) == keys_of("profile.synthetic")
    assert set(profile["btc"]) == keys_of("profile.synthetic", "btc")
    assert set(old["btc"]) == keys_of("profile_2021_slushpool", "btc")
    assert set(stats["btc"]) == keys_of("pool_stats.synthetic", "btc")
    block = next(iter(stats["btc"]["blocks"].values()))
    assert set(block) == keys_of("stats_2018_docs", "btc", "blocks", "549753")
    worker = workers["btc"]["workers"]["alice.one"]
    assert set(worker) == keys_of("workers.synthetic", "btc", "workers", "worker-a")
    example = json.loads((FIXTURES / "rewards.synthetic.json").read_text())
    (day,) = example["btc"]["daily_rewards"]
    assert set(rewards["btc"]["daily_rewards"][0]) == set(day)
    assert isinstance(profile["btc"]["current_balance"], str)
    assert isinstance(profile["btc"]["hash_rate_5m"], float)


async def test_figures_fit_each_other() -> None:
    """The workers make up the account, in the unit that stands beside."""
    async with pool_of_alice() as pool:
        pool.worker_unit = "Th/s"
        profile = (await get(pool, PROFILE))["btc"]
        workers = (await get(pool, WORKERS))["btc"]["workers"]
        rewards = (await get(pool, REWARDS))["btc"]["daily_rewards"]
    assert profile["hash_rate_unit"] == "Gh/s"
    assert profile["hash_rate_5m"] == pytest.approx(7000, rel=0.01)
    assert set(workers) == {"alice.one", "alice.two", "alice.[auto]"}
    assert workers["alice.two"]["hash_rate_unit"] == "Th/s"
    assert workers["alice.two"]["hash_rate_5m"] == pytest.approx(4.8, rel=0.01)
    total = sum(worker["hash_rate_5m"] for worker in workers.values())
    assert total * 1000 == pytest.approx(profile["hash_rate_5m"], rel=1e-3)
    assert profile["shares_24h"] == pytest.approx(7e12 * 86_400 / 2**32, rel=0.15)
    earned = float(profile["all_time_reward"])
    # Two days and more of 7 TH/s
    assert earned == pytest.approx(7e12 * 200_000 / 2**32 / 1.3387e14 * 3.125, rel=0.03)
    assert profile["current_balance"] == profile["all_time_reward"]
    days = sum(float(day["total_reward"]) for day in rewards)
    today = float(profile["today_reward"])
    assert days + today == pytest.approx(earned, abs=earned * 0.01)
    assert rewards[0]["date"] % 86_400 == 0
    assert [day["date"] for day in rewards] == sorted(
        (day["date"] for day in rewards), reverse=True
    )


async def test_the_days_of_rewards() -> None:
    """Only those that were asked for; today is not among them."""
    today = datetime.now(UTC).date()
    async with pool_of_alice() as pool:
        every = (await get(pool, REWARDS))["btc"]["daily_rewards"]
        query = f"{REWARDS}?from={today - timedelta(days=1)}&to={today}"
        (one,) = (await get(pool, query))["btc"]["daily_rewards"]
    assert len(every) >= 2
    assert one == every[0]
    assert datetime.fromtimestamp(one["date"], UTC).date() == today - timedelta(days=1)


async def test_rewards_only_grow() -> None:
    """Time makes them more."""
    async with pool_of_alice(speed=100_000) as pool:
        first = (await get(pool, PROFILE))["btc"]
        await asyncio.sleep(0.05)
        second = (await get(pool, PROFILE))["btc"]
    for key in ("all_time_reward", "today_reward", "current_balance"):
        assert float(second[key]) > float(first[key])


async def test_states() -> None:
    """Counted in the profile and told of each worker, in capitals on demand."""
    async with pool_of_alice() as pool:
        account = pool.accounts["alice"]
        account.workers["two"].offline = True
        account.states["one"] = "low"
        account.states[""] = "dis"
        profile = (await get(pool, PROFILE))["btc"]
        workers = (await get(pool, WORKERS))["btc"]["workers"]
        pool.upper_case = True
        capitals = (await get(pool, WORKERS))["btc"]["workers"]
    counts = [profile[f"{state}_workers"] for state in ("ok", "low", "off", "dis")]
    assert counts == [0, 1, 1, 1]
    states = {"alice.one": "low", "alice.two": "off", "alice.[auto]": "dis"}
    assert {name: worker["state"] for name, worker in workers.items()} == states
    assert capitals["alice.two"]["state"] == "OFF"


@pytest.mark.parametrize(
    "header",
    [
        "Pool-Auth-Token",
        "X-Pool-Auth-Token",
        "SlushPool-Auth-Token",
        "X-SlushPool-Auth-Token",
    ],
)
async def test_token(header: str) -> None:
    """Its four names are accepted; a wrong or missing one is refused in plain text."""
    async with pool_of_alice() as pool:
        assert (await fetch(pool, PROFILE, {header: "token-of-alice"}))[0] == 200
        for headers in ({header: "wrong"}, {}, {"Authorization": "token-of-alice"}):
            for path in (PROFILE, STATS, "/nowhere"):
                status, text, answered = await fetch(pool, path, headers)
                assert status == 403
                assert answered["Content-Type"] == "text/plain; charset=utf-8"
                assert "alice" not in text
        pool.tokens = {"new": "alice"}
        assert (await fetch(pool, PROFILE))[0] == 403
        pool.tokens = {"token-of-alice": "alice"}
        pool.fault = Fault.WRONG_MAC
        assert (await fetch(pool, PROFILE))[0] == 403


async def test_too_fast() -> None:
    """The second request gets nothing and is counted; each token for itself."""
    async with pool_of_alice(gap_seconds=60) as pool:
        token = pool.add_account("bob", {"x": 1e12})
        assert (await fetch(pool, PROFILE))[0:2] != (200, "")
        for path in (PROFILE, WORKERS, STATS):
            assert (await fetch(pool, path))[0:2] == (200, "")
        assert pool.too_fast == 3
        status, text, _ = await fetch(pool, PROFILE, {"Pool-Auth-Token": token})
        assert status == 200
        assert json.loads(text)["username"] == "bob"
        # A refused token costs the others nothing
        await fetch(pool, PROFILE, {})
        pool.gap_seconds = 0
        await get(pool, PROFILE)
        assert pool.too_fast == 3
    assert SimulatedBraiins().gap_seconds == 5


async def test_text_and_nulls() -> None:
    """Numbers as text and nulls."""
    async with pool_of_alice() as pool:
        pool.text_numbers = True
        assert isinstance((await get(pool, PROFILE))["btc"]["hash_rate_5m"], str)
        pool.text_numbers = False
        pool.nulls = True
        profile = (await get(pool, PROFILE))["btc"]
        workers = (await get(pool, WORKERS))["btc"]["workers"]
        assert (await get(pool, STATS))["btc"]["blocks"] is None
        assert (await get(pool, REWARDS))["btc"]["daily_rewards"] is None
    assert profile["current_balance"] is profile["shares_24h"] is None
    assert profile["hash_rate_5m"] > 0
    assert workers["alice.one"]["last_share"] is None


async def test_pool_figures() -> None:
    """A block of the pool, and figures that stand still."""
    async with pool_of_alice() as pool:
        before = (await get(pool, STATS))["btc"]
        pool.find_block()
        after = (await get(pool, STATS))["btc"]
        pool.stale = True
        stale = (await get(pool, STATS))["btc"]
    assert len(after["blocks"]) == len(before["blocks"]) + 1
    newest = after["blocks"][max(after["blocks"])]
    assert newest["state"] == "new"
    assert newest["confirmations_left"] == 100
    assert newest["date_found"] == pytest.approx(time.time(), abs=60)
    assert before["blocks"][min(before["blocks"])]["state"] == "confirmed"
    assert after["pool_5m_hash_rate"] == pytest.approx(5.7e9)
    assert stale["update_ts"] < time.time() - 7000 < after["update_ts"]


async def test_demo_account_and_state() -> None:
    """What it has without being told."""
    async with SimulatedBraiins() as pool:
        status, text, _ = await fetch(pool, PROFILE, {"Pool-Auth-Token": DEMO_KEY})
        assert status == 200
        assert json.loads(text)["username"] == DEMO_USER
        state = pool.state()
    assert state["kind"] == "braiins"
    assert state["too_fast"] == 0
    assert state["accounts"][DEMO_USER]["workers"] == 3
    assert state["accounts"][DEMO_USER]["hashrate"] == pytest.approx(12.5e12, rel=0.1)
    json.dumps(state)
