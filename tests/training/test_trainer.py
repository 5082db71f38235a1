"""The training loop: it learns, it is exact, it stops when it must."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, fields

import numpy as np
import pytest
import torch
from torch import nn

from gpt2lab import GPT2Config
from gpt2lab.ablations import build
from gpt2lab.errors import CheckpointError, DivergenceError
from gpt2lab.tasks import IGNORE, get_task
from gpt2lab.training import TrainConfig, perplexity, train
from gpt2lab.training.checkpoint import FILE
from gpt2lab.training.config import TrainSettings
from gpt2lab.training.optimizer import clip_gradients, learning_rate_at, make_optimizer, parameter_groups

TASK = get_task("sort")  # 18 tokens, T = 16


def tiny(dropout: float = 0.0, seed: int = 0):
    config = GPT2Config.tiny(vocab_size=18, context_length=16, d_model=16, n_heads=2, n_layers=1, dropout=dropout)
    return build("gpt2", config, seed)


def settings(**changes):
    standard = dict(steps=12, batch_size=8, warmup_steps=3, eval_every=6, eval_sequences=16, progress=False)
    return TrainConfig(**{**standard, **changes})


def same_weights(a: nn.Module, b: nn.Module) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def test_learns_and_reports() -> None:
    model = tiny()
    history = train(model, TASK, settings(steps=60, batch_size=32, learning_rate=1e-2))
    assert history.steps == 60 and len(history.learning_rate) == 60 and len(history.grad_norm) == 60
    assert history.tokens == 60 * 32 * 16 and history.tokens_per_second > 0
    assert [e["step"] for e in history.evaluations] == [6 * i for i in range(1, 11)]
    assert history.evaluations[-1]["loss"] < 0.8 * math.log(18)
    assert not model.training


def test_loss_is_the_mean_over_scored_tokens() -> None:
    model = tiny()
    inputs, targets = TASK.batch(8, torch.Generator().manual_seed(0))
    logp = model(inputs).log_softmax(-1)
    by_hand = -torch.stack([logp[b, t, targets[b, t]] for b in range(8) for t in range(16) if targets[b, t] != IGNORE])
    history = train(model, TASK, settings(steps=1))
    torch.testing.assert_close(history.loss[0], by_hand.mean().item(), atol=1e-5, rtol=0)


def test_does_not_touch_the_callers_random_numbers() -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    train(tiny(dropout=0.1), TASK, settings(steps=2))
    torch.testing.assert_close(torch.rand(3), expected, atol=0, rtol=0)


@pytest.mark.parametrize("parts", [2, 4])
def test_accumulation_gives_the_gradient_of_the_whole_batch(parts: int) -> None:
    brackets = get_task("brackets")  # each sequence has another number of scored tokens
    config = GPT2Config.tiny(vocab_size=8, context_length=23, d_model=16, n_heads=2, n_layers=1)
    a = train(build("gpt2", config), brackets, settings(steps=20))
    b = train(build("gpt2", config), brackets, settings(steps=20, accumulation=parts))
    torch.testing.assert_close(a.loss, b.loss, atol=1e-5, rtol=0)


def test_schedule_by_hand() -> None:
    rates = [learning_rate_at(step, 110, peak=2.0, warmup_steps=10, floor=0.1) for step in range(111)]
    torch.testing.assert_close(rates[:10], [0.2 * i for i in range(1, 11)], atol=1e-12, rtol=0)
    assert rates[10] == 2.0 and max(rates) == 2.0
    torch.testing.assert_close(rates[60], 2.0 * (0.1 + 0.9 * 0.5), atol=1e-12, rtol=0)  # half-way down the cosine
    torch.testing.assert_close(rates[110], 0.2, atol=1e-12, rtol=0)
    assert learning_rate_at(0, 10, peak=1.0, warmup_steps=0) == 1.0


def test_only_matrices_decay() -> None:
    model = tiny()
    matrices, vectors = parameter_groups(model, 0.1)
    assert matrices["weight_decay"] == 0.1 and vectors["weight_decay"] == 0.0
    assert all(p.ndim == 2 for p in matrices["params"]) and all(p.ndim == 1 for p in vectors["params"])
    assert len(matrices["params"]) + len(vectors["params"]) == len(list(model.parameters()))
    optimizer = make_optimizer(model, 0.1, 0.5)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    optimizer.step()
    torch.testing.assert_close(model.blocks[0].ffn.up.weight, before["blocks.0.ffn.up.weight"] * (1 - 0.1 * 0.5))
    torch.testing.assert_close(model.ln_f.weight, before["ln_f.weight"], atol=0, rtol=0)


def test_one_step_of_adamw_by_hand() -> None:
    layer = nn.Linear(1, 1, bias=False)
    nn.init.constant_(layer.weight, 2.0)
    optimizer = make_optimizer(layer, learning_rate=0.1, weight_decay=0.01, betas=(0.9, 0.95))
    layer.weight.grad = torch.tensor([[3.0]])
    optimizer.step()  # at the first step m̂ = g and v̂ = g², so the step is lr · sign(g)
    torch.testing.assert_close(layer.weight.item(), 2.0 * (1 - 0.1 * 0.01) - 0.1, atol=1e-6, rtol=0)


def test_clipping_shortens_all_gradients_together() -> None:
    layer = nn.Linear(2, 1)
    layer.weight.grad, layer.bias.grad = torch.tensor([[3.0, 0.0]]), torch.tensor([4.0])
    torch.testing.assert_close(clip_gradients(layer, None).item(), 5.0)
    torch.testing.assert_close(layer.bias.grad, torch.tensor([4.0]), atol=0, rtol=0)
    torch.testing.assert_close(clip_gradients(layer, 1.0).item(), 5.0)
    torch.testing.assert_close(layer.weight.grad, torch.tensor([[0.6, 0.0]]), atol=1e-5, rtol=0)
    torch.testing.assert_close(layer.bias.grad, torch.tensor([0.8]), atol=1e-5, rtol=0)


def test_half_precision_stays_near_full() -> None:
    losses = {p: train(tiny(), TASK, settings(steps=10, precision=p)).loss for p in ("fp32", "bf16", "fp16")}
    assert losses["bf16"] != losses["fp32"] != losses["fp16"]  # the rounding is really there
    torch.testing.assert_close(losses["bf16"], losses["fp32"], atol=0.03, rtol=0)
    torch.testing.assert_close(losses["fp16"], losses["fp32"], atol=0.01, rtol=0)


def test_clipping_sees_true_gradients_under_fp16() -> None:
    """Loss scaling multiplies gradients by 65,536; the reported norm must not show it."""
    full = train(tiny(), TASK, settings(steps=5)).grad_norm
    half = train(tiny(), TASK, settings(steps=5, precision="fp16")).grad_norm
    torch.testing.assert_close(half, full, atol=0.01, rtol=0.05)


def test_divergence_stops_with_step_and_loss(tmp_path) -> None:
    with pytest.raises(DivergenceError, match=r"diverged at step \d+ with a loss of .* nats: try a learning rate") as e:
        train(tiny(), TASK, settings(steps=60, learning_rate=300.0, warmup_steps=0, folder=tmp_path / "a"))
    assert e.value.step <= 60 and not e.value.loss <= 3 * math.log(18)
    assert e.value.checkpoint is None and not (tmp_path / "a" / FILE).exists()


def test_divergence_keeps_the_last_good_checkpoint(tmp_path) -> None:
    model = tiny()

    def sabotage(step, history):
        if step == 7:
            with torch.no_grad():
                model.token_embedding.weight.mul_(torch.nan)

    with pytest.raises(DivergenceError, match="step 8 with a loss of nan.*last good checkpoint") as e:
        train(model, TASK, settings(folder=tmp_path, checkpoint_every=2), on_step=sabotage)
    assert e.value.checkpoint == tmp_path / FILE
    resumed, straight = tiny(), tiny()
    train(resumed, TASK, settings(folder=tmp_path, checkpoint_every=2, resume=True))
    train(straight, TASK, settings())
    assert same_weights(resumed, straight)


def test_learning_by_heart_is_not_divergence(tmp_path) -> None:
    """Without a feed-forward network the training sums are memorised; held-out ones get very wrong."""

    class Liar(type(TASK)):
        def evaluate(self, model, n=512, seed=12345, split="held_out"):
            scores = super().evaluate(model, n, seed, split)
            return {**scores, "loss": 100.0} if split == "held_out" else scores

    history = train(tiny(), Liar(), settings(folder=tmp_path, checkpoint_every=6))
    assert history.steps == 12 and (tmp_path / FILE).exists()


def test_the_check_before_a_checkpoint_asks_for_no_more_cases_than_there_are(tmp_path) -> None:
    modular = get_task("modular")
    config = GPT2Config.tiny(vocab_size=modular.encoding.n_vocab, context_length=4, d_model=16, n_heads=2, n_layers=1)
    run = settings(steps=1, folder=tmp_path, eval_sequences=modular.n_train + 1)
    assert train(build("gpt2", config), modular, run).steps == 1 and (tmp_path / FILE).is_file()


def test_a_checkpoint_is_only_written_when_its_own_weights_work(tmp_path) -> None:
    """A step can look fine and leave ruined weights; they must not replace the good checkpoint."""
    model = tiny()
    real = torch.optim.AdamW.step

    def ruin(optimizer, *args, **kwargs):
        real(optimizer, *args, **kwargs)
        if len(optimizer.state) and next(iter(optimizer.state.values()))["step"] == 6:
            with torch.no_grad():
                model.ln_f.weight.fill_(1e4)

    torch.optim.AdamW.step, saved = ruin, real
    try:
        with pytest.raises(DivergenceError, match="step 6"):
            train(model, TASK, settings(folder=tmp_path, checkpoint_every=3, eval_every=100))
    finally:
        torch.optim.AdamW.step = saved
    train(resumed := tiny(), TASK, settings(folder=tmp_path, checkpoint_every=3, eval_every=100, resume=True))
    train(straight := tiny(), TASK, settings(eval_every=100))
    assert same_weights(resumed, straight)


@pytest.mark.parametrize(
    "changes, message",
    [
        (dict(steps=0), "steps must be a whole number of at least 1, got 0"),
        (dict(batch_size=0), "batch_size must be a whole number"),
        (dict(learning_rate=-1.0), "learning_rate must be a positive number, got -1.0"),
        (dict(learning_rate=math.nan), "learning_rate must be a positive number, got nan"),
        (dict(precision="int8"), "precision must be one of fp32, bf16, fp16, got 'int8'"),
        (dict(clip_norm=0), "clip_norm must be a positive number, or None"),
        (dict(batch_size=10, accumulation=4), "divisible by accumulation, got 10 and 4"),
        (dict(resume=True), "resume needs the folder"),
        (dict(warmup_steps=-1), "warmup_steps must be a whole number of at least 0"),
        (dict(floor=2), "floor is a fraction"),
        (dict(seed="a"), "seed must be a whole number of at least 0, got 'a'"),
        (dict(betas=(0.9,)), "betas must be two numbers"),
        (dict(betas=0.9), "betas must be two numbers"),
        (dict(betas=(0.9, 1.0)), "betas must be two numbers"),
        (dict(diverged_at=-1), "diverged_at must be a positive number"),
        (dict(diverged_at=math.nan), "diverged_at must be a positive number"),
        (dict(learning_rate=True), "learning_rate must be a positive number, got True"),
        (dict(precision=["fp32"]), "precision must be one of"),
        (dict(steps=2.5), "steps must be a whole number of at least 1, got 2.5"),
        (dict(device=0), "device must be auto, cpu, cuda, cuda:N or mps, got 0"),
        (dict(compile="yes"), "compile must be True or False, got 'yes'"),
        (dict(progress=None), "progress must be True or False, got None"),
        (dict(folder=3), "folder must be a path, or None for no checkpoints, got 3"),
    ],
)
def test_settings_without_meaning(changes, message) -> None:
    with pytest.raises(ValueError, match=message):
        settings(**changes)


def test_numbers_of_numpy_become_those_of_python() -> None:
    """JSON, in which a checkpoint stores its settings, knows no others."""
    given = dict(steps=np.int64(12), seed=np.int32(3), learning_rate=np.float32(0.5), betas=[np.float32(0.5), 0.75])
    config = settings(**given)
    assert (config.steps, config.seed, config.learning_rate, config.betas) == (12, 3, 0.5, (0.5, 0.75))
    assert json.loads(json.dumps(asdict(config)))["learning_rate"] == 0.5


def test_stored_settings_have_the_types_of_the_config() -> None:
    stored = {name: hint.__forward_arg__ for name, hint in TrainSettings.__annotations__.items()}
    assert stored == {field.name: field.type for field in fields(TrainConfig)}


def test_calls_that_cannot_work(tmp_path) -> None:
    with pytest.raises(ValueError, match="task 'reference' has .* tokens, but the model's vocab_size is 18"):
        train(tiny(), get_task("reference"), settings())
    with pytest.raises(ValueError, match="sequences of 23 tokens, but the model's context_length is 16"):
        train(tiny(), get_task("brackets"), settings())
    modular = get_task("modular")
    model = build("gpt2", GPT2Config.tiny(vocab_size=modular.encoding.n_vocab))
    with pytest.raises(ValueError, match=rf"batch_size 2000 is larger than the data.*{modular.n_train} cases"):
        train(model, modular, settings(batch_size=2000))
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="device 'cuda' was asked for, but torch .* sees no CUDA GPU; use cpu"):
            train(tiny(), TASK, settings(device="cuda"))
    with pytest.raises(ValueError, match="device must be auto, cpu, cuda, cuda:N or mps, got 'gpu'"):
        train(tiny(), TASK, settings(device="gpu"))
    with pytest.raises(CheckpointError, match="there is no checkpoint to resume from"):
        train(tiny(), TASK, settings(folder=tmp_path, resume=True))


def test_perplexity() -> None:
    torch.testing.assert_close(perplexity(math.log(18)), 18.0)


def test_on_step_can_stop_early() -> None:
    assert train(tiny(), TASK, settings(), on_step=lambda step, history: step == 4).steps == 4
