"""Adding pool accounts, and changing them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from hashlib import sha256
import os
from pathlib import Path
import re
from typing import Any

from homeassistant.config_entries import (
    SOURCE_REAUTH,
    ConfigEntry,
    ConfigEntryDisabler,
    ConfigEntryState,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.hmm.bundled.pool_drivers.mmfp_driver import MmfpDriver
from custom_components.hmm.bundled.shared import ckpool_stack
from custom_components.hmm.bundled.shared.ckpool_stack import StackPorts
from custom_components.hmm.const import DOMAIN
from custom_components.hmm.data import get_data
from custom_components.hmm.driver_api import PoolSlot
from custom_components.hmm.pool.form import TRANSLATED_SETTINGS, read_form
from simulator import SimulatedAxeOS, SimulatedSolopool
from simulator.braiins import DEMO_KEY, DEMO_USER, SimulatedBraiins
from simulator.mmfp import SimulatedGoSlimStratum
from simulator.solopool import DEMO_WALLET
from simulator.stack import SimulatedStack
from tests.common import find_id, pool_entry, value
from tests.conftest import miner_entry, set_up
from tests.flows import (
    TEXTS,
    Result,
    choose,
    fill,
    finish,
    options,
    reconfigure,
    suggested,
    with_texts,
)
from tests.pool_files import file, pool_file

pytestmark = pytest.mark.usefixtures("usual_ports", "nobody_at_home")

OTHER_WALLET = "dgb1qda6xsetjypjhsctdwpkx2gfpyysjzgfphl8kfa"
BITCOIN_WALLET = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"


def fields(result: Result) -> set[str]:
    """Return the fields of a form."""
    return {str(field) for field in result["data_schema"].schema}


def required(result: Result) -> set[str]:
    """Return the fields that must be filled in."""
    schema = result["data_schema"].schema
    return {str(field) for field in schema if type(field).__name__ == "Required"}


async def to_list(hass: HomeAssistant, name: str) -> Result:
    """Choose a pool of the list."""
    form = await choose(hass, "pool", "pool_list")
    assert form["step_id"] == "pool_list"
    return await fill(hass, form, pool=name)


async def to_account(hass: HomeAssistant, region: str = "dgb-home") -> Result:
    """Go through the steps of a pool up to the wallet."""
    form = await to_list(hass, "Solopool.org · DGB")
    assert form["step_id"] == "pool_region"
    form = await fill(hass, form, region=region)
    assert form["step_id"] == "pool_account"
    return form


async def type_host(hass: HomeAssistant, host: str) -> Result:
    """Type the address of a pool."""
    form = await choose(hass, "pool", "pool_host")
    assert form["step_id"] == "pool_host"
    return await fill(hass, form, host=host)


# From the list


async def test_a_driver_whose_name_is_no_text(
    home: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a driver of the user with such a name, then the list shows its type."""
    await choose(home, "pool", "pool_list")
    driver = get_data(home).drivers.pools["solopool"].driver_class
    monkeypatch.setattr(driver, "display_name", 5)
    form = await choose(home, "pool", "pool_list")
    assert "solopool · DGB" in options(form, "pool").values()


