"""From averaged float weights to a checkpoint that converts anywhere: short weights, entropy
model in integers.

This is the last step that runs a float network before symbols are defined; its result is stored,
so no later step depends on the machine.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pico_deploy._core import Model
from pico_deploy.codecs.config import PicoConfig
from pico_deploy.codecs.layers import is_channelwise
from pico_deploy.codecs.levels import anchor_weights
from pico_deploy.codecs.pico import PicoCodec
from pico_deploy.codecs.scale_decoder import FloatScaleDecoder
from pico_deploy.codecs.trained import ScaleShape, TrainedPico, geometry_of
from pico_deploy.entropy.factorised import factorised_tables
from pico_deploy.entropy.gaussian import gaussian_table, scales
from pico_deploy.entropy.levels import anchor_levels
from pico_deploy.entropy.model import EntropyModel, Layer, Upsample, ZTables
from pico_deploy.entropy.quantise import FloatLayer, quantise
from pico_deploy.entropy.serialise import to_bytes
from pico_deploy.entropy.tables import blend
from pico_deploy.errors import CheckpointError
from pico_deploy.outputs import make_folder, write_bytes
from pico_deploy.training.calibrate import (
    Calibration,
    calibrate,
    y_counts,
    z_counts,
)
from pico_deploy.training.data import CropSampler, Photos
from pico_deploy.training.fit_banks import fit_banks
from pico_deploy.training.fit_linear import fit_linear

CALIBRATION_CROPS = 320
CALIBRATION_SEED = 20_000
LINEAR_STEPS = 2000
Z_ROWS = 128
# The linear scale decoder predicts less from z, and gets some of it back by more tables of z.
BANKS: dict[ScaleShape, int] = {"conv": 1, "linear": 8}
# Of the ten that fp16 has: an error of at most 2⁻⁹ of a weight, far below what int8 takes, and
# files that deflate makes a tenth smaller.
MANTISSA_BITS = 8
# Observations that every value of z is granted beforehand, so that none is impossible.
Z_PRIOR = 0.02


def float_layers(
    decoder: FloatScaleDecoder, table: npt.NDArray[np.float32]
) -> tuple[FloatLayer, ...]:
    """The trained scale decoder as arrays, biases interpolated to every level of ``table [levels,
    anchors]``."""
    layers = []
    for (kind, _, _, factor), weight, bias in zip(
        decoder.spec, decoder.weight, decoder.bias, strict=True
    ):
        array = weight.detach().double().numpy()
        by_level = table.astype(np.float64) @ bias.detach().double().numpy()
        upsample: Upsample = "shuffle" if factor > 1 else "none"
        if kind == "pointwise":
            layers.append(FloatLayer("pointwise", array[:, :, 0, 0], by_level, upsample, factor))
        else:
            layers.append(FloatLayer("depthwise3x3", array[:, 0], by_level, upsample, factor))
    return tuple(layers)


def z_tables(calibration: Calibration, config: PicoConfig, z_max: int, banks: int = 1) -> ZTables:
    """Factorised tables fitted to z, of one bank or of several that `fit_banks` finds."""
    weights = anchor_weights(config.levels, config.anchors)
    levels = anchor_levels(weights)
    nearest = weights.argmax(1).astype(np.uint8)
    if banks > 1:
        pmf, share = fit_banks(calibration.samples, levels, z_max, banks)
        return factorised_tables(pmf, nearest, max_rows=Z_ROWS, bank_pmf=share)
    counts = z_counts(calibration.samples, levels, z_max).astype(np.float64) + Z_PRIOR
    pmf = counts / counts.sum(-1, keepdims=True)
    return factorised_tables(pmf[:, None], nearest, max_rows=Z_ROWS)


def entropy_model(
    layers: tuple[Layer, ...],
    tables: ZTables,
    calibration: Calibration,
    config: PicoConfig,
    fraction_bits: int,
) -> EntropyModel:
    """Integer network and tables, those of y adapted to what the integer indices really select."""
    geometry = geometry_of(config)
    low, high = config.scale_range
    gaussian = tuple(gaussian_table(float(s)) for s in scales(config.scale_count, low, high))
    plain = EntropyModel(geometry, layers, fraction_bits, gaussian, tables)
    core = Model(to_bytes(plain))
    indices = [
        core.scale_indices(s.z[None], np.array([s.level], np.uint8))[0] for s in calibration.samples
    ]
    counts = y_counts(calibration.samples, indices, config.scale_count, geometry.y_max)
    return EntropyModel(geometry, layers, fraction_bits, blend(gaussian, counts), tables)


def round_weight(weight: Tensor) -> Tensor:
    """Round to the nearest fp16 number of ``MANTISSA_BITS`` bits of mantissa, ties away from zero.

    Any shape; float32 in and out.
    """
    dropped = 10 - MANTISSA_BITS
    bits = weight.half().view(torch.int16)  # sign and magnitude: adding moves away from zero
    bits = bits + (1 << dropped >> 1) >> dropped << dropped
    return bits.view(torch.float16).float()


def _round_weights(network: PicoCodec) -> None:
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            # The few that move whole channels keep all bits of fp16.
            whole = is_channelwise(name)
            parameter.copy_(parameter.half() if whole else round_weight(parameter))


# What gives symbols their meaning: how they are predicted, and how probable they are.
_MEANING = ("context.", "scale_decoders.", "z_log_scale")


def check_meaning(network: PicoCodec, other: TrainedPico) -> None:
    """Refuse weights that read symbols otherwise than ``other``, or are about to learn to; the
    transforms may differ. Raises ``CheckpointError`` naming the first tensor.
    """
    if dataclasses.replace(network.config, name=other.config.name) != other.config:
        raise CheckpointError(
            f"{other.name} is of another configuration than {network.config.name}: its entropy "
            "model cannot be kept"
        )
    theirs = other.network.state_dict()
    for name, value in network.named_parameters():
        if name.startswith(_MEANING) and (
            value.requires_grad or not torch.equal(value.cpu().float(), theirs[name])
        ):
            what = "would learn" if value.requires_grad else f"is not that of {other.name}"
            raise CheckpointError(
                f"{name} {what}, so symbols mean something else: the entropy model cannot be kept; "
                "train with train_only = ['*encoder.*', 'decoder.*'], or calibrate anew"
            )


def _copied_beside(base: Path, weights: Path) -> Path:
    """Copy ``base`` and its configuration into the folder of ``weights``, unless they are there."""
    beside = weights.with_name(base.name)
    if beside == weights:
        raise CheckpointError(
            f"{weights} would replace the base of the difference; rename the base"
        )
    make_folder(weights.parent)
    for suffix in (base.suffix, ".json"):
        source, copy_of_it = base.with_suffix(suffix), beside.with_suffix(suffix)
        if not (copy_of_it.exists() and copy_of_it.samefile(source)):
            write_bytes(copy_of_it, source.read_bytes())
    return beside


def finalise(
    network: PicoCodec,
    photos: Photos,
    weights: Path,
    report: Callable[[int, int], None] = lambda done, total: None,
    crops: int = CALIBRATION_CROPS,
    linear_steps: int = LINEAR_STEPS,
    entropy_from: TrainedPico | None = None,
    difference_to: Path | None = None,
) -> Path:
    """Round ``network``, calibrate on ``crops`` crops of the training photos, write
    ``weights``.

    The linear scale decoder is fitted to the same symbols. Photos smaller than a tile are passed
    over. With ``entropy_from`` nothing is calibrated: its integer entropy models are kept, and with
    them the reading of streams. Returns ``weights``; the configuration goes beside it. Raises
    ``CheckpointError`` when symbols mean something else to ``network`` than to ``entropy_from``.
    With ``difference_to``, the file of ``entropy_from``, what is written is the difference to it,
    with a copy of it beside.
    """
    config = network.config
    rounded = copy.deepcopy(network).cpu().float().eval().requires_grad_(False)
    if entropy_from is not None:
        base = None
        if difference_to is None:
            _round_weights(rounded)
        else:  # its steps are coarser than a short mantissa, and nothing should be rounded twice
            base = _copied_beside(difference_to, weights)
        check_meaning(rounded, entropy_from)
        TrainedPico(config, rounded, entropy_from.entropy_models).save(weights, base)
        return weights
    _round_weights(rounded)
    large = tuple(p for p in photos.train if min(p.shape[:2]) >= config.tile)
    sampler = CropSampler(
        Photos(large, (), (), ()),
        config.tile,
        CALIBRATION_SEED,
        halve_probability=0.0,
        text_share=0.0,
    )
    calibration = calibrate(rounded, sampler, crops, report)
    fit_linear(rounded, calibration.samples, linear_steps)
    _round_weights(rounded)
    z_max = geometry_of(config).z_max
    table = anchor_weights(config.levels, config.anchors)
    models: dict[ScaleShape, EntropyModel] = {}
    shapes: tuple[ScaleShape, ScaleShape] = ("conv", "linear")
    for shape in shapes:
        decoder = rounded.scale_decoders[shape]
        assert isinstance(decoder, FloatScaleDecoder)
        layers = quantise(
            float_layers(decoder, table),
            calibration.activation_maxima[shape],
            z_max,
            fraction_bits=4,
        )
        tables = z_tables(calibration, config, z_max, BANKS[shape])
        models[shape] = entropy_model(layers, tables, calibration, config, 4)
    TrainedPico(config, rounded, models).save(weights)
    return weights
