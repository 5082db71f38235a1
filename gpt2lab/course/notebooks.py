"""Execute notebooks and store what they print. The only way an output gets into a chapter.

    python -m gpt2lab.course.notebooks run     chapters/03_attention.ipynb …
    python -m gpt2lab.course.notebooks finish  chapters/03_attention.ipynb …
    python -m gpt2lab.course.notebooks check   chapters/03_attention.ipynb …
    python -m gpt2lab.course.notebooks minutes chapters/03_attention.ipynb …
    python -m gpt2lab.course.notebooks list

``run`` executes each notebook from top to bottom in a fresh kernel with one fixed environment and
replaces the file only if every cell ran; then it does what ``finish`` and ``check`` do. ``finish`` writes
the links to other chapters and the minutes, and chapters/README.md, which ``list`` writes alone. ``check``
lists what breaks the rules of ``hygiene`` and ``form``. ``minutes`` prints how long a chapter takes.
Without file names, all take every chapter.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from gpt2lab.course import hygiene, minutes, navigation, workspace
from gpt2lab.course.cells import read
from gpt2lab.course.copies import WIDGET_VIEW
from gpt2lab.course.topics import CHAPTERS
from gpt2lab.errors import InputError
from gpt2lab.files import atomic_write, records

CELL_TIMEOUT = 1200  # seconds; after that a cell hangs, also on a busy computer

_NO_HUB = str(Path(tempfile.gettempdir()) / "gpt2lab-empty-hub")

# The same for storing and for comparing, so that the last digit does not depend on who runs it.
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "",  # outputs are made on the CPU
    "PYTHONHASHSEED": "0",
    "HF_HUB_OFFLINE": "1",
    # An empty cache: whoever has GPT-2's weights must get the same outputs as everybody else.
    "HF_HOME": _NO_HUB,
    "HF_HUB_CACHE": _NO_HUB,
    "TRANSFORMERS_OFFLINE": "1",
    "TQDM_DISABLE": "1",  # progress bars go to stderr, and show timings
    records.SWITCH: "off",  # what somebody has answered must not get into a stored chapter
    "JUPYTER_PREFER_ENV_PATH": "1",  # this Python's kernel, whatever the user has registered
}
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def chapters(root: Path | None = None) -> list[Path]:
    """Every notebook in chapters/, in the order of the course."""
    folder = (workspace.course_root() if root is None else root) / "chapters"
    order = list(CHAPTERS)
    # One with an unknown name comes last, where the tests find it.
    return sorted(
        folder.glob("*.ipynb"), key=lambda path: (order.index(path.stem) if path.stem in order else len(order), path)
    )


def environment() -> dict[str, str]:
    """This process's environment with what is fixed for notebooks.

    GPT2LAB_NOTEBOOK_THREADS, which .ci/every-path sets, gives arithmetic another number of threads than one.
    """
    threads = os.environ.get("GPT2LAB_NOTEBOOK_THREADS", "1")
    here = str(Path(__file__).resolve().parents[2])  # this gpt2lab, no other
    paths = [here, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    fixed = {**ENVIRONMENT, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
    return {**os.environ, **fixed, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}


@contextmanager
def fixed_environment() -> Iterator[None]:
    """Jupyter looks for kernels by it, and the kernel inherits it. Afterwards all is as it was."""
    before = dict(os.environ)
    os.environ.update(environment())
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def run(path: Path) -> float:
    """Execute one notebook and store it.

    Returns
    -------
    float
        Seconds it took, the start of the kernel included.

    Raises
    ------
    ValueError
        If a cell fails; the message shows the cell and its error, and the file stays as it was.
    """
    notebook = read(path)
    start = time.perf_counter()
    execute(notebook, path.parent)
    seconds = time.perf_counter() - start
    clean(notebook, path.stem)
    with atomic_write(path) as part:
        nbformat.write(notebook, part)
    return seconds


def execute(notebook: NotebookNode, folder: Path, after_cell: Callable[[int, int], None] | None = None) -> None:
    """Run all cells in a fresh kernel that works in ``folder``; outputs are put into the notebook.

    Parameters
    ----------
    after_cell : function, optional
        Called after each code cell with the cell's index and the kernel's process id.
    """
    from jupyter_client.provisioning import LocalProvisioner
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    def executed(cell: NotebookNode, cell_index: int, execute_reply: object) -> None:
        if after_cell is not None:
            provisioner = client.km.provisioner if client.km is not None else None
            assert isinstance(provisioner, LocalProvisioner) and provisioner.pid is not None  # nbclient started it here
            after_cell(cell_index, provisioner.pid)

    client = NotebookClient(
        notebook,
        on_cell_executed=executed,
        timeout=CELL_TIMEOUT,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        store_widget_state=False,
        extra_arguments=["--log-level=ERROR"],
        coalesce_streams=True,  # otherwise the number of stream outputs depends on timing
    )
    try:
        with fixed_environment():
            client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise InputError(re.sub(r"\x1b\[[0-9;]*m", "", str(error))) from error


def clean(notebook: NotebookNode, stem: str) -> None:
    """Leave out whatever differs from run to run or from computer to computer."""
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for number, cell in enumerate(notebook.cells):
        if not cell.get("id"):
            cell["id"] = hashlib.sha256(f"{stem} {number}".encode()).hexdigest()[:8]
        tags = cell.metadata.get("tags")
        cell.metadata = NotebookNode({"tags": tags} if tags else {})
        for output in cell.get("outputs", []):
            # A widget's view points to a kernel that is gone: JupyterLab would show an error in its
            # place. Without it, the panel's picture is shown.
            output.get("data", {}).pop(WIDGET_VIEW, None)
            output.get("metadata", {}).pop(WIDGET_VIEW, None)
    nbformat.validate(notebook)


def finish(path: Path) -> None:
    """Write the links to other chapters and the minutes into a notebook, and the list of chapters beside it.

    Raises
    ------
    InputError
        If the opening cell has no place for the minutes.
    """
    notebook = read(path)
    navigation.navigate(notebook, path)
    minutes.state(notebook)
    with atomic_write(path) as part:
        nbformat.write(notebook, part)
    if path.stem in navigation.present(path.parent):
        write_list(path.parent)


def write_list(folder: Path) -> None:
    """Write the list of the chapters in a folder, README.md."""
    with atomic_write(folder / workspace.LIST) as part:
        part.write_text(navigation.list_of_chapters(folder), encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 if all went well and the notebooks keep the rules, else 1."""
    parser = argparse.ArgumentParser("python -m gpt2lab.course.notebooks", description="Execute, store, check.")
    parser.add_argument("action", choices=["run", "finish", "check", "minutes", "list"])
    parser.add_argument("notebook", nargs="*", type=Path, help="default: every chapter")
    options = parser.parse_args(arguments)
    if options.action == "list":
        write_list(workspace.course_root() / "chapters")
        return 0
    failed = 0
    for path in options.notebook or chapters():
        try:
            failed += _act(options.action, path)
        except ValueError as error:
            print(f"{path}: {error}", flush=True)
            failed += 1
    return 1 if failed else 0


def _act(action: str, path: Path) -> int:
    """Do one thing with one notebook; whether it breaks a rule."""
    if action == "minutes":
        print(f"{path}: {minutes.account(read(path))}")
        return 0
    if action == "run":
        print(f"{path}: {run(path):.1f} s", flush=True)
    if action in ("run", "finish"):
        finish(path)
    return hygiene.main([str(path)]) if action != "finish" else 0


if __name__ == "__main__":
    sys.exit(main())
