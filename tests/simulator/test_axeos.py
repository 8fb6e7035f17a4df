"""AxeOS generations, as a client sees them."""

import asyncio
from collections.abc import AsyncGenerator
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from simulator import SimulatedAxeOS
from simulator.axeos_generations import GENERATIONS
from simulator.boards import BOARDS
from simulator.esp_miner import suffixed

from .raw_client import RawClient, Start, starting

pytestmark = pytest.mark.usefixtures("socket_enabled")

SHAPES = Path(__file__).parent.parent / "fixtures" / "bitaxe"
POOL = {"stratumURL": "pool.example", "stratumPort": 3334, "stratumUser": "me.rig"}
SINCE_2_11 = ["2.11", "2.12", "2.13", "2.14", "2.15"]


class Client(RawClient[SimulatedAxeOS]):
    """A raw client of an AxeOS."""

    async def post(self, command: str) -> tuple[int, str, bytes]:
        """Send a command."""
        return await self.call("POST", f"/api/system/{command}")

    async def restart(self) -> None:
        """Restart it and wait until it is back."""
        await self.post("restart")
        await self.device.wait_ready()


type Factory = Start[Client]


@pytest.fixture
async def bitaxe() -> AsyncGenerator[Factory]:
    """Start devices with the options that a test needs."""
    async with starting(Client, SimulatedAxeOS) as start:
        yield start


def kind_of(value: Any) -> str:
    """Name the cJSON type of a value."""
    if isinstance(value, bool):
        return "Bool"
    if isinstance(value, (int, float)):
        return "Number"
    return "String" if isinstance(value, str) else "Item"


# Keys of other endpoints, of nested objects, or present only now and then.
ELSEWHERE = {
    "address",
    "asics",
    "authmode",
    "compileDate",
    "compileTime",
    "count",
    "currentTimestamp",
    "defaultFrequency",
    "defaultVoltage",
    "delay",
    "deviceModel",
    "difficulty",
    "domains",
    "error",
    "errorCount",
    "extranonce2",
    "frequencyOptions",
    "hardware_fault",
    "hashDomains",
    "id",
    "isCurrent",
    "isFactory",
    "job_id",
    "label",
    "labels",
    "message",
    "networks",
    "nonce",
    "ntime",
    "power_fault",
    "redirect",
    "rssi",
    "statistics",
    "status",
    "stratumPassword",
    "stratumV2RequireAuth",
    "swarmColor",
    "total",
    "url",
    "usagePercent",
    "value",
    "version_bits",
    "voltageOptions",
}


@pytest.mark.parametrize(
    ("generation", "tag"),
    [
        ("2.5", "v2.5.1"),
        ("2.8", "v2.8.1"),
        ("2.9", "v2.9.0"),
        ("2.10", "v2.10.1"),
        ("2.11", "v2.11.0"),
        ("2.12", "v2.12.2"),
        ("2.13", "v2.13.2"),
        ("2.14", "v2.14.2"),
        ("2.15", "v2.15.0"),
    ],
)
async def test_info_has_the_keys_and_types_of_its_release(
    bitaxe: Factory, generation: str, tag: str
) -> None:
    """Every key that the firmware's source names, with its type, and no other."""
    keys = json.loads((SHAPES / tag / "shape.json").read_text())["keys"]
    info = await (await bitaxe(generation)).info()
    elsewhere = ELSEWHERE if "asicCount" in info else ELSEWHERE | {"asicCount"}
    assert set(info) <= set(keys)
    assert set(keys) - set(info) - elsewhere == set()
    wrong = {
        key: value
        for key, value in info.items()
        if kind_of(value) not in keys[key].replace("Float", "Number")
    }
    assert wrong == {}


@pytest.mark.parametrize("generation", list(GENERATIONS))
async def test_every_generation_answers(bitaxe: Factory, generation: str) -> None:
    """Each reports itself, its MAC and a hashrate in GH/s."""
    client = await bitaxe(generation)
    info = await client.info()
    assert info["version"].startswith(f"v{generation}.")
    assert info["macAddr"] == client.device.mac
    assert info["hashRate"] == pytest.approx(1071, rel=0.15)
    assert info["ASICModel"] == "BM1370"


