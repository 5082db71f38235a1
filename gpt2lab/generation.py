r"""Generation: predict, choose, append, repeat.

    probabilities = softmax(logits / temperature), restricted by top-k and top-p

The KV cache keeps the keys and values of earlier tokens, which never change because no token sees
a later one. A new token then costs one row of attention instead of a whole pass.

Beyond ``context_length`` the window slides: the oldest token drops out and every remaining token
moves to an earlier position. Its position vector changes, and with it all keys and values; so the
window is computed afresh at every step, and the cache is never cropped.

Sources: Radford et al. 2019, section 3.6 (top-k); Fan et al. 2018 (top-k); Holtzman et al. 2020,
"The Curious Case of Neural Text Degeneration" (top-p).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from gpt2lab.cache import KVCache as KVCache
from gpt2lab.cache import LayerCache as LayerCache
from gpt2lab.errors import InputError
from gpt2lab.model import GPT2, evaluating


def next_token_probabilities(logits: Tensor, temperature: Any = 1.0, top_k: Any = None, top_p: Any = None) -> Tensor:
    """The distribution the next token is drawn from: (..., vocab_size) -> (..., vocab_size).

    Parameters
    ----------
    temperature : float
        Divides the logits. 0 puts all probability on the largest one (the first, on a tie).
    top_k : int, optional
        Keep the k most probable tokens (ties with the k-th are kept as well).
    top_p : float, optional
        Keep the fewest most probable tokens that together have at least this probability. It is
        applied after top-k, to the renormalised distribution.

    Raises
    ------
    ValueError
        For a temperature that is negative or not a number, top_k < 1, or top_p outside (0, 1].
    """
    check_sampling(temperature, top_k, top_p)
    if temperature == 0:
        return torch.zeros_like(logits).scatter(-1, logits.argmax(dim=-1, keepdim=True), 1.0)
    logits = (logits - logits.amax(dim=-1, keepdim=True)) / temperature  # largest 0: cannot overflow
    if top_k is not None:
        kth = logits.topk(min(top_k, logits.shape[-1]), dim=-1).values[..., -1:]  # (..., 1)
        logits = logits.masked_fill(logits < kth, -torch.inf)
    probabilities = logits.softmax(dim=-1)
    if top_p is not None and top_p < 1:
        ordered, order = probabilities.sort(dim=-1, descending=True, stable=True)
        before = ordered.cumsum(dim=-1) - ordered  # probability of all more probable tokens
        dropped = torch.zeros_like(order, dtype=torch.bool).scatter(-1, order, before >= top_p)
        probabilities = probabilities.masked_fill(dropped, 0.0)
        probabilities = probabilities / probabilities.sum(dim=-1, keepdim=True)
    return probabilities


def check_sampling(temperature: Any, top_k: Any = None, top_p: Any = None) -> None:
    """Refuse settings that have no meaning."""
    if isinstance(temperature, bool) or not isinstance(temperature, (int, float)):
        raise InputError(f"temperature must be a number of at least 0 (0 is greedy), got {temperature!r}")
    if math.isnan(temperature) or math.isinf(temperature) or temperature < 0:
        raise InputError(f"temperature must be a number of at least 0 (0 is greedy), got {temperature}")
    if top_k is not None and (isinstance(top_k, bool) or not isinstance(top_k, int) or top_k < 1):
        raise InputError(f"top_k must be a whole number of at least 1, or None for all tokens, got {top_k!r}")
    if top_p is None:
        return
    if isinstance(top_p, bool) or not isinstance(top_p, (int, float)) or not 0 < top_p <= 1:
        raise InputError(f"top_p must lie in (0, 1], or be None for all tokens, got {top_p!r}")


def generate(
    model: GPT2,
    tokens: Tensor,
    max_new_tokens: int,
    *,
    temperature: Any = 1.0,
    top_k: Any = None,
    top_p: Any = None,
    stop: Any = None,
    use_cache: bool = True,
    generator: Any = None,
) -> Tensor:
    """Continue a prompt.

    Parameters
    ----------
    model : GPT2
        Run in evaluation mode (no dropout); its mode is restored afterwards.
    tokens : (B, T) prompt, T >= 1
        All B prompts have the same length. GPT-2 adds no token of its own in front.
    max_new_tokens : int
    temperature, top_k, top_p
        See ``next_token_probabilities``. ``temperature=0`` is greedy.
    stop : int or collection of int, optional
        Ends a sequence; a batch goes on until all have ended, repeating the stop token.
    use_cache : bool
        The result is the same without it, only slower.
    generator : torch.Generator, optional
        Makes sampling repeatable.

    Returns
    -------
    (B, T + new) the prompt and the new tokens, the stop token included.

    Raises
    ------
    ValueError
        See ``next_token_probabilities`` and ``GPT2.forward``; also for max_new_tokens < 0.
    """
    steps = generate_steps(
        model,
        tokens,
        max_new_tokens,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        stop=stop,
        use_cache=use_cache,
        generator=generator,
    )
    return torch.cat([tokens, *(token for token, _ in steps)], dim=1)


def generate_steps(
    model: GPT2,
    tokens: Tensor,
    max_new_tokens: int,
    *,
    temperature: Any = 1.0,
    top_k: Any = None,
    top_p: Any = None,
    stop: Any = None,
    use_cache: bool = True,
    generator: Any = None,
) -> Iterator[tuple[Tensor, Tensor]]:
    """``generate``, one token at a time, for live views.

    Yields
    ------
    token : (B, 1)
    probabilities : (B, vocab_size)
        The distribution it was drawn from.
    """
    check_sampling(temperature, top_k, top_p)
    if isinstance(max_new_tokens, bool) or not isinstance(max_new_tokens, int) or max_new_tokens < 0:
        raise InputError(f"max_new_tokens must be a whole number of at least 0, got {max_new_tokens!r}")
    limit = model.config.context_length
    model.check_tokens(tokens[:, -limit:] if isinstance(tokens, Tensor) and tokens.ndim == 2 else tokens)
    stops = torch.tensor(sorted({stop} if isinstance(stop, int) else set(stop or ())), dtype=tokens.dtype)
    return _steps(model, tokens, max_new_tokens, (temperature, top_k, top_p), stops, use_cache, generator)


def _steps(
    model: GPT2,
    tokens: Tensor,
    max_new_tokens: int,
    sampling: tuple,
    stops: Tensor,
    use_cache: bool,
    generator: Any,
) -> Iterator[tuple[Tensor, Tensor]]:
    limit = model.config.context_length
    stops = stops.to(tokens.device)
    ended = torch.zeros(len(tokens), 1, dtype=torch.bool, device=tokens.device)
    # Without the causal mask old tokens would see new ones: their keys change, nothing can be kept.
    # Beyond the context every position shifts at every step: the same.
    cacheable = use_cache and model.causal and tokens.shape[1] <= limit
    capacity = min(limit, tokens.shape[1] + max_new_tokens)
    cache = KVCache(model.config, capacity) if cacheable else None
    new = tokens  # what the cache has not seen yet
    for _ in range(max_new_tokens):
        logits = _last_logits(model, tokens, new, cache)  # (B, vocab_size)
        probabilities = next_token_probabilities(logits, *sampling)
        token = _draw(probabilities, sampling[0], generator)  # (B, 1)
        if len(stops):
            token = torch.where(ended, tokens[:, -1:], token)
            ended |= torch.isin(token, stops)
        yield token, probabilities
        tokens, new = torch.cat([tokens, token], dim=1), token
        if tokens.shape[1] > limit:
            cache = None
        if len(stops) and bool(ended.all()):
            return


@torch.inference_mode()
def _last_logits(model: GPT2, tokens: Tensor, new: Tensor, cache: KVCache | None) -> Tensor:
    """Logits after the last token: (B, vocab_size)."""
    with evaluating(model):
        window = tokens[:, -model.config.context_length :]
        hidden = model.hidden(window) if cache is None else model.hidden(new, cache)
        return model.unembed(hidden[:, -1])


def _draw(probabilities: Tensor, temperature: Any, generator: Any) -> Tensor:
    if temperature == 0:
        return probabilities.argmax(dim=-1, keepdim=True)
    return torch.multinomial(probabilities, 1, generator=generator)
