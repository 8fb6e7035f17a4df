"""Wallet addresses: typing errors, other coins, and what cannot be checked."""

from contextlib import suppress
from pathlib import Path
import re

import pytest

from custom_components.hmm.bundled.pool_drivers.solopool_driver import SolopoolDriver
from custom_components.hmm.driver_api import BasePoolIntegration, InvalidValue
from custom_components.hmm.driver_api.coins import COINS
from custom_components.hmm.driver_api.wallets import (
    OtherCoin,
    WrongChecksum,
    check_wallet,
    read_wallet,
    strip_worker,
)
from custom_components.hmm.driver_engine.loader import load_drivers
from simulator.solopool import DEMO_WALLET
from tests.work import calls_of

# The vectors of BIP 350, which replace those of BIP 173
SEGWIT = [
    "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
    "bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y",
    "BC1SW50QGDZ25J",
    "bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs",
    "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
]
SEGWIT_OF_TEST_NETWORKS = [
    "tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7",
    "tb1qqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesrxh6hy",
    "tb1pqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesf3hn0c",
]
NOT_SEGWIT = [
    "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd",
    "BC1S0XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ54WELL",
    "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh",
    "bc1p38j9r5y49hruaue7wxjce0updqjuyyx0kh56v8s25huc6995vvpql3jow4",
    "BC130XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ7ZWS8R",
    "bc1pw5dgrnzv",
    "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v8n0nx0muaewav253zgeav",
    "BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P",
    "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v07qwwzcrf",
    "bc1gmk9yu",
]
# Those of the specification of CashAddr: the old form, and the new one
CASH = {
    "1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu": "qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a",
    "1KXrWXciRDZUpQwQmuM1DbwsKDLYAYsVLR": "qr95sy3j9xwd2ap32xkykttr4cvcu7as4y0qverfuy",
    "16w1D5WRVKJuZUsSRzdLp9w3YGcgoxDXb": "qqq3728yw0y47sqn6l2na30mcw6zm78dzqre909m2r",
    "3CWFddi6m4ndiGyKqzYvsFYagqDLPVMTzC": "ppm2qsznhks23z7629mms6s4cwef74vcwvn0h829pq",
    "3LDsS579y7sruadqu11beEJoTjdFiFCdX4": "pr95sy3j9xwd2ap32xkykttr4cvcu7as4yc93ky28e",
    "31nwvkZwyPdgzjBJZXfDmSWsC4ZLKpYyUw": "pqq3728yw0y47sqn6l2na30mcw6zm78dzq5ucqzc37",
}
# Other sizes of the hash, from the same place
LONG_CASH = [
    "bitcoincash:q9adhakpwzztepkpwp5z0dq62m6u5v5xtyj7j3h2ws4mr9g0",
    "bitcoincash:qvch8mmxy0rtfrlarg7ucrxxfzds5pamg73h7370aa87d80gyhqxq5nlegake",
]
ECASH = "qpm2qsznhks23z7629mms6s4cwef74vcwva87rkuu2"
DIGIBYTE = "DQdWtpY8pKLQFAoWrW8DwmXq1cuHDJ7fGP"
DIGIBYTE_SCRIPT = "SgnRPQNeFGdKEUQNfM7jwuWnnGQQjpPjJ2"
OLD = "1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu"

