"""The driver of Bitaxe miners and of everything else that runs AxeOS."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
import re
from typing import Any, ClassVar, override

from custom_components.hmm.bundled.shared import axeos
from custom_components.hmm.bundled.shared.axeos import Info
from custom_components.hmm.driver_api import (
    CommandFailed,
    DeviceFacts,
    InvalidValue,
    MinerTelemetry,
    PoolSlot,
)
from custom_components.hmm.driver_api.families import is_axeos
from custom_components.hmm.driver_api.transports.stratum import Endpoint, parse_endpoint
from custom_components.hmm.driver_api.units import (
    GIGA,
    parse_age,
    parse_bool,
    parse_compact,
    parse_int,
    parse_number,
    parse_text,
)

# ESP-Miner device_config.h; only /api/system/asic of AxeOS 2.9 names the family.
_FAMILIES: Mapping[str, str] = {
    "2.2": "Max",
    "102": "Max",
    "0.11": "Ultra",
    "201": "Ultra",
    "202": "Ultra",
    "203": "Ultra",
    "204": "Ultra",
    "205": "Ultra",
    "207": "Ultra",
    "302": "Hex",
    "303": "Hex",
    "400": "Supra",
    "401": "Supra",
    "402": "Supra",
    "403": "Supra",
    "600": "Gamma",
    "601": "Gamma",
    "602": "Gamma",
    "603": "Gamma",
    "650": "GammaDuo",
    "701": "SupraHex",
    "702": "SupraHex",
    "801": "GammaTurbo",
    "1201": "NajaDuo",
    "1300": "GammaHex",
}
_CHIP_FAMILIES: Mapping[str, str] = {
    "BM1397": "Max",
    "BM1366": "Ultra",
    "BM1368": "Supra",
    "BM1370": "Gamma",
}
_OWN_MODEL = ("minerModel", "DeviceModel")
"""Where stock LuckyMiner and Hammer firmware name the device; AxeOS has neither."""
_FORK_KEYS = frozenset((*_OWN_MODEL, "initMiner", "sn_str", "voltagei"))
"""Keys of forks for boards of their own, whatever number they give the board."""
_MAKERS = ((re.compile(r"LV\d"), "LuckyMiner"), (re.compile(r"BC\d"), "Hammer"))
_NO_NAME = {"invalid", "unknown", "none", "null"}
_CONNECTED = {
    f"{protocol}{encryption}"
    for protocol in ("IPv4", "IPv6")
    for encryption in ("", " (TLS)", " (TLS Cert)")
}
"""The only texts of ``poolConnectionInfo`` that mean a connection; the others are
reasons why there is none (stratum_v1_task.c, stratum_v2_task.c)."""
_GAMMA_DUO = "650"
_PRIMARY, _FALLBACK = 0, 1
_MASKED = "*****"
_LONG_WORD = re.compile(r"\w{20,}\S*")
"""A wallet with its worker's name; no word of a message is as long."""


@dataclass(frozen=True, slots=True)
class _Chosen:
    """Which slots the miner took at its boot."""

    primary: int | None
    secondary: int | None


