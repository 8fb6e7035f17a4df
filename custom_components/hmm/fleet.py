"""All miners and pools that are set up, as one."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from homeassistant.core import CALLBACK_TYPE, callback

if TYPE_CHECKING:
    from .coordinator import MinerCoordinator


class Fleet:
    """Knows the coordinators that are set up and tells when one has news."""

    def __init__(self) -> None:
        """Begin without miners."""
        self.miners: dict[str, MinerCoordinator] = {}
        self._listeners: list[Callable[[], None]] = []

    @callback
    def async_add_miner(self, coordinator: MinerCoordinator) -> CALLBACK_TYPE:
        """Add a miner; its poll goes on even if all its entities are disabled."""
        entry_id = coordinator.config_entry.entry_id
        self.miners[entry_id] = coordinator
        remove_listener = coordinator.async_add_listener(self._changed)
        self._changed()

        @callback
        def remove() -> None:
            remove_listener()
            del self.miners[entry_id]
            self._changed()

        return remove

    @callback
    def async_add_listener(self, listener: Callable[[], None]) -> CALLBACK_TYPE:
        """Call ``listener`` whenever a miner has news, comes or goes."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @callback
    def _changed(self) -> None:
        for listener in tuple(self._listeners):
            listener()
