"""Several devices together: the demo's, or those of a list of specifications."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
import hashlib
import re
from textwrap import wrap
from typing import Any, Literal, Self, cast

from .accounts import SHARE_DIFFICULTY, Worker
from .avalon import SimulatedAvalon
from .avalon_models import MODELS as AVALON_MODELS
from .avalon_pools import PoolSetting
from .axeos import SimulatedAxeOS
from .axeos_generations import GENERATIONS as AXEOS_GENERATIONS
from .boards import BOARDS
from .braiins import DEMO_KEY, SimulatedBraiins
from .ckpool import SERVICES as CKPOOL_FLAVOURS, Flavour, SimulatedCkpool
from .device import SimulatedDevice
from .mmfp import CHAINS, SimulatedGoSlimStratum, SimulatedGoStratumEngine
from .nerdqaxe import SimulatedNerdQAxe
from .nerdqaxe_generations import GENERATIONS as NERD_GENERATIONS, MODELS as NERD_MODELS
from .nmaxe import SimulatedNMAxe
from .nmminer import SimulatedNMMiner
from .ocean import (
    DEMO_WALLET as OCEAN_WALLET,
    DIFFICULTY as OCEAN_DIFFICULTY,
    SimulatedOcean,
)
from .public_pool import SimulatedPublicPool
from .solopool import COINS, DEMO_WALLET, SimulatedSolopool
from .stack import COINS as STACK_COINS, SimulatedStack
from .stratum import SimulatedStratum

PORT_BASE = 17080
"""The first device of a list listens on the port after this one."""

DEMO_PORT_BASE = 18080
CONTROL_OFFSET = 19
"""How far the port of the control panel is from a port base."""
DEMO_CONTROL_PORT = DEMO_PORT_BASE + CONTROL_OFFSET
DEMO_STRATUM_PORT = 18098
# BitcoinII: a Bitaxe on Bitcoin Cash waits for centuries, which no demo should show
DEMO_BC2_WALLET = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"
NMMINER_PORT = 12345
NMMINER_BOARDS = ("lotto", "http")
_DGB = COINS["dgb"].difficulty
SETTLED_AGE = 400_000.0
"""Uptime in seconds with which a fleet starts, so that its averages are full."""


@dataclass(frozen=True, slots=True)
class Spec:
    """One device by its specification: `model[@release][:port]`."""

    model: str
    release: str | None
    port: int | None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a text such as "bitaxe-gamma@2.15:18080". Raises ValueError."""
        match = re.fullmatch(r"([\w+-]+?)(?:@([\w.-]+))?(?::(\d{1,5}))?", text)
        if match is None:
            raise ValueError(f"{text!r} is not model[@release][:port]")
        port = None if match[3] is None else int(match[3])
        return cls(match[1].lower(), match[2], port)


