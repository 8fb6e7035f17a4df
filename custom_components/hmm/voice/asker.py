"""The user, the assistant, and the part of the fleet they may see or change."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
import re
from typing import Final, Self

from homeassistant.auth.models import User
from homeassistant.auth.permissions.const import POLICY_READ
from homeassistant.components.homeassistant.exposed_entities import async_should_expose
from homeassistant.core import Context, HomeAssistant, State
from homeassistant.helpers import area_registry as ar, entity_registry as er

from ..const import DOMAIN, FLEET_UNIQUE_ID
from ..data import HmmConfigEntry, fleet_entry, get_data, miner_entries, pool_entries
from ..driver_api.units import parse_number
from ..miner.coordinator import MinerCoordinator
from ..pool.coordinator import PoolCoordinator
from ..rights import async_user, may_read
from ..strategy.strategy import Strategy
from ..unique_ids import device_of, entity_id_of
from .speech import LONGEST_NAME, shown

_TYPED: Final = re.compile(r"[ -~\w]*\w[ -~\w]*")
"""A name of letters, digits and the marks of a keyboard."""
_MIN_SHORT: Final = 4
"""Letters of a first word that is taken for a miner's name."""


def folded(text: str) -> str:
    """Return the words of a text as they are compared: without case and marks."""
    return " ".join(re.findall(r"\w+", text[: 4 * LONGEST_NAME].casefold()))


@dataclass(frozen=True, slots=True)
class Miner:
    """A miner that may be mentioned; without a coordinator it could not be set up."""

    entry: HmmConfigEntry
    coordinator: MinerCoordinator | None

    @property
    def name(self) -> str:
        """Return its name in one short line."""
        return shown(self.entry.title)


