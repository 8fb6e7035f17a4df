"""Each check of the suite finds the pool drivers that it is there to find."""

from dataclasses import dataclass
from pathlib import Path
import re

import pytest

from custom_components.hmm.driver_api import BasePoolIntegration
from driver_tool import conformance, pool_checks
from driver_tool.conformance import Check, CheckContext, Outcome, run_checks
from driver_tool.example import EXAMPLE_WALLET, SimulatedExamplePool
from driver_tool.files import one_pool
from driver_tool.pool_checks import POOL_CHECKS
from driver_tool.recorder import record_pool
from driver_tool.session import Session
from driver_tool.targets import Target

from .conftest import POOL as TEMPLATE, POOL_ACCOUNT as ACCOUNT

pytestmark = pytest.mark.usefixtures("socket_enabled")

CHECKS: dict[str, Check[BasePoolIntegration]] = {
    check.id: check for check in POOL_CHECKS
}


@dataclass(frozen=True)
class Bad:
    """The template with a part replaced, and what the check says of it."""

    check: str
    old: str
    new: str
    says: str


TILES = "account_tiles(coin, network, account, mining_model=self.mining_model)"
RETURN = f"        return {TILES}\n"
FIGURES = "    return DashboardTileData(\n        # Tile 2"
ADDRESS_LINE = '        address = strip_worker(username or "")\n'
ACCOUNT_LINE = "        data, latency = await self._api(options).get_object(path)\n"
API = "__import__('custom_components.hmm.driver_api', fromlist=['*'])"
TOTAL = f"{API}.PoolStats(hashrate=6e15, active_workers=1520)"


def returns(figures: str) -> str:
    """Return the line that returns the tiles, with these figures instead."""
    return f"        return __import__('dataclasses').replace({TILES}, {figures})\n"


def method(name: str, result: str, kind: str = "async def") -> str:
    """Return a method that always returns the same."""
    return f"\n    {kind} {name}(self, *_: Any, **__: Any) -> Any:\n        return {result}\n"


