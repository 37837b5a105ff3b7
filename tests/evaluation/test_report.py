"""The tables say what was measured, including what could not be compared."""

import json
import math
from pathlib import Path

import pytest
from PIL import Image

from pico_deploy.evaluation.integer_cost import ImageBits, SymbolBits, integer_cost
from pico_deploy.evaluation.points import Sample
from pico_deploy.evaluation.report import Evaluation, as_data, markdown, samples_csv, write
from pico_deploy.evaluation.summary import difference

RATES = {"JPEG": (10_000, 20_000, 40_000), "ours": (5_000, 10_000, 20_000)}
PSNRS = (28.0, 31.0, 34.0)


def evaluation(photos: tuple[str, ...] = ("a", "b")) -> Evaluation:
    samples = [
        Sample(photo, coder, setting, 100, 100, size, psnr)
        for photo in photos
        for coder, sizes in RATES.items()
        for setting, (size, psnr) in enumerate(zip(sizes, PSNRS, strict=True))
    ]
    # on the last photo the two have no PSNR in common
    apart = [Sample("apart", "JPEG", i, 100, 100, 100 + i, 20.0 + i) for i in range(2)]
    apart += [Sample("apart", "ours", i, 100, 100, 100 + i, 40.0 + i) for i in range(2)]
    apart.append(Sample("apart", "ours", 9, 100, 100, 9_999, math.inf))
    everything = (*samples, *apart)
    return Evaluation(
        samples=everything,
        differences=(difference(everything, "ours", "JPEG"),),
        identities={"JPEG": "Pillow", "ours": "bundle 1"},
        unavailable=("avif",),
        integer_cost=integer_cost([ImageBits("a", 40, SymbolBits(1000, 1010, 1020))]),
    )


def test_half_the_bytes_at_every_psnr_is_minus_fifty_percent_on_mean_and_median() -> None:
    (found,) = evaluation().differences
    assert found.mean_percent == pytest.approx(-50)
    assert found.median_percent == pytest.approx(-50)


def test_photo_that_cannot_be_compared_is_named_and_counted_out() -> None:
    text = markdown(evaluation())
    assert "| ours | JPEG | -50.0 % | -50.0 % | -50.0 % | -50.0 % | 2 of 3 |" in text
    assert "ours against JPEG, apart: no common range of PSNR" in text
    assert "nothing was lost: ours 1" in text
    assert "avif: not available" in text
    assert "+2.00 % of the bits" in text


def test_no_photo_in_common_gives_dashes_and_no_number() -> None:
    only_apart = evaluation(photos=())
    assert only_apart.differences[0].mean_percent is None
    assert "| ours | JPEG | – | – | – | – | 0 of 1 |" in markdown(only_apart)


def test_files_are_complete_reproducible_and_plain_json(tmp_path: Path) -> None:
    paths = write(evaluation(), tmp_path)
    first = [path.read_bytes() for path in paths]
    assert [path.name for path in paths] == [
        "samples.csv", "evaluation.json", "evaluation.md", "evaluation.png"
    ]  # fmt: skip
    data = json.loads(first[1], parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert data == json.loads(json.dumps(as_data(evaluation())))
    assert len(first[0].decode().splitlines()) == 1 + len(evaluation().samples)
    with Image.open(paths[3]) as image:
        assert image.format == "PNG"
    assert [path.read_bytes() for path in write(evaluation(), tmp_path)] == first


def test_csv_has_the_real_sizes() -> None:
    assert "a,ours,1,100,100,10000,8.00000,31.0000" in samples_csv(evaluation().samples)
