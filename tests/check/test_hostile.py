"""Whatever an answer does, a check says one sentence, and afterwards everything is as it was.

Each check gets its own right answer, with something done to it: what it returns, or what it does besides.
"""

import contextlib
import importlib
import io
import math
import os
import random
import sys
import threading
import warnings
from collections.abc import Mapping

import numpy as np
import pytest
import torch
from teeth import CHECKS, answers

from gpt2lab import check
from gpt2lab.check import learner, patience
from gpt2lab.check.sandbox import MOST_PRINTED, copy_of

RULING = "deep " * 20


def right_answer(name):
    """A right answer, as a function or as a tuple of them."""
    return answers()[name].right[0]


def hostile(answer, after=lambda result, arguments: result):
    """The answer, and then ``after`` with its result."""

    def my_answer(*arguments):
        return after(answer(*arguments), arguments)

    return my_answer


def ask(name, answer, after):
    """What a check says of a right answer that does something besides; where it takes several, all do."""
    made = tuple(hostile(one, after) for one in (answer if isinstance(answer, tuple) else (answer,)))
    return getattr(check, name)(*made)


def is_one_sentence(result):
    """One line of text, not too long, nothing of Python's own way of complaining."""
    assert result.passed is False, result
    assert 10 < len(result.message) < 900, result
    assert "\n" not in result.message and "Traceback" not in result.message, result
    assert "cannot be compared" not in result.message, result
    return result.message


def each(change):
    """Do something to all tensors and numbers of a result, wherever they are."""

    def changed(value):
        if isinstance(value, Mapping):
            return {key: changed(part) for key, part in value.items()}
        if isinstance(value, (tuple, list)):
            return type(value)(changed(part) for part in value)
        return change(value)

    return lambda result, arguments: changed(result)


def to_nan(value):
    if isinstance(value, torch.Tensor):
        return torch.full(value.shape, math.nan)
    return math.nan if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def is_numeric(name):
    return name not in {"bpe_pair", "dropout_test", "layer_norm_test", "leaks", "rope_lab", "shapes"}


@pytest.mark.parametrize("name", [name for name in CHECKS if is_numeric(name)])
def test_nan_is_one_sentence(name):
    message = is_one_sentence(ask(name, right_answer(name), each(to_nan)))
    assert "NaN" in message or "got nan" in message or name in {"greedy", "causal_mask", "left_padding_mask"}, message


RETURNED = {
    "None": None,
    "a text": "right",
    "nothing in a list": [],
    "a nested list": [[1.0, 2.0]],
    "a dict": {"out": 1.0},
    "a set": {1, 2},
    "a complex number": 1j,
    "a huge number": 10**400,
    "a function": len,
    "the module": torch,
    "a meta tensor": torch.empty(2, 3, device="meta"),
    "a sparse tensor": torch.eye(3).to_sparse(),
    "a complex tensor": torch.ones(2, 3, dtype=torch.complex64),
    "an empty tensor": torch.zeros(0),
    "an array of objects": np.array([None, "a"], dtype=object),
}


@pytest.mark.parametrize("name", CHECKS)
def test_a_result_of_another_kind_is_one_sentence(name):
    for what, value in RETURNED.items():
        result = ask(name, right_answer(name), lambda result, arguments, value=value: value)
        assert result.passed is False and 10 < len(result.message) < 900, (what, result)
        assert "\n" not in result.message and "Traceback" not in result.message, (what, result)


def with_an_axis(value):
    return value[None] if isinstance(value, torch.Tensor) else value


def with_axes_exchanged(value):
    return value.transpose(0, -1) if isinstance(value, torch.Tensor) and value.ndim > 1 else value


def cut(value):
    return value[:-1] if isinstance(value, torch.Tensor) and value.ndim else value


# A number or a truth may come in a tensor of any shape, and statistics may keep their axis.
NUMBERS = {"dropout_test", "layer_norm_test", "next_token_loss", "perplexity", "refutation", "token_statistics"}


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize("change", [with_an_axis, with_axes_exchanged, cut])
def test_a_result_of_another_shape_is_one_sentence(name, change):
    seen = []
    for_all = each(lambda value: (changed := change(value), seen.append(changed is not value))[0])
    result = ask(name, right_answer(name), for_all)
    if any(seen) and (name not in NUMBERS or change is not with_an_axis):
        is_one_sentence(result)


def raises(result, arguments):
    raise ValueError("a line\nand another one")


@pytest.mark.parametrize("name", CHECKS)
def test_an_answer_that_raises_is_one_sentence(name):
    message = is_one_sentence(ask(name, right_answer(name), raises))
    assert "stops at" in message and "ValueError: a line. It was called with" in message


def prints(result, arguments):
    for _ in range(100):
        print("x" * 10_000)
    return result


