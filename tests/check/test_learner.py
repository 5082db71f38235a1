"""Hostile and broken answers: one sentence each, and nothing of torch's settings stays changed."""

import functools
import math
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from gpt2lab import check, figures
from gpt2lab.check.base import Wrong, as_number, as_truth


class AddsF:
    def __call__(self, x, f):
        return x + f(x)


class Empty:
    def __call__(self, x, f): ...


class BrokenSignature(AddsF):
    __signature__ = "none"


class BadRepr:
    def __repr__(self):
        raise RuntimeError("no repr")


class BadWords(Exception):
    def __str__(self):
        raise RuntimeError("no words")


def keyword_only(x, *, f):
    return x + f(x)


def with_a_bad_default(x, y, f, z=BadRepr()):  # noqa: B008
    return x


def add(extra, x, f):
    return x + f(x) + extra


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: x, "must take (x, f); yours takes (x)."),
        (lambda: 1, "must take (x, f); yours takes ()."),
        (keyword_only, "yours takes (x, *, f)."),
        (with_a_bad_default, "yours takes (x, y, f, z)."),
        (lambda x, *rest, f: x, "yours takes (x, *rest, f)."),
        (functools.partial(add, 0, 1), "add must take (x, f); yours takes (f)."),
        (dict.fromkeys, "fromkeys must return a tensor, got a dict"),
        (AddsF, "AddsF is a class"),
        (int, "int is a class"),
    ],
)
def test_a_signature_that_does_not_fit_is_one_sentence(function, message):
    result = check.residual(function)
    assert result.passed is False and message in result.message, result


@pytest.mark.parametrize("function", [functools.partial(add, 0), AddsF(), AddsF().__call__, BrokenSignature()])
def test_what_can_be_called_counts_as_a_function(function):
    assert check.residual(function).passed


@pytest.mark.parametrize("function", [Empty(), functools.partial(lambda extra, x, f: None, 0)])
def test_an_empty_body_is_seen_through_an_object_and_a_partial(function):
    assert repr(check.residual(function)) == "not done yet"


def test_a_builtin_without_a_signature_is_tried():
    assert "min stops with" in check.residual(min).message


def stops(error):
    def my_residual(x, f):
        raise error

    return my_residual


class OwnBase(BaseException):
    pass


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (BadWords(), "with BadWords: no message."),
        (SystemExit(1), "with SystemExit: it would end the whole notebook"),
        (OwnBase("away"), "with OwnBase: away."),
        (GeneratorExit(), "with GeneratorExit: no message."),
        (RecursionError("deep"), "with RecursionError: deep."),
    ],
)
def test_any_exception_of_an_answer_is_one_sentence(error, message):
    result = check.residual(stops(error))
    assert result.passed is False and message in result.message, result


def test_an_interrupt_by_the_person_passes_through():
    with pytest.raises(KeyboardInterrupt):
        check.residual(stops(KeyboardInterrupt()))


def test_a_long_message_of_an_exception_is_cut():
    assert len(check.residual(stops(ValueError("x" * 10_000))).message) < 600


def with_change(change):
    def my_residual(x, f):
        change()
        return x + f(x)

    return my_residual


SETTINGS = (torch.is_grad_enabled, torch.get_default_dtype, torch.get_num_threads)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda: torch.set_grad_enabled(False), "switches gradients off for the whole notebook"),
        (lambda: torch.set_default_dtype(torch.float64), "changes torch's default dtype to torch.float64"),
        (lambda: torch.set_num_threads(torch.get_num_threads() + 1), "changes the number of torch's threads to"),
    ],
)
def test_settings_of_torch_are_put_back(change, message):
    before = [setting() for setting in SETTINGS]
    result = check.residual(with_change(change))
    assert [setting() for setting in SETTINGS] == before
    assert message in result.message, result


def test_settings_are_put_back_after_an_exception_too():
    def my_residual(x, f):
        torch.set_grad_enabled(False)
        torch.set_default_dtype(torch.float64)
        raise KeyboardInterrupt

    before = [setting() for setting in SETTINGS]
    with pytest.raises(KeyboardInterrupt):
        check.residual(my_residual)
    assert [setting() for setting in SETTINGS] == before


def test_random_numbers_go_on_as_if_there_had_been_no_check():
    def draw():
        return random.random(), float(np.random.rand()), float(torch.rand(()))

    def seeds():
        random.seed(5)
        np.random.seed(5)
        torch.manual_seed(5)

    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    expected = draw()
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    check.residual(with_change(seeds))
    assert draw() == expected


def in_place_weights(weights, tokens, n_layers, n_heads):
    weights["ln_f.bias"] += 1
    return tokens


def in_place_words(words):
    words.popitem()
    return ("a", "b")


def in_place_slopes(slopes, residual):
    slopes.append(1.0)
    return 1.0


def nan_away(scores):
    scores[scores == -torch.inf] = -1e9
    return scores.softmax(-1)


