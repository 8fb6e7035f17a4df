"""Ranges of addresses as people type them."""

import pytest

from custom_components.hmm.driver_engine.address import AddressError
from custom_components.hmm.driver_engine.address_range import parse_range


@pytest.mark.parametrize(
    ("typed", "first", "last", "count"),
    [
        ("192.168.5.0/24", "192.168.5.1", "192.168.5.254", 254),
        ("192.168.5.7/24", "192.168.5.1", "192.168.5.254", 254),
        ("192.168.5.0-255", "192.168.5.0", "192.168.5.255", 256),
        (" 192.168.5.20 - 60 ", "192.168.5.20", "192.168.5.60", 41),
        ("192.168.5.250–192.168.6.2", "192.168.5.250", "192.168.6.2", 9),
        ("10.0.0.9", "10.0.0.9", "10.0.0.9", 1),
        ("10.0.0.9, 10.0.0.8;10.0.0.9", "10.0.0.9", "10.0.0.8", 2),
        ("172.16.0.0/22", "172.16.0.1", "172.16.3.254", 1022),
        ("10.1.0.0-10.1.3.255", "10.1.0.0", "10.1.3.255", 1024),
    ],
)
def test_a_range(typed: str, first: str, last: str, count: int) -> None:
    """Networks, spans and single addresses give their hosts, each once."""
    hosts = parse_range(typed)
    assert (hosts[0], hosts[-1], len(hosts)) == (first, last, count)
    assert len(set(hosts)) == count


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ("", "range_invalid"),
        (" , ", "range_invalid"),
        ("bitaxe.local", "range_invalid"),
        ("192.168.5.60-20", "range_invalid"),
        ("192.168.5.20-300", "range_invalid"),
        ("192.168.5.1-2-3", "range_invalid"),
        ("192.168.5.0/33", "range_invalid"),
        ("fe80::/120", "range_invalid"),
        ("²", "range_invalid"),
        ("10.0.0.0/21", "range_too_large"),
        ("10.0.0.0/8", "range_too_large"),
        ("10.1.0.0-10.1.4.0", "range_too_large"),
        ("10.0.0.0/22, 10.0.8.0/29", "range_too_large"),
        # What overlaps counts each time, and blanks cost nothing
        ("10.0.0.0-10.0.3.255, 10.0.0.1-10.0.3.255", "range_too_large"),
        pytest.param(f"10.0.0.9{' ' * 400_000}x", "range_invalid", id="blanks"),
        ("9.255.255.250-10.0.0.4", "range_elsewhere"),
        ("203.0.113.0/24", "range_elsewhere"),
        ("127.0.0.1", "range_elsewhere"),
        ("169.254.169.250-255", "range_elsewhere"),
    ],
)
def test_what_is_no_range(typed: str, fault: str) -> None:
    """What was typed wrong, too large or on the internet is refused with its reason."""
    with pytest.raises(AddressError) as refused:
        parse_range(typed)
    assert refused.value.fault == fault
