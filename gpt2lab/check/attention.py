"""Checks for the whole equation of attention; scores are in ``scores``, several heads in ``heads``."""

from __future__ import annotations

import torch
from torch import Tensor

from gpt2lab.attention import attention as reference
from gpt2lab.check.base import Answer, CheckResult, Wrong, agree, as_tensor, as_tensors, changed, judge
from gpt2lab.check.learner import Learner, examine
from gpt2lab.errors import validates
from gpt2lab.masking import causal_mask


@validates
def attention(function: Answer) -> CheckResult:
    """``my_attention(q, k, v, mask)`` -> (out, attn_weights); mask is boolean, True = may attend, or None."""
    trials = (
        _weights_without_mask,
        _values,
        _weights_with_mask,
        _output_with_mask,
        _more_keys_than_queries,
        _large_scores,
        _attention_shapes,
    )
    return examine("attention", function, "q k v mask", *trials)


def _attend(learner: Learner, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    result = learner(q, k, v, mask)
    out, weights = as_tensors(result, learner.name, ("out", "attn_weights"))
    expected = (*q.shape[:-1], k.shape[-2])
    if out.shape == expected and weights.shape == (*q.shape[:-1], v.shape[-1]) and expected != weights.shape:
        raise Wrong("The two results are exchanged. Return out, attn_weights, in this order.")
    as_tensor(weights, learner.name, expected, "attn_weights has one number for each query and each key.")
    if out.ndim == q.ndim + 1:
        raise Wrong("The weighted values have not been summed: each output is one vector, a blend of all values.")
    if out.shape != (*q.shape[:-1], v.shape[-1]) and out.shape == (*q.shape[:-2], v.shape[-1]):
        raise Wrong(
            "The positions have been summed up: one vector is left for the whole sequence. Each query gets its "
            "own blend of the values."
        )
    as_tensor(out, learner.name, (*q.shape[:-1], v.shape[-1]), "out has one vector for each query.")
    return out, weights


def _weights_without_mask(learner: Learner) -> None:
    q, k, v = (torch.randn(2, 3, 6, 16) for _ in range(3))
    dots = q @ k.transpose(-2, -1)
    _, weights = _attend(learner, q, k, v, None)
    noise = _attend(learner, q, k, torch.randn_like(v), None)[1]
    if changed(weights, noise) > 1e-5:
        raise Wrong("The weights change when only the values change. Values take no part in the comparison.")
    judge(
        weights,
        (dots / 4).softmax(-1),
        {
            "The scores are not scaled: divide q·k by √d_head before the softmax.": dots.softmax(-1),
            "Divided by d_head. Divide by its root.": (dots / 16).softmax(-1),
            "Multiplied by √d_head. Divide.": (dots * 4).softmax(-1),
            "The columns sum to 1, not the rows: softmax over dim=-1, the keys.": (dots / 4).softmax(-2),
            "The columns sum to 1, not the rows, and the scores are not scaled: softmax over dim=-1, "
            "after dividing by √d_head.": dots.softmax(-2),
            "The softmax runs over the heads (dim=1). It must run over the keys, dim=-1.": (dots / 4).softmax(1),
            "These are the scores. The softmax is missing.": dots / 4,
            "The division stands after the softmax. It belongs in front: the rows must sum to 1.": dots.softmax(-1) / 4,
            "These are the raw dot products. Scale and softmax are missing.": dots,
            "Rows and columns are exchanged: a row belongs to a query, and k is transposed, not q.": (dots / 4)
            .transpose(-2, -1)
            .softmax(-1),
            "Without a mask every query sees every key; here the future is hidden.": (dots / 4)
            .masked_fill(~causal_mask(6), -torch.inf)
            .softmax(-1),
        },
        "The weights are not right. In this order: compare each query with each key, scale, then make each query's row sum to 1.",
    )


def _values(learner: Learner) -> None:
    q, k, v = (torch.randn(2, 3, 6, 16) for _ in range(3))
    out, weights = _attend(learner, q, k, v, None)
    best = torch.take_along_dim(v, weights.argmax(-1, keepdim=True), -2)
    weights = weights.to(v.dtype)
    judge(
        out,
        weights @ v,
        {
            "Only the value of the best key is taken. Attention is a *blend* of all values.": best,
            "The weights are transposed before they meet the values.": weights.transpose(-2, -1) @ v,
            "This is v itself: the weights are not used.": v,
            "The keys are blended. The weights come from q and k, the blend from v.": weights @ k,
            "The queries are blended. The weights come from q and k, the blend from v.": weights @ q,
            "The values are averaged with equal weights.": v.mean(-2, keepdim=True).expand_as(v),
        },
        "The weights are right, the output is not: each output is the sum of all values, each times its weight.",
    )


def _weights_with_mask(learner: Learner) -> None:
    T = 6
    q, k, v = (torch.randn(2, 3, T, 16) for _ in range(3))
    scores, mask = q @ k.transpose(-2, -1) / 4, causal_mask(T)
    weights = _attend(learner, q, k, v, mask)[1]
    right = scores.masked_fill(~mask, -torch.inf).softmax(-1)
    if agree(weights, right):
        return
    plain = scores.softmax(-1)
    if agree(weights, plain):
        raise Wrong(
            f"The mask is ignored: position 0 still gives {float(weights[0, 0, 0, 1:].sum()):.0%} of its "
            "attention to later positions."
        )
    # A causal mask read the wrong way round hides everything from the last query: its row has no softmax.
    inverted = scores.masked_fill(mask, -torch.inf).softmax(-1)
    if agree(weights[:, :, :-1], inverted[:, :, :-1]):
        raise Wrong(
            "The mask is read the wrong way round. Here True means *may attend*: put -inf where the mask is False."
        )
    if agree(weights, scores.masked_fill(~mask.T, -torch.inf).softmax(-1)):
        raise Wrong("Rows sum to 1, but position 2 sees position 5: is the mask transposed?")
    if agree(weights, (scores * mask).softmax(-1)):
        raise Wrong(
            "The scores of hidden keys are set to 0. exp(0) is 1, so they still get attention: "
            f"{float(weights[0, 0, 0, 1:].sum()):.0%} at position 0. Set them to -inf."
        )
    if agree(weights, plain * mask):
        raise Wrong(
            "The hidden weights are set to 0 *after* the softmax: the rows no longer sum to 1 (row 0 sums to "
            f"{float(weights[0, 0, 0].sum()):.2f}). Put -inf into the scores before the softmax."
        )
    if bool(weights.isnan().all()):
        raise Wrong(
            "With a mask every weight is NaN: 0 · (−inf) is NaN, so -inf cannot be multiplied with the mask. "
            "Put it in with masked_fill or torch.where."
        )
    leak = float((weights * ~mask).sum(-1).max())
    if leak > 1e-6:
        raise Wrong(
            f"Hidden keys still get up to {leak:.2g} of the attention of a position. Put -inf, or the most "
            "negative number there is, into their scores before the softmax."
        )
    judge(weights, right, {}, "With a mask, the scores where it is False become -inf before the softmax.")


def _output_with_mask(learner: Learner) -> None:
    q, k, v = (torch.randn(2, 3, 6, 16) for _ in range(3))
    mask = torch.rand(2, 1, 6, 6) < 0.6
    mask[..., 0] = True
    out, weights = _attend(learner, q, k, v, mask)
    right, right_weights = reference(q, k, v, mask)
    judge(weights, right_weights, {}, "A mask of shape (B, 1, T, T) must hold for every head: let it broadcast.")
    judge(
        out,
        right,
        {},
        "With a mask the weights are right, the output is not: blend the values with the masked weights.",
    )


def _more_keys_than_queries(learner: Learner) -> None:
    q, k, v = torch.randn(2, 3, 2, 8), torch.randn(2, 3, 5, 8), torch.randn(2, 3, 5, 4)
    mask = causal_mask(2, 5)
    for given in (None, mask):
        out, weights = _attend(learner, q, k, v, given)
        right, right_weights = reference(q, k, v, given)
        judge(
            weights,
            right_weights,
            {},
            "Not right for 2 queries and 5 keys: nothing says that there are as many queries as keys.",
        )
        judge(out, right, {}, "Not right for values whose width differs from that of the keys.")


def _large_scores(learner: Learner) -> None:
    q, k, v = 300 * torch.randn(1, 1, 6, 16), 300 * torch.randn(1, 1, 6, 16), torch.randn(1, 1, 6, 16)
    mask = causal_mask(6)
    weights = _attend(learner, q, k, v, mask)[1]
    if not bool(torch.isfinite(weights).all()):
        raise Wrong(
            "Large scores give NaN: exp overflows. Subtract the largest score of each row first, or use torch.softmax."
        )
    leak = float((weights * ~mask).sum(-1).max())
    if leak > 1e-6:
        raise Wrong(
            f"With large scores, hidden keys get {leak:.2g} of the attention of a position: the number that "
            "stands for -inf is not negative enough. Use -torch.inf."
        )
    judge(weights, reference(q, k, v, mask)[1], {}, "Not right for large scores.", 1e-3)


def _attention_shapes(learner: Learner) -> None:
    for *batch, T, d_head in ((5, 8), (3, 5, 8), (4, 4, 4), (2, 4, 4, 4), (1, 1, 1, 2)):
        q, k, v = (torch.randn(*batch, T, d_head) for _ in range(3))
        out, _ = _attend(learner, q, k, v, causal_mask(T))
        judge(
            out,
            reference(q, k, v, causal_mask(T))[0],
            {},
            f"Not right for q, k, v of shape {tuple(q.shape)}: use the last two axes, whatever stands before them.",
        )
