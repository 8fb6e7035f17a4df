"""Failover with real miners, pools and stratum ports: what is moved, told, remembered."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
import time
from types import SimpleNamespace
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import issue_registry as ir
import pytest

from custom_components.hmm.const import DOMAIN
from custom_components.hmm.data import get_data
from custom_components.hmm.fleet import failover_runner
from custom_components.hmm.fleet.failover import Memory
from custom_components.hmm.records import Records
from custom_components.hmm.strategy.miners import MinerMemory, SteeredMiner
from simulator import SimulatedNerdQAxe, SimulatedSolopool
from simulator.httpd import Request, Response
from simulator.solopool import DEMO_WALLET
from simulator.stratum import SimulatedStratum
from tests.common import (
    act,
    find,
    find_id,
    find_maybe,
    fire_time_changed,
    fleet_entry,
    poll,
    pool_entry,
)
from tests.conftest import miner_entry, set_up

pytestmark = pytest.mark.usefixtures("quick")

WRITES = "PATCH /api/system"


class House:
    """A miner at the first of two pools, of which each has a stratum port of its own."""

    def __init__(self, hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> None:
        """Begin with nothing."""
        self.hass = hass
        self.freezer = freezer
        self.ports: list[SimulatedStratum] = []
        self.accounts: list[ConfigEntry[Any]] = []
        self.miner = SimulatedNerdQAxe(name="nerd")
        self.entry: ConfigEntry[Any]
        self.events: list[tuple[str, Any, Any, Any]] = []
        self.fired: str | None = None
        self.logbook: list[str] = []

    async def wait(self, seconds: float) -> None:
        """Let time pass in steps of half a minute."""
        for _ in range(int(seconds // 30)):
            self.freezer.tick(30)
            fire_time_changed(self.hass)
            rest = asyncio.ensure_future(
                self.hass.async_block_till_done(wait_background_tasks=True)
            )
            looks = 0
            while not rest.done():
                await asyncio.to_thread(time.sleep, 0.01)
                looks += 1
                if looks > 50:
                    # A driver that waits for its device looks at the clock
                    self.freezer.tick(0.1)

    async def fail(self, number: int) -> None:
        """Let a pool be gone, for Home Assistant and for the miner."""
        self.miner.set_pool_reachable(self.accounts[number].data["host"], False)
        await self.ports[number].unplug()

    async def recover(self, number: int) -> None:
        """Let a pool be back."""
        self.miner.set_pool_reachable(self.accounts[number].data["host"], True)
        await self.ports[number].plug_in()

    def put_off(self) -> list[Request]:
        """Let the miner only say that it does what it is told; return what that was."""
        kept = list[Request]()

        def put_off(request: Request) -> Response:
            kept.append(request)
            return Response()

        self.miner._routes = {**self.miner.routes(), WRITES: put_off}
        return kept

    async def obey(self, kept: list[Request]) -> None:
        """Let the miner do what it put off, and start again with that."""
        for request in kept:
            self.miner.routes()[WRITES](request)
        await self.miner.unplug()
        await self.miner.plug_in()

    def mines_at(self, number: int) -> bool:
        """Return whether the miner is to mine at a pool, under its own name."""
        settings, data = self.miner.settings, self.accounts[number].data
        return (settings["stratumURL"], settings["stratumPort"]) == (
            data["host"],
            data["port"],
        ) and self.miner.settings["stratumUser"] == f"{DEMO_WALLET}.shed"

    @property
    def state(self) -> str:
        """Return what the fleet shows."""
        return find(self.hass, fleet_entry(self.hass), "sensor", "failover").state

    def configure(self, **options: Any) -> None:
        """Store options as the flow does."""
        fleet = fleet_entry(self.hass)
        self.hass.config_entries.async_update_entry(
            fleet,
            options={
                "failover_mode": "move",
                "failover_pools": [account.entry_id for account in self.accounts],
                "failover_when": ["stratum_down", "miner_no_pool"],
                "failover_after": 5,
                "failover_back_after": 30,
                "failover_own": False,
                **options,
            },
        )


@pytest.fixture
async def house(
    home: HomeAssistant, freezer: FrozenDateTimeFactory
) -> AsyncIterator[House]:
    """Set up a miner and two accounts, the miner at the first of them."""
    house = House(home, freezer)
    async with AsyncExitStack() as stack:
        statistics = await stack.enter_async_context(SimulatedSolopool(speed=0))
        for name in ("one", "two"):
            port = await stack.enter_async_context(SimulatedStratum(name=name))
            entry = pool_entry(statistics, title=name.title())
            data = {**entry.data, "host": f"{name}.example.org", "port": port.port}
            entry = type(entry)(
                domain=DOMAIN, title=name.title(), unique_id=name, data=data
            )
            house.ports.append(port)
            house.accounts.append(await set_up(home, entry))
        house.miner.settings |= {
            "stratumURL": "one.example.org",
            "stratumPort": house.ports[0].port,
            "stratumUser": f"{DEMO_WALLET}.shed",
            "fallbackStratumURL": "",
        }
        await stack.enter_async_context(house.miner)
        house.entry = await set_up(
            home, miner_entry(house.miner, "nerdqaxe", title="Shed")
        )

        @callback
        def note(event: Event[Any]) -> None:
            new = event.data["new_state"]
            if new is not None and event.data["entity_id"].endswith("pool_change"):
                facts = new.attributes
                # Its state is when it fired, which may be written again
                if facts.get("event_type") is not None and new.state != house.fired:
                    house.fired = new.state
                    told = (facts["event_type"], facts["from"], facts["to"])
                    house.events.append((*told, facts["reason"]))

        home.bus.async_listen("state_changed", note)
        home.bus.async_listen(
            "logbook_entry",
            callback(lambda event: house.logbook.append(event.data["message"])),
        )
        yield house


async def test_there_is_nothing_before_it_is_wanted(house: House) -> None:
    """Given no order, then there are no entities, and no miner is moved."""
    await house.fail(0)
    await house.wait(900)
    fleet = fleet_entry(house.hass)
    for platform, key in (
        ("sensor", "failover"),
        ("switch", "failover"),
        ("button", "resume_failover"),
    ):
        assert find_maybe(house.hass, fleet, platform, key) is None
    assert find_maybe(house.hass, house.entry, "event", "pool_moved") is None
    assert house.mines_at(0)


async def test_down_and_back(house: House) -> None:
    """Given a stratum that goes silent, then the miner moves, and back when it can."""
    house.configure()
    await house.wait(60)
    assert house.state == "primary"
    await house.fail(0)
    await house.wait(150)
    assert house.state == "suspect"
    assert house.mines_at(0)
    await house.wait(390)
    assert house.mines_at(1)
    assert house.state == "backup"
    assert house.events == [("moved_to_backup", "One", "Two", "stratum_down")]
    assert house.logbook == ["moved from One to Two: its stratum does not respond"]
    listed = find(house.hass, fleet_entry(house.hass), "sensor", "failover")
    assert listed.attributes["miners"][0]["pool"] == "Two"
    assert DEMO_WALLET not in str(house.hass.states.async_all())

    await house.recover(0)
    await house.wait(3300)
    assert house.mines_at(1)
    await house.wait(360)
    assert house.mines_at(0)
    assert house.state == "primary"
    assert house.events[1:] == [("moved_back", "Two", "One", "primary_back")]


async def test_a_clock_that_is_set_back(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given what was seen and sent in the future, then it holds no miner back."""
    house.configure()
    await house.wait(60)
    failover = get_data(house.hass).failover
    failover._last_sent = time.time()
    past = SimpleNamespace(time=lambda: time.time() - 7200, monotonic=time.monotonic)
    monkeypatch.setattr(failover_runner, "time", past)
    await house.fail(0)
    await house.wait(690)
    assert house.mines_at(1)
    await house.recover(0)
    await house.wait(4200)
    assert house.mines_at(0)


