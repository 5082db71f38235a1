"""Several heads in one picture, a span of queries, what is shown before a click; the run that was chosen is kept."""

from axe import axe_source
from explorer_page import choose, drawn, settled
from explorers import explorer

# Where everything lies that is not to move: title, tokens, candidates, tabs, figures.
PLACES = """e => [...e.querySelectorAll('.g2x-token, .g2x-candidate, [role=tab], .g2x-figure')].map((one) => {
    const box = one.getBoundingClientRect();
    return [Math.round(box.x), Math.round(box.y), Math.round(box.width)].join();
}).join(' ')"""
BARS = "e => [...e.querySelectorAll('.g2x-token')].map((one) => one.style.borderBottomColor).join()"


def readout(page):
    return page.locator(".g2x-panel .g2x-readout:visible").first.inner_text()


def test_heads_chosen_with_shift_are_drawn_together_each_with_its_name(show):
    page = show(explorer())
    page.get_by_role("gridcell", name="Layer 1, head 2").click(modifiers=["Shift"])
    page.get_by_text("2 heads are chosen; One head draws them together.").wait_for()
    page.get_by_role("gridcell", name="Layer 0, head 0").focus()
    for key in ("Shift+ArrowDown", "Shift+ArrowDown", "Shift+Enter"):  # the same by keyboard: the focus moves alone
        page.keyboard.press(key)
    settled(page, layer=0, head=0, also=["head 1.2", "head 2.0"])
    choose(page, "head")
    words = page.locator(".g2x-panel svg:visible text").all_text_contents()
    assert {"0.0", "1.2", "2.0"} <= set(words)
    assert "head 0.0" in readout(page) and "head 1.2" in readout(page) and "head 2.0" in readout(page)
    page.evaluate(axe_source() + "; null")
    found = page.evaluate("axe.run('.g2x').then(r => r.violations.map(v => [v.impact, v.id]))")
    assert [v for v in found if v[0] in ("serious", "critical")] == []
    page.reload()
    page.locator(".g2x[data-drawn]").wait_for()
    page.get_by_role("button", name="Without head 1.2").click()
    settled(page, also=["head 2.0"])
    page.get_by_role("button", name="Only the first").click()
    page.get_by_text("Who looks at whom").wait_for()
    settled(page, also=[])
    assert page.errors == []


def test_a_span_of_queries_shows_the_mean_of_their_rows_and_says_so(show):
    e = explorer(view="head", layer=1, head=2)
    page = show(e)
    page.get_by_role("option").nth(4).click()
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    drawn(page, token=6)
    settled(page, token=6, span=4)
    assert page.locator("[role=option][aria-selected=true]").count() == 3
    mean = e.screen.run.weights(1, 2)[4:7].mean(0)
    key = int(mean.argmax())
    wanted = f"the mean of 3 rows: key {key} "
    page.get_by_text(wanted).wait_for()
    assert f"{mean[key]:.2f}".lstrip("0") in readout(page)
    page.get_by_role("option").nth(2).click(modifiers=["Shift"])
    settled(page, token=2, span=4)
    page.get_by_role("option").nth(3).click()
    settled(page, token=3, span=-1)
    assert "mean" not in readout(page) and page.errors == []


def test_pointing_shows_what_a_click_selects_and_moves_nothing(show):
    page = show(explorer())
    root = page.locator(".g2x")
    before, bars = root.evaluate(PLACES), root.evaluate(BARS)
    page.get_by_role("option").nth(3).hover()
    page.wait_for_timeout(60)
    assert root.evaluate(BARS) != bars and root.evaluate(PLACES) == before  # the row of token 3
    page.get_by_role("gridcell", name="Layer 2, head 3").hover()
    page.locator(".g2x-close").get_by_text("Layer 2, head 3").wait_for()
    assert root.evaluate(BARS) != bars and root.evaluate(PLACES) == before
    page.mouse.move(1, 1)
    page.locator(".g2x-close").get_by_text("Layer 0, head 0").wait_for()
    assert root.evaluate(BARS) == bars
    choose(page, "head")
    before = root.evaluate(PLACES)
    page.get_by_role("button", name="Layer 0, head 0").focus()
    page.keyboard.press("ArrowRight")
    page.get_by_text("Layer 0, head 1", exact=False).first.wait_for()
    assert root.evaluate(PLACES) == before
    page.keyboard.press("Enter")
    drawn(page, head=1)
    assert page.asked == [] and page.errors == []


def test_a_predicted_token_that_is_pointed_at_stands_where_a_click_would_put_it(show):
    page = show(explorer(), recorded=False)
    ghost = page.locator(".g2x-ghost")
    assert ghost.inner_text() == "…"
    first = page.locator(".g2x-candidate").first
    before = page.locator(".g2x").evaluate(PLACES)
    first.hover()
    word = first.locator(".g2x-word").inner_text()
    page.locator(".g2x-preview").wait_for()
    assert ghost.inner_text() == word and page.locator(".g2x").evaluate(PLACES) == before
    first.click()
    drawn(page, rev=2)
    assert page.locator("[role=option]").last.inner_text() == word and page.errors == []


def test_the_run_that_was_chosen_of_two_outlives_a_reload(show):
    page = show(explorer(ablated=["head 1.1"], view="neurons"))
    page.get_by_role("button", name="before").click()
    settled(page, run="before")
    page.reload()
    page.locator(".g2x[data-drawn]").wait_for()
    assert page.get_by_role("button", name="before").get_attribute("aria-pressed") == "true"
