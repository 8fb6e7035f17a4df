"""A web server that hands out the files of a ckpool, and the drivers on top of it."""

from abc import abstractmethod
import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
import time
from typing import Any, ClassVar, override
from urllib.parse import quote

from custom_components.hmm.bundled.shared.ckpool_files import (
    DifficultyEstimate,
    PoolFile,
    UserFile,
    account_of,
    file_names,
    is_user,
    read_pool_file,
    read_user,
    read_user_object,
    worker_of,
)
from custom_components.hmm.bundled.shared.ckpool_log import CkpoolLog, LogBlock
from custom_components.hmm.bundled.shared.web_address import (
    bracket,
    parts_of,
    typed_base,
)
from custom_components.hmm.driver_api import (
    BadAnswer,
    BasePoolIntegration,
    CannotConnect,
    DashboardTileData,
    DriverError,
    HtmlAnswer,
    InvalidValue,
    PoolBlock,
    RedirectAnswer,
    reason_of,
)
from custom_components.hmm.driver_api.account import wallet_schema, with_network
from custom_components.hmm.driver_api.transports.web import (
    SHARED_FAILURE,
    WebAnswer,
    WebApi,
)
from custom_components.hmm.driver_api.units import (
    parse_bool,
    parse_text,
    parse_timestamp,
)

LOG_BYTES = 131_072
"""How much of the end of the log is read: some hours of a small pool."""

_STATUS = "pool/pool.status"
_NOT_HERE = "There are no files of ckpool at this address"
_STOPPED = "ckpool has stopped: its web server answers with files of the past"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the files of a pool are.

    ``bases`` are web addresses in the order in which they are tried: a public pool
    may have moved. A ``local`` one may be queried more often, and for its log.
    """

    bases: tuple[str, ...]
    local: bool = False
    has_status: bool = True
    verify_ssl: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolReport:
    """``pool.status`` as it was read."""

    file: PoolFile
    latency_ms: float
    stopped: bool
    """Whether ckpool does not write it any more."""
    read_at: float
    """Of the monotonic clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _User:
    """``users/<address>`` as it was read; ``data`` is None where there is none."""

    data: Mapping[str, Any] | None
    answer: WebAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    """What came of asking one web server.

    ``elsewhere`` is whether the pool may have moved: another one is worth a try.
    """

    files: CkpoolFiles
    report: PoolReport | None = None
    user: UserFile | None = None
    latency_ms: float | None = None
    problem: DriverError | None = None
    elsewhere: bool = False
    is_pool: bool = False
    """Whether files of a ckpool were found."""
    is_missing: bool = False
    """Whether there is no ``pool.status``."""


