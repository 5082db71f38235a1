"""The check of an experiment: settings that make RoPE learn pass, others are told what their run shows.

One real training for settings that succeed and one for settings that fail; for the rest a run is made up.
"""

import importlib

import pytest

from gpt2lab import check
from gpt2lab.errors import DivergenceError
from gpt2lab.training import History, TrainConfig

module = importlib.import_module("gpt2lab.check.rope_lab")
GOOD = {"steps": 600, "batch_size": 32, "learning_rate": 1e-2, "warmup_steps": 30, "weight_decay": 0.01}


def pretend(monkeypatch, accuracy=0.5, loss=(2.0, 1.5, 1.0, 0.5)):
    """Let every run have this result."""
    history = History(loss=[value for value in loss for _ in range(10)], evaluations=[{"accuracy": accuracy}])
    monkeypatch.setattr(module, "measure", lambda config: history)


def test_a_rate_of_its_own_makes_it_learn_and_the_course_s_default_does_not():
    assert check.rope_lab(lambda: TrainConfig(**GOOD)).passed
    slow = check.rope_lab(TrainConfig(**{**GOOD, "learning_rate": 1e-3, "steps": 300}))
    assert slow.passed is False and "are used: train longer, or faster" in slow.message, slow


@pytest.mark.parametrize(
    "settings", [TrainConfig(**GOOD), lambda: TrainConfig(**GOOD), lambda: TrainConfig(steps=300, batch_size=64)]
)
def test_settings_or_a_function_that_makes_them(monkeypatch, settings):
    pretend(monkeypatch, accuracy=0.99)
    assert check.rope_lab(settings).passed


@pytest.mark.parametrize("accuracy", [0.98, 1.0])
def test_the_target_is_enough(monkeypatch, accuracy):
    pretend(monkeypatch, accuracy)
    assert check.rope_lab(TrainConfig(**GOOD)).passed


@pytest.mark.parametrize(
    ("change", "loss", "words"),
    [
        ({"steps": 601}, (2.0, 1.0), "the budget is 19,200"),
        ({"batch_size": 64}, (2.0, 1.0), "are 38,400 sequences"),
        ({"warmup_steps": 600}, (2.0, 1.0), "never reaches its peak"),
        ({"steps": 100}, (2.0, 1.5, 1.0, 0.5), "only 3,200 of 19,200 sequences"),
        ({"learning_rate": 1e-3}, (2.0, 1.5, 1.0, 0.5), "each step may go farther"),
        ({"learning_rate": 0.3}, (2.0, 1.0, 1.0, 1.0), "such large steps"),
        ({}, (2.0, 1.0, 1.0, 1.0), "Compare several learning rates"),
    ],
)
def test_a_run_that_fails_is_told_what_it_shows(monkeypatch, change, loss, words):
    pretend(monkeypatch, accuracy=0.979, loss=loss)
    result = check.rope_lab(TrainConfig(**{**GOOD, **change}))
    assert result.passed is False and words in result.message, result


def test_an_explosion_is_one_sentence(monkeypatch):
    def explode(config):
        raise DivergenceError(step=7, loss=99.0, advice="")

    monkeypatch.setattr(module, "measure", explode)
    result = check.rope_lab(TrainConfig(**GOOD))
    assert "The loss explodes at step 7" in result.message, result


@pytest.mark.parametrize("settings", [lambda: 5, lambda: {"steps": 5}, lambda: TrainConfig])
def test_what_is_no_setting_is_refused(settings):
    assert "Return the settings, TrainConfig" in check.rope_lab(settings).message


def test_where_it_runs_and_what_it_stores_is_set_by_the_check(monkeypatch, tmp_path):
    used = []
    monkeypatch.setattr(module, "train", lambda model, task, config: used.append(config) or History())
    module.measure(TrainConfig(**GOOD, folder=tmp_path, device="cuda", compile=True, precision="bf16", eval_every=1))
    assert (used[0].folder, used[0].device, used[0].compile, used[0].progress) == (None, "cpu", False, False)
    assert used[0].precision == "fp32" and used[0].eval_every == 600 and used[0].learning_rate == 1e-2
