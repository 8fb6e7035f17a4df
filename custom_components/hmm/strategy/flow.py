"""The steps that the dialogs of all kinds of strategies share."""

from abc import abstractmethod
from copy import deepcopy
from typing import Any, ClassVar

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigSubentry,
    ConfigSubentryFlow,
    SubentryFlowResult,
)
from homeassistant.const import CONF_NAME, Platform
from homeassistant.data_entry_flow import section
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.selector import (
    DeviceSelector,
    DeviceSelectorConfig,
    EntityFilterSelectorConfig,
    EntitySelector,
    EntitySelectorConfig,
    SelectSelector,
    TextSelector,
)
import voluptuous as vol

from ..const import DOMAIN
from ..data import miner_entries
from ..flow_tools import async_shared_data, async_words, choice, free_title, words_field
from ..markdown import inert
from ..miner.profiles import folded
from .followed import with_present_names
from .keys import (
    CONF_ENTITY_IDS,
    CONF_MINERS,
    CONF_ORDER,
    CONF_RANK_BY,
    CONF_START,
    CONF_TIMING,
    LONGEST_NAME,
    RUNG_PER_MODEL,
    START_DRY_RUN,
    START_STEER,
)
from .members import entries_of, first_taken, is_each_a_miner
from .planner.model import LEAVE, PLAIN_RUNGS
from .planner.ranking import RANKS
from .words import words_of

CONF_COPY_FROM = "copy_from"

type Texts = dict[str, str]

MINER_FILTER = [
    EntityFilterSelectorConfig(integration=DOMAIN, domain=Platform.NUMBER),
    EntityFilterSelectorConfig(integration=DOMAIN, domain=Platform.SELECT),
    EntityFilterSelectorConfig(integration=DOMAIN, domain=Platform.SWITCH),
]
"""What can be set is a miner: pools and workers have only readings."""

_START = words_field("strategy_start", START_STEER, START_DRY_RUN)


def rung_selector(*, per_model: bool = False, leave: bool = True) -> SelectSelector:
    """Return a choice of rungs that all miners have."""
    rungs = [rung for rung in PLAIN_RUNGS if leave or rung != LEAVE]
    more = [RUNG_PER_MODEL] if per_model else []
    return words_field("strategy_rung", *rungs, *more, long=True)


