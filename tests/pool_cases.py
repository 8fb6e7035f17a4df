"""Each kind of pool: its simulator, its driver, and how the driver finds it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from custom_components.hmm.bundled.pool_drivers.bch_stack_driver import BchStackDriver
from custom_components.hmm.bundled.pool_drivers.braiins_driver import BraiinsDriver
from custom_components.hmm.bundled.pool_drivers.braiins_solo_driver import (
    BraiinsSoloDriver,
)
from custom_components.hmm.bundled.pool_drivers.btc_stack_driver import BtcStackDriver
from custom_components.hmm.bundled.pool_drivers.ckpool_driver import CkpoolDriver
from custom_components.hmm.bundled.pool_drivers.dgb_stack_driver import DgbStackDriver
from custom_components.hmm.bundled.pool_drivers.mmfp_driver import MmfpDriver
from custom_components.hmm.bundled.pool_drivers.nerdminers_driver import (
    NerdminersDriver,
)
from custom_components.hmm.bundled.pool_drivers.ocean_driver import OceanDriver
from custom_components.hmm.bundled.pool_drivers.public_pool_driver import (
    PublicPoolDriver,
)
from custom_components.hmm.bundled.pool_drivers.solopool_driver import SolopoolDriver
from custom_components.hmm.bundled.shared.ckpool_server import FilesDriver
from custom_components.hmm.driver_api import BasePoolIntegration
from custom_components.hmm.driver_engine.pool_client import PoolAccount
from simulator import stack
from simulator.accounts import Worker
from simulator.braiins import SimulatedBraiins
from simulator.ckpool import SimulatedCkpool
from simulator.httpd import HttpDevice
from simulator.mmfp import SimulatedGoSlimStratum, SimulatedGoStratumEngine
from simulator.ocean import SimulatedOcean
from simulator.public_pool import SimulatedPublicPool
from simulator.solopool import SimulatedSolopool

BTC_WALLET = "bc1qfpx56gr90psk6urvv5sjzgfpyysjzgfpxfltym"
DGB_WALLET = "dgb1qfpx56gryv4kk7grhv9kxcet59ssxumeq9pvxv4"
RATES = {"garage": 1.2e12, "attic": 4.8e12}


@dataclass(kw_only=True)
class Kind:
    """One kind of pool, and how its driver is told of a place."""

    pool: HttpDevice
    driver: type[BasePoolIntegration]
    coin: str
    workers: list[Worker]
    settings: Callable[[int], dict[str, Any]] = lambda port: {
        "api_base": f"http://127.0.0.1:{port}"
    }
    host: str = "127.0.0.1"
    wallet: str = ""
    key: str = ""
    """The setting that holds the key, of a pool that wants one."""

    def account(self, port: int, **changes: Any) -> PoolAccount:
        """Return the account, as it is at this port."""
        return replace(
            PoolAccount(
                url=self.host,
                port=getattr(getattr(self.pool, "stratum", None), "port", 3333),
                coin=self.coin,
                username=f"{self.wallet}.garage" if self.wallet else "",
                settings=self.settings(port),
            ),
            **changes,
        )

    def share(self) -> None:
        """Let each worker have sent a share just now."""
        for worker in self.workers:
            worker.share()


def solopool(generation: Any) -> Kind:
    """Solopool.org, with a block."""
    pool = SimulatedSolopool(
        generation=generation, wallets={DGB_WALLET: RATES}, speed=0
    )
    pool.find_block()
    return Kind(
        pool=pool,
        driver=SolopoolDriver,
        coin="DGB",
        wallet=DGB_WALLET,
        workers=list(pool.wallets[DGB_WALLET].workers.values()),
        settings=lambda port: {"api_base": f"http://127.0.0.1:{port}/api"},
    )


def braiins() -> Kind:
    """Braiins Pool."""
    pool = SimulatedBraiins(accounts={"example": RATES}, speed=0, gap_seconds=0)
    token = next(iter(pool.tokens))
    return Kind(
        pool=pool,
        driver=BraiinsDriver,
        coin="BTC",
        workers=list(pool.accounts["example"].workers.values()),
        settings=lambda port: {
            "api_base": f"http://127.0.0.1:{port}",
            "api_token": token,
        },
        key="api_token",
    )


def ckpool(
    flavour: Any,
    driver: type[FilesDriver],
    host: str = "127.0.0.1",
    rates: Mapping[str, float] = RATES,
) -> Kind:
    """All who show the files of ckpool."""
    pool = SimulatedCkpool(flavour=flavour, wallets={BTC_WALLET: rates}, speed=0)
    pool.update_seconds = 0
    pool.find_block()
    return Kind(
        pool=pool,
        driver=driver,
        coin="BTC",
        wallet=BTC_WALLET,
        workers=list(pool.wallets[BTC_WALLET].workers.values()),
        host=host,
    )


def mmfp(
    server: type[SimulatedGoSlimStratum | SimulatedGoStratumEngine], wallet: str
) -> Kind:
    """Return a server of MMFP Solutions."""
    pool = server(accounts={"dgb": {DGB_WALLET: RATES}}, speed=0)
    pool.find_block()
    settings: dict[str, Any] = {}
    if isinstance(pool, SimulatedGoSlimStratum):
        pool.api_key = settings["api_key"] = "not-a-real-key"
    return Kind(
        pool=pool,
        driver=MmfpDriver,
        coin="DGB",
        wallet=wallet,
        workers=list(pool.pools["dgb"].workers.values()),
        settings=lambda port: {"api_base": f"http://127.0.0.1:{port}", **settings},
        key="api_key" if settings else "",
    )


def stack_of(coin: str, driver: type[BasePoolIntegration]) -> Kind:
    """One of HMM's own stacks."""
    pool = stack.SimulatedStack(coin=coin.lower(), workers=RATES, speed=0)
    pool.find_block()
    return Kind(
        pool=pool,
        driver=driver,
        coin=coin,
        workers=list(pool.workers.values()),
        settings=lambda port: {"manager_port": port},
    )


