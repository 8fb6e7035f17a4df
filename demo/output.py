"""Progress on the terminal, in the form of script/lib.sh."""

import os
import sys
import time

# How long the commands that ran before took, so that the clock continues
_BEFORE = float(os.environ.get("HMM_SECONDS", "0"))
_BEGAN = time.monotonic()


def seconds() -> float:
    """Return the seconds since the command was called."""
    return _BEFORE + time.monotonic() - _BEGAN


def say(text: str) -> None:
    """Print what happens."""
    print(f"[{int(seconds()):3d} s] {text}", flush=True)


def fail(text: str) -> None:
    """Print what went wrong, further lines indented."""
    first, *others = text.splitlines()
    lines = [f"\nERROR: {first}", *(f"  {line}" for line in others)]
    print("\n".join(lines), file=sys.stderr, flush=True)
