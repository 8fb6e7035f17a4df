"""Tuning profiles of HMM-Local as profiles of HMM."""

from collections.abc import Iterable, Iterator

from ..driver_api.units import parse_text
from ..languages import Language
from ..markdown import Markdown, escape
from ..miner.profiles import LONGEST_NAME, Settings, TuningProfile, is_name
from .local_api import LocalProfile

# What HMM-Local called modes that have their firmware's name here
_MODES = {"med": "medium", "std": "standard"}

_MAX_VOLTAGE = 2000
"""mV: what is above was read from the power supply, not from the chips."""


def as_table(profiles: Iterable[LocalProfile], language: Language) -> Markdown:
    """Return the rows of a Markdown table: name, kind, and what is taken over."""
    return Markdown(
        "\n".join(
            "| "
            + " | ".join(
                (
                    escape(profile.name),
                    escape(profile.kind),
                    f"{language.short(profile.frequency)} MHz"
                    if profile.frequency
                    else "–",
                    f"{language.short(voltage)} mV"
                    if (voltage := _voltage(profile))
                    else "–",
                    escape(profile.mode or "–"),
                )
            )
            + " |"
            for profile in profiles
        )
    )


def as_profiles(
    profiles: Iterable[LocalProfile],
) -> Iterator[tuple[str, TuningProfile]]:
    """Yield what each profile sets, with the type of its driver.

    What of it a miner can be set to is known when it adopts one.
    """
    for profile in profiles:
        name = (parse_text(profile.name) or "")[:LONGEST_NAME].strip()
        settings: Settings = {}
        if profile.frequency:
            settings["frequency"] = profile.frequency
            if (voltage := _voltage(profile)) is not None:
                settings["core_voltage"] = voltage
        if profile.mode:
            settings["mode"] = _MODES.get(profile.mode, profile.mode)
        if settings and is_name(name):
            yield (
                profile.kind,
                TuningProfile(name=name, source="hmm_local", settings=settings),
            )


def _voltage(profile: LocalProfile) -> float | None:
    """Return mV of the chips, None where those of the power supply were saved."""
    voltage = profile.voltage
    return voltage if voltage and voltage <= _MAX_VOLTAGE else None
