"""Two processes that share a batch learn what one process learns from the whole of it."""

from __future__ import annotations

import contextlib
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
from gpt2lab.training.distributed import Processes, processes

TASK = get_task("brackets")  # sequences with different numbers of scored tokens
SHAPE = GPT2Config.tiny(vocab_size=8, context_length=23, d_model=16, n_heads=2, n_layers=1)
RUN = dict(steps=50, batch_size=16, warmup_steps=5, eval_sequences=16, progress=False, learning_rate=3e-3)

RUNS = {"whole": {}, "in parts": {"accumulation": 2}}

PROCESS = """
import json, os, sys
import torch
torch.set_num_threads(1)
sys.path[:0] = ["tests/helpers", "tests/training"]
from test_distributed import RUN, RUNS, SHAPE, TASK, TrainConfig, build, train
folder, rank = sys.argv[1], int(os.environ["RANK"])
results = {}
for name, extra in RUNS.items():
    model = build("gpt2", SHAPE, seed=rank)  # different weights: the first process's count
    saving = dict(folder=f"{folder}/run", checkpoint_every=20) if name == "whole" else {}
    history = train(model, TASK, TrainConfig(**RUN, **extra, **saving))
    results[name] = {"loss": history.loss, "norm": history.grad_norm, "weights": model.ln_f.weight.tolist()}
with open(f"{folder}/{rank}.json", "w") as file:
    json.dump(results, file)
"""

needs_gloo = pytest.mark.skipif(not (dist.is_available() and dist.is_gloo_available()), reason="needs gloo")


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Path:
    """The folder of two processes that trained several times; starting them is what takes the time."""
    root, where = Path(__file__).parents[2], tmp_path_factory.mktemp("two")
    script = where / "process.py"
    script.write_text(PROCESS)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--local-addr", "127.0.0.1"]
    command += ["--nproc-per-node", "2"]
    done = subprocess.run(
        [*command, str(script), str(where)], cwd=root, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return where


@needs_gloo
@pytest.mark.parametrize("name", RUNS)
def test_two_processes_give_the_loss_curve_of_one(shared: Path, name: str) -> None:
    one = train(build("gpt2", SHAPE, seed=0), TASK, TrainConfig(**RUN))
    first, second = (json.loads((shared / f"{rank}.json").read_text())[name] for rank in range(2))
    assert first == second
    torch.testing.assert_close(first["loss"], one.loss, atol=1e-5, rtol=0)
    torch.testing.assert_close(first["norm"], one.grad_norm, atol=1e-4, rtol=1e-4)


@needs_gloo
def test_two_processes_write_one_checkpoint(shared: Path) -> None:
    assert [path.name for path in (shared / "run").iterdir()] == ["checkpoint.safetensors"]


def test_gradients_are_averaged_with_the_last_part_only() -> None:
    """What saves the messages between processes; the sums are the same either way."""
    model, asked = torch.nn.Linear(1, 1), []

    class Shared(torch.nn.parallel.DistributedDataParallel):
        def __init__(self) -> None:
            torch.nn.Module.__init__(self)

        def no_sync(self):
            asked.append("no_sync")
            return contextlib.nullcontext()

    for parallel, more, expected in ((Shared(), True, ["no_sync"]), (Shared(), False, []), (model, True, [])):
        asked.clear()
        with Processes(0, 2).without_averaging(parallel, more):
            assert asked == expected


@needs_gloo
def test_a_group_that_somebody_else_made_is_used_and_left_as_it_is(tmp_path: Path, monkeypatch) -> None:
    meeting = (tmp_path / "meeting").as_uri()
    dist.init_process_group("gloo", init_method=meeting, rank=0, world_size=1)
    monkeypatch.setattr(dist, "get_world_size", lambda: 2)  # as if another one had joined
    try:
        group, _ = processes(torch.device("cpu"))
        assert group == Processes(0, 2)
        assert dist.is_initialized()
    finally:
        dist.destroy_process_group()


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