class Fleet:
    """Named devices that start and stop together."""

    def __init__(
        self,
        devices: Iterable[SimulatedDevice],
        *,
        join_pools: Callable[[], None] | None = None,
    ) -> None:
        """Take the devices; their names must differ. Raises ValueError if not.

        `join_pools` is called once the devices run: what miners have done so far is
        known only then, and their pools must know the same.
        """
        self._join_pools = join_pools
        self.devices: dict[str, SimulatedDevice] = {}
        for device in devices:
            if device.name in self.devices:
                raise ValueError(f"two devices are called {device.name!r}")
            self.devices[device.name] = device

    @classmethod
    def from_specs(
        cls,
        specs: Iterable[str],
        *,
        host: str = "127.0.0.1",
        port_base: int | None = None,
        speed: float = 1.0,
        nmminer_target: tuple[str, int] = ("127.0.0.1", NMMINER_PORT),
    ) -> Self:
        """Make the devices of such texts as `catalogue()` lists.

        A device without a port of its own takes `port_base` plus its place in the
        list (1, 2, …), or a free port if `port_base` is None. Their identities are
        neither those of the demo nor of any real device. Raises ValueError for a
        specification of an unknown device.
        """
        seen: Counter[str] = Counter()
        devices = []
        for place, text in enumerate(specs, 1):
            spec = Spec.parse(text)
            seen[spec.model] += 1
            count = seen[spec.model]
            port = spec.port
            if port is None:
                port = 0 if port_base is None else port_base + place
            name = spec.model if count == 1 else f"{spec.model}-{count}"
            digest = hashlib.sha256(f"simulator {name}".encode()).hexdigest()
            options: dict[str, Any] = {
                "name": name,
                # A locally administered MAC, which no maker gives to a device
                "mac": ":".join(("02", *wrap(digest[:10].upper(), 2))),
                "serial": digest[10:26],
                "host": host,
                "port": port,
                "speed": speed,
                "age": SETTLED_AGE,
            }
            if spec.model.startswith("nmminer"):
                options["target"] = nmminer_target
            try:
                devices.append(_factory(spec.model)(spec, options))
            except KeyError as err:
                raise ValueError(
                    f"{text!r}: there is no {err.args[0]!r}; see the list"
                ) from err
        return cls(devices)

    @classmethod
    def demo(
        cls,
        *,
        host: str = "127.0.0.1",
        shift: int = 0,
        speed: float = 1.0,
        nmminer_target: tuple[str, int] = ("127.0.0.1", NMMINER_PORT),
    ) -> Self:
        """Make the fleet of the demo on its fixed ports, all moved by `shift`.

        All but the NMMiner are the workers of the pools that are here as well.

        The UDP port of the NMMiner is not moved: it is the listener's.
        """
        common: dict[str, Any] = {"host": host, "speed": speed, "age": SETTLED_AGE}
        stratum = SimulatedStratum(
            name="stratum", host=host, port=DEMO_STRATUM_PORT + shift
        )
        address = f"{host}:{stratum.port}"
        gamma = SimulatedAxeOS(
            generation="2.15",
            model="gamma",
            name="bitaxe-gamma",
            # What is above the difficulty of the network would have been a block
            best_ever=0.0,
            network_difficulty=_DGB,
            port=18081 + shift,
            **common,
        )
        ultra = SimulatedAxeOS(
            generation="2.5",
            model="ultra",
            name="bitaxe-ultra",
            best_ever=640e6,
            network_difficulty=CHAINS["bc2"].difficulty,
            port=18082 + shift,
            seed=2,
            **common,
        )
        nerdqaxe = SimulatedNerdQAxe(
            generation="1.0.36",
            model="nerdqaxe++",
            name="nerdqaxe",
            seed=24,  # It has found a block
            best_ever=0.0,
            network_difficulty=_DGB,
            port=18083 + shift,
            **common,
        )
        nano3, nano3s = (
            SimulatedAvalon(
                model=model,
                name=f"avalon-{model}",
                port=port + shift,
                settle_seconds=20,
                **common,
            )
            for model, port in (("nano3", 14028), ("nano3s", 14029))
        )
        nmminer = SimulatedNMMiner(name="nmminer", target=nmminer_target, **common)
        for bitaxe, user in (
            (gamma, f"{DEMO_WALLET}.gamma"),
            (ultra, f"{DEMO_BC2_WALLET}.ultra"),
        ):
            bitaxe.pools[0] |= {
                "stratumURL": host,
                "stratumPort": stratum.port,
                "stratumUser": user,
            }
        nerdqaxe.settings |= {
            "stratumURL": host,
            "stratumPort": stratum.port,
            "stratumUser": f"{DEMO_WALLET}.nerdqaxe",
        }
        for avalon, user in (
            (nano3, f"{OCEAN_WALLET}.nano3"),
            (nano3s, f"{DEMO_WALLET}.nano3s"),
        ):
            avalon.stored[0] = PoolSetting(f"stratum+tcp://{address}", user, "x")
        nano3s.miner.network_difficulty = _DGB
        for device in (nano3, nmminer):
            device.miner.network_difficulty = float(OCEAN_DIFFICULTY)
        for miner in (gamma.miner, nerdqaxe.miner, nano3s.miner):
            miner.pool_difficulty = SHARE_DIFFICULTY
        solopool = SimulatedSolopool(
            name="solopool-dgb", wallets={}, port=18090 + shift, **common
        )
        ocean = SimulatedOcean(wallets={}, port=18091 + shift, **common)
        mmfp = SimulatedGoSlimStratum(
            name="mmfp-bc2", accounts={"bc2": {}}, port=18092 + shift, **common
        )

        def worker(device: SimulatedDevice) -> Worker:
            assert device.miner is not None
            return Worker(
                device.miner, lambda: address in str(device.state().get("pool"))
            )

        def join_pools() -> None:
            solopool.add_wallet(
                DEMO_WALLET,
                {
                    "gamma": worker(gamma),
                    "nerdqaxe": worker(nerdqaxe),
                    "nano3s": worker(nano3s),
                },
            )
            ocean.add_wallet(OCEAN_WALLET, {"nano3": worker(nano3)})
            mmfp.add_worker("bc2", f"{DEMO_BC2_WALLET}.ultra", worker(ultra))

        return cls(
            [
                *(gamma, ultra, nerdqaxe, nano3, nano3s, nmminer),
                *(solopool, ocean, mmfp, stratum),
            ],
            join_pools=join_pools,
        )

    def __iter__(self) -> Iterator[SimulatedDevice]:
        """Go through the devices."""
        return iter(self.devices.values())

    def __len__(self) -> int:
        """Count the devices."""
        return len(self.devices)

    def __getitem__(self, name: str) -> SimulatedDevice:
        """Give the device of this name. Raises KeyError."""
        return self.devices[name]

    async def start(self) -> None:
        """Plug all of them in. Raises OSError, with none left running."""
        try:
            for device in self:
                await device.start()
        except OSError:
            await self.stop()
            raise
        if self._join_pools is not None:
            self._join_pools()
            self._join_pools = None

    async def stop(self) -> None:
        """Switch all of them off."""
        for device in self:
            with suppress(OSError):
                await device.stop()

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        """Stop."""
        await self.stop()


