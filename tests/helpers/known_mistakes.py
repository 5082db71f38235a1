"""Writes the known mistakes of all exercises for teachers: ``python tests/helpers/known_mistakes.py``.

The source is what the checks say about the wrong answers on which they are tried (``teeth.py``).
"""

import importlib
import json
from pathlib import Path

import made_up_runs
import teeth

from gpt2lab.files import atomic_write

FILE = Path(__file__).resolve().parents[2] / "gpt2lab" / "course" / "teach" / "data" / "mistakes.toml"
HEAD = """# What each check says about the known mistakes of its exercise.
# Written by `python tests/helpers/known_mistakes.py`; not by hand.

[told]
"""


def told():
    """The messages that name a mistake, by check; each message once."""
    importlib.import_module("gpt2lab.check.rope_lab").measure = made_up_runs.measure
    known = {name: dict.fromkeys(given.known(name)) for name, given in sorted(teeth.answers().items())}
    ours = teeth.OF_OUR_TESTS
    return {name: [text for text in texts if not any(map(text.__contains__, ours))] for name, texts in known.items()}


def as_toml(found):
    """A string of JSON is one of TOML."""
    lines = [f"{name} = {json.dumps(messages, ensure_ascii=False, indent=2)}" for name, messages in found.items()]
    return HEAD + "\n".join([*lines, ""])


if __name__ == "__main__":
    with atomic_write(FILE) as part:
        part.write_text(as_toml(told()), encoding="utf-8")
    print(f"{FILE.name}: written")