def public_pool(generation: Any) -> Kind:
    """public-pool, of either year."""
    pool = SimulatedPublicPool(
        generation=generation, wallets={BTC_WALLET: RATES}, speed=0
    )
    pool.find_block()
    return Kind(
        pool=pool,
        driver=PublicPoolDriver,
        coin="BTC",
        wallet=BTC_WALLET,
        workers=[session.worker for session in pool.wallets[BTC_WALLET].sessions],
        settings=lambda port: {"api_base": f"http://127.0.0.1:{port}/api"},
    )


def ocean() -> Kind:
    """OCEAN."""
    pool = SimulatedOcean(wallets={BTC_WALLET: RATES}, speed=0)
    return Kind(
        pool=pool,
        driver=OceanDriver,
        coin="BTC",
        wallet=BTC_WALLET,
        workers=list(pool.wallets[BTC_WALLET].workers.values()),
        settings=lambda port: {"api_base": f"http://127.0.0.1:{port}/v1"},
    )


KINDS: Mapping[str, Callable[[], Kind]] = {
    "solopool v2": lambda: solopool(2),
    "solopool v1": lambda: solopool(1),
    "braiins": braiins,
    "braiins solo": lambda: ckpool("braiins", BraiinsSoloDriver),
    "braiins solo, numbers": lambda: ckpool("braiins-numeric", BraiinsSoloDriver),
    "ckpool of one's own": lambda: ckpool("lan", CkpoolDriver),
    "public ckpool": lambda: ckpool("public", CkpoolDriver, "eusolo.ckpool.org"),
    "nerdminers": lambda: ckpool(
        # The smallest miners of all
        "nerdminers",
        NerdminersDriver,
        rates={"garage": 78_310.0, "attic": 352_000.0},
    ),
    "mmfp gss": lambda: mmfp(SimulatedGoSlimStratum, ""),
    "mmfp gss, one address": lambda: mmfp(SimulatedGoSlimStratum, DGB_WALLET),
    "mmfp gse": lambda: mmfp(SimulatedGoStratumEngine, ""),
    "mmfp gse, one address": lambda: mmfp(SimulatedGoStratumEngine, DGB_WALLET),
    "dgb stack": lambda: stack_of("DGB", DgbStackDriver),
    "bch stack": lambda: stack_of("BCH", BchStackDriver),
    "btc stack": lambda: stack_of("BTC", BtcStackDriver),
    "public-pool 2025": lambda: public_pool(2025),
    "public-pool 2026": lambda: public_pool(2026),
    "ocean": ocean,
}
