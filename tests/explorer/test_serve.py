"""`gpt2lab explore` and `gpt2lab export`, without a browser."""

import argparse
import json
import os
import socket
import stat
import subprocess
import sys
import urllib.parse
import urllib.request
from pathlib import Path

import nbformat
import psutil
import pytest
from families import addresses, command_lines

from gpt2lab import __main__ as cli
from gpt2lab.explorer import serve
from gpt2lab.zoo import load_toy, toy_names


def options(**changes):
    return argparse.Namespace(
        **{"model": "random", "text": None, "view": "heads", "off": [], "presenter": False, "state": "", "tour": None}
        | changes
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
    command = serve.voila_command(tmp_path / "x.ipynb", 8123, dark=True)
    assert "--Voila.ip=localhost" in command
    assert "--theme=dark" in command


def test_a_port_in_use_is_said_before_anything_starts(capsys):
    with socket.socket() as taken:
        taken.bind(("localhost", 0))
        taken.listen()
        assert cli.main(["explore", "--model", "random", "--port", str(taken.getsockname()[1])]) == 2
    assert "Try another --port." in capsys.readouterr().err


def test_a_mistake_is_said_in_the_terminal_before_anything_is_served(capfd, monkeypatch):
    monkeypatch.setattr(serve, "_serve", lambda *arguments: pytest.fail("started"))
    assert cli.main(["explore", "--model", "nonsense"]) == 2
    assert cli.main(["explore", "--model", "random", "--view", "nonsense"]) == 2
    said = capfd.readouterr().err
    assert "Expected a model, received 'nonsense'" in said and "view must be one of overview, heads" in said
    assert "Traceback" not in said


@pytest.fixture(scope="module")
def served():
    """`gpt2lab explore` while it serves: (its process, the address), then stopped."""
    command = [sys.executable, "-m", "gpt2lab", "explore", "--model", "random", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        address = next(line.strip() for line in process.stdout if "http://localhost" in line)
        yield psutil.Process(process.pid), address
        if process.poll() is None:
            process.terminate()


def test_the_token_is_on_no_command_line_and_is_asked_for(served):
    starter, address = served
    token = address.split("token=")[1]
    lines = command_lines(starter.pid)
    assert len(lines) > 1 and not any(token in line for line in lines)
    for stranger in (address.split("?")[0], address[:-1] + "x"):
        with urllib.request.urlopen(stranger) as answer:
            assert urllib.parse.urlparse(answer.url).path == "/login"
    with urllib.request.urlopen(address) as answer:
        assert urllib.parse.urlparse(answer.url).path == "/" and "GPT-2 explorer" in answer.read().decode()


def test_no_other_host_name_and_no_path_leads_out(served):
    """As when a page of another site has its name point here, or asks for a file outside."""
    _, address = served
    token = address.split("token=")[1]
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(urllib.request.Request(address, headers={"Host": "example.org"}))
    for path in ("voila/static/../../../../../../etc/passwd", "voila/files/../../../etc/passwd", "voila.json"):
        with pytest.raises(urllib.error.HTTPError, match="40[034]"):
            urllib.request.urlopen(f"{address.split('?')[0]}{path}?token={token}")


def test_it_listens_on_this_computer_alone(served):
    starter, address = served
    listening = addresses(starter.pid)
    assert urllib.parse.urlparse(address).port in {port for _, port in listening}
    assert {ip for ip, _ in listening} <= {"127.0.0.1", "::1"}


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX")
def test_files_with_the_token_are_private(served):
    (server,) = served[0].children()
    folder = Path(server.cwd())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "voila.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "voila.log").stat().st_mode) == 0o600


def test_the_process_that_waits_holds_no_model(served):
    assert served[0].memory_info().rss < 100e6


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM that a program can catch")
def test_a_request_to_stop_ends_the_server_too(served):  # the last one that uses it
    starter, _ = served
    servers = starter.children(recursive=True)
    assert servers
    starter.terminate()
    assert starter.wait() == 0
    assert not psutil.wait_procs(servers)[1]  # still alive
