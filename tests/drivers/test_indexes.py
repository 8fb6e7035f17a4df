"""Driver indexes: what they list can be installed, and nothing in them does harm."""

import json
import logging
from pathlib import Path
import time
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import flush_store

from custom_components.hmm.data import get_data
from custom_components.hmm.diagnostics import async_get_config_entry_diagnostics
from custom_components.hmm.drivers import indexes as module
from custom_components.hmm.drivers.index_json import indexes_json
from custom_components.hmm.drivers.indexes import MAX_INDEXES, DriverIndexes, OwnIndex
from custom_components.hmm.drivers.service import CHECK_INTERVAL
from simulator import SimulatedAxeOS
from tests.common import find, fleet_entry, later
from tests.conftest import miner_entry, set_up
from tests.driver_index import (
    KEY,
    OTHER_KEY,
    driver_of,
    index_of,
    signed,
    version_of,
    written,
)
from tests.file_server import FileServer
from tests.repairs import Repairs, issues
from tests.user_drivers import acme, do, names, read, start, sum_of

INDEX = "/hmm/index.json"
TEMPLATE = Path(__file__).parents[2] / "docs/drivers/index-template"
FILE = "miner_drivers/acme_driver.py"
STORAGE = "hmm.driver_indexes"


def indexes(home: HomeAssistant) -> DriverIndexes:
    """Return what keeps the indexes."""
    return get_data(home).driver_service.indexes


def publish(
    files: FileServer, document: dict[str, Any] | None = None, *versions: str
) -> str:
    """Put an index on the web, with the files of Acme; return its address."""
    for version in versions or ("1.0.0",):
        files.put(f"/hmm/acme-{version}_driver.py", acme(version))
    return files.put(INDEX, written(document or signed(index_of())))


def acme_index(*versions: str, serial: int = 1, **changes: Any) -> dict[str, Any]:
    """Return an index with some versions of Acme."""
    listed = [version_of(acme(version), version) for version in versions]
    return index_of(driver_of(*listed), serial=serial, **changes)


async def add(home: HomeAssistant, address: str) -> OwnIndex:
    """Add an index, as the dialog does."""
    found = await indexes(home).async_read(address)
    await indexes(home).async_add(found)
    await home.async_block_till_done(wait_background_tasks=True)
    own = indexes(home).get(address)
    assert own is not None
    return own


async def why_not(home: HomeAssistant, address: str) -> str:
    """Return why an index cannot be added."""
    with pytest.raises(HomeAssistantError) as raised:
        await indexes(home).async_read(address)
    assert indexes(home).all == []
    return str(raised.value)


async def list_offered(home: HomeAssistant) -> dict[str, Any]:
    """Look at the indexes now; return what is said of the first one."""
    await do(home, "check_driver_updates")
    (listed, *_) = (await do(home, "list_driver_indexes"))["indexes"]
    assert isinstance(listed, dict)
    return listed


async def install(home: HomeAssistant, repairs: Repairs) -> dict[str, Any]:
    """Install Acme from the index that lists it, with a yes in the repairs."""
    (found,) = (await do(home, "search_driver_indexes", query="acme"))["drivers"]
    version = found["versions"][0]
    answer = await do(
        home, "install_driver", url=version["url"], sha256=version["sha256"]
    )
    await repairs.open(answer["issue_id"])
    result = await repairs.choose("install")
    await home.async_block_till_done(wait_background_tasks=True)
    return result


async def row_of(home: HomeAssistant) -> dict[str, Any]:
    """Return what is said of the updates of Acme."""
    answer = await do(home, "check_driver_updates")
    row = next(row for row in answer["drivers"] if row["driver_type"] == "acme")
    assert isinstance(row, dict)
    return row


# What an index is for


