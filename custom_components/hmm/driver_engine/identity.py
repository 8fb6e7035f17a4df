"""Which device it is, whatever its address."""

from dataclasses import replace
import re

from ..driver_api import DeviceFacts
from .profile import MinerProfile

_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


def miner_unique_id(facts: DeviceFacts) -> str | None:
    """Return the MAC, else the serial number, else None."""
    return next(iter(device_ids(facts)), None)


def device_ids(facts: DeviceFacts) -> tuple[str, ...]:
    """Return everything that identifies the device, the MAC first.

    A firmware may start to report a MAC where it had reported a serial number only.
    """
    mac = (facts.mac or "").lower()
    return tuple(
        value for value in (mac if _MAC.fullmatch(mac) else "", facts.serial) if value
    )


def is_mac(text: str) -> bool:
    """Return whether an id is a MAC."""
    return _MAC.fullmatch(text) is not None


def facts_of(unique_id: str | None, profile: MinerProfile | None) -> DeviceFacts:
    """Return who a device is, by the id of its entry and what it ever reported."""
    reported = profile.facts if profile else DeviceFacts()
    if unique_id is None or is_address_id(unique_id):
        return reported
    if is_mac(unique_id):
        return replace(reported, mac=unique_id)
    return replace(reported, serial=unique_id)


def is_same_device(expected: DeviceFacts, reported: DeviceFacts) -> bool | None:
    """Return whether facts are of a known device, None if one of the two is no one.

    The MAC decides where both have one, else the serial number. A device that reports
    nothing of what is known is another one.
    """
    macs = ((expected.mac or "").lower(), (reported.mac or "").lower())
    if all(map(is_mac, macs)):
        return macs[0] == macs[1]
    if expected.serial and reported.serial:
        return expected.serial == reported.serial
    return False if device_ids(expected) and device_ids(reported) else None


_BY_ADDRESS = "address:"


def address_id(host: str, port: int | None) -> str:
    """Return the id of a device that does not report who it is."""
    return f"{_BY_ADDRESS}{host}:{port}" if port else f"{_BY_ADDRESS}{host}"


def is_address_id(unique_id: str) -> bool:
    """Return whether an id stands for an address and not for a device."""
    return unique_id.startswith(_BY_ADDRESS)