ADDRESSES = {
    DEMO_WALLET: {"DGB"},
    DIGIBYTE: {"DGB"},
    DIGIBYTE_SCRIPT: {"DGB"},
    SEGWIT[1]: {"BTC", "BC2"},
    OLD: {"BTC", "BC2", "BCH", "XEC"},
    "3CWFddi6m4ndiGyKqzYvsFYagqDLPVMTzC": set(COINS),
    f"bitcoincash:{CASH[OLD]}": {"BCH"},
    CASH[OLD]: {"BCH"},
    f"ecash:{ECASH}": {"XEC"},
    ECASH: {"XEC"},
}
"""Addresses and the coins that they may be of."""


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("coin", COINS)
def test_wallets(coin: str, address: str) -> None:
    """They pass, with a worker too; those of another coin do not."""
    config = {"username": f" {address}.rig1 ", "coin": coin}
    if coin in ADDRESSES[address]:
        assert check_wallet(coin.lower(), config["username"]) == address
        assert check_wallet(coin, f"{address}_rig1") == address
        assert read_wallet(coin, address).is_certain
        assert SolopoolDriver().validate_config(config)
    else:
        with pytest.raises(OtherCoin) as caught:
            check_wallet(coin, address)
        assert address not in str(caught.value)
        assert not SolopoolDriver().validate_config(config)


@pytest.mark.parametrize(
    ("coin", "address"),
    [
        *(("BTC", address) for address in SEGWIT),
        *(("BCH", address) for address in (*CASH, *CASH.values(), *LONG_CASH)),
        *(("BCH", f"bitcoincash:{address}") for address in CASH.values()),
    ],
)
def test_every_wrong_letter_is_noticed(coin: str, address: str) -> None:
    """Given the public vectors, they pass, and with any one letter changed not."""
    assert read_wallet(coin, address).is_certain
    payload = re.sub("^(bc1|bitcoincash:|.)", "", address, flags=re.IGNORECASE)
    start = len(address) - len(payload)
    for number in range(start, len(address)):
        other = "q" if address[number].lower() != "q" else "p"
        wrong = f"{address[:number]}{other}{address[number + 1 :]}"
        with pytest.raises(WrongChecksum) as caught:
            check_wallet(coin, wrong)
        assert wrong not in str(caught.value)


@pytest.mark.parametrize("address", NOT_SEGWIT)
def test_vectors_that_are_wrong(address: str) -> None:
    """Given an invalid vector of BIP 350, it is a typing error."""
    with pytest.raises(WrongChecksum):
        check_wallet("BTC", address)


@pytest.mark.parametrize(
    ("coin", "address"),
    [
        *(("BTC", address) for address in SEGWIT_OF_TEST_NETWORKS),
        ("BTC", "n11NecgUKvsNVH6XqV73DvaYzUmgqkbW6g"),
        ("BCH", "bchtest:pr6m7j9njldwwzlg9v7v53unlr4jkmx6eyvwc0uz5t"),
        ("BTC", "satoshi"),
        ("BTC", "my_account"),
        ("DGB", "me@getalby.com"),
        ("BTC", SEGWIT[1][2:]),
        ("XMR", "4Anything"),
        ("FB", f"{SEGWIT[1]}x"),
    ],
)
def test_what_cannot_be_checked_passes_with_a_doubt(coin: str, address: str) -> None:
    """Given a form, prefix or coin that HMM does not know, it is no error."""
    wallet = read_wallet(coin, address)
    assert not wallet.is_certain
    assert wallet.address == strip_worker(address)
    assert address not in repr(wallet)


@pytest.mark.parametrize(
    ("coin", "address"),
    [
        ("BTC", OLD[:-1]),
        ("BTC", f"{OLD}u"),
        ("BTC", OLD.replace("B", "O")),
        ("BTC", OLD.lower()),
        ("BTC", "bc1"),
        ("BTC", f"{SEGWIT[3][:-1]}_rig"),
        ("BTC", f"{SEGWIT[3][:9]}1{SEGWIT[3][9:]}"),
        ("DGB", DIGIBYTE.replace("Q", "R")),
        ("DGB", DIGIBYTE_SCRIPT[:-2]),
        ("BCH", CASH[OLD][:-1]),
        ("BCH", f"bitcoincash:{ECASH}"),
        ("XEC", f"{ECASH}q"),
    ],
)
def test_typing_errors(coin: str, address: str) -> None:
    """Given a letter that is wrong, missing or one too many, it is an error."""
    with pytest.raises(WrongChecksum):
        check_wallet(coin, address)
    assert not SolopoolDriver().validate_config({"username": address, "coin": coin})


