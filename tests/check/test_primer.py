"""The checks of the primer: right answers pass, each mistake has its message."""

import torch
import torch.nn.functional as F
from teeth import bite

from gpt2lab import check


def cosines_by_loop(table, x):
    return torch.stack([row @ x / (row @ row).sqrt() / (x @ x).sqrt() for row in table])


def cosines_by_units(table, x):
    rows = table / table.pow(2).sum(-1, keepdim=True).sqrt()
    return rows @ (x / x.pow(2).sum() ** 0.5)


def nudged(loss, w, size):
    slopes = []
    for i in range(len(w)):
        moved = w.clone()
        moved[i] += size
        slopes.append((loss(moved) - loss(w)) / size)
    return torch.stack(slopes)


def nudged_in_place(loss, w, size):
    slopes = torch.zeros(len(w))
    for i in range(len(w)):
        before = loss(w)
        w[i] += size
        slopes[i] = (loss(w) - before) / size
        w[i] -= size
    return slopes


def nudged_to_both_sides(loss, w, size):
    steps = size * torch.eye(len(w))
    return torch.tensor([(loss(w + step) - loss(w - step)) / (2 * size) for step in steps])


def piled_up(loss, w, size):
    slopes, moved = [], w.clone()
    for i in range(len(w)):
        moved[i] += size
        slopes.append((loss(moved) - loss(w)) / size)
    return torch.stack(slopes)


def second_name(loss, w, size):
    slopes = []
    for i in range(len(w)):
        moved = w
        moved[i] += size
        slopes.append((loss(moved) - loss(w)) / size)
    return torch.stack(slopes)


def left_nudged(loss, w, size):
    slopes = torch.zeros(len(w), dtype=w.dtype)
    for i in range(len(w)):
        before = loss(w)
        w[i] += size
        slopes[i] = (loss(w) - before) / size
    return slopes


def replaced_by_nudge(loss, w, size):
    slopes = []
    for i in range(len(w)):
        moved = w.clone()
        moved[i] = size
        slopes.append((loss(moved) - loss(w)) / size)
    return torch.stack(slopes)


def twice(loss, w, size):
    steps = size * torch.eye(len(w))
    return torch.stack([(loss(w + step) - loss(w - step)) / size for step in steps])


def with_autograd(loss, w, size):
    w = w.clone().requires_grad_()
    loss(w).backward()
    return w.grad


def own_size(loss, w, size):
    return nudged(loss, w, 1e-5)


def slope(loss, w):
    w = w.detach().clone().requires_grad_()
    return torch.autograd.grad(loss(w), w)[0]


def descent(loss, w, learning_rate, steps):
    w = w.clone().requires_grad_()
    for _ in range(steps):
        loss(w).backward()
        with torch.no_grad():
            w -= learning_rate * w.grad
        w.grad = None
    return w


def descent_anew(loss, w, learning_rate, steps):
    for _ in range(steps):
        w = w - learning_rate * slope(loss, w)
    return w


def descent_by_torch(loss, w, learning_rate, steps):
    w = w.clone().requires_grad_()
    optimizer = torch.optim.SGD([w], lr=learning_rate)
    for _ in range(steps):
        optimizer.zero_grad()
        loss(w).backward()
        optimizer.step()
    return w.detach()


def never_emptied(loss, w, learning_rate, steps):
    w = w.clone().requires_grad_()
    for _ in range(steps):
        loss(w).backward()
        with torch.no_grad():
            w -= learning_rate * w.grad
    return w


def noted(loss, w, learning_rate, steps):
    w = w.clone().requires_grad_()
    for _ in range(steps):
        loss(w).backward()
        w -= learning_rate * w.grad
    return w


def replaced(loss, w, learning_rate, steps):
    w = w.clone().requires_grad_()
    for _ in range(steps):
        loss(w).backward()
        with torch.no_grad():
            w = w - learning_rate * w.grad
    return w


def replaced_and_noted(loss, w, learning_rate, steps):
    w = w.clone().requires_grad_()
    for _ in range(steps):
        loss(w).backward()
        w = w - learning_rate * w.grad
    return w


def one_loss(loss, w, learning_rate, steps):
    w = w.clone().requires_grad_()
    first = loss(w)
    for _ in range(steps):
        first.backward()
        with torch.no_grad():
            w -= learning_rate * w.grad
    return w


def not_called(loss, w, learning_rate, steps):
    loss.backward()
    return w


def remembers(loss, w, learning_rate, steps):
    w = w.clone().requires_grad_()
    for _ in range(steps):
        w = w - learning_rate * torch.autograd.grad(loss(w), w)[0]
    return w


def in_place(loss, w, learning_rate, steps):
    w.requires_grad_()
    for _ in range(steps):
        loss(w).backward()
        with torch.no_grad():
            w -= learning_rate * w.grad
        w.grad = None
    return w


def walk(first, more=0):
    """A run whose step is computed by ``first``; ``more`` steps are added to those asked for."""

    def answer(loss, w, learning_rate, steps):
        for _ in range(steps + more):
            w = first(w, learning_rate, slope(loss, w))
        return w

    return answer


