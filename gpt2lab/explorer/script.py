"""What is on screen as the Python that computes it; ``View.tensors`` computes the same from the run at hand."""

from __future__ import annotations

from gpt2lab.explorer import changes
from gpt2lab.explorer.screen import Screen
from gpt2lab.explorer.text import typed_ids
from gpt2lab.explorer.views import VIEWS


def script(screen: Screen) -> str:
    """A script that ends with ``shown``, a dict of tensors, given ``model`` and ``encoding``."""
    run, view = screen.run, VIEWS[screen.view]
    names, managers = changes.as_code(run.ablated)
    first = view.of_base or (len(screen.runs) > 1 and run is screen.runs[0])
    patches = bool(screen.patched) and not first
    imports = ["import torch"]
    if view.imports:
        imports.append(view.imports)
    if patches:
        imports.append("from gpt2lab.studies.patching import patched")
    if names:
        imports.append(f"from gpt2lab import {', '.join(sorted(names))}")
    device = run.tokens.device
    where = "" if device.type == "cpu" else f", device={str(device)!r}"
    second = screen.sentences and not first
    text, given = (screen.text_b, False) if second else (screen.text, screen.given)
    ids = repr(screen.ids) if given else f"encoding.encode_ordinary({text!r})[:{run.T}]"
    more = []
    if patches:
        other = ""
        if any(word.endswith("other") for word in screen.patched):
            typed = typed_ids(screen.text_b, None)
            theirs = f"encoding.encode_ordinary({screen.text_b!r})[:{run.T}]" if typed is None else repr(typed[: run.T])
            more = [f"other = torch.tensor([{theirs}]{where})  # (1, {run.T})"]
            other = ", other"
        managers.append(f"patched(model, {list(screen.patched)}, tokens{other})")
    body = ["trace = model.trace(tokens)", *(_fill(line, screen) for line in view.code)]
    lines = [
        *imports,
        "",
        f"tokens = torch.tensor([{ids}]{where})  # (1, {run.T})",
        *more,
        f"with {', '.join(['torch.no_grad()', *managers])}:",
        *(f"    {line}" for line in body),
    ]
    return "\n".join(lines) + "\n"


def _fill(line: str, screen: Screen) -> str:
    """Put the selection into a line of a view's code, which may hold braces of its own."""
    values = {
        "layer": screen.layer,
        "head": screen.head,
        "token": screen.token,
        "sampling": ", ".join(map(repr, screen.knobs.arguments)),
    }
    for name, value in values.items():
        line = line.replace(f"{{{name}}}", str(value))
    return line
