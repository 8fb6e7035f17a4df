"""The pools as JSON, with the keys that dashboards made for HMM-Local read.

It reports what the last polls reported and queries no pool. Hashrates are in H/s,
latencies in milliseconds, shares of a network in percent, money in coins.
"""

from datetime import UTC, datetime
import math

from homeassistant.auth.models import User
from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.core import HomeAssistant, callback

from ..const import CONF_COIN, CONF_DRIVER, FLEET_TITLE
from ..data import HmmConfigEntry, HmmData, fleet_entry, get_data, pool_entries
from ..driver_api import DashboardTileData
from ..driver_api.units import parse_number
from ..driver_engine.known_pools import KnownPool
from ..driver_engine.loader import BUNDLED
from ..driver_engine.pool_detect import PoolMatch, host_of
from ..errors import entry_reason, pool_error, pool_reason, sentence
from ..pool.coordinator import PoolCoordinator
from ..pool.discovered import async_discover_pools
from ..rights import may_read, require_read
from .tile_shapes import FoundServer, ListedPool, Match, PlatformTiles, PoolTiles
from .totals import add_up

_TIME_UNITS = (
    ("year", 365 * 86_400),
    ("day", 86_400),
    ("hour", 3600),
    ("minute", 60),
)
# What every reader of JSON takes for the same whole number
_LARGEST_INT = 2**53

# What stays empty while a pool is down
_NOTHING = DashboardTileData()


@callback
def platform_tiles(hass: HomeAssistant, user: User | None) -> PlatformTiles:
    """Return the four tiles over all pools.

    They are figures of the fleet: raises NotAllowed for a user who may not read its
    entities.
    """
    require_read(hass, user, fleet_entry(hass), FLEET_TITLE)
    totals = add_up(get_data(hass).fleet.read_pools(hass))
    one_coin = totals.coins[totals.mined[0]] if len(totals.mined) == 1 else None
    one_currency = (
        totals.coins[totals.currencies[0]] if len(totals.currencies) == 1 else None
    )
    return {
        "tile_1_health": {
            "total_pools": totals.total,
            "healthy_pools": totals.healthy,
            "unhealthy_pools": totals.total - totals.healthy,
            "avg_latency_ms": _rounded(totals.latency, 1),
            "status": str(totals.status),
        },
        "tile_2_network": {
            "total_pool_hashrate": _number(totals.hashrate),
            # Difficulties of several coins add up to nothing
            "total_network_difficulty": (
                _number(one_coin.network_difficulty) if one_coin else None
            ),
            "avg_pool_percentage": _number(totals.mean_share),
            "estimated_time_to_block": duration_text(totals.soonest_block),
        },
        "tile_3_shares": {
            "total_valid": _number(totals.shares_valid),
            "total_invalid": _number(totals.shares_invalid),
            "total_stale": _number(totals.shares_stale),
            "avg_reject_rate": _rounded(totals.reject_rate, 2),
        },
        "tile_4_blocks": {
            "total_blocks_24h": _number(totals.blocks_24h),
            # Neither do several currencies
            "total_earnings_24h": (
                _number(one_currency.earnings_24h) if one_currency else None
            ),
            "currencies": [_text(currency) for currency in totals.currencies],
        },
    }


@callback
def pool_tiles(hass: HomeAssistant, user: User | None) -> dict[str, PoolTiles]:
    """Return the four tiles of each pool that a user may read, all for None.

    The keys are the ids of the pools' entries.
    """
    return {
        entry.entry_id: _pool(hass, entry)
        for entry in pool_entries(hass)
        if may_read(hass, user, entry)
    }


def _pool(hass: HomeAssistant, entry: HmmConfigEntry) -> PoolTiles:
    """Return one pool; the values of one that is down are null."""
    data = get_data(hass)
    pool_type = entry.data[CONF_DRIVER]
    driver = data.drivers.pools.get(pool_type)
    pool = data.fleet.pools.get(entry.entry_id)
    up = pool is not None and pool.last_update_success
    tiles = pool.data if pool is not None and up else _NOTHING
    templates = [
        listed.template
        for listed in data.known_pools.pools.values()
        if _is_of(listed, entry)
    ]
    return {
        "pool_id": entry.entry_id,
        "pool_type": pool_type,
        "display_name": entry.title,
        "supports_coins": [_text(coin) for coin in driver.coins] if driver else [],
        "tile_1_health": {
            "health_status": up,
            "health_message": _text(_message(hass, entry, pool)),
            "latency_ms": _rounded(tiles.latency_ms, 1),
        },
        "tile_2_network": {
            "network_difficulty": _number(tiles.network_difficulty),
            "pool_hashrate": _number(tiles.pool_hashrate),
            "estimated_time_to_block": duration_text(tiles.estimated_time_to_block),
            "pool_percentage": _number(tiles.pool_percentage),
            "active_workers": _number(tiles.active_workers),
        },
        "tile_3_shares": {
            "shares_valid": _number(tiles.shares_valid),
            "shares_invalid": _number(tiles.shares_invalid),
            "shares_stale": _number(tiles.shares_stale),
            "reject_rate": _rounded(tiles.reject_rate, 2),
        },
        "tile_4_blocks": {
            "blocks_found_24h": _number(tiles.blocks_found_24h),
            "last_block_found": timestamp(tiles.last_block_found),
            "estimated_earnings_24h": _number(tiles.estimated_earnings_24h),
            "currency": _text(tiles.currency),
            "confirmed_balance": _number(tiles.confirmed_balance),
            "pending_balance": _number(tiles.pending_balance),
        },
        "last_updated": timestamp(pool.last_good if pool else None),
        "supports_earnings": tiles.estimated_earnings_24h is not None
        or any(template.supports_earnings for template in templates),
        "supports_balance": tiles.confirmed_balance is not None
        or tiles.pending_balance is not None
        or any(template.supports_balance for template in templates),
    }


