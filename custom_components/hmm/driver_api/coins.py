"""What HMM knows of the coins that are mined with SHA-256."""

from collections.abc import Mapping
from dataclasses import dataclass

from .ranges import ACCOUNT_HASHRATE, BLOCK_TIME, DIFFICULTY, PERCENT
from .units import expected_seconds_to_block, network_share_percent


@dataclass(frozen=True, slots=True)
class Coin:
    """A coin: its name and the target time between its blocks in seconds."""

    name: str
    block_seconds: float


COINS: Mapping[str, Coin] = {
    "BTC": Coin("Bitcoin", 600),
    "BCH": Coin("Bitcoin Cash", 600),
    # All five algorithms together find one each 15 s, SHA-256 alone each 75 s
    "DGB": Coin("DigiByte", 75),
    "BC2": Coin("BitcoinII", 600),
    "XEC": Coin("eCash", 600),
}


@dataclass(frozen=True, slots=True)
class NetworkFigures:
    """A hashrate measured against the network of its coin.

    ``seconds`` is the mean time to a block, ``percent`` the share of the
    network's hashrate; None where it is unknown.
    """

    seconds: float | None = None
    percent: float | None = None


def network_figures(
    coin: str, difficulty: float | None, hashrate: float | None
) -> NetworkFigures:
    """Return the time to a block and the share of the network of a hashrate.

    ``difficulty`` is the network's on the algorithm that is mined, ``hashrate``
    is in H/s. The share of a coin that is not known here is None, and so is all that
    follows from a value which cannot be.
    """
    if (
        difficulty is None
        or hashrate is None
        or difficulty not in DIFFICULTY
        or hashrate not in ACCOUNT_HASHRATE
    ):
        return NetworkFigures()
    coin_facts = COINS.get(coin.strip().upper())
    seconds = expected_seconds_to_block(difficulty, hashrate)
    percent = (
        network_share_percent(difficulty, hashrate, coin_facts.block_seconds)
        if coin_facts
        else None
    )
    return NetworkFigures(
        None if seconds is None or seconds not in BLOCK_TIME else seconds,
        None if percent is None or percent not in PERCENT else percent,
    )
