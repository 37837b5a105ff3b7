"""The commands on good input: what they print, as text and as data."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms
from tiny_codec import flat_blocks, write_tiny_bundle

from pico_deploy.cli.app import run
from pico_deploy.cli.options import parse_bytes

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "a camera"
    path = tmp_path / "photo.jpg"
    image = Image.fromarray(flat_blocks(250, 370))
    image.save(path, icc_profile=SRGB, exif=exif, quality=95)
    return path


class Printed:
    """Runs command lines and gives what they print as data."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: object, code: int = 0) -> Any:
        assert run([*map(str, arguments), "--json"]) == code
        return json.loads(self._capsys.readouterr().out)


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Printed:
    return Printed(capsys)


def test_photo_makes_the_round_trip_with_its_profile(
    tmp_path: Path, tiny_bundle: Path, photo: Path, printed: Printed
) -> None:
    stream, picture = tmp_path / "a.pico", tmp_path / "a.png"
    encoded = printed("encode", photo, stream, "-b", tiny_bundle, "--level", 9)
    assert (encoded["width"], encoded["height"]) == (250, 370)  # upright
    assert encoded["size_bytes"] == stream.stat().st_size
    assert encoded["bits_per_pixel"] == pytest.approx(8 * encoded["size_bytes"] / (250 * 370))
    assert encoded["runtime"]["library"] == "onnxruntime"
    assert encoded["warnings"] == []
    decoded = printed("decode", stream, picture, "-b", tiny_bundle)
    assert decoded["lost_tiles"] == []
    with Image.open(picture) as image:
        assert image.size == (250, 370)
        assert image.info["icc_profile"] == SRGB
        assert not image.getexif()


def test_bare_samples_make_the_round_trip_like_the_ppm_of_the_same_pixels(
    tmp_path: Path, tiny_bundle: Path, printed: Printed
) -> None:
    pixels = flat_blocks(250, 370)
    height, width = pixels.shape[:2]
    raw, ppm = tmp_path / "a.rgb", tmp_path / "a.ppm"
    raw.write_bytes(pixels.tobytes())
    Image.fromarray(pixels).save(ppm)
    size = f"{width}x{height}"
    printed(
        "encode", raw, tmp_path / "raw.pico", "-b", tiny_bundle, "--level", 5, "--raw-size", size
    )
    printed("encode", ppm, tmp_path / "ppm.pico", "-b", tiny_bundle, "--level", 5)
    assert (tmp_path / "raw.pico").read_bytes() == (tmp_path / "ppm.pico").read_bytes()
    for suffix in ("rgb", "ppm"):
        printed("decode", tmp_path / "raw.pico", tmp_path / f"out.{suffix}", "-b", tiny_bundle)
    with Image.open(tmp_path / "out.ppm") as image:
        assert (tmp_path / "out.rgb").read_bytes() == image.tobytes()


def test_a_picture_format_without_profiles_drops_them_with_a_warning(
    tmp_path: Path, tiny_bundle: Path, photo: Path, printed: Printed
) -> None:
    stream = tmp_path / "a.pico"
    printed("encode", photo, stream, "-b", tiny_bundle, "--level", 5)
    decoded = printed("decode", stream, tmp_path / "a.ppm", "-b", tiny_bundle)
    assert decoded["warnings"] == ["iccp dropped: .ppm cannot hold it"]


def test_exif_travels_only_when_asked_for_and_upright(
    tmp_path: Path, tiny_bundle: Path, photo: Path, printed: Printed
) -> None:
    stream, picture = tmp_path / "a.pico", tmp_path / "a.jpg"
    printed("encode", photo, stream, "-b", tiny_bundle, "--level", 5, "--exif")
    printed("decode", stream, picture, "-b", tiny_bundle)
    with Image.open(picture) as image:
        assert image.getexif()[0x010F] == "a camera"
        assert image.getexif()[0x0112] == 1


def test_target_size_is_met_as_closely_as_levels_allow(
    tmp_path: Path, tiny_bundle: Path, photo: Path, printed: Printed
) -> None:
    stream = tmp_path / "a.pico"

    def size(level: int) -> int:
        result: int = printed("encode", photo, stream, "-b", tiny_bundle, "--level", level)[
            "size_bytes"
        ]
        return result

    target = (size(5) + size(6)) // 2
    result = printed("encode", photo, stream, "-b", tiny_bundle, "--target-size", target)
    assert result["level"] == 5
    assert result["target_met"]
    assert stream.stat().st_size == result["size_bytes"] <= target
    bpp = target * 8 / (250 * 370)
    again = printed("encode", photo, stream, "-b", tiny_bundle, "--target-bpp", bpp + 1e-6)
    assert again["level"] == 5


def test_target_out_of_reach_gives_the_lowest_level_and_says_so(
    tmp_path: Path, tiny_bundle: Path, photo: Path, printed: Printed
) -> None:
    stream = tmp_path / "a.pico"
    result = printed("encode", photo, stream, "-b", tiny_bundle, "--target-size", "100")
    assert (result["level"], result["target_met"]) == (0, False)
    assert "out of reach" in result["warnings"][0]
    assert stream.stat().st_size == result["size_bytes"] > 100


