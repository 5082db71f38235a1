"""Any text: a model learns to continue it.

    task = TextTask(Path("novel.txt"), 2048)      # its tokenizer is trained here, on the training part
    task = TextTask(text, gpt2_encoding())        # or is given

Held out is the end of the text, or of each of its parts. An end, because a window in the middle of a text
shares names and events with what stands on both sides of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tiktoken
import torch
from torch import Tensor

from gpt2lab.errors import InputError, shorten, validates, whole_number
from gpt2lab.tasks.windows import RealText
from gpt2lab.tokenizer import train_bpe

LARGEST = 50_000_000  # bytes; 200 MB of text would need several GB of memory as tokens
HELD_OUT = 0.05  # of each part
CHUNK = 1_000_000  # characters that are encoded at a time


@dataclass(frozen=True)
class Corpus:
    """A text cut into what is trained on and what is held out."""

    train: tuple[str, ...]  # one per part
    held_out: tuple[str, ...]
    sha256: str  # of the whole text in UTF-8, before it was cut
    n_bytes: int  # of it

    @classmethod
    def of(cls, text: str, titles: Sequence[str] = (), join_lines: bool = False) -> Corpus:
        """Cut a text.

        Parameters
        ----------
        text : str
        titles : sequence of str
            Lines of the text at which a new part begins, such as the titles of the novels in one file.
        join_lines : bool
            Paragraphs become one line each, with one space between words.

        Raises
        ------
        ValueError
            If a title is not a line of the text.
        """
        parts = split_at(text, titles)
        if join_lines:
            parts = [joined(part) for part in parts]
        cuts = [_cut(part) for part in parts]
        pairs, data = list(zip(parts, cuts, strict=True)), text.encode("utf-8", "surrogatepass")
        return cls(
            tuple(part[:cut] for part, cut in pairs),
            tuple(part[cut:] for part, cut in pairs),
            hashlib.sha256(data).hexdigest(),
            len(data),
        )


class TextTask(RealText):
    """Continue a text.

    Parameters
    ----------
    text : Path, str or Corpus
        A file in UTF-8, the text itself, or a text that is already cut.
    encoding : tiktoken.Encoding or int
        Or the size of a vocabulary that is trained on the training part.
    length : int
        T, tokens per window.
    titles, join_lines
        See ``Corpus.of``.

    Raises
    ------
    ValueError
        For a file that cannot be read, is not UTF-8 or is larger than 50 MB, for a text too short
        for one window of training and one of evaluation, and for a vocabulary larger than the text supports.
    """

    name = "text"
    summary = "continue a text"

    @validates
    def __init__(
        self,
        text: Path | str | Corpus,
        encoding: tiktoken.Encoding | int = 1024,
        length: int = 128,
        *,
        titles: Sequence[str] = (),
        join_lines: bool = False,
    ) -> None:
        self.length = whole_number("length", length, 1)
        corpus = text if isinstance(text, Corpus) else Corpus.of(_text(text), titles, join_lines)
        self.encoding = encoding if isinstance(encoding, tiktoken.Encoding) else trained_encoding(corpus, encoding)
        self._tokens = {
            "train": _encode(self.encoding, corpus.train),
            "held_out": _encode(self.encoding, corpus.held_out),
        }
        for split, tokens in self._tokens.items():
            if len(tokens) <= self.length:
                what = "training" if split == "train" else f"held-out ({HELD_OUT:.0%} of the text)"
                raise InputError(
                    f"the text is too short: its {what} part has {len(tokens)} tokens, and one window needs "
                    f"{self.length + 1}; use a longer text or a shorter context"
                )

    @classmethod
    def without_text(cls, encoding: tiktoken.Encoding, length: int) -> TextTask:
        """The task of a stored model, which has the tokenizer and not the text: it encodes, and draws nothing."""
        task = cls.__new__(cls)
        task.encoding, task.length, task._tokens = encoding, length, {}
        return task

    def tokens(self, split: str) -> Tensor:
        if split not in self._tokens:
            raise InputError(
                "the text is not stored with the model; TextTask(Path(file), toy.encoding) is the task with the "
                "text, and toy.provenance['text'] says which file that is"
            )
        return self._tokens[split]

    def encode(self, text: str) -> Tensor:
        """Text to tokens (1, T); every text but the empty one has some."""
        if not text:
            raise InputError("encode needs at least one character, got an empty text")
        return torch.tensor([self.encoding.encode_ordinary(text)])  # (1, T)

    @property
    def identity(self) -> str:
        """The name and a checksum over the tokens of both splits and their length."""
        total = hashlib.sha256(f"{self.length}".encode())
        for split in ("train", "held_out"):
            total.update(self._tokens[split].numpy().tobytes())
        return f"{self.name} {total.hexdigest()[:16]}"


def trained_encoding(corpus: Corpus, vocab_size: int) -> tiktoken.Encoding:
    """A byte-pair encoding of the training part, of exactly that size.

    Raises
    ------
    ValueError
        Naming the largest size that the text supports.
    """
    vocab_size = whole_number("the vocabulary", vocab_size, 257)
    encoding = train_bpe("\n".join(corpus.train), vocab_size, "text")
    if encoding.n_vocab < vocab_size:
        raise InputError(
            f"the text supports a vocabulary of at most {encoding.n_vocab} tokens, because no other pair occurs "
            f"twice in its training part; got {vocab_size}"
        )
    return encoding


def read_text(path: Path) -> str:
    """A text file in UTF-8, with "\\n" at the end of each line, whatever the system that wrote it.

    Raises
    ------
    ValueError
        If it cannot be read, is empty, is not UTF-8 or is larger than 50 MB.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(LARGEST + 1)  # never more, also from a pipe, which has no size
    except OSError as error:
        raise InputError(f"{path}: the text cannot be read ({error.strerror})") from error
    if len(data) > LARGEST:
        raise InputError(
            f"{path}: a text may have at most {LARGEST // 1_000_000} MB, and this one has more; "
            f"cut it, for example with head -c {LARGEST} {path} > part.txt"
        )
    if not data.strip():
        raise InputError(f"{path}: the file is empty; there is no text to learn from")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: expected text in UTF-8, but byte {error.start} (0x{data[error.start]:02x}) is not; "
            "save the file as UTF-8, or choose a text file"
        ) from None
    if "\0" in text:
        raise InputError(f"{path}: expected text, but byte {data.index(0)} is 0, as in a binary file")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def split_at(text: str, titles: Sequence[str]) -> list[str]:
    """The parts of a text: a new one begins at the first line that is one of the titles."""
    if isinstance(titles, str):
        raise InputError(f"titles must be a list of lines, got one text {shorten(repr(titles))}")
    lines, starts = text.split("\n"), [0]
    for title in titles:
        if title not in lines:
            raise InputError(f"no line of the text is the title {title!r}; a title is a whole line of the text")
        starts.append(lines.index(title))
    edges = [*sorted(set(starts)), len(lines)]
    return ["\n".join(lines[a:b]) for a, b in zip(edges, edges[1:], strict=False)]


