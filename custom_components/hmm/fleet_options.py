"""What is behind the "Configure" of the fleet: a part from each room."""

from typing import Any

from homeassistant.config_entries import ConfigFlowResult

from .drivers.compare_flow import CompareSteps
from .drivers.index_flow import IndexSteps
from .drivers.watch_flow import WatchSteps
from .fleet.entities_flow import EntitiesSteps
from .fleet.failover_flow import FailoverSteps
from .fleet.firmware_flow import FirmwareSteps
from .fleet.rescan_flow import RescanSteps
from .flow_tools import async_shared_data, ending
from .markdown import escaping
from .money.flow import PriceSteps
from .strategy.circuit_flow import CircuitSteps
from .strategy.hold_flow import HoldSteps


@ending
@escaping
class FleetOptionsFlow(
    PriceSteps,
    FailoverSteps,
    FirmwareSteps,
    EntitiesSteps,
    RescanSteps,
    HoldSteps,
    CircuitSteps,
    IndexSteps,
    CompareSteps,
    WatchSteps,
):
    """One menu over the steps that each room brings."""

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Begin, also where the fleet could not be set up."""
        await async_shared_data(self.hass)
        return await self.async_step_fleet()

    async def async_step_fleet(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show what there is."""
        return self.async_show_menu(
            step_id="fleet",
            menu_options=[
                "prices",
                "coins",
                "failover",
                "manual_hold",
                "circuits",
                "entities",
                "rescan",
                "firmware",
                "drivers",
            ],
        )
