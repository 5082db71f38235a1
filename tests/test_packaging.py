"""One list of dependencies, kept true: against conda's list, the tested versions and the imports."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from gpt2lab.course import doctor

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
RUN = {Requirement(line).name: Requirement(line) for line in PROJECT["dependencies"]}
EXTRAS = PROJECT["optional-dependencies"]
TOOLS = {Requirement(line).name: Requirement(line) for group in EXTRAS.values() for line in group}

ON_CONDA = {"pytorch": "torch", "playwright-python": "playwright"}  # names that differ on conda-forge

# Growing this list is a decision, not an accident: the learner downloads each of them.
RUN_TIME = """torch numpy safetensors tiktoken regex platformdirs tqdm jaxtyping lazy_loader huggingface_hub
    jupyterlab ipykernel matplotlib pillow ipywidgets anywidget voila latex2mathml""".split()


def test_run_time_dependencies_are_these():
    assert sorted(RUN) == sorted(RUN_TIME)


def test_each_dependency_has_its_reason():
    lines = re.findall(r'^    "([\w-]+)[^"]*",(.*)$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert {name for name, reason in lines if "#" in reason} >= {*RUN, *TOOLS}


def test_conda_has_the_same_list():
    lines = [line.strip() for line in (ROOT / "environment.yml").read_text().splitlines()]
    listed = [Requirement(line[2:]) for line in lines if re.match(r"- \w[\w-]*[<>=]", line)]
    python = next(item for item in listed if item.name == "python")
    assert str(python.specifier) == str(Requirement(f"python{PROJECT['requires-python']}").specifier)
    conda = {ON_CONDA.get(item.name, item.name): item.specifier for item in listed if item.name != "python"}
    assert conda == {name: item.specifier for name, item in {**RUN, **TOOLS}.items()}
    assert "- -e ." in lines and "- conda-forge" in lines


def constraints():
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    return dict(line.split("==") for line in lines)


def test_every_dependency_has_a_tested_version_within_its_bounds():
    tested = constraints()
    for name, item in {**RUN, **TOOLS}.items():
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
HOME |= dict.fromkeys("jupyter_client jupyter_core jupyter_server nbclient nbconvert nbformat".split(), "jupyterlab")


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


LAZY = ["gpt2lab", "gpt2lab.family", "gpt2lab.widgets", "gpt2lab.explorer"]
HEAVY = ["matplotlib", "ipywidgets", "anywidget", "transformers", "huggingface_hub", "beartype", "IPython"]
NAMES = f"""
import gc, importlib, json, sys
found = {{}}
for name in {LAZY}:
    for ours in [module for module in sys.modules if module.split(".")[0] == "gpt2lab"]:
        del sys.modules[ours]
    package = importlib.import_module(name)
    loaded = sorted(module for module in sys.modules if module.startswith(name + "."))
    wrong = [public for public in package.__all__ if getattr(package, public).__name__ != public]
    try:
        package.nothing_of_that_name
    except AttributeError as error:
        refused = str(error)
    listed = dir(package) == package.__all__ == sorted(package.__all__)
    heavy = [library for library in {HEAVY} if library in sys.modules]
    found[name] = dict(loaded=loaded, wrong=wrong, refused=refused, listed=listed, heavy=heavy)
    if name == "gpt2lab":
        found[name] |= dict(objects=len(gc.get_objects()), kept=gc.get_freeze_count(), searching=gc.isenabled())
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found():
    """What a fresh interpreter finds in each package; our own modules are loaded anew for each."""
    done = subprocess.run([sys.executable, "-c", NAMES], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_import_is_light(found):
    """The package, and every name it offers: no drawing, no widgets, no peers."""
    assert found["gpt2lab"]["heavy"] == []
    assert "matplotlib" in found["gpt2lab.widgets"]["heavy"]


@pytest.mark.parametrize("torch_first", [False, True])
def test_torch_is_not_searched_for_garbage(found, torch_first):
    about = found["gpt2lab"]
    if torch_first:
        code = "import gc, torch, gpt2lab; print(len(gc.get_objects()), gc.get_freeze_count(), gc.isenabled())"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
        objects, kept, searching = done.stdout.split()
        about = dict(objects=int(objects), kept=int(kept), searching=searching == "True")
    assert about["kept"] > 100_000 > about["objects"]
    assert about["searching"]


@pytest.mark.parametrize("package", LAZY)
def test_names_load_on_first_use(found, package):
    """Nothing is loaded by the import, every listed name is there, and another one is a plain error."""
    about = found[package]
    assert about["loaded"] == (["gpt2lab.course", "gpt2lab.course.moved"] if package == "gpt2lab" else [])
    assert about["listed"] and about["wrong"] == []
    assert about["refused"] == f"module {package!r} has no attribute 'nothing_of_that_name'"


def test_a_type_checker_is_told_that_the_package_is_typed():
    package = ROOT / "gpt2lab"
    assert (package / "py.typed").exists()
    assert "Typing :: Typed" in PROJECT["classifiers"]
    for name in LAZY:
        assert ROOT.joinpath(*name.split("."), "__init__.pyi").exists()


def git(*arguments):
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, cwd=ROOT)
    if done.returncode > 1:
        pytest.skip("not a git checkout")
    return done.stdout.split()


