"""Text masks are found once, fit their crops pixel by pixel, and survive a change of nothing."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from pico_deploy.training.data import CropSampler, Mask, Photos, Pixels
from pico_deploy.training.masks import with_masks


@dataclass
class DarkDetector:
    """Text is what is dark."""

    version: str = "dark 1"
    calls: list[int] = field(default_factory=list)

    def mask(self, pixels: Pixels) -> Mask:
        self.calls.append(1)
        return pixels[..., 0] < 100


@pytest.mark.parametrize("halve", [0.0, 1.0])
def test_a_mask_follows_its_crop_through_flips_turns_and_halving(
    photos: Photos, tmp_path: Path, halve: float
) -> None:
    masked = with_masks(photos, DarkDetector(), tmp_path / "m.npz")
    side = 64 if halve else 128
    sampler = CropSampler(masked, side, 0, halve, 0.0)
    plain = CropSampler(photos, side, 0, halve, 0.0)
    for number in range(20):
        pixels, mask = sampler.draw_masked(number)
        assert mask is not None and mask.shape == (side, side)
        assert np.array_equal(pixels, plain.draw(number)), "masks change no crop"
        agree = (mask == (pixels[..., 0] < 100)).mean()
        assert agree == 1 if not halve else agree > 0.9
    x, batch = sampler.batch_masked(0, 3)
    assert batch is not None and batch.shape == (3, 1, side, side) and x.shape[0] == 3
    assert plain.batch_masked(0, 3)[1] is None


def test_masks_are_found_once_and_again_for_another_detector(
    photos: Photos, tmp_path: Path
) -> None:
    cache = tmp_path / "m.npz"
    first, second, other = DarkDetector(), DarkDetector(), DarkDetector(version="dark 2")
    one = with_masks(photos, first, cache)
    two = with_masks(photos, second, cache)
    assert (len(first.calls), len(second.calls)) == (len(photos.train), 0)
    assert all(np.array_equal(a, b) for a, b in zip(one.train_masks, two.train_masks, strict=True))
    with_masks(photos, other, cache)
    assert len(other.calls) == len(photos.train)


def test_a_damaged_cache_is_made_anew(photos: Photos, tmp_path: Path) -> None:
    cache = tmp_path / "m.npz"
    with_masks(photos, DarkDetector(), cache)
    cache.write_bytes(cache.read_bytes()[:100])
    detector = DarkDetector()
    with_masks(photos, detector, cache)
    assert len(detector.calls) == len(photos.train)
