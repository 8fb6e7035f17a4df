"""Where a driver came from."""

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from ..hanging import Hanging
from .app_settings import AppSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The file of a driver, what is written in it, and what it became."""

    path: Path
    source: str
    module: ModuleType
    hanging: Hanging
    settings: AppSettings

    @property
    def version(self) -> str | None:
        """Return ``__version__`` of the file, None if it has none."""
        version = vars(self.module).get("__version__")
        return None if version is None else str(version)