BAD = (
    Bad("tiles", RETURN, "        return None\n", "returns NoneType"),
    Bad(
        "tiles",
        RETURN,
        returns("pool_hashrate='4.2 TH/s'"),
        "pool_hashrate is text",
    ),
    Bad(
        "tiles",
        RETURN,
        returns("pool_hashrate=float('inf')"),
        "pool_hashrate is inf, which is hardly 0 to",
    ),
    Bad("tiles", RETURN, returns("pool_percentage=150.0"), "hardly 0 to 100 %"),
    Bad(
        "tiles",
        'last_share=parse_timestamp(account.get("last_share"))',
        'last_share=__import__("datetime").datetime(2026, 1, 1)',
        "last_share has no time zone",
    ),
    Bad(
        "tiles",
        FIGURES,
        "    return DashboardTileData()\n" + FIGURES,
        "tells nothing of the account",
    ),
    Bad(
        "tiles",
        RETURN,
        returns("pool_hashrate=6e15") + method("get_pool_stats", TOTAL),
        "is that of the whole pool",
    ),
    Bad(
        "tiles",
        RETURN,
        returns("pool_hashrate=6e15, workers=()") + method("get_pool_stats", TOTAL),
        "is that of the whole pool",
    ),
    Bad(
        "equal-answers",
        RETURN,
        returns("reject_rate=__import__('time').monotonic() % 1"),
        "reject_rate:",
    ),
    Bad(
        "nothing-invented",
        'shares_valid=parse_count(shares.get("valid"))',
        'shares_valid=parse_count(shares.get("valid", 0))',
        "when shares.valid is missing: shares_valid is 0",
    ),
    Bad(
        "nothing-invented",
        'shares_stale=parse_count(shares.get("stale"))',
        'shares_stale=int(shares["stale"])',
        "failed with KeyError",
    ),
    Bad(
        "unknown-account",
        "f\"{coin.lower()}/account/{quote(address, safe='')}\"",
        f'"btc/account/{EXAMPLE_WALLET}"',
        "pool_hashrate of somebody else",
    ),
    Bad(
        "unknown-account",
        ACCOUNT_LINE,
        ACCOUNT_LINE + "        data['hashrate']\n",
        "TypeError",
    ),
    Bad(
        "other-methods",
        RETURN,
        RETURN + method("get_health", "True"),
        "get_health returns bool",
    ),
    Bad(
        "other-methods",
        RETURN,
        RETURN + method("get_network_difficulty", "'1e14'"),
        "get_network_difficulty returns str",
    ),
    Bad(
        "other-methods",
        RETURN,
        RETURN + method("get_pool_stats", "{}"),
        "get_pool_stats returns dict",
    ),
    Bad(
        "other-methods",
        RETURN,
        RETURN + method("get_blocks", "({},)"),
        "something else than a list",
    ),
    Bad(
        "other-methods",
        RETURN,
        RETURN + method("get_health", "None", "def"),
        "get_health must be async: write `async def get_health(...)`",
    ),
    Bad(
        "schema",
        "        return wallet_schema()",
        "        return {**wallet_schema(), 'required': ['wallet']}",
        "not among the properties: ['wallet']",
    ),
    Bad(
        "schema",
        "        return wallet_schema()",
        "        return {'properties': {'username': {'format': 'wallet'}}}",
        "username has no type",
    ),
    Bad(
        "schema",
        RETURN,
        RETURN + method("validate_config", "True", "def"),
        "validate_config is True",
    ),
    Bad(
        "detect",
        'in ("pool.example", "eu.pool.example")',
        "is not None",
        "which is no pool of it",
    ),
    Bad(
        "detect",
        "        host = url.strip()",
        "        if port == 3333:\n            return True\n        host = url.strip()",
        "3333, which is no pool of it",
    ),
    Bad(
        "detect",
        "        host = url.strip()",
        "        if port == 4444:\n            return True\n        host = url.strip()",
        "4444, which is no pool of it",
    ),
    Bad(
        "detect",
        "        host = url.strip()",
        "        await self._network('BTC', {'api_base': f'http://127.0.0.1:{port}/api'})\n        host = url.strip()",
        "detect asks 127.0.0.1",
    ),
    Bad(
        "detect",
        "        host = url.strip()",
        "        host = url[0].strip()",
        "IndexError",
    ),
    Bad(
        "shared",
        "await self._api(options).shared_object(\n            path, self.network_seconds\n        )",
        "await self._api(options).get_object(path)",
        "GET /api/btc/network",
    ),
    Bad(
        "bad-answers",
        RETURN,
        "        if isinstance(account, Exception):\n"
        "            account = (DashboardTileData(pool_hashrate=1e12), 1.0)\n" + RETURN,
        "it makes figures of it",
    ),
    Bad(
        "bad-answers",
        RETURN,
        returns("health_status=True, health_message=None"),
        "it says that the pool is well",
    ),
    Bad(
        "cancel",
        ADDRESS_LINE,
        ADDRESS_LINE + "        await __import__('asyncio').sleep(9)\n",
        "It asks nothing within",
    ),
    Bad("silent-pool", "timeout=10.0", "timeout=600.0", "waits for more than"),
    Bad(
        "cancel",
        "        network = await outcome(self._network(coin, kwargs))\n",
        "        try:\n"
        "            network = await outcome(self._network(coin, kwargs))\n"
        "        except __import__('asyncio').CancelledError:\n"
        "            return DashboardTileData()\n",
        "CancelledError",
    ),
    Bad(
        "close",
        "        self._apis.clear()",
        "        await self.session.close()",
        "closes the session",
    ),
    Bad(
        "close",
        "        address = strip_worker",
        "        self.task = __import__('asyncio').create_task(__import__('asyncio').sleep(900))\n        address = strip_worker",
        "leaves tasks running",
    ),
    Bad(
        "secrets",
        RETURN,
        "        if isinstance(account, Exception):\n"
        "            account = BadAnswer(f'{account} at {address}')\n" + RETURN,
        "health_message shows",
    ),
    Bad(
        "secrets",
        ACCOUNT_LINE,
        ACCOUNT_LINE
        + "        __import__('logging').getLogger(__name__).debug(path)\n",
        "The log shows",
    ),
)


