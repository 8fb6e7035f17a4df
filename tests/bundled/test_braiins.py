"""The Braiins Pool driver, against known shapes and the simulated pool."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
import json
from pathlib import Path
import time
from typing import Any

import aiohttp
import pytest

from custom_components.hmm.bundled.pool_drivers.braiins_driver import BraiinsDriver
from custom_components.hmm.driver_api import (
    AuthRequired,
    DashboardTileData,
    InvalidValue,
    PoolWorker,
)
from custom_components.hmm.driver_api.transports.web import WebApi
from simulator.braiins import DEMO_KEY, DEMO_USER, FACTORS, SimulatedBraiins

from .site import Site, serving

FIXTURES = Path(__file__).parent.parent / "fixtures" / "braiins"
TOKEN = "token-of-alice"
WORKERS = {"bitaxe": 1.2e12, "nerd": 4.8e12, "": 0.5e12}

PROFILE = "/accounts/profile/json/btc/"
WORKERS_PATH = "/accounts/workers/json/btc/"
STATS = "/stats/json/btc/"


def load(name: str) -> Any:
    """Read an example of a shape."""
    return json.loads((FIXTURES / f"{name}.json").read_text())


@pytest.fixture
def driver(session: aiohttp.ClientSession) -> BraiinsDriver:
    """Return a driver with a session that waits for nobody and shares nothing."""
    driver = BraiinsDriver()
    driver.session = session
    driver.gap_seconds = 0.0
    driver.shared_seconds = 0.0
    return driver


async def tile(
    driver: BraiinsDriver, base: str, token: str = TOKEN, **options: Any
) -> DashboardTileData:
    """Read the tiles of an account as HMM does."""
    return await driver.get_dashboard_data(
        url="stratum.braiins.com",
        coin="BTC",
        username="",
        stratum_port=3333,
        api_token=token,
        api_base=base,
        **options,
    )


def keywords(base: str) -> dict[str, Any]:
    """Return what tells every method whose figures are asked for, and where."""
    return {"api_token": TOKEN, "api_base": base}


# Known shapes


def yesterday() -> int:
    """Return the midnight (UTC) that the last full day began with."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return round((today - timedelta(days=1)).timestamp())


def rewards_path() -> str:
    """Return where yesterday's reward is asked for."""
    today = datetime.now(UTC).date()
    return f"/accounts/rewards/json/btc/?from={today - timedelta(days=1)}&to={today}"


@asynccontextmanager
async def answering(**changes: Any) -> AsyncGenerator[Site]:
    """Answer with the examples; ``profile`` and such replace one of them."""
    rewards = load("rewards.synthetic")
    rewards["btc"]["daily_rewards"][0]["date"] = yesterday()
    answers = {
        PROFILE: changes.get("profile", load("profile.synthetic")),
        WORKERS_PATH: changes.get("workers", load("workers.synthetic")),
        STATS: changes.get("stats", load("pool_stats.synthetic")),
        rewards_path(): changes.get("rewards", rewards),
    }
    async with serving(answers) as site:
        yield site


