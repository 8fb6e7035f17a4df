"""Files beside a driver, which it imports as modules of HMM-Local."""

import logging
from pathlib import Path
import sys

import pytest

from custom_components.hmm.driver_engine import preflight
from custom_components.hmm.driver_engine.driver_files import LARGEST_FILE
from custom_components.hmm.driver_engine.loaded import FailedDriver, LoadedDrivers
from custom_components.hmm.driver_engine.loader import load_drivers

BASE = """\
from __future__ import annotations
from dataclasses import dataclass
import logging
from adapters.base import MinerAdapter

logger = logging.getLogger(__name__)


@dataclass
class Preset:
    frequency: int | None = None


class AcmeAdapter(MinerAdapter):
    miner_type = "acme_base"
    preset = Preset(1)

    async def get_telemetry(self):
        logger.error("bc1q-secret")
        return None
"""
DRIVER = """\
from adapters.acme_adapter import AcmeAdapter


class Mine(AcmeAdapter):
    miner_type = "mine"
"""


def load(
    folder: Path, running: LoadedDrivers | None = None, **files: str
) -> LoadedDrivers:
    """Write files, ``/`` as ``__``, into the folder of HMM-Local and load them."""
    for name, source in files.items():
        path = folder / "hmm" / "drivers" / "miners" / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    return load_drivers(folder / "hmm", running=running)


def own(drivers: LoadedDrivers) -> set[str]:
    """Return the types of the user's miners; nothing may have failed."""
    assert drivers.failed == []
    return {miner.driver_type for miner in drivers.miners.values() if not miner.bundled}


def failure(drivers: LoadedDrivers) -> FailedDriver:
    """Return what is wrong with the one file that failed."""
    (failed,) = drivers.failed
    assert failed.path.name == "mine_driver.py"
    return failed


@pytest.mark.parametrize(
    "statement",
    [
        "from adapters.acme_adapter import AcmeAdapter",
        "from adapters.acme_adapter import *",
        "from adapters import acme_adapter\nAcmeAdapter = acme_adapter.AcmeAdapter",
        "import adapters.acme_adapter as it\nAcmeAdapter = it.AcmeAdapter",
        (
            "import adapters.acme_adapter\n"
            "AcmeAdapter = adapters.acme_adapter.AcmeAdapter"
        ),
        (
            "def late():\n    from adapters.acme_adapter import AcmeAdapter as it\n"
            "    return it\nAcmeAdapter = late()"
        ),
    ],
)
@pytest.mark.parametrize("name", ["acme_adapter", "adapters__acme_adapter"])
def test_every_way_to_import(tmp_path: Path, statement: str, name: str) -> None:
    """However it is imported, the file beside the driver serves, under no name."""
    before = {*sys.modules}
    source = DRIVER.replace("from adapters.acme_adapter import AcmeAdapter", statement)
    drivers = load(tmp_path, mine_driver=source, **{name: BASE})
    # The base is no driver of this file, and its own file is none by its name
    assert own(drivers) == {"mine"}
    roots = {name.partition(".")[0] for name in {*sys.modules} - before}
    assert not roots & {"adapters", "integrations", "acme_adapter", "mine_driver"}


def test_a_sibling_may_be_a_driver_itself(tmp_path: Path) -> None:
    """Given a sibling that is loaded as a driver, both are."""
    source = DRIVER.replace("acme_adapter", "acme")
    drivers = load(tmp_path, mine_driver=source, acme_driver=BASE)
    assert own(drivers) == {"mine", "acme_base"}


def test_pools_have_siblings_as_well(tmp_path: Path) -> None:
    """Given a plug-in of the first days, one that extends it finds it."""
    folder = tmp_path / "hmm" / "drivers"
    folder.mkdir(parents=True)
    (folder / "acme_plugin.py").write_text(
        "from integrations.base_pool import BasePoolIntegration\n\n\n"
        "class Acme(BasePoolIntegration):\n    pool_type = 'acme'\n"
    )
    (folder / "mine_driver.py").write_text(
        "from integrations.pools.acme_plugin import Acme\n\n\n"
        "class Mine(Acme):\n    pool_type = 'mine'\n"
    )
    drivers = load_drivers(tmp_path / "hmm")
    assert drivers.failed == []
    assert {
        pool.driver_type for pool in drivers.pools.values() if not pool.bundled
    } == {
        "acme",
        "mine",
    }


