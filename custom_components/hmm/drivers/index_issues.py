"""Asks the owner about an index whose key changed, or whose signature is gone."""

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from ..markdown import async_create_issue, async_delete_issues, code
from .indexes import DriverIndexes, OwnIndex

INDEX_KEY_CHANGED = "index_key_changed"
INDEX_SIGNATURE_LOST = "index_signature_lost"

DATA_INDEX = "index"
DATA_KEY = "key"
"""The new key, empty if the signature is gone."""


@callback
def async_show_index_issues(hass: HomeAssistant, indexes: DriverIndexes) -> None:
    """Make an issue for each index that is not trusted now; others vanish."""
    shown = {_show(hass, own) for own in indexes.all if own.changed is not None}
    async_delete_issues(hass, (INDEX_KEY_CHANGED, INDEX_SIGNATURE_LOST), but=shown)


def _show(hass: HomeAssistant, own: OwnIndex) -> str:
    assert own.changed is not None
    assert own.signer is not None
    signer = own.changed.signer
    key = INDEX_KEY_CHANGED if signer else INDEX_SIGNATURE_LOST
    issue_id = f"{key}_{own.id}"
    async_create_issue(
        hass,
        issue_id,
        data={DATA_INDEX: str(own.address), DATA_KEY: signer.key if signer else ""},
        is_fixable=True,
        severity=ir.IssueSeverity.WARNING,
        translation_key=key,
        translation_placeholders={
            "index": own.name,
            "address": code(str(own.address)),
            "old": own.signer.fingerprint,
            "new": signer.fingerprint if signer else "-",
        },
    )
    return issue_id
