"""Which miner moves to which pool: the decision alone, in a world that is made up."""

from dataclasses import dataclass, field, replace
import itertools
import random

import pytest

from custom_components.hmm.fleet.failover import (
    DAY,
    MAX_MOVES,
    ON_THE_WAY,
    PRIMARY_BACK,
    RETRIES,
    SHORTEST_GAP,
    SHORTEST_STAY,
    STAGGER,
    Criterion,
    FailoverState,
    Memory,
    MinerFacts,
    Move,
    PoolHealth,
    Settings,
    are_many,
    bad_shares,
    decide,
    has_arrived,
    has_failed,
    resumed,
    worst,
)

NOW = 1_000_000.0
SETTINGS = Settings(
    moves=True,
    when=frozenset({Criterion.STRATUM_DOWN, Criterion.MINER_NO_POOL}),
    after=300,
    back_after=1800,
)
GOOD = PoolHealth(good_since=0.0)


def silent(since: float = NOW) -> PoolHealth:
    """Return a pool that does not respond."""
    return PoolHealth(silent_since=since)


@dataclass
class World:
    """Pools that come and go, miners that obey or not, and a clock."""

    order: tuple[str, ...] = ("a", "b", "c")
    now: float = NOW
    settings: Settings = SETTINGS
    pools: dict[str, PoolHealth] = field(default_factory=dict)
    miners: dict[str, MinerFacts] = field(default_factory=dict)
    memories: dict[str, Memory] = field(default_factory=dict)
    moves: list[tuple[float, Move, dict[str, PoolHealth]]] = field(default_factory=list)
    arrivals: list[tuple[float, str]] = field(default_factory=list)
    obeys: bool = True
    has_internet: bool = True

    def __post_init__(self) -> None:
        """Begin with all pools up and one miner at the first."""
        self.pools = self.pools or dict.fromkeys(self.order, GOOD)
        self.miners = self.miners or {"m": MinerFacts(order=self.order, at="a")}

    def set(self, miner: str = "m", **facts: object) -> None:
        """Change what a miner reports."""
        self.miners[miner] = replace(self.miners[miner], **facts)  # type: ignore[arg-type]

    def set_pool(self, pool: str, *, up: bool) -> None:
        """Let a pool come or go, unless it is so."""
        if up is (self.pools[pool].silent_since is not None):
            self.pools[pool] = (
                PoolHealth(good_since=self.now) if up else silent(self.now)
            )

    def tick(self, seconds: float = 30) -> None:
        """Let time pass, decide, and do what is decided."""
        self.now += seconds
        sent = self.moves[-1][0] if self.moves else 0.0
        decision = decide(
            self.now,
            self.settings,
            self.pools,
            self.miners,
            self.memories,
            last_sent=sent,
            has_internet=self.has_internet,
        )
        self.memories = dict(decision.memories)
        for move in decision.moves:
            self.moves.append((self.now, move, dict(self.pools)))
            memory = self.memories[move.miner]
            if self.obeys:
                self.set(move.miner, at=move.to)
                self.arrivals.append((self.now, move.miner))
                memory = has_arrived(memory, self.now, is_first=move.to == "a")
            else:
                memory = has_failed(memory, self.now, "pool_not_applied")
            self.memories[move.miner] = memory

    def run(self, seconds: float) -> None:
        """Let time pass in steps of half a minute."""
        for _ in range(int(seconds // 30)):
            self.tick()

    @property
    def state(self) -> FailoverState | None:
        """Return the state of the only miner."""
        return self.memories["m"].state

    @property
    def path(self) -> list[str]:
        """Return where the miners were sent, one after the other."""
        return [move.to for _, move, _ in self.moves]


def test_down_and_back() -> None:
    """Given a pool that goes and comes back, then the miner does so after it."""
    world = World()
    world.tick()
    assert world.state is FailoverState.PRIMARY
    world.set_pool("a", up=False)
    world.run(300)
    assert (world.state, world.moves) == (FailoverState.SUSPECT, [])
    world.tick()
    assert (world.state, world.path) == (FailoverState.BACKUP, ["b"])
    assert world.moves[0][1].reason == "stratum_down"
    world.set_pool("a", up=True)
    world.run(1800)
    # It is good for long enough, but the miner has only just come
    assert world.path == ["b"]
    world.run(1800)
    assert world.path == ["b", "a"]
    assert world.moves[1][1] == Move(
        miner="m", origin="b", to="a", reason=PRIMARY_BACK, is_back=True
    )
    assert world.state is FailoverState.PRIMARY


def test_a_short_silence_moves_nobody() -> None:
    """Given a pool that responds again in time, then nothing happens."""
    world = World()
    for up in (False, True) * 6:
        world.set_pool("a", up=up)
        world.run(240)
    assert (world.state, world.moves) == (FailoverState.PRIMARY, [])


def test_a_target_that_is_down_is_left_out() -> None:
    """Given a backup that is down as well, then the next one is taken."""
    world = World()
    world.set_pool("b", up=False)
    world.set_pool("a", up=False)
    world.run(330)
    assert world.path == ["c"]


def test_all_silent() -> None:
    """Given that nobody responds, then nothing is written, however long."""
    world = World()
    for pool in world.order:
        world.set_pool(pool, up=False)
    world.run(7200)
    assert (world.state, world.moves) == (FailoverState.EXHAUSTED, [])
    world.set_pool("c", up=True)
    world.tick()
    assert world.path == ["c"]


def test_without_internet() -> None:
    """Given that Home Assistant reaches nothing outside, then nobody is moved."""
    world = World(has_internet=False)
    world.set_pool("a", up=False)
    world.run(3600)
    assert (world.state, world.moves) == (FailoverState.SUSPECT, [])


def test_a_share_is_the_better_proof() -> None:
    """Given a miner that finds shares at a silent pool, then it stays."""
    world = World()
    world.set_pool("a", up=False)
    for _ in range(100):
        world.set(share_at=world.now + 1)
        world.tick()
    assert (world.state, world.moves) == (FailoverState.PRIMARY, [])


def test_a_share_of_long_ago_proves_nothing() -> None:
    """Given one more share at a pool that has fallen silent, then it is left later."""
    world = World()
    world.set_pool("a", up=False)
    world.tick()
    world.set(share_at=world.now)
    world.run(240)
    assert (world.state, world.moves) == (FailoverState.PRIMARY, [])
    world.run(600)
    assert world.path == ["b"]


@pytest.mark.parametrize(
    ("criterion", "facts"),
    [
        (Criterion.MINER_NO_POOL, {"no_pool": True}),
        (Criterion.HIGH_REJECTS, {"has_rejects": True}),
    ],
)
def test_only_what_the_owner_chose(
    criterion: Criterion, facts: dict[str, bool]
) -> None:
    """Given a criterion, then it moves a miner only if it was chosen."""
    for when, path in ((frozenset({criterion}), ["b"]), (frozenset(), [])):
        world = World(settings=replace(SETTINGS, when=frozenset(when)))
        world.set(**facts)
        world.run(360)
        assert world.path == path


def test_stale_shares_of_a_pool() -> None:
    """Given a pool with stale shares, then it is left if the owner wants that."""
    world = World(settings=replace(SETTINGS, when=frozenset({Criterion.HIGH_STALE})))
    world.pools["a"] = PoolHealth(good_since=0.0, is_stale=True)
    world.run(360)
    assert world.path == ["b"]


def test_only_told() -> None:
    """Given that HMM only notifies, then it says what it would do."""
    world = World(settings=replace(SETTINGS, moves=False))
    world.set_pool("a", up=False)
    world.run(330)
    decision = decide(
        world.now + 30, world.settings, world.pools, world.miners, world.memories
    )
    assert [item.to for item in decision.wanted] == ["b"]
    assert (decision.moves, world.moves) == ((), [])


def test_the_owner_decides() -> None:
    """Given a pool that its owner chose, then the miner stays until it is resumed."""
    world = World()
    world.tick()
    world.set(at="b", by_user=True)
    world.tick()
    world.set(by_user=False)
    world.run(2 * 3600)
    world.set_pool("b", up=False)
    world.run(3600)
    assert (world.state, world.moves) == (FailoverState.HELD, [])
    assert world.memories["m"].state_reason == "chosen_by_owner"
    world.memories["m"] = resumed(world.memories["m"])
    world.run(330)
    assert world.path == ["c"]


def test_a_pool_that_is_not_on_the_list() -> None:
    """Given a miner that its owner has elsewhere, then it is left alone until it comes."""
    world = World()
    world.set(at="")
    world.set_pool("a", up=False)
    world.run(600)
    assert (world.state, world.moves) == (FailoverState.HELD, [])
    world.set(at="a")
    world.run(360)
    assert world.path == ["b"]


def test_a_miner_that_switched_by_itself() -> None:
    """Given a miner that went to its own fallback pool, then HMM brings it back."""
    world = World(settings=replace(SETTINGS, even_own=True))
    world.set(has_own=True)
    world.tick()
    world.set(at="", is_own_switch=True)
    world.run(60)
    assert world.state is FailoverState.BACKUP
    world.set(no_pool=True)
    world.run(360)
    assert world.path == ["a"]


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({"has_own": True}, FailoverState.DEVICE),
        ({"is_device": True}, FailoverState.DEVICE),
        ({"order": ()}, None),
        ({"order": ("a",)}, None),
        ({"is_ready": False}, None),
        ({"at": None}, None),
    ],
)
def test_who_is_left_alone(
    facts: dict[str, object], state: FailoverState | None
) -> None:
    """Given a miner that is not to be moved, then it is not."""
    world = World()
    world.set(**facts)
    world.set_pool("a", up=False)
    world.run(3600)
    assert (world.state, world.moves) == (state, [])


