"""The pools as JSON: over HTTP, for dashboards that were made for HMM-Local."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from http import HTTPStatus
import json
from typing import Any

from aiohttp.test_utils import TestClient
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.hmm.bundled.pool_drivers.solopool_driver import SolopoolDriver
from custom_components.hmm.data import get_data
from custom_components.hmm.driver_api import DashboardTileData
from custom_components.hmm.driver_api.coins import network_figures
from custom_components.hmm.driver_engine.answers import read_tiles
from custom_components.hmm.fleet import tiles_json
from custom_components.hmm.fleet.tiles_json import duration_text
from custom_components.hmm.pool.discovered import DiscoveredPool, async_discover_pools
from simulator import SimulatedAxeOS, SimulatedSolopool
from tests.common import poll, pool_entry
from tests.conftest import miner_entry, set_up
from tests.test_docs import blocks
from tests.user_drivers import put

from .test_totals import BTC_WALLET, hashrate

PLATFORM = "/api/hmm/dashboard/pools/platform-tiles"
POOLS = "/api/hmm/dashboard/pools"
TEMPLATES = "/api/hmm/pool-templates"
DISCOVER = "/api/hmm/pools/discover"

# The examples of the plug-in architecture of 5 February 2026, as they stand there
PLATFORM_EXAMPLE = """
{
  "tile_1_health": {
    "total_pools": 3,
    "healthy_pools": 2,
    "unhealthy_pools": 1,
    "avg_latency_ms": 150.5,
    "status": "healthy"
  },
  "tile_2_network": {
    "total_pool_hashrate": 1234567890.0,
    "total_network_difficulty": 98765432109876.0,
    "avg_pool_percentage": 0.0125,
    "estimated_time_to_block": "7 days"
  },
  "tile_3_shares": {
    "total_valid": 50000,
    "total_invalid": 25,
    "total_stale": 5,
    "avg_reject_rate": 0.06
  },
  "tile_4_blocks": {
    "total_blocks_24h": 3,
    "total_earnings_24h": 0.00012345,
    "currencies": ["BTC", "BCH", "DGB"]
  }
}
"""
POOL_EXAMPLE = """
{
  "pool_uuid": {
    "pool_id": "pool_uuid",
    "pool_type": "solopool",
    "display_name": "Solopool.org",
    "supports_coins": ["BTC", "BCH", "DGB", "BC2"],
    "tile_1_health": {},
    "tile_2_network": {},
    "tile_3_shares": {},
    "tile_4_blocks": {},
    "last_updated": "2026-02-05T12:00:00Z",
    "supports_earnings": false,
    "supports_balance": false
  }
}
"""
# Those of the data class, tile by tile; the example leaves them out
POOL_TILES = {
    "tile_1_health": {"health_status", "health_message", "latency_ms"},
    "tile_2_network": {
        "network_difficulty",
        "pool_hashrate",
        "estimated_time_to_block",
        "pool_percentage",
        "active_workers",
    },
    "tile_3_shares": {"shares_valid", "shares_invalid", "shares_stale", "reject_rate"},
    "tile_4_blocks": {
        "blocks_found_24h",
        "last_block_found",
        "estimated_earnings_24h",
        "currency",
        "confirmed_balance",
        "pending_balance",
    },
}


pytestmark = pytest.mark.usefixtures("no_network")


@dataclass
class Pools:
    """Two pools that work and one that is switched off."""

    dgb: SimulatedSolopool
    btc: SimulatedSolopool
    off: SimulatedSolopool
    entries: list[ConfigEntry[Any]]


@pytest.fixture
async def pools(home: HomeAssistant) -> AsyncIterator[Pools]:
    """Set up four accounts: one has an unknown wallet, one a pool that is off."""
    async with (
        SimulatedSolopool(generation=1, speed=0) as dgb,
        SimulatedSolopool(
            coin="btc", wallets={BTC_WALLET: {"s19": 9e13}}, speed=0
        ) as btc,
        SimulatedSolopool(coin="bch", wallets={}) as off,
    ):
        entries = [
            await set_up(home, pool_entry(dgb, title="DGB pool")),
            await set_up(home, pool_entry(btc, BTC_WALLET, title="BTC pool")),
            await set_up(home, pool_entry(btc, "bc1qstranger", title="New wallet")),
        ]
        await off.unplug()
        entries.append(await set_up(home, pool_entry(off, "qqbch", title="Off")))
        yield Pools(dgb, btc, off, entries)
        for entry in entries:
            await home.config_entries.async_unload(entry.entry_id)


async def get(client: TestClient[Any, Any], path: str) -> Any:
    """Return the JSON at an address."""
    response = await client.get(path)
    assert response.status == HTTPStatus.OK
    assert response.content_type == "application/json"
    return await response.json(loads=strict_json)


def strict_json(text: str) -> Any:
    """Return what JSON says; NaN is not JSON, though Python takes it."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


