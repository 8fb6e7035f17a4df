"""Driver indexes, clicked through behind the "Configure" of the fleet."""

from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest

from custom_components.hmm.data import get_data
from custom_components.hmm.drivers import index_flow
from tests.driver_index import (
    OTHER_KEY,
    driver_of,
    index_of,
    signed,
    version_of,
    written,
)
from tests.file_server import FileServer
from tests.flows import Result, options
from tests.user_drivers import acme, do, names

from .test_flow import choose, fill, miner, open_step, texts_of, why

__all__ = ["miner"]

INDEX = "/index.json"


async def open_indexes(home: HomeAssistant) -> Result:
    """Open the dialog at the indexes."""
    return await open_step(home, "indexes")


async def add(home: HomeAssistant, url: str) -> Result:
    """Add an index with all clicks; return the list of indexes."""
    form = await choose(home, await open_indexes(home), "index_add")
    question = await fill(home, form, url=url)
    assert question["step_id"] in ("index_signed", "index_unsigned")
    return await fill(home, question)


async def search(home: HomeAssistant, query: str) -> Result:
    """Search in the indexes."""
    form = await choose(home, await open_indexes(home), "index_search")
    return await fill(home, form, **({"query": query} if query else {}))


def rows(result: Result) -> list[list[str]]:
    """Return the table of indexes."""
    table = texts_of(result, "indexes")["indexes"]
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table.splitlines()
    ]


async def test_without_an_index_there_is_only_one_to_add(
    home: HomeAssistant, miner: ConfigEntry[Any]
) -> None:
    """Given no index, nothing else is offered."""
    menu = await open_indexes(home)
    assert menu["menu_options"] == ["index_add", "drivers", "finish"]
    assert rows(menu) == [["–", "", "", "", ""]]


async def test_a_signed_index_is_added_and_removed(
    home: HomeAssistant, miner: ConfigEntry[Any], files: FileServer
) -> None:
    """Given a signed index, its fingerprint is shown before anything is kept."""
    url = files.put(INDEX, written(signed(index_of())))
    form = await choose(home, await open_indexes(home), "index_add")
    question = await fill(home, form, url=url)
    assert question["step_id"] == "index_signed"
    placeholders = question["description_placeholders"]
    assert (placeholders["name"], placeholders["address"], placeholders["count"]) == (
        "Drivers of Acme",
        url,
        "1",
    )
    indexes = get_data(home).driver_service.indexes
    assert indexes.all == []
    # As the frontend requests it once more
    flows = home.config_entries.options
    again = await flows.async_configure(question["flow_id"])
    assert again["step_id"] == "index_signed"

    menu = await fill(home, question)
    assert menu["menu_options"] == [
        *("index_search", "index_add", "index_look", "index_remove"),
        *("drivers", "finish"),
    ]
    ((name, count, signer, _, problem),) = rows(menu)
    assert (name, count, problem) == (f"Drivers of Acme (`{url}`)", "1", "–")
    assert signer == f"`{placeholders['fingerprint'][:9]} …`"

    form = await choose(home, menu, "index_remove")
    assert options(form, "index") == {url: f"Drivers of Acme · {url}"}
    menu = await fill(home, form, index=url)
    assert menu["menu_options"] == ["index_add", "drivers", "finish"]
    assert indexes.all == []


async def test_an_unsigned_index_says_so(
    home: HomeAssistant, miner: ConfigEntry[Any], files: FileServer
) -> None:
    """Given an index that nobody signed, the dialog warns and the list says it."""
    url = files.put(INDEX, written(index_of(homepage=None)))
    form = await choose(home, await open_indexes(home), "index_add")
    question = await fill(home, form, url=url)
    assert question["step_id"] == "index_unsigned"
    assert question["description_placeholders"]["homepage"] == "–"
    flows = home.config_entries.options
    again = await flows.async_configure(question["flow_id"])
    assert again["step_id"] == "index_unsigned"
    assert rows(await fill(home, again))[0][2] == "Not signed"


