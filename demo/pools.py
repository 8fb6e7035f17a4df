"""The pools of the demo: which dialog choices lead to the simulated ones."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator.device import SimulatedDevice
from simulator.fleet import DEMO_STRATUM_PORT
from simulator.mmfp import SimulatedGoSlimStratum
from simulator.ocean import DEMO_WALLET as OCEAN_WALLET, SimulatedOcean
from simulator.solopool import DEMO_WALLET as SOLOPOOL_WALLET, SimulatedSolopool

SOLOPOOL_FILE = """\
# The simulated pool of the demo, in the way that any further pool is added.
driver: solopool
display_name: "Solopool.org DGB (simulated)"
description: "A pool that runs on this machine"
url: {host}
port: {stratum}
coin: DGB
region: Simulated
mining_model: solo
supports_shares: true
# A key that only this driver knows: where it asks
api_base: http://{host}:{port}/api
"""

OCEAN_FILE = """\
driver: ocean
display_name: "OCEAN (simulated)"
url: {host}
port: {stratum}
coin: BTC
region: Simulated
mining_model: pool
supports_earnings: true
supports_balance: true
api_base: http://{host}:{port}/v1
"""


@dataclass(frozen=True, slots=True)
class DemoPool:
    """One pool account: the answers to the dialogs, and a pool file if it needs one."""

    group: str
    region: str
    account: dict[str, Any]
    file: str | None = None

    def write_file(self, folder: Path) -> None:
        """Put the pool file, if there is one, into the folder for them."""
        if self.file is not None:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{self.region}.yaml").write_text(self.file, encoding="utf-8")


def demo_pools(
    devices: Iterable[SimulatedDevice], shift: int
) -> Iterator[tuple[str, DemoPool]]:
    """Yield the simulated pools by the name of their simulator."""
    stratum = DEMO_STRATUM_PORT + shift
    for device in devices:
        where = {"host": device.host, "port": device.port, "stratum": stratum}
        match device:
            case SimulatedSolopool():
                pool = DemoPool(
                    "Solopool.org · DGB",
                    "demo-solopool-dgb",
                    {"wallet": SOLOPOOL_WALLET},
                    SOLOPOOL_FILE.format(**where),
                )
            case SimulatedOcean():
                pool = DemoPool(
                    "OCEAN · BTC",
                    "demo-ocean-btc",
                    {"wallet": OCEAN_WALLET},
                    OCEAN_FILE.format(**where),
                )
            case SimulatedGoSlimStratum():
                # A server of one's own: its address is reported in the dialog
                pool = DemoPool(
                    "MMFP Solutions · BC2",
                    "mmfp-gss-bc2",
                    {"host": device.host, "port": stratum, "api_port": device.port},
                )
            case _:
                continue
        yield device.name, pool
