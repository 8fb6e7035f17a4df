"""The NerdQAxe family, as a client sees it."""

import asyncio
from collections.abc import AsyncGenerator
import json
from pathlib import Path
from typing import Any

import pytest

from simulator import SimulatedNerdQAxe
from simulator.nerdqaxe import OneTimePasswords
from simulator.nerdqaxe_generations import GENERATIONS, MODELS

from .raw_client import RawClient, Start, starting

pytestmark = pytest.mark.usefixtures("socket_enabled")

SHAPES = Path(__file__).parent.parent / "fixtures" / "nerdqaxe"
SECRET = "JBSWY3DPEHPK3PXP"


class Client(RawClient[SimulatedNerdQAxe]):
    """A raw client of a NerdQAxe."""

    async def post(self, path: str, **headers: str) -> tuple[int, bytes]:
        """Send a command."""
        status, _, body = await self.call("POST", f"/api/{path}", headers=headers)
        return status, body


type Factory = Start[Client]


@pytest.fixture
async def nerdqaxe() -> AsyncGenerator[Factory]:
    """Start devices with the options that a test needs."""
    async with starting(Client, SimulatedNerdQAxe) as start:
        yield start


@pytest.mark.parametrize(
    ("generation", "tag"),
    [
        ("1.0.31", "v1.0.31"),
        ("1.0.34", "v1.0.34"),
        ("1.0.35", "v1.0.35"),
        ("1.0.36", "v1.0.36"),
        ("1.0.37", "v1.0.37.1"),
    ],
)
async def test_keys_are_those_of_the_release(
    nerdqaxe: Factory, generation: str, tag: str
) -> None:
    """Every key that the release's handlers name, nested ones included."""
    keys = set(json.loads((SHAPES / tag / "shape.json").read_text())["keys"])
    client = await nerdqaxe(generation)
    info = await client.info()
    status, _, body = await client.call("GET", "/api/system/asic")
    asic = json.loads(body) if status == 200 else {}
    nested: set[str] = set()
    for part in (info.get("stratum", {}), *info.get("fans", [])):
        nested |= set(part) | set(part.get("pid", {}))
        for pool in part.get("pools", []):
            nested |= set(pool)
    # Fans have their own names, which the list of keys does not tell.
    nested -= {"label", "manualSpeed", "mode", "overheatTemp", "pid", "rpm"}
    nested -= {"speedPerc"}
    assert set(info) | set(asic) | nested <= keys
    assert keys - set(info) - set(asic) - nested - {"history"} == set()


async def test_the_automatic_fan_was_a_flag(nerdqaxe: Factory) -> None:
    """Before 1.0.29 a number was dropped."""
    client = await nerdqaxe("1.0.24")
    info = await client.info()
    tag = json.loads((SHAPES / "v1.0.24" / "shape.json").read_text())
    assert set(info) <= set(tag["keys"])
    assert info["autofanspeed"] == 1
    for value, stored in ((0, True), (2, True), (False, False), (True, True)):
        body = json.dumps({"autofanspeed": value}).encode()
        assert (await client.call("PATCH", "/api/system", data=body))[0] == 200
        assert client.device.settings["autofanspeed"] is stored


@pytest.mark.parametrize("generation", [*GENERATIONS][1:])
async def test_every_generation_answers(nerdqaxe: Factory, generation: str) -> None:
    """Each names its model, its MAC and a hashrate in GH/s."""
    client = await nerdqaxe(generation)
    info = await client.info()
    assert info["deviceModel"] == "NerdQAxe++"
    assert info["macAddr"] == client.device.mac
    assert info["version"].startswith(f"v{generation}")
    assert info["hashRate"] == pytest.approx(4896, rel=0.15)
    assert 52 < info["power"] < 100
    assert info["voltage"] * info["current"] / 1e6 == pytest.approx(
        info["power"], rel=0.01
    )
    assert "boardVersion" not in info
    assert ("wifiRSSI" in info) is (generation != "1.0.30")


