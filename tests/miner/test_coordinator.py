"""Polling: what it costs, what a failure shows, what is learned from it."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
import logging
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.aiohttp_client import async_get_clientsession
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.hmm.bundled.miner_drivers.bitaxe_driver import BitaxeDriver
from custom_components.hmm.bundled.shared.axeos import AxeDriver
from custom_components.hmm.const import DOMAIN
from custom_components.hmm.data import get_data
from custom_components.hmm.driver_api import DriverContext
from custom_components.hmm.driver_api.transports.cgminer import CgminerClient
from custom_components.hmm.driver_engine import client as client_module
from custom_components.hmm.driver_engine.client import MinerClient
from custom_components.hmm.miner.coordinator import MINER_INTERVAL, MinerCoordinator
from custom_components.hmm.miner.energy import EnergyMeter
from custom_components.hmm.miner.finds import MinerRecord
from custom_components.hmm.miner.kept import KeptCommands
from custom_components.hmm.miner.profile_store import ProfileStore
from custom_components.hmm.miner.profiles import TuningProfiles
from custom_components.hmm.miner.status import StatusRecord
from custom_components.hmm.records import Records
from simulator import (
    Fault,
    SimulatedAvalon,
    SimulatedAxeOS,
    SimulatedNerdQAxe,
    SimulatedNMMiner,
    SimulatedSolopool,
)
from simulator.axeos_generations import GENERATIONS
from tests.common import (
    about,
    act,
    devices,
    find,
    find_id,
    find_maybe,
    fleet_entry,
    identity,
    keys,
    later,
    poll,
    pool_entry,
    value,
)
from tests.conftest import free_udp_port, miner_entry, set_up

pytestmark = pytest.mark.usefixtures("quick")


# What goes wrong


def held_by(err: BaseException | None) -> int:
    """Return the length of the longest text that an error and its causes hold."""
    longest = 0
    while err is not None:
        texts = [*err.args, getattr(err, "doc", "")]
        trace = err.__traceback__
        while trace is not None:
            texts += trace.tb_frame.f_locals.values()
            trace = trace.tb_next
        sizes = [
            len(text) for text in texts if isinstance(text, str | bytes | bytearray)
        ]
        longest = max(longest, *sizes)
        err = err.__cause__ or err.__context__
    return longest


@pytest.mark.parametrize("body", [b"{" + b"x" * 500_000, b"nan" * 600_000])
async def test_a_failure_does_not_hold_the_response(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, body: bytes
) -> None:
    """The last error is kept until the next; what the device sent is let go."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    bitaxe.rewrite = lambda _: body
    await poll(home, entry)
    assert not entry.runtime_data.last_update_success
    assert held_by(entry.runtime_data.last_exception) < 1000


FAULTS = {
    Fault.SILENT: "timed_out",
    Fault.RESET: "connection_lost",
    Fault.GARBAGE: "bad_response",
    Fault.HALF: "connection_lost",
    Fault.HTML: "not_a_miner",
    Fault.REDIRECT: "not_a_miner",
}


