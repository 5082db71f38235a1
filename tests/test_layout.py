"""The layout: what lies where, and that imports go down. ``python tests/helpers/layout.py`` prints it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import grimp
import layout
import pytest

from gpt2lab.config import GPT2Config
from gpt2lab.explorer.screen import Knobs, Screen
from gpt2lab.explorer.shown import Shown
from gpt2lab.generation.sampling import Sampling

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "gpt2lab"
MOST_ROOMS = 31
MOST_ANYS = 40
THIN = 20  # lines of functions in an __init__

# From the bottom up. A room may import its own layer and the ones before it.
LAYERS = """
    errors
    files local_server
    config trace
    tokenizer
    residual layernorm attention masking positions feedforward
    block
    model
    generation weights interventions ablations tasks training
    zoo family
    studies
    check quiz claims
    figures
    explorer
    widgets
    course
    __main__
"""
RANK = {name: rank for rank, line in enumerate(LAYERS.strip().splitlines()) for name in line.split()}
LOOSE = """config trace residual layernorm masking positions feedforward block model interventions ablations
    errors local_server __main__""".split()


def upward(arrows: dict[str, set[str]]) -> list[str]:
    """The arrows that point to a higher layer."""
    pairs = ((name, other) for name, others in sorted(arrows.items()) for other in sorted(others))
    return [f"{name} imports {other}" for name, other in pairs if RANK[other] > RANK[name]]


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return layout.import_graph(ROOT)


def test_no_module_imports_itself_through_others(graph):
    """Late imports count: a circle that hides in a function still ties the modules together."""
    assert layout.circles(layout.edges(graph)) == []


def test_no_room_imports_itself_through_others(graph):
    assert layout.circles(layout.rooms(graph)) == []


def test_every_room_has_a_layer_and_imports_go_down(graph):
    arrows = layout.rooms(graph)
    assert set(arrows) <= set(RANK), "a new room belongs into LAYERS"
    assert set(RANK) <= set(arrows), "LAYERS names a room that is gone"
    assert upward(arrows) == []


def test_inside_the_package_names_come_from_their_own_module(graph):
    """``from gpt2lab import GPT2`` is for people; inside, it would tie a module to everything."""
    for face in ("gpt2lab", "gpt2lab.family", "gpt2lab.widgets", "gpt2lab.explorer"):
        assert graph.find_modules_that_directly_import(face) == set(), face


def test_nothing_lies_loose():
    loose = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    assert loose <= set(LOOSE), "put it into a package, or into the list if all of the course shares it"
    others = {path.name for path in PACKAGE.iterdir() if path.is_file() and path.suffix != ".py"}
    assert others <= {"__init__.pyi", "py.typed"}


def test_there_are_few_rooms(graph):
    assert len(layout.rooms(graph)) <= MOST_ROOMS


def test_the_readme_has_a_phrase_for_every_package():
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^  (\w+)/ +\w", readme, re.MULTILINE)) == packages


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("__init__.py")), ids=lambda path: path.parent.name)
def test_an_init_hands_names_on_and_does_no_work(path):
    """Docstring, imports and tables as long as they need to be; functions of a few lines; no class."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    work = [node for node in body if not isinstance(node, ast.Import | ast.ImportFrom | ast.Assign | ast.Expr)]
    assert not [node for node in work if isinstance(node, ast.ClassDef)]
    assert sum((node.end_lineno or 0) - node.lineno + 1 for node in work) <= THIN


ONE_PLACE = {  # what must not be written a second time, and the file that defines it
    r"numbers\.Integral": "errors.py",  # is_whole, whole_number
    r"^import socket|^from socket": "local_server.py",  # free_port, port_is_free, listens
    r"def (evaluating|plain_model)\(": "model.py",
    r"hexdigest\(\) (!=|==)": "files/reading.py tokenizer/vocabulary.py",  # read_checked; a file not yet written
    r"def writers\(": "block.py",
}


@pytest.mark.parametrize("what", ONE_PLACE)
def test_one_definition_each(what):
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if re.search(what, path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert found == set(ONE_PLACE[what].split())


def test_what_is_handed_around_cannot_be_changed():
    """A view, a loop or a panel that holds one of these may rely on it."""
    for kind in (Sampling, Knobs, Screen, Shown, GPT2Config):
        assert kind.__dataclass_params__.frozen, kind.__name__  # type: ignore[attr-defined]


def anys(source: str) -> list[str]:
    """The lines that annotate with Any."""
    lines = source.splitlines()
    uses = {node.lineno for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name) and node.id == "Any"}
    return [lines[number - 1] for number in sorted(uses)]


def test_an_any_is_found():
    assert anys("from typing import Any\nx = 1\ndef f(x: list[Any]) -> int: ...\n") == [
        "def f(x: list[Any]) -> int: ..."
    ]


def test_every_any_says_why():
    """Where no type is true: on the line, so that it is not copied along without a reason."""
    used = [line for path in PACKAGE.rglob("*.py") for line in anys(path.read_text(encoding="utf-8"))]
    assert len(used) <= MOST_ANYS
    assert [line for line in used if "# Any: " not in line] == []


def made_up(**imports: str) -> grimp.ImportGraph:
    """A graph of modules by their names; ``__`` stands for a dot."""
    made = grimp.ImportGraph()
    for module in ("gpt2lab", *{part for name in imports for part in chain(name)}):
        made.add_module(module)
    for name, others in imports.items():
        for other in others.split():
            made.add_import(importer=chain(name)[-1], imported=f"gpt2lab.{other}")
    return made


def chain(name: str) -> list[str]:
    """``a__b`` as gpt2lab.a and gpt2lab.a.b."""
    parts = name.split("__")
    return [".".join(["gpt2lab", *parts[: n + 1]]) for n in range(len(parts))]


def test_a_circle_is_found_wherever_it_hides():
    graph = made_up(zoo__make="model", zoo__toys="zoo.make", model="zoo.toys", trace="")
    assert layout.circles(layout.edges(graph)) == [["gpt2lab.model", "gpt2lab.zoo.make", "gpt2lab.zoo.toys"]]
    assert layout.circles(layout.rooms(graph)) == [["model", "zoo"]]


def test_an_arrow_that_points_up_is_found():
    graph = made_up(model="config widgets.base", config="", widgets__base="")
    assert upward(layout.rooms(graph)) == ["model imports widgets"]


def test_floors_are_the_longest_chains():
    arrows = layout.rooms(made_up(a="b c", b="c", c="", d__e="a", d__f="c"))
    assert layout.floors(arrows) == {"c": 1, "b": 2, "a": 3, "d": 4}


def test_a_late_import_counts(tmp_path, monkeypatch):
    """grimp reads the source, functions included."""
    package = tmp_path / "late_example"
    package.mkdir()
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "a.py").write_text("from late_example import b\n", encoding="utf-8")
    (package / "b.py").write_text("def f():\n    from late_example import a\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    graph = grimp.build_graph("late_example", cache_dir=None)
    assert layout.circles(layout.edges(graph)) == [["late_example.a", "late_example.b"]]
