"""Fleets and the command line."""

import asyncio
import os
from pathlib import Path
import signal
import sys

import pytest

from simulator.__main__ import main, parser
from simulator.accounts import Worker
from simulator.avalon import SimulatedAvalon
from simulator.axeos import SimulatedAxeOS
from simulator.device import SimulatedDevice
from simulator.fleet import (
    CONTROL_OFFSET,
    DEMO_CONTROL_PORT,
    PORT_BASE,
    Fleet,
    Spec,
    catalogue,
    how_to_add,
)
from simulator.mmfp import SimulatedGoSlimStratum
from simulator.nerdqaxe import SimulatedNerdQAxe
from simulator.nmminer import SimulatedNMMiner
from simulator.ocean import SimulatedOcean
from simulator.solopool import SimulatedSolopool

pytestmark = pytest.mark.usefixtures("socket_enabled")

QUIET = ("127.0.0.1", 9)


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("avalon-q", Spec("avalon-q", None, None)),
        ("bitaxe-gamma@2.15:18080", Spec("bitaxe-gamma", "2.15", 18080)),
        ("NerdQAxe++@1.0.36", Spec("nerdqaxe++", "1.0.36", None)),
        ("nmminer:0", Spec("nmminer", None, 0)),
    ],
)
def test_specs_are_read(text: str, spec: Spec) -> None:
    """Specs are read."""
    assert Spec.parse(text) == spec


@pytest.mark.parametrize(
    "text",
    [
        "",
        "bitaxe gamma",
        "bitaxe-gamma@",
        "bitaxe-gamma@9.9",
        "bitaxe-delta",
        "avalon-x",
        "avalon-q@1",
        "nmminer-tv",
        "solopool-doge",
        "solopool-dgb@v3",
        "antminer",
    ],
)
def test_specs_that_ask_for_nothing_there_is(text: str) -> None:
    """Specs that ask for nothing there is."""
    with pytest.raises(ValueError, match=r"there is no|is not model"):
        Fleet.from_specs([text])


async def test_fleet_from_specs() -> None:
    """Fleet from specs."""
    fleet = Fleet.from_specs(
        [
            "bitaxe-gamma@2.15",
            "bitaxe-gamma@2.5",
            "nerdqaxe++@1.0.36",
            "avalon-q",
            "nmminer",
            "nmminer-http",
            "solopool-bch@v1",
        ],
        nmminer_target=QUIET,
    )
    assert list(fleet.devices) == [
        "bitaxe-gamma",
        "bitaxe-gamma-2",
        "nerdqaxe++",
        "avalon-q",
        "nmminer",
        "nmminer-http",
        "solopool-bch",
    ]
    kinds = [
        SimulatedAxeOS,
        SimulatedAxeOS,
        SimulatedNerdQAxe,
        SimulatedAvalon,
        SimulatedNMMiner,
        SimulatedNMMiner,
        SimulatedSolopool,
    ]
    assert [type(device) for device in fleet] == kinds
    async with fleet:
        ports = [device.port for device in fleet if device.name != "nmminer"]
        assert all(device.online for device in fleet)
        assert len(set(ports)) == len(ports)
        assert 0 not in ports
        assert len({device.state()["mac"] for device in fleet}) == len(fleet)
    assert not any(device.online for device in fleet)


def test_ports_follow_the_place_in_the_list() -> None:
    """Ports follow the place in the list."""
    fleet = Fleet.from_specs(["avalon-q", "avalon-q:4028", "avalon-q"], port_base=100)
    assert [device.port for device in fleet] == [101, 4028, 103]


def test_everything_in_the_catalogue_can_be_made() -> None:
    """Everything in the catalogue can be made."""
    for model, releases in catalogue():
        fleet = Fleet.from_specs([model, *(f"{model}@{name}" for name in releases)])
        assert len(fleet) == 1 + len(releases)


