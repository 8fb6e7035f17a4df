"""`ascset`: everything that can be set on an Avalon besides its pools."""

import asyncio
from collections.abc import Callable
import re
from typing import TYPE_CHECKING

from .cgminer import Reply, atoi, scan

if TYPE_CHECKING:
    from .avalon import SimulatedAvalon

_OK = Reply(119, "ASC 0 set OK")


class Settings:
    """The options of `ascset` (device_cmds[] of driver-avalon.c).

    Options for the factory, and passwords, are known and refused whatever they get.
    """

    def __init__(self, device: SimulatedAvalon) -> None:
        """Serve this device."""
        self.device = device

    def ascset(self, parameter: str | None) -> Reply:
        """Run `0,option[,setting]`."""
        if not parameter:
            return Reply(15, "Missing device id parameter")
        identity, _, rest = parameter.partition(",")
        if not rest:
            return Reply(116, "Missing option after ASC number")
        if atoi(identity) != 0:
            return Reply(107, f"Invalid ASC id {atoi(identity)} - range is 0 - 0")
        option, _, setting = rest.partition(",")
        option = option.lower()
        if option not in self.device.model.options:
            return _failed(f"Unknown option: {rest.partition(',')[0]}")
        if not setting and option not in ("help", "voltage", "loop"):
            return _failed(f"missing {option} setting")
        handler = self._settings().get(option)
        if handler is None:
            # Factory and password options: known, never to be used, always refused.
            return _failed(f"{option} unknown argument")
        return handler(setting)

    def _settings(self) -> dict[str, Callable[[str], Reply]]:
        return {
            "help": lambda _: _info("|".join(self.device.model.options) + "|"),
            "voltage": self._set_voltage,
            "fan-spd": self._set_fan,
            "target-temp": self._set_target,
            "led": self._set_nano_led,
            "ledmode": self._set_ledmode,
            "ledset": self._set_led,
            "lcd": self._set_lcd,
            "hash-sn-read": lambda _: _info(f"Hash-0 SN:{self.device.serial.upper()}"),
            "workmode": self._set_workmode,
            "worklevel": self._set_worklevel,
            "work_mode_lvl": self._set_mode_and_level,
            "reboot": self._set_reboot,
            "softoff": lambda setting: self._set_soft(setting, off=True),
            "softon": lambda setting: self._set_soft(setting, off=False),
            "filter-clean": self._set_filter,
            "facopts": lambda _: _failed("Please unlock before setting facopts"),
            "faclock": lambda _: _failed("Lock: True"),
            "solo-allowed": self._set_solo,
            "loop": lambda _: _info(f"LOOP[{self.device.model.silicon.chips} ]"),
            "wifi": self._set_wifi,
        }

    def _set_voltage(self, setting: str) -> Reply:
        if setting:
            return _failed("Setting invalid: voltage range 0~0")
        supply = self.device.supply(
            self.device.miner.read(), running=self.device.work_state() == 1
        )
        return _info(f"PS[{' '.join(str(part) for part in supply)}]")

    def _set_fan(self, setting: str) -> Reply:
        speed = scan(setting)
        if speed is None:
            return _failed("No value passed to avalon-fan")
        if speed == -1:
            self.device.steer_fan()
        elif 15 <= speed <= 100:
            self.device.miner.fan_manual(speed)
        else:
            return _failed(
                "invalid fan value, valid range 15-100 for stable pwm,"
                "-1 for auto adjust"
            )
        return _OK

    def _set_target(self, setting: str) -> Reply:
        target = scan(setting)
        if target is None or not 50 <= target <= 90:
            return _failed("invalid target-temp value")
        self.device.target = target
        self.device.steer_fan()
        return _OK

    def _set_workmode(self, setting: str) -> Reply:
        verb, value = _verb(setting)
        if verb == "get" and value is None:
            return _info(f"workmode {self.device.mode}")
        if verb != "set" or value is None:
            if self.device.model.quoted:
                return _failed("workmode unknown argument")
            return _failed("error:2 parameter error")
        # "%hhd" into an unsigned byte: -1 is 255 and too high.
        if value & 0xFF not in self.device.model.modes:
            return _failed(
                f"error:1 not support set workmode max_mode[{max(self.device.model.modes)}]"
            )
        if self.device.calibrating:
            return _failed(
                f"current mode {self.device.mode} is caling Don't permit switch mode"
            )
        self._change_mode(value & 0xFF)
        return _OK

    def _set_worklevel(self, setting: str) -> Reply:
        modal = self.device.model.mode_option == "worklevel"
        current = self.device.mode if modal else self.device.level
        low, high = (
            (0, max(self.device.model.modes)) if modal else self.device.model.levels
        )
        verb, value = _verb(setting)
        if verb == "get" and value is None:
            return _info(f"worklevel {current}")
        if verb != "set" or value is None or not low <= value <= high:
            return _failed("worklevel unknown argument")
        if self.device.calibrating:
            return _failed(
                f"current level {current} is caling,Don't permit switch level"
            )
        if modal:
            self._change_mode(value)
        else:
            self.device.level = value
        return _OK

    def _set_mode_and_level(self, setting: str) -> Reply:
        parts = setting.split(",")
        if parts == ["get"]:
            return _info(f"workmode {self.device.mode} worklevel {self.device.level}")
        mode, level = (
            (scan(parts[1]), scan(parts[2])) if len(parts) == 3 else (None, None)
        )
        if parts[0] != "set" or mode is None or level is None:
            return _failed("error:2 parameter error")
        if self.device.calibrating:
            return _failed(
                f"current mode {self.device.mode} is caling. Don't permit switch mode"
            )
        # The source compares with "<" here, so the highest mode is refused.
        if not 0 <= mode < max(self.device.model.modes):
            return _failed(
                f"error:1 not support set workmode max_mode[{max(self.device.model.modes)}]"
            )
        low, high = self.device.model.levels
        if not low <= level <= high:
            return _failed(f"worklevel unknown argument level range:{low} ~ {high}")
        self._change_mode(mode)
        self.device.level = level
        return _OK

    def _change_mode(self, mode: int) -> None:
        self.device.mode, self.device.target = mode, None
        self.device.steer_fan()

    def _set_reboot(self, setting: str) -> Reply:
        if self.device.model.reboot_all and setting.strip() == "all":
            self.device.schedule_reboot()
            return _OK
        seconds = scan(setting)
        if seconds is None or self.device.model.reboot_all:
            return _failed("reboot value not number")
        if not 0 <= seconds <= 300:
            return _failed("reboot value should be 0~300 seconds")
        if seconds == 0:
            self.device.schedule_reboot()
        else:
            loop = asyncio.get_running_loop()
            self.device.reboot_timer = loop.call_later(
                seconds, self.device.schedule_reboot
            )
        return _OK

    def _set_soft(self, setting: str, *, off: bool) -> Reply:
        match = re.match(r"\d+:(\d+)", setting)
        name = "softoff" if off else "softon"
        if match is None:
            return _failed(f"{name} unknown argument")
        epoch = int(match[1])
        if off:
            self.device.soft.off_time = epoch
        else:
            self.device.soft.on_time = epoch
        if epoch >= self.device.now:
            self.device.soft.pending = (epoch, off)
        return _info(f"success {name}:{epoch}")

    def _set_ledmode(self, setting: str) -> Reply:
        mode = scan(setting)
        if mode not in (0, 1):
            return _failed("Input param error.")
        self.device.panel.led_mode = mode
        return _info(f"success set:{mode}")

    def _set_led(self, setting: str) -> Reply:
        if self.device.panel.led_mode != 0:
            return _info("not in (day)mode now")
        match = re.match(r"(\d+)-(\d+)-(\d+)-(\d+)-(\d+)-(\d+)", setting)
        if match is None or int(match[1]) > 4:
            return _failed("led parameter wrong")
        effect, bright, temper, red, green, blue = (
            int(part) for part in match.groups()
        )
        self.device.panel.led = (
            effect,
            bright,
            temper,
            red & 255,
            green & 255,
            blue & 255,
        )
        return _info("led set ok")

    def _set_nano_led(self, setting: str) -> Reply:
        if setting.strip() == "get":
            return _info(
                f"LED[{'-'.join(str(part) for part in self.device.panel.led)}]"
            )
        match = re.match(r"setmode,(\d+)", setting)
        if match is not None:
            self.device.panel.led_mode = int(match[1])
            return _OK
        match = re.match(r"setrgb,(\d+)-(\d+)-(\d+)-(\d+)-(\d+)", setting)
        if match is None:
            return _failed("led unknown argument")
        bright, temper, red, green, blue = (int(part) for part in match.groups())
        self.device.panel.led = (
            self.device.panel.led[0],
            bright,
            temper,
            red,
            green,
            blue,
        )
        return _OK

    def _set_lcd(self, setting: str) -> Reply:
        match = re.match(r"(\d+):(\d+)", setting)
        if match is None:
            return _failed("No value passed to lcd")
        if match[1] == "0":
            self.device.panel.lcd = match[2] != "0"
        return _info(f"success lcd:id[{match[1]}] val[{match[2]}] len=4")

    def _set_filter(self, setting: str) -> Reply:
        if scan(setting) != 1:
            return _failed("Input param error.")
        self.device.panel.filter_since = self.device.miner.read().uptime
        return _OK

    def _set_solo(self, setting: str) -> Reply:
        verb, value = _verb(setting)
        if verb == "get":
            return _info(f"solo-allowed {int(self.device.panel.solo_allowed)}")
        if value not in (0, 1):
            return _failed("solo-allowed unknown argument")
        self.device.panel.solo_allowed = bool(value)
        return _OK

    def _set_wifi(self, setting: str) -> Reply:
        if setting.strip() != "get":
            return _failed("wifi unknown argument")
        return _info(f"SSID[{self.device.ssid}] RSSI[{self.device.rssi}]")


def _info(text: str) -> Reply:
    return Reply(118, f"ASC 0 set info: {text}")


def _failed(text: str) -> Reply:
    return Reply(120, f"ASC 0 set failed: {text}")


def _verb(setting: str) -> tuple[str, int | None]:
    """Read "get" and "set,N"; a newline stays part of the verb, as in C."""
    verb, _, value = setting.partition(",")
    return verb, scan(value)
