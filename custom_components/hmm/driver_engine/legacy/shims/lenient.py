"""Data classes that take whatever an author passes."""

from typing import Any


class Lenient:
    """Keeps every keyword as an attribute; each field that a class names has a default.

    HMM-Local's own were pydantic models whose fields changed with every version:
    a driver must not fail because it passes one more, or a number as text.
    """

    def __init__(self, **values: Any) -> None:
        """Take any keyword."""
        for base in reversed(type(self).__mro__):
            for name in getattr(base, "__annotations__", {}):
                default = getattr(base, name, None)
                # No two objects may share a dictionary
                vars(self)[name] = (
                    dict(default) if isinstance(default, dict) else default
                )
        vars(self).update(values)

    def model_dump(self) -> dict[str, Any]:
        """Return all fields, as pydantic names it."""
        return dict(vars(self))

    dict = model_dump

    def __repr__(self) -> str:
        """Show the class alone: the values may be secret."""
        return f"{type(self).__name__}(...)"
