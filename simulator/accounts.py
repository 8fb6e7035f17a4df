"""What pool servers share: their clock, and workers that each have a miner."""

from dataclasses import dataclass, replace
from email.utils import formatdate
import time
from typing import Any, override
import zlib

from .httpd import HttpDevice, Response
from .physics import Miner, Reading, Silicon

SHARE_DIFFICULTY = 1000.0


class PoolServer(HttpDevice):
    """A web server of a pool, which adds its clock (``Date``) to every response.

    `clock_skew` is how many seconds that clock is fast; `date_header` False leaves
    it out of the responses.
    """

    def __init__(self, *, name: str, clock_skew: float = 0.0, **options: Any) -> None:
        """Take the options of HttpDevice."""
        super().__init__(name=name, **options)
        self.clock_skew = clock_skew
        self.date_header = True

    @property
    def now(self) -> float:
        """What the server's clock says, in seconds since 1970."""
        return time.time() + self.clock_skew

    @override
    def finish(self, response: Response) -> Response:
        if not self.date_header:
            return response
        headers = {"Date": formatdate(self.now, usegmt=True), **response.headers}
        return replace(response, headers=headers)


@dataclass(slots=True)
class Worker:
    """One worker of an account; its miner does the hashing."""

    miner: Miner
    seen: int = 0
    """When its last share came, epoch seconds."""
    counted: int = 0
    """Accepted shares at the last look."""

    @property
    def offline(self) -> bool:
        """Whether it stopped mining."""
        return not self.miner.hashing

    @offline.setter
    def offline(self, offline: bool) -> None:
        self.miner.hashing = not offline

    def look(self) -> Reading:
        """Read the miner and note whether a share came since the last look."""
        reading = self.miner.read()
        if reading.accepted != self.counted:
            self.counted = reading.accepted
            self.seen = int(time.time())
        return reading


def make_worker(
    user: str,
    hashrate: float,
    *,
    speed: float,
    age: float,
    network_difficulty: float,
    share_difficulty: float = SHARE_DIFFICULTY,
) -> Worker:
    """Make a worker with this stratum user that has mined at H/s for `age` seconds."""
    miner = Miner(
        Silicon(
            chips=1,
            small_cores=hashrate / 500e6,
            frequency=500,
            voltage=1200,
            core_watts=15,
        ),
        seed=zlib.crc32(user.encode()),
        speed=speed,
        age=age,
        pool_difficulty=share_difficulty,
        network_difficulty=network_difficulty,
    )
    miner.boot()
    return Worker(miner)