class BitaxeDriver(axeos.AxeDriver):
    """Bitaxe Max, Ultra, Hex, Supra, Gamma, GammaDuo, SupraHex and GT.

    AxeOS 2.0 to 2.15 and its forks (LuckyMiner, BitForge forge-os, Hammer, the
    dual-pool builds of SerpentXSF). What a firmware can do is seen from the keys of its
    /info, never from its version, which may be any git description. Sources:
    bitaxeorg/ESP-Miner ``main/http_server/http_server.c``, ``main/nvs_config.c``.

    AxeOS connects to a pool at its boot only, so a pool change restarts it. The
    pools shown are those of the last boot that the driver saw: /info reports
    edited pools while the miner still works for the old one.
    """

    driver_type = "bitaxe"
    driver_version = "1.0.0"
    display_name = "Bitaxe (AxeOS)"
    # While paused the task that applies settings sleeps; it reads them when it resumes
    mode_while_paused = True
    manufacturer = "Bitaxe"
    supported_models: ClassVar[list[str]] = [
        "Max",
        "Ultra",
        "Hex",
        "Supra",
        "Gamma",
        "GammaDuo",
        "SupraHex",
        "GammaTurbo",
        "NajaDuo",
        "GammaHex",
    ]

    def __init__(self) -> None:
        """Make a driver that is not connected."""
        super().__init__()
        self._mined: dict[int, PoolSlot] = {}
        self._fans = 0
        """How many fans have turned: no key says how many there are."""
        self._has_pair = False
        """Whether two sensors had a reading."""
        self._idle_work: int | None = None
        """How much work it had received when it was first seen not to hash."""

    # Reading

    @staticmethod
    @override
    def _is_mine(info: Info) -> bool:
        return is_axeos(info)

    @override
    def _table(self, info: Info) -> axeos.ChipOptions | None:
        chip = parse_text(info.get("ASICModel")) or ""
        if chip == "BM1370" and info.get("boardVersion") == _GAMMA_DUO:
            return axeos.BM1370_XP
        return axeos.CHIP_OPTIONS.get(chip)

    @override
    def _facts(self, info: Info) -> DeviceFacts:
        board = _name(info.get("boardVersion"))
        manufacturer, model = self._maker_and_model(info, board)
        return DeviceFacts(
            mac=axeos.mac_address(info.get("macAddr")),
            serial=parse_text(info.get("sn_str")),
            manufacturer=manufacturer,
            model=model,
            firmware=parse_text(info.get("version")),
            hardware=board,
            hostname=parse_text(info.get("hostname")),
            configuration_url=self._http.url if self._http else None,
        )

    def _maker_and_model(self, info: Info, board: str | None) -> tuple[str | None, str]:
        """Return who made the device, if known, and its model.

        A fork may number its boards as AxeOS does, and its /asic may name a
        family of AxeOS: what it calls itself goes first.
        """
        asic = self._asic or {}
        own = (
            *(info.get(key) for key in _OWN_MODEL),
            asic.get("deviceModel"),
            info.get("deviceModel"),
            info.get("family"),
        )
        family = next((name for text in own if (name := _name(text)) is not None), None)
        if family is None and board is not None and not board[0].isdigit():
            # Bitaxe numbers its boards; LuckyMiner calls them LV06 to LV08.
            family = board
        is_fork = not _FORK_KEYS.isdisjoint(info)
        if "chiptemp1" in info:
            # Only BitForge's forge-os names its chips' temperatures so.
            return "BitForge", family or "BitForge Nano"
        if family is None and not is_fork:
            chip = parse_text(info.get("ASICModel")) or ""
            family = _CHIP_FAMILIES.get(chip) if board is None else _FAMILIES.get(board)
        if family is None:
            return None, "AxeOS miner"
        if family in self.supported_models and not is_fork:
            return self.manufacturer, f"Bitaxe {family}"
        maker = next((name for pattern, name in _MAKERS if pattern.match(family)), None)
        return maker, family

    @override
    def _telemetry(self, info: Info) -> MinerTelemetry:
        paused = parse_bool(info.get("miningPaused"))
        overheated = _is_overheated(info)
        power_fault = axeos.fault_text(info, "power_fault")
        hardware_fault = axeos.fault_text(info, "hardware_fault")
        no_power = axeos.has_no_power(info)
        # Before 2.12 a miner that got too hot continues, at 50 MHz; since then it
        # rests, and the flag stays when it continues.
        resting = overheated and "hashRate_1m" in info
        hashrate = self._hashrate(info, stopped=bool(paused) or resting)
        hashing = axeos.is_hashing(hashrate, stopped=bool(paused))
        pools = self._pools(info)
        if hashing is not False:
            self._idle_work = None
        no_pool = (
            hashing is False
            and not (paused or overheated or power_fault or hardware_fault)
            and not self._gets_work(info)
            and _lost_its_pools(info, pools)
        )
        # A pause, the heat, a fault and pools that are all gone cut the power as well
        no_core_voltage = no_power and not (
            paused or overheated or power_fault or hardware_fault or no_pool
        )
        frequency = axeos.positive(info, "frequency")
        voltage = axeos.positive(info, "coreVoltage")
        chips = _chip_temperatures(info)
        self._has_pair = self._has_pair or (len(chips) > 1 and None not in chips)
        fans = _fan_rpm(info, self._fans)
        self._fans = len(fans)
        monitored = _monitored_chips(info)
        return MinerTelemetry(
            hashrate=hashrate,
            temperature=max(filter(None, chips), default=None),
            power=axeos.natural(info, "power"),
            uptime=parse_age(info.get("uptimeSeconds")),
            mode=axeos.find_mode(self._modes, frequency, voltage),
            hashrate_expected=self._expected_hashrate(info, hashrate),
            hashrate_10m=self._average(info, "hashRate_10m"),
            hashrate_1h=self._average(info, "hashRate_1h"),
            chip_hashrates=tuple(
                None if total is None else 0.0 if no_power else total * GIGA
                for total in (axeos.natural(chip, "total") for chip in monitored)
            ),
            chip_errors=tuple(axeos.count(chip, "errorCount") for chip in monitored),
            uptime_total=axeos.count(info, "totalUptimeSeconds"),
            temperature_regulator=axeos.temperature(info, "vrTemp"),
            temperature_board=axeos.board_temperature(info),
            chip_temperatures=chips if self._has_pair else (),
            fan_speed=_fan_speed(info),
            fan_auto=parse_bool(info.get("autofanspeed")),
            fan_speed_set=axeos.percent(info, "manualFanSpeed"),
            fan_rpm=fans,
            frequency=frequency,
            frequency_actual=axeos.natural(info, "actualFrequency"),
            core_voltage=voltage,
            core_voltage_actual=axeos.natural(info, "coreVoltageActual"),
            target_temperature=self._target_temperature(info),
            input_voltage=_input_voltage(info),
            input_current=_input_current(info),
            shares_accepted=_shares(info, "Accepted"),
            shares_rejected=_shares(info, "Rejected"),
            shares_pending=axeos.count(info, "sharesPending"),
            reject_reasons=_reject_reasons(info),
            error_rate=axeos.natural(info, "errorPercentage"),
            best_share=_best(info, "bestNonceDiff", "bestDiff"),
            best_session_share=_best(info, "bestSessionNonceDiff", "bestSessionDiff"),
            blocks_found=axeos.count(info, "blockFound"),
            pool_difficulty=axeos.positive(info, "poolDifficulty", "stratumDiff"),
            network_difficulty=axeos.positive(info, "networkDifficulty"),
            block_height=axeos.count(info, "blockHeight") or None,
            coinbase_value=axeos.count(info, "coinbaseValueTotalSatoshis") or None,
            coinbase_own_value=axeos.count(info, "coinbaseValueUserSatoshis") or None,
            response_time=axeos.positive(info, "responseTime"),
            signal=axeos.signal(info),
            reset_reason=parse_text(info.get("resetReason")),
            free_memory=axeos.count(info, "freeHeap"),
            cpu_usage=axeos.percent(info, "cpuUsage"),
            hashing=hashing,
            paused=paused,
            using_fallback=_uses_fallback(info),
            pools=pools,
            problems=tuple(
                name
                for name, present in (
                    ("overheat", overheated),
                    ("power_fault", power_fault),
                    ("hardware_fault", hardware_fault),
                    ("no_core_voltage", no_core_voltage),
                    ("no_pool", no_pool),
                )
                if present
            ),
            device=self._facts(info),
        )

    def _gets_work(self, info: Info) -> bool:
        """Return whether a pool has sent work since the miner stopped to hash.

        A miner whose chips have no power is like one without a pool otherwise.
        """
        work = axeos.count(info, "workReceived")
        if self._idle_work is None or (work or 0) < self._idle_work:
            self._idle_work = work
        return work is not None and work > (self._idle_work or 0)

    @override
    def _new_boot(self, info: Info) -> None:
        self._mined = _configured(info)

    @override
    def _pools(self, info: Info) -> tuple[PoolSlot, ...]:
        configured = _configured(info)
        chosen = _chosen(info)
        # Editing a slot that is not in use shows immediately.
        for index in (chosen.primary, chosen.secondary):
            if index in self._mined:
                configured[index] = self._mined[index]
        active = chosen.secondary if _uses_fallback(info) else chosen.primary
        connected = _is_connected(info.get("poolConnectionInfo"))
        slots = [
            replace(slot, active=True, alive=connected) if index == active else slot
            for index, slot in sorted(configured.items())
        ]
        if (second := _second_pool(info, max(configured, default=-1) + 1)) is not None:
            slots.append(second)
        return tuple(slots)

    @staticmethod
    @override
    def _target_temperature(info: Info) -> float | None:
        return axeos.positive(info, "temptarget")

    # What to write

    @override
    def _point_patch(self, info: Info, point: axeos.OperatingPoint) -> dict[str, Any]:
        return {
            "frequency": axeos.plain(point.frequency),
            "coreVoltage": axeos.plain(point.voltage),
            **self._after_overheat(info),
        }

    @override
    def _after_overheat(self, info: Info) -> dict[str, Any]:
        # Before 2.12 a miner that got too hot keeps 50 MHz and a full fan through every
        # restart until someone says otherwise; since then it cools down and continues
        # automatically.
        if _is_overheated(info) and "hashRate_1m" not in info:
            return {"overheat_mode": 0, "autofanspeed": 1}
        return {}

    @override
    def _fan_patch(self, info: Info, speed: int) -> dict[str, Any]:
        # Since 2.11 `fanspeed` is what the fan does, and writing it is ignored.
        key = "manualFanSpeed" if "manualFanSpeed" in info else "fanspeed"
        return {"autofanspeed": 0, key: speed}

    @override
    def _target_patch(self, info: Info, target: int) -> dict[str, Any]:
        return {"temptarget": target, "autofanspeed": 1}

    # Pause and identify

    @override
    def supports_pause(self) -> bool:
        """Return whether the firmware can pause (AxeOS 2.14)."""
        return "miningPaused" in self._info

    @override
    async def pause(self) -> bool:
        """Stop mining; AxeOS forgets it at the next restart."""
        return await self._set_paused("pause", True)

    @override
    async def resume(self) -> bool:
        """Mine again; the chips need 3 to 4 s."""
        return await self._set_paused("resume", False)

    async def _set_paused(self, command: str, wanted: bool) -> bool:
        async with self._writing:
            await self._post(f"/api/system/{command}")

            def done(info: Info) -> bool:
                return parse_bool(info.get("miningPaused")) is wanted

            if not done(await self._wait_for(done)):
                raise CommandFailed(
                    "The miner still mines" if wanted else "The miner is still paused",
                    reason="pause_not_applied" if wanted else "resume_not_applied",
                )
        return True

    @override
    def supports_identify(self) -> bool:
        """Return whether the firmware can say hello (AxeOS 2.12).

        No key reports that; ``hashRate_1m`` came with the same version.
        """
        return "hashRate_1m" in self._info

    @override
    async def identify(self) -> bool:
        """Show "Hi!" on the screen for 30 s."""
        await self._post("/api/system/identify")
        return True

    # Pools

    @override
    def supports_select_pool(self) -> bool:
        return len(_configured(self._info)) > 1

    @override
    async def set_pool(self, url: str, user: str, password: str) -> bool:
        """Write the primary pool, restart, and see that it is the one in use.

        Up to AxeOS 2.14 the flat keys are written; since 2.15 these are ignored
        (with status 200), and the primary slot is replaced, keeping its other
        settings. Encryption and protocol are kept only for the same host.
        """
        endpoint = parse_endpoint(url)
        async with self._writing:
            info = await self._read()
            if "pools" in info:
                index = await self._write_slot(info, endpoint, user, password)
            else:
                index = await self._write_flat(info, endpoint, user, password)
            await self._restart_into(index, endpoint.address, user)
        return True

    @override
    async def select_pool(self, index: int) -> bool:
        """Mine at another pool of the miner; it restarts.

        AxeOS 2.11 to 2.14 has a switch for that, 2.15 an index. Before 2.11 the
        two pools change places; passwords cannot be read, so each slot keeps its
        own, and pools that check the password must share it.
        """
        async with self._writing:
            info = await self._read()
            pools = {slot.index: slot for slot in self._pools(info)}
            configured = _configured(info)
            wanted = configured.get(index)
            slot = pools.get(index)
            if slot and slot.active and (wanted is None or slot.url == wanted.url):
                return True
            if wanted is None:
                raise InvalidValue(
                    "The miner has no pool in this slot", reason="pool_slot_missing"
                )
            if "pools" in info:
                await self._choose_slot(info, index)
            elif "manualFanSpeed" in info:
                await self._patch({"useFallbackStratum": index == _FALLBACK})
            elif index == _FALLBACK:
                await self._swap(info)
                index = _PRIMARY
            await self._restart_into(index, wanted.url, wanted.user)
        return True

    async def _write_flat(
        self, info: Info, endpoint: Endpoint, user: str, password: str
    ) -> int:
        patch: dict[str, Any] = {
            "stratumURL": endpoint.host,
            "stratumPort": endpoint.port,
            "stratumUser": user,
            "stratumPassword": password,
        }
        patch |= _transport(info, endpoint)
        if "manualFanSpeed" in info:
            patch["useFallbackStratum"] = False
        # Some versions report it immediately, others after the restart: check then.
        await self._patch(patch)
        return _PRIMARY

    async def _write_slot(
        self, info: Info, endpoint: Endpoint, user: str, password: str
    ) -> int:
        index = _chosen(info).primary or 0
        old = _raw_slots(info).get(index, {})
        # What is left out of a PUT falls back to its default.
        slot = {key: value for key, value in old.items() if key != "id"}
        slot |= {
            "stratumURL": endpoint.host,
            "stratumPort": endpoint.port,
            "stratumUser": user,
            "stratumPassword": password,
        }
        slot |= _transport(old, endpoint)
        if slot["stratumPassword"] == _MASKED:
            raise InvalidValue(
                "This password would leave the old one in place",
                reason="pool_password_kept",
            )

        def done(info: Info) -> bool:
            return axeos.holds(_configured(info).get(index), endpoint.address, user)

        reply = await self._request("PUT", f"/api/system/pools/{index}", slot)
        axeos.check_write(reply)
        if not done(await self._wait_for(done)):
            raise CommandFailed(
                "The miner did not take the pool", reason="pool_not_applied"
            )
        if parse_bool(info.get("useFallbackStratum")):
            await self._patch({"useFallbackStratum": False})
        return index

    async def _choose_slot(self, info: Info, index: int) -> None:
        patch: dict[str, Any] = {}
        primary = _chosen(info).primary
        if index != primary:
            patch["primaryPoolIndex"] = index
            if primary is not None:
                patch["secondaryPoolIndex"] = primary
        if parse_bool(info.get("useFallbackStratum")):
            patch["useFallbackStratum"] = False
        if patch:
            # Reported after the restart only, so there is nothing to read back.
            await self._patch(patch)

    async def _swap(self, info: Info) -> None:
        first, second = "stratum", "fallbackStratum"
        patch: dict[str, Any] = {}
        for source, target in ((first, second), (second, first)):
            for name in ("URL", "Port", "User", "SuggestedDifficulty"):
                value = info.get(source + name)
                if value is not None and target + name in info:
                    patch[target + name] = value
        await self._patch(patch)

    async def _restart_into(self, index: int, url: str, user: str | None) -> None:
        """Restart and see that the miner uses this slot with this pool."""
        info = await self._restart_and_wait()
        active = next((pool for pool in self._pools(info) if pool.active), None)
        if (
            active is None
            or active.index != index
            or not axeos.holds(active, url, user)
        ):
            raise CommandFailed(
                "The miner restarted but uses"
                f" {active.url if active else 'no pool'} instead of {url}",
                reason="pool_not_applied",
            )