async def test_the_current_shape(driver: BraiinsDriver) -> None:
    """Every figure in H/s and BTC; what the pool does not tell stays unknown."""
    async with answering() as site:
        data = await tile(driver, site.base)
    assert data.health_status
    assert data.health_message is None
    assert data.latency_ms is not None
    assert data.account == "example-user"
    assert data.account_known
    assert data.currency == "BTC"
    assert data.pool_hashrate == 27_978e9
    assert data.active_workers == 2
    assert data.confirmed_balance == 0.01
    assert data.pending_balance == 0.0001194
    assert data.estimated_earnings_24h == 0.00061081
    assert data.last_share == datetime.fromtimestamp(1542103204, UTC)
    assert data.workers == (
        PoolWorker(
            name="worker-a",
            hashrate=14_977e9,
            online=True,
            last_share=datetime.fromtimestamp(1542103204, UTC),
        ),
        PoolWorker(
            name="worker-b",
            hashrate=13_001e9,
            online=True,
            last_share=datetime.fromtimestamp(1542103200, UTC),
        ),
        PoolWorker(
            name="worker-offline",
            hashrate=0,
            online=False,
            last_share=datetime.fromtimestamp(1542100000, UTC),
        ),
    )
    for name in (
        "network_difficulty",
        "estimated_time_to_block",
        "pool_percentage",
        # Weighted work of a moving day is no count
        "shares_valid",
        "shares_invalid",
        "shares_stale",
        "reject_rate",
        # Blocks are the pool's
        "blocks_found_24h",
        "last_block_found",
        "blocks_found",
        "best_share",
    ):
        assert getattr(data, name) is None
    assert data.own_blocks == ()
    assert site.paths == [PROFILE, WORKERS_PATH, rewards_path()]


async def test_the_shape_before_fpps(driver: BraiinsDriver) -> None:
    """The amounts had other names; no field is needed."""
    profile = load("profile_2021_slushpool")
    async with answering(profile=profile, workers={"btc": {}}, rewards={}) as site:
        data = await tile(driver, site.base)
    assert data.pool_hashrate == pytest.approx(28_203.7617e9)
    assert data.active_workers == 3
    assert data.confirmed_balance == 0.00144336
    assert data.pending_balance == 0.00019718
    assert data.estimated_earnings_24h is None
    assert data.workers == ()
    assert data.account == "USER"


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        *((unit, factor) for unit, factor in FACTORS.items()),
        *((unit.upper(), factor) for unit, factor in FACTORS.items()),
        ("th/s", 1e12),
        (" GH/s ", 1e9),
        ("", None),
        (None, None),
        ("shares", None),
        ("Xh/s", None),
        (9, None),
    ],
)
async def test_units(driver: BraiinsDriver, unit: Any, factor: float | None) -> None:
    """Each object has its own; a hashrate without one cannot be told."""
    profile, workers = load("profile.synthetic"), load("workers.synthetic")
    profile["btc"]["hash_rate_unit"] = unit
    workers["btc"]["workers"]["worker-a"]["hash_rate_unit"] = unit
    async with answering(profile=profile, workers=workers) as site:
        data = await tile(driver, site.base)
    if factor is None:
        assert data.pool_hashrate is None
        assert data.workers[0].hashrate is None
    else:
        assert data.pool_hashrate == pytest.approx(27_978 * factor)
        assert data.workers[0].hashrate == pytest.approx(14_977 * factor)
    assert data.workers[1].hashrate == 13_001e9


@pytest.mark.parametrize(
    ("state", "hashrate", "online"),
    [
        ("ok", 0, True),
        ("OK", 5, True),
        (" Low ", 5, True),
        ("off", 0, False),
        ("OFF", 5, False),
        # Nobody watches it, so it may mine
        ("dis", 5, True),
        ("DIS", 0, False),
        ("dis", None, None),
        ("new", 5, None),
        (None, 5, None),
        (7, 5, None),
    ],
)
async def test_states(
    driver: BraiinsDriver, state: Any, hashrate: Any, online: bool | None
) -> None:
    """In either case of letters."""
    worker = {"state": state, "hash_rate_5m": hashrate, "hash_rate_unit": "Gh/s"}
    workers = {"btc": {"workers": {"a": worker}}}
    async with answering(workers=workers) as site:
        data = await tile(driver, site.base)
    assert data.workers[0].online is online
    # The profile counts two
    assert data.active_workers == (2 if online is None else int(online))


