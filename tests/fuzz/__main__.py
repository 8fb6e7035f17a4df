"""The command line; see the package."""

import argparse
import asyncio
import sys

from .cost import print_costs
from .families import FAMILIES
from .run import run


def main() -> int:
    """Run, print a table, and return 1 if anything escaped."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--family", choices=FAMILIES, action="append")
    parser.add_argument("--inputs", type=int, default=2000, help="per family")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cost", action="store_true", help="time the worst inputs")
    args = parser.parse_args()
    if args.cost:
        print_costs()
        return 0
    print(
        f"{'family':16} {'inputs':>8} {'accepted':>9} {'refused':>8} {'escaped':>8}"
        f" {'wrong':>6} {'slow':>5} {'longest':>8} {'CPU s':>7}"
    )
    clean = True
    for family in args.family or FAMILIES:
        result = asyncio.run(run(family, args.inputs, args.seed))
        print(
            f"{family:16} {result.inputs:8} {result.accepted:9} {result.refused:8}"
            f" {result.escaped.total():8} {result.wrong.total():6} {result.slow:5}"
            f" {1000 * result.longest:5.0f} ms {result.seconds:7.1f}",
            flush=True,
        )
        if not result.is_clean:
            clean = False
            print(result.describe())
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