@pytest.mark.parametrize("model", list(BOARDS))
async def test_every_board(bitaxe: Factory, model: str) -> None:
    """Expected hashrate, power and options fit the board."""
    client = await bitaxe("2.15", model=model)
    board = BOARDS[model]
    info = await client.info()
    expected = board.asic.frequency * board.asic.small_cores * board.chips / 1000
    assert info["expectedHashrate"] == pytest.approx(expected)
    assert 5 < info["power"] < board.max_power == info["maxPower"]
    assert info["nominalVoltage"] == board.nominal_voltage
    assert info["boardVersion"] == board.version
    assert len(info["hashrateMonitor"]["asics"]) == board.chips
    assert (info["vrTemp"] > 0) is board.vr_sensor
    assert (info["temp2"] == -1) is (board.sensors == 1)
    _, _, body = await client.call("GET", "/api/system/asic")
    asic = json.loads(body)
    assert asic["deviceModel"] == board.family
    assert asic["asicCount"] == board.chips
    assert asic["defaultFrequency"] in asic["frequencyOptions"]
    assert asic["defaultVoltage"] in asic["voltageOptions"]


async def test_asic_of_a_supra_is_as_recorded(bitaxe: Factory) -> None:
    """The one capture there is."""
    client = await bitaxe("2.10", model="supra")
    _, _, body = await client.call("GET", "/api/system/asic")
    recorded = (SHAPES / "v2.9-2.10_supra" / "system_asic.json").read_text()
    assert json.loads(body) == json.loads(recorded)


async def test_current_is_of_the_input_only_with_an_ina260(bitaxe: Factory) -> None:
    """Elsewhere voltage times current is not the power."""
    for model, same in (("supra", True), ("gamma", False)):
        info = await (await bitaxe("2.15", model=model, name=model)).info()
        product = info["voltage"] * info["current"] / 1e6
        assert (product == pytest.approx(info["power"], rel=0.01)) is same


async def test_best_difficulty_is_text_then_a_number(bitaxe: Factory) -> None:
    """The type changes at 2.11; so do the fork's keys."""
    old = await (await bitaxe("2.10", fork=True)).info()
    new = await (await bitaxe("2.11", fork=True)).info()
    assert old["bestDiff"] == old["bestNonceDiff"] == "2.41G"
    assert isinstance(old["bestSessionDiff"], str)
    assert new["bestDiff"] == new["bestNonceDiff"] == 2_410_000_000


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1k"),
        (483_400, "483k"),
        (4.29e9, "4.29G"),
        (27.3e6, "27.3M"),
        (1.5e14, "150T"),
    ],
)
def test_difficulty_texts(value: float, text: str) -> None:
    """Three digits and a suffix."""
    assert suffixed(value) == text


async def test_info_is_chunked_and_the_connection_kept(bitaxe: Factory) -> None:
    """As the firmware sends it."""
    client = await bitaxe("2.15")
    for _ in range(3):
        async with client.session.get("/api/system/info") as response:
            assert response.headers["Transfer-Encoding"] == "chunked"
            assert "Content-Length" not in response.headers
            await response.read()
    assert client.device.counters.connections == 1


async def test_unknown_routes(bitaxe: Factory) -> None:
    """A captive portal's 302 up to 2.8, JSON 404 since; "/" is a web page."""
    old, new = await bitaxe("2.8"), await bitaxe("2.9")
    assert (await old.call("GET", "/api/nothing"))[0] == 302
    assert await new.call("GET", "/api/nothing") == (
        404,
        "application/json",
        b'{"error":"unknown route"}',
    )
    assert (await new.call("GET", "/nothing"))[0] == 302
    for client in (old, new):
        status, kind, body = await client.call("GET", "/")
        assert (status, kind) == (200, "text/html")
        assert b"<html" in body


