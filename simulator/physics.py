"""What a mining chip does: hashrate, power, heat, shares and the odd block."""

from collections.abc import Callable
from dataclasses import dataclass
import math
import random
import time

HASHES_PER_DIFFICULTY = 2**32
"""Hashes expected for one share of difficulty 1 (Bitcoin's definition)."""

NOISE_SECONDS = 10.0
"""How long a deviation of the short-window hashrate lasts."""

AVERAGES = {"1m": 60.0, "10m": 600.0, "1h": 3600.0, "1d": 86400.0}
"""Averaging windows in seconds, by the name firmwares give them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Silicon:
    """What one kind of miner is made of.

    Hashrate in H/s is ``frequency * 1e6 * small_cores * chips`` (the formula of
    AxeOS' ``expectedHashrate``). Power in W is ``base_watts`` plus ``core_watts``
    scaled by f * V^2 from the default operating point.
    """

    chips: int
    small_cores: float
    frequency: float
    """Default frequency, MHz."""
    voltage: float
    """Default core voltage, mV."""
    core_watts: float
    """Power of the chips at the default operating point, W."""
    base_watts: float = 2.0
    """Power of everything else, W; also what the board takes while it idles."""
    heat: float = 1.1
    """Degrees above ambient per watt with the fan at 100 %."""
    settle_seconds: float = 45.0
    """Time constant of the heat sink."""
    max_rpm: int = 7000
    noise: float = 0.03
    """Relative standard deviation of the short-window hashrate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Everything that can be measured on a miner at one time."""

    uptime: float
    """Seconds since the last boot."""
    expected: float
    """H/s that frequency and cores promise, whether it hashes or not."""
    hashrate: float
    """H/s over a short window: noisy, 0 while it does not hash."""
    averages: dict[str, float]
    """H/s by window: the keys of AVERAGES."""
    power: float
    """W at the input."""
    temperature: float
    """Hottest chip, °C."""
    vr_temperature: float
    """Voltage regulator, °C."""
    fan: float
    """%, as driven."""
    rpm: int
    core_millivolts: float
    """Measured core voltage, a little under the set one; 0 without power."""
    accepted: int
    rejected: int
    best_ever: float
    """Best difficulty since the memory was last erased."""
    best_session: float
    """Best difficulty since the last boot."""
    error_percent: float
    """Share of wrong results: rises when the voltage is too low for the MHz."""
    blocks: int
    """Blocks found since the last boot."""
    blocks_ever: int
    total_hashes: float
    """Hashes since the last boot."""
    lifetime_uptime: float
    lifetime_hashes: float
    block_height: int
    """Height that the network works on."""


class Miner:
    """One miner, advanced lazily: call `read()`, no task runs in between.

    Settings are plain attributes and act from the next `read()` on; what happened
    before is settled with the old values because every setter goes through
    `settle()` first. Nothing is clamped here: what a firmware refuses is its own
    business.

    `clock` returns seconds (default: the monotonic clock) and `speed` multiplies
    it. `age` is for how long the miner has been running when it is first booted,
    so that a fresh simulator shows a miner in its stride; later boots start at 0.
    """

    def __init__(
        self,
        silicon: Silicon,
        *,
        seed: int = 0,
        speed: float = 1.0,
        age: float = 3600.0,
        ambient: float = 23.0,
        pool_difficulty: float = 1000.0,
        network_difficulty: float = 150.0e12,
        best_ever: float = 0.0,
        reject_ratio: float = 0.002,
        warmup_seconds: float = 4.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make a miner that has not been booted yet."""
        self.silicon = silicon
        self.random = random.Random(seed)
        self._speed = speed
        self.age = age
        self.ambient = ambient
        self.warmup_seconds = warmup_seconds
        self._network_difficulty = network_difficulty
        self._pool_difficulty = pool_difficulty
        self._reject_ratio = reject_ratio
        self._clock = clock
        self._frequency = silicon.frequency
        self._voltage = silicon.voltage
        self._fan = 40.0
        self._fan_target: float | None = 60.0
        self._fan_minimum = 25.0
        self._hashing = True
        self._connected = True
        self._powered = False
        self._booted_once = False
        self._seen = clock()
        self._temperature = ambient
        self._noise = 0.0
        self._sums: dict[str, float] = {}
        self._weights: dict[str, float] = {}
        self._uptime = 0.0
        self._accepted = 0
        self._rejected = 0
        self._best_ever = best_ever
        self._best_session = 0.0
        self._blocks = 0
        self._blocks_ever = 0
        self._hashes = 0.0
        self._lifetime_hashes = 0.0
        self._lifetime_uptime = 0.0
        self._network_age = 0.0
        self._reset_session()

    # --- settings -----------------------------------------------------------

    @property
    def speed(self) -> float:
        """How many of its seconds pass in one."""
        return self._speed

    @speed.setter
    def speed(self, factor: float) -> None:
        self.settle()
        self._speed = factor

    @property
    def frequency(self) -> float:
        """Set frequency, MHz."""
        return self._frequency

    @frequency.setter
    def frequency(self, megahertz: float) -> None:
        self.settle()
        self._frequency = megahertz

    @property
    def voltage(self) -> float:
        """Set core voltage, mV."""
        return self._voltage

    @voltage.setter
    def voltage(self, millivolts: float) -> None:
        self.settle()
        self._voltage = millivolts

    @property
    def hashing(self) -> bool:
        """Whether the chips are meant to work (False: paused, shut down, no pool)."""
        return self._hashing

    @hashing.setter
    def hashing(self, hashing: bool) -> None:
        self.settle()
        self._hashing = hashing

    @property
    def connected(self) -> bool:
        """Whether a pool takes the shares; without one none counts."""
        return self._connected

    @connected.setter
    def connected(self, connected: bool) -> None:
        self.settle()
        self._connected = connected

    @property
    def powered(self) -> bool:
        """Whether it is booted."""
        return self._powered

    @property
    def pool_difficulty(self) -> float:
        """Difficulty that the pool sets for a share."""
        return self._pool_difficulty

    @pool_difficulty.setter
    def pool_difficulty(self, difficulty: float) -> None:
        self.settle()
        self._pool_difficulty = difficulty

    @property
    def network_difficulty(self) -> float:
        """Difficulty from which a share is a block."""
        return self._network_difficulty

    @network_difficulty.setter
    def network_difficulty(self, difficulty: float) -> None:
        self.settle()
        self._network_difficulty = difficulty

    @property
    def reject_ratio(self) -> float:
        """Part of the shares that the pool refuses, 0 to 1."""
        return self._reject_ratio

    @reject_ratio.setter
    def reject_ratio(self, ratio: float) -> None:
        self.settle()
        self._reject_ratio = ratio

    def fan_manual(self, percent: float) -> None:
        """Hold the fan at this speed."""
        self.settle()
        self._fan_target = None
        self._fan = percent

    def fan_auto(self, target: float, minimum: float = 25.0) -> None:
        """Let the fan hold the chip at `target` °C, never under `minimum` %."""
        self.settle()
        self._fan_target = target
        self._fan_minimum = minimum

    # --- life ---------------------------------------------------------------

    def boot(self) -> None:
        """Start with a new session; the first boot pretends `age` seconds of it."""
        self.settle()
        self._powered = True
        self._reset_session()
        if not self._booted_once:
            self._booted_once = True
            if self.age > 0:
                self._temperature = self._steady_temperature()
                # Apart: the longer an average, the more it is of the cold start.
                cold = min(self.age, self.warmup_seconds)
                for seconds in (cold, self.age - cold):
                    if seconds > 0:
                        self._step(seconds)

    def power_off(self) -> None:
        """Take the power away: no heat, no hashes, the uptime stops."""
        self.settle()
        self._powered = False

    def heat_to(self, celsius: float) -> None:
        """Make the chip this hot now (it cools down from there)."""
        self.settle()
        self._temperature = celsius

    def find_block(self) -> None:
        """Find a block now: an accepted share at or over the network difficulty."""
        self.settle()
        lucky = 1 - self.random.random()
        self._score(self._network_difficulty / max(lucky, 0.2))
        self._accepted += 1

    def reset_counts(self) -> None:
        """Count shares, blocks and the session's best from zero, without a boot."""
        self.settle()
        self._accepted = self._rejected = self._blocks = 0
        self._best_session = 0.0

    def settle(self) -> None:
        """Bring everything up to now with the settings that were in force."""
        now = self._clock()
        elapsed = (now - self._seen) * self._speed
        self._seen = now
        if elapsed > 0:
            self._step(elapsed)

    def read(self) -> Reading:
        """Measure now."""
        self.settle()
        hashrate = self._hashrate() * (1 + self._noise) if self._working() else 0.0
        return Reading(
            uptime=self._uptime,
            expected=self.expected,
            hashrate=max(0.0, hashrate),
            averages={
                name: self._sums[name] / self._weights[name]
                if self._weights[name]
                else 0.0
                for name in AVERAGES
            },
            power=self._power(),
            temperature=self._temperature,
            vr_temperature=self._temperature
            + self._core_power() / max(self.silicon.core_watts, 1e-9) * 6,
            fan=self._fan if self._powered else 0.0,
            rpm=round(self._fan / 100 * self.silicon.max_rpm * (1 + self._noise / 10))
            if self._powered
            else 0,
            core_millivolts=self._voltage * (0.992 + self._noise / 50)
            if self._working()
            else 0.0,
            accepted=self._accepted,
            rejected=self._rejected,
            best_ever=self._best_ever,
            best_session=self._best_session,
            error_percent=self._errors() * 100,
            blocks=self._blocks,
            blocks_ever=self._blocks_ever,
            total_hashes=self._hashes,
            lifetime_uptime=self._lifetime_uptime,
            lifetime_hashes=self._lifetime_hashes,
            block_height=925_000 + int(self._network_age / 600),
        )

    @property
    def expected(self) -> float:
        """H/s that the frequency promises."""
        return self._frequency * 1e6 * self.silicon.small_cores * self.silicon.chips

    # --- inside -------------------------------------------------------------

    def _reset_session(self) -> None:
        self._uptime = 0.0
        self._accepted = self._rejected = self._blocks = 0
        self._best_session = 0.0
        self._hashes = 0.0
        self._noise = 0.0
        self._sums = dict.fromkeys(AVERAGES, 0.0)
        self._weights = dict.fromkeys(AVERAGES, 0.0)

    def _working(self) -> bool:
        return self._powered and self._hashing and self._uptime >= self.warmup_seconds

    def _errors(self) -> float:
        """Part of the results that are wrong, 0 to 1."""
        pace = self._frequency / self.silicon.frequency
        needed = self.silicon.voltage * (0.55 + 0.4 * pace)
        lacking = max(0.0, needed - self._voltage) / needed
        return min(1.0, 0.002 * pace + 4 * lacking)

    def _hashrate(self) -> float:
        return self.expected * (1 - self._errors())

    def _core_power(self) -> float:
        if not self._working():
            return 0.0
        pace = self._frequency / self.silicon.frequency
        pressure = self._voltage / self.silicon.voltage
        return self.silicon.core_watts * pace * pressure**2

    def _power(self) -> float:
        if not self._powered:
            return 0.0
        wobble = 1 + self._noise / 8
        fan = self.silicon.base_watts * 0.2 * (self._fan / 100)
        return self.silicon.base_watts + fan + self._core_power() * wobble

    def _resistance(self, fan: float) -> float:
        return self.silicon.heat / (0.25 + 0.75 * min(max(fan, 0.0), 100.0) / 100)

    def _steer_fan(self) -> None:
        """Set an automatic fan to what holds its target in the long run."""
        if self._fan_target is None:
            return
        room = self._fan_target - self.ambient
        watts = max(self._core_power(), 0.1)
        wanted = 100.0
        if room > 0:
            wanted = (self.silicon.heat * watts / room - 0.25) / 0.75 * 100
        # A chip over its target gets more air than the long run needs.
        wanted += self._temperature - self._fan_target
        self._fan = min(100.0, max(self._fan_minimum, wanted))

    def _steady_temperature(self) -> float:
        power = self.silicon.core_watts
        if self._fan_target is not None:
            floor = self.ambient + power * self._resistance(100)
            still = self.ambient + power * self._resistance(self._fan_minimum)
            return min(max(self._fan_target, floor), still)
        return self.ambient + power * self._resistance(self._fan)

    def _step(self, seconds: float) -> None:
        self._network_age += seconds
        if not self._powered:
            self._cool(seconds)
            return
        worked = seconds if self._hashing else 0.0
        if self._uptime < self.warmup_seconds:
            cold = min(seconds, self.warmup_seconds - self._uptime)
            worked = max(0.0, worked - cold)
        self._uptime += seconds
        self._lifetime_uptime += seconds
        fade = math.exp(-seconds / NOISE_SECONDS)
        self._noise = self._noise * fade + math.sqrt(
            1 - fade * fade
        ) * self.random.gauss(0, self.silicon.noise)
        # Three sigma: a chip has no outliers that would look like a fault.
        limit = 3 * self.silicon.noise
        self._noise = min(limit, max(-limit, self._noise))
        rate = self._hashrate() * (worked / seconds)
        for name, window in AVERAGES.items():
            keep = math.exp(-seconds / window)
            self._sums[name] = self._sums[name] * keep + rate * (1 - keep)
            self._weights[name] = self._weights[name] * keep + (1 - keep)
        self._steer_fan()
        self._cool(seconds)
        self._hash(rate * seconds)

    def _cool(self, seconds: float) -> None:
        watts = self._core_power() if self._powered else 0.0
        target = self.ambient + watts * self._resistance(self._fan)
        fade = math.exp(-seconds / self.silicon.settle_seconds)
        self._temperature = target + (self._temperature - target) * fade

    def _hash(self, hashes: float) -> None:
        if hashes <= 0:
            return
        self._hashes += hashes
        self._lifetime_hashes += hashes
        if not self._connected:
            return
        mean = hashes / (self._pool_difficulty * HASHES_PER_DIFFICULTY)
        shares = self._poisson(mean)
        if not shares:
            return
        refused = min(shares, self._poisson(shares * self._reject_ratio))
        self._rejected += refused
        self._accepted += shares - refused
        # P(difficulty of a share > x) = pool difficulty / x: the best of n immediately.
        luck = 1 - self.random.random()
        worst = -math.expm1(math.log(luck) / shares)
        self._score(self._pool_difficulty / max(worst, 1e-18))

    def _score(self, difficulty: float) -> None:
        self._best_session = max(self._best_session, difficulty)
        self._best_ever = max(self._best_ever, difficulty)
        if difficulty >= self._network_difficulty:
            self._blocks += 1
            self._blocks_ever += 1

    def _poisson(self, mean: float) -> int:
        if mean > 50:
            return max(0, round(self.random.gauss(mean, math.sqrt(mean))))
        limit = math.exp(-mean)
        count, product = 0, self.random.random()
        while product > limit:
            count += 1
            product *= self.random.random()
        return count
