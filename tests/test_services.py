"""Actions: on many miners at once, and the pools as data."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    floor_registry as fr,
    label_registry as lr,
)
from homeassistant.helpers.update_coordinator import UpdateFailed
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_mock_service,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
import voluptuous as vol
import yaml

from custom_components.hmm.bundled.pool_drivers.braiins_driver import BraiinsDriver
from custom_components.hmm.const import DOMAIN
from simulator import (
    Fault,
    SimulatedAvalon,
    SimulatedAxeOS,
    SimulatedNerdQAxe,
    SimulatedNMMiner,
    SimulatedSolopool,
)
from simulator.braiins import SimulatedBraiins
from simulator.solopool import DEMO_WALLET

from .common import find, find_id, fleet_entry, poll, pool_entry, refused
from .conftest import miner_entry, set_up
from .flows import TEXTS
from .test_docs import blocks

pytestmark = pytest.mark.usefixtures("quick")


@dataclass(frozen=True)
class Rigs:
    """Three miners of different kinds, set up."""

    axe: SimulatedAxeOS
    nerd: SimulatedNerdQAxe
    avalon: SimulatedAvalon
    axe_entry: ConfigEntry[Any]
    nerd_entry: ConfigEntry[Any]
    avalon_entry: ConfigEntry[Any]


@pytest.fixture
async def rigs(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> AsyncIterator[Rigs]:
    """Set up a Bitaxe, a NerdQAxe and an Avalon."""
    async with SimulatedNerdQAxe() as nerd, SimulatedAvalon(mode=2) as avalon:
        yield Rigs(
            bitaxe,
            nerd,
            avalon,
            await set_up(home, miner_entry(bitaxe, "bitaxe", title="Axe")),
            await set_up(home, miner_entry(nerd, "nerdqaxe", title="Nerd")),
            await set_up(home, miner_entry(avalon, "avalon_nano", title="Nano")),
        )


def device_of(hass: HomeAssistant, entry: ConfigEntry[Any]) -> dr.DeviceEntry:
    """Return the device of an entry."""
    (device,) = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    return device


def devices(hass: HomeAssistant, *entries: ConfigEntry[Any]) -> dict[str, list[str]]:
    """Return the devices of entries as a target."""
    return {"device_id": [device_of(hass, entry).id for entry in entries]}


async def call(
    hass: HomeAssistant, action: str, target: dict[str, Any], **data: Any
) -> None:
    """Call an action and wait for its end."""
    await hass.services.async_call(DOMAIN, action, data | target, blocking=True)


async def ask(
    hass: HomeAssistant, action: str, target: dict[str, Any], **data: Any
) -> dict[str, dict[str, Any]]:
    """Call an action for its report; gives it by device."""
    report: Any = await hass.services.async_call(
        DOMAIN, action, data | target, blocking=True, return_response=True
    )
    miners = report["miners"]
    assert report["summary"]["total"] == len(miners)
    return {miner.pop("device"): miner for miner in miners}


def brief(report: dict[str, dict[str, Any]]) -> dict[str, tuple[str, str | None]]:
    """Return the result and its reason of each miner."""
    return {name: (it["result"], it["reason"]) for name, it in report.items()}


# Modes


async def test_every_kind_of_target(home: HomeAssistant, rigs: Rigs) -> None:
    """Who is named changes, and no other; each takes the first mode that it has.

    Any entity of a miner stands for it, and what else is in an area does not matter.
    """
    floor = fr.async_get(home).async_create("Cellar")
    area = ar.async_get(home).async_create("Garage", floor_id=floor.floor_id)
    label = lr.async_get(home).async_create("Peak")
    registry = dr.async_get(home)
    for entry in (rigs.axe_entry, rigs.nerd_entry, fleet_entry(home)):
        registry.async_update_device(device_of(home, entry).id, area_id=area.id)
    for entry in (rigs.axe_entry, rigs.avalon_entry):
        registry.async_update_device(device_of(home, entry).id, labels={label.label_id})
    hashrate = find_id(home, rigs.axe_entry, "sensor", "hashrate")

    def modes() -> tuple[str, ...]:
        entries = (rigs.axe_entry, rigs.nerd_entry, rigs.avalon_entry)
        return tuple(find(home, it, "select", "mode").state for it in entries)

    for target, wanted, after in (
        (devices(home, rigs.axe_entry), "eco", ("eco", "standard", "high")),
        ({"entity_id": hashrate}, "turbo", ("turbo", "standard", "high")),
        ({"area_id": area.id}, "eco", ("eco", "eco", "high")),
        ({"floor_id": floor.floor_id}, "standard", ("standard", "standard", "high")),
        ({"label_id": label.label_id}, ["low", "eco"], ("eco", "standard", "low")),
    ):
        report = await ask(home, "set_mode", target, mode=wanted)
        assert {it["success"] for it in report.values()} == {True}
        assert modes() == after
    assert (rigs.axe.settings["frequency"], rigs.avalon.mode) == (400, 0)


async def test_a_mode_that_is_set_is_not_set_again(
    home: HomeAssistant, rigs: Rigs
) -> None:
    """A miner that is in the mode already is asked, but nothing is written."""
    await call(home, "set_mode", devices(home, rigs.axe_entry), mode="standard")
    assert rigs.axe.writes == []

    # Tuned by hand since the last poll: now there is something to do
    rigs.axe.settings["frequency"] = 490
    await call(home, "set_mode", devices(home, rigs.axe_entry), mode="standard")
    assert rigs.axe.settings["frequency"] == 525


async def test_a_mode_that_a_miner_does_not_have(
    home: HomeAssistant, rigs: Rigs
) -> None:
    """One miner: the error names its modes, and nothing is written."""
    with pytest.raises(ServiceValidationError) as caught:
        await call(home, "set_mode", devices(home, rigs.axe_entry), mode="ludicrous")
    assert caught.value.translation_key == "unknown_mode"
    assert caught.value.translation_placeholders == {
        "mode": "ludicrous",
        "modes": "eco, standard, turbo, oc",
    }
    assert str(caught.value) == (
        "There is no mode ludicrous here. Choose one of: eco, standard, turbo, oc"
    )
    assert rigs.axe.writes == []


async def test_one_miner_fails_and_the_others_obey(
    home: HomeAssistant, rigs: Rigs
) -> None:
    """The error names who failed and why; the rest was done. A report does it for each."""
    await rigs.nerd.unplug()
    target = devices(home, rigs.axe_entry, rigs.nerd_entry, rigs.avalon_entry)
    report = await ask(home, "set_mode", target, mode="eco")
    assert {name: it["success"] for name, it in report.items()} == {
        "Axe": True,
        "Nerd": False,
        "Nano": False,
    }
    assert report["Nerd"]["error"].startswith("127.0.0.1 responds, but no")
    assert report["Nano"]["error"] == (
        "There is no mode eco here. Choose one of: low, medium, high"
    )
    with pytest.raises(HomeAssistantError) as caught:
        await call(home, "set_mode", target, mode="eco")
    assert not isinstance(caught.value, ServiceValidationError)
    assert caught.value.translation_key == "some_failed"
    reported = caught.value.translation_placeholders or {}
    assert (reported["failed"], reported["total"]) == ("2", "3")
    failed = reported["list"]
    assert "Nerd: 127.0.0.1 responds, but no miner service" in failed
    assert "Nano: There is no mode eco here" in failed
    assert "Axe:" not in failed
    assert find(home, rigs.axe_entry, "select", "mode").state == "eco"
    assert find(home, rigs.nerd_entry, "select", "mode").state == "unavailable"
    assert rigs.avalon.mode == 2


async def test_miners_are_told_at_the_same_time(
    home: HomeAssistant, rigs: Rigs
) -> None:
    """A miner that is slow to answer does not hold up the others."""
    rigs.nerd.fault = Fault.SILENT
    target = devices(home, rigs.nerd_entry, rigs.axe_entry)
    action = asyncio.create_task(call(home, "set_mode", target, mode="eco"))
    async with asyncio.timeout(30):
        while rigs.axe.settings["frequency"] != 400:
            await asyncio.sleep(0.01)
    assert not action.done()
    rigs.nerd.fault = None
    await action
    assert find(home, rigs.nerd_entry, "select", "mode").state == "eco"


@pytest.mark.parametrize(
    ("action", "data", "words"),
    [
        ("compare_pools", {"days": 0}, "Must be from an hour to 366 days"),
        (
            "install_driver",
            {"url": "https://example.org/a.py", "sha256": "9f86d081"},
            "A SHA-256 has 64 characters",
        ),
    ],
)
async def test_what_was_typed_wrongly_is_said_in_words(
    home: HomeAssistant, action: str, data: dict[str, Any], words: str
) -> None:
    """Developer tools show the message as it is: no pattern, no 0.041666666666666664."""
    assert await async_setup_component(home, DOMAIN, {})
    with pytest.raises(vol.Invalid, match=words):
        await home.services.async_call(
            DOMAIN, action, data, blocking=True, return_response=True
        )


async def test_what_no_form_sends(
    home: HomeAssistant, rigs: Rigs, subtests: pytest.Subtests
) -> None:
    """It is refused: a mode is needed, and what is kept is shown in a state."""
    for data in (
        {},
        {"mode": []},
        {"mode": ["eco"] * 33},
        {"mode": "A" * 65},
        {"mode": "eco", "parallel": 0},
        {"mode": "eco", "parallel": 21},
        {"mode": "eco", "stagger": -1},
        {"mode": "eco", "keep_for": {"days": 1e308}},
    ):
        with subtests.test(data), pytest.raises(vol.Invalid):
            await call(home, "set_mode", devices(home, rigs.axe_entry), **data)
    for data in ({"stagger": {"hours": 2}}, {"keep_for": {"days": 2}}):
        with subtests.test(data), refused("period_too_long"):
            await call(home, "pause", devices(home, rigs.axe_entry), **data)
    assert rigs.axe.writes == []


async def test_no_miner_among_the_targets(home: HomeAssistant, rigs: Rigs) -> None:
    """A target without a miner that runs is an error, not silence."""
    area = ar.async_get(home).async_create("Attic")
    await home.config_entries.async_unload(rigs.axe_entry.entry_id)
    for target in (
        {},
        {"area_id": area.id},
        devices(home, rigs.axe_entry),
    ):
        with refused("no_miners_targeted"):
            await call(home, "set_mode", target, mode="eco")


# Pools


@pytest.mark.parametrize("generation", ["2.4", "2.10", "2.14", "2.15"])
async def test_pool_of_an_axe(home: HomeAssistant, generation: str) -> None:
    """Flat keys before AxeOS 2.15 and pools[] since: the miner works for it."""
    async with SimulatedAxeOS(
        generation=generation, reboot_seconds=0.2, restart_delay=0.1
    ) as device:
        entry = await set_up(home, miner_entry(device, "bitaxe", title="Axe"))
        report = await ask(
            home,
            "set_pool",
            devices(home, entry),
            url="stratum+tcp://eu1.solopool.org:8004",
            username="dgb1qexample.axe",
            password="d=512",
        )
        assert brief(report) == {"Axe": ("done", None)}
        pool = device.active_pool
        assert pool is not None
        assert pool["stratumURL"] == "eu1.solopool.org"
        assert pool["stratumPort"] == 8004
        assert pool["stratumUser"] == "dgb1qexample.axe"
        assert pool["stratumPassword"] == "d=512"
        assert device.boots == 2
        shown = find(home, entry, "select", "pool")
        assert shown.state == "Slot 1: eu1.solopool.org:8004"


async def test_pool_of_a_nerdqaxe(home: HomeAssistant, rigs: Rigs) -> None:
    """A NerdQAxe changes its pool while it runs; the password is x unless given."""
    await call(
        home,
        "set_pool",
        devices(home, rigs.nerd_entry),
        url="eu1.solopool.org:8004",
        username="dgb1qexample.nerd",
    )
    assert rigs.nerd.pool_address() == ("eu1.solopool.org", 8004)
    assert rigs.nerd.settings["stratumUser"] == "dgb1qexample.nerd"
    assert rigs.nerd.settings["stratumPassword"] == "x"
    assert rigs.nerd.boots == 1


async def test_pools_of_many_miners(home: HomeAssistant, rigs: Rigs) -> None:
    """One that cannot is named; the others mine at the new pool."""
    async with SimulatedNMMiner(udp=False, http=True, version="v2.0.03") as device:
        entry = await set_up(
            home,
            miner_entry(device, "nmminer", device.hostname.lower(), title="Lotto"),
        )
        target = devices(home, entry, rigs.nerd_entry)
        data = {"url": "eu1.solopool.org:8004", "username": "dgb1qexample.all"}
        with pytest.raises(HomeAssistantError) as caught:
            await call(home, "set_pool", target, **data)
        text = TEXTS["exceptions"]["no_set_pool"]["message"].rstrip(".")
        assert caught.value.translation_placeholders == {
            "failed": "1",
            "total": "2",
            "list": f"Lotto: {text}",
        }
        assert rigs.nerd.pool_address() == ("eu1.solopool.org", 8004)

        with refused("no_set_pool"):
            await call(home, "set_pool", devices(home, entry), **data)


async def test_a_pool_that_is_set_up(home: HomeAssistant, rigs: Rigs) -> None:
    """Each miner gets the wallet of the account and the name that it has."""
    rigs.nerd.settings["stratumUser"] = "bc1qold.shed"
    await poll(home, rigs.nerd_entry)
    rigs.axe_entry.runtime_data.data = None
    async with SimulatedSolopool(speed=0) as pool:
        entry = await set_up(home, pool_entry(pool))
        target = devices(home, rigs.axe_entry, rigs.nerd_entry)
        await call(home, "set_pool", target, pool=entry.entry_id)
        assert rigs.nerd.settings["stratumUser"] == f"{DEMO_WALLET}.shed"
        assert rigs.nerd.pool_address() == ("eu1.solopool.org", 8004)
        mined = rigs.axe.active_pool
        assert mined is not None
        assert mined["stratumUser"] == f"{DEMO_WALLET}.axe"
        assert mined["stratumPassword"] == "x"


@pytest.mark.parametrize("name", ["Digi", "2: solo.ckpool.org:3333"])
async def test_a_pool_by_its_name(home: HomeAssistant, rigs: Rigs, name: str) -> None:
    """Given the title of an account, or a slot as it read before, then it is set."""
    async with SimulatedSolopool(speed=0) as pool:
        await set_up(home, pool_entry(pool, title="Digi"))
        target = devices(home, rigs.nerd_entry)
        report = await ask(home, "set_pool", target, pool=name)
        (result,) = brief(report).values()
        assert result == ("done", None)
        host = "eu1.solopool.org" if name == "Digi" else "solo.ckpool.org"
        assert rigs.nerd.pool_address() is not None
        assert rigs.nerd.pool_address()[0] == host
        for wrong, key in (
            ("Slot 2: gone.example:3333", "pool_gone"),
            ("Digi 2", "unknown_pool"),
        ):
            with refused(key):
                await call(home, "set_pool", target, pool=wrong)


async def test_a_pool_that_goes_by_a_key(
    home: HomeAssistant, rigs: Rigs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account is what the pool says that the key is of."""
    monkeypatch.setattr(BraiinsDriver, "gap_seconds", 0.0)
    async with SimulatedBraiins(accounts={"anna": {"a": 1e12}}, gap_seconds=0) as pool:
        data = {
            "entry_type": "pool",
            "driver": "braiins",
            "host": "stratum.braiins.com",
            "port": 3333,
            "coin": "BTC",
            "wallet": "",
            "account_settings": {
                "api_token": next(iter(pool.tokens)),
                "api_base": f"http://127.0.0.1:{pool.port}",
            },
        }
        entry = await set_up(
            home, MockConfigEntry(domain=DOMAIN, unique_id="anna", data=data)
        )
        target = devices(home, rigs.nerd_entry)
        await call(home, "set_pool", target, pool=entry.entry_id)
        user, _, worker = str(rigs.nerd.settings["stratumUser"]).partition(".")
        assert (user, bool(worker)) == ("anna", True)