def joined(text: str) -> str:
    """Each paragraph on one line, one space between words, an empty line between paragraphs."""
    paragraphs = (" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def _text(text: object) -> str:
    if isinstance(text, Path):
        return read_text(text)
    if not isinstance(text, str):
        raise InputError(f"text must be a Path or the text itself, got {type(text).__name__}")
    if len(text) < 1000 and "\n" not in text and "\0" not in text and Path(text).is_file():
        raise InputError(f"{text!r} is the name of a file, not a text; pass Path({text!r}) to read the file")
    if not text.strip():
        raise InputError("the text is empty; there is nothing to learn from")
    return text


def _cut(part: str) -> int:
    """Where the held-out end of a part begins: after the last line break before it, if there is one."""
    at = int(len(part) * (1 - HELD_OUT))
    return part.rfind("\n", at - len(part) // 100, at) + 1 or at


def _encode(encoding: tiktoken.Encoding, parts: Sequence[str]) -> Tensor:
    """All parts, each followed by ``<|endoftext|>``: (N,) int32."""
    pieces = []
    for part in parts:
        for start in range(0, len(part), CHUNK):
            pieces.append(torch.tensor(encoding.encode_ordinary(part[start : start + CHUNK]), dtype=torch.int32))
        pieces.append(torch.tensor([encoding.eot_token], dtype=torch.int32))
    return torch.cat(pieces)
