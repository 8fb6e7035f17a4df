"""What drivers import: served to them, invisible to everyone else."""

import sys
from types import ModuleType
from typing import Any

import pytest

from custom_components.hmm.driver_engine.legacy.namespace import (
    PoolRegistry,
    private_builtins,
)

ROOTS = ("core", "adapters", "integrations", "providers")


def run(
    source: str,
    registry: PoolRegistry | None = None,
    settings: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Run a driver's file and return what is in it."""
    module = ModuleType("driver")
    vars(module)["__builtins__"] = private_builtins(
        source, registry or PoolRegistry(), settings or {}
    )
    exec(compile(source, "driver.py", "exec"), vars(module))
    return vars(module)


@pytest.mark.parametrize(
    "source",
    [
        "from integrations.base_pool import BasePoolIntegration as Base",
        "from integrations.base_pool import *\nBase = BasePoolIntegration",
        "import integrations.base_pool\nBase = integrations.base_pool.BasePoolIntegration",
        "import integrations.base_pool as b\nBase = b.BasePoolIntegration",
        "from integrations import base_pool\nBase = base_pool.BasePoolIntegration",
        (
            "def f():\n    from integrations.base_pool import BasePoolIntegration\n"
            "    return BasePoolIntegration\nBase = f()"
        ),
        (
            "class A:\n    from integrations.base_pool import BasePoolIntegration\n"
            "Base = A.BasePoolIntegration"
        ),
        "exec('from integrations.base_pool import BasePoolIntegration as Base')",
    ],
)
def test_every_way_to_import(source: str) -> None:
    """Given a way to write an import, it finds the base, and nobody else does."""
    assert run(source)["Base"].__name__ == "BasePoolIntegration"
    assert not [name for name in sys.modules if name.partition(".")[0] in ROOTS]


def test_all_that_hmm_local_ever_had() -> None:
    """Given every import of its own drivers, each finds something."""
    run("""\
from integrations.base_pool import (
    BasePoolIntegration, PoolHealthStatus, PoolStats, PoolBlock, DashboardTileData,
    PoolTemplate, MiningModel,
)
from integrations.pool_registry import PoolRegistry
from integrations.pools import PoolRegistry
from core.utils import format_hashrate
from core.config import app_config
from core.database import AsyncSessionLocal, Miner, Telemetry, engine
from core.mqtt import mqtt_client
from adapters.base import BaseMinerAdapter, MinerAdapter, MinerTelemetry
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
""")


def test_what_it_never_had() -> None:
    """Given a module that does not exist, the error says whose it would be."""
    with pytest.raises(ModuleNotFoundError, match=r"HMM has no module core\.audit"):
        run("import core.audit")
    with pytest.raises(ImportError, match="no_such_name"):
        run("from core.utils import no_such_name")


def test_other_imports_are_the_real_ones() -> None:
    """Given any other module, it is what everybody gets; SQLAlchemy as well."""
    names = run("import json, sqlalchemy\nimport os.path as p")

    assert names["json"] is sys.modules["json"]
    assert names["sqlalchemy"] is sys.modules["sqlalchemy"]
    assert names["p"] is sys.modules["os.path"]


def test_two_files_share_nothing() -> None:
    """Given a file that changes what it was served, another sees the original."""
    run("import core.utils\ncore.utils.format_hashrate = None")

    names = run("from core.utils import format_hashrate")
    assert names["format_hashrate"](1)["value"] == 1


def test_print_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    """Given a driver that prints wallets, nothing is seen."""
    run("print('wallet', end='', flush=True)")

    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("arguments", "display", "value"),
    [
        ((1500, "GH/s"), "1.50 TH/s", 1500.0),
        ((750, "MH/s"), "750.00 MH/s", 0.75),
        ((1.02, "MH/s"), "1.02 MH/s", 0.00102),
        ((27.21, "TH/s"), "27.21 TH/s", 27_210.0),
        ((5, "H/s"), "5 H/s", 0.0),
        ((999, "H/s"), "999 H/s", 1e-06),
        ((1e18, "H/s"), "1000000.00 TH/s", 1e9),
        ((500, "KH/s"), "500.00 KH/s", 0.0005),
        ((7,), "7.00 GH/s", 7.0),
        # Not one of its units: taken for GH/s
        ((7, "PH/s"), "7.00 GH/s", 7.0),
        ((7, "Th/s"), "7.00 GH/s", 7.0),
        ((None,), "0.00 GH/s", 0.0),
        ((0, "TH/s"), "0.00 GH/s", 0.0),
        ((-1, "TH/s"), "0.00 GH/s", 0.0),
    ],
)
def test_format_hashrate(
    arguments: tuple[Any, ...], display: str, value: float
) -> None:
    """Given a hashrate, it is written just as HMM-Local did."""
    format_hashrate = run("from core.utils import format_hashrate")["format_hashrate"]

    assert format_hashrate(*arguments) == {
        "display": display,
        "value": value,
        "unit": "GH/s",
    }


