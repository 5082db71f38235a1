"""The recorded page: from disk, without a kernel, without a network. Accessibility is tested here, too."""

import re

import pytest
from axe import axe_source
from explorer_page import choose, drawn, walk
from explorers import HOSTILE, explorer

from gpt2lab.explorer import packing
from gpt2lab.explorer.selection import VIEWS
from gpt2lab.explorer.words import amount


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_view_works_from_disk(show, spread_of_pixels, theme):
    page = show(explorer(ablated=["head 1.1"]), theme)
    for view in VIEWS:
        choose(page, view)
        assert spread_of_pixels(page.locator(".g2x-panel").screenshot()) > 8, view
        assert page.locator(".g2x-note").count() == (view == "patch"), view  # a recording cannot be patched
    assert page.asked == []
    assert page.errors == []


def test_selecting_works_without_a_kernel(show):
    page = show(explorer())
    page.get_by_role("gridcell", name="Layer 2, head 3").click()
    page.get_by_role("option").nth(4).click()
    choose(page, "scores")
    assert "Query 4" in page.locator(".g2x-readout").inner_text()
    assert page.locator(".g2x").get_attribute("data-drawn").split()[2:5] == ["2", "3", "4"]


def test_one_head_writes_the_weights_themselves_and_not_their_colours(show):
    e = explorer(view="head", layer=1, head=2, token=20)
    weights = e.selection_trace()["attn_weights"][20]
    expected = [amount(w) for w in weights if w > 0.02]
    assert expected != [amount(w) for w in packing.decode(packing.encode(weights)) if w > 0.02]
    page = show(e)
    written = page.locator(".g2x-panel svg").first.locator("text").all_text_contents()
    assert [text for text in written if re.fullmatch(r"(≈ )?(\.\d+|1\.0|<\.001)", text)] == expected
    strongest = amount(weights.max())
    assert f"gets {strongest} of its attention" in page.locator(".g2x-readout").inner_text()


def test_what_was_not_recorded_says_so(show, monkeypatch):
    monkeypatch.setattr("gpt2lab.explorer.files.PAGE_BYTES", 9_000)
    page = show(explorer())
    choose(page, "neurons")
    page.get_by_text("This was not recorded in the file").first.wait_for()


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_shown_as_text_and_the_layout_holds(show, text):
    page = show(explorer(text, title=text[:200]))
    for view in VIEWS:
        choose(page, view)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), view
    assert page.title() != "pwned"
    assert page.locator(".g2x img, .g2x script, .g2x b").count() == 0
    assert page.locator(".g2x-token").count() == explorer(text).tokens.shape[1]
    assert page.asked == []
    assert page.errors == []


@pytest.mark.parametrize("width", [360, 620, 1800])
def test_every_width_shows_everything(show, width):
    page = show(explorer(), width=width)
    for view in VIEWS:
        choose(page, view)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), view


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(show, theme):
    source = axe_source()
    page = show(explorer(ablated=["head 1.1"]), theme)
    page.get_by_role("button", name="Save", exact=True).click()
    page.evaluate(source + "; null")
    for view in VIEWS:
        choose(page, view)
        found = page.evaluate(
            "axe.run('.g2x').then(r => r.violations.map(v => [v.impact, v.id, v.nodes.length, v.nodes[0].html]))"
        )
        assert [v for v in found if v[0] in ("serious", "critical")] == [], view


def test_axe_would_find_something(show):
    """The check can fail: an image without a name and a button without a label are found."""
    source = axe_source()
    page = show(explorer())
    page.evaluate(source + "; null")
    page.evaluate("document.querySelector('.g2x').append(document.createElement('button'), new Image())")
    found = page.evaluate("axe.run('.g2x').then(r => r.violations.map(v => v.id))")
    assert {"button-name", "image-alt"} <= set(found)


def test_every_control_is_reached_with_tab_and_shows_that_it_is(show):
    page = show(explorer())
    page.get_by_role("button", name="Save", exact=True).click()
    choose(page, "next")
    page.locator("body").click(position={"x": 1, "y": 1})
    reached = walk(page)
    names = [name for name, _ in reached]
    for wanted in (
        "Text for the model",
        "Save",
        "PNG picture",
        "SVG picture",
        "Tokens: choose the query; with Shift a span of queries",
        "Next token",
        "Layer",
        "Head",
    ):
        assert wanted in names, (wanted, names)
    assert all(outline != "none" for _, outline in reached), reached


