"""What counts as found by a miner."""

from custom_components.hmm.driver_api import MinerTelemetry
from custom_components.hmm.finds import MinerRecord


def test_a_count_that_flaps_is_found_once() -> None:
    """While a miner has not restarted, a block that it once reported is not new."""
    record = MinerRecord()
    finds = [
        record.look("one", MinerTelemetry(uptime=uptime, blocks_found=count))
        for uptime, count in enumerate([1, 2, 1, 2, 1, 2, 3])
    ]
    assert finds == [None, "blocks_found", None, None, None, None, "blocks_found"]


def test_a_count_begins_anew_with_a_restart() -> None:
    """The block after it is found as well."""
    record = MinerRecord()
    for uptime, count in ((100, 5), (5, 0)):
        record.look("one", MinerTelemetry(uptime=uptime, blocks_found=count))
    assert (
        record.look("one", MinerTelemetry(uptime=35, blocks_found=1)) == "blocks_found"
    )
