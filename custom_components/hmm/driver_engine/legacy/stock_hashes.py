"""Recognizes the drivers that came with HMM-Local, by their checksums.

HMM-Local put them into everybody's configuration folder, without the user's choice.
"""

from functools import cache
import hashlib
from pathlib import Path

_CHECKSUMS = Path(__file__).with_name("stock_sha256.txt")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def is_stock(source: bytes) -> bool:
    """Return whether a file is one of them, unchanged. Blocks once (reads a file).

    Ends of lines and a byte order mark do not count: a copy by way of another
    system may have changed them.
    """
    plain = source.removeprefix(_BYTE_ORDER_MARK).replace(b"\r\n", b"\n")
    hashes = checksums()
    return any(
        hashlib.sha256(content).hexdigest() in hashes for content in (source, plain)
    )


@cache
def checksums() -> frozenset[str]:
    """Return the SHA-256 of each."""
    lines = _CHECKSUMS.read_text(encoding="ascii").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))
