"""Canaan Avalon Nano 3, Nano 3S, Mini 3 and Q: the cgminer API on TCP 4028."""

import asyncio
from dataclasses import dataclass
import hashlib
import math
import time
from typing import Any, override
import zlib

from . import avalon_stats, cgminer
from .avalon_models import MODELS, NANO_3, Model
from .avalon_pools import DEFAULT_POOLS, WEB_LOGIN, Pool, PoolCommands
from .avalon_replies import ReadCommands
from .avalon_settings import Settings
from .cgminer import Command, Reply
from .device import Fault, TcpDevice
from .physics import Miner, Reading

HTML_ANSWER = (
    b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n"
    b"<html><body><h1>It works!</h1></body></html>"
)
REDIRECT_ANSWER = b"HTTP/1.0 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"


@dataclass(slots=True)
class SoftPower:
    """Soft-off of the Q: when the request takes effect, by the device's clock."""

    off: bool = False
    pending: tuple[int, bool] | None = None
    off_time: int = 0
    on_time: int = 0


@dataclass(slots=True)
class Panel:
    """Light, display and filter."""

    led: tuple[int, int, int, int, int, int] = (0, 100, 50, 0, 0, 255)
    led_mode: int = 0
    lcd: bool = True
    filter_since: float = 0.0
    solo_allowed: bool = True


