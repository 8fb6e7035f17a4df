"""What a command is to talk to: a device, a recorded session, a simulated one."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
import socket
from typing import Any
from urllib.parse import urlsplit

from custom_components.hmm.driver_engine.address import AddressError, parse_address
from custom_components.hmm.driver_engine.pool_client import PoolAccount
from simulator.device import SimulatedDevice
from simulator.fleet import SETTLED_AGE, Fleet, Spec
from simulator.nmminer import SimulatedNMMiner

from . import ToolError
from .example import SimulatedExampleMiner, SimulatedExamplePool
from .session import Session, read_session

SIMULATOR = "simulator:"
_EXAMPLES = {
    "example-miner": SimulatedExampleMiner,
    "example-pool": SimulatedExamplePool,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A device at an address, or a session of one.

    ``port`` is None where none was given; ``tls`` is of a pool's API over HTTPS.
    """

    host: str = ""
    port: int | None = None
    tls: bool = False
    session: Session | None = None
    simulated: SimulatedDevice | None = None


@asynccontextmanager
async def open_target(text: str) -> AsyncIterator[Target]:
    """Give what a text stands for. Raises ToolError.

    ``simulator:bitaxe-gamma@2.15`` runs that device meanwhile, ``session.json`` is a
    recorded session, everything else an address or URL.
    """
    if text.startswith(SIMULATOR):
        async with _simulated(text.removeprefix(SIMULATOR)) as device:
            if isinstance(device, SimulatedNMMiner) and not device.http:
                # Known by where it broadcasts to
                yield Target(host=device.ip, port=device.target[1], simulated=device)
            else:
                yield Target(host=device.host, port=device.port, simulated=device)
    elif text.endswith(".json"):
        yield Target(session=read_session(Path(text)))
    else:
        yield parse_target(text)


def parse_target(text: str) -> Target:
    """Return the address in ``host``, ``host:port`` or a URL. Raises ToolError."""
    tls = text.startswith("https://")
    if "://" in text:
        text = urlsplit(text).netloc
    try:
        address = parse_address(text)
    except AddressError as err:
        raise ToolError(f"{text!r} is no address: write host or host:port") from err
    return Target(
        host=address.host, port=address.port or (443 if tls else None), tls=tls
    )


def account_at(account: Mapping[str, Any], address: str) -> PoolAccount:
    """Return an account whose settings lead to a pool at ``host:port``.

    ``reported`` has ``coin``, ``username``, ``url``, ``port`` and ``settings``, in
    which ``{address}`` stands for the address and ``{port}`` for its port.
    """
    settings = {
        key: value.replace("{address}", address).replace(
            "{port}", address.rpartition(":")[2]
        )
        if isinstance(value, str)
        else value
        for key, value in account.get("settings", {}).items()
    }
    return PoolAccount(
        url=str(account.get("url") or "127.0.0.1"),
        port=int(account.get("port") or 3333),
        coin=str(account.get("coin") or ""),
        username=str(account.get("username") or ""),
        settings=settings,
    )


@asynccontextmanager
async def _simulated(spec: str) -> AsyncIterator[SimulatedDevice]:
    try:
        parsed = Spec.parse(spec)
        if parsed.model in _EXAMPLES:
            options: dict[str, Any] = {"port": parsed.port or 0, "age": SETTLED_AGE}
            device: SimulatedDevice = _EXAMPLES[parsed.model](**options)
        else:
            target = ("127.0.0.1", _free_udp_port())
            (device,) = Fleet.from_specs([spec], nmminer_target=target)
    except ValueError as err:
        msg = f"{err} (python -m simulator --list shows what there is)"
        raise ToolError(msg) from err
    async with device:
        yield device


def _free_udp_port() -> int:
    """Return a port where nothing else listens to broadcasts."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
