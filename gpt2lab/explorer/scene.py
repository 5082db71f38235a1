"""What the browser sees: the scene, which is sent after every run, and answers to what it asks later."""

from __future__ import annotations

import itertools
from typing import Any

from gpt2lab.errors import InputError
from gpt2lab.explorer import answers, changes, packing
from gpt2lab.explorer.runs import Run

FIRST_MAP_BYTES = 40_000  # a larger map is sent when asked for, not with the first picture


def make_scene(explorer: Any, note: str) -> dict:
    """Labels, shapes, thumbnails of every head, and the first two answers, so that nobody has to ask."""
    runs = explorer.runs
    run = runs[-1]
    ids = runs[0].tokens[0].tolist()
    return {
        "rev": explorer._revision,
        "text": explorer._text_shown,  # what the picture is of; the trait may be ahead of it
        "labels": [explorer._label(i) for i in ids],
        "ids": ids,
        "note": note,
        "hint": "",
        "names": explorer._names,
        "can": {
            "change": changes.possible(explorer._changed_model),
            "next": all(r.has_logits for r in runs),
            "stream": run.stream is not None,
            "lens": run.has_lens,
        },
        "shape": run.shape,  # of the model whose parts can be switched off
        "grid": _grid([r.shape for r in runs]),  # heads per layer, of whichever model has more
        "d_model": 0 if run.stream is None else run.stream.shape[-1],
        "runs": [_run(r) for r in runs],
        "first": _first_answers(explorer),
    }


def next_question(explorer: Any) -> str:
    """The question about the selected token's next one. Must be written as js/store.mjs writes it."""
    temperature, top_p = round(explorer.temperature * 1000), max(1, round(explorer.top_p * 1000))
    return f"next/{explorer._token_index()}/{temperature}/{explorer.top_k}/{top_p}"


def answer(explorer: Any, question: str) -> tuple[dict, list[bytes]]:
    """The answer to a question such as ``"map/0/3/5"``; see ``answers``. ValueError if there is none."""
    kind, *rest = question.split("/")
    numbers = [int(part) for part in rest]
    label = explorer._label
    if kind == "next":
        return _next(explorer, *numbers), []
    if kind in ("csv", "html", "code"):
        return _file(explorer, kind)
    run, numbers = explorer.runs[numbers[0]], numbers[1:]
    run.check(*(("head", *numbers) if kind == "map" else (kind, *numbers[:-1])))  # the last is the token
    if kind == "map":
        return answers.attention_map(run, *numbers)
    if kind == "scores":
        return answers.scores(run, *numbers)
    if kind == "stream":
        return answers.stream(run, *numbers)
    if kind == "neurons":
        return answers.neurons(run, *numbers, label)
    if kind == "lens":
        return answers.lens(run, *numbers, label)
    raise InputError(f"unknown question {question!r}")


def _grid(shapes: list[list[int]]) -> list[int]:
    return [max(heads) for heads in itertools.zip_longest(*shapes, fillvalue=0)]


def _run(run: Run) -> dict:
    return {
        "shape": run.shape,
        "triangular": run.triangular,
        "roles": run.roles,
        "size": run.thumbnails[0].shape[-1],
        "thumbnails": b"".join(packing.pack(t, run.triangular) for t in run.thumbnails),
    }


def _first_answers(explorer: Any) -> dict:
    first = {}
    selected = f"map/{len(explorer.runs) - 1}/{explorer.layer}/{explorer.head}"
    for question in (selected, next_question(explorer)):
        try:
            meta, buffers = answer(explorer, question)
        except ValueError:
            continue
        if sum(map(len, buffers)) <= FIRST_MAP_BYTES:
            first[question] = {"meta": meta, "buffers": buffers}
    return first


def _next(explorer: Any, token: int, temperature: int, top_k: int, top_p: int) -> dict:
    """temperature and top_p come in thousandths."""
    for run in explorer.runs:
        run.check("next")
    sampling = temperature / 1000, top_k or None, None if top_p == 1000 else top_p / 1000
    return answers.next_tokens(explorer.runs, token, sampling, explorer._label)


def _file(explorer: Any, kind: str) -> tuple[dict, list[bytes]]:
    from gpt2lab.explorer.files import csv_text, html_page

    if kind == "csv":
        return {"name": f"{explorer.view}.csv"}, [csv_text(explorer).encode("utf-8")]
    if kind == "html":
        return {"name": "explorer.html"}, [html_page(explorer).encode("utf-8")]
    return {"code": explorer.code()}, []