def catalogue() -> list[tuple[str, Sequence[str]]]:
    """List the models that a fleet can have, each with its releases."""
    return [
        *((f"bitaxe-{model}", tuple(AXEOS_GENERATIONS)) for model in BOARDS),
        *((model, tuple(NERD_GENERATIONS)) for model in NERD_MODELS),
        *((f"avalon-{model}", ()) for model in AVALON_MODELS),
        ("nmaxe", ()),
        ("nmminer", ("v0.3.01", "v2.0.02", "v2.0.04")),
        ("nmminer-http", ("v2.0.02", "v2.0.04")),
        *((f"solopool-{coin}", ("v1", "v2")) for coin in COINS),
        *((f"ckpool-{flavour}", ()) for flavour in CKPOOL_FLAVOURS),
        *((f"stack-{coin}", ()) for coin in STACK_COINS),
        *((model, ()) for model in _PLAIN_POOLS),
        ("stratum", ()),
    ]


def how_to_add(device: SimulatedDevice) -> str:
    """Say how Home Assistant comes to know a device."""
    where = f"{device.host}:{device.port}"
    match device:
        case SimulatedNMMiner(http=False):
            return (
                f"found by its UDP broadcast to {device.target[0]}:{device.target[1]}"
                f" (says it is {device.ip})"
            )
        case SimulatedSolopool():
            wallet = next(iter(device.wallets), DEMO_WALLET)
            return (
                f"add a pool: Solopool.org {device.coin_name.upper()},"
                f" API http://{where}/api, wallet {wallet}"
            )
        case SimulatedStack() | SimulatedGoSlimStratum() | SimulatedGoStratumEngine():
            return f"add a pool: by its address, its API is at {where}"
        case SimulatedBraiins():
            return f"add a pool: Braiins Pool, API http://{where}, token {DEMO_KEY}"
        case SimulatedCkpool() | SimulatedOcean() | SimulatedPublicPool():
            wallet = next(iter(device.wallets), "of yours")
            return f"add a pool: API http://{where}, wallet {wallet}"
        case SimulatedStratum():
            return f"where miners connect to: {where}"
    return f"add a miner: {where}"


