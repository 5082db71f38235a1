"""The checks of attention and heads: three right answers each, every known mistake with its own message."""

import math

import pytest
import torch
import torch.nn.functional as F
from teeth import bite

from gpt2lab import check
from gpt2lab.attention import attention, attention_scores, merge_heads, split_heads
from gpt2lab.masking import causal_mask


def weights(q, k, mask=None, scale=None, dim=-1):
    scores = q @ k.mT * (q.shape[-1] ** -0.5 if scale is None else scale)
    return (scores if mask is None else scores.masked_fill(~mask, -torch.inf)).softmax(dim)


def blend(make_weights):
    """An attention with its own weights and the right output."""

    def answer(q, k, v, mask=None):
        w = make_weights(q, k, mask)
        return w @ v, w

    return answer


# Right answers


def in_four_lines(q, k, v, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    w = F.softmax(scores, dim=-1)
    return w @ v, w


def by_einsum(q, k, v, mask):
    scores = torch.einsum("...qd,...kd->...qk", q / q.shape[-1] ** 0.5, k)
    if mask is not None:
        scores = torch.where(mask, scores, torch.finfo(scores.dtype).min)
    scores = scores - scores.amax(-1, keepdim=True)
    w = scores.exp() / scores.exp().sum(-1, keepdim=True)
    return torch.einsum("...qk,...kd->...qd", w, v), w


def by_torch(q, k, v, mask=None):
    eye = torch.eye(k.shape[-2]).expand(*k.shape[:-1], k.shape[-2])
    w = F.scaled_dot_product_attention(q, k, eye, attn_mask=mask)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask), w


# Known mistakes


def strict_value_lookup(q, k, v, mask=None):
    w = weights(q, k, mask)
    return torch.take_along_dim(v, w.argmax(-1, keepdim=True), -2), w


def compares_values_too(q, k, v, mask=None):
    w = weights(q, k + v, mask)
    return w @ v, w


def additive_constant(value):
    def answer(q, k, v, mask=None):
        scores = q @ k.mT / math.sqrt(q.shape[-1])
        if mask is not None:
            scores = scores.masked_fill(~mask, value)
        w = scores.softmax(-1)
        return w @ v, w

    return answer


def multiplied_scores(q, k, mask):
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    return (scores if mask is None else scores * mask).softmax(-1)


def zeroed_weights(q, k, mask):
    w = weights(q, k)
    return w if mask is None else w * mask


def transposed_mask(q, k, mask):
    return weights(q, k, None if mask is None else mask.mT)


def inverted_mask(q, k, mask):
    return weights(q, k, None if mask is None else ~mask)


def naive_softmax(q, k, mask):
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    raised = scores.exp() if mask is None else scores.exp() * mask
    return raised / raised.sum(-1, keepdim=True)


def square_only(q, k, v, mask=None):
    w = weights(q, k, mask)
    assert w.shape[-1] == w.shape[-2], "as many keys as queries"
    return w @ v, w


def old_transpose(q, k):
    return q @ k.transpose(1, 2) / math.sqrt(q.shape[-1])


def layer(split=split_heads, merge=merge_heads, mask=causal_mask, scale=None, project=True):
    def answer(x, w_q, w_k, w_v, w_o, n_heads):
        q, k, v = (split(x @ w, n_heads) for w in (w_q, w_k, w_v))
        factor = x.shape[-1] ** -0.5 if scale == "d_model" else scale
        joined = merge(attention(q, k, v, mask(x.shape[1]) if mask else None, scale=factor)[0])
        return joined @ w_o if project else joined

    return answer


def layer_by_slices(x, w_q, w_k, w_v, w_o, n_heads):
    d, out = x.shape[-1] // n_heads, 0
    for h in range(n_heads):
        s = slice(h * d, (h + 1) * d)
        out = out + attention(x @ w_q[:, s], x @ w_k[:, s], x @ w_v[:, s], causal_mask(x.shape[1]))[0] @ w_o[s]
    return out


def layer_by_torch(x, w_q, w_k, w_v, w_o, n_heads):
    q, k, v = (split_heads(x @ w, n_heads) for w in (w_q, w_k, w_v))
    return merge_heads(F.scaled_dot_product_attention(q, k, v, is_causal=True)) @ w_o


def heads_inside_a_token(x, w_q, w_k, w_v, w_o, n_heads):
    q, k, v = ((x @ w).view(*x.shape[:2], n_heads, -1) for w in (w_q, w_k, w_v))
    return attention(q, k, v)[0].reshape(x.shape) @ w_o