def key_tree(value: Any) -> Any:
    """Return the keys of objects, and nothing of what is in them."""
    if isinstance(value, dict):
        return {key: key_tree(it) for key, it in value.items()}
    return None


def requests(pools: Pools) -> int:
    """Return how many requests the pools got."""
    return sum(
        sum(pool.counters.by_path.values())
        for pool in (pools.dgb, pools.btc, pools.off)
    )


# Platform tiles


async def test_platform_tiles(
    home: HomeAssistant, pools: Pools, hass_client: ClientSessionGenerator
) -> None:
    """Each figure is that of the pools; what makes no sense together is null.

    The keys are those of the example, no more and no fewer.
    """
    tiles = await get(await hass_client(), PLATFORM)
    assert key_tree(tiles) == key_tree(json.loads(PLATFORM_EXAMPLE))
    health = tiles["tile_1_health"]
    assert health.pop("avg_latency_ms") >= 0
    assert health == {
        "total_pools": 4,
        "healthy_pools": 3,
        "unhealthy_pools": 1,
        "status": "degraded",
    }
    dgb, btc = hashrate(pools.dgb), hashrate(pools.btc)
    by_dgb = network_figures("DGB", pools.dgb.difficulty, dgb)
    by_btc = network_figures("BTC", pools.btc.difficulty, btc)
    assert by_dgb.percent is not None
    assert by_btc.percent is not None
    assert by_dgb.seconds is not None
    network = tiles["tile_2_network"]
    assert network["total_pool_hashrate"] == pytest.approx(dgb + btc, abs=2)
    assert network["total_network_difficulty"] is None  # two coins
    assert network["avg_pool_percentage"] == pytest.approx(
        (by_dgb.percent + by_btc.percent) / 2, rel=0.001
    )
    amount, unit = network["estimated_time_to_block"].split()
    assert unit == "days"
    assert float(amount) == pytest.approx(by_dgb.seconds / 86_400, abs=0.051)
    (wallet,) = pools.dgb.wallets.values()
    counts = [worker.miner.read() for worker in wallet.workers.values()]
    valid = sum(count.accepted for count in counts)
    invalid = sum(count.rejected for count in counts)
    stale = sum(count.accepted // 400 for count in counts)
    assert tiles["tile_3_shares"] == {
        "total_valid": valid,
        "total_invalid": invalid,
        "total_stale": stale,
        "avg_reject_rate": pytest.approx(
            100 * (invalid + stale) / (valid + invalid + stale), abs=0.0051
        ),
    }
    blocks = tiles["tile_4_blocks"]
    assert isinstance(blocks.pop("total_blocks_24h"), int)
    assert blocks == {
        "total_earnings_24h": None,
        "currencies": ["BCH", "BTC", "DGB"],
    }


async def test_platform_of_one_coin(
    home: HomeAssistant, hass_client: ClientSessionGenerator
) -> None:
    """With one coin there is a difficulty, though two accounts tell it."""
    async with SimulatedSolopool(speed=0) as pool:
        pool.add_wallet("dgb1qother", {"axe": 1e12})
        first = await set_up(home, pool_entry(pool))
        second = await set_up(home, pool_entry(pool, "dgb1qother"))
        tiles = await get(await hass_client(), PLATFORM)
        for entry in (first, second):
            await home.config_entries.async_unload(entry.entry_id)
    assert tiles["tile_1_health"]["status"] == "healthy"
    assert tiles["tile_2_network"]["total_network_difficulty"] == pytest.approx(
        pool.difficulty, rel=0.001
    )
    assert tiles["tile_4_blocks"]["currencies"] == ["DGB"]


async def test_earnings_of_one_currency(
    home: HomeAssistant, pools: Pools, hass_client: ClientSessionGenerator
) -> None:
    """Earnings are summed when all are in one currency, and only then."""
    paid = DashboardTileData(
        currency="BTC", estimated_earnings_24h=0.00012345, confirmed_balance=0.5
    )
    unpaid = replace(paid, estimated_earnings_24h=None)
    client = await hass_client()
    coordinators = [entry.runtime_data for entry in pools.entries]
    for coordinator, tiles in zip(
        coordinators, (paid, paid, unpaid, unpaid), strict=True
    ):
        coordinator.async_set_updated_data(tiles)
    blocks = (await get(client, PLATFORM))["tile_4_blocks"]
    assert blocks["total_earnings_24h"] == pytest.approx(0.0002469)
    assert blocks["currencies"] == ["BTC"]

    coordinators[1].async_set_updated_data(replace(paid, currency="DGB"))
    blocks = (await get(client, PLATFORM))["tile_4_blocks"]
    assert blocks["total_earnings_24h"] is None


async def test_no_pools(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, hass_client: ClientSessionGenerator
) -> None:
    """Without pools, the shape is the same and nothing is zero but the counts."""
    await set_up(home, miner_entry(bitaxe, "bitaxe"))
    client = await hass_client()
    tiles = await get(client, PLATFORM)
    assert key_tree(tiles) == key_tree(json.loads(PLATFORM_EXAMPLE))
    assert tiles["tile_1_health"] == {
        "total_pools": 0,
        "healthy_pools": 0,
        "unhealthy_pools": 0,
        "avg_latency_ms": None,
        "status": "no_pools",
    }
    assert set(tiles["tile_2_network"].values()) == {None}
    assert set(tiles["tile_3_shares"].values()) == {None}
    assert tiles["tile_4_blocks"]["currencies"] == []
    assert await get(client, POOLS) == {}


# Tiles of each pool


async def test_pool_tiles(
    home: HomeAssistant, pools: Pools, hass_client: ClientSessionGenerator
) -> None:
    """The figures are the user's own, as the pool tells them, with the example's keys."""
    entry = pools.entries[0]
    answer = await get(await hass_client(), POOLS)
    assert list(answer) == [entry.entry_id for entry in pools.entries]
    (example,) = json.loads(POOL_EXAMPLE).values()
    for pool in answer.values():
        assert pool.keys() == example.keys()
        assert {tile: set(pool[tile]) for tile in POOL_TILES} == POOL_TILES
    pool = answer[entry.entry_id]
    assert pool["pool_id"] == entry.entry_id
    assert pool["pool_type"] == "solopool"
    assert pool["display_name"] == "DGB pool"
    assert pool["supports_coins"] == ["DGB", "BCH", "BTC", "BC2"]
    assert pool["supports_earnings"] is pool["supports_balance"] is False
    assert pool["tile_1_health"]["health_status"] is True
    assert pool["tile_1_health"]["health_message"] is None
    assert pool["tile_1_health"]["latency_ms"] >= 0
    dgb = hashrate(pools.dgb)
    figures = network_figures("DGB", pools.dgb.difficulty, dgb)
    assert pool["tile_2_network"] == {
        "network_difficulty": pytest.approx(pools.dgb.difficulty, rel=0.001),
        "pool_hashrate": pytest.approx(dgb, abs=1),
        "estimated_time_to_block": duration_text(figures.seconds),
        "pool_percentage": pytest.approx(figures.percent, rel=0.001),
        "active_workers": 3,
    }
    assert pool["tile_4_blocks"]["currency"] == "DGB"
    age = datetime.now(UTC) - datetime.fromisoformat(pool["last_updated"])
    assert timedelta(seconds=-1) < age < timedelta(minutes=1)
    assert pool["last_updated"].endswith("Z")


async def test_what_is_not_known_of_a_pool(
    home: HomeAssistant, pools: Pools, hass_client: ClientSessionGenerator
) -> None:
    """One that never answered has a reason and nothing else.

    One that does not know the wallet is healthy and has the network alone. What one
    told before it failed is not shown as if it were so; when it was told is.
    """
    client = await hass_client()
    before, _, stranger, off = (await get(client, POOLS)).values()
    health = off["tile_1_health"]
    assert health["health_status"] is False
    assert "Off" in health["health_message"]
    assert health["latency_ms"] is None
    for tile in ("tile_2_network", "tile_3_shares", "tile_4_blocks"):
        assert set(off[tile].values()) == {None}
    assert off["last_updated"] is None

    assert stranger["tile_1_health"]["health_status"] is True
    network = stranger["tile_2_network"]
    assert network.pop("network_difficulty") > 0
    assert set(network.values()) == {None}
    assert set(stranger["tile_3_shares"].values()) == {None}

    pools.dgb.status = 502
    await poll(home, pools.entries[0])
    after = (await get(client, POOLS))[before["pool_id"]]
    assert after["tile_1_health"]["health_status"] is False
    assert set(after["tile_2_network"].values()) == {None}
    assert after["last_updated"] == before["last_updated"]


async def test_pool_without_its_driver(
    home: HomeAssistant, pools: Pools, hass_client: ClientSessionGenerator
) -> None:
    """A pool that could not be set up is in the list with the reason."""
    entry = pools.entries[0]
    home.config_entries.async_update_entry(entry, data={**entry.data, "driver": "gone"})
    await home.config_entries.async_reload(entry.entry_id)
    client = await hass_client()
    pool = (await get(client, POOLS))[entry.entry_id]
    assert pool["pool_type"] == "gone"
    assert pool["supports_coins"] == []
    assert pool["tile_1_health"]["health_status"] is False
    assert "gone" in pool["tile_1_health"]["health_message"]
    health = (await get(client, PLATFORM))["tile_1_health"]
    assert (health["healthy_pools"], health["unhealthy_pools"]) == (2, 2)


async def test_one_pool(
    home: HomeAssistant,
    pools: Pools,
    bitaxe: SimulatedAxeOS,
    hass_client: ClientSessionGenerator,
) -> None:
    """One can be asked for by its id; what is none is a 404 with the reason."""
    client = await hass_client()
    entry = pools.entries[1]
    answer = await get(client, f"{POOLS}?pool_id={entry.entry_id}")
    assert list(answer) == [entry.entry_id]
    assert answer[entry.entry_id]["display_name"] == "BTC pool"
    miner = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    for pool_id in ("nonsense", "", "%00", miner.entry_id):
        response = await client.get(f"{POOLS}?pool_id={pool_id}")
        assert response.status == HTTPStatus.NOT_FOUND
        answer = await response.json()
        assert answer["code"] == "unknown_pool"
        assert answer["message"].startswith("There is no pool with the ID ")
        assert answer["message"].isprintable()


async def test_reading_asks_no_pool(
    home: HomeAssistant, pools: Pools, hass_client: ClientSessionGenerator
) -> None:
    """However often the tiles are read, the pools are only polled as ever."""
    client = await hass_client()
    before = requests(pools)
    assert before > 0
    for _ in range(3):
        await get(client, PLATFORM)
        await get(client, POOLS)
        await get(client, f"{POOLS}?pool_id={pools.entries[0].entry_id}")
    assert requests(pools) == before


async def test_odd_figures_are_still_json(
    home: HomeAssistant, pools: Pools, hass_client: ClientSessionGenerator
) -> None:
    """What no reader of JSON could take is null, and spoils nothing else."""
    malformed = DashboardTileData(
        health_message="half a character: \ud83d",
        network_difficulty=1.7e308,
        pool_hashrate=1.7e308,
        estimated_time_to_block=float("inf"),
        shares_valid=10**300,
        last_block_found=datetime.max.replace(tzinfo=timezone(-timedelta(hours=5))),
        currency="\udcff",
    )
    # As a poll reads it
    pools.entries[0].runtime_data.async_set_updated_data(read_tiles(malformed))
    client = await hass_client()
    pool = (await get(client, POOLS))[pools.entries[0].entry_id]
    assert pool["tile_1_health"]["health_message"] == "half a character: ?"
    assert pool["tile_2_network"]["estimated_time_to_block"] is None
    assert pool["tile_3_shares"]["shares_valid"] is None
    assert pool["tile_4_blocks"]["last_block_found"] is None
    assert key_tree(await get(client, PLATFORM)) == key_tree(
        json.loads(PLATFORM_EXAMPLE)
    )


async def test_odd_drivers_are_still_json(
    home: HomeAssistant, pools: Pools, hass_client: ClientSessionGenerator
) -> None:
    """A driver that says what it is in another way than promised is shown as well."""

    class Odd(SolopoolDriver):
        display_name = None
        supports_coins = property(lambda self: ["DGB"])  # type: ignore[assignment]

    loaded = get_data(home).drivers.pools
    loaded["solopool"] = replace(loaded["solopool"], driver_class=Odd)
    client = await hass_client()
    for pool in (await get(client, POOLS)).values():
        assert pool["supports_coins"] == []
    (template, *_) = await get(client, f"{TEMPLATES}/solopool")
    assert template["pool_display_name"] == "solopool"


async def test_moments_are_in_utc(
    home: HomeAssistant, pools: Pools, hass_client: ClientSessionGenerator
) -> None:
    """A driver's time zone does not matter."""
    moment = datetime(2026, 2, 5, 13, 0, tzinfo=timezone(timedelta(hours=1)))
    entry = pools.entries[0]
    entry.runtime_data.async_set_updated_data(
        DashboardTileData(last_block_found=moment)
    )
    pool = (await get(await hass_client(), POOLS))[entry.entry_id]
    assert pool["tile_4_blocks"]["last_block_found"] == "2026-02-05T12:00:00Z"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (7 * 86_400, "7 days"),
        (0.25, "0.2 seconds"),
        (1, "1 second"),
        (45.4, "45 seconds"),
        (60, "1 minute"),
        (9.5 * 60, "9.5 minutes"),
        (6.5 * 3600, "6.5 hours"),
        (36 * 3600, "1.5 days"),
        (31.9 * 86_400, "32 days"),
        (365 * 86_400, "1 year"),
        (6.2e6 * 365 * 86_400, "6200000 years"),
        (None, None),
        (float("nan"), None),
        (float("inf"), None),
        (-1, None),
    ],
)
def test_time_as_a_person_says_it(seconds: float | None, text: str | None) -> None:
    """Given seconds, then the text has the unit that suits them."""
    assert duration_text(seconds) == text


