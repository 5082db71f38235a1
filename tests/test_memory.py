"""What a kernel keeps: pages of the C library, pixels of figures nobody shows, modules of the test tools."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from matplotlib.backends.backend_agg import RendererAgg

from gpt2lab.course import notebooks
from gpt2lab.figures import plots
from gpt2lab.widgets import memory

ROOT = Path(__file__).resolve().parent.parent


def in_a_fresh_python(code: str, **environment: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_picture_keeps_no_pixels_once_it_is_drawn(monkeypatch):
    made: list[RendererAgg] = []
    start = RendererAgg.__init__

    def noted(renderer: RendererAgg, *size: float) -> None:
        made.append(renderer)
        start(renderer, *size)

    monkeypatch.setattr(RendererAgg, "__init__", noted)
    picture = plots.bars(["a", "b"], [1, 2], title="kept")
    first = picture.png()
    assert made, "nothing was drawn: this test shows nothing"
    assert {(one.width, one.height) for one in made} == {(1, 1)}
    assert picture.png() == first  # and it can be drawn again


LIBC = pytest.mark.skipif(not memory.give_back(), reason="this C library cannot give pages back")

FREED = """
import resource, sys
from pathlib import Path
from gpt2lab.widgets import memory

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

blocks = [bytes(1000) for _ in range(100_000)]  # 100 MB in pieces that the C library does not map one by one
last = bytes(1000)  # stands behind them, so that freeing them cannot shorten the heap
before = resident()
del blocks
kept = resident()
memory.give_back()
print(before, kept, resident())
"""


@LIBC
def test_freed_memory_goes_back():
    before, kept, after = map(int, in_a_fresh_python(FREED).split())
    assert before - kept < 20e6, "the pieces went back by themselves: this test shows nothing"
    assert before - after > 80e6


IN_IPYTHON = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
from gpt2lab.widgets import memory
calls = []
memory.give_back = lambda: calls.append(1)
from gpt2lab.figures.style import Picture
from gpt2lab.widgets.base import Panel

class Blank(Panel[int]):
    def measure(self): return 1
    def draw(self): return Picture()

Blank(), Blank()
for _ in range(3):
    shell.run_cell("x = 1 + 1")
print(len(calls))
"""


def test_panels_see_to_it_once_after_each_cell(tmp_path):
    assert in_a_fresh_python(IN_IPYTHON, IPYTHONDIR=str(tmp_path)).split()[-1] == "3"


def test_outside_a_notebook_nothing_is_asked_of_ipython():
    code = "import sys; from gpt2lab.widgets.memory import give_back_after_each_cell as asked; "
    code += "print(asked(), 'IPython' in sys.modules)"
    assert in_a_fresh_python(code).split() == ["False", "False"]


def test_another_c_library_is_left_alone(monkeypatch):
    memory._malloc_trim.cache_clear()
    monkeypatch.setattr(memory.platform, "libc_ver", lambda: ("", ""))
    assert not memory.give_back()
    memory._malloc_trim.cache_clear()


THERE_AND_BACK = """
import sys, tempfile
from gpt2lab import GPT2, GPT2Config, load_gpt2, save_gpt2
with tempfile.TemporaryDirectory() as folder:
    load_gpt2(save_gpt2(GPT2(GPT2Config.tiny(vocab_size=50)), folder))
print("sympy" in sys.modules)
"""


def test_saving_and_loading_imports_no_symbolic_mathematics():
    """It costs 80 MB, and comes with random numbers on the meta device."""
    assert in_a_fresh_python(THERE_AND_BACK).split() == ["False"]


# An import that comes back costs every kernel of every learner its memory.
WORKING = """
import sys
import torch
from pathlib import Path

def resident():
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024

before = resident()
import gpt2lab
from gpt2lab.zoo import load_toy
toy = load_toy("stdlib")
from gpt2lab.explorer import Explorer
explorer = Explorer(toy.model, toy.encoding, text="if value is not")
print(resident() - before, before)
heavy = {"sympy", "torch._dynamo", "transformers", "pandas", "scipy", "matplotlib.pyplot", "networkx"}
print(",".join(sorted(heavy & set(sys.modules))) or "none")
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_a_model_and_its_explorer_cost_less_than_half_of_torch():
    """They cost a quarter to a third; the margin is for other versions of the libraries."""
    added, torch_alone, heavy = in_a_fresh_python(WORKING).split()
    assert heavy == "none"
    assert int(added) < 0.5 * int(torch_alone)


TOOLS = {"transformers", "pandas", "scipy", "sklearn", "datasets", "networkx"}


@pytest.mark.parametrize("path", notebooks.chapters(ROOT), ids=lambda path: path.stem)
def test_a_chapter_imports_no_large_library(path):
    code = "\n".join(cell.source for cell in notebooks.read(path).cells if cell.cell_type == "code")
    found = {name.split(".")[0] for name in re.findall(r"^\s*(?:import|from)\s+([\w.]+)", code, re.MULTILINE)}
    assert found & TOOLS == set()


FULL_SIZES = {"gpt2", "gpt2_medium", "gpt2_large", "gpt2_xl"}


def whole_models(source: str) -> list[str]:
    """``GPT2(GPT2Config.gpt2() …)`` with real numbers at GPT-2's width: not on the meta device, no ``d_model=``."""
    found = []

    def look(node: ast.AST, meta: bool) -> None:
        if isinstance(node, ast.With):
            meta = meta or any("meta" in ast.unparse(item.context_expr) for item in node.items)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "GPT2" and not meta:
            inside = [part for argument in node.args for part in ast.walk(argument)]
            full = any(isinstance(part, ast.Attribute) and part.attr in FULL_SIZES for part in inside)
            narrow = any(isinstance(part, ast.keyword) and part.arg == "d_model" for part in inside)
            found.extend([ast.unparse(node)] if full and not narrow else [])
        for child in ast.iter_child_nodes(node):
            look(child, meta)

    look(ast.parse(source), False)
    return found


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("model = GPT2(GPT2Config.gpt2()).eval()", 1),
        ("model = GPT2(GPT2Config.gpt2().with_(n_layers=1))", 1),
        ("def f():\n    return GPT2(GPT2Config.gpt2_xl())", 1),
        ("model = GPT2(GPT2Config.gpt2().with_(d_model=96))", 0),
        ("model = GPT2(GPT2Config.tiny())", 0),
        ("with torch.device('meta'):\n    n = GPT2(GPT2Config.gpt2()).n_parameters()", 0),
    ],
)
def test_a_model_of_full_size_is_recognised(source, count):
    assert len(whole_models(source)) == count


@pytest.mark.parametrize("path", notebooks.chapters(ROOT), ids=lambda path: path.stem)
def test_a_chapter_builds_no_model_of_full_size(path):
    """GPT-2's 124 million numbers are 498 MB; the meta device or ``d_model=`` serves as well."""
    cells = [cell.source for cell in notebooks.read(path).cells if cell.cell_type == "code"]
    whole = [call for source in cells for call in whole_models(source)]
    assert whole == []
