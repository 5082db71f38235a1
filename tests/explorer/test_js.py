"""The explorer's JavaScript, run with Node's own test runner."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from gpt2lab.explorer import assemble
from gpt2lab.explorer.views import VIEWS
from gpt2lab.figures import javascript

TESTS = Path(__file__).parents[1] / "js"
UNSAFE = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\("


def test_pure_modules(node):
    files = sorted(map(str, TESTS.glob("*.test.mjs")))
    assert len(files) >= 4
    done = subprocess.run([node, "--test", *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:]


# Node imports no blob: what the module makes one of is imported as data instead. `out` holds what the test says.
WITHOUT_BLOBS = """
import {{ writeFileSync }} from "node:fs";
const seen = {{ made: [], revoked: [] }};
globalThis.Blob = class {{ constructor(parts, how) {{ seen.type = how.type; this.text = parts.join(""); }} }};
URL.createObjectURL = (blob) => {{
  seen.made.push(blob.text.length);
  return "data:text/javascript;base64," + Buffer.from(blob.text).toString("base64");
}};
URL.revokeObjectURL = (url) => seen.revoked.push(url.length);
{before}
const {{ default: widget }} = await import("{module}");
const another = async () => (await import("{module}?another")).default;
const said = {{}};
const el = {{ setAttribute: (name, value) => {{ said[name] = value; }} }};
{test}
writeFileSync("{out}", JSON.stringify({{ seen, said, text: el.textContent ?? null, out }}));
"""


@pytest.fixture
def in_node(node, tmp_path):
    """Run a few lines with a packed program's module as ``widget``, and an element: what they left behind.

    ``another()`` imports the module again, as another widget of the page does.
    """

    def run(program, test, before=""):
        (tmp_path / "packed.mjs").write_text(program, encoding="utf-8")
        module, out = (tmp_path / "packed.mjs").as_uri(), (tmp_path / "out.json").as_posix()
        script = WITHOUT_BLOBS.format(module=module, before=before, test=test, out=out)
        (tmp_path / "test.mjs").write_text(script, encoding="utf-8")
        done = subprocess.run([node, str(tmp_path / "test.mjs")], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))

    return run


def test_a_packed_program_is_unpacked_once_and_draws_every_view_of_every_widget(in_node):
    program = "let drawn = 0;\nexport default { render: (context) => { drawn += context.by; return () => drawn; } };\n"
    test = """const out = [];
        for (const [one, by] of [[widget, 1], [widget, 10], [await another(), 100]]) {
            const down = await one.render({ el, by });
            out.push(down());
        }"""
    found = in_node(javascript.packed(program), test)
    assert found["out"] == [1, 11, 111]  # and what takes a view down is handed on
    assert found["seen"]["made"] == [len(program)] and found["seen"]["type"] == "text/javascript"
    assert len(found["seen"]["revoked"]) == 1 and found["said"] == {} and found["text"] is None


def test_after_a_program_that_could_not_be_imported_the_next_widget_tries_again(in_node):
    program = javascript.packed("export default { render: () => 'drawn' };\n")
    before = "const made = URL.createObjectURL; URL.createObjectURL = () => { throw new Error('not yet'); };"
    test = """await widget.render({ el });
        URL.createObjectURL = made;
        const out = [el.textContent, await (await another()).render({ el })];"""
    assert in_node(program, test, before)["out"] == ["not yet", "drawn"]


@pytest.mark.parametrize(
    ("before", "sentence"),
    [
        ("globalThis.DecompressionStream = undefined;", "This browser is too old for what is to be shown here"),
        ("URL.createObjectURL = () => { throw new Error('no blobs here'); };", "no blobs here"),
    ],
)
def test_what_cannot_be_unpacked_says_so_in_the_widgets_place(in_node, before, sentence):
    found = in_node(javascript.packed("export default {};\n"), "const out = await widget.render({ el });", before)
    assert found["text"].startswith(sentence) and found["said"] == {"role": "alert"}


def test_a_mistake_of_the_program_itself_is_not_hidden(in_node):
    program = javascript.packed("export default { render() { throw new Error('mine'); } };\n")
    test = "let out = ''; try { await widget.render({ el }); } catch (error) { out = error.message; }"
    assert in_node(program, test)["out"] == "mine"


def test_the_explorers_module_is_small_and_holds_the_whole_program(in_node):
    source = assemble.esm()
    assert len(source) < 60_000  # it is repeated in every saved notebook that keeps widget state
    assert not re.search(r"^import |[^\x00-\x7f]|" + UNSAFE, source, re.MULTILINE)
    kept = "let out; URL.createObjectURL = (blob) => { out = blob.text; throw new Error(''); };"
    sent = in_node(source, "await widget.render({ el });", kept)["out"]
    assert sent == assemble.module() + "export default { render };\n"


def test_the_explorers_module_loads_and_exports_render(node, tmp_path):
    path = tmp_path / "explorer.mjs"
    path.write_text(assemble.module() + "export default { render };\n", encoding="utf-8")
    script = f"import('{path.as_uri()}').then(m => process.exit(typeof m.default.render === 'function' ? 0 : 1))"
    done = subprocess.run([node, "--input-type=module", "-e", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_program_is_safe_and_complete():
    assert not re.search(rf"^import |{UNSAFE}", assemble.module(), re.MULTILINE)
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
            found = (path.parent / other).resolve()
            if found.parent == Path(javascript.__file__).resolve().parent / "js":
                assert found.stem == "unpack" and more == assemble.LIVE, (name, other)
                continue
            assert found.relative_to(folder.resolve()).with_suffix("").as_posix() in names, (name, other)


@pytest.mark.parametrize("live", [False, True])
def test_a_pages_program_is_one_program(node, tmp_path, live):
    """No name stands twice at its top, which Node would refuse; and it writes and runs no text as code."""
    path = tmp_path / "page.mjs"
    path.write_text(assemble.page_module(live), encoding="utf-8")
    done = subprocess.run([node, "--check", str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not re.search(rf'{UNSAFE}|fetch\("', path.read_text(encoding="utf-8"))


def test_the_engine_stays_out_of_notebooks():
    assert "createEngine" in assemble.page_module(live=True)
    assert "createEngine" not in assemble.module() and "createEngine" not in assemble.page_module(live=False)


def test_the_tabs_come_in_the_order_of_the_table():
    table = re.search(r"^const render = renderer\(\{ (.*) \}\);$", assemble.module(), re.MULTILINE)[1]
    assert table.split(", ") == [f'"{name}": {name}View' for name in VIEWS]
