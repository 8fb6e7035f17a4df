"""Pool accounts over HTTP: what scripts add, change, remove and look for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from http import HTTPStatus
from ipaddress import IPv4Network
import json
from pathlib import Path
from typing import Any

from aiohttp import ClientConnectionError
from aiohttp.test_utils import TestClient
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
from yarl import URL

from custom_components.hmm.bundled.pool_drivers.solopool_driver import SolopoolDriver
from custom_components.hmm.bundled.shared import ckpool_stack
from custom_components.hmm.bundled.shared.ckpool_stack import StackPorts
from custom_components.hmm.const import DOMAIN
from custom_components.hmm.data import entries_of_kind
from custom_components.hmm.pool import discovered
from custom_components.hmm.routes import LARGEST_BODY
from simulator import SimulatedSolopool
from simulator.braiins import DEMO_KEY, SimulatedBraiins
from simulator.device import Fault
from simulator.solopool import DEMO_WALLET
from simulator.stack import SimulatedStack
from tests.common import until
from tests.pool_files import file, pool_file

pytestmark = pytest.mark.usefixtures("usual_ports", "nobody_at_home")

POOLS = "/api/hmm/pools"
BITCOIN_WALLET = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"

type Client = TestClient[Any, Any]


@pytest.fixture
async def pool(
    hmm_folder: Path, socket_enabled: None
) -> AsyncIterator[SimulatedSolopool]:
    """Run a Solopool that two pool files are of."""
    async with SimulatedSolopool(speed=0) as pool:
        pool_file(hmm_folder, pool, "dgb-home")
        pool_file(hmm_folder, pool, "dgb-barn", "Barn")
        yield pool


@pytest.fixture
async def client(
    home: HomeAssistant, pool: SimulatedSolopool, hass_client: ClientSessionGenerator
) -> Client:
    """Return an administrator's client; HMM knows the pool files."""
    assert await async_setup_component(home, DOMAIN, {})
    return await hass_client()


def accounts(home: HomeAssistant) -> list[ConfigEntry[Any]]:
    """Return the entries of all accounts."""
    return [*entries_of_kind(home, "pool")]


async def send(
    client: Client, method: str, path: str = "", **options: Any
) -> tuple[int, Any]:
    """Return the status and the JSON of an answer."""
    response = await client.request(method, f"{POOLS}{path}", **options)
    answer = await response.json()
    if response.status != HTTPStatus.OK:
        # What to do is said, and nowhere is a secret
        assert answer["message"] == answer["detail"]
        assert DEMO_KEY not in json.dumps(answer)
    return response.status, answer


async def add(client: Client, **body: Any) -> tuple[int, Any]:
    """Add an account."""
    return await send(client, "post", json=body)


# What works


async def test_a_pool_of_the_list_is_added(
    home: HomeAssistant, client: Client, pool: SimulatedSolopool
) -> None:
    """Given a template and a wallet, the account is that of the dialog."""
    status, answer = await add(
        client, template_id="dgb-home", user=f"{DEMO_WALLET.upper()}.gamma"
    )
    assert status == HTTPStatus.OK
    (entry,) = accounts(home)
    assert entry.state is ConfigEntryState.LOADED
    assert entry.data["wallet"] == DEMO_WALLET
    assert answer == {
        "id": entry.entry_id,
        "name": "Solopool.org DGB",
        "url": "home.example",
        "port": 8004,
        "user": None,
        "password": None,
        "enabled": True,
        "pool_type": "solopool",
        "pool_config": {"driver": "solopool", "coin": "DGB"},
    }
    assert await send(client, "get", f"/{entry.entry_id}") == (HTTPStatus.OK, answer)
    assert await send(client, "get", "/") == (HTTPStatus.OK, [answer])


async def test_a_body_of_hmm_local_adds_a_pool(
    home: HomeAssistant, client: Client, pool: SimulatedSolopool
) -> None:
    """Given what scripts sent to HMM-Local, it is the pool at that host and port."""
    status, answer = await add(
        client,
        name="My pool",
        url="stratum+tcp://home.example",
        port=8004,
        user=DEMO_WALLET,
        password="x",
        enabled=False,
        pool_config={"driver": "solopool", "coin": "dgb"},
        show_on_dashboard=True,
    )
    assert (status, answer["name"], answer["enabled"]) == (200, "My pool", False)
    (entry,) = accounts(home)
    assert entry.disabled_by == "user"


