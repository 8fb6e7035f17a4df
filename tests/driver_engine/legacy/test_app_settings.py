"""What config.yaml tells drivers of HMM-Local while they run."""

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from custom_components.hmm.driver_api import BadAnswer
from custom_components.hmm.driver_engine.legacy.pools import LegacyPool
from custom_components.hmm.driver_engine.loaded import LoadedDrivers
from custom_components.hmm.driver_engine.loader import load_drivers
from custom_components.hmm.driver_engine.pool_client import PoolAccount, fetch_tiles

from .pool_server import HASHRATE, PoolServer
from .variants import VARIANTS

# The drivers are from when Python still had this
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow")

SETTINGS: dict[str, Any] = {
    "wallets": {"dgb": "wallet", "BTC": "bc1q-of-the-file"},
    "api_keys": {"p6pool": "token-of-the-file", "p8pool": "token-of-another"},
    "database": {"postgresql": {"password": "db-password"}},
    "energy": {"region": "Yorkshire"},
}


def write(folder: Path, **files: str) -> None:
    """Write driver files."""
    path = folder / "hmm" / "drivers"
    path.mkdir(parents=True, exist_ok=True)
    for name, source in files.items():
        (path / f"{name}_driver.py").write_text(dedent(source), encoding="utf-8")


def load(
    folder: Path,
    settings: dict[str, Any],
    running: LoadedDrivers | None = None,
    **files: str,
) -> LoadedDrivers:
    """Write files, then load all; nothing may fail."""
    write(folder, **files)
    drivers = load_drivers(folder / "hmm", settings, running)
    assert drivers.failed == []
    return drivers


def pool_of(drivers: LoadedDrivers, driver_type: str) -> LegacyPool:
    """Return a driver."""
    driver = drivers.pools[driver_type].driver_class()
    assert isinstance(driver, LegacyPool)
    return driver


def account(coin: str = "DGB", username: str = "", **settings: Any) -> PoolAccount:
    """Return an account that says little of itself."""
    return PoolAccount(
        url="127.0.0.1", port=3333, coin=coin, username=username, settings=settings
    )


async def test_an_account_without_a_wallet(server: PoolServer, tmp_path: Path) -> None:
    """Given a wallet for its coin, the driver asks for that, or for the account's."""
    source = VARIANTS["P8"].source_for(server)
    driver = pool_of(load(tmp_path, SETTINGS, p8=source), "p8pool")

    tiles = await fetch_tiles(driver, account())
    assert tiles.pool_hashrate == HASHRATE
    assert [item for item in server.asked if "accounts" in item] == ["/accounts/wallet"]
    # A coin may be written in any way, a wallet of the account counts more
    await fetch_tiles(driver, account("BTC"))
    await fetch_tiles(driver, account("DGB", "mine"))
    assert server.asked[-2:] == ["/accounts/bc1q-of-the-file", "/accounts/mine"]
    with pytest.raises(BadAnswer, match="is the wallet entered"):
        await fetch_tiles(driver, account("BC2"))


@pytest.mark.parametrize(
    "settings",
    [
        {"api_keys": {"p6pool": "file-token"}},
        {"api_keys": {"P6Pool": "file-token"}, "p6pool_api_token": "of-long-ago"},
        {"p6pool_api_token": "file-token"},
        {"p6pool_api_key": "file-token"},
    ],
)
async def test_an_account_without_a_key(
    server: PoolServer, tmp_path: Path, settings: dict[str, Any]
) -> None:
    """Given a key for its driver, in either place, it is sent, or the account's."""
    source = VARIANTS["P6"].source_for(server)
    driver = pool_of(load(tmp_path, settings, p6=source), "p6pool")

    assert (await fetch_tiles(driver, account("BTC"))).pool_hashrate == HASHRATE
    assert server.headers[-1]["X-Token"] == "file-token"
    health = await driver.get_health("127.0.0.1", 3333, coin="BTC")
    assert health.is_healthy
    await fetch_tiles(driver, account("BTC", api_token="my-token"))
    assert [header["X-Token"] for header in server.headers] == [
        "file-token",
        "file-token",
        "my-token",
    ]


@pytest.mark.parametrize("settings", [{}, {"wallets": ["x"], "api_keys": None}])
async def test_nothing_is_made_up(
    server: PoolServer, tmp_path: Path, settings: dict[str, Any]
) -> None:
    """Given no such settings, or nonsense in their place, there is no key."""
    source = VARIANTS["P6"].source_for(server)
    driver = pool_of(load(tmp_path, settings, p6=source), "p6pool")

    tiles = await fetch_tiles(driver, account("BTC"))
    assert (tiles.health_status, tiles.health_message) == (False, "API token required")
    assert server.asked == []