RIGHT = {
    "cosines": [lambda table, x: table @ x / (table.norm(dim=1) * x.norm()), cosines_by_loop, cosines_by_units],
    "nudge": [nudged, nudged_in_place, nudged_to_both_sides],
    "descend": [descent, descent_anew, descent_by_torch],
}
WRONG = {
    "cosines": [
        (lambda table, x: table @ x, "These are the dot products"),
        (lambda table, x: table @ x / x.norm(), "length of x only"),
        (lambda table, x: table @ x / table.norm(dim=1), "lengths of the rows only"),
        (lambda table, x: table @ x / (table.pow(2).sum(1) * x.pow(2).sum()), "the roots are missing"),
        (lambda table, x: table @ x / (table.norm(dim=1) * x.pow(2).sum()), "squared length of x"),
        (lambda table, x: table @ x / (table.pow(2).sum(1) * x.norm()), "squared lengths of the rows"),
        (lambda table, x: table @ x / (table.norm() * x.norm()), "of the whole table"),
        (lambda table, x: table @ x / (table.sum(1) * x.sum()), "those can cancel"),
        (lambda table, x: table @ x / (table.abs().sum(1) * x.abs().sum()), "sums without signs"),
        (lambda table, x: table @ x / (table.norm(dim=1) + x.norm()), "The lengths are added"),
        (lambda table, x: table @ x * table.norm(dim=1) * x.norm(), "Multiplied by the lengths"),
        (lambda table, x: table @ x / table.norm(dim=1) * x.norm(), "one pair of brackets"),
        (lambda table, x: table @ x / x.norm() * table.norm(dim=1), "the lengths of the rows are multiplied"),
        (
            lambda table, x: table @ x / (table.pow(2).mean(1) * x.pow(2).mean()).sqrt(),
            "the mean of the squares",
        ),
        (lambda table, x: (table @ x / (table.norm(dim=1) * x.norm())).abs(), "The signs are lost"),
        (lambda table, x: F.cosine_similarity(table, x[None], dim=-1), "This exercise is the cosine itself"),
        (lambda table, x: table @ x / (table.norm(dim=0) * x.norm()), "stops at"),
        (lambda table, x: (table * x) / (table.norm(dim=1, keepdim=True) * x.norm()), "one cosine for each row"),
    ],
    "nudge": [
        (lambda loss, w, size: nudged(loss, w, size) * size, "divide by its size"),
        (lambda loss, w, size: torch.stack([loss(w + n) for n in size * torch.eye(len(w))]), "losses after"),
        (lambda loss, w, size: nudged(loss, w, size) * size**2, "Multiplied by the size"),
        (lambda loss, w, size: -nudged(loss, w, size), "The sign is turned"),
        (lambda loss, w, size: ((loss(w + size) - loss(w)) / size).repeat(len(w)), "one at a time"),
        (piled_up, "The nudges pile up"),
        (second_name, "Every slope is 0"),
        (left_nudged, "stays nudged"),
        (replaced_by_nudge, "replaced by the nudge"),
        (lambda loss, w, size: torch.stack([(loss(x + size) - loss(x)) / size for x in w]), "hand over all"),
        (twice, "two nudges between the two losses"),
        (lambda loss, w, size: nudged(loss, w, size) / len(w), "by the number of weights"),
        (with_autograd, "no autograd in it"),
        (own_size, "`size` is ignored"),
        (lambda loss, w, size: nudged(loss, w, size).tolist(), "must return a tensor"),
        (lambda loss, w, size: (loss(w + size) - loss(w)) / size, "one slope for each weight"),
    ],
    "descend": [
        (walk(lambda w, rate, g: w + rate * g), "It climbs"),
        (walk(lambda w, rate, g: w - g), "learning rate is missing"),
        (lambda loss, w, learning_rate, steps: w, "have not moved"),
        (lambda loss, w, learning_rate, steps: slope(loss, w), "This is the gradient"),
        (lambda loss, w, learning_rate, steps: learning_rate * slope(loss, w), "This is the step"),
        (walk(lambda w, rate, g: w - rate * g.sign()), "Only the sign"),
        (walk(lambda w, rate, g: w - g / rate), "divided by the learning rate"),
        (walk(lambda w, rate, g: w - rate * g, more=1), "one step too many"),
        (never_emptied, "The gradients pile up"),
        (lambda loss, w, learning_rate, steps: w - steps * learning_rate * slope(loss, w), "measured once"),
        (lambda loss, w, learning_rate, steps: w - learning_rate * slope(loss, w), "`steps` is ignored"),
        (remembers, "remembers every step"),
        (noted, "shall take no notes of it"),
        (replaced, "Change w itself"),
        (replaced_and_noted, "`.grad` is empty"),
        (one_loss, "compute the loss anew"),
        (not_called, "`loss` is the function"),
        (in_place, "changes its argument w in place"),
        (lambda loss, w, learning_rate, steps: descent(loss, w, learning_rate, max(steps - 1, 1)), "too few"),
    ],
}
test_accepts, test_refuses, test_messages_differ = bite(RIGHT, WRONG)


def test_a_body_that_is_still_to_be_written_is_not_done_yet():
    def my_descent(loss, w, learning_rate, steps):
        w = w.clone().requires_grad_()
        for _ in range(steps):
            ...
        return ...

    assert check.descend(my_descent).passed is None
