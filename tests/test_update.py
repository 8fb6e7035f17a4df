"""The update entities of drivers, as the user meets them."""

from typing import Any

from homeassistant.components.update import (
    ATTR_IN_PROGRESS,
    ATTR_INSTALLED_VERSION,
    ATTR_LATEST_VERSION,
    ATTR_RELEASE_URL,
    ATTR_TITLE,
    ATTR_UPDATE_PERCENTAGE,
    DATA_COMPONENT,
    DOMAIN as UPDATE,
)
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNKNOWN
from homeassistant.core import (
    Event,
    EventStateChangedData,
    HomeAssistant,
    State,
    callback,
)
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.event import async_track_state_change_event
import pytest
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.hmm.const import DOMAIN
from custom_components.hmm.data import get_data
from custom_components.hmm.markdown import checksum
from simulator import SimulatedAxeOS

from .common import act, fleet_entry, keys
from .conftest import miner_entry, set_up
from .file_server import FileServer
from .user_drivers import BITAXE, acme, broken, do, names, put, read, sum_of

BITAXE_FILE = "miner_drivers/bitaxe_driver.py"


async def old_bitaxe(version: str = "0.9.0") -> str:
    """Return the bundled driver with another version."""
    text = await read(BITAXE)
    return text.replace('driver_version = "1.0.0"', f'driver_version = "{version}"')


