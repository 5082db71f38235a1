"""Encoder-only, as BERT: every token sees every other, and hidden tokens are to be named.

    x      = token_embedding[tokens] + position_embedding[0 … T-1]
    x      = ln_1(x + attn(x));  x = ln_2(x + ffn(x))        n_layers times, no causal mask
    logits = x @ token_embedding.T                           logit t is about token t itself, not t + 1

It is GPT-2 with the mask off and the norms after the sums. BERT has three things more that are left out here:
a norm on the embeddings, a vector for "first or second sentence", and a layer between the last block and the
output. The training data are those of ``masked_batch``.

Source: Devlin et al. 2019, "BERT: Pre-training of Deep Bidirectional Transformers", sections 3 and 3.1;
google-research/bert ``modeling.py``.
"""

from __future__ import annotations

from torch import nn

from gpt2lab.ablations import NoLayerNorm
from gpt2lab.config import GPT2Config
from gpt2lab.family.encoder import EncoderBlock
from gpt2lab.feedforward import FeedForward
from gpt2lab.model import GPT2


class BertBlock(EncoderBlock):
    """The encoder's block with GPT-2's GELU, which BERT took over from GPT-1."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config)
        self.ffn = FeedForward(config)


class MaskedLanguageModel(GPT2):
    """Tokens (B, T) -> logits (B, T, vocab_size); each logit is made from all tokens, before and after.

    ``forward``, ``hidden`` and ``trace`` are GPT-2's. It has no order of writing, so ``generate`` with it has no
    meaning: it was never asked for the token after the last.
    """

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config)
        self.blocks = nn.ModuleList(BertBlock(config) for _ in range(config.n_layers))  # type: ignore[assignment]
        self.ln_f = NoLayerNorm()  # type: ignore[assignment]  # the last block ends with a norm
        self.init_weights()
