"""One run of a model on one text: small things for every layer at once, the rest when asked for.

At 1,024 tokens the attention of GPT-2 small is 600 MB of float32, twice with the scores. So a run
keeps whole blocks only while they fit into ``BLOCK_BYTES``; beyond that it traces a few layers at a
time, keeps pictures and sums, and traces a layer again when somebody looks at it.
"""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor

from gpt2lab.explorer import changes, packing
from gpt2lab.explorer.roles import roles

BLOCK_BYTES = 600_000_000
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
        """The BlockTrace of a layer, from memory or traced again."""
        if layer not in self._blocks:
            trace = self._trace([layer])
            self._blocks = {i: block for i, block in self._blocks.items() if i in list(self._blocks)[-1:]}
            self._blocks[layer] = trace.blocks[layer]
        return self._blocks[layer]

    def weights(self, layer: int, head: int) -> Tensor:
        """Attention weights of a head: (T, T)."""
        return self.block(layer).attn.attn_weights[0, head]

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
            return self.model.unembed(self.model.ln_f(self.stream[:, token])).detach()

    @property
    def has_lens(self) -> bool:
        return self.stream is not None and all(
            callable(getattr(self.model, name, None)) for name in ("ln_f", "unembed")
        )

    def _trace(self, layers: list[int] | None) -> Any:
        call = self.model.trace
        with torch.no_grad(), changes.applied(self.model, self.ablated):
            if layers is not None and "layers" in inspect.signature(call).parameters:
                return call(self.tokens, layers=layers)
            return call(self.tokens)

    def _scan(self) -> None:
        n_layers, n_heads = self._expected_shape()
        per_layer = 3 * 4 * n_heads * self.T**2  # scores, weights and one copy while computing
        chunk = max(1, min(n_layers, BLOCK_BYTES // per_layer))
        self.shape: list[int] = []
        self.thumbnails: list[Tensor] = []
        self.roles: list[list[dict]] = []
        self.triangular = True
        streams, statistics = [], []
        ids = self.tokens[0].cpu()
        for start in range(0, n_layers, chunk):
            trace = self._trace(
                None if chunk >= n_layers else list(range(start, start + chunk))[: n_layers - start]
            )
            _check(trace, self.T)
            recorded = [(i, block) for i, block in enumerate(trace.blocks) if block is not None]
            final = getattr(trace, "resid_final", None)
            for i, block in recorded:
                if i != len(self.shape):
                    continue  # a trace() without ``layers`` returns all blocks each time
                weights = block.attn.attn_weights[0].detach().float().cpu()  # (n_heads, T, T)
                self.shape.append(weights.shape[0])
                self.thumbnails.append(packing.thumbnail(weights))
                self.triangular &= packing.is_triangular(weights)
                self.roles.append(roles(weights, ids))
                if final is not None and getattr(block, "ffn", None) is not None:
                    streams.append(block.resid_pre[0].detach().float())
                    statistics.append(_statistics(block, final[0]))
                if chunk >= n_layers:
                    self._blocks[i] = block
            if len(self.shape) == len(trace.blocks):
                break
        whole = len(streams) == len(self.shape) and final is not None
        self.stream = (
            torch.stack([*streams, final[0].detach().float()]) if whole else None
        )  # (n_layers + 1, T, d_model)
        self.statistics = torch.stack(statistics).cpu() if whole else None
        self._keep_logits(trace)

    def _expected_shape(self) -> tuple[int, int]:
        blocks = getattr(self.model, "blocks", None)
        try:
            return len(blocks), int(blocks[0].attn.n_heads)
        except (TypeError, AttributeError, IndexError):
            return 1, 1  # an object of the learner's own: trace it once and see

    def _keep_logits(self, trace: Any) -> None:
        """Logits of a long text under GPT-2's vocabulary are 200 MB: then keep what they come from."""
        logits = getattr(trace, "logits", None)
        self.has_logits = logits is not None
        self._hidden = self._logits = None
        if logits is None:
            return
        self.vocab_size = logits.shape[-1]
        if logits.numel() > 16_000_000 and hasattr(self.model, "unembed") and hasattr(trace, "ln_f"):
            self._hidden = trace.ln_f.out[0].detach()
        else:
            self._logits = logits[0].detach()


def _statistics(block: Any, final: Tensor) -> Tensor:
    """One layer's numbers for the stream view: (len(STATISTICS), T)."""
    direction = final / final.norm(dim=-1, keepdim=True).clamp_min(1e-12)  # (T, d_model)
    post, attn, ffn = block.resid_post[0], block.attn.out[0], block.ffn.out[0]  # (T, d_model) each
    rows = [x.norm(dim=-1) for x in (block.resid_pre[0], attn, ffn, post)]
    rows += [(attn * direction).sum(-1), (ffn * direction).sum(-1)]
    rows.append((post * direction).sum(-1) / rows[3].clamp_min(1e-12))
    for norm in (block.ln_1, block.ln_2):
        missing = torch.full_like(rows[0], torch.nan)  # a variant may have no layer norm
        rows.append(norm.mean[0, :, 0] if hasattr(norm, "mean") else missing)
        rows.append(norm.std[0, :, 0] if hasattr(norm, "std") else missing)
    return torch.stack([row.detach().float() for row in rows])


def _check(trace: Any, T: int) -> None:
    """An object with trace() of one's own gets a sentence when the shape is not what is expected."""
    try:
        blocks = [block for block in trace.blocks if block is not None]
        shapes = [tuple(block.attn.attn_weights.shape) for block in blocks]
    except (AttributeError, TypeError) as error:
        raise ValueError(
            f"trace() must return .blocks[i].attn.attn_weights (1, n_heads, T, T): {error}"
        ) from None
    if not blocks:
        raise ValueError("trace() returned no block")
    for shape in shapes:
        if len(shape) != 4 or shape[0] != 1 or shape[2:] != (T, T):
            raise ValueError(
                f"attn_weights must have shape (1, n_heads, {T}, {T}) for {T} tokens, got {shape}"
            )
