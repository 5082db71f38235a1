"""Two processes that share a batch learn what one process learns from the whole of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from gpt2lab import GPT2Config
from gpt2lab.ablations import build
from gpt2lab.tasks import get_task
from gpt2lab.training import TrainConfig, train
from gpt2lab.training.device import resolve_device
from gpt2lab.training.distributed import Processes

TASK = get_task("brackets")  # sequences with different numbers of scored tokens
SHAPE = GPT2Config.tiny(vocab_size=8, context_length=23, d_model=16, n_heads=2, n_layers=1)
RUN = dict(steps=50, batch_size=16, warmup_steps=5, eval_sequences=16, progress=False, learning_rate=3e-3)

PROCESS = """
import json, os, sys
import torch
torch.set_num_threads(1)
sys.path[:0] = ["tests/helpers", "tests/training"]
from test_distributed import RUN, SHAPE, TASK, TrainConfig, build, train
folder = sys.argv[1]
extra = json.loads(sys.argv[2])
model = build("gpt2", SHAPE, seed=int(os.environ["RANK"]))  # different weights: the first process's count
history = train(model, TASK, TrainConfig(**RUN, **extra))
with open(f"{folder}/{os.environ['RANK']}.json", "w") as file:
    json.dump({"loss": history.loss, "norm": history.grad_norm, "weights": model.ln_f.weight.tolist()}, file)
"""

needs_gloo = pytest.mark.skipif(not (dist.is_available() and dist.is_gloo_available()), reason="needs gloo")


def two_processes(where: Path, **extra) -> list[dict]:
    root = Path(__file__).parents[2]
    script = where / "process.py"
    script.write_text(PROCESS)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*command, str(script), str(where), json.dumps(extra)], cwd=root, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads((where / f"{rank}.json").read_text()) for rank in range(2)]


@needs_gloo
@pytest.mark.parametrize("accumulation", [1, 2])
def test_two_processes_give_the_loss_curve_of_one(tmp_path: Path, accumulation: int) -> None:
    one = train(build("gpt2", SHAPE, seed=0), TASK, TrainConfig(**RUN))
    first, second = two_processes(tmp_path, accumulation=accumulation)
    assert first == second
    torch.testing.assert_close(first["loss"], one.loss, atol=1e-5, rtol=0)
    torch.testing.assert_close(first["norm"], one.grad_norm, atol=1e-4, rtol=1e-4)


@needs_gloo
def test_two_processes_write_one_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    two_processes(tmp_path, folder=str(tmp_path / "run"), checkpoint_every=20)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["checkpoint.safetensors"]


def test_each_process_takes_its_rows() -> None:
    rows = torch.arange(8)[:, None]
    shares = [Processes(rank, 2).share(rows) for rank in range(2)]
    torch.testing.assert_close(torch.cat(shares), rows)
    with pytest.raises(ValueError, match="batch_size must be divisible by the 3 processes, got 8"):
        Processes(0, 3).share(rows)


def test_devices() -> None:
    assert resolve_device("auto").type in ("cpu", "cuda")
    with pytest.raises(ValueError, match="device must be auto, cpu, cuda, cuda:N or mps, got 'meta'"):
        resolve_device("meta")
