import copy
import dataclasses

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from pico_deploy.codecs.config import PRESETS
from pico_deploy.codecs.layers import fold
from pico_deploy.codecs.levels import anchor_weights
from pico_deploy.codecs.pico import PicoCodec, fold_networks, round_half_up


def millions(module: torch.nn.Module) -> float:
    return sum(p.numel() for p in module.parameters()) / 1e6


def kilo_macs_per_pixel(
    module: torch.nn.Module, inputs: dict[str, torch.Tensor], side: int
) -> float:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(**inputs)
    return counter.get_total_flops() / 2 / side**2 / 1e3


def test_the_large_preset_has_the_scale_of_the_paper() -> None:
    codec = PicoCodec(PRESETS["pico"])
    analysis, synthesis = codec.folded("crd")
    assert 33 <= kilo_macs_per_pixel(synthesis, codec.example_inputs("synthesis"), 512) <= 48
    assert millions(synthesis) == pytest.approx(9.6, rel=0.05)
    assert millions(analysis) == pytest.approx(15.2, rel=0.05)


def test_the_small_preset_is_at_most_a_third_of_the_large_one() -> None:
    large, small = PicoCodec(PRESETS["pico"]), PicoCodec(PRESETS["pico-s"])
    for part, index in (("analysis", 0), ("synthesis", 1)):
        costs = [
            kilo_macs_per_pixel(c.folded("crd")[index], c.example_inputs(part), 512)
            for c in (small, large)
        ]
        assert costs[0] <= costs[1] / 3


def test_the_conv_scale_decoder_of_pico_s_stays_within_30_mmac_a_tile() -> None:
    codec = PicoCodec(PRESETS["pico-s"])
    z = torch.zeros(1, codec.config.hyper_channels, 8, 8)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        codec.scale_decoders["conv"](z, torch.eye(8)[[0]])
    assert counter.get_total_flops() / 2 <= 30e6


@pytest.mark.parametrize("order", ["crd", "dcr"])
def test_folding_changes_every_network_by_less_than_1e_4(small_codec, order) -> None:
    cfg = small_codec.config
    anchors = torch.zeros(1, cfg.anchors)
    anchors[0, 3:5] = torch.tensor([0.3, 0.7])
    twin = fold_networks(small_codec, order)
    torch.manual_seed(1)
    x = torch.rand(1, 3, cfg.tile, cfg.tile)
    with torch.no_grad():
        latent = small_codec.encoder(x, anchors)
        assert (twin.encoder(x, anchors) - latent).abs().max() < 1e-4
        z = small_codec.hyper_encoder(latent, anchors)
        assert (twin.hyper_encoder(latent, anchors) - z).abs().max() < 1e-4
        prior = small_codec.context.decode_prior(z, anchors)
        assert (twin.context.decode_prior(z, anchors) - prior).abs().max() < 1e-4
        x_hat = small_codec.decoder(latent, anchors)
        assert (twin.decoder(latent, anchors) - x_hat).abs().max() < 1e-4


def test_a_scale_left_out_of_the_folding_would_be_noticed(small_codec) -> None:
    twin = copy.deepcopy(small_codec)
    with torch.no_grad():
        twin.encoder.head.scale_out.fill_(1.0)
    fold(twin.encoder, "crd")
    x, anchors = torch.rand(1, 3, 128, 128), torch.eye(8)[[2]]
    with torch.no_grad():
        assert (twin.encoder(x, anchors) - small_codec.encoder(x, anchors)).abs().max() > 1e-3


def test_symbols_are_exact_integers_within_limits_and_void_ones_are_zero(small_codec) -> None:
    analysis, _ = small_codec.folded("crd")
    inputs = small_codec.example_inputs("analysis")
    torch.manual_seed(2)
    inputs["x"] = torch.rand_like(inputs["x"]) * 40 - 20  # far outside: the clamps must hold
    inputs["y_mask"][..., 5:, :] = 0
    inputs["z_mask"][..., 1:] = 0
    with torch.no_grad():
        z, y = analysis(**inputs)
    assert torch.equal(z, z.round())
    assert torch.equal(y, y.round())
    assert z.abs().max() <= 31
    assert y.abs().max() <= 127
    assert y[..., 5:, :].abs().max() == 0
    assert z[..., 1:].abs().max() == 0
    assert y[..., :5, :].abs().max() > 0


