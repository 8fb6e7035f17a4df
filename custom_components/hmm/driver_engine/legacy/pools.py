"""Pool drivers of HMM-Local as native ones."""

from collections.abc import Callable, Mapping
from contextlib import suppress
import logging
from typing import Any, ClassVar, override

from ...driver_api import (
    BadAnswer,
    BasePoolIntegration,
    DashboardTileData,
    MiningModel,
    PoolBlock,
    PoolHealthStatus,
    PoolStats,
    PoolTemplate,
)
from ...driver_api.coins import network_figures
from ...driver_api.units import (
    parse_bool,
    parse_count,
    parse_number,
    parse_text,
    reject_percent,
)
from ..declaration import NotADriver
from ..faults import why
from ..hanging import Hanging
from .app_settings import AppSettings
from .binding import bind, names
from .host import Host
from .origin import Origin
from .read_figures import read, read_duration, read_hashrate, read_timestamp

_LOGGER = logging.getLogger(__name__)

_CALL_SECONDS = 25
_DETECT_SECONDS = 4
_KEY_NAMES = ("api_key", "api_token", "token")
_HEALTH_NAMES = ("get_health", "health_check", "check_health")
_TILES = ("get_dashboard_data",)

# Another name of the account, and a mere text for the user to read
_NO_FIELDS = {"wallet", "info"}

# Where HMM-Local's own drivers expect a self-hosted server by default
_PLACEHOLDERS = {"127.0.0.1", "localhost", "192.168.1.100", "hmm-local-stratum"}

# What HMM-Local's own drivers give as "blocks in 24 hours", and is not: those of all
# times; those of all miners, or always 0
_COUNTS_FOR_EVER = {"mmfp", "dgb_stack", "bch_stack", "btc_stack"}
_COUNTS_OTHERS = {"solopool", "nerdminers"}

# And as shares: work (sums of difficulty), or always 0
_COUNTS_NO_SHARES = {"braiins", "ckpool", "nerdminers"}


