"""Which classes of a file are drivers, and what bad ones do not harm."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
import logging
from pathlib import Path
import sys
from textwrap import dedent
import threading
from typing import Any

import pytest

from custom_components.hmm.driver_api import BadAnswer, CannotConnect, DashboardTileData
from custom_components.hmm.driver_engine import pool_client
from custom_components.hmm.driver_engine.guard import DriverFault
from custom_components.hmm.driver_engine.legacy import pools as legacy_pools
from custom_components.hmm.driver_engine.legacy.pools import LegacyPool
from custom_components.hmm.driver_engine.loaded import LoadedDrivers
from custom_components.hmm.driver_engine.loader import load_drivers
from custom_components.hmm.driver_engine.pool_client import PoolAccount, fetch_tiles

HEAD = "from integrations.base_pool import *\n"


def load(folder: Path, source: str, name: str = "acme_driver.py") -> LoadedDrivers:
    """Load one file."""
    path = folder / "hmm" / "drivers" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEAD + dedent(source), encoding="utf-8")
    return load_drivers(folder / "hmm")


def own(drivers: LoadedDrivers) -> dict[str, str]:
    """Return the class names of the user's pool drivers by their type."""
    return {
        key: pool.driver_class.__name__
        for key, pool in drivers.pools.items()
        if not pool.bundled
    }


def pool_of(drivers: LoadedDrivers, driver_type: str = "acme") -> LegacyPool:
    """Return a driver that was loaded; nothing may have failed."""
    assert drivers.failed == []
    driver = drivers.pools[driver_type].driver_class()
    assert isinstance(driver, LegacyPool)
    return driver


async def fetch(driver: LegacyPool) -> DashboardTileData:
    """Ask for an account."""
    return await fetch_tiles(
        driver, PoolAccount(url="127.0.0.1", port=3333, coin="DGB", username="wallet")
    )


# Which classes are drivers


def test_several_classes_in_a_file(tmp_path: Path) -> None:
    """Given drivers, helpers, a base and second names, only the drivers count."""
    drivers = load(
        tmp_path,
        """\
        from adapters.base import MinerAdapter
        from dataclasses import dataclass

        @dataclass
        class Helper:
            pool_type: str = "helper"

        class Base(BasePoolIntegration):
            async def detect(self, url, port):
                return False

        class One(Base):
            pool_type = "one"

        class Two(One):
            driver_type = "two"

        class Miner(MinerAdapter):
            miner_type = "acme"

        Alias = One

        def get_integration():
            raise SystemExit
        """,
    )

    assert drivers.failed == []
    assert own(drivers) == {"one": "LegacyOne", "two": "LegacyTwo"}
    assert not drivers.miners["acme"].bundled


def test_what_registers_itself_is_loaded_once(tmp_path: Path) -> None:
    """Given a class that is found and registered, its own object serves."""
    drivers = load(
        tmp_path,
        """\
        from integrations.pool_registry import PoolRegistry

        class Acme(BasePoolIntegration):
            def __init__(self, pool_type="unused"):
                self.pool_type = pool_type

        PoolRegistry.register(Acme("acme"))

        def hidden():
            class Hidden(BasePoolIntegration):
                pool_type = "hidden"
            return Hidden()

        PoolRegistry.register(hidden())
        """,
    )

    assert drivers.failed == []
    assert own(drivers) == {"acme": "LegacyAcme", "hidden": "LegacyHidden"}


def test_identity_from_properties(tmp_path: Path) -> None:
    """Given properties where others have attributes, they tell the same."""
    drivers = load(
        tmp_path,
        """\
        class Acme(BasePoolIntegration):
            @property
            def pool_type(self): return "acme"
            @property
            def display_name(self): return "Acme Pool"
            @property
            def supports_coins(self): return ("btc", "dgb")
            @property
            def requires_api_key(self): return True
        """,
    )
    driver = pool_of(drivers)

    assert driver.display_name == "Acme Pool"
    assert driver.supports_coins == ["BTC", "DGB"]
    # It wants a key and has no field for it
    schema = driver.get_config_schema()
    assert schema["properties"]["api_key"]["format"] == "password"
    assert set(schema["properties"]) == {"username", "api_key"}


