"""What the shipped checkpoints promise of each other."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from pico_deploy.codecs.trained import ScaleShape, TrainedPico
from pico_deploy.entropy.serialise import to_bytes
from pico_deploy.evaluation.bd_rate import Curve, Point, bd_rate
from pico_deploy.training.integer_rate import IntegerRate

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS, TILES = ROOT / "pico_deploy/weights", ROOT / "converters/tiles"


@pytest.fixture(scope="module")
def pair() -> tuple[TrainedPico, TrainedPico]:
    names = ("pico-s", "pico-s-perceptual")
    faithful, perceptual = (TrainedPico.load(WEIGHTS / f"{name}.safetensors") for name in names)
    return faithful, perceptual


@pytest.mark.parametrize(("shape", "most"), [("conv", 1.003), ("linear", 1.025)])
def test_integers_cost_little_beside_the_float_conv_model(pair, shape, most: float) -> None:
    codec = pair[0]
    conv, tried = (
        IntegerRate(TrainedPico(codec.config, codec.network, codec.entropy_models, s))
        for s in ("conv", shape)
    )
    analysis, _ = codec.network.folded("crd")
    inputs = codec.network.example_inputs("analysis")
    float_bits = integer_bits = 0.0
    for path, level in itertools.product(sorted(TILES.glob("*.webp")), (0, 30, 60)):
        with Image.open(path) as tile:
            pixels = np.asarray(tile.convert("RGB"), np.float32) / 255
        inputs["x"] = torch.from_numpy(pixels).permute(2, 0, 1)[None]
        inputs["anchors"] = torch.from_numpy(codec.anchor_table)[level][None]
        with torch.no_grad():
            z, y = (symbols[0].to(torch.int8).numpy() for symbols in analysis(**inputs))
        valid = (z.shape[1:], y.shape[1:])
        float_bits += conv.measure(z, y, level, *valid).float_model
        integer_bits += tried.measure(z, y, level, *valid).integer_model
    assert integer_bits <= most * float_bits


@pytest.mark.parametrize("shape", ["conv", "linear"])
def test_pico_s_and_its_perceptual_twin_have_one_entropy_model(pair, shape: ScaleShape) -> None:
    faithful, perceptual = (to_bytes(codec.entropy_models[shape]) for codec in pair)
    assert faithful == perceptual


def test_each_restores_its_own_symbols_and_neither_the_other_s(pair) -> None:
    inputs = pair[0].network.example_inputs("analysis")
    with Image.open(sorted(TILES.glob("*.webp"))[0]) as tile:
        pixels = np.asarray(tile.convert("RGB"), np.float32) / 255
    inputs["x"] = torch.from_numpy(pixels).permute(2, 0, 1)[None]
    parts = [codec.parts("crd") for codec in pair]

    def psnr(z: Tensor, y: Tensor, reader: int) -> float:
        with torch.no_grad():
            decoded = parts[reader].synthesis(z, y, inputs["anchors"])
        return -10 * float(torch.log10((decoded - inputs["x"]).square().mean()))

    for writer, reader in ((0, 1), (1, 0)):
        with torch.no_grad():
            z, y = parts[writer].analysis(**inputs)
        own = psnr(z, y, writer)
        assert own > 26
        assert psnr(z, y, reader) < own - 3, "why a stream names the pixels it was made for"


@pytest.mark.parametrize("name", ["pico-s-perceptual", "pico-s-linear"])
def test_what_was_trained_on_is_stored_as_a_difference(name: str) -> None:
    sizes = [(WEIGHTS / f"{n}.safetensors").stat().st_size for n in ("pico-s", name)]
    assert sizes[1] < sizes[0] / 5


@torch.no_grad()
def rate_distortion(codec: TrainedPico, tile: Path, integer: bool) -> Curve:
    """What symbols cost under the integer model or, of `conv`, under the float one."""
    rate, parts = IntegerRate(codec), codec.parts("crd")
    inputs = codec.network.example_inputs("analysis")
    with Image.open(tile) as image:
        pixels = np.asarray(image.convert("RGB"), np.float32) / 255
    inputs["x"] = torch.from_numpy(pixels).permute(2, 0, 1)[None]
    points = []
    for level in (0, 20, 40, 60):
        inputs["anchors"] = torch.from_numpy(codec.anchor_table)[level][None]
        z, y = parts.analysis(**inputs)
        error = (parts.synthesis(z, y, inputs["anchors"]) - inputs["x"]).square().mean()
        symbols = [s[0].to(torch.int8).numpy() for s in (z, y)]
        bits = rate.measure(*symbols, level, z.shape[2:], y.shape[2:])
        found = bits.integer_model if integer else bits.float_model
        points.append(Point(found / inputs["x"][0, 0].numel(), -10 * float(torch.log10(error))))
    return Curve.of(points)


def test_one_layer_costs_little_where_z_is_made_for_it(pair) -> None:
    made_for_it = TrainedPico.load(WEIGHTS / "pico-s-linear.safetensors")
    assert made_for_it.scale_decoder == "linear" and len(made_for_it.entropy_model.layers) == 1
    assert made_for_it.entropy_model.z_tables.banks > 1
    conv = pair[0]
    made_for_conv = TrainedPico(conv.config, conv.network, conv.entropy_models, "linear")
    costs = []
    for tile in sorted(TILES.glob("*.webp")):
        float_conv = rate_distortion(conv, tile, integer=False)
        both = (rate_distortion(c, tile, integer=True) for c in (made_for_it, made_for_conv))
        costs.append([bd_rate(float_conv, curve).percent for curve in both])
    cost, control = np.mean(costs, axis=0)
    assert cost <= 0.5 < 1 < control
