"""Training of one network by several processes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True)
class World:
    """The processes that train together: ``size`` of them, this one with number ``rank`` from 0.

    If there is more than one, ``torch.distributed`` has to be initialized, and the network is
    wrapped in ``DistributedDataParallel``, which averages the gradients.
    """

    rank: int = 0
    size: int = 1

    def shard(self, order: Tensor, batch_size: int) -> tuple[Tensor, int]:
        """Return this process's part of ``order`` (N,), and its part of the batch size.

        Every process gets the same number of images of every batch. Images that are left over
        because the batch size is no multiple of ``size`` are skipped.

        Raises:
            ValueError: a batch has fewer images than there are processes.
        """
        per_process = batch_size // self.size
        if per_process < 1:
            raise ValueError(f"batch size: got {batch_size} for {self.size} processes")
        batches = order[: len(order) // batch_size * batch_size].view(-1, batch_size)
        part = batches[:, : per_process * self.size][:, self.rank :: self.size]
        return part.flatten(), per_process

    def mean(self, value: Tensor) -> Tensor:
        """Return the mean of a tensor over the processes; the tensor is changed in place."""
        return self.sum(value) / self.size

    def sum(self, value: Tensor) -> Tensor:
        """Return the sum of a tensor over the processes; the tensor is changed in place."""
        if self.size > 1:
            distributed.all_reduce(value)
        return value

    def first(self, value: float | None, device: torch.device) -> float | None:
        """Return the first process's number, to the last bit; None stands for none and for NaN."""
        number = math.nan if value is None else value
        if self.size > 1:
            sent = torch.tensor(number, dtype=torch.float64, device=device)
            distributed.broadcast(sent, 0)
            number = float(sent)
        return None if math.isnan(number) else number

    def least(self, value: Tensor) -> Tensor:
        """Return the minimum of a tensor over the processes; the tensor is changed in place."""
        if self.size > 1:
            distributed.all_reduce(value, distributed.ReduceOp.MIN)
        return value

    def sync_buffers(self, network: nn.Module) -> None:
        """Copy the first process's buffers, such as batch statistics, to all other processes."""
        if self.size > 1:
            for buffer in network.buffers():
                distributed.broadcast(buffer, 0)


def unwrapped(network: nn.Module) -> nn.Module:
    """Return the network without its ``DistributedDataParallel`` wrapper, if it has one."""
    if isinstance(network, DistributedDataParallel):
        module: nn.Module = network.module
        return module
    return network


def set_seed(seed: int, epoch: int, rank: int) -> None:
    """Seed torch's global generators for one epoch, differently in every process.

    The dropout and augmentation of an epoch then follow from its number alone, so a checkpoint
    does not have to hold the state of every process's and device's generator.
    """
    mixed = torch.Generator().manual_seed(((seed * 1_000_003 + epoch) * 1_009 + rank) % 2**63)
    torch.manual_seed(int(torch.randint(2**62, (), generator=mixed)))