async def test_drivers_are_reloaded_while_a_dialog_is_open(
    home: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a pool whose driver is gone by now, then the dialog says so, and goes on."""
    form = await choose(home, "pool", "pool_list")
    data = get_data(home)
    for key, pool in tuple(data.known_pools.pools.items()):
        if pool.driver_type == "solopool":
            monkeypatch.delitem(data.known_pools.pools, key)
    form = await fill(home, form, pool="Solopool.org · DGB")
    assert form["step_id"] == "pool_list"
    assert "Solopool.org · DGB" not in options(form, "pool")

    menu = await type_host(home, "pool.example")
    form = await fill(home, menu, next_step_id="pool_kind")
    form = await fill(home, form, driver="mmfp")
    assert form["step_id"] == "pool_coin"
    monkeypatch.delitem(data.drivers.pools, "mmfp")
    result = await fill(home, form, coin="DGB")
    assert result["reason"] == "pool_driver_fault"


@pytest.mark.parametrize("generation", [1, 2])
async def test_a_pool_is_added(
    home: HomeAssistant, hmm_folder: Path, generation: Any
) -> None:
    """Pool and coin, then the region, then the wallet."""
    async with SimulatedSolopool(generation=generation) as pool:
        pool_file(hmm_folder, pool, "dgb-home")
        form = await choose(home, "pool", "pool_list")
        # Without a suggestion the frontend would take the first one
        assert suggested(form, "pool") == ""
        groups = list(options(form, "pool").values())
        assert groups == sorted(groups, key=str.casefold)
        assert {f"Solopool.org · {coin}" for coin in ("BC2", "BCH", "BTC", "DGB")} <= {
            *groups
        }
        form = await fill(home, form, pool="Solopool.org · DGB")
        assert options(form, "region") == {
            "solopool-dgb-eu1": "EU1 (eu1.solopool.org)",
            "solopool-dgb-us1": "US1 (us1.solopool.org)",
            "dgb-home": "Home (home.example)",
        }
        form = await fill(home, form, region="dgb-home")
        assert form["description_placeholders"]["pool"] == "Solopool.org DGB (Home)"

        # As it stands in the miner: with the worker, in capitals
        wallet = f"{DEMO_WALLET.upper()}.gamma"
        result = await finish(home, form, wallet=wallet)
        entry = result["result"]
        assert entry.title == "Solopool.org DGB"
        # Ids are logged here and there: the wallet cannot be read from it
        assert entry.unique_id is not None
        assert re.fullmatch(r"solopool_dgb_[0-9a-f]{16}", entry.unique_id)
        # Entries of version 0.1 keep their entities
        own = f"{DEMO_WALLET} http://127.0.0.1:{pool.port}/api"
        assert entry.unique_id[-16:] == sha256(own.encode()).hexdigest()[:16]
        assert entry.data == {
            "entry_type": "pool",
            "driver": "solopool",
            "coin": "DGB",
            "wallet": DEMO_WALLET,
            "host": "home.example",
            "port": 8004,
            "pool_settings": {"api_base": f"http://127.0.0.1:{pool.port}/api"},
            "account_settings": {},
        }
        assert entry.state is ConfigEntryState.LOADED
        assert value(home, entry, "pool_hashrate") > 0


async def test_a_pool_with_one_region(home: HomeAssistant, hmm_folder: Path) -> None:
    """Where there is no choice of a region, none is asked for."""
    async with SimulatedSolopool(coin="btc", wallets={BITCOIN_WALLET: {}}) as pool:
        # A file of the user replaces the bundled one of its name
        pool_file(hmm_folder, pool, "solopool-btc-eu3")
        form = await to_list(home, "Solopool.org · BTC")
        assert form["step_id"] == "pool_account"
        result = await finish(home, form, wallet=BITCOIN_WALLET)
        assert result["title"] == "Solopool.org BTC"


@pytest.mark.parametrize(
    ("wallet", "error"),
    [
        (BITCOIN_WALLET, "pool_wallet_other_coin"),
        ("dgb1", "pool_wallet_checksum"),
        (DEMO_WALLET.replace("q", "p"), "pool_wallet_checksum"),
        (f"{DEMO_WALLET[:-1]}.gamma", "pool_wallet_checksum"),
        ("my wallet", "pool_wallet_invalid"),
        ("", "pool_wallet_invalid"),
        (DEMO_WALLET[:10] + "é", "pool_wallet_invalid"),
    ],
)
async def test_a_wallet_that_cannot_be_right(
    home: HomeAssistant, hmm_folder: Path, wallet: str, error: str
) -> None:
    """A wallet that cannot be right is refused before the pool is asked."""
    async with SimulatedSolopool() as pool:
        pool_file(hmm_folder, pool, "dgb-home")
        result = await fill(home, await to_account(home), wallet=wallet)
        assert result["type"] is FlowResultType.FORM
        assert result["errors"] == {"wallet": error}
        assert "wallet_confirmed" not in fields(result)
        assert pool.counters.requests == 0

        result = await finish(home, result, wallet=DEMO_WALLET)


async def test_a_wallet_that_cannot_be_checked(
    home: HomeAssistant, hmm_folder: Path
) -> None:
    """A form that HMM does not know is a warning: the user may know better."""
    async with SimulatedSolopool(wallets={"satoshi": {"axe": 1e12}}) as pool:
        pool_file(hmm_folder, pool, "dgb-home")
        form = await to_account(home)
        assert "wallet_confirmed" not in fields(form)
        form = await fill(home, form, wallet="satoshi.axe")
        assert form["errors"] == {"wallet": "wallet_uncertain"}
        assert suggested(form, "wallet") == "satoshi.axe"
        form = await fill(home, form, wallet="satoshi.axe", wallet_confirmed=False)
        assert form["errors"] == {"wallet": "wallet_uncertain"}
        # Nobody can confirm what is wrong
        form = await fill(home, form, wallet=DEMO_WALLET[:-1], wallet_confirmed=True)
        assert form["errors"] == {"wallet": "pool_wallet_checksum"}
        assert pool.counters.requests == 0

        result = await finish(home, form, wallet="satoshi.axe", wallet_confirmed=True)
        assert result["data"]["wallet"] == "satoshi"
        assert "wallet_confirmed" not in str(result["data"])


@pytest.mark.parametrize(
    ("wallet", "errors"),
    [
        (DEMO_WALLET, {}),
        (DEMO_WALLET[:-1], {"wallet": "pool_wallet_checksum"}),
        (BITCOIN_WALLET, {"wallet": "pool_wallet_other_coin"}),
        ("satoshi", {"wallet": "wallet_uncertain"}),
    ],
)
async def test_a_wallet_of_a_file_is_checked(
    home: HomeAssistant, hmm_folder: Path, wallet: str, errors: dict[str, str]
) -> None:
    """What stands in config.yaml is filled in with a warning if it is not right."""
    (hmm_folder / "config.yaml").write_text(f"wallets: {{dgb: {wallet}}}\n")
    async with SimulatedSolopool() as pool:
        pool_file(hmm_folder, pool, "dgb-home")
        form = await to_account(home)
        assert suggested(form, "wallet") == wallet
        assert form["errors"] == errors
        assert ("wallet_confirmed" in fields(form)) == (wallet == "satoshi")


@pytest.mark.parametrize(
    ("status", "key"),
    [
        (404, "pool_no_statistics"),
        (500, "pool_server_error"),
        (502, "pool_server_error"),
        (None, "pool_refused"),
    ],
)
async def test_a_pool_that_is_down(
    home: HomeAssistant, hmm_folder: Path, status: int | None, key: str
) -> None:
    """A pool that fails is not added; it can be tried again in the same dialog."""
    async with SimulatedSolopool() as pool:
        pool_file(hmm_folder, pool, "dgb-home")
        form = await to_account(home)
        pool.status = status
        if status is None:
            await pool.unplug()
        result = await fill(home, form, wallet=DEMO_WALLET)
        assert result["type"] is FlowResultType.FORM
        assert result["errors"] == {"base": key}
        assert result["description_placeholders"].get("status") in (None, str(status))
        assert suggested(result, "wallet") == DEMO_WALLET

        pool.status = None
        await pool.plug_in()
        result = await finish(home, result, wallet=DEMO_WALLET)


@pytest.mark.parametrize("answer", ["missing", "empty", "zeros"])
async def test_a_wallet_that_the_pool_does_not_know_yet(
    home: HomeAssistant, hmm_folder: Path, answer: Any
) -> None:
    """Pools know a wallet after its first share only, so it is added anyway."""
    async with SimulatedSolopool() as pool:
        pool.unknown_address = answer
        pool_file(hmm_folder, pool, "dgb-home")
        result = await finish(home, await to_account(home), wallet=OTHER_WALLET)
        assert result["result"].state is ConfigEntryState.LOADED


async def test_pool_accounts_are_not_added_twice(
    home: HomeAssistant, hmm_folder: Path
) -> None:
    """One wallet is one account, at whichever server; another wallet is another."""
    async with SimulatedSolopool() as pool:
        pool_file(hmm_folder, pool, "dgb-home")
        pool_file(hmm_folder, pool, "dgb-away", "Away")
        first = await fill(home, await to_account(home), wallet=DEMO_WALLET)
        again = await fill(home, await to_account(home, "dgb-away"), wallet=DEMO_WALLET)
        assert again["type"] is FlowResultType.ABORT
        assert again["reason"] == "already_configured"
        assert again["description_placeholders"] == {"name": first["title"]}
        assert first["result"].data["host"] == "home.example"

        other = await finish(home, await to_account(home), wallet=OTHER_WALLET)
        assert other["title"] == "Solopool.org DGB 2"


# By the address


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ("", "pool_address_invalid"),
        ("my pool", "pool_address_invalid"),
        ("[fd00::1]:3333", "address_ipv6"),
        ("pool.example:0", "address_port"),
        ("pool.example:stratum", "address_port"),
    ],
)
async def test_what_is_no_address_of_a_pool(
    home: HomeAssistant, typed: str, error: str
) -> None:
    """It is said what is wrong, and what was typed is still there."""
    form = await type_host(home, typed)
    assert form["errors"] == {"host": error}
    assert suggested(form, "host") == typed


@pytest.mark.parametrize(
    "typed", ["home.example:8004", "stratum+tcp://HOME.example:8004", "home.example"]
)
async def test_a_known_pool_by_its_address(
    home: HomeAssistant, hmm_folder: Path, typed: str
) -> None:
    """The whole host tells which pool it is; there is only the wallet to ask for."""
    async with SimulatedSolopool() as pool:
        pool_file(hmm_folder, pool, "dgb-home")
        form = await type_host(home, typed)
        assert form["step_id"] == "pool_account"
        assert form["description_placeholders"]["pool"] == "Solopool.org DGB (Home)"
        assert fields(form) == {"wallet"}
        result = await fill(home, form, wallet=DEMO_WALLET)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["result"].data["host"] == "home.example"
    assert result["result"].data["port"] == 8004


async def test_two_pools_at_one_address(home: HomeAssistant, hmm_folder: Path) -> None:
    """Where two fit, the user chooses."""
    async with SimulatedSolopool() as one, SimulatedSolopool() as two:
        pool_file(hmm_folder, one, "one")
        pool_file(hmm_folder, two, "two")
        form = await type_host(home, "home.example:8004")
        assert form["step_id"] == "pool_match"
        assert form["description_placeholders"]["host"] == "home.example:8004"
        # Of one name: what the driver is told makes the difference
        assert options(form, "pool") == {
            str(number): (f"Solopool.org DGB (Home) (http://127.0.0.1:{pool.port}/api)")
            for number, pool in enumerate((one, two))
        }
        form = await fill(home, form, pool="1")
        result = await fill(home, form, wallet=DEMO_WALLET)
        assert two.counters.requests > 0
        assert one.counters.requests == 0
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_an_address_that_nobody_knows(home: HomeAssistant) -> None:
    """Another address can be typed, or the kind of pool be chosen by hand."""
    async with SimulatedGoSlimStratum() as server:
        menu = await type_host(home, "pool.example")
        assert menu["step_id"] == "pool_unsupported"
        assert menu["description_placeholders"]["host"] == "pool.example"
        form = await fill(home, menu, next_step_id="pool_host")
        assert suggested(form, "host") == "pool.example"
        menu = await fill(home, form, host="127.0.0.1:3333")
        assert menu["description_placeholders"]["host"] == "127.0.0.1:3333"

        form = await fill(home, menu, next_step_id="pool_kind")
        assert suggested(form, "driver") == ""
        names = list(options(form, "driver").values())
        assert names == sorted(names, key=str.casefold)
        form = await fill(home, form, driver="mmfp")
        assert form["step_id"] == "pool_coin"
        assert suggested(form, "coin") == ""
        assert form["description_placeholders"]["pool"] == "MMFP Solutions"
        assert options(form, "coin")["DGB"] == "DigiByte (DGB)"
        form = await fill(home, form, coin="DGB")
        assert form["step_id"] == "pool_account"
        assert form["description_placeholders"]["pool"] == "MMFP Solutions · DGB"
        assert fields(form) == {"wallet", "api_port", "api_key", "pool_key"}
        result = await finish(home, form, wallet=DEMO_WALLET, api_port=server.port)
        entry = result["result"]
        assert entry.data["host"] == "127.0.0.1"
        assert entry.data["port"] == 3333
        assert entry.data["coin"] == "DGB"
        assert value(home, entry, "pool_hashrate") > 0


async def test_a_kind_by_hand_without_a_port(home: HomeAssistant) -> None:
    """A port that was not typed has the usual one; the only coin is not asked for."""
    menu = await type_host(home, "stack.example")
    form = await fill(home, menu, next_step_id="pool_kind")
    form = await fill(home, form, driver="dgb_stack")
    assert form["step_id"] == "pool_account"
    assert fields(form) == {"host", "port", "manager_port"}
    assert suggested(form, "host") == "stack.example"
    assert suggested(form, "port") == 3335


# Servers of one's own


@pytest.fixture
async def stack(
    home: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[SimulatedStack]:
    """Run a DGB stack whose manager is at the port where drivers look for it."""
    async with SimulatedStack() as stack:
        monkeypatch.setitem(
            ckpool_stack.STACKS,
            "DGB",
            StackPorts(stack.stratum.port, stack.port),
        )
        yield stack


async def test_a_server_of_ones_own_from_the_list(
    home: HomeAssistant, stack: SimulatedStack
) -> None:
    """Its host is asked for; it needs no account."""
    form = await to_list(home, "DGB stack")
    assert form["step_id"] == "pool_account"
    assert form["description_placeholders"]["pool"] == "DGB stack (own server)"
    assert fields(form) == {"host", "port", "manager_port"}
    assert required(form) == {"host", "port"}
    assert suggested(form, "port") == stack.stratum.port
    for host, error in (("a b", "pool_address_invalid"), ("a:0", "address_port")):
        form = await fill(home, form, host=host, port=1, manager_port=8085)
        assert form["errors"] == {"host": error}
        assert suggested(form, "host") == host
        assert suggested(form, "port") == 1
        assert suggested(form, "manager_port") == 8085

    # A port behind the host says more than the field that was filled in before
    result = await fill(
        home,
        form,
        host=f"127.0.0.1:{stack.stratum.port}",
        port=1,
        manager_port=stack.port,
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    entry = result["result"]
    assert entry.title == "DGB stack"
    assert entry.data == {
        "entry_type": "pool",
        "driver": "dgb_stack",
        "coin": "DGB",
        "wallet": "",
        "host": "127.0.0.1",
        "port": stack.stratum.port,
        "pool_settings": {},
        "account_settings": {"manager_port": stack.port},
    }
    assert type(entry.data["port"]) is int
    assert type(entry.data["account_settings"]["manager_port"]) is int
    assert re.fullmatch(r"dgb_stack_dgb_[0-9a-f]{16}", entry.unique_id)
    assert entry.state is ConfigEntryState.LOADED
    assert value(home, entry, "pool_hashrate") > 0


async def test_a_stack_is_found_out(home: HomeAssistant, stack: SimulatedStack) -> None:
    """A host at home is asked what it is; then nothing is left to ask for."""
    form = await type_host(home, "127.0.0.1")
    assert form["step_id"] == "pool_account"
    assert fields(form) == set()
    result = await finish(home, form)
    data = result["result"].data
    assert data["port"] == stack.stratum.port
    assert data["pool_settings"] == {"manager_port": stack.port}
    assert data["account_settings"] == {}
    assert stack.posts == stack.secrets_read == 0

    form = await type_host(home, f"127.0.0.1:{stack.stratum.port}")
    again = await fill(home, form)
    assert again["reason"] == "already_configured"


async def test_a_server_with_several_coins(
    home: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user chooses between what was found; the wallet may be left out."""
    async with SimulatedGoSlimStratum(
        accounts={"dgb": {DEMO_WALLET: {"bitaxe": 1e12}}, "bch": {}}
    ) as server:
        monkeypatch.setattr(MmfpDriver, "gss_port", server.port)
        form = await type_host(home, "127.0.0.1:3333")
        assert form["step_id"] == "pool_match"
        names = options(form, "pool")
        assert len(names) == 2
        choice = next(key for key, name in names.items() if "DGB" in name)
        form = await fill(home, form, pool=choice)
        assert fields(form) == {"wallet", "api_key", "pool_key"}
        assert required(form) == set()

        form = await fill(home, form, wallet=BITCOIN_WALLET, pool_key="DGB")
        assert form["errors"] == {"wallet": "pool_wallet_other_coin"}
        assert suggested(form, "wallet") == BITCOIN_WALLET
        assert suggested(form, "pool_key") == "DGB"
        result = await finish(home, form)
        assert result["result"].data["wallet"] == ""
        assert result["result"].data["account_settings"] == {}

        # All that the server counts is another account than one wallet of it
        form = await fill(home, await type_host(home, "127.0.0.1:3333"), pool=choice)
        mine = await finish(home, form, wallet=DEMO_WALLET)
        assert mine["result"].unique_id != result["result"].unique_id


# Pools that one's own miners mine at


def mine_at(device: SimulatedAxeOS, *pools: tuple[str, int, str]) -> None:
    """Let a miner have these pools."""
    for slot, (host, port, user) in enumerate(pools):
        device.pools[slot].update(
            {"stratumURL": host, "stratumPort": port, "stratumUser": user}
        )
    device.booted_pools = (device.pools[0], device.pools[1])


async def test_pools_of_ones_own_miners(
    home: HomeAssistant, hmm_folder: Path, bitaxe: SimulatedAxeOS
) -> None:
    """The pools of the miners are offered, with the wallet that they mine to."""
    async with SimulatedSolopool() as pool, SimulatedAxeOS(name="other") as other:
        pool_file(hmm_folder, pool, "dgb-home")
        pool_file(hmm_folder, pool, "dgb-away", "Away")
        at_home = ("home.example", 8004, f"{DEMO_WALLET}.gamma")
        mine_at(bitaxe, at_home, ("nobody.example", 1234, "me.gamma"))
        mine_at(other, at_home, ("away.example", 8004, f"{DEMO_WALLET.upper()}.x"))
        await set_up(home, miner_entry(bitaxe, "bitaxe"))
        await set_up(home, miner_entry(other, "bitaxe", title="Bitaxe 2"))
        short = f"{DEMO_WALLET[:6]}…{DEMO_WALLET[-4:]}"

        menu = await choose(home, "pool")
        assert menu["menu_options"] == ["pool_mined", "pool_list", "pool_host"]
        form = await fill(home, menu, next_step_id="pool_mined")
        assert list(options(form, "pool").values()) == [
            f"Solopool.org · DGB (home.example:8004) · {short} · Bitaxe, Bitaxe 2",
            "nobody.example:1234 · me · Bitaxe",
            f"Solopool.org · DGB (away.example:8004) · {short.upper()} · Bitaxe 2",
        ]
        form = await fill(home, form, pool="0")
        assert form["step_id"] == "pool_account"
        assert suggested(form, "wallet") == DEMO_WALLET
        await finish(home, form, wallet=DEMO_WALLET)

        # The same account at another server is set up with that
        form = await choose(home, "pool", "pool_mined")
        assert list(options(form, "pool").values()) == [
            "nobody.example:1234 · me · Bitaxe"
        ]
        menu = await fill(home, form, pool="0")
        assert menu["step_id"] == "pool_unsupported"
        assert menu["description_placeholders"]["host"] == "nobody.example:1234"
        form = await fill(home, menu, next_step_id="pool_host")
        assert suggested(form, "host") == "nobody.example:1234"


async def test_many_miners_with_a_mistyped_wallet(
    home: HomeAssistant, hmm_folder: Path
) -> None:
    """Three of them are named, the others counted; the form names the mistake."""
    mistyped = f"{DEMO_WALLET[:-1]}{'q' if DEMO_WALLET[-1] != 'q' else 'p'}"
    async with AsyncExitStack() as stack:
        pool_file(hmm_folder, await stack.enter_async_context(SimulatedSolopool()), "a")
        for number in range(5):
            miner = await stack.enter_async_context(SimulatedAxeOS(name=f"{number}"))
            mine_at(miner, *[("home.example", 8004, f"{mistyped}.x")] * 2)
            await set_up(home, miner_entry(miner, "bitaxe", title=f"Miner {number}"))
        form = await choose(home, "pool", "pool_mined")
        assert list(options(form, "pool").values()) == [
            (
                f"Solopool.org · DGB (home.example:8004) · {mistyped[:6]}…{mistyped[-4:]}"
                " · Miner 0, Miner 1, Miner 2 +2"
            )
        ]
        form = await fill(home, form, pool="0")
        assert form["step_id"] == "pool_account"
        assert suggested(form, "wallet") == mistyped
        form = await fill(home, form, wallet=mistyped)
        assert form["errors"] == {"wallet": "pool_wallet_checksum"}


async def test_nothing_is_offered_twice(
    home: HomeAssistant, hmm_folder: Path, bitaxe: SimulatedAxeOS
) -> None:
    """Where all pools of the miners turn out to be set up, it is said so."""
    async with SimulatedSolopool() as pool:
        pool_file(hmm_folder, pool, "dgb-home")
        pool_file(hmm_folder, pool, "dgb-away", "Away")
        at_home = ("home.example", 8004, f"{DEMO_WALLET}.gamma")
        mine_at(bitaxe, at_home, at_home)
        await set_up(home, miner_entry(bitaxe, "bitaxe"))
        await fill(home, await to_account(home, "dgb-away"), wallet=DEMO_WALLET)
        result = await choose(home, "pool", "pool_mined")
        assert result["reason"] == "no_mined_pools"

        # The very server is not even looked at
        await fill(home, await to_account(home), wallet=OTHER_WALLET)
        (first, second) = pools(home)
        home.config_entries.async_update_entry(
            first, data={**first.data, "host": "home.example"}
        )
        assert second.data["host"] == "home.example"
        menu = await choose(home, "pool")
        assert menu["menu_options"] == ["pool_list", "pool_host"]


async def test_a_miner_without_an_answer_or_address(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """A miner that is off, or has an odd pool, keeps the others from nothing."""
    async with SimulatedAxeOS(name="off") as off:
        odd = (await set_up(home, miner_entry(bitaxe, "bitaxe"))).runtime_data
        odd.data = replace(
            odd.data,
            pools=(
                PoolSlot(index=0, url="a b:3333", user="me"),
                PoolSlot(index=1, url="pool.example", user="me"),
            ),
        )
        entry = miner_entry(off, "bitaxe", data={"profile": {"facts": {}}})
        await off.unplug()
        await set_up(home, entry)
        menu = await choose(home, "pool")
    assert menu["menu_options"] == ["pool_list", "pool_host"]


async def test_a_mined_pool_with_a_key(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """The user of a pool that goes by keys is no wallet and not shown."""
    braiins = ("eu.stratum.braiins.com", 3333, "example-miner.gamma")
    mine_at(bitaxe, braiins, braiins)
    await set_up(home, miner_entry(bitaxe, "bitaxe"))
    form = await choose(home, "pool", "pool_mined")
    assert list(options(form, "pool").values()) == [
        "Braiins Pool · BTC (eu.stratum.braiins.com:3333) · Bitaxe"
    ]
    form = await fill(home, form, pool="0")
    assert fields(form) == {"api_token"}


async def test_accounts_of_keys_are_not_offered_twice(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, braiins: SimulatedBraiins
) -> None:
    """Whose key is set up is known by the user name in the miners."""
    file = ("braiins.braiins.example", 3333)
    mine_at(bitaxe, (*file, f"{DEMO_USER}.gamma"), (*file, "alice.gamma"))
    await set_up(home, miner_entry(bitaxe, "bitaxe"))
    await add_braiins(home)
    form = await choose(home, "pool", "pool_mined")
    assert len(options(form, "pool")) == 1
    form = await fill(home, form, pool="0")
    await fill(home, form, api_token="token-of-alice")
    assert "pool_mined" not in (await choose(home, "pool"))["menu_options"]

    # At another server of that pool
    async with SimulatedAxeOS(name="other") as other:
        mine_at(
            other,
            ("stratum.braiins.com", 3333, f"{DEMO_USER}.gamma"),
            ("stratum.braiins.com", 3333, "bob.gamma"),
        )
        await set_up(home, miner_entry(other, "bitaxe"))
    form = await choose(home, "pool", "pool_mined")
    assert len(options(form, "pool")) == 1


async def test_mined_pools_that_need_more(
    home: HomeAssistant, hmm_folder: Path, bitaxe: SimulatedAxeOS
) -> None:
    """What a miner tells may not be all: the coin, or a wallet that is none."""
    wallet = {"properties": {"username": {"format": "wallet"}}}
    write_driver(hmm_folder, wallet)
    mine_at(
        bitaxe,
        ("pool.acme.example", 3333, f"{BITCOIN_WALLET}.gamma"),
        ("eu1.solopool.org", 8004, "me.gamma"),
    )
    await set_up(home, miner_entry(bitaxe, "bitaxe"))
    short = f"{BITCOIN_WALLET[:6]}…{BITCOIN_WALLET[-4:]}"
    form = await choose(home, "pool", "pool_mined")
    assert list(options(form, "pool").values()) == [
        f"Acme (pool.acme.example:3333) · {short} · Bitaxe",
        "Solopool.org · DGB (eu1.solopool.org:8004) · me · Bitaxe",
    ]
    form = await fill(home, await fill(home, form, pool="0"), coin="BTC")
    assert suggested(form, "wallet") == BITCOIN_WALLET
    await finish(home, form, wallet=BITCOIN_WALLET)

    form = await choose(home, "pool", "pool_mined")
    form = await fill(home, form, pool="0")
    assert suggested(form, "wallet") == "me"
    assert form["errors"] == {"wallet": "wallet_uncertain"}


# Keys


def pools(hass: HomeAssistant) -> list[ConfigEntry[Any]]:
    """Return the entries of pools."""
    return [
        entry
        for entry in hass.config_entries.async_entries(DOMAIN)
        if entry.data.get("entry_type") == "pool"
    ]


def braiins_file(folder: Path, pool: SimulatedBraiins, stem: str = "braiins") -> None:
    """Write a pool file whose API is the simulator's."""
    file(
        folder,
        stem,
        driver="braiins",
        display_name="Braiins (simulated)",
        url=f"{stem}.braiins.example",
        requires_auth=True,
        api_token="",
        api_base=f"http://127.0.0.1:{pool.port}",
    )


@pytest.fixture
async def braiins(
    home: HomeAssistant, hmm_folder: Path
) -> AsyncIterator[SimulatedBraiins]:
    """Run a Braiins Pool with two accounts, and have a pool file for it."""
    async with SimulatedBraiins(
        accounts={DEMO_USER: {"bitaxe": 1e12}, "alice": {"nano": 4e12}},
        gap_seconds=0,
    ) as pool:
        braiins_file(hmm_folder, pool)
        yield pool


async def add_braiins(hass: HomeAssistant, token: str = DEMO_KEY) -> Result:
    """Add an account of the simulated Braiins Pool."""
    form = await type_host(hass, "braiins.braiins.example:3333")
    return await fill(hass, form, api_token=token)


async def test_a_pool_that_goes_by_a_key(
    home: HomeAssistant, braiins: SimulatedBraiins
) -> None:
    """A key that is refused can be mended; the account is the pool's to tell."""
    form = await type_host(home, "braiins.braiins.example:3333")
    # The empty token of the file is none
    assert fields(form) == required(form) == {"api_token"}
    assert form["data_schema"].schema["api_token"].config["type"] == "password"
    form = await fill(home, form, api_token="wrong")
    assert form["errors"] == {"api_token": "pool_key_refused"}
    assert suggested(form, "api_token") is None
    form = await fill(home, form, api_token="  ")
    assert form["errors"] == {"api_token": "value_missing"}

    result = await finish(home, form, api_token=f" {DEMO_KEY} ")
    entry = result["result"]
    assert entry.title == "Braiins Pool BTC"
    assert entry.data["wallet"] == ""
    assert entry.data["account_settings"] == {"api_token": DEMO_KEY}
    assert DEMO_KEY not in entry.unique_id
    assert DEMO_USER not in f"{entry.unique_id} {entry.data['account_hash']}"
    assert value(home, entry, "pool_hashrate") > 0

    # A new key of the same account is no new account, the key of another is
    braiins.tokens["second"] = DEMO_USER
    again = await add_braiins(home, "second")
    assert again["reason"] == "already_configured"
    other = await add_braiins(home, "token-of-alice")
    assert other["type"] is FlowResultType.CREATE_ENTRY
    assert other["title"] == "Braiins Pool BTC 2"


async def reauth(hass: HomeAssistant, entry: ConfigEntry[Any]) -> Result:
    """Start to ask for a new key."""
    return with_texts(
        await hass.config_entries.flow.async_init(
            DOMAIN,
            context={"source": SOURCE_REAUTH, "entry_id": entry.entry_id},
            data=entry.data,
        )
    )


async def start_reauth(hass: HomeAssistant, entry: ConfigEntry[Any]) -> Result:
    """Return the step that a refused key has started."""
    await entry.runtime_data.async_refresh()
    await hass.async_block_till_done()
    (flow,) = hass.config_entries.flow.async_progress()
    assert flow["context"]["source"] == SOURCE_REAUTH
    return with_texts(await hass.config_entries.flow.async_configure(flow["flow_id"]))


async def test_a_key_that_is_refused_later(
    home: HomeAssistant, braiins: SimulatedBraiins
) -> None:
    """A new key is asked for, and must be one of the same account."""
    entry = (await add_braiins(home))["result"]
    del braiins.tokens[DEMO_KEY]
    form = await start_reauth(home, entry)
    assert form["step_id"] == "reauth_pool"
    assert fields(form) == required(form) == {"api_token"}
    assert suggested(form, "api_token") is None

    form = await fill(home, form, api_token="wrong")
    assert form["errors"] == {"api_token": "pool_key_refused"}
    form = await fill(home, form, api_token="token-of-alice")
    assert form["errors"] == {"base": "wrong_account"}
    braiins.status = 500
    form = await fill(home, form, api_token="new")
    assert form["errors"] == {"base": "pool_server_error"}
    braiins.status = None
    braiins.tokens["new"] = DEMO_USER
    result = await fill(home, form, api_token="new")
    assert result["reason"] == "reauth_successful"
    assert entry.data["account_settings"] == {"api_token": "new"}
    assert entry.state is ConfigEntryState.LOADED
    assert value(home, entry, "pool_hashrate") > 0
    assert len(pools(home)) == 1


async def test_keys_and_servers_can_be_changed(
    home: HomeAssistant, hmm_folder: Path, braiins: SimulatedBraiins
) -> None:
    """Another key of the account fits, another account does not."""
    entry = (await add_braiins(home))["result"]
    form = await reconfigure(home, entry, "reconfigure_settings")
    assert required(form) == {"host", "port"}
    assert suggested(form, "host") == "braiins.braiins.example"
    # A key is never shown
    assert suggested(form, "api_token") is None
    server = {"host": "braiins.braiins.example", "port": 3333}
    form = await fill(home, form, **server, api_token="wrong")
    assert form["errors"] == {"api_token": "pool_key_refused"}
    assert suggested(form, "api_token") is None
    form = await fill(home, form, host="a b", port=1, api_token="new")
    assert form["errors"] == {"host": "pool_address_invalid"}
    assert suggested(form, "api_token") is None
    braiins.tokens["new"] = DEMO_USER
    # What was typed before another error need not be typed again
    result = await fill(home, form, **server)
    assert result["reason"] == "reconfigure_successful"
    assert entry.data["account_settings"] == {"api_token": "new"}

    form = await reconfigure(home, entry, "reconfigure_settings")
    form = await fill(home, form, **server, api_token="token-of-alice")
    assert form["errors"] == {"base": "wrong_account"}
    assert entry.data["account_settings"] == {"api_token": "new"}

    # What is left empty stays
    form = await reconfigure(home, entry, "reconfigure_settings")
    result = await fill(home, form, host="eu.braiins.example:4444", port=3333)
    assert result["reason"] == "reconfigure_successful"
    assert entry.data["account_settings"] == {"api_token": "new"}
    assert entry.data["pool_settings"]["api_base"].endswith(f":{braiins.port}")
    assert (entry.data["host"], entry.data["port"]) == ("eu.braiins.example", 4444)

    # The pool cannot do without one
    form = await reconfigure(home, entry, "reconfigure_settings")
    form = await fill(home, form, **server, keep_secrets=False)
    assert form["errors"] == {"api_token": "value_missing"}

    # A server that is not in the list is none of those
    form = await reconfigure(home, entry, "reconfigure_region")
    assert suggested(form, "region") is None


# Wallets and keys in config.yaml


CONFIG = """\
wallets:
  DGB: !secret dgb_wallet
  btc: bc1qmine
  bch:
api_keys:
  braiins: token-of-alice
something_else: [1, 2]
"""


def config_issue(hass: HomeAssistant) -> ir.IssueEntry | None:
    """Return what is told about the file."""
    return ir.async_get(hass).async_get_issue(DOMAIN, "config_file_failed")


async def test_wallets_and_keys_are_suggested(
    home: HomeAssistant, hmm_folder: Path, braiins: SimulatedBraiins
) -> None:
    """What stands in config.yaml is filled in, read anew each time."""
    async with SimulatedSolopool() as pool:
        pool_file(hmm_folder, pool, "dgb-home")
        assert suggested(await to_account(home), "wallet") is None
        (hmm_folder / "config.yaml").write_text(CONFIG)
        (hmm_folder.parent / "secrets.yaml").write_text(f"dgb_wallet: {DEMO_WALLET}\n")
        form = await to_account(home)
        assert suggested(form, "wallet") == DEMO_WALLET
        assert suggested(await to_list(home, "Solopool.org · BC2"), "wallet") is None

        # A key is used, but no browser gets it
        form = await type_host(home, "braiins.braiins.example")
        assert fields(form) == {"api_token", "keep_secrets"}
        assert required(form) == set()
        assert suggested(form, "api_token") is None
        form = await fill(home, form, keep_secrets=False)
        assert form["errors"] == {"api_token": "value_missing"}
        form = await fill(home, form, api_token="wrong")
        assert form["errors"] == {"api_token": "pool_key_refused"}
        result = await finish(home, form)
        assert result["data"]["account_settings"] == {"api_token": "token-of-alice"}
    assert config_issue(home) is None


@pytest.mark.parametrize(
    "config",
    [
        "braiins_api_token: token-of-alice",
        "braiins_api_key: token-of-alice",
        "Braiins_API_Token: !secret token",
        "api_keys: {Braiins: token-of-alice}\nbraiins_api_token: of-long-ago",
    ],
)
async def test_the_spellings_of_hmm_local_are_known(
    home: HomeAssistant, hmm_folder: Path, braiins: SimulatedBraiins, config: str
) -> None:
    """A key that stands where HMM-Local had it is used, too; a new one goes before."""
    (hmm_folder / "config.yaml").write_text(config)
    (hmm_folder.parent / "secrets.yaml").write_text("token: token-of-alice\n")
    result = await finish(home, await type_host(home, "braiins.braiins.example"))
    assert result["data"]["account_settings"] == {"api_token": "token-of-alice"}
    assert config_issue(home) is None


@pytest.mark.parametrize(
    ("config", "host", "port"),
    [
        ("mmfp_pool: {url: 192.168.7.7, port: 4444}", "192.168.7.7", 4444),
        ("mmfp_pool: {url: 'stratum+tcp://pool.lan:1/'}", "pool.lan", 1),
        ("mmfp_pool: {url: pool.lan, port: many}", "pool.lan", 3333),
        ("mmfp_pool: {url: 'a b'}", "", 3333),
        ("mmfp_pool: [1]", "", 3333),
    ],
)
async def test_the_server_of_hmm_local_is_suggested(
    home: HomeAssistant, hmm_folder: Path, config: str, host: str, port: int
) -> None:
    """Where HMM-Local had its MMFP, the form of that kind of server has it."""
    (hmm_folder / "config.yaml").write_text(config)
    form = await to_list(home, "MMFP Solutions · DGB")
    form = await fill(home, form, region="mmfp-gss-dgb")
    assert form["step_id"] == "pool_account"
    assert (suggested(form, "host"), suggested(form, "port")) == (host, port)
    assert config_issue(home) is None


@pytest.mark.parametrize("content", ["", "# nothing\n", "wallets:\n", "plugins: {}\n"])
async def test_nothing_to_suggest(
    home: HomeAssistant, hmm_folder: Path, content: str
) -> None:
    """A file may be empty or tell of other things."""
    (hmm_folder / "config.yaml").write_text(content)
    form = await type_host(home, "eu1.solopool.org:8004")
    assert suggested(form, "wallet") is None
    assert config_issue(home) is None


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        ("wallets:\n  dgb: [\n", "3", "expected the node content"),
        ("wallets:\n\tdgb: x\n", "2", "found character '\\t'"),
        (
            "wallets:\n  dgb: !secret nobody\n",
            "2",
            "The secret nobody is not in secrets.yaml",
        ),
        ("wallets:\n  dgb: !include ''\n", "2", "includes others in a way"),
        ("wallets:\n  dgb: !other x\n", "2", "could not determine a constructor"),
        ("- a\n- b\n", "1", "It must hold keys and values"),
        ("text\n", "1", "It must hold keys and values"),
        ("a: 1\nwallets:\n  - dgb\n", "2", "wallets must hold keys and values"),
        ("api_keys: x\n", "1", "api_keys must hold keys and values"),
        ("wallets:\n  btc: a\n  dgb: 12\n", "3", "must be text"),
        ("wallets:\n  1: a\n", "2", "must be text"),
        ("api_keys:\n  a: b\n  braiins: {}\n", "3", "must be text"),
        ("a: 2026-13-45\n", "?", "value that cannot be read (ValueError)"),
        (b"wallets:\n  dgb: caf\xe9\n", "?", "It is not in UTF-8"),
        (b"wallets: \x00\n", "?", "It is not valid YAML"),
        ("wallets: !include other.yaml\n", "?", "other.yaml:3: "),
        ("wallets: !include config.yaml\n", "?", "config.yaml:1: It includes"),
        ("wallets: !include ../../etc/passwd\n", "?", "passwd:?: It cannot be read"),
        ("wallets: !include pipe.yaml\n", "?", "pipe.yaml:?: It is not a file"),
        ("wallets: !include_dir_named /\n", "1", "(!include_dir_named)"),
        ("a: &a x\nwallets:\n  dgb: *a\n", "1", "repeats a part of itself"),
        ("wallets: {a: {}}\n" + "#" * 65_536, "?", "larger than 64 KB"),
        ("wallets: " + "[" * 9000, "1", "nested too deeply"),
        ('wallets:\n  dgb: "\\ud83d"\n', "2", "cannot be shown"),
        (b'wallets: "\\UFFFFFFFF"\n', "?", "It holds a value that cannot be read"),
        ("? [a]\n: 1\n", "1", "invalid key"),
    ],
)
async def test_a_broken_config_file(
    home: HomeAssistant,
    hmm_folder: Path,
    caplog: pytest.LogCaptureFixture,
    content: str | bytes,
    line: str,
    reason: str,
) -> None:
    """It becomes one repair issue that goes away, and pools are added all the same."""
    data = content.encode() if isinstance(content, str) else content
    (hmm_folder / "config.yaml").write_bytes(data)
    (hmm_folder / "other.yaml").write_text("a: 1\nb: [\n")
    os.mkfifo(hmm_folder / "pipe.yaml")
    async with SimulatedSolopool() as pool:
        pool_file(hmm_folder, pool, "dgb-home")
        for _ in range(2):
            form = await to_account(home)
            assert suggested(form, "wallet") is None
        issue = config_issue(home)
        assert issue is not None
        placeholders = issue.translation_placeholders or {}
        assert placeholders["file"] == "hmm/config.yaml"
        assert placeholders["line"] == line
        assert reason in placeholders["reason"]
        text = TEXTS["issues"]["config_file_failed"]["description"]
        assert f"Line {line}:" in text.format(**placeholders)
        said = [
            record
            for record in caplog.records
            if record.name.endswith("hmm.pool.defaults")
        ]
        assert len(said) == 1

        await finish(home, form, wallet=DEMO_WALLET)
        (hmm_folder / "config.yaml").write_text(f"wallets: {{dgb: {OTHER_WALLET}}}\n")
        assert suggested(await to_account(home), "wallet") == OTHER_WALLET
        assert config_issue(home) is None


# A driver of the user


DRIVER = '''
"""A pool driver of the user."""

from custom_components.hmm.driver_api import (
    AuthRequired,
    BasePoolIntegration,
    DashboardTileData,
    FoundPool,
    InvalidValue,
    PoolHealthStatus,
)


class AcmeDriver(BasePoolIntegration):
    driver_type = "acme"
    display_name = "Acme"
    supports_coins = ["BTC", "bch"]
    servers_share_accounts = False
    asked = None
    checked = None
    account = None
    failure = None

    async def detect(self, url, port):
        return url.endswith("acme.example")

    def coin_at(self, url, port):
        return None

    async def get_health(self, url, port, **kwargs):
        return PoolHealthStatus(is_healthy=True)

    async def get_network_difficulty(self, coin, **kwargs):
        return None

    async def get_pool_stats(self, url, coin, **kwargs):
        return None

    async def get_dashboard_data(self, url, coin, username=None, **kwargs):
        type(self).asked = {"url": url, "coin": coin, "username": username, **kwargs}
        if self.failure is not None:
            raise self.failure
        return DashboardTileData(pool_hashrate=1e12, account=type(self).account)

    def get_config_schema(self):
        SCHEMA

    def validate_config(self, config):
        type(self).checked = config
        ANSWER
'''


def loaded(hass: HomeAssistant, kind: str) -> Any:
    """Return a driver that is loaded."""
    return get_data(hass).drivers.pools[kind]


def write_driver(
    folder: Path, schema: Any, answer: str = "return True", source: str = DRIVER
) -> None:
    """Write the driver of the user; a schema that is text is code."""
    code = schema if isinstance(schema, str) else f"return {schema!r}"
    (folder / "acme_driver.py").write_text(
        source.replace("SCHEMA", code).replace("ANSWER", answer)
    )


async def to_acme(hass: HomeAssistant, coin: str = "BTC") -> Result:
    """Go to the account of the user's own driver."""
    form = await type_host(hass, "pool.acme.example:3333")
    assert form["step_id"] == "pool_coin"
    assert options(form, "coin") == {
        "BCH": "Bitcoin Cash (BCH)",
        "BTC": "Bitcoin (BTC)",
    }
    return await fill(hass, form, coin=coin)


SCHEMA = {
    "type": "object",
    "properties": {
        "username": {"type": "string", "title": "Login"},
        "api_key": {"type": "string", "title": "Key", "format": "password"},
        "group": {"type": "string", "title": "Group", "description": "As on the page"},
        "window": {"type": "integer", "minimum": 5, "maximum": 60, "default": 15},
        "factor": {"type": "number"},
        "strict": {"type": ["boolean", "null"], "title": "Strict", "default": True},
        "speed": {"type": "integer", "enum": [1, 2, 4], "default": 2},
        "level": {"type": "string", "enum": ["low", "high"]},
        # What HMM itself passes is not asked for
        "url": {"type": "string"},
        "coin": {"type": "string"},
        "port": {"type": "integer"},
        "wallet": {"type": "string"},
        # What cannot be typed in is left out
        "tags": {"type": "array"},
    },
    "required": ["username", "group"],
}


async def test_a_form_of_a_drivers_schema(
    home: HomeAssistant, hmm_folder: Path
) -> None:
    """Each kind of property is a field; what only the driver knows is explained."""
    write_driver(hmm_folder, SCHEMA)
    form = await to_acme(home)
    assert form["step_id"] == "pool_account"
    settings = {"api_key", "group", "window", "factor", "strict", "speed", "level"}
    assert fields(form) == {"username", *settings}
    assert required(form) == {"username", "group"}
    help_ = form["description_placeholders"]["settings"]
    assert "- **group**: Group. As on the page" in help_
    assert "- **strict**: Strict" in help_
    # The frontend has a name for this one, and nothing is to be said of that one
    assert "api_key" not in help_
    assert "window" not in help_

    entered = {"username": " me ", "window": 20.0, "factor": 0.5, "speed": "4"}
    form = await fill(home, form, **entered, group=" ", api_key="secret")
    assert form["errors"] == {"group": "value_missing"}
    assert suggested(form, "api_key") is None
    assert suggested(form, "username") == " me "
    with pytest.raises(InvalidData):
        await fill(home, form, **entered, group="a", level="middle")
    with pytest.raises(InvalidData):
        await fill(home, form, **{**entered, "window": 61}, group="a")

    result = await finish(home, form, **entered, group="a", strict=False, api_key=" k ")
    entry = result["result"]
    assert entry.title == "Acme BTC"
    assert entry.data["wallet"] == "me"
    told_to = {
        "api_key": "k",
        "factor": 0.5,
        "group": "a",
        "speed": 4,
        "strict": False,
        "window": 20,
    }
    assert entry.data["account_settings"] == told_to
    assert type(entry.data["account_settings"]["window"]) is int
    driver = loaded(home, "acme").driver_class
    assert driver.checked == {**told_to, "coin": "BTC", "username": "me"}
    assert driver.asked == {
        "url": "pool.acme.example",
        "coin": "BTC",
        "username": "me",
        "stratum_port": 3333,
        **told_to,
    }


async def test_a_key_can_be_deleted(home: HomeAssistant, hmm_folder: Path) -> None:
    """Given a key that the driver can do without, it goes when it is not kept."""
    # Its author did not say that it is one
    key = {"properties": {"apiToken": {"type": "string"}, "group": {}}}
    write_driver(hmm_folder, key)
    form = await to_acme(home)
    assert fields(form) == {"apiToken", "group"}
    result = await fill(home, form, apiToken="hush", group="a")
    entry = result["result"]
    assert entry.data["account_settings"] == {"apiToken": "hush", "group": "a"}

    server = {"host": "pool.acme.example", "port": 3333}
    for entered, stored in (
        ({"group": "a"}, {"apiToken": "hush", "group": "a"}),
        ({"apiToken": "new", "keep_secrets": False}, {"apiToken": "new"}),
        ({"keep_secrets": False}, {}),
    ):
        form = await reconfigure(home, entry)
        assert suggested(form, "apiToken") is None
        result = await fill(home, form, **server, **entered)
        assert result["reason"] == "reconfigure_successful"
        assert entry.data["account_settings"] == stored
    assert "keep_secrets" not in fields(await reconfigure(home, entry))


async def test_the_frontend_can_show_it(
    home: HomeAssistant, hmm_folder: Path, hass_client: ClientSessionGenerator
) -> None:
    """The whole way over HTTP, as the frontend and scripts go it."""
    write_driver(hmm_folder, SCHEMA)
    # What dialogs wait for has to be there before the server starts
    home.config.components.add("zeroconf")
    for component in ("config", DOMAIN):
        assert await async_setup_component(home, component, {})
    client = await hass_client()
    flow = "/api/config/config_entries/flow"
    step = await (await client.post(flow, json={"handler": DOMAIN})).json()
    for answer in (
        {"next_step_id": "pool"},
        {"next_step_id": "pool_host"},
        {"host": "pool.acme.example:3333"},
        {"coin": "BTC"},
    ):
        response = await client.post(f"{flow}/{step['flow_id']}", json=answer)
        step = await response.json()
    assert step["step_id"] == "pool_account"
    form = {field["name"]: field for field in step["data_schema"]}
    assert form["window"]["selector"]["number"]["max"] == 60
    assert form["window"]["default"] == 15
    assert form["speed"]["selector"]["select"]["options"][2]["value"] == "4"
    assert form["strict"]["selector"] == {"boolean": {}}
    assert form["api_key"]["selector"]["text"]["type"] == "password"

    response = await client.post(
        f"{flow}/{step['flow_id']}", json={"username": "me", "group": "a", "window": 61}
    )
    assert response.status == 400
    assert "window" in (await response.json())["errors"]
    response = await client.post(
        f"{flow}/{step['flow_id']}", json={"username": "me", "group": "a"}
    )
    assert (await response.json())["type"] == "create_entry"


async def test_defaults_of_a_schema(home: HomeAssistant, hmm_folder: Path) -> None:
    """What is not touched has the default of the schema, if that is a good one."""
    properties = {
        "window": {"type": "integer", "default": 15},
        "low": {"type": "integer", "minimum": 5, "default": 1},
        "high": {"type": "number", "maximum": 5, "default": 7},
        "upside_down": {"type": "integer", "minimum": 9, "maximum": 1, "default": 5},
        "odd": {"type": "integer", "default": "many"},
        "flag": {"type": "boolean", "default": "yes"},
        "name": {"default": "x", "title": 5, "description": ["a"]},
        "choice": {"type": "string", "enum": ["a", "b"], "default": "c"},
        "nothing": {"type": "string", "enum": [None]},
    }
    write_driver(hmm_folder, {"properties": properties, "required": "window"})
    result = await finish(home, await to_acme(home))
    assert result["result"].data["account_settings"] == {
        "window": 15,
        "upside_down": 5,
        "name": "x",
    }


async def test_a_schema_without_properties(
    home: HomeAssistant, hmm_folder: Path
) -> None:
    """A driver may ask for nothing; a key that a file wants is then not there."""
    write_driver(hmm_folder, {"type": "object"})
    file(
        hmm_folder,
        "acme",
        driver="acme",
        display_name="Acme",
        url="pool.acme.example",
        requires_auth=True,
    )
    form = await type_host(home, "pool.acme.example:3333")
    await finish(home, form)


async def test_an_account_that_a_file_wants(
    home: HomeAssistant, hmm_folder: Path
) -> None:
    """Where there are no keys, a file that wants a login wants the user name."""
    write_driver(hmm_folder, {"properties": {"username": {}, "group": {}}})
    file(
        hmm_folder,
        "acme",
        driver="acme",
        display_name="Acme",
        url="pool.acme.example",
        requires_auth=True,
        group="a",
        username="alice",
    )
    form = await type_host(home, "pool.acme.example:3333")
    # What the file says is not asked for, but for the account: others may have one
    assert fields(form) == required(form) == {"username"}
    assert suggested(form, "username") == "alice"
    form = await fill(home, form, username=" ")
    assert form["errors"] == {"username": "value_missing"}


@pytest.mark.parametrize(
    "schema",
    [
        "raise SystemExit",
        "return 1 / 0",
        "return None",
        "return []",
        "return {'properties': []}",
        "return {'properties': {'a': None}}",
        "return {'properties': {1: {}}}",
        "return {'properties': {'a': {'type': 'array'}}, 'required': ['a']}",
        "return {'properties': {'a': {'type': 5}}, 'required': ('a',)}",
    ],
)
async def test_a_schema_that_makes_no_sense(
    home: HomeAssistant,
    hmm_folder: Path,
    caplog: pytest.LogCaptureFixture,
    schema: str,
) -> None:
    """It is said so, wherever the form is needed; nothing breaks."""
    write_driver(hmm_folder, schema)
    result = await to_acme(home)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "pool_driver_fault"
    assert "acme" in caplog.text

    async with SimulatedSolopool() as pool:
        entry = await set_up(home, pool_entry(pool, data={"driver": "acme"}))
        result = await reconfigure(home, entry)
        assert result["reason"] == "pool_driver_fault"
        result = await reauth(home, entry)
        assert result["reason"] == "pool_driver_fault"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("return False", "settings_refused"),
        ("return None", "settings_refused"),
        ("raise SystemExit", "pool_driver_error"),
        ("return config['nothing']", "pool_driver_error"),
    ],
)
async def test_settings_that_a_driver_refuses(
    home: HomeAssistant, hmm_folder: Path, answer: str, error: str
) -> None:
    """The driver has the last word, and may fail at it."""
    write_driver(hmm_folder, {"properties": {"group": {}}}, answer)
    form = await fill(home, await to_acme(home), group="a")
    assert form["errors"] == {"base": error}
    assert suggested(form, "group") == "a"


