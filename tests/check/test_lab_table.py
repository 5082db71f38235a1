"""The checks of the lab's table: three right answers each, every mistake with its own message."""

import math

import numpy as np
import torch
from teeth import bite


def first(eval_steps, letters, share):
    reached = letters >= share
    found = eval_steps[reached.int().argmax(dim=0)].double()
    return torch.where(reached.any(dim=0), found, math.inf)


def by_loop(eval_steps, letters, share):
    out = []
    for seed in range(letters.shape[1]):
        there = [float(step) for step, value in zip(eval_steps, letters[:, seed], strict=True) if value >= share]
        out.append(there[0] if there else math.inf)
    return torch.tensor(out)


def by_minimum(eval_steps, letters, share):
    return torch.where(torch.nan_to_num(letters) >= share, eval_steps[:, None].float(), torch.inf).min(dim=0).values


def in_numpy(eval_steps, letters, share):
    reached = letters.numpy() >= share
    return np.where(reached.any(axis=0), eval_steps.numpy()[reached.argmax(axis=0)], np.inf)


def as_list(eval_steps, letters, share):
    columns = letters.T.tolist()
    return [next((s for s, x in zip(eval_steps, column, strict=True) if x >= share), math.inf) for column in columns]


def last(eval_steps, letters, share):
    reached = letters >= share
    place = len(eval_steps) - 1 - reached.flip(0).int().argmax(dim=0)
    return torch.where(reached.any(dim=0), eval_steps[place].double(), math.inf)


def kept(eval_steps, letters, share):
    reached = (letters >= share).flip(0).int().cumprod(dim=0).flip(0).bool()
    return torch.where(reached, eval_steps[:, None].double(), math.inf).amin(dim=0)


def best(rates, scores):
    return rates[torch.nan_to_num(scores).mean(dim=1).argmax()].item()


def best_by_loop(rates, scores):
    means = [sum(0 if math.isnan(s) else s for s in row) / len(row) for row in scores.tolist()]
    return rates[means.index(max(means))]


RIGHT = {
    "steps_to": [first, by_loop, by_minimum, in_numpy, as_list],
    "best_rate": [
        best,
        best_by_loop,
        lambda rates, scores: np.asarray(rates)[np.nan_to_num(scores.numpy()).mean(axis=1).argmax()],
        lambda rates, scores: max(zip(scores.nan_to_num().sum(1), rates, strict=True))[1],
    ],
}
WRONG = {
    "steps_to": [
        (lambda e, x, s: e[(x >= s).int().argmax(dim=0)], "argmax is 0 where nothing is True"),
        (lambda e, x, s: first(torch.arange(len(e)), x, s), "places in the list, not steps"),
        (lambda e, x, s: first(e, (x > s).float(), 1.0), "at least, not more than"),
        (last, "the last evaluation with that share"),
        (lambda e, x, s: by_minimum(e, torch.where(x.isnan(), 1.0, x), s), "counts as one that learned"),
        (kept, "kept up to the end"),
        (lambda e, x, s: first(e, x, s).nan_to_num(posinf=-1), "gets -1"),
        (lambda e, x, s: first(e, x, s).nan_to_num(posinf=0), "looks like the fastest"),
        (lambda e, x, s: torch.where(x.isnan().any(0), math.nan, first(e, x, s)), "A seed that diverged gets NaN"),
        (lambda e, x, s: first(e, x, s)[:3], "One number for each seed"),
        (lambda e, x, s: first(e, x, s).min().item(), "must return a tensor"),
        (lambda e, x, s: (x >= s).any(0), "whether a seed had the share"),
        (lambda e, x, s: in_numpy(e, x, s).reshape(2, 3), "expected (6,)"),
        (lambda e, x, s: [str(v) for v in first(e, x, s)], "got a list"),
        (lambda e, x, s: first(torch.cat([e, e])[:6], x.T, s), "each seed is a column"),
        (lambda e, x, s: first(e, x, 0.9), "0.9 is fixed"),
        (lambda e, x, s: first(e, x, s) + 10, "The steps are not right"),
    ],
    "best_rate": [
        (lambda r, s: r[s.nanmean(dim=1).nan_to_num().argmax()], "leaving it out"),
        (lambda r, s: r[s.nan_to_num().amin(dim=1).argmax()], "whose worst run is best"),
        (lambda r, s: r[s[:3].amax(dim=1).argmax()], "not the best run"),
        (lambda r, s: r[4], "Both runs at 0.1 diverged"),
        (lambda r, s: r[s[:2].mean(dim=1).argmin()], "Look for the highest mean"),
        (lambda r, s: int(s.nan_to_num().mean(dim=1).argmax()), "is a place in the list"),
        (lambda r, s: r, "Return one of the rates"),
        (lambda r, s: r[1], "does not follow the scores"),
        (lambda r, s: 0.02, "it must be one of the rates"),
    ],
}
test_accepts, test_refuses, test_messages_differ = bite(RIGHT, WRONG)
