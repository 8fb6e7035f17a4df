"""Workers of a pool account: devices that come, go, and may be one's own miners."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
import logging
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant, State, callback, valid_entity_id
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
)
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.hmm import async_remove_config_entry_device
from custom_components.hmm.bundled.pool_drivers.braiins_driver import BraiinsDriver
from custom_components.hmm.const import DOMAIN
from custom_components.hmm.driver_api import CannotConnect
from custom_components.hmm.entity import AT_ONCE
from custom_components.hmm.pool.workers import MAX_NEW, MAX_WORKERS, bare_name
from simulator import SimulatedAxeOS, SimulatedSolopool
from simulator.braiins import SimulatedBraiins
from simulator.httpd import HttpDevice
from simulator.mmfp import SimulatedGoSlimStratum
from tests.common import about, fleet_entry, later, poll, pool_entry, value
from tests.conftest import miner_entry, set_up

WALLET = "dgb1qown"
BECH32 = "bc1qfpx56gr90psk6urvv5sjzgfpyysjzgfpxfltym"
CASHADDR = "qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a"
BASE58 = "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"
HOST = "eu1.solopool.org"
PORT = 8004
RIGS = {"garage": 1.2e12, "attic": 4.8e12}


@pytest.fixture
async def pool(socket_enabled: None) -> AsyncIterator[SimulatedSolopool]:
    """Return a pool with two workers of ours, one of somebody else."""
    wallets = {
        WALLET: RIGS,
        "dgb1qother": {"next-door": 9e12},
    }
    async with SimulatedSolopool(generation=1, wallets=wallets, speed=0) as device:
        yield device


def workers(hass: HomeAssistant, entry: ConfigEntry[Any]) -> dict[str, dr.DeviceEntry]:
    """Return the workers' devices of an account by their names."""
    prefix = f"{entry.title} worker "
    return {
        device.name.removeprefix(prefix): device
        for device in dr.async_entries_for_config_entry(
            dr.async_get(hass), entry.entry_id
        )
        if device.name is not None and device.name.startswith(prefix)
    }


def home_of(hass: HomeAssistant, entry: ConfigEntry[Any]) -> dr.DeviceEntry:
    """Return the device of a pool account or a miner."""
    device = dr.async_get(hass).async_get_device_by_identifier(
        (DOMAIN, str(entry.unique_id)), entry.entry_id
    )
    assert device is not None
    return device


def entities(
    hass: HomeAssistant, device: dr.DeviceEntry
) -> dict[str, er.RegistryEntry]:
    """Return the entities of a worker by platform and key."""
    ((_, identifier),) = device.identifiers
    return {
        f"{entity.domain}.{entity.unique_id.removeprefix(f'{identifier}_')}": entity
        for entity in er.async_entries_for_device(
            er.async_get(hass), device.id, include_disabled_entities=True
        )
    }


def shown(hass: HomeAssistant, entry: ConfigEntry[Any], name: str, key: str) -> State:
    """Return what a worker shows."""
    entity = entities(hass, workers(hass, entry)[name])[key]
    state = hass.states.get(entity.entity_id)
    assert state is not None
    return state


async def day_without(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    entry: ConfigEntry[Any],
    hours: float = 24,
) -> None:
    """Poll a pool every ten minutes."""
    for _ in range(round(hours * 6)):
        freezer.tick(600)
        await poll(hass, entry)


# What they are


async def test_each_worker_is_a_device(
    home: HomeAssistant, pool: SimulatedSolopool
) -> None:
    """A worker hangs on its pool and has what the pool tells of it."""
    entry = await set_up(home, pool_entry(pool, WALLET))
    result = workers(home, entry)
    assert result.keys() == {"garage", "attic"}
    for name, device in result.items():
        assert device.name == f"Solopool worker {name}"
        assert device.via_device_id == home_of(home, entry).id
        assert device.manufacturer == "Solopool.org"
        assert device.model == "DGB"
        offered = entities(home, device)
        assert {key: not it.disabled for key, it in offered.items()} == {
            "sensor.hashrate": True,
            "binary_sensor.online": True,
        }
        worker = pool.wallets[WALLET].workers[name]
        hashrate = shown(home, entry, name, "sensor.hashrate")
        assert hashrate.attributes["unit_of_measurement"] == "TH/s"
        assert hashrate.attributes["state_class"] == "measurement"
        assert float(hashrate.state) == pytest.approx(
            worker.miner.read().averages["10m"] / 1e12, rel=0.006
        )
        assert shown(home, entry, name, "binary_sensor.online").state == STATE_ON


