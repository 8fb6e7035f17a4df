"""What mining costs and brings, by the sensors of the fleet that the cards show."""

from typing import Any, Final

from homeassistant.const import ATTR_UNIT_OF_MEASUREMENT

from ..driver_api.units import parse_text
from .asker import Asker, Miner, number_of
from .request import Request
from .speech import Speech

_SENSORS: Final = (
    *("cost_today", "cost_month", "cost_rate", "price"),
    *("revenue_today", "revenue_month", "revenue_rate", "profit_rate"),
)


def _amount(asker: Asker, key: str) -> tuple[float, str] | None:
    """Return what a sensor shows and its currency, None if that is not known."""
    state = asker.fleet_state(key)
    if state is None or (value := number_of(state)) is None:
        return None
    return value, str(state.attributes.get(ATTR_UNIT_OF_MEASUREMENT, "")).split("/")[0]


def _said(asker: Asker, speech: Speech, key: str, text: str, slot: str) -> list[str]:
    """Return a text with the amount of a sensor, nothing if that is not known."""
    amount = _amount(asker, key)
    return [] if amount is None else [speech.say(text, **{slot: speech.money(*amount)})]


def _missing(asker: Asker, speech: Speech, key: str, none: str) -> str:
    """Return why an amount cannot be said: nothing is set, it is hidden, or unknown."""
    if asker.fleet_entity(key) is None:
        return speech.say(none)
    is_hidden = asker.fleet_state(key) is None
    return speech.say("not_all_exposed" if is_hidden else "price_unknown")


async def cost_today(
    asker: Asker, speech: Speech, miners: list[Miner], request: Request
) -> str:
    """Say what the miners have cost today, and what an hour costs now."""
    today = _said(asker, speech, "cost_today", "cost_today", "cost")
    now = _said(asker, speech, "cost_rate", "cost_rate", "cost")
    return " ".join([*today, *now] if today else []) or _missing(
        asker, speech, "cost_today", "no_price"
    )


async def cost_month(
    asker: Asker, speech: Speech, miners: list[Miner], request: Request
) -> str:
    """Say what the miners have cost this month, and what is left of their revenue."""
    return " ".join(_month(asker, speech)) or _missing(
        asker, speech, "cost_month", "no_price"
    )


def _month(asker: Asker, speech: Speech) -> list[str]:
    said = _said(asker, speech, "cost_month", "cost_month", "cost")
    return said + _net_month(asker, speech) if said else []


def _net_month(asker: Asker, speech: Speech) -> list[str]:
    cost, revenue = _amount(asker, "cost_month"), _amount(asker, "revenue_month")
    if cost is None or revenue is None:
        return []
    net = revenue[0] - cost[0]
    return [
        speech.say(
            "month_loss" if net < 0 else "month_profit",
            revenue=speech.money(*revenue),
            net=speech.money(abs(net), revenue[1]),
        ),
        *_not_counted(asker, speech),
    ]


def _not_counted(asker: Asker, speech: Speech) -> list[str]:
    """Say that revenue is missing where it is: what its miners cost is not."""
    state = asker.fleet_state("revenue_month")
    is_missing = state and state.attributes.get("not_counted")
    return [speech.say("not_counted")] if is_missing else []


async def revenue(
    asker: Asker, speech: Speech, miners: list[Miner], request: Request
) -> str:
    """Say what mining has brought this month and today, and what is to be expected."""
    month, today = _amount(asker, "revenue_month"), _amount(asker, "revenue_today")
    if month is None or today is None:
        return _missing(asker, speech, "revenue_month", "no_coin_price")
    said = [
        speech.say("revenue", month=speech.money(*month), today=speech.money(*today)),
        *_said(asker, speech, "revenue_rate", "revenue_rate", "revenue"),
    ]
    rate = asker.fleet_state("revenue_rate")
    if len(said) > 1 and rate and rate.attributes.get("basis") == "solo_expectation":
        said.append(speech.say("luck"))
    return " ".join([*said, *_not_counted(asker, speech)])


async def profit(
    asker: Asker, speech: Speech, miners: list[Miner], request: Request
) -> str:
    """Say what is left a day by the power and price of now, and what was this month."""
    said = []
    if (rate := _amount(asker, "profit_rate")) is not None:
        key = "loss_rate" if rate[0] < 0 else "profit_rate"
        said.append(speech.say(key, amount=speech.money(abs(rate[0]), rate[1])))
    said += _month(asker, speech)
    if _amount(asker, "revenue_month") is None:
        said.append(_missing(asker, speech, "revenue_month", "no_coin_price"))
    elif _amount(asker, "cost_month") is None:
        said.append(_missing(asker, speech, "cost_month", "no_price"))
    return " ".join(said)


def money_json(asker: Asker) -> dict[str, Any]:
    """Return what mining costs and brings, with the unit that each figure has."""
    values: dict[str, Any] = {}
    for key in _SENSORS:
        state = asker.fleet_state(key)
        if (value := number_of(state)) is not None and state is not None:
            unit = parse_text(state.attributes.get(ATTR_UNIT_OF_MEASUREMENT), 16)
            values[key] = {"value": value, "unit": unit}
    cost, brought = values.get("cost_month"), values.get("revenue_month")
    if cost and brought:
        net = round(brought["value"] - cost["value"], 2)
        values["profit_month"] = {"value": net, "unit": cost["unit"]}
    for key, thing in (("cost_month", "electricity"), ("revenue_month", "coin")):
        if asker.fleet_entity(key) is None:
            values[key] = f"no {thing} price is set"
    return values
