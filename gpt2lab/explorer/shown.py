"""What is on screen, as tensors and as the Python that computes them.

Each view is a few lines of code in ``_VIEWS``. ``code`` prints them; ``tensors`` computes the same
values from the run at hand, and a test executes the one and compares it with the other.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gpt2lab.explorer import changes
from gpt2lab.explorer.runs import Run
from gpt2lab.generation import next_token_probabilities

_ALL_HEADS = "shown = {f'attn_weights {i}': block.attn.attn_weights[0] for i, block in enumerate(trace.blocks)}"
_VIEWS = {
    "overview": (_ALL_HEADS,),
    "heads": (_ALL_HEADS,),
    "head": ("shown = {'attn_weights': trace.blocks[{layer}].attn.attn_weights[0, {head}]}",),
    "scores": (
        "attn = trace.blocks[{layer}].attn",
        "shown = {'q': attn.q[0, {head}, {token}], 'k': attn.k[0, {head}],",
        "         'raw_scores': attn.raw_scores[0, {head}, {token}], 'scores': attn.scores[0, {head}, {token}],",
        "         'masked_scores': attn.masked_scores[0, {head}, {token}],",
        "         'attn_weights': attn.attn_weights[0, {head}, {token}]}",
    ),
    "stream": (
        "shown = {'resid_pre': torch.stack([block.resid_pre[0, {token}] for block in trace.blocks]),",
        "         'attn_out': torch.stack([block.attn.out[0, {token}] for block in trace.blocks]),",
        "         'ffn_out': torch.stack([block.ffn.out[0, {token}] for block in trace.blocks]),",
        "         'resid_final': trace.resid_final[0, {token}]}",
    ),
    "neurons": (
        "ffn = trace.blocks[{layer}].ffn",
        "shown = {'pre': ffn.pre[0, {token}], 'post': ffn.post[0, {token}]}",
    ),
    "lens": (
        "before = [block.resid_pre[0, {token}] for block in trace.blocks]",
        "stream = torch.stack([*before, trace.resid_final[0, {token}]])",
        "shown = {'logits': model.unembed(model.ln_f(stream))}  # one row per layer: stop here, read off",
    ),
    "next": (
        "logits = trace.logits[0, {token}]",
        "shown = {'logits': logits, 'probabilities': next_token_probabilities(logits, {sampling})}",
    ),
}


def code(run: Run, text: str, view: str, layer: int, head: int, token: int, sampling: tuple) -> str:
    """A script that ends with ``shown``, a dict of tensors."""
    names, managers = changes.as_code(run.ablated)
    lines = ["import torch", ""]
    if names:
        lines.insert(1, f"from gpt2lab import {', '.join(sorted(names))}")
    if view == "next":
        lines.insert(1, "from gpt2lab.generation import next_token_probabilities")
    device = run.tokens.device
    where = "" if device.type == "cpu" else f", device={str(device)!r}"
    lines.append(f"tokens = torch.tensor([encoding.encode_ordinary({text!r})[:{run.T}]]{where})  # (1, {run.T})")
    body = ["trace = model.trace(tokens)"]
    body += [_fill(line, layer, head, token, sampling) for line in _VIEWS[view]]
    lines.append(f"with {', '.join(['torch.no_grad()', *managers])}:")
    lines += [f"    {line}" for line in body]
    return "\n".join(lines) + "\n"


def tensors(run: Run, view: str, layer: int, head: int, token: int, sampling: tuple) -> dict[str, Tensor]:
    """The same values, from a run that has already been made; ValueError if it has not got them."""
    run.check(view, layer, head)
    if view in ("overview", "heads"):
        return {f"attn_weights {i}": run.block(i).attn.attn_weights[0] for i in range(run.n_layers)}
    if view == "head":
        return {"attn_weights": run.weights(layer, head)}
    if view == "scores":
        attn = run.block(layer).attn
        names = ("raw_scores", "scores", "masked_scores", "attn_weights")
        rows = {name: getattr(attn, name)[0, head, token] for name in names}
        return {"q": attn.q[0, head, token], "k": attn.k[0, head], **rows}
    if view == "stream":
        return _stream(run, token)
    if view == "neurons":
        ffn = run.block(layer).ffn
        return {"pre": ffn.pre[0, token], "post": ffn.post[0, token]}
    if view == "lens":
        return {"logits": run.lens(token)}
    logits = run.logits(token)
    return {"logits": logits, "probabilities": next_token_probabilities(logits, *sampling)}


def _stream(run: Run, token: int) -> dict[str, Tensor]:
    blocks = [run.block(i) for i in range(run.n_layers)]
    return {
        "resid_pre": torch.stack([block.resid_pre[0, token] for block in blocks]),
        "attn_out": torch.stack([block.attn.out[0, token] for block in blocks]),
        "ffn_out": torch.stack([block.ffn.out[0, token] for block in blocks]),
        "resid_final": run.stream[-1, token],
    }


def _fill(line: str, layer: int, head: int, token: int, sampling: tuple) -> str:
    values: dict[str, Any] = {"layer": layer, "head": head, "token": token}
    values["sampling"] = ", ".join(map(repr, sampling))
    for name, value in values.items():
        line = line.replace(f"{{{name}}}", str(value))
    return line
