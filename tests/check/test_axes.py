"""Errors about shapes come in terms of axes, never in torch's own words."""

import re

import pytest
import torch

from gpt2lab import check
from gpt2lab.check.axes import gap


def told(result):
    """The message without the learner's own line, which it quotes."""
    assert result.passed is False
    return re.sub(r"`.*?`(?=:| with)", "", result.message)


def old_transpose(q, k):
    return q @ k.transpose(0, 1)


def no_transpose(q, k):
    return q @ k


def matrix_transpose(q, k):
    return q @ k.T


def without_values(scores):
    return (scores - scores.max(-1)).exp()


def dropped_axis(scores):
    raised = scores.exp()
    return raised / raised.sum(-1)


def largest_dropped(scores):
    raised = (scores - scores.max(-1).values).exp()
    return raised / raised.sum(-1, keepdim=True)


def smallest_dropped(scores):
    return scores - torch.min(scores, dim=-1)[0]


def both_kept(x, weight, bias, eps):
    x = x - x.mean((0, 1), keepdim=True)
    return x / x.std((1, 2), keepdim=True) * (weight + torch.ones(5))


def kept_no_axis(x, weight, bias, eps):
    return (x - x.mean(-1)) / (x.var(-1) + eps).sqrt() * weight + bias


def viewed(x):
    B, n_heads, T, d_head = x.shape
    return x.transpose(1, 2).view(B, T, n_heads * d_head)


def weighed(q, k, v, mask):
    w = (q @ k.mT / 4).softmax(-1)
    return (w * v).sum(-1), w


def whole_table(tokens, token_table, position_table):
    return token_table[tokens] + position_table


def not_turned(x, token_table):
    return x @ token_table


def linear_by_hand(x, W_up, b_up, W_down, b_down):
    hidden = x @ W_up + b_up
    return hidden @ W_down + b_down


def odd_cut(x, n_heads):
    return x.reshape(2, 5, 4, 4)


def joined(model, tokens, n):
    best = model(tokens)[:1, -1:].argmax(-1)
    return torch.cat([tokens, best], dim=1)


def joined_without_its_axis(model, tokens, n):
    best = model(tokens)[:, -1].argmax(-1)
    return torch.cat([tokens, best], dim=1)


def joined_with_a_number(model, tokens, n):
    best = model(tokens)[0, -1].argmax(-1)
    return torch.cat([tokens, best], dim=1)


def no_such_axis(x):
    return x.mean(3), x.var(3)


CASES = [
    ("attention_scores", old_transpose, "3 (n_heads) meets 2 (B)"),
    ("attention_scores", old_transpose, "transpose(0, 1) exchanges the axes 0 and 1, here of size 2 (B) and 3 (n_heads)"),
    ("attention_scores", old_transpose, "count the axes from the end"),
    ("attention_scores", no_transpose, "the last but one on the right, and these are 16 (d_head) and 6 (T)"),
    ("attention_scores", matrix_transpose, "are for matrices: count the axes from the end"),
    ("softmax", without_values, "take .values"),
    ("softmax", dropped_axis, "5 (T_key) meets 4 (T_query) (raised (2, 4, 5))"),
    ("softmax", dropped_axis, "drops its axis unless keepdim=True"),
    ("softmax", largest_dropped, "maximum drops its axis unless keepdim=True"),
    ("softmax", smallest_dropped, "maximum drops its axis unless keepdim=True"),
    ("layer_norm", kept_no_axis, "8 (d_model) meets 5 (T)"),
    ("layer_norm", kept_no_axis, "x (B 2, T 5, d_model 8)"),
    ("merge_heads", viewed, "use reshape or flatten"),
    ("attention", weighed, "6 (T) meets 16 (d_head)"),
    ("attention", weighed, "w (2, 3, 6, 6), v (B 2, n_heads 3, T 6, d_head 16)"),
    ("attention", weighed, "element by element, axes are compared from the last one"),
    ("embed", whole_table, "4 (T) meets 10"),
    ("unembed", not_turned, "6 (d_model) and 10 (vocab_size)"),
    ("feed_forward", linear_by_hand, "6 (d_model) and 24 (d_ff)"),
    ("split_heads", odd_cut, "there are 120 numbers, and the shape (2, 5, 4, 4) of 160 numbers"),
    ("greedy", joined, "joined along axis 1, tensors must agree in every other axis: 2 (B) meets 1"),
    ("greedy", joined_without_its_axis, "2 meet 1 (tokens (B 2, T 3), best (2,)); argmax, sum and the like drop"),
    ("greedy", joined_with_a_number, "a single number has no axis"),
    ("token_statistics", no_such_axis, "there is no axis 3"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "answer", "words"), CASES, ids=[f"{n}-{f.__name__}-{i}" for i, (n, f, _) in enumerate(CASES)]
)
def test_an_error_about_shapes_names_the_axes(name, answer, words):
    message = told(getattr(check, name)(answer))
    assert words in message
    assert "RuntimeError" not in message and "singleton" not in message and "mat1" not in message


def test_who_keeps_the_axes_is_not_told_to_keep_them():
    assert "keepdim" not in told(check.layer_norm(both_kept))


def test_what_is_not_about_shapes_keeps_its_own_words():
    def my_softmax(scores):
        return scores.exponential()

    assert "with AttributeError: " in told(check.softmax(my_softmax))


@pytest.mark.parametrize(
    ("actual", "expected", "words"),
    [
        ((2, 5, 3, 4), (2, 3, 5, 4), "axes 1 and 2 are exchanged"),
        ((3, 4, 2), (2, 3, 4), "axis 0 should be the one of size 2"),
        ((2, 1), (2,), "size 1 too many"),
        ((2, 5), (2, 1, 5), "size 1 too few"),
        ((6, 5), (2, 3, 5), "joined that should stay apart"),
        ((2, 5), (2, 3, 5), "Axis 1 is lost"),
        ((4,), (2, 3, 5), ""),
        ((2, 2), (2, 3), ""),
    ],
)
def test_a_wrong_shape_says_which_axis(actual, expected, words):
    assert words in gap(actual, expected) and bool(words) == bool(gap(actual, expected))


def test_a_wrong_result_says_which_axis():
    assert "The axes 0 and 1 are exchanged" in told(
        check.sinusoidal(lambda length, d_model: torch.zeros(d_model, length))
    )


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda q, k, v, mask: q, "Return two tensors: out, attn_weights. <lambda> returns one tensor."),
        (lambda q, k, v, mask: (q, k, v), "returns 3 things"),
        (lambda q, k, v, mask: [q, 1.0], "What stands for attn_weights is 1.0"),
        (lambda q, k, v, mask: {"out": q}, "returns a dict"),
    ],
)
def test_two_tensors_are_asked_for_properly(answer, words):
    assert words in check.attention(answer).message
