"""Diagnostics that owners post in public: helpful, and without a secret."""

from collections.abc import Iterable
from dataclasses import replace
import json
from pathlib import Path
from typing import Any

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from simulator import (
    SimulatedAvalon,
    SimulatedAxeOS,
    SimulatedNerdQAxe,
    SimulatedNMMiner,
    SimulatedSolopool,
)
from simulator.solopool import DEMO_WALLET

from .common import fleet_entry, pool_entry
from .conftest import miner_entry, set_up

WALLET = "bc1qsecretwalletofthetest00000000000000000"
WORKER = "attic-under-the-roof"
PASSWORD = "hunter2"
WIFI = "SecretWifiName"
HOSTNAME = "johns-miner"


class Diagnostics:
    """The diagnostics of one entry, as downloaded."""

    def __init__(self, content: Any) -> None:
        """Keep them as data and as text."""
        self.content = content
        self.text = json.dumps(content, ensure_ascii=False).lower()

    def has_none_of(self, secrets: Iterable[str]) -> None:
        """Fail when a secret is anywhere in the file."""
        for secret in secrets:
            assert len(secret) > 3, "too short to be looked for"
            assert secret.lower() not in self.text, f"{secret} is in the diagnostics"


async def download(
    hass: HomeAssistant, client: ClientSessionGenerator, entry: ConfigEntry[Any]
) -> Diagnostics:
    """Download the diagnostics of an entry over HTTP."""
    return Diagnostics(await get_diagnostics_for_config_entry(hass, client, entry))


def addresses_of(device: Any) -> set[str]:
    """Return what tells whose device it is and where."""
    return {
        device.mac,
        device.mac.replace(":", ""),
        device.mac.replace(":", "-"),
        device.serial,
        "127.0.0.1",
    }


@pytest.mark.parametrize("generation", ["2.4", "2.14", "2.15"])
async def test_axeos(
    home: HomeAssistant, hass_client: ClientSessionGenerator, generation: str
) -> None:
    """A Bitaxe's figures are there; who owns it is not."""
    device = SimulatedAxeOS(generation=generation)
    device.settings |= {"ssid": WIFI, "wifiPass": PASSWORD, "hostname": HOSTNAME}
    for slot in device.pools.values():
        slot["stratumUser"] = f"{WALLET}.{WORKER}"
        slot["stratumPassword"] = PASSWORD
    # Someone typed the whole login into the address
    device.pools[0]["stratumURL"] = f"{WALLET}.{WORKER}:{PASSWORD}@eu1.pool.org"
    async with device:
        entry = await set_up(
            home,
            miner_entry(
                device,
                "bitaxe",
                title="Private title",
                data={"credentials": {"admin_password": PASSWORD}},
                options={"plug": "switch.socket"},
            ),
        )
        assert entry.state is ConfigEntryState.LOADED
        result = await download(home, hass_client, entry)

    result.has_none_of(addresses_of(device))
    result.has_none_of({WALLET, WORKER, PASSWORD, WIFI, HOSTNAME, "Private title"})
    poll = result.content["last_poll"]
    assert poll["hashrate"] > 0
    assert [pool["index"] for pool in poll["pools"]] == [0, 1]
    assert poll["pools"][0]["url"].startswith("eu1.pool.org")
    assert poll["pools"][1]["url"] == "solo.ckpool.org:3333"
    assert poll["pools"][0]["user"] == "**REDACTED**"
    assert poll["device"]["firmware"] == device.version
    assert result.content["last_update_success"] is True
    assert result.content["entry"]["data"]["driver"] == "bitaxe"
    assert "profile" not in result.content["entry"]["data"]
    assert "standard" in result.content["profile"]["modes"]
    assert result.content["profile"]["facts"]["mac"] == "**REDACTED**"
    assert result.content["entry"]["options"]["plug"] == "switch.socket"


