"""Home Assistant's own MCP server, as a language model outside reaches it."""

from http import HTTPStatus
from itertools import count
import json
from typing import Any

from homeassistant.components.homeassistant.exposed_entities import async_expose_entity
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from .conftest import House
from .test_llm import LARGEST, READ, WRITE

pytest.importorskip("mcp", reason="Home Assistant installs it with its MCP server")
pytest.importorskip("aiohttp_sse")
pytestmark = pytest.mark.usefixtures("quick")

ADDRESS = "/api/mcp"
ENTRY = {"llm_hass_api": ["assist"], "all_llm_apis": False, "require_admin": False}
ENDLESS = "x" * 30_000


class Model:
    """A language model that is connected with the rights of a token."""

    def __init__(self, client: Any) -> None:
        """Begin to count what it asks."""
        self._client = client
        self._ids = count(1)

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a request and return its result."""
        response = await self._client.post(
            ADDRESS,
            json={
                "jsonrpc": "2.0",
                "id": next(self._ids),
                "method": method,
                "params": params,
            },
            headers={"Accept": "application/json"},
        )
        assert response.status == HTTPStatus.OK, await response.text()
        result: dict[str, Any] = (await response.json())["result"]
        return result

    async def tools(self) -> dict[str, dict[str, Any]]:
        """Return the tools of HMM by their names."""
        tools = (await self.ask("tools/list"))["tools"]
        return {
            tool["name"].removeprefix("hmm__"): tool
            for tool in tools
            if tool["name"].startswith("hmm__")
        }

    async def call(self, tool: str, **arguments: Any) -> str:
        """Call a tool and return what it says, which is never long."""
        result = await self.ask("tools/call", name=f"hmm__{tool}", arguments=arguments)
        text = "".join(item["text"] for item in result["content"])
        assert len(text) < LARGEST
        return text


@pytest.fixture
async def model(house: House, hass_client: ClientSessionGenerator) -> Model:
    """Return a model of the owner's."""
    hass = house.hass
    # As Home Assistant starts: the server asks for what all integrations offer
    assert await async_setup_component(hass, "llm", {})
    entry = MockConfigEntry(domain="mcp_server", data=ENTRY)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    return Model(await hass_client())


def expose(house: House, index: int, exposed: bool) -> None:
    """Expose all of a miner to Assist, or nothing."""
    for entity in er.async_entries_for_config_entry(
        er.async_get(house.hass), house.miners[index].entry_id
    ):
        async_expose_entity(house.hass, "conversation", entity.entity_id, exposed)


async def test_it_offers_the_tools(house: House, model: Model) -> None:
    """Given the server, then the tools are listed with what they do and take."""
    tools = await model.tools()
    assert tools.keys() == READ - {"pool_status"} | WRITE
    for name, tool in tools.items():
        assert tool["description"]
        assert tool["inputSchema"]["type"] == "object"
        if annotations := tool.get("annotations"):
            assert annotations["readOnlyHint"] is (name in READ)
    assert "mining" in tools["set_mining"]["inputSchema"]["properties"]


async def test_it_tells_and_moves(house: House, model: Model) -> None:
    """Given calls, then miners are told of and moved as by voice."""
    fleet = json.loads(await model.call("fleet_status"))
    assert "3" in json.dumps(fleet)
    assert "Bitaxe Gamma" in await model.call("miner_status", name="bitaxe gamma")
    assert "done" in await model.call("set_mining", mining=False, name="Bitaxe Gamma")
    assert house.gamma.paused and not house.nerd.paused


async def test_it_knows_nothing_of_what_is_hidden(house: House, model: Model) -> None:
    """Given a hidden miner, then neither a list nor its name finds it."""
    expose(house, 0, False)
    assert "Bitaxe Gamma" not in await model.call("miner_status")
    assert "There is no miner called" in await model.call(
        "miner_status", name="Bitaxe Gamma"
    )
    assert "error" in await model.call("set_mining", mining=False, name="Bitaxe Gamma")
    assert not house.gamma.paused
    for index in (1, 2):
        expose(house, index, False)
    assert await model.tools() == {}


async def test_a_reader_moves_nothing(
    house: House,
    model: Model,
    hass_client: ClientSessionGenerator,
    hass_read_only_access_token: str,
) -> None:
    """Given the token of somebody who may only read, then orders are refused."""
    reader = Model(await hass_client(hass_read_only_access_token))
    assert "Bitaxe Gamma" in await reader.call("miner_status")
    for order in (
        reader.call("set_mining", mining=False),
        reader.call("set_mode", mode="eco", name="NerdQAxe++"),
    ):
        assert "You may not control" in await order
    assert not house.gamma.paused and not house.nerd.paused


async def test_absurd_arguments_are_refused(
    house: House, model: Model, subtests: pytest.Subtests
) -> None:
    """Given what a model should never send, then it is told, and nothing moves."""
    for tool, arguments in [
        ("miner_status", {"name": ENDLESS}),
        ("miner_status", {"area": ENDLESS}),
        ("miner_status", {"start": -1}),
        ("miner_status", {"start": 10**30}),
        ("miner_status", {"start": "0"}),
        ("miner_status", {"name": ["Bitaxe Gamma"]}),
        ("miner_status", {"unheard_of": {"a": [1] * 1000}}),
        ("set_mining", {}),
        ("set_mining", {"mining": "false"}),
        ("set_mining", {"mining": None, "name": "\x00\u202e"}),
        ("set_mode", {"mode": ENDLESS}),
        ("set_mode", {"mode": "eco", "name": "{name}' OR 1=1"}),
        ("set_mode", {"mode": {"eco": True}}),
        ("set_mode", {"mode": ""}),
        ("no_such_tool", {}),
    ]:
        with subtests.test(f"{tool} {arguments}"[:80]):
            before = house.gamma.settings["frequency"], house.nerd.settings["frequency"]
            result = await model.ask(
                "tools/call", name=f"hmm__{tool}", arguments=arguments
            )
            text = "".join(item["text"] for item in result["content"])
            assert "error" in text.lower() or result.get("isError")
            # The server checks first, and repeats what it was sent
            assert len(text) < LARGEST + len(json.dumps(arguments))
            assert not house.gamma.paused and not house.nerd.paused
            assert before == (
                house.gamma.settings["frequency"],
                house.nerd.settings["frequency"],
            )