@pytest.mark.parametrize("coins", ["None", "'BTC'", "5"])
async def test_a_driver_whose_coins_are_no_list(
    home: HomeAssistant, hmm_folder: Path, coins: str
) -> None:
    """Given such a driver, then any coin may be chosen, as for one without a list."""
    source = DRIVER.replace('["BTC", "bch"]', coins)
    write_driver(hmm_folder, {"properties": {"group": {}}}, source=source)
    form = await type_host(home, "pool.acme.example:3333")
    assert form["step_id"] == "pool_coin"
    assert {"BTC", "DGB"} <= options(form, "coin").keys()


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        ("InvalidValue('No such group')", "pool_invalid_value"),
        ("AuthRequired('No')", "pool_key_refused"),
        ("RuntimeError()", "pool_driver_error"),
        ("SystemExit()", "pool_driver_error"),
        ("OSError()", "pool_no_response"),
    ],
)
async def test_a_driver_that_fails(
    home: HomeAssistant, hmm_folder: Path, failure: str, error: str
) -> None:
    """Whatever it raises is a message, and the form stays."""
    source = DRIVER.replace("failure = None", f"failure = {failure}")
    write_driver(hmm_folder, {"properties": {"group": {}}}, source=source)
    form = await fill(home, await to_acme(home), group="a")
    assert form["errors"] == {"base": error}
    assert suggested(form, "group") == "a"


