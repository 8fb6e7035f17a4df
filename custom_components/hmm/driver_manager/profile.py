"""What is known of a miner beyond one poll: who it is and what it can do."""

from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from ..driver_api import (
    BaseMinerAdapter,
    DeviceFacts,
    MinerTelemetry,
    TuningLimits,
    TuningRange,
)
from .answers import read_limits, read_modes


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
    tuning: TuningLimits | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the profile as JSON types."""
        return {
            **asdict(self),
            "telemetry": sorted(self.telemetry),
            "modes": list(self.modes),
        }

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Self:
        """Return a stored profile; what a newer version added has its default."""
        known = {f.name for f in fields(cls)}
        values = {key: value for key, value in stored.items() if key in known}
        values["facts"] = _build(DeviceFacts, values.get("facts") or {})
        values["telemetry"] = frozenset(values.get("telemetry", ()))
        values["modes"] = tuple(values.get("modes", ()))
        if tuning := values.get("tuning"):
            values["tuning"] = TuningLimits(
                **{
                    name: _build(
                        TuningRange,
                        {**limits, "options": tuple(limits.get("options", ()))},
                    )
                    for name, limits in tuning.items()
                    if limits
                }
            )
        return cls(**values)


def read_profile(
    driver: BaseMinerAdapter,
    facts: DeviceFacts,
    telemetry: MinerTelemetry,
    before: MinerProfile | None,
) -> MinerProfile:
    """Return what a connected driver says that its device can do.

    Telemetry fields only grow: a value that is missing for a moment (no job
    yet, a sensor that fails) must not take its entity away.
    """
    seen = {
        f.name
        for f in fields(telemetry)
        if getattr(telemetry, f.name) not in (None, ()) and f.name != "device"
    }
    return MinerProfile(
        facts=merge_facts(facts, telemetry.device),
        telemetry=frozenset(seen | (before.telemetry if before else frozenset())),
        modes=read_modes(driver.get_supported_modes()),
        pause=bool(driver.supports_pause()),
        restart=bool(driver.supports_restart()),
        identify=bool(driver.supports_identify()),
        set_pool=bool(driver.supports_set_pool()),
        select_pool=bool(driver.supports_select_pool()),
        tuning=read_limits(driver.get_tuning_limits()),
    )


def merge_facts(facts: DeviceFacts, newer: DeviceFacts | None) -> DeviceFacts:
    """Return facts with everything that a newer answer says."""
    if newer is None:
        newer = DeviceFacts()
    return DeviceFacts(
        **{
            f.name: getattr(newer, f.name) or getattr(facts, f.name)
            for f in fields(DeviceFacts)
        }
    )


def _build[T](kind: type[T], stored: dict[str, Any]) -> T:
    """Make a data class from stored values, leaving out unknown keys."""
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    return kind(**{key: value for key, value in stored.items() if key in known})
