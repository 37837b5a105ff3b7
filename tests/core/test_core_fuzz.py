"""The fuzz targets of the core: every input of the corpora, and for some seconds new ones.

PICO_FUZZ_SECONDS says how long each target runs on new inputs (continuous integration: 20).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

CORE = Path(__file__).resolve().parents[2] / "core"
sys.path.insert(0, str(CORE / "fuzz"))

import fuzzers  # noqa: E402 - found through the line above

SECONDS = int(os.environ.get("PICO_FUZZ_SECONDS", "2"))
CLANG = fuzzers.find_clang()
LARGEST_CORPORA_BYTES = 1_000_000

needs_clang = pytest.mark.skipif(CLANG is None, reason="no clang with libFuzzer (clang-19)")


@dataclass(frozen=True)
class PlantedFault:
    """A line of the core changed, and the file to compile for it: the corpus has to notice."""

    target: str
    changed: str
    compiled: str
    sound: str
    faulty: str


FAULTS = [
    PlantedFault(
        *("parse", "src/parse.c", "src/parse.c"),
        *("if (header_size > size) {", "if (0) {"),
    ),
    PlantedFault(
        *("stream", "src/rans_step.h", "src/scalar/rans.c"),
        *("if (reader->word == reader->word_end) return 0;", ""),
    ),
    PlantedFault(
        *("model", "src/model_check.c", "src/model_check.c"),
        *("if (row >= info->z_tables) {", "if (0) {"),
    ),
    PlantedFault(
        *("round_trip", "src/exceptions.c", "src/exceptions.c"),
        *("walk->next = rank + 1;", "walk->next = rank;"),
    ),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@pytest.fixture(scope="module")
def programs(folder: Path) -> dict[str, Path]:
    assert CLANG is not None
    return fuzzers.build(CLANG, folder / "sound")


@needs_clang
@pytest.mark.parametrize("target", fuzzers.TARGETS)
def test_the_corpus_and_new_inputs_break_no_promise(
    target: str, programs: dict[str, Path], folder: Path, tmp_path: Path
) -> None:
    corpus = folder / "corpus" / target
    inputs = fuzzers.unpack(target, corpus)
    assert len(inputs) > 50
    report = fuzzers.fuzz(programs[target], corpus, SECONDS, tmp_path)
    (executed,) = re.findall(r"number_of_executed_units: (\d+)", report)
    assert int(executed) >= len(inputs)


@needs_clang
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.target)
def test_the_corpus_alone_finds_a_planted_fault(
    fault: PlantedFault, programs: dict[str, Path], folder: Path, tmp_path: Path
) -> None:
    """Control: the same program with one check missing does not get through its corpus."""
    assert CLANG is not None
    shutil.copytree(CORE / "src", tmp_path / "src")
    changed = tmp_path / fault.changed
    text = changed.read_text(encoding="utf-8")
    assert text.count(fault.sound) == 1
    changed.write_text(text.replace(fault.sound, fault.faulty), encoding="utf-8")
    flags = [*fuzzers.SANITIZERS, *fuzzers.FUZZER, f"-I{CORE / 'include'}"]
    (faulty,) = fuzzers.compile_objects(
        CLANG, [tmp_path / fault.compiled], tmp_path, flags, tmp_path
    )
    sound = fuzzers.objects_of(fuzzers.library_sources(), folder / "sound")
    objects = [faulty if path.name == faulty.name else path for path in sound]
    assert faulty in objects
    program = fuzzers.link(CLANG, fault.target, tmp_path, objects)
    corpus = folder / "control" / fault.target
    fuzzers.unpack(fault.target, corpus)
    with pytest.raises(subprocess.CalledProcessError) as error:
        fuzzers.fuzz(program, corpus, 0, tmp_path)
    assert "Sanitizer" in error.value.output or "not true" in error.value.output


def test_the_corpora_are_small() -> None:
    archives = list((CORE / "fuzz/corpus").iterdir())
    assert {path.stem for path in archives} == set(fuzzers.TARGETS)
    assert sum(path.stat().st_size for path in archives) < LARGEST_CORPORA_BYTES
