"""The drivers over HTTP, as scripts for HMM-Local ask for them."""

from http import HTTPStatus
from itertools import product
import json
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestClient
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import Unauthorized
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockUser
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.hmm.const import DOMAIN
from custom_components.hmm.data import get_data
from tests.file_server import FileServer
from tests.test_docs import blocks
from tests.user_drivers import BITAXE, acme, broken, do, names, put, read, start, sum_of

BASE = "/api/hmm/drivers"
FILE = "miner_drivers/bitaxe_driver.py"
ROW = {
    "name",
    "driver_type",
    "category",
    "display_name",
    "current_version",
    "available_version",
    "status",
    "description",
}


@pytest.fixture
async def client(
    home: HomeAssistant, hass_client: ClientSessionGenerator
) -> TestClient[Any, Any]:
    """Return an administrator beside an old copy of a bundled driver."""
    text = await read(BITAXE)
    await put(home, FILE, text.replace('version = "1.0.0"', 'version = "0.9.0"'))
    await start(home)
    return await hass_client()


async def post(
    client: TestClient[Any, Any], path: str, **options: Any
) -> tuple[int, Any]:
    """Post and return the status and the answer."""
    response = await client.post(f"{BASE}{path}", **options)
    return response.status, await response.json()


async def get(client: TestClient[Any, Any], path: str) -> Any:
    """Return what is at an address."""
    response = await client.get(f"{BASE}{path}")
    assert response.status == HTTPStatus.OK
    return await response.json()


async def test_drivers_are_listed(
    home: HomeAssistant, client: TestClient[Any, Any]
) -> None:
    """Given the list, it is what the action tells."""
    answer = await get(client, "")
    assert answer == await do(home, "list_drivers")
    assert {driver["type"] for driver in answer["drivers"]} >= {"bitaxe", "solopool"}


@pytest.mark.parametrize("path", ["/status", "/check-updates"])
async def test_versions_are_told(
    home: HomeAssistant, client: TestClient[Any, Any], path: str
) -> None:
    """Given the versions, each driver has the keys of HMM-Local."""
    rows = await get(client, path)
    assert all(row.keys() >= ROW for row in rows)
    by_name = {(row["category"], row["name"]): row for row in rows}
    assert len(by_name) == len(list(get_data(home).drivers))
    bitaxe = by_name["miner", "bitaxe_driver.py"]
    assert bitaxe["status"] == "update_available"
    assert (bitaxe["current_version"], bitaxe["available_version"]) == (
        "0.9.0",
        "1.0.0",
    )
    assert by_name["pool", "solopool_driver.py"]["status"] == "up_to_date"


@pytest.mark.parametrize(
    "path",
    [
        "/update/bitaxe",
        "/update/bitaxe_driver.py",
        "/update/miner/bitaxe_driver.py",
        "/install/miner/bitaxe_driver.py",
    ],
)
async def test_one_driver_is_updated(
    home: HomeAssistant, client: TestClient[Any, Any], path: str
) -> None:
    """Given an update, every address that ever installed it does."""
    assert await post(client, path) == (
        HTTPStatus.OK,
        {
            "success": True,
            "message": "Driver bitaxe_driver.py updated successfully.",
            "driver_name": "bitaxe_driver.py",
            "old_version": "0.9.0",
            "new_version": "1.0.0",
        },
    )
    assert get_data(home).drivers.miners["bitaxe"].version == "1.0.0"


async def test_all_drivers_are_updated(client: TestClient[Any, Any]) -> None:
    """Given updates, all are installed; the next time there is nothing to do."""
    row = {
        "name": "bitaxe_driver.py",
        "category": "miner",
        "old_version": "0.9.0",
        "new_version": "1.0.0",
    }
    for updated in ([row], []):
        assert await post(client, "/update-all") == (
            HTTPStatus.OK,
            {
                "success": True,
                "updated": updated,
                "failed": [],
                "message": f"Updated {len(updated)} driver(s).",
            },
        )


