"""What the tests of strategies inside Home Assistant share."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    SOURCE_USER,
    ConfigEntry,
    ConfigSubentry,
)
from homeassistant.core import HomeAssistant, State, SupportsResponse
from homeassistant.helpers import device_registry as dr, entity_registry as er

from custom_components.hmm.const import DOMAIN
from custom_components.hmm.data import get_data
from custom_components.hmm.miner.coordinator import MinerCoordinator
from custom_components.hmm.strategy.manager import STARTUP_SECONDS, StrategyManager
from custom_components.hmm.strategy.miners import SteeredMiner
from custom_components.hmm.strategy.strategy import Strategy
from simulator import SimulatedAvalon
from simulator.device import SimulatedDevice
from tests.common import act, devices, find, find_id, fleet_entry, later, poll
from tests.conftest import miner_entry, set_up
from tests.flows import Result, options, suggested, with_texts

PRICE = "sensor.price"

BANDS: Mapping[str, Any] = {
    "miners": [],
    "price_entity": PRICE,
    "price_unit": "ct/kWh",
    "entity_ids": {},
    "by": "price",
    "bands": [
        {"id": "cheap", "band_name": "Cheap", "upto": 20.0, "rung": "highest"},
        {"id": "normal", "band_name": "Normal", "upto": 30.0, "rung": "mode:eco"},
        {"id": "dear", "band_name": "Expensive", "rung": "off"},
    ],
    "min_time": 5,
    "stagger": 0,
}
"""Three bands as the dialog stores them, with short times; the rest is by default."""


def price(hass: HomeAssistant, value: object, unit: str = "ct/kWh") -> None:
    """Let the price sensor say something."""
    hass.states.async_set(PRICE, str(value), {"unit_of_measurement": unit})


async def add(
    hass: HomeAssistant,
    kind: str,
    data: Mapping[str, Any],
    title: str = "Bands",
) -> Strategy:
    """Add a strategy as its dialog does."""
    fleet = fleet_entry(hass)
    subentry = ConfigSubentry(
        data=MappingProxyType({**data}),
        subentry_type=kind,
        title=title,
        unique_id=None,
    )
    hass.config_entries.async_add_subentry(fleet, subentry)
    await hass.async_block_till_done(wait_background_tasks=True)
    return get_data(hass).strategies.strategies[subentry.subentry_id]


@dataclass
class House:
    """A house with miners: what is seen of them, and what its owner and time do.

    Without an index the first miner is meant.
    """

    hass: HomeAssistant
    freezer: Any = None
    entries: list[ConfigEntry[Any]] = field(default_factory=list)
    devices: list[Any] = field(default_factory=list)

    async def join(self, device: SimulatedDevice, title: str, **entry: Any) -> None:
        """Set up one more miner."""
        driver = "avalon_nano" if isinstance(device, SimulatedAvalon) else "bitaxe"
        made = miner_entry(device, driver, title=title, **entry)
        self.entries.append(await set_up(self.hass, made))
        self.devices.append(device)

    # What is seen

    @property
    def manager(self) -> StrategyManager:
        """Return what runs the strategies."""
        return get_data(self.hass).strategies

    @property
    def fleet(self) -> ConfigEntry[Any]:
        """Return the entry of the fleet."""
        return fleet_entry(self.hass)

    @property
    def entry(self) -> ConfigEntry[Any]:
        """Return the entry of the first miner."""
        return self.entries[0]

    @property
    def miner(self) -> MinerCoordinator:
        """Return the first miner as HMM sees it."""
        return self.entry.runtime_data

    @property
    def device(self) -> Any:
        """Return the first miner itself."""
        return self.devices[0]

    @property
    def mode(self) -> str | None:
        """Return the mode of the first miner."""
        return self.miner.tuning.current

    def reported(self) -> list[str | None]:
        """Return what the miners say that they do."""
        return [
            self.steered(number).view.reported for number in range(len(self.entries))
        ]

    def steered(self, index: int = 0) -> SteeredMiner:
        """Return a miner as the strategies see it."""
        steered = self.manager.steered(self.entries[index].entry_id)
        assert steered is not None
        return steered

    def control(self, index: int = 0) -> State:
        """Return who decides for a miner."""
        return find(self.hass, self.entries[index], "sensor", "controlled_by")

    def by(self, index: int = 0) -> str:
        """Return the kind of who decides for a miner."""
        return self.control(index).state

    def why(self, index: int = 0) -> str:
        """Return why a miner does what it does."""
        return str(self.control(index).attributes["explanation"])

    def device_id(self, index: int = 0) -> str:
        """Return the device of a miner."""
        (found,) = devices(self.hass, self.entries[index])
        return found.id

    def state_of(self, strategy: Strategy, platform: str, key: str) -> State:
        """Return a state of a strategy's device."""
        entity_id = er.async_get(self.hass).async_get_entity_id(
            platform, DOMAIN, f"{strategy.id}_{key}"
        )
        assert entity_id is not None, f"{platform} {key}"
        state = self.hass.states.get(entity_id)
        assert state is not None, entity_id
        return state

    def status(self, strategy: Strategy) -> State:
        """Return what a strategy does."""
        return self.state_of(strategy, "sensor", "state")

    def says(self, strategy: Strategy) -> str:
        """Return why a strategy does that, without a gap."""
        text: str = self.status(strategy).attributes["explanation"]
        assert "…" not in text
        assert "strategy_" not in text
        return text

    def event_of(self, strategy: Strategy) -> str:
        """Return the last event of a strategy."""
        event = self.state_of(strategy, "event", "decision")
        return str(event.attributes["event_type"])

    # What its owner does

    def price(self, value: object, unit: str = "ct/kWh") -> None:
        """Let the price sensor say something."""
        price(self.hass, value, unit)

    def options(self, **options: Any) -> None:
        """Set the options of the fleet."""
        self.hass.config_entries.async_update_entry(self.fleet, options=options)

    async def limit(self, watts: float) -> None:
        """Put all miners on a circuit, and let that be followed."""
        miners = [self.device_id(number) for number in range(len(self.entries))]
        row = {"circuit": "Garage", "max_watts": watts, "miners": miners}
        self.options(circuits=[row])
        await self.settle()

    def learn(self, watts: Mapping[str, float], *indices: int) -> None:
        """Let what miners draw in their modes be known, by default of all."""
        for index in indices or range(len(self.entries)):
            steered = self.steered(index)
            for mode, drawn in watts.items():
                steered.memory.watts.learn(f"mode:{mode}", drawn, None)
            steered.update()

    async def add(
        self, kind: str, data: Mapping[str, Any], title: str = "Bands"
    ) -> Strategy:
        """Add a strategy as its dialog does."""
        return await add(self.hass, kind, data, title)

    async def follow(
        self, cents: object, settings: Mapping[str, Any] = BANDS
    ) -> Strategy:
        """Add price bands at a price, and let them steer."""
        self.price(cents)
        strategy = await self.add("price_bands", settings)
        await self.begin()
        return strategy

    def change(self, strategy: Strategy, data: Mapping[str, Any]) -> None:
        """Change the settings of a strategy."""
        self.hass.config_entries.async_update_subentry(
            self.fleet, self.fleet.subentries[strategy.id], data={**data}
        )

    def remove(self, strategy: Strategy) -> None:
        """Remove a strategy."""
        self.hass.config_entries.async_remove_subentry(self.fleet, strategy.id)

    async def mine(self, on: bool, index: int = 0) -> None:
        """Pause a miner by hand, or let it mine."""
        switch = find_id(self.hass, self.entries[index], "switch", "mining")
        await act(self.hass, "switch", "turn_on" if on else "turn_off", switch)

    async def set_mode(self, mode: str, index: int = 0) -> None:
        """Set a mode by hand."""
        select = find_id(self.hass, self.entries[index], "select", "mode")
        await act(self.hass, "select", "select_option", select, option=mode)

    async def resume(self, index: int = 0) -> None:
        """Return a miner to the strategies."""
        button = find_id(self.hass, self.entries[index], "button", "resume_automatic")
        await act(self.hass, "button", "press", button)

    async def override(self, strategy: Strategy, option: str) -> None:
        """Want something of a whole strategy."""
        select = self.state_of(strategy, "select", "override").entity_id
        await act(self.hass, "select", "select_option", select, option=option)
        await self.settle()

    async def switch(self, strategy: Strategy, on: bool, key: str = "switch") -> None:
        """Switch a strategy, or its dry run."""
        entity_id = self.state_of(strategy, "switch", key).entity_id
        await act(self.hass, "switch", "turn_on" if on else "turn_off", entity_id)

    async def run(self, action: str, **data: Any) -> Any:
        """Run an action of HMM, and let the strategies follow."""
        only = DOMAIN, action
        response = await self.hass.services.async_call(
            *only,
            data,
            blocking=True,
            return_response=self.hass.services.supports_response(*only)
            is not SupportsResponse.NONE,
        )
        await self.settle()
        return response

    # Its dialogs

    async def dialog(self, kind: str) -> Dialog:
        """Begin with a new strategy."""
        return await Dialog(self.hass, kind).open()

    async def reconfigure(
        self, item: str, subentry: ConfigSubentry | None = None
    ) -> Dialog:
        """Open one part of a strategy, by default the only one, to change it."""
        found = subentry or self.stored
        form = await Dialog(self.hass, found.subentry_type).open(
            SOURCE_RECONFIGURE, subentry_id=found.subentry_id
        )
        assert item in form.result["menu_options"]
        await form.fill(next_step_id=item)
        return form

    @property
    def stored(self) -> ConfigSubentry:
        """Return the only strategy as it is stored."""
        (subentry,) = self.fleet.subentries.values()
        return subentry

    # What time does

    async def begin(self) -> None:
        """Let the time pass in which Home Assistant has only just started."""
        await self.hass.async_block_till_done(wait_background_tasks=True)
        await later(self.hass, STARTUP_SECONDS + 1)
        await self.settle()

    async def settle(self) -> None:
        """Let what happened be decided, done and decided again."""
        for _ in range(3):
            await later(self.hass, 2)

    async def wait(self, minutes: float) -> None:
        """Let time pass for the clocks too."""
        self.freezer.tick(timedelta(minutes=minutes))
        await later(self.hass, 0)
        await self.settle()

    async def poll(self, index: int = 0, times: int = 1) -> MinerCoordinator:
        """Poll a miner."""
        for _ in range(times):
            coordinator = await poll(self.hass, self.entries[index])
        return coordinator

    async def settle_polls(self, times: int) -> None:
        """Poll the first miner, and let that be decided, so often."""
        for _ in range(times):
            await self.poll()
            await self.settle()

    async def minutes(self, count: float, before: Callable[[], None] = int) -> None:
        """Let minutes pass; each miner is polled in every one."""
        for _ in range(round(count)):
            before()
            await self.wait(1)

    @asynccontextmanager
    async def down(self) -> AsyncGenerator[None]:
        """Let the fleet and the miners be down for what happens inside."""
        await self.manager.store.async_save()
        fleet, entries = self.fleet, self.hass.config_entries
        for item in (fleet, *self.entries):
            assert await entries.async_unload(item.entry_id)
        yield
        # All that a restart leaves of the decisions is in the file
        self.manager.controls = {}
        await self.manager.store.async_load()
        for element in (*self.entries, fleet):
            assert await entries.async_setup(element.entry_id)


