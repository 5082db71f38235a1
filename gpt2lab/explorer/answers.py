"""What the browser may ask for: ``"map/0/3/5"`` and the like, each answered by one function.

A question is its kind and whole numbers, ``kind/run/…``; run 0 is the model as it is, run 1 the one
with parts switched off (or the second model). An answer is a dict of small things and a list of
tensors, which travel as float32 bytes (attention maps as one byte per weight, see ``packing``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from gpt2lab.errors import InputError
from gpt2lab.explorer import packing
from gpt2lab.explorer.runs import STATISTICS, Run
from gpt2lab.generation import next_token_probabilities

Answer = tuple[dict, list[bytes]]
Label = Callable[[int], str]

TOP_NEXT, TOP_LENS, TOP_NEURONS, TOP_WORDS = 12, 5, 16, 4


def attention_map(run: Run, layer: int, head: int) -> Answer:
    """One head's weights, packed."""
    return {"triangular": run.triangular}, [packing.pack(run.weights(layer, head), run.triangular)]


def scores(run: Run, layer: int, head: int, token: int) -> Answer:
    """How one query's weights come about: q, all keys, and its row raw, scaled, masked, softmax."""
    attn = run.block(layer).attn
    q, k = attn.q[0, head, token], attn.k[0, head]  # (d_head,), (T, d_head)
    raw, scaled = k @ q, attn.scores[0, head, token]  # (T,), (T,)
    mask = getattr(attn, "mask", None)
    visible = torch.ones(run.T) if mask is None else mask.expand(run.T, run.T)[token].float()
    weights = _numbers(attn.attn_weights[0, head, token], "attention weights")
    rows = [packing.floats(x) for x in (q, k, raw, scaled, visible, weights)]
    return {"d_head": q.shape[-1], "scale": _scale(raw, scaled)}, rows


def stream(run: Run, token: int) -> Answer:
    """The residual stream of one token, layer by layer; see ``runs.STATISTICS``."""
    return {"names": list(STATISTICS), "layers": run.n_layers}, [packing.floats(run.statistics[:, :, token])]


def neurons(run: Run, layer: int, token: int, label: Label) -> Answer:
    """The neurons of one layer that are furthest from zero for one token, and what they write."""
    ffn = run.block(layer).ffn
    pre, post = ffn.pre[0, token].float(), _numbers(ffn.post[0, token].float(), "neurons")  # (d_ff,)
    top = post.abs().topk(min(TOP_NEURONS, len(post))).indices
    words = [_written(run, layer, int(i), float(post[i]), label) for i in top]
    meta = {"neurons": top.tolist(), "d_ff": len(post), "active": int((post > 0).sum()), "words": words}
    return meta, [packing.floats(x) for x in (pre[top], post[top], post.sort().values)]


def lens(run: Run, token: int, label: Label) -> Answer:
    """What each layer would predict, and where the model's answer ranks in it."""
    logits = run.lens(token)  # (n_layers + 1, vocab_size)
    answer = int(run.logits(token).argmax())
    probabilities = _numbers(logits.softmax(dim=-1), "probabilities")
    top = probabilities.topk(min(TOP_LENS, logits.shape[-1]), dim=-1)
    ranks = (logits > logits[:, answer, None]).sum(dim=-1) + 1  # (n_layers + 1,)
    meta = {
        "answer": label(answer),
        "ranks": ranks.tolist(),
        "vocab_size": logits.shape[-1],
        "labels": [[label(int(i)) for i in row] for row in top.indices],
        "final": [[int(i) == answer for i in row] for row in top.indices],
    }
    return meta, [packing.floats(top.values), packing.floats(probabilities[:, answer])]


def next_tokens(runs: list[Run], token: int, sampling: tuple, label: Label) -> dict:
    """The most probable next tokens of every run, before and after temperature, top-k and top-p."""
    logits = [run.logits(token).float().cpu() for run in runs]
    before = [_numbers(x.softmax(dim=-1), "probabilities") for x in logits]
    after = [next_token_probabilities(x, *sampling) for x in logits]
    chosen: list[int] = []
    for p in before:
        chosen += [i for i in p.topk(min(TOP_NEXT, len(p))).indices.tolist() if i not in chosen]
    width = min(x.shape[-1] for x in logits)
    rows = [
        {
            "label": label(i),
            "id": i,
            "logit": [float(x[i]) for x in logits],
            "p": [float(p[i]) for p in before],
            "sampled": [float(p[i]) for p in after],
        }
        for i in chosen
        if i < width
    ]
    kept = [int((p > 0).sum()) for p in after]
    entropy = [float(-(p * p.clamp_min(1e-30).log()).sum()) for p in before]  # nats
    return {"rows": rows, "kept": kept, "entropy": entropy, "vocab_size": width}


def _numbers(values: Tensor, what: str) -> Tensor:
    """The values, or a ValueError if one of them is nan, of which no picture can be made."""
    if values.isnan().any():
        raise InputError(f"the {what} are nan here: the model's weights hold nan, or numbers grew too large")
    return values


def _scale(raw: Tensor, scaled: Tensor) -> Any:
    """The factor between raw and scaled scores, or None if something was added (ALiBi, a bias)."""
    rounding = torch.finfo(scaled.dtype).eps  # bfloat16 has three digits
    raw, scaled = raw.float(), scaled.float()
    largest = int(raw.abs().argmax())
    if float(raw[largest]) == 0:
        return None
    factor = float(scaled[largest] / raw[largest])
    near = dict(atol=max(1e-4, rounding * float(scaled.abs().max())), rtol=max(1e-3, 4 * rounding))
    return factor if torch.allclose(raw * factor, scaled, **near) else None


def _written(run: Run, layer: int, neuron: int, activation: float, label: Label) -> dict:
    """Which tokens a neuron's vector points to, with the sign of its activation."""
    try:
        column = run.model.blocks[layer].ffn.down.weight[:, neuron]  # (d_model,)
        with torch.no_grad():
            logits = run.model.unembed(column * (1.0 if activation >= 0 else -1.0))  # (vocab_size,)
    except (AttributeError, TypeError, IndexError, RuntimeError):
        return {"up": []}  # a model of one's own need not have these parts
    k = min(TOP_WORDS, len(logits) // 2)
    return {"up": [label(int(i)) for i in logits.topk(k).indices]}
