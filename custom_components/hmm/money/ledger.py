"""Keeps what mining costs: the price, a meter of each miner and of the fleet."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Any

from homeassistant.const import EVENT_CORE_CONFIG_UPDATE, EVENT_HOMEASSISTANT_STOP
from homeassistant.core import CALLBACK_TYPE, Event, HassJob, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from ..const import DOMAIN
from ..data import fleet_entry
from ..driver_api.units import TERA
from ..fleet.members import Fleet
from ..languages import home_language
from ..listeners import notify_all
from ..markdown import async_create_issue
from ..miner.energy import EnergyBook
from ..records import Records
from ..safe_store import SafeStore
from ..stored import BROKEN
from .cost import Charge, CostMeter, PriceLog
from .earned import Earned
from .efficiency import DayEfficiency
from .price import Price, PriceSource
from .rewards import Reward
from .settings import MoneySettings
from .slots import slot_at, start_of_day
from .usual import UsualPrices

CURRENCY_CHANGED = "currency_changed"

_STORE_VERSION = 1
_SAVE_SECONDS = 10.0
_AFTER_MIDNIGHT = timedelta(seconds=1)
_FLEET = "fleet"
_EPOCH = dt_util.utc_from_timestamp(0)


class Ledger:
    """The price of now, and what the energy of each miner and of all has cost.

    Each increment of the energy book is charged once: to its miner and to the fleet,
    so that the parts add up.
    """

    def __init__(self, hass: HomeAssistant, energy: EnergyBook, fleet: Fleet) -> None:
        """Begin without a price."""
        self.hass = hass
        self.currency: str = hass.config.currency
        self.settings = MoneySettings()
        self.source = PriceSource(hass)
        self.efficiency: Records[DayEfficiency] = Records(
            hass, "efficiency", DayEfficiency
        )
        self.earned: Records[Earned] = Records(hass, "revenue", Earned)
        """By the entry of a pool, and of the fleet."""
        self.rewards: dict[str, tuple[datetime | None, Reward]] = {}
        """By the entry of a pool, what a block brought when it was polled last."""
        self.not_counted: tuple[object, list[str]] | None = None
        """The miners without an account here, at one count of the fleet."""
        self.surplus: dict[str, float] = {}
        """By miner, which part of its power is surplus of the sun: 0 to 1."""
        self.on_block: Callable[[str, float], None] = lambda *_: None
        """Called with a miner's entry and its part of the money of a block."""
        self.on_currency: Callable[[], None] = lambda: None
        """Called when new sums begin."""
        self._energy = energy
        self.members = fleet
        self._log = PriceLog()
        self._meters: dict[str, CostMeter] = {}
        self._store = SafeStore(hass, _STORE_VERSION, f"{DOMAIN}.cost")
        self.usual = UsualPrices(self._save)
        self._today: tuple[tzinfo, datetime, datetime, datetime] | None = None
        """The zone, when its day and month began, and when the day ends."""
        self._listeners: list[Callable[[], None]] = []
        self._stop_listening: CALLBACK_TYPE | None = None

    async def async_load(self) -> None:
        """Continue from the file, and follow energy, options and the calendar."""
        await self.efficiency.async_load()
        await self.earned.async_load()
        stored = await self._store.async_load()
        meters = stored.get("meters")
        is_broken = bool(stored) and not isinstance(meters, Mapping)
        for key, line in (meters if isinstance(meters, Mapping) else {}).items():
            try:
                self._meters[key] = CostMeter.from_dict(line)
            except BROKEN:
                is_broken = True
        if is_broken:
            await self._store.async_set_aside("a sum is missing")
        if isinstance(currency := stored.get("currency"), str):
            self.currency = currency
        self.usual.restore(stored.get("usual"), dt_util.utcnow())
        self._check_currency()
        self._energy.on_use = self.charge
        bus = self.hass.bus
        bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, self._stop)
        bus.async_listen(EVENT_CORE_CONFIG_UPDATE, self._check_currency)
        if (fleet := fleet_entry(self.hass)) is not None:
            # Miners may be set up before the fleet
            self.apply(fleet.options)
        self._await_midnight()

    @property
    def fleet_id(self) -> str | None:
        """Return the id of the entry of the fleet, None before there is one."""
        return None if (fleet := fleet_entry(self.hass)) is None else fleet.entry_id

    @property
    def has_price(self) -> bool:
        """Return whether the user has configured a price."""
        return self.settings.has_price

    @property
    def price(self) -> Price:
        """Return the price of now."""
        return self.source.read(dt_util.utcnow())

    @property
    def fleet(self) -> CostMeter:
        """Return the meter of all miners, also of those that were removed."""
        return self.meter(_FLEET)

    def meter(self, entry_id: str) -> CostMeter:
        """Return the meter of a miner, with the periods of now."""
        meter = self._meters.setdefault(entry_id, CostMeter())
        day, month = self.periods(dt_util.utcnow())
        meter.day.roll(day)
        meter.month.roll(month)
        return meter

    def revenue(self, entry_id: str) -> Earned:
        """Return what a pool or the fleet has brought, with the periods of now."""
        earned = self.earned[entry_id]
        day, month = self.periods(dt_util.utcnow())
        earned.day.roll(day)
        earned.month.roll(month)
        return earned

    def efficiency_1d(self, entry_id: str) -> float | None:
        """Return J/TH of the last day, of a miner or of the fleet by its entry."""
        day = self.efficiency.get(entry_id)
        return None if day is None else day.value(dt_util.utcnow().timestamp())

    @callback
    def async_add_listener(self, listener: Callable[[], None]) -> CALLBACK_TYPE:
        """Call ``listener`` when price, settings, currency or the day are others."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @callback
    def apply(self, options: Mapping[str, Any]) -> None:
        """Go by the options of the fleet from now on."""
        settings = MoneySettings.from_options(options)
        if settings == self.settings:
            return
        self.settings = settings
        if not settings.has_price:
            self._log = PriceLog()
        if self._stop_listening is not None:
            self._stop_listening()
        self.source = PriceSource(
            self.hass,
            entity=settings.entity,
            fixed=settings.fixed,
            surcharge=settings.surcharge,
            vat=settings.vat,
            maximum=lambda: self.settings.maximum,
            usual=self.usual,
        )
        self._stop_listening = self.source.async_listen(self._price_changed)
        self._price_changed()

    @callback
    def charge(self, entry_id: str, kwh: float, seconds: float) -> None:
        """Charge energy that a miner used in the seconds until now."""
        now = dt_util.utcnow()
        self._count_efficiency(entry_id, kwh, seconds, now)
        if not self.has_price:
            return
        self._note(now)
        miner, fleet = self.meter(entry_id), self.fleet
        before = miner.shown, fleet.shown
        start = now - timedelta(seconds=seconds)
        surplus = self.surplus.get(entry_id, 0.0)
        for begin, end, price in self._log.spans(start, now):
            part = kwh * ((end - begin).total_seconds() / seconds)
            for charge in self._by_day(begin, end, part, price):
                for one in self._by_sun(charge, surplus):
                    miner.charge(one)
                    fleet.charge(one)
        if (miner.shown, fleet.shown) != before:
            self._save()

    async def async_forget(self, entry_id: str) -> None:
        """Drop the meter of a miner that was removed; the sum of the fleet stays."""
        self.surplus.pop(entry_id, None)
        self.rewards.pop(entry_id, None)
        await self.efficiency.async_forget(entry_id)
        await self.earned.async_forget(entry_id)
        if self._meters.pop(entry_id, None) is not None:
            await self._store.async_save(self._data())

    def _by_day(
        self, begin: datetime, end: datetime, kwh: float, price: float | None
    ) -> list[Charge]:
        """Return energy of one price by the day that it was used in."""
        charges: list[Charge] = []
        whole = end - begin
        while begin < end:
            day, month = self.periods(end - timedelta(microseconds=1))
            since = max(begin, day)
            charges.append(Charge(kwh * ((end - since) / whole), price, day, month))
            end = since
        return charges

    def _by_sun(self, charge: Charge, surplus: float) -> list[Charge]:
        """Return energy with the part that the sun gave at its own price."""
        price = self.settings.solar_price
        if price is None or not surplus:
            return [charge]
        return [
            Charge(charge.kwh * surplus, price, charge.day, charge.month),
            Charge(charge.kwh * (1 - surplus), charge.price, charge.day, charge.month),
        ]

    def periods(self, instant: datetime) -> tuple[datetime, datetime]:
        """Return when the local day and month of an instant began, in UTC."""
        zone = dt_util.get_default_time_zone()
        if self._today is not None:
            of, day, month, end = self._today
            if of is zone and day <= instant < end:
                return day, month
        day, end = (start_of_day(instant, zone, days) for days in (0, 1))
        month = start_of_day(instant, zone, 1 - instant.astimezone(zone).day)
        self._today = zone, day, month, end
        return day, month

    def _count_efficiency(
        self, entry_id: str, kwh: float, seconds: float, now: datetime
    ) -> None:
        miner = self.members.miners.get(entry_id)
        hashrate = miner.data.hashrate if miner and miner.data else None
        if not hashrate:
            return
        for key in filter(None, (entry_id, self.fleet_id)):
            self.efficiency[key].add(
                now.timestamp(), kwh, hashrate / TERA * seconds, seconds
            )
        self.efficiency.save_later()

    @callback
    def _price_changed(self) -> None:
        self._note(dt_util.utcnow())
        self._notify()

    @callback
    def _note(self, now: datetime) -> None:
        """Note the price from the beginning of its slot on."""
        if not self.has_price:
            return
        price = self.source.read(now)
        slot = slot_at(price.slots, now)
        start = (
            _EPOCH if self.settings.fixed is not None and self._log.is_empty else now
        )
        self._log.note(slot.start if slot else start, price.value, price.slots)

    @callback
    def _await_midnight(self) -> None:
        """Start a new day when it starts here: there may be no poll then."""
        now = dt_util.utcnow()
        midnight = start_of_day(now, dt_util.get_default_time_zone(), 1)
        job = HassJob(self._midnight, "HMM midnight", cancel_on_shutdown=True)
        async_call_later(self.hass, midnight - now + _AFTER_MIDNIGHT, job)

    @callback
    def _midnight(self, _: datetime) -> None:
        self._await_midnight()
        self._notify()

    @callback
    def _notify(self) -> None:
        notify_all(self._listeners)

    @callback
    def _check_currency(self, _: Event | None = None) -> None:
        """Begin new sums when the currency of Home Assistant is another one."""
        before, now = self.currency, self.hass.config.currency
        if before == now:
            return
        total = self._meters.get(_FLEET, CostMeter()).cost
        self.currency = now
        self._meters.clear()
        for entry_id in self.earned:
            self.earned[entry_id].forget_money()
        self.earned.save_soon()
        self.on_currency()
        self.usual.forget()
        self._log = PriceLog()
        self._save()
        if self.has_price or total:
            async_create_issue(
                self.hass,
                CURRENCY_CHANGED,
                is_fixable=False,
                is_persistent=True,
                severity=ir.IssueSeverity.WARNING,
                translation_key=CURRENCY_CHANGED,
                translation_placeholders={
                    "before": f"{home_language(self.hass).number(total, 2)} {before}",
                    "now": now,
                },
            )
        self._notify()

    def _data(self) -> dict[str, Any]:
        return {
            "currency": self.currency,
            "usual": self.usual.as_dict(),
            "meters": {
                key: meter.as_dict()
                for key, meter in self._meters.items()
                # A poll may end after its entry was removed
                if key == _FLEET or self.hass.config_entries.async_get_entry(key)
            },
        }

    @callback
    def _save(self) -> None:
        self._store.async_save_within(self._data, _SAVE_SECONDS)

    @callback
    def _stop(self, _: Event) -> None:
        """Have the last sums written with all that Home Assistant still writes then."""
        self._store.async_delay_save(self._data)
        self.earned.save_soon()