# --- reading /info -----------------------------------------------------------------


def _name(value: Any) -> str | None:
    """Return a name; forks report "invalid" or "unknown" where they have none."""
    name = parse_text(value)
    return None if name is None or name.lower() in _NO_NAME else name


def _is_overheated(info: Info) -> bool:
    """Return whether the firmware slowed itself down (`overheat` until 2.1.9)."""
    return any(
        bool(parse_number(info.get(key))) or parse_bool(info.get(key)) is True
        for key in ("overheat_mode", "overheat")
    )


def _uses_fallback(info: Info) -> bool | None:
    """Return the only flag that reports the pool in use (0/1 in all versions)."""
    return parse_bool(info.get("isUsingFallbackStratum"))


def _is_connected(value: Any) -> bool | None:
    """Return whether a ``poolConnectionInfo`` (since 2.13) is a connection."""
    text = parse_text(value)
    return None if text is None else text in _CONNECTED


def _lost_its_pools(info: Info, pools: Iterable[PoolSlot]) -> bool:
    """Return whether a miner that does not hash waits for a pool.

    2.15 powers its chips down while no pool can be reached and says nothing about
    it but the hashrate of zero; ``miningPaused`` stays false.
    """
    states = [pool.alive for pool in pools if pool.active]
    return "pools" in info or (bool(states) and all(alive is False for alive in states))


