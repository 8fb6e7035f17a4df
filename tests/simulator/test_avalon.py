"""The simulated Avalons, as a client on a socket sees them."""

import asyncio
import json
from pathlib import Path
import re
from typing import Any

import pytest

from simulator import cgminer
from simulator.avalon import SimulatedAvalon
from simulator.device import Fault

pytestmark = pytest.mark.usefixtures("socket_enabled")

PAIR = re.compile(r"(\w+)\[([^\]]*)\]")

FIXTURES = Path(__file__).parents[1] / "fixtures/avalon_nano"
NANO_3S = FIXTURES / "nano3s_25021401"
NANO_3 = FIXTURES / "nano3_24071801"


def keys_of(stats: str) -> list[str]:
    """Return the keys of a row of stats, in their order."""
    return [key for key, _ in PAIR.findall(stats)]


def recorded(command: str) -> dict[str, Any]:
    """Return the first row of what a Nano 3S answered."""
    answer = json.loads((NANO_3S / f"{command}.json").read_text())
    row: dict[str, Any] = answer[command.upper()][0]
    return row


async def ask(device: SimulatedAvalon, request: str) -> bytes:
    """Send one request in one segment and read to the end."""
    reader, writer = await asyncio.open_connection(device.host, device.port)
    writer.write(request.encode())
    answer = await reader.read()
    writer.close()
    return answer


async def text(device: SimulatedAvalon, request: str) -> str:
    """Ask in text form; the reply without its NUL."""
    answer = await ask(device, request)
    assert answer.endswith(b"\0")
    return answer[:-1].decode()


async def ask_json(
    device: SimulatedAvalon, command: str, parameter: str | None = None
) -> dict[str, Any]:
    """Ask in JSON form."""
    request = {"command": command}
    if parameter is not None:
        request["parameter"] = parameter
    answer = await ask(device, json.dumps(request))
    assert answer.endswith(b"\0")
    reply: dict[str, Any] = json.loads(answer[:-1], strict=False)
    return reply


async def ascset(device: SimulatedAvalon, parameter: str) -> tuple[str, int, str]:
    """Set something; letter, code and message."""
    (status,) = (await ask_json(device, "ascset", f"0,{parameter}"))["STATUS"]
    return status["STATUS"], status["Code"], status["Msg"]


async def stats(device: SimulatedAvalon) -> dict[str, str]:
    """Give the pairs of the first row of `estats`."""
    (row,) = (await ask_json(device, "estats"))["STATS"]
    return dict(PAIR.findall(next(row[key] for key in row if key.startswith("MM ID"))))


async def urls(device: SimulatedAvalon) -> list[str]:
    """Give the URLs of the three slots."""
    return [pool["URL"] for pool in (await ask_json(device, "pools"))["POOLS"]]


async def active(device: SimulatedAvalon) -> list[int]:
    """Give the slots that are mined at."""
    pools = (await ask_json(device, "pools"))["POOLS"]
    return [pool["POOL"] for pool in pools if pool["Stratum Active"]]


# --- framing -----------------------------------------------------------------


async def test_text_and_json_forms_end_with_nul_and_close() -> None:
    """Text and JSON forms end with NUL and close."""
    async with SimulatedAvalon() as device:
        plain = await text(device, "version")
        reply = await ask_json(device, "version")
    assert plain.startswith("STATUS=S,When=")
    assert "|VERSION,CGMiner=4.11.1,API=3.7,PROD=Avalon Nano3s,MODEL=Nano3s," in plain
    assert plain.endswith("UPAPI=2|")
    assert reply["STATUS"][0]["Code"] == 22
    assert reply["id"] == 1
    assert list(reply["VERSION"][0]) == list(recorded("version"))
    assert reply["VERSION"][0]["MAC"] == device.mac.replace(":", "").lower()


async def test_a_newline_makes_a_command_unknown_but_not_a_number() -> None:
    """A newline makes a command unknown but not a number."""
    async with SimulatedAvalon() as device:
        unknown = await text(device, "version\n")
        switched = await text(device, "switchpool|1\n")
    # No Description "for random probes".
    assert re.fullmatch(r"STATUS=E,When=\d+,Code=14,Msg=Invalid command\|", unknown)
    assert "Code=27" in switched


