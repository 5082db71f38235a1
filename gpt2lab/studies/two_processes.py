"""Data parallel training with two real processes, small enough for a notebook.

    two_process_losses(steps=3)        # {"one": [...], "two": [...]}

Both runs are the same call of ``train`` on the same data. In the second, two processes share every
batch and average their gradients. ``torchrun`` would set the environment variables that are set here.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import torch.distributed as dist

from gpt2lab.tasks import get_task
from gpt2lab.training import TrainConfig, train
from gpt2lab.zoo.recipes import Preset

TASK = "brackets"
LIMIT = 120  # seconds; processes that cannot connect to each other would wait for minutes
LOOPBACK = {"linux": "lo", "darwin": "lo0"}  # the loopback network interface


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
        If ``steps`` is no whole number of at least 1.
    RuntimeError
        If this torch cannot join processes, or a process fails; the message says how.
    """
    config = _config(steps)
    if not (dist.is_available() and dist.is_gloo_available()):
        raise RuntimeError("this torch was built without gloo, which joins processes on a CPU")
    return {"one": _train(config), "two": _two(steps)}


def _config(steps: int) -> TrainConfig:
    return TrainConfig(
        steps=steps, batch_size=16, warmup_steps=0, eval_sequences=16, learning_rate=3e-3, progress=False
    )


def _train(config: TrainConfig) -> list[float]:
    task = get_task(TASK)
    model = Preset(shape=dict(d_model=16, n_heads=2, n_layers=1)).model(task)  # the same weights in every process
    return train(model, task, config).loss


def _two(steps: int) -> list[float]:
    """Start both and read what the first one prints; neither is left running, also after an error."""
    started: list[subprocess.Popen[str]] = []
    port = _port()
    try:
        for rank in range(2):
            started.append(_start(rank, steps, port))
        answers = [process.communicate(timeout=LIMIT) for process in started]
    except OSError as error:
        raise RuntimeError(f"the two processes could not start: {error}") from error
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"the two processes have not finished within {LIMIT} seconds") from None
    finally:
        for process in started:
            if process.poll() is None:
                process.kill()
                process.communicate()
    for process, (_, errors) in zip(started, answers, strict=True):
        if process.returncode:
            raise RuntimeError(
                f"one of the two processes failed: {(errors.strip().splitlines() or ['no message'])[-1]}"
            )
    return json.loads(answers[0][0].strip().splitlines()[-1])


def _start(rank: int, steps: int, port: int) -> subprocess.Popen[str]:
    here = str(Path(__file__).resolve().parents[2])
    paths = [here, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    environment = {
        **os.environ, "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(paths),
    }  # fmt: skip
    if sys.platform in LOOPBACK:
        environment["GLOO_SOCKET_IFNAME"] = LOOPBACK[sys.platform]
    command = [sys.executable, "-m", "gpt2lab.studies.two_processes", str(steps)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True)


def _port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    losses = _train(_config(int(sys.argv[1])))
    if os.environ["RANK"] == "0":
        print(json.dumps(losses))
