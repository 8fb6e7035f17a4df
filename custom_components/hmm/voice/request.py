"""What was requested, and what answers it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from .asker import Asker, Miner
from .speech import Speech


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was requested: of one miner, those of an area, or all."""

    name: str | None = None
    area: str | None = None
    mode: str | None = None


type Reply = Callable[[Asker, Speech, list[Miner], Request], Awaitable[str]]
