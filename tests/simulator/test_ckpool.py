"""The simulated ckpool in all its flavours."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
import json
from pathlib import Path
import time
from typing import Any

import pytest

from simulator.ckpool import (
    COINS,
    SERVICES,
    SimulatedCkpool,
    stratum_user,
    suffix_string,
)
from simulator.device import Fault

from .raw_client import fetch_at

pytestmark = pytest.mark.usefixtures("socket_enabled")

WALLETS = {"wallet": {"one": 1.2e12, "two": 4.8e12}}
RECORDED = Path(__file__).parents[1] / "fixtures/ckpool"
USER_KEYS = list(json.loads((RECORDED / "users.json").read_text()))


fetch = partial(fetch_at, "")


def fresh(**options: Any) -> SimulatedCkpool:
    """Make a pool that writes its files for every request."""
    pool = SimulatedCkpool(**{"wallets": WALLETS, **options})
    pool.update_seconds = 0
    return pool


async def status(pool: SimulatedCkpool) -> list[dict[str, Any]]:
    """Fetch the lines of pool.status."""
    code, text, _ = await fetch(pool, "/pool/pool.status")
    assert code == 200
    return [json.loads(line) for line in text.splitlines()]


async def user(pool: SimulatedCkpool, name: str = "wallet") -> dict[str, Any]:
    """Fetch a user."""
    code, text, _ = await fetch(pool, f"/users/{name}")
    assert code == 200
    data: dict[str, Any] = json.loads(text)
    return data


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (950.7, "950"),
        (44_400, "44.4K"),
        (1.2e12, "1.2T"),
        (999.6e9, "1e+03G"),
        (2.43e12, "2.43T"),
        (4.1e18, "4.1E"),
    ],
)
def test_suffixes(value: float, text: str) -> None:
    """Three digits, with an exponent at the edge of a decade."""
    assert suffix_string(value) == text


def test_stratum_users() -> None:
    """A dot, an underscore or nothing."""
    assert stratum_user("a", "b") == "a.b"
    assert stratum_user("a", "_b") == "a_b"
    assert stratum_user("a", "") == "a"


async def test_pool_status() -> None:
    """Three lines, each a JSON object, with the keys and types of ckpool."""
    async with fresh() as pool:
        first, second, third = await status(pool)
        _, _, headers = await fetch(pool, "/pool/pool.status")
    assert list(first) == [
        "runtime",
        "lastupdate",
        "Users",
        "Workers",
        "Idle",
        "Disconnected",
    ]
    assert first["lastupdate"] == pytest.approx(time.time(), abs=60)
    assert (first["Users"], first["Workers"]) == (1, 2)
    assert list(second) == [
        f"hashrate{window}" for window in ("1m", "5m", "15m", "1hr", "6hr", "1d", "7d")
    ]
    assert second["hashrate1d"] == "5.99T"
    assert list(third) == [
        "diff",
        "accepted",
        "rejected",
        "bestshare",
        "SPS1m",
        "SPS5m",
        "SPS15m",
        "SPS1h",
    ]
    assert isinstance(third["accepted"], int)
    assert third["SPS1h"] == pytest.approx(6e12 / 2**32 / 1000, rel=0.1)
    assert headers["Content-Type"] == "application/json"


async def test_user_file() -> None:
    """One indented document; work is the sum of the workers'."""
    async with fresh() as pool:
        data = await user(pool)
        _, text, _ = await fetch(pool, "/users/wallet")
    assert text.startswith('{\n "hashrate1m"')
    assert text.endswith("}\n")
    assert list(data) == USER_KEYS
    assert data["workers"] == 2
    assert data["lastshare"] == pytest.approx(time.time(), abs=60)
    one, two = data["worker"]
    assert (one["workername"], two["workername"]) == ("wallet.one", "wallet.two")
    assert one["hashrate5m"] == "1.2T"
    assert one["shares"] + two["shares"] == data["shares"]
    assert data["bestever"] == int(data["bestshare"])
    assert isinstance(data["bestshare"], float)


@pytest.mark.parametrize("flavour", SERVICES)
async def test_flavours(flavour: Any) -> None:
    """Each shows what it has; the others' paths are not there."""
    async with SimulatedCkpool(flavour=flavour) as pool:
        (wallet,) = pool.wallets
        data = await user(pool, wallet)
        code, _, headers = await fetch(pool, "/pool/pool.status")
        assert code == (404 if flavour.startswith("braiins") else 200)
        assert (await fetch(pool, "/ckpool.log"))[0] == (
            200 if flavour == "lan" else 404
        )
        assert (await fetch(pool, "/"))[0] == 200
        _, _, headers = await fetch(pool, f"/users/{wallet}")
        assert headers["Content-Type"] == SERVICES[flavour].content_type
    match flavour:
        case "lan" | "public":
            assert list(data) == USER_KEYS
        case "nerdminers":
            assert isinstance(data["shares"], float)
            assert isinstance(data["bestever"], float)
            assert data["hashrate1d"].endswith("K")
        case "braiins":
            assert "authorised" not in data
            assert data["rejected"] > 0
            assert data["worker"][0]["useragent"]
        case "braiins-numeric":
            assert data["hashrate1m"] == pytest.approx(1.1e12, rel=0.05)
            assert "hashrate5m" not in data
            (worker,) = data["workers"]
            assert worker["workername"] == "rig1"
            assert worker["hashrate5m"] == pytest.approx(1.1e12, rel=0.05)
            assert data["notable_shares"][0]["worker"] == "rig1"


