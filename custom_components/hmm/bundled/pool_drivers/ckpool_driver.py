"""ckpool: solo pools of one's own, and the public ones of ckpool.org."""

import asyncio
from collections.abc import Mapping
from ipaddress import ip_address
import re
from typing import Any, ClassVar, override
from urllib.parse import urlsplit

from custom_components.hmm.bundled.shared.ckpool_server import (
    CkpoolFiles,
    FilesDriver,
    Place,
    read_base,
    wants_valid_certificate,
)
from custom_components.hmm.bundled.shared.web_address import (
    bracket,
    host_of,
    typed_base,
)
from custom_components.hmm.driver_api import (
    DriverError,
    FoundPool,
    InvalidValue,
    MiningModel,
    PoolTemplate,
)
from custom_components.hmm.driver_api.coins import COINS
from custom_components.hmm.driver_api.transports.web import WebApi
from custom_components.hmm.driver_api.units import parse_int

FILES_PORT = 3001
STRATUM_PORT = 3333

_PUBLIC = re.compile(r"((?:eu|au)?solo)[46]?\.ckpool\.org|(stratum)\.ckpool\.org")

_LOCAL_NAMES = (".local", ".lan", ".home", ".internal", ".localdomain", ".home.arpa")

# Difficulties that only one of these coins has. Bitcoin's was far over all others
# for years and DigiByte's (SHA-256) far under; no other one identifies a coin for sure.
_TELLING = {"BTC": (2e13, 1e18), "DGB": (5e7, 5e9), "BCH": (1e11, 5e12)}


class CkpoolDriver(FilesDriver):
    """ckpool of ckolivas and its forks, of which one can serve the files over HTTP.

    On a local server the files are under ``http://<host>:3001`` unless something
    else is reported. The public servers keep separate files by region: the one that
    the miners use is queried, and the newer address of its statistics if the old one
    is gone.

    Keyword arguments beside those of ``FilesDriver``: ``api_port`` is the port of
    the files of a local server.
    """

    driver_type = "ckpool"
    driver_version = "1.0.0"
    display_name = "CKPool"
    documentation_url = "https://bitbucket.org/ckolivas/ckpool"
    supports_coins: ClassVar[list[str]] = ["BTC", "BCH", "DGB", "BC2"]
    requires_api_key = False
    servers_share_accounts = False

    public_bases: Mapping[str, tuple[str, ...]] = {
        "solo": ("https://solo.ckpool.org", "https://raw.stats.ckpool.org"),
        "eusolo": ("https://eusolo.ckpool.org", "https://eusolostats.ckpool.org"),
        "ausolo": ("https://ausolo.ckpool.org", "https://ausolostats.ckpool.org"),
        "stratum": ("https://raw.stats.ckpool.org", "https://stats.ckpool.org"),
    }
    probe_seconds = 2.8
    probe_ports: tuple[int, ...] = (FILES_PORT, 80, 13001)
    """The usual one, a plain web server, and a known docker stack of BCH."""

    @override
    def _place(self, url: str, options: Mapping[str, Any]) -> Place:
        verify = wants_valid_certificate(options)
        host = host_of(url)
        region = _region(host)
        if (typed := typed_base(options)) is not None:
            base = read_base(typed)
            local = region is None and _is_local(base)
            return Place(bases=(base,), local=local, verify_ssl=verify)
        if region is not None:
            return Place(bases=self.public_bases[region], verify_ssl=verify)
        if not host:
            raise InvalidValue("The pool needs an address", reason="host_invalid")
        port = parse_int(options.get("api_port")) or FILES_PORT
        base = f"http://{bracket(host, port)}"
        return Place(bases=(base,), local=True, verify_ssl=verify)

    @override
    def get_pool_templates(self) -> list[PoolTemplate]:
        """Return the server of one's own, by coin."""
        return [
            PoolTemplate(
                template_id=f"ckpool-local-{coin.lower()}",
                display_name="CKPool (own server)",
                description=f"Solo mining of {COINS[coin].name} on a server of your"
                " own that shows the files of ckpool",
                url="",
                port=STRATUM_PORT,
                coin=coin,
                region="LOCAL",
                mining_model=MiningModel.SOLO,
                supports_shares=False,
            )
            for coin in self.supports_coins
        ]

    @override
    async def detect(self, url: str, port: int) -> bool:
        return _region(host_of(url)) is not None

    @override
    def coin_at(self, url: str, port: int) -> str | None:
        """Return Bitcoin for ckpool.org; a server of one's own may mine any coin."""
        return None if _region(host_of(url)) is None else "BTC"

    @override
    async def probe(self, url: str, port: int) -> list[FoundPool]:
        """Ask the usual ports of the files, never the stratum port.

        The coin of a pool is "" where its difficulty does not show it.
        """
        host = host_of(url)
        if not host:
            return []
        answers = await asyncio.gather(
            *(
                self._probe_port(host, candidate)
                for candidate in self.probe_ports
                if candidate != port
            )
        )
        # One ckpool may be reached by several ports
        pools = {mark: pool for answer in answers if answer for mark, pool in [answer]}
        return list(pools.values())

    async def _probe_port(
        self, host: str, port: int
    ) -> tuple[tuple[float | None, ...], FoundPool] | None:
        base = f"http://{bracket(host)}" + ("" if port == 80 else f":{port}")
        api = WebApi(self.session, base, timeout=self.probe_seconds / 2)
        files = CkpoolFiles(self, api)
        try:
            async with asyncio.timeout(self.probe_seconds):
                report = await files.status(0)
                if report is None or report.file.users is None:
                    return None
                if not report.file.hashrates:
                    return None
                try:
                    difficulty = (await files.log()).difficulty
                except DriverError:
                    difficulty = None
        except DriverError, TimeoutError:
            return None
        pool = FoundPool(
            coin=_coin_of(difficulty or files.estimate.value),
            settings={"api_base": base},
        )
        return (report.file.last_update, report.file.runtime), pool

    @override
    def get_config_schema(self) -> dict[str, Any]:
        """Return that a wallet is needed, and what a server of one's own may need."""
        schema = super().get_config_schema()
        schema["properties"] |= {
            "api_port": {
                "type": "integer",
                "title": "Port of the files",
                "description": (
                    "Only for a server of your own: where its web server shows the"
                    " files of ckpool"
                ),
                "default": FILES_PORT,
                "minimum": 1,
                "maximum": 65535,
            },
            "api_base": {
                "type": "string",
                "title": "Address of the files",
                "description": (
                    "Only if the files are not on the server itself or not at the"
                    " top of it, as http://192.168.1.5:8080/ckpool: the folder with"
                    " pool and users in it"
                ),
            },
        }
        return schema


def _region(host: str) -> str | None:
    """Return which of the public servers a whole host is."""
    match = _PUBLIC.fullmatch(host)
    return None if match is None else match[1] or match[2]


def _is_local(base: str) -> bool:
    """Return whether an address is seen to be in the user's own network."""
    host = (urlsplit(base).hostname or "").lower()
    try:
        return not ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith(_LOCAL_NAMES)


def _coin_of(difficulty: float | None) -> str:
    """Return the coin that a network's difficulty shows, "" if it does not."""
    for coin, (low, high) in _TELLING.items():
        if difficulty is not None and low <= difficulty <= high:
            return coin
    return ""
