"""The tables of a class, put together."""

import pytest

from gpt2lab.course import collecting, progress
from gpt2lab.errors import InputError
from gpt2lab.files import records
from gpt2lab.quiz.progress import Count


def written(path, **done):
    """A learner's file, as the command writes it: of each chapter (predictions, exercises, quizzes done, right)."""
    rows = []
    for chapter, (predictions, exercises, quizzes, right) in done.items():
        counts = dict.fromkeys(records.KINDS, Count(0, 0, 0))
        counts |= {"predictions": Count(predictions, 5, 0), "exercises": Count(exercises, 3, exercises)}
        counts["quizzes"] = Count(quizzes, 6, right)
        rows.append(progress.Progress(chapter, counts))
    path.write_text(progress.as_csv(rows), encoding="utf-8")


@pytest.fixture
def folder(tmp_path):
    written(tmp_path / "ada.csv", primer=(5, 3, 6, 6), a00_map=(5, 1, 4, 2), a01=(0, 0, 0, 0))
    written(tmp_path / "bert.csv", primer=(0, 0, 0, 0), a00_map=(0, 0, 0, 0), a01=(0, 0, 0, 0))
    return tmp_path


def test_who_stands_where(folder, capsys):
    assert progress.progress_command(["--collect", str(folder)]) == 0
    said = [line.split("  ") for line in capsys.readouterr().out.splitlines()]
    lines = [[part.strip() for part in line if part.strip()] for line in said]
    assert lines[1] == ["ada", "a00_map", "10", "4 of 9", "8 of 10", "a00_map"]
    assert lines[2] == ["bert", "–", "0", "0 of 9", "0 of 0", "–"]
    assert lines[-2:] == [["primer", "1", "1", "100%"], ["a00_map", "1", "0", "50%"]]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "first line is not that of"),
        (b"name,age\nada,7\n", "first line is not that of"),
        (b"\xff\xfe\x00", "was left out"),
        (",".join(["chapter", *collecting.COLUMNS]).encode() + b"\nx,1,many,3\n", "line 2 has 'many'"),
        (",".join(["chapter", *collecting.COLUMNS]).encode() + b"\nx,1,2,3\n", "line 2 is not complete"),
        (b"x" * 1_000_001, "far larger"),
    ],
)
def test_another_file_is_left_out_and_named(folder, capsys, content, said):
    (folder / "odd.csv").write_bytes(content)
    assert progress.progress_command(["--collect", str(folder)]) == 1
    out = capsys.readouterr().out
    assert "odd.csv was left out" in out and said in out and "ada" in out


def test_nothing_to_collect_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match="found none at"):
        collecting.read(tmp_path / "nowhere")
    with pytest.raises(InputError, match="found none."):
        collecting.read(tmp_path)
