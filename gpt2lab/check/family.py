"""Checks for GPT-2's relatives: cross-attention, the decoder layer of 2017, and the vector a classifier reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from gpt2lab.attention import attention
from gpt2lab.check.base import Answer, CheckResult, Wrong, as_tensors, judge
from gpt2lab.check.learner import Learner, examine
from gpt2lab.errors import validates

Map: TypeAlias = Callable[[Tensor], Tensor]
Step: TypeAlias = Callable[[Tensor, Map, Map], Tensor]  # the stream, a part and its norm -> the stream after it


@validates
def cross_attention(function: Answer) -> CheckResult:
    """``my_cross_attention(x, memory, w_q, w_k, w_v, source_mask)`` -> (out, attn_weights), one head.

    ``source_mask`` is (B, S) bool, True = a real token; the weights are applied as ``x @ w``.
    """
    return examine("cross_attention", function, "x memory w_q w_k w_v source_mask", _cross, _no_padding, _longer)


def _cross_case(T: int, S: int, B: int = 2) -> tuple[Tensor, ...]:
    x, memory = torch.randn(B, T, 6), torch.randn(B, S, 6)
    w_q, w_k, w_v = (torch.randn(6, 4) / 2 for _ in range(3))
    mask = torch.arange(S) < torch.tensor([[S], [S - 2]] if B == 2 else [[S]])  # (B, S)
    return x, memory, w_q, w_k, w_v, mask


def _answer(learner: Learner, case: tuple[Tensor, ...], T: int, S: int) -> tuple[Tensor, Tensor]:
    out, weights = as_tensors(learner(*case), learner.name, ("out", "attn_weights"))
    if out.shape[-1:] == weights.shape[-1:] != (4,) or out.shape == (len(case[0]), T, S):
        raise Wrong("The two results are exchanged: first what is handed over, then the weights.")
    if weights.shape[-2:] == (S, T) != (T, S):
        raise Wrong(
            f"The weights are {tuple(weights.shape)}: one row for each word of the source. It is the target that asks, "
            f"so there must be one row for each of its {T} positions."
        )
    if weights.shape[-2:] == (T, T) != (T, S):
        raise Wrong("The target attends to itself: that is self-attention. The keys must come from the other text.")
    if weights.shape[-2:] == (S, S) != (T, S):
        raise Wrong("The source attends to itself: that is the encoder's self-attention. The target has to ask.")
    if out.shape[-2:] == (S, 4) != (T, 4):
        raise Wrong("There is one result for each word of the source. There must be one for each target position.")
    return out, weights


def _cross(learner: Learner) -> None:
    T, S = 3, 5
    case = x, memory, w_q, w_k, w_v, mask = _cross_case(T, S)
    out, weights = _answer(learner, case, T, S)
    q, k, v = x @ w_q, memory @ w_k, memory @ w_v
    real = mask[:, None, :]
    right_out, right = attention(q, k, v, real)
    causal = torch.ones(T, S, dtype=torch.bool).tril()
    scores = q @ k.transpose(-2, -1)
    open_to_all = attention(q, k, v)[1]
    judge(weights, right, {
        "The padding of the source is still looked at: nothing is hidden before the softmax.": open_to_all,
        "The mask hides what it should show: True means a real token.": attention(q, k, v, ~real)[1],
        "There is a causal mask. The source is known as a whole: position 0 of the target may see all of it.":
            attention(q, k, v, real & causal)[1],
        "The weights of the padding are set to zero after the softmax, so the rows no longer sum to 1.":
            open_to_all * real,
        "The scores are not divided by the root of the head's width.": attention(q, k, v, real, scale=1.0)[1],
        "The scores are divided by the root of d_model. Each dot product runs over the head's width.":
            attention(q, k, v, real, scale=6**-0.5)[1],
        "The softmax runs over the target positions. Each row must sum to 1 over the source.":
            (scores / 2).masked_fill(~real, -torch.inf).softmax(dim=-2),
        "w_q and w_k are exchanged.": attention(x @ w_k, memory @ w_q, v, real)[1],
        "The hidden scores are 0, which is not small: the padding keeps some weight.":
            (scores / 2).masked_fill(~real, 0.0).softmax(dim=-1),
        "These are scores. The softmax is missing.": (scores / 2).masked_fill(~real, -torch.inf),
    }, "The weights are not right: who asks, who is compared, and what must be hidden?")  # fmt: skip
    judge(out, right_out, {
        "The weights are right, but the raw memory is blended: w_v is not used.":
            right @ memory[..., :4],
        "The weights are right, but what is blended was made by w_k. The values have a matrix of their own.": right @ k,
    }, "The weights are right; what do they blend?")  # fmt: skip


def _no_padding(learner: Learner) -> None:
    case = x, memory, w_q, w_k, w_v, mask = _cross_case(4, 4, B=1)
    out, weights = as_tensors(learner(*case), learner.name, ("out", "attn_weights"))
    expected = attention(x @ w_q, memory @ w_k, memory @ w_v, mask[:, None, :])
    own = attention(x @ w_q, x @ w_k, memory @ w_v)[1]
    judge(weights, expected[1], {"The keys come from the target. They must come from the other text.": own},
          "Not right where source and target are equally long.")  # fmt: skip
    judge(out, expected[0], {
        "The values come from the target. What is handed over must come from the other text.":
            expected[1] @ (x @ w_v),
    }, "Not right where source and target are equally long: what is blended?")  # fmt: skip


def _longer(learner: Learner) -> None:
    T, S = 6, 3
    case = x, memory, w_q, w_k, w_v, mask = _cross_case(T, S)
    out, weights = _answer(learner, case, T, S)
    expected = attention(x @ w_q, memory @ w_k, memory @ w_v, mask[:, None, :])
    judge(weights, expected[1], {}, "Not right for a target that is longer than its source.")
    judge(out, expected[0], {}, "Not right for a target that is longer than its source.")


@validates
def decoder_layer(function: Answer) -> CheckResult:
    """``my_decoder_layer(x, memory, attn, cross_attn, ffn, ln_1, ln_2, ln_3)`` -> x, post-LN as in 2017.

    ``attn`` and ``ffn`` take one tensor, ``cross_attn`` takes x and the memory.
    """
    return examine("decoder_layer", function, "x memory attn cross_attn ffn ln_1 ln_2 ln_3", _decoder, _other_parts)


def _decoder(learner: Learner) -> None:
    x, memory = 2 * torch.randn(2, 4, 8), torch.randn(2, 6, 8)
    w, gains = torch.randn(3, 8, 8), 0.5 + torch.rand(3, 8)

    def attn(x: Tensor) -> Tensor:
        return torch.tanh(x @ w[0])

    def cross(x: Tensor, memory: Tensor) -> Tensor:
        return torch.tanh(x @ w[1] @ memory.transpose(-2, -1)) @ memory

    def ffn(x: Tensor) -> Tensor:
        return (x @ w[2]).relu()

    def norm(gain: Tensor) -> Map:
        return lambda x: F.layer_norm(x, (8,), gain)

    norms = [norm(gain) for gain in gains]
    ln_1, ln_2, ln_3 = norms

    def layer(parts: list[Map], norms: list[Map], step: Step = lambda y, part, ln: ln(y + part(y))) -> Tensor:
        y = x
        for part, ln in zip(parts, norms, strict=True):
            y = step(y, part, ln)
        return y

    def reads(y: Tensor) -> Tensor:
        return cross(y, memory)

    def rest(y: Tensor, crossed: Tensor | None = None) -> Tensor:
        """What follows self-attention, or, given ``crossed``, cross-attention."""
        y = ln_2(y + reads(y)) if crossed is None else crossed
        return ln_3(y + ffn(y))

    first = ln_1(x + attn(x))
    second = ln_2(first + reads(first))
    mistakes = {
        "This is pre-LN, the arrangement of GPT-2: the norms stand on the branches. In 2017 they stand on the stream, "
        "after each sum.": layer([attn, reads, ffn], norms, lambda y, part, ln: y + part(ln(y))),
        "Each norm stands on what a part returns, before the sum. In 2017 it follows the sum.":
            layer([attn, reads, ffn], norms, lambda y, part, ln: y + ln(part(y))),
        "Each norm stands on the stream alone, before the sum. In 2017 it follows the sum.":
            layer([attn, reads, ffn], norms, lambda y, part, ln: ln(y) + part(y)),
        "Cross-attention reads the target itself: that is self-attention again. It must read the memory.":
            layer([attn, lambda y: cross(y, y), ffn], norms),
        "Cross-attention is left out, and its norm with it: this is an encoder layer.":
            layer([attn, ffn], [ln_1, ln_3]),
        "Cross-attention is left out: this is an encoder layer. The third norm is left over.":
            layer([attn, ffn], [ln_1, ln_2]),
        "Cross-attention comes before self-attention. First the target looks at itself, then at the source.":
            layer([reads, attn, ffn], norms),
        "The feed-forward network comes before cross-attention. It is the last of the three parts.":
            layer([attn, ffn, reads], norms),
        "The stream is missing around cross-attention: each of the three parts is added to what went in.":
            rest(first, ln_2(reads(first))),
        "The stream is missing around the feed-forward network.": ln_3(ffn(second)),
        "The stream is missing around self-attention.": rest(ln_1(attn(x))),
        "The stream is missing everywhere: nothing is added.": ln_3(ffn(ln_2(reads(ln_1(attn(x)))))),
        "No norm is used.": layer([attn, reads, ffn], [lambda y: y] * 3),
        "ln_1 is used three times. Each sum has its own norm.": layer([attn, reads, ffn], [ln_1] * 3),
        "The norms are exchanged: ln_2 follows cross-attention, ln_3 follows the feed-forward network.":
            layer([attn, reads, ffn], [ln_1, ln_3, ln_2]),
        "Cross-attention starts from the layer's input. It must start from what self-attention made of it.":
            rest(first, ln_2(first + reads(x))),
        "The second sum starts from the layer's input: what self-attention added is lost.":
            rest(first, ln_2(x + reads(first))),
        "The last sum starts from the layer's input: what both attentions added is lost.": ln_3(x + ffn(second)),
        "The last sum starts from what self-attention made: what cross-attention added is lost.":
            ln_3(first + ffn(second)),
        "The last norm is missing.": second + ffn(second),
        "The three parts run side by side, from the same input. They follow each other.":
            ln_3(x + attn(x) + reads(x) + ffn(x)),
        "The feed-forward network is missing: this stops after cross-attention.": second,
    }  # fmt: skip
    for_shape = learner.tensor(x, memory, attn, cross, ffn, *norms)
    if for_shape.shape == memory.shape:
        raise Wrong(
            "There is one vector for each token of the source: cross_attn was called with its arguments exchanged, or "
            "the memory went through the layer. It is x that passes; the memory is only read."
        )
    judge(
        learner.tensor(x, memory, attn, cross, ffn, *norms, shape=tuple(x.shape)),
        layer([attn, reads, ffn], norms),
        mistakes,
        "Not right: three parts, and around each a sum and, after it, a norm.",
    )


def _other_parts(learner: Learner) -> None:
    x, memory, w = torch.randn(1, 3, 6), torch.randn(1, 2, 6), torch.randn(3, 6, 6)

    def norm(x: Tensor) -> Tensor:
        return F.layer_norm(x, (6,))

    def reads(x: Tensor, memory: Tensor) -> Tensor:
        return (x @ w[1] @ memory.mT) @ memory

    y = norm(x + x @ w[0])
    y = norm(y + reads(y, memory))
    out = learner.tensor(x, memory, lambda x: x @ w[0], reads, lambda x: x @ w[2], norm, norm, norm, shape=(1, 3, 6))
    judge(out, norm(y + y @ w[2]), {}, "Not right for other parts and sizes: is one of them fixed in your function?")


@validates
def last_real(function: Answer) -> CheckResult:
    """``my_read(hidden, mask)`` -> (B, d_model), the vector of each row's last real token.

    ``mask`` is (B, T) bool, True = a real token; the padding may stand before or after the tokens.
    """
    return examine("last_real", function, "hidden mask", _padded_right, _padded_left)


def _reads(hidden: Tensor, mask: Tensor) -> Tensor:
    places = torch.arange(mask.shape[1]).expand_as(mask).masked_fill(~mask, -1)  # (B, T)
    return hidden[torch.arange(len(hidden)), places.max(dim=1).values]


def _padded_right(learner: Learner) -> None:
    hidden = torch.randn(3, 6, 4)
    lengths = torch.tensor([6, 2, 4])
    mask = torch.arange(6) < lengths[:, None]
    out = learner.tensor(hidden, mask)
    if out.shape == (3,) and not out.is_floating_point():
        raise Wrong("These are places. Return the vectors that stand there: (B, d_model).")
    if out.shape == (3, 3, 4):
        raise Wrong("Every row is read at the places of all rows: index the rows too, with 0 … B - 1.")
    if out.shape == (3, 1, 4):
        raise Wrong("An axis of length 1 is left over: the result is (B, d_model).")
    masked = hidden * mask[..., None]
    judge(learner.tensor(hidden, mask, shape=(3, 4)), _reads(hidden, mask), {
        "Every row is read at the last column, where shorter rows have only padding.": hidden[:, -1],
        "Every row is read at its first token, which has seen nothing but itself.": hidden[:, 0],
        "This is the mean over all positions, padding included.": hidden.mean(dim=1),
        "This is the mean over the real tokens. It is the last of them that is asked for.":
            masked.sum(dim=1) / lengths[:, None],
        "Every row is read one place too late: the last of n tokens stands at n - 1.":
            hidden[torch.arange(3), lengths.clamp(max=5)],
        "The largest value of each feature is taken. It is one token's vector that is asked for.":
            hidden.amax(dim=1),
        "Every row is read one place too early.": hidden[torch.arange(3), lengths - 2],
    }, "Not right for rows that are padded after their tokens.")  # fmt: skip


def _padded_left(learner: Learner) -> None:
    hidden = torch.randn(3, 6, 4)
    lengths = torch.tensor([6, 2, 4])
    mask = torch.arange(6) >= 6 - lengths[:, None]
    judge(learner.tensor(hidden, mask, shape=(3, 4)), _reads(hidden, mask), {
        "Right where the padding follows the tokens. Here it stands in front of them, and counting the real tokens no "
        "longer says where the last one is.": hidden[torch.arange(3), lengths - 1],
    }, "Right where the padding follows the tokens, not where it stands in front of them.")  # fmt: skip
    mixed = torch.tensor([[True, True, False, False], [False, True, True, False], [False, False, False, True]])
    hidden = torch.randn(3, 4, 4)
    judge(
        learner.tensor(hidden, mask := mixed, shape=(3, 4)), _reads(hidden, mask), {},
        "Not right where one row is padded on both sides.",
    )  # fmt: skip
