"""A large Antminer with LuxOS: the part of its API on TCP 4028 that is asked for.

The answers have the form that a S19k Pro with LuxOS 2025.4.8 gave.
"""

import asyncio
import contextlib
from dataclasses import dataclass, field
import json
import secrets
from types import TracebackType
from typing import Any, Self

from pyasic_rs import MinerFactory
from pyasic_rs.data import MinerData

PORT = 4028
_BOARDS = 3


class FakeLuxMiner:
    """An Antminer S19k Pro on an address of its own, as its port cannot be chosen."""

    def __init__(self) -> None:
        """Begin mining."""
        # All of 127.0.0.0/8 is this machine
        self.host = f"127.{1 + secrets.randbelow(254)}.{secrets.randbelow(255)}.7"
        self.commands: list[str] = []
        self.mac = "62:f7:5e:b7:10:46"
        self.version = "2025.4.8.220305"
        self.curtailed = False
        self.obeys = True
        self.profile = "290MHz"
        self.watts: float | None = 1051
        self.restarts = 0
        self.led = "auto"
        self.alive = True
        """Whether its first pool answers."""
        self.warning: str | None = None
        self.type = "Antminer S19k Pro"
        self._session = ""
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        """Switch it on."""
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Switch it off."""
        await self.stop()

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, self.host, PORT)

    async def stop(self) -> None:
        """Be gone."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError, ValueError):
            request = json.loads(await reader.read(4096))
            command = str(request["command"])
            self.commands.append(command)
            answer = self._answer(command, str(request.get("parameter", "")))
            writer.write(json.dumps(answer).encode() + b"\0")
            await writer.drain()
        writer.close()

    def _answer(self, command: str, parameter: str) -> dict[str, Any]:
        method = getattr(self, f"_do_{command}", None)
        if method is None:
            return _status("E", 14, "invalid command")
        content = method(parameter)
        if isinstance(content, str):
            return _status("E", 402, content)
        status = _status("S", 1, f"LUXminer {command}")
        return {**status, **content}

    def _do_version(self, _: str) -> dict[str, Any]:
        version = {"API": "3.7", "Miner": self.version, "Type": self.type}
        return {"VERSION": [version]}

    def _do_config(self, _: str) -> dict[str, Any]:
        return {
            "CONFIG": [
                {
                    "ControlBoardType": "cvitek",
                    "CurtailMode": "Sleep" if self.curtailed else "None",
                    "Hostname": "garage-s19k",
                    "IsAtmEnabled": False,
                    "MACAddr": self.mac,
                    "Model": self.type,
                    "Profile": self.profile,
                    "RedLed": self.led,
                    "SerialNumber": "JYZZB0UBDJABF06RB",
                    "SystemStatus": "Normal",
                }
            ]
        }

    @property
    def _rates(self) -> list[float]:
        return [0.0] * _BOARDS if self.curtailed else [18910.28, 18939.95, 19067.67]

    def _do_stats(self, _: str) -> dict[str, Any]:
        stats: dict[str, Any] = {
            "Elapsed": 3453,
            "GHS 5s": sum(self._rates),
            "GHS av": sum(self._rates),
            "ID": "BTM_SOC0",
        }
        for board, rate in enumerate(self._rates, start=1):
            stats |= {
                f"chain_rate{board}": f"{rate:.2f}",
                f"freq{board}": 300.0,
                f"temp_chip{board}": f"{46 + board}-34-34-47",
                f"temp_pcb{board}": "41-34-34-41",
            }
        return {"STATS": [{"Type": self.type}, stats]}

    def _do_summary(self, _: str) -> dict[str, Any] | str:
        summary = {"Elapsed": 3453, "GHS 5s": sum(self._rates)}
        if self.warning is None:
            return {"SUMMARY": [summary]}
        return {**_status("W", 11, self.warning), "SUMMARY": [summary]}

    def _do_devs(self, _: str) -> dict[str, Any]:
        return {
            "DEVS": [
                {"ASC": board, "Nominal MHS": 20_651_400.0, "SerialNumber": f"B{board}"}
                for board in range(_BOARDS)
            ]
        }

    def _do_fans(self, _: str) -> dict[str, Any]:
        return {"FANS": [{"FAN": fan, "RPM": 1920 + 10 * fan} for fan in range(4)]}

    def _do_power(self, _: str) -> dict[str, Any]:
        if self.watts is None:
            return {"POWER": [{}]}
        return {
            "POWER": [{"PSU": False, "Watts": 30 if self.curtailed else self.watts}]
        }

    def _do_temps(self, _: str) -> dict[str, Any]:
        corners = {"BottomLeft": 47.0, "BottomRight": 34.0, "TopLeft": 49.0}
        return {
            "METADATA": [{"TopLeft": {"Label": "Board Exhaust (top)"}}],
            "TEMPS": [
                {"ID": board, "TEMP": board, "TopRight": 34.0, **corners}
                for board in range(_BOARDS)
            ],
        }

    def _do_pools(self, _: str) -> dict[str, Any]:
        return {
            "POOLS": [
                {
                    "POOL": 0,
                    "GROUP": 0,
                    "URL": "stratum+tcp://eu1.solopool.org:8004",
                    "User": "dgb1qexample.s19",
                    "Status": "Alive" if self.alive else "Dead",
                    "Stratum Active": self.alive,
                    "Accepted": 120,
                    "Rejected": 3,
                },
                {
                    "POOL": 1,
                    "GROUP": 0,
                    "URL": "stratum+tcp://public-pool.io:21496",
                    "User": "bc1qexample.s19",
                    "Status": "Alive",
                    "Stratum Active": not self.alive,
                    "Accepted": 7,
                    "Rejected": 0,
                },
            ]
        }

    def _do_profiles(self, _: str) -> dict[str, Any]:
        return {
            "PROFILES": [
                {"Profile Name": name, "Frequency": mhz, "Watts": watts, "Step": step}
                for name, mhz, watts, step in (
                    ("245MHz", 245, 930, "-1"),
                    ("290MHz", 290, 1188, "0"),
                    ("540MHz", 540, 2700, "1"),
                )
            ]
        }

    def _do_groups(self, _: str) -> dict[str, Any]:
        return {"GROUPS": [{"GROUP": 0, "Name": "default", "Quota": 1}]}

    # What changes it asks for a session

    def _do_session(self, _: str) -> dict[str, Any]:
        return {"SESSION": [{"SessionID": self._session}]}

    def _do_logon(self, _: str) -> dict[str, Any] | str:
        if self._session:
            return "Another session is active"
        self._session = "abc123"
        return {"SESSION": [{"SessionID": self._session}]}

    def _in_session(self, parameter: str) -> str | None:
        session, _, rest = parameter.partition(",")
        return rest if session and session == self._session else None

    def _do_curtail(self, parameter: str) -> dict[str, Any] | str:
        if (what := self._in_session(parameter)) not in {"sleep", "wakeup"}:
            return "Invalid session"
        if self.obeys:
            self.curtailed = what == "sleep"
        return {}

    def _do_profileset(self, parameter: str) -> dict[str, Any] | str:
        rest = self._in_session(parameter)
        if rest is None:
            return "Invalid session"
        if self.obeys:
            self.profile = rest.rpartition(",")[2] or rest
        return {"PROFILE": [{"Profile": self.profile}]}

    def _do_ledset(self, parameter: str) -> dict[str, Any] | str:
        rest = self._in_session(parameter)
        if rest is None or not rest.startswith("red,"):
            return "Invalid session"
        if self.obeys:
            self.led = rest.removeprefix("red,")
        return {}

    def _do_rebootdevice(self, parameter: str) -> dict[str, Any] | str:
        if self._in_session(parameter) is None:
            return "Invalid session"
        self.restarts += 1
        return {}


