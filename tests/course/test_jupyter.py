"""Opening JupyterLab: this computer only, token on, no pop-ups, and a clean end."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from families import addresses, command_lines

from gpt2lab.course import jupyter as server
from gpt2lab.course import workspace
from gpt2lab.errors import InputError
from gpt2lab.files.records import HOME, SWITCH
from gpt2lab.tokenizer import vocabulary


@pytest.fixture
def root(tmp_path):
    (tmp_path / "chapters").mkdir()
    empty = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "chapters" / "00_map.ipynb").write_text(json.dumps(empty))
    return tmp_path


def test_command_stays_on_this_computer(root):
    line = server.jupyter_command(root, "lab/tree/work/00_map.ipynb", None, browser=False)
    assert "--ServerApp.ip=localhost" in line and "--ServerApp.allow_remote_access=False" in line
    assert "--LabApp.default_url=/lab/tree/work/00_map.ipynb" in line
    assert not any("token" in part.lower() or "password" in part.lower() for part in line)
    assert not any(".port" in part for part in line)


def test_a_shared_course_is_opened_at_the_learners_copies(root, monkeypatch, tmp_path_factory):
    mine = tmp_path_factory.mktemp("mine")
    monkeypatch.setenv(HOME, str(mine))
    seen = {}
    monkeypatch.setattr(server, "_serve", lambda line, environment, page: seen.update(line=line, **environment) or 0)
    monkeypatch.setattr(server.vocabulary, "available", lambda: True)
    monkeypatch.setattr(server.workspace, "course_root", lambda: root)
    server.open_command(["--no-browser"])
    assert f"--ServerApp.root_dir={mine}" in seen["line"]
    assert seen[HOME] == str(mine)  # the kernels file their answers there
    assert (mine / "work" / "00_map.ipynb").exists() and not (root / "work").exists()


def test_chapters_that_cannot_be_written_are_not_edited(root, monkeypatch):
    monkeypatch.setattr(server.local_server, "can_write", lambda folder: False)
    monkeypatch.setattr(server.workspace, "course_root", lambda: root)
    with pytest.raises(InputError, match="read-only. Leave out --edit"):
        server.open_command(["--edit"])


def test_a_presenters_copy_is_opened_alone_and_files_no_answer(root, monkeypatch):
    seen = {}
    monkeypatch.setattr(workspace, "course_root", lambda: root)
    monkeypatch.setattr(server, "_prepare_vocabulary", lambda: None)
    monkeypatch.setattr(server, "_serve", lambda line, environment, page: seen.update(page=page, **environment) or 0)
    assert server.open_command(["--no-browser", "--present"]) == 0
    assert seen["page"] == "doc/tree/work/presenting/00_map.ipynb" and seen[SWITCH] == "off"
    assert (root / "work" / "presenting" / "00_map.ipynb").exists()
    settings = Path(seen["JUPYTER_CONFIG_DIR"], "labconfig", "default_setting_overrides.json")
    assert "Alt C" in settings.read_text()
    assert "24px" in Path(seen["JUPYTERLAB_SETTINGS_DIR"], server.presenting.SIZES_FILE).read_text()
    seen.clear()
    assert server.open_command(["--no-browser"]) == 0  # and the next time all is as it was
    assert "Alt C" not in settings.read_text() and "JUPYTERLAB_SETTINGS_DIR" not in seen and SWITCH not in seen
    assert seen["page"] == "lab/tree/work/00_map.ipynb"
    with pytest.raises(InputError, match="received both"):
        server.open_command(["--present", "--edit"])


def test_only_who_asks_for_it_lets_other_computers_in(root):
    line = server.jupyter_command(root, "", None, browser=False, ip="0.0.0.0")
    assert "--ServerApp.ip=0.0.0.0" in line and "--ServerApp.allow_remote_access=True" in line
    assert not any("token" in part.lower() or "password" in part.lower() for part in line)  # made by Jupyter, as always


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
    assert "Markdown Preview" in json.dumps(quiet)  # the list of chapters is a page with links
    assert (settings / "custom" / "custom.css").read_text() == server.LOOK


@pytest.mark.parametrize(("light", "cell"), [("true", "#f5f5f5"), ("false", "#212121")])
def test_colours_of_code_are_legible(light, cell):
    rules = re.search(rf'body\[data-jp-theme-light="{light}"\] \{{(.*?)\}}', server.LOOK, re.DOTALL)[1]
    colours = re.findall(r"editor-\w+-color: (#\w{6})", rules)
    assert len(colours) >= 3 and all(contrast(colour, cell) >= 4.5 for colour in colours)


def contrast(one, other):
    """WCAG 2.1: the ratio of two colours' luminances."""

    def luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    dark, bright = sorted([luminance(one), luminance(other)])
    return (bright + 0.05) / (dark + 0.05)


