"""One run of a model on one text: small things for every layer at once, the rest when asked for.

At 1,024 tokens the attention of GPT-2 small is 600 MB of float32, twice with the scores. So a run
goes through the layers one by one, keeps pictures and sums of each, whole blocks only while they fit
into ``BLOCK_BYTES``, and computes a block again when somebody looks at it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gpt2lab.errors import InputError
from gpt2lab.explorer import changes, packing
from gpt2lab.explorer.roles import Shares, roles, shares
from gpt2lab.explorer.text import sentence
from gpt2lab.model import GPT2

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
    """A model, tokens (1, T), what was switched off, and what came out.

    Attributes
    ----------
    thumbnails : list of uint8-ready Tensor, per layer (n_heads, S, S)
    triangular : bool
        No query looks at a later key.
    roles : list (layers) of list (heads) of dict
    statistics : (n_layers, len(STATISTICS), T) or None
        None if the trace has no residual stream (an attention explored on its own).
    """

    def __init__(self, model: Any, tokens: Tensor, ablated: list[str] | None = None) -> None:
        self.model = model
        self.tokens = tokens
        self.ablated = list(ablated or [])
        self.T = tokens.shape[1]
        self._blocks: dict[int, Any] = {}
        self._scan()

    @property
    def n_layers(self) -> int:
        return len(self.shape)

    def block(self, layer: int) -> Any:
        """The BlockTrace of a layer, from memory or computed again."""
        if layer not in self._blocks:
            last = dict(list(self._blocks.items())[-1:])
            self._blocks = {**last, layer: self._again(layer)}
        return self._blocks[layer]

    def weights(self, layer: int, head: int) -> Tensor:
        """Attention weights of a head: (T, T)."""
        return self.block(layer).attn.attn_weights[0, head]

    def check(self, view: str, layer: int = 0, head: int = 0) -> None:
        """ValueError, in one sentence, if this run has not what a view shows.

        A trace of one's own may stop at the attention weights, and of two models one may have fewer
        layers or heads.
        """
        if view in ("head", "scores", "neurons") and not 0 <= layer < self.n_layers:
            raise InputError(f"this model has no layer {layer}")
        if view in ("head", "scores") and not 0 <= head < self.shape[layer]:
            raise InputError(f"this model has no head {head} in layer {layer}")
        if view == "scores":
            attn = self.block(layer).attn
            if any(getattr(attn, name, None) is None for name in ("q", "k", "scores")):
                raise InputError("this trace has no q, k and scores, only attention weights")
        if view == "stream" and self.statistics is None:
            raise InputError("this trace has no residual stream, only attention")
        if view == "neurons" and getattr(self.block(layer), "ffn", None) is None:
            raise InputError("this trace has no feed-forward network")
        if view == "lens" and not self.has_lens:
            raise InputError("the logit lens needs a model with ln_f and unembed, and a trace of its residual stream")
        if view == "next" and not self.has_logits:
            raise InputError("this trace has no logits, so there is no next-token distribution")

    def logits(self, token: int) -> Tensor:
        """Logits after a position: (vocab_size,)."""
        if self._logits is not None:
            return self._logits[token]
        with torch.no_grad():
            return self.model.unembed(self._hidden[token]).detach()

    def lens(self, token: int) -> Tensor:
        """Logits if the model stopped after layer 0, 1, …: (n_layers + 1, vocab_size).

        Row l reads the stream after l blocks through the final layer norm and the output layer.
        """
        with torch.no_grad():
            return self.model.unembed(self.model.ln_f(self.stream[:, token])).detach().float()

    @property
    def has_lens(self) -> bool:
        return self.stream is not None and all(
            callable(getattr(self.model, name, None)) for name in ("ln_f", "unembed")
        )

    @property
    def _layer_by_layer(self) -> bool:
        """Whether ``trace`` is our own; somebody else's is asked for the whole."""
        return getattr(self.model.trace, "__func__", None) is GPT2.trace

    def _again(self, layer: int) -> Any:
        """A block that was not kept: from the stream before it, if the model is made of blocks."""
        try:
            with torch.no_grad(), changes.applied(self.model, self.ablated):
                if self._layer_by_layer:
                    return self.model.blocks[layer].trace(self.stream[layer][None])
                return self.model.trace(self.tokens).blocks[layer]
        except Exception as error:  # the model may be the learner's own: it may raise anything
            raise InputError(sentence(error)) from error

    def _scan(self) -> None:
        self.shape: list[int] = []
        self.thumbnails: list[Tensor] = []
        self.roles: list[list[dict]] = []
        self.triangular = True
        self._shares: dict[bool, Shares] = {}  # by whether a layer's attention is causal
        written: list[Any] = []
        with torch.no_grad(), changes.applied(self.model, self.ablated):
            if self._layer_by_layer:
                for block in self.model.trace_blocks(self.tokens):
                    self._record(block, len(self.model.blocks), written)
                    final = block.resid_post
                    del block  # else two layers would be in memory while the next one is computed
                ln_f = self.model.ln_f.trace(final).out
                self._keep_logits(self.model.unembed(ln_f), ln_f)
            else:
                trace = self.model.trace(self.tokens)
                _check(trace, self.T)
                for block in trace.blocks:
                    self._record(block, len(trace.blocks), written)
                final = getattr(trace, "resid_final", None)
                ln_f = getattr(getattr(trace, "ln_f", None), "out", None)
                self._keep_logits(getattr(trace, "logits", None), ln_f)
        self.stream = self.statistics = None
        if final is not None and None not in written:
            self.stream = torch.stack([*(parts[0] for parts in written), final[0].detach()])
            self.statistics = _statistics(self.stream, *(torch.stack(x) for x in list(zip(*written, strict=True))[1:]))

    def _record(self, block: Any, n_layers: int, written: list[Any]) -> None:
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
        whole = all(hasattr(block, name) for name in ("resid_pre", "resid_post", "ffn"))
        written.append(_written(block) if whole else None)

    def _keep_logits(self, logits: Any, ln_f: Any) -> None:
        """Logits of a long text under GPT-2's vocabulary are 200 MB: then keep what they come from."""
        self.has_logits = logits is not None
        self._hidden = self._logits = None
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


def _written(block: Any) -> tuple[Tensor, ...]:
    """The stream before a block, what attention and FFN add to it, and what its layer norms measured.

    Shapes: three times (T, d_model), then (4, T): mean and std of ln_1 and of ln_2.
    """
    rows = []
    for norm in (getattr(block, "ln_1", None), getattr(block, "ln_2", None)):
        for name in ("mean", "std"):
            value = getattr(norm, name, None)  # a variant may have no layer norm
            missing = torch.full_like(block.resid_pre[0, :, 0], torch.nan)
            rows.append(missing if value is None else value[0, :, 0])
    parts = (block.resid_pre[0], block.attn.out[0], block.ffn.out[0], torch.stack(rows))
    return tuple(part.detach() for part in parts)


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


def _check(trace: Any, T: int) -> None:
    """An object with trace() of one's own gets a sentence when the shape is not what is expected."""
    try:
        shapes = [tuple(block.attn.attn_weights.shape) for block in trace.blocks]
    except (AttributeError, TypeError) as error:
        raise InputError(f"trace() must return .blocks[i].attn.attn_weights (1, n_heads, T, T): {error}") from None
    if not shapes:
        raise InputError("trace() returned no block")
    for shape in shapes:
        if len(shape) != 4 or shape[0] != 1 or shape[2:] != (T, T):
            raise InputError(f"attn_weights must have shape (1, n_heads, {T}, {T}) for {T} tokens, got {shape}")
