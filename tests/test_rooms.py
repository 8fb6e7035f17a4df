"""What may import what: the arrows of docs/architecture.md point one way."""

import ast
from functools import cache
from graphlib import TopologicalSorter
from itertools import chain
from pathlib import Path

import pytest

from custom_components import hmm
from custom_components.hmm.const import DOMAIN

COMPONENT = Path(hmm.__file__).parent
PACKAGE = f"custom_components.{DOMAIN}"

ENGINE = {"driver_api", "driver_engine"}
# What no single room owns, and what knows no room
SHARED = {
    *(
        "const",
        "data",
        "display_units",
        "errors",
        "figures",
        "flow_tools",
        "question_flow",
        "languages",
    ),
    "listeners",
    *(
        "action_schema",
        "automation_targets",
        "json_shapes",
        "markdown",
        "records",
        "rights",
        "routes",
        "safe_store",
        "sentences",
    ),
    *("since", "stored", "turns", "unique_ids"),
}
MAY_IMPORT = {
    "driver_api": set(),
    "driver_engine": {"driver_api", "stored"},
    "bundled": {"driver_api"},
    "miner": ENGINE | SHARED,
    "pool": ENGINE | SHARED | {"miner"},
    "fleet": ENGINE | SHARED | {"miner", "pool"},
    "money": ENGINE | SHARED | {"miner", "pool", "fleet"},
    "drivers": ENGINE | SHARED | {"miner", "pool"},
    "strategy": ENGINE | SHARED | {"miner", "pool", "fleet", "money"},
    "hmm_local": ENGINE | SHARED | {"miner", "pool", "fleet", "strategy"},
    "frontend": SHARED,
    "voice": ENGINE | SHARED | {"miner", "pool", "fleet", "money", "strategy"},
    **dict.fromkeys(SHARED, ENGINE | SHARED),
}
WITHOUT_HOME_ASSISTANT = (
    "driver_api",
    "driver_engine",
    "bundled",
    "money.slots",
    "stored",
    "strategy.planner",
)
NEVER = {"homeassistant", "voluptuous", "probatio"}


def module_of(path: Path) -> str:
    """Return the name of a module below the integration, "" for itself."""
    parts = path.relative_to(COMPONENT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


MODULES = {module_of(path): path for path in sorted(COMPONENT.rglob("*.py"))}


def room_of(module: str) -> str:
    """Return the folder that a module is in, or the name of one beside them."""
    return module.partition(".")[0]


def at_run_time(node: ast.AST) -> list[ast.stmt]:
    """Return the imports below a node, but those for type checkers alone."""
    result: list[ast.stmt] = []
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                continue
            case ast.Import() | ast.ImportFrom():
                result.append(child)
        result += at_run_time(child)
    return result


@cache
def imports_of(module: str) -> set[str]:
    """Return what a module imports, absolute and dotted."""
    path = MODULES[module]
    inside = path.relative_to(COMPONENT.parent.parent).parts[:-1]
    result: set[str] = set()
    for node in at_run_time(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            result |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = inside[: len(inside) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                full = f"{base}.{alias.name}"
                is_module = full.removeprefix(f"{PACKAGE}.") in MODULES
                result.add(full if is_module else base)
    return result


def own_imports(module: str) -> set[str]:
    """Return the modules of the integration that a module imports."""
    return {
        name.removeprefix(PACKAGE).removeprefix(".")
        for name in imports_of(module)
        if name == PACKAGE or name.startswith(f"{PACKAGE}.")
    } - {module}


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_the_arrows_between_rooms_point_one_way(room: str) -> None:
    """Given a room, then it imports only rooms below it."""
    modules = [module for module in MODULES if room_of(module) == room]
    assert modules
    for module in modules:
        others = {room_of(name) for name in own_imports(module)} - {room}
        assert others <= MAY_IMPORT[room], module


def test_every_folder_is_a_room() -> None:
    """Given the folders with code, then each has its place among the arrows."""
    assert {room_of(module) for module in MODULES if "." in module} <= set(MAY_IMPORT)


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Given all modules, then there is an order in which each is read once."""
    order = TopologicalSorter({name: own_imports(name) for name in MODULES})
    assert set(order.static_order()) == set(MODULES)


@pytest.mark.parametrize("room", WITHOUT_HOME_ASSISTANT)
def test_some_know_nothing_of_home_assistant(room: str) -> None:
    """Given what also runs without Home Assistant, then it imports none of it."""
    modules = [name for name in MODULES if f"{name}.".startswith(f"{room}.")]
    assert modules
    names = chain.from_iterable(map(imports_of, modules))
    assert not {name.partition(".")[0] for name in names} & NEVER


def test_only_two_places_know_hmm_local() -> None:
    """Given the code outside of both, then it does not import what HMM-Local had."""
    for module in MODULES:
        for name in own_imports(module):
            if name.startswith("hmm_local"):
                assert room_of(module) in ("hmm_local", "config_flow"), module


def test_numbers_of_forms_are_numbers() -> None:
    """Home Assistant's own field takes "NaN", which is within any limits."""
    users = {
        name
        for name, path in MODULES.items()
        if "NumberSelectorConfig(" in path.read_text(encoding="utf-8")
    }
    assert users == {"flow_tools"}
