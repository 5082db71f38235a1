"""moved: notebooks of the first edition find what they import."""

import importlib
import subprocess
import sys

import pytest

from gpt2lab.course.moved import MOVED


@pytest.mark.parametrize("old", MOVED)
def test_an_old_name_hands_on_the_module_in_its_new_place(old):
    assert importlib.import_module(old) is importlib.import_module(MOVED[old])


def test_every_import_form_of_the_first_edition_works():
    code = """
from gpt2lab.lab.rows import ROWS
from gpt2lab.lab import load_lab
from gpt2lab.widgets import Predict, plots
from gpt2lab import depth
import gpt2lab.presets
print(len(ROWS) > 0, plots.__name__, depth.__name__, gpt2lab.presets.__name__)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "True gpt2lab.figures.plots gpt2lab.studies.depth gpt2lab.zoo.recipes\n", done.stderr


def test_no_old_name_is_used_by_the_course_itself():
    from gpt2lab.course.workspace import course_root

    root = course_root()
    files = [*root.glob("gpt2lab/**/*.py"), *root.glob("chapters/**/*.ipynb"), *root.glob("benchmarks/*.py")]
    texts = {file: file.read_text(encoding="utf-8") for file in files if file.name != "moved.py"}
    for old in MOVED:
        for file, text in texts.items():
            assert f"from {old} import" not in text and f"import {old}\n" not in text, (file, old)