class LegacyPool(BasePoolIntegration):
    """One pool driver of HMM-Local; ``wrap_pool`` makes a class for each.

    All accounts share one object of the driver, as they did there.
    """

    legacy: ClassVar[Any]
    hanging: ClassVar[Hanging]
    host: ClassVar[Host]
    plain_unit: ClassVar[str]
    """The unit of a hashrate that is a plain number."""
    settings: ClassVar[AppSettings]
    """What config.yaml holds, for accounts that lack something."""
    schema: ClassVar[dict[str, Any]]
    templates: ClassVar[list[PoolTemplate]]

    @override
    def get_pool_templates(self) -> list[PoolTemplate]:
        return list(self.templates)

    @override
    def get_config_schema(self) -> dict[str, Any]:
        return self.schema

    @override
    def validate_config(self, config: dict[str, Any]) -> bool:
        return all(config.get(key) for key in self.schema["required"])

    @override
    async def detect(self, url: str, port: int) -> bool:
        if (method := self._find(("detect",))) is None:
            return False
        keywords = bind(method, {"url": url, "port": port}, {})
        answer = await self.host.run(lambda: method(**keywords), _DETECT_SECONDS)
        return answer is True

    @override
    def coin_at(self, url: str, port: int) -> str | None:
        coins = {
            template.coin
            for template in self.templates
            if (template.url, template.port) == (url, port)
        }
        return coins.pop() if len(coins) == 1 else super().coin_at(url, port)

    @override
    async def get_health(self, url: str, port: int, **kwargs: Any) -> PoolHealthStatus:
        answer = await self._query(_HEALTH_NAMES, url, kwargs, port=port)
        if answer is None:
            raise BadAnswer(
                "The driver does not tell whether the pool answers",
                reason="no_statistics",
            )
        return PoolHealthStatus(
            is_healthy=parse_bool(read(answer, "is_healthy")) is True,
            latency_ms=_latency(answer),
            error_message=self._message(
                read(answer, "error_message"), self._filled(kwargs)
            ),
        )

    @override
    async def get_network_difficulty(self, coin: str, **kwargs: Any) -> float | None:
        url = kwargs.get("url")
        method = ("get_network_difficulty",)
        try:
            answer = await self._query(method, url, kwargs, {"url": url}, coin=coin)
        # Not all take it
        except TypeError:
            answer = await self._query(method, url, kwargs, coin=coin)
        return _difficulty(answer)

    @override
    async def get_pool_stats(
        self, url: str, coin: str, **kwargs: Any
    ) -> PoolStats | None:
        answer = await self._query(("get_pool_stats",), url, kwargs, coin=coin)
        if answer is None:
            return None
        hashrate = read_hashrate(read(answer, "hashrate"), "H/s")
        if hashrate is None:
            hashrate = read_hashrate(read(answer, "pool_hashrate"), "GH/s")
        return PoolStats(
            hashrate=hashrate,
            active_workers=parse_count(read(answer, "active_workers")),
            blocks_found=parse_count(read(answer, "blocks_found")),
            network_difficulty=_difficulty(read(answer, "network_difficulty")),
        )

    @override
    async def get_blocks(
        self, url: str, coin: str, hours: int = 24, **kwargs: Any
    ) -> list[PoolBlock]:
        answer = await self._query(
            ("get_blocks",), url, kwargs, coin=coin, hours=hours, limit=10
        )
        return [
            PoolBlock(
                height=parse_count(read(block, "height")),
                hash=parse_text(read(block, "hash")),
                miner=parse_text(read(block, "miner")),
                timestamp=None if timestamp is None else round(timestamp.timestamp()),
                difficulty=parse_number(read(block, "difficulty")),
                network_difficulty=_difficulty(read(block, "network_difficulty")),
                coin=coin,
                reward=parse_number(read(block, "reward")),
                confirmed=parse_bool(read(block, "confirmed")) is True,
            )
            for block in (answer if isinstance(answer, list | tuple) else ())
            for timestamp in (read_timestamp(read(block, "timestamp")),)
        ]

    @override
    async def get_dashboard_data(
        self, url: str, coin: str, username: str | None = None, **kwargs: Any
    ) -> DashboardTileData:
        kwargs = self._filled({**kwargs, "username": username}, coin)
        if (method := self._find(_TILES)) is None:
            return await self._add_up(url, coin, kwargs)
        # One that takes only host and port looks for these among its keywords
        more = {"coin": coin, "username": kwargs["username"]}
        answer = await self._query(
            _TILES, url, kwargs, None if "coin" in names(method) else more, coin=coin
        )
        if answer is None:
            raise BadAnswer(
                "The driver has no figures; is the wallet entered?",
                reason="no_statistics",
            )
        if not isinstance(answer, Mapping) and not hasattr(answer, "health_status"):
            raise BadAnswer("The driver returned no tiles", reason="no_statistics")
        return self._tiles(answer, coin, kwargs)

    @override
    async def get_user_stats(
        self, url: str, coin: str, username: str, **kwargs: Any
    ) -> dict[str, Any] | None:
        kwargs["username"] = username
        answer = await self._query(("get_user_stats",), url, kwargs, coin=coin)
        return dict(answer) if isinstance(answer, Mapping) else None

    @override
    async def get_worker_stats(
        self, url: str, coin: str, worker_name: str, **kwargs: Any
    ) -> dict[str, Any] | None:
        answer = await self._query(
            ("get_worker_stats",), url, kwargs, coin=coin, worker_name=worker_name
        )
        return dict(answer) if isinstance(answer, Mapping) else None

    @override
    async def close(self) -> None:
        self.host.close()

    def _filled(self, kwargs: Mapping[str, Any], coin: Any = None) -> dict[str, Any]:
        """Return what is known of an account, with what config.yaml adds to it."""
        filled = dict(kwargs)
        coin = coin or filled.get("coin")
        if not filled.get("username") and (user := self.settings.username(coin)):
            filled["username"] = user
        if not any(filled.get(name) for name in _KEY_NAMES) and (
            key := self.settings.api_key(self.driver_type)
        ):
            filled["api_key"] = key
        return filled

    def _message(self, value: Any, kwargs: Mapping[str, Any]) -> str | None:
        """Return what a driver reports, without the wallet or key that some quote."""
        if (text := parse_text(value)) is None:
            return None
        account = (kwargs.get(name) for name in ("username", *_KEY_NAMES))
        return self.settings.discreet(text, account)

    def _find(self, methods: tuple[str, ...]) -> Callable[..., Any] | None:
        """Return the first of these methods that the driver has."""
        for name in methods:
            if callable(method := getattr(self.legacy, name, None)):
                return method  # type: ignore[no-any-return]
        return None

    async def _query(
        self,
        methods: tuple[str, ...],
        url: Any,
        kwargs: Mapping[str, Any],
        more: Mapping[str, Any] | None = None,
        *,
        port: int = 0,
        **values: Any,
    ) -> Any:
        """Call the first of these methods that the driver has, None if it has none.

        It gets what it names of the account and of ``values``, and ``more`` in any case.
        """
        if (method := self._find(methods)) is None:
            return None
        account = self._filled(kwargs, values.get("coin"))
        key = next((account[name] for name in _KEY_NAMES if account.get(name)), None)
        # A key has either of two names
        keys = {"api_key": key, "api_token": key}
        user = account.get("username")
        known = {
            "url": url,
            "pool_id": url,
            "username": user,
            "wallet": user,
            **keys,
            "port": port or account.get("stratum_port") or account.get("port"),
            **({"coin": account["coin"]} if "coin" in account else {}),
            **values,
        }
        settings = account if key is None else {**account, **keys}
        keywords = bind(method, known, settings) | dict(more or {})
        return await self.host.run(lambda: method(**keywords), _CALL_SECONDS)

    async def _add_up(
        self, url: str, coin: str, kwargs: dict[str, Any]
    ) -> DashboardTileData:
        """Make tiles of health and statistics, for a driver that has none."""
        health = await self.get_health(
            url, kwargs.get("stratum_port", 0), coin=coin, **kwargs
        )
        stats = await self.get_pool_stats(url, coin, **kwargs) or PoolStats()
        difficulty = stats.network_difficulty
        if difficulty is None:
            # The tiles are worth showing without it
            with suppress(Exception):
                difficulty = await self.get_network_difficulty(coin, url=url, **kwargs)
        network = network_figures(coin, difficulty, stats.hashrate)
        return DashboardTileData(
            health_status=health.is_healthy,
            health_message=health.error_message,
            latency_ms=health.latency_ms,
            network_difficulty=difficulty,
            pool_hashrate=stats.hashrate,
            estimated_time_to_block=network.seconds,
            pool_percentage=network.percent,
            active_workers=stats.active_workers,
            blocks_found=stats.blocks_found,
            currency=coin,
        )

    def _tiles(
        self, answer: Any, coin: str, kwargs: Mapping[str, Any]
    ) -> DashboardTileData:
        """Return the tiles of an account, in our units."""
        hashrate = read_hashrate(read(answer, "pool_hashrate"), self.plain_unit)
        difficulty = _difficulty(read(answer, "network_difficulty"))
        # The drivers' own sums were off by factors of up to 1e12
        network = network_figures(coin, difficulty, hashrate)
        seconds, percent = network.seconds, network.percent
        if difficulty is None:
            seconds = read_duration(read(answer, "estimated_time_to_block"))
            percent = parse_number(read(answer, "pool_percentage")) or None
        valid = parse_count(read(answer, "shares_valid"))
        invalid = parse_count(read(answer, "shares_invalid"))
        stale = parse_count(read(answer, "shares_stale"))
        reject_rate = parse_number(read(answer, "reject_rate"))
        if reject_rate is None:
            reject_rate = reject_percent(valid, invalid, stale)
        if self.driver_type in _COUNTS_NO_SHARES:
            valid = invalid = stale = reject_rate = None
        blocks = parse_count(read(answer, "blocks_found_24h"))
        last_block = read_timestamp(read(answer, "last_block_found"))
        blocks_ever = None
        if self.driver_type in _COUNTS_FOR_EVER:
            blocks, blocks_ever = None, blocks
        elif self.driver_type in _COUNTS_OTHERS:
            blocks = last_block = None
        return DashboardTileData(
            health_status=parse_bool(read(answer, "health_status")) is not False,
            health_message=self._message(read(answer, "health_message"), kwargs),
            latency_ms=_latency(answer),
            network_difficulty=difficulty,
            pool_hashrate=hashrate,
            estimated_time_to_block=seconds,
            pool_percentage=percent,
            active_workers=parse_count(read(answer, "active_workers")),
            shares_valid=valid,
            shares_invalid=invalid,
            shares_stale=stale,
            reject_rate=reject_rate,
            blocks_found_24h=blocks,
            blocks_found=blocks_ever,
            last_block_found=last_block,
            estimated_earnings_24h=parse_number(read(answer, "estimated_earnings_24h")),
            currency=parse_text(read(answer, "currency")) or coin,
            confirmed_balance=parse_number(read(answer, "confirmed_balance")),
            pending_balance=parse_number(read(answer, "pending_balance")),
        )


