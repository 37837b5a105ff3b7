"""Several processes that train one codec together: each takes a part of every batch.

On a processor two processes of one thread each do more work than one process of two threads,
because most operations of a step are too small to share. ``torchrun`` starts the processes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn

from pico_deploy.errors import UsageError

# The others wait while the first process validates and writes.
PATIENCE = timedelta(hours=1)


@dataclass(frozen=True)
class Team:
    """Place of this process among ``size``; the default is to be alone."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process validates, logs and saves."""
        return self.rank == 0

    def part(self, batch: int) -> range:
        """The samples of a batch that are this process's own.

        Every n-th, so that each process has levels from the whole range.
        """
        return range(self.rank, batch, self.size)

    def average(self, module: nn.Module) -> None:
        """Replace the gradients of ``module`` by their mean over the team, in place."""
        if self.size > 1:
            # One message: the cost is in the number of messages, not in their size.
            gradients = [p.grad for p in module.parameters() if p.grad is not None]
            flat = torch.cat([gradient.flatten() for gradient in gradients])
            dist.all_reduce(flat)
            flat /= self.size
            parts = torch.split(flat, [gradient.numel() for gradient in gradients])
            for gradient, mean in zip(gradients, parts, strict=True):
                gradient.copy_(mean.view(gradient.shape))

    def means(self, values: Iterable[float]) -> list[float]:
        """The mean over the team of each of ``values``."""
        own = torch.tensor(list(values), dtype=torch.float64)
        if self.size > 1:
            dist.all_reduce(own)
        return [value / self.size for value in own.tolist()]

    def any(self, flag: bool) -> bool:
        """Whether ``flag`` is set in any process; the same answer in all of them."""
        return flag if self.size == 1 else self.means([float(flag)])[0] > 0

    def wait(self) -> None:
        """Go on when every process is here."""
        if self.size > 1:
            dist.barrier()

    def same(self, value: Tensor) -> None:
        """Overwrite ``value`` by that of the leading process."""
        if self.size > 1:
            dist.broadcast(value, 0)


def join_team(batch: int, device: str) -> Team:
    """The team that ``torchrun`` started this process in, or a team of one.

    Raises ``UsageError`` when a batch of ``batch`` cannot be shared evenly, or for CUDA.
    """
    if not dist.is_torchelastic_launched():
        return Team()
    team = Team(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))
    if batch % team.size:
        raise UsageError(f"{team.size} processes cannot share a batch of {batch} evenly")
    if device != "cpu":
        raise UsageError("several processes train on CPUs only; run one process for a GPU")
    if team.size > 1:
        dist.init_process_group("gloo", timeout=PATIENCE)
    return team
