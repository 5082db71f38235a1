"""Where a checkpoint lies: a directory, a name on the hub, and which of its files hold the weights."""

from __future__ import annotations

import os
import re
from pathlib import Path

from gpt2lab.errors import CheckpointError, shorten
from gpt2lab.files import open_tensors, read_json

HUB = {
    "gpt2": "openai-community/gpt2", "gpt2-medium": "openai-community/gpt2-medium",
    "gpt2-large": "openai-community/gpt2-large", "gpt2-xl": "openai-community/gpt2-xl",
}  # fmt: skip
ONE_FILE, INDEX = "model.safetensors", "model.safetensors.index.json"
SHARD = re.compile(r"^model-(\d{5})-of-(\d{5})\.safetensors$")


def find_folder(name_or_path: str | os.PathLike[str], download: bool) -> Path:
    """The directory of a checkpoint; a name on the hub is looked up in the cache, then downloaded.

    Raises
    ------
    CheckpointError
        If there is none, or it cannot be fetched.
    """
    path = Path(name_or_path)
    if path.is_file():
        raise CheckpointError(f"{path}: expected a directory with config.json and model.safetensors, got a file")
    if path.is_dir():
        return path
    name = str(name_or_path)
    if name not in HUB and not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        raise CheckpointError(
            f"{shorten(repr(name))} is neither a directory nor a known model; "
            f"known: {', '.join(HUB)}, or owner/name on the hub"
        )
    from huggingface_hub import snapshot_download  # only here: most of the course never needs it

    repo = HUB.get(name, name)
    wanted = ["config.json", "model*.safetensors", INDEX]
    try:
        folder = Path(snapshot_download(repo, allow_patterns=wanted, local_files_only=True))
        if (folder / "config.json").exists() and list(folder.glob("model*.safetensors")):
            return folder  # else somebody has fetched the tokenizer alone
    except Exception:  # not in the local cache (hub libraries have raised several types here)
        pass
    if not download:
        raise CheckpointError(f"{name!r} is not in the local Hugging Face cache; download=True would fetch it")
    try:
        return Path(snapshot_download(repo, allow_patterns=wanted))
    except Exception as error:
        raise CheckpointError(
            f"{name!r} is not in the local Hugging Face cache and could not be downloaded "
            f"({type(error).__name__}); check the name and the network, or give a local directory"
        ) from error


def tensor_places(folder: Path) -> dict[str, Path]:
    """Which file holds which tensor, by the names in the files.

    ``model.safetensors`` is taken alone. Several files are those that the index names; what an older save
    has left beside them is not read. Without an index, or with one that names files which are not there
    while another set is complete, the one complete set of ``model-00001-of-0000N`` files is taken.

    Raises
    ------
    CheckpointError
        If there are no such files, one is missing, or it is not clear which belong together.
    """
    if (folder / ONE_FILE).exists():
        return _names_in([folder / ONE_FILE])
    if not (folder / INDEX).exists():
        return _names_in(_complete_set(folder))
    places = _read_index(folder)
    missing = sorted({file.name for file in places.values() if not file.exists()})
    if not missing:
        return _as_indexed(places)
    sets = [files for files in _sets(folder) if _is_complete(files)]
    if len(sets) == 1:
        return _names_in(sets[0])
    raise CheckpointError(f"{folder / INDEX}: names {missing[0]}, which is not there")


def _read_index(folder: Path) -> dict[str, Path]:
    file = folder / INDEX
    index = read_json(file)
    listed = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(listed, dict) or not listed or not all(isinstance(name, str) for name in listed.values()):
        raise CheckpointError(f"{file}: expected a weight_map with a file name for every tensor")
    for name in listed.values():
        if Path(name).name != name or not name.endswith(".safetensors"):
            raise CheckpointError(f"{file}: expected names of safetensors files beside it, got {shorten(repr(name))}")
    return {tensor: folder / name for tensor, name in listed.items()}


def _as_indexed(places: dict[str, Path]) -> dict[str, Path]:
    for file in sorted(set(places.values())):
        with open_tensors(file) as tensors:
            held = set(tensors.keys())
        if lacking := sorted(name for name, place in places.items() if place == file and name not in held):
            raise CheckpointError(f"{file}: lacks {shorten(repr(lacking[0]))}, which {INDEX} says is in it")
    return places


def _names_in(files: list[Path]) -> dict[str, Path]:
    places: dict[str, Path] = {}
    for file in files:
        with open_tensors(file) as tensors:
            for name in tensors.keys():
                if name in places:
                    raise CheckpointError(f"{file}: {shorten(repr(name))} is in {places[name].name} as well")
                places[name] = file
    return places


def _sets(folder: Path) -> list[list[Path]]:
    """The files that belong together by their names, "of" the same number."""
    sets: dict[str, list[Path]] = {}
    for file in sorted(folder.iterdir()):
        if found := SHARD.match(file.name):
            sets.setdefault(found[2], []).append(file)
    return list(sets.values())


def _is_complete(files: list[Path]) -> bool:
    return len(files) == int(files[0].name[-len("00000.safetensors") : -len(".safetensors")])


def _complete_set(folder: Path) -> list[Path]:
    sets = _sets(folder)
    complete = [files for files in sets if _is_complete(files)]
    if len(complete) == 1:
        return complete[0]
    if complete:
        names = " and ".join(files[0].name for files in complete)
        raise CheckpointError(f"{folder}: files of several saves are there ({names}) and no {INDEX} to tell them apart")
    if sets:
        there, total = {file.name for file in sets[0]}, sets[0][0].name[-len("00000.safetensors") :]
        lacking = next(n for i in range(1, len(there) + 2) if (n := f"model-{i:05d}-of-{total}") not in there)
        raise CheckpointError(f"{folder}: {lacking} is missing")
    pickles = sorted(f.name for f in folder.iterdir() if f.suffix in (".bin", ".pt", ".pth", ".ckpt", ".pkl"))
    if pickles:
        raise CheckpointError(
            f"{folder}: only {pickles[0]} is there; pickled weights can run code, so only safetensors is loaded"
        )
    raise CheckpointError(f"{folder}: no {ONE_FILE} there")