async def test_a_public_pool_is_large() -> None:
    """Its round has done a part of a block that can be told."""
    async with fresh(flavour="public") as pool:
        first, second, third = await status(pool)
    assert first["Users"] > 10_000
    assert second["hashrate5m"] == "260P"
    assert third["diff"] > 1
    assert third["accepted"] * 100 / third["diff"] == pytest.approx(
        COINS["btc"].difficulty, rel=0.01
    )


async def test_files_are_written_once_a_minute() -> None:
    """Between two writes they do not change; a dead ckpool writes none."""
    async with SimulatedCkpool(wallets=WALLETS, speed=10_000) as pool:
        assert await user(pool) == await user(pool)
        pool.update_seconds = 0
        before = await user(pool)
        assert (await user(pool))["shares"] > before["shares"]
        pool.stop_ckpool(600)
        stopped = await status(pool)
        assert stopped[0]["lastupdate"] == pytest.approx(time.time() - 600, abs=30)
        assert await status(pool) == stopped


async def test_shares_grow_and_silence() -> None:
    """A worker that is silent is listed for a week; a new address comes later."""
    async with fresh(speed=1000) as pool:
        first, second = await user(pool), await user(pool)
        assert second["shares"] >= first["shares"]
        assert second["bestever"] >= first["bestever"]
        pool.let_silent("wallet", "two", 5000)
        data = await user(pool)
        assert data["workers"] == 1
        assert data["worker"][1]["lastshare"] == pytest.approx(
            time.time() - 5000, abs=30
        )
        assert (await status(pool))[0]["Idle"] == 1
        pool.let_silent("wallet", "two", 700_000)
        assert len((await user(pool))["worker"]) == 1
        assert (await fetch(pool, "/users/later"))[0] == 404
        pool.add_wallet("later", {"": 1e12})
        assert (await user(pool, "later"))["worker"][0]["workername"] == "later"


async def test_found_block() -> None:
    """A new round begins for all; what was ever done stays."""
    async with fresh(age=1000) as pool:
        before = await user(pool)
        pool.find_block()
        data = await user(pool)
        third = (await status(pool))[2]
        _, log, _ = await fetch(pool, "/ckpool.log")
    assert data["shares"] > before["shares"]
    assert data["bestever"] > COINS["btc"].difficulty
    assert data["bestshare"] == 0
    assert (third["bestshare"], third["rejected"]) == (0, 0)
    assert third["accepted"] < 10_000
    assert f"Solved and confirmed block {COINS['btc'].height + 1} by wallet.one" in log
    assert "BLOCK ACCEPTED!" in log


async def test_the_log() -> None:
    """Lines of every minute, in local time."""
    async with fresh(coin="dgb") as pool:
        pool.utc_offset = 7200
        pool.rewrite_log(5)
        _, text, _ = await fetch(pool, "/ckpool.log")
    lines = text.splitlines()
    assert "Network diff set to 756672128.5" in lines[0]
    updates = [line for line in lines if "lastupdate" in line]
    assert len(updates) == 6
    line = updates[-1]
    local = datetime.fromisoformat(line[1:24]).replace(tzinfo=UTC).timestamp()
    update = json.loads(line[line.index("{") :])["lastupdate"]
    assert local - update == pytest.approx(7200, abs=2)
    assert any("User wallet:{" in line for line in lines)


async def test_ranges() -> None:
    """The end of the log alone, unless the server cannot do so."""
    async with SimulatedCkpool(wallets=WALLETS) as pool:
        _, whole, _ = await fetch(pool, "/ckpool.log")
        code, text, headers = await fetch(
            pool, "/ckpool.log", headers={"Range": "bytes=-100"}
        )
        assert code == 206
        assert text == whole[-100:]
        size = len(whole)
        assert headers["Content-Range"] == f"bytes {size - 100}-{size - 1}/{size}"
        code, text, _ = await fetch(
            pool, "/ckpool.log", headers={"Range": f"bytes=-{size * 2}"}
        )
        assert (code, text) == (206, whole)
        pool.ranges = False
        code, text, _ = await fetch(
            pool, "/ckpool.log", headers={"Range": "bytes=-100"}
        )
        assert (code, text) == (200, whole)
        pool.ranges = True
        pool.rewrite_log(0)
        pool.stopped = True
        pool._log.clear()
        await user(pool)
        pool._log.clear()
        code, _, headers = await fetch(
            pool, "/ckpool.log", headers={"Range": "bytes=-100"}
        )
        assert (code, headers["Content-Range"]) == (416, "bytes */0")


