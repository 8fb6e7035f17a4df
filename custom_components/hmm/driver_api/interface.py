"""The version of what a driver sees."""

from typing import Final

INTERFACE_VERSION: Final = "1.0.0"
"""Of this package, for miners and pools alike.

Its second number grows when something is added, so that a driver can say that it needs
it: ``interface_version``. What is there is not taken away.
"""
