"""The starter dashboard: the fleet on cards that Home Assistant brings along."""

from collections.abc import Iterable, Sequence
from typing import Any

from .devices import Device
from .home_assistant import Client

URL_PATH = "mining-demo"
TITLE = "Miners"
ICON = "mdi:pickaxe"

# Young as the demo is, a day would be an empty graph
HOURS = 1

type Card = dict[str, Any]


async def create_dashboard(
    client: Client, devices: Sequence[Device], panel_url: str
) -> None:
    """Make the dashboard of these devices, the one that opens first."""
    known = await client.command("lovelace/dashboards/list")
    if any(dashboard["url_path"] == URL_PATH for dashboard in known):
        return
    await client.command(
        "lovelace/dashboards/create",
        url_path=URL_PATH,
        title=TITLE,
        icon=ICON,
        mode="storage",
        show_in_sidebar=True,
        require_admin=False,
    )
    await client.command(
        "lovelace/config/save", url_path=URL_PATH, config=build(devices, panel_url)
    )
    await client.command(
        "frontend/set_system_data", key="core", value={"default_panel": URL_PATH}
    )


def build(devices: Sequence[Device], panel_url: str) -> dict[str, Any]:
    """Return the dashboard: the fleet, a section for each miner, the pools."""
    hubs = [device for device in devices if device.is_hub]
    pools = [device for device in devices if "binary_sensor.health" in device.entities]
    miners = [
        device for device in devices if "binary_sensor.running" in device.entities
    ]
    sections = [
        *(_fleet_section(hub) for hub in hubs),
        *(_pool_section(pool) for pool in pools),
        *(_miner_section(miner) for miner in miners),
    ]
    return {
        "views": [
            {
                "type": "sections",
                "title": TITLE,
                "path": "fleet",
                "max_columns": 4,
                "dense_section_placement": True,
                "header": {
                    "layout": "start",
                    "badges_position": "bottom",
                    "card": {
                        "type": "markdown",
                        "text_only": True,
                        "content": (
                            "# Mining at home\nThe miners are simulated: pull plugs"
                            f" and break things in the [control panel]({panel_url})."
                        ),
                    },
                },
                "sections": sections,
            }
        ]
    }


def _fleet_section(hub: Device) -> Card:
    return _section(
        _heading(hub, "mdi:sigma"),
        _graph(hub, "sensor.hashrate"),
        *_tiles(
            hub,
            "sensor.power",
            "sensor.efficiency",
            "sensor.miners_online",
            "sensor.best_share",
            "sensor.energy",
            "sensor.pools_online",
            "sensor.pools_hashrate",
            "sensor.soonest_block",
        ),
    )


def _pool_section(pool: Device) -> Card:
    return _section(
        _heading(pool, "mdi:server-network", "binary_sensor.health"),
        _graph(pool, "sensor.hashrate"),
        *_tiles(
            pool,
            "sensor.workers",
            "sensor.time_to_block",
            "sensor.best_share",
            "sensor.blocks_24h",
            "sensor.reject_rate",
            "sensor.last_block",
            "sensor.confirmed_balance",
            "sensor.earnings_24h",
        ),
    )


def _miner_section(miner: Device) -> Card:
    cards = [
        _heading(miner, ICON, "binary_sensor.running", "binary_sensor.problem"),
        _graph(miner, "sensor.hashrate"),
        *_tiles(miner, "sensor.temperature", "sensor.power"),
        *_tiles(miner, "sensor.efficiency", "sensor.best_share"),
    ]
    if mode := miner.entities.get("select.mode"):
        cards.append(
            {
                "type": "tile",
                "entity": mode,
                "name": "Mode",
                "features": [{"type": "select-options"}],
                "grid_options": {"columns": 12},
            }
        )
    if mining := miner.entities.get("switch.mining"):
        cards.append({"type": "tile", "entity": mining, "name": "Mining", **_HALF})
    if restart := miner.entities.get("button.restart"):
        press = {
            "action": "perform-action",
            "perform_action": "button.press",
            "target": {"entity_id": restart},
            "confirmation": {"text": f"Restart {miner.name}?"},
        }
        cards.append(
            {
                "type": "tile",
                "entity": restart,
                "name": "Restart",
                "hide_state": True,
                "tap_action": press,
                "icon_tap_action": press,
                **_HALF,
            }
        )
    return _section(*cards)


_HALF = {"grid_options": {"columns": 6}}


def _section(*cards: Card | None) -> Card:
    return {"type": "grid", "cards": [card for card in cards if card]}


def _heading(device: Device, icon: str, *badges: str) -> Card:
    return {
        "type": "heading",
        "heading": device.name,
        "icon": icon,
        "tap_action": {
            "action": "navigate",
            "navigation_path": f"/config/devices/device/{device.device_id}",
        },
        "badges": [
            {"type": "entity", "entity": device.entities[key]}
            for key in badges
            if key in device.entities
        ],
    }


def _tiles(device: Device, *keys: str) -> Iterable[Card]:
    """Give a tile for each of these that the device has."""
    return (
        {"type": "tile", "entity": device.entities[key], "name": _name(key), **_HALF}
        for key in keys
        if key in device.entities
    )


def _graph(device: Device, key: str) -> Card | None:
    if key not in device.entities:
        return None
    return {
        "type": "tile",
        "entity": device.entities[key],
        "name": _name(key),
        "features": [{"type": "trend-graph", "hours_to_show": HOURS}],
        "grid_options": {"columns": 12},
    }


def _name(key: str) -> dict[str, str]:
    """Let the card show the entity's own name, without the device's."""
    return {"type": "entity"}