# Pools to choose from


async def test_pool_templates(
    home: HomeAssistant, pools: Pools, hass_client: ClientSessionGenerator
) -> None:
    """All, those of a driver, those of one of its coins; what is none is a 404."""
    client = await hass_client()
    everything = await get(client, TEMPLATES)
    solopool = await get(client, f"{TEMPLATES}/solopool")
    assert {template["pool_type"] for template in everything} > {"solopool"}
    assert [item for item in everything if item["pool_type"] == "solopool"] == solopool
    dgb = await get(client, f"{TEMPLATES}/solopool/dgb")
    assert dgb == [item for item in solopool if item["coin"] == "DGB"]
    # As the page of the documentation shows it
    assert dgb[:1] == json.loads(list(blocks("docs/api.md", "json"))[3])
    for path in ("nonsense", "solopool/DOGE"):
        response = await client.get(f"{TEMPLATES}/{path}")
        assert response.status == HTTPStatus.NOT_FOUND
        assert (await response.json())["code"] == "unknown_template"


async def test_own_pool_files_are_for_administrators(
    home: HomeAssistant,
    pools: Pools,
    hass_client: ClientSessionGenerator,
    hass_read_only_access_token: str,
) -> None:
    """Others see only what HMM brings: files may name servers at home."""
    own = "driver: ckpool\nurl: nas\nport: 3333\ncoin: BTC\nmining_model: solo\n"
    await put(home, "pools/own.yaml", own)
    await get_data(home).driver_service.async_reload()
    everything = await get(await hass_client(), TEMPLATES)
    client = await hass_client(hass_read_only_access_token)
    assert await get(client, TEMPLATES) == [
        item for item in everything if item["template_id"] != "own"
    ]
    assert "nas" in {item["url"] for item in everything}


