"""NMMiner on an ESP32: UDP broadcasts before version 2, HTTP since."""

from collections import deque
from collections.abc import Mapping
from contextlib import suppress
import re
import time
from typing import Any, ClassVar, override

from custom_components.hmm.bundled.shared.nested import (
    count,
    factory_name,
    mac_address,
    not_negative,
    pool_slots,
    positive,
    section,
    signal,
    temperature,
)
from custom_components.hmm.driver_api import (
    BadAnswer,
    BaseMinerAdapter,
    CannotConnect,
    CommandFailed,
    DeviceFacts,
    DriverError,
    InvalidValue,
    MinerTelemetry,
    NotThisDevice,
)
from custom_components.hmm.driver_api.addresses import resolve
from custom_components.hmm.driver_api.families import is_nmminer
from custom_components.hmm.driver_api.transports.http import HttpClient
from custom_components.hmm.driver_api.transports.udp import BroadcastListener, Packet
from custom_components.hmm.driver_api.units import (
    GIGA,
    HASHES_PER_DIFFICULTY,
    LONGEST_FIGURE,
    parse_age,
    parse_compact,
    parse_int,
    parse_number,
    parse_text,
)

_SHORTEST_WAIT = 1.0
"""Seconds to wait for a broadcast though the device was silent so far: one may be lost."""
_UPTIME = re.compile(r"(?<!\d)(\d{1,9})\s?d\s?(\d{1,9}):(\d{1,9}):(\d{1,9})(?!\d)")


