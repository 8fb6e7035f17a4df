"""What pool servers share: their clock, and workers that each have a miner."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from email.utils import formatdate
import math
import time
from typing import Any, ClassVar, override
import zlib

from .httpd import HTML, HttpDevice, Request, Response
from .physics import AVERAGES, Miner, Reading, Silicon

SHARE_DIFFICULTY = 1000.0


class PoolServer(HttpDevice):
    """A web server of a pool, which adds its clock (``Date``) to every response.

    `age` is for how many seconds its workers have mined when it starts, `clock_skew`
    how many seconds its clock is fast. Attributes for tests:

      date_header       False leaves the clock out of the responses
      status            answer this status and `error_page` to everything (404, 429 with
                        Retry-After, 500, 502, 503); None: normal
      nulls             values and lists that may be missing come as null
      text_numbers      numbers come as strings
    """

    error_page: ClassVar[str] = (
        "<!DOCTYPE html><html><head><title>{status}</title></head><body>"
        "<h1>Error {status}</h1><p>Cloudflare</p></body></html>"
    )
    error_type: ClassVar[str] = HTML

    def __init__(
        self,
        *,
        name: str,
        speed: float = 1.0,
        age: float = 200_000.0,
        clock_skew: float = 0.0,
        **options: Any,
    ) -> None:
        """Take the options of HttpDevice."""
        super().__init__(name=name, **options)
        self.clock_skew = clock_skew
        self.date_header = True
        self.status: int | None = None
        self.retry_after = 30
        self.nulls = False
        self.text_numbers = False
        self._speed = speed
        self._age = age

    def make_worker(
        self, user: str, hashrate: float | Worker, difficulty: float, **options: Any
    ) -> Worker:
        """Make a worker that has mined for as long as the pool is old."""
        return make_worker(
            user,
            hashrate,
            speed=self._speed,
            age=self._age,
            network_difficulty=difficulty,
            **options,
        )

    def number(self, value: float) -> Any:
        """Give a number, or its text where `text_numbers` is set."""
        return repr(value) if self.text_numbers else value

    @override
    def admit(self, request: Request) -> Response | None:
        if self.status is None:
            return None
        headers = {"Retry-After": str(self.retry_after)} if self.status == 429 else {}
        return Response(
            status=self.status,
            body=self.error_page.format(status=self.status).encode(),
            content_type=self.error_type,
            headers=headers,
        )

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
    """One worker of an account; its miner does the hashing.

    `is_here` returns whether a miner that is a device of its own mines at this
    account now. What it does elsewhere, or before it was switched off, is counted as a pool
    does it: shares stay, and the averages fade.
    """

    miner: Miner
    is_here: Callable[[], bool] | None = None
    seen: int = 0
    """When its last share came, epoch seconds."""
    accepted: int = 0
    rejected: int = 0
    _counted: tuple[int, int] = (0, 0)
    """Accepted and rejected shares of the miner at the last read."""
    _left: float | None = None
    """Since when it is offline, monotonic."""

    @property
    def offline(self) -> bool:
        """Whether it stopped mining here."""
        return not (self.miner.hashing and self._connected())

    @offline.setter
    def offline(self, offline: bool) -> None:
        self.miner.hashing = not offline

    def read(self) -> Reading:
        """Read the miner as the pool knows it; note what arrived since the last read."""
        reading = self.miner.read()
        accepted, rejected = self._counted
        if reading.accepted < accepted or reading.rejected < rejected:
            accepted = rejected = 0  # it was restarted
        self._counted = reading.accepted, reading.rejected
        averages = reading.averages
        if not self.offline:
            self._left = None
            self.accepted += reading.accepted - accepted
            self.rejected += reading.rejected - rejected
            if reading.accepted != accepted:
                self.share()
        elif not self._connected():
            # A miner that is off does not count the time
            now = time.monotonic()
            self._left = now if self._left is None else self._left
            gone = (now - self._left) * self.miner.speed
            averages = {
                name: rate * math.exp(-gone / AVERAGES[name])
                for name, rate in averages.items()
            }
        return replace(
            reading,
            accepted=self.accepted,
            rejected=self.rejected,
            averages=averages,
        )

    def share(self) -> None:
        """Note that a share came just now."""
        self.seen = int(time.time())

    def forget(self) -> None:
        """Count its shares from zero, as a server that was restarted."""
        if self.is_here is None:
            self.miner.reset_counts()
        self.read()
        self.accepted = self.rejected = 0

    def _connected(self) -> bool:
        return self.miner.powered and (self.is_here is None or self.is_here())


def make_worker(
    user: str,
    hashrate: float | Worker,
    *,
    speed: float,
    age: float,
    network_difficulty: float,
    share_difficulty: float = SHARE_DIFFICULTY,
) -> Worker:
    """Make a worker with this stratum user that has mined at H/s for `age` seconds.

    One that is there already, with a miner of its own, is returned as it is.
    """
    if isinstance(hashrate, Worker):
        return hashrate
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
