"""The sentences as files: the way that Home Assistant supports."""

from custom_components.hmm.languages import LANGUAGES
from custom_components.hmm.voice.answers import REPLIES
from custom_components.hmm.voice.triggers import read_sentences


def test_each_language_has_all_intents() -> None:
    """Given the files, then each language can ask and say everything."""
    files = read_sentences()
    assert len(files) == len(LANGUAGES)
    for language, sentences in files.items():
        assert set(sentences) == set(files["en"]), language
    assert {intent_type for intent_type, _ in files["en"]} == set(REPLIES)
