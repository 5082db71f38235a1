"""Data parallel training: every process holds the whole model and learns from its part of the batch.

    torchrun --nproc-per-node 2 -m gpt2lab train reference

torchrun starts the processes and tells each its rank. Gradients are averaged over the processes after
every backward pass (gloo on CPUs, nccl on NVIDIA GPUs), so all weights stay equal.

Source: Li et al. 2020, "PyTorch Distributed: Experiences on Accelerating Data Parallel Training".
"""

from __future__ import annotations

import atexit
import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn

from gpt2lab.errors import InputError


@dataclass(frozen=True)
class Processes:
    """The rank of this process and the number of processes; rank 0 of 1 without torchrun."""

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """True for rank 0, the only one that writes files and shows progress."""
        return self.rank == 0

    def share(self, tensor: Tensor) -> Tensor:
        """This process's rows of a batch."""
        if len(tensor) % self.count:
            raise InputError(f"batch_size must be divisible by the {self.count} processes, got {len(tensor)}")
        return tensor.chunk(self.count)[self.rank]

    def sum(self, value: Tensor) -> Tensor:
        """The sum of a tensor over all processes, in place."""
        if self.count > 1:
            dist.all_reduce(value)
        return value

    def gather(self, tensor: Tensor) -> list[Tensor]:
        """The tensor of every process, in the order of their ranks."""
        if self.count == 1:
            return [tensor]
        gathered = [tensor] * self.count  # overwritten by all_gather_object
        dist.all_gather_object(gathered, tensor)
        return gathered

    def wrap(self, model: nn.Module, device: torch.device) -> nn.Module:
        """The model as DistributedDataParallel, which averages gradients in the backward pass."""
        if self.count == 1:
            return model
        return nn.parallel.DistributedDataParallel(model, device_ids=[device.index] if device.type == "cuda" else None)

    def without_averaging(self, model: nn.Module, when: bool) -> AbstractContextManager[None]:
        """Skip gradient averaging while the gradients of a batch's parts are still accumulating."""
        return model.no_sync() if when and isinstance(model, nn.parallel.DistributedDataParallel) else nullcontext()


def processes(device: torch.device) -> tuple[Processes, torch.device]:
    """The processes that train together, and the device of this one.

    Processes that torchrun started are joined at the first call and stay joined until they end: a second
    group on torchrun's store would find the addresses of the first one, and could wait for ever. A
    process group that exists already is used as it is. Without either there is one process.
    """
    joined = dist.is_available() and dist.is_initialized()
    if not joined and int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Processes(), device
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
    if not joined:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        atexit.register(_leave)
    return Processes(dist.get_rank(), dist.get_world_size()), device


def _leave() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()
