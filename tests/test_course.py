"""course.py without a network: each step with a fake pip, and each trouble in plain words."""

import ast
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = (ROOT / "course.py").read_text(encoding="utf-8")


@pytest.fixture
def course(monkeypatch, tmp_path, request):
    """A fresh course.py whose folder is a temporary one with the two files that set-up reads."""
    spec = importlib.util.spec_from_file_location("course", ROOT / "course.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    monkeypatch.setattr(module, "ROOT", str(tmp_path))
    monkeypatch.setattr(module, "LOCK", str(tmp_path / ".venv.lock"))
    for name in ("VENV", "STAMP", "LOG", "MARKER"):
        monkeypatch.setattr(module, name, str(tmp_path / Path(getattr(module, name)).relative_to(ROOT)))
    return module


@pytest.fixture
def fake(course, monkeypatch):
    """Linux without a GPU, and a pip that does nothing but note what it was asked."""
    asked, answers = [], {}

    def step(line, command):
        asked.append(" ".join(command))
        if command[1:3] == ["-m", "venv"]:
            python = Path(course.venv_python())
            python.parent.mkdir(parents=True, exist_ok=True)
            python.write_text("#!/bin/sh\n")  # a Python that can import everything
            python.chmod(0o755)
        answer = next((answer for part, answer in answers.items() if part in asked[-1]), (0, ""))
        if isinstance(answer, BaseException):
            raise answer
        return answer

    monkeypatch.setattr(course, "step", step)
    monkeypatch.setattr(course, "has_nvidia", lambda: False)
    monkeypatch.setattr(course, "installed_torch", lambda: "")
    monkeypatch.setattr(course.sys, "platform", "linux")
    monkeypatch.setattr(course, "choose_python", lambda: "python3")
    monkeypatch.setattr(course, "need_space", lambda gigabytes: None)
    return SimpleNamespace(asked=asked, answers=answers)


# ---------------------------------------------------------------- the file itself


def test_an_old_python_can_read_it():
    ast.parse(SOURCE, feature_version=(3, 6))


def test_standard_library_alone():
    imported = {
        (alias.name if isinstance(node, ast.Import) else node.module).split(".")[0]
        for node in ast.walk(ast.parse(SOURCE))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert imported <= sys.stdlib_module_names


# ---------------------------------------------------------------- which Python


@pytest.mark.parametrize(
    ("version", "problem"),
    [
        ((3, 8, 18), "Python 3.8 is too old"),
        ((3, 10, 0), "Python 3.10 is too old"),
        ((3, 11, 2), None),
        ((3, 13, 0), None),
        ((3, 14, 0), "Python 3.14 is newer than what the course was tested with"),
    ],
)
def test_version_problem(course, version, problem):
    assert course.version_problem(version) == problem


def test_another_python_is_used_when_this_one_does_not_fit(course, monkeypatch, capsys):
    monkeypatch.setattr(course, "version_problem", lambda version: "Python 3.8 is too old")
    monkeypatch.setattr(course, "other_python", lambda: "/usr/bin/python3.12")
    assert course.choose_python() == "/usr/bin/python3.12"
    assert capsys.readouterr().out == "Python 3.8 is too old; using /usr/bin/python3.12\n"


def test_no_python_fits(course, monkeypatch):
    monkeypatch.setattr(course, "version_problem", lambda version: "Python 3.8 is too old")
    monkeypatch.setattr(course, "other_python", lambda: None)
    with pytest.raises(course.Problem, match=r"too old\. The course needs Python 3\.11, 3\.12 or 3\.13"):
        course.choose_python()


def test_other_python_passes_over_one_that_does_not_start(course, monkeypatch):
    monkeypatch.setattr(course.shutil, "which", lambda name: name if name.startswith("python3.1") else None)

    def run(command, **more):
        broken = command[0] == "python3.13"
        return SimpleNamespace(returncode=int(broken), stdout=f"/opt/{command[0]}\n".encode())

    assert course.other_python(run) == "/opt/python3.12"


# ---------------------------------------------------------------- plain words

TROUBLES = {
    "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device": "disk is full",
    "SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]": "certificate",
    "ProxyError('Cannot connect to proxy.', OSError('407 Proxy Auth'))": "HTTPS_PROXY=http://name",
    "NewConnectionError: [Errno -2] Name or service not known": "Is this computer online",
    "getaddrinfo failed\nERROR: No matching distribution found for torch==2.13.0": "could not be reached",
    "ReadTimeoutError: Read timed out.": "could not be reached",
    "ERROR: No matching distribution found for torch==2.13.0": "no torch==2.13.0 for this computer",
    "[Errno 13] Permission denied: '/usr/lib/x'": "may not write in",
    "one\ntwo\nsomething nobody foresaw": "something nobody foresaw",
}


@pytest.mark.parametrize(("output", "words"), TROUBLES.items())
def test_explain(course, output, words):
    message = course.explain(output)
    assert words in message
    assert "{" not in message


def test_disk_space_is_asked_for_before_anything_is_downloaded(course, monkeypatch):
    monkeypatch.setattr(course.shutil, "disk_usage", lambda path: SimpleNamespace(free=1.2e9))
    with pytest.raises(course.Problem, match=r"needs about 2\.5 GB of disk .* 1\.2 GB are free"):
        course.need_space(2.5)


def test_no_venv_module(course, fake):
    fake.answers["-m venv"] = (1, "not created because ensurepip is not available")
    with pytest.raises(course.Problem, match="sudo apt install python3-venv"):
        course.make_venv("python3")


def test_a_folder_without_torch_among_its_versions_needs_none(course, fake):
    (Path(course.ROOT) / "constraints.txt").write_text("numpy==2\n")
    course.install_torch()
    assert fake.asked == []


def test_step_reports_a_line_and_returns_the_output(course, capsys):
    code, text = course.step("Thinking", [sys.executable, "-c", "import sys; print('hm'); sys.exit(3)"])
    assert (code, text.strip()) == (3, "hm")
    assert capsys.readouterr().out == "Thinking …\n"


# ---------------------------------------------------------------- torch


def installs(fake):
    return [line for line in fake.asked if "--dry-run" not in line]


def test_cpu_build_from_pips_own_places(course, fake):
    course.install_torch()
    (line,) = installs(fake)
    assert "torch==2.13.0+cpu" in line and "download.pytorch.org" not in line


def test_cpu_build_from_pytorchs_index(course, fake):
    fake.answers["download.pytorch.org"] = (0, "")
    fake.answers["--dry-run"] = (1, "No matching distribution")
    course.install_torch()
    (line,) = installs(fake)
    assert "torch==2.13.0+cpu" in line and "--extra-index-url https://download.pytorch.org/whl/cpu" in line


def test_default_build_is_the_last_resort_and_says_how_large(course, fake, capsys):
    fake.answers["--dry-run"] = (1, "No matching distribution")
    course.install_torch()
    assert len(fake.asked) == 2 and not installs(fake)
    assert "about 2.7 GB to download" in capsys.readouterr().out


def test_looking_is_quick_and_fetches_nothing(course, fake):
    fake.answers["--dry-run"] = (1, "")
    course.install_torch()
    assert all("--retries 0 --timeout 8" in line for line in fake.asked)


@pytest.mark.parametrize("why", ["an NVIDIA GPU", "macOS", "Windows", "there already"])
def test_no_cpu_build_is_looked_for(course, fake, monkeypatch, why):
    match why:
        case "an NVIDIA GPU":
            monkeypatch.setattr(course, "has_nvidia", lambda: True)
        case "macOS":
            monkeypatch.setattr(course.sys, "platform", "darwin")
        case "Windows":
            monkeypatch.setattr(course.sys, "platform", "win32")
        case _:
            monkeypatch.setattr(course, "installed_torch", lambda: "2.13.0+cu130")
    course.install_torch()
    assert fake.asked == []


def test_the_pin_is_the_tested_version(course):
    assert course.torch_pin() == "2.13.0"


# ---------------------------------------------------------------- set-up as a whole


def test_set_up_once(course, fake):
    assert not course.is_set_up(with_tests=False)
    course.set_up(with_tests=False)
    assert course.is_set_up(with_tests=False) and not course.is_set_up(with_tests=True)
    before = len(fake.asked)
    course.set_up(with_tests=False)
    assert len(fake.asked) == before


def test_tests_add_their_tools_and_keep_them(course, fake):
    course.set_up(with_tests=False)
    assert not any("[test]" in line for line in fake.asked)
    course.set_up(with_tests=True)
    assert any(line.count("[test]") for line in fake.asked)
    assert course.is_set_up(with_tests=False)
    (Path(course.ROOT) / "constraints.txt").write_text("torch==2.14.0\n")
    course.set_up(with_tests=False)
    assert course.is_set_up(with_tests=True)


def test_new_constraints_ask_for_a_new_set_up(course, fake):
    course.set_up(with_tests=False)
    with (Path(course.ROOT) / "constraints.txt").open("a") as file:
        file.write("numpy==9\n")
    assert not course.is_set_up(with_tests=False)


def test_a_moved_folder_asks_for_a_new_set_up(course, fake, monkeypatch):
    before = course.setup_key()
    monkeypatch.setattr(course, "ROOT", course.ROOT + "/.")
    assert course.setup_key() != before


@pytest.mark.parametrize("where", ["-m venv", "install torch==", "install -e", "vocabulary.ensure"])
def test_interrupted_anywhere_it_can_be_run_again(course, fake, where):
    fake.answers[where] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        course.set_up(with_tests=False)
    assert not course.is_set_up(with_tests=False)
    fake.answers.clear()
    course.set_up(with_tests=False)
    assert course.is_set_up(with_tests=False)


def test_a_failed_download_stops_with_its_reason(course, fake):
    fake.answers["install -e"] = (1, "ReadTimeoutError: Read timed out.")
    with pytest.raises(course.Problem, match="could not be reached"):
        course.set_up(with_tests=False)
    assert not course.is_set_up(with_tests=False)


@pytest.mark.parametrize("damaged", ["{", "[]", "null", "3", '{"key": 3, "tests": "x"}', "[" * 100_000])
def test_a_damaged_stamp_is_no_stamp(course, fake, damaged):
    course.set_up(with_tests=False)
    Path(course.STAMP).write_text(damaged)
    assert not course.is_set_up(with_tests=False)
    course.set_up(with_tests=True)
    assert course.is_set_up(with_tests=True)


def test_a_package_that_was_broken_later_asks_for_a_new_set_up(course, fake):
    """As when a learner's own `pip install` is killed: the stamp is good, a package is not."""
    course.set_up(with_tests=False)
    info = Path(course.VENV) / "lib" / "python3.12" / "site-packages" / "half-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Name: half")
    assert not course.is_set_up(with_tests=False)
    course.set_up(with_tests=False)
    assert course.is_set_up(with_tests=False) and not info.exists()


def made(fake):
    return [line for line in fake.asked if "-m venv" in line]


def test_a_venv_without_its_marker_is_made_anew(course, fake):
    course.set_up(with_tests=False)
    Path(course.MARKER).unlink()
    course.make_venv("python3")
    course.make_venv("python3")
    assert len(made(fake)) == 2 and all("--clear" in line for line in made(fake))


def test_a_venv_that_was_not_made_to_its_end_gets_no_marker(course, fake):
    fake.answers["-m venv"] = (1, "Killed")
    with pytest.raises(course.Problem):
        course.make_venv("python3")
    assert course.venv_works() and not Path(course.MARKER).exists()


def test_the_venv_of_a_moved_folder_is_made_anew(course, fake, monkeypatch, tmp_path):
    """Its activate scripts and its programs name the old folder."""
    course.make_venv("python3")
    moved = tmp_path / "moved"
    (tmp_path / ".venv").rename(moved)
    for name in ("VENV", "MARKER"):
        path = Path(getattr(course, name))
        monkeypatch.setattr(course, name, str(moved / path.relative_to(tmp_path / ".venv")))
    course.make_venv("python3")
    assert len(made(fake)) == 2


def test_missing_vocabulary_does_not_stop_the_set_up(course, fake, capsys):
    fake.answers["vocabulary.ensure"] = (1, "GPT-2's vocabulary could not be fetched. Run this later.")
    course.set_up(with_tests=False)
    assert "could not be fetched" in capsys.readouterr().out
    assert json.loads(Path(course.STAMP).read_text())["tests"] is False


# ---------------------------------------------------------------- handing over


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        ([], ["open"]),
        (["--no-browser", "--port", "9999"], ["open", "--no-browser", "--port", "9999"]),
        (["test", "-x"], ["test", "-x"]),
        (["anything", "else"], ["anything", "else"]),
    ],
)
def test_every_command_goes_to_gpt2lab(course, monkeypatch, arguments, command):
    wanted, handed = [], []
    monkeypatch.setattr(course, "set_up", lambda with_tests: wanted.append(with_tests))
    monkeypatch.setattr(course.os, "execv", lambda program, line: handed.append(line))
    monkeypatch.setattr(course.subprocess, "call", lambda line: handed.append(line) or 0)
    course.main(arguments)
    assert handed[0] == [course.venv_python(), "-m", "gpt2lab", *command]
    assert wanted == [command[0] == "test"]


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        ("Problem", 1, "no venv module"),
        (OSError(28, "No space left on device"), 1, "disk is full"),
        (KeyboardInterrupt(), 130, "Run the same command again"),
        ("Stopped", 143, "Run the same command again"),
    ],
)
def test_troubles_end_in_a_sentence(course, monkeypatch, capsys, error, code, words):
    def fail(with_tests):
        known = {"Problem": course.Problem("no venv module"), "Stopped": course.Stopped(15)}
        raise known[error] if isinstance(error, str) else error

    monkeypatch.setattr(course, "set_up", fail)
    assert course.main(["doctor"]) == code
    shown = capsys.readouterr().err
    assert words in shown and "Traceback" not in shown


def test_help_needs_no_set_up():
    done = subprocess.run([sys.executable, ROOT / "course.py", "--help"], capture_output=True, text=True)
    assert done.returncode == 0 and "--no-browser" in done.stdout
