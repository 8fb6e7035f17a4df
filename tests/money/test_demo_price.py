"""The simulated tariff of the demo."""

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
import yaml

from custom_components.hmm.money.price import PriceSource
from demo.config_folder import CONFIGURATION
from demo.price import SENSOR


@pytest.fixture
def expected_lingering_timers() -> bool:
    """Let the clock of the template go on: Home Assistant never stops it."""
    return True


async def test_the_tariff_of_the_demo_is_known_ahead(hass: HomeAssistant) -> None:
    """Given the template of the demo, then it is a price with two days of slots."""
    await hass.config.async_update(currency="EUR", time_zone="Europe/Berlin")
    text = CONFIGURATION.partition("template:")[2].partition("logger:")[0]
    template = yaml.safe_load(f"template:{text}")
    assert await async_setup_component(hass, "template", template)
    await hass.async_block_till_done()
    read = PriceSource(hass, entity=SENSOR).read(dt_util.utcnow())
    assert read.value is not None
    assert 0.2 < read.value < 0.4
    assert len(read.slots) == 48
    assert read.slots[-1].end > dt_util.utcnow()
