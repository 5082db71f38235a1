"""Files of what is on screen: a picture, the numbers, or the explorer itself as one HTML page.

The page holds the widget's own JavaScript, its state and the answers to questions a reader may ask,
recorded here. It needs no kernel and no network. What was not recorded says so.
"""

from __future__ import annotations

import base64
import csv
import html
import io
import json
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import torch

from gpt2lab.errors import InputError
from gpt2lab.explorer import picture
from gpt2lab.explorer.assemble import css, esm
from gpt2lab.explorer.runs import STATISTICS
from gpt2lab.explorer.scene import next_question
from gpt2lab.files import atomic_write

PAGE_BYTES = 6_000_000  # answers recorded in a page, before base64
MANY_WORDS = 5_000  # above this vocabulary, next tokens and the lens are recorded around the selection only
NEAR = 16
STATE = ("layer", "head", "token", "key", "view", "ablated", "presenter", "temperature", "top_k", "top_p", "title")


def save(explorer: Any, path: Any) -> None:
    """Write the explorer to ``path``; the ending picks the kind.

    Raises
    ------
    ValueError
        For any ending but .png, .svg, .csv and .html.
    """
    path = Path(path)
    kinds = {".png": _png, ".svg": _svg, ".csv": _csv_bytes, ".html": _html_bytes}
    if path.suffix.lower() not in kinds:
        raise InputError(f"the file must end in {', '.join(kinds)}, got {path.name!r}")
    data = kinds[path.suffix.lower()](explorer)
    with atomic_write(path) as part:
        part.write_bytes(data)


def _png(explorer: Any) -> bytes:
    return picture.draw(explorer).png()


def _svg(explorer: Any) -> bytes:
    return picture.draw(explorer).svg()


def _csv_bytes(explorer: Any) -> bytes:
    return csv_text(explorer).encode("utf-8")


def _html_bytes(explorer: Any) -> bytes:
    return html_page(explorer).encode("utf-8")


def csv_text(explorer: Any) -> str:
    """The exact numbers of the present view, one row per item, with a header."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerows(_rows(explorer))
    return buffer.getvalue()


def _rows(explorer: Any) -> Iterator[tuple]:
    run, view, layer = explorer.runs[-1], explorer.view, explorer.layer
    labels = [explorer._label(i) for i in run.tokens[0].tolist()]
    if view in ("overview", "heads"):
        yield "layer", "head", "role", "score", "chance"
        for i, heads in enumerate(run.roles):
            for j, role in enumerate(heads):
                yield i, j, role["role"], role["score"], role["chance"]
        return
    tensors = explorer.selection_trace()
    if view == "head":
        yield "query", "query_token", "key", "key_token", "attn_weight"
        for i, row in enumerate(tensors["attn_weights"].tolist()):
            for j, weight in enumerate(row):
                yield i, labels[i], j, labels[j], weight
    elif view == "scores":
        names = ("raw_scores", "scores", "masked_scores", "attn_weights")
        yield "key", "key_token", *names
        for j, values in enumerate(zip(*(tensors[name].tolist() for name in names), strict=False)):
            yield j, labels[j], *values
    elif view == "stream":
        yield "layer", *STATISTICS
        for i, values in enumerate(run.statistics[:, :, explorer._token_index()].tolist()):
            yield i, *values
    elif view == "neurons":
        yield "layer", "neuron", "pre", "post"
        for i, values in enumerate(zip(tensors["pre"].tolist(), tensors["post"].tolist(), strict=False)):
            yield layer, i, *values
    elif view == "lens":
        yield "blocks_done", "rank", "token_id", "token", "probability"
        for i, row in enumerate(tensors["logits"].softmax(dim=-1)):
            for rank, token in enumerate(row.topk(min(10, len(row))).indices.tolist()):
                yield i, rank + 1, token, explorer._label(token), float(row[token])
    else:
        yield "token_id", "token", "logit", "probability", "sampling_probability"
        logits, sampled = tensors["logits"].float(), tensors["probabilities"]
        plain = logits.softmax(dim=-1)
        for token in torch.argsort(logits, descending=True, stable=True).tolist():
            yield (
                token,
                explorer._label(token),
                float(logits[token]),
                float(plain[token]),
                float(sampled[token]),
            )


def html_page(explorer: Any) -> str:
    """The explorer as one file that works from disk, without a kernel and without a network."""
    state = {name: getattr(explorer, name) for name in STATE}
    scene = {**explorer._scene, "can": {**explorer._scene["can"], "change": False}, "hint": ""}
    state |= {"_scene": scene, "_recorded": True, "message": "", "text": scene["text"]}
    recorded = {}
    size = 0
    for question in _questions(explorer):
        if question in recorded:
            continue
        try:
            meta, buffers = explorer.answer(question)
        except ValueError as error:
            recorded[question] = {"error": str(error)}
            continue
        size += sum(map(len, buffers)) + (len(json.dumps(meta)) if not buffers else 300)
        if size > PAGE_BYTES:
            break
        recorded[question] = {"meta": meta, "buffers": buffers}
    data = json.dumps({"state": state, "answers": recorded}, default=_base64)
    template = resources.files("gpt2lab.explorer").joinpath("page.html").read_text(encoding="utf-8")
    parts = {
        "TITLE": html.escape(explorer.title or "GPT-2 explorer"),
        "CSS": css(),
        "MODULE": esm().replace("export default { render };", ""),
        # Inside a script element only "<" can end it; as \u003c it is the same JSON.
        "DATA": data.replace("<", "\\u003c"),
    }
    first, *rest = template.split("@@")
    return first + "".join(parts[piece] if i % 2 == 0 else piece for i, piece in enumerate(rest))


def _base64(value: Any) -> dict:
    return {"base64": base64.b64encode(value).decode("ascii")}


def _questions(explorer: Any) -> Iterator[str]:
    """What a reader of the page may ask, most likely first."""
    runs = explorer.runs
    T, token = runs[0].T, explorer._token_index()
    each_run = [(r, run) for r, run in reversed(list(enumerate(runs)))]
    near = sorted(range(T), key=lambda t: abs(t - token))
    vocabulary = len(runs[-1].logits(token)) if runs[-1].has_logits else 0
    words = near if vocabulary <= MANY_WORDS else near[:NEAR]
    yield next_question(explorer)
    for r, run in each_run:
        yield from (f"map/{r}/{i}/{j}" for i, heads in enumerate(run.shape) for j in range(heads))
    sampling = next_question(explorer).split("/")[2:]
    yield from (f"next/{t}/{'/'.join(sampling)}" for t in words)
    for r, _ in each_run:
        yield from (f"stream/{r}/{t}" for t in near)
        yield from (f"lens/{r}/{t}" for t in words)
    for r, run in each_run:
        for t in words:
            yield from (f"neurons/{r}/{i}/{t}" for i in range(run.n_layers))
    for r, run in each_run:
        for t in near:
            yield from (f"scores/{r}/{i}/{j}/{t}" for i, heads in enumerate(run.shape) for j in range(heads))
