"""Walk through config flows; what each step says must have a text."""

from collections.abc import Mapping
import json
from pathlib import Path
from string import Formatter
from typing import Any

from homeassistant.config_entries import SOURCE_USER, ConfigEntry, ConfigFlowContext
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType

from custom_components.hmm.const import DOMAIN

_TRANSLATIONS = Path(__file__).parents[1] / "custom_components/hmm/translations"


def texts(language: str) -> dict[str, Any]:
    """Return all texts of a language."""
    content: dict[str, Any] = json.loads(
        (_TRANSLATIONS / f"{language}.json").read_text("utf-8")
    )
    return content


TEXTS = texts("en")

type Result = Mapping[str, Any]


async def begin(
    hass: HomeAssistant, source: str = SOURCE_USER, data: Any = None
) -> Result:
    """Start a flow."""
    result = await hass.config_entries.flow.async_init(
        DOMAIN, context=ConfigFlowContext(source=source), data=data
    )
    await hass.async_block_till_done(wait_background_tasks=True)
    return with_texts(result)


async def choose(hass: HomeAssistant, *items: str) -> Result:
    """Start the flow of a user and choose from its menus."""
    step = await begin(hass)
    for item in items:
        step = await fill(hass, step, next_step_id=item)
    return step


async def fill(hass: HomeAssistant, result: Result, **user_input: Any) -> Result:
    """Fill in the form of a flow that goes on."""
    answer = await hass.config_entries.flow.async_configure(
        result["flow_id"], user_input
    )
    await hass.async_block_till_done(wait_background_tasks=True)
    return with_texts(answer)


async def finish(hass: HomeAssistant, result: Result, **user_input: Any) -> Result:
    """Fill in the last form of a flow, which makes an entry of it."""
    made = await fill(hass, result, **user_input)
    assert made["type"] is FlowResultType.CREATE_ENTRY
    return made


async def reconfigure(
    hass: HomeAssistant, entry: ConfigEntry[Any], item: str | None = None
) -> Result:
    """Start to reconfigure an entry, and choose from the menu if there is one."""
    step = with_texts(
        await hass.config_entries.flow.async_init(
            DOMAIN, context={"source": "reconfigure", "entry_id": entry.entry_id}
        )
    )
    return step if item is None else await fill(hass, step, next_step_id=item)


async def open_options(hass: HomeAssistant, entry: ConfigEntry[Any]) -> Result:
    """Open the options of an entry."""
    form = await hass.config_entries.options.async_init(entry.entry_id)
    return with_texts(form, "options")


async def open_drivers(hass: HomeAssistant, fleet: ConfigEntry[Any]) -> Result:
    """Open what can be done with drivers, in the options of the fleet."""
    menu = await open_options(hass, fleet)
    assert "drivers" in menu["menu_options"]
    return with_texts(
        await hass.config_entries.options.async_configure(
            menu["flow_id"], {"next_step_id": "drivers"}
        ),
        "options",
    )


async def open_settings(hass: HomeAssistant, entry: ConfigEntry[Any]) -> Result:
    """Open the settings of a miner, past the menu of one that is set up."""
    menu = await open_options(hass, entry)
    if menu["type"] is FlowResultType.FORM:
        return menu
    return await go_on(hass, menu, next_step_id="settings")


async def go_on(hass: HomeAssistant, result: Result, **user_input: Any) -> Result:
    """Go on in the options of an entry."""
    answer = await hass.config_entries.options.async_configure(
        result["flow_id"], user_input
    )
    await hass.async_block_till_done(wait_background_tasks=True)
    return with_texts(answer, "options")


def suggested(result: Result, field: str) -> Any:
    """Return what a form has filled in."""
    marker = next(item for item in result["data_schema"].schema if item == field)
    return (marker.description or {}).get("suggested_value")


def options(result: Result, field: str) -> dict[str, str]:
    """Return the choices of a form as value and label."""
    selector = result["data_schema"].schema[field]
    return {option["value"]: option["label"] for option in selector.config["options"]}


def with_texts(result: Result, flow: str = "config") -> Result:
    """Return a step of a flow; fails where a text or a placeholder is missing."""
    known = TEXTS
    for key in flow.split("."):
        known = known[key]
    match result["type"]:
        case FlowResultType.MENU:
            step = known["step"][result["step_id"]]
            assert set(result["menu_options"]) <= set(step["menu_options"])
            assert set(step.get("menu_option_descriptions", ())) <= set(
                step["menu_options"]
            )
            _complete(step.get("description", ""), result)
        case FlowResultType.FORM:
            step = known["step"][result["step_id"]]
            schema = result["data_schema"]
            fields = {str(field) for field in schema.schema} if schema else set()
            # What only a driver of the user asks for has no name but its own
            if "{settings}" not in step.get("description", ""):
                assert fields <= {*step.get("data", ()), *step.get("sections", ())}
            _complete(step.get("title", ""), result)
            _complete(step.get("description", ""), result)
            for key in (result["errors"] or {}).values():
                _complete(known["error"][key], result)
        case FlowResultType.ABORT:
            if not result.get("translation_domain"):
                _complete(known["abort"][result["reason"]], result)
        case FlowResultType.SHOW_PROGRESS:
            _complete(known["progress"][result["progress_action"]], result)
    return result


def _complete(text: str, result: Result) -> None:
    """Fail when a text has a placeholder that the step does not fill in."""
    wanted = {name for _, name, _, _ in Formatter().parse(text) if name}
    given = set(result.get("description_placeholders") or ())
    assert wanted <= given, f"{text!r} is shown without {wanted - given}"