@pytest.mark.parametrize(
    ("username", "listed", "name"),
    [
        ("alice", "alice.rig", "rig"),
        ("alice", "alice.rack.m3", "rack.m3"),
        ("alice", "rig", "rig"),
        ("alice", "bob.rig", "bob.rig"),
        ("alice", "alicerig", "alicerig"),
        ("alice", "alice", "default"),
        ("alice", "alice.", "default"),
        ("alice", "[auto]", "default"),
        ("alice", "alice.[auto]", "default"),
        ("alice", "", "default"),
        (None, "alice.rig", "rig"),
        (None, "rig", "rig"),
        (None, "alice.[auto]", "default"),
    ],
)
async def test_names(
    driver: BraiinsDriver, username: str | None, listed: str, name: str
) -> None:
    """What follows the account is the worker."""
    profile = load("profile.synthetic")
    profile["username"] = username
    workers = {"btc": {"workers": {listed: {"state": "ok"}}}}
    async with answering(profile=profile, workers=workers) as site:
        data = await tile(driver, site.base)
    assert [worker.name for worker in data.workers] == [name]
    assert data.account == username


async def test_a_name_that_is_missing_once(driver: BraiinsDriver) -> None:
    """The account and its workers keep their names."""
    listed: dict[str, Any] = {"example-user.rack.m3": {}, "rack.m4": {}}
    workers = {"btc": {"workers": listed}}
    async with answering(workers=workers) as site:
        first = await tile(driver, site.base)
        site.answers[PROFILE]["username"] = None
        second = await tile(driver, site.base)
    assert first.account == second.account == "example-user"
    assert first.workers == second.workers
    assert [worker.name for worker in second.workers] == ["rack.m3", "rack.m4"]


@pytest.mark.parametrize("days", [-31, 31])
async def test_yesterday_is_that_of_the_pool(driver: BraiinsDriver, days: int) -> None:
    """Where our clock is a month off, the day that is asked for is still the right one."""
    moment = datetime.now(UTC) + timedelta(days=days)
    today = moment.date()
    path = f"/accounts/rewards/json/btc/?from={today - timedelta(days=1)}&to={today}"
    midnight = datetime.combine(today, datetime.min.time(), UTC) - timedelta(days=1)
    reward = {"date": midnight.timestamp(), "total_reward": "0.0005"}
    date = f"Date: {format_datetime(moment, usegmt=True)}\r\n"
    answers = {
        PROFILE: load("profile.synthetic"),
        WORKERS_PATH: load("workers.synthetic"),
        path: {"btc": {"daily_rewards": [reward]}},
    }
    async with serving(
        {path: (200, json.dumps(it), date) for path, it in answers.items()}
    ) as site:
        assert (await tile(driver, site.base)).estimated_earnings_24h == 0.0005


def forget_reward(driver: BraiinsDriver) -> None:
    """Let it be time to ask for yesterday's reward again."""
    for account in driver._accounts.values():
        account._reward_due = 0.0


async def test_a_negative_figure_is_none(driver: BraiinsDriver) -> None:
    """But a real zero is one."""
    profile = load("profile.synthetic")
    profile["btc"] |= {
        "hash_rate_5m": "0",
        "current_balance": "0.00000000",
        "estimated_reward": "-0.1",
        "ok_workers": "0",
        "low_workers": -1,
    }
    async with answering(profile=profile, workers={"btc": {"workers": {}}}) as site:
        data = await tile(driver, site.base)
    assert data.pool_hashrate == 0
    assert data.confirmed_balance == 0
    assert data.pending_balance is None
    # A sum with an unknown part is unknown
    assert data.active_workers is None


# Yesterday's reward


async def test_yesterdays_reward_is_asked_for_once(driver: BraiinsDriver) -> None:
    """It does not change any more; all polls of the day have it."""
    async with answering() as site:
        for _ in range(3):
            assert (await tile(driver, site.base)).estimated_earnings_24h == 0.00061081
            forget_reward(driver)
        assert site.paths.count(rewards_path()) == 1


