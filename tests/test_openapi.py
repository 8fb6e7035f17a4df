"""The description of the addresses: it is valid, whole, and what a running server says."""

from argparse import ArgumentParser
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from http import HTTPStatus
import json
from pathlib import Path
import re
import shlex
from typing import Annotated, Any, Literal, NotRequired, TypedDict

from aiohttp.test_utils import TestClient
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
import jsonschema
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
import voluptuous as vol

from custom_components.hmm import openapi
from custom_components.hmm.drivers.actions import INSTALL, ROLL_BACK
from custom_components.hmm.drivers.driver_shapes import ToInstall, WhichVersion
from custom_components.hmm.json_shapes import fields_of, json_schema, validator
from custom_components.hmm.routes import PREFIX
from simulator import SimulatedAxeOS, SimulatedSolopool
from simulator.solopool import DEMO_WALLET

from .common import pool_entry
from .conftest import miner_entry, set_up
from .file_server import FileServer
from .pool_files import pool_file
from .test_docs import blocks
from .user_drivers import BITAXE, acme, put, read, sum_of

pytestmark = pytest.mark.usefixtures(
    "quick", "usual_ports", "nobody_at_home", "no_network"
)

OTHER_WALLET = "dgb1qda6xsetjypjhsctdwpkx2gfpyysjzgfphl8kfa"

type Client = TestClient[Any, Any]


@dataclass
class Api:
    """A running server with what it says of itself; it notes what was answered."""

    client: Client
    document: dict[str, Any]
    miner: ConfigEntry[Any]
    pool: ConfigEntry[Any]
    answered: set[tuple[str, str, int]] = field(default_factory=set)

    def schema(self, part: dict[str, Any]) -> dict[str, Any]:
        """Return a part of the document that finds what it refers to."""
        return {**part, "components": self.document["components"]}

    async def try_(
        self, method: str, path: str, query: str = "", body: Any = None, **names: str
    ) -> Any:
        """Send a request and hold both sides against the description."""
        operation = self.document["paths"][path][method]
        options = {} if body is None else {"json": body}
        response = await self.client.request(
            method, PREFIX + path.format(**names) + query, **options
        )
        told = operation["responses"][str(response.status)]
        answer = await response.json()
        jsonschema.validate(
            answer,
            self.schema(told["content"]["application/json"]["schema"]),
            jsonschema.Draft202012Validator,
        )
        if body is not None and response.status == HTTPStatus.OK:
            content = operation["requestBody"]["content"]["application/json"]
            jsonschema.validate(body, self.schema(content["schema"]))
        self.answered.add((method, path, response.status))
        return answer


@pytest.fixture
async def api(
    home: HomeAssistant,
    hmm_folder: Path,
    bitaxe: SimulatedAxeOS,
    hass_client: ClientSessionGenerator,
) -> AsyncIterator[Api]:
    """Set up a miner, a pool and a driver of the user's own."""
    text = await read(BITAXE)
    old = re.sub(r'driver_version = "[^"]+"', 'driver_version = "0.9.0"', text, count=1)
    await put(home, "miner_drivers/bitaxe_driver.py", old)
    async with SimulatedSolopool(generation=1, speed=0) as pool:
        pool_file(hmm_folder, pool, "dgb-home")
        pool_file(hmm_folder, pool, "solopool-dgb-eu1", "EU1")
        miner = await set_up(home, miner_entry(bitaxe, "bitaxe", title="Garage"))
        account = await set_up(home, pool_entry(pool, OTHER_WALLET, title="Mine"))
        client = await hass_client()
        document = await (await client.get(f"{PREFIX}/openapi.json")).json()
        yield Api(client, document, miner, account)
        for entry in home.config_entries.async_entries("hmm"):
            if entry.data["entry_type"] == "pool":
                await home.config_entries.async_unload(entry.entry_id)


