"""The explorer in states that are not the usual ones, in JupyterLab."""

import pytest
from explorer_page import SETUP, Shown

from gpt2lab.explorer.selection import VIEWS

MAKE = SETUP.rsplit("explorer =", 1)[0]


def shape(**sizes):
    sizes = {**dict(vocab_size=1024, d_model=32, context_length=64), **sizes}
    return "GPT2(GPT2Config.tiny(" + ", ".join(f"{k}={v}" for k, v in sizes.items()) + ")).eval()"


def test_both_of_two_models_are_there_in_full(opened):
    first, second = shape(n_layers=4, n_heads=2), shape(n_layers=2, n_heads=4)
    setup = f"{MAKE}explorer = Explorer({first}, course_encoding(), 'a b c', other={second})"
    with opened("two_shapes", setup=setup) as (notebook, shown):
        assert shown.root.get_by_role("gridcell").count() == 2 * 4 + 2 * 2
        shown.root.get_by_role("gridcell", name="Layer 3, head 1").click()
        shown.wait(layer=3, head=1)
        for view in VIEWS:
            shown.root.locator(f"[data-view={view}]").click()
            shown.wait(view=view)
            notes = shown.root.locator(".g2x-note").all_inner_texts()
            assert notes == (["this model has no layer 3"] if view in ("head", "scores", "neurons") else []), view
        shown.root.locator("[data-view=head]").click()
        shown.wait(view="head")
        assert shown.root.get_by_text("Switch head 3.1 off").is_hidden()
        assert notebook.errors == []


@pytest.mark.parametrize("layer", [0, 2])
def test_a_model_full_of_nan_is_explained_in_every_view(opened, layer):
    setup = f"{SETUP}\nwith torch.no_grad():\n    model.blocks[{layer}].ffn.down.weight.fill_(torch.nan)\n"
    setup += "explorer = Explorer(model, course_encoding(), 'a b c', layer=1)"
    with opened(f"nan_{layer}", setup=setup) as (notebook, shown):
        shown.root.get_by_text("the probabilities are nan here").first.wait_for()
        for view in VIEWS:
            shown.root.locator(f"[data-view={view}]").click()
            shown.wait(view=view)
        assert notebook.errors == []


def test_a_field_shows_what_holds_although_it_has_the_focus(opened):
    with opened("fields", "explorer.text = 'from Python'", "explorer.head = 2") as (notebook, shown):
        box = shown.root.get_by_role("textbox", name="Text for the model")
        box.fill("from the keyboard")
        shown.wait(rev=2)
        notebook.page.evaluate(
            """() => {
                const [panel] = window.jupyterapp.shell.widgets("main");
                panel.sessionContext.session.kernel.requestExecute({code: "explorer.text = 'from Python'"});
            }"""
        )
        shown.wait(rev=3)
        notebook.wait_until(lambda: box.input_value() == "from Python", "the text that is shown")
        layer = shown.root.get_by_label("Layer", exact=True)
        layer.fill("99")
        layer.press("Enter")
        shown.wait(layer=2)
        assert layer.input_value() == "2"
        layer.fill("")
        shown.root.get_by_role("gridcell", name="Layer 1, head 3").click()
        shown.wait(layer=1)
        notebook.wait_until(lambda: layer.input_value() == "1", "the layer that is shown")


def test_a_model_that_fails_again_and_again_does_not_hold_the_typing_up(opened):
    with opened("again", "model.trace = lambda tokens: 1 / 0") as (notebook, shown):
        notebook.run(2)
        box = shown.root.get_by_role("textbox", name="Text for the model")
        box.fill("a")
        shown.root.get_by_text("ZeroDivisionError").wait_for()
        ask = "() => window.jupyterapp.shell.widgets('main').next().value.sessionContext.session.kernel"
        ask += ".requestExecute({code: '', user_expressions: {t: 'explorer.text'}}).done"
        ask += ".then(reply => reply.content.user_expressions.t.data['text/plain'])"
        for text in ("ab", "abc", "abcd"):  # the same sentence each time
            box.fill(text)
            notebook.wait_until(lambda text=text: notebook.page.evaluate(ask) == repr(text), f"{text} in Python")


def test_after_a_restart_of_the_kernel_the_page_says_what_to_do(opened):
    with opened("restart", "1", fresh=True) as (notebook, shown):
        notebook.page.evaluate(
            "() => [...window.jupyterapp.shell.widgets('main')][0].sessionContext.session.kernel.restart()"
        )
        shown.root.get_by_role("gridcell", name="Layer 1, head 3").click()
        shown.root.locator("[data-view=lens]").click()
        shown.root.get_by_text("After a restart, run this cell again").wait_for()
        assert shown.root.get_by_role("gridcell").first.is_visible()  # the last picture stays
        for n in (2, 0, 1):  # the first: counts begin anew, and no cell may get the number it had
            notebook.run(n)
        again = Shown(notebook, 1)
        again.wait(rev=1)
        assert again.root.get_by_text("After a restart").count() == 0
