"""The files beside the code (manifest, texts, icons) say what the code says."""

import ast
from collections.abc import Iterator
from dataclasses import is_dataclass
from fnmatch import fnmatch
from functools import cache
import importlib
from itertools import chain
import json
from pathlib import Path
import re
import struct
import tomllib
from typing import Any, get_args

from awesomeversion import AwesomeVersion
from homeassistant.helpers import config_validation as cv
import pytest
import voluptuous as vol
import yaml

from custom_components import hmm
from custom_components.hmm import errors, services
from custom_components.hmm.bundled.miner_drivers import avalon_nano_driver
from custom_components.hmm.bundled.shared import axeos
from custom_components.hmm.const import DOMAIN, MODE_CUSTOM, PLATFORMS
from custom_components.hmm.driver_api.reasons import LoginReason, ReadReason
from custom_components.hmm.driver_engine import comparison, faults
from custom_components.hmm.driver_engine.address import AddressFault
from custom_components.hmm.drivers import (
    actions as driver_actions,
    compare,
    flow as flow_drivers,
    index_issues,
    install as driver_install,
    issues as driver_issues,
    overview,
    watch as driver_watch,
)
from custom_components.hmm.fleet import failover_runner, profile_services
from custom_components.hmm.fleet.commands import COMMANDS
from custom_components.hmm.fleet.failover import PRIMARY_BACK, Criterion
from custom_components.hmm.fleet.services import schema_of
from custom_components.hmm.flow_tools import REMOVED
from custom_components.hmm.hmm_local import flow as hmm_local
from custom_components.hmm.miner import (
    autotune,
    autotune_flow,
    lowered,
    problems,
    watchdog,
)
from custom_components.hmm.miner.walk import Goal
from custom_components.hmm.money import ledger
from custom_components.hmm.money.odds import DAYS
from custom_components.hmm.money.units import UnitProblem
from custom_components.hmm.pool import (
    defaults as pool_defaults,
    mistyped,
    status as pool_status,
)
from custom_components.hmm.strategy import (
    actions as strategy_actions,
    explain,
    issues as strategy_issues,
)
from custom_components.hmm.voice import orders

COMPONENT = Path(hmm.__file__).parent
ROOT = COMPONENT.parent.parent
LANGUAGES = sorted(path.stem for path in COMPONENT.glob("translations/*.json"))

# What these abort with by themselves
ABORTS = {
    "already_configured": {"already_configured"},
    "async_set_unique_id": {"already_in_progress"},
}
# The classes whose steps are told in a section of the translations
FLOWS = {
    "config": {
        *("HmmConfigFlow", "ImportSteps", "MinerSteps", "PoolSteps"),
        "RulesSteps",
    },
    "config_subentries.calendar": {"CalendarFlow", "StrategyFlow"},
    "config_subentries.heat": {"HeatFlow", "StrategyFlow", "TimedStrategyFlow"},
    "config_subentries.price_bands": {
        "BandsFlow",
        "StrategyFlow",
        "StrategyPriceSteps",
        "TimedStrategyFlow",
    },
    "config_subentries.champion": {
        "ChampionFlow",
        "StrategyFlow",
        "StrategyPriceSteps",
        "TimedStrategyFlow",
    },
    "config_subentries.solar": {"SolarFlow", "StrategyFlow", "TimedStrategyFlow"},
    "options": {
        *("AutotuneSteps", "DriverSteps", "FailoverSteps", "FirmwareSteps"),
        *(
            "FleetOptionsFlow",
            "IndexSteps",
            "MinerOptionsFlow",
            "PoolOrderSteps",
            "PriceSteps",
            "HoldSteps",
            "RescanSteps",
            "CircuitSteps",
            "EntitiesSteps",
            "PoolOptionsFlow",
            "CompareSteps",
            "WatchSteps",
        ),
    },
}
ISSUES = {
    "drivers/install": {driver_install.DRIVER_INSTALL},
    "drivers/index_issues": {
        index_issues.INDEX_KEY_CHANGED,
        index_issues.INDEX_SIGNATURE_LOST,
    },
    "drivers/watch": {driver_watch.DRIVER_GONE_BACK, driver_watch.DRIVER_WORSE},
    "money/ledger": {ledger.CURRENCY_CHANGED},
    "drivers/issues": {
        driver_issues.DRIVER_FAILED,
        driver_issues.DRIVER_HANGS,
        driver_issues.POOL_FILE_FAILED,
        driver_issues.STOCK_FILES,
        *driver_issues.DANGERS,
    },
    "fleet/failover_runner": {failover_runner.FAILOVER_WANTED},
    "miner/autotune": {autotune.NOT_RETURNED},
    "miner/lowered": {lowered.OVERHEAT_LOWERED},
    "miner/watchdog": {watchdog.WATCHDOG_GAVE_UP},
    "pool/defaults": {pool_defaults._ISSUE},
    "pool/mistyped": {mistyped.WALLET_MISTYPED},
    "strategy/issues": {*strategy_issues.STRATEGY_ISSUES},
}
HA_SUCCESSES = {"reauth_successful", "reconfigure_successful"}