async def test_every_address_answers_as_described(
    api: Api, files: FileServer, bitaxe: SimulatedAxeOS
) -> None:
    """Given each address once, the answer of the server has the described shape."""
    miner, pool = {"miner_id": api.miner.entry_id}, {"pool_id": api.pool.entry_id}
    ids = {"miner_ids": [api.miner.entry_id, "no-such"]}
    await api.try_("get", "/openapi.json")
    await api.try_("get", "/dashboard/pools/platform-tiles")
    await api.try_("get", "/dashboard/pools")
    await api.try_("get", "/dashboard/pools", f"?pool_id={api.pool.entry_id}")
    await api.try_("get", "/pool-templates")
    await api.try_("get", "/pool-templates/{pool_type}", pool_type="solopool")
    await api.try_(
        "get", "/pool-templates/{pool_type}/{coin}", pool_type="solopool", coin="dgb"
    )
    assert await api.try_("get", "/pools/discover", "?network=false")

    await api.try_("get", "/pools")
    await api.try_("get", "/pools/{pool_id}", **pool)
    new = {"template_id": "dgb-home", "user": DEMO_WALLET, "pool_config": {}}
    row = await api.try_("post", "/pools", body=new)
    change = {"name": "Other", "port": 8005, "user": None}
    await api.try_("put", "/pools/{pool_id}", body=change, pool_id=row["id"])
    await api.try_("delete", "/pools/{pool_id}", pool_id=row["id"])

    assert await api.try_("get", "/miners")
    await api.try_("get", "/miners/{miner_id}", **miner)
    await api.try_("get", "/miners/{miner_id}/telemetry", "?live=true", **miner)
    await api.try_("get", "/miners/{miner_id}/modes", **miner)
    await api.try_("post", "/miners/{miner_id}/mode", body={"mode": "eco"}, **miner)
    await api.try_("post", "/miners/{miner_id}/pool", body=pool, **miner)
    await api.try_("post", "/miners/{miner_id}/restart", **miner)
    await api.try_("post", "/miners/bulk/mode", body={**ids, "mode": "standard"})
    await api.try_("post", "/miners/bulk/pool", body={**ids, **pool})
    await api.try_("post", "/miners/bulk/restart", body=ids)
    await api.try_("post", "/miners/bulk/disable", body=ids)
    await api.try_("post", "/miners/bulk/enable", body=ids)

    driver = {"driver": "bitaxe"}
    file = {"category": "miner", "driver": "bitaxe_driver.py"}
    await api.try_("get", "/drivers")
    await api.try_("get", "/drivers/status")
    await api.try_("get", "/drivers/check-updates")
    await api.try_("post", "/drivers/update/{driver}", **driver)
    await api.try_("post", "/drivers/rollback/{driver}", body={}, **driver)
    await api.try_("post", "/drivers/update-all")
    await api.try_("post", "/drivers/update/{category}/{driver}", **file)
    url = files.put("/acme_driver.py", acme())
    install = {"url": url, "sha256": sum_of(acme())}
    await api.try_("post", "/drivers/install", body=install)
    await api.try_("post", "/drivers/install/{category}/{driver}", **file)
    await api.try_("post", "/drivers/remove/{driver}", **driver)
    await api.try_("post", "/drivers/reload")

    assert api.answered == {
        (method, path, HTTPStatus.OK)
        for path, operations in api.document["paths"].items()
        for method in operations
    }


