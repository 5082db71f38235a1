"""`gpt2lab explore` and `gpt2lab export`, without a browser."""

import argparse
import json
import os
import subprocess
import sys

import nbformat
import psutil
import pytest

from gpt2lab import __main__ as cli
from gpt2lab.explorer import serve
from gpt2lab.zoo import load_toy, toy_names


def options(**changes):
    return argparse.Namespace(
        **{"model": "random", "text": None, "view": "heads", "off": [], "presenter": False, **changes}
    )


def test_export_writes_the_kinds_it_names(tmp_path, capsys):
    for ending in ("html", "png", "csv"):
        path = tmp_path / f"x.{ending}"
        assert cli.main(["export", str(path), "--model", "random", "--text", "a b c", "--off", "head 0.1", "mask"]) == 0
        assert path.stat().st_size > 100
        assert f"Wrote {path}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x.pdf", "--model", "random"], "the file must end in .png"),
        (["x.png", "--model", "nonsense"], "Expected a model, received 'nonsense'. Choose: "),
        (["x.png", "--model", "random", "--off", "head 9.9"], "names layer 9"),
    ],
)
def test_a_mistake_is_one_sentence(arguments, message, capsys):
    assert cli.main(["export", *arguments]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said


def test_random_weights_are_called_random():
    assert "random weights, nothing learned" in serve.make_explorer(options()).title


def test_toy_models_open_with_a_text_of_their_task():
    for name in toy_names():
        e = serve.make_explorer(options(model=name))
        assert e.message == "", name
        assert e.text, name
        assert name in e.title


def test_without_a_name_a_trained_toy_is_shown():
    e = serve.make_explorer(options(model=None))
    assert e.title.startswith("reference")
    toy = load_toy("reference")
    assert e.text == serve.example(toy.task)


def test_what_is_typed_reaches_the_page_as_data(tmp_path):
    hostile = "'''); import os; os.abort() #\\ \" \n </script>"
    path = serve.write_page(tmp_path, options(text=hostile))
    cell = nbformat.read(path, 4).cells[0].source
    seen = {}
    lines = [line for line in cell.splitlines() if not line.startswith(("import", "from"))]
    names = {"argparse": argparse, "json": json, "make_explorer": lambda chosen: seen.update(vars(chosen))}
    exec("\n".join(lines), names)
    assert seen["text"] == hostile


def test_the_server_listens_here_only_and_wants_a_token(tmp_path):
    command = serve.voila_command(tmp_path / "x.ipynb", 8123, "secret", dark=True)
    assert "--Voila.ip=localhost" in command
    assert "--Voila.token=secret" in command
    assert "--theme=dark" in command


def test_a_port_in_use_is_said_before_anything_starts(capsys):
    import socket

    with socket.socket() as taken:
        taken.bind(("localhost", 0))
        taken.listen()
        assert cli.main(["explore", "--model", "random", "--port", str(taken.getsockname()[1])]) == 2
    assert "Try another --port." in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM that a program can catch")
def test_a_request_to_stop_ends_the_server_too():
    command = [sys.executable, "-m", "gpt2lab", "explore", "--model", "random", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if "http://localhost" in line:
                break
        servers = psutil.Process(process.pid).children(recursive=True)
        assert servers
        process.terminate()
        assert process.wait(timeout=30) == 0
    assert not psutil.wait_procs(servers, timeout=30)[1]  # still alive
