"""What is known of the miners, kept across restarts."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers.device_registry import EVENT_DEVICE_REGISTRY_UPDATED
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.hmm.const import DOMAIN
from custom_components.hmm.data import get_data
from custom_components.hmm.driver_api import DeviceFacts
from custom_components.hmm.driver_engine.profile import MinerProfile
from custom_components.hmm.miner.profile_store import ProfileStore
from simulator import SimulatedAxeOS
from tests.common import devices, find, find_maybe, later, poll
from tests.conftest import miner_entry, set_up

pytestmark = pytest.mark.usefixtures("quick")

FILE = "hmm.miners"
PROFILE = MinerProfile(
    facts=DeviceFacts(firmware="v2.15.0", model="Bitaxe Gamma"),
    telemetry=frozenset({"hashrate", "power"}),
    modes=("eco", "standard"),
)


@contextmanager
def writes(hass_storage: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """Collect what is written to the file."""
    result: list[dict[str, Any]] = []

    async def write(store: Any, data: dict[str, Any]) -> None:
        if "data_func" in data:
            data["data"] = data.pop("data_func")()
        hass_storage[store.key] = data
        if store.key == FILE:
            result.append(data["data"])

    with patch(
        "homeassistant.helpers.storage.Store._async_write_data", write, spec_set=True
    ):
        yield result


async def test_the_profile_of_a_new_miner_is_stored_apart(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, hass_storage: dict[str, Any]
) -> None:
    """The flow hands the profile over in the entry; from there it goes to the file."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    assert set(entry.data) == {"entry_type", "driver", "host", "port"}
    stored = hass_storage[FILE]["data"][entry.entry_id]
    assert stored["modes"] == ["eco", "standard", "turbo", "oc"]
    assert stored["facts"]["mac"] == bitaxe.mac.lower()


async def test_a_restart_with_miners_of_an_earlier_version(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, hass_storage: dict[str, Any]
) -> None:
    """Profiles that stand in entries are moved, all with one write, and none is lost."""
    await bitaxe.unplug()
    entries = [
        miner_entry(
            bitaxe, "bitaxe", f"id {number}", data={"profile": PROFILE.as_dict()}
        )
        for number in range(3)
    ]
    for entry in entries:
        entry.add_to_hass(home)
    with writes(hass_storage) as written:
        assert await async_setup_component(home, DOMAIN, {})
        await home.async_block_till_done()
    assert [set(item) for item in written] == [{entry.entry_id for entry in entries}]
    for entry in entries:
        assert entry.state is ConfigEntryState.LOADED
        assert "profile" not in entry.data
        assert get_data(home).profiles.get(entry.entry_id) == PROFILE
        assert find(home, entry, "sensor", "hashrate").state == STATE_UNAVAILABLE


