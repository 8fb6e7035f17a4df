"""Moving over from HMM-Local."""

from collections.abc import AsyncIterator
import json
import logging
from pathlib import Path
from typing import Any, override

from homeassistant.config_entries import (
    SOURCE_INTEGRATION_DISCOVERY,
    ConfigEntry,
    ConfigEntryState,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
import pytest_socket
import yaml

from custom_components.hmm.bundled.miner_drivers.avalon_nano_driver import (
    AvalonNanoDriver,
)
from custom_components.hmm.bundled.miner_drivers.bitaxe_driver import BitaxeDriver
from custom_components.hmm.bundled.pool_drivers.braiins_driver import BraiinsDriver
from custom_components.hmm.const import DOMAIN
from custom_components.hmm.driver_api import AuthRequired
from custom_components.hmm.driver_api.transports import http
from custom_components.hmm.hmm_local.local_api import MAX_ROWS
from custom_components.hmm.miner import discovery
from simulator import (
    Fault,
    SimulatedAvalon,
    SimulatedAxeOS,
    SimulatedNMMiner,
    SimulatedSolopool,
)
from simulator.hmm_local import SimulatedHmmLocal
from simulator.httpd import Handler, HttpDevice, json_response
from simulator.solopool import DEMO_WALLET
from tests.common import value
from tests.conftest import UsualPorts, miner_entry, set_up
from tests.flows import (
    Result,
    begin,
    choose,
    fill,
    finish,
    options,
    suggested,
    with_texts,
)
from tests.other_devices import Lamp

pytestmark = pytest.mark.usefixtures("quick", "usual_ports")


@pytest.fixture
async def local(home: HomeAssistant) -> AsyncIterator[SimulatedHmmLocal]:
    """Return a running HMM-Local that has nothing yet, nothing is written to it."""
    async with SimulatedHmmLocal() as server:
        server.profiles.clear()
        yield server
        assert server.writes == 0


async def ask(hass: HomeAssistant, server: SimulatedHmmLocal | str) -> Result:
    """Type the address of HMM-Local; gives what is shown after the search."""
    typed = server if isinstance(server, str) else f"http://127.0.0.1:{server.port}/app"
    form = await choose(hass, "import_hmm_local")
    assert form["step_id"] == "import_hmm_local"
    shown = await fill(hass, form, host=typed)
    if shown["type"] is FlowResultType.SHOW_PROGRESS:
        await hass.async_block_till_done()
        shown = with_texts(
            await hass.config_entries.flow.async_configure(shown["flow_id"])
        )
    return shown


def rest(shown: Result) -> str:
    """Return what is said of all that cannot be chosen."""
    return str(shown["description_placeholders"]["rest"])


def queued(hass: HomeAssistant) -> list[Result]:
    """Return the flows that wait for their owner."""
    return list(hass.config_entries.flow.async_progress_by_handler(DOMAIN))


def add_solopool(
    local: SimulatedHmmLocal, name: str = "My DigiByte", **columns: Any
) -> None:
    """Let HMM-Local have an account at Solopool."""
    local.add_pool(
        name,
        "stratum+tcp://home.example",
        8004,
        f"{DEMO_WALLET}.garage",
        **{"pool_config": {"driver": "solopool"}, **columns},
    )


@pytest.fixture
async def solopool(hmm_folder: Path) -> AsyncIterator[SimulatedSolopool]:
    """Return a solopool.org, and a file that says that it is home.example."""
    async with SimulatedSolopool() as pool:
        content = {
            "driver": "solopool",
            "display_name": "Solopool.org DGB (Home)",
            "url": "home.example",
            "port": 8004,
            "coin": "DGB",
            "mining_model": "solo",
            "api_base": f"http://127.0.0.1:{pool.port}/api",
        }
        (hmm_folder / "pools").mkdir()
        (hmm_folder / "pools" / "home.yaml").write_text(yaml.safe_dump(content))
        yield pool


# The address


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ("https://192.168.1.5:8080", "hmm_local_https"),
        ("http://", "address_invalid"),
        ("", "address_invalid"),
        ("hmm.local:0", "address_port"),
        ("[fd00::1]:8080", "address_ipv6"),
    ],
)
async def test_what_is_no_address(home: HomeAssistant, typed: str, error: str) -> None:
    """It is said what is wrong, and what was typed is still there."""
    form = await ask(home, typed)
    assert form["errors"] == {"host": error}
    assert suggested(form, "host") == typed


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.HTML, "hmm_local_page"),
        (Fault.REDIRECT, "hmm_local_elsewhere"),
        (Fault.GARBAGE, "hmm_local_other"),
        (Fault.HALF, "hmm_local_other"),
        (Fault.RESET, "hmm_local_down"),
    ],
)
async def test_an_answer_that_makes_no_sense(
    home: HomeAssistant, local: SimulatedHmmLocal, fault: Fault, error: str
) -> None:
    """Each is told in words of its own, and can be tried again."""
    for name in ("Attic", "Bath", "Cellar"):
        local.add_miner(name, "bitaxe", "127.0.0.1")
    local.fault = fault
    form = await ask(home, local)
    assert form["errors"] == {"base": error}
    local.fault = None
    result = await fill(home, form, host=f"127.0.0.1:{local.port}")
    assert result["type"] is FlowResultType.SHOW_PROGRESS


