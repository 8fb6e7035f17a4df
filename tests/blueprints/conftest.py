"""What the tests of the blueprints share: their folder, a clock, what was told."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
import shutil
from typing import Any
from zoneinfo import ZoneInfo

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.automation import DOMAIN as AUTOMATION_DOMAIN
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.helpers import device_registry as dr, label_registry as lr
from homeassistant.setup import async_setup_component
import pytest

from custom_components.hmm.const import DOMAIN
from tests.common import act, fire_time_changed, fleet_entry

FOLDER = Path(__file__).parents[2] / "blueprints" / "automation" / "hmm"
NOTIFY = [
    {
        "action": "test.tell",
        "data": {
            "tag": "{{ tag }}",
            "title": "{{ title }}",
            "message": "{{ message }}",
        },
    }
]
"""The action that a user chose for messages."""

_WAITING = ("AutomationEntity", "Script.async_run", "_run_service_call")


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Return a config folder with the blueprints in it."""
    folder = Path(hass_tmp_config_dir, "blueprints", "automation", "hmm")
    shutil.copytree(FOLDER, folder)
    return hass_tmp_config_dir


async def automate(hass: HomeAssistant, blueprint: str, **inputs: Any) -> None:
    """Set up an automation from a blueprint; it is automation.it."""
    assert await async_setup_component(
        hass,
        AUTOMATION_DOMAIN,
        {
            AUTOMATION_DOMAIN: {
                "alias": "It",
                "use_blueprint": {"path": f"hmm/{blueprint}.yaml", "input": inputs},
            }
        },
    )
    await settle(hass)
    state = hass.states.get("automation.it")
    assert state is not None and state.state == "on", "the blueprint is not valid"


async def run_by_hand(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory | None = None
) -> None:
    """Press *Run* in the menu of the automation."""
    await hass.services.async_call(
        AUTOMATION_DOMAIN, "trigger", {"entity_id": "automation.it"}, blocking=False
    )
    await settle(hass, freezer)


async def settle(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory | None = None
) -> None:
    """Wait for all that is under way, but not for an automation that waits itself.

    With the clock, what waits for a device that restarts gets its time.
    """
    calm = turns = 0
    while calm < 20:
        turns += 1
        if freezer is not None and turns % 500 == 0:
            freezer.tick(0.1)
        await asyncio.sleep(0)
        busy = [
            task
            for task in hass._tasks
            if task is not asyncio.current_task()
            and not any(name in repr(task.get_coro()) for name in _WAITING)
        ]
        calm = 0 if busy else calm + 1


def device_id(hass: HomeAssistant, entry: ConfigEntry[Any]) -> str:
    """Return the id of an entry's own device."""
    device = dr.async_get(hass).async_get_device_by_identifier(
        (DOMAIN, entry.unique_id or entry.entry_id), entry.entry_id
    )
    assert device is not None
    return device.id


def put_label(hass: HomeAssistant, entry: ConfigEntry[Any], name: str) -> str:
    """Put a label on the device of an entry and return its id."""
    labels = lr.async_get(hass)
    label = labels.async_get_label_by_name(name) or labels.async_create(name)
    dr.async_get(hass).async_update_device(
        device_id(hass, entry), labels={label.label_id}
    )
    return label.label_id


@pytest.fixture
def notifications(hass: HomeAssistant) -> list[dict[str, str]]:
    """Return what the user is told, as the action gets it."""
    result: list[dict[str, str]] = []

    async def tell(call: ServiceCall) -> None:
        result.append(dict(call.data))

    hass.services.async_register("test", "tell", tell)
    return result


class Clock:
    """The time of Home Assistant, stopped."""

    def __init__(self, hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> None:
        """Take both."""
        self._hass = hass
        self._freezer = freezer

    async def wait(self, minutes: float, *polled: ConfigEntry[Any]) -> None:
        """Let minutes pass, one by one; poll these miners or pools in each."""
        while minutes > 0:
            step = min(minutes, 1)
            minutes -= step
            self._freezer.tick(timedelta(minutes=step))
            await self._follow()
            if polled:
                await self.look(*polled)

    async def at(self, local: str) -> None:
        """Go to a later local time at once, for example 2030-11-30 22:00:00."""
        zone = ZoneInfo(self._hass.config.time_zone)
        self._freezer.move_to(datetime.fromisoformat(local).replace(tzinfo=zone))
        await self._follow()

    async def look(self, *entries: ConfigEntry[Any]) -> None:
        """Poll miners or pools now, and let the fleet see them."""
        for of in (*entries, fleet_entry(self._hass)):
            # No two states are of one time
            self._freezer.tick(0.001)
            polling = asyncio.ensure_future(of.runtime_data.async_refresh())
            turns = 0
            while not polling.done():
                turns += 1
                await asyncio.sleep(0)
                if turns % 500 == 0:
                    # It waits for its turn
                    self._freezer.tick(0.1)
            await polling
        await settle(self._hass)

    async def run_by_hand(self) -> None:
        """Press *Run* in the menu of an automation that restarts miners."""
        await run_by_hand(self._hass, self._freezer)

    async def _follow(self) -> None:
        fire_time_changed(self._hass)
        await settle(self._hass, self._freezer)


@pytest.fixture
async def clock(
    home: HomeAssistant, freezer: FrozenDateTimeFactory
) -> AsyncIterator[Clock]:
    """Return the clock, in Berlin on a Saturday; at the end the automation ends."""
    await home.config.async_set_time_zone("Europe/Berlin")
    clock = Clock(home, freezer)
    # Later than any test runs: what is due before that would wait for ever
    await clock.at("2030-11-30 12:00:00")
    yield clock
    if home.states.get("automation.it") is not None:
        await act(home, AUTOMATION_DOMAIN, "turn_off", "automation.it")
    await settle(home)