def _monitored_chips(info: Info) -> tuple[Info, ...]:
    """Return the chips of ``hashrateMonitor`` (AxeOS 2.11); total is in GH/s.

    One that is given in another way keeps its place.
    """
    monitor = info.get("hashrateMonitor")
    chips = monitor.get("asics") if isinstance(monitor, dict) else None
    if not isinstance(chips, list):
        return ()
    return tuple(chip if isinstance(chip, dict) else {} for chip in chips)


def _reject_reasons(info: Info) -> tuple[tuple[str, int], ...]:
    """Return what the pool said to refused shares, and how often (AxeOS 2.6).

    The words are the pool's own: a wallet that it quotes is cut out.
    """
    reasons = info.get("sharesRejectedReasons")
    return tuple(
        (_LONG_WORD.sub("...", text), number)
        for reason in (reasons if isinstance(reasons, list) else ())
        if isinstance(reason, dict)
        and (text := parse_text(reason.get("message"))) is not None
        and (number := axeos.count(reason, "count")) is not None
    )


def _chip_temperatures(info: Info) -> tuple[float | None, ...]:
    """Return the °C of the two sensors, nothing where none has a reading.

    BitForge's `temp` is the average of its two, and wrong when one is missing.
    """
    for keys in (("chiptemp1", "chiptemp2"), ("temp", "temp2")):
        temperatures = tuple(axeos.temperature(info, key) for key in keys)
        if any(temperatures):
            return temperatures
    return ()


