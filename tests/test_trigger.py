"""Triggers and conditions of automations, in Home Assistant's own automation engine."""

from typing import Any

from homeassistant.components.automation import DOMAIN as AUTOMATION_DOMAIN
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
)
from homeassistant.helpers.condition import (
    async_get_all_descriptions as condition_descriptions,
)
from homeassistant.helpers.trigger import (
    async_get_all_descriptions as trigger_descriptions,
)
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.hmm.condition import CONDITIONS
from custom_components.hmm.const import DOMAIN
from custom_components.hmm.miner import problems
from custom_components.hmm.trigger import TRIGGERS
from simulator import SimulatedAxeOS

from .common import devices, find, find_maybe, fleet_entry, later, poll
from .conftest import miner_entry, set_up
from .miner.test_watchdog import stand_still
from .strategy.common import House
from .test_event import best

pytestmark = pytest.mark.usefixtures("quick")

DONE = "hmm_test_done"


async def automate(
    home: HomeAssistant,
    trigger: str,
    target: dict[str, Any],
    options: dict[str, Any] | None = None,
    conditions: list[dict[str, Any]] | None = None,
) -> list[Any]:
    """Run an automation; return the list of what it did."""
    assert await async_setup_component(
        home,
        AUTOMATION_DOMAIN,
        {
            AUTOMATION_DOMAIN: {
                "triggers": [
                    {
                        "trigger": f"hmm.{trigger}",
                        "target": target,
                        "options": options or {},
                    }
                ],
                "conditions": conditions or [],
                "actions": [
                    {"event": DONE, "event_data": {"of": "{{ trigger.entity_id }}"}}
                ],
            }
        },
    )
    await home.async_block_till_done()
    return async_capture_events(home, DONE)


def device_of(home: HomeAssistant, entry: ConfigEntry[Any]) -> dict[str, str]:
    """Return the target that is the device of a miner."""
    (device,) = devices(home, entry)
    return {"device_id": device.id}


