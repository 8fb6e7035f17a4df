"""Example One: a miner with a small JSON API over HTTP.

TEMPLATE of a miner driver. Copy it to ``acme_driver.py`` (the name must end in
``_driver.py`` and may not contain "template"), rename the class and its
``driver_type``, then replace what is below with what your miner does.

It is complete and works, with an example miner that ``script/driver example`` runs on
your own machine. Keep that running while you change one thing after the other:

    script/driver example                                            in one terminal
    script/driver watch 127.0.0.1:18181 --driver acme_driver.py      in another

What the device answers to ``GET /api/status``, and which POSTs it takes, is described
at the top of driver_tool/example.py. Begin your own file with such a description, and
with where you know it from: it is what you will want to read in a year.

Changes
1.0.0  First version.
"""

# The lines above are the release notes that Home Assistant shows for an update, from a
# heading such as "Changes" or "Changelog" on.

from collections.abc import Mapping
from typing import Any, ClassVar, override

# All that a driver needs is in this package. Do not import from Home Assistant, nor
# from other parts of HMM: they may change at any time, driver_api will not.
from custom_components.hmm.driver_api import (
    AuthRequired,
    BaseMinerAdapter,
    CannotConnect,
    CommandFailed,
    DeviceFacts,
    InvalidValue,
    MinerTelemetry,
    NotThisDevice,
    PoolSlot,
    Setting,
    TuningLimits,
    TuningRange,
)
from custom_components.hmm.driver_api.transports.http import HttpClient
from custom_components.hmm.driver_api.units import (
    GIGA,
    parse_amount,
    parse_bool,
    parse_count,
    parse_number,
    parse_text,
)

# Raise it with every change that you give to others. Dotted numbers are compared as
# numbers, so that 1.10 is newer than 1.9.
__version__ = "1.0.0"


