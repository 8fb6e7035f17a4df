"""Runs the command line."""

import sys

from .bare import import_without_home_assistant


def main() -> int:
    """Run one command and return its exit status."""
    import_without_home_assistant()
    from .cli import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
