"""The driver of the NerdQAxe family."""

import base64
import binascii
from collections.abc import Iterable, Mapping
import hashlib
import hmac
import struct
import time
from typing import Any, ClassVar, override

from custom_components.hmm.bundled.shared import axeos
from custom_components.hmm.bundled.shared.axeos import Info
from custom_components.hmm.driver_api import (
    AuthRequired,
    BadAnswer,
    CommandFailed,
    DeviceFacts,
    InvalidValue,
    MinerTelemetry,
    PoolSlot,
)
from custom_components.hmm.driver_api.families import is_nerdqaxe
from custom_components.hmm.driver_api.transports.http import HttpReply
from custom_components.hmm.driver_api.transports.stratum import Endpoint, parse_endpoint
from custom_components.hmm.driver_api.units import (
    parse_age,
    parse_bool,
    parse_compact,
    parse_int,
    parse_temperature,
    parse_text,
)

_PLUS_PLUS = axeos.ChipOptions(
    frequencies=(500, 515, 525, 550, 575, 590, 600),
    voltages=(1120, 1130, 1140, 1150, 1160, 1170, 1180, 1190, 1200),
    default_frequency=600,
    default_voltage=1150,
)
_PLUS = axeos.ChipOptions(
    frequencies=(400, 425, 450, 475, 490, 500, 525, 550, 575),
    voltages=(1100, 1150, 1200, 1250, 1300, 1350),
    default_frequency=490,
    default_voltage=1250,
)
# Firmwares before 1.0.32 have no /api/system/asic. What they offered is in
# main/boards/*.cpp; the Octaxes took over the lists of the board they derive from.
_BOARDS: Mapping[str, axeos.ChipOptions] = {
    "NerdQAxe+": _PLUS,
    "NerdQAxe++": _PLUS_PLUS,
    "NerdOCTAXE+": _PLUS,
    "NerdOCTAXE-γ": _PLUS_PLUS,
    "NerdAxe": axeos.BM1366,
    "NerdAxeGamma": axeos.ChipOptions(
        frequencies=(500, 515, 525, 550, 575),
        voltages=_PLUS_PLUS.voltages,
        default_frequency=515,
        default_voltage=1150,
    ),
}

_PRIMARY, _FALLBACK = 0, 1
_PID_FAN = 2
_SWAPPED = (
    ("stratumURL", "fallbackStratumURL"),
    ("stratumPort", "fallbackStratumPort"),
    ("stratumUser", "fallbackStratumUser"),
    ("stratumEnonceSubscribe", "fallbackStratumEnonceSubscribe"),
    ("stratumTLS", "fallbackStratumTLS"),
    ("stratumProtocol", "fallbackStratumProtocol"),
    ("sv2AuthorityPubkey", "fallbackSv2AuthorityPubkey"),
    ("sv2ChannelType", "fallbackSv2ChannelType"),
)
_BOOLEANS = {
    "stratumEnonceSubscribe",
    "fallbackStratumEnonceSubscribe",
    "stratumTLS",
    "fallbackStratumTLS",
}