class FilesDriver(BasePoolIntegration):
    """What the drivers of ckpool and similar servers share; each has its ``_place``.

    Only figures of the user are in the tiles, in H/s. ckpool counts the shares of
    a user as work and rejected ones for the whole pool only, so counts of shares
    and the reject rate stay unknown. A worker is online while its last share is
    newer than 30 minutes. Blocks are only in the log of a local pool.

    Keyword arguments of every method: ``api_base`` (or ``api_base_url``) is where
    the files are, ``wallet`` wins over ``username``, ``verify_ssl`` is whether a
    certificate must be valid.
    """

    poll_seconds: ClassVar[int] = 60
    """Of a public pool."""
    local_poll_seconds: ClassVar[int] = 30

    timeout_seconds = 5.0
    local_status_seconds = 15.0
    """How long one ``pool.status`` serves all accounts of a local pool."""
    status_seconds = 300.0
    """The same of a public pool."""
    stale_seconds = 180.0
    """ckpool writes its files every minute; after this time it has stopped."""
    again_seconds = 0.5
    """When to query again for a file that was just being rewritten."""
    log_seconds = 300.0
    no_log_seconds = 3600.0
    """When to check again where there is no log, or only as a whole."""

    def __init__(self) -> None:
        """Make a driver without any request yet."""
        self._files: dict[tuple[str, bool], CkpoolFiles] = {}
        self._preferred: dict[tuple[str, ...], str] = {}

    @abstractmethod
    def _place(self, url: str, options: Mapping[str, Any]) -> Place:
        """Return where the files are. Raises InvalidValue: nowhere."""

    @override
    def get_poll_seconds(self, url: str, **kwargs: Any) -> int:
        try:
            local = self._place(url, kwargs).local
        except InvalidValue:
            local = False
        return self.local_poll_seconds if local else self.poll_seconds

    @override
    async def get_dashboard_data(
        self, url: str, coin: str, username: str | None = None, **kwargs: Any
    ) -> DashboardTileData:
        """Return the tiles of one address; ``username`` may end in ``.worker``.

        A pool that fails, or that stopped writing its files, gives ``health_status``
        False and a message; an address that has no share yet ``account_known``
        False. Raises ``InvalidValue``: the address of the files is none.
        """
        place = self._place(url, kwargs)
        address = account_of(parse_text(kwargs.get("wallet")) or username or "")
        result = await self._query(place, address, coin)
        difficulty = await self._difficulty(place, result)
        user = None if result.problem else result.user
        tiles = DashboardTileData()
        if user is not None:
            tiles = _account(user, address, coin, result.files.known_log)
        return with_network(
            replace(
                tiles,
                health_status=result.problem is None,
                health_message=None
                if result.problem is None
                else reason_of(result.problem),
                latency_ms=None if result.problem else result.latency_ms,
                network_difficulty=difficulty,
                account_known=not address or bool(result.user or result.problem),
            ),
            coin,
        )

    @override
    def get_server_time(self, url: str, coin: str, **kwargs: Any) -> float | None:
        place = self._place(url, kwargs)
        base = self._preferred.get(place.bases, place.bases[0])
        return self._files_at(place, base).api.server_time

    @override
    def get_config_schema(self) -> dict[str, Any]:
        return wallet_schema("The address that your miners mine to")

    @override
    def validate_config(self, config: dict[str, Any]) -> bool:
        """Return whether ``username`` (or ``wallet``) and ``api_base`` are valid."""
        try:
            if (typed := typed_base(config)) is not None:
                read_base(typed)
        except InvalidValue:
            return False
        username = config.get("wallet") or config.get("username")
        if isinstance(username, str):
            username = account_of(username)
        return super().validate_config({**config, "username": username})

    # --- asking ---------------------------------------------------------------

    def _files_at(self, place: Place, base: str) -> CkpoolFiles:
        key = (base, place.verify_ssl)
        if (files := self._files.get(key)) is None:
            api = WebApi(
                self.session,
                base,
                timeout=self.timeout_seconds,
                verify_ssl=place.verify_ssl,
            )
            files = self._files[key] = CkpoolFiles(self, api)
        return files

    async def _query(self, place: Place, address: str, coin: str) -> _Result:
        """Query the pool, at the address that it moved to if it did."""
        preferred = self._preferred.get(place.bases)
        results = []
        for base in sorted(place.bases, key=lambda base: base != preferred):
            files = self._files_at(place, base)
            if address:
                result = await self._query_user(place, files, address, coin)
            else:
                result = await self._query_pool(place, files)
            if result.is_pool:
                self._preferred[place.bases] = base
                return result
            results.append(result)
            if not result.elsewhere:
                break
        for result in results:
            if result.report is not None:
                return result  # This is the pool, but it has stopped
        # None of them is sure to be the pool. Of those that may be it, a proper "not
        # here" is not a failure: nothing has mined to the address yet.
        sound = [result for result in results if result.problem is None]
        if sound and (len(place.bases) > 1 or not sound[0].elsewhere):
            return sound[0]
        if sound:
            return replace(
                sound[0], problem=BadAnswer(_NOT_HERE, reason="no_statistics")
            )
        return results[0]

    async def _query_user(
        self, place: Place, files: CkpoolFiles, address: str, coin: str
    ) -> _Result:
        try:
            user = await files.user(address, coin)
        except DriverError as err:
            return _Result(
                files=files, problem=err, elsewhere=isinstance(err, BadAnswer)
            )
        latency = user.answer.latency_ms
        if not place.has_status:
            return _Result(
                files=files,
                user=_read(user, address, None),
                latency_ms=latency,
                is_pool=True,
            )
        result = await self._query_pool(place, files)
        if result.report is not None and result.report.stopped:
            return result
        if user.data is not None:
            # That the pool's figures are missing does not spoil the user's
            return replace(
                result,
                user=_read(user, address, result.report),
                latency_ms=latency,
                problem=None,
                elsewhere=False,
                is_pool=True,
            )
        if result.is_missing or (result.elsewhere and len(place.bases) > 1):
            # Neither the one nor the other file: a "not here" of any web server
            return _Result(files=files, latency_ms=latency, elsewhere=True)
        return replace(result, latency_ms=latency)

    async def _query_pool(self, place: Place, files: CkpoolFiles) -> _Result:
        if not place.has_status:
            try:
                latency = await files.ping()
            except DriverError as err:
                return _Result(files=files, problem=err)
            return _Result(files=files, latency_ms=latency)
        seconds = self.local_status_seconds if place.local else self.status_seconds
        try:
            report = await files.status(seconds)
        except DriverError as err:
            return _Result(
                files=files, problem=err, elsewhere=isinstance(err, BadAnswer)
            )
        if report is None:
            return _Result(
                files=files,
                problem=BadAnswer(_NOT_HERE, reason="no_statistics"),
                elsewhere=True,
                is_missing=True,
            )
        if report.stopped:
            return _Result(
                files=files,
                report=report,
                problem=CannotConnect(_STOPPED, reason="stopped"),
                elsewhere=True,
            )
        return _Result(
            files=files, report=report, latency_ms=report.latency_ms, is_pool=True
        )

    async def _difficulty(self, place: Place, result: _Result) -> float | None:
        """Return the network's difficulty, None if the pool reports too little."""
        if place.local and result.problem is None:
            try:
                log = await result.files.log()
            except DriverError:
                pass  # Nothing but this depends on it
            else:
                if log.difficulty is not None:
                    return log.difficulty
        return None if result.report is None else result.files.estimate.value


