"""What the energy settings of Home Assistant already know of the house."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from homeassistant.core import HomeAssistant

from .keys import (
    CONF_BATTERY,
    CONF_BATTERY_POSITIVE_IS,
    CONF_BATTERY_SOC,
    CONF_EXPORT,
    CONF_METER,
    CONF_METER_KIND,
    CONF_POSITIVE_IS,
    METER_GRID,
    METER_TWO,
    POSITIVE_CHARGE,
    POSITIVE_DISCHARGE,
    POSITIVE_EXPORT,
    POSITIVE_IMPORT,
)

_ENERGY: Final = "energy"


async def async_sources(hass: HomeAssistant) -> list[Mapping[str, Any]]:
    """Return the sources of the energy dashboard, none where it is not set up."""
    if _ENERGY not in hass.config.components:
        return []
    # Not every Home Assistant has it
    from homeassistant.components.energy.data import async_get_manager

    data = (await async_get_manager(hass)).data
    return [] if data is None else [dict(source) for source in data["energy_sources"]]


def _powers(sources: list[Mapping[str, Any]], kind: str) -> Iterator[Mapping[str, Any]]:
    """Return how each source of a kind measures its power."""
    for source in sources:
        if source.get("type") == kind:
            for row in (source, *source.get("power", ())):
                yield row.get("power_config") or row


def meter_of(sources: list[Mapping[str, Any]]) -> dict[str, str]:
    """Return a meter as the dialog stores it, empty if none is known."""
    for power in _powers(sources, "grid"):
        if "stat_rate_from" in power:
            return {
                CONF_METER_KIND: METER_TWO,
                CONF_METER: power["stat_rate_from"],
                CONF_EXPORT: power["stat_rate_to"],
            }
        for key, sign in (
            ("stat_rate", POSITIVE_IMPORT),
            ("stat_rate_inverted", POSITIVE_EXPORT),
        ):
            if key in power:
                return {
                    CONF_METER_KIND: METER_GRID,
                    CONF_METER: power[key],
                    CONF_POSITIVE_IS: sign,
                }
    return {}


def battery_of(sources: list[Mapping[str, Any]]) -> dict[str, str]:
    """Return a battery as the dialog stores it, empty if none is known."""
    battery: dict[str, str] = {}
    for power in _powers(sources, "battery"):
        for key, sign in (
            ("stat_rate", POSITIVE_DISCHARGE),
            ("stat_rate_inverted", POSITIVE_CHARGE),
        ):
            if key in power and not battery:
                battery = {CONF_BATTERY: power[key], CONF_BATTERY_POSITIVE_IS: sign}
    for source in sources:
        if source.get("type") == "battery" and (soc := source.get("stat_soc")):
            return battery | {CONF_BATTERY_SOC: soc}
    return battery
