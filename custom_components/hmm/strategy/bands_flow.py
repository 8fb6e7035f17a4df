"""The dialog of price bands."""

from collections.abc import Iterable
from typing import Any, override
from uuid import uuid4

from homeassistant.config_entries import SubentryFlowResult
from homeassistant.helpers.selector import TextSelector
import voluptuous as vol

from ..data import get_data, pool_entries
from ..flow_tools import choice, ending, number_field, words_field
from ..languages import home_language
from ..markdown import Markdown, escape, escaping, inert
from ..miner.coordinator import MinerCoordinator
from ..miner.profiles import folded
from .explain import rung_text
from .flow import Texts, rung_selector
from .history import price_limits
from .keys import (
    BY_HOURS,
    BY_PRICE,
    BY_STATES,
    CONF_BAND_ID,
    CONF_BAND_NAME,
    CONF_BANDS,
    CONF_BY,
    CONF_CHEAPEST,
    CONF_FALLBACK,
    CONF_MODELS,
    CONF_POOL,
    CONF_PRICE_ENTITY,
    CONF_PRICE_UNIT,
    CONF_RUNG,
    CONF_STATES,
    CONF_UPTO,
    FALLBACK_BAND,
    FALLBACK_KEEP,
    FALLBACK_OFF,
    LONGEST_NAME,
    MIN_BANDS,
    POOL_LEAVE,
    RUNG_PER_MODEL,
)
from .planner.model import HIGHEST, LEAVE, LOWEST, NORMAL, PLAIN_RUNGS
from .planner.settings import MAX_BANDS, BandsSettings, SettingsError
from .preview import async_preview_text
from .price_flow import StrategyPriceSteps, price_field
from .prices import tariff_states
from .words import price_text, words_of

CONF_NEXT = "next"
CONF_TEMPLATE = "template"

_CONTINUE = "continue"
_ADD = "add"
_EDIT = "edit_"
_DELETE = "delete_"

_THREE = "three"
_TWO = "two"
_HOURS = "hours"
_SIX = "six"
_STATES = "states"
_EMPTY = "empty"

_CHEAPEST_HOURS = 6
_PENCE = (0, 5, 10, 20, 30)
"""The limits that HMM-Local begins with, in hundredths of the currency."""

_MAX_STATES = 50

type Band = dict[str, Any]


def _rung_of(band: Band) -> str:
    """Return what was chosen as the rung of a band."""
    return RUNG_PER_MODEL if band.get(CONF_MODELS) else str(band[CONF_RUNG])


