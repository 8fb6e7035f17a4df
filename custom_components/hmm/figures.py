"""How figures are rounded: to what they mean, so that noise is no history."""

from datetime import datetime
import math

from homeassistant.helpers.typing import StateType

from .driver_api.units import TERA

type SensorValue = StateType | datetime


def rounded(value: float | None, digits: int = 3) -> float | None:
    """Return a value with its significant digits: the rest is noise."""
    return None if value is None else float(f"{value:.{digits}g}")


def stepped(value: float | None) -> float | None:
    """Return a value in steps of 1 to 2.5 %, for an estimate that is no better."""
    if not value:
        return value
    digit = 10.0 ** math.floor(math.log10(abs(value)))
    lead = abs(value) / digit
    parts = 50 if lead < 2 else 20 if lead < 5 else 10
    return rounded(round(value / digit * parts) / parts * digit)


def whole(value: float | None) -> int | None:
    """Return a value without decimals."""
    return None if value is None else round(value)


def whole_difficulty(value: float | None) -> float | None:
    """Return a difficulty whole, small ones (of the smallest miners) in full."""
    return value if value is None or value < 1000 else round(value)


def percent_of(part: float | None, other: float | None) -> float | None:
    """Return part of part + other in percent, None if nothing was counted."""
    if part is None or other is None or part + other <= 0:
        return None
    return round(100 * part / (part + other), 2)


def terahashes(hashrate: float | None) -> float | None:
    """Return H/s in TH/s."""
    return None if hashrate is None else rounded(hashrate / TERA)


def stepped_efficiency(value: float | None) -> float | None:
    """Return J/TH in steps of a half: the hashrate it comes from is noisy."""
    return None if value is None else round(2 * value) / 2


def share_decimals(coin: str) -> int:
    """Return how many decimals show that 1 TH/s is more than nothing of a network."""
    return 9 if coin.upper() == "BTC" else 6