@pytest.mark.parametrize(("kind", "lines"), [("empty", 0), ("short", 2), ("cut", None)])
async def test_half_written(kind: Any, lines: int | None) -> None:
    """For so many requests as was said."""
    async with fresh() as pool:
        pool.half_kind, pool.half_written = kind, 1
        _, text, _ = await fetch(pool, "/pool/pool.status")
        if lines is None:
            with pytest.raises(ValueError, match=r"Expecting|Unterminated|Invalid"):
                [json.loads(line) for line in text.splitlines()]
        else:
            assert len(text.splitlines()) == lines
        assert len(await status(pool)) == 3


async def test_clocks() -> None:
    """Date and the times in the files are by one clock, which may be wrong."""
    async with fresh() as pool:
        pool.clock_skew = 500
        _, text, headers = await fetch(pool, "/users/wallet")
        date = parsedate_to_datetime(headers["Date"]).timestamp()
        assert date == pytest.approx(time.time() + 500, abs=30)
        assert json.loads(text)["lastshare"] == pytest.approx(date, abs=60)
        assert (await status(pool))[0]["lastupdate"] == pytest.approx(date, abs=30)
        pool.date_header = False
        assert "Date" not in (await fetch(pool, "/users/wallet"))[2]


async def test_builds() -> None:
    """An old one lacks keys, a new one has fewer digits."""
    async with fresh(coin="dgb") as pool:
        pool.old_build = True
        assert set((await status(pool))[0]) == {"runtime", "Users", "Workers"}
        assert not {"bestever", "authorised"} & (await user(pool)).keys()
        pool.old_build = False
        pool.decimals = True
        diff = (await status(pool))[2]["diff"]
        assert diff == round(diff, 1)
        pool.round_work = 1e9
        assert (await status(pool))[2]["diff"] > diff + 100


async def test_odd_values() -> None:
    """Nulls, and numbers as text."""
    async with fresh() as pool:
        pool.nulls = True
        data = await user(pool)
        assert data["worker"] is data["hashrate5m"] is data["bestshare"] is None
        assert data["workers"] == 2
        assert (await status(pool))[2]["diff"] is None
        pool.nulls, pool.text_numbers = False, True
        data = await user(pool)
        assert isinstance(data["shares"], str)
        assert isinstance(data["lastshare"], str)
        assert isinstance((await status(pool))[0]["Users"], str)


async def test_unknown_address() -> None:
    """A page of the web server, or an error of a wrapper."""
    async with fresh() as pool:
        code, text, _ = await fetch(pool, "/users/nobody")
        assert code == 404
        assert text.startswith("<!DOCTYPE HTML")
        # The worker is no part of the file's name
        assert (await fetch(pool, "/users/wallet.one"))[0] == 404
        pool.unknown_address = "error"
        assert await user(pool, "nobody") == {"error": "User not found"}
        pool.unknown_address = "missing"
        pool.fault = Fault.WRONG_MAC
        assert (await fetch(pool, "/users/wallet"))[0] == 404


async def test_moved() -> None:
    """Away with a pointer, or without."""
    async with fresh(flavour="public") as pool:
        pool.moved = "redirect"
        code, _, headers = await fetch(pool, "/users/wallet")
        assert (code, headers["Location"]) == (302, "https://stats.example.org/")
        pool.moved = "missing"
        assert (await fetch(pool, "/pool/pool.status"))[0] == 404


async def test_restart() -> None:
    """The time that it runs begins anew; users and works do not."""
    async with fresh() as pool:
        before = await user(pool)
        assert (await status(pool))[0]["runtime"] >= 200_000
        await pool.reboot(0)
        assert (await status(pool))[0]["runtime"] < 60
        assert (await user(pool))["shares"] >= before["shares"]


async def test_state() -> None:
    """What the control panel shows."""
    async with fresh(coin="bch") as pool:
        pool.find_block()
        state = pool.state()
    assert (state["flavour"], state["coin"], state["blocks"]) == ("lan", "bch", 1)
    assert state["wallets"]["wallet"]["hashrate"] > 5e12


def test_demo_accounts() -> None:
    """Each flavour and coin has one."""
    for flavour in SERVICES:
        assert len(SimulatedCkpool(flavour=flavour).wallets) == 1
    for coin, known in COINS.items():
        assert list(SimulatedCkpool(coin=coin).wallets) == [known.wallet]


def test_unknown_coin() -> None:
    """There is none."""
    with pytest.raises(KeyError):
        SimulatedCkpool(coin="doge")
