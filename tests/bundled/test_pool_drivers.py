"""What every pool driver tells of itself: its hosts, its files, its settings."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from custom_components.hmm import bundled
from custom_components.hmm.driver_api import BasePoolIntegration, MiningModel
from driver_tool.files import load_bundled
from simulator.ckpool import COINS
from tests.pool_cases import BTC_WALLET, DGB_WALLET

FILES: dict[str, dict[str, Any]] = {
    file.stem: yaml.safe_load(file.read_text(encoding="utf-8"))
    for file in sorted((Path(bundled.__path__[0]) / "pools").glob("*.yaml"))
}
PROBING = ("ckpool", "mmfp", "public_pool")
HOSTED = ("braiins", "braiins_solo", "nerdminers", "ocean", "solopool")
PAYING = ("braiins", "ocean")


@pytest.fixture(scope="module")
def drivers() -> dict[str, BasePoolIntegration]:
    """Return one of each, without a session: whoever asks somebody fails."""
    return {name: it.driver_class() for name, it in load_bundled().pools.items()}


# Which pool is at a host


@pytest.mark.parametrize(
    ("url", "driver", "coin"),
    [
        ("mine.ocean.xyz", "ocean", "BTC"),
        ("stratum+tcp://Mine.Ocean.xyz:3334/x", "ocean", "BTC"),
        ("ordis.mine.ocean.xyz.", "ocean", "BTC"),
        ("ocean.xyz", "ocean", "BTC"),
        ("notocean.xyz", None, None),
        ("mine.ocean.xyz.evil.example", None, None),
        ("public-pool.io", "public_pool", "BTC"),
        ("stratum+tcp://Public-Pool.io:21496", "public_pool", "BTC"),
        ("eu.public-pool.io", "public_pool", "BTC"),
        ("blitzpool.yourdevice.ch", "public_pool", "BTC"),
        ("pool.solomining.de", "public_pool", "BTC"),
        ("pool.nerdminer.de.", "public_pool", "BTC"),
        ("public-pool.io.evil.example", None, None),
        ("notpublic-pool.io", None, None),
        ("nerdminer.de", None, None),
        ("pool.nerdminers.org", "nerdminers", "BTC"),
        ("stratum+tcp://POOL.NERDMINERS.ORG:3333", "nerdminers", "BTC"),
        ("pool.nerdminers.org.", "nerdminers", "BTC"),
        ("nerdminers.org", None, None),
        ("x.pool.nerdminers.org", None, None),
        ("pool.nerdminers.org.evil.example", None, None),
        ("solo.ckpool.org", "ckpool", "BTC"),
        ("stratum+tcp://EUSOLO.ckpool.org:3333", "ckpool", "BTC"),
        ("ausolo4.ckpool.org.", "ckpool", "BTC"),
        ("solo6.ckpool.org", "ckpool", "BTC"),
        ("stratum.ckpool.org", "ckpool", "BTC"),
        ("ckpool.org", None, None),
        ("solo5.ckpool.org", None, None),
        ("stats.ckpool.org", None, None),
        ("solo.ckpool.org.evil.example", None, None),
        ("evil-solo.ckpool.org", None, None),
        ("eusolo.ckpoolxorg", None, None),
        ("solo.stratum.braiins.com", "braiins_solo", "BTC"),
        ("stratum+tcp://SOLO.stratum.braiins.com:3333", "braiins_solo", "BTC"),
        ("x.solo.stratum.braiins.com", None, None),
        ("solo.stratum.braiins.com.evil.example", None, None),
        ("solo.braiins.com", None, None),
        ("stratum.braiins.com", "braiins", "BTC"),
        ("EU.stratum.braiins.com", "braiins", "BTC"),
        ("us-east.stratum.braiins.com", "braiins", "BTC"),
        ("stratum+tcp://eu.stratum.braiins.com:3333", "braiins", "BTC"),
        ("stratum2+tcp://v2.stratum.braiins.com/key", "braiins", "BTC"),
        ("stratum.braiins.com.", "braiins", "BTC"),
        ("braiins.com", "braiins", "BTC"),
        ("notbraiins.com", None, None),
        ("stratum.braiins.com.evil.example", None, None),
        ("evil.example/braiins.com", None, None),
        ("braiins.org", None, None),
        # A server of one's own has no name that tells it
        ("192.168.1.5", None, None),
        ("gss.local", None, None),
        ("www.mmfpsolutions.io", None, None),
        ("http://[", None, None),
        ("", None, None),
    ],
)
async def test_detect(
    drivers: dict[str, BasePoolIntegration],
    url: str,
    driver: str | None,
    coin: str | None,
) -> None:
    """Whole hosts or domains at any port, each of one driver; nothing is asked."""
    for port in (443, 3333, 8006):
        assert await takers(drivers, url, port) == ([driver] if driver else [])
        if driver is not None:
            assert drivers[driver].coin_at(url, port) == coin
            if driver not in PROBING:
                assert await drivers[driver].probe(url, port) == []
        for quiet in ("ckpool", "mmfp", "solopool"):
            if quiet != driver:
                assert drivers[quiet].coin_at(url, port) is None


@pytest.mark.parametrize(
    ("url", "port", "coin"),
    [
        ("eu1.solopool.org", 8004, "DGB"),
        ("stratum+tcp://US1.solopool.org:8004", 8004, "DGB"),
        ("eu1.solopool.org", 7004, "DGB"),
        ("eu1.solopool.org", 9004, "DGB"),
        ("eu2.solopool.org", 8002, "BCH"),
        ("eu3.solopool.org", 8002, None),  # FB
        ("eu1.solopool.org.evil.example", 8004, None),
        ("eu1.solopool.org", 3333, None),
    ],
)
async def test_detect_by_host_and_port(
    drivers: dict[str, BasePoolIntegration], url: str, port: int, coin: str | None
) -> None:
    """Solopool has a host for several coins; nothing is asked."""
    assert await takers(drivers, url, port) == (["solopool"] if coin else [])
    assert drivers["solopool"].coin_at(url, port) == coin


async def takers(
    drivers: dict[str, BasePoolIntegration], url: str, port: int
) -> list[str]:
    """Return whose pool it is."""
    return [name for name, it in drivers.items() if await it.detect(url, port)]


# Pool files


def test_which_files_there_are() -> None:
    """What users choose from."""
    assert list(FILES) == [
        "braiins-btc-eu",
        "braiins-btc-global",
        "braiins-solo-btc-global",
        "ckpool-btc-au",
        "ckpool-btc-eu",
        "ckpool-btc-global",
        "ckpool-btc-us",
        "nerdminers-btc-global",
        "ocean-btc-global",
        "public-pool-btc-blitzpool",
        "public-pool-btc-global",
        "public-pool-btc-solomining",
        "solopool-bc2-eu3",
        "solopool-bch-eu2",
        "solopool-bch-us1",
        "solopool-btc-eu3",
        "solopool-dgb-eu1",
        "solopool-dgb-us1",
    ]


@pytest.mark.parametrize("stem", FILES)
async def test_pool_files(drivers: dict[str, BasePoolIntegration], stem: str) -> None:
    """Every file names a driver that knows its host, and what the pool can do."""
    pool = FILES[stem]
    name, driver = pool["driver"], drivers[pool["driver"]]
    start, coin, region = stem.rsplit("-", 2)
    assert start == name.replace("_", "-")
    assert pool["coin"] == coin.upper()
    if name != "public_pool":  # Its files are of different owners
        assert pool["region"] == region.upper()
    assert await driver.detect(pool["url"], pool["port"])
    assert driver.coin_at(pool["url"], pool["port"]) == pool["coin"]
    is_paying = name in PAYING
    assert pool["mining_model"] == ("pool" if is_paying else "solo")
    assert pool["supports_balance"] is pool["supports_earnings"] is is_paying
    assert pool["requires_auth"] is (name == "braiins")
    counts = name == "solopool" or stem == "public-pool-btc-global"
    assert pool["supports_shares"] is counts
    # How often a public pool may be asked
    seconds = 120 if name == "braiins" else 60
    assert driver.get_poll_seconds(pool["url"], stratum_port=pool["port"]) == seconds


def test_templates_are_of_servers_of_ones_own(
    drivers: dict[str, BasePoolIntegration],
) -> None:
    """Their host is left to the user; what is hosted has files."""
    for name, driver in drivers.items():
        templates = driver.get_pool_templates()
        assert bool(templates) is (name not in HOSTED)
        assert len({template.template_id for template in templates}) == len(templates)
        for template in templates:
            assert (template.url, template.region) == ("", "LOCAL")
            assert template.mining_model is MiningModel.SOLO
            assert template.coin in driver.supports_coins
            assert template.supports_shares is (name in ("mmfp", "public_pool"))
    (own,) = drivers["public_pool"].get_pool_templates()
    assert (own.coin, own.port) == ("BTC", 3333)
    assert [template.coin for template in drivers["ckpool"].get_pool_templates()] == [
        "BTC",
        "BCH",
        "DGB",
        "BC2",
    ]


# What the user tells


@pytest.mark.parametrize(
    ("name", "properties", "required"),
    [
        ("bch_stack", {"manager_port": 8084}, []),
        ("braiins", {"api_token": None}, ["api_token"]),
        ("braiins_solo", {"username": None}, ["username"]),
        ("btc_stack", {"manager_port": 8083}, []),
        (
            "ckpool",
            {"username": None, "api_port": 3001, "api_base": None},
            ["username"],
        ),
        ("dgb_stack", {"manager_port": 8085}, []),
        (
            "mmfp",
            {"username": None, "api_port": 4004, "api_key": None, "pool_key": None},
            [],
        ),
        ("nerdminers", {"username": None}, ["username"]),
        ("ocean", {"username": None}, ["username"]),
        (
            "public_pool",
            {"username": None, "api_base": None, "verify_ssl": True},
            ["username"],
        ),
        ("solopool", {"username": None}, ["username"]),
    ],
)
def test_config_schema(
    drivers: dict[str, BasePoolIntegration],
    name: str,
    properties: dict[str, Any],
    required: list[str],
) -> None:
    """What is needed, what it is without a word, and how it is shown."""
    schema = drivers[name].get_config_schema()
    fields = schema["properties"]
    assert {key: it.get("default") for key, it in fields.items()} == properties
    assert schema["required"] == required
    formats = {"username": "wallet", "api_token": "password", "api_key": "password"}
    for key, it in fields.items():
        assert it["title"]
        assert it.get("description") or (name, key) == ("solopool", "username")
        assert it.get("format") == formats.get(key)
        assert (it["type"] == "integer") is key.endswith("_port")


DGB = {"coin": "DGB", "username": DGB_WALLET}
PORTS = [(8085, True), ("8085", True), (None, True)]
PORTS += [(item, False) for item in (0, 70_000, 80.5, "x", True)]


@pytest.mark.parametrize(
    ("name", "config", "valid"),
    [
        *(
            (name, config, valid)
            for name in ("braiins_solo", "nerdminers", "ocean", "public_pool")
            for config, valid in (
                ({"username": f"{BTC_WALLET}.rig"}, True),
                ({"username": BTC_WALLET, "coin": "BTC"}, True),
                ({"username": f"{BTC_WALLET[:-1]}.rig"}, False),
                ({"username": DGB_WALLET, "coin": "BTC"}, False),
                ({"username": None}, False),
                ({"username": ""}, False),
                ({}, False),
            )
        ),
        *(("dgb_stack", {"manager_port": port}, valid) for port, valid in PORTS),
        *(("mmfp", {"api_port": port}, valid) for port, valid in PORTS),
        *(("ckpool", {**DGB, "api_port": port}, valid) for port, valid in PORTS),
        ("dgb_stack", {}, True),
        ("mmfp", {}, True),
        ("mmfp", {"coin": "DGB", "username": ""}, True),
        ("mmfp", {**DGB, "api_key": ""}, True),
        ("mmfp", {**DGB, "username": BTC_WALLET}, False),
        ("ckpool", {}, False),
        ("ckpool", {"coin": "BTC"}, False),
        ("ckpool", {**DGB, "username": ""}, False),
        ("ckpool", {"username": BTC_WALLET}, True),
        ("ckpool", DGB, True),
        ("ckpool", {**DGB, "username": f"{DGB_WALLET}_rig.1"}, True),
        ("ckpool", {**DGB, "coin": "BTC"}, False),
        ("ckpool", {"wallet": COINS["bch"].wallet, "coin": "BCH"}, True),
        ("ckpool", {**DGB, "api_base": "a.lan"}, True),
        ("ckpool", {**DGB, "api_base": "ftp://x"}, False),
        ("public_pool", {"username": BTC_WALLET, "api_base": "a:2019"}, True),
        ("public_pool", {"username": BTC_WALLET, "api_base": "ftp://a"}, False),
        ("solopool", DGB, True),
        ("solopool", {**DGB, "coin": "BTC"}, False),
        ("solopool", {}, False),
        ("braiins", {"api_token": "x"}, True),
        ("braiins", {"api_key": "x"}, True),
        ("braiins", {}, False),
    ],
)
def test_validate_config(
    drivers: dict[str, BasePoolIntegration],
    name: str,
    config: dict[str, Any],
    valid: bool,
) -> None:
    """An address is one of the coin, a port a port, a base an address."""
    assert drivers[name].validate_config(config) is valid
