"""Times each parser at the worst texts that are known, of 1, 10 and 100 kB."""

from collections.abc import Callable, Mapping
from contextlib import suppress
import time
from typing import Any

from custom_components.hmm.bundled.miner_drivers import (
    avalon_nano_driver,
    bitaxe_driver,
    nmminer_driver,
)
from custom_components.hmm.bundled.shared import (
    axeos,
    ckpool_files,
    ckpool_stack,
    nested,
)
from custom_components.hmm.bundled.shared.ckpool_log import CkpoolLog
from custom_components.hmm.driver_api import DriverError, MinerTelemetry
from custom_components.hmm.driver_api.transports.cgminer import (
    CgminerAnswer,
    parse_answer,
)
from custom_components.hmm.driver_api.transports.json_text import load_json
from custom_components.hmm.driver_api.transports.stratum import parse_endpoint
from custom_components.hmm.driver_api.transports.udp import _decode
from custom_components.hmm.driver_api.transports.web import _seconds_since_1970
from custom_components.hmm.driver_api.units import (
    parse_compact,
    parse_number,
    parse_text,
    parse_timestamp,
)
from custom_components.hmm.driver_engine.answers import read_telemetry
from custom_components.hmm.driver_engine.legacy.read_figures import (
    read_duration,
    read_hashrate,
)
from custom_components.hmm.pool.workers import bare_name

SIZES = (1_000, 10_000, 100_000)
MOST_SECONDS = 0.25
"""For 100 kB, on a slow machine."""


def _fields(text: str) -> None:
    answer = CgminerAnswer(letter="S", sections={"STATS": ({"MM ID0": text},)})
    avalon_nano_driver._fields(answer)


def _log(text: str) -> None:
    CkpoolLog().add(f"[2026-08-29 23:26:16.467] {text}", None)


def _reasons(text: str) -> None:
    bitaxe_driver._reject_reasons(
        {"sharesRejectedReasons": [{"message": text, "count": 1}]}
    )


def _answer(text: str) -> None:
    parse_answer(text.encode() + b"\0")


PARSERS: Mapping[str, tuple[Callable[[str], Any], tuple[str, ...]]] = {
    "parse_number": (parse_number, ("1", " ", "1_", "9")),
    "parse_compact": (parse_compact, ("1", "1e", " ", "1.", ".")),
    "parse_timestamp": (parse_timestamp, ("1", "2026-01-01", " ")),
    "parse_text": (parse_text, ("a", "\x1b", "\u202e", " ", "é")),
    "JSON": (load_json, ("[", '{"a":', "9", ":nan,", ", ", "nan", '"')),
    "cgminer, JSON": (_answer, ("[", '{"a":', "{:nan,")),
    "cgminer, text": (
        _answer,
        (
            "STATUS=S|,",
            "STATUS=S,a=1" + "," * 50,
            "STATUS=S|[",
            "STATUS=S|\\",
            "CMD=a|",
        ),
    ),
    "Avalon fields": (_fields, ("a", "a[", "[", "a[1] ", "a[b", "]", "a_")),
    "NMMiner broadcast": (lambda text: _decode(text.encode()), ("[", "9", '{"a":')),
    "NMMiner uptime": (
        lambda text: nmminer_driver._uptime(text, 1),
        ("1", "1d", " ", "1 d 1:1:", "1d "),
    ),
    "NMMiner host name": (nested.factory_name, ("-a", "-", "a", "-1")),
    "AxeOS pool address": (
        lambda text: axeos.pool_address(text, None),
        (":", "a:", "@", "://", "/"),
    ),
    "AxeOS endpoint": (parse_endpoint, ("a", "a+", "a:1", ":", "[", "1")),
    "AxeOS reject reason": (_reasons, ("a", "a ", "a" * 19 + " ")),
    "ckpool files": (ckpool_files.read_pool_file, ("{}", "[", ":nan,", "{} ", " ")),
    "ckpool log": (
        _log,
        (
            "Pool:{",
            'Pool:{"lastupdate": ',
            "Solved and confirmed block 1 by ",
            "[",
            "\n",
        ),
    ),
    "ckpool stack event": (
        ckpool_stack._SOLVED.fullmatch,
        ("Solved and confirmed block 1 by ", "a", "."),
    ),
    "HMM-Local duration": (read_duration, ("1", "1,", "1 ", ".", "1d")),
    "HMM-Local hashrate": (lambda text: read_hashrate(text, "H/s"), ("1", "1 ", "1K")),
    "worker name": (
        lambda text: bare_name(text, "wallet"),
        ("bc1q", "1", "a:", "d1", "wallet."),
    ),
    "Date header": (_seconds_since_1970, ("1 ", "Mon, ", ":", "a", "(")),
    "report": (
        lambda text: read_telemetry(MinerTelemetry(mode=text, reset_reason=text)),
        ("a", "\u202e"),
    ),
}


def cost(parse: Callable[[str], Any], pattern: str, size: int) -> float:
    """Return the CPU seconds of one text; what it raises does not matter."""
    text = (pattern * (size // len(pattern) + 1))[:size] + "!"
    start = time.process_time()
    with suppress(DriverError, ValueError):
        parse(text)
    return time.process_time() - start


def worst(name: str, size: int) -> float:
    """Return the CPU seconds of the worst text for a parser."""
    parse, patterns = PARSERS[name]
    return max(cost(parse, pattern, size) for pattern in patterns)


def print_costs() -> None:
    """Print a table for people."""
    print(f"{'parser':22} " + " ".join(f"{size // 1000:>7} kB" for size in SIZES))
    for name in PARSERS:
        times = (1000 * worst(name, size) for size in SIZES)
        print(f"{name:22} " + " ".join(f"{value:7.2f} ms" for value in times))
