"""Any photo in: orientation, colour, depth, and files that are not what they claim to be."""

from __future__ import annotations

import io
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, ImageOps

from pico_deploy.errors import InputError, MissingDependencyError
from pico_deploy.runtime.photo import OpenedPhoto, open_photo
from pico_deploy.runtime.rows import RowFile

DEMO = Path(__file__).resolve().parents[2] / "demo"
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
WIDTH, HEIGHT = 37, 23


@pytest.fixture
def pixels() -> NDArray[np.uint8]:
    """Smooth, so that lossy formats stay close, and without symmetry."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    planes = (rows * 9, columns * 6, rows * 4 + columns * 3)
    return np.stack(planes, 2).astype(np.uint8)


def whole(photo: OpenedPhoto, step: int = 10) -> NDArray[np.uint8]:
    """All rows, read strip by strip as the encoder does."""
    strips = [
        photo.rows(r, min(r + step, photo.height)).copy() for r in range(0, photo.height, step)
    ]
    return np.concatenate(strips)


def saved(tmp_path: Path, name: str, image: Image.Image, **options: Any) -> Path:
    path = tmp_path / name
    image.save(path, **options)
    return path


@pytest.mark.parametrize(
    "name,options,tolerance",
    [
        ("a.png", {}, 0),
        ("a.jpg", {"quality": 95, "subsampling": 0}, 8),
        ("a.webp", {"lossless": True}, 0),
        ("a.avif", {"quality": 95, "subsampling": "4:4:4"}, 8),
        ("a.tif", {}, 0),
        ("a.tiff", {"compression": "tiff_lzw"}, 0),
        ("a.bmp", {}, 0),
        ("a.ppm", {}, 0),
        ("misnamed.jpg", {"format": "PNG"}, 0),
    ],
)
def test_every_format_is_read(
    tmp_path: Path, pixels: NDArray[np.uint8], name: str, options: dict[str, Any], tolerance: int
) -> None:
    photo = open_photo(saved(tmp_path, name, Image.fromarray(pixels), **options))
    assert (photo.width, photo.height) == (WIDTH, HEIGHT)
    assert np.abs(whole(photo).astype(int) - pixels).max() <= tolerance
    assert photo.warnings == ()


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "avif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_photo_is_turned_upright_and_the_tag_is_reset(
    tmp_path: Path, pixels: NDArray[np.uint8], suffix: str, orientation: int
) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.Make] = "a camera"
    path = saved(tmp_path, f"a.{suffix}", Image.fromarray(pixels), exif=exif)
    with Image.open(path) as reference:
        expected = np.asarray(ImageOps.exif_transpose(reference).convert("RGB"))
    photo = open_photo(path)
    assert np.array_equal(whole(photo, step=7), expected)
    assert photo.exif is not None
    kept = Image.Exif()
    kept.load(photo.exif)
    assert kept.get(ExifTags.Base.Orientation, 1) == 1
    assert kept[ExifTags.Base.Make] == "a camera"


def test_heic_is_read_upright() -> None:
    pytest.importorskip("pi_heif")
    heic, jpeg = open_photo(DEMO / "photo.heic"), open_photo(DEMO / "photo.jpg")
    assert (heic.width, heic.height) == (jpeg.width, jpeg.height)
    difference = heic.rows(0, 64).astype(int) - jpeg.rows(0, 64)
    assert np.abs(difference).mean() < 8


def test_heic_without_its_reader_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    with pytest.raises(MissingDependencyError, match=r"pip install pico-deploy\[heic\]"):
        open_photo(DEMO / "photo.heic")


def png16(pixels: NDArray[np.uint16]) -> bytes:
    """A 16-bit PNG, grey or RGB; Pillow cannot write the latter."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    height, width = pixels.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, 16, 2 if pixels.ndim == 3 else 0, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("channels", [1, 3])
def test_16_bits_are_reduced_with_a_warning(tmp_path: Path, channels: int) -> None:
    deep = np.random.default_rng(0).integers(0, 65536, (HEIGHT, WIDTH, channels), np.uint16)
    path = tmp_path / "deep.png"
    path.write_bytes(png16(deep[..., 0] if channels == 1 else deep))
    photo = open_photo(path)
    assert np.array_equal(whole(photo), np.broadcast_to(deep >> 8, (HEIGHT, WIDTH, 3)))
    assert photo.warnings == ("16 bits a sample reduced to 8",)


