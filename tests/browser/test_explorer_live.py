"""The explorer in JupyterLab: mouse, keyboard, typing, and Python at the other end."""

import json

import pytest
from explorer_page import ECHO, SETUP, SHOW, Shown, walk

from gpt2lab.explorer.selection import VIEWS


def test_a_click_reaches_python_and_python_reaches_the_picture(opened):
    with opened(
        "two_way",
        ECHO,
        "explorer.layer, explorer.head, explorer.view = 2, 1, 'head'",
        "explorer.text = 'def f(x):'",
    ) as (notebook, shown):
        before = shown.pixels()
        shown.root.get_by_role("gridcell", name="Layer 1, head 3").click()
        shown.wait(layer=1, head=3, view="heads")
        assert notebook.run(2).startswith("1 3 19 heads []")
        notebook.run(3)
        shown.wait(layer=2, head=1, view="head")
        after = shown.pixels()
        assert after != before
        notebook.run(4)
        shown.wait(rev=2, token=4)
        assert shown.pixels() != after
        assert notebook.errors == []


def test_typing_runs_the_model_and_bad_text_is_only_text(opened):
    with opened("typing", ECHO) as (notebook, shown):
        box = shown.root.get_by_role("textbox", name="Text for the model")
        box.fill('<b>bold</b> <|endoftext|> </script><img src=x onerror="window.pwned=1">')
        shown.wait(rev=2)
        assert "<b>bold</b>" in notebook.run(2)
        assert shown.root.locator("img, b, script").count() == 0
        assert notebook.page.evaluate("window.pwned") is None
        box.fill("")
        shown.root.get_by_text("Type a sentence to see").wait_for()
        assert shown.root.locator(".g2x-token").count() > 5  # the last picture stays
        box.fill("word " * 100)
        shown.root.get_by_text("the context holds 64: only the first 64 are shown").wait_for()
        assert shown.root.locator(".g2x-token").count() == 64


def test_typing_fast_ends_with_the_last_text(opened):
    with opened("fast", ECHO) as (notebook, shown):
        box = shown.root.get_by_role("textbox", name="Text for the model")
        box.fill("")
        box.press_sequentially("def quick(brown, fox):", delay=25)
        end = "def quick(brown, fox):"
        notebook.wait_until(
            lambda: "".join(shown.root.locator(".g2x-token").all_inner_texts()).replace("␣", " ") == end,
            "the last text",
        )
        assert box.input_value() == end
        assert repr(end) in notebook.run(2)


def test_a_part_switched_off_shows_before_and_after(opened):
    with opened("off", ECHO) as (notebook, shown):
        shown.button("Switch parts off").click()
        for name in ("causal mask", "positions"):
            shown.root.get_by_label(name).uncheck()
        shown.wait(rev=3)
        shown.root.get_by_label("head 2").nth(1).uncheck()
        shown.wait(rev=4)
        assert "['mask', 'positions', 'head 1.2']" in notebook.run(2)
        shown.root.get_by_text("Off: mask, positions, head 1.2").wait_for()
        assert shown.root.get_by_role("gridcell", name="Layer 1, head 2, switched off").count() == 1
        after = shown.pixels()
        shown.button("before").first.click()
        notebook.wait_until(lambda: shown.pixels() != after, "the picture before the change")
        shown.button("All parts on").click()
        shown.wait(rev=5)
        assert "heads []" in notebook.run(2)


def test_a_failing_model_shows_its_message_and_keeps_the_picture(opened):
    with opened(
        "failing",
        "trace = model.trace\nmodel.trace = lambda tokens: 1 / 0\nexplorer.text = 'x y'",
        "model.trace = trace\nexplorer.text = 'x y z'",
    ) as (notebook, shown):
        before = shown.pixels()
        notebook.run(2)
        shown.root.get_by_text("The model could not be run. ZeroDivisionError: division by zero").wait_for()
        assert shown.pixels() == before
        notebook.run(3)
        shown.root.get_by_text("The model could not be run").wait_for(state="detached")
        shown.wait(rev=2)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_view_draws_something_in_both_themes(opened, spread_of_pixels, dark):
    with opened(f"views_{dark}", "explorer.ablated = ['head 1.1']", dark=dark) as (notebook, shown):
        shown.wait(theme="dark" if dark else "light")
        for run in (1, 2):
            for view in VIEWS:
                shown.root.locator(f"[data-view={view}]").click()
                shown.wait(view=view, rev=run)
                assert spread_of_pixels(shown.root.locator(".g2x-panel").screenshot()) > 8, view
                assert shown.root.locator(".g2x-note").count() == 0, view
            if run == 1:
                notebook.run(2)
                shown.wait(rev=2)
        assert notebook.errors == []


