"""Cause beside effect: the sentence, what is off and the prediction stay on screen, in JupyterLab at 1366 × 768."""

from explorer_page import SETUP, Shown

from gpt2lab.explorer.selection import VIEWS

BOX = "import ipywidgets\nipywidgets.HBox([explorer, Explorer(model, course_encoding(), 'return 1')])"
# The boxes of the three, in the window, and whether something else covers their middle.
SEEN = """e => ['.g2x-text textarea', '.g2x-prediction', '.g2x-which .g2x-summary'].map((name) => {
    const b = e.querySelector(name).getBoundingClientRect();
    const hit = document.elementFromPoint(b.x + 3, b.y + b.height / 2);
    return b.height > 10 && b.top >= 0 && b.bottom <= innerHeight && Boolean(hit?.closest('.g2x'));
})"""


def test_sentence_prediction_and_what_is_off_are_seen_in_every_view(opened):
    with opened("small", "explorer.ablated = ['head 1.1', 'ffn 2']", width=1366, height=768) as (notebook, shown):
        notebook.run(2)
        shown.wait(rev=2)
        shown.root.evaluate("e => e.scrollIntoView({block: 'start'})")
        for view in VIEWS:
            shown.root.locator(f"[data-view={view}]").click()
            shown.wait(view=view)
            shown.root.locator(".g2x-lower").evaluate("e => { e.scrollTop = e.scrollHeight; }")
            assert shown.root.evaluate(SEEN) == [True] * 3, view
            assert shown.root.evaluate("e => e.getBoundingClientRect().bottom <= innerHeight"), view
            assert shown.root.locator(".g2x-candidates li").count() >= 4, view
        assert notebook.errors == []


def test_many_patches_take_one_line_and_leave_the_chosen_row_in_sight(opened):
    patch = "explorer.patched = ['head 1.1 all zero', 'ffn 0 3 zero', 'stream 1 2 mean', 'edge 0.1 5>2 zero']"
    setup = f"{SETUP}\nexplorer.view = 'head'"
    with opened("patches", patch, setup=setup, width=1366, height=768) as (notebook, shown):
        notebook.run(2)
        shown.wait(rev=2, view="head")
        shown.root.evaluate("e => e.scrollIntoView({block: 'start'})")
        assert shown.root.locator(".g2x-patches").evaluate("e => e.clientHeight") < 50
        below = "e => e.querySelector('.g2x-lower').getBoundingClientRect().bottom"
        cells = "[...e.querySelectorAll('.g2x-panel .g2x-selected')]"
        row = f"e => Math.max(...{cells}.map((cell) => cell.getBoundingClientRect().bottom))"
        notebook.wait_until(lambda: shown.root.evaluate(row) <= shown.root.evaluate(below), "the chosen row in sight")
        assert shown.root.locator(".g2x-strip-title").inner_text().endswith("before | after")
        assert notebook.errors == []


def test_two_explorers_side_by_side_in_a_box_are_both_usable(opened):
    with opened("side", BOX, width=1366, height=768) as (notebook, first):
        notebook.run(2)
        for at in (0, 1):
            shown = Shown(notebook, 2, at)
            assert shown.root.evaluate("e => e.clientWidth") >= 360
            assert shown.root.locator(".g2x-candidates li").count() >= 2
        assert notebook.errors == []


def test_what_is_off_looks_off_in_one_head_too(opened):
    with opened("pale", setup=f"{SETUP}\nexplorer.view = 'head'") as (notebook, shown):
        shown.wait(view="head")
        assert shown.root.locator(".g2x-pale").count() == 0
        shown.button("Switch head 0.0 off").click()
        shown.wait(rev=2)
        shown.root.get_by_text("Head 0.0 is off: it adds nothing.").wait_for()
        assert shown.root.locator(".g2x-pale").count() == 2
        shown.root.get_by_text("Who looks at whom, after").wait_for()
        assert "before" in shown.root.locator(".g2x-readout").inner_text()
        assert shown.root.get_by_role("button", name="Patch this edge").count() == 0  # it would have no effect
        shown.root.locator("[data-view=heads]").click()
        shown.wait(view="heads")
        assert shown.root.locator(".g2x-close .g2x-off").count() == 1
        shown.root.get_by_role("gridcell", name="Layer 0, head 1").hover()
        notebook.wait_until(lambda: shown.root.locator(".g2x-close .g2x-off").count() == 0, "a head that is on")


def test_the_presenter_has_a_button_and_the_text_box_fits_its_text(opened):
    with opened("presenter", setup=f"{SETUP}\nexplorer.text = 'for i in range(10): ' * 3") as (notebook, shown):
        box = shown.root.get_by_role("textbox", name="Text for the model")
        before = box.evaluate("e => e.clientWidth")
        notebook.page.set_viewport_size({"width": 700, "height": 768})
        fits = "e => e.scrollHeight <= e.clientHeight && e.scrollHeight > e.clientHeight - 6"
        notebook.wait_until(lambda: box.evaluate("e => e.clientWidth") != before, "another width")
        notebook.wait_until(lambda: box.evaluate(fits), "a box as high as its text")
        shown.button("Presenter").click()
        notebook.wait_until(lambda: shown.root.get_attribute("data-presenter") == "true", "presenter mode")
        assert shown.button("Presenter").get_attribute("aria-pressed") == "true"


def test_enter_on_a_head_keeps_the_keyboard_in_the_explorer(opened):
    with opened("enter") as (notebook, shown):
        shown.root.get_by_role("gridcell", name="Layer 0, head 0").focus()
        notebook.page.keyboard.press("Enter")
        shown.wait(view="head")
        inside = "document.activeElement.closest('.g2x-panel') !== null"
        notebook.wait_until(lambda: notebook.page.evaluate(inside), "the keyboard in the view")


def test_next_token_bars_stand_on_an_axis_up_to_all_and_the_zoom_says_so(opened):
    with opened("axis", setup=f"{SETUP}\nexplorer.view = 'next'") as (notebook, shown):
        shown.wait(view="next")
        words = shown.root.locator(".g2x-panel svg text")
        assert "100 %" in words.all_inner_texts() or "100 %" in words.all_text_contents()
        shown.button("Zoom").click()
        shown.root.get_by_text("zoomed: the axis ends at").first.wait_for()
        assert "100 %" not in words.all_text_contents()
