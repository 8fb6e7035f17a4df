"""Notifies listeners, each on its own."""

from collections.abc import Callable, Iterable
import logging

from homeassistant.core import callback

_LOGGER = logging.getLogger(__name__)


@callback
def notify_all[*Facts](
    listeners: Iterable[Callable[[*Facts], None]], *facts: *Facts
) -> None:
    """Call all ``listeners``, also those behind one that fails."""
    for listener in tuple(listeners):
        try:
            listener(*facts)
        except Exception:
            _LOGGER.exception("%r failed", listener)
