"""What the steps of all config flows share."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from datetime import datetime
from functools import wraps
from math import isfinite
from typing import Any, Literal, override

from homeassistant.config_entries import (
    SOURCE_INTEGRATION_DISCOVERY,
    ConfigEntry,
    ConfigFlow,
    ConfigFlowResult,
    FlowType,
    OptionsFlow,
    UnknownEntry,
    UnknownSubEntry,
)
from homeassistant.const import CONF_HOST
from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.data_entry_flow import AbortFlow, FlowHandler, FlowResultType
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.selector import (
    EntitySelector,
    EntitySelectorConfig,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)
from homeassistant.helpers.translation import async_get_translations
from homeassistant.setup import async_setup_component
import voluptuous as vol

from .const import CONF_MORE_ENTITIES, DOMAIN
from .data import HmmData, get_data
from .markdown import inert, placeholders

ADDRESS_SCHEMA = vol.Schema({vol.Required(CONF_HOST): TextSelector()})

REMOVED = "removed_meanwhile"

REPEAT_SECONDS = 1.0
"""When the end of a progress is reported again; each further time after twice as long."""

_REPORTS: dict[str, CALLBACK_TYPE] = {}
"""What stops the next report of a flow, by its id."""


def already_configured(entry: ConfigEntry) -> AbortFlow:
    """Return the end of a flow that would add what an entry has, with its name."""
    return AbortFlow("already_configured", placeholders({"name": entry.title}))


def ending[F: FlowHandler[Any, Any, Any]](flow: type[F]) -> type[F]:
    """Let a flow end with a reason when what it is about was removed meanwhile.

    Somebody else may do that, or its own user in another tab.
    """
    for name in dir(flow):
        if name.startswith("async_step_"):
            setattr(flow, name, _ended(getattr(flow, name)))
    return flow


def _ended(
    step: Callable[..., Coroutine[Any, Any, Any]],
) -> Callable[..., Coroutine[Any, Any, Any]]:
    @wraps(step)
    async def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return await step(*args, **kwargs)
        except (UnknownEntry, UnknownSubEntry) as err:
            raise AbortFlow(REMOVED) from err

    return run


@callback
def async_start_progress[T](
    flow: FlowHandler[Any, Any, Any], work: Coroutine[Any, Any, T]
) -> asyncio.Task[T]:
    """Start work that a progress is shown for.

    Home Assistant reports its end once, and the frontend listens only when it shows the
    progress: a dialog that missed the report would wait for ever. So it is repeated
    until the frontend has requested the next step, however long that takes: a step
    that takes time itself, as one that adds an entry does, is reported no more
    (``async_end_progress``), else the frontend requests it twice.
    """
    # Eagerly started, it may be done immediately, and Home Assistant would hand what
    # was typed in the previous step on to the next one
    task = flow.hass.async_create_task(work, eager_start=False)

    task.add_done_callback(lambda _: _async_report_later(flow, REPEAT_SECONDS))
    return task


@callback
def async_end_progress(flow: FlowHandler[Any, Any, Any]) -> None:
    """Repeat no report: the frontend has requested the step that follows."""
    with suppress(KeyError):
        _REPORTS.pop(flow.flow_id)()


@callback
def _async_report_later(flow: FlowHandler[Any, Any, Any], seconds: float) -> None:
    @callback
    def report(_: datetime) -> None:
        _REPORTS.pop(flow.flow_id, None)
        if _waits_for_end(flow):
            flow.async_notify_flow_changed()
            _async_report_later(flow, 2 * seconds)

    async_end_progress(flow)  # It may have shown another one before
    job = HassJob(report, "HMM end of a progress", cancel_on_shutdown=True)
    _REPORTS[flow.flow_id] = async_call_later(flow.hass, seconds, job)


def _waits_for_end(flow: FlowHandler[Any, Any, Any]) -> bool:
    """Return whether the dialog is open and shows a progress."""
    entries = flow.hass.config_entries
    return (
        flow.cur_step is not None
        and flow.cur_step["type"]
        in (FlowResultType.SHOW_PROGRESS, FlowResultType.SHOW_PROGRESS_DONE)
        and any(
            open_flow["flow_id"] == flow.flow_id
            for manager in (entries.flow, entries.options)
            for open_flow in manager.async_progress()
        )
    )


async def async_shared_data(hass: HomeAssistant) -> HmmData:
    """Return the shared data; a flow may come before any entry is set up."""
    await async_setup_component(hass, DOMAIN, {})
    return get_data(hass)


async def async_words(hass: HomeAssistant) -> Callable[[str, str], str]:
    """Return a function that translates an option of a selector.

    What a step fills into its text is not translated by the frontend. It is written in
    the language of Home Assistant.
    """
    language = hass.config.language
    texts = await async_get_translations(hass, language, "selector", {DOMAIN})

    def word(selector: str, option: str) -> str:
        return texts[f"component.{DOMAIN}.selector.{selector}.options.{option}"]

    return word


def choice(
    options: dict[str, str],
    *,
    multiple: bool = False,
    long: bool = False,
    custom: bool = False,
) -> SelectSelector:
    """Return a choice of values by their labels.

    A ``long`` list folds; into a ``custom`` one another value can be typed.
    """
    return SelectSelector(
        SelectSelectorConfig(
            options=[
                SelectOptionDict(value=value, label=label)
                for value, label in options.items()
            ],
            mode=SelectSelectorMode.DROPDOWN if long else SelectSelectorMode.LIST,
            multiple=multiple,
            custom_value=custom,
        )
    )


def words_field(
    name: str, *options: str, multiple: bool = False, long: bool = False
) -> SelectSelector:
    """Return a choice of words, which are translated under ``name``."""
    return SelectSelector(
        SelectSelectorConfig(
            options=list(options),
            mode=SelectSelectorMode.DROPDOWN if long else SelectSelectorMode.LIST,
            multiple=multiple,
            translation_key=name,
        )
    )


def unchosen(key: str) -> vol.Required:
    """Return the marker of a choice to be made: the frontend takes the first one else."""
    return vol.Required(key, description={"suggested_value": ""})


@callback
def foreign_field(
    hass: HomeAssistant,
    *domains: str,
    device_class: str | None = None,
    allowed: str | None = None,
) -> EntitySelector:
    """Return a choice of an entity that is not of HMM: it would follow itself.

    ``allowed`` is one of HMM that may be chosen all the same.
    """
    own = [
        entity.entity_id
        for entity in er.async_get(hass).entities.values()
        if entity.platform == DOMAIN
        and entity.domain in domains
        and entity.disabled_by is None
        and entity.entity_id != allowed
    ]
    config = EntitySelectorConfig(domain=[*domains], exclude_entities=own)
    if device_class is not None:
        config["device_class"] = device_class
    return EntitySelector(config)


class _Number(NumberSelector):
    """A number: that of Home Assistant takes "NaN", which is within any limits."""

    @override
    def __call__(self, data: Any) -> float:
        """Return it. Raises Invalid."""
        if not isfinite(value := super().__call__(data)):
            raise vol.Invalid("Value should be a finite number")
        return value


def number_field(
    min_value: float | None = None,
    max_value: float | None = None,
    unit: str = "",
    step: float | Literal["any"] = 1,
) -> NumberSelector:
    """Return a number with its limits and its unit."""
    config = NumberSelectorConfig(step=step, mode=NumberSelectorMode.BOX)
    if min_value is not None:
        config["min"] = min_value
    if max_value is not None:
        config["max"] = max_value
    if unit:
        config["unit_of_measurement"] = unit
    return _Number(config)


def with_more_entities(options: Mapping[str, Any], wanted: bool) -> dict[str, Any]:
    """Return options in which more entities are requested, or no longer.

    Who never did keeps those that were enabled before one could.
    """
    if wanted or CONF_MORE_ENTITIES in options:
        return {**options, CONF_MORE_ENTITIES: wanted}
    return {**options}


class OptionSteps(OptionsFlow):
    """Steps of the options of an entry."""

    def _ask_options(
        self, step_id: str, schema: vol.Schema, user_input: dict[str, Any] | None
    ) -> ConfigFlowResult:
        """Show a form of options, and keep them as they are entered."""
        options = self.config_entry.options
        if user_input is not None:
            return self.async_create_entry(data={**options, **user_input})
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(schema, options),
        )


class QueueSteps(ConfigFlow):
    """Adds several entries, each in a dialog of its own."""

    _next_flow: tuple[FlowType, str] | None = None
    """The dialog that follows when this one is done."""

    async def _queue(self, data: dict[str, Any]) -> None:
        """Start the dialog of another entry, which comes before those queued so far.

        One without anything to enter is added immediately.
        """
        flow = await self.hass.config_entries.flow.async_init(
            DOMAIN, context={"source": SOURCE_INTEGRATION_DISCOVERY}, data=data
        )
        if flow["type"] not in (FlowResultType.ABORT, FlowResultType.CREATE_ENTRY):
            self._next_flow = (FlowType.CONFIG_FLOW, flow["flow_id"])


_LONGEST_NAME = 64
"""Characters of a name that a device or pool chose: Home Assistant puts more behind it."""


def free_title(name: str, taken: set[str]) -> str:
    """Return a name that is not taken, short enough to speak, and no Markdown."""
    name = inert(name)[:_LONGEST_NAME].rstrip()
    free = name
    number = 2
    while free in taken:
        free = f"{name} {number}"
        number += 1
    return free
