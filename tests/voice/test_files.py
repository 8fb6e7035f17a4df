"""The sentences as files: the way that Home Assistant supports."""

from custom_components.hmm.voice.answers import REPLIES
from custom_components.hmm.voice.triggers import read_sentences


def test_each_language_has_all_intents() -> None:
    """Given the files, then each language can ask and say everything."""
    files = read_sentences()
    assert set(files) == {"de", "en"}
    shapes = [set(sentences) for sentences in files.values()]
    assert shapes[0] == shapes[1]
    assert {intent_type for intent_type, _ in shapes[0]} == set(REPLIES)
