"""Driver files on the disk: nothing is half done, nothing is lost."""

import errno
import os
from pathlib import Path
import stat
from typing import Self

import pytest

from custom_components.hmm.driver_engine.declaration import (
    Declaration,
    DriverId,
    declare,
)
from custom_components.hmm.driver_engine.driver_store import (
    DriverStore,
    InstalledDriver,
    StoreError,
    driver_file_name,
    safe_name,
)

ACME = DriverId("miner", "acme")


def source(version: str = "1.0.0", driver_type: str = "acme") -> bytes:
    """Return a driver file."""
    return (
        "from custom_components.hmm.driver_api import BaseMinerAdapter\n"
        "class A(BaseMinerAdapter):\n"
        f"    driver_type = {driver_type!r}\n"
        f"    driver_version = {version!r}\n"
    ).encode()


def declared(content: bytes) -> Declaration:
    """Return what a file declares."""
    return declare(content, Path("miner_drivers/acme_driver.py"))


@pytest.fixture
def store(tmp_path: Path) -> DriverStore:
    """Return a store in a folder that does not exist yet."""
    return DriverStore(tmp_path / "hmm")


@pytest.fixture
def acme(store: DriverStore) -> InstalledDriver:
    """Return an installed driver."""
    store.write(store.folder / "miner_drivers" / "acme_driver.py", source())
    (installed,) = store.installed()
    return installed


def everything(store: DriverStore) -> dict[str, bytes]:
    """Return all files below the folder with what is in them."""
    return {
        path.relative_to(store.folder).as_posix(): path.read_bytes()
        for path in store.folder.rglob("*")
        if path.is_file()
    }


def test_an_empty_folder_has_no_drivers(store: DriverStore) -> None:
    """Given no folder, there is nothing, and looking makes none."""
    assert store.installed() == []
    assert store.backups(ACME) == []
    assert store.staged("0" * 64) is None
    store.clean_up(set())
    assert not store.folder.exists()


def test_installed_drivers_are_found(store: DriverStore) -> None:
    """Given files of all sorts, those that can be read as drivers are told."""
    files = {
        "acme_driver.py": source(),
        "miner_drivers/other_driver.py": source("2", "other"),
        "miner_drivers/broken_driver.py": b"def f(:",
        "miner_drivers/huge_driver.py": b"#" * 2_000_000,
        "miner_drivers/notes.py": source("1", "notes"),
        "backup/acme/0.9-20250101T000000000000Z.py": source("0.9"),
        "pending/x/new_driver.py": source("1", "new"),
        "../drivers/beside_driver.py": source("1", "beside"),
    }
    for name, content in files.items():
        path = store.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    result = {str(driver.declaration.id): driver for driver in store.installed()}
    assert result.keys() == {"miner/acme", "miner/other", "miner/beside"}
    assert store.is_inside(result["miner/acme"].path)
    assert not store.is_inside(result["miner/beside"].path)


def test_a_file_is_written_whole(acme: InstalledDriver, store: DriverStore) -> None:
    """Given a file, its new content is there with the rights that it had."""
    acme.path.chmod(0o600)
    store.write(acme.path, source("2"))
    assert acme.path.read_bytes() == source("2")
    assert stat.S_IMODE(acme.path.stat().st_mode) == 0o600
    assert everything(store).keys() == {"miner_drivers/acme_driver.py"}


def test_a_new_file_can_be_read_by_all(acme: InstalledDriver) -> None:
    """Given a new file, its rights are the usual ones."""
    assert stat.S_IMODE(acme.path.stat().st_mode) == 0o644


