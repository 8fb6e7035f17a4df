"""Braiins Solo: solo mining of Bitcoin, apart from Braiins Pool and its accounts."""

from collections.abc import Mapping
from typing import Any, ClassVar, override

from custom_components.hmm.bundled.shared.ckpool_server import (
    FilesDriver,
    Place,
    read_base,
    wants_valid_certificate,
)
from custom_components.hmm.bundled.shared.web_address import host_of, typed_base

STRATUM_HOST = "solo.stratum.braiins.com"
BASE = "https://solo.braiins.com"


class BraiinsSoloDriver(FilesDriver):
    """solo.braiins.com, which reports users as ckpool does, and nothing else.

    Two shapes were seen: that of ckpool, and numbers in H/s with the workers as a
    list. Both are understood.
    """

    driver_type = "braiins_solo"
    driver_version = "1.0.0"
    display_name = "Braiins Solo"
    documentation_url = BASE
    supports_coins: ClassVar[list[str]] = ["BTC"]
    requires_api_key = False

    timeout_seconds = 8.0

    @override
    def _place(self, url: str, options: Mapping[str, Any]) -> Place:
        typed = typed_base(options)
        return Place(
            bases=(BASE if typed is None else read_base(typed),),
            has_status=False,
            verify_ssl=wants_valid_certificate(options),
        )

    @override
    async def detect(self, url: str, port: int) -> bool:
        return host_of(url) == STRATUM_HOST
