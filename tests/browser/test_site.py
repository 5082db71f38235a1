"""The site in a browser, from disk: no error, no request, a quiz that marks, a search, light and dark."""

import pytest

from gpt2lab.course import navigation, workspace
from gpt2lab.course.teach import made, site

CHAPTERS = workspace.course_root() / "chapters"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("site")
    made.write(out, dict(site.site_files(CHAPTERS)))
    return out


@pytest.fixture
def page(chromium):
    context = chromium.new_context(viewport={"width": 1366, "height": 768}, color_scheme="light")
    page = context.new_page()
    page.trouble = []
    page.on("console", lambda message: page.trouble.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: page.trouble.append(str(error)))
    page.on(
        "request", lambda asked: None if asked.url.startswith(("file:", "data:")) else page.trouble.append(asked.url)
    )
    yield page
    context.close()


def test_every_page_opens_without_an_error_and_fits(page, folder):
    for name in ["index.html", *(f"{stem}.html" for stem in navigation.present(CHAPTERS))]:
        page.goto((folder / name).as_uri())
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        cut = "[...document.querySelectorAll('.code pre')].filter((pre) => pre.scrollWidth > pre.clientWidth).length"
        assert page.evaluate(cut) == 0, name
    assert page.trouble == []


def test_quiz_search_and_theme(page, folder):
    page.goto((folder / "00_map.html").as_uri())
    page.locator(".g2q button.g2q-main").first.click()  # an order, which never begins as it belongs
    assert ".html#" in page.locator("a.g2q-see").first.get_attribute("href")
    assert page.locator(".g2q").bounding_box()["height"] < 1500
    page.keyboard.press("/")
    page.keyboard.type("causal mask")
    assert "Masking" in page.locator("#found li").first.inner_text()
    page.locator("#theme").click()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.locator(".g2q").get_attribute("data-theme") == "dark"
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.trouble == []


def test_print_is_light_and_has_no_controls(page, folder):
    page.emulate_media(media="print", color_scheme="dark")
    page.set_viewport_size({"width": 680, "height": 1000})  # what 15 mm of margin leave of A4
    page.goto((folder / "03_attention.html").as_uri())
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    for gone in ("button", "input[type=search]", "nav", ".g2q", "a.button", "details.asks", "h2#quiz"):
        assert page.locator(gone).count() > 0 and not page.locator(f"{gone}:visible").count(), gone
    text = page.locator("main").inner_text()
    assert "Measured: 0.1429" in text and "Subtract the largest score of the row" in text
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    panel = page.locator("img[src*='7b1d637b']").evaluate(
        "(img) => [img.width / img.height, getComputedStyle(img).filter]"
    )
    assert panel == [pytest.approx(922 / (476 - 35), rel=0.01), "none"]  # without the line "Run this cell"
    rows = page.evaluate("""() => [...document.querySelectorAll("section.code .highlight pre")]
        .filter((pre) => pre.checkVisibility()).map((pre) => {
            const style = getComputedStyle(pre);
            const room = pre.clientHeight - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom);
            const lines = pre.textContent.trimEnd().split("\\n");
            const longest = Math.max(...lines.map((line) => line.length));
            return [lines.length, Math.round(room / parseFloat(style.lineHeight)), longest];
        })""")
    assert len(rows) > 10
    assert not [row for row in rows if row[0] != row[1] and row[2] <= 100]
    assert page.trouble == []
