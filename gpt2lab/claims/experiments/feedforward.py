"""Experiments on the claims about the feed-forward network."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gpt2lab.ablations import build
from gpt2lab.block import TransformerBlock
from gpt2lab.claims.base import Figures, experiment
from gpt2lab.claims.experiments.measures import farthest, numbers
from gpt2lab.claims.experiments.residual import block_and_input
from gpt2lab.config import GPT2Config
from gpt2lab.family.encoder_decoder import EncoderDecoderConfig
from gpt2lab.model import GPT2


def weights(seed: int) -> tuple[Tensor, Tensor]:
    """A matrix up (16, 64) and one down (64, 16), so that variances stay."""
    return numbers(seed, 16, 64) / 4, numbers(seed + 1, 64, 16) / 8


@experiment("F1", shows=lambda found: found["relative difference"] > 0.1)
def relu_for_gelu(seed: int) -> Figures:
    """The same weights with ReLU instead of GELU: how far the output moves, relative to its length."""
    x, (up, down) = numbers(seed + 2, 32, 16), weights(seed)
    gelu, relu = F.gelu(x @ up, approximate="tanh") @ down, (x @ up).relu() @ down
    return {"relative difference": ((relu - gelu).norm() / gelu.norm()).item()}


def merged_wrong(x: Tensor, up: Tensor, down: Tensor) -> Tensor:
    """A feed-forward network in the manner of 2017, without biases."""
    hidden = x @ up
    return (hidden @ down).relu()


def merged_right(x: Tensor, up: Tensor, down: Tensor) -> Tensor:
    """A feed-forward network in the manner of 2017, without biases."""
    hidden = x @ up
    return hidden.relu() @ down


@experiment(
    "F4",
    shows=lambda found: found["code: from one matrix and a ReLU"] < 1e-4 and found["code: negative"] == 0
    and found["right: negative"] > 0.2,
    wrong=merged_wrong,
    right=merged_right,
)  # fmt: skip
def one_matrix_in_disguise(seed: int) -> Figures:
    """How far the code is from a single matrix with a ReLU, and which share of its outputs is negative."""
    x, (up, down) = numbers(seed + 2, 32, 16), weights(seed)
    out = merged_wrong(x, up, down)
    return {
        "code: from one matrix and a ReLU": (out - (x @ (up @ down)).relu()).abs().max().item(),
        "code: negative": (out < 0).double().mean().item(),
        "right: negative": (merged_right(x, up, down) < 0).double().mean().item(),
    }


@experiment("F2", shows=lambda found: found["without the activation"] < 1e-4 < 0.1 < found["with it"])
def two_matrices_are_one(seed: int) -> Figures:
    """How far two linear layers are from the one matrix they multiply to, without and with a GELU between them."""
    x, (up, down) = numbers(seed + 2, 32, 16), weights(seed)
    one = x @ (up @ down)
    return {
        "without the activation": (x @ up @ down - one).abs().max().item(),
        "with it": (F.gelu(x @ up) @ down - one).abs().max().item(),
    }


def feedforward_wrong(x: Tensor, up: nn.Linear, down: nn.Linear) -> Tensor:
    """A feed-forward network as one step of a network that is to be trained."""
    layers = nn.Linear(16, 2048), nn.Linear(2048, 16)
    hidden = F.gelu(layers[0](x))
    return layers[1](hidden)


def feedforward_right(x: Tensor, up: nn.Linear, down: nn.Linear) -> Tensor:
    """A feed-forward network as one step of a network that is to be trained."""
    layers = up, down
    hidden = F.gelu(layers[0](x))
    return layers[1](hidden)


@experiment(
    "F3",
    shows=lambda found: found["made inside: two calls"] > 0.05 and found["handed in: two calls"] == 0
    and found["made inside: gradient"] == 0 < found["handed in: gradient"],
    wrong=feedforward_wrong,
    right=feedforward_right,
)  # fmt: skip
def new_layers_at_each_call(seed: int) -> Figures:
    """How far two calls on one input lie apart, and the gradient at the layer that the module keeps."""
    x, found = numbers(seed, 4, 16), dict[str, int | float]()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        up, down = nn.Linear(16, 64), nn.Linear(64, 16)
        for name, code in (("made inside", feedforward_wrong), ("handed in", feedforward_right)):
            up.zero_grad()
            first, second = code(x, up, down), code(x, up, down)
            first.pow(2).sum().backward()
            found[f"{name}: two calls"] = (first - second).abs().max().item()
            found[f"{name}: gradient"] = 0.0 if up.weight.grad is None else up.weight.grad.norm().item()
    return found


def mlp_wrong(x: Tensor, up: Tensor, down: Tensor) -> Tensor:
    """GPT-2's feed-forward network, without biases."""
    hidden = F.gelu(x @ up)
    return F.gelu(hidden @ down)


def mlp_right(x: Tensor, up: Tensor, down: Tensor) -> Tensor:
    """GPT-2's feed-forward network, without biases."""
    hidden = F.gelu(x @ up)
    return hidden @ down


