"""Rules of HMM-Local as strategies, plugs and blueprints of HMM, each said in words."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import Any, Final
from uuid import uuid4

from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.util import dt as dt_util
from homeassistant.util.ulid import ulid_now

from ..const import CONF_DRIVER, CONF_PLUG, CONF_WALLET, EntryType
from ..data import HmmConfigEntry, HmmData, entries_of_kind
from ..driver_api.wallets import strip_worker
from ..fleet.failover_runner import CONF_FAILOVER_POOLS, MAX_POOLS
from ..languages import home_language
from ..markdown import Markdown, escape
from ..miner.coordinator import MinerCoordinator
from ..pool.stratum_user import stratum_at
from ..strategy.explain import rung_text
from ..strategy.keys import (
    BY_PRICE,
    CONF_BAND,
    CONF_BAND_ID,
    CONF_BAND_NAME,
    CONF_BAND_OF,
    CONF_BANDS,
    CONF_BY,
    CONF_DAYS,
    CONF_ENTITY,
    CONF_ENTITY_IDS,
    CONF_EXPORT,
    CONF_FROM,
    CONF_KIND,
    CONF_METER,
    CONF_METER_KIND,
    CONF_MINERS,
    CONF_MODELS,
    CONF_OFF_DELAY,
    CONF_ON_DELAY,
    CONF_POOL,
    CONF_POSITIVE_IS,
    CONF_PRICE_ENTITY,
    CONF_PRICE_UNIT,
    CONF_REPLACE_AFTER,
    CONF_RESERVE,
    CONF_RUNG,
    CONF_TO,
    CONF_UPTO,
    DAYS,
    KIND_PLAN,
    METER_SURPLUS,
    MIN_BANDS,
    POSITIVE_EXPORT,
)
from ..strategy.members import first_taken
from ..strategy.planner.model import HIGHEST, LEAVE, LOWEST, NORMAL, OFF, Rung
from ..strategy.prices import PriceReading
from ..strategy.solar_inputs import read_power
from ..strategy.words import Words, spoken_price, words_of
from ..unique_ids import is_own
from .local_api import HmmLocal, LocalPool
from .local_rules import LocalBand, LocalRule

CHAMPION_BAND: Final = 5
"""The only band in which HMM-Local had a champion."""

_EXTERNAL = "managed_externally"
_ALIASES: Mapping[str, str] = {"med": "medium", "std": "standard"}
_LOW = frozenset(("eco", "low"))
_HIGH = frozenset(("turbo", "oc", "high"))
_FEWEST_MINERS = 2
_FEWEST_POOLS = 2
_BUFFER = 100.0
"""W of the surplus that its plug-in left, unless its user said otherwise."""
_SOLAR_MINUTES = 5
"""For so long it had to want the same."""

_OVERHEAT = (30, 120, 80.0)
_MINUTES = (1, 1440, 5.0)


@dataclass(slots=True, eq=False)
class Offer:
    """One thing that can be taken over: ``text`` says what it is, and what it becomes.

    It is a strategy of a ``kind``, the ``plug`` of the entries ``miners``, or the order
    of the entries ``pools``.
    """

    text: Markdown
    title: str = ""
    kind: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    is_usual: bool = True
    """Whether it is proposed to take it."""
    subentry_id: str = field(default_factory=ulid_now)
    needs: Offer | None = None
    """What it is a part of, so that it cannot be taken over alone."""
    without: Markdown = field(default_factory=Markdown)
    """What is said of it if that is not taken over."""
    plug: str = ""
    miners: tuple[str, ...] = ()
    pools: tuple[str, ...] = ()


@dataclass(slots=True)
class Takeover:
    """What is offered, which blueprints fit, and what cannot be moved and why."""

    offers: list[Offer] = field(default_factory=list)
    blueprints: list[Markdown] = field(default_factory=list)
    left: list[Markdown] = field(default_factory=list)

    def drop_parts(self, whole: Offer) -> None:
        """Offer nothing that is a part of what its owner does not want."""
        for part in [offer for offer in self.offers if offer.needs is whole]:
            self.offers.remove(part)
            self.left.append(part.without)


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceChoice:
    """The sensor that limits are taken over to."""

    entity_id: str
    reading: PriceReading

    def limit(self, pence: float) -> float:
        """Return a limit in the unit of the sensor."""
        return round(pence / 100 / self.reading.factor, 6)


class Translator:
    """Finds what rules of HMM-Local are here."""

    def __init__(
        self,
        hass: HomeAssistant,
        data: HmmData,
        local: HmmLocal,
        price: PriceChoice | None,
    ) -> None:
        """Take what was read, and the price that the user named."""
        self._hass = hass
        self._data = data
        self._local = local
        self._price = price
        self._word: Words = words_of(hass, "hmm_local_rule")
        self._result = Takeover()
        entries = entries_of_kind(hass, EntryType.MINER)
        self._entries: dict[int, HmmConfigEntry] = {
            miner.id: entry
            for miner in local.miners
            if miner.id is not None
            and (entry := _entry_at(entries, miner.host, miner.port)) is not None
        }
        self._names = {
            miner.id: miner.name for miner in local.miners if miner.id is not None
        }
        self._kinds = {
            miner.id: miner.kind for miner in local.miners if miner.id is not None
        }

    @callback
    def translate(self) -> Takeover:
        """Return everything that was found, in the order in which it is offered."""
        self._take_bands()
        self._take_solar()
        self._take_plugs()
        for rule in self._local.rules.rules:
            self._take_rule(rule)
        self._take_alerts()
        self._take_pools()
        self._leave_taken()
        if unread := [self._word(f"part_{part}") for part in self._local.unread]:
            self._leave("unread", names=", ".join(unread))
        self._leave("channels")
        return self._result

    def _leave_taken(self) -> None:
        """Leave out strategies whose miners have one of that kind, and their parts."""
        fleet = entries_of_kind(self._hass, EntryType.FLEET)[0]
        for offer in [offer for offer in self._result.offers if offer.kind]:
            miners: list[str] = offer.data[CONF_MINERS]
            taken = first_taken(self._hass, fleet, offer.kind, miners, None)
            if taken is not None and offer in self._result.offers:
                self._result.offers.remove(offer)
                self._result.drop_parts(offer)
                miner, strategy = taken
                self._leave("taken", name=offer.title, miner=miner, strategy=strategy)

    def _say(self, key: str, **values: str) -> Markdown:
        return Markdown(
            self._word(key, **{name: escape(value) for name, value in values.items()})
        )

    def _number(self, value: float) -> str:
        return home_language(self._hass).short(value)

    def _leave(self, key: str, **values: str) -> None:
        self._result.left.append(self._say(key, **values))

    # Price bands and champion

    def _take_bands(self) -> None:
        rules = self._local.rules
        bands = rules.bands
        if not bands:
            return None
        members = self._members(rules.enrolled)
        if len(bands) < MIN_BANDS:
            return self._leave("bands_few")
        if self._price is None:
            return self._leave("bands_no_price")
        if not members:
            return self._leave("bands_no_miners")
        stored, lines = [], []
        for band in bands:
            entry, line = self._band(band, members)
            stored.append(entry)
            lines.append(line)
        is_off = all(band.pool is None for band in bands)
        missing = [
            self._names.get(number, str(number))
            for number in rules.enrolled
            if number not in self._entries
        ]
        parts = [self._say("bands"), Markdown("\n".join(lines))]
        parts.append(self._say("bands_miners", miners=_names(members.values())))
        if missing:
            parts.append(self._say("bands_missing", miners=", ".join(missing)))
        if never := self._never_off(stored, members):
            parts.append(self._say("bands_never_off", miners=never))
        if is_off:
            parts.append(self._say("bands_off"))
        offer = Offer(
            text=Markdown("\n\n".join(parts)),
            title=words_of(self._hass, "strategy_kind")("price_bands"),
            kind="price_bands",
            data={
                **self._followed(),
                CONF_MINERS: self._devices(members.values()),
                CONF_BY: BY_PRICE,
                CONF_BANDS: stored,
            },
            is_usual=not is_off,
        )
        self._result.offers.append(offer)
        self._take_champion(bands, offer, members)
        return None

    def _take_champion(
        self,
        bands: Sequence[LocalBand],
        whole: Offer,
        members: Mapping[int, HmmConfigEntry],
    ) -> None:
        """Offer a champion in its band: HMM-Local had none in a dearer one."""
        if not self._local.rules.has_champion:
            return None
        place = next(
            (at for at, band in enumerate(bands) if band.number == CHAMPION_BAND), None
        )
        if place is None or bands[place].pool is None:
            return self._leave("champion_never")
        if len(members) < _FEWEST_MINERS:
            return self._leave("champion_few")
        band = whole.data[CONF_BANDS][place]
        self._result.offers.append(
            Offer(
                text=self._say(
                    "champion",
                    band=band[CONF_BAND_NAME],
                    miners=_names(members.values()),
                ),
                title=words_of(self._hass, "strategy_kind")("champion"),
                kind="champion",
                data={
                    CONF_MINERS: whole.data[CONF_MINERS],
                    CONF_BAND_OF: whole.subentry_id,
                    CONF_BAND: band[CONF_BAND_ID],
                    CONF_RUNG: LOWEST,
                    CONF_RESERVE: OFF,
                    CONF_REPLACE_AFTER: 6,
                    CONF_ENTITY_IDS: {},
                },
                needs=whole,
                without=self._say("champion_without"),
            )
        )
        return None

    def _followed(self) -> dict[str, Any]:
        """Return the price that a strategy follows, as it is stored."""
        assert self._price is not None
        entity_id = self._price.entity_id
        return {
            CONF_PRICE_ENTITY: entity_id,
            CONF_PRICE_UNIT: self._price.reading.unit,
            CONF_ENTITY_IDS: self._ids_of(CONF_PRICE_ENTITY, entity_id),
        }

    def _ids_of(self, key: str, entity_id: str) -> dict[str, str]:
        """Return the id of an entity in the registry, as a strategy stores it."""
        entity = er.async_get(self._hass).async_get(entity_id)
        return {} if entity is None else {key: entity.id}

    def _band(
        self, band: LocalBand, members: Mapping[int, HmmConfigEntry]
    ) -> tuple[dict[str, Any], str]:
        """Return a band as it is stored, and in words."""
        assert self._price is not None
        name = words_of(self._hass, "strategy_band")("numbered", number=band.number)
        stored: dict[str, Any] = {CONF_BAND_ID: uuid4().hex[:8], CONF_BAND_NAME: name}
        limit = words_of(self._hass, "strategy_limit")
        if band.upto is None:
            ends = limit("above")
        else:
            stored[CONF_UPTO] = self._price.limit(band.upto)
            unit = self._price.reading.unit
            price = spoken_price(self._hass, stored[CONF_UPTO], unit)
            ends = limit("upto", price=price)
        rungs = self._rungs(band, members)
        by_model = {key: rung for key, (_, _, rung) in rungs.items()}
        if len({*by_model.values()}) == 1:
            stored[CONF_RUNG] = next(iter(by_model.values()))
        else:
            stored |= {CONF_RUNG: LEAVE, CONF_MODELS: by_model}
        line = f"- **{escape(name)}** {escape(ends)}: {self._does(rungs)}"
        if band.pool is not None and band.pool > 0:
            pool = next(
                (pool for pool in self._local.pools if pool.id == band.pool), None
            )
            account = None if pool is None else self._account(pool)
            if account is not None:
                stored[CONF_POOL] = account.entry_id
                line += f", {self._say('band_pool', pool=account.title)}"
            else:
                called = f"#{band.pool}" if pool is None else pool.name
                line += f". {self._say('band_no_pool', pool=called)}"
        return stored, line

    def _rungs(
        self, band: LocalBand, members: Mapping[int, HmmConfigEntry]
    ) -> dict[str, tuple[str, str, Rung]]:
        """Return what each model does in a band, by the key of the model.

        That is its name, what HMM-Local called it, and what it is here.
        """
        rungs: dict[str, tuple[str, str, Rung]] = {}
        for number, entry in members.items():
            kind = self._kinds.get(number) or str(entry.data[CONF_DRIVER])
            miner = self._data.fleet.miners.get(entry.entry_id)
            key, model = str(entry.data[CONF_DRIVER]), ""
            if miner is not None:
                key, model = miner.tuning.model_key, miner.tuning.model
            mode = _EXTERNAL if band.pool is None else band.modes.get(kind, _EXTERNAL)
            rungs[key] = (model or entry.title, mode, _rung(mode, miner))
        return rungs

    def _does(self, rungs: Mapping[str, tuple[str, str, Rung]]) -> str:
        """Say what each model does; once if all do the same."""
        said = {
            model: self._say(
                "mode_missing", rung=rung_text(self._hass, rung), mode=mode
            )
            if rung == NORMAL
            else escape(rung_text(self._hass, rung))
            for model, mode, rung in rungs.values()
        }
        if len({*said.values()}) == 1:
            return next(iter(said.values()))
        return ", ".join(f"{escape(model)} {does}" for model, does in said.items())

    def _never_off(
        self, bands: Iterable[dict[str, Any]], members: Mapping[int, HmmConfigEntry]
    ) -> str:
        """Return the miners that a band switches off and that only a plug could."""
        off = {
            key
            for band in bands
            for key, rung in band.get(CONF_MODELS, {"": band[CONF_RUNG]}).items()
            if rung == OFF
        }
        plugs = {number for plug in self._local.rules.plugs for number in plug.miners}
        return ", ".join(
            entry.title
            for number, entry in members.items()
            if (miner := self._data.fleet.miners.get(entry.entry_id)) is not None
            and off & {"", miner.tuning.model_key}
            and not (miner.plug or number in plugs)
            and not (miner.profile is not None and miner.profile.pause)
        )

    # Solar surplus

    def _take_solar(self) -> None:
        """Offer the miners that follow a surplus; the meter is said in words."""
        solar = self._local.rules.solar
        if solar is None:
            return None
        members = self._members(solar.enrolled)
        meter = {"meter": solar.entity_id}
        if not members:
            return self._leave("solar_no_miners")
        if self._hass.states.get(solar.entity_id) is None:
            return self._leave("solar_gone", **meter)
        reading = read_power(self._hass, solar.entity_id)
        if is_own(self._hass, solar.entity_id) or reading.problem == "not_power":
            return self._leave("solar_no_meter", **meter)
        reserve = _BUFFER if solar.buffer is None else solar.buffer
        parts = [
            self._say(
                "solar",
                **meter,
                miners=_names(members.values()),
                reserve=self._number(reserve),
            )
        ]
        if reading.problem is None:
            watts = self._number(round(reading.value))
            parts.append(self._say("solar_now", **meter, watts=watts))
        if solar.has_pool:
            parts.append(self._say("solar_pool"))
        self._leave("solar_negative")
        self._result.offers.append(
            Offer(
                text=Markdown("\n\n".join(parts)),
                title=words_of(self._hass, "strategy_kind")("solar"),
                kind="solar",
                data={
                    CONF_MINERS: self._devices(members.values()),
                    CONF_METER_KIND: METER_SURPLUS,
                    CONF_METER: solar.entity_id,
                    CONF_POSITIVE_IS: POSITIVE_EXPORT,
                    CONF_EXPORT: None,
                    CONF_RESERVE: reserve,
                    CONF_ON_DELAY: _SOLAR_MINUTES,
                    CONF_OFF_DELAY: _SOLAR_MINUTES,
                    CONF_ENTITY_IDS: self._ids_of(CONF_METER, solar.entity_id),
                },
                is_usual=solar.is_steering,
            )
        )
        return None

    # Plugs

    def _take_plugs(self) -> None:
        for plug in self._local.rules.plugs:
            if self._hass.states.get(plug.entity_id) is None:
                self._leave("plug_gone", plug=plug.entity_id)
                continue
            members = self._members(plug.miners)
            free = {
                number: entry
                for number, entry in members.items()
                if not entry.options.get(CONF_PLUG)
            }
            # A miner whose plug is its own switch would switch without end
            if is_own(self._hass, plug.entity_id) or not plug.entity_id.startswith(
                "switch."
            ):
                self._leave("plug_no_switch", plug=plug.entity_id)
            elif free:
                names = _names(free.values())
                self._result.offers.append(
                    Offer(
                        text=self._say("plug", plug=plug.entity_id, miners=names),
                        plug=plug.entity_id,
                        miners=tuple(entry.entry_id for entry in free.values()),
                    )
                )

    # Rules

    def _take_rule(self, rule: LocalRule) -> None:
        name = {"name": rule.name}
        if not rule.enabled:
            return self._leave("rule_disabled", **name)
        match rule.trigger, rule.action:
            case "time_window", "apply_mode":
                return self._take_window(rule)
            case "price_threshold", "apply_mode":
                return self._take_price_rule(rule)
            case "miner_overheat", _:
                low, high, usual = _OVERHEAT
                limit = rule.number("threshold", low, high) or usual
                return self._blueprint("overheat", limit=self._number(limit), **name)
            case "miner_offline", _:
                low, high, usual = _MINUTES
                wait = rule.number("timeout_minutes", low, high) or usual
                return self._blueprint("offline", minutes=self._number(wait), **name)
            case "pool_failure", _:
                return self._blueprint("pool_failure", **name)
        actions = ("switch_pool", "control_ha_device", "send_alert", "log_event")
        why = rule.action if rule.action in actions else "other"
        return self._leave(f"rule_{why}", **name)

    def _blueprint(self, key: str, **values: str) -> None:
        self._result.blueprints.append(self._say(f"blueprint_{key}", **values))

    def _take_window(self, rule: LocalRule) -> None:
        """Offer a plan by the local clock: that of HMM-Local was UTC."""
        begin, end = rule.clock("start"), rule.clock("end")
        mode = str(rule.wanted.get("mode", ""))[:64]
        members = self._of(rule.miners)
        if begin is None or end is None or begin == end:
            return self._leave("rule_no_time", name=rule.name)
        if not members:
            return self._leave("rule_no_miners", name=rule.name)
        here = [_local(clock) for clock in (begin, end)]
        plugs = {number for plug in self._local.rules.plugs for number in plug.miners}
        is_plugged = mode in _LOW and bool(plugs & members.keys())
        rung = LOWEST if mode in _LOW else HIGHEST if mode in _HIGH else NORMAL
        values = {
            "name": rule.name,
            "mode": mode,
            "rung": words_of(self._hass, "strategy_rung")(rung),
            "utc": f"{begin:%H:%M}–{end:%H:%M}",
            "here": f"{here[0]:%H:%M}–{here[1]:%H:%M}",
            "miners": _names(members.values()),
        }
        text = self._say("window", **values)
        if is_plugged:
            text = Markdown(f"{text}\n\n{self._say('window_plug', **values)}")
        self._result.offers.append(
            Offer(
                text=text,
                title=rule.name,
                kind="calendar",
                data={
                    CONF_MINERS: self._devices(members.values()),
                    CONF_ENTITY: None,
                    CONF_DAYS: list(DAYS),
                    CONF_FROM: f"{here[0]:%H:%M:%S}",
                    CONF_TO: f"{here[1]:%H:%M:%S}",
                    CONF_KIND: KIND_PLAN,
                    CONF_RUNG: rung,
                    CONF_ENTITY_IDS: {},
                },
                is_usual=not is_plugged,
            )
        )
        return None

    def _take_price_rule(self, rule: LocalRule) -> None:
        limit = rule.number("threshold", -1e5, 1e5)
        mode = str(rule.wanted.get("mode", ""))[:64]
        if rule.given.get("condition") != "above" or limit is None or mode not in _LOW:
            return self._leave("rule_price", name=rule.name)
        return self._blueprint(
            "price",
            name=rule.name,
            limit=self._number(limit / 100),
            mode=mode,
            miners=_names(self._of(rule.miners).values()) or "–",
        )

    # The rest

    def _take_alerts(self) -> None:
        for alert in self._local.rules.alerts:
            key = {
                "high_temperature": "overheat",
                "miner_offline": "offline",
                "pool_failure": "pool_failure",
                "block_found": "block",
                "high_reject_rate": "alerts",
                "low_hashrate": "alerts",
            }.get(alert.kind)
            if key is None:
                self._leave("alert_other", name=alert.kind)
                continue
            degrees = alert.limits.get("threshold_celsius", 75.0)
            minutes = alert.limits.get("timeout_minutes", 5.0)
            self._blueprint(
                key,
                name=alert.kind,
                limit=self._number(degrees),
                minutes=self._number(minutes),
                hours=self._number(alert.limits.get("cooldown_minutes", 60) / 60),
            )

    def _take_pools(self) -> None:
        """Offer the order of the dashboard as that of failover, which then only reports."""
        pools = self._local.pool_order
        if len(pools) < _FEWEST_POOLS:
            return None
        accounts = {pool.name: self._account(pool) for pool in pools}
        usable = {
            entry.entry_id: entry.title
            for entry in accounts.values()
            if entry is not None
            and (pool := self._data.fleet.pools.get(entry.entry_id)) is not None
            and stratum_at(pool) is not None
        }
        names = ", ".join(accounts)
        if len(usable) < _FEWEST_POOLS:
            return self._leave("pool_order_few", pools=names)
        fleet = entries_of_kind(self._hass, EntryType.FLEET)[0]
        if fleet.options.get(CONF_FAILOVER_POOLS):
            return self._leave("pool_order_set", pools=names)
        parts = [self._say("pool_order", pools=", ".join(usable.values()))]
        missing = [
            name
            for name, account in accounts.items()
            if account is None or account.entry_id not in usable
        ]
        if missing:
            parts.append(self._say("pool_order_missing", pools=", ".join(missing)))
        self._result.offers.append(
            Offer(
                text=Markdown("\n\n".join(parts)),
                pools=tuple(usable)[:MAX_POOLS],
                # Those that no one ever moved are sorted by their names
                is_usual=len({pool.order for pool in pools}) > 1,
            )
        )
        return None

    def _members(self, numbers: Iterable[int]) -> dict[int, HmmConfigEntry]:
        return {
            number: self._entries[number]
            for number in numbers
            if number in self._entries
        }

    def _of(self, names: Iterable[int | str]) -> dict[int, HmmConfigEntry]:
        """Return the miners of a rule: by id, or all of a type."""
        entries: dict[int, HmmConfigEntry] = {}
        for name in names:
            if isinstance(name, int):
                entries |= self._members([name])
            else:
                kind = name.partition(":")[2]
                entries |= self._members(
                    number for number, type_ in self._kinds.items() if type_ == kind
                )
        return entries

    def _devices(self, entries: Iterable[HmmConfigEntry]) -> list[str]:
        registry = dr.async_get(self._hass)
        return [
            device.id
            for entry in entries
            for device in dr.async_entries_for_config_entry(registry, entry.entry_id)[
                :1
            ]
        ]

    def _account(self, pool: LocalPool) -> HmmConfigEntry | None:
        """Return the account here that a pool of HMM-Local is."""
        user = strip_worker(pool.user).casefold()
        return next(
            (
                entry
                for entry in entries_of_kind(self._hass, EntryType.POOL)
                if str(entry.data[CONF_HOST]).casefold() == pool.host.casefold()
                and entry.data[CONF_PORT] == pool.port
                and str(entry.data[CONF_WALLET]).casefold() in ("", user)
            ),
            None,
        )


def _entry_at(
    entries: Iterable[HmmConfigEntry], host: str, port: int | None
) -> HmmConfigEntry | None:
    """Return the miner at an address, None if several could be meant."""
    at_host = [entry for entry in entries if entry.data[CONF_HOST] == host]
    if len(at_host) > 1:
        at_host = [entry for entry in at_host if entry.data.get(CONF_PORT) == port]
    return at_host[0] if len(at_host) == 1 else None


def _names(entries: Iterable[HmmConfigEntry]) -> str:
    return ", ".join(entry.title for entry in entries)


def _rung(mode: str, miner: MinerCoordinator | None) -> Rung:
    """Return what a mode of HMM-Local is here; one that a miner has not is normal."""
    if mode == _EXTERNAL:
        return OFF
    mode = _ALIASES.get(mode, mode)
    if miner is not None and mode in miner.tuning.modes:
        return f"mode:{mode}"
    return NORMAL


def _local(clock: time) -> time:
    """Return a time of day in UTC as it is here today."""
    today = dt_util.utcnow().date()
    return dt_util.as_local(datetime.combine(today, clock, UTC)).time()


def listed(lines: Iterable[Markdown], empty: str) -> Markdown:
    """Return lines as a list."""
    return Markdown("\n".join(f"- {line}" for line in lines) or empty)
