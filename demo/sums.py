"""What the integration would have counted in the week before, in its own files.

Written while Home Assistant is stopped (formats of the integration of this checkout).
"""

from collections.abc import Callable
from datetime import datetime
import json
from pathlib import Path
from typing import Any

from .devices import Device
from .history import FLEET, ZONE, Past, Total


def write_sums(storage: Path, past: Past, devices: list[Device]) -> None:
    """Continue all sums from what has grown, and date the best shares."""
    today = datetime.now(ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    periods = today.timestamp(), today.replace(day=1).timestamp()
    hub = next(device.entry_id for device in devices if device.is_hub)
    by_key: dict[str, list[Total]] = {}
    for total in past.totals:
        by_key.setdefault(total.key, []).append(total)

    def energy(data: dict[str, Any]) -> None:
        for total in by_key.get("energy", []):
            if total.entry_id == FLEET:
                data["fleet"] = total.total
            else:
                data["miners"][total.entry_id]["kwh"] = total.total

    def money(field: str, record: dict[str, Any], total: Total) -> None:
        record[field] = total.total
        record["day"] = [periods[0], total.since_midnight]
        record["month"] = [periods[1], total.this_month]

    def cost(data: dict[str, Any]) -> None:
        for total in by_key.get("cost", []):
            money("cost", data["meters"][total.entry_id], total)

    def revenue(data: dict[str, Any]) -> None:
        for total in by_key.get("revenue", []):
            key = hub if total.entry_id == FLEET else total.entry_id
            money("money", data[key], total)

    def finds(data: dict[str, Any]) -> None:
        for entry_id, (at, difficulty) in past.shares.items():
            data[entry_id] |= {"best_share": difficulty, "best_at": at.isoformat()}

    _change(storage / "hmm.energy", energy)
    _change(storage / "hmm.cost", cost)
    _change(storage / "hmm.revenue", revenue)
    _change(storage / "hmm.finds", finds)


def _change(path: Path, change: Callable[[Any], None]) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content["data"])
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")