@pytest.mark.parametrize("command", ["restart", "quit", "privileged", "addpool"])
async def test_commands_that_this_firmware_has_not(command: str) -> None:
    """Commands that this firmware has not."""
    async with SimulatedAvalon() as device:
        (status,) = (await ask_json(device, command))["STATUS"]
        (check,) = (await ask_json(device, "check", command))["CHECK"]
    assert (status["STATUS"], status["Code"]) == ("E", 14)
    assert check == {"Exists": "N", "Access": "N"}


async def test_bad_json_requests() -> None:
    """Bad JSON requests."""
    async with SimulatedAvalon() as device:
        nonsense = json.loads((await ask(device, "{nonsense"))[:-1])
        empty = json.loads((await ask(device, "{}"))[:-1])
        number = json.loads((await ask(device, '{"command":7}'))[:-1])
    assert nonsense["STATUS"][0]["Code"] == 23
    assert empty["STATUS"][0]["Msg"] == "Missing JSON 'command'"
    assert number["STATUS"][0]["Code"] == 14


async def test_join_of_commands() -> None:
    """Join of commands."""
    async with SimulatedAvalon() as device:
        reply = await ask_json(device, "summary+version+stats+pools+litestats")
        plain = await text(device, "summary+version")
        assert device.counters.connections == device.counters.requests == 2
        assert device.counters.by_path["summary+version+stats+pools+litestats"] == 1
    assert list(reply) == ["summary", "version", "stats", "pools", "litestats", "id"]
    for command, section in {"summary": "SUMMARY", "stats": "STATS"}.items():
        (part,) = reply[command]
        assert part["id"] == 1
        assert part["STATUS"][0]["STATUS"] == "S"
        assert part[section]
    assert plain.startswith("CMD=summary|STATUS=S,")
    assert "|CMD=version|STATUS=S," in plain


async def test_what_cannot_be_joined_is_denied_and_not_done() -> None:
    """What cannot be joined is denied and not done."""
    async with SimulatedAvalon() as device:
        reply = await ask_json(device, "version+ascset+nothing", "0,reboot,0")
        assert not device.rebooting
    (denied,) = reply["ascset"][0]["STATUS"]
    assert (denied["STATUS"], denied["Code"]) == ("E", 45)
    assert denied["Msg"] == "Access denied to 'ascset' command"
    assert reply["nothing"][0]["STATUS"][0]["Code"] == 14


async def test_only_one_receive_of_4095_bytes() -> None:
    """Only one receive of 4095 bytes."""
    async with SimulatedAvalon() as device:
        request = '{"command":"version"' + " " * cgminer.RECV_BYTES + "}"
        reply = json.loads((await ask(device, request))[:-1])
    assert reply["STATUS"][0]["Code"] == 23


async def test_an_idle_connection_blocks_the_next_one() -> None:
    """An idle connection blocks the next one."""
    async with SimulatedAvalon(recv_seconds=0.3) as device:
        idle_reader, idle_writer = await asyncio.open_connection(
            device.host, device.port
        )
        waiting = asyncio.create_task(ask(device, "version"))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        # The firmware gives up on the silent one, closes it and serves the other.
        assert await idle_reader.read() == b""
        assert b"VERSION" in await waiting
        idle_writer.close()


async def test_a_slow_reader_gets_a_truncated_reply() -> None:
    """A slow reader gets a truncated reply."""
    async with SimulatedAvalon(model="q") as device:
        whole = await ask(device, '{"command":"version"}')
        device.truncate_after = 200
        cut = await ask(device, '{"command":"version"}')
    assert len(cut) == 200
    assert not cut.endswith(b"\0")
    assert whole.endswith(b"\0")


# --- telemetry ----------------------------------------------------------------


