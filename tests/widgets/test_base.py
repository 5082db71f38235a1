"""The base of the panels: settings, one redraw per change, sentences, a picture for every place."""

import base64
import io
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from gpt2lab.figures import plots
from gpt2lab.figures.style import Picture
from gpt2lab.widgets import Panel
from gpt2lab.widgets.traits import Choice, Number, Switch, Whole, Words


class Squares(Panel):
    """A panel of every kind of setting."""

    text = Words("abc", label="Text")
    n = Whole(2, low=1, high=lambda panel: len(panel.text), label="n")
    factor = Number(1.0, 0.1, 10.0, log=True, label="Factor")
    offset = Number(0.0, -1.0, 1.0, label="Offset")
    color = Choice(("blue", "orange"), label="Colour")
    big = Switch(False, label="big")
    rows = (("text",), ("n", "factor", "offset"), ("color", "big"))

    def accept_text(self, text):
        if not text:
            raise ValueError("text must have a letter, got an empty string")

    def settle(self):
        self.n = min(self.n, len(self.text))

    def measure(self):
        if self.big and self.n == 1:
            raise RuntimeError("out of <b>order</b>\nsecond line")
        return self.n**2 * self.factor + self.offset

    def draw(self):
        return plots.bars(["n squared"], [self.result], title="Squares")


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("L"), dtype=float)


def test_driven_from_python():
    panel = Squares()
    assert panel.result == 4
    panel.n = 3
    assert panel.result == 9
    panel.set(n=2, factor=0.5, offset=1)
    assert panel.result == 3
    assert panel.settings() == dict(text="abc", n=2, factor=0.5, offset=1.0, color="blue", big=False)


def test_one_redraw_per_change_and_none_without_one():
    panel = Squares()
    assert panel.redraws == 1
    panel.n = 3
    assert panel.redraws == 2
    panel.n = 3
    assert panel.redraws == 2
    panel.set(n=1, factor=2.0, color="orange")
    assert panel.redraws == 3
    panel.text = "a"  # n is out of range now and follows, in the same redraw
    assert panel.redraws == 4 and panel.n == 1
    panel.redraw()
    assert panel.redraws == 5


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (dict(n=4), "n must be a whole number from 1 to 3, got 4"),
        (dict(n=1.5), "n must be a whole number from 1 to 3, got 1.5"),
        (dict(n=True), "n must be a whole number from 1 to 3, got True"),
        (dict(factor=0), "factor must be a number from 0.1 to 10, got 0"),
        (dict(factor=float("nan")), "factor must be a number from 0.1 to 10, got nan"),
        (dict(factor=10**400), f"factor must be a number from 0.1 to 10, got 1{'0' * 58}…"),
        (dict(offset="much"), "offset must be a number from -1 to 1, got 'much'"),
        (dict(color="red"), "color must be one of 'blue', 'orange', got 'red'"),
        (
            dict(color=np.array(["blue", "red"])),
            "color must be one of 'blue', 'orange', got array(['blue', 'red'], dtype='<U4')",
        ),
        (dict(big=1), "big must be True or False, got 1"),
        (dict(text=7), "text must be a string, got 7"),
        (dict(text=""), "text must have a letter, got an empty string"),
        (dict(colour="blue"), "Squares has the settings text, n, factor, offset, color, big, got 'colour'"),
    ],
)
def test_a_bad_value_is_one_sentence_and_changes_nothing(setting, message):
    panel = Squares()
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        panel.set(**setting)
    assert panel.settings() == Squares().settings() and panel.redraws == 1
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Squares(**setting)
    panel.n = 1  # and the panel still works
    assert panel.result == 1


def test_start_values_in_any_order():
    assert Squares(n=5, text="abcde").result == 25


def test_numpy_numbers_are_numbers():
    assert Squares(n=np.int64(3), factor=np.float32(2)).result == 18


def test_a_number_just_outside_by_rounding_is_the_limit():
    assert Squares(factor=10 + 1e-9).factor == 10.0 and Squares(factor=0.1 - 1e-11).factor == 0.1
    with pytest.raises(ValueError, match="factor must be a number from 0.1 to 10"):
        Squares(factor=10.001)


def test_settings_that_stay_the_same_draw_nothing():
    panel = Squares()
    panel.n = 3
    panel.set(n=3, color="blue")
    panel.set()
    assert panel.redraws == 2


def test_controls_and_settings_follow_each_other():
    panel = Squares()
    panel.control("n").value = 3
    assert panel.n == 3 and panel.result == 9
    panel.n = 1
    assert panel.control("n").value == 1
    panel.text = "abcdef"
    assert panel.control("n").max == 6
    panel.n = 6
    panel.text = "ab"
    assert (panel.n, panel.control("n").value, panel.control("n").max) == (2, 2, 2)
    panel.control("factor").value = panel.control("factor").base ** panel.control("factor").max
    assert panel.factor == 10.0


