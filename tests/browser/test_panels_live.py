"""Panels where people meet them: in JupyterLab, with the keyboard, and in a notebook nobody ran."""

import pytest

from gpt2lab.course import notebooks

PANEL = [
    "from gpt2lab.widgets import AttentionPanel\npanel = AttentionPanel()",
    "panel",
    "print(panel.head, panel.text)",
]
PREDICT = "from gpt2lab.widgets import Predict\nguess = Predict('Does it rain?', ['yes', 'no'])\nguess"


def stands_at(slider, value):
    return lambda: float(slider.get_attribute("aria-valuetext")) == value


def test_a_slider_moved_with_the_keyboard_changes_the_panel_in_the_kernel(lab):
    with lab.open(lab.write("keyboard", PANEL)) as notebook:
        notebook.run(0)
        notebook.run(1)
        picture = notebook.output(1).locator("img")
        picture.wait_for()
        before = picture.get_attribute("src")
        slider = notebook.output(1).locator(".widget-slider", has_text="Head").get_by_role("slider")
        assert slider.evaluate("knob => getComputedStyle(knob).borderTopColor") == "rgb(118, 118, 118)"  # 4.5 to white
        slider.focus()
        for _ in range(3):
            notebook.page.keyboard.press("ArrowRight")
        notebook.wait_until(stands_at(slider, 3), "the slider stands at 3")
        notebook.wait_until(lambda: picture.get_attribute("src") != before, "another picture")
        assert notebook.run(2).startswith("3 ")
        assert notebook.blocked == []


def test_bad_input_is_a_sentence_in_the_panel_and_good_input_clears_it(lab):
    with lab.open(lab.write("text", PANEL)) as notebook:
        notebook.run(0)
        notebook.run(1)
        box = notebook.output(1).get_by_role("textbox").first
        box.fill("")
        notebook.output(1).get_by_text("text must have at least one token").wait_for()
        assert "The robot" in notebook.run(2)  # the panel keeps the last good text
        box.fill("<img src=x onerror=alert(1)> & <|endoftext|>")
        notebook.output(1).get_by_text("text must have").wait_for(state="detached")
        assert "<|endoftext|>" in notebook.run(2)
        assert notebook.page.locator(".jp-RenderedText[data-mime-type*=error], .jp-mod-error").count() == 0


def test_a_menu_on_a_narrow_page(lab):
    cells = ["from gpt2lab.widgets import PathPanel\npaths = PathPanel()", "paths", "print(paths.length)"]
    with lab.open(lab.write("menu", cells), width=1000) as notebook:
        notebook.run(0)
        notebook.run(1)
        notebook.output(1).locator("img").wait_for()
        panel = notebook.output(1).locator(".gpt2lab-panel")
        assert panel.evaluate("panel => panel.scrollWidth - panel.clientWidth") == 0  # no scroll bar
        menu = notebook.output(1).get_by_role("combobox")
        menu.focus()
        first = menu.input_value()
        # JupyterLab takes a bare arrow for itself; an open menu gets it. Nothing tells when it is open.
        for pause in (100, 300, 3000, 30_000):
            for key in ("Space", "ArrowDown", "Enter"):
                notebook.page.keyboard.press(key)
                notebook.page.wait_for_timeout(pause)
            if menu.input_value() == "64":
                break
            menu.select_option(first)
        notebook.wait_until(lambda: menu.input_value() == "64", "the menu stands at 64")
        assert notebook.run(2).strip() == "64" and notebook.blocked == []


def test_python_moves_the_controls(lab):
    with lab.open(lab.write("drive", [*PANEL[:2], "panel.head = 2; panel.causal = False"])) as notebook:
        for n in range(3):
            notebook.run(n)
        slider = notebook.output(1).locator(".widget-slider", has_text="Head").get_by_role("slider")
        notebook.wait_until(stands_at(slider, 2), "the slider stands at 2")
        assert not notebook.output(1).get_by_label("causal mask").is_checked()


def test_the_labs_models_follow_its_curves_and_read_typed_letters(lab):
    cells = [
        "from gpt2lab.widgets import LabModelsPanel, LabPanel\ncurves, models = LabPanel(), LabModelsPanel()",
        "models.follow(curves)\ncurves",
        "models",
        "print(models.part, models.letters)",
    ]
    with lab.open(lab.write("lab_models", cells)) as notebook:
        for n in range(3):
            notebook.run(n)
        picture, box = notebook.output(2).locator("img"), notebook.output(2).get_by_role("textbox").first
        picture.wait_for()
        before = picture.get_attribute("src")
        notebook.output(1).get_by_role("combobox").nth(1).select_option("rope")
        notebook.wait_until(lambda: picture.get_attribute("src") != before, "another picture")
        box.fill("headlandz")
        notebook.output(2).get_by_text("letters must be exactly 8 letters from a to p").wait_for()
        assert notebook.run(3).startswith("rope mandible")
        box.fill("headland")
        notebook.output(2).get_by_text("letters must be").wait_for(state="detached")
        assert notebook.run(3).startswith("rope headland") and notebook.blocked == []