async def test_a_pool_of_no_known_coin(home: HomeAssistant, hmm_folder: Path) -> None:
    """Where a driver may mine any coin, another one than those listed can be typed."""
    source = DRIVER.replace('["BTC", "bch"]', "[]")
    write_driver(hmm_folder, {"properties": {}}, source=source)
    form = await type_host(home, "pool.acme.example:3333")
    assert set(options(form, "coin")) >= {"BTC", "DGB"}
    form = await fill(home, form, coin=" ")
    assert form["step_id"] == "pool_coin"
    form = await fill(home, form, coin=" ltc ")
    result = await fill(home, form)
    assert result["result"].data["coin"] == "LTC"
    assert result["title"] == "Acme LTC"


async def test_servers_with_accounts_of_their_own(
    home: HomeAssistant, hmm_folder: Path
) -> None:
    """Where a driver says so, one wallet is another account at another server."""
    wallet = {"properties": {"username": {"format": "wallet"}}}
    write_driver(hmm_folder, wallet)
    ids: set[str | None] = set()
    for host in ("eu.acme.example", "us.acme.example"):
        form = await fill(home, await type_host(home, f"{host}:3333"), coin="BTC")
        result = await finish(home, form, wallet=BITCOIN_WALLET)
        ids.add(result["result"].unique_id)
    assert len(ids) == 2


