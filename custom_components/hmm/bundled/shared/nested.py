"""What the nested JSON of NMMiner v2 and of the NMAxe family has in common."""

from collections.abc import Mapping
import re
from typing import Any

from custom_components.hmm.driver_api import PoolSlot
from custom_components.hmm.driver_api.units import (
    parse_int,
    parse_temperature,
    parse_text,
)

_CHIP_DIGITS = re.compile(r"[-_](?=[a-f]{,12}\d)[0-9a-f]{4,12}$", re.IGNORECASE)


def section(info: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return an object of /info, an empty one if it is missing."""
    value = info.get(name)
    return value if isinstance(value, dict) else {}


def factory_name(hostname: str | None) -> str | None:
    """Return a host name that ends in digits of the chip, else None.

    A name that the owner gave may be given to two, or be changed.
    """
    if hostname is None or _CHIP_DIGITS.search(hostname) is None:
        return None
    return hostname.lower()


def mac_address(value: Any) -> str | None:
    """Return a MAC in lower case with colons; zeros are none."""
    digits = re.sub(r"[:\-]", "", parse_text(value) or "").lower()
    if not re.fullmatch(r"[0-9a-f]{12}", digits) or not digits.strip("0"):
        return None
    return ":".join(digits[place : place + 2] for place in range(0, 12, 2))


def pool_slots(url: str | None, user: str | None) -> tuple[PoolSlot, ...]:
    """Return the pool in use, the only one that is reported."""
    address = (url or "").rpartition("://")[2].rstrip("/")
    if not address:
        return ()
    return (PoolSlot(index=0, url=address, user=user, active=True),)


def positive(value: float | None) -> float | None:
    """Return a number above zero, else None."""
    return value if value is not None and value > 0 else None


def not_negative(value: float | None) -> float | None:
    """Return a number that is not below zero, else None."""
    return value if value is not None and value >= 0 else None


def temperature(value: Any) -> float | None:
    """Return °C; 0 is what boards without a sensor report."""
    return positive(parse_temperature(value))


def count(value: Any) -> int | None:
    """Return a counter, None if it is negative or no number."""
    number = parse_int(value)
    return number if number is not None and number >= 0 else None


def signal(value: Any) -> int | None:
    """Return dBm; a WiFi signal is below zero."""
    number = parse_int(value)
    return number if number is not None and number < 0 else None
