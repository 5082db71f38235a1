"""Checks for cutting the feature axis into heads, and for joining the heads again."""

from __future__ import annotations

import torch
from torch import Tensor

from gpt2lab.attention import attention as reference
from gpt2lab.attention import merge_heads as merge
from gpt2lab.attention import split_heads as split
from gpt2lab.check.base import Answer, CheckResult, Wrong, agree, describe, judge
from gpt2lab.check.learner import Learner, examine, explained
from gpt2lab.check.sandbox import same as unchanged
from gpt2lab.errors import validates
from gpt2lab.masking import causal_mask


@validates
def split_heads(function: Answer) -> CheckResult:
    """``my_split_heads(x, n_heads)``: (B, T, d_model) -> (B, n_heads, T, d_head)."""
    return examine("split_heads", function, "x n_heads", _split, _split_sizes, _split_indivisible)


def _split(learner: Learner) -> None:
    B, T, n_heads, d_head = 2, 5, 3, 4
    x = torch.arange(float(B * T * n_heads * d_head)).reshape(B, T, -1)
    out = learner.tensor(x, n_heads)
    reasons = {
        (B, T, n_heads, d_head): "The heads are there, but after the positions. Move them forward: transpose the axes "
        "1 and 2. Otherwise the heads of one token would attend to each other.",
        (B * T, n_heads, d_head): "Batch and positions have been merged, so the heads of one token would attend to "
        "each other. Keep B and T apart: (B, T, n_heads, d_head), then transpose.",
        (B, n_heads, d_head, T): "The last two axes are exchanged: expected (B, n_heads, T, d_head).",
        (n_heads, B, T, d_head): "The axes of batch and heads are exchanged: expected (B, n_heads, T, d_head).",
        (B, d_head, T, n_heads): "n_heads is the number of heads, not their width.",
    }
    if tuple(out.shape) in reasons and tuple(out.shape) != (B, n_heads, T, d_head):
        raise Wrong(reasons[tuple(out.shape)])
    if out.ndim == 4 and out.shape[-1] == n_heads * d_head:
        raise Wrong(
            "The *positions* have been cut into pieces, and every piece keeps all features. It is the feature axis "
            "that is cut: every head sees all positions."
        )
    as_expected = "Expected (B, n_heads, T, d_head) with d_head = d_model / n_heads."
    out = learner.tensor(x, n_heads, shape=(B, n_heads, T, d_head), why=as_expected)
    judge(
        out,
        split(x, n_heads),
        {
            "The shape is right, the contents are not: a reshape straight to (B, n_heads, T, d_head) mixes tokens. "
            "First (B, T, n_heads, d_head), then transpose.": x.reshape(B, n_heads, T, d_head),
            "Each head takes every third feature. A head is a block of neighbouring features: "
            "(B, T, n_heads, d_head), in this order.": x.reshape(B, T, d_head, n_heads).permute(0, 3, 1, 2),
            "Tokens and features are exchanged inside the heads.": x.transpose(1, 2)
            .reshape(B, n_heads, d_head, T)
            .transpose(2, 3)
            .flip(-1),
        },
        "The shape is right, the contents are not: head h takes the features h·d_head … (h+1)·d_head - 1 of every token.",
    )


def _split_sizes(learner: Learner) -> None:
    for B, T, n_heads, d_head in ((1, 1, 1, 6), (3, 4, 2, 4), (4, 4, 4, 4)):
        x = torch.randn(B, T, n_heads * d_head)
        out = learner.tensor(x, n_heads, shape=(B, n_heads, T, d_head))
        judge(out, split(x, n_heads), {}, f"Not right for x {tuple(x.shape)} and n_heads {n_heads}.")


def _split_indivisible(learner: Learner) -> None:
    try:
        out = learner(torch.randn(1, 9, 10), 3)
    except Wrong as wrong:
        error = wrong.__cause__  # what the function raised
        if isinstance(error, ValueError):
            return
        if error is None:
            raise
        raise Wrong(
            f"10 features cannot be cut into 3 equal heads. {learner.name} stops there by accident, with "
            f"{type(error).__name__} from inside. Look at the width first, and raise a ValueError that says what is wrong."
        ) from None
    raise Wrong(
        f"10 features cannot be cut into 3 equal heads, but the result is {describe(out)}: it went on and mixed "
        "the tokens. Raise a ValueError if n_heads does not divide the width."
    )


@validates
def merge_heads(function: Answer) -> CheckResult:
    """``my_merge_heads(x)``: (B, n_heads, T, d_head) -> (B, T, d_model), the inverse of the split."""
    return examine("merge_heads", function, "x", _merge, _merge_sizes)


