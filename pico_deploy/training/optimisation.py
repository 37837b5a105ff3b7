"""How fast which parameters learn, and when."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fnmatch import fnmatchcase

from torch import Tensor

from pico_deploy.codecs.layers import SCALES
from pico_deploy.codecs.pico import PicoCodec
from pico_deploy.errors import UsageError
from pico_deploy.training.config import TrainConfig

SCALE_RATE = 0.2


def learning_rate(config: TrainConfig, step: int) -> float:
    """Warm-up, plateau, half-cosine decay to zero over the last ``decay_steps``."""
    rate = config.learning_rate * min(1.0, (step + 1) / max(1, config.warmup_steps))
    remaining = config.steps - step
    if remaining < config.decay_steps:
        rate *= 0.5 - 0.5 * math.cos(math.pi * remaining / config.decay_steps)
    return rate


def freeze(codec: PicoCodec, train_only: Sequence[str]) -> None:
    """Let only the parameters learn whose names match one of the shell patterns ``train_only``;
    all of them when there is none.

    Raises ``UsageError`` naming a pattern that matches nothing that could learn.
    """
    if not train_only:
        return
    able = {name: p for name, p in codec.named_parameters() if p.requires_grad}
    for pattern in train_only:
        if not any(fnmatchcase(name, pattern) for name in able):
            raise UsageError(f"train_only: no parameter of {codec.config.name} matches {pattern!r}")
    for name, parameter in able.items():
        parameter.requires_grad_(any(fnmatchcase(name, pattern) for pattern in train_only))


def parameter_groups(codec: PicoCodec) -> list[dict[str, object]]:
    """Weights at the full learning rate; scales, which multiply whole channels, at a part of it."""
    scales: list[Tensor] = []
    others: list[Tensor] = []
    for name, parameter in codec.named_parameters():
        if parameter.requires_grad:
            is_scale = name.rsplit(".", 1)[-1] in SCALES
            (scales if is_scale else others).append(parameter)
    return [
        {"params": others, "factor": 1.0},
        {"params": scales, "factor": SCALE_RATE},
    ]
