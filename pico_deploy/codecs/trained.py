"""A trained PICO with its integers: the ``Codec`` that converters and the PyTorch runtime load."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from pico_deploy.codecs import difference
from pico_deploy.codecs.checkpoint import fit_state, read_config, read_tensors, write_tensors
from pico_deploy.codecs.config import Y_LIMIT, Z_LIMIT, PicoConfig
from pico_deploy.codecs.levels import anchor_weights
from pico_deploy.codecs.pico import PicoCodec
from pico_deploy.codecs.protocol import Parts, Tables
from pico_deploy.codecs.shuffle import ShuffleOrder
from pico_deploy.entropy.levels import anchor_levels
from pico_deploy.entropy.model import EntropyModel, Geometry
from pico_deploy.entropy.serialise import from_bytes, to_bytes
from pico_deploy.errors import CheckpointError, PicoError
from pico_deploy.outputs import make_folder, write_bytes

ScaleShape = Literal["conv", "linear"]
_ENTROPY_KEY = "entropy.{}"


LINEAR = "scale_decoders.linear."


def float_linear(model: EntropyModel, config: PicoConfig) -> dict[str, Tensor]:
    """Float weights of the linear scale decoder that its integers stand for, by their names in a
    checkpoint, float32; for checkpoints that leave them out."""
    (layer,) = model.layers
    step = 2.0 ** -(layer.shift + model.fraction_bits)
    weight = layer.weight.astype(np.float64) * layer.multiplier[:, None] * step
    anchors = anchor_levels(anchor_weights(config.levels, config.anchors))
    bias = layer.bias[list(anchors)] * step
    return {
        f"{LINEAR}weight.0": torch.from_numpy(weight).float()[:, :, None, None],
        f"{LINEAR}bias.0": torch.from_numpy(bias).float(),
    }


def geometry_of(config: PicoConfig) -> Geometry:
    """Tile geometry of a configuration, as the exact core wants it."""
    return Geometry(
        payload=config.tile - 2 * config.border,
        border=config.border,
        y_stride=config.y_stride,
        z_stride=config.z_stride,
        y_channels=config.latent_channels,
        z_channels=config.hyper_channels,
        levels=config.levels,
        y_max=Y_LIMIT,
        z_max=Z_LIMIT,
    )


def config_to_json(config: PicoConfig) -> str:
    """Configuration as the text of a checkpoint's ``.json``."""
    return json.dumps({"codec": "pico", **dataclasses.asdict(config)}, indent=1) + "\n"


def config_from_json(data: Mapping[str, Any], source: Path) -> PicoConfig:
    """Inverse of :func:`config_to_json`; raises ``CheckpointError`` on unknown, missing or ill-
    typed fields."""
    fields = {k: v for k, v in data.items() if k != "codec"}
    known = {f.name for f in dataclasses.fields(PicoConfig)}
    unknown = sorted(set(fields) - known)
    if unknown:
        raise CheckpointError(f"{source}: unknown field {unknown[0]!r}")
    try:
        return TypeAdapter(PicoConfig).validate_python(fields)
    except ValidationError as error:
        first = error.errors()[0]
        raise CheckpointError(f"{source}: {first['loc'][0]}: {first['msg']}") from error


class TrainedPico:
    """Weights (rounded to fp16, computed in fp32) and integer entropy models of a trained codec."""

    def __init__(
        self,
        config: PicoConfig,
        network: PicoCodec,
        entropy_models: Mapping[ScaleShape, EntropyModel],
        scale_decoder: ScaleShape | None = None,
    ) -> None:
        self.config, self.network = config, network.eval().requires_grad_(False)
        self.entropy_models = dict(entropy_models)
        self.scale_decoder: ScaleShape = scale_decoder or config.scale_decoder
        if self.scale_decoder not in self.entropy_models:
            raise CheckpointError(f"the checkpoint has no {self.scale_decoder!r} scale decoder")

    @property
    def name(self) -> str:
        """Name of the preset."""
        return self.config.name

    @property
    def geometry(self) -> Geometry:
        """Tile geometry, channel and level counts."""
        return geometry_of(self.config)

    @property
    def anchor_table(self) -> npt.NDArray[np.float32]:
        """Anchor weights of every level, ``float32 [levels, anchors]``."""
        return anchor_weights(self.config.levels, self.config.anchors)

    @property
    def entropy_model(self) -> EntropyModel:
        """The integer entropy model of the chosen scale decoder."""
        return self.entropy_models[self.scale_decoder]

    def parts(self, order: ShuffleOrder) -> Parts:
        """Folded parts; see :class:`~pico_deploy.codecs.protocol.Parts`."""
        analysis, synthesis = self.network.folded(order)
        model = self.entropy_model
        return Parts(analysis, model.layers, synthesis, Tables(model.y_tables, model.z_tables))

    def synthesis_weights(self) -> Mapping[str, Tensor]:
        """Stored weights of context model and decoder, by name."""
        state = self.network.state_dict()
        return {k: v for k, v in state.items() if k.startswith(("context.", "decoder."))}

    @classmethod
    def load(cls, weights: Path, scale_decoder: ScaleShape | None = None) -> Self:
        """Read a checkpoint and the ``.json`` beside it; raises ``CheckpointError``."""
        source = weights.with_suffix(".json")
        config = config_from_json(read_config(source), source)
        tensors = read_tensors(weights)
        models: dict[ScaleShape, EntropyModel] = {}
        for shape in ("conv", "linear"):
            stored = tensors.pop(_ENTROPY_KEY.format(shape), None)
            if stored is None:
                continue
            try:
                models[shape] = from_bytes(stored.numpy().tobytes())
            except PicoError as error:
                raise CheckpointError(f"{weights}: {shape} entropy model: {error}") from error
        if not models:
            raise CheckpointError(
                f"{weights} has no integer entropy model; finalise the training first"
            )
        try:
            network = PicoCodec(config)
        except (RuntimeError, ValueError, TypeError) as error:
            raise CheckpointError(f"{source} does not describe a codec: {error}") from error
        if "linear" in models and not any(name.startswith(LINEAR) for name in tensors):
            tensors |= float_linear(models["linear"], config)
        fit_state(network, tensors, weights)
        return cls(config, network, models, scale_decoder)

    def save(self, weights: Path, base: Path | None = None) -> None:
        """Write ``weights`` (fp16, integers as they are) and the ``.json`` beside it.

        With ``base``, a checkpoint in the same folder, only the
        :mod:`~pico_deploy.codecs.difference` to it, rounded, and of the linear scale decoder only
        the integers when they are others than there; raises ``CheckpointError`` for tensors that
        ``base`` does not have in that shape, and ``OutputError``.
        """
        tensors: dict[str, Tensor] = {
            name: value.to(torch.float16) for name, value in self.network.state_dict().items()
        }
        for shape, model in self.entropy_models.items():
            data = np.frombuffer(to_bytes(model), np.uint8)
            tensors[_ENTROPY_KEY.format(shape)] = torch.from_numpy(data.copy())
        make_folder(weights.parent)
        if base is None:
            write_tensors(weights, tensors)
        else:
            theirs = read_tensors(base)
            key = _ENTROPY_KEY.format("linear")
            if key in tensors and key in theirs and not torch.equal(tensors[key], theirs[key]):
                tensors = {n: v for n, v in tensors.items() if not n.startswith(LINEAR)}
            moved = difference.subtract(tensors, theirs)
            write_tensors(weights, moved, difference.reference(base))
        write_bytes(weights.with_suffix(".json"), config_to_json(self.config).encode())