def test_16_bit_tiff_is_reduced_with_a_warning(tmp_path: Path) -> None:
    deep = np.random.default_rng(0).integers(0, 65536, (HEIGHT, WIDTH), np.uint16)
    photo = open_photo(saved(tmp_path, "deep.tif", Image.fromarray(deep)))
    assert np.array_equal(whole(photo)[..., 1], deep >> 8)
    assert photo.warnings == ("16 bits a sample reduced to 8",)


def tiff16(pixels: NDArray[np.uint16]) -> bytes:
    """An uncompressed 16-bit RGB TIFF (TIFF 6.0); Pillow cannot write one."""
    height, width, _ = pixels.shape
    short, long = 3, 4
    data_at, bits_at = 8 + 2 + 9 * 12 + 4 + 6, 8 + 2 + 9 * 12 + 4
    entries = [
        (256, short, 1, width),
        (257, short, 1, height),
        (258, short, 3, bits_at),
        (259, short, 1, 1),  # no compression
        (262, short, 1, 2),  # RGB
        (273, long, 1, data_at),
        (277, short, 1, 3),
        (278, short, 1, height),
        (279, long, 1, pixels.size * 2),
    ]
    directory = struct.pack("<H", len(entries)) + b"".join(
        struct.pack("<HHII", *e) for e in entries
    )
    bits = struct.pack("<3H", 16, 16, 16)
    return b"II*\0" + struct.pack("<I", 8) + directory + bytes(4) + bits + pixels.tobytes()


def test_16_bit_rgb_tiff_is_reduced_with_a_warning(tmp_path: Path) -> None:
    deep = np.random.default_rng(0).integers(0, 65536, (HEIGHT, WIDTH, 3), np.uint16)
    path = tmp_path / "deep.tif"
    path.write_bytes(tiff16(deep))
    photo = open_photo(path)
    assert np.array_equal(whole(photo), deep >> 8)
    assert photo.warnings == ("16 bits a sample reduced to 8",)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_alpha_is_dropped_with_a_warning(
    tmp_path: Path, pixels: NDArray[np.uint8], mode: str
) -> None:
    image = Image.fromarray(pixels).convert("P" if mode == "PA" else mode.rstrip("A"))
    opaque = np.asarray(image.convert("RGB"))
    if mode == "PA":
        path = saved(tmp_path, "a.png", image, transparency=3)
    else:
        image.putalpha(Image.linear_gradient("L").resize(image.size))
        path = saved(tmp_path, "a.png", image)
    photo = open_photo(path)
    assert photo.warnings == ("transparency dropped",)
    assert np.array_equal(whole(photo), opaque)


@pytest.mark.parametrize("mode", ["L", "P", "1"])
def test_grey_palette_and_bilevel_become_rgb(
    tmp_path: Path, pixels: NDArray[np.uint8], mode: str
) -> None:
    image = Image.fromarray(pixels).convert(mode)
    photo = open_photo(saved(tmp_path, "a.png", image))
    assert np.array_equal(whole(photo), np.asarray(image.convert("RGB")))
    assert photo.warnings == ()


def test_cmyk_without_a_profile_is_converted_with_a_warning(
    tmp_path: Path, pixels: NDArray[np.uint8]
) -> None:
    image = Image.fromarray(pixels).convert("CMYK")
    photo = open_photo(saved(tmp_path, "a.tif", image))
    assert np.array_equal(whole(photo), np.asarray(image.convert("RGB")))
    assert "CMYK" in photo.warnings[0]


def test_rgb_profile_is_kept_and_named(tmp_path: Path, pixels: NDArray[np.uint8]) -> None:
    photo = open_photo(saved(tmp_path, "a.jpg", Image.fromarray(pixels), icc_profile=SRGB))
    assert photo.icc == SRGB
    assert photo.notes == ("ICC profile kept: sRGB built-in",)