def columns_sum_to_one(x, w_q, w_k, w_v, w_o, n_heads):
    q, k, v = (split_heads(x @ w, n_heads) for w in (w_q, w_k, w_v))
    scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~causal_mask(x.shape[1]), -torch.inf)
    return merge_heads(scores.softmax(-2) @ v) @ w_o


def straight(x, n):
    B, T, d = x.shape
    return x.reshape(B, n, T, d // n)


def whole(split):
    """A split that refuses a width which the heads do not divide."""

    def answer(x, n):
        if x.shape[-1] % n:
            raise ValueError(f"{x.shape[-1]} features cannot be cut into {n} heads")
        return split(x, n)

    return answer


def bare_view(x, n):
    B, T, d_model = x.shape
    return x.view(B, T, n, d_model // n).transpose(1, 2)


def asserting(x, n):
    assert x.shape[-1] % n == 0, "n_heads must divide the width"
    return bare_view(x, n)


def shifted_by_the_largest_of_all(scores):
    raised = (scores - scores.max()).exp()
    return raised / raised.sum(-1, keepdim=True)


def mask_times_infinity(q, k, mask=None):
    scores = q @ k.mT / q.shape[-1] ** 0.5
    if mask is not None:
        scores = scores + ~mask * -torch.inf
    return scores.softmax(-1)


def hidden_future(q, k):
    scores = q @ k.mT / q.shape[-1] ** 0.5
    return scores.masked_fill(~causal_mask(q.shape[-2], k.shape[-2]), -torch.inf)


def eye(weight):
    return torch.eye(len(weight))


def with_mask(make):
    def answer(x, w_q, w_k, w_v, w_o, n):
        q, k, v = (split_heads(x @ w, n) for w in (w_q, w_k, w_v))
        scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~make(x.shape[1]), -torch.inf)
        return (scores.softmax(-1) @ v).transpose(1, 2).flatten(2) @ w_o

    return answer


def both_merged(x, w_q, w_k, w_v, w_o, n):
    q, k, v = (split_heads(x @ w, n) for w in (w_q, w_k, w_v))
    return attention(q, k, v, causal_mask(x.shape[1])).transpose(1, 2).flatten(2) @ w_o


def both_multiplied(x, w_q, w_k, w_v, w_o, n):
    return attention(x @ w_q, x @ w_k, x @ w_v, causal_mask(x.shape[1])) @ w_o


def both_joined(x, w_q, w_k, w_v, w_o, n):
    heads = zip(*(split_heads(x @ w, n).unbind(1) for w in (w_q, w_k, w_v)), strict=True)
    return torch.cat([attention(q, k, v, causal_mask(x.shape[1])) for q, k, v in heads], dim=-1) @ w_o


def both_linear(x, w_q, w_k, w_v, w_o, n):
    return torch.matmul(attention(x @ w_q, x @ w_k, x @ w_v, causal_mask(x.shape[1])), w_o)


def every_nth(x, n):
    return x.unflatten(-1, (-1, n)).movedim(-1, 1)


def in_pieces(x, w_q, w_k, w_v, w_o, n):
    return torch.cat([layer()(piece, w_q, w_k, w_v, w_o, 1) for piece in x.chunk(n, dim=1)], dim=1)


RIGHT = {
    "softmax": [
        lambda s: s.softmax(-1),
        lambda s: (s - s.logsumexp(-1, keepdim=True)).exp(),
        lambda s: (lambda e: e / e.sum(-1, keepdim=True))((s - s.max(-1, keepdim=True).values).exp()),
    ],
    "attention_scores": [
        lambda q, k: q @ k.transpose(-2, -1) / math.sqrt(k.shape[-1]),
        lambda q, k: attention_scores(q, k),
        lambda q, k: torch.einsum("...id,...jd->...ij", q, k) * q.shape[-1] ** -0.5,
    ],
    "attention": [in_four_lines, by_einsum, by_torch, lambda q, k, v, mask: list(in_four_lines(q, k, v, mask))],
    "multi_head_attention": [layer(), layer_by_slices, layer_by_torch],
    "split_heads": [
        whole(lambda x, n: x.view(*x.shape[:2], n, x.shape[-1] // n).transpose(1, 2)),
        whole(lambda x, n: x.unflatten(-1, (n, -1)).permute(0, 2, 1, 3)),
        split_heads,
        lambda x, n: (
            torch.stack(x.split(x.shape[-1] // n, dim=-1), dim=1).reshape(len(x), n, x.shape[1], -1)
            if x.shape[-1] % n == 0
            else int("no whole number")
        ),
    ],
    "merge_heads": [
        lambda x: x.transpose(1, 2).flatten(2),
        lambda x: x.permute(0, 2, 1, 3).reshape(x.shape[0], x.shape[2], -1),
        lambda x: torch.cat(x.unbind(1), dim=-1),
    ],
}
WRONG = {
    "softmax": [
        (lambda s: s.exp() / s.exp().sum(), "All numbers of the tensor together"),
        (lambda s: s.softmax(1) if s.ndim > 2 else s.softmax(0), "The columns sum to 1"),
        (lambda s: s.softmax(0), "The sum runs over the first axis"),
        (lambda s: s / s.sum(-1, keepdim=True), "without exp"),
        (lambda s: s.exp(), "divide them by their sum"),
        (lambda s: s.log_softmax(-1), "the logarithm of the softmax"),
        (lambda s: s.exp() / s.exp().sum(-1, keepdim=True), "exp(1000) is infinite"),
        (lambda s: 2**s / (2**s).sum(-1, keepdim=True), "Powers of 2"),
        (lambda s: (s - s.amax(-1, keepdim=True)).exp(), "now divide each row by its sum"),
        (lambda s: (s / s.amax(-1, keepdim=True)).softmax(-1), "Divided by the largest score"),
        (lambda s: s.abs() / s.abs().sum(-1, keepdim=True), "The absolute values"),
        (lambda s: s.sigmoid(), "a sigmoid of each score"),
        (lambda s: (-s).softmax(-1), "The signs are turned"),
        (lambda s: s**2 / (s**2).sum(-1, keepdim=True), "The squares are divided"),
        (
            lambda s: (s - s.amin(-1, keepdim=True)) / (s - s.amin(-1, keepdim=True)).sum(-1, keepdim=True),
            "smallest score",
        ),
        (lambda s: F.one_hot(s.argmax(-1), s.shape[-1]).float(), "takes everything"),
        (lambda s: torch.full_like(s, 1 / s.shape[-1]), "do not count"),
        (lambda s: s.sub_(s.amax(-1, keepdim=True)).softmax(-1), "argument scores in place"),
        (lambda s: s.softmax(-1) * 0.9, "a score that is larger by 1"),
        (shifted_by_the_largest_of_all, "the largest score of the whole tensor is subtracted"),
    ],
    "attention_scores": [
        (lambda q, k: q @ k.mT, "not scaled"),
        (lambda q, k: q @ k.mT / q.shape[-1], "Divided by d_head. Divide by its root"),
        (lambda q, k: q @ k.mT * math.sqrt(q.shape[-1]), "Multiplied by √d_head"),
        (lambda q, k: q @ k.mT / math.sqrt(k.shape[-2]), "the number of keys"),
        (lambda q, k: q @ k.mT / math.sqrt(q.shape[-1] * (q.shape[1] if q.ndim > 3 else 1)), "√d_model"),
        (lambda q, k: q @ k.mT / math.sqrt(q.shape[1]), "the root of the number of heads"),
        (lambda q, k: q @ k.mT / math.sqrt(len(q)), "the root of the batch's size"),
        (lambda q, k: q @ k.mT / 8, "Divided by 8, whatever the width"),
        (lambda q, k: q @ k.mT / 4, "Divided by 4, whatever the width"),
        (lambda q, k: F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).mT, "brought to length 1"),
        (lambda q, k: k @ q.mT / math.sqrt(q.shape[-1]), "Rows and columns are exchanged"),
        (lambda q, k: (q @ k.mT / math.sqrt(q.shape[-1])).softmax(-1), "The softmax is already in it"),
        (lambda q, k: -torch.cdist(q, k), "These are distances"),
        (lambda q, k: q @ q.mT / q.shape[-1] ** 0.5, "compared with themselves"),
        (lambda q, k: (q @ k.mT).abs() / q.shape[-1] ** 0.5, "The signs are lost"),
        (lambda q, k: hidden_future(q, k), "The mask comes later"),
        (lambda q, k: q @ k.mT / q.shape[-1] ** 0.5 + 1, "Compute one by hand"),
        (old_transpose, "transpose(1, 2) exchanges the axes 1 and 2"),
        (lambda q, k: q * k / math.sqrt(q.shape[-1]), "one score for each query and each key"),
    ],
    "attention": [
        (blend(lambda q, k, m: weights(q, k, m, scale=1.0)), "The scores are not scaled: divide q·k"),
        (blend(lambda q, k, m: weights(q, k, m, scale=1 / q.shape[-1])), "Divided by d_head"),
        (blend(lambda q, k, m: weights(q, k, m, scale=q.shape[-1] ** 0.5)), "Multiplied by √d_head"),
        (blend(lambda q, k, m: weights(q, k, m, dim=-2)), "The columns sum to 1, not the rows: softmax"),
        (blend(lambda q, k, m: weights(q, k, m, scale=1.0, dim=-2)), "and the scores are not scaled"),
        (blend(lambda q, k, m: weights(q, k, m, dim=1)), "The softmax runs over the heads"),
        (blend(lambda q, k, m: q @ k.mT / q.shape[-1] ** 0.5), "These are the scores"),
        (blend(lambda q, k, m: q @ k.mT), "These are the raw dot products"),
        (
            blend(lambda q, k, m: weights(q, k, m, scale=1.0) / q.shape[-1] ** 0.5),
            "The division stands after the softmax",
        ),
        (blend(mask_times_infinity), "0 · (−inf) is NaN"),
        (blend(lambda q, k, m: weights(k, q, m)), "Rows and columns are exchanged"),
        (blend(lambda q, k, m: weights(q, k, causal_mask(k.shape[-2]))), "here the future is hidden"),
        (blend(lambda q, k, m: weights(q, k)), "The mask is ignored"),
        (blend(inverted_mask), "read the wrong way round"),
        (blend(transposed_mask), "position 2 sees position 5: is the mask transposed?"),
        (blend(multiplied_scores), "set to 0. exp(0) is 1"),
        (blend(zeroed_weights), "*after* the softmax"),
        (additive_constant(0.1), "Hidden keys still get up to"),
        (additive_constant(-1e4), "With large scores, hidden keys get"),
        (blend(naive_softmax), "exp overflows"),
        (compares_values_too, "Values take no part in the comparison"),
        (strict_value_lookup, "*blend* of all values"),
        (lambda q, k, v, m=None: (weights(q, k, m), weights(q, k, m)), "one vector for each query"),
        (lambda q, k, v, m=None: (weights(q, k, m).mT @ v, weights(q, k, m)), "The weights are transposed"),
        (lambda q, k, v, m=None: (weights(q, k, m) @ k, weights(q, k, m)), "The keys are blended"),
        (lambda q, k, v, m=None: (v + 0, weights(q, k, m)), "This is v itself"),
        (
            lambda q, k, v, m=None: ((weights(q, k, m) @ v).sum(-2), weights(q, k, m)),
            "The positions have been summed up",
        ),
        (
            lambda q, k, v, m=None: (weights(q, k, m)[..., None] * v[..., None, :, :], weights(q, k, m)),
            "have not been summed",
        ),
        (lambda q, k, v, m=None: (weights(q, k, m), weights(q, k, m) @ v), "The two results are exchanged"),
        (lambda q, k, v, m=None: weights(q, k, m) @ v, "Return two tensors: out, attn_weights"),
        (square_only, "as many keys as queries"),
    ],
    "multi_head_attention": [
        (layer(project=False), "W_O is missing"),
        (layer(mask=None), "There is no causal mask: token 0"),
        (layer(mask=None, project=False), "no causal mask and no W_O"),
        (heads_inside_a_token, "attend to each other inside one token"),
        (layer(split=lambda x, n: x, merge=lambda x: x), "There is only one head"),
        (layer(scale="d_model"), "divided by √d_model"),
        (layer(scale=1.0), "The scores are not scaled: divide each"),
        (columns_sum_to_one, "over the keys, dim=-1"),
        (layer(split=straight), "A reshape straight to (B, n_heads, T, d_head) mixes tokens: use split_heads"),
        (layer(merge=lambda x: x.reshape(len(x), x.shape[2], -1)), "joined without the transpose"),
        (layer(split=straight, merge=lambda x: x.reshape(len(x), x.shape[2], -1)), "and back, mixes tokens"),
        (lambda x, q, k, v, o, n: layer()(x, q.T, k.T, v.T, o.T, n), "The weights are transposed"),
        (lambda x, q, k, v, o, n: x + layer()(x, q, k, v, o, n), "x is added already"),
        (lambda x, q, k, v, o, n: layer()(x, eye(q), eye(k), v, o, n), "w_q and w_k are not used"),
        (lambda x, q, k, v, o, n: layer()(x, q, k, eye(v), o, n), "w_v is not used"),
        (lambda x, q, k, v, o, n: layer()(x, k, q, v, o, n), "Queries and keys are exchanged"),
        (lambda x, q, k, v, o, n: layer()(x, q, v, k, o, n), "Keys and values are exchanged"),
        (lambda x, q, k, v, o, n: layer()(x, q, q, q, o, n), "made by one matrix"),
        (lambda x, q, k, v, o, n: layer()(x, q, k, v, o.T, n), "w_o is used transposed"),
        (lambda x, *w: layer()(x, *map(torch.randn_like, w[:4]), w[4]), "Two calls with the same arguments"),
        (with_mask(lambda T: torch.ones(T, T).tril(1).bool()), "one step of the future open"),
        (with_mask(lambda T: causal_mask(T).T), "The mask is transposed"),
        (layer(split=every_nth, merge=lambda x: x.movedim(1, -1).flatten(2)), "every n_heads-th feature. A head"),
        (layer(split=every_nth), "one behind the other"),
        (in_pieces, "The text is cut into pieces"),
        (lambda x, *w: layer(scale=w[4] ** -0.5)(x, *w), "divided by √n_heads"),
        (both_merged, "an output and its maps"),
        (lambda x, *w: 2 * layer()(x, *w), "Not right. Follow one token"),
    ],
    "split_heads": [
        (bare_view, "by accident, with RuntimeError"),
        (asserting, "with AssertionError"),
        (lambda x, n: x.view(*x.shape[:2], n, -1), "The heads are there, but after the positions"),
        (lambda x, n: x.reshape(-1, n, x.shape[-1] // n), "Batch and positions have been merged"),
        (lambda x, n: x.reshape(len(x), n, x.shape[1], -1), "a reshape straight to"),
        (lambda x, n: x.unflatten(-1, (-1, n)).permute(0, 3, 1, 2), "takes every third feature"),
        (lambda x, n: x.unflatten(-1, (n, -1)).permute(0, 2, 3, 1), "The last two axes are exchanged"),
        (lambda x, n: x.unflatten(-1, (n, -1)).permute(2, 0, 1, 3), "batch and heads are exchanged"),
        (lambda x, n: x[:, : x.shape[1] // n * n].unflatten(1, (n, -1)), "*positions* have been cut"),
        (lambda x, n: x.unflatten(-1, (-1, n)).transpose(1, 2), "the number of heads, not their width"),
        (
            lambda x, n: x.reshape(len(x), -1, n, x.shape[-1] // n).transpose(1, 2),
            "10 features cannot be cut into 3 equal heads",
        ),
    ],
    "merge_heads": [
        (lambda x: x.reshape(len(x), x.shape[2], -1), "a reshape without the transpose"),
        (lambda x: x.sum(1), "have been added up"),
        (lambda x: x.flatten(1, 2), "joined along the positions"),
        (lambda x: x.transpose(1, 2), "Now flatten the last two axes"),
        (lambda x: x.permute(0, 2, 3, 1).flatten(2), "interleaved"),
        (lambda x: x[:, 0], "Only the first head"),
        (lambda x: torch.cat(x.flip(1).unbind(1), dim=-1), "in reversed order"),
        (lambda x: x.permute(2, 0, 1, 3).flatten(2), "Batch and positions are exchanged"),
        (lambda x: x.transpose(1, 2).flatten(2).mT, "The last two axes are exchanged"),
        (lambda x: x.transpose(1, 2).flatten(2).flatten(0, 1), "Batch and positions have been merged"),
        (lambda x: x.transpose(1, 2).reshape(2, 5, 12), "stops at"),
        (lambda x: x.transpose(1, 2).flatten(2).cumsum(-1), "it must undo split_heads exactly"),
    ],
}
test_accepts, test_refuses, test_messages_differ = bite(RIGHT, WRONG)


@pytest.mark.parametrize("answer", [both_merged, both_multiplied, both_joined, both_linear])
def test_who_forgets_that_attention_returns_two_is_told_so(answer):
    message = check.multi_head_attention(answer).message
    assert "an output and its maps" in message and "Error" not in message