def test_a_recorded_page_says_so_and_offers_nothing_that_takes_a_kernel(show):
    page = show(explorer())
    page.get_by_text("This page is a recording", exact=False).wait_for()
    assert page.get_by_role("textbox", name="Text for the model").get_attribute("readonly") is not None
    page.get_by_role("button", name="Save", exact=True).click()
    for view in VIEWS:
        choose(page, view)
        for name in (
            "Switch parts off",
            "Switch head 0.0 off",
            "As trained",
            "Step",
            "Play",
            "Undo",
            "CSV, the numbers",
            "Python code",
        ):
            assert not page.get_by_role("button", name=name).is_visible(), (view, name)
        assert page.get_by_role("spinbutton").count() == 2, view  # layer and head


def test_the_keyboard_alone_selects_and_changes_views(show):
    page = show(explorer())
    page.get_by_role("tab", name="All heads").focus()
    page.keyboard.press("ArrowRight")
    drawn(page, view="head")
    assert page.evaluate("document.activeElement.textContent") == "One head"
    page.locator("[role=application]:visible").first.focus()
    page.keyboard.press("ArrowUp")
    drawn(page, token=26)
    assert "Query 26" in page.locator(".g2x-readout").inner_text()
    page.get_by_role("listbox").focus()
    page.keyboard.press("Home")
    drawn(page, token=0)
    page.get_by_role("tab", name="One head").focus()
    page.keyboard.press("ArrowLeft")
    page.get_by_role("gridcell", name="Layer 0, head 0").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    drawn(page, view="head")
    drawn(page, layer=1, head=1)


def test_presenter_letters_are_large(show):
    page = show(explorer(presenter=True))
    size = page.evaluate("parseFloat(getComputedStyle(document.querySelector('.g2x-token')).fontSize)")
    assert size >= 20
    letters = page.evaluate(
        "[...document.querySelectorAll('.g2x-panel svg text')].map(t => parseFloat(t.getAttribute('font-size')))"
    )
    assert min(letters) >= 15


def test_the_overview_opens_each_part_in_place(show):
    page = show(explorer(view="overview"))
    buttons = page.locator(".g2x-stage-button")
    assert buttons.count() == 2 + 2 * 3 + 2
    for i in range(buttons.count()):
        buttons.nth(i).click()
        assert buttons.nth(i).get_attribute("aria-expanded") == "true"
        page.locator(".g2x-stage-panel:not([hidden]) svg").first.wait_for()
        assert page.locator(".g2x-stage-panel:not([hidden])").count() == 1


def test_two_sentences_stand_side_by_side(show):
    page = show(explorer("for i in range(10):", text_b="for x in range(10):", view="head"), width=1000, height=700)
    assert page.get_by_role("textbox", name="Second sentence").input_value() == "for x in range(10):"
    assert page.get_by_role("option").nth(1).inner_text() == "␣i | ␣x"
    assert page.locator(".g2x-panel figcaption").all_text_contents()[1:4] == ["i", "x", "x − i"]
    assert page.locator(".g2x-prediction .g2x-meter").count() % 2 == 0
    choose(page, "attribution")
    page.get_by_role("button", name="difference").click()
    page.locator(".g2x-readout", has_text="x − i").wait_for()
    assert page.errors == []


def test_the_switch_of_the_maps_shows_weight_times_length(show):
    page = show(explorer(view="head", layer=1, head=2, token=20))
    pixels = "e => [...e.querySelectorAll('canvas')].map(c => c.toDataURL()).join()"
    before = page.locator(".g2x-panel").evaluate(pixels)
    page.get_by_label("× length taken").click()
    page.get_by_text("weight × length taken, 1 =").wait_for()
    assert page.locator(".g2x-panel").evaluate(pixels) != before
    assert page.locator(".g2x-readout").inner_text().endswith("weight × length.")
    assert page.errors == []