def grey_profile(gamma: float) -> bytes:
    """A minimal ICC version 2 profile for grey with a plain gamma (ICC.1:2001-04)."""
    white = struct.pack(">4s4x3i", b"XYZ ", 63190, 65536, 54061)
    curve = struct.pack(">4s4xIHxx", b"curv", 1, round(gamma * 256))
    name = b"grey\0"
    text = struct.pack(">4s4xI", b"desc", len(name)) + name + bytes(4 + 4 + 2 + 1 + 67)
    text += bytes(-len(text) % 4)
    tags, body, offset = [], b"", 128 + 4 + 3 * 12
    for kind, data in ((b"desc", text), (b"wtpt", white), (b"kTRC", curve)):
        tags.append(struct.pack(">4sII", kind, offset + len(body), len(data)))
        body += data
    size = offset + len(body)
    header = struct.pack(">I4sI4s4s4s", size, b"\0" * 4, 0x02100000, b"mntr", b"GRAY", b"XYZ ")
    header += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + struct.pack(">I", 3) + b"".join(tags) + body


def test_grey_profile_is_applied_because_it_cannot_be_kept(
    tmp_path: Path, pixels: NDArray[np.uint8]
) -> None:
    grey = Image.fromarray(pixels[..., 1])
    photo = open_photo(saved(tmp_path, "a.png", grey, icc_profile=grey_profile(1.8)))
    assert photo.icc is None
    assert photo.notes == ("ICC profile grey: pixels converted to sRGB",)
    linear = (pixels[..., 1] / 255) ** 1.8
    expected = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    assert np.abs(whole(photo) - 255 * expected[..., None]).max() <= 2
    assert np.abs(whole(photo).astype(int) - pixels[..., 1:2]).max() > 10  # it did change them


def test_profile_of_another_colour_space_is_dropped_with_a_warning(
    tmp_path: Path, pixels: NDArray[np.uint8]
) -> None:
    image = Image.fromarray(pixels)
    photo = open_photo(saved(tmp_path, "a.png", image, icc_profile=grey_profile(2.2)))
    assert photo.icc is None
    assert photo.warnings == ("ICC profile dropped: it is for GRAY, the pixels are RGB",)
    assert np.array_equal(whole(photo), pixels)


def test_broken_profile_costs_only_itself(tmp_path: Path, pixels: NDArray[np.uint8]) -> None:
    photo = open_photo(saved(tmp_path, "a.png", Image.fromarray(pixels), icc_profile=b"junk" * 50))
    assert photo.icc is None
    assert photo.warnings[0].startswith("ICC profile dropped: it cannot be used")
    assert np.array_equal(whole(photo), pixels)