RULES = {
    "action-exceptions",
    "action-setup",
    "appropriate-polling",
    "async-dependency",
    "brands",
    "common-modules",
    "config-entry-unloading",
    "config-flow",
    "config-flow-test-coverage",
    "dependency-transparency",
    "devices",
    "diagnostics",
    "discovery",
    "discovery-update-info",
    "docs-actions",
    "docs-conditions",
    "docs-configuration-parameters",
    "docs-data-update",
    "docs-examples",
    "docs-high-level-description",
    "docs-installation-instructions",
    "docs-installation-parameters",
    "docs-known-limitations",
    "docs-removal-instructions",
    "docs-supported-devices",
    "docs-supported-functions",
    "docs-triggers",
    "docs-troubleshooting",
    "docs-use-cases",
    "dynamic-devices",
    "entity-category",
    "entity-device-class",
    "entity-disabled-by-default",
    "entity-event-setup",
    "entity-translations",
    "entity-unavailable",
    "entity-unique-id",
    "exception-translations",
    "has-entity-name",
    "icon-translations",
    "inject-websession",
    "integration-owner",
    "log-when-unavailable",
    "parallel-updates",
    "reauthentication-flow",
    "reconfiguration-flow",
    "repair-issues",
    "runtime-data",
    "stale-devices",
    "strict-typing",
    "test-before-configure",
    "test-before-setup",
    "test-coverage",
    "unique-config-entry",
}


def load(name: str) -> Any:
    """Return what a JSON or YAML file of the integration holds."""
    text = (COMPONENT / name).read_text(encoding="utf-8")
    return json.loads(text) if name.endswith(".json") else yaml.safe_load(text)


def texts(language: str) -> dict[str, str]:
    """Return all texts of a language by their dotted path."""
    return dict(flatten(load(f"translations/{language}.json")))


