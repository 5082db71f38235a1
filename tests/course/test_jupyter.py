"""Opening JupyterLab: this computer only, token on, no pop-ups, and a clean end."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from gpt2lab.course import jupyter as server
from gpt2lab.course import workspace


@pytest.fixture
def root(tmp_path):
    (tmp_path / "chapters").mkdir()
    empty = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "chapters" / "00_map.ipynb").write_text(json.dumps(empty))
    return tmp_path


def test_command_stays_on_this_computer(root):
    line = server.jupyter_command(root, "tree/work/00_map.ipynb", None, browser=False)
    assert "--ServerApp.ip=localhost" in line and "--ServerApp.allow_remote_access=False" in line
    assert "--LabApp.default_url=/lab/tree/work/00_map.ipynb" in line
    assert not any("token" in part.lower() or "password" in part.lower() for part in line)
    assert not any(".port" in part for part in line)


def test_a_given_port_is_that_port(root):
    line = server.jupyter_command(root, "", 9123, browser=False)
    assert "--ServerApp.port=9123" in line and "--ServerApp.port_retries=0" in line


@pytest.mark.parametrize(("user", "allowed"), [(0, True), (1000, False)])
def test_root_is_allowed_only_when_it_is_root(root, monkeypatch, user, allowed):
    monkeypatch.setattr(server.os, "geteuid", lambda: user, raising=False)
    assert ("--allow-root" in server.jupyter_command(root, "", None, browser=False)) is allowed


def test_settings_are_the_courses_own_and_quiet(root, monkeypatch):
    monkeypatch.setenv("JUPYTER_TOKEN", "known")
    environment = server.jupyter_environment(root)
    assert "JUPYTER_TOKEN" not in environment
    settings = Path(environment["JUPYTER_CONFIG_DIR"])
    assert settings == root / "work" / ".jupyter"
    quiet = json.loads((settings / "labconfig" / "default_setting_overrides.json").read_text())
    news = quiet["@jupyterlab/apputils-extension:notification"]
    assert news == {"fetchNews": "false", "checkForUpdates": False}


def test_a_taken_port_is_refused_before_anything_starts(root, monkeypatch):
    monkeypatch.setattr(workspace, "course_root", lambda: root)
    monkeypatch.setattr(server, "_serve", lambda *arguments, **more: pytest.fail("started"))
    with socket.socket() as taken:
        taken.bind(("localhost", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ValueError, match=f"received {port}"):
            server.open_command(["--port", str(port)])
    with pytest.raises(ValueError, match="received 99999"):
        server.open_command(["--port", "99999"])


@pytest.mark.parametrize(("arguments", "folder"), [([], "work"), (["--edit"], "chapters")])
def test_learners_open_their_copy_and_authors_the_original(root, monkeypatch, arguments, folder):
    lines = []
    monkeypatch.setattr(workspace, "course_root", lambda: root)
    monkeypatch.setattr(server, "_prepare_vocabulary", lambda: None)
    monkeypatch.setattr(server, "_serve", lambda line, *rest, **more: lines.append(line) or 0)
    assert server.open_command(["--no-browser", *arguments]) == 0
    assert f"--LabApp.default_url=/lab/tree/{folder}/00_map.ipynb" in lines[0]
    assert (root / "work" / "00_map.ipynb").exists() is (folder == "work")


def test_a_course_without_chapters_still_opens(tmp_path, monkeypatch):
    assert server._page(tmp_path, "0", edit=False) == ""
    with pytest.raises(ValueError, match="none yet"):
        server._page(tmp_path, "3", edit=False)


@pytest.mark.parametrize(
    ("variables", "shown"),
    [
        ({}, False),
        ({"DISPLAY": ":0"}, True),
        ({"DISPLAY": ":0", "CI": "true"}, False),
        ({"DISPLAY": ":0", "SSH_CONNECTION": "x"}, False),
    ],
)
def test_no_browser_where_nobody_would_see_it(monkeypatch, variables, shown):
    monkeypatch.setattr(server.os, "environ", variables)
    monkeypatch.setattr(server.sys, "platform", "linux")
    assert server.can_show_browser() is shown


OPEN = """
import sys
from pathlib import Path
from gpt2lab.course import jupyter as server, workspace
workspace.course_root = lambda: Path(sys.argv[1])
sys.exit(server.open_command(["--no-browser"]))
"""


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
def test_a_real_server_wants_its_token_and_stops_when_asked(root):
    process = subprocess.Popen([sys.executable, "-c", OPEN, str(root)], stdout=subprocess.PIPE, text=True)
    try:
        address = _address(process)
        assert address.startswith("http://localhost:") and "/lab/tree/work/00_map.ipynb?token=" in address
        with urllib.request.urlopen(address) as page:
            assert page.status == 200
        api = re.sub(r"/lab/.*", "/api/contents", address)
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(api)
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(address, timeout=5)


def _address(process):
    end = time.time() + 60
    while time.time() < end and (line := process.stdout.readline()):
        if found := re.search(r"http://\S+", line):
            return found.group()
    raise AssertionError("no address was printed")


def test_a_server_that_does_not_start_says_why(tmp_path):
    line = [sys.executable, "-c", "import sys; sys.exit('the reason')"]
    with pytest.raises(ValueError, match="did not start[^~]*the reason"):
        server._serve(line, dict(os.environ), tmp_path / "log")
