"""What an hour of a miner leaves in the history."""

from collections import Counter

from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
import pytest

from simulator import SimulatedAxeOS, SimulatedNerdQAxe
from simulator.device import SimulatedDevice

from .common import identity, poll
from .conftest import miner_entry, set_up

ROWS_PER_HOUR = 330
POLLS_PER_HOUR = 120


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
        own = {
            entity.entity_id
            for entity in er.async_entries_for_config_entry(
                er.async_get(home), entry.entry_id
            )
        }
        rows: Counter[str] = Counter()

        @callback
        def count(event: Event[EventStateChangedData]) -> None:
            if event.data["entity_id"] in own:
                rows[event.data["entity_id"]] += 1

        home.bus.async_listen(EVENT_STATE_CHANGED, count)
        for _ in range(POLLS_PER_HOUR):
            freezer.tick(30)
            await poll(home, entry)
        # The hashrate is never the same for long
        assert max(rows.values()) > POLLS_PER_HOUR / 3
        assert rows.total() <= ROWS_PER_HOUR, rows.most_common()
