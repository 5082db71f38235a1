"""One course folder for many learners: everybody may read what they need, and nobody else may write it."""

import os
import stat
from pathlib import Path

import pytest

from gpt2lab.course import sharing

pytestmark = pytest.mark.skipif(os.name == "nt", reason="permissions of Linux and macOS")


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A course that everybody may read, below folders that everybody may enter."""
    for name in (
        "course.py",
        "pyproject.toml",
        "constraints.txt",
        "chapters/00_map.ipynb",
        "gpt2lab/model.py",
        ".venv/x",
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
        path.chmod(0o644)
        path.parent.chmod(0o755)
    monkeypatch.setattr(sharing, "_above", lambda *paths: [])  # those of the temporary folder are the system's
    monkeypatch.setattr(sharing.workspace, "course_root", lambda: tmp_path)
    monkeypatch.setattr(sharing.vocabulary, "share", lambda: tmp_path / ".venv" / "share" / "file")
    return tmp_path


def test_a_course_that_everybody_may_read_is_ready(root, capsys):
    assert sharing.share_command([]) == 0
    said = capsys.readouterr().out
    assert "bin/gpt2lab open" in said and "GPT2LAB_HOME" in said
    assert list((root / "gpt2lab" / "__pycache__").glob("model*.pyc"))


@pytest.mark.parametrize(("name", "mode"), [("gpt2lab/model.py", 0o600), ("chapters", 0o700), ("chapters", 0o744)])
def test_what_somebody_cannot_read_is_named_and_opened(root, capsys, name, mode):
    (root / name).chmod(mode)
    assert sharing.share_command([]) == 1
    said = capsys.readouterr().out
    assert str(root / name) in said and "--fix" in said
    assert sharing.share_command(["--fix"]) == 0
    found = stat.S_IMODE((root / name).stat().st_mode)
    assert not found & stat.S_IWOTH and found & mode == mode


def test_what_everybody_may_change_is_named(root, capsys):
    (root / "chapters" / "00_map.ipynb").chmod(0o666)
    assert sharing.share_command([]) == 1
    assert "Everybody can change" in (said := capsys.readouterr().out) and "chmod -R o-w" in said


def test_a_folder_above_that_nobody_may_enter_is_named(root, capsys, monkeypatch):
    shut = root / "chapters"
    shut.chmod(0o744)
    monkeypatch.setattr(sharing, "_above", lambda *paths: [shut])
    assert shut in list(sharing.closed(root))


def test_folders_above_the_course_and_the_interpreter_count():
    assert sharing._above(Path("/a/b"), Path("/c/python")) == [Path(p) for p in ("/", "/a", "/a/b", "/c", "/c/python")]


def test_a_folder_that_is_not_ones_own_is_one_sentence(root, monkeypatch):
    def refused():
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(sharing.vocabulary, "share", refused)
    with pytest.raises(sharing.InputError, match="cannot be written.*Ask its owner"):
        sharing.share_command([])
