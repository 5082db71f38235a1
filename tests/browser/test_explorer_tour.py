"""A guided tour from its first step to its last, by keyboard, with the figures of the model."""

import pytest
from axe import axe_source
from explorer_page import drawn, walk

from gpt2lab.explorer import Explorer
from gpt2lab.explorer.tours.base import Figure
from gpt2lab.explorer.tours.fitting import measure
from gpt2lab.explorer.tours.reading import read_tour
from gpt2lab.explorer.words import amount, percent
from gpt2lab.zoo import load_toy

SETUP = """
from gpt2lab.explorer import Explorer
from gpt2lab.zoo import load_toy
toy = load_toy("{model}")
explorer = Explorer(toy.model, toy.encoding, tour="{name}")
"""
HEAVY = "the robot could not lift the box because it was heavy. it means the"


def statements(name):
    """What the tour says after each step, with the figures as Python computes them."""
    tour = read_tour(name)
    toy = load_toy(tour.model)
    for step in tour.steps:
        value = measure(step, toy.model, toy.encoding)
        written = {"weight": lambda p, v=value: amount(v(p)), "chance": lambda p, v=value: percent(v(p))}
        yield "".join(written[p.kind](p) if isinstance(p, Figure) else p for p in step.said)


class Learner:
    """Somebody at the keyboard of a page with an explorer."""

    def __init__(self, page, root):
        self.page, self.root = page, root

    def press(self, element, *keys):
        element.focus()
        for key in keys:
            self.page.keyboard.press(key)

    def button(self, name):
        return self.root.get_by_role("button", name=name, exact=True)

    def next(self, expected):
        """Wait for what the tour says, then go on; the keyboard stays on the button."""
        self.root.locator(".g2x-tour-said.g2x-done", has_text=expected).wait_for()
        self.press(self.button("Next"), "Enter")
        assert self.page.evaluate("document.activeElement.textContent") in ("Next", "Again")

    def head(self, layer, head=0):
        return self.root.get_by_role("gridcell", name=f"Layer {layer}, head {head}")

    def tokens(self, *keys):
        self.press(self.root.get_by_role("listbox"), *keys)


def test_robot_in_a_notebook_by_keyboard(opened):
    said = statements("robot")
    with opened("robot", setup=SETUP.format(model="reference", name="robot"), width=1366, height=768) as (
        notebook,
        shown,
    ):
        me = Learner(notebook.page, shown.root)
        me.press(me.button("Next"), "Enter")
        shown.root.get_by_text("Not yet: do what stands above").wait_for()
        me.press(me.head(0), "ArrowDown")
        me.next(next(said))
        me.press(me.head(1), "Enter")
        me.next(next(said))
        me.tokens("End", "ArrowLeft", "ArrowLeft")
        me.next(next(said))
        box = shown.root.get_by_role("textbox", name="Text for the model")
        me.press(box, "ControlOrMeta+a")
        notebook.page.keyboard.insert_text(HEAVY)
        shown.wait(rev=2)
        me.tokens("End")
        me.next(next(said))
        me.press(me.button("Switch head 1.0 off"), "Enter")
        me.next(next(said))
        me.press(me.button("Switch head 1.0 on again"), "Enter")
        me.press(shown.root.get_by_label("Layer", exact=True), "ArrowDown", "Enter")
        me.press(me.button("Switch head 0.0 off"), "Enter")
        me.next(next(said))
        shown.root.get_by_text("step 7 of 7").wait_for()
        assert shown.root.evaluate("e => e.getBoundingClientRect().height") < 768
        me.press(me.button("Again"), "Enter")
        shown.root.get_by_text("step 1 of 7").wait_for()
        shown.wait(view="heads", layer=0)
        assert "weak" in box.input_value() and notebook.errors == []


def test_induction_in_a_notebook_shown_step_by_step(opened):
    """Nobody is stuck: what a step waits for can be shown."""
    said = list(statements("induction"))
    setup = SETUP.format(model="induction-two-layers", name="induction")
    with opened("induction", setup=setup, width=1366, height=768) as (notebook, shown):
        me = Learner(notebook.page, shown.root)
        for expected in said[:-1]:
            me.press(me.button("Show me"), "Enter")
            me.next(expected)
        shown.root.get_by_text("step 8 of 8").wait_for()
        assert notebook.errors == []


@pytest.fixture
def page(show):
    toy = load_toy("reference")
    return show(Explorer(toy.model, toy.encoding, tour="robot"), width=1366, height=768)


def test_a_recorded_page_has_the_steps_for_which_nothing_must_run(page):
    me, said = Learner(page, page.locator(".g2x")), statements("robot")
    names = [name for name, _ in walk(page)]
    assert names.index("Next") > names.index("Text for the model") and "Show me" in names and "Tour" in names
    assert me.root.locator(".g2x-tour [aria-live=polite]").count() == 1
    me.press(me.head(0), "ArrowDown")
    me.next(next(said))
    me.press(me.head(1), "Enter")
    drawn(page, view="head")
    me.next(next(said))
    page.wait_for_timeout(300)  # the address is written a moment later
    page.reload()
    page.get_by_text("step 3 of 3").wait_for()
    me.tokens("End", "ArrowLeft", "ArrowLeft")
    me.root.locator(".g2x-done", has_text=next(said)).wait_for()
    page.get_by_text("4 steps of this tour must run the model: take the tour in a notebook.").wait_for()
    me.press(me.button("Tour"), "Enter")
    me.root.locator(".g2x-tour").wait_for(state="hidden")
    assert page.errors == []


@pytest.mark.parametrize("step", [0, 2])
def test_axe_finds_nothing_in_a_tour(show, step):
    toy = load_toy("reference")
    page = show(Explorer(toy.model, toy.encoding, tour="robot", step=step))
    page.evaluate(axe_source() + "; null")
    found = page.evaluate("axe.run('.g2x').then(r => r.violations.map(v => [v.impact, v.id, v.nodes[0].html]))")
    assert [v for v in found if v[0] in ("serious", "critical")] == []


def test_induction_by_keyboard_in_a_page_that_runs_its_model(show):
    said = list(statements("induction"))
    toy = load_toy("induction-two-layers")
    page = show(Explorer(toy.model, toy.encoding, tour="induction"), width=1366, height=768, recorded=False)
    me = Learner(page, page.locator(".g2x"))
    for expected in said[:-1]:
        me.press(me.button("Show me"), "Enter")
        me.next(expected)
    page.get_by_text("step 8 of 8").wait_for()
    assert page.asked == [] and page.errors == []
