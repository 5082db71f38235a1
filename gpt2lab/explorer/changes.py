"""Parts that are switched off, written as words: what the explorer's ``ablated`` trait holds.

"mask"          every position sees the future
"positions"     no position vectors
"attention 2"   the whole attention of layer 2 adds nothing
"ffn 2"         the feed-forward network of layer 2 adds nothing
"head 2.5"      head 5 of layer 2 adds nothing
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from gpt2lab import interventions
from gpt2lab.errors import InputError

_PATTERN = re.compile(r"mask|positions|(?:attention|ffn) (\d+)|head (\d+)\.(\d+)", re.ASCII)


def check(ablated: Any, model: Any) -> list[str]:
    """The list, each word once, or a ValueError that says what was expected of a list for this model."""
    if isinstance(ablated, str):
        raise InputError(f'ablated must be a list of words such as ["head 0.1", "mask"], got the string {ablated!r}')
    if not ablated:
        return []
    if not possible(model):
        raise InputError("parts of this model cannot be switched off: it is not built from gpt2lab's blocks")
    shape = [block.attn.n_heads for block in model.blocks]
    for word in ablated:
        match = _PATTERN.fullmatch(word) if isinstance(word, str) else None
        if match is None:
            raise InputError(f'expected "mask", "positions", "attention 2", "ffn 2" or "head 2.5", got {word!r}')
        layer = match[1] or match[2]
        if layer is not None and int(layer) >= len(shape):
            raise InputError(f"{word!r} names layer {layer}, but the last layer is {len(shape) - 1}")
        if match[3] is not None and int(match[3]) >= shape[int(layer)]:
            raise InputError(f"{word!r} names head {match[3]}, but the last head is {shape[int(layer)] - 1}")
    return list(dict.fromkeys(ablated))


def sort(ablated: list[str]) -> dict[str, list]:
    """The words by kind: mask and positions [] or [True], attention and ffn layers, head pairs."""
    kinds: dict[str, list] = {"mask": [], "positions": [], "attention": [], "ffn": [], "head": []}
    for word in ablated:
        kind, _, which = word.partition(" ")
        if kind == "head":
            layer, head = which.split(".")
            kinds[kind].append((int(layer), int(head)))
        else:
            kinds[kind].append(int(which) if which else True)
    return kinds


@contextmanager
def applied(model: Any, ablated: list[str]) -> Iterator[Any]:
    """Switch the parts off for the length of a ``with`` block."""
    kinds = sort(ablated)
    with ExitStack() as stack:
        if kinds["mask"]:
            stack.enter_context(interventions.without_causal_mask(model))
        if kinds["positions"]:
            stack.enter_context(interventions.without_positions(model))
        if kinds["attention"]:
            stack.enter_context(interventions.ablate_attention(model, kinds["attention"]))
        if kinds["ffn"]:
            stack.enter_context(interventions.ablate_feedforward(model, kinds["ffn"]))
        if kinds["head"]:
            stack.enter_context(interventions.ablate_heads(model, kinds["head"]))
        yield model


def as_code(ablated: list[str]) -> tuple[list[str], list[str]]:
    """The names to import and the context managers to write, for ``Explorer.code``."""
    kinds = sort(ablated)
    calls = []
    if kinds["mask"]:
        calls.append(("without_causal_mask", ""))
    if kinds["positions"]:
        calls.append(("without_positions", ""))
    if kinds["attention"]:
        calls.append(("ablate_attention", f", {sorted(kinds['attention'])}"))
    if kinds["ffn"]:
        calls.append(("ablate_feedforward", f", {sorted(kinds['ffn'])}"))
    if kinds["head"]:
        calls.append(("ablate_heads", f", {sorted(kinds['head'])}"))
    return [name for name, _ in calls], [f"{name}(model{rest})" for name, rest in calls]


def possible(model: Any) -> bool:
    """Whether the interventions know where to reach into this model."""
    blocks = getattr(model, "blocks", None)
    try:
        return all(
            hasattr(block.attn, "out") and hasattr(block.attn, "causal") and hasattr(block.ffn, "down")
            for block in blocks
        ) and hasattr(model, "position_embedding")
    except (AttributeError, TypeError):
        return False