def test_names_must_differ() -> None:
    """Names must differ."""
    with pytest.raises(ValueError, match="two devices"):
        Fleet([SimulatedAvalon(name="a"), SimulatedAvalon(name="a")])


def test_demo_has_fixed_ports_that_can_be_moved() -> None:
    """Demo has fixed ports that can be moved."""
    ports = {device.name: device.port for device in Fleet.demo()}
    assert ports == {
        "bitaxe-gamma": 18081,
        "bitaxe-ultra": 18082,
        "nerdqaxe": 18083,
        "avalon-nano3": 14028,
        "avalon-nano3s": 14029,
        "nmminer": 0,
        "solopool-dgb": 18090,
        "ocean": 18091,
        "mmfp-bc2": 18092,
        "stratum": 18098,
    }
    assert Fleet.demo(shift=1000)["nerdqaxe"].port == 19083
    assert Fleet.demo()["nmminer"].target == ("127.0.0.1", 12345)  # type: ignore[attr-defined]


async def test_demo_starts_settled() -> None:
    """Demo starts settled."""
    fleet = Fleet.demo(nmminer_target=QUIET)
    for device in fleet:
        device.port = 0
    async with fleet:
        for device in fleet:
            assert how_to_add(device)
            state = device.state()
            if device.miner is not None:
                assert state["uptime"] > 100_000
                assert state["hashrate"] > 0
                assert state["accepted"] > 100


def workers_of(fleet: Fleet) -> dict[str, tuple[Worker, SimulatedDevice]]:
    """Return each worker of the demo's pools, and the miner that it is."""
    solopool, ocean, mmfp = (
        fleet[item] for item in ("solopool-dgb", "ocean", "mmfp-bc2")
    )
    assert isinstance(solopool, SimulatedSolopool)
    assert isinstance(ocean, SimulatedOcean)
    assert isinstance(mmfp, SimulatedGoSlimStratum)
    (dgb,), (btc,) = solopool.wallets.values(), ocean.wallets.values()
    workers = {**dgb.workers, **btc.workers, **mmfp.pools["bc2"].workers}
    names = {
        "gamma": "bitaxe-gamma",
        "nerdqaxe": "nerdqaxe",
        "nano3s": "avalon-nano3s",
        "nano3": "avalon-nano3",
        "ultra": "bitaxe-ultra",
    }
    return {
        names[user.rpartition(".")[2]]: (worker, fleet[names[user.rpartition(".")[2]]])
        for user, worker in workers.items()
    }


async def demo_without_ports() -> Fleet:
    """Return the demo's fleet with free ports, also where its miners connect to."""
    fleet = Fleet.demo(nmminer_target=QUIET)
    for device in fleet:
        device.port = 0
    return fleet


async def test_the_demos_miners_and_pools_tell_the_same_story() -> None:
    """What a miner of the demo does is what its worker at the pool shows."""
    async with await demo_without_ports() as fleet:
        workers = workers_of(fleet)
        miners = {device.name for device in fleet if device.miner is not None}
        assert set(workers) == miners - {"nmminer"}
        for worker, device in workers.values():
            state, reading = device.state(), worker.read()
            assert not worker.offline
            assert reading.averages["10m"] == pytest.approx(state["hashrate"], rel=0.1)
            assert (reading.accepted, reading.rejected, reading.best_ever) == (
                state["accepted"],
                state["rejected"],
                state["best"],
            )
        solopool = fleet["solopool-dgb"]
        assert isinstance(solopool, SimulatedSolopool)
        (account,) = solopool.wallets.values()
        dgb = [
            workers[item][1] for item in ("bitaxe-gamma", "nerdqaxe", "avalon-nano3s")
        ]
        assert len(account.blocks) == sum(item.state()["blocks"] for item in dgb) > 0
        for device in dgb:
            best = device.state()["best"]
            assert (best >= solopool.coin.difficulty) == (device.state()["blocks"] > 0)

        result = len(account.blocks)
        solopool.find_block()
        assert len(account.blocks) == result + 1
        assert fleet["bitaxe-gamma"].state()["blocks"] == 1


