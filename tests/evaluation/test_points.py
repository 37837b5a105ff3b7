"""Sizes are those of real files, and nothing is coded twice unless something changed."""

import io
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pico_deploy.conformance.pixels import Pixels, compare_pixels
from pico_deploy.errors import InputError, VerificationError
from pico_deploy.evaluation.coders import PEERS
from pico_deploy.evaluation.corpus import Photo, photos_in
from pico_deploy.evaluation.points import Cache, samples


def picture(seed: int = 0, size: tuple[int, int] = (48, 64)) -> Pixels:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize(size[::-1], Image.Resampling.BICUBIC))


def read_rgb(path: Path) -> Pixels:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


@dataclass
class CountingCoder:
    """Keeps the image in ``setting`` bits a sample and counts how often it is asked."""

    name: str = "counting"
    identity: str = "1"
    settings: tuple[int, ...] = (2, 8)
    calls: list[int] = field(default_factory=list)
    lost_rows: int = 0

    def encode(self, pixels: Pixels, setting: int) -> bytes:
        self.calls.append(setting)
        height, width = pixels.shape[:2]
        shift = 8 - setting
        kept = pixels >> shift << shift
        return bytes([height, width]) + kept.tobytes()

    def decode(self, data: bytes) -> Pixels:
        shape = (data[0], data[1], 3)
        return np.frombuffer(data[2:], np.uint8).reshape(shape)[self.lost_rows :]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i in range(2):
        Image.fromarray(picture(i)).save(tmp_path / f"photo{i}.png")
    return tmp_path


@pytest.mark.parametrize("name", ["jpeg", "webp"])
def test_peer_sizes_are_the_bytes_of_the_file_it_would_write(
    folder: Path, tmp_path: Path, name: str
) -> None:
    peer = PEERS[name]()
    assert peer is not None
    photo = photos_in(folder)[:1]
    found = list(samples(photo, [peer], read_rgb, Cache(tmp_path / "cache")))
    for sample in found:
        data = peer.encode(picture(0), sample.setting)
        with Image.open(io.BytesIO(data)) as image:
            assert image.format == name.upper()
            decoded = np.asarray(image.convert("RGB"))
        assert sample.file_bytes == len(data)
        assert sample.psnr_db == compare_pixels(picture(0), decoded).psnr_db


def test_jpeg_is_420_and_optimised() -> None:
    jpeg = PEERS["jpeg"]()
    assert jpeg is not None
    data = jpeg.encode(picture(), 75)
    with Image.open(io.BytesIO(data)) as image:
        assert isinstance(image, Image.Image)
        assert [layer[1:3] for layer in image.layer] == [(2, 2), (1, 1), (1, 1)]  # type: ignore[attr-defined]
    plain = io.BytesIO()
    Image.fromarray(picture()).save(plain, "JPEG", quality=75, subsampling="4:2:0")
    assert len(data) < len(plain.getvalue())


def test_second_run_codes_nothing_and_gives_the_same(folder: Path, tmp_path: Path) -> None:
    coder, cache = CountingCoder(), Cache(tmp_path / "cache")
    first = list(samples(photos_in(folder), [coder], read_rgb, cache))
    assert coder.calls == [2, 8, 2, 8]
    assert list(samples(photos_in(folder), [coder], read_rgb, cache)) == first
    assert coder.calls == [2, 8, 2, 8]


def test_interrupted_run_goes_on_where_it_stopped(folder: Path, tmp_path: Path) -> None:
    coder, cache = CountingCoder(), Cache(tmp_path / "cache")
    run = samples(photos_in(folder), [coder], read_rgb, cache)
    next(run), next(run), next(run)
    run.close()
    assert len(list(samples(photos_in(folder), [coder], read_rgb, cache))) == 4
    assert coder.calls == [2, 8, 2, 8]


def test_changed_coder_photo_or_damaged_entry_is_coded_again(folder: Path, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    list(samples(photos_in(folder), [CountingCoder()], read_rgb, cache))
    updated = CountingCoder(identity="2")
    list(samples(photos_in(folder), [updated], read_rgb, cache))
    assert len(updated.calls) == 4

    Image.fromarray(picture(7)).save(folder / "photo1.png")
    again = CountingCoder()
    list(samples(photos_in(folder), [again], read_rgb, cache))
    assert len(again.calls) == 2

    for entry in (tmp_path / "cache").iterdir():
        entry.write_text('{"key": 1')
    last = CountingCoder()
    list(samples(photos_in(folder), [last], read_rgb, cache))
    assert len(last.calls) == 4


def test_coder_that_returns_another_size_is_caught(folder: Path, tmp_path: Path) -> None:
    broken = CountingCoder(lost_rows=1)
    with pytest.raises(VerificationError, match="instead of"):
        list(samples(photos_in(folder), [broken], read_rgb, Cache(tmp_path / "cache")))


def test_lossless_sample_survives_the_cache(folder: Path, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    for _ in range(2):
        found = list(samples(photos_in(folder), [CountingCoder()], read_rgb, cache))
        assert [s.psnr_db for s in found if s.setting == 8] == [float("inf")] * 2


def test_folder_without_photos_or_with_two_of_one_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no photo"):
        photos_in(tmp_path)
    with pytest.raises(InputError, match="cannot read"):
        photos_in(tmp_path / "absent")
    for suffix in ("png", "jpg"):
        Image.fromarray(picture()).save(tmp_path / f"a.{suffix}")
    with pytest.raises(InputError, match="several photos named a"):
        photos_in(tmp_path)


def test_photos_come_by_name(folder: Path) -> None:
    assert photos_in(folder) == [
        Photo("photo0", folder / "photo0.png"),
        Photo("photo1", folder / "photo1.png"),
    ]
