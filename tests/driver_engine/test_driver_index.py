"""An index is read whole and as it is meant, or refused with the place that is wrong."""

from collections.abc import Callable
import json
import random
import time
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
import pytest
from yarl import URL

from custom_components.hmm.driver_api import INTERFACE_VERSION
from custom_components.hmm.driver_engine.declaration import DriverId
from custom_components.hmm.driver_engine.driver_index import (
    LARGEST_INDEX,
    MAX_DRIVERS,
    DriverIndex,
    IndexProblem,
    read_index,
)
from tests.driver_index import (
    KEY,
    OTHER_KEY,
    driver_of,
    index_of,
    signed,
    version_of,
    written,
)
from tests.user_drivers import acme, sum_of

ADDRESS = URL("https://drivers.example/hmm/index.json")
ACME = DriverId("miner", "acme")


def read(document: Any) -> DriverIndex:
    """Return what an index says."""
    return read_index(written(document), ADDRESS)


def refused(source: bytes) -> str:
    """Return why a file is refused."""
    with pytest.raises(IndexProblem) as raised:
        read_index(source, ADDRESS)
    return str(raised.value)


# What is right


def test_everything_is_read() -> None:
    """Given an index, all that it says is there, with whole addresses."""
    index = read(index_of())
    assert (index.name, index.serial, index.signer) == ("Drivers of Acme", 1, None)
    assert index.homepage == URL("https://acme.example")
    driver = index.drivers[ACME]
    assert (driver.name, driver.author, driver.license) == (
        *("Acme One", "Jane Doe", "MIT"),
    )
    assert driver.summary == "The miner of Acme."
    assert driver.homepage == URL("https://acme.example/driver")
    assert driver.supports == ("Acme One", "Acme Two")
    (version,) = driver.versions
    assert str(version.url) == "https://drivers.example/hmm/acme-1.0.0_driver.py"
    assert (version.version, version.sha256) == ("1.0.0", sum_of(acme()))
    assert (version.min_hmm, version.changes) == ("0.1.0", "As good as new.")
    assert [(check.name, check.result, check.against) for check in version.checks] == [
        ("validate", "passed", None),
        ("conformance", "warnings", "acme.json"),
    ]


def test_what_may_be_missing() -> None:
    """Given only what must be there, the rest is empty; what is unknown is skipped."""
    few = {"version": "1", "url": "https://a.example/x.py", "sha256": "0" * 64}
    driver = {"kind": "pool", "type": "p", "name": "P", "author": "A", "x": [1]}
    index = read(
        {
            "hmm_driver_index": 1,
            "name": "N",
            "serial": 7,
            "drivers": [driver | {"versions": [few]}],
        }
    )
    found = index.drivers[DriverId("pool", "p")]
    assert (found.summary, found.license, found.homepage) == ("", "", None)
    assert found.supports == found.versions[0].checks == ()
    assert found.newest_for("0.1.0") == found.versions[0]
    assert dict(read(index_of(drivers=[])).drivers) == {}


def test_the_newest_version_that_runs_here() -> None:
    """Given versions in any order, the newest comes first, and HMM must suffice."""
    numbers = ("1.9.0", "1.10.0", "1.10.0b1", "2.0")
    versions = [version_of("", number, min_hmm=f"0.{number[0]}") for number in numbers]
    driver = read(index_of(driver_of(*versions))).drivers[ACME]
    assert [item.version for item in driver.versions] == [
        *("2.0", "1.10.0", "1.10.0b1", "1.9.0"),
    ]
    for hmm, version in (("0.0.9", None), ("0.1.0", "1.10.0"), ("0.10", "2.0")):
        found = driver.newest_for(hmm)
        assert (found and found.version) == version


def test_the_driver_interface_must_suffice() -> None:
    """Given a version for a newer interface, an older one is taken."""
    versions = [version_of("", "1", interface=INTERFACE_VERSION)]
    versions.append(version_of("", "2", interface="99"))
    driver = read(index_of(driver_of(*versions))).drivers[ACME]
    newest = driver.newest_for("0.1.0")
    assert newest is not None
    assert newest.version == "1"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", True),
        ("acme", True),
        ("ACME two", True),
        ("jane", True),
        ("miner/ac", True),
        ("acme three", False),
        ("mit", False),
    ],
)
def test_search(query: str, found: bool) -> None:
    """Given words, a driver is found by device, type, author and what it is."""
    assert read(index_of()).drivers[ACME].matches(query) is found


