"""What a driver answers is read field by field."""

from typing import Any

import pytest

from custom_components.hmm.driver_api import MinerTelemetry
from custom_components.hmm.driver_manager.answers import read_telemetry


def test_details_of_a_dict() -> None:
    """Text that is a number is read, lists become tuples that keep their places."""
    telemetry = read_telemetry(
        {
            "hashrate_10m": "1e12",
            "hashrate_1d": 9e11,
            "chip_hashrates": [5e11, None, "4e11"],
            "chip_errors": [3, "x", "4"],
            "reject_reasons": [["Stale", "4"], ("Low difficulty", 1)],
            "uptime_total": "86400",
            "free_memory": 185_304.2,
            "reset_reason": " Power on ",
            "packet_loss": "2.5",
            "filter_runtime": 120,
        }
    )
    assert telemetry == MinerTelemetry(
        hashrate_10m=1e12,
        hashrate_1d=9e11,
        chip_hashrates=(5e11, None, 4e11),
        chip_errors=(3, None, 4),
        reject_reasons=(("Stale", 4), ("Low difficulty", 1)),
        uptime_total=86_400,
        free_memory=185_304,
        reset_reason="Power on",
        packet_loss=2.5,
        filter_runtime=120,
    )
    assert read_telemetry(telemetry) == telemetry


@pytest.mark.parametrize(
    "value", [None, True, "x", "Stale", 5j, [5j], {"a": 1}, [["Stale"]], [[1, 2]], [{}]]
)
def test_nonsense_in_a_detail_is_unknown(value: Any) -> None:
    """Neither a dict nor the data class brings an odd value further."""
    names = ("reject_reasons", "uptime_total", "free_memory", "packet_loss")
    nothing = read_telemetry(dict.fromkeys(names, value))
    assert nothing == MinerTelemetry()
    odd = MinerTelemetry(**dict.fromkeys(names, value))
    assert read_telemetry(odd) == nothing
    chips = read_telemetry({"chip_hashrates": value, "reset_reason": [value]})
    assert chips is not None
    assert not any(chips.chip_hashrates)
    assert chips.reset_reason is None
