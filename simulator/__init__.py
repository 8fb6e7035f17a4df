"""Fake miners and pools that speak the real protocols on real sockets."""

from .avalon import SimulatedAvalon
from .axeos import SimulatedAxeOS
from .braiins import SimulatedBraiins
from .ckpool import SimulatedCkpool
from .control import ControlPanel
from .device import Counters, Fault, SimulatedDevice, TcpDevice
from .fleet import Fleet
from .httpd import HttpDevice
from .mmfp import SimulatedGoSlimStratum, SimulatedGoStratumEngine
from .nerdqaxe import SimulatedNerdQAxe
from .nmaxe import SimulatedNMAxe
from .nmminer import SimulatedNMMiner
from .ocean import SimulatedOcean
from .physics import Miner, Reading, Silicon
from .public_pool import SimulatedPublicPool
from .solopool import SimulatedSolopool
from .stack import SimulatedStack
from .stratum import SimulatedStratum

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
    "SimulatedBraiins",
    "SimulatedCkpool",
    "SimulatedDevice",
    "SimulatedGoSlimStratum",
    "SimulatedGoStratumEngine",
    "SimulatedNMAxe",
    "SimulatedNMMiner",
    "SimulatedNerdQAxe",
    "SimulatedOcean",
    "SimulatedPublicPool",
    "SimulatedSolopool",
    "SimulatedStack",
    "SimulatedStratum",
    "TcpDevice",
]
