"""One simulated pool of each kind, and the pool files that lead to them."""

from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from simulator.braiins import SimulatedBraiins
from simulator.ckpool import SimulatedCkpool
from simulator.device import SimulatedDevice
from simulator.httpd import HttpDevice
from simulator.mmfp import SimulatedGoSlimStratum
from simulator.ocean import SimulatedOcean
from simulator.public_pool import SimulatedPublicPool
from simulator.solopool import SimulatedSolopool
from simulator.stack import SimulatedStack
from simulator.stratum import SimulatedStratum

AGE = 400_000.0
"""Seconds for which all workers have mined, so that every average is full."""

BCH_WALLET = "qpekjmt4d3shgetyypkkjmn9wgsjzgfpyy42kejd8u"

FILE = """\
driver: {driver}
display_name: "{name}"
url: {stratum.host}
port: {stratum.port}
coin: {coin}
region: {region}
mining_model: {model}
requires_auth: {key}
api_base: http://{api.host}:{api.port}{path}
"""


@dataclass(slots=True, kw_only=True)
class PublicPool:
    """A pool on the internet: its API, the port for miners, and what its file tells."""

    api: HttpDevice
    driver: str
    name: str
    coin: str = "BTC"
    model: str = "solo"
    key: bool = False
    path: str = ""
    region: str = "Simulated"
    stratum: SimulatedStratum = field(default_factory=SimulatedStratum)

    @property
    def address(self) -> str:
        """Return where miners connect to."""
        return f"{self.stratum.host}:{self.stratum.port}"

    def file(self) -> str:
        """Return the pool file; it needs the ports of what has started."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return FILE.format(**{**values, "key": str(self.key).lower()})


class Pools:
    """The simulators; public ones are found by their pool files.

    Attributes: `public` (by the stem of its file) and the servers of one's own,
    whose APIs are not where they usually are.
    """

    def __init__(self) -> None:
        """Make them; nothing listens yet."""
        self.braiins = SimulatedBraiins(age=AGE)
        self.public: dict[str, PublicPool] = {
            "e2e-solopool": PublicPool(
                api=SimulatedSolopool(age=AGE),
                driver="solopool",
                name="Solopool.org DGB",
                coin="DGB",
                path="/api",
            ),
            "e2e-solopool-home": self._solopool_bch("Home", 1e12),
            "e2e-solopool-abroad": self._solopool_bch("Abroad", 5e12),
            "e2e-braiins": PublicPool(
                api=self.braiins,
                driver="braiins",
                name="Braiins Pool BTC",
                model="pool",
                key=True,
            ),
            "e2e-braiins-solo": PublicPool(
                api=SimulatedCkpool(flavour="braiins", age=AGE),
                driver="braiins_solo",
                name="Braiins Solo BTC",
            ),
            "e2e-ckpool": PublicPool(
                api=SimulatedCkpool(flavour="public", age=AGE),
                driver="ckpool",
                name="CKPool Solo BTC",
            ),
            "e2e-nerdminers": PublicPool(
                api=SimulatedCkpool(flavour="nerdminers", age=AGE),
                driver="nerdminers",
                name="NerdMiners.org BTC",
            ),
            "e2e-ocean": PublicPool(
                api=SimulatedOcean(age=AGE),
                driver="ocean",
                name="OCEAN BTC",
                model="pool",
                path="/v1",
            ),
        }
        self.ckpool = SimulatedCkpool(coin="bc2", age=AGE)
        self.public_pool = SimulatedPublicPool(age=AGE)
        self.mmfp = SimulatedGoSlimStratum(
            accounts={"bch": {BCH_WALLET: {"ultra": 0.5e12, "gamma": 1.2e12}}}, age=AGE
        )
        self.stack = SimulatedStack(age=AGE)
        self.stratum = SimulatedStratum()
        self._stack = AsyncExitStack()

    @staticmethod
    def _solopool_bch(region: str, hashrate: float) -> PublicPool:
        wallets = {BCH_WALLET: {"gamma": hashrate}}
        return PublicPool(
            api=SimulatedSolopool(
                name=f"solopool-{region}", coin="bch", wallets=wallets, age=AGE
            ),
            driver="solopool",
            name=f"Solopool.org BCH ({region})",
            coin="BCH",
            path="/api",
            region=region,
        )

    async def __aenter__(self) -> Self:
        """Start all of them on free ports."""
        async with AsyncExitStack() as stack:
            for device in self._devices():
                await stack.enter_async_context(device)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop all of them."""
        await self._stack.aclose()

    def write_files(self, folder: Path) -> None:
        """Put the pool files into the folder for them."""
        folder.mkdir(parents=True, exist_ok=True)
        for stem, pool in self.public.items():
            (folder / f"{stem}.yaml").write_text(pool.file(), encoding="utf-8")

    def wallet(self, stem: str) -> str:
        """Return the wallet that a public pool knows."""
        api = self.public[stem].api
        assert isinstance(api, SimulatedCkpool | SimulatedOcean | SimulatedSolopool)
        return next(iter(api.wallets))

    def _devices(self) -> Iterator[SimulatedDevice]:
        for pool in self.public.values():
            yield pool.api
            yield pool.stratum
        yield from (self.ckpool, self.public_pool, self.mmfp, self.stack, self.stratum)