async def test_a_firmware_text_without_end_of_an_earlier_version(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """What stands in an entry already is cut before anything shows it."""
    await bitaxe.unplug()
    facts = replace(PROFILE.facts, firmware="v" * 250_000)
    stored = replace(PROFILE, facts=facts).as_dict()
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe", data={"profile": stored}))
    (device,) = devices(home, entry)
    assert device.sw_version == "v" * 255


async def test_the_file_is_written_before_the_entry_forgets(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, hass_storage: dict[str, Any]
) -> None:
    """Home Assistant may end at any moment: the profile is in one of the two."""
    entry = miner_entry(bitaxe, "bitaxe", data={"profile": PROFILE.as_dict()})
    entry.add_to_hass(home)
    store = ProfileStore(home)

    async def write(_: Any, __: Any) -> None:
        assert "profile" in entry.data
        raise RuntimeError

    with (
        patch("homeassistant.helpers.storage.Store._async_write_data", write),
        pytest.raises(RuntimeError),
    ):
        await store.async_load()
    assert MinerProfile.from_dict(entry.data["profile"]) == PROFILE


async def test_a_removed_miner_is_forgotten(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, hass_storage: dict[str, Any]
) -> None:
    """Nothing of it stays in the file, even if its last poll ends later."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    profile = entry.runtime_data.profile
    await home.config_entries.async_remove(entry.entry_id)
    assert hass_storage[FILE]["data"] == {}
    get_data(home).profiles.set(entry.entry_id, profile)
    home.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await home.async_block_till_done()
    assert hass_storage[FILE]["data"] == {}


async def test_a_miner_that_was_removed_without_hmm_is_forgotten(
    home: HomeAssistant, hass_storage: dict[str, Any]
) -> None:
    """What belongs to no entry is not read again."""
    hass_storage[FILE] = {"version": 1, "data": {"gone": PROFILE.as_dict()}}
    assert await async_setup_component(home, DOMAIN, {})
    assert get_data(home).profiles.get("gone") is None


@pytest.mark.parametrize(
    "content",
    [
        [],
        {"ID": None},
        {"ID": []},
        {"ID": {"facts": 5}},
        {"ID": {"telemetry": [{}]}},
        {"ID": {"modes": 7, "tuning": "x"}},
    ],
)
async def test_a_file_that_somebody_edited(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    hass_storage: dict[str, Any],
    content: Any,
    every_entity: None,
) -> None:
    """What cannot be read counts as unknown, and the next poll brings it."""
    entry = miner_entry(bitaxe, "bitaxe", entry_id="ID")
    hass_storage[FILE] = {"version": 1, "data": content}
    entry.add_to_hass(home)
    assert await async_setup_component(home, DOMAIN, {})
    await home.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
    assert find_maybe(home, entry, "number", "set_frequency") is not None


async def test_what_is_learned_is_there_after_a_restart(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, hass_storage: dict[str, Any]
) -> None:
    """Home Assistant that ends before the write was due writes at its end."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    bitaxe.version = "v2.16.0"
    await poll(home, entry)
    facts = hass_storage[FILE]["data"][entry.entry_id]["facts"]
    assert facts["firmware"] != "v2.16.0"
    home.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await home.async_block_till_done()
    store = ProfileStore(home)
    await store.async_load()
    assert store.get(entry.entry_id) == entry.runtime_data.profile
    assert entry.runtime_data.profile.facts.firmware == "v2.16.0"


async def test_a_firmware_that_changes_at_every_poll(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, hass_storage: dict[str, Any]
) -> None:
    """The first change shows at once; file, entry and registry are written rarely."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    modified = entry.modified_at
    changes = async_capture_events(home, EVENT_DEVICE_REGISTRY_UPDATED)
    with writes(hass_storage) as written:
        for number in range(20):
            bitaxe.version = f"v2.15.{number}" + "x" * 250_000
            await poll(home, entry)
        assert not written
        assert len(changes) == 1
        await later(home, 901)
        await later(home, 901)
        assert len(written) == 1
        # What came last is what is written
        facts = written[0][entry.entry_id]["facts"]
        assert facts["firmware"].startswith("v2.15.19x")
        assert len(facts["firmware"]) <= 255
    assert entry.modified_at == modified
    (device,) = devices(home, entry)
    assert device.sw_version is not None
    assert device.sw_version.startswith("v2.15.0x")
    assert len(device.sw_version) <= 255


async def test_what_is_learned_later_shows_at_the_device(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """Model, serial number, hardware and MAC reach the registry with their poll."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    miner = entry.runtime_data
    (device,) = devices(home, entry)
    assert device.serial_number is None
    read = miner.client.read_profile

    def read_more(*args: Any) -> MinerProfile:
        profile: MinerProfile = read(*args)
        facts = replace(profile.facts, serial="S1", hardware="602", model="Gamma 602")
        return replace(profile, facts=facts)

    with patch.object(miner.client, "read_profile", read_more):
        await poll(home, entry)
    (device,) = devices(home, entry)
    assert (device.serial_number, device.hw_version) == ("S1", "602")
    assert device.model == "Gamma 602"
    assert device.connections == {("mac", bitaxe.mac.lower())}
