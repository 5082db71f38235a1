"""The checks of the optimiser and of perplexity: three right answers each, every mistake with its own message."""

import math

import torch
from teeth import bite

from gpt2lab.training.optimizer import learning_rate_at


def cosine(step, steps, peak, warmup):
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))


def rate(
    rise=lambda s, w: (s + 1) / w,
    fall=lambda p: 0.5 * (1 + math.cos(math.pi * p)),
    start=lambda s, n, w: (s - w) / (n - w),
):
    return lambda step, steps, peak, warmup: (
        peak * (rise(step, warmup) if step < warmup else fall(start(step, steps, warmup)))
    )


def cosine_in_torch(step, steps, peak, warmup):
    step = torch.tensor(float(step))
    rise = (step + 1) / max(warmup, 1)
    fall = torch.cos(math.pi / 2 * ((step - warmup) / (steps - warmup)).clamp(min=0)) ** 2
    return peak * (rise if step < warmup else fall)


def norm(gradients):
    return math.sqrt(sum(float((g**2).sum()) for g in gradients))


def clip(gradients, limit):
    factor = min(1.0, limit / (norm(gradients) + 1e-12))
    return [g * factor for g in gradients]


def clip_by_torch(gradients, limit):
    parameters = [torch.nn.Parameter(torch.zeros_like(g)) for g in gradients]
    for p, g in zip(parameters, gradients, strict=True):
        p.grad = g
    torch.nn.utils.clip_grad_norm_(parameters, limit)
    return [p.grad for p in parameters]


def clip_in_one_tensor(gradients, limit):
    every = torch.cat([g.flatten() for g in gradients])
    every = every * (limit / every.square().sum().sqrt().clamp(min=limit))
    parts = every.split([g.numel() for g in gradients])
    return tuple(part.reshape(g.shape) for part, g in zip(parts, gradients, strict=True))


def clip_in_place(gradients, limit):
    total = torch.cat([g.flatten() for g in gradients]).norm()
    if total > limit:
        for g in gradients:
            g.mul_(limit / total)
    return gradients


def adam(
    m_new=lambda m, g, b, theta, decay: b * m + (1 - b) * g,
    v_new=lambda v, g, b: b[1] * v + (1 - b[1]) * g**2,
    step=lambda m, v, g, eps: m / (v.sqrt() + eps),
    move=lambda theta, lr, step, decay: theta - lr * (step + decay * theta),
    correct=True,
    give=lambda theta, m, v, m_hat, v_hat: (theta, m, v),
):  # fmt: skip
    def one(theta, gradient, m, v, t, lr, betas, eps, decay):
        m, v = m_new(m, gradient, betas[0], theta, decay), v_new(v, gradient, betas)
        m_hat, v_hat = (m / (1 - betas[0] ** t), v / (1 - betas[1] ** t)) if correct else (m, v)
        return give(move(theta, lr, step(m_hat, v_hat, gradient, eps), decay), m, v, m_hat, v_hat)

    return one


def adamw_decay_first(theta, gradient, m, v, t, lr, betas, eps, decay):
    theta = theta * (1 - lr * decay)
    m = m + (1 - betas[0]) * (gradient - m)
    v = v + (1 - betas[1]) * (gradient * gradient - v)
    rate = lr * math.sqrt(1 - betas[1] ** t) / (1 - betas[0] ** t)
    return theta - rate * m / (v.sqrt() + eps * math.sqrt(1 - betas[1] ** t)), m, v


def adamw_in_lists(theta, gradient, m, v, t, lr, betas, eps, decay):
    rows = []
    for w, g, a, b in zip(theta.tolist(), gradient.tolist(), m.tolist(), v.tolist(), strict=True):
        a, b = betas[0] * a + (1 - betas[0]) * g, betas[1] * b + (1 - betas[1]) * g * g
        w -= lr * (a / (1 - betas[0] ** t) / (math.sqrt(b / (1 - betas[1] ** t)) + eps) + decay * w)
        rows.append((w, a, b))
    return tuple(torch.tensor(column) for column in zip(*rows, strict=True))


def shorten(gradients, limit, length):
    return [g * min(1.0, float(limit / (length + 1e-12))) for g in gradients]


def corrected(m, v):
    def answer(theta, gradient, m_old, v_old, t, lr, betas, eps, decay):
        m_new = betas[0] * m_old + (1 - betas[0]) * gradient
        v_new = betas[1] * v_old + (1 - betas[1]) * gradient**2
        a = m_new / (1 - betas[0] ** t) if m else m_new
        b = v_new / (1 - betas[1] ** t) if v else v_new
        return theta - lr * (a / (b.sqrt() + eps) + decay * theta), m_new, v_new

    return answer


