"""Fixtures for the tests of bundled drivers."""

import pytest

from custom_components.hmm.bundled.shared.axeos import AxeDriver


@pytest.fixture
def impatient(socket_enabled: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at a device more often than on real hardware, and give up earlier."""
    monkeypatch.setattr(AxeDriver, "read_back_interval", 0.02)
    monkeypatch.setattr(AxeDriver, "read_back_timeout", 0.3)
    monkeypatch.setattr(AxeDriver, "restart_interval", 0.05)
    monkeypatch.setattr(AxeDriver, "restart_timeout", 20.0)
