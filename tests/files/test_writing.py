"""files: a file is either whole or not there."""

from __future__ import annotations

import pytest

from gpt2lab.errors import CourseError
from gpt2lab.files import UnwritableError, atomic_write


def test_writes_into_folders_that_do_not_exist_yet(tmp_path):
    target = tmp_path / "a" / "b" / "c.txt"
    with atomic_write(target) as part:
        assert not target.exists()
        part.write_text("whole", encoding="utf-8")
    assert target.read_text(encoding="utf-8") == "whole"
    assert [file.name for file in target.parent.iterdir()] == ["c.txt"]


def test_a_failure_in_the_middle_keeps_the_old_file(tmp_path):
    target = tmp_path / "file.txt"
    target.write_text("old", encoding="utf-8")
    with pytest.raises(OSError, match="disk full"), atomic_write(target) as part:
        part.write_text("ne", encoding="utf-8")
        raise OSError("disk full")
    assert target.read_text(encoding="utf-8") == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["file.txt"]


def test_replaces_the_old_file_at_the_end(tmp_path):
    target = tmp_path / "file.txt"
    target.write_text("old", encoding="utf-8")
    with atomic_write(target) as part:
        part.write_text("new", encoding="utf-8")
        assert target.read_text(encoding="utf-8") == "old"
    assert target.read_text(encoding="utf-8") == "new"


def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path):
    """A file stands where the folder should be: the person chooses another place."""
    (tmp_path / "taken").write_text("", encoding="utf-8")
    target = tmp_path / "taken" / "page.html"
    with pytest.raises(UnwritableError, match=r"page\.html cannot be written \(.+\); choose another place") as caught:
        with atomic_write(target):
            pass
    assert isinstance(caught.value, CourseError) and isinstance(caught.value, OSError)
