"""Alignment: does cross-attention look at the source word that says the next target token?

    three thousand forty two        the row that predicts 4 should look at "forty"

The task knows which word that is, so a map is right or wrong. A target token that no single word says (the 0 of
3042, the end) is left out.

Source: Bahdanau et al. 2015, section 5.2.1 (alignment read from the weights); that weights need not show what
a model uses: Jain and Wallace 2019, "Attention is not Explanation".
"""

from __future__ import annotations

from collections import Counter, defaultdict

import torch
from torch import Tensor

from gpt2lab.errors import InputError, validates
from gpt2lab.family.encoder_decoder import EncoderDecoder
from gpt2lab.tasks.pairs import NOTHING, PairTask

ENOUGH = 0.8  # of a head's attention, to count as looking at a word
LEARNED_FROM = 4096  # training cases of ``right_by_place``


@torch.no_grad()
@validates
def weights_on_right_word(model: EncoderDecoder, task: PairTask, n: int = 512, seed: int = 2024) -> Tensor:
    """Attention of each head from the place of a prediction to the source word that says what is predicted.

    Parameters
    ----------
    model : EncoderDecoder
    task : PairTask
        Draws n held-out cases; the same seed gives the same cases.

    Returns
    -------
    (n_layers, n_heads, N) in [0, 1], one column per target token that a word says

    Raises
    ------
    ValueError
        For a model without cross-attention.
    """
    if not isinstance(model, EncoderDecoder):
        raise InputError(f"alignment is read from cross-attention, which {type(model).__name__} has not")
    inputs, said_by = task.aligned(n, seed)  # (n, S + T), (n, T)
    row, place = (said_by != NOTHING).nonzero(as_tuple=True)  # 2 × (N,)
    trace = model.trace(*task.parts(inputs))
    maps = torch.stack([block.cross_attn.attn_weights for block in trace.decoder.blocks])  # (n_layers, n, H, T, S)
    return maps[:, row, :, place, said_by[row, place]].permute(1, 2, 0)  # (n_layers, n_heads, N)


@validates
def right_by_place(task: PairTask, n: int = 512, seed: int = 2024) -> Tensor:
    """Which tokens a rule of places finds: for each place in the target and each length of the source, one word.

    The word is the one that was right most often in 4,096 training cases. A head that finds no more than this rule
    need not read a word: it could count.

    Parameters
    ----------
    task : PairTask
        Draws n held-out cases, as for ``weights_on_right_word``.

    Returns
    -------
    (N,) bool, one per column of ``weights_on_right_word``
    """
    counts: dict[tuple[int, int], Counter[int]] = defaultdict(Counter)
    for case in task.cases(LEARNED_FROM, torch.Generator().manual_seed(0), "train"):
        for place, word in enumerate(case.said_by):
            if word != NOTHING:
                counts[place, len(case.source)][word] += 1
    rule = {key: words.most_common(1)[0][0] for key, words in counts.items()}
    return torch.tensor([
        rule.get((place, len(case.source))) == word
        for case in task.cases(n, torch.Generator().manual_seed(seed), "held_out")
        for place, word in enumerate(case.said_by)
        if word != NOTHING
    ])  # fmt: skip


def alignment_scores(weights: Tensor) -> dict[str, float]:
    """How often heads look at the right word, from ``weights_on_right_word``.

    Returns
    -------
    dict
        ``one_head``: share of the tokens for which the best single head puts at least 0.8 of its attention on
        the right word, the same head for all of them. ``some_head``: the share for which any head does, a
        weaker claim, since with many heads one of them may be right by chance. ``mean``: the best head's mean
        weight on the right word.
    """
    enough = weights >= ENOUGH  # (n_layers, n_heads, N)
    return {
        "one_head": enough.double().mean(dim=-1).max().item(),
        "some_head": enough.flatten(0, 1).any(dim=0).double().mean().item(),
        "mean": weights.double().mean(dim=-1).max().item(),
    }
