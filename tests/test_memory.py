"""What a kernel keeps: pages of the C library, pixels of figures nobody shows, modules of the test tools."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from matplotlib.backends.backend_agg import RendererAgg

from gpt2lab import memory
from gpt2lab.figures import plots

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
from gpt2lab import memory

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
from gpt2lab import memory
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
    code = "import sys; from gpt2lab import memory; print(memory.give_back_after_each_cell(), 'IPython' in sys.modules)"
    assert in_a_fresh_python(code).split() == ["False", "False"]


def test_another_c_library_is_left_alone(monkeypatch):
    memory._malloc_trim.cache_clear()
    monkeypatch.setattr(memory.platform, "libc_ver", lambda: ("", ""))
    assert not memory.give_back()
    memory._malloc_trim.cache_clear()