async def test_servers_without_accounts(home: HomeAssistant, hmm_folder: Path) -> None:
    """Where nothing tells an account, each server is one."""
    source = DRIVER.replace("servers_share_accounts = False", "")
    write_driver(hmm_folder, {"properties": {}}, source=source)
    for host in ("eu.acme.example", "us.acme.example"):
        form = await fill(home, await type_host(home, f"{host}:3333"), coin="BTC")
        await finish(home, form)


async def test_a_server_of_ones_own_elsewhere(
    home: HomeAssistant, hmm_folder: Path
) -> None:
    """A kind that was told by hand: each server has accounts of its own."""
    source = DRIVER.replace("servers_share_accounts = False", "")
    write_driver(
        hmm_folder, {"properties": {"username": {"format": "wallet"}}}, source=source
    )
    for host in ("one.example", "two.example"):
        form = await fill(
            home, await type_host(home, f"{host}:3333"), next_step_id="pool_kind"
        )
        form = await fill(home, form, driver="acme")
        form = await fill(home, form, coin="BTC")
        await finish(home, form, wallet=BITCOIN_WALLET)


# Reconfigure


async def test_a_pool_is_moved_to_another_server(
    home: HomeAssistant, hmm_folder: Path
) -> None:
    """The server is changed when the new one answers; the account stays."""
    async with SimulatedSolopool() as one, SimulatedSolopool() as two:
        pool_file(hmm_folder, one, "dgb-home")
        pool_file(hmm_folder, two, "dgb-away", "Away")
        entry = (await fill(home, await to_account(home), wallet=DEMO_WALLET))["result"]
        unique_id = entry.unique_id
        menu = await reconfigure(home, entry)
        assert menu["step_id"] == "reconfigure_pool"
        assert menu["description_placeholders"]["name"] == "Solopool.org DGB"
        form = await fill(home, menu, next_step_id="reconfigure_region")
        assert "dgb-away" in options(form, "region")

        two.status = 503
        form = await fill(home, form, region="dgb-away")
        assert form["type"] is FlowResultType.FORM
        assert form["errors"] == {"base": "pool_server_error"}
        assert entry.data["host"] == "home.example"
        assert suggested(form, "region") == "dgb-away"

        two.status = None
        result = await fill(home, form, region="dgb-away")
        assert result["type"] is FlowResultType.ABORT
        assert result["reason"] == "reconfigure_successful"
        assert entry.data["host"] == "away.example"
        assert entry.data["wallet"] == DEMO_WALLET
        assert entry.data["pool_settings"]["api_base"].endswith(f":{two.port}/api")
        assert entry.unique_id == unique_id
        assert entry.state is ConfigEntryState.LOADED