@pytest.mark.parametrize("name", CHECKS)
def test_an_answer_that_prints_a_megabyte_is_one_sentence(name, capsys):
    message = is_one_sentence(ask(name, right_answer(name), prints))
    assert "prints more than 50,000 characters" in message
    shown = capsys.readouterr().out
    assert 40_000 < len(shown) <= MOST_PRINTED


def endless(result, arguments):
    while True:
        result = result  # noqa: PLW0127


@pytest.mark.parametrize("name", CHECKS)
def test_an_answer_without_an_end_is_one_sentence(name, monkeypatch):
    monkeypatch.setattr(learner, "SECONDS", 0.0)
    monkeypatch.setattr(importlib.import_module("gpt2lab.check.experiment"), "MINUTES", 0)
    monkeypatch.setattr(patience, "SECONDS", 0.01)  # how often the watcher looks
    message = is_one_sentence(ask(name, right_answer(name), endless))
    assert "does not end: after 0 s it was at `" in message


def spoil(value):
    """Change a tensor or a container in place; False if there is nothing to change."""
    if isinstance(value, torch.Tensor) and value.numel() and not value.requires_grad:
        value.copy_(~value if value.dtype == torch.bool else value + 1)
    elif isinstance(value, list) and value:
        value.append(value[0])
    elif isinstance(value, dict) and value:
        value.pop(next(iter(value)))
    else:
        return False
    return True


def spoils(result, arguments):
    # The result may be a view of an argument.
    kept = result.clone() if isinstance(result, torch.Tensor) else result
    any(spoil(value) for value in arguments)
    return kept


MAY_IGNORE = {("leaks", 1), ("refutation", 0)}  # other tokens show a leak as well; not all that is measured is random


def with_fixed(answer, place):
    """The answer, with the argument at this place as it was in the first call."""
    first = []

    def my_answer(*arguments):
        first.append(copy_of(arguments[place]))
        return answer(*arguments[:place], copy_of(first[0]), *arguments[place + 1 :])

    return my_answer


@pytest.mark.parametrize("name", [name for name in CHECKS if name not in {"by_hand", "experiment", "rope_lab"}])
def test_an_answer_in_which_an_argument_is_fixed_is_refused(name):
    """No size, no number and no part may be fixed in the function."""
    right, counts = right_answer(name), []
    ask(name, right, lambda result, arguments: (counts.append(len(arguments)), result)[1])
    for place in range(max(counts)):
        if (name, place) not in MAY_IGNORE:
            result = getattr(check, name)(with_fixed(right, place))
            assert result.passed is False, place


WITHOUT = {  # checks whose arguments cannot be changed, or may be
    "alibi_bias", "block_parameters", "causal_mask", "clip", "descend", "dropout_test", "experiment", "f1",
    "first_loss", "flops_per_token", "kv_cache_bytes", "layer_norm_test", "learning_rate", "nudge", "parameter_count",
    "refutation", "residual_scale", "rope_lab", "shapes", "sinusoidal", "training_loop",
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name in CHECKS if name not in WITHOUT])
def test_an_answer_that_changes_its_arguments_is_one_sentence(name):
    message = is_one_sentence(ask(name, right_answer(name), spoils))
    assert "changes its argument" in message and "in place" in message


CHANGES = {
    "gradients": (lambda: torch.set_grad_enabled(not torch.is_grad_enabled()), "switches gradients"),
    "dtype": (lambda: torch.set_default_dtype(torch.float64), "torch's default dtype to torch.float64"),
    "device": (lambda: torch.set_default_device("meta"), "torch's default device to meta"),
    "threads": (lambda: torch.set_num_threads(torch.get_num_threads() + 1), "the number of torch's threads"),
    "determinism": (lambda: torch.use_deterministic_algorithms(True), "deterministic algorithms on"),
    "precision": (lambda: torch.set_float32_matmul_precision("medium"), "precision of matrix products to 'medium'"),
    "numpy": (lambda: np.seterr(all="raise"), "what NumPy says about overflow"),
    "warnings": (lambda: warnings.simplefilter("ignore"), "which warnings are shown"),
    "folder": (lambda: os.chdir("/"), "changes the current folder of the notebook"),
    "recursion": (lambda: sys.setrecursionlimit(5000), "Python's limit of recursion to 5000"),
}


def state():
    """What a notebook relies on."""
    torch_s = (
        torch.is_grad_enabled(), torch.get_default_dtype(), torch.get_default_device(), torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.get_float32_matmul_precision(), torch.get_rng_state().tolist(), torch._C._len_torch_function_stack(),
    )  # fmt: skip
    others = (
        np.geterr(), str(np.random.get_state()), list(warnings.filters), os.getcwd(),
        sys.getrecursionlimit(), id(sys.stdout), id(sys.stderr),
    )  # fmt: skip
    return torch_s, others