async def test_the_target_is_down_as_well(house: House) -> None:
    """Given two silent pools, then nothing is written until one responds."""
    house.configure()
    await house.wait(60)
    for number in (0, 1):
        await house.fail(number)
    house.miner.counters.reset()
    await house.wait(1200)
    assert house.state == "exhausted"
    assert house.mines_at(0)
    assert house.miner.counters.by_path[WRITES] == 0
    await house.recover(1)
    await house.wait(180)
    assert house.mines_at(1)


async def test_dead_statistics_move_nobody(house: House) -> None:
    """Given statistics that fail while the port responds, then the miner stays."""
    house.configure()
    await house.wait(60)
    for account in house.accounts:
        account.runtime_data.driver.get_dashboard_data = _fail
    await house.wait(1800)
    assert not house.accounts[0].runtime_data.last_update_success
    assert (house.state, house.mines_at(0)) == ("primary", True)


async def _fail(*args: Any, **kwargs: Any) -> Any:
    raise TimeoutError


async def test_the_miner_reaches_no_pool(house: House) -> None:
    """Given a miner that reports no pool, then it moves although the port responds."""
    house.configure()
    await house.wait(60)
    house.miner.set_pool_reachable("one.example.org", False)
    await house.wait(600)
    assert house.mines_at(1)
    assert house.events[0][3] == "miner_no_pool"


