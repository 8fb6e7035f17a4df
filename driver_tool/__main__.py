"""Runs the command line."""

import io
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


def main() -> int:
    """Run one command and return its exit status."""
    import_without_home_assistant()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A device may send what this terminal cannot show
            stream.reconfigure(errors="replace")
    from .cli import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
