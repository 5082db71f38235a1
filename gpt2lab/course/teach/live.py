"""The explorers of the chapters as pages of their own, which need no Python.

Such a page holds the model and runs it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import NamedTuple


class Shown(NamedTuple):
    """What an explorer of a chapter shows."""

    toy: str
    text: str
    title: str
    at: str = ""  # the view that opens, as an explorer's link has it


EXPLORERS = {  # by the id of the cell that opens it, or a panel which the explorer shows as well
    "f65922a6": Shown("english", "Mr. and", "Trained toy model"),
    "eb4d18dc": Shown(
        "reference",
        "the robot could not lift the box because it was heavy. it means the",
        "Trained toy model",
        "view=head&layer=1",
    ),
}


def file_name(id: str) -> str:
    """Of the page of the explorer that a cell opens."""
    return f"explorer-{id}.html"


def link(id: str, presenter: bool = False) -> str:
    """The address of that page, with the view that opens."""
    state = "&".join(filter(None, [EXPLORERS[id].at, "presenter=1" * presenter]))
    return f"{file_name(id)}#{state}" if state else file_name(id)


def page(id: str) -> bytes:
    """The explorer that a cell opens, as a page that works from disk."""
    from gpt2lab.explorer.explorer import Explorer
    from gpt2lab.zoo import load_toy
    from gpt2lab.zoo.toys import ToyModel

    shown = EXPLORERS[id]
    toy = load_toy(shown.toy)
    assert isinstance(toy, ToyModel)
    explorer = Explorer(toy.model, toy.encoding, shown.text, title=shown.title)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "explorer.html"
        explorer.save(path)
        return path.read_bytes()