MISTYPED = DEMO_WALLET.replace("q", "p", 2)


async def test_a_wallet_that_was_mistyped_before_it_was_checked(
    home: HomeAssistant, hmm_folder: Path
) -> None:
    """A repair names the entry; it is gone once the wallet is right, all else stays."""
    async with SimulatedSolopool() as pool:
        entry = await set_up(home, pool_entry(pool, MISTYPED, title="My DGB"))
        entity_id = find_id(home, entry, "sensor", "pool_hashrate")
        issue_id = f"wallet_mistyped_{entry.entry_id}"
        issue = ir.async_get(home).async_get_issue(DOMAIN, issue_id)
        assert issue is not None
        assert issue.translation_placeholders == {"name": "My DGB"}
        assert issue.learn_more_url == (
            "homeassistant://config/integrations/integration/hmm"
        )

        menu = await reconfigure(home, entry)
        assert "reconfigure_wallet" in menu["menu_options"]
        form = await fill(home, menu, next_step_id="reconfigure_wallet")
        assert MISTYPED not in str(form)
        form = await fill(home, form, wallet=MISTYPED)
        assert form["errors"] == {"wallet": "pool_wallet_checksum"}
        form = await fill(home, form, wallet="my_own_name")
        assert form["errors"] == {"wallet": "wallet_uncertain"}
        pool.status = 503
        form = await fill(home, form, wallet=DEMO_WALLET)
        assert form["errors"] == {"base": "pool_server_error"}
        pool.status = None
        result = await fill(home, form, wallet=DEMO_WALLET)
        assert result["reason"] == "reconfigure_successful"

        assert ir.async_get(home).async_get_issue(DOMAIN, issue_id) is None
        assert entry.data["wallet"] == DEMO_WALLET
        assert entry.state is ConfigEntryState.LOADED
        assert find_id(home, entry, "sensor", "pool_hashrate") == entity_id
        assert value(home, entry, "pool_hashrate") > 0
        menu = await reconfigure(home, entry)
        assert "reconfigure_wallet" not in menu["menu_options"]


