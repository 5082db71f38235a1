"""Experiments on code of encoders and decoders."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from gpt2lab.attention import attention, causal_mask
from gpt2lab.claims.base import Figures, experiment
from gpt2lab.claims.experiments.english import english, passages
from gpt2lab.claims.experiments.measures import farthest, likeness, numbers, stops
from gpt2lab.config import GPT2Config
from gpt2lab.errors import InputError
from gpt2lab.family.decoder import DecoderBlock
from gpt2lab.family.encoder import EncoderBlock
from gpt2lab.family.encoder_decoder import EncoderDecoder, EncoderDecoderConfig
from gpt2lab.residual import stream


def small_encoder_decoder(seed: int) -> EncoderDecoder:
    """Two layers each, with random weights."""
    config = EncoderDecoderConfig(vocab_size=50, context_length=16, d_model=32, n_heads=4, n_layers=2, dropout=0.0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return EncoderDecoder(config).eval()


def spread(module: nn.Module, seed: int) -> nn.Module:
    """The module with weights that keep the variance."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for part in module.modules():
            if isinstance(part, nn.Linear):
                nn.init.normal_(part.weight, std=part.in_features**-0.5)
    return module.eval()


def encoder_layer_wrong(x: Tensor, block: EncoderBlock) -> Tensor:
    """An encoder layer of 2017: attention and network."""
    for part, norm in ((block.attn, block.ln_1), (block.ffn, block.ln_2)):
        x = norm(part(x))
    return x


def encoder_layer_right(x: Tensor, block: EncoderBlock) -> Tensor:
    """An encoder layer of 2017: attention and network."""
    for part, norm in ((block.attn, block.ln_1), (block.ffn, block.ln_2)):
        x = norm(x + part(x))
    return x


@experiment(
    "E1",
    shows=lambda found: found["code: likeness"] > 0.95 > 0.8 > found["right: likeness"],
    wrong=encoder_layer_wrong,
    right=encoder_layer_right,
)
@torch.no_grad()
def tokens_that_become_alike(seed: int) -> Figures:
    """The mean cosine of neighbouring tokens after three layers; random tokens begin at 0."""
    config = GPT2Config.tiny(d_model=64, n_heads=4)
    found: Figures = {}
    for name, layer in (("code", encoder_layer_wrong), ("right", encoder_layer_right)):
        x = numbers(seed, 1, 12, 64)
        for i in range(3):
            block = EncoderBlock(config)
            spread(block, 10 * seed + i)
            x = layer(x, block)
        found[f"{name}: likeness"] = likeness(x)
    return found


def decoder_attentions_wrong(x: Tensor, memory: Tensor, mask: Tensor) -> Tensor:
    """A decoder's self- and cross-attention; mask is the causal one."""
    x = x + attention(x, x, x, mask)[0]
    return x + attention(x, memory, memory, mask)[0]


def decoder_attentions_right(x: Tensor, memory: Tensor, mask: Tensor) -> Tensor:
    """A decoder's self- and cross-attention; mask is the causal one."""
    x = x + attention(x, x, x, mask)[0]
    return x + attention(x, memory, memory)[0]


@experiment(
    "E2",
    shows=lambda found: found["target 6, source 9: stops"] == 1
    and found["code, 6 and 6: last source token moves target 0 by"] == 0
    < found["right: last source token moves target 0 by"],
    wrong=decoder_attentions_wrong,
    right=decoder_attentions_right,
)  # fmt: skip
def one_mask_for_both(seed: int) -> Figures:
    """Whether the code stops; where lengths agree, what the source's last token changes in the target's first."""
    x, memory, mask = numbers(seed, 6, 16), numbers(seed + 1, 6, 16), causal_mask(6)
    other = memory.clone()
    other[-1] += 1

    def moves(code: Callable[[Tensor, Tensor, Tensor], Tensor]) -> float:
        return farthest(code(x, other, mask)[0], code(x, memory, mask)[0])

    return {
        "target 6, source 9: stops": stops(InputError, decoder_attentions_wrong, x, numbers(seed, 9, 16), mask),
        "code, 6 and 6: last source token moves target 0 by": moves(decoder_attentions_wrong),
        "right: last source token moves target 0 by": moves(decoder_attentions_right),
    }


def decoder_layer_wrong(x: Tensor, memory: Tensor, block: DecoderBlock) -> Tensor:
    """A decoder layer of 2017."""
    x = block.ln_1(x + block.attn(x))
    x = block.ln_2(x + block.cross_attn(x, memory))
    return x


