"""What devices, drivers and pools say is never rendered as Markdown."""

from dataclasses import replace
import inspect
from pathlib import Path
import pkgutil
from string import Formatter
from typing import Any

from homeassistant.config_entries import SOURCE_DHCP
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowHandler, FlowResultType
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.service_info.dhcp import DhcpServiceInfo
from homeassistant.setup import async_setup_component
import pytest

import custom_components.hmm
from custom_components.hmm.bundled.miner_drivers.bitaxe_driver import BitaxeDriver
from custom_components.hmm.const import DOMAIN
from custom_components.hmm.markdown import Markdown, code, escape, inert, notes
from simulator import SimulatedAxeOS

from .conftest import UsualPorts
from .flows import TEXTS, begin, fill

IMAGE = "![x](http://evil.example/x.png)<img src=//evil.example>"
ESCAPED = r"!\[x\](http:\//evil.example/x.png)\<img src=//evil.example>"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Bitaxe Gamma 601", "Bitaxe Gamma 601"),
        ("pool_drivers/my_driver.py", "pool_drivers/my_driver.py"),
        ("192.168.1.50:3333", "192.168.1.50:3333"),
        (IMAGE, ESCAPED),
        ("[x]: http://evil.example", r"\[x\]: http:\//evil.example"),
        ("see www.evil.example", r"see www\.evil.example"),
        ("_www.evil.example", r"\_www\.evil.example"),
        (
            "HTTPS://evil.example a@evil.example",
            r"HTTPS:\//evil.example a\@evil.example",
        ),
        ("**bold** __bold__ ~~gone~~", r"\*\*bold\*\* \_\_bold\_\_ \~\~gone\~\~"),
        ("&lt;img&gt; &#60; a & b", r"\&lt;img\&gt; \&#60; a & b"),
        ("a | b", r"a \| b"),
        ("`code` \\", r"\`code\` \\"),
        ("# heading", r"\# heading"),
        ("#1", "#1"),
        ("- item", r"\- item"),
        ("-5 °C", "-5 °C"),
        ("1. item", r"1\. item"),
        ("1.5 TH/s", "1.5 TH/s"),
        ("> quote", r"\> quote"),
        ("---", r"\---"),
        ("-", "-"),
        (r"'\t' is not \[", r"'\t' is not \\\["),
        ("two\nlines\r\n\ttab", "two lines tab"),
        ("esc\x1b[31m \x00 \u202eedoc\u2066 \ud83d", r"esc \[31m edoc"),
        ("", ""),
    ],
)
def test_a_text_is_shown_as_it_is(text: str, shown: str) -> None:
    """Given any text, nothing of it is markup, and names of files are unchanged."""
    assert escape(text) == shown
    # What is Markdown already is not escaped again
    assert escape(escape(text)) == shown


def test_long_texts_are_cut() -> None:
    """Given a megabyte, a line is shown of it."""
    assert len(escape("x" * 10**6)) == 1001
    assert len(code("[" * 10**6)) == 1001
    assert len(notes("[\n" * 10**6)) < 40_000


def test_notes_keep_lists_and_headings() -> None:
    """Given a changelog, its lines stay lines, but what is in them is no markup."""
    assert notes(f"# 1.1\n\n- {IMAGE}\n  * more_[\n1. one\n    <b>") == "\n".join(
        ["# 1.1", "", f"- {ESCAPED}", r"  * more\_\[", "1. one", r"\<b>"]
    )


def test_what_stands_between_back_quotes_stays_there() -> None:
    """Given a line of source, it is not escaped and cannot end its quotes."""
    assert code("x = `a[1]` * 2\n") == "x = 'a[1]' * 2"
    assert isinstance(code("x"), Markdown)


def test_titles_are_no_markup_for_others_either() -> None:
    """Given a title from a device, Home Assistant's own texts may quote it."""
    assert inert(IMAGE) == "!(x)(http:evil.example/x.png)‹img src=//evil.example›"
    assert inert("Bitaxe Gamma_2 (garage)") == "Bitaxe Gamma_2 (garage)"


def test_every_flow_escapes() -> None:
    """No flow shows a placeholder that is not escaped.

    Steps are never run by themselves: what counts is the flows made of them.
    """
    flows = set[type]()
    for module in pkgutil.walk_packages(
        custom_components.hmm.__path__, "custom_components.hmm."
    ):
        if ".bundled." in module.name or "driver_" in module.name:
            continue
        result = vars(pkgutil.resolve_name(module.name))
        flows |= {
            item
            for item in result.values()
            if inspect.isclass(item)
            and issubclass(item, FlowHandler)
            and item.__module__ == module.name
        }
    whole = flows - {base for flow in flows for base in flow.__mro__[1:]}
    assert len(whole) >= 8
    for flow in whole:
        for name in (
            *("async_show_form", "async_show_menu", "async_show_progress"),
            "async_abort",
        ):
            assert getattr(flow, name).__name__ == name
            assert hasattr(getattr(flow, name), "__wrapped__"), (flow, name)


def test_the_reason_of_a_form_stands_in_errors_only() -> None:
    """It is not escaped there, so that it must not be in a description."""
    for kind in ("config", "options"):
        for step, said in TEXTS[kind]["step"].items():
            names = {
                name
                for key, text in said.items()
                if isinstance(text, str)
                for _, name, _, _ in Formatter().parse(text)
            }
            assert "reason" not in names, (kind, step)


async def test_the_board_of_a_found_device_is_no_image(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, usual_ports: UsualPorts
) -> None:
    """Given a device with an image for a name, the dialog shows its name."""
    bitaxe.board = replace(bitaxe.board, family=IMAGE)
    usual_ports.move(BitaxeDriver, bitaxe.port)
    result = await begin(
        home,
        SOURCE_DHCP,
        DhcpServiceInfo(
            ip="127.0.0.1", hostname="x", macaddress=bitaxe.mac.replace(":", "").lower()
        ),
    )

    assert result["description_placeholders"] == {"name": ESCAPED, "host": "127.0.0.1"}
    added = await fill(home, result)
    assert added["type"] is FlowResultType.CREATE_ENTRY
    assert added["title"] == inert(IMAGE)


async def test_what_a_broken_driver_says_is_no_image(
    home: HomeAssistant, hmm_folder: Path
) -> None:
    """Given an exception with markup, the repair shows it as it is."""
    (hmm_folder / "evil_driver.py").write_text(f"raise RuntimeError({IMAGE!r})\n")
    assert await async_setup_component(home, DOMAIN, {})

    issue = ir.async_get(home).async_get_issue(
        DOMAIN, "driver_failed_hmm/evil_driver.py"
    )
    assert issue is not None
    shown: Any = issue.translation_placeholders
    assert shown["reason"] == f"It fails when it is loaded: RuntimeError: {ESCAPED}"
