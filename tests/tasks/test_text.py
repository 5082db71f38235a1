"""Any text as a task: where it is cut, what is read from a file, and which texts are refused."""

from __future__ import annotations

import math
import random
import tracemalloc
from pathlib import Path

import pytest
import torch

import gpt2lab.tasks.text as module
from gpt2lab.config import GPT2Config
from gpt2lab.model import GPT2
from gpt2lab.tasks import TextTask
from gpt2lab.tasks.text import Corpus, joined, read_text, split_at
from gpt2lab.tokenizer import course_encoding, train_bpe

WORDS = "the a of dog cat house runs jumps over quick lazy brown fox and then he she said that it was very good".split()


def made(lines: int = 300, seed: int = 0) -> str:
    """A text of invented sentences."""
    chance = random.Random(seed)
    return "\n".join(" ".join(chance.choice(WORDS) for _ in range(10)) + "." for _ in range(lines))


@pytest.fixture(scope="module")
def task() -> TextTask:
    return TextTask(made(), 280, 16)


def test_the_end_of_each_part_is_held_out() -> None:
    text = "ONE\n" + made(100, 1) + "\nTWO\n" + made(200, 2)
    corpus = Corpus.of(text, ["ONE", "TWO"])
    assert [part[:3] for part in corpus.train] == ["ONE", "TWO"]
    assert "\n".join(a + b for a, b in zip(corpus.train, corpus.held_out, strict=True)) == text  # nothing lost
    for trained, held_out in zip(corpus.train, corpus.held_out, strict=True):
        assert 0.04 < len(held_out) / (len(trained) + len(held_out)) < 0.07
        assert trained.endswith("\n")  # between lines


def test_windows_come_from_their_split_alone(task: TextTask) -> None:
    corpus = Corpus.of(made())
    for split, parts in (("train", corpus.train), ("held_out", corpus.held_out)):
        inputs, targets = task.batch(20, torch.Generator().manual_seed(0), split)
        assert torch.equal(inputs[:, 1:], targets[:, :-1])
        for row in inputs.tolist():
            assert task.encoding.decode(row).replace("<|endoftext|>", "") in parts[0]


def test_the_tokenizer_sees_the_training_part_alone() -> None:
    text = made(900) + "\n" + " zq" * 600  # more often than any word, and all in the last 5 %
    task = TextTask(text, 300, 16)
    tokens = [task.encoding.decode_single_token_bytes(i) for i in range(257, task.encoding.n_vocab)]
    assert "zq" not in Corpus.of(text).train[0] and not any(b"zq" in token for token in tokens)
    assert any(b"zq" in token for token in train_bpe(text, 300).token_byte_values())


def test_bits_per_byte_are_those_of_the_text(task: TextTask) -> None:
    """A uniform guess costs log2(vocabulary) bits for each token."""
    _, targets = task.batch(50, torch.Generator().manual_seed(0), "held_out")
    scores = task.score(torch.zeros(*targets.shape, task.encoding.n_vocab), targets)
    n_bytes = sum(len(task.encoding.decode_bytes([t])) for t in targets.flatten().tolist() if t != task.end)
    expected = targets.numel() * math.log2(task.encoding.n_vocab) / n_bytes
    torch.testing.assert_close(scores["bits_per_byte"], expected, rtol=1e-5, atol=0)


def test_evaluating_in_pieces_changes_nothing(task: TextTask, monkeypatch) -> None:
    model = GPT2(
        GPT2Config.tiny(vocab_size=task.encoding.n_vocab, context_length=16, n_layers=1, d_model=16, n_heads=2)
    )
    whole = task.evaluate(model, 25)
    monkeypatch.setattr("gpt2lab.tasks.windows.ROWS", 4)  # six pieces, and one window left over
    assert task.evaluate(model, 25) == pytest.approx(whole, rel=1e-5)


def test_what_is_recorded_in_training_has_both_losses(task: TextTask) -> None:
    model = GPT2(
        GPT2Config.tiny(vocab_size=task.encoding.n_vocab, context_length=16, n_layers=1, d_model=16, n_heads=2)
    )
    scores = task.progress(model, 8)
    assert scores["train_loss"] == task.evaluate(model, 8, split="train")["loss"] != scores["loss"]


