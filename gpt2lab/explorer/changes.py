"""Parts that are switched off, written as words: what the explorer's ``ablated`` trait holds.

"mask"          every position sees the future
"positions"     no position vectors
"attention 2"   the whole attention of layer 2 adds nothing
"ffn 2"         the feed-forward network of layer 2 adds nothing
"head 2.5"      head 5 of layer 2 adds nothing
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import NamedTuple, TypeGuard, cast

from gpt2lab import interventions
from gpt2lab.errors import InputError, shown
from gpt2lab.model import GPT2

_PATTERN = re.compile(r"mask|positions|(?:attention|ffn) (\d+)|head (\d+)\.(\d+)", re.ASCII)


class Parts(NamedTuple):
    """The words by kind."""

    mask: bool
    positions: bool
    attention: list[int]  # layers
    ffn: list[int]  # layers
    head: list[tuple[int, int]]  # (layer, head)


def check(ablated: object, model: object) -> list[str]:
    """The list, each word once, or an InputError that says what was expected of a list for this model."""
    if isinstance(ablated, str):
        raise InputError(
            f'ablated must be a list of words such as ["head 0.1", "mask"], got the string {shown(ablated)}'
        )
    if not ablated:
        return []
    if not isinstance(ablated, Iterable):
        raise InputError(f'ablated must be a list of words such as ["head 0.1", "mask"], got {shown(ablated)}')
    if not possible(model):
        raise InputError("parts of this model cannot be switched off: it is not built from gpt2lab's blocks")
    shape = [block.attn.n_heads for block in model.blocks]
    words = [_checked(word, shape) for word in ablated]
    return list(dict.fromkeys(words))


def _checked(word: object, shape: list[int]) -> str:
    """A word about a model with so many heads per layer."""
    match = _PATTERN.fullmatch(word) if isinstance(word, str) else None
    if match is None:
        raise InputError(f'expected "mask", "positions", "attention 2", "ffn 2" or "head 2.5", got {shown(word)}')
    layer = match[1] or match[2]
    if layer is not None and int(layer) >= len(shape):
        raise InputError(f"{word!r} names layer {layer}, but the last layer is {len(shape) - 1}")
    if match[3] is not None and int(match[3]) >= shape[int(layer)]:
        raise InputError(f"{word!r} names head {match[3]}, but the last head is {shape[int(layer)] - 1}")
    return match[0]


def sort(ablated: Sequence[str]) -> Parts:
    """The words by kind, in their order."""
    matches = [match for word in ablated if (match := _PATTERN.fullmatch(word))]
    layers = {kind: [int(match[1]) for match in matches if match[0].startswith(kind)] for kind in ("attention", "ffn")}
    return Parts(
        mask="mask" in ablated,
        positions="positions" in ablated,
        attention=layers["attention"],
        ffn=layers["ffn"],
        head=[(int(match[2]), int(match[3])) for match in matches if match[3] is not None],
    )


@contextmanager
def applied(model: object, ablated: Sequence[str]) -> Iterator[None]:
    """Switch the parts off for the length of a ``with`` block; ``check`` has seen that the model has them."""
    parts, gpt2 = sort(ablated), cast(GPT2, model)
    with ExitStack() as stack:
        if parts.mask:
            stack.enter_context(interventions.without_causal_mask(gpt2))
        if parts.positions:
            stack.enter_context(interventions.without_positions(gpt2))
        if parts.attention:
            stack.enter_context(interventions.ablate_attention(gpt2, parts.attention))
        if parts.ffn:
            stack.enter_context(interventions.ablate_feedforward(gpt2, parts.ffn))
        if parts.head:
            stack.enter_context(interventions.ablate_heads(gpt2, parts.head))
        yield


def as_code(ablated: Sequence[str]) -> tuple[list[str], list[str]]:
    """The names to import and the context managers to write, for ``Explorer.code``."""
    parts = sort(ablated)
    calls = []
    if parts.mask:
        calls.append(("without_causal_mask", ""))
    if parts.positions:
        calls.append(("without_positions", ""))
    if parts.attention:
        calls.append(("ablate_attention", f", {sorted(parts.attention)}"))
    if parts.ffn:
        calls.append(("ablate_feedforward", f", {sorted(parts.ffn)}"))
    if parts.head:
        calls.append(("ablate_heads", f", {sorted(parts.head)}"))
    return [name for name, _ in calls], [f"{name}(model{rest})" for name, rest in calls]


def possible(model: object) -> TypeGuard[GPT2]:
    """Whether the interventions know where to reach into this model: it has a GPT-2's parts."""
    try:
        return all(
            hasattr(block.attn, "out") and hasattr(block.attn, "causal") and hasattr(block.ffn, "down")
            for block in getattr(model, "blocks", None)  # type: ignore[union-attr]  # a TypeError says no
        ) and hasattr(model, "position_embedding")
    except (AttributeError, TypeError):
        return False
