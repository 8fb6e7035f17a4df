"""Entities of a pool account: what the pool tells, and nothing else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
import logging
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.sensor import ATTR_STATE_CLASS
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntry
from homeassistant.const import (
    ATTR_DEVICE_CLASS,
    ATTR_UNIT_OF_MEASUREMENT,
    EVENT_HOMEASSISTANT_FINAL_WRITE,
    STATE_OFF,
    STATE_ON,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.hmm.bundled.pool_drivers.braiins_driver import BraiinsDriver
from custom_components.hmm.bundled.pool_drivers.mmfp_driver import MmfpDriver
from custom_components.hmm.bundled.pool_drivers.solopool_driver import SolopoolDriver
from custom_components.hmm.const import DOMAIN
from custom_components.hmm.driver_api import AuthRequired
from simulator import Fault, SimulatedSolopool
from simulator.braiins import SimulatedBraiins
from simulator.mmfp import SimulatedGoSlimStratum
from simulator.solopool import DEMO_WALLET
from tests.common import (
    about,
    find,
    find_id,
    find_maybe,
    fleet_entry,
    later,
    poll,
    pool_entry,
    value,
)
from tests.conftest import set_up
from tests.flows import TEXTS

WALLET = "dgb1qown"
POLL = 60


def own(hass: HomeAssistant, entry: ConfigEntry[Any], platform: str) -> dict[str, bool]:
    """Return the keys of the account's own entities, and which are enabled."""
    prefix = f"{entry.unique_id}_"
    return {
        entity.unique_id.removeprefix(prefix): not entity.disabled
        for entity in er.async_entries_for_config_entry(
            er.async_get(hass), entry.entry_id
        )
        if entity.domain == platform and "_worker_" not in entity.unique_id
    }


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[asyncio.Server, int]]:
    """Run a stratum port that says nothing."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1")
    try:
        yield server, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


# Which there are


async def test_what_each_generation_offers(home: HomeAssistant) -> None:
    """What a pool does not tell has no entity, nor what most do not need."""
    common = {
        "network_difficulty": True,
        "pool_hashrate": True,
        "estimated_time_to_block": True,
        "pool_percentage": True,
        "active_workers": True,
        "blocks_found_24h": True,
        "status": True,
        "odds_year": True,
    }
    wallets = {DEMO_WALLET: {"a": 1e12}}  # too little to have found a block
    async with SimulatedSolopool(generation=2, wallets=wallets) as pool:
        entry = await set_up(home, pool_entry(pool))
        assert own(home, entry, "sensor") == common | {
            "best_share": True,
            "blocks_found": True,
        }
        assert own(home, entry, "event") == {"block_found": True}
        assert own(home, entry, "binary_sensor") == {
            "health": True,
            "problem": True,
            "stratum": True,
        }
        await home.config_entries.async_remove(entry.entry_id)
    async with SimulatedSolopool(generation=1, wallets=wallets) as pool:
        entry = await set_up(home, pool_entry(pool))
        assert own(home, entry, "sensor") == common | {
            "shares_valid": True,
            "shares_invalid": True,
            "shares_stale": True,
            "reject_rate": True,
        }
        # Version 1 tells how many blocks are of the last day, which is enough
        assert own(home, entry, "event") == {"block_found": True}
        pool.find_block()
        await poll(home, entry)
        shown = find(home, entry, "event", "block_found")
        assert shown.attributes["event_type"] == "block_found"


async def test_kinds_of_figures(home: HomeAssistant, every_entity: None) -> None:
    """What is worth a graph has a state class, and each figure its unit for life."""
    async with SimulatedSolopool(generation=2) as pool:
        pool.find_block()
        entry = await set_up(home, pool_entry(pool))
        expected: dict[str, tuple[str | None, str | None, str | None]] = {
            "network_difficulty": ("measurement", "M", None),
            "pool_hashrate": ("measurement", "TH/s", None),
            "estimated_time_to_block": ("measurement", "d", "duration"),
            "pool_percentage": ("measurement", "%", None),
            "active_workers": ("measurement", None, None),
            "blocks_found_24h": ("measurement", None, None),
            "blocks_found": ("total_increasing", None, None),
            "best_share": ("measurement", "G", None),
            "latency_ms": ("measurement", "ms", "duration"),
            "status": (None, None, "enum"),
            "stratum_latency": ("measurement", "ms", "duration"),
            "last_block_found": (None, None, "timestamp"),
            "last_share": (None, None, "timestamp"),
            "odds_day": (None, "%", None),
            "odds_week": (None, "%", None),
            "odds_month": (None, "%", None),
            "odds_year": ("measurement", "%", None),
            "effort": ("measurement", "%", None),
        }
        assert own(home, entry, "sensor").keys() == expected.keys()
        for key, kinds in expected.items():
            shown = find(home, entry, "sensor", key).attributes
            assert (
                shown.get(ATTR_STATE_CLASS),
                shown.get(ATTR_UNIT_OF_MEASUREMENT),
                shown.get(ATTR_DEVICE_CLASS),
            ) == kinds, key
        wallet = pool.wallets[DEMO_WALLET]
        result = find(home, entry, "sensor", "last_block_found").state
        assert (
            datetime.fromisoformat(result).timestamp()
            == (wallet.blocks[0]["timestamp"])
        )
        share = find(home, entry, "sensor", "last_share").state
        assert datetime.fromisoformat(share).timestamp() == max(
            worker.seen for worker in wallet.workers.values()
        )
        assert value(home, entry, "blocks_found") == len(wallet.blocks)
        assert value(home, entry, "best_share") == pytest.approx(
            max(item.miner.read().best_ever for item in wallet.workers.values()),
            rel=0.01,
        )


async def test_figure_that_comes_later(home: HomeAssistant) -> None:
    """A figure that the pool tells for the first time gets its entity."""
    async with SimulatedSolopool(generation=2) as pool:
        pool.nulls = True
        entry = await set_up(home, pool_entry(pool))
        assert find_maybe(home, entry, "sensor", "best_share") is None
        loaded = entry.runtime_data
        pool.nulls = False
        await poll(home, entry)
        assert entry.runtime_data is loaded, "no reload"
        assert value(home, entry, "best_share") > 0


# What goes wrong


async def test_pool_that_goes_down(
    home: HomeAssistant, caplog: pytest.LogCaptureFixture
) -> None:
    """A pool that fails: off with the reason, figures gone, one line each way."""
    async with SimulatedSolopool() as pool:
        entry = await set_up(home, pool_entry(pool, title="My pool"))
        health = find(home, entry, "binary_sensor", "health")
        assert health.state == STATE_ON
        assert health.attributes["reason"] is None
        caplog.clear()

        pool.status = 502
        for _ in range(3):
            await poll(home, entry)
        health = find(home, entry, "binary_sensor", "health")
        assert health.state == STATE_OFF
        assert health.attributes["reason"] == "server_error"
        for key, enabled in own(home, entry, "sensor").items():
            if enabled and key != "status":
                shown = find(home, entry, "sensor", key)
                assert shown.state == STATE_UNAVAILABLE, key
        assert find(home, entry, "event", "block_found").state == STATE_UNAVAILABLE
        assert [item.levelno for item in about(caplog, "My pool")] == [logging.ERROR]
        assert DEMO_WALLET not in caplog.text

        # Why it is down may change without an answer in between
        await pool.unplug()
        await poll(home, entry)
        reason = find(home, entry, "binary_sensor", "health").attributes["reason"]
        assert reason == "refused"

        pool.status = None
        await pool.plug_in()
        for _ in range(3):
            await poll(home, entry)
        health = find(home, entry, "binary_sensor", "health")
        assert health.state == STATE_ON
        assert health.attributes["reason"] is None
        assert value(home, entry, "pool_hashrate") > 0
        assert [item.levelno for item in about(caplog, "My pool")] == [
            logging.ERROR,
            logging.INFO,
        ]


async def test_a_pool_that_hangs_holds_up_no_other(home: HomeAssistant) -> None:
    """Given a pool that never answers, then another one is read meanwhile."""
    async with SimulatedSolopool() as one, SimulatedSolopool(coin="btc") as other:
        entries = [await set_up(home, pool_entry(item)) for item in (one, other)]
        other.status = 502
        await poll(home, entries[1])
        assert find(home, entries[1], "binary_sensor", "health").state == STATE_OFF
        other.status = None
        one.fault = Fault.SILENT
        hanging = asyncio.ensure_future(entries[0].runtime_data.async_refresh())
        await entries[1].runtime_data.async_refresh()
        assert find(home, entries[1], "binary_sensor", "health").state == STATE_ON
        assert not hanging.done()
        await one.unplug()
        await hanging
        assert find(home, entries[0], "binary_sensor", "health").state == STATE_OFF


async def test_pool_that_was_never_up(home: HomeAssistant) -> None:
    """Of a pool that never answered nobody knows what it offers but the basics."""
    async with SimulatedSolopool() as pool:
        pool.status = 503
        entry = await set_up(home, pool_entry(pool))
        assert own(home, entry, "sensor") == {
            "pool_hashrate": True,
            "active_workers": True,
            "status": True,
        }
        assert own(home, entry, "event") == {}
        assert find(home, entry, "sensor", "pool_hashrate").state == STATE_UNAVAILABLE
        assert find(home, entry, "binary_sensor", "health").state == STATE_OFF

        pool.status = None
        await poll(home, entry)
        assert value(home, entry, "active_workers") == 3
        assert value(home, entry, "best_share") > 0


@pytest.mark.parametrize("harm", ["down", "nulls", "unknown"])
async def test_entities_survive_a_restart(home: HomeAssistant, harm: str) -> None:
    """What was there before is there again, whatever the pool tells then."""
    async with SimulatedSolopool() as pool:
        pool.find_block()
        entry = await set_up(home, pool_entry(pool))
        before = {state.entity_id for state in home.states.async_all()}
        assert find_maybe(home, entry, "sensor", "last_block_found") is not None
        await home.config_entries.async_unload(entry.entry_id)

        expected = STATE_UNKNOWN
        match harm:
            case "down":
                pool.status, expected = 502, STATE_UNAVAILABLE
            case "nulls":
                pool.nulls = True
            case "unknown":
                pool.wallets.clear()
        await home.config_entries.async_setup(entry.entry_id)
        await home.async_block_till_done()
        now = {state.entity_id: state for state in home.states.async_all()}
        assert now.keys() == before
        orphans = [
            key for key, state in now.items() if state.attributes.get("restored")
        ]
        assert orphans == []
        for key in ("best_share",):
            assert find(home, entry, "sensor", key).state == expected
        if harm != "nulls":
            assert find(home, entry, "event", "block_found").state in (
                STATE_UNKNOWN,
                STATE_UNAVAILABLE,
            )


async def test_account_that_is_not_known_yet(home: HomeAssistant) -> None:
    """An address without data: the pool is well, and says what is missing."""
    async with SimulatedSolopool(wallets={"dgb1qother": {"a": 1e12}}) as pool:
        entry = await set_up(home, pool_entry(pool, WALLET))
        health = find(home, entry, "binary_sensor", "health")
        assert health.state == STATE_ON
        reason = health.attributes["reason"]
        shown = TEXTS["entity"]["binary_sensor"]["health"]
        assert reason in shown["state_attributes"]["reason"]["state"]
        assert value(home, entry, "network_difficulty") > 0
        assert find(home, entry, "sensor", "pool_hashrate").state == STATE_UNKNOWN
        assert find(home, entry, "sensor", "active_workers").state == STATE_UNKNOWN

        pool.add_wallet(WALLET, {"a": 2e12})
        await poll(home, entry)
        health = find(home, entry, "binary_sensor", "health")
        assert health.attributes["reason"] is None
        assert value(home, entry, "active_workers") == 1


async def test_key_that_is_refused(
    home: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pool that refuses the key is not connected, and a new one is asked for."""
    monkeypatch.setattr(BraiinsDriver, "gap_seconds", 0.0)
    async with SimulatedBraiins(accounts={"anna": {"a": 1e12}}, gap_seconds=0) as pool:
        token = pool.add_account("anna", {"a": 1e12})
        entry = await set_up(
            home,
            MockConfigEntry(
                domain=DOMAIN,
                title="Braiins",
                unique_id="braiins_anna",
                data={
                    "entry_type": "pool",
                    "driver": "braiins",
                    "host": "stratum.braiins.com",
                    "port": 3333,
                    "coin": "BTC",
                    "wallet": "",
                    "account_settings": {
                        "api_token": token,
                        "api_base": f"http://127.0.0.1:{pool.port}",
                    },
                },
            ),
        )
        balance = find(home, entry, "sensor", "confirmed_balance")
        assert balance.attributes[ATTR_UNIT_OF_MEASUREMENT] == "BTC"
        assert balance.attributes[ATTR_STATE_CLASS] == "measurement"
        assert ATTR_DEVICE_CLASS not in balance.attributes

        pool.tokens.clear()
        monkeypatch.setattr(BraiinsDriver, "shared_seconds", 0.0)
        await poll(home, entry)
        health = find(home, entry, "binary_sensor", "health")
        assert health.state == STATE_OFF
        assert health.attributes["reason"] == "key_refused"
        assert token not in str(health.attributes)
        assert any(entry.async_get_active_flows(home, {SOURCE_REAUTH}))
        # Its unit is the same while nothing is known
        balance = find(home, entry, "sensor", "confirmed_balance")
        assert balance.state == STATE_UNAVAILABLE
        assert balance.attributes[ATTR_UNIT_OF_MEASUREMENT] == "BTC"


