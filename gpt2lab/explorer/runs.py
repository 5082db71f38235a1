"""One run of a model on one text: summaries of every layer at once, the rest on demand.

At 1,024 tokens the attention of GPT-2 small is 600 MB of float32, twice with the scores. So a run
goes through the layers one by one, keeps pictures and sums of each, whole blocks only while they fit
into ``BLOCK_BYTES``, and recomputes a block when it is selected.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple, TypeGuard, cast

import torch
from torch import Tensor

from gpt2lab.errors import InputError
from gpt2lab.explorer import changes, packing
from gpt2lab.explorer.models import Block, Readout, Traceable, check_trace, fills_blanks, sentence
from gpt2lab.explorer.roles import Role, Shares, roles, shares
from gpt2lab.model import GPT2
from gpt2lab.studies import patching
from gpt2lab.studies.patching import Put
from gpt2lab.trace import BlockTrace

BLOCK_BYTES = 128_000_000
MANY_LOGITS = 16_000_000
# What is kept of each layer for the stream view: one number per token.
STATISTICS = (
    "resid_pre", "attn", "ffn", "resid_post",  # lengths (L2 norms)
    "attn_along", "ffn_along",  # what attention and FFN wrote, along the direction of the final stream
    "cosine",  # of resid_post with the final stream
    "ln_1_mean", "ln_1_std", "ln_2_mean", "ln_2_std",
)  # fmt: skip


class Run:
    """A model, tokens (1, T), what was switched off and patched, and what came out.

    Attributes
    ----------
    shape : list of int
        Heads per layer.
    thumbnails : list of Tensor, per layer (n_heads, S, S)
    triangular : bool
        No query looks at a later key.
    roles : list (layers) of list (heads) of Role
    stream : (n_layers + 1, T, d_model) or None
        None if the trace has no residual stream (an attention explored on its own).
    statistics : (n_layers, len(STATISTICS), T) or None
        None without a stream.
    """

    def __init__(
        self, model: Traceable, tokens: Tensor, ablated: Sequence[str] | None = None, put: Put | None = None
    ) -> None:
        self.model = model
        self.tokens = tokens
        self.ablated = list(ablated or [])
        self.put = put or Put()
        self.T = tokens.shape[1]
        self._blocks: dict[int, Block] = {}
        self.shape: list[int] = []
        self.thumbnails: list[Tensor] = []
        self.roles: list[list[Role]] = []
        self.triangular = True
        self.stream: Tensor | None = None
        self.statistics: Tensor | None = None
        self._logits: Tensor | None = None
        self._hidden: Tensor | None = None  # (T, d_model), what the logits come from
        self._first_logit = 0
        self.has_ffn = True
        self._scan()

    @property
    def n_layers(self) -> int:
        return len(self.shape)

    def layer_name(self, layer: int) -> str:
        """What a layer is called: by its number, or as the model says."""
        names = getattr(self.model, "layer_names", None)
        return str(names[layer]) if names and len(names) == self.n_layers else f"layer {layer}"

    @property
    def fills_blanks(self) -> bool:
        """Whether a logit is about its own token, and not about the next one."""
        return fills_blanks(self.model)

    def block(self, layer: int) -> Block:
        """The trace of a layer's block, from memory or computed again."""
        if layer not in self._blocks:
            last = dict(list(self._blocks.items())[-1:])
            self._blocks = {**last, layer: self._again(layer)}
        return self._blocks[layer]

    def weights(self, layer: int, head: int) -> Tensor:
        """Attention weights of a head: (T, T)."""
        return self.block(layer).attn.attn_weights[0, head]

    def need_layer(self, layer: int) -> None:
        """InputError if there is no such layer: of two models one may have fewer."""
        if not 0 <= layer < self.n_layers:
            raise InputError(f"this model has no layer {layer}")

    def need_head(self, layer: int, head: int) -> None:
        """InputError if there is no such layer, or no such head in it."""
        self.need_layer(layer)
        if not 0 <= head < self.shape[layer]:
            raise InputError(f"this model has no head {head} in layer {layer}")

    @property
    def has_logits(self) -> bool:
        return self._logits is not None or self._hidden is not None

    def predicts(self, token: int) -> bool:
        """Whether there are logits after (or, in an encoder, at) a position."""
        return self.has_logits and token % self.T >= self._first_logit

    def logits(self, token: int) -> Tensor:
        """Logits after a position: (vocab_size,). InputError if the trace has none there."""
        if token % self.T < self._first_logit:
            raise InputError("nothing is predicted within the source: choose a token of the target")
        if self._logits is not None:
            return self._logits[token]
        if self._hidden is None:
            raise InputError("this trace has no logits, so there is no next-token distribution")
        with torch.no_grad():
            return cast(Readout, self.model).unembed(self._hidden[token]).detach()

    @property
    def has_lens(self) -> bool:
        return self.stream is not None and all(
            callable(getattr(self.model, name, None)) for name in ("ln_f", "unembed")
        )

    def lens(self, token: int) -> Tensor:
        """Logits if the model stopped after layer 0, 1, …: (n_layers + 1, vocab_size).

        Row l reads the stream after l blocks through the final layer norm and the output layer.
        """
        if self.stream is None or not self.has_lens:
            raise InputError("the logit lens needs a model with ln_f and unembed, and a trace of its residual stream")
        model = cast(Readout, self.model)
        with torch.no_grad():
            return model.unembed(model.ln_f(self.stream[:, token])).detach().float()

    @contextmanager
    def changed(self) -> Iterator[None]:
        """The model with what is switched off and patched in this run, for the length of a ``with`` block."""
        with torch.no_grad(), changes.applied(self.model, self.ablated):
            if not self.put.patches:
                yield
                return
            with patching.applied(cast(GPT2, self.model), self.put):
                yield

    def _again(self, layer: int) -> Block:
        """A block that was not kept: from the stream before it, if the model is made of blocks."""
        model = self.model
        try:
            with self.changed():
                if self.stream is not None and is_gpt2(model):
                    return model.blocks[layer].trace(self.stream[layer][None])
                block = model.trace(self.tokens).blocks[layer]
        except Exception as error:  # the model may be the learner's own: it may raise anything
            raise InputError(sentence(error)) from error
        if block is None:
            raise InputError(f"trace() returned no block {layer}")
        return block

    def _scan(self) -> None:
        self._shares: dict[bool, Shares] = {}  # by whether a layer's attention is causal
        written: list[_Written | None] = []
        model = self.model
        final: Tensor | None = None
        with self.changed():
            if is_gpt2(model):
                for block in model.trace_blocks(self.tokens):
                    written.append(self._record(block, len(model.blocks)))
                    final = block.resid_post
                    del block  # else two layers would be in memory while the next one is computed
                if final is None:
                    raise InputError("this model has no block")
                normed = model.ln_f.trace(final).out
                self._keep_logits(model.unembed(normed), normed)
            else:
                trace = model.trace(self.tokens)
                check_trace(trace, self.T)
                written = [self._record(block, len(trace.blocks)) for block in trace.blocks if block is not None]
                final = getattr(trace, "resid_final", None)
                ln_f = getattr(getattr(trace, "ln_f", None), "out", None)
                self._first_logit = getattr(trace, "first_logit", 0)
                self._keep_logits(getattr(trace, "logits", None), ln_f)
        whole = [parts for parts in written if parts is not None]
        if final is not None and len(whole) == len(written):
            before, attn, ffn, norms = (torch.stack(parts) for parts in zip(*whole, strict=True))
            self.stream = torch.cat([before, final.detach()])
            self.statistics = _statistics(self.stream, attn, ffn, norms)

    def _record(self, block: Block, n_layers: int) -> _Written | None:
        """Keep of one block what every view needs; all of it only if all blocks fit into memory."""
        weights = block.attn.attn_weights[0].detach().float().cpu()  # (n_heads, T, T)
        causal = packing.is_triangular(weights)
        if causal not in self._shares:
            self._shares[causal] = shares(self.tokens[0].cpu(), causal)
        if 2 * n_layers * weights.nbytes <= BLOCK_BYTES:  # the scores are as large as the weights
            self._blocks[len(self.shape)] = block
        self.shape.append(weights.shape[0])
        self.thumbnails.append(packing.thumbnail(weights))
        self.triangular &= causal
        self.roles.append(roles(weights, self.tokens[0], self._shares[causal]))
        self.has_ffn &= getattr(block, "ffn", None) is not None
        return _written(block)

    def _keep_logits(self, logits: Tensor | None, ln_f: Tensor | None) -> None:
        """Logits of a long text under GPT-2's vocabulary are 200 MB: then keep what they come from."""
        if logits is None:
            return
        if logits.ndim != 3 or logits.shape[:2] != (1, self.T):
            raise InputError(
                f"logits must have shape (1, {self.T}, vocab_size) for {self.T} tokens, got {tuple(logits.shape)}"
            )
        if logits.numel() > MANY_LOGITS and hasattr(self.model, "unembed") and ln_f is not None:
            self._hidden = ln_f[0].detach()
        else:
            self._logits = logits[0].detach()


