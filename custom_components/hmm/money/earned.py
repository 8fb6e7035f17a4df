"""What an account has brought, and its effort; it knows no Home Assistant."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from ..driver_api.units import parse_number, parse_text
from .cost import MAX_COST, Period

_MAX_COINS: Final = 1e12
_MAX_EFFORT: Final = 1e9
_LAST_TIME: Final = 2.0**32


@dataclass(slots=True)
class Earned:
    """Money since the coin has a price, and the work since the last block."""

    money: float = 0.0
    day: Period = field(default_factory=Period)
    month: Period = field(default_factory=Period)
    coins: float = 0.0
    """Earned while ``coin`` had no valid price; they get the next one."""
    coin: str = ""
    effort: float = 0.0
    """Blocks that the work since ``since`` finds on average."""
    since: datetime | None = None
    """When the last block was found or, later, the count began."""
    account: str = ""
    """Whose work it is."""
    counted: datetime | None = None
    """Until when everything is counted; not kept over a restart."""

    def add(self, money: float, day: datetime, month: datetime) -> None:
        """Add money to the sum, and to the periods that began then."""
        self.money += money
        self.day.add(money, day)
        self.month.add(money, month)

    def earn(self, coins: float, coin: str, price: float | None) -> float:
        """Return what coins are worth, with those that waited; None: they wait."""
        if coin != self.coin:
            self.coin, self.coins = coin, 0.0
        self.coins = min(self.coins + coins, _MAX_COINS)
        if price is None:
            return 0.0
        money, self.coins = self.coins * price, 0.0
        return money

    def begin_work(self, account: str, now: datetime) -> None:
        """Count the effort of an account again from now on."""
        self.account, self.effort, self.since = account, 0.0, now

    def forget_money(self) -> None:
        """Begin new sums: the currency is another one."""
        self.money, self.coins = 0.0, 0.0
        self.day, self.month = Period(), Period()

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON."""
        return {
            "money": self.money,
            "day": self.day.as_list(),
            "month": self.month.as_list(),
            "coins": self.coins,
            "coin": self.coin,
            "effort": self.effort,
            "since": None if self.since is None else self.since.timestamp(),
            "account": self.account,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Earned:
        """Return what was stored. Raises ValueError if a sum cannot be read."""
        since = parse_number(data["since"])
        return cls(
            money=_number(data["money"], MAX_COST, minimum=-MAX_COST),
            day=Period.of(data.get("day")),
            month=Period.of(data.get("month")),
            coins=_number(data["coins"], _MAX_COINS),
            coin=parse_text(data["coin"]) or "",
            effort=_number(data["effort"], _MAX_EFFORT),
            since=datetime.fromtimestamp(since, UTC)
            if since is not None and 0 <= since < _LAST_TIME
            else None,
            account=parse_text(data["account"]) or "",
        )


def _number(value: Any, maximum: float, minimum: float = 0.0) -> float:
    number = parse_number(value)
    if number is None or not minimum <= number <= maximum:
        raise ValueError(value)
    return number