async def test_unit_of_money_after_a_restart(
    home: HomeAssistant, monkeypatch: pytest.MonkeyPatch, every_entity: None
) -> None:
    """A pool that mines one coin and pays another keeps its unit while it is down."""
    monkeypatch.setattr(BraiinsDriver, "gap_seconds", 0.0)
    monkeypatch.setattr(BraiinsDriver, "shared_seconds", 0.0)
    async with SimulatedBraiins(accounts={"anna": {"a": 1e12}}, gap_seconds=0) as pool:
        data = {
            "entry_type": "pool",
            "driver": "braiins",
            "host": "stratum.braiins.com",
            "port": 3333,
            "coin": "btc ",  # whatever it is called here, the pool pays BTC
            "wallet": "",
            "account_settings": {
                "api_token": next(iter(pool.tokens)),
                "api_base": f"http://127.0.0.1:{pool.port}",
            },
        }
        entry = await set_up(
            home, MockConfigEntry(domain=DOMAIN, unique_id="anna", data=data)
        )
        await later(home, 31)

        def units() -> list[str]:
            return [
                find(home, of, "sensor", key).attributes[ATTR_UNIT_OF_MEASUREMENT]
                for of, key in (
                    (entry, "confirmed_balance"),
                    (fleet_entry(home), "btc_confirmed_balance"),
                )
            ]

        assert units() == ["BTC", "BTC"]
        coins = fleet_entry(home).runtime_data.data.pools.currencies
        pool.status = 502
        for reload in (entry, fleet_entry(home)):
            await home.config_entries.async_reload(reload.entry_id)
        await later(home, 31)
        shown = find(home, entry, "sensor", "confirmed_balance")
        assert shown.state == STATE_UNAVAILABLE
        assert units() == ["BTC", "BTC"]
        assert fleet_entry(home).runtime_data.data.pools.currencies == coins == ("BTC",)