class StrategyFlow(ConfigSubentryFlow):
    """The steps that all kinds share: members, name and start; a kind adds its own.

    In a new strategy one step leads to the next; a change ends behind its own step.
    """

    kind: ClassVar[str]
    steps: ClassVar[tuple[str, ...]]
    """The first steps of the parts, in their order, behind ``user``."""
    not_changed: ClassVar[tuple[str, ...]] = ()
    """Those that are for new strategies alone."""

    def __init__(self) -> None:
        """Begin with nothing entered."""
        self._title = ""
        self._data: dict[str, Any] = {}

    # Who

    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Prompt for the name and the miners of a new strategy."""
        await async_shared_data(self.hass)
        errors: Texts = {}
        texts: Texts = {}
        if user_input is not None:
            errors, texts = self._take_who(user_input)
            if not errors:
                self._copy(user_input.get(CONF_COPY_FROM))
                return await self._after("user")
        fields: dict[vol.Marker, Any] = self._who
        if others := self._others:
            fields[vol.Optional(CONF_COPY_FROM)] = choice(
                {other.subentry_id: other.title for other in others}, long=True
            )
        suggested = user_input or {CONF_NAME: await self._free_name()}
        return self._show_form("user", fields, suggested, errors, texts)

    async def async_step_miners(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Change the name and the miners."""
        errors: Texts = {}
        texts: Texts = {}
        if user_input is not None:
            errors, texts = self._take_who(user_input)
            if not errors:
                return await self._after("miners")
        suggested = user_input or {
            CONF_NAME: self._title,
            CONF_MINERS: self._data.get(CONF_MINERS, []),
        }
        return self._show_form("miners", self._who, suggested, errors, texts)

    @property
    def _who(self) -> dict[vol.Marker, Any]:
        return {
            vol.Optional(CONF_NAME): TextSelector(),
            vol.Optional(CONF_MINERS): DeviceSelector(
                DeviceSelectorConfig(multiple=True, entity=MINER_FILTER)
            ),
        }

    def _take_who(self, given: dict[str, Any]) -> tuple[Texts, Texts]:
        """Keep name and miners; return what is wrong with them."""
        name = inert(given.get(CONF_NAME, ""))[:LONGEST_NAME].strip()
        miners = list(dict.fromkeys(given.get(CONF_MINERS, [])))
        fleet, own = self._get_entry(), self._own
        taken = {
            folded(subentry.title)
            for subentry in fleet.subentries.values()
            if subentry is not own
        }
        if name and folded(name) in taken:
            return {CONF_NAME: "name_taken"}, {}
        if not entries_of(self.hass, miners) or not is_each_a_miner(self.hass, miners):
            return {CONF_MINERS: "no_miners"}, {}
        clash = first_taken(self.hass, fleet, self.kind, miners, own)
        if clash is not None:
            miner, strategy = clash
            texts = {"miner": miner, "strategy": strategy}
            return {CONF_MINERS: "miner_taken"}, texts
        self._title = name or self._title or free_title(self._kind_name, set())
        self._data[CONF_MINERS] = miners
        return {}, {}

    @property
    def _kind_name(self) -> str:
        return words_of(self.hass, "strategy_kind")(self.kind)

    async def _free_name(self) -> str:
        """Return the kind as a name that no strategy has."""
        # What is not loaded yet has no words
        await async_words(self.hass)
        taken = {subentry.title for subentry in self._get_entry().subentries.values()}
        return free_title(self._kind_name, taken)

    @property
    def _others(self) -> list[ConfigSubentry]:
        """Return the strategies of this kind that can be copied."""
        return [
            subentry
            for subentry in self._get_entry().subentries.values()
            if subentry.subentry_type == self.kind
        ]

    def _copy(self, subentry_id: str | None) -> None:
        """Begin with the settings of another strategy, but for its miners."""
        other = self._get_entry().subentries.get(subentry_id or "")
        if other is not None:
            data = with_present_names(self.hass, other.data)
            self._data = deepcopy(data) | {CONF_MINERS: self._data[CONF_MINERS]}

    # End

    async def async_step_preview(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Preview what it will do, and offer to start steering immediately."""
        if user_input is not None:
            self._data[CONF_START] = user_input[CONF_START]
            return self.async_create_entry(title=self._title, data=self._data)
        return self._show_form(
            "preview",
            {vol.Required(CONF_START, default=START_STEER): _START},
            {},
            texts={"result": await self._preview()},
        )

    @abstractmethod
    async def _preview(self) -> str:
        """Return what the strategy will do, in words."""

    # Around

    @property
    def _own(self) -> ConfigSubentry | None:
        """Return the strategy that is changed, None if it is a new one."""
        if self.source != SOURCE_RECONFIGURE:
            return None
        return self._get_reconfigure_subentry()

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Choose what to change."""
        await async_shared_data(self.hass)
        await self._free_name()
        own = self._get_reconfigure_subentry()
        self._title = own.title
        self._data = deepcopy(with_present_names(self.hass, own.data))
        return self.async_show_menu(
            step_id="reconfigure",
            menu_options=[
                "miners",
                *(step for step in self.steps if step not in self.not_changed),
            ],
            description_placeholders={"name": self._title},
        )

    async def _after(self, step: str) -> SubentryFlowResult:
        """Go on behind a step that begins or ends a part."""
        if (own := self._own) is not None:
            return self.async_update_and_abort(
                self._get_entry(), own, title=self._title, data=self._data
            )
        order = ("user", *self.steps, "preview")
        following = order[order.index(step) + 1]
        result: SubentryFlowResult = await getattr(self, f"async_step_{following}")()
        return result

    def _name_entity(self, key: str, entity_id: str | None) -> None:
        """Remember an entity by its id in the registry: it may get another name."""
        entity = er.async_get(self.hass).async_get(entity_id) if entity_id else None
        ids = {**self._data.get(CONF_ENTITY_IDS, {})}
        ids.pop(key, None)
        if entity is not None:
            ids[key] = entity.id
        self._data[CONF_ENTITY_IDS] = ids

    def _show_form(
        self,
        step_id: str,
        fields: dict[vol.Marker, Any],
        suggested: dict[str, Any],
        errors: Texts | None = None,
        texts: Texts | None = None,
    ) -> SubentryFlowResult:
        """Show a form with what is known filled in."""
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema(fields), suggested
            ),
            errors=errors or {},
            description_placeholders=texts or {},
        )

    # Who goes first

    async def _ask_order(
        self, step: str, given: dict[str, Any] | None, fields: dict[vol.Marker, Any]
    ) -> SubentryFlowResult:
        """Ask for the user's own order, what the rest goes by, and more ``fields``.

        Entries are stored, and shown by their sensors.
        """
        sensors = self._status_sensors()
        if given is not None:
            order = [
                sensors[entity_id]
                for entity_id in given.get(CONF_ORDER, ())
                if entity_id in sensors
            ]
            self._data |= given | {CONF_ORDER: list(dict.fromkeys(order))}
            return await self._after(step)
        shown = {entry_id: entity_id for entity_id, entry_id in sensors.items()}
        order = [
            shown[entry_id]
            for entry_id in self._data.get(CONF_ORDER, ())
            if entry_id in shown
        ]
        return self._show_form(
            step,
            {
                vol.Required(CONF_RANK_BY, default=RANKS[0]): words_field(
                    "strategy_rank", *RANKS, long=True
                ),
                vol.Optional(CONF_ORDER): EntitySelector(
                    EntitySelectorConfig(
                        include_entities=list(sensors), multiple=True, reorder=True
                    )
                ),
                **fields,
            },
            self._data | {CONF_ORDER: order},
        )

    def _status_sensors(self) -> dict[str, str]:
        """Return the entries of the members by their sensors of status."""
        registry = er.async_get(self.hass)
        sensors: dict[str, str] = {}
        for entry_id in self._members:
            entry = self.hass.config_entries.async_get_known_entry(entry_id)
            identity = entry.unique_id or entry_id
            entity_id = registry.async_get_entity_id(
                Platform.SENSOR, DOMAIN, f"{identity}_status"
            )
            if entity_id is not None:
                sensors[entity_id] = entry_id
        return sensors

    @property
    def _members(self) -> list[str]:
        """Return the ids of the entries that take part now."""
        entries = entries_of(self.hass, self._data.get(CONF_MINERS, ()))
        return [entry.entry_id for entry in entries or miner_entries(self.hass)]


class TimedStrategyFlow(StrategyFlow):
    """The steps of the kinds that have a timing."""

    async def async_step_timing(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask how fast and how often it may switch: a section, which few need to open."""
        if user_input is not None:
            self._data |= self._take_timing(user_input[CONF_TIMING])
            return await self._after("timing")
        fields, stored = self._timing()
        schema = self.add_suggested_values_to_schema(vol.Schema(fields), stored)
        folded = section(schema, {"collapsed": True})
        return self._show_form("timing", {vol.Required(CONF_TIMING): folded}, {})

    @abstractmethod
    def _timing(self) -> tuple[dict[vol.Marker, Any], dict[str, Any]]:
        """Return the fields of the timing, and their values."""

    def _take_timing(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return what was entered as it is stored."""
        return given
