"""Keeps texts of devices, drivers and pools from being read as Markdown.

Home Assistant's frontend renders the descriptions of dialogs, the reasons of aborted
ones, repairs and release notes as Markdown: an image in there would be fetched by the
browser of the administrator. So every placeholder is escaped, unless it is marked as
``Markdown``.
"""

from collections.abc import Callable, Container, Mapping
from functools import wraps
import re
from typing import Any

from homeassistant.const import CONF_HOST
from homeassistant.core import HomeAssistant, callback
from homeassistant.data_entry_flow import FlowHandler
from homeassistant.helpers import issue_registry as ir

from .const import DOMAIN
from .driver_engine.address import has_login, without_login

_LONGEST = 1000
_LONGEST_NOTES = 20_000
_CUT = "…"

# The placeholder of forms that stands in an error only, which is not rendered
_REASON = "reason"
_SHOWING = ("async_show_form", "async_show_menu", "async_show_progress", "async_abort")

_SUGGESTING = "add_suggested_values_to_schema"

# What would be markup wherever it stands. Underscores within a word and lone slashes
# and full stops are none: addresses and names of files stay as they are.
_MARKUP = re.compile(
    r"[`*\[\]<~|]|\\(?=[!-/:-@\[-`{-~]|$)|&(?=#|\w+;)|(?<![^\W_])_|_(?![^\W_])"
    r"|(?<=:)//|(?<=www)\.|(?<=\w)@",
    re.IGNORECASE,
)
# What would be a heading, a list, a quote or a line where a line begins
_BEGINNING = re.compile(r"#+(?=\s|$)|[-+=]+(?=\s)|[-=]{2,}$|>|\d+(?=[.)](?:\s|$))")
_OF_NOTES = re.compile(r"(?: {0,8}(?:[-*+]|\d{1,3}[.)])|#{1,6}) +(?=\S)")
_INERT = str.maketrans({"[": "(", "]": ")", "<": "‹", ">": "›", "`": "'"})


class Markdown(str):
    """A text that is Markdown, or fit for where it stands; it is not escaped again."""

    __slots__ = ()


def escape(text: str) -> Markdown:
    """Return a text of one line that Markdown shows as it is.

    Nothing in it becomes an image, a link, HTML or a cell of a table.
    """
    if isinstance(text, Markdown):
        return text
    escaped = _MARKUP.sub(lambda match: f"\\{match[0]}", printable(text))
    if beginning := _BEGINNING.match(escaped):
        # Of "1." it is the full stop that counts
        sign = beginning.end() if beginning[0].isdigit() else 0
        escaped = f"{escaped[:sign]}\\{escaped[sign:]}"
    return Markdown(escaped)


def code(text: str) -> Markdown:
    """Return a text of one line that is fit to stand between back quotes."""
    return Markdown(printable(text).replace("`", "'"))


def printable(text: str, longest: int = _LONGEST) -> str:
    """Return a text in one line, without control characters, of bounded length."""
    cut = text[:longest]
    shown = "".join(char if char.isprintable() else " " for char in cut)
    return " ".join(shown.split()) + (_CUT if len(text) > longest else "")


def notes(text: str) -> Markdown:
    """Return several lines; of their markup, only headings and lists are left."""
    lines = []
    for line in text[:_LONGEST_NOTES].splitlines():
        mark = _OF_NOTES.match(line)
        begin = mark[0] if mark else ""
        lines.append(begin + escape(line.removeprefix(begin)))
    return Markdown("\n".join(lines))


def checksum(sha256: str) -> str:
    """Return a checksum in two parts, which fit on a phone; code does not wrap."""
    half = len(sha256) // 2
    return f"{sha256[:half]} {sha256[half:]}"


def inert(name: str) -> str:
    """Return a name that is none in Markdown either, for titles that others render.

    Home Assistant's own repairs name entries by their title.
    """
    return printable(name).translate(_INERT).replace("://", ":")


def placeholders(given: Mapping[str, str]) -> dict[str, str]:
    """Return placeholders with all texts escaped that are not Markdown themselves."""
    return {name: str(escape(text)) for name, text in given.items()}


@callback
def async_create_issue(
    hass: HomeAssistant,
    issue_id: str,
    *,
    translation_placeholders: Mapping[str, str],
    **kwargs: Any,
) -> None:
    """Make a repair issue; what it quotes is not rendered."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id,
        translation_placeholders=placeholders(translation_placeholders),
        **kwargs,
    )


@callback
def own_issues(hass: HomeAssistant) -> list[ir.IssueEntry]:
    """Return the repair issues of HMM."""
    issues = ir.async_get(hass).issues.values()
    return [issue for issue in issues if issue.domain == DOMAIN]


@callback
def async_delete_issues(
    hass: HomeAssistant, keys: Container[str | None], *, but: Container[str]
) -> None:
    """Delete the issues with one of the translation keys, but not those in ``but``."""
    for issue in own_issues(hass):
        if issue.translation_key in keys and issue.issue_id not in but:
            ir.async_delete_issue(hass, DOMAIN, issue.issue_id)


@callback
def async_delete_issues_of(hass: HomeAssistant, entry_id: str) -> None:
    """Delete the issues of one entry: their ids end with its own."""
    for issue in own_issues(hass):
        if issue.issue_id.endswith(entry_id):
            ir.async_delete_issue(hass, DOMAIN, issue.issue_id)


def escaping[F: FlowHandler[Any, Any, Any]](flow: type[F]) -> type[F]:
    """Let a flow escape every placeholder that it shows.

    Nor does it give back to the browser what was typed as a login in an address.

    The ``reason`` of a form stands in its error, which the frontend does not render:
    it is only cut to one line.
    """
    for name in _SHOWING:
        setattr(flow, name, _escaped(getattr(flow, name)))
    suggest = getattr(flow, _SUGGESTING)

    @wraps(suggest)
    def suggest_no_login(self: Any, schema: Any, suggested: Any) -> Any:
        host = (suggested or {}).get(CONF_HOST)
        if isinstance(host, str) and has_login(host):
            suggested = {**suggested, CONF_HOST: without_login(host)}
        return suggest(self, schema, suggested)

    setattr(flow, _SUGGESTING, suggest_no_login)
    return flow


def _escaped(show: Callable[..., Any]) -> Callable[..., Any]:
    is_form = show.__name__ == "async_show_form"

    @callback
    @wraps(show)
    def show_escaped(self: Any, **kwargs: Any) -> Any:
        given = kwargs.get("description_placeholders")
        if given is not None:
            shown = placeholders(given)
            if is_form and _REASON in given:
                shown[_REASON] = printable(given[_REASON])
            kwargs["description_placeholders"] = shown
        return show(self, **kwargs)

    return show_escaped
