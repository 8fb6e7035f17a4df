"""Whether a new version of a driver is taken for worse, and what does not count."""

from dataclasses import replace
import json
from typing import Any

import pytest

from custom_components.hmm.driver_api import (
    BadAnswer,
    CannotConnect,
    DashboardTileData,
    MinerTelemetry,
)
from custom_components.hmm.driver_engine.metrics import DriverMetrics
from custom_components.hmm.driver_engine.worse import (
    LONGEST_SECONDS,
    MIN_POLLS,
    WATCH_SECONDS,
    Version,
    Watch,
    WatchedDevice,
    fault_share,
    fields_read,
)
from custom_components.hmm.stored import BROKEN

GOOD = MinerTelemetry(hashrate=1e12, power=20.0, uptime=900, hashing=True)
ONE = Version(version="1.0", sha256="1" * 64, bundled=False)
TWO = Version(version="2.0", sha256="2" * 64, bundled=False)


def watch(*names: str, share: float = 0.0, reading: Any = GOOD) -> Watch:
    """Return a watch of devices that the old version read."""
    devices = {name: WatchedDevice.of(reading) for name in names}
    return Watch(old=ONE, new=TWO, since=1000.0, share=share, devices=devices)


def poll(device: WatchedDevice, *results: Any, times: int = MIN_POLLS) -> None:
    """Let the new version poll; a text is the reason of a failure."""
    for _ in range(times):
        for result in results:
            if isinstance(result, str):
                device.note_failure(result)
            else:
                device.note_reading(result)


def test_as_good_as_before() -> None:
    """What reads the same is no worse; a field more is no harm."""
    it = watch("a", "b")
    poll(it.devices["a"], GOOD)
    poll(it.devices["b"], replace(GOOD, temperature=60.0))
    assert it.judge({}) is None


def test_a_lost_field_is_named() -> None:
    """A field that is never read again is lost; one that is read at times is not."""
    it = watch("a", "b")
    poll(it.devices["a"], replace(GOOD, power=None))
    poll(it.devices["b"], replace(GOOD, power=None), GOOD)
    worse = it.judge({})
    assert worse is not None
    assert worse.lost == {"power": 1}
    assert (worse.unread, worse.before, worse.example) == ((), None, "")


def test_few_polls_prove_no_loss() -> None:
    """Before the least number of polls, nothing is said."""
    it = watch("a")
    poll(it.devices["a"], replace(GOOD, power=None), times=MIN_POLLS - 1)
    assert it.judge({}) is None


def test_what_comes_and_goes_is_no_loss() -> None:
    """Problems end, and a pool's health has no message while it is well."""
    before = replace(GOOD, problems=("overheat",), reject_reasons=(("stale", 1),))
    it = watch("a", reading=before)
    poll(it.devices["a"], GOOD)
    assert it.judge({}) is None
    tiles = DashboardTileData(health_message="slow", latency_ms=3.0, shares_valid=1)
    assert fields_read(tiles) == {"shares_valid"}


def test_a_paused_miner_tells_nothing_of_the_fields() -> None:
    """A miner that was paused after the change has no hashrate."""
    it = watch("a")
    poll(it.devices["a"], replace(GOOD, hashrate=None, hashing=False))
    assert it.judge({}) is None


@pytest.mark.parametrize("uptime", [5, 1000])
def test_a_miner_that_restarted_has_no_averages_yet(uptime: int) -> None:
    """The average of an hour is there after an hour."""
    it = watch("a", reading=replace(GOOD, hashrate_1h=1e12))
    poll(it.devices["a"], replace(GOOD, uptime=uptime))
    worse = it.judge({})
    assert (worse is None) is (uptime == 5)


def test_more_errors() -> None:
    """The share of failed polls counts, compared with that of the old version."""
    for share, is_worse in ((0.0, True), (0.3, False), (0.45, False)):
        it = watch("a", share=share)
        it.example = "Not JSON"
        poll(it.devices["a"], "bad_response", GOOD)
        worse = it.judge({})
        assert (worse is not None) is is_worse
        if worse is not None:
            assert (worse.before, worse.after) == (share, 0.5)
            assert worse.example == "Not JSON"


def test_a_single_slip_is_nothing() -> None:
    """Two failed polls may happen to any driver."""
    it = watch("a")
    poll(it.devices["a"], GOOD)
    poll(it.devices["a"], "bad_response", times=2)
    assert it.judge({}) is None


