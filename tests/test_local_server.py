"""A server for this computer alone: its port, its private files, its start and its end."""

import os
import signal
import socket
import stat
import subprocess
import sys

import psutil
import pytest

from gpt2lab import local_server
from gpt2lab.errors import InputError


def test_a_free_port_is_free():
    assert local_server.port_is_free(local_server.free_port())


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_a_port_with_a_server_is_not_free(family):
    here = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}[family]
    with socket.socket(family) as taken:
        try:
            taken.bind((here, 0))
        except OSError:
            pytest.skip("no such address here")
        taken.listen()
        port = taken.getsockname()[1]
        if here in {address[0] for *_, address in socket.getaddrinfo("localhost", port)}:
            with pytest.raises(InputError, match=f"Expected a free port, received {port}, which is taken"):
                local_server.check_port(port)


def test_a_port_is_free_again_right_after_its_server():
    """The side that closes first keeps the connection for a minute: here, as after Ctrl+C, the server's."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as visitor:
            connection, _ = listener.accept()
            connection.close()
            assert visitor.recv(1) == b""
    with socket.socket() as plain, pytest.raises(OSError):
        plain.bind(("127.0.0.1", port))  # the connection is there
    local_server.check_port(port)


@pytest.mark.parametrize("port", [99999, -1, 0])
def test_what_is_no_port(port):
    with pytest.raises(InputError, match=f"Expected a port from 1 to 65535, received {port}"):
        local_server.check_port(port)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX")
def test_private_files_are_private_under_every_umask(tmp_path):
    (tmp_path / "old").mkdir(mode=0o755)
    (tmp_path / "old" / "file").touch(mode=0o644)
    before = os.umask(0)
    try:
        folders = [local_server.private_folder(tmp_path / name) for name in ("new", "old")]
        for folder in folders:
            local_server.write_private(folder / "file", "secret")
    finally:
        os.umask(before)
    assert {mode(folder) for folder in folders} == {0o700}
    assert {mode(folder / "file") for folder in folders} == {0o600}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems hide command lines")
def test_the_browser_is_not_told_the_token_on_its_command_line(tmp_path, monkeypatch):
    opened = []
    monkeypatch.delenv("WSL_DISTRO_NAME", raising=False)
    monkeypatch.setattr(local_server.webbrowser, "open", opened.append)
    local_server.show("http://localhost:1/?token=secret", tmp_path)
    page = tmp_path / "open.html"
    assert opened == [page.as_uri()] and "token=secret" in page.read_text() and mode(page) == 0o600


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
    monkeypatch.setattr(local_server.os, "environ", variables)
    monkeypatch.setattr(local_server.sys, "platform", "linux")
    assert local_server.can_show_browser() is shown


def serve(code, tmp_path, **more):
    return local_server.serve(
        [sys.executable, "-c", code], name="It", log=tmp_path / "log", environment=os.environ, **more
    )


def test_a_server_that_does_not_start_says_why(tmp_path):
    with pytest.raises(InputError, match="It did not start[^~]*the reason"):
        serve("import sys; sys.exit('the reason')", tmp_path, address=lambda pid: None)


def test_its_own_end_is_its_own_exit_code(tmp_path):
    """It ends once its address is known: one that ends before has not started."""
    known = tmp_path / "known"
    code = f"import os, sys, time\nwhile not os.path.exists({str(known)!r}): time.sleep(0.01)\nsys.exit(3)"
    said = []

    def started(address):
        said.append(address)
        known.touch()

    assert serve(code, tmp_path, address=lambda pid: "there", started=started) == 3
    assert said == ["there"]


def test_a_request_to_stop_ends_it(tmp_path):
    seen = []

    def stop(address):
        seen.append(int(address))
        raise KeyboardInterrupt

    assert serve("input and __import__('time').sleep(1000)", tmp_path, address=str, started=stop) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(seen[0], 0)


@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process without asking it")
def test_a_server_that_hangs_at_its_end_is_ended(tmp_path, monkeypatch):
    """So do its kernels, which are of its session."""
    monkeypatch.setattr(local_server, "GRACE", 0)
    deaf = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    code = f"{deaf}import subprocess, sys\nchild = [sys.executable, '-c', {deaf + 'time.sleep(1000)'!r}]"
    code += "\nkernel = subprocess.Popen(child)"
    code += "\nprint(kernel.pid, flush=True)\ntime.sleep(1000)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout is not None
    kernel = psutil.Process(int(process.stdout.readline()))
    local_server.end(process)
    assert process.returncode == -signal.SIGKILL
    kernel.wait()  # for ever if it lives on
