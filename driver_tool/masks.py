"""Takes the secrets out of a session, so that it can be shown to others.

Secrets are found by the names of keys (``stratumUser``, ``ssid``, ``wifiPass``,
``macAddr``) and by their look (a MAC, a wallet). The same secret gets the same
stand-in everywhere, of the same form, so that a driver reads the session as before.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
import json
import re
from typing import Any
from urllib.parse import quote, unquote

from custom_components.hmm.driver_api.wallets import like_wallet

from .session import Exchange, HttpExchange, Session, dump_json

_PASSWORD = re.compile(
    r"pass|pwd|secret|token|api_?key|otp|^auth|credential", re.IGNORECASE
)
_WIFI = re.compile(r"ssid$|wifi_?name", re.IGNORECASE)
_ACCOUNT = re.compile(
    r"user(name)?\d*$|wallet|worker\d*$|address$|account(_?(id|name))?$|^miner$",
    re.IGNORECASE,
)
_SERIAL = re.compile(r"serial|^s/?n$|dna$|^uuid$|^id_?chip$", re.IGNORECASE)
_MAC_KEY = re.compile(r"mac|bssid", re.IGNORECASE)
_HOSTNAME = re.compile(r"^host_?name$", re.IGNORECASE)

_MAC = re.compile(
    r"\b[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}\b", re.IGNORECASE
)
_BARE_MAC = re.compile(r"[0-9a-f]{12}", re.IGNORECASE)
_IP = re.compile(r"\d{1,3}(\.\d{1,3}){3}(:\d+)?|localhost(:\d+)?")
_WALLET = re.compile(
    r"\b(?:(?:bc1|tb1|dgb1|bitcoincash:|ecash:)[0-9a-z]{8,90}"
    r"|(?:BC1|TB1|DGB1|BITCOINCASH:|ECASH:)[0-9A-Z]{8,90}"
    r"|[qp][0-9a-z]{41}"
    r"|[13DSLM][1-9A-HJ-NP-Za-km-z]{25,34})\b"
)
# Avalon: one text with values in brackets. Query: ?token=...
_BRACKETS = re.compile(r"\b(DNA|MAC|SN|SSID|WORKER\d?)\[([^\]]+)\]", re.IGNORECASE)
_QUERY = re.compile(
    r"[?&](\w*(?:token|key|pass|pwd|secret)\w*)=([^&\s]+)", re.IGNORECASE
)
_STEP = re.compile(r"[^/?&=]+")
# The text form of the cgminer API
_ASSIGNED = re.compile(r"\b(User|Pass|Password|MAC|SSID)=([^,|\0]+)", re.IGNORECASE)

_LEAST = 6
"""Shorter secrets are replaced at their keys only, not wherever they occur."""


def is_secret(key: str) -> bool:
    """Return whether what stands under such a key is shown to nobody."""
    return any(pattern.search(key) for pattern in (_PASSWORD, _WIFI, _ACCOUNT))


class Masks:
    """The secrets of one session and what stands for each."""

    def __init__(self) -> None:
        """Know none yet."""
        self.stand_ins: dict[str, str] = {}
        self._told: set[str] = set()
        self._accounts: dict[str, int] = {}

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return what may nowhere be seen: users, wallets, passwords, WiFi names.

        Not the MAC and the serial number, which are the identity of a device.
        """
        return tuple(
            secret
            for secret, other in self.stand_ins.items()
            if len(secret) >= _LEAST and not other.startswith(_IDENTITY)
        )

    def look(self, session: Session) -> None:
        """Find the secrets of a session."""
        for item in session.exchanges:
            for text in _texts(item):
                self._look_at_text(text)
            for body in (item.sent, item.received):
                self._look_at_json(_load(body), "")

    def add(self, secrets: Iterable[str]) -> None:
        """Take secrets that the caller knows (an account, a password)."""
        for secret in secrets:
            if secret:
                self._note_account(secret)
                self._told.add(secret)

    def apply(self, session: Session) -> Session:
        """Return the session with stand-ins."""
        return replace(
            session, exchanges=tuple(self._masked(item) for item in session.exchanges)
        )

    def hide(self, text: str) -> str:
        """Return a text with stand-ins."""
        for pattern in (_BRACKETS, _QUERY, _ASSIGNED):
            text = pattern.sub(self._hide_found, text)
        for secret in sorted(self.stand_ins, key=len, reverse=True):
            if len(secret) >= _LEAST:
                text = text.replace(secret, self.stand_ins[secret])
                text = text.replace(quote(secret, safe=""), self.stand_ins[secret])
        return text

    # To find them

    def _look_at_text(self, text: str) -> None:
        for match in _MAC.finditer(text):
            self._note_mac(match[0])
        for match in _WALLET.finditer(text):
            self._note_account(match[0])
        for pattern in (_BRACKETS, _QUERY, _ASSIGNED):
            for name, value in pattern.findall(text):
                self._note(name, value)

    def _look_at_json(self, data: Any, key: str) -> None:
        if isinstance(data, dict):
            for name, value in data.items():
                self._look_at_json(value, name)
        elif isinstance(data, list):
            for value in data:
                self._look_at_json(value, key)
        elif isinstance(data, str) and data:
            self._note(key, data)

    def _note(self, key: str, value: str) -> None:
        """Take a value if its key says that it is secret."""
        if not value.strip("* ") or value in self.stand_ins:
            return
        if _MAC_KEY.search(key) and (_BARE_MAC.fullmatch(value) or _MAC.match(value)):
            self._note_mac(value)
        elif _PASSWORD.search(key):
            self.stand_ins[value] = "masked"
        elif _WIFI.search(key):
            self.stand_ins[value] = "masked-wifi"
        elif _SERIAL.search(key):
            self.stand_ins[value] = _same_form(value, self._count(_SERIAL_MARK))
        elif _HOSTNAME.search(key):
            # Often made of the MAC, or the name of its owner
            self.stand_ins[value] = f"{_HOST_MARK}{self._count(_HOST_MARK):04x}"
        elif _ACCOUNT.search(key) and not _IP.fullmatch(value):
            self._note_account(value)

    def _note_account(self, value: str) -> None:
        if value in self.stand_ins:
            return
        account, sign, _ = value.partition(".")
        if not sign and like_wallet(value.partition("_")[0], b"") is not None:
            account, sign, _ = value.partition("_")
        if account not in self.stand_ins:
            # With or without "bitcoincash:" it is the same wallet
            known = account.rpartition(":")[2].lower()
            number = self._accounts.setdefault(known, self._count(""))
            self.stand_ins[account] = _stand_in(account, number)
        if sign:
            self.stand_ins[value] = f"{self.stand_ins[account]}{sign}worker"

    def _note_mac(self, mac: str) -> None:
        if mac in self.stand_ins:
            return
        digits = re.sub(r"[:-]", "", mac)
        # The same device may write its MAC in several ways
        known = next(
            (
                other
                for seen, other in self.stand_ins.items()
                if re.sub(r"[:-]", "", seen).lower() == digits.lower()
            ),
            None,
        )
        number = self._count(_MAC_MARK)
        other = re.sub(r"[:-]", "", known) if known else f"020000{number:06x}"
        if digits.upper() == digits:
            other = other.upper()
        if len(mac) > len(digits):
            other = mac[2].join(other[at : at + 2] for at in range(0, 12, 2))
        self.stand_ins[mac] = other

    def _count(self, mark: str) -> int:
        return sum(other.startswith(mark) for other in self.stand_ins.values()) + 1

    # To replace them

    def _hide_found(self, found: re.Match[str]) -> str:
        """Return NAME[value] or name=value with the stand-in, however short it is."""
        begin, end = found.start(2) - found.start(), found.end(2) - found.start()
        stand_in = self.stand_ins.get(found[2], found[2])
        return found[0][:begin] + stand_in + found[0][end:]

    def _hide_step(self, found: re.Match[str]) -> str:
        """Return a step of a path, masked if it is what the caller named."""
        step = unquote(found[0])
        return self.stand_ins[step] if step in self._told else found[0]

    def _masked(self, item: Exchange) -> Exchange:
        changes: dict[str, Any] = {
            "sent": self._masked_body(item.sent),
            "received": self._masked_body(item.received),
        }
        if isinstance(item, HttpExchange):
            changes["target"] = self.hide(_STEP.sub(self._hide_step, item.target))
            changes["headers"] = {
                name: self.hide(value) for name, value in item.headers.items()
            }
        return replace(item, **changes)

    def _masked_body(self, body: bytes) -> bytes:
        if (data := _load(body)) is not None:
            masked = self._masked_json(data, "")
            if masked != data:
                end = body[len(body.rstrip(b"\0\r\n ")) :]
                body = dump_json(masked) + end
        try:
            return self.hide(body.decode()).encode()
        except UnicodeDecodeError:
            return self.hide(body.decode("latin-1")).encode("latin-1")

    def _masked_json(self, data: Any, key: str) -> Any:
        if isinstance(data, dict):
            return {
                name: self._masked_json(value, name) for name, value in data.items()
            }
        if isinstance(data, list):
            return [self._masked_json(value, key) for value in data]
        if isinstance(data, str) and is_secret(key):
            return self.stand_ins.get(data, data)
        return data