def is_missed(worker: Worker) -> bool:
    """Return whether a pool misses a worker now."""
    return worker.offline


async def test_a_miner_that_leaves_is_missed_by_its_pool() -> None:
    """Unplugged, paused or pointed elsewhere, a miner is offline at its pool."""
    async with await demo_without_ports() as fleet:
        workers = workers_of(fleet)
        gamma, device = workers["bitaxe-gamma"]
        before = gamma.read()
        await device.unplug()
        assert is_missed(gamma)
        assert gamma.read().averages["1m"] <= before.averages["1m"]
        await device.plug_in()
        assert not is_missed(gamma)
        after = gamma.read()
        assert after.accepted >= before.accepted  # The pool forgets no shares

        ultra, device = workers["bitaxe-ultra"]
        assert isinstance(device, SimulatedAxeOS)
        device.set_pool_reachable(device.host, False)
        assert is_missed(ultra)
        counted = ultra.read().accepted
        device.find_block()
        assert ultra.read().accepted == counted

        nano3, device = workers["avalon-nano3"]
        assert device.miner is not None
        device.miner.hashing = False
        assert is_missed(nano3)


async def test_a_pool_that_restarts_does_not_restart_miners() -> None:
    """MMFP's server counts from zero after a restart, its miner does not."""
    async with await demo_without_ports() as fleet:
        worker, device = workers_of(fleet)["bitaxe-ultra"]
        await fleet["mmfp-bc2"].unplug()
        await fleet["mmfp-bc2"].plug_in()
        assert worker.read().accepted < 1000 < device.state()["accepted"]


def test_devices_by_their_model_are_others_than_those_of_the_demo() -> None:
    """A simulator for the guide has MACs, serial numbers and ports of its own."""
    demo = Fleet.demo()
    options = parser().parse_args(["nerdqaxe"])
    names = ["bitaxe-gamma", "bitaxe-ultra", "nerdqaxe++", "avalon-nano3s", "nmminer"]
    fleet = Fleet.from_specs([*names, "solopool-dgb"], port_base=PORT_BASE)
    assert options.port_base is None
    for value in ("mac", "serial", "port"):
        taken = {getattr(device, value) for device in demo} - {0}
        assert not taken & {getattr(device, value) for device in fleet}
    for device in fleet:
        assert int(device.mac[:2], 16) & 0b11 == 0b10  # Locally administered
    ports = {device.port for device in demo}
    assert PORT_BASE + CONTROL_OFFSET not in ports | {DEMO_CONTROL_PORT}


async def test_a_taken_port_leaves_nothing_running() -> None:
    """A taken port leaves nothing running."""
    async with SimulatedAvalon() as first:
        fleet = Fleet.from_specs(["avalon-q:0"]).devices.values()
        second = SimulatedAxeOS(port=first.port)
        broken = Fleet([*fleet, second])
        with pytest.raises(OSError, match="address already in use"):
            await broken.start()
        assert not any(device.online for device in broken)


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    """List."""
    assert main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "avalon-nano3s" in lines
    assert any(line.startswith("bitaxe-gamma ") for line in lines)


def test_wrong_command_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong command lines."""
    assert main(["antminer", "--control-port", "0"]) == 1
    assert "there is no 'antminer'" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([])
    with pytest.raises(SystemExit):
        main(["demo", "--nmminer-target", "12345"])
    target = parser().parse_args(["demo", "--nmminer-target", "h:1"]).nmminer_target
    assert target == ("h", 1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_command_runs_until_a_signal(number: signal.Signals) -> None:
    """Command runs until a signal."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "simulator",
        "avalon-nano3s:0",
        "--control-port",
        "0",
        cwd=Path(__file__).parents[2],
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    process.send_signal(number)
    _, errors = await process.communicate()
    assert line.startswith("avalon-nano3s  add a miner: 127.0.0.1:")
    assert process.returncode == 0
    assert errors == b""