type _Factory = Callable[[Spec, dict[str, Any]], SimulatedDevice]


def _factory(model: str) -> _Factory:
    if model in NERD_MODELS:
        return _nerdqaxe
    families: dict[str, _Factory] = {
        "bitaxe": _bitaxe,
        "avalon": _avalon,
        "nmaxe": _nmaxe,
        "nmminer": _nmminer,
        "solopool": _solopool,
        "ckpool": _ckpool,
        "stack": _stack,
        "stratum": _stratum,
    }
    if model in _PLAIN_POOLS:
        return _plain_pool
    return families[model.partition("-")[0]]


_PLAIN_POOLS: dict[str, Callable[..., SimulatedDevice]] = {
    "braiins": SimulatedBraiins,
    "mmfp-gse": SimulatedGoStratumEngine,
    "mmfp-gss": SimulatedGoSlimStratum,
    "ocean": SimulatedOcean,
    "public-pool": SimulatedPublicPool,
}
"""Pools of which there is one kind."""


def _plain_pool(spec: Spec, options: dict[str, Any]) -> SimulatedDevice:
    _no_release(spec)
    return _PLAIN_POOLS[spec.model](**options)


def _ckpool(spec: Spec, options: dict[str, Any]) -> SimulatedDevice:
    _no_release(spec)
    variant = _variant(spec, "lan")
    if variant not in CKPOOL_FLAVOURS:
        raise KeyError(variant)
    return SimulatedCkpool(flavour=cast(Flavour, variant), **options)


def _stack(spec: Spec, options: dict[str, Any]) -> SimulatedDevice:
    _no_release(spec)
    return SimulatedStack(coin=_variant(spec, "dgb"), **options)


def _stratum(spec: Spec, options: dict[str, Any]) -> SimulatedDevice:
    _no_release(spec)
    for name in ("speed", "age"):
        del options[name]
    return SimulatedStratum(**options)


def _no_release(spec: Spec) -> None:
    """Raise KeyError: this model has no releases."""
    if spec.release is not None:
        raise KeyError(spec.release)


def _bitaxe(spec: Spec, options: dict[str, Any]) -> SimulatedDevice:
    if spec.release is not None:
        options["generation"] = spec.release
    return SimulatedAxeOS(model=_variant(spec, "gamma"), **options)


def _nerdqaxe(spec: Spec, options: dict[str, Any]) -> SimulatedDevice:
    if spec.release is not None:
        options["generation"] = spec.release
    return SimulatedNerdQAxe(model=spec.model, **options)


def _avalon(spec: Spec, options: dict[str, Any]) -> SimulatedDevice:
    _no_release(spec)
    model = _variant(spec, "nano3s")
    if model not in AVALON_MODELS:
        raise KeyError(model)
    return SimulatedAvalon(model=model, **options)


def _nmaxe(spec: Spec, options: dict[str, Any]) -> SimulatedDevice:
    if spec.release is not None:
        options["version"] = spec.release
    return SimulatedNMAxe(**options)


def _nmminer(spec: Spec, options: dict[str, Any]) -> SimulatedDevice:
    variant = _variant(spec, "lotto")
    if variant not in NMMINER_BOARDS:
        raise KeyError(variant)
    http = variant == "http"
    if not http:
        options["port"] = 0
    version = spec.release or ("v2.0.04" if http else "v0.3.01")
    return SimulatedNMMiner(version=version, http=http, udp=not http, **options)


def _solopool(spec: Spec, options: dict[str, Any]) -> SimulatedDevice:
    release = spec.release or "v2"
    if release not in ("v1", "v2"):
        raise KeyError(release)
    generation = cast(Literal[1, 2], int(release[1]))
    return SimulatedSolopool(
        coin=_variant(spec, "dgb"), generation=generation, **options
    )


def _variant(spec: Spec, default: str) -> str:
    return spec.model.partition("-")[2] or default
