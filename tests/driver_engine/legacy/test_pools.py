"""HMM-Local's pool drivers, every variant of them, against real servers."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from custom_components.hmm.driver_api import (
    BadAnswer,
    BasePoolIntegration,
    DashboardTileData,
    MiningModel,
    PoolBlock,
    PoolStats,
    PoolTemplate,
)
from custom_components.hmm.driver_engine.legacy.pools import LegacyPool
from custom_components.hmm.driver_engine.loaded import LoadedDriver
from custom_components.hmm.driver_engine.loader import load_drivers
from custom_components.hmm.driver_engine.pool_client import (
    PoolAccount,
    fetch_tiles,
    is_pool_of,
)
from simulator.stack import SimulatedStack

from .pool_server import DIFFICULTY, HASHRATE, PERCENT, SECONDS_TO_BLOCK, PoolServer
from .variants import VARIANTS, Variant, read_driver

# The drivers are from when Python still had this
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow")

type Loaded = LoadedDriver[BasePoolIntegration]


def load_file(
    folder: Path, name: str, source: str, settings: dict[str, Any] | None = None
) -> dict[str, Loaded]:
    """Return the pools of one file in ``drivers``; nothing may have failed."""
    path = folder / "hmm" / "drivers" / name
    path.parent.mkdir(parents=True)
    path.write_text(source, encoding="utf-8")
    drivers = load_drivers(folder / "hmm", settings)
    assert drivers.failed == []
    return {key: pool for key, pool in drivers.pools.items() if not pool.bundled}


def account(
    variant: Variant, server: PoolServer, username: str = "wallet"
) -> PoolAccount:
    """Return an account at the server."""
    return PoolAccount(
        url="127.0.0.1",
        port=server.port,
        coin=variant.coin,
        username=username,
        settings=variant.settings_for(server),
    )


@pytest.fixture(params=VARIANTS)
def variant(request: pytest.FixtureRequest) -> Variant:
    """Return each variant."""
    return VARIANTS[request.param]


@pytest.fixture
def loaded(variant: Variant, server: PoolServer, tmp_path: Path) -> Loaded:
    """Return the variant's driver, loaded from a file."""
    pools = load_file(tmp_path, variant.file, variant.source_for(server))
    return pools[variant.driver_type]


# The table: each variant loads, detects, tells its health, brings tiles


def test_it_loads(variant: Variant, loaded: Loaded) -> None:
    """Given a file of the variant, it is a driver with its name and version."""
    assert loaded.driver_type == variant.driver_type
    assert loaded.version == variant.version
    driver = loaded.driver_class()
    assert driver.display_name == variant.display_name
    assert tuple(driver.supports_coins) == variant.coins
    assert driver.requires_api_key is ("api_key" in variant.settings)
    assert "username" in driver.get_config_schema()["properties"]


async def test_it_detects(variant: Variant, loaded: Loaded, server: PoolServer) -> None:
    """Given hosts, the driver knows its own and no other."""
    driver = loaded.driver_class()

    if variant.yes is not None:
        host, port = variant.yes
        assert await is_pool_of(driver, host, port or server.port)
    server.answers.clear()
    assert not await is_pool_of(driver, "127.0.0.1", server.port)


async def test_it_tells_its_health(
    variant: Variant, loaded: Loaded, server: PoolServer
) -> None:
    """Given a pool that answers, it is healthy; a driver may not know."""
    driver = loaded.driver_class()
    health = driver.get_health(
        "127.0.0.1",
        3335 if variant.driver_type == "p10snapshot" else server.port,
        username="wallet",
        coin=variant.coin,
        **variant.settings_for(server),
    )

    if variant.health is None:
        with pytest.raises(BadAnswer):
            await health
    else:
        assert await health == variant.health


async def test_it_brings_tiles(
    variant: Variant, loaded: Loaded, server: PoolServer
) -> None:
    """Given an account, its figures arrive in H/s, seconds and percent."""
    tiles = await fetch_tiles(loaded.driver_class(), account(variant, server))

    assert tiles.estimated_time_to_block == pytest.approx(
        variant.tiles.estimated_time_to_block
    )
    assert tiles.pool_percentage == pytest.approx(variant.tiles.pool_percentage)
    assert tiles.latency_ms == variant.tiles.latency_ms
    assert tiles == replace(
        variant.tiles,
        estimated_time_to_block=tiles.estimated_time_to_block,
        pool_percentage=tiles.pool_percentage,
    )