class NMMinerDriver(BaseMinerAdapter):
    """NMMiner of all generations; the NMAxe family is another driver's.

    Before version 2 a device only broadcasts (UDP 12345, a packet every few
    seconds): a poll reads the last packet and sends no request. Since version 2
    it answers ``GET /api/system/info``, which is the one request of a poll.
    Sources: the NMController programs (UDP) and the API pages of the NMMiner
    wiki (HTTP).

    Identity: no generation reports its MAC. Version 2 has a host name that ends
    in the chip's own digits unless the user renamed it; it is the serial.
    A broadcast has nothing but the address, so that an older device is known
    by its address and should keep it.

    Hashrate of version 2: recorded firmware 2.0.02 says 0.0 while it mines.
    Zero is believed once the device has ever reported another figure. Until then
    the hashrate is estimated from the shares that the pool accepted, and
    unknown while these are too few. ``/probe`` has a figure of its own, which
    would cost every poll a second request.

    Left out: ``Progress`` of a broadcast. It is a bar on the device's screen;
    it is unknown of what.
    """

    driver_type = "nmminer"
    driver_version = "1.0.0"
    display_name = "NMMiner"
    manufacturer = "NMMiner"
    supported_models: ClassVar[list[str]] = ["NMMiner"]
    connection_type = "udp"
    default_port = 12345
    hashrate_unit = "kH/s"
    # A microcontroller, made for 85 °C
    warm_temperature = 80.0

    udp_port = 12345
    """Where devices broadcast to."""
    http_port = 80
    listen_seconds = 8.0
    """For how long ``connect`` has listened before a device counts as silent."""
    silent_seconds = 90.0
    """After which silence a broadcasting device counts as gone at the latest."""
    shortest_silence = 3.0
    """Seconds that are no silence, however often the device broadcasts."""

    def __init__(self) -> None:
        """Make a driver that knows no device yet."""
        self._host = ""
        self._web = "", 0
        """Where HTTP of version 2 would be."""
        self._http: HttpClient | None = None
        self._listener: BroadcastListener | None = None
        self._facts = DeviceFacts()
        self._reports_hashrate = False
        self._shares_at_zero: int | None = None
        self._share_rate = _ShareRate()

    @override
    async def connect(self, ip: str, port: int | None = None) -> bool:
        """Return whether an NMMiner answers or is heard at this address.

        ``port`` is that of HTTP or that of the broadcasts, whichever the device
        speaks. Waits for a broadcast only where HTTP stays silent.
        """
        await self.close()
        udp_port = self.udp_port if port in (None, self.http_port) else port
        http_port = self.http_port if port in (None, self.udp_port) else port
        self._reports_hashrate = False
        self._shares_at_zero = None
        self._share_rate = _ShareRate()
        began = time.monotonic()
        # Before HTTP is tried, so that what is broadcast in the meantime is heard.
        listener = await BroadcastListener.acquire(udp_port or self.udp_port)
        # Home Assistant listens all the time: what it has not heard so far is silent
        deadline = max(
            listener.opened + self.listen_seconds,
            began + min(_SHORTEST_WAIT, self.listen_seconds),
        )
        try:
            self._host = await resolve(ip)
            self._web = ip, http_port or self.http_port
            packet = await self._connect_http(listener)
            if packet is None:
                wait = max(0.0, deadline - time.monotonic())
                packet = await self._connect_udp(listener, wait)
        except BaseException:
            listener.release()
            raise
        if packet and self._http is None:
            self._listener = listener
        else:
            listener.release()
        return packet

    async def _connect_udp(self, listener: BroadcastListener, wait: float) -> bool:
        packet = self._last_packet(listener) or await listener.wait_for(
            self._host, wait
        )
        if packet is None:
            raise CannotConnect(
                "Nothing answers and nothing was broadcast", reason="no_response"
            )
        if not is_nmminer(packet.data):
            return False
        self._facts = self._broadcast_facts(packet)
        return True

    async def _connect_http(self, listener: BroadcastListener) -> bool | None:
        """Return whether it is an NMMiner v2, None to listen for its broadcasts."""
        if self.context is None:
            return None
        http = HttpClient(self.context.session, *self._web)
        try:
            reply = await http.request("GET", "/api/system/info")
            if reply.status == 401:
                return False  # AxeOS, to a client of another network
            info = reply.json_object()
        except CannotConnect:
            return None
        except BadAnswer:
            if self._last_packet(listener) is not None:
                return None
            raise
        if not _is_version_2(info):
            return None if self._last_packet(listener) is not None else False
        self._http = http
        self._facts = self._http_facts(info)
        return True

    async def _is_updated(self) -> bool:
        """Return whether version 2 answers; from then on its broadcasts do not count."""
        listener = self._listener
        with suppress(DriverError):
            if listener is not None and await self._connect_http(listener):
                self._listener = None
                listener.release()
                return True
        return False

    def _last_packet(self, listener: BroadcastListener) -> Packet | None:
        packet = listener.find(self._host)
        if packet is None or packet.age > self._longest_silence(packet):
            return None
        return packet if is_nmminer(packet.data) else None

    def _longest_silence(self, packet: Packet) -> float:
        """Return the seconds in which a device misses two of its broadcasts."""
        if packet.rhythm is None:
            return self.silent_seconds
        missed = max(2.5 * packet.rhythm, self.shortest_silence)
        return min(missed, self.silent_seconds)

    @override
    async def close(self) -> None:
        listener, self._listener = self._listener, None
        self._http = None
        if listener is not None:
            listener.release()

    @override
    async def get_device_facts(self) -> DeviceFacts:
        return self._facts

    @override
    async def get_telemetry(self) -> MinerTelemetry:
        """Return the last broadcast, or one response of version 2.

        A device that stops broadcasting may have been updated to version 2. Raises
        ``CannotConnect`` after two missed broadcasts of the device's own rhythm, at the
        latest after 90 s.
        """
        if self._http is not None:
            info = await self._http.get_json("/api/system/info")
            if not _is_version_2(info):
                raise NotThisDevice(
                    "Another kind of device answers at this address",
                    reason="unsupported_device",
                )
            self._facts = self._http_facts(info)
            return self._from_http(info)
        packet = self._listener.find(self._host) if self._listener else None
        if packet is None:
            raise CannotConnect(
                "The device broadcast nothing yet", reason="no_response"
            )
        if packet.age > (longest := self._longest_silence(packet)):
            if await self._is_updated():
                return await self.get_telemetry()
            raise CannotConnect(
                f"The device broadcast nothing for {longest:.0f} seconds",
                reason="silent",
                seconds=round(longest),
            )
        if not is_nmminer(packet.data):
            raise NotThisDevice(
                "Another kind of device broadcasts at this address",
                reason="unsupported_device",
            )
        self._facts = self._broadcast_facts(packet)
        return self._from_broadcast(packet.data)

    @override
    async def set_mode(self, mode: str) -> bool:
        raise InvalidValue("This device has no modes", reason="modes_missing")

    @override
    def supports_identify(self) -> bool:
        """Return whether the device has version 2."""
        return self._http is not None

    @override
    async def identify(self) -> bool:
        """Let the screen flash and the LED blink."""
        if self._http is None:
            return False
        reply = await self._http.request("POST", "/api/swarm/find")
        if not reply.ok:
            raise CommandFailed(
                f"The device answered with HTTP status {reply.status}",
                reason="command_refused",
                detail=f"(HTTP {reply.status})",
            )
        return True

    @override
    def supports_restart(self) -> bool:
        """Return whether the device has version 2: broadcasts are one-way."""
        return self._http is not None

    @override
    async def restart(self) -> bool:
        """Restart the device, about 0.6 s after its answer."""
        if self._http is None:
            raise CommandFailed(
                "Only NMMiner version 2 can be restarted from here",
                reason="firmware_too_old",
            )
        reply = await self._http.request("POST", "/api/system/restart")
        if reply.status == 405:
            # Some builds route a POST by its JSON body, though the API has none.
            reply = await self._http.request("POST", "/api/system/restart", json={})
        if not reply.ok:
            raise CommandFailed(
                f"The device answered with HTTP status {reply.status}",
                reason="command_refused",
                detail=f"HTTP {reply.status}",
            )
        return True

    # Version 2

    def _http_facts(self, info: Mapping[str, Any]) -> DeviceFacts:
        identity = section(info, "identity")
        hostname = parse_text(identity.get("hostName"))
        mac = mac_address(identity.get("mac")) or mac_address(identity.get("macAddr"))
        return DeviceFacts(
            mac=mac,
            serial=factory_name(hostname),
            manufacturer=self.manufacturer,
            model="NMMiner",
            firmware=parse_text(identity.get("fwVersion")),
            hardware=parse_text(identity.get("displayName")),
            hostname=hostname,
            configuration_url=self._http.url if self._http else None,
        )

    def _from_http(self, info: Mapping[str, Any]) -> MinerTelemetry:
        miner = section(info, "miner")
        temps = section(info, "temps")
        stratum = section(info, "stratum")
        accepted = count(miner.get("sAccepted"))
        uptime = parse_age(miner.get("uptimeSeconds"))
        pool_difficulty = positive(parse_compact(miner.get("poolDiff")))
        self._share_rate.add(accepted, pool_difficulty)
        hashrate = self._hashrate(miner.get("hashRate"), accepted)
        url = parse_text(stratum.get("url"))
        return MinerTelemetry(
            hashrate=hashrate,
            temperature=_first(
                temperature(temps.get("asic")), temperature(temps.get("vcore"))
            ),
            uptime=uptime,
            uptime_total=count(miner.get("uptimeEver")),
            shares_accepted=accepted,
            shares_rejected=count(miner.get("sRejected")),
            best_share=not_negative(parse_compact(miner.get("bestDiffEver"))),
            best_session_share=not_negative(
                parse_compact(miner.get("bestDiffSession"))
            ),
            last_share=positive(parse_compact(miner.get("lastDiff"))),
            blocks_found=count(miner.get("blkhits")),
            pool_difficulty=pool_difficulty,
            network_difficulty=positive(parse_compact(miner.get("networkDiff"))),
            signal=signal(section(info, "identity").get("rssi")),
            free_memory=count(miner.get("freeHeap")),
            hashing=None if hashrate is None else hashrate > 0,
            pools=pool_slots(url, parse_text(stratum.get("user"))),
            device=self._facts,
        )

    def _hashrate(self, value: Any, accepted: int | None) -> float | None:
        """Return H/s of a figure in GH/s, or of one that names its unit.

        A zero is believed of a device that has reported more before, until shares
        are accepted all the same: one may have been on its way.
        """
        number = parse_number(value)
        hashrate = parse_compact(value) if number is None else number * GIGA
        hashrate = not_negative(hashrate)
        if hashrate is None:
            return None
        if hashrate > 0:
            self._reports_hashrate = True
            self._shares_at_zero = None
            return hashrate
        shares = accepted or 0
        if self._shares_at_zero is None or shares < self._shares_at_zero:
            self._shares_at_zero = shares
        if shares > self._shares_at_zero + 1:
            self._reports_hashrate = False
        return 0.0 if self._reports_hashrate else self._share_rate.hashrate

    # Broadcasts

    def _broadcast_facts(self, packet: Packet) -> DeviceFacts:
        return DeviceFacts(
            manufacturer=self.manufacturer,
            model=parse_text(packet.data.get("boardtype")) or "NMMiner",
            firmware=parse_text(packet.data.get("version")),
        )

    def _from_broadcast(self, data: Mapping[str, Any]) -> MinerTelemetry:
        hashrate = not_negative(parse_compact(data.get("hashrate")))
        rejected, accepted = _shares(data.get("share"))
        free = not_negative(parse_number(data.get("freeheap")))  # kB
        return MinerTelemetry(
            hashrate=hashrate,
            temperature=temperature(data.get("temp")),
            uptime=_uptime(data.get("uptime"), 0),
            uptime_total=_uptime(data.get("uptime"), 1),
            shares_accepted=accepted,
            shares_rejected=rejected,
            best_share=not_negative(parse_compact(data.get("bestdiff"))),
            last_share=positive(parse_compact(data.get("lastdiff"))),
            blocks_found=count(data.get("valid")),
            pool_difficulty=positive(parse_compact(data.get("pooldiff"))),
            network_difficulty=positive(parse_compact(data.get("netdiff"))),
            signal=signal(data.get("rssi")),
            free_memory=None if free is None else parse_int(free * 1024),
            hashing=None if hashrate is None else hashrate > 0,
            pools=pool_slots(parse_text(data.get("poolinuse")), None),
            device=self._facts,
        )


