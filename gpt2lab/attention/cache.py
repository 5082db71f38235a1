"""The KV cache: keys and values of the tokens so far, kept so that a new token costs one row of attention.

With a causal mask no token sees a later one, so keys and values never change once they are computed.
"""

from __future__ import annotations

import weakref

import torch
from torch import Tensor, nn

from gpt2lab.config import GPT2Config
from gpt2lab.errors import InputError, validates, whole_number
from gpt2lab.masking import Padding


class LayerCache:
    """Keys and values of one layer, in a buffer that is filled from the left."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.length = 0
        self._kept: tuple[Tensor, Tensor] | None = None  # keys and values, (B, n_heads, capacity, d_head) each

    @property
    def batch(self) -> int | None:
        """B of what is held; None while the cache is empty."""
        return None if self._kept is None else len(self._kept[0])

    def append(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Add the new keys and values, (B, n_heads, T, d_head) each; return all so far.

        Raises
        ------
        ValueError
            If they are more than the buffer holds, or of another batch, width or precision.
        """
        B, n_heads, T, d_head = k.shape
        if self._kept is None:
            shape = B, n_heads, self.capacity, d_head
            self._kept = k.new_empty(shape), v.new_empty(shape)
        keys, values = self._kept
        if len(keys) != B:
            raise InputError(f"the cache belongs to a batch of {len(keys)}, got a batch of {B}")
        if (keys.shape[1], keys.shape[3], keys.dtype, keys.device) != (n_heads, d_head, k.dtype, k.device):
            raise InputError(
                f"the cache holds {keys.shape[1]} heads of width {keys.shape[3]} ({keys.dtype} on {keys.device}), "
                f"got {n_heads} of width {d_head} ({k.dtype} on {k.device}): start with a new one"
            )
        end = self.length + T
        if end > self.capacity:
            raise InputError(f"the cache holds {self.capacity} tokens, got {end}")
        keys[:, :, self.length : end] = k
        values[:, :, self.length : end] = v
        self.length = end
        return keys[:, :, :end], values[:, :, :end]


class KVCache:
    """Keys and values of all layers; hand it to ``GPT2.hidden(tokens, cache)``.

    Parameters
    ----------
    capacity : int, optional
        Most tokens it can hold; ``context_length`` by default.

    Raises
    ------
    ValueError
        If the capacity is not a whole number of at least 1.
    """

    @validates
    def __init__(self, config: GPT2Config, capacity: int | None = None) -> None:
        if not isinstance(config, GPT2Config):
            raise InputError(f"KVCache needs the model's config, KVCache(model.config), got {type(config).__name__}")
        default = config.context_length if capacity is None else capacity
        room = whole_number("the capacity of a cache", default, 1, ", or None for the whole context")
        self.layers = [LayerCache(room) for _ in range(config.n_layers)]
        self._real: Tensor | None = None  # (B, length) bool, True = a real token; None if all are
        self._model: weakref.ref[nn.Module] | None = None  # whose keys and values these are

    @property
    def length(self) -> int:
        """Tokens held so far: the position of the next one.

        Raises
        ------
        ValueError
            If the layers disagree, because a pass was interrupted half way.
        """
        lengths = {layer.length for layer in self.layers}
        if len(lengths) > 1:
            raise InputError(
                f"a pass with this cache was interrupted: its layers hold between {min(lengths)} and {max(lengths)} "
                "tokens; start again with a new KVCache"
            )
        return lengths.pop()

    def admit(self, model: nn.Module, n_layers: int, B: int, T: int) -> None:
        """Refuse tokens (B, T) that would not follow those in the cache; the first model owns the cache."""
        if len(self.layers) != n_layers:
            raise InputError(
                f"the cache has {len(self.layers)} layers, the model {n_layers}: make it with KVCache(model.config)"
            )
        owner = self._model and self._model()
        if self._model is not None and owner is not model:
            raise InputError("the cache holds the keys and values of another model: make one for each")
        if self.length + T > self.layers[0].capacity:
            raise InputError(f"the cache holds {self.layers[0].capacity} tokens, got {self.length + T}")
        held = self.layers[0].batch
        if held not in (None, B):
            raise InputError(f"the cache belongs to a batch of {held}, got a batch of {B}")
        self._model = weakref.ref(model)

    def padding(self, tokens: Tensor, mask: Tensor | None) -> Padding | None:
        """Where the new tokens (B, T) stand and which keys are padding, those in the cache included.

        ``mask`` (B, T) is True for real tokens; None if all are. The cache remembers it for later tokens.
        """
        if mask is None and self._real is None:
            return None
        new = torch.ones_like(tokens, dtype=torch.bool) if mask is None else mask  # (B, T)
        before = self._real
        if before is None:
            before = new.new_ones(len(tokens), self.length, dtype=torch.bool)  # (B, length)
        padding = Padding.of(new, tokens, before)
        self._real = None if padding is None else padding.real
        return padding