async def test_every_field_that_was_printed_arrives(
    server: PoolServer, tmp_path: Path
) -> None:
    """Given a tile with each field of HMM-Local's guide, then none is lost."""
    source = """\
from integrations.base_pool import BasePoolIntegration, DashboardTileData

class FullDriver(BasePoolIntegration):
    driver_type = "full"

    async def get_dashboard_data(self, url, coin, username=None, **kwargs):
        return DashboardTileData(
            health_status=True,
            health_message="Busy",
            response_time_ms=42.5,
            network_difficulty=500000000.0 if username == "wallet" else None,
            pool_hashrate=4.0,
            estimated_time_to_block="3 days",
            pool_percentage=0.0125,
            active_workers=2,
            shares_valid=90,
            shares_invalid=6,
            shares_stale=4,
            reject_rate=10.0,
            blocks_found_24h=1,
            estimated_earnings_24h=0.5,
            currency="DGB",
            confirmed_balance=12.5,
            pending_balance=0.25,
        )
"""
    pools = load_file(tmp_path, "full_driver.py", source)
    driver = pools["full"].driver_class()
    here = {"url": "127.0.0.1", "port": server.port, "coin": "DGB"}
    tiles = await fetch_tiles(driver, PoolAccount(**here, username="wallet"))
    other = await fetch_tiles(driver, PoolAccount(**here, username="other"))

    printed = DashboardTileData(
        health_message="Busy",
        pool_hashrate=4e12,
        estimated_time_to_block=3 * 86_400,
        pool_percentage=0.0125,
        active_workers=2,
        shares_valid=90,
        shares_invalid=6,
        shares_stale=4,
        reject_rate=10.0,
        blocks_found_24h=1,
        estimated_earnings_24h=0.5,
        currency="DGB",
        confirmed_balance=12.5,
        pending_balance=0.25,
    )
    assert other == printed
    # With a difficulty, HMM calculates what follows from it
    assert tiles == replace(
        printed,
        network_difficulty=DIFFICULTY,
        estimated_time_to_block=pytest.approx(SECONDS_TO_BLOCK),
        pool_percentage=pytest.approx(PERCENT),
    )
    assert tiles.latency_ms == 42.5


# P9 wants a stack: a stratum and a manager


@pytest.fixture
def stack_driver(tmp_path: Path) -> LegacyPool:
    """Return a stack's driver."""
    source = read_driver("hmm_local/p9_driver.py")
    loaded = load_file(tmp_path, "p9_driver.py", source)["p9stack"]
    assert loaded.version == "1.0.6"
    driver = loaded.driver_class()
    assert isinstance(driver, LegacyPool)
    return driver


async def test_a_stack(socket_enabled: None, stack_driver: LegacyPool) -> None:
    """Given a stack, its driver gets both ports and never one of them twice."""
    async with SimulatedStack(coin="dgb") as stack:
        settings = {"manager_port": stack.port}
        tiles = await fetch_tiles(
            stack_driver,
            PoolAccount(
                url="127.0.0.1",
                port=stack.stratum.port,
                coin="DGB",
                username="wallet",
                settings=settings,
            ),
        )
        health = await stack_driver.get_health(
            "127.0.0.1", stack.stratum.port, **settings
        )
        stats = await stack_driver.get_pool_stats("127.0.0.1", "DGB", **settings)
        difficulty = await stack_driver.get_network_difficulty(
            "DGB", url="127.0.0.1", **settings
        )
        await stack.stratum.unplug()
        sick = await stack_driver.get_health(
            "127.0.0.1", stack.stratum.port, **settings
        )

    assert tiles.health_status
    assert tiles.pool_hashrate == pytest.approx(1.7e12, rel=0.3)
    assert tiles.network_difficulty == pytest.approx(stack.coin.difficulty, rel=0.1)
    assert difficulty == pytest.approx(tiles.network_difficulty, rel=0.1)
    assert tiles.active_workers == 2
    assert tiles.latency_ms is not None
    assert health.is_healthy
    assert stats is not None
    assert stats.hashrate == pytest.approx(tiles.pool_hashrate, rel=0.3)
    assert not sick.is_healthy
    assert sick.error_message == "ConnectionRefusedError"
    assert stack.secrets_read == stack.posts == 0


