"""Data parallel training with two real processes, small enough for a notebook.

    two_process_losses(steps=3)        # {"one": [...], "two": [...]}

Both runs are the same call of ``train`` on the same data. In the second, two processes share every
batch and average their gradients. ``torch.multiprocessing`` starts them, ends the second if the
first fails, and passes the error on; they find each other through a file, so no network port is needed.
A process of its own does this, so that nothing they print reaches the notebook.
"""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import torch.distributed as dist
import torch.multiprocessing

from gpt2lab.errors import validates
from gpt2lab.tasks import get_task
from gpt2lab.training import TrainConfig, train
from gpt2lab.zoo.recipes import Preset

TASK = "brackets"
COUNT = 2
LIMIT = 120  # seconds that a process waits for the other one before it gives up
LOOPBACK = {"linux": "lo", "darwin": "lo0"}  # the network card that only this computer sees
MEETING, LOSSES = "meeting", "losses.json"  # files in the folder that the processes share


@validates
def two_process_losses(steps: int = 3) -> dict[str, list[float]]:
    """Train the same model with one process and with two.

    Parameters
    ----------
    steps : int
        1 or more, with a global batch of 16 sequences.

    Returns
    -------
    dict of list of float
        ``one`` and ``two``: the loss of each step in nats, over the whole batch.

    Raises
    ------
    ValueError
        If ``steps`` is not a whole number of at least 1.
    RuntimeError
        If this torch cannot join processes, or a process fails; the message says how.
    """
    config = _config(steps)
    if not (dist.is_available() and dist.is_gloo_available()):
        raise RuntimeError("this torch was built without gloo, which joins processes on a CPU")
    return {"one": _train(config), "two": _launch(config.steps)}


@validates
def _config(steps: int) -> TrainConfig:
    return TrainConfig(
        steps=steps, batch_size=16, warmup_steps=0, eval_sequences=16, learning_rate=3e-3, progress=False
    )


def _train(config: TrainConfig) -> list[float]:
    task = get_task(TASK)
    model = Preset(shape=dict(d_model=16, n_heads=2, n_layers=1)).model(task)  # the same weights in every process
    return train(model, task, config).loss


def _launch(steps: int) -> list[float]:
    """The losses of ``COUNT`` processes, or a RuntimeError with the reason why there are none."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "gpt2lab.studies.two_processes", str(steps), folder]
        try:
            done = subprocess.run(command, env=_environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True)
        except OSError as error:
            raise RuntimeError(f"the two processes could not start: {error}") from error
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or [f"no message, exit code {done.returncode}"])[-1]
            raise RuntimeError(f"one of the two processes failed: {reason}")
        return json.loads((Path(folder) / LOSSES).read_text(encoding="utf-8"))


def _environment() -> dict[str, str]:
    """This process's own, with gpt2lab importable, one thread, and the network card for gloo."""
    here = str(Path(__file__).resolve().parents[2])
    paths = [here, *filter(None, [os.environ.get("PYTHONPATH")])]
    card = {"GLOO_SOCKET_IFNAME": LOOPBACK[sys.platform]} if sys.platform in LOOPBACK else {}
    return {**os.environ, **card, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(paths)}


def _process(rank: int, steps: int, folder: str) -> None:
    """What each of the processes does; the first one writes the losses down."""
    config = _config(steps)  # before they meet: a process that leaves then looks to the other like a broken line
    meeting = (Path(folder) / MEETING).as_uri()
    limit = datetime.timedelta(seconds=LIMIT)
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=COUNT, timeout=limit)
    try:
        losses = _train(config)
    finally:
        dist.destroy_process_group()
    if rank == 0:
        (Path(folder) / LOSSES).write_text(json.dumps(losses), encoding="utf-8")


if __name__ == "__main__":
    # A copy of this process has torch already; where copying is not safe, each process imports it again.
    method = "fork" if sys.platform == "linux" else "spawn"
    torch.multiprocessing.start_processes(
        _process, args=(int(sys.argv[1]), sys.argv[2]), nprocs=COUNT, start_method=method
    )