def test_letters_of_all_languages() -> None:
    """Given names in Hebrew, Arabic and Chinese, they are as good as others."""
    names = ["מכרה", "منجم", "矿机", "Grünspan ⛏"]
    assert read(index_of(driver_of(supports=names))).drivers[ACME].supports == (*names,)


# Addresses


@pytest.mark.parametrize(
    ("url", "whole"),
    [
        ("a_driver.py", "https://drivers.example/hmm/a_driver.py"),
        ("/a_driver.py", "https://drivers.example/a_driver.py"),
        ("https://other.example:8443/a.py", "https://other.example:8443/a.py"),
        ("https://1.1.1.1/a.py", "https://1.1.1.1/a.py"),
        (
            "https://github.com/a/b/blob/v1/c.py",
            "https://raw.githubusercontent.com/a/b/v1/c.py",
        ),
    ],
)
def test_addresses_of_drivers(url: str, whole: str) -> None:
    """Given an address, it is that of the file, relative to the index or not."""
    driver = read(index_of(driver_of(version_of("", url=url)))).drivers[ACME]
    assert str(driver.versions[0].url) == whole


@pytest.mark.parametrize(
    "url",
    [
        *("../x", "a/../../x", "..\\x", "%2e%2e/x", "a%2Fx", "a%00", "\\\\nas\\x"),
        *("http://other.example/x", "file:///etc/passwd", "ftp://other.example/x"),
        *("//192.168.1.1/x", "https://192.168.1.1/x", "https://[fd00::1]/x"),
        *("https://127.0.0.1/x", "https://127.1/x", "https://0x7f.0.0.1/x"),
        *("https://2130706433/x", "https://localhost/x", "https://[::1]/x"),
        *("https://router/x", "https://bitaxe.local/x", "https://a.home.arpa/x"),
        *("https://169.254.169.254/x", "https://user:pass@other.example/x"),
        *("https://xn--a.example/x", "https://a.example:99999/x", "data:x", "a:b"),
        *("https://", "https://[::1", "", " a.py", "a\nb", "a\u202eb", "x" * 501),
    ],
)
def test_addresses_that_lead_astray(url: str) -> None:
    """Given an address of the network at home, of a folder above, or none: refused."""
    why = refused(written(index_of(driver_of(version_of("", url=url)))))
    assert why.startswith("drivers[0].versions[0].url")


def test_the_server_of_the_index_may_be_at_home() -> None:
    """Given an index in the network at home, its files may be there as well."""
    home = URL("https://nas.lan/index.json")
    index = read_index(written(index_of()), home)
    assert index.drivers[ACME].versions[0].url.host == "nas.lan"


# What is wrong


def changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    """Return an index in which something is different."""
    document = json.loads(written(index_of()))
    change(document)
    return written(document)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda item: item.pop("name"), "name"),
        (lambda item: item.update(name=""), "name"),
        (lambda item: item.update(name=["x"]), "name"),
        (lambda item: item.update(name="x" * 81), "name"),
        (lambda item: item.update(name="NUL\0"), "name"),
        (lambda item: item.update(name="\u202egnp.exe"), "name"),
        (lambda item: item.update(name="zero\u200bwidth"), "name"),
        (lambda item: item.update(name="half \ud800"), "name"),
        (lambda item: item.update(name="two\nlines"), "name"),
        (lambda item: item.update(name=" around "), "name"),
        (lambda item: item.update(homepage="javascript:alert(1)"), "homepage"),
        (lambda item: item.update(homepage=7), "homepage"),
        (lambda item: item.pop("serial"), "serial"),
        (lambda item: item.update(serial=0), "serial"),
        (lambda item: item.update(serial=True), "serial"),
        (lambda item: item.update(serial="7"), "serial"),
        (lambda item: item.update(serial=2**53 + 1), "serial"),
        (lambda item: item.update(drivers={}), "drivers"),
        (lambda item: item.update(drivers=[1] * (MAX_DRIVERS + 1)), "drivers"),
        (lambda item: item.update(drivers=[None]), "drivers[0]"),
        (lambda item: item["drivers"][0].update(kind="heater"), "drivers[0].kind"),
        (lambda item: item["drivers"][0].update(type="../x"), "drivers[0].type"),
        (lambda item: item["drivers"][0].update(type="a/b"), "drivers[0].type"),
        (lambda item: item["drivers"][0].update(type="a\n"), "drivers[0].type"),
        (lambda item: item["drivers"][0].pop("author"), "drivers[0].author"),
        (lambda item: item["drivers"][0].update(versions=[]), "drivers[0].versions"),
        (
            lambda item: item["drivers"][0].update(supports=["x"] * 101),
            "drivers[0].supports",
        ),
        (
            lambda item: item["drivers"][0].update(supports=["ok", {}]),
            "drivers[0].supports[1]",
        ),
        *(
            (
                lambda item, key=key, value=value: item["drivers"][0]["versions"][
                    0
                ].update({key: value}),
                f"drivers[0].versions[0].{key}",
            )
            for key, value in (
                *(("version", "banana"), ("version", "1" * 41), ("version", 1)),
                *(("sha256", "0" * 63), ("sha256", "g" * 64), ("sha256", "A" * 64)),
                *(("min_hmm", "new"), ("min_hmm", 1), ("url", 7), ("interface", "")),
                *(("changes", "x" * 2001), ("changes", "bell\a"), ("checks", "all")),
            )
        ),
        (
            lambda item: item["drivers"][0]["versions"][0]["checks"][0].update(
                result="perfect"
            ),
            "drivers[0].versions[0].checks[0].result",
        ),
    ],
)
def test_one_wrong_value_refuses_the_index(
    change: Callable[[dict[str, Any]], object], place: str
) -> None:
    """Given a value that is none, the place of it is named."""
    why = refused(changed(change))
    assert why.startswith((f"{place} ", f"{place}: ")), why


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (b"", "not valid JSON"),
        (b"\xff\xfe\x00{", "not valid JSON"),
        (b'{"a": 1,}', "not valid JSON"),
        (b'{"a":\n\n "\0"}', "not valid JSON (line 3)"),
        (b"[1]", "not a driver index"),
        (b"null", "not a driver index"),
        (b'{"name": "x"}', "not a driver index"),
        (b'{"hmm_driver_index": 2}', "format 2, but this HMM reads format 1"),
        (b'{"hmm_driver_index": "1"}', "hmm_driver_index is missing or not"),
        (b'{"hmm_driver_index": 1, "x": 1e999}', "too large or not whole"),
        (b'{"hmm_driver_index": 1, "x": NaN}', "too large or not whole"),
        (b'{"hmm_driver_index": 1, "x": -Infinity}', "too large or not whole"),
        (b'{"hmm_driver_index": 1, "x": %s}' % (b"9" * 10**6), "too large or not"),
        (b'{"hmm_driver_index": 1, "name": "a", "name": "b"}', "key name twice"),
        (b'{"\\u202e": 1, "\\u202e": 2}', r"key \\u202e twice".replace("\\\\", "\\")),
        (b"[" * 10**6 + b"]" * 10**6, "nested too deeply"),
        (b'{"a":' * 300_000 + b"1" + b"}" * 300_000, "nested too deeply"),
        (b" " * (LARGEST_INDEX + 1), "larger than 2048 KB"),
    ],
)
def test_files_that_are_no_index(source: bytes, reason: str) -> None:
    """Given anything else, or what would cost much, it is refused within a moment."""
    start = time.process_time()
    assert reason in refused(source)
    assert time.process_time() - start < 5