# Pools that the own miners mine at


async def test_discovered_pools(
    home: HomeAssistant,
    pools: Pools,
    bitaxe: SimulatedAxeOS,
    hass_client: ClientSessionGenerator,
) -> None:
    """Each server with its miners, what it is, and which pool it is here.

    Any server of a public pool is that pool; who mines there is not told.
    """
    bitaxe.pools[0] |= {
        "stratumURL": "US1.solopool.org",
        "stratumPort": 8004,
        "stratumUser": "dgb1qsecret.axe",
    }
    bitaxe.pools[1] |= {"stratumURL": "pool.example.org", "stratumPort": 3333}
    miner = await set_up(home, miner_entry(bitaxe, "bitaxe", title="Axe"))
    client = await hass_client()
    response = await client.get(DISCOVER)
    text = await response.text()
    assert json.loads(text) == [
        {
            "url": "us1.solopool.org",
            "port": 8004,
            "miners": ["Axe"],
            "active": True,
            "matches": [
                {
                    "pool_type": "solopool",
                    "pool_display_name": "Solopool.org",
                    "template_id": "solopool-dgb-us1",
                    "display_name": "Solopool.org DGB (US1)",
                    "coin": "DGB",
                }
            ],
            "configured": True,
            "pool_ids": [pools.entries[0].entry_id],
        },
        {
            "url": "pool.example.org",
            "port": 3333,
            "miners": ["Axe"],
            "active": False,
            "matches": [],
            "configured": False,
            "pool_ids": [],
        },
    ]
    assert "secret" not in text

    # A miner that is off still has its pools, but mines at none
    await bitaxe.unplug()
    await poll(home, miner)
    assert [pool["active"] for pool in await get(client, DISCOVER)] == [False, False]


