"""What an Avalon answers to the commands that only read."""

from collections.abc import Mapping
import hashlib
import re
from typing import TYPE_CHECKING

from . import avalon_stats
from .avalon_models import NANO_3
from .avalon_pools import POOL_SLOTS, Pool
from .cgminer import Command, Foreign, Number, Reply, Value, decimal, percent
from .physics import HASHES_PER_DIFFICULTY, Reading

if TYPE_CHECKING:
    from .avalon import SimulatedAvalon


class ReadCommands:
    """The commands of api.c that change nothing."""

    def __init__(self, device: SimulatedAvalon) -> None:
        """Serve this device."""
        self.device = device

    def commands(self) -> Mapping[str, Command]:
        """Give the handlers by command."""
        commands: dict[str, Command] = {
            "version": self._version,
            "config": self._config,
            "devs": self._devs,
            "edevs": self._devs,
            "pools": self._pools,
            "summary": self._summary,
            "devdetails": self._devdetails,
            "stats": self._stats,
            "estats": self._estats,
            "litestats": self._litestats,
            "check": self._check,
            "coin": self._coin,
            "lcd": self._lcd,
            "lockstats": self._lockstats,
            "time": self._time,
        }
        if not self.device.model.litestats:
            del commands["litestats"]
        return commands

    def _version(self, _: str | None) -> Reply:
        row: dict[str, Value] = dict(self.device.model.version)
        if self.device.model.oui is not None:
            row["DNA"] = self.device.dna
            row["MAC"] = self.device.mac.replace(":", "").lower()
        row["UPAPI"] = "2"
        return Reply(22, "CGMiner versions", "VERSION", [row], lone=True)

    def _config(self, _: str | None) -> Reply:
        row: dict[str, Value] = {
            "ASC Count": 1,
            "PGA Count": 0,
            "Pool Count": POOL_SLOTS,
            "Strategy": "Failover",
            "Log Interval": 5,
            "Device Code": "AVALON",
            "OS": "Linux",
            "Hotplug": "None",
        }
        return Reply(33, "CGMiner config", "CONFIG", [row], lone=True)

    def _devs(self, _: str | None) -> Reply:
        reading = self.device.miner.read()
        difficulty = self.device.miner.pool_difficulty
        row: dict[str, Value] = {
            "ASC": 0,
            "Name": self.device.model.driver,
            "ID": 0,
            "Enabled": "Y",
            "Status": "Alive",
            # A dummy: no sensor is behind it.
            "Temperature": Number(
                f"{avalon_stats.NO_SENSOR if self.device.model is NANO_3 else 0:.2f}"
            ),
            **self._rates(reading),
            "Accepted": reading.accepted,
            "Rejected": reading.rejected,
            "Hardware Errors": 0,
            "Utility": decimal(reading.accepted / _minutes(reading), 2),
            "Last Share Pool": self._active_slot(),
            "Last Share Time": self._last_share(),
            "Total MH": decimal(reading.total_hashes / 1e6, 4),
            "Diff1 Work": round(reading.total_hashes / HASHES_PER_DIFFICULTY),
            "Difficulty Accepted": decimal(reading.accepted * difficulty, 8),
            "Difficulty Rejected": decimal(reading.rejected * difficulty, 8),
            "Last Share Difficulty": decimal(difficulty, 8),
            "Last Valid Work": self._last_share(),
            "Device Hardware%": decimal(0, 4),
            "Device Rejected%": percent(reading.rejected, reading.accepted),
            "Device Elapsed": int(reading.uptime),
        }
        return Reply(9, "1 ASC(s)", "DEVS", [row])

    def _summary(self, _: str | None) -> Reply:
        reading = self.device.miner.read()
        difficulty = self.device.miner.pool_difficulty
        stale = reading.accepted // 120
        row: dict[str, Value] = {
            "Elapsed": int(reading.uptime),
            **self._rates(reading),
            "Found Blocks": reading.blocks,
            "Getworks": int(reading.uptime / 15),
            "Accepted": reading.accepted,
            "Rejected": reading.rejected,
            "Hardware Errors": 0,
            "Utility": decimal(reading.accepted / _minutes(reading), 2),
            "Discarded": 0,
            "Stale": stale,
            "Get Failures": 1,
            "Local Work": int(reading.uptime * 0.74),
            "Remote Failures": 0,
            "Network Blocks": int(reading.uptime / 600),
            "Total MH": decimal(reading.total_hashes / 1e6, 4),
            "Work Utility": decimal(
                avalon_stats.average(reading) * 60 / HASHES_PER_DIFFICULTY, 2
            ),
            "Difficulty Accepted": decimal(reading.accepted * difficulty, 8),
            "Difficulty Rejected": decimal(reading.rejected * difficulty, 8),
            "Difficulty Stale": decimal(stale * difficulty, 8),
            "Best Share": int(reading.best_session),
            "Device Hardware%": decimal(0, 4),
            "Device Rejected%": percent(reading.rejected, reading.accepted),
            "Pool Rejected%": percent(reading.rejected, reading.accepted + stale),
            "Pool Stale%": percent(stale, reading.accepted + reading.rejected),
            "Last getwork": 0,
        }
        return Reply(11, "Summary", "SUMMARY", [row], lone=True)

    def _rates(self, reading: Reading) -> dict[str, Value]:
        # Counted from the shares of five seconds, so this one jumps about.
        burst = reading.hashrate * (1 + self.device.miner.random.gauss(0, 0.15))
        minute, ten = reading.averages["1m"], reading.averages["10m"]
        rates = {
            "MHS av": avalon_stats.average(reading),
            "MHS 5s": max(burst, 0.0),
            "MHS 1m": minute,
            "MHS 5m": (minute + ten) / 2,
            "MHS 15m": ten,
        }
        return {key: decimal(rate / 1e6, 2) for key, rate in rates.items()}

    def _pools(self, _: str | None) -> Reply:
        rows = [
            self._pool_row(slot, pool) for slot, pool in enumerate(self.device.pools)
        ]
        return Reply(7, f"{len(rows)} Pool(s)", "POOLS", rows)

    def _pool_row(self, slot: int, pool: Pool) -> dict[str, Value]:
        active = pool is self.device.active_pool()
        difficulty = self.device.miner.pool_difficulty
        height = self.device.miner.read().block_height
        host = re.sub(r"^\w+(\+\w+)?://|:\d+$", "", pool.setting.url)
        return {
            "POOL": slot,
            "URL": Foreign(pool.setting.url),
            "Status": pool.status,
            "Priority": pool.priority,
            "Quota": 1,
            "Long Poll": "N",
            "Getworks": 17,
            "Accepted": pool.accepted,
            "Rejected": pool.rejected,
            "Works": pool.accepted * 2,
            "Discarded": 0,
            "Stale": pool.accepted // 120,
            "Get Failures": 0,
            "Remote Failures": 0,
            "User": Foreign(pool.setting.user),
            "Last Share Time": pool.last_share,
            "Diff1 Shares": round(pool.accepted * difficulty),
            "Proxy Type": "",
            "Proxy": "",
            "Difficulty Accepted": decimal(pool.accepted * difficulty, 8),
            "Difficulty Rejected": decimal(pool.rejected * difficulty, 8),
            "Difficulty Stale": decimal(pool.accepted // 120 * difficulty, 8),
            "Last Share Difficulty": decimal(difficulty if pool.accepted else 0, 8),
            "Work Difficulty": decimal(difficulty, 8),
            "Has Stratum": True,
            "Stratum Active": active,
            "Stratum URL": Foreign(host if active else ""),
            "Stratum Difficulty": decimal(difficulty if active else 0, 8),
            "Has Vmask": True,
            "Has GBT": False,
            "Best Share": int(pool.best),
            "Pool Rejected%": percent(pool.rejected, pool.accepted),
            "Pool Stale%": percent(pool.accepted // 120, pool.accepted),
            "Bad Work": 1,
            "Current Block Height": height,
            "Current Block Version": 536870912,
        }

    def _devdetails(self, _: str | None) -> Reply:
        row: dict[str, Value] = {
            "DEVDETAILS": 0,
            "Name": self.device.model.driver,
            "ID": 0,
            "Driver": self.device.model.driver.lower(),
            "Kernel": "",
            "Model": "",
            "Device Path": "",
        }
        return Reply(69, "Device Details", "DEVDETAILS", [row])

    def _stats(self, _: str | None) -> Reply:
        rows = [self._device_stats(empty=self.device.empty_stats)]
        rows += [
            self._pool_stats(slot, pool) for slot, pool in enumerate(self.device.pools)
        ]
        return Reply(70, "CGMiner stats", "STATS", rows)

    def _estats(self, _: str | None) -> Reply:
        return Reply(70, "CGMiner stats", "STATS", [self._device_stats()])

    def _litestats(self, _: str | None) -> Reply:
        key = "MM ID0:Summary" if self.device.model.quoted else "MM ID0"
        row = {key: avalon_stats.lite(self.device.snapshot()), **self._modules()}
        return Reply(70, "CGMiner stats", "STATS", [row])

    def _device_stats(self, *, empty: bool = False) -> dict[str, Value]:
        snapshot = self.device.snapshot()
        row = self._stats_head(0, f"{self.device.model.driver}0")
        if self.device.model.quoted:
            row["MM ID0:Summary"] = "" if empty else avalon_stats.full(snapshot)
            row["HBinfo"] = "" if empty else avalon_stats.boards(snapshot)
        else:
            row["MM ID0"] = avalon_stats.full(snapshot)
        return row | self._modules()

    def _modules(self) -> dict[str, Value]:
        modules: dict[str, Value] = {"MM Count": 1}
        if not self.device.model.quoted:
            modules["Nonce Mask"] = self.device.model.nonce_mask
        return modules

    def _pool_stats(self, slot: int, pool: Pool) -> dict[str, Value]:
        difficulty = decimal(self.device.miner.pool_difficulty, 8)
        sent = pool.accepted + 25
        return self._stats_head(slot + 1, f"POOL{slot}") | {
            "Pool Calls": 0,
            "Pool Attempts": 0,
            "Pool Wait": decimal(0, 6),
            "Pool Max": decimal(0, 6),
            "Pool Min": decimal(99999999, 6),
            "Pool Av": decimal(0, 6),
            "Work Had Roll Time": False,
            "Work Can Roll": False,
            "Work Had Expire": False,
            "Work Roll Time": 0,
            "Work Diff": difficulty,
            "Min Diff": difficulty,
            "Max Diff": difficulty,
            "Min Diff Count": 3,
            "Max Diff Count": 3,
            "Times Sent": sent,
            "Bytes Sent": sent * 130,
            "Times Recv": sent * 2,
            "Bytes Recv": sent * 440,
            "Net Bytes Sent": sent * 130,
            "Net Bytes Recv": sent * 440,
        }

    def _stats_head(self, number: int, identity: str) -> dict[str, Value]:
        return {
            "STATS": number,
            "ID": identity,
            "Elapsed": int(self.device.miner.read().uptime),
            "Calls": 0,
            "Wait": decimal(0, 6),
            "Max": decimal(0, 6),
            "Min": decimal(99999999, 6),
        }

    def _check(self, parameter: str | None) -> Reply:
        if not parameter:
            return Reply(71, "Missing check cmd")
        is_command = "Y" if parameter in self.device.commands else "N"
        row: dict[str, Value] = {"Exists": is_command, "Access": is_command}
        return Reply(72, "Check command", "CHECK", [row], lone=True)

    def _coin(self, _: str | None) -> Reply:
        reading = self.device.miner.read()
        tip = hashlib.sha256(str(reading.block_height).encode()).hexdigest()
        row: dict[str, Value] = {
            "Hash Method": "sha256",
            "Current Block Time": decimal(reading.uptime % 600, 6),
            "Current Block Hash": "0" * 19 + tip[19:],
            "LP": True,
            "Network Difficulty": decimal(self.device.miner.network_difficulty, 8),
        }
        return Reply(78, "CGMiner coin", "COIN", [row], lone=True)

    def _lcd(self, _: str | None) -> Reply:
        reading = self.device.miner.read()
        active = self.device.active_pool()
        row: dict[str, Value] = {
            "Elapsed": int(reading.uptime),
            "GHS av": decimal(avalon_stats.average(reading) / 1e9, 2),
            "GHS 5m": decimal(reading.averages["10m"] / 1e9, 2),
            "GHS 5s": decimal(reading.hashrate / 1e9, 2),
            "Temperature": decimal(0, 2),
            "Last Share Difficulty": decimal(self.device.miner.pool_difficulty, 8),
            "Last Share Time": self._last_share(),
            "Best Share": int(reading.best_session),
            "Last Valid Work": self._last_share(),
            "Found Blocks": reading.blocks,
            "Current Pool": Foreign("none" if active is None else active.setting.url),
            "User": Foreign("" if active is None else active.setting.user),
        }
        return Reply(125, "LCD", "LCD", [row], lone=True)

    def _lockstats(self, _: str | None) -> Reply:
        return Reply(124, "Lock stats not enabled")

    def _time(self, parameter: str | None) -> Reply:
        if not parameter:
            return Reply(130, "Time parameter is not available")
        is_valid = parameter == "get"
        text = "time t:Europe/Berlin" if is_valid else "time unknown argument"
        return Reply(131, f"Time set info: {text}")

    def _active_slot(self) -> int:
        active = self.device.active_pool()
        return 0 if active is None else self.device.pools.index(active)

    def _last_share(self) -> int:
        return max(pool.last_share for pool in self.device.pools)


def _minutes(reading: Reading) -> float:
    return max(reading.uptime, 1.0) / 60
