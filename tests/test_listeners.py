"""Those who are told, of whom one may fail."""

from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
import pytest

from custom_components.hmm.data import get_data
from custom_components.hmm.listeners import notify_all
from simulator import SimulatedAxeOS

from .common import find, fleet_entry, poll
from .conftest import miner_entry, set_up


def test_those_behind_one_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """Given one that fails or ends itself, then all are told, and the log says who."""
    told: list[Any] = []
    listeners = [told.append]

    def fail(_: Any) -> None:
        listeners.remove(fail)
        raise ValueError("not now")

    listeners[:0] = [fail]
    for number in (1, 2):
        notify_all(listeners, number)
    assert told == [1, 2]
    assert caplog.text.count("ValueError: not now") == 1
    assert "fail" in caplog.text


async def test_a_poll_goes_on_behind_one_that_fails(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, caplog: pytest.LogCaptureFixture
) -> None:
    """Given a part of HMM that fails at each poll, then the fleet counts all the same."""

    def fail(*_: Any) -> None:
        raise ValueError("not now")

    entry: ConfigEntry[Any] = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    data = get_data(home)
    data.fleet._listeners.insert(0, fail)
    data.money._listeners.insert(0, fail)
    await bitaxe.unplug()
    for _ in range(3):
        await poll(home, entry)
    home.config_entries.async_update_entry(
        fleet_entry(home),
        options={"prices": {"price_source": "fixed", "price_fixed": 0.3}},
    )
    await home.async_block_till_done(wait_background_tasks=True)
    assert find(home, fleet_entry(home), "sensor", "miners_online").state == "0"
    assert find(home, fleet_entry(home), "sensor", "price").state == "0.3"
    assert "ValueError: not now" in caplog.text
