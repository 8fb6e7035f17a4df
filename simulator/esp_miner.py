"""What the firmwares that come from ESP-Miner share: AxeOS and NerdQAxe."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
import ipaddress
import math
from typing import Any, ClassVar, Self, override
from zlib import crc32

from .httpd import HttpDevice, Request, Response, text_response
from .physics import Miner, Reading, Silicon

_PRIVATE = [
    ipaddress.ip_network(net)
    for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Release[Render, Writable]:
    """One line of releases: what it reports and accepts."""

    number: str
    version: str
    """What `version` says; real ones may carry a git suffix."""
    info: Mapping[str, Render]
    asic: Mapping[str, Render]
    """Empty: there is no /api/system/asic."""
    writable: Mapping[str, Writable]
    commands: frozenset[str] = frozenset()
    """POST requests besides restart."""

    def after(
        self,
        number: str,
        version: str,
        *,
        info: Mapping[str, Render] | None = None,
        drop: Iterable[str] = (),
        asic: Mapping[str, Render] | None = None,
        writable: Mapping[str, Writable] | None = None,
        read_only: Iterable[str] = (),
        commands: Iterable[str] = (),
        **behavior: Any,
    ) -> Self:
        """Make the next release: what it adds, drops and does differently."""
        return replace(
            self,
            number=number,
            version=version,
            info=_without({**self.info, **(info or {})}, drop),
            asic={**self.asic, **(asic or {})},
            writable=_without({**self.writable, **(writable or {})}, read_only),
            commands=self.commands | frozenset(commands),
            **behavior,
        )


def _without[T](items: Mapping[str, T], names: Iterable[str]) -> Mapping[str, T]:
    left_out = set(names)
    return {key: value for key, value in items.items() if key not in left_out}


def fallback(key: str) -> str:
    """Return the key of the fallback pool for one of the primary pool."""
    return f"fallbackS{key[1:]}"


def suffixed(value: float) -> str:
    """Write a difficulty as firmwares before AxeOS 2.11 do: "0", "483k", "4.29G"."""
    for power, suffix in (
        (18, "E"),
        (15, "P"),
        (12, "T"),
        (9, "G"),
        (6, "M"),
        (3, "k"),
    ):
        if value >= 10**power:
            scaled = value / 10**power
            digits = max(0, 2 - int(math.log10(scaled)))
            text = f"{scaled:.{digits}f}"
            return (text.rstrip("0").rstrip(".") if "." in text else text) + suffix
    return str(int(value))


class EspMiner(HttpDevice):
    """A device whose firmware comes from ESP-Miner.

    - `writes`: bodies of the PATCH requests it got, accepted or not;
    - `settings`: what is in its flash;
    - `refuse_address`: True makes it see the client outside the private ranges;
    - `set_pool_reachable()`: pools that do not answer.
    """

    cold_boot: ClassVar[str]
    """The reset reason after a loss of power."""
    miner: Miner
    model: str
    generation: Release[Any, Any]
    version: str
    reset_reason: str
    settings: dict[str, Any]

    def __init__(
        self,
        *,
        name: str,
        silicon: Silicon,
        version: str | None,
        seed: int | None = None,
        speed: float = 1.0,
        age: float = 3600.0,
        best_ever: float,
        pool_difficulty: float = 1000.0,
        network_difficulty: float = 150.0e12,
        **options: Any,
    ) -> None:
        """Make one; `age` is for how many seconds it has run when it starts."""
        super().__init__(
            name=name,
            miner=Miner(
                silicon,
                # Two devices differ, and each is the same in every run.
                seed=crc32(name.encode()) if seed is None else seed,
                speed=speed,
                age=age,
                best_ever=best_ever,
                pool_difficulty=pool_difficulty,
                network_difficulty=network_difficulty,
            ),
            **options,
        )
        self.version = version or self.generation.version
        self.reset_reason = self.cold_boot
        self.writes: list[dict[str, Any]] = []
        self.refuse_address = False
        self._pools_down: set[str] = set()

    @abstractmethod
    def check(self) -> Reading:
        """Do what the firmware's tasks would have done by now; give a reading."""

    @abstractmethod
    def pool_address(self) -> tuple[str, int] | None:
        """Give host and port that it mines at; None: none can be reached."""

    @property
    @abstractmethod
    def on_fallback(self) -> bool:
        """Whether it mines at the fallback pool."""

    @property
    @abstractmethod
    def is_paused(self) -> bool:
        """Whether its user has stopped it."""

    def set_pool_reachable(self, host: str, reachable: bool) -> None:
        """Take a pool host away or give it back."""
        if reachable:
            self._pools_down.discard(host)
        else:
            self._pools_down.add(host)
        self.check()

    @override
    def overheat(self) -> None:
        """Overheat: the firmware reacts immediately, as its generation does."""
        super().overheat()
        self.check()

    @override
    def state(self) -> dict[str, Any]:
        """Add what is particular to these firmwares."""
        if self.online:
            self.check()
        pool = self.pool_address()
        return super().state() | {
            "model": self.model,
            "generation": self.generation.number,
            "version": self.version,
            "paused": self.is_paused,
            "pool": f"{pool[0]}:{pool[1]}" if pool else None,
            "fallback": self.on_fallback,
        }

    def refuse_foreign(self, request: Request) -> Response | None:
        """Refuse clients from outside the private networks."""
        if self.refuse_address or not private_origin(request.headers.get("origin")):
            return text_response("Unauthorized", status=401)
        return None

    @override
    async def unplug(self) -> None:
        """Lose the mains: the next boot is a cold one."""
        self.reset_reason = self.cold_boot
        await super().unplug()


def private_origin(origin: str | None) -> bool:
    """Return whether the host of an Origin header is in a private range, or absent."""
    if not origin:
        return True
    host = origin.split("://", 1)[-1].split("/", 1)[0].rsplit(":", 1)[0]
    with suppress(ValueError):
        address = ipaddress.ip_address(host)
        return any(address in network for network in _PRIVATE)
    return False
