"""Addresses of pools and of their statistics, as people type them."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from custom_components.hmm.driver_api import InvalidValue
from custom_components.hmm.driver_api.units import parse_text


def host_of(url: str) -> str:
    """Return the host of an address with or without scheme, port and path."""
    text = url.strip().lower().rpartition("://")[2].partition("/")[0]
    if text.count(":") > 1 and not text.startswith("["):
        return text
    try:
        return (urlsplit(f"//{text}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def bracket(host: str, port: int | None = None) -> str:
    """Return a host, and its port if it has one, as it stands in a web address."""
    place = f"[{host}]" if ":" in host else host
    return place if port is None else f"{place}:{port}"


def typed_base(options: Mapping[str, Any]) -> str | None:
    """Return where the statistics are, if it was given."""
    return parse_text(options.get("api_base")) or parse_text(
        options.get("api_base_url")
    )


def parts_of(typed: str) -> tuple[SplitResult, str, int | None]:
    """Return the parts of a web address that was typed, its host and its port.

    Raises InvalidValue: it is none.
    """
    try:
        parts = urlsplit(typed if "://" in typed else f"http://{typed}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https"):
        raise InvalidValue(
            "The address of the statistics is no web address",
            reason="statistics_address",
        )
    return parts, host, port