@pytest.mark.parametrize("model", list(MODELS))
async def test_every_model(nerdqaxe: Factory, model: str) -> None:
    """Options and power fit the board; the Greek letter arrives."""
    client = await nerdqaxe("1.0.37", model=model)
    board = MODELS[model]
    info = await client.info()
    assert info["deviceModel"] == board.name
    assert info["asicCount"] == len(info["asicTemps"]) == board.chips
    assert board.min_power < info["power"] < board.max_power
    assert info["temp"] == max(info["asicTemps"])
    assert len(info["fans"]) == info["fanCount"] == board.fans
    _, _, body = await client.call("GET", "/api/system/asic")
    asic = json.loads(body)
    assert asic["defaultFrequency"] in asic["frequencyOptions"]
    assert asic["defaultVoltage"] in asic["voltageOptions"]
    assert asic["absMaxFrequency"] >= max(asic["frequencyOptions"])
    assert asic["ecoFrequency"] == board.eco_frequency


async def test_types_that_change(nerdqaxe: Factory) -> None:
    """Best difficulty turns from text to number at 1.0.35, flags are booleans."""
    old = await (await nerdqaxe("1.0.34")).info()
    new = await (await nerdqaxe("1.0.35")).info()
    assert old["bestDiff"] == "13.8G"
    assert new["bestDiff"] == new["stratum"]["totalBestDiff"] == 13_790_000_000
    assert old["isUsingFallbackStratum"] is False
    assert old["isStratumConnected"] is True
    assert not {"isUsingFallbackStratum", "isStratumConnected"} & set(new)
    assert new["stratum"]["usingFallback"] is False
    assert new["flipscreen"] == 0


async def test_long_averages_repeat_the_ten_minutes_up_to_1_0_31(
    nerdqaxe: Factory,
) -> None:
    """A known fault of the old releases."""
    for generation, repeats in (("1.0.31", True), ("1.0.34", False)):
        client = await nerdqaxe(generation)
        client.device.miner.speed = 100_000
        await client.patch({"frequency": 500})
        await asyncio.sleep(0.01)
        info = await client.info()
        longer = {info["hashRate_1h"], info["hashRate_1d"]}
        assert (longer == {info["hashRate_10m"]}) is repeats


async def test_unknown_routes_are_302(nerdqaxe: Factory) -> None:
    """In every release, and /asic before 1.0.32."""
    old, new = await nerdqaxe("1.0.31"), await nerdqaxe("1.0.36")
    assert (await old.call("GET", "/api/system/asic"))[0] == 302
    assert (await new.call("GET", "/api/system/asic"))[0] == 200
    assert (await new.call("GET", "/api/nothing"))[0] == 302
    status, kind, _ = await new.call("GET", "/")
    assert (status, kind) == (200, "text/html")


async def test_connections_close_since_1_0_36(nerdqaxe: Factory) -> None:
    """Every answer says so and is followed by it; reads do since 1.0.34."""
    used = {}
    for generation in ("1.0.31", "1.0.34", "1.0.36"):
        client = await nerdqaxe(generation)
        for _ in range(2):
            await client.info()
        for _ in range(2):
            await client.patch({"frequency": 600})
        used[generation] = client.device.counters.connections
    assert used == {"1.0.31": 1, "1.0.34": 3, "1.0.36": 4}
    async with client.session.get("/api/system/info") as response:
        assert response.headers["Connection"] == "close"


