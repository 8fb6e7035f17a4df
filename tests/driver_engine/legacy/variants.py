"""One driver file in the shape of each variant of HMM-Local's pool drivers.

P0 to P3 are the examples that authors were given, as they were printed; where only
a method was printed, it is in a class as its author would have put it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from textwrap import indent
from typing import Any

from custom_components.hmm.driver_api import DashboardTileData, PoolHealthStatus

from .pool_server import DIFFICULTY, HASHRATE, PERCENT, SECONDS_TO_BLOCK, PoolServer

DRIVERS = Path(__file__).parents[2] / "fixtures" / "drivers"
API = "https://pool.example/api"
"""What stands for the server's address in the files."""

FOUND = datetime(2026, 2, 7, 8, 30, tzinfo=UTC)


def read_driver(name: str) -> str:
    """Return a driver file."""
    return (DRIVERS / name).read_text(encoding="utf-8")


def _p0() -> str:
    """Return the printed class with the printed method and its helper."""
    dashboard = read_driver("seed_000_dashboard.py").partition("\n\n")[2]
    helper = f'''
async def _fetch_worker_stats(self, username, coin):
    import aiohttp
    async with aiohttp.ClientSession() as session:
        async with session.get("{API}/accounts/" + username) as response:
            stats = await response.json()
    return {{"hashrate": stats["hashrate"], "valid_shares": 90, "workers_online": 2}}
'''
    return "\n".join(
        (
            "from integrations.base_pool import DashboardTileData",
            read_driver("seed_000_minimal.py").replace(
                "        pass\n",
                "        return PoolHealthStatus(\n"
                "            is_healthy=(pool_id, wallet) == ('127.0.0.1', 'wallet')\n"
                "        )\n",
            ),
            indent(dashboard, "    "),
            indent(helper, "    "),
        )
    )


def _p1() -> str:
    """Return a class around the printed method."""
    return f'''\
import asyncio
import aiohttp
from integrations.base_pool import BasePoolIntegration, DashboardTileData

class ExampleDriver(BasePoolIntegration):
    driver_type = "p1pool"
    API_BASES = {{"DGB": "{API}"}}

{indent(read_driver("seed_001_solopool.py"), "    ")}
'''


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A variant and what has to come of it."""

    file: str
    source: str
    driver_type: str
    display_name: str
    version: str = "unknown"
    coins: tuple[str, ...] = ()
    coin: str = "DGB"
    settings: Mapping[str, str] = field(default_factory=dict)
    """``{url}`` in them is the server's address."""
    yes: tuple[str, int] | None = None
    """Where ``detect`` says yes; port 0 is the server's own."""
    health: PoolHealthStatus | None
    tiles: DashboardTileData

    def source_for(self, server: PoolServer) -> str:
        """Return the file, with the server in it."""
        return self.source.replace(API, server.url)

    def settings_for(self, server: PoolServer) -> dict[str, Any]:
        """Return the settings of an account."""
        return {
            key: value.format(url=server.url) for key, value in self.settings.items()
        }


FULL = DashboardTileData(
    pool_hashrate=HASHRATE,
    network_difficulty=DIFFICULTY,
    estimated_time_to_block=SECONDS_TO_BLOCK,
    pool_percentage=PERCENT,
    active_workers=2,
    currency="DGB",
)
"""What most of them tell, besides what they count."""

