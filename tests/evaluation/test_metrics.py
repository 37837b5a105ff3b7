"""Metrics give the known value on equal pictures, rank damage, and say where they are undefined."""

import io
import math
import tracemalloc

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from pico_deploy.conformance.pixels import Pixels
from pico_deploy.errors import MissingDependencyError
from pico_deploy.evaluation.artefacts import seam_error, text_l1
from pico_deploy.evaluation.metrics import METRICS, Metric, negative_decibel

PERFECT = {"psnr": math.inf, "ms-ssim": 1.0, "ssimulacra2": 100.0, "lpips": 0.0}


def picture(height: int = 176, width: int = 192) -> Pixels:
    coarse = np.random.default_rng(0).integers(0, 256, (22, 24, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def damaged(pixels: Pixels, strength: float) -> Pixels:
    noise = np.random.default_rng(1).normal(0, strength, pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


# Odd sides, because scales then end in cells of fewer pixels; and one with fewer scales than six.
@pytest.mark.parametrize("side", [(333, 251), (97, 300)])
def test_ssimulacra2_is_that_of_the_package(side: tuple[int, int]) -> None:
    package = pytest.importorskip("ssimulacra2")
    pixels = picture(*side)
    other = damaged(pixels, 12)

    def file(image: Pixels) -> io.BytesIO:
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "PNG")
        return io.BytesIO(buffer.getvalue())

    expected = package.compute_ssimulacra2(file(pixels), file(other))
    assert made("ssimulacra2").compare(pixels, other) == pytest.approx(expected, abs=1e-9)
    assert expected < 80


def test_ssimulacra2_takes_the_memory_that_it_says() -> None:
    metric = made("ssimulacra2")
    pixels = picture(512, 768)
    other = damaged(pixels, 12)
    metric.compare(pixels[:64, :64], other[:64, :64])  # what is imported does not count
    tracemalloc.start()
    try:
        metric.compare(pixels, other)
        assert tracemalloc.get_traced_memory()[1] < 250 * 512 * 768
    finally:
        tracemalloc.stop()


def made(name: str, payload: int = 504) -> Metric:
    try:
        return METRICS[name](payload)
    except MissingDependencyError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", PERFECT)
def test_equal_pictures_are_perfect_and_more_damage_is_worse(name: str) -> None:
    metric = made(name)
    assert metric.scale is not None
    pixels = picture()
    assert metric.compare(pixels, pixels) == pytest.approx(PERFECT[name], abs=1e-6)
    found = [metric.compare(pixels, damaged(pixels, s)) for s in (3, 10, 30)]
    scaled = [metric.scale(value) for value in found if value is not None]
    assert len(scaled) == 3
    assert scaled == sorted(scaled, reverse=True) and len(set(scaled)) == 3


def test_lpips_of_a_large_photo_is_the_mean_of_its_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    from pico_deploy.evaluation import metrics

    metric = made("lpips")
    pixels = picture(64, 128)
    found = pixels.copy()
    found[:, 64:] = damaged(pixels[:, 64:], 30)
    whole = made("lpips").compare(pixels[:, 64:], found[:, 64:])
    monkeypatch.setattr(metrics, "CELL", 64)
    assert whole is not None
    assert metric.compare(pixels, found) == pytest.approx(whole / 2, rel=1e-4)


def test_ms_ssim_is_not_defined_on_a_picture_too_small_for_its_scales() -> None:
    small = picture(160, 200)
    assert made("ms-ssim").compare(small, small) is None


def test_decibels_of_a_distance_rise_with_quality() -> None:
    assert negative_decibel(0.01) == pytest.approx(20)
    assert negative_decibel(0.001) > negative_decibel(0.01)
    assert negative_decibel(0.0) == math.inf


def test_text_error_counts_inside_the_mask_alone() -> None:
    pixels = picture(32, 32)
    mask = np.zeros((32, 32), bool)
    assert text_l1(pixels, pixels, mask) is None
    mask[4:8, 4:8] = True
    found = pixels.astype(np.int16)
    found[16:] += 50
    assert text_l1(pixels, np.clip(found, 0, 255).astype(np.uint8), mask) == 0
    flat = np.full((32, 32, 3), 100, np.uint8)
    found = flat.copy()
    found[4:8, 4:8] += 51
    assert text_l1(flat, found, mask) == pytest.approx(0.2)


def test_the_text_metric_finds_text_and_is_undefined_without() -> None:
    metric = made("text")
    page = Image.new("RGB", (320, 160), "white")
    font = ImageFont.load_default(24)
    ImageDraw.Draw(page).text((30, 60), "Four hundred words", "black", font)
    original = np.asarray(page)
    blank = np.full_like(original, 255)
    found = metric.compare(original, blank)
    assert found is not None and found > 0.05
    assert metric.compare(original, original) == 0
    assert metric.compare(blank, original) is None


def test_seam_error_is_the_step_across_tiles_and_nothing_else() -> None:
    flat = np.full((48, 48, 3), 100, np.uint8)
    tiles = flat.copy()
    tiles[:, 16:32] += 51  # one column of tiles is brighter by 0.2
    across = seam_error(flat, tiles, 16)
    assert across == pytest.approx(0.2 / 2)  # vertical seams step, horizontal ones do not
    assert seam_error(flat, flat + 7, 16) == 0
    inside = flat.copy()
    inside[:, 24:] += 51  # the same step inside a tile
    assert seam_error(flat, inside, 16) == 0


def test_fine_noise_at_a_seam_is_no_seam_error() -> None:
    flat = np.full((32, 64, 3), 100, np.uint8)
    checks = flat + 40 * (np.indices((32, 64)).sum(0) % 2)[..., None].astype(np.uint8)
    assert seam_error(flat, checks, 16) == 0


def test_a_picture_of_one_tile_has_no_seam() -> None:
    pixels = picture(20, 20)
    assert seam_error(pixels, pixels, 504) is None
    assert seam_error(pixels, pixels, 16) is None  # less than a block behind the seam
