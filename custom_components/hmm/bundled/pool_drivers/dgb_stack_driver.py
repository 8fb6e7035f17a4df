"""The local DGB stack: a node of DigiByte, ckpool and a manager."""

from custom_components.hmm.bundled.shared.ckpool_stack import CkpoolStackDriver


class DgbStackDriver(CkpoolStackDriver):
    """Solo mining of DigiByte on one's own node; see ``CkpoolStackDriver``."""

    driver_type = "dgb_stack"
    driver_version = "1.0.0"
    display_name = "DGB stack"
    supports_coins = ["DGB"]
    coin = "DGB"
