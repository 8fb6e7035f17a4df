"""The thermostat of a heating: what its owner has set, kept in the strategy's record."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from homeassistant.components.climate import (
    PRESET_AWAY,
    PRESET_BOOST,
    PRESET_COMFORT,
    PRESET_ECO,
    PRESET_NONE,
)

from ..driver_api.units import parse_number
from ..stored import BROKEN, instant
from .keys import CONF_BOOST_TIME
from .records import StrategyRecord

LOWEST_TARGET: Final = 5.0
HIGHEST_TARGET: Final = 28.0
DEFAULTS: Final = {
    PRESET_ECO: 18.0,
    PRESET_COMFORT: 20.5,
    PRESET_BOOST: 22.0,
    PRESET_AWAY: 15.0,
}
"""The target of each preset in °C."""
BOOST_MINUTES: Final = 60
SHORTEST_BOOST: Final = 15
LONGEST_BOOST: Final = 240
_LONGEST_BOOST: Final = timedelta(minutes=LONGEST_BOOST)

_ON = "on"
_TARGET = "target"
_PRESET = "preset"
_BEFORE = "before"
_BOOST_ENDS = "boost_ends"


class Heating:
    """Mode, target and preset of one heating; temperatures are in °C.

    A new one heats to comfort. What is stored is read with care: a file may be damaged.
    """

    def __init__(self, record: StrategyRecord, data: Mapping[str, Any]) -> None:
        """Read what was set before, and the presets that are stored."""
        self._record, self._data = record, data

    @property
    def is_on(self) -> bool:
        """Return whether it heats at all."""
        return self._record.climate.get(_ON) is not False

    @property
    def preset(self) -> str:
        """Return the preset, ``none`` where a temperature was set."""
        return self._valid_preset(self._record.climate.get(_PRESET))

    @property
    def target(self) -> float:
        """Return the temperature that it heats to."""
        if (preset := self.preset) != PRESET_NONE:
            return self.presets[preset]
        target = parse_number(self._record.climate.get(_TARGET))
        return _limited(DEFAULTS[PRESET_COMFORT] if target is None else target)

    @property
    def presets(self) -> dict[str, float]:
        """Return the target of each preset."""
        given = {key: parse_number(self._data.get(key)) for key in DEFAULTS}
        return {
            key: _limited(DEFAULTS[key] if value is None else value)
            for key, value in given.items()
        }

    @property
    def boost_ends(self) -> datetime | None:
        """Return when a boost ends."""
        if self.preset != PRESET_BOOST:
            return None
        try:
            return instant(self._record.climate.get(_BOOST_ENDS))
        except BROKEN:
            return None

    @staticmethod
    def _valid_preset(preset: object) -> str:
        names = (*DEFAULTS, PRESET_NONE)
        return preset if isinstance(preset, str) and preset in names else PRESET_COMFORT

    def switch(self, on: bool) -> None:
        """Heat, or leave the miners to other strategies."""
        self._set(**{_ON: on})

    def set_target(self, target: float) -> None:
        """Heat to a temperature, regardless of the presets."""
        self._set(**{_TARGET: _limited(target), _PRESET: PRESET_NONE})

    def choose(self, preset: str, now: datetime) -> None:
        """Heat to a preset; a boost ends automatically, and leads back."""
        before = self.preset
        changes: dict[str, Any] = {_PRESET: preset}
        if preset == PRESET_NONE:
            changes[_TARGET] = self.target
        elif preset == PRESET_BOOST:
            minutes = parse_number(self._data.get(CONF_BOOST_TIME)) or BOOST_MINUTES
            minutes = min(max(minutes, SHORTEST_BOOST), LONGEST_BOOST)
            changes[_BOOST_ENDS] = (now + timedelta(minutes=minutes)).isoformat()
            if before != PRESET_BOOST:
                changes[_BEFORE] = before
        self._set(**changes)

    def wanted(self, now: datetime) -> float | None:
        """Return the target of now, None while it does not heat; end a boost."""
        if self.preset == PRESET_BOOST:
            ends = self.boost_ends
            # A clock that was set back must not prolong it
            if ends is None or not now < ends <= now + _LONGEST_BOOST:
                before = self._valid_preset(self._record.climate.get(_BEFORE))
                is_boost = before == PRESET_BOOST
                self._set(**{_PRESET: PRESET_COMFORT if is_boost else before})
        return self.target if self.is_on else None

    def _set(self, **changes: Any) -> None:
        self._record.climate = {**self._record.climate, **changes}


def _limited(target: float) -> float:
    return min(max(target, LOWEST_TARGET), HIGHEST_TARGET)
