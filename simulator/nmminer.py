"""NMMiner lottery miners (ESP32): UDP broadcasts and, from firmware v2, HTTP.

Sources: NMminer1024/NMController_client and NMController_web for the packets (no raw
packet was ever recorded), NMminer1024/wiki docs/api for HTTP, one recorded
`/api/system/info` of v2.0.02.
"""

import asyncio
from contextlib import suppress
import json
import re
import socket
from typing import Any, ClassVar, Literal, override
import zlib

from .device import Fault
from .httpd import (
    Handler,
    HttpDevice,
    Request,
    Response,
    json_response,
    page_response,
    text_response,
)
from .physics import Miner, Silicon

SILICON = Silicon(
    chips=1,
    small_cores=0.00425,
    frequency=240,
    voltage=3300,
    core_watts=0.9,
    base_watts=0.4,
    heat=28,
    max_rpm=0,
    noise=0.02,
)
"""An ESP32-S3: about 1 MH/s."""

SUFFIXES = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "K"))
EARLIER_UPTIME = 28 * 86400
"""Seconds on earlier days: part of the total uptime only."""

_ENDS_IN_DIGITS = re.compile(r"[0-9a-f]{6}$", re.IGNORECASE)

SETTINGS: dict[str, dict[str, Any]] = {
    "network": {"Hostname": "", "WiFiSSID": "HomeMiners"},
    "mining": {
        "PrimaryPool": "stratum+tcp://public-pool.io:21496",
        "PrimaryAddress": "bc1qexample.nmminer",
        "PrimaryPassword": "x",
        "SecondaryPool": "stratum+tcp://solobtc.nmminer.com:3333",
        "SecondaryAddress": "bc1qexample.nmminer",
        "SecondaryPassword": "x",
    },
    "time": {"Timezone": "1", "TimeFormat": 24, "DateFormat": "YYYY-MM-DD"},
    "preference": {
        "Brightness": 80,
        "RotateScreen": 270,
        "LedEnable": 1,
        "ScreenSaver": "5m",
        "ScreenSaverMode": "image",
        "LadderEnable": False,
    },
    "market": {
        "MainCoin": "BTC",
        "WatchCoins": "BTC,ETH",
        "KlineRotate": "on",
        "KlineInterval": "1h",
        "PricePageMode": "kline",
    },
    "weather": {
        "WeatherCity": "Berlin, Berlin, Germany",
        "WeatherLat": "52.5200",
        "WeatherLon": "13.4050",
        "WeatherTempUnit": "celsius",
        "WeatherSpeedUnit": "kmh",
        "WeatherAltMode": "pressure",
    },
}
"""What `/api/setting/<group>` holds; WiFiPWD can be written and is never given."""