async def test_asic_appears_at_2_7(bitaxe: Factory) -> None:
    """Before, following the redirect ends at a web page with 200."""
    old, first, later = await bitaxe("2.6"), await bitaxe("2.7"), await bitaxe("2.9")
    assert (await old.call("GET", "/api/system/asic"))[0] == 302
    async with old.session.get("/api/system/asic") as response:
        assert (response.status, response.content_type) == (200, "text/html")
    _, _, body = await first.call("GET", "/api/system/asic")
    assert set(json.loads(body)) == {
        "ASICModel",
        "asicCount",
        "frequencyOptions",
        "voltageOptions",
    }
    _, _, body = await later.call("GET", "/api/system/asic")
    assert json.loads(body)["deviceModel"] == "Gamma"


async def test_patch_acts_and_answers_nothing(bitaxe: Factory) -> None:
    """200, no body; `coreVoltage` counts, `voltage` and unknown keys do not."""
    client = await bitaxe("2.15")
    body = {"frequency": 600, "coreVoltage": 1200, "voltage": 900, "nonsense": True}
    assert await client.patch(body) == (200, b"")
    info = await client.info()
    assert (info["frequency"], info["coreVoltage"]) == (600, 1200)
    assert info["voltage"] > 4900
    assert client.device.writes == [body]
    assert client.device.miner.frequency == 600
    assert info["expectedHashrate"] == 600 * 2040 / 1000


@pytest.mark.parametrize("generation", SINCE_2_11)
@pytest.mark.parametrize(
    "bad",
    [
        {"frequency": 0},
        {"frequency": 65536},
        {"frequency": "500"},
        {"coreVoltage": True},
        {"manualFanSpeed": 101},
        {"minFanSpeed": 100},
        {"temptarget": 34},
        {"temptarget": 67},
        {"overheat_mode": 1},
        {"autofanspeed": 2},
        {"rotation": 45},
        {"hostname": ""},
        {"hostname": "h" * 33},
    ],
)
async def test_one_bad_value_refuses_the_whole_body(
    bitaxe: Factory, generation: str, bad: dict[str, Any]
) -> None:
    """Since 2.11: 400 as text, and nothing is applied."""
    client = await bitaxe(generation)
    before = await client.info()
    status, kind, body = await client.call(
        "PATCH", "/api/system", json={"overclockEnabled": 1, **bad}
    )
    assert (status, kind, body) == (400, "text/html", b"Wrong API input")
    assert (await client.info())["overclockEnabled"] == before["overclockEnabled"] == 0


async def test_invalid_json_and_long_bodies(bitaxe: Factory) -> None:
    """400 since 2.11, 200 before; 500 for what does not fit the buffer."""
    old, new = await bitaxe("2.10"), await bitaxe("2.11")
    assert (await old.call("PATCH", "/api/system", data=b"{"))[0] == 200
    assert await new.call("PATCH", "/api/system", data=b"{") == (
        400,
        "text/html",
        b"Invalid JSON",
    )
    status, _, body = await new.call("PATCH", "/api/system", data=b" " * 10240)
    assert (status, body) == (500, b"content too long")
    assert old.device.writes == new.device.writes == []


async def test_no_range_checks_up_to_2_10(bitaxe: Factory) -> None:
    """Field by field: what has the wrong type is skipped, the rest is taken."""
    client = await bitaxe("2.10")
    body = {"frequency": 9000, "coreVoltage": "1200", "temptarget": 90}
    assert await client.patch(body) == (200, b"")
    assert client.device.settings["frequency"] == 9000
    assert client.device.settings["coreVoltage"] == 1150
    assert client.device.settings["temptarget"] == 90
    await client.patch({"overheat_mode": 1, "frequency": 0})
    assert client.device.settings["overheat_mode"] == 0
    assert client.device.settings["frequency"] == 9000