@pytest.mark.parametrize("name", CHECKS)
def test_settings_that_an_answer_changes_are_put_back(name):
    ask(name, right_answer(name), lambda result, arguments: result)  # what it imports may set its own warnings
    before = state()
    for what, (change, words) in CHANGES.items():
        message = is_one_sentence(ask(name, right_answer(name), lambda result, arguments, do=change: (do(), result)[1]))
        assert words in message, (what, message)
        assert state() == before, what


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.parametrize("end", [ValueError("x"), SystemExit(1), KeyboardInterrupt()])
def test_settings_are_put_back_however_an_answer_ends(what, end):
    def my_answer(x, f):
        CHANGES[what][0]()
        raise end

    before = state()
    with contextlib.suppress(KeyboardInterrupt):
        check.residual(my_answer)
    assert state() == before


def test_streams_that_an_answer_replaces_are_put_back():
    def my_answer(x, f):
        sys.stdout = sys.stderr = io.StringIO()
        return x + f(x)

    before = state()
    assert check.residual(my_answer).passed
    assert state() == before


def seeds(result, arguments):
    random.seed(5), np.random.seed(5), torch.manual_seed(5)
    return result


@pytest.mark.parametrize("name", [name for name in CHECKS if name != "dropout"])
def test_an_answer_may_draw_and_seed_and_the_numbers_go_on(name):
    ask(name, right_answer(name), lambda result, arguments: result)  # what it imports may set its own warnings
    before, drawn = state(), random.getstate()
    assert ask(name, right_answer(name), seeds).passed
    assert state() == before
    # The checker of types draws from Python's numbers where a check hands containers on before it begins.
    assert random.getstate() == drawn or name in {"dropout_test", "layer_norm_test"}


def test_a_module_that_an_answer_imports_may_set_its_own_warnings(monkeypatch):
    """Its filters belong to it, whoever imports it first."""

    def my_answer(x, f):
        monkeypatch.setitem(sys.modules, "imported_example", sys)
        warnings.filterwarnings("ignore", message=RULING)
        return x + f(x)

    with warnings.catch_warnings():
        assert check.residual(my_answer).passed
        assert any(RULING in str(entry) for entry in warnings.filters)


def test_an_answer_that_catches_what_stops_its_printing_is_told():
    def my_answer(x, f):
        for _ in range(10):
            with contextlib.suppress(Exception):
                print("x" * 10_000)
        return x + f(x)

    with contextlib.redirect_stdout(io.StringIO()) as shown:
        assert "prints more than 50,000 characters" in check.residual(my_answer).message
    assert len(shown.getvalue()) == MOST_PRINTED


def test_an_answer_may_print_a_little(capsys):
    def my_answer(x, f):
        print("shape", tuple(x.shape), file=sys.stdout, flush=True)
        return x + f(x)

    assert check.residual(my_answer).passed
    assert capsys.readouterr().out.count("shape (2, 5, 8)\n") == 3


def stubborn(x, f):
    while True:
        try:
            x = x + f(x)
        except Exception:
            continue


def test_an_answer_that_catches_every_exception_is_stopped_as_well(monkeypatch):
    monkeypatch.setattr(learner, "SECONDS", 0.0)
    monkeypatch.setattr(patience, "SECONDS", 0.01)
    assert "does not end" in check.residual(stubborn).message


def test_a_call_that_is_over_is_not_stopped_later(monkeypatch):
    """Each call has its own time, and what has not arrived is taken back."""
    monkeypatch.setattr(patience, "SECONDS", 0.0)
    with patience.Patience() as watching:
        for _ in range(200):
            with contextlib.suppress(patience.TooLong), watching.lasts(0.0):
                pass
        sum(range(100_000))  # nothing arrives here
        with watching.lasts(60.0):
            sum(range(100_000))


def test_who_goes_step_by_step_has_all_the_time():
    def stepped():
        sys._getframe().f_trace = lambda *event: None  # what a debugger leaves in a frame
        return patience.is_debugged(threading.get_ident())

    assert not patience.is_debugged(threading.get_ident())
    assert stepped()


def test_the_watcher_ends_with_the_check():
    before = threading.active_count()
    check.residual(lambda x, f: x)
    assert threading.active_count() == before


def interrupted(x, f):
    y = f(x)
    raise KeyboardInterrupt
    return y


def test_an_interrupt_stays_one_and_says_where_the_answer_was():
    with pytest.raises(
        KeyboardInterrupt, match=r"interrupted was interrupted at `raise KeyboardInterrupt`\."
    ) as caught:
        check.residual(interrupted)
    assert caught.value._render_traceback_() == [str(caught.value)]
