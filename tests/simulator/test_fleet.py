"""Fleets and the command line."""

import asyncio
import os
from pathlib import Path
import signal
import sys

import pytest

from simulator.__main__ import main, parser
from simulator.avalon import SimulatedAvalon
from simulator.axeos import SimulatedAxeOS
from simulator.fleet import Fleet, Spec, catalogue, how_to_add
from simulator.nerdqaxe import SimulatedNerdQAxe
from simulator.nmminer import SimulatedNMMiner
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
        "mmfp-bch": 18092,
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
