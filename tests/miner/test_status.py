"""What a miner does and why: decided at every poll, and shown while it is off."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest

from custom_components.hmm.driver_api import MinerTelemetry
from custom_components.hmm.miner.problems import Limits, MinerProblems
from custom_components.hmm.miner.status import MinerStatus, Poll, StatusRecord
from simulator import SimulatedAxeOS
from tests.common import act, find, find_id, fleet_entry, later, poll
from tests.conftest import miner_entry, set_up

from .test_problems import GOOD

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
IDLE = replace(GOOD, hashrate=0.0, hashing=False)


def new_status(record: StatusRecord | None = None, **fields: Any) -> MinerStatus:
    """Return the status of a miner that was not polled yet."""
    return MinerStatus(record or StatusRecord(), MinerProblems(Limits()), **fields)


def read(
    status: MinerStatus,
    data: MinerTelemetry | None,
    seconds: float = 0,
    **fields: Any,
) -> tuple[str | None, str | None]:
    """Poll once, at so many seconds after noon; return the state and its reason."""
    if data is None:
        fields.setdefault("failure", "no_response")
    status.update(
        Poll(
            at=1000 + seconds,
            time=NOON + timedelta(seconds=seconds),
            data=data,
            **fields,
        )
    )
    return status.state, status.record.status.reason


@pytest.mark.parametrize(
    ("data", "state", "reason"),
    [
        (GOOD, "mining", None),
        (replace(GOOD, hashing=None), None, None),
        # No hashrate is believed in the first minute
        (replace(GOOD, hashing=None, uptime=20), "starting", "booting"),
        (IDLE, "not_mining", "not_hashing"),
        (replace(IDLE, uptime=20), "starting", "booting"),
        (replace(IDLE, uptime=None), "not_mining", "not_hashing"),
        (replace(IDLE, paused=True), "paused", "paused_at_device"),
        (replace(IDLE, problems=("overheat",)), "overheated", "overheat"),
        # The old lockout goes on at 50 MHz
        (replace(GOOD, problems=("overheat",)), "overheated", "overheat"),
        (replace(IDLE, paused=True, problems=("overheat",)), "overheated", "overheat"),
        (None, "offline", "no_response"),
    ],
)
def test_one_poll_decides(
    data: MinerTelemetry | None, state: str | None, reason: str | None
) -> None:
    """The first state that holds is shown."""
    assert read(new_status(), data) == (state, reason)


@pytest.mark.parametrize(
    ("problem", "data", "state"),
    [
        ("power_fault", GOOD, "fault"),
        ("no_pool", IDLE, "no_pool"),
        ("no_pool", GOOD, "mining"),
        ("fan_fault", IDLE, "fault"),
        ("fan_fault", GOOD, "mining"),
        ("no_shares", GOOD, "no_shares"),
    ],
)
def test_a_problem_becomes_the_state(
    problem: str, data: MinerTelemetry, state: str
) -> None:
    """After as long as its rule says."""
    status = new_status()
    data = replace(data, problems=(problem,))
    assert read(status, data)[0] != "fault"
    read(status, data, 30)
    assert read(status, data, 61)[0] == state
    assert list(status.active) == [problem]


def test_a_failure_is_a_problem_at_the_second_poll() -> None:
    """One lost poll is none; a refused login is certain at once, and busy never is."""
    status = new_status()
    read(status, GOOD)
    read(status, None, 30)
    assert (status.record.online.state, dict(status.active)) == (False, {})
    read(status, None, 60)
    assert dict(status.active) == {"no_response": {}}
    read(status, GOOD, 90)
    assert (status.record.online.state, dict(status.active)) == (True, {})
    read(status, None, 120, failure="login_refused")
    assert dict(status.active) == {"login_refused": {}}
    for seconds in range(150, 300, 30):
        read(status, None, seconds, failure="busy")
    assert dict(status.active) == {}


def test_one_lost_poll_changes_nothing() -> None:
    """A miner at the edge of its WiFi loses them: what is wrong remains wrong."""
    status = new_status()
    weak = replace(GOOD, signal=-85)
    for number in range(200):
        read(status, None if number % 24 == 23 else weak, 30 * number)
        assert ("weak_signal" in status.active) is (number >= 30)
    for number in range(200, 220):
        read(status, None, 30 * number)
    read(status, weak, 30 * 220)
    assert dict(status.active) == {}


def test_a_paused_miner_has_no_fault() -> None:
    """A fan may stand then."""
    status = new_status()
    paused = replace(IDLE, paused=True, problems=("fan_fault", "chip_error"))
    for seconds in (0, 30, 60):
        assert read(status, paused, seconds)[0] == "paused"
    assert dict(status.active) == {}


def test_a_plug_and_a_pause_are_no_crashes() -> None:
    """A strategy may switch a miner all day."""
    status = new_status()
    for number in range(8):
        read(status, None, 600 * number, plug="Socket")
        read(status, replace(GOOD, uptime=30), 600 * number + 120)
        read(status, replace(GOOD, uptime=90), 600 * number + 180)
    assert dict(status.active) == {}


def test_off_on_purpose_is_no_problem() -> None:
    """A plug that is off explains why nothing responds."""
    status = new_status()
    assert read(status, None, plug="Socket") == ("off", "plug_off")
    assert read(status, None, 60, plug="Socket") == ("off", "plug_off")
    assert status.values == {"plug": "Socket"}
    assert (status.is_on_purpose, dict(status.active)) == (True, {})
    # It is switched on again, and the miner starts
    assert read(status, replace(IDLE, uptime=None), 90) == ("starting", "after_change")


def test_a_plug_that_was_only_just_switched_off_says_nothing() -> None:
    """A miner may have another source, or the wrong plug is linked."""
    status = new_status()
    assert read(status, GOOD, plug="Socket") == ("mining", None)
    assert read(status, GOOD, 30, plug="Socket") == ("mining", None)
    assert read(status, GOOD, 60, plug="Socket") == ("off", "plug_off")


def test_since_is_when_it_last_changed() -> None:
    """Also across a restart: what was stored goes on."""
    status = new_status()
    read(status, GOOD)
    read(status, GOOD, 30)
    assert status.record.status.at == NOON
    read(status, None, 60)
    again = new_status(StatusRecord.from_dict(status.record.as_dict()))
    read(again, None, 3600)
    assert again.record.status.at == NOON + timedelta(seconds=60)
    assert again.record.online.at == NOON + timedelta(seconds=60)
    # Another reason is another state of things
    read(again, None, 3630, failure="no_route")
    assert again.record.status.at == NOON + timedelta(seconds=3630)


@pytest.mark.parametrize(
    "broken",
    [
        None,
        [],
        {"status": {"state": "flying", "reason": None, "at": None}},
        {"online": {"state": True, "reason": None, "at": 1e300}},
        {"availability": {"hours": [[1, 10, 20]], "boot_time": None}},
        {"availability": {"hours": [1], "boot_time": None}},
    ],
)
def test_a_record_that_somebody_edited(broken: Any) -> None:
    """What is no record is one of the errors for which an empty one is taken."""
    stored = StatusRecord().as_dict()
    data = {**stored, **broken} if broken else broken
    with pytest.raises((AttributeError, LookupError, TypeError, ValueError)):
        StatusRecord.from_dict(data)
    assert StatusRecord.from_dict(stored) == StatusRecord()


def test_while_home_assistant_starts_only_what_is_certain_counts() -> None:
    """The first two minutes: networks, clocks and pools are not there yet."""
    status = new_status(began=1000.0)
    faulty = replace(GOOD, problems=("power_fault", "overheat"))
    for seconds in (0, 30, 60, 90):
        read(status, faulty, seconds)
        assert list(status.active) == ["overheat"]
    read(status, faulty, 120)
    assert list(status.active) == ["overheat", "power_fault"]
    # Nor is the network there yet
    status = new_status(began=1000.0)
    for seconds in (0, 30, 60, 90):
        read(status, None, seconds)
        assert dict(status.active) == {}
    read(status, None, 120)
    assert dict(status.active) == {"no_response": {}}


def test_values_are_renewed_rarely() -> None:
    """They would be a row of history at every poll."""
    status = new_status()
    seen = set()
    for number in range(30):
        hot = replace(IDLE, temperature=70.0 + number, problems=("overheat",))
        read(status, hot, 30 * number)
        seen.add(status.values["value"])
    assert len(seen) == 3


def test_availability_of_a_day() -> None:
    """Time that was off on purpose, or not watched, is not counted."""
    status = new_status()
    for minute in range(120):
        read(status, GOOD if minute % 4 else None, 60 * minute)
    for minute in range(120, 300):
        read(status, replace(IDLE, paused=True), 60 * minute)
    known, online = status.record.availability.total_and_online
    assert known == 119 * 60
    assert online == pytest.approx(0.75 * known, abs=120)
    read(status, GOOD, 60 * 60 * 23)
    assert status.record.availability.total_and_online == (known, online)
    read(status, GOOD, 60 * 60 * 30)
    assert status.record.availability.total_and_online == (0, 0)


def test_how_long_it_takes_to_start() -> None:
    """From a start that was seen until it mines."""
    status = new_status()
    read(status, GOOD)
    read(status, replace(IDLE, uptime=10), 30)
    assert status.record.availability.boot_time is None
    read(status, replace(GOOD, uptime=70), 90)
    read(status, replace(GOOD, uptime=100), 120)
    assert status.record.availability.boot_time == 70


@pytest.mark.parametrize(
    "seen",
    [
        # Cut off for an hour, in which it restarted
        [(None, 600), (replace(GOOD, uptime=3000), 4000)],
        # Paused as soon as it was there
        [
            (replace(IDLE, uptime=10), 600),
            (replace(IDLE, uptime=40, paused=True), 630),
            (replace(GOOD, uptime=90), 680),
        ],
        # Lost while it started
        [(replace(IDLE, uptime=10), 600), (replace(GOOD, uptime=1000), 1590)],
        [
            (replace(IDLE, uptime=10), 600),
            (replace(IDLE, uptime=None), 630),
            (replace(GOOD, uptime=90), 680),
        ],
    ],
)
def test_a_start_that_was_not_seen(
    seen: list[tuple[MinerTelemetry | None, int]],
) -> None:
    """When it began to mine is not known: the start before stays."""
    status = new_status()
    read(status, GOOD)
    read(status, replace(GOOD, uptime=70), 90)
    assert status.record.availability.boot_time == 70
    for data, seconds in seen:
        read(status, data, seconds)
    assert status.record.availability.boot_time == 70


@pytest.mark.usefixtures("quick")
async def test_a_miner_that_hmm_restarts_is_starting(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, freezer: FrozenDateTimeFactory
) -> None:
    """It is not called offline, nor a problem, unless it does not come back."""
    bitaxe.reboot_seconds, bitaxe.restart_delay = 3600, 0
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    await entry.runtime_data.async_send_restart()
    for _ in range(3):
        await poll(home, entry)
    status = find(home, entry, "sensor", "status")
    assert (status.state, status.attributes["reason"]) == ("starting", "booting")
    assert find(home, entry, "binary_sensor", "online").state == STATE_OFF
    assert find(home, entry, "binary_sensor", "problem").state == STATE_OFF

    freezer.tick(91)
    await poll(home, entry)
    assert find(home, entry, "sensor", "status").state == "offline"
    assert find(home, entry, "binary_sensor", "problem").state == STATE_ON


@pytest.mark.usefixtures("quick")
async def test_a_restart_that_was_not_sent_excuses_nothing(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """A miner that is off already is offline."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    await bitaxe.unplug()
    with pytest.raises(HomeAssistantError):
        await entry.runtime_data.async_send_restart()
    await poll(home, entry)
    assert find(home, entry, "sensor", "status").state == "offline"