async def test_nano_3s_stats_have_the_recorded_keys_in_order() -> None:
    """Nano 3s stats have the recorded keys in order."""
    async with SimulatedAvalon(model="nano3s") as device:
        reply = await ask_json(device, "stats")
    rows = reply["STATS"]
    assert [row["ID"] for row in rows] == ["AVALON0", "POOL0", "POOL1", "POOL2"]
    assert rows[0]["Nonce Mask"] == 25
    assert keys_of(rows[0]["MM ID0"]) == keys_of(recorded("stats")["MM ID0"])
    values = dict(PAIR.findall(rows[0]["MM ID0"]))
    assert values["ITemp"] == "-273"
    assert values["SYSTEMSTATU"] == "Work: In Work, Hash Board: 1"
    supply = [int(part) for part in values["PS"].split()]
    assert len(supply) == 7
    assert 120 < supply[6] < 145
    assert 27_000 < supply[2] < 28_500
    assert 6000 < float(values["GHSspd"]) < 7000
    assert values["MPO"] == "133"
    # Padded to three places: the list begins with a blank.
    assert values["PVT_T0"].startswith(" ")
    assert len(values["PVT_T0"].split()) == 12


async def test_nano_3_has_no_mac_and_its_own_layout() -> None:
    """Nano 3 has no MAC and its own layout."""
    async with SimulatedAvalon(model="nano3", mode=1) as device:
        version = (await ask_json(device, "version"))["VERSION"][0]
        reply = await text(device, "stats")
        lite = await text(device, "litestats")
        devs = (await ask_json(device, "devs"))["DEVS"][0]
    assert version["PROD"] == "Avalonnano"
    assert not {"MAC", "DNA", "LVERSION"} & set(version)
    assert "STATS=0,ID=AVANANO0," in reply
    line, recording = (
        item.partition("MM ID0=")[2].partition(",MM Count")[0]
        for item in (reply, (NANO_3 / "stats_worklevel1.txt").read_text())
    )
    assert keys_of(line) == keys_of(recording)
    pairs = dict(PAIR.findall(line))
    assert pairs["DNA"] == "0" * 16
    assert pairs["HDNA"] == device.serial
    assert pairs["WORKLEVEL"] == "1"
    supply = [int(part) for part in pairs["PS"].split()]
    assert 80 < supply[5] < 98
    assert supply[6] == 324
    assert "]  DNA[" in line
    assert "Code=14" in lite
    assert devs["Temperature"] == -273


async def test_q_has_quoted_keys_and_board_info() -> None:
    """Q has quoted keys and board info."""
    async with SimulatedAvalon(model="q") as device:
        row = (await ask_json(device, "stats"))["STATS"][0]
        lite = (await ask_json(device, "litestats"))["STATS"][0]
        device.empty_stats = True
        empty = (await ask_json(device, "stats"))["STATS"][0]
        assert await stats(device)
    summary = row["MM ID0:Summary"]
    assert "MM ID0" not in row
    assert summary.startswith("'STATS':{Ver[Q-")
    assert summary.endswith("}")
    assert row["HBinfo"].startswith("'HB0':{PVT_T0[")
    assert len(dict(PAIR.findall(row["HBinfo"]))["PVT_V0"].split()) == 160
    pairs = dict(PAIR.findall(lite["MM ID0:Summary"]))
    assert pairs["STATE"] == "1"
    assert pairs["RSSI"] == "-55"
    assert pairs["SSID"] == device.ssid
    assert [f"Fan{number}" in pairs for number in range(1, 6)] == [True] * 4 + [False]
    supply = [int(part) for part in pairs["PS"].split()]
    # W to the board and W at the input.
    assert 740 < supply[4] < supply[6] < 900
    assert empty["MM ID0:Summary"] == ""


async def test_mini_3_has_a_board_temperature() -> None:
    """Mini 3 has a board temperature."""
    async with SimulatedAvalon(model="mini3") as device:
        pairs = await stats(device)
    assert int(pairs["HBTemp"]) > int(pairs["OTemp"])
    assert pairs["WORKMODE"] == "1"


