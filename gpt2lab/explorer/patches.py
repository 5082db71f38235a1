"""What is patched on screen, and why something cannot be: the explorer's side of ``gpt2lab.studies.patching``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeGuard, cast

from gpt2lab.errors import InputError
from gpt2lab.explorer import changes
from gpt2lab.explorer.runs import Run, is_gpt2
from gpt2lab.model import GPT2
from gpt2lab.studies.patch_words import Patch, check_places, read
from gpt2lab.studies.patching import Blocks, Put, donated, heads_of
from gpt2lab.trace import BlockTrace


def possible(model: object) -> TypeGuard[GPT2]:
    """Whether the places of this model are known: a GPT2 of the course, or a relative with the same ``trace``."""
    return changes.possible(model) and is_gpt2(model)


def need(model: object) -> GPT2:
    """The model, or an InputError if it cannot be patched."""
    if not possible(model):
        raise InputError("this model cannot be patched: it is not built from gpt2lab's blocks")
    return model


def check(patched: object, model: object) -> list[str]:
    """The list, each place once, or an InputError that says what was expected of a list for this model."""
    if not patched:
        return []
    return [patch.word for patch in read(patched, heads_of(need(model)))]  # type: ignore[arg-type]  # read looks


def no_other(first: int, second: int) -> str:
    """Why nothing comes from the other sentence, of sentences of so many tokens; empty if something can."""
    if not second:
        return "There is no second sentence."
    if first != second:
        return f"The sentences have {first:,} and {second:,} tokens; a patch from the other needs the same number."
    return ""


def check_here(words: Sequence[str], model: object, T: int, lengths: tuple[int, int]) -> list[Patch]:
    """The patches, or an InputError for the first that cannot be made on this text, in a sentence.

    Parameters
    ----------
    T : tokens on screen
    lengths : tokens of both sentences, before they were brought to one length; 0 for none
    """
    patches = read(words, heads_of(need(model)))
    for patch in patches:
        check_places([patch], T)
        if patch.source == "other" and not lengths[1]:
            raise InputError(f"{patch.word!r} takes from the other sentence: type a second sentence first")
        if patch.source == "other" and lengths[0] != lengths[1]:
            raise InputError(
                f"{patch.word!r} takes from the same place in the other sentence: both need the same number of "
                f"tokens, got {lengths[0]:,} and {lengths[1]:,}"
            )
    return patches


def put(patches: Sequence[Patch], own: Run, other: Run | None) -> Put:
    """The patches with their values, from unpatched runs; a network that is off stays off."""
    kept = [patch for patch in patches if not (patch.kind == "ffn" and f"ffn {patch.layer}" in own.ablated)]
    return donated(kept, _blocks(own), None if other is None else _blocks(other))


def _blocks(run: Run) -> Blocks:
    return lambda layer: cast(BlockTrace, run.block(layer))
