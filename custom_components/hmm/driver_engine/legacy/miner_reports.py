"""Reads what the miner drivers of HMM-Local and of the plan after it report."""

from collections.abc import Callable, Mapping
from typing import Any

from ...driver_api import DeviceFacts, MinerTelemetry, PoolSlot
from ...driver_api.units import (
    parse_amount,
    parse_compact,
    parse_count,
    parse_int,
    parse_number,
    parse_text,
)
from .read_figures import read, read_duration, read_hashrate

# Our fields and the names that drivers have given them, the newest first. Where a
# device says nothing the drivers put 0, so that only the last ones may be zero.
_POSITIVE: Mapping[str, tuple[str, ...]] = {
    "network_difficulty": ("network_difficulty", "net_diff"),
    "response_time": ("pool_response_ms", "response_time"),
    "frequency": ("frequency_mhz", "frequency"),
    "core_voltage": ("core_voltage_mv", "core_voltage"),
    "core_voltage_actual": ("core_voltage_actual_mv", "core_voltage_actual"),
    "input_voltage": ("voltage_mv", "voltage"),
    "temperature_regulator": ("vr_temp_c", "vr_temp"),
}
_AMOUNTS: Mapping[str, tuple[str, ...]] = {
    "best_share": ("best_share_diff", "best_diff"),
    "best_session_share": ("best_session_diff",),
    "error_rate": ("error_rate_pct", "error_percentage"),
    "fan_speed": ("fan_speed_pct", "fan_speed"),
}
_COUNTS: Mapping[str, tuple[str, ...]] = {
    "shares_stale": ("stale_shares",),
    "block_height": ("block_height",),
    "blocks_found": ("found_blocks",),
    "free_memory": ("free_heap_bytes", "free_heap"),
}


def extra_data(answer: Any) -> Mapping[str, Any]:
    """Return what a response reports beyond the fields that all have."""
    extra = read(answer, "extra_data")
    if isinstance(extra, Mapping):
        return extra
    return answer if isinstance(answer, Mapping) else {}


def system_info(extra: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what an AxeOS or NerdQAxe answered, where the driver hands it on."""
    info = read(read(read(extra, "vendor"), "raw"), "system_info")
    return info if isinstance(info, Mapping) else {}


def read_report(answer: Any, mode: Any, address: str) -> MinerTelemetry:
    """Return what an object (or dictionary) of HMM-Local says, in our units.

    ``mode`` counts if the response itself has none.
    """
    extra = extra_data(answer)
    unit = parse_text(extra.get("hashrate_unit")) or "GH/s"
    hashrate = _hashrate(read(answer, "hashrate"), unit)
    figures: dict[str, Any] = {
        **{field: _first(extra, keys, _positive) for field, keys in _POSITIVE.items()},
        **{
            field: _first(extra, keys, parse_amount) for field, keys in _AMOUNTS.items()
        },
        **{field: _first(extra, keys, parse_count) for field, keys in _COUNTS.items()},
    }
    if extra.get("raw_source") == "cgminer":
        # The driver for Avalon says rejected shares where errors belong
        figures["error_rate"] = None
    rpm = parse_count(extra.get("fan_rpm"))
    url = parse_text(read(answer, "pool_in_use"))
    return MinerTelemetry(
        hashrate=hashrate,
        hashing=None if hashrate is None else hashrate > 0,
        temperature=_positive(read(answer, "temperature")),
        power=_positive(read(answer, "power_watts")),
        uptime=_first(extra, ("uptime_seconds", "uptime", "elapsed"), _seconds),
        mode=parse_text(extra.get("current_mode")) or parse_text(mode),
        shares_accepted=parse_count(read(answer, "shares_accepted")),
        shares_rejected=parse_count(read(answer, "shares_rejected")),
        pool_difficulty=_positive(read(answer, "pool_difficulty"))
        or _first(extra, ("pool_difficulty", "pool_diff"), _positive),
        fan_rpm=() if rpm is None else (rpm,),
        signal=_first(extra, ("wifi_rssi", "rssi"), _signal),
        pools=()
        if url is None
        else (
            PoolSlot(index=0, url=url.rpartition("://")[2].rstrip("/"), active=True),
        ),
        device=_facts(extra, address),
        **figures,
    )


def read_planned_report(answer: Mapping[str, Any], modes: list[str]) -> dict[str, Any]:
    """Return a dictionary of the plan with its figures in our units.

    Its hashrate is in H/s unless it reports otherwise.
    """
    unit = parse_text(answer.get("hashrate_unit")) or "H/s"
    hashrate = _hashrate(answer.get("hashrate"), unit)
    power = parse_number(answer.get("power"))
    mode = parse_text(answer.get("mode"))
    return {
        **answer,
        "hashrate": hashrate,
        "temperature": _positive(answer.get("temperature")),
        # A miner that hashes draws something
        "power": power if power or not hashrate else None,
        "uptime": read_duration(answer.get("uptime")),
        # What the template writes for a device that does not report it
        "mode": None if mode == "unknown" and mode not in modes else mode,
    }


def is_miner(telemetry: MinerTelemetry) -> bool:
    """Return whether a miner said this.

    The drivers make telemetry of any answer, with 0 for all that is not in it.
    """
    facts = telemetry.device or DeviceFacts()
    return any(
        (
            telemetry.hashrate,
            telemetry.temperature,
            telemetry.power,
            telemetry.uptime,
            telemetry.shares_accepted,
            telemetry.best_share,
            facts.mac,
            facts.model,
            facts.firmware,
        )
    )


def _facts(extra: Mapping[str, Any], address: str) -> DeviceFacts:
    """Return who the device is, as far as a poll reports it."""
    info = system_info(extra)
    mac = parse_text(info.get("macAddr"))
    return DeviceFacts(
        mac=mac.lower() if mac else None,
        model=parse_text(info.get("deviceModel"))
        or parse_text(extra.get("board_type"))
        or parse_text(extra.get("asic_model")),
        firmware=parse_text(extra.get("firmware_version"))
        or parse_text(extra.get("version")),
        hostname=parse_text(info.get("hostname")),
        configuration_url=f"http://{address}" if info else None,
    )


def _hashrate(value: Any, unit: str) -> float | None:
    """Return H/s; a text such as "1.02 MH/s" reports its unit itself."""
    if isinstance(value, str) and parse_number(value) is None:
        return parse_amount(value)
    return read_hashrate(value, unit)


def _first(
    extra: Mapping[str, Any], keys: tuple[str, ...], parse: Callable[[Any], Any]
) -> Any:
    """Return the first of several spellings that can be read."""
    values = (parse(extra.get(key)) for key in keys)
    return next((value for value in values if value is not None), None)


def _positive(value: Any) -> float | None:
    number = parse_compact(value)
    return number if number is not None and number > 0 else None


def _seconds(value: Any) -> int | None:
    seconds = read_duration(value)
    return round(seconds) if seconds is not None and seconds > 0 else None


def _signal(value: Any) -> int | None:
    # Some drivers hand on "Connected!", or nothing as 0
    number = parse_int(value)
    return number if number is not None and number < 0 else None
