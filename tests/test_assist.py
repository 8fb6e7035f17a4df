"""Assist understands the names that the entities have."""

from homeassistant.components import conversation
from homeassistant.components.homeassistant.exposed_entities import async_expose_entity
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers import intent
from homeassistant.setup import async_setup_component
import pytest

from simulator import SimulatedAxeOS

from .common import find, find_id
from .conftest import miner_entry, set_up
from .flows import choose, fill
from .voice_page import stock_sentences

pytestmark = pytest.mark.usefixtures("quick")


async def say(hass: HomeAssistant, text: str) -> intent.IntentResponse:
    """Say something to Assist and return what it answers."""
    result = await conversation.async_converse(
        hass, text, conversation_id=None, context=Context(), language="en"
    )
    return result.response


async def test_sentences(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> None:
    """Turn the miner off and on by its name, and ask for its figures."""
    assert await async_setup_component(home, "homeassistant", {})
    assert await async_setup_component(home, "conversation", {})
    bitaxe.miner.speed = 0
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe", title="Bitaxe Gamma"))
    for platform, key in (
        ("switch", "mining"),
        ("sensor", "temperature"),
        ("sensor", "hashrate"),
        ("sensor", "power"),
        ("select", "mode"),
    ):
        async_expose_entity(
            home, "conversation", find_id(home, entry, platform, key), True
        )

    answer = await say(home, "what is the Bitaxe Gamma temperature?")
    assert answer.response_type is intent.IntentResponseType.QUERY_ANSWER
    degrees = find(home, entry, "sensor", "temperature").state
    assert degrees in answer.speech["plain"]["speech"]

    answer = await say(home, "what is the Bitaxe Gamma hashrate?")
    assert answer.response_type is intent.IntentResponseType.QUERY_ANSWER
    hashrate = find(home, entry, "sensor", "hashrate").state
    assert hashrate in answer.speech["plain"]["speech"]

    answer = await say(home, "turn off the Bitaxe Gamma")
    assert answer.response_type is intent.IntentResponseType.ACTION_DONE
    await home.async_block_till_done()
    assert bitaxe.paused
    assert find(home, entry, "switch", "mining").state == "off"

    answer = await say(home, "is the Bitaxe Gamma on?")
    assert answer.speech["plain"]["speech"].lower().startswith("no")

    answer = await say(home, "turn on the Bitaxe Gamma")
    assert answer.response_type is intent.IntentResponseType.ACTION_DONE
    await home.async_block_till_done()
    assert not bitaxe.paused


async def test_exposed_by_default(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> None:
    """The mining switch is no setting in the background: Assist may use it."""
    assert await async_setup_component(home, "homeassistant", {})
    assert await async_setup_component(home, "conversation", {})
    await set_up(home, miner_entry(bitaxe, "bitaxe", title="Garage miner"))
    answer = await say(home, "turn off the garage miner")
    assert answer.response_type is intent.IntentResponseType.ACTION_DONE
    await home.async_block_till_done()
    assert bitaxe.paused


async def test_what_the_page_says_works_word_for_word(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """A miner added like any: what the page says of Home Assistant's own sentences."""
    assert await async_setup_component(home, "homeassistant", {})
    assert await async_setup_component(home, "conversation", {})
    form = await choose(home, "miner")
    result = await fill(home, form, host=f"127.0.0.1:{bitaxe.port}")
    assert result["title"] == "Bitaxe Gamma"

    paused = []
    for sentence in stock_sentences():
        response = await say(home, sentence)
        assert response.response_type is not intent.IntentResponseType.ERROR, sentence
        await home.async_block_till_done()
        paused.append(bitaxe.paused)

    assert paused == [True, False, False]
