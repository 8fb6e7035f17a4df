"""Tuning profiles of HMM-Local as scripts of Home Assistant, for the user to paste.

Not applied by themselves: HMM-Local never set the voltage of a profile, so that a
miner has run at its own all along.
"""

from collections.abc import Iterable
from dataclasses import dataclass
import json

from homeassistant.components.number import DOMAIN as NUMBER_DOMAIN
from homeassistant.components.select import DOMAIN as SELECT_DOMAIN
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er

from ..const import CONF_DRIVER, DOMAIN
from ..data import get_data
from ..driver_api import TuningLimits
from ..driver_engine.profile import MinerProfile
from ..markdown import Markdown, escape
from .local_api import LocalProfile

# What HMM-Local called modes that have their firmware's name here
_MODES = {"med": "medium", "std": "standard"}


@dataclass(frozen=True, slots=True)
class _Step:
    """One value for some entities; ``asks`` is for what only the user may want."""

    action: str
    key: str
    value: str
    entities: tuple[str, ...]
    asks: bool = False

    def lines(self) -> list[str]:
        """Return it as YAML, behind # where it is not to happen by itself."""
        lines = [
            f"  - action: {self.action}",
            "    target:",
            "      entity_id:",
            *(f"        - {entity}" for entity in self.entities),
            "    data:",
            f"      {self.key}: {self.value}",
        ]
        return [f"#{line}" for line in lines] if self.asks else lines


def as_table(profiles: Iterable[LocalProfile]) -> Markdown:
    """Return the rows of a Markdown table: name, kind, MHz, mV that never were set."""
    return Markdown(
        "\n".join(
            "| "
            + " | ".join(
                (
                    escape(profile.name),
                    escape(profile.kind),
                    f"{profile.frequency:g} MHz" if profile.frequency else "-",
                    f"{profile.voltage:g} mV" if profile.voltage else "-",
                    escape(profile.mode or "-"),
                )
            )
            + " |"
            for profile in profiles
        )
    )


@callback
def as_scripts(
    hass: HomeAssistant,
    profiles: Iterable[LocalProfile],
    entries: Iterable[ConfigEntry],
) -> Markdown:
    """Return a script per profile that fits a miner, as blocks of YAML in Markdown.

    A script sets the frequency or the mode of those miners of its kind that allow
    it. The voltage is in it behind #, and only where the miner itself lists it.
    """
    profile_of = get_data(hass).profiles.get
    miners = [
        (entry, profile_of(entry.entry_id) or MinerProfile()) for entry in entries
    ]
    blocks = []
    for profile in profiles:
        steps = _steps(
            er.async_get(hass),
            profile,
            [it for it in miners if it[0].data[CONF_DRIVER] == profile.kind],
        )
        # One that would only hold a comment does nothing
        if any(not step.asks for step in steps):
            lines = [
                f"alias: {json.dumps(profile.name, ensure_ascii=False)}",
                "sequence:",
                *(line for step in steps for line in step.lines()),
            ]
            blocks.append("```yaml\n" + "\n".join(lines) + "\n```")
    return Markdown("\n\n".join(blocks))


def _steps(
    registry: er.EntityRegistry,
    profile: LocalProfile,
    miners: list[tuple[ConfigEntry, MinerProfile]],
) -> list[_Step]:
    """Return what a profile sets, in the order in which it is safe."""
    frequency: list[str] = []
    voltage: list[str] = []
    modes: dict[str, list[str]] = {}

    def add(to: list[str], miner: ConfigEntry, platform: str, key: str) -> None:
        unique_id = f"{miner.unique_id}_{key}"
        if entity_id := registry.async_get_entity_id(platform, DOMAIN, unique_id):
            to.append(entity_id)

    for miner, known in miners:
        limits = known.tuning or TuningLimits()
        if (
            profile.frequency is not None
            and (range_ := limits.frequency) is not None
            and range_.minimum <= profile.frequency <= range_.maximum
        ):
            add(frequency, miner, NUMBER_DOMAIN, "set_frequency")
        if (
            profile.voltage is not None
            and (range_ := limits.core_voltage) is not None
            and profile.voltage in range_.options
        ):
            add(voltage, miner, NUMBER_DOMAIN, "set_core_voltage")
        if profile.mode is not None:
            for mode in (profile.mode, _MODES.get(profile.mode)):
                if mode in known.modes:
                    add(modes.setdefault(mode, []), miner, SELECT_DOMAIN, "mode")
                    break
    steps = []
    if voltage:
        steps.append(
            _Step(
                "number.set_value",
                "value",
                f"{profile.voltage:g}",
                tuple(voltage),
                asks=True,
            )
        )
    if frequency:
        steps.append(
            _Step(
                "number.set_value", "value", f"{profile.frequency:g}", tuple(frequency)
            )
        )
    steps += [
        _Step(
            "select.select_option",
            "option",
            json.dumps(mode, ensure_ascii=False),
            tuple(entities),
        )
        for mode, entities in modes.items()
        if entities
    ]
    return steps
