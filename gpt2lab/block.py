"""One block: attention and feed-forward, each with a layer norm before it and a sum around it.

    x = x + attn(ln_1(x))
    x = x + ffn(ln_2(x))

The norm sits on the branch, not on the stream (pre-LN), and nothing follows the sums.

Source: Radford et al. 2019, section 2.3 ("layer normalization was moved to the input of each
sub-block"); openai/gpt-2 ``src/model.py``, function ``block``.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from gpt2lab.attention import MultiHeadAttention
from gpt2lab.attention.cache import LayerCache
from gpt2lab.config import GPT2Config
from gpt2lab.errors import InputError
from gpt2lab.feedforward import FeedForward
from gpt2lab.layernorm import LayerNorm
from gpt2lab.masking import Padding
from gpt2lab.trace import BlockTrace


class TransformerBlock(nn.Module):
    """(B, T, d_model) -> (B, T, d_model).

    A variant overrides ``forward`` and, with the same equations, ``trace``. One that overrides
    ``forward`` alone has no trace: the inherited one would show another block's numbers.
    """

    def __init_subclass__(cls, **settings: object) -> None:
        super().__init_subclass__(**settings)
        if "forward" in vars(cls) and "trace" not in vars(cls):
            cls.trace = _no_trace  # type: ignore[method-assign]

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.ln_1 = LayerNorm(config.d_model, config.layer_norm_eps)
        self.attn = MultiHeadAttention(config)
        self.ln_2 = LayerNorm(config.d_model, config.layer_norm_eps)
        self.ffn = FeedForward(config)

    def forward(
        self, x: Float[Tensor, "B T d_model"], cache: LayerCache | None = None, padding: Padding | None = None
    ) -> Float[Tensor, "B T d_model"]:
        """The two lines above.

        Parameters
        ----------
        x : (B, T, d_model)
        cache : LayerCache, optional
            Keys and values of the tokens before x, if x is only what follows them.
        padding : Padding, optional
            Where rows have different lengths.
        """
        x = x + self.attn(self.ln_1(x), cache, padding)
        x = x + self.ffn(self.ln_2(x))
        return x

    def writers(self) -> tuple[nn.Module, nn.Module]:
        """The two layers whose output is added to the stream: the last of attention and of feed-forward."""
        return self.attn.out, self.ffn.down

    def trace(self, x: Float[Tensor, "B T d_model"], padding: Padding | None = None) -> BlockTrace:
        """The same result with every intermediate value; no dropout."""
        ln_1 = self.ln_1.trace(x)
        attn = self.attn.trace(ln_1.out, padding)
        resid_mid = x + attn.out  # (B, T, d_model)
        ln_2 = self.ln_2.trace(resid_mid)
        ffn = self.ffn.trace(ln_2.out)
        resid_post = resid_mid + ffn.out  # (B, T, d_model)
        return BlockTrace(
            resid_pre=x, ln_1=ln_1, attn=attn, resid_mid=resid_mid, ln_2=ln_2, ffn=ffn, resid_post=resid_post
        )


def _no_trace(self: TransformerBlock, x: Tensor, padding: Padding | None = None) -> BlockTrace:
    kind = type(self).__name__
    raise InputError(f"{kind} changes forward, so its trace would show other numbers: write {kind}.trace as well")