@pytest.mark.usefixtures("quick")
async def test_a_dead_miner_says_why_and_since_when(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, freezer: FrozenDateTimeFactory
) -> None:
    """Its three entities remain; the fleet counts at the same poll."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    hub = fleet_entry(home)
    assert find(home, hub, "sensor", "status").state == "all_well"
    freezer.tick(600)
    died = datetime.now(UTC)
    await bitaxe.unplug()
    await poll(home, entry)

    online = find(home, entry, "binary_sensor", "online")
    assert (online.state, online.attributes["reason"]) == (STATE_OFF, "refused")
    assert online.attributes["since"] == died
    status = find(home, entry, "sensor", "status")
    assert (status.state, status.attributes["reason"]) == ("offline", "refused")
    assert find(home, entry, "sensor", "hashrate").state == STATE_UNAVAILABLE
    count = find(home, hub, "sensor", "miners_online")
    assert count.state == "0"
    assert count.attributes["offline"] == ["Bitaxe"]
    assert count.attributes["total"] == 1

    freezer.tick(30)
    await poll(home, entry)
    problem = find(home, entry, "binary_sensor", "problem")
    assert (problem.state, problem.attributes["problems"]) == (STATE_ON, ["refused"])
    await later(home, 2)
    shown = find(home, hub, "sensor", "problems")
    assert shown.state == "1"
    (listed,) = shown.attributes["problems"]
    assert (listed["name"], listed["kind"]) == ("Bitaxe", "miner")
    assert "does not accept connections" in listed["sentence"]
    assert find(home, hub, "sensor", "status").state == "problem"
    assert find(home, hub, "binary_sensor", "problem").state == STATE_ON

    await bitaxe.plug_in()
    freezer.tick(30)
    await poll(home, entry)
    await later(home, 2)
    assert find(home, entry, "binary_sensor", "online").state == STATE_ON
    assert find(home, hub, "sensor", "problems").state == "0"


@pytest.mark.usefixtures("quick")
async def test_a_pause_says_whose_it_is(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """One by HMM's switch is by hand, another one was made at the miner itself."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    switch = find_id(home, entry, "switch", "mining")

    def reason() -> Any:
        return find(home, entry, "sensor", "status").attributes["reason"]

    await act(home, "switch", "turn_off", switch)
    assert reason() == "paused_by_user"
    await act(home, "switch", "turn_on", switch)
    bitaxe.paused = True
    await poll(home, entry)
    assert reason() == "paused_at_device"
    await later(home, 2)
    assert find(home, fleet_entry(home), "sensor", "status").state == "resting"


