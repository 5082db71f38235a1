"""The editions: made from the chapters, whole, the same each time, and never over somebody's work."""

import dataclasses
import functools
import posixpath
import re

import nbformat
import pytest
from teeth import CHECKS

from gpt2lab import quiz
from gpt2lab.course import cells, minutes, navigation, workspace
from gpt2lab.course.teach import command, editions, lessons, made, mistakes, notes, plans, questions, running, sheets
from gpt2lab.course.teach.sections import plain, section_of, sections, subheadings
from gpt2lab.errors import InputError

CHAPTERS = workspace.course_root() / "chapters"
STEMS = navigation.present(CHAPTERS)


@functools.cache
def chapter(stem):
    return cells.read(CHAPTERS / f"{stem}.ipynb")


@functools.cache
def files():
    return dict(command.edition_files(CHAPTERS, list(command.EDITIONS)))


def notebook(name):
    return nbformat.reads(files()[name].decode(), as_version=4)


@pytest.mark.parametrize("stem", STEMS)
def test_sections_hold_every_cell_and_every_second(stem):
    found = sections(chapter(stem))
    kept = [cell.id for section in found for cell in section.cells]
    assert kept == [cell.id for cell in chapter(stem).cells if not cells.is_navigation(cell)]
    total = sum(section.seconds for section in found) / 60
    assert total <= minutes.minutes(chapter(stem)) < total + 1.001


def test_a_section_is_found_by_its_headings():
    section = section_of(chapter("03_attention"), "Does the gradient die?")
    assert section is not None and section.title == "What does √d_head do?"
    assert list(subheadings(section)) == ["Does the gradient die?"]
    assert section_of(chapter("03_attention"), "No such thing") is None
    assert plain("3 · One *query*, by `hand`") == "One query, by hand"


@pytest.mark.parametrize("stem", STEMS)
def test_every_section_has_its_note_and_every_note_its_section(stem):
    assert list(notes.problems(stem, chapter(stem))) == []


def test_a_note_without_its_section_is_named():
    short = nbformat.from_dict({"cells": chapter("00_map").cells[:9]})
    said = list(notes.problems("00_map", short))
    assert any("is the id of no cell" in sentence for sentence in said)
    assert "notes on 00_map: 5 steps, and 0 in the part 'In a class: 45 minutes'" in said
    assert any("the id of no section" in sentence for sentence in said)
    longer = nbformat.from_dict({"cells": [*chapter("00_map").cells, nbformat.v4.new_markdown_cell("## New", id="x1")]})
    assert list(notes.problems("00_map", longer)) == ["notes on 00_map: [x1] is missing, for the section 'New'"]


def test_a_section_that_is_neither_taught_nor_skipped_is_named(monkeypatch):
    known = notes.notes("03_attention")
    silent = dataclasses.replace(known.sections["de9eec20"], skip="")
    changed = dataclasses.replace(known, sections={**known.sections, "de9eec20": silent})
    monkeypatch.setattr(notes, "notes", lambda chapter: changed)
    [said] = notes.problems("03_attention", chapter("03_attention"))
    assert "[de9eec20] is in no step of the lesson and lacks skip" in said


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[chapter", "not TOML"),
        ("[x]\ngist = 'a'\nsay = 'b'", "must hold goal, prepare and a list steps"),
        ("[chapter]\ngoal='g'\nprepare='p'\nsteps='x'", "a list steps"),
        ("[chapter]\ngoal='g'\nprepare='p'\nsteps=[]\n[x]\ngist='a'", "must be texts"),
        ("[chapter]\ngoal='g'\nprepare='p'\nsteps=[]\n[x]\ngist='a'\nsay='b'\nasks=[]", "expected ask"),
        ("[chapter]\ngoal='g'\nprepare='p'\nsteps=[]\n[x]\ngist='a'\nsay='b'\ncode='c'", "code must be a list"),
        ("[chapter]\ngoal='g'\nprepare='p'\nsteps=[]\n[x]\ngist='a'\nsay='b'\nwrong=[['a']]", "list of pairs"),
        ("[chapter]\ngoal='g'\nprepare='p'\nsteps=[]\n[x]\ngist='" + "a" * 161 + "'\nsay='b'", "161 letters"),
    ],
)
def test_a_note_that_breaks_the_form_is_named(text, message):
    with pytest.raises(InputError, match=message):
        notes.read(text, "sample.toml")


