"""Sizes are those of real files, and nothing is coded twice unless something changed."""

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pico_deploy.conformance.pixels import Pixels
from pico_deploy.errors import InputError, OutputError, VerificationError
from pico_deploy.evaluation.cache import Cache
from pico_deploy.evaluation.corpus import Photo, photos_in
from pico_deploy.evaluation.metrics import METRICS, Metric
from pico_deploy.evaluation.points import code, samples

PSNR = METRICS["psnr"](504)


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


def test_second_run_codes_nothing_and_gives_the_same(folder: Path, tmp_path: Path) -> None:
    coder, cache = CountingCoder(), Cache(tmp_path / "cache.jsonl")
    first = list(samples(photos_in(folder), [coder], [PSNR], read_rgb, cache))
    assert coder.calls == [2, 8, 2, 8]
    assert list(samples(photos_in(folder), [coder], [PSNR], read_rgb, cache)) == first
    assert coder.calls == [2, 8, 2, 8]


def test_interrupted_run_goes_on_where_it_stopped(folder: Path, tmp_path: Path) -> None:
    coder, cache = CountingCoder(), Cache(tmp_path / "cache.jsonl")
    run = samples(photos_in(folder), [coder], [PSNR], read_rgb, cache)
    next(run), next(run), next(run)
    run.close()
    assert len(list(samples(photos_in(folder), [coder], [PSNR], read_rgb, cache))) == 4
    assert coder.calls == [2, 8, 2, 8]


def test_changed_coder_photo_or_damaged_entry_is_coded_again(folder: Path, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache.jsonl")
    list(samples(photos_in(folder), [CountingCoder()], [PSNR], read_rgb, cache))
    updated = CountingCoder(identity="2")
    list(samples(photos_in(folder), [updated], [PSNR], read_rgb, cache))
    assert len(updated.calls) == 4

    Image.fromarray(picture(7)).save(folder / "photo1.png")
    again = CountingCoder()
    list(samples(photos_in(folder), [again], [PSNR], read_rgb, cache))
    assert len(again.calls) == 2

    text = (tmp_path / "cache.jsonl").read_text()
    (tmp_path / "cache.jsonl").write_text(text.replace('"value"', '"valu"'))
    cache = Cache(tmp_path / "cache.jsonl")
    last = CountingCoder()
    list(samples(photos_in(folder), [last], [PSNR], read_rgb, cache))
    assert len(last.calls) == 4


def test_coder_that_returns_another_size_is_caught(folder: Path, tmp_path: Path) -> None:
    broken = CountingCoder(lost_rows=1)
    with pytest.raises(VerificationError, match="instead of"):
        list(
            samples(photos_in(folder), [broken], [PSNR], read_rgb, Cache(tmp_path / "cache.jsonl"))
        )


def test_lossless_sample_survives_the_cache(folder: Path, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache.jsonl")
    for _ in range(2):
        found = list(samples(photos_in(folder), [CountingCoder()], [PSNR], read_rgb, cache))
        assert [s.figures["PSNR"] for s in found if s.setting == 8] == [float("inf")] * 2


def test_a_new_metric_is_computed_without_touching_what_was_timed(
    folder: Path, tmp_path: Path
) -> None:
    coder, cache = CountingCoder(), Cache(tmp_path / "cache.jsonl")
    first = list(samples(photos_in(folder), [coder], [PSNR], read_rgb, cache))
    calls: list[int] = []

    def brightness(reference: Pixels, found: Pixels) -> float | None:
        calls.append(1)
        return float(found.mean()) if len(calls) > 1 else None

    mean = Metric("mean", "mean 1", brightness, None)
    second = list(samples(photos_in(folder), [coder], [PSNR, mean], read_rgb, cache))
    assert [s.coded for s in second] == [s.coded for s in first]
    assert second[0].figures["mean"] is None and second[0].point(mean) is None
    again = Cache(tmp_path / "cache.jsonl")
    assert list(samples(photos_in(folder), [coder], [PSNR, mean], read_rgb, again)) == second
    assert len(calls) == 4, "an undefined figure is remembered too"


def test_two_evaluations_may_add_to_one_cache(tmp_path: Path) -> None:
    one, two = Cache(tmp_path / "c.jsonl"), Cache(tmp_path / "c.jsonl")
    assert one.get({"a": 1}) is None and two.get({"a": 1}) is None
    one.put({"a": 1}, [1.5])
    two.put({"a": 2}, [2.5])
    fresh = Cache(tmp_path / "c.jsonl")
    assert (fresh.get({"a": 1}), fresh.get({"a": 2})) == ([1.5], [2.5])
    lines = (tmp_path / "c.jsonl").read_text().splitlines()
    assert [json.loads(line)["key"] for line in lines] == [{"a": 1}, {"a": 2}]


def test_a_cache_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot write"):
        Cache(tmp_path).put({"a": 1}, 1)


def test_processor_time_of_child_processes_counts() -> None:
    class Outside(CountingCoder):
        def encode(self, pixels: Pixels, setting: int) -> bytes:
            program = "sum(range(3_000_000))"
            subprocess.run([sys.executable, "-c", program], check=True)
            return super().encode(pixels, setting)

    coded, _ = code(Outside(), 8, picture())
    assert coded.encode_cpu_s > coded.decode_cpu_s


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
