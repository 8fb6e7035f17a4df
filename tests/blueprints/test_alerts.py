"""The blueprint "alerts", and the three that are parts of it."""

from typing import Any, get_args

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
import pytest
import yaml

from custom_components.hmm.driver_api.reasons import ReadReason
from custom_components.hmm.miner.problems import RULES
from custom_components.hmm.pool.status import _RULES as POOL_RULES
from simulator import SimulatedAxeOS, SimulatedSolopool
from tests.common import find_id, fleet_entry, pool_entry
from tests.conftest import miner_entry, set_up

from .conftest import FOLDER, NOTIFY, Clock, automate, device_id, put_label

pytestmark = pytest.mark.usefixtures("quick")

type Notifications = list[dict[str, str]]
ENGINE = ["alerts", "miner_offline", "no_shares", "pool_down"]


class _Loader(yaml.SafeLoader):
    """Reads a blueprint as it is."""


_Loader.add_constructor("!input", lambda loader, node: f"!input {node.value}")


def read(blueprint: str) -> dict[str, Any]:
    """Return a blueprint as it is written."""
    text = (FOLDER / f"{blueprint}.yaml").read_text(encoding="utf-8")
    result: dict[str, Any] = yaml.load(text, _Loader)
    return result


@pytest.fixture
async def entry(
    home: HomeAssistant, clock: Clock, bitaxe: SimulatedAxeOS
) -> ConfigEntry[Any]:
    """Set up a Bitaxe in a Home Assistant that started a while ago."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe", title="Axe"))
    await clock.wait(3, entry)
    return entry


def messages(notifications: Notifications) -> list[tuple[str, str]]:
    """Return the title and the beginning of each message, and forget them."""
    result = [(item["title"], item["message"].split(" ")[0]) for item in notifications]
    notifications.clear()
    return result


# One incident


async def test_one_message_and_the_all_clear_in_its_place(
    home: HomeAssistant,
    clock: Clock,
    notifications: Notifications,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
) -> None:
    """Given a miner that leaves, it is told once after the wait, and when it is back."""
    await automate(home, "alerts", notify=NOTIFY)
    await bitaxe.unplug()
    await clock.wait(4, entry)
    assert notifications == []
    await clock.wait(5, entry)
    (alert,) = notifications
    assert alert["title"] == "Axe"
    (problem,) = fleet_entry(home).runtime_data.data.problems
    assert alert["message"] == problem.sentences[0]
    await clock.wait(90)
    assert len(notifications) == 1

    await bitaxe.plug_in()
    await clock.wait(2, entry)
    assert len(notifications) == 1, "it may leave again"
    await clock.wait(4, entry)
    assert notifications[1]["tag"] == alert["tag"]
    assert notifications[1]["message"].startswith("Solved after")
    await clock.wait(10, entry)
    assert len(notifications) == 2
    assert home.states.get("automation.it").attributes["current"] == 0  # type: ignore[union-attr]

    # And a new incident is a new message
    await bitaxe.unplug()
    await clock.wait(10, entry)
    assert len(notifications) == 3


async def test_who_comes_and_goes_is_one_incident(
    home: HomeAssistant,
    clock: Clock,
    notifications: Notifications,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
) -> None:
    """Given a miner that is back for a minute, no all-clear and no second message."""
    await automate(home, "alerts", notify=NOTIFY)
    # Too short to be told
    await bitaxe.unplug()
    await clock.wait(4, entry)
    await bitaxe.plug_in()
    await clock.wait(10, entry)
    assert notifications == []
    await bitaxe.unplug()
    await clock.wait(10, entry)
    assert len(notifications) == 1
    for _ in range(3):
        await bitaxe.plug_in()
        await clock.wait(1, entry)
        await bitaxe.unplug()
        await clock.wait(5, entry)
    assert len(notifications) == 1


async def test_who_is_muted_is_not_told(
    home: HomeAssistant,
    clock: Clock,
    notifications: Notifications,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
) -> None:
    """Given the label of muted miners, nothing is told of one that has it."""
    put_label(home, entry, "HMM muted")
    await automate(home, "alerts", notify=NOTIFY)
    await bitaxe.unplug()
    await clock.wait(20, entry)
    assert notifications == []


async def test_paused_is_no_problem(
    home: HomeAssistant,
    clock: Clock,
    notifications: Notifications,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
) -> None:
    """Given a miner that somebody paused, nothing is told."""
    await automate(home, "alerts", notify=NOTIFY)
    bitaxe.paused = True
    await clock.wait(30, entry)
    assert notifications == []


async def test_a_target_is_followed(
    home: HomeAssistant,
    clock: Clock,
    notifications: Notifications,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
) -> None:
    """Given a label as the target, only who has it now is told."""
    label = put_label(home, entry, "Chosen")
    dr.async_get(home).async_update_device(device_id(home, entry), labels=set())
    await automate(home, "alerts", notify=NOTIFY, miners={"label_id": label})
    await bitaxe.unplug()
    await clock.wait(10, entry)
    assert notifications == []
    await bitaxe.plug_in()
    await clock.wait(5, entry)
    put_label(home, entry, "Chosen")
    await bitaxe.unplug()
    await clock.wait(10, entry)
    assert len(notifications) == 1


async def test_a_rule_per_pool(
    home: HomeAssistant, clock: Clock, notifications: Notifications
) -> None:
    """Given two pools that are down, then each automation acts for its own alone."""
    async with SimulatedSolopool() as one, SimulatedSolopool(coin="btc") as other:
        entries = [
            await set_up(home, pool_entry(pool, title=title))
            for pool, title in ((one, "One"), (other, "Other"))
        ]
        await clock.wait(3, *entries)
        await automate(
            home,
            "pool_down",
            notify=NOTIFY,
            miners={"device_id": [device_id(home, entries[0])]},
            also=[{"action": "test.tell", "data": {"title": "rule", "message": "x"}}],
        )
        for pool in (one, other):
            await pool.unplug()
        await clock.wait(40, *entries)
        problems = fleet_entry(home).runtime_data.data.problems
        assert len(problems) == 2
        assert sorted(item["title"] for item in notifications) == ["One", "rule"]


async def test_what_is_not_ticked_is_not_told(
    home: HomeAssistant,
    clock: Clock,
    notifications: Notifications,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
) -> None:
    """Given problems of other kinds, nothing is told, and a ticked one beside is."""
    await automate(home, "alerts", notify=NOTIFY, problems=["no_pool", "overheat"])
    await bitaxe.unplug()
    await clock.wait(10, entry)
    assert notifications == []
    await bitaxe.plug_in()
    await clock.wait(1, entry)
    bitaxe.overheat()
    await clock.look(entry)
    assert messages(notifications) == [("Axe", "Too")], "at once"


async def test_what_is_ticked_is_told_in_words_beside_what_is_not(
    home: HomeAssistant,
    clock: Clock,
    notifications: Notifications,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
) -> None:
    """Given a worse problem that is not ticked, then the reason of the ticked one."""
    await automate(home, "alerts", notify=NOTIFY, problems=["weak_signal"])
    bitaxe.overheat()
    bitaxe.signal = -85
    await clock.wait(25, entry)
    (problem,) = fleet_entry(home).runtime_data.data.problems
    assert problem.keys == ("overheat", "weak_signal")
    (alert,) = notifications
    assert alert["message"] == problem.sentences[1]
    assert alert["message"].startswith("WiFi signal -8")


# Starts


async def test_what_began_before_is_not_told_again(
    home: HomeAssistant,
    clock: Clock,
    notifications: Notifications,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
) -> None:
    """Given a problem older than the automation, only its end is told; by hand, it is."""
    await bitaxe.unplug()
    await clock.wait(20, entry)
    await automate(home, "alerts", notify=NOTIFY)
    await clock.wait(20, entry)
    assert notifications == []
    await bitaxe.plug_in()
    await clock.wait(10, entry)
    assert messages(notifications) == [("Axe", "Solved")]


@pytest.mark.parametrize("silence", ["unavailable", "unknown"])
async def test_a_fleet_that_is_not_there_is_no_all_clear(
    home: HomeAssistant,
    clock: Clock,
    notifications: Notifications,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    silence: str,
) -> None:
    """Given an incident, when the fleet has no state for a while, nothing is told."""
    await automate(home, "alerts", notify=NOTIFY)
    await bitaxe.unplug()
    await clock.wait(10, entry)
    assert len(notifications) == 1
    problems = find_id(home, fleet_entry(home), "sensor", "problems")
    home.states.async_set(problems, silence)
    await clock.wait(20)
    assert len(notifications) == 1


# Quiet hours


@pytest.mark.parametrize(
    ("night", "morning"),
    [
        ("2030-11-30 22:00:00", "2030-12-01 06:59:00"),
        ("2031-03-29 22:00:00", "2031-03-30 06:59:00"),
        ("2031-10-25 22:00:00", "2031-10-26 06:59:00"),
    ],
)
async def test_a_night_is_one_message(
    home: HomeAssistant,
    clock: Clock,
    notifications: Notifications,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    night: str,
    morning: str,
) -> None:
    """Given one that leaves and stays, one that recovers and one too hot in the night."""
    async with (
        SimulatedAxeOS(name="second") as second,
        SimulatedAxeOS(name="third") as third,
    ):
        back = await set_up(home, miner_entry(second, "bitaxe", title="Back"))
        hot = await set_up(home, miner_entry(third, "bitaxe", title="Hot"))
        await automate(home, "alerts", notify=NOTIFY)
        await clock.at(night)
        await bitaxe.unplug()
        await second.unplug()
        await clock.wait(10, entry, back, hot)
        await second.plug_in()
        await clock.wait(10, entry, back, hot)
        assert notifications == []
        third.overheat()
        await clock.look(hot)
        assert messages(notifications) == [("Hot", "Too")], (
            "too hot is no matter of the clock"
        )
        await clock.at(morning)
        assert notifications == []
        await clock.wait(1)
        (digest,) = notifications
        lines = digest["message"].splitlines()
        assert [line.split(":")[0] for line in lines] == ["Axe", "Back"]
        assert "since 22:0" in lines[0]
        assert "Solved after" in lines[1]
        await clock.wait(30, entry, back, hot)
        assert len(notifications) == 1
        # Its end is told as of any other
        await bitaxe.plug_in()
        await clock.wait(10, entry)
        assert notifications[1]["title"] == "Axe"


async def test_never_quiet(
    home: HomeAssistant,
    clock: Clock,
    notifications: Notifications,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
) -> None:
    """Given the same time twice, no hour is quiet."""
    await automate(
        home, "alerts", notify=NOTIFY, quiet_from="07:00:00", quiet_to="07:00:00"
    )
    await clock.at("2030-12-01 03:00:00")
    await bitaxe.unplug()
    await clock.wait(10, entry)
    assert len(notifications) == 1


# Many


# The parts


async def test_miner_offline_and_what_else_to_do(
    home: HomeAssistant,
    clock: Clock,
    notifications: Notifications,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
) -> None:
    """Given another action, it is done once per incident, in quiet hours too."""
    also = [{"action": "test.tell", "data": {"message": "{{ name }} {{ device }}"}}]
    await automate(home, "miner_offline", notify=NOTIFY, also=also)
    bitaxe.overheat()
    await clock.wait(5, entry)
    assert notifications == []
    await clock.at("2030-11-30 22:30:00")
    await bitaxe.unplug()
    await clock.wait(30, entry)
    assert [item["message"] for item in notifications] == [
        f"Axe {device_id(home, entry)}"
    ]


# What the files promise


def test_the_parts_are_the_same() -> None:
    """Given the four blueprints, they differ in what they look for, not in how."""
    restart = read("no_shares")
    (repeat,) = restart["actions"]
    hooks = repeat["repeat"]["sequence"][-2]["repeat"]["sequence"]
    assert "hmm.restart" in str(hooks.pop())
    blueprints = [read(name) for name in ENGINE if name != "no_shares"]
    for blueprint in blueprints:
        for part in ("triggers", "conditions", "actions", "mode", "max_exceeded"):
            assert blueprint[part] == restart[part]
        for key in ("keys", "words", "fleet", "began"):
            assert blueprint["variables"][key] == restart["variables"][key]


def test_every_problem_can_be_ticked() -> None:
    """Given the problems that HMM knows, each belongs to one that can be ticked."""
    blueprint = read("alerts")
    keys = blueprint["variables"]["keys"]
    known = {
        kind: {name for names in of.values() for name in names}
        for kind, of in keys.items()
    }
    # Busy is no problem, and a command of HMM is none of a poll
    assert known["miner"] >= {*RULES, *get_args(ReadReason.__value__)} - {"busy"}
    assert known["pool"] >= set(POOL_RULES)
    options = blueprint["blueprint"]["input"]["what"]["input"]["problems"]["selector"]
    values = {option["value"] for option in options["select"]["options"]}
    assert values == {*keys["miner"], *keys["pool"]}
