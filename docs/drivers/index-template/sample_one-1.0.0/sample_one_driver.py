"""The Example One, a miner with a small JSON API over HTTP.

Changes
1.0.0  First version.
"""

from collections.abc import Mapping
from typing import Any, override

from custom_components.hmm.driver_api import (
    BaseMinerAdapter,
    CommandFailed,
    DeviceFacts,
    InvalidValue,
    MinerTelemetry,
)
from custom_components.hmm.driver_api.transports.http import HttpClient
from custom_components.hmm.driver_api.units import (
    GIGA,
    parse_bool,
    parse_count,
    parse_number,
    parse_text,
)


class SampleOneDriver(BaseMinerAdapter):
    """The Example One, which the tool for drivers runs."""

    driver_type = "sample_one"
    driver_version = "1.0.0"
    display_name = "Sample for the Example One"
    manufacturer = "Example"
    connection_type = "http"
    default_port = 80

    def __init__(self) -> None:
        """Make a driver that is not connected."""
        self._http: HttpClient | None = None
        self._status: Mapping[str, Any] = {}

    @override
    async def connect(self, ip: str, port: int | None = None) -> bool:
        """Return whether there is an Example One at this address."""
        assert self.context is not None
        self._http = HttpClient(self.context.session, ip, port or self.default_port)
        return (await self._read()).get("maker") == "Example"

    @override
    async def get_device_facts(self) -> DeviceFacts:
        """Return who the device is."""
        return DeviceFacts(
            mac=parse_text(self._status.get("mac")),
            model="Example One",
            firmware=parse_text(self._status.get("firmware")),
        )

    @override
    async def get_telemetry(self) -> MinerTelemetry:
        """Return one poll."""
        status = await self._read()
        hashrate = parse_number(status.get("hashrate_ghs"))
        power = parse_number(status.get("power_mw"))
        return MinerTelemetry(
            hashrate=None if hashrate is None else hashrate * GIGA,
            power=None if power is None else power / 1000,
            uptime=parse_count(status.get("uptime")),
            mode=parse_text(status.get("mode")),
            hashing=None if hashrate is None else hashrate > 0,
            paused=parse_bool(status.get("paused")),
        )

    @override
    async def get_pool_info(self) -> dict[str, Any]:
        """Return the pool in use."""
        pool = (await self._read()).get("pool")
        return {"pool_url": pool.get("url") if isinstance(pool, dict) else None}

    @override
    def get_supported_modes(self) -> list[str]:
        """Return the modes that the device names."""
        modes = self._status.get("modes")
        return [it for it in modes if parse_text(it)] if isinstance(modes, list) else []

    @override
    async def set_mode(self, mode: str) -> bool:
        """Set a mode and see that the device has it."""
        if mode not in self.get_supported_modes():
            raise InvalidValue(f"The miner has no mode {mode}")
        await self._post("/api/mode", {"mode": mode})
        return (await self._read()).get("mode") == mode

    @override
    async def restart(self) -> bool:
        """Restart the miner."""
        await self._post("/api/restart", {})
        return True

    async def _read(self) -> Mapping[str, Any]:
        assert self._http is not None
        status = await self._http.get_json("/api/status")
        self._status = status if isinstance(status, dict) else {}
        return self._status

    async def _post(self, path: str, body: dict[str, Any]) -> None:
        assert self._http is not None
        if not (await self._http.request("POST", path, json=body)).ok:
            raise CommandFailed("The miner refuses it")