async def test_yesterday_is_not_calculated_yet(
    driver: BraiinsDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The day before serves meanwhile, and is dropped when it is too old."""

    ahead = 0
    monkeypatch.setattr(WebApi, "now", lambda _: time.time() + ahead * 86_400)
    async with answering() as site:
        assert (await tile(driver, site.base)).estimated_earnings_24h == 0.00061081
        for ahead, known in ((1, True), (2, False)):
            forget_reward(driver)
            earned = (await tile(driver, site.base)).estimated_earnings_24h
            assert earned == (0.00061081 if known else None)
            # Not asked again before its time
            await tile(driver, site.base)
            assert len([path for path in site.paths if "rewards" in path]) == ahead + 1


@pytest.mark.parametrize(
    "answer", [(403, "no", ""), (404, "", ""), (500, "", ""), (200, "<html>", ""), []]
)
async def test_the_tiles_do_without_rewards(driver: BraiinsDriver, answer: Any) -> None:
    """A token that may not see them gives all else."""
    async with answering(rewards=answer) as site:
        data = await tile(driver, site.base)
    assert data.health_status
    assert data.confirmed_balance == 0.01
    assert data.estimated_earnings_24h is None


async def test_there_is_no_time_for_rewards(driver: BraiinsDriver) -> None:
    """HMM waits for 30 s: what is had by then is shown."""
    driver.budget_seconds = 0.0
    async with answering() as site:
        data = await tile(driver, site.base)
        assert data.confirmed_balance == 0.01
        assert data.estimated_earnings_24h is None
        driver.budget_seconds = 27.0
        forget_reward(driver)
        assert (await tile(driver, site.base)).estimated_earnings_24h == 0.00061081


# The token


async def test_the_header(driver: BraiinsDriver) -> None:
    """One name of the four that the pool knows, by either name of the setting."""
    async with SimulatedBraiins(accounts={"alice": WORKERS}) as pool:
        pool.gap_seconds = 0
        base = f"http://127.0.0.1:{pool.port}"
        seen: list[dict[str, str]] = []
        admit = pool.admit

        def spy(request: Any) -> Any:
            seen.append(request.headers)
            return admit(request)

        pool.admit = spy  # type: ignore[method-assign]
        for name in ("api_token", "api_key"):
            data = await driver.get_dashboard_data(
                "x", "btc", api_base_url=f"{base}/", **{name: f" {TOKEN} "}
            )
            assert data.account == "alice"
    assert {headers["pool-auth-token"] for headers in seen} == {TOKEN}
    assert not any(
        "slushpool" in name or name.startswith("x-")
        for headers in seen
        for name in headers
    )


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"api_token": ""},
        {"api_token": " "},
        {"api_token": "a\nb"},
        {"api_token": "tökën"},
        {"api_key": None},
        {"api_token": 5},
    ],
)
async def test_no_token(driver: BraiinsDriver, options: dict[str, Any]) -> None:
    """Nobody is asked, and the user is."""
    assert not driver.validate_config(options)
    with pytest.raises(AuthRequired, match="token"):
        await driver.get_dashboard_data("x", "BTC", **options)
    health = await driver.get_health("x", 3333, **options)
    assert not health.is_healthy


async def test_another_coin(driver: BraiinsDriver) -> None:
    """The pool has but one."""
    with pytest.raises(InvalidValue):
        await driver.get_dashboard_data("x", "DGB", api_token=TOKEN)


# The simulated pool


@asynccontextmanager
async def simulated(**options: Any) -> AsyncGenerator[tuple[SimulatedBraiins, str]]:
    """Run a simulated pool that may be asked at any time, and give its address."""
    options = {"accounts": {"alice": WORKERS}, "gap_seconds": 0.0, **options}
    async with SimulatedBraiins(**options) as pool:
        yield pool, f"http://127.0.0.1:{pool.port}"


async def raw(pool: SimulatedBraiins, path: str, token: str = TOKEN) -> Any:
    """Fetch what the pool says, without the driver."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(
            f"http://127.0.0.1:{pool.port}{path}", headers={"Pool-Auth-Token": token}
        ) as response,
    ):
        return await response.json()


