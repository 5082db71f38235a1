"""The Transformer of 2017 by hand, in stages: attention, encoder layer, decoder layer, the whole, its loss.

One head, no biases, no gains, post-LN, ReLU. The weights come in dicts: an encoder layer has ``q k v o``
(d_model, d_model), ``up`` (d_model, d_ff) and ``down`` (d_ff, d_model), each to be multiplied from the right;
a decoder layer also has ``cross_q cross_k cross_v cross_o``. The whole has ``embed`` (vocab_size, d_model),
``positions`` (length, d_model), and under ``encoder`` and ``decoder`` one layer each. Unlike the paper, the
embeddings are not multiplied by the root of d_model.

Source: Vaswani et al. 2017, sections 3.1 to 3.4, figure 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from gpt2lab.attention import attention, causal_mask
from gpt2lab.check.base import Answer, CheckResult, NotDone, Wrong, as_number, judge
from gpt2lab.check.learner import Learner, examine
from gpt2lab.errors import validates

Layer = dict[str, Tensor]
Weights = dict[str, Tensor | Layer]
Change = Callable[[Tensor], Tensor]
D, D_FF, VOCABULARY, LENGTH = 8, 16, 11, 12


@validates
def by_hand(
    attend: Answer, encoder_layer: Answer, decoder_layer: Answer, transformer: Answer, training_loss: Answer
) -> CheckResult:
    """Five functions, checked in this order.

    ``attend(q, k, v, mask)``, True = may attend, None: everything; ``encoder_layer(x, w)``;
    ``decoder_layer(y, memory, w)``; ``transformer(source, target, w)`` -> logits (B, T_target, vocab_size);
    ``training_loss(source, target, w)`` -> mean nats of each target token after the first, given those before it.
    """
    stages = (
        ("attend", attend, "q k v mask", _attend),
        ("encoder_layer", encoder_layer, "x w", _encoder_layer),
        ("decoder_layer", decoder_layer, "y memory w", _decoder_layer),
        ("transformer", transformer, "source target w", _transformer),
    )

    def staged(last: Learner) -> None:
        for number, (name, function, parameters, trial) in enumerate(stages):
            _stage(number, name, partial(Learner, function, tuple(parameters.split()), last.patience), trial)
        _stage(len(stages), "training_loss", lambda: last, _training_loss)

    return examine("by_hand", training_loss, "source target w", staged)


def _stage(number: int, name: str, make: Callable[[], Learner], trial: Callable[[Learner], None]) -> None:
    """Run the trial of one stage; what it raises says which stage it was."""
    try:
        trial(make())
    except NotDone:
        if number == 0:
            raise
        raise Wrong(f"{'Stage 1 passes' if number == 1 else f'Stages 1 to {number} pass'}. Next: {name}.") from None
    except Wrong as wrong:
        raise Wrong(f"Stage {number + 1} of 5, {name}: {wrong}") from None


# The reference, with one switch for each mistake


def _attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, scale: float | None = None) -> Tensor:
    return attention(q, k, v, mask, scale=scale)[0]


def _norm(x: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:])


def _feed(x: Tensor, w: Layer) -> Tensor:
    return (x @ w["up"]).relu() @ w["down"]


def _self(x: Tensor, w: Layer, mask: Tensor | None = None) -> Tensor:
    return _attention(x @ w["q"], x @ w["k"], x @ w["v"], mask) @ w["o"]


def _cross(y: Tensor, memory: Tensor, w: Layer, mask: Tensor | None = None) -> Tensor:
    q, k, v = y @ w["cross_q"], memory @ w["cross_k"], memory @ w["cross_v"]
    return _attention(q, k, v, mask) @ w["cross_o"]


def _encode(x: Tensor, w: Layer) -> Tensor:
    x = _norm(x + _self(x, w))
    return _norm(x + _feed(x, w))


def _decode(y: Tensor, memory: Tensor, w: Layer, mask: Tensor | None) -> Tensor:
    y = _norm(y + _self(y, w, mask))
    y = _norm(y + _cross(y, memory, w))
    return _norm(y + _feed(y, w))


# The trials


def _attend(learner: Learner) -> None:
    q, k, v = torch.randn(2, 3, 4), torch.randn(2, 5, 4), torch.randn(2, 5, 6)
    judge(
        learner.tensor(q, k, v, None, shape=(2, 3, 6)),
        _attention(q, k, v, None),
        {
            "the scores are not divided by the root of the width.": _attention(q, k, v, None, 1.0),
            "the scores are divided by the width. Divide by its root.": _attention(q, k, v, None, 0.25),
            "the softmax runs over the queries. Each query shares out its weights over the keys: dim=-1.": (
                q @ k.mT / 2
            ).softmax(-2)
            @ v,
            "there is no softmax.": q @ k.mT / 2 @ v,
        },
        "not right without a mask: which scores, what makes shares of them, what is blended?",
    )
    q, k, v, mask = torch.randn(2, 4, 4), torch.randn(2, 4, 4), torch.randn(2, 4, 6), causal_mask(4)
    weights = (q @ k.mT / 2).softmax(-1)
    judge(
        learner.tensor(q, k, v, mask, shape=(2, 4, 6)),
        _attention(q, k, v, mask),
        {
            "the mask is not used.": _attention(q, k, v, None),
            "the mask is turned around: True means may attend.": _attention(q, k, v, ~mask),
            "weights are set to zero after the softmax, so that a row no longer sums to 1. Mask the scores.": weights
            * mask
            @ v,
            "masked scores become 0, and exp(0) is not nothing. Use -inf.": (q @ k.mT / 2)
            .masked_fill(~mask, 0.0)
            .softmax(-1)
            @ v,
        },
        "not right with a mask.",
    )


def _encoder_layer(learner: Learner) -> None:
    x, w = torch.randn(2, 5, D), _layer()
    pre = x + _self(_norm(x), w)
    judge(
        learner.tensor(x, w, shape=(2, 5, D)),
        _encode(x, w),
        {
            "a causal mask is at work. An encoder reads in both directions.": _norm(
                (h := _norm(x + _self(x, w, causal_mask(5)))) + _feed(h, w)
            ),
            "the norms stand before the parts, as in GPT-2. In 2017 they stood after the sums.": pre
            + _feed(_norm(pre), w),
            "nothing is added: x + part, then the norm.": _norm(_feed(_norm(_self(x, w)), w)),
            "there is no norm.": (h := x + _self(x, w)) + _feed(h, w),
            "there is one norm, at the end. There is one after each sum.": _norm((h := x + _self(x, w)) + _feed(h, w)),
            "the feed-forward network is missing.": _norm(x + _self(x, w)),
            "the attention is missing.": _norm(x + _feed(x, w)),
            "the output matrix o is not used.": _norm(
                (h := _norm(x + _attention(x @ w["q"], x @ w["k"], x @ w["v"], None))) + _feed(h, w)
            ),
            "the activation is GELU. In 2017 it was ReLU.": _norm(
                (h := _norm(x + _self(x, w))) + F.gelu(h @ w["up"]) @ w["down"]
            ),
        },
        "not right: two parts, each with a sum and a norm after it.",
    )


def _decoder_layer(learner: Learner) -> None:
    y, memory, w = torch.randn(2, 4, D), torch.randn(2, 4, D), _layer()
    seen = _norm(y + _self(y, w, causal_mask(4)))
    crossed = _norm(seen + _cross(seen, memory, w))
    judge(
        learner.tensor(y, memory, w, shape=(2, 4, D)),
        _decode(y, memory, w, causal_mask(4)),
        {
            "its self-attention sees the future: it needs the causal mask.": _decode(y, memory, w, None),
            "the cross-attention is masked as well. All of the source may be read at every step.": _norm(
                (h := _norm(seen + _cross(seen, memory, w, causal_mask(4)))) + _feed(h, w)
            ),
            "in the cross-attention the queries come from the source. They come from y; keys and values from memory.": _norm(
                (h := _norm(seen + _cross(memory, seen, w))) + _feed(h, w)
            ),
            "the cross-attention reads y, not memory.": _norm((h := _norm(seen + _cross(seen, seen, w))) + _feed(h, w)),
            "the cross-attention is missing.": _norm(seen + _feed(seen, w)),
            "the cross-attention uses the matrices of the self-attention.": _norm(
                (h := _norm(seen + _attention(seen @ w["q"], memory @ w["k"], memory @ w["v"], None) @ w["o"]))
                + _feed(h, w)
            ),
            "the feed-forward network is missing.": crossed,
            "nothing is added after the cross-attention: y + part, then the norm.": _norm(
                (h := _norm(_cross(seen, memory, w))) + _feed(h, w)
            ),
            "the cross-attention stands before the self-attention. First the target looks at itself.": _norm(
                (h := _norm((c := _norm(y + _cross(y, memory, w))) + _self(c, w, causal_mask(4)))) + _feed(h, w)
            ),
            "the norms stand before the parts, as in GPT-2. In 2017 they stood after the sums.": (
                h := (c := y + _self(_norm(y), w, causal_mask(4))) + _cross(_norm(c), memory, w)
            )
            + _feed(_norm(h), w),
            "there is no norm after the cross-attention.": _norm((h := seen + _cross(seen, memory, w)) + _feed(h, w)),
            "its causal mask is turned around: True means may attend, so the lower triangle is True.": _decode(
                y, memory, w, ~causal_mask(4)
            ),
            "its causal mask lacks the diagonal: a position may also read itself.": _decode(
                y, memory, w, causal_mask(4).tril(-1)
            ),
        },
        "not right: three sums, three norms. Masked self-attention, cross-attention, feed-forward network.",
    )
    memory = torch.randn(2, 7, D)  # another length: no square mask fits
    right = _decode(y, memory, w, causal_mask(4))
    judge(
        learner.tensor(y, memory, w, shape=(2, 4, D)), right, {}, "right for a source as long as y, wrong for others."
    )


def _transformer(learner: Learner) -> None:
    source, target, w = torch.randint(VOCABULARY, (2, 6)), torch.randint(VOCABULARY, (2, 4)), _weights()
    embed, positions, encoder, decoder = w["embed"], w["positions"], w["encoder"], w["decoder"]
    assert isinstance(embed, Tensor) and isinstance(positions, Tensor)
    assert isinstance(encoder, dict) and isinstance(decoder, dict)
    causal = causal_mask(4)

    def start(tokens: Tensor, places: bool = True) -> Tensor:
        return embed[tokens] + positions[: tokens.shape[1]] * places

    x, y = start(source), start(target)
    right = _decode(y, _encode(x, encoder), decoder, causal) @ embed.T
    judge(
        learner.tensor(source, target, w, shape=(2, 4, VOCABULARY)),
        right,
        {
            "the positions are not added.": _decode(
                start(target, False), _encode(start(source, False), encoder), decoder, causal
            )
            @ embed.T,
            "the source has no positions.": _decode(y, _encode(start(source, False), encoder), decoder, causal)
            @ embed.T,
            "the target has no positions.": _decode(start(target, False), _encode(x, encoder), decoder, causal)
            @ embed.T,
            "the encoder is not run: the decoder reads the source's embeddings.": _decode(y, x, decoder, causal)
            @ embed.T,
            "these are probabilities. Return the logits.": right.softmax(-1),
            "the embeddings are multiplied by the root of d_model. The paper does that; here it is left out.": _decode(
                y + (root := D**0.5 - 1) * embed[target], _encode(x + root * embed[source], encoder), decoder, causal
            )
            @ embed.T,
            "the encoder layer has got the decoder's weights.": _decode(y, _encode(x, decoder), decoder, causal)
            @ embed.T,
        },
        "not right: what does each text become before its layer, what does the decoder read, what do its outputs meet?",
    )


def _training_loss(learner: Learner) -> None:
    source, target, w = torch.randint(VOCABULARY, (2, 6)), torch.randint(VOCABULARY, (2, 5)), _weights()

    def logits(target: Tensor) -> Tensor:
        embed, positions, encoder, decoder = w["embed"], w["positions"], w["encoder"], w["decoder"]
        assert isinstance(embed, Tensor) and isinstance(positions, Tensor)
        assert isinstance(encoder, dict) and isinstance(decoder, dict)
        memory = _encode(embed[source] + positions[: source.shape[1]], encoder)
        T = target.shape[1]
        return _decode(embed[target] + positions[:T], memory, decoder, causal_mask(T)) @ embed.T

    def nats(logits: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(logits.mT, labels)

    given, asked = target[:, :-1], target[:, 1:]
    right = nats(logits(given), asked)
    judge(
        torch.tensor(as_number(learner(source, target, w))),
        right,
        {
            "each position is asked for the token that it has just read. Shift by one.": nats(logits(target), target),
            "it is shifted the wrong way: the decoder reads what came before and is asked for what comes next.": nats(
                logits(asked), given
            ),
            "that is the sum over all tokens. Take the mean.": right * asked.numel(),
            "that is the sum over the tokens, divided by the number of sequences. Take the mean over all tokens.": right
            * asked.shape[1],
            "only the last token is asked for. Every token after the first is.": nats(
                logits(given)[:, -1:], asked[:, -1:]
            ),
            "softmax is applied twice: F.cross_entropy wants the logits.": nats(logits(given).softmax(-1), asked),
            "the sign is wrong: a loss is minus the log of a probability.": -right,
            "that is in bits. Take the natural logarithm.": right / math.log(2),
        },
        "not right: what does the decoder read, which token is asked for at each position, over what is the mean?",
    )


def _layer() -> Layer:
    names = "q k v o cross_q cross_k cross_v cross_o".split()
    shapes = dict.fromkeys(names, (D, D)) | {"up": (D, D_FF), "down": (D_FF, D)}
    return {name: torch.randn(shape) * shape[0] ** -0.5 for name, shape in shapes.items()}


def _weights() -> Weights:
    tables: Weights = {"embed": torch.randn(VOCABULARY, D), "positions": torch.randn(LENGTH, D)}
    return {**tables, "encoder": _layer(), "decoder": _layer()}
