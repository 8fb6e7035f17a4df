"""The dialog of a repair issue that asks what to do."""

from typing import Any, ClassVar

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.helpers import issue_registry as ir

from .const import DOMAIN
from .markdown import Markdown, escaping


@escaping
class QuestionFlow(RepairsFlow):
    """Asks about an issue in the words that it is shown with; each answer is a step."""

    answers: ClassVar[tuple[str, ...]]

    def held(self, key: str) -> str:
        """Return what the issue holds under a key, empty if that is nothing."""
        value = (self.data or {}).get(key)
        return "" if value is None else str(value)

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Ask."""
        issue = ir.async_get(self.hass).async_get_issue(DOMAIN, self.issue_id)
        shown = (issue.translation_placeholders if issue else None) or {}
        return self.async_show_menu(
            step_id="init",
            menu_options=list(self.answers),
            # Escaped when the issue was made
            description_placeholders={
                name: Markdown(text) for name, text in shown.items()
            },
        )
