"""Weights to start from: of another run, of a finished checkpoint."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pico_deploy.codecs.checkpoint import read_tensors
from pico_deploy.codecs.pico import PicoCodec
from pico_deploy.codecs.trained import LINEAR, TrainedPico
from pico_deploy.errors import CheckpointError
from pico_deploy.training.parts import read_facts, read_parts

BEST, STATE = "best", "state"


def load_weights(codec: PicoCodec, source: Path) -> None:
    """Fill ``codec`` from ``source``, in place.

    A folder of a run (its best weights, or else its state), a single ``.pt`` state with averaged
    weights, or a finished ``.safetensors``. Raises ``CheckpointError`` when it is none of these or
    of another configuration.
    """
    weights = _read(source)
    own = codec.state_dict()
    wrong = [
        f"{name} is {_shape(weights.get(name))}, expected {_shape(value)}"
        for name, value in own.items()
        if _shape(weights.get(name)) != _shape(value)
    ]
    wrong += [f"{name} is unknown" for name in weights if name not in own]
    if wrong:
        raise CheckpointError(
            f"{source} is of another configuration than {codec.config.name}: {wrong[0]}"
            + (f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else "")
        )
    if any(not bool(torch.isfinite(value).all()) for value in weights.values()):
        raise CheckpointError(f"{source} holds weights that are not finite; take an earlier one")
    codec.load_state_dict({name: value.float() for name, value in weights.items()})


def _shape(value: Tensor | None) -> str:
    return "missing" if value is None else "×".join(map(str, value.shape)) or "a number"


def _read(source: Path) -> dict[str, Tensor]:
    if source.is_dir():
        name = next((n for n in (BEST, STATE) if read_facts(source, n) is not None), None)
        if name is None:
            raise CheckpointError(f"{source} holds neither best weights nor a state of a run")
        return _averaged(read_parts(source, name), source)
    if source.suffix == ".safetensors":
        stored = read_tensors(source)
        weights = {n: value for n, value in stored.items() if not n.startswith("entropy.")}
        if weights and not any(name.startswith(LINEAR) for name in weights):
            # Stored as its integers alone.
            return dict(TrainedPico.load(source).network.state_dict())
        return weights
    try:
        data = source.read_bytes()
    except OSError as error:
        raise CheckpointError(f"cannot read {source}: {error.strerror or error}") from error
    return _averaged(data, source)


def _averaged(data: bytes, source: Path) -> dict[str, Tensor]:
    try:
        state: Any = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        weights: dict[str, Tensor] = state["averaged"]
    except (RuntimeError, pickle.UnpicklingError, KeyError, TypeError, EOFError) as error:
        first = str(error).partition("\n")[0]
        raise CheckpointError(f"{source} is no state of a run: {first}") from error
    return weights
