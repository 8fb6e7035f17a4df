"""The steps that take over the rules of HMM-Local, one after the other."""

from types import MappingProxyType
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry, ConfigFlowResult, ConfigSubentry
from homeassistant.helpers.selector import BooleanSelector
from homeassistant.util import dt as dt_util
import voluptuous as vol

from ..const import CONF_PLUG
from ..data import fleet_entry
from ..fleet.failover_runner import CONF_FAILOVER_MODE, CONF_FAILOVER_POOLS, MODES
from ..flow_tools import QueueSteps, async_shared_data, free_title, words_field
from ..strategy.keys import (
    CONF_MINERS,
    CONF_PRICE_ENTITY,
    CONF_START,
    START_DRY_RUN,
    START_STEER,
)
from ..strategy.members import first_taken
from ..strategy.price_flow import price_entity_field
from ..strategy.prices import PRICE_DOMAINS, fleet_price_entity, read_price
from .local_api import HmmLocal
from .takeover import Offer, PriceChoice, Takeover, Translator, listed

CONF_TAKE: Final = "take"
_NONE = "–"


class RulesSteps(QueueSteps):
    """Shows each rule in words, and takes over what its owner wants."""

    _local: HmmLocal

    def __init__(self) -> None:
        """Start with nothing taken."""
        super().__init__()
        self._takeover = Takeover()
        self._place = 0
        self._taken: list[Offer] = []

    async def async_step_import_rules(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Prompt for the price that limits refer to, then those for each offer."""
        if fleet_entry(self.hass) is None:
            return self.async_abort(reason="rules_need_miners")
        if not self._local.rules.bands:
            return await self._begin_rules(None)
        errors: dict[str, str] = {}
        unit = _NONE
        if user_input is not None:
            if not (entity_id := user_input.get(CONF_PRICE_ENTITY)):
                return await self._begin_rules(None)
            reading = read_price(self.hass, entity_id, dt_util.utcnow())
            if reading.problem is None and reading.shown is not None:
                return await self._begin_rules(
                    PriceChoice(entity_id=entity_id, reading=reading)
                )
            errors[CONF_PRICE_ENTITY] = reading.problem or "price_unavailable"
            unit = reading.unit or _NONE
        usual = fleet_price_entity(self.hass)
        schema = vol.Schema(
            {
                vol.Optional(CONF_PRICE_ENTITY): price_entity_field(
                    self.hass, *PRICE_DOMAINS
                )
            }
        )
        return self.async_show_form(
            step_id="import_rules",
            data_schema=self.add_suggested_values_to_schema(
                schema, user_input or {CONF_PRICE_ENTITY: usual}
            ),
            errors=errors,
            description_placeholders={
                "currency": self.hass.config.currency,
                "unit": unit,
            },
        )

    async def _begin_rules(self, price: PriceChoice | None) -> ConfigFlowResult:
        data = await async_shared_data(self.hass)
        self._takeover = Translator(self.hass, data, self._local, price).translate()
        self._place, self._taken = 0, []
        return await self.async_step_import_rule()

    async def async_step_import_rule(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for one thing after the other whether to take it over."""
        offers = self._takeover.offers
        if user_input is not None:
            offer = offers[self._place]
            if user_input[CONF_TAKE]:
                self._taken.append(offer)
            else:
                self._takeover.drop_parts(offer)
            self._place += 1
        if self._place >= len(offers):
            return await self.async_step_import_rules_end()
        offer = offers[self._place]
        return self.async_show_form(
            step_id="import_rule",
            data_schema=vol.Schema(
                {vol.Required(CONF_TAKE, default=offer.is_usual): BooleanSelector()}
            ),
            description_placeholders={
                "number": str(self._place + 1),
                "count": str(len(offers)),
                "rule": offer.text,
            },
            last_step=False,
        )

    async def async_step_import_rules_end(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show what is left to do, and how it starts; only then anything changes."""
        if user_input is not None:
            return self._take_over(user_input.get(CONF_START, START_DRY_RUN))
        schema: dict[vol.Marker, Any] = {}
        if any(offer.kind for offer in self._taken):
            schema[vol.Required(CONF_START, default=START_DRY_RUN)] = words_field(
                "strategy_start", START_DRY_RUN, START_STEER
            )
        return self.async_show_form(
            step_id="import_rules_end",
            data_schema=vol.Schema(schema),
            description_placeholders={
                "blueprints": listed(self._takeover.blueprints, _NONE),
                "left": listed(self._takeover.left, _NONE),
            },
        )

    def _take_over(self, start: str) -> ConfigFlowResult:
        """Make what was taken over; of a miner in two strategies the first counts."""
        if (fleet := fleet_entry(self.hass)) is None:
            return self.async_abort(reason="rules_need_miners")
        left = [
            offer.title for offer in self._taken if not self._take(fleet, offer, start)
        ]
        made = len(self._taken) - len(left)
        texts = {"made": str(made), "left": ", ".join(left)}
        if not self._taken:
            return self.async_abort(reason="no_rule_taken_over")
        if not left:
            return self.async_abort(
                reason="rules_taken_over", description_placeholders=texts
            )
        return self.async_abort(
            reason="rules_partly_taken_over", description_placeholders=texts
        )

    def _take(self, fleet: ConfigEntry, offer: Offer, start: str) -> bool:
        """Take over one thing; return whether that was possible."""
        if offer.kind:
            return self._add(fleet, offer, start)
        if offer.pools:
            options = {**fleet.options, CONF_FAILOVER_POOLS: [*offer.pools]}
            options.setdefault(CONF_FAILOVER_MODE, MODES[1])
            self.hass.config_entries.async_update_entry(fleet, options=options)
        else:
            self._link(offer)
        return True

    def _add(self, fleet: ConfigEntry, offer: Offer, start: str) -> bool:
        """Add a strategy, unless one of its miners is in another one of its kind."""
        miners: list[str] = offer.data[CONF_MINERS]
        if first_taken(self.hass, fleet, offer.kind, miners, None) is not None:
            return False
        if offer.needs is not None and offer.needs.subentry_id not in fleet.subentries:
            return False
        taken = {subentry.title for subentry in fleet.subentries.values()}
        self.hass.config_entries.async_add_subentry(
            fleet,
            ConfigSubentry(
                data=MappingProxyType({**offer.data, CONF_START: start}),
                subentry_type=offer.kind,
                title=free_title(offer.title, taken),
                subentry_id=offer.subentry_id,
                unique_id=None,
            ),
        )
        return True

    def _link(self, offer: Offer) -> None:
        """Link a plug to its miners, which then have its switch instead of their own."""
        for entry_id in offer.miners:
            entry = self.hass.config_entries.async_get_entry(entry_id)
            if entry is not None:
                self.hass.config_entries.async_update_entry(
                    entry, options={**entry.options, CONF_PLUG: offer.plug}
                )
                self.hass.config_entries.async_schedule_reload(entry_id)