async def test_discovered_pools_of_several_miners(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, hass_client: ClientSessionGenerator
) -> None:
    """One server is one, however many miners have it; nonsense is left out."""
    async with SimulatedAxeOS(generation="2.15") as second:
        for device in (bitaxe, second):
            device.pools[0] |= {"stratumURL": "pool.example.org", "stratumPort": 3333}
            device.pools[1] |= {"stratumURL": "pool.example.org", "stratumPort": 3333}
        second.pools[1] |= {"stratumURL": "not a host!"}
        await set_up(home, miner_entry(bitaxe, "bitaxe", title="One"))
        await set_up(home, miner_entry(second, "bitaxe", title="Two"))
        (pool,) = await get(await hass_client(), DISCOVER)
    assert pool["miners"] == ["One", "Two"]
    assert pool["active"] is True


async def test_a_broken_driver_hides_no_other(
    home: HomeAssistant,
    pools: Pools,
    bitaxe: SimulatedAxeOS,
    hass_client: ClientSessionGenerator,
) -> None:
    """A driver that cannot even be made is left out, the others recognise on."""
    bitaxe.pools[0] |= {"stratumURL": "eu1.solopool.org", "stratumPort": 8004}
    await set_up(home, miner_entry(bitaxe, "bitaxe"))
    data = get_data(home)

    class Broken(SolopoolDriver):
        driver_type = "broken"

        def __init__(self) -> None:
            raise RuntimeError

    data.drivers.pools["broken"] = replace(
        data.drivers.pools["solopool"], driver_class=Broken, driver_type="broken"
    )
    result = await get(await hass_client(), DISCOVER)
    assert result[0]["matches"][0]["pool_type"] == "solopool"