async def test_from_the_index_to_an_update(
    home: HomeAssistant,
    files: FileServer,
    repairs: Repairs,
    bitaxe: SimulatedAxeOS,
) -> None:
    """Given an index, a driver of it is found, installed and kept up to date."""
    await set_up(home, miner_entry(bitaxe, "bitaxe"))  # Only to have a fleet
    address = publish(files)
    await add(home, address)

    (listed,) = (await do(home, "list_driver_indexes"))["indexes"]
    assert listed["name"] == "Drivers of Acme"
    assert (listed["address"], listed["drivers"], listed["serial"]) == (address, 1, 1)
    assert (listed["signed"], listed["trusted"], listed["error"]) == (True, True, None)
    assert len(listed["fingerprint"]) == 39

    assert (await do(home, "search_driver_indexes", query="avalon"))["drivers"] == []
    (found,) = (await do(home, "search_driver_indexes", query="jane TWO"))["drivers"]
    assert (found["type"], found["category"]) == ("acme", "miner")
    assert found["supports"] == ["Acme One", "Acme Two"]
    assert (found["version"], found["installed_version"]) == ("1.0.0", None)
    assert found["versions"][0]["checks"][1] == {
        "name": "conformance",
        "result": "warnings",
        "against": "acme.json",
    }
    assert await names(home) == set()

    assert (await install(home, repairs))["type"] == "create_entry"
    assert await names(home) == {FILE}
    row = await row_of(home)
    assert (row["source"], row["status"], row["error"]) == ("index", "up_to_date", None)
    # What is not newer is not downloaded once more
    assert files.requests.count("/hmm/acme-1.0.0_driver.py") == 1

    publish(files, signed(acme_index("1.0.0", "1.1.0", serial=2)), "1.0.0", "1.1.0")
    row = await row_of(home)
    assert (row["status"], row["available_version"]) == ("update_available", "1.1.0")
    shared = await async_get_config_entry_diagnostics(home, fleet_entry(home))
    (facts,) = shared["driver_indexes"]
    assert (facts["serial"], facts["fingerprint"]) == (2, listed["fingerprint"])
    assert address not in str(shared)
    update = find(home, fleet_entry(home), "update", "driver_miner_acme")
    assert update.state == "on"
    assert update.attributes["latest_version"] == "1.1.0"
    await do(home, "check_driver_updates")
    assert files.requests.count("/hmm/acme-1.1.0_driver.py") == 1

    answer = await do(home, "update_driver", driver="acme")
    assert (answer["old_version"], answer["new_version"]) == ("1.0.0", "1.1.0")
    row = await row_of(home)
    assert row["status"] == "up_to_date"
    assert row["url"] == files.url("/hmm/acme-1.1.0_driver.py")
    (found,) = (await do(home, "search_driver_indexes"))["drivers"]
    assert found["installed_version"] == "1.1.0"


async def test_an_index_is_looked_at_once_a_day(
    home: HomeAssistant, files: FileServer
) -> None:
    """Without an index nothing is asked; one is asked once a day, and by hand."""
    await start(home)
    await later(home, CHECK_INTERVAL.total_seconds() + 1)
    await home.async_block_till_done(wait_background_tasks=True)
    assert files.requests == []
    own = await add(home, publish(files))
    files.requests.clear()
    service = get_data(home).driver_service
    await service.async_check(by_hand=False)
    assert files.requests == []
    own.looked_at -= 24 * 3600 + 1
    await service.async_check(by_hand=False)
    await service.async_check(by_hand=False)
    assert files.requests == [INDEX]
    await list_offered(home)
    assert files.requests == [INDEX, INDEX]
    # The clock was wrong, by years
    own.looked_at = time.time() + 10**8
    await service.async_check(by_hand=False)
    assert files.requests == [INDEX] * 3
    # Nobody was there: that is no look, also after a restart
    own.looked_at -= 24 * 3600 + 1
    files.answer(INDEX, "503 Busy\r\nContent-Length: 0")
    await service.async_check(by_hand=False)
    again = DriverIndexes(home, async_get_clientsession(home))
    await again.async_load()
    await again.async_check(only_due=True)
    assert files.requests == [INDEX] * 5


async def test_a_restart_forgets_nothing(
    home: HomeAssistant, files: FileServer
) -> None:
    """Given a restart, content, key and serial are there without a request."""
    await start(home)
    own = await add(home, publish(files, signed(index_of(serial=7))))
    files.requests.clear()
    again = DriverIndexes(home, async_get_clientsession(home))
    await again.async_load()
    (found,) = again.all
    assert (found.index, found.signer, found.serial) == (own.index, own.signer, 7)
    assert (found.name, found.looked_at) == ("Drivers of Acme", own.looked_at)
    publish(files, signed(index_of(serial=6)))
    await again.async_check(only_due=True)
    assert files.requests == []
    await again.async_check(only_due=False)
    assert "serial 6, before: 7" in (again.problem(found) or "")


