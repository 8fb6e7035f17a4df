"""The miners over HTTP: what scripts made for HMM-Local read and do."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from aiohttp.test_utils import TestClient
from homeassistant.auth.models import Group
from homeassistant.auth.permissions.models import PermissionLookup
from homeassistant.config_entries import (
    ConfigEntry,
    ConfigEntryDisabler,
    ConfigEntryState,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.hmm.data import get_data
from simulator import SimulatedAxeOS, SimulatedSolopool
from simulator.solopool import DEMO_WALLET
from tests.common import find_id, poll, pool_entry
from tests.conftest import miner_entry, set_up

pytestmark = pytest.mark.usefixtures("quick")

MINERS = "/api/hmm/miners"

type Client = TestClient[Any, Any]


@pytest.fixture
async def second(socket_enabled: None) -> AsyncIterator[SimulatedAxeOS]:
    """Return another Bitaxe."""
    async with SimulatedAxeOS(
        generation="2.15", name="second", reboot_seconds=0.2, restart_delay=0.1
    ) as device:
        yield device


@pytest.fixture
async def miners(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, second: SimulatedAxeOS
) -> list[ConfigEntry[Any]]:
    """Set up two miners."""
    options = {"power_draw": 12.5}
    return [
        await set_up(home, miner_entry(bitaxe, "bitaxe", title="Garage")),
        await set_up(
            home, miner_entry(second, "bitaxe", title="attic", options=options)
        ),
    ]


@pytest.fixture
async def client(
    home: HomeAssistant,
    miners: list[ConfigEntry[Any]],
    hass_client: ClientSessionGenerator,
) -> Client:
    """Return an administrator's client."""
    return await hass_client()


async def send(
    client: Client, method: str, path: str = "", **options: Any
) -> tuple[int, Any]:
    """Return the status and the JSON of an answer."""
    response = await client.request(method, f"{MINERS}{path}", **options)
    answer = await response.json()
    if response.status != HTTPStatus.OK:
        assert answer["message"] == answer["detail"] != ""
    return response.status, answer


async def do(client: Client, miner: ConfigEntry[Any], path: str, **json: Any) -> Any:
    """Do something to a miner."""
    return await send(client, "post", f"/{miner.entry_id}{path}", json=json)


# Reading


async def test_miners_are_listed(
    home: HomeAssistant, client: Client, miners: list[ConfigEntry[Any]]
) -> None:
    """Given two miners, they are there by name with the keys of HMM-Local."""
    status, rows = await send(client, "get", "/")
    assert (status, [row["name"] for row in rows]) == (200, ["attic", "Garage"])
    garage = miners[0]
    device = get_data(home).fleet.miners[garage.entry_id].device_id
    assert rows[1] == {
        "id": garage.entry_id,
        "name": "Garage",
        "miner_type": "bitaxe",
        "ip_address": "127.0.0.1",
        "port": garage.data["port"],
        "effective_port": garage.data["port"],
        "current_mode": "standard",
        "enabled": True,
        "manual_power_watts": None,
        "config": None,
        "device_id": device,
        "online": True,
        "state": rows[1]["state"],
    }
    assert rows[0]["manual_power_watts"] == 12.5
    assert await send(client, "get", f"/{garage.entry_id}") == (200, rows[1])


async def test_telemetry_is_the_last_poll(
    home: HomeAssistant,
    client: Client,
    miners: list[ConfigEntry[Any]],
    bitaxe: SimulatedAxeOS,
) -> None:
    """Given a miner, its figures are those of the poll, in the units of HMM-Local."""
    before = bitaxe.counters.requests
    path = f"/{miners[0].entry_id}/telemetry"
    status, reported = await send(client, "get", f"{path}?live=true")
    assert (status, bitaxe.counters.requests) == (200, before)
    data = get_data(home).fleet.miners[miners[0].entry_id].data
    assert data.hashrate is not None
    value = data.hashrate / 1e9
    assert reported["hashrate"] == {
        "display": f"{value / 1000:.2f} TH/s",
        "value": pytest.approx(value),
        "unit": "GH/s",
    }
    age = datetime.now(UTC) - datetime.fromisoformat(reported["timestamp"])
    assert timedelta(seconds=-1) < age < timedelta(minutes=1)
    assert (reported["temperature"], reported["power_watts"]) == (
        data.temperature,
        data.power,
    )
    assert reported["shares_accepted"] == data.shares_accepted
    assert reported["pool_in_use"] == data.pools[0].url
    assert reported["mode"] == reported["extra_data"]["current_mode"] == "standard"
    extra = reported["extra_data"]
    assert extra["core_voltage_mv"] == data.core_voltage
    assert extra["firmware_version"]
    assert extra["stale_shares"] is None


