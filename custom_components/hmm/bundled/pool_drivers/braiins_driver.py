"""Braiins Pool: Bitcoin, paid for every share (FPPS)."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
import time
from typing import Any, override

from custom_components.hmm.driver_api import (
    AuthRequired,
    BadAnswer,
    BasePoolIntegration,
    DashboardTileData,
    DriverError,
    InvalidValue,
    MiningModel,
    PoolWorker,
    count_online,
    reason_of,
)
from custom_components.hmm.driver_api.transports.web import WebApi
from custom_components.hmm.driver_api.units import (
    parse_bool,
    parse_compact,
    parse_count,
    parse_number,
    parse_text,
    parse_timestamp,
)

COIN = "BTC"
API = "https://pool.braiins.com"
DOMAIN = "braiins.com"

_PROFILE = "accounts/profile/json/btc/"
_WORKERS = "accounts/workers/json/btc/"
_REWARDS = "accounts/rewards/json/btc/"


class BraiinsDriver(BasePoolIntegration):
    """Braiins Pool through its web API (academy.braiins.com, "Monitoring").

    The account is known by the access token alone, which is sent as
    ``Pool-Auth-Token``; a wrong one is answered with 403. Hashrates come in the
    ``hash_rate_unit`` beside them, amounts as texts in BTC.

    What cannot be reported: difficulty and time to a block (FPPS pays shares, blocks
    are the pool's own), and share counts: ``shares_24h`` is the weighted work of
    a moving day, no counter, and rejected shares are nowhere.

    Keyword arguments: ``api_token`` (or ``api_key``), ``api_base`` (or
    ``api_base_url``) instead of ``https://pool.braiins.com``, ``verify_ssl``.
    """

    driver_type = "braiins"
    driver_version = "1.0.0"
    display_name = "Braiins Pool"
    documentation_url = "https://academy.braiins.com/en/braiins-pool/monitoring/"
    supports_coins = [COIN]
    requires_api_key = True
    mining_model = MiningModel.POOL
    # Two requests each time are 60 an hour (and one a day) of the 720 that one
    # in 5 s would be. The hashrate is a mean of 5 minutes: more requests return nothing
    # new.
    poll_seconds = 120

    gap_seconds = 5.0
    """Between two requests with one token; who asks faster is ignored or banned."""
    timeout_seconds = 8.0
    """Two of these and the gap between are well under the 30 s that HMM waits."""
    budget_seconds = 27.0
    """When to stop requesting what the tiles can do without."""
    shared_seconds = 100.0
    """How long a response serves all who have the token; less than a poll."""
    stats_seconds = 300.0
    """How long figures of the pool do."""
    rewards_seconds = 3600.0
    """How often to request yesterday's reward until it is there."""

    def __init__(self) -> None:
        """Make a driver without any request yet."""
        self._accounts: dict[tuple[str, str, bool], _Account] = {}

    def _account(self, options: Mapping[str, Any]) -> _Account:
        """Return the account of a token. Raises AuthRequired: there is none."""
        token = _token(options)
        if token is None:
            raise AuthRequired(
                "Braiins Pool needs an access token", reason="key_missing"
            )
        base = (
            parse_text(options.get("api_base"))
            or parse_text(options.get("api_base_url"))
            or API
        )
        key = (base, token, parse_bool(options.get("verify_ssl")) is not False)
        if (account := self._accounts.get(key)) is None:
            account = self._accounts[key] = _Account(self, *key)
        return account

    @override
    async def detect(self, url: str, port: int) -> bool:
        """Return whether the host is of this pool; sends no request.

        Braiins Solo is another service under the same domain.
        """
        host = url.strip().lower().rpartition("://")[2].partition("/")[0]
        labels = host.partition(":")[0].rstrip(".").split(".")
        return labels[-2:] == DOMAIN.split(".") and "solo" not in labels

    @override
    async def get_dashboard_data(
        self, url: str, coin: str, username: str | None = None, **kwargs: Any
    ) -> DashboardTileData:
        """Return the tiles of the account of the token; ``username`` is not used.

        ``confirmed_balance`` is what the pool holds for the account,
        ``pending_balance`` the estimate of what is not credited yet. What was
        credited today (``today_reward``) is in the balance already and only a part
        of a day, so ``estimated_earnings_24h`` is the reward of the last full day
        (UTC) instead.

        Raises AuthRequired: there is no token, or the pool refused it.
        InvalidValue: another coin than Bitcoin.
        """
        if coin.strip().upper() != COIN:
            raise InvalidValue(
                "Braiins Pool mines Bitcoin only", reason="coin_unsupported"
            )
        account = self._account(kwargs)
        give_up = asyncio.get_running_loop().time() + self.budget_seconds
        try:
            profile, latency = await account.profile()
            workers = await account.workers()
        except AuthRequired:
            raise
        except DriverError as err:
            return DashboardTileData(
                health_status=False, health_message=reason_of(err), currency=COIN
            )
        earned: float | None = None
        with suppress(TimeoutError):
            async with asyncio.timeout_at(give_up):
                earned = await account.last_full_day()
        return DashboardTileData(
            latency_ms=latency,
            pool_hashrate=_hashrate(profile.btc, "hash_rate_5m"),
            active_workers=_active(profile.btc, workers),
            estimated_earnings_24h=earned,
            currency=COIN,
            confirmed_balance=_first_amount(
                profile.btc, "current_balance", "confirmed_reward"
            ),
            pending_balance=_first_amount(
                profile.btc, "unconfirmed_reward", "estimated_reward"
            ),
            last_share=max(
                (worker.last_share for worker in workers if worker.last_share),
                default=None,
            ),
            workers=workers,
            account=profile.username,
        )

    @override
    def get_server_time(self, url: str, coin: str, **kwargs: Any) -> float | None:
        return self._account(kwargs).api.server_time

    @override
    def get_config_schema(self) -> dict[str, Any]:
        """Return that an access token is needed, and no address."""
        return {
            "type": "object",
            "properties": {
                "api_token": {
                    "type": "string",
                    "title": "Access token",
                    "description": (
                        "On pool.braiins.com under Settings > Access Profiles: allow"
                        " access to web APIs in a profile that may only read, and"
                        " generate a token"
                    ),
                    "format": "password",
                },
            },
            "required": ["api_token"],
        }

    @override
    def validate_config(self, config: dict[str, Any]) -> bool:
        """Return whether there is something that can be a token."""
        return _token(config) is not None


@dataclass(frozen=True, slots=True)
class _Profile:
    """The account's name and its figures."""

    username: str | None
    btc: Mapping[str, Any]


class _Account:
    """The API with one token, from which all who have the token are served."""

    def __init__(
        self, driver: BraiinsDriver, base: str, token: str, verify_ssl: bool
    ) -> None:
        self._driver = driver
        self.api = WebApi(
            driver.session,
            base,
            headers={"Pool-Auth-Token": token},
            keyed=True,
            gap_seconds=driver.gap_seconds,
            timeout=driver.timeout_seconds,
            verify_ssl=verify_ssl,
        )
        self._username: str | None = None
        self._reward: tuple[date, float] | None = None
        self._reward_due = 0.0

    async def profile(self) -> tuple[_Profile, float]:
        """Return the profile and the latency in ms."""
        data, latency = await self.api.shared_object(
            _PROFILE, self._driver.shared_seconds
        )
        btc = _section(data)
        self._username = parse_text((data or {}).get("username")) or self._username
        return _Profile(self._username, btc), latency

    async def workers(self) -> tuple[PoolWorker, ...]:
        """Return the workers."""
        data, _ = await self.api.shared_object(_WORKERS, self._driver.shared_seconds)
        return tuple(
            _worker(_worker_name(name, self._username), worker)
            for name, worker in _objects(_section(data).get("workers"))
        )

    async def last_full_day(self) -> float | None:
        """Return the reward of yesterday (UTC) in BTC, requested once a day.

        The day before serves until the pool has calculated it. A response that
        cannot be had is none: the tiles do not depend on it.
        """
        today = datetime.fromtimestamp(self.api.now(), UTC).date()
        yesterday = today - timedelta(days=1)
        counted_to = self._reward[0] if self._reward else None
        if counted_to != yesterday and time.monotonic() >= self._reward_due:
            self._reward_due = time.monotonic() + self._driver.rewards_seconds
            with suppress(DriverError):
                data, _ = await self.api.get_object(
                    f"{_REWARDS}?from={yesterday}&to={today}"
                )
                self._reward = _reward_of(yesterday, data) or self._reward
        if self._reward is None or today - self._reward[0] > timedelta(days=2):
            return None
        return self._reward[1]


def _token(options: Mapping[str, Any]) -> str | None:
    """Return the access token, None if it cannot be one."""
    reported = (options.get("api_token"), options.get("api_key"))
    tokens = (value.strip() for value in reported if isinstance(value, str))
    token = next(filter(None, tokens), None)
    # Nothing else can stand in a header
    if token is None or not (token.isascii() and token.isprintable()):
        return None
    return token


def _section(data: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return what a response holds of Bitcoin."""
    section = (data or {}).get("btc")
    if not isinstance(section, dict):
        raise BadAnswer(
            "The pool's answer has no figures of Bitcoin", reason="no_statistics"
        )
    return section


def _objects(value: Any) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the objects under their names."""
    if not isinstance(value, dict):
        return []
    return [(name, item) for name, item in value.items() if isinstance(item, dict)]


def _reward_of(day: date, data: Mapping[str, Any] | None) -> tuple[date, float] | None:
    """Return a day and its reward, None if the pool does not list it (yet)."""
    section = (data or {}).get("btc")
    rewards = section.get("daily_rewards") if isinstance(section, dict) else None
    for entry in rewards if isinstance(rewards, list) else []:
        if not isinstance(entry, dict):
            continue
        timestamp = parse_timestamp(entry.get("date"))
        reward = _amount(entry.get("total_reward"))
        if timestamp is not None and timestamp.date() == day and reward is not None:
            return day, reward
    return None


def _worker_name(name: str, username: str | None) -> str:
    """Return the name of a worker that is listed as ``<account>.<worker>``."""
    account, _, worker = name.partition(".")
    if username in (None, account):
        # Either may be listed alone
        name = worker or ("" if account == username else account)
    name = name.strip()
    # So the pool calls a miner that gives no name
    return "default" if name in ("", "[auto]") else name


def _worker(name: str, worker: Mapping[str, Any]) -> PoolWorker:
    hashrate = _hashrate(worker, "hash_rate_5m")
    match (parse_text(worker.get("state")) or "").lower():
        case "ok" | "low":
            online: bool | None = True
        case "off":
            online = False
        case "dis" if hashrate is not None:
            # Only its monitoring is off, so it may mine all the same
            online = hashrate > 0
        case _:
            online = None
    return PoolWorker(
        name=name,
        hashrate=hashrate,
        online=online,
        last_share=parse_timestamp(worker.get("last_share")),
    )


def _active(btc: Mapping[str, Any], workers: tuple[PoolWorker, ...]) -> int | None:
    """Return how many workers mine, by their list or by the profile's counts."""
    if workers and (online := count_online(workers)) is not None:
        return online
    counts = [parse_count(btc.get(key)) for key in ("ok_workers", "low_workers")]
    numbers = [count for count in counts if count is not None]
    return sum(numbers) if len(numbers) == len(counts) else None


def _hashrate(values: Mapping[str, Any], key: str) -> float | None:
    """Return a hashrate in H/s; the unit stands beside it ("Gh/s")."""
    number = _amount(values.get(key))
    unit = parse_text(values.get("hash_rate_unit"))
    factor = parse_compact(f"1 {unit}") if unit else None
    if number is None or factor is None:
        return None
    return parse_number(number * factor)


def _amount(value: Any) -> float | None:
    """Return a plain number or its text, None if it is negative."""
    number = parse_number(value)
    return number if number is not None and number >= 0 else None


def _first_amount(values: Mapping[str, Any], *keys: str) -> float | None:
    """Return the first that is reported: before FPPS the pool had other names."""
    amounts = (_amount(values.get(key)) for key in keys)
    return next((amount for amount in amounts if amount is not None), None)
