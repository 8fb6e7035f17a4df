"""The chips and the AxeOS boards they sit on (AxeOS device_config.h)."""

from dataclasses import dataclass

from .physics import Silicon

_BM1370_VOLTAGES = (1000, 1060, 1100, 1150, 1200, 1250)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asic:
    """One kind of chip and what its firmware offers for it."""

    model: str
    small_cores: int
    frequencies: tuple[int, ...]
    """Options, MHz."""
    frequency: int
    voltages: tuple[int, ...]
    """Options, mV."""
    voltage: int
    domains: int = 4


BM1397 = Asic(
    model="BM1397",
    small_cores=672,
    frequencies=(400, 425, 450, 475, 485, 500, 525, 550, 575, 600),
    frequency=425,
    voltages=(1100, 1150, 1200, 1250, 1300, 1350, 1400, 1450, 1500),
    voltage=1400,
    domains=1,
)
BM1366 = Asic(
    model="BM1366",
    small_cores=894,
    frequencies=(400, 425, 450, 475, 485, 500, 525, 550, 575),
    frequency=485,
    voltages=(1100, 1150, 1200, 1250, 1300),
    voltage=1200,
)
BM1368 = Asic(
    model="BM1368",
    small_cores=1276,
    frequencies=(400, 425, 450, 475, 485, 490, 500, 525, 550, 575),
    frequency=490,
    voltages=(1100, 1150, 1166, 1200, 1250, 1300),
    voltage=1166,
)
BM1370 = Asic(
    model="BM1370",
    small_cores=2040,
    frequencies=(400, 490, 525, 550, 600, 625),
    frequency=525,
    voltages=_BM1370_VOLTAGES,
    voltage=1150,
)
BM1370_XP = Asic(
    model="BM1370",
    small_cores=2040,
    frequencies=(350, 375, 380, 400, 410),
    frequency=400,
    voltages=_BM1370_VOLTAGES,
    voltage=1150,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One AxeOS board."""

    family: str
    """`deviceModel` of /api/system/asic."""
    version: str
    """`boardVersion`."""
    asic: Asic
    chips: int = 1
    core_watts: float
    base_watts: float = 2.5
    nominal_voltage: int = 5
    max_power: int
    ina260: bool = False
    """Measures at the input. Otherwise a TPS546 measures the core side and the
    firmware adds `power_offset` W to get at the input's power."""
    power_offset: float = 5.0
    vr_sensor: bool = True
    sensors: int = 1
    fans: int = 1
    swarm_color: str

    def silicon(self) -> Silicon:
        """Give the physics of this board."""
        return Silicon(
            chips=self.chips,
            small_cores=self.asic.small_cores,
            frequency=self.asic.frequency,
            voltage=self.asic.voltage,
            core_watts=self.core_watts,
            base_watts=self.base_watts,
            # A cooler that fits: about 40 % fan at the default operating point.
            heat=20 / self.core_watts,
        )


BOARDS = {
    "max": Board(
        family="Max",
        version="102",
        asic=BM1397,
        core_watts=9.5,
        max_power=25,
        ina260=True,
        vr_sensor=False,
        swarm_color="red",
    ),
    "ultra": Board(
        family="Ultra",
        version="204",
        asic=BM1366,
        core_watts=9.5,
        max_power=25,
        ina260=True,
        vr_sensor=False,
        swarm_color="purple",
    ),
    "supra": Board(
        family="Supra",
        version="401",
        asic=BM1368,
        core_watts=11.0,
        max_power=40,
        ina260=True,
        vr_sensor=False,
        swarm_color="blue",
    ),
    "gamma": Board(
        family="Gamma",
        version="601",
        asic=BM1370,
        core_watts=14.0,
        max_power=40,
        swarm_color="green",
    ),
    "gammaduo": Board(
        family="GammaDuo",
        version="650",
        asic=BM1370_XP,
        chips=2,
        core_watts=21.0,
        max_power=40,
        sensors=2,
        swarm_color="green",
    ),
    "hex": Board(
        family="Hex",
        version="303",
        asic=BM1366,
        chips=6,
        core_watts=56.0,
        base_watts=8.0,
        nominal_voltage=12,
        max_power=90,
        power_offset=12.0,
        swarm_color="orange",
    ),
    "suprahex": Board(
        family="SupraHex",
        version="702",
        asic=BM1368,
        chips=6,
        core_watts=66.0,
        base_watts=12.0,
        nominal_voltage=12,
        max_power=120,
        power_offset=25.0,
        sensors=2,
        fans=2,
        swarm_color="orange",
    ),
    "gt": Board(
        family="GammaTurbo",
        version="801",
        asic=BM1370,
        chips=2,
        core_watts=29.0,
        base_watts=5.0,
        nominal_voltage=12,
        max_power=60,
        power_offset=10.0,
        sensors=2,
        fans=2,
        swarm_color="green",
    ),
}
