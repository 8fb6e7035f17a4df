"""The simulated HMM-Local."""

from functools import partial
import json
from typing import Any

import pytest

from simulator.device import Fault
from simulator.hmm_local import SimulatedHmmLocal

from .raw_client import fetch_at

pytestmark = pytest.mark.usefixtures("socket_enabled")


ask = partial(fetch_at, "")


async def get(server: SimulatedHmmLocal, path: str) -> Any:
    """Fetch JSON."""
    status, text, headers = await ask(server, path)
    assert status == 200
    assert headers["Content-Type"] == "application/json"
    return json.loads(text)


async def test_miners() -> None:
    """The keys of MinerResponse, by name whatever its case, with masked passwords."""
    async with SimulatedHmmLocal() as server:
        server.add_miner(
            "nano",
            "avalon_nano",
            "192.168.1.9",
            config={"admin_password": "secret", "worker": "n"},
        )
        server.add_miner("Garage", "bitaxe", "192.168.1.8", manual_power_watts=15)
        garage, nano = await get(server, "/api/miners/")
        assert garage == {
            "id": 2,
            "name": "Garage",
            "miner_type": "bitaxe",
            "ip_address": "192.168.1.8",
            "port": None,
            "effective_port": 80,
            "current_mode": None,
            "enabled": True,
            "manual_power_watts": 15,
            "config": None,
        }
        assert nano["config"] == {"admin_password": "****", "worker": "n"}
        assert await get(server, "/api/miners/2") == garage
        assert await get(server, "/api/miners/types") == {
            "types": ["avalon_nano", "bitaxe", "nerdqaxe", "nmminer"]
        }


async def test_the_miners_of_december() -> None:
    """The first versions told less of a miner, and its password."""
    async with SimulatedHmmLocal(generation="2025-12") as server:
        server.add_miner("n", "xmrig", "10.0.0.1", config={"admin_password": "secret"})
        (miner,) = await get(server, "/api/miners/")
    assert "effective_port" not in miner
    assert "manual_power_watts" not in miner
    assert miner["config"] == {"admin_password": "secret"}


async def test_a_type_without_a_driver_breaks_the_list() -> None:
    """The adapter that is not there is asked for its port."""
    async with SimulatedHmmLocal() as server:
        server.add_miner("n", "bitaxe", "10.0.0.1")
        server.add_miner("old", "xmrig", "10.0.0.2")
        status, text, _ = await ask(server, "/api/miners/")
    assert status == 500
    assert set(json.loads(text)) == {"detail", "request_id"}


async def test_pools() -> None:
    """The keys of PoolResponse: user and password are told to everyone."""
    async with SimulatedHmmLocal() as server:
        server.add_pool("Solo", "eu1.solopool.org", 8004, "dgb1q.rig")
        assert await get(server, "/api/pools/") == [
            {
                "id": 1,
                "name": "Solo",
                "url": "eu1.solopool.org",
                "port": 8004,
                "user": "dgb1q.rig",
                "password": "x",
                "enabled": True,
                "pool_config": {"driver": "unknown"},
                "show_on_dashboard": True,
                "sort_order": 0,
            }
        ]
        assert (await get(server, "/api/pools/1"))["name"] == "Solo"
        status, text, _ = await ask(server, "/api/pools/2")
    assert (status, json.loads(text)) == (404, {"detail": "Pool not found"})


async def test_profiles() -> None:
    """All, or those of one type; a version without them has no such path."""
    async with SimulatedHmmLocal() as server:
        profiles = await get(server, "/api/tuning/profiles")
        assert [profile["name"] for profile in profiles] == [
            "Low",
            "Quiet nights",
            "Saved from Garage",
        ]
        assert set(profiles[0]) == {
            "id",
            "name",
            "miner_type",
            "description",
            "settings",
            "is_system",
            "created_at",
        }
        (avalon,) = await get(server, "/api/tuning/profiles?miner_type=avalon_nano")
        assert avalon["settings"] == {"mode": "low"}
        assert await get(server, "/api/tuning/profiles/3") == avalon
        server.has_profiles = False
        status, text, _ = await ask(server, "/api/tuning/profiles")
    assert (status, json.loads(text)) == (404, {"detail": "Not Found"})


async def test_what_is_beside_the_lists() -> None:
    """Its page, its health, a path without a slash, a path that is none."""
    async with SimulatedHmmLocal() as server:
        assert (await get(server, "/health"))["status"] == "healthy"
        status, _, headers = await ask(server, "/")
        assert (status, headers["Location"]) == (307, "/app")
        status, text, headers = await ask(server, "/app/miners")
        assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert "Home Miner Manager" in text
        status, _, headers = await ask(server, "/api/miners")
        assert status == 307
        assert headers["Location"] == f"http://127.0.0.1:{server.port}/api/miners/"
        status, text, _ = await ask(server, "/nothing")
        assert (status, json.loads(text)) == (404, {"detail": "Not Found"})


async def test_writes_are_counted() -> None:
    """Whoever only reads leaves them at zero."""
    async with SimulatedHmmLocal() as server:
        await get(server, "/api/miners/")
        assert server.state()["writes"] == 0
        status, _, _ = await ask(server, "/api/miners/", "POST")
        assert status == 405
        assert server.writes == 1


async def test_faults() -> None:
    """A status that a test wants, and the faults of all devices."""
    async with SimulatedHmmLocal() as server:
        server.status = 503
        assert (await ask(server, "/api/pools/"))[0] == 503
        assert (await ask(server, "/health"))[0] == 200
        server.status = None
        server.fault = Fault.HTML
        assert "<html>" in (await ask(server, "/api/pools/"))[1]
