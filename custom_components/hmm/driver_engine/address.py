"""Addresses as people type them."""

from dataclasses import dataclass
import ipaddress
import re
from typing import Literal

type AddressFault = Literal[
    "address_ipv6",
    "address_port",
    "address_invalid",
    "range_elsewhere",
    "range_invalid",
    "range_too_large",
]

_AFTER_SERVER = re.compile(r"[/?#\\]")
_PORT = re.compile(r"[0-9]{1,5}")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.IGNORECASE)
# "http://user:password@", or "user:password@"; an e-mail address is none
_LOGIN = re.compile(
    r"([a-z][a-z0-9+.-]*://)[^/?#\\]*@|[^/?#\\:@\s]+:[^/?#\\\s]*@", re.IGNORECASE
)
_LOOKS_LIKE_IPV4 = re.compile(r"[\d.]+")


class AddressError(ValueError):
    """What was typed is not an address; ``fault`` names the translated message."""

    def __init__(self, fault: AddressFault) -> None:
        """Keep which fault it is."""
        super().__init__(fault)
        self.fault: AddressFault = fault


@dataclass(frozen=True, slots=True)
class Address:
    """A host name or IPv4 address, and a port if one was typed."""

    host: str
    port: int | None = None


def parse_address(text: str) -> Address:
    """Return the server of ``host``, ``host:port`` or what a browser shows.

    Of ``http://user@host:port/path``, scheme, user and path are left out. Raises
    AddressError.
    """
    text = text.strip().rpartition("://")[2]
    text = _AFTER_SERVER.split(text, maxsplit=1)[0].rpartition("@")[2]
    if _is_ipv6(text):
        # AxeOS takes an IPv6 client for another device, the others have no IPv6
        raise AddressError("address_ipv6")
    host, colon, typed_port = text.partition(":")
    port = None
    if colon:
        if not _PORT.fullmatch(typed_port) or not 0 < int(typed_port) < 65536:
            raise AddressError("address_port")
        port = int(typed_port)
    host = host.removesuffix(".")
    if not _is_host(host):
        raise AddressError("address_invalid")
    return Address(host.lower(), port)


def has_login(text: str) -> bool:
    """Return whether there is a user name or a password in an address."""
    return _LOGIN.match(text.strip()) is not None


def without_login(text: str) -> str:
    """Return an address without the user name and password in it."""
    return _LOGIN.sub(lambda match: match[1] or "", text.strip(), count=1)


def _is_ipv6(text: str) -> bool:
    if text.startswith("["):
        return True
    try:
        ipaddress.IPv6Address(text.partition("%")[0])
    except ValueError:
        return False
    return True


def _is_host(host: str) -> bool:
    if _LOOKS_LIKE_IPV4.fullmatch(host):
        try:
            ipaddress.IPv4Address(host)
        except ValueError:
            return False
        return True
    return 0 < len(host) < 254 and all(
        _LABEL.fullmatch(label) for label in host.split(".")
    )