async def test_a_pool_whose_user_is_not_known(home: HomeAssistant, rigs: Rigs) -> None:
    """A server that counts all miners, or an account of the statistics alone."""
    async with SimulatedSolopool(speed=0) as pool:
        nameless = await set_up(home, pool_entry(pool, "", title="All"))
        other = await set_up(home, pool_entry(pool, title="Key"))
        other.runtime_data.driver.account_is_stratum_user = False
        for entry in (nameless, other):
            with pytest.raises(ServiceValidationError) as caught:
                await call(
                    home,
                    "set_pool",
                    devices(home, rigs.nerd_entry),
                    pool=entry.entry_id,
                )
            assert caught.value.translation_key == "no_stratum_user"
            assert entry.title in str(caught.value)
        for entry_id in ("nonsense", rigs.axe_entry.entry_id):
            with refused("unknown_pool"):
                await call(
                    home, "set_pool", devices(home, rigs.nerd_entry), pool=entry_id
                )
    assert rigs.nerd.writes == []


async def test_a_pool_is_named_in_one_way(
    home: HomeAssistant, rigs: Rigs, subtests: pytest.Subtests
) -> None:
    """Either one that is set up, or address and user name."""
    for data in [
        {},
        {"url": "eu1.solopool.org:8004"},
        {"username": "me"},
        {"pool": "x", "url": "eu1.solopool.org:8004", "username": "me"},
        {"pool": "x", "password": "d=512"},
    ]:
        with subtests.test(data):
            with refused("pool_or_credentials"):
                await call(home, "set_pool", devices(home, rigs.nerd_entry), **data)
            assert rigs.nerd.writes == []