async def test_other_figures(
    home: HomeAssistant, pool: SimulatedSolopool, every_entity: None
) -> None:
    """Shares are counters, the last one has its time."""
    entry = await set_up(home, pool_entry(pool, WALLET))
    reading = pool.wallets[WALLET].workers["attic"].miner.read()
    valid = shown(home, entry, "attic", "sensor.shares_valid")
    assert int(valid.state) == reading.accepted
    assert valid.attributes["state_class"] == "total_increasing"
    invalid = shown(home, entry, "attic", "sensor.shares_invalid")
    assert int(invalid.state) == reading.rejected
    last = shown(home, entry, "attic", "sensor.last_share")
    assert last.attributes["device_class"] == "timestamp"


async def test_ids_tell_no_secret_and_last(
    home: HomeAssistant, pool: SimulatedSolopool
) -> None:
    """The ids of workers are the same after a restart and tell neither name."""
    entry = pool_entry(pool, WALLET)
    await set_up(home, entry)
    registry = er.async_get(home)
    before = {
        entity.unique_id
        for entity in er.async_entries_for_config_entry(registry, entry.entry_id)
    }
    own = {
        item.removeprefix(f"{entry.unique_id}_")
        for item in before
        if "_worker_" in item
    }
    assert len(own) == 4
    assert not [
        item for item in own if WALLET in item or "garage" in item or "attic" in item
    ]
    await home.config_entries.async_reload(entry.entry_id)
    await home.async_block_till_done()
    assert {
        entity.unique_id
        for entity in er.async_entries_for_config_entry(registry, entry.entry_id)
    } == before


@pytest.mark.parametrize(
    ("name", "account", "shown"),
    [
        ("garage", "", "garage"),
        ("dgb1qown.garage", "dgb1qown", "garage"),
        ("anna.garage", "", "anna.garage"),
        # Wallets that are not those of the account, or of an account without a name
        (f"{BECH32}.garage", "", "garage"),
        (f"{BECH32.upper()}_garage", "dgb1qown", "garage"),
        (f"{BECH32}.", "dgb1qown", "default"),
        (BECH32, "", "default"),
        (f"bitcoincash:{CASHADDR}.garage", "dgb1qown", "garage"),
        (CASHADDR, "", "default"),
        (f"{BASE58}.garage.2", "", "garage.2"),
        (BASE58, "", "default"),
        # Names that are only long
        ("bitaxe-gamma-601-in-the-living-room", "", None),
        ("NerdQAxePlusPlusUnderTheStairs", "", None),
        ("pinkpineapplesprefersunnyplaces", "", None),
    ],
)
def test_names_tell_no_wallet(name: str, account: str, shown: str | None) -> None:
    """Names stand in entity ids: whichever wallet is in one is left out."""
    assert bare_name(name, account) == (shown or name)


async def test_worker_without_a_name(home: HomeAssistant) -> None:
    """A miner that gives no worker name is no wallet on the screen."""
    async with SimulatedSolopool(wallets={WALLET: {WALLET: 1e12}}) as pool:
        entry = await set_up(home, pool_entry(pool, WALLET))
        assert workers(home, entry).keys() == {"default"}


async def test_worker_with_a_name_without_end(
    home: HomeAssistant, pool: SimulatedSolopool
) -> None:
    """Whoever mines to a wallet chooses it; its entities have valid ids all the same."""
    workers_of = pool.wallets[WALLET].workers
    workers_of["a_" * 120] = workers_of.pop("attic")
    entry = await set_up(home, pool_entry(pool, WALLET))
    name = next(worker for worker in workers(home, entry) if worker.startswith("a_"))
    assert float(shown(home, entry, name, "sensor.hashrate").state) > 0
    registered = er.async_entries_for_config_entry(er.async_get(home), entry.entry_id)
    assert all(valid_entity_id(item.entity_id) for item in registered)


