"""Solutions of exercises, checked in the run that compares a chapter's outputs.

nbval runs the cells of a notebook one after the other. After the cell of an exercise, which was
compared unsolved like any other, its solution runs in the same kernel and must pass the check. What
it defined and drew from the random generators is then undone, so that the cells below are compared
as they were stored; a solution that changes more than that makes one of them differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from nbval.plugin import IPyNbCell, IPyNbFile

from gpt2lab.course import cells, notebooks

PASSED = ": passed"  # in what a check prints

KEEP = """
def __keep__():
    import random, sys
    names, state = get_ipython().user_ns, [(random.setstate, random.getstate())]
    if numpy := sys.modules.get("numpy"):
        state.append((numpy.random.set_state, numpy.random.get_state()))
    if torch := sys.modules.get("torch"):
        state.append((torch.set_rng_state, torch.get_rng_state()))
    kept = dict(names)
    def undo():
        for name in names.keys() - kept.keys():
            del names[name]
        names.update(kept)
        for restore, before in state:
            restore(before)
    return undo
__undo__ = __keep__()
"""
UNDO = "__undo__()"


class Solution(pytest.Item):
    """The solution of the exercise in the cell before."""

    parent: IPyNbFile

    def __init__(self, *, file: Path, **rest: object) -> None:
        super().__init__(**rest)
        self.file = file

    def runtest(self) -> None:
        self._execute(KEEP)
        shown = self._execute(self.file.read_text(encoding="utf-8"))
        self._execute(UNDO)
        assert PASSED in shown, f"{self.file} does not solve its exercise. It shows:\n{shown}"

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: str | None = None) -> str:
        return str(excinfo.value)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, self.name

    def _execute(self, source: str) -> str:
        """Run ``source`` in the notebook's kernel; what it shows, as text."""
        kernel, texts = self.parent.kernel, []

        def note(message: dict) -> None:
            content = message["content"]
            if message["msg_type"] == "error":
                texts.append("\n".join(content["traceback"]))
            else:
                texts.append(content.get("text") or content.get("data", {}).get("text/plain") or "")

        kernel.kc.execute_interactive(source, store_history=False, output_hook=note, timeout=notebooks.CELL_TIMEOUT)
        return "\n".join(filter(None, texts))


def with_solutions(items: list[pytest.Item]) -> Iterator[pytest.Item]:
    """The items, and a solution behind each cell that has one in solutions/ beside its notebook."""
    for item in items:
        yield item
        if isinstance(item, IPyNbCell) and (name := cells.exercise_name(item.cell)):
            folder = item.path.parent / "solutions" / item.path.stem
            if folder.is_dir():
                yield Solution.from_parent(item.parent, name=f"solution of {name}", file=folder / f"{name}.py")