async def test_a_pool_that_is_no_address(home: HomeAssistant, rigs: Rigs) -> None:
    """What is no host and port is refused before anything is written."""
    with pytest.raises(ServiceValidationError) as caught:
        await call(
            home,
            "set_pool",
            devices(home, rigs.axe_entry),
            url="solopool.org",
            username="dgb1qsecret.wallet",
        )
    assert caught.value.translation_key == "pool_format"
    assert "dgb1qsecret" not in str(caught.value)
    assert rigs.axe.writes == []


async def test_actions_exist_without_any_entry(home: HomeAssistant) -> None:
    """Automations are checked against actions even when nothing is set up."""
    assert await async_setup_component(home, DOMAIN, {})
    for action in ("set_mode", "set_pool"):
        assert home.services.has_service(DOMAIN, action)
        assert TEXTS["services"][action]["name"]


# Pools


async def ask_pools(hass: HomeAssistant, action: str, **data: Any) -> dict[str, Any]:
    """Return what an action tells of the pools."""
    report: Any = await hass.services.async_call(
        DOMAIN, action, data, blocking=True, return_response=True
    )
    return report


@pytest.fixture
async def pools(home: HomeAssistant) -> AsyncIterator[list[ConfigEntry[Any]]]:
    """Set up two accounts of one pool; nobody has mined with the second."""
    async with SimulatedSolopool(speed=0) as pool:
        yield [
            await set_up(home, pool_entry(pool, title="Mine")),
            await set_up(home, pool_entry(pool, "dgb1qstranger", title="New")),
        ]


