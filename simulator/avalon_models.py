"""What the Avalon models are made of: chips, modes, commands, version strings.

Modes and strings come from recorded replies where there is one (Nano 3 levels 1 and
2, Nano 3S mode 2, Q mode 0 and super, Mini 3 one mode); the wattage and voltage of the
other modes, the number of chips of the Mini 3 and the option list of the Nano 3 are
estimates that only have to be believable.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from .physics import Silicon

type Version = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """One work mode (Nano 3: work level)."""

    watts: int
    """Power target: MPO and the first figure of ATA, not a measurement."""
    target: int
    """Chip temperature target, °C (TarT)."""
    frequency: float
    """Mean MHz."""
    volts: int
    """Set voltage as the firmware prints it: mV (3S), V x 100 (Q, Mini 3), a code
    (Nano 3)."""
    plls: tuple[int, int, int, int]
    """The four PLL frequencies, MHz (SF0)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model as its API shows it."""

    name: str
    version: Version
    """VERSION[0] up to DNA and MAC, which are the device's own."""
    firmware: str
    driver: str
    """cgminer's name of the device: STATS[0].ID is this and a 0."""
    oui: str | None
    """First half of the MAC; None: `version` has no MAC."""
    core: str
    silicon: Silicon
    """At the frequency and voltage of the strongest mode."""
    modes: Mapping[int, Mode]
    mode: int
    """The mode that it comes with."""
    mode_option: str
    """The `ascset` option that sets the mode."""
    levels: tuple[int, int] = (0, 0)
    """Range of `worklevel` where the mode is something else."""
    options: tuple[str, ...]
    """What `ascset|0,help` lists."""
    nonce_mask: int = 25
    works_per_second: int = 776
    quoted: bool = False
    """Whether STATS has the keys "MM ID0:Summary" and "HBinfo"."""
    litestats: bool = True
    reboot_all: bool = False
    """Whether `reboot,all` is understood; else the argument is 0 to 300 seconds."""
    setpool_severity: str | None = None
    hashed_login: bool = False
    """Whether `setpool` wants "ff0000ff" and 24 hex digits of the sha256."""


_SOURCE_OPTIONS = (
    "help voltage fan-spd ledmode ledset lcd nightlamp wallpaper hash-sn-read"
    " volt-adjust-switch workmode worklevel work_mode_lvl reboot filter-clean facopts"
    " faclock frequency loop password qr_auth"
)
_Q_OPTIONS = (
    "help voltage fan-spd lcd hash-sn-read hash-sn-write volt-tuning workmode"
    " worklevel work_mode_lvl reboot softon softoff filter-clean facopts faclock"
    " activate solo-allowed frequency loop password qr_auth time"
)

NANO_3 = Model(
    name="nano3",
    version={
        "CGMiner": "4.11.1",
        "API": "3.7",
        "PROD": "Avalonnano",
        "MODEL": "nano3",
        "HWTYPE": "PMMv1_X1",
        "SWTYPE": "MM318_X2",
        "VERSION": "24071801_42c628d",
        "HVERSION": "24071801_b906c52_6223725",
    },
    firmware="24071801_42c628d",
    driver="AVANANO",
    oui=None,
    core="A3198S",
    silicon=Silicon(
        chips=10,
        small_cores=708,
        frequency=592.5,
        voltage=344,
        core_watts=119.5,
        base_watts=5,
        heat=0.343,
        max_rpm=7700,
    ),
    modes={
        0: Mode(
            watts=60, target=80, frequency=312.5, volts=310, plls=(100, 293, 313, 333)
        ),
        1: Mode(
            watts=90, target=85, frequency=452.4, volts=324, plls=(100, 441, 461, 481)
        ),
        2: Mode(
            watts=125, target=90, frequency=592.5, volts=344, plls=(100, 568, 588, 608)
        ),
    },
    mode=2,
    mode_option="worklevel",
    options=("help", "fan-spd", "led", "lcd", "worklevel", "reboot", "wifi"),
    nonce_mask=1,
    works_per_second=25,
    litestats=False,
    reboot_all=True,
    setpool_severity="I",
    hashed_login=True,
)

