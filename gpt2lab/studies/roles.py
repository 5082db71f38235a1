"""Why a learned table fails past its training: rows that were never trained, or rows in a role they never had?

The models sort lists of 3 to 10 letters, as in ``studies.length``. On a list of 11, the letters stand in
places 0 … 10, the sign ``>`` in place 11, the answers after it. Two things are new: rows 20 and 21 were
never trained; and row 10 holds a letter, which it never did (in training: the sign, or an answer).

Each trained model is evaluated as it is; with trained rows in places 20 and 21; and with one letter row used
twice, so that the sign and the answers stand where they stood in training. As a control, each kind of change
is applied to a list of 10 as well. On lists of 9 one row is free, which shows what each new role costs alone.
A second set of models sees its lists at a random place of the table in training, so that every row has held
letters, the sign and answers; the lists are no longer than before.

Five seeds. ``python -m gpt2lab.studies.roles`` repeats everything (some minutes on one CPU core).
"""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor
from tqdm.auto import tqdm

from gpt2lab.errors import InputError
from gpt2lab.model import GPT2
from gpt2lab.positions import LearnedPositions
from gpt2lab.studies.length import SETTINGS, TRAINED, MixedSort, new_model
from gpt2lab.studies.stored import FOLDER, Made, load_table, made_by, save_table
from gpt2lab.tasks.base import EVALUATION_SEED
from gpt2lab.tasks.sort import Sort
from gpt2lab.training import TrainConfig, train
from gpt2lab.training.config import TrainSettings

SEEDS, LISTS, LEARNED = 5, 256, "learned (GPT-2)"
LONGEST = max(TRAINED)
TABLE = "roles.json"

# The row that each place of a list of 11 reads: letters 0 … 10, sign 11, answers 12 … 21.
AS_IT_IS = list(range(22))
TRAINED_ROWS = [*range(20), 18, 19]  # nothing untrained, every place in its new role
OLD_ROLES = [*range(10), 9, *range(10, 20), 19]  # two letters share row 9; the sign has row 10, the answers 11 … 19
WAYS = {"as it is": AS_IT_IS, "only trained rows": TRAINED_ROWS, "trained rows, old roles": OLD_ROLES}
# The same kinds of change where nothing is new: what the change itself costs.
CONTROLS = {
    "as it is": list(range(20)),
    "two answers share a row": [*range(19), 18],
    "two letters share a row": [*range(9), 8, *range(10, 20)],
    # What a list of 11 does to row 10 and row 11, one at a time, and the sign on a row that has held signs.
    "the last letter on row 10": [*range(9), 10, *range(10, 20)],
    "the sign on row 11": [*range(10), 11, *range(11, 20)],
    "the sign on row 5": [*range(10), 5, *range(11, 20)],
}
# Which new role does the harm: on lists of 9, row 19 is trained and free, so that nothing has to share it.
# It has held answers, never a letter or the sign; row 10 has held the sign, of lists of 10.
ROLES = {
    "as it is": list(range(18)),
    "the last answer on row 19": [*range(17), 19],
    "the last letter on row 19": [*range(8), 19, *range(9, 18)],
    "the sign on row 19": [*range(9), 19, *range(10, 18)],
    "the sign on row 10": [*range(9), 10, *range(10, 18)],
}


class RolesTable(Made):
    """The stored measurement, and how it was made."""

    seeds: int
    eleven: dict[str, list[list[float]]]  # way -> (seeds, 11): share of right letters, by place of the answer
    ten: dict[str, list[float]]  # control -> (seeds,): share of right letters, lists of 10
    nine: dict[str, list[float]]  # role -> (seeds,): share of right letters, lists of 9
    everywhere: dict[str, list[float]]  # list length -> (seeds,): the models trained at random places
    settings: TrainSettings


