"""Experiments on what is right and often doubted: whole models, training, classes."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gpt2lab.attention import attention, causal_mask
from gpt2lab.block import TransformerBlock
from gpt2lab.claims.base import Figures, experiment
from gpt2lab.claims.experiments.attention import small_gpt2
from gpt2lab.claims.experiments.english import costs_of_heads, english, passages
from gpt2lab.claims.experiments.gpt2 import some_tokens
from gpt2lab.claims.experiments.measures import farthest, numbers
from gpt2lab.config import GPT2Config
from gpt2lab.family.classifier import GPT2Classifier
from gpt2lab.family.decoder import PreLNDecoderBlock
from gpt2lab.family.encoder_decoder import EncoderDecoderConfig
from gpt2lab.model import GPT2
from gpt2lab.tasks.metrics import f1, precision, recall


@experiment("C6", shows=lambda found: found["one-hot: from torch's loss"] < 1e-5)
def one_hot(seed: int) -> Figures:
    """−Σ target · log p for one-hot targets against torch's loss."""
    logits, ids = numbers(seed, 20, 10), torch.randint(10, (20,), generator=torch.Generator().manual_seed(seed))
    by_hand = -(F.one_hot(ids, 10) * logits.log_softmax(-1)).sum(-1).mean()
    return {"one-hot: from torch's loss": (by_hand - F.cross_entropy(logits, ids)).abs().item()}


@experiment(
    "C8",
    shows=lambda found: found["length before"] > 1.5 and abs(found["length after"] - 1) < 1e-3
    and found["cosine of before and after"] > 0.9999,
)  # fmt: skip
def one_call(seed: int) -> Figures:
    """All gradients of a small GPT-2, times 10, as one vector, before and after one call with the limit 1."""
    model, tokens = small_gpt2(seed), some_tokens(seed)
    (10 * F.cross_entropy(model(tokens)[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())).backward()

    def gradient() -> Tensor:
        return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])

    before = gradient()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    return {
        "length before": before.norm().item(),
        "length after": gradient().norm().item(),
        "cosine of before and after": torch.cosine_similarity(before, gradient(), dim=0).item(),
    }


@experiment(
    "C9",
    shows=lambda found: found["scaled: from the step without"] < 1e-5 < 1e-3 < found["step without"]
    and found["finite: steps taken"] == 1 and found["infinite: steps taken"] == 0,
)  # fmt: skip
def scale_backward_step_update(seed: int) -> Figures:
    """One step of descent in this order (on the CPU) against one without scaling; and with an infinite gradient."""
    x, start = numbers(seed, 8), numbers(seed + 1, 8)
    ends = {}
    for name, factor in (("plain", 1.0), ("finite", 1.0), ("infinite", torch.inf)):
        weight = nn.Parameter(start.clone())
        optimizer = torch.optim.SGD([weight], lr=0.1)
        scaler = torch.amp.GradScaler("cpu", init_scale=65536.0, enabled=name != "plain")
        scaler.scale((weight * x * factor).sum()).backward()
        scaler.step(optimizer)
        scaler.update()
        ends[name] = weight.detach()
    return {
        "step without": farthest(ends["plain"], start),
        "scaled: from the step without": farthest(ends["finite"], ends["plain"]),
        "finite: steps taken": int((ends["finite"] != start).any()),
        "infinite: steps taken": int((ends["infinite"] != start).any()),
    }


@experiment(
    "C15",
    shows=lambda found: (
        found["cross-attention silent: from GPT-2's block"] < 1e-5 < 0.01 < found["not silent: from it"]
    ),
)
@torch.no_grad()
def decoder_without_the_middle(seed: int) -> Figures:
    """The decoder layer of 2017, norms and activation moved as in GPT-2, with and without its cross-attention."""
    config, x, memory = GPT2Config.tiny(d_model=32), numbers(seed, 1, 6, 32), numbers(seed + 1, 1, 5, 32)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        decoder, block = PreLNDecoderBlock(config), TransformerBlock(config)
    block.ln_1, block.attn, block.ln_2 = decoder.ln_1, decoder.attn, decoder.ln_3
    block.ffn.load_state_dict(decoder.ffn.state_dict())
    decoder.ffn = block.ffn  # type: ignore[assignment]  # GELU in the place of ReLU
    found = {"not silent: from it": farthest(decoder(x, memory), block(x))}
    decoder.cross_attn.out.weight.zero_(), decoder.cross_attn.out.bias.zero_()
    return {**found, "cross-attention silent: from GPT-2's block": farthest(decoder(x, memory), block(x))}


@experiment("C16", shows=lambda found: found["attention: gradient"] > 1000 * found["RNN: gradient"])
def one_step_or_many(seed: int) -> Figures:
    """The gradient of the last of 64 outputs at the first input, relative to that at the last; both untrained."""
    x = numbers(seed, 64, 32).requires_grad_()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        rnn, to_qkv = nn.RNN(32, 32), nn.Linear(32, 96)
        nn.init.orthogonal_(rnn.get_parameter("weight_hh_l0"))  # neither shrinks nor stretches: kind to it
    q, k, v = to_qkv(x).chunk(3, dim=-1)
    found: Figures = {}
    for name, out in (("RNN", rnn(x)[0]), ("attention", attention(q, k, v, causal_mask(64))[0])):
        (gradient,) = torch.autograd.grad(out[-1].sum(), x)
        found[f"{name}: gradient"] = (gradient[0].norm() / gradient[-1].norm()).item()
    return found