def test_notes_of_a_chapter_that_is_not_there():
    with pytest.raises(InputError, match="no teacher's notes on '16_end'"):
        notes.notes("16_end")


@pytest.mark.parametrize("plan", plans.plans(), ids=lambda plan: plan.name)
def test_plans_fit_their_time_and_the_chapters(plan):
    assert list(plans.problems(plan, CHAPTERS)) == []


def test_the_three_plans():
    found = {plan.name: [lesson.minutes for lesson in plan.lessons] for plan in plans.plans()}
    assert found == {"six-lessons": [90] * 6, "two-days": [90] * 8, "guest-lesson": [45]}


def test_a_plan_that_does_not_fit_is_named():
    steps = (plans.Step(10, "a", "00_map", "nowhere"), plans.Step(10, "b", "99_none"))
    plan = plans.Plan("p", "t", "s", "b", (plans.Lesson("L", 45, "g", "", steps),))
    said = list(plans.problems(plan, CHAPTERS))
    assert [re.sub("^.*?: ", "", sentence) for sentence in said] == [
        "the steps take 20 minutes, the lesson has 45",
        "chapter 00_map has no section with the id 'nowhere'",
        "there is no chapter '99_none'",
    ]


def test_the_known_mistakes_are_those_of_the_checks():
    """That each message is current is seen where the checks are tried: ``teeth.bite``."""
    assert set(mistakes.by_check()) == set(CHECKS)


@pytest.mark.parametrize("stem", STEMS)
def test_every_exercise_has_mistakes_to_tell(stem):
    exercises = [cell for cell in chapter(stem).cells if cells.exercise_name(cell)]
    assert all(len(mistakes.told(cell)) >= 2 for cell in exercises)
    assert mistakes.told(chapter(stem).cells[1]) == []


@pytest.mark.parametrize("stem", STEMS)
def test_every_prediction_has_its_answer(stem):
    found = questions.predictions(chapter(stem).cells)
    assert len(found) == minutes.predictions(chapter(stem)) > 0
    assert all(len(each.options) >= 2 for each in found)
    assert not [each.cell for each in found if not each.answer.startswith("Measured: ")]


@pytest.mark.parametrize("stem", STEMS)
def test_every_question_of_the_quiz_reaches_the_teacher(stem):
    text = sheets.sheet(stem, chapter(stem))
    for question in quiz.of_chapter(stem):
        assert text.count(f"- {question.text} → ") == 1
        assert all(f"“{said}” → {why}" in text for said, why in questions.wrong_answers(question))


def test_the_student_edition_has_no_results_and_no_solutions():
    names = [name for name in files() if name.startswith("student/")]
    assert {f"student/{stem}.ipynb" for stem in STEMS} < set(names)
    assert not [name for name in names if name.endswith(".py") or "solutions" in name]
    for stem in STEMS:
        for cell in cells.code_cells(notebook(f"student/{stem}.ipynb")):
            assert cell.execution_count is None
            assert all("Shift+Enter" in text for text in cells.texts(cell))
            assert cells.exercise_name(cell) is None or "..." in cell.source
    assert "gist" not in (text := files()["student/README.md"].decode()) and "teacher" not in text


@pytest.mark.parametrize("stem", STEMS)
def test_the_solutions_edition_has_them_all_and_nothing_else_is_changed(stem):
    made_of, original = notebook(f"solutions/{stem}.ipynb").cells, chapter(stem).cells
    assert len(made_of) == len(original)
    for now, before in zip(made_of, original, strict=True):
        if name := cells.exercise_name(before):
            assert now.source == (CHAPTERS / "solutions" / stem / f"{name}.py").read_text().rstrip("\n")
            assert editions.NOT_COMPARED in cells.tags(now) and now.outputs == []
        else:
            assert now == before


@pytest.mark.parametrize("stem", STEMS)
def test_the_teachers_edition_adds_boxes_behind_the_cells(stem):
    found = notebook(f"teacher/{stem}.ipynb").cells
    boxes = [cell for cell in found if editions.TEACHER in cells.tags(cell)]
    assert [cell.id for cell in found if cell not in boxes] == [cell.id for cell in chapter(stem).cells]
    known = notes.notes(stem).sections
    assert {f"teacher-{id}" for id in known} <= {cell.id for cell in boxes}
    assert all(cell.source.startswith("> **For the teacher") for cell in boxes)
    exercises = [cell for cell in found if cells.exercise_name(cell)]
    assert len(boxes) == 1 + len(known) + len(exercises)


