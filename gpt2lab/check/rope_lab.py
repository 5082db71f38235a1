"""Check for an experiment: training settings with which a model with rotary positions learns a task.

With settings that suit GPT-2 as it is, the model with RoPE learns late or not at all. The exercise is to find
settings of its own within the same budget. What is checked is the measured result, not a formula.
"""

from __future__ import annotations

from dataclasses import replace

from gpt2lab.ablations import build
from gpt2lab.check.base import Answer, CheckResult, Wrong, describe
from gpt2lab.check.learner import Learner, examine
from gpt2lab.config import GPT2Config
from gpt2lab.errors import DivergenceError, validates
from gpt2lab.tasks.reverse import Reverse
from gpt2lab.training import History, TrainConfig, train

BUDGET = 19_200  # sequences: 600 steps of 32
TARGET = 0.98  # share of held-out sequences that must be right from start to end
LETTERS, ALPHABET = 6, "abcdefgh"


@validates
def rope_lab(settings: Answer | TrainConfig) -> CheckResult:
    """``my_settings()`` -> TrainConfig, or the TrainConfig itself: make the model with RoPE reverse six letters.

    It trains a model of 2 layers and width 32 from a fixed seed for some seconds, on the CPU. At most
    ``BUDGET`` sequences (steps times batch size) may be used, and ``TARGET`` of the held-out sequences must
    come out right. Where it runs and what it stores is set by the check.
    """
    given = (lambda: settings) if isinstance(settings, TrainConfig) else settings
    return examine("rope_lab", given, "", _experiment)


def _experiment(learner: Learner) -> None:
    config = learner()
    if config is TrainConfig:
        raise Wrong("TrainConfig is the class of the settings, and has none itself. Call it: TrainConfig(…).")
    if isinstance(config, dict):
        raise Wrong("Return the settings, not a dict: TrainConfig(…) takes them, with ** in front of your dict.")
    if isinstance(config, History):
        raise Wrong("This is the course of a training. Return the settings, TrainConfig(…); the check trains itself.")
    if not isinstance(config, TrainConfig):
        raise Wrong(f"Return the settings, TrainConfig(…); got {describe(config)}.")
    spent = config.steps * config.batch_size
    if spent > BUDGET:
        raise Wrong(
            f"{config.steps} steps of {config.batch_size} sequences are {spent:,} sequences; the budget is {BUDGET:,}, the "
            "same for every variant."
        )
    if config.warmup_steps >= config.steps:
        raise Wrong(
            f"The warm-up takes {config.warmup_steps} of {config.steps} steps: the learning rate never reaches its peak."
        )
    try:
        history = measure(config)
    except DivergenceError as error:
        raise Wrong(
            f"The loss explodes at step {error.step}: a learning rate of {config.learning_rate:g} is too high for these settings."
        ) from None
    right = float(history.evaluations[-1]["accuracy"])
    if right < TARGET:
        raise Wrong(
            f"{right:.0%} of the held-out sequences come out right, {TARGET:.0%} are wanted. {_advice(config, history, spent)}"
        )


def measure(config: TrainConfig) -> History:
    """Train the model of the exercise with these settings, and evaluate it once, at the end."""
    task = Reverse(LETTERS, ALPHABET)
    model = build("rope", GPT2Config.tiny(vocab_size=task.encoding.n_vocab, context_length=task.length), seed=0)
    fixed = replace(
        config, device="cpu", compile=False, folder=None, resume=False, progress=False, precision="fp32",
        eval_every=config.steps, eval_sequences=256, diverged_at=3.0,
    )  # fmt: skip
    return train(model, task, fixed)


def _advice(config: TrainConfig, history: History, spent: int) -> str:
    """What the loss curve says about the settings."""
    quarter = max(1, len(history.loss) // 4)
    before = sum(history.loss[-2 * quarter : -quarter]) / quarter
    last = sum(history.loss[-quarter:]) / quarter
    if last < 0.97 * before and spent <= 0.8 * BUDGET:
        return (
            f"The loss is still falling, and only {spent:,} of {BUDGET:,} sequences are used: train longer, or faster."
        )
    if last < 0.97 * before and config.learning_rate < 6e-3:
        return "The loss is still falling when the budget is used up: each step may go farther."
    if last >= 0.97 * before and config.learning_rate > 2e-2:
        return "The loss has stopped falling: such large steps jump about the place where it would fall."
    return "Compare several learning rates, from 0.001 to 0.1, and look at their loss curves."
