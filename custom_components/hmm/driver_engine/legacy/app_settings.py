"""What a driver gets of HMM-Local's config.yaml, besides what it imports of it."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from ...driver_api.units import parse_int, parse_text
from ..address import Address, AddressError, parse_address

_SECRET_ENDS = ("key", "token", "password", "secret", "wallet", "user", "username")
_SHORTEST_SECRET = 6

_OLD_KEYS = ("_api_token", "_api_key")
"""How keys beside all sections end, as HMM-Local had them at first."""


class AppSettings:
    """The settings as one driver file sees them; each file has a copy of its own."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        """Take what config.yaml holds."""
        self._values = values

    def username(self, coin: Any) -> str | None:
        """Return the wallet of a coin, for an account that has none of its own."""
        return next(
            (
                parse_text(wallet)
                for name, wallet in self._section("wallets").items()
                if str(name).lower() == str(coin).lower()
            ),
            None,
        )

    def api_key(self, driver_type: str | None) -> str | None:
        """Return the key of a driver, for an account that has none of its own."""
        keys = old_keys(self._values) | {
            str(name).lower(): text
            for name, key in self._section("api_keys").items()
            if (text := parse_text(key))
        }
        return keys.get(str(driver_type).lower())

    def discreet(self, text: str, more: Iterable[Any] = ()) -> str:
        """Return a text without wallets, keys and passwords, nor those of ``more``."""
        secrets = {*_secrets(self._values), *_secrets(list(more), is_secret=True)}
        for secret in sorted(secrets, key=len, reverse=True):
            text = text.replace(secret, "…")
        return text

    def _section(self, name: str) -> Mapping[Any, Any]:
        section = self._values.get(name)
        return section if isinstance(section, Mapping) else {}


def settings_seen(source: str, settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the settings that a driver file of the user may see.

    One that imports them sees all, any other pool driver of HMM-Local those that
    fill in for what an account lacks, and a driver of another kind none.
    """
    if "core.config" in source or "app_config" in source:
        return settings
    if "base_pool" in source:
        return {
            key: value
            for key, value in settings.items()
            if key in ("wallets", "api_keys") or str(key).endswith(_OLD_KEYS)
        }
    return {}


def old_keys(values: Mapping[Any, Any]) -> dict[str, str]:
    """Return the keys beside all sections by driver, as of ``braiins_api_token``."""
    return {
        str(name).lower().removesuffix(end): text
        for end in reversed(_OLD_KEYS)
        for name, value in values.items()
        if str(name).lower().endswith(end) and (text := parse_text(value))
    }


def old_servers(values: Mapping[Any, Any]) -> dict[str, Address]:
    """Return servers of one's own by driver, as of ``mmfp_pool``; not all have a port."""
    servers: dict[str, Address] = {}
    for name, section in values.items():
        if not str(name).lower().endswith("_pool") or not isinstance(section, Mapping):
            continue
        # What is not an address is not suggested
        with suppress(AddressError):
            url = parse_text(section.get("url")) or ""
            server = parse_address(url)
            port = parse_int(section.get("port"))
            if port is not None and 0 < port < 65536:
                server = Address(server.host, port)
            servers[str(name).lower().removesuffix("_pool")] = server
    return servers


def _secrets(value: Any, *, is_secret: bool = False) -> Iterator[str]:
    """Yield the texts whose names say that they are private."""
    match value:
        case Mapping():
            for name, inner in value.items():
                text = str(name).lower()
                yield from _secrets(
                    inner,
                    is_secret=is_secret
                    or text in ("wallets", "api_keys")
                    or text.endswith(_SECRET_ENDS),
                )
        case list():
            for inner in value:
                yield from _secrets(inner, is_secret=is_secret)
        case str() if is_secret and len(value) >= _SHORTEST_SECRET:
            yield value