def _status(status: str, code: int, message: str) -> dict[str, Any]:
    return {
        "STATUS": [
            {
                "STATUS": status,
                "When": 1760242394,
                "Code": code,
                "Msg": message,
                "Description": "LUXminer 2025.4.8.220305-57b389c7",
            }
        ],
        "id": 1,
    }


@dataclass
class PowerLimit:
    """A firmware that takes a limit of watts; the known ones serve port 80 alone."""

    watts: float | None = 1200
    least: float | None = 900
    most: float | None = 1500
    obeys: bool = True
    asked: list[float] = field(default_factory=list)

    def factory(self) -> Any:
        """Return a factory of the package, whose miners have the limit."""

        class Factory:
            """Finds what the real one finds."""

            async def get_miner(_, ip: str) -> Any:  # noqa: N805
                miner = await MinerFactory().get_miner(ip)
                return None if miner is None else LimitedMiner(miner, self)

        return Factory()


class LimitedMiner:
    """The package's own miner, with a limit in its own data classes."""

    supports_set_power_limit = True

    def __init__(self, miner: Any, limit: PowerLimit) -> None:
        """Put the limit beside what the miner does."""
        self._miner, self._limit = miner, limit

    def __getattr__(self, name: str) -> Any:
        """Do all else as the miner does it."""
        return getattr(self._miner, name)

    async def get_data(self, exclude: object = None) -> MinerData:
        """Return what the miner answers, with its limit."""
        data = await self._miner.get_data(exclude=exclude)
        limit = self._limit
        bounds = {
            name: None if watts is None else {"type": "power", "value": watts}
            for name, watts in (
                ("default", limit.least),
                ("minimum", limit.least),
                ("maximum", limit.most),
                ("target", limit.watts),
            )
        }
        target = bounds.pop("target")
        capabilities = {"power": bounds, "hashrate": None, "presets": None}
        return MinerData.model_validate(
            {
                **data.model_dump(),
                "tuning_target": target,
                "tuning_capabilities": capabilities,
            }
        )

    async def set_power_limit(self, watts: float) -> bool:
        """Say yes, and do it if it obeys."""
        self._limit.asked.append(watts)
        if self._limit.obeys:
            self._limit.watts = watts
        return True