@experiment("C18", shows=lambda found: found["heads that cost less than 0.01 nats"] >= 8)
def heads_that_nobody_misses(seed: int) -> Figures:
    """Of the English model's 24 heads, how many cost less than 0.01 nats alone on four unread passages."""
    costs, _ = costs_of_heads(seed)
    return {"heads": len(costs), "heads that cost less than 0.01 nats": sum(cost < 0.01 for cost in costs)}


@experiment(
    "C19",
    shows=lambda found: found["ids given"] == 64 and found["targets"] == 63
    and found["trained on raw text: nats"] < found["not trained: nats"] - 2,
)  # fmt: skip
@torch.no_grad()
def text_is_its_own_label(seed: int) -> Figures:
    """How many targets a text of 64 tokens gives by itself; what training on such targets did to the English model."""
    text = passages(seed, 4, 64)
    found: Figures = {"ids given": text.shape[1], "targets": text[:, 1:].shape[1]}
    for name, model in (("not trained", english(step=0)), ("trained on raw text", english())):
        found[f"{name}: nats"] = F.cross_entropy(model(text[:, :-1]).flatten(0, 1), text[:, 1:].flatten()).item()
    return found


@experiment("C20", shows=lambda found: found["numbers"] == 38_597_376 and found["a step moves them by"] > 0)
def table_of_tokens(seed: int) -> Figures:
    """The numbers in GPT-2's token table, and whether a step of descent moves the table of a small one."""
    config, model, tokens = GPT2Config.gpt2(), small_gpt2(seed), some_tokens(seed)
    with torch.device("meta"):
        table = nn.Embedding(config.vocab_size, config.d_model)
    F.cross_entropy(model(tokens)[:, :-1].flatten(0, 1), tokens[:, 1:].flatten()).backward()
    gradient = model.token_embedding.weight.grad
    assert gradient is not None
    return {"numbers": table.weight.numel(), "a step moves them by": (0.1 * gradient).abs().max().item()}


@experiment("C21", shows=lambda found: found["2017"] == 2048 and found["GPT-2, smallest"] == 3072)
def inner_widths(seed: int) -> Figures:
    """The feed-forward network's inner width, four times d_model in both."""
    return {"2017": EncoderDecoderConfig().d_ff, "GPT-2, smallest": GPT2Config.gpt2().d_ff}


@experiment("C22", shows=lambda found: found["held-out accuracy"] > 0.9 and found["padding moves the logits by"] < 1e-4)
def reads_at_the_last_token(seed: int) -> Figures:
    """A small GPT-2 that learns in 60 steps whether token 1 occurs in a text of 8; the same with padding."""
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        config = GPT2Config.tiny(vocab_size=10, context_length=12, n_layers=1)
        model = GPT2Classifier(GPT2(config), 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)

    def batch(n: int) -> tuple[Tensor, Tensor]:
        tokens = torch.randint(10, (n, 8), generator=generator)
        return tokens, (tokens == 1).any(-1).long()

    for _ in range(60):
        tokens, truth = batch(64)
        optimizer.zero_grad()
        F.cross_entropy(model(tokens), truth).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        tokens, truth = batch(500)
        padded = torch.cat([tokens, torch.ones(500, 3).long()], dim=1)
        mask = torch.arange(11).expand(500, 11) < 8
        return {
            "held-out accuracy": (model(tokens).argmax(-1) == truth).double().mean().item(),
            "padding moves the logits by": farthest(model(padded, mask), model(tokens)),
        }


@experiment("C23", shows=lambda found: found["difference"] < 1e-6)
def mean_of_the_parts(seed: int) -> Figures:
    """The mean of four parts' gradients against the gradient of the whole batch of 16 (largest difference)."""
    x, y = numbers(seed, 16, 4), numbers(seed + 1, 16)

    def gradient(rows: slice) -> torch.Tensor:
        weight = torch.ones(4, requires_grad=True)
        (((x[rows] @ weight) - y[rows]) ** 2).mean().backward()
        assert weight.grad is not None
        return weight.grad

    parts = torch.stack([gradient(slice(4 * i, 4 * i + 4)) for i in range(4)]).mean(0)
    return {"difference": (parts - gradient(slice(None))).abs().max().item() / gradient(slice(None)).norm().item()}


@experiment(
    "C24",
    shows=lambda found: (
        found["precision"] == found["hits / called positive"] != found["recall"]
        and found["recall"] == found["hits / positive"]
        and abs(found["F1"] - found["harmonic mean"]) < 1e-9
    ),
)
def of_what(seed: int) -> Figures:
    """200 cases drawn at random, called by chance: counted by hand, and by the course's metrics."""
    generator = torch.Generator().manual_seed(seed)
    truth, called = (torch.rand(200, generator=generator) < share for share in (0.3, 0.5))
    hits = int((truth & called).sum())
    p, r = hits / int(called.sum()), hits / int(truth.sum())
    return {
        "hits / called positive": p,
        "precision": precision(truth.long(), called.long()),
        "hits / positive": r,
        "recall": recall(truth.long(), called.long()),
        "harmonic mean": 2 / (1 / p + 1 / r),
        "F1": f1(truth.long(), called.long()),
    }
