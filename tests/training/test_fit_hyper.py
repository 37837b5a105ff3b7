"""Hyper-analysis that learns for the linear scale decoder."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_pico import short_fits

from pico_deploy._core import Model
from pico_deploy.cli.app import run
from pico_deploy.codecs.config import PRESETS
from pico_deploy.codecs.pico import PicoCodec, fold_networks
from pico_deploy.codecs.trained import TrainedPico
from pico_deploy.entropy.serialise import to_bytes
from pico_deploy.errors import CheckpointError, TrainingError
from pico_deploy.training import fit_hyper as module
from pico_deploy.training.data import CropSampler, Photos, load_photos
from pico_deploy.training.finalise import finalise, refit_hyper
from pico_deploy.training.fit_hyper import (
    HyperFit,
    Latents,
    error_weights,
    fit_hyper,
    latent_error,
    latents_of,
)
from pico_deploy.training.fit_scale_decoder import Fit
from pico_deploy.training.objective import code, index_bits
from pico_deploy.training.start import load_weights

QUICK = HyperFit(crops=8, steps=60, batch=4, learning_rate=1e-2, linear_learning_rate=2e-2)


ROOT = Path(__file__).parents[2]
MODEL = ROOT / "conformance" / "model" / "conformance.safetensors"
PHOTOS = ROOT / "converters" / "tiles"


@pytest.fixture
def network() -> PicoCodec:
    """A codec that was trained: of a random one every error is there to be mended."""
    return TrainedPico.load(MODEL).network


@pytest.fixture
def tiles(network: PicoCodec) -> CropSampler:
    photos = load_photos(PHOTOS, None, network.config.tile, 4, lambda _: None)
    return CropSampler(photos, network.config.tile, 1, halve_probability=0.0, text_share=0.0)


def measured(network: PicoCodec, latents: Latents, weights: torch.Tensor) -> tuple[float, ...]:
    """Mean bits of z and of y under `linear`, mean error of the latent."""
    with torch.no_grad():
        latent, anchors = latents.batch(torch.arange(len(latents.values)))
        coded = code(network, latent, anchors, noise=False)
        bits = index_bits(network, coded.y, network.scale_decoders["linear"](coded.z, anchors))
        error = latent_error(coded.values, latent, weights[latents.anchor])
    return coded.z_bits.mean().item(), bits.mean().item(), error.mean().item()


def fitted(network: PicoCodec, tiles: CropSampler) -> tuple[float, float]:
    """How bits and error change."""
    latents = latents_of(network, tiles, 8, lambda done, total: None)
    weights = error_weights(network, tiles, 8, latents.table)
    before = measured(network, latents, weights)
    fit_hyper(network, latents, tiles, QUICK)
    after = measured(network, latents, weights)
    return sum(after[:2]) / sum(before[:2]), after[2] / before[2]


def test_fewer_bits_at_the_error_that_was_there(network, tiles, monkeypatch) -> None:
    monkeypatch.setattr(module, "WARM_UP", 20)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    bits, error = fitted(network, tiles)
    assert bits < 0.96
    assert 0.8 < error < 1
    changed = {n for n, v in network.state_dict().items() if not torch.equal(v, before[n])}
    learned = ("hyper_encoder.", "scale_decoders.linear.", "z_log_scale")
    assert changed and all(name.startswith(learned) for name in changed)
    assert all(any(name.startswith(part) for name in changed) for part in learned)


def test_without_a_price_the_error_grows(network, tiles, monkeypatch) -> None:
    monkeypatch.setattr(module, "WARM_UP", 20)
    monkeypatch.setattr(module, "FIRST_PRICE", 0.0)
    assert fitted(network, tiles)[1] > 1.03


def test_the_weights_of_errors_say_what_pixels_lose(network, tiles) -> None:
    latents = latents_of(network, tiles, 4, lambda done, total: None)
    weights = error_weights(network, tiles, 4, latents.table)
    assert weights.shape == (8, network.config.latent_channels) and bool((weights > 0).all())
    decoder = fold_networks(network, "crd").decoder
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        latent, anchors = latents.batch(torch.arange(8))
        noisy = latent + 0.3 * torch.randn(latent.shape, generator=generator)
        true = (decoder(noisy, anchors) - decoder(latent, anchors)).square().mean() * 65025
    told = latent_error(noisy, latent, weights[latents.anchor]).mean()
    assert told.item() == pytest.approx(true.item(), rel=0.25)


def test_a_loss_that_is_not_finite_stops(network, tiles) -> None:
    with torch.no_grad():
        network.z_log_scale.fill_(float("nan"))
    latents = latents_of(network, tiles, 8, lambda done, total: None)
    with pytest.raises(TrainingError, match="not finite at step 0"):
        fit_hyper(network, latents, tiles, QUICK)


@pytest.fixture
def weights(tiny_preset: str, photos, tmp_path) -> Path:
    torch.manual_seed(4)
    network = PicoCodec(PRESETS[tiny_preset]).eval()
    path = tmp_path / "w" / "tiny.safetensors"
    return finalise(network, photos, path, crops=2, fits=short_fits(20))


def test_the_command_makes_a_codec_of_its_own(
    weights, tmp_path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    short = HyperFit(crops=2, steps=3, batch=2)
    monkeypatch.setattr(module, "WARM_UP", 1)
    quick = functools.partial(refit_hyper, hyper_fit=short, fit=Fit(2, 5e-2))
    monkeypatch.setattr("pico_deploy.training.finalise.refit_hyper", quick)
    photos = tmp_path / "noise"
    photos.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (160, 160, 3), np.uint8)
    Image.fromarray(noise).save(photos / "one.png")
    command = ["refit", str(weights), "--data", str(photos), "--hyper", "-o"]
    out = weights.with_name("other.safetensors")
    for wrong, told in (
        ([str(weights.with_name("more") / weights.name)], "another codec than tiny"),
        ([str(out), "--channel", "0"], "leave out --channel"),
    ):
        assert run([*command, *wrong]) == 2
        assert told in capsys.readouterr().err and not out.exists()
    assert run([*command, str(out)]) == 0
    told = capsys.readouterr().err
    assert all(
        f"2 of 2, {what}" in told or f"3 of 3, {what}" in told for what in ("crops", "steps")
    )
    made, base = TrainedPico.load(out), TrainedPico.load(weights)
    assert made.name == "other" and made.scale_decoder == "linear"
    assert set(made.entropy_models) == {"linear"}
    with pytest.raises(CheckpointError, match="no 'conv' scale decoder"):
        TrainedPico.load(out, "conv")
    theirs = base.network.state_dict()
    same = {n for n, v in made.network.state_dict().items() if torch.equal(v, theirs[n])}
    assert all(n in same for n in theirs if n.startswith(("encoder.", "decoder.", "context.")))
    assert not any(n in same for n in theirs if n.startswith("hyper_encoder.net.0.weight"))

    # As a difference: the integers exactly, the floats those that the integers stand for.
    small = weights.with_name("small.safetensors")
    assert run(["difference", str(out), "--base", str(weights), "-o", str(small)]) == 0
    again = TrainedPico.load(small)
    assert set(again.entropy_models) == {"linear"}
    assert to_bytes(again.entropy_model) == to_bytes(made.entropy_model)
    assert small.stat().st_size < out.stat().st_size
    begun = PicoCodec(made.config)
    load_weights(begun, small)
    state = again.network.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in begun.state_dict().items())
    rng = np.random.default_rng(0)
    z = np.rint(rng.normal(0, 2, (1, base.config.hyper_channels, 2, 2))).astype(np.int8)
    for level in (0, 35, 70):
        index = Model(to_bytes(again.entropy_model)).scale_indices(z, np.array([level], np.uint8))
        anchors = torch.from_numpy(again.anchor_table[[level]])
        real = again.network.scale_decoders["linear"](torch.from_numpy(z).float(), anchors)
        # A whole step of the bias is a sixteenth of an index, rounding to an index is half.
        assert np.abs(index - real.clamp(0, 63).numpy()).max() < 0.5 + 3 / 32


def test_a_photo_too_small_for_a_tile_is_refused(weights) -> None:
    small = Photos((np.zeros((64, 64, 3), np.uint8),), (), (), ())
    with pytest.raises(TrainingError, match="at least 128×128 px"):
        refit_hyper(TrainedPico.load(weights), small, "other")