@ending
@escaping
class BandsFlow(StrategyPriceSteps):
    """Adds and changes price bands."""

    kind = "price_bands"
    steps = ("price", "bands_start", "bands", "timing")
    not_changed = ("bands_start",)

    def __init__(self) -> None:
        """Begin without a band in hand."""
        super().__init__()
        self._edited: Band = {}
        self._place: int | None = None
        """Where the band in hand was, None for a new one."""
        self._models: list[tuple[str, str, list[str]]] = []
        """What is still to be entered: key, name and modes of a model."""

    async def _price_is_right(self) -> SubentryFlowResult:
        is_other = (
            self._data.get(CONF_PRICE_UNIT) != self._reading.unit
            or (self._reading.state is None) is (self._by == BY_STATES)
            or (self._by == BY_HOURS and not self._reading.slots)
        )
        self._data[CONF_PRICE_UNIT] = self._reading.unit
        if CONF_BANDS in self._data and is_other:
            # The limits are in a unit that the new sensor does not have
            del self._data[CONF_BANDS]
        if CONF_BANDS in self._data:
            if self._own is not None:
                return await self._after("price")
            return await self.async_step_bands()
        return await self.async_step_bands_start()

    # A first list

    async def async_step_bands_start(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask what the list begins with."""
        errors: Texts = {}
        templates = [_STATES] if self._reading.state is not None else [_THREE, _TWO]
        if self._reading.state is None:
            templates += [_HOURS, _SIX]
        if user_input is not None:
            template = user_input[CONF_TEMPLATE]
            if template == _HOURS and not self._reading.slots:
                errors = {CONF_TEMPLATE: "rank_needs_prices"}
            else:
                await self._begin_with(template)
                return await self.async_step_bands()
        return self._show_form(
            "bands_start",
            {
                vol.Required(CONF_TEMPLATE, default=templates[0]): words_field(
                    "strategy_template", *templates, _EMPTY
                )
            },
            user_input or {},
            errors,
        )

    async def _begin_with(self, template: str) -> None:
        word = words_of(self.hass, "strategy_band")
        bands: list[Band] = []
        by = BY_STATES if self._reading.state is not None else BY_PRICE

        def add(name: str, rung: str, **values: Any) -> None:
            bands.append(
                {
                    CONF_BAND_ID: uuid4().hex[:8],
                    CONF_BAND_NAME: name,
                    CONF_RUNG: rung,
                    **values,
                }
            )

        if template in (_THREE, _TWO):
            low, high = await price_limits(
                self.hass, self._data[CONF_PRICE_ENTITY], self._reading
            )
            if template == _THREE:
                add(word("cheap"), HIGHEST, **{CONF_UPTO: low})
            add(word("normal"), NORMAL, **{CONF_UPTO: high})
            add(word("expensive"), LOWEST)
        elif template == _HOURS:
            by = BY_HOURS
            add(word("cheap"), HIGHEST, **{CONF_CHEAPEST: _CHEAPEST_HOURS})
            add(word("rest"), LOWEST)
        elif template == _SIX:
            rungs = (*2 * (HIGHEST,), *2 * (NORMAL,), *2 * (LOWEST,))
            limits = [round(pence / 100 / self._reading.factor, 6) for pence in _PENCE]
            for place, rung in enumerate(rungs):
                limit = {CONF_UPTO: limits[place]} if place < len(limits) else {}
                add(word("numbered", number=place + 1), rung, **limit)
        elif template == _STATES:
            states = tariff_states(self.hass, self._data[CONF_PRICE_ENTITY])
            for state in states[:MAX_BANDS]:
                add(inert(state)[:LONGEST_NAME], NORMAL, **{CONF_STATES: [state]})
        self._data[CONF_BY], self._data[CONF_BANDS] = by, bands

    # The list

    async def async_step_bands(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Show the bands, and let the user choose which to change."""
        errors: Texts = {}
        texts: Texts = {}
        if user_input is not None:
            following = user_input[CONF_NEXT]
            if following == _CONTINUE:
                errors, texts = self._check_bands()
                if not errors:
                    if self._data.get(CONF_FALLBACK) not in self._fallbacks:
                        # A new one has none yet, or its band is gone
                        self._data[CONF_FALLBACK] = FALLBACK_KEEP
                    return await self._after("bands")
            elif following == _ADD:
                if len(self._bands) < MAX_BANDS:
                    self._place = None
                    self._edited = {CONF_BAND_ID: uuid4().hex[:8]}
                    return await self.async_step_band()
                errors = {CONF_NEXT: "band_count"}
            elif following.startswith(_EDIT):
                self._place = int(following.removeprefix(_EDIT))
                self._edited = dict(self._bands[self._place])
                return await self.async_step_band()
            else:
                del self._bands[int(following.removeprefix(_DELETE))]
        word = words_of(self.hass, "strategy_next")
        choices = {_CONTINUE: word(_CONTINUE), _ADD: word(_ADD)}
        for place, band in enumerate(self._bands):
            choices[f"{_EDIT}{place}"] = word("edit", band=band[CONF_BAND_NAME])
            choices[f"{_DELETE}{place}"] = word("delete", band=band[CONF_BAND_NAME])
        return self._show_form(
            "bands",
            {vol.Required(CONF_NEXT, default=_CONTINUE): choice(choices)},
            {},
            errors,
            {
                "a": "",
                "b": "",
                "low": str(MIN_BANDS),
                "high": str(MAX_BANDS),
                **texts,
                "bands": self._table(),
            },
        )

    @property
    def _bands(self) -> list[Band]:
        bands: list[Band] = self._data[CONF_BANDS]
        return bands

    @property
    def _by(self) -> str:
        return str(self._data.get(CONF_BY, BY_PRICE))

    @property
    def _limit(self) -> str:
        """Return which field of a band holds its limit."""
        limits = {BY_HOURS: CONF_CHEAPEST, BY_STATES: CONF_STATES}
        return limits.get(self._by, CONF_UPTO)

    def _check_bands(self) -> tuple[Texts, Texts]:
        """Return what is wrong with the list as a whole."""
        try:
            BandsSettings.from_dict({CONF_BANDS: self._bands})
        except SettingsError as err:
            texts = {key: str(value) for key, value in err.values.items()}
            return {CONF_NEXT: err.key}, texts
        return {}, {}

    def _sort(self) -> None:
        if self._by != BY_STATES:
            # The one without a limit is the last; by rank they follow as entered
            self._bands.sort(
                key=lambda band: (self._limit not in band, band.get(CONF_UPTO, 0))
            )

    def _table(self) -> Markdown:
        rungs = words_of(self.hass, "strategy_rung")
        lines = [
            f"- **{escape(band[CONF_BAND_NAME])}** {escape(self._ends(band))}: "
            f"{escape(rungs(_rung_of(band)))}"
            for band in self._bands
        ]
        return Markdown("\n".join(lines) or "–")

    def _ends(self, band: Band) -> str:
        """Return in words for what a band is."""
        word = words_of(self.hass, "strategy_limit")
        if (limit := band.get(self._limit)) is None:
            return word("above")
        if self._by == BY_STATES:
            return ", ".join(limit)
        if self._by == BY_HOURS:
            return word("cheapest", hours=home_language(self.hass).short(limit))
        unit = self._data[CONF_PRICE_UNIT]
        return word("upto", price=price_text(self.hass, limit, unit))

    # One band

    async def async_step_band(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Prompt for one band."""
        errors: Texts = {}
        texts: Texts = {"a": "", "b": "", "name": self._edited.get(CONF_BAND_NAME, "")}
        if user_input is not None:
            band = self._band_of(user_input)
            errors, details = self._check_band(band)
            texts |= details
            if not errors:
                self._edited = band
                if band[CONF_RUNG] == RUNG_PER_MODEL:
                    band[CONF_RUNG] = LEAVE
                    self._models = self._find_models()
                else:
                    band.pop(CONF_MODELS, None)
                return await self._next_model()
        pools = {POOL_LEAVE: words_of(self.hass, "strategy_pool")(POOL_LEAVE)} | {
            pool.entry_id: pool.title for pool in pool_entries(self.hass)
        }
        fields: dict[vol.Marker, Any] = {
            vol.Required(CONF_BAND_NAME): TextSelector(),
            **self._limit_field(),
            vol.Required(CONF_RUNG, default=NORMAL): rung_selector(per_model=True),
            vol.Required(CONF_POOL, default=POOL_LEAVE): choice(pools, long=True),
        }
        suggested = user_input or (
            {
                **self._edited,
                CONF_RUNG: _rung_of(self._edited),
                CONF_POOL: self._edited.get(CONF_POOL) or POOL_LEAVE,
            }
            if CONF_RUNG in self._edited
            else {}
        )
        return self._show_form("band", fields, suggested, errors, texts)

    def _limit_field(self) -> dict[vol.Marker, Any]:
        if self._by == BY_STATES:
            states = tariff_states(self.hass, self._data[CONF_PRICE_ENTITY])
            return {
                vol.Required(CONF_STATES): choice(
                    dict(zip(states, states, strict=True)),
                    multiple=True,
                    long=True,
                    custom=True,
                )
            }
        if self._by == BY_HOURS:
            return {vol.Optional(CONF_CHEAPEST): number_field(1, 23, "h")}
        return {vol.Optional(CONF_UPTO): price_field(self._data[CONF_PRICE_UNIT])}

    def _band_of(self, given: dict[str, Any]) -> Band:
        name = inert(given[CONF_BAND_NAME])[:LONGEST_NAME].strip()
        band = {
            **given,
            CONF_BAND_ID: self._edited[CONF_BAND_ID],
            CONF_BAND_NAME: name,
        }
        if band.pop(CONF_POOL) != POOL_LEAVE:
            band[CONF_POOL] = given[CONF_POOL]
        if CONF_STATES in band:
            states = [state[:LONGEST_NAME] for state in band[CONF_STATES]]
            band[CONF_STATES] = states[:_MAX_STATES]
        if CONF_MODELS in self._edited:
            band[CONF_MODELS] = self._edited[CONF_MODELS]
        return band

    def _check_band(self, band: Band) -> tuple[Texts, Texts]:
        """Return what is wrong with a band, beside the others."""
        others = [
            other for place, other in enumerate(self._bands) if place != self._place
        ]
        name, limit = band[CONF_BAND_NAME], band.get(self._limit)
        if not name or any(
            folded(other[CONF_BAND_NAME]) == folded(name) for other in others
        ):
            return {CONF_BAND_NAME: "band_name_taken"}, {}
        for other in others:
            theirs = other.get(self._limit)
            if self._by == BY_STATES:
                if set(limit or ()) & set(theirs or ()):
                    return {CONF_STATES: "states_overlap"}, {}
            elif limit is None and theirs is None:
                return {self._limit: "no_top_band"}, {}
            elif limit == theirs and self._by == BY_PRICE:
                first = other[CONF_BAND_NAME]
                return {self._limit: "limits_order"}, {"a": first, "b": name}
        return {}, {}

    # Models

    def _find_models(self) -> list[tuple[str, str, list[str]]]:
        """Return each model among the miners once, with what it can be set to."""
        miners: Iterable[MinerCoordinator | None] = (
            get_data(self.hass).fleet.miners.get(entry_id) for entry_id in self._members
        )
        return list(
            {
                miner.tuning.model_key: (
                    miner.tuning.model_key,
                    miner.tuning.model or miner.config_entry.title,
                    [
                        *(f"mode:{mode}" for mode in miner.tuning.modes),
                        *(
                            f"profile:{profile.name}"
                            for profile in miner.tuning.profiles
                        ),
                    ],
                )
                for miner in miners
                if miner is not None
            }.values()
        )[:64]

    async def _next_model(self) -> SubentryFlowResult:
        """Prompt for the next model, or put the band into the list."""
        if self._models:
            return await self.async_step_band_model()
        if self._place is None:
            self._bands.append(self._edited)
        else:
            self._bands[self._place] = self._edited
        self._sort()
        return await self.async_step_bands()

    async def async_step_band_model(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Prompt for the mode of one model."""
        key, model, modes = self._models[0]
        if user_input is not None:
            rungs = {**self._edited.get(CONF_MODELS, {}), key: user_input[CONF_RUNG]}
            self._edited[CONF_MODELS] = rungs
            del self._models[0]
            return await self._next_model()
        word = words_of(self.hass, "strategy_rung")
        stored = self._edited.get(CONF_MODELS, {}).get(key, NORMAL)
        choices = {rung: word(rung) for rung in PLAIN_RUNGS}
        choices |= {mode: rung_text(self.hass, mode) for mode in modes}
        return self._show_form(
            "band_model",
            {vol.Required(CONF_RUNG): choice(choices, long=True)},
            {CONF_RUNG: stored},
            {},
            {"model": model, "band": self._edited[CONF_BAND_NAME]},
        )

    # Timing

    @property
    def _fallbacks(self) -> dict[str, str]:
        """Return what may be done without a price, in words."""
        word = words_of(self.hass, "strategy_fallback")
        return {rung: word(rung) for rung in (FALLBACK_KEEP, FALLBACK_OFF)} | {
            f"{FALLBACK_BAND}_{band[CONF_BAND_ID]}": word(
                "band", band=band[CONF_BAND_NAME]
            )
            for band in self._bands
        }

    @property
    @override
    def _fallback(self) -> dict[vol.Marker, Any]:
        field = choice(self._fallbacks, long=True)
        return {vol.Required(CONF_FALLBACK, default=FALLBACK_KEEP): field}

    async def _preview(self) -> str:
        return await async_preview_text(self.hass, self._data, self._members)