async def test_it_accepts_and_does_not_do_it(house: House) -> None:
    """Given a miner that answers 200 and does nothing, then that is told."""
    house.configure()
    await house.wait(60)
    house.miner._routes = {**house.miner.routes(), WRITES: lambda _: Response()}
    await house.fail(0)
    await house.wait(690)
    assert house.state == "failed"
    assert house.events[0][:3] == ("move_failed", "One", "Two")
    assert house.logbook == []
    listed = find(house.hass, fleet_entry(house.hass), "sensor", "failover")
    assert listed.attributes["miners"][0]["reason"] == "pool_not_applied"
    house.miner._routes = house.miner.routes()
    await house.wait(330)
    assert house.mines_at(1)
    # A look at a port may have been cut short by the clock
    await house.wait(600)
    assert house.state == "backup"


async def test_its_entry_is_set_up_again_in_the_middle_of_a_move(house: House) -> None:
    """Given options that are saved just then, then it is found out where it is."""
    house.configure()
    await house.wait(60)
    write = house.miner.routes()[WRITES]

    def save(request: Request) -> Response:
        house.hass.config_entries.async_schedule_reload(house.entry.entry_id)
        return write(request)

    house.miner._routes = {**house.miner.routes(), WRITES: save}
    await house.fail(0)
    await house.wait(690)
    assert house.mines_at(1)
    assert house.state == "backup"
    assert house.events == [("moved_to_backup", "One", "Two", "stratum_down")]


async def test_it_goes_where_it_was_sent_too_late(house: House) -> None:
    """Given a miner that obeys after that was given up, then no owner chose it."""
    house.configure()
    await house.wait(60)
    kept = house.put_off()
    await house.fail(0)
    await house.wait(690)
    assert (house.state, house.mines_at(1)) == ("failed", False)
    await house.obey(kept)
    await house.wait(120)
    assert house.mines_at(1)
    memory = get_data(house.hass).failovers[house.entry.entry_id]
    assert (memory.at, memory.to) == (house.accounts[1].entry_id, None)
    assert memory.is_placed and not memory.is_held


@pytest.mark.parametrize("was_taken", [True, False])
async def test_a_restart_in_the_middle_of_a_move(house: House, was_taken: bool) -> None:
    """Given a restart while a miner is on its way, then it is found out where it is."""
    house.configure()
    await house.wait(60)
    data = get_data(house.hass)
    record = data.failovers[house.entry.entry_id]
    stored = record.as_dict() | {
        "state": "moving",
        "to": house.accounts[1].entry_id,
        "reason": "stratum_down",
        "sent": [record.seen],
    }
    fleet = fleet_entry(house.hass)
    await house.hass.config_entries.async_unload(fleet.entry_id)
    data.failovers[house.entry.entry_id] = Memory.from_dict(stored)
    if was_taken:
        house.miner.settings |= {
            "stratumURL": "two.example.org",
            "stratumPort": house.ports[1].port,
        }
        await house.miner.unplug()
        await house.miner.plug_in()
        await poll(house.hass, house.entry)
    else:
        await house.fail(0)
    await house.hass.config_entries.async_setup(fleet.entry_id)
    await house.wait(90)
    if was_taken:
        assert house.state == "backup"
        assert house.events[0][0] == "moved_to_backup"
        assert house.miner.counters.by_path[WRITES] == 0
    else:
        assert house.events[0][0] == "move_failed"
        await house.wait(900)
        assert house.mines_at(1)


async def test_the_owner_decides(house: House) -> None:
    """Given a pool that somebody chose, then it stays until the button is pressed."""
    house.configure()
    await house.wait(60)
    pool = find_id(house.hass, house.entry, "select", "pool")
    await act(house.hass, "select", "select_option", pool, option="Two")
    await house.wait(60)
    assert house.state == "held"
    await house.fail(1)
    await house.wait(1200)
    assert house.mines_at(1)
    fleet = fleet_entry(house.hass)
    button = find_id(house.hass, fleet, "button", "resume_failover")
    await act(house.hass, "button", "press", button)
    await house.wait(360)
    assert house.mines_at(0)


async def test_a_share_elsewhere_proves_nothing_of_a_silent_pool(house: House) -> None:
    """Given a share at another pool while this one was silent, then it is left."""
    house.configure(failover_when=["stratum_down"])
    await house.fail(1)
    await house.wait(300)
    house.miner.miner.find_block()
    await house.wait(60)
    pool = find_id(house.hass, house.entry, "select", "pool")
    await act(house.hass, "select", "select_option", pool, option="Two")
    await house.wait(60)
    assert house.mines_at(1)
    fleet = fleet_entry(house.hass)
    button = find_id(house.hass, fleet, "button", "resume_failover")
    await act(house.hass, "button", "press", button)
    await house.wait(420)
    assert house.mines_at(0)