def test_an_order_of_its_own_asks_for_it() -> None:
    """Given an own order of a miner with a fallback pool, then it is followed."""
    world = World()
    world.set(has_own=True, has_own_order=True)
    world.set_pool("a", up=False)
    world.run(330)
    assert world.path == ["b"]


def test_it_does_not_obey() -> None:
    """Given a miner that takes no pool, then it is tried four times, ever more rarely."""
    world = World(obeys=False)
    world.set_pool("a", up=False)
    world.run(6 * 3600)
    times = [at for at, _, _ in world.moves]
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert gaps == list(RETRIES)
    assert world.state is FailoverState.FAILED
    assert world.memories["m"].state_reason == "pool_not_applied"
    world.set(is_ready=False)
    world.tick()
    assert world.state is None
    world.set(is_ready=True)
    # When the pool is back it is forgotten
    world.set_pool("a", up=True)
    world.tick()
    assert world.state is FailoverState.PRIMARY


def test_it_restarts_and_keeps_its_pool() -> None:
    """Given a miner that only restarts for a new pool, then it is tried no more often."""
    world = World(obeys=False)
    world.set_pool("a", up=False)
    for _ in range(8 * 3600 // 30):
        sent = world.moves[-1][0] if world.moves else 0.0
        world.set(is_ready=world.now + 30 - sent > 240)
        world.tick()
    assert len(world.moves) == 1 + len(RETRIES)
    assert world.state is FailoverState.FAILED


def test_the_pool_of_a_strategy() -> None:
    """Given a pool that a strategy chose, then it is no choice of the owner."""
    world = World()
    world.tick()
    world.memories["m"] = replace(world.memories["m"], first="b")
    world.set(order=("b", "a", "c"), at="b")
    world.run(2 * 3600)
    assert (world.state, world.moves) == (FailoverState.PRIMARY, [])
    world.set_pool("b", up=False)
    world.run(330)
    assert world.path == ["a"]


def test_one_goes_first() -> None:
    """Given three miners, then the others follow after a share, 30 s apart."""
    world = World(
        miners={
            name: MinerFacts(order=("a", "b"), at="a", proof=1200)
            for name in ("m", "n", "o")
        }
    )
    world.set_pool("a", up=False)
    world.run(900)
    assert world.path == ["b"]
    world.set("m", share_at=world.now)
    world.run(90)
    assert [move.miner for _, move, _ in world.moves] == ["m", "n", "o"]
    assert world.moves[2][0] - world.moves[1][0] == STAGGER


def test_the_first_one_finds_nothing() -> None:
    """Given no share, then the others wait no longer than one takes; or go nowhere."""
    miners = {
        name: MinerFacts(order=("a", "b"), at="a", proof=600) for name in ("m", "n")
    }
    world = World(miners=dict(miners))
    world.set_pool("a", up=False)
    world.run(330 + 570)
    assert world.path == ["b"]
    world.run(60)
    assert world.path == ["b", "b"]

    world = World(miners=dict(miners))
    world.set_pool("a", up=False)
    world.run(360)
    world.set("m", no_pool=True)
    world.run(1800)
    assert "n" not in [move.miner for _, move, _ in world.moves]
    assert world.memories["n"].state is FailoverState.EXHAUSTED


def test_the_fleet_shows_the_gravest() -> None:
    """Given several states, then the gravest counts."""
    states = (FailoverState.PRIMARY, FailoverState.FAILED, FailoverState.DEVICE, None)
    memories = {str(number): Memory(state=it) for number, it in enumerate(states)}
    assert worst(memories) is FailoverState.FAILED
    assert worst({}) is None


def test_what_is_remembered_survives() -> None:
    """Given a memory, then it is stored and read back; nonsense is an error."""
    memory = Memory(
        state=FailoverState.MOVING, at="a", to="b", sent=(1.0, 2.0), moved=2.0
    )
    stored = memory.as_dict()
    assert Memory.from_dict(stored) == memory
    for broken in (
        {"state": "dancing"},
        {"moved": "nan"},
        {"arrived": 1e300},
        {"sent": 5},
        {"at": 7},
        {"failures": "x"},
    ):
        with pytest.raises((LookupError, TypeError, ValueError)):
            Memory.from_dict(stored | broken)


def test_many_bad_shares() -> None:
    """Given 20 % of 50 shares in half an hour, then they are many; a reset begins anew."""
    shares = bad_shares()
    assert not are_many(shares.percent(NOW, 100, 10))
    assert not are_many(shares.percent(NOW + 600, 130, 19))
    assert are_many(shares.percent(NOW + 900, 140, 20))
    assert not are_many(shares.percent(NOW + 960, 5, 0))
    assert not are_many(shares.percent(NOW + 7200, 45, 10))
    assert not are_many(shares.percent(NOW + 7260, None, 10))
    shares.clear()
    assert not are_many(shares.percent(NOW + 7300, 0, 100))


@pytest.mark.parametrize("seed", range(12))
def test_what_holds_in_every_world(seed: int) -> None:
    """Given two days of chance, then no rule is broken at any time."""
    chance = random.Random(seed)
    miners = {
        name: MinerFacts(order=("a", "b", "c"), at="a", proof=600)
        for name in "mnopq"[: chance.randint(1, 5)]
    }
    world = World(miners=miners)
    held: dict[str, str] = {}
    for _ in range(int(2 * DAY // 30)):
        if chance.random() < 0.01:
            pool = chance.choice(world.order)
            world.set_pool(pool, up=chance.random() < 0.5)
        name = chance.choice(list(miners))
        match chance.random():
            case dice if dice < 0.01:
                world.set(name, no_pool=chance.random() < 0.5)
            case dice if dice < 0.02:
                world.set(name, is_ready=chance.random() < 0.7)
            case dice if dice < 0.3:
                world.set(name, share_at=world.now)
            case dice if dice < 0.3005:
                world.obeys = not world.obeys
            case dice if dice < 0.3006 and name not in held:
                at = chance.choice(world.order)
                if at != world.miners[name].at and world.miners[name].is_ready:
                    world.set(name, at=at, by_user=True)
                    held[name] = at
        # The clock of a computer is set now and then
        world.tick(chance.choice((30, 30, 30, 31, 45)))
        for name in miners:
            world.set(name, by_user=False)
        for name, at in held.items():
            assert world.miners[name].at == at
    for index, (at, move, pools) in enumerate(world.moves):
        target = pools[move.to]
        assert target.silent_since is None
        if move.is_back:
            assert at - (target.good_since or 0) >= SETTINGS.back_after
            last = [it for it, name in world.arrivals if name == move.miner and it < at]
            assert not last or at - last[-1] >= SHORTEST_STAY
        if index:
            assert at - world.moves[index - 1][0] >= STAGGER
        mine = [it for it, other, _ in world.moves if other.miner == move.miner]
        assert sum(0 <= at - item < DAY for item in mine) <= MAX_MOVES
        arrived = [it for it, name in world.arrivals if name == move.miner and it < at]
        assert not arrived or at - arrived[-1] >= SHORTEST_GAP
        before = [item for item in mine if item < at]
        assert not before or at - before[-1] >= RETRIES[0]
    assert not {memory.state for memory in world.memories.values()} & ON_THE_WAY


def test_a_clock_that_is_set_back() -> None:
    """Given memories of the future, then they still hold the miner back."""
    world = World()
    future = world.now + 10 * DAY
    world.memories["m"] = Memory(
        state=FailoverState.PRIMARY,
        at="a",
        sent=(future,) * MAX_MOVES,
        moved=future,
        arrived=future,
    )
    world.set_pool("a", up=False)
    world.run(3600)
    assert (world.state, world.moves) == (FailoverState.HELD, [])
    assert world.memories["m"].state_reason == "move_limit"