async def test_what_is_stored_may_be_broken(
    home: HomeAssistant, files: FileServer, hass_storage: dict[str, Any]
) -> None:
    """Given records of any form, the readable ones stay, with their keys."""
    await start(home)
    address = publish(files)
    await add(home, address)
    good = hass_storage[STORAGE]["data"][address]
    unreadable = f"{address}?2"
    timeless = f"{address}?3"
    hass_storage[STORAGE]["data"] = {
        address: good,
        unreadable: good | {"source": "[1]"},
        timeless: good | {"looked_at": 1e300},
        "https://a.example": None,
        "https://b.example": {},
        "https://c.example": good | {"key": "zz"},
        "https://d.example": good | {"serial": "x"},
        "https://f.example": good | {"serial": 1e300},
        "ftp://e.example": good,
    }
    again = DriverIndexes(home, async_get_clientsession(home))
    await again.async_load()
    assert {str(own.address) for own in again.all} == {address, unreadable, timeless}
    assert {index["looked_at"][:4] for index in indexes_json(again)["indexes"]} == {
        *("1970", str(dt_util.utcnow().year)),
    }
    broken = again.get(unreadable)
    assert broken is not None
    assert (broken.index, broken.name, broken.looked_at) == (None, "127.0.0.1", 0)
    assert broken.signer is not None
    files.put(f"{INDEX}?2", written(signed(index_of(), OTHER_KEY)))
    await again.async_check(only_due=True)
    assert broken.changed is not None  # Its key was kept


async def test_the_example_of_the_repository(
    home: HomeAssistant, files: FileServer, repairs: Repairs
) -> None:
    """Given the index of the template, signed by its author, its driver is installed."""
    await start(home)
    document = json.loads(await read(TEMPLATE / "index.json"))
    listed = document["drivers"][0]["versions"][0]
    files.put(f"/hmm/{listed['url']}", await read(TEMPLATE / listed["url"]))
    await add(home, files.put(INDEX, written(signed(document))))
    (listing,) = indexes(home).search("Example One")
    await get_data(home).driver_service.async_propose_listed(listing)
    await repairs.open("driver_install_miner/sample_one")
    assert (await repairs.choose("install"))["type"] == "create_entry"
    assert "sample_one" in get_data(home).drivers.miners


# What is no index, or leads astray


async def test_an_index_of_100_mb(home: HomeAssistant, files: FileServer) -> None:
    """Given 100 MB, told before or not, or packed small, it is not read."""
    await start(home)
    large = b" " * 100_000_000
    assert "larger than 2048 KB" in await why_not(home, files.put(INDEX, large))
    head = "200 OK\r\nTransfer-Encoding: chunked"
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(large), large)
    assert "larger than 2048 KB" in await why_not(
        home, files.answer(INDEX, head, chunked)
    )


async def test_an_address_that_leads_elsewhere(
    home: HomeAssistant, files: FileServer
) -> None:
    """Given a redirect, it is followed on the same server only, and not for ever."""
    await start(home)
    for head, reason in (
        ("302 Found\r\nLocation: http://127.0.0.2:1/i.json", "https://"),
        ("302 Found\r\nLocation: https://192.168.1.1/i.json", "another one, 192.168"),
        ("302 Found\r\nLocation: https://other.example/", "another one, other.example"),
        (f"302 Found\r\nLocation: {INDEX}", "redirects in circles"),
        ("404 Not Found", "returned 404"),
        ("200 OK", "It is empty"),
    ):
        files.requests.clear()
        address = files.answer(INDEX, f"{head}\r\nContent-Length: 0")
        assert reason in await why_not(home, address)
        assert len(files.requests) <= 5


NO_INDEX = (
    (b"<html>", "web page"),
    (b"[" * 1_000_000, "nested too deeply"),
    (b'{"hmm_driver_index": 1, "serial": 1e400}', "too large or not whole"),
    (b'{"hmm_driver_index": 1, "name": "\\u0000"}', "name has characters"),
    (b"\x00" * 1000, "not valid JSON (line 1)"),
    (written(index_of(driver_of(), driver_of())), "miner/acme is there twice"),
    (
        written(index_of(driver_of(version_of("", url="../x")))),
        "drivers[0].versions[0].url is missing or not valid",
    ),
    (
        written(index_of(driver_of(version_of("", url="https://10.0.0.1/x")))),
        "10.0.0.1 is in a home network",
    ),
    (
        written(index_of() | {"signature": signed(index_of(serial=2))["signature"]}),
        "Its signature is not valid",
    ),
)


