"""The dashboard of the demo: the one that the integration offers, with a hint on it."""

from typing import Any

from .home_assistant import Client

URL_PATH = "mining-demo"
TITLE = "Mining"
ICON = "mdi:pickaxe"


async def create_dashboard(client: Client, panel_url: str) -> None:
    """Make the dashboard, the one that opens first."""
    dashboards = await client.command("lovelace/dashboards/list")
    if any(dashboard["url_path"] == URL_PATH for dashboard in dashboards):
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
        "lovelace/config/save", url_path=URL_PATH, config=build(panel_url)
    )
    await client.command(
        "frontend/set_system_data", key="core", value={"default_panel": URL_PATH}
    )


def build(panel_url: str) -> dict[str, Any]:
    """Return what a user has after "Add dashboard", and where to break things."""
    return {
        "strategy": {
            "type": "custom:hmm",
            "intro": (
                "The miners are simulated: pull plugs and break things in the"
                f" [control panel]({panel_url})."
            ),
        }
    }
