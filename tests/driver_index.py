"""A driver index for the tests of what reads and uses one."""

import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from custom_components.hmm.driver_engine.index_signature import sign

from .user_drivers import acme, sum_of

KEY = Ed25519PrivateKey.from_private_bytes(b"1" * 32)
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(b"2" * 32)


def version_of(text: str, version: str = "1.0.0", **changes: Any) -> dict[str, Any]:
    """Return a version whose file has this text."""
    return {
        "version": version,
        "url": f"acme-{version}_driver.py",
        "sha256": sum_of(text),
        "min_hmm": "0.1.0",
        "changes": "As good as new.",
        "checks": [
            {"name": "validate", "result": "passed"},
            {"name": "conformance", "result": "warnings", "against": "acme.json"},
        ],
        **changes,
    }


def driver_of(*versions: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a driver with some versions, one without any."""
    return {
        "kind": "miner",
        "type": "acme",
        "name": "Acme One",
        "summary": "The miner of Acme.",
        "author": "Jane Doe",
        "license": "MIT",
        "homepage": "https://acme.example/driver",
        "supports": ["Acme One", "Acme Two"],
        "versions": list(versions) or [version_of(acme())],
        **changes,
    }


def index_of(*drivers: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return an index with some drivers, one without any."""
    return {
        "hmm_driver_index": 1,
        "name": "Drivers of Acme",
        "homepage": "https://acme.example",
        "serial": 1,
        "drivers": list(drivers) or [driver_of()],
        **changes,
    }


def signed(document: dict[str, Any], key: Ed25519PrivateKey = KEY) -> dict[str, Any]:
    """Return an index with its signature."""
    return {**document, "signature": sign(document, key)}


def written(document: dict[str, Any]) -> bytes:
    """Return an index as a file."""
    return json.dumps(document).encode()
