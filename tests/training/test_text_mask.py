"""The text mask covers lines of text and leaves the rest alone."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from pico_deploy.errors import MissingDependencyError
from pico_deploy.training.perceptual import text_mask
from pico_deploy.training.perceptual.text_mask import boxes_of, load_text_detector


def page() -> Image.Image:
    picture = Image.new("RGB", (400, 240), "white")
    ImageDraw.Draw(picture).text((40, 100), "Reading glass", "black", ImageFont.load_default(32))
    return picture


def test_a_line_of_text_is_covered_and_empty_paper_is_not() -> None:
    try:
        detector = load_text_detector()
    except MissingDependencyError as error:
        pytest.skip(str(error))
    pixels = np.asarray(page())
    mask = detector.mask(pixels)
    ink = (pixels < 128).all(-1)
    assert mask.shape == (240, 400) and mask.dtype == np.bool_
    assert mask[ink].mean() > 0.97
    assert mask.mean() < 0.3
    assert not mask[:60].any() and not mask[180:].any()
    assert not detector.mask(np.full((100, 100, 3), 200, np.uint8)).any()


def test_kernels_grow_back_to_boxes_and_stay_in_the_picture() -> None:
    probability = np.zeros((40, 100), np.float32)
    probability[18:22, 10:90] = 0.9
    (box,) = boxes_of(probability)
    grown = round(1.6 * 4 * 80 / (2 * 84))
    assert box == (slice(18 - grown, 22 + grown), slice(10 - grown, 90 + grown))
    probability[:] = 0.9
    assert boxes_of(probability) == [(slice(0, 40), slice(0, 100))]


def test_what_is_faint_or_tiny_is_no_text() -> None:
    probability = np.zeros((40, 100), np.float32)
    probability[5:9, 5:50] = 0.4  # above the kernel's threshold, below the box's
    probability[20:22, 5:50] = 0.9  # two rows
    assert boxes_of(probability) == []


def test_without_the_model_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_mask, "PACKAGE", "no_such_package")
    with pytest.raises(MissingDependencyError, match="rapidocr_onnxruntime"):
        load_text_detector()
