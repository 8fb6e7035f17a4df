"""No secret of any device is in a recorded session, which still works."""

import json
import re
from typing import Any

import pytest

from custom_components.hmm.driver_api import DriverContext, InvalidValue
from custom_components.hmm.driver_api.transports.cgminer import CgminerClient
from custom_components.hmm.driver_api.wallets import (
    WrongChecksum,
    check_wallet,
    read_wallet,
)
from custom_components.hmm.driver_engine.client import MinerClient
from driver_tool.conformance import shared_session
from driver_tool.files import one_miner
from driver_tool.masks import Masks, find_secrets, mask
from driver_tool.recorder import record_miner
from driver_tool.replay import Replay
from driver_tool.session import HttpExchange, Session, TcpExchange
from driver_tool.targets import open_target
from simulator.solopool import DEMO_WALLET
from tests.driver_api.test_wallets import (
    CASH,
    DIGIBYTE,
    DIGIBYTE_SCRIPT,
    ECASH,
    LONG_CASH,
    SEGWIT,
)

pytestmark = pytest.mark.usefixtures("socket_enabled")


def session_with(body: Any, target: str = "/api", **changes: Any) -> Session:
    """Return a session of one answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    exchange = HttpExchange(
        method="GET", target=target, status=200, received=data, **changes
    )
    return Session(driver_type="x", exchanges=(exchange,))


def answer(session: Session) -> Any:
    """Return the answer in a session of one."""
    return json.loads(session.exchanges[0].received.rstrip(b"\0"))


@pytest.mark.parametrize(
    ("key", "secret"),
    [
        ("stratumPassword", "hunter2hunter2"),
        ("wifiPass", "hunter2hunter2"),
        ("ssid", "FRITZ!Box 7590 AB"),
        ("wifi_name", "Our home"),
        ("api_token", "0123456789abcdef"),
        ("otp", "123456789"),
        ("stratumUser", "somebody.garage"),
        ("fallbackStratumUser", "bc1qfpx56gryv4kk7grhv9kxcet59ssxumeq9pvxv4.garage"),
        ("poolUser", "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"),
        ("macAddr", "24:58:7C:4B:00:DE"),
        ("mac", "24-58-7c-4b-00-de"),
        ("mac", "24587c4b00de"),
        ("DNA", "0201000011223344"),
        ("serialNumber", "SN0815471123"),
        ("hostname", "bitaxe-of-john"),
        ("text", "my address is qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a"),
    ],
)
def test_a_secret_is_replaced(key: str, secret: str) -> None:
    """Given a secret at its key or with its look, it is nowhere in the session."""
    before = session_with({key: secret, "power": 17, "note": f"hello {secret}"})
    after = mask(before)
    shown = after.dump()
    assert secret not in shown
    assert answer(after)["power"] == 17
    value = answer(after)[key]
    assert value not in ("", secret)
    # The same secret gets the same stand-in
    if key != "text":
        assert value in answer(after)["note"]


@pytest.mark.parametrize(
    ("body", "same"),
    [
        ({"ip": "192.168.1.50", "address": "192.168.1.50:80"}, True),
        ({"model": "Bitaxe Gamma", "version": "v2.15.0"}, True),
        (
            {
                "hash": "000000000000000000024fb37364cbf81fd49cc2d51c09c75c35433c3a1945d0"
            },
            True,
        ),
        ({"stratumPassword": "x"}, False),
        ({"ssid": "", "password": "*****"}, True),
        ({"user": True, "token": 5, "wallet": None}, True),
    ],
)
def test_what_is_no_secret_stays(body: dict[str, Any], same: bool) -> None:
    """Given other values, they are left alone; a short password only at its key."""
    assert (
        answer(mask(session_with({**body, "x": "x"}))) == {**body, "x": "x"}
    ) is same
    assert answer(mask(session_with({**body, "x": "x"})))["x"] == "x"


WALLETS = [
    *(("BTC", it) for it in SEGWIT if len(it) > 20),
    ("BTC", "bc1qfpx56gr90psk6urvv5sjzgfpyysjzgfpxfltym"),
    ("DGB", DEMO_WALLET),
    ("DGB", DIGIBYTE),
    ("DGB", DIGIBYTE_SCRIPT),
    *(("BCH", it) for it in (*CASH, *CASH.values(), *LONG_CASH)),
    ("XEC", ECASH),
    ("XEC", f"ecash:{ECASH}"),
]


@pytest.mark.parametrize(("coin", "wallet"), WALLETS)
def test_a_wallet_becomes_one_of_the_same_kind(coin: str, wallet: str) -> None:
    """Given a wallet, its stand-in passes the checks of drivers as it does."""
    after = answer(mask(session_with({"wallet": wallet})))["wallet"]
    assert after != wallet
    # One address in 25 or so is shorter than others of its kind
    assert abs(len(after) - len(wallet)) <= 1
    start = re.match("(?i)bc1.|dgb1.|(bitcoincash:|ecash:)?[a-z]|.", wallet)
    assert start is not None
    assert after.startswith(start[0])
    assert read_wallet(coin, after).is_certain is read_wallet(coin, wallet).is_certain


@pytest.mark.parametrize(("coin", "wallet"), WALLETS)
def test_a_mistyped_wallet_stays_mistyped(coin: str, wallet: str) -> None:
    """Given a wrong letter, the stand-in is refused as the wallet is."""
    letter = "q" if wallet[-1].lower() != "q" else "p"
    wrong = wallet[:-1] + (letter.upper() if wallet.isupper() else letter)
    with pytest.raises(WrongChecksum):
        check_wallet(coin, wrong)
    after = answer(mask(session_with({"wallet": wrong})))["wallet"]
    assert wallet[:-1] not in after
    with pytest.raises(InvalidValue):
        check_wallet(coin, after)


def test_wallets_of_one_session_stay_apart() -> None:
    """Given several, each has a stand-in; with and without prefix it is one."""
    first, second = list(CASH.values())[:2]
    after = answer(
        mask(
            session_with(
                {
                    "user": f"{first}.a",
                    "user2": f"{second}_rig1",
                    "text": f"bitcoincash:{first} {second}",
                }
            )
        )
    )
    one, other = after["text"].split()
    assert after["user"] != f"{one}.a"
    assert after["user"].startswith(one.removeprefix("bitcoincash:"))
    assert other not in one
    assert after["user2"] == f"{other}_worker"


def test_secrets_in_paths_headers_and_text_are_replaced() -> None:
    """Given an account in a path and a token in a query, both are gone."""
    wallet = "bc1qfpx56gryv4kk7grhv9kxcet59ssxumeq9pvxv4"
    session = session_with(
        {"workers": {f"{wallet}.garage": {"hr": 1}}},
        target=f"/api/miners/{wallet}?token=abc123&page=2",
        headers={"location": f"/u/{wallet}"},
        sent=b'{"password": "letmein99"}',
    )
    shown = mask(session).dump()
    for secret in (wallet, "abc123", "letmein99"):
        assert secret not in shown
    assert "page=2" in shown


def test_secrets_of_the_cgminer_api_are_replaced() -> None:
    """Given brackets and assignments, the values behind the names are gone."""
    session = Session(
        driver_type="x",
        exchanges=(
            TcpExchange(
                sent=b'{"command":"version+pools"}',
                received=b"STATUS=S|POOL=0,URL=x:1,User=john.rig,Pass=geheim99|\0",
            ),
            TcpExchange(
                sent=b"stats",
                received=b'{"STATS":[{"MM ID0":"Ver[1] DNA[02010000aa] MAC[e0:e1:a9:00:11:22]"}]}\0',
            ),
            TcpExchange(sent=b"raw", received=b"\xff User=john.rig"),
        ),
    )
    masked = mask(session)
    shown = masked.dump() + repr([item.received for item in masked.exchanges])
    for secret in ("john", "geheim99", "02010000aa", "e0:e1:a9"):
        assert secret not in shown
    assert b"URL=x:1" in masked.exchanges[0].received


def test_short_secrets_are_replaced_where_they_are_told() -> None:
    """Given a short name, it goes from its own place and from the path, only there."""
    session = Session(
        driver_type="x",
        exchanges=(
            TcpExchange(sent=b"a", received=b"POOL=0,User=bob,Pass=x1,Note=bobsled|\0"),
            TcpExchange(sent=b"b", received=b'{"MM":"SSID[home] Mode[home]"}'),
        ),
    )
    shown = repr([item.received for item in mask(session).exchanges])
    assert "User=masked-account-1,Pass=masked,Note=bobsled" in shown
    assert "SSID[masked-wifi] Mode[home]" in shown
    (item,) = mask(session_with({}, target="/users/bob?page=bobs"), ["bob"]).exchanges
    assert isinstance(item, HttpExchange)
    assert item.target == "/users/masked-account-1?page=bobs"


def test_known_secrets_are_replaced_wherever_they_are() -> None:
    """Given an account that the caller names, a firmware may call it anything."""
    shown = mask(session_with({"banana": "john-smith"}), ["john-smith", ""]).dump()
    assert "john-smith" not in shown


def test_one_mac_written_in_two_ways_stays_one() -> None:
    """Given a MAC with and without colons, both stand-ins are the same MAC."""
    after = answer(
        mask(session_with({"mac": "24587C4B00DE", "macAddr": "24:58:7c:4b:00:de"}))
    )
    assert after["macAddr"].replace(":", "").upper() == after["mac"]


def test_identities_are_no_secrets() -> None:
    """Given a MAC and a user, only the user must not be shown in a message."""
    session = session_with(
        {"mac": "24:58:7C:4B:00:DE", "user": "somebody", "hostname": "box-1"}
    )
    assert set(find_secrets(session)) == {"somebody"}
    masks = Masks()
    masks.find(session)
    assert "somebody" not in masks.hide("hello somebody")


@pytest.mark.parametrize(
    ("driver", "model"),
    [
        ("bitaxe", "bitaxe-gamma@2.15"),
        ("bitaxe", "bitaxe-ultra@2.4"),
        ("nerdqaxe", "nerdqaxe++@1.0.36"),
        ("avalon_nano", "avalon-nano3s"),
        ("avalon_nano", "avalon-q"),
        ("nmminer", "nmminer-http@v2.0.04"),
    ],
)
async def test_no_device_gives_its_secrets_away(
    driver: str, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a recording of any device, it has no secret, and the driver reads it."""
    monkeypatch.setattr(CgminerClient, "gap", 0.0)
    kind = one_miner(driver)
    async with open_target(f"simulator:{model}") as target:
        session = await record_miner(kind, target, {}, polls=1)
        assert target.simulated is not None
        mac = target.simulated.mac
    masked = mask(session)
    shown = masked.dump().lower()
    secrets = find_secrets(session)
    assert secrets
    for secret in (*secrets, mac, mac.replace(":", "")):
        assert secret.lower() not in shown

    polls = []
    for version in (session, masked):
        async with Replay(version) as device, shared_session() as http:
            context = DriverContext(session=http, options={})
            client = MinerClient(kind, context, device.host, device.port)
            polls.append(await client.poll())
            await client.close()
    before, after = polls
    assert after.hashrate == before.hashrate is not None
    assert after.power == before.power
    assert len(after.pools) == len(before.pools) > 0
    assert after.device is not None
    if before.device and before.device.mac:
        assert after.device.mac == "02:00:00:00:00:01"
