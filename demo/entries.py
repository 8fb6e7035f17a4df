"""Adds miners and pools through the dialogs of the integration, as a user does."""

from typing import Any

from .errors import DemoError
from .home_assistant import Client

FLOW = "/api/config/config_entries/flow"


async def add_miner(client: Client, address: str) -> str | None:
    """Add the miner at an address; returns its name, None if it was there.

    Raises DemoError.
    """
    return await _go_through(client, "miner", {"miner": {"host": address}})


async def add_pool(
    client: Client, pool: str, region: str, account: dict[str, Any]
) -> str | None:
    """Add an account of a pool; returns its name, None if it was there.

    `pool` and `region` are choices that the dialog offers, `account` the fields of
    its last step. Raises DemoError.
    """
    return await _go_through(
        client,
        "pool",
        {
            "pool": {"next_step_id": "pool_list"},
            "pool_list": {"pool": pool},
            "pool_region": {"region": region},
            "pool_account": account,
        },
    )


async def _go_through(
    client: Client, choice: str, answers: dict[str, dict[str, Any]]
) -> str | None:
    """Choose from the menu, then answer each step of the dialog once."""
    step = await client.post(FLOW, {"handler": "hmm"})
    step = await client.post(f"{FLOW}/{step['flow_id']}", {"next_step_id": choice})
    while step["type"] == "menu" or (step["type"] == "form" and not step["errors"]):
        answer = answers.pop(step["step_id"])
        step = await client.post(f"{FLOW}/{step['flow_id']}", answer)
        last = answer
    if step["type"] == "create_entry":
        return str(step["title"])
    if step["type"] == "abort" and step["reason"] == "already_configured":
        return None
    reason = step.get("reason") or step["errors"]
    raise DemoError(f"The integration would not add {last}: {reason}")
