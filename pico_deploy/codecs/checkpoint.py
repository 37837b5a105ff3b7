"""Checkpoints on disk: tensors in ``.safetensors`` (or a safe ``.pt``), the configuration in a
``.json`` beside. A ``.safetensors`` may be a difference to another one.

No pickle is ever executed: a ``.pt`` must load with ``weights_only=True``.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from pico_deploy.codecs import difference
from pico_deploy.errors import CheckpointError
from pico_deploy.outputs import write_bytes


def base_of(path: Path) -> Path | None:
    """What the ``.safetensors`` file ``path`` is a difference to, None if it is whole; raises
    ``CheckpointError`` when it is not readable or its base is not beside it."""
    try:
        with safe_open(path, "pt") as file:
            facts = file.metadata() or {}
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{path} is not a readable .safetensors file: {error}") from error
    wanted = facts.get(difference.BASE)
    return None if wanted is None else difference.find_base(path, wanted)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read every tensor of a checkpoint; raises ``CheckpointError`` on anything unsafe, unreadable
    or not finite."""
    if not path.is_file():
        raise CheckpointError(f"no checkpoint at {path}")
    if path.stat().st_size == 0:
        raise CheckpointError(
            f"{path} is empty (0 bytes); expected a .safetensors or .pt checkpoint"
        )
    tensors: Any
    if path.suffix == ".safetensors":
        base = base_of(path)
        tensors = load_file(path)
        if base is not None:
            tensors = difference.add(tensors, read_tensors(base), path)
    elif path.suffix in {".pt", ".pth"}:
        try:
            tensors = torch.load(path, map_location="cpu", weights_only=True)
        except (
            pickle.UnpicklingError,
            RuntimeError,
            EOFError,
            OSError,
            ValueError,
            KeyError,
        ) as error:
            reason = str(error).splitlines()[0]
            raise CheckpointError(
                f"{path} does not load with weights_only=True ({reason}); refused, because a "
                "pickle may run code. Save it as .safetensors"
            ) from error
    else:
        raise CheckpointError(f"{path} is neither .safetensors nor .pt; no other kind is read")
    if not isinstance(tensors, Mapping) or not all(isinstance(t, Tensor) for t in tensors.values()):
        raise CheckpointError(f"{path} does not hold a flat mapping of names to tensors")
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise CheckpointError(f"{path}: tensor {name!r} holds NaN or infinity")
    return dict(tensors)


def write_tensors(path: Path, tensors: Mapping[str, Tensor], base: str | None = None) -> None:
    """Write a ``.safetensors`` file, atomically; equal tensors give equal bytes. ``base`` is the
    :func:`~pico_deploy.codecs.difference.reference` of what they are a difference to. Raises
    ``OutputError``."""
    facts = None if base is None else {difference.BASE: base}
    # Not by safetensors itself, whose files only their owner may read and whose errors are its own.
    write_bytes(path, save({name: tensors[name].contiguous() for name in sorted(tensors)}, facts))


def read_config(path: Path) -> dict[str, Any]:
    """Read the configuration that belongs to a checkpoint, ``<stem>.json`` beside it."""
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CheckpointError(f"the checkpoint's configuration {path} is missing") from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CheckpointError(f"{path} is not a readable JSON configuration: {error}") from error
    if not isinstance(config, dict):
        raise CheckpointError(f"{path} must hold one JSON object")
    return config


def fit_state(module: torch.nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Copy ``tensors`` into ``module``; raises ``CheckpointError`` naming the first tensor that
    does not fit."""
    expected = module.state_dict()
    for name, parameter in expected.items():
        if name not in tensors:
            raise CheckpointError(f"{path}: tensor {name!r} is missing")
        if tensors[name].shape != parameter.shape:
            raise CheckpointError(
                f"{path}: tensor {name!r} has shape {list(tensors[name].shape)}, "
                f"the configuration asks for {list(parameter.shape)}"
            )
    unknown = sorted(set(tensors) - set(expected))
    if unknown:
        raise CheckpointError(f"{path}: unknown tensor {unknown[0]!r} ({len(unknown)} in all)")
    module.load_state_dict({name: tensors[name].float() for name in expected})
