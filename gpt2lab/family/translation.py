"""Translation, greedily: the source is encoded once, then the target grows by the most probable token.

    target = [start]
    target = target + [argmax p(next token | source, target)]      until the end token

Source: Sutskever et al. 2014, "Sequence to Sequence Learning with Neural Networks", section 3.2, with a
beam of one. Vaswani et al. 2017 (section 6.1) use a beam of four, which looks a little further ahead.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from gpt2lab.errors import InputError, validates, whole_number
from gpt2lab.family.encoder_decoder import EncoderDecoder
from gpt2lab.model import evaluating
from gpt2lab.tokenizer.tokens import pad_left, token_ids


@validates
def translate(
    model: EncoderDecoder,
    source: Tensor | list[list[int]],
    *,
    start: int,
    end: int,
    max_new_tokens: int | None = None,
    source_mask: Tensor | None = None,
) -> list[list[int]]:
    """The most probable translation of each row, token by token.

    Parameters
    ----------
    model : EncoderDecoder
    source : (B, S) token ids, or lists of token ids
        Lists may differ in length; each is translated as if alone.
    start, end : int
        The target token that begins every translation, and the one that ends it.
    max_new_tokens : int, optional
        Longest translation in tokens, the end token included; by default what the context holds.
    source_mask : (B, S) bool, True = a real token, optional

    Returns
    -------
    list of B lists of token ids, without start and end
        A row that did not come to its end has ``max_new_tokens`` tokens.

    Raises
    ------
    ValueError
        As ``EncoderDecoder.forward``; also for start or end outside the target's vocabulary, or more new
        tokens than the context holds.
    """
    steps = translate_steps(model, source, start=start, end=end, max_new_tokens=max_new_tokens, source_mask=source_mask)
    tokens = torch.cat([token for token, _ in steps], dim=1)  # (B, T)
    return [row[: row.index(end)] if end in row else row for row in tokens.tolist()]


@validates
def translate_steps(
    model: EncoderDecoder,
    source: Tensor | list[list[int]],
    *,
    start: int,
    end: int,
    max_new_tokens: int | None = None,
    source_mask: Tensor | None = None,
) -> Iterator[tuple[Tensor, Tensor]]:
    """``translate``, one token at a time, for live views. Arguments are checked before the first step.

    Yields
    ------
    token : (B, 1)
        Rows that have ended repeat the end token.
    probabilities : (B, vocab_size)
        The distribution it is the most probable token of.
    """
    if not isinstance(model, EncoderDecoder):
        raise InputError(f"translate needs an EncoderDecoder, got {type(model).__name__}; a GPT2 writes with generate")
    first, last = (_one_id(name, id, model.config.vocab_size) for name, id in (("start", start), ("end", end)))
    limit = model.config.context_length
    most = limit if max_new_tokens is None else whole_number("max_new_tokens", max_new_tokens, 1)
    if most > limit:
        raise InputError(f"max_new_tokens must be at most context_length = {limit}, got {most}")
    if isinstance(source, (list, tuple)):
        if source_mask is not None:
            raise InputError("lists of token ids need no source_mask: their lengths say what is real")
        source, source_mask = (tensor.to(model.token_embedding.weight.device) for tensor in pad_left(source))
    model.source_padding(source, source_mask)
    return _steps(model, source, source_mask, first, last, most)


@torch.no_grad()
def _steps(
    model: EncoderDecoder, source: Tensor, source_mask: Tensor | None, start: int, end: int, most: int
) -> Iterator[tuple[Tensor, Tensor]]:
    with evaluating(model):
        memory, padding = model.encode(source, source_mask)
    target = torch.full((len(source), 1), start, device=source.device)  # (B, 1)
    ended = torch.zeros_like(target, dtype=torch.bool)  # (B, 1)
    for _ in range(most):
        with evaluating(model):
            logits = model.decode(target, memory, padding)[:, -1]  # (B, vocab_size)
        token = logits.argmax(dim=-1, keepdim=True).masked_fill(ended, end)  # (B, 1)
        yield token, logits.softmax(dim=-1)
        ended = token == end
        if bool(ended.all()):
            return
        target = torch.cat([target, token], dim=1)  # (B, T + 1)


def _one_id(name: str, value: object, vocab_size: int) -> int:
    return token_ids(name, whole_number(f"{name}: a token id", value), vocab_size)[0]
