"""Limits live in one file, and a file that is not whole is refused."""

from pathlib import Path

import pytest

from pico_deploy.conformance.summary import tolerance_table
from pico_deploy.conformance.thresholds import FILE, read_thresholds, thresholds
from pico_deploy.errors import UsageError


def test_every_precision_has_a_tolerance_class_and_less_precision_never_a_stricter_one() -> None:
    pixels = thresholds().pixels
    assert list(pixels) == ["fp32", "fp16", "bf16", "int8", "int8-high-rate"]
    order = list(pixels.values())
    assert order == sorted(order, key=lambda t: (t.peak, t.rms, -t.psnr_db))


def test_hash_of_the_file_is_recorded_and_changes_with_a_limit(tmp_path: Path) -> None:
    copy = tmp_path / "t.toml"
    copy.write_bytes(FILE.read_bytes())
    assert read_thresholds(copy).sha256 == thresholds().sha256
    copy.write_text(FILE.read_text().replace("peak = 2\n", "peak = 3\n"))
    assert read_thresholds(copy).sha256 != thresholds().sha256
    assert read_thresholds(copy).pixels["fp32"].peak == 3


def test_only_int8_is_judged_by_rate() -> None:
    limits = thresholds()
    border = limits.parity.judged_up_to_bits_per_pixel
    assert limits.tolerance_class("int8", border) == "int8"
    assert limits.tolerance_class("int8", border + 0.01) == "int8-high-rate"
    assert limits.tolerance_class("fp16", 8.0) == "fp16"


@pytest.mark.parametrize(
    ("old", "new"), [("peak = 2", "peak = -1"), ("[pixels.fp32]", "[pixels.fp64]"), ("rms", "rsm")]
)
def test_wrong_limits_are_refused(tmp_path: Path, old: str, new: str) -> None:
    (tmp_path / "t.toml").write_text(FILE.read_text().replace(old, new, 1))
    with pytest.raises(UsageError, match="pixels"):
        read_thresholds(tmp_path / "t.toml")


def test_documented_tolerances_are_those_that_are_applied() -> None:
    text = (Path(__file__).parents[2] / "docs" / "conformance.md").read_text(encoding="utf-8")
    assert f"<!-- tolerances -->\n\n{tolerance_table(thresholds())}\n" in text
