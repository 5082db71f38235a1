"""The exported page that holds its model: from disk, without a network, and with the answers that Python gives."""

import re

import pytest
from axe import axe_source
from explorer_page import choose, drawn

from gpt2lab.explorer import Explorer
from gpt2lab.explorer.selection import VIEWS
from gpt2lab.zoo import load_toy

BOX = "the robot could not lift the box because it was weak. it means the"
STATUE = "the truck could not carry the statue because it was heavy. it means the"


@pytest.fixture
def reference():
    toy = load_toy("reference")
    return Explorer(toy.model, toy.encoding, BOX, title="reference", view="next")


def prediction(page):
    """The first candidate: its word, and its shares, one per run."""
    first = page.locator(".g2x-candidate").first
    return first.locator(".g2x-word").inner_text(), first.locator(".g2x-share").all_inner_texts()


def test_the_names_that_were_given_are_the_pages_too(show):
    toy = load_toy("reference")
    page = show(Explorer(toy.model, toy.encoding, BOX, names=("whole", "cut"), view="lens"), recorded=False)
    page.get_by_role("button", name="Switch parts off").click()
    page.get_by_label("feed-forward").first.uncheck()
    drawn(page, rev=2)
    assert page.locator(".g2x-strip-title").inner_text().endswith("whole | cut")
    assert "cut: what each layer" in page.locator(".g2x-panel").inner_text()
    assert page.errors == []


def test_a_page_that_is_resized_while_it_is_hidden_draws_nothing_of_negative_size(show, reference):
    page = show(reference, recorded=False)
    for view in VIEWS:
        choose(page, view)
        page.evaluate("document.querySelector('main').hidden = true")
        page.set_viewport_size({"width": 700, "height": 600})
        page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        page.evaluate("document.querySelector('main').hidden = false")
        page.set_viewport_size({"width": 1280, "height": 900})
    assert page.errors == []


def expected(explorer):
    from gpt2lab.explorer.words import percent

    rows = explorer.answer(f"next/{explorer.token}/1000/0/1000")[0]["rows"]
    best = max(rows, key=lambda row: max(row["p"]))
    chosen = [row for row in rows if row == best]
    return chosen[0]["label"], [percent(p) for p in chosen[0]["p"]]


def test_an_edit_a_head_off_and_a_step_are_what_python_says(show, reference):  # noqa: F811
    page = show(reference, recorded=False)
    assert prediction(page) == expected(reference)
    page.get_by_role("textbox", name="Text for the model").fill(STATUE)
    drawn(page, rev=2)
    reference.text = STATUE
    assert prediction(page) == expected(reference)
    page.get_by_role("button", name="Switch parts off").click()
    page.get_by_label("feed-forward").first.uncheck()
    drawn(page, rev=3)
    page.get_by_text("Off: ffn 0").wait_for()
    assert page.locator(".g2x-prediction").get_attribute("data-runs") == "2"
    page.get_by_role("button", name="All parts on").click()
    drawn(page, rev=4)
    before = page.locator(".g2x-token").count()
    page.locator(".g2x-candidate").first.click()
    drawn(page, rev=5)
    assert page.locator(".g2x-token").count() == before + 1
    page.get_by_role("button", name="Undo").click()
    drawn(page, rev=6)
    assert page.locator(".g2x-token").count() == before
    assert page.asked == [] and page.errors == []


@pytest.mark.parametrize(("theme", "width"), [("light", 1366), ("dark", 1366), ("light", 360)])
def test_every_view_works_and_axe_finds_nothing_serious(show, reference, theme, width):  # noqa: F811
    page = show(reference, theme, width=width, recorded=False)
    assert page.get_by_text("This page is a recording", exact=False).is_hidden()
    page.get_by_role("button", name="Save", exact=True).click()
    assert page.get_by_role("button", name="Python code").is_hidden()
    page.evaluate(axe_source() + "; null")
    for view in VIEWS:
        choose(page, view)
        assert page.locator(".g2x-note").count() == 0, view
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), view
        found = page.evaluate("axe.run('.g2x').then(r => r.violations.map(v => [v.impact, v.id]))")
        assert [v for v in found if v[0] in ("serious", "critical")] == [], view
    assert page.asked == [] and page.errors == []


@pytest.mark.parametrize(
    ("part", "sentence"),
    [("base64", "its weights do not match their checksum"), ("packed", "This is damaged and cannot be unpacked")],
)
def test_a_damaged_file_says_so(chromium, reference, tmp_path, part, sentence):
    path = tmp_path / "page.html"
    reference.save(path, recorded=False)
    whole = path.read_text(encoding="utf-8")
    at = re.search(rf'"{part}": "', whole).end() + 1000
    path.write_text(whole[:at] + ("A" if whole[at] != "A" else "B") + whole[at + 1 :], encoding="utf-8")
    page = chromium.new_page()
    page.goto(path.as_uri())
    assert sentence in page.get_by_role("alert").inner_text()
    page.close()


def test_a_browser_that_cannot_unpack_the_model_says_so(chromium, reference, tmp_path):
    path = tmp_path / "page.html"
    reference.save(path, recorded=False)
    page = chromium.new_page()
    page.add_init_script("delete window.DecompressionStream;")
    page.goto(path.as_uri())
    assert page.get_by_role("alert").inner_text().startswith("This browser is too old for what is to be shown here")
    page.close()


def test_a_copied_link_opens_the_page_with_another_text_and_a_head_off(show, reference):
    link = "layer=1&head=0&view=head&off=head%200.0&text=" + STATUE.replace(" ", "%20")
    page = show(reference, fragment="#" + link, recorded=False)
    drawn(page, view="head", layer=1, head=0)
    page.get_by_text("Off: head 0.0").wait_for()
    assert page.get_by_role("textbox", name="Text for the model").input_value() == STATUE
    reference.state = link
    assert prediction(page) == expected(reference)
    page.reload()
    page.get_by_text("Off: head 0.0").wait_for()
    assert page.asked == [] and page.errors == []