@pytest.mark.parametrize("unit", ["Gh/s", "Th/s", "h/s", "Ph/s"])
async def test_simulated_pool(driver: BraiinsDriver, unit: str) -> None:
    """Each tile field against what the pool says, in two requests and one a day."""
    async with simulated() as (pool, base):
        pool.unit = unit
        pool.worker_unit = "Mh/s"
        data = await tile(driver, base)
        stated = (await raw(pool, PROFILE))["btc"]
        rewards = (await raw(pool, "/accounts/rewards/json/btc"))["btc"]
        pool.counters.reset()
        # Time passes between the two looks
        assert data.pool_hashrate == pytest.approx(
            stated["hash_rate_5m"] * FACTORS[unit], rel=1e-3
        )
        assert data.pool_hashrate == pytest.approx(6.5e12, rel=0.05)
        assert sum(worker.hashrate or 0 for worker in data.workers) == pytest.approx(
            data.pool_hashrate, rel=1e-3
        )
        assert data.active_workers == stated["ok_workers"] == 3
        assert {worker.name for worker in data.workers} == {"bitaxe", "nerd", "default"}
        assert all(worker.online for worker in data.workers)
        assert data.confirmed_balance == pytest.approx(
            float(stated["current_balance"]), abs=2e-8
        )
        assert data.confirmed_balance
        assert data.pending_balance == pytest.approx(
            float(stated["estimated_reward"]), abs=2e-8
        )
        assert data.estimated_earnings_24h == float(
            rewards["daily_rewards"][0]["total_reward"]
        )
        assert data.estimated_earnings_24h
        assert data.last_share is not None
        assert data.last_share.timestamp() == pytest.approx(time.time(), abs=300)
        assert data.account == "alice"

        pool.accounts["alice"].workers["nerd"].offline = True
        pool.accounts["alice"].states = {"bitaxe": "low", "": "dis"}
        pool.upper_case = True
        data = await tile(driver, base)
        assert {worker.name: worker.online for worker in data.workers} == {
            "bitaxe": True,
            "nerd": False,
            "default": True,
        }
        assert data.active_workers == 2
        # Yesterday's reward is known by now
        assert pool.counters.by_path == {f"GET {PROFILE}": 1, f"GET {WORKERS_PATH}": 1}


async def test_simulated_pool_of_before_fpps(driver: BraiinsDriver) -> None:
    """The same account by its old names."""
    async with simulated() as (pool, base):
        now = await tile(driver, base)
        pool.pre_fpps = True
        pool.text_numbers = True
        old = await tile(driver, base)
    assert old.pool_hashrate == pytest.approx(now.pool_hashrate, rel=1e-3)
    assert now.confirmed_balance is not None
    assert old.confirmed_balance == pytest.approx(now.confirmed_balance * 0.8, rel=0.01)
    assert old.pending_balance == pytest.approx(now.confirmed_balance * 0.2, rel=0.01)
    assert old.active_workers == 3


async def test_refused_token(driver: BraiinsDriver) -> None:
    """403 with a plain text asks for another token, which then works."""
    async with simulated() as (pool, base):
        for method in (
            tile(driver, base, "wrong"),
            driver.get_user_stats("x", "BTC", "", api_token="wrong", api_base=base),
        ):
            with pytest.raises(AuthRequired) as caught:
                await method
            assert "wrong" not in str(caught.value)
        health = await driver.get_health("x", 1, api_token="wrong", api_base=base)
        assert not health.is_healthy
        assert (await tile(driver, base)).health_status
        # It was regenerated on the web page
        pool.tokens = {"new": "alice"}
        with pytest.raises(AuthRequired):
            await tile(driver, base)
        assert (await tile(driver, base, "new")).health_status


