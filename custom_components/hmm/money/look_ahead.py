"""Prices that an integration reports on request alone: its response actions.

They may query a server: each day is requested once, after its prices are out, never at
the full hour, and less often while it fails.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
import logging
import random
from typing import Any

from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from .slots import MAX_SLOTS, Slots, agree, slots_of

_LOGGER = logging.getLogger(__name__)

_PUBLISHED_HOUR = 13
"""Of the market's day, when the prices of the next one are out."""

_SOON = 60.0
_AGAIN = 1800.0
_LATEST = 4 * 3600.0
_JITTER = 600.0
_TIMEOUT = 60.0

_MAX_LISTS = 20
"""Homes or areas in one response."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Action:
    """How the prices of a day are requested from one integration."""

    name: str
    data: Callable[[str, date], Mapping[str, Any]]
    scale: float = 1.0
    """By what its values are multiplied to be those of its sensor."""
    variants: tuple[Mapping[str, Any], ...] = ({},)
    """With and without tax: the one that agrees with the sensor is meant."""
    zone: str | None = None
    """Where its days begin, by default here."""
    is_rolling: bool = False
    """Whether it returns the hours from now on for any day, without a server."""


def _days(_: str, day: date) -> Mapping[str, Any]:
    return {
        "start": f"{day.isoformat()}T00:00:00",
        "end": f"{(day + timedelta(days=1)).isoformat()}T00:00:00",
    }


def _one_day(entry: str, day: date) -> Mapping[str, Any]:
    return {
        "config_entry": entry,
        "start": day.isoformat(),
        "end": day.isoformat(),
    }


_WITH_TAX: tuple[Mapping[str, Any], ...] = ({"incl_vat": True}, {"incl_vat": False})

_ACTIONS: Mapping[str, _Action] = {
    # Its sensor is per kWh, its action per MWh
    "nordpool": _Action(
        name="get_prices_for_date",
        data=lambda entry, day: {"config_entry": entry, "date": day.isoformat()},
        scale=1e-3,
        zone="Europe/Brussels",
    ),
    "tibber": _Action(name="get_prices", data=_days),
    "energyzero": _Action(
        name="get_energy_prices",
        data=_one_day,
        variants=(
            *_WITH_TAX,
            *({**variant, "interval": "quarter"} for variant in _WITH_TAX),
            *({**variant, "price_type": "all_in"} for variant in _WITH_TAX),
        ),
    ),
    "easyenergy": _Action(
        name="get_energy_usage_prices", data=_one_day, variants=_WITH_TAX
    ),
    "green_planet_energy": _Action(
        name="get_prices",
        data=lambda entry, _: {"config_entry_id": entry, "hours": 24},
        is_rolling=True,
    ),
}


@dataclass(slots=True)
class LookAhead:
    """What the integration of a price sensor reports ahead.

    ``price_now`` returns the state of the sensor and by what it is multiplied, None
    while it has none; ``changed`` is called when there are other ``slots``.
    """

    hass: HomeAssistant
    entity_id: str
    price_now: Callable[[], tuple[float, float] | None]
    changed: Callable[[], None]
    days: dict[date, Slots] = field(default_factory=dict)
    _agreed: tuple[int, str] | None = None
    """The variant and the name of the list that agreed with the sensor."""
    _wait: float = _AGAIN
    _stop: CALLBACK_TYPE | None = None
    _task: asyncio.Task[None] | None = None

    @property
    def slots(self) -> Slots:
        """Return all that is known ahead, and the day that it is, in order.

        Some sources ignore the day that they are asked for: their lists overlap.
        """
        slots = {
            slot.start: slot for day in sorted(self.days) for slot in self.days[day]
        }
        return tuple(slots[start] for start in sorted(slots))

    @callback
    def async_start(self) -> None:
        """Request soon, if its integration has an action, and then repeatedly."""
        if self._action() is not None:
            self._fetch_in(_SOON)

    @callback
    def async_stop(self) -> None:
        """Ask no more."""
        if self._stop is not None:
            self._stop()
        if self._task is not None:
            self._task.cancel()
        self._stop = self._task = None

    def _action(self) -> tuple[_Action, er.RegistryEntry] | None:
        entity = er.async_get(self.hass).async_get(self.entity_id)
        if entity is None or (action := _ACTIONS.get(entity.platform)) is None:
            return None
        return action, entity

    @callback
    def _fetch_in(self, seconds: float) -> None:
        @callback
        def begin(_: datetime) -> None:
            self._stop = None
            self._task = self.hass.async_create_background_task(
                self._fetch(), f"HMM prices ahead of {self.entity_id}"
            )

        self._stop = async_call_later(
            self.hass,
            # So that not all installations query the same server at the same time
            seconds + random.uniform(0, _JITTER),
            HassJob(begin, "HMM prices ahead", cancel_on_shutdown=True),
        )

    async def _fetch(self) -> None:
        if (action_and_entity := self._action()) is None:
            return
        action, entity = action_and_entity
        zone = (
            action.zone and await dt_util.async_get_time_zone(action.zone)
        ) or dt_util.get_default_time_zone()
        now = dt_util.now(zone)
        today = now.date()
        wanted = [today]
        if now.hour >= _PUBLISHED_HOUR and not action.is_rolling:
            wanted.append(today + timedelta(days=1))
        before = dict(self.days)
        self.days = {
            day: slots
            for day, slots in self.days.items()
            if day >= today and not action.is_rolling
        }
        is_complete = True
        for day in wanted:
            if day not in self.days:
                is_complete &= await self._fetch_day(action, entity, day, zone)
        self._wait = _AGAIN if is_complete else min(2 * self._wait, _LATEST)
        self._task = None
        self._fetch_in(self._wait)
        if self.days != before:
            self.changed()

    async def _fetch_day(
        self, action: _Action, entity: er.RegistryEntry, day: date, zone: tzinfo
    ) -> bool:
        """Request one day; return whether its prices are known."""
        if not self.hass.services.has_service(entity.platform, action.name):
            return False
        agreed = self._agreed
        variants = range(len(action.variants)) if agreed is None else [agreed[0]]
        for variant in variants:
            try:
                async with asyncio.timeout(_TIMEOUT):
                    answer = await self.hass.services.async_call(
                        entity.platform,
                        action.name,
                        {
                            **action.data(entity.config_entry_id or "", day),
                            **action.variants[variant],
                        },
                        blocking=True,
                        return_response=True,
                    )
            except Exception as err:  # noqa: BLE001 - whatever the other integration does
                _LOGGER.debug("%s.%s: %r", entity.platform, action.name, err)
                continue
            if (reading := self.price_now()) is None:
                return False
            price, factor = reading
            lists = {
                name: slots_of(items, action.scale * factor, zone)
                for name, items in _lists(answer).items()
            }
            name = self._own_list(lists, entity.unique_id, price)
            if name is not None and (slots := lists.get(name)):
                self._agreed = variant, name
                self.days[day] = slots
                return True
        return False

    def _own_list(
        self, lists: Mapping[str, Slots], unique_id: str, price: float
    ) -> str | None:
        """Return which list is that of the sensor: it agreed of today."""
        if self._agreed is not None:
            return self._agreed[1]
        now = dt_util.utcnow()
        agreeing = [name for name, slots in lists.items() if agree(slots, price, now)]
        # Areas may have equal prices now, and others later
        return next(
            (name for name in agreeing if name in unique_id), next(iter(agreeing), None)
        )


def _lists(answer: Any) -> dict[str, list[Any]]:
    """Return the lists of an answer by the name of home or area."""
    if isinstance(answer, Mapping) and isinstance(answer.get("prices"), Mapping):
        answer = answer["prices"]
    if not isinstance(answer, Mapping):
        return {}
    return {
        str(name): items[:MAX_SLOTS]
        for name, items in list(answer.items())[:_MAX_LISTS]
        if isinstance(items, list)
    }
