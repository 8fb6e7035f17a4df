"""The bundled drivers keep the contract: the suite that authors run as well."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
import pytest_socket

from custom_components.hmm.bundled.miner_drivers.avalon_nano_driver import (
    AvalonNanoDriver,
)
from custom_components.hmm.bundled.pool_drivers.braiins_driver import BraiinsDriver
from custom_components.hmm.bundled.shared.axeos import AxeDriver
from custom_components.hmm.driver_api import BasePoolIntegration
from custom_components.hmm.driver_api.transports.cgminer import CgminerClient
from driver_tool import miner_checks, pool_checks
from driver_tool.conformance import Outcome, Result
from driver_tool.files import load_bundled
from driver_tool.miner_checks import LIVE_MINER_CHECKS, MINER_CHECKS
from driver_tool.pool_checks import POOL_CHECKS
from driver_tool.suite import try_miner, try_pool
from driver_tool.targets import Target, open_target
from simulator import SimulatedNMMiner, SimulatedStack
from simulator.braiins import DEMO_KEY, SimulatedBraiins
from simulator.solopool import DEMO_WALLET

API = "http://{address}"

MINERS = (
    ("bitaxe", "bitaxe-gamma@2.15"),
    ("bitaxe", "bitaxe-ultra@2.4"),
    ("bitaxe", "bitaxe-supra@2.9"),
    ("nerdqaxe", "nerdqaxe++@1.0.36"),
    ("nerdqaxe", "nerdqaxe++@1.0.30"),
    ("avalon_nano", "avalon-nano3"),
    ("avalon_nano", "avalon-nano3s"),
    ("avalon_nano", "avalon-q"),
    ("nmaxe", "nmaxe"),
    ("nmminer", "nmminer@v0.3.01"),
    ("nmminer", "nmminer-http@v2.0.04"),
)


@dataclass(frozen=True)
class Pool:
    """A pool and where its driver finds it; ``username`` "" is one of its own."""

    driver: str
    model: str
    coin: str = "BTC"
    username: str | None = ""
    settings: dict[str, Any] = field(default_factory=dict)


POOLS = (
    Pool("solopool", "solopool-dgb@v2", "DGB", DEMO_WALLET, {"api_base": f"{API}/api"}),
    Pool("solopool", "solopool-dgb@v1", "DGB", DEMO_WALLET, {"api_base": f"{API}/api"}),
    Pool("ocean", "ocean", settings={"api_base": f"{API}/v1"}),
    Pool("public_pool", "public-pool", settings={"api_base": f"{API}/api"}),
    Pool(
        "braiins",
        "braiins",
        username=None,
        settings={"api_base": API, "api_token": DEMO_KEY},
    ),
    Pool("braiins_solo", "ckpool-braiins", settings={"api_base": API}),
    Pool("ckpool", "ckpool-lan", settings={"api_base": API}),
    Pool("ckpool", "ckpool-public", settings={"api_base": API}),
    Pool("nerdminers", "ckpool-nerdminers", settings={"api_base": API}),
    Pool("mmfp", "mmfp-gss", "DGB", DEMO_WALLET, {"api_base": API}),
    Pool("mmfp", "mmfp-gse", "DGB", DEMO_WALLET, {"api_base": API}),
    Pool("dgb_stack", "stack-dgb", "DGB", None, {"manager_port": "{port}"}),
    Pool("bch_stack", "stack-bch", "BCH", None, {"manager_port": "{port}"}),
    Pool("btc_stack", "stack-btc", "BTC", None, {"manager_port": "{port}"}),
)

BROADCASTS = "nmminer@v0.3.01"
OWN_SERVERS = ("stack-dgb", "stack-bch", "stack-btc")
NEEDS_A_DEVICE_TO_PLAY = (
    "silent-device",
    "equal-answers",
    "nothing-invented",
    "one-request",
    "unknown-mode",
    "odd-answers",
    "gone",
    "cancel",
    "close",
)

# What some devices do not have
NOT_APPLICABLE: dict[str, tuple[str, ...]] = {
    "pause": (
        "bitaxe-ultra@2.4",
        "bitaxe-supra@2.9",
        "nerdqaxe++@1.0.30",
        "avalon-nano3",
        "avalon-nano3s",
        BROADCASTS,
        "nmminer-http@v2.0.04",
    ),
    "set-mode": ("nmaxe", BROADCASTS, "nmminer-http@v2.0.04"),
    "unknown-account": ("braiins", *OWN_SERVERS),
    "shared": ("braiins", *OWN_SERVERS),
    "secrets": (BROADCASTS, *OWN_SERVERS),
    **dict.fromkeys(NEEDS_A_DEVICE_TO_PLAY, (BROADCASTS,)),
}


@pytest.fixture(scope="module")
def results() -> Iterator[dict[tuple[str, str], Result]]:
    """Run all checks of all drivers side by side: nearly all that they do is wait."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AxeDriver, "read_back_interval", 0.02)
        patch.setattr(AvalonNanoDriver, "settle_interval", 0.02)
        patch.setattr(AvalonNanoDriver, "standby_lead", 1)
        patch.setattr(CgminerClient, "gap", 0.0)
        patch.setattr(BraiinsDriver, "gap_seconds", 0.0)
        _halve_time_limits(patch)
        pytest_socket.enable_socket()
        yield asyncio.run(_run_all())


