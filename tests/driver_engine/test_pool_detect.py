"""Which pool is at a host: known ones, names that drivers know, hosts at home."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from custom_components.hmm.bundled.pool_drivers.ckpool_driver import CkpoolDriver
from custom_components.hmm.bundled.pool_drivers.mmfp_driver import MmfpDriver
from custom_components.hmm.bundled.pool_drivers.public_pool_driver import (
    PublicPoolDriver,
)
from custom_components.hmm.bundled.shared.ckpool_stack import STACKS, StackPorts
from custom_components.hmm.driver_api import (
    BasePoolIntegration,
    DashboardTileData,
    FoundPool,
    PoolHealthStatus,
    PoolStats,
)
from custom_components.hmm.driver_engine.address import Address, AddressError
from custom_components.hmm.driver_engine.known_pools import KnownPools, load_known_pools
from custom_components.hmm.driver_engine.loaded import LoadedDrivers
from custom_components.hmm.driver_engine.loader import load_drivers
from custom_components.hmm.driver_engine.pool_client import make_pool_driver
from custom_components.hmm.driver_engine.pool_detect import (
    PoolMatch,
    find_pools,
    find_pools_of_each,
    is_at_home,
    parse_stratum,
)

FILE = """\
driver: {driver}
display_name: Mine
url: {url}
port: {port}
coin: {coin}
mining_model: solo
api_base: http://127.0.0.1/api
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> LoadedDrivers:
    """Return the bundled drivers."""
    return load_drivers(tmp_path_factory.mktemp("nowhere"))


@pytest.fixture
def drivers(
    loaded: LoadedDrivers, session: aiohttp.ClientSession
) -> dict[str, BasePoolIntegration]:
    """Return an instance of each bundled pool driver."""
    return {
        name: make_pool_driver(driver.driver_class, session)
        for name, driver in loaded.pools.items()
    }


def known(folder: Path, drivers: LoadedDrivers, **files: str) -> KnownPools:
    """Return the pools that can be chosen, with these files of the user."""
    (folder / "pools").mkdir()
    for name, content in files.items():
        (folder / "pools" / f"{name}.yaml").write_text(content)
    pools = load_known_pools(folder, drivers)
    assert pools.failed == []
    return pools


def summary(matches: list[PoolMatch]) -> list[tuple[str, str | None, str, int]]:
    """Return what was found, in short."""
    return [
        (match_.driver_type, match_.coin, match_.url, match_.port) for match_ in matches
    ]


class Pretend(BasePoolIntegration):
    """A driver that knows one host by its name and finds pools at any other."""

    supports_coins = ["BTC", "BCH"]

    def __init__(
        self,
        driver_type: str,
        host: str | None = None,
        coin: str | None = None,
        result: Any = (),
    ) -> None:
        """Take what to answer; a host of ``*`` is any, by the port alone."""
        self.driver_type = driver_type  # type: ignore[misc]
        self.host = host
        self.coin = coin
        self.found = result
        self.probed: list[tuple[str, int]] = []

    async def detect(self, url: str, port: int) -> bool:
        """Compare the host."""
        return self.host in ("*", url)

    def coin_at(self, url: str, port: int) -> str | None:
        """Answer."""
        return self.coin

    async def probe(self, url: str, port: int) -> list[FoundPool]:
        """Answer."""
        self.probed.append((url, port))
        if isinstance(self.found, BaseException):
            raise self.found
        return list(self.found)

    async def get_health(self, url: str, port: int, **kwargs: Any) -> PoolHealthStatus:
        """Say yes."""
        return PoolHealthStatus(is_healthy=True)

    async def get_network_difficulty(self, coin: str, **kwargs: Any) -> float | None:
        """Say nothing."""
        return None

    async def get_pool_stats(
        self, url: str, coin: str, **kwargs: Any
    ) -> PoolStats | None:
        """Say nothing."""
        return None

    async def get_dashboard_data(
        self, url: str, coin: str, username: str | None = None, **kwargs: Any
    ) -> DashboardTileData:
        """Say nothing."""
        return DashboardTileData()


def pretend(*drivers: Pretend) -> Mapping[str, Pretend]:
    """Return drivers by their type."""
    return {driver.driver_type or "": driver for driver in drivers}


# Addresses