class NerdqaxeDriver(axeos.AxeDriver):
    """NerdQAxe+, NerdQAxe++, NerdOCTAXE, NerdAxe, NerdHaxe, NerdEKO, NerdQX, Q13xx.

    Firmware 1.0.12 to 1.0.38 (shufps/ESP-Miner-NerdQAxePlus,
    ``main/http_server/handler_system.cpp``), over its V1 paths. Settings and pools
    apply immediately. A PATCH value of another type than expected is ignored with
    status 200: whole numbers must be written without a fraction, switches as JSON
    booleans. Since 1.0.36 the server closes every connection.

    With the one-time code switched on (1.0.34), writes need the option
    ``otp_secret``: the base32 text that the miner showed as a QR code. The driver
    makes the codes from it and requests a session of a day, which it keeps in
    memory only.
    """

    driver_type = "nerdqaxe"
    driver_version = "1.0.0"
    display_name = "NerdQAxe"
    manufacturer = "NerdQAxe"
    supported_models: ClassVar[list[str]] = [
        "NerdQAxe+",
        "NerdQAxe++",
        "NerdOCTAXE+",
        "NerdOCTAXE-γ",
        "NerdHaxe-γ",
        "NerdAxe",
        "NerdAxeGamma",
        "NerdEKO",
        "NerdQX",
        "Q1370",
        "Q1373",
    ]
    option_fields = ("otp_secret",)

    _is_hot = False
    """Whether it was nearly too hot at the last poll."""
    _cut_by_heat = False
    """Whether its chips are without power because of that."""

    def __init__(self) -> None:
        """Make a driver that is not connected."""
        super().__init__()
        self._session: str | None = None
        self._session_until = 0.0

    # Reading

    @staticmethod
    @override
    def _is_mine(info: Info) -> bool:
        return is_nerdqaxe(info)

    @override
    def _table(self, info: Info) -> axeos.ChipOptions | None:
        board = _BOARDS.get(parse_text(info.get("deviceModel")) or "")
        if board is None:
            return None
        # Since 1.0.29 /info reports the defaults of this very board.
        return axeos.ChipOptions(
            frequencies=board.frequencies,
            voltages=board.voltages,
            default_frequency=axeos.within(
                axeos.positive(info, "defaultFrequency"), board.frequencies
            )
            or board.default_frequency,
            default_voltage=axeos.within(
                axeos.positive(info, "defaultCoreVoltage"), board.voltages
            )
            or board.default_voltage,
        )

    @override
    def _facts(self, info: Info) -> DeviceFacts:
        return DeviceFacts(
            mac=axeos.mac_address(info.get("macAddr")),
            manufacturer=self.manufacturer,
            model=parse_text(info.get("deviceModel")) or "NerdQAxe",
            firmware=parse_text(info.get("version")),
            hardware=parse_text(info.get("boardVersion")),
            hostname=parse_text(info.get("hostname")),
            configuration_url=self._http.url if self._http else None,
        )

    @override
    def _telemetry(self, info: Info) -> MinerTelemetry:
        shut_down = parse_bool(info.get("shutdown"))
        cut_off = not shut_down and axeos.has_no_power(info)
        stopped = bool(shut_down) or cut_off
        hashrate = self._hashrate(info, stopped=stopped)
        if stopped:
            # 1.0.35 repeats the hashrate from before a shutdown
            hashrate = 0.0
        elif _is_rising(info):
            hashrate = None
        frequency = axeos.positive(info, "frequency")
        voltage = axeos.positive(info, "coreVoltage")
        chips = _chip_temperatures(info)
        temperature = axeos.temperature(info, "temp")
        pools = self._pools(info)
        no_pool = (
            not stopped
            and not axeos.warming_up(info)
            and any(pool.active for pool in pools)
            and all(pool.alive is False for pool in pools if pool.active)
        )
        # Chips that are cut off cool down within a minute
        was_hot, self._is_hot = self._is_hot, _is_nearly_too_hot(info)
        self._cut_by_heat = cut_off and (self._cut_by_heat or was_hot or self._is_hot)
        in_use = tuple(_pool_states(info).values())
        ten_minutes, hour, day = (
            None if stopped else self._average(info, f"hashRate_{window}")
            for window in ("10m", "1h", "1d")
        )
        if (
            info.get("hashRate_10m")
            == info.get("hashRate_1h")
            == info.get("hashRate_1d")
        ):
            # Before 1.0.32 the longer windows repeat the ten minutes.
            hour = day = None
        return MinerTelemetry(
            hashrate=hashrate,
            temperature=temperature or max(filter(None, chips), default=None),
            power=axeos.natural(info, "power"),
            uptime=parse_age(info.get("uptimeSeconds")),
            mode=axeos.find_mode(self._modes, frequency, voltage),
            hashrate_expected=self._expected_hashrate(info, hashrate),
            hashrate_10m=ten_minutes,
            hashrate_1h=hour,
            hashrate_1d=day,
            temperature_regulator=axeos.temperature(info, "vrTemp"),
            temperature_board=axeos.board_temperature(info),
            chip_temperatures=chips,
            fan_speed=axeos.percent(info, "fanspeed"),
            fan_auto=_is_fan_auto(info),
            fan_speed_set=axeos.percent(info, "manualFanSpeed"),
            fan_speeds=_fan_speeds(info),
            fan_rpm=_fan_rpm(info),
            frequency=frequency,
            core_voltage=voltage,
            core_voltage_actual=axeos.natural(info, "coreVoltageActual"),
            target_temperature=self._target_temperature(info),
            temperature_limit=axeos.positive(info, "overheat_temp"),
            input_voltage=axeos.positive(info, "voltage"),
            input_current=axeos.natural(info, "current"),
            shares_accepted=axeos.count(info, "sharesAccepted"),
            shares_rejected=axeos.count(info, "sharesRejected"),
            best_share=_difficulty(info, "bestDiff"),
            best_session_share=_difficulty(info, "bestSessionDiff"),
            blocks_found=axeos.count(info, "totalFoundBlocks", "foundBlocks"),
            blocks_found_session=axeos.count(info, "foundBlocks"),
            pool_difficulty=_first_positive((info, *in_use), "poolDifficulty"),
            network_difficulty=_first_positive((*in_use, info), "networkDifficulty"),
            response_time=_first_positive((info,), "lastpingrtt")
            or _first_positive(in_use, "pingRtt"),
            packet_loss=_packet_loss((info, *in_use)),
            signal=axeos.signal(info),
            reset_reason=parse_text(info.get("lastResetReason")),
            free_memory=axeos.count(info, "freeHeap"),
            hashing=axeos.is_hashing(hashrate, stopped=stopped),
            paused=shut_down,
            using_fallback=_uses_fallback(info),
            pools=pools,
            problems=tuple(
                name
                for name, present in (
                    ("overheat", self._cut_by_heat or _is_too_hot(info)),
                    ("no_core_voltage", cut_off and not self._cut_by_heat),
                    ("no_pool", no_pool),
                )
                if present
            ),
            device=self._facts(info),
        )

    @override
    def _pools(self, info: Info) -> tuple[PoolSlot, ...]:
        states = _pool_states(info)
        dual = _is_dual(info)
        active = _FALLBACK if _uses_fallback(info) else _PRIMARY
        return tuple(
            PoolSlot(
                index=index,
                url=slot.url,
                user=slot.user,
                active=dual or index == active,
                alive=parse_bool(states.get(index, {}).get("connected")),
            )
            for index, slot in _configured(info).items()
        )

    @staticmethod
    @override
    def _target_temperature(info: Info) -> float | None:
        # -1: this board has no PID.
        return axeos.positive(info, "pidTargetTemp")

    # What to write

    @override
    def _point_patch(self, info: Info, point: axeos.OperatingPoint) -> dict[str, Any]:
        return {
            "frequency": axeos.plain(point.frequency),
            "coreVoltage": axeos.plain(point.voltage),
        }

    @override
    def _fan_patch(self, info: Info, speed: int) -> dict[str, Any]:
        key = "manualFanSpeed" if "manualFanSpeed" in info else "fanspeed"
        return {"autofanspeed": 0 if _has_fan_modes(info) else False, key: speed}

    @override
    def _fan_auto_patch(self) -> dict[str, Any]:
        return {"autofanspeed": _PID_FAN if _has_fan_modes(self._info) else True}

    @override
    def _target_patch(self, info: Info, target: int) -> dict[str, Any]:
        return {"pidTargetTemp": target, "autofanspeed": _PID_FAN}

    # Pause

    @override
    def supports_pause(self) -> bool:
        """Return whether the firmware can be shut down (1.0.35)."""
        return "shutdown" in self._info

    @override
    async def pause(self) -> bool:
        """Cut the chips' power; the miner stays online."""
        async with self._writing:
            await self._post("/api/system/shutdown")
            if not _is_shut_down(await self._wait_for(_is_shut_down)):
                raise CommandFailed("The miner still mines", reason="pause_not_applied")
        return True

    @override
    async def resume(self) -> bool:
        """Restart: the firmware has no other way back from a shutdown."""
        async with self._writing:
            if not _is_shut_down(await self._read()):
                return True
            if _is_shut_down(await self._restart_and_wait()):
                raise CommandFailed(
                    "The miner restarted but is still shut down",
                    reason="resume_not_applied",
                )
        return True

    # Pools

    @override
    def supports_select_pool(self) -> bool:
        return len(_configured(self._info)) > 1

    @override
    async def set_pool(self, url: str, user: str, password: str) -> bool:
        """Write the primary pool; the miner reconnects automatically.

        Encryption and protocol are kept only for the same host.
        """
        endpoint = parse_endpoint(url)
        async with self._writing:
            info = await self._read()
            patch: dict[str, Any] = {
                "stratumURL": endpoint.host,
                "stratumPort": endpoint.port,
                "stratumUser": user,
                "stratumPassword": password,
            }
            patch |= _transport(info, endpoint)

            def done(info: Info) -> bool:
                return axeos.holds(
                    _configured(info).get(_PRIMARY), endpoint.address, user
                ) and not _uses_fallback(info)

            await self._patch(patch)
            if not done(await self._wait_for(done)):
                raise CommandFailed(
                    "The miner did not take the pool", reason="pool_not_applied"
                )
        return True

    @override
    async def select_pool(self, index: int) -> bool:
        """Mine at the other pool: the two change places.

        Passwords cannot be read, so each slot keeps its own, and pools that look
        at the password must share it.
        """
        async with self._writing:
            info = await self._read()
            configured = _configured(info)
            if index not in configured:
                raise InvalidValue(
                    "The miner has no pool in this slot", reason="pool_slot_missing"
                )
            if any(pool.index == index and pool.active for pool in self._pools(info)):
                return True
            if index == _PRIMARY:
                raise CommandFailed(
                    "The miner goes back to its first pool by itself when that answers",
                    reason="pool_returns",
                )
            wanted = configured[index]

            def done(info: Info) -> bool:
                return axeos.holds(
                    _configured(info).get(_PRIMARY), wanted.url, wanted.user
                ) and not _uses_fallback(info)

            await self._patch(_swap(info))
            if not done(await self._wait_for(done)):
                raise CommandFailed(
                    "The miner did not change its pool", reason="pool_not_applied"
                )
        return True

    # The one-time code

    @override
    async def check_login(self) -> bool:
        """Open a session, which changes nothing; False if no code is required."""
        if not parse_bool(self._info.get("otp")):
            return False
        if not (secret := self._otp_secret):
            raise _secret_needed()
        self._session = None
        await self._open_session(secret)
        return True

    @override
    async def _request(
        self, method: str, path: str, json: Mapping[str, Any] | None = None
    ) -> HttpReply:
        """Send one request; writes carry the session where the miner requires one."""
        if method == "GET":
            return await super()._request(method, path, json)
        secret = self._otp_secret
        if parse_bool(self._info.get("otp")):
            # Asked for first: each refused write counts to the block of 5 minutes.
            if secret is not None:
                await self._open_session(secret)
            elif method == "PATCH":
                # The other commands need no code on most releases
                raise _secret_needed()
        reply = await self._send(method, path, json)
        if reply.status == 401 and secret and not _is_blocked(reply):
            # The session ends with the boot that it was opened in.
            self._session = None
            await self._open_session(secret)
            reply = await self._send(method, path, json)
        if reply.status == 401:
            raise _refused(reply, secret)
        return reply

    async def _send(
        self, method: str, path: str, json: Mapping[str, Any] | None
    ) -> HttpReply:
        headers = {"X-OTP-Session": self._session} if self._session else None
        reply = await self._client.request(method, path, json=json, headers=headers)
        axeos.check_address(reply)
        return reply

    @property
    def _otp_secret(self) -> str | None:
        options = self.context.options if self.context else {}
        return parse_text(options.get("otp_secret"))

    async def _open_session(self, secret: str) -> None:
        """Get a session, where the present one does not last for this write.

        ``POST /api/otp/session`` with ``X-TOTP`` (handler_otp.cpp); since
        1.0.38-alpha it is below ``/api/v2``.
        """
        if self._session and time.monotonic() < self._session_until:
            return
        self._session = None
        headers = {"X-TOTP": one_time_code(secret, time.time())}
        reply: HttpReply | None = None
        for path in ("/api/otp/session", "/api/v2/otp/session"):
            try:
                reply = await self._client.request("POST", path, headers=headers)
            except BadAnswer:
                continue  # an unknown path is redirected to the web page
            if reply.status not in (404, 405):
                break
        if reply is None:
            raise CommandFailed(
                "The miner's firmware gives no session for its code",
                reason="firmware_too_old",
            )
        axeos.check_address(reply)
        if reply.status == 401:
            raise _refused(reply, secret)
        if not reply.ok:
            raise CommandFailed(
                f"The miner refused a session with HTTP status {reply.status}",
                reason="command_refused",
                detail=f"HTTP {reply.status}",
            )
        answer = reply.json_object()
        if (token := parse_text(answer.get("token"))) is None:
            raise BadAnswer("The miner's session has no token", reason="bad_response")
        lifetime = axeos.positive(answer, "ttlMs") or 0.0
        self._session = token
        self._session_until = time.monotonic() + lifetime / 1000 - 60


