"""Distillation: a student of a quarter of the size learns from the text, or from what a trained model says of it.

The teacher is the course's English model. The students have half its width and three of its four layers. All
students of a seed start from the same weights and read the same windows of Jane Austen's novels in the same
order; what they are compared with at each token differs:

- *labels*: the token that comes next in the text;
- *labels, twice the steps*: the same for longer, because a step with a teacher costs about two without one;
- *softened labels*: the next token, with a tenth of the probability spread over the vocabulary, which is soft
  and knows nothing: if softness alone helped, it would help here;
- *teacher*: the teacher's probabilities of all tokens;
- *teacher, temperature 2*: the same, with the logits of both divided by 2, so that unlikely tokens count for more.

Each way has its own learning rate: the best of at least three, by the loss of seed 100 on the held-out ends of
three novels, and never the highest or lowest that was tried. Then three other seeds are trained, and measured on
the held-out ends of the other three novels. The teacher was shown 46 times as many tokens as the text has, a
student 0.4 times as many (0.8 times, the second way): what it gets from the teacher is also what the teacher
knows of the rest.

What came out, in nats per token: labels 4.51, twice the steps 4.25, softened 4.57; the teacher's probabilities 4.18,
at temperature 2 4.35. The seeds of a way lie within 0.04 of each other. The teacher itself has 3.27.

Source: Hinton, Vinyals, Dean 2015, "Distilling the Knowledge in a Neural Network", section 2.

``python -m gpt2lab.studies.distilling austen.txt`` repeats everything (about twenty minutes on one CPU core);
``load_toy("english").provenance["text"]`` says where to get the text.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple, TypedDict

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm.auto import tqdm

from gpt2lab.ablations import build, scale_init
from gpt2lab.config import GPT2Config
from gpt2lab.errors import InputError
from gpt2lab.model import GPT2
from gpt2lab.studies.novels import TEACHER, english_task, held_out_windows, nats, paragraph_loss
from gpt2lab.studies.stored import FOLDER, Made, load_table, load_weights, made_by, save_table, save_weights
from gpt2lab.tasks.text import TextTask
from gpt2lab.training.optimizer import clip_gradients, learning_rate_at, make_optimizer, set_learning_rate
from gpt2lab.zoo.snapshots import halved, round_to_half
from gpt2lab.zoo.toys import load_toy

TABLE, WEIGHTS = "distilling.json", "distilling.safetensors"
STEPS, BATCH, WARMUP, WEIGHT_DECAY = 400, 8, 40, 0.1  # batches of windows of 128 tokens
RATES = (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032)  # the search begins with the middle three
TUNING_SEED, SEEDS = 100, (0, 1, 2)


class Way(NamedTuple):
    """What a student learns from."""

    steps: int = STEPS
    temperature: float | None = None  # of the teacher's and the student's probabilities; None: no teacher
    smoothing: float = 0.0  # of the labels


WAYS = {
    "labels": Way(), "labels, twice the steps": Way(steps=2 * STEPS), "softened labels": Way(smoothing=0.1),
    "teacher": Way(temperature=1.0), "teacher, temperature 2": Way(temperature=2.0),
}  # fmt: skip
KEPT = ("labels", "teacher")  # the students of the first seed that come with the course


class Loss(TypedDict):
    """Of one student, in nats per token."""

    novels: float  # on the held-out ends of three novels
    paragraphs: float  # mean over the twelve paragraphs of ``zoo.held_out``


class DistillingTable(Made):
    """The stored measurement, and how it was made."""

    parameters: dict[str, int]  # of teacher and student
    milliseconds: dict[str, float]  # of the processor, for one batch: a student's step, and the teacher's pass
    teacher: Loss
    tried: dict[str, dict[str, float]]  # way -> rate -> loss of seed 100 on the ends of the other three novels
    rates: dict[str, float]
    students: dict[str, list[Loss]]  # way -> one for each seed
    sha256: str  # of the weights beside the table


def new_student(seed: int) -> GPT2:
    """A quarter of the teacher's numbers, fresh; torch's generator is left alone."""
    config = GPT2Config.tiny(n_layers=3, n_heads=3, d_model=96, vocab_size=2048, context_length=128)
    return scale_init(build("gpt2", config, seed))


def target_loss(way: Way, logits: Tensor, targets: Tensor, teacher_logits: Tensor | None) -> Tensor:
    """What a student makes small, in nats per token; logits are (B, T, vocab_size), targets (B, T).

    With a teacher: the Kullback–Leibler divergence of the two distributions, both at the temperature, times its
    square, which keeps the gradient's size.
    """
    if way.temperature is None or teacher_logits is None:
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), label_smoothing=way.smoothing)
    student, teacher = ((part / way.temperature).log_softmax(-1) for part in (logits, teacher_logits))
    divergence = F.kl_div(student, teacher, reduction="none", log_target=True).sum(-1)  # (B, T)
    return way.temperature**2 * divergence.mean()


def learn(task: TextTask, teacher: GPT2, plans: Sequence[tuple[str, float]], seed: int) -> list[GPT2]:
    """Train one student for each way and rate, all on the same batches; the teacher reads each batch once."""
    draw, ways = torch.Generator().manual_seed(seed), [WAYS[name] for name, _ in plans]
    students = [new_student(seed).train() for _ in plans]
    rates = [rate for _, rate in plans]
    optimizers = [make_optimizer(one, rate, WEIGHT_DECAY) for one, rate in zip(students, rates, strict=True)]
    for step in tqdm(range(max(way.steps for way in ways)), desc=f"seed {seed}, {len(plans)} students", leave=False):
        inputs, targets = task.batch(BATCH, draw)  # twice (BATCH, T)
        taught = any(way.temperature and step < way.steps for way in ways)
        with torch.no_grad():
            said = teacher(inputs) if taught else None
        for way, student, optimizer, rate in zip(ways, students, optimizers, rates, strict=True):
            if step >= way.steps:
                continue
            set_learning_rate(optimizer, learning_rate_at(step, way.steps, rate, WARMUP))
            target_loss(way, student(inputs), targets, said).backward()
            clip_gradients(student, 1.0)
            optimizer.step()
            optimizer.zero_grad()
    for student in students:
        round_to_half(student.eval())  # what is measured is what is stored
    return students


def losses_of(model: GPT2, windows: Tensor) -> Loss:
    """Both losses of a model."""
    return {"novels": nats(model, windows), "paragraphs": paragraph_loss(model)}


def tuned_rates(task: TextTask, teacher: GPT2, judge: Tensor) -> dict[str, dict[str, float]]:
    """Of each way the loss on the judge's windows by rate; the best is never the first or last that was tried."""
    losses: dict[str, dict[int, float]] = {name: {} for name in WAYS}
    waiting = [(name, i) for name in WAYS for i in (2, 3, 4)]
    while waiting:
        students = learn(task, teacher, [(name, RATES[i]) for name, i in waiting], TUNING_SEED)
        for (name, i), student in zip(waiting, students, strict=True):
            losses[name][i] = nats(student, judge)
        best = {name: min(tried, key=lambda i: tried[i]) for name, tried in losses.items()}
        beside = [(name, i) for name, at in best.items() for i in (at - 1, at + 1) if 0 <= i < len(RATES)]
        waiting = [(name, i) for name, i in beside if i not in losses[name]]
    return {name: {f"{RATES[i]:g}": tried[i] for i in sorted(tried)} for name, tried in losses.items()}


