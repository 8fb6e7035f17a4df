"""What a driver has that only writes what it must."""

from typing import Any

from custom_components.hmm.driver_api import (
    BaseMinerAdapter,
    BasePoolIntegration,
    CannotConnect,
    DashboardTileData,
    DeviceFacts,
    MinerTelemetry,
    PoolBlock,
    PoolHealthStatus,
    PoolSlot,
    PoolStats,
    PoolWorker,
    TuningLimits,
    TuningRange,
)
from custom_components.hmm.driver_engine.answers import read_tiles

TILES = DashboardTileData(
    latency_ms=12.0,
    network_difficulty=1e14,
    pool_hashrate=1e12,
    active_workers=1,
    best_share=5e6,
    workers=(PoolWorker(name="garage", hashrate=1e12, online=True),),
)


class Pool(BasePoolIntegration):
    """A pool that has the tiles alone."""

    supports_coins = ["DGB"]
    tiles: DashboardTileData | None = TILES

    async def detect(self, url: str, port: int) -> bool:
        """Know one host."""
        return url == "pool.example"

    async def get_dashboard_data(
        self, url: str, coin: str, username: str | None = None, **kwargs: Any
    ) -> DashboardTileData:
        """Return the tiles of the account of somebody."""
        assert (url, coin) == ("pool.example", "DGB")
        if self.tiles is None:
            raise CannotConnect("Nothing there", reason="no_response")
        if username != "somebody":
            return DashboardTileData(account_known=False)
        return self.tiles


async def test_a_pool_needs_nothing_but_its_tiles() -> None:
    """Given the tiles, then the other methods of the contract are made from them."""
    pool = Pool()
    health = await pool.get_health("pool.example", 3333, username="somebody")
    assert health == PoolHealthStatus(is_healthy=True, latency_ms=12.0)
    options = {"url": "pool.example", "username": "somebody"}
    assert await pool.get_network_difficulty("DGB", **options) == 1e14
    user = await pool.get_user_stats("pool.example", "DGB", "somebody")
    assert user == {"hashrate": 1e12, "workers": 1, "best_share": 5e6}
    assert await pool.get_user_stats("pool.example", "DGB", "nobody") is None
    worker = await pool.get_worker_stats(coin="DGB", worker_name="garage", **options)
    assert worker is not None
    assert (worker["hashrate"], worker["online"]) == (1e12, True)
    assert (
        await pool.get_worker_stats(coin="DGB", worker_name="attic", **options) is None
    )
    assert await pool.get_pool_stats("pool.example", "DGB") is None
    assert await pool.get_blocks("pool.example", "DGB") == []


async def test_a_pool_that_is_down() -> None:
    """Given tiles that cannot be had, or say that it is down, its health says so."""
    pool = Pool()
    pool.tiles = None
    health = await pool.get_health("pool.example", 3333)
    assert not health.is_healthy
    assert health.error_message == "Nothing there"
    pool.tiles = DashboardTileData(health_status=False, health_message="Maintenance")
    health = await pool.get_health("pool.example", 3333, username="somebody")
    assert health == PoolHealthStatus(is_healthy=False, error_message="Maintenance")


class Miner(BaseMinerAdapter):
    """A miner that has no more than it must."""

    telemetry: MinerTelemetry | dict[str, Any] = MinerTelemetry()
    limits: TuningLimits | None = None
    facts = DeviceFacts()

    async def connect(self, ip: str, port: int | None = None) -> bool:
        """Know every device."""
        return True

    async def get_telemetry(self) -> MinerTelemetry | dict[str, Any]:
        """Return one poll."""
        return self.telemetry

    async def set_mode(self, mode: str) -> bool:
        """Have no modes."""
        return False

    async def restart(self) -> bool:
        """Never restart."""
        return False

    async def get_device_facts(self) -> DeviceFacts:
        """Return who it is."""
        return self.facts

    def get_tuning_limits(self) -> TuningLimits | None:
        """Return what may be tuned."""
        return self.limits


async def test_a_miner_needs_four_methods() -> None:
    """Given telemetry, facts and limits, then the rest is made from them."""
    miner = Miner()
    nothing = {"pool_url": None, "pool_user": None, "pool_pass": None}
    assert await miner.get_pool_info() == nothing
    assert await miner.get_version_info() == {}
    assert not miner.supports_tuning()

    miner.telemetry = MinerTelemetry(
        pools=(
            PoolSlot(index=0, url="a.example:1", user="x"),
            PoolSlot(index=1, url="b.example:2", user="y", active=True),
        )
    )
    miner.facts = DeviceFacts(firmware="v1.2")
    miner.limits = TuningLimits(frequency=TuningRange(minimum=400, maximum=600, step=5))
    assert await miner.get_pool_info() == {
        "pool_url": "b.example:2",
        "pool_user": "y",
        "pool_pass": None,
    }
    assert await miner.get_version_info() == {"firmware": "v1.2"}
    assert miner.supports_tuning()

    miner.telemetry = {"hashrate": 1e12}
    assert await miner.get_pool_info() == nothing


def test_data_classes_take_what_was_printed() -> None:
    """Given the fields of HMM-Local's guide, then each is one of ours as well."""
    health = PoolHealthStatus(
        is_healthy=True, latency_ms=42.5, error_message=None, additional_info={}
    )
    stats = PoolStats(
        hashrate=1234567890,
        active_workers=42,
        blocks_found=10,
        network_difficulty=9876543.21,
        additional_stats={},
    )
    block = PoolBlock(
        height=123456,
        hash="abc123...",
        miner="worker_name",
        timestamp=1234567890,
        difficulty=1234567.89,
        network_difficulty=9876543.21,
        coin="BTC",
        reward=6.25,
        confirmed=True,
    )
    tiles = read_tiles(DashboardTileData(own_blocks=(block,)))
    assert tiles is not None and tiles.own_blocks == (block,)
    assert (health.latency_ms, stats.network_difficulty) == (42.5, 9876543.21)
