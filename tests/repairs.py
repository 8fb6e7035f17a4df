"""Repair issues, and the page that fixes them."""

from http import HTTPStatus
from string import Formatter
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.hmm.const import DOMAIN
from tests.flows import TEXTS


class Repairs:
    """The repairs page."""

    def __init__(self, log_in: ClientSessionGenerator) -> None:
        """Begin before anybody has opened it."""
        self._log_in = log_in
        self._client: Any = None
        self._issue = ""
        self._flow = ""

    async def open(self, issue_id: str) -> dict[str, Any]:
        """Press "Fix"."""
        self._issue = issue_id
        return await self._post(
            "/api/repairs/issues/fix", {"handler": DOMAIN, "issue_id": issue_id}
        )

    async def choose(self, option: str) -> dict[str, Any]:
        """Choose from the menu that is shown."""
        return await self._post(
            f"/api/repairs/issues/fix/{self._flow}", {"next_step_id": option}
        )

    async def confirm(self) -> dict[str, Any]:
        """Send the form that is shown, which has no fields."""
        return await self._post(f"/api/repairs/issues/fix/{self._flow}", {})

    async def _post(self, url: str, data: dict[str, str]) -> dict[str, Any]:
        # Home Assistant takes no new addresses once its web server runs
        self._client = self._client or await self._log_in()
        response = await self._client.post(url, json=data)
        assert response.status == HTTPStatus.OK, await response.text()
        result: dict[str, Any] = await response.json()
        self._flow = result["flow_id"]
        self._check_texts(result, TEXTS["issues"])
        return result

    def _check_texts(self, result: dict[str, Any], known: dict[str, Any]) -> None:
        """Fail where a text or what stands for a part of it is missing."""
        key = next(key for key in known if self._issue.startswith(f"{key}_"))
        flow = known[key]["fix_flow"]
        match result["type"]:
            case FlowResultType.MENU:
                step = flow["step"][result["step_id"]]
                assert set(result["menu_options"]) <= set(step["menu_options"])
                shown = step["title"] + step["description"]
            case FlowResultType.ABORT:
                shown = flow["abort"][result["reason"]]
            case _:
                shown = ""
        wanted = {name for _, name, _, _ in Formatter().parse(shown) if name}
        assert wanted <= set(result.get("description_placeholders") or ())


def issues(hass: HomeAssistant) -> dict[str, ir.IssueEntry]:
    """Return the repair issues of HMM."""
    return {
        issue_id: issue
        for (domain, issue_id), issue in ir.async_get(hass).issues.items()
        if domain == DOMAIN
    }