async def test_fractions_of_a_megahertz(bitaxe: Factory) -> None:
    """Cut off up to 2.10, taken since 2.11, shown since 2.13."""
    shown = {}
    for generation in ("2.10", "2.11", "2.13"):
        client = await bitaxe(generation)
        await client.patch({"frequency": 492.5})
        info = await client.info()
        shown[generation] = (info["frequency"], client.device.miner.frequency)
    assert shown == {
        "2.10": (492, 492),
        "2.11": (492, 492.5),
        "2.13": (492.5, 492.5),
    }


async def test_the_fan_key_changes_at_2_11(bitaxe: Factory) -> None:
    """`fanspeed` up to 2.10, `manualFanSpeed` since; the other one is ignored."""
    old, new = await bitaxe("2.10"), await bitaxe("2.11")
    for client in (old, new):
        await client.patch({"autofanspeed": 0, "fanspeed": 70, "manualFanSpeed": 80})
    assert (await old.info())["fanspeed"] == 70
    assert (await new.info())["fanspeed"] == (await new.info())["manualFanSpeed"] == 80
    await new.patch({"fanspeed": 40})
    assert (await new.info())["fanspeed"] == 80


async def test_addresses_from_elsewhere_are_refused_since_2_5(bitaxe: Factory) -> None:
    """401 as text, on every API route; a private Origin is fine."""
    old, new = await bitaxe("2.4"), await bitaxe("2.5")
    for client, status in ((old, 200), (new, 401)):
        client.device.refuse_address = True
        answer = await client.call("GET", "/api/system/info")
        assert answer[0] == status
    assert answer[1:] == ("text/html", b"Unauthorized")
    new.device.refuse_address = False
    for origin, status in (
        ("http://192.168.1.5", 200),
        ("http://192.168.1.5:8123", 200),
        ("http://8.8.8.8", 401),
        ("http://home.example", 401),
    ):
        answer = await new.call("GET", "/api/system/info", headers={"Origin": origin})
        assert answer[0] == status


async def test_flat_pool_takes_effect_at_the_restart(bitaxe: Factory) -> None:
    """Up to 2.12 it shows the new pool at once and mines at the old one."""
    for generation, shown_at_once in (("2.12", True), ("2.14", False)):
        client = await bitaxe(generation)
        assert await client.patch(POOL) == (200, b"")
        info = await client.info()
        assert (info["stratumURL"] == "pool.example") is shown_at_once
        assert client.device.state()["pool"] == "public-pool.io:21496"
        await client.restart()
        info = await client.info()
        assert (info["stratumURL"], info["stratumPort"]) == ("pool.example", 3334)
        assert client.device.state()["pool"] == "pool.example:3334"
        assert "stratumPassword" not in info


async def test_flat_pool_is_ignored_at_2_15(bitaxe: Factory) -> None:
    """200, and nothing happens, restart or not."""
    client = await bitaxe("2.15")
    assert await client.patch(POOL) == (200, b"")
    await client.restart()
    info = await client.info()
    assert info["stratumURL"] == info["pools"][0]["stratumURL"] == "public-pool.io"


async def test_pool_table_shows_edits_at_once_and_the_choice_after_restart(
    bitaxe: Factory,
) -> None:
    """2.15: pools[] is what is stored, primaryPoolIndex what was booted."""
    client = await bitaxe("2.15")
    await client.patch({"pools": [{"id": 2, **POOL}], "primaryPoolIndex": 2})
    info = await client.info()
    assert [pool["id"] for pool in info["pools"]] == [0, 1, 2]
    assert info["pools"][2]["stratumURL"] == "pool.example"
    assert info["pools"][2]["stratumPassword"] == "*****"
    assert info["primaryPoolIndex"] == 0
    assert info["stratumURL"] == "public-pool.io"
    await client.restart()
    info = await client.info()
    assert (info["primaryPoolIndex"], info["stratumURL"]) == (2, "pool.example")
    assert client.device.state()["pool"] == "pool.example:3334"


