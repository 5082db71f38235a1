"""Real English on every machine: the plain sentences of Python's own manual.

    manual = PythonManual()                  # a TextTask: its tokenizer is trained here
    manual.paragraphs("train")[0]            # "…"

Python carries its language reference for ``help("for")`` (the module ``pydoc_data.topics``). Of its
paragraphs those are taken that are sentences and nothing else: no code, no formula, no list. That is a
small text, 50,000 characters, which a small model knows by heart after a minute. Held out is every tenth
paragraph. The text differs a little between Python versions.
"""

from __future__ import annotations

import functools
import hashlib
import re

from gpt2lab.tasks.text import Corpus, TextTask

ONE_IN = 10  # paragraphs is held out
ODD = re.compile(r"""[^A-Za-z ,.;:'"()\-]""")  # what plain sentences do not hold
VOCABULARY = 512


class PythonManual(TextTask):
    """Continue the manual.

    Parameters
    ----------
    length : int
        T, tokens per window.
    """

    name = "manual"
    summary = "continue the English of Python's manual"

    def __init__(self, length: int = 64) -> None:
        train, held_out = ("\n\n".join(self.paragraphs(split)) for split in ("train", "held_out"))
        data = f"{train}\n\n{held_out}".encode()
        super().__init__(Corpus((train,), (held_out,), hashlib.sha256(data).hexdigest(), len(data)), VOCABULARY, length)

    @staticmethod
    def paragraphs(split: str) -> list[str]:
        """The paragraphs of a split, one line each."""
        every = _plain_paragraphs()
        return [p for i, p in enumerate(every) if (i % ONE_IN == 0) == (split == "held_out")]


@functools.cache
def _plain_paragraphs() -> tuple[str, ...]:
    """Sentences only, each once: the manual says some things under several headings."""
    from pydoc_data.topics import topics

    lines = (" ".join(p.split()) for text in topics.values() for p in text.split("\n\n"))
    return tuple(dict.fromkeys(p for p in lines if p[:1].isupper() and p.endswith(".") and not ODD.search(p)))
