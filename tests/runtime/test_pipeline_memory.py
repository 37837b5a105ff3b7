"""Coding needs memory for a few tiles and one row of them, whatever the size of the picture."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pico_deploy.measure import memory

PROBE = Path(__file__).with_name("memory_probe.py")
LIMIT = 40_000_000
"""Bytes beyond the loaded model, its activations and the buffer that holds one row of tiles of
pixels, which is as wide as the picture."""
PAYLOAD = 504


def peaks(folder: Path, width: int, height: int, *options: str) -> dict[str, int]:
    command = [sys.executable, str(PROBE), str(width), str(height), str(folder), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, int] = json.loads(done.stdout)
    return found


@pytest.fixture(autouse=True)
def _peak_can_be_reset() -> None:
    if not memory.reset_peak():
        pytest.skip("this system cannot reset a process's peak of memory")


@pytest.mark.slow
@pytest.mark.parametrize(
    "size", [(4032, 3024), (11584, 8688)], ids=["12-megapixel", "100-megapixel"]
)
def test_a_picture_of_any_size_is_coded_within_40_megabytes(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    found = peaks(tmp_path, *size)
    row_of_tiles = 3 * size[0] * PAYLOAD
    assert found["encode"] - row_of_tiles <= LIMIT
    assert found["decode"] - row_of_tiles <= LIMIT


def test_control_a_source_that_keeps_its_rows_is_seen(tmp_path: Path) -> None:
    found = peaks(tmp_path, 4032, 3024, "hoard")
    assert found["encode"] - 3 * 4032 * PAYLOAD > LIMIT
