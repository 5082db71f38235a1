"""The explorer from the terminal: as a page of its own, or as a file.

gpt2lab explore                       # a toy model, in the browser
gpt2lab explore --model gpt2 --text "The Eiffel Tower is in"
gpt2lab export page.html --model reference --view head
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

from gpt2lab import local_server
from gpt2lab.errors import InputError

if TYPE_CHECKING:  # the process that serves does not load them: they take 240 MB
    import tiktoken

    from gpt2lab.explorer.explorer import Explorer
    from gpt2lab.family.encoder_decoder import EncoderDecoder
    from gpt2lab.model import GPT2
    from gpt2lab.tasks import Task

RANDOM = "random"
RANDOM_TEXT = "for i in range(10):\n    print(i)"
GPT2_TEXT = "When Mary and John went to the store, John gave a drink to"
TEMPLATE = "gpt2lab"
# super.super(): what Voilà's template builds on, past the block that links to the icon fonts.
PAGE = """{%- extends "voila/templates/lab/index.html.j2" -%}
{% import "spinner.macro.html.j2" as spinner %}
{%- block notebook_css -%}
{{ resources.include_js("static/voila-style.js") }}
{{ spinner.css() }}
<style>.jp-mod-noOutputs.jp-mod-noInput, .jp-OutputPrompt { display: none; }</style>
{{ super.super() }}
{%- endblock notebook_css -%}
"""


def open_model(name: str | None) -> tuple[GPT2 | EncoderDecoder, tiktoken.Encoding, str, str]:
    """A model by name: (model, encoding, a text that suits it, a title).

    ``name`` is a toy model, ``random``, ``gpt2`` and its sizes, or a folder with a checkpoint. Without
    a name: the toy model that resolves references, or random weights where none is there.
    """
    from gpt2lab.config import GPT2Config
    from gpt2lab.explorer.models import fills_blanks
    from gpt2lab.model import GPT2
    from gpt2lab.tokenizer import course_encoding, gpt2_encoding
    from gpt2lab.weights import load_gpt2
    from gpt2lab.zoo import load_toy, toy_names

    toys = toy_names()
    if name is None:
        name = "reference" if "reference" in toys else next(iter(toys), RANDOM)
    if name == RANDOM:
        encoding = course_encoding()
        model = GPT2(GPT2Config.tiny(vocab_size=encoding.n_vocab)).eval()
        return model, encoding, RANDOM_TEXT, "random weights, nothing learned"
    if name in toys or (Path(name) / "provenance.json").is_file():
        toy = load_toy(name)
        if "sentence" in toy.provenance:
            return toy.model, toy.encoding, toy.provenance["sentence"]["text"], f"{toy.name}: trained on a text"
        text = example(toy.task, fills_blanks(toy.model))
        return toy.model, toy.encoding, text, f"{toy.name}: a toy model, trained on its task"
    if not Path(name).exists() and not name.startswith(("gpt2", "openai")):
        raise InputError(
            f"Expected a model, received {name!r}. Choose: {', '.join([*toys, RANDOM, 'gpt2'])}, or a folder."
        )
    return load_gpt2(name), gpt2_encoding(), GPT2_TEXT, name


def example(task: Task, blanks: bool = False) -> str:
    """A case of the task that the model was not trained on, up to its last answer, or with its blanks."""
    import torch

    from gpt2lab.tasks.pairs import PairTask

    draw = torch.Generator().manual_seed(0)
    if blanks:
        read = task.batch(1, draw, "held_out")[0][0].tolist()
    else:
        tokens, asked = task.sequences(1, draw, "held_out")
        read = tokens[0, : int(asked[0].nonzero()[-1])].tolist()
    if blanks or isinstance(task, PairTask):
        read = [token for token in read if token != task.end]  # padding
    return task.encoding.decode(read)


def explore_command(arguments: list[str]) -> int:
    """`gpt2lab explore`"""
    parser = _parser("explore", "Open the explorer in the browser, without a notebook.")
    parser.add_argument("--port", type=int, help="this port (default: a free one)")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    parser.add_argument("--dark", action="store_true", help="dark colours")
    parser.add_argument("--check", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.check:
        make_explorer(options)
        return 0
    if options.port is not None:
        local_server.check_port(options.port)
    # Trouble is said here, in the terminal, and not in a page. By a process of its own, because this one
    # lives as long as the page and has no use for the model.
    code = subprocess.call([sys.executable, "-m", "gpt2lab", "explore", *arguments, "--check"])
    if code:
        return code
    with tempfile.TemporaryDirectory() as folder:
        notebook = write_page(Path(folder), options)
        return _serve(notebook, options)


def export_command(arguments: list[str]) -> int:
    """`gpt2lab export`"""
    parser = _parser("export", "Write the explorer to a file: .html, .png, .svg or .csv.")
    parser.add_argument("file", help="a page (.html) holds the model and runs it in the browser, without Python")
    parser.add_argument(
        "--recorded", action="store_true",
        help="a page that holds answers computed now instead: for larger models, and for others than GPT-2",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    make_explorer(options).save(options.file, recorded=options.recorded)
    print(f"Wrote {options.file}")
    return 0


def _parser(command: str, description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(f"gpt2lab {command}", description=description)
    parser.add_argument("--model", help="a toy model, random, gpt2, or a folder (default: a toy model)")
    parser.add_argument("--text", help="default: one that suits the model")
    parser.add_argument("--view", default="heads", help="such as head, scores, stream, lens (default: heads)")
    parser.add_argument("--off", nargs="*", default=[], metavar="PART", help='such as mask, "head 0.1", "ffn 1"')
    parser.add_argument("--presenter", action="store_true", help="larger letters, for a projector")
    parser.add_argument("--state", default="", help="a link that was copied from an explorer")
    parser.add_argument("--tour", help="a guided tour: robot, induction, or a .toml file")
    return parser


def make_explorer(options: argparse.Namespace) -> Explorer:
    """The explorer that the options of a command describe."""
    from gpt2lab.explorer.explorer import Explorer
    from gpt2lab.explorer.tours.reading import read_tour

    name, text = options.model, options.text
    if options.tour is not None:
        guide = read_tour(options.tour)
        name, text = name or guide.model or None, guide.text if text is None else text
    model, encoding, usual, title = open_model(name)
    return Explorer(
        model, encoding, usual if text is None else text,
        title=title, view=options.view, ablated=list(options.off), presenter=options.presenter,
        state=options.state, tour=options.tour,
    )  # fmt: skip


def write_page(folder: Path, options: argparse.Namespace) -> Path:
    """A notebook of one cell for Voilà. What the user typed travels as data, not as code."""
    import nbformat

    names = ("model", "text", "view", "off", "presenter", "state", "tour")
    data = json.dumps({name: getattr(options, name) for name in names})
    cell = (
        "import argparse, json\nfrom gpt2lab.explorer.serve import make_explorer\n"
        f"make_explorer(argparse.Namespace(**json.loads({data!r})))"
    )
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell)],
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "title": "GPT-2 explorer",
        },
    )
    write_template(folder)
    path = folder / "explorer.ipynb"
    nbformat.write(notebook, path)
    return path


def write_template(folder: Path) -> None:
    """Voilà's own page, without the icon fonts that it would fetch from another host."""
    template = folder / "voila" / "templates" / TEMPLATE
    template.mkdir(parents=True)
    (template / "conf.json").write_text('{"base_template": "lab"}')
    (template / "index.html.j2").write_text(PAGE)