@pytest.mark.parametrize(("fault", "key"), FAULTS.items())
async def test_fault_of_a_bitaxe(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    fault: Fault,
    key: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every fault: unavailable with its own reason, one line down and one up."""
    monkeypatch.setattr(AxeDriver, "answer_timeout", 0.3)
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe", title="Garage"))
    shown = [state for state in home.states.async_all() if _is_miners(state.entity_id)]
    assert shown
    caplog.clear()

    bitaxe.fault = fault
    for _ in range(3):
        await poll(home, entry)
    remaining = {
        find_id(home, entry, platform, key)
        for platform, key in (
            ("binary_sensor", "online"),
            ("binary_sensor", "problem"),
            ("event", "tuning"),
            ("event", "watchdog"),
            ("sensor", "status"),
            ("switch", "watchdog"),
        )
    }
    for state in shown:
        now = home.states.get(state.entity_id)
        assert now is not None
        is_gone = now.state == STATE_UNAVAILABLE
        assert is_gone is not (state.entity_id in remaining), state.entity_id
    status = find(home, entry, "sensor", "status")
    assert (status.state, status.attributes["reason"]) == ("offline", key)
    error = entry.runtime_data.last_exception
    assert error.translation_key == key
    assert "127.0.0.1" in str(error)
    assert [record.levelno for record in about(caplog, "Garage")] == [logging.ERROR]

    bitaxe.fault = None
    for _ in range(3):
        await poll(home, entry)
    assert [record.levelno for record in about(caplog, "Garage")] == [
        logging.ERROR,
        logging.INFO,
    ]
    assert find(home, entry, "switch", "mining").state == STATE_ON


def _is_miners(entity_id: str) -> bool:
    return entity_id.partition(".")[2].startswith("garage")


@pytest.mark.parametrize(
    ("fault", "key"),
    [
        (Fault.SILENT, "timed_out"),
        (Fault.RESET, "connection_lost"),
        (Fault.GARBAGE, "bad_response"),
        (Fault.HALF, "bad_response"),
        (Fault.HTML, "not_a_miner"),
        (Fault.REDIRECT, "not_a_miner"),
        (Fault.WRONG_MAC, "wrong_device"),
    ],
)
async def test_fault_of_an_avalon(home: HomeAssistant, fault: Fault, key: str) -> None:
    """An Avalon that fails is unavailable, and back at the next good poll."""
    async with SimulatedAvalon() as device:
        entry = await set_up(home, miner_entry(device, "avalon_nano"))
        device.fault = fault
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(CgminerClient, "answer_timeout", 0.3)
            await poll(home, entry)
        assert find(home, entry, "sensor", "power").state == STATE_UNAVAILABLE
        assert entry.runtime_data.last_exception.translation_key == key

        device.fault = None
        await poll(home, entry)
        assert value(home, entry, "power") > 0


@pytest.mark.parametrize(
    "fault", [Fault.HALF, Fault.GARBAGE, Fault.HTML, Fault.REDIRECT, Fault.SILENT]
)
async def test_one_lost_answer_is_requested_again(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    fault: Fault,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The same poll succeeds: nothing becomes unavailable, nothing is logged."""
    monkeypatch.setattr(AxeDriver, "answer_timeout", 0.3)
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe", title="Garage"))
    caplog.clear()
    for _ in range(2):
        bitaxe.counters.reset()
        bitaxe.fault, bitaxe.fault_left = fault, 1
        await poll(home, entry)
        assert entry.runtime_data.last_update_success
        assert bitaxe.counters.requests == 2
    assert value(home, entry, "power") > 0
    assert about(caplog, "Garage") == []


async def test_one_reset_connection_of_an_avalon(home: HomeAssistant) -> None:
    """Each of its requests has a connection of its own."""
    async with SimulatedAvalon() as device:
        entry = await set_up(home, miner_entry(device, "avalon_nano"))
        device.fault, device.fault_left = Fault.RESET, 1
        device.counters.reset()
        await poll(home, entry)
        assert entry.runtime_data.last_update_success
        assert device.counters.connections == 2


async def test_a_dead_miner_costs_one_request_per_poll(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """Only the poll after a good one tries again."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    bitaxe.fault = Fault.GARBAGE
    requests = []
    for _ in range(3):
        bitaxe.counters.reset()
        await poll(home, entry)
        requests.append(bitaxe.counters.requests)
    assert requests == [2, 1, 1]
    bitaxe.fault = None
    await poll(home, entry)
    assert entry.runtime_data.last_update_success


async def test_a_refusal_is_not_requested_again(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """A device that says no was not lost."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    bitaxe.refuse_address = True
    bitaxe.counters.reset()
    await poll(home, entry)
    assert bitaxe.counters.requests == 1
    assert not entry.runtime_data.last_update_success


async def test_the_second_try_ends_with_the_poll(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A silent miner takes no longer than a poll may."""
    monkeypatch.setattr(AxeDriver, "answer_timeout", 0.3)
    monkeypatch.setattr(client_module, "_POLL_SECONDS", 0.4)
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    bitaxe.fault = Fault.SILENT
    bitaxe.counters.reset()
    await poll(home, entry)
    assert bitaxe.counters.requests == 2
    assert entry.runtime_data.last_exception.translation_key == "timed_out"


async def test_slow_answer_is_an_answer(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """A slow web server is waited for."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    bitaxe.fault, bitaxe.slow_seconds = Fault.SLOW, 0.2
    await poll(home, entry)
    assert entry.runtime_data.last_update_success


async def test_client_of_another_network(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """A 401 of AxeOS is about the network, not about a password."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    bitaxe.refuse_address = True
    await poll(home, entry)
    assert entry.runtime_data.last_exception.translation_key == "network_refused"
    assert not home.config_entries.flow.async_progress()


async def test_nmminer_that_falls_silent(
    home: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broadcast that is too old is no value any more."""
    monkeypatch.setattr(
        "custom_components.hmm.bundled.miner_drivers.nmminer_driver"
        ".NMMinerDriver.silent_seconds",
        0.2,
    )
    port = free_udp_port()
    async with SimulatedNMMiner(
        target=("127.0.0.1", port), interval=0.05, ip="127.0.0.1"
    ) as device:
        entry = await set_up(
            home,
            miner_entry(
                device, "nmminer", f"address:127.0.0.1:{port}", data={"port": port}
            ),
        )
        assert value(home, entry, "hashrate") > 0
        device.fault = Fault.SILENT
        await _until_polled(home, entry, available=False)
        assert find(home, entry, "sensor", "hashrate").state == STATE_UNAVAILABLE

        device.fault = None
        await _until_polled(home, entry, available=True)
        assert value(home, entry, "hashrate") > 0
        assert await home.config_entries.async_unload(entry.entry_id)


async def _until_polled(
    hass: HomeAssistant, entry: MockConfigEntry, *, available: bool
) -> None:
    """Poll until the miner is (un)available."""
    for _ in range(500):
        if (await poll(hass, entry)).last_update_success is available:
            return
        await asyncio.sleep(0.01)
    pytest.fail(f"never {'' if available else 'un'}available")


async def test_no_value_is_carried_forward(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, every_entity: None
) -> None:
    """What a poll does not bring is unknown, and never the value of before."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    gone = {
        "hashRate": "hashrate",
        "hashRate_1m": "hashrate",
        "hashRate_10m": "hashrate",
        "temp": "temperature",
        "power": "power",
        "vrTemp": "temperature_regulator",
        "fanrpm": "fan_rpm",
        "fanspeed": "fan_speed",
        "sharesAccepted": "shares_accepted",
        "sharesRejected": "shares_rejected",
        "bestDiff": "best_share",
        "bestSessionDiff": "best_session_share",
        "uptimeSeconds": "uptime",
        "frequency": "frequency",
        "coreVoltage": "core_voltage",
        "coreVoltageActual": "core_voltage_actual",
        "voltage": "input_voltage",
        "errorPercentage": "error_rate",
        "wifiRSSI": "signal",
        "networkDifficulty": "network_difficulty",
        "responseTime": "response_time",
    }
    reported = {key for key in gone.values() if find_maybe(home, entry, "sensor", key)}
    assert reported == set(gone.values())
    for key in reported:
        assert find(home, entry, "sensor", key).state not in (
            STATE_UNKNOWN,
            STATE_UNAVAILABLE,
        )

    _forget(bitaxe, *gone, "miningPaused", "isUsingFallbackStratum", "poolDifficulty")
    await poll(home, entry)
    assert entry.runtime_data.last_update_success
    for key in (*reported, "efficiency", "reject_rate", "pool_difficulty"):
        assert find(home, entry, "sensor", key).state == STATE_UNKNOWN, key
    assert find(home, entry, "binary_sensor", "running").state == STATE_UNKNOWN
    assert find(home, entry, "binary_sensor", "using_fallback").state == STATE_UNKNOWN
    assert find(home, entry, "switch", "mining").state == STATE_UNKNOWN
    assert find(home, entry, "select", "mode").state == STATE_UNKNOWN
    await later(home, 31)
    assert find(home, fleet_entry(home), "sensor", "hashrate").state == STATE_UNKNOWN
    assert find(home, fleet_entry(home), "sensor", "power").state == STATE_UNKNOWN


def _forget(device: SimulatedAxeOS, *names: str) -> None:
    """Leave fields out of the answers of a simulated device from now on."""
    render = device._render

    def rendered(what: Any) -> dict[str, Any]:
        return {k: v for k, v in render(what).items() if k not in names}

    device._render = rendered  # type: ignore[method-assign]


# What a poll costs


@pytest.mark.parametrize(
    ("make", "driver", "connections"),
    [
        pytest.param(
            lambda: SimulatedAxeOS(generation="2.4", model="max"), "bitaxe", 0
        ),
        pytest.param(lambda: SimulatedAxeOS(generation="2.15"), "bitaxe", 0),
        pytest.param(lambda: SimulatedNerdQAxe(generation="1.0.30"), "nerdqaxe", 0),
        # Since 1.0.36 the firmware closes after every answer
        pytest.param(lambda: SimulatedNerdQAxe(generation="1.0.36"), "nerdqaxe", 5),
        pytest.param(lambda: SimulatedAvalon(model="nano3"), "avalon_nano", 5),
        pytest.param(lambda: SimulatedAvalon(model="nano3s"), "avalon_nano", 5),
        pytest.param(lambda: SimulatedAvalon(model="q"), "avalon_nano", 5),
        pytest.param(lambda: SimulatedNMMiner(udp=False, http=True), "nmminer", 0),
    ],
)
async def test_cost_of_five_polls(
    home: HomeAssistant, make: Any, driver: str, connections: int
) -> None:
    """A poll is one request, over the kept connection where it is kept."""
    async with make() as device:
        unique_id = identity(device)
        entry = await set_up(home, miner_entry(device, driver, unique_id))
        await later(home, 31)
        device.counters.reset()
        for _ in range(5):
            await later(home, 31)
        assert entry.runtime_data.last_update_success
        assert device.counters.requests == 5
        assert device.counters.connections == connections
        assert await home.config_entries.async_unload(entry.entry_id)


async def test_pool_accounts_share_what_the_pool_tells(home: HomeAssistant) -> None:
    """Two accounts of a coin ask for its statistics once."""
    wallets = {"dgb1qone": {"a": 1e12}, "dgb1qtwo": {"b": 2e12}}
    async with SimulatedSolopool(wallets=wallets) as pool:
        for wallet in wallets:
            await set_up(home, pool_entry(pool, wallet, title=wallet))
        assert pool.counters.by_path["GET /api/stats"] == 1
        assert pool.counters.by_path["GET /api/miners/dgb1qone"] == 1


def _due(entry: Any) -> float:
    """Return when the next poll of a miner is due, by the clock of the loop."""
    handle: asyncio.TimerHandle = entry.runtime_data._unsub_refresh.__self__
    return handle.when()


async def test_polls_are_spread(home: HomeAssistant) -> None:
    """Each miner has a place of its own in the interval, whatever happens."""
    interval = MINER_INTERVAL.total_seconds()
    async with AsyncExitStack() as stack:
        miners = [
            await stack.enter_async_context(SimulatedAxeOS(name=f"miner {number}"))
            for number in range(4)
        ]
        entries = [
            await set_up(home, miner_entry(miner, "bitaxe", title=miner.name))
            for miner in miners
        ]
        now = home.loop.time()
        due = [_due(entry) for entry in entries]
        assert len({round(when) for when in due}) > 1
        assert all(now < when < now + interval + 2 for when in due)

        def kept(before: float, after: float) -> bool:
            return (after - before) % interval == pytest.approx(0, abs=1e-6)

        for miner in miners:
            miner.counters.reset()
        # A refresh by hand moves nothing, nor does a poll that comes late
        for entry, when in zip(entries, due, strict=True):
            await poll(home, entry)
            assert kept(when, _due(entry))
        await later(home, interval + 2)
        assert [miner.counters.requests for miner in miners] == [2] * len(miners)
        for entry, when in zip(entries, due, strict=True):
            assert kept(when, _due(entry))
            assert entry.runtime_data.update_interval == MINER_INTERVAL
        # Always the same for a miner, so that a restart changes nothing; the base
        # class adds up to half a second of its own
        await home.config_entries.async_reload(entries[0].entry_id)
        moved = (_due(entries[0]) - due[0]) % interval
        assert min(moved, interval - moved) < 0.5


async def test_a_stall_does_not_gather_the_polls(home: HomeAssistant) -> None:
    """Of 200 miners that were all polled late, few are polled together next."""
    coordinators = []
    records = Records(home, "finds", MinerRecord)
    session = async_get_clientsession(home)
    for number in range(200):
        entry = MockConfigEntry(domain=DOMAIN, unique_id=f"24:58:7c:00:00:{number:02x}")
        entry.add_to_hass(home)
        context = DriverContext(session=session, options={})
        client = MinerClient(BitaxeDriver, context, "127.0.0.1", 1)
        coordinators.append(
            MinerCoordinator(
                home,
                entry,
                client,
                EnergyMeter(0),
                records,
                ProfileStore(home),
                Records(home, "kept", KeptCommands),
                Records(home, "status", StatusRecord),
                TuningProfiles(home),
            )
        )
    for coordinator in coordinators:
        coordinator._schedule_refresh()
    seconds = Counter(
        int(coordinator._unsub_refresh.__self__.when()) for coordinator in coordinators
    )
    assert max(seconds.values()) < 20
    assert len(seconds) >= 29
    for coordinator in coordinators:
        await coordinator.async_shutdown()


async def test_disabled_entities_do_not_stop_the_hub(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """The fleet counts on a miner of which no entity is enabled."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    registry = er.async_get(home)
    for entity in er.async_entries_for_config_entry(registry, entry.entry_id):
        registry.async_update_entity(
            entity.entity_id, disabled_by=er.RegistryEntryDisabler.USER
        )
    await home.async_block_till_done()
    bitaxe.counters.reset()
    await later(home, 31)
    await later(home, 31)
    assert bitaxe.counters.requests == 2


# What is learned


async def test_field_that_comes_later(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """A figure that a miner tells for the first time gets its entity."""
    render = bitaxe._render
    _forget(bitaxe, "bestDiff", "power", "miningPaused")
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    assert find_maybe(home, entry, "sensor", "best_share") is None
    assert find_maybe(home, entry, "sensor", "energy") is None
    assert find_maybe(home, entry, "switch", "mining") is None
    # It does not tell its power: the owner may
    assert find_maybe(home, entry, "number", "power_draw") is not None
    loaded = entry.runtime_data

    bitaxe._render = render  # type: ignore[method-assign]
    await poll(home, entry)
    assert entry.runtime_data is loaded, "no reload"
    assert value(home, entry, "best_share") == pytest.approx(
        bitaxe.state()["best"], rel=1e-3
    )
    assert value(home, entry, "power") > 0
    assert find(home, entry, "switch", "mining").state == STATE_ON
    # And it is remembered
    kept = get_data(home).profiles.get(entry.entry_id)
    assert kept == loaded.profile
    assert "best_share" in kept.telemetry


async def test_firmware_update(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> None:
    """A new firmware shows at the device; what it can do is asked again."""
    bitaxe.generation = GENERATIONS["2.13"]
    bitaxe.version = "v2.13.0"
    bitaxe._routes = None
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    (device,) = devices(home, entry)
    assert device.sw_version == "v2.13.0"
    assert "mining" not in keys(home, entry, "switch")

    bitaxe.generation = GENERATIONS["2.15"]
    bitaxe.version = "v2.15.0"
    bitaxe._routes = None
    await poll(home, entry)
    (device,) = devices(home, entry)
    assert device.sw_version == "v2.15.0"
    assert find(home, entry, "switch", "mining").state == STATE_ON
    await act(home, "switch", "turn_off", find_id(home, entry, "switch", "mining"))
    assert bitaxe.paused


async def test_profile_of_a_newer_version(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, every_entity: None
) -> None:
    """A stored profile with unknown keys and without known ones is read."""
    await bitaxe.unplug()
    entry = miner_entry(
        bitaxe,
        "bitaxe",
        data={
            "profile": {
                "facts": {"mac": bitaxe.mac.lower(), "soul": "none"},
                "telemetry": ["hashrate", "aura"],
                "tuning": {"frequency": {"minimum": 400, "maximum": 600, "mood": 1}},
                "fortune": True,
            }
        },
    )
    await set_up(home, entry)
    assert entry.state is ConfigEntryState.LOADED
    assert find(home, entry, "sensor", "hashrate").state == STATE_UNAVAILABLE
    assert find_maybe(home, entry, "number", "set_frequency") is not None
    assert find_maybe(home, entry, "number", "set_core_voltage") is None
    assert find_maybe(home, entry, "switch", "mining") is None


async def test_fault_of_our_own(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody thought of is an error as well, and no command goes out."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    miner = entry.runtime_data

    async def fail() -> None:
        raise RuntimeError("Never thought of it")

    monkeypatch.setattr(miner.client, "poll", fail)
    await poll(home, entry)
    assert find(home, entry, "switch", "mining").state == STATE_UNAVAILABLE
    with pytest.raises(HomeAssistantError, match="Never thought of it"):
        await miner.async_command(miner.client.pause())
    assert not bitaxe.paused