@pytest.mark.parametrize(
    ("typed", "host", "port"),
    [
        ("eu1.solopool.org", "eu1.solopool.org", None),
        (" EU1.Solopool.org:8004 ", "eu1.solopool.org", 8004),
        ("stratum+tcp://eu1.solopool.org:8004", "eu1.solopool.org", 8004),
        ("stratum+ssl://eu1.solopool.org:8004/#xnsub", "eu1.solopool.org", 8004),
        ("tcp://me.rig:x@192.168.1.60:3333", "192.168.1.60", 3333),
        ("umbrel.local", "umbrel.local", None),
        # The port of a web page is not that of the stratum
        ("http://192.168.1.60:8085/pool", "192.168.1.60", None),
        ("HTTPS://pool.example", "pool.example", None),
        ("pool.example.", "pool.example", None),
    ],
)
def test_addresses_as_people_type_them(typed: str, host: str, port: int | None) -> None:
    """Given an address from a miner or a browser, host and port are read."""
    assert parse_stratum(typed) == Address(host, port)


@pytest.mark.parametrize(
    "typed",
    ["", "://", "stratum+tcp://", "a b", "pool.example:0", "pool.example:x", "[::1]:1"],
)
def test_what_is_no_address(typed: str) -> None:
    """Given something else, it is refused."""
    with pytest.raises(AddressError):
        parse_stratum(typed)


@pytest.mark.parametrize(
    ("host", "home"),
    [
        ("192.168.1.60", True),
        ("10.0.0.1", True),
        ("172.16.0.1", True),
        ("172.32.0.1", False),
        ("127.0.0.1", True),
        ("169.254.7.7", True),
        ("1.1.1.1", False),
        ("umbrel", True),
        ("umbrel.local", True),
        ("umbrel.lan", True),
        ("umbrel.home.arpa", True),
        ("pool.example", False),
        ("local.pool.example", False),
        ("notlocal", True),
        ("not-local.com", False),
    ],
)
def test_who_is_at_home(host: str, home: bool) -> None:
    """Given a host, only one of the user's own network may be asked."""
    assert is_at_home(host) is home


# Known pools


@pytest.mark.parametrize(
    ("host", "port", "result"),
    [
        ("eu1.solopool.org", 8004, [("solopool", "DGB")]),
        ("EU1.solopool.org", 8004, [("solopool", "DGB")]),
        ("eu1.solopool.org", None, [("solopool", "DGB")]),
        # Two coins at one host: the port tells them apart, without it the user
        ("us1.solopool.org", 8002, [("solopool", "BCH")]),
        ("us1.solopool.org", None, [("solopool", "BCH"), ("solopool", "DGB")]),
        # A further port of the same pool is known to its driver
        ("eu1.solopool.org", 7004, [("solopool", "DGB")]),
        # Neither a part of the name nor the port alone is enough
        ("eu1.solopool.org.example", 8004, []),
        ("noteu1.solopool.org", 8004, []),
        ("pool.example", 8004, []),
        ("pool.example", 3335, []),
        ("pool.example", None, []),
    ],
)
async def test_bundled_pools_by_their_host(
    tmp_path: Path,
    loaded: LoadedDrivers,
    drivers: dict[str, BasePoolIntegration],
    host: str,
    port: int | None,
    result: list[tuple[str, str]],
) -> None:
    """Given a host, the pools at it are found by the whole name."""
    matches = await find_pools(drivers, known(tmp_path, loaded), host, port)
    assert [(match_.driver_type, match_.coin) for match_ in matches] == result
    assert all(match_.url == host.lower() for match_ in matches)
    assert all(match_.port == port for match_ in matches if port)


async def test_every_bundled_pool_finds_itself(
    tmp_path: Path, loaded: LoadedDrivers, drivers: dict[str, BasePoolIntegration]
) -> None:
    """Given host and port of a known pool, it is that one and no other."""
    pools = known(tmp_path, loaded)
    for pool in pools.pools.values():
        template = pool.template
        if template.url:
            (match,) = await find_pools(drivers, pools, template.url, template.port)
            assert match.listed is pool
            assert match.coin == template.coin
            assert match.settings == pool.settings


async def test_a_file_of_the_user_is_found(
    tmp_path: Path, loaded: LoadedDrivers
) -> None:
    """Given a file with a scheme, it is found with its settings; nobody is asked."""
    file = FILE.format(
        driver="solopool", url="stratum+tcp://Umbrel.local/", port=3333, coin="dgb"
    )
    driver = Pretend("solopool", result=[FoundPool(coin="BTC")])
    pools = known(tmp_path, loaded, mine=file)
    (match,) = await find_pools(pretend(driver), pools, "umbrel.local", 3333)

    assert summary([match]) == [("solopool", "DGB", "umbrel.local", 3333)]
    assert match.settings == {"api_base": "http://127.0.0.1/api"}
    assert match.listed is pools.pools["mine"]
    assert driver.probed == []


