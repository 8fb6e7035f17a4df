"""The repair issue that asks whether to install a driver that was downloaded."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from yarl import URL

from ..const import DOMAIN
from ..driver_engine.declaration import Declaration
from ..markdown import async_create_issue, checksum, code, own_issues

DRIVER_INSTALL = "driver_install"
"""The repair issue that asks for confirmation."""

DATA_FILE_NAME = "file_name"
DATA_INDEX = "index"
DATA_SHA256 = "sha256"
DATA_URL = "url"

_NONE = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingDriver:
    """A driver that was downloaded and waits until the user accepts it."""

    declaration: Declaration
    url: URL
    file_name: str
    replaces: str | None
    """The version that runs now."""
    index: str | None = None
    """The address of the index that lists it."""


def as_pending(data: Mapping[str, Any], declaration: Declaration) -> PendingDriver:
    """Return what an issue asks about, of its data and the file itself."""
    index = data.get(DATA_INDEX)
    return PendingDriver(
        declaration=declaration,
        url=URL(str(data[DATA_URL]), encoded=True),
        file_name=str(data[DATA_FILE_NAME]),
        replaces=None,
        index=str(index) if index else None,
    )


@callback
def async_answered(hass: HomeAssistant, pending: PendingDriver) -> None:
    """Delete the issue, unless it is about another file of the type by now."""
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id(pending))
    if (
        issue is not None
        and issue.data
        and issue.data.get(DATA_SHA256) == pending.declaration.sha256
    ):
        ir.async_delete_issue(hass, DOMAIN, issue.issue_id)


@callback
def issue_id(pending: PendingDriver) -> str:
    """Return the id of the issue; one for each type of driver."""
    return f"{DRIVER_INSTALL}_{pending.declaration.id}"


@callback
def async_pending_checksums(hass: HomeAssistant) -> set[str]:
    """Return the checksums of the files that issues ask about."""
    return {
        str(issue.data[DATA_SHA256])
        for issue in own_issues(hass)
        if issue.data and DATA_SHA256 in issue.data
    }


def described(pending: PendingDriver) -> dict[str, str]:
    """Return what the user must know before accepting, fit for back quotes."""
    declaration = pending.declaration
    return {
        "name": code(declaration.display_name),
        "driver": code(str(declaration.id)),
        "version": code(declaration.version),
        "url": code(str(pending.url)),
        "sha256": checksum(declaration.sha256),
        "requirements": code(", ".join(declaration.requirements)) or _NONE,
        "replaces": code(pending.replaces or _NONE),
        "index": code(pending.index or _NONE),
    }


@callback
def async_show_proposal(hass: HomeAssistant, pending: PendingDriver) -> None:
    """Create the issue, which survives a restart."""
    async_create_issue(
        hass,
        issue_id(pending),
        data={
            DATA_FILE_NAME: pending.file_name,
            DATA_SHA256: pending.declaration.sha256,
            DATA_URL: str(pending.url),
            DATA_INDEX: pending.index,
        },
        is_fixable=True,
        is_persistent=True,
        severity=ir.IssueSeverity.WARNING,
        translation_key=DRIVER_INSTALL,
        translation_placeholders=described(pending),
    )