async def test_pools_of_the_documentation(
    home: HomeAssistant,
    pools: Pools,
    bitaxe: SimulatedAxeOS,
    hass_client: ClientSessionGenerator,
) -> None:
    """What the page says of a server is what is known of it."""
    *_, discovered = (json.loads(block) for block in blocks("docs/api.md", "json"))
    async with SimulatedAxeOS(generation="2.15") as second:
        slots = [*bitaxe.pools.values(), *second.pools.values()]
        for slot, server in zip(slots, discovered, strict=False):
            slot |= {"stratumURL": server["url"], "stratumPort": server["port"]}
        await set_up(home, miner_entry(bitaxe, "bitaxe", title="One"))
        await set_up(home, miner_entry(second, "bitaxe", title="Two"))
        known = {
            (server["url"], server["port"]): server["matches"]
            for server in await get(await hass_client(), DISCOVER)
        }
    for server in discovered:
        assert known[server["url"], server["port"]] == server["matches"]


async def test_driver_that_goes_while_it_is_asked(
    home: HomeAssistant,
    pools: Pools,
    bitaxe: SimulatedAxeOS,
    hass_client: ClientSessionGenerator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A reload in the middle takes a driver's matches away, and nothing else."""
    bitaxe.pools[0] |= {"stratumURL": "eu1.solopool.org", "stratumPort": 8004}
    await set_up(home, miner_entry(bitaxe, "bitaxe"))
    data = get_data(home)

    async def discover(hass: HomeAssistant, *, network: bool) -> list[DiscoveredPool]:
        result = await async_discover_pools(hass, network=network)
        monkeypatch.delitem(data.drivers.pools, "solopool")
        return result

    monkeypatch.setattr(tiles_json, "async_discover_pools", discover)
    (first, *_) = await get(await hass_client(), DISCOVER)
    assert first["url"] == "eu1.solopool.org"
    assert first["matches"] == []