def decoder_layer_right(x: Tensor, memory: Tensor, block: DecoderBlock) -> Tensor:
    """A decoder layer of 2017."""
    x = block.ln_1(x + block.attn(x))
    x = block.ln_2(x + block.cross_attn(x, memory))
    return block.ln_3(x + block.ffn(x))


@experiment(
    "E3",
    shows=lambda found: found["right: from the decoder of 2017"] < 1e-5 < 0.1 < found["code: from the decoder of 2017"]
    and found["share of the layer's parameters left out"] > 0.4,
    wrong=decoder_layer_wrong,
    right=decoder_layer_right,
)  # fmt: skip
@torch.no_grad()
def third_part(seed: int) -> Figures:
    """How far code and right lines are from the course's decoder layer, and which share of it the code lacks."""
    block, x, memory = DecoderBlock(GPT2Config.tiny(d_model=32)), numbers(seed, 1, 5, 32), numbers(seed + 1, 1, 7, 32)
    spread(block, seed)
    whole, left_out = (
        sum(p.numel() for part in parts for p in part.parameters()) for parts in ([block], [block.ffn, block.ln_3])
    )
    return {
        "code: from the decoder of 2017": farthest(decoder_layer_wrong(x, memory, block), block(x, memory)),
        "right: from the decoder of 2017": farthest(decoder_layer_right(x, memory, block), block(x, memory)),
        "share of the layer's parameters left out": left_out / whole,
    }


def stack_wrong(make: Callable[[], nn.Module], n: int) -> nn.Module:
    """N layers, one after the other."""
    layer = make()
    return nn.Sequential(*([make() for _ in range(n - 1)], layer))  # type: ignore[call-overload]


def stack_right(make: Callable[[], nn.Module], n: int) -> nn.Module:
    """N layers, one after the other."""
    layer = make()
    return nn.Sequential(*[make() for _ in range(n - 1)], layer)


@experiment(
    "E4",
    shows=lambda found: found["code: stops with a TypeError"] == 1 and found["right: layers"] == 3,
    wrong=stack_wrong,
    right=stack_right,
)
def list_among_the_modules(seed: int) -> Figures:
    """Whether stacking three layers stops, and how many layers the right line gives."""
    right = stack_right(nn.Identity, 3)
    return {
        "code: stops with a TypeError": stops(TypeError, stack_wrong, nn.Identity, 3),
        "right: layers": sum(isinstance(module, nn.Identity) for module in right.modules()),
    }


def read_source_wrong(tokens: Tensor, embedding: nn.Embedding, layer: nn.Linear) -> Tensor:
    """What an encoder makes of token ids first."""
    x = layer(tokens)
    return x.relu()


def read_source_right(tokens: Tensor, embedding: nn.Embedding, layer: nn.Linear) -> Tensor:
    """What an encoder makes of token ids first."""
    x = layer(embedding(tokens))
    return x.relu()


@experiment(
    "E6",
    shows=lambda found: found["code: stops with a RuntimeError"] == 1 and found["right: vectors"] == found["tokens"],
    wrong=read_source_wrong,
    right=read_source_right,
)
@torch.no_grad()
def ids_into_a_linear_layer(seed: int) -> Figures:
    """Whether eight ids go through a linear layer that takes eight numbers, and what an embedding before it gives."""
    tokens = torch.randint(50, (8,), generator=torch.Generator().manual_seed(seed))
    embedding, layer = nn.Embedding(50, 8), nn.Linear(8, 8)
    return {
        "code: stops with a RuntimeError": stops(RuntimeError, read_source_wrong, tokens, embedding, layer),
        "tokens": len(tokens),
        "right: vectors": len(read_source_right(tokens, embedding, layer)),
    }


@experiment(
    "E8",
    shows=lambda found: (
        found["at the embedding"] > 0.9999
        and found["at the embedding"] > found["after layer 1"] > found["after layer 4"]
    ),
)
@torch.no_grad()
def same_token_other_context(seed: int) -> Figures:
    """The English model: cosine of one token's vectors at one place after two different texts, mean over 4 pairs."""
    text = passages(seed, 5, 24)
    text[:, -1] = text[0, -1]
    at = torch.stack([height[:, -1] for height in stream(english().trace(text))])  # (5, B, d_model)
    cosines = torch.cosine_similarity(at[:, :1], at[:, 1:], dim=-1).mean(-1)
    names = ["at the embedding", *(f"after layer {i + 1}" for i in range(4))]
    return dict(zip(names, cosines.tolist(), strict=True))