async def test_what_is_no_index(home: HomeAssistant, files: FileServer) -> None:
    """Given anything that is no index, one sentence says what and where."""
    await start(home)
    for body, reason in NO_INDEX:
        assert reason in await why_not(home, files.put(INDEX, body))


async def test_addresses_that_cannot_be_added(
    home: HomeAssistant, files: FileServer
) -> None:
    """Given an address that is none, one that is there, or one too many: refused."""
    await start(home)
    assert "https://" in await why_not(home, "http://example.org/index.json")
    assert "password" in await why_not(home, "https://me:secret@example.org/i.json")
    own = await add(home, publish(files))
    with pytest.raises(HomeAssistantError, match="already been added"):
        await indexes(home).async_read(str(own.address))
    for number in range(1, MAX_INDEXES):
        path = f"/{number}.json"
        await add(home, files.put(path, written(index_of())))
    with pytest.raises(HomeAssistantError, match="There are already 10 indexes"):
        await indexes(home).async_read(files.put("/11.json", written(index_of())))


async def test_names_and_texts_are_shown_as_they_are(
    home: HomeAssistant, files: FileServer
) -> None:
    """Given Markdown in the name of an index, its issue does not render it."""
    await start(home)
    name = "[x](https://evil.example) **b** <b>"
    await add(home, publish(files, signed(index_of(name=name))))
    publish(files, signed(index_of(name=name), OTHER_KEY))
    await list_offered(home)
    (issue,) = issues(home).values()
    assert issue.translation_placeholders is not None
    assert issue.translation_placeholders["index"] == (
        r"\[x\](https:\//evil.example) \*\*b\*\* \<b>"
    )


# Files that are not what they should be


async def test_a_checksum_that_is_a_lie(
    home: HomeAssistant, files: FileServer, repairs: Repairs
) -> None:
    """Given a file with another checksum than listed, it is not installed."""
    await start(home)
    await add(home, publish(files))
    files.put("/hmm/acme-1.0.0_driver.py", acme(hashrate=666))
    with pytest.raises(HomeAssistantError, match="not the one that you want"):
        await install(home, repairs)
    assert await names(home) == set()

    publish(files)
    await install(home, repairs)
    publish(files, signed(acme_index("1.0.0", "1.1.0", serial=2)), "1.0.0")
    files.put("/hmm/acme-1.1.0_driver.py", acme("1.1.0", hashrate=666))
    row = await row_of(home)
    assert row["status"] == "up_to_date"
    assert "not the one that you want" in row["error"]
    assert await names(home) == {FILE}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (acme("1.0.0", driver_type="bitaxe"), "miner/bitaxe 1.0.0"),
        (acme("6.6.6"), "miner/acme 6.6.6"),
    ],
)
async def test_a_file_that_is_another_driver(
    home: HomeAssistant, files: FileServer, repairs: Repairs, text: str, found: str
) -> None:
    """Given a file of another type or version than listed, it is not installed."""
    await start(home)
    await add(home, publish(files, index_of(driver_of(version_of(text)))))
    files.put("/hmm/acme-1.0.0_driver.py", text)
    with pytest.raises(HomeAssistantError, match=f"the file is {found}"):
        await install(home, repairs)
    assert await names(home) == set()


async def test_a_version_that_goes_back_is_not_offered(
    home: HomeAssistant, files: FileServer, repairs: Repairs
) -> None:
    """Given an index that lists older versions now, what is installed stays."""
    await start(home)
    await add(home, publish(files, acme_index("1.0.0", "1.1.0"), "1.0.0", "1.1.0"))
    await install(home, repairs)
    publish(files, acme_index("1.0.0", serial=2))
    row = await row_of(home)
    assert (row["status"], row["available_version"]) == ("up_to_date", "1.1.0")
    publish(files, index_of(driver_of(type="other"), serial=3))
    row = await row_of(home)
    assert (
        row["error"] == "The index Drivers of Acme does not list miner/acme any more."
    )


