"""Train a model that continues a text: `gpt2lab train --text FILE`."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from pathlib import Path

import tiktoken
import torch

from gpt2lab.errors import InputError
from gpt2lab.model import GPT2, evaluating
from gpt2lab.tasks.base import Task
from gpt2lab.tasks.text import Corpus, TextTask, read_text
from gpt2lab.tasks.windows import RealText
from gpt2lab.training import History, train
from gpt2lab.training.checkpoint import FILE
from gpt2lab.training.config import TrainConfig, TrainSettings
from gpt2lab.zoo.facts import trained_facts
from gpt2lab.zoo.snapshots import (
    KEPT,
    STEPS,
    Sample,
    checksums,
    read_snapshot,
    round_to_half,
    sample,
    snapshot_file,
    snapshot_steps,
    write_snapshot,
)
from gpt2lab.zoo.texts import TextPreset
from gpt2lab.zoo.toys import save_toy, write_tokenizer

EVALUATED = 1500  # windows of the final evaluation
PROMPT_WORDS, SENTENCE_LETTERS = 4, 200  # of the held-out text, where the recipe names none

Report = Callable[[str], object]


def text_name(path: Path, preset_name: str) -> str:
    """The model's name: that of the recipe, or of the file."""
    return preset_name if preset_name != "default" else re.sub(r"[^\w.-]+", "-", path.stem).strip(".-") or "text"


def make_text(
    path: Path,
    recipe: TextPreset,
    name: str,
    *,
    folder: Path,
    seed: int = 0,
    command: str = "",
    changes: TrainSettings | None = None,
    report: Report | None = None,
) -> dict[str, object]:
    """Train one recipe on a text and write the model with its tokenizer and provenance.

    Parameters
    ----------
    folder : Path
        Gets a folder of the model's name, with checkpoints and snapshots while it trains.
    changes : dict, optional
        Settings of ``TrainConfig`` that replace the recipe's.
    report : function, optional
        Gets the progress as lines of text.

    Returns
    -------
    dict
        The provenance.

    Raises
    ------
    ValueError
        For a text that cannot be used (see ``TextTask``), or settings without meaning.
    CheckpointError
        On resuming, if the text or the settings are no longer the same.
    """
    say, target = report or (lambda line: None), Path(folder) / name
    corpus = Corpus.of(read_text(path), recipe.titles, recipe.join_lines)
    say(f"training a tokenizer of {recipe.vocab_size:,} tokens")
    task = TextTask(corpus, recipe.vocab_size, recipe.length)
    sizes = {split: len(task.tokens(split)) for split in ("train", "held_out")}
    say(f"{sizes['train']:,} tokens to train on, {sizes['held_out']:,} held out")
    model = recipe.preset.model(task, seed)
    say(f"a model of {model.n_parameters():,} parameters")
    prompt = recipe.prompt or opening(task, " ".join(corpus.held_out[0].split()[:PROMPT_WORDS]))
    sentence = recipe.sentence or opening(task, corpus.held_out[0].strip()[:SENTENCE_LETTERS])
    if len(task.encode(prompt)[0]) > task.length:
        raise InputError(f"the prompt {prompt!r} does not fit into {task.length} tokens; use a shorter one")
    settings: TrainSettings = {**(changes or {}), "seed": seed, "folder": target}
    config = recipe.preset.train_config(**settings)
    history = _train(model, task, config, target, prompt, say)
    model.cpu()
    round_to_half(model)  # what is evaluated is what is stored
    samples = _samples(model, task.encoding, target, prompt, history.steps)
    kept = [step for step in KEPT if step in snapshot_steps(target)]
    scores = {key: round(value, 6) for key, value in task.evaluate(model, EVALUATED).items()}
    facts: dict[str, object] = {
        "name": name, "task": task.name, "preset": "english" if name == "english" else "default",
        "variant": recipe.preset.variant, **trained_facts(model, task, config, history),
        "metric": task.metric, "value": scores[task.metric], "scores": scores,
        "evaluation": {"n": EVALUATED, "split": "held_out"},
        "command": command or f"gpt2lab train --text {path.name}",
        "text": {
            "file": path.name, "origin": recipe.origin or "a file of your own", "sha256": corpus.sha256,
            "bytes": corpus.n_bytes, "titles": list(recipe.titles), "join_lines": recipe.join_lines,
            "train_tokens": sizes["train"], "held_out_tokens": sizes["held_out"],
            "bytes_per_token": task.token_bytes[task.tokens("held_out").long()].double().mean().item(),
            "length": task.length, "tokenizer": write_tokenizer(target, task.encoding),
            "snapshots": checksums(target, kept),
        },
        "sentence": {"text": sentence, "loss": round(sentence_loss(model, task, sentence), 6)},
        "samples": samples,
    }  # fmt: skip
    save_toy(target, model, facts, half=True)
    _tidy(target, kept)
    return facts


@torch.no_grad()
def sentence_loss(model: GPT2, task: Task, sentence: str) -> float:
    """Nats per token of a sentence, from its second token on; what does not fit into the context is left out."""
    tokens = task.encode(sentence)[:, : task.length]  # (1, T)
    if tokens.shape[1] < 2:
        return 0.0
    with evaluating(model):
        return float(torch.nn.functional.cross_entropy(model(tokens)[0, :-1], tokens[0, 1:]))


def opening(task: Task, text: str) -> str:
    """As much of the beginning of a text as fits into half of the context, by halves, and at least one letter."""
    while len(text) > 1 and task.encode(text).shape[1] > max(1, task.length // 2):
        text = text[: len(text) // 2].rstrip() or text[:1]
    return text


def _train(model: GPT2, task: RealText, config: TrainConfig, target: Path, prompt: str, say: Report) -> History:
    """Train, with snapshots and samples on the way."""
    if not config.resume:
        if (target / FILE).exists():
            raise InputError(f"{target} holds a checkpoint already: use --resume to go on, or another folder")
        _clear(target)
        write_snapshot(target, model, 0)
        say(_line(sample(model, task.encoding, prompt, 0)))

    def on_step(step: int, history: History) -> None:
        if step in STEPS:
            write_snapshot(target, model, step)
        if step in STEPS or step == config.steps:
            say(_line(sample(model, task.encoding, prompt, step)))
        if history.evaluations and history.evaluations[-1]["step"] == step:
            seen = history.evaluations[-1]
            say(
                f"step {step:,}: held out {seen['loss']:.3f} nats per token, {seen['bits_per_byte']:.3f} bits per "
                f"byte; on training text {seen['train_loss']:.3f} nats per token"
            )

    return train(model, task, config, on_step)


def _samples(model: GPT2, encoding: tiktoken.Encoding, target: Path, prompt: str, end: int) -> list[Sample]:
    """What each snapshot and the finished model write; one seed for all."""
    earlier, samples = copy.deepcopy(model), []
    for step in snapshot_steps(target):
        if step < end:
            read_snapshot(target, earlier, step)
            samples.append(sample(earlier, encoding, prompt, step))
    return [*samples, sample(model, encoding, prompt, end)]


def _line(one: Sample) -> str:
    return f"step {one['step']:,} writes: {one['text']!r}"


def _clear(target: Path) -> None:
    """Remove the snapshots of an earlier training in the same folder."""
    for step in snapshot_steps(target):
        (target / snapshot_file(step)).unlink()


def _tidy(target: Path, kept: list[int]) -> None:
    """Remove the checkpoint and the snapshots that are not kept."""
    (target / FILE).unlink(missing_ok=True)
    for step in snapshot_steps(target):
        if step not in kept:
            (target / snapshot_file(step)).unlink()
