"""Load a GPT-2 from a directory, from the hub's cache, or from a transformers model in memory.

A checkpoint is a directory with ``config.json`` and ``model.safetensors`` (or several files with an
index). The published GPT-2 and a saved one differ: names come with and without prefixes, the published
one carries constant mask buffers, and the output layer is stored under either name or both.

Names and shapes are compared with ``config.json`` before any memory is allocated for weights.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor, nn

from gpt2lab.config import GPT2Config
from gpt2lab.errors import CheckpointError, InputError, shorten, shown, validates
from gpt2lab.files import open_tensors
from gpt2lab.model import GPT2
from gpt2lab.weights import names
from gpt2lab.weights.folders import find_folder, tensor_places
from gpt2lab.weights.seal import SEAL, seal
from gpt2lab.weights.shapes import shapes_only


@validates
def load_gpt2(source: str | os.PathLike[str] | nn.Module = "gpt2", *, download: bool = True) -> GPT2:
    """Load a GPT-2 in evaluation mode.

    Parameters
    ----------
    source : str, Path or a transformers model
        A directory, or a name on the Hugging Face hub ("gpt2", "gpt2-medium", "gpt2-large",
        "gpt2-xl", "owner/name"). An existing path wins over a name. A name is looked up in the
        local cache first and downloaded (548 MB for "gpt2") if it is not there. A transformers model of
        type gpt2 is copied; later changes of either do not reach the other.
    download : bool
        Whether a name that is not in the cache may be downloaded.

    Raises
    ------
    CheckpointError
        If the files are missing, damaged, of the wrong shape, a pickle, or another architecture.
    InputError
        If ``source`` is neither a name nor a path nor a transformers GPT-2.

    Warns
    -----
    UserWarning
        If something of the checkpoint has no place in a GPT-2 and was left out: the head of another task, or
        dropouts that differ.
    """
    if isinstance(source, nn.Module):
        return _from_transformers(source)
    if not isinstance(source, (str, os.PathLike)):
        raise InputError(
            "load_gpt2 needs a directory, a name on the hub or a transformers GPT-2, got "
            f"{type(source).__name__} {shorten(repr(source))}"
        )
    folder = find_folder(source, download)
    config, special = names.read_config(folder / "config.json")
    with _stored(folder, config) as tensors:
        return _build(config, special, tensors, folder)


@dataclass(frozen=True)
class StoredTensor:
    """One tensor of a checkpoint, not read yet."""

    name: str  # as stored
    shape: tuple[int, ...]
    where: object  # for messages
    read: Callable[[], Tensor]


@contextmanager
def _stored(folder: Path, config: GPT2Config) -> Iterator[list[StoredTensor]]:
    """The tensors of a directory; the files stay open for as long as the block lasts."""
    with ExitStack() as stack:
        found = []
        places = tensor_places(folder)
        files = {path: stack.enter_context(open_tensors(path)) for path in sorted(set(places.values()))}
        for name, path in places.items():
            file = files[path]
            shape = tuple(file.get_slice(name).get_shape())
            found.append(StoredTensor(name, shape, path, partial(file.get_tensor, name)))
        for path, file in files.items():
            _check_seal(path, file, config)
        yield found


def _check_seal(path: Path, file: safe_open, config: GPT2Config) -> None:
    """Refuse a file that ``save_gpt2`` wrote and that has changed since."""
    sealed = (file.metadata() or {}).get(SEAL)
    if sealed is not None and sealed != seal(((name, file.get_tensor(name)) for name in sorted(file.keys())), config):
        raise CheckpointError(
            f"{path}: its checksum differs: a number in it, or n_head or layer_norm_epsilon in config.json, is not as "
            "save_gpt2 wrote it; fetch both files again, or save the model again"
        )


def _from_transformers(source: nn.Module) -> GPT2:
    source = getattr(source, "_orig_mod", source)  # what torch.compile has wrapped
    kind = type(source).__name__
    if isinstance(source, GPT2):
        raise InputError("load_gpt2 needs a path, a name or a transformers GPT-2; this is a gpt2lab GPT2 already")
    config = getattr(source, "config", None)
    if (theirs := getattr(config, "model_type", None)) != "gpt2" or config is None:
        what = "of no transformers type" if theirs is None else f"of type {shown(theirs)}"
        raise InputError(
            f"load_gpt2 takes transformers models of type 'gpt2' (GPT2LMHeadModel, GPT2Model, …), got {kind} {what}; "
            "another architecture cannot become a GPT-2"
        )
    ours, special = names.config_from(config.to_dict(), kind)
    state = source.state_dict()
    return _build(ours, special, [
        StoredTensor(name, tuple(tensor.shape), kind, tensor.detach)
        for name, tensor in state.items()
    ], kind)  # fmt: skip


def _build(config: GPT2Config, special: dict[str, int], tensors: Iterable[StoredTensor], where: object) -> GPT2:
    weights = _read(config, _sorted_out(config, tensors, where), where)
    model = shapes_only(config)  # drawing weights to overwrite them would take seconds
    model.load_state_dict(weights, assign=True)
    model.special_ids = special
    return model.eval()


def _sorted_out(config: GPT2Config, tensors: Iterable[StoredTensor], where: object) -> dict[str, StoredTensor]:
    """The tensors by Hugging Face's plain names, all that a model of this config needs and the head, if any."""
    found: dict[str, StoredTensor] = {}
    heads: list[str] = []
    for tensor in tensors:
        plain = names.plain_name(tensor.name)
        if names.BUFFERS.match(plain):
            continue
        if names.OTHER_HEADS.match(plain):
            heads.append(tensor.name)
            continue
        if plain != names.HEAD and not _is_known(plain, config):
            raise CheckpointError(
                f"{tensor.where}: unexpected tensor {shorten(repr(tensor.name))}; "
                f"this is not a GPT-2 of {config.n_layers} layers"
            )
        if plain in found:
            raise CheckpointError(
                f"{tensor.where}: {shorten(repr(tensor.name))} and {shorten(repr(found[plain].name))} "
                "are the same tensor"
            )
        if tensor.shape != (right := names.stored_shape(plain, config)):
            raise CheckpointError(
                f"{tensor.where}: {shorten(repr(tensor.name))} should have shape {right} by config.json, "
                f"got {tensor.shape}"
            )
        found[plain] = tensor
    if heads:
        warnings.warn(
            f"{where}: left out {shorten(', '.join(heads[:4]))}: the head of another task; "
            "the transformer below it was loaded",
            stacklevel=4,
        )
    _check_complete(config, found, where)
    return found


