"""The quiz in a notebook: answers from the page and from Python, kept, restored, and never lost."""

import json
import os
import random
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gpt2lab import quiz
from gpt2lab.course.progress import as_csv, progress, table
from gpt2lab.errors import CourseError, InputError
from gpt2lab.files import records
from gpt2lab.widgets import Quiz
from gpt2lab.widgets import quiz as module
from gpt2lab.widgets.quiz_page import MODULES, SHARED, css, esm

ROOT = Path(__file__).parents[2]
SAMPLE = quiz.read(ROOT / "tests/quiz/sample.toml")
RIGHT = {
    "S1": "Row 3",
    "M1": ("LayerNorm", "the embedding"),
    "N1": 2362368.0,
    "O1": tuple(option.text for option in SAMPLE[3].options),
    "P1": (2, 1),
}


@pytest.fixture(autouse=True)
def new_kernel(monkeypatch):
    """Forget what this kernel knows."""
    monkeypatch.setattr(module, "_remembered", {})
    return lambda: monkeypatch.setattr(module, "_remembered", {})


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A learner's workspace, in which a chapter runs."""
    (tmp_path / "course.py").touch()
    (tmp_path / "chapters").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.delenv(records.SWITCH, raising=False)
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "work" / "03_attention.ipynb"))
    return tmp_path / "work"


def stored(work):
    return json.loads((work / records.FILE).read_text(encoding="utf-8"))


def send(asked, id, answer, n=1, **more):
    """What the page sends after an answer."""
    found = {"answer": answer, "right": True, "tries": 1, "first": False, "shown": False, **more}
    asked._received(asked, {"n": n, "id": id, "attempt": found}, [])


def test_python_answers():
    asked = Quiz(SAMPLE)
    assert asked.result == "0 of 5 right, 0 of them at the first try." and asked.marks == {}
    asked.answers["N1"] = 2359296
    assert repr(asked.marks["N1"]) == "Not right. 2,359,296: The biases are missing."
    asked.answers = RIGHT
    assert dict(asked.answers) == RIGHT and all(mark.right for mark in asked.marks.values())
    assert asked.result == "5 of 5 right, 4 of them at the first try."
    del asked.answers["S1"]
    assert asked.answers["S1"] is None and asked.attempt("S1").tries == 1
    assert asked._attempts["kept"]["P1"] == {"answer": [2, 1], "right": True, "tries": 1, "first": True, "shown": False}


def test_a_letter_is_the_one_on_the_page(work):
    asked = Quiz(SAMPLE)
    line = next(line for line in repr(asked).splitlines() if line.endswith("Row 3"))
    asked.answers["S1"] = line.split()[0]
    assert asked.answers["S1"] == "Row 3"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"S1": "Row 3", "N1": float("nan")}, "the answer to N1 must be a finite number"),
        ({"S1": "Row 3", "N1": None}, "the answer to N1 must be a finite number"),
        ({"S1": "Row 3", "Q99": 1}, "this quiz asks S1, M1, N1, O1, P1; got 'Q99'"),
        ({"S1": "Row 3", 3: 1}, "this quiz asks .*; got 3"),
        ([1, 2], r"answers must be a mapping of questions to answers, got \[1, 2\]"),
        (None, "answers must be a mapping"),
    ],
)
def test_wrong_answers_from_python_change_nothing(wrong, message):
    asked = Quiz(SAMPLE)
    with pytest.raises(InputError, match=message):
        asked.answers = wrong
    assert set(asked.answers.values()) == {None}
    for act in (lambda: asked.answers["Q99"], lambda: asked.answers.__delitem__("Q99"), lambda: asked.attempt(3)):
        with pytest.raises(InputError, match="this quiz asks"):
            act()


@pytest.mark.parametrize("what", [3, None, [], [1], "Q99", "", "99_end", object()])
def test_what_cannot_be_asked(what):
    with pytest.raises(InputError) as caught:
        Quiz(what)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="two have the same id"):
        Quiz([SAMPLE[0], SAMPLE[0]])


def test_the_text_lists_questions_and_options_and_is_the_same_every_time(monkeypatch):
    monkeypatch.setenv(records.SWITCH, "off")
    text = repr(Quiz(SAMPLE))
    assert text == repr(Quiz(SAMPLE)) and text.startswith("Quiz: 5 questions\n\nS1 (choose one) Which row")
    assert all(option.text in text for question in SAMPLE for option in question.options)
    assert "  ____ weights" in text and "\n  robot  0.4    0.6\n" in text
    bundle = Quiz(SAMPLE[0])._repr_mimebundle_()[0]
    assert (
        bundle["text/plain"].startswith("Quiz: S1 (choose one)")
        and "application/vnd.jupyter.widget-view+json" in bundle
    )
    asked = Quiz(SAMPLE)
    asked.answers = {"S1": "Row 4", "P1": (2, 1)}
    assert (
        "place 3? ✗ not right yet" in repr(asked) and "(•) Row 4" in repr(asked) and '"robot"? ✓ right' in repr(asked)
    )


