"""Why something failed: a key of the translations, and English for the log.

Own code names a key for all that a user may read; a test compares the keys with the
translations. A driver of the user may as well, or say it in its own words.
"""

from collections.abc import Mapping
from typing import Literal, Self

type ReadReason = Literal[
    "bad_response",
    "busy",
    "connection_lost",
    "driver_error",
    "driver_hangs",
    "driver_no_result",
    "name_not_resolved",
    "network_refused",
    "no_response",
    "no_route",
    "not_a_miner",
    "port_in_use",
    "refused",
    "silent",
    "timed_out",
    "unsupported_device",
    "wrong_device",
]
"""Why a miner cannot be read."""

type LoginReason = Literal[
    "login_needed",
    "login_not_given",
    "login_refused",
    "otp_blocked",
    "otp_invalid",
    "otp_needed",
    "otp_refused",
]
"""Why a miner accepts no login."""

type CommandReason = Literal[
    "calibrating",
    "command_failed",
    "command_refused",
    "command_unsupported",
    "driver_too_old",
    "firmware_too_old",
    "invalid_value",
    "mode_not_applied",
    "mode_unknown",
    "modes_missing",
    "not_reported",
    "not_settable",
    "out_of_range",
    "pause_not_applied",
    "pool_format",
    "pool_incomplete",
    "pool_not_applied",
    "pool_password_kept",
    "pool_returns",
    "pool_scheme",
    "pool_slot_missing",
    "pool_tls_missing",
    "pool_too_soon",
    "restart_lost",
    "restart_not_applied",
    "resume_not_applied",
    "setting_not_applied",
    "silent_since",
    "still_reports",
    "text_not_allowed",
    "whole_number",
]
"""Why a miner did not do what was commanded, besides the above."""

type PoolReason = Literal[
    "access_denied",
    "bad_response",
    "certificate",
    "coin_unsupported",
    "connection_lost",
    "driver_error",
    "driver_hangs",
    "driver_no_result",
    "host_invalid",
    "invalid_value",
    "key_missing",
    "key_refused",
    "log_hidden",
    "name_not_resolved",
    "no_https",
    "no_response",
    "no_route",
    "no_statistics",
    "node_not_ready",
    "node_unknown",
    "not_well",
    "port_invalid",
    "problem",
    "rate_limited",
    "redirected",
    "refused",
    "server_error",
    "statistics_address",
    "statistics_stale",
    "stopped",
    "stratum_down",
    "timed_out",
    "wallet_checksum",
    "wallet_invalid",
    "wallet_other_coin",
    "web_page",
]
"""Why a pool gives no statistics. Its key in the translations begins with ``pool_``."""

type ErrorReason = ReadReason | LoginReason | CommandReason | PoolReason


class Reason(str):
    """A sentence in English, and what translates it.

    ``key`` is empty where there are only the words of a user's driver; ``values``
    are plain data for the placeholders, never a secret.
    """

    __slots__ = ("key", "values")

    key: str
    values: Mapping[str, object]

    def __new__(cls, text: str, key: str = "", /, **values: object) -> Self:
        """Return the sentence ``text`` with its key and values."""
        reason = super().__new__(cls, text)
        reason.key = key
        reason.values = values
        return reason
