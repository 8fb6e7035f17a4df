"""Why miners are low or off, what comes next, and what that costs, as it is spoken."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.homeassistant.exposed_entities import async_expose_entity
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
import pytest

from custom_components.hmm.const import DOMAIN
from custom_components.hmm.voice.speech import async_speech, some
from simulator import SimulatedAxeOS, SimulatedSolopool
from tests.common import fleet_entry, later, pool_entry
from tests.conftest import set_up
from tests.strategy.common import BANDS, PRICE, House as Steered
from tests.strategy.conftest import furnished

from .talk import ask, start_assist
from .test_llm import call

__all__ = ["furnished"]

pytestmark = pytest.mark.usefixtures("quick")

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
TONIGHT = "what will my miners do tonight"


@pytest.fixture
def noon(freezer: FrozenDateTimeFactory) -> FrozenDateTimeFactory:
    """Return a clock that stands at noon."""
    freezer.move_to(NOON)
    return freezer


@pytest.fixture
async def steered(noon: FrozenDateTimeFactory, furnished: Steered) -> Steered:
    """Return a house with one Bitaxe at noon, where money is in euros."""
    furnished.freezer = noon
    await furnished.hass.config.async_update(currency="EUR", time_zone="UTC")
    await start_assist(furnished.hass)
    await furnished.poll()
    await later(furnished.hass, 40)
    return furnished


def tariff(hour: int) -> float:
    """Return the price of an hour: cheap at night, dear in the evening."""
    return 15 if hour < 8 else 35 if 18 <= hour < 22 else 25


async def follow(house: Steered, settings: Mapping[str, Any] = BANDS) -> Any:
    """Let a strategy steer by a tariff that is known until tomorrow night."""
    midnight = NOON.replace(hour=0)
    slots = [
        {"start": (midnight + timedelta(hours=n)).isoformat(), "price": tariff(n % 24)}
        for n in range(48)
    ]
    attributes = {"unit_of_measurement": "ct/kWh", "prices": slots}
    house.hass.states.async_set(PRICE, str(tariff(12)), attributes)
    strategy = await house.add("price_bands", settings)
    await house.begin()
    await house.poll()
    return strategy


def bands(rung: str) -> Mapping[str, Any]:
    """Return the bands with another rung where it is neither cheap nor dear."""
    cheap, normal, dear = BANDS["bands"]
    return {**BANDS, "bands": [cheap, {**normal, "rung": rung}, dear]}


async def test_a_miner_that_nobody_steers(steered: Steered) -> None:
    """Given no strategy, then its mode is said, and that nobody decides on it."""
    hass = steered.hass
    said = await ask(hass, "why is the axe in low mode")
    assert said.startswith("Axe: Mining, in Standard mode, 1.07 terahash per second, ")
    assert said.endswith("it was set like this by hand or at the miner.")
    assert await ask(hass, "why are my miners off") == (
        "No miner is paused or has a problem, and no strategy steers any of them."
    )
    said = await ask(hass, TONIGHT)
    assert said.startswith("No strategy steers the miners")
    await steered.mine(on=False)
    await steered.poll()
    said = await ask(hass, "why are my miners off")
    assert said == "Axe: Paused by hand."
    await steered.device.unplug()
    await steered.poll(times=2)
    said = await ask(hass, "why are my miners off")
    assert said.startswith("Axe: The address responds, but its miner service")


async def test_a_strategy_says_why_and_what_comes(steered: Steered) -> None:
    """Given a band with a low mode, then it is said as the card says it, and tonight."""
    hass = steered.hass
    await follow(steered)
    reason = (
        "“Bands” decides: 25.0 cents per kilowatt-hour is in “Normal”: Eco. "
        "Next: “Expensive” at 18:00."
    )
    said = await ask(hass, "why is the axe in low mode")
    assert said.startswith("Axe: Mining, in Eco mode, ")
    assert said.endswith(reason)
    assert await ask(hass, "why are my miners slow") == f"Axe: {reason}"
    said = await ask(hass, "wieso läuft das Axe in niedrigem Modus", "de")
    assert said.endswith(
        "„Bands“ entscheidet: 25,0 Cent pro Kilowattstunde liegt in „Normal“: Eco. "
        "Danach „Expensive“ um 18:00."
    )
    assert await ask(hass, TONIGHT) == (
        "Bands: 25.0 cents per kilowatt-hour is in “Normal”: Eco. "
        "Next: “Expensive” at 18:00. Later: “Normal” (Eco) from 22:00, "
        "“Cheap” (Highest) from tomorrow 00:00 and "
        "“Normal” (Eco) from tomorrow 08:00."
    )
    (told,) = (await call(hass, "strategy_status"))["strategies"]
    assert told["explanation"].startswith("25.0 ct/kWh is in “Normal”: Eco.")
    assert told["next"][:2] == [
        {"from": "2026-11-28T18:00+00:00", "band": "Expensive", "set_to": "off"},
        {"from": "2026-11-28T22:00+00:00", "band": "Normal", "set_to": "mode:eco"},
    ]
    (miner,) = (await call(hass, "miner_status"))["miners"]
    assert miner["why"] == reason


async def test_nothing_is_decided_yet(steered: Steered) -> None:
    """Given a strategy that waits after a start, then that is said, of one and of all."""
    await steered.add("price_bands", BANDS)
    waits = "Bands: Nothing is decided yet: after a start it waits 2 minutes"
    assert waits in await ask(steered.hass, "why is the axe slow")
    assert (await ask(steered.hass, "why are my miners slow")).startswith(waits)


async def test_who_paused_a_miner_is_said_once(steered: Steered) -> None:
    """Given a pause by a strategy, by hand and of a strategy by hand, then each is said."""
    hass, why = steered.hass, "why is the axe paused"
    strategy = await follow(steered, bands("off"))
    said = await ask(hass, why)
    assert said.startswith("Axe: Paused, ")
    assert "Paused by “Bands” until 18:00. 25.0 cents per kilowatt-hour is in" in said
    assert said.count("Bands") == 1
    await steered.override(strategy, "Expensive")
    await steered.poll()
    said = await ask(hass, why)
    assert said.endswith(
        "Set to Expensive by hand; automatic again with the next change."
    )
    await steered.minutes(6)
    await steered.override(strategy, "Cheap")
    await steered.poll()
    assert not steered.device.paused
    assert "Bands: Set to Cheap by hand" in await ask(hass, "what is the axe doing")
    # No strategy has noticed that yet
    await ask(hass, "pause the axe")
    assert (await ask(hass, why)).endswith("Paused by hand.")


async def test_what_is_set_by_hand_is_news_only_alone(steered: Steered) -> None:
    """Given a mode by hand, then it is said of all if nothing else is, and not offline."""
    hass, why = steered.hass, "why are my miners slow"
    await follow(steered)
    await steered.wait(6)
    await steered.set_mode("turbo")
    await steered.settle_polls(2)
    assert await ask(hass, why) == (
        "Axe: Set to Turbo by hand; automatic again with the next change."
    )
    async with SimulatedAxeOS(name="other") as other:
        await steered.join(other, "Nerd")
        await steered.poll(1)
        await later(hass, 40)
        await steered.settle()
        assert (await ask(hass, why)).startswith("Nerd: “Bands” decides: ")
        assert "by hand" not in await ask(hass, why)
    await steered.device.unplug()
    await steered.poll(times=2)
    said = await ask(hass, "why is the axe off")
    assert said.startswith("Axe: Offline. The address responds, but its miner service")
    assert "by hand" not in said


async def test_a_plan_by_the_clock(steered: Steered) -> None:
    """Given quiet hours tonight, then they are said as a cap; switched off, that is."""
    hass = steered.hass
    quiet = {"from": "22:00:00", "to": "06:00:00", "kind": "quiet", "rung": "lowest"}
    strategy = await steered.add("calendar", quiet, "Night")
    await steered.begin()
    assert await ask(hass, TONIGHT) == (
        "Night: Nothing is planned until 22:00. Later: at most Lowest from 22:00."
    )
    steered.change(strategy, {**quiet, "kind": "plan"})
    await steered.settle()
    assert (await ask(hass, TONIGHT)).endswith("Later: Lowest from 22:00.")
    await steered.switch(strategy, on=False)
    assert await ask(hass, TONIGHT) == (
        "All strategies are off: the miners stay as they are."
    )
    assert "next" not in (await call(hass, "strategy_status"))["strategies"][0]
    for entity in er.async_entries_for_config_entry(
        er.async_get(hass), steered.fleet.entry_id
    ):
        async_expose_entity(hass, "conversation", entity.entity_id, False)
    assert (await ask(hass, TONIGHT)).startswith("No strategy is exposed to Assist.")


# Money


def show(hass: HomeAssistant, *, not_counted: int = 0, **amounts: str) -> None:
    """Let sensors of the fleet show amounts; the last word of a rate is its unit."""
    fleet = fleet_entry(hass)
    for key, amount in amounts.items():
        entity = er.async_get(hass).async_get_or_create(
            "sensor", DOMAIN, f"{fleet.unique_id}_{key}", config_entry=fleet
        )
        unit = "EUR/d" if key.endswith("_rate") else "EUR"
        hass.states.async_set(
            entity.entity_id,
            amount,
            {
                "unit_of_measurement": unit,
                "basis": "solo_expectation",
                "not_counted": not_counted,
            },
        )


async def test_the_money_of_this_month(steered: Steered) -> None:
    """Given what the cards show, then it is said, and what is missing is named."""
    hass = steered.hass
    month, profit = "what did mining cost this month", "is mining profitable"
    earned = "how much did my miners earn this month"
    assert (await ask(hass, month)).startswith("No electricity price is set.")
    assert (await ask(hass, earned)).startswith("No coin price is set")
    assert (await ask(hass, profit)).startswith("No coin price is set")
    show(hass, revenue_month="12.1", revenue_today="0.4")
    assert await ask(hass, earned) == (
        "The miners have brought 12.10 euros this month, 0.40 euros of it today."
    )
    assert (await ask(hass, profit)).startswith("No electricity price is set.")
    show(hass, cost_month="34.2", revenue_rate="0.42")
    assert await ask(hass, month) == (
        "The miners have cost 34.20 euros this month. "
        "They have brought 12.10 euros: a loss of 22.10 euros."
    )
    assert (await ask(hass, earned)).endswith(
        "On average it is 0.42 euros a day. Every block is luck: none is ever due."
    )
    show(hass, revenue_month="40.0", profit_rate="-1.5")
    assert await ask(hass, profit) == (
        "At the current power and price, mining loses 1.50 euros a day. "
        "The miners have cost 34.20 euros this month. "
        "They have brought 40.00 euros: a profit of 5.80 euros."
    )
    show(hass, not_counted=2, revenue_month="40.0")
    assert (await ask(hass, profit)).endswith(
        "a profit of 5.80 euros. "
        "Miners at pools without an account in HMM are not counted in the revenue."
    )
    show(hass, profit_rate="0.2", cost_month="unknown")
    said = await ask(hass, profit)
    assert said.startswith("At the current power and price, mining leaves 0.20 euros")
    assert said.endswith("the price of a coin has no value.")
    told = await call(hass, "fleet_status")
    assert told["revenue_month"] == {"value": 40.0, "unit": "EUR"}
    assert "profit_month" not in told and "cost_month" not in told
    show(hass, cost_month="34.2")
    told = await call(hass, "fleet_status")
    assert told["profit_month"] == {"value": 5.8, "unit": "EUR"}


# Pools


async def test_which_pool_and_whether_it_works(steered: Steered) -> None:
    """Given accounts, then those that are exposed are named with the miners there."""
    hass, which = steered.hass, "which pool is the axe mining at"
    assert await ask(hass, "how are my pools") == "There are no pool accounts yet."
    async with SimulatedSolopool() as server:
        account = await set_up(hass, pool_entry(server))
        assert (await ask(hass, which)).startswith("No pool account is exposed to")
        for entity in er.async_entries_for_config_entry(
            er.async_get(hass), account.entry_id
        ):
            async_expose_entity(hass, "conversation", entity.entity_id, True)
        assert (await ask(hass, which)).startswith("It is not known at which pool Axe")
        said = await ask(hass, "how are my pools")
        assert said == f"{account.title}: Miners cannot connect."
        steered.device.pools[0].update(
            stratumURL=account.data["host"],
            stratumPort=account.data["port"],
            stratumUser=f"{account.data['wallet']}.axe",
        )
        assert await hass.config_entries.async_reload(steered.entry.entry_id)
        await later(hass, 40)
        assert await ask(hass, which) == f"Axe mines at {account.title}."
        said = await ask(hass, "which pools are my miners mining at")
        assert said == f"{account.title}: Miners cannot connect, with Axe."


# The chance of a block


async def test_a_chance_in_words_that_fit_it(
    steered: Steered, subtests: pytest.Subtests
) -> None:
    """Given rare and frequent blocks, then a chance is said, and a mean as a mean."""
    for years, chance, average in [
        (17_000, "a block is 1 in 17000 a year", None),
        (13e6, "a block is 1 in 13 million a year", None),
        (5, "at least one block in a year is 18 percent", None),
        (0.5, "at least one block in a year is 86 percent", 2),
        (0.1, "at least one block in a month is 57 percent", 10),
        (0.02, "at least one block in a week is 62 percent", 50),
        (0.0001, "at least one block in a day is 99.9 percent", 10_000),
    ]:
        with subtests.test(f"{years} {chance}"[:80]):
            hass, fleet = steered.hass, fleet_entry(steered.hass)
            entity = er.async_get(hass).async_get_or_create(
                "sensor", DOMAIN, f"{fleet.unique_id}_soonest_block", config_entry=fleet
            )
            hass.states.async_set(entity.entity_id, str(years * 365.2425))
            said = [
                f"The chance of {chance}.",
                "Every block is luck: none is ever due.",
            ]
            if average is not None:
                said[1:1] = [f"On average your miners find {average} blocks a year."]
            answer = await ask(hass, "what are my chances of finding a block")
            assert answer == " ".join(said)
            told = await call(hass, "fleet_status")
            assert told["blocks_a_year_on_average"] == pytest.approx(
                1 / years, rel=0.01
            )


@pytest.mark.parametrize("state", ["0", "-3"])
async def test_no_chance_of_a_time_that_is_none(steered: Steered, state: str) -> None:
    """Given a time to a block that cannot be, then it says that it does not know."""
    hass, fleet = steered.hass, fleet_entry(steered.hass)
    entity = er.async_get(hass).async_get_or_create(
        "sensor", DOMAIN, f"{fleet.unique_id}_soonest_block", config_entry=fleet
    )
    hass.states.async_set(entity.entity_id, state)
    answer = await ask(hass, "what are my chances of finding a block")
    speech = await async_speech(hass, "en")
    assert answer == speech.say("no_chance")


# Names


async def test_one_more_name_is_not_counted(hass: HomeAssistant) -> None:
    """Given names, then more than six are counted, and one is not."""
    speech = await async_speech(hass, "de")
    assert some(speech, list("abcdef")) == "a, b, c, d, e und f"
    assert some(speech, list("abcdefg")) == "a, b, c, d, e und 2 weitere"