async def test_a_miner_that_is_off(
    home: HomeAssistant,
    client: Client,
    miners: list[ConfigEntry[Any]],
    bitaxe: SimulatedAxeOS,
) -> None:
    """Given no answer, no old figure is told, and commands say why they fail."""
    await bitaxe.unplug()
    await poll(home, miners[0])
    path = f"/{miners[0].entry_id}"
    status, answer = await send(client, "get", f"{path}/telemetry")
    assert (status, answer["code"]) == (503, "miner_silent")
    assert "127.0.0.1" in answer["message"]
    _, row = await send(client, "get", path)
    assert (row["online"], row["current_mode"]) == (False, None)
    for what, data in (("mode", {"mode": "eco"}), ("restart", {})):
        status, answer = await do(client, miners[0], f"/{what}", **data)
        assert status == HTTPStatus.SERVICE_UNAVAILABLE
        assert "127.0.0.1" in answer["message"]


# Doing


@pytest.mark.parametrize("in_query", [False, True])
async def test_mode(
    client: Client,
    miners: list[ConfigEntry[Any]],
    bitaxe: SimulatedAxeOS,
    in_query: bool,
) -> None:
    """Given a mode in the body, or in the query as for HMM-Local, the miner has it."""
    path = f"/{miners[0].entry_id}"
    _, modes = await send(client, "get", f"{path}/modes")
    assert {"eco", "standard"} <= set(modes["modes"])
    if in_query:
        status, answer = await send(client, "post", f"{path}/mode?mode=eco")
    else:
        status, answer = await do(client, miners[0], "/mode", mode="eco")
    assert answer.pop("seconds") >= 0
    assert (status, answer) == (
        200,
        {
            "status": "success",
            "mode": "eco",
            "result": "done",
            "previous": "standard",
            "value": "eco",
        },
    )
    assert bitaxe.settings["frequency"] == 400
    _, answer = await do(client, miners[0], "/mode", mode="eco")
    assert answer["result"] == "already"
    status, answer = await do(client, miners[0], "/mode", mode="warp")
    assert (status, answer["code"]) == (400, "no_such_mode")
    assert "standard" in answer["message"]


async def test_pool(
    home: HomeAssistant,
    client: Client,
    miners: list[ConfigEntry[Any]],
    bitaxe: SimulatedAxeOS,
) -> None:
    """Given the id of an account, the miner mines there."""
    async with SimulatedSolopool(speed=0) as pool:
        account = await set_up(home, pool_entry(pool, title="Mine"))
        path = f"/{miners[0].entry_id}/pool?pool_id={account.entry_id}"
        status, answer = await send(client, "post", path)
        assert (status, answer["status"], answer["pool"]) == (200, "success", "Mine")
        slot = bitaxe.active_pool
        assert slot is not None
        assert slot["stratumURL"] == "eu1.solopool.org"
        assert slot["stratumUser"].startswith(DEMO_WALLET)
        status, answer = await do(client, miners[0], "/pool", pool_id="no-such")
        assert (status, answer["code"]) == (404, "unknown_pool")
        await home.config_entries.async_unload(account.entry_id)


async def test_restart(
    client: Client, miners: list[ConfigEntry[Any]], bitaxe: SimulatedAxeOS
) -> None:
    """Given a restart, the answer comes when the miner is back."""
    status, answer = await do(client, miners[0], "/restart")
    assert (status, answer["status"], answer["result"]) == (200, "restarting", "done")
    assert bitaxe.boots == 2


