"""The plain English of Python's manual as a task."""

import re

from gpt2lab.tasks.manual import PythonManual


def test_every_paragraph_is_plain_sentences():
    train, held_out = PythonManual.paragraphs("train"), PythonManual.paragraphs("held_out")
    for paragraph in (*train, *held_out):
        assert paragraph[0].isupper() and paragraph.endswith(".") and "\n" not in paragraph
        assert not re.search(r"[0-9=|_\[\]{}<>`*]", paragraph)
    assert 8 < len(train) / len(held_out) < 10
    assert not set(train) & set(held_out)


def test_the_text_is_of_the_size_that_the_chapter_says():
    characters = sum(map(len, PythonManual.paragraphs("train") + PythonManual.paragraphs("held_out")))
    assert 40_000 < characters < 60_000


def test_windows_come_from_their_own_split():
    task = PythonManual(length=16)
    assert task.encoding.n_vocab == 512
    for split in ("train", "held_out"):
        text = "\n\n".join(PythonManual.paragraphs(split))
        tokens = task.tokens(split)
        assert task.encoding.decode(tokens[:-1].tolist()) == text and tokens[-1] == task.end
