import math

import pytest
import torch

from pico_deploy.codecs.config import PRESETS
from pico_deploy.codecs.layers import ConvScale311, LevelScale
from pico_deploy.codecs.levels import anchor_weights
from pico_deploy.codecs.pico import PicoCodec
from pico_deploy.training.objective import (
    gaussian_bits,
    index_to_scale,
    level_lambda,
    simulate,
    straight_through,
)


@pytest.mark.parametrize("scale", [0.11, 1.0, 20.0])
def test_masses_of_a_unit_grid_sum_to_one(scale: float) -> None:
    values = torch.arange(-200.0, 201.0, dtype=torch.float64)
    bits = gaussian_bits(values, torch.tensor(scale, dtype=torch.float64))
    assert torch.exp2(-bits).sum().item() == pytest.approx(1, abs=1e-3)


def test_bits_match_the_closed_form_at_zero() -> None:
    expected = -math.log2(math.erf(0.5 / math.sqrt(2)))
    assert gaussian_bits(torch.zeros(1), torch.ones(1)).item() == pytest.approx(expected, abs=1e-4)


def test_a_hopeless_value_still_has_a_gradient() -> None:
    value = torch.tensor([90.0], requires_grad=True)
    gaussian_bits(value, torch.tensor([0.11])).sum().backward()
    assert value.grad is not None and value.grad.item() > 1e-3


def test_scale_index_is_log_spaced_and_clamped_with_a_gradient_at_the_edge() -> None:
    index = torch.tensor([-2.0, 0.0, 31.5, 63.0, 65.0], requires_grad=True)
    scale = index_to_scale(index, 0.11, 20.0, 64)
    expected = [0.11, 0.11, math.sqrt(0.11 * 20), 20.0, 20.0]
    assert scale.tolist() == pytest.approx(expected, rel=1e-5)
    scale.sum().backward()
    assert index.grad is not None and (index.grad > 0).all()


def test_straight_through_is_the_value_forward_and_the_identity_backward() -> None:
    x = torch.linspace(-70, 70, 9999).requires_grad_(True)
    value = torch.arange(9999.0) % 64
    y = straight_through(x, value)
    assert torch.equal(y, value), "not a bit off: integers are made of it"
    y.sum().backward()
    assert x.grad is not None and (x.grad == 1).all()


def test_lambda_spans_its_range_in_equal_ratios() -> None:
    weights = level_lambda(torch.arange(71), 71, 0.001, 0.1)
    assert weights[0].item() == pytest.approx(0.001) and weights[-1].item() == pytest.approx(0.1)
    assert torch.allclose(weights[1:] / weights[:-1], weights[1] / weights[0])


def test_without_noise_the_simulation_equals_the_deployed_parts(tiny_preset: str) -> None:
    """What training optimises is what analysis and synthesis compute."""
    torch.manual_seed(0)
    codec = PicoCodec(PRESETS[tiny_preset]).eval()
    anchors = torch.from_numpy(anchor_weights(71, 8))[[33]]
    x = torch.rand(1, 3, 128, 128)
    analysis, synthesis = codec.folded("crd")
    inputs = codec.example_inputs("analysis")
    with torch.no_grad():
        out = simulate(codec, x, anchors, noise=False, bf16=False)
        z, y = analysis(x, anchors, inputs["y_mask"], inputs["z_mask"])
        x_hat = synthesis(z, y, anchors)
    assert (out.x_hat.clamp(0, 1) - x_hat).abs().mean() < 2e-3
    scale = torch.exp(anchors @ codec.z_log_scale)[:, :, None, None]
    assert out.z_bits.item() == pytest.approx(gaussian_bits(z, scale).sum().item(), rel=0.02)


def test_the_linear_scale_decoder_does_not_steer_the_codec(tiny_preset: str) -> None:
    torch.manual_seed(0)
    codec = PicoCodec(PRESETS[tiny_preset])
    x, anchors = torch.rand(2, 3, 128, 128), torch.eye(8)[[1, 6]]
    out = simulate(codec, x, anchors, noise=True, bf16=False, linear=True)
    assert out.linear_y_bits is not None
    out.linear_y_bits.sum().backward()
    touched = {
        n for n, p in codec.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0
    }
    assert touched and all(n.startswith("scale_decoders.linear.") for n in touched)


def test_bf16_rounds_in_residual_branches_alone(tiny_preset: str) -> None:
    """What is learned under bf16 is deployed in float32: a gain that is rounded in one of them
    shifts whole pictures in the other."""
    torch.manual_seed(0)
    codec = PicoCodec(PRESETS[tiny_preset]).eval()
    with torch.no_grad():
        for module in codec.modules():
            if isinstance(module, ConvScale311):
                module.project.scale_out.zero_()
            if isinstance(module, LevelScale):
                module.log_scale.add_(0.3 * torch.rand_like(module.log_scale))
    x, anchors = torch.rand(1, 3, 128, 128), torch.eye(8)[[5]]
    with torch.no_grad():
        latent = codec.encoder(x, anchors)
        decoded = codec.decoder(latent, anchors)
        with torch.autocast("cpu", torch.bfloat16):
            assert torch.equal(codec.encoder(x, anchors), latent)
            assert torch.equal(codec.decoder(latent, anchors), decoded)
            branch = codec.decoder.stage[0][0].conv3(codec.decoder.head(latent))
            assert branch.dtype == torch.bfloat16
