"""Circuits, what miners on one fuse may draw: steps of the options of the fleet."""

from typing import Any, Final

from homeassistant.config_entries import ConfigFlowResult, OptionsFlow
from homeassistant.helpers.selector import (
    DeviceSelector,
    DeviceSelectorConfig,
    TextSelector,
)
import voluptuous as vol

from ..flow_tools import async_words, choice, number_field
from ..markdown import Markdown, escape, inert
from ..miner.profiles import folded
from .flow import MINER_FILTER
from .keys import CONF_MINERS, LONGEST_NAME
from .limits import CONF_CIRCUIT, CONF_CIRCUITS, CONF_MAX_WATTS, MAX_CIRCUITS, rows_of
from .members import entries_of
from .words import number, words_of

CONF_NEXT: Final = "next"

_SAVE = "save"
_ADD = "add"
_EDIT = "edit_"
_DELETE = "delete_"
_MAX_WATTS = 100_000
_USUAL_WATTS = 1400
"""What may be drawn for hours from 15 A at 120 V, the smallest usual circuit."""

type Row = dict[str, Any]


class CircuitSteps(OptionsFlow):
    """Shows the circuits as a list, and one of them as a form."""

    _circuits: list[Row]
    _place: int | None
    """Which one is in hand, None for a new one."""

    async def async_step_circuits(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Begin with those that are stored, with a new one if there are none."""
        # What is not loaded yet has no words
        await async_words(self.hass)
        self._circuits, self._place = rows_of(self.config_entry.options), None
        if not self._circuits:
            return await self.async_step_circuit()
        return await self.async_step_circuit_list()

    async def async_step_circuit_list(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show the circuits, and let the user choose which to change."""
        errors: dict[str, str] = {}
        if user_input is not None:
            following: str = user_input[CONF_NEXT]
            if following == _SAVE:
                return self.async_create_entry(
                    data={**self.config_entry.options, CONF_CIRCUITS: self._circuits}
                )
            if following.startswith(_DELETE):
                del self._circuits[int(following.removeprefix(_DELETE))]
            elif following == _ADD and len(self._circuits) >= MAX_CIRCUITS:
                errors = {CONF_NEXT: "too_many_circuits"}
            else:
                edited = following.removeprefix(_EDIT)
                self._place = None if following == _ADD else int(edited)
                return await self.async_step_circuit()
        word = words_of(self.hass, "strategy_circuit_next")
        choices = {_SAVE: word("save"), _ADD: word("add")}
        for place, row in enumerate(self._circuits):
            choices[f"{_EDIT}{place}"] = word("edit", name=row[CONF_CIRCUIT])
            choices[f"{_DELETE}{place}"] = word("delete", name=row[CONF_CIRCUIT])
        return self.async_show_form(
            step_id="circuit_list",
            data_schema=vol.Schema(
                {vol.Required(CONF_NEXT, default=_SAVE): choice(choices)}
            ),
            errors=errors,
            description_placeholders={
                "circuits": self._table(),
                "most": str(MAX_CIRCUITS),
            },
        )

    def _table(self) -> Markdown:
        lines = []
        for row in self._circuits:
            miners = [entry.title for entry in entries_of(self.hass, row[CONF_MINERS])]
            watts = number(self.hass, row[CONF_MAX_WATTS])
            names = ", ".join(map(escape, miners)) or "–"
            lines.append(f"- **{escape(row[CONF_CIRCUIT])}** {watts} W: {names}")
        return Markdown("\n".join(lines) or "–")

    async def async_step_circuit(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Prompt for the name, the watts and the miners of one."""
        errors: dict[str, str] = {}
        if user_input is not None:
            name = inert(user_input[CONF_CIRCUIT])[:LONGEST_NAME].strip()
            miners = list(dict.fromkeys(user_input[CONF_MINERS]))
            others = {
                folded(circuit[CONF_CIRCUIT])
                for place, circuit in enumerate(self._circuits)
                if place != self._place
            }
            if not name or folded(name) in others:
                errors = {CONF_CIRCUIT: "name_taken"}
            elif not miners or not entries_of(self.hass, miners):
                errors = {CONF_MINERS: "no_miners"}
            else:
                row = {**user_input, CONF_CIRCUIT: name, CONF_MINERS: miners}
                if self._place is None:
                    self._circuits.append(row)
                else:
                    self._circuits[self._place] = row
                return await self.async_step_circuit_list()
        # Without a number the frontend enters the least one, which switches miners off
        stored: Row = {CONF_MAX_WATTS: _USUAL_WATTS}
        if self._place is not None:
            stored = self._circuits[self._place]
        schema = vol.Schema(
            {
                vol.Required(CONF_CIRCUIT): TextSelector(),
                vol.Required(CONF_MAX_WATTS): number_field(1, _MAX_WATTS, "W"),
                vol.Required(CONF_MINERS, default=[]): DeviceSelector(
                    DeviceSelectorConfig(multiple=True, entity=MINER_FILTER)
                ),
            }
        )
        return self.async_show_form(
            step_id="circuit",
            data_schema=self.add_suggested_values_to_schema(
                schema, user_input or stored
            ),
            errors=errors,
        )