async def test_the_owner_decides_and_the_miner_takes_its_time(house: House) -> None:
    """Given a pool that the owner chose, then it is theirs however late the miner comes."""
    house.configure(failover_own=True)
    await house.wait(60)
    house.miner._routes = {**house.miner.routes(), WRITES: lambda _: Response()}
    pool = find_id(house.hass, house.entry, "select", "pool")
    await house.hass.services.async_call(
        "select", "select_option", {"entity_id": pool, "option": "Two"}, blocking=False
    )
    await house.wait(60)
    settings = house.miner.settings
    house.miner.settings |= {
        "stratumURL": "two.example.org",
        "stratumPort": house.ports[1].port,
        "fallbackStratumURL": "one.example.org",
        "fallbackStratumPort": house.ports[0].port,
        "fallbackStratumUser": settings["stratumUser"],
    }
    await house.miner.unplug()
    await house.miner.plug_in()
    await poll(house.hass, house.entry)
    await house.wait(60)
    assert house.state == "held"


async def test_a_miner_that_is_reloaded_changes_pools_itself(house: House) -> None:
    """Given a move before the reload, then no command of the owner is seen after it."""
    house.configure(failover_own=True, failover_back_after=600)
    await house.wait(60)
    await house.fail(0)
    # One look at a port may have been cut short by the clock
    await house.wait(540)
    assert house.mines_at(1)
    assert await house.hass.config_entries.async_reload(house.entry.entry_id)
    await house.wait(60)
    await house.recover(0)
    settings = house.miner.settings
    house.miner.settings |= {
        "stratumURL": "one.example.org",
        "stratumPort": house.ports[0].port,
        "fallbackStratumURL": "two.example.org",
        "fallbackStratumPort": house.ports[1].port,
        "fallbackStratumUser": settings["stratumUser"],
    }
    await house.miner.unplug()
    await house.miner.plug_in()
    await poll(house.hass, house.entry)
    await house.wait(60)
    assert house.mines_at(0)
    assert house.state != "held"


async def test_a_strategy_decides(house: House) -> None:
    """Given the pool of a band, then it is the first one, and failover goes on."""
    house.configure()
    await house.wait(60)
    steered = SteeredMiner(house.entry.runtime_data, MinerMemory())
    steered.update()
    second = house.accounts[1].entry_id
    outcome = await steered.async_apply("mode:standard", second, {})
    assert outcome.is_success
    await house.wait(60)
    assert house.mines_at(1)
    assert house.state == "primary"
    await house.wait(3900)
    assert house.mines_at(1)
    await house.fail(1)
    await house.wait(600)
    assert house.mines_at(0)


async def test_a_strategy_is_obeyed_too_late(house: House) -> None:
    """Given a miner that goes there after all, then no owner chose it: it stays."""
    house.configure()
    await house.wait(60)
    kept = house.put_off()
    steered = SteeredMiner(house.entry.runtime_data, MinerMemory())
    steered.update()
    second = house.accounts[1].entry_id
    sending = asyncio.ensure_future(steered.async_apply("mode:standard", second, {}))
    while not kept:
        # With time that passes meanwhile, it would be given up before it is sent
        await asyncio.to_thread(time.sleep, 0.01)
    await house.wait(690)
    assert not sending.result().is_success
    assert (house.state, house.mines_at(1)) == ("primary", False)
    await house.obey(kept)
    await house.wait(3900)
    assert house.mines_at(1)
    assert house.state == "primary"
    memory = get_data(house.hass).failovers[house.entry.entry_id]
    assert memory.is_placed and not memory.is_held


async def test_a_miner_that_is_removed_is_forgotten(house: House) -> None:
    """Given a miner that is removed, then nothing of it is kept until a restart."""
    house.configure()
    await house.wait(60)
    failover = get_data(house.hass).failover
    assert list(failover._miners) == [house.entry.entry_id]
    await house.hass.config_entries.async_remove(house.entry.entry_id)
    await house.wait(60)
    assert not failover._miners


async def test_an_account_that_is_set_up_again(house: House) -> None:
    """Given an account that is reloaded or gone for a while, then nobody moved."""
    house.configure()
    await house.wait(60)
    first = house.accounts[0].entry_id
    await house.hass.config_entries.async_unload(first)
    await house.wait(120)
    await house.hass.config_entries.async_setup(first)
    await house.wait(60)
    assert house.state == "primary"
    assert house.mines_at(0)


