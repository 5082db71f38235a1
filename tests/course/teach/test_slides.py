"""The slides: one idea each, every answer on the slide after its question, nothing from elsewhere."""

import base64
import functools
import html
import io
import re

import pytest
from PIL import Image

from gpt2lab.course import cells, navigation, workspace
from gpt2lab.course.teach import cells_html, live, notes, questions, slides, slides_page
from gpt2lab.course.teach.sections import sections

CHAPTERS = workspace.course_root() / "chapters"
STEMS = navigation.present(CHAPTERS)


@functools.cache
def chapter(stem):
    return cells.read(CHAPTERS / f"{stem}.ipynb")


@functools.cache
def deck(stem):
    return slides.slides(chapter(stem), stem)


def shown(slide):
    """What the room reads."""
    return html.unescape(re.sub(r"<[^>]+>", " ", slide.body)) + slide.heading


@pytest.mark.parametrize("stem", STEMS)
def test_each_answer_is_on_the_slide_after_its_question(stem):
    asked = questions.predictions(chapter(stem).cells)
    places = [number for number, slide in enumerate(deck(stem)) if slide.kind == "predict"]
    assert [deck(stem)[number].of for number in places] == [each.cell for each in asked]
    for number, each in zip(places, asked, strict=True):
        question, answer = deck(stem)[number], deck(stem)[number + 1]
        assert answer.kind == "answer" and answer.of == each.answered
        assert each.question in shown(question) and all(option in shown(question) for option in each.options)
        assert each.answer in shown(answer)
        assert "class=right" not in question.body and "Measured" not in shown(question) + question.notes
        assert not [slide for slide in deck(stem)[:number] if each.answer in shown(slide) and slide.kind != "answer"]


def test_the_right_option_is_marked():
    marked = [slide.body.count("class=right") for stem in STEMS for slide in deck(stem) if slide.kind == "answer"]
    assert set(marked) <= {0, 1} and sum(marked) >= 0.9 * len(marked)  # some measured values name no option


@pytest.mark.parametrize("stem", STEMS)
def test_every_section_and_every_picture_has_its_slide(stem):
    body = [section for section in sections(chapter(stem)) if section.is_body]
    assert [slide.of for slide in deck(stem) if slide.kind == "section"] == [section.id for section in body]
    stored = sum(len(cells.pictures(cell)) for section in body for cell in section.cells)
    assert sum(slide.body.count("<img ") for slide in deck(stem)) == stored
    assert {slide.of for slide in deck(stem) if slide.kind == "explorer"} == {
        cell.id for cell in chapter(stem).cells if cell.id in live.EXPLORERS
    }
    gists = [html.escape(note.gist) for note in notes.notes(stem).sections.values()]
    assert all(any(gist in slide.body for slide in deck(stem) if slide.kind == "gist") for gist in gists)


@pytest.mark.parametrize("stem", STEMS)
def test_code_is_shown_where_a_note_names_it_and_nowhere_else(stem):
    named = [id for note in notes.notes(stem).sections.values() for id in note.code]
    assert sorted(slide.of for slide in deck(stem) if slide.kind == "code") == sorted(named)
    assert not [slide for slide in deck(stem) if "highlight" in slide.body and slide.kind != "code"]


@pytest.mark.parametrize("stem", STEMS)
def test_exercises_are_listed_with_their_minutes(stem):
    [slide] = [slide for slide in deck(stem) if slide.heading == "Now you: the exercises"]
    names = [name.replace("_", " ") for cell in chapter(stem).cells if (name := cells.exercise_name(cell))]
    assert [each.partition(" (")[0] for each in re.findall("<li>(.*?)</li>", slide.body)] == names
    assert len(re.findall(r"\(\d+ minutes, \w+\)</li>", slide.body)) == len(names)


def test_no_picture_asks_the_room_to_run_a_cell():
    """A panel's picture ends in a grey line and a sentence for readers; on a slide both are gone."""
    lines = []
    for output in (output for cell in chapter("03_attention").cells for output in cell.get("outputs", [])):
        if element := cells_html.inline_picture(output):
            png = base64.b64decode(re.search(r"base64,([^\"]+)", element)[1])
            stored = base64.b64decode("".join(output["data"]["image/png"]))
            with Image.open(io.BytesIO(png)) as shown, Image.open(io.BytesIO(stored)) as whole:
                cut = whole.height - shown.height
                assert shown.width == whole.width and cut in (0, 52)  # 0.36 inches at 144 pixels
                assert shown.convert("RGB").tobytes() == (whole.convert("RGB").crop((0, 0, *shown.size)).tobytes())
                grey = {whole.convert("RGB").getpixel((x, shown.height)) for x in range(whole.width)} if cut else set()
            lines.append(grey)
    assert lines.count({(217, 217, 217)}) == 3 and lines.count(set()) == len(lines) - 3 > 0


def test_what_stands_between_a_question_and_its_answer_comes_after():
    kinds = [slide.kind for slide in deck("08_gpt2") if slide.kicker == "" and slide.heading == "What a context costs"]
    assert kinds == ["answer", "picture", "gist"]


def test_the_speaker_is_told():
    first, *rest = deck("03_attention")
    assert "gpt2lab open 3 --present" in first.notes and notes.notes("03_attention").goal in first.notes
    assert "Follow the vector of “it”" in rest[2].notes  # the chapter's text before the prediction
    assert "gpt2lab open primer --present" in deck("primer")[0].notes


def test_a_page_holds_all_it_needs_and_asks_nobody():
    page = slides_page.page("03", deck("03_attention")).decode()
    assert page.count("<section ") == len(deck("03_attention")) and "@@" not in page
    assert re.search(r"Content-Security-Policy\" content=\"default-src 'none'", page)
    assert not re.findall(r'(?<!data-)(?:src|href)="(?!data:)[^"#]', page)
    assert re.findall(r'data-src="([^"#]+)', page) == [live.file_name("eb4d18dc")]
    assert not re.findall(r'(?:https?:)?//[^"]*\.(?:js|css|woff)', page)
    assert slides_page.page("03", slides.slides(chapter("03_attention"), "03_attention")).decode() == page


def test_the_text_of_a_cell_cannot_become_markup():
    slide = slides.Slide("table", "<b>", "", "<i>said</i>", "x", "a < b")
    page = slides_page.page("<t>", [slide]).decode()
    assert "<h2>&lt;b&gt;</h2>" in page and "a &lt; b" in page and "<title>&lt;t&gt;</title>" in page


def test_all_chapters_or_some():
    some = dict(slides_page.edition(CHAPTERS, ["03_attention"]))
    assert set(some) == {"03_attention.html", live.file_name("eb4d18dc")}
