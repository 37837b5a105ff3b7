"""Built-in test images are the same everywhere and cover what they are named for."""

import hashlib

import numpy as np

from pico_deploy.conformance.images import BUILT_IN, built_in

EXPECTED = {
    "one-pixel": "1ae336e9f5d937c6",
    "flat": "c3338cb8a8a8421b",
    "noise": "6af213fd9710c6e6",
    "text-like": "26072c1dd8e694c4",
    "photo-like": "da47e5d45d79fcbb",
    "two-tiles": "4d85ef67b5fc3328",
}


def test_built_in_images_have_their_known_bytes() -> None:
    found = {i.name: hashlib.sha256(i.pixels.tobytes()).hexdigest()[:16] for i in built_in()}
    assert found == EXPECTED


def test_built_in_images_are_rgb_of_their_stated_size() -> None:
    for image in built_in():
        _, height, width = BUILT_IN[image.name]
        assert image.pixels.shape == (height, width, 3)
        assert image.pixels.dtype == np.uint8


def test_flat_is_flat_noise_is_not_and_text_is_mostly_page() -> None:
    images = {image.name: image.pixels for image in built_in()}
    assert images["flat"].std((0, 1)).max() == 0
    assert images["noise"].std() > 70
    assert 0.5 < (images["text-like"] == 244).mean() < 0.95
    smooth = images["photo-like"].astype(int)
    assert np.abs(np.diff(smooth, axis=1)).mean() < smooth.std() / 4
