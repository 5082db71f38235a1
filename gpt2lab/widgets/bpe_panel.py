"""The BPE panel: train a byte-pair vocabulary on your own text, one merge at a time."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import regex

from gpt2lab.errors import InputError, validates
from gpt2lab.figures.plots import clip
from gpt2lab.figures.style import BLUE, CARD, FADED, FONT, INK, SMALL, VERMILION, Picture, letters
from gpt2lab.tokenizer.bpe import GPT2_PATTERN, bpe_merges, merge
from gpt2lab.widgets.base import Panel
from gpt2lab.widgets.traits import Whole, Words

MOST_CHARACTERS, MOST_MERGES, SHOWN_MERGES = 400, 40, 9
TEXT = "low lower lowest new newer newest slow slower slowest"
TINTS = ("#dbe9f4", "#f9ecd2")  # neighbours differ, so that the cuts can be seen


@dataclass(frozen=True)
class Vocabulary:
    """What the merges so far have made of the text."""

    learned: tuple[tuple[str, str, int], ...]  # (left, right, how often the pair stood there)
    pieces: tuple[str, ...]  # the text in tokens

    def __repr__(self) -> str:
        lines = [f"{i}. {left!r} + {right!r}, {n} times" for i, (left, right, n) in enumerate(self.learned, 1)]
        return "\n".join([*lines[-5:], f"{len(self.pieces)} tokens: {' '.join(self.pieces)}"])


class BPEPanel(Panel[Vocabulary]):
    """Byte-pair encoding, step by step.

    Attributes
    ----------
    text : str
        Up to 400 characters. It is cut into words as GPT-2 cuts it; merges never cross a cut.
    merges : int
        How many merges have been made; 0 shows the single bytes.
    result : Vocabulary
    """

    text = Words(TEXT, label="Text")
    merges = Whole(0, high=lambda panel: len(panel.all_merges), label="Merges")
    rows = (("text",), ("merges",))

    @validates
    def __init__(self, text: str = TEXT, **settings: object) -> None:
        super().__init__(text=text, **settings)

    def accept_text(self, text: str) -> None:
        """Refuse a text that is empty or too long to draw."""
        if not text.strip():
            raise InputError("text must have some letters to count, got an empty string")
        if len(text) > MOST_CHARACTERS:
            raise InputError(f"text must have at most {MOST_CHARACTERS} characters here, got {len(text)}: shorten it")

    @property
    def all_merges(self) -> list[tuple[bytes, bytes, int]]:
        """Every merge that this text supports: pairs that occur at least twice."""
        return _merges(self.text)

    def step(self) -> None:
        """Make one more merge; stays where it is when no pair occurs twice."""
        self.merges = min(self.merges + 1, len(self.all_merges))

    def settle(self) -> None:
        self.merges = min(self.merges, len(self.all_merges))

    def words(self) -> list[list[bytes]]:
        """The text's words in pieces, after the merges so far."""
        words = [[bytes([byte]) for byte in word.encode()] for word in regex.findall(GPT2_PATTERN, self.text)]
        for left, right, _ in self.all_merges[: self.merges]:
            words = [merge(pieces, left, right) for pieces in words]
        return words

    def measure(self) -> Vocabulary:
        learned = tuple((_show(left), _show(right), n) for left, right, n in self.all_merges[: self.merges])
        return Vocabulary(learned, tuple(_show(piece) for word in self.words() for piece in word))

    def draw(self) -> Picture:
        rows = self._lay_out()
        height = max(2.3, 1.2 + 0.42 * len(rows))  # inches; five merges fit beside two rows
        picture = Picture(9.6, height, "Byte-pair encoding")
        n, bytes_ = len(self.result.pieces), len(self.text.encode())
        picture.text(0.012, 1 - 0.36 / height, f"{n} tokens after {self.merges} merges ({bytes_} bytes)",
                     fontsize=FONT + 1, fontweight="bold")  # fmt: skip
        newest = self._newest()
        for line, row in enumerate(rows):
            for x, label, tint in row:
                made_now = label == newest
                picture.text(
                    x, 1 - (0.85 + 0.42 * line) / height, label, fontsize=FONT, family="DejaVu Sans Mono",
                    color="white" if made_now else INK, parse_math=False,
                    bbox={"facecolor": letters(VERMILION) if made_now else TINTS[tint], "edgecolor": CARD, "pad": 3.2},
                )  # fmt: skip
        self._draw_merges(picture, height)
        return picture

    def _newest(self) -> str | None:
        return "".join(self.result.learned[-1][:2]) if self.merges else None

    def _lay_out(self) -> list[list[tuple[float, str, int]]]:
        """Rows of (x, label, tint): monospaced, wrapped at two thirds of the picture."""
        rows: list[list[tuple[float, str, int]]] = [[]]
        x, width, tint = 0.02, 0.0119, 0  # width of one letter, in parts of the picture
        for word in self.words():
            labels = [clip(_show(piece), 16) for piece in word]
            wide = sum(len(label) * width + 0.011 for label in labels)
            if x + wide > 0.68 and rows[-1]:
                rows.append([])
                x = 0.02
            for label in labels:
                rows[-1].append((x, label, tint))
                x += len(label) * width + 0.011
                tint = 1 - tint
        return rows

    def _draw_merges(self, picture: Picture, height: float) -> None:
        left = 0.72
        picture.text(left, 1 - 0.36 / height, "last merges", fontsize=SMALL, color=FADED)
        room = min(SHOWN_MERGES, int((height - 0.7) / 0.27))
        last = list(enumerate(self.result.learned, 1))[-room:]
        for line, (i, (a, b, n)) in enumerate(reversed(last)):
            text = f"{i}. {clip(a, 8)} + {clip(b, 8)}  ×{n}"
            color = letters(VERMILION if line == 0 else BLUE)
            picture.text(left, 1 - (0.72 + 0.27 * line) / height, text, fontsize=SMALL, color=color,
                         family="DejaVu Sans Mono", parse_math=False)  # fmt: skip


@functools.lru_cache(maxsize=32)
def _merges(text: str) -> list[tuple[bytes, bytes, int]]:
    learned = []
    for step in bpe_merges(text):
        learned.append(step)
        if len(learned) == MOST_MERGES:
            break
    return learned


def _show(piece: bytes) -> str:
    return piece.decode("utf-8", errors="backslashreplace").replace(" ", "␣").replace("\n", "⏎").replace("\t", "⇥")
