"""A model as it was on the way: half-precision weights after a few steps, and what each of them writes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import TypedDict

import tiktoken
import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from gpt2lab.files import atomic_write
from gpt2lab.generation import generate
from gpt2lab.generation.sampling import next_token_probabilities
from gpt2lab.model import GPT2, evaluating

STEPS = (0, 100, 300, 1000, 3000, 10_000, 30_000)  # after which a sample is taken; also at the end
KEPT = (0, 100, 1000)  # steps whose weights stay with the finished model
NEW, TEMPERATURE, SEED, LIKELIEST = 40, 0.8, 0, 8


class Sample(TypedDict):
    """What a model writes after a number of steps."""

    step: int
    prompt: str
    seed: int
    temperature: float
    text: str  # prompt and continuation
    next: list[tuple[str, float]]  # the likeliest tokens after the prompt, with their probabilities


def halved(model: nn.Module) -> dict[str, Tensor]:
    """The weights in half precision: two bytes per number instead of four."""
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    return {name: x.half() if x.is_floating_point() else x for name, x in weights.items()}


@torch.no_grad()
def round_to_half(model: nn.Module) -> None:
    """Give a model the weights that ``halved`` stores, so that what is measured is what is shipped."""
    model.load_state_dict({name: x.float() if x.is_floating_point() else x for name, x in halved(model).items()})


def snapshot_file(step: int) -> str:
    """``step-100.safetensors``"""
    return f"step-{step}.safetensors"


def write_snapshot(folder: Path, model: nn.Module, step: int) -> None:
    """Keep the weights after a step; a file that is there already is replaced."""
    with atomic_write(Path(folder) / snapshot_file(step)) as part:
        part.write_bytes(save(halved(model)))


def read_snapshot(folder: Path, model: nn.Module, step: int) -> None:
    """Put the weights after a step into a model."""
    weights = load_file(Path(folder) / snapshot_file(step))
    model.load_state_dict({name: x.float() if x.is_floating_point() else x for name, x in weights.items()})


def snapshot_steps(folder: Path) -> list[int]:
    """The steps of which a folder has the weights."""
    return sorted(int(path.stem.removeprefix("step-")) for path in Path(folder).glob("step-*.safetensors"))


def sample(model: GPT2, encoding: tiktoken.Encoding, prompt: str, step: int) -> Sample:
    """Continue a prompt, with the same seed at every step."""
    tokens = torch.tensor([encoding.encode_ordinary(prompt)])  # (1, T)
    device = next(model.parameters()).device
    generator = torch.Generator(device).manual_seed(SEED)
    written = generate(model, tokens.to(device), NEW, temperature=TEMPERATURE, generator=generator)
    return {
        "step": step, "prompt": prompt, "seed": SEED, "temperature": TEMPERATURE,
        "text": encoding.decode(written[0].tolist()), "next": likeliest(model, encoding, tokens.to(device)),
    }  # fmt: skip


@torch.no_grad()
def likeliest(model: GPT2, encoding: tiktoken.Encoding, tokens: Tensor) -> list[tuple[str, float]]:
    """The likeliest tokens after a prompt (1, T), with their probabilities."""
    with evaluating(model):
        values, ids = next_token_probabilities(model(tokens)[:, -1])[0].topk(LIKELIEST)
    names = [encoding.decode([token]) for token in ids.tolist()]
    return [(name, round(p, 6)) for name, p in zip(names, values.tolist(), strict=True)]


def checksum(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def checksums(folder: Path, steps: Iterable[int]) -> dict[str, str]:
    """SHA-256 of the snapshots of some steps, by step."""
    return {str(step): checksum(Path(folder) / snapshot_file(step)) for step in steps}