async def test_settings_reach_the_driver(
    home: HomeAssistant, client: Client, hmm_folder: Path
) -> None:
    """Given a key among the configuration, the pool gets it."""
    async with SimulatedBraiins(gap_seconds=0) as braiins:
        file(
            hmm_folder,
            "braiins-local",
            driver="braiins",
            display_name="Braiins Pool",
            url="braiins.example",
            api_base=f"http://127.0.0.1:{braiins.port}",
        )
        await home.services.async_call(DOMAIN, "reload_drivers", {}, blocking=True)
        config = {"coin": "BTC", "api_token": DEMO_KEY}
        address = {"url": "braiins.example", "port": 3333}
        status, answer = await add(client, **address, pool_config=config)
        assert (status, answer) == (200, answer)
        assert answer["pool_config"] == {"driver": "braiins", "coin": "BTC"}
        (entry,) = accounts(home)
        assert entry.state is ConfigEntryState.LOADED

        path = f"/{entry.entry_id}"
        wrong = {"pool_config": {"api_token": "nonsense"}}
        status, answer = await send(client, "put", path, json=wrong)
        assert (status, answer["code"]) == (400, "pool_key_refused")
        assert entry.data["account_settings"]["api_token"] == DEMO_KEY
        # The key is not lost by a change of something else
        status, answer = await send(client, "put", path, json={"port": 3334})
        assert (status, answer["port"]) == (200, 3334)
        assert entry.data["account_settings"]["api_token"] == DEMO_KEY
        await home.async_block_till_done()
    assert home.config_entries.flow.async_progress() == []


async def test_a_pool_is_changed_and_removed(
    home: HomeAssistant, client: Client, pool: SimulatedSolopool
) -> None:
    """Given another server, name and state, the account stays what it is."""
    _, answer = await add(client, template_id="dgb-home", user=DEMO_WALLET)
    path, unique_id = f"/{answer['id']}", accounts(home)[0].unique_id
    change = {**answer, "url": "barn.example", "name": "Barn", "user": DEMO_WALLET}
    del change["id"], change["pool_type"]
    status, answer = await send(client, "put", path, json=change)
    assert (status, answer["url"], answer["name"]) == (200, "barn.example", "Barn")
    await home.async_block_till_done()
    (entry,) = accounts(home)
    assert (entry.unique_id, entry.state) == (unique_id, ConfigEntryState.LOADED)

    status, answer = await send(client, "put", path, json={"name": " A\n\u202eB "})
    assert (status, answer["name"]) == (200, "A B")
    status, answer = await send(client, "put", path, json={"name": "  "})
    assert (status, answer["code"], entry.title) == (400, "body_field_invalid", "A B")

    status, answer = await send(client, "put", path, json={"enabled": False})
    assert (status, answer["enabled"]) == (200, False)
    status, answer = await send(client, "put", path, json={"enabled": True})
    assert (status, answer["enabled"]) == (200, True)
    assert entry.state is ConfigEntryState.LOADED

    assert await send(client, "delete", path) == (200, {"status": "deleted"})
    assert accounts(home) == []
    for method in ("get", "put", "delete"):
        options = {"json": {}} if method == "put" else {}
        status, answer = await send(client, method, path, **options)
        assert (status, answer["code"]) == (404, "unknown_pool")


# What does not


