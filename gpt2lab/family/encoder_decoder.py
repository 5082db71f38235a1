r"""The Transformer of 2017: an encoder reads the source, a decoder writes the target.

    memory = encoder(sqrt(d_model) · E_source[source] + positions)
    x      = decoder(sqrt(d_model) · E[target] + positions, memory)
    logits = x @ E.T                       logit t is the prediction for target token t + 1

Positions are sinusoids, so the table needs no training. Source and target share one matrix E where they
share a vocabulary, as in the paper; else the source has its own. The output layer is E in both cases.

Source: Vaswani et al. 2017, sections 3.1, 3.4 (embeddings) and 3.5 (positions). The paper leaves the
initial weights open; here linear maps start with Xavier's uniform and embeddings with std 1/sqrt(d_model),
as in the authors' code (tensorflow/tensor2tensor, ``transformer_base``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gpt2lab.config import GPT2Config
from gpt2lab.errors import InputError, validates, whole_number
from gpt2lab.family.decoder import Decoder, PreLNDecoder
from gpt2lab.family.encoder import Encoder, PreLNEncoder
from gpt2lab.family.trace import EncoderDecoderTrace
from gpt2lab.masking import Padding
from gpt2lab.positions import SinusoidalPositions
from gpt2lab.tokenizer.tokens import check_tokens


@dataclass(frozen=True, kw_only=True)
@validates
class EncoderDecoderConfig(GPT2Config):
    """Shape of an encoder–decoder; the defaults are the paper's base model.

    Raises
    ------
    ValueError
        As ``GPT2Config``; also for a ``source_vocab_size`` without meaning, or an odd ``d_model``, whose
        sinusoids would lack a pair.
    """

    vocab_size: int = 37000  # tokens of the target; of the source as well, if source_vocab_size is None
    source_vocab_size: int | None = None  # a number gives the source its own embedding matrix
    context_length: int = 512  # longest source and longest target, in tokens; the paper sets no limit
    n_layers: int = 6  # blocks of the encoder, and as many of the decoder
    n_heads: int = 8
    d_model: int = 512

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.source_vocab_size is not None:
            otherwise = ", or None where source and target share one vocabulary"
            self._set("source_vocab_size", whole_number("source_vocab_size", self.source_vocab_size, 1, otherwise))
        if self.d_model % 2:
            raise InputError(f"d_model must be even, because sinusoids come in pairs, got {self.d_model}")


class EncoderDecoder(nn.Module):
    """source (B, S), target (B, T) -> logits (B, T, vocab_size).

    Logit t is made from the whole source and from target tokens 0 … t only. The target begins with a
    start token.
    """

    encoder_type: ClassVar[type[Encoder]] = Encoder
    decoder_type: ClassVar[type[Decoder]] = Decoder

    def __init__(self, config: EncoderDecoderConfig) -> None:
        super().__init__()
        self.config = config
        self.token_embedding = nn.Embedding(config.vocab_size, config.d_model)
        if config.source_vocab_size is not None:
            self.source_embedding = nn.Embedding(config.source_vocab_size, config.d_model)
        self.position_embedding = SinusoidalPositions(config)
        self.dropout = nn.Dropout(config.dropout)
        self.encoder = self.encoder_type(config)
        self.decoder = self.decoder_type(config)
        self.init_weights()

    def init_weights(self) -> None:
        """Draw fresh weights from torch's generator; see the module docstring."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
            if isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=self.config.d_model**-0.5)

    @validates
    def forward(self, source: Tensor, target: Tensor, source_mask: Tensor | None = None) -> Tensor:
        """Logits for every target position: (B, T, vocab_size).

        Parameters
        ----------
        source : (B, S) token ids
        target : (B, T) token ids
            What the decoder has written so far, the start token included.
        source_mask : (B, S) bool, True = a real token, optional
            For sources of different length, padded before or after their tokens. Padding has no effect on
            any logit. The target needs no mask: padding after its tokens is in their future.

        Raises
        ------
        ValueError
            If source or target are not token ids of shape (B, S) and (B, T), are empty, longer than the
            context, or differ in B; if the mask has another shape than the source.
        """
        memory, padding = self.encode(source, source_mask)
        return self.decode(target, memory, padding)

    @validates
    def encode(self, source: Tensor, source_mask: Tensor | None = None) -> tuple[Tensor, Padding | None]:
        """The memory (B, S, d_model), and which of it is padding. A source needs to be encoded only once."""
        padding = self.source_padding(source, source_mask)
        return self.encoder(self.dropout(self.embed_source(source, padding)), padding), padding

    @validates
    def decode(self, target: Tensor, memory: Tensor, padding: Padding | None = None) -> Tensor:
        """Logits (B, T, vocab_size) for a source that is encoded already."""
        self.check_target(target, len(memory))
        return self.unembed(self.decoder(self.dropout(self.embed(target)), memory, padding))

    def embed(self, tokens: Tensor, table: nn.Embedding | None = None, padding: Padding | None = None) -> Tensor:
        """Token vectors times sqrt(d_model), plus positions: (B, T) -> (B, T, d_model)."""
        vectors = (self.token_embedding if table is None else table)(tokens) * self.config.d_model**0.5
        places = torch.arange(tokens.shape[1], device=tokens.device) if padding is None else padding.positions
        return vectors + self.position_embedding(places).to(vectors)  # (B, T, d_model)

    def embed_source(self, source: Tensor, padding: Padding | None = None) -> Tensor:
        """``embed`` with the source's matrix: (B, S) -> (B, S, d_model)."""
        shared = self.config.source_vocab_size is None
        return self.embed(source, self.token_embedding if shared else self.source_embedding, padding)

    def unembed(self, x: Tensor) -> Tensor:
        """Compare each vector with every target token's embedding: (..., vocab_size)."""
        return F.linear(x, self.token_embedding.weight)  # (..., vocab_size)

    @validates
    def trace(self, source: Tensor, target: Tensor, source_mask: Tensor | None = None) -> EncoderDecoderTrace:
        """One forward pass with every intermediate value, by the equations; no dropout.

        ``.encoder.blocks[i].attn`` holds the maps within the source (B, n_heads, S, S),
        ``.decoder.blocks[i].attn`` those within the target (B, n_heads, T, T), and
        ``.decoder.blocks[i].cross_attn`` those from target to source (B, n_heads, T, S).

        Parameters
        ----------
        source, target, source_mask
            As for ``forward``.
        """
        padding = self.source_padding(source, source_mask)
        self.check_target(target, len(source))
        source_embedding, target_embedding = self.embed_source(source, padding), self.embed(target)
        encoder = self.encoder.trace(source_embedding, padding)
        decoder = self.decoder.trace(target_embedding, encoder.ln_f.out, padding)
        return EncoderDecoderTrace(
            source=source,
            target=target,
            source_embedding=source_embedding,
            target_embedding=target_embedding,
            encoder=encoder,
            memory=encoder.ln_f.out,
            decoder=decoder,
            logits=self.unembed(decoder.ln_f.out),
        )

    @validates
    def source_padding(self, source: Tensor, source_mask: Tensor | None) -> Padding | None:
        """Check the source and its mask; what is padding in it, None if nothing is."""
        size = self.config.source_vocab_size
        check_tokens(source, self.config, values=self._reads_values(source), name="source", vocab_size=size)
        return None if source_mask is None else Padding.of(source_mask, source, name="source")

    @validates
    def check_target(self, target: Tensor, B: int) -> None:
        """Refuse what is not a batch of B rows of target tokens."""
        check_tokens(target, self.config, values=self._reads_values(target), name="target")
        if len(target) != B:
            raise InputError(f"source and target must have the same number of rows, got {B} and {len(target)}")

    def _reads_values(self, tokens: object) -> bool:
        on_cpu = isinstance(tokens, Tensor) and tokens.device.type == "cpu"
        return on_cpu or not self.training  # looking at values would make a GPU wait at every step

    @property
    def causal(self) -> bool:
        """Whether the target's attention hides the future, as GPT-2's does."""
        return all(block.attn.causal for block in self.decoder.blocks)

    def n_parameters(self) -> int:
        """Number of learned numbers; a shared embedding counts once."""
        return sum(parameter.numel() for parameter in self.parameters())


class PreLNEncoderDecoder(EncoderDecoder):
    """The norms on the branches, as in GPT-2, and one more after each stack."""

    encoder_type = PreLNEncoder
    decoder_type = PreLNDecoder
