"""The login of a miner: tried before it is stored, shown to nobody, asked for again."""

from collections.abc import AsyncIterator
import json
from typing import Any

from homeassistant.config_entries import (
    SOURCE_DHCP,
    SOURCE_REAUTH,
    ConfigEntry,
    ConfigEntryState,
)
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.service_info.dhcp import DhcpServiceInfo
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
import pytest_socket

from custom_components.hmm import migration
from custom_components.hmm.const import DOMAIN
from custom_components.hmm.data import get_data
from simulator import SimulatedAvalon, SimulatedAxeOS, SimulatedNerdQAxe
from tests.common import act, find, find_id, later, refused
from tests.conftest import miner_entry, set_up
from tests.flows import (
    Result,
    begin,
    fill,
    open_settings,
    reconfigure,
    suggested,
    with_texts,
)
from tests.user_drivers import put

pytestmark = pytest.mark.usefixtures("quick")

SECRET = "JBSWY3DPEHPK3PXP"
WRONG = "GEZDGNBVGY3TQOJQ"

# A miner that reads nothing without its password, on top of a Bitaxe
LOCKED = """
from custom_components.hmm.bundled.miner_drivers.bitaxe_driver import BitaxeDriver
from custom_components.hmm.driver_api import AuthRequired

class LockedDriver(BitaxeDriver):
    driver_type = "locked"
    option_fields = OPTIONS
    polls = 0

    async def get_telemetry(self):
        type(self).polls += 1
        if self.context.options.get("admin_password") != "open sesame":
            raise AuthRequired("The miner wants its password")
        return await super().get_telemetry()
"""


@pytest.fixture
async def nerd(home: HomeAssistant) -> AsyncIterator[SimulatedNerdQAxe]:
    """Run a NerdQAxe that asks for one-time codes."""
    async with SimulatedNerdQAxe(generation="1.0.36", otp_secret=SECRET) as device:
        yield device