@dataclass
class Dialog:
    """The dialog of a kind of strategy, walked through step by step."""

    hass: HomeAssistant
    kind: str
    result: Result = field(default_factory=dict)

    async def open(self, source: str = SOURCE_USER, **context: Any) -> Dialog:
        """Begin with a new strategy."""
        self.result = await self.hass.config_entries.subentries.async_init(
            (fleet_entry(self.hass).entry_id, self.kind),
            context={"source": source, **context},
        )
        with_texts(self.result, f"config_subentries.{self.kind}")
        return self

    async def fill(self, **given: Any) -> None:
        """Fill in a form."""
        self.result = await self.hass.config_entries.subentries.async_configure(
            self.result["flow_id"], given
        )
        await self.hass.async_block_till_done(wait_background_tasks=True)
        with_texts(self.result, f"config_subentries.{self.kind}")

    @property
    def step(self) -> str:
        """Return which form is shown."""
        return str(self.result["step_id"])

    @property
    def errors(self) -> dict[str, str]:
        """Return what is wrong with a form, by field."""
        return dict(self.result["errors"])

    @property
    def reason(self) -> str:
        """Return why it ended."""
        return str(self.result["reason"])

    def text_of(self, key: str) -> str:
        """Return what a form says."""
        return str(self.result["description_placeholders"][key])

    def suggested(self, field: str) -> Any:
        """Return what a form has filled in."""
        return suggested(self.result, field)

    def choices(self, field: str) -> dict[str, str]:
        """Return the choices of a form as value and label."""
        return options(self.result, field)


def device_of(hass: HomeAssistant, strategy: Strategy) -> dr.DeviceEntry:
    """Return the device of a strategy."""
    device = dr.async_get(hass).async_get_device_by_identifier(
        (DOMAIN, strategy.id), fleet_entry(hass).entry_id
    )
    assert device is not None
    return device
