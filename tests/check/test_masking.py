"""The checks of masks: three right answers each, and every known mistake with its own message."""

import numpy as np
import torch
from teeth import bite

from gpt2lab.masking import causal_mask


def by_filling(q, k):
    mask = torch.zeros(q, k, dtype=torch.bool)
    for i in range(q):
        mask[i, : i + k - q + 1] = True
    return mask


def fill_then_softmax(value):
    def answer(scores, mask):
        return scores.masked_fill(~mask, value).softmax(-1)

    return answer


def overflowing(scores, mask):
    shift = scores.masked_fill(~mask, -torch.inf).amax(-1, keepdim=True).clamp(max=0.0).nan_to_num(neginf=0.0)
    raised = (scores - shift).exp().where(mask, 0.0)
    return raised / raised.sum(-1, keepdim=True).clamp(min=1e-38)


def in_place(scores, mask):
    scores[~mask.expand_as(scores)] = -torch.inf
    return scores.softmax(-1).nan_to_num(0.0)


def row_by_row(scores, mask):
    out = torch.zeros_like(scores)
    rows, shown = out.view(-1, scores.shape[-1]), mask.expand_as(scores).reshape(-1, scores.shape[-1])
    for row, given, see in zip(rows, scores.reshape(rows.shape), shown, strict=True):
        if see.any():
            row[see] = given[see].softmax(0)
    return out


def parts(lengths, T):
    real = torch.arange(T) >= T - torch.tensor(lengths)[:, None]
    return real[:, None, None, :], causal_mask(T), torch.eye(T, dtype=torch.bool)


def one_by_one(lengths, T):
    mask = torch.zeros(len(lengths), 1, T, T, dtype=torch.bool)
    for b, n in enumerate(lengths):
        for i in range(T):
            for j in range(i + 1):
                mask[b, 0, i, j] = j >= T - n or i == j
    return mask


def in_numpy(lengths, T):
    real = np.arange(T) >= T - np.array(lengths)[:, None]
    return torch.from_numpy((real[:, None, None] & np.tri(T, dtype=bool)) | np.eye(T, dtype=bool))


def other_lengths(change):
    return lambda lengths, T: one_by_one([change(n) for n in lengths], T)


def every_position(model, tokens, vocab_size):
    before = model(tokens)
    for t in range(tokens.shape[1]):
        changed = tokens.clone()
        changed[0, t] = (changed[0, t] + 1) % vocab_size
        if not torch.allclose(model(changed)[0, :t], before[0, :t]):
            return True
    return False


def prefixes(model, tokens, vocab_size):
    rest = (tokens + 1) % vocab_size
    for t in range(1, tokens.shape[1]):
        mixed = torch.cat([tokens[:, :t], rest[:, t:]], 1)
        if not torch.allclose(model(mixed)[:, :t], model(tokens)[:, :t]):
            return True
    return False


def all_ids(model, tokens, vocab_size):
    before = model(tokens)
    return any(
        bool(((model(torch.where(torch.arange(tokens.shape[1]) == t, new, tokens)) - before)[0, :t].abs() > 1e-6).any())
        for t in range(1, tokens.shape[1])
        for new in range(vocab_size)
    )


def last_only(model, tokens, vocab_size):
    changed = tokens.clone()
    changed[0, -1] = (changed[0, -1] + 1) % vocab_size
    return not torch.allclose(model(changed)[0, :-1], model(tokens)[0, :-1])


def first_only(model, tokens, vocab_size):
    """Looks at the logits of position 0 only."""
    changed = (tokens + 1) % vocab_size
    changed[:, 0] = tokens[:, 0]
    return not torch.allclose(model(changed)[0, 0], model(tokens)[0, 0])


def compares_all(model, tokens, vocab_size):
    return not torch.allclose(model((tokens + 1) % vocab_size), model(tokens))


def with_the_changed(model, tokens, vocab_size):
    before = model(tokens)
    for t in range(tokens.shape[1]):
        changed = tokens.clone()
        changed[0, t] = (changed[0, t] + 1) % vocab_size
        if not torch.allclose(model(changed)[0, : t + 1], before[0, : t + 1]):
            return True
    return False


