"""Miner drivers of HMM-Local, and of the plan that followed it, as native ones."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
import logging
import re
import time
from typing import Any, ClassVar, override
import zlib

from ...driver_api import (
    BaseMinerAdapter,
    CannotConnect,
    CommandFailed,
    DeviceFacts,
    HashrateUnit,
    InvalidValue,
    MinerTelemetry,
    NotThisDevice,
)
from ...driver_api.addresses import resolve
from ...driver_api.families import is_nerdqaxe, is_nmminer
from ...driver_api.transports.stratum import Endpoint, parse_endpoint
from ...driver_api.transports.udp import BroadcastListener, Packet
from ...driver_api.units import LONGEST_FIGURE, parse_text
from ..declaration import NotADriver
from ..faults import why
from ..hanging import Hanging
from .binding import bind, names
from .dangers import Danger, known_dangers
from .host import Host
from .miner_reports import (
    extra_data,
    is_miner,
    read_planned_report,
    read_report,
    system_info,
)
from .origin import Origin
from .read_back import MODE_SECONDS, POOL_SECONDS, confirm, is_mode, is_server
from .read_figures import read
from .shims import adapters

_LOGGER = logging.getLogger(__name__)

_ANSWER_SECONDS = 18
_COMMAND_SECONDS = 140
_CLOSE_SECONDS = 3

_REPEAT_SECONDS = 600.0
"""For how long a pool that a miner did not take is not sent again: it may restart."""

_BROADCAST_PORT = 12345
_LISTEN_SECONDS = 8.0
_SILENT_SECONDS = 120.0
"""After which silence HMM-Local took a miner that broadcasts for switched off."""

_UNITS: Mapping[str, HashrateUnit] = {"nmminer": "MH/s", "xmrig": "kH/s"}
"""In which unit the hashrate of small devices is shown."""

# The spelling in which an NMMiner broadcasts; the listener has small letters only
_NMMINER_KEYS = {
    key.lower(): key
    for key in (
        *("ip", "HashRate", "Share", "NetDiff", "PoolDiff", "LastDiff", "BestDiff"),
        *("Valid", "Progress", "Temp", "RSSI", "FreeHeap", "Uptime", "Version"),
        *("BoardType", "PoolInUse"),
    )
}
_HASHRATE_WITHOUT_UNIT = re.compile(r"([\d.]++)\s*+([KM])", re.IGNORECASE)
_READS_NAME = re.compile(r"\bself\.miner_name\b(?!\s*=[^=])")
_VERSION = re.compile(r"v?(\d{1,3})\.(\d{1,3})\b", re.IGNORECASE)


class _LegacyMiner(BaseMinerAdapter):
    """What both kinds have in common: an object of the driver, and its thread.

    HMM-Local made a new object for every call, so that none ever had to recover:
    here it gets a new one after each call that failed.
    """

    legacy_class: ClassVar[type[Any]]
    hanging: ClassVar[Hanging]
    dangers: ClassVar[tuple[Danger, ...]] = ()
    """What is known to be wrong with the driver's file, the worst first."""
    danger: ClassVar[Danger | None] = None
    """The first of them."""

    def __init__(self) -> None:
        """Make nothing yet: even a constructor may block."""
        self._host = Host(str(self.driver_type), self.hanging)
        self._miner: Any = None
        self._modes: list[str] = []
        self._address = ""
        self._port: int | None = None
        self._failed = False
        self._kept: MinerTelemetry | dict[str, Any] | None = None
        """A poll that serves the next one as well."""
        self._mode: str | None = None
        """The mode that the last poll reported."""
        self._message: str | None = None
        """What the device said to the last command for a mode."""
        self._sent_pool = 0
        self._refused_until = 0.0
        self._unconfirmed: set[str] = set()

    @override
    def get_supported_modes(self) -> list[str]:
        return self._modes

    @override
    def supports_restart(self) -> bool:
        return _does_something(self.legacy_class, "restart")

    @override
    async def set_mode(self, mode: str) -> bool:
        before, start = self._mode, time.monotonic()
        taken = await self._command("set_mode", mode)
        if not taken:
            with suppress(Exception):
                await self._read_mode()
            raise CommandFailed(
                self._message or "The device did not take the command",
                reason="command_failed",
                detail=self._message or "",
            )
        await self._confirm(
            "mode",
            self._read_mode,
            lambda reported: is_mode(reported, mode),
            before,
            start,
        )
        return True

    @override
    async def restart(self) -> bool:
        return await self._command("restart")

    @override
    async def close(self) -> None:
        try:
            await self._drop()
        finally:
            self._host.close()

    async def _read_mode(self) -> str | None:
        """Return the mode that the device reports now; the poll also serves others."""
        self._kept = None
        self._kept = await self.get_telemetry()
        return self._mode

    async def _switch_pool(
        self,
        endpoint: Endpoint,
        account: tuple[str, str],
        before: str | None,
        read: Callable[[], Awaitable[str | None]],
        switch: Callable[[], Awaitable[bool]],
    ) -> bool:
        """Send a pool once and wait until the device is there; it may restart for it."""

        def is_there(reported: str) -> bool:
            return is_server(reported, endpoint.host, endpoint.port)

        start = time.monotonic()
        pool = hash((endpoint, account))
        if pool == self._sent_pool:
            if (reported := await read()) is not None and is_there(reported):
                return True
            if start < self._refused_until:
                raise CommandFailed(
                    "It did not take this pool last time. So that it does not restart"
                    f" each time, the pool is sent again after"
                    f" {_REPEAT_SECONDS / 60:.0f} minutes at the earliest",
                    reason="pool_too_soon",
                    minutes=round(_REPEAT_SECONDS / 60),
                )
        taken = await switch()
        if not taken:
            return False
        self._sent_pool = pool
        try:
            # Where it was there before, it cannot be seen whether it took the account
            if before is None or not is_there(before):
                await self._confirm("pool", read, is_there, before, start)
            else:
                self._note_unconfirmed("pool")
        except CommandFailed as err:
            self._refused_until = time.monotonic() + _REPEAT_SECONDS
            hint = "; is its password right?" if self.option_fields else ""
            raise CommandFailed(
                f"{err}{hint}", reason=err.reason_key, **err.reason_values
            ) from err
        return True

    async def _confirm(
        self,
        what: str,
        read: Callable[[], Awaitable[str | None]],
        is_wanted: Callable[[str], bool],
        before: str | None,
        start: float,
    ) -> None:
        """Wait until the device reports what was set. Raises CommandFailed."""
        limit = MODE_SECONDS if what == "mode" else POOL_SECONDS
        left = start + _COMMAND_SECONDS - time.monotonic()
        if not await confirm(
            read, is_wanted, before=before, seconds=max(min(limit, left), 1.0)
        ):
            self._note_unconfirmed(what)

    def _note_unconfirmed(self, what: str) -> None:
        """Log once that it is unknown whether a command was applied."""
        if what not in self._unconfirmed:
            self._unconfirmed.add(what)
            _LOGGER.warning(
                "A %s was sent to %s, but the driver %s cannot report whether it was"
                " taken",
                what,
                self._address,
                self.driver_type,
            )

    async def _make(self, make: Callable[[], Any]) -> Any:
        """Make a driver object and return it."""
        self._failed = False

        async def make_there() -> Any:
            return make()

        self._miner = await self._run(make_there, _ANSWER_SECONDS)
        return self._miner

    async def _ready(self) -> Any:
        """Return the driver object, a new one after a failure."""
        if self._failed:
            await self._drop()
            if not await self.connect(self._address, self._port):
                self._failed = True
                raise CannotConnect(
                    "It is off, or no device of this kind", reason="no_response"
                )
        return self._miner

    async def _drop(self) -> None:
        miner, self._miner = self._miner, None
        if not callable(close := getattr(miner, "close", None)):
            return

        async def end() -> None:
            # Some cancel what they have begun, and hear of it themselves
            with suppress(Exception, asyncio.CancelledError):
                await _done(close())

        with suppress(Exception):
            await self._host.run(end, _CLOSE_SECONDS)

    async def _command(self, method: str, *args: Any) -> bool:
        """Call a method that returns whether the device accepted a command."""
        miner = await self._ready()

        async def command() -> bool:
            return await _done(getattr(miner, method)(*args)) is True

        try:
            return await self._run(command, _COMMAND_SECONDS)
        finally:
            # It is from before the command
            self._kept = None

    async def _run[T](self, call: Callable[[], Awaitable[T]], seconds: float) -> T:
        """Run something in the driver's thread; remember that it failed."""
        try:
            return await self._host.run(call, seconds)
        except BaseException:
            self._failed = True
            raise