def _is_of(listed: KnownPool, entry: HmmConfigEntry) -> bool:
    """Return whether an entry was made from this pool of the list."""
    template = listed.template
    return (
        listed.driver_type == entry.data[CONF_DRIVER]
        and template.coin.upper() == entry.data[CONF_COIN].upper()
        and (
            not template.url
            or (host_of(listed), template.port)
            == (entry.data[CONF_HOST].lower(), entry.data[CONF_PORT])
        )
    )


def _message(
    hass: HomeAssistant, entry: HmmConfigEntry, pool: PoolCoordinator | None
) -> str | None:
    """Return what is to be said of a pool's health: why it is down, mostly."""
    if pool is None:
        return entry_reason(hass, entry) or sentence(hass, "pool_not_set_up", {})
    if pool.reason is None:
        return None
    if pool_reason(pool.reason) == "problem":
        return pool.reason  # The words of a user's driver
    return sentence(hass, *pool_error(pool.reason, pool.account.url, entry.title))


@callback
def pool_templates(
    hass: HomeAssistant, user: User, pool_type: str | None, coin: str | None
) -> list[ListedPool]:
    """Return the pools to choose from: all, those of a driver, of one coin of it.

    What administrators have put into the folder is for them: servers at home, or of
    friends, that only they can add an account of.
    """
    data = get_data(hass)
    return [
        _template(listed, data.drivers.pools[listed.driver_type].name)
        for template_id, listed in sorted(data.known_pools.pools.items())
        if pool_type in (None, listed.driver_type)
        and (coin is None or coin.upper() == listed.template.coin.upper())
        and (user.is_admin or listed.path.is_relative_to(BUNDLED))
    ]


def _template(listed: KnownPool, name: str) -> ListedPool:
    template = listed.template
    return {
        "pool_type": listed.driver_type,
        "pool_display_name": _text(name),
        "template_id": _text(template.template_id),
        "display_name": _text(template.display_name),
        "url": _text(template.url),
        "port": template.port,
        "coin": _text(template.coin),
        "mining_model": _text(template.mining_model),
        "region": _text(template.region),
        "requires_auth": bool(template.requires_auth),
        "supports_shares": bool(template.supports_shares),
        "supports_earnings": bool(template.supports_earnings),
        "supports_balance": bool(template.supports_balance),
        "description": _text(template.description),
        "fee_percent": parse_number(template.fee_percent),
    }


async def async_discovered_pools(
    hass: HomeAssistant, *, network: bool
) -> list[FoundServer]:
    """Return the servers of the own miners, and, if wanted, those of the network."""
    data = get_data(hass)
    return [
        {
            "url": _text(pool.address.host),
            "port": pool.address.port,
            "miners": [_text(miner) for miner in pool.miners],
            "active": pool.active,
            "matches": [
                _match(match, data)
                for match in pool.matches
                # Drivers may have been reloaded since
                if match.driver_type in data.drivers.pools
            ],
            "configured": bool(pool.pool_ids),
            "pool_ids": list(pool.pool_ids),
        }
        for pool in await async_discover_pools(hass, network=network)
    ]


def _match(match: PoolMatch, data: HmmData) -> Match:
    listed = match.listed
    return {
        "pool_type": _text(match.driver_type),
        "pool_display_name": _text(data.drivers.pools[match.driver_type].name),
        "template_id": _text(listed.template.template_id) if listed else None,
        "display_name": _text(listed.template.display_name) if listed else None,
        "coin": _text(match.coin),
    }


def duration_text(seconds: float | None) -> str | None:
    """Return a time as a person says it: "45 seconds", "6.5 hours", "7 days"."""
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return None
    unit, length = next(
        ((unit, length) for unit, length in _TIME_UNITS if seconds >= length),
        ("second", 1),
    )
    amount = seconds / length
    text = f"{amount:.1f}".removesuffix(".0") if amount < 10 else f"{amount:.0f}"
    return f"{text} {unit}" if text == "1" else f"{text} {unit}s"


def _number(value: float | None) -> float | None:
    """Return a number that JSON has, None for one that it has not."""
    if value is None:
        return None
    if isinstance(value, int):
        return value if abs(value) <= _LARGEST_INT else None
    return value if math.isfinite(value) else None


def _rounded(value: float | None, digits: int) -> float | None:
    number = _number(value)
    return None if number is None else round(number, digits)


def _text(value: object) -> str | None:
    """Return a text that is valid UTF-8, whatever a pool or a file put into it."""
    return None if value is None else str(value).encode(errors="replace").decode()


def timestamp(value: datetime | None) -> str | None:
    """Return a timestamp as "2026-02-05T12:00:00Z"."""
    if value is None:
        return None
    try:
        timestamp = value.astimezone(UTC)
    except OverflowError:  # The first and the last day of the calendar
        return None
    return timestamp.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