def one_time_code(secret: str, now: float) -> str:
    """Return the six digits of RFC 6238 (SHA-1, 30 s) for a base32 secret.

    ``now`` is in seconds since 1970. Raises AuthRequired: not base32.
    """
    text = "".join(secret.split()).replace("-", "").rstrip("=").upper()
    try:
        key = base64.b32decode(text + "=" * (-len(text) % 8))
    except binascii.Error:
        raise AuthRequired(
            "The one-time code's secret is not base32 text", reason="otp_invalid"
        ) from None
    digest = hmac.digest(key, struct.pack(">Q", int(now) // 30), hashlib.sha1)
    offset = digest[-1] & 0x0F
    (number,) = struct.unpack_from(">I", digest, offset)
    return f"{(number & 0x7FFFFFFF) % 1_000_000:06}"


def _is_blocked(reply: HttpReply) -> bool:
    return "blocked" in reply.text.lower()


def _secret_needed() -> AuthRequired:
    return AuthRequired(
        "The miner asks for a one-time code: enter its secret in the options",
        reason="otp_needed",
    )


def _refused(reply: HttpReply, secret: str | None) -> AuthRequired:
    if _is_blocked(reply):
        return AuthRequired(
            "The miner takes no one-time code for 5 minutes after too many wrong ones",
            reason="otp_blocked",
        )
    if secret is None:
        return _secret_needed()
    return AuthRequired(
        "The miner refused the one-time code: check the secret and the clock",
        reason="otp_refused",
    )


# --- reading /info -----------------------------------------------------------------


def _is_shut_down(info: Info) -> bool:
    return parse_bool(info.get("shutdown")) is True


def _is_rising(info: Info) -> bool:
    """Return whether ``hashRate`` is an average that rises from zero.

    In 1.0.32 it is that of the ten minutes, divided by the whole window from the
    boot on. Before, the hour repeats the ten minutes; since then ``hashRate`` is
    measured (history.cpp).
    """
    ten_minutes = info.get("hashRate_10m")
    return (
        ten_minutes is not None
        and info.get("hashRate") == ten_minutes != info.get("hashRate_1h")
        and not axeos.covers(info, "hashRate_1m")
    )


def _is_too_hot(info: Info) -> bool:
    """Return whether the hottest chip is at the limit that the user set."""
    limit, hottest = (
        axeos.positive(info, "overheat_temp"),
        axeos.temperature(info, "temp"),
    )
    return limit is not None and hottest is not None and hottest >= limit


def _is_nearly_too_hot(info: Info) -> bool:
    """Return whether the heat may be why the chips are without power.

    True as well where the firmware reports no temperature, or no limit.
    """
    limit, hottest = (
        axeos.positive(info, "overheat_temp"),
        axeos.temperature(info, "temp"),
    )
    return limit is None or hottest is None or hottest >= limit - 15


def _has_fan_modes(info: Info) -> bool:
    """Return whether ``autofanspeed`` is a mode (1.0.29), no flag any more.

    A flag is read as 0 or 1, but written as a JSON boolean (http_server.cpp).
    """
    return "pidTargetTemp" in info


def _is_fan_auto(info: Info) -> bool | None:
    """Return whether the device sets its fan: by PID, or by the curve that was before.

    The modes: 0 by hand, 1 the curve, 2 PID, 3 follows another fan.
    """
    mode = axeos.count(info, "autofanspeed")
    return None if mode is None else mode > 0


def _fan_speeds(info: Info) -> tuple[float | None, ...]:
    """Return percent by fan; since 1.0.37 the second has a speed of its own.

    ``fanCount`` says how many there are: the second one's keys are 0 without it.
    Where a release lists its channels, they go first.
    """
    channels = info.get("fans")
    if isinstance(channels, list) and channels:
        return tuple(
            axeos.percent(channel, "speedPerc") if isinstance(channel, dict) else None
            for channel in channels
        )
    speeds = (axeos.percent(info, "fanspeed"), axeos.percent(info, "fanspeed2"))
    number = axeos.count(info, "fanCount")
    if number is None:
        number = 2 if speeds[1] else 1
    return () if speeds == (None, None) else speeds[:number]


def _fan_rpm(info: Info) -> tuple[int | None, ...]:
    """Return rpm by fan; one that is there and stands still has 0."""
    if (axeos.count(info, "fanCount") or 0) >= 2:
        return axeos.count(info, "fanrpm"), axeos.count(info, "fanrpm2")
    return axeos.fan_rpm(info, "fanrpm", "fanrpm2")


def _chip_temperatures(info: Info) -> tuple[float | None, ...]:
    """Return °C by chip, nothing where no chip has a sensor; 0 and 255 are none."""
    values = info.get("asicTemps")
    if not isinstance(values, list):
        return ()
    numbers = map(parse_temperature, values)
    chips = tuple(number if number and number > 0 else None for number in numbers)
    return chips if any(chips) else ()


def _first_positive(sources: Iterable[Info], key: str) -> float | None:
    """Return the first of these objects' fields that is a number above zero."""
    return next(
        (
            number
            for source in sources
            if (number := axeos.positive(source, key)) is not None
        ),
        None,
    )


def _packet_loss(sources: Iterable[Info]) -> float | None:
    """Return percent; the firmware reports a part of one (ping_task.cpp)."""
    for source in sources:
        loss = axeos.natural(source, "recentpingloss", "pingLoss")
        if loss is not None and loss <= 1:
            return 100 * loss
    return None


def _difficulty(info: Info, key: str) -> float | None:
    """Return a difficulty: text with a suffix before 1.0.35, a number since."""
    number = parse_compact(info.get(key))
    return number if number is not None and number >= 0 else None


# --- pools ---------------------------------------------------------------------------


def _stratum(info: Info) -> Info:
    """Return the nested object of firmwares since 1.0.35."""
    nested = info.get("stratum")
    return nested if isinstance(nested, dict) else {}


def _uses_fallback(info: Info) -> bool | None:
    """Return whether the fallback pool is in use; None in dual mode, too."""
    nested = _stratum(info)
    if nested:
        return None if _is_dual(info) else parse_bool(nested.get("usingFallback"))
    return parse_bool(info.get("isUsingFallbackStratum"))


def _is_dual(info: Info) -> bool:
    """Return whether both pools are mined at. A mode applies at a restart."""
    nested = _stratum(info)
    return parse_int(nested.get("activePoolMode", nested.get("poolMode"))) == 1


def _pool_states(info: Info) -> dict[int, Info]:
    """Return what is reported of the connections, by slot.

    Without dual mode the list has one entry, which is the pool in use.
    """
    active = _FALLBACK if _uses_fallback(info) else _PRIMARY
    nested = _stratum(info)
    if not nested:
        return {active: {"connected": info.get("isStratumConnected")}}
    pools = nested.get("pools")
    entries = pools if isinstance(pools, list) else []
    states: dict[int, Info] = {
        index: entry for index, entry in enumerate(entries) if isinstance(entry, dict)
    }
    if len(entries) == 1 and 0 in states and not _is_dual(info):
        return {active: states[0]}
    return states


def _configured(info: Info) -> dict[int, PoolSlot]:
    """Return the pools as configured, by slot; empty slots are left out."""
    slots: dict[int, PoolSlot] = {}
    for index, prefix in ((_PRIMARY, "stratum"), (_FALLBACK, "fallbackStratum")):
        url = axeos.pool_address(info.get(prefix + "URL"), info.get(prefix + "Port"))
        if url is not None:
            user = parse_text(info.get(prefix + "User"))
            slots[index] = PoolSlot(index=index, url=url, user=user)
    return slots


def _transport(info: Info, endpoint: Endpoint) -> dict[str, Any]:
    """Return encryption and protocol for a new pool, where the firmware has them.

    Raises InvalidValue when encryption is requested and the firmware has none.
    """
    patch: dict[str, Any] = {}
    moved = (
        axeos.pool_address(info.get("stratumURL"), info.get("stratumPort"))
        != endpoint.address
    )
    if "stratumTLS" in info:
        if endpoint.tls or moved:
            patch["stratumTLS"] = endpoint.tls
    elif endpoint.tls:
        raise InvalidValue(
            "The miner's firmware cannot encrypt", reason="pool_tls_missing"
        )
    if moved and parse_int(info.get("stratumProtocol")):
        patch["stratumProtocol"] = 0
    return patch


def _swap(info: Info) -> dict[str, Any]:
    """Return the PATCH that makes the two pools change places."""
    patch: dict[str, Any] = {}
    for first, second in _SWAPPED:
        if first in info and second in info:
            for source, target in ((first, second), (second, first)):
                value = info[source]
                patch[target] = parse_bool(value) if source in _BOOLEANS else value
    return patch