class CkpoolFiles:
    """The files under one address; what is not a user's is shared by all."""

    def __init__(self, driver: FilesDriver, api: WebApi) -> None:
        """Make a client without any request yet."""
        self.api = api
        self.estimate = DifficultyEstimate()
        self.known_log = CkpoolLog()
        """What was read of the log so far; ``log()`` reads on."""
        self._driver = driver
        self._status = _Shared(self._fetch_status)
        self._pulse = _Pulse(driver.stale_seconds)
        self._names: dict[str, str] = {}
        self._log_turn = asyncio.Lock()
        self._log_due = 0.0
        self._log_failure: DriverError | None = None

    async def status(self, seconds: float) -> PoolReport | None:
        """Return ``pool.status``, from one request for all who ask.

        None: there is no such file. Raises DriverError.
        """
        return await self._status.get(seconds)

    async def user(self, address: str, coin: str) -> _User:
        """Return ``users/<address>``. Raises DriverError."""
        worked = self._names.get(address)
        names = sorted(file_names(address, coin), key=lambda name: name != worked)
        for name in names:
            data, answer = await self._read(
                f"users/{quote(name, safe=':')}", read_user_object
            )
            if data is not None:
                self._names[address] = name
                break
        return _User(data=data, answer=answer)

    async def log(self) -> CkpoolLog:
        """Return the log as far as it was read, and read on now and then.

        Raises DriverError; until the next try it is raised again.
        """
        async with self._log_turn:
            now = time.monotonic()
            if now >= self._log_due:
                self._log_due = now + self._driver.log_seconds
                try:
                    await self._read_log()
                    self._log_failure = None
                except DriverError as err:
                    self._log_failure = err
                    if isinstance(err, BadAnswer):
                        self._log_due = now + self._driver.no_log_seconds
            if self._log_failure is not None:
                raise copy_of(self._log_failure)
            return self.known_log

    async def _read_log(self) -> None:
        answer = await self.api.get("ckpool.log", last_bytes=LOG_BYTES)
        if answer.status == 404:
            raise BadAnswer("The pool does not show its log", reason="log_hidden")
        if answer.status != 206 and len(answer.text) >= LOG_BYTES:
            # A server that cannot give the end alone sent all of it
            self._log_due = time.monotonic() + self._driver.no_log_seconds
        self.known_log.add(answer.text, answer.server_time)

    async def ping(self) -> float | None:
        """Return the latency of the front page in ms, None: it leads elsewhere.

        Raises DriverError.
        """
        try:
            return (await self.api.get("")).latency_ms
        except RedirectAnswer:
            return None

    async def _fetch_status(self) -> PoolReport | None:
        file, answer = await self._read(_STATUS, read_pool_file)
        if file is None:
            return None
        stopped = self._pulse.has_stopped(file, answer.server_time)
        if not stopped:
            self.estimate.add(file)
        return PoolReport(
            file=file,
            latency_ms=answer.latency_ms,
            stopped=stopped,
            read_at=time.monotonic(),
        )

    async def _read[T](
        self, path: str, read: Callable[[str], T]
    ) -> tuple[T | None, WebAnswer]:
        """Return a file as ``read`` understands it, None: there is none (404).

        Asks once more for what may have been caught while it was rewritten.
        """
        answer = await self.api.get(path)
        if answer.status == 404:
            return None, answer
        try:
            return read(answer.text), answer
        except HtmlAnswer:
            raise
        except BadAnswer:
            await asyncio.sleep(self._driver.again_seconds)
        answer = await self.api.get(path)
        return (None if answer.status == 404 else read(answer.text)), answer


