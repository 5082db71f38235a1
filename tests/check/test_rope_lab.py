"""The check of an experiment: settings that make RoPE learn pass, others are told what their run shows.

One real training for settings that succeed and one for settings that fail; for the rest a run is made up.
"""

import dataclasses
import importlib

import made_up_runs
from teeth import bite

from gpt2lab import check
from gpt2lab.training import History, TrainConfig

module = importlib.import_module("gpt2lab.check.rope_lab")
GOOD = {"steps": 600, "batch_size": 32, "learning_rate": 1e-2, "warmup_steps": 30, "weight_decay": 0.01}


def settings(**change):
    return lambda: TrainConfig(**{**GOOD, **change})


def from_a_dict():
    return TrainConfig(**GOOD)


def large_batches():
    return TrainConfig(steps=300, batch_size=64, learning_rate=2e-2, warmup_steps=20)


def changed():
    return dataclasses.replace(TrainConfig(steps=600), batch_size=32, learning_rate=1e-2, warmup_steps=0)


RIGHT = {"rope_lab": [from_a_dict, large_batches, changed, TrainConfig(**GOOD)]}
WRONG = {
    "rope_lab": [
        (settings(steps=601), "the budget is 19,200"),
        (settings(batch_size=64), "are 38,400 sequences"),
        (settings(warmup_steps=600), "never reaches its peak"),
        (settings(steps=100, learning_rate=0.011), "only 3,200 of 19,200 sequences"),
        (settings(learning_rate=1e-3), "each step may go farther"),
        (settings(learning_rate=0.3), "such large steps"),
        (settings(learning_rate=0.012), "Compare several learning rates"),
        (settings(learning_rate=9.0), "The loss explodes at step 7"),
        (lambda: GOOD, "with ** in front of your dict"),
        (lambda: TrainConfig, "Call it: TrainConfig(…)."),
        (lambda: (600, 32, 1e-2), "got (600, 32, 0.01)"),
        (lambda: made_up_runs.REAL(TrainConfig(steps=1, batch_size=1, progress=False)), "the check trains itself"),
        (lambda: TrainConfig(**GOOD, rotary=True), "stops at"),
    ]
}
test_accepts, test_refuses, test_messages_differ = bite(RIGHT, WRONG)


def test_a_rate_of_its_own_makes_it_learn_and_the_course_s_default_does_not(monkeypatch):
    monkeypatch.setattr(module, "measure", made_up_runs.REAL)
    assert check.rope_lab(TrainConfig(**{**GOOD, "steps": 300, "batch_size": 64})).passed
    slow = check.rope_lab(TrainConfig(**{**GOOD, "learning_rate": 3e-3, "steps": 100}))
    assert slow.passed is False and "are used: train longer, or faster" in slow.message, slow


def test_where_it_runs_and_what_it_stores_is_set_by_the_check(monkeypatch, tmp_path):
    used = []
    monkeypatch.setattr(module, "train", lambda model, task, config: used.append(config) or History())
    made_up_runs.REAL(TrainConfig(**GOOD, folder=tmp_path, device="cuda", compile=True, precision="bf16", eval_every=1))
    assert (used[0].folder, used[0].device, used[0].compile, used[0].progress) == (None, "cpu", False, False)
    assert used[0].precision == "fp32" and used[0].eval_every == 600 and used[0].learning_rate == 1e-2
