"""By which route does a model copy, and when did it learn what? Several seeds of two shipped recipes.

*Induction*: ten models of two layers learn to find the earlier copy of a letter and to say the letter after
it; five of one layer try the same. Of each two-layer model the table holds the attention of its last layer on
the letters around the earlier copy, and the share of right letters with single looks cut: in layer 0 the looks
so many letters back, in layer 1 the looks so many letters behind the earlier copy.

*Nouns*: five models learn the reference task. Every 20 steps the table notes how often they say the noun that
"it" means, the other noun of the sentence, or neither. The accuracy alone cannot tell a model that has learned
half of the nouns from one that guesses between two.

``python -m gpt2lab.studies.inside`` repeats everything (about four minutes on one CPU core). On another machine sums
are rounded differently, and a seed may take another route.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cache
from typing import TypedDict

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from tqdm.auto import tqdm

from gpt2lab.errors import InputError
from gpt2lab.interventions import cut_edges
from gpt2lab.model import GPT2, evaluating
from gpt2lab.studies.stored import FOLDER, Made, load_table, load_weights, made_by, save_table, save_weights
from gpt2lab.tasks.base import IGNORE
from gpt2lab.tasks.induction import Induction
from gpt2lab.tasks.reference import Reference
from gpt2lab.training import train
from gpt2lab.zoo.head_scores import head_weights
from gpt2lab.zoo.recipes import get_preset

SEEDS, ONE_LAYER_SEEDS, NOUN_SEEDS = 10, 5, 5
SEQUENCES, SEQUENCES_SEED = 256, 7  # held out, for all that is measured
BACK = (1, 2, 3)  # looks of layer 0 that are cut: so many letters back
OFFSETS = (-1, 0, 1, 2, 3, 4)  # from the earlier copy, for the looks of layer 1
NOUN_STEPS, NOUN_EVERY = 500, 20
KEPT = 2  # the seed whose weights come with the course: it copies by another route than most
TABLE, WEIGHTS = "inside.json", "inside.safetensors"


class CopyRoute(TypedDict):
    """One two-layer model and its route."""

    seed: int
    accuracy: float  # share of right letters
    looks: list[float]  # mean attention of layer 1 on each of OFFSETS, both heads
    layer_0_cut: list[float]  # accuracy with the looks of layer 0 cut, for each of BACK
    layer_1_cut: list[float]  # accuracy with the looks of layer 1 cut, for each of OFFSETS


class Nouns(TypedDict):
    """One model that learns the reference task: what it says, every NOUN_EVERY steps."""

    seed: int
    right: list[float]
    other: list[float]
    neither: list[float]


class InsideTable(Made):
    """The stored measurement, and how it was made."""

    two_layers: list[CopyRoute]
    one_layer: list[float]  # accuracy by seed
    steps: list[int]
    nouns: list[Nouns]
    sha256: str  # of the weights beside the table


@cache
def inside_table() -> InsideTable:
    """The stored measurement."""
    return load_table(FOLDER / TABLE)


def load_copier(seed: int) -> GPT2:
    """The trained two-layer model of seed 2, in evaluation mode.

    Raises
    ------
    ValueError
        For another seed.
    CheckpointError
        If the file is damaged.
    """
    if seed != KEPT:
        raise InputError(
            f"seed {KEPT} comes with the course, got {seed!r}; "
            f"`gpt2lab train induction --preset two-layers --seed {seed}` makes another"
        )
    model = get_preset("induction", "two-layers").model(Induction(), seed)
    model.load_state_dict(load_weights(FOLDER / WEIGHTS, inside_table()["sha256"]))
    return model.eval()


def looks_back(T: int, steps: int) -> Bool[Tensor, "T T"]:
    """The looks so many tokens back, for ``cut_edges``."""
    edges = torch.zeros(T, T, dtype=torch.bool)
    edges.diagonal(-steps).fill_(True)
    return edges


def looks_behind(tokens: Int[Tensor, "B T"], offset: int) -> Bool[Tensor, "B T T"]:
    """The looks of each token at the one ``offset`` places behind its earlier copy, where both exist.

    A token may always look at itself: that look is left out.
    """
    B, T = tokens.shape
    source = Induction.source_positions(tokens)  # (B, T): one behind the earlier copy, or -1
    at = source - 1 + offset
    query = torch.arange(T)
    row, column = torch.nonzero((source > 0) & (at >= 0) & (at < query), as_tuple=True)
    edges = torch.zeros(B, T, T, dtype=torch.bool)
    edges[row, column, at[row, column]] = True
    return edges


@torch.no_grad()
def right_letters(model: GPT2, inputs: Tensor, targets: Tensor, layer: int = 0, edges: Tensor | None = None) -> float:
    """Share of right letters, with some looks of one layer cut."""
    T = inputs.shape[1]
    edges = torch.zeros(T, T, dtype=torch.bool) if edges is None else edges
    with cut_edges(model, layer, edges):
        said = model(inputs).argmax(-1)  # (B, T)
    scored = targets != IGNORE
    return (said == targets)[scored].float().mean().item()


@torch.no_grad()
def mean_looks(model: GPT2, inputs: Tensor, targets: Tensor, offsets: Sequence[int] = OFFSETS) -> list[float]:
    """Mean attention of the last layer on the letters around the earlier copy, over heads and scored places."""
    weights = head_weights(model, inputs)[:, -1].mean(1)  # (B, T, T)
    scored = (targets != IGNORE)[:, :, None]
    n = scored.sum().item()
    return [((weights * looks_behind(inputs, offset) * scored).sum() / n).item() for offset in offsets]


def copy_route(model: GPT2, seed: int) -> CopyRoute:
    """Measure one two-layer model, on held-out sequences."""
    inputs, targets = Induction().batch(SEQUENCES, torch.Generator().manual_seed(SEQUENCES_SEED), "held_out")
    T = inputs.shape[1]
    return {
        "seed": seed,
        "accuracy": round(right_letters(model, inputs, targets), 3),
        "looks": [round(weight, 3) for weight in mean_looks(model, inputs, targets)],
        "layer_0_cut": [round(right_letters(model, inputs, targets, 0, looks_back(T, k)), 3) for k in BACK],
        "layer_1_cut": [round(right_letters(model, inputs, targets, 1, looks_behind(inputs, k)), 3) for k in OFFSETS],
    }


@torch.no_grad()
def nouns_said(model: GPT2, tokens: Int[Tensor, "B T"]) -> tuple[float, float, float]:
    """How often a model says the noun that "it" means, the other noun, or neither."""
    query, right, wrong = Reference().noun_positions(tokens)
    n = torch.arange(len(tokens))
    with evaluating(model):
        said = model(tokens)[n, query].argmax(-1)  # (B,)
    shares = [(said == tokens[n, noun]).float().mean().item() for noun in (right, wrong)]
    return shares[0], shares[1], 1 - sum(shares)


def learning_nouns(seed: int) -> Nouns:
    """Train the reference task by its recipe for some hundred steps, and note what the model says meanwhile."""
    task, recipe = Reference(), get_preset("reference", "default")
    tokens, _ = task.batch(SEQUENCES, torch.Generator().manual_seed(SEQUENCES_SEED), "held_out")
    model, said = recipe.model(task, seed), []

    def note(step: int, _: object) -> bool:
        if step % NOUN_EVERY == 0:
            said.append(nouns_said(model, tokens))
        return step >= NOUN_STEPS

    said.append(nouns_said(model, tokens))
    train(model, task, recipe.train_config(seed=seed, progress=False), on_step=note)
    right, other, neither = ([round(share, 3) for share in shares] for shares in zip(*said, strict=True))
    return {"seed": seed, "right": right, "other": other, "neither": neither}


def main() -> None:
    """Train and measure everything, and write the table and the weights that are kept."""
    torch.set_num_threads(1)  # the number of threads changes the order of sums, and so the trained model
    begin, task, sha256 = time.monotonic(), Induction(), ""
    inputs, targets = task.batch(SEQUENCES, torch.Generator().manual_seed(SEQUENCES_SEED), "held_out")
    routes, alone = [], []
    for seed in tqdm(range(SEEDS), desc="two layers"):
        recipe = get_preset("induction", "two-layers")
        model = recipe.model(task, seed)
        train(model, task, recipe.train_config(seed=seed, progress=False))
        routes.append(copy_route(model.eval(), seed))
        if seed == KEPT:
            sha256 = save_weights(FOLDER / WEIGHTS, model.state_dict())
    for seed in tqdm(range(ONE_LAYER_SEEDS), desc="one layer"):
        recipe = get_preset("induction", "one-layer")
        model = recipe.model(task, seed)
        train(model, task, recipe.train_config(seed=seed, progress=False))
        alone.append(round(right_letters(model.eval(), inputs, targets), 3))
    table: InsideTable = {
        "two_layers": routes, "one_layer": alone, "steps": list(range(0, NOUN_STEPS + 1, NOUN_EVERY)),
        "nouns": [learning_nouns(seed) for seed in tqdm(range(NOUN_SEEDS), desc="nouns")],
        "sha256": sha256, **made_by("inside", begin),
    }  # fmt: skip
    save_table(FOLDER / TABLE, table)


if __name__ == "__main__":
    main()