def test_a_taken_port_is_refused_before_anything_starts(root, monkeypatch):
    monkeypatch.setattr(workspace, "course_root", lambda: root)
    monkeypatch.setattr(server, "_serve", lambda *arguments, **more: pytest.fail("started"))
    with socket.socket() as taken:
        taken.bind(("localhost", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ValueError, match=f"received {port}"):
            server.open_command(["--port", str(port)])
    for port in ("99999", "-1", "0"):
        with pytest.raises(InputError, match=f"Expected a port from 1 to 65535, received {port}"):
            server.open_command(["--port", port])


@pytest.mark.parametrize(("arguments", "folder"), [([], "work"), (["--edit"], "chapters")])
def test_learners_open_their_copy_and_authors_the_original(root, monkeypatch, arguments, folder):
    lines = []
    monkeypatch.setattr(workspace, "course_root", lambda: root)
    monkeypatch.setattr(server, "_prepare_vocabulary", lambda: None)
    monkeypatch.setattr(server, "_serve", lambda line, *rest, **more: lines.append(line) or 0)
    assert server.open_command(["--no-browser", *arguments]) == 0
    assert f"--LabApp.default_url=/lab/tree/{folder}/00_map.ipynb" in lines[0]
    assert (root / "work" / "00_map.ipynb").exists() is (folder == "work")


def test_the_primer_opens_only_when_asked_for(root):
    (root / "chapters" / "primer.ipynb").write_bytes((root / "chapters" / "00_map.ipynb").read_bytes())
    assert server.chapter_page(root, "0", edit=False) == "tree/work/00_map.ipynb"
    assert server.chapter_page(root, "primer", edit=False) == "tree/work/primer.ipynb"


def test_a_course_without_chapters_still_opens(tmp_path, monkeypatch):
    assert server.chapter_page(tmp_path, "0", edit=False) == ""
    with pytest.raises(ValueError, match="none yet"):
        server.chapter_page(tmp_path, "3", edit=False)


OPEN = """
import sys
from pathlib import Path
from gpt2lab.course import jupyter as server, workspace
workspace.course_root = lambda: Path(sys.argv[1])
sys.exit(server.open_command(["--no-browser"]))
"""


def _address(process):
    for line in process.stdout:
        if found := re.search(r"http://\S+", line):
            return found.group()
    raise AssertionError("no address was printed")


def test_an_address_that_nobody_listens_on_yet_is_not_given_out(tmp_path):
    with socket.socket() as server_socket:
        server_socket.bind(("localhost", 0))
        port = server_socket.getsockname()[1]
        noted = {"pid": os.getpid(), "port": port, "url": f"http://localhost:{port}/", "token": "secret"}
        (tmp_path / f"jpserver-{os.getpid()}.json").write_text(json.dumps(noted))
        assert server._address(os.getpid(), str(tmp_path), "lab/tree") is None
        server_socket.listen()
        assert (
            server._address(os.getpid(), str(tmp_path), "lab/tree") == f"http://localhost:{port}/lab/tree?token=secret"
        )


def test_where_home_cannot_be_written_the_files_go_into_work(root, monkeypatch):
    (root / "file").touch()
    for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR", "MPLCONFIGDIR"):
        monkeypatch.delenv(name, raising=False)
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(root / "file" / "below"))  # not even root can write there
    environment = server.jupyter_environment(root)
    settings = root / "work" / ".jupyter"
    assert environment["JUPYTER_RUNTIME_DIR"] == str(settings / "runtime")
    assert environment["JUPYTER_DATA_DIR"] == str(settings / "data")
    assert environment["IPYTHONDIR"] == str(settings / "ipython")
    assert environment["MPLCONFIGDIR"] == str(settings / "matplotlib")
    monkeypatch.setenv("HOME", str(root))
    assert "JUPYTER_DATA_DIR" not in server.jupyter_environment(root)


@pytest.mark.skipif(os.name == "nt", reason="modes and signals are POSIX")
@pytest.mark.parametrize("home", ["writable", "not writable"])
def test_a_real_server_wants_its_token_shows_it_to_nobody_and_stops_when_asked(root, home):
    """The token is in no file that others may read, and on no command line."""
    (root / "home").mkdir() if home == "writable" else (root / "home").touch()
    old = root / "work" / ".jupyter"
    old.mkdir(parents=True, mode=0o755)
    (old / "jupyter.log").touch(mode=0o644)  # of an earlier edition
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER_", "XDG_"))}
    elsewhere = {"HOME": str(root / "home"), "TIKTOKEN_CACHE_DIR": str(vocabulary.found_in())}
    command, environment = [sys.executable, "-c", OPEN, str(root)], {**plain, **elsewhere}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        address = _address(process)
        _lets_in_only_with_the_token(address)
        listening = addresses(process.pid)
        assert listening and {ip for ip, _ in listening} <= {"127.0.0.1", "::1"}
        token = address.split("token=")[1]
        assert stat.S_IMODE(old.stat().st_mode) == 0o700
        assert stat.S_IMODE((old / "jupyter.log").stat().st_mode) == 0o600
        holders = [file for file in root.rglob("*") if file.is_file() and token.encode() in file.read_bytes()]
        assert holders
        assert not [file for file in holders if open_to_others(file, root)]
        lines = command_lines(process.pid)
        assert len(lines) > 1 and not any(token in line for line in lines)
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait() == 0
        process.stdout.close()
    try:
        with urllib.request.urlopen(address) as page:  # another server, which has taken the port since
            assert "/login" in page.url
    except urllib.error.URLError:
        pass


def _lets_in_only_with_the_token(address):
    assert address.startswith("http://localhost:") and "/lab/tree/work/00_map.ipynb?token=" in address
    with urllib.request.urlopen(address) as page:
        assert page.status == 200
        assert b'"buildCheck": false' in page.read()
    api = re.sub(r"/lab/.*", "/api/contents", address)
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(api)
    foreign = urllib.request.Request(address, headers={"Host": "example.org"})
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(foreign)


def open_to_others(file, top):
    """Whether others may read a file and enter every folder on the way to it."""
    folders = [folder for folder in file.parents if folder.is_relative_to(top) and folder != top]
    return file.stat().st_mode & 0o044 and all(folder.stat().st_mode & 0o011 for folder in folders)