def flatten(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Yield each leaf of a tree with its dotted path."""
    for key, value in node.items():
        if isinstance(value, dict):
            yield from flatten(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


def section_of(path: str) -> Any:
    """Return a part of the English texts by its dotted path."""
    node = load("translations/en.json")
    for key in path.split("."):
        node = node[key]
    return node


def placeholders(text: str) -> set[str]:
    """Return the names in braces."""
    return set(re.findall(r"\{(\w+)\}", text))


def read(path: Path) -> str:
    """Return the text of a file of the code."""
    return path.read_text(encoding="utf-8")


@cache
def parse(path: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def all_calls(tree: ast.AST) -> list[tuple[str | None, ast.Call]]:
    """Return the calls below a node, each with the name of what is called."""
    return [
        (
            node.func.attr
            if isinstance(node.func, ast.Attribute)
            else getattr(node.func, "id", None),
            node,
        )
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    ]


def calls(tree: ast.AST, *names: str) -> Iterator[ast.Call]:
    """Yield the calls of a function or method; of all without a name."""
    return (call for name, call in all_calls(tree) if not names or name in names)


@pytest.fixture(autouse=True, scope="module")
def trees_are_freed() -> Iterator[None]:
    """Let go of all syntax trees after the last test."""
    yield
    parse.cache_clear()
    all_calls.cache_clear()


def argument(call: ast.Call, name: str) -> ast.expr | None:
    """Return a keyword argument of a call."""
    return next((k.value for k in call.keywords if k.arg == name), None)


def literal(node: ast.expr | None) -> str | None:
    """Return the text of a literal string."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None


def literals(node: ast.AST) -> set[str]:
    """Return all literal strings below a node."""
    return {
        text
        for child in ast.walk(node)
        if isinstance(child, ast.expr) and (text := literal(child)) is not None
    }


def literal_keys(node: ast.expr) -> set[str]:
    """Return the keys of a dictionary that is written out."""
    assert isinstance(node, ast.Dict)
    return {name for key in node.keys if (name := literal(key)) is not None}


def home_assistant_side() -> list[Path]:
    """Return the modules that know Home Assistant."""
    return [
        path
        for folder in (
            *(
                ".",
                "drivers",
                "fleet",
                "hmm_local",
                "miner",
                "money",
                "pool",
                "strategy",
            ),
        )
        for path in sorted((COMPONENT / folder).glob("*.py"))
    ]


def flow_classes(section: str) -> ast.Module:
    """Return the syntax trees of the classes whose steps a section tells."""
    return ast.Module(
        body=[
            node
            for path in (
                *(COMPONENT / name for name in ("config_flow.py", "fleet_options.py")),
                *COMPONENT.glob("*/*flow.py"),
            )
            for node in parse(path).body
            if isinstance(node, ast.ClassDef) and node.name in FLOWS[section]
        ],
        type_ignores=[],
    )


def assigned(tree: ast.Module) -> dict[str, set[str]]:
    """Return the texts that the attributes of classes have."""
    return {
        target.id: literals(node.value)
        for kind in tree.body
        if isinstance(kind, ast.ClassDef)
        for node in kind.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def shown_steps(tree: ast.AST) -> set[str]:
    """Return the steps of a flow that are forms or menus."""
    shown = {
        literal(argument(call, "step_id"))
        for call in calls(tree, "async_show_form", "async_show_menu")
    }
    # What shows one of several forms gets its step as the first argument
    showing = ("_show_form", "_show_choice", "_propose", "_agree", "_ask_order")
    others = ("_ask_options", "_replace_miner", "_result")
    for call in calls(tree, *showing, *others):
        shown.add(literal(call.args[0]))
    return {step_id for step_id in shown if step_id is not None}


def descriptions() -> Iterator[tuple[str, Any]]:
    """Yield each entity description of the code with its platform."""
    for platform in sorted({*chain.from_iterable(PLATFORMS.values())}):
        module = importlib.import_module(f"{hmm.__name__}.{platform.value}")
        for value in vars(module).values():
            for item in value if isinstance(value, tuple) else (value,):
                # Not isinstance: the metaclass of the descriptions makes instances
                # of a class beside EntityDescription
                if (
                    is_dataclass(item)
                    and not isinstance(item, type)
                    and hasattr(item, "translation_key")
                ):
                    yield platform.value, item


# Manifest


def test_manifest_keys_are_in_the_order_of_hassfest() -> None:
    """Given the manifest, then domain and name come first, the rest by name."""
    keys = list(load("manifest.json"))
    assert keys == ["domain", "name", *sorted(set(keys) - {"domain", "name"})]


def test_manifest_says_who_it_is() -> None:
    """Given the manifest, then domain and version fit the code."""
    manifest = load("manifest.json")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert manifest["domain"] == DOMAIN == COMPONENT.name
    assert AwesomeVersion(manifest["version"]).valid
    assert manifest["version"] == project["project"]["version"]


def test_manifest_requires_no_packages() -> None:
    """Given the manifest, then nothing is installed beside the integration."""
    assert load("manifest.json")["requirements"] == []


# Translations


@pytest.mark.parametrize("language", LANGUAGES)
def test_language_is_complete(language: str) -> None:
    """Given a language, then it has the texts and placeholders of English."""
    english, other = texts("en"), texts(language)
    assert other.keys() == english.keys()
    assert {key: placeholders(text) for key, text in other.items()} == {
        key: placeholders(text) for key, text in english.items()
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_can_be_shown_as_they_are(language: str) -> None:
    """Given a language, then no text is empty, a reference, HTML or a URL."""
    faulty = {
        key: text
        for key, text in texts(language).items()
        if not text
        or text != text.strip()
        or re.search(r"\[%|%\]|<[a-z/]|'\{\w+\}'|\bhttps?://\w|\bwww\.", text)
    }
    assert faulty == {}


def test_every_entity_has_a_name_and_every_name_an_entity() -> None:
    """Given the entity descriptions, then exactly they are named in English."""
    named = {
        (platform, description.translation_key)
        for platform, description in descriptions()
        if description.name is not None  # None: it has the name of its device
    }
    translated = {
        (platform, key)
        for platform, entities in load("translations/en.json")["entity"].items()
        for key, entity in entities.items()
        if "name" in entity  # None: only its attributes have texts
    }
    assert translated == named


def test_names_of_entities_take_the_placeholders_that_are_passed() -> None:
    """Given the entity descriptions, then their placeholders are in the names."""
    entities = load("translations/en.json")["entity"]
    for platform, description in descriptions():
        if description.name is None:
            continue
        assert description.translation_key is not None
        name = entities[platform][description.translation_key]["name"]
        passed = set(description.translation_placeholders or ())
        assert placeholders(name) == passed, description.key


def test_names_of_a_device_differ() -> None:
    """Given a language, then no two entities of a platform have one name."""
    for language in LANGUAGES:
        for entities in load(f"translations/{language}.json")["entity"].values():
            # Those of pools and of the fleet belong to devices of their own
            names = [
                (
                    key.partition("_")[0] in ("pool", "fleet", "strategy") and key,
                    entity["name"],
                )
                for key, entity in entities.items()
                if "name" in entity
            ]
            assert len(names) == len(set(names)), language


def test_units_are_translated_only_where_none_is_set() -> None:
    """Given translated units, then the code sets none, which would be refused."""
    sensors = load("translations/en.json")["entity"]["sensor"]
    units = {key for key, texts in sensors.items() if "unit_of_measurement" in texts}
    assert units
    for platform, description in descriptions():
        if platform == "sensor" and description.translation_key in units:
            assert description.unit_of_measurement is None
            assert description.native_unit_of_measurement is None
            assert description.device_class is None


def test_every_mode_of_a_bundled_driver_is_translated() -> None:
    """Given the bundled drivers, then their modes have names, and no others."""
    modes = set(axeos.make_modes(axeos.BM1366))
    for model in avalon_nano_driver._MODELS.values():
        modes |= set(model.modes)
    results_of_autotune = {*Goal} - {Goal.ALL}
    select = load("translations/en.json")["entity"]["select"]
    assert set(select["mode"]["state"]) == {
        *modes,
        *results_of_autotune,
        MODE_CUSTOM,
    }

    offered = load("services.yaml")["set_mode"]["fields"]["mode"]["selector"]["select"]
    assert set(offered["options"]) == modes


@pytest.mark.parametrize(
    ("name", "properties", "is_miner"),
    [
        ("Bitaxe Gamma 601 (12ab)", {"asic": "BM1370", "board": "601"}, True),
        # Its owner renamed it, or it is a NerdQAxe
        ("Garage", {"asic": "BM1370", "board": "601"}, True),
        ("bitaxe", {}, True),
        ("Printer", {"board": "x"}, False),
    ],
)
def test_what_a_miner_announces_is_recognized(
    name: str, properties: dict[str, str], is_miner: bool
) -> None:
    """Given an mDNS name and TXT record, then Home Assistant matches them as it does."""
    assert is_miner is any(
        fnmatch(name.lower(), matcher.get("name", "*"))
        and all(
            key in properties and fnmatch(properties[key].lower(), pattern)
            for key, pattern in matcher.get("properties", {}).items()
        )
        for matcher in load("manifest.json")["zeroconf"]
    )


def test_every_problem_of_a_bundled_driver_is_translated() -> None:
    """Given the bundled drivers, then the problems they tell have names."""
    reported: set[str] = set()
    for path in COMPONENT.glob("bundled/miner_drivers/*_driver.py"):
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.keyword) and node.arg == "problems":
                reported |= literals(node.value)
            elif isinstance(node, ast.FunctionDef) and node.name == "_problems":
                for call in calls(node, "append"):
                    reported |= literals(call.args[0])
    failures = {*get_args(ReadReason.__value__), *get_args(LoginReason.__value__)}
    shares = {"hash_frozen", "share_overdue", "no_work"}
    assert reported < set(problems.RULES)
    wrong = (set(problems.RULES) - {"no_shares"}) | shares | failures - {"busy"}
    entities = load("translations/en.json")["entity"]
    problem = entities["binary_sensor"]["problem"]["state_attributes"]["problems"]
    assert set(problem["state"]) == wrong
    online = entities["binary_sensor"]["online"]["state_attributes"]["reason"]
    assert set(online["state"]) == failures | {"working", "idle", "not_listed"}
    status = entities["sensor"]["status"]["state_attributes"]["reason"]["state"]
    assert wrong < set(status)
    assert {key: status[key] for key in wrong} == problem["state"]


def test_every_sentence_is_one_of_a_reason() -> None:
    """Given the sentences with values, then each has a short form without them."""
    texts = load("translations/en.json")
    status = texts["entity"]["sensor"]["status"]["state_attributes"]["reason"]["state"]
    pool = texts["entity"]["binary_sensor"]["pool_problem"]["state_attributes"]
    sentences = {
        key
        for key in texts["selector"]["sentence"]["options"]
        # Of the strategies; see test_every_sentence_of_a_strategy_is_translated
        if not key.startswith(explain.SENTENCE)
    }
    known = {*status, *(f"pool_{key}" for key in pool["problems"]["state"])}
    missing = {"not_reported", "window_after_restart", "power_not_metered"}
    moves = {f"failover_{reason}" for reason in (*Criterion, PRIMARY_BACK)}
    assert sentences <= known | missing | moves | {"pool_moved", "firmware_skipped"}
    assert moves <= sentences
    assert set(pool["problems"]["state"]) == set(pool_status._RULES)


def test_what_is_said_is_translated() -> None:
    """Given the code of the voice, then each text is said, and each said is a text."""
    speech = load("translations/en.json")["selector"]["speech"]["options"]
    folder = Path(hmm.__file__).parent / "voice"
    code = "".join(path.read_text("utf-8") for path in folder.glob("*.py"))
    literals = set(re.findall(r'"([a-z_]+)"', code))
    # Made of an action and how many did it, of a family of modes, of a currency, of a
    # figure and whose it is, of a span of time
    actions = ("set_mode", "pause", "resume", "restart")
    made = {f"{action}_{end}" for action in actions for end in ("one", "all", "some")}
    made |= {f"words_{family[0]}" for family in orders._FAMILIES}
    made |= {key for key in speech if key.startswith("currency_")}
    whose, figures = ("fleet", "miner", "no"), ("hashrate", "power")
    made |= {f"{who}_{figure}" for who in whose for figure in figures}
    made |= {f"chance_{span}" for span in DAYS}
    assert set(speech) - literals == made
    used = set(re.findall(r'say\(\s*"([a-z_]+)"', code))
    assert used <= set(speech)


def test_every_sentence_of_a_strategy_is_translated() -> None:
    """Given what strategies say, then each sentence has a text, and no other has."""
    used: set[str] = set()
    for path in COMPONENT.glob("strategy/**/*.py"):
        for call in calls(parse(path), "Sentence"):
            used |= literals(call.args[0])
            if isinstance(call.args[0], ast.JoinedStr):
                used |= {f"safety_{item}" for item in ("hot", "stop")}
            elif isinstance(call.args[0], ast.Name):
                used |= {"plan", "quiet"}
    used -= {"safety_"}
    used |= {f"{key}_open" for key in explain._OPEN} | {"manual_released", "dry_run"}
    sentences = load("translations/en.json")["selector"]["sentence"]["options"]
    assert used == {
        key.removeprefix(explain.SENTENCE)
        for key in sentences
        if key.startswith(explain.SENTENCE)
    }


def test_every_event_is_translated() -> None:
    """Given the event entity, then its types have names."""
    events = load("translations/en.json")["entity"]["event"]
    types = {
        (description.translation_key, event_type)
        for platform, description in descriptions()
        if platform == "event"
        for event_type in description.event_types
    }
    assert types == {
        (key, event_type)
        for key, texts in events.items()
        for event_type in texts["state_attributes"]["event_type"]["state"]
    }


OF_ADDRESSES = {
    *("body_field_invalid", "body_not_object", "body_too_large"),
    "changed_meanwhile",
    *("miner_disabled", "unknown_miner", "unknown_template"),
}
"""What only the addresses below ``/api/hmm`` refuse."""


def test_every_exception_is_translated() -> None:
    """Given the exceptions of the code, then exactly they have a message.

    A message uses no placeholder that its exception does not pass.
    """
    passed: dict[str, set[str]] = {}
    for path in home_assistant_side():
        assert path.stem == "errors" or "translation_domain=" not in read(path), path
        for call in calls(parse(path), "refusal", "failure", "NotAllowed"):
            key = call.args[-1]
            if not literals(key):
                # Says again what another exception of these said
                assert ast.unparse(key) == "cause.translation_key"
                continue
            names = {keyword.arg for keyword in call.keywords if keyword.arg}
            for name in literals(key):
                passed[name] = passed.get(name, names) & names
        for call in calls(parse(path), "translated"):
            if (name := literal(call.args[1])) is not None:
                names = literal_keys(call.args[2])
                passed[name] = passed.get(name, names) & names

    messages = load("translations/en.json")["exceptions"]
    faults_ = {key for key, _ in file_faults()} | {*faults._OS_ERRORS.values()}
    assert messages.keys() == (
        passed.keys() | reason_keys() | faults_ | {"pool_not_set_up"} | OF_ADDRESSES
    )
    for name, names in passed.items():
        assert placeholders(messages[name]["message"]) <= names, name


# Reasons


def reason_keys() -> set[str]:
    """Return the keys of all reasons of miners and pools in the translations."""
    miners = errors.MINER_REASONS
    return {*miners, *(errors.POOL + key for key in errors.POOL_REASONS)}


def own_errors() -> Iterator[tuple[Path, ast.Call]]:
    """Yield where own code makes an error of a driver, or a reason."""
    classes = {"DriverError"}
    trees = {
        path: parse(path)
        for path in sorted(COMPONENT.rglob("*.py"))
        if not path.is_relative_to(COMPONENT / "driver_engine/legacy/shims")
    }
    while True:
        result = {
            node.name
            for tree in trees.values()
            for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef)
            and {ast.unparse(base) for base in node.bases} & classes
        }
        if result <= classes:
            break
        classes |= result
    # It fills in its reason by itself
    classes -= {"UnexpectedDevice"}
    for path, tree in trees.items():
        for call in calls(tree, *classes):
            yield path, call


def test_every_reason_of_our_own_has_a_key() -> None:
    """Given an error that own code raises, then it is more than English text.

    Its key and values fill the sentence that users read.
    """
    messages = load("translations/en.json")["exceptions"]
    result = 0
    for path, call in own_errors():
        where = f"{path.relative_to(COMPONENT)}:{call.lineno}"
        reason = argument(call, "reason")
        assert reason is not None, where
        result += 1
        passed = {keyword.arg for keyword in call.keywords}
        if None in passed:
            continue  # Passes on what it was called with
        for key in literals(reason):
            sentences = [
                messages[item] for item in (key, f"pool_{key}") if item in messages
            ]
            assert sentences, where
            for sentence in sentences:
                given = passed | {"host", "name", "detail"}
                assert placeholders(sentence["message"]) <= given, where
    assert result > 150


def file_faults() -> Iterator[tuple[str, ast.Call]]:
    """Yield what can be wrong with a file of the user, with where that is made."""
    for path in sorted(COMPONENT.rglob("*.py")):
        for call in calls(parse(path), "why"):
            if ast.unparse(call.args[0]) == "reason.key" or path.name == "faults.py":
                continue  # One of the others once more, or what the system says
            keys = literals(call.args[0])
            assert keys, f"{path.name}:{call.lineno}"
            for key in keys:
                yield key, call
    yield from (
        ("os_error", call)
        for call in calls(parse(COMPONENT / "driver_engine/faults.py"), "why")
        if "os_error" in literals(call)
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_fault_of_a_file_is_translated(language: str) -> None:
    """Given what can be wrong with a file, then each language can say it in full."""
    messages = load(f"translations/{language}.json")["exceptions"]
    result = 0
    for key, call in file_faults():
        passed = {keyword.arg for keyword in call.keywords}
        assert placeholders(messages[key]["message"]) == passed, key
        result += 1
    assert result > 80
    for key in faults._OS_ERRORS.values():
        assert placeholders(messages[key]["message"]) == set()


def test_no_file_error_is_raised_with_mere_text() -> None:
    """Given an error of a file that own code raises, then it has a key."""
    classes = {
        "ConfigFileError",
        "DownloadFailed",
        "FileError",
        "IndexProblem",
        "NotADriver",
        "SiblingError",
        "SiblingMissing",
        "StoreError",
        "UnusableFile",
        "YamlProblem",
    }
    result = 0
    for path in sorted(COMPONENT.rglob("*.py")):
        for call in calls(parse(path), *classes, "Finding", "FailedDriver"):
            reason = call.args[0] if call.args else argument(call, "reason")
            where = f"{path.name}:{call.lineno}"
            assert reason is not None, where
            assert literal(reason) is None, where
            assert not isinstance(reason, ast.JoinedStr), where
            result += 1
    assert result > 60


def test_forms_and_attributes_know_every_reason() -> None:
    """Given the reasons, then a form says the same as the error of a poll does.

    Those of pools are also what the reason of their health can be.
    """
    reported = load("translations/en.json")
    shown = errors.FORM_REASONS | {errors.POOL + key for key in errors.POOL_REASONS}
    for key in shown:
        assert (
            reported["config"]["error"][key] == reported["exceptions"][key]["message"]
        )
    health = reported["entity"]["binary_sensor"]["health"]["state_attributes"]["reason"]
    assert health["state"].keys() == errors.POOL_REASONS | {"no_data"}


def test_every_repair_issue_is_translated() -> None:
    """Given the repair issues of the code, then exactly they have texts.

    What they can be fixed with is checked by walking through it.
    """
    issues = load("translations/en.json")["issues"]
    assert issues.keys() == set().union(*ISSUES.values())
    raising = {
        path.relative_to(COMPONENT).with_suffix("").as_posix(): path
        for path in home_assistant_side()
        # How all others make theirs is in markdown.py; that of a damaged file in the
        # storage is Home Assistant's own
        if "create_issue(" in read(path)
        and path.name not in ("markdown.py", "safe_store.py")
    }
    assert raising.keys() == ISSUES.keys()
    for module, path in raising.items():
        names = literals(parse(path))
        for key in ISSUES[module]:
            assert placeholders(issues[key]["title"]) <= names, key
            assert ("description" in issues[key]) != ("fix_flow" in issues[key]), key


# Automations


@pytest.mark.parametrize("kind", ["triggers", "conditions"])
def test_what_automations_use_is_translated(kind: str) -> None:
    """Given the triggers and conditions, then each and its fields have texts."""
    described = {k: v for k, v in load(f"{kind}.yaml").items() if k[0] != "."}
    texts = load("translations/en.json")[kind]
    assert texts.keys() == described.keys() == load("icons.json")[kind].keys()
    for key, it in described.items():
        assert texts[key]["fields"].keys() == it.get("fields", {}).keys(), key


# Config flow


def test_all_flows_are_known() -> None:
    """Given the flows of the code, then no class is left out here."""
    classes = {
        node.name
        for path in (
            *(COMPONENT / name for name in ("config_flow.py", "fleet_options.py")),
            *COMPONENT.glob("*/*flow.py"),
        )
        for node in parse(path).body
        if isinstance(node, ast.ClassDef)
        and any(
            isinstance(item, ast.AsyncFunctionDef)
            and item.name.startswith("async_step_")
            for item in node.body
        )
    }
    assert classes == set.union(*FLOWS.values())


@pytest.mark.parametrize("section", FLOWS)
def test_every_step_is_translated(section: str) -> None:
    """Given a flow, then exactly its forms and menus have texts.

    Each field has a name and says what to enter.
    """
    steps = section_of(section)["step"]
    assert steps.keys() == shown_steps(flow_classes(section))
    for step_id, step in steps.items():
        assert "title" in step, step_id
        assert step.get("data", {}).keys() == step.get("data_description", {}).keys()


@pytest.mark.parametrize("section", FLOWS)
def test_menu_and_progress_are_translated(section: str) -> None:
    """Given a flow, then its menus and its progress have texts.

    All that a menu offers is a step.
    """
    tree = flow_classes(section)
    methods = {
        node.name for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef)
    } | {f"async_step_{literal(call.args[0])}" for call in calls(tree, "_result")}
    flow = section_of(section)
    for menu in calls(tree, "async_show_menu"):
        options = argument(menu, "menu_options")
        assert options is not None
        if (step_id := literal(argument(menu, "step_id"))) is None:
            continue  # Shows one of several, by its argument
        step = flow["step"][step_id]
        reported = set(step["menu_options"])
        assert set(step["menu_option_descriptions"]) == reported
        assert literals(options) <= reported
        assert {f"async_step_{option}" for option in reported} <= methods
        if isinstance(options, ast.List) and all(map(literal, options.elts)):
            assert literals(options) == reported
        elif step_id == "reconfigure":
            parts = assigned(tree)
            offered = parts["steps"] - parts.get("not_changed", set())
            assert reported == {"miners"} | offered
    assert set(flow.get("progress", ())) == {
        literal(argument(call, "progress_action"))
        for call in calls(tree, "async_show_progress")
    }


def test_every_abort_is_translated() -> None:
    """Given the config flow, then exactly the reasons to give up have texts."""
    tree = flow_classes("config")
    reasons = {*HA_SUCCESSES, REMOVED}
    for call in calls(tree, "async_abort", "_abort_if_unique_id_mismatch"):
        if (reason := argument(call, "reason")) is not None:
            reasons |= literals(reason)
    for call in calls(tree, "AbortFlow", "_put_in_place"):
        reasons |= literals(call)
    for call in calls(tree, "async_update_reload_and_abort"):
        if (reason := argument(call, "reason")) is not None:
            reasons |= literals(reason)
    for method, aborts in ABORTS.items():
        if any(calls(tree, method)):
            reasons |= aborts
    aborts = load("translations/en.json")["config"]["abort"]
    assert aborts.keys() == reasons
    assert {key for key, text in aborts.items() if placeholders(text)} == {
        *("already_configured", "rules_taken_over", "rules_partly_taken_over")
    }


def test_every_abort_and_error_of_the_options_is_translated() -> None:
    """Given the flows of options, then exactly what goes wrong in them has texts."""
    tree = flow_classes("options")
    options = load("translations/en.json")["options"]
    assert set(options["abort"]) == {
        literal(argument(call, "reason")) for call in calls(tree, "async_abort")
    } | {REMOVED, *(literal(call.args[0]) for call in calls(tree, "AbortFlow"))}
    # What a login can come to, and what the flows themselves find
    wrong = {"login_other_miner", *UnitProblem} | errors.FORM_REASONS
    wrong |= {
        arg for arg in get_args(AddressFault.__value__) if arg.startswith("range_")
    }
    wrong |= {
        key
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign | ast.keyword)
        and isinstance(node.value, ast.Dict)
        and "errors" in ast.unparse(node)
        for value in node.value.values
        if (key := literal(value)) is not None
    }
    assert set(options["error"]) == wrong


