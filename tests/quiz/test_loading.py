"""The questions: each once, each link leads to a heading, and what breaks the form is named."""

import json
import re
from pathlib import Path

import pytest

from gpt2lab import quiz
from gpt2lab.course import cells, notebooks
from gpt2lab.course.topics import CHAPTERS
from gpt2lab.errors import InputError
from gpt2lab.quiz.base import Question, place
from gpt2lab.quiz.form import questions
from gpt2lab.quiz.places import anchor

SAMPLE = Path(__file__).with_name("sample.toml")
TEXT = SAMPLE.read_text(encoding="utf-8")
ALL = quiz.all_questions()
THERE = [path.stem for path in notebooks.chapters()]


def sees(question: Question) -> set[str]:
    """Everything that a question points at."""
    parts = (*question.options, *question.wrong)
    return {question.see, *(part.see for part in parts if part.see)}


@pytest.fixture(scope="module")
def headings():
    """Of each chapter, without their numbers."""
    found = {}
    for path in notebooks.chapters():
        titles = [title for cell in cells.read(path).cells for title in cells.headings(cell)]
        found[path.stem] = {re.sub(r"^\d+ · ", "", title) for title in titles}
    return found


def test_each_question_of_the_list_is_asked_once():
    numbered = sorted(id for id in ALL if re.fullmatch(r"Q\d+", id))
    if not ALL:
        pytest.skip("no chapter has questions yet")
    assert numbered == [f"Q{n:02}" for n in range(1, 59)]


@pytest.mark.parametrize("chapter", quiz.chapters())
def test_the_questions_of_a_chapter(chapter, headings):
    assert chapter in CHAPTERS and chapter in THERE
    found = quiz.of_chapter(chapter)
    further = [question.id for question in found if not re.fullmatch(r"Q\d+", question.id)]
    assert 3 <= len(further) and len(found) <= 12
    for question in found:
        for see in sees(question):
            other, heading = place(see, chapter)
            assert heading in headings[other], f"{question.id}: chapter {other} has no heading {heading!r}"
        assert question.text.endswith(("?", ".", ":")) and question.answer.endswith((".", "!", ")"))


def test_ids_and_chapters_that_do_not_exist():
    with pytest.raises(InputError, match="there is no question 'Q99'"):
        quiz.get("Q99")
    with pytest.raises(InputError, match="there is no question 3"):
        quiz.get(3)
    with pytest.raises(InputError, match="there are no questions on '99_end'"):
        quiz.of_chapter("99_end")


def test_a_file_of_one_s_own():
    found = quiz.read(SAMPLE)
    assert [question.kind for question in found] == ["single", "multiple", "number", "order", "point"]
    assert found[1].code.splitlines()[0] == "x = x + self.attn(self.ln_1(x))"
    assert found[4].grid.right == ((2, 1),) and found[2].wrong[0].value == 2359296
    assert {question.chapter for question in found} == {""}
    for path, message in ((SAMPLE / "x", "cannot be read"), (3, "path must name a TOML file"), (__file__, "not TOML")):
        with pytest.raises(InputError, match=message):
            quiz.read(path)


def test_where_a_see_leads():
    assert place("Ids → vectors", "00_map") == ("00_map", "Ids → vectors")
    assert place("06_positions: GPT-2's answer: a table", "00_map") == ("06_positions", "GPT-2's answer: a table")
    assert place("Two: a heading", "00_map") == ("00_map", "Two: a heading")