class SimulatedAvalon(TcpDevice):
    """One Avalon: `model` is nano3, nano3s, mini3 or q.

    What a client meets (api.c unless said otherwise): one connection is served at
    a time; the one `recv` waits `recv_seconds` (10) for a silent client while the
    others queue; one reply and a NUL, then the connection is closed; a client that
    does not take the reply within `send_seconds` loses the rest of it.

    Attributes for tests:
      mode, level           WORKMODE/WORKLEVEL (Nano 3: `mode` is its WORKLEVEL)
      calibrating           mode changes are refused meanwhile
      pools, stored         the three slots as run, and as the next boot runs them
      user, password        what `setpool` requires
      clock_offset          seconds by which the device's clock is ahead of ours
      settle_seconds        time constant of the hashrate after a mode change;
                            WORKMODE and MPO show the new mode immediately
      standby_watts         PS[6] of a Q in standby (17 and 146 have been seen)
      truncate_after        bytes of every reply that a slow reader gets to see (how
                            much fits into socket buffers is the machine's affair,
                            so the cut is made here); None: all
      empty_stats           the Q answers `stats` with empty strings (`estats` and
                            `litestats` work), as seen after some reboots

    A soft-off or soft-on for a moment that is over by the device's clock is answered
    with success and never acts: the strictest reading of "the time when it acts".
    """

    kind = "avalon"
    max_sockets = 1
    miner: Miner

    def __init__(
        self,
        *,
        model: str = "nano3s",
        name: str | None = None,
        mode: int | None = None,
        user: str = WEB_LOGIN,
        password: str = WEB_LOGIN,
        seed: int | None = None,
        speed: float = 1.0,
        age: float = 400_000.0,
        recv_seconds: float = 10.0,
        settle_seconds: float = 60.0,
        **options: Any,
    ) -> None:
        """Make an Avalon; `age` is its uptime in seconds when first plugged in.

        Raises ValueError: no such model or mode.
        """
        if model not in MODELS:
            raise ValueError(f"no Avalon model {model!r}: {', '.join(MODELS)}")
        self.model: Model = MODELS[model]
        name = name or f"avalon-{model}"
        self.mode = self.model.mode if mode is None else mode
        self.target: int | None = None
        if self.mode not in self.model.modes:
            raise ValueError(f"{model} has no mode {self.mode}")
        digest = hashlib.sha256(name.encode()).hexdigest()
        oui = self.model.oui or "00:00:00"
        tail = ":".join(digest[at : at + 2] for at in (0, 2, 4)).upper()
        miner = Miner(
            self.model.silicon,
            seed=zlib.crc32(name.encode()) if seed is None else seed,
            speed=speed,
            age=age,
            pool_difficulty=8192,
            network_difficulty=138_966_872_071_213.2,
            warmup_seconds=4.0,
        )
        super().__init__(
            name=name,
            miner=miner,
            **{
                "mac": f"{oui}:{tail}",
                "serial": "02010000" + digest[6:14],
                **options,
            },
        )
        self.level = 0
        self.calibrating = False
        self.user = user
        self.password = password
        self.stored = list(DEFAULT_POOLS)
        self.pools: list[Pool] = []
        self.clock_offset = 0.0
        self.recv_seconds = recv_seconds
        self.send_seconds = 0.25
        self.truncate_after: int | None = None
        self.settle_seconds = settle_seconds
        self.standby_watts = 17
        self.empty_stats = False
        self.ssid = "HomeMiners"
        self.rssi = -55
        self.soft = SoftPower()
        self.panel = Panel()
        self._fault_code = 0
        self._ramped = time.monotonic()
        self._counted: tuple[int, int] = (0, 0)
        self.reboot_timer: asyncio.TimerHandle | None = None
        self._chip_offsets = tuple(
            miner.random.randint(-6, 5) for _ in range(self.model.silicon.chips)
        )
        self._set_point(1.0)
        self.steer_fan()
        self.commands: dict[str, Command] = {
            **ReadCommands(self).commands(),
            **PoolCommands(self).commands(),
            "ascset": Settings(self).ascset,
        }

    # --- the plug -----------------------------------------------------------

    @override
    def _booted(self) -> None:
        # Switched pools, priorities and standby live in memory only; the mode and
        # what setpool stored are in flash.
        self.pools = [
            Pool(setting, priority=slot) for slot, setting in enumerate(self.stored)
        ]
        self.soft = SoftPower()
        self.panel.filter_since = 0.0
        self._fault_code = 0
        self._counted = (0, 0)
        self._ramped = time.monotonic()
        self._set_point(1.0)
        self.target = None
        self.steer_fan()
        if self.boots == 1 and self.miner.age > 0:
            # In its stride: the fan has found its speed long ago.
            self.miner.heat_to(self.model.modes[self.mode].target)

    @override
    async def _close(self) -> None:
        if self.reboot_timer is not None:
            self.reboot_timer.cancel()
            self.reboot_timer = None
        await super()._close()

    @override
    def overheat(self) -> None:
        """Get too hot: it stops hashing, in fault, until it is restarted."""
        self._advance()
        self.miner.heat_to(115.0)
        self._fault_code = 2
        self._advance()

    @override
    def state(self) -> dict[str, Any]:
        """How it stands; adds mode, level, standby, work state, pool url and slot."""
        self._advance()
        active = self.active_pool()
        state = super().state() | {
            "model": self.model.name,
            "mode": self.mode,
            "level": self.level,
            "paused": self.soft.off,
            "work": avalon_stats.SYSTEM_STATES[self.work_state()],
            "pool": None if active is None else active.setting.url,
            "pool_slot": None if active is None else self.pools.index(active),
        }
        if self.soft.off:
            state |= {"power": float(self.standby_watts), "fan": 0.0}
        return state

    @property
    def dna(self) -> str:
        """What `version` (Nano 3: `stats`, HDNA) calls it; under WRONG_MAC another."""
        if self.fault is Fault.WRONG_MAC:
            return self.serial[:-2] + f"{int(self.serial[-2:], 16) ^ 0xFF:02x}"
        return self.serial

    @property
    def now(self) -> int:
        """The device's clock, epoch seconds."""
        return int(time.time() + self.clock_offset)

    @property
    def standby(self) -> bool:
        """Whether a Q was sent to standby."""
        self._advance()
        return self.soft.off

    # --- one connection -----------------------------------------------------

    @override
    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        async with asyncio.timeout(self.recv_seconds):
            received = await reader.read(cgminer.RECV_BYTES)
        answer = self.rewritten(self._answer(received))
        answer = answer[: self.truncate_after]
        writer.transport.set_write_buffer_limits(high=0)
        patient = self.fault in (Fault.SLOW, Fault.SILENT)
        try:
            async with asyncio.timeout(None if patient else self.send_seconds):
                await self._deliver(writer, answer)
        except TimeoutError:
            # What the kernel has goes out, the rest is dropped.
            writer.transport.abort()

    def _answer(self, received: bytes) -> bytes:
        try:
            request = cgminer.parse(received)
        except cgminer.BadRequestError as err:
            self.counters.count("bad request")
            return cgminer.show(err.reply, self.now, is_json=True).encode() + b"\0"
        self.counters.count("+".join(request.commands))
        if self.fault is Fault.HTML:
            return HTML_ANSWER
        if self.fault is Fault.REDIRECT:
            return REDIRECT_ANSWER
        self._advance()
        return cgminer.answer(request, self._run, self.now)

    def _run(self, command: str, parameter: str | None, joined: bool) -> Reply:
        handler = self.commands.get(command)
        if handler is None:
            return cgminer.INVALID_COMMAND
        if joined and command in cgminer.NOT_JOINABLE:
            return cgminer.access_denied(command)
        return handler(parameter)

    # --- time passes --------------------------------------------------------

    def _advance(self) -> None:
        """Do what was due since the last read."""
        pending = self.soft.pending
        if pending is not None and self.now >= pending[0]:
            self.soft.pending = None
            self.soft.off = pending[1]
        now = time.monotonic()
        elapsed = (now - self._ramped) * self.miner.speed
        self._ramped = now
        if elapsed > 0:
            self._set_point(
                1 - math.exp(-elapsed / self.settle_seconds)
                if self.settle_seconds > 0
                else 1.0
            )
        self._share_out(self.miner.read())
        hashing = (
            not self.soft.off
            and not self._fault_code
            and self.active_pool() is not None
        )
        if hashing != self.miner.hashing:
            self.miner.hashing = hashing

    def _set_point(self, part: float) -> None:
        """Move frequency and voltage this part of the way to the mode's."""
        mode = self.model.modes[self.mode]
        scale = 1 + self.level * 0.25
        goal = mode.frequency * scale
        self.miner.frequency += (goal - self.miner.frequency) * part
        self.miner.voltage += (mode.volts - self.miner.voltage) * part

    def steer_fan(self) -> None:
        """Let the fan hold the temperature of the mode, or the one that was set."""
        target = self.target or self.model.modes[self.mode].target
        self.miner.fan_auto(target, minimum=15)

    def _share_out(self, reading: Reading) -> None:
        """Credit the pool in use with the shares since the last read."""
        active = self.active_pool()
        accepted, rejected = self._counted
        self._counted = (reading.accepted, reading.rejected)
        if active is None or reading.accepted < accepted:
            return
        if reading.accepted > accepted:
            active.last_share = self.now
        active.accepted += reading.accepted - accepted
        active.rejected += reading.rejected - rejected
        active.best = max(active.best, reading.best_session)

    def active_pool(self) -> Pool | None:
        """Give the pool in use: the usable one that comes first."""
        usable = [pool for pool in self.pools if pool.usable]
        return min(usable, key=lambda pool: pool.priority, default=None)

    def work_state(self) -> int:
        """Return what it does, an index into SYSTEM_STATES."""
        if self._fault_code:
            return 3
        if self.soft.off:
            return 2
        if self.miner.read().uptime < self.miner.warmup_seconds:
            return 0
        return 1

    def snapshot(self) -> avalon_stats.Snapshot:
        """Look at everything that `stats` shows."""
        reading = self.miner.read()
        state = self.work_state()
        running = state == 1
        fan = 0 if state == 2 else round(reading.fan)
        fans = 4 if self.model.quoted else 1
        rpm = 0 if state == 2 else reading.rpm
        ambient = self.miner.ambient
        centre = round(reading.temperature)
        return avalon_stats.Snapshot(
            model=self.model,
            mode=self.mode,
            target=self.target,
            level=self.level,
            dna=self.dna,
            state=state,
            elapsed=int(reading.uptime),
            hashrate=reading.hashrate,
            average=avalon_stats.average(reading),
            expected=reading.expected,
            frequency=self.miner.frequency,
            errors=reading.error_percent,
            chip_temperatures=tuple(centre + part for part in self._chip_offsets),
            chip_millivolts=tuple(
                292 + part if running else 0 for part in self._chip_offsets
            ),
            outlet=ambient + (reading.temperature - ambient) * 0.52,
            ambient=ambient,
            fan=fan,
            rpms=tuple(rpm + 13 * number for number in range(fans))
            if rpm
            else (0,) * fans,
            supply=self.supply(reading, running=running),
            ping=self.miner.random.randint(40, 130),
            soft_off=4 if self.soft.off else 0,
            soft_off_time=self.soft.off_time,
            soft_on_time=self.soft.on_time,
            calibrated=not self.calibrating,
            error_code=self._fault_code,
            led=self.panel.led,
            led_mode=self.panel.led_mode,
            lcd=self.panel.lcd,
            filter_minutes=int((reading.uptime - self.panel.filter_since) / 60),
            solo_allowed=self.panel.solo_allowed,
            ssid=self.ssid,
            rssi=self.rssi,
        )

    def supply(
        self, reading: Reading, *, running: bool
    ) -> tuple[int, int, int, int, int, int, int]:
        """PS[...], in the layout of the model (see the README)."""
        volts = round(self.miner.voltage)
        watts = round(reading.power)
        if self.model is NANO_3:
            amperes = int(watts / 27.6)
            return (0, 0, 0, amperes, 2763 + self._wobble(30), watts, volts)
        if self.model.name == "nano3s":
            return (0, 0, 27_690 + self._wobble(9), int(watts / 27.69), 0, volts, watts)
        if not running:
            idle = self.standby_watts if self.model.quoted else watts
            return (0, 1222, 4, 0, 0, volts, idle)
        board = round((reading.power - self.model.silicon.base_watts) * 0.967)
        amperes = int(board / (volts / 100))
        return (0, 1217 + self._wobble(4), volts - 1, amperes, board, volts, watts)

    def _wobble(self, size: int) -> int:
        return self.miner.random.randint(-size, size)