async def test_tiles_as_data(
    home: HomeAssistant,
    pools: list[ConfigEntry[Any]],
    hass_client: ClientSessionGenerator,
) -> None:
    """The actions say what the addresses say."""
    client = await hass_client()
    platform = await ask_pools(home, "get_platform_tiles")
    assert platform["tile_1_health"]["total_pools"] == 2
    assert platform["tile_2_network"]["total_pool_hashrate"] > 0
    answer = await client.get("/api/hmm/dashboard/pools/platform-tiles")
    assert await answer.json() == platform

    every = await ask_pools(home, "get_pool_tiles")
    assert list(every) == [entry.entry_id for entry in pools]
    answer = await client.get("/api/hmm/dashboard/pools")
    assert await answer.json() == every

    one = await ask_pools(home, "get_pool_tiles", config_entry_id=pools[1].entry_id)
    assert one == {pools[1].entry_id: every[pools[1].entry_id]}
    assert one[pools[1].entry_id]["display_name"] == "New"


async def test_examples_of_the_page(
    home: HomeAssistant, pools: list[ConfigEntry[Any]]
) -> None:
    """The automations of the documentation tell of the pool that is down."""
    reported = async_mock_service(home, "notify", "notify")
    examples = [
        yaml.safe_load(block)["actions"]
        for block in blocks("docs/actions.md", "yaml")
        if "_tiles" in block
    ]
    assert len(examples) == 2
    assert await async_setup_component(
        home,
        "script",
        {
            "script": {
                f"example_{number}": {"sequence": actions}
                for number, actions in enumerate(examples)
            }
        },
    )
    for number in range(2):
        await home.services.async_call("script", f"example_{number}", blocking=True)
    assert reported == []  # Both are well

    pools[1].runtime_data.async_set_update_error(UpdateFailed("It is asleep"))
    for number in range(2):
        await home.services.async_call("script", f"example_{number}", blocking=True)
    assert [call.data["message"] for call in reported] == [
        "1 of 2 pools do not respond.",
        "New: It is asleep",
    ]


