"""Ten seeds, one recipe: by which route does the noun reach the place where it is said?

Ten models learn the reference task ("… the box because it was weak. it means the"). The seeds differ
in the first weights and in the sentences drawn for training. Each model is evaluated on held-out
sentences. Two measurements, because attention to a word does not prove that it is used:

* *looks*: the attention weights in the row of the last "the", where the answer is predicted;
* *carries*: the same sentence with its two nouns exchanged is run, and at some words the stream
  between the two layers is taken from there. Where the answer follows, these words carried the noun.

``python -m gpt2lab.studies.reference`` repeats everything (twenty minutes on one busy CPU core). On another
machine sums are rounded differently, and a seed may take another route.

The second method is activation patching (Vig et al. 2020, "Investigating Gender Bias in Language
Models Using Causal Mediation Analysis").
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TypedDict, cast

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from tqdm.auto import tqdm

from gpt2lab.errors import InputError
from gpt2lab.model import GPT2
from gpt2lab.studies.stored import load_table, load_weights, save_table, save_weights
from gpt2lab.tasks.reference import Reference
from gpt2lab.training import Evaluation, train
from gpt2lab.training.config import TrainSettings
from gpt2lab.training.device import resolve_device
from gpt2lab.zoo import load_toy
from gpt2lab.zoo.head_scores import ablation_scores, head_weights, reference_scores
from gpt2lab.zoo.make import EVALUATION
from gpt2lab.zoo.provenance import surroundings
from gpt2lab.zoo.recipes import get_preset


class Changes(TrainSettings, total=False):
    """Settings that replace the shipped recipe's."""

    dropout: float  # of the model


SEEDS = range(10)
RECIPES: dict[str, Changes] = {  # changes of the shipped one
    "as shipped": {},
    "2,000 steps": {"steps": 2000},
    "2,000 steps, a third of the learning rate": {"steps": 2000, "learning_rate": 1e-3},
    "weight decay 1": {"weight_decay": 1.0},
    "dropout 0.1": {"dropout": 0.1},
}
KINDS = (  # of sentences: does the reason stand before or after the deed, and which noun does "it" mean?
    "reason before, first noun", "reason before, second noun",
    "reason after, first noun", "reason after, second noun",
)  # fmt: skip
PLACES = ("right noun", "other noun", "deed", "reason", "end", "opening")
ELSEWHERE = "all but the right noun"
SENTENCES, SENTENCES_SEED = 512, 7  # for what heads look at and words carry
REST, SHORTEST_REST, SOLVED = (0.35, 0.65), 3, 0.99  # accuracies, and evaluations in a row
SHIPPED, KEPT = 2, 4  # the seed of the zoo's model, and one more that comes with the course
TABLE, WEIGHTS = "reference.json", "reference.safetensors"
FOLDER = Path(__file__).parent


class Routes(TypedDict):
    """How good the answers of a model are, and by which route they come.

    "By kind" is one number for each of ``KINDS``; "by head" is [layer][head].
    """

    accuracy: float  # on 1,024 held-out sentences
    head: list[int]  # [layer, head] that looks at the right noun most often
    looks_right: list[list[float]]  # by head; see reference_scores
    on_right: list[list[float]]  # by head; see reference_scores
    silenced: list[list[float]]  # by head: accuracy with its output replaced by zero
    silenced_mean: list[list[float]]  # by head: accuracy with its output replaced by its mean
    sentences: list[int]  # by kind: how many
    looks_by_kind: list[float]  # how often the last layer's first head looks most at the right noun
    weights: dict[str, list[float]]  # mean attention of that head on each of PLACES, by kind
    # How often the answer follows when one place, or ELSEWHERE, comes from the run with exchanged nouns.
    carries: dict[str, list[float]]  # by kind


class SeedRun(Routes):
    """One training."""

    seed: int
    rest: list[int] | None  # first and last step of the plateau near one half
    solved: int | None  # first step with an accuracy above SOLVED