def milliseconds(task: TextTask, teacher: GPT2, repeats: int = 15) -> dict[str, float]:
    """Processor time of one batch: a student's step with labels, and the teacher's pass; medians."""
    student = new_student(0).train()
    optimizer, found = make_optimizer(student, 1e-3, WEIGHT_DECAY), []
    for _ in range(repeats):
        inputs, targets = task.batch(BATCH, torch.Generator().manual_seed(0))
        begin = time.process_time()
        target_loss(Way(), student(inputs), targets, None).backward()
        optimizer.step()
        optimizer.zero_grad()
        between = time.process_time()
        with torch.no_grad():
            teacher(inputs)
        found.append([between - begin, time.process_time() - between])
    step, passed = torch.tensor(found).median(dim=0).values.mul(1000).tolist()
    return {"a student's step": round(step, 1), "the teacher's pass": round(passed, 1)}


@cache
def distilling_table() -> DistillingTable:
    """The stored measurement."""
    return load_table(FOLDER / TABLE)


def load_student(way: str) -> GPT2:
    """A trained student of seed 0, in evaluation mode.

    Raises
    ------
    InputError
        For a way whose student does not come with the course.
    CheckpointError
        If the file is damaged.
    """
    if way not in KEPT:
        raise InputError(f"a student comes with the course for {', '.join(map(repr, KEPT))}, got {way!r}")
    stored = load_weights(FOLDER / WEIGHTS, distilling_table()["sha256"])
    student = new_student(0)
    of_this = {name.removeprefix(f"{way}."): x.float() for name, x in stored.items() if name.startswith(f"{way}.")}
    student.load_state_dict(of_this)
    return student.eval()


def main(arguments: Sequence[str] | None = None) -> None:
    """Train and evaluate everything, and write the table and the students that are kept."""
    parser = argparse.ArgumentParser("gpt2lab.studies.distilling", description="Repeat the study of distillation.")
    parser.add_argument("text", type=Path, help="the novels; see load_toy('english').provenance['text']")
    path = parser.parse_args(arguments).text
    torch.set_num_threads(1)  # the number of threads changes the order of sums, and so the trained model
    begin, task, teacher = time.process_time(), english_task(path), load_toy(TEACHER).model.eval()
    judge, measured = held_out_windows(task)
    tried = tuned_rates(task, teacher, judge)
    rates = {name: float(min(losses, key=lambda rate: losses[rate])) for name, losses in tried.items()}
    students: dict[str, list[Loss]] = {name: [] for name in WAYS}
    sha256 = ""
    for seed in SEEDS:
        trained = dict(zip(WAYS, learn(task, teacher, list(rates.items()), seed), strict=True))
        for name, student in trained.items():
            students[name].append(losses_of(student, measured))
        if seed == SEEDS[0]:
            weights = {f"{name}.{key}": x for name in KEPT for key, x in halved(trained[name]).items()}
            sha256 = save_weights(FOLDER / WEIGHTS, weights)
    table: DistillingTable = {
        "parameters": {"teacher": teacher.n_parameters(), "student": new_student(0).n_parameters()},
        "milliseconds": milliseconds(task, teacher), "teacher": losses_of(teacher, measured),
        "tried": tried, "rates": rates, "students": students, "sha256": sha256,
        **made_by("distilling", time.monotonic()),
    }  # fmt: skip
    table["command"] += f" {load_toy(TEACHER).provenance['text']['file']}"
    table["seconds"] = round(time.process_time() - begin)  # of the processor
    save_table(FOLDER / TABLE, table)


if __name__ == "__main__":
    main()
