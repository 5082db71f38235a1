"""The packages of gpt2lab, the layers they form and the imports between them.

    python tests/helpers/layout.py [CHECKOUT]

prints a table. A room is a module that lies directly in ``gpt2lab/``, or a package with all that is
in it. An arrow is an import of one room by another, a
late import inside a function included. The floor of a room is the longest chain of rooms below it.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import grimp

PACKAGE = "gpt2lab"


def import_graph(root: Path) -> grimp.ImportGraph:
    """Every module of the package in ``root`` and its imports, with those that load on first use.

    Parameters
    ----------
    root : Path
        A checkout: the folder that holds ``gpt2lab/``.
    """
    sys.path.insert(0, str(root))
    try:
        graph = grimp.build_graph(PACKAGE, cache_dir=None)
    finally:
        sys.path.remove(str(root))
    for stub in (root / PACKAGE).rglob("__init__.pyi"):
        package = ".".join(stub.parent.relative_to(root).parts)
        for node in ast.parse(stub.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ImportFrom):
                graph.add_import(importer=package, imported=f"{package}.{node.module}")
    return graph


def edges(graph: grimp.ImportGraph) -> dict[str, set[str]]:
    """For each module, the modules that it imports."""
    return {module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules}


def room(module: str) -> str:
    """The room of a module, without the leading ``gpt2lab.``; the package's own face is ``gpt2lab``."""
    return PACKAGE if module == PACKAGE else module.split(".")[1]


def rooms(graph: grimp.ImportGraph) -> dict[str, set[str]]:
    """For each room, the rooms that its modules import. ``gpt2lab/__init__`` is a face, not a room."""
    arrows: dict[str, set[str]] = {room(module): set() for module in graph.modules}
    for module, imported in edges(graph).items():
        arrows[room(module)] |= {room(other) for other in imported}
    arrows.pop(PACKAGE)
    return {name: others - {name, PACKAGE} for name, others in arrows.items()}


def circles(arrows: dict[str, set[str]]) -> list[list[str]]:
    """The groups whose members import each other, directly or through others; each sorted."""
    below = {name: reachable(arrows, name) for name in arrows}
    groups = {frozenset(other for other in below[name] if name in below[other]) for name in arrows}
    return sorted(sorted(group) for group in groups if group)


def reachable(arrows: dict[str, set[str]], start: str) -> set[str]:
    """All that ``start`` imports, directly or through others; itself only if it stands on a circle."""
    found: set[str] = set()
    waiting = list(arrows[start])
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += arrows[name]
    return found


def floors(arrows: dict[str, set[str]]) -> dict[str, int]:
    """The longest chain of rooms below each room; the members of a circle share a floor."""
    below = {name: reachable(arrows, name) for name in arrows}
    level: dict[str, int] = {}
    for name in sorted(arrows, key=lambda name: len(below[name] | {name})):
        under = [level[other] for other in below[name] if name not in below[other]]
        level[name] = 1 + max(under, default=0)
    return level


def main(arguments: list[str]) -> int:
    graph = import_graph(Path(arguments[0] if arguments else ".").resolve())
    arrows = rooms(graph)
    level = floors(arrows)
    for name in sorted(arrows, key=lambda name: (level[name], name)):
        print(f"{level[name]:3}  {name:14} {' '.join(sorted(arrows[name]))}")
    n_arrows = sum(map(len, arrows.values()))
    print(f"\n{len(arrows)} rooms, {max(level.values())} floors, {n_arrows} arrows; {len(graph.modules)} modules")
    for what, found in (("rooms", circles(arrows)), ("modules", circles(edges(graph)))):
        print(f"circles of {what}: {'; '.join(' '.join(group) for group in found) or 'none'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
