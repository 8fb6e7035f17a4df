"""NerdMiners.org: a ckpool for very small miners."""

from collections.abc import Mapping
from typing import Any, ClassVar, override

from custom_components.hmm.bundled.shared.ckpool_server import (
    FilesDriver,
    Place,
    read_base,
    wants_valid_certificate,
)
from custom_components.hmm.bundled.shared.web_address import host_of, typed_base

HOST = "pool.nerdminers.org"


class NerdminersDriver(FilesDriver):
    """pool.nerdminers.org, which shows the files of ckpool as they are."""

    driver_type = "nerdminers"
    driver_version = "1.0.0"
    display_name = "NerdMiners.org"
    documentation_url = "https://pool.nerdminers.org"
    supports_coins: ClassVar[list[str]] = ["BTC"]
    requires_api_key = False
    # One NerdMiner makes 20 to 400 of them
    hashrate_unit = "kH/s"

    timeout_seconds = 8.0

    @override
    def _place(self, url: str, options: Mapping[str, Any]) -> Place:
        typed = typed_base(options)
        return Place(
            bases=(f"https://{HOST}" if typed is None else read_base(typed),),
            verify_ssl=wants_valid_certificate(options),
        )

    @override
    async def detect(self, url: str, port: int) -> bool:
        return host_of(url) == HOST