def test_one_bad_class_spoils_no_other(tmp_path: Path) -> None:
    """Given classes that fail when they are made, each is told with its line."""
    drivers = load(
        tmp_path,
        """\
        class Nameless(BasePoolIntegration):
            pass

        class Broken(BasePoolIntegration):
            pool_type = "broken"
            def get_config_schema(self):
                return 1 / 0

        class Leaving(BasePoolIntegration):
            pool_type = "leaving"
            def __init__(self):
                raise SystemExit

        class Acme(BasePoolIntegration):
            pool_type = "acme"
        """,
    )

    assert own(drivers) == {"acme": "LegacyAcme"}
    assert [(failed.line, failed.reason) for failed in drivers.failed] == [
        (2, "Nameless has no driver_type"),
        (8, "It fails when it is loaded: ZeroDivisionError: division by zero"),
        (13, "It ends the program (sys.exit) when it is loaded"),
    ]


def test_nonsense_about_itself(tmp_path: Path) -> None:
    """Given odd kinds of everything, the driver loads with what makes sense."""
    drivers = load(
        tmp_path,
        """\
        class Acme(BasePoolIntegration):
            driver_type = "acme"
            display_name = 7
            supports_coins = None
            requires_api_key = "no"
            documentation_url = ["x"]

            def get_config_schema(self):
                return {"properties": {1: "x", "y": {"type": "string"}},
                        "required": "all of it"}

            def get_pool_templates(self):
                return [None, "x", PoolTemplate(url="a"), PoolTemplate(
                    url="A.example", port="3333", coin="btc", display_name="A",
                    mining_model="POOL", fee_percent="free")]
        """,
    )
    driver = pool_of(drivers)

    assert driver.display_name == "acme"
    assert driver.supports_coins == []
    assert driver.requires_api_key is False
    assert driver.documentation_url is None
    assert set(driver.get_config_schema()["properties"]) == {"username", "1", "y"}
    (template,) = driver.get_pool_templates()
    assert template.template_id == "acme-a.example-3333-btc"
    assert (template.url, template.port, template.coin) == ("A.example", 3333, "BTC")
    assert (template.mining_model, template.fee_percent) == ("pool", None)


def test_nothing_of_it_is_seen_elsewhere(tmp_path: Path) -> None:
    """Given a driver that imports everything, no module of these names exists."""
    load(tmp_path, "import core.config, core.utils, adapters.base\n")

    roots = {name.partition(".")[0] for name in sys.modules}
    assert not roots & {"core", "adapters", "integrations", "providers"}


# What a driver does when it is asked

ASKED = """\
import asyncio, sys, threading, time
class Acme(BasePoolIntegration):
    pool_type = "acme"
    begun = threading.Event()
    free = threading.Event()
    async def get_dashboard_data(self, url, coin, username=None, **kwargs):
"""


def asked(folder: Path, *lines: str) -> LegacyPool:
    """Return a driver that does this when it is asked for tiles."""
    return pool_of(load(folder, ASKED + "".join(f"        {line}\n" for line in lines)))


async def test_blocking_code_stops_only_itself(tmp_path: Path) -> None:
    """Given a driver that sleeps in a coroutine, the loop goes on meanwhile."""
    driver = asked(
        tmp_path,
        "self.begun.set()",
        "while not self.free.is_set():",
        "    time.sleep(0.01)",
        "return DashboardTileData(active_workers=3)",
    )
    fetching = asyncio.create_task(fetch(driver))
    await asyncio.to_thread(driver.legacy.begun.wait)

    turns = 0
    for _ in range(100):
        await asyncio.sleep(0)
        turns += 1
    assert not fetching.done()
    assert turns == 100
    driver.legacy.free.set()
    assert (await fetching).active_workers == 3