def test_a_file_that_was_damaged_is_read_or_refused() -> None:
    """Given thousands of damaged files, none does anything but that."""
    dice = random.Random(7)
    good = written(signed(index_of(driver_of(), driver_of(type="b"))))
    pieces = (b"null", b"[", b"{", b"1e9", b"-1", b"\\u0000", b"\\ud800", b"9" * 20)
    refusals = 0
    for _ in range(3000):
        damaged = bytearray(good)
        for _ in range(dice.randint(1, 4)):
            place = dice.randrange(len(damaged))
            match dice.randrange(4):
                case 0:
                    damaged[place] = dice.randrange(256)
                case 1:
                    del damaged[place : place + dice.randint(1, 30)]
                case 2:
                    start = dice.randrange(len(damaged))
                    damaged[place:place] = damaged[start : start + 40]
                case _:
                    damaged[place:place] = dice.choice(pieces)
        try:
            read_index(bytes(damaged), ADDRESS)
        except IndexProblem:
            refusals += 1
    # Hardly any harm is done where it does not matter: everything is signed
    assert refusals > 2950


def test_nothing_is_listed_twice() -> None:
    """Given two drivers of one type, or one version twice, nobody knows which."""
    both = index_of(driver_of(), driver_of(name="Another"))
    assert refused(written(both)) == "drivers[1]: miner/acme is there twice"
    versions = [version_of("", item) for item in ("1.0", "1.0.0")]
    why = refused(written(index_of(driver_of(*versions))))
    assert why == "drivers[0].versions[1]: miner/acme 1.0.0 is there twice"
    pool = driver_of(kind="pool")
    assert len(read(index_of(driver_of(), pool)).drivers) == 2


# Signatures


def test_a_signature_is_read() -> None:
    """Given a signed index, its key is known, however the file is written."""
    document = signed(index_of())
    signer = read(document).signer
    assert signer is not None
    assert signer.key == KEY.public_key().public_bytes_raw().hex()
    assert len(signer.fingerprint) == 39
    pretty = json.dumps(document, indent=4, sort_keys=True, ensure_ascii=False)
    assert read_index(pretty.encode(), ADDRESS).signer == signer
    other = read(signed(index_of(), OTHER_KEY)).signer
    assert other is not None
    assert other.fingerprint != signer.fingerprint


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Drivers of Mallory"},
        {"serial": 2},
        {"drivers": []},
        {"unknown": "added"},
        {"signature": signed(index_of(), OTHER_KEY)["signature"] | {"key": "0" * 64}},
        {"signature": signed(index_of(serial=2))["signature"]},
        {"signature": signed({})["signature"]},
        {
            "signature": signed(index_of())["signature"]
            | {"key": OTHER_KEY.public_key().public_bytes_raw().hex()}
        },
        # The key is no point of the curve
        {"signature": signed(index_of())["signature"] | {"key": "f" * 64}},
    ],
)
def test_a_signature_of_another_file(change: dict[str, Any]) -> None:
    """Given a file that was changed, or the signature of another one: refused."""
    assert "signature is not valid" in refused(written(signed(index_of()) | change))


@pytest.mark.parametrize(
    ("signature", "place"),
    [
        (None, "signature"),
        ("x", "signature"),
        ({}, "signature.key"),
        ({"key": "A" * 64, "value": "0" * 128}, "signature.key"),
        ({"key": "0" * 64, "value": "0" * 127}, "signature.value"),
        ({"key": "0" * 63 + "\u0664", "value": "0" * 128}, "signature.key"),
    ],
)
def test_a_signature_that_is_none(signature: object, place: str) -> None:
    """Given a signature without its form, it is not taken for an unsigned index."""
    why = refused(written(index_of() | {"signature": signature}))
    assert why.startswith(f"{place} is missing or not valid")


def test_what_is_signed_for_another_purpose() -> None:
    """Given a key that signed the same bytes without their purpose, that is nothing."""
    document = index_of()
    bare = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    key = Ed25519PrivateKey.generate()
    signature = {
        "key": key.public_key().public_bytes_raw().hex(),
        "value": key.sign(bare).hex(),
    }
    assert "not valid" in refused(written(document | {"signature": signature}))


def test_the_largest_index_is_read() -> None:
    """Given as much as an index may hold, it is read."""
    versions = [version_of("", f"1.{number}", changes="") for number in range(3)]
    drivers = [driver_of(*versions, type=f"t{number}") for number in range(MAX_DRIVERS)]
    document = signed(index_of(*drivers))
    assert len(written(document)) < LARGEST_INDEX
    assert len(read(document).drivers) == MAX_DRIVERS
