"""The panels of the training chapter, driven from Python: schedules, live training, the lab."""

import io
import itertools
import math
import threading
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from gpt2lab.studies.lab import Curves
from gpt2lab.studies.lab.rows import ROWS
from gpt2lab.tasks import get_task
from gpt2lab.widgets import train_panel
from gpt2lab.widgets.lab_panel import LabPanel
from gpt2lab.widgets.schedule_panel import KINDS, SchedulePanel
from gpt2lab.widgets.train_panel import TrainPanel


def contrast(panel) -> float:
    return float(np.asarray(Image.open(io.BytesIO(panel.png)).convert("L"), dtype=float).std())


# Schedules


@pytest.mark.parametrize("kind", KINDS)
def test_rates_stay_between_zero_and_the_highest(kind):
    panel = SchedulePanel(kind=kind, steps=300, warmup=30)
    rates = [panel.at(step) for step in range(300)]
    assert min(rates) >= 0 and max(rates) == 1.0
    assert contrast(panel) > 20


def test_schedules_agree_with_torchs_own():
    panel = SchedulePanel(kind="step", steps=400)
    weight = torch.nn.Parameter(torch.zeros(()))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=100, gamma=0.5)
    for step in range(400):
        torch.testing.assert_close(panel.at(step), scheduler.get_last_lr()[0], atol=1e-12, rtol=0)
        optimizer.step()
        scheduler.step()


def test_the_schedule_of_2017():
    """d_model^-0.5 · min(step^-0.5, step · warmup^-1.5), divided by its highest value; steps from 1."""
    panel = SchedulePanel(kind="inverse square root (2017)", steps=1000, warmup=100)
    for step in (1, 50, 100, 101, 400, 1000):
        expected = min(step**-0.5, step * 100**-1.5) / 100**-0.5
        torch.testing.assert_close(panel.at(step - 1), expected, atol=1e-12, rtol=1e-9)


def test_the_schedule_of_2017_without_a_warm_up_falls_from_the_first_step():
    panel = SchedulePanel(kind="inverse square root (2017)", steps=1000, warmup=0)
    for step in (1, 4, 100):  # step^-0.5, which is at its highest in step 1
        torch.testing.assert_close(panel.at(step - 1), step**-0.5, atol=1e-12, rtol=1e-9)


def test_warm_up_rises_and_cosine_ends_near_zero():
    panel = SchedulePanel(steps=1000, warmup=100)
    assert panel.at(0) == 0.01 and panel.at(99) == 1.0 and panel.at(999) < 1e-4
    torch.testing.assert_close(panel.at(550), 0.5, atol=1e-9, rtol=0)


def test_a_shorter_run_takes_the_warm_up_along():
    panel = SchedulePanel(steps=2000, warmup=900)
    panel.steps = 100
    assert panel.warmup == 50
    with pytest.raises(ValueError, match="warmup must be a whole number from 0 to 50, got 51"):
        panel.warmup = 51
    panel.warmup = 0
    assert panel.at(0) == 1.0


# Live training


@pytest.fixture(scope="module")
def trained():
    panel = TrainPanel("reverse", steps=200)
    assert repr(panel.result) == "reverse, GPT-2 as it is: not trained yet"
    panel.run()
    return panel


def test_it_learns_what_the_chapter_says(trained):
    assert trained.result.accuracy >= 0.95 and trained.result.step == 200
    again = get_task("reverse").evaluate(trained.model, 256, seed=99)
    assert again["accuracy"] >= 0.95  # other cases than the panel's
    assert contrast(trained) > 20


def test_the_picture_moves_but_not_too_often(monkeypatch):
    ticks = itertools.count()
    monkeypatch.setattr(train_panel, "time", SimpleNamespace(monotonic=lambda: 0.125 * next(ticks)))
    panel = TrainPanel("reverse", steps=20)
    panel.run()
    # Each step takes an eighth of a second by this clock, so every fifth is more than half a second later.
    assert panel.redraws == 1 + 20 // 5 + 1  # at the start, on the way, at the end


def test_a_run_is_repeatable():
    runs = []
    for _ in range(2):
        panel = TrainPanel("sort", steps=20)
        panel.run()
        runs.append((repr(panel.result), panel.history.loss))
    assert runs[0] == runs[1]


def test_a_new_setting_throws_the_model_away():
    panel = TrainPanel("reverse", steps=20)
    panel.run()
    assert panel.result.step == 20
    panel.seed = 1
    assert panel.result.step == 0 and panel.model is None and "not trained yet" in repr(panel) + repr(panel.result)


def test_start_and_stop_in_the_background(monkeypatch):
    panel = TrainPanel("brackets", steps=2000)
    begun = threading.Event()

    def train(model, task, config, on_step):
        def wait_after_the_first(step, history):
            begun.set()
            panel._stopping.wait()
            return on_step(step, history)

        try:
            return real_train(model, task, config, on_step=wait_after_the_first)
        finally:
            begun.set()  # also if no step came

    real_train = train_panel.train
    monkeypatch.setattr(train_panel, "train", train)
    panel._button.click()
    begun.wait()
    assert panel.training and panel._button.description == "Stop"
    panel._button.click()
    assert not panel.training and panel.result.step == 1
    assert panel._button.description == "Train again"
    assert f"{panel.result.step} of 2000 steps" in repr(panel.result)


def test_changing_a_setting_ends_a_run_in_the_background():
    panel = TrainPanel("brackets", steps=2000)
    panel.start()
    panel.steps = 20
    assert not panel.training and panel.result.step == 0
    panel.run()
    assert panel.result.step == 20


def test_without_a_mask_generation_is_told():
    panel = TrainPanel("reverse", variant="no-mask", steps=20)
    assert "which it can read in its input; without them 0.0" in repr(panel.run())


