"""The dialog of a champion."""

from collections.abc import Iterator
from typing import Any, override

from homeassistant.config_entries import ConfigSubentry, SubentryFlowResult
from homeassistant.util import dt as dt_util
import voluptuous as vol

from ..flow_tools import choice, ending, number_field, words_field
from ..markdown import escaping
from .flow import Texts
from .history import price_limits
from .keys import (
    CONF_ABOVE,
    CONF_BAND,
    CONF_BAND_ID,
    CONF_BAND_NAME,
    CONF_BAND_OF,
    CONF_BANDS,
    CONF_MINERS,
    CONF_PRICE_ENTITY,
    CONF_PRICE_UNIT,
    CONF_REPLACE_AFTER,
    CONF_RESERVE,
    CONF_RUNG,
)
from .members import entries_of
from .planner.champion import ordered
from .planner.model import HIGHEST, LOWEST, NORMAL, OFF, Inputs
from .planner.settings import ChampionSettings
from .preview import views_of
from .price_flow import StrategyPriceSteps, price_field
from .words import number, price_text, words_of

CONF_FOLLOW = "follow"
_OWN = "own"
_FEWEST_MINERS = 2


@ending
@escaping
class ChampionFlow(StrategyPriceSteps):
    """Adds and changes a champion."""

    kind = "champion"
    steps = ("when", "choice", "timing")
    has_tariffs = False

    @override
    def _take_who(self, given: dict[str, Any]) -> tuple[Texts, Texts]:
        errors, texts = super()._take_who(given)
        if not errors and len(entries_of(self.hass, given.get(CONF_MINERS, []))) < (
            _FEWEST_MINERS
        ):
            return {CONF_MINERS: "one_miner"}, {}
        return errors, texts

    # When power is dear

    @property
    def _bands(self) -> Iterator[tuple[ConfigSubentry, dict[str, Any]]]:
        """Return the bands of all strategies, the dearest of each first."""
        for subentry in self._get_entry().subentries.values():
            for band in reversed(subentry.data.get(CONF_BANDS, ())):
                yield subentry, band

    def _band(self) -> tuple[ConfigSubentry, dict[str, Any]] | None:
        """Return the band that is followed, None if there is none or it was removed."""
        of, band_id = self._data.get(CONF_BAND_OF), self._data.get(CONF_BAND)
        return next(
            (
                (subentry, band)
                for subentry, band in self._bands
                if (subentry.subentry_id, band[CONF_BAND_ID]) == (of, band_id)
            ),
            None,
        )

    async def async_step_when(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask whether it has a limit of its own or follows a band."""
        word = words_of(self.hass, "strategy_follow")
        choices = {_OWN: word(_OWN)} | {
            f"{subentry.subentry_id} {band[CONF_BAND_ID]}": word(
                "band", band=band[CONF_BAND_NAME], strategy=subentry.title
            )
            for subentry, band in self._bands
        }
        if len(choices) == 1:
            return await self.async_step_price()
        if user_input is not None:
            follow = user_input[CONF_FOLLOW]
            if follow == _OWN:
                return await self.async_step_price()
            of, _, band_id = follow.partition(" ")
            for key in (CONF_ABOVE, CONF_PRICE_ENTITY, CONF_PRICE_UNIT):
                self._data.pop(key, None)
            self._name_entity(CONF_PRICE_ENTITY, None)
            self._data |= {CONF_BAND_OF: of, CONF_BAND: band_id}
            return await self._after("when")
        follow = _OWN
        if (followed := self._band()) is not None:
            follow = f"{followed[0].subentry_id} {followed[1][CONF_BAND_ID]}"
        return self._show_form(
            "when",
            {vol.Required(CONF_FOLLOW): choice(choices)},
            {CONF_FOLLOW: follow},
        )

    @override
    async def _price_is_right(self) -> SubentryFlowResult:
        return await self.async_step_limit()

    async def async_step_limit(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask from which price on power is dear."""
        unit = self._reading.unit
        if user_input is not None:
            self._data.pop(CONF_BAND, None)
            self._data.pop(CONF_BAND_OF, None)
            self._data |= user_input | {CONF_PRICE_UNIT: unit}
            return await self._after("when")
        above = self._data.get(CONF_ABOVE)
        if above is None or self._data.get(CONF_PRICE_UNIT) != unit:
            entity_id = self._data[CONF_PRICE_ENTITY]
            _, above = await price_limits(self.hass, entity_id, self._reading)
        return self._show_form(
            "limit",
            {vol.Required(CONF_ABOVE): price_field(unit)},
            {CONF_ABOVE: above},
        )

    # Who runs then

    async def async_step_choice(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask what the champion and the others do, and when it is replaced."""
        return await self._ask_order(
            "choice",
            user_input,
            {
                vol.Required(CONF_RUNG, default=LOWEST): words_field(
                    "strategy_rung", LOWEST, NORMAL, HIGHEST, long=True
                ),
                vol.Required(CONF_RESERVE, default=OFF): words_field(
                    "strategy_rung", OFF, LOWEST
                ),
                vol.Required(CONF_REPLACE_AFTER, default=6): number_field(3, 30, "min"),
            },
        )

    @override
    async def _preview(self) -> str:
        word = words_of(self.hass, "strategy_preview")
        if (followed := self._band()) is not None:
            subentry, band = followed
            when = word("in_band", band=band[CONF_BAND_NAME], strategy=subentry.title)
        else:
            unit = self._data[CONF_PRICE_UNIT]
            above = price_text(self.hass, self._data[CONF_ABOVE], unit)
            when = word("above", price=above)
        views = views_of(self.hass, self._members)
        inputs = Inputs(dt_util.utcnow(), miners=tuple(views))
        settings = ChampionSettings.from_dict(self._data)
        best = next(iter(ordered(settings, inputs)), None)
        if best is None or best.efficiency is None:
            who = word("no_champion")
        else:
            entry = self.hass.config_entries.async_get_entry(best.id)
            who = word(
                "champion",
                miner="–" if entry is None else entry.title,
                efficiency=f"{number(self.hass, best.efficiency, 1)} J/TH",
            )
        rest = words_of(self.hass, "strategy_rung")(self._data[CONF_RESERVE])
        return f"{when} {who} {word('others', rung=rest)}"
