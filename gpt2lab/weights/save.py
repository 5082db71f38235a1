"""Save a GPT-2 as a directory that transformers loads."""

from __future__ import annotations

import json
import os
from pathlib import Path

from safetensors.torch import save_file

from gpt2lab.errors import InputError, validates
from gpt2lab.files import atomic_write
from gpt2lab.model import GPT2
from gpt2lab.weights import names
from gpt2lab.weights.seal import SEAL, seal
from gpt2lab.weights.shapes import shapes_only


@validates
def save_gpt2(model: GPT2, path: str | os.PathLike[str]) -> Path:
    """Write a directory that transformers' ``GPT2LMHeadModel.from_pretrained`` loads.

    The file of weights carries a checksum of its numbers, and of the settings that no shape shows, so that
    ``load_gpt2`` notices a changed byte.

    Parameters
    ----------
    model : GPT2
        Also one that ``torch.compile`` has wrapped. The ids of its special tokens are those it was loaded
        with, or the last of the vocabulary.

    Raises
    ------
    InputError
        If the model is not a plain GPT-2: another architecture would be read back wrongly.
    """
    model = getattr(model, "_orig_mod", model)
    if not isinstance(model, GPT2):
        raise InputError(
            f"save_gpt2 writes gpt2lab's GPT2, got {type(model).__name__}; "
            "a transformers model has save_pretrained(path)"
        )
    path = Path(path)
    plain = shapes_only(model.config)
    expected = {name: type(module) for name, module in plain.named_modules()}
    found = {name: type(module) for name, module in model.named_modules()}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) is not found.get(name):
            raise InputError(
                f"save_gpt2 writes plain GPT-2 models, but this one differs in {name or 'the model itself'}: "
                f"expected {_class_name(expected.get(name))}, got {_class_name(found.get(name))}"
            )
    for i, block in enumerate(model.blocks):
        if block.attn.n_heads != model.config.n_heads:
            raise InputError(
                f"save_gpt2 writes plain GPT-2 models, but blocks.{i}.attn has {block.attn.n_heads} heads, "
                f"and the config says {model.config.n_heads}"
            )
    state = model.state_dict()
    theirs = {}
    for ours, name in names.ours_to_theirs(model.config).items():
        weight = state[ours].T if names.TRANSPOSED.search(name) else state[ours]
        theirs[f"transformer.{name}"] = weight.detach().cpu().contiguous()
    dtype = str(model.token_embedding.weight.dtype).removeprefix("torch.")
    config = names.their_config(model.config, model.special_ids or {}, dtype)
    with atomic_write(path / "model.safetensors") as part:
        save_file(theirs, part, metadata={"format": "pt", SEAL: seal(sorted(theirs.items()), model.config)})
    with atomic_write(path / "config.json") as part:
        part.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    return path


def _class_name(kind: type | None) -> str:
    return "nothing" if kind is None else kind.__name__