async def test_a_miner_that_is_disabled(
    home: HomeAssistant, client: Client, miners: list[ConfigEntry[Any]]
) -> None:
    """Given a disabled miner, it is listed as such and can be enabled again."""
    ids = {"miner_ids": [miners[0].entry_id, "no-such"]}
    for _ in range(2):
        status, answer = await send(client, "post", "/bulk/disable", json=ids)
        assert (status, answer["success"], answer["failed"]) == (200, 1, 1)
    assert [row["result"] for row in answer["miners"]] == ["already", "refused"]
    _, row = await send(client, "get", f"/{miners[0].entry_id}")
    assert (row["enabled"], row["online"]) == (False, False)
    status, answer = await do(client, miners[0], "/mode", mode="eco")
    assert (status, answer["code"]) == (409, "miner_disabled")
    status, _ = await send(client, "get", f"/{miners[0].entry_id}/telemetry")
    assert status == HTTPStatus.SERVICE_UNAVAILABLE
    _, answer = await send(client, "post", "/bulk/mode", json={**ids, "mode": "eco"})
    assert [row["result"] for row in answer["miners"]] == ["unreachable", "refused"]
    await send(client, "post", "/bulk/enable", json=ids)
    _, row = await send(client, "get", f"/{miners[0].entry_id}")
    assert (row["enabled"], row["online"]) == (True, True)


# Several


async def test_several(
    home: HomeAssistant,
    client: Client,
    miners: list[ConfigEntry[Any]],
    bitaxe: SimulatedAxeOS,
    second: SimulatedAxeOS,
) -> None:
    """Given several miners, the answer counts them and says what became of each."""
    await second.unplug()
    ids = [miner.entry_id for miner in miners]
    body = {"miner_ids": [*ids, ids[0], "../x"], "mode": "eco"}
    status, answer = await send(client, "post", "/bulk/mode", json=body)
    assert (status, answer["success"], answer["failed"]) == (200, 1, 2)
    assert [(row["id"], row["result"]) for row in answer["miners"]] == [
        (ids[0], "done"),
        (ids[1], "unreachable"),
        ("../x", "refused"),
    ]
    assert answer["miners"][2]["reason"] == "unknown_miner"
    assert bitaxe.settings["frequency"] == 400
    status, answer = await send(
        client, "post", "/bulk/restart", json={"miner_ids": ids[:1]}
    )
    assert (status, answer["success"], bitaxe.boots) == (200, 1, 2)
    body = {"miner_ids": ids, "pool_id": "no-such"}
    status, answer = await send(client, "post", "/bulk/pool", json=body)
    assert (status, answer["code"]) == (404, "unknown_pool")


async def test_nonsense_is_refused(
    client: Client,
    miners: list[ConfigEntry[Any]],
    bitaxe: SimulatedAxeOS,
    subtests: pytest.Subtests,
) -> None:
    """Given a body that says nothing, nothing is done."""
    for path, body in [
        ("/{}/mode", {}),
        ("/{}/mode", {"mode": 1}),
        ("/{}/mode", {"mode": ""}),
        ("/{}/mode", {"mode": "x" * 65}),
        ("/{}/mode", {"mode": ["eco"]}),
        ("/{}/mode", {"mode": "eco", "device_id": "x"}),
        ("/{}/pool", {"pool_id": None}),
        ("/bulk/mode", {"miner_ids": [], "mode": "eco"}),
        ("/bulk/mode", {"miner_ids": "{}", "mode": "eco"}),
        ("/bulk/mode", {"miner_ids": [1], "mode": "eco"}),
        ("/bulk/mode", {"miner_ids": ["x"]}),
        ("/bulk/restart", {"miner_ids": ["x"] * 1001}),
        ("/bulk/restart", {}),
    ]:
        with subtests.test(f"{path} {body}"[:80]):
            status, answer = await send(
                client, "post", path.format(miners[0].entry_id), json=body
            )
            assert (status, answer["code"]) == (400, "body_field_invalid")
            assert (bitaxe.writes, bitaxe.boots) == ([], 1)