def test_every_option_of_a_selector_is_translated() -> None:
    """Given the words that a step fills in, then exactly these have texts."""
    selectors = load("translations/en.json")["selector"]
    words = {
        "block_source": set(
            load("triggers.yaml")["block_found"]["fields"]["source"]["selector"][
                "select"
            ]["options"]
        ),
        "driver_answer": set(
            flow_drivers._ANSWER_SCHEMA.schema["answer"].config["options"]
        ),
        "driver_kind": {"miner", "pool"},
        "history_period": {"hour", "day"},
        "index_signature": {"unsigned"},
        "failover_mode": set(failover_runner.MODES),
        "failover_when": set(Criterion),
        "failover_choice": set(failover_runner.CHOICES),
        # The other choice is the currency of Home Assistant, which needs no text
        "coin_currency": {"other"},
        "plug_cycle": set(watchdog.CYCLES),
        "price_source": {"none", "sensor", "fixed"},
        # See test_every_sentence_is_one_of_a_reason
        "sentence": set(selectors["sentence"]["options"]),
        # See test_what_is_said_is_translated
        "speech": set(selectors["speech"]["options"]),
        "mode": set(
            load("services.yaml")["set_mode"]["fields"]["mode"]["selector"]["select"][
                "options"
            ]
        ),
        "autotune_goal": {*Goal},
        "autotune_start": {autotune_flow.NOW, autotune_flow.AT_NIGHT},
        "driver_origin": {*get_args(compare.Origin.__value__), "address"},
        "compare_kind": set(get_args(comparison.Kind.__value__)) - {"same"},
        "driver_source": set(get_args(overview.Source.__value__)),
        # See tests/strategy and tests/hmm_local: each is walked through
        **{
            name: set(it["options"])
            for name, it in selectors.items()
            if name.startswith("strategy_") or name == "hmm_local_rule"
        },
        "driver_state": set(get_args(overview.State.__value__)),
    }
    assert {name: set(it["options"]) for name, it in selectors.items()} == words