async def test_nerdqaxe(
    home: HomeAssistant, hass_client: ClientSessionGenerator
) -> None:
    """The secret of one-time codes stays in."""
    secret = "JBSWY3DPEHPK3PXP"
    async with SimulatedNerdQAxe(generation="1.0.36", otp_secret=secret) as device:
        device.settings |= {
            "ssid": WIFI,
            "wifiPass": PASSWORD,
            "hostname": HOSTNAME,
            "stratumUser": f"{WALLET}.{WORKER}",
            "fallbackStratumUser": f"{WALLET}.{WORKER}",
            "stratumPassword": PASSWORD,
        }
        entry = await set_up(
            home,
            miner_entry(
                device, "nerdqaxe", data={"credentials": {"otp_secret": secret}}
            ),
        )
        result = await download(home, hass_client, entry)
    result.has_none_of(addresses_of(device))
    result.has_none_of({WALLET, WORKER, PASSWORD, WIFI, HOSTNAME, secret})
    assert result.content["last_poll"]["hashrate"] > 0
    assert len(result.content["last_poll"]["pools"]) == 2


@pytest.mark.parametrize("model", ["nano3", "nano3s", "q"])
async def test_avalon(
    home: HomeAssistant, hass_client: ClientSessionGenerator, model: str
) -> None:
    """The login of the web page and the users of all pools stay in."""
    async with SimulatedAvalon(
        model=model, user="secretadmin", password=PASSWORD
    ) as device:
        device.ssid = WIFI
        for pool in device.pools:
            pool.setting = replace(pool.setting, user=f"{WALLET}.{WORKER}")
        entry = await set_up(
            home,
            miner_entry(
                device,
                "avalon_nano",
                unique_id=device.serial if model == "nano3" else None,
                data={
                    "credentials": {
                        "admin_user": "secretadmin",
                        "admin_password": PASSWORD,
                    }
                },
            ),
        )
        assert entry.state is ConfigEntryState.LOADED
        result = await download(home, hass_client, entry)
    result.has_none_of(addresses_of(device))
    result.has_none_of({WALLET, WORKER, PASSWORD, WIFI, "secretadmin"})
    assert result.content["last_poll"]["hashrate"] > 0
    assert result.content["last_poll"]["pools"]


async def test_nmminer(
    home: HomeAssistant, hass_client: ClientSessionGenerator
) -> None:
    """The host name of an NMMiner ends in the digits of its chip."""
    async with SimulatedNMMiner(udp=False, http=True, version="v2.0.03") as device:
        device.settings["network"] |= {"Hostname": HOSTNAME, "WiFiSSID": WIFI}
        device.settings["mining"]["PrimaryAddress"] = f"{WALLET}.{WORKER}"
        await device.reboot(0)
        entry = await set_up(home, miner_entry(device, "nmminer", HOSTNAME))
        assert entry.state is ConfigEntryState.LOADED
        result = await download(home, hass_client, entry)
    result.has_none_of({WALLET, WORKER, WIFI, HOSTNAME, "127.0.0.1"})
    assert result.content["last_poll"]["pools"][0]["url"] == "public-pool.io:21496"


@pytest.mark.parametrize("status", [None, 502])
async def test_pool(
    home: HomeAssistant,
    hass_client: ClientSessionGenerator,
    status: int | None,
) -> None:
    """A pool account's figures are there; the wallet and its workers are not."""
    async with SimulatedSolopool() as pool:
        pool.status = status
        entry = await set_up(home, pool_entry(pool))
        result = await download(home, hass_client, entry)
    result.has_none_of({DEMO_WALLET, "nano3s", "127.0.0.1", str(pool.port)})
    assert result.content["entry"]["data"]["coin"] == "DGB"
    assert entry.state is ConfigEntryState.LOADED
    if status is None:
        assert result.content["last_update_success"] is True
        assert result.content["last_poll"]["active_workers"] == 3
        assert result.content["last_poll"]["pool_hashrate"] > 0
    else:
        assert result.content["last_update_success"] is False
        assert result.content["last_poll"] is None