@pytest.mark.parametrize("call", ["fsync", "replace", "write"])
def test_a_write_that_fails_changes_nothing(
    acme: InstalledDriver,
    store: DriverStore,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
) -> None:
    """Given a full disk at any moment, the old file is there and nothing else."""

    def full(*args: object, **kwargs: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if call == "fsync":
        monkeypatch.setattr(os, "fsync", full)
    elif call == "replace":
        monkeypatch.setattr(Path, "replace", full)
    else:
        real = os.fdopen

        def fdopen(*args: object) -> object:
            file = real(*args)  # type: ignore[call-overload]

            class Full:
                def __enter__(self) -> Self:
                    return self

                def __exit__(self, *details: object) -> None:
                    file.close()

                def write(self, content: bytes) -> None:
                    file.write(content[:10])
                    full()

            return Full()

        monkeypatch.setattr(os, "fdopen", fdopen)
    before = everything(store)
    with pytest.raises(StoreError, match="No space left on device"):
        store.write(acme.path, source("2"))
    with pytest.raises(StoreError, match="No space left on device"):
        store.replace(acme, source("2"))
    monkeypatch.undo()
    assert everything(store) == before


def test_what_a_power_cut_left_is_removed(
    acme: InstalledDriver, store: DriverStore
) -> None:
    """Given an unfinished file, it is no driver and goes at the next start."""
    unfinished = acme.path.with_name(".hmm-abc123.tmp")
    unfinished.write_bytes(source("2")[:20])
    kept = store.stage("new_driver.py", source("3"))
    forgotten = store.stage("old_driver.py", source("4"))
    assert [driver.path for driver in store.installed()] == [acme.path]
    store.clean_up({declared(source("3")).sha256})
    assert not unfinished.exists()
    assert kept.exists()
    assert not forgotten.parent.exists()
    assert acme.path.read_bytes() == source()


def test_what_was_replaced_is_kept(acme: InstalledDriver, store: DriverStore) -> None:
    """Given seven updates, the last five versions are kept, the newest first."""
    for number in range(2, 9):
        (current,) = store.installed()
        backup = store.replace(current, source(f"{number}.0-rc"))
        assert backup.parent == store.folder / "backup" / "acme"
    versions = [backup.declaration.version for backup in store.backups(ACME)]
    assert versions == ["7.0-rc", "6.0-rc", "5.0-rc", "4.0-rc", "3.0-rc"]
    assert acme.path.read_bytes() == source("8.0-rc")
    newest = store.backups(ACME)[0]
    assert newest.source == source("7.0-rc")
    assert newest.path.name.startswith("7.0-rc-2")


def test_backups_are_of_one_driver(acme: InstalledDriver, store: DriverStore) -> None:
    """Given a miner and a pool with one type, or a damaged backup, none is mixed up."""
    store.back_up(acme)
    folder = store.folder / "backup" / "acme"
    pool = b"class A(BasePoolIntegration):\n driver_type = 'acme'"
    (folder / "1-20300101T000000000000Z.py").write_bytes(pool)
    (folder / "1-20300102T000000000000Z.py").write_bytes(b"def f(:")
    (folder / "1-20300103T000000000000Z.py").symlink_to("/etc/hostname")
    (folder / "mine.py").write_bytes(source())
    assert [backup.source for backup in store.backups(ACME)] == [source()]
    assert [b.source for b in store.backups(DriverId("pool", "acme"))] == [pool]


def test_the_backup_of_a_driver_without_a_type(store: DriverStore) -> None:
    """Given an old driver whose file tells its type, its backup is found."""
    content = b"class A(MinerAdapter): pass"
    store.write(store.folder / "miner_drivers" / "oldie_driver.py", content)
    (installed,) = store.installed()
    store.remove(installed)
    (backup,) = store.backups(DriverId("miner", "oldie"))
    assert backup.source == content


def test_what_is_removed_is_kept(acme: InstalledDriver, store: DriverStore) -> None:
    """Given a driver that is removed, it is among the backups."""
    backup = store.remove(acme)
    assert not acme.path.exists()
    assert backup.read_bytes() == source()
    with pytest.raises(StoreError, match="cannot be written"):
        store.remove(acme)


def test_a_file_goes_if_it_is_new(acme: InstalledDriver, store: DriverStore) -> None:
    """Given a new file that does not work, it goes without a trace."""
    store.delete(acme.path)
    store.delete(acme.path)
    assert everything(store) == {}


def test_nothing_outside_is_touched(tmp_path: Path, store: DriverStore) -> None:
    """Given a path that leads out, by dots or links, nothing is written there."""
    outside = tmp_path / "drivers" / "beside_driver.py"
    outside.parent.mkdir()
    outside.write_bytes(source())
    store.folder.mkdir()
    (store.folder / "miner_drivers").symlink_to(tmp_path / "drivers")
    (store.folder / "linked_driver.py").symlink_to(outside)
    for path in (
        outside,
        store.folder / ".." / "drivers" / "beside_driver.py",
        store.folder / "miner_drivers" / "beside_driver.py",
        store.folder / "linked_driver.py",
    ):
        installed = InstalledDriver(
            path=path, source=source(), declaration=declared(source())
        )
        assert not store.is_inside(path)
        for change in (
            lambda path=path: store.write(path, b"x"),
            lambda path=path: store.delete(path),
            lambda installed=installed: store.remove(installed),
        ):
            with pytest.raises(StoreError, match="not in the folder hmm"):
                change()
    assert outside.read_bytes() == source()
    assert not (store.folder / "backup").exists()


def test_a_link_inside_stays_one(acme: InstalledDriver, store: DriverStore) -> None:
    """Given a link to a file of the folder, what it leads to is written."""
    link = store.folder / "linked_driver.py"
    link.symlink_to(acme.path)
    store.write(link, source("2"))
    assert link.is_symlink()
    assert acme.path.read_bytes() == source("2")


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """Given a file where the folder should be, it is told, and nothing else."""
    (tmp_path / "hmm").write_bytes(b"")
    store = DriverStore(tmp_path / "hmm")
    with pytest.raises(StoreError, match="cannot be written"):
        store.write(store.folder / "miner_drivers" / "acme_driver.py", source())


def test_what_is_too_large_is_not_written(store: DriverStore) -> None:
    """Given 10 MB, they do not get on the disk."""
    path = store.folder / "miner_drivers" / "acme_driver.py"
    with pytest.raises(StoreError, match="larger than 256 KB"):
        store.write(path, b"#" * 10_000_000)
    assert everything(store) == {}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("acme", "acme_driver.py"),
        ("acme_driver", "acme_driver.py"),
        ("Acme One!", "Acme_One_driver.py"),
        ("../../etc/passwd", "etc_passwd_driver.py"),
        ("a.b", "a_b_driver.py"),
        ("my_template_driver", "my_driver_driver.py"),
        ("TEMPLATE", "driver_driver.py"),
        ("", "unnamed_driver.py"),
        ("...", "unnamed_driver.py"),
        ("\x00\n", "unnamed_driver.py"),
        ("ü" * 300, "unnamed_driver.py"),
        ("x" * 300, "x" * 60 + "_driver.py"),
    ],
)
def test_names_are_made_safe(text: str, name: str) -> None:
    """Given any name, the name of the file is one that leads nowhere else."""
    assert driver_file_name(text) == name
    assert "/" not in safe_name(text)
    assert not safe_name(text).startswith(".")