async def test_a_mistyped_wallet_does_not_become_that_of_another_entry(
    home: HomeAssistant, hmm_folder: Path
) -> None:
    """The right account is there already: the wrong entry is to be removed."""
    async with SimulatedSolopool() as pool:
        pool_file(hmm_folder, pool, "dgb-home")
        right = (await fill(home, await to_account(home), wallet=DEMO_WALLET))["result"]
        wrong = await set_up(
            home, pool_entry(pool, MISTYPED, data={"host": right.data["host"]})
        )
        form = await reconfigure(home, wrong, "reconfigure_wallet")
        form = await fill(home, form, wallet=DEMO_WALLET)
        assert form["errors"] == {"wallet": "account_known"}

        issue_id = f"wallet_mistyped_{wrong.entry_id}"
        for disabled in (ConfigEntryDisabler.USER, None):
            await home.config_entries.async_set_disabled_by(wrong.entry_id, disabled)
            issue = ir.async_get(home).async_get_issue(DOMAIN, issue_id)
            assert (issue is None) is (disabled is not None)
        await home.config_entries.async_remove(wrong.entry_id)
        assert ir.async_get(home).async_get_issue(DOMAIN, issue_id) is None


async def test_a_mistyped_wallet_at_a_pool_that_is_not_listed(
    home: HomeAssistant,
) -> None:
    """There is no other server to choose, only the wallet and the settings."""
    async with SimulatedSolopool() as pool:
        entry = await set_up(
            home, pool_entry(pool, MISTYPED, data={"driver": "public_pool"})
        )
        menu = await reconfigure(home, entry)
        assert menu["menu_options"] == ["reconfigure_wallet", "reconfigure_settings"]