def test_an_answer_outlives_the_kernel(work, new_kernel):
    asked = Quiz(SAMPLE)
    text = repr(asked)
    send(asked, "S1", "Row 4", n=1)
    send(asked, "S1", "Row 3", n=2, tries=2)
    asked.answers["P1"] = (0, 0)
    new_kernel()
    again = Quiz(SAMPLE)
    assert again.answers["S1"] == "Row 3" and again.answers["P1"] == (0, 0)
    assert again.attempt("S1").tries == 2 and again._attempts["kept"]["S1"]["right"] is True
    assert [line[:3] for line in repr(again).splitlines()] == [line[:3] for line in text.splitlines()]
    entry = stored(work)["quizzes"]["03_attention"]["S1"]
    assert entry["answer"] == "Row 3" and entry["question"] == SAMPLE[0].text and entry["time"]


def test_the_order_is_the_learner_s_own_and_stays(work, monkeypatch):
    first = Quiz(SAMPLE)._quiz["seed"]
    assert first == Quiz(SAMPLE)._quiz["seed"] == records.seed() == stored(work)[records.LEARNER][""]["seed"]["value"]
    monkeypatch.setenv("JPY_SESSION_NAME", str(work / "04_heads.ipynb"))
    assert records.seed() == first
    (work / records.FILE).write_text(json.dumps({records.LEARNER: {"": {"seed": {"value": "x"}}}}))
    assert records.seed() == stored(work)[records.LEARNER][""]["seed"]["value"] != "x"
    (work / records.FILE).write_text("{")
    assert records.seed() == 0  # the next answer sets the damaged file aside
    monkeypatch.setenv(records.SWITCH, "off")
    assert records.seed() == 0


def test_without_a_workspace_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    asked = Quiz(SAMPLE)
    asked.answers = RIGHT
    assert asked.message == "" and asked._quiz["seed"] == 0 and list(tmp_path.iterdir()) == []
    assert dict(Quiz(SAMPLE).answers) == RIGHT  # of this kernel


WILD = [None, 3, [], {}, {"n": "1"}, {"n": True}, {"n": 1, "id": []}, {"n": 1, "id": "Q99", "attempt": {}},
        {"n": 1, "id": "S1"}, {"n": 1, "id": "S1", "attempt": {"answer": "zzz", "tries": -1}},
        {"n": 1, "id": "S1", "attempt": {"tries": 10**9}}, {"n": 1, "progress": "yes"}]  # fmt: skip


@pytest.mark.parametrize("content", WILD, ids=str)
def test_messages_that_nobody_sends_change_nothing(work, content):
    asked = Quiz(SAMPLE)
    before = (work / records.FILE).read_text()
    asked._received(asked, content, [])
    assert set(asked.answers.values()) == {None} and (work / records.FILE).read_text() == before


def test_the_page_cannot_call_a_wrong_answer_right(work):
    asked = Quiz(SAMPLE)
    send(asked, "S1", "Row 4", right=True)
    assert not asked.attempt("S1").right and stored(work)["quizzes"]["03_attention"]["S1"]["right"] is False


def test_python_tells_the_page_which_message_it_has_seen(work):
    asked = Quiz(SAMPLE)
    send(asked, "S1", "Row 3", n=7)
    assert asked._attempts["n"] == 7
    asked.answers["S1"] = "Row 4"
    assert asked._attempts == {"n": 7, "kept": {"S1": asked.attempt("S1").json}}


def test_the_last_page_says_what_is_done_of_the_chapter(work):
    code = {
        "cell_type": "code",
        "metadata": {"tags": ["exercise:gelu"]},
        "source": ["check.gelu(f)\n", "Predict('a', x)"],
    }
    chapter = work.parent / "chapters" / "03_attention.ipynb"
    chapter.write_text(json.dumps({"cells": [code, {**code, "source": "Predict('b', y)"}, 3]}))
    records.keep("predictions", "a", {"choice": "x", "right": True})
    records.keep("exercises", "gelu", {"passed": "now"})
    asked = Quiz(SAMPLE)
    asked._received(asked, {"n": 1, "progress": True}, [])
    questions = f"questions: 0 of {len(quiz.of_chapter('03_attention'))} answered, 0 right"
    assert asked._progress == ["predictions: 1 of 2 made, 1 right", "exercises: 1 of 1 passed", questions]
    chapter.write_text("{")
    asked._received(asked, {"n": 2, "progress": True}, [])
    assert asked._progress == ["predictions: 1 made, 1 right", "exercises: 1 passed", questions]
    (work / records.FILE).write_text("{")
    asked._received(asked, {"n": 3, "progress": True}, [])
    assert len(asked._progress) == 1 and "not a readable JSON file" in asked._progress[0]


