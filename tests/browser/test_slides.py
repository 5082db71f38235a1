"""The slides in a browser, from disk: they fit, ask nobody, and go by keys."""

import io

import pytest
from PIL import Image, ImageStat

from gpt2lab.course import navigation, workspace
from gpt2lab.course.teach import made, slides_page

CHAPTERS = workspace.course_root() / "chapters"
SIZES = [(1920, 1080), (1366, 768)]
# What sticks out of a slide, or is set smaller than the last row can read (28 pixels at 1920 × 1080).
TROUBLE = """() => {
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const found = [];
    document.querySelectorAll("main > section").forEach((slide, number) => {
        const was = slide.hidden;
        slide.hidden = false;
        const page = slide.getBoundingClientRect();
        const body = slide.querySelector(".body").getBoundingClientRect();
        for (const part of slide.querySelectorAll("header *, .body *:not(math *)")) {
            const box = part.getBoundingClientRect();
            if (box.width && (box.bottom > page.bottom + 1 || box.right > page.right + 1 || box.left < page.left - 1
                || (part.closest(".body") && (box.bottom > body.bottom + 1 || box.top < body.top - 1))))
                found.push([number + 1, slide.className, part.tagName, "out"]);
            const letters = [...part.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
            if (letters && parseFloat(getComputedStyle(part).fontSize) < 1.74 * rem)
                found.push([number + 1, slide.className, part.tagName, "small"]);
        }
        slide.hidden = was;
    });
    return found;
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("slides")
    made.write(out, dict(slides_page.edition(CHAPTERS)))
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


def test_every_slide_of_every_chapter_fits(page, folder):
    for stem in ["index", *navigation.present(CHAPTERS)]:
        page.goto((folder / f"{stem}.html").as_uri())
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            assert page.evaluate(TROUBLE) == [], (stem, width)
            assert page.evaluate("document.documentElement.scrollHeight <= innerHeight"), (stem, width)
    assert page.trouble == []


def test_no_line_of_code_is_broken(page, folder):
    """But for one that has more than the 104 letters of a slide."""
    page.set_viewport_size({"width": 1920, "height": 1080})
    for stem in navigation.present(CHAPTERS):
        page.goto((folder / f"{stem}.html").as_uri())
        broken = page.evaluate("""() => [...document.querySelectorAll(".source pre")].map((pre) => {
            pre.closest("section").hidden = false;
            const count = (line) => Math.ceil(line.length / 104 || 1);
            const lines = pre.textContent.trimEnd().split("\\n").reduce((sum, line) => sum + count(line), 0);
            const style = getComputedStyle(pre);
            const room = pre.clientHeight - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom);
            return [lines, Math.round(room / parseFloat(style.lineHeight))];
        }).filter(([lines, rows]) => lines !== rows)""")
        assert broken == [], stem


def test_pictures_are_dark_on_a_dark_slide(page, folder):
    page.goto((folder / "03_attention.html").as_uri())
    where = page.evaluate("""() => [...document.querySelectorAll("main > section")]
        .findIndex((slide) => slide.className === "picture") + 1""")
    page.goto((folder / "03_attention.html").as_uri() + f"#{where}")
    medians = {}
    for theme in ("light", "dark"):
        page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
        with Image.open(io.BytesIO(page.locator("main > section:visible img").screenshot())) as shown:
            medians[theme] = ImageStat.Stat(shown.convert("L")).median[0]
    assert medians["light"] > 240 and medians["dark"] < 40


def test_the_explorer_of_a_slide_answers_without_python(page, folder):
    page.goto((folder / "03_attention.html").as_uri() + "#eb4d18dc")
    frame = page.frame_locator("main > section:visible iframe")
    frame.locator(".g2x[data-drawn]").wait_for()
    assert "Layer 1, head 0" in frame.locator(".g2x").inner_text()
    for width, height in SIZES:  # all of it is seen, but for its lower edge
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate(
            """async (zoom) => {
            const frame = document.querySelector("main > section:not([hidden]) iframe");
            while (Math.abs(frame.style.zoom - zoom) > 0.001) await new Promise(requestAnimationFrame);
        }""",
            min(width / 1920, height / 1080),
        )
        frame.locator("body").evaluate("""async (body) => {
            while (document.documentElement.scrollHeight > innerHeight + 20) await new Promise(requestAnimationFrame);
        }""")
    text = frame.locator("input[type=text], textarea").first
    text.fill("the robot could not lift the box because it was weak. it means the")
    text.press("Enter")
    frame.locator(".g2x", has_text="‘␣robot’ gets").wait_for()
    assert page.trouble == []


def test_keys_address_notes_and_theme(page, folder):
    page.goto((folder / "03_attention.html").as_uri())
    place = page.locator("#place")
    for key, now in (("ArrowRight", 2), (" ", 3), ("PageUp", 2), ("Home", 1), ("ArrowLeft", 1), ("ArrowDown", 2)):
        page.keyboard.press(key)
        assert place.inner_text().startswith(f"{now} /"), key
        assert page.url.endswith(f"#{now}")
    page.keyboard.press("Home")
    for title in ("1 · The same word, twice", "2 · The filing cabinet"):
        page.keyboard.press("n")
        assert page.locator("main > section:visible h2").inner_text() == title
    page.goto((folder / "03_attention.html").as_uri() + "#bc6ffbfc")  # the last section: N goes on to the exercises
    page.locator("main > section:visible h2", has_text="One head, to the end").wait_for()
    page.keyboard.press("n")
    assert page.locator("main > section:visible h2").inner_text() == "Now you: the exercises"
    page.keyboard.press("End")
    assert page.locator("main > section:visible h2").inner_text() == "Questions to discuss"
    page.goto((folder / "03_attention.html").as_uri() + "#f150fe14")  # the id of a section's cell
    assert "The filing cabinet" in page.locator("main > section:visible h2").inner_text()
    assert not page.locator("#notes").is_visible()
    page.keyboard.press("s")
    assert "a learner plays the note" in page.locator("#notes").inner_text().lower()
    page.keyboard.press("d")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.trouble == []


def test_the_speakers_window_follows(page, folder):
    page.goto((folder / "03_attention.html").as_uri())
    with page.expect_popup() as opened:
        page.keyboard.press("w")
    assert "gpt2lab open 3 --present" in opened.value.locator("body").inner_text()
    opened.value.keyboard.press("ArrowRight")
    assert page.locator("#place").inner_text().startswith("2 /")
    assert "You will be able to" in opened.value.locator("h2").inner_text()
    assert page.trouble == []


def test_the_explorer_answers_on_its_slide(page, folder):
    page.goto((folder / "00_map.html").as_uri() + "#f65922a6")
    frame = page.frame_locator("section:visible iframe")
    frame.locator(".g2x[data-drawn]").wait_for()
    assert page.trouble == []


def test_a_page_of_paper_for_each_slide(page, folder):
    page.goto((folder / "03_attention.html").as_uri())
    count = page.locator("main > section").count()
    paper = page.pdf(prefer_css_page_size=True, print_background=True)
    assert paper.count(b"/Type /Page\n") == count