async def test_every_error_is_as_described(
    api: Api, bitaxe: SimulatedAxeOS, hass_read_only_access_token: str
) -> None:
    """Given what fails in every way, the answer has the described shape."""
    miner, pool = {"miner_id": api.miner.entry_id}, {"pool_id": api.pool.entry_id}
    await api.try_("get", "/dashboard/pools", "?pool_id=x")
    await api.try_("get", "/pool-templates/{pool_type}", pool_type="x")
    await api.try_("get", "/pools/{pool_id}", pool_id="x")
    await api.try_("post", "/pools", body={"template_id": "x"})
    await api.try_("post", "/pools", body={"url": 1})
    await api.try_("post", "/pools", body={"user": "x" * 70_000})
    same = {"template_id": "dgb-home", "user": DEMO_WALLET}
    await api.try_("post", "/pools", body=same)
    await api.try_("post", "/pools", body=same)
    await api.try_("put", "/pools/{pool_id}", body={"user": "x"}, **pool)
    await api.try_("put", "/pools/{pool_id}", body={"port": 0}, **pool)
    await api.try_("post", "/miners/{miner_id}/mode", body={"mode": "x"}, **miner)
    await api.try_("post", "/miners/{miner_id}/restart", miner_id="x")
    await api.try_("post", "/drivers/update/{driver}", driver="x")
    await api.try_("post", "/drivers/install", body={"url": "x", "sha256": "x"})
    await api.try_("post", "/drivers/rollback/{driver}", body={}, driver="bitaxe")
    await bitaxe.unplug()
    await api.try_("post", "/miners/{miner_id}/restart", **miner)
    await api.miner.runtime_data.async_refresh()
    await api.try_("get", "/miners/{miner_id}/telemetry", **miner)
    api.client.session.headers["Authorization"] = (
        f"Bearer {hass_read_only_access_token}"
    )
    await api.try_("post", "/pools", body=same)
    await api.try_("get", "/drivers")
    assert {status for *_, status in api.answered} - {200} == {
        *(400, 403, 404, 409, 413, 503),
    }


async def test_the_examples_of_the_documentation_work(
    api: Api, files: FileServer
) -> None:
    """Given each line with curl, the server does it; there is one for each address."""
    acme_url = files.put("/acme_driver.py", acme())
    real = {
        "01M7XRTREZYPGAR9RE3CC6WQY7": api.pool.entry_id,
        "01M7XRTRB1TAXEGARAGE00MNR1": api.miner.entry_id,
        "https://example.org/acme_driver.py": acme_url,
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08": sum_of(
            acme()
        ),
        "$HMM": PREFIX,
    }
    # What removes the account comes last
    lines = sorted(curl_lines("docs/api.md"), key=lambda line: "DELETE" in line)
    tried = set()
    for line in lines:
        for example, value in real.items():
            line = line.replace(example, value)
        options = ArgumentParser()
        for name in ("-H", "-d", "-X"):
            options.add_argument(name)
        options.add_argument("url")
        given = options.parse_args(shlex.split(line)[1:])
        assert given.H == "$AUTH"
        method = given.X or ("POST" if given.d else "GET")
        response = await api.client.request(method, given.url, data=given.d)
        assert response.status == HTTPStatus.OK, (line, await response.text())
        path = given.url.partition("?")[0].removeprefix(PREFIX)
        tried.add((method.lower(), template_of(api.document, method.lower(), path)))
    assert tried == {
        (method, path)
        for path, operations in api.document["paths"].items()
        for method in operations
    }


def curl_lines(page: str) -> list[str]:
    """Return the requests of the examples of a page."""
    lines = [line for block in blocks(page, "shell") for line in block.splitlines()]
    return [line for line in lines if line.startswith("curl ")]


def template_of(document: dict[str, Any], method: str, path: str) -> str:
    """Return which address of the document a path is."""
    fitting = [
        template
        for template, operations in document["paths"].items()
        if method in operations
        and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path)
    ]
    return min(fitting, key=lambda template: template.count("{"))


def test_the_answers_of_the_documentation_are_described() -> None:
    """Given the examples of answers on the page, they have the described shapes."""
    account, telemetry, *_ = (
        json.loads(block) for block in blocks("docs/api.md", "jsonc")
    )
    platform, healthy, down, templates, discovered = (
        json.loads(block) for block in blocks("docs/api.md", "json")
    )
    for answer, path in (
        (account, "/pools/{pool_id}"),
        (telemetry, "/miners/{miner_id}/telemetry"),
        (platform, "/dashboard/pools/platform-tiles"),
        (healthy, "/dashboard/pools"),
        (down, "/dashboard/pools"),
        (templates, "/pool-templates"),
        (discovered, "/pools/discover"),
    ):
        document = openapi.description()
        told = document["paths"][path]["get"]["responses"]["200"]["content"]
        schema = told["application/json"]["schema"]
        jsonschema.validate(answer, {**schema, "components": document["components"]})


