"""The decoder's causal mask handed to cross-attention, too: does training with it from the start show the slip?

An encoder–decoder that was trained with the right mask loses half its tokens when it gets the wrong one
(``studies.looks``). Here the toy ``words-to-digits`` is trained with the wrong one, by its own recipe: in
cross-attention place t of the target may see only the words 0 to t of the source, and no padding. The learning
rate is the best of three, by the loss on training cases with a seed that is not reported. Five seeds on held-out
cases, each with the mask it was trained with; beside them the same with the right mask.

What came out: some seeds lose nothing. The encoder has seen the whole source, and carries its words to the places
that stay open. So the slip need not show in the loss.

``python -m gpt2lab.studies.one_mask`` repeats it (five minutes on one CPU core).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import cache, partial
from typing import cast

import torch
from torch import Tensor
from tqdm.auto import tqdm

from gpt2lab.family.encoder_decoder import EncoderDecoder
from gpt2lab.masking import Padding
from gpt2lab.studies.stored import FOLDER, Made, load_table, made_by, save_table
from gpt2lab.tasks import get_task
from gpt2lab.tasks.pairs import PairTask
from gpt2lab.training import train
from gpt2lab.zoo.make import EVALUATION
from gpt2lab.zoo.recipes import get_preset

NAME, TABLE = "words-to-digits", "one_mask.json"
RATES = (1e-3, 3e-3, 1e-2)
TUNING_SEED, SEEDS = 100, (0, 1, 2, 3, 4)
KINDS = ("padding", "padding and causal")  # what cross-attention may not see


class OneMaskTable(Made):
    """The stored measurement, and how it was made."""

    right: dict[str, list[float]]  # kind -> (seeds,): share of held-out numbers right to the last digit
    rates: dict[str, float]
    tried: dict[str, dict[str, float]]  # kind -> rate -> loss in nats on training cases


def causal_too(mask: Tensor, T: int) -> Tensor:
    """A mask of the source's padding (B, 1, 1, S), laid over by the causal one: (B, 1, T, S), True = may be seen."""
    return mask & torch.ones(T, mask.shape[-1], dtype=torch.bool, device=mask.device).tril()


@contextmanager
def one_mask(model: EncoderDecoder, T: int) -> Iterator[None]:
    """Within it, every cross-attention of a model gets the causal mask as well; targets have T tokens."""
    parts = [block.cross_attn for block in model.decoder.blocks]

    def mask(right: Callable[[Padding | None], Tensor | None], padding: Padding | None) -> Tensor | None:
        real = right(padding)
        return None if real is None else causal_too(real, T)  # never None: no number has seven words

    try:
        for part in parts:
            part.mask = partial(mask, part.mask)  # type: ignore[method-assign]
        yield
    finally:
        for part in parts:
            del part.mask  # the class's own again


def trained_so(kind: str, rate: float, seed: int) -> tuple[float, float]:
    """Train one model with this mask; its loss on training cases, and the share of held-out numbers it has right."""
    task, preset = get_task(NAME), get_preset(NAME, "default")
    model = cast(EncoderDecoder, preset.model(task, seed))
    assert isinstance(task, PairTask)
    wrong = one_mask(model, task.length - task.source_length) if kind == KINDS[1] else nullcontext()
    with wrong:
        train(model, task, preset.train_config(learning_rate=rate, seed=seed, progress=False))
        loss = task.evaluate(model, n=1024, seed=TUNING_SEED, split="train")["loss"]
        return round(loss, 7), round(task.evaluate(model, **EVALUATION)["accuracy"], 4)


@cache
def one_mask_table() -> OneMaskTable:
    """The stored measurement."""
    return load_table(FOLDER / TABLE)


def main() -> None:
    """Train every model, and write the table."""
    begin = time.monotonic()
    table: OneMaskTable = {"right": {}, "rates": {}, "tried": {}, **made_by("one_mask", begin)}
    for kind in tqdm(KINDS, desc="one-mask study"):
        losses = {rate: trained_so(kind, rate, TUNING_SEED)[0] for rate in RATES}
        best = min(losses, key=lambda rate: losses[rate])
        table["tried"][kind] = {f"{rate:g}": loss for rate, loss in losses.items()}
        table["rates"][kind] = best
        table["right"][kind] = [trained_so(kind, best, seed)[1] for seed in SEEDS]
    table["seconds"] = round(time.monotonic() - begin)
    save_table(FOLDER / TABLE, table)


if __name__ == "__main__":
    main()