def test_every_control_has_a_name_that_is_read_aloud():
    panel = Squares()
    assert [panel.control(name).description for name in panel.setting_names()] == [
        "Text", "n", "Factor", "Offset", "Colour", "big",
    ]  # fmt: skip


def test_bad_input_in_a_control_becomes_a_sentence_in_the_panel():
    panel = Squares()
    before = panel.png
    panel.control("text").value = ""
    assert panel.message == "text must have a letter, got an empty string"
    assert panel.message in panel.children[-1].value
    assert panel.png == before and panel.text == "abc" and panel.redraws == 1
    panel.control("text").value = "abcd"
    assert panel.message == "" and panel.text == "abcd"


def test_whatever_goes_wrong_in_the_model_becomes_a_sentence_too():
    panel = Squares(n=1)
    panel.control("big").value = True
    assert panel.message == "The model could not be run: RuntimeError: out of <b>order</b>"
    assert "&lt;b&gt;order" in panel.children[-1].value  # shown as text, not as HTML
    with pytest.raises(RuntimeError):  # from Python it stays what it is
        panel.redraw()


def test_repr_and_text_are_the_same_on_every_run():
    panel = Squares(n=3)
    expected = "Squares(text='abc', n=3, factor=1.0, offset=0.0, color='blue', big=False)"
    assert repr(panel) == repr(Squares(n=3)) == expected
    bundle, _ = panel._repr_mimebundle_()
    assert bundle["text/plain"] == expected


@pytest.mark.usefixtures("sharp")
def test_the_output_holds_a_live_view_and_a_picture():
    panel = Squares()
    bundle, metadata = panel._repr_mimebundle_()
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == panel.model_id
    drawn, shown = pixels(base64.b64decode(bundle["image/png"])), metadata["image/png"]
    live = pixels(panel.png)
    assert (drawn[: len(live)] == live).all() and live.std() > 10
    assert drawn.shape[1] / shown["width"] == pytest.approx(1.5, abs=0.01)  # sharp on fine screens
    assert drawn.shape[0] / shown["height"] == pytest.approx(1.5, abs=0.01)


def test_a_stored_picture_says_that_its_cell_gives_it_controls(monkeypatch):
    notes = []
    monkeypatch.setattr(Picture, "noted", lambda self, png, note: notes.append(note) or png)
    Squares()._repr_mimebundle_()
    assert notes == ["▶ Run this cell in Jupyter (Shift+Enter) to change: Text, n, Factor, Offset, Colour, big"]


@pytest.mark.usefixtures("sharp")
def test_a_note_below_a_picture_is_cut_where_the_picture_ends():
    picture = Picture(2, 1)
    below = pixels(picture.noted(picture.png(), "one two three " * 9))[-round(0.36 * 144) + 4 :]
    assert below.shape[1] == 288 and below.min() < 100
    assert below[:, -12:].min() == 255


def test_who_cannot_see_the_picture_hears_its_title_settings_and_result():
    panel = Squares(n=3)
    told = "Squares; Text: abc, n: 3, Factor: 1.0, Offset: 0.0, Colour: blue, big: off; 9.0"
    assert panel._view.alt == panel._repr_mimebundle_()[1]["image/png"]["alt"] == told
    panel.big = True
    assert "big: on" in panel._view.alt


def test_the_page_knows_the_smallest_letters_of_the_picture():
    picture = Picture(4, 3)
    picture.png()
    assert picture.smallest_letters() == 11.5
    picture.write(None, 0.5, 0.5, "small", size=9)
    picture.write(None, 0.5, 0.5, " ", size=5)  # nothing to read
    assert picture.smallest_letters() == 9
    axes = picture.add_subplot()
    axes.text(0.5, 0.5, "smaller", fontsize=8)
    axes.text(0.5, 0.5, "hidden", fontsize=6, visible=False)
    picture.png()
    assert picture.smallest_letters() == 8
    assert Squares()._view.letters == pytest.approx(11.5 * 96 / 72)


def test_the_picture_changes_with_the_setting_and_stands_on_white():
    panel = Squares()
    before = panel.png
    panel.n = 3
    assert panel.png != before
    edges = pixels(panel.png)[[0, -1]]
    assert edges.min() == 255  # legible on a dark page as well


def test_matplotlib_is_left_as_it_was():
    code = (
        "import sys, matplotlib; before = matplotlib.rcParams.copy()\n"
        "from gpt2lab.figures import plots\n"
        "plots.bars(['a'], [1]).png()\n"
        "assert matplotlib.rcParams.copy() == before and 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_panel_uses_neither_output_nor_interact():
    panel = Squares()
    kinds = {type(widget).__name__ for widget in panel.children} | {
        type(panel.control(name)).__name__ for name in panel.setting_names()
    }
    assert not kinds & {"Output", "interactive", "interactive_output"}