def test_app_config() -> None:
    """Given the settings, each way to read them works."""
    settings = {"a": {"b": 1}, "c": "d"}
    config = run("from core.config import app_config", settings=settings)["app_config"]

    assert config.get("a.b") == config["a.b"] == 1
    assert config._config.get("c") == "d"
    assert config.get("a.x", 5) == config.get("c.d", 5) == 5
    assert config.get("x") is config["x"] is None


class Registered:
    """What a file registers."""

    SOURCE = """\
from integrations.base_pool import BasePoolIntegration
from integrations.pool_registry import PoolRegistry

class Pool(BasePoolIntegration):
    pool_type = "acme"
    supports_coins = ["BTC"]

    async def detect(self, url, port):
        return url == "acme.example"

PoolRegistry.register(Pool())
PoolRegistry.register("no driver")
"""


async def test_the_registry() -> None:
    """Given a file that registers itself, the registry knows it, and no text."""
    registry = PoolRegistry()
    names = run(Registered.SOURCE, registry)

    (instance,) = registry.instances
    assert type(instance) is names["Pool"]
    assert await registry.detect_pool_type("acme.example", 1) == "acme"
    assert await registry.detect_pool_type("other.example", 1) is None


async def test_the_database_takes_everything_and_holds_nothing() -> None:
    """Given what drivers write and read, it all works and nothing is there."""
    names = run("""\
from datetime import datetime
from core.database import AsyncSessionLocal, Miner, Telemetry, engine
from sqlalchemy import and_, desc, select, update
from sqlalchemy.ext.asyncio import AsyncSession


async def note_switch(name):
    async with AsyncSession(engine) as db:
        await db.execute(
            update(Miner).where(Miner.name == name).values(last_pool_switch=datetime.now())
        )
        await db.commit()
    return True


async def read_last(miner_id, since):
    async with AsyncSessionLocal() as db:
        db.add(Telemetry(miner_id=miner_id, hashrate=1.0))
        result = await db.execute(
            select(Telemetry)
            .where(and_(Telemetry.miner_id == miner_id, Telemetry.timestamp >= since))
            .where((Telemetry.hashrate > 0) & ~(Telemetry.mode != "low"))
            .order_by(Telemetry.timestamp.desc(), desc(Telemetry.id))
            .limit(1)
        )
        await db.rollback()
        assert result.scalars().first() is None and result.scalars().all() == []
        return result.scalar_one_or_none()
""")

    assert await names["note_switch"]("miner") is True
    assert await names["read_last"](1, None) is None
    row = names["Telemetry"](miner_id=1, hashrate=2.0)
    assert (row.miner_id, row.hashrate) == (1, 2.0)


async def test_mqtt_sends_nothing() -> None:
    """Given a driver that publishes, it is told nothing else."""
    client = run("from core.mqtt import mqtt_client")["mqtt_client"]

    client.publish("topic", "payload", retain=True)
    await client.publish("topic", "payload", retain=True)


def test_data_classes_take_everything() -> None:
    """Given fields of any version and kind, none fails, and each has a default."""
    names = run("from integrations.base_pool import *")
    tile = names["DashboardTileData"](balances=None, shares_valid=12.5, invented="x")

    assert (tile.shares_valid, tile.invented) == (12.5, "x")
    assert tile.pool_hashrate is None
    assert tile.health_status is True
    tile.pool_hashrate = {"value": 1}
    assert tile.model_dump()["pool_hashrate"] == tile.dict()["pool_hashrate"]
    assert "x" not in repr(tile).replace("DashboardTileData", "")
    status = names["PoolHealthStatus"](is_healthy=True)
    status.additional_info["a"] = 1
    assert names["PoolHealthStatus"]().additional_info == {}
    assert names["PoolBlock"](height=1).network_difficulty is None
    assert names["MiningModel"].SOLO == "solo"
    assert names["PoolTemplate"](template_id="a").mining_model == "solo"


def test_telemetry_of_miners() -> None:
    """Given a miner's telemetry without figures, it can be written down."""
    names = run("from adapters.base import *")
    telemetry = names["MinerTelemetry"](3, hashrate=None, made_up=1)

    written = telemetry.to_dict()
    assert written["hashrate"]["value"] == 0.0
    assert written["miner_id"] == 3
    assert telemetry.made_up == 1
    assert telemetry.timestamp.tzinfo is None
    adapter = names["MinerAdapter"](1, "name", "192.168.1.5", None, None)
    assert (adapter.ip_address, adapter.config) == ("192.168.1.5", {})
