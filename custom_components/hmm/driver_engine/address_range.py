"""Ranges of addresses as people type them."""

from ipaddress import IPv4Address, IPv4Network
import re

from ..driver_api.addresses import is_home_address
from .address import AddressError
from .scan import LARGEST_NETWORK, hosts_of

_BETWEEN = re.compile(r"[ ,;]+")
_AROUND_DASH = re.compile(" ?[-–] ?")


def parse_range(text: str, *, loopback: bool = False) -> list[str]:
    """Return the addresses of one or more ranges, each once.

    A range is ``192.168.5.0/24``, ``192.168.5.20-192.168.5.60``, ``192.168.5.20-60`` or
    one address; commas or blanks part several. ``loopback`` is that of
    ``is_home_address``. Raises AddressError: what was typed is not a range, is of the
    internet, or has more addresses than a /22.
    """
    # Blanks first: what looks for any number of them around a dash takes forever
    text = _AROUND_DASH.sub("-", " ".join(text.split()))
    hosts: list[str] = []
    for part in dict.fromkeys(filter(None, _BETWEEN.split(text))):
        hosts += _hosts(part)
        if len(hosts) > LARGEST_NETWORK:
            raise AddressError("range_too_large")
    if not hosts:
        raise AddressError("range_invalid")
    if not all(is_home_address(host, loopback=loopback) for host in hosts):
        raise AddressError("range_elsewhere")
    return list(dict.fromkeys(hosts))


def _hosts(part: str) -> list[str]:
    """Return the addresses of one range."""
    first, dash, last = part.partition("-")
    network = None
    try:
        if not dash:
            network = IPv4Network(part, strict=False)
            begin, end = int(network[0]), int(network[-1])
        else:
            if last.isdecimal():
                last = f"{first.rpartition('.')[0]}.{last}"
            begin, end = int(IPv4Address(first)), int(IPv4Address(last))
    except ValueError as err:
        raise AddressError("range_invalid") from err
    if end < begin:
        raise AddressError("range_invalid")
    if end - begin >= LARGEST_NETWORK:
        raise AddressError("range_too_large")
    if network is not None:
        return hosts_of([network])
    return [str(IPv4Address(number)) for number in range(begin, end + 1)]
