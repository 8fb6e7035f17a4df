"""Which device it is."""

import pytest

from custom_components.hmm.driver_api import DeviceFacts
from custom_components.hmm.driver_engine.identity import (
    address_id,
    is_address_id,
    miner_unique_id,
)

MAC = "24:58:7c:00:11:22"


@pytest.mark.parametrize(
    ("facts", "unique_id"),
    [
        (DeviceFacts(mac=MAC), MAC),
        (DeviceFacts(mac=MAC.upper()), MAC),
        (DeviceFacts(mac=MAC, serial="02010000deadbeef"), MAC),
        (DeviceFacts(serial="02010000deadbeef"), "02010000deadbeef"),
        (DeviceFacts(mac="24587C001122", serial="s1"), "s1"),
        (DeviceFacts(mac="unknown", serial="s1"), "s1"),
        (DeviceFacts(mac="", serial=""), None),
        (DeviceFacts(), None),
    ],
)
def test_the_mac_counts_then_the_serial(
    facts: DeviceFacts, unique_id: str | None
) -> None:
    """Given what a device tells, its MAC is its identity, else its serial."""
    assert miner_unique_id(facts) == unique_id


def test_a_device_that_tells_nothing_is_known_by_its_address() -> None:
    """Given an address, its id can be told from that of a device."""
    assert address_id("192.168.1.50", None) == "address:192.168.1.50"
    assert address_id("192.168.1.50", 8080) == "address:192.168.1.50:8080"
    assert is_address_id(address_id("192.168.1.50", None))
    assert not is_address_id(MAC)
