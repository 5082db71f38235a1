"""Token ids as a model takes them: checked, and lists of different length made into one batch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from gpt2lab.config import GPT2Config
from gpt2lab.errors import InputError, shown, validates, whole_number


def readable(tensor: Tensor) -> bool:
    """Whether the numbers of a tensor can be looked at.

    Not on the meta device, where there are none; not while a graph is recorded (``torch.compile``,
    ``torch.export``, ``torch.jit.trace``), which has to hold for all values; and not inside ``torch.vmap``.
    """
    if tensor.is_meta or torch.compiler.is_compiling() or torch.jit.is_tracing():
        return False
    try:
        tensor.flatten()[:1].tolist()
    except RuntimeError:  # how vmap and fake tensors say that there is no single value
        return False
    return True


@validates
def check_tokens(
    tokens: Tensor,
    config: GPT2Config,
    start: int = 0,
    values: bool = True,
    name: str = "tokens",
    vocab_size: int | None = None,
) -> None:
    """Refuse what is not a batch of token ids that fits into the context.

    Parameters
    ----------
    start : int
        Tokens that stand before these in the context.
    values : bool
        False leaves the ids themselves unchecked.
    name : str
        What the messages call them: a model of two sequences has a source and a target.
    vocab_size : int, optional
        The config's by default.
    """
    if not isinstance(tokens, Tensor) or tokens.dtype not in (torch.int64, torch.int32):
        got = tokens.dtype if isinstance(tokens, Tensor) else type(tokens).__name__
        raise InputError(f"{name} must be a tensor of token ids (torch.long), got {got}")
    if tokens.ndim != 2:
        raise InputError(
            f"{name} must have shape (B, T), got {tuple(tokens.shape)}; "
            "for one sequence use torch.tensor([ids]), with two brackets"
        )
    if tokens.numel() == 0:
        model = "GPT-2" if name == "tokens" else "the model"
        are = "are" if name.endswith("s") else "is"
        raise InputError(f"{name} {are} empty (shape {tuple(tokens.shape)}): {model} needs at least one token")
    T, limit = start + tokens.shape[1], config.context_length
    if T > limit:
        whole = "the sequence" if name == "tokens" else f"the {name}"
        raise InputError(f"{whole} has {T} tokens, but context_length is {limit}: shorten it to the last {limit}")
    if values and readable(tokens):
        low, high = (int(value) for value in tokens.aminmax())
        size = config.vocab_size if vocab_size is None else vocab_size
        if low < 0 or high >= size:
            wrong = low if low < 0 else high
            of = "" if name == "tokens" else f" of the {name}"
            raise InputError(f"token ids{of} must lie in [0, {size}), got {wrong}")


def token_ids(name: str, ids: object, vocab_size: int) -> list[int]:
    """One id or a collection of them, as a list in order; each must be in the vocabulary.

    Raises
    ------
    ValueError
        For text, for numbers that are not whole, and for ids outside the vocabulary.
    """
    if hasattr(ids, "tolist"):  # a tensor, or an array or a number of NumPy's
        ids = ids.tolist()
    if isinstance(ids, (str, bytes)):
        raise InputError(f"{name} takes token ids, got the text {shown(ids)}: encode it first")
    several = list(ids) if isinstance(ids, Iterable) else [ids]
    checked = sorted({whole_number(f"{name}: a token id", one) for one in several})
    if checked and checked[-1] >= vocab_size:
        raise InputError(f"{name}: token ids must lie in [0, {vocab_size}), got {checked[-1]}")
    return checked


@validates
def pad_left(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Lists of token ids of any length as one batch, each against the right edge.

    Returns
    -------
    tokens : (B, T) with T the longest length; 0 stands in the padding
    mask : (B, T) bool, True = a real token

    Raises
    ------
    ValueError
        If there is no row, a row is empty, or it holds something else than whole numbers.
    """
    lists = []
    for i, row in enumerate(rows):
        values = row.tolist() if hasattr(row, "tolist") else row
        if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
            raise InputError(
                "tokens must be a tensor of token ids (torch.long) or a list of lists such as [[1, 2], [3]], "
                f"got {shown(row)} as row {i}"
            )
        lists.append([whole_number(f"row {i}: a token id", value) for value in values])
    if not lists or not all(lists):
        where = f"row {lists.index([])} has none" if lists else "there is no row"
        raise InputError(f"tokens are empty ({where}): GPT-2 needs at least one token")
    T = max(map(len, lists))
    tokens = torch.tensor([[0] * (T - len(row)) + row for row in lists])  # (B, T)
    mask = torch.tensor([[False] * (T - len(row)) + [True] * len(row) for row in lists])  # (B, T)
    return tokens, mask
