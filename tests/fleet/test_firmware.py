"""News of firmware: who is told what, and how a feed that lies is taken."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
import json
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.hmm.data import get_data
from custom_components.hmm.driver_api import DeviceFacts
from custom_components.hmm.fleet.firmware import (
    LONGEST_NOTES,
    newest,
    read_releases,
    version_of,
    why_none,
)
from simulator import SimulatedAxeOS, SimulatedNerdQAxe
from tests.common import (
    find,
    find_id,
    find_maybe,
    fire_time_changed,
    fleet_entry,
    later,
    poll,
)
from tests.conftest import miner_entry, set_up
from tests.file_server import FileServer
from tests.flows import go_on, open_options

pytestmark = pytest.mark.usefixtures("quick")

PATH = "/repos/bitaxeorg/ESP-Miner/releases?per_page=30"
LONG_AGO = "2024-01-01T00:00:00Z"


def release(tag: str, **facts: Any) -> dict[str, Any]:
    """Return a release as GitHub tells it."""
    return {
        "tag_name": tag,
        "draft": False,
        "prerelease": False,
        "published_at": LONG_AGO,
        "body": f"What is new in {tag}",
        "assets": [{"name": "esp-miner.bin"}, {"name": "www.bin"}],
        **facts,
    }


# Facts


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("v2.13.1", (2, 13, 1)),
        ("V1.0.37.2-LTS", (1, 0, 37, 2)),
        ("1.0.36", (1, 0, 36)),
        ("v2.9.0-3-gabc", None),
        ("v2.6.0b11", None),
        ("v2.4.0-1.2.3", None),
        ("v3.0.21-nmaxe", None),
        ("2.1", None),
        ("v2.13.1\n", None),
        ("9" * 10_000, None),
        (None, None),
    ],
)
def test_what_is_official(text: str | None, version: tuple[int, ...] | None) -> None:
    """Given a version, then only that of a release is one."""
    assert version_of(text) == version


@pytest.mark.parametrize(
    ("driver", "facts", "why"),
    [
        ("bitaxe", DeviceFacts(firmware="v2.9.0", manufacturer="Bitaxe"), None),
        ("bitaxe", DeviceFacts(firmware="v2.9.0-x", manufacturer="Bitaxe"), "fork"),
        (
            "bitaxe",
            DeviceFacts(firmware="v2.9.0", manufacturer="Lucky"),
            "not_official",
        ),
        ("bitaxe", DeviceFacts(), "fork"),
        ("nerdqaxe", DeviceFacts(firmware="v1.0.36", model="NerdQAxe++"), None),
        ("nerdqaxe", DeviceFacts(firmware="v1.0.36", model="NerdX"), "not_official"),
    ],
)
def test_who_is_told_nothing(driver: str, facts: DeviceFacts, why: str | None) -> None:
    """Given a fork or a board of somebody else, then nothing is said, and why."""
    assert why_none(driver, facts) == why


def test_the_newest_good_one() -> None:
    """Given a feed, then previews, bad ones, fresh ones and other boards are left out."""
    releases = read_releases(
        [
            release("v2.16.0", published_at="2026-11-28T00:00:00Z"),
            release("v2.15.9", prerelease=True),
            release("v2.15.8", draft=True),
            release("v2.15.7b2"),
            release("v2.15.6", assets=[]),
            release("v2.14.0"),
            release("v2.13.3"),
            release("v2.13.4", published_at="2026-01-01T00:00:00"),
        ]
    )
    facts = DeviceFacts(firmware="v2.9.0", manufacturer="Bitaxe")
    before = datetime(2026, 11, 20, tzinfo=UTC)
    result = newest("bitaxe", facts, releases, before)
    assert result is not None
    assert result.tag == "v2.13.4"
    nerd = DeviceFacts(firmware="v1.0.30", model="NerdQAxe+")
    other = read_releases(
        [release("v1.0.36", assets=[{"name": "esp-miner-NerdQAxe+.bin"}])]
    )
    assert newest("nerdqaxe", nerd, other, before) == other[0]


@pytest.mark.parametrize(
    "lie",
    [
        None,
        {},
        [None, 5, "x", [], {}],
        [release("v2.16.0", published_at="yesterday")],
        [release("v2.16.0", published_at=7)],
        [release("v2.16.0", draft=None)],
        [release(7)],  # type: ignore[arg-type]
        [release("v2.16.0", tag_name=None)],
    ],
)
def test_a_feed_that_makes_no_sense(lie: Any) -> None:
    """Given nonsense, then it holds no release."""
    assert read_releases(lie) == ()


def test_halves_of_characters_can_be_kept() -> None:
    """Given half of a surrogate pair, then it can be written to a file."""
    half = "\ud83d"
    result = read_releases([release("v2.16.0", body=half, assets=[{"name": half}])])
    assert result[0].notes == result[0].assets[0] == "?"


def test_a_feed_without_end() -> None:
    """Given endless lists and texts, then they are cut."""
    many = [
        release("v2.16.0", body="x" * 10**6, assets=[{"name": "y" * 10**4}, 5] * 10**4)
    ]
    result = read_releases(many * 1000)
    assert len(result) == 30
    assert len(result[0].notes) == LONGEST_NOTES
    assert len(result[0].assets) <= 200
    assert read_releases([release("v2.16.0", body=None, assets=None)])[0].notes == ""


# In Home Assistant


@pytest.fixture
async def feed(home: HomeAssistant) -> AsyncIterator[FileServer]:
    """Serve a feed on this machine."""
    async with FileServer() as server:
        yield server


def put(feed: FileServer, content: Any) -> None:
    """Let the feed say something."""
    feed.put(PATH, json.dumps(content), "application/json")


async def switch_on(home: HomeAssistant, feed: FileServer, **options: Any) -> None:
    """Switch it on in the dialog of the fleet."""
    get_data(home).firmware.api = feed.url("")
    form = await go_on(
        home, await open_options(home, fleet_entry(home)), next_step_id="firmware"
    )
    await go_on(home, form, **({"firmware_check": True, "firmware_hold": 7} | options))
    await home.async_block_till_done(wait_background_tasks=True)


async def notice(home: HomeAssistant, entry: ConfigEntry[Any]) -> Any:
    """Return what a miner shows."""
    await poll(home, entry)
    return find(home, entry, "update", "firmware")


async def test_one_request_for_all(
    home: HomeAssistant,
    feed: FileServer,
    freezer: FrozenDateTimeFactory,
    hass_ws_client: WebSocketGenerator,
) -> None:
    """Given two miners, then one request every 12 hours, and none without consent."""
    put(feed, [release("v9.0.0"), release("v2.14.0"), release("v8.0.0b1")])
    async with (
        SimulatedAxeOS(version="v2.13.1", name="one") as one,
        SimulatedAxeOS(version="v2.13.1-me", name="two") as two,
        SimulatedNerdQAxe() as nerd,
    ):
        first = await set_up(home, miner_entry(one, "bitaxe", title="One"))
        second = await set_up(home, miner_entry(two, "bitaxe", title="Two"))
        await set_up(home, miner_entry(nerd, "nerdqaxe", title="Nerd"))
        get_data(home).firmware.api = feed.url("")
        await later(home, 3600)
        assert feed.requests == []
        assert find_maybe(home, first, "update", "firmware") is None

        await switch_on(home, feed)
        assert feed.requests.count(PATH) == 1
        shown = await notice(home, first)
        assert shown.state == "on"
        assert shown.attributes["installed_version"] == "v2.13.1"
        assert shown.attributes["latest_version"] == "v9.0.0"
        assert shown.attributes["title"] == "AxeOS"
        assert shown.attributes["release_summary"] == "What is new in v9.0.0"
        assert shown.attributes["release_url"].endswith(
            "/ESP-Miner/releases/tag/v9.0.0"
        )
        assert not shown.attributes["supported_features"] & 1  # nothing is installed
        client = await hass_ws_client()
        await client.send_json_auto_id(
            {
                "type": "update/release_notes",
                "entity_id": find_id(home, first, "update", "firmware"),
            }
        )
        reported = (await client.receive_json())["result"]
        assert reported.startswith("v2.14.0 is skipped: https://github.com/")
        assert "What is new in v9.0.0" in reported
        fork = await notice(home, second)
        assert (fork.state, fork.attributes["reason"]) == ("unknown", "fork")

        for _ in range(71):
            freezer.tick(600)
            fire_time_changed(home)
        await home.async_block_till_done(wait_background_tasks=True)
        assert feed.requests.count(PATH) == 1
        freezer.tick(1200)
        fire_time_changed(home)
        await home.async_block_till_done(wait_background_tasks=True)
        assert feed.requests.count(PATH) == 2

        await switch_on(home, feed, firmware_check=False)
        assert (await notice(home, first)).state == "unknown"


async def test_what_is_kept(
    home: HomeAssistant, feed: FileServer, hass_storage: dict[str, Any]
) -> None:
    """Given a restart, then what the feed said is known, and it is not asked."""
    published = (datetime.now(UTC) - timedelta(days=3)).isoformat()
    put(feed, [release("v9.0.0", published_at=published)])
    async with SimulatedAxeOS(version="v2.13.1") as device:
        entry = await set_up(home, miner_entry(device, "bitaxe"))
        await switch_on(home, feed)
        # It is too fresh
        shown = await notice(home, entry)
        assert (shown.state, shown.attributes["latest_version"]) == ("off", "v2.13.1")
        await switch_on(home, feed, firmware_hold=2)
        assert (await notice(home, entry)).state == "on"
        news = get_data(home).firmware
        await news._store.async_save(dict(news._content()))
        news._seen.clear()
        await news.async_load()
        assert news.releases("bitaxe")[0].tag == "v9.0.0"
        await later(home, 700)
        assert feed.requests.count(PATH) == 1
        for broken in (
            {"bitaxe": 5},
            {"bitaxe": {"at": "x", "releases": "y"}},
            {"z": 1},
        ):
            await news._store.async_save(broken)
            news._seen.clear()
            await news.async_load()
            assert news.releases("bitaxe") == ()


@pytest.mark.parametrize(
    "kind", ["gone", "html", "deep", "huge", "dust", "cut", "moved", "old"]
)
async def test_a_feed_that_lies(
    home: HomeAssistant, feed: FileServer, freezer: FrozenDateTimeFactory, kind: str
) -> None:
    """Given a feed that turns bad, then what it said last stays, without an error."""
    put(feed, [release("v9.0.0")])
    async with SimulatedAxeOS(version="v2.13.1") as device:
        entry = await set_up(home, miner_entry(device, "bitaxe"))
        await switch_on(home, feed)
        match kind:
            case "gone":
                await feed.stop()
            case "html":
                feed.put(PATH, "<html>Sign in", "text/html")
            case "deep":
                feed.put(PATH, "[" * 500_000, "application/json")
            case "huge":
                feed.put(PATH, b" " * (5 * 2**20), "application/json")
            case "dust":
                body = f"{5000 * ' '}{json.dumps([release('v9.1.0')])}".encode()
                chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body)
                head = "200 OK\r\nTransfer-Encoding: chunked"
                feed.answer(PATH, head, chunks + b"0\r\n\r\n")
            case "cut":
                feed.cut(PATH)
            case "moved":
                head = f"301 Moved\r\nLocation: {feed.url('/x')}\r\nContent-Length: 0"
                feed.answer(PATH, head)
            case "old":
                put(feed, [release("v1.0.0")])
        freezer.tick(13 * 3600)
        fire_time_changed(home)
        await home.async_block_till_done(wait_background_tasks=True)
        shown = await notice(home, entry)
        if kind == "old":
            assert (shown.state, shown.attributes["latest_version"]) == (
                *("off", "v2.13.1"),
            )
        else:
            assert shown.attributes["latest_version"] == "v9.0.0"
        assert "/x" not in feed.requests