class ExampleOneDriver(BaseMinerAdapter):
    """The Example One.

    HMM makes one instance per device, without arguments. It calls ``attach`` (inherited;
    it sets ``self.context``), then ``connect``, then ``get_telemetry`` every 30 seconds,
    and ``close`` at the end, also after a ``connect`` that said no. Calls never overlap.
    A poll may take 20 seconds, a command 150.
    """

    # --- what kind of device it is for ------------------------------------------------

    # Unique, lower case, no blanks. A driver of yours with the type of a bundled one
    # takes its place. It stands in the settings of every miner: never change it later.
    driver_type = "example_one"
    driver_version = __version__
    # Only if you use something that not every HMM has: driver_api.INTERFACE_VERSION
    # interface_version = "1.1"
    display_name = "Example One"
    manufacturer = "Example"
    # For people to read. What a device can do, its answers should report.
    supported_models: ClassVar[list[str]] = ["Example One"]
    # "http", "tcp" or "udp", and the port where the device listens by default.
    # With these two, HMM finds your miner when it scans the network ("udp": a miner
    # that broadcasts is heard, not scanned for).
    connection_type = "http"
    default_port = 80
    # The unit that the hashrate sensor shows, for life: "TH/s", "GH/s", "MH/s" or
    # "kH/s". The values that you return are in H/s all the same.
    hashrate_unit = "TH/s"
    # What the user may be asked. It is in self.context.options afterwards. Any of
    # "admin_user", "admin_password", "otp_secret"; leave it out if there is no login.
    option_fields = ("admin_password",)

    def __init__(self) -> None:
        """Make a driver that is not connected. There is no context yet."""
        self._http: HttpClient | None = None
        self._status: Mapping[str, Any] = {}

    # --- who it is ---------------------------------------------------------------------

    @override
    async def connect(self, ip: str, port: int | None = None) -> bool:
        """Return whether the device at this address is an Example One.

        This is called for every address that a user adds or that a scan finds, so
        that most devices it meets are not yours: a printer, a router, another miner.
        Say False to them, and change nothing on any of them.
        """
        assert self.context is not None
        # The session is provided. It keeps the connection from poll to poll, which spares
        # small devices a lot of work. HttpClient sends one request at a time, has sane
        # time limits, follows no redirects, and raises the errors of driver_api. For
        # the API of cgminer (port 4028) there is CgminerClient in transports.cgminer,
        # for devices that broadcast BroadcastListener in transports.udp.
        self._http = HttpClient(self.context.session, ip, port or self.default_port)
        # No answer at all raises CannotConnect, an answer that is not JSON BadAnswer:
        # let them pass, they inform the user more than False does.
        status = await self._http.get_json("/api/status")
        # Look for something that no other device reports. That a key is called
        # "hashrate" is not enough: dozens of firmwares have one.
        if not _is_example_one(status):
            return False
        self._status = status
        return True

    @override
    async def get_device_facts(self) -> DeviceFacts:
        """Return who the device is. Called after ``connect``.

        The MAC (or else the serial number) is the identity of the device: with it the
        entities stay the same when the router gives out another address. It is written
        in lower case with colons. A device that reports neither is identified by its
        address.
        """
        return _facts(self._status, self._http.url if self._http else None)

    @override
    async def get_version_info(self) -> dict[str, str]:
        """Return versions by name, for the diagnostics file."""
        firmware = parse_text(self._status.get("firmware"))
        return {"firmware": firmware} if firmware else {}

    # --- one poll ----------------------------------------------------------------------

    @override
    async def get_telemetry(self) -> MinerTelemetry:
        """Return one poll. One request, if the device allows it.

        The rule that matters most: WHAT THE DEVICE DOES NOT SAY IS None. Not 0, not the
        value of the last poll, not a guess. Home Assistant shows it as "unknown", and
        the statistics stay true. That is what the ``parse_...`` functions are for: each
        returns None for a key that is missing, for text that is not a number, for NaN.

        All fields that there are, with their units: MinerTelemetry in
        driver_api/telemetry.py. Leave out what your device does not have; there will be
        no entity for it.
        """
        status = self._status = await self._read()
        temperature = _section(status, "temperature")
        fan = _section(status, "fan")
        shares = _section(status, "shares")
        hashrate = parse_number(status.get("hashrate_ghs"))
        power = parse_number(status.get("power_mw"))
        rpm = parse_count(fan.get("rpm"))
        paused = parse_bool(status.get("paused"))
        return MinerTelemetry(
            # H/s. The steadiest short average that the firmware has (a minute is fine).
            hashrate=None if hashrate is None else hashrate * GIGA,
            # °C of the hottest chip
            temperature=parse_number(temperature.get("chip")),
            temperature_board=parse_number(temperature.get("board")),
            # W, as measured. A power limit or a figure of the data sheet is no power.
            power=None if power is None else power / 1000,
            # s since the miner started
            uptime=parse_count(status.get("uptime")),
            # One of get_supported_modes(), or "custom" if it was tuned by hand
            mode=parse_text(status.get("mode")),
            # %, and one entry per fan
            fan_speed=parse_number(fan.get("percent")),
            fan_rpm=() if rpm is None else (rpm,),
            # MHz and mV
            frequency=parse_number(status.get("frequency")),
            core_voltage=parse_number(status.get("voltage")),
            # Counts since the miner started; parse_count refuses negative ones
            shares_accepted=parse_count(shares.get("accepted")),
            shares_rejected=parse_count(shares.get("rejected")),
            # A difficulty as a plain number; parse_amount understands "4.29G"
            best_share=parse_amount(status.get("best")),
            # Flags: True, False, or None where unknown
            hashing=None if hashrate is None else hashrate > 0,
            paused=paused,
            pools=_pools(status),
            # A firmware may have been updated since ``connect``
            device=_facts(status, self._http.url if self._http else None),
        )

    @override
    async def get_pool_info(self) -> dict[str, Any]:
        """Return the pool in use. No device reports a password: None."""
        pool = next(iter(_pools(await self._read())), None)
        return {
            "pool_url": pool.url if pool else None,
            "pool_user": pool.user if pool else None,
            "pool_pass": None,
        }

    # --- commands ----------------------------------------------------------------------
    #
    # Each returns whether it worked, or raises an error that says why not. Devices
    # answer "OK" to what they then ignore, so every command checks the device
    # afterwards. What you do not override, the device cannot do: it gets no entity.
    #
    # Not shown, as the Example One has no use for them: ``select_pool(index)`` makes
    # the miner use another of its own pools (more than one in the telemetry's
    # ``pools``). ``supports_restart``, ``supports_set_pool`` and
    # ``supports_select_pool`` return False where only some devices of a kind can.
    # ``supports_fan_auto`` and ``set_fan_auto`` hand the fan back to the miner, and
    # ``supports_filter_reset`` and ``reset_filter`` note that its filter was cleaned.
    # ``supports_light``, ``get_light_effects`` and ``set_light`` are for a light on its case.
    # ``check_login()`` tries a login where a request can that changes nothing: the
    # Example One checks its password in commands alone.

    @override
    def get_supported_modes(self) -> list[str]:
        """Return the names of the modes, the slowest first. Asks nothing.

        From the device's own list, not from a table by model: the next firmware may
        have one more.
        """
        modes = self._status.get("modes")
        return (
            [mode for mode in modes if parse_text(mode)]
            if isinstance(modes, list)
            else []
        )

    @override
    async def set_mode(self, mode: str) -> bool:
        """Set a mode and see that the device has it."""
        if mode not in self.get_supported_modes():
            # The user wants something that does not exist. Nothing was written.
            # The message is for the log. With a key of driver_api/reasons.py, users read
            # the sentence of HMM in their own language; without one, they read yours.
            raise InvalidValue(
                "The miner has no such mode", reason="mode_unknown", mode=mode
            )
        await self._post("/api/mode", {"mode": mode})
        reported = (await self._read()).get("mode")
        if reported != mode:
            # The device did not do it. Quote what it reports, but never a secret.
            raise CommandFailed(
                f"The miner stays in mode {reported}",
                reason="mode_not_applied",
                mode=mode,
                reported=reported,
            )
        return True

    @override
    async def restart(self) -> bool:
        """Restart the miner. It need not be back when this returns."""
        await self._post("/api/restart")
        return True

    @override
    def supports_pause(self) -> bool:
        """Return whether this device can pause, judging by its response, not its version."""
        return "paused" in self._status

    @override
    async def pause(self) -> bool:
        """Stop mining; the device stays on."""
        return await self._set_paused(True)

    @override
    async def resume(self) -> bool:
        """Mine again."""
        return await self._set_paused(False)

    async def _set_paused(self, paused: bool) -> bool:
        await self._post("/api/pause", {"paused": paused})
        return parse_bool((await self._read()).get("paused")) is paused

    @override
    def supports_identify(self) -> bool:
        """Return whether the device can show which one it is."""
        return True

    @override
    async def identify(self) -> bool:
        """Blink."""
        await self._post("/api/identify")
        return True

    @override
    async def set_pool(self, url: str, user: str, password: str) -> bool:
        """Point the miner at another pool.

        ``url`` is ``host:port`` or ``stratum+tcp://host:port``. ``user`` and
        ``password`` are secrets: they may stand in no message, no log and no repr.
        """
        reported = {"url": url, "user": user, "password": password}
        await self._post("/api/pool", reported)
        pool = next(iter(_pools(await self._read())), None)
        return pool is not None and pool.url == _bare(url)

    @override
    def supports_tuning(self) -> bool:
        """Return whether frequency or voltage can be set by hand."""
        return self.get_tuning_limits() is not None

    @override
    def get_tuning_limits(self) -> TuningLimits | None:
        """Return what may be set by hand, within the limits that the DEVICE reports.

        A wrong voltage or frequency destroys hardware. If your device reports no
        limits, and its maker publishes none, offer no tuning.
        """
        limits = _section(self._status, "limits").get("frequency")
        if not isinstance(limits, list) or len(limits) != 2:
            return None
        minimum, maximum = (parse_number(limit) for limit in limits)
        if minimum is None or maximum is None or minimum > maximum:
            return None
        return TuningLimits(
            frequency=TuningRange(minimum=minimum, maximum=maximum, step=1)
        )

    @override
    async def set_tuning(self, setting: Setting, value: float) -> bool:
        """Set one value. Check it again: automations send anything."""
        limits = self.get_tuning_limits()
        if setting != "frequency" or limits is None or limits.frequency is None:
            raise InvalidValue(
                "Only the frequency of this miner can be set", reason="not_settable"
            )
        if not limits.frequency.minimum <= value <= limits.frequency.maximum:
            raise InvalidValue(
                "The miner does not take this frequency",
                reason="out_of_range",
                minimum=limits.frequency.minimum,
                maximum=limits.frequency.maximum,
                value=value,
            )
        await self._post("/api/frequency", {"mhz": round(value)})
        return parse_number((await self._read()).get("frequency")) == round(value)

    @override
    async def close(self) -> None:
        """Give back what you hold: sockets, tasks, listeners. Not the provided session.

        There is nothing to do for HttpClient. Called more than once, perhaps.
        """
        self._http = None

    # --- requests ----------------------------------------------------------------------

    @property
    def _client(self) -> HttpClient:
        if self._http is None:
            raise CannotConnect("The miner was not found yet", reason="no_response")
        return self._http

    async def _read(self) -> Mapping[str, Any]:
        """Return a fresh status. Raises NotThisDevice: another one has its address."""
        status = await self._client.get_json("/api/status")
        if not _is_example_one(status):
            raise NotThisDevice(
                "Another kind of device answers at this address",
                reason="unsupported_device",
            )
        return status

    async def _post(self, path: str, reported: Mapping[str, Any] | None = None) -> None:
        """Give a command. Raises AuthRequired, CommandFailed, CannotConnect."""
        assert self.context is not None
        password = parse_text(self.context.options.get("admin_password"))
        reply = await self._client.request(
            "POST",
            path,
            json=reported or {},
            headers={"X-Password": password} if password else None,
        )
        if reply.status == 401:
            # Home Assistant asks the user for what option_fields names
            raise AuthRequired("The miner wants a password", reason="login_needed")
        if not reply.ok:
            raise CommandFailed(
                f"The miner answered with HTTP status {reply.status}",
                reason="command_refused",
                detail=f"HTTP {reply.status}",
            )


