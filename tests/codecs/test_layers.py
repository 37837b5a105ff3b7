import pytest
import torch
from torch import nn

from pico_deploy.codecs.layers import ConvScale, ConvScale311, LevelScale, fold
from pico_deploy.codecs.resampling import Down, Up, haar_down, haar_matrix, haar_up
from pico_deploy.codecs.shuffle import (
    depth_to_space,
    depth_to_space_dcr_batched,
    grid_to_space,
    shuffle_channels_crd_to_dcr,
    space_to_grid,
)


def randomised(module: nn.Module) -> nn.Module:
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    return module.eval()


def test_haar_matrix_is_orthonormal_and_symmetric() -> None:
    h = haar_matrix()
    assert torch.equal(h @ h, torch.eye(4))
    assert torch.equal(h, h.t())


def test_haar_inverse_is_exact_on_integers_0_to_255() -> None:
    x = torch.randint(0, 256, (2, 3, 64, 64)).float()
    assert torch.equal(haar_up(haar_down(x)), x)
    assert torch.equal(haar_up(haar_up(haar_down(haar_down(x)))), x)


def test_haar_inverse_is_within_1e_6_on_floats() -> None:
    x = torch.rand(2, 3, 64, 64)
    assert (haar_up(haar_down(x)) - x).abs().max() <= 1e-6


def test_a_wrong_haar_sign_would_be_noticed() -> None:
    x = torch.randint(0, 256, (1, 3, 8, 8)).float()
    bands = haar_down(x)
    bands[:, 1::4] *= -1
    assert not torch.equal(haar_up(bands), x)


@pytest.mark.parametrize("resampling", ["haar", "shuffle", "strided"])
@pytest.mark.parametrize("order", ["crd", "dcr"])
@pytest.mark.parametrize("blocks", [1, 2])
def test_folding_resampling_keeps_the_function(resampling, order, blocks) -> None:
    torch.manual_seed(0)
    down = randomised(Down(3, 8, blocks=blocks, resampling=resampling, offset=-0.5))
    up = randomised(Up(8, 3, blocks=blocks, resampling=resampling, offset=0.5))
    x = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        latent = down(x)
        assert (fold(down, order)(x) - latent).abs().max() < 1e-4
        assert (fold(up, order)(latent) - up(latent)).abs().max() < 1e-4


def test_down_equals_haar_transform_followed_by_its_1x1() -> None:
    torch.manual_seed(0)
    down = randomised(Down(3, 5, blocks=2))
    assert isinstance(down, Down)
    x = torch.rand(1, 3, 16, 16)
    with torch.no_grad():
        # blocks=2 keeps, per input channel, the 16 sub-bands of two nested Haar levels together.
        bands = torch.cat([haar_down(haar_down(x[:, c : c + 1])) for c in range(3)], 1)
        assert (down.conv(bands) - down(x)).abs().max() < 1e-5


def test_offsets_add_to_input_and_output() -> None:
    torch.manual_seed(0)
    down, up = Down(3, 4, offset=-0.5), Up(4, 3, offset=0.5)
    plain_down, plain_up = Down(3, 4), Up(4, 3)
    plain_down.load_state_dict(down.state_dict())
    plain_up.load_state_dict(up.state_dict())
    x, y = torch.rand(1, 3, 8, 8), torch.rand(1, 4, 4, 4)
    with torch.no_grad():
        assert torch.allclose(down(x), plain_down(x - 0.5), atol=1e-6)
        assert torch.allclose(up(y), plain_up(y) + 0.5, atol=1e-6)


@pytest.mark.parametrize("kernel,groups", [(1, 1), (3, 1), (3, 4)])
def test_conv_scale_folds_its_scales(kernel, groups) -> None:
    torch.manual_seed(0)
    layer = randomised(ConvScale(8, 12, kernel, groups=groups))
    x = torch.randn(2, 8, 9, 9)
    with torch.no_grad():
        expected = nn.functional.conv2d(
            x * layer.scale_in.repeat(1, groups, 1, 1),
            layer.weight,
            None,
            1,
            kernel // 2,
            1,
            groups,
        )
        expected = (expected + layer.bias[:, None, None]) * layer.scale_out.view(1, -1, 1, 1)
        assert (layer(x) - expected).abs().max() < 1e-4
        assert (fold(layer, "crd")(x) - layer(x)).abs().max() < 1e-4


def test_folded_modules_are_plain_convolutions() -> None:
    block = fold(ConvScale311(8, 1.0, 2.0), "crd")
    kinds = {type(m) for m in block.modules()} - {ConvScale311}
    assert kinds == {nn.Conv2d}


def test_level_scale_interpolates_linearly_between_anchors() -> None:
    torch.manual_seed(0)
    scale = randomised(LevelScale(4, 6))
    x = torch.randn(1, 6, 5, 5)
    weights = torch.tensor([[0.0, 0.25, 0.75, 0.0]])
    with torch.no_grad():
        one, two = (scale(x, torch.eye(4)[[i]]) for i in (1, 2))
        assert torch.allclose(scale(x, weights), 0.25 * one + 0.75 * two, atol=1e-5)
        assert torch.allclose(fold(scale, "crd")(x, weights), scale(x, weights), atol=1e-5)


@pytest.mark.parametrize("block", [2, 4])
def test_dcr_order_is_a_permutation_of_crd(block) -> None:
    x = torch.randn(1, 3 * block * block, 4, 5)
    index = shuffle_channels_crd_to_dcr(3, block)
    expected = depth_to_space(x, block, "crd")
    assert torch.equal(depth_to_space(x[:, index], block, "dcr"), expected)
    assert torch.equal(depth_to_space_dcr_batched(x[:, index], block), expected)


@pytest.mark.parametrize("order", ["crd", "dcr"])
def test_the_2x2_grid_moves_every_element_once(order) -> None:
    x = torch.arange(2 * 6 * 8).float().view(1, 2, 6, 8)
    cells = space_to_grid(x, order)
    for k, cell in enumerate(cells):
        assert torch.equal(cell, x[:, :, k // 2 :: 2, k % 2 :: 2])
    assert torch.equal(grid_to_space(cells, order), x)
