"""Checkpoints as differences to another: what fine-tuning moved, in whole steps.

A fine-tuned network is close to where it started, and what it moved needs few bits: 1.4 a weight
once the file is compressed, as git and wheels do, instead of 13. Tensors that are equal are not
stored at all; those that multiply or shift whole channels are stored as they are; of the others
``NAME.steps`` holds the difference in units of ``NAME.step``: a byte a weight for what every value
passes through, where rounding is seen at once, and for hyper-analysis, whose symbols tables are
made for; half a byte for the rest, where it hardly is. ``NAME.gone`` is a tensor of the base that
there is none of.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from pico_deploy.codecs.layers import is_channelwise, is_trunk
from pico_deploy.errors import CheckpointError

STEPS, STEP, GONE = ".steps", ".step", ".gone"
BASE = "difference_to"
# Width of the rounding intervals over the root mean square of a difference, and how many steps a
# difference may have.
FINE, FINE_LARGEST = 0.25, 127
COARSE, COARSE_LARGEST = 4.0, 7
TINY = 1e-12


def reference(base: Path) -> str:
    """SHA-256 and name of a checkpoint, as a difference to it has them."""
    return f"{hashlib.sha256(base.read_bytes()).hexdigest()} {base.name}"


def find_base(path: Path, wanted: str) -> Path:
    """The checkpoint that the difference ``path`` belongs to; raises ``CheckpointError`` unless it
    lies beside it, byte for byte."""
    base = path.parent / Path(wanted.rpartition(" ")[2]).name
    if base == path or not base.is_file():
        raise CheckpointError(f"{path} is a difference to {base.name!r}, which is not beside it")
    if reference(base) != wanted:
        raise CheckpointError(f"{path} is a difference to another {base.name} than the one beside")
    return base


def _is_fine(name: str) -> bool:
    return is_trunk(name) or name.startswith("hyper_encoder.")


def subtract(tensors: Mapping[str, Tensor], base: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return what turns ``base`` into ``tensors``, or close to it.

    Integers, and what :func:`~pico_deploy.codecs.layers.is_channelwise` names, are stored exactly.
    Raises ``CheckpointError`` for a tensor that ``base`` lacks or has in another shape.
    """
    stored: dict[str, Tensor] = {}
    for name in sorted(tensors.keys() | base.keys()):
        new, old = tensors.get(name), base.get(name)
        if new is None:
            stored[name + GONE] = torch.empty(0, dtype=torch.uint8)
            continue
        whole = not new.is_floating_point()
        if old is None or (new.shape != old.shape and not whole):
            raise CheckpointError(f"tensor {name!r} is not of one shape in both: no difference")
        if torch.equal(new, old):
            continue
        if is_channelwise(name) or whole:
            stored[name] = new
            continue
        steps, step = _rounded(name, new.float() - old.float())
        stored[name + STEPS] = steps.to(torch.int8) if _is_fine(name) else _pack(steps)
        stored[name + STEP] = step
    return stored


def nearest(name: str, new: Tensor, old: Tensor) -> Tensor:
    """What a difference to ``old`` gives back of ``new``, float32 of one shape, before fp16."""
    steps, step = _rounded(name, new - old)
    return old + steps * step


def _rounded(name: str, difference: Tensor) -> tuple[Tensor, Tensor]:
    """Whole steps and the length of one, both float32."""
    share, largest = (FINE, FINE_LARGEST) if _is_fine(name) else (COARSE, COARSE_LARGEST)
    width = (difference.square().mean().sqrt() * share).clamp(min=TINY)
    steps = (difference / width).round().clamp(-largest, largest)
    # Within a wide interval small differences are the frequent ones: the best step is shorter.
    return steps, (difference * steps).sum() / steps.square().sum().clamp(min=1)


def add(stored: Mapping[str, Tensor], base: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Inverse of :func:`subtract`: ``base`` with what is ``stored``; raises ``CheckpointError``
    naming a tensor of ``path`` that does not fit.

    Products and sums of float32, rounded to fp16 once: the same on every machine.
    """
    result, left = dict(base), dict(stored)
    for name, old in base.items():
        if name + GONE in left:
            del left[name + GONE], result[name]
        elif name in left:
            result[name] = left.pop(name)
        elif name + STEPS in left:
            steps, step = left.pop(name + STEPS), left.pop(name + STEP, None)
            packed = steps.dtype == torch.uint8 and steps.shape == ((old.numel() + 1) // 2,)
            plain = steps.dtype == torch.int8 and steps.shape == old.shape
            if not (packed or plain) or step is None or step.dim():
                raise CheckpointError(f"{path}: tensor {name + STEPS!r} does not fit its base")
            whole = _unpack(steps, old.numel()).view(old.shape) if packed else steps.float()
            result[name] = (old.float() + whole * step.float()).to(old.dtype)
    if left:
        raise CheckpointError(f"{path}: tensor {min(left)!r} is not in its base")
    return result


def _pack(steps: Tensor) -> Tensor:
    """Integers within ±``COARSE_LARGEST`` → ``uint8 [⌈n/2⌉]``, the first in the low half."""
    flat = steps.flatten().to(torch.int16) + COARSE_LARGEST + 1
    flat = F.pad(flat, (0, flat.numel() % 2))
    return (flat[0::2] + 16 * flat[1::2]).to(torch.uint8)


def _unpack(packed: Tensor, count: int) -> Tensor:
    """Inverse of :func:`_pack`, ``float32 [count]``."""
    halves = torch.stack([packed & 15, packed >> 4], 1).flatten()[:count]
    return halves.float() - (COARSE_LARGEST + 1)
