"""Imports the parts of the integration that drivers use, without Home Assistant."""

from pathlib import Path
import sys
from types import ModuleType

ROOT = Path(__file__).parents[1]


def import_without_home_assistant() -> None:
    """Put empty packages where the integration's own would load Home Assistant.

    That takes seconds, and no driver needs it. Where the integration is loaded
    already, it stays.
    """
    for name in ("custom_components", "custom_components.hmm"):
        if name not in sys.modules:
            package = ModuleType(name)
            package.__path__ = [str(ROOT.joinpath(*name.split(".")))]
            sys.modules[name] = package
