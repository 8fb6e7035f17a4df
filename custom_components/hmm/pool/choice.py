"""The pools that a miner can be sent to, by the names that its owner sees."""

from collections.abc import Mapping
import re
from typing import Final

from homeassistant.const import MAX_LENGTH_STATE_STATE

from ..driver_api import PoolSlot
from ..errors import refusal
from ..miner.coordinator import MinerCoordinator
from .coordinator import PoolCoordinator
from .stratum_user import StratumPool, stratum_at

# "1: host:port" is what the entity offered before there were accounts among them
_SLOT: Final = re.compile(r"(?:Slot )?(?P<number>\d{1,3}): (?P<url>\S+)")
_LONGEST_TITLE: Final = MAX_LENGTH_STATE_STATE - 5
"""Of an account, with room for the number of one of several."""


def pools_by_name(pools: Mapping[str, PoolCoordinator]) -> dict[str, str]:
    """Return the entries of all pool accounts by their names, each a different one."""
    names: dict[str, str] = {}
    for title, entry_id in sorted(
        (pool.config_entry.title, entry_id) for entry_id, pool in pools.items()
    ):
        title = title[:_LONGEST_TITLE]
        name, number = title, 2
        while name in names:
            name, number = f"{title} {number}", number + 1
        names[name] = entry_id
    return names


def usable_pools(pools: Mapping[str, PoolCoordinator]) -> dict[str, StratumPool]:
    """Return the accounts that miners can log in to, by their names."""
    return {
        name: stratum
        for name, entry_id in pools_by_name(pools).items()
        if (stratum := stratum_at(pools[entry_id])) is not None
    }


def name_of(slot: PoolSlot, usable: Mapping[str, StratumPool]) -> str:
    """Return the account that a slot of a miner belongs to, else the slot itself."""
    account = next(
        (name for name, account in usable.items() if account.holds(slot)), None
    )
    return account or _name_of_slot(slot.index, slot.url)


def _name_of_slot(index: int, url: str) -> str:
    """Return what a slot is chosen by, as long as a state may be."""
    return f"Slot {index + 1}: {url}"[:MAX_LENGTH_STATE_STATE]


def is_slot(name: str) -> bool:
    """Return whether a choice is a slot of the miner, as it reads now or once did."""
    return _SLOT.fullmatch(name) is not None


def slot_of(miner: MinerCoordinator, name: str) -> PoolSlot | None:
    """Return the slot that a choice means, None if the miner has another pool there."""
    match = _SLOT.fullmatch(name)
    if match is None or miner.data is None:
        return None
    wanted = _name_of_slot(int(match["number"]) - 1, match["url"]).casefold()
    return next(
        (
            slot
            for slot in miner.data.pools
            if _name_of_slot(slot.index, slot.url).casefold() == wanted
        ),
        None,
    )


async def async_mine_in_slot(miner: MinerCoordinator, name: str) -> None:
    """Let a miner mine at one of its own pools.

    Raises ServiceValidationError: a change before this one gave the slots other pools.
    """
    if (slot := slot_of(miner, name)) is None:
        raise refusal("pool_gone", pool=name)
    if not miner.known.select_pool:
        raise refusal("no_set_pool")
    await miner.async_command(miner.client.select_pool(slot.index), "pool")


async def async_mine_at(miner: MinerCoordinator, pool: StratumPool) -> bool:
    """Let a miner mine at an account, under its own name; return whether it was sent.

    A miner that has the account in a slot is switched to it: the slot keeps its
    password, and the other one its pool.
    """
    user = pool.user_of(miner)
    if await miner.async_mines_at(pool.url, user):
        return False
    has_it = next(
        (
            slot
            for slot in (miner.data.pools if miner.data is not None else ())
            if slot.url.casefold() == pool.url.casefold() and slot.user == user
        ),
        None,
    )
    known, client = miner.known, miner.client
    if has_it is not None and not has_it.active and known.select_pool:
        await miner.async_command(client.select_pool(has_it.index), "pool")
    elif known.set_pool:
        await miner.async_command(
            client.set_pool(pool.url, user, pool.password), "pool"
        )
    else:
        raise refusal("no_set_pool")
    return True