async def fleet(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> None:
    """Set up a miner, beside which the hub makes itself."""
    await set_up(home, miner_entry(bitaxe, "bitaxe"))
    await home.async_block_till_done(wait_background_tasks=True)


async def add(home: HomeAssistant, files: FileServer, text: str) -> str:
    """Install a driver from the web, as if the user had said yes."""
    url = files.put("/acme_driver.py", text)
    await do(home, "install_driver", url=url, sha256=sum_of(text))
    await get_data(home).driver_service.async_install(
        url, sum_of(text), "acme_driver.py"
    )
    await home.async_block_till_done()
    return url


def entity_id(home: HomeAssistant, driver: str) -> str | None:
    """Return the id of the update of a driver."""
    return er.async_get(home).async_get_entity_id(
        UPDATE, DOMAIN, f"{fleet_entry(home).unique_id}_driver_{driver}"
    )


def shown(home: HomeAssistant, driver: str = "miner_bitaxe") -> State:
    """Return the state of the update of a driver."""
    result = entity_id(home, driver)
    assert result is not None
    state = home.states.get(result)
    assert state is not None
    return state


def versions(state: State) -> tuple[str | None, str | None]:
    """Return which version is installed and which is to be had."""
    return (
        state.attributes[ATTR_INSTALLED_VERSION],
        state.attributes[ATTR_LATEST_VERSION],
    )


async def test_an_update_of_a_copy(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> None:
    """Given an old copy of a bundled driver, its update is on the hub; it installs."""
    path = await put(home, BITAXE_FILE, await old_bitaxe())
    await fleet(home, bitaxe)
    state = shown(home)
    assert state.state == STATE_ON
    assert state.name == "Mining fleet Driver Bitaxe (AxeOS)"
    assert versions(state) == ("0.9.0", "1.0.0")
    assert state.attributes[ATTR_TITLE] == "Bitaxe (AxeOS)"
    assert state.attributes[ATTR_RELEASE_URL] is None
    entry = er.async_get(home).async_get(state.entity_id)
    assert entry is not None and entry.device_id is not None
    device = dr.async_get(home).async_get(entry.device_id)
    assert device is not None
    assert device.identifiers == {(DOMAIN, fleet_entry(home).unique_id)}

    percent: list[Any] = []

    @callback
    def changed(event: Event[EventStateChangedData]) -> None:
        new = event.data["new_state"]
        if new is not None and new.attributes.get(ATTR_IN_PROGRESS):
            percent.append(new.attributes[ATTR_UPDATE_PERCENTAGE])

    async_track_state_change_event(home, [state.entity_id], changed)
    await act(home, UPDATE, "install", state.entity_id, backup=True)
    await home.async_block_till_done()
    state = shown(home)
    assert state.state == STATE_OFF
    assert versions(state) == ("1.0.0", "1.0.0")
    assert state.attributes[ATTR_IN_PROGRESS] is False
    assert state.attributes[ATTR_UPDATE_PERCENTAGE] is None
    assert percent == sorted(percent)
    assert {0, 30, 60, 80} <= set(percent)
    assert await read(path) == await read(BITAXE)
    assert len(await names(home, "backup")) == 1


async def test_updates_come_and_go(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> None:
    """Given files that come, break and go, their updates do, without a restart."""
    await fleet(home, bitaxe)
    hub = fleet_entry(home)
    assert keys(home, hub, UPDATE) == set()

    await put(home, BITAXE_FILE, await old_bitaxe())
    await put(home, "miner_drivers/acme_driver.py", acme())
    await do(home, "reload_drivers")
    # Nobody knows where the other one has its updates
    assert keys(home, hub, UPDATE) == {"driver_miner_bitaxe"}

    await put(home, BITAXE_FILE, await old_bitaxe("0.9.5"))
    await do(home, "reload_drivers")
    assert versions(shown(home)) == ("0.9.5", "1.0.0")

    # One that runs no more is told as it is: its update may mend it
    await put(home, BITAXE_FILE, broken(await old_bitaxe("0.9.6")))
    await do(home, "reload_drivers")
    assert versions(shown(home)) == ("0.9.6", "1.0.0")

    await do(home, "remove_driver", driver="bitaxe")
    assert keys(home, hub, UPDATE) == set()

    # The file that went was broken, and does not come back
    with pytest.raises(HomeAssistantError):
        await do(home, "rollback_driver", driver="bitaxe")
    assert keys(home, hub, UPDATE) == set()


async def test_updates_of_before_a_restart(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """Given a file that went while Home Assistant was off, so does its update."""
    path = await put(home, BITAXE_FILE, await old_bitaxe())
    await fleet(home, bitaxe)
    hub = fleet_entry(home)
    assert keys(home, hub, UPDATE) == {"driver_miner_bitaxe"}
    await home.config_entries.async_unload(hub.entry_id)
    await home.async_add_executor_job(path.unlink)
    await do(home, "reload_drivers")
    assert keys(home, hub, UPDATE) == {"driver_miner_bitaxe"}
    await home.config_entries.async_setup(hub.entry_id)
    await home.async_block_till_done()
    assert keys(home, hub, UPDATE) == set()


async def test_an_update_from_the_web(
    home: HomeAssistant,
    files: FileServer,
    bitaxe: SimulatedAxeOS,
    hass_ws_client: WebSocketGenerator,
) -> None:
    """Given a driver from the web, its new version, notes and address are shown."""
    await fleet(home, bitaxe)
    url = await add(home, files, acme())
    assert shown(home, "miner_acme").state == STATE_OFF
    assert shown(home, "miner_acme").attributes[ATTR_RELEASE_URL] == url
    new = acme("1.10.0")
    files.put("/acme_driver.py", new)
    await do(home, "check_driver_updates")
    state = shown(home, "miner_acme")
    assert state.state == STATE_ON
    assert versions(state) == ("1.0.0", "1.10.0")

    client = await hass_ws_client()
    await client.send_json_auto_id(
        {"type": "update/release_notes", "entity_id": state.entity_id}
    )
    notes = (await client.receive_json())["result"]
    assert notes == (
        f"Changelog\n1.10.0: as good as new\n\nSHA-256 `{checksum(sum_of(new))}`"
    )

    await act(home, UPDATE, "skip", state.entity_id)
    assert shown(home, "miner_acme").state == STATE_OFF
    await act(home, UPDATE, "clear_skipped", state.entity_id)
    await act(home, UPDATE, "install", state.entity_id)
    await home.async_block_till_done()
    assert versions(shown(home, "miner_acme")) == ("1.10.0", "1.10.0")

    # An older file at the source is no update
    files.put("/acme_driver.py", acme("1.9.0"))
    await do(home, "check_driver_updates")
    state = shown(home, "miner_acme")
    assert state.state == STATE_OFF
    assert versions(state) == ("1.10.0", "1.9.0")
    await act(home, UPDATE, "install", state.entity_id)
    await home.async_block_till_done()
    assert versions(shown(home, "miner_acme")) == ("1.10.0", "1.9.0")


async def test_a_version_that_is_none(
    home: HomeAssistant, files: FileServer, bitaxe: SimulatedAxeOS
) -> None:
    """Given a banana for a version, it is shown as it is, and can be installed."""
    await fleet(home, bitaxe)
    await add(home, files, acme())
    files.put("/acme_driver.py", acme("banana"))
    await do(home, "check_driver_updates")
    state = shown(home, "miner_acme")
    assert state.state == STATE_ON
    assert versions(state) == ("1.0.0", "banana")
    await act(home, UPDATE, "install", state.entity_id)
    await home.async_block_till_done()
    assert shown(home, "miner_acme").state == STATE_OFF


async def test_an_update_that_fails(
    home: HomeAssistant, files: FileServer, bitaxe: SimulatedAxeOS
) -> None:
    """Given an update that does not load, it is told, and still to be had."""
    await fleet(home, bitaxe)
    await add(home, files, acme())
    files.put("/acme_driver.py", broken(acme("2.0.0")))
    await do(home, "check_driver_updates")
    state = shown(home, "miner_acme")
    with pytest.raises(HomeAssistantError, match="RuntimeError: no"):
        await act(home, UPDATE, "install", state.entity_id)
    await home.async_block_till_done()
    state = shown(home, "miner_acme")
    assert state.state == STATE_ON
    assert versions(state) == ("1.0.0", "2.0.0")
    assert state.attributes[ATTR_IN_PROGRESS] is False


async def test_a_source_that_was_not_asked_yet(
    home: HomeAssistant,
    files: FileServer,
    bitaxe: SimulatedAxeOS,
    hass_storage: dict[str, Any],
) -> None:
    """Given a source that is down since the start, its version is unknown."""
    url = files.url("/acme_driver.py")
    hass_storage["hmm.drivers"] = {
        "version": 1,
        "minor_version": 1,
        "key": "hmm.drivers",
        "data": {
            "miner_drivers/acme_driver.py": {
                "driver": "miner/acme",
                "url": url,
                "sha256": sum_of(acme()),
                "version": "1.0.0",
                "previous_version": None,
                "installed_at": "2026-11-01T00:00:00+00:00",
                "updated_at": None,
            }
        },
    }
    await put(home, "miner_drivers/acme_driver.py", acme())
    await fleet(home, bitaxe)
    state = shown(home, "miner_acme")
    assert state.state == STATE_UNKNOWN
    assert versions(state) == ("1.0.0", None)
    entity = home.data[DATA_COMPONENT].get_entity(state.entity_id)
    assert entity is not None
    assert await entity.async_release_notes() is None

    with pytest.raises(HomeAssistantError, match="404") as raised:
        await do(home, "update_driver", driver="acme")
    assert raised.value.translation_key == "driver_source_failed"

    files.put("/acme_driver.py", acme("1.0.1"))
    assert (await do(home, "update_driver", driver="acme"))["new_version"] == "1.0.1"
    assert versions(shown(home, "miner_acme")) == ("1.0.1", "1.0.1")
