"""Each term has its known value, a gradient, and a fault that it alone sees."""

import pytest
import torch
from PIL import Image

from pico_deploy.errors import MissingDependencyError, UsageError
from pico_deploy.training.config import PerceptualConfig
from pico_deploy.training.perceptual import terms as terms_module
from pico_deploy.training.perceptual.discriminator import (
    PatchDiscriminator,
    adversarial_loss,
    discriminator_loss,
)
from pico_deploy.training.perceptual.ms_ssim import ms_ssim_loss
from pico_deploy.training.perceptual.ssimulacra2 import ssimulacra2_loss
from pico_deploy.training.perceptual.terms import PerceptualTerms
from pico_deploy.training.perceptual.text_fidelity import text_loss
from pico_deploy.training.perceptual.tiling import BAND, tiling_loss

BORDER = 4


def photo(side: int = 192, count: int = 2) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    coarse = torch.rand(count, 3, side // 8, side // 8, generator=generator)
    return torch.nn.functional.interpolate(coarse, size=(side, side), mode="bicubic").clamp(0, 1)


def terms(side: int = 192, **weights: float) -> PerceptualTerms:
    torch.manual_seed(0)
    try:
        return PerceptualTerms(PerceptualConfig.model_validate(weights), side, BORDER)
    except MissingDependencyError as error:
        pytest.skip(str(error))


def test_ms_ssim_is_zero_for_equal_pictures_and_falls_along_its_gradient() -> None:
    pytest.importorskip("pytorch_msssim")
    x = photo()
    assert ms_ssim_loss(x, x).tolist() == pytest.approx([0, 0], abs=1e-6)
    y = (x + 0.1 * torch.sin(torch.arange(192.0))).requires_grad_(True)
    before = ms_ssim_loss(x, y)
    before.sum().backward()
    assert y.grad is not None
    after = ms_ssim_loss(x, y.detach() - 20 * y.grad)
    assert (after < before).all()


def _files(tmp_path, *pictures: torch.Tensor) -> list[str]:
    paths = []
    for number, picture in enumerate(pictures):
        pixels = (picture[0].permute(1, 2, 0) * 255).round().byte().numpy()
        paths.append(str(tmp_path / f"{number}.png"))
        Image.fromarray(pixels).save(paths[-1])
    return paths


@pytest.mark.parametrize("noise,blur", [(0.01, 1), (0.04, 1), (0.01, 5), (0.1, 3)])
def test_ssimulacra2_is_what_the_package_measures(tmp_path, noise: float, blur: int) -> None:
    compute = pytest.importorskip("ssimulacra2").compute_ssimulacra2
    x = (photo(256, 1) * 255).round() / 255
    y = x + noise * torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    y = torch.nn.functional.avg_pool2d(y, blur, 1, blur // 2)
    y = (y.clamp(0, 1) * 255).round() / 255
    expected = compute(*_files(tmp_path, x, y))
    assert 100 - 100 * ssimulacra2_loss(x, y).item() == pytest.approx(expected, abs=0.02)
    assert 100 - 100 * ssimulacra2_loss(y, x).item() != pytest.approx(expected, abs=0.02)


def test_ssimulacra2_is_next_to_nothing_for_equal_pictures_and_falls_along_its_gradient() -> None:
    pytest.importorskip("ssimulacra2")
    x = photo(256)
    same = x.clone().requires_grad_(True)
    found = ssimulacra2_loss(x, same)
    found.sum().backward()
    assert float(found.detach().max()) < 0.01 and same.grad is not None
    assert bool(torch.isfinite(same.grad).all())
    y = (x + 0.1 * torch.sin(torch.arange(256.0))).requires_grad_(True)
    before = ssimulacra2_loss(x, y)
    before.sum().backward()
    assert y.grad is not None
    assert (ssimulacra2_loss(x, y.detach() - 2 * y.grad) < before).all()


def test_ssimulacra2_of_a_small_picture_leaves_out_the_scales_it_has_not() -> None:
    pytest.importorskip("ssimulacra2")
    x = photo(64)
    assert (ssimulacra2_loss(x, x * 0.8) > 0.01).all()


def test_tiling_is_the_offset_of_a_tile_that_is_too_bright() -> None:
    x = torch.full((1, 3, 128, 128), 0.5)
    assert tiling_loss(x, x + 0.25, BORDER).item() == pytest.approx(0.25)
    assert tiling_loss(x, x, BORDER).item() == 0


def test_tiling_does_not_see_the_middle_nor_the_context_border() -> None:
    x = torch.full((1, 3, 160, 160), 0.5)
    middle = x.clone()
    inner = slice(BORDER + BAND, -BORDER - BAND)
    middle[:, :, inner, inner] += 0.3
    assert tiling_loss(x, middle, BORDER).item() == 0
    frame = x + 0.3
    frame[:, :, BORDER:-BORDER, BORDER:-BORDER] = 0.5
    assert tiling_loss(x, frame, BORDER).item() == 0


def test_tiling_forgives_fine_noise_more_than_a_drift_of_the_same_size() -> None:
    x = torch.full((1, 3, 128, 128), 0.5)
    signs = torch.arange(128) % 2 * 2 - 1
    noise = x + 0.1 * (signs[:, None] * signs[None])
    drift = x + 0.1
    assert tiling_loss(x, noise, BORDER) < 0.3 * tiling_loss(x, drift, BORDER)


def test_text_counts_inside_its_mask_alone_and_is_zero_without_text() -> None:
    x = torch.full((2, 3, 64, 64), 0.5)
    mask = torch.zeros(2, 1, 64, 64)
    mask[0, :, 8:16, 8:40] = 1
    y = x.clone()
    y[:, :, 8:16, 8:24] += 0.2
    y[:, :, 40:] -= 0.5
    assert text_loss(x, y, mask).tolist() == pytest.approx([0.1, 0], abs=1e-6)


def test_a_discriminator_learns_to_tell_blurred_photos_and_photos_learn_from_it() -> None:
    torch.manual_seed(0)
    x = torch.rand(4, 3, 32, 32)
    blurred = torch.nn.functional.avg_pool2d(x, 5, 1, 2)
    network = PatchDiscriminator(8)
    optimiser = torch.optim.Adam(network.parameters(), lr=2e-3)
    losses = []
    for _ in range(30):
        loss = discriminator_loss(network(x), network(blurred))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]
    assert network(x).mean() > network(blurred).mean()
    network.eval()  # or each call would move the normalisation
    fake = blurred.clone().requires_grad_(True)
    before = adversarial_loss(network(fake), None)
    before.sum().backward()
    assert fake.grad is not None
    assert (adversarial_loss(network(fake.detach() - fake.grad), None) < before).all()


def test_the_adversarial_term_is_silent_in_text() -> None:
    logits = torch.tensor([[[[-1.0, -3.0]]]])
    mask = torch.zeros(1, 1, 8, 16)
    assert adversarial_loss(logits, mask).item() == pytest.approx(2)
    mask[..., 8:] = 1
    assert adversarial_loss(logits, mask).item() == pytest.approx(0.5)
    assert adversarial_loss(logits, None).item() == pytest.approx(2)


def test_with_all_weights_zero_nothing_is_loaded_and_nothing_added(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(terms_module, "load_lpips", lambda: pytest.fail("loaded"))
    off = terms()
    x = photo()
    found = off(x, x.flip(-1), torch.ones(2, 1, 192, 192), 10_000, False)
    assert found.total.tolist() == [0, 0] and found.parts == {}
    assert not list(off.parameters())


@pytest.mark.parametrize("name", ["lpips", "ms_ssim", "ssimulacra2", "tiling", "text", "gan"])
def test_each_term_alone_counts_with_its_weight_and_moves_the_picture(name: str) -> None:
    side = 256 if name == "ssimulacra2" else 192
    one, double = (
        terms(side, **{name: weight, "gan_start": 0, "gan_rise": 0}) for weight in (1, 2)
    )
    x = photo(side)
    y = (x * 0.8 + 0.05).requires_grad_(True)
    mask = torch.zeros(2, 1, side, side)
    mask[:, :, 40:80, 40:80] = 1
    found = one(x, y, mask, 5, False)
    assert set(found.parts) == {name}
    found.total.sum().backward()
    assert y.grad is not None and float(y.grad.abs().sum()) > 0
    assert bool(torch.isfinite(y.grad).all())
    if name != "gan":  # two discriminators start alike but their normalisation has moved
        assert torch.allclose(double(x, y, mask, 5, False).total, 2 * found.total, rtol=1e-4)


def test_lpips_of_a_share_of_the_batch_takes_turns_and_keeps_its_mean() -> None:
    some, every = terms(lpips=1, lpips_share=0.25), terms(lpips=1)
    x = photo(192, 4)
    y = x * 0.7
    parts = torch.stack([some(x, y, None, step, False).total for step in range(4)])
    assert ((parts > 0).sum(1) == 1).all() and ((parts > 0).sum(0) == 1).all()
    whole = every(x, y, None, 0, False).total
    assert torch.allclose(parts.mean(0), whole, rtol=1e-4)
    assert torch.allclose(some(x, y, None, None, False).total, whole, rtol=1e-4)


def test_the_adversarial_weight_waits_then_rises_then_stays() -> None:
    warm = terms(gan=8, gan_start=10, gan_rise=4)
    assert [warm.gan_weight(step) for step in (0, 10, 11, 12, 14, 99)] == [0, 0, 2, 4, 8, 8]
    x = photo()
    assert "gan" not in warm(x, x, None, 10, False).parts
    assert "gan" in warm(x, x, None, 12, False).parts
    assert "gan" not in warm(x, x, None, None, False).parts, "validation has no adversary"


def test_the_two_sides_of_the_game_do_not_train_each_other() -> None:
    game = terms(gan=1, gan_start=0, gan_rise=0)
    assert game.discriminator is not None
    x = photo()
    y = (x * 0.9).requires_grad_(True)
    game(x, y, None, 1, False).total.sum().backward()
    assert all(p.grad is None for p in game.discriminator.parameters())
    y.grad = None
    game.discriminate(x, y, False).backward()
    assert y.grad is None
    assert all(p.grad is not None for p in game.discriminator.parameters())


@pytest.mark.parametrize("name,least", [("ms_ssim", 161), ("ssimulacra2", 256)])
def test_crops_too_small_for_a_term_are_refused_before_training(name: str, least: int) -> None:
    with pytest.raises(UsageError, match=f"{name} needs crops of at least {least} px, not 128"):
        PerceptualTerms(PerceptualConfig.model_validate({name: 1}), 128, BORDER)
