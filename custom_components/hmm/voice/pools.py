"""Which pools the miners mine at, and whether those work."""

from collections.abc import Iterator

from ..const import EntryType
from ..data import entries_of_kind, get_data
from ..money.revenue import pool_of
from ..pool.coordinator import PoolCoordinator
from .asker import Asker, Miner, running
from .request import Request
from .speech import MAX_NAMED, Speech, some


async def pools(
    asker: Asker, speech: Speech, miners: list[Miner], request: Request
) -> str:
    """Say at which account a miner mines; of several, each account and who is there."""
    if not asker.pools:
        has_any = bool(entries_of_kind(asker.hass, EntryType.POOL))
        return speech.say("pools_hidden" if has_any else "no_pools")
    ledger = get_data(asker.hass).money
    places: dict[str, list[str]] = {}
    for miner, coordinator in running(miners):
        if (pool := pool_of(ledger, coordinator)) is not None:
            places.setdefault(pool.config_entry.entry_id, []).append(miner.name)
    if request.name is not None:
        titles = [entry.title for entry, _ in asker.pools if entry.entry_id in places]
        name = miners[0].name
        if not titles:
            return speech.say("pool_not_known", name=name)
        return speech.say("mines_at", name=name, pool=speech.names(titles))
    sentences = [
        speech.say(
            "miner",
            name=speech.names([entry.title]),
            said=speech.language.comma.join(
                _said(speech, pool, places.get(entry.entry_id, []))
            ),
        )
        for entry, pool in asker.pools
    ]
    if (more := len(sentences) - MAX_NAMED) > 0:
        sentences[MAX_NAMED:] = [f"{speech.say('others', count=more)}."]
    return " ".join(sentences)


def _said(
    speech: Speech, pool: PoolCoordinator | None, names: list[str]
) -> Iterator[str]:
    """Return how an account stands, and the miners that are there."""
    yield speech.pool_state(None if pool is None else pool.status.status.state)
    if names:
        yield speech.say("with_miners", names=some(speech, names))


def pool_problems(asker: Asker, speech: Speech) -> Iterator[str]:
    """Return what is wrong with pool accounts, and since when."""
    for entry, pool in asker.pools:
        if pool is not None and pool.status.active:
            key, values = next(iter(pool.status.active.items()))
            since = speech.since(pool.status.problem.at)
            sentence = f"{speech.reason(f'pool_{key}', values)} {since}".strip()
            yield speech.say("miner", name=speech.names([entry.title]), said=sentence)
