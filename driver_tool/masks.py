"""Takes the secrets out of a session, so that it can be shown to others.

Secrets are found by the names of keys (``stratumUser``, ``ssid``, ``wifiPass``,
``macAddr``) and by their find (a MAC, a wallet). The same secret gets the same
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

_MIN_LENGTH = 6
"""Shorter secrets are replaced at their keys only, not wherever they occur."""


def is_secret(key: str) -> bool:
    """Return whether the value of such a key is never shown."""
    return any(pattern.search(key) for pattern in (_PASSWORD, _WIFI, _ACCOUNT))


class Masks:
    """The secrets of one session and what stands for each."""

    def __init__(self) -> None:
        """Know none yet."""
        self.replacements: dict[str, str] = {}
        self._passed: set[str] = set()
        self._accounts: dict[str, int] = {}

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return what may nowhere be seen: users, wallets, passwords, WiFi names.

        Not the MAC and the serial number, which are the identity of a device.
        """
        return tuple(
            secret
            for secret, other in self.replacements.items()
            if len(secret) >= _MIN_LENGTH and not other.startswith(_IDENTITY)
        )

    def find(self, session: Session) -> None:
        """Find the secrets of a session."""
        for item in session.exchanges:
            for text in _texts(item):
                self._find_in_text(text)
            for body in (item.sent, item.received):
                self._find_in_json(_load(body), "")

    def add(self, secrets: Iterable[str]) -> None:
        """Take secrets that the caller knows (an account, a password)."""
        for secret in secrets:
            if secret:
                self._add_account(secret)
                self._passed.add(secret)

    def apply(self, session: Session) -> Session:
        """Return the session with stand-ins."""
        return replace(
            session, exchanges=tuple(self._masked(item) for item in session.exchanges)
        )

    def hide(self, text: str) -> str:
        """Return a text with stand-ins."""
        for pattern in (_BRACKETS, _QUERY, _ASSIGNED):
            text = pattern.sub(self._hide_match, text)
        for secret in sorted(self.replacements, key=len, reverse=True):
            if len(secret) >= _MIN_LENGTH:
                text = text.replace(secret, self.replacements[secret])
                text = text.replace(quote(secret, safe=""), self.replacements[secret])
        return text

    # To find them

    def _find_in_text(self, text: str) -> None:
        for match in _MAC.finditer(text):
            self._add_mac(match[0])
        for match in _WALLET.finditer(text):
            self._add_account(match[0])
        for pattern in (_BRACKETS, _QUERY, _ASSIGNED):
            for name, value in pattern.findall(text):
                self._add(name, value)

    def _find_in_json(self, data: Any, key: str) -> None:
        if isinstance(data, dict):
            for name, value in data.items():
                self._find_in_json(value, name)
        elif isinstance(data, list):
            for value in data:
                self._find_in_json(value, key)
        elif isinstance(data, str) and data:
            self._add(key, data)

    def _add(self, key: str, value: str) -> None:
        """Take a value if its key says that it is secret."""
        if not value.strip("* ") or value in self.replacements:
            return
        if _MAC_KEY.search(key) and (_BARE_MAC.fullmatch(value) or _MAC.match(value)):
            self._add_mac(value)
        elif _PASSWORD.search(key):
            self.replacements[value] = "masked"
        elif _WIFI.search(key):
            self.replacements[value] = "masked-wifi"
        elif _SERIAL.search(key):
            self.replacements[value] = _same_form(value, self._count(_SERIAL_MARK))
        elif _HOSTNAME.search(key):
            # Often made of the MAC, or the name of its owner
            self.replacements[value] = f"{_HOST_MARK}{self._count(_HOST_MARK):04x}"
        elif _ACCOUNT.search(key) and not _IP.fullmatch(value):
            self._add_account(value)

    def _add_account(self, value: str) -> None:
        if value in self.replacements:
            return
        account, sign, _ = value.partition(".")
        if not sign and like_wallet(value.partition("_")[0], b"") is not None:
            account, sign, _ = value.partition("_")
        if account not in self.replacements:
            # With or without "bitcoincash:" it is the same wallet
            bare = account.rpartition(":")[2].lower()
            number = self._accounts.setdefault(bare, self._count(""))
            self.replacements[account] = _replacement(account, number)
        if sign:
            self.replacements[value] = f"{self.replacements[account]}{sign}worker"

    def _add_mac(self, mac: str) -> None:
        if mac in self.replacements:
            return
        digits = re.sub(r"[:-]", "", mac)
        # The same device may write its MAC in several ways
        same = next(
            (
                other
                for seen, other in self.replacements.items()
                if re.sub(r"[:-]", "", seen).lower() == digits.lower()
            ),
            None,
        )
        number = self._count(_MAC_MARK)
        other = re.sub(r"[:-]", "", same) if same else f"020000{number:06x}"
        if digits.upper() == digits:
            other = other.upper()
        if len(mac) > len(digits):
            other = mac[2].join(other[at : at + 2] for at in range(0, 12, 2))
        self.replacements[mac] = other

    def _count(self, mark: str) -> int:
        return sum(other.startswith(mark) for other in self.replacements.values()) + 1

    # To replace them

    def _hide_match(self, match: re.Match[str]) -> str:
        """Return NAME[value] or name=value with the stand-in, however short it is."""
        begin, end = match.start(2) - match.start(), match.end(2) - match.start()
        replacement = self.replacements.get(match[2], match[2])
        return match[0][:begin] + replacement + match[0][end:]

    def _hide_step(self, match: re.Match[str]) -> str:
        """Return a step of a path, masked if it is what the caller named."""
        step = unquote(match[0])
        return self.replacements[step] if step in self._passed else match[0]

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
            return self.replacements.get(data, data)
        return data


def mask(session: Session, known: Iterable[str] = ()) -> Session:
    """Return a session without secrets; ``known`` are those that the caller has."""
    masks = Masks()
    masks.add(known)
    masks.find(session)
    return masks.apply(session)


def find_secrets(session: Session, known: Iterable[str] = ()) -> Mapping[str, str]:
    """Return the secrets of a session that must not be shown, with stand-ins."""
    masks = Masks()
    masks.add(known)
    masks.find(session)
    return {secret: masks.replacements[secret] for secret in masks.secrets}


_MAC_MARK = "02"
_HOST_MARK = "masked-host-"
_SERIAL_MARK = "5e1a1"
_IDENTITY = ("02:00:00", "02-00-00", "020000", _HOST_MARK, _SERIAL_MARK)


def _same_form(value: str, number: int) -> str:
    """Return a stand-in for a serial number, as long as it."""
    text = f"{_SERIAL_MARK}{number:x}"
    return (text + "0" * len(value))[: max(len(value), len(text))]


def _replacement(account: str, number: int) -> str:
    """Return a stand-in for a user; for a wallet one that drivers take for such."""
    # The same on every machine, and such an address has no key
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
