"""Wallet addresses: whether they are typed correctly, and which coin they belong to.

The checksums are those of Base58Check, of Bech32 and Bech32m (BIP 173 and BIP 350)
and of CashAddr (its specification, 2017-05-19, and that of eCash). Error messages
never quote the address. The cost is linear: a text of more than 128 characters is
not an address.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
import hashlib
import re

from custom_components.hmm.driver_api.coins import COINS
from custom_components.hmm.driver_api.errors import InvalidValue

_LONGEST = 128

# Human-readable part of Bech32 addresses; BitcoinII kept that of Bitcoin
_SEGWIT: Mapping[str, str] = {"BTC": "bc", "BC2": "bc", "DGB": "dgb"}
_CASH: Mapping[str, str] = {"BCH": "bitcoincash", "XEC": "ecash"}
# Version bytes of Base58Check: public key hash and script hash, DigiByte's two
_BASE58: Mapping[str, bytes] = {
    "BTC": b"\x00\x05",
    "BC2": b"\x00\x05",
    "BCH": b"\x00\x05",
    "XEC": b"\x00\x05",
    "DGB": b"\x1e\x3f\x05",
}
_FIRST = {0x00: "1", 0x05: "3", 0x1E: "D", 0x3F: "S"}

_BASE58_DIGITS = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
# WIF, and extended keys of BIP 32, 49 and 84. No address of a coin looks like these
_PRIVATE_KEY = re.compile(rf"[5KL][{_BASE58_DIGITS}]{{50,51}}|[txyz]prv\w+")
_BECH32_DIGITS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_STEPS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CASH_STEPS = (0x98F2BC8E61, 0x79B76D99E2, 0xF33E5FB3C4, 0xAE2EABE2A8, 0x1E4F43E470)
_CASH_BITS = (160, 192, 224, 256, 320, 384, 448, 512)
_BECH32, _BECH32M = 1, 0x2BC830A3


class WrongChecksum(InvalidValue):
    """The address has a typing error, or is not complete."""


class OtherCoin(InvalidValue):
    """The address is correct, but of another coin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wallet:
    """An address in the case that its form wants.

    ``is_certain`` is False where nothing could be checked: HMM does not know the
    form, its prefix or the addresses of the coin.
    """

    address: str = field(repr=False)
    is_certain: bool


def strip_worker(username: str) -> str:
    """Return the address of ``address.worker``."""
    return username.strip().partition(".")[0]


def check_wallet(coin: str, username: str) -> str:
    """Return the address of a user name, in the case that its form wants.

    ``username`` may end in ``.worker``, or ``_worker`` behind an address. Raises
    ``InvalidValue`` for what cannot be an address of this coin, ``WrongChecksum`` for
    a typing error and ``OtherCoin``; what is merely unusual passes, see
    ``read_wallet``. Bitcoin, BitcoinII and old Bitcoin Cash addresses look alike.
    """
    return read_wallet(coin, username).address


def is_wallet(username: object, coin: object = None) -> bool:
    """Return whether something is the address of a user name, exactly as it was typed.

    What a reader would leave out (control characters, marks of direction) is wrong
    in an address. Without a coin, that of any coin will do.
    """
    if not isinstance(username, str):
        return False
    try:
        check_wallet(coin if isinstance(coin, str) else "", username)
    except InvalidValue:
        return False
    return True


def is_mistyped(coin: str, username: str) -> bool:
    """Return whether the checksum of an address is wrong."""
    try:
        check_wallet(coin, username)
    except WrongChecksum:
        return True
    except InvalidValue:
        pass
    return False