def test_analysis_and_synthesis_compute_the_same_context(small_codec) -> None:
    """The decoder's latent is what the encoder's context model believed it to be."""
    cfg = small_codec.config
    analysis, synthesis = small_codec.folded("crd")
    inputs = small_codec.example_inputs("analysis")
    torch.manual_seed(3)
    inputs["x"] = torch.rand_like(inputs["x"])
    anchors = inputs["anchors"]
    with torch.no_grad():
        z, y = analysis(**inputs)
        latent = analysis.encoder(inputs["x"], anchors)
        prior = synthesis.context.decode_prior(z, anchors)
        mu, q = synthesis.context.step(0, prior, [])
    first = (y[:, :, ::2, ::2] * q + mu) - latent[:, :, ::2, ::2]
    inside = y[:, :, ::2, ::2].abs() < 127
    assert (first.abs() <= 0.5 * q + 1e-3)[inside].all()
    assert q.min() >= cfg.q_min - 1e-6


def test_rounding_is_half_up() -> None:
    x = torch.tensor([-1.5, -0.5, -0.4999, 0.4999, 0.5, 1.5])
    assert round_half_up(x).tolist() == [-1, 0, 0, 0, 1, 2]


@pytest.mark.parametrize(
    "switch",
    [
        {"context_model": False},
        {"learned_quantisation": False},
        {"learned_scales": False},
        {"resampling": "shuffle"},
        {"resampling": "strided"},
        {
            "context_model": False,
            "learned_quantisation": False,
            "learned_scales": False,
            "resampling": "shuffle",
        },
    ],
    ids=lambda s: "+".join(f"{k}={v}" for k, v in s.items()),
)
def test_each_ablation_builds_and_runs(small_config, switch) -> None:
    codec = PicoCodec(dataclasses.replace(small_config, **switch)).eval()
    analysis, synthesis = codec.folded("crd")
    with torch.no_grad():
        z, y = analysis(**codec.example_inputs("analysis"))
        x_hat = synthesis(z, y, codec.example_inputs("synthesis")["anchors"])
    assert x_hat.shape == (1, 3, 128, 128)
    if not switch.get("learned_scales", True):
        frozen = [p for n, p in codec.named_parameters() if n.endswith(("scale_in", "scale_out"))]
        assert frozen and not any(p.requires_grad for p in frozen)


def test_without_context_the_known_latents_are_not_read(small_config) -> None:
    codec = PicoCodec(dataclasses.replace(small_config, context_model=False)).eval()
    prior = torch.rand(1, small_config.prior_channels, 4, 4)
    known = [torch.rand(1, small_config.latent_channels, 4, 4)]
    with torch.no_grad():
        assert torch.equal(
            codec.context.step(1, prior, known)[0], codec.context.step(1, prior, [])[0]
        )


@pytest.mark.parametrize("order", ["crd", "dcr"])
@pytest.mark.parametrize("part", ["analysis", "synthesis"])
def test_parts_are_traceable_by_torch_export(small_codec, part, order) -> None:
    module = dict(zip(("analysis", "synthesis"), small_codec.folded(order), strict=True))[part]
    inputs = small_codec.example_inputs(part)
    program = torch.export.export(module, (), kwargs=inputs)
    with torch.no_grad():
        expected, got = module(**inputs), program.module()(**inputs)
    pairs = zip(expected, got, strict=True) if part == "analysis" else [(expected, got)]
    for a, b in pairs:
        assert torch.equal(a, b)


def test_anchor_weights_name_two_neighbours_that_sum_to_one() -> None:
    table = anchor_weights(71, 8)
    assert table.shape == (71, 8)
    assert (abs(table.sum(1) - 1) < 1e-6).all()
    for level, row in enumerate(table):
        assert 1 <= (row > 0).sum() <= 2
        assert row[level // 10] > 0
    assert table[40].tolist() == [0, 0, 0, 0, 1, 0, 0, 0]