async def test_a_miner_that_could_not_be_set_up_is_a_problem(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """Given a driver that is missing, then the fleet says so, with the name."""
    await set_up(home, miner_entry(bitaxe, "bitaxe"))
    other = miner_entry(bitaxe, "own", "other", title="Attic", data={"driver": "own"})
    await set_up(home, other)
    await later(home, 31)
    hub = fleet_entry(home)
    (listed,) = find(home, hub, "sensor", "problems").attributes["problems"]
    assert (listed["name"], listed["problems"]) == ("Attic", ["driver_missing"])
    count = find(home, hub, "sensor", "miners_online")
    assert (count.state, count.attributes["total"]) == ("1", 2)


@pytest.mark.usefixtures("quick")
async def test_what_is_missing_has_a_reason(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """A value that the miner does not report now is listed with why."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    assert find(home, entry, "sensor", "status").attributes["missing"] == {}
    bitaxe.sensor_broken = True
    await poll(home, entry)
    missing = find(home, entry, "sensor", "status").attributes["missing"]
    assert missing == {"temperature": "not_reported"}


async def test_what_is_unknown_is_not_zero(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, every_entity: None
) -> None:
    """A count that is not reported for once proves no share, no uptime no restart."""
    bitaxe.miner.speed = 0
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    problems, render = entry.runtime_data.status.problems, bitaxe._render
    lost = {"sharesRejected", "uptimeSeconds", "hashRate_10m"}

    def render_less(what: Any) -> dict[str, Any]:
        return {key: it for key, it in render(what).items() if key not in lost}

    bitaxe._render = render_less  # type: ignore[method-assign]
    await poll(home, entry)
    missing = find(home, entry, "sensor", "status").attributes["missing"]
    assert missing["hashrate_10m"] == "not_reported"
    for name in ("uptimeSeconds", "sharesAccepted", "uptimeSeconds"):
        lost = {name}
        await poll(home, entry)
        assert not problems.has_share
    bitaxe.miner.find_block()
    await poll(home, entry)
    assert problems.has_share