@pytest.fixture
async def entry(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> ConfigEntry[Any]:
    """Set up a miner."""
    bitaxe.miner.speed = 0
    return await set_up(home, miner_entry(bitaxe, "bitaxe"))


@pytest.mark.parametrize(("source", "times"), [("any", 1), ("miner", 1), ("pool", 0)])
async def test_block_found(
    home: HomeAssistant,
    entry: ConfigEntry[Any],
    bitaxe: SimulatedAxeOS,
    source: str,
    times: int,
) -> None:
    """A block that a miner found triggers once, unless only pools are to."""
    done = await automate(
        home, "block_found", device_of(home, entry), {"source": source}
    )
    bitaxe.find_block()
    await later(home, 31)
    await later(home, 62)
    assert len(done) == times


@pytest.mark.parametrize(("at_least", "times"), [(0, 1), (1e12, 0)])
async def test_new_best_share(
    home: HomeAssistant,
    entry: ConfigEntry[Any],
    bitaxe: SimulatedAxeOS,
    at_least: float,
    times: int,
) -> None:
    """A best share triggers if it is good enough, a block does not."""
    done = await automate(
        home, "new_best_share", device_of(home, entry), {"at_least": at_least}
    )
    best(bitaxe, 5e9)
    await poll(home, entry)
    assert len(done) == times
    bitaxe.find_block()
    await poll(home, entry)
    assert len(done) == times


async def test_a_find_while_offline_triggers_afterwards(
    home: HomeAssistant, entry: ConfigEntry[Any], bitaxe: SimulatedAxeOS
) -> None:
    """What was found while a miner did not respond triggers when it does again."""
    done = await automate(home, "new_best_share", device_of(home, entry))
    await bitaxe.unplug()
    await poll(home, entry)
    best(bitaxe, 5e9)
    await bitaxe.plug_in()
    await poll(home, entry)
    assert len(done) == 1


async def test_offline_and_back(
    home: HomeAssistant, entry: ConfigEntry[Any], bitaxe: SimulatedAxeOS
) -> None:
    """A miner in an area goes and comes back: one trigger each."""
    area = ar.async_get(home).async_create("Cellar")
    (device,) = devices(home, entry)
    dr.async_get(home).async_update_device(device.id, area_id=area.id)
    went = await automate(home, "went_offline", {"area_id": area.id})
    await bitaxe.unplug()
    for _ in range(3):
        await poll(home, entry)
    assert len(went) == 1


async def test_came_back(
    home: HomeAssistant, entry: ConfigEntry[Any], bitaxe: SimulatedAxeOS
) -> None:
    """A miner that responds again triggers, if it does so for long enough."""
    came = await automate(
        home, "came_back_online", device_of(home, entry), {"for": {"seconds": 5}}
    )
    await bitaxe.unplug()
    await poll(home, entry)
    await bitaxe.plug_in()
    await poll(home, entry)
    assert not came
    await later(home, 6)
    assert len(came) == 1


@pytest.mark.parametrize("was_off", [True, False])
async def test_came_back_with_its_entry(
    home: HomeAssistant,
    entry: ConfigEntry[Any],
    bitaxe: SimulatedAxeOS,
    was_off: bool,
) -> None:
    """A miner that is back when its entry is set up again triggers, as by a new address.

    One that was there all the time does not.
    """
    came = await automate(home, "came_back_online", device_of(home, entry))
    if was_off:
        await bitaxe.unplug()
        await poll(home, entry)
        await bitaxe.plug_in()
    await home.config_entries.async_reload(entry.entry_id)
    await home.async_block_till_done()
    assert len(came) == was_off
    await poll(home, entry)
    assert len(came) == was_off


@pytest.mark.parametrize("by", ["device", "entity"])
async def test_the_fleet_means_all_miners(
    home: HomeAssistant, entry: ConfigEntry[Any], bitaxe: SimulatedAxeOS, by: str
) -> None:
    """In a trigger, a condition and an action: its device, or one of its entities."""
    fleet = device_of(home, fleet_entry(home))
    if by == "entity":
        power = find(home, fleet_entry(home), "sensor", "power")
        fleet = {"entity_id": power.entity_id}
    mining = {"condition": "hmm.is_online", "target": fleet}
    done = await automate(home, "overheated", fleet, conditions=[mining])
    bitaxe.overheat()
    await poll(home, entry)
    assert [event.data["of"] for event in done] == [
        find(home, entry, "sensor", "status").entity_id
    ]
    found = await home.services.async_call(
        DOMAIN, "identify", fleet, blocking=True, return_response=True
    )
    assert found is not None and found["summary"]["total"] == 1


async def test_overheated(
    home: HomeAssistant, entry: ConfigEntry[Any], bitaxe: SimulatedAxeOS
) -> None:
    """A miner that protects itself triggers once."""
    done = await automate(home, "overheated", device_of(home, entry))
    bitaxe.overheat()
    for _ in range(3):
        await poll(home, entry)
    assert len(done) == 1


async def test_stopped_finding_shares(
    home: HomeAssistant,
    entry: ConfigEntry[Any],
    bitaxe: SimulatedAxeOS,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A miner that mines without a share for too long triggers once."""
    monkeypatch.setattr(problems, "_SHORTEST_WAIT", 0.0)
    monkeypatch.setattr(problems, "OVERDUE", 0)
    monkeypatch.setattr(problems.MinerProblems, "is_starting", lambda *_: False)
    done = await automate(home, "stopped_finding_shares", device_of(home, entry))
    assert find(home, entry, "sensor", "status").state == "mining"
    stand_still(bitaxe, 100)
    for _ in range(6):
        await poll(home, entry)
    assert find(home, entry, "sensor", "status").state == "no_shares"
    assert len(done) == 1


@pytest.mark.parametrize(("to", "times"), [([], 2), (["Expensive"], 1)])
async def test_band_changed(
    home: HomeAssistant,
    entry: ConfigEntry[Any],
    freezer: Any,
    to: list[str],
    times: int,
) -> None:
    """Another price band triggers, if it is one of those that count."""
    house = House(home, freezer)
    strategy = await house.follow(10)
    band = er.async_get(home).async_get_entity_id(
        "sensor", DOMAIN, f"{strategy.id}_band"
    )
    done = await automate(home, "band_changed", {"entity_id": [band]}, {"to": to})
    for value in (40, 10):
        house.price(value)
        await house.wait(6)
    assert len(done) == times


async def test_pool_moved(home: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """A move to a backup pool triggers, one that failed does not."""
    event = find_maybe(home, entry, "event", "pool_moved")
    if event is None:
        event = (
            er.async_get(home)
            .async_get_or_create(
                "event",
                DOMAIN,
                f"{entry.unique_id}_pool_moved",
                config_entry=entry,
                translation_key="pool_moved",
            )
            .entity_id
        )
    done = await automate(home, "pool_moved", {"entity_id": [event]})
    home.states.async_set(event, "unknown")
    for number, kind in enumerate(("move_failed", "moved_to_backup")):
        home.states.async_set(event, f"2026-11-29T0{number}:00", {"event_type": kind})
        await home.async_block_till_done()
    assert len(done) == 1


@pytest.mark.parametrize(
    ("condition", "off", "times"),
    [
        ("is_mining", False, 1),
        ("is_mining", True, 0),
        ("is_online", False, 1),
        ("is_online", True, 0),
    ],
)
async def test_conditions(
    home: HomeAssistant,
    entry: ConfigEntry[Any],
    bitaxe: SimulatedAxeOS,
    condition: str,
    off: bool,
    times: int,
) -> None:
    """What a miner does is known to an automation that another event starts."""
    done = async_capture_events(home, DONE)
    assert await async_setup_component(
        home,
        AUTOMATION_DOMAIN,
        {
            AUTOMATION_DOMAIN: {
                "triggers": [{"trigger": "event", "event_type": "go"}],
                "conditions": [
                    {
                        "condition": f"hmm.{condition}",
                        "target": device_of(home, entry),
                        "options": {"behavior": "all"},
                    }
                ],
                "actions": [{"event": DONE}],
            }
        },
    )
    if off:
        await bitaxe.unplug()
    await poll(home, entry)
    home.bus.async_fire("go")
    await home.async_block_till_done()
    assert len(done) == times


async def test_all_are_described(home: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Each trigger and condition is offered by the editor, with its fields."""
    triggers = await trigger_descriptions(home)
    conditions = await condition_descriptions(home)
    assert {key for key in triggers if key.startswith("hmm.")} == {
        f"hmm.{key}" for key in TRIGGERS
    }
    assert {key for key in conditions if key.startswith("hmm.")} == {
        f"hmm.{key}" for key in CONDITIONS
    }
    assert all(triggers[f"hmm.{key}"] for key in TRIGGERS)
    assert all(conditions[f"hmm.{key}"] for key in CONDITIONS)


async def test_any_entity_of_a_miner_stands_for_it(
    home: HomeAssistant, entry: ConfigEntry[Any], bitaxe: SimulatedAxeOS
) -> None:
    """Like in an action; it waited for ever, without an error. No other device counts."""
    hashrate = {"entity_id": find(home, entry, "sensor", "hashrate").entity_id}
    mining = {"condition": "hmm.is_online", "target": hashrate}
    done = await automate(home, "overheated", hashrate, conditions=[mining])
    async with SimulatedAxeOS(name="other") as other:
        another = await set_up(home, miner_entry(other, "bitaxe"))
        other.overheat()
        await poll(home, another)
    bitaxe.overheat()
    await poll(home, entry)
    assert [event.data["of"] for event in done] == [
        find(home, entry, "sensor", "status").entity_id
    ]


async def test_an_entity_is_offered_only_for_what_it_says(
    home: HomeAssistant,
    entry: ConfigEntry[Any],
    hass_ws_client: WebSocketGenerator,
) -> None:
    """The editor shows what says whether a miner is offline, not its cost."""
    client = await hass_ws_client(home)

    async def offered(name: str) -> set[str]:
        keys: set[str] = set()
        for kind in ("triggers", "conditions"):
            await client.send_json_auto_id(
                {
                    "type": f"get_{kind}_for_target",
                    "target": {
                        "entity_id": [find(home, entry, *name.split(".")).entity_id]
                    },
                }
            )
            keys.update((await client.receive_json())["result"])
        return {key for key in keys if key.startswith("hmm.")}

    assert "hmm.went_offline" in await offered("sensor.status")
    assert "hmm.is_mining" in await offered("sensor.status")
    assert await offered("binary_sensor.online") == {"hmm.is_online"}
    for name in ("sensor.hashrate", "sensor.power", "binary_sensor.problem"):
        assert await offered(name) == set()