class StudyTable(TypedDict):
    """The stored measurement, and how it was made."""

    kinds: list[str]
    places: list[str]
    recipes: dict[str, Changes]
    runs: dict[str, list[SeedRun]]  # by recipe, one entry per seed
    command: str
    device: str
    torch: str
    python: str
    made: str
    seconds: int
    sha256: str  # of the weights beside the table


@cache
def study_table() -> StudyTable:
    """The stored measurement."""
    return load_table(FOLDER / TABLE)


def load_run(seed: int) -> GPT2:
    """The trained model of a seed, in evaluation mode; two of the ten come with the course.

    Raises
    ------
    ValueError
        For another seed.
    CheckpointError
        If the file is damaged.
    """
    if seed == SHIPPED:
        return load_toy("reference").model
    if seed != KEPT:
        raise InputError(
            f"seeds {SHIPPED} and {KEPT} come with the course, got {seed!r}; "
            f"`gpt2lab train reference --seed {seed}` makes another"
        )
    model = get_preset("reference", "default").model(Reference(), seed)
    model.load_state_dict(load_weights(FOLDER / WEIGHTS, study_table()["sha256"]))
    return model.eval()


def kinds_and_places(
    task: Reference, tokens: Int[Tensor, "B T"]
) -> tuple[Int[Tensor, " B"], Bool[Tensor, "B places T"]]:
    """Of which kind is each sentence, and which of its words belong to which place?

    The deed is "could not lift the" between the nouns, the reason "because it was weak", the end
    ". it means the", the opening all before the first noun that is not the reason. Padding belongs
    to no place.
    """
    query, right, wrong = (positions[:, None] for positions in task.noun_positions(tokens))  # 3 × (B, 1)
    first, second, t = right.minimum(wrong), right.maximum(wrong), torch.arange(tokens.shape[1])
    after = second < query - 4  # between the second noun and the end stands the reason
    reason = torch.where(after, second + 1, first - 5)  # where it begins
    place = {
        "right noun": t == right,
        "other noun": t == wrong,
        "deed": (t > first) & (t < second),
        "reason": (t >= reason) & (t < reason + 4),
        "end": (t > query - 4) & (t <= query),
    }
    place["opening"] = (t < first) & ~place["reason"]
    return (2 * after + (right > wrong))[:, 0], torch.stack([place[name] for name in PLACES], dim=1)


def exchange_nouns(task: Reference, tokens: Int[Tensor, "B T"]) -> Int[Tensor, "B T"]:
    """The same sentences with each noun in the other's place: the right answer becomes the other noun."""
    _, right, wrong = task.noun_positions(tokens)
    n, out = torch.arange(len(tokens)), tokens.clone()
    out[n, right], out[n, wrong] = tokens[n, wrong], tokens[n, right]
    return out


@torch.no_grad()
def follows(model: GPT2, task: Reference, tokens: Int[Tensor, "B T"], words: Bool[Tensor, "B T"]) -> Bool[Tensor, " B"]:
    """Does the answer change to the other noun, if these words carry what they carry after the exchange?

    The stream that enters the last block is taken from the run with exchanged nouns at ``words``, and
    from the run as it was everywhere else.
    """
    query, _, wrong = task.noun_positions(tokens)
    last, n = len(model.blocks) - 1, torch.arange(len(tokens))
    own, other = (_entering(model, last, run) for run in (tokens, exchange_nouns(task, tokens)))  # 2 × (B, T, d_model)
    x = torch.where(words[..., None], other, own)  # (B, T, d_model)
    x = model.ln_f(model.blocks[last](x))  # (B, T, d_model)
    return model.unembed(x[n, query]).argmax(dim=-1) == tokens[n, wrong]


def _entering(model: GPT2, layer: int, tokens: Int[Tensor, "B T"]) -> Tensor:
    """The stream that enters a block: (B, T, d_model)."""
    block = model.trace(tokens, layers=[layer]).blocks[layer]
    assert block is not None  # it is among the traced layers
    return block.resid_pre