def wrap_pool(driver: Any, origin: Origin) -> type[LegacyPool]:
    """Return a native class for a driver: its class, or an object that it registered.

    Runs the driver's constructor and its own methods: call it in the
    thread that loads drivers. Raises NotADriver: it does not report its type; and
    whatever the driver raises.
    """
    legacy = driver() if isinstance(driver, type) else driver
    driver_type = legacy.driver_type or legacy.pool_type
    if not isinstance(driver_type, str) or not driver_type:
        raise NotADriver(why("class_no_type", driver_class=type(legacy).__name__))
    coins = [str(coin).upper() for coin in legacy.supports_coins or ()]
    return type(
        f"Legacy{type(legacy).__name__}",
        (LegacyPool,),
        {
            "__doc__": type(legacy).__doc__,
            "driver_type": driver_type,
            "driver_version": str(origin.version or legacy.driver_version or "unknown"),
            "display_name": parse_text(legacy.display_name) or driver_type,
            "documentation_url": parse_text(legacy.documentation_url),
            "supports_coins": coins,
            "requires_api_key": legacy.requires_api_key is True,
            "legacy": legacy,
            "hanging": origin.hanging,
            "host": Host(driver_type, origin.hanging),
            "plain_unit": _plain_unit(legacy, origin),
            "settings": origin.settings,
            "schema": _schema(legacy),
            "templates": _templates(legacy, driver_type),
        },
    )


