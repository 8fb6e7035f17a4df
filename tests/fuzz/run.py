"""Runs a family and counts what escapes."""

from collections import Counter
from dataclasses import dataclass, field
import gc
import time
import traceback

from custom_components.hmm.driver_api import DriverError
from custom_components.hmm.driver_engine.guard import DriverFault

from .families import FAMILIES
from .mutate import Mutator

_MOST_SHOWN = 12


@dataclass(slots=True)
class Outcome:
    """What became of the inputs of one family."""

    family: str
    accepted: int = 0
    refused: int = 0
    escaped: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    slow: int = 0
    seconds: float = 0.0
    longest: float = 0.0
    examples: dict[str, str] = field(default_factory=dict)

    @property
    def inputs(self) -> int:
        """Return how many answers were read."""
        return self.accepted + self.refused + self.escaped.total()

    @property
    def is_clean(self) -> bool:
        """Return whether nothing escaped."""
        return not (self.escaped or self.wrong or self.slow)

    def describe(self) -> str:
        """Return what escaped, with the first input of each kind."""
        lines = []
        for what in (*self.escaped, *self.wrong)[:_MOST_SHOWN]:
            count = self.escaped[what] + self.wrong[what]
            lines.append(f"{count} x {what}\n    after {self.examples[what]}")
        if self.slow:
            lines.append(f"{self.slow} x too slow, as {self.examples['slow']}")
        return "\n".join(lines)


async def run(family: str, inputs: int, seed: int = 1) -> Outcome:
    """Feed a family with this many inputs."""
    outcome = Outcome(family)
    target = FAMILIES[family](Mutator(f"{family} {seed}"))
    begin = time.process_time()
    try:
        for _ in range(inputs):
            # What earlier tests left is not to be collected in the time of this input
            gc.disable()
            start = time.process_time()
            try:
                wrong = list(await target.feed())
            except DriverFault as err:
                what = f"{err}{_where(err.__cause__)}"
                outcome.escaped[what] += 1
                outcome.examples.setdefault(what, repr(target.last)[:600])
            except DriverError:
                outcome.refused += 1
            except Exception as err:  # noqa: BLE001
                what = f"{type(err).__name__}: {str(err)[:200]}{_where(err)}"
                outcome.escaped[what] += 1
                outcome.examples.setdefault(what, repr(target.last)[:600])
            else:
                outcome.accepted += 1
                for what in wrong:
                    outcome.wrong[what] += 1
                    outcome.examples.setdefault(what, repr(target.last)[:600])
            took = time.process_time() - start
            gc.enable()
            outcome.longest = max(outcome.longest, took)
            if took > target.most_seconds:
                outcome.slow += 1
                outcome.examples.setdefault("slow", repr(target.last)[:500])
    finally:
        gc.enable()
        await target.close()
    outcome.seconds = time.process_time() - begin
    return outcome


def _where(err: BaseException | None) -> str:
    frames = traceback.extract_tb(err.__traceback__) if err is not None else []
    return "".join(
        f"\n    {f.filename.rpartition('/')[2]}:{f.lineno}" for f in frames[-4:]
    )
