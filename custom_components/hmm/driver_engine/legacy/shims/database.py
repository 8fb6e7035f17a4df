"""``core.database``, ``core.mqtt`` and the parts of SQLAlchemy that drivers use.

HMM-Local kept miners and telemetry in a database of its own. Drivers write to it
on the way; here, Home Assistant remembers, and the writes go nowhere.
"""

from collections.abc import Generator
from typing import Any, Self


class Nothing:
    """A table, row, session, query or client: takes whatever is done and finds nothing."""

    def __init__(self, *args: Any, **values: Any) -> None:
        """Keep the values, as a row does."""
        vars(self).update(values)

    def __getattr__(self, name: str) -> Any:
        """Return a column or method."""
        if name.startswith("__"):
            raise AttributeError(name)
        return Nothing()

    def _do(self, *args: Any, **values: Any) -> Any:
        return Nothing(**values)

    __call__ = _do
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _do
    __and__ = __or__ = __invert__ = __add__ = __sub__ = __mul__ = __truediv__ = _do
    __hash__ = object.__hash__

    def _none(self) -> None:
        """Find nothing."""

    first = scalar = scalar_one_or_none = _none

    def all(self) -> list[Any]:
        """Find nothing."""
        return []

    def __await__(self) -> Generator[None, None, Self]:
        """Be done already; not all drivers await that."""
        yield from ()
        return self

    async def __aenter__(self) -> Self:
        """Start."""
        return self

    async def __aexit__(self, *error: object) -> None:
        """Keep nothing."""


Miner = Telemetry = AsyncSession = AsyncSessionLocal = engine = mqtt_client = Nothing()
