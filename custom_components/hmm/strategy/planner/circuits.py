"""What miners on one fuse may draw together, at every instant."""

from collections.abc import Iterable, Mapping, Sequence

from .ledger import Entry
from .model import OFF, Circuit, MinerView, Rung
from .rungs import ladder, most_watts_of, watts_of


def load(miner: MinerView, entry: Entry | None = None) -> float:
    """Return W that a miner draws at most, including a command under way.

    What it was commanded to keeps the room that was assumed for it until it is known.
    """
    draws = [miner.watts, miner.claimed, watts_of(miner.reported, miner)]
    if entry is not None and (not entry.reached or entry.target == miner.reported):
        draws.append(most_watts_of(entry.target, miner))
    watts = [draw for draw in draws if draw is not None]
    if miner.reported is None or not miner.online or not watts:
        # Not reported: it may draw its maximum
        watts += [mode.watts for mode in ladder(miner)[-1:] if mode.watts is not None]
        watts += [] if miner.drew is None else [miner.drew]
    return max(watts, default=0.0)


def refusing(
    circuits: Iterable[Circuit],
    loads: Mapping[str, float],
    miner: str,
    watts: float | None,
) -> Circuit | None:
    """Return what keeps a miner from so many watts: with what others may draw it is full.

    A step down is always allowed; one to unknown watts is not, where there is a limit.
    """
    if watts is not None and watts <= loads.get(miner, 0.0):
        return None
    for circuit in circuits:
        if miner not in circuit.miners:
            continue
        others = sum(
            loads.get(other, 0.0) for other in circuit.miners if other != miner
        )
        if watts is None or watts + others > circuit.max_watts:
            return circuit
    return None


def lowered(
    circuit: Circuit,
    plan: Mapping[str, float],
    known: Mapping[str, float],
    miners: Sequence[MinerView],
) -> dict[str, Rung]:
    """Return what must go lower, from the first of ``miners`` on, for a plan to fit.

    ``plan`` has the watts that each is about to draw. Where one draws more than is known
    of its rung, ``known`` has the latter: that rung itself is not a lower one. What is
    left in the end is used again, by the last one first.
    """
    over = sum(plan.get(id_, 0.0) for id_ in circuit.miners) - circuit.max_watts
    rungs: dict[str, Rung] = {}
    drawing: dict[str, float] = {}
    taken: list[MinerView] = []
    for miner in miners:
        if over <= 0:
            break
        watts = plan.get(miner.id, 0.0)
        if miner.id not in circuit.miners or watts <= 0:
            continue
        below = [(mode.watts or 0.0, mode.rung) for mode in ladder(miner)]
        if miner.can_be_off:
            below.insert(0, (0.0, OFF))
        most = known.get(miner.id, watts)
        below = [mode for mode in below if mode[0] < most]
        if not below:
            continue
        enough = [mode for mode in below if watts - mode[0] >= over]
        drawing[miner.id], rungs[miner.id] = (enough or below[:1])[-1]
        over -= watts - drawing[miner.id]
        taken.append(miner)
    for miner in reversed(taken):
        draws, watts = drawing[miner.id], plan[miner.id]
        if watts <= draws - over:
            del rungs[miner.id]
            over += watts - draws
            continue
        for mode in reversed(ladder(miner)):
            if (mode.watts or 0.0) >= known.get(miner.id, watts):
                continue
            if draws < (mode.watts or 0.0) <= draws - over:
                rungs[miner.id] = mode.rung
                over += (mode.watts or 0.0) - draws
                break
    return rungs