@pytest.mark.parametrize(
    ("body", "setting", "taken"),
    [
        ({"frequency": 550}, "frequency", True),
        ({"frequency": 550.0}, "frequency", False),
        ({"frequency": "550"}, "frequency", False),
        ({"frequency": 0}, "frequency", False),
        ({"frequency": 70000}, "frequency", False),
        ({"frequency": True}, "frequency", False),
        ({"coreVoltage": 1180}, "coreVoltage", True),
        ({"coreVoltage": 1180.0}, "coreVoltage", False),
        ({"voltage": 1180}, "coreVoltage", False),
        ({"flipscreen": True}, "flipscreen", True),
        ({"flipscreen": 1}, "flipscreen", False),
        ({"stratumTLS": 1}, "stratumTLS", False),
        ({"stratumTLS": True}, "stratumTLS", True),
        ({"stratum_keep": 1}, "stratum_keep", True),
        ({"stratumPort": "3333"}, "stratumPort", False),
        ({"stratumURL": 5}, "stratumURL", False),
        ({"pidP": 7}, "pidP", True),
        ({"pidP": "7"}, "pidP", False),
        ({"stratumDifficulty": 100000}, "stratumDifficulty", True),
    ],
)
async def test_patch_is_strict_about_types(
    nerdqaxe: Factory, body: dict[str, Any], setting: str, taken: bool
) -> None:
    """Always 200 without a body; the wrong type is silently dropped."""
    client = await nerdqaxe("1.0.36")
    before = client.device.settings[setting]
    assert await client.patch(body) == (200, b"")
    assert (client.device.settings[setting] != before) is taken
    assert client.device.writes == [body]


async def test_a_broken_body_is_told(nerdqaxe: Factory) -> None:
    """What is no JSON gets 400, what is no object changes nothing."""
    client = await nerdqaxe("1.0.36")
    assert (await client.call("PATCH", "/api/system", data=b"{"))[0] == 400
    assert await client.patch([1, 2]) == (200, b"")
    assert client.device.writes == []


async def test_tuning_is_live(nerdqaxe: Factory) -> None:
    """Frequency and voltage act at once."""
    client = await nerdqaxe("1.0.36")
    before = await client.info()
    await client.patch({"frequency": 500, "coreVoltage": 1120})
    info = await client.info()
    assert (info["frequency"], info["coreVoltage"]) == (500, 1120)
    assert info["power"] < before["power"]
    assert client.device.miner.frequency == 500


async def test_fan_modes(nerdqaxe: Factory) -> None:
    """0 is manual; `fanspeed` up to 1.0.34, `manualFanSpeed` since."""
    old, new = await nerdqaxe("1.0.34"), await nerdqaxe("1.0.35")
    for client in (old, new):
        await client.patch({"autofanspeed": 0, "fanspeed": 66, "manualFanSpeed": 77})
    assert (await old.info())["fanspeed"] == 66
    assert (await new.info())["fanspeed"] == (await new.info())["manualFanSpeed"] == 77
    await new.patch({"autofanspeed": 2, "pidTargetTemp": 55})
    info = await new.info()
    assert (info["autofanspeed"], info["pidTargetTemp"]) == (2, 55)
    await new.patch({"autofanspeed": False})
    assert (await new.info())["autofanspeed"] == 2


async def test_two_fan_channels(nerdqaxe: Factory) -> None:
    """1.0.37: the second channel is linked to the first, or manual."""
    client = await nerdqaxe("1.0.37")
    info = await client.info()
    assert (info["fanCount"], info["fanspeed2"]) == (2, info["fanspeed"])
    fans = [
        {"mode": 0, "manualSpeed": 80, "pid": {"targetTemp": 58}},
        {"mode": 0, "manualSpeed": 45.0, "overheatTemp": 75},
        {"mode": 1},
    ]
    await client.patch({"fans": fans})
    info = await client.info()
    assert (info["fanspeed"], info["fanspeed2"]) == (80, 40)
    assert info["pidTargetTemp"] == 58
    assert [fan["mode"] for fan in info["fans"]] == [0, 0]
    assert info["fans"][1]["overheatTemp"] == 75
    await client.patch({"fans": ["nonsense"]})
    assert (await client.info())["fans"] == info["fans"]


async def test_pools_change_live(nerdqaxe: Factory) -> None:
    """No restart is needed."""
    client = await nerdqaxe("1.0.36")
    await client.patch({"stratumURL": "pool.example", "stratumPort": 3334})
    assert (await client.info())["stratumURL"] == "pool.example"
    assert client.device.state()["pool"] == "pool.example:3334"


