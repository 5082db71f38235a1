"""Hugging Face's names and ours: the only module that knows both.

A checkpoint is a directory with ``config.json`` and ``model.safetensors`` (or several files with
an index). The published GPT-2 and a saved one differ: names come with and without the
``transformer.`` prefix, and the published one carries constant mask buffers. Both are read.

Linear layers are stored transposed there (``Conv1D`` keeps (in, out), ``nn.Linear`` (out, in)).

Only safetensors is loaded: a pickle can run code.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from gpt2lab.config import GPT2Config
from gpt2lab.errors import CheckpointError, InputError
from gpt2lab.files import atomic_write
from gpt2lab.model import GPT2

NAMES = {"wte.weight": "token_embedding.weight", "wpe.weight": "position_embedding.weight"}
NAMES |= {f"ln_f.{p}": f"ln_f.{p}" for p in ("weight", "bias")}
PARTS = {
    "ln_1": "ln_1", "attn.c_attn": "attn.qkv", "attn.c_proj": "attn.out",
    "ln_2": "ln_2", "mlp.c_fc": "ffn.up", "mlp.c_proj": "ffn.down",
}  # fmt: skip
TRANSPOSED = re.compile(r"(c_attn|c_proj|c_fc)\.weight$")
BUFFERS = re.compile(r"^h\.\d+\.attn\.(bias|masked_bias)$")  # constant masks, not weights

SIZES = {
    "gpt2": "openai-community/gpt2", "gpt2-medium": "openai-community/gpt2-medium",
    "gpt2-large": "openai-community/gpt2-large", "gpt2-xl": "openai-community/gpt2-xl",
}  # fmt: skip
SHAPE_KEYS = {
    "vocab_size": "vocab_size", "context_length": "n_positions", "n_layers": "n_layer",
    "n_heads": "n_head", "d_model": "n_embd", "layer_norm_eps": "layer_norm_epsilon",
}  # fmt: skip


def load_gpt2(name_or_path: Any = "gpt2", *, download: bool = True) -> GPT2:
    """Load a GPT-2 in evaluation mode.

    Parameters
    ----------
    name_or_path : str or Path
        A directory, or a name on the Hugging Face hub ("gpt2", "gpt2-medium", "gpt2-large",
        "gpt2-xl", "owner/name"). An existing path wins over a name. A name is looked up in the
        local cache first and downloaded (548 MB for "gpt2") if it is not there.
    download : bool
        Whether a name that is not in the cache may be downloaded.

    Raises
    ------
    CheckpointError
        If the files are missing, damaged, of the wrong shape, a pickle, or another architecture.
    """
    folder = _find(name_or_path, download)
    config = read_config(folder / "config.json")
    with torch.device("meta"):  # shapes only: drawing weights to overwrite them would take seconds
        model = GPT2(config)
    model.load_state_dict(_read_weights(folder, model), assign=True)
    return model.eval()


def save_gpt2(model: GPT2, path: Any) -> Path:
    """Write a directory that transformers' ``GPT2LMHeadModel.from_pretrained`` loads.

    Raises
    ------
    ValueError
        If the model is not a plain GPT-2: another architecture would be read back wrongly.
    """
    path = Path(path)
    with torch.device("meta"):
        plain = GPT2(model.config)
    expected = {name: type(module) for name, module in plain.named_modules()}
    found = {name: type(module) for name, module in model.named_modules()}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) is not found.get(name):
            raise InputError(
                f"save_gpt2 writes plain GPT-2 models, but this one differs in {name or 'the model itself'}: "
                f"expected {_class_name(expected.get(name))}, got {_class_name(found.get(name))}"
            )
    state = model.state_dict()
    theirs = {}
    for ours, name in ours_to_theirs(model.config).items():
        weight = state[ours].T if TRANSPOSED.search(name) else state[ours]
        theirs[f"transformer.{name}"] = weight.detach().cpu().contiguous()
    dtype = str(model.token_embedding.weight.dtype).removeprefix("torch.")
    with atomic_write(path / "model.safetensors") as part:
        save_file(theirs, part, metadata={"format": "pt"})
    with atomic_write(path / "config.json") as part:
        part.write_text(json.dumps(_their_config(model.config, dtype), indent=2) + "\n", encoding="utf-8")
    return path


def read_config(file: Path) -> GPT2Config:
    """Read a Hugging Face ``config.json`` and refuse what this GPT-2 is not."""
    try:
        theirs = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"{file.parent}: no config.json there; expected a Hugging Face model directory") from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{file}: not a readable JSON file ({error})") from error
    if not isinstance(theirs, dict):
        got = type(theirs).__name__
        raise CheckpointError(f"{file}: expected a JSON object with the model's sizes, got a {got}")
    for key, expected in {
        "model_type": "gpt2",
        "activation_function": "gelu_new",
        "scale_attn_weights": True,
        "scale_attn_by_inverse_layer_idx": False,
        "reorder_and_upcast_attn": False,
        "add_cross_attention": False,
        "tie_word_embeddings": True,
    }.items():
        found = theirs.get(key, expected)
        if found != expected and not (key == "activation_function" and found == "gelu_pytorch_tanh"):
            raise CheckpointError(
                f"{file}: {key} is {found!r}, but GPT-2 has {expected!r}; this is another architecture"
            )
    sizes = {ours: theirs[key] for ours, key in SHAPE_KEYS.items() if key in theirs}
    sizes["d_ff"] = theirs.get("n_inner")
    sizes["dropout"] = theirs.get("resid_pdrop", 0.1)
    try:
        return GPT2Config(**sizes)
    except ValueError as error:
        raise CheckpointError(f"{file}: {error}") from error


def _class_name(kind: type | None) -> str:
    return "nothing" if kind is None else kind.__name__


def _their_config(config: GPT2Config, dtype: str) -> dict[str, Any]:
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "activation_function": "gelu_new",
        **{theirs: getattr(config, ours) for ours, theirs in SHAPE_KEYS.items()},
        "n_inner": config.d_ff,
        "resid_pdrop": config.dropout,
        "embd_pdrop": config.dropout,
        "attn_pdrop": config.dropout,
        "tie_word_embeddings": True,
        # GPT-2 has one special token, <|endoftext|>, the last of its vocabulary.
        "bos_token_id": config.vocab_size - 1,
        "eos_token_id": config.vocab_size - 1,
        "torch_dtype": dtype,
    }


def ours_to_theirs(config: GPT2Config) -> dict[str, str]:
    """Our name of every tensor -> Hugging Face's, without the ``transformer.`` prefix."""
    names = {ours: theirs for theirs, ours in NAMES.items()}
    for i in range(config.n_layers):
        for theirs, ours in PARTS.items():
            for p in ("weight", "bias"):
                names[f"blocks.{i}.{ours}.{p}"] = f"h.{i}.{theirs}.{p}"
    return names


