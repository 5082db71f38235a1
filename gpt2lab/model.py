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
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from gpt2lab.block import TransformerBlock
from gpt2lab.config import GPT2Config
from gpt2lab.errors import InputError
from gpt2lab.layernorm import LayerNorm
from gpt2lab.positions import LearnedPositions
from gpt2lab.residual import residual_init_scale
from gpt2lab.trace import BlockTrace, GPT2Trace


class GPT2(nn.Module):
    """Decoder-only Transformer: tokens (B, T) -> logits (B, T, vocab_size).

    Logit t is the prediction for token t + 1, made from tokens 0 … t only.
    """

    blocks: list[TransformerBlock]  # an nn.ModuleList, typed by what it holds

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
            for writer in (block.attn.out, block.ffn.down):
                nn.init.normal_(writer.weight, std=0.02 * residual_init_scale(self.config.n_layers))

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits for every position: (B, T) -> (B, T, vocab_size).

        Raises
        ------
        ValueError
            If tokens are not whole numbers in [0, vocab_size), not of shape (B, T), empty, or
            longer than the context.
        """
        return self.unembed(self.hidden(tokens))

    def hidden(self, tokens: Tensor, cache: Any = None) -> Tensor:
        """The stream after ``ln_f``: (B, T) -> (B, T, d_model).

        With a ``KVCache``, ``tokens`` are the new ones only; their keys and values join the cache.
        """
        start = 0 if cache is None else cache.length
        self.check_tokens(tokens, start)
        x = self.dropout(self.embed(tokens, start))  # (B, T, d_model)
        for i, block in enumerate(self.blocks):
            x = block(x) if cache is None else block.extend(x, cache.layers[i])
        return self.ln_f(x)

    def embed(self, tokens: Tensor, start: int = 0) -> Float[Tensor, "B T d_model"]:
        """Token vectors plus position vectors; the first token stands at position ``start``."""
        positions = torch.arange(start, start + tokens.shape[1], device=tokens.device)  # (T,)
        return self.token_embedding(tokens) + self.position_embedding(positions)  # (B, T, d_model)

    def unembed(self, x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch vocab_size"]:
        """Compare each vector with every token's embedding."""
        return F.linear(x, self.token_embedding.weight)  # (..., vocab_size)

    def trace(self, tokens: Tensor, layers: Iterable[int] | None = None) -> GPT2Trace:
        """One forward pass with every intermediate value, by the equations; no dropout.

        Parameters
        ----------
        tokens : (B, T)
        layers : iterable of int, optional
            Blocks to record; the others are run but stay None in ``.blocks``. All by default.
        """
        self.check_tokens(tokens)
        n_layers = len(self.blocks)
        wanted = set(range(n_layers)) if layers is None else {int(i) for i in layers}
        if not wanted <= set(range(n_layers)):
            raise InputError(f"layers must lie in 0 … {n_layers - 1}, got {sorted(wanted)}")
        positions = torch.arange(tokens.shape[1], device=tokens.device)  # (T,)
        position_embedding = self.position_embedding(positions)  # (T, d_model)
        token_embedding = self.token_embedding(tokens)  # (B, T, d_model)
        x = token_embedding + position_embedding
        blocks = []
        for i, block in enumerate(self.blocks):
            blocks.append(block.trace(x) if i in wanted else None)
            x = blocks[-1].resid_post if i in wanted else self._without_dropout(block, x)
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

    def trace_blocks(self, tokens: Tensor) -> Iterator[BlockTrace]:
        """The blocks of ``trace``, one at a time: only one layer's attention is in memory at once.

        Parameters
        ----------
        tokens : (B, T)
        """
        self.check_tokens(tokens)
        x = self.embed(tokens)  # (B, T, d_model)
        for block in self.blocks:
            trace = block.trace(x)
            x = trace.resid_post
            yield trace
            del trace

    @staticmethod
    def _without_dropout(block: nn.Module, x: Tensor) -> Tensor:
        return block(x) if not block.training else block.trace(x).resid_post

    def check_tokens(self, tokens: Tensor, start: int = 0) -> None:
        """Refuse what is not a batch of token ids that fits into the context."""
        if not isinstance(tokens, Tensor) or tokens.dtype not in (torch.int64, torch.int32):
            got = tokens.dtype if isinstance(tokens, Tensor) else type(tokens).__name__
            raise InputError(f"tokens must be a tensor of token ids (torch.long), got {got}")
        if tokens.ndim != 2:
            raise InputError(
                f"tokens must have shape (B, T), got {tuple(tokens.shape)}; "
                "for one sequence use torch.tensor([ids]), with two brackets"
            )
        if tokens.numel() == 0:
            shape = tuple(tokens.shape)
            raise InputError(f"tokens are empty (shape {shape}): GPT-2 needs at least one token")
        T, limit = start + tokens.shape[1], self.config.context_length
        if T > limit:
            raise InputError(
                f"the sequence has {T} tokens, but context_length is {limit}: shorten it to the last {limit}"
            )
        # Looking at values would make a GPU wait at every training step.
        if tokens.device.type == "cpu" or not self.training:
            low, high = (int(value) for value in tokens.aminmax())
            if low < 0 or high >= self.config.vocab_size:
                wrong = low if low < 0 else high
                raise InputError(f"token ids must lie in [0, {self.config.vocab_size}), got {wrong}")

    @property
    def causal(self) -> bool:
        """Whether every attention hides the future. False inside ``without_causal_mask``."""
        return all(block.attn.causal for block in self.blocks)

    def n_parameters(self) -> int:
        """Number of learned numbers; the shared embedding counts once."""
        return sum(parameter.numel() for parameter in self.parameters())


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Without dropout for as long as the block lasts; every module then gets its own mode back."""
    training = [module for module in model.modules() if module.training]
    for module in training:
        module.training = False
    try:
        yield
    finally:
        for module in training:
            module.training = True
