"""What happens to driver files on the disk: nothing is ever half done or lost.

All of it is below ``<config>/hmm``:

    miner_drivers/ pool_drivers/    where new drivers go
    backup/<type>/                  what was replaced or removed, the last five
    pending/<checksum>/             what waits for a yes, or is being looked at

Everything here blocks and raises StoreError: run it in an executor.
"""

from collections.abc import Iterable, Iterator
import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime
import hashlib
import os
from pathlib import Path
import re
import shutil
import tempfile

from .declaration import Declaration, DriverId, NotADriver, declare
from .driver_files import LARGEST_FILE, TOO_LARGE, UnusableFile, read_file, user_files
from .faults import FileError, os_reason, why

_BACKUPS = "backup"
_PENDING = "pending"
_MAX_BACKUPS = 5
_UNFINISHED = ".hmm-"
_TIMESTAMP = "%Y%m%dT%H%M%S%fZ"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class StoreError(FileError):
    """A file could not be changed and is as it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledDriver:
    """A driver file of the user, as it is on the disk."""

    path: Path
    source: bytes
    declaration: Declaration


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup(InstalledDriver):
    """A file that was replaced or removed."""

    @property
    def made_at(self) -> datetime | None:
        """Return since when it is kept, None if its name does not show that."""
        with contextlib.suppress(ValueError):
            stamp = self.path.stem.rpartition("-")[2]
            return datetime.strptime(stamp, _TIMESTAMP).replace(tzinfo=UTC)
        return None


class DriverStore:
    """The driver files below ``<config>/hmm``."""

    def __init__(self, folder: Path) -> None:
        """Look after the files of a folder, which need not exist."""
        self.folder = folder

    def installed(self) -> list[InstalledDriver]:
        """Return the user's files that can be read as drivers, working or not."""
        installed: list[InstalledDriver] = []
        for path in user_files(self.folder):
            # What is wrong with the others is reported when they are loaded
            with contextlib.suppress(UnusableFile, NotADriver):
                source = read_file(path, self.folder.parent).source
                installed.append(
                    InstalledDriver(
                        path=path, source=source, declaration=declare(source, path)
                    )
                )
        return installed

    def is_inside(self, path: Path) -> bool:
        """Return whether a file is below the folder, wherever links may lead."""
        try:
            return path.resolve().is_relative_to(self.folder.resolve())
        except OSError:
            return False

    def path_for(self, declaration: Declaration, file_name: str) -> Path:
        """Return where a new driver goes that has ``file_name`` at its source.

        The name is made safe; where another driver has it, it is that of the type.
        """
        folder = self.folder / f"{declaration.id.kind}_drivers"
        names = (Path(file_name).stem, declaration.id.driver_type)
        for name in dict.fromkeys(map(driver_file_name, names)):
            if not (path := folder / name).exists():
                return path
        raise StoreError(why("store_name_taken", file=path.name))

    def write(self, path: Path, source: bytes) -> None:
        """Write a file: after a power cut it is the old or the new one."""
        self._check(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_atomically(path, source)
        except OSError as err:
            raise _error(err, path) from err

    def replace(self, old: InstalledDriver, source: bytes) -> Path:
        """Write the new content of a file; return the backup of the old one."""
        backup = self.back_up(old)
        self.write(old.path, source)
        return backup

    def back_up(self, old: InstalledDriver) -> Path:
        """Keep a copy of a file; return where."""
        folder = self._backup_folder(old.declaration.id)
        version = safe_name(old.declaration.version)
        now = datetime.now(UTC).strftime(_TIMESTAMP)
        backup = folder / f"{version}-{now}.py"
        self.write(backup, old.source)
        self._prune(folder)
        return backup

    def remove(self, old: InstalledDriver) -> Path:
        """Move a file to the backups; return where."""
        self._check(old.path)
        backup = self.back_up(old)
        try:
            old.path.unlink()
        except OSError as err:
            raise _error(err, old.path) from err
        return backup

    def delete(self, path: Path) -> None:
        """Delete a new file that turned out not to work."""
        self._check(path)
        try:
            path.unlink(missing_ok=True)
        except OSError as err:
            raise _error(err, path) from err

    def backups(self, driver: DriverId) -> list[Backup]:
        """Return the backups of a driver, the newest first."""
        backups: list[Backup] = []
        for path in reversed(_backup_files(self._backup_folder(driver))):
            # Old drivers have their type only in the name that the file had
            name = Path(f"{driver.kind}_drivers", f"{driver.driver_type}_driver.py")
            with contextlib.suppress(UnusableFile, NotADriver):
                source = read_file(path, self.folder).source
                declaration = declare(source, name)
                if driver in declaration.drivers:
                    backups.append(
                        Backup(path=path, source=source, declaration=declaration)
                    )
        return backups

    def all_backups(self, drivers: Iterable[DriverId]) -> dict[DriverId, list[Backup]]:
        """Return the backups of all drivers, also of those that are gone.

        ``drivers`` are those that there are: some old files do not say themselves
        whether they are for a miner or a pool.
        """
        types = [path.name for path in sorted((self.folder / _BACKUPS).glob("*"))]
        ids = [
            *drivers,
            *(DriverId("miner", name) for name in types),
            *(DriverId("pool", name) for name in types),
        ]
        result: dict[DriverId, list[Backup]] = {}
        taken: set[Path] = set()
        for id_ in dict.fromkeys(ids):
            new = [backup for backup in self.backups(id_) if backup.path not in taken]
            if new:
                result[id_] = new
                taken |= {backup.path for backup in new}
        return result

    def stage(self, file_name: str, source: bytes) -> Path:
        """Lay a file aside where nothing loads it; return where."""
        sha256 = hashlib.sha256(source).hexdigest()
        path = self._pending_folder(sha256) / driver_file_name(Path(file_name).stem)
        self.write(path, source)
        return path

    def staged(self, sha256: str) -> tuple[Path, bytes] | None:
        """Return a file that was laid aside, None if it is gone or was changed."""
        for path in self._pending_folder(sha256).glob("*.py"):
            with contextlib.suppress(UnusableFile):
                source = read_file(path, self.folder).source
                if hashlib.sha256(source).hexdigest() == sha256:
                    return path, source
        return None

    def unstage(self, sha256: str) -> None:
        """Throw away a file that was laid aside."""
        shutil.rmtree(self._pending_folder(sha256), ignore_errors=True)

    def clean_up(self, wanted: set[str]) -> None:
        """Remove what a power cut left: unfinished files, and what nothing waits for.

        ``wanted`` has the checksums of the files that wait for a yes.
        """
        for path in self.folder.glob(f"**/{_UNFINISHED}*.tmp"):
            with contextlib.suppress(OSError):
                path.unlink()
        for path in (self.folder / _PENDING).glob("*"):
            if path.is_dir() and not path.is_symlink() and path.name not in wanted:
                shutil.rmtree(path, ignore_errors=True)

    def _check(self, path: Path) -> None:
        """Raise StoreError for a file that is not below the folder."""
        if not self.is_inside(path):
            raise StoreError(
                why("store_elsewhere", file=path.name, folder=self.folder.name)
            )

    def _backup_folder(self, driver: DriverId) -> Path:
        return self.folder / _BACKUPS / safe_name(driver.driver_type)

    def _pending_folder(self, sha256: str) -> Path:
        if not _SHA256.fullmatch(sha256):
            raise StoreError(why("store_no_checksum"))
        return self.folder / _PENDING / sha256

    def _prune(self, folder: Path) -> None:
        """Delete all backups but the last ones."""
        for path in _backup_files(folder)[:-_MAX_BACKUPS]:
            with contextlib.suppress(OSError):
                path.unlink()


def safe_name(text: str) -> str:
    """Return a text as the name of a file or folder, which leads nowhere else."""
    return _UNSAFE.sub("_", text)[:60].strip("._-") or "unnamed"


def driver_file_name(stem: str) -> str:
    """Return the name under which a driver is found: ``..._driver.py``.

    What has ``template`` in its name is no driver and would not be loaded.
    """
    name = safe_name(stem).replace(".", "_").removesuffix("_driver")
    name = re.sub("template", "driver", name, flags=re.IGNORECASE)
    return f"{name}_driver.py"


def _backup_files(folder: Path) -> list[Path]:
    """Return the backups in a folder, the oldest first."""
    paths: Iterator[Path] = folder.glob("*-*Z.py")
    return sorted(paths, key=lambda path: path.stem.rpartition("-")[2])


def _write_atomically(path: Path, source: bytes) -> None:
    """Write a file beside, make sure that it is on the disk, then rename it."""
    if len(source) > LARGEST_FILE:
        raise StoreError(TOO_LARGE)
    # A link stays one: what it leads to is written
    path = path.resolve()
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=_UNFINISHED, suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(source)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make sure that a new name is on the disk, where the system can do that."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _error(err: OSError, path: Path) -> StoreError:
    return StoreError(why("store_unwritable", file=path.name, error=os_reason(err)))