@pytest.mark.parametrize("flow", ["config", "options"])
def test_titles_of_menus_have_no_placeholders(flow: str) -> None:
    """The frontend fills them in forms alone: the dialog would be titled with an error."""
    for key, step in load("translations/en.json")[flow]["step"].items():
        assert "menu_options" not in step or "{" not in step["title"], key


def test_every_error_of_a_form_is_translated() -> None:
    """Given the config flow, then its errors have texts, and no others."""
    own: set[str] = set()
    files = [
        parse(COMPONENT / file)
        for file in (
            "config_flow.py",
            "hmm_local/flow.py",
            "miner/flow.py",
            "miner/login.py",
            "pool/account.py",
            "pool/flow.py",
        )
    ]
    for node in (node for tree in files for node in ast.walk(tree)):
        match node:
            case ast.Call(func=ast.Name(id="Refused"), args=[_, key, *_]):
                own |= literals(key)
            case ast.Assign(targets=[ast.Subscript(value=ast.Name(id="errors"))]):
                own |= literals(node.value)
            case ast.Assign(
                targets=[ast.Name(id="errors")], value=ast.Dict(values=values)
            ):
                own |= {text for value in values if (text := literal(value))}
            case ast.Return(value=ast.Tuple(elts=[ast.Dict(values=values), *_])):
                own |= {text for value in values if (text := literal(value))}
    # A network or a range is typed, never an answer
    own |= {"range_nothing", "range_own_too_large"}
    # Of the price that rules of HMM-Local are taken over to
    own |= {"price_unavailable", *UnitProblem}
    shown = load("translations/en.json")["config"]["error"]
    of_classes = {key for _, key in hmm_local._ERRORS}
    reasons = errors.FORM_REASONS | {errors.POOL + key for key in errors.POOL_REASONS}
    assert (
        shown.keys()
        == own | set(get_args(AddressFault.__value__)) | of_classes | reasons
    )