class _Pulse:
    """Determines whether ckpool still writes its files.

    The age of a file is measured by the clock of the web server that answers with
    it, not by ours. Where that is another machine the clocks may differ as well: a
    file that changes between two requests is alive regardless of the clocks.
    """

    def __init__(self, stale_seconds: float) -> None:
        self._stale_seconds = stale_seconds
        self._mark: float | None = None
        self._seen_at: float | None = None
        self._moved = False

    def has_stopped(self, file: PoolFile, server_time: float | None) -> bool:
        """Return whether this status is one of the past."""
        now = time.monotonic()
        # Builds of 2017 report no timestamp, but the uptime
        mark = file.runtime if file.last_update is None else file.last_update
        if mark is None:
            return False
        if self._seen_at is None or mark != self._mark:
            self._moved = self._seen_at is not None
            self._mark, self._seen_at = mark, now
        if now - self._seen_at > self._stale_seconds:
            return True
        if self._moved or file.last_update is None or server_time is None:
            return False
        return server_time - file.last_update > self._stale_seconds


class _Shared[T]:
    """What several accounts need, fetched once for all of them."""

    def __init__(self, fetch: Callable[[], Awaitable[T]]) -> None:
        self._fetch = fetch
        self._turn = asyncio.Lock()
        self._failure: DriverError | None = None
        self._result: T | None = None
        self._requested_at: float | None = None

    async def get(self, seconds: float) -> T | None:
        """Return what was fetched in the last ``seconds``, or fetch it.

        A failure serves as well, but not over ``SHARED_FAILURE``.
        """
        async with self._turn:
            now = time.monotonic()
            if self._failure is not None:
                seconds = min(seconds, SHARED_FAILURE)
            if self._requested_at is None or now - self._requested_at >= seconds:
                self._failure = self._result = None
                try:
                    self._result = await self._fetch()
                except DriverError as err:
                    self._failure = err
                self._requested_at = now
            if self._failure is not None:
                raise copy_of(self._failure)
            return self._result


def copy_of(failure: DriverError) -> DriverError:
    """Return an error that can be raised again without the traces of the first."""
    return type(failure)(str(failure))


def _read(user: _User, address: str, report: PoolReport | None) -> UserFile | None:
    """Return a user's file as figures, with the time by the clock of the pool."""
    if user.data is None:
        return None
    if report is not None and report.file.last_update is not None:
        now = report.file.last_update + time.monotonic() - report.read_at
    elif user.answer.server_time is not None:
        now = user.answer.server_time
    else:
        now = time.time()
    return read_user(user.data, address, now)


def _account(
    user: UserFile, address: str, coin: str, log: CkpoolLog
) -> DashboardTileData:
    """Return the figures of a user."""
    blocks = tuple(
        _block(block, coin)
        for block in log.blocks
        if is_user(block.workername, address)
    )
    last_day = log.last_day
    return DashboardTileData(
        pool_hashrate=user.hashrate,
        active_workers=user.active_workers,
        blocks_found_24h=None
        if last_day is None
        else sum(is_user(block.workername, address) for block in last_day),
        last_block_found=parse_timestamp(blocks[0].timestamp) if blocks else None,
        own_blocks=blocks,
        best_share=user.best_share,
        last_share=user.last_share,
        workers=user.workers,
    )


def _block(block: LogBlock, coin: str) -> PoolBlock:
    user = account_of(block.workername)
    return PoolBlock(
        height=block.height,
        miner=user or None,
        worker=worker_of(block.workername, user) if user else None,
        timestamp=block.timestamp,
        coin=coin.strip().upper(),
        confirmed=True,
    )


def read_base(typed: str) -> str:
    """Return the address of the files from what was typed.

    Raises InvalidValue: it is none.
    """
    parts, host, port = parts_of(typed)
    path = parts.path.rstrip("/").removesuffix("/pool.status")
    for folder in ("/pool", "/users"):
        path = path.removesuffix(folder)
    return f"{parts.scheme}://{bracket(host, port)}{path.rstrip('/')}"


def wants_valid_certificate(options: Mapping[str, Any]) -> bool:
    """Return whether a certificate must be valid."""
    return parse_bool(options.get("verify_ssl")) is not False
