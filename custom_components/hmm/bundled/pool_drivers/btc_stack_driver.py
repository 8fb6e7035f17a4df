"""The local BTC stack: a node of Bitcoin, ckpool and a manager."""

from custom_components.hmm.bundled.shared.ckpool_stack import CkpoolStackDriver


class BtcStackDriver(CkpoolStackDriver):
    """Solo mining of Bitcoin on one's own node; see ``CkpoolStackDriver``."""

    driver_type = "btc_stack"
    driver_version = "1.0.0"
    display_name = "BTC stack"
    supports_coins = ["BTC"]
    coin = "BTC"
