"""The tables say what was measured, including what could not be compared."""

import json
import math
from pathlib import Path

import pytest
from PIL import Image

from pico_deploy.evaluation.integer_cost import ImageBits, SymbolBits, integer_cost
from pico_deploy.evaluation.metrics import METRICS, Metric
from pico_deploy.evaluation.points import Coded, Sample
from pico_deploy.evaluation.report import samples_csv, write
from pico_deploy.evaluation.result import Evaluation, NotRun, as_data
from pico_deploy.evaluation.summary import difference
from pico_deploy.evaluation.tables import markdown

RATES = {"JPEG": (10_000, 20_000, 40_000), "ours": (5_000, 10_000, 20_000)}
PSNRS = (28.0, 31.0, 34.0)
PSNR = METRICS["psnr"](504)
BLUR = Metric("blur", "blur 1", lambda a, b: 0.0, lambda value: -value, "−blur", 1)
TEXT = Metric("text", "text 1", lambda a, b: 0.0, None)
METERS = (PSNR, BLUR, TEXT)


def sample(photo: str, coder: str, setting: int, size: int, psnr: float) -> Sample:
    figures = {"PSNR": psnr, "blur": 40 - psnr, "text": None}
    return Sample(photo, coder, setting, 100, 100, Coded(size, 0.02, 0.01), figures)


def evaluation(photos: tuple[str, ...] = ("a", "b")) -> Evaluation:
    samples = [
        sample(photo, coder, setting, size, psnr)
        for photo in photos
        for coder, sizes in RATES.items()
        for setting, (size, psnr) in enumerate(zip(sizes, PSNRS, strict=True))
    ]
    # on the last photo the two have no PSNR in common
    apart = [sample("apart", "JPEG", i, 100 + i, 20.0 + i) for i in range(2)]
    apart += [sample("apart", "ours", i, 100 + i, 40.0 + i) for i in range(2)]
    apart.append(sample("apart", "ours", 9, 9_999, math.inf))
    everything = (*samples, *apart)
    return Evaluation(
        samples=everything,
        metrics=METERS,
        differences=tuple(
            difference(everything, "ours", "JPEG", metric, cap)
            for metric in (PSNR, BLUR)
            for cap in (None, 0.5)
        ),
        identities={"JPEG": "Pillow", "ours": "bundle 1"},
        not_run=(NotRun("avif", "no AVIF in this Pillow"),),
        integer_cost=integer_cost([ImageBits("a", 40, SymbolBits(1000, 1010, 1020))]),
    )


def test_half_the_bytes_at_every_psnr_is_minus_fifty_percent_on_mean_and_median() -> None:
    found = evaluation().differences[0]
    assert found.mean_percent == pytest.approx(-50)
    assert found.median_percent == pytest.approx(-50)


def test_photo_that_cannot_be_compared_is_named_and_counted_out() -> None:
    text = markdown(evaluation())
    assert "| ours | JPEG | -50.0 % | -50.0 % | -50.0 % | -50.0 % | 2 of 3 |" in text
    assert "ours against JPEG by PSNR, apart: no common range of quality" in text
    assert "nothing was lost: ours 1" in text
    assert "* avif: no AVIF in this Pillow" in text
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
    text = samples_csv(evaluation().samples, METERS)
    assert "a,ours,1,100,100,10000,8.00000,0.02,0.01,31,9," in text


def test_every_metric_has_rate_differences_of_all_and_of_low_rates() -> None:
    text = markdown(evaluation())
    # 8 bits per pixel and more: nothing lies below the cap
    assert "| ours | JPEG | -50.0 % (2) / – | -50.0 % (2) / – |" in text
    assert "| 25.33 | 14.7 | – | 2.00 | 1.00 |" in text
    data = as_data(evaluation())
    assert {(d["metric"], d["up_to_bits_per_pixel"]) for d in data["bd_rate"]} == {
        ("PSNR", None), ("PSNR", 0.5), ("blur", None), ("blur", 0.5)
    }  # fmt: skip
    assert data["not_run"] == [{"name": "avif", "reason": "no AVIF in this Pillow"}]
