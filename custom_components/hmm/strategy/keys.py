"""What is stored of a strategy in its config subentry."""

from typing import Final

# Of all kinds
CONF_MINERS: Final = "miners"
"""Ids of devices; none means all miners, also future ones."""
CONF_START: Final = "start"
START_STEER: Final = "steer"
START_DRY_RUN: Final = "dry_run"
CONF_TIMING: Final = "timing"
"""The section of a form: what is in it is stored beside the rest."""
CONF_ENTITY_IDS: Final = "entity_ids"
"""The id in the registry of each entity that is named, by its entity id."""

# Who goes first
CONF_ORDER: Final = "order"
"""Ids of entries, the first goes first; the others follow by ``CONF_RANK_BY``."""
CONF_RANK_BY: Final = "rank_by"

# Rungs
CONF_RUNG: Final = "rung"
RUNG_PER_MODEL: Final = "per_model"
CONF_MODELS: Final = "models"
"""The rung of each model, by its key."""

# Prices
CONF_PRICE_ENTITY: Final = "price_entity"
CONF_PRICE_UNIT: Final = "price_unit"
"""The unit that limits are stored in: that of the source when they were entered."""

# Price bands
CONF_BY: Final = "by"
BY_PRICE: Final = "price"
BY_HOURS: Final = "hours"
BY_STATES: Final = "states"
CONF_BANDS: Final = "bands"
CONF_BAND_ID: Final = "id"
CONF_BAND_NAME: Final = "band_name"
CONF_UPTO: Final = "upto"
CONF_CHEAPEST: Final = "cheapest"
CONF_STATES: Final = "states"
CONF_POOL: Final = "pool"
POOL_LEAVE: Final = "leave"
MIN_BANDS: Final = 2

CONF_DEAD_BAND: Final = "dead_band"
CONF_MIN_TIME: Final = "min_time"
CONF_LOOK_AHEAD: Final = "look_ahead"
CONF_MAX_SWITCHES: Final = "max_switches"
CONF_FALLBACK: Final = "fallback"
FALLBACK_KEEP: Final = "keep"
FALLBACK_OFF: Final = "off"
FALLBACK_BAND: Final = "band"
"""With the id of a band behind it: ``band_1a2b3c4d``."""
CONF_STAGGER: Final = "stagger"

# Calendar and quiet hours
CONF_ENTITY: Final = "entity"
CONF_DAYS: Final = "days"
CONF_FROM: Final = "from"
CONF_TO: Final = "to"
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CONF_KIND: Final = "kind"
KIND_QUIET: Final = "quiet"
KIND_PLAN: Final = "plan"

# Heat
CONF_TEMPERATURE_ENTITY: Final = "temperature_entity"
CONF_MAX_ROOM: Final = "max_room"
"""°C, as all temperatures that are stored; tolerances are K."""
CONF_STOP_ALL: Final = "stop_all"
CONF_LOWEST_RUNG: Final = "lowest_rung"
CONF_HIGHEST_RUNG: Final = "highest_rung"
CONF_WHEN_IDLE: Final = "when_idle"
CONF_BOOST_TIME: Final = "boost_time"
"""Minutes."""
CONF_TOLERANCE: Final = "tolerance"
CONF_MIN_CYCLE: Final = "min_cycle"

LONGEST_NAME: Final = 64

# Solar surplus
CONF_METER_KIND: Final = "meter_kind"
METER_GRID: Final = "grid"
METER_SURPLUS: Final = "surplus"
METER_TWO: Final = "two"
CONF_METER: Final = "meter_entity"
"""Of two sensors, that of the import."""
CONF_EXPORT: Final = "export_entity"
CONF_POSITIVE_IS: Final = "positive_is"
METER_KEYS: Final = (CONF_METER_KIND, CONF_METER, CONF_EXPORT, CONF_POSITIVE_IS)
POSITIVE_IMPORT: Final = "import"
POSITIVE_EXPORT: Final = "export"
CONF_BATTERY: Final = "battery_power"
CONF_BATTERY_POSITIVE_IS: Final = "battery_positive_is"
POSITIVE_DISCHARGE: Final = "discharge"
POSITIVE_CHARGE: Final = "charge"
CONF_BATTERY_FIRST: Final = "battery_first"
CONF_BATTERY_SOC: Final = "battery_soc"
CONF_MIN_SOC: Final = "min_soc"
CONF_FORECAST: Final = "forecast_today"
CONF_MIN_FORECAST: Final = "min_forecast"
CONF_FLOOR: Final = "floor"
CONF_RESERVE: Final = "reserve"
CONF_WINDOW: Final = "window"
CONF_ON_DELAY: Final = "on_delay"
CONF_OFF_DELAY: Final = "off_delay"
CONF_MIN_RUN: Final = "min_run"
CONF_STALE_AFTER: Final = "stale_after"
"""Minutes without a value of a meter, or of a room."""
CONF_DAYLIGHT: Final = "daylight"

# Champion
CONF_ABOVE: Final = "above"
"""In ``CONF_PRICE_UNIT``; None if it follows a band."""
CONF_BAND: Final = "band"
"""The id of a band of the strategy ``CONF_BAND_OF``."""
CONF_BAND_OF: Final = "band_of"
CONF_REPLACE_AFTER: Final = "replace_after"