@pytest.mark.parametrize("stem", STEMS)
def test_a_lesson_agrees_with_the_chapter_and_the_slides(stem):
    text = files()[f"teacher/lessons/{stem}.md"].decode()
    body = {section.id: section for section in sections(chapter(stem)) if section.is_body}
    assert set(re.findall(r"#cell-id=([\w-]+)\)", text)) == set(body)  # each is a step, or left out with a sentence
    page = files()[f"slides/{stem}.html"].decode()
    of = re.findall(r'<section class="(\w+)" data-of="([^"]*)"', page)
    found = re.findall(rf"\[slide (\d+)\]\(\.\./\.\./slides/{stem}\.html#([\w-]+)\)", text)
    assert found and all(of[int(number) - 1] == ("section", id) for number, id in found)
    for minutes_, ids in re.findall(r"^\| 0:\d\d \|.*\| (?:(\d+) min)? \|$", text, re.M) and [
        (row.split("|")[-2].strip(), re.findall(r"cell-id=([\w-]+)", row)) for row in text.splitlines() if "| 0:" in row
    ]:
        assert minutes_ == (f"{sum(body[id].minutes for id in ids)} min" if ids else "")
    assert "](../../slides/" not in lessons.lesson(stem, chapter(stem))
    for file in re.findall(r"\]\(((?:\.\./)+[^)#]+)", text):
        assert (posixpath.normpath(posixpath.join("teacher/lessons", file))) in files()


def test_the_steps_of_a_lesson_fill_it():
    found = lessons.steps("03_attention", chapter("03_attention"))
    assert [step.minutes for step in found] == [5, 8, 10, 7, 7, 8]
    assert [section.id for section in found[-1].sections] == ["bc6ffbfc"]
    assert "| 0:37 | 8 | section 8: *heavy*" in lessons.lesson("03_attention", chapter("03_attention"))


def test_readmes_speak_of_what_is_there():
    some = dict(command.edition_files(CHAPTERS, ["student"], ["03_attention"]))
    assert set(some) == {"README.md", "student/README.md", "student/03_attention.ipynb"}
    assert b"teacher/" not in some["README.md"] and b"slides/" not in some["README.md"]
    assert re.findall(rb"\((\w+\.ipynb)\)", some["student/README.md"]) == [b"03_attention.ipynb"]
    deck = dict(command.edition_files(CHAPTERS, ["slides"], ["03_attention"], beside=some))
    assert b"`slides/03_attention.html`" in deck["README.md"] and b"`student/`" in deck["README.md"]
    more = dict(command.edition_files(CHAPTERS, ["slides"], ["04_heads"], beside=deck))
    assert b"open `slides/03_attention.html` or `slides/04_heads.html` in" in more["README.md"]
    whole = files()["README.md"].decode()
    for path in re.findall(r"^- `([\w/]+)`|open `([\w/.]+)`", whole, re.M):
        assert any(name.startswith(path[0] or path[1]) for name in files())


def test_links_in_plans_lead_to_the_teachers_edition_and_the_slides():
    for plan in plans.plans():
        text = files()[f"teacher/plans/{plan.name}.md"].decode()
        for name, _, id in re.findall(r"\]\(\.\./(\w+\.ipynb)(#cell-id=([\w-]+))?\)", text):
            assert not id or id in {cell.id for cell in notebook(f"teacher/{name}").cells}
        for name, id in re.findall(r"\]\(\.\./\.\./(slides/\w+\.html)#([\w-]+)\)", text):
            assert f'class="section" data-of="{id}"' in files()[name].decode()


def test_made_twice_the_same_bytes():
    again = dict(command.edition_files(CHAPTERS, list(command.EDITIONS), ["00_map", "03_attention"]))
    assert again.keys() < files().keys() and len(again) > 8
    readmes = {"README.md", *(f"{name}/README.md" for name in ("student", "solutions", "teacher"))}  # of what is there
    assert {name for name in again if again[name] != files()[name]} == readmes