def test_zip_of_a_bundle_works_like_the_folder(
    tmp_path: Path, tiny_bundle: Path, photo: Path, printed: Printed
) -> None:
    packed = write_tiny_bundle(tmp_path / "tiny.zip")
    for number, bundle in enumerate((tiny_bundle, packed)):
        printed("encode", photo, tmp_path / f"{number}.pico", "-b", bundle, "--level", 5)
    assert (tmp_path / "0.pico").read_bytes() == (tmp_path / "1.pico").read_bytes()


@pytest.fixture
def stream(tmp_path: Path, tiny_bundle: Path, photo: Path, printed: Printed) -> Path:
    path = tmp_path / "photo.pico"
    printed("encode", photo, path, "-b", tiny_bundle, "--level", 5)
    return path


def test_inspect_accounts_for_every_byte_of_a_stream(stream: Path, printed: Printed) -> None:
    info = printed("inspect", stream)
    assert (info["width"], info["height"], info["tiles"]) == (250, 370, 12)
    assert info["levels"] == {"5": 12}
    assert info["chunks"][0]["type"] == "iccp"
    parts = info["header_bytes"] + info["chunk_bytes"] + info["stream_bytes"]
    assert parts == info["size_bytes"] == stream.stat().st_size


def test_inspect_dumps_every_field(
    stream: Path, tiny_bundle: Path, printed: Printed, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["inspect", str(stream), "--hex"]) == 0
    text = capsys.readouterr().out
    assert "00000000  50 49 43 4f              magic" in text
    for meaning in ("width: 250 pixels", "chunk 0 iccp: ICC profile", "CRC of stream 0"):
        assert meaning in text
    fields = printed("inspect", stream, "--hex")
    assert bytes.fromhex("".join(field["data"] for field in fields)) == stream.read_bytes()
    assert run(["inspect", str(tiny_bundle), "--hex"]) == 2


def test_inspect_shows_a_bundle(tiny_bundle: Path, printed: Printed) -> None:
    manifest = printed("inspect", tiny_bundle)
    assert manifest["codec"] == "tiny"
    assert set(manifest["files"]) == {"entropy.bin", "onnx/analysis.onnx", "onnx/synthesis.onnx"}


def test_bundle_diff_exits_like_diff(tmp_path: Path, tiny_bundle: Path, printed: Printed) -> None:
    assert printed("bundle", "diff", tiny_bundle, tiny_bundle, code=0)["files"] == []
    other = write_tiny_bundle(tmp_path / "other.zip", shift_of_index=1)
    result = printed("bundle", "diff", tiny_bundle, other, code=1)
    assert [f["path"] for f in result["files"]] == ["entropy.bin"]
    assert not result["streams_compatible"]


def test_bundle_verify_passes_a_sound_bundle(tiny_bundle: Path, printed: Printed) -> None:
    assert printed("bundle", "verify", tiny_bundle)["files"] == 3


def test_doctor_says_of_everything_what_it_unlocks(
    printed: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    checks = printed("doctor")["checks"]
    assert all(check["unlocks"] for check in checks)
    by_name = {check["name"]: check for check in checks}
    assert by_name["onnxruntime"]["status"] == "yes"
    assert by_name["adb"]["status"] == "no"
    assert by_name["adb"]["remedy"]
    matrix = {check["name"] for check in checks if check["group"] == "conformance matrix"}
    assert {"clang", "gcc for s390x-linux-gnu", "qemu-s390x-static", "wasmtime", "wine"} <= matrix
    assert "side-by-side" in by_name["chromium"]["unlocks"]
    if sys.platform != "darwin":
        assert by_name["Core ML execution"]["status"] == "no"


@pytest.mark.parametrize("command", ["encode", "decode", "inspect", "doctor"])
def test_text_output_is_for_people(
    command: str, tmp_path: Path, tiny_bundle: Path, photo: Path, stream: Path, capsys: Any
) -> None:
    arguments = {
        "encode": [photo, tmp_path / "b.pico", "-b", tiny_bundle, "--level", 3],
        "decode": [stream, tmp_path / "b.png", "-b", tiny_bundle],
        "inspect": [stream],
        "doctor": [],
    }[command]
    assert run([command, *map(str, arguments)]) == 0
    out = capsys.readouterr().out
    assert out.strip()
    with pytest.raises(json.JSONDecodeError):
        json.loads(out)


def test_progress_goes_to_stderr_in_a_few_lines(
    tmp_path: Path, tiny_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "wide.png"
    Image.fromarray(np.zeros((100, 3000, 3), np.uint8)).save(path)
    arguments = ["encode", str(path), str(tmp_path / "a.pico"), "-b", str(tiny_bundle)]
    assert run([*arguments, "--level", "1"]) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if "tiles" in line]
    assert 1 <= len(lines) <= 11
    assert lines[-1] == "tiles: 25 of 25, encode at level 1"


@pytest.mark.parametrize(
    "text,size",
    [("250000", 250_000), ("250k", 250_000), ("1.2MB", 1_200_000), ("300KiB", 307_200)],
)
def test_sizes_are_read_with_units(text: str, size: int) -> None:
    assert parse_bytes(text) == size
