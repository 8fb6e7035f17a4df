"""Price lists that an integration keeps in another entity than that of the price."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er


@dataclass(frozen=True, slots=True, kw_only=True)
class _Companions:
    """Entities whose unique ids are that of the price with one part exchanged.

    ``lists`` is the attribute of each that holds prices, in the order of the days.
    """

    domain: str
    part: str
    others: tuple[str, ...]
    lists: str
    with_own: bool = False
    """Whether the state is the present price, and its list has only later ones."""


_COMPANIONS: Mapping[str, _Companions] = {
    "octopus_energy": _Companions(
        domain="event",
        part="_current_rate",
        others=("_current_day_rates", "_next_day_rates"),
        lists="rates",
    ),
    "entsoe": _Companions(
        domain="sensor", part="current_price", others=("avg_price",), lists="prices"
    ),
    "amberelectric": _Companions(
        domain="sensor",
        part="-current-",
        others=("-forecasts-",),
        lists="forecasts",
        with_own=True,
    ),
}


def _of(
    hass: HomeAssistant, entity_id: str
) -> tuple[_Companions, tuple[str, ...]] | None:
    registry = er.async_get(hass)
    entity = registry.async_get(entity_id)
    rule = _COMPANIONS.get(entity.platform) if entity is not None else None
    if entity is None or rule is None or rule.part not in entity.unique_id:
        return None
    ids = (
        registry.async_get_entity_id(
            rule.domain, entity.platform, entity.unique_id.replace(rule.part, other)
        )
        for other in rule.others
    )
    return rule, tuple(entity_id for entity_id in ids if entity_id is not None)


@callback
def companions(hass: HomeAssistant, entity_id: str) -> tuple[str, ...]:
    """Return the entities that hold prices ahead for a price."""
    rule_and_ids = _of(hass, entity_id)
    return () if rule_and_ids is None else rule_and_ids[1]


@callback
def kept_elsewhere(hass: HomeAssistant, entity_id: str) -> Iterator[Mapping[str, Any]]:
    """Yield their lists as attributes of which the second follows the first."""
    if (rule_and_ids := _of(hass, entity_id)) is None:
        return
    rule, entities = rule_and_ids
    states = [hass.states.get(id_) for id_ in entities]
    lists = [state.attributes.get(rule.lists) for state in states if state is not None]
    if rule.with_own and (own := hass.states.get(entity_id)) is not None:
        lists.insert(0, [own.attributes])
    if lists:
        yield dict(zip(("raw_today", "raw_tomorrow"), lists, strict=False))