async def test_a_driver_that_needs_a_newer_hmm(
    home: HomeAssistant, files: FileServer, repairs: Repairs
) -> None:
    """Given versions of which some need a newer HMM, the others can be installed."""
    await start(home)
    versions = [
        version_of(acme("1.0.0"), "1.0.0"),
        version_of(acme("2.0.0"), "2.0.0", min_hmm="99"),
    ]
    address = publish(files, index_of(driver_of(*versions)), "1.0.0", "2.0.0")
    await add(home, address)
    (found,) = (await do(home, "search_driver_indexes"))["drivers"]
    assert found["version"] == "1.0.0"
    with pytest.raises(HomeAssistantError, match=r"acme 2.0.0 needs HMM 99"):
        await install(home, repairs)
    (listing,) = indexes(home).search("")
    await get_data(home).driver_service.async_propose_listed(listing)
    await repairs.open("driver_install_miner/acme")
    await repairs.choose("install")
    publish(files, index_of(driver_of(versions[1]), serial=2), "2.0.0")
    assert "needs HMM 99" in (await row_of(home))["error"]
    versions[1] = version_of(acme("2.0.0"), "2.0.0", interface="99")
    publish(files, index_of(driver_of(versions[1]), serial=3), "2.0.0")
    assert "99 of the driver interface" in (await row_of(home))["error"]
    answer = await do(home, "update_driver", driver="acme")
    assert answer["old_version"] == answer["new_version"] == "1.0.0"


# Signatures


async def test_another_key_stops_everything_from_the_index(
    home: HomeAssistant, files: FileServer, repairs: Repairs
) -> None:
    """Given another key, nothing is installed until the owner trusts it."""
    await start(home)
    own = await add(home, publish(files))
    before = own.signer
    await install(home, repairs)
    publish(
        files,
        signed(acme_index("1.0.0", "1.1.0", serial=2, name="Evil"), OTHER_KEY),
        *("1.0.0", "1.1.0"),
    )
    listed = await list_offered(home)
    assert (listed["trusted"], listed["name"]) == (False, "Drivers of Acme")
    assert "has another key" in listed["error"]
    row = await row_of(home)
    assert (row["status"], row["available_version"]) == ("up_to_date", None)
    assert "has another key" in row["error"]
    assert (await do(home, "search_driver_indexes"))["drivers"] == []
    with pytest.raises(HomeAssistantError, match="has another key"):
        await do(home, "update_driver", driver="acme")
    assert await names(home) == {FILE}

    (issue,) = issues(home).values()
    shown = await repairs.open(issue.issue_id)
    placeholders = shown["description_placeholders"]
    assert before is not None
    assert placeholders["old"] == before.fingerprint
    assert placeholders["new"] != placeholders["old"]
    assert (await repairs.choose("trust"))["type"] == "create_entry"
    assert issues(home) == {}
    assert own.signer != before
    assert (await list_offered(home))["name"] == "Evil"
    assert (await row_of(home))["available_version"] == "1.1.0"


async def test_a_lost_signature(
    home: HomeAssistant, files: FileServer, repairs: Repairs
) -> None:
    """Given no signature any more, the owner is asked; unsigned is a choice."""
    await start(home)
    own = await add(home, publish(files))
    publish(files, index_of(serial=2))
    assert not (await list_offered(home))["trusted"]
    (issue,) = issues(home).values()
    assert issue.translation_key == "index_signature_lost"
    await repairs.open(issue.issue_id)
    assert (await repairs.choose("trust"))["type"] == "create_entry"
    listed = await list_offered(home)
    assert (listed["signed"], listed["trusted"], listed["serial"]) == (False, True, 2)
    # Signed again, that key is the one from then on
    publish(files, signed(index_of(serial=3), OTHER_KEY))
    assert (await list_offered(home))["signed"]
    assert own.signer is not None
    assert own.signer.key == OTHER_KEY.public_key().public_bytes_raw().hex()