def voila_command(notebook: Path, port: int, dark: bool) -> list[str]:
    """The command line that serves a notebook on this computer only, to those who have the token."""
    command = [
        sys.executable,
        "-m",
        "gpt2lab.explorer.page_server",
        str(notebook),
        "--no-browser",
        "--strip_sources=True",
    ]
    command += [
        "--Voila.ip=localhost",
        f"--port={port}",
        "--Voila.port_retries=0",
        f"--theme={'dark' if dark else 'light'}",
    ]
    return [*command, f"--template={TEMPLATE}"]


def write_token(folder: Path, token: str) -> None:
    """Voilà's token, in the settings that it reads from the folder it starts in.

    Not on its command line, which every user of this computer can read.
    """
    local_server.write_private(folder / "voila.json", json.dumps({"Voila": {"token": token}}))


def voila_environment(notebook: Path) -> dict[str, str]:
    """Voilà finds our template on Jupyter's path; kernels are this environment's."""
    path = os.pathsep.join(filter(None, [str(notebook.parent), os.environ.get("JUPYTER_PATH")]))
    ours = {"JUPYTER_PATH": path, "JUPYTER_PREFER_ENV_PATH": "1"}
    return {**os.environ, **ours, **local_server.instead_of_home(notebook.parent)}


def _serve(notebook: Path, options: argparse.Namespace) -> int:
    folder, token = notebook.parent, secrets.token_hex(16)
    port = options.port or local_server.free_port()
    address = f"http://localhost:{port}/?token={token}"
    write_token(folder, token)

    def started(address: str) -> None:
        print(f"\nThe explorer is open at\n\n    {address}\n\nCtrl+C in this window stops it.", flush=True)
        if not options.no_browser and local_server.can_show_browser():
            local_server.show(address, folder)

    return local_server.serve(
        voila_command(notebook, port, options.dark),
        name="Voilà",
        log=folder / "voila.log",
        environment=voila_environment(notebook),
        address=lambda pid: address if answers(port, token) else None,
        started=started,
        cwd=folder,
    )


def answers(port: int, token: str) -> bool:
    """Whether the server listens. (A static file: the page itself would start a kernel.)"""
    try:
        with urlopen(f"http://localhost:{port}/voila/static/voila.js?token={token}", timeout=2):
            return True
    except OSError as error:
        return getattr(error, "code", None) is not None  # any answer is an answer
