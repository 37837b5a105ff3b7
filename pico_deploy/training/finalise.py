"""From averaged float weights to a checkpoint that converts anywhere: short weights, entropy
model in integers.

This is the last step that runs a float network before symbols are defined; its result is stored,
so no later step depends on the machine.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from pico_deploy.codecs.config import PicoConfig
from pico_deploy.codecs.levels import anchor_weights
from pico_deploy.codecs.pico import PicoCodec
from pico_deploy.codecs.trained import ScaleShape, TrainedPico
from pico_deploy.entropy.factorised import factorised_tables
from pico_deploy.entropy.levels import anchor_levels
from pico_deploy.entropy.model import EntropyModel, ZTables
from pico_deploy.entropy.quantise import with_whole_biases
from pico_deploy.errors import CheckpointError, TrainingError, UsageError
from pico_deploy.outputs import make_folder, write_bytes
from pico_deploy.training.calibrate import Sample, calibrate, z_counts
from pico_deploy.training.data import CropSampler, Photos
from pico_deploy.training.fit_banks import fit_banks
from pico_deploy.training.fit_hyper import HyperFit, fit_hyper, latents_of, symbols_of
from pico_deploy.training.fit_scale_decoder import FITS, Fit, fit_scale_decoder
from pico_deploy.training.integer_twin import IntegerTwin
from pico_deploy.training.short_weights import round_weights

CALIBRATION_CROPS = 320
CALIBRATION_SEED = 20_000
Z_ROWS = 128
# The linear scale decoder predicts less from z, and gets some of it back by more tables of z.
BANKS: dict[ScaleShape, int] = {"conv": 1, "linear": 8}
# Observations that every value of z is granted beforehand, so that none is impossible.
Z_PRIOR = 0.02


def z_tables(
    samples: tuple[Sample, ...], config: PicoConfig, z_max: int, banks: int = 1
) -> ZTables:
    """Factorised tables fitted to z, of one bank or of several that `fit_banks` finds."""
    weights = anchor_weights(config.levels, config.anchors)
    levels = anchor_levels(weights)
    nearest = weights.argmax(1).astype(np.uint8)
    if banks > 1:
        pmf, share = fit_banks(samples, levels, z_max, banks)
        return factorised_tables(pmf, nearest, max_rows=Z_ROWS, bank_pmf=share)
    counts = z_counts(samples, levels, z_max).astype(np.float64) + Z_PRIOR
    pmf = counts / counts.sum(-1, keepdims=True)
    return factorised_tables(pmf[:, None], nearest, max_rows=Z_ROWS)


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


def _tiles(photos: Photos, config: PicoConfig) -> CropSampler:
    """Crops of the training photos that are no smaller than a tile."""
    large = tuple(p for p in photos.train if min(p.shape[:2]) >= config.tile)
    if not large:
        raise TrainingError(f"no photo for training of at least {config.tile}×{config.tile} px")
    return CropSampler(
        Photos(large, (), (), ()),
        config.tile,
        CALIBRATION_SEED,
        halve_probability=0.0,
        text_share=0.0,
    )


def refit_linear(
    codec: TrainedPico,
    photos: Photos,
    channels: Sequence[int] | None = None,
    report: Callable[[int, int, str], None] = lambda done, total, what: None,
    crops: int = CALIBRATION_CROPS,
    fit: Fit = FITS["linear"],
) -> TrainedPico:
    """``codec`` with its linear scale decoder fitted again to its symbols of ``photos``; a copy.

    All else stays, bit for bit: transforms, tables, the model of `conv`. With ``channels`` of y
    only what they read learns. Raises ``CheckpointError`` when there is none, ``UsageError`` for a
    channel that is not there, ``TrainingError`` when no photo is as large as a tile.
    """
    try:
        model = codec.entropy_models["linear"]
    except KeyError:
        raise CheckpointError(f"{codec.name} has no linear scale decoder to fit again") from None
    count = codec.config.latent_channels
    if wrong := [c for c in channels or () if not 0 <= c < count]:
        raise UsageError(f"{codec.name} has channels 0 to {count - 1} of y, not {wrong[0]}")
    network = copy.deepcopy(codec.network)
    tiles = _tiles(photos, codec.config)
    calibration = calibrate(network, tiles, crops, lambda i, n: report(i, n, "crops"))
    twin = IntegerTwin(network, "linear", calibration.activation_maxima["linear"])
    fit_scale_decoder(
        twin, model.z_tables, calibration.samples, fit, channels, lambda i, n: report(i, n, "steps")
    )
    round_weights(network.scale_decoders["linear"])
    fitted = dataclasses.replace(model, layers=twin.layers())
    models = {**codec.entropy_models, "linear": fitted}
    return TrainedPico(codec.config, network, models, codec.scale_decoder)


def refit_hyper(
    codec: TrainedPico,
    photos: Photos,
    name: str,
    report: Callable[[int, int, str], None] = lambda done, total, what: None,
    hyper_fit: HyperFit = HyperFit(),  # noqa: B008 - frozen
    fit: Fit = FITS["linear"],
) -> TrainedPico:
    """A codec called ``name`` whose z is made for the linear scale decoder, the only one it has;
    all that lies between pixels and symbols but hyper-analysis is that of ``codec``.

    Its tables and integers are fitted to what it emits for the crops that hyper-analysis learned
    on: their latents are there, and with a third of them it cost 0.5 % more. Raises
    ``TrainingError``.
    """
    config = dataclasses.replace(codec.config, name=name, scale_decoder="linear")
    tiles = _tiles(photos, config)
    network = copy.deepcopy(codec.network)
    network.config = config
    latents = latents_of(network, tiles, hyper_fit.crops, lambda i, n: report(i, n, "crops"))
    fit_hyper(network, latents, tiles, hyper_fit, lambda i, n: report(i, n, "steps of z"))
    round_weights(network)
    samples = symbols_of(network, latents)
    twin = IntegerTwin(network, "linear", ())
    tables = z_tables(samples, config, twin.z_max, BANKS["linear"])
    model = fit_scale_decoder(twin, tables, samples, fit, None, lambda i, n: report(i, n, "steps"))
    round_weights(network)
    model = dataclasses.replace(model, layers=with_whole_biases(model.layers, twin.z_max))
    return TrainedPico(config, network, {"linear": model})


def finalise(
    network: PicoCodec,
    photos: Photos,
    weights: Path,
    report: Callable[[int, int], None] = lambda done, total: None,
    crops: int = CALIBRATION_CROPS,
    fits: Mapping[ScaleShape, Fit] = FITS,
    entropy_from: TrainedPico | None = None,
    difference_to: Path | None = None,
) -> Path:
    """Round ``network``, calibrate on ``crops`` crops of the training photos, write
    ``weights``.

    Both scale decoders are fitted to the same symbols through their integers. Photos smaller than a
    tile are passed over. With ``entropy_from`` nothing is calibrated: its integer entropy models
    are kept, and with them the reading of streams. Returns ``weights``; the configuration goes
    beside it. Raises ``CheckpointError`` when symbols mean something else to ``network`` than to
    ``entropy_from``. With ``difference_to``, the file of ``entropy_from``, what is written is the
    difference to it, with a copy of it beside.
    """
    config = network.config
    rounded = copy.deepcopy(network).cpu().float().eval().requires_grad_(False)
    if entropy_from is not None:
        base = None
        if difference_to is None:
            round_weights(rounded)
        else:  # its steps are coarser than a short mantissa, and nothing should be rounded twice
            base = _copied_beside(difference_to, weights)
        check_meaning(rounded, entropy_from)
        TrainedPico(config, rounded, entropy_from.entropy_models).save(weights, base)
        return weights
    round_weights(rounded)
    calibration = calibrate(rounded, _tiles(photos, config), crops, report)
    models: dict[ScaleShape, EntropyModel] = {}
    for shape, fit in fits.items():
        twin = IntegerTwin(rounded, shape, calibration.activation_maxima[shape])
        tables = z_tables(calibration.samples, config, twin.z_max, BANKS[shape])
        models[shape] = fit_scale_decoder(twin, tables, calibration.samples, fit)
    round_weights(rounded)
    TrainedPico(config, rounded, models).save(weights)
    return weights
