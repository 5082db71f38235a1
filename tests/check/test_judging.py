"""The checks of tests and refutations: what a careless test lets pass is named, chance is no mistake."""

import torch
import torch.nn.functional as F
from teeth import bite

from gpt2lab import check
from gpt2lab.attention import attention, causal_mask


def measures(dropout, p=0.1, n=20_000):
    x = torch.ones(n // 100, 100)
    return x, dropout(x, p, True), dropout(x, p, True), dropout(x, p, False)


def all_of_it(dropout):
    x, out, again, off = measures(dropout)
    share, rows = (out == 0).double().mean(), (out == 0).double().mean(1)
    return abs(share - 0.1) < 0.02 and abs(out.mean() - 1) < 0.02 and rows.max() < 0.9 and bool(
        (out != again).any() and (off == x).all()
    )  # fmt: skip


def by_values(dropout):
    x, out, again, off = measures(dropout, p=0.3)
    dropped = sorted({round(float(v), 3) for v in out.unique()}) == [0.0, 1.429]
    rows = (out != 0).double().mean(1)
    counted = 0.65 < float((out != 0).double().mean()) < 0.75
    return dropped and counted and bool(rows.min() > 0) and not torch.equal(out, again) and torch.equal(off, x)


def with_a_loop(dropout):
    for p in (0.2, 0.5):
        x, out, again, off = measures(dropout, p)
        if abs(float(out.mean()) - 1) > 0.05 or abs(float((out == 0).double().mean()) - p) > 0.05:
            return False
        if (out == 0).all(1).any() or torch.equal(out, again) or not torch.equal(off, x):
            return False
    return True


def at_a_half(dropout):
    x, out, again, off = measures(dropout, p=0.5)
    rows = (out == 0).all(1).any()
    return abs(float(out.mean()) - 1) < 0.05 and not rows and not torch.equal(out, again) and torch.equal(off, x)


def without(*names):
    """The whole test, but for some of its conditions."""

    def test(dropout):
        x, out, again, off = measures(dropout)
        conditions = {
            "share": abs(float((out == 0).double().mean()) - 0.1) < 0.08,
            "size": abs(float(out.mean()) - 1) < 0.08,
            "rows": not bool((out == 0).all(1).any()),
            "calls": not torch.equal(out, again),
            "off": torch.equal(off, x),
        }
        return all(holds for name, holds in conditions.items() if name not in names)

    return test


def norm_test(norm):
    x = 3 * torch.randn(4, 5, 64) + 2
    out, other = norm(x), x.clone()
    other[0, 0] = 7 * torch.randn(64)
    moved = (norm(other) - out).abs().amax(-1).flatten()[1:]
    return bool(moved.max() < 1e-5 and out.mean(-1).abs().max() < 1e-3 and abs(out.pow(2).mean() - 1) < 1e-2)


def norm_test_by_slices(norm):
    x = torch.randn(3, 4, 32) * 5 + 1
    alone = torch.stack([torch.stack([norm(token[None, None])[0, 0] for token in sample]) for sample in x])
    out = norm(x)
    return torch.allclose(out, alone, atol=1e-4) and bool(out.mean(-1).abs().max() < 1e-3) and bool(
        (out.var(-1, unbiased=False) - 1).abs().max() < 1e-2
    )  # fmt: skip


def norm_test_by_invariance(norm):
    x = torch.randn(3, 4, 32)
    moved = x * torch.rand(3, 4, 1).add(1) * 3 + torch.randn(3, 4, 1)  # scale and level of each token alone
    return torch.allclose(norm(x), norm(moved), atol=1e-3)


def only(*names):
    def test(norm):
        x = 3 * torch.randn(4, 5, 64) + 2
        out = norm(x)
        conditions = {
            "mean": out.mean(-1).abs().max() < 1e-3,
            "size": (out.pow(2).mean(-1) - 1).abs().max() < 1e-2,
            "all": abs(out.mean()) < 1e-3,
        }
        for name, row in (("sample", (1, 0)), ("token", (0, 1))):
            other = x.clone()
            other[row] = 7 * torch.randn(64)
            conditions[name] = (norm(other) - out)[0, 0].abs().max() < 1e-5
        return all(bool(conditions[name]) for name in names)

    return test


def one_draw(statement, forbids, measured, control):
    def found(seed):
        numbers = torch.randn(100, generator=torch.Generator().manual_seed(seed))
        return {"statement": statement, "forbids": forbids, "measured": measured(numbers), "control": control(numbers)}

    return found


def heard(seed):
    x = torch.randn(1, 8, 16, generator=torch.Generator().manual_seed(seed))
    other = x.clone()
    other[0, -1] += 1

    def moves(mask):
        return (attention(other, other, other, mask)[0] - attention(x, x, x, mask)[0])[0, 0].abs().max()

    return {
        "statement": "In causal attention the first token hears of the last.",
        "forbids": (0.0, 1e-6),
        "measured": moves(causal_mask(8)),
        "control": moves(None),
    }


def skewed(seed):
    x = torch.empty(500).exponential_(generator=torch.Generator().manual_seed(seed))

    def skewness(x):
        return ((x - x.mean()) ** 3).mean() / x.std() ** 3

    ranks = (x.argsort().argsort() + 0.5) / 500
    return {
        "statement": "Layer norm makes numbers Gaussian.",
        "forbids": [0.5, None],
        "measured": skewness(F.layer_norm(x, (500,))),
        "control": skewness(torch.special.ndtri(ranks)),
    }


STATEMENT = "A ReLU keeps the mean as it is."


def mean(x):
    return float(x.mean())


cut = one_draw(STATEMENT, (0.2, None), lambda x: float(x.relu().mean() - x.mean()), lambda x: 0.0)


def unseeded(seed):
    return {"statement": STATEMENT, "forbids": (0.1, 2), "measured": torch.rand(()).item() + 0.2, "control": 0.0}


RIGHT = {
    "dropout_test": [all_of_it, by_values, with_a_loop],
    "layer_norm_test": [norm_test, norm_test_by_slices, norm_test_by_invariance, only("mean", "size")],
    "refutation": [heard, skewed, cut],
}
WRONG = {
    "dropout_test": [
        (lambda dropout: False, "refuses everything"),
        (lambda dropout: True, "lets everything pass"),
        (lambda dropout: all_of_it(dropout) and abs(float(measures(dropout)[1].mean()) - 1) < 2e-3, "Chance and"),
        (at_a_half, "keeps what it should drop"),
        (without("size"), "nothing about the size"),
        (without("off"), "drops in evaluation"),
        (without("rows"), "whole rows vanish"),
        (without("calls"), "the same numbers at every call"),
        (lambda dropout: bool(measures(dropout)[1].mean() > 0.95) and without("share", "calls")(dropout), "drops nothing"),
        (lambda dropout: "yes", "Return True or False"),
    ],
    "layer_norm_test": [
        (only("token"), "over the batch"),
        (only("mean", "sample", "token"), "leaves the size as it is"),
        (only("size", "sample", "token"), "leaves the mean as it is"),
        (only("all"), "of everything at once"),
        (lambda norm: torch.allclose(norm(x := torch.randn(2, 3, 8)), F.layer_norm(x, (8,)), atol=1e-3), "no such key"),
    ],
    "refutation": [
        (lambda seed: 3, "a dict with four entries"),
        (lambda seed: {"statement": STATEMENT}, "The dict lacks forbids, measured, control"),
        (one_draw("no", (0, 1), mean, mean), "a sentence that can be right or wrong"),
        (one_draw(STATEMENT, 3, mean, mean), "an interval (low, high), got 3"),
        (one_draw(STATEMENT, (None, None), mean, mean), "forbids everything"),
        (one_draw(STATEMENT, (2, 1), mean, mean), "the smaller number comes first"),
        (one_draw(STATEMENT, (0.2, None), mean, mean), "so far it is not refuted"),
        (one_draw(STATEMENT, (-1, 1), mean, mean), "even where it holds"),
        (one_draw(STATEMENT, (0.2, None), lambda x: float("nan"), mean), "got nan"),
        (unseeded, "Make all random numbers from the seed"),
    ],
}  # fmt: skip
test_accepts, test_refuses, test_messages_differ = bite(RIGHT, WRONG)


def test_not_done_yet():
    for name in RIGHT:
        assert getattr(check, name)(lambda x: ...).passed is None
    assert check.refutation(lambda seed: {"statement": STATEMENT, "measured": ...}).passed is None
