"""The checks of masks: three right answers each, and every known mistake with its own message."""

import pytest
import torch

from gpt2lab import check
from gpt2lab.masking import causal_mask


def refused(result, text):
    assert result.passed is False and text in result.message, result


RIGHT_CAUSAL = [
    lambda q, k: torch.ones(q, k, dtype=torch.bool).tril(k - q),
    lambda q, k: torch.arange(k) <= torch.arange(k - q, k)[:, None],
    lambda q, k: torch.tensor([[j <= i + k - q for j in range(k)] for i in range(q)]),
]


@pytest.mark.parametrize("answer", RIGHT_CAUSAL)
def test_causal_mask_accepts(answer):
    assert check.causal_mask(answer).passed


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda q, k: ~causal_mask(q, k), "polarity"),
        (lambda q, k: causal_mask(k).T[-q:], "transposed"),
        (lambda q, k: torch.ones(q, k, dtype=torch.bool).tril(k - q - 1), "diagonal is closed"),
        (lambda q, k: torch.ones(q, k, dtype=torch.bool).tril(k - q + 1), "the answer"),
        (lambda q, k: torch.ones(q, k, dtype=torch.bool), "Nothing is hidden"),
        (lambda q, k: torch.ones(q, k, dtype=torch.bool).tril(), "last* 2 positions"),
        (lambda q, k: torch.ones(q, k).tril(k - q), "boolean"),
    ],
)
def test_causal_mask_refuses(answer, message):
    refused(check.causal_mask(answer), message)


def fill_then_softmax(value):
    def answer(scores, mask):
        return scores.masked_fill(~mask, value).softmax(-1)

    return answer


def overflowing(scores, mask):
    shift = scores.masked_fill(~mask, -torch.inf).amax(-1, keepdim=True).clamp(max=0.0).nan_to_num(neginf=0.0)
    raised = (scores - shift).exp().where(mask, 0.0)
    return raised / raised.sum(-1, keepdim=True).clamp(min=1e-38)


RIGHT_SOFTMAX = [
    lambda s, m: s.masked_fill(~m, -torch.inf).softmax(-1).nan_to_num(0.0),
    lambda s, m: torch.where(m.any(-1, keepdim=True), s.masked_fill(~m, -torch.inf).softmax(-1), 0.0),
    lambda s, m: (lambda e: e / e.sum(-1, keepdim=True).clamp(min=1e-38))(
        (s - s.masked_fill(~m, -torch.inf).amax(-1, keepdim=True).nan_to_num(neginf=0.0)).exp().where(m, 0.0)
    ),
]


@pytest.mark.parametrize("answer", RIGHT_SOFTMAX)
def test_masked_softmax_accepts(answer):
    assert check.masked_softmax(answer).passed


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (fill_then_softmax(0.0), "exp(0) is 1"),
        (fill_then_softmax(-1e4), "use -inf"),
        (fill_then_softmax(-torch.inf), "0/0"),
        (lambda s, m: s.softmax(-1) * m, "no longer sum to 1"),
        (lambda s, m: s.masked_fill(m, -torch.inf).softmax(-1).nan_to_num(0.0), "True means"),
        (lambda s, m: s.softmax(-1), "ignored"),
        (lambda s, m: s.masked_fill(~m, -torch.inf).softmax(-2).nan_to_num(0.0), "queries"),
        (lambda s, m: s.exp() * m, "divide each row"),
        (lambda s, m: s.exp() * m / (s.exp() * m).sum(-1, keepdim=True), "its exponential is 0"),
        (
            lambda s, m: (lambda e: e / e.sum(-1, keepdim=True).clamp(min=1e-38))(s.softmax(-1) * m),
            "its exponential is 0",
        ),
        (overflowing, "their exponential is infinite"),
        (lambda s, m: s.masked_fill(~m, torch.finfo(s.dtype).min).softmax(-1), "evenly"),
    ],
)
def test_masked_softmax_refuses(answer, message):
    refused(check.masked_softmax(answer), message)


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


RIGHT_LEFT = [
    lambda n, T: (parts(n, T)[0] & parts(n, T)[1]) | parts(n, T)[2],
    one_by_one,
    lambda n, T: torch.stack([(causal_mask(T) & (torch.arange(T) >= T - x)) | torch.eye(T).bool() for x in n])[:, None],
]


@pytest.mark.parametrize("answer", RIGHT_LEFT)
def test_left_padding_mask_accepts(answer):
    assert check.left_padding_mask(answer).passed


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda n, T: ((torch.arange(T) < torch.tensor(n)[:, None])[:, None, None] & causal_mask(T)) | torch.eye(T).bool(),
         "on the left"),
        (lambda n, T: parts(n, T)[0] | torch.eye(T).bool(), "future is not"),
        (lambda n, T: parts(n, T)[0] & parts(n, T)[1], "open the diagonal"),
        (lambda n, T: (parts(n, T)[0].transpose(-1, -2) & causal_mask(T)) | torch.eye(T).bool(), "queries"),
        (lambda n, T: causal_mask(T).expand(len(n), 1, T, T).clone(), "still visible"),
        (lambda n, T: one_by_one(n, T)[:, 0], "per *head*"),
        (lambda n, T: one_by_one(n, T).float(), "boolean"),
    ],
)  # fmt: skip
def test_left_padding_mask_refuses(answer, message):
    refused(check.left_padding_mask(answer), message)


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


@pytest.mark.parametrize("answer", [every_position, prefixes, all_ids])
def test_leaks_accepts(answer):
    assert check.leaks(answer).passed


def last_only(model, tokens, vocab_size):
    changed = tokens.clone()
    changed[0, -1] = (changed[0, -1] + 1) % vocab_size
    return not torch.allclose(model(changed)[0, :-1], model(tokens)[0, :-1])


def compares_all(model, tokens, vocab_size):
    return not torch.allclose(model((tokens + 1) % vocab_size), model(tokens))


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (last_only, "position 3 to position 2"),
        (compares_all, "Compare only the logits *before*"),
        (lambda m, t, v: False, "every position sees every other"),
        (lambda m, t, v: 3, "True or False"),
        (lambda m, t, v: m(t + 99), "stops"),
    ],
)
def test_leaks_refuses(answer, message):
    refused(check.leaks(answer), message)


@pytest.mark.parametrize("name", ["causal_mask", "masked_softmax", "left_padding_mask", "leaks"])
def test_unsolved_is_not_done(name):
    def exercise(*arguments): ...

    def two(a, b): ...

    def three(a, b, c): ...

    assert repr(getattr(check, name)(three if name == "leaks" else two)) == check.NOT_DONE