def test_an_explosion_is_one_sentence():
    panel = TrainPanel("reverse", variant="no-layernorm", rate=0.3, steps=200, seed=0)
    assert "Traceback" not in repr(panel.run())
    assert panel.result.accuracy < 0.5 or math.isnan(panel.result.accuracy)


@pytest.mark.parametrize(("name", "value"), [("task", "poetry"), ("steps", 0), ("rate", 2.0), ("variant", "no-thing")])
def test_bad_settings_are_one_sentence(name, value):
    with pytest.raises(ValueError, match=f"{name} must be"):
        TrainPanel(**{name: value})


# The lab


def curves(name, final, generated=None):
    eval_steps = np.array([50, 100])
    accuracy = np.array([[0.0] * len(final), final])
    scores = {"accuracy": accuracy, "token_accuracy": accuracy, "loss": 2 - accuracy}
    if generated:
        scores["generated_accuracy"] = np.array([generated])
        scores["generated_token_accuracy"] = np.array([generated])
    facts = {"seeds": len(final), "device": "cpu", "training": {"learning_rate": 0.01}}
    tuning = {"rates": [0.001, 0.01], "seeds": [100], "scores": [[0.1], [0.2]]}
    return Curves(ROWS[name], facts, tuning, np.array([100]), np.ones((1, len(final))), eval_steps, scores)


@pytest.fixture
def lab():
    nan = math.nan
    rows = [
        curves("parts/gpt2", [1.0, 1.0, 0.9]),
        curves("parts/no-residual", [0.2, 0.8, 0.4]),
        curves("parts/no-mask", [1.0, 1.0, 1.0], generated=[0.1, 0.0, 0.2]),
        curves("rate/gpt2-0.001", [1.0, 0.9, 1.0]),
        curves("rate/gpt2-0.003", [1.0, nan, 0.5]),
        curves("rate/gpt2-0.01", [nan, nan, nan]),
        curves("heads/1", [0.5, 0.5, 0.5]),
    ]
    return LabPanel({c.row.name: c for c in rows})


def test_median_and_range(lab):
    assert lab.part == "no-residual" and lab.parts() == ("no-residual", "no-mask")
    assert repr(lab.result).splitlines()[1:] == [
        "  GPT-2 as it is                     1.00 (0.90 to 1.00)",
        "  no residual sums                   0.40 (0.20 to 0.80)",
    ]
    assert contrast(lab) > 20


def test_rows_with_different_numbers_of_seeds():
    panel = LabPanel({c.row.name: c for c in (curves("parts/gpt2", [1.0] * 10), curves("parts/relu", [1.0] * 5))})
    assert "of 5 to 10 seeds" in repr(panel.result)
    assert any(text.get_text().startswith("5 to 10 seeds, task") for text in panel.draw().texts)


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("depth/without-4", "depth/with-4"),  # not one layer: two things would differ
        ("depth/with-4", "depth/with-1"),  # the first of its depth
        ("mask/sort-no-mask", "mask/sort-gpt2"),
        ("rate/post-ln-0.01", "rate/gpt2-0.01"),
        ("heads/16", "heads/1"),
    ],
)
def test_a_row_is_compared_with_one_that_differs_in_one_thing(part, other):
    panel = LabPanel(group=part.split("/")[0], part=part.split("/")[1])
    assert (panel.baseline.row.name, panel.row.row.name) == (other, part)
    assert panel.result.rows[0][0].startswith(panel.baseline.row.title)


def test_the_menu_speaks_as_the_axis_does(lab):
    assert lab.control("score").options[0] == ("letters right", "token_accuracy")
    lab.control("score").value = "accuracy"
    assert lab.score == "accuracy" and lab.draw().axes[0].get_ylabel() == "sequences all right"
    lab.score = "loss"
    assert lab.control("score").label == "held-out loss, nats"


def test_two_tasks_are_named():
    panel = LabPanel(group="order", part="sort-gpt2")
    assert any("task reverse and sort" in text.get_text() for text in panel.draw().texts)


def test_only_groups_with_something_to_compare(lab):
    assert lab.groups() == ("parts", "rate")
    with pytest.raises(ValueError, match="group must be one of 'parts', 'rate', got 'heads'"):
        lab.group = "heads"
    with pytest.raises(ValueError, match="LabPanel needs a table with two rows"):
        LabPanel({"parts/gpt2": curves("parts/gpt2", [1.0])})


def test_another_group_brings_its_own_rows(lab):
    lab.group = "rate"
    assert lab.part == "gpt2-0.003" and lab.control("part").options == ("gpt2-0.003", "gpt2-0.01")
    lab.control("part").value = "gpt2-0.01"
    assert lab.part == "gpt2-0.01" and lab.message == ""


@pytest.mark.filterwarnings("error")
def test_seeds_that_diverged_are_counted(lab):
    lab.group = "rate"
    for score in ("accuracy", "loss", "token_accuracy"):
        lab.score = score
        lab.part = "gpt2-0.01"
        assert "all diverged" in repr(lab.result)
        lab.part = "gpt2-0.003"
        assert "1 diverged" in repr(lab.result)


def test_a_model_that_reads_its_answers_is_judged_by_generation(lab):
    lab.part = "no-mask"
    assert repr(lab.result).splitlines()[2] == "  no causal mask, writing            0.10 (0.00 to 0.20)"
    assert len(lab.table().rows) == 3
    assert repr(lab.table()["no-mask"].letters.tolist()) == "[0.1, 0.0, 0.2]"


def test_the_picture_says_at_which_rate(lab):
    assert any("rate 0.01" in text.get_text() for text in lab.draw().texts)
