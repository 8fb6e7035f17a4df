"""The blueprint "limit of a pool"."""

from collections.abc import AsyncIterator
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, ServiceCall
import pytest

from simulator import SimulatedSolopool
from tests.common import find, find_id, pool_entry, value
from tests.conftest import set_up

from .conftest import NOTIFY, Clock, automate, device_id

type Notifications = list[dict[str, str]]


@pytest.fixture
async def pool(home: HomeAssistant, clock: Clock) -> AsyncIterator[SimulatedSolopool]:
    """Run a pool that counts shares."""
    async with SimulatedSolopool(generation=1, speed=0) as pool:
        yield pool


@pytest.fixture
async def entry(
    home: HomeAssistant, clock: Clock, pool: SimulatedSolopool
) -> ConfigEntry[Any]:
    """Set up an account."""
    entry = await set_up(home, pool_entry(pool, title="Mine"))
    await clock.wait(1, entry)
    return entry


async def test_a_limit_is_told_once_and_its_end(
    home: HomeAssistant,
    clock: Clock,
    notifications: Notifications,
    pool: SimulatedSolopool,
    entry: ConfigEntry[Any],
) -> None:
    """Given fewer TH/s than the limit for long enough, one message and the all-clear."""
    deeds: list[dict[str, Any]] = []

    async def note(call: ServiceCall) -> None:
        deeds.append(dict(call.data))

    home.services.async_register("test", "do", note)
    sensor, before = (
        find_id(home, entry, "sensor", "pool_hashrate"),
        value(home, entry, "pool_hashrate"),
    )
    await automate(
        home,
        "pool_limit",
        sensor=sensor,
        below=str(before - 0.1),
        patience=5,
        notify=NOTIFY,
        also=[{"action": "test.do", "data": {"device": "{{ device }}"}}],
    )
    await clock.wait(10, entry)
    assert notifications == []

    (wallet,) = pool.wallets.values()
    gone = dict(wallet.workers)
    wallet.workers.popitem()
    await clock.wait(3, entry)
    wallet.workers |= gone
    await clock.wait(5, entry)
    assert notifications == []  # too short

    wallet.workers.popitem()
    await clock.wait(9, entry)
    assert len(notifications) == 1
    now = find(home, entry, "sensor", "pool_hashrate").state
    assert notifications[0]["message"].startswith("Hashrate: ")
    assert f"{now} TH/s, less than {before - 0.1} TH/s" in notifications[0]["message"]
    assert notifications[0]["title"] == "Mine"
    assert deeds == [{"device": device_id(home, entry)}]

    # Silence is no all-clear
    pool.status = 502
    await clock.wait(3, entry)
    assert len(notifications) == 1
    pool.status = None
    wallet.workers |= gone
    await clock.wait(3, entry)
    assert notifications[1]["message"].startswith("Within its limits again: ")
    assert notifications[1]["tag"] == notifications[0]["tag"]
    assert len(deeds) == 1


async def test_a_limit_of_rejects(
    home: HomeAssistant,
    clock: Clock,
    notifications: Notifications,
    entry: ConfigEntry[Any],
) -> None:
    """Given a rate above the limit already at the start, it is told, in German."""
    sensor = find_id(home, entry, "sensor", "reject_rate")
    await automate(
        home,
        "pool_limit",
        sensor=sensor,
        above="0.1",
        patience=2,
        notify=NOTIFY,
        language="de",
    )
    await clock.wait(5, entry)
    assert len(notifications) == 1
    assert "mehr als 0.1 %" in notifications[0]["message"]


async def test_no_limit_is_never_left(
    home: HomeAssistant,
    clock: Clock,
    notifications: Notifications,
    entry: ConfigEntry[Any],
) -> None:
    """Given neither limit, nothing is told."""
    sensor = find_id(home, entry, "sensor", "reject_rate")
    await automate(home, "pool_limit", sensor=sensor, patience=0, notify=NOTIFY)
    await clock.wait(5, entry)
    assert notifications == []
