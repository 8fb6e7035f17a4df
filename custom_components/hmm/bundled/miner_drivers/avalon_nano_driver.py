"""Canaan's home miners with the cgminer API: Avalon Nano 3, Nano 3S, Mini 3, Q."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import astuple, dataclass, replace
from hashlib import sha256
from itertools import chain
import re
import time
from typing import Any, override

from custom_components.hmm.bundled.shared.axeos import within_limits
from custom_components.hmm.driver_api import (
    AuthRequired,
    BadAnswer,
    BaseMinerAdapter,
    CannotConnect,
    CommandFailed,
    DeviceFacts,
    DriverError,
    InvalidValue,
    MinerTelemetry,
    NotThisDevice,
    PoolSlot,
    Setting,
    TuningLimits,
    TuningRange,
)
from custom_components.hmm.driver_api.transports.cgminer import (
    CgminerAnswer,
    CgminerClient,
    NoReply,
)
from custom_components.hmm.driver_api.units import (
    GIGA,
    MEGA,
    parse_age,
    parse_bool,
    parse_int,
    parse_number,
    parse_temperature,
    parse_text,
)

type Fields = Mapping[str, str]
"""What the stats say: ``GHSspd[6423.03] TMax[96] ..`` by key."""

# Values may hold blanks, commas, colons and percent signs, but no brackets: so a text
# of nothing but open ones is gone through once.
_FIELD = re.compile(r"(?<!\w)(\w++)\[([^\[\]]*+)\]")
_HEX = re.compile(r"[0-9a-f]+")
_OPTION = re.compile(r"[a-z]\w*(?:-\w+)*")

_FAN_SPEEDS = TuningRange(minimum=25, maximum=100)
"""Percent. The firmware's source takes 15 and more, a test of it 25."""
_FAN_SLACK = 3
_TARGETS = TuningRange(minimum=50, maximum=90)
"""°C that the chips are kept at; the device forgets it at a restart and a new mode."""
_CALIBRATING = "caling"
"""What every refusal during a calibration says."""
_FURTHER: tuple[str, ...] = ("litestats", "coin")
"""Commands of a poll that a firmware may not have."""


_LIGHT_EFFECTS = {"steady": 1, "blink": 2, "breathe": 3, "cycle": 4}
"""What ``ledset`` begins with; 0 is off."""
_WHITE = (255, 255, 255)
_REFUSED = re.compile(
    r"unknown (?:option|argument)|no value passed|\bmissing\b|\bnot in \(",
    re.IGNORECASE,
)
"""In the reply to a command that was not done, whose STATUS may be I as of one that was."""
_SET = re.compile(r"\b(?:ok|success)\b")
"""In the reply when its light is set: STATUS is I for a refusal as well."""


