"""Every file of numbers that comes with the course has a checksum, and a flipped bit is noticed at loading."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import gpt2lab
from gpt2lab.errors import CheckpointError
from gpt2lab.studies import distilling, inside, length, reference
from gpt2lab.zoo import load_toy

PACKAGE = Path(gpt2lab.__file__).parent
TEXT = {".py", ".pyi", ".json", ".toml", ".css", ".mjs", ".html", ".typed", ".md", ".txt", ".pyc"}
SHIPPED = sorted(
    path.relative_to(PACKAGE).as_posix()
    for path in PACKAGE.rglob("*")
    if path.is_file() and path.suffix not in TEXT and path.name != "py.typed" and "__pycache__" not in path.parts
)


def loader(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Callable[[], object]]:
    """A copy of the file that may be damaged, and what loads it."""
    file = PACKAGE / name
    if (file.parent / "provenance.json").is_file():
        copied = Path(shutil.copytree(file.parent, folder / "model"))
        step = int(file.stem.removeprefix("step-")) if file.stem.startswith("step-") else None
        return copied / file.name, lambda: load_toy(copied, step=step)
    studies: dict[str, tuple[object, Callable[[], object]]] = {
        "studies/distilling.safetensors": (distilling, lambda: distilling.load_student("teacher")),
        "studies/inside.safetensors": (inside, lambda: inside.load_copier(inside.KEPT)),
        "studies/length.safetensors": (length, lambda: length.load_model("RoPE")),
        "studies/reference.safetensors": (reference, lambda: reference.load_run(reference.KEPT)),
    }
    if name not in studies:
        pytest.fail(f"{name} comes without a provenance; store its checksum, check it, and say here what loads it")
    study, load = studies[name]
    monkeypatch.setattr(study, "FOLDER", folder)
    return Path(shutil.copy(file, folder)), load


def test_the_files_are_found():
    assert {"studies/length.safetensors", "studies/reference.safetensors", "zoo/sort/model.safetensors"} <= set(SHIPPED)
    assert any(name.startswith("studies/lab/trained/") for name in SHIPPED)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_flipped_bit_is_noticed_in_every_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (
        distilling.distilling_table(),
        inside.inside_table(),
        length.length_table(),
        reference.study_table(),
    )  # the tables stay those of the package
    file, load = loader(name, tmp_path, monkeypatch)
    load()
    data = bytearray(file.read_bytes())
    place = random.Random(name).randrange(len(data) // 2, len(data))  # among the weights, where any bits make a number
    data[place] ^= 1 << (place % 8)
    file.write_bytes(data)
    with pytest.raises(CheckpointError, match="checksum differs"):
        load()


@pytest.mark.parametrize("name", ["studies/length.safetensors", "studies/reference.safetensors"])
def test_a_missing_file_is_a_sentence(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    distilling.distilling_table(), inside.inside_table(), length.length_table(), reference.study_table()
    file, load = loader(name, tmp_path, monkeypatch)
    file.unlink()
    with pytest.raises(CheckpointError, match=r"safetensors: cannot be read \(No such file"):
        load()
