"""Jane Austen's novels as the course's English model read them: the text, its held-out ends, and losses on both.

The text itself does not come with the course; ``load_toy("english").provenance["text"]`` says where to get it.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from gpt2lab.errors import InputError
from gpt2lab.model import GPT2
from gpt2lab.tasks.text import Corpus, TextTask, read_text
from gpt2lab.zoo.held_out import AUSTEN
from gpt2lab.zoo.toys import load_toy

TEACHER = "english"
ROWS = 16  # windows that are evaluated at a time


def english_task(path: Path) -> TextTask:
    """The text that the English model learned, cut as for it.

    Raises
    ------
    InputError
        For another text, or a file that cannot be read.
    """
    toy = load_toy(TEACHER)
    text = toy.provenance["text"]
    corpus = Corpus.of(whole := read_text(path), (), text["join_lines"])
    if corpus.sha256 != text["sha256"]:
        raise InputError(f"{path} is not the text that the English model learned, which is {text['origin']}")
    return TextTask(Corpus.of(whole, text["titles"], text["join_lines"]), toy.encoding, text["length"])


def held_out_windows(task: TextTask) -> tuple[Tensor, Tensor]:
    """The ends of every other novel, to choose rates by, and of the others, to measure on: twice (n, T + 1)."""
    tokens = task.tokens("held_out").long()
    ends = (tokens == task.end).nonzero()[:, 0] + 1  # one after each novel
    novels = tokens.tensor_split(ends[:-1])
    windows = [novel[: len(novel) // (T := task.length + 1) * T].view(-1, T) for novel in novels]
    return torch.cat(windows[::2]), torch.cat(windows[1::2])


@torch.no_grad()
def nats(model: GPT2, windows: Tensor) -> float:
    """Loss over windows (n, T + 1), in nats per token; a run that exploded has a large number, not nan."""
    losses = [
        F.cross_entropy(model(part[:, :-1]).flatten(0, 1), part[:, 1:].flatten(), reduction="sum")
        for part in windows.split(ROWS)
    ]
    loss = torch.stack(losses).sum().item() / windows[:, 1:].numel()
    return round(loss, 4) if math.isfinite(loss) else 99.0


def paragraph_loss(model: GPT2) -> float:
    """Mean over the twelve paragraphs, in nats per token."""
    encode = load_toy(TEACHER).encoding.encode_ordinary
    losses = [nats(model, torch.tensor([encode(paragraph)])) for paragraph in AUSTEN]
    return round(sum(losses) / len(losses), 4)