RIGHT = {
    "perplexity": [
        lambda losses: losses.mean().exp(),
        lambda losses: math.exp(sum(losses.tolist()) / len(losses)),
        lambda losses: 1 / torch.exp(-losses).prod() ** (1 / len(losses)),
    ],
    "learning_rate": [cosine, lambda *a: learning_rate_at(*a, floor=0.0), cosine_in_torch],
    "clip": [clip, clip_in_place, clip_in_one_tensor],
    "adamw": [adam(), adamw_decay_first, adamw_in_lists],
}
WRONG = {
    "perplexity": [
        (lambda losses: losses.exp().mean(), "exp comes before the mean"),
        (lambda losses: 2 ** losses.mean(), "not 2"),
        (lambda losses: losses.mean(), "the loss itself"),
        (lambda losses: losses.sum().exp(), "summed"),
        (lambda losses: (-losses).mean().exp(), "sign is turned"),
        (lambda losses: losses.exp(), "one number"),
        (lambda losses: 1 / (-losses).exp().mean(), "One over the mean of the probabilities"),
        (lambda losses: losses.sum().exp() / len(losses), "but after"),
        (lambda losses: losses.mean() / math.log(2), "in bits"),
        (lambda losses: losses.median().exp(), "median loss decides"),
        (lambda losses: losses.max().exp(), "The largest loss decides"),
        (lambda losses: losses.mean().exp() + 1, "average the losses, then"),
        (lambda losses: losses.mul_(1 / len(losses)).sum().exp(), "argument losses in place"),
        (lambda losses: losses.sum().div(4).exp(), "equally likely"),
    ],
    "learning_rate": [
        (rate(fall=lambda p: 1.0), "the fall is missing"),
        (rate(fall=lambda p: 1 - p), "straight line"),
        (rate(start=lambda s, n, w: s / n), "counts from step 0"),
        (rate(fall=lambda p: 0.5 * (1 + math.cos(2 * math.pi * p))), "all the way round"),
        (rate(fall=lambda p: math.cos(math.pi * p)), "below 0"),
        (rate(rise=lambda s, w: s / w), "teaches nothing"),
        (lambda s, n, peak, w: peak * 0.5 * (1 + math.cos(math.pi * s / n)), "no warm-up"),
        (lambda s, n, peak, w: cosine(s, n, 1.0, w), "Multiply by peak"),
        (lambda s, n, peak, w: peak * min((s + 1) / w, 0.5 * (1 + math.cos(math.pi * max(0, s - w) / (n - w)))), "ZeroDivision"),
        (learning_rate_at, "ends at a tenth of peak"),
        (rate(start=lambda s, n, w: (s + 1 - w) / (n - w)), "The fall is one step ahead"),
        (rate(start=lambda s, n, w: (s - w) / (n - w - 1)), "The fall is one step short"),
        (rate(start=lambda s, n, w: (s - w) / (n - w + 1)), "The fall is one step too long"),
        (rate(start=lambda s, n, w: (s - w) / n), "does not arrive"),
        (lambda s, n, peak, w: peak * (s + 1) / w if s <= w else cosine(s, n, peak, w), "The rise is one step too long"),
        (rate(rise=lambda s, w: (s + 1) / (w + 1)), "one step short of peak"),
        (lambda s, n, peak, w: cosine(s, 100, peak, w), "100 steps are fixed"),
        (lambda s, n, peak, w: cosine(s, n, 0.006, w), "0.006 is fixed"),
        (lambda s, n, peak, w: cosine(s, n, peak, 20), "A warm-up of 20 steps is fixed"),
        (lambda s, n, peak, w: str(peak), "one number"),
        (lambda s, n, peak, w: peak, "the same at every step"),
        (lambda s, n, peak, w: peak * (s + 1) / w if s < w else peak * 0.5 ** ((s - w) // 20), "in stairs"),
        (lambda s, n, peak, w: peak * (s + 1) / w if s < w else peak * 0.95 ** (s - w), "by the same factor"),
        (lambda s, n, peak, w: peak * min((s + 1) / w, (w / (s + 1)) ** 0.5), "one over the root of the step"),
        (lambda s, n, peak, w: peak / (2 + s), "rise in equal steps, the last of them to peak"),
    ],
    "clip": [
        (clip_by_torch, "without torch's own function"),
        (lambda gs, limit: [clip([g], limit)[0] for g in gs], "by its own norm"),
        (lambda gs, limit: [g.clamp(-limit, limit) for g in gs], "cut on its own"),
        (lambda gs, limit: [g * limit / sum(h.norm() for h in gs) for g in gs], "norms of the tensors are added"),
        (lambda gs, limit: [g * limit / norm(gs) ** 2 for g in gs], "root is missing"),
        (lambda gs, limit: [g * limit / torch.cat([h.flatten() for h in gs]).square().mean().sqrt() for g in gs], "mean of the squares"),
        (lambda gs, limit: gs, "Nothing is clipped"),
        (lambda gs, limit: [g * min(1.0, 1 / (norm(gs) + 1e-9)) for g in gs], "`limit` is ignored"),
        (lambda gs, limit: [g * limit / (norm(gs) + 1e-12) for g in gs], "only shortens"),
        (lambda gs, limit: [g * (limit / torch.tensor(norm(gs))).clamp(max=1) + 0 * (g / torch.tensor(norm(gs))) for g in gs], "0 / 0"),
        (lambda gs, limit: shorten(gs, limit, max(h.norm() for h in gs)), "The largest norm of a tensor decides"),
        (lambda gs, limit: shorten(gs, limit, sum(h.norm() for h in gs) / len(gs)), "The mean of the tensors' norms"),
        (lambda gs, limit: shorten(gs, limit, max(h.abs().max() for h in gs)), "The largest number decides"),
        (lambda gs, limit: shorten(gs, limit, sum(h.abs().sum() for h in gs)), "added without signs"),
        (lambda gs, limit: [g * (norm(gs) <= limit) for g in gs], "are set to 0"),
        (lambda gs, limit: shorten(gs, limit, 2 * norm(gs)), "one number multiplies all gradients"),
        (lambda gs, limit: clip(gs, limit)[0], "must return a list"),
        (lambda gs, limit: [g.flatten() for g in clip(gs, limit)], "shapes"),
    ],
    "adamw": [
        (adam(give=lambda theta, m, v, a, b: (theta, a, v)), "m is returned with its bias correction"),
        (adam(m_new=lambda m, g, b, *_: (1 - b) * m + b * g), "exchanged"),
        (adam(m_new=lambda m, g, b, *_: b * m + g), "added whole"),
        (lambda *a: (adam()(*a)[0], a[2], adam()(*a)[2]), "m has not moved"),
        (adam(m_new=lambda m, g, b, theta, decay: b * m + (1 - b) * (g + decay * theta)), "Adam with L2"),
        (adam(give=lambda theta, m, v, a, b: (theta, m, b)), "v is returned with its bias correction"),
        (adam(v_new=lambda v, g, b: b[1] * v + (1 - b[1]) * g), "averages the gradient"),
        (adam(v_new=lambda v, g, b: b[0] * v + (1 - b[0]) * g**2), "memory of its own"),
        (lambda *a: (adam()(*a)[0], adam()(*a)[1], a[3]), "v has not moved"),
        (adam(correct=False), "bias correction is missing"),
        (adam(step=lambda m, v, g, eps: m / (v + eps).sqrt()), "inside the root"),
        (adam(step=lambda m, v, g, eps: m / (v + eps)), "root of v is missing"),
        (adam(move=lambda theta, lr, step, decay: theta - lr * step), "weight decay is missing"),
        (adam(move=lambda theta, lr, step, decay: theta - lr * step - decay * theta), "not multiplied"),
        (adam(move=lambda theta, lr, step, decay: theta - lr * (step - decay * theta)), "weights grow"),
        (adam(move=lambda theta, lr, step, decay: theta + lr * (step - decay * theta)), "climbs"),
        (adam(move=lambda theta, lr, step, decay: (theta - lr * step) * (1 - lr * decay)), "pulls on the new weights"),
        (adam(step=lambda m, v, g, eps: g / (v.sqrt() + eps)), "m is not used"),
        (lambda *a: adam()(*a[:4], a[4] + 1, *a[5:]), "a step ahead"),
        (lambda *a: adam()(*a[:4], a[4] - 1, *a[5:]), "a step late"),
        (corrected(m=True, v=False), "Only m is corrected"),
        (corrected(m=False, v=True), "Only v is corrected"),
        (lambda *a: (a[0] - a[5] * a[1], *adam()(*a)[1:]), "plain descent"),
        (adam(step=lambda m, v, g, eps: m), "The step is m alone"),
        (lambda *a: (a[0], *adam()(*a)[1:]), "theta has not moved"),
        (lambda *a: (adam()(*a[:5], 1.0, *a[6:])[0], *adam()(*a)[1:]), "The learning rate is not used"),
        (lambda *a: adam()(*a)[::-1], "First come the averages"),
        (lambda *a: tuple(adam()(*a)[i] for i in (0, 2, 1)), "Second comes v"),
        (adam(m_new=lambda m, g, b, *_: 0.95 * m + 0.05 * g), "m uses betas[1]"),
        (lambda *a: (adam()(*a)[0] + 1, *adam()(*a)[1:]), "Both averages are corrected"),
        (lambda *a: adam()(*a)[0], "three tensors"),
        (lambda *a: adam()(*a[:4], 3, *a[5:]), "left the path"),
    ],
}  # fmt: skip
test_accepts, test_refuses, test_messages_differ = bite(RIGHT, WRONG)


def test_not_done_yet():
    from gpt2lab import check

    def unsolved(losses): ...

    assert repr(check.perplexity(unsolved)) == "not done yet"
    assert repr(check.clip(lambda gradients, limit: ...)) == "not done yet"
