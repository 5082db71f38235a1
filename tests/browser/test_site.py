"""The site in a browser, from disk: no error, no request, a quiz that marks, a search, light and dark."""

import pytest

from gpt2lab.course import navigation, workspace
from gpt2lab.teach import made, site

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
