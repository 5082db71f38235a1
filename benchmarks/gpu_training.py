"""How well a GPU is used: one big model, and many tiny ones.

1. GPT-2's 124 M shape in bf16: tokens/s and model FLOP utilisation. The ceiling is measured, not read
   from a data sheet: a large bf16 matrix product on the same GPU.
2. The lab's tiny models: models · steps per second, stacked against one by one.

    gpt2lab bench gpu_training                 # needs a CUDA GPU; says so and stops without one

A step has 6 FLOP per parameter and token in the matrices, and 12 · n_layers · d_model · T per token in
the attention (Chowdhery et al. 2022, "PaLM", appendix B; the causal half is counted whole, as there).
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import torch
from _timing import Row, arguments, provenance, report

from gpt2lab.ablations import build
from gpt2lab.config import GPT2Config
from gpt2lab.model import GPT2
from gpt2lab.studies.lab.rows import ROWS
from gpt2lab.tasks import get_task
from gpt2lab.training import TrainConfig, train
from gpt2lab.training.optimizer import clip_gradients, make_optimizer
from gpt2lab.training.stacked import train_stacked

B, T = 32, 1024
MODELS, STEPS = 64, 50


def timed(run: Callable[[], object], repeats: int = 15) -> float:
    """Median seconds of one call, after two to warm up."""
    seconds = []
    for i in range(repeats + 2):
        torch.cuda.synchronize()
        start = time.perf_counter()
        run()
        torch.cuda.synchronize()
        if i >= 2:
            seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def matmul_ceiling(n: int = 8192) -> float:
    """FLOP/s of a bf16 product of two n × n matrices."""
    a, b = (torch.randn(n, n, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    return 2 * n**3 / timed(lambda: a @ b)


def gpt2_step(compiled: bool) -> tuple[float, float]:
    """Tokens/s and FLOP/s of training the 124 M shape: forward, backward, clipping, AdamW."""
    config = GPT2Config(dropout=0.0)
    model = GPT2(config).cuda().train()
    forward = torch.compile(model) if compiled else model
    optimizer = make_optimizer(model, 1e-4, 0.1)
    tokens = torch.randint(config.vocab_size, (B, T + 1), device="cuda")

    def step() -> None:
        with torch.autocast("cuda", torch.bfloat16):
            logits = forward(tokens[:, :-1])  # (B, T, vocab_size)
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
        loss.backward()
        clip_gradients(model, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    speed = B * T / timed(step)
    in_matrices = model.n_parameters() - model.position_embedding.weight.numel()
    return speed, speed * (6 * in_matrices + 12 * config.n_layers * config.d_model * T)


def lab_speed(stacked: bool) -> float:
    """Models · steps per second for the lab's standard row."""
    row = ROWS["parts/gpt2"]
    task = get_task(row.task)
    config = GPT2Config.tiny(vocab_size=task.encoding.n_vocab, context_length=task.length, **row.shape)
    run = TrainConfig(**{**row.training, "steps": STEPS, "eval_every": STEPS}, device="cuda", progress=False)
    count = MODELS if stacked else 2
    models = [build(row.variant, config, seed) for seed in range(count)]
    start = time.perf_counter()
    if stacked:
        train_stacked(models, task, run, range(count))
    else:
        for model in models:
            train(model, task, run)
    return count * STEPS / (time.perf_counter() - start)


def main() -> int:
    arguments(__doc__)
    if not torch.cuda.is_available():
        print(f"This benchmark needs a CUDA GPU; torch {torch.__version__} sees none. Nothing was measured.")
        return 0
    origin = {**provenance(), "device": torch.cuda.get_device_name()}
    ceiling = matmul_ceiling()
    more: dict[str, float] = {"matmul ceiling, TFLOP/s": ceiling / 1e12}
    rows: list[Row] = []
    for compiled in (False, True):
        name = "124 M, bf16" + (", torch.compile" if compiled else "")
        speed, flops = gpt2_step(compiled)
        more |= {f"{name}: tokens/s": speed, f"{name}: share of the ceiling": flops / ceiling}
        rows.append({
            "name": f"{name}: a step against the same FLOP as one matrix product", "ours_s": B * T / speed,
            "theirs_s": B * T / speed * flops / ceiling, "ratio": flops / ceiling, "target": 0.5,
            "met": flops / ceiling >= 0.5,
        })  # fmt: skip
    lab_speed(True), lab_speed(False)  # warm up
    together, alone = lab_speed(True), lab_speed(False)
    more |= {"lab, stacked: models·steps/s": together, "lab, one by one: models·steps/s": alone}
    rows.append({
        "name": f"lab: one model for one step, {MODELS} stacked against one by one", "ours_s": 1 / together,
        "theirs_s": 1 / alone, "ratio": together / alone, "target": 5.0, "met": together / alone >= 5.0,
    })  # fmt: skip
    return report("gpu_training", rows, origin, False, **more)


if __name__ == "__main__":
    sys.exit(main())