# What needs no driver is a function: easier to read, and to test with a dict.


def _is_example_one(status: Mapping[str, Any]) -> bool:
    return status.get("maker") == "Example" and status.get("model") == "Example One"


def _facts(status: Mapping[str, Any], url: str | None) -> DeviceFacts:
    mac = parse_text(status.get("mac"))
    return DeviceFacts(
        mac=mac.lower() if mac else None,
        manufacturer="Example",
        model=parse_text(status.get("model")),
        firmware=parse_text(status.get("firmware")),
        hostname=parse_text(status.get("hostname")),
        # The device's own page, which Home Assistant links to
        configuration_url=url,
    )


def _pools(status: Mapping[str, Any]) -> tuple[PoolSlot, ...]:
    pool = _section(status, "pool")
    if (url := parse_text(pool.get("url"))) is None:
        return ()
    # PoolSlot keeps the user out of its repr
    return (
        PoolSlot(
            index=0, url=_bare(url), user=parse_text(pool.get("user")), active=True
        ),
    )


def _bare(url: str) -> str:
    """Return ``host:port`` of an address with or without a scheme."""
    return url.rpartition("://")[2].rstrip("/")


def _section(status: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return an object inside of the answer, empty if it is none."""
    section = status.get(name)
    return section if isinstance(section, dict) else {}
