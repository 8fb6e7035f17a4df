"""The NMAxe family (NMAxe, NMAxe Gamma, NMQAxe++): chips of a Bitaxe, own firmware."""

import asyncio
from collections.abc import Callable, Mapping
import time
from typing import Any, ClassVar, override

from custom_components.hmm.bundled.shared.axeos import (
    FAN_FLOOR,
    SMALL_CORES,
    check_write,
    is_hashing,
    within_limits,
)
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
    InvalidValue,
    MinerTelemetry,
    NotThisDevice,
    Setting,
    TuningLimits,
    TuningRange,
)
from custom_components.hmm.driver_api.families import is_nested
from custom_components.hmm.driver_api.transports.http import HttpClient, HttpReply
from custom_components.hmm.driver_api.transports.stratum import parse_endpoint
from custom_components.hmm.driver_api.units import (
    GIGA,
    MEGA,
    parse_age,
    parse_bool,
    parse_compact,
    parse_number,
    parse_text,
)

type Info = Mapping[str, Any]

_INFO = "/api/system/info"
_MINING = "/api/setting/mining"
_PREFERENCE = "/api/setting/preference"
_MAX_OPTIONS = 64
# Beyond these no list of a device is believed (the chips of the family)
_FREQUENCIES = (50.0, 1200.0)
_VOLTAGES = (700.0, 1600.0)
_FAN = TuningRange(minimum=FAN_FLOOR, maximum=100)