async def test_what_cannot_be_is_refused(
    home: HomeAssistant,
    client: Client,
    pool: SimulatedSolopool,
    subtests: pytest.Subtests,
) -> None:
    """Given something wrong, it is said what, nothing is added and no flow is left."""
    for body, status, code in [
        ({"template_id": "no-such", "user": "x"}, 404, "unknown_template"),
        ({"template_id": "dgb-home"}, 400, "pool_wallet_invalid"),
        ({"template_id": "dgb-home", "user": "nonsense"}, 400, "wallet_to_confirm"),
        (
            {"template_id": "dgb-home", "user": f"{DEMO_WALLET[:-1]}q"},
            400,
            "pool_wallet_checksum",
        ),
        (
            {"template_id": "dgb-home", "user": BITCOIN_WALLET},
            400,
            "pool_wallet_other_coin",
        ),
        ({}, 400, "pool_address_invalid"),
        ({"url": "not a host!", "port": 1}, 400, "pool_address_invalid"),
        ({"url": "../../etc", "port": 1}, 400, "pool_address_invalid"),
        ({"url": "pool.example.org", "port": 3333}, 400, "pool_not_known"),
        (
            {"url": "x.example", "pool_config": {"driver": "../x"}},
            400,
            "pool_driver_unknown",
        ),
        (
            {"url": "x.example", "pool_config": {"driver": "solopool"}},
            400,
            "pool_coin_missing",
        ),
        (
            {"url": "x.example", "pool_config": {"driver": "solopool", "coin": "DOGE"}},
            400,
            "pool_coin_missing",
        ),
        (
            {
                "template_id": "dgb-home",
                "user": DEMO_WALLET,
                "pool_config": {"flavor": 1},
            },
            400,
            "pool_settings_unknown",
        ),
    ]:
        with subtests.test(f"{body} {status}"[:80]):
            result, answer = await add(client, **body)
            assert (result, answer["code"]) == (status, code), answer
            assert "{" not in answer["message"]
            assert accounts(home) == []
            assert home.config_entries.flow.async_progress() == []


async def test_nonsense_is_refused(
    home: HomeAssistant, client: Client, subtests: pytest.Subtests
) -> None:
    """Given a body that no script means, it is refused as such."""
    for options, status in [
        ({"data": b"{"}, 400),
        ({"data": b"\xff\xfe"}, 400),
        ({"data": b"[" * 60_000}, 400),
        ({"data": b'{"a":' * 10_000}, 400),
        ({"data": b'{"port":NaN}'}, 400),
        ({"json": []}, 400),
        ({"json": "text"}, 400),
        ({"json": {"port": "8004", "url": "home.example"}}, 400),
        ({"json": {"port": True, "url": "home.example"}}, 400),
        ({"json": {"port": 8004.5, "url": "home.example"}}, 400),
        ({"json": {"port": 10**30, "url": "home.example"}}, 400),
        ({"json": {"port": 0, "url": "home.example"}}, 400),
        ({"json": {"url": "x" * 257}}, 400),
        ({"json": {"url": ["home.example"]}}, 400),
        ({"json": {"name": " \u202e\x00", "url": "home.example"}}, 400),
        ({"json": {"url": None}}, 400),
        ({"json": {"pool_config": {"a": {"b": {}}}}}, 400),
        ({"json": {"pool_config": {f"a{n}": 1 for n in range(33)}}}, 400),
        ({"json": {"surprise": 1}}, 400),
        ({"data": b" " * (LARGEST_BODY + 1)}, 413),
        ({"data": b"[" * (2 * LARGEST_BODY)}, 413),
        # Hangs up, so that it comes last
        ({"data": b"{}", "headers": {"Content-Encoding": "gzip"}}, 400),
    ]:
        with subtests.test(f"{options} {status}"[:80]):
            result, answer = await send(client, "post", **options)
            assert (result, bool(answer["code"])) == (status, True)
            assert accounts(home) == []


async def test_a_vast_body_is_not_read(home: HomeAssistant, client: Client) -> None:
    """Given 100 MB, with and without a length in front, most of it is never taken."""
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1600):
            sent += LARGEST_BODY
            yield b" " * LARGEST_BODY

    for data in (b" " * 100_000_000, chunks()):
        try:
            status, answer = await send(client, "post", data=data)
        except ClientConnectionError:
            continue  # The server has hung up while the rest was being sent
        assert (status, answer["code"]) == (413, "body_too_large")
    assert sent < 50_000_000
    assert (await send(client, "get"))[0] == HTTPStatus.OK