class _Written(NamedTuple):
    """What one block writes and measures."""

    before: Tensor  # (T, d_model), the stream before the block
    attn: Tensor  # (T, d_model), what attention adds to it
    ffn: Tensor  # (T, d_model), what the FFN adds to it
    norms: Tensor  # (4, T): mean and std of ln_1 and of ln_2


def is_gpt2(model: Traceable) -> TypeGuard[GPT2]:
    """Whether ``trace`` is our own, which goes layer by layer; somebody else's is asked for the whole."""
    return getattr(model.trace, "__func__", None) is GPT2.trace


def _written(block: Block) -> _Written | None:
    """None if the block records no stream."""
    if not all(hasattr(block, name) for name in ("resid_pre", "resid_post", "ffn")):
        return None
    block = cast(BlockTrace, block)
    rows = []
    for norm in (getattr(block, "ln_1", None), getattr(block, "ln_2", None)):
        for name in ("mean", "std"):
            value = getattr(norm, name, None)  # a variant may have no layer norm
            missing = torch.full_like(block.resid_pre[0, :, 0], torch.nan)
            rows.append(missing if value is None else value[0, :, 0])
    parts = (block.resid_pre[0], block.attn.out[0], block.ffn.out[0], torch.stack(rows))
    return _Written(*(part.detach() for part in parts))


def _statistics(stream: Tensor, attn: Tensor, ffn: Tensor, norms: Tensor) -> Tensor:
    """The numbers of the stream view: (n_layers, len(STATISTICS), T).

    stream is (n_layers + 1, T, d_model), attn and ffn are (n_layers, T, d_model), norms (n_layers, 4, T).
    """
    stream, attn, ffn, norms = (x.float() for x in (stream, attn, ffn, norms))
    direction = stream[-1] / stream[-1].norm(dim=-1, keepdim=True).clamp_min(1e-12)  # (T, d_model)
    lengths = [x.norm(dim=-1) for x in (stream[:-1], attn, ffn, stream[1:])]  # 4 × (n_layers, T)
    along = [(x * direction).sum(dim=-1) for x in (attn, ffn, stream[1:])]  # 3 × (n_layers, T)
    along[-1] = along[-1] / lengths[-1].clamp_min(1e-12)  # the cosine
    return torch.cat([torch.stack([*lengths, *along], dim=1), norms], dim=1).cpu()