def evaluate(model: GPT2) -> Routes:
    """Measure how good the answers are and by which route they come, on held-out sentences."""
    task = Reference()
    tokens, _ = task.batch(SENTENCES, torch.Generator().manual_seed(SENTENCES_SEED), "held_out")
    query, right, _ = task.noun_positions(tokens)
    kind, places = kinds_and_places(task, tokens)  # (n,), (n, places, T)
    row = head_weights(model, tokens)[torch.arange(SENTENCES), -1, 0, query]  # (n, T)
    scores = reference_scores(model, task, SENTENCES, SENTENCES_SEED)
    layer, head = divmod(int(scores["looks_right"].argmax()), model.config.n_heads)
    exchanged = {name: follows(model, task, tokens, places[:, i]) for i, name in enumerate(PLACES)}
    exchanged[ELSEWHERE] = follows(model, task, tokens, ~places[:, 0])
    of_kind = [kind == k for k in range(len(KINDS))]

    def by_kind(values: Tensor) -> list[float]:
        return [round(values[chosen].double().mean().item(), 3) for chosen in of_kind]

    def by_head(values: Tensor) -> list[list[float]]:
        return [[round(value, 3) for value in heads] for heads in values.tolist()]

    return {
        "accuracy": round(task.evaluate(model, **EVALUATION)["accuracy"], 3),
        "head": [layer, head],
        "looks_right": by_head(scores["looks_right"]),
        "on_right": by_head(scores["on_right"]),
        "silenced": by_head(ablation_scores(model, task)),
        "silenced_mean": by_head(ablation_scores(model, task, mean=True)),
        "sentences": [int(chosen.sum()) for chosen in of_kind],
        "looks_by_kind": by_kind(row.argmax(dim=-1) == right),
        "weights": {name: by_kind((row * places[:, i]).sum(dim=-1)) for i, name in enumerate(PLACES)},
        "carries": {name: by_kind(values) for name, values in exchanged.items()},
    }


def rest_near_half(evaluations: list[Evaluation]) -> list[int] | None:
    """First and last step of the longest plateau: three or more evaluations in a row near one half."""
    longest: list[int] = []
    current: list[int] = []
    for e in evaluations:
        current = [*current, int(e["step"])] if REST[0] <= e["accuracy"] <= REST[1] else []
        longest = max(longest, current, key=len)
    return [longest[0], longest[-1]] if len(longest) >= SHORTEST_REST else None


def run(seed: int, changes: Changes) -> tuple[GPT2, SeedRun]:
    """Train one seed by the shipped recipe with some settings changed, and evaluate it."""
    task, recipe = Reference(), get_preset("reference", "default")
    model = replace(recipe, shape={**recipe.shape, "dropout": changes.get("dropout", 0.0)}).model(task, seed)
    settings = cast(TrainSettings, {name: value for name, value in changes.items() if name != "dropout"})
    settings |= {"seed": seed, "progress": False}
    marks = train(model, task, recipe.train_config(**settings)).evaluations
    solved = next((int(e["step"]) for e in marks if e["accuracy"] > SOLVED), None)
    return model, {"seed": seed, "rest": rest_near_half(marks), "solved": solved, **evaluate(model)}


def main() -> None:
    """Train and evaluate everything, and write the table and the weights that are kept."""
    torch.set_num_threads(1)  # the number of threads changes the order of sums, and so the trained model
    begin, sha256 = time.monotonic(), ""
    runs: dict[str, list[SeedRun]] = {name: [] for name in RECIPES}
    for name, seed in tqdm([(name, seed) for name in RECIPES for seed in SEEDS], desc="reference study"):
        model, facts = run(seed, RECIPES[name])
        runs[name].append(facts)
        if (name, seed) == ("as shipped", KEPT):
            sha256 = save_weights(FOLDER / WEIGHTS, model.state_dict())
    table = {
        "kinds": KINDS, "places": PLACES, "recipes": RECIPES, "runs": runs,
        "command": "python -m gpt2lab.studies.reference", **surroundings(resolve_device("cpu")),
        "seconds": round(time.monotonic() - begin), "sha256": sha256,
    }  # fmt: skip
    save_table(FOLDER / TABLE, table)


if __name__ == "__main__":
    main()
