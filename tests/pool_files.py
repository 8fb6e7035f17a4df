"""Pool files of the user whose statistics are those of simulators."""

import json
from pathlib import Path
from typing import Any

from simulator import SimulatedSolopool


def file(folder: Path, stem: str, **values: Any) -> None:
    """Write a pool file."""
    (folder / "pools").mkdir(exist_ok=True)
    content = {"port": 3333, "coin": "BTC", "mining_model": "solo", **values}
    lines = [f"{key}: {json.dumps(value)}\n" for key, value in content.items()]
    (folder / "pools" / f"{stem}.yaml").write_text("".join(lines))


def pool_file(
    folder: Path, pool: SimulatedSolopool, stem: str, region: str = "Home"
) -> None:
    """Write a pool file whose API is the simulator's."""
    coin = pool.coin_name.upper()
    file(
        folder,
        stem,
        driver="solopool",
        display_name=f"Solopool.org {coin} ({region})",
        url=f"{region.lower()}.example",
        port=8004,
        coin=coin,
        region=region,
        api_base=f"http://127.0.0.1:{pool.port}/api",
    )
