"""The messages of the blueprints are in all languages of HMM."""

from pathlib import Path
import re

from homeassistant.core import HomeAssistant
from homeassistant.util.yaml import load_yaml_dict
import pytest

from simulator import SimulatedAxeOS
from tests.conftest import miner_entry, set_up

from .conftest import FOLDER, NOTIFY, Clock, automate

LANGUAGES = {
    path.stem
    for path in Path(__file__)
    .parents[2]
    .glob("custom_components/hmm/translations/*.json")
}
SPEAKING = sorted(
    path for path in FOLDER.glob("*.yaml") if "\n  words:\n" in path.read_text("utf-8")
)


def test_what_has_a_message_has_its_words() -> None:
    """Given a blueprint with an action for messages, then it has words for them."""
    telling = [
        item for item in FOLDER.glob("*.yaml") if "!input notify" in item.read_text()
    ]
    assert sorted(telling) == SPEAKING


@pytest.mark.parametrize("path", SPEAKING, ids=lambda path: path.stem)
def test_words_are_in_all_languages(path: Path) -> None:
    """Given a language, then it can be chosen, and says as much as English."""
    blueprint = load_yaml_dict(str(path))
    words = blueprint["variables"]["words"]
    assert set(words) == LANGUAGES
    sections = blueprint["blueprint"]["input"].values()
    (language,) = (
        section["input"]["language"]
        for section in sections
        if "language" in section["input"]
    )
    options = language["selector"]["select"]["options"]
    assert {option["value"] for option in options} == LANGUAGES
    english = {key: set(re.findall(r"{\d}", text)) for key, text in words["en"].items()}
    for texts in words.values():
        said = {key: set(re.findall(r"{\d}", text)) for key, text in texts.items()}
        assert said == english


@pytest.mark.parametrize(
    "path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem
)
def test_what_is_missing_is_named_as_it_is_labelled(path: Path) -> None:
    """Home Assistant says "Missing input tariff": so begins or ends its label."""
    for name, given in load_yaml_dict(str(path))["blueprint"]["input"].items():
        for key, field in given.get("input", {name: given}).items():
            if field is not None and "default" not in field:
                assert key in field["name"].casefold()


@pytest.mark.parametrize(
    ("language", "over"),
    [("fr", r"Résolu après \d+ min\. "), ("zh-Hans", r"\d+ 分钟后恢复。 ")],
)
async def test_an_incident_in_another_language(
    home: HomeAssistant,
    clock: Clock,
    notifications: list[dict[str, str]],
    bitaxe: SimulatedAxeOS,
    language: str,
    over: str,
) -> None:
    """Given a language, the words around the reasons of HMM are in it."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe", title="Axe"))
    await automate(home, "miner_offline", notify=NOTIFY, language=language)
    await clock.wait(3, entry)
    await bitaxe.unplug()
    await clock.wait(8, entry)
    await bitaxe.plug_in()
    await clock.wait(6, entry)
    assert len(notifications) == 2
    assert re.match(over, notifications[1]["message"])