def test_broken_exif_costs_only_itself(tmp_path: Path, pixels: NDArray[np.uint8]) -> None:
    path = saved(tmp_path, "a.png", Image.fromarray(pixels), exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
    assert np.array_equal(whole(open_photo(path)), pixels)


def test_only_the_first_of_several_pictures_is_used_with_a_warning(
    tmp_path: Path, pixels: NDArray[np.uint8]
) -> None:
    image = Image.fromarray(pixels)
    more = [Image.fromarray(255 - pixels)]
    path = saved(tmp_path, "a.tif", image, save_all=True, append_images=more)
    photo = open_photo(path)
    assert photo.warnings == ("only the first of 2 pictures is used",)
    assert np.array_equal(whole(photo), pixels)


def test_photo_beyond_pillows_own_limit_is_read(tmp_path: Path) -> None:
    side = 10_000
    limit = Image.MAX_IMAGE_PIXELS
    assert limit is not None
    assert side * side > limit
    path = saved(tmp_path, "large.png", Image.new("1", (side, side), 1))
    photo = open_photo(path)
    assert (photo.rows(side - 3, side) == 255).all()
    assert limit == Image.MAX_IMAGE_PIXELS


def png_header(width: int, height: int) -> bytes:
    """A PNG that ends where its first pixels would be."""
    data = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + data + struct.pack(">I", zlib.crc32(data))
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I4s", 100, b"IDAT")


@pytest.mark.parametrize("size", [(65536, 1), (1, 70000), (60000, 60000)])
def test_photo_beyond_the_format_is_refused_by_its_header(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    path = tmp_path / "huge.png"
    path.write_bytes(png_header(*size))
    with pytest.raises(InputError, match="more than a stream can hold"):
        open_photo(path)


def assert_refused(path: Path, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        open_photo(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message


def test_text_file_renamed_to_jpg_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "letter.jpg"
    path.write_text("Dear Sir or Madam,\nthis is not a photo.\n")
    assert_refused(path, "is no JPEG")


def test_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.jpg"
    path.touch()
    assert_refused(path, "is empty")


def test_missing_file_and_folder_are_refused(tmp_path: Path) -> None:
    assert_refused(tmp_path / "nothing.jpg", "cannot read")
    assert_refused(tmp_path, "cannot read")


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "avif", "tif", "bmp"])
@pytest.mark.parametrize("keep", [0.05, 0.5, 0.9])
def test_cut_off_photo_is_refused(tmp_path: Path, suffix: str, keep: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)
    path = saved(tmp_path, f"a.{suffix}", Image.fromarray(noise))
    open_photo(path)  # the control: whole, it is read
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    assert_refused(path, "damaged or cut off|is no JPEG")


def test_cut_off_heic_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("pi_heif")
    data = (DEMO / "photo.heic").read_bytes()
    for keep in (100, len(data) // 2):
        path = tmp_path / "cut.heic"
        path.write_bytes(data[:keep])
        assert_refused(path, "damaged or cut off|is no JPEG")


@pytest.mark.parametrize("mode", ["F", "I"])
def test_pixels_without_a_stated_range_are_refused(tmp_path: Path, mode: str) -> None:
    path = saved(tmp_path, "a.tif", Image.new(mode, (5, 5)))
    assert_refused(path, "32-bit or floating point")


def test_formats_that_run_programs_are_never_opened(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (5, 5)).save(buffer, "EPS")
    path = tmp_path / "a.jpg"
    path.write_bytes(buffer.getvalue())
    assert_refused(path, "is no JPEG")


def test_rows_of_a_ppm_are_read_from_the_file_when_they_are_needed(
    tmp_path: Path, pixels: NDArray[np.uint8]
) -> None:
    path = tmp_path / "a.ppm"
    path.write_bytes(b"P6 # a comment\n%d\n%d\n255\n" % (WIDTH, HEIGHT) + pixels.tobytes())
    photo = open_photo(path)
    assert isinstance(photo, RowFile)
    assert np.array_equal(whole(photo), pixels)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match=f"ends before row {HEIGHT}"):
        photo.rows(HEIGHT - 2, HEIGHT)


@pytest.mark.parametrize("image", ["grey", "deep"])
def test_other_kinds_of_ppm_are_read_too(
    tmp_path: Path, pixels: NDArray[np.uint8], image: str
) -> None:
    path = tmp_path / "a.ppm"
    if image == "grey":
        path.write_bytes(b"P5 %d %d 255\n" % (WIDTH, HEIGHT) + pixels[..., 0].tobytes())
        expected = pixels[..., :1].repeat(3, 2)
    else:
        deep = (pixels.astype(">u2") * 257).tobytes()
        path.write_bytes(b"P6 %d %d 65535\n" % (WIDTH, HEIGHT) + deep)
        expected = pixels
    assert np.array_equal(whole(open_photo(path)), expected)


def test_cut_off_ppm_is_refused_when_it_is_opened(
    tmp_path: Path, pixels: NDArray[np.uint8]
) -> None:
    path = saved(tmp_path, "a.ppm", Image.fromarray(pixels))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match="cut off"):
        open_photo(path)


def test_bare_samples_are_read_by_the_size_they_are_said_to_have(
    tmp_path: Path, pixels: NDArray[np.uint8]
) -> None:
    path = tmp_path / "a.rgb"
    path.write_bytes(pixels.tobytes())
    assert np.array_equal(whole(open_photo(path, (WIDTH, HEIGHT))), pixels)
    with pytest.raises(InputError, match="check --raw-size"):
        open_photo(path, (WIDTH + 1, HEIGHT))
    with pytest.raises(InputError, match="more than a stream can hold"):
        open_photo(path, (65_536, 1))
    with pytest.raises(InputError, match="check the path"):
        open_photo(tmp_path / "missing.rgb", (WIDTH, HEIGHT))
