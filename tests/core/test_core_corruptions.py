"""Damaged streams and models end in an error, or lose only the streams that are refused: a slice
of `make corruptions`, under the sanitizers, and the faults that the run must see.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CORE = Path(__file__).resolve().parents[2] / "core"
sys.path.insert(0, str(CORE / "fuzz"))

import corruptions  # noqa: E402 - found through the line above

CASES = 20_000
COMPILER = corruptions.find_compiler()

needs_compiler = pytest.mark.skipif(COMPILER is None, reason="no C compiler on this machine")


@needs_compiler
def test_every_corruption_is_an_error_or_stays_in_the_streams_that_are_refused(
    tmp_path: Path,
) -> None:
    assert COMPILER is not None
    program = corruptions.build(COMPILER, tmp_path, sanitize=True)
    report = corruptions.run(program, CASES, corruptions.subjects())
    assert re.match(rf"{CASES} corruptions of \d\d streams and their models: no crash", report)
    counts = dict(line.rsplit(maxsplit=1) for line in report.splitlines()[1:-1])
    reached = {name.strip(): int(count) for name, count in counts.items()}
    for name in (
        *("untouched streams, all right", "touched streams, all refused"),
        *("forged streams refused", "forged streams accepted"),
        *("models refused", "models still sound", "status model-tables", "status over-limit"),
    ):
        assert reached[name] > 10, report


def test_a_case_depends_on_its_number_alone(plain_program: Path) -> None:
    files = corruptions.subjects()
    whole = corruptions.run(plain_program, 40, files)
    parts = [corruptions.run(plain_program, 20, files, first=first) for first in (0, 20)]

    def refused(report: str) -> int:
        (line,) = [line for line in report.splitlines() if "files refused whole" in line]
        return int(line.split()[-1])

    assert refused(whole) == sum(refused(part) for part in parts)


@pytest.fixture(scope="module")
def plain_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if COMPILER is None:
        pytest.skip("no C compiler on this machine")
    return corruptions.build(COMPILER, tmp_path_factory.mktemp("plain"), sanitize=False)


AGAIN = "for (int again = 0; again < 1000; again++)"
FAULTS = {
    "a stream's checksum is not looked at": (
        *("src/stream_decode.c", "if (stored != computed)", "if (0)"),
        "PICO_E_STREAM_DAMAGED",
    ),
    "the network is run a thousand times": (
        *("src/stream_decode.c", "    network_run(", f"    {AGAIN} network_run("),
        "steps <= budget",
    ),
    "beside another, a stream that does not end where it should passes": (
        *("src/stream_decode.c", "if (jobs[i].status == PICO_OK) jobs[i].status = check_end("),
        *("if (0) jobs[i].status = check_end(", "jobs[place].status == alone"),
    ),
}


@needs_compiler
@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_seen(name: str, plain_program: Path, tmp_path: Path) -> None:
    """Control: the same run over a core with one line changed stops and names the case."""
    assert COMPILER is not None
    source, sound, faulty, complaint = FAULTS[name]
    shutil.copytree(CORE / "src", tmp_path / "src")
    changed = tmp_path / source
    text = changed.read_text(encoding="utf-8")
    assert text.count(sound) == 1
    changed.write_text(text.replace(sound, faulty), encoding="utf-8")
    program = corruptions.rebuild(COMPILER, plain_program.parent, changed, tmp_path)
    with pytest.raises(subprocess.CalledProcessError) as error:
        corruptions.run(program, 5_000, corruptions.subjects())
    assert complaint in error.value.stderr and "broken by: corrupt 1" in error.value.stderr
