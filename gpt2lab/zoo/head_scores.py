"""Per-head scores, averaged over held-out cases.

Each score compares attention maps with the ground truth of a task, averages over held-out cases, and
gives one number per head: (n_layers, n_heads).
"""

from __future__ import annotations

import torch
from torch import Tensor

from gpt2lab.interventions import ablate_heads
from gpt2lab.model import GPT2
from gpt2lab.tasks.base import IGNORE, Task
from gpt2lab.tasks.induction import Induction
from gpt2lab.tasks.reference import Reference
from gpt2lab.tasks.reverse import Reverse


@torch.no_grad()
def head_weights(model: GPT2, tokens: Tensor) -> Tensor:
    """All attention maps: (B, n_layers, n_heads, T_query, T_key)."""
    blocks = model.trace(tokens).blocks
    return torch.stack([block.attn.attn_weights for block in blocks if block is not None], dim=1)  # all are traced


def induction_scores(model: GPT2, task: Induction, n: int = 256, seed: int = 7) -> Tensor:
    """Mean attention on the token after the previous occurrence of the current one.

    Averaged over the scored positions of n held-out sequences: (n_layers, n_heads). 1 is a perfect
    induction head; uniform attention gives about 1 / 20.
    """
    inputs, targets = task.batch(n, torch.Generator().manual_seed(seed), "held_out")
    source = task.source_positions(inputs)  # (n, T)
    weights = head_weights(model, inputs)  # (n, n_layers, n_heads, T, T)
    index = source.clamp(min=0)[:, None, None, :, None].expand(*weights.shape[:-1], 1)
    on_source = weights.gather(-1, index)[..., 0]  # (n, n_layers, n_heads, T)
    counted = (targets != IGNORE) & (source >= 0)  # (n, T)
    return (on_source * counted[:, None, None]).sum(dim=(0, 3)) / counted.sum()


def previous_token_scores(model: GPT2, task: Task, n: int = 256, seed: int = 7) -> Tensor:
    """Mean attention on the token just before, over all positions but the first: (n_layers, n_heads)."""
    inputs, _ = task.batch(n, torch.Generator().manual_seed(seed), "held_out")
    return head_weights(model, inputs).diagonal(-1, dim1=-2, dim2=-1).mean(dim=(0, 3))


def copy_scores(model: GPT2, task: Reverse, n: int = 256, seed: int = 7) -> Tensor:
    """Mean attention, while writing, on the letter that is to be written next: (n_layers, n_heads).

    Averaged over the answers of n held-out cases. 1 is a perfect copying head.
    """
    inputs, targets = task.batch(n, torch.Generator().manual_seed(seed), "held_out")
    on_source = (head_weights(model, inputs) * task.sources(inputs)[:, None, None]).sum(dim=-1)
    return _mean_while_writing(on_source, targets)


def reading_scores(model: GPT2, task: Task, n: int = 256, seed: int = 7) -> Tensor:
    """Mean attention on the next token, which is the answer itself: (n_layers, n_heads).

    0 behind a causal mask. Averaged over the answers whose token is in the input: all but the last.
    """
    inputs, targets = task.batch(n, torch.Generator().manual_seed(seed), "held_out")
    ahead = head_weights(model, inputs).diagonal(1, dim1=-2, dim2=-1)  # (n, n_layers, n_heads, T - 1)
    return _mean_while_writing(ahead, targets[:, :-1])


def _mean_while_writing(values: Tensor, targets: Tensor) -> Tensor:
    """Mean of (n, n_layers, n_heads, T) where an answer is predicted: (n_layers, n_heads)."""
    counted = targets != IGNORE  # (n, T)
    return (values * counted[:, None, None]).sum(dim=(0, 3)) / counted.sum()


def reference_scores(model: GPT2, task: Reference, n: int = 512, seed: int = 7) -> dict[str, Tensor]:
    """How heads treat the two nouns at the position where the answer is predicted.

    Returns
    -------
    dict of (n_layers, n_heads)
        ``looks_right``: share of held-out sentences in which the noun that "it" means gets more
        attention than any other token; ``on_right``, ``on_wrong``: mean attention on either noun.
    """
    inputs, _ = task.batch(n, torch.Generator().manual_seed(seed), "held_out")
    query, right, wrong = task.noun_positions(inputs)
    rows = head_weights(model, inputs)[torch.arange(n), :, :, query]  # (n, n_layers, n_heads, T)
    take = [rows[torch.arange(n), :, :, noun] for noun in (right, wrong)]  # 2 × (n, n_layers, n_heads)
    looks = rows.argmax(dim=-1) == right[:, None, None]
    return {"looks_right": looks.float().mean(0), "on_right": take[0].mean(0), "on_wrong": take[1].mean(0)}


def ablation_scores(model: GPT2, task: Task, mean: bool = False, n: int = 512, seed: int = 7) -> Tensor:
    """Accuracy on held-out cases with one head silenced at a time: (n_layers, n_heads).

    Parameters
    ----------
    mean : bool
        Put the head's mean output in its place instead of zero.
    """
    reference = task.batch(n, torch.Generator().manual_seed(seed + 1), "held_out")[0] if mean else None
    config = model.config
    out = torch.zeros(config.n_layers, config.n_heads)
    for layer in range(config.n_layers):
        for head in range(config.n_heads):
            with ablate_heads(model, [(layer, head)], mean=reference):
                out[layer, head] = task.evaluate(model, n, seed)["accuracy"]
    return out
