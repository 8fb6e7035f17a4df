"""The miners as JSON, with the keys that scripts made for HMM-Local read.

It reports what the last polls reported and queries no miner. Its telemetry schema 1.0.0
has the units: hashrates in GH/s, with what to show of them.
"""

from typing import Annotated, Literal, TypedDict, TypeIs

from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ServiceValidationError

from ..const import CONF_DRIVER, CONF_POWER_DRAW, EntryType
from ..data import HmmConfigEntry, entries_of_kind, get_data
from ..driver_api import MinerTelemetry
from ..driver_api.units import GIGA, show_hashrate
from ..errors import refusal
from ..json_shapes import Moment
from ..markdown import printable
from ..miner.coordinator import MinerCoordinator
from ..unique_ids import device_id_of
from .tiles_json import timestamp


class MinerRow(TypedDict):
    """A miner."""

    id: Annotated[str, "What all other addresses take"]
    name: str
    miner_type: Annotated[str, "The type of its driver"]
    ip_address: Annotated[str, "Its address or host name"]
    port: Annotated[int | None, "null: the usual one"]
    effective_port: int | None
    current_mode: str | None
    enabled: bool
    manual_power_watts: Annotated[float | None, "W, as entered"]
    config: None
    device_id: Annotated[str | None, "Its device in Home Assistant, for actions"]
    online: bool
    state: Annotated[str | None, "As its status says it, for example mining"]


class Hashrate(TypedDict):
    """A hashrate as a number and as it is shown."""

    display: str
    value: float
    unit: Literal["GH/s"]


class ExtraData(TypedDict):
    """What else a miner reports, by the names of the telemetry schema 1.0.0."""

    uptime_seconds: float | None
    current_mode: str | None
    firmware_version: str | None
    best_share_diff: float | None
    best_session_diff: float | None
    network_difficulty: float | None
    block_height: float | None
    pool_response_ms: float | None
    error_rate_pct: float | None
    fan_rpm: float | None
    fan_speed_pct: float | None
    frequency_mhz: float | None
    voltage_mv: Annotated[float | None, "Of the power supply"]
    core_voltage_mv: float | None
    core_voltage_actual_mv: float | None
    vr_temp_c: float | None
    stale_shares: float | None
    wifi_rssi: float | None
    free_heap_bytes: float | None


class Telemetry(TypedDict):
    """The last poll of a miner; null is unknown."""

    miner_id: str
    timestamp: Moment | None
    hashrate: Hashrate | None
    temperature: Annotated[float | None, "°C"]
    power_watts: float | None
    shares_accepted: float | None
    shares_rejected: float | None
    pool_difficulty: float | None
    pool_in_use: Annotated[str | None, "host:port"]
    mode: str | None
    extra_data: ExtraData


@callback
def miner_entry(hass: HomeAssistant, miner_id: str) -> HmmConfigEntry:
    """Return a miner by its id; raises ServiceValidationError if there is none."""
    entry = hass.config_entries.async_get_entry(miner_id)
    if entry in entries_of_kind(hass, EntryType.MINER):
        assert entry is not None
        return entry
    raise unknown_miner(miner_id)


def unknown_miner(miner_id: str) -> ServiceValidationError:
    """Return that there is no miner with an id."""
    return refusal("unknown_miner", miner_id=printable(miner_id, 64))


@callback
def miner_row(hass: HomeAssistant, entry: HmmConfigEntry) -> MinerRow:
    """Return one miner."""
    data = get_data(hass)
    miner = data.fleet.miners.get(entry.entry_id)
    driver = data.drivers.miners.get(entry.data[CONF_DRIVER])
    port = entry.data.get(CONF_PORT)
    usual = driver.driver_class.default_port if driver else None
    return {
        "id": entry.entry_id,
        "name": entry.title,
        "miner_type": entry.data[CONF_DRIVER],
        "ip_address": entry.data[CONF_HOST],
        "port": port,
        "effective_port": port or (usual if isinstance(usual, int) else None),
        "current_mode": miner.tuning.current if _is_up(miner) else None,
        "enabled": entry.disabled_by is None,
        "manual_power_watts": entry.options.get(CONF_POWER_DRAW),
        "config": None,
        "device_id": device_id_of(hass, entry),
        "online": _is_up(miner),
        "state": str(miner.status.state) if miner and miner.status.state else None,
    }


def _is_up(miner: MinerCoordinator | None) -> TypeIs[MinerCoordinator]:
    return miner is not None and miner.last_update_success


@callback
def telemetry(miner: MinerCoordinator) -> Telemetry:
    """Return the last poll of a miner, which succeeded."""
    data = miner.data
    pool = data.active_pool
    mode = miner.tuning.current
    return {
        "miner_id": miner.config_entry.entry_id,
        "timestamp": timestamp(miner.last_good),
        "hashrate": _hashrate(data.hashrate),
        "temperature": data.temperature,
        "power_watts": miner.power,
        "shares_accepted": data.shares_accepted,
        "shares_rejected": data.shares_rejected,
        "pool_difficulty": data.pool_difficulty,
        "pool_in_use": pool.url if pool else None,
        "mode": mode,
        "extra_data": _extra_data(miner, data, mode),
    }


def _extra_data(
    miner: MinerCoordinator, data: MinerTelemetry, mode: str | None
) -> ExtraData:
    device = data.device or miner.known.facts
    return {
        "uptime_seconds": data.uptime,
        "current_mode": mode,
        "firmware_version": device.firmware,
        "best_share_diff": data.best_share,
        "best_session_diff": data.best_session_share,
        "network_difficulty": data.network_difficulty,
        "block_height": data.block_height,
        "pool_response_ms": data.response_time,
        "error_rate_pct": data.error_rate,
        "fan_rpm": next(iter(data.fan_rpm), None),
        "fan_speed_pct": data.fan_speed,
        "frequency_mhz": data.frequency,
        "voltage_mv": data.input_voltage,
        "core_voltage_mv": data.core_voltage,
        "core_voltage_actual_mv": data.core_voltage_actual,
        "vr_temp_c": data.temperature_regulator,
        "stale_shares": data.shares_stale,
        "wifi_rssi": data.signal,
        "free_heap_bytes": data.free_memory,
    }


def _hashrate(reported: float | None) -> Hashrate | None:
    """Return a hashrate in H/s as HMM-Local reported it; an unknown one is not zero."""
    if reported is None:
        return None
    return {
        "display": show_hashrate(reported),
        "value": round(reported / GIGA, 6),
        "unit": "GH/s",
    }