async def test_summary_pools_and_coin() -> None:
    """Summary pools and coin."""
    async with SimulatedAvalon() as device:
        (summary,) = (await ask_json(device, "summary"))["SUMMARY"]
        pools = (await ask_json(device, "pools"))["POOLS"]
        (coin,) = (await ask_json(device, "coin"))["COIN"]
        raw = await ask(device, '{"command":"summary"}')
    assert list(summary) == list(recorded("summary"))
    assert 6_000_000 < summary["MHS av"] < 7_000_000
    assert summary["Elapsed"] == 400_000
    assert re.search(rb'"Difficulty Accepted":\d+\.\d{8},', raw)
    assert len(pools) == 3
    assert [pool["Stratum Active"] for pool in pools] == [True, False, False]
    assert sum(pool["Accepted"] for pool in pools) == summary["Accepted"]
    assert "Password" not in pools[0]
    assert coin["Network Difficulty"] > 1e14


async def test_values_drift() -> None:
    """Values drift."""
    async with SimulatedAvalon(speed=1000) as device:
        first = await stats(device)
        await asyncio.sleep(0.05)
        second = await stats(device)
    assert first["GHSspd"] != second["GHSspd"]
    assert int(second["Elapsed"]) > int(first["Elapsed"])


# --- modes --------------------------------------------------------------------


async def test_mode_flips_at_once_and_the_hashrate_follows() -> None:
    """Mode flips at once and the hashrate follows."""
    async with SimulatedAvalon(settle_seconds=3600) as device:
        assert await ascset(device, "workmode,get") == (
            "I",
            118,
            "ASC 0 set info: workmode 2",
        )
        assert await ascset(device, "workmode,set,0") == ("S", 119, "ASC 0 set OK")
        at_once = await stats(device)
        device.settle_seconds = 0
        settled = await stats(device)
    assert at_once["WORKMODE"] == settled["WORKMODE"] == "0"
    assert at_once["MPO"] == "62"
    assert float(at_once["GHSspd"]) > 6000
    assert float(settled["GHSspd"]) < 4000
    assert 55 < int(settled["PS"].split()[6]) < 75


async def test_mode_survives_a_restart() -> None:
    """Mode survives a restart."""
    async with SimulatedAvalon() as device:
        await ascset(device, "workmode,set,1")
        await device.reboot(0)
        assert (await stats(device))["WORKMODE"] == "1"


@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        ("workmode,set,3", "error:1 not support set workmode max_mode[2]"),
        ("workmode,set,-1", "error:1 not support set workmode max_mode[2]"),
        ("workmode,1", "error:2 parameter error"),
        ("workmode,get\n", "error:2 parameter error"),
        ("workmode", "missing workmode setting"),
        ("softoff,1:1", "Unknown option: softoff"),
        ("fan-spd,7", "invalid fan value, valid range 15-100 for stable pwm,"),
        ("reboot,all", "reboot value not number"),
        ("reboot,301", "reboot value should be 0~300 seconds"),
    ],
)
async def test_refusals_of_a_nano_3s(parameter: str, message: str) -> None:
    """Refusals of a nano 3s."""
    async with SimulatedAvalon() as device:
        letter, code, text_ = await ascset(device, parameter)
        assert device.mode == 2
        assert not device.rebooting
    assert (letter, code) == ("E", 120)
    assert text_.startswith(f"ASC 0 set failed: {message}")


async def test_calibration_refuses_a_mode() -> None:
    """Calibration refuses a mode."""
    async with SimulatedAvalon() as device:
        device.calibrating = True
        letter, code, message = await ascset(device, "workmode,set,0")
        pairs = await stats(device)
    assert (letter, code) == ("E", 120)
    assert message.endswith("current mode 2 is caling Don't permit switch mode")
    assert pairs["ADJ"] == "0"
    assert pairs["ATA2"] == ""
    assert pairs["WORKMODE"] == "2"


async def test_nano_3_sets_its_work_level() -> None:
    """Nano 3 sets its work level."""
    async with SimulatedAvalon(model="nano3", settle_seconds=0) as device:
        assert (await ascset(device, "worklevel,get"))[2].endswith("worklevel 2")
        assert (await ascset(device, "worklevel,set,0"))[:2] == ("S", 119)
        assert (await ascset(device, "worklevel,set,3"))[:2] == ("E", 120)
        assert (await ascset(device, "workmode,set,0"))[2].endswith(
            "Unknown option: workmode"
        )
        pairs = await stats(device)
    assert pairs["WORKLEVEL"] == "0"
    assert 50 < int(pairs["PS"].split()[5]) < 68


