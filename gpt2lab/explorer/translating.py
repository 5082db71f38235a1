"""An encoder–decoder as a model of one line, so that every view that reads attention shows it, too.

    three thousand forty two = 3 0 4 2
    source                   start, target

The line is cut at its first start token. Each attention becomes a layer over the whole line: those of the encoder
have weights from source to source, the decoder's own from target to target, and cross-attention from target to
source. Where a layer asks nothing of a token, its row is empty.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from gpt2lab.errors import InputError, validates, whole_number
from gpt2lab.family.encoder_decoder import EncoderDecoder
from gpt2lab.tokenizer.labels import Encoding
from gpt2lab.trace import AttentionTrace

START = "="  # what begins the target in this course's tasks


@dataclass(frozen=True)
class LineBlock:
    """One attention, over the whole line."""

    attn: AttentionTrace


@dataclass(frozen=True)
class LineTrace:
    """One forward pass. Logits of the source are zeros: nothing is predicted there."""

    blocks: tuple[LineBlock, ...]
    logits: Tensor  # (1, N, vocab_size)
    first_logit: int  # where the target begins: the first position after which something is predicted


class SourceAndTarget:
    """An encoder–decoder that reads source, start token and target as one line of N tokens.

    Parameters
    ----------
    model : EncoderDecoder
        With one vocabulary for source and target.
    start : int
        The token that begins every target.
    sign : str
        What that token looks like, for messages; its number by default.

    Raises
    ------
    InputError
        For another model, one with two vocabularies, or a start token that it does not have.
    """

    @validates
    def __init__(self, model: EncoderDecoder, start: int, sign: str = "") -> None:
        if not isinstance(model, EncoderDecoder):
            raise InputError(f"SourceAndTarget needs an EncoderDecoder, got {type(model).__name__}")
        if model.config.source_vocab_size is not None:
            raise InputError(
                "one line needs one vocabulary for source and target, but this model's source has its own; "
                "see its maps with model.trace(source, target)"
            )
        self.model, self.start = model, whole_number("start: a token id", start)
        if self.start >= model.config.vocab_size:
            raise InputError(f"start must be a token id in [0, {model.config.vocab_size}), got {start}")
        self.sign = sign or f"token {self.start}"
        self.config = replace(model.config, context_length=2 * model.config.context_length)
        n = range(model.config.n_layers)
        names = [[f"encoder {i}" for i in n], *([f"decoder {i}", f"cross {i}"] for i in n)]
        self.layer_names = [name for part in names for name in part]

    def parameters(self) -> Iterator[nn.Parameter]:
        """The model's own."""
        return self.model.parameters()

    @validates
    def trace(self, tokens: Tensor) -> LineTrace:
        """One forward pass over a line (1, N).

        Raises
        ------
        InputError
            For a line without a source or a start token, and for what ``EncoderDecoder.trace`` refuses.
        """
        starts = (tokens[0] == self.start).nonzero()[:, 0].tolist()
        if not starts or starts[0] == 0:
            missing = f"a source before {self.sign!r}" if starts else f"{self.sign!r} behind the source"
            raise InputError(f"this model translates: write {missing}, and then what is translated so far")
        S, N = starts[0], tokens.shape[1]
        found = self.model.trace(tokens[:, :S], tokens[:, S:])
        source, target = slice(0, S), slice(S, N)
        layers = [placed(block.attn, source, source, N) for block in found.encoder.blocks]
        for block in found.decoder.blocks:
            layers += [placed(block.attn, target, target, N), placed(block.cross_attn, target, source, N)]
        logits = torch.cat([found.logits.new_zeros(1, S, found.logits.shape[-1]), found.logits], dim=1)
        return LineTrace(tuple(LineBlock(layer) for layer in layers), logits, S)


def placed(attn: AttentionTrace, rows: slice, columns: slice, N: int) -> AttentionTrace:
    """An attention of some positions to others, as one over a whole line of N: (1, n_heads, N, N), zero elsewhere."""
    inside = torch.zeros(N, N, dtype=torch.bool, device=attn.scores.device)
    inside[rows, columns] = True if attn.mask is None else attn.mask

    def map_of(part: Tensor) -> Tensor:
        whole = part.new_zeros(*part.shape[:2], N, N)
        whole[:, :, rows, columns] = part
        return whole  # (1, n_heads, N, N)

    def vectors_of(part: Tensor, at: slice) -> Tensor:
        whole = part.new_zeros(*part.shape[:-2], N, part.shape[-1])
        whole[..., at, :] = part
        return whole  # (1, …, N, size)

    return AttentionTrace(
        q=vectors_of(attn.q, rows), k=vectors_of(attn.k, columns), v=vectors_of(attn.v, columns),
        scores=map_of(attn.scores), mask=inside, attn_weights=map_of(attn.attn_weights),
        head_out=vectors_of(attn.head_out, rows), out=vectors_of(attn.out, rows),
    )  # fmt: skip


def as_line(model: EncoderDecoder, encoding: Encoding) -> SourceAndTarget:
    """The model as one of a line, with the start token of this course's tasks.

    Raises
    ------
    InputError
        If the encoding has no such token.
    """
    ids = list(encoding.encode_ordinary(START))
    if len(ids) != 1:
        raise InputError(
            f"Explorer cannot tell where this encoder–decoder's target begins: its encoding has no token {START!r}; "
            "pass SourceAndTarget(model, start=id) from gpt2lab.explorer in place of the model"
        )
    return SourceAndTarget(model, ids[0], START)
