"""How the explorer is built: no import circle, views that know the screen only, one table of views."""

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import gpt2lab.explorer
from gpt2lab.explorer.views import VIEWS

HOME = Path(gpt2lab.explorer.__file__).parent
MODULES = {path.relative_to(HOME).with_suffix("").as_posix(): path for path in HOME.rglob("*.py")}


def imported(name):
    """The explorer's modules that one of them imports, at the top or later, by path below explorer/."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("gpt2lab.explorer"):
            continue
        place = node.module.removeprefix("gpt2lab.explorer").strip(".").replace(".", "/")
        for alias in node.names:
            below = f"{place}/{alias.name}".strip("/")
            found.add(
                below if below in MODULES else f"{place}/__init__".strip("/") if place in ("", "views") else place
            )
    return found


def test_imports_flow_one_way_with_no_circle():
    inner = set(MODULES) - {"__init__"}  # __init__ hands names on to those who ask
    graph = {name: imported(name) & inner for name in inner}
    assert len(graph) > 20 and sum(map(len, graph.values())) > 50
    list(TopologicalSorter(graph).static_order())  # raises CycleError


@pytest.mark.parametrize("name", [name for name in MODULES if name.startswith("views/")])
def test_a_view_does_not_go_through_the_browser_or_the_widget(name):
    above = {"answers", "scene", "files", "picture", "script", "assemble", "selection", "explorer", "pair"}
    assert imported(name).isdisjoint(above)


@pytest.mark.parametrize("name", sorted(set(MODULES) - {"explorer", "selection"}))
def test_nobody_reaches_into_the_widget_or_the_screen(name):
    source = MODULES[name].read_text(encoding="utf-8")
    assert not re.search(r"\b(explorer|screen|run|widget)\._[a-z]", source)


def test_a_view_is_its_two_files_and_a_line_of_the_table():
    sides = {side: {path.stem for path in (HOME / side).glob("*") if path.is_file()} for side in ("views", "js/views")}
    assert sides == {"views": {*VIEWS, "__init__", "base"}, "js/views": set(VIEWS)}
    for name in VIEWS:
        source = (HOME / f"js/views/{name}.mjs").read_text(encoding="utf-8")
        assert re.search(rf'^export const {name}View = {{ label: "[A-Z][a-z ]+", create: \w+', source, re.MULTILINE)


def test_no_two_views_ask_with_the_same_word():
    words = [form.split("/")[0] for view in VIEWS.values() for form in view.asked]
    assert len(words) == len(set(words)) >= 7
