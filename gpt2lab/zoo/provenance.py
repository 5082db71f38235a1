"""Where a model comes from: enough to judge it, and to make it again.

``provenance.json`` says what was trained, on what, by which command, on which machine, how long, and
what came out. A model without one is not part of the zoo.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import math
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from gpt2lab.errors import CheckpointError, shorten, shown
from gpt2lab.files import atomic_write, read_json

SCHEMA: dict[str, tuple[type, ...]] = {
    "name": (str,),
    "task": (str,),
    "preset": (str,),
    "variant": (str,),  # of gpt2lab.ablations
    "config": (dict,),  # of GPT2Config
    "training": (dict,),  # of TrainConfig, where it is not the standard
    "seed": (int,),
    "steps": (int,),
    "tokens": (int,),  # read in training
    "parameters": (int,),
    "device": (str,),  # as the machine names it
    "torch": (str,),
    "python": (str,),
    "seconds": (int, float),  # of training
    "made": (str,),  # date, UTC
    "metric": (str,),  # which of the scores counts
    "value": (int, float),
    "scores": (dict,),  # all of Task.evaluate
    "evaluation": (dict,),  # its arguments: n, seed, split
    "command": (str,),  # makes it again
    "curve": (dict,),  # "step" and "loss", thinned; "evaluations" on held-out cases
    "text": (dict,),  # which text: see TEXT_SCHEMA
    "sentence": (dict,),  # "text" and "loss", nats per token: a check of the weights that needs no other text
    "samples": (list,),  # what the model writes after some steps, see gpt2lab.zoo.snapshots
    "sha256": (str,),  # of the weights and of what they are for, see ``digest``
}
OF_TEXTS = {"text", "sentence", "samples"}  # only models that continue a text have them
OPTIONAL = {"sha256"} | OF_TEXTS  # models trained with the first edition have no checksum
TEXT_SCHEMA: dict[str, type] = {
    "file": str,  # its name; the text itself is not stored
    "origin": str,  # where to get it again
    "sha256": str,  # of the text in UTF-8, with "\\n" at the end of each line
    "bytes": int,  # of the same
    "titles": list,  # lines at which a part begins; the end of each part is held out
    "join_lines": bool,
    "train_tokens": int,
    "held_out_tokens": int,
    "bytes_per_token": float,  # in the held-out text
    "length": int,  # T, tokens per window
    "tokenizer": str,  # SHA-256 of tokenizer.json
    "snapshots": dict,  # SHA-256 of the weights after some steps, by step
}


def check_provenance(facts: object, where: str) -> dict[str, Any]:  # Any: JSON, checked against SCHEMA
    """Refuse what is incomplete or cannot be true.

    Raises
    ------
    CheckpointError
        Naming the place and the entry.
    """
    if not isinstance(facts, dict):
        raise CheckpointError(f"{where}: expected an object, got {type(facts).__name__}")
    for key, types in SCHEMA.items():
        if key not in facts and key in OPTIONAL:
            continue
        if key not in facts:
            raise CheckpointError(f"{where}: the entry {key!r} is missing")
        if isinstance(facts[key], bool) or not isinstance(facts[key], types):
            raise CheckpointError(f"{where}: {key!r} should be {types[0].__name__}, got {shorten(repr(facts[key]))}")
    if unknown := sorted(set(facts) - set(SCHEMA)):
        raise CheckpointError(f"{where}: unknown entry {shown(unknown[0])}")
    for key in ("steps", "tokens", "parameters", "seconds"):
        if not 0 < facts[key] < math.inf:
            raise CheckpointError(f"{where}: {key!r} should be positive, got {shown(facts[key])}")
    if "text" in facts:
        for key, kind in TEXT_SCHEMA.items():
            if not isinstance(facts["text"].get(key), kind):
                raise CheckpointError(f"{where}: the text's {key!r} should be {kind.__name__}")
    if facts["scores"].get(facts["metric"]) != facts["value"]:
        raise CheckpointError(
            f"{where}: 'value' {shown(facts['value'])} is not the {shown(facts['metric'])} of 'scores'"
        )
    if len(facts["curve"].get("step", [])) != len(facts["curve"].get("loss", [None])):
        raise CheckpointError(f"{where}: the curve needs as many steps as losses")
    return facts


def read_provenance(path: Path) -> dict[str, Any]:  # Any: JSON, checked against SCHEMA
    """Read and check a ``provenance.json``."""
    try:
        return check_provenance(read_json(Path(path)), str(path))
    except FileNotFoundError:
        raise CheckpointError(f"{path}: there is no provenance file; a toy model has one beside its weights") from None


def digest(weights: bytes, facts: Mapping[str, object]) -> str:
    """SHA-256 over the weights' file and what it is for: task, variant, config and text, as JSON with sorted keys.

    One number for both, so that neither a changed weight nor a model under another task's name goes unnoticed.
    """
    keys = ("task", "variant", "config", *(("text",) if "text" in facts else ()))
    purpose = json.dumps([facts[key] for key in keys], sort_keys=True)
    return hashlib.sha256(weights + purpose.encode("utf-8")).hexdigest()


def write_provenance(path: Path, facts: dict[str, Any]) -> None:  # Any: JSON
    """Check and write a ``provenance.json``."""
    check_provenance(facts, str(path))
    lines = ",\n".join(
        f" {json.dumps(key)}: {json.dumps(facts[key])}" for key in SCHEMA if key in facts
    )  # one entry, one line
    with atomic_write(Path(path)) as part:
        part.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


def surroundings(device: torch.device) -> dict[str, str]:
    """The machine and the versions that trained, as provenance entries."""
    return {
        "device": device_name(device),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "made": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }


def device_name(device: torch.device) -> str:
    """What the machine calls the device, such as ``cpu (AMD EPYC 7B13, 1 thread)``."""
    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)})"
    if device.type != "cpu":
        return device.type
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    n = torch.get_num_threads()
    return f"cpu ({name}, {n} thread{'s' if n > 1 else ''})"