def _fan_speed(info: Info) -> float | None:
    """Return percent.

    `fanSpeed` is percent on BitForge, which reports the rpm as well, but rpm in
    AxeOS 2.0.
    """
    if "chiptemp1" in info or "fanrpm" in info:
        return axeos.percent(info, "fanspeed", "fanSpeed")
    return axeos.percent(info, "fanspeed")


def _fan_rpm(info: Info, known: int) -> tuple[int | None, ...]:
    """Return rpm under the names that the firmwares gave it over time."""
    if "fanrpm" in info:
        return axeos.fan_rpm(info, "fanrpm", "fan2rpm", known=known)
    if "fanSpeedRpm" in info:
        return axeos.fan_rpm(info, "fanSpeedRpm")
    return axeos.fan_rpm(info, "fanSpeed") if "chiptemp1" not in info else ()


def _input_voltage(info: Info) -> float | None:
    """Return mV at the input; stock LuckyMiner firmware has a name of its own."""
    return axeos.positive(info, "voltage", "voltagei")


def _input_current(info: Info) -> float | None:
    """Return mA at the input.

    Boards with a TPS546 report the chips' side as ``current``; only where it
    fits to voltage and power is it the input's.
    """
    current, power = axeos.positive(info, "current"), axeos.positive(info, "power")
    voltage = _input_voltage(info)
    if current is None or voltage is None or power is None:
        return None
    return current if abs(voltage * current / 1e6 - power) < power / 10 else None