class SimulatedNMMiner(HttpDevice):
    r"""One NMMiner, which tells of itself by UDP (`udp`), by HTTP (`http`) or both.

    Packets go to `target` every `interval` seconds, from `ip` where that is an
    address of this machine (127.0.0.x), so that several miners can be told apart.
    What real packets differ in is an attribute:

      ip_key            "IP" or "ip"
      ip                what the packet says
      rate_style        "K": "113.13K"; "H/s": "1.0154MH/s"
      share_style       "counts": "1/138"; "percent": "1/138/99.3%"
      total_uptime      adds "\r" and the uptime of all days
      sensor            False: Temp is 0
      packets           how many were sent

    HTTP attributes: `version` decides the dialect. Up to v2.0.02 there is no
    `/probe` and difficulties are padded strings ("306.59 ", "132.8T"); from v2.0.03
    they are plain decimals. `rate_unknown` makes hashRate 0.0, as v2.0.02 has shown
    while it mined; `restart_needs_json` refuses a restart without a JSON body (405);
    `peers` are the further addresses of `/alive`.

    The faults SILENT and RESET stop the packets; GARBAGE and HALF spoil them.
    """

    kind: ClassVar[str] = "nmminer"
    miner: Miner

    def __init__(
        self,
        *,
        name: str | None = None,
        board: str = "NMLotto",
        version: str = "v0.3.01",
        ip: str | None = None,
        target: tuple[str, int] = ("127.0.0.1", 12345),
        interval: float = 5.0,
        udp: bool = True,
        http: bool = False,
        seed: int | None = None,
        speed: float = 1.0,
        age: float = 400_000.0,
        restart_delay: float = 0.6,
        **options: Any,
    ) -> None:
        """Make one; `age` is for how many seconds it has run when it starts."""
        name = name or f"nmminer-{board.lower()}"
        super().__init__(
            name=name,
            restart_delay=restart_delay,
            miner=Miner(
                SILICON,
                seed=zlib.crc32(name.encode()) if seed is None else seed,
                speed=speed,
                age=age,
                pool_difficulty=0.01,
                network_difficulty=89.47e12,
                best_ever=4.021e6,
                reject_ratio=0.007,
            ),
            **options,
        )
        self.miner.fan_manual(100)  # it has none: the air is as it is
        self.board = board
        self.version = version
        self.ip = ip or self.host
        self.target = target
        self.interval = interval
        self.udp = udp
        self.http = http
        self.ip_key: Literal["IP", "ip"] = "IP"
        self.rate_style: Literal["K", "H/s"] = "K"
        self.share_style: Literal["counts", "percent"] = "counts"
        self.total_uptime = False
        self.sensor = True
        self.packets = 0
        self.rate_unknown = False
        self.restart_needs_json = False
        self.peers: list[str] = []
        self.rssi = -62
        self.settings = {group: dict(values) for group, values in SETTINGS.items()}
        # As the firmware names it: the end of the MAC makes it unique
        if not _ENDS_IN_DIGITS.search(name):
            name = f"{name}-{self.mac.replace(':', '')[-6:].lower()}"
        self.settings["network"]["Hostname"] = name
        self._pool = self.settings["mining"]["PrimaryPool"]
        self._user = self.settings["mining"]["PrimaryAddress"]
        self._transport: asyncio.DatagramTransport | None = None
        self._sender: asyncio.Task[None] | None = None

    # --- the plug -----------------------------------------------------------

    @override
    async def _open(self) -> None:
        if self.http:
            await super()._open()
        if self.udp:
            self._transport = await self._datagrams()
            self._sender = asyncio.create_task(self._broadcast_forever())

    @override
    async def _close(self) -> None:
        sender, self._sender = self._sender, None
        if sender is not None:
            sender.cancel()
            with suppress(asyncio.CancelledError):
                await sender
        if self._transport is not None:
            self._transport.close()
            self._transport = None
        await super()._close()

    @override
    def _booted(self) -> None:
        self._reconnect()

    async def _datagrams(self) -> asyncio.DatagramTransport:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        # An address that is not this machine's stays a claim of the packet.
        with suppress(OSError):
            sock.bind((self.ip, 0))
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, sock=sock
        )
        return transport

    async def _broadcast_forever(self) -> None:
        while True:
            self.broadcast()
            await asyncio.sleep(self.interval)

    # --- UDP ----------------------------------------------------------------

    def broadcast(self) -> None:
        """Send one packet now, corrupted if the fault says so."""
        data = json.dumps(self.packet(), indent=2).encode()
        match self.fault:
            case Fault.SILENT | Fault.RESET:
                return
            case Fault.GARBAGE:
                data = b"\x00\xff{NMMiner" + data[:7]
            case Fault.HALF:
                data = data[: len(data) // 2]
        self.send_raw(self.rewritten(data))

    def send_raw(self, data: bytes) -> None:
        """Send these bytes to `target`."""
        if self._transport is not None:
            self._transport.sendto(data, self.target)
            self.packets += 1

    def packet(self) -> dict[str, Any]:
        """Give the present packet."""
        reading = self.miner.read()
        return {
            self.ip_key: self.ip,
            "BoardType": self.board,
            "HashRate": self._rate(reading.hashrate),
            "Share": self._shares(reading.rejected, reading.accepted),
            "NetDiff": suffixed(self.miner.network_difficulty, 4),
            "PoolDiff": f"{self.miner.pool_difficulty:.3f}",
            "LastDiff": f"{self.miner.pool_difficulty * 1.7:.3f}",
            "BestDiff": suffixed(reading.best_ever, 4),
            "Valid": reading.blocks_ever,
            "Progress": round(reading.uptime % 60 / 60, 3),
            "Temp": round(reading.temperature, 1) if self.sensor else 0,
            "RSSI": self.rssi,
            "FreeHeap": 8203.9,
            "Uptime": self._uptime(reading.uptime),
            "Version": self.version,
            "PoolInUse": self._pool.partition("://")[2],
        }

    def _rate(self, rate: float) -> str:
        text = suffixed(rate, 5)
        return f"{text}H/s" if self.rate_style == "H/s" else text

    def _shares(self, rejected: int, accepted: int) -> str:
        if self.share_style == "counts":
            return f"{rejected}/{accepted}"
        total = rejected + accepted
        part = 100 * accepted / total if total else 0
        return f"{rejected}/{accepted}/{part:.1f}%"

    def _uptime(self, seconds: float) -> str:
        if not self.total_uptime:
            return _clock(seconds, 2)
        total = self.miner.read().lifetime_uptime + EARLIER_UPTIME
        return f"{_clock(seconds, 3)}\r{_clock(total, 3)}"

    # --- HTTP ---------------------------------------------------------------

    @property
    def padded(self) -> bool:
        """Whether this version pads its difficulties and has no /probe."""
        return self.version <= "v2.0.02"

    @override
    def routes(self) -> dict[str, Handler]:
        return {
            "GET /": lambda _: page_response(),
            "GET /probe": self._probe,
            "GET /alive": self._alive,
            "GET /api/system/info": self._info,
            "POST /api/system/restart": self._restart,
            "POST /api/swarm/find": lambda _: text_response("OK"),
            "GET /api/setting/*": self._read_settings,
            "POST /api/setting/*": self._write_settings,
        }

    @override
    def finish(self, response: Response) -> Response:
        return Response(
            status=response.status,
            body=response.body,
            content_type=response.content_type,
            headers={**response.headers, "Access-Control-Allow-Origin": "*"},
            close=response.close,
        )

    @override
    def unknown(self, request: Request) -> Response:
        return text_response("Not found", status=404)

    @property
    def hostname(self) -> str:
        """Its name in the network; under WRONG_MAC another miner's."""
        name = str(self.settings["network"]["Hostname"])
        if self.fault is Fault.WRONG_MAC:
            return name[:-6] + name[-6:][::-1]
        return name

    def _probe(self, request: Request) -> Response:
        if self.padded:
            return self.unknown(request)
        reading = self.miner.read()
        return json_response(
            {
                "model": "NMMiner",
                "hostname": self.hostname,
                "ver": self.version,
                "sw": 320,
                "sh": 240,
                "hr": round(reading.hashrate),
                "sbd": round(reading.best_session, 4),
                "ebd": round(reading.best_ever, 4),
                "ut": int(reading.uptime),
            }
        )

    def _alive(self, request: Request) -> Response:
        # A caller that is no miner (no src=swarm) wakes the device's own scan.
        scanning = request.query.get("src") != "swarm" or "rescan" in request.query
        return json_response(
            {
                "self": self.ip,
                "ips": [self.ip, *self.peers],
                "scanning": scanning,
                "progress": 128 if scanning else 0,
                "total": 254,
                "next_scan_in": 0 if scanning else 120,
            }
        )

    def _info(self, _: Request) -> Response:
        reading = self.miner.read()
        rate = 0.0 if self.rate_unknown else round(reading.hashrate / 1e9, 9)
        return json_response(
            {
                "identity": {
                    "hwModel": "NMMiner",
                    "hostName": self.hostname,
                    "fwVersion": self.version,
                    "rssi": self.rssi,
                },
                "miner": {
                    "hashRate": rate,
                    "sAccepted": reading.accepted,
                    "sRejected": reading.rejected,
                    "uptimeSeconds": int(reading.uptime),
                    "uptimeEver": int(reading.lifetime_uptime + EARLIER_UPTIME),
                    "networkDiff": self._difficulty(self.miner.network_difficulty, 4),
                    "poolDiff": self._difficulty(self.miner.pool_difficulty, 5),
                    "lastDiff": self._difficulty(self.miner.pool_difficulty * 1.7, 5),
                    "bestDiffSession": self._difficulty(reading.best_session, 5),
                    "bestDiffEver": self._difficulty(reading.best_ever, 5),
                    "blkhits": reading.blocks_ever,
                    "freeHeap": 118432,
                    "minFreeHeap": 94312,
                },
                "stratum": {
                    "url": self._pool.partition("://")[2],
                    "user": self._user,
                },
                "temps": {
                    "vcore": round(reading.temperature, 1) if self.sensor else None,
                    "asic": None,
                },
                "storage": {"fsTotal": 1048576, "fsUsed": 262144},
            }
        )

    def _difficulty(self, value: float, places: int) -> str:
        if not self.padded:
            return f"{value:.{places}f}"
        if value >= 1000:
            return suffixed(value, 4)
        # Six characters and a blank where the suffix would be.
        return f"{value:.5f}"[:6] + " "

    def _restart(self, request: Request) -> Response:
        if self.restart_needs_json and not request.body:
            return text_response("Method Not Allowed", status=405)
        self.schedule_reboot()
        return json_response({"status": "ok"})

    def _read_settings(self, request: Request) -> Response:
        values = self.settings.get(request.path.rpartition("/")[2])
        if values is None:
            return self.unknown(request)
        shown = {key: value for key, value in values.items() if key != "WiFiPWD"}
        return json_response(shown)

    def _write_settings(self, request: Request) -> Response:
        group = request.path.rpartition("/")[2]
        if group not in self.settings:
            return self.unknown(request)
        try:
            changes = request.json()
        except ValueError:
            changes = None
        if not isinstance(changes, dict):
            return text_response("Bad JSON", status=400)
        group_settings = self.settings[group]
        allowed = (
            {*group_settings, "WiFiPWD"} if group == "network" else set(group_settings)
        )
        group_settings |= {
            key: value for key, value in changes.items() if key in allowed
        }
        if group == "mining":
            # It reconnects a little later; here that moment is now.
            self._reconnect()
        return text_response("OK")

    def _reconnect(self) -> None:
        mining = self.settings["mining"]
        self._pool = str(mining["PrimaryPool"])
        self._user = str(mining["PrimaryAddress"])

    @override
    def state(self) -> dict[str, Any]:
        """How it stands; adds board, version, ip, packets and pool."""
        return super().state() | {
            "board": self.board,
            "version": self.version,
            "ip": self.ip,
            "packets": self.packets,
            "pool": self._pool,
        }


def suffixed(value: float, digits: int) -> str:
    """Print a number as NMMiner does: so many digits and K, M, G, T or P."""
    for scale, suffix in SUFFIXES:
        if value >= scale:
            scaled = value / scale
            whole = len(str(int(scaled)))
            return f"{scaled:.{max(0, digits - whole)}f}{suffix}"
    return f"{value:.3f}"


def _clock(seconds: float, days: int) -> str:
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    return f"{day:0{days}d}d {hour:02d}:{minute:02d}:{second:02d}"