@pytest.mark.parametrize(
    "pools",
    [
        {},
        [{"stratumURL": "x"}],
        [{"id": 8, **POOL}],
        [{"id": True, **POOL}],
        [{"id": 1, "stratumURL": "pool.example"}],
        [{"id": 1, **POOL, "stratumPort": 0}],
        [{"id": 1, **POOL, "stratumProtocol": "SV3"}],
    ],
)
async def test_a_bad_pool_refuses_the_body(bitaxe: Factory, pools: Any) -> None:
    """An entry needs an id, a URL, a port and a user."""
    client = await bitaxe("2.15")
    before = (await client.info())["pools"]
    assert await client.patch({"pools": pools}) == (400, b"Wrong API input")
    assert (await client.info())["pools"] == before


async def test_put_and_delete_a_pool(bitaxe: Factory) -> None:
    """PUT resets what it does not name; DELETE spares the chosen slots."""
    client = await bitaxe("2.15")
    full = {**POOL, "stratumPassword": "secret", "stratumTLS": 1}
    status, _, body = await client.call("PUT", "/api/system/pools/3", json=full)
    assert (status, json.loads(body)) == (200, {"message": "Pool updated successfully"})
    kept = {**POOL, "stratumPassword": "*****"}
    await client.call("PUT", "/api/system/pools/3", json=kept)
    assert client.device.pools[3]["stratumPassword"] == "secret"
    assert client.device.pools[3]["stratumTLS"] == 0
    await client.call("PUT", "/api/system/pools/3", json=POOL)
    assert client.device.pools[3]["stratumPassword"] == "x"
    for path, data in (
        ("9", json.dumps(POOL)),
        ("3", "{"),
        ("3", "[]"),
        ("3", json.dumps({"stratumURL": "x"})),
    ):
        status, _, _ = await client.call("PUT", f"/api/system/pools/{path}", data=data)
        assert status == 400
    assert (await client.call("DELETE", "/api/system/pools/0"))[0] == 400
    assert (await client.call("DELETE", "/api/system/pools/9"))[0] == 400
    assert (await client.call("DELETE", "/api/system/pools/3"))[0] == 200
    assert [pool["id"] for pool in (await client.info())["pools"]] == [0, 1]


async def test_use_fallback_acts_at_boot(bitaxe: Factory) -> None:
    """Since 2.11 the fallback can be chosen for the next boot."""
    client = await bitaxe("2.11")
    await client.patch({"useFallbackStratum": True})
    assert (await client.info())["isUsingFallbackStratum"] == 0
    await client.restart()
    assert (await client.info())["isUsingFallbackStratum"] == 1
    assert client.device.state()["pool"] == "solo.ckpool.org:3333"


async def test_an_unreachable_primary_makes_it_fall_back(bitaxe: Factory) -> None:
    """A number, 0 or 1, in every generation."""
    client = await bitaxe("2.15")
    client.device.set_pool_reachable("public-pool.io", False)
    assert (await client.info())["isUsingFallbackStratum"] == 1
    client.device.set_pool_reachable("public-pool.io", True)
    assert (await client.info())["isUsingFallbackStratum"] == 0


async def test_without_any_pool(bitaxe: Factory) -> None:
    """2.15 powers the chips down by itself, which is not a pause."""
    for generation, sleeps in (("2.14", False), ("2.15", True)):
        client = await bitaxe(generation)
        for host in ("public-pool.io", "solo.ckpool.org"):
            client.device.set_pool_reachable(host, False)
        info = await client.info()
        assert (info["hashRate"] == 0) is sleeps
        assert info["miningPaused"] is False
        assert info["poolConnectionInfo"] == "Not connected"
        assert client.device.state()["pool"] is None


