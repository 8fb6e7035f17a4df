"""Brings entries of earlier versions to the form of today, one step after the other."""

from collections.abc import Callable
from typing import Any, Final

from homeassistant.core import HomeAssistant, callback

from .const import CONF_CREDENTIALS
from .data import HmmConfigEntry
from .driver_api.miner import CREDENTIALS

type _Parts = dict[str, Any]

VERSION: Final = 1


def _credentials_into_data(data: _Parts, options: _Parts) -> None:
    """Move the login of a miner out of the options."""
    credentials = {name: options.pop(name) for name in CREDENTIALS if name in options}
    if credentials:
        data[CONF_CREDENTIALS] = credentials


_STEPS: Final[tuple[Callable[[_Parts, _Parts], None], ...]] = (_credentials_into_data,)
"""What leads from a minor version to the next, from 1 on; changes data and options."""

MINOR_VERSION: Final = 1 + len(_STEPS)


@callback
def async_migrate(hass: HomeAssistant, entry: HmmConfigEntry) -> bool:
    """Migrate an entry; False for one of a version that is not known yet."""
    if entry.version > VERSION:
        return False
    data, options = {**entry.data}, {**entry.options}
    for step in _STEPS[entry.minor_version - 1 :]:
        step(data, options)
    hass.config_entries.async_update_entry(
        entry,
        data=data,
        options=options,
        minor_version=max(entry.minor_version, MINOR_VERSION),
    )
    return True
