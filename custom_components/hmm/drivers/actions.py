"""The actions of drivers, for administrators."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from functools import cached_property
import re
from typing import Any

from homeassistant.const import CONF_URL
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import async_register_admin_service
from homeassistant.util.json import JsonObjectType
import voluptuous as vol

from ..action_schema import action_schema
from ..const import CONF_DRIVER, DOMAIN
from ..data import get_data
from ..driver_engine.faults import why
from ..errors import failure, listed, refusal
from .compare import MAX_POLLS, USUAL_POLLS
from .compare_json import comparison_json
from .index_json import indexes_json, search_json
from .list_json import list_drivers, reload_report
from .service import DriverService
from .updates_json import (
    pending_json,
    result_json,
    update_all_json,
    update_json,
    update_states,
)

CONF_CATEGORY = "category"
CONF_ENTRY = "entry"
CONF_POLLS = "polls"
CONF_QUERY = "query"
CONF_SHA256 = "sha256"
CONF_VERSION = "version"

_SHA256 = re.compile(r"[0-9a-f]{64}")

type Data = Mapping[str, Any]
type Deed = Callable[
    [HomeAssistant, DriverService, Data], Coroutine[Any, Any, JsonObjectType]
]
"""Does something with drivers and returns what came of it as JSON."""


def sha256(value: Any) -> str:
    """Validate a checksum: 64 hexadecimal digits, in either case.

    HMM itself shows them in two parts.
    """
    digits = "".join(cv.string(value).split()).lower()
    if not _SHA256.fullmatch(digits):
        raise vol.Invalid(
            "A SHA-256 has 64 characters: digits, and letters from a to f"
        )
    return digits


@dataclass(frozen=True, kw_only=True)
class DriverAction:
    """One action; ``fields`` are its data."""

    name: str
    run: Deed
    fields: dict[vol.Marker, Any] = field(default_factory=dict)
    response: SupportsResponse = SupportsResponse.OPTIONAL

    @cached_property
    def schema(self) -> vol.All:
        """Return what the action accepts."""
        return action_schema(self.fields)


async def check(
    hass: HomeAssistant, service: DriverService, data: Data
) -> JsonObjectType:
    """Check the sources of all drivers."""
    await service.async_check()
    return {"drivers": update_states(hass)}


async def compare(
    hass: HomeAssistant, service: DriverService, data: Data
) -> JsonObjectType:
    """Try another version beside the one that runs, and return what it reads."""
    trials = get_data(hass).driver_trials
    entry = next(
        (entry for entry in trials.entries() if entry.entry_id == data[CONF_ENTRY]),
        None,
    )
    if entry is None:
        raise refusal("compare_no_entry")
    version = data[CONF_VERSION]
    # What was downloaded needs a confirmation, which running this is not
    offers = [
        offer
        for offer in (await trials.async_offers(entry)).values()
        if offer.origin != "web"
    ]
    offered = next(
        (
            offer
            for offer in offers
            if version in (offer.key, offer.declaration.version)
        ),
        None,
    )
    if offered is None:
        names = ", ".join(offer.key for offer in offers) or "–"
        raise refusal("compare_no_version", version=version, versions=names)
    trial = await trials.async_start(entry, offered, data[CONF_POLLS])
    await trials.async_wait(trial)
    return comparison_json(trial)


async def customize(
    hass: HomeAssistant, service: DriverService, data: Data
) -> JsonObjectType:
    """Copy a bundled driver."""
    path, report = await service.async_customize(data[CONF_DRIVER])
    name = service.manager.name_of(path)
    return {"file": name, **reload_report(hass, service.manager, report)}


async def install(
    hass: HomeAssistant, service: DriverService, data: Data
) -> JsonObjectType:
    """Download a driver and ask for confirmation in the repairs."""
    pending = await service.async_propose(data[CONF_URL], data[CONF_SHA256])
    return pending_json(hass, pending)


async def list_(
    hass: HomeAssistant, service: DriverService, data: Data
) -> JsonObjectType:
    """List the drivers."""
    return list_drivers(hass)


async def list_indexes(
    hass: HomeAssistant, service: DriverService, data: Data
) -> JsonObjectType:
    """List the indexes."""
    return indexes_json(service.indexes)


async def search(
    hass: HomeAssistant, service: DriverService, data: Data
) -> JsonObjectType:
    """Find drivers in the indexes; nothing is sent anywhere."""
    return search_json(service, data.get(CONF_QUERY, ""))


async def reload(
    hass: HomeAssistant, service: DriverService, data: Data
) -> JsonObjectType:
    """Load the files again."""
    return reload_report(hass, service.manager, await service.async_reload())


async def remove(
    hass: HomeAssistant, service: DriverService, data: Data
) -> JsonObjectType:
    """Move a file to the backups."""
    result = await service.async_remove(data[CONF_DRIVER])
    return result_json(hass, result, why("driver_removed", driver=result.name))


async def roll_back(
    hass: HomeAssistant, service: DriverService, data: Data
) -> JsonObjectType:
    """Restore an earlier version."""
    result = await service.async_roll_back(data[CONF_DRIVER], data.get(CONF_VERSION))
    return result_json(hass, result, why("driver_rolled_back", driver=result.name))


async def update(
    hass: HomeAssistant, service: DriverService, data: Data
) -> JsonObjectType:
    """Update one driver; ``category`` distinguishes two of one name."""
    result = await service.async_update(data[CONF_DRIVER], data.get(CONF_CATEGORY))
    return update_json(hass, result)


async def update_all(
    hass: HomeAssistant, service: DriverService, data: Data
) -> JsonObjectType:
    """Update all drivers."""
    return update_all_json(hass, *await service.async_update_all())


_DRIVER = {vol.Required(CONF_DRIVER): cv.string}

INSTALL = DriverAction(
    name="install_driver",
    run=install,
    fields={vol.Required(CONF_URL): cv.string, vol.Required(CONF_SHA256): sha256},
)
ROLL_BACK = DriverAction(
    name="rollback_driver",
    run=roll_back,
    fields={**_DRIVER, vol.Optional(CONF_VERSION): cv.string},
)
DRIVER_ACTIONS = (
    DriverAction(name="list_drivers", run=list_, response=SupportsResponse.ONLY),
    DriverAction(
        name="list_driver_indexes", run=list_indexes, response=SupportsResponse.ONLY
    ),
    DriverAction(
        name="search_driver_indexes",
        run=search,
        fields={vol.Optional(CONF_QUERY): vol.All(cv.string, vol.Length(max=200))},
        response=SupportsResponse.ONLY,
    ),
    DriverAction(name="reload_drivers", run=reload),
    DriverAction(name="customise_driver", run=customize, fields=_DRIVER),
    DriverAction(name="check_driver_updates", run=check),
    DriverAction(
        name="compare_driver",
        run=compare,
        fields={
            vol.Required(CONF_ENTRY): cv.string,
            vol.Required(CONF_VERSION): cv.string,
            vol.Optional(CONF_POLLS, default=USUAL_POLLS): vol.All(
                vol.Coerce(int), vol.Range(min=1, max=MAX_POLLS)
            ),
        },
        response=SupportsResponse.ONLY,
    ),
    INSTALL,
    DriverAction(name="remove_driver", run=remove, fields=_DRIVER),
    ROLL_BACK,
    DriverAction(name="update_all_drivers", run=update_all),
    DriverAction(name="update_driver", run=update, fields=_DRIVER),
)


@callback
def async_setup_driver_actions(hass: HomeAssistant) -> None:
    """Register the actions."""
    for action in DRIVER_ACTIONS:
        async_register_admin_service(
            hass,
            DOMAIN,
            action.name,
            _handler(hass, action),
            schema=action.schema,
            supports_response=action.response,
        )


def _handler(
    hass: HomeAssistant, action: DriverAction
) -> Callable[[ServiceCall], Coroutine[Any, Any, ServiceResponse]]:
    service = get_data(hass).driver_service

    async def handle(call: ServiceCall) -> ServiceResponse:
        if action.run is update_all and not call.return_response:
            _, failed = await service.async_update_all()
            if failed:
                names = ((str(state.id), err) for state, err in failed)
                raise failure("some_drivers_failed", failed=listed(hass, names))
            return None
        answer = await action.run(hass, service, call.data)
        return answer if call.return_response else None

    return handle