@dataclass(frozen=True, kw_only=True)
class Asker:
    """Who asks, and what of the fleet is exposed to them."""

    hass: HomeAssistant
    context: Context
    user: User | None = None
    """None is Home Assistant itself, as for its own actions."""
    assistant: str | None = None
    """The assistant that entities are exposed to; None sees everything."""

    @classmethod
    def of_assistant(cls, hass: HomeAssistant, assistant: str | None) -> Self:
        """Return the assistant alone, without a user."""
        return cls(hass=hass, context=Context(), assistant=assistant)

    @cached_property
    def miners(self) -> list[Miner]:
        """Return the miners of which any entity is exposed and all may be read.

        One that was never set up has none that could be hidden.
        """
        running = get_data(self.hass).fleet.miners
        return [
            Miner(entry, running.get(entry.entry_id))
            for entry in miner_entries(self.hass)
            if self._is_visible(entry)
        ]

    @cached_property
    def pools(self) -> list[tuple[HmmConfigEntry, PoolCoordinator | None]]:
        """Return the pool accounts, chosen like the miners."""
        running = get_data(self.hass).fleet.pools
        return [
            (entry, running.get(entry.entry_id))
            for entry in pool_entries(self.hass)
            if self._is_visible(entry)
        ]

    @cached_property
    def strategies(self) -> list[Strategy]:
        """Return the strategies of which any entity is exposed and may be read."""
        if (fleet := fleet_entry(self.hass)) is None:
            return []
        entities = er.async_entries_for_config_entry(
            er.async_get(self.hass), fleet.entry_id
        )
        exposed = {it.config_subentry_id for it in entities if self.may_report(it)}
        strategies = get_data(self.hass).strategies.strategies
        return [strategy for key, strategy in strategies.items() if key in exposed]

    @cached_property
    def sees_all(self) -> bool:
        """Return whether every miner may be mentioned, and so their totals."""
        return len(self.miners) == len(miner_entries(self.hass))

    def _is_visible(self, entry: HmmConfigEntry) -> bool:
        entities = er.async_entries_for_config_entry(
            er.async_get(self.hass), entry.entry_id
        )
        is_exposed = not entities or any(map(self._is_exposed, entities))
        return is_exposed and may_read(self.hass, self.user, entry)

    def _is_exposed(self, entity: er.RegistryEntry) -> bool:
        return entity.disabled_by is None and (
            self.assistant is None
            or async_should_expose(self.hass, self.assistant, entity.entity_id)
        )

    def has_control(self, miner: Miner, platform: str, key: str) -> bool:
        """Return whether a miner has a control, exposed or not."""
        return self._entity(miner, platform, key) is not None

    def may_move(self, miner: Miner, platform: str, key: str) -> bool:
        """Return whether a control is exposed; the main switch stands for the mode.

        A restart has a category, so that Home Assistant never exposes it automatically.
        Whether the user may use a control is checked by the action itself.
        """
        controls = [self._entity(miner, platform, key)]
        if platform != "button":
            controls.append(self._entity(miner, "switch", "mining"))
        return any(it is not None and self._is_exposed(it) for it in controls)

    def _entity(self, miner: Miner, platform: str, key: str) -> er.RegistryEntry | None:
        entity_id = entity_id_of(self.hass, miner.entry, platform, key)
        return er.async_get(self.hass).async_get(entity_id) if entity_id else None

    def fleet_entity(self, key: str) -> er.RegistryEntry | None:
        """Return a sensor of the fleet by its key."""
        registry = er.async_get(self.hass)
        entity_id = registry.async_get_entity_id(
            "sensor", DOMAIN, f"{FLEET_UNIQUE_ID}_{key}"
        )
        return registry.async_get(entity_id) if entity_id else None

    def fleet_state(self, key: str) -> State | None:
        """Return what a sensor of the fleet shows, None if there is none to mention.

        It is about all miners: who does not see them all must have it exposed.
        """
        entity = self.fleet_entity(key)
        if entity is None or not (self.sees_all or self._is_exposed(entity)):
            return None
        return self.hass.states.get(entity.entity_id) if self._reads(entity) else None

    def may_report(self, entity: er.RegistryEntry) -> bool:
        """Return whether an entity is exposed and may be read."""
        return self._is_exposed(entity) and self._reads(entity)

    def _reads(self, entity: er.RegistryEntry) -> bool:
        return self.user is None or self.user.permissions.check_entity(
            entity.entity_id, POLICY_READ
        )

    @cached_property
    def names(self) -> dict[str, list[Miner]]:
        """Return what the miners are called, folded, and who is: all, or "the Bitaxe"."""
        return self.first_words | self._full_names

    @cached_property
    def _full_names(self) -> dict[str, list[Miner]]:
        named: dict[str, list[Miner]] = {}
        for miner in self.miners:
            for name in self._folded_names(miner):
                if len(name) <= LONGEST_NAME:
                    named.setdefault(name, []).append(miner)
        return named

    @cached_property
    def first_words(self) -> dict[str, list[Miner]]:
        """Return the first words of names that are no names themselves."""
        miners: dict[str, list[Miner]] = {}
        for miner in self.miners:
            for word in {name.partition(" ")[0] for name in self._folded_names(miner)}:
                if _MIN_SHORT <= len(word) <= LONGEST_NAME:
                    miners.setdefault(word, []).append(miner)
        return {
            word: who for word, who in miners.items() if word not in self._full_names
        }

    @cached_property
    def spoken_names(self) -> set[str]:
        """Return names that are spoken in another way than they are written.

        Home Assistant knows none of them, nor first words of names.
        """
        written = {
            name.casefold()
            for miner in self.miners
            for name in self._names_of(miner.entry)
        }
        return {*self.first_words, *(self._full_names.keys() - written)}

    def _folded_names(self, miner: Miner) -> set[str]:
        return {folded(name) for name in self._names_of(miner.entry)} - {""}

    @cached_property
    def spellings(self) -> dict[str, None]:
        """Return the names as they may be typed: folded, and with their marks."""
        typed = {
            name.strip().lower()
            for miner in self.miners
            for name in self._names_of(miner.entry)
            if len(name) <= LONGEST_NAME and _TYPED.fullmatch(name)
        }
        return dict.fromkeys((*self.names, *sorted(typed - self.names.keys())))

    def _names_of(self, entry: HmmConfigEntry) -> Iterator[str]:
        yield entry.title
        if (device := device_of(self.hass, entry)) is not None:
            yield device.name_by_user or device.name or ""
        switch = entity_id_of(self.hass, entry, "switch", "mining")
        if switch and (entity := er.async_get(self.hass).async_get(switch)) is not None:
            yield from (alias for alias in entity.aliases if isinstance(alias, str))

    def in_area(self, area: str) -> list[Miner] | None:
        """Return the miners of an area by its name, None if there is none such."""
        wanted = folded(area)
        areas = {
            area_entry.id
            for area_entry in ar.async_get(self.hass).async_list_areas()
            if wanted
            in {folded(name) for name in (area_entry.name, *area_entry.aliases)}
        }
        if not areas:
            return None
        return [
            miner
            for miner in self.miners
            if (device := device_of(self.hass, miner.entry)) and device.area_id in areas
        ]


async def async_asker(
    hass: HomeAssistant, context: Context | None, assistant: str | None
) -> Asker:
    """Return who asks. Raises UnknownUser for one that was deleted."""
    context = context or Context()
    return Asker(
        hass=hass,
        context=context,
        user=await async_user(hass, context),
        assistant=assistant,
    )


def number_of(state: State | None) -> float | None:
    """Return the number that an entity shows, None where it shows none."""
    return None if state is None else parse_number(state.state)


def running(miners: Iterable[Miner]) -> list[tuple[Miner, MinerCoordinator]]:
    """Return the miners that responded to their last poll."""
    return [
        (miner, miner.coordinator)
        for miner in miners
        if miner.coordinator is not None and miner.coordinator.last_update_success
    ]
