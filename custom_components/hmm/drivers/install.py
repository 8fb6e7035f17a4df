"""Fetches a driver from the web, and asks before anything of it is run."""

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from ..const import DOMAIN
from ..markdown import async_create_issue, code
from .updates import DRIVER_UPDATES, DriverResult, PendingDriver

DRIVER_INSTALL = "driver_install"
"""The repair issue that asks."""

DATA_FILE_NAME = "file_name"
DATA_SHA256 = "sha256"
DATA_URL = "url"

_NONE = "-"


async def async_propose(hass: HomeAssistant, url: str, sha256: str) -> PendingDriver:
    """Download a driver and show a repair issue that asks whether to install it.

    Raises HomeAssistantError if it cannot be one.
    """
    pending = await hass.data[DRIVER_UPDATES].async_prepare(url, sha256)
    _ask(hass, pending)
    return pending


async def async_accept(hass: HomeAssistant, pending: PendingDriver) -> DriverResult:
    """Install a driver that was proposed: the user has said yes elsewhere.

    Raises HomeAssistantError; the question then stays in the repairs.
    """
    result = await hass.data[DRIVER_UPDATES].async_install(
        str(pending.url), pending.declaration.sha256, pending.file_name
    )
    _answered(hass, pending)
    return result


async def async_reject(hass: HomeAssistant, pending: PendingDriver) -> None:
    """Throw a driver away that was proposed: the user has said no elsewhere."""
    await hass.data[DRIVER_UPDATES].async_discard(pending.declaration.sha256)
    _answered(hass, pending)


@callback
def _answered(hass: HomeAssistant, pending: PendingDriver) -> None:
    """Take the question away, unless another file of the type is asked about now."""
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
def waiting(hass: HomeAssistant) -> set[str]:
    """Return the checksums of the files that wait for a yes."""
    return {
        str(issue.data[DATA_SHA256])
        for (domain, _), issue in ir.async_get(hass).issues.items()
        if domain == DOMAIN and issue.data and DATA_SHA256 in issue.data
    }


@callback
def described(hass: HomeAssistant, pending: PendingDriver) -> dict[str, str]:
    """Return what the user must know before the yes, fit for back quotes."""
    declaration = pending.declaration
    replaces = hass.data[DRIVER_UPDATES].version_of(declaration.id)
    return {
        "name": code(declaration.display_name),
        "driver": code(str(declaration.id)),
        "version": code(declaration.version),
        "url": code(str(pending.url)),
        "sha256": declaration.sha256,
        "requirements": code(", ".join(declaration.requirements)) or _NONE,
        "replaces": code(replaces or _NONE),
    }


@callback
def _ask(hass: HomeAssistant, pending: PendingDriver) -> None:
    """Show the issue, which is still there after a restart."""
    async_create_issue(
        hass,
        issue_id(pending),
        data={
            DATA_FILE_NAME: pending.file_name,
            DATA_SHA256: pending.declaration.sha256,
            DATA_URL: str(pending.url),
        },
        is_fixable=True,
        is_persistent=True,
        severity=ir.IssueSeverity.WARNING,
        translation_key=DRIVER_INSTALL,
        translation_placeholders=described(hass, pending),
    )