# How they come and go


async def test_new_worker(home: HomeAssistant, pool: SimulatedSolopool) -> None:
    """A worker that begins to mine is there with the next poll, without a reload."""
    entry = await set_up(home, pool_entry(pool, WALLET))
    loaded = entry.runtime_data
    other = pool.wallets["dgb1qother"].workers["next-door"]
    pool.wallets[WALLET].workers["cellar"] = other
    await poll(home, entry)
    assert entry.runtime_data is loaded
    assert workers(home, entry).keys() == {"garage", "attic", "cellar"}
    assert float(shown(home, entry, "cellar", "sensor.hashrate").state) > 8


async def test_worker_that_is_offline(
    home: HomeAssistant, pool: SimulatedSolopool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that the pool still lists says itself that it does not mine, or nothing."""
    entry = await set_up(home, pool_entry(pool, WALLET))
    attic = pool.wallets[WALLET].workers["attic"]
    attic.offline = True
    await poll(home, entry)
    seen = shown(home, entry, "attic", "binary_sensor.online")
    assert (seen.state, seen.attributes["reason"]) == (STATE_OFF, "idle")
    assert shown(home, entry, "garage", "binary_sensor.online").state == STATE_ON
    monkeypatch.setattr(type(attic), "offline", None)
    await poll(home, entry)
    seen = shown(home, entry, "attic", "binary_sensor.online")
    assert (seen.state, seen.attributes["reason"]) == (STATE_UNKNOWN, None)


async def test_worker_that_leaves(
    home: HomeAssistant, pool: SimulatedSolopool, freezer: FrozenDateTimeFactory
) -> None:
    """Who is not listed is off; after a day of that the device goes."""
    entry = await set_up(home, pool_entry(pool, WALLET))
    registry = er.async_get(home)
    gone = pool.wallets[WALLET].workers.pop("attic")
    await poll(home, entry)
    assert shown(home, entry, "attic", "binary_sensor.online").state == STATE_OFF
    hashrate = shown(home, entry, "attic", "sensor.hashrate")
    assert hashrate.state == STATE_UNAVAILABLE

    await day_without(home, freezer, entry, 23.5)
    assert workers(home, entry).keys() == {"garage", "attic"}
    await day_without(home, freezer, entry, 0.5)
    assert workers(home, entry).keys() == {"garage"}
    assert registry.async_get(hashrate.entity_id) is None
    assert home.states.get(hashrate.entity_id) is None

    # It may come back, with all it had
    pool.wallets[WALLET].workers["attic"] = gone
    await poll(home, entry)
    assert float(shown(home, entry, "attic", "sensor.hashrate").state) > 4
    assert shown(home, entry, "attic", "binary_sensor.online").state == STATE_ON


async def test_worker_that_is_back_in_time(
    home: HomeAssistant, pool: SimulatedSolopool, freezer: FrozenDateTimeFactory
) -> None:
    """Half a day off twice, with work between, is no day off."""
    entry = await set_up(home, pool_entry(pool, WALLET))
    for _ in range(2):
        gone = pool.wallets[WALLET].workers.pop("attic")
        await day_without(home, freezer, entry, 13)
        pool.wallets[WALLET].workers["attic"] = gone
        await poll(home, entry)
    assert shown(home, entry, "attic", "binary_sensor.online").state == STATE_ON


@pytest.mark.parametrize("silence", ["down", "nulls"])
async def test_pool_that_tells_no_list(
    home: HomeAssistant,
    pool: SimulatedSolopool,
    freezer: FrozenDateTimeFactory,
    silence: str,
) -> None:
    """A pool that says nothing of workers does not say that they left."""
    entry = await set_up(home, pool_entry(pool, WALLET))
    if silence == "down":
        pool.status = 502
    else:
        pool.nulls = True
    await poll(home, entry)
    for key in ("sensor.hashrate", "binary_sensor.online"):
        assert shown(home, entry, "attic", key).state == STATE_UNAVAILABLE
    await day_without(home, freezer, entry, 25)
    assert workers(home, entry).keys() == {"garage", "attic"}


async def test_account_that_the_pool_forgot(
    home: HomeAssistant, pool: SimulatedSolopool, freezer: FrozenDateTimeFactory
) -> None:
    """An address that the pool knows no more has no workers."""
    entry = await set_up(home, pool_entry(pool, WALLET))
    del pool.wallets[WALLET]
    await poll(home, entry)
    assert shown(home, entry, "attic", "binary_sensor.online").state == STATE_OFF
    await day_without(home, freezer, entry)
    assert workers(home, entry) == {}


@pytest.mark.parametrize("silence", ["down", "gone"])
async def test_workers_after_a_restart(
    home: HomeAssistant, pool: SimulatedSolopool, silence: str
) -> None:
    """What is known from before is there again, with its name."""
    entry = await set_up(home, pool_entry(pool, WALLET))
    before = {state.entity_id for state in home.states.async_all()}
    await home.config_entries.async_unload(entry.entry_id)
    if silence == "down":
        pool.status = 502
    else:
        pool.wallets[WALLET].workers.pop("attic")
    await home.config_entries.async_setup(entry.entry_id)
    await home.async_block_till_done()
    now = {state.entity_id: state for state in home.states.async_all()}
    assert now.keys() == before
    assert not [item for item in now.values() if item.attributes.get("restored")]
    assert workers(home, entry).keys() == {"garage", "attic"}
    hashrate = shown(home, entry, "attic", "sensor.hashrate")
    assert hashrate.state == STATE_UNAVAILABLE
    assert hashrate.name == "Solopool worker attic Hashrate"
    online = shown(home, entry, "attic", "binary_sensor.online")
    assert online.state == (STATE_UNAVAILABLE if silence == "down" else STATE_OFF)


async def test_removing_by_hand(
    home: HomeAssistant, pool: SimulatedSolopool, bitaxe: SimulatedAxeOS
) -> None:
    """Only a worker that its pool does not list can be removed."""
    entry = await set_up(home, pool_entry(pool, WALLET))
    miner = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    gone = pool.wallets[WALLET].workers.pop("attic")
    await poll(home, entry)
    result = workers(home, entry)

    async def may_be_removed(owner: ConfigEntry[Any], device: dr.DeviceEntry) -> bool:
        return await async_remove_config_entry_device(home, owner, device)

    assert await may_be_removed(entry, result["attic"])
    assert not await may_be_removed(entry, result["garage"])
    assert not await may_be_removed(entry, home_of(home, entry))
    assert not await may_be_removed(miner, home_of(home, miner))
    hub = fleet_entry(home)
    assert not await may_be_removed(hub, home_of(home, hub))

    dr.async_get(home).async_remove_device(result["attic"].id)
    await home.async_block_till_done()
    await poll(home, entry)
    assert workers(home, entry).keys() == {"garage"}
    pool.wallets[WALLET].workers["attic"] = gone
    await poll(home, entry)
    assert float(shown(home, entry, "attic", "sensor.hashrate").state) > 4


async def test_device_that_something_else_removed(
    home: HomeAssistant, pool: SimulatedSolopool
) -> None:
    """A listed worker without a device gets it back."""
    entry = await set_up(home, pool_entry(pool, WALLET))
    dr.async_get(home).async_remove_device(workers(home, entry)["attic"].id)
    await home.async_block_till_done()
    await poll(home, entry)
    assert float(shown(home, entry, "attic", "sensor.hashrate").state) > 4


async def test_account_whose_device_something_else_removed(
    home: HomeAssistant, pool: SimulatedSolopool, caplog: pytest.LogCaptureFixture
) -> None:
    """It is polled all the same, and whole again at the next start."""
    entry = await set_up(home, pool_entry(pool, WALLET))
    dr.async_get(home).async_remove_device(home_of(home, entry).id)
    pool.wallets[WALLET].workers["cellar"] = pool.wallets[WALLET].workers["attic"]
    await poll(home, entry)
    assert workers(home, entry).keys() == {"garage", "attic"}
    assert entry.runtime_data.last_update_success
    assert about(caplog, entry.title) == []
    assert await home.config_entries.async_reload(entry.entry_id)
    await home.async_block_till_done()
    assert workers(home, entry).keys() == {"garage", "attic", "cellar"}
    assert home_of(home, entry)


async def test_hundreds_of_workers(
    home: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Many workers that change nothing write nothing, and make no noise."""
    names = {f"rig{number}": 1e12 for number in range(MAX_WORKERS)}
    async with SimulatedSolopool(wallets={WALLET: names}, speed=0) as pool:
        entry = await set_up(home, pool_entry(pool, WALLET))
        for count in range(MAX_NEW, MAX_WORKERS, MAX_NEW):
            # All devices at once would keep Home Assistant busy for a second
            assert len(workers(home, entry)) == count
            await poll(home, entry)
        assert len(workers(home, entry)) == MAX_WORKERS
        changed: list[str] = []
        home.bus.async_listen(
            "state_changed",
            callback(lambda event: changed.append(event.data["entity_id"])),
        )
        await poll(home, entry)
        await poll(home, entry)
        assert changed == []
        pool.wallets[WALLET].workers["rig7"].offline = True
        await poll(home, entry)
        online = shown(home, entry, "rig7", "binary_sensor.online")
        assert online.state == STATE_OFF
        # The worker, its hashrate, and what the account is together
        assert len(changed) < 10
        assert about(caplog, "rig") == []
        assert about(caplog, entry.title) == []

        # Nor may their entities all come at once when the account is set up again
        monkeypatch.setattr("custom_components.hmm.turns._ROUND_SECONDS", 0.0)
        assert await home.config_entries.async_unload(entry.entry_id)
        missing = [1]
        setting_up = home.async_create_task(
            home.config_entries.async_setup(entry.entry_id)
        )
        while missing[-1]:
            await asyncio.sleep(0)
            states = home.states.async_all()
            missing.append(sum("restored" in state.attributes for state in states))
        assert max(missing) >= 2 * MAX_WORKERS
        # Beside those of the account itself
        assert max(a - b for a, b in pairwise(missing)) <= 2 * AT_ONCE
        assert await setting_up


async def test_unloaded_while_workers_are_added(
    home: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An account that is reloaded before all its workers are there has all of them."""
    names = {f"rig{number}": 1e12 for number in range(MAX_NEW)}
    async with SimulatedSolopool(wallets={WALLET: names}, speed=0) as pool:
        entry = await set_up(home, pool_entry(pool, WALLET))
        count = len(home.states.async_all())
        await home.config_entries.async_unload(entry.entry_id)
        with monkeypatch.context() as patched:
            patched.setattr("custom_components.hmm.entity.AT_ONCE", 1)
            patched.setattr("custom_components.hmm.turns._ROUND_SECONDS", 0.0)
            assert await home.config_entries.async_setup(entry.entry_id)
            states = home.states.async_all()
            assert any("restored" in state.attributes for state in states)
            assert await home.config_entries.async_unload(entry.entry_id)
            await home.async_block_till_done()
            states = home.states.async_all()
            assert all(
                "restored" in state.attributes
                for state in states
                if "rig" in state.entity_id
            )
        await home.config_entries.async_setup(entry.entry_id)
        await home.async_block_till_done()
        states = home.states.async_all()
        assert len(states) == count
        assert not any("restored" in state.attributes for state in states)
        assert "already exists" not in caplog.text


async def test_others_at_the_own_address(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There is a limit to devices; who has one keeps it, own miners always get one."""
    monkeypatch.setattr("custom_components.hmm.pool.workers.MAX_WORKERS", 5)
    names = {f"rig{number}": number * 1e12 for number in range(1, 5)}
    crowd = {f"stranger{number}": (50 + number) * 1e12 for number in range(20)}
    later_ones = {"busy": 1e15, "gamma": 1e12}
    async with SimulatedSolopool(
        wallets={WALLET: names, "dgb1qcrowd": {**crowd, **later_ones}}, speed=0
    ) as pool:
        account = pool.wallets[WALLET]
        others = pool.wallets["dgb1qcrowd"]
        entry = await set_up(home, pool_entry(pool, WALLET))
        assert workers(home, entry).keys() == names.keys()

        account.workers |= {name: others.workers[name] for name in crowd}
        await poll(home, entry)
        shown_now = {*names, "stranger19"}
        assert workers(home, entry).keys() == shown_now
        (line,) = about(caplog, entry.title)
        assert line.levelno == logging.WARNING
        assert "lists 24 workers" in line.getMessage()
        assert "19 of them have none" in line.getMessage()

        # A busier one takes nobody's place, and it is not told again
        account.workers["busy"] = others.workers["busy"]
        await poll(home, entry)
        await poll(home, entry)
        assert workers(home, entry).keys() == shown_now
        assert len(about(caplog, entry.title)) == 1
        assert value(home, entry, "active_workers") == 25

        # One's own miner is no stranger
        account.workers["gamma"] = others.workers["gamma"]
        mine(bitaxe, f"{WALLET}.gamma")
        await set_up(home, miner_entry(bitaxe, "bitaxe"))
        await poll(home, entry)
        assert workers(home, entry).keys() == {*shown_now, "gamma"}

        # After a restart of Home Assistant they are the same
        await home.config_entries.async_reload(entry.entry_id)
        await home.async_block_till_done()
        assert workers(home, entry).keys() == {*shown_now, "gamma"}


async def test_who_gets_the_last_devices(
    home: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who mines comes before who does not, then the most hashrate."""
    monkeypatch.setattr("custom_components.hmm.pool.workers.MAX_WORKERS", 2)
    names = {"slow": 1e12, "off": 9e12, "quick": 3e12, "middle": 2e12}
    async with SimulatedSolopool(wallets={WALLET: names}, speed=0) as pool:
        pool.wallets[WALLET].workers["off"].offline = True
        entry = await set_up(home, pool_entry(pool, WALLET))
        assert workers(home, entry).keys() == {"quick", "middle"}


# Which of them are own miners


def mine(device: SimulatedAxeOS, user: str, host: str = HOST, port: int = PORT) -> None:
    """Let a miner mine somewhere."""
    device.pools[0].update(stratumURL=host, stratumPort=port, stratumUser=user)


async def test_worker_that_is_an_own_miner(
    home: HomeAssistant, pool: SimulatedSolopool, bitaxe: SimulatedAxeOS
) -> None:
    """A worker that is a miner of ours hangs on that one and stands where it does."""
    mine(bitaxe, f"{WALLET}.garage")
    miner = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    area = ar.async_get(home).async_create("Garage")
    dr.async_get(home).async_update_device(home_of(home, miner).id, area_id=area.id)
    entry = await set_up(home, pool_entry(pool, WALLET))
    result = workers(home, entry)
    assert result["garage"].via_device_id == home_of(home, miner).id
    assert result["garage"].area_id == area.id
    assert result["attic"].via_device_id == home_of(home, entry).id
    assert result["attic"].area_id is None

    # The user may put it elsewhere
    dr.async_get(home).async_update_device(result["garage"].id, area_id=None)
    await poll(home, entry)
    assert workers(home, entry)["garage"].area_id is None

    # A miner that is off is the same machine, also after a restart
    await bitaxe.unplug()
    await poll(home, miner)
    await home.config_entries.async_reload(entry.entry_id)
    await home.async_block_till_done()
    assert workers(home, entry)["garage"].via_device_id == home_of(home, miner).id

    # One that is no longer ours is not
    await home.config_entries.async_remove(miner.entry_id)
    await home.async_block_till_done()
    await poll(home, entry)
    assert workers(home, entry)["garage"].via_device_id == home_of(home, entry).id


async def test_miner_that_is_set_up_later(
    home: HomeAssistant, pool: SimulatedSolopool, bitaxe: SimulatedAxeOS
) -> None:
    """The match is found with the next poll of the pool."""
    mine(bitaxe, f"{WALLET}.garage")
    entry = await set_up(home, pool_entry(pool, WALLET))
    miner = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    area = ar.async_get(home).async_create("Garage")
    dr.async_get(home).async_update_device(home_of(home, miner).id, area_id=area.id)
    await later(home, 61)
    device = workers(home, entry)["garage"]
    assert device.via_device_id == home_of(home, miner).id
    assert device.area_id == area.id


@pytest.mark.parametrize(
    ("user", "host", "port", "same"),
    [
        pytest.param(f"{WALLET}.GARAGE", HOST, PORT, True, id="case"),
        pytest.param(f"{WALLET.upper()}.garage", HOST, PORT, True, id="wallet's case"),
        pytest.param(f"{WALLET}_garage", HOST, PORT, True, id="ckpool's way"),
        pytest.param(f"{WALLET}.garage", "us1.solopool.org", 7004, True, id="region"),
        pytest.param(f"{WALLET}.garage2", HOST, PORT, False, id="longer name"),
        pytest.param(f"{WALLET}garage", HOST, PORT, False, id="no separator"),
        pytest.param("dgb1qother.garage", HOST, PORT, False, id="other wallet"),
        pytest.param(WALLET, HOST, PORT, False, id="no worker"),
        pytest.param("", HOST, PORT, False, id="no user"),
        pytest.param(f"{WALLET}.garage", "evil-solopool.org", PORT, False, id="host"),
        pytest.param(f"{WALLET}.garage", "10.0.0.5", PORT, False, id="own server"),
        pytest.param(f"{WALLET}.garage", "8.8.1.1", PORT, False, id="address"),
    ],
)
async def test_who_is_the_same(
    home: HomeAssistant,
    pool: SimulatedSolopool,
    bitaxe: SimulatedAxeOS,
    user: str,
    host: str,
    port: int,
    same: bool,
) -> None:
    """Pool, account and worker name make a miner the worker."""
    mine(bitaxe, user, host, port)
    miner = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    entry = await set_up(home, pool_entry(pool, WALLET))
    linked = workers(home, entry)["garage"].via_device_id
    assert linked == home_of(home, miner if same else entry).id


@pytest.mark.parametrize(
    ("here", "there", "port", "same"),
    [
        ("192.168.1.5", "192.168.1.5", 3333, True),
        ("192.168.1.5", "umbrel.local", 3333, True),
        ("umbrel", "192.168.1.5", 3333, True),
        ("192.168.1.5", "umbrel.local", 3334, False),
        ("192.168.1.5", "pool.example.org", 3333, False),
        ("203.0.113.5", "198.51.113.5", 3333, False),
    ],
)
async def test_servers_of_ones_own(
    home: HomeAssistant,
    pool: SimulatedSolopool,
    bitaxe: SimulatedAxeOS,
    monkeypatch: pytest.MonkeyPatch,
    here: str,
    there: str,
    port: int,
    same: bool,
) -> None:
    """A local server may be known by its address here and by its name there."""

    async def silent(host: str, port: int) -> float:
        raise CannotConnect("This address is made up")

    monkeypatch.setattr(
        "custom_components.hmm.pool.coordinator.connect_latency", silent
    )
    mine(bitaxe, f"{WALLET}.garage", there, port)
    miner = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    entry = await set_up(
        home, pool_entry(pool, WALLET, data={"host": here, "port": 3333})
    )
    linked = workers(home, entry)["garage"].via_device_id
    assert linked == home_of(home, miner if same else entry).id


async def test_name_that_two_miners_share(
    home: HomeAssistant, pool: SimulatedSolopool, bitaxe: SimulatedAxeOS
) -> None:
    """A worker of two machines is neither of them."""
    async with SimulatedAxeOS(name="second") as second:
        for device in (bitaxe, second):
            mine(device, f"{WALLET}.garage")
            await set_up(home, miner_entry(device, "bitaxe", title=device.name))
        entry = await set_up(home, pool_entry(pool, WALLET))
        linked = workers(home, entry)["garage"].via_device_id
        assert linked == home_of(home, entry).id


async def test_miner_that_tells_nothing(
    home: HomeAssistant, pool: SimulatedSolopool, bitaxe: SimulatedAxeOS
) -> None:
    """A miner that is off since the start is not asked for its pool."""
    mine(bitaxe, f"{WALLET}.garage")
    miner = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    await home.config_entries.async_unload(miner.entry_id)
    await bitaxe.unplug()
    await home.config_entries.async_setup(miner.entry_id)
    await home.async_block_till_done()
    entry = await set_up(home, pool_entry(pool, WALLET))
    assert workers(home, entry)["garage"].via_device_id == home_of(home, entry).id
    await bitaxe.plug_in()
    await poll(home, miner)
    await poll(home, entry)
    assert workers(home, entry)["garage"].via_device_id == home_of(home, miner).id
    assert shown(home, entry, "garage", "binary_sensor.online").state != STATE_UNKNOWN


async def test_server_that_is_ones_own_alone(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """Who mines at a private server is one of us, whatever the address."""
    async with SimulatedGoSlimStratum(accounts={"dgb": {WALLET: RIGS}}) as server:
        mine(bitaxe, f"{WALLET}.garage", "127.0.0.1", 3333)
        miner = await set_up(home, miner_entry(bitaxe, "bitaxe"))
        entry = await set_up(home, own_server("mmfp", "DGB", server))
        result = workers(home, entry)
        assert result.keys() == {"garage", "attic"}
        assert result["garage"].via_device_id == home_of(home, miner).id
        assert result["attic"].via_device_id == home_of(home, entry).id


@pytest.mark.parametrize("prefix", ["", "bitcoincash:"])
async def test_bitcoin_cash_address_with_its_prefix(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, prefix: str
) -> None:
    """The prefix of an address means nothing, and is on either side or none."""
    async with SimulatedSolopool(coin="bch", wallets={WALLET: RIGS}) as pool:
        mine(bitaxe, f"{prefix}{WALLET}.garage", "eu2.solopool.org", 8002)
        miner = await set_up(home, miner_entry(bitaxe, "bitaxe"))
        entry = await set_up(
            home, pool_entry(pool, WALLET, data={"host": "us1.solopool.org"})
        )
        linked = workers(home, entry)["garage"].via_device_id
        assert linked == home_of(home, miner).id


async def test_account_that_the_key_tells(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a pool that knows its users by a key, the account is what the pool says."""
    monkeypatch.setattr(BraiinsDriver, "gap_seconds", 0.0)
    async with SimulatedBraiins(accounts={"anna": RIGS}, gap_seconds=0) as pool:
        mine(bitaxe, "Anna.garage", "eu.stratum.braiins.com", 3333)
        miner = await set_up(home, miner_entry(bitaxe, "bitaxe"))
        entry = await set_up(
            home,
            own_server(
                "braiins",
                "BTC",
                pool,
                host="stratum.braiins.com",
                api_token=pool.add_account("anna", RIGS),
            ),
        )
        result = workers(home, entry)
        assert result.keys() == {"garage", "attic"}
        assert result["garage"].via_device_id == home_of(home, miner).id


def own_server(
    driver: str, coin: str, pool: HttpDevice, host: str = "127.0.0.1", **settings: Any
) -> MockConfigEntry:
    """Return an entry of a pool without a wallet."""
    return MockConfigEntry(
        domain=DOMAIN,
        title="Solopool",
        unique_id=f"{driver}_{coin}",
        data={
            "entry_type": "pool",
            "driver": driver,
            "host": host,
            "port": 3333,
            "coin": coin,
            "wallet": "",
            "account_settings": {
                "api_base": f"http://127.0.0.1:{pool.port}",
                **settings,
            },
        },
    )
