"""Models and texts for the tests of the explorer."""

import torch

from gpt2lab import GPT2, GPT2Config, course_encoding
from gpt2lab.explorer import Explorer, files
from gpt2lab.explorer.selection import VIEWS

TEXT = "for i in range(10):\n    print(i)\nfor i in range(10):"
HOSTILE = [
    "</script><img src=x onerror=\"document.title='pwned'\">",
    "\"'`<b>&amp;</b>\\",
    "nul \x00 here",
    "join\u200der \u2060 \ufeff marks",
    "\u202eright to left\u202c \u2066isolate\u2069",
    "x" * 10_000,
    "🦜 ñ 漢字 عربى",  # every emoji is several byte tokens that are no characters
    "<|endoftext|>",
    "lone \ud800 surrogate",
]


def model(seed=0, sharp=8.0, **changes):
    """A small GPT-2 with random weights; ``sharp`` makes its attention pick."""
    torch.manual_seed(seed)
    shape = dict(vocab_size=course_encoding().n_vocab, n_layers=3, n_heads=4, d_model=32, context_length=64)
    gpt2 = GPT2(GPT2Config.tiny(**{**shape, **changes})).eval()
    for block in gpt2.blocks:
        block.attn.qkv.weight.data *= sharp
    return gpt2


def explorer(text=TEXT, **settings):
    return Explorer(model(), course_encoding(), text, **settings)


def sentences(e):
    """What a picture and the numbers say of each view; any error but a ValueError comes through."""
    said = {}
    for view in VIEWS:
        e.view = view
        e._repr_mimebundle_()
        try:
            files.csv_text(e.screen)
        except ValueError as error:
            said[view] = str(error)
    return said
