"""What is on screen is in the page's address; a reload keeps it, and a copied link opens it."""

import pytest
from explorer_page import SETUP, choose, drawn, settled
from explorers import TEXT, explorer


def said(page):
    return page.locator(".g2x-status").inner_text()


def test_a_reload_keeps_what_is_selected(show):
    page = show(explorer(ablated=["head 1.1"]))
    assert page.evaluate("location.hash") == ""  # nothing was chosen yet
    page.get_by_role("gridcell", name="Layer 2, head 3").click()
    page.get_by_role("option").nth(4).click()
    choose(page, "scores")
    settled(page, view="scores", layer=2, head=3, token=4, off=["head 1.1"], text=TEXT)
    page.reload()
    page.locator(".g2x[data-drawn]").wait_for()
    drawn(page, view="scores", layer=2, head=3, token=4)
    assert said(page) == "" and page.errors == []


def test_the_state_of_a_notebook_opens_the_page_and_the_pages_link_opens_a_notebook(show):
    e = explorer(view="head", layer=1, head=2, token=3, key=1)
    page = show(explorer(), fragment="#" + e.state)
    drawn(page, view="head", layer=1, head=2, token=3)
    page.get_by_role("button", name="Save", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Copy link").focus()
    page.keyboard.press("Enter")
    field = page.get_by_role("textbox", name="Link to what is on screen")
    assert page.evaluate("document.activeElement.value") == field.input_value()
    assert page.evaluate("document.activeElement.selectionEnd") == len(field.input_value())
    assert field.input_value().startswith("file://") and explorer(state=field.input_value()).state == e.state


def test_a_link_that_is_clicked_in_the_open_page_is_opened_too(show):
    page = show(explorer())
    page.evaluate("location.hash = '#view=lens&token=2'")
    drawn(page, view="lens", token=2)
    page.evaluate("location.hash = '#view=lens&token=2&colour=red'")
    page.get_by_text('The link also says "colour"').wait_for()


@pytest.mark.parametrize(
    ("fragment", "sentence"),
    [
        ("#text=%", "it is damaged near"),
        ("#model=12x12-50257&layer=1", "it is of another model (layers x heads - tokens: 12x12-50257; here: 3x4-1024)"),
        ("#head=4&layer=1", "head must lie in 0 … 3, got 4."),
        (
            "#view=stream&text=another",
            "this page is a recording of another sentence, or with other parts switched off.",
        ),
        ("#off=mask", "this page is a recording of another sentence, or with other parts switched off."),
    ],
)
def test_a_link_that_cannot_be_opened_says_why_and_the_page_is_as_it_was(show, fragment, sentence):
    page = show(explorer(view="head", layer=2), fragment=fragment)
    page.get_by_text(sentence).wait_for()
    assert said(page).startswith("The link cannot be opened: ") and said(page).count(". ") == 0
    drawn(page, view="head", layer=2, head=0)
    page.get_by_role("option").nth(4).click()
    drawn(page, token=4)
    assert said(page) == "" and page.errors == []


def test_in_a_notebook_the_state_goes_through_python(opened):
    again = "explorer.state = 'view=lens&layer=2&text=a%20b'"
    with opened("state", "print(explorer.state)", again, "explorer.state = 'layer=77'", setup=SETUP) as (
        notebook,
        shown,
    ):
        shown.root.get_by_role("gridcell", name="Layer 1, head 2").click()
        shown.wait(layer=1, head=2)
        shown.button("Save").click()
        shown.button("Copy state").click()
        copied = shown.root.get_by_role("textbox", name="State, for Explorer").input_value()
        assert notebook.run(2).strip() == copied
        notebook.run(3)
        shown.wait(view="lens", layer=2, rev=2)
        notebook.run(4)
        shown.root.get_by_text("The link cannot be opened: layer must lie in 0 … 2, got 77.").wait_for()
        shown.wait(view="lens", layer=2)
        assert notebook.errors == []