def _merge(learner: Learner) -> None:
    B, n_heads, T, d_head = 2, 3, 5, 4
    x = torch.arange(float(B * T * n_heads * d_head)).reshape(B, n_heads, T, d_head)
    out = learner.tensor(x)
    if tuple(out.shape) == (B, T, d_head) and agree(out, x[:, 0]):
        raise Wrong("Only the first head is there. All heads stand side by side: d_model = n_heads · d_head.")
    if tuple(out.shape) == (T, B, n_heads * d_head):
        raise Wrong("Batch and positions are exchanged: expected (B, T, n_heads · d_head).")
    if tuple(out.shape) == (B, n_heads * d_head, T):
        raise Wrong("The last two axes are exchanged: expected (B, T, n_heads · d_head).")
    if tuple(out.shape) == (B * T, n_heads * d_head):
        raise Wrong("Batch and positions have been merged. Keep them apart: (B, T, n_heads · d_head).")
    if tuple(out.shape) == (B, T, d_head):
        raise Wrong("The heads have been added up (or averaged). They stand side by side: d_model = n_heads · d_head.")
    if tuple(out.shape) == (B, n_heads * T, d_head):
        raise Wrong("The heads are joined along the positions. Join them along the features: (B, T, n_heads · d_head).")
    if tuple(out.shape) == (B, T, n_heads, d_head):
        raise Wrong("The transpose is right. Now flatten the last two axes into one of width n_heads · d_head.")
    out = learner.tensor(x, shape=(B, T, n_heads * d_head), why="Expected (B, T, n_heads · d_head).")
    judge(
        out,
        merge(x),
        {
            "The shape is right, the contents are not: a reshape without the transpose mixes tokens. First "
            "transpose the axes 1 and 2.": x.reshape(B, T, -1),
            "The heads stand in reversed order. Head 0 comes first.": merge(x.flip(1)),
            "The features of the heads are interleaved. Head 0 comes first with all its features, then head 1.": x.permute(
                0, 2, 3, 1
            ).reshape(B, T, -1),
        },
        "The shape is right, the contents are not: it must undo split_heads exactly.",
    )


def _merge_sizes(learner: Learner) -> None:
    for shape in ((1, 1, 1, 6), (4, 4, 4, 4), (3, 2, 7, 1)):
        x = torch.randn(shape)
        judge(learner.tensor(x, shape=merge(x).shape), merge(x), {}, f"Not right for x of shape {shape}.")


@validates
def multi_head_attention(function: Answer) -> CheckResult:
    """``my_attention_layer(x, w_q, w_k, w_v, w_o, n_heads)`` -> causal self-attention with all heads.

    The four weights are (d_model, d_model) and are applied as ``x @ w``; there are no biases.
    """
    return examine("multi_head_attention", function, "x w_q w_k w_v w_o n_heads", _heads, _one_head)


# What Python and torch say where a tuple stands for a tensor, and what it means there.
_STOPS = dict.fromkeys(
    ("'tuple'", "not tuple", "got tuple"),
    "a tuple stands where one tensor is wanted. attention hands back two things, an output and its maps: take them "
    "apart, and go on with the output.",
)


def _multi_head(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, n_heads: int, mask: Tensor | None) -> Tensor:
    q, k, v = (split(x @ w, n_heads) for w in (w_q, w_k, w_v))
    return merge(reference(q, k, v, mask)[0])


