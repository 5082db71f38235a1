"""The explorer's JavaScript, run with Node's own test runner."""

import re
import subprocess
from pathlib import Path

import pytest

from gpt2lab.explorer import assemble
from gpt2lab.explorer.views import VIEWS

TESTS = Path(__file__).parents[1] / "js"


def test_pure_modules(node):
    files = sorted(map(str, TESTS.glob("*.test.mjs")))
    assert len(files) >= 4
    done = subprocess.run([node, "--test", *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:]


def test_the_assembled_module_loads_and_exports_render(node, tmp_path):
    path = tmp_path / "explorer.mjs"
    path.write_text(assemble.esm(), encoding="utf-8")
    script = f"import('{path.as_uri()}').then(m => process.exit(typeof m.default.render === 'function' ? 0 : 1))"
    done = subprocess.run([node, "--input-type=module", "-e", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_module_is_small_and_complete():
    source = assemble.esm()
    assert len(source) < 135_000  # it is repeated in every saved notebook that keeps widget state
    assert not re.search(r"^import ", source, re.MULTILINE)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", source)
    folder = Path(assemble.__file__).parent / "js"
    assert {path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.mjs")} == set(
        (*assemble.MODULES, *assemble.RECORDED, *assemble.LIVE)
    )


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_says_in_one_line_what_one_sees(view):
    source = (Path(assemble.__file__).parent / f"js/views/{view}.mjs").read_text(encoding="utf-8")
    (about,) = re.findall(r'^  about: "(.+?)" \};$', source, re.MULTILINE)
    assert 40 < len(about) <= 120 and about.endswith(".")


@pytest.mark.parametrize("more", [(), assemble.RECORDED, assemble.LIVE], ids=["widget", "recording", "live"])
def test_every_import_is_from_a_module_of_the_list(more):
    folder = Path(assemble.__file__).parent / "js"
    names = (*assemble.MODULES, *more)
    for name in names:
        path = folder / f"{name}.mjs"
        for other in re.findall(r'from "(\./[^"]+|\.\./[^"]+)"', path.read_text(encoding="utf-8")):
            found = (path.parent / other).resolve().relative_to(folder.resolve()).with_suffix("").as_posix()
            assert found in names, (name, other)


@pytest.mark.parametrize("live", [False, True])
def test_a_pages_program_is_one_program(node, tmp_path, live):
    """No name stands twice at its top, which Node would refuse; and it writes and runs no text as code."""
    path = tmp_path / "page.mjs"
    path.write_text(assemble.page_module(live), encoding="utf-8")
    done = subprocess.run([node, "--check", str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|fetch\(\"", path.read_text())


def test_the_engine_stays_out_of_notebooks():
    assert "createEngine" in assemble.page_module(live=True)
    assert "createEngine" not in assemble.esm() and "createEngine" not in assemble.page_module(live=False)


def test_the_tabs_come_in_the_order_of_the_table():
    table = re.search(r"^const render = renderer\(\{ (.*) \}\);$", assemble.module(), re.MULTILINE)[1]
    assert table.split(", ") == [f'"{name}": {name}View' for name in VIEWS]
