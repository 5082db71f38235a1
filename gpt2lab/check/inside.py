"""Checks for looking inside: a head's score, and one part taken from another run."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from gpt2lab.check.base import Answer, CheckResult, Wrong, agree, as_number, judge
from gpt2lab.check.learner import Learner, examine
from gpt2lab.config import GPT2Config
from gpt2lab.errors import validates
from gpt2lab.masking import causal_mask
from gpt2lab.model import GPT2


@validates
def induction_score(function: Answer) -> CheckResult:
    """``my_score(weights, tokens)`` -> mean weight on the token after the latest earlier copy.

    ``weights`` (B, T, T) are one head's attention maps, rows are queries; ``tokens`` is (B, T). The mean runs
    over all tokens that have an earlier copy.
    """
    return examine("induction_score", function, "weights tokens", _scores, _perfect_head, _copy_next_door)


def _after_copies(tokens: Tensor, latest: bool = True) -> list[tuple[int, int, list[int]]]:
    """Row, query and the places of its earlier copies, latest last; queries without one are left out."""
    found = []
    for b, row in enumerate(tokens.tolist()):
        for t, token in enumerate(row):
            if copies := [s for s in range(t) if row[s] == token]:
                found.append((b, t, copies))
    return found


def _scores(learner: Learner) -> None:
    B, T = 3, 12
    tokens = torch.randint(5, (B, T))
    tokens[1, :8] = torch.arange(5, 13)  # this row has fewer copies than the others
    scores = torch.randn(B, T, T) * 2
    weights = scores.masked_fill(~causal_mask(T), -torch.inf).softmax(-1)
    number = as_number(learner(weights, tokens), "one number, the mean over all tokens with an earlier copy")
    found = _after_copies(tokens)

    def mean(values: list[Tensor]) -> Tensor:
        return torch.stack(values).mean()

    right = mean([weights[b, t, s[-1] + 1] for b, t, s in found])
    by_row = [[weights[b, t, s[-1] + 1] for b, t, s in found if b == row] for row in range(B)]
    judge(torch.tensor(number), right.float(), {
        "This is the weight on the copy itself. An induction head looks at what came after it.":
            mean([weights[b, t, s[-1]] for b, t, s in found]),
        "This is the weight on the token before the copy.": mean([weights[b, t, max(s[-1] - 1, 0)] for b, t, s in found]),
        "With several earlier copies you take the first; the latest is asked for.":
            mean([weights[b, t, s[0] + 1] for b, t, s in found]),
        "You add up the weights after all earlier copies; only the latest one is asked for.":
            mean([torch.stack([weights[b, t, k + 1] for k in s]).sum() for b, t, s in found]),
        "You take the mean over all earlier copies of a token; only the latest one is asked for.":
            mean([weights[b, t, k + 1] for b, t, s in found for k in s]),
        "This is the mean weight on the token just before each query, whether it follows a copy or not.":
            weights.diagonal(-1, 1, 2).mean(),
        "Tokens without an earlier copy are counted as 0. Leave them out of the mean.":
            torch.stack([weights[b, t, s[-1] + 1] for b, t, s in found]).sum() / (B * T),
        "Each row of the batch counts alike, though one has few copies. Take the mean over all tokens with a copy.":
            mean([mean(row) for row in by_row]),
        "Rows and columns are swapped: the first T axis are the queries.":
            mean([weights[b, s[-1] + 1, t] for b, t, s in found]),
        "This is a sum over the tokens. Divide it by how many have an earlier copy.":
            torch.stack([weights[b, t, s[-1] + 1] for b, t, s in found]).sum(),
    }, "Not right: for each token, where is its latest earlier copy, and what stands behind that?")  # fmt: skip


def _perfect_head(learner: Learner) -> None:
    tokens = torch.tensor([[3, 1, 4, 0, 3, 1, 4]])
    weights = torch.zeros(1, 7, 7)
    weights[0, range(7), [0, 1, 2, 3, 1, 2, 3]] = 1.0  # what follows the earlier copy
    number = as_number(learner(weights, tokens))
    if not math.isclose(number, 1.0, abs_tol=1e-5):
        raise Wrong(
            f"A head that looks at nothing but the token after the copy has the score 1, yours says {number:.3g}."
        )


def _copy_next_door(learner: Learner) -> None:
    tokens = torch.tensor([[2, 7, 7, 5]])
    weights = torch.zeros(1, 4, 4)
    weights[0, range(4), [0, 1, 2, 3]] = 1.0  # each token looks at itself
    number = as_number(learner(weights, tokens))
    if not math.isclose(number, 1.0, abs_tol=1e-5):
        raise Wrong(
            "For tokens 2 7 7 5 the second 7 follows its own copy, so looking at itself counts fully: "
            f"the score is 1, yours is {number:.3g}."
        )


@validates
def patched_attention(function: Answer) -> CheckResult:
    """``my_patch(model, tokens, donor, layer, position)`` -> logits of the run on ``tokens`` with one part replaced.

    What the attention of block ``layer`` adds to the stream at ``position`` comes from the run on ``donor``;
    everything after it is computed anew. ``tokens`` and ``donor`` are (B, T). The model must come out unchanged.
    """
    return examine("patched_attention", function, "model tokens donor layer position", _patches, _other_places)


def _small_model() -> GPT2:
    model = GPT2(GPT2Config.tiny(vocab_size=11, context_length=8, n_layers=3, n_heads=2, d_model=16)).eval()
    for name, parameter in model.named_parameters():
        if parameter.ndim > 1:
            nn.init.normal_(parameter, std=1.0 if "embedding" in name else 0.4)
    return model.requires_grad_(False)


@torch.no_grad()
def _run(model: GPT2, x: Tensor, start: int = 0, norm: bool = True) -> Tensor:
    """From the stream that enters block ``start`` to the logits."""
    for block in model.blocks[start:]:
        x = block(x)
    return model.unembed(model.ln_f(x) if norm else x)


@torch.no_grad()
def _patches(learner: Learner) -> None:
    model, layer, position = _small_model(), 1, 2
    tokens, donor = torch.randint(11, (2, 2, 6))
    before = model(tokens)
    asked = "logits (B, T, vocab_size)"
    result = learner.tensor(model, tokens, donor, layer, position, shape=tuple(before.shape), why=asked)
    if not agree(model(tokens), before):
        raise Wrong("Afterwards the model itself gives other logits: the change must be undone.")
    one, two = (model.trace(x).blocks for x in (tokens, donor))

    def block(
        x: Tensor, index: int = layer, place: int | slice = position, ours: bool = False, add: bool = False
    ) -> Tensor:
        """One block on ``x`` with the attention's output replaced; ``ours`` swaps the two runs."""
        source = (one if ours else two)[index]
        assert source is not None
        out = model.blocks[index].attn(model.blocks[index].ln_1(x)).clone()
        out[:, place] = source.attn.out[:, place] + (out[:, place] if add else 0)
        return x + out  # before the feed-forward network

    def rest(x: Tensor, index: int = layer, norm: bool = True) -> Tensor:
        return _run(model, x + model.blocks[index].ffn(model.blocks[index].ln_2(x)), index + 1, norm)

    a, b, after = one[layer], two[layer], one[layer + 1]
    assert a is not None and b is not None and after is not None and one[layer - 1] is not None
    x = a.resid_pre
    patched = block(x)
    late, lost = patched + a.ffn.out, patched.clone()  # the network's old answer; the stream gone at the position
    lost[:, position] -= x[:, position]
    stream, middle, network = x.clone(), a.resid_mid.clone(), a.resid_post.clone()
    stream[:, position], middle[:, position] = b.resid_pre[:, position], b.resid_mid[:, position]
    network[:, position] += b.ffn.out[:, position] - a.ffn.out[:, position]
    lower = one[layer - 1]
    assert lower is not None
    judge(result, rest(patched), {
        "Nothing is replaced: these are the logits of tokens.": before,
        "These are the logits of the donor. Only one part of its run is wanted.": model(donor),
        "The runs are swapped: the donor's run gets a part of tokens' run.": rest(block(b.resid_pre, ours=True)),
        "The attention is replaced at all positions, not at one.": rest(block(x, place=slice(None))),
        "The whole stream that enters the block is replaced. Only what the attention adds is to come from the donor.":
            _run(model, stream, layer),
        "The stream after the attention's sum is replaced, and with it all that came before.": rest(middle),
        "What is replaced is the output of the feed-forward network.": _run(model, network, layer + 1),
        "The feed-forward network of this block still gives its old answer. It must read the changed stream.":
            _run(model, late, layer + 1),
        "The donor's part is added to the old one. It must take its place.": rest(block(x, add=True)),
        "The feed-forward network of this block is left out. It comes after the attention's sum.":
            _run(model, patched, layer + 1),
        "The feed-forward network reads the stream without its norm, ln_2.":
            _run(model, patched + model.blocks[layer].ffn(patched), layer + 1),
        "At the position the stream is lost: what the attention adds is added to what came in.": rest(lost),
        "The final norm is missing.": rest(block(x), norm=False),
        "The attention one block later is replaced. Blocks count from 0.":
            rest(block(after.resid_pre, layer + 1), layer + 1),
        "The attention one block earlier is replaced. Blocks count from 0.":
            rest(block(lower.resid_pre, layer - 1), layer - 1),
        "The position is off by one: positions count from 0.": rest(block(x, place=position - 1)),
        "The position is one too far: positions count from 0.": rest(block(x, place=position + 1)),
    }, "Not right: replace one vector of the attention's output, then go on as the model does.", 1e-3)  # fmt: skip


@torch.no_grad()
def _other_places(learner: Learner) -> None:
    """Another block, another position, one text."""
    model, (tokens, donor) = _small_model(), torch.randint(11, (2, 1, 7))

    def patched(layer: int, position: int) -> Tensor:
        ours, theirs = (model.trace(x).blocks[layer] for x in (tokens, donor))
        assert ours is not None and theirs is not None
        x = ours.resid_mid.clone()
        x[:, position] = ours.resid_pre[:, position] + theirs.attn.out[:, position]
        block = model.blocks[layer]
        return _run(model, x + block.ffn(block.ln_2(x)), layer + 1)

    for layer, position in ((2, 5), (0, 0)):
        judge(
            learner.tensor(model, tokens, donor, layer, position, shape=(1, 7, 11)),
            patched(layer, position),
            {
                "Block 1 is fixed in your function. Which one it is, `layer` says.": patched(1, position),
                "Position 2 is fixed in your function. Which one it is, `position` says.": patched(layer, 2),
                "Block 1 and position 2 are fixed in your function. Which ones, the arguments say.": patched(1, 2),
            },
            f"Not right for block {layer} of 0 to 2 and position {position}.",
            1e-3,
        )
