"""All drivers in one table: those that run and those that do not, and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from homeassistant.core import HomeAssistant

from ..data import get_data
from ..driver_engine.declaration import DriverId
from ..driver_engine.loaded import AnyLoaded
from ..driver_engine.loader import BUNDLED
from ..driver_engine.metrics import DriverMetrics, metrics_of
from .manager import DriverManager, id_of
from .sources import DriverState

type Source = Literal["bundled", "own", "web"]
type State = Literal[
    "running",
    "update",
    "broken",
    "waiting",
    "replaced",
    "disabled",
    "on_demand",
    "set_aside",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverRow:
    """One driver, or a file that should be one."""

    name: str
    kind: Literal["miner", "pool"] | None
    """None for a file of unknown purpose."""
    version: str | None
    source: Source
    state: State
    """``waiting``: for a package; ``on_demand``: it is loaded once it is needed;
    ``set_aside``: it came with HMM-Local, so that the bundled driver runs."""
    metrics: DriverMetrics | None = None
    """How its polls go, None for what does not run."""


async def async_overview(hass: HomeAssistant) -> list[DriverRow]:
    """Return all drivers: the user's own ones first."""
    service = get_data(hass).driver_service
    manager, states = service.manager, service.states
    disabled = await hass.async_add_executor_job(_disabled, manager.folder)
    rows = [
        *(_running(driver, states) for driver in manager.drivers),
        *(
            _bundled(driver.replaces, "replaced")
            for driver in manager.drivers
            if driver.replaces is not None
        ),
        *_failed(manager, states),
        *_on_demand(manager),
        *(
            DriverRow(
                name=manager.name_of(file.path),
                kind=file.drivers[0].kind,
                version=file.version,
                source="own",
                state="set_aside",
            )
            for file in manager.drivers.stock
            if not file.is_wanted
        ),
        *(
            DriverRow(
                name=manager.name_of(path),
                kind=_kind_of(path),
                version=None,
                source="own",
                state="disabled",
            )
            for path in disabled
        ),
    ]
    return sorted(
        rows,
        key=lambda row: (
            row.source == "bundled",
            row.kind or "",
            row.name.casefold(),
            row.state == "replaced",
        ),
    )


def _running(driver: AnyLoaded, states: Mapping[DriverId, DriverState]) -> DriverRow:
    if driver.bundled:
        return _bundled(driver, "running")
    id_ = id_of(driver)
    file = states.get(id_)
    return DriverRow(
        name=driver.name,
        kind=id_.kind,
        version=driver.version,
        source="web" if file and file.url else "own",
        state="update" if file and file.has_update else "running",
        metrics=metrics_of(driver.driver_class),
    )


def _bundled(driver: AnyLoaded, state: State) -> DriverRow:
    return DriverRow(
        name=driver.name,
        kind=id_of(driver).kind,
        version=driver.version,
        source="bundled",
        state=state,
        metrics=metrics_of(driver.driver_class) if state == "running" else None,
    )


def _failed(
    manager: DriverManager, states: Mapping[DriverId, DriverState]
) -> list[DriverRow]:
    """Return the files that cannot be used; what ran of them before may continue."""
    files = {state.installed.path: state for state in states.values()}
    rows: list[DriverRow] = []
    for path in dict.fromkeys(failed.path for failed in manager.drivers.failed):
        file = files.get(path)
        waits = any(
            failure.waiting
            for failure in manager.drivers.failed
            if failure.path == path
        )
        own: Source = "web" if file and file.url else "own"
        rows.append(
            DriverRow(
                name=manager.name_of(path),
                kind=file.id.kind if file else _kind_of(path),
                version=file.installed_version if file else None,
                source="bundled" if path.is_relative_to(BUNDLED) else own,
                state="waiting" if waits else "broken",
            )
        )
    return rows


def _on_demand(manager: DriverManager) -> list[DriverRow]:
    """Return the bundled drivers with packages that nothing has requested."""
    loaded = {id_of(driver) for driver in manager.drivers}
    failed = {failed.path for failed in manager.drivers.failed}
    return [
        DriverRow(
            name=needs.display_name,
            kind=id_.kind,
            version=None,
            source="bundled",
            state="on_demand",
        )
        for id_, needs in manager.optional.items()
        if id_ not in loaded and needs.path not in failed
    ]


def _disabled(folder: Path) -> list[Path]:
    """Return the driver files that the user, or a repair, has switched off."""
    return sorted(path for path in folder.glob("**/*.py.disabled*") if path.is_file())


def _kind_of(path: Path) -> Literal["miner", "pool"] | None:
    """Return what a file is for, by the folder that it is in."""
    match path.parent.name.partition("_")[0]:
        case "miner" | "miners":
            return "miner"
        case "pool" | "pools":
            return "pool"
    return None