async def test_pause_and_resume(bitaxe: Factory) -> None:
    """Since 2.14, at run time only."""
    client = await bitaxe("2.14")
    status, kind, body = await client.post("pause")
    assert (status, kind) == (200, "application/json")
    assert json.loads(body) == {"message": "Mining paused"}
    info = await client.info()
    assert (info["miningPaused"], info["hashRate"], info["fanspeed"]) == (True, 0, 30)
    assert info["actualFrequency"] == 50
    assert info["frequency"] == 525
    await client.post("resume")
    info = await client.info()
    assert info["miningPaused"] is False
    assert info["hashRate"] > 0
    await client.post("pause")
    await client.restart()
    assert (await client.info())["miningPaused"] is False


@pytest.mark.parametrize(
    ("command", "since", "before"),
    [
        ("pause", "2.14", "2.13"),
        ("resume", "2.14", "2.13"),
        ("identify", "2.12", "2.11"),
        ("blockFound/dismiss", "2.13", "2.12"),
    ],
)
async def test_commands_and_their_first_release(
    bitaxe: Factory, command: str, since: str, before: str
) -> None:
    """JSON with a message; 404 before, and 302 before there were 404s."""
    status, kind, body = await (await bitaxe(since)).post(command)
    assert (status, kind) == (200, "application/json")
    assert json.loads(body)["message"]
    assert (await (await bitaxe(before)).post(command))[0] == 404
    assert (await (await bitaxe("2.8")).post(command))[0] == 302


async def test_identify_is_switched_off_by_the_second_call(bitaxe: Factory) -> None:
    """It toggles a greeting of 30 seconds."""
    client = await bitaxe("2.12")
    await client.post("identify")
    assert client.device.identifying_until > 0
    await client.post("identify")
    assert client.device.identifying_until == 0


async def test_a_found_block_shows_until_it_is_dismissed(bitaxe: Factory) -> None:
    """It shows: blockFound counts, showNewBlock asks for attention."""
    client = await bitaxe("2.15")
    client.device.find_block()
    info = await client.info()
    assert (info["blockFound"], info["showNewBlock"]) == (1, True)
    assert info["bestDiff"] >= info["networkDifficulty"]
    await client.post("blockFound/dismiss")
    assert (await client.info())["showNewBlock"] is False


async def test_restart_text_then_json_then_gone(bitaxe: Factory) -> None:
    """Text up to 2.12, JSON since 2.13; then it refuses and comes back."""
    old, new = await bitaxe("2.12"), await bitaxe("2.13")
    message = "System will restart shortly."
    assert await old.post("restart") == (200, "text/html", message.encode())
    status, kind, body = await new.post("restart")
    assert (status, kind, json.loads(body)) == (
        200,
        "application/json",
        {"message": message},
    )
    new.device.reboot_seconds = 0.5
    while new.device.online:
        await asyncio.sleep(0.01)
    with pytest.raises(aiohttp.ClientConnectorError):
        await new.info()
    await new.device.wait_ready()
    info = await new.info()
    assert info["uptimeSeconds"] < 60
    assert info["resetReason"] == "Software reset"


async def test_freshly_booted(bitaxe: Factory) -> None:
    """1000 GH/s with no share up to 2.10; no block data before the first job."""
    just = {"age": 0, "speed": 1e-6}
    old, new = await bitaxe("2.5", **just), await bitaxe("2.15", **just)
    info = await old.info()
    assert (info["hashRate"], info["sharesAccepted"]) == (1000, 0)
    info = await new.info()
    assert info["hashRate"] == 0
    group = {"blockHeight", "networkDifficulty", "scriptsig", "coinbaseOutputs"}
    assert not group & set(info)
    new.device.miner.speed = 1e6
    await asyncio.sleep(0.01)
    assert group <= set(await new.info())


async def test_faults_appear_only_when_there_is_one(bitaxe: Factory) -> None:
    """power_fault, hardware_fault, and a temperature of -1."""
    client = await bitaxe("2.14")
    info = await client.info()
    assert not {"power_fault", "hardware_fault"} & set(info)
    client.device.power_fault = "VIN undervoltage"
    client.device.hardware_fault = "ASIC missing"
    client.device.sensor_broken = True
    info = await client.info()
    assert info["power_fault"] == "VIN undervoltage"
    assert info["hardware_fault"] == "ASIC missing"
    assert info["temp"] == -1


