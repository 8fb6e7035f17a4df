"""Which device it is, whatever its address."""

import re

from ..driver_api import DeviceFacts

_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


def miner_unique_id(facts: DeviceFacts) -> str | None:
    """Return the MAC, else the serial number, else None."""
    if facts.mac and _MAC.fullmatch(mac := facts.mac.lower()):
        return mac
    return facts.serial or None


_BY_ADDRESS = "address:"


def address_id(host: str, port: int | None) -> str:
    """Return the id of a device that does not tell who it is."""
    return f"{_BY_ADDRESS}{host}:{port}" if port else f"{_BY_ADDRESS}{host}"


def is_address_id(unique_id: str) -> bool:
    """Return whether an id stands for an address and not for a device."""
    return unique_id.startswith(_BY_ADDRESS)
