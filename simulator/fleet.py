"""Several devices together: the demo's, or those that a list of texts asks for."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
import re
from types import TracebackType
from typing import Any, Literal, Self, cast

from .avalon import SimulatedAvalon
from .avalon_models import MODELS as AVALON_MODELS
from .axeos import SimulatedAxeOS
from .axeos_generations import GENERATIONS as AXEOS_GENERATIONS
from .boards import BOARDS
from .device import SimulatedDevice
from .nerdqaxe import SimulatedNerdQAxe
from .nerdqaxe_generations import GENERATIONS as NERD_GENERATIONS, MODELS as NERD_MODELS
from .nmminer import SimulatedNMMiner
from .solopool import COINS, DEMO_WALLET, SimulatedSolopool

PORT_BASE = 18080
"""The first device of a list listens on the port after this one."""

DEMO_CONTROL_PORT = 18099
NMMINER_PORT = 12345
NMMINER_BOARDS = ("lotto", "http")
SETTLED_AGE = 400_000.0
"""Uptime in seconds with which a fleet starts, so that its averages are full."""


@dataclass(frozen=True, slots=True)
class Spec:
    """One device as a text asks for it: `model[@release][:port]`."""

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

    def __init__(self, devices: Iterable[SimulatedDevice]) -> None:
        """Take the devices; their names must differ. Raises ValueError if not."""
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
        list (1, 2, …), or a free port if `port_base` is None. Raises ValueError for
        a text that asks for nothing there is.
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
            options: dict[str, Any] = {
                "name": spec.model if count == 1 else f"{spec.model}-{count}",
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

        The UDP port of the NMMiner is not moved: it is the listener's.
        """
        common: dict[str, Any] = {"host": host, "speed": speed, "age": SETTLED_AGE}
        return cls(
            [
                SimulatedAxeOS(
                    generation="2.15",
                    model="gamma",
                    name="bitaxe-gamma",
                    port=18081 + shift,
                    **common,
                ),
                SimulatedAxeOS(
                    generation="2.5",
                    model="ultra",
                    name="bitaxe-ultra",
                    best_ever=640e6,
                    port=18082 + shift,
                    seed=2,
                    **common,
                ),
                SimulatedNerdQAxe(
                    generation="1.0.36",
                    model="nerdqaxe++",
                    name="nerdqaxe",
                    port=18083 + shift,
                    **common,
                ),
                SimulatedAvalon(
                    model="nano3",
                    name="avalon-nano3",
                    port=14028 + shift,
                    settle_seconds=20,
                    **common,
                ),
                SimulatedAvalon(
                    model="nano3s",
                    name="avalon-nano3s",
                    port=14029 + shift,
                    settle_seconds=20,
                    **common,
                ),
                SimulatedNMMiner(name="nmminer", target=nmminer_target, **common),
                SimulatedSolopool(name="solopool-dgb", port=18090 + shift, **common),
            ]
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

    async def stop(self) -> None:
        """Switch all of them off."""
        for device in self:
            with suppress(OSError):
                await device.stop()

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop."""
        await self.stop()


def catalogue() -> list[tuple[str, Sequence[str]]]:
    """List the models that a fleet can have, each with its releases."""
    return [
        *((f"bitaxe-{model}", tuple(AXEOS_GENERATIONS)) for model in BOARDS),
        *((model, tuple(NERD_GENERATIONS)) for model in NERD_MODELS),
        *((f"avalon-{model}", ()) for model in AVALON_MODELS),
        ("nmminer", ("v0.3.01", "v2.0.02", "v2.0.04")),
        ("nmminer-http", ("v2.0.02", "v2.0.04")),
        *((f"solopool-{coin}", ("v1", "v2")) for coin in COINS),
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
    return f"add a miner: {where}"


type _Factory = Callable[[Spec, dict[str, Any]], SimulatedDevice]


def _factory(model: str) -> _Factory:
    if model in NERD_MODELS:
        return _nerdqaxe
    families: dict[str, _Factory] = {
        "bitaxe": _bitaxe,
        "avalon": _avalon,
        "nmminer": _nmminer,
        "solopool": _solopool,
    }
    return families[model.partition("-")[0]]


def _bitaxe(spec: Spec, options: dict[str, Any]) -> SimulatedDevice:
    if spec.release is not None:
        options["generation"] = spec.release
    return SimulatedAxeOS(model=_variant(spec, "gamma"), **options)


def _nerdqaxe(spec: Spec, options: dict[str, Any]) -> SimulatedDevice:
    if spec.release is not None:
        options["generation"] = spec.release
    return SimulatedNerdQAxe(model=spec.model, **options)


def _avalon(spec: Spec, options: dict[str, Any]) -> SimulatedDevice:
    if spec.release is not None:
        raise KeyError(spec.release)
    model = _variant(spec, "nano3s")
    if model not in AVALON_MODELS:
        raise KeyError(model)
    return SimulatedAvalon(model=model, **options)


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