def _is_known(plain: str, config: GPT2Config) -> bool:
    if plain in names.TOP.values():
        return True
    layer = names.LAYER.match(plain)
    part, _, kind = plain[layer.end() :].rpartition(".") if layer else ("", "", "")
    return (
        layer is not None and int(layer[1]) < config.n_layers
        and part in names.PARTS.values() and kind in ("weight", "bias")
    )  # fmt: skip


def _check_complete(config: GPT2Config, found: dict[str, StoredTensor], where: object) -> None:
    layers = len({layer[1] for name in found if (layer := names.LAYER.match(name))})
    if layers < config.n_layers:  # checked before the names of a billion layers are written out
        raise CheckpointError(f"{where}: config.json says {config.n_layers} layers, the weights are of {layers}")
    expected = names.ours_to_theirs(config).values()
    missing = [name for name in expected if name not in found and not (name == names.EMBEDDING and names.HEAD in found)]
    if missing:
        raise CheckpointError(f"{where}: {len(missing)} tensors are missing, the first is {missing[0]!r}")


def _read(config: GPT2Config, found: dict[str, StoredTensor], where: object) -> dict[str, Tensor]:
    """The weights by our names, as float32."""
    head = found.pop(names.HEAD, None)
    if names.EMBEDDING not in found:  # tied, and stored under the name of the output layer alone
        assert head is not None
        found[names.EMBEDDING], head = head, None
    weights = {}
    for ours, theirs in names.ours_to_theirs(config).items():
        tensor = _numbers(found[theirs])
        weights[ours] = _float32(tensor.T if names.TRANSPOSED.search(theirs) else tensor, found[theirs])
    if head is not None:
        _check_tied(_numbers(head), _numbers(found[names.EMBEDDING]), where)
    return weights


def _numbers(stored: StoredTensor) -> Tensor:
    tensor = stored.read()
    if not tensor.is_floating_point():
        raise CheckpointError(
            f"{stored.where}: {shown(stored.name)} should hold floating-point numbers, got {tensor.dtype}"
        )
    return tensor


def _float32(tensor: Tensor, stored: StoredTensor) -> Tensor:
    # Apart from the mapped file, in the file's order of numbers: one row of x times such a matrix reads
    # memory a fifth faster than times a transposed one.
    weight = torch.empty_like(tensor, dtype=torch.float32).copy_(tensor)
    if not bool(torch.isfinite(weight).all()):
        bad = int((~torch.isfinite(weight)).sum())
        raise CheckpointError(
            f"{stored.where}: {shown(stored.name)} holds {bad:,} of {weight.numel():,} numbers that are nan or "
            "infinite in float32; a model with them predicts nothing"
        )
    return weight


def _check_tied(head: Tensor, embedding: Tensor, where: object) -> None:
    """Refuse an output layer that is not the token embedding, up to the rounding of the coarser of the two."""
    coarser = max((head.dtype, embedding.dtype), key=lambda dtype: torch.finfo(dtype).eps)
    limits = torch.finfo(coarser)
    smallest = limits.tiny * limits.eps  # two numbers next to each other near zero
    if not torch.allclose(head.double(), embedding.double(), rtol=limits.eps, atol=smallest):
        raise CheckpointError(f"{where}: the output layer differs from the token embedding; GPT-2 ties the two")
