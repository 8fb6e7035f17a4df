"""GoSlimStratum's API: ``/api/v1/<pool>/metrics/pool`` and ``.../miners``."""

from collections.abc import Mapping
from typing import Any, override
from urllib.parse import quote

from custom_components.hmm.bundled.shared.mmfp import (
    PoolServer,
    highest,
    latest,
    merge_workers,
    no_such_pool,
    rows,
    section,
    total_amount,
    total_count,
    worker_name,
)
from custom_components.hmm.driver_api import (
    BadAnswer,
    DashboardTileData,
    PoolWorker,
    count_online,
)
from custom_components.hmm.driver_api.units import (
    parse_amount,
    parse_bool,
    parse_count,
    parse_text,
    parse_timestamp,
)

_SIGNS = ("hashrate", "active_miners", "network_comparison")
_WINDOWS = ("5m", "15m", "1m")


class GoSlimStratum(PoolServer):
    """A GoSlimStratum, whose source is closed: the shapes are those of its clients.

    Of its figures those that HMM calculates itself are left alone
    (``pool_percentage``, ``estimated_time_to_block``). Shares count from its
    start, blocks and best shares from its database. It reports no time of blocks,
    and of a worker only valid and invalid shares.
    """

    @override
    async def answers(self, pool: str) -> bool:
        data, _ = await self._metrics(pool, "pool")
        return data is not None and any(sign in data for sign in _SIGNS)

    @override
    async def tiles(self, pool: str, account: str) -> DashboardTileData:
        data, latency = await self._metrics(pool, "pool")
        if data is None:
            raise no_such_pool(pool)
        answer, _ = await self._metrics(pool, "miners")
        listed = (answer or {}).get("workers", "")
        if account and not isinstance(listed, list | None):
            raise BadAnswer(
                "The server does not list its miners", reason="bad_response"
            )
        workers = merge_workers(
            _worker(row, name)
            for row in rows(listed)
            if (user := parse_text(row.get("worker_name"))) is not None
            and (name := worker_name(user, account)) is not None
        )
        difficulty = parse_amount(
            section(data, "network_comparison").get("network_difficulty")
        )
        best_share = highest(worker.best_share for worker in workers)
        last_share = latest(worker.last_share for worker in workers)
        if account:
            return DashboardTileData(
                latency_ms=latency,
                network_difficulty=difficulty or None,
                pool_hashrate=total_amount(worker.hashrate for worker in workers),
                active_workers=count_online(workers) if workers else None,
                shares_valid=total_count(worker.shares_valid for worker in workers),
                shares_invalid=total_count(worker.shares_invalid for worker in workers),
                best_share=best_share,
                last_share=last_share,
                workers=workers,
                account_known=bool(workers),
            )
        shares = section(data, "shares")
        blocks = parse_count(data.get("blocks_found"))
        return DashboardTileData(
            latency_ms=latency,
            network_difficulty=difficulty or None,
            pool_hashrate=_hashrate(data.get("hashrate")),
            active_workers=parse_count(data.get("active_miners")),
            shares_valid=parse_count(shares.get("valid")),
            shares_invalid=parse_count(shares.get("invalid")),
            shares_stale=parse_count(shares.get("stale")),
            blocks_found=blocks,
            # Its database keeps them all; when they were found it does not report
            blocks_found_24h=0 if blocks == 0 else None,
            best_share=best_share,
            last_share=last_share,
            workers=workers,
        )

    async def _metrics(
        self, pool: str, kind: str
    ) -> tuple[dict[str, Any] | None, float]:
        return await self._object(f"{quote(pool, safe='')}/metrics/{kind}")


def _hashrate(windows: Any) -> float | None:
    """Return the mean of five minutes in H/s; the windows can be configured."""
    if not isinstance(windows, dict):
        return parse_amount(windows)
    return next(
        (
            hashrate
            for window in (*_WINDOWS, *windows)
            if (hashrate := parse_amount(windows.get(window))) is not None
        ),
        None,
    )


def _worker(row: Mapping[str, Any], name: str) -> PoolWorker:
    online = parse_bool(row.get("is_active"))
    return PoolWorker(
        name=name,
        # What was measured last is no hashrate of a worker that has left
        hashrate=0.0 if online is False else parse_amount(row.get("current_hashrate")),
        online=online,
        shares_valid=parse_count(row.get("current_valid_shares")),
        shares_invalid=parse_count(row.get("current_invalid_shares")),
        best_share=parse_amount(row.get("best_share_difficulty")) or None,
        last_share=parse_timestamp(row.get("last_seen_at")),
    )
