"""Constants that more than one module of HMM uses."""

from enum import StrEnum
from typing import Final

from homeassistant.const import Platform

DOMAIN: Final = "hmm"

FLEET_UNIQUE_ID: Final = "hmm_hub"
FLEET_TITLE: Final = "Mining fleet"


class EntryType(StrEnum):
    """The three kinds of config entries."""

    MINER = "miner"
    POOL = "pool"
    FLEET = "hub"


PLATFORMS: Final = {
    EntryType.MINER: (
        Platform.BINARY_SENSOR,
        Platform.BUTTON,
        Platform.EVENT,
        Platform.LIGHT,
        Platform.NUMBER,
        Platform.SELECT,
        Platform.SENSOR,
        Platform.SWITCH,
        Platform.UPDATE,
    ),
    EntryType.POOL: (Platform.BINARY_SENSOR, Platform.EVENT, Platform.SENSOR),
    EntryType.FLEET: (
        Platform.BINARY_SENSOR,
        Platform.BUTTON,
        Platform.CLIMATE,
        Platform.EVENT,
        Platform.SELECT,
        Platform.SENSOR,
        Platform.SWITCH,
        Platform.UPDATE,
    ),
}


# Config entry data
CONF_ENTRY_TYPE: Final = "entry_type"
CONF_DRIVER: Final = "driver"
CONF_PROFILE: Final = "profile"
CONF_CREDENTIALS: Final = "credentials"
"""The login of a miner: what its driver finds in ``DriverContext.options``."""
CONF_COIN: Final = "coin"
CONF_WALLET: Final = "wallet"
CONF_POOL_SETTINGS: Final = "pool_settings"
"""Settings of the pool file for the driver."""
CONF_ACCOUNT_SETTINGS: Final = "account_settings"
"""The user's settings for the driver, besides the wallet: keys, ports."""
CONF_ACCOUNT_HASH: Final = "account_hash"
"""Whose key it is, where the pool identifies the account by the key alone."""

CONF_KEEP_SECRETS: Final = "keep_secrets"
"""In forms: keep the secrets that are stored where the form has none."""

# Options of a miner, and of a pool
CONF_MORE_ENTITIES: Final = "more_entities"
"""Whether its owner has requested more entities than most need; False: no longer."""

# Option of a pool account
CONF_POOL_FEE: Final = "pool_fee"
"""Percent that the pool keeps, where no one else reports it."""
MAX_FEE: Final = 100.0

# Options of a miner
CONF_PLUG: Final = "plug"
CONF_POWER_DRAW: Final = "power_draw"
CONF_OWN_RISK: Final = "own_risk"
CONF_HOT_LIMIT: Final = "hot_limit"
"""°C of the hottest chip above which its owner wants to know; else the usual one."""

# Attributes of states
ATTR_DETAIL: Final = "detail"
"""What the device or system itself reports, at most 120 characters."""
ATTR_REASON: Final = "reason"
ATTR_SINCE: Final = "since"

MODE_CUSTOM: Final = "custom"
