"""Pixels to tiles and back: exact values, borders, every layout and type."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from coded_image import Coded

from pico_deploy import _core
from pico_deploy.core_errors import CoreUsageError


def padded_tile(image: np.ndarray, row: int, column: int, payload: int, border: int) -> np.ndarray:
    """uint8 [tile, tile, 3] of a tile, edges repeated, the slow and obvious way."""
    at = [
        np.clip(np.arange(payload * n - border, payload * (n + 1) + border), 0, length - 1)
        for n, length in ((row, image.shape[0]), (column, image.shape[1]))
    ]
    return image[at[0][:, None], at[1][None, :]]


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (130, 200, 3)).astype(np.uint8)


@pytest.mark.parametrize("layout", ["chw", "hwc"])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_tiles_hold_v_over_255_correctly_rounded_with_edges_repeated(
    coded: Coded, image: np.ndarray, layout: str, dtype: str
) -> None:
    grid = coded.model.grid(200, 130)
    for tile in range(grid.tiles):
        first, end = grid.source_rows(tile)
        got = _core.pixels_to_tile(image[first:end], first, grid, tile, dtype, layout)
        row, column = divmod(tile, grid.columns)
        expected = (padded_tile(image, row, column, 56, 4) / 255.0).astype(dtype)[None]
        assert got.dtype == dtype
        assert (got == (expected if layout == "hwc" else expected.transpose(0, 3, 1, 2))).all()


@pytest.mark.parametrize("layout", ["chw", "hwc"])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_pixels_survive_the_way_into_tiles_and_back(
    coded: Coded, image: np.ndarray, layout: str, dtype: str
) -> None:
    grid = coded.model.grid(200, 130)
    out = np.zeros_like(image)
    for tile in range(grid.tiles):
        left, top, right, bottom = grid.payload_box(tile)
        tensor = _core.pixels_to_tile(image, 0, grid, tile, dtype, layout)
        before = out.copy()
        assert _core.tile_to_pixels(tensor, out[top:bottom], top, grid, tile, layout) == 0
        before[top:bottom, left:right] = image[top:bottom, left:right]
        assert (out == before).all(), "a tile wrote outside its payload"
    assert (out == image).all()


def write_samples(coded: Coded, samples: np.ndarray) -> tuple[np.ndarray, int]:
    """What each sample becomes as a byte, and the number of NaNs counted."""
    grid = coded.model.grid(56, 56)
    tile = np.zeros((3, 64, 64), samples.dtype)
    flat = np.zeros(3 * 56 * 56, samples.dtype)
    flat[: len(samples)] = samples
    tile[:, 4:60, 4:60] = flat.reshape(3, 56, 56)
    rows = np.zeros((56, 56, 3), np.uint8)
    nan_count = _core.tile_to_pixels(tile, rows, 0, grid, 0)
    return rows.transpose(2, 0, 1).ravel()[: len(samples)], nan_count


def exact_byte(sample: float) -> int:
    return max(0, min(255, (255 * Fraction(sample) + Fraction(1, 2)).__floor__()))


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_samples_are_rounded_half_up_exactly_and_clamped(coded: Coded, dtype: type) -> None:
    bits = np.uint32 if dtype is np.float32 else np.uint16
    halves = np.array([(2 * v + 1) / 510 for v in range(256)], dtype).view(bits)
    near = np.concatenate([halves - 1, halves, halves + 1]).astype(bits).view(dtype)
    tiny = np.array([1, 2, 0x3FF], bits).view(dtype)
    plain = np.array([0.0, -0.0, 1.0, 0.5, -1e-3, 1.001, 7.0, -3.0, 0.25, 0.125], dtype)
    samples = np.concatenate([near, tiny, plain])
    got, nan_count = write_samples(coded, samples)
    assert nan_count == 0
    assert got.tolist() == [exact_byte(float(s)) for s in samples]


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_nan_is_counted_and_infinities_are_clamped(coded: Coded, dtype: type) -> None:
    samples = np.array([np.nan, np.inf, -np.inf, -np.nan, 1.0], dtype)
    got, nan_count = write_samples(coded, samples)
    assert got.tolist() == [0, 255, 0, 0, 255]
    assert nan_count == 2


def test_every_half_float_becomes_the_right_byte(coded: Coded) -> None:
    everything = np.arange(65536, dtype=np.uint16).view(np.float16)
    finite = everything[np.isfinite(everything)]
    for part in np.array_split(finite, 8):
        got, _ = write_samples(coded, part)
        with np.errstate(over="ignore"):
            expected = np.floor(part.astype(np.float64) * 255 + 0.5)
        assert (got == np.clip(expected, 0, 255)).all()


def test_rows_that_a_tile_needs_must_be_there(coded: Coded, image: np.ndarray) -> None:
    grid = coded.model.grid(200, 130)
    first, end = grid.source_rows(5)
    with pytest.raises(CoreUsageError, match="first row given"):
        _core.pixels_to_tile(image[first + 1 : end], first + 1, grid, 5)
    with pytest.raises(CoreUsageError, match="last row given"):
        _core.pixels_to_tile(image[first : end - 1], first, grid, 5)


@pytest.mark.parametrize(
    "rows",
    [
        np.zeros((130, 199, 3), np.uint8),
        np.zeros((130, 200, 4), np.uint8),
        np.zeros((130, 200, 3), np.float32),
        np.zeros((130, 200, 4), np.uint8)[:, :, :3],
        np.zeros((130, 200), np.uint8),
        "rows",
    ],
)
def test_rows_of_another_shape_or_type_are_refused(coded: Coded, rows: object) -> None:
    with pytest.raises(CoreUsageError, match="rows"):
        _core.pixels_to_tile(rows, 0, coded.model.grid(200, 130), 0)


def test_rows_may_be_a_view_that_skips_memory_between_rows(coded: Coded, image: np.ndarray) -> None:
    grid = coded.model.grid(200, 130)
    wide = np.zeros((260, 200, 3), np.uint8)
    wide[::2] = image
    assert (
        _core.pixels_to_tile(wide[::2], 0, grid, 6) == _core.pixels_to_tile(image, 0, grid, 6)
    ).all()


def test_tile_is_written_into_the_array_that_is_given(coded: Coded, image: np.ndarray) -> None:
    grid = coded.model.grid(200, 130)
    out = np.zeros((1, 3, 64, 64), np.float32)
    returned = _core.pixels_to_tile(image, 0, grid, 0, out=out)
    assert returned is out and out.any()
    read_only = np.zeros((1, 3, 64, 64), np.float32)
    read_only.flags.writeable = False
    with pytest.raises(CoreUsageError, match="writable"):
        _core.pixels_to_tile(image, 0, grid, 0, out=read_only)