async def test_failover_reports_one_pool(nerdqaxe: Factory) -> None:
    """The active one, whichever that is; usingFallback tells."""
    client = await nerdqaxe("1.0.36")
    client.device.set_pool_reachable("public-pool.io", False)
    stratum = (await client.info())["stratum"]
    assert stratum["usingFallback"] is True
    assert [pool["connected"] for pool in stratum["pools"]] == [True]
    assert client.device.state()["pool"] == "solo.ckpool.org:3333"
    client.device.set_pool_reachable("solo.ckpool.org", False)
    stratum = (await client.info())["stratum"]
    assert [pool["connected"] for pool in stratum["pools"]] == [False]
    assert client.device.state()["pool"] is None
    client.device.set_pool_reachable("public-pool.io", True)
    assert (await client.info())["stratum"]["usingFallback"] is False


async def test_dual_mode_takes_effect_at_the_restart(nerdqaxe: Factory) -> None:
    """Then there are two pools, and no usingFallback."""
    client = await nerdqaxe("1.0.37")
    await client.patch({"poolMode": 1, "poolBalance": 70})
    stratum = (await client.info())["stratum"]
    assert (stratum["poolMode"], stratum["activePoolMode"]) == (1, 0)
    await client.device.reboot()
    client.device.miner.speed = 1e6
    await asyncio.sleep(0.01)
    info = await client.info()
    stratum = info["stratum"]
    assert (stratum["activePoolMode"], stratum["poolBalance"]) == (1, 70)
    assert "usingFallback" not in stratum
    assert len(stratum["pools"]) == 2
    first, second = stratum["pools"]
    assert first["accepted"] > second["accepted"] > 0
    assert first["networkDifficulty"] == info["networkDifficulty"]


async def test_shutdown_lasts_until_the_restart(nerdqaxe: Factory) -> None:
    """There is no resume; 1.0.30 has no shutdown either."""
    assert (await (await nerdqaxe("1.0.30")).post("system/shutdown"))[0] == 302
    client = await nerdqaxe("1.0.36")
    assert (await client.info())["shutdown"] is False
    assert (await client.post("system/shutdown"))[0] == 200
    info = await client.info()
    assert info["shutdown"] is True
    assert info["hashRate"] == info["hashRate_10m"] == 0
    assert info["power"] < 20
    assert await client.post("system/restart") == (200, b"System will restart shortly.")
    await client.device.wait_ready()
    info = await client.info()
    assert info["shutdown"] is False
    assert info["lastResetReason"] == "SYSTEM.RESET_SOFTWARE"
    assert info["uptimeSeconds"] < 60


async def test_overheat_switches_the_chips_off_until_the_restart(
    nerdqaxe: Factory,
) -> None:
    """It stays online with a hashrate of 0."""
    client = await nerdqaxe("1.0.36")
    client.device.overheat()
    info = await client.info()
    assert (info["hashRate"], info["fanspeed"]) == (0, 100)
    client.device.miner.heat_to(30)
    assert (await client.info())["hashRate"] == 0
    assert client.device.state()["overheated"] is True
    await client.device.reboot()
    assert client.device.state()["overheated"] is False


async def test_reset_stats(nerdqaxe: Factory) -> None:
    """1.0.37 can count from zero, without a body in its answer."""
    client = await nerdqaxe("1.0.37")
    assert (await client.info())["sharesAccepted"] > 0
    assert await client.post("system/reset-stats") == (204, b"")
    info = await client.info()
    assert info["sharesAccepted"] < 10
    assert info["bestSessionDiff"] < info["bestDiff"]


async def test_addresses_from_elsewhere_are_refused(nerdqaxe: Factory) -> None:
    """401 "Unauthorized", which no password helps."""
    client = await nerdqaxe("1.0.36", otp_secret=SECRET)
    client.device.refuse_address = True
    answer = await client.call(
        "GET",
        "/api/system/info",
        headers={"X-TOTP": client.device.current_code()},
    )
    assert answer == (401, "text/html", b"Unauthorized")
    client.device.refuse_address = False
    status, _, _ = await client.call(
        "GET", "/api/system/info", headers={"Origin": "http://8.8.8.8"}
    )
    assert status == 401


