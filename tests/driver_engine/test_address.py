"""Addresses as people type them."""

import pytest

from custom_components.hmm.driver_engine.address import (
    Address,
    AddressError,
    AddressFault,
    parse_address,
)


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("192.168.1.50", Address("192.168.1.50")),
        ("  192.168.1.50\n", Address("192.168.1.50")),
        ("192.168.1.50:8080", Address("192.168.1.50", 8080)),
        ("192.168.1.50:1", Address("192.168.1.50", 1)),
        ("192.168.1.50:65535", Address("192.168.1.50", 65535)),
        ("bitaxe", Address("bitaxe")),
        ("Bitaxe-Garage.local", Address("bitaxe-garage.local")),
        ("bitaxe.local.", Address("bitaxe.local")),
        ("bitaxe.local:4028", Address("bitaxe.local", 4028)),
        ("my_miner.lan", Address("my_miner.lan")),
        ("1miner.lan", Address("1miner.lan")),
        ("http://192.168.1.50/", Address("192.168.1.50")),
        ("HTTPS://Bitaxe.local./", Address("bitaxe.local")),
        (" http://192.168.1.50:8080/#/settings?x=1 ", Address("192.168.1.50", 8080)),
        ("http://root:pass@192.168.1.50/a@b", Address("192.168.1.50")),
        ("stratum+tcp://192.168.1.50:4028", Address("192.168.1.50", 4028)),
        ("stratum+ssl://wallet.axe@pool.lan:3333", Address("pool.lan", 3333)),
        ("192.168.1.50/", Address("192.168.1.50")),
        ("192.168.1.50/api/system/info", Address("192.168.1.50")),
        ("192.168.1.50?x=1", Address("192.168.1.50")),
        ("192.168.1.50#settings", Address("192.168.1.50")),
        ("root@192.168.1.50", Address("192.168.1.50")),
    ],
)
def test_an_address_is_understood(typed: str, address: Address) -> None:
    """Given a host name or an IPv4 address, with or without a port, it is taken."""
    assert parse_address(typed) == address


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ("http://[fe80::1]:80/", "address_ipv6"),
        ("http://192.168.1.50:http/", "address_port"),
        ("http://", "address_invalid"),
        ("http:///path", "address_invalid"),
        ("\\\\miner\\share", "address_invalid"),
        ("fe80::1", "address_ipv6"),
        ("fe80::1%eth0", "address_ipv6"),
        ("[fe80::1]", "address_ipv6"),
        ("[2001:db8::1]:80", "address_ipv6"),
        ("::ffff:192.168.1.50", "address_ipv6"),
        ("192.168.1.50:", "address_port"),
        ("192.168.1.50:0", "address_port"),
        ("192.168.1.50:65536", "address_port"),
        (f"192.168.1.50:{'9' * 5000}", "address_port"),
        ("192.168.1.50:-80", "address_port"),
        ("192.168.1.50:http", "address_port"),
        ("192.168.1.50:80:80", "address_port"),
        ("192.168.1.50:8 0", "address_port"),
        ("192.168.1.50:²", "address_port"),
        ("", "address_invalid"),
        ("   ", "address_invalid"),
        (":80", "address_invalid"),
        ("192.168.1", "address_invalid"),
        ("192.168.1.256", "address_invalid"),
        ("192.168.1.50.60", "address_invalid"),
        ("192.168.1.050", "address_invalid"),
        ("192.168..50", "address_invalid"),
        ("my miner", "address_invalid"),
        ("-miner", "address_invalid"),
        ("miner-.lan", "address_invalid"),
        ("miner..lan", "address_invalid"),
        ("a" * 64, "address_invalid"),
        (".".join(["a" * 60] * 5), "address_invalid"),
        ("mïner.local", "address_invalid"),
    ],
)
def test_anything_else_is_refused_with_its_reason(
    typed: str, fault: AddressFault
) -> None:
    """Given something that is no address, the fault says what to change."""
    with pytest.raises(AddressError) as caught:
        parse_address(typed)
    assert caught.value.fault == fault
