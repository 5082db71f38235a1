"""The set-up, killed at chosen points and run again: with a real venv and a real pip."""

import os
import shutil
import signal

import psutil
import pytest
from small_course import SmallCourse

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")

# Files at whose writing the set-up is killed.
VENV = "/.venv/pyvenv.cfg"
PIP = "pip/_internal/cache.py"  # one of the first of pip's files: `import pip` works, most are missing
MODULE = "tiny_two/m20.py"
WHEEL = "tiny_two-1.0.dist-info/WHEEL"  # after METADATA, before RECORD
INSTALLER = "tiny_two-1.0.dist-info/INSTALLER"  # RECORD is there, but it is the one the package brings

FRESH = {"pip", "setuptools", "_distutils_hack", "distutils", "pkg_resources"}  # what `python -m venv` installs


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A small course that is set up, from nothing.

    Its folder's name has blanks, quotes, what a shell takes for its own, and letters beyond ASCII.
    """
    small = SmallCourse(tmp_path_factory.mktemp("small") / 'it\'s "quoted" & $HOME Übung 漢字 🦜')
    code, said = small.run()
    assert (code, said.splitlines()[-1]) == (0, "broken: []"), said
    return small


@pytest.fixture(scope="module")
def venv(finished, tmp_path_factory):
    """A fresh virtual environment, for what begins after it was made: pip's installation into it is slow.

    It is the finished course's, without what the set-up did after it had made it.
    """
    folder = shutil.copytree(finished.folder / ".venv", tmp_path_factory.mktemp("venv") / ".venv", symlinks=True)
    later = [*folder.glob("gpt2lab-*"), *folder.glob("lib/*/site-packages/*tiny_*")]
    for path in [*later, *folder.glob("lib/*/site-packages/*gpt2lab*")]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert {path.name.split("-")[0] for path in folder.glob("lib/*/site-packages/*")} <= FRESH
    return folder


def test_a_small_course_is_set_up_once_in_a_folder_of_any_name(finished):
    code, said = finished.run()
    assert (code, said) == (0, "broken: []\n")


@pytest.mark.parametrize(
    "kills",
    [
        [(VENV, signal.SIGKILL), (PIP, signal.SIGKILL)],
        [(MODULE, signal.SIGKILL), (WHEEL, signal.SIGKILL), (INSTALLER, signal.SIGKILL)],
        [(WHEEL, signal.SIGTERM), (MODULE, signal.SIGINT), (MODULE, signal.SIGHUP)],
    ],
)
def test_killed_there_it_can_be_run_again(tmp_path, venv, kills):
    """One after the other: a run that is killed at a file has mended what the run before it left."""
    small = SmallCourse(tmp_path / "small", None if kills[0][0] in (VENV, PIP) else venv)
    for at, number in kills:
        code, said = small.run(at, number)
        assert ("Creating .venv" in said) == (at in (VENV, PIP))
        assert code == (-number if number == signal.SIGKILL else 128 + number), said
        assert "Traceback" not in said
        assert number == signal.SIGKILL or not processes_of(small)  # a request to stop ends pip as well
    code, said = small.run()
    assert (code, said.splitlines()[-1]) == (0, "broken: []"), said
    (info,) = small.folder.glob(".venv/lib/*/site-packages/tiny_two-1.0.dist-info")
    assert f"{info.name}/INSTALLER," in (info / "RECORD").read_text()  # pip's own last words


def processes_of(small):
    """The processes that work in the small course's .venv."""
    venv = str(small.folder / ".venv")
    return [one for one in psutil.process_iter(["cmdline"]) if venv in " ".join(one.info["cmdline"] or [])]


def test_a_second_start_waits_for_the_first(tmp_path, venv):
    small = SmallCourse(tmp_path / "small", venv)
    first = small.start()
    line = first.stdout.readline()  # of its first step
    code, said = small.run()
    rest, _ = first.communicate()
    assert first.returncode == 0, rest
    assert code == 0 and said.startswith("Another set-up of this folder is running (process "), said
    assert "Set up in" in line + rest and "Set up in" not in said


def test_the_next_start_waits_for_what_a_killed_one_has_left_running(tmp_path, venv):
    """As when the window is killed and pip goes on."""
    small, go = SmallCourse(tmp_path / "small", venv), tmp_path / "go"
    first = small.start(MODULE, signal.SIGKILL, go)
    assert first.wait() == -signal.SIGKILL
    second = small.start()
    line = second.stdout.readline()
    (pip,) = processes_of(small)
    assert line.startswith(f"Another set-up of this folder is running (process {pip.pid}).")
    go.touch()
    said, _ = second.communicate()
    first.stdout.close()
    assert (second.returncode, said.splitlines()[-1]) == (0, "broken: []"), said