async def test_the_owner_removes_the_index(
    home: HomeAssistant, files: FileServer, repairs: Repairs
) -> None:
    """Given a removed index, its drivers stay and have no source any more."""
    await start(home)
    own = await add(home, publish(files))
    await install(home, repairs)
    publish(files, signed(index_of(), OTHER_KEY))
    await list_offered(home)
    (issue,) = issues(home).values()
    await repairs.open(issue.issue_id)
    assert (await repairs.choose("remove"))["type"] == "create_entry"
    assert issues(home) == {}
    assert indexes(home).all == []
    assert await names(home) == {FILE}
    files.requests.clear()
    row = await row_of(home)
    assert (row["status"], row["source"], row["url"]) == ("no_source", None, None)
    assert files.requests == []
    # Added again, it is the source once more, under its new key
    await add(home, str(own.address))
    assert (await row_of(home))["source"] == "index"


async def test_the_right_key_comes_back(
    home: HomeAssistant, files: FileServer, repairs: Repairs
) -> None:
    """Given the right key again, or a third one while the owner reads: no mistake."""
    await start(home)
    await add(home, publish(files))
    publish(files, signed(index_of(), OTHER_KEY))
    await list_offered(home)
    (issue,) = issues(home).values()
    await repairs.open(issue.issue_id)
    publish(files, index_of())
    await list_offered(home)
    assert (await repairs.choose("trust"))["reason"] == "changed_again"
    (issue,) = issues(home).values()
    assert issue.translation_key == "index_signature_lost"
    await repairs.open(issue.issue_id)
    publish(files, signed(index_of(), OTHER_KEY))
    # What was shown is taken, but by then something else is there: no harm
    assert (await repairs.choose("trust"))["type"] == "create_entry"
    publish(files, signed(index_of(), KEY))
    await list_offered(home)
    (issue,) = issues(home).values()
    await repairs.open(issue.issue_id)
    publish(files, signed(index_of(), OTHER_KEY))
    await list_offered(home)
    assert issues(home) == {}
    assert (await list_offered(home))["trusted"]


async def test_a_trusted_key_that_changes_at_once(
    home: HomeAssistant, files: FileServer, repairs: Repairs
) -> None:
    """Given a third key when the second one is trusted, the owner is asked again."""
    await start(home)
    await add(home, publish(files))
    publish(files, signed(index_of(), OTHER_KEY))
    await list_offered(home)
    (issue,) = issues(home).values()
    await repairs.open(issue.issue_id)
    publish(files, signed(index_of(), KEY))
    assert (await repairs.choose("trust"))["reason"] == "changed_again"
    assert len(issues(home)) == 1
    # Decided in another window
    await repairs.open(issue.issue_id)
    publish(files, signed(index_of(), OTHER_KEY))
    await list_offered(home)
    assert (await repairs.choose("trust"))["type"] == "create_entry"


