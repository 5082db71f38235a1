"""GPT-2, whole.

    x      = token_embedding[tokens] + position_embedding[0 … T-1]
    x      = block(x)                         n_layers times
    x      = ln_f(x)
    logits = x @ token_embedding.T            the output layer *is* the embedding matrix

Source: Radford et al. 2018 and 2019; openai/gpt-2 ``src/model.py``. Initialisation: normal with
std 0.02, and 0.02 / sqrt(2 · n_layers) for the layers that write to the stream (2019, section 2.3).
OpenAI's code draws positions with 0.01; here, as in transformers, they start with 0.02 too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from gpt2lab.attention.cache import KVCache
from gpt2lab.block import TransformerBlock
from gpt2lab.config import GPT2Config
from gpt2lab.errors import InputError, validates
from gpt2lab.layernorm import LayerNorm
from gpt2lab.masking import Padding
from gpt2lab.positions import LearnedPositions
from gpt2lab.residual import residual_init_scale
from gpt2lab.tokenizer.tokens import check_tokens
from gpt2lab.trace import BlockTrace, GPT2Trace


class GPT2(nn.Module):
    """Decoder-only Transformer: tokens (B, T) -> logits (B, T, vocab_size).

    Logit t is the prediction for token t + 1, made from tokens 0 … t only.
    """

    blocks: list[TransformerBlock]  # an nn.ModuleList, typed by what it holds
    special_ids: dict[str, int] | None = None  # bos, eos, pad of a loaded checkpoint, kept for saving

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.config = config
        self.token_embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.position_embedding = LearnedPositions(config)
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(TransformerBlock(config) for _ in range(config.n_layers))  # type: ignore[assignment]
        self.ln_f = LayerNorm(config.d_model, config.layer_norm_eps)
        self.init_weights()

    def init_weights(self) -> None:
        """Draw fresh weights from torch's generator; see the module docstring."""
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)
        for block in self.blocks:
            for writer in block.writers():
                nn.init.normal_(writer.get_parameter("weight"), std=0.02 * residual_init_scale(self.config.n_layers))

    @validates
    def forward(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        """Logits for every position: (B, T) -> (B, T, vocab_size).

        Parameters
        ----------
        tokens : (B, T)
        mask : (B, T) bool, True = a real token, optional
            For rows of different length, padded before or after their tokens. Positions count a row's
            own tokens, and no token sees padding: each row is computed as if alone. What stands at
            the padding itself means nothing.

        Raises
        ------
        ValueError
            If tokens are not whole numbers in [0, vocab_size), not of shape (B, T), empty, or
            longer than the context; if the mask has another shape, or a row no token or a gap.
        """
        return self.unembed(self.hidden(tokens, mask=mask))

    @validates
    def hidden(self, tokens: Tensor, cache: KVCache | None = None, mask: Tensor | None = None) -> Tensor:
        """The stream after ``ln_f``: (B, T) -> (B, T, d_model).

        With a ``KVCache``, ``tokens`` and ``mask`` are those of the new tokens only; their keys and
        values join the cache, and it remembers which of them are padding.
        """
        start = 0 if cache is None else cache.length
        self.check_tokens(tokens, start)
        if cache is None:
            padding = None if mask is None else Padding.of(mask, tokens)
        else:
            cache.admit(self, len(self.blocks), *tokens.shape)
            padding = cache.padding(tokens, mask)
        x = self.dropout(self.embed(tokens, start, padding))  # (B, T, d_model)
        for i, block in enumerate(self.blocks):
            layer = None if cache is None else cache.layers[i]
            x = block(x) if layer is None and padding is None else block(x, layer, padding)
        return self.ln_f(x)

    def embed(self, tokens: Tensor, start: int = 0, padding: Padding | None = None) -> Float[Tensor, "B T d_model"]:
        """Token vectors plus position vectors; the first token stands at position ``start``."""
        return self.token_embedding(tokens) + self.embed_positions(tokens, start, padding)  # (B, T, d_model)

    def embed_positions(self, tokens: Tensor, start: int = 0, padding: Padding | None = None) -> Tensor:
        """The position vectors of tokens (B, T): (T, d_model), or (B, T, d_model) with padding."""
        if padding is not None:
            return self.position_embedding(padding.positions)  # (B, T, d_model)
        positions = torch.arange(start, start + tokens.shape[1], device=tokens.device)  # (T,)
        return self.position_embedding(positions)  # (T, d_model)

    def unembed(self, x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch vocab_size"]:
        """Compare each vector with every token's embedding."""
        return F.linear(x, self.token_embedding.weight)  # (..., vocab_size)

    @validates
    def trace(self, tokens: Tensor, layers: Iterable[int] | None = None, mask: Tensor | None = None) -> GPT2Trace:
        """One forward pass with every intermediate value, by the equations; no dropout.

        Parameters
        ----------
        tokens : (B, T)
        layers : iterable of int, optional
            Blocks to record; the others are run but stay None in ``.blocks``. All by default.
        mask : (B, T) bool, optional
            True = a real token; see ``forward``.
        """
        self.check_tokens(tokens)
        n_layers = len(self.blocks)
        wanted = set(range(n_layers)) if layers is None else set(layers)
        if not wanted <= set(range(n_layers)):
            raise InputError(f"layers must lie in 0 … {n_layers - 1}, got {list(wanted)}")
        padding = None if mask is None else Padding.of(mask, tokens)
        position_embedding = self.embed_positions(tokens, 0, padding)  # (T, d_model), (B, T, d_model) with padding
        token_embedding = self.token_embedding(tokens)  # (B, T, d_model)
        x = token_embedding + position_embedding
        blocks: list[BlockTrace | None] = []
        for i, block in enumerate(self.blocks):
            if i in wanted:
                trace = block.trace(x, padding)
                x = trace.resid_post
                blocks.append(trace)
            else:
                with evaluating(block):  # all of it: a part may be in training mode by itself
                    x = block(x, None, padding)
                blocks.append(None)
        ln_f = self.ln_f.trace(x)
        return GPT2Trace(
            tokens=tokens,
            token_embedding=token_embedding,
            position_embedding=position_embedding,
            blocks=tuple(blocks),
            resid_final=x,
            ln_f=ln_f,
            logits=self.unembed(ln_f.out),
        )

    @validates
    def trace_blocks(self, tokens: Tensor, mask: Tensor | None = None) -> Iterator[BlockTrace]:
        """The blocks of ``trace``, one at a time: only one layer's attention is in memory at once.

        Parameters
        ----------
        tokens, mask : (B, T)
        """
        self.check_tokens(tokens)
        padding = None if mask is None else Padding.of(mask, tokens)
        x = self.embed(tokens, 0, padding)  # (B, T, d_model)
        for block in self.blocks:
            trace = block.trace(x, padding)
            x = trace.resid_post
            yield trace
            del trace

    def check_tokens(self, tokens: Tensor, start: int = 0) -> None:
        """Refuse what is not a batch of token ids that fits into the context."""
        # Looking at values would make a GPU wait at every training step.
        on_cpu = isinstance(tokens, Tensor) and tokens.device.type == "cpu"
        check_tokens(tokens, self.config, start, values=on_cpu or not self.training)

    @property
    def causal(self) -> bool:
        """Whether every attention hides the future. False inside ``without_causal_mask``."""
        return all(block.attn.causal for block in self.blocks)

    def n_parameters(self) -> int:
        """Number of learned numbers; the shared embedding counts once."""
        return sum(parameter.numel() for parameter in self.parameters())


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode (no dropout) for the length of the block; every module then gets its own mode back."""
    training: list[nn.Module] = []
    left: list[nn.Module | None] = [model]
    while left:  # model.modules() takes a tenth of a small model's step in generation
        module = left.pop()
        if module is not None:
            left += module._modules.values()
            if module.training:
                training.append(module)
    for module in training:
        module.training = False
    try:
        yield
    finally:
        for module in training:
            module.training = True


def plain_model(model: object, purpose: str) -> GPT2:
    """The GPT-2 itself, also if it was handed in as what ``torch.compile`` returned.

    Raises
    ------
    ValueError
        For anything else, naming the way to a GPT2.
    """
    inner = getattr(model, "_orig_mod", model)
    if isinstance(inner, GPT2):
        return inner
    raise InputError(
        f"{purpose} needs a GPT2 of gpt2lab, got {type(inner).__name__}; "
        "a GPT-2 of transformers becomes one with load_gpt2(model)"
    )
