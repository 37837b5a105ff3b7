"""Pictures out: streamed PNG, other formats by suffix, metadata, and no partial file on any
failure.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from pico_deploy.errors import OutputError, UsageError
from pico_deploy.outputs import new_file, write_bytes
from pico_deploy.runtime.picture import SUFFIXES, picture_file
from pico_deploy.runtime.png import PngWriter

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
LOSSLESS = {".png", ".webp", ".tif", ".tiff", ".bmp", ".ppm", ".rgb"}


def noise(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def smooth(height: int, width: int) -> NDArray[np.uint8]:
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([rows + columns, 2 * rows, 3 * columns], 2).astype(np.uint8)


@pytest.mark.parametrize("make", [noise, smooth])
@pytest.mark.parametrize("height,width", [(1, 1), (1, 50), (50, 1), (33, 47)])
@pytest.mark.parametrize("band", [1, 16])
def test_streamed_png_reads_back_exactly(make: object, height: int, width: int, band: int) -> None:
    assert callable(make)
    pixels = make(height, width)
    buffer = io.BytesIO()
    writer = PngWriter(buffer, width, height, None, None)
    for row in range(0, height, band):
        writer.write(pixels[row : row + band])
    writer.finish()
    with Image.open(buffer) as image:
        assert image.mode == "RGB"
        assert np.array_equal(np.asarray(image), pixels)


def test_streamed_png_is_no_larger_than_pillows_fast_one() -> None:
    pixels = smooth(200, 200)
    ours, theirs = io.BytesIO(), io.BytesIO()
    writer = PngWriter(ours, 200, 200, None, None)
    writer.write(pixels)
    writer.finish()
    Image.fromarray(pixels).save(theirs, "PNG", compress_level=1)
    assert len(ours.getvalue()) <= len(theirs.getvalue())


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_suffix_writes_its_format(tmp_path: Path, suffix: str) -> None:
    pixels = smooth(40, 60)
    path = tmp_path / f"out{suffix}"
    with picture_file(path, 60, 40) as sink:
        sink.write(pixels[:24])
        sink.write(pixels[24:])
    if suffix == ".rgb":
        result = np.fromfile(path, np.uint8).reshape(40, 60, 3)
    else:
        with Image.open(path) as image:
            result = np.asarray(image.convert("RGB"))
    assert np.abs(result.astype(int) - pixels).max() <= (0 if suffix in LOSSLESS else 40)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".avif"])
def test_profile_and_exif_are_written(tmp_path: Path, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    path = tmp_path / f"out{suffix}"
    block = exif.tobytes().removeprefix(b"Exif\0\0")
    with picture_file(path, 5, 4, icc=SRGB, exif=block) as sink:
        sink.write(smooth(4, 5))
    with Image.open(path) as image:
        image.load()
        assert image.info["icc_profile"] == SRGB
        assert image.getexif()[0x010F] == "a camera"


def test_unknown_suffix_is_a_usage_error(tmp_path: Path) -> None:
    for name in ("out.gif", "out"):
        with (
            pytest.raises(UsageError, match=r"use one of \.png"),
            picture_file(tmp_path / name, 1, 1),
        ):
            pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_failure_leaves_no_file_and_keeps_the_old_one(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    path.write_bytes(b"the old picture")
    with pytest.raises(RuntimeError), picture_file(path, 60, 40) as sink:
        sink.write(smooth(10, 60))
        raise RuntimeError
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == b"the old picture"


def test_picture_its_format_cannot_hold_is_an_output_error(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match=r"write a \.png"),
        picture_file(tmp_path / "wide.webp", 20_000, 1) as sink,
    ):
        sink.write(smooth(1, 20_000))
    assert list(tmp_path.iterdir()) == []


def test_destination_that_cannot_be_written_is_found_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    worked = False
    for destination in (tmp_path / "missing" / "a", tmp_path / "file" / "a", tmp_path):
        with pytest.raises(OutputError), new_file(destination):
            worked = True
    assert not worked


def test_written_file_is_complete_or_absent(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_bytes(path, b"content")
    assert path.read_bytes() == b"content"
    with pytest.raises(KeyboardInterrupt), new_file(path) as temporary:
        temporary.write_bytes(b"half")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"content"
    assert list(tmp_path.iterdir()) == [path]
