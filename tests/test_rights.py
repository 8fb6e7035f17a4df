"""Who may do what: every action, route and entity, tried by every kind of user.

The table of docs/actions.md is what this run found. ``pytest -s -k documentation``
prints it.
"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from itertools import groupby
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestClient
from homeassistant.auth.const import GROUP_ID_ADMIN, GROUP_ID_READ_ONLY, GROUP_ID_USER
from homeassistant.auth.models import TOKEN_TYPE_LONG_LIVED_ACCESS_TOKEN, Group, User
from homeassistant.auth.permissions.models import PermissionLookup
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import Unauthorized, UnknownUser
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.typing import (
    ClientSessionGenerator,
    WebSocketGenerator,
)

from custom_components.hmm.const import DOMAIN
from custom_components.hmm.data import get_data
from simulator import SimulatedAxeOS, SimulatedSolopool

from .common import devices, find_id, fleet_entry, pool_entry
from .conftest import miner_entry, set_up
from .flows import TEXTS
from .strategy.common import add, device_of
from .user_drivers import BITAXE, put, read

pytestmark = pytest.mark.usefixtures("quick", "every_entity", "no_network")

DOCUMENTATION = Path(__file__).parents[1] / "docs/actions.md"

YES = "yes"
OWN = "own"
"""Only with the devices that a user was given."""
NO = "no"

ROLES = ("owner", "administrator", "user", "read-only", "some devices", "nobody")
"""What may do most comes first; they are tried the other way round."""


@dataclass
class House:
    """Two miners and two pools; a user was given the first of each."""

    hass: HomeAssistant
    axes: list[SimulatedAxeOS]
    miners: list[ConfigEntry[Any]]
    pools: list[ConfigEntry[Any]]
    users: dict[str, User] = field(default_factory=dict)
    clients: dict[str, TestClient[Any, Any]] = field(default_factory=dict)

    def device(self, entry: ConfigEntry[Any]) -> str:
        """Return the device of a miner or pool, not of a worker."""
        identifier = (DOMAIN, entry.unique_id)
        (found,) = (
            item.id
            for item in devices(self.hass, entry)
            if identifier in item.identifiers
        )
        return found

    @property
    def strategies(self) -> list[str]:
        """Return the devices of the heatings, that of the first miner first."""
        strategies = get_data(self.hass).strategies.strategies.values()
        return [device_of(self.hass, strategy).id for strategy in strategies]

    async def token(self, role: str) -> str:
        """Return what a user sends along."""
        refresh_token = await self.hass.auth.async_create_refresh_token(
            self.users[role],
            client_name=f"{role} {len(self.users[role].refresh_tokens)}",
            token_type=TOKEN_TYPE_LONG_LIVED_ACCESS_TOKEN,
            access_token_expiration=timedelta(days=1),
        )
        return self.hass.auth.async_create_access_token(refresh_token)

    async def make_users(self) -> None:
        """Make a real user for each role."""
        auth = self.hass.auth
        given = [self.device(self.miners[0]), self.device(self.pools[0])]
        given.append(self.strategies[0])
        group = Group(
            name="Some devices",
            id="some-devices",
            policy={"entities": {"device_ids": dict.fromkeys(given, True)}},
        )
        auth._store._groups[group.id] = group
        auth._store._perm_lookup = PermissionLookup(
            er.async_get(self.hass), dr.async_get(self.hass)
        )
        for role, group_id in {
            "owner": GROUP_ID_ADMIN,
            "administrator": GROUP_ID_ADMIN,
            "user": GROUP_ID_USER,
            "read-only": GROUP_ID_READ_ONLY,
            "some devices": group.id,
        }.items():
            self.users[role] = await auth.async_create_user(role, group_ids=[group_id])
        # The user of the fixtures came first
        self.users["owner"].is_owner = True
        assert [user.is_owner for user in self.users.values()] == [True] + 4 * [False]
        assert [user.is_admin for user in self.users.values()] == [
            *(True, True),
            *(False, False, False),
        ]


@pytest.fixture
async def house(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    hass_client: ClientSessionGenerator,
    hass_client_no_auth: ClientSessionGenerator,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[House]:
    """Set everything up that has actions, routes or entities."""
    # An older copy of a bundled driver has an update entity
    text = await read(BITAXE)
    old = text.replace('driver_version = "', 'driver_version = "0.', 1)
    assert old != text
    await put(home, "miner_drivers/bitaxe_driver.py", old)
    async with (
        SimulatedAxeOS(
            generation="2.15",
            model="gamma",
            name="other",
            reboot_seconds=0.2,
            restart_delay=0.1,
        ) as other,
        SimulatedSolopool(generation=1, speed=0) as pool,
    ):
        house = House(
            home,
            [bitaxe, other],
            [
                await set_up(home, miner_entry(bitaxe, "bitaxe", title="Axe")),
                await set_up(home, miner_entry(other, "bitaxe", title="Other")),
            ],
            [
                await set_up(home, pool_entry(pool, title="Mine")),
                await set_up(home, pool_entry(pool, "dgb1qother", title="Other")),
            ],
        )
        for number, miner in enumerate(house.miners):
            data = {"miners": [house.device(miner)]}
            await add(home, "heat", data, title=f"Room {number}")
        for component in (
            *("api", "config", "diagnostics"),
            *("repairs", "websocket_api"),
        ):
            assert await async_setup_component(home, component, {})
        await house.make_users()
        house.clients = {
            role: await hass_client(await house.token(role)) for role in house.users
        }
        house.clients["nobody"] = await hass_client_no_auth()
        yield house


# The table


@dataclass(frozen=True)
class Row:
    """Something to do: requests for the first and the second device of a kind.

    One request if it has nothing to do with a device. An answer that ``shows_devices``
    leaves out those that the user may not see.
    """

    kind: str
    name: str
    requests: list[tuple[str, str, dict[str, Any] | None]]
    shows_devices: bool = False
    hides: bool = False
    """Whether what a user may not see is not there for him."""


def service(name: str, *bodies: dict[str, Any]) -> list[tuple[str, str, Any]]:
    """Return requests that run an action."""
    return [("POST", f"/api/services/{name}", body) for body in bodies]


def actions(house: House) -> Iterator[Row]:
    """Yield all actions of HMM; those of drivers name none, so that none changes."""
    targets = [{"device_id": house.device(miner)} for miner in house.miners]
    strategies = [{"device_id": strategy} for strategy in house.strategies]
    login = {"url": "192.0.2.1:3333", "username": "dgb1qelse.axe"}
    pool = {"pool": house.pools[0].entry_id}
    nothing = {"driver": "no-such-driver"}
    download = {"url": "https://127.0.0.1:9/x_driver.py", "sha256": "0" * 64}
    tiles = service("hmm.get_pool_tiles?return_response", {})
    for name, requests in {
        "set_mode": service(
            "hmm.set_mode", *({"mode": "eco"} | target for target in targets)
        ),
        "set_pool with `pool`": service(
            "hmm.set_pool", *(pool | target for target in targets)
        ),
        "set_pool with `url`": service(
            "hmm.set_pool", *(login | target for target in targets)
        ),
        "save_profile": service(
            "hmm.save_profile",
            *({"name": f"Night {n}"} | it for n, it in enumerate(targets)),
        ),
        "apply_profile": service(
            "hmm.apply_profile", *({"profile": "Night"} | target for target in targets)
        ),
        "start_autotune": service("hmm.start_autotune", *targets),
        "stop_autotune": service("hmm.stop_autotune", *targets),
        "rename_profile": service(
            "hmm.rename_profile", {"profile": "x", "name": "y"} | targets[0]
        ),
        "delete_profile": service("hmm.delete_profile", {"profile": "x"} | targets[0]),
        "get_tuning": service("hmm.get_tuning?return_response", *targets),
        "pause": service("hmm.pause", *targets),
        "resume": service("hmm.resume", *targets),
        "identify": service("hmm.identify", *targets),
        "restart": service("hmm.restart", *targets),
        "override_strategy": service(
            "hmm.override_strategy",
            *({"to": "off"} | strategy for strategy in strategies),
        ),
        "resume_strategy": service("hmm.resume_strategy", *strategies),
        "preview_strategy": service(
            "hmm.preview_strategy?return_response", *strategies
        ),
        "get_platform_tiles": service("hmm.get_platform_tiles?return_response", {}),
        "get_pool_tiles": tiles,
        "compare_pools": service("hmm.compare_pools?return_response", {}),
        "get_pool_history": service("hmm.get_pool_history?return_response", {}),
        "check_driver_updates": service("hmm.check_driver_updates", {}),
        "compare_driver": service(
            "hmm.compare_driver?return_response", {"entry": "no", "version": "no"}
        ),
        "customise_driver": service("hmm.customise_driver", nothing),
        "install_driver": service("hmm.install_driver", download),
        "list_drivers": service("hmm.list_drivers?return_response", {}),
        "list_driver_indexes": service("hmm.list_driver_indexes?return_response", {}),
        "search_driver_indexes": service(
            "hmm.search_driver_indexes?return_response", {}
        ),
        "reload_drivers": service("hmm.reload_drivers", {}),
        "remove_driver": service("hmm.remove_driver", nothing),
        "rollback_driver": service("hmm.rollback_driver", nothing),
        "update_all_drivers": service("hmm.update_all_drivers?return_response", {}),
        "update_driver": service("hmm.update_driver", nothing),
    }.items():
        action, space, rest = name.partition(" ")
        yield Row(
            "Action",
            f"`hmm.{action}`{space}{rest}",
            [
                (request[0], request[1].replace("hmm.", "hmm/"), request[2])
                for request in requests
            ],
            shows_devices=requests is tiles
            or ("_pool" in action and "get_" in action)
            or action == "compare_pools",
        )


def routes(house: House) -> Iterator[Row]:
    """Yield all routes of HMM, as the web server knows them.

    What would remove or disable something is tried with what there is not.
    """
    values = {"category": "miner", "driver": "no-such", "pool_type": "solopool"}
    miners = [miner.entry_id for miner in house.miners]
    pools = [pool.entry_id for pool in house.pools]
    mode, pool = {"mode": "eco"}, {"pool_id": pools[0]}
    bodies: dict[str, list[dict[str, Any]]] = {
        "/miners/{miner_id}/mode": [mode],
        "/miners/{miner_id}/pool": [pool],
        "/miners/bulk/mode": [{"miner_ids": [item]} | mode for item in miners],
        "/miners/bulk/pool": [{"miner_ids": [item]} | pool for item in miners],
        "/miners/bulk/restart": [{"miner_ids": [item]} for item in miners],
        "/miners/bulk/enable": [{"miner_ids": ["no-such"]}],
        "/miners/bulk/disable": [{"miner_ids": ["no-such"]}],
    }
    for resource in house.hass.http.app.router.resources():
        path = resource.canonical
        if not path.startswith("/api/hmm") or path.endswith("/"):
            continue
        for route in resource:
            if route.method in ("HEAD", "OPTIONS"):
                continue
            is_read = route.method == "GET"
            ids = {"miner_id": miners, "pool_id": pools if is_read else ["no-such"]}
            names = [
                {name: item}
                for name in ids
                if f"{{{name}}}" in path
                for item in ids[name]
            ]
            yield Row(
                "Route",
                f"`{route.method} {path}`",
                [
                    (route.method, path.format(**values, coin="dgb", **name), body)
                    for name in names or [{}]
                    for body in (
                        [None]
                        if is_read
                        else bodies.get(path.removeprefix("/api/hmm"), [{}])
                    )
                ],
                shows_devices=path
                in (
                    "/api/hmm/dashboard/pools",
                    "/api/hmm/miners",
                    "/api/hmm/pools",
                )
                and is_read,
                hides=is_read and bool(names),
            )


def entities(house: House) -> Iterator[Row]:
    """Yield everything that can be operated, by what it is called."""
    registry = er.async_get(house.hass)
    rows: dict[tuple[str, str], list[tuple[str, str, Any]]] = {}
    for entry in (*house.miners, fleet_entry(house.hass)):
        for entity in er.async_entries_for_config_entry(registry, entry.entry_id):
            state = house.hass.states.get(entity.entity_id)
            assert state is not None, entity.entity_id
            target = {"entity_id": entity.entity_id}
            texts = TEXTS["entity"].get(entity.domain, {})
            name = texts.get(entity.translation_key, {}).get("name", "of a miner")
            # One after the other: what restarts or pauses a miner comes later
            match entity.domain:
                case "button":
                    requests = service("button/press", target)
                case "climate":
                    name = "of a heating"
                    requests = service("climate/turn_on", target)
                case "light":
                    requests = service("light/turn_on", target)
                case "number":
                    value = {"value": state.attributes["min"]}
                    requests = service("number/set_value", target | value)
                case "select":
                    option = {"option": state.attributes["options"][0]}
                    requests = service("select/select_option", target | option)
                case "switch":
                    requests = service("switch/turn_on", target)
                case "update":
                    requests = service("update/install", target)
                    name = name.replace("{name}", "…")
                case "sensor" | "binary_sensor" | "event":
                    continue
                case _:
                    pytest.fail(f"{entity.domain} can be operated, too")
            rows.setdefault((entity.domain, name), []).extend(requests)
    for (domain, name), requests in sorted(rows.items()):
        yield Row(domain.capitalize(), f"*{name}*", requests)


def dialogs(house: House) -> Iterator[Row]:
    """Yield the dialogs, which Home Assistant itself guards."""
    entry = house.miners[0].entry_id
    for name, request in {
        "add or change a miner or pool": (
            "POST",
            "/api/config/config_entries/flow",
            {"handler": DOMAIN},
        ),
        "settings of a miner, drivers": (
            "POST",
            "/api/config/config_entries/options/flow",
            {"handler": entry},
        ),
        "repairs": (
            "POST",
            "/api/repairs/issues/fix",
            {"handler": DOMAIN, "issue_id": "none"},
        ),
        "download diagnostics": (
            "GET",
            f"/api/diagnostics/config_entry/{entry}",
            None,
        ),
    }.items():
        yield Row("Dialog", name, [request])


async def attempt(house: House, role: str, row: Row) -> str:
    """Return whether a role may do something, from what it is answered."""
    allowed = []
    shown = 0
    for method, path, body in row.requests:
        for axe in house.axes:
            await axe.wait_ready()
        response = await house.clients[role].request(method, path, json=body)
        refused = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
        if row.hides:
            refused.add(HTTPStatus.NOT_FOUND)
        allowed.append(response.status not in refused)
        if allowed[-1] and row.shows_devices:
            answer = await response.json()
            if "return_response" in path:
                answer = answer["service_response"]
                answer = answer.get("pools", answer)
            shown = len(answer)
        await house.hass.async_block_till_done()
    if row.shows_devices and all(allowed):
        return {len(house.pools): YES, 0: NO}.get(shown, OWN)
    if all(allowed):
        return YES
    return OWN if any(allowed) else NO


async def try_everything(house: House) -> list[tuple[Row, list[str]]]:
    """Return what each role may do; those that may do little are tried first."""
    rows = [*actions(house), *routes(house), *entities(house), *dialogs(house)]
    found: dict[str, list[str]] = {}
    for role in reversed(ROLES):
        before = [len(axe.writes) + axe.boots for axe in house.axes]
        found[role] = [await attempt(house, role, row) for row in rows]
        after = [len(axe.writes) + axe.boots for axe in house.axes]
        untouched = [old == new for old, new in zip(before, after, strict=True)]
        # A refusal says so, and also does nothing
        assert untouched == {
            "nobody": [True, True],
            "read-only": [True, True],
            "some devices": [False, True],
        }.get(role, [False, False]), role
    return [
        (row, [found[role][number] for role in ROLES])
        for number, row in enumerate(rows)
    ]


def as_markdown(table: list[tuple[Row, list[str]]]) -> str:
    """Return the table; what is alike in a row is one row."""
    lines = [
        "| | Owner | Administrator | User | Read only | Some devices | Not logged in |",
        "|---|---|---|---|---|---|---|",
    ]
    for (kind, may), rows in groupby(table, lambda item: (item[0].kind, item[1])):
        names = ", ".join(row.name for row, _ in rows)
        lines.append(f"| {kind}: {names} | {' | '.join(may)} |")
    return "\n".join(lines) + "\n"


async def test_the_table_of_the_documentation_is_what_happens(house: House) -> None:
    """Given every user and everything to do, the page says who may do it."""
    table = as_markdown(await try_everything(house))
    print(f"\n{table}")  # noqa: T201
    assert table in DOCUMENTATION.read_text(encoding="utf-8")


async def test_every_action_is_in_the_table(house: House) -> None:
    """Given all actions that there are, each is tried."""
    tried = {
        path.removeprefix("/api/services/hmm/").partition("?")[0]
        for row in actions(house)
        for _, path, _ in row.requests
    }
    assert tried == set(house.hass.services.async_services_for_domain(DOMAIN))
    assert len([*routes(house)]) == len({row.name for row in routes(house)}) >= 16


# Each on its own


async def run(house: House, role: str, action: str, **data: Any) -> None:
    """Run an action as a user."""
    await house.hass.services.async_call(
        DOMAIN,
        action,
        data,
        blocking=True,
        context=Context(user_id=house.users[role].id),
    )


@pytest.mark.parametrize("role", ["read-only", "some devices"])
async def test_one_miner_too_many_stops_the_action(house: House, role: str) -> None:
    """Given a target that holds a miner of others, nothing is done to any."""
    for action, data in {
        "set_mode": {"mode": "eco"},
        "set_pool": {"pool": house.pools[0].entry_id},
        "apply_profile": {"profile": "Night"},
        "save_profile": {"name": "Night"},
        "pause": {},
        "resume": {},
        "identify": {},
        "restart": {},
    }.items():
        with pytest.raises(Unauthorized) as caught:
            await run(
                house,
                role,
                action,
                device_id=[house.device(miner) for miner in house.miners],
                **data,
            )
        assert caught.value.translation_key == "not_allowed_to_control"
    assert [axe.writes for axe in house.axes] == [[], []]
    assert [axe.boots for axe in house.axes] == [1, 1]


async def test_another_entity_is_no_way_around(house: House) -> None:
    """Given control of a sensor alone, or of the switch, the mode stays."""
    entry = house.miners[1]
    allowed = [
        find_id(house.hass, entry, "sensor", "hashrate"),
        find_id(house.hass, entry, "button", "restart"),
    ]
    user = house.users["some devices"]
    user.groups[0].policy = {"entities": {"entity_ids": dict.fromkeys(allowed, True)}}
    user.invalidate_cache()
    with pytest.raises(Unauthorized):
        await run(house, "some devices", "set_mode", mode="eco", entity_id=allowed[0])
    assert house.axes[1].writes == []


async def test_the_mode_is_the_right_to_the_mode(house: House) -> None:
    """Given control of nothing but the mode of a miner, the mode can be set."""
    mode = find_id(house.hass, house.miners[1], "select", "mode")
    user = house.users["some devices"]
    user.groups[0].policy = {"entities": {"entity_ids": {mode: {"control": True}}}}
    user.invalidate_cache()
    await run(house, "some devices", "set_mode", mode="eco", entity_id=mode)
    assert house.axes[1].settings["frequency"] == 400
    with pytest.raises(Unauthorized):
        await run(
            house,
            "some devices",
            "set_pool",
            pool=house.pools[0].entry_id,
            entity_id=mode,
        )


async def test_a_user_that_was_deleted(house: House) -> None:
    """Given a user whom nobody knows, no action runs for him."""
    for action, data in {
        "set_mode": {"mode": "eco"},
        "set_pool": {"url": "192.0.2.1:3333", "username": "me"},
    }.items():
        with pytest.raises(UnknownUser):
            await house.hass.services.async_call(
                DOMAIN,
                action,
                data | {"device_id": house.device(house.miners[0])},
                blocking=True,
                context=Context(user_id="deleted"),
            )
    assert house.axes[0].writes == []


async def test_the_user_reads_why(
    house: House, hass_ws_client: WebSocketGenerator
) -> None:
    """Given a refusal in the browser, it has a text in the language of the user."""
    client = await hass_ws_client(house.hass, await house.token("user"))
    reload = find_id(house.hass, fleet_entry(house.hass), "button", "reload_drivers")
    for number, (domain, name, data) in enumerate(
        (
            (
                "hmm",
                "set_pool",
                {
                    "url": "192.0.2.1:3333",
                    "username": "me",
                    "device_id": house.device(house.miners[0]),
                },
            ),
            ("button", "press", {"entity_id": reload}),
        ),
        1,
    ):
        await client.send_json(
            {
                "id": number,
                "type": "call_service",
                "domain": domain,
                "service": name,
                "service_data": data,
            }
        )
        answer = await client.receive_json()
        assert not answer["success"]
        assert answer["error"]["translation_domain"] == DOMAIN
        assert answer["error"]["translation_key"] == "not_admin"
        text = TEXTS["exceptions"]["not_admin"]["message"]
        assert answer["error"]["message"] == text.rstrip(".")
