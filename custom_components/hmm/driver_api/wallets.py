"""Wallet addresses: which coin they can belong to.

Only the form is looked at, so that an address of another coin is noticed; no
checksum is verified. Error messages never quote the address.
"""

import re

from custom_components.hmm.driver_api.coins import COINS
from custom_components.hmm.driver_api.errors import InvalidValue

# Bech32 and CashAddr leave out 1, b, i and o after the prefix; their checksums
# are not verified, so any letter or digit passes.
_TAIL = "[0-9a-z]{8,90}"
_BASE58 = "[1-9A-HJ-NP-Za-km-z]{24,34}"

# Forms whose case means nothing, by coin.
_CASELESS = {
    "BTC": rf"bc1{_TAIL}",
    "BC2": rf"bc1{_TAIL}",
    "DGB": rf"dgb1{_TAIL}",
    "BCH": rf"(?:bitcoincash:)?[qp]{_TAIL}",
}
# Base58: the first characters tell the coin, the case is part of the address.
_CASED = {
    "BTC": f"[13]{_BASE58}",
    "BC2": f"[13]{_BASE58}",
    "DGB": f"[DS3]{_BASE58}",
    "BCH": f"[13]{_BASE58}",
}


def strip_worker(username: str) -> str:
    """Return the address of ``address.worker``."""
    return username.strip().partition(".")[0]


def check_wallet(coin: str, username: str) -> str:
    """Return the address of a user name, in the case that its form wants.

    ``username`` may end in ``.worker``. Raises ``InvalidValue`` when it is not
    an address of this coin. Of a coin that is not known here, anything without
    blanks passes. Bitcoin, BitcoinII and old Bitcoin Cash addresses look alike.
    """
    coin = coin.strip().upper()
    address = strip_worker(username)
    if not address or not address.isprintable() or " " in address:
        raise InvalidValue("This is not a wallet address")
    if coin not in _CASELESS:
        return address
    # The case may not be mixed, but the prefix is often typed in small letters.
    if re.fullmatch(_CASELESS[coin], address.lower()):
        return address.lower()
    if re.fullmatch(_CASED[coin], address):
        return address
    raise InvalidValue(f"This is not an address of {COINS[coin].name} ({coin})")
