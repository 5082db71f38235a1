"""A forward pass with every intermediate value: our ``trace`` against TransformerLens' ``run_with_cache``.

    pip install 'transformer-lens<4'           # 3 and below have HookedTransformer; not in pyproject
    gpt2lab bench trace [--quick]

Both have the weights of the same files and keep the same values: the stream, q, k, v, scores and
weights of all heads, what the heads and the feed-forward networks write. Where TransformerLens is not
installed, the program says so and stops.
"""

from __future__ import annotations

import sys
import warnings
from importlib.util import find_spec

import torch
from _models import GPT2_SMALL, SMALL, TINY, both, prompt
from _timing import PAIRS, Row, arguments, compare, provenance, report
from torch import nn
from torch.testing import assert_close
from transformers import GPT2LMHeadModel

from gpt2lab.config import GPT2Config
from gpt2lab.model import GPT2


def hooked(ours: GPT2, theirs: GPT2LMHeadModel) -> nn.Module:
    """A HookedTransformer with the same weights; its maps and logits are compared with ours."""
    from transformer_lens import HookedTransformer, HookedTransformerConfig
    from transformer_lens.pretrained.weight_conversions import convert_gpt2_weights

    c = ours.config
    config = HookedTransformerConfig(
        n_layers=c.n_layers, n_heads=c.n_heads, d_model=c.d_model, d_head=c.d_head, d_mlp=c.d_ff,
        n_ctx=c.context_length, d_vocab=c.vocab_size, eps=c.layer_norm_eps,
        act_fn="gelu_new", normalization_type="LN", device="cpu",
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        model = HookedTransformer(config)
    model.load_state_dict(convert_gpt2_weights(theirs, config), strict=False)  # its masks are buffers of its own
    model.eval()
    tokens = prompt(c, 1, 9)
    logits, cache = model.run_with_cache(tokens)
    trace = ours.trace(tokens)
    assert_close(trace.logits, logits, atol=1e-4, rtol=0)
    for i, block in enumerate(trace.blocks):
        assert block is not None
        assert_close(block.attn.attn_weights, cache["pattern", i], atol=1e-5, rtol=0)
    return model


def race(config: GPT2Config, B: int, T: int) -> Row:
    """One size and one batch."""
    ours, theirs = both(config)
    lens = hooked(ours, theirs)
    tokens = prompt(config, B, T)
    name = f"trace, {ours.n_parameters() / 1e6:.3g} M, B={B}, T={T}, against run_with_cache"
    return compare(name, lambda: ours.trace(tokens), lambda: lens.run_with_cache(tokens), target=1.5, pairs=2 * PAIRS)


@torch.inference_mode()
def main() -> int:
    options = arguments(__doc__, quick=True)
    if find_spec("transformer_lens") is None:
        print("This benchmark needs TransformerLens, which is not installed: pip install 'transformer-lens<4'")
        return 2
    origin = provenance("transformers", "transformer-lens")
    sizes = [(TINY, 1, 16)] if options.quick else [(SMALL, 1, 16), (SMALL, 1, 128), (GPT2_SMALL, 1, 128)]
    return report("trace", [race(*size) for size in sizes], origin, options.quick)


if __name__ == "__main__":
    sys.exit(main())
