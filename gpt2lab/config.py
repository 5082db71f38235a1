"""The eight numbers that define a GPT-2.

Source: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", table 2 and
section 2.3; layer-norm epsilon and dropout from the released hyper-parameters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from gpt2lab.errors import InputError, is_number, shown, validates, whole_number


@dataclass(frozen=True, kw_only=True)
@validates
class GPT2Config:
    """Shape of a GPT-2. Frozen: make another with ``config.with_(n_layers=3)``.

    Raises
    ------
    ValueError
        If a size is not a positive whole number, ``d_model`` is not divisible by ``n_heads``,
        or dropout or epsilon is out of range.
    """

    vocab_size: int = 50257  # tokens in the vocabulary: 256 bytes + 50,000 merges + <|endoftext|>
    context_length: int = 1024  # tokens; nothing exists past position 1023
    n_layers: int = 12  # blocks
    n_heads: int = 12  # heads per block
    d_model: int = 768  # width of the residual stream
    # Hidden width of the feed-forward network; None means 4 * d_model, and is that number from then on.
    d_ff: int = None  # type: ignore[assignment]
    dropout: float = 0.1  # probability, during training only
    layer_norm_eps: float = 1e-5  # added to the variance, inside the root

    def __post_init__(self) -> None:
        for name in ("vocab_size", "context_length", "n_layers", "n_heads", "d_model"):
            self._set(name, whole_number(name, getattr(self, name), 1))
        d_ff: int | None = self.d_ff
        self._set("d_ff", 4 * self.d_model if d_ff is None else whole_number("d_ff", d_ff, 1))
        if self.d_model % self.n_heads != 0:
            raise InputError(
                "d_model must be divisible by n_heads, because each head takes an equal slice of it: got "
                f"d_model={self.d_model} and n_heads={self.n_heads} (remainder {self.d_model % self.n_heads})"
            )
        if not (is_number(self.dropout) and 0 <= self.dropout < 1):
            raise InputError(f"dropout is a probability in [0, 1), got {shown(self.dropout)}")
        eps = self.layer_norm_eps
        if not (is_number(eps) and math.isfinite(eps) and eps > 0):
            raise InputError(f"layer_norm_eps must be a small positive number, got {shown(eps)}")
        for name in ("dropout", "layer_norm_eps"):  # NumPy's numbers become Python's: JSON knows no others
            if not isinstance(getattr(self, name), (int, float)):
                self._set(name, float(getattr(self, name)))

    def _set(self, name: str, value: int | float) -> None:
        object.__setattr__(self, name, value)

    @property
    def d_head(self) -> int:
        """Width of one head: the slice of ``d_model`` it works in."""
        return self.d_model // self.n_heads

    @validates
    def with_(self, **changes: int | float | None) -> GPT2Config:
        """A copy with some numbers changed. ``d_ff`` follows ``d_model`` if it was 4 * d_model."""
        if "d_model" in changes and "d_ff" not in changes and self.d_ff == 4 * self.d_model:
            changes["d_ff"] = None
        return replace(self, **changes)  # type: ignore[arg-type]  # the copy checks each of them

    @classmethod
    def gpt2(cls) -> GPT2Config:
        """GPT-2 small: 124,439,808 parameters."""
        return cls()

    @classmethod
    def gpt2_medium(cls) -> GPT2Config:
        """GPT-2 medium: 354,823,168 parameters."""
        return cls(n_layers=24, n_heads=16, d_model=1024)

    @classmethod
    def gpt2_large(cls) -> GPT2Config:
        """GPT-2 large: 774,030,080 parameters."""
        return cls(n_layers=36, n_heads=20, d_model=1280)

    @classmethod
    def gpt2_xl(cls) -> GPT2Config:
        """GPT-2 XL: 1,557,611,200 parameters."""
        return cls(n_layers=48, n_heads=25, d_model=1600)

    @classmethod
    @validates
    def tiny(cls, **changes: int | float | None) -> GPT2Config:
        """A GPT-2 that fits on a screen: 2 layers, 4 heads of width 8, 64 tokens of context."""
        screen = cls(vocab_size=50257, context_length=64, n_layers=2, n_heads=4, d_model=32, dropout=0.0)
        return screen.with_(**changes)