def test_the_theme_follows_jupyterlab_without_a_reload(opened):
    with opened("theme") as (notebook, shown):
        shown.wait(theme="light")
        light = shown.pixels()
        notebook.theme(dark=True)
        shown.wait(theme="dark")
        assert shown.pixels() != light


def test_ten_explorers_do_not_disturb_each_other(opened):
    ten = "many = [Explorer(model, course_encoding(), f'x = {i}') for i in range(10)]\n"
    ten += "import ipywidgets; ipywidgets.VBox(many)"
    with opened("ten", ten, "print([e.head for e in many])") as (notebook, first):
        notebook.run(2)
        shown = [Shown(notebook, 2, at) for at in range(10)]
        for i in (3, 7):
            shown[i].root.get_by_role("gridcell", name=f"Layer 0, head {i % 4}").click()
            shown[i].wait(head=i % 4)
        assert notebook.run(3).strip() == "[0, 0, 0, 3, 0, 0, 0, 3, 0, 0]"
        ids = notebook.page.evaluate("[...document.querySelectorAll('.g2x [id]')].map(e => e.id)")
        assert len(ids) == len(set(ids))


def test_two_views_of_one_explorer_show_the_same(opened):
    with opened("twice", "explorer") as (notebook, first):
        notebook.run(2)
        second = Shown(notebook, 2)
        first.root.get_by_role("gridcell", name="Layer 2, head 2").click()
        second.wait(layer=2, head=2)
        assert first.pixels() == second.pixels()


def test_files_are_saved_from_the_browser(opened, tmp_path):
    with opened("files") as (notebook, shown):
        shown.button("Save").click()
        for name, start in {
            "PNG picture": b"\x89PNG",
            "SVG picture": b"<svg",
            "CSV, the numbers": b"layer,head,role",
            "HTML, works without a kernel": b"<!DOCTYPE html>",
        }.items():
            with notebook.page.expect_download() as download:
                shown.button(name).click()
            assert open(download.value.path(), "rb").read().startswith(start), name
        shown.button("Python code").click()
        code = shown.root.get_by_role("textbox", name="Python code of this view")
        code.wait_for()
        notebook.wait_until(lambda: "model.trace(tokens)" in code.input_value(), "the code")


def test_keys_in_the_explorer_leave_the_notebook_alone(opened):
    with opened("keys", "1", "2") as (notebook, shown):
        cells = notebook.page.locator(".jp-Notebook .jp-Cell").count()
        shown.root.get_by_role("gridcell", name="Layer 0, head 0").focus()
        for key in ("a", "b", "d", "d", "ArrowDown", "ArrowRight", "x"):
            notebook.page.keyboard.press(key)
        shown.wait(layer=1, head=1)
        notebook.page.wait_for_timeout(300)
        assert notebook.page.locator(".jp-Notebook .jp-Cell").count() == cells
        focused = notebook.page.evaluate("document.activeElement.getAttribute('aria-label')")
        assert focused.startswith("Layer 1, head 1")


def test_tab_walks_through_the_controls_that_take_a_kernel(opened):
    with opened("tab") as (notebook, shown):
        for name in ("Switch parts off", "Save"):
            shown.button(name).click()
        shown.root.locator("[data-view=next]").click()
        shown.wait(view="next")
        shown.root.get_by_role("textbox", name="Text for the model").focus()
        reached = walk(notebook.page)
        names = {name for name, _ in reached}
        wanted = {"Switch parts off", "causal mask", "positions", "attention", "feed-forward", "head 3"}
        wanted |= {"Save", "CSV, the numbers", "HTML, works without a kernel", "Python code"}
        wanted |= {"Temperature", "Top-k (0 = all)", "Top-p", "As trained", "Layer", "Head"}
        assert wanted <= names, wanted - names
        assert all(outline != "none" for _, outline in reached), reached


def test_state_is_small_when_the_notebook_is_closed_and_reopened(opened):
    """After close() nothing of the widget is left in the kernel."""
    check = "explorer.close()\nprint(explorer.comm)"
    with opened("close", check) as (notebook, shown):
        assert "None" in notebook.run(2)


def test_the_summary_of_a_selection_is_json(opened):
    with opened("json", "import json; print(json.dumps(explorer.roles()))") as (notebook, shown):
        assert isinstance(json.loads(notebook.run(2)), list)


def test_a_browser_that_cannot_unpack_the_explorer_says_so_in_its_place(lab):
    path = lab.write("old", [SETUP, SHOW])
    with lab.open(path, fresh=True, script="delete window.DecompressionStream;") as notebook:
        notebook.run(0)
        notebook.run(1)
        said = notebook.output(1).get_by_role("alert")
        said.wait_for()
        assert said.inner_text().startswith("This browser is too old for what is to be shown here")
        assert notebook.errors == []
