"""One list of dependencies, kept true: against conda's list, the tested versions and the imports."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from gpt2lab.course import doctor

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
RUN = {Requirement(line).name: Requirement(line) for line in PROJECT["dependencies"]}
TEST = {Requirement(line).name: Requirement(line) for line in PROJECT["optional-dependencies"]["test"]}

ON_CONDA = {"pytorch": "torch", "playwright-python": "playwright"}  # names that differ on conda-forge

# Growing this list is a decision, not an accident: the learner downloads each of them.
RUN_TIME = """torch numpy safetensors tiktoken regex tqdm jaxtyping huggingface_hub jupyterlab ipykernel
    matplotlib pillow ipywidgets anywidget voila""".split()


def test_run_time_dependencies_are_these():
    assert sorted(RUN) == sorted(RUN_TIME)


def test_each_dependency_has_its_reason():
    lines = re.findall(r'^    "([\w-]+)[^"]*",(.*)$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert {name for name, reason in lines if "#" in reason} >= set(RUN)


def test_conda_has_the_same_list():
    lines = [line.strip() for line in (ROOT / "environment.yml").read_text().splitlines()]
    listed = [Requirement(line[2:]) for line in lines if re.match(r"- \w[\w-]*[<>=]", line)]
    python = next(item for item in listed if item.name == "python")
    assert str(python.specifier) == str(Requirement(f"python{PROJECT['requires-python']}").specifier)
    conda = {ON_CONDA.get(item.name, item.name): item.specifier for item in listed if item.name != "python"}
    assert conda == {name: item.specifier for name, item in {**RUN, **TEST}.items()}
    assert "- -e ." in lines and "- conda-forge" in lines


def constraints():
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    return dict(line.split("==") for line in lines)


def test_every_dependency_has_a_tested_version_within_its_bounds():
    tested = constraints()
    for name, item in {**RUN, **TEST}.items():
        assert item.specifier.contains(tested[canonicalize_name(name)]), name


def test_torch_is_pinned_without_a_build_label():
    tested = Requirement(f"torch=={constraints()['torch']}").specifier
    assert tested.contains("2.13.0") and tested.contains("2.13.0+cpu") and tested.contains("2.13.0+cu130")


def test_the_same_pythons_everywhere():
    course = (ROOT / "course.py").read_text()
    assert f"OLDEST, NEWEST = {doctor.OLDEST}, {doctor.NEWEST}" in course
    wanted = Requirement(f"python{PROJECT['requires-python']}").specifier
    inside = ["{}.{}".format(*doctor.OLDEST), "{}.{}.9".format(*doctor.NEWEST)]
    outside = [f"3.{doctor.OLDEST[1] - 1}.9", f"3.{doctor.NEWEST[1] + 1}"]
    assert all(wanted.contains(version) for version in inside)
    assert not any(wanted.contains(version) for version in outside)


HOME = {"IPython": "ipykernel", "traitlets": "ipywidgets", "tiktoken_ext": "tiktoken", "PIL": "matplotlib"}
HOME |= dict.fromkeys("jupyter_client jupyter_server nbclient nbconvert nbformat".split(), "jupyterlab")


def test_the_package_imports_nothing_else():
    """A module that only other packages happen to bring is named in HOME, with the one that brings it."""
    strangers = set()
    for path in (ROOT / "gpt2lab").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        # What stands below `if TYPE_CHECKING` is for type checkers, and is never imported.
        guards = [n for n in ast.walk(tree) if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING"]
        unused = {inner for guard in guards for line in guard.body for inner in ast.walk(line)}
        for node in ast.walk(tree):
            if node in unused:
                continue
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module]
            for name in (name.split(".")[0] for name in names):
                known = name in sys.stdlib_module_names or name == "gpt2lab" or HOME.get(name, name) in RUN
                if not known:
                    strangers.add(f"{path.relative_to(ROOT)}: {name}")
    assert not strangers


LIGHT = """
import sys
import gpt2lab
for name in gpt2lab.__all__:
    getattr(gpt2lab, name)
heavy = ["matplotlib", "ipywidgets", "anywidget", "transformers", "huggingface_hub", "beartype", "IPython"]
print([name for name in heavy if name in sys.modules])
"""


def test_import_is_light():
    """The package, and every name it offers: no drawing, no widgets, no peers."""
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[]", done.stderr


def git(*arguments):
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, cwd=ROOT)
    if done.returncode > 1:
        pytest.skip("not a git checkout")
    return done.stdout.split()


@pytest.mark.parametrize("path", [".venv/x", "work/00_map.ipynb", "gpt2.tiktoken", "model.safetensors"])
def test_what_belongs_to_this_computer_is_ignored(path):
    assert git("check-ignore", path) == [path]


def test_no_vocabulary_and_no_foreign_weights_are_committed():
    data = ("gpt2lab/studies/length", "gpt2lab/studies/reference")
    ours = ("gpt2lab/zoo/", "gpt2lab/studies/lab/trained/", *data)  # trained here
    kinds = (".tiktoken", ".bin", ".pt", ".pth", ".safetensors", "vocab.bpe", "encoder.json")
    assert not [path for path in git("ls-files") if path.endswith(kinds) and not path.startswith(ours)]


@pytest.mark.skipif(os.name == "nt", reason="permissions are POSIX")
def test_continuous_integration_runs_the_same_command():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text().strip().endswith("exec python3 course.py test")
    assert "export CI=true" in script.read_text()


def test_what_the_readme_names_is_there():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "```\npython3 course.py  " in text and "\npython3 course.py test  " in text
    tree = text.split("## What is where")[1].split("```")[1]
    missing = []
    for indent, name in re.findall(r"^( {0,2})(\S+)", tree, re.MULTILINE):
        path = (ROOT / "gpt2lab" if indent else ROOT) / name
        if name != "work/" and not path.exists():
            missing.append(name)
    assert not missing