async def test_overheat_cripples_up_to_2_11(bitaxe: Factory) -> None:
    """50 MHz, 1000 mV, full fan, kept over the reboot until it is undone."""
    client = await bitaxe("2.11")
    client.device.overheat()
    await client.device.wait_ready()
    info = await client.info()
    assert (info["frequency"], info["coreVoltage"]) == (50, 1000)
    assert (info["overheat_mode"], info["autofanspeed"]) == (1, 0)
    assert info["fanspeed"] == 100
    assert info["uptimeSeconds"] < 60
    await client.restart()
    assert (await client.info())["overheat_mode"] == 1
    # The restored settings meet a chip that has cooled down.
    client.device.miner.heat_to(40)
    await client.patch({"frequency": 525, "coreVoltage": 1150, "overheat_mode": 0})
    info = await client.info()
    assert (info["frequency"], info["overheat_mode"]) == (525, 0)


async def test_overheat_rests_since_2_12(bitaxe: Factory) -> None:
    """Safe mode, then 100 MHz and 100 mV less, the fan left at 100 %."""
    client = await bitaxe("2.12")
    client.device.overheat()
    info = await client.info()
    assert (info["hashRate"], info["overheat_mode"], info["fanspeed"]) == (0, 1, 100)
    assert info["frequency"] == 525
    client.device.miner.speed = 1e5
    await asyncio.sleep(0.01)
    client.device.miner.speed = 1
    await client.info()
    info = await client.info()
    assert (info["frequency"], info["coreVoltage"]) == (425, 1050)
    assert (info["autofanspeed"], info["fanspeed"]) == (0, 100)
    assert info["hashRate"] > 0
    assert client.device.counters.by_path["GET /api/system/info"] == 3


async def test_a_chip_that_gets_too_hot_overheats_by_itself(bitaxe: Factory) -> None:
    """Given a weak fan and a wild frequency, the firmware steps in."""
    client = await bitaxe("2.13")
    client.device.miner.speed = 1e5
    await client.patch(
        {"frequency": 900, "coreVoltage": 1300, "autofanspeed": 0, "manualFanSpeed": 1}
    )
    await asyncio.sleep(0.01)
    assert (await client.info())["overheat_mode"] == 1


async def test_hostname_answers_a_redirect_since_2_15(bitaxe: Factory) -> None:
    """Only when it changes."""
    old, new = await bitaxe("2.14"), await bitaxe("2.15")
    assert await old.patch({"hostname": "garage"}) == (200, b"")
    status, body = await new.patch({"hostname": "garage"})
    assert (status, json.loads(body)["redirect"]["url"]) == (200, "http://garage.local")
    assert await new.patch({"hostname": "garage"}) == (200, b"")
    assert (await new.info())["fullHostname"] == "garage.local"


async def test_state_for_tests_and_the_control_panel(bitaxe: Factory) -> None:
    """Plain values that JSON can carry."""
    client = await bitaxe("2.15", name="kitchen")
    state = json.loads(json.dumps(client.device.state()))
    assert state["name"] == "kitchen"
    assert state["frequency"] == 525
    assert (state["paused"], state["fallback"]) == (False, False)
    assert state["hashrate"] == pytest.approx(1.071e12, rel=0.15)


def test_unknown_generation_or_model() -> None:
    """A typing error is told at once."""
    with pytest.raises(KeyError):
        SimulatedAxeOS(generation="3.0")
    with pytest.raises(KeyError):
        SimulatedAxeOS(model="delta")


async def test_what_is_not_http_is_refused_at_once() -> None:
    """A client that speaks another protocol need not wait to learn so."""
    async with SimulatedAxeOS() as device:
        reader, writer = await asyncio.open_connection(device.host, device.port)
        writer.write(b'{"command":"version"}')
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
        writer.close()