def test_the_command_writes_and_renews(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(command, "EDITIONS", {"student": lambda *asked: iter([("a.md", b"x")])})
    assert command.teach_command([str(tmp_path / "out"), "--only", "student"]) == 0
    assert command.teach_command([str(tmp_path / "out"), "--only", "student"]) == 0
    assert (tmp_path / "out" / "student" / "a.md").read_bytes() == b"x"
    assert "student (0 chapters)" in capsys.readouterr().out


def test_a_solution_can_be_run():
    source = {"cells": [nbformat.v4.new_code_cell("1 + 1", metadata={"tags": ["exercise:x", editions.NOT_COMPARED]})]}
    data = editions.as_bytes(nbformat.v4.new_notebook(**source))
    [cell] = nbformat.reads(running.executed(data, "x").decode(), as_version=4).cells
    assert cells.texts(cell) == ["2"] and cells.tags(cell) == ["exercise:x"]


def test_a_learners_run_says_what_is_open_and_where_it_stops(capsys):
    cells_ = [
        nbformat.v4.new_code_cell("print('not done yet')", metadata={"tags": ["exercise:first"]}),
        nbformat.v4.new_code_cell("print('right')", metadata={"tags": ["exercise:second"]}),
    ]
    whole = editions.as_bytes(nbformat.v4.new_notebook(cells=cells_))
    assert running.open_exercises(whole) == ["first"]
    broken = editions.as_bytes(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 / 0")]))
    assert not command._run("student/x.ipynb", {"student/x.ipynb": broken})
    assert "student/x.ipynb: STOPS" in (said := capsys.readouterr().out) and "ZeroDivisionError" in said


@pytest.mark.parametrize("stem", STEMS)
def test_a_learner_runs_what_the_notebooks_tests_run(stem):
    """The chapters are run in the tests of the notebooks; the student's differ in nothing that is run."""
    assert [(cell.id, cell.source) for cell in notebook(f"student/{stem}.ipynb").cells] == [
        (cell.id, cell.source) for cell in chapter(stem).cells
    ]


def test_exercises_that_nobody_has_done_are_open():
    """Those of one chapter; ``gpt2lab teach OUT --only student --run`` runs every notebook whole."""
    found = notebook("student/03_attention.ipynb")
    exercises = [cell for cell in found.cells if cells.exercise_name(cell)]
    found.cells = [cells.code_cells(found)[0], *exercises]
    assert running.open_exercises(editions.as_bytes(found)) == ["softmax", "attention_scores", "attention"]


def test_some_chapters_and_one_edition():
    some = dict(command.edition_files(CHAPTERS, ["student", "slides"], ["03_attention"]))
    names = {name for name in some if name.endswith((".ipynb", ".html"))}
    assert names == {
        "student/03_attention.ipynb",
        "slides/03_attention.html",
        "slides/explorer-eb4d18dc.html",
    }


def test_what_is_no_longer_made_goes_and_what_was_changed_stays(tmp_path):
    made.write(tmp_path / "out", {"a": b"1", "b/c": b"2"})
    made.write(tmp_path / "out", {"a": b"3"})
    assert (tmp_path / "out" / "a").read_bytes() == b"3" and not (tmp_path / "out" / "b" / "c").exists()
    (tmp_path / "out" / "a").write_bytes(b"mine")
    with pytest.raises(InputError, match="holds work of yours, such as a"):
        made.write(tmp_path / "out", {"a": b"4"})
    assert (tmp_path / "out" / "a").read_bytes() == b"mine"
    (tmp_path / "out" / "a").unlink()
    (tmp_path / "out" / "new").write_bytes(b"mine")
    with pytest.raises(InputError, match="such as new"):
        made.write(tmp_path / "out", {"new": b"4"})


def test_a_part_is_renewed_beside_the_rest(tmp_path):
    made.write(tmp_path / "out", {"a": b"1", "b": b"2"})
    (tmp_path / "out" / "b").write_bytes(b"mine")
    made.write(tmp_path / "out", {"a": b"3"}, whole=False)
    assert (tmp_path / "out" / "a").read_bytes() == b"3" and (tmp_path / "out" / "b").read_bytes() == b"mine"
    with pytest.raises(InputError, match="such as b"):
        made.write(tmp_path / "out", {"a": b"3", "b": b"2"})


def test_a_folder_with_other_things_is_refused(tmp_path):
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(InputError, match="is not empty"):
        made.write(tmp_path, {"a": b"1"})
    with pytest.raises(InputError, match="found a file"):
        made.write(tmp_path / "letter.txt", {"a": b"1"})
