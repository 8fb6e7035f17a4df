"""``core.utils`` and ``core.config`` of HMM-Local."""

from typing import Any

from ....driver_api.units import GIGA, show_hashrate

_TO_GIGA = {"TH/s": 1e3, "GH/s": 1.0, "MH/s": 1e-3, "KH/s": 1e-6, "H/s": 1e-9}


def format_hashrate(hashrate: Any, unit: str = "GH/s") -> dict[str, Any]:
    """Return ``display``, ``value`` and ``unit``; the value is in GH/s.

    A unit that is not known counts as GH/s, as HMM-Local had it.
    """
    if not isinstance(hashrate, int | float) or not hashrate > 0:
        return {"display": "0.00 GH/s", "value": 0.0, "unit": "GH/s"}
    giga = hashrate * _TO_GIGA.get(unit, 1.0)
    display = show_hashrate(giga * GIGA)
    return {"display": display, "value": round(giga, 6), "unit": "GH/s"}


class AppConfig:
    """``app_config``: the settings of HMM-Local's config.yaml.

    Each driver file has its own.
    """

    def __init__(self, values: dict[str, Any] | None = None) -> None:
        """Take the settings."""
        self._config = values or {}

    def get(self, path: str, default: Any = None) -> Any:
        """Return what is under ``a.b.c``."""
        value: Any = self._config
        for name in path.split("."):
            if not isinstance(value, dict) or name not in value:
                return default
            value = value[name]
        # One that is left empty is none
        return default if value is None else value

    def __getitem__(self, path: str) -> Any:
        """Return what ``get`` does."""
        return self.get(path)