READER = """\
    from integrations.base_pool import BasePoolIntegration, DashboardTileData

    class Reader(BasePoolIntegration):
        pool_type = "{name}"

        async def get_dashboard_data(self, url, coin, username=None, **kwargs):
            from core.config import app_config
            before = app_config.get("pool.name", "nobody")
            app_config._config["pool"]["name"] = "{name}"
            return {{"health_message": before + ", then " + app_config["pool.name"]}}
    """


async def test_each_file_has_its_own(tmp_path: Path) -> None:
    """Given a driver that changes a setting while it runs, no other sees that."""
    settings = {"pool": {"name": "village"}}
    one, two = READER.format(name="one"), READER.format(name="two")
    drivers = load(tmp_path, settings, one=one, two=two)

    said = [
        (await fetch_tiles(pool_of(drivers, name), account())).health_message
        for name in ("one", "two", "one")
    ]
    assert said == ["village, then one", "village, then two", "one, then one"]
    assert settings == {"pool": {"name": "village"}}


async def test_a_setting_that_is_empty(tmp_path: Path) -> None:
    """Given a key without a value, the driver's own default counts."""
    drivers = load(tmp_path, {"pool": {"name": None}}, one=READER.format(name="one"))

    tiles = await fetch_tiles(pool_of(drivers, "one"), account())
    assert tiles.health_message == "nobody, then one"


def test_a_driver_that_cannot_load_without(tmp_path: Path) -> None:
    """Given a driver that needs a setting at once, it has it when it is tried."""
    source = """\
        from core.config import app_config
        from integrations.base_pool import BasePoolIntegration

        class Acme(BasePoolIntegration):
            pool_type = "acme"
            display_name = app_config._config["pool"]["name"]
        """
    drivers = load(tmp_path, {"pool": {"name": "Village"}}, acme=source)

    assert drivers.pools["acme"].driver_class.display_name == "Village"


def test_who_sees_what(tmp_path: Path) -> None:
    """Given changes, only the drivers that see what has changed are loaded again."""
    files = {
        "reader": READER.format(name="reader"),
        "pool": VARIANTS["P8"].source,
        "miner": """\
            from adapters.base import MinerAdapter

            class Acme(MinerAdapter):
                miner_type = "acme"
            """,
    }
    drivers = load(tmp_path, SETTINGS, None, **files)

    def changed(settings: dict[str, Any]) -> set[str]:
        again = load(tmp_path, settings, drivers)
        return {
            new.driver_type
            for old, new in zip(drivers, again, strict=True)
            if old.driver_class is not new.driver_class
        }

    assert changed(SETTINGS) == set()
    assert changed(SETTINGS | {"energy": {}}) == {"reader"}
    assert changed(SETTINGS | {"wallets": {}}) == {"reader", "p8pool"}


LOUD = """\
    from core.config import app_config
    from integrations.base_pool import *

    class Loud(BasePoolIntegration):
        pool_type = "loud"

        async def get_health(self, url, port, **kwargs):
            return PoolHealthStatus(is_healthy=False, error_message=self.text(kwargs))

        async def get_dashboard_data(self, url, coin, username=None, **kwargs):
            return DashboardTileData(health_message=username + self.text(kwargs))

        def text(self, kwargs):
            return (
                f" {kwargs['api_token']} {app_config.get('database')} "
                f"{app_config.get('energy.region')}"
            )
    """


async def test_no_message_tells_a_secret(tmp_path: Path) -> None:
    """Given a driver that says all that it knows, wallets and keys are left out."""
    settings = SETTINGS | {"api_keys": {"loud": "loud-token"}}
    driver = pool_of(load(tmp_path, settings, loud=LOUD), "loud")
    reported = " … {'postgresql': {'password': '…'}} Yorkshire"

    tiles = await fetch_tiles(driver, account("BTC"))
    assert tiles.health_message == "…" + reported
    health = await driver.get_health("127.0.0.1", 3333, coin="BTC")
    assert health.error_message == reported.strip()


@pytest.mark.parametrize("when", ["", "class Pool(BasePoolIntegration):\n    x = "])
def test_no_reason_tells_a_secret(tmp_path: Path, when: str) -> None:
    """Given a driver that fails with a key in its message, the key is left out."""
    source = (
        "from core.config import app_config\n"
        "from integrations.base_pool import *\n"
        f"{when}int(app_config.get('api_keys.p6pool'))\n"
    )
    write(tmp_path, bad=source)
    (failed,) = load_drivers(tmp_path / "hmm", SETTINGS).failed

    assert failed.reason.endswith(
        "ValueError: invalid literal for int() with base 10: '…'"
    )
    assert failed.line == source.count("\n")