def test_a_new_driver_gets_a_place(acme: InstalledDriver, store: DriverStore) -> None:
    """Given a name that is taken, the driver gets that of its type, or none."""
    other = declared(source("1", "other"))
    folder = store.folder / "miner_drivers"
    assert store.path_for(other, "x_driver.py") == folder / "x_driver.py"
    assert store.path_for(other, "acme_driver.py") == folder / "other_driver.py"
    pool = declared(b"class A(BasePoolIntegration):\n driver_type = 'acme'")
    place = store.folder / "pool_drivers" / "acme_driver.py"
    assert store.path_for(pool, "acme_driver.py") == place
    store.write(folder / "other_driver.py", source("1", "third"))
    with pytest.raises(
        StoreError, match=r"another file with the name other_driver\.py"
    ):
        store.path_for(other, "acme_driver.py")


def test_a_file_waits_aside(store: DriverStore) -> None:
    """Given a file that is laid aside, it is no driver, and is known by its sum."""
    sha256 = declared(source()).sha256
    path = store.stage("Acme New.py", source())
    assert path.name == "Acme_New_driver.py"
    assert store.installed() == []
    assert store.staged(sha256) == (path, source())
    path.write_bytes(source("evil"))
    assert store.staged(sha256) is None
    store.unstage(sha256)
    store.unstage(sha256)
    assert everything(store) == {}


@pytest.mark.parametrize("sha256", ["", "..", "0" * 63, "A" * 64, f"{'0' * 64}\n"])
def test_a_sum_is_a_sum(store: DriverStore, sha256: str) -> None:
    """Given something else than a checksum, no folder is made or removed for it."""
    with pytest.raises(StoreError, match="not a SHA-256"):
        store.staged(sha256)
    with pytest.raises(StoreError, match="not a SHA-256"):
        store.unstage(sha256)


def test_a_system_that_cannot_sync_folders(
    acme: InstalledDriver, store: DriverStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a system where folders cannot be synced, files are written all the same."""
    real = os.fsync

    def only_files(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        real(handle)

    monkeypatch.setattr(os, "fsync", only_files)
    store.write(acme.path, source("2"))
    assert acme.path.read_bytes() == source("2")