def mask(session: Session, known: Iterable[str] = ()) -> Session:
    """Return a session without secrets; ``known`` are those that the caller has."""
    masks = Masks()
    masks.add(known)
    masks.look(session)
    return masks.apply(session)


def find_secrets(session: Session, known: Iterable[str] = ()) -> Mapping[str, str]:
    """Return the secrets of a session that must not be shown, with stand-ins."""
    masks = Masks()
    masks.add(known)
    masks.look(session)
    return {secret: masks.stand_ins[secret] for secret in masks.secrets}


_MAC_MARK = "02"
_HOST_MARK = "masked-host-"
_SERIAL_MARK = "5e1a1"
_IDENTITY = ("02:00:00", "02-00-00", "020000", _HOST_MARK, _SERIAL_MARK)


def _same_form(value: str, number: int) -> str:
    """Return a stand-in for a serial number, as long as it."""
    text = f"{_SERIAL_MARK}{number:x}"
    return (text + "0" * len(value))[: max(len(value), len(text))]


def _stand_in(account: str, number: int) -> str:
    """Return a stand-in for a user; for a wallet one that drivers take for such."""
    # The same on every machine, and nobody has the key of such an address
    other = like_wallet(account, f"HMM stand-in {number}".encode())
    if other is not None:
        return other
    if _WALLET.fullmatch(account):
        return _mistyped(account, number)
    return f"masked-account-{number}"


def _mistyped(address: str, number: int) -> str:
    """Return a stand-in for what looks like a wallet but has a wrong checksum too."""
    if address.isupper():  # As QR codes have them
        return _mistyped(address.lower(), number).upper()
    digits = "123456789"[(number - 1) % 9]
    for prefix in ("bc1q", "bc1p", "bc1", "tb1", "dgb1q", "dgb1"):
        if address.startswith(prefix):
            break
    else:
        prefix = address[: address.find(":") + 2] if ":" in address else address[0]
    # Without the letters that Base58 and Bech32 leave out
    filler = "masked" if address.islower() or ":" in address else "Masked"
    rest = (filler * len(address))[: len(address) - len(prefix) - 1]
    return prefix + rest + digits


def _texts(item: Exchange) -> Iterator[str]:
    if isinstance(item, HttpExchange):
        yield item.target
    for body in (item.sent, item.received):
        yield body.decode("utf-8", "replace")


def _load(body: bytes) -> Any:
    try:
        data = json.loads(body.rstrip(b"\0\r\n "), strict=False)
    except ValueError, RecursionError:
        return None
    return data if isinstance(data, dict | list) else None
