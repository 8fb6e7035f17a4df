"""What electricity costs, told in the dialog of the fleet as a user does."""

from .errors import DemoError
from .home_assistant import Client

SENSOR = "sensor.electricity_tariff"

_ENTRIES = "/api/config/config_entries/entry?domain=hmm"
_FLOW = "/api/config/config_entries/options/flow"
_FLEET = "Mining fleet"


async def set_price(client: Client) -> None:
    """Take the price of the simulated tariff. Raises DemoError."""
    entries = await client.get(_ENTRIES)
    fleet = next((it for it in entries if it["title"] == _FLEET), None)
    if fleet is None:
        raise DemoError("There is no fleet to tell the price of electricity")
    step = await client.post(_FLOW, {"handler": fleet["entry_id"]})
    flow = f"{_FLOW}/{step['flow_id']}"
    for answer in (
        {"next_step_id": "prices"},
        {"price_source": "sensor", "price_entity": SENSOR},
        {"next_step_id": "price_save"},
    ):
        step = await client.post(flow, answer)
        if step.get("errors"):
            raise DemoError(f"The price was not taken: {step['errors']}")
