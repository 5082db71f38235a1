"""The scene: what the browser gets after every run, so that it can show a first picture without asking."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from gpt2lab.explorer import changes, packing, patches
from gpt2lab.explorer.answers import answer, first_questions
from gpt2lab.explorer.links import signature
from gpt2lab.explorer.models import context_length, vocab_size
from gpt2lab.explorer.runs import Run
from gpt2lab.explorer.screen import Screen

FIRST_MAP_BYTES = 40_000  # a larger map is sent when asked for, not with the first picture


def make_scene(screen: Screen, fixed: bool = False) -> dict[str, object]:
    """Labels, shapes, thumbnails of every head, and the first answers.

    ``fixed``: no part can be switched off, because nobody is there to run the model.
    """
    runs, run = screen.runs, screen.runs[-1]
    heads = grid([r.shape for r in runs])
    return {
        "rev": screen.revision,
        "text": screen.text,  # what the picture is of; the trait may be ahead of it
        "labels": screen.labels_of(runs[0]),
        "labels_b": screen.labels if screen.sentences else None,  # of the second sentence
        "ids": runs[0].tokens[0].tolist(),
        "context": context_length([r.model for r in runs]),  # the most tokens, if the models say so
        "note": screen.note,
        "hint": "",
        "names": list(screen.names),
        "can": {
            "change": not fixed and changes.possible(run.model),
            "patch": not fixed and patches.possible(run.model),
            "mask": changes.possible(run.model) and any(block.attn.causal for block in run.model.blocks),
            "second": not fixed and runs[0].model is run.model,
            "next": all(r.has_logits for r in runs),
            "write": all(r.has_logits and not r.fills_blanks for r in runs),
            "ffn": run.has_ffn,
            "stream": run.stream is not None,
            "lens": run.has_lens,
        },
        "shape": run.shape,  # of the model whose parts can be switched off
        "grid": heads,  # heads per layer, of whichever model has more
        "model": signature(heads, vocab_size([r.model for r in runs])),  # for links
        "off": list(screen.ablated),
        "patched": list(screen.patched),
        "other": screen.no_other,  # why a patch cannot take from the other sentence
        "layers": _layer_names(runs),
        "fills": run.fills_blanks,  # a prediction is about a token's own place, not about the next one
        "d_model": 0 if run.stream is None else run.stream.shape[-1],
        "runs": [_run(r) for r in runs],
        "first": _first_answers(screen),
    }


def _layer_names(runs: Sequence[Run]) -> list[str]:
    longest = max(runs, key=lambda run: run.n_layers)
    return [longest.layer_name(i) for i in range(longest.n_layers)]


def grid(shapes: list[list[int]]) -> list[int]:
    """Heads per layer, of whichever model has more."""
    return [max(heads) for heads in itertools.zip_longest(*shapes, fillvalue=0)]


def _run(run: Run) -> dict[str, object]:
    return {
        "shape": run.shape,
        "triangular": run.triangular,
        "roles": run.roles,
        "size": run.thumbnails[0].shape[-1],
        "thumbnails": b"".join(packing.pack(t, run.triangular) for t in run.thumbnails),
    }


def _first_answers(screen: Screen) -> dict[str, object]:
    first: dict[str, object] = {}
    for question in first_questions(screen):
        try:
            meta, buffers = answer(screen, question)
        except ValueError:
            continue
        if sum(map(len, buffers)) <= FIRST_MAP_BYTES:
            first[question] = {"meta": meta, "buffers": buffers}
    return first
