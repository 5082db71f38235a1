"""Generation: predict, choose, append, repeat.

The KV cache keeps the keys and values of earlier tokens, so that a new token costs one row of
attention instead of a whole pass.

Beyond ``context_length`` the window slides: the oldest token drops out and every remaining token
moves to an earlier position. Its position vector changes, and with it all keys and values; so the
window is computed afresh at every step, and the cache is never cropped.

Prompts of different length are padded on the left, where the mask hides the padding.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from gpt2lab.attention.cache import KVCache
from gpt2lab.errors import InputError, validates, whole_number
from gpt2lab.generation.sampling import Sampling
from gpt2lab.model import GPT2, evaluating, plain_model
from gpt2lab.tokenizer.tokens import pad_left, token_ids

Rows = TypeVar("Rows", Tensor, list[list[int]])


@validates
def generate(
    model: GPT2,
    tokens: Rows,
    max_new_tokens: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    stop: int | Collection[int] | None = None,
    allowed: Collection[int] | None = None,
    use_cache: bool = True,
    generator: torch.Generator | None = None,
) -> Rows:
    """Continue prompts.

    Parameters
    ----------
    model : GPT2
        Run in evaluation mode (no dropout); its mode is restored afterwards.
    tokens : (B, T) prompts of one length, or a list of lists of token ids, of any length
        GPT-2 adds no token of its own in front.
    max_new_tokens : int
    temperature, top_k, top_p
        See ``next_token_probabilities``. ``temperature=0`` is greedy.
    stop : int or collection of int, optional
        Ends a sequence; a batch goes on until all have ended, repeating the stop token.
    allowed : collection of int, optional
        The only ids that may be drawn, such as ``range(50257)`` where the vocabulary is padded; all
        by default. Other ids are left out before top-k and top-p.
    use_cache : bool
        The result is the same without it, only slower.
    generator : torch.Generator, optional
        Makes sampling repeatable. The rows of a batch share it.

    Returns
    -------
    (B, T + new) the prompts and the new tokens, the stop token included; for lists a list of lists, in
    which each row ends where it would end alone.

    Raises
    ------
    ValueError
        See ``Sampling`` and ``GPT2.forward``; also for max_new_tokens < 0, for stop or allowed ids
        that are not in the vocabulary, and if the model's logits are not finite.
    """
    sampling = Sampling(temperature, top_k, top_p)
    run: _Run = _prepare(model, tokens, max_new_tokens, sampling, stop, allowed, use_cache, generator)
    text = torch.cat([run.tokens, *(token for token, _ in run.steps())], dim=1)
    return text if isinstance(tokens, Tensor) else run.unpadded(text)


@validates
def generate_steps(
    model: GPT2,
    tokens: Tensor | list[list[int]],
    max_new_tokens: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    stop: int | Collection[int] | None = None,
    allowed: Collection[int] | None = None,
    use_cache: bool = True,
    generator: torch.Generator | None = None,
) -> Iterator[tuple[Tensor, Tensor]]:
    """``generate``, one token at a time, for live views.

    Yields
    ------
    token : (B, 1)
    probabilities : (B, vocab_size)
        The distribution it was drawn from.
    """
    sampling = Sampling(temperature, top_k, top_p)
    return _prepare(model, tokens, max_new_tokens, sampling, stop, allowed, use_cache, generator).steps()


@validates
def _prepare(
    model: GPT2,
    tokens: Tensor | list[list[int]],
    max_new_tokens: int,
    sampling: Sampling,
    stop: object,
    allowed: object,
    use_cache: bool,
    generator: torch.Generator | None,
) -> _Run:
    """Check everything before the first step."""
    model = plain_model(model, "generate")
    new = whole_number("max_new_tokens", max_new_tokens)
    mask = None
    if isinstance(tokens, (list, tuple)):
        tokens, mask = pad_left(tokens)
        device = model.token_embedding.weight.device
        tokens, mask = tokens.to(device), None if bool(mask.all()) else mask.to(device)
    limit = model.config.context_length
    model.check_tokens(tokens[:, -limit:] if isinstance(tokens, Tensor) and tokens.ndim == 2 else tokens)
    vocab_size = model.config.vocab_size
    stops = torch.tensor([] if stop is None else token_ids("stop", stop, vocab_size), dtype=tokens.dtype)
    forbidden = None
    if allowed is not None:
        ids = token_ids("allowed", allowed, vocab_size)
        if not ids:
            raise InputError("allowed must name at least one token id, got none")
        forbidden = torch.ones(vocab_size, dtype=torch.bool, device=tokens.device)  # (vocab_size,)
        forbidden[ids] = False
    return _Run(model, tokens, mask, new, sampling, stops.to(tokens.device), forbidden, use_cache, generator)


@dataclass(frozen=True)
class _Run:
    """One call of ``generate``, checked."""

    model: GPT2
    tokens: Tensor  # (B, T)
    mask: Tensor | None  # (B, T) bool, True = a real token
    new: int
    sampling: Sampling
    stops: Tensor  # (n_stops,)
    forbidden: Tensor | None  # (vocab_size,) bool
    use_cache: bool
    generator: torch.Generator | None

    def steps(self) -> Iterator[tuple[Tensor, Tensor]]:
        tokens, mask, limit = self.tokens, self.mask, self.model.config.context_length
        ended = torch.zeros(len(tokens), 1, dtype=torch.bool, device=tokens.device)
        # Without the causal mask old tokens would see new ones: their keys change, nothing can be kept.
        # The same holds beyond the context, where every position shifts at every step.
        cacheable = self.use_cache and self.model.causal and tokens.shape[1] <= limit
        capacity = min(limit, tokens.shape[1] + self.new)
        cache = KVCache(self.model.config, capacity) if cacheable else None
        unseen = tokens.shape[1]  # how many tokens at the end the cache has not seen yet
        for _ in range(self.new):
            window = unseen if cache is not None else limit
            logits = self._last_logits(tokens[:, -window:], cache, None if mask is None else mask[:, -window:])
            probabilities = self.sampling.probabilities(logits)  # (B, vocab_size)
            token = self._draw(probabilities)  # (B, 1)
            if len(self.stops):
                token = torch.where(ended, tokens[:, -1:], token)
                ended |= torch.isin(token, self.stops)
            yield token, probabilities
            tokens, unseen = torch.cat([tokens, token], dim=1), 1
            if mask is not None:
                mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
            if tokens.shape[1] > limit:
                cache = None
            if len(self.stops) and bool(ended.all()):
                return

    @torch.inference_mode()
    def _last_logits(self, tokens: Tensor, cache: KVCache | None, mask: Tensor | None) -> Tensor:
        """Logits after the last token, -inf for what may not be drawn: (B, vocab_size)."""
        with evaluating(self.model):
            logits = self.model.unembed(self.model.hidden(tokens, cache, mask)[:, -1])
        if self.forbidden is not None:
            logits = logits.masked_fill(self.forbidden, -torch.inf)
        if not bool(logits.amax(dim=-1).isfinite().all()):  # amax of a row with a nan is nan
            raise InputError(
                "the model's logits are nan or infinite, so there is no next token to choose: its weights hold nan, "
                "or numbers that grew too large"
            )
        return logits

    def _draw(self, probabilities: Tensor) -> Tensor:
        if self.sampling.temperature == 0:
            return probabilities.argmax(dim=-1, keepdim=True)
        return torch.multinomial(probabilities, 1, generator=self.generator)

    def unpadded(self, text: Tensor) -> list[list[int]]:
        """The rows (B, T + new) without their padding, each up to its first new stop token."""
        T, stops = self.tokens.shape[1], set(self.stops.tolist())
        first = [0] * len(text) if self.mask is None else self.mask.int().argmax(dim=1).tolist()
        rows = []
        for row, start in zip(text.tolist(), first, strict=True):
            end = next((i + 1 for i in range(T, len(row)) if row[i] in stops), len(row))
            rows.append(row[start:end])
        return rows
