"""A running HMM-Local, as a program meets it that only reads.

Shapes and quirks follow its sources (``app/main.py``, ``app/api/miners.py``,
``pools.py``, ``tuning.py``, ``price_band_strategy.py``, ``solar_strategy.py``,
``automation.py``, ``notifications.py``, ``integrations.py``, ``app/core/database.py``):
FastAPI, no login, lists sorted by name, paths that end in a slash and a redirect (307)
for those without.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, override

from .device import Fault
from .httpd import (
    HTML,
    Handler,
    HttpDevice,
    Request,
    Response,
    json_response,
    text_response,
)

MINER_TYPES = ("avalon_nano", "bitaxe", "nerdqaxe", "nmminer")
PORTS: Mapping[str, int] = {
    "avalon_nano": 4028,
    "bitaxe": 80,
    "nerdqaxe": 80,
    "nmminer": 12345,
}
"""The ports that its adapters take where none was entered."""

DEMO_PROFILES: tuple[tuple[str, str, Mapping[str, Any]], ...] = (
    # As its page makes them, and as "save current settings" does: millivolts of the
    # power supply under "voltage"
    ("Quiet nights", "bitaxe", {"frequency": 490, "voltage": 1100}),
    ("Saved from Garage", "bitaxe", {"frequency": 525, "voltage": 5128.75}),
    ("Low", "avalon_nano", {"mode": "low"}),
)

DEFAULT_LIMITS: tuple[tuple[float | None, float | None], ...] = (
    *((None, 0.0), (0.0, 5.0), (5.0, 10.0)),
    *((10.0, 20.0), (20.0, 30.0), (30.0, 999.0)),
)
"""Pence per kWh; a fresh install has these, and turns everything off in each."""

_EXTERNAL = "managed_externally"

_PAGE = (
    "<!doctype html><html><head><title>Home Miner Manager</title></head>"
    '<body><div id="root"></div></body></html>'
)

type Generation = Literal["2025-12", "2026-04", "2026-10"]


class SimulatedHmmLocal(HttpDevice):
    """HMM-Local with its `miners`, `pools` and `profiles`: rows of its database.

    Attributes for tests:

      generation     "2025-12": miners without `effective_port` and
                     `manual_power_watts`, passwords of Avalons in plain text.
                     "2026-04": one miner of a type without a driver breaks the list
                     "2026-10": the same, with strategies as plug-ins: /solar-strategy
      status         answer this status to everything under /api; None: normal
      has_profiles   False: a version without /api/tuning
      failing        paths that it answers with an error
      dies_at        the path at which it falls silent until `fault` is None again
      strategy       whether the price bands are `enabled`, whether they have a
                     `champion`, and the ids of the `enrolled` miners
      solar          of 2026-10: whether it is `enabled`, the `entity` of the surplus, the
                     ids of the `enrolled` miners, and more keys as `extra`
      bands          rows of the bands; they are made by the first request on the
                     strategy, before which they are 404
      rules, alerts, ha_devices   rows of automations, kinds of messages, and switches
                     of Home Assistant with the ids of their miners
      writes         requests that would have changed something
    """

    kind: ClassVar[str] = "hmm-local"

    def __init__(
        self,
        *,
        name: str = "hmm-local",
        generation: Generation = "2026-04",
        **options: Any,
    ) -> None:
        """Make one without miners and pools, and with the demo's profiles."""
        super().__init__(name=name, **options)
        self.generation = generation
        self.status: int | None = None
        self.has_profiles = True
        self.failing: set[str] = set()
        self.dies_at: str | None = None
        self.writes = 0
        self.miners: list[dict[str, Any]] = []
        self.pools: list[dict[str, Any]] = []
        self.profiles: list[dict[str, Any]] = []
        self.strategy: dict[str, Any] = {
            "enabled": False,
            "champion": False,
            "enrolled": [],
        }
        self.solar: dict[str, Any] = {
            "enabled": False,
            "entity": None,
            "enrolled": [],
            "extra": {},
        }
        self.bands: list[dict[str, Any]] = []
        self.rules: list[dict[str, Any]] = []
        self.alerts: list[dict[str, Any]] = []
        self.ha_devices: list[dict[str, Any]] = []
        for profile, miner_type, settings in DEMO_PROFILES:
            self.add_profile(profile, miner_type, **settings)

    def add_miner(
        self, name: str, miner_type: str, ip_address: str, **columns: Any
    ) -> dict[str, Any]:
        """Add a miner; `columns` are others of the table (port, enabled, config)."""
        row = {
            "id": len(self.miners) + 1,
            "name": name,
            "miner_type": miner_type,
            "ip_address": ip_address,
            "port": None,
            "current_mode": None,
            "enabled": True,
            "manual_power_watts": None,
            "config": None,
            **columns,
        }
        self.miners.append(row)
        return row

    def add_pool(
        self, name: str, url: str, port: int, user: str, **columns: Any
    ) -> dict[str, Any]:
        """Add a pool; `columns` are others of the table (pool_config, enabled)."""
        row = {
            "id": len(self.pools) + 1,
            "name": name,
            "url": url,
            "port": port,
            "user": user,
            "password": "x",
            "enabled": True,
            "pool_config": {"driver": "unknown"},
            "show_on_dashboard": True,
            "sort_order": 0,
            **columns,
        }
        self.pools.append(row)
        return row

    def add_profile(self, name: str, miner_type: str, **settings: Any) -> None:
        """Add a tuning profile."""
        self.profiles.append(
            {
                "id": len(self.profiles) + 1,
                "name": name,
                "miner_type": miner_type,
                "description": None,
                "settings": settings,
                "is_system": False,
                # Naive UTC, as everything that it stores
                "created_at": "2026-03-01T12:00:00",
            }
        )

    def make_bands(self, *targets: tuple[int | None, Mapping[str, str]]) -> None:
        """Make the six bands, the first with the pool and the modes of ``targets``."""
        usual: tuple[int | None, Mapping[str, str]] = (
            None,
            dict.fromkeys(MINER_TYPES, _EXTERNAL),
        )
        self.bands = [
            {
                "id": place + 1,
                "sort_order": place + 1,
                "min_price": low,
                "max_price": high,
                "target_pool_id": pool,
                "mode_targets": dict(modes),
            }
            for place, (low, high) in enumerate(DEFAULT_LIMITS)
            for pool, modes in [targets[place] if place < len(targets) else usual]
        ]

    def add_rule(
        self,
        name: str,
        trigger: tuple[str, Mapping[str, Any]],
        action: tuple[str, Mapping[str, Any]],
        **columns: Any,
    ) -> None:
        """Add an automation, with the type and the settings of trigger and action."""
        self.rules.append(
            {
                "id": len(self.rules) + 1,
                "name": name,
                "enabled": True,
                "trigger_type": trigger[0],
                "trigger_config": dict(trigger[1]),
                "action_type": action[0],
                "action_config": dict(action[1]),
                "priority": 0,
                **columns,
            }
        )

    def add_alert(self, alert_type: str, **config: Any) -> None:
        """Add a kind of message that is sent."""
        self.alerts.append(
            {
                "id": len(self.alerts) + 1,
                "alert_type": alert_type,
                "enabled": True,
                "config": config,
            }
        )

    def link_plug(self, entity_id: str, *miner_ids: int) -> None:
        """Link a switch of Home Assistant to miners."""
        self.ha_devices.append(
            {
                "id": len(self.ha_devices) + 1,
                "entity_id": entity_id,
                "name": entity_id,
                "domain": entity_id.partition(".")[0],
                "linked_miner_ids": list(miner_ids),
                "enrolled": True,
                "never_auto_control": False,
                "current_state": "on",
                "capabilities": {"capabilities": []},
            }
        )

    @override
    def state(self) -> dict[str, Any]:
        """How it stands; adds how many of everything there are."""
        return super().state() | {
            "status": self.status,
            "miners": len(self.miners),
            "pools": len(self.pools),
            "profiles": len(self.profiles),
            "writes": self.writes,
        }

    @override
    def routes(self) -> dict[str, Handler]:
        return {
            "GET /": lambda _: _redirect("/app"),
            "GET /app*": lambda _: text_response(_PAGE),
            "GET /health": lambda _: json_response(
                {"status": "healthy", "version": "0.1.0"}
            ),
            "GET /api/miners": _with_slash,
            "GET /api/pools": _with_slash,
            "GET /api/miners/": self._list_miners,
            "GET /api/miners/types": lambda _: json_response(
                {"types": list(MINER_TYPES)}
            ),
            "GET /api/miners/*": lambda request: _one(
                request, [self._show(row) for row in self.miners], "Miner"
            ),
            "GET /api/pools/": lambda _: json_response(_by_name(self.pools)),
            "GET /api/pools/*": lambda request: _one(request, self.pools, "Pool"),
            "GET /api/settings/price-band-strategy": self._show_strategy,
            "GET /api/settings/price-band-strategy/bands": self._show_bands,
            "GET /api/settings/solar-strategy": self._show_solar,
            "GET /api/automation": _with_slash,
            "GET /api/automation/": lambda _: json_response(self.rules),
            "GET /api/notifications/alerts": lambda _: json_response(self.alerts),
            "GET /api/integrations/homeassistant/devices": lambda _: json_response(
                {"devices": self.ha_devices}
            ),
            "GET /api/tuning/profiles": self._list_profiles,
            "GET /api/tuning/profiles/*": lambda request: _one(
                request, self.profiles, "Profile"
            ),
        }

    @override
    def admit(self, request: Request) -> Response | None:
        if request.method not in ("GET", "HEAD"):
            self.writes += 1
        if not request.path.startswith("/api/"):
            return None
        if not self.has_profiles and request.path.startswith("/api/tuning/"):
            return self.unknown(request)
        if request.path == self.dies_at:
            self.fault = Fault.RESET
        if self.status is not None or request.path in self.failing:
            return _error(self.status or 500, "Internal server error")
        return None

    @override
    def unknown(self, request: Request) -> Response:
        if request.method != "GET":
            return _error(405, "Method Not Allowed")
        return _error(404, "Not Found")

    @override
    def finish(self, response: Response) -> Response:
        """Let uvicorn sign."""
        return Response(
            status=response.status,
            body=response.body,
            content_type="text/html; charset=utf-8"
            if response.content_type == HTML
            else response.content_type,
            headers={"server": "uvicorn", **response.headers},
        )

    def _list_miners(self, _: Request) -> Response:
        if self.generation != "2025-12" and any(
            row["miner_type"] not in PORTS for row in self.miners
        ):
            # create_adapter() gives None, whose port is then read
            return _error(500, "Internal server error")
        return json_response([self._show(row) for row in _by_name(self.miners)])

    def _show_strategy(self, _: Request) -> Response:
        """Answer the strategy; the first request creates its row and the bands."""
        if not self.bands:
            self.make_bands()

        return json_response(
            {
                "enabled": self.strategy["enabled"],
                "current_price_band": None,
                "last_action_time": None,
                "last_price_checked": None,
                "hysteresis_counter": 0,
                "champion_mode_enabled": self.strategy["champion"],
                "current_champion_miner_id": None,
                **self._enrolled(self.strategy["enrolled"]),
            }
        )

    def _show_solar(self, request: Request) -> Response:
        """Answer the strategy of the sun, which older generations do not know."""
        if self.generation != "2026-10":
            return self.unknown(request)
        return json_response(
            {
                "enabled": self.solar["enabled"],
                "solar_surplus_entity_id": self.solar["entity"],
                **self._enrolled(self.solar["enrolled"]),
                **self.solar["extra"],
            }
        )

    def _enrolled(self, ids: list[int]) -> dict[str, Any]:
        """Return which miners take part, and all by their type."""

        def shown(row: Mapping[str, Any]) -> dict[str, Any]:
            return {"id": row["id"], "name": row["name"], "type": row["miner_type"]}

        by_type: dict[str, list[dict[str, Any]]] = {}
        for row in self.miners:
            by_type.setdefault(row["miner_type"], []).append(
                shown(row) | {"enrolled": row["id"] in ids}
            )
        return {
            "enrolled_miners": [shown(row) for row in self.miners if row["id"] in ids],
            "miners_by_type": by_type,
        }

    def _show_bands(self, _: Request) -> Response:
        if not self.bands:
            return _error(404, "Strategy not initialized")
        return json_response({"bands": self.bands})

    def _list_profiles(self, request: Request) -> Response:
        wanted = request.query.get("miner_type")
        return json_response(
            [
                row
                for row in sorted(
                    self.profiles, key=lambda row: (not row["is_system"], row["name"])
                )
                if wanted in (None, row["miner_type"])
            ]
        )

    def _show(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Give a miner as this generation's MinerResponse."""
        shown = dict(row)
        if self.generation == "2025-12":
            del shown["manual_power_watts"]
            return shown
        shown["effective_port"] = row["port"] or PORTS[row["miner_type"]]
        config = row["config"]
        if isinstance(config, dict) and config.get("admin_password"):
            shown["config"] = {**config, "admin_password": "****"}
        return shown


def _by_name(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: str(row["name"]).lower())


def _one(request: Request, rows: list[dict[str, Any]], what: str) -> Response:
    """Answer the row with the id at the end of a path."""
    tail = request.path.rpartition("/")[2]
    for row in rows:
        if str(row["id"]) == tail:
            return json_response(row)
    return _error(404, f"{what} not found")


def _with_slash(request: Request) -> Response:
    return _redirect(f"http://{request.headers.get('host', '')}{request.path}/")


def _redirect(location: str) -> Response:
    return Response(status=307, headers={"location": location})


def _error(status: int, detail: str) -> Response:
    body = {"detail": detail}
    if status >= 500:
        body["request_id"] = "3f1c1f0e-7a53-4c54-9f1e-6d0c5a1b2c3d"
    return json_response(body, status=status)
