"""Experiments on what GPT-2 is not: a recurrent network, an encoder, the decoder of 2017."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gpt2lab.block import TransformerBlock
from gpt2lab.claims.base import Figures, experiment
from gpt2lab.claims.experiments.attention import small_gpt2
from gpt2lab.claims.experiments.encoder_decoder import small_encoder_decoder
from gpt2lab.claims.experiments.measures import farthest, numbers, stops
from gpt2lab.config import GPT2Config
from gpt2lab.family.cross_attention import CrossAttention
from gpt2lab.family.decoder import DecoderBlock
from gpt2lab.family.encoder import PreLNEncoder
from gpt2lab.layernorm import LayerNorm


@experiment("G7", shows=lambda found: found["stops with a SyntaxError"] == 1 and found["with a dot: stops"] == 0)
def unreadable(seed: int) -> Figures:
    """Whether Python reads the line, as it stands and with a dot."""
    return {
        "stops with a SyntaxError": stops(SyntaxError, compile, "self Encoder", "a line", "exec"),
        "with a dot: stops": stops(SyntaxError, compile, "self.Encoder", "a line", "exec"),
    }


def run_wrong(cell: nn.LSTMCell, x: Tensor, h: Tensor, c: Tensor) -> Tensor:
    """A recurrent network over a sequence x (tokens, features)."""
    outputs = []
    for token in x:
        h, c = cell(token)
        outputs.append(h)
    return torch.stack(outputs)


def run_right(cell: nn.LSTMCell, x: Tensor, h: Tensor, c: Tensor) -> Tensor:
    """A recurrent network over a sequence x (tokens, features)."""
    outputs = []
    for token in x:
        h, c = cell(token, (h, c))
        outputs.append(h)
    return torch.stack(outputs)


@experiment(
    "G8",
    shows=lambda found: found["three axes: stops with a ValueError"] == 1
    and found["repaired: later positions move by"] == 0 < found["state handed on: they move by"]
    and found["recurrent parts in GPT-2"] == 0,
    wrong=run_wrong,
    right=run_right,
)  # fmt: skip
@torch.no_grad()
def nothing_is_handed_on(seed: int) -> Figures:
    """Whether an LSTM cell takes a batch of sequences; how far positions 1 to 5 move when token 0 changes."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        cell = nn.LSTMCell(8, 8)
    x, zeros = numbers(seed, 6, 8), torch.zeros(8)
    other = x.clone()
    other[0] += 1
    code, right = ([run(cell, y, zeros, zeros)[1:] for y in (x, other)] for run in (run_wrong, run_right))
    return {
        "three axes: stops with a ValueError": stops(ValueError, cell, x[None]),
        "repaired: later positions move by": farthest(*code),
        "state handed on: they move by": farthest(*right),
        "recurrent parts in GPT-2": sum(isinstance(m, nn.RNNBase | nn.RNNCellBase) for m in small_gpt2(seed).modules()),
    }


@experiment("G11", shows=lambda found: found["5 tokens: vectors"] == 5 and found["11 tokens: vectors"] == 11)
@torch.no_grad()
def one_vector_each(seed: int) -> Figures:
    """How many vectors an encoder returns for sources of two lengths."""
    model, found = small_encoder_decoder(seed), dict[str, int | float]()
    for n in (5, 11):
        memory, _ = model.encode(torch.arange(n)[None])
        found[f"{n} tokens: vectors"] = memory.shape[1]
    return found


@experiment(
    "G12",
    shows=lambda found: found["last target token moves earlier logits by"] == 0
    < min(found["without the mask: by"], found["last source token moves them by"]),
)  # fmt: skip
@torch.no_grad()
def mask_of_2017(seed: int) -> Figures:
    """The Transformer of 2017, six target tokens: how far all logits but the last move (largest change)."""
    model = small_encoder_decoder(seed)
    source, target = torch.arange(7)[None], torch.arange(6)[None]
    other_source, other_target = source.clone(), target.clone()
    other_source[0, -1] = other_target[0, -1] = 40

    def move(source_: Tensor, target_: Tensor) -> float:
        return farthest(model(source_, target_)[:, :-1], model(source, target)[:, :-1])

    found = {
        "last target token moves earlier logits by": move(source, other_target),
        "last source token moves them by": move(other_source, target),
    }
    for block in model.decoder.blocks:
        block.attn.causal = False
    return {**found, "without the mask: by": move(source, other_target)}


@experiment(
    "G13",
    shows=lambda found: found["2017: norms in a layer"] == 3 > found["GPT-2: norms in a layer"] == 2
    and found["2017: cross-attentions"] == 1 > found["GPT-2: cross-attentions"] == 0
    and found["2017: std of its output"] < 1.01 < found["GPT-2: std of its output"],
)  # fmt: skip
@torch.no_grad()
def what_changed(seed: int) -> Figures:
    """One decoder layer of 2017 and one of GPT-2: norms, cross-attentions, and whether a norm ends it (then std 1)."""
    config, x = GPT2Config.tiny(d_model=32), 2 * numbers(seed, 1, 6, 32)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        old, new = DecoderBlock(config), TransformerBlock(config)
    found: Figures = {}
    for name, block, out in (("2017", old, old(x, numbers(seed + 1, 1, 5, 32))), ("GPT-2", new, new(x))):
        found[f"{name}: norms in a layer"] = sum(isinstance(module, LayerNorm) for module in block.modules())
        found[f"{name}: cross-attentions"] = sum(isinstance(module, CrossAttention) for module in block.modules())
        found[f"{name}: std of its output"] = out.std(-1, unbiased=False).mean().item()
    return found


@experiment(
    "G18",
    shows=lambda found: (
        found["encoder alone: last token moves the first by"] > 0
        and found["decoder alone: last token moves the first by"] == 0 < found["both: source moves the target by"]
    ),
)
@torch.no_grad()
def three_families(seed: int) -> Figures:
    """Models of random weights: an encoder, a decoder (GPT-2), and both; how far vectors or logits move."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = PreLNEncoder(GPT2Config.tiny(d_model=32)).eval()
    x, tokens = numbers(seed, 1, 6, 32), torch.arange(6)[None]
    other_x, other_tokens = x.clone(), tokens.clone()
    other_x[0, -1], other_tokens[0, -1] = 3 * x[0, -1] + 1, 40
    gpt2, both = small_gpt2(seed), small_encoder_decoder(seed)
    return {
        "encoder alone: last token moves the first by": farthest(encoder(other_x)[0, 0], encoder(x)[0, 0]),
        "decoder alone: last token moves the first by": farthest(gpt2(other_tokens)[0, 0], gpt2(tokens)[0, 0]),
        "both: source moves the target by": farthest(both(other_tokens, tokens), both(tokens, tokens)),
    }
