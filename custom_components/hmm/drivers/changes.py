"""Changes the user's driver files; what does not load is undone."""

from collections.abc import Callable
import hashlib
from pathlib import Path

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError

from ..driver_api import Reason
from ..driver_engine.declaration import Declaration, DriverId
from ..driver_engine.driver_files import DriverFile
from ..driver_engine.driver_store import InstalledDriver, StoreError
from ..driver_engine.faults import why
from ..driver_engine.legacy.siblings import sibling_files, with_siblings
from ..driver_engine.legacy.stock_hashes import is_stock
from ..driver_engine.loaded import FailedDriver
from ..driver_engine.preflight import check
from ..driver_engine.requirements import needs_of
from ..errors import failure, localized
from .manager import DriverManager, id_of
from .sources import DriverSources

type Progress = Callable[[int], None]


def no_progress(percent: int) -> None:
    """Log nothing."""


class DriverChanges:
    """Writes, replaces and removes files; all its methods raise HomeAssistantError."""

    def __init__(
        self, hass: HomeAssistant, manager: DriverManager, sources: DriverSources
    ) -> None:
        """Work on the files of ``sources``, which are loaded by ``manager``."""
        self._hass = hass
        self._manager = manager
        self._sources = sources
        self._files = sources.files

    async def async_replace(
        self,
        installed: InstalledDriver,
        source: bytes,
        declaration: Declaration,
        progress: Progress = no_progress,
    ) -> None:
        """Write another version of a file; if it does not load, restore the old one."""
        await self._async_prepare(installed.path, source, declaration)
        progress(60)
        running = self._running(installed.path)
        failed = self._failure(installed.path)
        await self.async_job(self._files.replace, installed, source)
        progress(80)
        try:
            await self._async_verify(installed.path, declaration, running, failed)
        except BaseException:
            await self.async_job(self._files.write, installed.path, installed.source)
            await self._async_reload()
            raise
        progress(100)
        await self._sources.async_replaced(installed, declaration)
        await self._sources.async_refresh()

    async def async_add(
        self, source: bytes, declaration: Declaration, file_name: str | None = None
    ) -> Path:
        """Write a new file and return its path; if it does not load, delete it."""
        if file_name is None:
            # It returns to its previous name
            origin = self._sources.origin_name(declaration.id)
            file_name = Path(origin or declaration.id.driver_type).name
        path = await self.async_job(self._files.path_for, declaration, file_name)
        await self._async_prepare(path, source, declaration)
        await self.async_job(self._files.write, path, source)
        try:
            await self._async_verify(path, declaration, set(), None)
        except BaseException:
            await self.async_job(self._files.delete, path)
            await self._async_reload()
            raise
        await self._sources.async_refresh()
        return path

    async def async_remove(self, installed: InstalledDriver) -> None:
        """Move a file to the backups."""
        await self.async_job(self._files.remove, installed)
        await self._async_reload()

    async def async_job[*Ts, T](self, job: Callable[[*Ts], T], *args: *Ts) -> T:
        """Change files in the executor. Raises HomeAssistantError."""
        try:
            return await self._hass.async_add_executor_job(job, *args)
        except StoreError as err:
            reason = localized(self._hass, err.reason)
            raise failure("driver_file_failed", reason=reason) from err

    async def async_require(self, path: Path, source: bytes) -> None:
        """Install the packages that a file needs. Raises HomeAssistantError."""
        needs = await self._hass.async_add_executor_job(needs_of, source, path)
        if needs is not None:
            withheld = await self._manager.async_require(needs)
            if withheld is not None:
                raise self._rejected(withheld.reason, withheld.line)

    async def _async_prepare(
        self, path: Path, source: bytes, declaration: Declaration
    ) -> None:
        """Install the packages that a file needs, try it, and allow it to run."""
        await self.async_require(path, source)
        await self.async_job(self._try, path, source, declaration)
        # The user installs it, even if it came with HMM-Local
        if await self._hass.async_add_executor_job(is_stock, source):
            sha256 = hashlib.sha256(source).hexdigest()
            await self._manager.stock_decisions.async_decide([sha256], [sha256])

    def _try(self, path: Path, source: bytes, declaration: Declaration) -> None:
        """Load a file in a process of its own. Raises HomeAssistantError (executor).

        ``path`` is its destination, with the files next to it that it may import. The
        packages that it needs are already installed.
        """
        is_pending = self._files.staged(declaration.sha256) is not None
        staged = self._files.stage(path.name, source)
        for sibling in sibling_files(DriverFile(path, source)):
            self._files.write(
                staged.parent / sibling.path.relative_to(path.parent), sibling.source
            )
        file = with_siblings(DriverFile(staged, source))
        try:
            finding = check([file], self._manager.drivers.settings).get(staged)
        finally:
            if not is_pending:
                self._files.unstage(declaration.sha256)
        if finding is not None:
            raise self._rejected(finding.reason, finding.line)

    async def _async_verify(
        self,
        path: Path,
        declaration: Declaration,
        running: set[DriverId],
        failed_before: FailedDriver | None,
    ) -> None:
        """Load a file that was written. Raises HomeAssistantError if it does not run.

        What ran before must run, and nothing in the file may fail that did not.
        """
        await self._manager.async_reload(retry_packages=False)
        failed = self._failure(path)
        if failed and not failed_before:
            raise self._rejected(failed.reason, failed.line)
        loaded = {
            id_of(driver)
            for driver in self._manager.drivers
            if driver.sha256 == declaration.sha256
        }
        if not (running or {declaration.id}) <= loaded:
            raise self._rejected(
                failed.reason if failed else why("type_gone", driver=declaration.id),
                failed.line if failed else None,
            )

    def _running(self, path: Path) -> set[DriverId]:
        """Return the drivers that run from a file."""
        return {
            id_of(driver) for driver in self._manager.drivers if driver.path == path
        }

    def _failure(self, path: Path) -> FailedDriver | None:
        """Return what is wrong with a file."""
        return next(
            (failed for failed in self._manager.failed if failed.path == path), None
        )

    async def _async_reload(self) -> None:
        await self._manager.async_reload(retry_packages=False)
        await self._sources.async_refresh()

    def _rejected(self, reason: Reason, line: int | None) -> HomeAssistantError:
        return failure(
            "driver_rejected",
            reason=localized(self._hass, reason),
            line=str(line or "?"),
        )
