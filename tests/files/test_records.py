"""What a learner has done: kept through restarts, in a learner's workspace only, and never lost."""

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gpt2lab import check
from gpt2lab.files import locked, records
from gpt2lab.widgets import Predict, predict

ROOT = Path(__file__).parents[2]
QUESTION, OPTIONS = "How tall is it?", ["1 m", "10 m"]


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A learner's workspace, in which chapter 03 runs."""
    (tmp_path / "course.py").touch()
    (tmp_path / "chapters").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.delenv(records.SWITCH, raising=False)
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "work" / "03_attention.ipynb"))
    monkeypatch.setattr(predict, "_answers", {})
    return tmp_path / "work"


@pytest.fixture
def new_kernel(monkeypatch):
    """Forget what this kernel knows."""
    return lambda: monkeypatch.setattr(predict, "_answers", {})


def test_answers_to_a_shared_course_are_filed_in_the_folder_named(tmp_path, monkeypatch):
    work = tmp_path / "mine" / "work"
    work.mkdir(parents=True)
    monkeypatch.delenv(records.SWITCH, raising=False)
    monkeypatch.setenv("JPY_SESSION_NAME", str(work / "03_attention.ipynb"))
    monkeypatch.delenv(records.HOME, raising=False)
    assert records.place() is None  # any folder may be called work
    monkeypatch.setenv(records.HOME, str(work.parent))
    assert records.place() == (work, "03_attention")


def stored(work):
    return json.loads((work / records.FILE).read_text(encoding="utf-8"))


def line(guess):
    return guess.children[2].value


def test_an_answer_outlives_the_kernel(work, new_kernel):
    Predict(QUESTION, OPTIONS).choice = "10 m"
    new_kernel()
    again = Predict(QUESTION, OPTIONS)
    assert again.choice == "10 m" and again.children[1].value == "10 m"
    again.compare("10 m")
    entry = stored(work)["predictions"]["03_attention"][QUESTION]
    assert entry["choice"] == "10 m" and entry["right"] is True and entry["options"] == OPTIONS
    again.choice = None
    new_kernel()
    assert Predict(QUESTION, OPTIONS).choice is None


def test_a_changed_question_drops_the_old_choice(work, new_kernel):
    Predict(QUESTION, OPTIONS).choice = "10 m"
    new_kernel()
    assert Predict(QUESTION, ["1 m", "10 m", "100 m"]).choice is None
    assert Predict("How wide is it?", OPTIONS).choice is None


def test_the_chapter_is_part_of_the_key(work, new_kernel, monkeypatch):
    Predict(QUESTION, OPTIONS).choice = "10 m"
    new_kernel()
    monkeypatch.setenv("JPY_SESSION_NAME", str(work / "04_heads.ipynb"))
    assert Predict(QUESTION, OPTIONS).choice is None
    monkeypatch.setenv("JPY_SESSION_NAME", str(work / "backups" / "03_attention.2026-01-01.ipynb"))
    assert Predict(QUESTION, OPTIONS).choice == "10 m"


def test_a_comparison_without_a_choice_writes_nothing(work):
    Predict(QUESTION, OPTIONS).compare("10 m")
    assert not (work / records.FILE).exists()


def test_an_exercise_that_passed(work):
    assert not check.residual_scale(lambda n_layers: 1.0)
    assert not (work / records.FILE).exists()
    assert check.residual_scale(lambda n_layers: (2 * n_layers) ** -0.5)
    first = stored(work)
    assert set(first["exercises"]["03_attention"]["residual_scale"]) == {"passed"}
    check.residual_scale(lambda n_layers: (2 * n_layers) ** -0.5)
    assert stored(work) == first


def nothing_is_kept(folder):
    guess = Predict(QUESTION, OPTIONS)
    guess.choice = "10 m"
    assert re.sub("<.*?>", "", line(guess)) in ("", "A cell below compares it with what is measured.")
    assert records.kept("predictions", QUESTION) is None
    assert not list(folder.rglob("*answers*"))


def test_nothing_is_kept_outside_of_a_workspace(work, monkeypatch):
    for other in (work.parent / "chapters", work.parent):
        monkeypatch.setenv("JPY_SESSION_NAME", str(other / "03_attention.ipynb"))
        nothing_is_kept(work.parent)
    (work.parent / "course.py").unlink()
    monkeypatch.setenv("JPY_SESSION_NAME", str(work / "03_attention.ipynb"))
    nothing_is_kept(work.parent)