def test_an_address_of_a_coin_that_is_not_known_is_checked() -> None:
    """Given a fork that kept the addresses of Bitcoin, its address is certain."""
    assert read_wallet("FB", SEGWIT[1]).is_certain


def test_the_case_of_wallets() -> None:
    """It is nothing in Bech32 and CashAddr, and a part of Base58."""
    assert check_wallet("DGB", DEMO_WALLET.upper()) == DEMO_WALLET
    # As a telephone writes it
    assert check_wallet("DGB", DEMO_WALLET.capitalize()) == DEMO_WALLET
    cash = f"bitcoincash:{CASH[OLD]}"
    assert check_wallet("BCH", cash.upper()) == cash
    assert check_wallet("BCH", f"bitcoincash:{CASH[OLD].upper()}") == cash
    assert strip_worker(" a.b.c ") == "a"


@pytest.mark.parametrize(
    "address", ["", " ", ".rig", "a b", "a\nb", "\x1b[0m", "ä", "\u202e", "1" * 129]
)
@pytest.mark.parametrize("coin", ["DGB", "XMR"])
def test_no_wallets(coin: str, address: str) -> None:
    """These are none of any coin."""
    with pytest.raises(InvalidValue):
        check_wallet(coin, address)
    assert not SolopoolDriver().validate_config({"username": address, "coin": coin})


@pytest.mark.parametrize("text", ["1", "q", "bc1q", "bitcoincash:", "_", ":", "z1"])
def test_the_cost_is_bounded(text: str) -> None:
    """Given a megabyte of anything, it is no more work than a hundred characters."""

    def read(length: int) -> None:
        for coin in ("BTC", "BCH", "XMR"):
            with suppress(InvalidValue):
                read_wallet(coin, (text * length)[:length])

    assert calls_of(lambda: read(1_000_000)) <= calls_of(lambda: read(128))


def test_every_pool_checks_a_wallet_as_it_was_typed(tmp_path: Path) -> None:
    """Given what cannot be seen in an address, then no driver leaves it out first."""
    asked = 0
    for loaded in load_drivers(tmp_path).pools.values():
        driver = loaded.driver_class()
        username = driver.get_config_schema()["properties"].get("username", {})
        if username.get("format") != "wallet":
            continue
        asked += 1

        def accepts(typed: object, driver: BasePoolIntegration = driver) -> bool:
            return driver.validate_config({"coin": "DGB", "username": typed})

        assert accepts(DEMO_WALLET), loaded.driver_type
        assert accepts(f" {DEMO_WALLET}.garage\n"), loaded.driver_type
        for hidden in "\x00\x07\x1b\t\n\u200b\u202e\ufeff\ud83d":
            typed = f"{DEMO_WALLET[:9]}{hidden}{DEMO_WALLET[9:]}"
            assert not accepts(typed), (loaded.driver_type, hidden)
        assert not accepts(7), loaded.driver_type
    assert asked >= 7


@pytest.mark.parametrize("coin", ["BTC", "DGB", "FB"])
@pytest.mark.parametrize(
    "key",
    [
        "5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ",
        "KwdMAjGmerYanjeui5SHS7JkmpZvVipYvB2LJGU1ZxJwYvP98617",
        "KwdMAjGmerYanjeui5SHS7JkmpZvVipYvB2LJGU1ZxJwYvP98617.rig",
        f"xprv9s21ZrQH143K3{'QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqji' * 2}",
    ],
)
def test_a_private_key_is_never_taken(coin: str, key: str) -> None:
    """What nobody else may see is not merely an unusual address."""
    with pytest.raises(InvalidValue) as caught:
        read_wallet(coin, key)
    assert caught.value.reason_key == "wallet_invalid"
    assert key[:20] not in str(caught.value)