async def test_a_pool_that_is_down_is_told(
    home: HomeAssistant, client: Client, pool: SimulatedSolopool
) -> None:
    """Given a pool without an answer, it is no mistake of the script."""
    await pool.unplug()
    status, answer = await add(client, template_id="dgb-home", user=DEMO_WALLET)
    assert status == HTTPStatus.SERVICE_UNAVAILABLE
    assert "Solopool.org DGB (Home)" in answer["message"]
    assert accounts(home) == []


async def test_a_wallet_that_cannot_be_checked(
    home: HomeAssistant, client: Client, pool: SimulatedSolopool
) -> None:
    """Given a wallet of an unusual form, it is taken once it is confirmed."""
    body = {"template_id": "dgb-home", "user": "unusual"}
    status, answer = await add(client, **body)
    assert (status, answer["code"]) == (400, "wallet_to_confirm")
    assert "wallet_confirmed" in answer["message"]
    assert (await add(client, **body, wallet_confirmed=True))[0] == HTTPStatus.OK
    assert accounts(home)[0].data["wallet"] == "unusual"


async def test_several_pools_at_a_host(
    home: HomeAssistant, client: Client, hmm_folder: Path, pool: SimulatedSolopool
) -> None:
    """Given a host with two coins, it is asked which; with the coin, it is clear."""
    address = {"driver": "solopool", "url": "two.example", "port": 8004}
    for coin in ("DGB", "BCH"):
        api = f"http://127.0.0.1:{pool.port}/api"
        values = {**address, "coin": coin, "api_base": api, "display_name": coin}
        file(hmm_folder, f"two-{coin}", **values)
    await home.services.async_call(DOMAIN, "reload_drivers", {}, blocking=True)
    body = {"url": "two.example", "port": 8004, "user": DEMO_WALLET}
    status, answer = await add(client, **body)
    assert (status, answer["code"]) == (400, "pool_unclear")
    assert "solopool BCH, solopool DGB" in answer["message"]
    status, answer = await add(client, **body, pool_config={"coin": "dgb"})
    assert (status, answer["pool_config"]["coin"]) == (200, "DGB")


