"""What the tests of HMM-Local's drivers share."""

from collections.abc import AsyncGenerator, Generator
import threading
from typing import Any

import pytest

from custom_components.hmm.driver_engine.legacy import host as host_module
from custom_components.hmm.driver_engine.legacy.host import Host

from .pool_server import PoolServer


@pytest.fixture(autouse=True)
def no_thread_is_left(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """End the threads of the drivers that a test has loaded."""
    hosts: list[Host] = []
    init = Host.__init__

    def note(self: Host, *args: Any) -> None:
        init(self, *args)
        hosts.append(self)

    monkeypatch.setattr(Host, "__init__", note)
    yield
    for host in hosts:
        host.close()
    for thread in threading.enumerate():
        if thread.name.startswith("hmm driver"):
            thread.join(20)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give what hangs no second in which it might still end when it is cancelled."""
    monkeypatch.setattr(host_module, "_GIVE_UP_SECONDS", 0.05)


@pytest.fixture
async def server(socket_enabled: None) -> AsyncGenerator[PoolServer]:
    """Return a running pool server."""
    server = PoolServer()
    await server.start()
    yield server
    await server.stop()
