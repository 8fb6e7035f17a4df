"""What is known of a miner beyond one poll: who it is and what it can do."""

from dataclasses import asdict, dataclass, field, fields
from operator import attrgetter
from typing import Any, Final, Self

from ..driver_api import (
    BaseMinerAdapter,
    DeviceFacts,
    MinerTelemetry,
    TuningLimits,
    TuningRange,
)
from .answers import read_facts, read_limits, read_modes

_TELEMETRY = frozenset(f.name for f in fields(MinerTelemetry)) - {"device"}
_FACTS = tuple(f.name for f in fields(DeviceFacts))
steady_values: Final = attrgetter(
    *("device", "mode", "frequency", "core_voltage", "target_temperature"),
    *("fan_auto", "pools", "paused", "problems"),
)
"""Returns of a poll what changes rarely: what a device can do depends on it if on any."""
_ABILITIES = (
    "pause",
    "restart",
    "identify",
    "set_pool",
    "select_pool",
    "filter_reset",
    "fan_auto",
    "light",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MinerProfile:
    """The lasting features of one miner.

    It is remembered, so that a miner that is switched off when Home Assistant
    starts still has its entities.
    """

    facts: DeviceFacts = field(default_factory=DeviceFacts)
    telemetry: frozenset[str] = frozenset()
    """Names of the telemetry fields that the device ever sent."""
    modes: tuple[str, ...] = ()
    pause: bool = False
    restart: bool = False
    identify: bool = False
    set_pool: bool = False
    select_pool: bool = False
    filter_reset: bool = False
    fan_auto: bool = False
    light: bool = False
    light_effects: tuple[str, ...] = ()
    tuning: TuningLimits | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the profile as JSON types."""
        return {
            **asdict(self),
            "telemetry": sorted(self.telemetry),
            "modes": list(self.modes),
            "light_effects": list(self.light_effects),
        }

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Self:
        """Return a stored profile; what a newer version added has its default.

        It has the limits of what a driver answers. Raises AttributeError, TypeError or
        ValueError for what no profile was stored as.
        """
        tuning = {
            name: _build(
                TuningRange, {**limits, "options": tuple(limits.get("options", ()))}
            )
            if isinstance(limits, dict)
            else limits
            for name, limits in (stored.get("tuning") or {}).items()
        }
        return cls(
            facts=read_facts(_build(DeviceFacts, stored.get("facts") or {})),
            telemetry=frozenset(stored.get("telemetry", ())) & _TELEMETRY,
            modes=read_modes(stored.get("modes")),
            light_effects=read_modes(stored.get("light_effects")),
            tuning=read_limits(_build(TuningLimits, tuning)) if tuning else None,
            **{name: stored.get(name) is True for name in _ABILITIES},
        )


def read_profile(
    driver: BaseMinerAdapter,
    facts: DeviceFacts,
    telemetry: MinerTelemetry,
    before: MinerProfile | None,
) -> MinerProfile:
    """Return what a connected driver reports that its device can do.

    Telemetry fields only grow: a value that is temporarily missing (no job
    yet, a sensor that fails) must not take its entity away. Nor is a fact forgotten
    that is not reported now: some firmwares know no MAC while they boot.
    """
    previous = before.telemetry if before else frozenset()
    new = new_fields(telemetry, before)
    return MinerProfile(
        facts=merge_facts(before.facts if before else None, facts, telemetry.device),
        telemetry=previous | new if new else previous,
        modes=read_modes(driver.get_supported_modes()),
        light_effects=read_modes(driver.get_light_effects()),
        tuning=_read_tuning(driver.get_tuning_limits(), before),
        **{name: bool(getattr(driver, f"supports_{name}")()) for name in _ABILITIES},
    )


def new_fields(telemetry: MinerTelemetry, before: MinerProfile | None) -> set[str]:
    """Return the names of the fields that a device reports for the first time."""
    return {
        name
        for name in (_TELEMETRY - before.telemetry if before else _TELEMETRY)
        if (value := getattr(telemetry, name)) is not None and value != ()
    }


def _read_tuning(answer: Any, before: MinerProfile | None) -> TuningLimits | None:
    """Return what may be tuned; the same as before has been read before."""
    if before is not None and type(answer) is TuningLimits and answer == before.tuning:
        return before.tuning
    return read_limits(answer)


def merge_facts(*facts: DeviceFacts | None) -> DeviceFacts:
    """Return each fact as the newest answer has it that has it; the oldest is first."""
    newest_first = [answer for answer in reversed(facts) if answer is not None]
    return DeviceFacts(
        **{
            name: next(
                (value for facts in newest_first if (value := getattr(facts, name))),
                None,
            )
            for name in _FACTS
        }
    )


def _build[T](kind: type[T], stored: dict[str, Any]) -> T:
    """Make a data class from stored values, leaving out unknown keys."""
    names = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    return kind(**{key: value for key, value in stored.items() if key in names})
