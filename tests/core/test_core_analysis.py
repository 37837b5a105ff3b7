"""Static analysis of the core, and arithmetic that wraps nowhere but where it is meant to."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

CORE = Path(__file__).resolve().parents[2] / "core"
SOURCES = sorted(CORE.glob("src/**/*.c"))
PORTABLE = [*sorted(CORE.glob("src/*.c")), *sorted(CORE.glob("src/scalar/*.c"))]
"""What clang-tidy reads here; vectors take it several times longer: `make tidy` reads them, too."""
INCLUDE = [f"-I{CORE / 'include'}", f"-I{CORE / 'src'}"]
GCC = shutil.which("gcc")
CLANG = shutil.which("clang-19")
CLANG_TIDY = shutil.which("clang-tidy-19")
WRAPS = CORE / "tests/wraps.txt"

needs_gcc = pytest.mark.skipif(GCC is None, reason="no gcc on this machine")
needs_clang = pytest.mark.skipif(CLANG is None, reason="no clang-19 on this machine")
needs_clang_tidy = pytest.mark.skipif(CLANG_TIDY is None, reason="no clang-tidy-19 here")

LEAKS_AND_OVERRUNS = """
#include <stdint.h>
uint32_t last_of(const uint32_t *p);
uint32_t last_of(const uint32_t *p) {
    uint32_t two[2];
    two[0] = p == 0 ? p[1] : 0;
    return two[1];
}
"""


def run(command: Sequence[object]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], capture_output=True, text=True)


def gcc_analyzer(source: Path) -> str:
    """What gcc's analyser says; empty when it says nothing."""
    flags = ["-std=c11", "-O1", "-ffreestanding", "-fanalyzer", "-Wall", "-Wextra"]
    return run([GCC, *flags, *INCLUDE, "-c", "-o", "/dev/null", source]).stderr


def clang_tidy(source: Path, config: Path = CORE / ".clang-tidy") -> str:
    """What clang-tidy finds; empty when it finds nothing."""
    command = [CLANG_TIDY, "--quiet", f"--config-file={config}", source, "--", "-std=c11", *INCLUDE]
    finished = run(command)
    return finished.stdout if finished.returncode != 0 else ""


def all_findings(analyse, sources: Sequence[Path]) -> str:
    with ThreadPoolExecutor(2) as pool:
        return "".join(pool.map(analyse, sources))


@needs_gcc
def test_gcc_s_analyser_finds_nothing() -> None:
    assert all_findings(gcc_analyzer, SOURCES) == ""


@needs_clang_tidy
def test_clang_tidy_finds_nothing() -> None:
    assert all_findings(clang_tidy, PORTABLE) == ""


@needs_gcc
@needs_clang_tidy
def test_both_analysers_find_a_planted_fault(tmp_path: Path) -> None:
    """Control: an element that was never set, and a null pointer that is followed."""
    source = tmp_path / "fault.c"
    source.write_text(LEAKS_AND_OVERRUNS)
    assert "-Wanalyzer" in gcc_analyzer(source)
    assert "clang-analyzer" in clang_tidy(source)


def build_with_integer_checks(folder: Path, wraps: Path, sources: Sequence[Path]) -> list[Path]:
    flags = ["-std=c11", "-O1", "-gline-tables-only", "-fsanitize=undefined,integer"]
    flags += ["-fno-sanitize-recover=all", f"-fsanitize-ignorelist={wraps}"]

    def compile_one(source: Path) -> Path:
        target = folder / ("_".join(source.relative_to(CORE).parts) + ".o")
        finished = run([CLANG, *flags, *INCLUDE, "-c", "-o", target, source])
        assert finished.returncode == 0, finished.stderr
        return target

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(compile_one, sources))


def run_tests(folder: Path, objects: Sequence[Path]) -> subprocess.CompletedProcess[str]:
    program = folder / "tests"
    linked = run([CLANG, "-fsanitize=undefined,integer", "-o", program, *objects])
    assert linked.returncode == 0, linked.stderr
    return run([program])


@needs_clang
def test_no_integer_wraps_where_it_is_not_meant_to(tmp_path: Path) -> None:
    tests = [*SOURCES, *sorted(CORE.glob("tests/*.c"))]
    objects = build_with_integer_checks(tmp_path, WRAPS, tests)
    finished = run_tests(tmp_path, objects)
    assert finished.returncode == 0 and "promises kept" in finished.stdout, finished.stderr

    # Control: without its line in the list, the wrapping of SHA-256 is noticed.
    shorter = tmp_path / "wraps.txt"
    lines = WRAPS.read_text(encoding="utf-8").splitlines()
    shorter.write_text("\n".join(line for line in lines if "sha256" not in line) + "\n")
    (noticed,) = build_with_integer_checks(tmp_path, shorter, [CORE / "src/sha256.c"])
    assert noticed in objects
    finished = run_tests(tmp_path, objects)
    assert finished.returncode != 0 and "sha256.c" in finished.stderr