async def test_what_cannot_be_added_says_why(
    home: HomeAssistant, miner: ConfigEntry[Any], files: FileServer
) -> None:
    """Given an address that is wrong, the form stays with the reason."""
    form = await choose(home, await open_indexes(home), "index_add")
    form = await fill(home, form, url="http://example.org/index.json")
    assert "https://" in why(form, "index_add")
    form = await fill(home, form, url=files.put(INDEX, "{}"))
    assert "not a driver index" in why(form, "index_add")
    form = await fill(home, form, url=files.put(INDEX, written(index_of())))
    assert form["step_id"] == "index_unsigned"


async def test_looked_at_by_hand(
    home: HomeAssistant, miner: ConfigEntry[Any], files: FileServer
) -> None:
    """Given a server that is gone, or another key, the list says so."""
    menu = await add(home, files.put(INDEX, written(signed(index_of()))))
    menu = await choose(home, menu, "index_look")
    assert rows(menu)[0][4] == "–"
    files.answer(INDEX, "503 Busy\r\nContent-Length: 0")
    menu = await choose(home, menu, "index_look")
    assert rows(menu)[0][4] == "The server returned 503"
    files.put(INDEX, written(signed(index_of(), OTHER_KEY)))
    menu = await choose(home, menu, "index_look")
    assert "another key" in rows(menu)[0][4]
    # Nothing of it is to be found until the owner has decided
    form = await choose(home, menu, "index_search")
    form = await fill(home, form, query="acme")
    assert form["errors"] == {"query": "index_nothing_found"}


async def test_an_index_that_cannot_be_read_any_more(
    home: HomeAssistant, miner: ConfigEntry[Any], files: FileServer
) -> None:
    """Given what is stored that this HMM cannot read, it is still in the list."""
    await add(home, files.put(INDEX, written(index_of())))
    (own,) = get_data(home).driver_service.indexes.all
    own.index = None
    assert rows(await open_indexes(home))[0][:2] == [
        *(f"127.0.0.1 (`{files.url(INDEX)}`)", "–"),
    ]


async def test_an_index_that_was_removed_meanwhile(
    home: HomeAssistant, miner: ConfigEntry[Any], files: FileServer
) -> None:
    """Given two dialogs, the second finds no index to remove."""
    menu = await add(home, files.put(INDEX, written(index_of())))
    await get_data(home).driver_service.indexes.async_remove(files.url(INDEX))
    result = await choose(home, menu, "index_remove")
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "no_indexes"


@pytest.mark.parametrize("query", ["", "acme two", "JANE", "miner/acme"])
async def test_search_and_install(
    home: HomeAssistant, miner: ConfigEntry[Any], files: FileServer, query: str
) -> None:
    """Given words, the driver is found, shown in full and installed after a yes."""
    files.put("/acme-1.0.0_driver.py", acme())
    await add(home, files.put(INDEX, written(signed(index_of()))))
    form = await search(home, query)
    assert form["step_id"] == "index_results"
    assert options(form, "driver") == {
        "0": "Acme One 1.0.0 · Acme One, Acme Two · Jane Doe · Drivers of Acme"
    }
    menu = await fill(home, form, driver="0")
    placeholders = menu["description_placeholders"]
    assert menu["menu_options"] == [
        *("index_install", "index_search", "drivers", "finish"),
    ]
    assert (placeholders["author"], placeholders["license"]) == ("Jane Doe", "MIT")
    assert placeholders["supports"] == "Acme One, Acme Two"
    assert placeholders["checks"] == "validate, conformance (acme.json) ⚠"
    assert placeholders["changes"] == "As good as new."
    assert (
        placeholders["version"],
        placeholders["installed"],
        placeholders["runs"],
    ) == ("1.0.0", "–", "–")
    assert placeholders["min_hmm"] == "0.1.0"
    assert placeholders["signature"].startswith("`")

    question = await choose(home, menu, "index_install")
    assert question["step_id"] == "install_confirm"
    assert question["description_placeholders"]["index"] == files.url(INDEX)
    assert {name for name in await names(home) if "pending" not in name} == set()
    result = await fill(home, question, answer="install")
    assert texts_of(result, "installed")["file"] == "acme_driver.py"

    menu = await fill(home, await search(home, query), driver="0")
    placeholders = menu["description_placeholders"]
    assert (placeholders["installed"], placeholders["runs"]) == ("1.0.0", "1.0.0")