def looks_back(model, tokens, vocab_size):
    """Changes the first token and compares what comes behind it."""
    changed = tokens.clone()
    changed[0, 0] = (changed[0, 0] + 1) % vocab_size
    return not torch.allclose(model(changed)[0, 1:], model(tokens)[0, 1:])


def in_the_given_tokens(model, tokens, vocab_size):
    before = model(tokens)
    found = False
    for t in range(tokens.shape[1]):
        tokens[0, t] = (tokens[0, t] + 1) % vocab_size
        found |= not torch.allclose(model(tokens)[0, :t], before[0, :t])
        before = model(tokens)
    return found


RIGHT = {
    "causal_mask": [
        lambda q, k: torch.ones(q, k, dtype=torch.bool).tril(k - q),
        lambda q, k: torch.arange(k) <= torch.arange(k - q, k)[:, None],
        lambda q, k: torch.tensor([[j <= i + k - q for j in range(k)] for i in range(q)]),
        lambda q, k: torch.from_numpy(np.tri(q, k, k - q, dtype=bool)),
        by_filling,
    ],
    "masked_softmax": [
        lambda s, m: s.masked_fill(~m, -torch.inf).softmax(-1).nan_to_num(0.0),
        lambda s, m: torch.where(m.any(-1, keepdim=True), s.masked_fill(~m, -torch.inf).softmax(-1), 0.0),
        lambda s, m: (lambda e: e / e.sum(-1, keepdim=True).clamp(min=1e-38))(
            (s - s.masked_fill(~m, -torch.inf).amax(-1, keepdim=True).nan_to_num(neginf=0.0)).exp().where(m, 0.0)
        ),
        lambda s, m: (s + m.float().log()).softmax(-1).nan_to_num(0.0),
        row_by_row,
    ],
    "left_padding_mask": [
        lambda n, T: (parts(n, T)[0] & parts(n, T)[1]) | parts(n, T)[2],
        one_by_one,
        lambda n, T: torch.stack(
            [(causal_mask(T) & (torch.arange(T) >= T - x)) | torch.eye(T).bool() for x in n]
        )[:, None],
        in_numpy,
    ],
    "leaks": [every_position, prefixes, all_ids],
}  # fmt: skip
WRONG = {
    "causal_mask": [
        (lambda q, k: ~causal_mask(q, k), "polarity"),
        (lambda q, k: causal_mask(k).T[-q:], "transposed"),
        (lambda q, k: torch.ones(q, k, dtype=torch.bool).tril(k - q - 1), "diagonal is closed"),
        (lambda q, k: torch.ones(q, k, dtype=torch.bool).tril(k - q + 1), "the answer"),
        (lambda q, k: torch.ones(q, k, dtype=torch.bool), "Nothing is hidden."),
        (lambda q, k: torch.ones(q, k, dtype=torch.bool).tril(k - q if q == k else k), "must not see key 5"),
        (lambda q, k: torch.ones(q, k, dtype=torch.bool).tril(), "last* 2 positions"),
        (lambda q, k: torch.ones(q, k).tril(k - q), "holds torch.float32"),
        (lambda q, k: torch.zeros(q, k).masked_fill(~causal_mask(q, k), -torch.inf), "be added to the scores"),
        (lambda q, k: torch.eye(q, k, dtype=torch.bool), "sees itself alone"),
        (lambda q, k: causal_mask(q, k).flip(0), "upside down"),
        (lambda q, k: causal_mask(q, k).triu(k - q - 1), "one before it"),
        (lambda q, k: causal_mask(5), "fixed in your function"),
        (lambda q, k: causal_mask(k), "(T_key, T_key)"),
        (lambda q, k: causal_mask(q), "(T_query, T_query)"),
        (lambda q, k: causal_mask(q, k)[None, None], "axes for batch and heads"),
        (lambda q, k: causal_mask(q, k).tolist(), "torch.tensor(your list)"),
        (lambda q, k: torch.rand(q, k) < 0.85, "drawn at random"),
    ],
    "masked_softmax": [
        (fill_then_softmax(0.0), "exp(0) is 1"),
        (fill_then_softmax(-1e4), "use -inf"),
        (fill_then_softmax(-torch.inf), "0/0"),
        (lambda s, m: s.softmax(-1) * m, "no longer sum to 1"),
        (lambda s, m: s.masked_fill(m, -torch.inf).softmax(-1).nan_to_num(0.0), "True means"),
        (lambda s, m: s.softmax(-1), "ignored"),
        (lambda s, m: s.masked_fill(~m, -torch.inf).softmax(-2).nan_to_num(0.0), "queries"),
        (lambda s, m: s.exp() * m, "divide each row"),
        (lambda s, m: s.exp() * m / (s.exp() * m).sum(-1, keepdim=True), "its exponential is 0"),
        (overflowing, "their exponential is infinite"),
        (lambda s, m: s.masked_fill(~m, torch.finfo(s.dtype).min).softmax(-1), "evenly"),
        (fill_then_softmax(0.1), "small number is not small enough"),
        (lambda s, m: (s + m).softmax(-1), "True counts as 1"),
        (lambda s, m: (s * m.where(m, -torch.inf)).softmax(-1).nan_to_num(0.0), "multiplied with"),
        (lambda s, m: s.masked_fill(~m.mT, -torch.inf).softmax(-1).nan_to_num(0.0), "is transposed"),
        (lambda s, m: s.masked_fill(~m, -torch.inf), "The softmax is missing"),
        (lambda s, m: s.masked_fill(~m, -torch.inf).log_softmax(-1), "logarithm"),
        (lambda s, m: (m / m.sum(-1, keepdim=True)).nan_to_num(0.0).expand_as(s), "The scores play no part"),
        (lambda s, m: s[m.expand_as(s)].softmax(-1), "one row of its own"),
        (in_place, "argument scores in place"),
    ],
    "left_padding_mask": [
        (lambda n, T: ((torch.arange(T) < torch.tensor(n)[:, None])[:, None, None] & causal_mask(T)) | torch.eye(T).bool(),
         "on the left"),
        (lambda n, T: parts(n, T)[0] | torch.eye(T).bool(), "future is not"),
        (lambda n, T: parts(n, T)[0].expand(len(n), 1, T, T), "hidden, but the future is open"),
        (lambda n, T: parts(n, T)[0] & parts(n, T)[1], "open the diagonal"),
        (lambda n, T: (parts(n, T)[0].transpose(-1, -2) & causal_mask(T)) | torch.eye(T).bool(), "queries"),
        (lambda n, T: causal_mask(T).expand(len(n), 1, T, T).clone(), "still visible"),
        (lambda n, T: one_by_one(n, T)[:, 0], "per *head*"),
        (lambda n, T: one_by_one(n, T).float(), "boolean"),
        (lambda n, T: ~one_by_one(n, T), "inverted"),
        (lambda n, T: one_by_one(n, T).mT, "transposed"),
        (other_lengths(lambda n: n - 1), "first real token of each text is hidden"),
        (other_lengths(lambda n: n + 1), "one padding token of each text"),
        (lambda n, T: one_by_one(n[:1] * len(n), T), "Every text gets the mask of the first"),
        (lambda n, T: one_by_one(n[:1], T), "one mask for the whole batch"),
        (lambda n, T: one_by_one(n, T)[:, :, -1], "Only the last query"),
        (lambda n, T: parts(n, T)[0], "one row for all queries"),
        (lambda n, T: (parts(n, T)[0] & causal_mask(T)) | ~parts(n, T)[0].mT, "all keys are open"),
        (lambda n, T: (parts(n, T)[0] & causal_mask(T).tril(-1)) | torch.eye(T).bool() & ~parts(n, T)[0], "do not see themselves"),
    ],
    "leaks": [
        (last_only, "last token alone"),
        (first_only, "position 0 alone"),
        (compares_all, "Compare only the logits *before*"),
        (with_the_changed, "logits at the changed token itself"),
        (looks_back, "in which nothing looks ahead"),
        (lambda m, t, v: False, "is never True"),
        (lambda m, t, v: True, "is always True"),
        (lambda m, t, v: not every_position(m, t, v), "other way round"),
        (lambda m, t, v: 3, "True or False"),
        (lambda m, t, v: m(t + 99), "stops"),
        (in_the_given_tokens, "argument tokens in place"),
    ],
}  # fmt: skip
test_accepts, test_refuses, test_messages_differ = bite(RIGHT, WRONG)
