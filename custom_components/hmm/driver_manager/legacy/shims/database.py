"""``core.database``, ``core.mqtt`` and the parts of SQLAlchemy that drivers use.

HMM-Local kept miners and telemetry in a database of its own. Drivers write to it
on the way; here, Home Assistant remembers, and the writes go nowhere.
"""

from collections.abc import Awaitable, Generator
from typing import Any, Self


class _Anything:
    """Whatever is asked of it, it returns itself: columns, conditions, clauses."""

    def __init__(self, *args: Any, **values: Any) -> None:
        """Take anything."""

    def __getattr__(self, name: str) -> Any:
        """Return anything."""
        if name.startswith("__"):
            raise AttributeError(name)
        return _Anything()

    def __call__(self, *args: Any, **values: Any) -> Any:
        """Return anything."""
        return _Anything()

    def _condition(self, *others: object) -> Any:
        """Make a condition."""
        return _Anything()

    __eq__ = __ne__ = _condition
    __lt__ = __le__ = __gt__ = __ge__ = _condition
    __and__ = __or__ = __invert__ = _condition
    __add__ = __sub__ = __mul__ = __truediv__ = _condition

    def __hash__(self) -> int:
        """Be one of a kind."""
        return id(self)


class _Table(type):
    """A class whose unknown attributes are columns."""

    def __getattr__(cls, name: str) -> Any:
        """Return a column."""
        if name.startswith("__"):
            raise AttributeError(name)
        return _Anything()


class Row(metaclass=_Table):
    """A table of HMM-Local (Miner, Telemetry, Pool ...)."""

    def __init__(self, **values: Any) -> None:
        """Keep the values."""
        vars(self).update(values)


class Miner(Row):
    """The miners."""


class Telemetry(Row):
    """The telemetry."""


class Result:
    """The answer to a query: nothing is there."""

    def scalar_one_or_none(self) -> None:
        """Return nothing."""

    def scalars(self) -> Self:
        """Return itself."""
        return self

    def first(self) -> None:
        """Return nothing."""

    def all(self) -> list[Any]:
        """Return nothing."""
        return []


class AsyncSession:
    """A session in which nothing is kept."""

    def __init__(self, *args: Any, **values: Any) -> None:
        """Take anything."""

    async def __aenter__(self) -> Self:
        """Begin."""
        return self

    async def __aexit__(self, *error: object) -> None:
        """End."""

    async def execute(self, *args: Any, **values: Any) -> Result:
        """Find nothing."""
        return Result()

    def add(self, row: Any) -> None:
        """Keep nothing."""

    async def commit(self) -> None:
        """Keep nothing."""

    async def rollback(self) -> None:
        """Undo nothing."""


AsyncSessionLocal = AsyncSession
engine = _Anything()


def statement(*args: Any, **values: Any) -> Any:
    """Stand for ``select``, ``update``, ``insert`` and ``delete``."""
    return _Anything()


class _Done:
    """What is done already, whether or not it is awaited."""

    def __await__(self) -> Generator[None]:
        """Be done."""
        yield from ()


class MqttClient:
    """``mqtt_client``: HMM-Local published telemetry; Home Assistant has it."""

    def publish(self, *args: Any, **values: Any) -> Awaitable[None]:
        """Send nothing. Some drivers await that, others do not."""
        return _Done()


mqtt_client = MqttClient()
