"""What an hour of a miner or a pool account leaves in the history."""

from collections import Counter
from collections.abc import Callable
import time
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
import pytest

from simulator import SimulatedAxeOS, SimulatedNerdQAxe, SimulatedSolopool
from simulator.device import SimulatedDevice

from .common import identity, poll, pool_entry
from .conftest import miner_entry, set_up

ROWS_PER_HOUR = 330
POLLS_PER_HOUR = 120

POOL_ROWS_PER_HOUR = 330
WORKER_ROWS_PER_HOUR = 50
POOL_POLLS_PER_HOUR = 60


@pytest.mark.parametrize(
    ("device", "driver"),
    [
        pytest.param(SimulatedAxeOS(generation="2.15"), "bitaxe", id="minute average"),
        pytest.param(SimulatedAxeOS(generation="2.5"), "bitaxe", id="noisy hashrate"),
        pytest.param(SimulatedNerdQAxe(), "nerdqaxe", id="nerdqaxe"),
    ],
)
async def test_noise_is_no_history(
    home: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    device: SimulatedDevice,
    driver: str,
) -> None:
    """The default entities write few rows, and yet every real change."""
    async with device:
        entry = await set_up(home, miner_entry(device, driver, identity(device)))
        rows = await an_hour(home, freezer, entry, POLLS_PER_HOUR)
        # The hashrate is never the same for long
        assert max(rows.values()) > POLLS_PER_HOUR / 3
        assert rows.total() <= ROWS_PER_HOUR, rows.most_common()


@pytest.mark.parametrize("generation", [1, 2])
async def test_pool_account(
    home: HomeAssistant, freezer: FrozenDateTimeFactory, generation: Any
) -> None:
    """A pool account writes less than a miner, its workers little each."""
    async with SimulatedSolopool(generation=generation) as pool:
        entry = await set_up(home, pool_entry(pool))
        miners = [
            worker.miner
            for wallet in pool.wallets.values()
            for worker in wallet.workers.values()
        ]
        for miner in miners:  # They hash by the clock that the test moves
            miner._clock = time.monotonic
            miner._seen = time.monotonic()

        def wobble() -> None:
            """Let luck play: a pool makes the hashrate of the shares that come."""
            for miner in miners:
                miner._frequency = miner.random.gauss(500, 100)

        rows = await an_hour(home, freezer, entry, POOL_POLLS_PER_HOUR, wobble)
        workers = Counter({k: n for k, n in rows.items() if "_worker_" in k})
        account = rows - workers
        assert account.total() <= POOL_ROWS_PER_HOUR, account.most_common()
        assert workers.total() <= 3 * WORKER_ROWS_PER_HOUR, workers.most_common()
        # What changes is there all the same
        assert account["sensor.solopool_hashrate"] > POOL_POLLS_PER_HOUR / 10
        assert workers["sensor.solopool_worker_gamma_hashrate"] > 0


async def an_hour(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    entry: ConfigEntry[Any],
    polls: int,
    before_each: Callable[[], None] = lambda: None,
) -> Counter[str]:
    """Poll for an hour and return the rows that each entity of an entry writes."""
    own = {
        entity.entity_id
        for entity in er.async_entries_for_config_entry(
            er.async_get(hass), entry.entry_id
        )
    }
    rows: Counter[str] = Counter()

    @callback
    def count(event: Event[EventStateChangedData]) -> None:
        if event.data["entity_id"] in own:
            rows[event.data["entity_id"]] += 1

    hass.bus.async_listen(EVENT_STATE_CHANGED, count)
    for _ in range(polls):
        before_each()
        freezer.tick(3600 / polls)
        await poll(hass, entry)
    return rows
