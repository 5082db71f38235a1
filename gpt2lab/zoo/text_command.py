"""The command `gpt2lab train --text FILE`, and the options that it shares with `gpt2lab train TASK`."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import replace
from pathlib import Path
from typing import cast

from tqdm.auto import tqdm

from gpt2lab.errors import InputError
from gpt2lab.training.config import PRECISIONS, TrainSettings
from gpt2lab.zoo.make_text import make_text, text_name
from gpt2lab.zoo.texts import TEXTS, TextPreset
from gpt2lab.zoo.toys import load_toy

SIZES = {"width": "d_model", "layers": "n_layers", "heads": "n_heads", "dropout": "dropout"}  # of GPT2Config


def training_options(parser: argparse.ArgumentParser) -> None:
    """The options of every training."""
    parser.add_argument("--device", default="cpu", help="auto, cpu, cuda, cuda:N or mps (default: cpu)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("work") / "trained", help="folder (default: work/trained)")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument("--accumulation", type=int)
    parser.add_argument("--checkpoint-every", type=int)
    parser.add_argument("--precision", help=f"one of {', '.join(PRECISIONS)}")
    parser.add_argument("--compile", action="store_true", default=None, help="use torch.compile")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def text_command(arguments: list[str]) -> int:
    """`gpt2lab train --text FILE`"""
    parser = argparse.ArgumentParser(
        "gpt2lab train",
        description="Train a tokenizer and a model on a text of yours, and write them with their provenance. "
        "The last 5 %% of the text are held out. load_toy(folder) and `gpt2lab explore` open the result.",
    )
    parser.add_argument("--text", type=Path, required=True, metavar="FILE", help="in UTF-8, at most 50 MB")
    parser.add_argument("--preset", default="default", help=f"the recipe: {', '.join(TEXTS)}")
    parser.add_argument("--vocab", type=int, help="tokens in the vocabulary: 256 bytes, merges and an end")
    parser.add_argument("--context", type=int, help="tokens that the model sees at once")
    parser.add_argument("--width", type=int, help="of the residual stream")
    parser.add_argument("--layers", type=int)
    parser.add_argument("--heads", type=int)
    parser.add_argument("--dropout", type=float)
    parser.add_argument("--prompt", help="what the samples begin with (default: the first words of the held-out text)")
    parser.add_argument("--join-lines", action="store_true", default=None, help="make each paragraph one line")
    parser.add_argument(
        "--titles", nargs="+", metavar="LINE", help="lines that begin a new part, each with its own end"
    )
    training_options(parser)
    options = vars(parser.parse_args(arguments))
    path, name, seed, out, quiet = (options.pop(key) for key in ("text", "preset", "seed", "out", "quiet"))
    if name not in TEXTS:
        raise InputError(f"a text has no preset {name!r}; its presets: {', '.join(TEXTS)}")
    given = {key: value for key, value in options.items() if value is not None}
    recipe = changed(TEXTS[name], given)
    changes: TrainSettings = {"progress": not quiet}
    changes |= cast(TrainSettings, {key: given[key] for key in given.keys() & TrainSettings.__annotations__.keys()})
    made = text_name(path, name)
    command = shlex.join(["gpt2lab", "train", *(a for a in arguments if a not in ("--quiet", "--resume"))])
    report = None if quiet else tqdm.write  # a line above the progress bar
    facts = make_text(path, recipe, made, folder=out, seed=seed, command=command, changes=changes, report=report)
    toy = load_toy(out / made)
    scores = toy.provenance["scores"]
    print(
        f"{toy.name}: {scores['loss']:.3f} nats per token, {scores['bits_per_byte']:.3f} bits per byte on held-out text"
    )
    print(f"{facts['steps']:,} steps, {facts['tokens']:,} tokens in {facts['seconds']:.0f} s on {facts['device']}")
    print(f"written to {out / made}; gpt2lab explore {shlex.quote(str(out / made))} opens it")
    return 0


def changed(recipe: TextPreset, given: dict[str, object]) -> TextPreset:
    """A recipe with the shape, vocabulary and text of the options."""
    shape = {**recipe.preset.shape, **{SIZES[key]: given[key] for key in SIZES if key in given}}
    names = {"vocab": "vocab_size", "context": "length", "prompt": "prompt", "join_lines": "join_lines"}
    changes = {names[key]: given[key] for key in names if key in given}
    if "titles" in given:
        changes["titles"] = tuple(cast(list[str], given["titles"]))
    return replace(recipe, preset=replace(recipe.preset, shape=shape), **changes)  # type: ignore[arg-type]  # by name
