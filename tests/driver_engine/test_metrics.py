"""How the polls of a driver are counted."""

import pytest

from custom_components.hmm.bundled.miner_drivers.bitaxe_driver import BitaxeDriver
from custom_components.hmm.driver_api import BadAnswer, DriverContext, DriverError
from custom_components.hmm.driver_engine.client import MinerClient
from custom_components.hmm.driver_engine.metrics import DriverMetrics, metrics_of
from simulator.axeos import SimulatedAxeOS


async def test_polls_of_a_miner(bitaxe: SimulatedAxeOS, context: DriverContext) -> None:
    """Good polls are timed; one that fails is counted by its reason."""

    class Driver(BitaxeDriver):
        """One of its own, as each version of a file is."""

    client = MinerClient(Driver, context, "127.0.0.1", bitaxe.port)
    await client.poll()
    await client.poll()
    await bitaxe.stop()
    with pytest.raises(DriverError) as caught:
        await client.poll()
    await client.close()
    metrics = metrics_of(Driver)
    assert (metrics.polls, metrics.failed) == (3, 1)
    assert metrics.requests >= 3
    assert 0 < (metrics.quantile(0.5) or 0) <= (metrics.quantile(0.95) or 0)
    assert metrics.as_dict()["errors"] == {caught.value.reason_key: 1}
    assert metrics_of(BitaxeDriver) is not metrics


def test_many_kinds_of_errors_are_bounded() -> None:
    """A driver that names each error anew does not make the list grow."""
    metrics = DriverMetrics()

    def fail(number: int) -> None:
        with metrics.measured():
            raise BadAnswer("Odd", reason=f"reason_{number}" * 1000)

    for number in range(1000):
        with pytest.raises(DriverError):
            fail(number)
    assert metrics.failed == 1000
    assert len(metrics.errors) <= 21
    assert max(map(len, metrics.errors)) <= 64
    assert metrics.quantile(0.95) is None