async def test_refused_key_does_not_end_everything(
    home: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The stratum port is looked at further; the key is tried again in an hour."""
    monkeypatch.setattr(BraiinsDriver, "gap_seconds", 0.0)
    monkeypatch.setattr(BraiinsDriver, "shared_seconds", 0.0)
    async with (
        SimulatedBraiins(accounts={"anna": {"a": 1e12}}, gap_seconds=0) as pool,
        listening() as (server, port),
    ):
        data = {
            "entry_type": "pool",
            "driver": "braiins",
            "host": "stratum.braiins.com",
            "port": port,
            "coin": "BTC",
            "wallet": "",
            "account_settings": {
                "api_token": next(iter(pool.tokens)),
                "api_base": f"http://127.0.0.1:{pool.port}",
            },
        }
        entry = await set_up(
            home, MockConfigEntry(domain=DOMAIN, unique_id="anna", data=data)
        )
        tokens, pool.tokens = pool.tokens, {}
        freezer.tick(121)
        await later(home, 0)
        assert find(home, entry, "binary_sensor", "health").state == STATE_OFF
        assert find(home, entry, "binary_sensor", "stratum").state == STATE_ON
        asked = pool.counters.requests

        server.close()
        await server.wait_closed()
        for _ in range(4):
            freezer.tick(121)
            await later(home, 0)
        assert find(home, entry, "binary_sensor", "stratum").state == STATE_OFF
        assert pool.counters.requests == asked
        assert len([*entry.async_get_active_flows(home, {SOURCE_REAUTH})]) == 1

        # Some pools refuse a good key while they have other troubles
        pool.tokens = tokens
        freezer.tick(3600)
        await later(home, 0)
        assert find(home, entry, "binary_sensor", "health").state == STATE_ON
        assert value(home, entry, "active_workers") == 1


@pytest.mark.parametrize("key", [None, "wrong"])
async def test_a_server_at_home_is_asked_at_every_poll(
    home: HomeAssistant, key: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody bans there: what refuses for a minute, as a proxy, is back at once."""
    monkeypatch.setattr(MmfpDriver, "share_seconds", 0.0)
    async with SimulatedGoSlimStratum(
        accounts={"dgb": {WALLET: {"a": 1e12}}}
    ) as server:
        entry = await set_up(
            home,
            MockConfigEntry(
                domain=DOMAIN,
                title="At home",
                unique_id="mmfp",
                data={
                    "entry_type": "pool",
                    "driver": "mmfp",
                    "host": "127.0.0.1",
                    "port": 3333,
                    "coin": "DGB",
                    "wallet": WALLET,
                    "account_settings": {"api_port": server.port}
                    | ({"api_key": key} if key else {}),
                },
            ),
        )
        assert find(home, entry, "binary_sensor", "health").state == STATE_ON
        server.api_key = "right"
        for _ in range(2):
            asked = server.counters.requests
            await poll(home, entry)
            assert server.counters.requests > asked
            health = find(home, entry, "binary_sensor", "health")
            assert health.state == STATE_OFF
            assert "key" in health.attributes["reason"]
        assert len([*entry.async_get_active_flows(home, {SOURCE_REAUTH})]) == 1

        server.api_key = None
        await poll(home, entry)
        assert find(home, entry, "binary_sensor", "health").state == STATE_ON


async def test_a_pool_without_a_key_is_down_when_it_refuses(
    home: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is nothing to enter, so that nothing is asked for; it is tried again."""

    async def refuse(*args: Any, **kwargs: Any) -> None:
        msg = "The web server asks for a login"
        raise AuthRequired(msg)

    async with SimulatedSolopool() as pool:
        entry = await set_up(home, pool_entry(pool))
        with monkeypatch.context() as patched:
            patched.setattr(SolopoolDriver, "get_dashboard_data", refuse)
            await poll(home, entry)
        health = find(home, entry, "binary_sensor", "health")
        assert health.state == STATE_OFF
        assert health.attributes["reason"] == "problem"
        assert health.attributes["detail"] == "The web server asks for a login"
        assert not any(entry.async_get_active_flows(home, {SOURCE_REAUTH}))
        await poll(home, entry)
        assert find(home, entry, "binary_sensor", "health").state == STATE_ON


# Whether miners can connect


async def test_stratum_is_a_fact_of_its_own(
    home: HomeAssistant, freezer: FrozenDateTimeFactory, every_entity: None
) -> None:
    """The stratum port is looked at now and then, whatever the figures do."""
    async with SimulatedSolopool() as pool, listening() as (server, port):
        pool.status = 502
        entry = await set_up(home, pool_entry(pool, data={"port": port}))
        assert find(home, entry, "binary_sensor", "health").state == STATE_OFF
        assert find(home, entry, "binary_sensor", "stratum").state == STATE_ON
        assert value(home, entry, "stratum_latency") >= 0

        server.close()
        await server.wait_closed()
        await poll(home, entry)
        assert find(home, entry, "binary_sensor", "stratum").state == STATE_ON
        freezer.tick(301)
        await poll(home, entry)
        assert find(home, entry, "binary_sensor", "health").state == STATE_OFF
        assert find(home, entry, "binary_sensor", "stratum").state == STATE_OFF
        latency = find(home, entry, "sensor", "stratum_latency")
        assert latency.state == STATE_UNKNOWN

        pool.status = None
        await poll(home, entry)
        assert find(home, entry, "binary_sensor", "health").state == STATE_ON
        assert find(home, entry, "binary_sensor", "stratum").state == STATE_OFF


# Blocks


async def test_block_found(home: HomeAssistant) -> None:
    """A block of one's own is told once, with all that the pool tells of it."""
    async with SimulatedSolopool(wallets={WALLET: {"a": 1e12}}) as pool:
        pool.find_block()
        entry = await set_up(home, pool_entry(pool, WALLET))
        assert find(home, entry, "event", "block_found").state == STATE_UNKNOWN
        await poll(home, entry)
        assert find(home, entry, "event", "block_found").state == STATE_UNKNOWN

        pool.find_block()
        await later(home, POLL + 1)
        shown = find(home, entry, "event", "block_found")
        assert shown.state != STATE_UNKNOWN
        (block, *_) = pool.wallets[WALLET].blocks
        reported = shown.attributes
        assert reported["event_type"] == "block_found"
        assert reported["height"] == block["height"]
        assert reported["hash"] == block["hash"]
        assert reported["worker"] == "a"
        assert reported["difficulty"] == block["shareDiff"]
        assert reported["found"].startswith("20")
        assert WALLET not in str(shown.as_dict()["attributes"])
        names = TEXTS["entity"]["event"]["block_found"]["state_attributes"]
        facts = {"height", "hash", "worker", "difficulty", "found", "event_type"}
        assert facts <= names.keys()

        await later(home, POLL + 1)
        assert find(home, entry, "event", "block_found").state == shown.state


async def test_several_blocks_between_two_polls(home: HomeAssistant) -> None:
    """Each block is an event, also of those that were found while polls failed."""
    async with SimulatedSolopool(wallets={WALLET: {"a": 1e12}}) as pool:
        entry = await set_up(home, pool_entry(pool, WALLET))
        event = find_id(home, entry, "event", "block_found")
        reported: list[int] = []

        @callback
        def note(it: Any) -> None:
            if it.data["entity_id"] == event and "height" in (
                facts := it.data["new_state"].attributes
            ):
                reported.append(facts["hash"])

        home.bus.async_listen("state_changed", note)
        pool.status = 502
        await poll(home, entry)
        pool.find_block()
        pool.find_block()
        pool.status = None
        await poll(home, entry)
        await poll(home, entry)
        newest = [block["hash"] for block in pool.wallets[WALLET].blocks[:2]]
        assert reported == newest[::-1]


async def test_block_of_an_account_that_never_found_one(home: HomeAssistant) -> None:
    """The block that brings the event entity about is told by it."""
    async with SimulatedSolopool(wallets={}) as pool:
        entry = await set_up(home, pool_entry(pool, WALLET))
        assert find_maybe(home, entry, "event", "block_found") is None
        pool.add_wallet(WALLET, {"a": 1e12})
        pool.find_block()
        for block in pool.wallets[WALLET].blocks:
            block["timestamp"] += 5  # after the last poll, by whole seconds
        await poll(home, entry)
        shown = find(home, entry, "event", "block_found")
        assert shown.attributes["height"] == pool.wallets[WALLET].blocks[0]["height"]


async def test_blocks_of_others_are_no_news(home: HomeAssistant) -> None:
    """The pool finds blocks all the time; the event is about one's own."""
    wallets = {"dgb1qother": {"b": 9e12}, WALLET: {"a": 1e12}}
    async with SimulatedSolopool(wallets=wallets) as pool:
        entry = await set_up(home, pool_entry(pool, WALLET))
        pool.find_block()
        assert pool.wallets["dgb1qother"].blocks
        await poll(home, entry)
        assert find(home, entry, "event", "block_found").state == STATE_UNKNOWN
        assert value(home, entry, "blocks_found") == 0


async def test_blocks_of_a_day_by_the_total(
    home: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    hass_storage: dict[str, Any],
) -> None:
    """A pool that tells a total alone is watched for a day, over restarts."""
    async with SimulatedSolopool(wallets={WALLET: {"a": 1e12}}, speed=0) as pool:
        pool.find_block()
        pool.nulls = True  # it keeps the list to itself
        entry = await set_up(home, pool_entry(pool, WALLET))
        assert value(home, entry, "blocks_found") == 1
        assert find(home, entry, "sensor", "blocks_found_24h").state == STATE_UNKNOWN

        freezer.tick(12 * 3600)
        pool.find_block()
        await poll(home, entry)
        assert find(home, entry, "sensor", "blocks_found_24h").state == STATE_UNKNOWN
        await home.config_entries.async_reload(entry.entry_id)
        await home.async_block_till_done()
        for _ in range(12 * 6 + 1):
            freezer.tick(600)
            await poll(home, entry)
        # Nobody saw when the second one was found
        assert find(home, entry, "sensor", "blocks_found_24h").state == STATE_UNKNOWN
        for _ in range(12 * 6):
            freezer.tick(600)
            await poll(home, entry)
        assert value(home, entry, "blocks_found_24h") == 0
        assert entry.runtime_data.data.blocks_found_24h == 0
        pool.find_block()
        await poll(home, entry)
        assert value(home, entry, "blocks_found_24h") == 1

        home.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
        await home.async_block_till_done()
        stored = hass_storage["hmm.blocks"]["data"]
        assert stored[entry.entry_id]["count"] == 3
        assert WALLET not in str(stored)
        await home.config_entries.async_remove(entry.entry_id)
        assert hass_storage["hmm.blocks"]["data"] == {}
