"""The tests in C, under the sanitizers, and that the library stands alone."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

CORE = Path(__file__).resolve().parents[2] / "core"
SOURCES = sorted(CORE.glob("src/**/*.c"))
WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Wsign-conversion", "-Wshadow", "-Werror"]
COMPILER = (
    os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang") or shutil.which("cc")
)

needs_compiler = pytest.mark.skipif(COMPILER is None, reason="no C compiler on this machine")


def run(*command: object) -> str:
    finished = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


@pytest.fixture(scope="module")
def tests_in_c(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("c") / "pico_tests"
    run(
        *(COMPILER, "-std=c11", "-O1", "-g", "-Wall", "-Wextra", "-Werror"),
        *("-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
        *("-I", CORE / "include", "-I", CORE / "src", "-o", program),
        *(*SOURCES, *sorted(CORE.glob("tests/*.c"))),
    )
    return program


@needs_compiler
def test_promises_in_c_are_kept_under_address_and_undefined_behaviour_sanitizers(
    tests_in_c: Path,
) -> None:
    assert "promises kept" in run(tests_in_c)


@needs_compiler
def test_sanitizers_see_a_planted_fault(tmp_path: Path) -> None:
    """Control: a read one byte past a buffer of the tests' kind stops the program."""
    source = tmp_path / "fault.c"
    source.write_text(
        '#include "test.h"\n'
        "int main(void) { uint8_t *p = exactly(9); return (int)pico_crc32c(0, p, 10) & 0; }\n"
    )
    program = tmp_path / "fault"
    run(
        *(COMPILER, "-std=c11", "-g", "-fsanitize=address,undefined", "-o", program, source),
        *("-I", CORE / "include", "-I", CORE / "src", "-I", CORE / "tests"),
        *(CORE / "tests/fixture.c", *SOURCES),
    )
    finished = subprocess.run([program], capture_output=True, text=True)
    assert finished.returncode != 0 and "heap-buffer-overflow" in finished.stderr


@needs_compiler
@pytest.mark.parametrize("optimisation", ["-O0", "-O3"])
def test_library_needs_nothing_from_outside_and_has_no_mutable_globals(
    tmp_path: Path, optimisation: str
) -> None:
    """Freestanding: no malloc, no libm, no memcpy; clean of warnings; no state but the caller's."""
    if shutil.which("nm") is None:
        pytest.skip("no nm on this machine")
    flags = ["-std=c11", "-ffreestanding", "-fno-stack-protector", "-fno-pic", *WARNINGS]
    flags.append(optimisation)
    if "clang" not in Path(str(COMPILER)).name:
        flags.append("-fno-tree-loop-distribute-patterns")
    whole = tmp_path / "all.o"
    run(COMPILER, *flags, "-I", CORE / "include", "-nostdlib", "-r", "-o", whole, *SOURCES)
    symbols = [line.split()[-2:] for line in run("nm", whole).splitlines()]
    undefined = {name for kind, name in symbols if kind == "U"}
    assert undefined <= {"_GLOBAL_OFFSET_TABLE_"}
    assert not [name for kind, name in symbols if kind in "bBdDcC" and ".rel" not in name]


def test_library_has_no_float_type_in_its_sources() -> None:
    for source in [*SOURCES, *CORE.glob("src/**/*.h"), *CORE.glob("include/*.h")]:
        code = re.sub(r"/\*.*?\*/", "", source.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert not re.search(r"\b(float|double)\b", code), source.name
