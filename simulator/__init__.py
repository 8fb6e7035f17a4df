"""Fake miners and pools that speak the real protocols on real sockets."""

from .avalon import SimulatedAvalon
from .axeos import SimulatedAxeOS
from .control import ControlPanel
from .device import Counters, Fault, SimulatedDevice, TcpDevice
from .fleet import Fleet
from .httpd import HttpDevice
from .nerdqaxe import SimulatedNerdQAxe
from .nmminer import SimulatedNMMiner
from .physics import Miner, Reading, Silicon
from .solopool import SimulatedSolopool

__all__ = [
    "ControlPanel",
    "Counters",
    "Fault",
    "Fleet",
    "HttpDevice",
    "Miner",
    "Reading",
    "Silicon",
    "SimulatedAvalon",
    "SimulatedAxeOS",
    "SimulatedDevice",
    "SimulatedNMMiner",
    "SimulatedNerdQAxe",
    "SimulatedSolopool",
    "TcpDevice",
]