async def test_a_driver_with_a_fault(
    home: HomeAssistant,
    client: Client,
    pool: SimulatedSolopool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given a driver whose form makes no sense, nothing is added or changed."""
    body = {"template_id": "dgb-home", "user": DEMO_WALLET}
    _, account = await add(client, **body)
    monkeypatch.setattr(SolopoolDriver, "get_config_schema", lambda _: [])
    for method, path in (("post", ""), ("put", f"/{account['id']}")):
        options = {"json": body if method == "post" else {"port": 1}}
        status, answer = await send(client, method, path, **options)
        assert (status, answer["code"]) == (400, "pool_driver_fault")
    assert home.config_entries.flow.async_progress() == []


async def test_two_at_once_are_one(
    home: HomeAssistant, client: Client, pool: SimulatedSolopool
) -> None:
    """Given the same account twice at the same time, there is one of it."""
    body = {"template_id": "dgb-home", "user": DEMO_WALLET}
    answers = await asyncio.gather(*(add(client, **body) for _ in range(4)))
    assert sorted(status for status, _ in answers) == [200, 409, 409, 409]
    assert len(accounts(home)) == 1
    path = f"/{accounts(home)[0].entry_id}"
    changes = ({"name": "A", "url": "barn.example"}, {"name": "B", "enabled": False})
    written = await asyncio.gather(
        *(send(client, "put", path, json=change) for change in changes),
        send(client, "delete", path),
        send(client, "delete", path),
    )
    assert {status for status, _ in written} <= {200, 404, 409}
    await home.async_block_till_done()
    assert accounts(home) == []
    assert home.config_entries.flow.async_progress() == []


async def test_a_stop_in_the_middle(
    home: HomeAssistant, client: Client, pool: SimulatedSolopool
) -> None:
    """Given Home Assistant that stops meanwhile, nothing half is left."""
    pool.fault, pool.slow_seconds = Fault.SLOW, 0.3
    before = pool.counters.requests
    adding = asyncio.create_task(add(client, template_id="dgb-home", user=DEMO_WALLET))
    await until(lambda: pool.counters.requests > before)
    await home.async_stop(force=True)
    with suppress(ClientConnectionError):
        await adding
    assert all(entry.data["wallet"] == DEMO_WALLET for entry in accounts(home))
    assert home.config_entries.flow.async_progress() == []


async def test_the_wallet_stays(
    home: HomeAssistant, client: Client, pool: SimulatedSolopool
) -> None:
    """Given another wallet, coin or driver, that is another account."""
    _, answer = await add(client, template_id="dgb-home", user=DEMO_WALLET)
    before = dict(accounts(home)[0].data)
    for change in (
        {"user": "dgb1qda6xsetjypjhsctdwpkx2gfpyysjzgfphl8kfa"},
        {"pool_config": {"wallet": BITCOIN_WALLET}},
        {"pool_config": {"coin": "BTC"}},
        {"pool_config": {"driver": "ckpool"}},
    ):
        path = f"/{answer['id']}"
        status, refused = await send(client, "put", path, json=change)
        assert (status, refused["code"]) == (409, "pool_user_fixed")
        assert DEMO_WALLET not in refused["message"]
    status, refused = await send(client, "put", path, json={"url": "no host!"})
    assert (status, refused["code"]) == (400, "pool_address_invalid")
    await pool.unplug()
    status, _ = await send(client, "put", path, json={"port": 8005, "name": "X"})
    assert status == HTTPStatus.SERVICE_UNAVAILABLE
    assert (dict(accounts(home)[0].data), accounts(home)[0].title) == (
        before,
        "Solopool.org DGB",
    )
    assert home.config_entries.flow.async_progress() == []


@pytest.mark.parametrize(
    "pool_id", ["no-such", "..", "..%2F..%2Fapi", "%00", "%2e%2e", "x" * 5000]
)
async def test_unknown_ids(home: HomeAssistant, client: Client, pool_id: str) -> None:
    """Given the id of nothing, there is no such pool."""
    url = URL(f"{client.make_url(POOLS)}/{pool_id}", encoded=True)
    response = await client.session.delete(url)
    assert response.status in (400, 404, 405)
    if response.content_type == "application/json":
        answer = await response.json()
        assert answer["code"] == "unknown_pool"
        assert len(answer["message"]) < 200
    assert len(await response.text()) < 400


# In the network


@pytest.fixture
async def stack(
    socket_enabled: None, nobody_at_home: None, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[SimulatedStack]:
    """Run a DGB stack where drivers look for it."""
    async with SimulatedStack() as stack:
        ports = StackPorts(stack.stratum.port, stack.port)
        monkeypatch.setitem(ckpool_stack.STACKS, "DGB", ports)
        yield stack


async def test_pools_of_the_network_are_found(
    home: HomeAssistant,
    stack: SimulatedStack,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given a server of one's own at which no miner mines, it is found and added."""

    async def networks(hass: HomeAssistant) -> list[IPv4Network]:
        return [IPv4Network("127.0.0.1/32"), IPv4Network("8.8.8.0/24")]

    monkeypatch.setattr(discovered, "async_own_networks", networks)
    server = {
        "url": "127.0.0.1",
        "port": stack.stratum.port,
        "miners": [],
        "active": False,
        "matches": [
            {
                "pool_type": "dgb_stack",
                "pool_display_name": "DGB stack",
                "template_id": "dgb-stack-local",
                "display_name": "DGB stack (own server)",
                "coin": "DGB",
            }
        ],
        "configured": False,
        "pool_ids": [],
    }
    assert await send(client, "get", "/discover") == (200, [server])
    status, answer = await add(client, url=server["url"], port=server["port"])
    assert status == HTTPStatus.OK
    server |= {"configured": True, "pool_ids": [answer["id"]]}
    assert await send(client, "get", "/discover") == (200, [server])
    asked = stack.counters.requests
    assert await send(client, "get", "/discover?network=false") == (200, [])
    assert stack.counters.requests == asked
    status, _ = await send(client, "get", "/discover?network=maybe")
    assert status == HTTPStatus.BAD_REQUEST
