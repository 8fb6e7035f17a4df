"""Commands for a miner that is off, kept until it is back; they survive a restart."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Self, get_args

from homeassistant.util import dt as dt_util

from ..stored import Stored

type Kind = Literal["mode", "pool", "mining", "restart"]
"""What a command changes; a newer one of its kind takes its place."""

KINDS: tuple[Kind, ...] = get_args(Kind.__value__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept(Stored):
    """One command: the action with its data, and when it is too late for it.

    ``data`` is a secret: it may hold the user name of a pool. ``value`` is what is
    shown of it.
    """

    action: str
    data: dict[str, Any] = field(repr=False)
    value: str | None
    until: datetime
    since: datetime | None = None
    """When it was requested; a version of HMM that kept no restarts did not note it."""


@dataclass(slots=True)
class KeptCommands:
    """The commands that are kept for one miner, at most one of each kind."""

    commands: dict[Kind, Kept] = field(default_factory=dict)

    def current(self) -> dict[Kind, Kept]:
        """Return those that it is not too late for."""
        now = dt_util.utcnow()
        return {
            kind: command
            for kind, command in self.commands.items()
            if command.until > now
        }

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON."""
        return {kind: kept.as_dict() for kind, kept in self.current().items()}

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        """Return what was stored; any error is taken for a record that is broken."""
        kinds = [kind for kind in KINDS if data.get(kind) is not None]
        return cls({kind: Kept.from_dict(data[kind]) for kind in kinds})