class NMAxeDriver(BaseMinerAdapter):
    """The nested dialect of NMminer1024/ESP-Miner-NMAxe (docs/API.md, v2.9 and v3.0).

    A poll is one ``GET /api/system/info``. The option lists of frequency and voltage
    are read once when it connects, from ``/api/setting/mining``; that response and /info carry the
    stratum password, which is read by nothing here.

    Identity: /info has no MAC. A host name that ends in the chip's own digits is the
    serial; otherwise the device is known by its address and should keep it.

    Modes: none. The documentation says that a frequency is applied at the next
    restart and a voltage immediately, so a step of both would run for a while at a
    voltage that does not belong to the frequency.

    ``error`` of ``miner.state`` has no documented meaning: a hardware fault. Pause came
    with v3 and is lost at a restart; it is refused (409) during an update or the
    device's own benchmark.
    """

    driver_type = "nmaxe"
    driver_version = "1.0.0"
    display_name = "NMAxe"
    manufacturer = "NMMiner"
    supported_models: ClassVar[list[str]] = ["NMAxe", "NMAxe Gamma", "NMQAxe++"]
    connection_type = "http"
    default_port = 80

    frequency_at_restart = True
    read_back_timeout = 8.0
    read_back_interval = 1.0
    restart_timeout = 60.0

    def __init__(self) -> None:
        """Make a driver that knows no device yet."""
        self._http: HttpClient | None = None
        self._info: Info = {}
        self._facts = DeviceFacts()
        self._limits: TuningLimits | None = None
        self._has_lists = False

    @override
    async def connect(self, ip: str, port: int | None = None) -> bool:
        if self.context is None:
            return False
        self._http = HttpClient(self.context.session, ip, port or self.default_port)
        reply = await self._http.request("GET", _INFO)
        if reply.status == 401:
            return False  # AxeOS, to a client of another network
        info = reply.json_object()
        if not _is_nmaxe(info):
            return False
        self._note(info)
        await self._read_limits()
        return True

    @override
    async def get_device_facts(self) -> DeviceFacts:
        return self._facts

    @override
    async def get_telemetry(self) -> MinerTelemetry:
        info = await self._read()
        if not self._has_lists:
            await self._read_limits()
        return self._telemetry(info)

    @override
    async def set_mode(self, mode: str) -> bool:
        raise InvalidValue("This device has no modes", reason="modes_missing")

    # Commands

    @override
    async def restart(self) -> bool:
        _check(await self._client.request("POST", "/api/system/restart", json={}))
        return True

    @override
    def supports_pause(self) -> bool:
        """Return whether the firmware can pause (v3)."""
        return "paused" in section(self._info, "miner")

    @override
    async def pause(self) -> bool:
        """Stop mining until it is resumed or restarts."""
        return await self._set_paused(True)

    @override
    async def resume(self) -> bool:
        return await self._set_paused(False)

    async def _set_paused(self, wanted: bool) -> bool:
        body = {"paused": wanted}
        _check(await self._client.request("PATCH", "/api/mining/state", json=body))
        if await self._wait_for(lambda info: _is_paused(info) is wanted) is None:
            raise CommandFailed(
                "The miner still mines" if wanted else "The miner is still paused",
                reason="pause_not_applied" if wanted else "resume_not_applied",
            )
        return True

    @override
    async def set_pool(self, url: str, user: str, password: str) -> bool:
        """Write the primary pool, restart, and see that it is the one in use."""
        endpoint = parse_endpoint(url)
        scheme = "stratum+ssl" if endpoint.tls else "stratum+tcp"
        pool = {"url": f"{scheme}://{endpoint.address}", "user": user, "pwd": password}
        body = {"stratum": {"primary": pool}}
        _check(await self._client.request("PATCH", _MINING, json=body))
        await self.restart()

        def uses_it(info: Info) -> bool:
            stratum = section(info, "stratum")
            slots = pool_slots(parse_text(stratum.get("url")), None)
            used = parse_text(stratum.get("user")) or ""
            return bool(slots) and slots[0].url == endpoint.address and used == user

        if await self._wait_for(uses_it, self.restart_timeout) is None:
            raise CommandFailed(
                f"The miner does not use {endpoint.address}", reason="pool_not_applied"
            )
        return True

    # Tuning

    @override
    def get_tuning_limits(self) -> TuningLimits | None:
        return self._limits

    @override
    async def set_tuning(self, setting: Setting, value: float) -> bool:
        number = within_limits(self._limits, setting, value)
        if setting == "fan_speed":
            await self._write_fan(auto=0, speed=number)
            return True
        name = "Freq" if setting == "frequency" else "Vcore"
        body = {f"asic{name}Req": number}
        _check(await self._client.request("PATCH", _MINING, json=body))
        stored = await self._client.get_json(_MINING)
        reported = parse_number(stored.get(f"{name.lower()}Req"))
        if reported != number:
            raise CommandFailed(
                f"The miner did not take {number}: it reports {reported}",
                reason="setting_not_applied",
                value=number,
                reported=reported,
            )
        return True

    @override
    def supports_fan_auto(self) -> bool:
        return self._limits is not None and self._limits.fan_speed is not None

    @override
    async def set_fan_auto(self) -> bool:
        await self._write_fan(auto=1)
        return True

    async def _write_fan(self, **wanted: int) -> None:
        body = {"fans": [{"id": 0, **wanted}]}
        _check(await self._client.request("PATCH", _PREFERENCE, json=body))
        fan = _fans(await self._client.get_json(_PREFERENCE))[:1]
        reported = {
            name: parse_number(channel.get(name)) for channel in fan for name in wanted
        }
        if reported != wanted:
            raise CommandFailed(
                f"The miner did not take {wanted}: it reports {reported}",
                reason="setting_not_applied",
                value=", ".join(f"{name} {value}" for name, value in wanted.items()),
                reported=", ".join(
                    f"{name} {value}" for name, value in reported.items()
                ),
            )

    # Reading

    @property
    def _client(self) -> HttpClient:
        if self._http is None:
            raise CannotConnect("There is no connection yet", reason="no_response")
        return self._http

    async def _read(self) -> Info:
        info = await self._client.get_json(_INFO)
        if not _is_nmaxe(info):
            raise NotThisDevice(
                "Another kind of device answers at this address",
                reason="unsupported_device",
            )
        self._note(info)
        return info

    async def _wait_for(
        self, done: Callable[[Info], bool], seconds: float | None = None
    ) -> Info | None:
        """Return the first /info that is as wanted, None if none is in time."""
        deadline = time.monotonic() + (seconds or self.read_back_timeout)
        while True:
            try:
                if done(info := await self._read()):
                    return info
            except CannotConnect, BadAnswer:
                pass  # It restarts
            if time.monotonic() >= deadline:
                return None
            await asyncio.sleep(self.read_back_interval)

    async def _read_limits(self) -> None:
        """Read the option lists; a request that is lost is made again at a poll."""
        try:
            reply = await self._client.request("GET", _MINING)
            # A firmware may have none
            mining = {} if reply.status == 404 else reply.json_object()
            self._has_lists = True
        except CannotConnect, BadAnswer:
            mining = {}
        limits = TuningLimits(
            frequency=_range(mining, "overclock", _FREQUENCIES),
            core_voltage=_range(mining, "vcore", _VOLTAGES),
            fan_speed=_FAN if _fans(self._info) else None,
        )
        self._limits = None if limits == TuningLimits() else limits

    def _note(self, info: Info) -> None:
        self._info = info
        identity = section(info, "identity")
        hostname = parse_text(identity.get("hostName"))
        self._facts = DeviceFacts(
            mac=mac_address(identity.get("mac")),
            serial=factory_name(hostname),
            manufacturer=self.manufacturer,
            model=parse_text(identity.get("displayName"))
            or parse_text(identity.get("hwModel")),
            firmware=parse_text(identity.get("fwVersion")),
            hardware=parse_text(section(info, "asic").get("model")),
            hostname=hostname,
            configuration_url=self._http.url if self._http else None,
        )

    def _telemetry(self, info: Info) -> MinerTelemetry:
        miner, asic = section(info, "miner"), section(info, "asic")
        power, temps = section(info, "power"), section(info, "temps")
        stratum, fans = section(info, "stratum"), _fans(info)
        gigahashes = not_negative(parse_number(miner.get("hashRate")))
        hashrate = None if gigahashes is None else gigahashes * GIGA
        frequency = positive(parse_number(asic.get("freqReq")))
        paused = _is_paused(info)
        is_faulty = parse_text(miner.get("state")) == "error"
        speeds = tuple(not_negative(parse_number(fan.get("speed"))) for fan in fans)
        return MinerTelemetry(
            hashrate=0.0 if paused or is_faulty else hashrate,
            hashrate_expected=_expected_hashrate(asic),
            temperature=temperature(temps.get("asic")),
            temperature_regulator=temperature(temps.get("vcore")),
            power=not_negative(parse_number(power.get("power"))),
            input_voltage=positive(parse_number(power.get("vbus"))),
            input_current=not_negative(parse_number(power.get("ibus"))),
            frequency=frequency,
            core_voltage=positive(parse_number(asic.get("vcoreReq"))),
            core_voltage_actual=not_negative(parse_number(asic.get("vcoreReal"))),
            fan_speed=speeds[0] if speeds else None,
            fan_speeds=speeds if len(speeds) > 1 else (),
            fan_rpm=tuple(count(fan.get("rpm")) for fan in fans),
            uptime=parse_age(miner.get("uptimeSeconds")),
            uptime_total=count(miner.get("uptimeEver")),
            shares_accepted=count(miner.get("sAccepted")),
            shares_rejected=count(miner.get("sRejected")),
            best_share=not_negative(parse_compact(miner.get("bestDiffEver"))),
            best_session_share=not_negative(
                parse_compact(miner.get("bestDiffSession"))
            ),
            last_share=positive(parse_compact(miner.get("lastDiff"))),
            blocks_found=count(miner.get("blkhits")),
            pool_difficulty=positive(parse_compact(miner.get("poolDiff"))),
            network_difficulty=positive(parse_compact(miner.get("networkDiff"))),
            signal=signal(section(info, "identity").get("rssi")),
            free_memory=count(miner.get("freeHeap")),
            hashing=is_hashing(hashrate, stopped=bool(paused) or is_faulty),
            paused=paused,
            pools=pool_slots(
                parse_text(stratum.get("url")), parse_text(stratum.get("user"))
            ),
            problems=("hardware_fault",) if is_faulty else (),
            device=self._facts,
        )