async def test_mini_3_has_levels_beside_its_modes() -> None:
    """Mini 3 has levels beside its modes."""
    async with SimulatedAvalon(model="mini3", settle_seconds=0) as device:
        before = device.state()["hashrate"]
        assert (await ascset(device, "worklevel,set,-1"))[:2] == ("S", 119)
        assert (await ascset(device, "worklevel,set,1"))[:2] == ("E", 120)
        assert (await ascset(device, "work_mode_lvl,get"))[2].endswith(
            "workmode 1 worklevel -1"
        )
        assert device.state()["hashrate"] < before


async def test_help_lists_what_the_model_can() -> None:
    """Help lists what the model can."""
    async with (
        SimulatedAvalon(model="nano3s") as nano,
        SimulatedAvalon(model="q") as big,
    ):
        small = (await ascset(nano, "help"))[2]
        letter, code, large = await ascset(big, "help")
        plain = await text(big, "ascset|0,help")
    assert (letter, code) == ("I", 118)
    assert small.endswith("|password|qr_auth|")
    assert "|softoff|" not in small
    assert "|softon|softoff|" in large
    # In text form the separators are escaped.
    assert r"help\|voltage\|" in plain


async def test_fan_light_and_display() -> None:
    """Fan light and display."""
    async with SimulatedAvalon() as device:
        await ascset(device, "fan-spd,80")
        assert (await stats(device))["FanR"] == "80%"
        await ascset(device, "fan-spd,-1")
        assert (await ascset(device, "ledset,1-80-50-1-2-3"))[:2] == ("I", 118)
        await ascset(device, "lcd,0:0")
        pairs = await stats(device)
    assert pairs["LEDUser"] == "1-80-50-1-2-3"
    assert pairs["LcdOnoff"] == "0"


# --- standby -------------------------------------------------------------------


async def test_q_goes_to_standby_and_keeps_its_averages() -> None:
    """Q goes to standby and keeps its averages."""
    async with SimulatedAvalon(model="q") as device:
        device.clock_offset = 4000
        now = (await ask_json(device, "version"))["STATUS"][0]["When"]
        assert await ascset(device, f"softoff,1:{now + 5}") == (
            "I",
            118,
            f"ASC 0 set info: success softoff:{now + 5}",
        )
        assert (await stats(device))["STATE"] == "1"
        device.clock_offset += 6
        pairs = await stats(device)
        assert pairs["STATE"] == "2"
        assert pairs["SYSTEMSTATU"] == "Work: In Idle, Hash Board: 1"
        assert pairs["SoftOFF"] == "4"
        assert float(pairs["GHSspd"]) == 0
        assert float(pairs["GHSavg"]) > 40_000
        assert [pairs[key] for key in ("TMax", "Fan1", "FanR")] == ["0", "0", "0%"]
        assert pairs["PS"].split()[6] == "17"
        device.standby_watts = 146
        assert (await stats(device))["PS"].split()[6] == "146"
        assert device.state()["paused"]
        await ascset(device, f"softon,1:{now + 8}")
        device.clock_offset += 5
        pairs = await stats(device)
    assert pairs["STATE"] == "1"
    assert pairs["SoftOFF"] == "0"
    assert float(pairs["GHSspd"]) > 40_000


async def test_a_moment_that_is_over_by_the_device_clock_never_comes() -> None:
    """A moment that is over by the device clock never comes."""
    async with SimulatedAvalon(model="q") as device:
        assert (await ascset(device, f"softoff,1:{device.now - 60}"))[0] == "I"
        assert not device.standby


async def test_standby_ends_with_the_mains() -> None:
    """Standby ends with the mains."""
    async with SimulatedAvalon(model="q", mode=2) as device:
        await ascset(device, f"softoff,1:{device.now}")
        assert device.standby
        await device.unplug()
        await device.plug_in()
        pairs = await stats(device)
    assert pairs["STATE"] == "0"
    assert pairs["WORKMODE"] == "2"