def _shares(info: Info, kind: str) -> int | None:
    """Return the shares since the boot, with those of a second pool.

    Firmwares with two simultaneous pools count the second one's apart: Hammer and
    SerpentXSF report pool A's as ``sharesAccepted`` (system.c).
    """
    shares = axeos.count(info, f"shares{kind}")
    if shares is None:
        return None
    return shares + (axeos.count(info, f"poolBShares{kind}") or 0)


def _best(info: Info, *keys: str) -> float | None:
    """Return a difficulty: text with a suffix before 2.11, a number since."""
    for key in keys:
        if (number := parse_compact(info.get(key))) is not None and number >= 0:
            return number
    return None


# --- pools ---------------------------------------------------------------------------


def _raw_slots(info: Info) -> dict[int, Info]:
    """Return the entries of ``pools`` (AxeOS 2.15) by their id."""
    pools = info.get("pools")
    if not isinstance(pools, list):
        return {}
    slots: dict[int, Info] = {}
    for position, entry in enumerate(pools):
        if isinstance(entry, dict):
            number = parse_int(entry.get("id"))
            slots[position if number is None else number] = entry
    return slots


def _configured(info: Info) -> dict[int, PoolSlot]:
    """Return the pools as configured now, by slot; empty slots are left out."""
    if slots_told := _raw_slots(info):
        entries = {index: (entry, "stratum") for index, entry in slots_told.items()}
    else:
        entries = {_PRIMARY: (info, "stratum"), _FALLBACK: (info, "fallbackStratum")}
    slots: dict[int, PoolSlot] = {}
    for index, (entry, prefix) in entries.items():
        url = axeos.pool_address(entry.get(prefix + "URL"), entry.get(prefix + "Port"))
        if url is not None:
            user = parse_text(entry.get(prefix + "User"))
            slots[index] = PoolSlot(index=index, url=url, user=user)
    return slots