async def set_mode(hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Give a command that needs a login."""
    mode = find_id(hass, entry, "select", "mode")
    await act(hass, "select", "select_option", mode, option="eco")


async def reauth(hass: HomeAssistant) -> Result:
    """Return the step that asks for a login."""
    await hass.async_block_till_done()
    (flow,) = hass.config_entries.flow.async_progress()
    assert flow["context"]["source"] == SOURCE_REAUTH
    form = with_texts(await hass.config_entries.flow.async_configure(flow["flow_id"]))
    assert form["step_id"] == "reauth_confirm"
    return form


async def change(hass: HomeAssistant, form: Result, **user_input: Any) -> Result:
    """Fill in the options."""
    result = await hass.config_entries.options.async_configure(
        form["flow_id"], user_input
    )
    await hass.async_block_till_done()
    return with_texts(result, "options")


# What a refused login starts


async def test_the_device_is_asked_about_a_login(
    home: HomeAssistant, nerd: SimulatedNerdQAxe
) -> None:
    """A wrong secret and an empty form change nothing; the right one works."""
    entry = await set_up(
        home, miner_entry(nerd, "nerdqaxe", options={"power_draw": 80})
    )
    with refused("otp_needed", HomeAssistantError):
        await set_mode(home, entry)
    form = await reauth(home)
    assert set(form["data_schema"].schema) == {"otp_secret"}
    for entered in (
        {},
        {"otp_secret": " "},
        {"otp_secret": WRONG},
        {"otp_secret": "1"},
    ):
        form = await fill(home, form, **entered)
        assert form["errors"]["base"] in ("otp_needed", "otp_invalid", "otp_refused")
        assert suggested(form, "otp_secret") is None
        assert "credentials" not in entry.data
    assert nerd.writes == []

    result = await fill(home, form, otp_secret=SECRET)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reauth_successful"
    assert entry.data["credentials"] == {"otp_secret": SECRET}
    assert entry.options == {"power_draw": 80}
    await set_mode(home, entry)
    assert find(home, entry, "select", "mode").state == "eco"
    assert not home.config_entries.flow.async_progress()


async def test_a_miner_that_is_off_is_no_success(
    home: HomeAssistant, nerd: SimulatedNerdQAxe
) -> None:
    """Without the device nobody knows, so that the form stays."""
    entry = await set_up(home, miner_entry(nerd, "nerdqaxe"))
    with pytest.raises(HomeAssistantError):
        await set_mode(home, entry)
    form = await reauth(home)
    await nerd.unplug()
    form = await fill(home, form, otp_secret=SECRET)
    assert form["errors"] == {"base": "refused"}
    await nerd.plug_in()
    result = await fill(home, form, otp_secret=SECRET)
    assert result["reason"] == "reauth_successful"


async def test_a_login_is_for_this_miner_alone(
    home: HomeAssistant, nerd: SimulatedNerdQAxe
) -> None:
    """Given another miner at the address, it does not get the code."""
    entry = await set_up(home, miner_entry(nerd, "nerdqaxe"))
    with pytest.raises(HomeAssistantError):
        await set_mode(home, entry)
    form = await reauth(home)
    asked = nerd.counters.by_path["POST /api/otp/session"]
    home.config_entries.async_update_entry(entry, unique_id="aa:bb:cc:dd:ee:ff")
    form = await fill(home, form, otp_secret=SECRET)
    assert form["errors"] == {"base": "login_other_miner"}
    assert nerd.counters.by_path["POST /api/otp/session"] == asked


async def test_a_login_that_only_a_write_can_tell(home: HomeAssistant) -> None:
    """An Avalon checks it in the command: that is said, and no success claimed."""
    async with SimulatedAvalon(model="nano3s") as device:
        entry = await set_up(home, miner_entry(device, "avalon_nano"))
        entry.async_start_reauth(home)
        form = await reauth(home)
        for entered in (
            {},
            {"admin_user": "root"},
            {"admin_user": "root", "admin_password": "a,b"},
        ):
            form = await fill(home, form, **entered)
            assert form["errors"]["base"] in ("login_not_given", "login_refused")
            assert "credentials" not in entry.data

        result = await fill(home, form, admin_user="root", admin_password="guess")
        assert result["reason"] == "login_untried"
        login = {"admin_user": "root", "admin_password": "guess"}
        assert entry.data["credentials"] == login

        # The same once more cannot be what the miner asks for
        entry.async_start_reauth(home)
        form = await fill(home, await reauth(home))
        assert form["errors"] == {"base": "login_missing"}
        result = await fill(home, form, admin_password="another")
        assert result["reason"] == "login_untried"
        assert entry.data["credentials"] == login | {"admin_password": "another"}


async def test_a_refused_poll_asks_for_the_login(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """A miner that cannot be read asks at once, and its refusal is not repeated."""
    text = LOCKED.replace("OPTIONS", '("admin_password",)')
    await put(home, "miner_drivers/locked_driver.py", text)
    entry = await set_up(home, miner_entry(bitaxe, "locked", data={"credentials": {}}))
    assert entry.state is ConfigEntryState.SETUP_RETRY
    form = await reauth(home)
    form = await fill(home, form, admin_password="wrong")
    assert form["errors"] == {"base": "login_needed"}
    result = await fill(home, form, admin_password="open sesame")
    assert result["reason"] == "login_untried"  # The driver does not say
    assert entry.state is ConfigEntryState.LOADED
    assert find(home, entry, "sensor", "hashrate").state != STATE_UNAVAILABLE

    # The password was changed at the miner
    home.config_entries.async_update_entry(
        entry, data={**entry.data, "credentials": {"admin_password": "old"}}
    )
    await home.config_entries.async_reload(entry.entry_id)
    assert entry.state is ConfigEntryState.LOADED
    assert find(home, entry, "sensor", "hashrate").state == STATE_UNAVAILABLE
    await reauth(home)
    driver = type(entry.runtime_data.client._driver)
    before = driver.polls
    await later(home, 600)
    assert driver.polls == before
    await later(home, 4000)
    assert driver.polls == before + 1


async def test_a_miner_with_a_login_gets_another_address(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """Given a miner that says nothing without its login, then it is known there by it."""
    text = LOCKED.replace("OPTIONS", '("admin_password",)')
    await put(home, "miner_drivers/locked_driver.py", text)
    login = {"credentials": {"admin_password": "open sesame"}}
    entry = await set_up(home, miner_entry(bitaxe, "locked", data=login))
    await bitaxe.unplug()
    async with SimulatedAxeOS(name=bitaxe.name) as moved:
        form = await fill(
            home, await reconfigure(home, entry), host=f"127.0.0.1:{bitaxe.port}"
        )
        assert form["errors"] == {"base": "refused"}
        result = await fill(home, form, host=f"127.0.0.1:{moved.port}")
        assert result["reason"] == "reconfigure_successful"
        assert entry.data.items() >= {"driver": "locked", "port": moved.port}.items()
        assert entry.data.items() >= login.items()
        assert entry.runtime_data.last_update_success


@pytest.mark.parametrize("password", ["open sesame", "old"])
async def test_a_miner_with_a_login_is_not_gone(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, password: str
) -> None:
    """Given one that answers, be it with a refusal, then no lease leads elsewhere."""
    pytest_socket.socket_allow_hosts(["127.0.0.1", "127.0.0.2"])
    text = LOCKED.replace("OPTIONS", '("admin_password",)')
    await put(home, "miner_drivers/locked_driver.py", text)
    login = {"credentials": {"admin_password": password}}
    entry = await set_up(home, miner_entry(bitaxe, "locked", data=login))
    async with SimulatedAxeOS(
        name=bitaxe.name, host="127.0.0.2", port=bitaxe.port
    ) as impostor:
        result = await begin(
            home,
            SOURCE_DHCP,
            DhcpServiceInfo(
                ip="127.0.0.2",
                hostname="",
                macaddress=bitaxe.mac.replace(":", "").lower(),
            ),
        )
        assert result["reason"] == "already_configured"
        assert entry.data["host"] == "127.0.0.1"
        assert impostor.counters.requests == 0


async def test_a_driver_that_takes_no_login_asks_for_none(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """Given nothing to enter, nothing is asked; the miner is polled as usual."""
    await put(home, "miner_drivers/locked_driver.py", LOCKED.replace("OPTIONS", "()"))
    entry = await set_up(home, miner_entry(bitaxe, "locked"))
    assert entry.state is ConfigEntryState.SETUP_RETRY
    await home.async_block_till_done()
    assert not home.config_entries.flow.async_progress()
    assert "login" in str(entry.reason)
    entry.async_start_reauth(home)
    await home.async_block_till_done()
    assert not home.config_entries.flow.async_progress()


# The options


async def test_options_of_a_miner_with_a_login(home: HomeAssistant) -> None:
    """The plug is an option, the login is not; what other settings are there stays."""
    home.states.async_set("switch.socket", "on")
    async with SimulatedAvalon(model="nano3s") as device:
        login = {"admin_user": "root", "admin_password": "hunter2"}
        entry = await set_up(
            home,
            miner_entry(
                device,
                "avalon_nano",
                data={"credentials": login},
                options={"power_draw": 140, "plug": "switch.old"},
            ),
        )
        form = await open_settings(home, entry)
        names = {
            "plug",
            "plug_cycle",
            "hot_limit",
            "more_entities",
            "admin_user",
            "admin_password",
            "keep_secrets",
        }
        assert set(form["data_schema"].schema) == names
        assert suggested(form, "plug") == "switch.old"
        assert suggested(form, "admin_user") is None
        assert suggested(form, "admin_password") is None

        # What is left empty stays
        result = await change(home, form, plug="switch.socket")
        assert result["type"] is FlowResultType.CREATE_ENTRY
        assert entry.options == {"power_draw": 140, "plug": "switch.socket"}
        assert entry.data["credentials"] == login
        # A Nano 3S cannot pause; the plug can
        assert find(home, entry, "switch", "mining").state == "on"

        form = await open_settings(home, entry)
        await change(home, form, plug="switch.socket", admin_password="new")
        assert entry.data["credentials"] == login | {"admin_password": "new"}
        options = entry.runtime_data.client._context.options
        assert options == entry.data["credentials"]

        form = await change(
            home, await open_settings(home, entry), admin_user="a,b", keep_secrets=True
        )
        assert form["errors"] == {"base": "login_refused"}

        result = await change(home, form, keep_secrets=False)
        assert result["type"] is FlowResultType.CREATE_ENTRY
        assert "credentials" not in entry.data
        assert entry.options == {"power_draw": 140}
        form = await open_settings(home, entry)
        assert "keep_secrets" not in form["data_schema"].schema


async def test_the_options_try_a_login(
    home: HomeAssistant, nerd: SimulatedNerdQAxe
) -> None:
    """A wrong secret stays in the form; the plug alone needs no miner."""
    entry = await set_up(home, miner_entry(nerd, "nerdqaxe"))
    form = await open_settings(home, entry)
    form = await change(home, form, otp_secret=WRONG, plug="switch.socket")
    assert form["errors"] == {"base": "otp_refused"}
    assert suggested(form, "plug") == "switch.socket"
    result = await change(home, form, otp_secret=SECRET)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert entry.data["credentials"] == {"otp_secret": SECRET}
    await set_mode(home, entry)

    await nerd.unplug()
    form = await open_settings(home, entry)
    result = await change(home, form, plug="switch.socket")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert entry.data["credentials"] == {"otp_secret": SECRET}


async def test_a_driver_that_goes_while_its_login_is_typed(
    home: HomeAssistant, nerd: SimulatedNerdQAxe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a driver file that was removed meanwhile, then the dialog says so."""
    entry = await set_up(home, miner_entry(nerd, "nerdqaxe"))
    form = await open_settings(home, entry)
    monkeypatch.delitem(get_data(home).drivers.miners, "nerdqaxe")
    result = await change(home, form, otp_secret=SECRET)
    assert result["reason"] == "removed_meanwhile"
    assert "credentials" not in entry.data


async def test_options_of_a_miner_without_a_login(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """A Bitaxe asks for no login, but for the plug and the warning limit."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    assert entry.supports_options
    form = await open_settings(home, entry)
    assert set(form["data_schema"].schema) == {
        "plug",
        "plug_cycle",
        "hot_limit",
        "more_entities",
    }


async def test_options_of_a_miner_whose_driver_is_gone(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """A missing driver does not keep the options from opening."""
    entry = await set_up(home, miner_entry(bitaxe, "homebrew"))
    assert entry.state is ConfigEntryState.SETUP_ERROR
    form = await open_settings(home, entry)
    assert set(form["data_schema"].schema) == {
        "plug",
        "plug_cycle",
        "hot_limit",
        "more_entities",
    }


async def test_no_browser_gets_a_secret(
    home: HomeAssistant,
    nerd: SimulatedNerdQAxe,
    hass_client: ClientSessionGenerator,
) -> None:
    """Given the dialogs as the frontend gets them, no secret is in what it reads."""
    entry = await set_up(
        home,
        miner_entry(nerd, "nerdqaxe", data={"credentials": {"otp_secret": SECRET}}),
    )
    entry.async_start_reauth(home)
    await home.async_block_till_done()
    (flow,) = home.config_entries.flow.async_progress()
    assert await async_setup_component(home, "config", {})
    client = await hass_client()
    base = "/api/config/config_entries"
    answers = [
        await client.post(f"{base}/options/flow", json={"handler": entry.entry_id}),
        await client.get(f"{base}/flow/{flow['flow_id']}"),
        await client.post(f"{base}/flow/{flow['flow_id']}", json={"otp_secret": WRONG}),
        await client.get(f"{base}/entry"),
    ]
    for answer in answers:
        assert answer.status == 200
        text = await answer.text()
        assert "NerdQAxe" in text or "otp_secret" in text or "nerdqaxe" in text.lower()
        assert SECRET not in text
        assert WRONG not in text


# Entries of before


async def test_entries_of_before_are_migrated(home: HomeAssistant) -> None:
    """The login moves from the options into the data; the rest stays."""
    async with SimulatedAvalon(model="nano3s") as device:
        entry = await set_up(
            home,
            miner_entry(
                device,
                "avalon_nano",
                options={"power_draw": 140, "admin_user": "a", "admin_password": "b"},
                version=1,
                minor_version=1,
            ),
        )
        assert entry.state is ConfigEntryState.LOADED
        assert entry.minor_version == migration.MINOR_VERSION
        assert entry.options == {"power_draw": 140}
        assert entry.data["credentials"] == {"admin_user": "a", "admin_password": "b"}
        assert json.dumps(dict(entry.data))


async def test_entries_of_a_later_version_are_left_alone(home: HomeAssistant) -> None:
    """Who goes back to an older HMM loses nothing."""
    options = {"admin_user": "a"}
    for version, state in (
        ((2, 1), ConfigEntryState.MIGRATION_ERROR),
        ((1, 99), ConfigEntryState.SETUP_ERROR),
    ):
        entry = MockConfigEntry(
            domain=DOMAIN,
            unique_id=str(version),
            data={"entry_type": "miner", "driver": "none", "host": "a", "port": 1},
            options=options,
            version=version[0],
            minor_version=version[1],
        )
        await set_up(home, entry)
        assert entry.state is state
        assert (entry.version, entry.minor_version) == version
        assert entry.options == options