async def test_a_bundled_driver_is_copied(
    home: HomeAssistant, client: TestClient[Any, Any]
) -> None:
    """Given a bundled driver, it is installed as a copy to edit."""
    status, answer = await post(client, "/install/pool/solopool_driver.py")
    assert (status, answer["success"]) == (HTTPStatus.OK, True)
    assert (answer["old_version"], answer["new_version"]) == (None, "1.0.0")
    assert not get_data(home).drivers.pools["solopool"].bundled
    status, answer = await post(client, "/install/pool/solopool_driver.py")
    assert answer["message"] == "Driver solopool_driver.py is up to date."
    for path in ("/install/miner/solopool_driver.py", "/install/pool/x_driver.py"):
        status, answer = await post(client, path)
        assert (status, answer["code"]) == (HTTPStatus.NOT_FOUND, "unknown_driver")


async def test_a_driver_from_the_web_waits_for_a_yes(
    home: HomeAssistant, client: TestClient[Any, Any], files: FileServer
) -> None:
    """Given an address and a checksum, the repairs ask."""
    url = files.put("/acme_driver.py", acme())
    status, answer = await post(
        client, "/install", json={"url": url, "sha256": sum_of(acme())}
    )
    assert status == HTTPStatus.OK
    assert answer["driver_type"] == "acme"
    assert ir.async_get(home).async_get_issue(DOMAIN, answer["issue_id"])
    assert "acme" not in get_data(home).drivers.miners

    status, answer = await post(
        client, "/install", json={"url": url, "sha256": "0" * 64}
    )
    assert (status, answer["code"]) == (HTTPStatus.BAD_REQUEST, "driver_checksum")
    status, answer = await post(
        client,
        "/install",
        json={"url": files.url("/nothing"), "sha256": sum_of(acme())},
    )
    assert status == HTTPStatus.INTERNAL_SERVER_ERROR
    assert answer["success"] is False
    assert "404" in answer["message"]


async def test_nonsense_is_refused(client: TestClient[Any, Any]) -> None:
    """Given a body that says nothing, it is refused."""
    url, none = "https://example.org/a.py", "0" * 64
    for options in (
        {},
        {"json": {}},
        {"json": []},
        {"data": b"{"},
        {"data": b"\xff\xfe"},
        {"json": {"url": url}},
        {"json": {"url": url, "sha256": "abc"}},
        {"json": {"url": 1, "sha256": none}},
        {"json": {"url": url, "sha256": none, "force": True}},
    ):
        status, answer = await post(client, "/install", **options)
        assert status == HTTPStatus.BAD_REQUEST, options
        assert answer["code"], options
        assert answer["message"], options


async def test_roll_back_and_remove(
    home: HomeAssistant, client: TestClient[Any, Any]
) -> None:
    """Given an update, it is taken back, and the driver goes and comes again."""
    await post(client, "/update/bitaxe")
    status, answer = await post(client, "/rollback/bitaxe")
    assert (status, answer["new_version"]) == (HTTPStatus.OK, "0.9.0")
    status, answer = await post(client, "/rollback/bitaxe", json={"version": "1.0.0"})
    assert (status, answer["new_version"]) == (HTTPStatus.OK, "1.0.0")
    for body in ({"version": []}, {"versoin": "1"}):
        status, answer = await post(client, "/rollback/bitaxe", json=body)
        assert status == HTTPStatus.BAD_REQUEST
    status, answer = await post(client, "/rollback/bitaxe", json={"version": "7"})
    assert (status, answer["code"]) == (HTTPStatus.BAD_REQUEST, "driver_no_backup")

    status, answer = await post(client, "/remove/bitaxe")
    assert (status, answer["success"]) == (HTTPStatus.OK, True)
    assert get_data(home).drivers.miners["bitaxe"].bundled
    assert await names(home, "miner_drivers") == set()


async def test_reload(home: HomeAssistant, client: TestClient[Any, Any]) -> None:
    """Given a new file, it is loaded at once."""
    await put(home, "acme_driver.py", acme())
    status, answer = await post(client, "/reload")
    assert status == HTTPStatus.OK
    assert [change["type"] for change in answer["changed"]] == ["acme"]
    assert "acme" in get_data(home).drivers.miners


