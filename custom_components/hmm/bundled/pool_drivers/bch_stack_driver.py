"""The local BCH stack: a node of Bitcoin Cash, ckpool and a manager."""

from custom_components.hmm.bundled.shared.ckpool_stack import CkpoolStackDriver


class BchStackDriver(CkpoolStackDriver):
    """Solo mining of Bitcoin Cash on one's own node; see ``CkpoolStackDriver``."""

    driver_type = "bch_stack"
    driver_version = "1.0.0"
    display_name = "BCH stack"
    supports_coins = ["BCH"]
    coin = "BCH"