@dataclass(frozen=True, slots=True)
class _Light:
    """How the light is set, in the order of ``ledset``."""

    effect: int
    brightness: int
    """Percent."""
    warmth: int
    """Percent; what it does with the colors is not known, so it is left alone."""
    red: int
    green: int
    blue: int

    @property
    def color(self) -> tuple[int, int, int]:
        return self.red, self.green, self.blue

    def __str__(self) -> str:
        return "-".join(map(str, astuple(self)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Model:
    """What one model does differently."""

    name: str
    command: str
    """The ``ascset`` option that sets the mode."""
    reported: str
    """The key of the stats that reports the mode; it flips immediately."""
    modes: Mapping[str, int]
    """Slowest first."""
    power_index: int
    """Where the measured watts are in ``PS[..]``."""
    reboot: tuple[str, ...] = ("0",)
    """Arguments of the reboot command, in the order to try them."""
    certain: bool = True
    """Whether the mode command is known to work, not only said to."""


_MODELS = {
    "nano3": _Model(
        name="Avalon Nano 3",
        command="worklevel",
        reported="WORKLEVEL",
        modes={"low": 0, "medium": 1, "high": 2},
        power_index=5,
        reboot=("all", "0"),
    ),
    "nano3s": _Model(
        name="Avalon Nano 3S",
        command="workmode",
        reported="WORKMODE",
        modes={"low": 0, "medium": 1, "high": 2},
        power_index=6,
    ),
    "q": _Model(
        name="Avalon Q",
        command="workmode",
        reported="WORKMODE",
        modes={"eco": 0, "standard": 1, "super": 2},
        power_index=6,
    ),
    "mini3": _Model(
        name="Avalon Mini 3",
        command="workmode",
        reported="WORKMODE",
        modes={"night": 2, "heater": 0, "mining": 1},
        power_index=6,
        certain=False,
    ),
}


class AvalonNanoDriver(BaseMinerAdapter):
    """Avalon Nano 3, Nano 3S, Mini 3 and Q, over the cgminer API on TCP 4028.

    Sources: Canaan's published Nano 3S firmware (``api.c``, ``driver-avalon.c``)
    and answers recorded from a Nano 3, a Nano 3S and a Q. Power is measured
    watts from ``PS[..]``; ``MPO`` is only the mode's target. The API has no
    ``restart`` command: a restart is ``ascset|0,reboot``.

    ``switchpool`` acts immediately and is forgotten at the next restart;
    ``setpool`` is kept, needs the name and password of the web page, and
    takes effect by a restart.
    """

    driver_type = "avalon_nano"
    driver_version = "1.0.0"
    display_name = "Avalon Nano, Mini and Q"
    manufacturer = "Canaan"
    supported_models = [model.name for model in _MODELS.values()]
    connection_type = "tcp"
    default_port = 4028
    hashrate_unit = "TH/s"
    # Its own regulation reaches 96 °C in the high mode
    warm_temperature = 105.0
    startup_seconds = 360.0
    option_fields = ("admin_user", "admin_password")

    settle_seconds = 10.0
    """How long the device may take to report what was set."""
    mode_seconds = 60.0
    """How long it may take to report a new mode: on a Mini 3 and a Q that may be more
    than writing it down."""
    settle_interval = 1.0
    standby_lead = 5
    """Standby takes the second when it begins, by the device's own clock."""
    standby_seconds = 30.0
    reboot_seconds = 120.0
    """How long a restart may take until the API answers again (about 30 s)."""

    def __init__(self) -> None:
        """Make a driver that knows no device yet."""
        self._api = CgminerClient("")
        self._model: _Model | None = None
        self._options: frozenset[str] | None = None
        self._version: Mapping[str, Any] = {}
        self._facts = DeviceFacts()
        self._further = _FURTHER
        self._stats = "stats"
        self._clock: tuple[int, float] | None = None
        self._heat = 0.0
        """°C of the hottest chip in the last poll, in a fault also before and in it."""

    # Who it is

    @override
    async def connect(self, ip: str, port: int | None = None) -> bool:
        """Return whether an Avalon answers; reads its options as well.

        Only read commands; ``ascset|0,help`` lists what else it can.
        """
        self._api = CgminerClient(ip, port or self.default_port)
        self._model = None
        self._options = None
        self._version = {}
        self._further = _FURTHER
        self._stats = "stats"
        answers = await self._read("version", "stats")
        version = answers.get("version")
        if version is None or not _is_avalon(version):
            return False
        self._learn(version, _fields(answers.get("stats")))
        try:
            answer = await self._command("ascset", "0,help")
        except DriverError:
            return True  # an older firmware; its model decides what it can
        if answer.letter == "I":
            self._options = frozenset(_OPTION.findall(answer.message.lower()))
        return True

    @override
    async def get_device_facts(self) -> DeviceFacts:
        """Return who the device is. The MAC is not reported by a Nano 3."""
        return self._facts

    # What it does

    @override
    async def get_telemetry(self) -> MinerTelemetry:
        """Return one poll: one connection for all commands, joined."""
        # The version says who responds: another device may have got this address
        names = ("summary", self._stats, "pools", "version", *self._further)
        answers = await self._read(*names)
        stats = _fields(answers.get(self._stats))
        if "summary" not in answers and not stats:
            raise BadAnswer(
                "The device tells neither its summary nor its stats",
                reason="bad_response",
            )
        self._further = tuple(name for name in self._further if name in answers)
        if not stats:
            # A Q may lose one of the two at a restart while the other works.
            self._stats = "estats" if self._stats == "stats" else "stats"
        fields = {**_fields(answers.get("litestats")), **stats}
        if (version := answers.get("version")) is not None:
            if not _is_avalon(version):
                raise NotThisDevice(
                    "Another kind of device answers at this address",
                    reason="unsupported_device",
                )
            self._learn(version, fields)
        return self._telemetry(
            summary=_section(answers, "summary", "SUMMARY"),
            fields=fields,
            pools=_entries(answers, "pools", "POOLS"),
            coin=_section(answers, "coin", "COIN"),
        )

    def _telemetry(
        self,
        *,
        summary: Mapping[str, Any],
        fields: Fields,
        pools: tuple[Mapping[str, Any], ...],
        coin: Mapping[str, Any],
    ) -> MinerTelemetry:
        supply = _numbers(fields.get("PS"))
        idle = _is_idle(fields)
        stopped = idle or _has_no_power(self._model, fields, supply)
        uptime = _seconds(summary.get("Elapsed"), fields.get("Elapsed"))
        hashrate = _hashrate(summary, fields, uptime, stopped=stopped)
        slots = _pool_slots(pools)
        active = _active_pool(pools)
        chips = _per_chip(fields, "PVT_T")
        volts = [value for value in _per_chip(fields, "PVT_V") if value]
        temperature = parse_temperature(fields.get("TMax"))
        heat = tuple(map(parse_temperature, chips))
        hottest = max(filter(None, heat), default=0.0)
        # In a fault the chips cool down, or report nothing any more
        before = self._heat if _is_in_fault(fields) else 0.0
        self._heat = max(before, temperature or 0.0, hottest)
        return MinerTelemetry(
            hashrate=hashrate,
            hashrate_expected=(
                None if idle else _positive(_scaled(fields.get("GHSmm"), GIGA))
            ),
            hashrate_15m=(
                # Without power the averages keep their old values.
                None if stopped else _average(summary, "MHS 15m", 900, uptime)
            ),
            temperature=temperature,
            temperature_board=_first_temperature(
                fields, "Temp", "HBTemp", "HBOTemp", "HBITemp"
            ),
            temperature_inlet=parse_temperature(fields.get("ITemp")),
            temperature_outlet=parse_temperature(fields.get("OTemp")),
            chip_temperatures=heat if any(heat) else (),
            target_temperature=parse_temperature(fields.get("TarT")),
            # Standby figures of the power supply are not to be trusted: two
            # recorded ones of a Q differ by 17 to 146 W.
            power=None if idle else _power(self._model, supply),
            uptime=uptime,
            mode=self._reported_mode(fields),
            fan_speed=_percent(fields.get("FanR")),
            fan_rpm=tuple(
                parse_int(fields[key]) for key in _FANS if fields.get(key) is not None
            ),
            frequency=_positive(parse_number(fields.get("Freq"))),
            core_voltage_actual=(
                round(sum(volts) / len(volts), 1) if volts and not idle else None
            ),
            input_voltage=_input_voltage(self._model, supply),
            shares_accepted=_count(summary.get("Accepted")),
            shares_rejected=_count(summary.get("Rejected")),
            shares_stale=_count(summary.get("Stale")),
            error_rate=_first_number(
                _percent(fields.get("DH")),
                parse_number(summary.get("Device Hardware%")),
            ),
            best_session_share=_not_negative(parse_number(summary.get("Best Share"))),
            blocks_found=_count(summary.get("Found Blocks")),
            pool_difficulty=_positive(
                _first_number(
                    *(
                        _positive(parse_number(active.get(key)))
                        for key in ("Stratum Difficulty", "Work Difficulty")
                    )
                )
            ),
            network_difficulty=_positive(parse_number(coin.get("Network Difficulty"))),
            block_height=_count(active.get("Current Block Height")) or None,
            response_time=_positive(parse_number(fields.get("PING"))),
            pool_failures=_count(fields.get("PFCnt")),
            crc_errors=_crc_errors(fields),
            signal=_signal(fields.get("RSSI")),
            reset_reason=parse_text(fields.get("BOOTBY")),
            filter_runtime=(
                None
                if (minutes := _count(fields.get("Filter"))) is None
                else minutes * 60
            ),
            **_shown_light(fields),
            hashing=None if hashrate is None else hashrate > 0,
            paused=idle if self.supports_pause() else None,
            using_fallback=_uses_fallback(pools, active),
            pools=slots,
            problems=_problems(
                self._model,
                fields,
                supply,
                slots,
                _disabled(pools),
                idle=idle,
                is_hot=self._heat >= self.warm_temperature,
            ),
            device=self._facts,
        )

    # What it accepts

    @override
    def get_supported_modes(self) -> list[str]:
        """Return the modes of the model, slowest first.

        A Mini 3's are only claimed by others, so that it must list the command.
        """
        if self._model is None:
            return []
        if not self._model.certain and self._model.command not in (
            self._options or frozenset()
        ):
            return []
        return list(self._model.modes)

    @override
    async def set_mode(self, mode: str) -> bool:
        """Set a work mode and wait until the device reports it.

        The hashrate follows within minutes. While the device calibrates it
        refuses with ``current mode X is caling Don't permit switch mode``.
        """
        model = self._model
        if model is None or mode not in self.get_supported_modes():
            raise InvalidValue(
                f"This device has no mode called {mode}",
                reason="mode_unknown",
                mode=mode,
            )
        answer = await self._command(
            "ascset", f"0,{model.command},set,{model.modes[mode]}"
        )
        _require(answer, "The device refused the mode")
        reported: str | None = None

        async def is_set() -> bool:
            nonlocal reported
            reported = self._reported_mode(await self._read_fields(self._stats))
            return reported == mode

        if not await self._settles(is_set, self.mode_seconds):
            raise CommandFailed(
                f"The device took the command but reports mode {reported or 'unknown'}",
                reason="mode_not_applied",
                mode=mode,
                reported=reported or "–",
            )
        return True

    @override
    def supports_pause(self) -> bool:
        """Return whether it has standby: what its own help lists.

        A Q has it even where the help does not answer.
        """
        if self._options is None:
            return self._model is _MODELS["q"]
        return {"softon", "softoff"} <= self._options

    @override
    async def pause(self) -> bool:
        """Go to standby. A power cut ends it."""
        return await self._standby("softoff", idle=True)

    @override
    async def resume(self) -> bool:
        """Leave standby, in the mode of before."""
        return await self._standby("softon", idle=False)

    async def _standby(self, verb: str, *, idle: bool) -> bool:
        if not self.supports_pause():
            return False
        await self._read("version")  # for the device's clock, which may be set any time
        start = self._device_time() + self.standby_lead
        try:
            # Success is STATUS I, "ASC 0 set info: success softoff:<start>".
            answer = await self._command("ascset", f"0,{verb},1:{start}")
            _require(answer, "The device refused")
        except NoReply:
            pass  # softon may close without a word; what it reports counts

        async def is_done() -> bool:
            return _is_idle(await self._read_fields(self._stats, "litestats")) is idle

        if not await self._settles(is_done, self.standby_seconds):
            state = "mines on" if idle else "stays in standby"
            raise CommandFailed(
                f"The device took the command but {state}",
                reason="pause_not_applied" if idle else "resume_not_applied",
            )
        return True

    @override
    def supports_filter_reset(self) -> bool:
        return "filter-clean" in (self._options or ())

    @override
    async def reset_filter(self) -> bool:
        """Set the minutes since the filter was cleaned to zero."""
        before = _count(
            (await self._read_fields(self._stats, "litestats")).get("Filter")
        )
        _require(
            await self._command("ascset", "0,filter-clean,1"), "The device refused"
        )

        async def is_reset() -> bool:
            fields = await self._read_fields(self._stats, "litestats")
            minutes = _count(fields.get("Filter"))
            return minutes is None or before is None or minutes <= min(before, 1)

        if not await self._settles(is_reset, self.settle_seconds):
            raise CommandFailed(
                "The device took the command but counts on", reason="command_failed"
            )
        return True

    @override
    def get_tuning_limits(self) -> TuningLimits | None:
        """Return what can be set, where its help lists the command for it."""
        limits = TuningLimits(
            fan_speed=_FAN_SPEEDS if self.supports_fan_auto() else None,
            target_temperature=(
                _TARGETS if "target-temp" in (self._options or ()) else None
            ),
        )
        return limits if limits != TuningLimits() else None

    @override
    async def set_tuning(self, setting: Setting, value: float) -> bool:
        """Set a fixed fan speed or the target temperature; wait until it is reported."""
        number = within_limits(self.get_tuning_limits(), setting, value)
        option, field, slack = {
            "fan_speed": ("fan-spd", "FanR", _FAN_SLACK),
            "target_temperature": ("target-temp", "TarT", 0),
        }[setting]
        _require(await self._command("ascset", f"0,{option},{number}"), "The device")
        reported: float | None = None

        async def is_set() -> bool:
            nonlocal reported
            reported = _percent((await self._read_fields(self._stats)).get(field))
            return reported is None or abs(reported - number) <= slack

        if not await self._settles(is_set, self.settle_seconds):
            raise CommandFailed(
                f"The device took {number} but reports {reported}",
                reason="setting_not_applied",
                value=number,
                reported="–" if reported is None else f"{reported:g}",
            )
        return True

    @override
    def supports_fan_auto(self) -> bool:
        """Return whether its help lists the command for the fan."""
        return "fan-spd" in (self._options or ())

    @override
    async def set_fan_auto(self) -> bool:
        """Let the device steer its fan; no field reports whether it does."""
        _require(await self._command("ascset", "0,fan-spd,-1"), "The fan")
        return True

    @override
    def supports_light(self) -> bool:
        """Return whether its help lists the commands of a Nano 3S.

        The ``led`` of a Nano 3 is known from third parties only, and no poll reports
        its state.
        """
        return {"ledmode", "ledset"} <= (self._options or frozenset())

    @override
    def get_light_effects(self) -> list[str]:
        return list(_LIGHT_EFFECTS) if self.supports_light() else []

    @override
    async def set_light(
        self,
        on: bool,
        brightness: float | None = None,
        color: tuple[int, int, int] | None = None,
        effect: str | None = None,
    ) -> bool:
        """Set the light and wait until it is reported.

        In the mode for the dark (``ledmode`` 1) it is off, and takes nothing else.
        """
        if not self.supports_light():
            return False
        if effect is not None and effect not in _LIGHT_EFFECTS:
            raise InvalidValue(f"The light has no {effect}", reason="invalid_value")
        fields = await self._read_fields(self._stats, "litestats")
        if (now := _light(fields)) is None:
            raise CommandFailed(
                "The device does not tell how its light is set", reason="not_reported"
            )
        if not on:
            wanted = replace(now, effect=0)
        else:
            number = _LIGHT_EFFECTS[effect] if effect else now.effect
            hides_color = color and not effect and number == _LIGHT_EFFECTS["cycle"]
            if number not in _LIGHT_EFFECTS.values() or hides_color:
                number = _LIGHT_EFFECTS["steady"]
            red, green, blue = color or now.color
            if not red | green | blue:
                red, green, blue = _WHITE  # black would be off
            percent = now.brightness if brightness is None else round(brightness)
            wanted = _Light(number, percent or 100, now.warmth, red, green, blue)
        if _is_dark(fields):
            if not on:
                return True
            await self._command_light("ledmode,0")
        await self._command_light(f"ledset,{wanted}")
        shown: _Light | None = None

        async def is_set() -> bool:
            nonlocal shown
            fields = await self._read_fields(self._stats, "litestats")
            shown = _light(fields)
            return shown == wanted and not _is_dark(fields)

        if not await self._settles(is_set, self.settle_seconds):
            raise CommandFailed(
                f"The device took {wanted} for its light but reports {shown}",
                reason="setting_not_applied",
                value=str(wanted),
                reported=str(shown or "–"),
            )
        return True

    async def _command_light(self, parameter: str) -> None:
        """Send a command of the light. Raises CommandFailed by what the text says."""
        answer = await self._command("ascset", f"0,{parameter}")
        _require(answer, "The light")
        if answer.letter == "I" and not _SET.search(answer.message):
            raise CommandFailed(
                f"The light: {answer.message}",
                reason="command_refused",
                detail=answer.message,
            )

    @override
    async def restart(self) -> bool:
        """Restart the device. A Nano 3 wants ``all`` where the others want 0."""
        arguments = self._model.reboot if self._model else ("0",)
        words = ""
        for argument in arguments:
            try:
                answer = await self._command("ascset", f"0,reboot,{argument}")
            except NoReply:
                return True  # it was quicker than its answer
            if _is_taken(answer):
                return True
            words = answer.message
        raise CommandFailed(
            f"The device refused to restart: {words}",
            reason="command_refused",
            detail=words,
        )

    # Pools

    @override
    async def select_pool(self, index: int) -> bool:
        """Mine at another of the configured pools, until the next restart."""
        pools = await self._read_pools()
        if index not in {slot.index for slot in _pool_slots(pools)}:
            raise InvalidValue(
                f"The device has no pool {index}", reason="pool_slot_missing"
            )
        answer = await self._command("switchpool", str(index))
        if not answer.accepted:
            raise CommandFailed(
                f"The device refused the pool (code {answer.code})",
                reason="command_refused",
                detail=f"({answer.code})",
            )

        async def is_active() -> bool:
            active = _active_pool(await self._read_pools())
            return parse_int(active.get("POOL")) == index

        if not await self._settles(is_active, self.settle_seconds):
            raise CommandFailed(
                "The device took the command but mines elsewhere",
                reason="pool_not_applied",
            )
        return True

    @override
    async def set_pool(self, url: str, user: str, password: str) -> bool:
        """Write the first pool, restart, and wait until the device shows it.

        Needs ``admin_user`` and ``admin_password`` of the device's web page;
        there is no default that would be safe to guess.
        """
        admin, secret = self._login()
        target = _pool_address(url)
        if "://" not in url:
            url = f"stratum+tcp://{url.strip()}"
        # A password that is left out is an empty one (api.c takes 5 or 6 parts).
        pool = ["0", url.strip(), user, *([password] if password else [])]
        if not user or not target:
            raise InvalidValue(
                "A pool needs an address and a user", reason="pool_incomplete"
            )
        if any(map(_breaks_list, pool)):
            raise InvalidValue(
                "The device takes no commas or line breaks here",
                reason="text_not_allowed",
            )
        before = _uptime(await self._read("summary"))
        await self._write_pool(admin, secret, pool)
        await self.restart()
        restarted = False
        shown: str | None = None

        async def is_shown() -> bool:
            nonlocal restarted, shown
            try:
                answers = await self._read("summary", "pools")
            except CannotConnect:
                restarted = True
                raise
            uptime = _uptime(answers)
            if uptime is not None and before is not None and uptime < before:
                restarted = True
            if not restarted:
                return False
            slots = _pool_slots(_entries(answers, "pools", "POOLS"))
            slot = next((slot for slot in slots if slot.index == 0), None)
            shown = slot.url if slot else None
            return slot is not None and slot.url == target and slot.user == user

        if not await self._settles(is_shown, self.reboot_seconds):
            raise CommandFailed(
                f"After the restart the device shows {shown or 'no pool yet'}",
                reason="pool_not_applied",
            )
        return True

    @override
    async def check_login(self) -> bool:
        """Return False for a complete login: the device checks it in ``setpool`` only."""
        self._login()
        return False

    def _login(self) -> tuple[str, str]:
        """Return name and password. Raises AuthRequired: they cannot be right."""
        options = self.context.options if self.context else {}
        admin = parse_text(options.get("admin_user"))
        secret = options.get("admin_password")
        if admin is None or not isinstance(secret, str) or not secret:
            raise AuthRequired(
                "Changing the pool needs the name and password of the device's web page",
                reason="login_not_given",
            )
        if _breaks_list(admin) or _breaks_list(secret):
            raise AuthRequired(
                "The device takes no commas or line breaks here",
                reason="login_refused",
            )
        return admin, secret

    async def _write_pool(self, admin: str, secret: str, pool: list[str]) -> None:
        """Send ``setpool``, with the password in the form that the device wants.

        The 3S source hashes what it gets; clients of the Nano 3 send a hash.
        """
        digest = sha256(secret.encode()).hexdigest()
        forms = [secret, f"ff0000ff{digest[:24]}"]
        if self._model is _MODELS["nano3"]:
            forms.reverse()
        for form in forms:
            answer = await self._command("setpool", ",".join((admin, form, *pool)))
            # 3S: S/133, other firmwares: I/133. The text of a success repeats
            # the pool password, so that no text is ever quoted here.
            if answer.accepted:
                return
            if "username err" in answer.message:
                break
        if "username err" in answer.message or "userpass err" in answer.message:
            raise AuthRequired(
                "The device refused its web page's name or password",
                reason="login_refused",
            )
        raise CommandFailed(
            f"The device refused the pool (code {answer.code})",
            reason="command_refused",
            detail=f"({answer.code})",
        )

    # Talking

    async def _command(self, name: str, parameter: str) -> CgminerAnswer:
        answer = await self._api.command(name, parameter)
        self._keep_clock((answer,))
        return answer

    async def _read(self, *names: str) -> dict[str, CgminerAnswer]:
        answers = await self._api.read(*names)
        self._keep_clock(answers.values())
        return answers

    async def _read_fields(self, *names: str) -> Fields:
        answers = await self._read(*names)
        fields: dict[str, str] = {}
        for name in reversed(names):
            fields.update(_fields(answers.get(name)))
        return fields

    async def _read_pools(self) -> tuple[Mapping[str, Any], ...]:
        return _entries(await self._read("pools"), "pools", "POOLS")

    async def _settles(
        self, check: Callable[[], Awaitable[bool]], seconds: float
    ) -> bool:
        """Return whether something comes true within a time."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                if await check():
                    return True
            except CannotConnect, BadAnswer:
                pass  # it restarts, or another client holds its only thread
            if time.monotonic() >= deadline:
                return False
            await asyncio.sleep(self.settle_interval)

    def _keep_clock(self, answers: Iterable[CgminerAnswer]) -> None:
        for answer in answers:
            if answer.when is not None:
                self._clock = (answer.when, time.monotonic())

    def _device_time(self) -> int:
        """Return the device's time: it need not be right for what it schedules."""
        if self._clock is None:
            return int(time.time())
        when, read = self._clock
        return when + int(time.monotonic() - read)

    def _reported_mode(self, fields: Fields) -> str | None:
        if self._model is None:
            return None
        number = parse_int(
            # The short stats call the work mode just MODE.
            fields.get(self._model.reported)
            or (fields.get("MODE") if self._model.reported == "WORKMODE" else None)
        )
        return next(
            (name for name, value in self._model.modes.items() if value == number),
            None,
        )

    def _learn(self, version: CgminerAnswer, fields: Fields) -> None:
        self._version = facts = version.first("VERSION")
        self._model = _model(facts, fields)
        model = _first_text(facts, "MODEL", "PROD")
        if self._model is not None:
            model = self._model.name
        elif model is not None and not model.lower().startswith("avalon"):
            model = f"Avalon {model}"
        host = f"[{self._api.host}]" if ":" in self._api.host else self._api.host
        self._facts = DeviceFacts(
            mac=_mac(facts.get("MAC")),
            serial=_serial(facts.get("DNA"), fields.get("DNA"), fields.get("HDNA")),
            manufacturer=self.manufacturer,
            model=model,
            firmware=_first_text(facts, "LVERSION", "VERSION", "CGVERSION")
            or _first_text(fields, "LVer", "Ver"),
            hardware=_first_text(facts, "HWTYPE"),
            configuration_url=f"http://{host}",
        )


# Reading the responses. Whatever is missing or malformed is None.


def _is_avalon(version: CgminerAnswer) -> bool:
    product = parse_text(version.first("VERSION").get("PROD"))
    return product is not None and product.lower().startswith("avalon")


def _model(version: Mapping[str, Any], fields: Fields) -> _Model | None:
    names = (
        version.get("MODEL"),
        version.get("PROD"),
        fields.get("Ver", "").partition("-")[0],
    )
    for name in names:
        if (text := parse_text(name)) is not None:
            key = re.sub(r"[^a-z0-9]", "", text.lower()).removeprefix("avalon")
            if (model := _MODELS.get(key)) is not None:
                return model
    return None


def _fields(answer: CgminerAnswer | None) -> dict[str, str]:
    """Return the ``KEY[value]`` pairs of stats or litestats.

    They are in ``MM ID0``; on a Q in ``MM ID0:Summary``, and per board in
    ``HBinfo``. The first of a name counts.
    """
    values: dict[str, str] = {}
    if answer is None:
        return values
    # In text, the short stats have no other name than that of their first value
    for entry in chain.from_iterable(answer.sections.values()):
        for key, value in entry.items():
            if isinstance(value, str) and (key.startswith("MM ID") or "HBinfo" in key):
                for name, text in _FIELD.findall(value):
                    values.setdefault(name, text.strip())
    return values


def _entries(
    answers: Mapping[str, CgminerAnswer], command: str, section: str
) -> tuple[Mapping[str, Any], ...]:
    answer = answers.get(command)
    return () if answer is None else answer.sections.get(section, ())


def _section(
    answers: Mapping[str, CgminerAnswer], command: str, section: str
) -> Mapping[str, Any]:
    return next(iter(_entries(answers, command, section)), {})


def _uptime(answers: Mapping[str, CgminerAnswer]) -> int | None:
    return parse_age(_section(answers, "summary", "SUMMARY").get("Elapsed"))


def _is_idle(fields: Fields) -> bool:
    """Return whether it is in standby, by any of the three signs of it."""
    return (
        "in idle" in fields.get("SYSTEMSTATU", "").lower()
        or parse_int(fields.get("STATE")) == 2
        or (parse_int(fields.get("SoftOFF")) or 0) != 0
    )


def _is_in_fault(fields: Fields) -> bool:
    """Return whether it says that a fault has stopped it."""
    return "in fault" in fields.get("SYSTEMSTATU", "").lower()


def _has_no_power(
    model: _Model | None, fields: Fields, supply: list[float | None]
) -> bool:
    """Return whether the chips are without power by a fault.

    The state reports it (3 or 4, ``In Fault``), all chips measure no voltage, or an
    error comes with a power of 0 W. An error code alone is not a proof.
    """
    if _is_in_fault(fields) or parse_int(fields.get("STATE")) in (3, 4):
        return True
    volts = [
        value
        for key, text in fields.items()
        if key.startswith("PVT_V")
        for value in _numbers(text)
        if value is not None
    ]
    if volts and not any(volts):
        return True
    index = model.power_index if model is not None else 6
    no_watts = len(supply) > index and supply[index] == 0
    failed = bool(supply and supply[0]) or any(
        _is_error(fields.get(key)) for key in ("ECHU", "ECMM")
    )
    return no_watts and failed


def _average(
    summary: Mapping[str, Any], key: str, window: int, uptime: int | None
) -> float | None:
    """Return H/s of one of cgminer's averages, None until its window is full.

    They decay exponentially and rise from zero (util.c, decay_time): after one
    window from the start they have 63 % of the truth, after four 98 %.
    """
    if uptime is None or uptime < 4 * window:
        return None
    return _not_negative(_scaled(summary.get(key), MEGA))


def _hashrate(
    summary: Mapping[str, Any], fields: Fields, uptime: int | None, *, stopped: bool
) -> float | None:
    if stopped:
        # A real zero. The averages keep their old values without power.
        return 0.0
    return _first_number(
        _not_negative(_scaled(fields.get("GHSspd"), GIGA)),
        *(
            _average(summary, key, window, uptime)
            for key, window in (("MHS 1m", 60), ("MHS 5s", 5), ("MHS 5m", 300))
        ),
    )


def _power(model: _Model | None, supply: list[float | None]) -> float | None:
    """Return measured watts.

    Nano 3: ``PS[5]`` (``PS[6]`` is a voltage code). Nano 3S, Mini 3, Q:
    ``PS[6]``. An unknown model counts as the one whose layout it has.
    """
    if len(supply) < 7:
        return None
    if model is not None:
        return _positive(supply[model.power_index])
    _, rail, bus, amperes, load = supply[:5]
    if bus and amperes and load and abs(bus / 100 * amperes - load) < 0.05 * load:
        return _positive(supply[6])  # Mini 3, Q: V x 100, A and W agree
    if bus is not None and bus > 10_000:
        return _positive(supply[6])  # Nano 3S: input mV
    if rail == bus == 0:
        return _positive(supply[5])  # Nano 3
    return None


def _input_voltage(model: _Model | None, supply: list[float | None]) -> float | None:
    """Return mV at the input; only two models report it."""
    if len(supply) < 7 or model is None:
        return None
    if model is _MODELS["nano3s"]:
        return _positive(supply[2])
    if model is _MODELS["nano3"] and supply[4] is not None:
        return _positive(supply[4] * 10)
    return None


def _problems(
    model: _Model | None,
    fields: Fields,
    supply: list[float | None],
    slots: tuple[PoolSlot, ...],
    disabled: frozenset[int | None],
    *,
    idle: bool,
    is_hot: bool,
) -> tuple[str, ...]:
    """Return what is wrong; which code stands for heat is published nowhere."""
    problems = []
    if overheated := is_hot and _is_in_fault(fields):
        problems.append("overheat")
    if _is_error(fields.get("ECHU")):
        problems.append("chip_error")
    if _is_error(fields.get("ECMM")) or (_is_in_fault(fields) and not overheated):
        problems.append("hardware_fault")
    if model in (_MODELS["q"], _MODELS["mini3"]) and supply and supply[0]:
        problems.append("power_fault")
    if _is_error(fields.get("FanErr")):
        problems.append("fan_fault")
    # One that is switched off reports nothing; Rejecting is None, but is reached.
    used = [slot for slot in slots if slot.index not in disabled]
    if used and not idle and all(slot.alive is False for slot in used):
        problems.append("no_pool")
    return tuple(problems)


def _is_error(text: str | None) -> bool:
    """Return whether an error field holds a code (hexadecimal) that is not zero."""
    codes = (part.lower().removeprefix("0x") for part in (text or "").split())
    return any(_HEX.fullmatch(code) and code.strip("0") for code in codes)


def _crc_errors(fields: Fields) -> int | None:
    """Return the sum of the counters of garbled messages, one per board.

    ``CRC`` counts those of the chips, ``COMCRC`` those of the line to the board.
    """
    counters = [
        count
        for key in ("CRC", "COMCRC")
        for part in fields.get(key, "").split()
        if (count := _count(part)) is not None
    ]
    return sum(counters) if counters else None


def _pool_slots(pools: Iterable[Mapping[str, Any]]) -> tuple[PoolSlot, ...]:
    return tuple(
        PoolSlot(
            index=index,
            url=url,
            user=parse_text(pool.get("User")),
            active=parse_bool(pool.get("Stratum Active")) is True,
            alive={"alive": True, "dead": False}.get(
                (parse_text(pool.get("Status")) or "").lower()
            ),
        )
        for pool in pools
        if (index := parse_int(pool.get("POOL"))) is not None
        and (url := _pool_address(parse_text(pool.get("URL")) or ""))
    )


def _disabled(pools: Iterable[Mapping[str, Any]]) -> frozenset[int | None]:
    return frozenset(
        parse_int(pool.get("POOL"))
        for pool in pools
        if (parse_text(pool.get("Status")) or "").lower() == "disabled"
    )


def _active_pool(pools: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    return next(
        (pool for pool in pools if parse_bool(pool.get("Stratum Active")) is True), {}
    )


def _uses_fallback(
    pools: Iterable[Mapping[str, Any]], active: Mapping[str, Any]
) -> bool | None:
    """Return whether a pool of higher priority is not the one mined at.

    A pool that was chosen with switchpool gets the first priority itself.
    """
    if (own := parse_int(active.get("Priority"))) is None:
        return None
    priorities = [
        priority
        for pool in pools
        if parse_text(pool.get("URL")) is not None
        and (parse_text(pool.get("Status")) or "").lower() != "disabled"
        and (priority := parse_int(pool.get("Priority"))) is not None
    ]
    return own > min(priorities, default=own)


def _light(fields: Fields) -> _Light | None:
    """Return how the light is set, None if that is not reported."""
    parts = [parse_int(part) for part in fields.get("LEDUser", "").split("-")]
    numbers = [part for part in parts if part is not None]
    if len(parts) != 6 or len(numbers) != 6:
        return None
    return _Light(*numbers)


def _is_dark(fields: Fields) -> bool:
    """Return whether the light is in its mode for the dark."""
    return parse_int(fields.get("LED", "").partition("-")[0]) == 1


def _shown_light(fields: Fields) -> dict[str, Any]:
    """Return the fields of the telemetry that report about the light."""
    if (light := _light(fields)) is None:
        return {}
    effects = {number: name for name, number in _LIGHT_EFFECTS.items()}
    return {
        "light_on": light.effect != 0 and not _is_dark(fields),
        "light_brightness": light.brightness,
        "light_color": light.color,
        "light_effect": effects.get(light.effect),
    }


def _pool_address(url: str) -> str:
    return url.strip().rpartition("://")[2].rstrip("/").lower()


def _breaks_list(text: str) -> bool:
    return "," in text or not text.isprintable()


def _is_taken(answer: CgminerAnswer) -> bool:
    """Return whether a device did, or will do, what ``ascset`` says."""
    if answer.letter == "I" and _REFUSED.search(answer.message):
        return False
    return answer.accepted


def _require(answer: CgminerAnswer, what: str) -> None:
    if not _is_taken(answer):
        detail = answer.message or f"({answer.code})"
        if _CALIBRATING in detail:
            raise CommandFailed(f"{what}: {detail}", reason="calibrating")
        raise CommandFailed(
            f"{what}: {answer.message or f'code {answer.code}'}",
            reason="command_refused",
            detail=detail,
        )


def _first_text(source: Mapping[str, Any], *keys: str) -> str | None:
    return next(
        (text for key in keys if (text := parse_text(source.get(key))) is not None),
        None,
    )


def _first_number(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)


def _mac(value: Any) -> str | None:
    """Return aa:bb:cc:dd:ee:ff from 12 hex digits with or without separators."""
    digits = re.sub(r"[:\-. ]", "", parse_text(value) or "").lower()
    if not re.fullmatch(r"[0-9a-f]{12}", digits) or not digits.strip("0"):
        return None
    return ":".join(digits[place : place + 2] for place in range(0, 12, 2))


def _serial(*values: Any) -> str | None:
    """Return the DNA, or the HDNA where the DNA is all zeros (Nano 3)."""
    return next(
        (
            text.lower()
            for value in values
            if (text := parse_text(value)) is not None and text.strip("0")
        ),
        None,
    )


_FANS = ("Fan1", "Fan2", "Fan3", "Fan4")


def _numbers(text: str | None) -> list[float | None]:
    return [parse_number(part) for part in (text or "").split()]


def _per_chip(fields: Fields, prefix: str) -> list[float | None]:
    """Return the values of all chips on all boards, in their order."""
    return [
        value
        for key, text in fields.items()
        if key.startswith(prefix) and key[len(prefix) :].isdigit()
        for value in _numbers(text)
    ]


def _first_temperature(fields: Fields, *keys: str) -> float | None:
    return _first_number(*(parse_temperature(fields.get(key)) for key in keys))


def _percent(text: str | None) -> float | None:
    return parse_number((text or "").strip().removesuffix("%"))


def _scaled(value: Any, factor: float) -> float | None:
    number = parse_number(value)
    return None if number is None else number * factor


def _positive(value: float | None) -> float | None:
    return value if value is not None and value > 0 else None


def _not_negative(value: float | None) -> float | None:
    return value if value is not None and value >= 0 else None


def _count(value: Any) -> int | None:
    number = parse_int(value)
    return number if number is not None and number >= 0 else None


def _seconds(*values: Any) -> int | None:
    return next(
        (age for value in values if (age := parse_age(value)) is not None), None
    )


def _signal(value: Any) -> int | None:
    number = parse_int(value)
    return number if number is not None and number < 0 else None