class LegacyMiner(_LegacyMiner):
    """A driver of HMM-Local: an object for one address, telemetry in GH/s."""

    names_worker: ClassVar[bool] = True
    """Whether it makes the user of a pool of the wallet and the miner's name."""

    @override
    def __init__(self) -> None:
        super().__init__()
        self._pool: str | None = None
        self._facts = DeviceFacts()
        self._has_pool_list = False
        self._listener: BroadcastListener | None = None

    @override
    async def connect(self, ip: str, port: int | None = None) -> bool:
        self._address, self._port = ip, port
        if hasattr(self.legacy_class, "update_telemetry"):
            await self._listen(ip, port)
        options = dict(self.context.options) if self.context else {}
        values = {
            "miner_id": zlib.crc32(ip.encode()),
            "miner_name": self.driver_type,
            "ip_address": ip,
            "config": options,
            # Some name a port of their own for one that is not given
            **({} if port is None else {"port": port}),
        }
        cls = self.legacy_class
        miner = await self._make(lambda: cls(**bind(cls, values, {})))
        self._modes = await self._run(lambda: _read_modes(miner), _ANSWER_SECONDS)
        self._kept = telemetry = await self._poll(miner)
        return telemetry is not None and is_miner(telemetry)

    @override
    async def close(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.release()
        await super().close()

    @override
    async def get_device_facts(self) -> DeviceFacts:
        return self._facts

    @override
    async def get_telemetry(self) -> MinerTelemetry:
        miner = await self._ready()
        # What connect() or a command requested serves the poll that follows it
        kept, self._kept = self._kept, None
        telemetry = kept if isinstance(kept, MinerTelemetry) else None
        if telemetry is None:
            telemetry = await self._poll(miner)
        if telemetry is None:
            raise CannotConnect(
                "The driver got no answer that it understands", reason="no_response"
            )
        return telemetry

    @override
    async def get_pool_info(self) -> dict[str, Any]:
        await self.get_telemetry()
        return {"pool_url": self._pool}

    @override
    def supports_set_pool(self) -> bool:
        return _does_something(self.legacy_class, "switch_pool")

    @override
    async def set_pool(self, url: str, user: str, password: str) -> bool:
        endpoint = parse_endpoint(url)
        if endpoint.tls:
            raise InvalidValue(
                "The driver cannot set an encrypted connection",
                reason="pool_tls_missing",
            )
        miner = await self._ready()
        if "pool_switch_restarts" in self.dangers and self._has_pool_list:
            raise CommandFailed(
                "The driver is too old for this firmware: it would restart the miner"
                " and change nothing",
                reason="driver_too_old",
            )
        whole_user = user
        if self.names_worker:
            # It puts the name of the miner behind the wallet itself
            user, _, worker = user.partition(".")
            if worker:
                miner.miner_name = worker
        if "pool_port" in names(self.legacy_class.switch_pool):
            server: tuple[Any, ...] = (endpoint.host, endpoint.port)
        else:
            # At first they took it in one
            server = (f"stratum+tcp://{endpoint.host}:{endpoint.port}",)

        async def read() -> str | None:
            await self._read_mode()
            return self._pool

        return await self._switch_pool(
            endpoint,
            (whole_user, password),
            self._pool,
            read,
            lambda: self._command("switch_pool", *server, user, password),
        )

    async def _poll(self, miner: Any) -> MinerTelemetry | None:
        """Return what the driver reports of the device, None if it got no response."""
        packet = self._last_packet()
        modes, address, kind = self._modes, self._address, self.driver_type

        async def poll() -> MinerTelemetry | None:
            if packet is not None:
                await _done(miner.update_telemetry(packet))
            answer = await _done(miner.get_telemetry())
            if not (isinstance(answer, Mapping) or hasattr(answer, "hashrate")):
                return None
            extra = extra_data(answer)
            info = system_info(extra)
            _check_kind(kind, info)
            mode = None
            if modes and "current_mode" not in extra:
                mode = await _read_mode(miner)
            self._message = parse_text(extra.get("mode_switch_last_message"))
            report = read_report(answer, mode, address)
            self._has_pool_list = "pools" in info or _is_axeos_2_15(report.device)
            return report

        telemetry = await self._run(poll, _ANSWER_SECONDS)
        if telemetry is not None:
            self._mode = telemetry.mode
            pool = telemetry.active_pool
            self._pool = pool.url if pool else None
            self._facts = telemetry.device or self._facts
        return telemetry

    async def _listen(self, ip: str, port: int | None) -> None:
        """Wait until the device is heard. Raises CannotConnect: it is not.

        HMM's own listener feeds the driver: one that its file may have is never
        started, as there can be but one.
        """
        if self._listener is None:
            if port in (None, 80):
                port = self.default_port or _BROADCAST_PORT
            assert port is not None
            self._listener = await BroadcastListener.acquire(port)
        self._address = await resolve(ip)
        packet = self._listener.find(self._address)
        if packet is None or packet.age > _SILENT_SECONDS:
            packet = await self._listener.wait_for(self._address, _LISTEN_SECONDS)
        if packet is None:
            raise CannotConnect("Nothing was broadcast", reason="no_response")
        if self.driver_type == "nmminer" and not is_nmminer(packet.data):
            raise NotThisDevice(
                "Another kind of device broadcasts at this address",
                reason="unsupported_device",
            )

    def _last_packet(self) -> dict[str, Any] | None:
        """Return what the miner broadcast last, as the drivers know it."""
        if self._listener is None:
            return None
        packet: Packet | None = self._listener.find(self._address)
        if packet is None or packet.age > _SILENT_SECONDS:
            raise CannotConnect(
                f"The device broadcast nothing for {_SILENT_SECONDS:.0f} seconds",
                reason="silent",
                seconds=round(_SILENT_SECONDS),
            )
        fields = {
            _NMMINER_KEYS.get(key, key): value for key, value in packet.data.items()
        }
        rate = fields.get("HashRate")
        if (text := parse_text(rate, LONGEST_FIGURE)) and (
            match := _HASHRATE_WITHOUT_UNIT.fullmatch(text)
        ):
            # The drivers know "113.13KH/s" and take "113.13K" for nothing
            fields["HashRate"] = f"{match[1]}{match[2].upper()}H/s"
        received = datetime.now(UTC) - timedelta(seconds=packet.age)
        fields["_received_at"] = received.replace(tzinfo=None)
        return fields


class LegacyPlannedMiner(_LegacyMiner):
    """A driver of the plan of February 2026: connect() first, H/s in dictionaries."""

    @override
    async def connect(self, ip: str, port: int | None = None) -> bool:
        self._address, self._port = ip, port
        miner = await self._make(self.legacy_class)

        async def connect() -> list[str] | None:
            if not await _done(miner.connect(ip, port or self.default_port)):
                return None
            return await _read_modes(miner)

        modes = await self._run(connect, _ANSWER_SECONDS)
        if modes is None:
            return False
        self._modes = modes
        return True

    @override
    async def get_telemetry(self) -> MinerTelemetry | dict[str, Any]:
        miner = await self._ready()
        kept, self._kept = self._kept, None
        if kept is not None:
            return kept
        modes, address = self._modes, self._address

        async def poll() -> MinerTelemetry | dict[str, Any] | None:
            answer = await _done(miner.get_telemetry())
            if isinstance(answer, Mapping):
                return read_planned_report(answer, modes)
            if isinstance(answer, adapters.MinerTelemetry):
                return read_report(answer, None, address)
            return None

        telemetry = await self._run(poll, _ANSWER_SECONDS)
        if telemetry is None:
            raise CannotConnect(
                "The driver got no answer that it understands", reason="no_response"
            )
        self._mode = parse_text(read(telemetry, "mode"))
        return telemetry

    @override
    async def get_pool_info(self) -> dict[str, Any]:
        miner = await self._ready()
        return await self._run(lambda: _query(miner, "get_pool_info"), _ANSWER_SECONDS)

    @override
    async def get_version_info(self) -> dict[str, str]:
        miner = await self._ready()
        return await self._run(
            lambda: _query(miner, "get_version_info"), _ANSWER_SECONDS
        )

    @override
    async def get_device_facts(self) -> DeviceFacts:
        miner = await self._ready()

        async def query() -> dict[str, Any]:
            # Nice to know, and no reason to refuse the device
            with suppress(Exception):
                return await _query(miner, "get_version_info")
            return {}

        versions = await self._run(query, _ANSWER_SECONDS)
        models = self.supported_models
        return DeviceFacts(
            manufacturer=self.manufacturer,
            model=models[0] if len(models) == 1 else self.display_name,
            firmware=next(filter(None, map(parse_text, versions.values())), None),
        )

    @override
    def supports_set_pool(self) -> bool:
        return _does_something(self.legacy_class, "set_pool")

    @override
    async def set_pool(self, url: str, user: str, password: str) -> bool:
        endpoint = parse_endpoint(url)

        async def read_pool() -> str | None:
            return parse_text((await self.get_pool_info()).get("pool_url"))

        async def read_nothing() -> None:
            return None

        before, read = None, read_pool
        try:
            before = await read_pool()
        # Not every driver can report it
        except Exception:  # noqa: BLE001
            read = read_nothing
        return await self._switch_pool(
            endpoint,
            (user, password),
            before,
            read,
            lambda: self._command("set_pool", url, user, password),
        )


def wrap_miner(driver_class: type[Any], origin: Origin) -> type[_LegacyMiner]:
    """Return a native class for a driver.

    Raises NotADriver: it does not report its type, and its file's name does not either;
    and whatever its constructor raises, if only an object reports.
    """
    planned = hasattr(driver_class, "connect")
    # HMM-Local read it from an object: a property or the constructor may report its
    # type
    teller = driver_class
    driver_type = _driver_type(driver_class)
    if planned and driver_type is None:
        teller = driver_class()
        driver_type = _driver_type(teller)
    if driver_type is None and not planned:
        # Copied from where HMM-Local had its own: the file name shows what it is for
        driver_type = parse_text(origin.path.stem.lower().removesuffix("_driver"))
    if driver_type is None:
        raise NotADriver(why("class_no_type", driver_class=driver_class.__name__))

    dangers = tuple(known_dangers(origin.source, origin.path))
    models = getattr(teller, "supported_models", ())
    connection = getattr(teller, "connection_type", None)
    if hasattr(driver_class, "update_telemetry"):
        connection = "udp"
    ports = (getattr(teller, key, None) for key in ("default_port", "DEFAULT_PORT"))
    return type(
        f"Legacy{driver_class.__name__}",
        (LegacyPlannedMiner if planned else LegacyMiner,),
        {
            "__doc__": driver_class.__doc__,
            "driver_type": driver_type,
            "driver_version": origin.version
            or str(getattr(teller, "driver_version", None) or "unknown"),
            "display_name": _first_text(
                teller, ("display_name", "DISPLAY_NAME", "NAME")
            )
            or driver_type,
            "manufacturer": parse_text(getattr(teller, "manufacturer", None)),
            "supported_models": [str(model) for model in models]
            if isinstance(models, list | tuple)
            else [],
            "connection_type": connection
            if connection in ("http", "tcp", "udp")
            else None,
            "default_port": next((port for port in ports if type(port) is int), None),
            "hashrate_unit": _UNITS.get(driver_type, "TH/s"),
            "option_fields": ("admin_password",)
            if "admin_password" in origin.source
            else (),
            "legacy_class": driver_class,
            "hanging": origin.hanging,
            "names_worker": _READS_NAME.search(origin.source) is not None,
            "dangers": dangers,
            "danger": next(iter(dangers), None),
        },
    )


def _driver_type(teller: Any) -> str | None:
    return _first_text(teller, ("miner_type", "driver_type"))


def _first_text(teller: Any, names: tuple[str, ...]) -> str | None:
    texts = (parse_text(getattr(teller, name, None)) for name in names)
    return next(filter(None, texts), None)


def _does_something(driver_class: type[Any], name: str) -> bool:
    """Return whether a driver has a method that is more than "return False".

    That is how HMM-Local wrote that a device cannot do something; at first it also
    printed that.
    """
    method = getattr(driver_class, name, None)
    code = getattr(method, "__code__", None)
    if code is None:
        return callable(method)
    return bool(set(code.co_names) - {"print"}) or True in code.co_consts


async def _done(result: Any) -> Any:
    """Return a result, awaited where a driver has a coroutine function."""
    return await result if isinstance(result, Awaitable) else result


async def _query(miner: Any, method: str) -> dict[str, Any]:
    answer = await _done(getattr(miner, method)())
    return dict(answer) if isinstance(answer, Mapping) else {}


async def _read_modes(miner: Any) -> list[str]:
    """Return the modes that a driver names; it may fail to, or have none."""
    modes: Any = None
    for name in ("get_available_modes", "get_supported_modes"):
        with suppress(Exception):
            modes = modes or await _done(getattr(miner, name)())
    modes = modes or getattr(miner, "MODES", None)
    if not isinstance(modes, list | tuple):
        return []
    return list(dict.fromkeys(mode for mode in modes if mode and type(mode) is str))


async def _read_mode(miner: Any) -> Any:
    """Request the mode; one that cannot be reported is no reason to lose a poll."""
    for name in ("get_mode", "get_current_mode"):
        if hasattr(miner, name):
            with suppress(Exception):
                return await _done(getattr(miner, name)())
    return None


def _check_kind(driver_type: str | None, info: Mapping[str, Any]) -> None:
    """Refuse the device of the other of two drivers that speak to both kinds.

    Raises NotThisDevice.
    """
    if info and driver_type in ("bitaxe", "nerdqaxe"):
        if is_nerdqaxe(dict(info)) != (driver_type == "nerdqaxe"):
            raise NotThisDevice(
                "Another kind of device answers at this address",
                reason="unsupported_device",
            )


def _is_axeos_2_15(facts: DeviceFacts | None) -> bool:
    """Return whether a version is one since which AxeOS has a list of pools."""
    version = _VERSION.match((facts and facts.firmware) or "")
    return version is not None and (int(version[1]), int(version[2])) >= (2, 15)
