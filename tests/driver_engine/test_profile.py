"""What is known of a miner beyond one poll."""

from dataclasses import replace
import json
from typing import Any

from custom_components.hmm.driver_api import (
    BaseMinerAdapter,
    DeviceFacts,
    MinerTelemetry,
    PoolSlot,
    TuningLimits,
    TuningRange,
)
from custom_components.hmm.driver_engine.profile import (
    MinerProfile,
    merge_facts,
    read_profile,
)

FULL = MinerProfile(
    facts=DeviceFacts(
        mac="24:58:7c:00:11:22",
        serial="s1",
        manufacturer="Bitaxe",
        model="Bitaxe Gamma",
        firmware="v2.15.0",
        hardware="601",
        hostname="bitaxe",
        configuration_url="http://192.168.1.50/",
    ),
    telemetry=frozenset({"hashrate", "power", "chip_temperatures"}),
    modes=("eco", "standard"),
    pause=True,
    restart=True,
    identify=True,
    set_pool=True,
    select_pool=True,
    light=True,
    light_effects=("steady", "blink"),
    tuning=TuningLimits(
        frequency=TuningRange(
            minimum=400, maximum=625, default=525, options=(400, 525, 625)
        ),
        fan_speed=TuningRange(minimum=25, maximum=100, step=5),
    ),
)


class Plain(BaseMinerAdapter):
    """A driver with nothing but what it must have."""

    driver_type = "plain"

    async def connect(self, ip: str, port: int | None = None) -> bool:
        """Say yes."""
        return True

    async def get_telemetry(self) -> dict[str, Any]:
        """Say nothing."""
        return {}

    async def get_pool_info(self) -> dict[str, Any]:
        """Say nothing."""
        return {}

    async def set_mode(self, mode: str) -> bool:
        """Say yes."""
        return True

    async def restart(self) -> bool:
        """Say yes."""
        return True


class Able(Plain):
    """A driver with all that is optional."""

    driver_type = "able"

    async def set_pool(self, url: str, user: str, password: str) -> bool:
        """Say yes."""
        return True

    async def select_pool(self, index: int) -> bool:
        """Say yes."""
        return True

    def supports_pause(self) -> bool:
        """Say yes."""
        return True

    def supports_restart(self) -> bool:
        """Say no."""
        return False

    def get_supported_modes(self) -> list[str]:
        """Return two."""
        return ["low", "high"]


def test_a_profile_survives_being_stored() -> None:
    """Given a profile, when it goes through JSON and back, it is the same."""
    assert MinerProfile.from_dict(json.loads(json.dumps(FULL.as_dict()))) == FULL
    assert MinerProfile.from_dict(MinerProfile().as_dict()) == MinerProfile()


def test_a_profile_of_another_version_is_read() -> None:
    """Given missing keys and unknown ones, the rest is kept."""
    stored = json.loads(json.dumps(FULL.as_dict()))
    del stored["identify"], stored["facts"]["hardware"]
    stored["from_the_future"] = 1
    stored["facts"]["colour"] = "black"
    stored["tuning"]["frequency"]["colour"] = "red"
    stored["tuning"] |= {"colour": {"minimum": 1, "maximum": 2, "step": 1}, "hue": 1}

    assert MinerProfile.from_dict(stored) == replace(
        FULL, identify=False, facts=replace(FULL.facts, hardware=None)
    )
    assert MinerProfile.from_dict({}) == MinerProfile()


def test_what_a_driver_does_not_override_its_device_cannot_do() -> None:
    """Given the smallest driver, its profile promises a restart and no more."""
    profile = read_profile(Plain(), DeviceFacts(), MinerTelemetry(hashrate=0.0), None)

    assert profile == MinerProfile(telemetry=frozenset({"hashrate"}), restart=True)


def test_what_a_driver_offers_is_in_its_profile() -> None:
    """Given a driver that can do more, its profile says so."""
    profile = read_profile(Able(), DeviceFacts(), MinerTelemetry(), None)

    assert profile.modes == ("low", "high")
    assert profile.set_pool and profile.select_pool and profile.pause
    assert not profile.restart
    assert not profile.identify


def test_telemetry_only_grows() -> None:
    """Given a poll that lacks a figure, what was seen before is not forgotten."""
    first = read_profile(
        Plain(),
        DeviceFacts(),
        MinerTelemetry(
            hashrate=1e12, power=17.0, pools=(PoolSlot(index=0, url="a:1"),)
        ),
        None,
    )
    second = read_profile(
        Plain(), DeviceFacts(), MinerTelemetry(hashrate=1e12, paused=False), first
    )

    assert first.telemetry == {"hashrate", "power", "pools"}
    assert second.telemetry == {"hashrate", "power", "pools", "paused"}


def test_newer_facts_win_and_missing_ones_stay() -> None:
    """Given a firmware update, the new version is known, the rest is kept."""
    newer = DeviceFacts(firmware="v2.16.0")

    assert merge_facts(FULL.facts, None) == FULL.facts
    assert merge_facts(FULL.facts, newer) == replace(FULL.facts, firmware="v2.16.0")
    profile = read_profile(Plain(), FULL.facts, MinerTelemetry(device=newer), None)
    assert profile.facts.firmware == "v2.16.0"
    assert profile.facts.mac == FULL.facts.mac
    assert "device" not in profile.telemetry
