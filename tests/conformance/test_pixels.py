"""Differences of pixels are those of the samples, whatever the size."""

import math

import numpy as np
import pytest

from pico_deploy.conformance.pixels import compare_pixels, pixels_sha256
from pico_deploy.errors import VerificationError


def test_peak_rms_and_psnr_are_over_all_rgb_samples() -> None:
    reference = np.zeros((2, 2, 3), np.uint8)
    found = reference.copy()
    found[0, 0, 1] = 12
    difference = compare_pixels(reference, found)
    assert difference.peak == 12
    assert difference.rms == pytest.approx(math.sqrt(144 / 12))
    assert difference.psnr_db == pytest.approx(10 * math.log10(255**2 / 12))


def test_largest_difference_is_not_wrapped() -> None:
    reference = np.zeros((1, 1, 3), np.uint8)
    difference = compare_pixels(reference, np.full_like(reference, 255))
    assert (difference.peak, difference.rms) == (255, 255)
    assert difference.psnr_db == pytest.approx(0)
    # control: subtraction in uint8 would see 1 here
    assert compare_pixels(np.full_like(reference, 255), reference).peak == 255


def test_equal_pictures_have_no_difference_and_other_sizes_are_an_error() -> None:
    picture = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    assert compare_pixels(picture, picture.copy()).psnr_db == math.inf
    with pytest.raises(VerificationError, match="2×1 instead of 2×2"):
        compare_pixels(picture, picture[:1])


def test_hash_is_of_the_samples_not_of_their_layout_in_memory() -> None:
    picture = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    assert pixels_sha256(np.asfortranarray(picture)) == pixels_sha256(picture)
    assert pixels_sha256(picture[:, ::-1]) != pixels_sha256(picture)
