"""What electricity and coins cost, and what follows it, configured as a user does."""

from collections.abc import Iterable, Mapping
from typing import Any

from .errors import DemoError
from .home_assistant import Client

SENSOR = "sensor.electricity_tariff"
COINS = {
    "btc": "sensor.bitcoin_price",
    "dgb": "sensor.digibyte_price",
    "bc2": "sensor.bitcoinii_price",
}

_ENTRIES = "/api/config/config_entries/entry?domain=hmm"
_OPTIONS = "/api/config/config_entries/options/flow"
_SUBENTRIES = "/api/config/config_entries/subentries/flow"
_FLEET = "Mining fleet"

type _Answers = Iterable[Mapping[str, Any]]

_PRICE: _Answers = (
    {"next_step_id": "prices"},
    {"price_source": "sensor", "price_entity": SENSOR},
    {"next_step_id": "price_save"},
)
_COINS: _Answers = ({"next_step_id": "coins"}, COINS)
# A dry run: what visitors set stays, and the card shows what would happen
_STRATEGY: _Answers = (
    {},
    {"price_entity": SENSOR},
    {"right": True},
    {"template": "three"},
    {"next": "continue"},
    {"timing": {}},
    {"start": "dry_run"},
)


async def set_price(client: Client) -> None:
    """Take the prices of the simulated tariff and coins. Raises DemoError."""
    fleet = await _fleet(client)
    for answers in (_PRICE, _COINS):
        await _go_through(client, _OPTIONS, fleet, answers)


async def add_strategy(client: Client) -> None:
    """Add price bands for all miners. Raises DemoError."""
    handler = [await _fleet(client), "price_bands"]
    await _go_through(client, _SUBENTRIES, handler, _STRATEGY)


async def _fleet(client: Client) -> str:
    entries = await client.get(_ENTRIES)
    fleet = next((entry for entry in entries if entry["title"] == _FLEET), None)
    if fleet is None:
        raise DemoError("There is no fleet to tell the price of electricity")
    return str(fleet["entry_id"])


async def _go_through(
    client: Client, path: str, handler: Any, answers: _Answers
) -> None:
    """Answer one step of a dialog after the other."""
    step = await client.post(path, {"handler": handler})
    flow = f"{path}/{step['flow_id']}"
    for answer in answers:
        step = await client.post(flow, dict(answer))
        if step.get("errors"):
            raise DemoError(f"{answer} was not taken: {step['errors']}")
    if step["type"] != "create_entry":
        raise DemoError(f"A dialog did not end but shows {step.get('step_id')}")