def _is_nmaxe(info: Info) -> bool:
    """Return whether this is the family's /info and not that of an NMMiner."""
    identity, asic = section(info, "identity"), section(info, "asic")
    model = (parse_text(identity.get("hwModel")) or "").lower()
    return is_nested(info) and model not in ("", "nmminer") and "model" in asic


def _expected_hashrate(asic: Info) -> float | None:
    """Return the H/s that the set frequency makes.

    docs/API.md calls ``smallCoreCnt`` that of all chips together; the firmware reports
    that of one (asic_miner.cpp).
    """
    frequency = positive(parse_number(asic.get("freqReq")))
    cores = positive(parse_number(asic.get("smallCoreCnt")))
    if frequency is None or cores is None:
        return None
    if cores == SMALL_CORES.get(parse_text(asic.get("model")) or ""):
        cores *= count(asic.get("count")) or 1
    return frequency * cores * MEGA


def _is_paused(info: Info) -> bool | None:
    """Return whether it was paused; ``pausing`` still mines. None before v3."""
    miner = section(info, "miner")
    state, paused = parse_text(miner.get("state")), parse_bool(miner.get("paused"))
    if state in ("running", "resuming", "pausing", "paused"):
        return state == "paused"
    return paused


def _fans(info: Info) -> list[Mapping[str, Any]]:
    fans = info.get("fans")
    return (
        [fan for fan in fans[:8] if isinstance(fan, dict)]
        if isinstance(fans, list)
        else []
    )


def _range(mining: Info, name: str, bounds: tuple[float, float]) -> TuningRange | None:
    """Return the range of the values that the device's own page offers."""
    options = section(mining, name).get("options")
    values = sorted(
        {
            number
            for option in (options[:_MAX_OPTIONS] if isinstance(options, list) else [])
            if isinstance(option, dict)
            and (number := parse_number(option.get("value"))) is not None
            and bounds[0] <= number <= bounds[1]
        }
    )
    if len(values) < 2:
        return None
    return TuningRange(minimum=values[0], maximum=values[-1], options=tuple(values))


def _check(reply: HttpReply) -> None:
    """Raise what a refused command means."""
    if reply.status == 409:
        raise CommandFailed("The miner is busy", reason="busy")
    check_write(reply)
