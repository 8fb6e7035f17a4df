"""What is behind the "Configure" of a pool account."""

from homeassistant.core import HomeAssistant

from simulator import SimulatedSolopool
from tests.common import pool_entry
from tests.conftest import set_up
from tests.flows import open_options


async def test_the_fee_of_a_pool(home: HomeAssistant) -> None:
    """Given an account, then its fee can be entered; that of its file is proposed."""
    async with SimulatedSolopool(coin="dgb") as server:
        pool = await set_up(home, pool_entry(server))
        data = {**pool.data, "host": "solo.ckpool.org", "port": 3333}
        home.config_entries.async_update_entry(pool, data=data)
        for fee, proposed in ((1.5, 2), (None, 1.5), (None, 2)):
            form = await open_options(home, pool)
            field = next(iter(form["data_schema"].schema))
            assert field.description == {"suggested_value": proposed}
            given = {} if fee is None else {"pool_fee": fee}
            done = await home.config_entries.options.async_configure(
                form["flow_id"], {**given, "more_entities": False}
            )
            assert done["type"] == "create_entry"
            assert pool.options == given
            await home.async_block_till_done(wait_background_tasks=True)