@pytest.mark.parametrize(
    ("name", "answer", "argument"),
    [
        ("from_weights", in_place_weights, "weights"),
        ("bpe_pair", in_place_words, "words"),
        ("gradient", in_place_slopes, "slopes"),
        ("softmax", nan_away, "scores"),
    ],
)
def test_an_argument_changed_in_place_is_said(name, answer, argument):
    result = getattr(check, name)(answer)
    assert f"changes its argument {argument} in place" in result.message, result


COUNTING = ["block_parameters", "first_loss", "flops_per_token", "gradient", "kv_cache_bytes", "learning_rate",
            "parameter_count", "perplexity", "residual_scale"]  # fmt: skip


@pytest.mark.parametrize("name", COUNTING)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**400, torch.tensor(math.nan), np.float64("inf")])
def test_a_count_that_is_no_finite_number_is_one_sentence(name, value):
    result = getattr(check, name)(lambda *a: value)
    assert result.passed is False and result.message.startswith("Return "), result
    assert "is something divided by 0" in result.message


@pytest.mark.parametrize("name", COUNTING)
@pytest.mark.parametrize(
    "value", [True, np.True_, torch.tensor(True), "7", None, 1j, torch.zeros(2), np.zeros(2), [1.0], BadRepr()]
)
def test_a_count_that_is_no_number_is_one_sentence(name, value):
    result = getattr(check, name)(lambda *a: value if value is not None else (None,))
    assert result.passed is False and result.message.startswith("Return "), result


@pytest.mark.parametrize(
    "value", [2, 2.0, np.float32(2), np.int64(2), np.array(2.0), np.array([2]), torch.tensor(2), torch.tensor([[2.0]]),
              torch.tensor(2.0, requires_grad=True)]
)  # fmt: skip
def test_a_number_is_a_number_in_every_dress(value):
    assert as_number(value) == 2.0


@pytest.mark.parametrize("value", [True, np.True_, torch.tensor(True), torch.tensor([True]), np.array(True)])
def test_a_truth_is_a_truth_in_every_dress(value):
    assert as_truth(value) is True


@pytest.mark.parametrize("value", [1, 0.0, "yes", torch.tensor([True, False]), torch.tensor(1.0), None])
def test_what_is_no_truth_is_refused(value):
    with pytest.raises(Wrong, match="Return True or False"):
        as_truth(value)


@pytest.mark.parametrize("value", [np.zeros(2), np.array(["a", "b"]), {"a": 1}, "xyz", ("a",), ("a", 1), BadRepr()])
def test_a_pair_that_is_none_is_one_sentence(value):
    result = check.bpe_pair(lambda words: value)
    assert "Return one pair, a tuple of two pieces; got " in result.message, result


def test_a_result_that_cannot_be_compared_is_one_sentence():
    result = check.residual(lambda x, f: (x + f(x)).to_sparse())
    assert result.passed is False and "cannot be compared" in result.message, result


def samples(temperature):
    def my_greedy(model, tokens, n):
        for _ in range(n):
            weights = (model(tokens)[:, -1] / temperature).softmax(-1)
            tokens = torch.cat([tokens, torch.multinomial(weights, 1)], dim=1)
        return tokens

    return my_greedy


@pytest.mark.parametrize("temperature", [1.0, 0.1, 0.01])
def test_sampling_is_not_greedy_at_any_temperature_in_use(temperature):
    result = check.greedy(samples(temperature))
    assert result.passed is False and "drawn at random" in result.message, result


def prefixes_differ(model, tokens, vocab_size):
    """Whether the logits of a prefix change when the rest of the text is there as well."""
    full = model(tokens)
    return any(not torch.allclose(model(tokens[:, :t]), full[:, :t], atol=1e-6) for t in range(1, tokens.shape[1]))


def longer_texts_differ(model, tokens, vocab_size):
    """Whether logits change with what stands behind them, the text after the last token included."""
    longer = torch.cat([tokens, tokens.flip(1)], dim=1)
    full = model(longer)
    return any(not torch.allclose(model(longer[:, :t]), full[:, :t], atol=1e-6) for t in range(1, longer.shape[1]))


def test_a_leak_may_be_looked_for_with_longer_texts():
    assert check.leaks(longer_texts_differ).passed, check.leaks(longer_texts_differ)


def test_a_leak_may_be_looked_for_with_prefixes():
    assert check.leaks(prefixes_differ).passed, check.leaks(prefixes_differ)


def old_stream(x, attn, ffn, ln_1, ln_2):
    y = x + attn(ln_1(x))
    return x + ffn(ln_2(y))


def test_a_second_sum_on_the_old_stream_is_recognised():
    assert "The second sum adds to the old x" in check.block(old_stream).message


def test_a_block_that_is_not_recognised_is_not_told_the_solution():
    message = check.block(lambda x, attn, ffn, ln_1, ln_2: 3 * x).message
    assert "There are two sums" in message and "x + attn" not in message


def test_figures_stand_below_panels_and_explorer():
    folder = Path(figures.__file__).parent
    for path in folder.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "gpt2lab.widgets" not in text and "gpt2lab.explorer" not in text, path.name