@pytest.mark.parametrize(
    "bad", BAD, ids=lambda bad: f"{bad.check}: {re.sub(r'[^a-zA-Z ]', '', bad.says)}"
)
async def test_a_bad_driver_is_found(
    bad: Bad, pool_session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a driver with one mistake, its check fails and says why."""
    monkeypatch.setattr(pool_checks, "FETCH_SECONDS", 2)
    monkeypatch.setattr(conformance, "LEFT_SECONDS", 0.2)
    monkeypatch.setattr(conformance, "CANCEL_SECONDS", 1)
    text = TEMPLATE.read_text(encoding="utf-8")
    assert bad.old in text
    path = tmp_path / "bad_driver.py"
    path.write_text(text.replace(bad.old, bad.new), encoding="utf-8")
    context = CheckContext(
        driver_class=one_pool(str(path)),
        session=pool_session,
        account={**ACCOUNT, "port": 4444},
    )
    (result,) = await run_checks(context, [CHECKS[bad.check]])
    assert result.outcome is Outcome.FAILED
    assert bad.says in result.detail


async def test_the_only_user_of_a_pool_may_have_its_total(tmp_path: Path) -> None:
    """Given an account whose workers do all that the pool does, that is right."""
    path = tmp_path / "only_driver.py"
    text = TEMPLATE.read_text(encoding="utf-8")
    path.write_text(
        text.replace(RETURN, RETURN + method("get_pool_stats", TOTAL)), encoding="utf-8"
    )
    template = one_pool(str(path))
    async with SimulatedExamplePool() as pool:
        pool.accounts[EXAMPLE_WALLET] = {"garage": 4e15, "cellar": 2e15}
        target = Target(host=pool.host, port=pool.port)
        session = await record_pool(template, target, ACCOUNT)
    context = CheckContext(driver_class=template, session=session, account=ACCOUNT)
    (result,) = await run_checks(context, [CHECKS["tiles"]])
    assert (result.outcome, result.detail[-7:]) == (Outcome.PASSED, "figures")


def test_every_check_has_a_driver_that_fails_it() -> None:
    """Given all checks, each one is proved with a driver that is bad in its way."""
    assert {bad.check for bad in BAD} == set(CHECKS)


async def test_a_key_that_is_logged_is_found(
    pool_session: Session, tmp_path: Path
) -> None:
    """Given a setting that is a key, the driver may not log it."""
    path = tmp_path / "bad_driver.py"
    path.write_text(
        TEMPLATE.read_text(encoding="utf-8").replace(
            ACCOUNT_LINE,
            ACCOUNT_LINE
            + "        __import__('logging').getLogger(__name__).debug('%s', options)\n",
        ),
        encoding="utf-8",
    )
    settings = {**ACCOUNT["settings"], "api_token": "0123456789abcdef"}
    context = CheckContext(
        driver_class=one_pool(str(path)),
        session=Session(driver_type="x", exchanges=pool_session.exchanges),
        account={**ACCOUNT, "settings": settings},
    )
    assert "0123456789abcdef" in context.secrets
    (result,) = await run_checks(context, [CHECKS["secrets"]])
    assert result.outcome is Outcome.FAILED
    assert "The log shows a secret (012..., 16 characters)" in result.detail


async def test_a_pool_with_a_key_has_no_unknown_account(pool_session: Session) -> None:
    """Given no user name, there is no other account to ask for."""
    context = CheckContext(
        driver_class=one_pool(str(TEMPLATE)),
        session=pool_session,
        account={**ACCOUNT, "username": None},
    )
    (result,) = await run_checks(context, [CHECKS["unknown-account"]])
    assert result.outcome is Outcome.NOT_APPLICABLE
