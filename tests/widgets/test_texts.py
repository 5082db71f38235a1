"""Every panel that takes a text: what no notebook can carry is one sentence, what is merely odd is no traceback."""

import functools
import re

import pytest
from jupyter_client.session import json_packer

from gpt2lab import widgets
from gpt2lab.errors import InputError
from gpt2lab.widgets.traits import Words


def texts_of(name):
    """The names of the settings of a panel that hold a text."""
    known = getattr(widgets, name).class_traits(panel=True) if name.endswith("Panel") else {}
    return [setting for setting, trait in known.items() if isinstance(trait, Words)]


TEXTS = [(name, setting) for name in widgets.__all__ for setting in texts_of(name)]


@functools.cache
def panel_of(name):
    return getattr(widgets, name)()


def test_the_panels_with_a_text_are_found():
    assert {("BPEPanel", "text"), ("AttentionPanel", "text"), ("LabModelsPanel", "letters")} <= set(TEXTS)


@pytest.mark.parametrize(("name", "setting"), TEXTS)
@pytest.mark.parametrize(("text", "place"), [("\ud800", 0), ("a\ud83d b", 1), ("\udc4d\ud83d", 0)])
def test_half_characters_are_one_sentence(name, setting, text, place):
    panel = panel_of(name)
    before = panel.settings(), panel.png
    message = f"{setting} must be made of whole characters, got half of one at place {place}, {text[place]!r}: drop it"
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        panel.set(**{setting: text})
    panel.control(setting).value = text
    assert panel.message == message
    json_packer(panel.children[-1].value)  # the sentence itself can be sent
    assert (panel.settings(), panel.png) == before


@pytest.mark.parametrize(("name", "setting"), TEXTS)
@pytest.mark.parametrize("text", ["\0", "a\0b", "\x7f\u2028", "👍", "e\u0301"])
def test_odd_characters_are_drawn_or_one_sentence(name, setting, text):
    panel = panel_of(name)
    try:
        panel.set(**{setting: text})
    except InputError as error:
        assert str(error).startswith(f"{setting} must be ") and "\n" not in str(error)
    else:
        assert getattr(panel, setting) == text