async def test_tiles_of_no_pool(
    home: HomeAssistant, rigs: Rigs, pools: list[ConfigEntry[Any]]
) -> None:
    """What is no pool is refused with the reason; so is a wrong field, or no response."""
    for entry_id in ("nonsense", rigs.axe_entry.entry_id):
        with pytest.raises(ServiceValidationError) as caught:
            await ask_pools(home, "get_pool_tiles", config_entry_id=entry_id)
        assert caught.value.translation_key == "unknown_pool"
        assert entry_id in str(caught.value)
    with pytest.raises(vol.Invalid):
        await ask_pools(home, "get_platform_tiles", config_entry_id="nonsense")
    for action in ("get_platform_tiles", "get_pool_tiles"):
        with pytest.raises(ServiceValidationError):
            await home.services.async_call(DOMAIN, action, {}, blocking=True)


async def test_data_that_takes_minutes_to_go_through(
    home: HomeAssistant, rigs: Rigs, subtests: pytest.Subtests
) -> None:
    """Anybody who is logged in may call an action: it is refused before it is read."""
    for action, data in [
        (
            "set_mode",
            {"mode": "eco", "entity_id": [f"select.x{n}" for n in range(1001)]},
        ),
        ("set_mode", {"mode": "eco", "area_id": [f"a{n}" for n in range(1001)]}),
        ("set_mode", {"mode": ["eco"] * 1001, "device_id": "x"}),
        ("set_mode", {"mode": "e" * 2049, "device_id": "x"}),
        ("set_pool", {"url": "u" * 2049, "username": "x", "device_id": "x"}),
        ("set_pool", {"pool": "x", "device_id": ["x" * 2049]}),
        ("get_pool_tiles", {"config_entry_id": "x" * 2049}),
        ("update_driver", {"driver": "x" * 2049}),
        ("customise_driver", {"driver": "x" * 2049}),
    ]:
        with subtests.test(f"{action} {data}"[:80]):
            response = action == "get_pool_tiles"
            with pytest.raises(
                vol.Invalid, match=r"No more than 1000|Longer than 2048"
            ):
                await home.services.async_call(
                    DOMAIN, action, data, blocking=True, return_response=response
                )


@pytest.mark.parametrize("body", ["5", "[1]", '"x"'])
async def test_data_that_is_no_object(
    home: HomeAssistant,
    rigs: Rigs,
    hass_client: ClientSessionGenerator,
    body: str,
) -> None:
    """It is refused as other bad data is."""
    assert await async_setup_component(home, "api", {})
    client = await hass_client()
    for action in ("set_mode", "set_pool"):
        response = await client.post(f"/api/services/hmm/{action}", data=body)
        assert response.status == 400