BROKEN = [  # what is replaced, by what, and the sentence that it must get
    ('kind = "single"', 'kind = "double"', r"sample, S1: kind must be one of single, multiple, .*, got 'double'"),
    ('kind = "single"', 'kind = ["single"]', "kind must be one of"),
    ("[S1]\n", '["S 1"]\n', "'S 1': an id is made of letters, digits and dashes"),
    ("[S1]\n", "x = 3\n[S1]\n", r"sample, x: a question is a table, \[x\], got 3"),
    ('answer = "Row 3', 'anwser = "Row 3', "S1: there is no field 'anwser'; expected answer, code"),
    (
        'answer = "Row 3: places are counted from 0, and each has a row of its own."\n',
        "",
        "answer must be text, got None",
    ),
    ('text = "Row 4"', 'text = ""', "S1, option 2: text must be text"),
    ('text = "Row 4"', 'text = "Row 3"', "S1: two options are the same"),
    ('text = "Row 4"', 'text = " Row 4"', "one line without spaces around it"),
    ('text = "Row 4"', 'text = "Row `4"', "text has a backtick without its partner"),
    ('text = "Row 4"', f'text = "{"long " * 40}x"', "text must have at most 160 letters, got 201"),
    ('text = "Row 4"', 'text = "Row 4"\nright = true', "S1: one option must be right, got 2"),
    ('text = "Row 4"', 'text = "Row 4"\nright = "yes"', "right must be true or left out, got 'yes'"),
    ('why = "Places are counted from 0."\n', "", "S1, option 2: why must be text, got None"),
    ('see = "Text → tokens → ids"\n', "", "S1, option 2: see must be text, got None"),
    ("value = 2362368", 'value = "many"', "N1: value must be a finite number, got 'many'"),
    ("value = 2362368", "value = nan", "N1: value must be a finite number, got nan"),
    ("tolerance = 0", "tolerance = -1", "tolerance must not be negative, got -1"),
    ("tolerance = 0", "tolerance = 9999", "is among the wrong numbers, but within the tolerance"),
    ('unit = "weights"', "unit = 3", "unit must be text, got 3"),
    ('[[O1.options]]\ntext = "mask"\nwhy = "It is added to scores, so they must be there."\n', "", None),
    ('why = "It is added to scores, so they must be there."\n', "", "O1, option 2: why must be text"),
    ('text = "scores"\n', 'text = "scores"\nright = true\n', "O1, option 1: there is no field 'right'"),
    ("[0.4, 0.6, nan]", "[0.4, 0.6]", "map must have 3 rows of 3 numbers"),
    ("[0.4, 0.6, nan]", '["a", 0.6, 1]', "map must be rows of numbers"),
    ('rows = ["the", "robot", "it"]', 'rows = ["the", 3, "it"]', "rows must be a list of texts"),
    ('rows = ["the", "robot", "it"]', f"rows = {['x'] * 11}", "at most 10 rows and columns, got 11 × 3"),
    ("right = [[2, 1]]", "right = [[3, 1]]", r"right must hold \[row, column\] of the map, from 0, got \[3, 1\]"),
    ("right = [[2, 1]]", "right = [[2, true]]", r"right must hold \[row, column\]"),
    ("right = [[2, 1]]", "right = []", r"right must be a list of \[row, column\], got \[\]"),
    ("right = [[2, 1]]", "right = [[2, 1], [1, 2]]", "a cell is named twice"),
    ("cells = [[1, 2]]", "cell = [[1, 2]]", "P1: there is no field 'cell'; expected cells, see, why"),
    ("[[N1.wrong]]", "[N1.wrong]", "wrong must be tables"),
    ("[S1]", "[S1", "sample: not TOML"),
]


@pytest.mark.parametrize(("old", "new", "message"), BROKEN)
def test_what_breaks_the_form_is_named(old, new, message):
    assert old in TEXT
    text = TEXT.replace(old, new, 1)
    if message is None:  # three items are enough for an order
        assert len(questions(text, "", "sample")) == 5
        return
    with pytest.raises(InputError, match=message) as caught:
        questions(text, "", "sample")
    assert "\n" not in str(caught.value) or "not TOML" in str(caught.value)


def test_too_few_and_too_many_options():
    head = '[A]\nkind = "{}"\ntext = "t?"\nanswer = "a."\nsee = "s"\n'
    option = '[[A.options]]\ntext = "{}"\nwhy = "w"\n'
    for kind, count, message in (("single", 1, "2 to 6 options, got 1"), ("order", 2, "3 to 7 options, got 2"),
                                 ("order", 8, "got 8"), ("multiple", 7, "got 7"), ("single", 0, "got 0")):  # fmt: skip
        see = "" if kind == "order" else 'see = "s"\n'
        text = head.format(kind) + "".join(option.format(n) + see for n in range(count))
        with pytest.raises(InputError, match=message):
            questions(text, "", "sample")


def test_the_longest_option_is_right_no_more_often_than_chance():
    single = [question for question in ALL.values() if question.kind == "single"]
    hits, telling = 0.0, []
    for question in single:
        length = {option.text: len(option.text) for option in question.options}
        longest = [option for option in question.options if length[option.text] == max(length.values())]
        hits += sum(option.right for option in longest) / len(longest)
        (right,) = (length[option.text] for option in question.options if option.right)
        telling.append(
            (right / max(length[option.text] for option in question.options if not option.right), question.id)
        )
    worst = ", ".join(id for _, id in sorted(telling, reverse=True)[:5])
    assert hits <= sum(1 / len(question.options) for question in single), f"even out the lengths, such as in {worst}"
    assert max(telling)[0] < 1.35, f"the right option stands out by its length: {worst}"


def test_an_anchor_is_the_heading_as_it_stands_in_the_notebook(tmp_path):
    cell = {"cell_type": "markdown", "source": ["Text.\n", "## 3 · What `x` does\n", "```\n# no heading\n```"]}
    path = tmp_path / "00_map.ipynb"
    path.write_text(json.dumps({"cells": [cell, {"cell_type": "code", "source": "# no"}]}), encoding="utf-8")
    assert anchor(tmp_path, "00_map", "What x does") == "#heading=3-·-What-x-does"
    assert anchor(tmp_path, "00_map", "no heading") == anchor(tmp_path, "01_residuals", "What x does") == ""
    for text in ("{", "3", '{"cells": 3}', '{"cells": [{}]}'):
        (tmp_path / "02_layernorm.ipynb").write_text(text, encoding="utf-8")
        assert anchor(tmp_path, "02_layernorm", "x") == ""


def test_every_link_of_the_course_has_an_anchor():
    folder = notebooks.chapters()[0].parent
    for question in ALL.values():
        for see in sees(question):
            assert anchor(folder, *place(see, question.chapter)), (question.id, see)