async def test_writes_need_the_second_factor(nerdqaxe: Factory) -> None:
    """Reads never do; a code or a session opens the door."""
    client = await nerdqaxe("1.0.36", otp_secret=SECRET)
    assert (await client.info())["otp"] is True
    assert await client.patch({"frequency": 550}) == (401, b"OTP/Session required")
    assert (await client.info())["frequency"] == 600
    code = client.device.current_code()
    assert (await client.patch({"frequency": 550}, **{"X-TOTP": code}))[0] == 200
    status, body = await client.post("otp/session", **{"X-TOTP": code})
    session = json.loads(body)
    assert (status, session["ttlMs"]) == (200, 86_400_000)
    assert session["expiresAt"] > session["ttlMs"]
    token = {"X-OTP-Session": session["token"]}
    assert (await client.patch({"frequency": 525}, **token))[0] == 200
    assert (await client.info())["frequency"] == 525
    # A session cannot open another one.
    assert (await client.post("otp/session", **token))[0] == 401
    assert client.device.otp is not None
    client.device.otp.end_sessions()
    assert (await client.patch({"frequency": 500}, **token))[0] == 401


async def test_commands_need_no_code_unless_told_so(nerdqaxe: Factory) -> None:
    """The releases check none; the documentation says otherwise."""
    client = await nerdqaxe("1.0.36", otp_secret=SECRET)
    assert (await client.post("system/shutdown"))[0] == 200
    strict = await nerdqaxe("1.0.37", otp_secret=SECRET, otp_guards_commands=True)
    for command in ("system/shutdown", "system/restart", "system/reset-stats"):
        assert await strict.post(command) == (401, b"OTP/Session required")
    code = {"X-TOTP": strict.device.current_code()}
    assert (await strict.post("system/shutdown", **code))[0] == 200
    assert (await strict.info())["shutdown"] is True


async def test_five_failures_block(nerdqaxe: Factory) -> None:
    """For five minutes even the right code is refused."""
    client = await nerdqaxe("1.0.36", otp_secret=SECRET)
    otp = client.device.otp
    assert otp is not None
    now = 1_700_000_000.0
    otp.clock = lambda: now
    for _ in range(5):
        assert await client.patch({}, **{"X-TOTP": "000000"}) == (
            401,
            b"OTP/Session required",
        )
    code = {"X-TOTP": otp.code()}
    assert await client.patch({}, **code) == (401, b"blocked for 5 minutes")
    now += 301
    assert (await client.patch({}, **{"X-TOTP": otp.code()}))[0] == 200


def test_codes_are_rfc_6238() -> None:
    """The test vector of the RFC, cut to six digits, and the tolerance."""
    otp = OneTimePasswords("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", lambda: 59.0)
    assert otp.code() == "287082"
    assert otp.accepts({"x-totp": otp.code(-1)}, token_allowed=True)
    assert not otp.accepts({"x-totp": otp.code(2)}, token_allowed=True)


async def test_otp_is_an_option(nerdqaxe: Factory) -> None:
    """Off by default, and old releases have none."""
    client = await nerdqaxe("1.0.36")
    assert (await client.info())["otp"] is False
    assert (await client.post("otp/session"))[0] == 400
    with pytest.raises(RuntimeError):
        client.device.current_code()
    with pytest.raises(ValueError, match=r"1\.0\.31"):
        SimulatedNerdQAxe(generation="1.0.31", otp_secret=SECRET)


async def test_blocks_are_counted(nerdqaxe: Factory) -> None:
    """The session's and all of them."""
    client = await nerdqaxe("1.0.36")
    client.device.find_block()
    await client.device.reboot()
    client.device.find_block()
    info = await client.info()
    assert (info["foundBlocks"], info["totalFoundBlocks"]) == (1, 2)