def _find(name_or_path: Any, download: bool) -> Path:
    path = Path(name_or_path)
    if path.is_file():
        raise CheckpointError(f"{path}: expected a directory with config.json and model.safetensors, got a file")
    if path.is_dir():
        return path
    name = str(name_or_path)
    if name not in SIZES and not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        raise CheckpointError(
            f"{name!r} is neither a directory nor a known model; known: {', '.join(SIZES)}, or owner/name on the hub"
        )
    from huggingface_hub import snapshot_download  # only here: most of the course never needs it

    wanted = dict(repo_id=SIZES.get(name, name), allow_patterns=["config.json", "model*.safetensors"])
    try:
        folder = Path(snapshot_download(**wanted, local_files_only=True))
        if (folder / "config.json").exists() and list(folder.glob("model*.safetensors")):
            return folder  # else somebody has fetched the tokenizer alone
    except Exception:  # not in the local cache (hub libraries have raised several types here)
        pass
    if not download:
        raise CheckpointError(f"{name!r} is not in the local Hugging Face cache; download=True would fetch it")
    try:
        return Path(snapshot_download(**wanted))
    except Exception as error:
        raise CheckpointError(
            f"{name!r} is not in the local Hugging Face cache and could not be downloaded "
            f"({type(error).__name__}); check the name and the network, or give a local directory"
        ) from error


def _read_weights(folder: Path, model: GPT2) -> dict[str, Tensor]:
    expected = model.state_dict()
    names = ours_to_theirs(model.config)
    known = {theirs: ours for ours, theirs in names.items()}
    weights: dict[str, Tensor] = {}
    head: Tensor | None = None
    for file, name, tensor in _tensors(folder):
        plain = name.removeprefix("transformer.")
        if BUFFERS.match(plain):
            continue
        if plain == "lm_head.weight":
            head = tensor
            continue
        if plain not in known:
            raise CheckpointError(
                f"{file}: unexpected tensor {name!r}; this is not a GPT-2 of {model.config.n_layers} layers"
            )
        ours, tensor = known[plain], tensor.T if TRANSPOSED.search(plain) else tensor
        if tensor.shape != expected[ours].shape:
            raise CheckpointError(
                f"{file}: {name!r} should have shape {_stored(plain, expected[ours])} by config.json, "
                f"got {_stored(plain, tensor)}"
            )
        if not tensor.is_floating_point():
            raise CheckpointError(f"{file}: {name!r} should hold floating-point numbers, got {tensor.dtype}")
        # float32, apart from the mapped file, in the file's order of numbers: one row of x times such a
        # matrix reads memory a fifth faster than times a matrix that was turned round.
        weights[ours] = torch.empty_like(tensor, dtype=torch.float32).copy_(tensor)
    if missing := [theirs for ours, theirs in names.items() if ours not in weights]:
        raise CheckpointError(f"{folder}: {len(missing)} tensors are missing, the first is {missing[0]!r}")
    if head is not None and not torch.equal(head.to(torch.float32), weights["token_embedding.weight"]):
        raise CheckpointError(f"{folder}: the output layer differs from the token embedding; GPT-2 ties the two")
    return weights


def _stored(name: str, tensor: Tensor) -> tuple[int, ...]:
    return tuple(reversed(tensor.shape)) if TRANSPOSED.search(name) else tuple(tensor.shape)


def _tensors(folder: Path) -> Any:
    """Yield (file, name, tensor) for every tensor of the checkpoint."""
    files = [folder / "model.safetensors"]
    if not files[0].exists():
        files = sorted(folder.glob("model-*-of-*.safetensors"))
    if not files:
        suffixes = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
        pickles = sorted(file.name for file in folder.iterdir() if file.suffix in suffixes)
        if pickles:
            raise CheckpointError(
                f"{folder}: only {pickles[0]} is there; pickled weights can run code, so only safetensors is loaded"
            )
        raise CheckpointError(f"{folder}: no model.safetensors there")
    for file in files:
        try:
            with safe_open(file, framework="pt") as tensors:
                for name in tensors.keys():
                    yield file, name, tensors.get_tensor(name)
        except (SafetensorError, OSError) as error:
            raise CheckpointError(f"{file}: not a whole safetensors file ({error})") from error