def _second_pool(info: Info, index: int) -> PoolSlot | None:
    """Return the pool that a fork mines at beside the first, None without one.

    It has a fallback of its own; the two forks name it differently.
    """
    flags = ("poolBIsUsingFailover", "poolBUsingFailover")
    if any(parse_bool(info.get(key)) for key in flags):
        prefixes: tuple[str, ...] = ("poolBFallback", "poolBFb", "poolB")
    else:
        prefixes = ("poolB",)
    for prefix in prefixes:
        url = axeos.pool_address(info.get(f"{prefix}Url"), info.get(f"{prefix}Port"))
        if url is None:
            continue
        active = parse_bool(info.get("dualEnable")) is True
        alive = parse_bool(info.get("poolBConnected"))
        if alive is None:
            alive = _is_connected(info.get("poolBConnectionInfo"))
        return PoolSlot(
            index=index,
            url=url,
            user=parse_text(info.get(f"{prefix}User")),
            active=active,
            alive=alive if active else None,
        )
    return None


def _chosen(info: Info) -> _Chosen:
    """Return which slots are primary and secondary.

    Where an index is missing it is the slot with the address of the flat keys,
    which mirror the two.
    """
    if not _raw_slots(info):
        return _Chosen(_PRIMARY, _FALLBACK)
    return _Chosen(
        _slot(info, "primaryPoolIndex", "stratum"),
        _slot(info, "secondaryPoolIndex", "fallbackStratum"),
    )


def _slot(info: Info, key: str, prefix: str) -> int | None:
    """Return the slot that an index or else the flat keys name."""
    if (index := parse_int(info.get(key))) is not None:
        return index
    url = axeos.pool_address(info.get(prefix + "URL"), info.get(prefix + "Port"))
    if url is None:
        return None
    return next(
        (slot.index for slot in _configured(info).values() if slot.url == url), None
    )


def _transport(old: Info, endpoint: Endpoint) -> dict[str, Any]:
    """Return encryption and protocol for a new pool, where the firmware has them.

    ``stratumTLS``: 0 none, 1 with the built-in certificates. Raises InvalidValue
    when encryption is requested and the firmware has none.
    """
    patch: dict[str, Any] = {}
    moved = (
        axeos.pool_address(old.get("stratumURL"), old.get("stratumPort"))
        != endpoint.address
    )
    if "stratumTLS" in old:
        encrypted = bool(parse_int(old.get("stratumTLS")))
        if endpoint.tls and not encrypted:
            patch["stratumTLS"] = 1
        elif encrypted and moved and not endpoint.tls:
            patch["stratumTLS"] = 0
    elif endpoint.tls:
        raise InvalidValue(
            "The miner's firmware cannot encrypt", reason="pool_tls_missing"
        )
    if moved and parse_text(old.get("stratumProtocol")) not in (None, "SV1"):
        patch["stratumProtocol"] = "SV1"
    return patch