def test_predict_is_answered_with_the_keyboard_and_keeps_the_answer(lab):
    with lab.open(lab.write("predict", [PREDICT, "guess.compare('no')"])) as notebook:
        notebook.run(0)
        notebook.output(0).get_by_role("radio").first.focus()
        notebook.page.keyboard.press("Space")
        assert 'You predicted "yes".' in notebook.run(1)
        notebook.run(0)  # the cell again: another panel, the same answer
        assert notebook.output(0).get_by_role("radio").first.is_checked()
        assert 'You predicted "yes".' in notebook.run(1)


LOOK = """image => ({
    filter: getComputedStyle(image).filter, width: image.clientWidth, alt: image.alt,
    letters: image.clientWidth / image.style.getPropertyValue("--wide") * image.style.getPropertyValue("--letters"),
    room: image.parentElement.clientWidth, scrolled: image.parentElement.tabIndex,
})"""


ARROW = "menu => getComputedStyle(menu).backgroundImage"


def test_a_picture_follows_theme_and_width_and_is_described(lab):
    with lab.open(lab.write("looks", PANEL[:2]), dark=True, width=1920, height=1080) as notebook:
        notebook.run(0)
        notebook.run(1)
        picture = notebook.output(1).get_by_role("img", name="Attention, layer 0, head 0; Text: The robot")
        picture.wait_for()
        look = picture.evaluate(LOOK)
        assert "invert" in look["filter"] and look["letters"] >= 18 and look["width"] > 0.75 * look["room"]
        menu = notebook.output(1).get_by_role("combobox").first
        on_dark = menu.evaluate(ARROW)
        notebook.theme(dark=False)
        assert picture.evaluate(LOOK)["filter"] == "none"  # without running anything
        assert menu.evaluate(ARROW) != on_dark
        notebook.page.set_viewport_size({"width": 700, "height": 700})
        notebook.wait_until(lambda: picture.evaluate(LOOK)["scrolled"] == 0, "it is scrolled, also with the keyboard")
        assert picture.evaluate(LOOK)["letters"] >= 12


@pytest.mark.parametrize("width", [1300, 1920])
def test_answers_stand_apart_also_on_a_projector(lab, width):
    with lab.open(lab.write("apart", [PREDICT.replace("rain", "hail")]), width=width) as notebook:
        notebook.run(0)
        answers = notebook.output(0).locator(".widget-radio-box label")
        answers.first.wait_for()
        lines = answers.evaluate_all("all => all.map(one => one.getBoundingClientRect().top)")
        letters = answers.first.evaluate("one => parseFloat(getComputedStyle(one).fontSize)")
        assert lines[1] - lines[0] >= 1.4 * letters


def test_after_run_all_panels_and_predictions_tell_nothing_too_early(lab):
    cells = [
        *PANEL[:2],
        "panel.head = 2\nprint(panel.head)",
        PREDICT.replace("rain", "snow"),
        "guess.compare('no')",
    ]
    with lab.open(lab.write("run_all", cells)) as notebook:
        notebook.run(0)
        notebook.page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
        below = notebook.output(4).locator("summary")
        below.wait_for()
        slider = notebook.output(1).locator(".widget-slider", has_text="Head").get_by_role("slider")
        assert notebook.output(2).inner_text().strip() == "2" and stands_at(slider, 0)()
        notebook.output(1).get_by_text("A cell below moves this panel").wait_for()
        assert "Measured" not in notebook.output(3).inner_text()
        assert not notebook.output(4).get_by_text("Measured: no").is_visible()
        notebook.run(2)
        notebook.wait_until(stands_at(slider, 2), "the slider stands at 2")
        notebook.output(3).get_by_role("radio").first.check()
        for n in (3, 4):
            notebook.output(n).get_by_text('You predicted "yes".').wait_for()


@pytest.fixture(scope="module")
def stored(lab):
    """A notebook as the course stores them: run once, its outputs kept, its widgets gone."""
    path = lab.write("stored", [PANEL[0] + "\npanel"])
    notebooks.run(path)
    return path


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_notebook_that_was_not_run_shows_the_stored_picture(lab, stored, spread_of_pixels, dark):
    with lab.open(stored, dark=dark) as notebook:
        picture = notebook.output(0).locator("img")
        picture.wait_for()
        assert spread_of_pixels(picture.screenshot()) > 20
        assert notebook.output(0).get_by_text("Error displaying widget").count() == 0
        # It is drawn at least as sharp as it is shown.
        assert picture.evaluate("image => image.naturalWidth / image.width") >= 1
        assert notebook.blocked == []