async def test_nobody_is_there(home: HomeAssistant, local: SimulatedHmmLocal) -> None:
    """A computer that is off is told as such."""
    await local.unplug()
    form = await ask(home, local)
    assert form["errors"] == {"base": "hmm_local_down"}


@pytest.mark.parametrize("status", [500, 503, 401])
async def test_an_error_of_hmm_local(
    home: HomeAssistant, local: SimulatedHmmLocal, status: int
) -> None:
    """An error status is not taken for an empty list."""
    local.status = status
    form = await ask(home, local)
    assert form["errors"] == {"base": "hmm_local_failed"}


async def test_another_server(home: HomeAssistant) -> None:
    """A server without these lists is not HMM-Local."""
    async with Lamp() as lamp:
        form = await ask(home, f"127.0.0.1:{lamp.port}")
    assert form["errors"] == {"base": "hmm_local_other"}


class OtherServer(HttpDevice):
    """A server that has the paths of HMM-Local for lists of its own."""

    def __init__(self, miners: Any, pools: Any) -> None:
        """Make one on a free port."""
        super().__init__(name="other")
        self._lists = {"miners": miners, "pools": pools}

    @override
    def routes(self) -> dict[str, Handler]:
        return {
            "GET /api/miners/": lambda _: json_response(self._lists["miners"]),
            "GET /api/pools/": lambda _: json_response(self._lists["pools"]),
        }


@pytest.mark.parametrize(
    ("miners", "pools"),
    [
        ([{"id": 1, "name": "Thing"}], []),
        (["text"], []),
        ({"miners": []}, []),
        ([], [{"id": 1, "url": "http://somewhere"}]),
    ],
    ids=str,
)
async def test_lists_of_something_else(
    home: HomeAssistant, miners: Any, pools: Any
) -> None:
    """Another server may have the same paths."""
    async with OtherServer(miners, pools) as server:
        form = await ask(home, f"127.0.0.1:{server.port}")
    assert form["errors"] == {"base": "hmm_local_other"}


async def test_more_miners_than_anyone_has(home: HomeAssistant) -> None:
    """Each would be looked for: that is not how to scan a network."""
    row = {"miner_type": "bitaxe", "ip_address": "127.0.0.1"}
    async with OtherServer((MAX_ROWS + 1) * [row], []) as server:
        form = await ask(home, f"127.0.0.1:{server.port}")
    assert form["errors"] == {"base": "hmm_local_other"}