async def test_a_stack_knows_its_port_and_its_manager(
    socket_enabled: None, stack_driver: LegacyPool
) -> None:
    """Given hosts, the driver finds a manager; it also claims a port of any host."""
    async with SimulatedStack(coin="dgb") as stack:
        stack_driver.legacy.DEFAULT_MANAGER_PORT = stack.port
        assert await is_pool_of(stack_driver, "127.0.0.1", 4444)
    assert not await is_pool_of(stack_driver, "127.0.0.1", 4444)
    assert await is_pool_of(stack_driver, "no-such-pool.invalid", 3335)


# What else there is to them


async def test_it_tells_nothing_without_a_wallet(
    server: PoolServer, tmp_path: Path
) -> None:
    """Given an account without a name, a driver that returns None is not to blame."""
    variant = VARIANTS["P8"]
    pools = load_file(tmp_path, variant.file, variant.source_for(server))

    with pytest.raises(BadAnswer, match="is the wallet entered"):
        await fetch_tiles(
            pools["p8pool"].driver_class(), account(variant, server, username="")
        )


async def test_a_pool_that_fails_is_unhealthy(
    server: PoolServer, tmp_path: Path
) -> None:
    """Given an error, the driver's own message is shown."""
    variant = VARIANTS["P8"]
    pools = load_file(tmp_path, variant.file, variant.source_for(server))
    tiles = await fetch_tiles(
        pools["p8pool"].driver_class(), account(variant, server, username="nobody")
    )

    assert not tiles.health_status
    assert tiles.health_message == "API returned 404"
    assert tiles.pool_hashrate is None


@pytest.mark.parametrize("key", ["api_key", "api_token", "token"])
async def test_a_key_goes_by_every_name(
    server: PoolServer, tmp_path: Path, key: str
) -> None:
    """Given a key under one name, the driver finds it under the one that it reads."""
    variant = VARIANTS["P6"]
    pools = load_file(tmp_path, variant.file, variant.source_for(server))
    driver = pools["p6pool"].driver_class()

    assert driver.requires_api_key
    schema = driver.get_config_schema()
    assert schema["required"] == ["api_token"]
    assert schema["properties"]["api_token"]["format"] == "password"
    assert not driver.validate_config({"username": "me"})
    assert driver.validate_config({"api_token": "secret"})
    await fetch_tiles(
        driver,
        PoolAccount(
            url="127.0.0.1", port=1, coin="BTC", username="", settings={key: "t-1"}
        ),
    )
    assert server.headers[-1]["X-Token"] == "t-1"


async def test_blocks(server: PoolServer, tmp_path: Path) -> None:
    """Given drivers that count by hours or by number, blocks come in our units."""
    both = "".join(VARIANTS[name].source_for(server) + "\n\n" for name in ("P4", "P8"))
    pools = load_file(tmp_path, "both_driver.py", both)

    by_hours = await pools["p4pool"].driver_class().get_blocks("host", "DGB", hours=24)
    by_number = await pools["p8pool"].driver_class().get_blocks("host", "DGB")

    assert by_hours == [
        PoolBlock(
            height=22_400_000,
            hash="00ab",
            miner="Unknown",
            timestamp=1_770_292_800,
            coin="DGB",
            reward=277.376,
            confirmed=True,
        )
    ]
    assert [(block.height, block.timestamp) for block in by_number] == [
        (3, 1_770_000_000),
        (None, None),
    ]
    assert [block.confirmed for block in by_number] == [False, True]


async def test_figures_of_the_whole_pool(server: PoolServer, tmp_path: Path) -> None:
    """Given drivers of three times, the hashrate of the pool is in H/s."""
    sources = (VARIANTS[name].source_for(server) for name in ("P4", "P7", "P10 status"))
    pools = load_file(tmp_path, "three_driver.py", "\n\n".join(sources))
    stats = [
        await pools[name]
        .driver_class()
        .get_pool_stats("host", "DGB", api_base_url=server.url)
        for name in ("p4pool", "p7pool", "p10status")
    ]

    assert stats == [
        PoolStats(hashrate=HASHRATE, active_workers=2),
        PoolStats(hashrate=HASHRATE, active_workers=2, network_difficulty=DIFFICULTY),
        PoolStats(hashrate=HASHRATE, active_workers=2),
    ]


