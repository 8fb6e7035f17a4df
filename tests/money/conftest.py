"""The house whose costs and earnings are counted."""

from tests.strategy.conftest import furnished, house

__all__ = ["furnished", "house"]
