"""What a driver author sees: interfaces, data, units, errors and transports.

Nothing in this package imports Home Assistant.
"""

from .errors import (
    AddressRefused,
    AuthRequired,
    BadAnswer,
    CannotConnect,
    CommandFailed,
    DriverError,
    HtmlAnswer,
    InvalidValue,
    NotThisDevice,
    RedirectAnswer,
    reason_of,
)
from .interface import INTERFACE_VERSION
from .miner import OWN_RISK, BaseMinerAdapter, DriverContext, Setting
from .pool import BasePoolIntegration
from .reasons import Reason
from .telemetry import DeviceFacts, MinerTelemetry, PoolSlot, TuningLimits, TuningRange
from .tiles import (
    DashboardTileData,
    FoundPool,
    MiningModel,
    PoolBlock,
    PoolHealthStatus,
    PoolStats,
    PoolTemplate,
    PoolWorker,
    count_online,
)
from .units import HashrateUnit

__all__ = [
    "INTERFACE_VERSION",
    "OWN_RISK",
    "AddressRefused",
    "AuthRequired",
    "BadAnswer",
    "BaseMinerAdapter",
    "BasePoolIntegration",
    "CannotConnect",
    "CommandFailed",
    "DashboardTileData",
    "DeviceFacts",
    "DriverContext",
    "DriverError",
    "FoundPool",
    "HashrateUnit",
    "HtmlAnswer",
    "InvalidValue",
    "MinerTelemetry",
    "MiningModel",
    "NotThisDevice",
    "PoolBlock",
    "PoolHealthStatus",
    "PoolSlot",
    "PoolStats",
    "PoolTemplate",
    "PoolWorker",
    "Reason",
    "RedirectAnswer",
    "Setting",
    "TuningLimits",
    "TuningRange",
    "count_online",
    "reason_of",
]
