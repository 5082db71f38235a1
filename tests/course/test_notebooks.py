"""The script that executes and stores notebooks, and what nbval does with the result."""

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from gpt2lab import GPT2, GPT2Config, save_gpt2
from gpt2lab.course import cells, notebooks

ROOT = Path(__file__).parents[2]


def write(path, *sources, tags=()):
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
    for cell in notebook.cells:
        cell.metadata["tags"] = list(tags)
    nbformat.write(notebook, path)
    return path


def texts(path):
    return ["\n".join(cells.texts(cell)).strip() for cell in notebooks.read(path).cells]


def nbval(path, *options):
    """Exit code and report of a strict comparison of a notebook, or of those in a folder."""
    command = [sys.executable, "-m", "pytest", "--nbval", "-q", "-p", "no:cacheprovider"]
    command += ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT), "--confcutdir", str(ROOT)]
    command += ["-p", "conftest", *options, str(path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(
        command, cwd=path if path.is_dir() else path.parent, env=environment, capture_output=True, text=True
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """One notebook, run twice: (path, bytes after the first run, bytes after the second)."""
    path = tmp_path_factory.mktemp("notebooks") / "00_try.ipynb"
    write(
        path,
        "import os, sys, torch, gpt2lab\nprint(torch.get_num_threads(), os.environ['CUDA_VISIBLE_DEVICES'] == '')",
        "print('one')\nprint('two'); sys.stdout.flush(); print('three')",
        "import ipywidgets\nipywidgets.IntSlider(3)",
        "os.getcwd() == " + repr(str(path.parent)),
        "import time\nobject(), print(f'{time.perf_counter():.2f} ms')",
        "round(float(torch.ones(3).sum()), 3)",
        tags=["topic:1"],
    )
    notebooks.run(path)
    first = path.read_bytes()
    notebooks.run(path)
    return path, first, path.read_bytes()


def test_outputs_come_from_the_fixed_environment(stored):
    shown = texts(stored[0])
    assert shown[0] == "1 True"
    assert shown[3] == "True"  # the working directory is the notebook's


def test_another_number_of_threads_is_passed_on(monkeypatch):
    for threads in ("1", "2"):
        monkeypatch.setenv("GPT2LAB_NOTEBOOK_THREADS", threads)
        fixed = notebooks.environment()
        assert (fixed["OMP_NUM_THREADS"], fixed["MKL_NUM_THREADS"]) == (threads, threads)


def test_streams_are_stored_as_one(stored):
    cell = notebooks.read(stored[0]).cells[1]
    assert [output.text for output in cell.outputs] == ["one\ntwo\nthree\n"]


def test_no_widget_survives_but_its_text_does(stored):
    notebook = notebooks.read(stored[0])
    assert "widgets" not in notebook.metadata
    assert notebooks.WIDGET_VIEW not in stored[1].decode()
    assert texts(stored[0])[2] == "IntSlider(value=3)"


def test_a_second_run_changes_only_what_is_measured(stored):
    path, first, second = stored
    before, after = (nbformat.reads(data.decode(), as_version=4) for data in (first, second))
    assert [cell["id"] for cell in before.cells] == [cell["id"] for cell in after.cells]
    del before.cells[4], after.cells[4]
    assert before == after


def test_metadata_that_depends_on_the_computer_is_gone(stored):
    notebook = notebooks.read(stored[0])
    assert notebook.metadata == notebooks.METADATA
    assert {tuple(cell.metadata) for cell in notebook.cells} == {("tags",)}


def verdicts(report, name):
    """(PASSED or FAILED, the item's name) of every item of a notebook; those that passed come first."""
    return re.findall(rf"^(PASSED|FAILED) \S*{name}\.ipynb::(.*?)(?: - .*)?$", report, re.MULTILINE)


def test_nbval_accepts_what_was_stored_and_refuses_a_changed_number(stored):
    changed = stored[0].with_name("00_changed.ipynb")
    changed.write_text(stored[0].read_text().replace('"3.0"', '"3.1"'))
    assert changed.read_text() != stored[0].read_text()
    code, report = nbval(stored[0].parent, "-rA")
    assert code == 1
    assert [verdict for verdict, _ in verdicts(report, "00_try")] == ["PASSED"] * 6, report
    assert [verdict for verdict, _ in verdicts(report, "00_changed")] == ["PASSED"] * 5 + ["FAILED"], report
    assert "3.1" in report and "Cell outputs differ" in report


def test_the_environment_of_this_process_stays_as_it_is(stored):
    assert "TQDM_DISABLE" not in os.environ
    before = dict(os.environ)
    with notebooks.fixed_environment():
        assert os.environ["CUDA_VISIBLE_DEVICES"] == ""
    assert dict(os.environ) == before


def test_outputs_do_not_depend_on_weights_that_somebody_has_in_the_cache(tmp_path):
    snapshot = tmp_path / "hub" / "models--openai-community--gpt2" / "snapshots" / "abc"
    save_gpt2(GPT2(GPT2Config.tiny(vocab_size=9)), snapshot)
    (refs := snapshot.parent.parent / "refs").mkdir()
    (refs / "main").write_text("abc")
    code = "from gpt2lab import load_gpt2; print(load_gpt2('gpt2', download=False).config.vocab_size)"

    def load(environment):
        command = [sys.executable, "-c", code]
        return subprocess.run(command, capture_output=True, text=True, env=environment)

    here = {**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_CACHE": str(tmp_path / "hub")}
    assert load(here).stdout == "9\n"
    assert "is not in the local Hugging Face cache" in load({**here, **notebooks.ENVIRONMENT}).stderr


def test_a_failing_cell_leaves_the_file_as_it_was(tmp_path):
    path = write(tmp_path / "00_bad.ipynb", "1 + 1", "1 / 0")
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"(?s)1 / 0.*ZeroDivisionError: division by zero"):
        notebooks.run(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_no_notebook_is_named(tmp_path, capsys):
    path = tmp_path / "x.ipynb"
    path.write_text("{")
    assert notebooks.main(["check", str(path), str(tmp_path / "none.ipynb")]) == 1
    shown = capsys.readouterr().out
    assert "Expected a notebook, could not read" in shown and "none.ipynb" in shown


def test_a_missing_cell_id_is_made_from_name_and_place():
    notebook = new_notebook(cells=[new_markdown_cell("a"), new_markdown_cell("b")])
    for cell in notebook.cells:
        del cell["id"]
    again = nbformat.from_dict(notebook)
    notebooks.clean(notebook, "00_x")
    notebooks.clean(again, "00_x")
    assert [cell["id"] for cell in notebook.cells] == [cell["id"] for cell in again.cells]
    assert notebook.cells[0]["id"] != notebook.cells[1]["id"]


UNSOLVED = "from gpt2lab import check\ndef my_scale(n_layers):\n    ...\nprint('not done yet')"
SOLVED = "noise = torch.rand(1)\ndef my_scale(n_layers):\n    return {}\ncheck.residual_scale(my_scale)"
SOLUTIONS = {  # by the name of an exercise: what its solution is, and what a failure says
    "right": (SOLVED.format("(factor * n_layers) ** -0.5"), None),
    "wrong": (SOLVED.format("n_layers ** -0.5"), "not right yet"),
    "name": (SOLVED.format("(factor * scale) ** -0.5"), "name.py does not solve its exercise"),
    "error": (SOLVED.format("1 / 0").replace("check.", "my_scale(1)\ncheck."), "ZeroDivisionError"),
    "none": (None, "No such file"),
}


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """Code and report of one comparison: of a notebook with an exercise for each solution, all the same.

    The cell below each exercise shows what its solution may not change.
    """
    after = "print(my_scale(3), 'noise' in dir(), round(float(torch.rand(1)), 3))"
    folder = tmp_path_factory.mktemp("exercise")
    path = folder / "01_x.ipynb"
    write(path, "import torch\nfactor = 2\n_ = torch.manual_seed(0)", *[UNSOLVED, after] * len(SOLUTIONS))
    (folder / "solutions" / "01_x").mkdir(parents=True)
    notebook = notebooks.read(path)
    for cell, (name, (solution, _)) in zip(notebook.cells[1::2], SOLUTIONS.items(), strict=True):
        cell.metadata["tags"] = [f"exercise:{name}"]
        if solution:
            (folder / "solutions" / "01_x" / f"{name}.py").write_text(solution)
    nbformat.write(notebook, path)
    notebooks.run(path)
    return nbval(folder, "-rA")


@pytest.mark.parametrize("name", SOLUTIONS)
def test_solutions_are_checked_where_the_notebook_is_compared(compared, name):
    code, report = compared
    assert code == 1
    said = SOLUTIONS[name][1]
    assert ("PASSED" if said is None else "FAILED", f"solution of {name}") in verdicts(report, "01_x"), report
    assert said is None or said in report, report  # no two of them say the same


def test_what_a_solution_leaves_behind_is_not_seen_by_the_cells_below(compared):
    """Every cell passes, also below a solution that fails."""
    cells = [verdict for verdict, name in verdicts(compared[1], "01_x") if not name.startswith("solution of ")]
    assert cells == ["PASSED"] * (1 + 2 * len(SOLUTIONS)), compared[1]


def test_every_sanitising_rule_is_read():
    """nbval silently drops a `replace:` without a blank after it."""
    from nbval.plugin import get_sanitize_patterns

    text = (ROOT / "tests" / "nbval_sanitize.cfg").read_text()
    rules = get_sanitize_patterns(text)
    assert len(rules) == text.count("\nregex:") == text.count("\nreplace:") > 0


def test_only_addresses_and_measured_times_are_sanitised():
    from nbval.plugin import get_sanitize_patterns

    rules = get_sanitize_patterns((ROOT / "tests" / "nbval_sanitize.cfg").read_text())

    def clean(text):
        for pattern, replacement in rules:
            text = re.sub(pattern, replacement, text)
        return text

    assert clean("<object at 0x7f12ab34cd>") == clean("<object at 0x7fffab34cd>")
    assert clean("12.5 ms") == clean("9 ms") != clean("9 tokens/s")
    for text in ("loss 0.123", "shape (2, 5)", "124,439,808 parameters", "0xff", "3 s"):
        assert clean(text) == text


def test_whoever_asks_hears_of_each_code_cell_and_its_kernel(tmp_path):
    cells = [new_code_cell("import os\nos.getpid()"), new_markdown_cell("text"), new_code_cell("os.getpid()")]
    notebook, heard = new_notebook(cells=cells), []
    notebooks.execute(notebook, tmp_path, after_cell=lambda number, pid: heard.append((number, pid)))
    printed = [int(cells[i].outputs[0].data["text/plain"]) for i in (0, 2)]
    assert heard == [(0, printed[0]), (2, printed[1])]
