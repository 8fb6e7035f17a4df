"""Signs a driver index and reports who has signed one: Ed25519, one signature, one key.

What is signed is the document without its signature, as JSON without blanks, with
sorted keys and in ASCII, so that it does not matter how the file is written. The
signature is in the file itself: a second file would not always be of the same moment.
"""

from collections.abc import Mapping
from dataclasses import dataclass
import hashlib
import json
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

# So that a signature of anything else is none of an index
_PURPOSE: Final = b"HMM driver index\n"


@dataclass(frozen=True, slots=True)
class Signer:
    """Who has signed an index, known by nothing but the public key (64 hex digits)."""

    key: str

    @property
    def fingerprint(self) -> str:
        """Return what people compare: the first half of the SHA-256 of the key."""
        digits = hashlib.sha256(bytes.fromhex(self.key)).hexdigest()[:32]
        return " ".join(digits[start : start + 4] for start in range(0, 32, 4))


def signer_of(
    document: Mapping[str, Any], key: bytes, signature: bytes
) -> Signer | None:
    """Return who has signed a document, None if the signature is not of it.

    ``document`` comes without its signature, ``key`` has 32 bytes. Raises
    RecursionError if the document is nested too deeply.
    """
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, _signed(document))
    except InvalidSignature, ValueError:
        return None
    return Signer(key.hex())


def sign(document: Mapping[str, Any], key: Ed25519PrivateKey) -> dict[str, str]:
    """Return the signature of a document, as it stands in the file."""
    return {
        "key": key.public_key().public_bytes_raw().hex(),
        "value": key.sign(_signed(document)).hex(),
    }


def _signed(document: Mapping[str, Any]) -> bytes:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return _PURPOSE + text.encode("ascii")