def test_a_given_encoding_is_used() -> None:
    encoding = course_encoding()
    assert TextTask(made(), encoding, 16).encoding is encoding


def test_other_scripts_are_bytes() -> None:
    text = "\n".join(f"{i} 世界 мир שלום 🙂 ελλάδα" for i in range(400))
    task = TextTask(text, 290, 16)
    assert task.encoding.decode(task.encode("мир 🙂 世界 new")[0].tolist()) == "мир 🙂 世界 new"


def test_identity_is_bound_to_the_text() -> None:
    one = TextTask(made(), 280, 16)
    assert one.identity == TextTask(made(), 280, 16).identity
    assert one.identity != TextTask(made(seed=1), 280, 16).identity
    assert one.identity != TextTask(made(), 280, 17).identity


def test_files_are_read_whatever_system_wrote_them(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(b"\xef\xbb\xbfone\r\ntwo\rthree\n")
    assert read_text(file) == "one\ntwo\nthree\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b" \n\n", "the file is empty"),
        (b"caf\xe9 au lait", r"expected text in UTF-8, but byte 3 \(0xe9\) is not"),
        (b"\x7fELF\0\0", "byte 4 is 0, as in a binary file"),
        (b"x" * 2001, "a text may have at most .* MB, and this one has more; cut it"),
    ],
)
def test_files_that_are_no_text_are_one_sentence(tmp_path: Path, content: bytes, message: str, monkeypatch) -> None:
    monkeypatch.setattr(module, "LARGEST", 2000)
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        TextTask(tmp_path / "a.txt", 280)


def test_a_large_file_does_not_fill_the_memory(tmp_path: Path) -> None:
    """200 MB, in a file that takes no room on the disk: only as much is read as a text may have."""
    file = tmp_path / "large.txt"
    with file.open("wb") as out:
        out.truncate(200_000_000)
    tracemalloc.start()
    with pytest.raises(ValueError, match="at most 50 MB"):
        read_text(file)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.5 * module.LARGEST


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: TextTask("", 280), "the text is empty"),
        (lambda: TextTask("too short to learn from", 257), "the text is too short: its .* part has .* tokens"),
        (lambda: TextTask(Path("not there"), 280), "not there: the text cannot be read"),
        (lambda: TextTask(__file__, 280), "is the name of a file, not a text; pass Path"),
        (lambda: TextTask(3, 280), "text must be a Path or the text itself, got int"),
        (lambda: TextTask(made(), 100), "the vocabulary must be a whole number of at least 257, got 100"),
        (lambda: TextTask(made(), 5000), r"supports a vocabulary of at most \d+ tokens, .*; got 5000"),
        (lambda: TextTask(made(), 280, 0), "length must be a whole number of at least 1, got 0"),
        (lambda: TextTask(made(), 280, titles=["EMMA"]), "no line of the text is the title 'EMMA'"),
        (lambda: TextTask(made(), 280, titles="EMMA"), "titles must be a list of lines, got one text 'EMMA'"),
    ],
)
def test_bad_texts_are_one_sentence(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_the_largest_vocabulary_that_is_named_is_possible() -> None:
    with pytest.raises(ValueError, match="at most") as caught:
        TextTask(made(), 5000)
    largest = int(str(caught.value).split("at most ")[1].split()[0])
    assert TextTask(made(), largest, 16).encoding.n_vocab == largest


def test_parts_and_paragraphs() -> None:
    assert split_at("A\nx\nB\ny", ["B", "A"]) == ["A\nx", "B\ny"]
    assert split_at("intro\nB\ny", ["B"]) == ["intro", "B\ny"]
    assert joined("one\ntwo  three\n\n\n\nfour\n") == "one two three\n\nfour"


def test_without_its_text_a_task_encodes_and_says_what_is_missing(task: TextTask) -> None:
    bare = TextTask.without_text(task.encoding, 16)
    assert torch.equal(bare.encode("the dog"), task.encode("the dog"))
    with pytest.raises(ValueError, match="the text is not stored with the model"):
        bare.batch(1, torch.Generator(), "held_out")
    with pytest.raises(ValueError, match="at least one character"):
        bare.encode("")