async def test_an_old_file_is_not_taken(
    home: HomeAssistant, files: FileServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Given an older index with a good signature, the newer one stays in use."""
    await start(home)
    new = signed(acme_index("1.0.0", "1.1.0", serial=9))
    await add(home, publish(files, new, "1.0.0", "1.1.0"))
    publish(files, signed(acme_index("1.0.0", serial=8)))
    for _ in range(3):
        listed = await list_offered(home)
        assert "older" in listed["error"]
        assert listed["serial"] == 9
    assert caplog.text.count("The driver index Drivers of Acme") == 1
    (found,) = (await do(home, "search_driver_indexes"))["drivers"]
    assert found["version"] == "1.1.0"
    # Without a time in it, an index never expires
    publish(files, new)
    assert (await list_offered(home))["error"] is None
    await indexes(home).async_remove(listed["address"])
    await add(home, publish(files, signed(acme_index("1.0.0", serial=8))))
    assert (await list_offered(home))["error"] is None


async def test_a_signature_of_another_file_is_no_change_of_the_key(
    home: HomeAssistant, files: FileServer
) -> None:
    """Given a file that its signature is not of, what was there before stays."""
    await start(home)
    own = await add(home, publish(files))
    other = signed(index_of(serial=5))["signature"]
    publish(files, index_of(serial=2, name="Evil") | {"signature": other})
    listed = await list_offered(home)
    assert "signature is not valid" in listed["error"]
    assert (listed["trusted"], listed["name"]) == (True, "Drivers of Acme")
    assert issues(home) == {}
    assert own.serial == 1


async def test_a_question_from_before_the_key_changed(
    home: HomeAssistant, files: FileServer, repairs: Repairs
) -> None:
    """Given a driver that waits for a yes, a changed key in between refuses it."""
    await start(home)
    address = publish(files)
    await add(home, address)
    (found,) = (await do(home, "search_driver_indexes"))["drivers"]
    version = found["versions"][0]
    data = {"url": version["url"], "sha256": version["sha256"]}
    answer = await do(home, "install_driver", **data)
    publish(files, signed(index_of(), OTHER_KEY))
    await list_offered(home)
    shown = await repairs.open(answer["issue_id"])
    assert shown["description_placeholders"]["index"] == address
    result = await repairs.choose("install")
    assert result["reason"] == "not_installed"
    await indexes(home).async_remove(address)
    await repairs.open(answer["issue_id"])
    result = await repairs.choose("install")
    assert "not among those" in result["description_placeholders"]["reason"]
    # The address and checksum typed by hand are the owner's own word
    await repairs.open((await do(home, "install_driver", **data))["issue_id"])
    assert (await repairs.choose("install"))["type"] == "create_entry"
    assert (await row_of(home))["source"] == "url"


async def test_an_update_on_its_way_when_the_key_changes(
    home: HomeAssistant, files: FileServer, repairs: Repairs
) -> None:
    """Given an offer from before, it is gone with the trust in its index."""
    await start(home)
    own = await add(home, publish(files))
    await install(home, repairs)
    publish(files, signed(acme_index("1.0.0", "1.1.0", serial=2)), "1.0.0", "1.1.0")
    assert (await row_of(home))["status"] == "update_available"
    sources = get_data(home).driver_service.sources
    offer = sources.find("acme").offer
    assert offer is not None
    own.changed = module.KeyChange(None)
    with pytest.raises(HomeAssistantError, match="has another key"):
        await sources.async_content(offer)


# The rest goes on


async def test_an_index_that_cannot_be_reached(
    home: HomeAssistant,
    files: FileServer,
    repairs: Repairs,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Given a server that is gone, it is said once; all others are asked as ever."""
    caplog.set_level(logging.INFO)
    await start(home)
    await add(home, publish(files))
    await install(home, repairs)
    other = await add(home, files.put("/other.json", written(index_of(name="Other"))))
    files.answer(INDEX, "503 Busy\r\nContent-Length: 0")
    for _ in range(3):
        row = await row_of(home)
        assert (row["status"], row["error"]) == ("up_to_date", None)
    listed = await list_offered(home)
    assert listed["error"] == "The server returned 503"
    assert (listed["drivers"], listed["trusted"]) == (1, True)
    assert other.error is None
    assert caplog.text.count("The driver index Drivers of Acme") == 1
    publish(files)
    assert (await list_offered(home))["error"] is None
    assert "The driver index Drivers of Acme: all is well again" in caplog.text


async def test_two_indexes_with_one_driver(
    home: HomeAssistant, files: FileServer, repairs: Repairs
) -> None:
    """Given a driver in two indexes, its updates come from the one it came from."""
    await start(home)
    await add(home, publish(files))
    await install(home, repairs)
    text = acme("6.0.0")
    newer = index_of(driver_of(version_of(text, "6.0.0", url="/evil.py")))
    files.put("/evil.py", text)
    await add(home, files.put("/other.json", written(newer)))
    assert len((await do(home, "search_driver_indexes"))["drivers"]) == 2
    assert (await row_of(home))["status"] == "up_to_date"
    # The owner may change to the other one
    url = files.url("/evil.py")
    answer = await do(home, "install_driver", url=url, sha256=sum_of(text))
    await repairs.open(answer["issue_id"])
    await repairs.choose("install")
    row = await row_of(home)
    assert (row["current_version"], row["source"]) == ("6.0.0", "index")


async def test_origins_are_kept(
    home: HomeAssistant,
    files: FileServer,
    repairs: Repairs,
    hass_storage: dict[str, Any],
) -> None:
    """Given what is stored of a driver, its index is in it; a broken one is dropped."""
    await start(home)
    address = publish(files)
    await add(home, address)
    await install(home, repairs)
    sources = get_data(home).driver_service.sources
    await flush_store(sources._store)
    (origin,) = hass_storage["hmm.drivers"]["data"].values()
    assert origin["index"] == address
    origin["index"] = ["x"]
    await sources.async_load()
    await sources.async_refresh()
    assert sources.find("acme").url is None
