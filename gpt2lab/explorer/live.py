"""A page that lives without Python: what it needs of a model and its encoding, as data for ``js/engine``.

The engine computes what a small GPT-2 of the course is made of, with the changes that are a number or a
function: no mask, another factor on the scores, ReLU, positions from another table. Whatever else differs
from GPT-2 is refused by name, because the page would show other numbers than the model's.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable
from typing import TypedDict

import regex
import tiktoken
import torch
from torch import Tensor, nn

from gpt2lab.ablations import ReLUFeedForward, ScaledSinusoids, UnscaledAttention
from gpt2lab.attention import MultiHeadAttention
from gpt2lab.block import TransformerBlock
from gpt2lab.errors import InputError
from gpt2lab.explorer.screen import Screen
from gpt2lab.explorer.text import safe_label
from gpt2lab.feedforward import FeedForward
from gpt2lab.figures.javascript import deflated
from gpt2lab.layernorm import LayerNorm
from gpt2lab.model import GPT2
from gpt2lab.positions import LearnedPositions, NoPositions, SinusoidalPositions
from gpt2lab.tokenizer.bpe import GPT2_PATTERN

MOST_NUMBERS = 4_000_000  # weights; more would make a page that is slow to open and slow to answer
# The parts that js/engine/gpt2.mjs computes. A subclass may override anything, so none counts but these.
BLOCK, NORM = (TransformerBlock,), (LayerNorm,)
ATTENTION, FFN = (MultiHeadAttention, UnscaledAttention), (FeedForward, ReLUFeedForward)
POSITIONS = (LearnedPositions, NoPositions, SinusoidalPositions, ScaledSinusoids)
PRINTING = range(0x20, 0x7F)  # bytes of which js/engine/tokenizer.mjs makes a label by itself


class Weights(TypedDict):
    """All numbers of a model in one piece: how many of them each tensor has, in their order, and their CRC-32."""

    dtype: str  # "float16" or "float32"
    layout: list[tuple[str, int]]
    crc: int
    base64: str


class ModelData(TypedDict):
    """A model and its vocabulary, for ``createEngine`` in ``js/engine``."""

    config: dict[str, int | float]
    blocks: list[dict[str, object]]
    weights: Weights
    vocabulary: dict[str, object]


def page_data(screen: Screen, css: str) -> dict[str, str]:
    """``model_data`` and a style sheet for a page: packed, but for the weights, which would stay as long as they are.

    Raises
    ------
    InputError
        As ``model_data``.
    """
    model = model_data(screen)
    weights = {name: value for name, value in model["weights"].items() if name != "base64"}
    packed = deflated(json.dumps({"css": css, "model": {**model, "weights": weights}}))
    return {"base64": model["weights"]["base64"], "packed": packed}


def model_data(screen: Screen) -> ModelData:
    """Shape, weights and vocabulary of the model on screen.

    Raises
    ------
    InputError
        If the page cannot run it: the sentence names the model, what is in the way, and the recording.
    """
    try:
        if any(run.model is not screen.run.model for run in screen.runs):
            raise InputError("it is compared with another one, and a page holds one model")
        model = _plain(screen.run.model)
        vocabulary = _vocabulary(screen.encoding, model.config.vocab_size)
    except InputError as error:
        name = screen.title.split(":")[0] or type(screen.run.model).__name__
        raise InputError(
            f"A page cannot run {name} by itself: {error}. Write a recording instead: gpt2lab export --recorded, "
            "or save(path, recorded=True)"
        ) from None
    config = model.config
    names = ("vocab_size", "context_length", "d_model", "layer_norm_eps")
    return {
        "config": {name: getattr(config, name) for name in names},
        "blocks": [
            {
                "heads": block.attn.n_heads,
                "causal": block.attn.causal,
                "scale": block.attn.scale,
                "activation": "relu" if isinstance(block.ffn, ReLUFeedForward) else "gelu",
            }
            for block in model.blocks
        ],
        "weights": _weights(model),
        "vocabulary": vocabulary,
    }


def can_run(screen: Screen) -> bool:
    """Whether a page can run the model on screen."""
    try:
        model_data(screen)
    except InputError:
        return False
    return True


def _plain(model: object) -> GPT2:
    """The model, if the page computes what it computes."""
    model = getattr(model, "_orig_mod", model)  # what torch.compile returned
    if type(model) is not GPT2:
        raise InputError(f"it is {_article(type(model).__name__)}, and a page runs GPT2 as it is")
    _expect(model, (GPT2,), "the model")
    _expect(model.position_embedding, POSITIONS, "its position_embedding")
    _expect(model.ln_f, NORM, "its ln_f")
    for i, block in enumerate(model.blocks):
        parts = {"": BLOCK, ".ln_1": NORM, ".attn": ATTENTION, ".ln_2": NORM, ".ffn": FFN}
        for name, kinds in parts.items():
            _expect(getattr(block, name[1:]) if name else block, kinds, f"its blocks[{i}]{name}")
    numbers = sum(tensor.numel() for _, tensor in _tensors(model))
    if numbers > MOST_NUMBERS:
        raise InputError(f"it has {numbers:,} weights, and a page holds at most {MOST_NUMBERS:,}")
    config, dtypes = model.config, {tensor.dtype for tensor in model.state_dict().values()}
    if dtypes != {torch.float32}:
        raise InputError(f"its weights are {', '.join(sorted(map(str, dtypes)))}, and a page takes torch.float32")
    if any(block.attn.qkv.out_features != 3 * config.d_model for block in model.blocks):
        raise InputError("some of its heads were taken out, and a page computes layers with all of them")
    return model


def _expect(module: nn.Module, kinds: tuple[type, ...], what: str) -> None:
    """Refuse another kind of module, and one that was given another method or a hook of its own."""
    kind = type(module)
    if kind not in kinds:
        raise InputError(f"{what} is {_article(kind.__name__)}, where a page computes {_article(kinds[0].__name__)}")
    replaced = [name for name in vars(module) if callable(getattr(kind, name, None))]
    if replaced or module._forward_hooks or module._forward_pre_hooks:
        raise InputError(f"{what} was given {f'another {replaced[0]}' if replaced else 'a hook'}")


def _article(name: str) -> str:
    return f"an {name}" if name[0] in "AEIOU" else f"a {name}"


def _tensors(model: GPT2) -> Iterable[tuple[str, Tensor]]:
    """All numbers of the model by name; positions as the table of vectors that is added."""
    with torch.no_grad():
        yield "position_embedding.weight", model.position_embedding(torch.arange(model.config.context_length))
    yield from ((name, x) for name, x in model.state_dict().items() if not name.startswith("position_embedding."))


def _weights(model: GPT2) -> Weights:
    """In half precision where that loses nothing, as for toys that are stored so."""
    tensors = {name: x.detach().cpu().float() for name, x in _tensors(model)}
    exact = all(torch.equal(x.half().float(), x) for x in tensors.values())
    kind = torch.float16 if exact else torch.float32
    data = b"".join(x.to(kind).contiguous().numpy().tobytes() for x in tensors.values())
    return {
        "dtype": "float16" if exact else "float32",
        "layout": [(name, x.numel()) for name, x in tensors.items()],
        "crc": zlib.crc32(data),
        "base64": base64.b64encode(data).decode("ascii"),
    }


def _vocabulary(encoding: object, vocab_size: int) -> dict[str, object]:
    """Tokens as strings of one character per byte, in the order of their ids, and labels that are not plain."""
    if not isinstance(encoding, tiktoken.Encoding):
        raise InputError(f"its encoding is {_article(type(encoding).__name__)}, where a page takes a tiktoken.Encoding")
    special = {name: encoding.encode_single_token(name) for name in sorted(encoding.special_tokens_set)}
    tokens = [encoding.decode_single_token_bytes(i) for i in range(encoding.n_vocab - len(special))]
    words = sorted((token.decode("utf-8", "replace") for token in tokens), key=len, reverse=True)
    patterns = {GPT2_PATTERN: "bytes", "|".join(regex.escape(word, literal_spaces=True) for word in words): "words"}
    kind = patterns.get(encoding._pat_str)
    if kind is None or sorted(special.values()) != list(range(len(tokens), encoding.n_vocab)):
        raise InputError(f"its encoding {encoding.name!r} cuts text by rules of its own")
    plain = {i for i, token in enumerate(tokens) if all(byte in PRINTING for byte in token)}
    return {
        "kind": kind,
        "tokens": [token.decode("latin-1") for token in tokens],
        "special": special,
        "labels": {i: safe_label(encoding, i) for i in range(vocab_size) if i not in plain},
    }