async def test_two_files_with_one_host(tmp_path: Path, loaded: LoadedDrivers) -> None:
    """Given two pools at one host and port, both are told."""
    values = {"driver": "solopool", "url": "pool.example", "port": 3333}
    one = FILE.format(**values, coin="DGB")
    two = FILE.format(**values, coin="BCH")
    pools = known(tmp_path, loaded, one=one, two=two)
    matches = await find_pools({}, pools, "pool.example", 3333)
    assert [match_.coin for match_ in matches] == ["DGB", "BCH"]


async def test_a_file_whose_host_is_none(tmp_path: Path, loaded: LoadedDrivers) -> None:
    """Given a file with a host that cannot be, others are found all the same."""
    file = FILE.format(driver="solopool", url="a b", port=3333, coin="DGB")
    (tmp_path / "pools").mkdir()
    (tmp_path / "pools" / "mine.yaml").write_text(file)
    pools = load_known_pools(tmp_path, loaded)
    assert [failed.line for failed in pools.failed] == [3]
    assert len(await find_pools({}, pools, "eu1.solopool.org", 8004)) == 1


# Drivers


async def test_a_driver_knows_the_host() -> None:
    """Given a host that two drivers know by name, both are told; nobody is asked."""
    one = Pretend("one", "umbrel.local", "btc")
    two = Pretend("two", "umbrel.local")
    three = Pretend("three", "pool.example", "BTC", [FoundPool(coin="BTC")])
    matches = await find_pools(
        pretend(one, two, three), KnownPools(), "umbrel.local", 3333
    )
    assert summary(matches) == [
        ("one", "BTC", "umbrel.local", 3333),
        ("two", None, "umbrel.local", 3333),
    ]
    assert not one.probed + two.probed + three.probed


async def test_a_driver_that_looks_at_the_port_alone() -> None:
    """Given a driver that says yes to any host, it does not count."""
    guessing = Pretend("guessing", "*", "DGB")
    assert await find_pools(pretend(guessing), KnownPools(), "a.example", 3335) == []


async def test_settings_of_a_file_for_another_port(
    tmp_path: Path, loaded: LoadedDrivers
) -> None:
    """Given another port of a host in a file, its settings are taken over."""
    file = FILE.format(driver="solopool", url="pool.example", port=3333, coin="DGB")
    pools = known(tmp_path, loaded, mine=file)
    driver = Pretend("solopool", "pool.example", "DGB")
    (match,) = await find_pools(pretend(driver), pools, "pool.example", 4444)
    assert match.port == 4444
    assert match.listed is pools.pools["mine"]
    assert match.settings == {"api_base": "http://127.0.0.1/api"}


# Hosts at home


async def test_a_host_at_home_is_asked(tmp_path: Path, loaded: LoadedDrivers) -> None:
    """Given drivers that find pools, all are told, with what the list knows."""
    stack = Pretend("dgb_stack", result=[FoundPool(coin="dgb", settings={"a": 1})])
    other = Pretend("other", result=[FoundPool(coin="BTC"), FoundPool(coin="BCH")])
    broken = Pretend("broken", result=RuntimeError("no"))
    drivers = pretend(stack, other, broken)
    pools = known(tmp_path, loaded)

    matches = await find_pools(drivers, pools, "192.168.1.60", None)
    assert summary(matches) == [
        # The usual port of the stack is known
        ("dgb_stack", "DGB", "192.168.1.60", 3335),
        ("other", "BTC", "192.168.1.60", 0),
        ("other", "BCH", "192.168.1.60", 0),
    ]
    assert matches[0].settings == {"a": 1}
    assert matches[0].listed is pools.pools["dgb-stack-local"]
    assert matches[1].listed is None
    assert stack.probed == [("192.168.1.60", 0)]

    matches = await find_pools(drivers, pools, "192.168.1.60", 9999)
    assert summary(matches)[0] == ("dgb_stack", "DGB", "192.168.1.60", 9999)


async def test_two_kinds_of_servers_of_a_driver(
    tmp_path: Path, loaded: LoadedDrivers
) -> None:
    """Given a driver with two servers in the list, the port tells which it is."""
    driver = Pretend("mmfp", result=[FoundPool(coin="BTC")])
    pools = known(tmp_path, loaded)
    (match,) = await find_pools(pretend(driver), pools, "192.168.1.60", None)
    assert (match.listed, match.port) == (None, 0)

    template = pools.pools["mmfp-gss-btc"].template
    (match,) = await find_pools(pretend(driver), pools, "192.168.1.60", template.port)
    assert match.listed is pools.pools["mmfp-gss-btc"]

    # A driver that knows it need not go by the port
    engine = pools.pools["mmfp-gse-btc"]
    found = [FoundPool(coin="BTC", template_id="mmfp-gse-btc")]
    drivers = pretend(Pretend("mmfp", result=found))
    for port in (None, template.port):
        (match,) = await find_pools(drivers, pools, "192.168.1.60", port)
        assert match.listed is engine
        assert match.port == (port or engine.template.port)