NANO_3S = Model(
    name="nano3s",
    version={
        "CGMiner": "4.11.1",
        "API": "3.7",
        "PROD": "Avalon Nano3s",
        "MODEL": "Nano3s",
        "HWTYPE": "N_MM1v1_X1",
        "SWTYPE": "MM319",
        "LVERSION": "25021401_56abae7",
        "BVERSION": "25021401_56abae7",
        "CGVERSION": "25021401_56abae7",
    },
    firmware="25021401_56abae7",
    driver="AVALON",
    oui="E0:E1:A9",
    core="A3197S",
    silicon=Silicon(
        chips=12,
        small_cores=1216,
        frequency=450.95,
        voltage=3704,
        core_watts=126.5,
        base_watts=6,
        heat=0.274,
        max_rpm=4780,
    ),
    modes={
        0: Mode(
            watts=62, target=80, frequency=225.0, volts=3480, plls=(198, 215, 234, 253)
        ),
        1: Mode(
            watts=100, target=85, frequency=350.0, volts=3612, plls=(320, 338, 357, 377)
        ),
        2: Mode(
            watts=133,
            target=90,
            frequency=450.95,
            volts=3704,
            plls=(420, 438, 459, 480),
        ),
    },
    mode=2,
    mode_option="workmode",
    options=tuple(_SOURCE_OPTIONS.split()),
)

MINI_3 = Model(
    name="mini3",
    version={
        "CGMiner": "4.11.1",
        "API": "3.7",
        "PROD": "Avalon Mini3",
        "MODEL": "Mini3",
        "HWTYPE": "M_MM1v1_X1",
        "SWTYPE": "MM319",
        "LVERSION": "25011701_3f53b19",
        "BVERSION": "25011701_3f53b19",
        "CGVERSION": "25011701_3f53b19",
        "MCUVERSION": "Mini3_hb_v1.0",
    },
    firmware="25011701_3f53b19",
    driver="AVALON",
    oui="E0:E1:A9",
    core="A3197S",
    silicon=Silicon(
        chips=120,
        small_cores=1216,
        frequency=265.0,
        voltage=2085,
        core_watts=806,
        base_watts=15,
        heat=0.073,
        max_rpm=3000,
    ),
    modes={
        0: Mode(
            watts=800, target=75, frequency=265.0, volts=2085, plls=(235, 255, 275, 295)
        ),
        1: Mode(
            watts=800, target=75, frequency=265.0, volts=2085, plls=(235, 255, 275, 295)
        ),
        2: Mode(
            watts=500, target=70, frequency=180.0, volts=1980, plls=(150, 170, 190, 210)
        ),
    },
    mode=1,
    mode_option="workmode",
    levels=(-1, 0),
    options=tuple(_SOURCE_OPTIONS.split()),
)

Q = Model(
    name="q",
    version={
        "CGMiner": "4.11.1",
        "API": "3.7",
        "PROD": "Avalon Q",
        "MODEL": "Q",
        "HWTYPE": "Q_MM1v1_X1",
        "SWTYPE": "MM319",
        "LVERSION": "25052801_14a19a2",
        "BVERSION": "25052801_14a19a2",
        "CGVERSION": "25052801_14a19a2",
        "HBMCUVERSION": "Q_hb_v1.1",
        "FANMCUVERSION": "Q_fb_v1.2",
    },
    firmware="25052801_14a19a2",
    driver="AVALON",
    oui="00:E0:4C",
    core="A3197S",
    silicon=Silicon(
        chips=160,
        small_cores=1216,
        frequency=490.0,
        voltage=2424,
        core_watts=1650,
        base_watts=17,
        heat=0.0305,
        max_rpm=3184,
    ),
    modes={
        0: Mode(
            watts=800,
            target=65,
            frequency=282.86,
            volts=2264,
            plls=(258, 276, 297, 318),
        ),
        1: Mode(
            watts=1300,
            target=70,
            frequency=416.0,
            volts=2380,
            plls=(390, 408, 429, 450),
        ),
        2: Mode(
            watts=1600,
            target=75,
            frequency=490.0,
            volts=2424,
            plls=(466, 484, 505, 526),
        ),
    },
    mode=0,
    mode_option="workmode",
    options=tuple(_Q_OPTIONS.split()),
    works_per_second=525,
    quoted=True,
)

MODELS: Mapping[str, Model] = {
    model.name: model for model in (NANO_3, NANO_3S, MINI_3, Q)
}