async def test_only_the_second_request_is_refused(driver: BraiinsDriver) -> None:
    """That is a refused token, too."""
    async with answering(workers=(403, "no", "")) as site:
        with pytest.raises(AuthRequired):
            await tile(driver, site.base)


async def test_the_gap_is_kept(driver: BraiinsDriver) -> None:
    """Whatever HMM wants at once: one token never asks sooner than it may."""
    driver.gap_seconds = 0.03
    async with simulated(gap_seconds=0.03) as (pool, base):
        results = await asyncio.gather(*(tile(driver, base) for _ in range(3)))
        assert all(results)
        assert pool.counters.requests > 5
        assert pool.too_fast == 0
        # Without the gap the pool would have minded
        driver._accounts.clear()
        driver.gap_seconds = 0.0
        hurried = await tile(driver, base)
        assert not hurried.health_status
        assert hurried.health_message is not None
        assert "JSON" in hurried.health_message
        assert pool.too_fast > 0


async def test_the_gap_is_of_each_token(driver: BraiinsDriver) -> None:
    """Two accounts do not wait for each other, nor is one told of the other."""
    driver.gap_seconds = 0.02
    accounts = {"alice": {"a": 1e12}, "bob": {"b": 2e12}}
    async with simulated(accounts=accounts, gap_seconds=0.02) as (pool, base):
        both = await asyncio.gather(
            tile(driver, base), tile(driver, base, "token-of-bob")
        )
        assert [data.account for data in both] == ["alice", "bob"]
        assert [data.workers[0].name for data in both] == ["a", "b"]
        assert pool.too_fast == 0


def test_what_is_asked_of_the_pool() -> None:
    """The limits that the documentation names, and the time that HMM gives."""
    driver = BraiinsDriver()
    assert driver.gap_seconds >= 5
    assert driver.shared_seconds < driver.poll_seconds
    assert 2 * driver.timeout_seconds + driver.gap_seconds < driver.budget_seconds < 30


async def test_entries_with_one_token_share_all(driver: BraiinsDriver) -> None:
    """Also health, user and worker figures cost nothing more."""
    driver.shared_seconds = 100.0
    async with simulated() as (pool, base):
        options = keywords(base)
        await asyncio.gather(*(tile(driver, base) for _ in range(3)))
        health = await driver.get_health("x", 1, **options)
        assert health.is_healthy
        assert health.latency_ms is not None
        user = await driver.get_user_stats("x", "BTC", "", **options)
        assert user is not None
        assert user["hashrate"] == pytest.approx(6.5e12, rel=0.05)
        assert user["workers"] == 3
        worker = await driver.get_worker_stats("x", "BTC", "nerd", **options)
        assert worker is not None
        assert worker["hashrate"] == pytest.approx(4.8e12, rel=0.05)
        assert worker["online"] is True
        assert await driver.get_worker_stats("x", "BTC", "nobody", **options) is None
        assert pool.counters.requests == 3


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((200, "", ""), "JSON"),
        ([], "shape"),
        ({}, "Bitcoin"),
        ({"btc": None}, "Bitcoin"),
        ({"username": "x", "btc": []}, "Bitcoin"),
        ((404, "", ""), "Bitcoin"),
    ],
)
@pytest.mark.parametrize("which", ["profile", "workers"])
async def test_an_answer_of_another_shape(
    driver: BraiinsDriver, which: str, answer: Any, says: str
) -> None:
    """It is no figures, and not those of an account with nothing."""
    async with answering(**{which: answer}) as site:
        data = await tile(driver, site.base)
    assert data.health_status is False
    assert data.health_message is not None
    assert says in data.health_message


async def test_the_demo_account(driver: BraiinsDriver) -> None:
    """The account that a pool has by itself."""
    async with SimulatedBraiins(gap_seconds=0) as pool:
        data = await tile(driver, f"http://127.0.0.1:{pool.port}", DEMO_KEY)
    assert data.account == DEMO_USER
    assert data.active_workers == 3


# Which pool