async def test_an_address_with_a_login_stays_here(
    home: HomeAssistant, hmm_folder: Path
) -> None:
    """A password in the address of the statistics is never shown, and is kept."""
    schema = {"properties": {"api_base": {"type": "string"}}}
    write_driver(hmm_folder, schema)
    login = "http://me:secret@pool.acme.example/api"
    form = await to_acme(home)
    entry = (await fill(home, form, api_base=login))["result"]
    server = {"host": "pool.acme.example", "port": 3333}

    form = await reconfigure(home, entry)
    assert suggested(form, "api_base") is None
    result = await fill(home, form, **server)
    assert result["reason"] == "reconfigure_successful"
    assert entry.data["account_settings"] == {"api_base": login}

    # What is typed in its place counts, and is no secret
    form = await reconfigure(home, entry)
    new = "http://pool.acme.example/api"
    form = await fill(home, form, host="me:secret@a b", port=1, api_base=new)
    assert form["errors"] == {"host": "pool_address_invalid"}
    assert suggested(form, "host") == "a b"
    assert suggested(form, "api_base") == new
    result = await fill(home, form, **server, api_base=new)
    assert entry.data["account_settings"] == {"api_base": new}


async def test_a_server_at_home_gets_another_address(
    home: HomeAssistant, stack: SimulatedStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It keeps its entities; who comes to its old place is another one."""
    form = await type_host(home, f"127.0.0.1:{stack.stratum.port}")
    entry = (await fill(home, form))["result"]
    unique_id = entry.unique_id
    old = {"host": "127.0.0.1", "port": stack.stratum.port}

    async with SimulatedStack() as new:
        # There is nothing to choose from, so that the form comes at once
        form = await reconfigure(home, entry)
        assert form["step_id"] == "reconfigure_settings"
        assert fields(form) == {"host", "port", "manager_port"}
        assert suggested(form, "manager_port") == stack.port

        # What the new server needs is found out
        monkeypatch.setitem(
            ckpool_stack.STACKS,
            "DGB",
            StackPorts(new.stratum.port, new.port),
        )
        result = await fill(
            home,
            form,
            host="127.0.0.1",
            port=new.stratum.port,
            manager_port=stack.port,
        )
        assert result["reason"] == "reconfigure_successful"
        assert entry.data["port"] == new.stratum.port
        assert entry.data["pool_settings"] == {"manager_port": new.port}
        assert entry.data["account_settings"] == {}
        assert entry.unique_id == unique_id
        assert value(home, entry, "pool_hashrate") > 0

        # At a place that nobody knows the old settings stay, or the typed ones
        form = await reconfigure(home, entry)
        form = await fill(home, form, **old, manager_port=stack.port)
        assert form["reason"] == "reconfigure_successful"
        assert entry.data["account_settings"] == {"manager_port": stack.port}
        form = await reconfigure(home, entry)
        form = await fill(home, form, host="127.0.0.1", port=new.stratum.port)
        assert form["reason"] == "reconfigure_successful"
        assert entry.data["account_settings"] == {}

        # Another stack at the old address
        form = await to_list(home, "DGB stack")
        result = await finish(home, form, **old, manager_port=stack.port)
        assert result["result"].unique_id == f"{unique_id}_2"
        form = await to_list(home, "DGB stack")
        result = await fill(home, form, **old, manager_port=stack.port)
        assert result["reason"] == "already_configured"


async def test_settings_of_a_driver_are_changed(
    home: HomeAssistant, hmm_folder: Path
) -> None:
    """They are filled in as they are; what is emptied is gone, a key stays."""
    write_driver(hmm_folder, SCHEMA)
    form = await to_acme(home)
    entered = {"username": "me", "group": "a", "speed": "4", "level": "high"}
    entry = (await fill(home, form, **entered, api_key="k"))["result"]
    server = {"host": "pool.acme.example", "port": 3333}

    form = await reconfigure(home, entry)
    assert "username" not in fields(form)
    assert required(form) == {"host", "port", "group"}
    assert suggested(form, "speed") == "4"
    assert suggested(form, "strict") is True
    assert suggested(form, "api_key") is None
    assert "Group. As on the page" in form["description_placeholders"]["settings"]
    form = await fill(home, form, **server, group=" ")
    assert form["errors"] == {"group": "value_missing"}
    result = await fill(home, form, **server, group="b", factor=2)
    assert result["reason"] == "reconfigure_successful"
    assert entry.data["account_settings"] == {"api_key": "k", "group": "b", "factor": 2}
    assert entry.data["wallet"] == "me"


async def test_a_key_of_many_is_asked_for(
    home: HomeAssistant, hmm_folder: Path
) -> None:
    """Of several secrets those that are wrong can be entered alone."""
    secret = {"format": "password", "title": "Hidden"}
    write_driver(hmm_folder, {"properties": {"api_key": secret, "pin": secret}})
    form = await to_acme(home)
    entry = (await fill(home, form, api_key="k", pin="1"))["result"]
    form = await reauth(home, entry)
    assert fields(form) == {"api_key", "pin"}
    assert required(form) == set()
    assert "- **pin**: Hidden" in form["description_placeholders"]["settings"]
    result = await fill(home, form, pin="2")
    assert result["reason"] == "reauth_successful"
    assert entry.data["account_settings"] == {"api_key": "k", "pin": "2"}


async def test_a_pool_without_a_key_refuses(
    home: HomeAssistant, hmm_folder: Path
) -> None:
    """Where there is no key to enter, it is said so."""
    write_driver(hmm_folder, {"properties": {}})
    entry = (await fill(home, await to_acme(home)))["result"]
    assert (await reauth(home, entry))["reason"] == "pool_has_no_key"


async def test_a_driver_that_is_gone(home: HomeAssistant) -> None:
    """Without its driver an account cannot be changed; it is said so."""
    async with SimulatedSolopool() as pool:
        entry = await set_up(home, pool_entry(pool, data={"driver": "acme"}))
        assert (await reconfigure(home, entry))["reason"] == "pool_driver_fault"


async def test_a_driver_that_cannot_be_made(
    home: HomeAssistant, hmm_folder: Path
) -> None:
    """It is left out where pools are looked for; others are found."""
    source = DRIVER + "\n    def __init__(self):\n        raise SystemExit\n"
    write_driver(hmm_folder, {}, source=source)
    menu = await type_host(home, "pool.acme.example:3333")
    assert menu["step_id"] == "pool_unsupported"
    form = await fill(home, menu, next_step_id="pool_kind")
    form = await fill(home, form, driver="acme")
    result = await fill(home, form, coin="BTC")
    assert result["reason"] == "pool_driver_fault"


# Texts


async def test_all_settings_have_a_name(home: HomeAssistant) -> None:
    """What a bundled driver asks for is named and explained, in each step."""
    assert await async_setup_component(home, DOMAIN, {})
    keys, secrets = set(), set()
    for driver in get_data(home).drivers.pools.values():
        form = read_form(get_data(home).pool_driver(driver))
        keys |= {setting.key for setting in form.settings}
        secrets |= {setting.key for setting in form.secrets}
    assert keys == TRANSLATED_SETTINGS
    steps = TEXTS["config"]["step"]
    for step, wanted in (
        (
            "pool_account",
            {"host", "port", "wallet", "wallet_confirmed", "username", *keys}
            | {"keep_secrets"},
        ),
        ("reconfigure_settings", {"host", "port", "keep_secrets", *keys}),
        ("reauth_pool", secrets),
    ):
        assert set(steps[step]["data"]) == wanted
        assert set(steps[step]["data_description"]) == wanted