@pytest.mark.parametrize("path", [".venv/x", "work/00_map.ipynb", "gpt2.tiktoken", "model.safetensors"])
def test_what_belongs_to_this_computer_is_ignored(path):
    assert git("check-ignore", path) == [path]


def test_no_vocabulary_and_no_foreign_weights_are_committed():
    data = tuple(f"gpt2lab/studies/{name}" for name in ("distilling", "inside", "length", "reference"))
    ours = ("gpt2lab/zoo/", "gpt2lab/studies/lab/trained/", *data)  # trained here
    kinds = (".tiktoken", ".bin", ".pt", ".pth", ".safetensors", "vocab.bpe", "encoder.json")
    assert not [path for path in git("ls-files") if path.endswith(kinds) and not path.startswith(ours)]


def test_a_wheel_has_every_file_of_the_package():
    """hatch takes the whole folder except what .gitignore names, whether git tracks it or not."""
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel == {"packages": ["gpt2lab"]}  # with another rule, this test has to follow it
    package = git("ls-files", "gpt2lab")
    done = subprocess.run(
        ["git", "check-ignore", "--no-index", "--stdin"],
        input="\n".join(package), capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    left_out = set(done.stdout.split())
    assert not left_out
    kinds = {Path(path).suffix or Path(path).name for path in package}
    assert kinds >= {".py", ".pyi", ".typed", ".mjs", ".css", ".html", ".json", ".safetensors"}


def test_the_version_and_the_licence_are_stated_where_people_look():
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    released = re.findall(r"^## \[(\d\S*)\]", changes, re.MULTILINE)
    version = Version(PROJECT["version"])
    assert "## [Unreleased]" in changes if version.is_devrelease else str(version) == released[0]
    assert version > max(Version(number) for number in released) or not version.is_devrelease
    assert PROJECT["license"] == "MIT" and (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("MIT License")


RUNS_CODE = {"eval", "exec", "compile", "__import__", "pickle", "marshal", "shelve", "dill", "joblib", "cloudpickle"}


def runs_code(source: str) -> list[str]:
    """What in a piece of Python would run text or data as code, or read a pickle."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            weights_only = [ast.unparse(word.value) for word in node.keywords if word.arg == "weights_only"]
            if called in RUNS_CODE or called == "os.system" or (called == "torch.load" and weights_only != ["True"]):
                found.append(called)
            if any(word.arg == "shell" and ast.unparse(word.value) != "False" for word in node.keywords):
                found.append(f"{called}(shell=…)")
            if any(word.arg == "allow_pickle" and ast.unparse(word.value) != "False" for word in node.keywords):
                found.append(f"{called}(allow_pickle=…)")
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            found += [name for name in names if name.split(".")[0] in RUNS_CODE]
    return found


@pytest.mark.parametrize(
    "source",
    ["eval(x)", "exec(x)", "import pickle", "from pickle import load", "torch.load(x)", "run(x, shell=True)"],
)
def test_what_runs_code_is_recognised(source):
    assert runs_code(source) and not runs_code("model.eval(); re.compile(x); torch.compile(m); run(x)")


def test_nothing_that_is_read_is_run():
    """No file, setting or text becomes code: no eval, no exec, no pickle, no shell."""
    files = [ROOT / "course.py", *sorted((ROOT / "gpt2lab").rglob("*.py"))]
    found = {path.relative_to(ROOT).as_posix(): runs_code(path.read_text(encoding="utf-8")) for path in files}
    assert {name: calls for name, calls in found.items() if calls} == {}


@pytest.mark.skipif(os.name == "nt", reason="permissions are POSIX")
def test_notebooks_are_compared_on_every_kind_of_processor():
    """What a chapter prints holds on all of them: the smaller one in each run, all and two threads before a release."""
    assert "\nATEN_CPU_CAPABILITY=avx2 python3 course.py test --notebooks\n" in (ROOT / ".ci" / "run").read_text()
    script = (ROOT / ".ci" / "every-path").read_text()
    assert os.access(ROOT / ".ci" / "every-path", os.X_OK)
    for line in (
        "for capability in default avx2 avx512; do",
        "for threads in 1 2; do",
        "GPT2LAB_NOTEBOOK_THREADS=$threads ATEN_CPU_CAPABILITY=$capability LANG=C LC_ALL=C",
    ):
        assert line in script, line


@pytest.mark.skipif(os.name == "nt", reason="permissions are POSIX")
def test_continuous_integration_runs_the_same_command():
    """Set-up, then .ci/lint, then the tests; a step that fails ends the run."""
    script, lint = ROOT / ".ci" / "run", ROOT / ".ci" / "lint"
    assert os.access(script, os.X_OK) and os.access(lint, os.X_OK)
    lines = script.read_text().strip().splitlines()
    assert lines[-1] == "exec python3 course.py test"
    assert lines.index("set -euo pipefail") < lines.index(".ci/lint") < len(lines) - 1
    assert any(line.startswith("python3 course.py test --help") for line in lines[: lines.index(".ci/lint")])
    assert "export CI=true" in script.read_text()


def test_the_linter_runs_every_tool_in_a_pinned_version():
    lint = (ROOT / ".ci" / "lint").read_text()
    plain = lint.replace('"@biomejs/biome@$BIOME"', "biome").replace("-m ", "")
    for tool in ("ruff check", "ruff format --check", "mypy", "biome lint --error-on-warnings", "git log"):
        assert tool in plain, tool
    parts = re.findall(r'^part "([\w ]+)"', lint, re.MULTILINE)
    assert parts == ["ruff check", "ruff format", "mypy", "JavaScript", "commit subjects"]
    assert {"ruff", "mypy"} <= constraints().keys()
    biome = re.search(r"^BIOME=([\d.]+)", lint, re.MULTILINE)
    assert biome and f"/schemas/{biome[1]}/schema.json" in (ROOT / "biome.json").read_text()
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    assert f"rev: v{constraints()['ruff']}\n" in hooks


def test_editors_indent_as_the_formatter_does():
    text = (ROOT / ".editorconfig").read_text()
    assert text.startswith(("root = true", "#")) and "root = true" in text
    assert "end_of_line = lf" in text and "[*]" in text


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


def test_the_readme_leads_to_licence_changes_and_contributing():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = set(re.findall(r"\]\(([^)#:]+)\)", text))
    assert {"LICENSE", "CHANGELOG.md", "CONTRIBUTING.md"} <= targets
    assert not [target for target in targets if not (ROOT / target).exists()]


STANDING_FOR = {
    "chapters/NN_NAME": "chapters/08_gpt2", "tours/NAME": "tours/robot", "NAME_panel": "heads_panel",
    "NAME": "heads", "PART": "masking", "TOPIC": "heads",
}  # fmt: skip


def test_contributing_names_files_that_are_there():
    """The names in capitals are replaced by those of one chapter, panel, view or check that exists."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    text = text.replace("solutions/NN_NAME", "solutions/08_gpt2")
    for placeholder, example in STANDING_FOR.items():
        text = text.replace(placeholder, example)
    named = set(re.findall(r"(?<![\w/])((?:chapters|gpt2lab|tests|\.ci)/[\w./-]*\w/?|[A-Z]+\.md|[\w]+\.toml)", text))
    assert len(named) > 20
    assert not [path for path in named if not (ROOT / path).exists()]
    assert len(text.splitlines()) < 90  # one page


def test_the_workflow_runs_every_supported_python_on_three_systems():
    text = (ROOT / ".github" / "workflows" / "test.yml").read_text()
    pythons = [f'"3.{minor}"' for minor in range(doctor.OLDEST[1], doctor.NEWEST[1] + 1)]
    assert f"python: [{', '.join(pythons)}]" in text
    assert "os: [ubuntu-latest, macos-latest, windows-latest]" in text
    assert "run: python course.py test\n" in text and "run: .ci/lint\n" in text
