"""Hugging Face's names and ours, for tensors and for settings: the only module that knows both.

Linear layers are stored transposed there (``Conv1D`` keeps (in, out), ``nn.Linear`` (out, in)).

Source: huggingface/transformers ``models/gpt2/modeling_gpt2.py`` and ``configuration_gpt2.py``.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from pathlib import Path

from gpt2lab.config import GPT2Config
from gpt2lab.errors import CheckpointError, shorten
from gpt2lab.files import read_json

TOP = {
    "token_embedding.weight": "wte.weight", "position_embedding.weight": "wpe.weight",
    "ln_f.weight": "ln_f.weight", "ln_f.bias": "ln_f.bias",
}  # fmt: skip
PARTS = {
    "ln_1": "ln_1", "attn.qkv": "attn.c_attn", "attn.out": "attn.c_proj",
    "ln_2": "ln_2", "ffn.up": "mlp.c_fc", "ffn.down": "mlp.c_proj",
}  # fmt: skip
EMBEDDING, HEAD = "wte.weight", "lm_head.weight"  # tied: either stands for both
TRANSPOSED = re.compile(r"(c_attn|c_proj|c_fc)\.weight$")
BUFFERS = re.compile(r"^h\.\d+\.attn\.(bias|masked_bias)$")  # constant masks, not weights
LAYER = re.compile(r"^h\.(\d+)\.")
# What wrappers put in front of a name: transformers, DataParallel, torch.compile, in any order.
PREFIXES = re.compile(r"^(?:(?:transformer|module|_orig_mod)\.)+")
# Heads of other tasks, which transformers' GPT-2 classes put beside the same transformer.
OTHER_HEADS = re.compile(r"^(score|classifier|qa_outputs|multiple_choice_head|summary|v_head)\.")

SIZES = {
    "vocab_size": "vocab_size", "context_length": "n_positions", "n_layers": "n_layer",
    "n_heads": "n_head", "d_model": "n_embd", "layer_norm_eps": "layer_norm_epsilon",
}  # fmt: skip
DROPOUTS = ("resid_pdrop", "embd_pdrop", "attn_pdrop")
SPECIAL = ("bos_token_id", "eos_token_id", "pad_token_id")
REQUIRED = {
    "model_type": ("gpt2",),
    "activation_function": ("gelu_new", "gelu_pytorch_tanh"),
    "scale_attn_weights": (True,),
    "scale_attn_by_inverse_layer_idx": (False,),
    "reorder_and_upcast_attn": (False,),
    "add_cross_attention": (False,),
    "tie_word_embeddings": (True,),
}


def ours_to_theirs(config: GPT2Config) -> dict[str, str]:
    """Our name of every tensor -> Hugging Face's, without the ``transformer.`` prefix."""
    names = dict(TOP)
    for i in range(config.n_layers):
        for ours, theirs in PARTS.items():
            for p in ("weight", "bias"):
                names[f"blocks.{i}.{ours}.{p}"] = f"h.{i}.{theirs}.{p}"
    return names


def plain_name(name: str) -> str:
    """Hugging Face's name without what wrappers put in front of it."""
    return PREFIXES.sub("", name)


def stored_shape(name: str, config: GPT2Config) -> tuple[int, ...]:
    """The shape that Hugging Face's tensor of that plain name has by a config."""
    d, d_ff = config.d_model, config.d_ff
    if name in (EMBEDDING, HEAD):
        return config.vocab_size, d
    if name == "wpe.weight":
        return config.context_length, d
    weights = {"attn.c_attn": (d, 3 * d), "attn.c_proj": (d, d), "mlp.c_fc": (d, d_ff), "mlp.c_proj": (d_ff, d)}
    part, _, kind = LAYER.sub("", name).rpartition(".")
    shape = weights.get(part, (d, d))  # a layer norm has d numbers, like the bias of a (d, d) layer
    return shape if kind == "weight" and part in weights else shape[1:]


def read_config(file: Path) -> tuple[GPT2Config, dict[str, int]]:
    """Read a Hugging Face ``config.json``: the sizes, and the ids of its special tokens.

    Raises
    ------
    CheckpointError
        If the file is missing or damaged, or describes another architecture.
    """
    try:
        theirs = read_json(file)
    except FileNotFoundError:
        raise CheckpointError(f"{file.parent}: no config.json there; expected a Hugging Face model directory") from None
    if not isinstance(theirs, dict):
        got = type(theirs).__name__
        raise CheckpointError(f"{file}: expected a JSON object with the model's sizes, got a {got}")
    return config_from(theirs, str(file))


def config_from(theirs: Mapping[str, object], where: str) -> tuple[GPT2Config, dict[str, int]]:
    """A transformers configuration as ours, and the ids of its special tokens.

    Raises
    ------
    CheckpointError
        Naming the place, if it describes another architecture.

    Warns
    -----
    UserWarning
        If its three dropouts differ: ours has one, the residual's.
    """
    for key, good in REQUIRED.items():
        found = theirs.get(key, good[0])
        if found not in good:
            raise CheckpointError(
                f"{where}: {key} is {shorten(repr(found))}, but GPT-2 has {good[0]!r}; this is another architecture"
            )
    dropouts = {key: theirs.get(key, 0.1) for key in DROPOUTS}
    if any(value != dropouts["resid_pdrop"] for value in dropouts.values()):
        listed = ", ".join(f"{key}={shorten(repr(value))}" for key, value in dropouts.items())
        warnings.warn(f"{where}: this GPT-2 has one dropout, {listed} became resid_pdrop's", stacklevel=3)
    sizes = {ours: theirs[key] for ours, key in SIZES.items() if key in theirs}
    try:
        config = GPT2Config(**sizes, d_ff=theirs.get("n_inner"), dropout=dropouts["resid_pdrop"])  # type: ignore[arg-type]  # checked there
    except (ValueError, OverflowError) as error:
        raise CheckpointError(f"{where}: {shorten(str(error))}") from error
    special: dict[str, int] = {}
    for key in SPECIAL:
        value = theirs.get(key)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < config.vocab_size:
            special[key] = value
    return config, special


def their_config(config: GPT2Config, special: Mapping[str, int], dtype: str) -> dict[str, object]:
    """What ``config.json`` says about a model of ours.

    ``special`` are the ids of its special tokens. GPT-2 has one, <|endoftext|>, the last of its vocabulary,
    which begins and ends texts where nothing else is known.
    """
    last = config.vocab_size - 1
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "activation_function": "gelu_new",
        **{theirs: getattr(config, ours) for ours, theirs in SIZES.items()},
        "n_inner": config.d_ff,
        **{key: config.dropout for key in DROPOUTS},
        "tie_word_embeddings": True,
        **{"bos_token_id": last, "eos_token_id": last, **special},
        "torch_dtype": dtype,
    }
