"""What stands before a pool, when the pool itself does not answer."""

import pytest

from tests.pool_cases import KINDS

from .raw_client import fetch_at

pytestmark = pytest.mark.usefixtures("socket_enabled")

PAGES = {
    "public-pool": "nginx",
    "braiins": "<html>",
    "mmfp": "",
    "stack": "Server Error",
}


@pytest.mark.parametrize("kind", KINDS)
async def test_status_faults(kind: str) -> None:
    """Given a status, it is answered to everything, with a page, until it is over."""
    page = next((it for name, it in PAGES.items() if name in kind), "Cloudflare")
    async with KINDS[kind]().pool as pool:
        usual, _, _ = await fetch_at("", pool, "/")
        for status in (404, 429, 500, 502, 503):
            pool.status = status  # type: ignore[attr-defined]
            got, text, headers = await fetch_at("", pool, "/anything")
            assert got == status
            assert page in text
            if "stack" not in kind:  # Nothing stands before it
                wait = "30" if status == 429 else None
                assert headers.get("Retry-After") == wait
        pool.status = None  # type: ignore[attr-defined]
        assert (await fetch_at("", pool, "/"))[0] == usual