def test_nothing_is_kept_or_read_while_chapters_are_stored(work, new_kernel, monkeypatch):
    from gpt2lab.course import notebooks

    Predict(QUESTION, OPTIONS).choice = "10 m"
    before = stored(work)
    new_kernel()
    monkeypatch.setenv(records.SWITCH, notebooks.environment()[records.SWITCH])
    assert Predict(QUESTION, OPTIONS).choice is None
    Predict(QUESTION, OPTIONS).choice = "1 m"
    assert stored(work) == before


@pytest.mark.parametrize("name", [None, "Console 1"])
def test_without_the_notebook_s_name_its_folder_counts(work, new_kernel, monkeypatch, name):
    monkeypatch.delenv("JPY_SESSION_NAME")
    if name:
        monkeypatch.setenv("JPY_SESSION_NAME", str(work / name))
    monkeypatch.chdir(work)
    Predict(QUESTION, OPTIONS).choice = "10 m"
    new_kernel()
    assert Predict(QUESTION, OPTIONS).choice == "10 m"
    assert list(stored(work)["predictions"]) == [""]


def test_vs_code_tells_the_notebook_in_a_variable(work, monkeypatch):
    class Shell:
        user_ns = {"__vsc_ipynb_file__": str(work / "03_attention.ipynb")}

    monkeypatch.delenv("JPY_SESSION_NAME")
    monkeypatch.setattr(pytest.importorskip("IPython"), "get_ipython", Shell)
    assert records.place() == (work, "03_attention")


@pytest.mark.parametrize(
    "damaged",
    [b"{", b"[]", b"", b"\xff\xfe", b'{"predictions": 3}', b'{"predictions": {"a": {"b": 3}}}', b"[" * 100_000],
)
def test_a_damaged_file_is_kept_aside(work, damaged, new_kernel):
    (work / records.FILE).write_bytes(damaged)
    guess = Predict(QUESTION, OPTIONS)
    assert guess.choice is None
    guess.choice = "10 m"
    aside = [path for path in work.iterdir() if "damaged" in path.name]
    assert [path.read_bytes() for path in aside] == [damaged]
    assert f"work/answers.json was damaged: it is kept as work/{aside[0].name}" in line(guess)
    new_kernel()
    assert Predict(QUESTION, OPTIONS).choice == "10 m"


def test_what_a_later_edition_files_is_kept(work):
    (work / records.FILE).write_text('{"badges": {"03_attention": {"x": {"won": true}}}}')
    Predict(QUESTION, OPTIONS).choice = "10 m"
    assert stored(work)["badges"] == {"03_attention": {"x": {"won": True}}}


def test_a_folder_that_cannot_be_written_is_one_sentence(work, monkeypatch):
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # root may write everywhere: a folder in the way does it, too
        (work / records.LOCK).mkdir()
    else:
        work.chmod(stat.S_IRUSR | stat.S_IXUSR)
    guess = Predict(QUESTION, OPTIONS)
    guess.choice = "10 m"
    assert line(guess).count("This is kept only until the kernel restarts: ") == 1
    assert "cannot be written" in line(guess)
    assert Predict(QUESTION, OPTIONS).choice == "10 m"  # of this kernel
    result = check.residual_scale(lambda n_layers: (2 * n_layers) ** -0.5)
    assert result and "kept only until" in repr(result)
    work.chmod(stat.S_IRWXU)


def test_two_kernels_lose_nothing_to_each_other(work):
    code = (
        "import sys; from gpt2lab.files import records\n"
        "for n in range(40): assert records.keep('predictions', f'{sys.argv[1]} {n}', {'choice': 'x'}) == ''"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    kernels = [subprocess.Popen([sys.executable, "-c", code, name], env=environment) for name in "ab"]
    assert [kernel.wait() for kernel in kernels] == [0, 0]
    assert len(stored(work)["predictions"]["03_attention"]) == 80


def test_a_lock_is_held_and_given_back(tmp_path):
    code = (
        "import fcntl, sys\n"
        "try: fcntl.flock(open(sys.argv[1]), fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
        "except OSError: sys.exit(9)"
    )
    if sys.platform == "win32":
        pytest.skip("asks with fcntl")
    ask = [sys.executable, "-c", code, str(tmp_path / "lock")]
    with locked(tmp_path / "lock"):
        assert subprocess.call(ask) == 9
    assert subprocess.call(ask) == 0