async def test_the_difficulty_of_the_network(
    server: PoolServer, tmp_path: Path
) -> None:
    """Given drivers that want the host, or fail because of it, all tell it."""
    sources = (VARIANTS[name].source_for(server) for name in ("P7", "P10 snapshot"))
    pools = load_file(tmp_path, "two_driver.py", "\n\n".join(sources))
    settings = {"url": "127.0.0.1", "api_base_url": server.url}

    for name in ("p7pool", "p10snapshot"):
        driver = pools[name].driver_class()
        assert await driver.get_network_difficulty("DGB", **settings) == DIFFICULTY
    silent = pools["p10status"].driver_class()
    assert await silent.get_network_difficulty("DGB", **settings) is None


def test_the_pools_that_drivers_know(server: PoolServer, tmp_path: Path) -> None:
    """Given templates, they are ours; a made-up address is left to the user."""
    variant = VARIANTS["P5"]
    pools = load_file(tmp_path, variant.file, variant.source_for(server))
    driver = pools["p5pool"].driver_class()

    assert driver.get_pool_templates() == [
        PoolTemplate(
            template_id="p5pool-dgb_eu",
            display_name="Registered Pool DGB (EU)",
            url="eu.pool.example",
            port=3333,
            coin="DGB",
            mining_model=MiningModel.POOL,
            region="EU",
            fee_percent=1.5,
        ),
        PoolTemplate(
            template_id="p5pool-local_solo",
            display_name="Registered Pool at home",
            url="",
            port=3335,
            coin="DGB",
            mining_model=MiningModel.SOLO,
            region="Local",
        ),
    ]


def test_the_coin_of_a_server(tmp_path: Path) -> None:
    """Given a driver of many coins, the pools that it knows tell which is where."""
    pools = load_file(tmp_path, "p8_driver.py", read_driver("hmm_local/p8_driver.py"))
    driver = pools["p8pool"].driver_class()

    assert driver.coin_at("stratum.pool.example", 3333) == "BTC"
    assert driver.coin_at("stratum.pool.example", 3334) is None


def test_settings_of_config_yaml(tmp_path: Path) -> None:
    """Given a config.yaml, a driver that imports it later than all else reads it."""
    pools = load_file(
        tmp_path,
        "p7_driver.py",
        read_driver("hmm_local/p7_driver.py"),
        {"mmfp_pool": {"url": "192.168.7.7", "port": 4444}},
    )
    (template,) = pools["p7pool"].driver_class().get_pool_templates()

    assert (template.url, template.port) == ("192.168.7.7", 4444)


def test_a_setting_that_makes_no_sense(tmp_path: Path) -> None:
    """Given a section without content, only the pools made of it are missing."""
    pools = load_file(
        tmp_path,
        "p7_driver.py",
        read_driver("hmm_local/p7_driver.py"),
        {"mmfp_pool": None},
    )

    assert pools["p7pool"].driver_class().get_pool_templates() == []


async def test_what_a_pool_tells_of_users_and_workers(tmp_path: Path) -> None:
    """Given both kinds of parameters, each driver gets the one that it names."""
    pools = load_file(
        tmp_path,
        "acme_driver.py",
        """\
from integrations.base_pool import BasePoolIntegration

class One(BasePoolIntegration):
    pool_type = "one"

    async def get_user_stats(self, url, coin, username, **kwargs):
        return {"user": username, **kwargs}

    async def get_worker_stats(self, url, coin, worker_name, **kwargs):
        return {"worker": worker_name}

class Two(BasePoolIntegration):
    pool_type = "two"

    async def get_user_stats(self, url, coin, username, **kwargs):
        return [username]

    async def get_worker_stats(self, url, coin, username, **kwargs):
        return {"user": username}

class Three(BasePoolIntegration):
    pool_type = "three"
""",
    )
    one, two, three = (pools[key].driver_class() for key in ("one", "two", "three"))
    more = {"username": "wallet", "api_port": 1}

    assert await one.get_user_stats("host", "DGB", "wallet", api_port=1) == {
        "user": "wallet",
        "api_port": 1,
    }
    assert await one.get_worker_stats("host", "DGB", "gamma", **more) == {
        "worker": "gamma"
    }
    assert await two.get_worker_stats("host", "DGB", "gamma", **more) == {
        "user": "wallet"
    }
    assert await two.get_user_stats("host", "DGB", "wallet") is None
    assert await three.get_user_stats("host", "DGB", "wallet") is None
    assert await three.get_worker_stats("host", "DGB", "gamma") is None
    assert not await three.detect("host", 1)
    assert await three.get_blocks("host", "DGB") == []
    assert await three.get_pool_stats("host", "DGB") is None