async def test_an_answer_without_end(
    home: HomeAssistant, local: SimulatedHmmLocal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more is read than a home can have."""
    monkeypatch.setattr(http, "MAX_ANSWER", 1000)
    for number in range(20):
        local.add_miner(f"Miner {number}", "bitaxe", "127.0.0.1")
    form = await ask(home, local)
    assert form["errors"] == {"base": "hmm_local_other"}


async def test_nothing_to_add(home: HomeAssistant, local: SimulatedHmmLocal) -> None:
    """An HMM-Local without anything is told as such."""
    form = await ask(home, local)
    assert form["step_id"] == "import_nothing"
    assert form["description_placeholders"] == {
        "host": f"127.0.0.1:{local.port}",
        "rest": "",
    }
    result = await fill(home, form)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "import_nothing"


# Miners


@pytest.mark.parametrize("port", ["usual", "own", "never used"])
async def test_a_miner_moves_over(
    home: HomeAssistant,
    local: SimulatedHmmLocal,
    bitaxe: SimulatedAxeOS,
    usual_ports: UsualPorts,
    port: str,
) -> None:
    """It keeps its name and what its owner says that it draws."""
    kept: int | None = bitaxe.port
    if port != "own":
        usual_ports.move(BitaxeDriver, bitaxe.port)
    if port == "never used":
        # The drivers of HMM-Local asked the usual port whatever was entered
        kept = await free_port()
    local.add_miner(
        "Garage",
        "bitaxe",
        "127.0.0.1",
        port=kept,
        manual_power_watts=15,
        config={"admin_password": "secret"},
    )
    form = await ask(home, local)
    assert form["step_id"] == "import_choose"
    assert form["description_placeholders"]["host"] == f"127.0.0.1:{local.port}"
    assert list(options(form, "miners").values()) == [
        "Garage (Bitaxe Gamma, 127.0.0.1)"
    ]
    assert "pools" not in form["data_schema"].schema

    assert (await fill(home, form, miners=[]))["step_id"] == "import_choose"
    result = await finish(home, form, miners=["0"])
    assert "next_flow" not in result
    entry = result["result"]
    assert entry.title == "Garage"
    assert entry.unique_id == bitaxe.mac.lower()
    assert entry.options == {"power_draw": 15.0}
    assert entry.data["port"] == (bitaxe.port if port == "own" else None)
    assert entry.state is ConfigEntryState.LOADED
    assert "secret" not in json.dumps(entry.as_dict(), default=str)


async def free_port() -> int:
    """Return a TCP port that nothing listens on."""
    async with Lamp() as lamp:
        return lamp.port


@pytest.fixture
def more_hosts(home: HomeAssistant) -> None:
    """Allow more addresses of this machine."""
    pytest_socket.socket_allow_hosts(["127.0.0.1", "127.0.0.2", "127.0.0.3"])


async def test_several_follow_one_another(
    home: HomeAssistant,
    local: SimulatedHmmLocal,
    bitaxe: SimulatedAxeOS,
    solopool: SimulatedSolopool,
    usual_ports: UsualPorts,
    more_hosts: None,
) -> None:
    """Miners are added at once, also one that was discovered; pools are shown first."""
    usual_ports.move(BitaxeDriver, bitaxe.port)
    async with (
        SimulatedAxeOS(name="two", host="127.0.0.2", port=bitaxe.port) as two,
        SimulatedAxeOS(name="three", host="127.0.0.3", port=bitaxe.port) as three,
    ):
        local.add_miner("Attic", "bitaxe", "127.0.0.1", port=80)
        local.add_miner("Bath", "bitaxe", "127.0.0.2", manual_power_watts=9000)
        local.add_miner("Cellar", "nerdqaxe", "127.0.0.3", enabled=False)
        add_solopool(local)
        # It announced itself before
        announced = await begin(
            home, SOURCE_INTEGRATION_DISCOVERY, {"host": "127.0.0.2"}
        )
        assert announced["step_id"] == "discovery_confirm"

        form = await ask(home, local)
        (miners_field, pools_field) = form["data_schema"].schema
        # Who was off in HMM-Local is not chosen by itself
        assert miners_field.default() == ["0", "1"]
        assert pools_field.default() == ["0"]
        result = await finish(home, form, miners=["0", "1", "2"], pools=["0"])
        assert result["title"] == "Attic"
        added = {
            entry.title: entry for entry in home.config_entries.async_entries(DOMAIN)
        }
        for title, device in (("Bath", two), ("Cellar", three)):
            assert added[title].unique_id == device.mac.lower()
            assert added[title].options == {}
        (waiting,) = queued(home)
        assert waiting["context"]["title_placeholders"] == {"name": "My DigiByte"}

        form = home.config_entries.flow.async_get(result["next_flow"][1])
        assert form["step_id"] == "pool_account"
        form = await show_again(home, form)
        assert "“My DigiByte” (" in form["description_placeholders"]["pool"]
        assert suggested(form, "wallet") == DEMO_WALLET
        result = await finish(home, form, wallet=suggested(form, "wallet"))
        assert result["title"] == "My DigiByte"
        assert "next_flow" not in result
        assert value(home, result["result"], "pool_hashrate") > 0
    assert not queued(home)


async def show_again(hass: HomeAssistant, flow: Result) -> Result:
    """Return the form of a flow that waits."""
    return with_texts(await hass.config_entries.flow.async_configure(flow["flow_id"]))


async def test_a_dialog_that_was_closed_does_not_follow(
    home: HomeAssistant,
    local: SimulatedHmmLocal,
    bitaxe: SimulatedAxeOS,
    solopool: SimulatedSolopool,
) -> None:
    """Nobody is led to a dialog that he has dealt with under discovered devices."""
    local.add_miner("A", "bitaxe", "127.0.0.1", port=bitaxe.port)
    add_solopool(local, "B")
    local.add_pool("C", "riddle.example", 3333, "me", pool_config=None)
    form = await ask(home, local)
    first = await fill(home, form, miners=["0"], pools=["0", "1"])
    flows = {
        flow["context"]["title_placeholders"]["name"]: flow for flow in queued(home)
    }
    home.config_entries.flow.async_abort(flows["C"]["flow_id"])
    assert first["next_flow"] == ("config_flow", flows["B"]["flow_id"])
    second = await fill(home, flows["B"], wallet=DEMO_WALLET)
    assert second["type"] is FlowResultType.CREATE_ENTRY
    assert "next_flow" not in second


async def test_an_import_while_another_one_waits(
    home: HomeAssistant,
    local: SimulatedHmmLocal,
    bitaxe: SimulatedAxeOS,
    solopool: SimulatedSolopool,
    usual_ports: UsualPorts,
    more_hosts: None,
) -> None:
    """A pool that waits is offered once, and what was added meanwhile not at all."""
    usual_ports.move(BitaxeDriver, bitaxe.port)
    async with SimulatedAxeOS(name="two", host="127.0.0.2", port=bitaxe.port):
        local.add_miner("Attic", "bitaxe", "127.0.0.1")
        local.add_miner("Bath", "bitaxe", "127.0.0.2")
        add_solopool(local)
        one, two = await ask(home, local), await ask(home, local)
        await fill(home, one, miners=["0", "1"], pools=["0"])
        assert len(queued(home)) == 2  # and the second dialog
        again = await fill(home, two, miners=["1", "0"], pools=["0"])
        assert again["reason"] == "already_configured"
        (flow,) = queued(home)
        assert flow["step_id"] == "pool_account"


async def test_a_miner_that_is_off(
    home: HomeAssistant, local: SimulatedHmmLocal, bitaxe: SimulatedAxeOS
) -> None:
    """It is told, not added; neither is what no driver can know."""
    local.add_miner("Garage", "bitaxe", "127.0.0.1", port=bitaxe.port)
    local.add_miner("Cellar", "avalon_nano", "127.0.0.1", port=4028)
    local.add_miner("Far", "bitaxe", "fd00::17")
    local.add_pool("No host", "", 3333, "me")
    local.add_pool("No port", "home.example", 0, "me")
    form = await ask(home, local)
    assert list(options(form, "miners").values()) == [
        "Garage (Bitaxe Gamma, 127.0.0.1)"
    ]
    assert "no driver supports them: Cellar (127.0.0.1)." in rest(form)
    assert rest(form).endswith(": Far (miner), No host (pool), No port (pool)")
    # Nor is nothing at all added
    form = await fill(home, form, miners=[])
    assert form["errors"] == {"base": "import_none_chosen"}


async def test_what_is_set_up_is_left_out(
    home: HomeAssistant,
    local: SimulatedHmmLocal,
    bitaxe: SimulatedAxeOS,
    solopool: SimulatedSolopool,
    usual_ports: UsualPorts,
) -> None:
    """A miner by its address or its MAC, a pool by its account."""
    usual_ports.move(BitaxeDriver, bitaxe.port)
    await fill(home, await choose(home, "miner"), host=f"127.0.0.1:{bitaxe.port}")
    local.add_miner("By its MAC", "bitaxe", "127.0.0.1", port=80)
    add_solopool(local)
    form = await ask(home, local)
    assert rest(form) == "\n\nAlready set up: By its MAC"
    assert set(form["data_schema"].schema) == {"pools"}
    form = await fill(home, form, pools=["0"])
    await fill(home, form, wallet=DEMO_WALLET)

    (entry,) = home.config_entries.async_entries(DOMAIN, include_ignore=False)[:1]
    home.config_entries.async_update_entry(entry, data={**entry.data, "port": None})
    bitaxe.counters.reset()
    local.miners.clear()
    local.add_miner("By its address", "bitaxe", "127.0.0.1", port=bitaxe.port)
    form = await ask(home, local)
    assert form["step_id"] == "import_nothing"
    assert rest(form).endswith(": By its address, My DigiByte")


async def test_miners_behind_a_router(
    home: HomeAssistant,
    local: SimulatedHmmLocal,
    bitaxe: SimulatedAxeOS,
    usual_ports: UsualPorts,
) -> None:
    """One that is off is not taken for another one at the same address."""
    usual_ports.move(BitaxeDriver, bitaxe.port)
    local.add_miner("First", "bitaxe", "127.0.0.1")
    local.add_miner("Off", "bitaxe", "127.0.0.1", port=await free_port())
    form = await ask(home, local)
    assert list(options(form, "miners")) == ["0"]
    assert ": Off (127.0.0.1)." in rest(form)


async def test_a_miner_that_broadcasts(
    home: HomeAssistant,
    local: SimulatedHmmLocal,
    bitaxe: SimulatedAxeOS,
    usual_ports: UsualPorts,
) -> None:
    """One that HMM-Local knew as NMMiner is listened for; its draw comes along."""
    port = discovery.BROADCAST_PORT
    async with SimulatedNMMiner(target=("127.0.0.1", port), interval=0.05):
        local.add_miner(
            "Lottery", "nmminer", "127.0.0.1", port=port, manual_power_watts=1
        )
        form = await ask(home, local)
        result = await finish(home, form, miners=["0"])
        assert result["result"].data["driver"] == "nmminer"
        assert result["result"].options == {"power_draw": 1.0}


async def test_two_kinds_at_one_address(
    home: HomeAssistant,
    local: SimulatedHmmLocal,
    bitaxe: SimulatedAxeOS,
    usual_ports: UsualPorts,
) -> None:
    """Where two drivers know it, its owner is asked as ever."""
    usual_ports.move(BitaxeDriver, bitaxe.port)
    async with SimulatedAvalon() as avalon:
        usual_ports.move(AvalonNanoDriver, avalon.port)
        local.add_miner("Both", "avalon_nano", "127.0.0.1")
        form = await fill(home, await ask(home, local), miners=["0"])
        assert form["step_id"] == "driver"
        result = await fill(home, form, driver="avalon_nano")
    assert result["title"] == "Both"
    assert result["result"].data["driver"] == "avalon_nano"


# Pools


async def test_a_pool_with_a_key(
    home: HomeAssistant,
    local: SimulatedHmmLocal,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The token is used and shown nowhere: in no form and in no log."""
    caplog.set_level(logging.DEBUG)
    local.add_pool(
        "Braiins",
        "eu.stratum.braiins.com",
        3333,
        "secretive.rig",
        pool_config={"driver": "braiins", "api_token": "s3cr3t-t0ken", "coin": None},
    )
    form = await fill(home, await ask(home, local), pools=["0"])
    assert form["step_id"] == "pool_account"
    schema = form["data_schema"].schema
    assert set(schema) == {"api_token", "keep_secrets"}
    assert suggested(form, "api_token") is None
    asked: list[Any] = []

    async def refuse(self: Any, *args: Any, **kwargs: Any) -> None:
        asked.append(kwargs["api_token"])
        raise AuthRequired("No")

    monkeypatch.setattr(BraiinsDriver, "get_dashboard_data", refuse)
    form = await fill(home, form)
    assert form["errors"] == {"api_token": "pool_key_refused"}
    assert asked == ["s3cr3t-t0ken"]
    log = caplog.text
    assert "s3cr3t-t0ken" not in log
    assert "secretive" not in log


async def test_a_pool_of_ones_own(
    home: HomeAssistant, local: SimulatedHmmLocal
) -> None:
    """A server that does not answer is what HMM-Local took it for."""
    local.add_pool(
        "Cellar pool",
        "localhost",
        3333,
        "worker",
        pool_config={
            "driver": "ckpool",
            "coin": "btc",
            "wallet": "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
            "api_base_url": "http://127.0.0.1:3001",
            "show": [1],
        },
    )
    form = await fill(home, await ask(home, local), pools=["0"])
    assert form["step_id"] == "pool_account"
    assert suggested(form, "api_base") == "http://127.0.0.1:3001"
    account = "wallet" if "wallet" in form["data_schema"].schema else "username"
    assert suggested(form, account) == "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"


async def test_a_pool_that_nobody_knows(
    home: HomeAssistant, local: SimulatedHmmLocal
) -> None:
    """Its owner is asked what it is, as if he had typed the host."""
    local.add_pool("Riddle", "riddle.example", 3333, "me", pool_config=None)
    menu = await fill(home, await ask(home, local), pools=["0"])
    assert menu["step_id"] == "pool_unsupported"
    assert menu["description_placeholders"]["host"] == "riddle.example:3333"


# Tuning profiles


@pytest.fixture
async def tuned(
    home: HomeAssistant,
    local: SimulatedHmmLocal,
    bitaxe: SimulatedAxeOS,
    every_entity: None,
) -> ConfigEntry[Any]:
    """Return a Bitaxe that is set up beside an HMM-Local with profiles."""
    form = await choose(home, "miner")
    result = await fill(home, form, host=f"127.0.0.1:{bitaxe.port}")
    entry: ConfigEntry[Any] = result["result"]
    return entry


def settings(entry: ConfigEntry[Any]) -> dict[str, dict[str, Any]]:
    """Return the profiles that a miner has, by name."""
    return {
        profile.name: profile.settings for profile in entry.runtime_data.tuning.profiles
    }


async def test_profiles_arrive_as_profiles(
    home: HomeAssistant,
    local: SimulatedHmmLocal,
    bitaxe: SimulatedAxeOS,
    tuned: ConfigEntry[Any],
) -> None:
    """Of each there is what the miner can be set to, never the supply's voltage."""
    local.add_profile('The "best" | of all', "bitaxe", frequency=490, voltage=1100)
    local.add_profile("Saved", "bitaxe", frequency=525.0, voltage=5128.75)
    local.add_profile("Unlisted", "bitaxe", frequency=525, voltage=1111)
    local.add_profile("Mad", "bitaxe", frequency=5000, voltage=1150)
    local.add_profile("Eco", "bitaxe", frequency=400)
    local.add_profile("Only volts", "bitaxe", voltage=1100)
    local.add_profile("Other", "nerdqaxe", frequency=600)
    local.add_profile("Nothing", "bitaxe")
    local.add_profile("x" * 10_000, "bitaxe", frequency=500)
    local.profiles.append({**local.profiles[0], "name": "Broken", "settings": None})
    local.add_miner("Garage", "bitaxe", "127.0.0.1", port=bitaxe.port)

    menu = await ask(home, local)
    assert menu["step_id"] == "import_menu"
    assert menu["menu_options"] == ["import_profiles"]
    assert "Already set up: Garage" in rest(menu)
    assert rest(menu).endswith(": Broken (profile), Nothing (profile)")
    form = await fill(home, menu, next_step_id="import_profiles")
    rows = form["description_placeholders"]["profiles"].splitlines()
    assert "| Saved | bitaxe | 525 MHz | – | – |" in rows
    assert '| The "best" \\| of all | bitaxe | 490 MHz | 1100 mV | – |' in rows
    assert settings(tuned) == {}

    result = await fill(home, form)
    assert result["reason"] == "profiles_taken_over"
    assert settings(tuned) == {
        "Saved": {"frequency": 525},
        'The "best" | of all': {"frequency": 490, "core_voltage": 1100},
        "Unlisted": {"frequency": 525},
    } | {name: it for name, it in settings(tuned).items() if name.startswith("x")}
    assert bitaxe.writes == []

    # They are profiles as any other: one that is deleted stays so
    tuning = tuned.runtime_data.tuning
    tuning.delete(tuning.find("Saved"))
    await tuned.runtime_data.async_refresh()
    assert "Saved" not in settings(tuned)
    await tuning.async_choose('The "best" | of all')
    assert bitaxe.miner is not None
    assert (bitaxe.miner.frequency, bitaxe.miner.voltage) == (490, 1100)


async def test_a_profile_of_modes(
    home: HomeAssistant, local: SimulatedHmmLocal
) -> None:
    """An Avalon has modes, some of which HMM-Local called otherwise."""
    async with SimulatedAvalon(model="nano3s") as avalon:
        entry = await set_up(home, miner_entry(avalon, "avalon_nano"))
        local.add_profile("Day", "avalon_nano", mode="med")
        local.add_profile("Night", "avalon_nano", mode="low")
        local.add_profile("Party", "avalon_nano", mode="insane")
        menu = await ask(home, local)
        await fill(home, await fill(home, menu, next_step_id="import_profiles"))
    assert settings(entry) == {"Day": {"mode": "medium"}, "Night": {"mode": "low"}}


async def test_profiles_before_the_miners(
    home: HomeAssistant,
    local: SimulatedHmmLocal,
    bitaxe: SimulatedAxeOS,
) -> None:
    """They wait for the miners, which are what is left to do."""
    local.add_profile("Quiet", "bitaxe", frequency=490)
    local.add_miner("Garage", "bitaxe", "127.0.0.1", port=bitaxe.port)
    menu = await ask(home, local)
    assert menu["menu_options"] == ["import_choose", "import_profiles"]
    form = await fill(home, menu, next_step_id="import_profiles")
    menu = await fill(home, form)
    assert "The tuning profiles are taken over." in rest(menu)
    assert menu["menu_options"] == ["import_choose"]
    form = await fill(home, menu, next_step_id="import_choose")
    result = await fill(home, form, miners=["0"])
    assert result["title"] == "Garage"
    assert settings(result["result"])["Quiet"] == {"frequency": 490}


async def test_a_version_without_profiles(
    home: HomeAssistant, local: SimulatedHmmLocal, bitaxe: SimulatedAxeOS
) -> None:
    """They are not missed."""
    local.generation = "2025-12"
    local.has_profiles = False
    local.add_miner("Garage", "bitaxe", "127.0.0.1", port=bitaxe.port)
    form = await ask(home, local)
    assert form["step_id"] == "import_choose"