def _plain_unit(legacy: Any, origin: Origin) -> str:
    """Return the unit of a plain number, which changed with the versions.

    At first tiles had H/s, as far as the drivers registered themselves and did not
    convert; then TH/s, then dictionaries that report their unit.
    """
    dashboard = getattr(legacy, "get_dashboard_data", None)
    if dashboard is None or "coin" not in names(dashboard):
        return "H/s"
    converts = any(
        sign in origin.source
        for sign in ("1e12", "1_000_000_000_000", "1000000000000", "TH/s")
    )
    registers = "PoolRegistry.register" in origin.source
    return "H/s" if registers and not converts else "TH/s"


def _schema(legacy: Any) -> dict[str, Any]:
    """Return the driver's settings with the account, which it takes for granted."""
    schema = legacy.get_config_schema()
    schema = schema if isinstance(schema, Mapping) else {}
    stored = schema.get("properties")
    properties: dict[str, Any] = {
        "username": {"type": "string", "title": "Wallet address or user name"}
    }
    for name, field in stored.items() if isinstance(stored, Mapping) else ():
        if name not in _NO_FIELDS:
            properties[str(name)] = dict(field) if isinstance(field, Mapping) else {}
    keys = [name for name in properties if name.endswith(_KEY_NAMES)]
    if legacy.requires_api_key is True and not keys:
        keys = ["api_key"]
        properties["api_key"] = {"type": "string", "title": "API key"}
    for name in keys:
        properties[name]["format"] = "password"
    required = schema.get("required")
    needed = [
        "username" if name == "wallet" else name
        for name in (required if isinstance(required, list | tuple) else ())
    ]
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in dict.fromkeys(needed) if name in properties],
    }


def _templates(legacy: Any, driver_type: str) -> list[PoolTemplate]:
    """Return the pools that the driver knows, those that make sense.

    Their ids were only unique among those of one driver.
    """
    method = getattr(legacy, "get_pool_templates", None)
    answer: Any = ()
    try:
        answer = method() if callable(method) else ()
    # HMM-Local requested them separately: it ran all the same
    except Exception as err:  # noqa: BLE001
        kind = type(err).__name__
        _LOGGER.warning("%s cannot tell its pools: %s", driver_type, kind)
    templates = []
    for item in answer if isinstance(answer, list | tuple) else ():
        url = parse_text(read(item, "url"))
        port = parse_count(read(item, "port"))
        coin = parse_text(read(item, "coin"))
        name = parse_text(read(item, "display_name"))
        if not (url and port and coin and name):
            continue
        stem = parse_text(read(item, "template_id")) or f"{url}-{port}-{coin}".lower()
        model = read(item, "mining_model")
        templates.append(
            PoolTemplate(
                template_id=f"{driver_type}-{stem}",
                display_name=name,
                url="" if url.lower() in _PLACEHOLDERS else url,
                port=port,
                coin=coin.upper(),
                mining_model=MiningModel.POOL
                if str(getattr(model, "value", model)).lower() == "pool"
                else MiningModel.SOLO,
                region=parse_text(read(item, "region")),
                requires_auth=parse_bool(read(item, "requires_auth")) is True,
                description=parse_text(read(item, "description")),
                fee_percent=parse_number(read(item, "fee_percent")),
            )
        )
    return templates


def _difficulty(value: Any) -> float | None:
    """Return the difficulty of a network; drivers put 0 where they know none."""
    return parse_number(value) or None


def _latency(answer: Any) -> float | None:
    latency = parse_number(read(answer, "latency_ms"))
    if latency is not None:
        return latency
    return parse_number(read(answer, "response_time_ms"))