def read_wallet(coin: str, username: str) -> Wallet:
    """Return the address of a user name, and whether it is certain to be one.

    Raises what ``check_wallet`` does.
    """
    coin = coin.strip().upper()
    address = strip_worker(username)
    if (
        not 0 < len(address) <= _LONGEST
        or re.search(r"[^!-~]", address)
        # Merely unusual, it would be sent to the pool
        or _PRIVATE_KEY.fullmatch(address)
    ):
        raise InvalidValue("This is not a wallet address", reason="wallet_invalid")
    bare, _, worker = address.partition("_")
    result = _read(coin, bare if worker else address)
    if result is None:
        if coin in COINS and _is_mistyped(coin, address):
            raise WrongChecksum(
                "The checksum of this address is wrong", reason="wallet_checksum"
            )
        return Wallet(address=address, is_certain=False)
    normal, coins = result
    if coins and coin in COINS and coin not in coins:
        other = coins[0]
        raise OtherCoin(
            f"This is an address of {COINS[other].name} ({other})",
            reason="wallet_other_coin",
            coin=COINS[other].name,
        )
    return Wallet(address=normal, is_certain=bool(coins) or coin not in COINS)


def like_wallet(address: str, content: bytes) -> str | None:
    """Return an address of the same form with another content and its checksum.

    ``content`` stands for the hash in it, cut or filled up to its length. None for what
    is not an address with a correct checksum.
    """
    caseless = address.lower()
    prefix, colon, payload = caseless.rpartition(":")
    for human_part in (prefix,) if colon else _CASH.values():
        if _is_cash(human_part, payload):
            kind, *hashed = _octets(_digits(payload)[:-8]) or b""
            digits = _fives(bytes([kind]) + _fit(content, len(hashed)))
            expanded = [*(ord(char) & 31 for char in human_part), 0, *digits]
            check = _checksum(expanded, _CASH_STEPS, 35, 8, 1)
            return prefix + colon + _letters(digits + check)
    prefix, one, payload = caseless.rpartition("1")
    if prefix and _is_segwit(prefix, payload):
        version, *program = _digits(payload)[:-6]
        length = len(_octets(program) or b"")
        digits = [version, *_fives(_fit(content, length))]
        wanted = _BECH32M if version else _BECH32
        expanded = [*_expanded(prefix), *digits]
        check = _checksum(expanded, _BECH32_STEPS, 25, 6, wanted)
        other = prefix + one + _letters(digits + check)
        return other.upper() if address.isupper() else other
    if (number := _base58_version(address)) is not None:
        # The length depends on the first bytes of the content
        others = [
            _base58(bytes([number]) + _fit(lead + content, 20))
            for lead in (b"", b"\x01", b"\0", b"\0\1")
        ]
        return next(
            (other for other in others if len(other) == len(address)), others[0]
        )
    return None


def _read(coin: str, text: str) -> tuple[str, list[str]] | None:
    """Return an address with a correct checksum and its coins, None for other texts.

    There are no coins for a prefix that HMM does not know.
    """
    caseless = text.lower()
    prefix, colon, payload = caseless.rpartition(":")
    for human_part in (prefix,) if colon else _CASH.values():
        if _is_cash(human_part, payload):
            return caseless, [
                coin_ for coin_, name in _CASH.items() if name == human_part
            ]
    prefix, _, payload = caseless.rpartition("1")
    if prefix and _is_segwit(prefix, payload):
        return caseless, [coin_ for coin_, name in _SEGWIT.items() if name == prefix]
    if (version := _base58_version(text)) is not None:
        return text, [
            coin_ for coin_, versions in _BASE58.items() if version in versions
        ]
    return None


def _is_mistyped(coin: str, text: str) -> bool:
    """Return whether a text without a correct checksum is meant as an address."""
    caseless = text.lower()
    starts = [f"{start}1" for start in _SEGWIT.values()] + [
        f"{start}:" for start in _CASH.values()
    ]
    if caseless.startswith(tuple(starts)):
        return True
    # The length of an address, give or take a character
    if coin in _CASH and re.fullmatch("[qpzr][0-9a-z]{39,43}", caseless):
        return True
    firsts = {_FIRST[version] for version in _BASE58[coin]}
    return text[0] in firsts and bool(re.fullmatch("[0-9A-Za-z]{25,36}", text))


def _is_segwit(prefix: str, payload: str) -> bool:
    """Return whether this is an address of a witness program (BIP 173, BIP 350)."""
    if len(prefix) + len(payload) > 89 or not (digits := _digits(payload)):
        return False
    version = digits[0]
    program = _octets(digits[1:-6])
    if program is None or version > 16 or not 2 <= len(program) <= 40:
        return False
    if version == 0 and len(program) not in (20, 32):
        return False
    wanted = _BECH32M if version else _BECH32
    return _polymod([*_expanded(prefix), *digits], _BECH32_STEPS, 25) == wanted