@experiment(
    "F5",
    shows=lambda found: found["code: mean"] > found["right: mean"] + 0.2 and found["code: lowest step"] > -0.2
    and found["right: lowest step"] < -0.5,
    wrong=mlp_wrong,
    right=mlp_right,
)  # fmt: skip
def stream_that_only_grows(seed: int) -> Figures:
    """The mean of the stream after 12 networks that add to it, and the lowest number that one of them adds."""
    found: Figures = {}
    for name, mlp in (("code", mlp_wrong), ("right", mlp_right)):
        x, lowest = numbers(seed + 2, 32, 16), 0.0
        for i in range(12):
            out = mlp(F.layer_norm(x, (16,)), *weights(seed + 10 * i))
            x, lowest = x + out, min(lowest, out.min().item())
        found |= {f"{name}: mean": x.mean().item(), f"{name}: lowest step": lowest}
    return found


@experiment(
    "F6",
    shows=lambda found: (
        max(found["from norm(stream)"], found["written: from the network's output"]) < 1e-5
        and found["from the attention's output"] > 0.1
    ),
)
@torch.no_grad()
def what_goes_in_and_out(seed: int) -> Figures:
    """A block's network: how far its input is from two things, and what it adds to the stream from its output."""
    block, x = block_and_input(seed)
    trace = block.trace(x)

    def from_input(read: Tensor) -> float:
        return farthest(trace.ffn.pre, block.ffn.up(read))

    return {
        "from norm(stream)": from_input(block.ln_2(x + trace.attn.out)),
        "from the attention's output": from_input(trace.attn.out),
        "written: from the network's output": farthest(trace.resid_post - trace.resid_mid, trace.ffn.out),
    }


@experiment(
    "F7", shows=lambda found: max(found["with the network"], found["without the network"]) < 1e-4 and len(found) == 2
)
def shares_of_a_batch(seed: int) -> Figures:
    """Mean gradient of four quarters of a batch, from that of the whole, relative: GPT-2, and without its networks."""
    found: Figures = {}
    config = GPT2Config.tiny(vocab_size=50, context_length=16)
    tokens = torch.randint(50, (8, 12), generator=torch.Generator().manual_seed(seed))
    for name, variant in (("with the network", "gpt2"), ("without the network", "no-ffn")):
        model = build(variant, config, seed=seed).eval()

        def gradient(rows: Tensor, model: GPT2 = model) -> Tensor:
            loss = F.cross_entropy(model(rows)[:, :-1].flatten(0, 1), rows[:, 1:].flatten())
            return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(model.parameters()))])

        whole, parts = gradient(tokens), torch.stack([gradient(rows) for rows in tokens.chunk(4)])
        found[name] = ((parts.mean(0) - whole).norm() / whole.norm()).item()
    return found


@experiment("F9", shows=lambda found: 0.66 < found["share of a block"] < 0.67)
def two_thirds(seed: int) -> Figures:
    """Which share of a block's parameters the network holds, at GPT-2's width 768."""
    block = TransformerBlock(GPT2Config.gpt2())
    part, whole = (sum(p.numel() for p in module.parameters()) for module in (block.ffn, block))
    return {"share of a block": part / whole}


@experiment(
    "F10",
    shows=lambda found: [*found.values()] == [512, 2048, 768, 3072],
)
def widths(seed: int) -> Figures:
    """The defaults of the course's Transformer of 2017 and of its GPT-2."""
    base, gpt2 = EncoderDecoderConfig(), GPT2Config.gpt2()
    return {"2017: width": base.d_model, "2017: inside": base.d_ff, "GPT-2: width": gpt2.d_model, "inside": gpt2.d_ff}


@experiment("F11", shows=lambda found: found["one layer: error"] > 0.1 > 1e-3 > found["two layers: error"])
def exclusive_or(seed: int) -> Figures:
    """Mean squared error on exclusive or, the best of 64 starts with 400 steps: one layer with a ReLU, and two."""
    x, y = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), torch.tensor([0.0, 1.0, 1.0, 0.0])
    found: Figures = {}
    for name, sizes in (("one layer", (2, 1)), ("two layers", (2, 8, 1))):
        pairs = list(zip(sizes, sizes[1:], strict=False))
        matrices = [numbers(seed + i, 64, a, b).requires_grad_() for i, (a, b) in enumerate(pairs)]
        biases = [torch.zeros(64, 1, b, requires_grad=True) for _, b in pairs]
        optimizer = torch.optim.Adam([*matrices, *biases], lr=0.05)
        error = torch.ones(64)
        for _ in range(400):
            out = x.expand(64, 4, 2)
            for i, (matrix, bias) in enumerate(zip(matrices, biases, strict=True)):
                out = out @ matrix + bias
                out = out.relu() if i == 0 else out
            error = (out[..., 0] - y).pow(2).mean(-1)
            optimizer.zero_grad()
            error.sum().backward()
            optimizer.step()
        found[f"{name}: error"] = error.min().item()
    return found