# --- pools ---------------------------------------------------------------------


async def test_switchpool_acts_at_once_and_is_lost_at_a_restart() -> None:
    """Switchpool acts at once and is lost at a restart."""
    async with SimulatedAvalon() as device:
        (status,) = (await ask_json(device, "switchpool", "2"))["STATUS"]
        assert await active(device) == [2]
        assert (await ask_json(device, "switchpool", "3"))["STATUS"][0]["Code"] == 26
        assert (await ask_json(device, "switchpool"))["STATUS"][0]["Code"] == 25
        await device.reboot(0)
        assert await active(device) == [0]
    assert (status["STATUS"], status["Code"]) == ("S", 27)
    assert status["Msg"] == f"Switching to pool 2:'{device.stored[2].url}'"


async def test_priorities_and_disabled_pools() -> None:
    """Priorities and disabled pools."""
    async with SimulatedAvalon() as device:
        await ask_json(device, "poolpriority", "1,0,2")
        assert await active(device) == [1]
        again = await ask_json(device, "poolpriority", "1,1")
        assert again["STATUS"][0]["Code"] == 74
        await ask_json(device, "disablepool", "1")
        assert await active(device) == [0]
        pools = (await ask_json(device, "pools"))["POOLS"]
        assert pools[1]["Status"] == "Disabled"
        codes = [
            (await ask_json(device, command, slot))["STATUS"][0]["Code"]
            for command, slot in (
                ("disablepool", "1"),
                ("disablepool", "2"),
                ("disablepool", "0"),
                ("enablepool", "1"),
                ("enablepool", "1"),
            )
        ]
        assert codes == [50, 48, 51, 47, 49]
        assert await active(device) == [1]


async def test_a_dead_pool_gives_way_to_the_next() -> None:
    """A dead pool gives way to the next."""
    async with SimulatedAvalon() as device:
        device.pools[0].alive = False
        assert await active(device) == [1]
        for pool in device.pools:
            pool.alive = False
        await stats(device)
        assert float((await stats(device))["GHSspd"]) == 0


async def test_setpool_needs_the_login_and_a_restart() -> None:
    """Setpool needs the login and a restart."""
    url = "stratum+tcp://example.org:3333"
    wish = f"2,{url},wallet.worker,secret"
    async with SimulatedAvalon(user="me", password="word") as device:
        old = await urls(device)
        for login, message in (
            ("you,word", "username err"),
            ("me,sword", "userpass err"),
        ):
            (status,) = (await ask_json(device, "setpool", f"{login},{wish}"))["STATUS"]
            assert (status["STATUS"], status["Code"]) == ("E", 132)
            assert status["Msg"] == f"Pool set error: {message}"
        raw = await ask(
            device, json.dumps({"command": "setpool", "parameter": f"me,word,{wish}"})
        )
        assert await urls(device) == old
        await device.reboot(0)
        assert await urls(device) == [*old[:2], url]
    with pytest.raises(ValueError, match="control character"):
        json.loads(raw[:-1])
    (status,) = json.loads(raw[:-1], strict=False)["STATUS"]
    assert (status["STATUS"], status["Code"]) == ("S", 133)
    assert "\nworkerpassword is secret\nPlease reboot miner" in status["Msg"]


async def test_setpool_counts_its_arguments() -> None:
    """Setpool counts its arguments."""
    async with SimulatedAvalon() as device:
        few = await ask_json(device, "setpool", "root,root,1,url")
        slot = await ask_json(device, "setpool", "root,root,3,url,user")
        none = await ask_json(device, "setpool")
    assert few["STATUS"][0]["Msg"].endswith("your input is 4 arguments.")
    assert "between 0 and 2" in slot["STATUS"][0]["Msg"]
    assert none["STATUS"][0]["Msg"] == "Pool set error: no params"


