"""The files that came with HMM-Local make room for HMM's own drivers."""

from collections.abc import Callable
import hashlib
from pathlib import Path

import pytest

from custom_components.hmm.driver_engine.declaration import DriverId
from custom_components.hmm.driver_engine.legacy import stock_hashes as stock
from custom_components.hmm.driver_engine.loaded import LoadedDrivers
from custom_components.hmm.driver_engine.loader import load_drivers

OLD_POOL = """\
from integrations.base_pool import BasePoolIntegration, DashboardTileData

__version__ = "1.0.6"


class SolopoolIntegration(BasePoolIntegration):
    pool_type = "solopool"

    async def get_dashboard_data(self, url, coin, username=None, **kwargs):
        return DashboardTileData(pool_hashrate=0)
"""
OLD_MINER = """\
from adapters.base import MinerAdapter


class AvalonNanoAdapter(MinerAdapter):
    pass
"""

type Release = Callable[..., None]


@pytest.fixture
def released(monkeypatch: pytest.MonkeyPatch) -> Release:
    """Return a function that makes texts files that came with HMM-Local."""

    def release(*sources: str) -> None:
        sums = frozenset(
            hashlib.sha256(source.encode()).hexdigest() for source in sources
        )
        monkeypatch.setattr(stock, "checksums", lambda: sums)

    return release


def put(folder: Path, name: str, source: str) -> Path:
    """Put a file below the configuration folder."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(source.encode())
    return path


def own(drivers: LoadedDrivers) -> set[str]:
    """Return the types that the user's files are used for; nothing may have failed."""
    assert drivers.failed == []
    return {driver.driver_type for driver in drivers if not driver.bundled}


def test_all_143_are_known() -> None:
    """The package has every checksum of the reference, and a template is not stock."""
    sums = stock.checksums()
    assert len(sums) == 143
    assert all(len(item) == 64 and int(item, 16) >= 0 for item in sums)
    assert "f6e21ea7cb6c60af5531dfb46dc7f08c7fae8f9bb8e7a1b2f7650263269117ed" in sums
    assert not stock.is_stock(OLD_POOL.encode())


@pytest.mark.parametrize(
    "place",
    [
        "hmm/drivers/solopool_driver.py",
        "hmm/drivers/pools/solopool_driver.py",
        "hmm/pool_drivers/my_pool_driver.py",
        "hmm/plugins/solopool/plugin.py",
        "drivers/solopool_driver.py",
    ],
)
def test_the_bundled_driver_runs_in_its_place(
    tmp_path: Path, released: Release, place: str
) -> None:
    """Wherever it is copied to, it is set aside and listed."""
    released(OLD_POOL)
    path = put(tmp_path, place, OLD_POOL)
    drivers = load_drivers(tmp_path / "hmm")
    assert own(drivers) == set()
    assert drivers.pools["solopool"].bundled
    (file,) = drivers.stock
    assert (file.path, file.version, file.is_wanted) == (path, "1.0.6", False)
    assert file.drivers == (DriverId("pool", "solopool"),)


def test_one_whose_type_is_in_its_name_alone(tmp_path: Path, released: Release) -> None:
    """Given an adapter of the first months, the name of its file says what it is."""
    released(OLD_MINER)
    put(tmp_path, "hmm/drivers/miners/Avalon_Nano_driver.py", OLD_MINER)
    drivers = load_drivers(tmp_path / "hmm")
    assert own(drivers) == set()
    assert [file.drivers for file in drivers.stock] == [
        (DriverId("miner", "avalon_nano"),)
    ]


@pytest.mark.parametrize("change", ["\n# mine\n", " ", "\n"])
def test_a_changed_copy_runs(tmp_path: Path, released: Release, change: str) -> None:
    """Given any change of it, it is the user's own."""
    released(OLD_POOL)
    put(tmp_path, "hmm/drivers/solopool_driver.py", OLD_POOL + change)
    drivers = load_drivers(tmp_path / "hmm")
    assert own(drivers) == {"solopool"}
    assert drivers.stock == []


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_ends_of_its_lines_are_no_change(
    tmp_path: Path, released: Release, mark: str, end: str
) -> None:
    """Given a copy that came by way of Windows, it is recognized."""
    released(OLD_POOL)
    text = mark + OLD_POOL.replace("\n", end)
    put(tmp_path, "hmm/drivers/solopool_driver.py", text)
    drivers = load_drivers(tmp_path / "hmm")
    assert own(drivers) == set()
    # By the checksum of this very file the user decides
    assert drivers.stock[0].sha256 == hashlib.sha256(text.encode()).hexdigest()


def test_what_no_bundled_driver_stands_in_for_runs(
    tmp_path: Path, released: Release
) -> None:
    """Given a type that HMM has none of, or two types in one file, the file runs."""
    xmrig = OLD_MINER.replace("AvalonNano", "XMRig")
    both = OLD_POOL + OLD_POOL.replace("solopool", "other").replace("Solo", "Other")
    released(xmrig, both)
    put(tmp_path, "hmm/drivers/miners/xmrig_driver.py", xmrig)
    put(tmp_path, "hmm/drivers/solopool_driver.py", both)
    drivers = load_drivers(tmp_path / "hmm")
    assert own(drivers) == {"xmrig", "solopool", "other"}
    assert drivers.stock == []


def test_the_user_can_want_it(tmp_path: Path, released: Release) -> None:
    """Given its checksum among those that are wanted, it runs as before."""
    released(OLD_POOL, OLD_MINER)
    put(tmp_path, "hmm/drivers/solopool_driver.py", OLD_POOL)
    put(tmp_path, "hmm/drivers/miners/avalon_nano_driver.py", OLD_MINER)
    sum_of_pool = hashlib.sha256(OLD_POOL.encode()).hexdigest()
    drivers = load_drivers(tmp_path / "hmm", stock_wanted={sum_of_pool})
    assert own(drivers) == {"solopool"}
    assert {file.version: file.is_wanted for file in drivers.stock} == {
        "1.0.6": True,
        "unknown": False,
    }
    again = load_drivers(tmp_path / "hmm", running=drivers)
    assert own(again) == set()
    assert again.pools["solopool"].bundled


def test_a_changed_copy_beside_it_runs(tmp_path: Path, released: Release) -> None:
    """Given both of one type, they are not at odds any more."""
    released(OLD_POOL)
    put(tmp_path, "hmm/drivers/a_driver.py", OLD_POOL)
    mine = put(tmp_path, "hmm/drivers/b_driver.py", OLD_POOL + "# mine\n")
    drivers = load_drivers(tmp_path / "hmm")
    assert own(drivers) == {"solopool"}
    assert drivers.pools["solopool"].path == mine


def test_it_is_not_even_run(tmp_path: Path, released: Release) -> None:
    """Given a file that would leave a trace, it leaves none."""
    trace = tmp_path / "trace"
    source = f"open({str(trace)!r}, 'w').close()\n{OLD_POOL}"
    released(source)
    put(tmp_path, "hmm/drivers/solopool_driver.py", source)
    load_drivers(tmp_path / "hmm")
    assert not trace.exists()
