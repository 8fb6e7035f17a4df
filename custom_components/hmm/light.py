"""The light that a miner has on its case."""

from typing import Any, cast, override

from homeassistant.components.light import (
    ATTR_BRIGHTNESS,
    ATTR_EFFECT,
    ATTR_RGB_COLOR,
    ColorMode,
    LightEntity,
    LightEntityDescription,
    LightEntityFeature,
)
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.util.color import brightness_to_value, value_to_brightness

from .entity import MinerEntity, Offer, async_add_offered
from .miner.coordinator import MinerConfigEntry

PARALLEL_UPDATES = 1

_PERCENT = (1, 100)

# As a setting of the miner it stays on when all lights of the room are switched off
LIGHT = LightEntityDescription(
    key="light",
    translation_key="light",
    entity_category=EntityCategory.CONFIG,
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: MinerConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the light of a miner that has one and reports how it is set."""
    async_add_offered(
        entry.runtime_data,
        async_add_entities,
        Offer(
            (LIGHT,),
            lambda _, miner: miner.known.light and "light_on" in miner.known.telemetry,
            MinerLight,
        ),
    )


class MinerLight(MinerEntity, LightEntity):
    """The light of a miner, with as much of it as the miner reports."""

    _state_of = ("is_on", "brightness", "rgb_color", "effect")

    @property
    @override
    def color_mode(self) -> ColorMode:
        if "light_color" in self.coordinator.known.telemetry:
            return ColorMode.RGB
        if "light_brightness" in self.coordinator.known.telemetry:
            return ColorMode.BRIGHTNESS
        return ColorMode.ONOFF

    @property
    @override
    def supported_color_modes(self) -> set[ColorMode]:
        return {self.color_mode}

    @property
    @override
    def supported_features(self) -> LightEntityFeature:
        return LightEntityFeature(
            LightEntityFeature.EFFECT if self.coordinator.known.light_effects else 0
        )

    @property
    @override
    def effect_list(self) -> list[str] | None:
        return list(self.coordinator.known.light_effects) or None

    @property
    @override
    def is_on(self) -> bool | None:
        return self.coordinator.data.light_on

    @property
    @override
    def brightness(self) -> int | None:
        percent = self.coordinator.data.light_brightness
        return None if percent is None else value_to_brightness(_PERCENT, percent)

    @property
    @override
    def rgb_color(self) -> tuple[int, int, int] | None:
        return self.coordinator.data.light_color

    @property
    @override
    def effect(self) -> str | None:
        return self.coordinator.data.light_effect

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        brightness: int | None = kwargs.get(ATTR_BRIGHTNESS)
        await self._set(
            True,
            brightness=(
                None
                if brightness is None
                else max(1, round(brightness_to_value(_PERCENT, brightness)))
            ),
            color=cast("tuple[int, int, int] | None", kwargs.get(ATTR_RGB_COLOR)),
            effect=kwargs.get(ATTR_EFFECT),
        )

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        await self._set(False)

    async def _set(self, on: bool, **attributes: Any) -> None:
        await self.coordinator.async_command(
            self.coordinator.client.set_light(on, **attributes)
        )