async def test_every_address_is_described(api: Api, home: HomeAssistant) -> None:
    """Given the addresses of the web server, exactly they are in the description."""
    served = {
        (route.method.lower(), resource.canonical.removeprefix(PREFIX))
        for resource in home.http.app.router.resources()
        if resource.canonical.startswith(PREFIX)
        and not resource.canonical.endswith("/")
        for route in resource
        if route.method not in ("HEAD", "OPTIONS")
    }
    described = {
        (method, path)
        for path, operations in api.document["paths"].items()
        for method in operations
    }
    assert served == described


def test_the_document_is_sound() -> None:
    """Given the document, its schemas are valid, and all that it refers to is there."""
    document = openapi.description()
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["description"].endswith(".")
    referred = set(re.findall(r"#/components/schemas/(\w+)", str(document)))
    assert referred == set(schemas)
    ids = [
        operation["operationId"]
        for operations in document["paths"].values()
        for operation in operations.values()
    ]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z0-9_]+", item) for item in ids)


def test_bodies_of_drivers_are_those_of_the_actions() -> None:
    """Given what the actions take, the addresses take it, but what is in their path."""
    for action, shape in ((INSTALL, ToInstall), (ROLL_BACK, WhichVersion)):
        assert {str(item) for item in action.fields} - {"driver"} == set(
            fields_of(shape)
        )


class Part(TypedDict):
    """A part."""

    port: Annotated[int, vol.Range(min=1, max=9)]
    name: NotRequired[Annotated[str | None, vol.Length(max=3), "A name"]]


class Whole(TypedDict):
    """All kinds of shapes."""

    parts: Annotated[list[Part], vol.Length(min=1, max=2)]
    kind: NotRequired[Literal["a", "b"]]
    flag: NotRequired[bool]
    size: NotRequired[float | None]
    more: NotRequired[dict[str, str | int]]


@pytest.mark.parametrize(
    ("value", "is_right"),
    [
        ({"parts": [{"port": 1}]}, True),
        ({"parts": [{"port": 9, "name": "abc"}, {"port": 1}], "kind": "b"}, True),
        ({"parts": [{"port": 1}], "flag": True, "size": 1.5, "more": {"x": 1}}, True),
        ({"parts": [{"port": 1}], "size": 2, "more": {}}, True),
        ({"parts": [{"port": 1}], "size": None}, True),
        ({}, False),
        ([], False),
        ({"parts": []}, False),
        ({"parts": [{"port": 1}] * 3}, False),
        ({"parts": {"port": 1}}, False),
        ({"parts": [{"port": 0}]}, False),
        ({"parts": [{"port": 10}]}, False),
        ({"parts": [{"port": True}]}, False),
        ({"parts": [{"port": "1"}]}, False),
        ({"parts": [{"port": None}]}, False),
        ({"parts": [{"port": 1, "name": "abcd"}]}, False),
        ({"parts": [{"port": 1, "x": 1}]}, False),
        ({"parts": [{"port": 1}], "kind": "c"}, False),
        ({"parts": [{"port": 1}], "flag": 1}, False),
        ({"parts": [{"port": 1}], "size": False}, False),
        ({"parts": [{"port": 1}], "size": "1"}, False),
        ({"parts": [{"port": 1}], "more": {"x": None}}, False),
        ({"parts": [{"port": 1}], "more": {"x": {"y": 1}}}, False),
        ({"parts": [{"port": 1}], "y": 1}, False),
    ],
)
def test_what_is_described_is_what_is_checked(value: Any, is_right: bool) -> None:
    """Given a value, the description and the check take it, or neither does."""
    components: dict[str, Any] = {}
    schema = {**json_schema(Whole, components), "components": {"schemas": components}}
    described = jsonschema.Draft202012Validator(schema).is_valid(value)
    try:
        validator(Whole)(value)
    except vol.Invalid:
        checked = False
    else:
        checked = True
    assert (described, checked) == (is_right, is_right)