@pytest.mark.usefixtures("impatient")
async def test_a_driver_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a driver that never answers, the pool is unreachable, not the house."""
    monkeypatch.setattr(legacy_pools, "_CALL_SECONDS", 0.05)
    driver = asked(tmp_path, "self.free.wait()")

    with pytest.raises(CannotConnect):
        await fetch(driver)
    driver.legacy.free.set()


@pytest.mark.usefixtures("impatient")
async def test_a_file_that_hangs_is_counted_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a file whose drivers hang, they share a bound; a mended file has its own."""
    monkeypatch.setattr(legacy_pools, "_CALL_SECONDS", 0.05)
    two = ASKED.replace("Acme", "Other").replace('"acme"', '"other"')
    source = "".join(f"{item}        self.free.wait()\n" for item in (ASKED, two))
    free: list[threading.Event] = []
    try:
        # It is loaded again, as when its settings change
        for driver_type in ("acme", "other", "acme"):
            driver = pool_of(load(tmp_path, source), driver_type)
            free.append(driver.legacy.free)
            with pytest.raises(CannotConnect, match="did not answer"):
                await fetch(driver)
        for driver_type in ("acme", "other"):
            with pytest.raises(CannotConnect, match=r"correct acme_driver\.py"):
                await fetch(pool_of(load(tmp_path, source), driver_type))

        mended = asked(tmp_path, "return DashboardTileData(active_workers=3)")
        assert (await fetch(mended)).active_workers == 3
    finally:
        for event in free:
            event.set()


@pytest.mark.usefixtures("impatient")
async def test_detection_gives_up_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a driver that hangs while hosts are looked at, the answer is no."""
    monkeypatch.setattr(legacy_pools, "_DETECT_SECONDS", 0.05)
    source = ASKED.replace("get_dashboard_data", "detect") + "        self.free.wait()"
    source = source.replace("url, coin, username=None, **kwargs", "url, port")
    driver = pool_of(load(tmp_path, source))

    assert not await pool_client.is_pool_of(driver, "pool.example", 3333)
    driver.legacy.free.set()


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("sys.exit(3)", DriverFault),
        ("raise KeyboardInterrupt", DriverFault),
        ("raise BaseExceptionGroup('x', [SystemExit()])", DriverFault),
        ("raise asyncio.CancelledError", DriverFault),
        ("raise ValueError(username)", DriverFault),
        ("raise StopIteration", DriverFault),
        ("raise ConnectionResetError", CannotConnect),
        ("raise TimeoutError", CannotConnect),
        ("return None", BadAnswer),
        ("return 42", BadAnswer),
        ("return 'online'", BadAnswer),
        ("return [1, 2]", BadAnswer),
    ],
)
async def test_whatever_it_does_is_an_error(
    tmp_path: Path, line: str, error: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    """Given a driver that fails or returns nonsense, it is a typed error."""
    driver = asked(tmp_path, line)

    with caplog.at_level(logging.DEBUG), pytest.raises(error):
        await fetch(driver)
    assert "wallet" not in caplog.text


@pytest.mark.parametrize(
    "line",
    [
        "return {'pool_hashrate': 1.0, 'active_workers': '2', 'shares_valid': -1}",
        "return DashboardTileData(pool_hashrate=1, active_workers=2, shares_valid='x')",
    ],
)
async def test_dictionaries_and_odd_values(tmp_path: Path, line: str) -> None:
    """Given a dictionary, or values of odd kinds, what can be read arrives."""
    assert await fetch(asked(tmp_path, line)) == DashboardTileData(
        pool_hashrate=1e12, active_workers=2, currency="DGB"
    )


async def test_unhealthy_is_what_it_says(tmp_path: Path) -> None:
    """Given a status that is false in any spelling, the pool is unhealthy."""
    driver = asked(
        tmp_path, "return {'health_status': 'false', 'health_message': ' Down '}"
    )

    tiles = await fetch(driver)
    assert not tiles.health_status
    assert tiles.health_message == "Down"


async def test_no_message_quotes_the_wallet(tmp_path: Path) -> None:
    """Given a driver that puts the account into its message, it is left out."""
    driver = asked(tmp_path, "return {'health_message': 'No wallet ' + username}")

    assert (await fetch(driver)).health_message == "No … …"


FIGURES = DashboardTileData(
    currency="DGB",
    shares_valid=90,
    shares_invalid=10,
    shares_stale=0,
    reject_rate=10.0,
    blocks_found_24h=3,
    last_block_found=datetime(2026, 2, 7, tzinfo=UTC),
)
NO_SHARES: dict[str, Any] = {
    "shares_valid": None,
    "shares_invalid": None,
    "shares_stale": None,
    "reject_rate": None,
}
NO_BLOCKS: dict[str, Any] = {"blocks_found_24h": None, "last_block_found": None}


@pytest.mark.parametrize(
    ("driver_type", "changes"),
    [
        ("acme", {}),
        ("mmfp", {"blocks_found_24h": None, "blocks_found": 3}),
        ("btc_stack", {"blocks_found_24h": None, "blocks_found": 3}),
        ("solopool", NO_BLOCKS),
        ("ckpool", NO_SHARES),
        ("braiins", NO_SHARES),
        ("nerdminers", NO_SHARES | NO_BLOCKS),
    ],
)
async def test_what_is_known_to_be_something_else(
    tmp_path: Path, driver_type: str, changes: dict[str, Any]
) -> None:
    """Given one of HMM-Local's own drivers, what it mixed up is not passed on."""
    source = ASKED.replace('"acme"', f'"{driver_type}"')
    drivers = load(
        tmp_path,
        f"""{source}
        from datetime import datetime
        return DashboardTileData(
            shares_valid=90, shares_invalid=10, shares_stale=0, reject_rate=10,
            blocks_found_24h=3, last_block_found=datetime(2026, 2, 7))
""",
    )

    tiles = await fetch(pool_of(drivers, driver_type))
    assert tiles == replace(FIGURES, **changes)