def test_a_folder_that_cannot_be_written_is_one_sentence(work):
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # root may write everywhere: a folder in the way does it, too
        (work / records.LOCK).mkdir()
    else:
        work.chmod(stat.S_IRUSR | stat.S_IXUSR)
    asked = Quiz(SAMPLE)
    send(asked, "S1", "Row 3")
    assert asked.message.count("This is kept only until the kernel restarts: ") == 1
    assert asked._quiz["seed"] == 0 and Quiz(SAMPLE).answers["S1"] == "Row 3"  # of this kernel
    work.chmod(stat.S_IRWXU)


KEEP = """
import sys
from gpt2lab.files import records
for n in range(10**6):
    assert records.keep("quizzes", f"{sys.argv[1]} {n}", {"answer": "x" * 50, "right": True, "tries": 1}) == ""
    print(n, flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
def test_twenty_kills_while_answers_are_written_lose_nothing(work):
    """Two notebooks at a time; each is killed at another moment, in the middle of its work."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    rng = random.Random(0)
    for round in range(10):
        writers = []
        for name in (f"{round}a", f"{round}b"):
            command = [sys.executable, "-c", KEEP, name]
            writers.append((name, subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)))
        said = {}
        for name, writer in writers:
            heard = [writer.stdout.readline() for _ in range(rng.randint(1, 12))]
            writer.send_signal(signal.SIGKILL)
            said[name] = [*heard, *writer.stdout.read().splitlines()]  # what it had still said
            assert writer.wait() == -signal.SIGKILL
        kept = records.read(work)["quizzes"]["03_attention"]
        for name, _ in writers:
            assert {f"{name} {n}" for n in range(len(said[name]))} <= set(kept), "an answer that was kept is gone"
    assert not list(work.glob("*damaged*"))
    assert len(records.read(work)["quizzes"]["03_attention"]) >= 20


def damage(rng, good):
    """One of many ways in which a file can be wrong."""
    data = bytearray(good)
    kind = rng.randrange(6)
    if kind == 0:
        return bytes(data[: rng.randrange(len(data))])
    if kind == 1:
        for _ in range(rng.randint(1, 8)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        return bytes(data)
    if kind == 2:
        start = rng.randrange(len(data))
        return bytes(data[:start] + data[start + rng.randrange(40) :])
    wild = [None, 3, "x", [], {}, [1], {"a": 3}, {"answer": [9, 9]}, True, 1e300, {"tries": -1, "answer": "Row 3"}]
    tree = json.loads(good)
    level = tree
    for _ in range(rng.randint(0, 3)):  # something wild at some depth
        inner = [value for value in level.values() if isinstance(value, dict)]
        level = rng.choice(inner) if inner else level
    level[rng.choice([*level, "new"])] = rng.choice(wild)
    return json.dumps(tree).encode()


def test_500_damaged_files_are_a_sentence_each(work, new_kernel):
    asked = Quiz(SAMPLE)
    asked.answers = RIGHT
    records.keep("predictions", "a", {"choice": "x", "right": True})
    good = (work / records.FILE).read_bytes()
    rng = random.Random(1)
    seen = {"kept": 0, "aside": 0}
    for n in range(500):
        (work / records.FILE).write_bytes(damage(rng, good))
        try:
            rows = progress(work.parent)
            assert table(rows) and as_csv(rows)
        except CourseError as error:
            assert "\n" not in str(error) and records.FILE in str(error)
        assert records.seed() >= 0
        for question in SAMPLE:
            module.attempt(question, records.kept("quizzes", question.id))
        if n % 25 == 0:  # a widget takes longer than a file
            new_kernel()
            Quiz(SAMPLE).answers["S1"] = "Row 4"
        sentence = records.keep("quizzes", "S1", {"answer": "Row 3", "tries": 1})
        seen["aside" if sentence else "kept"] += 1
        assert sentence == "" or (sentence.startswith(f"work/{records.FILE} was damaged") and "\n" not in sentence)
        assert records.kept("quizzes", "S1")["answer"] == "Row 3"
    assert min(seen.values()) > 50
    assert len(list(work.glob("*damaged*"))) >= seen["aside"]


def test_the_module_is_whole_and_safe(node, tmp_path):
    source = esm()
    assert (
        len(source) < 40_000
        and "innerHTML" not in source
        and "import " not in source
        and "http" not in source.replace("http://www.w3.org/2000/svg", "")
    )
    assert {path.stem for path in (ROOT / "gpt2lab/widgets/js").glob("*.mjs")} - {"picture"} == set(MODULES)
    assert set(SHARED) == {"dom", "theme"} and css().count("{") == css().count("}")
    path = tmp_path / "quiz.mjs"
    path.write_text(source, encoding="utf-8")
    script = f"import('{path.as_uri()}').then(m => process.exit(typeof m.default.render === 'function' ? 0 : 1))"
    done = subprocess.run([node, "--input-type=module", "-e", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