class AnywherePositions(LearnedPositions):
    """A learned table that is read from a random row on while training, so that no row has one role only."""

    def forward(self, positions: Tensor) -> Tensor:
        spare = self.num_embeddings - 1 - int(positions.max())
        start = int(torch.randint(spare + 1, ())) if self.training else 0
        return super().forward(positions + start)


def with_rows(model: GPT2, rows: Sequence[int] | Tensor) -> GPT2:
    """A copy of the model whose place p reads row ``rows[p]`` of the learned table.

    Raises
    ------
    InputError
        If the model has no learned table, or a row is outside it.
    """
    if not isinstance(model.position_embedding, LearnedPositions):
        raise InputError(f"the model needs a learned table, got {type(model.position_embedding).__name__}")
    n_rows = len(model.position_embedding.weight)
    rows = rows.tolist() if isinstance(rows, Tensor) else list(rows)
    if not rows or not all(0 <= row < n_rows for row in rows) or len(rows) > n_rows:
        raise InputError(f"rows must name 1 to {n_rows} rows of the table, 0 to {n_rows - 1}, got {rows}")
    changed = copy.deepcopy(model)
    table = model.position_embedding.weight.detach()
    with torch.no_grad():
        changed.position_embedding.weight[: len(rows)] = table[rows]
    return changed.eval()


@torch.no_grad()
def right_by_place(model: GPT2, n_letters: int, n: int = LISTS) -> Tensor:
    """Share of right letters for each letter of the answer, on held-out lists: (n_letters,)."""
    generator = torch.Generator().manual_seed(EVALUATION_SEED)
    tokens, _ = Sort(n_letters).sequences(n, generator, "held_out")  # (n, 2·n_letters + 1)
    logits = model(tokens[:, :-1])  # (n, 2·n_letters, vocab_size)
    right = logits[:, n_letters:].argmax(-1) == tokens[:, n_letters + 1 :]  # (n, n_letters)
    return right.float().mean(0)


@cache
def roles_table() -> RolesTable:
    """The stored measurement."""
    return load_table(FOLDER / TABLE)


def trained_model(seed: int, anywhere: bool = False) -> GPT2:
    """Train one model, on the lists of ``studies.length``."""
    model = new_model(LEARNED, seed)
    if anywhere:
        table = AnywherePositions(model.config)
        table.load_state_dict(model.position_embedding.state_dict())
        model.position_embedding = table
    settings: TrainSettings = {**SETTINGS, "seed": seed}
    train(model, MixedSort(), TrainConfig(**settings))
    return model.eval()


def main() -> None:
    """Train and evaluate everything, and write the table."""
    begin = time.monotonic()
    eleven: dict[str, list[list[float]]] = {way: [] for way in WAYS}
    ten: dict[str, list[float]] = {way: [] for way in CONTROLS}
    nine: dict[str, list[float]] = {way: [] for way in ROLES}
    everywhere: dict[str, list[float]] = {str(n): [] for n in (LONGEST, LONGEST + 1, 16)}
    for seed in tqdm(range(SEEDS), desc="roles study"):
        torch.manual_seed(seed)
        model = trained_model(seed)
        for way, rows in WAYS.items():
            shares = right_by_place(with_rows(model, rows), LONGEST + 1)
            eleven[way].append([round(share, 4) for share in shares.tolist()])
        for way, rows in CONTROLS.items():
            ten[way].append(round(float(right_by_place(with_rows(model, rows), LONGEST).mean()), 4))
        for way, rows in ROLES.items():
            nine[way].append(round(float(right_by_place(with_rows(model, rows), LONGEST - 1).mean()), 4))
        model = trained_model(seed, anywhere=True)
        for length, found in everywhere.items():
            found.append(round(float(right_by_place(model, int(length)).mean()), 4))
    table: RolesTable = {
        "seeds": SEEDS, "eleven": eleven, "ten": ten, "nine": nine, "everywhere": everywhere, "settings": SETTINGS,
        **made_by("roles", begin),
    }  # fmt: skip
    save_table(FOLDER / TABLE, table)


if __name__ == "__main__":
    main()