# Icons, actions, rules, pictures


def test_icons_belong_to_entities() -> None:
    """Given the icons, then each is of an entity or action that exists.

    An entity without a device class has nothing else to be known by.
    """
    icons = load("icons.json")
    shown = {
        (platform, key)
        for platform, entities in icons["entity"].items()
        for key in entities
    }
    known = {(platform, d.translation_key) for platform, d in descriptions()}
    assert shown <= known
    assert {
        (platform, d.translation_key)
        for platform, d in descriptions()
        if d.device_class is None
    } <= shown
    for platform, entities in icons["entity"].items():
        for key, icon in entities.items():
            if (platform, key) == ("select", "mode"):
                states = load("translations/en.json")["entity"]["select"]["mode"]
                assert icon["state"].keys() == states["state"].keys()


def test_actions_are_described() -> None:
    """Given the actions, then fields, texts and icons are the code's own."""
    described = load("services.yaml")
    texts_ = load("translations/en.json")["services"]
    code: dict[str, Any] = {}
    for module in (services, profile_services, strategy_actions):
        code |= vars(module)
    for action in driver_actions.DRIVER_ACTIONS:
        code[f"SERVICE_{action.name.upper()}"] = action.name
        code[f"{action.name.upper()}_SCHEMA"] = action.schema
    for name in COMMANDS:
        code |= {f"SERVICE_{name.upper()}": name}
        code |= {f"{name.upper()}_SCHEMA": schema_of(name)}
    registered = {value for name, value in code.items() if name.startswith("SERVICE_")}
    assert registered
    assert registered == described.keys() == texts_.keys()
    assert registered == load("icons.json")["services"].keys()
    for name in registered:
        *_, schema = code[f"{name.upper()}_SCHEMA"].validators
        accepted = {str(key) for key in schema.schema}
        fields = (described[name] or {}).get("fields", {})
        assert fields.keys() == texts_[name].get("fields", {}).keys()
        assert fields.keys() == accepted - {
            str(item) for item in cv.TARGET_SERVICE_FIELDS
        }
        required = {str(key) for key in schema.schema if isinstance(key, vol.Required)}
        assert required == {k for k, field in fields.items() if field.get("required")}
        for key, field in fields.items():
            if limits := field["selector"].get("number"):
                check = next(v for k, v in schema.schema.items() if k == key)
                vol.Schema(check)(limits["min"])
                vol.Schema(check)(limits["max"])
                with pytest.raises(vol.Invalid):
                    vol.Schema(check)(limits["max"] + 1)
    # What its text proposes
    assert (
        described["compare_pools"]["fields"]["days"]["selector"]["number"]["min"] < 0.5
    )


def test_quality_scale_judges_every_rule() -> None:
    """Given the quality scale, then each rule has a status, or says why not."""
    rules = load("quality_scale.yaml")["rules"]
    assert len(RULES) == 54
    assert rules.keys() == RULES
    for name, rule in rules.items():
        if isinstance(rule, dict):
            assert rule["status"] in {"done", "todo", "exempt"}, name
            assert rule["comment"], name
        else:
            assert rule == "done", name


@pytest.mark.parametrize(
    ("name", "height", "square"),
    [
        ("icon.png", 256, True),
        ("icon@2x.png", 512, True),
        ("logo.png", 256, False),
        ("logo@2x.png", 512, False),
    ],
)
def test_brand_picture_has_the_right_size(name: str, height: int, square: bool) -> None:
    """Given a picture of the brand, then it is a PNG with alpha of its size."""
    header = (COMPONENT / "brand" / name).read_bytes()[:26]
    assert header.startswith(b"\x89PNG\r\n\x1a\n")
    width, result, depth, color = struct.unpack(">IIBB", header[16:26])
    assert (result, depth, color) == (height, 8, 6)
    assert (width == height) is square