class _ShareRate:
    """Estimates a hashrate from accepted shares: work done over time."""

    window_seconds = 900.0
    minimum = 30
    """Shares; fewer would be off by more than a fifth."""

    def __init__(self) -> None:
        # When, how many shares in total, how many hashes they took so far.
        self._points: deque[tuple[float, int, float]] = deque()

    def add(self, accepted: int | None, difficulty: float | None) -> None:
        """Take the counters of one poll; a counter that fell begins again."""
        if accepted is None or difficulty is None:
            return
        now = time.monotonic()
        hashes = 0.0
        if self._points:
            _, before, hashes = self._points[-1]
            if accepted < before:
                self._points.clear()
                hashes = 0.0
            else:
                hashes += (accepted - before) * difficulty * HASHES_PER_DIFFICULTY
        self._points.append((now, accepted, hashes))
        while now - self._points[0][0] > self.window_seconds:
            self._points.popleft()

    @property
    def hashrate(self) -> float | None:
        """Return H/s over the window, None while the shares are too few."""
        if len(self._points) < 2:
            return None
        start, first, before = self._points[0]
        end, last, after = self._points[-1]
        if last - first < self.minimum or end <= start:
            return None
        return (after - before) / (end - start)


def _is_version_2(info: Mapping[str, Any]) -> bool:
    model = parse_text(section(info, "identity").get("hwModel"))
    return model is not None and model.lower() == "nmminer"


def _shares(value: Any) -> tuple[int | None, int | None]:
    """Return rejected and accepted of ``1/138`` or ``1/138/99.3%``."""
    parts = (parse_text(value) or "").split("/")
    if len(parts) < 2:
        return None, None
    return count(parts[0]), count(parts[1])


def _uptime(value: Any, part: int) -> int | None:
    r"""Return the seconds of a part of ``00d 01:23:46`` or ``session\rtotal``."""
    parts = _UPTIME.findall(parse_text(value, LONGEST_FIGURE) or "")
    if part >= len(parts):
        return None
    days, hours, minutes, seconds = map(int, parts[part])
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)
