"""`gpt2lab test` and `gpt2lab bench`: what they start, and the exit code they end with."""

import sys

import pytest

from gpt2lab.course import testing as checkup
from gpt2lab.course import workspace
from gpt2lab.tokenizer import vocabulary


@pytest.fixture
def root(monkeypatch, tmp_path):
    """A course with two chapters, and a vocabulary."""
    (tmp_path / "chapters").mkdir()
    for name in ("01_b.ipynb", "00_a.ipynb"):
        (tmp_path / "chapters" / name).write_text("{}")
    monkeypatch.setattr(workspace, "course_root", lambda: tmp_path)
    monkeypatch.setattr(vocabulary, "available", lambda: True)
    monkeypatch.setattr(checkup, "usable_cores", lambda: 2)
    return tmp_path


@pytest.fixture
def runs(monkeypatch):
    """What was started, with exit codes to answer by title."""
    started, codes = {}, {}

    def run(root, title, command):
        started[title] = command
        return codes.get(title, 0)

    monkeypatch.setattr(checkup, "_run", run)
    return started, codes


def test_tests_then_notebooks(root, runs, capsys):
    started, _ = runs
    assert checkup.test_command(["-k", "mask"]) == 0
    assert list(started) == ["Tests", "Notebooks"]
    assert started["Tests"] == [sys.executable, "-m", "pytest", "-n", "2", "--dist", "worksteal", "-k", "mask"]
    assert started["Notebooks"][-2:] == ["chapters/00_a.ipynb", "chapters/01_b.ipynb"]
    assert capsys.readouterr().out == "\nPassed: tests and notebooks\n"


def test_notebooks_are_compared_strictly(root):
    line = checkup.nbval_arguments(root)
    assert "--nbval" in line and "--nbval-lax" not in line


def test_the_cells_of_a_notebook_stay_with_one_worker(root):
    assert " ".join(checkup.nbval_arguments(root)).count("-n 2 --dist loadfile") == 1


@pytest.mark.parametrize(("cores", "workers"), [(1, []), (2, ["-n", "2"]), (3, ["-n", "3"]), (64, ["-n", "4"])])
def test_a_worker_per_core(root, monkeypatch, cores, workers):
    monkeypatch.setattr(checkup, "usable_cores", lambda: cores)
    for line in (checkup.pytest_arguments([]), checkup.nbval_arguments(root)):
        assert [word for word in line if word == "-n" or word.isdigit()] == workers


@pytest.mark.parametrize("own", ["-n0", "-n", "--numprocesses=3", "--pdb", "-s"])
def test_who_asks_for_a_number_of_workers_or_a_debugger_gets_it(root, own):
    assert checkup.pytest_arguments([own]) == [sys.executable, "-m", "pytest", own]


def test_words_that_only_begin_alike_change_nothing(root):
    assert "worksteal" in checkup.pytest_arguments(["tests/test_trace.py", "-k", "number"])


def test_notebooks_run_in_this_environment_and_keep_compiled_code(root, capfd, monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    ask = "import os, sys; print(os.environ['JUPYTER_PREFER_ENV_PATH'], os.getcwd(), sys.dont_write_bytecode)"
    checkup._run(root, "Notebooks", [sys.executable, "-c", ask])
    assert capfd.readouterr().out == f"\n== Notebooks\n1 {root} False\n"


@pytest.mark.parametrize("failing", ["Tests", "Notebooks"])
def test_any_failure_is_a_failure(root, runs, capsys, failing):
    _, codes = runs
    codes[failing] = 1
    assert checkup.test_command([]) == 1
    assert capsys.readouterr().out == f"\nFailed: {failing.lower()}\n"


@pytest.mark.parametrize(("flag", "title"), [("--no-notebooks", "Tests"), ("--notebooks", "Notebooks")])
def test_one_of_the_two(root, runs, flag, title):
    started, _ = runs
    checkup.test_command([flag])
    assert list(started) == [title]


def test_without_a_chapter(root, capsys):
    for path in (root / "chapters").iterdir():
        path.unlink()
    assert checkup.test_command(["--notebooks"]) == 0
    assert "nothing there yet" in capsys.readouterr().out


def test_a_real_run_fails_when_a_test_fails(root):
    (root / "test_red.py").write_text("def test_red():\n    assert 1 == 2\n")
    assert checkup._run(root, "Tests", checkup.pytest_arguments(["-n0", "-q", "test_red.py"])) == 1
    assert checkup._run(root, "Tests", [sys.executable, "-c", "raise SystemExit(5)"]) == 5  # pytest's for: no test


def test_without_the_test_tools(root, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"Run: python3 course\.py test"):
        checkup.test_command([])


@pytest.fixture
def benchmarks(root):
    (root / "benchmarks").mkdir()
    for name in ("training", "generation", "_shared"):
        (root / "benchmarks" / f"{name}.py").write_text("import sys; sys.exit(len(sys.argv) - 1)")
    return root


def test_every_benchmark_or_some(benchmarks, runs):
    started, _ = runs
    assert checkup.bench_command([]) == 0
    assert list(started) == ["generation", "training"]
    started.clear()
    checkup.bench_command(["training", "--pairs=3"])
    assert started == {"training": [sys.executable, str(benchmarks / "benchmarks/training.py"), "--pairs=3"]}


def test_benchmarks_are_listed(benchmarks, capsys):
    assert checkup.bench_command(["--list"]) == 0
    assert capsys.readouterr().out == "generation\ntraining\n"


def test_a_benchmark_that_fails(benchmarks):
    assert checkup.bench_command(["training"]) == 0
    assert checkup.bench_command(["training", "--one"]) == 1


def test_unknown_benchmark(benchmarks):
    with pytest.raises(ValueError, match="received 'speed'. Choose: generation, training"):
        checkup.bench_command(["speed"])


def test_no_benchmark_yet(root, capsys):
    assert checkup.bench_command([]) == 0
    assert "no benchmark yet" in capsys.readouterr().out
