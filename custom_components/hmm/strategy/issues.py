"""Repair issues of strategies: what their owner must mend."""

from typing import Final, get_args

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from ..const import DOMAIN
from ..markdown import async_create_issue
from .planner.model import Problem
from .strategy import Strategy

STRATEGY_ISSUES: Final = tuple(
    f"strategy_{problem}" for problem in get_args(Problem.__value__)
)


@callback
def update_issues(hass: HomeAssistant, strategy: Strategy) -> None:
    """Show what is wrong with a strategy, and no longer what is not."""
    present = strategy.problem and f"strategy_{strategy.problem}"
    for key in STRATEGY_ISSUES:
        issue_id = f"{key}_{strategy.id}"
        is_shown = ir.async_get(hass).async_get_issue(DOMAIN, issue_id) is not None
        if key != present and is_shown:
            ir.async_delete_issue(hass, DOMAIN, issue_id)
        elif key == present and not is_shown:
            where = "" if strategy.error is None else strategy.error.where
            async_create_issue(
                hass,
                issue_id,
                is_fixable=False,
                severity=ir.IssueSeverity.ERROR,
                translation_key=key,
                translation_placeholders={"name": strategy.title, "where": where},
            )


@callback
def forget_problems(hass: HomeAssistant, strategy_id: str) -> None:
    """Show nothing any more of a strategy that does not run."""
    for key in STRATEGY_ISSUES:
        ir.async_delete_issue(hass, DOMAIN, f"{key}_{strategy_id}")
