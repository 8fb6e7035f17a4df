"""What HMM-Local's config.yaml tells a driver, beside what it imports of it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ...driver_api.units import parse_text

_SECRET_ENDS = ("key", "token", "password", "secret", "wallet", "user", "username")
_SHORTEST_SECRET = 6


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
        """Return the key of a driver, for an account that has none of its own.

        At first HMM-Local had one beside all sections, as ``braiins_api_token``.
        """
        return parse_text(self._section("api_keys").get(driver_type)) or parse_text(
            self._values.get(f"{driver_type}_api_token")
        )

    def discreet(self, text: str, more: Iterable[Any] = ()) -> str:
        """Return a text without wallets, keys and passwords, nor those of ``more``."""
        secrets = {*_secrets(self._values), *_secrets(list(more), is_secret=True)}
        for secret in sorted(secrets, key=len, reverse=True):
            text = text.replace(secret, "…")
        return text

    def _section(self, name: str) -> Mapping[Any, Any]:
        section = self._values.get(name)
        return section if isinstance(section, Mapping) else {}


def settings_seen(source: bytes, settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the settings that a driver file of the user may see.

    One that imports them sees all, any other pool driver of HMM-Local those that
    fill in for what an account lacks, and a driver of another kind none.
    """
    if b"core.config" in source or b"app_config" in source:
        return settings
    if b"base_pool" in source:
        return {
            key: value
            for key, value in settings.items()
            if key in ("wallets", "api_keys") or str(key).endswith("_api_token")
        }
    return {}


def _secrets(value: Any, *, is_secret: bool = False) -> Iterator[str]:
    """Yield the texts whose names say that they are nobody else's business."""
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
