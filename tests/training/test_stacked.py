"""Training many at once gives what training one by one gives."""

from __future__ import annotations

import math

import pytest
import torch

from gpt2lab import GPT2Config
from gpt2lab.ablations import VARIANTS, build
from gpt2lab.tasks import get_task
from gpt2lab.training import TrainConfig, train
from gpt2lab.training.stacked import train_stacked

TASK = get_task("sort")
SHAPE = GPT2Config.tiny(vocab_size=18, context_length=16, d_model=16, n_heads=2, n_layers=2)
RUN = dict(
    steps=15,
    batch_size=8,
    warmup_steps=3,
    eval_every=5,
    eval_sequences=16,
    progress=False,
    learning_rate=3e-3,
)


@pytest.mark.parametrize("variant", VARIANTS)
def test_stacked_is_one_by_one(variant: str) -> None:
    seeds = [0, 1]
    models = [build(variant, SHAPE, seed) for seed in seeds]
    history = train_stacked(models, TASK, TrainConfig(**RUN), seeds)
    for i, seed in enumerate(seeds):
        alone = build(variant, SHAPE, seed)
        expected = train(alone, TASK, TrainConfig(**RUN, seed=seed))
        torch.testing.assert_close([row[i] for row in history.loss], expected.loss, atol=1e-4, rtol=1e-4)
        assert history.eval_steps == [evaluation["step"] for evaluation in expected.evaluations]
        for mine, theirs in zip(history.scores["loss"], expected.evaluations, strict=True):
            torch.testing.assert_close(mine[i], theirs["loss"], atol=1e-4, rtol=1e-4)
        x = TASK.batch(4, torch.Generator().manual_seed(0))[0]
        torch.testing.assert_close(models[i](x), alone(x), atol=2e-3, rtol=2e-3)


def test_each_model_has_its_own_rate() -> None:
    seeds, rates = [0, 1, 1], [1e-3, 3e-2, 1e-2]
    models = [build("gpt2", SHAPE, seed) for seed in seeds]
    history = train_stacked(models, TASK, TrainConfig(**{**RUN, "learning_rate": 0.5}), seeds, rates=rates)
    for i, (seed, rate) in enumerate(zip(seeds, rates, strict=True)):
        alone = build("gpt2", SHAPE, seed)
        expected = train(alone, TASK, TrainConfig(**{**RUN, "learning_rate": rate, "seed": seed}))
        torch.testing.assert_close([row[i] for row in history.loss], expected.loss, atol=1e-4, rtol=1e-4)
    with pytest.raises(ValueError, match="one rate per model, got 3 models and 2 rates"):
        train_stacked(models, TASK, TrainConfig(**RUN), seeds, rates=[0.1, 0.2])


def test_a_training_without_a_bar_knows_how_long_it_took() -> None:
    assert train_stacked([build("gpt2", SHAPE)], TASK, TrainConfig(**{**RUN, "steps": 1}), [0]).seconds > 0


def test_one_that_diverges_leaves_the_others_alone() -> None:
    models = [build("gpt2", SHAPE, seed) for seed in (0, 1)]
    with torch.no_grad():
        models[1].ln_f.weight.fill_(math.nan)
    history = train_stacked(models, TASK, TrainConfig(**RUN), [0, 1])
    expected = train(build("gpt2", SHAPE, 0), TASK, TrainConfig(**RUN))
    torch.testing.assert_close([row[0] for row in history.loss], expected.loss, atol=1e-4, rtol=1e-4)
    assert all(math.isnan(row[1]) for row in history.loss)


def test_each_is_clipped_by_its_own_norm() -> None:
    config = TrainConfig(**{**RUN, "clip_norm": 0.05})
    models = [build("gpt2", SHAPE, seed) for seed in (0, 1)]
    with torch.no_grad():
        models[1].ln_f.weight.mul_(30.0)  # large gradients here must not shorten those of the other
    history = train_stacked(models, TASK, config, [0, 1])
    expected = train(build("gpt2", SHAPE, 0), TASK, config)
    torch.testing.assert_close([row[0] for row in history.loss], expected.loss, atol=1e-4, rtol=1e-4)


def test_vectors_do_not_decay_although_their_stack_is_a_matrix() -> None:
    models = [build("gpt2", SHAPE, seed) for seed in (0, 1)]
    run = TrainConfig(**{**RUN, "steps": 1, "warmup_steps": 0, "learning_rate": 0.1, "weight_decay": 5.0})
    train_stacked(models, TASK, run, [0, 1])
    for model in models:  # one step of AdamW is at most the learning rate; the decay would halve the gain
        torch.testing.assert_close(model.ln_f.weight, torch.ones(16), atol=0.11, rtol=0)


@pytest.mark.parametrize(
    "changes, message",
    [
        (dict(precision="bf16"), "supports precision='fp32' only, got 'bf16'; use train"),
        (dict(accumulation=2), "supports accumulation=1 only"),
    ],
)
def test_what_only_train_can_do(changes, message) -> None:
    with pytest.raises(ValueError, match=message):
        train_stacked([build("gpt2", SHAPE)], TASK, TrainConfig(**{**RUN, **changes}), [0])


def test_models_must_fit_together() -> None:
    with pytest.raises(ValueError, match="one seed per model, got 1 models and 2 seeds"):
        train_stacked([build("gpt2", SHAPE)], TASK, TrainConfig(**RUN), [0, 1])
    with pytest.raises(ValueError, match="one class and one config"):
        train_stacked([build("gpt2", SHAPE), build("gpt2", SHAPE.with_(n_layers=1))], TASK, TrainConfig(**RUN), [0, 1])
    with pytest.raises(ValueError, match="without dropout"):
        train_stacked([build("gpt2", SHAPE.with_(dropout=0.1))], TASK, TrainConfig(**RUN), [0])