VARIANTS: Mapping[str, Variant] = {
    "P0": Variant(
        file="mypool_driver.py",
        source=_p0(),
        driver_type="mypool",
        display_name="mypool",
        health=PoolHealthStatus(is_healthy=True),
        tiles=DashboardTileData(
            pool_hashrate=HASHRATE,
            active_workers=2,
            shares_valid=90,
            shares_invalid=0,
            reject_rate=0.0,
            currency="DGB",
        ),
    ),
    "P1": Variant(
        file="p1_driver.py",
        source=_p1(),
        driver_type="p1pool",
        display_name="p1pool",
        health=None,
        tiles=replace(
            FULL,
            shares_valid=90,
        ),
    ),
    "P2": Variant(
        file="yourpool_driver.py",
        source=read_driver("seed_002_plugin.py"),
        driver_type="yourpool",
        display_name="Your Pool Name",
        coins=("BTC", "BCH"),
        coin="BTC",
        yes=("127.0.0.1", 0),
        health=PoolHealthStatus(is_healthy=True),
        tiles=DashboardTileData(
            health_message="2 workers online",
            latency_ms=123.45,
            pool_hashrate=HASHRATE,
            network_difficulty=DIFFICULTY,
            estimated_time_to_block=SECONDS_TO_BLOCK,
            pool_percentage=PERCENT * 8,
            active_workers=None,
            shares_valid=90,
            shares_invalid=10,
            shares_stale=0,
            reject_rate=0.05,
            blocks_found_24h=1,
            currency="BTC",
        ),
    ),
    "P3": Variant(
        file="yourpool_plugin.py",
        source=read_driver("seed_003_plugin.py"),
        driver_type="yourpool",
        display_name="Your Pool Name",
        coins=("BTC", "LTC"),
        coin="BTC",
        yes=("stratum.yourpool.com", 3333),
        health=PoolHealthStatus(is_healthy=True),
        tiles=DashboardTileData(
            pool_hashrate=1234567890.0,
            network_difficulty=1234567.89,
            estimated_time_to_block=1234567.89 * 2**32 / 1234567890,
            pool_percentage=100 * 1234567890 / (1234567.89 * 2**32 / 600),
            active_workers=42,
            blocks_found=10,
            currency="BTC",
        ),
    ),
    "P4": Variant(
        file="p4_plugin.py",
        source=read_driver("hmm_local/p4_plugin.py"),
        driver_type="p4pool",
        display_name="Plugin Pool",
        coins=("DGB", "BTC"),
        yes=("eu.pool.example", 3333),
        health=PoolHealthStatus(is_healthy=True, latency_ms=12.5),
        tiles=replace(
            FULL,
            health_message="Connected",
            blocks_found_24h=1,
        ),
    ),
    "P5": Variant(
        file="p5_driver.py",
        source=read_driver("hmm_local/p5_driver.py"),
        driver_type="p5pool",
        display_name="Registered Pool",
        version="1.0.1",
        coins=("DGB",),
        yes=("eu.pool.example", 3333),
        health=PoolHealthStatus(is_healthy=True, latency_ms=7.0),
        tiles=replace(
            FULL,
            shares_valid=90,
            shares_invalid=10,
            reject_rate=10.0,
        ),
    ),
    "P6": Variant(
        file="p6_driver.py",
        source=read_driver("hmm_local/p6_driver.py"),
        driver_type="p6pool",
        display_name="Token Pool",
        version="1.0.2",
        coins=("BTC",),
        coin="BTC",
        settings={"api_key": "token-123"},
        yes=("stratum.pool.example", 3333),
        health=PoolHealthStatus(is_healthy=True),
        tiles=DashboardTileData(
            health_message="2 workers online",
            pool_hashrate=HASHRATE,
            estimated_time_to_block=31 * 86_400 + 4 * 3600,
            active_workers=2,
            reject_rate=0.5,
            estimated_earnings_24h=0.00012,
            currency="BTC",
            confirmed_balance=0.0005,
            pending_balance=0.0001,
        ),
    ),
    "P7": Variant(
        file="p7_driver.py",
        source=read_driver("hmm_local/p7_driver.py"),
        driver_type="p7pool",
        display_name="Formatted Pool",
        version="1.0.4",
        coins=("BTC", "BCH", "DGB", "BC2"),
        settings={"api_base_url": "{url}"},
        yes=("127.0.0.1", 0),
        health=PoolHealthStatus(is_healthy=True, latency_ms=3.0),
        tiles=replace(
            FULL,
            health_message="2 workers online",
            latency_ms=4.0,
            shares_valid=90,
            shares_invalid=10,
            shares_stale=0,
            reject_rate=10.0,
            blocks_found_24h=1,
            last_block_found=FOUND,
        ),
    ),
    "P8": Variant(
        file="p8_driver.py",
        source=read_driver("hmm_local/p8_driver.py"),
        driver_type="p8pool",
        display_name="Pool from the Template",
        version="1.0.3",
        coins=("BTC", "DGB", "BCH"),
        health=PoolHealthStatus(is_healthy=True, latency_ms=21.0),
        tiles=replace(
            FULL,
            health_message="OK",
            shares_valid=90,
            shares_invalid=10,
            reject_rate=10.0,
        ),
    ),
    "P10 snapshot": Variant(
        file="p10_driver.py",
        source=read_driver("hmm_local/p10_driver.py"),
        driver_type="p10snapshot",
        display_name="Snapshot Pool",
        version="1.0.5",
        coins=("BTC", "BCH", "DGB"),
        settings={"api_base_url": "{url}/", "snapshot_window_minutes": "30"},
        yes=("snapshot.example", 3335),
        health=PoolHealthStatus(is_healthy=True, latency_ms=5.0),
        tiles=replace(
            FULL,
            shares_valid=90,
            shares_invalid=10,
            reject_rate=10.0,
            blocks_found_24h=0,
        ),
    ),
    "P10 status": Variant(
        file="p10_driver.py",
        source=read_driver("hmm_local/p10_driver.py"),
        driver_type="p10status",
        display_name="Status Pool",
        version="1.0.5",
        coins=("BTC",),
        coin="BTC",
        settings={"api_base_url": "{url}"},
        health=PoolHealthStatus(is_healthy=True, latency_ms=9.5),
        tiles=DashboardTileData(active_workers=2, shares_valid=90, currency="BTC"),
    ),
}
