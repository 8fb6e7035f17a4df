"""Files in Home Assistant's storage that never keep HMM from starting."""

from collections.abc import Callable
from datetime import UTC, datetime
import logging
from pathlib import Path
import time
from typing import Any, override

from homeassistant.core import DOMAIN as HOMEASSISTANT_DOMAIN, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.storage import Store

from .const import DOMAIN

_LOGGER = logging.getLogger(__name__)


class SafeStore(Store[dict[str, Any]]):
    """A file with an object in it.

    The base sets a file aside that is not JSON, and raises where it is of another
    version or shape: then everything that it is read for would be missing as well.
    """

    _due: float | None = None
    """When it is saved at the latest."""

    @override
    async def async_load(self) -> dict[str, Any]:
        """Return the content, nothing where the file is missing or was set aside."""
        try:
            stored: Any = await super().async_load()
        except (
            AttributeError,
            HomeAssistantError,
            LookupError,
            NotImplementedError,
            TypeError,
        ) as err:
            await self.async_set_aside(f"{type(err).__name__}: {err}")
            return {}
        if stored is None or isinstance(stored, dict):
            return stored or {}
        await self.async_set_aside(f"{type(stored).__name__} instead of an object")
        return {}

    @callback
    def async_save_within(
        self, content: Callable[[], dict[str, Any]], seconds: float
    ) -> None:
        """Save by then: unlike with a delay, a further call puts nothing off."""
        now = time.monotonic()
        if self._due is None or not now < self._due <= now + seconds:
            self._due = now + seconds
            self.async_delay_save(content, seconds)

    @override
    async def async_save(self, data: dict[str, Any]) -> None:
        self._due = None
        await super().async_save(data)

    async def async_set_aside(self, why: str) -> None:
        """Keep a file that cannot be read, and show the user where it is.

        It is called before anything is written in its place.
        """
        path = Path(self.path)
        kept = path.with_name(f"{path.name}.corrupt.{datetime.now(UTC).isoformat()}")
        try:
            await self.hass.async_add_executor_job(path.rename, kept)
        except FileNotFoundError:
            pass
        except OSError as err:
            self.make_read_only()
            kept = path
            why = f"{why} ({err.strerror})"
        _LOGGER.error("%s cannot be read (%s); it is kept as %s", path, why, kept)
        # The repair that Home Assistant itself shows, in every language
        ir.async_create_issue(
            self.hass,
            HOMEASSISTANT_DOMAIN,
            f"storage_corruption_{kept.name}",
            is_fixable=True,
            is_persistent=True,
            issue_domain=DOMAIN,
            severity=ir.IssueSeverity.CRITICAL,
            translation_key="storage_corruption",
            translation_placeholders={
                "storage_key": self.key,
                "original_path": str(path),
                "corrupt_path": str(kept),
                "error": why,
            },
        )