async def test_nothing_is_found(
    home: HomeAssistant, miner: ConfigEntry[Any], files: FileServer
) -> None:
    """Given words that no driver has, the form stays and takes others."""
    await add(home, files.put(INDEX, written(index_of())))
    form = await search(home, "no such thing")
    assert form["step_id"] == "index_search"
    assert form["errors"] == {"query": "index_nothing_found"}
    assert (await fill(home, form, query="acme"))["step_id"] == "index_results"


async def test_more_than_can_be_listed(
    home: HomeAssistant,
    miner: ConfigEntry[Any],
    files: FileServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given more drivers than fit, the first are listed, and how many there are."""
    monkeypatch.setattr(index_flow, "MAX_SHOWN", 11)
    bare = version_of("", min_hmm=None)
    drivers = [
        driver_of(bare, type=f"t{number}", name=f"N{number:02}") for number in range(15)
    ]
    await add(home, files.put(INDEX, written(index_of(*drivers))))
    form = await search(home, "")
    assert form["description_placeholders"] == {
        **form["description_placeholders"],
        "count": "15",
        "shown": "11",
    }
    assert len(options(form, "driver")) == 11
    menu = await fill(home, form, driver="10")
    assert menu["description_placeholders"]["min_hmm"] == "–"


async def test_what_cannot_be_installed(
    home: HomeAssistant, miner: ConfigEntry[Any], files: FileServer
) -> None:
    """Given a driver for a newer HMM, or a checksum that lies, nothing happens."""
    newer = driver_of(
        version_of("", min_hmm="99", checks=[], changes=""),
        type="newer",
        name="A newer one",
        license="",
        homepage=None,
        supports=[],
    )
    files.put("/acme-1.0.0_driver.py", acme("6.6.6"))
    await add(home, files.put(INDEX, written(index_of(newer, driver_of()))))
    form = await search(home, "")
    menu = await fill(home, form, driver="0")
    assert menu["menu_options"] == ["index_search", "drivers", "finish"]
    placeholders = menu["description_placeholders"]
    assert (
        placeholders["version"],
        placeholders["newest"],
        placeholders["min_hmm"],
    ) == ("–", "1.0.0", "99")
    assert (
        placeholders["checks"],
        placeholders["changes"],
        placeholders["supports"],
    ) == ("–", "–", "–")
    assert placeholders["signature"] == "Not signed"

    form = await fill(
        home, await choose(home, menu, "index_search"), query="miner/acme"
    )
    menu = await fill(home, form, driver="0")
    failed = await choose(home, menu, "index_install")
    assert "not the one that you want" in why(failed, "failed")
    assert await names(home) == set()


async def test_texts_of_an_index_are_not_rendered(
    home: HomeAssistant, miner: ConfigEntry[Any], files: FileServer
) -> None:
    """Given Markdown and HTML in all texts, the dialogs show them as they are."""
    evil = "![x](https://evil.example/x.png) <img src=x> | `a`"
    version = version_of(
        acme(),
        changes=f"# {evil}\n- {evil}",
        checks=[{"name": "c <b>", "result": "passed", "against": evil}],
    )
    driver = driver_of(
        version, name=evil, summary=evil, author=evil, supports=[evil], license="<b>"
    )
    menu = await add(home, files.put(INDEX, written(index_of(driver, name=evil))))
    for text in rows(menu)[0]:
        assert "![" not in text.replace("\\[", "")
    menu = await fill(home, await search(home, "evil"), driver="0")
    for name, text in menu["description_placeholders"].items():
        bare = text.replace("\\[", "").replace("\\<", "").replace("\\`", "")
        assert "![" not in bare, name
        assert "<" not in bare, name
        assert "`a" not in bare, name


async def test_the_list_is_in_the_language_of_the_user(
    home: HomeAssistant, miner: ConfigEntry[Any], files: FileServer
) -> None:
    """Given a German Home Assistant, what a step fills in is German."""
    await home.config.async_update(language="de")
    menu = await add(home, files.put(INDEX, written(index_of())))
    assert rows(menu)[0][2] == "Nicht signiert"
    files.put(INDEX, "[]")
    menu = await choose(home, menu, "index_look")
    assert rows(menu)[0][4].startswith("Es ist kein Treiberverzeichnis")
    answer = await do(home, "list_driver_indexes")
    assert answer["indexes"][0]["error"].startswith("Es ist kein Treiberverzeichnis")