def test_fields_that_are_none(tmp_path: Path) -> None:
    """Given a wallet, which is the account, and a text to read, nobody is asked."""
    driver = pool_of(
        load(
            tmp_path,
            """\
            class Acme(BasePoolIntegration):
                pool_type = "acme"
                def get_config_schema(self):
                    return {
                        "properties": {
                            "wallet": {"type": "string"},
                            "info": {"type": "string", "description": "Read this"},
                            "api_base_url": {"type": "string"},
                        },
                        "required": ["wallet", "info"],
                    }
            """,
        )
    )
    schema = driver.get_config_schema()

    assert set(schema["properties"]) == {"username", "api_base_url"}
    assert schema["required"] == ["username"]


async def test_leaks_and_prints(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    socket_enabled: None,
) -> None:
    """Given sessions that are never closed and prints, nobody hears of them."""
    driver = asked(
        tmp_path,
        "import aiohttp, gc, logging",
        "aiohttp.ClientSession(); gc.collect()",
        "print(username)",
        "return {'active_workers': 1}",
    )
    with caplog.at_level(logging.INFO):
        tiles = await fetch(driver)

    assert tiles.active_workers == 1
    assert "wallet" not in capsys.readouterr().out
    assert "Unclosed" not in caplog.text


async def test_what_it_logs_is_for_who_asks(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Given a driver that logs wallets, they are in no log that did not ask."""
    above = logging.getLogger("hmm_user_drivers")
    assert above.level == logging.NOTSET
    source = "import logging\nlogger = logging.getLogger(__name__)\n" + ASKED
    driver = pool_of(
        load(tmp_path, source + "        logger.error(username)\n        return {}\n")
    )

    await fetch(driver)
    assert "wallet" not in caplog.text
    caplog.set_level(logging.DEBUG, "hmm_user_drivers")
    await fetch(driver)
    assert "wallet" in caplog.text


async def test_all_accounts_share_one_object(tmp_path: Path) -> None:
    """Given two accounts, the driver is asked as one object in one thread."""
    driver = asked(
        tmp_path,
        "self.count = getattr(self, 'count', 0) + 1",
        "return {'active_workers': self.count, "
        "'health_message': threading.current_thread().name}",
    )
    other = type(driver)()
    tiles: list[Any] = [await fetch(driver), await fetch(other)]

    assert [tile.active_workers for tile in tiles] == [1, 2]
    assert tiles[0].health_message == tiles[1].health_message == "hmm driver acme"
    assert "hmm driver acme" in {thread.name for thread in threading.enumerate()}