async def test_what_fails_is_told(
    home: HomeAssistant, client: TestClient[Any, Any]
) -> None:
    """Given a driver that there is not, or a version that fails, it is told."""
    status, answer = await post(client, "/update/nobody")
    assert status == HTTPStatus.NOT_FOUND
    assert answer == {
        "success": False,
        "message": answer["message"],
        "detail": answer["message"],
        "code": "driver_unknown",
        "driver_name": "nobody",
        "old_version": None,
        "new_version": None,
    }
    assert "miner/bitaxe" in answer["message"]
    status, _ = await post(client, "/update/pool/bitaxe_driver.py")
    assert status == HTTPStatus.NOT_FOUND

    await put(home, "acme_driver.py", acme())
    await put(
        home,
        "backup/acme/0.1-20250101T000000000000Z.py",
        broken(acme("0.1")),
    )
    await do(home, "reload_drivers")
    status, answer = await post(client, "/rollback/acme")
    assert status == HTTPStatus.INTERNAL_SERVER_ERROR
    assert answer["code"] == "driver_rejected"
    assert "RuntimeError: no" in answer["message"]


GET = ("", "/status", "/check-updates")
POST = (
    *("/update/bitaxe", "/update/miner/bitaxe_driver.py", "/update-all"),
    *("/install", "/install/miner/bitaxe_driver.py"),
    *("/rollback/bitaxe", "/remove/bitaxe", "/reload"),
)
ACTIONS: dict[str, dict[str, str]] = {
    "check_driver_updates": {},
    "customise_driver": {"driver": "solopool"},
    "install_driver": {"url": "https://example.org/a", "sha256": "0" * 64},
    "list_drivers": {},
    "reload_drivers": {},
    "remove_driver": {"driver": "bitaxe"},
    "rollback_driver": {"driver": "bitaxe"},
    "update_all_drivers": {},
    "update_driver": {"driver": "bitaxe"},
}


async def test_it_is_for_administrators(
    home: HomeAssistant,
    client: TestClient[Any, Any],
    hass_client_no_auth: ClientSessionGenerator,
    hass_client: ClientSessionGenerator,
    hass_read_only_access_token: str,
    hass_read_only_user: MockUser,
) -> None:
    """Given anybody else, he gets nothing, and nothing is changed: a driver may do all."""
    before = await names(home)
    text = await read(Path(home.config.path(DOMAIN, FILE)))
    for other, status in (
        (await hass_client_no_auth(), HTTPStatus.UNAUTHORIZED),
        (await hass_client(hass_read_only_access_token), HTTPStatus.FORBIDDEN),
    ):
        for method, path in (*product(["get"], GET), *product(["post"], POST)):
            response = await other.request(method, f"{BASE}{path}")
            assert response.status == status, path
    for action, data in ACTIONS.items():
        with pytest.raises(Unauthorized):
            await home.services.async_call(
                DOMAIN,
                action,
                data,
                blocking=True,
                context=Context(user_id=hass_read_only_user.id),
                return_response=True,
            )
    assert await names(home) == before
    assert await read(Path(home.config.path(DOMAIN, FILE))) == text
    assert get_data(home).drivers.miners["bitaxe"].version == "0.9.0"


async def test_examples_of_the_documentation(client: TestClient[Any, Any]) -> None:
    """The answers on the page are those of the addresses."""
    examples = [json.loads(block) for block in blocks("docs/api.md", "jsonc")]
    *_, row, update, update_all = examples
    shown = next(
        result
        for result in await get(client, "/status")
        if result["driver_type"] == row["driver_type"]
    )
    assert shown | {"description": ""} == row | {"description": ""}
    assert (await post(client, "/update/bitaxe"))[1] == update
    assert (await post(client, "/rollback/bitaxe"))[0] == HTTPStatus.OK
    assert (await post(client, "/update-all"))[1] == update_all