def test_files_that_import_each_other_come_to_an_end(tmp_path: Path) -> None:
    """Given a circle, also one through the driver itself, Python's rules apply."""
    drivers = load(
        tmp_path,
        mine_driver=DRIVER,
        acme_adapter=f"{BASE}\nimport adapters.other, adapters.mine_driver\n",
        other="import adapters.acme_adapter\nimport adapters.mine\n",
    )
    assert own(drivers) == {"mine"}
    drivers = load(
        tmp_path,
        mine_driver=DRIVER,
        acme_adapter=BASE.replace(
            "import logging", "from adapters.other import thing\nimport logging"
        ),
        other="from adapters.acme_adapter import AcmeAdapter\nthing = 1\n",
    )
    assert "cannot import name 'AcmeAdapter'" in failure(drivers).reason


def test_a_changed_sibling_is_a_changed_driver(tmp_path: Path) -> None:
    """Given a reload, the driver is loaded again if its sibling is another one."""
    first = load(tmp_path, mine_driver=DRIVER, acme_adapter=BASE)
    same = load(tmp_path, running=first)
    assert same.miners["mine"].driver_class is first.miners["mine"].driver_class
    new = load(tmp_path, running=same, acme_adapter=f"{BASE}\n\nNEW = 1\n")
    assert own(new) == {"mine"}
    assert new.miners["mine"].driver_class is not first.miners["mine"].driver_class


def test_a_broken_sibling_is_named(tmp_path: Path) -> None:
    """Given an error in it, the driver's repair names file and error, until mended."""
    broken = load(tmp_path, mine_driver=DRIVER, acme_adapter=f"{BASE}\nhmm + 1\n")
    assert failure(broken).line == 1
    assert "acme_adapter.py: NameError: name 'hmm'" in failure(broken).reason
    ends = load(tmp_path, running=broken, acme_adapter="import sys\nsys.exit()\n")
    assert "ends the program" in failure(ends).reason
    # It did harm, and is tried again all the same: the sibling has changed
    assert own(load(tmp_path, running=ends, acme_adapter=BASE)) == {"mine"}


def test_one_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Given no such file, the reason says where it is looked for."""
    drivers = load(tmp_path, mine_driver=DRIVER)
    assert "adapters.acme_adapter" in failure(drivers).reason
    assert "no file of that name beside this one" in failure(drivers).reason


@pytest.mark.trial
def test_one_that_hangs_harms_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a loop without end in it, the driver is not loaded, as with its own."""
    monkeypatch.setattr(preflight, "LOAD_SECONDS", 1.0)
    drivers = load(tmp_path, mine_driver=DRIVER, acme_adapter="while True: pass\n")
    assert "to load" in failure(drivers).reason


@pytest.mark.trial
def test_it_is_checked_as_drivers_are(tmp_path: Path) -> None:
    """Given a link that leads away, or a file that is too large, it is refused."""
    outside = tmp_path / "secret.py"
    outside.write_text(BASE)
    load(tmp_path, mine_driver=DRIVER)
    link = tmp_path / "hmm" / "drivers" / "miners" / "acme_adapter.py"
    link.symlink_to(outside)
    assert "leads out" in failure(load(tmp_path)).reason
    link.unlink()
    drivers = load(tmp_path, acme_adapter=f"{BASE}#{'#' * LARGEST_FILE}\n")
    assert "larger" in failure(drivers).reason


@pytest.mark.trial
def test_what_a_sibling_does_is_the_drivers_doing(tmp_path: Path) -> None:
    """Given a sibling that needs a password or is known to harm, its driver is."""
    drivers = load(
        tmp_path,
        mine_driver=DRIVER,
        acme_adapter=f"""\
{BASE}
    async def set_mode(self, mode):
        password = self.config["admin_password"]
        await self.patch("/api/system", json={{"frequency": 1, "voltage": 2}})
        return True
""",
    )
    assert own(drivers) == {"mine"}
    driver_class = drivers.miners["mine"].driver_class
    assert driver_class.option_fields == ("admin_password",)
    assert getattr(driver_class, "danger", None) == "writes_input_voltage"


@pytest.mark.trial
async def test_what_it_logs_is_not_seen(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Given a sibling that logs wallets, nothing is seen."""
    caplog.set_level(logging.NOTSET)
    drivers = load(tmp_path, mine_driver=DRIVER, acme_adapter=BASE)
    driver = drivers.miners["mine"].driver_class()
    assert not await driver.connect("127.0.0.1")
    await driver.close()
    assert "bc1q-secret" not in caplog.text
