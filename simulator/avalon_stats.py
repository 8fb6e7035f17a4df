"""The `KEY[value]` strings of an Avalon's `stats` and `litestats`.

Order and number formats follow the recorded replies and `avalon_api_stats()` of
Canaan-Creative/Avalon_Nano3s.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from .avalon_models import MINI_3, NANO_3, Mode, Model
from .physics import HASHES_PER_DIFFICULTY, Reading

NO_SENSOR = -273
"""What a temperature without a sensor reads."""

SYSTEM_STATES = ("In Init", "In Work", "In Idle", "In Fault")


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """An Avalon at one time. H/s, W, °C, s."""

    model: Model
    mode: int
    target: int | None
    """°C that was set by hand, None for that of the mode."""
    level: int
    dna: str
    state: int
    """Index into SYSTEM_STATES."""
    elapsed: int
    hashrate: float
    average: float
    """Since cgminer started; keeps its value while the miner idles."""
    expected: float
    frequency: float
    errors: float
    """%."""
    chip_temperatures: tuple[int, ...]
    chip_millivolts: tuple[int, ...]
    outlet: float
    ambient: float
    fan: int
    """%."""
    rpms: tuple[int, ...]
    supply: tuple[int, int, int, int, int, int, int]
    """PS[...]."""
    ping: int
    soft_off: int
    """Reason, 0: on."""
    soft_off_time: int
    soft_on_time: int
    calibrated: bool
    error_code: int
    led: tuple[int, int, int, int, int, int]
    led_mode: int
    lcd: bool
    filter_minutes: int
    solo_allowed: bool
    ssid: str
    rssi: int

    @property
    def settings(self) -> Mode:
        """The figures of the mode."""
        return self.model.modes[self.mode]

    @property
    def working(self) -> bool:
        """Whether the chips run."""
        return self.state == 1

    @property
    def hottest(self) -> int:
        """Hottest chip, °C; 0 while nothing runs."""
        return max(self.chip_temperatures) if self.working else 0

    @property
    def mean(self) -> int:
        """Mean of the chips, °C; 0 while nothing runs."""
        if not self.working:
            return 0
        return round(sum(self.chip_temperatures) / len(self.chip_temperatures))

    @property
    def hash_errors(self) -> int:
        """Wrong results since start."""
        return self.elapsed // 500


def average(reading: Reading) -> float:
    """Give the mean hashrate since cgminer started, H/s."""
    return reading.total_hashes / max(reading.uptime, 1.0)


def full(now: Snapshot) -> str:
    """Print the string of `stats`."""
    if now.model is NANO_3:
        return _nano_3(now)
    if now.model.quoted:
        return "'STATS':{" + " ".join(_q(now)) + "}"
    return " ".join(_mm319(now))


def lite(now: Snapshot) -> str:
    """Print the string of `litestats`."""
    if now.model.quoted:
        return full(now)
    build = now.model.firmware
    return (
        f"LVer[{build}] BVer[{build}] MVer[0] FW[Release] STATE[{now.state}]"
        f" MODE[{now.mode}] LEVEL[{now.level}] GHSspd[{_giga(now.hashrate):.6f}]"
        f" ITemp[{_inlet(now)}] OTemp[{now.outlet:.0f}] Limitemp[0] FanR[{now.fan}%]"
        f" Filter[{now.filter_minutes}] {_led(now)} LcdOnoff[{int(now.lcd)}]"
        f" LcdSwitch[2] LcdBright[0] ECHU[{now.error_code}] ECMM[0] SSID[{now.ssid}]"
        f" RSSI[{now.rssi}] NetDevType[1]"
    )


def boards(now: Snapshot) -> str:
    """Print the string of "HBinfo" (Q)."""
    return "'HB0':{" + " ".join(_chips(now)) + "}"


def _nano_3(now: Snapshot) -> str:
    model = now.model
    targets = " ".join(
        f"ATA{number}[{mode.watts}-{mode.target}-{mode.volts}-"
        f"{':'.join(str(pll) for pll in mode.plls)}]"
        for number, mode in sorted(model.modes.items())
    )
    parts = [
        f"HashStatus[{int(now.working)}]",
        f"Ver[{model.version['MODEL']}-{model.firmware}]",
        # Two blanks here, as recorded.
        f"HVer[{model.version['HVERSION']}]  DNA[{'0' * 16}]  HDNA[{now.dna}] ",
        "PFCnt[2]",
        "NETFAIL[0 0 0 0 0 0 0 0]",
        f"Elapsed[{now.elapsed + 11}]",
        *_works(now),
        f"Temp[{now.ambient + 17:.0f}]",
        f"OTemp[{now.outlet:.0f}]",
        *_heat(now),
        *_fans(now),
        "Vo[0]",
        *_power(now),
        *_speed(now),
        f"WU[{_work_utility(now):.2f}]",
        "Freq[0.00]",
        "Led[1]",
        *_per_board(now),
        f"TA[{model.silicon.chips}]",
        f"Core[{model.core}]",
        f"PING[{now.ping}]",
        f"SoftOFF[{now.soft_off}]",
        f"ECHU[{now.error_code}]",
        "ECMM[0]",
        *_plls(now),
        *_chips(now),
        "CRC[0]",
        targets,
        f"WORKLEVEL[{now.mode}]",
        f"MPO[{now.settings.watts}]",
        f"ADJ[{int(now.calibrated)}]",
    ]
    return " ".join(parts)


def _mm319(now: Snapshot) -> Iterable[str]:
    """Nano 3S and Mini 3."""
    model = now.model
    mini = model is MINI_3
    if mini:
        yield "HashStatus[0]"
    yield f"Ver[{model.version['MODEL']}-{model.firmware}]"
    yield f"LVer[{model.firmware}]"
    yield f"BVer[{model.firmware}]"
    if mini:
        yield f"Mcu0Ver[{model.version['MCUVERSION']}]"
    yield "FW[Release]"
    if not mini:
        yield _led(now)
        yield f"LcdOnoff[{int(now.lcd)}]"
        yield "LcdSwitch[2]"
    yield f"DNA[{now.dna}]"
    yield "MEMFREE[62908]"
    if not mini:
        yield "PFCnt[1]"
    yield "NETFAIL[0 0 0 0 0 0 0 0]"
    yield from _system(now)
    yield from _works(now)
    yield f"ITemp[{_inlet(now)}]"
    yield f"OTemp[{now.outlet:.0f}]"
    if mini:
        yield f"HBTemp[{now.outlet + 12:.0f}]"
    yield from _heat(now)
    yield from _fans(now)
    yield from _power(now)
    if mini:
        yield "PCOMM_E[0]"
    yield from _speed(now)
    yield f"WU[{_work_utility(now):.2f}]"
    yield f"Freq[{now.frequency:.2f}]"
    yield from _per_board(now)
    yield from _tail(now)
    yield from _plls(now)
    yield from _chips(now)
    yield "CRC[0]"
    yield "COMCRC[0]"
    yield _auto_tune(now)
    if mini:
        yield f"LcdOnoff[{int(now.lcd)}]"
    yield from _mode(now)


def _q(now: Snapshot) -> Iterable[str]:
    model = now.model
    yield f"Ver[Q-{model.firmware}]"
    yield f"LVer[{model.firmware}]"
    yield f"BVer[{model.firmware}]"
    yield f"HashMcu0Ver[{model.version['HBMCUVERSION']}]"
    yield f"FanMcuVer[{model.version['FANMCUVERSION']}]"
    yield "CPU[K230]"
    yield "FW[Release]"
    yield f"DNA[{now.dna}]"
    yield f"STATE[{now.state}]"
    yield "MEMFREE[67952]"
    yield "NETFAIL[0 0 0 0 0 0 0 0]"
    yield f"SSID[{now.ssid}]"
    yield f"RSSI[{now.rssi}]"
    yield "NetDevType[1]"
    yield from _system(now)
    yield from _works(now)
    yield f"ITemp[{_inlet(now)}]"
    yield f"HBITemp[{now.outlet:.0f}]"
    yield f"HBOTemp[{now.outlet + 3 * now.working:.0f}]"
    yield from _heat(now)
    yield from _fans(now)
    yield f"SoftOffTime[{now.soft_off_time}]"
    yield f"SoftOnTime[{now.soft_on_time}]"
    yield f"Filter[{now.filter_minutes}]"
    yield "FanErr[0]"
    yield f"SoloAllowed[{int(now.solo_allowed)}]"
    yield from _power(now)
    yield "PCOMM_E[0]"
    yield from _speed(now)
    yield f"WU[{_work_utility(now):.2f}]"
    yield f"Freq[{now.frequency:.2f}]"
    yield f"MGHS[{_giga(now.average):.2f}]"
    yield from _tail(now)
    yield from _plls(now)
    yield "CRC[0]"
    yield "COMCRC[0]"
    yield _auto_tune(now)
    yield f"LcdOnoff[{int(now.lcd)}]"
    yield "Activation[0]"
    yield from _mode(now)
    yield "Nonce Mask[25]"


def _giga(value: float) -> float:
    return value / 1e9


def _work_utility(now: Snapshot) -> float:
    """Difficulty-1 shares a minute."""
    return now.average * 60 / HASHES_PER_DIFFICULTY


def _inlet(now: Snapshot) -> str:
    if now.model.oui == "E0:E1:A9" and now.model is not MINI_3:
        return str(NO_SENSOR)
    return f"{now.ambient + (9 if now.working else 3):.0f}"


def _led(now: Snapshot) -> str:
    return f"LED[{now.led_mode}-0] LEDUser[{'-'.join(str(part) for part in now.led)}]"


def _system(now: Snapshot) -> Iterable[str]:
    yield f"SYSTEMSTATU[Work: {SYSTEM_STATES[now.state]}, Hash Board: 1]"
    yield f"Elapsed[{now.elapsed + 14}]"
    yield "BOOTBY[0x01.00000000]"


def _works(now: Snapshot) -> Iterable[str]:
    yield f"LW[{now.elapsed * now.model.works_per_second}]"
    yield f"MH[{now.hash_errors}]"
    yield "DHW[0]"
    yield f"HW[{now.hash_errors}]"
    yield f"DH[{now.errors:.3f}%]"


def _heat(now: Snapshot) -> Iterable[str]:
    yield f"TMax[{now.hottest}]"
    yield f"TAvg[{now.mean}]"
    yield f"TarT[{now.target or now.settings.target}]"


def _fans(now: Snapshot) -> Iterable[str]:
    for number, rpm in enumerate(now.rpms, 1):
        yield f"Fan{number}[{rpm}]"
    yield f"FanR[{now.fan}%]"


def _power(now: Snapshot) -> Iterable[str]:
    yield f"PS[{' '.join(str(figure) for figure in now.supply)}]"


def _speed(now: Snapshot) -> Iterable[str]:
    errors = now.errors if now.working else 0.0
    yield f"GHSspd[{_giga(now.hashrate):.2f}]"
    yield f"DHspd[{errors:.3f}%]"
    yield f"GHSmm[{_giga(now.expected):.2f}]"
    yield f"GHSavg[{_giga(now.average):.2f}]"


def _per_board(now: Snapshot) -> Iterable[str]:
    yield f"MGHS[{_giga(now.average):.2f}]"
    yield f"MTmax[{now.hottest}]"
    yield f"MTavg[{now.mean}]"


def _tail(now: Snapshot) -> Iterable[str]:
    yield f"TA[{now.model.silicon.chips}]"
    yield f"Core[{now.model.core}]"
    yield f"BIN[{36 if now.model.quoted else 0}]"
    yield f"PING[{now.ping}]"
    yield f"SoftOFF[{now.soft_off}]"
    yield f"ECHU[{now.error_code}]"
    yield "ECMM[0]"


def _plls(now: Snapshot) -> Iterable[str]:
    # How many cores run at which of the four frequencies: most at the upper two.
    cores = now.model.silicon.chips * 152
    split = (cores // 5, cores // 5, 2 * cores // 5, cores // 5)
    yield f"PLL0[{' '.join(str(part) for part in split)}]"
    yield f"SF0[{' '.join(str(pll) for pll in now.settings.plls)}]"


def _chips(now: Snapshot) -> Iterable[str]:
    # Right-aligned to three places, so the list begins with a blank.
    yield f"PVT_T0[{' '.join(f'{t:3d}' for t in now.chip_temperatures)}]"
    yield f"PVT_V0[{' '.join(str(volts) for volts in now.chip_millivolts)}]"
    works = now.elapsed // 33
    yield f"MW0[{' '.join(str(works + t % 7) for t in now.chip_temperatures)}]"


def _auto_tune(now: Snapshot) -> str:
    mode = now.settings
    if not now.calibrated:
        return f"ATA{now.mode}[]"
    step = mode.plls[1] - mode.plls[0]
    return (
        f"ATA{now.mode}[{mode.watts}-{mode.target}-{mode.volts}-{mode.plls[0]}-{step}]"
    )


def _mode(now: Snapshot) -> Iterable[str]:
    yield f"WORKMODE[{now.mode}]"
    yield f"WORKLEVEL[{now.level}]"
    yield f"MPO[{now.settings.watts}]"
    yield "CALIALL[7]"
    yield f"ADJ[{int(now.calibrated)}]"
    if not now.calibrated:
        yield "BAR[40]"