@pytest.mark.parametrize("host", ["1.1.1.1", "pool.example"])
async def test_nobody_else_is_asked(host: str) -> None:
    """Given a host on the internet, no driver asks it."""
    driver = Pretend("curious", result=[FoundPool(coin="BTC")])
    assert await find_pools(pretend(driver), KnownPools(), host, 3333) == []
    assert driver.probed == []


async def test_many_hosts_are_asked_in_turn() -> None:
    """All drivers at many hosts at once would be thousands of connections."""
    now = most = 0

    class Slow(Pretend):
        async def probe(self, url: str, port: int) -> list[FoundPool]:
            nonlocal now, most
            now += 1
            most = max(most, now)
            await asyncio.sleep(0.01)
            now -= 1
            return [FoundPool(coin="BTC")]

    hosts = [f"192.168.1.{number}" for number in range(1, 41)]
    servers = [Address(host, 3333) for host in hosts]
    found = await find_pools_of_each(pretend(Slow("slow")), KnownPools(), servers)
    assert [matches[0].url for matches in found] == hosts
    assert 1 < most <= 8


# Stratum ports


class Port:
    """A port that notes what it is sent first, and says nothing."""

    def __init__(self) -> None:
        """Begin with nothing sent."""
        self.sent: list[bytes] = []

    async def accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Note what comes."""
        if data := await reader.read(100):
            self.sent.append(data)
        writer.close()


@pytest.fixture
async def ports() -> AsyncIterator[tuple[Port, int, Port, int]]:
    """Return a port that was typed and another one of the same host."""
    made = []
    async with AsyncExitStack() as stack:
        for _ in range(2):
            port = Port()
            server = await asyncio.start_server(port.accept, "127.0.0.1", 0)
            await stack.enter_async_context(server)
            made += [port, server.sockets[0].getsockname()[1]]
        yield made[0], made[1], made[2], made[3]


def asking_at(
    drivers: dict[str, BasePoolIntegration], monkeypatch: pytest.MonkeyPatch, port: int
) -> None:
    """Let every bundled driver look for its pages at one port."""
    monkeypatch.setattr(CkpoolDriver, "probe_ports", (port,))
    monkeypatch.setattr(PublicPoolDriver, "probe_ports", (port,))
    monkeypatch.setattr(MmfpDriver, "gss_port", port)
    monkeypatch.setattr(MmfpDriver, "gse_port", port)
    for coin, usual in STACKS.items():
        monkeypatch.setitem(STACKS, coin, StackPorts(usual.stratum, port))


async def test_nothing_is_sent_to_the_port_that_was_typed(
    drivers: dict[str, BasePoolIntegration],
    monkeypatch: pytest.MonkeyPatch,
    ports: tuple[Port, int, Port, int],
) -> None:
    """Neither HTTP nor TLS, whatever a driver looks for there."""
    stratum, typed, page, other = ports
    asking_at(drivers, monkeypatch, typed)
    nothing = KnownPools()
    assert await find_pools(drivers, nothing, "127.0.0.1", typed) == []
    assert stratum.sent == []
    # Elsewhere they do ask
    asking_at(drivers, monkeypatch, other)
    await find_pools(drivers, nothing, "127.0.0.1", typed)
    assert stratum.sent == []
    assert any(data.startswith(b"GET ") for data in page.sent)


async def test_other_stratum_ports_are_asked_last(
    tmp_path: Path,
    loaded: LoadedDrivers,
    drivers: dict[str, BasePoolIntegration],
    monkeypatch: pytest.MonkeyPatch,
    ports: tuple[Port, int, Port, int],
) -> None:
    """A usual stratum port is left alone where another pool was found."""
    stratum, usual, _, _ = ports
    asking_at(drivers, monkeypatch, usual)
    bundled = known(tmp_path, loaded).pools["mmfp-gss-btc"]
    template = replace(bundled.template, port=usual)
    pools = KnownPools(pools={"own": replace(bundled, template=template)})
    result = Pretend("gss", result=[FoundPool(coin="BCH")])
    matches = await find_pools({**drivers, "gss": result}, pools, "127.0.0.1", None)
    assert summary(matches) == [("gss", "BCH", "127.0.0.1", 0)]
    assert stratum.sent == []
    # Else it may be the page of a pool
    assert await find_pools(drivers, pools, "127.0.0.1", None) == []
    assert stratum.sent