async def test_unknown_ids(
    client: Client, miners: list[ConfigEntry[Any]], bitaxe: SimulatedAxeOS
) -> None:
    """Given the id of nothing, or of a pool, there is no such miner."""
    for path in ("/no-such", "/no-such/telemetry", "/no-such/modes"):
        status, answer = await send(client, "get", path)
        assert (status, answer["code"]) == (404, "unknown_miner")
    for path in ("/no-such/mode?mode=eco", "/%00/restart", f"/{'x' * 5000}/restart"):
        response = await client.post(f"{MINERS}{path}")
        assert response.status in (400, 404)
        assert len(await response.text()) < 400


# Who may


async def test_a_miner_whose_entry_is_stuck(
    home: HomeAssistant, client: Client, miners: list[ConfigEntry[Any]]
) -> None:
    """Given an entry that cannot be unloaded, the others are disabled all the same."""
    miners[0]._async_set_state(home, ConfigEntryState.FAILED_UNLOAD, None)
    ids = {"miner_ids": [miner.entry_id for miner in miners]}
    status, answer = await send(client, "post", "/bulk/disable", json=ids)
    assert (status, answer["success"], answer["failed"]) == (200, 1, 1)
    assert answer["miners"][0]["reason"] == "changed_meanwhile"
    assert miners[1].disabled_by is ConfigEntryDisabler.USER
    miners[0]._async_set_state(home, ConfigEntryState.LOADED, None)


async def test_a_user_with_one_miner(
    home: HomeAssistant,
    client: Client,
    miners: list[ConfigEntry[Any]],
    second: SimulatedAxeOS,
    hass_client: ClientSessionGenerator,
) -> None:
    """Given the right to one miner and its mode, there is no other, and no restart."""
    registry = er.async_get(home)
    device = get_data(home).fleet.miners[miners[0].entry_id].device_id
    entities = er.async_entries_for_device(registry, device, True)
    policy = {entity.entity_id: {"read": True} for entity in entities}
    mode = find_id(home, miners[0], "select", "mode")
    group = Group(
        name="One",
        id="one",
        policy={"entities": {"entity_ids": {**policy, mode: True}}},
    )
    home.auth._store._groups[group.id] = group
    home.auth._store._perm_lookup = PermissionLookup(registry, dr.async_get(home))
    user = await home.auth.async_create_user("Guest", group_ids=[group.id])
    refresh = await home.auth.async_create_refresh_token(user, "https://x.example/")
    guest = await hass_client(home.auth.async_create_access_token(refresh))

    rows = (await send(guest, "get"))[1]
    assert [row["name"] for row in rows] == ["Garage"]
    status, _ = await send(guest, "get", f"/{miners[1].entry_id}/telemetry")
    assert status == HTTPStatus.NOT_FOUND
    status, answer = await do(guest, miners[0], "/mode", mode="eco")
    assert (status, answer["result"]) == (200, "done")
    for miner, path in ((miners[0], "/restart"), (miners[1], "/mode?mode=eco")):
        status, answer = await send(guest, "post", f"/{miner.entry_id}{path}")
        assert (status, answer["code"]) == (403, "not_allowed_to_control")
    body = {"miner_ids": [item.entry_id for item in miners], "mode": "standard"}
    status, _ = await send(guest, "post", "/bulk/mode", json=body)
    assert status == HTTPStatus.FORBIDDEN
    assert second.writes == []

    # Disabled, it does not exist for him either
    other = miners[1]
    await home.config_entries.async_set_disabled_by(
        other.entry_id, ConfigEntryDisabler.USER
    )
    status, answer = await do(guest, other, "/mode", mode="eco")
    assert (status, answer["code"]) == (404, "unknown_miner")
    body = {"miner_ids": [other.entry_id], "mode": "eco"}
    _, answer = await send(guest, "post", "/bulk/mode", json=body)
    assert answer["miners"][0]["name"] is None