async def test_nano_3_setpool_wants_a_hash_and_says_info() -> None:
    """Nano 3 setpool wants a hash and says info."""
    secret = "ff0000ff" + "4813494d137e1631bba301d5"  # sha256("root")
    async with SimulatedAvalon(model="nano3") as device:
        plain = await ask_json(device, "setpool", "root,root,0,url,user,x")
        hashed = await ask_json(device, "setpool", f"root,{secret},0,url,user,x")
    assert plain["STATUS"][0]["Code"] == 132
    assert (hashed["STATUS"][0]["STATUS"], hashed["STATUS"][0]["Code"]) == ("I", 133)


# --- power and faults ----------------------------------------------------------


async def test_reboot_command_refuses_for_a_while() -> None:
    """Reboot command refuses for a while."""
    async with SimulatedAvalon(restart_delay=0.05, reboot_seconds=0.1) as device:
        port = device.port
        assert await ascset(device, "reboot,0") == ("S", 119, "ASC 0 set OK")
        while device.online:
            await asyncio.sleep(0.01)
        with pytest.raises(OSError):
            await ask(device, "version")
        await device.wait_ready()
        assert device.port == port
        (summary,) = (await ask_json(device, "summary"))["SUMMARY"]
        assert summary["Elapsed"] < 60
        assert summary["Accepted"] == 0
        assert (await stats(device))["SYSTEMSTATU"].startswith("Work: In Init")


async def test_nano_3_reboots_with_all() -> None:
    """Nano 3 reboots with all."""
    async with SimulatedAvalon(
        model="nano3", restart_delay=0.01, reboot_seconds=0.01
    ) as device:
        assert (await ascset(device, "reboot,0"))[0] == "E"
        assert (await ascset(device, "reboot,all"))[0] == "S"
        await device.wait_ready()
        assert device.boots == 2


async def test_overheating_is_a_fault_until_the_restart() -> None:
    """Overheating is a fault until the restart."""
    async with SimulatedAvalon() as device:
        device.overheat()
        pairs = await stats(device)
        assert pairs["SYSTEMSTATU"].startswith("Work: In Fault")
        assert pairs["ECHU"] != "0"
        assert float(pairs["GHSspd"]) == 0
        await device.reboot(0)
        assert (await stats(device))["ECHU"] == "0"


async def test_found_block_is_counted() -> None:
    """Found block is counted."""
    async with SimulatedAvalon() as device:
        device.find_block()
        (summary,) = (await ask_json(device, "summary"))["SUMMARY"]
        (coin,) = (await ask_json(device, "coin"))["COIN"]
    assert summary["Found Blocks"] == 1
    assert summary["Best Share"] >= coin["Network Difficulty"]


async def test_faults() -> None:
    """Faults."""
    async with SimulatedAvalon() as device:
        true = await ask_json(device, "version")
        device.fault = Fault.WRONG_MAC
        other = (await ask_json(device, "version"))["VERSION"][0]
        assert other["MAC"] != true["VERSION"][0]["MAC"]
        assert other["DNA"] != true["VERSION"][0]["DNA"]
        device.fault = Fault.HALF
        assert not (await ask(device, "version")).endswith(b"\0")
        device.fault = Fault.GARBAGE
        assert b"garbage" in await ask(device, "version")
        device.fault = Fault.HTML
        assert (await ask(device, "version")).startswith(b"HTTP/1.0 200")
        device.fault = Fault.REDIRECT
        assert (await ask(device, "version")).startswith(b"HTTP/1.0 302")
        device.fault = Fault.RESET
        with pytest.raises(ConnectionResetError):
            await ask(device, "version")
        device.fault = Fault.SILENT
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await ask(device, "version")
        device.fault = None
        assert await ask_json(device, "version")


async def test_unknown_model_or_mode() -> None:
    """Unknown model or mode."""
    with pytest.raises(ValueError, match="nano3s"):
        SimulatedAvalon(model="nano4")
    with pytest.raises(ValueError, match="mode 7"):
        SimulatedAvalon(mode=7)


async def test_every_option_of_help_is_known() -> None:
    """Every option of help is known."""
    for model in ("nano3", "nano3s", "mini3", "q"):
        async with SimulatedAvalon(model=model) as device:
            for option in device.model.options:
                message = (await ascset(device, f"{option},?"))[2]
                assert "Unknown option" not in message
                assert not device.rebooting