def test_one_of_many_that_is_read_no_more() -> None:
    """One model among fifty miners is a small share of the polls, and yet lost."""
    it = watch(*map(str, range(50)))
    for key, device in it.devices.items():
        poll(device, "unsupported_device" if key == "7" else GOOD)
    worse = it.judge({})
    assert worse is not None
    assert (worse.unread, worse.before) == (("7",), None)


@pytest.mark.parametrize(
    ("there", "blamed"), [(True, True), (False, False), (None, False)]
)
def test_a_silent_miner(there: bool | None, blamed: bool) -> None:
    """One that is off is not the driver's fault; one that is there is."""
    it = watch("a", "b")
    poll(it.devices["a"], "no_response")
    poll(it.devices["b"], GOOD)
    assert it.unreached() == ["a"]
    assert (it.judge({"a": there}) is not None) is blamed


@pytest.mark.parametrize(
    ("there", "blamed"),
    [((None, None), True), ((False, False), False), ((None, False), False)],
)
def test_all_lost_in_the_moment_of_the_change(
    there: tuple[bool | None, ...], blamed: bool
) -> None:
    """Where nobody can look, that all are lost together is no accident."""
    it = watch("a", "b")
    for device in it.devices.values():
        poll(device, "silent")
    assert (it.judge(dict(zip("ab", there, strict=True))) is not None) is blamed
    one = watch("a")
    poll(one.devices["a"], "silent")
    assert one.judge({"a": None}) is None


def test_lost_for_a_while_is_not_unreached() -> None:
    """A miner that was read after the change is not the driver's fault when it goes."""
    it = watch("a")
    poll(it.devices["a"], GOOD, "no_response")
    assert it.unreached() == []
    assert it.judge({"a": True}) is None


def test_what_a_device_says_of_itself_is_excused() -> None:
    """A miner that is busy, or a pool that is out of order, is read well."""
    it = watch("a")
    poll(it.devices["a"], "busy", "server_error")
    assert it.devices["a"].polls == 0
    assert it.judge({}) is None


def test_when_it_is_due() -> None:
    """After ten minutes and enough polls, at the latest after some hours."""
    it = watch("a")
    assert not it.is_due(1000 + WATCH_SECONDS)
    poll(it.devices["a"], GOOD)
    assert it.is_due(1000 + WATCH_SECONDS)
    assert not it.is_due(999 + WATCH_SECONDS)
    it = watch("a")
    assert it.is_due(1000 + LONGEST_SECONDS)
    # The clock was put back
    assert it.is_due(0)


def test_one_more_version_is_compared_with_the_first() -> None:
    """Who corrects a bad version is compared with what ran before it."""
    it = watch("a", share=0.2)
    poll(it.devices["a"], replace(GOOD, power=None))
    three = replace(TWO, version="3.0")
    again = it.again(three, 2000.0)
    assert (again.old, again.new, again.share) == (ONE, three, 0.2)
    assert again.devices["a"].polls == 0
    poll(again.devices["a"], replace(GOOD, power=None))
    worse = again.judge({})
    assert worse is not None
    assert worse.lost == {"power": 1}


def test_it_survives_a_restart() -> None:
    """What was counted is read from JSON as it was."""
    it = watch("a", "b", share=0.1)
    poll(it.devices["a"], replace(GOOD, power=None), "bad_response")
    poll(it.devices["b"], "no_response")
    it.example = "x"
    assert Watch.from_dict(json.loads(json.dumps(it.as_dict()))) == it


@pytest.mark.parametrize("broken", ["since", "old", "share"])
def test_what_was_not_stored_by_us(broken: str) -> None:
    """Anything else is refused, not guessed at."""
    data = watch("a").as_dict()
    del data[broken]
    with pytest.raises(BROKEN):
        Watch.from_dict(data)
    data = watch("a").as_dict() | {"since": "soon"}
    with pytest.raises(BROKEN):
        Watch.from_dict(data)


def test_the_share_of_faults() -> None:
    """Of the old version, too, a miner that is off does not count."""
    metrics = DriverMetrics()
    assert fault_share(metrics) == 0.0
    for error in (CannotConnect("Off", reason="no_response"), None, BadAnswer("No")):
        try:
            with metrics.measured():
                if error is not None:
                    raise error
        except CannotConnect, BadAnswer:
            pass
    assert fault_share(metrics) == 0.5