async def test_pool_account_with_blocks_and_a_key(
    home: HomeAssistant, hass_client: ClientSessionGenerator
) -> None:
    """What the user typed, who found which block and who works here stay in."""
    async with SimulatedSolopool(
        wallets={DEMO_WALLET: {WORKER: 1e12}, "dgb1qother": {"next-door": 2e12}}
    ) as pool:
        pool.find_block()
        (block, *_) = pool.wallets[DEMO_WALLET].blocks
        entry = await set_up(
            home,
            pool_entry(
                pool,
                data={
                    "account_settings": {"api_token": PASSWORD, "manager_port": 48085},
                    "account_hash": "0123456789abcdef",
                },
            ),
        )
        result = await download(home, hass_client, entry)
    result.has_none_of({DEMO_WALLET, WORKER, PASSWORD, "48085", block["hash"]})
    assert result.content["entry"]["data"]["account_settings"] == "**REDACTED**"
    assert result.content["entry"]["data"]["account_hash"] == "**REDACTED**"
    for key in ("own_blocks", "workers"):
        assert result.content["last_poll"][key] == "**REDACTED**"
    assert result.content["last_poll"]["blocks_found_24h"] == 1


async def test_a_miner_that_never_answered(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, hass_client: ClientSessionGenerator
) -> None:
    """What cannot be set up needs diagnostics most."""
    await bitaxe.unplug()
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    assert entry.state is ConfigEntryState.SETUP_RETRY
    result = await download(home, hass_client, entry)
    result.has_none_of(addresses_of(bitaxe))
    assert result.content["entry"]["data"]["driver"] == "bitaxe"


async def test_a_known_miner_that_is_off(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, hass_client: ClientSessionGenerator
) -> None:
    """A miner that is off since the start has no poll, and says so."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    await home.config_entries.async_unload(entry.entry_id)
    await bitaxe.unplug()
    await home.config_entries.async_setup(entry.entry_id)
    await home.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
    result = await download(home, hass_client, entry)
    result.has_none_of(addresses_of(bitaxe))
    assert result.content["last_update_success"] is False
    assert result.content["last_poll"] is None


async def test_the_hub_and_the_drivers(
    home: HomeAssistant,
    hmm_folder: Path,
    bitaxe: SimulatedAxeOS,
    hass_client: ClientSessionGenerator,
) -> None:
    """Which drivers run and which files failed is in every download."""
    (hmm_folder / "broken_driver.py").write_text("\nclass Broken(\n")
    (hmm_folder / "garage_driver.py").write_text(
        "from custom_components.hmm.bundled.miner_drivers.bitaxe_driver import (\n"
        "    BitaxeDriver\n)\n\n"
        "class Garage(BitaxeDriver):\n"
        '    driver_type = "garage"\n'
        '    driver_version = "4.5.6"\n'
    )
    await set_up(home, miner_entry(bitaxe, "bitaxe"))
    result = await download(home, hass_client, fleet_entry(home))

    assert result.content["entry"]["data"] == {"entry_type": "hub"}
    drivers = {driver["type"]: driver for driver in result.content["drivers"]}
    assert set(drivers) > {
        "avalon_nano",
        "bitaxe",
        "garage",
        "nerdqaxe",
        "nmminer",
        "solopool",
    }
    assert drivers["bitaxe"]["source"] == "bundled"
    assert drivers["bitaxe"]["file"] == "bundled/miner_drivers/bitaxe_driver.py"
    garage = drivers["garage"]
    assert garage["source"] == "user"
    assert garage["version"] == "4.5.6"
    assert garage["variant"] == "BitaxeDriver"
    assert garage["file"] == "hmm/garage_driver.py"
    assert len(garage["sha256"]) == 64
    (failed,) = result.content["failed_files"]
    assert failed["file"] == "hmm/broken_driver.py"
    assert failed["line"] == 2
    assert "SyntaxError" in failed["reason"]