async def test_the_switch_forgets(house: House, hass_storage: dict[str, Any]) -> None:
    """Given a choice of the owner, then the switch ends it for good."""
    house.configure()
    await house.wait(60)
    pool = find_id(house.hass, house.entry, "select", "pool")
    await act(house.hass, "select", "select_option", pool, option="Two")
    await house.wait(60)
    stored = hass_storage["hmm.failover"]["data"]
    assert stored[house.entry.entry_id]["held"]
    switch = find_id(house.hass, fleet_entry(house.hass), "switch", "failover")
    await act(house.hass, "switch", "turn_off", switch)
    await house.wait(60)
    stored = hass_storage["hmm.failover"]["data"]
    assert not stored[house.entry.entry_id]["held"]


async def test_the_switch(house: House) -> None:
    """Given the switch, then it ends all of it and brings it back as it was."""
    house.configure(failover_mode="notify")
    await house.wait(60)
    fleet = fleet_entry(house.hass)
    switch = find_id(house.hass, fleet, "switch", "failover")
    coordinator = fleet.runtime_data
    await act(house.hass, "switch", "turn_off", switch)
    await house.wait(30)
    assert find(house.hass, fleet, "switch", "failover").state == "off"
    assert house.state == "unknown"
    assert fleet.options["failover_mode"] == "off"
    await act(house.hass, "switch", "turn_off", switch)
    await act(house.hass, "switch", "turn_on", switch)
    await house.wait(30)
    assert fleet.options["failover_mode"] == "notify"
    assert house.state == "primary"
    # The fleet was not set up again for it
    assert fleet.runtime_data is coordinator
    house.configure(failover_pools=[])
    await house.wait(30)
    with pytest.raises(ServiceValidationError):
        await act(house.hass, "switch", "turn_on", switch)


async def test_only_told(house: House) -> None:
    """Given notify only, then a repair says what HMM would do, as long as it would."""
    house.configure(failover_mode="notify")
    await house.wait(60)
    await house.fail(0)
    await house.wait(660)
    issues = ir.async_get(house.hass)
    issue = issues.async_get_issue(DOMAIN, "failover_wanted")
    assert issue is not None
    assert issue.translation_placeholders == {
        "miners": "Shed",
        "to": "Two",
        "reason": "its stratum does not respond",
    }
    assert house.mines_at(0)
    fleet = fleet_entry(house.hass).entry_id
    await house.hass.config_entries.async_unload(fleet)
    assert issues.async_get_issue(DOMAIN, "failover_wanted") is None
    await house.hass.config_entries.async_setup(fleet)
    await house.wait(60)
    assert issues.async_get_issue(DOMAIN, "failover_wanted") is not None
    await house.recover(0)
    await house.wait(120)
    assert issues.async_get_issue(DOMAIN, "failover_wanted") is None


@pytest.mark.parametrize(
    ("choice", "state"), [("device", "device"), ("off", "unknown"), ("own", "primary")]
)
async def test_the_choice_of_a_miner(house: House, choice: str, state: str) -> None:
    """Given a choice of its own, then the miner follows that."""
    pools = [account.entry_id for account in reversed(house.accounts)]
    house.hass.config_entries.async_update_entry(
        house.entry, options={"failover": choice, "failover_pools": pools}
    )
    house.configure()
    await house.wait(60)
    if choice == "own":
        # Its first pool is the other one
        assert house.state == "backup"
        return
    assert house.state == state
    await house.fail(0)
    await house.wait(900)
    assert house.mines_at(0)


async def test_a_miner_with_a_fallback_pool(house: House) -> None:
    """Given a miner with two pools of its own, then it is left to itself."""
    house.miner.settings["fallbackStratumURL"] = "solo.ckpool.org"
    house.configure()
    await house.wait(60)
    assert house.state == "device"
    house.configure(failover_own=True)
    await house.wait(60)
    assert house.state == "primary"


async def test_broken_records(house: House, hass_storage: dict[str, Any]) -> None:
    """Given options and records that make no sense, then nothing happens."""
    for options in (
        {"failover_pools": "x"},
        {"failover_pools": [1, None]},
        {"failover_when": ["dance"]},
        {"failover_when": 5, "failover_after": "x", "failover_back_after": None},
    ):
        house.configure(**options)
        await house.wait(60)
    assert house.mines_at(0)
    assert house.state == "primary"
    hass_storage["hmm.failover"] |= {"data": {house.entry.entry_id: {"state": "x"}}}
    records = Records(house.hass, "failover", Memory)
    await records.async_load()
    assert records.get(house.entry.entry_id) is None
