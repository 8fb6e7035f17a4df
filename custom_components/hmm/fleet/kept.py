"""Runs what was kept for a miner, as soon as it is back."""

import asyncio
from datetime import datetime
import logging

from homeassistant.core import CALLBACK_TYPE, Context, HomeAssistant, callback
from homeassistant.util import dt as dt_util

from ..data import HmmConfigEntry, get_data
from ..errors import message
from ..miner.coordinator import MinerCoordinator
from ..miner.kept import Kept
from .commands import COMMANDS, Command, Data, async_attempt

_LOGGER = logging.getLogger(__name__)

_LATER = {"busy", "calibrating"}
"""Reasons that pass: a miner that has just started may calibrate for minutes."""


async def async_keep(
    hass: HomeAssistant,
    entry: HmmConfigEntry,
    action: str,
    data: Data,
    until: datetime,
) -> None:
    """Keep a command for a miner; it takes the place of an older one of its kind."""
    command = COMMANDS[action]
    assert command.kind is not None
    records = get_data(hass).kept
    records[entry.entry_id].commands[command.kind] = Kept(
        action=action,
        data=dict(data),
        value=command.shown(hass, data),
        until=until,
        since=dt_util.utcnow(),
    )
    await records.async_save()
    if (miner := get_data(hass).fleet.miners.get(entry.entry_id)) is not None:
        # Its status shows what is kept
        miner.async_update_listeners()


@callback
def async_run_kept(hass: HomeAssistant, miner: MinerCoordinator) -> CALLBACK_TYPE:
    """Run what is kept for a miner after its first poll that succeeds; return the end."""
    entry, is_running = miner.config_entry, False

    async def run_all() -> None:
        nonlocal is_running
        try:
            for kind in miner.kept:
                # Another command may have taken its place in the meantime
                if (kept := miner.kept.get(kind)) is None:
                    continue
                command = COMMANDS.get(kept.action)
                if command is None or command.kind != kind:
                    # What another version kept
                    miner.async_drop_kept(kind)
                else:
                    await _run(hass, miner, command, kept)
        finally:
            is_running = False

    @callback
    def check() -> None:
        nonlocal is_running
        if is_running or not miner.last_update_success or not miner.kept:
            return
        is_running = True
        entry.async_create_background_task(
            hass, run_all(), f"HMM kept commands of {entry.title}"
        )

    check()
    return miner.async_add_listener(check)


async def _run(
    hass: HomeAssistant, miner: MinerCoordinator, command: Command, kept: Kept
) -> None:
    records, entry = get_data(hass).kept, miner.config_entry
    commands = records[entry.entry_id].commands
    assert command.kind is not None
    if kept.action == "restart" and _has_started(miner, kept):
        miner.async_drop_kept(command.kind)
        miner.async_update_listeners()
        return
    try:
        outcome = await async_attempt(hass, miner, command, kept.data, Context())
    except asyncio.CancelledError:
        # The entry is unloaded in the middle of it: it is done after that
        commands.setdefault(command.kind, kept)
        records.save_soon()
        raise
    except Exception:
        # The file was edited, or another version wrote it
        _LOGGER.exception("What was kept for %s cannot be done", entry.title)
        miner.async_drop_kept(command.kind)
        return
    if outcome.result == "unreachable" or outcome.reason in _LATER:
        # Running it has dropped it; a newer one goes first
        commands.setdefault(command.kind, kept)
        records.save_soon()
        return
    if commands.get(command.kind) is kept:
        del commands[command.kind]
    records.save_soon()
    miner.async_update_listeners()
    if outcome.error is None:
        _LOGGER.info("%s is back: %s was done", entry.title, kept.action)
    else:
        _LOGGER.warning(
            "%s is back, but %s was not done: %s",
            entry.title,
            kept.action,
            message(hass, outcome.error),
        )


def _has_started(miner: MinerCoordinator, kept: Kept) -> bool:
    """Return whether a miner has started since its restart was requested."""
    uptime = miner.data.uptime
    if uptime is None or kept.since is None:
        return False
    return uptime < (dt_util.utcnow() - kept.since).total_seconds()