def _expanded(prefix: str) -> list[int]:
    """Return the prefix as it goes into the checksum of Bech32."""
    return [
        *(ord(char) >> 5 for char in prefix),
        0,
        *(ord(char) & 31 for char in prefix),
    ]


def _is_cash(prefix: str, payload: str) -> bool:
    """Return whether this is a CashAddr address."""
    if len(payload) < 9 or not (digits := _digits(payload)):
        return False
    checked = [*(ord(char) & 31 for char in prefix), 0, *digits]
    if _polymod(checked, _CASH_STEPS, 35) != 1:
        return False
    content = _octets(digits[:-8])
    if not content or content[0] & 0x80:
        return False
    return 8 * (len(content) - 1) == _CASH_BITS[content[0] & 7]


def _base58_version(text: str) -> int | None:
    """Return the version byte of a Base58Check address, None for other texts."""
    if not 25 <= len(text) <= 36:
        return None
    number = 0
    for character in text:
        if (digit := _BASE58_DIGITS.find(character)) < 0:
            return None
        number = number * 58 + digit
    # A leading 1 stands for a byte of 0, which the number does not show
    zeros = len(text) - len(text.lstrip("1"))
    if zeros + (number.bit_length() + 7) // 8 != 25:
        return None
    content = number.to_bytes(25)
    return content[0] if content[21:] == _base58_check(content[:21]) else None


def _base58_check(content: bytes) -> bytes:
    """Return the checksum of Base58Check."""
    return hashlib.sha256(hashlib.sha256(content).digest()).digest()[:4]


def _base58(content: bytes) -> str:
    """Return a version byte and a hash as a Base58Check address."""
    content += _base58_check(content)
    number, text = int.from_bytes(content), ""
    while number:
        number, digit = divmod(number, 58)
        text = _BASE58_DIGITS[digit] + text
    return "1" * (len(content) - len(content.lstrip(b"\0"))) + text


def _digits(text: str) -> list[int]:
    """Return characters as numbers of 5 bits, empty if one is not of the alphabet."""
    digits = [_BECH32_DIGITS.find(character) for character in text]
    return [] if -1 in digits else digits


def _octets(digits: list[int]) -> bytes | None:
    """Return numbers of 5 bits as bytes, None if more than padding is left over."""
    bits = "".join(f"{digit:05b}" for digit in digits)
    whole = len(bits) // 8 * 8
    padding = bits[whole:]
    if len(padding) > 4 or "1" in padding:
        return None
    return bytes(int(bits[at : at + 8], 2) for at in range(0, whole, 8))


def _fit(content: bytes, length: int) -> bytes:
    return content[:length].ljust(length, b"!")


def _fives(content: bytes) -> list[int]:
    """Return bytes as numbers of 5 bits, filled up with zeros."""
    bits = "".join(f"{byte:08b}" for byte in content)
    bits += "0" * (-len(bits) % 5)
    return [int(bits[at : at + 5], 2) for at in range(0, len(bits), 5)]


def _letters(digits: Iterable[int]) -> str:
    return "".join(_BECH32_DIGITS[digit] for digit in digits)


def _checksum(
    values: list[int], steps: tuple[int, ...], bits: int, length: int, wanted: int
) -> list[int]:
    """Return the digits with which ``_polymod`` of the whole is ``wanted``."""
    rest = _polymod([*values, *[0] * length], steps, bits) ^ wanted
    return [rest >> 5 * at & 31 for at in reversed(range(length))]


def _polymod(values: Iterable[int], steps: tuple[int, ...], bits: int) -> int:
    """Return the BCH checksum that Bech32 (of 30 bits) and CashAddr (of 40) share."""
    checksum = 1
    for value in values:
        top = checksum >> bits
        checksum = (checksum & ((1 << bits) - 1)) << 5 ^ value
        for number, step in enumerate(steps):
            if top >> number & 1:
                checksum ^= step
    return checksum