def _halve_time_limits(patch: pytest.MonkeyPatch) -> None:
    """Let drivers wait half as long, and allow them half as long to give up."""
    real = aiohttp.ClientTimeout

    def half(**seconds: Any) -> aiohttp.ClientTimeout:
        return real(**{key: value and value / 2 for key, value in seconds.items()})

    patch.setattr(aiohttp, "ClientTimeout", half)
    patch.setattr(CgminerClient, "answer_timeout", CgminerClient.answer_timeout / 2)
    for module, name in (
        (miner_checks, "CONNECT_SECONDS"),
        (pool_checks, "FETCH_SECONDS"),
    ):
        patch.setattr(module, name, getattr(module, name) / 2)


async def _run_all() -> dict[tuple[str, str], Result]:
    drivers = load_bundled()
    found: dict[tuple[str, str], Result] = {}
    # Each answers in time limits of its own: too many at once are too slow
    places = asyncio.Semaphore(6)

    async def miner(driver: str, model: str) -> None:
        async with places, open_target(f"simulator:{model}") as target:
            assert target.simulated is not None
            target.simulated.reboot_seconds = 0.2
            target.simulated.restart_delay = 0.05
            if isinstance(target.simulated, SimulatedNMMiner):
                target.simulated.interval = 0.2
            kind = drivers.miners[driver].driver_class
            for result in await try_miner(kind, target, {}, may_write=True):
                found[model, result.check] = result

    async def pool(case: Pool) -> None:
        async with places, open_target(f"simulator:{case.model}") as target:
            kind = drivers.pools[case.driver].driver_class
            for result in await _try_pool(kind, case, target):
                found[case.model, result.check] = result

    await asyncio.gather(*(miner(*case) for case in MINERS), *map(pool, POOLS))
    return found


async def _try_pool(
    kind: type[BasePoolIntegration], case: Pool, target: Target
) -> list[Result]:
    username, port = case.username, None
    if username == "":
        username = next(iter(getattr(target.simulated, "wallets")))  # noqa: B009
    match target.simulated:
        case SimulatedStack(stratum=stratum):
            port = stratum.port
        case SimulatedBraiins() as braiins:
            braiins.gap_seconds = 0.0
    account = {
        "coin": case.coin,
        "username": username,
        "port": port,
        "settings": case.settings,
    }
    return await try_pool(kind, target, account)


@pytest.mark.parametrize(
    "check", [item.id for item in (*MINER_CHECKS, *LIVE_MINER_CHECKS)]
)
@pytest.mark.parametrize("model", [model for _, model in MINERS])
def test_a_miner_driver_keeps_the_contract(
    results: dict[tuple[str, str], Result], model: str, check: str
) -> None:
    """Given a bundled driver and a device of its kind, it passes every check."""
    _judge(results[model, check], model)


@pytest.mark.parametrize("check", [item.id for item in POOL_CHECKS])
@pytest.mark.parametrize("model", [pool.model for pool in POOLS])
def test_a_pool_driver_keeps_the_contract(
    results: dict[tuple[str, str], Result], model: str, check: str
) -> None:
    """Given a bundled driver and a pool of its kind, it passes every check."""
    _judge(results[model, check], model)


def _judge(result: Result, model: str) -> None:
    expected = Outcome.PASSED
    if model in NOT_APPLICABLE.get(result.check, ()):
        expected = Outcome.NOT_APPLICABLE
    assert result.outcome is expected, result.detail


def test_every_bundled_driver_is_tested() -> None:
    """Given the bundled drivers, none is left out."""
    everything = load_bundled()
    tested = {driver for driver, _ in MINERS} | {pool.driver for pool in POOLS}
    assert tested == {*everything.miners, *everything.pools}
