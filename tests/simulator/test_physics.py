"""A simulated chip behaves like one."""

import statistics

import pytest

from simulator.physics import HASHES_PER_DIFFICULTY, Miner, Reading, Silicon

GAMMA = Silicon(
    chips=1,
    small_cores=2040,
    frequency=525,
    voltage=1150,
    core_watts=14.0,
    heat=1.4,
)


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        """Start at noon."""
        self.now = 43200.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Give a clock."""
    return Clock()


def running(clock: Clock, *, age: float = 3600.0, seed: int = 7) -> Miner:
    """Give a booted miner."""
    miner = Miner(GAMMA, clock=clock, age=age, seed=seed)
    miner.boot()
    return miner


def poll(miner: Miner, clock: Clock, seconds: float, every: float = 5.0) -> list[float]:
    """Let time pass and collect the hashrates."""
    rates = []
    for _ in range(int(seconds / every)):
        clock.now += every
        rates.append(miner.read().hashrate)
    return rates


def test_hashrate_is_mhz_times_cores(clock: Clock) -> None:
    """Given a miner at 525 MHz, its hashrate scatters around 1.07 TH/s."""
    miner = running(clock)
    rates = poll(miner, clock, 3000)
    assert miner.expected == 525e6 * 2040
    assert statistics.mean(rates) == pytest.approx(miner.expected, rel=0.02)
    assert 0.005 < statistics.pstdev(rates) / miner.expected < 0.06
    assert miner.read().averages["10m"] == pytest.approx(miner.expected, rel=0.02)


def test_reading_twice_at_once_gives_the_same(clock: Clock) -> None:
    """Values drift with time, not with the number of reads."""
    miner = running(clock)
    assert miner.read() == miner.read()


def test_same_seed_same_history(clock: Clock) -> None:
    """Two miners of one seed live the same life, another seed another one."""
    one, two, other = running(clock), running(clock), running(clock, seed=8)
    lives: list[list[Reading]] = [[], [], []]
    for _ in range(20):
        clock.now += 30
        for miner, life in zip((one, two, other), lives, strict=True):
            life.append(miner.read())
    assert lives[0] == lives[1]
    assert lives[0] != lives[2]


def test_more_voltage_and_frequency_cost_power(clock: Clock) -> None:
    """Power goes with f * V^2."""
    miner = running(clock)
    standard = miner.read().power
    miner.frequency, miner.voltage = 625, 1250
    tuned = miner.read().power
    miner.frequency, miner.voltage = 400, 1000
    eco = miner.read().power
    assert eco < standard < tuned
    core = 14.0 * (625 / 525) * (1250 / 1150) ** 2
    assert tuned == pytest.approx(core + GAMMA.base_watts, rel=0.1)


def test_temperature_follows_power_and_fan(clock: Clock) -> None:
    """A weaker fan warms the chip slowly, and switching off cools it."""
    miner = running(clock)
    miner.fan_manual(100)
    poll(miner, clock, 600)
    cool = miner.read().temperature
    miner.fan_manual(40)
    clock.now += 5
    soon = miner.read().temperature
    poll(miner, clock, 600)
    warm = miner.read().temperature
    assert cool < soon < warm
    miner.power_off()
    clock.now += 3600
    assert miner.read().temperature == pytest.approx(miner.ambient, abs=0.5)


def test_automatic_fan_holds_its_target(clock: Clock) -> None:
    """A fan that can, brings the chip to its target."""
    miner = running(clock)
    miner.fan_auto(55)
    poll(miner, clock, 3600, every=30)
    reading = miner.read()
    assert reading.temperature == pytest.approx(55, abs=1)
    assert 25 <= reading.fan < 100


def test_too_little_voltage_makes_errors(clock: Clock) -> None:
    """Undervolting shows as errors and lost hashrate."""
    miner = running(clock)
    healthy = miner.read()
    miner.voltage = 900
    starved = miner.read()
    assert healthy.error_percent < 1 < starved.error_percent
    assert starved.hashrate < healthy.hashrate


def test_shares_arrive_at_the_pools_difficulty(clock: Clock) -> None:
    """Shares are as many as the difficulty promises, and few are refused."""
    miner = running(clock, age=0)
    poll(miner, clock, 36000, every=30)
    reading = miner.read()
    mean = reading.total_hashes / (1000 * HASHES_PER_DIFFICULTY)
    assert reading.accepted + reading.rejected == pytest.approx(mean, rel=0.05)
    assert reading.rejected < reading.accepted / 50
    assert reading.best_session >= 1000


def test_best_difficulty_only_grows(clock: Clock) -> None:
    """The best of a session never falls, a boot starts another session."""
    miner = running(clock, age=0)
    seen = [miner.read().best_session]
    for _ in range(200):
        clock.now += 30
        seen.append(miner.read().best_session)
    assert seen == sorted(seen)
    assert seen[-1] > 0
    miner.boot()
    reading = miner.read()
    assert (reading.best_session, reading.accepted, reading.uptime) == (0, 0, 0)
    assert reading.best_ever == seen[-1]


def test_without_a_pool_no_share_counts(clock: Clock) -> None:
    """An unconnected miner hashes for nothing."""
    miner = running(clock)
    miner.connected = False
    before = miner.read().accepted
    poll(miner, clock, 600)
    assert miner.read().accepted == before
    assert miner.read().hashrate > 0


def test_a_paused_miner_idles(clock: Clock) -> None:
    """It takes its idle power and finds nothing."""
    miner = running(clock)
    miner.hashing = False
    before = miner.read().accepted
    poll(miner, clock, 3600)
    reading = miner.read()
    assert (reading.hashrate, reading.accepted) == (0, before)
    assert 0 < reading.power < 4
    assert reading.averages["1m"] == pytest.approx(0, abs=1e9)


def test_a_block_can_be_found(clock: Clock) -> None:
    """On command, and by chance when the network is easy."""
    miner = running(clock)
    accepted = miner.read().accepted
    miner.find_block()
    reading = miner.read()
    assert (reading.blocks, reading.accepted) == (1, accepted + 1)
    assert reading.best_session >= miner.network_difficulty

    lucky = running(clock, age=0)
    lucky.network_difficulty = 20000
    poll(lucky, clock, 36000, every=30)
    assert lucky.read().blocks > 0


def test_warming_up(clock: Clock) -> None:
    """Right after a boot the chips do nothing yet."""
    miner = running(clock, age=0)
    clock.now += 2
    assert miner.read().hashrate == 0
    clock.now += 30
    assert miner.read().hashrate > 0


def test_speed_runs_its_time_faster(clock: Clock) -> None:
    """A miner at speed 60 lives an hour in a minute."""
    miner = Miner(GAMMA, clock=clock, age=0, speed=60)
    miner.boot()
    clock.now += 60
    assert miner.read().uptime == pytest.approx(3600)
