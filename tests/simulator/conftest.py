"""What the simulators' tests share."""

import pytest


@pytest.fixture(autouse=True)
def enable_event_loop_debug() -> None:
    """Leave debugging off: to note where each task came from takes most of the time."""
