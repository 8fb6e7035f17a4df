"""A repair issue for entries whose wallet has a typing error.

They were made before the checksum was checked: no pool will ever know the account.
"""

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from ..const import CONF_COIN, CONF_WALLET, DOMAIN
from ..data import HmmConfigEntry
from ..driver_api.wallets import is_mistyped
from ..markdown import async_create_issue

WALLET_MISTYPED = "wallet_mistyped"

_ENTRIES = f"homeassistant://config/integrations/integration/{DOMAIN}"


@callback
def has_mistyped_wallet(entry: HmmConfigEntry) -> bool:
    """Return whether the checksum of an entry's wallet is wrong."""
    return is_mistyped(entry.data[CONF_COIN], entry.data[CONF_WALLET])


@callback
def async_show_wallet_issue(
    hass: HomeAssistant, entry: HmmConfigEntry, *, is_wallet: bool
) -> None:
    """Show that an entry must get another wallet, or that it has the right one."""
    issue_id = f"{WALLET_MISTYPED}_{entry.entry_id}"
    if not is_wallet or not has_mistyped_wallet(entry):
        ir.async_delete_issue(hass, DOMAIN, issue_id)
        return
    async_create_issue(
        hass,
        issue_id,
        is_fixable=False,
        learn_more_url=_ENTRIES,
        severity=ir.IssueSeverity.ERROR,
        translation_key=WALLET_MISTYPED,
        translation_placeholders={"name": entry.title},
    )