def _heads(learner: Learner) -> None:
    B, T, n_heads, d_model = 2, 6, 3, 12
    x = torch.randn(B, T, d_model)
    w_q, w_k, w_v, w_o = (torch.randn(d_model, d_model) / 2 for _ in range(4))
    mask = causal_mask(T)
    q, k, v = x @ w_q, x @ w_k, x @ w_v
    head_out = _multi_head(x, w_q, w_k, w_v, n_heads, mask)
    full = _multi_head(x, w_q, w_k, w_v, n_heads, None)
    per_token = [t.view(B, T, n_heads, -1) for t in (q, k, v)]
    split_up = [split(t, n_heads) for t in (q, k, v)]
    reshaped = [t.reshape(B, n_heads, T, -1) for t in (q, k, v)]
    inside = reference(per_token[0], per_token[1], per_token[2])[0].reshape(B, T, d_model)
    wide = merge(reference(split_up[0], split_up[1], split_up[2], mask, scale=d_model**-0.5)[0])
    mixed = reference(reshaped[0], reshaped[1], reshaped[2], mask)[0]
    no_transpose = split(head_out, n_heads).reshape(B, T, d_model)
    unscaled = merge(reference(split_up[0], split_up[1], split_up[2], mask, scale=1.0)[0])
    scores = (split_up[0] @ split_up[1].mT / (d_model / n_heads) ** 0.5).masked_fill(~mask, -torch.inf)
    columns = merge(scores.softmax(-2) @ split_up[2])
    inter = [t.unflatten(-1, (-1, n_heads)).movedim(-1, 1) for t in (q, k, v)]
    every_third = reference(inter[0], inter[1], inter[2], mask)[0]
    thirds = [t.unflatten(1, (n_heads, -1)) for t in (q, k, v)]  # (B, n_heads, T / n_heads, d_model)
    pieces = reference(thirds[0], thirds[1], thirds[2], causal_mask(T // n_heads))[0].flatten(1, 2)
    right, same = head_out @ w_o, torch.eye(d_model)

    def layer(w_q: Tensor, w_k: Tensor, w_v: Tensor, mask: Tensor = mask) -> Tensor:
        return _multi_head(x, w_q, w_k, w_v, n_heads, mask) @ w_o

    with explained(_STOPS):
        out = learner.tensor(x, w_q, w_k, w_v, w_o, n_heads, shape=(B, T, d_model))
    if not unchanged(out, learner(x, w_q, w_k, w_v, w_o, n_heads)):
        raise Wrong(
            "Two calls with the same arguments give two results: something random happens inside, such as a new "
            "nn.Linear with weights of its own. The weights are given."
        )
    judge(
        out,
        right,
        {
            "W_O is missing: the heads stand side by side, but nothing mixes them. Multiply the joined heads by w_o.": head_out,
            "There is no causal mask: token 0 changes when a later token changes.": full @ w_o,
            "There is no causal mask and no W_O.": full,
            "The heads attend to each other inside one token: positions and heads are exchanged. Split, then "
            "transpose to (B, n_heads, T, d_head).": inside @ w_o,
            "There is only one head, as wide as the model: split q, k and v first.": reference(q, k, v, mask)[0] @ w_o,
            "The scores are divided by √d_model. Each dot product runs over one head: √d_head.": wide @ w_o,
            "The scores are not scaled: divide each dot product by √d_head.": unscaled @ w_o,
            "The columns sum to 1, not the rows: the softmax runs over the keys, dim=-1.": columns @ w_o,
            "The heads are joined without the transpose, which mixes tokens: use merge_heads.": no_transpose @ w_o,
            "A reshape straight to (B, n_heads, T, d_head) mixes tokens: use split_heads.": merge(mixed) @ w_o,
            "A reshape straight to (B, n_heads, T, d_head), and back, mixes tokens: use split_heads and merge_heads.": mixed.reshape(
                B, T, d_model
            )
            @ w_o,
            "w_q and w_k are not used: x is compared with itself, and most tokens look at themselves.": layer(
                same, same, w_v
            ),
            "w_v is not used: x itself is blended. The values are a map of x.": layer(w_q, w_k, same),
            "Queries and keys are exchanged: w_q makes what asks, w_k what is compared with it.": layer(w_k, w_q, w_v),
            "Keys and values are exchanged: w_k makes what is compared, w_v what is blended.": layer(w_q, w_v, w_k),
            "Queries, keys and values are made by one matrix. Each has its own.": layer(w_q, w_q, w_q),
            "The mask leaves one step of the future open: token t sees token t + 1.": layer(
                w_q, w_k, w_v, torch.ones(T, T).tril(1).bool()
            ),
            "The mask is transposed: token 0 sees the whole text, the last one only itself.": layer(
                w_q, w_k, w_v, mask.T
            ),
            "Each head takes every n_heads-th feature. A head is a block of neighbouring features.": every_third.movedim(
                1, -1
            ).flatten(2)
            @ w_o,
            "Each head takes every n_heads-th feature, and their outputs stand one behind the other. A head is a block of "
            "neighbouring features.": merge(every_third) @ w_o,
            "w_o is used transposed. It is applied like the other three, from the right.": head_out @ w_o.T,
            "The text is cut into pieces, one for each head. It is the features that are cut: every head sees all "
            "positions.": pieces @ w_o,
            "The scores are divided by √n_heads. Each dot product runs over one head: √d_head.": merge(
                reference(split_up[0], split_up[1], split_up[2], mask, scale=n_heads**-0.5)[0]
            )
            @ w_o,
            "The weights are transposed: x stands on their left.": _multi_head(x, w_q.T, w_k.T, w_v.T, n_heads, mask)
            @ w_o.T,
            "x is added already. The sum belongs to the block; return what attention writes.": x + right,
        },
        "Not right. Follow one token: its three projections, the heads, what each may see, and how the heads come together again.",
    )


def _one_head(learner: Learner) -> None:
    for n_heads, d_model in ((1, 8), (4, 16)):
        x = torch.randn(1, 4, d_model)
        weights = [torch.randn(d_model, d_model) / 2 for _ in range(4)]
        out = learner.tensor(x, *weights, n_heads, shape=(1, 4, d_model))
        w_q, w_k, w_v, w_o = weights
        right = _multi_head(x, w_q, w_k, w_v, n_heads, causal_mask(4)) @ w_o
        judge(out, right, {}, f"Not right with n_heads={n_heads} and d_model={d_model}.")
